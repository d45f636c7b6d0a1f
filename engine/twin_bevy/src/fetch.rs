//! Files and answers that arrive some updates after they were asked for.

use crate::{Notices, Now, Server, TwinSystems, ViewClock};
use bevy::app::{App, Update};
use bevy::ecs::prelude::*;
use std::collections::BTreeMap;
use sync_client::{CommandReply, CommandTicket, Fetcher, send_command, server_url};
pub use sync_client::{Source, Ticket};
use twin_model::{RunId, TwinCommand, ViewTime};

/// Asks for files and keeps what has arrived until somebody takes it.
#[derive(Resource, Debug)]
pub struct Fetches {
    fetcher: Fetcher,
    arrived: BTreeMap<Ticket, Result<Vec<u8>, String>>,
}

impl Fetches {
    /// For one pack or server.
    #[must_use]
    pub fn new(source: &Source) -> Self {
        Self { fetcher: Fetcher::new(source.clone()), arrived: BTreeMap::new() }
    }

    /// Asks for a file of the pack.
    pub fn fetch(&self, path: &str) -> Ticket {
        self.fetcher.fetch(path)
    }

    /// Asks for an address, or a path of the server that begins with `/`.
    pub fn fetch_url(&self, url: &str) -> Ticket {
        self.fetcher.fetch_url(url)
    }

    /// What arrived for a ticket, once; `None` while it is on its way. Errors are one line naming the file.
    pub fn take(&mut self, ticket: Ticket) -> Option<Result<Vec<u8>, String>> {
        self.arrived.remove(&ticket)
    }

    /// Gives up a fetch.
    pub fn cancel(&mut self, ticket: Ticket) {
        self.fetcher.cancel(ticket);
        self.arrived.remove(&ticket);
    }

    /// Fetches that have not arrived.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.fetcher.pending()
    }
}

pub(crate) fn collect(mut fetches: ResMut<Fetches>) {
    let fetches = &mut *fetches;
    let new = fetches.fetcher.poll().into_iter().map(|(ticket, result)| (ticket, result.map_err(|e| e.to_string())));
    fetches.arrived.extend(new);
}

/// Commands that the server has not answered yet.
#[derive(Resource, Debug, Default)]
pub(crate) struct CommandOutbox {
    waiting: Vec<(CommandTicket, String)>,
    /// A run that was asked for here: shown as soon as it has a first frame.
    pub(crate) show_run: Option<RunId>,
}

impl CommandOutbox {
    pub(crate) fn send(&mut self, server: &str, command: &TwinCommand) {
        let done = match command {
            TwinCommand::AcknowledgeAlarm(_) => "已确认告警",
            TwinCommand::OperateAlarm { .. } => "告警已处理",
            TwinCommand::CreateCase(_) => "事件已上报",
            TwinCommand::MoveCase { .. } => "事件已更新",
            TwinCommand::StartRun(_) => "演算已开始",
            TwinCommand::CancelRun(_) => "演算已停止",
            TwinCommand::EditRun { .. } => "处置已加入演算",
        };
        self.waiting.push((send_command(server, command), done.to_owned()));
    }
}

fn answers(mut outbox: ResMut<CommandOutbox>, mut notices: ResMut<Notices>, now: Res<Now>) {
    let mut started = None;
    outbox.waiting.retain(|(ticket, done)| match ticket.poll() {
        None => true,
        Some(Ok(reply)) => {
            if let CommandReply::Run(run) = reply
                && matches!(run.status, twin_model::RunStatus::Queued | twin_model::RunStatus::Running { .. })
            {
                started = Some(run.id);
            }
            notices.push(done.clone(), false, now.viewer);
            false
        }
        Some(Err(error)) => {
            notices.push(error.to_string(), true, now.viewer);
            false
        }
    });
    if started.is_some() {
        outbox.show_run = started;
    }
}

fn show_started_run(mut outbox: ResMut<CommandOutbox>, live: Res<crate::Live>, mut clock: ResMut<ViewClock>) {
    let Some(id) = outbox.show_run else { return };
    let frames = live.0.run(id).map(|run| match run.status {
        twin_model::RunStatus::Running { frames, .. } | twin_model::RunStatus::Done { frames } => Some(frames),
        twin_model::RunStatus::Queued => Some(0),
        twin_model::RunStatus::Failed { .. } | twin_model::RunStatus::Cancelled => None,
    });
    match frames {
        Some(Some(0)) | None => {}
        Some(None) => outbox.show_run = None,
        Some(Some(_)) => {
            clock.time = ViewTime::Run { run: id, t_s: 0.0 };
            clock.playing = true;
            outbox.show_run = None;
        }
    }
}

pub(crate) fn register(app: &mut App, source: &Source) {
    let server = match source {
        Source::Server(url) => Some(server_url(url)),
        #[cfg(not(target_arch = "wasm32"))]
        Source::PackDir(_) => None,
    };
    app.insert_resource(Fetches::new(source))
        .insert_resource(Server(server))
        .init_resource::<CommandOutbox>()
        .add_systems(Update, (collect, answers).in_set(TwinSystems::Ingest))
        .add_systems(Update, show_started_run.in_set(TwinSystems::Simulate));
}
