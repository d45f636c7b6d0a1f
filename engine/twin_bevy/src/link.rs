//! The live link: polls the socket and keeps the viewer's copy of the state.

use crate::{Live, LiveStamp, Notices, Now, Properties, Source, TwinSystems};
use bevy::app::{App, Update};
use bevy::ecs::prelude::*;
use sync_client::{LinkEvent, LiveLink};
use sync_core::{Changes, ServerMessage};
use twin_model::TimeMs;

/// State of the connection.
#[derive(Resource, Debug, Default, Clone, PartialEq, Eq)]
pub enum LinkStatus {
    /// There is no server.
    #[default]
    NoServer,
    /// Not connected yet.
    Connecting,
    /// Welcomed and following.
    Live,
    /// Was lost; the link tries again by itself.
    Lost(String),
}

/// A socket belongs to the main thread in a browser, so this is a non-send value everywhere.
struct Link(LiveLink);

fn poll(
    mut link: NonSendMut<Link>,
    mut live: ResMut<Live>,
    mut stamp: ResMut<LiveStamp>,
    mut status: ResMut<LinkStatus>,
    mut properties: ResMut<Properties>,
    mut notices: ResMut<Notices>,
    mut now: ResMut<Now>,
) {
    for event in link.0.poll(now.viewer) {
        match event {
            LinkEvent::Connected => {}
            LinkEvent::Welcome { properties: table, server_now, .. } => {
                *status = LinkStatus::Live;
                properties.0 = *table;
                set_server_time(&mut now, server_now);
            }
            LinkEvent::Lost(reason) => *status = LinkStatus::Lost(reason),
            LinkEvent::Snapshot(message) | LinkEvent::Delta(message) => {
                if let ServerMessage::Delta { now: server_now, .. } = &*message {
                    set_server_time(&mut now, *server_now);
                }
                match live.0.apply_message(&message) {
                    Ok(changes) => count(&mut stamp, &changes),
                    Err(error) => {
                        notices.push(error.to_string(), true, now.viewer);
                        link.0.resync();
                        break;
                    }
                }
            }
        }
    }
}

fn set_server_time(now: &mut Now, server_now: TimeMs) {
    now.server_offset_ms = server_now.0.saturating_sub(now.viewer.0);
}

fn count(stamp: &mut LiveStamp, changes: &Changes) {
    if changes.everything || !changes.state.is_empty() {
        stamp.state += 1;
    }
    if changes.everything || !(changes.alarms.is_empty() && changes.cases.is_empty() && changes.runs.is_empty()) {
        stamp.lists += 1;
    }
}

pub(crate) fn register(app: &mut App, source: &Source) {
    match source {
        Source::Server(url) => {
            app.insert_resource(LinkStatus::Connecting);
            app.world_mut().insert_non_send(Link(LiveLink::connect(url)));
            app.add_systems(Update, poll.in_set(TwinSystems::Ingest).after(crate::fetch::collect));
        }
        #[cfg(not(target_arch = "wasm32"))]
        Source::PackDir(_) => {
            app.init_resource::<LinkStatus>();
        }
    }
}
