//! Commands to the server.

use crate::credentials::{AccessRefused, Credentials};
use crate::url::server_url;
use serde::de::DeserializeOwned;
use std::sync::{Arc, Mutex, PoisonError};
use twin_model::{Alarm, Case, Run, TwinCommand};

/// What the server answered to an accepted command; the same change also arrives by the live link.
#[derive(Debug, Clone, PartialEq)]
pub enum CommandReply {
    /// The acknowledged alarm.
    Alarm(Box<Alarm>),
    /// The created or moved case.
    Case(Box<Case>),
    /// The started or cancelled run.
    Run(Box<Run>),
}

/// A command that was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The server refused it, in one line for people.
    #[error("{0}")]
    Refused(String),
    /// The server has accounts and did not let this viewer.
    #[error(transparent)]
    Access(#[from] AccessRefused),
    /// The server did not answer; whether the command was carried out is unknown.
    #[error("{server}: {reason}")]
    Network {
        /// Server.
        server: String,
        /// What happened.
        reason: String,
    },
    /// The answer could not be read.
    #[error("unreadable answer: {0}")]
    Answer(String),
}

type Answer = Result<CommandReply, CommandError>;

/// Receipt for a command.
#[derive(Debug, Clone)]
pub struct CommandTicket {
    answer: Arc<Mutex<Option<Answer>>>,
}

impl CommandTicket {
    /// The answer, once; `None` while there is none yet.
    #[must_use]
    pub fn poll(&self) -> Option<Result<CommandReply, CommandError>> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Sends a command to a server (`http://host:port`) without blocking, with the token of the environment if there is one
/// ([`Credentials::from_env`]).
#[must_use]
pub fn send_command(server: &str, command: &TwinCommand) -> CommandTicket {
    send_command_as(server, command, &Credentials::from_env())
}

/// As [`send_command`], with these credentials.
#[must_use]
pub fn send_command_as(server: &str, command: &TwinCommand, credentials: &Credentials) -> CommandTicket {
    let ticket = CommandTicket { answer: Arc::default() };
    let server = server_url(server);
    let slot = ticket.answer.clone();
    let put = move |answer: Answer| *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    let (request, kind) = match request(&server, command) {
        Ok(pair) => pair,
        Err(e) => {
            put(Err(CommandError::Refused(e.to_string())));
            return ticket;
        }
    };
    ehttp::fetch(credentials.sign(request), move |answer| {
        put(match answer {
            Err(reason) => Err(CommandError::Network { server, reason }),
            Ok(response) if response.ok => kind.read(&response.bytes),
            Ok(response) => Err(match AccessRefused::of_status(response.status) {
                Some(refused) => CommandError::Access(refused),
                None => CommandError::Refused(refusal(&response)),
            }),
        });
    });
    ticket
}

#[derive(Clone, Copy)]
enum ReplyKind {
    Alarm,
    Case,
    Run,
}

impl ReplyKind {
    fn read(self, bytes: &[u8]) -> Answer {
        fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<Box<T>, CommandError> {
            serde_json::from_slice(bytes).map(Box::new).map_err(|e| CommandError::Answer(e.to_string()))
        }
        Ok(match self {
            ReplyKind::Alarm => CommandReply::Alarm(parse(bytes)?),
            ReplyKind::Case => CommandReply::Case(parse(bytes)?),
            ReplyKind::Run => CommandReply::Run(parse(bytes)?),
        })
    }
}

fn request(server: &str, command: &TwinCommand) -> serde_json::Result<(ehttp::Request, ReplyKind)> {
    let post = |path: String, body: Vec<u8>| {
        let headers = ehttp::Headers::new(&[("Accept", "application/json"), ("Content-Type", "application/json")]);
        ehttp::Request::new(ehttp::Method::POST, format!("{server}/api/{path}"), headers).with_body(body)
    };
    Ok(match command {
        TwinCommand::AcknowledgeAlarm(id) => (post(format!("alarms/{id}/ack"), b"{}".to_vec()), ReplyKind::Alarm),
        TwinCommand::OperateAlarm { alarm, operation } => {
            (post(format!("alarms/{alarm}/operate"), serde_json::to_vec(operation)?), ReplyKind::Alarm)
        }
        TwinCommand::CreateCase(new) => (post("cases".to_owned(), serde_json::to_vec(new)?), ReplyKind::Case),
        TwinCommand::MoveCase { case, action, note } => {
            let body = serde_json::to_vec(&serde_json::json!({ "action": action, "note": note }))?;
            (post(format!("cases/{case}/move"), body), ReplyKind::Case)
        }
        TwinCommand::StartRun(scenario) => (post("runs".to_owned(), serde_json::to_vec(scenario)?), ReplyKind::Run),
        TwinCommand::EditRun { run, interventions } => {
            let body = serde_json::to_vec(&serde_json::json!({ "interventions": interventions }))?;
            (post(format!("runs/{run}/edits"), body), ReplyKind::Run)
        }
        TwinCommand::CancelRun(id) => (ehttp::Request::delete(&format!("{server}/api/runs/{id}")), ReplyKind::Run),
    })
}

/// The server's `{"error": "…"}`, or the status when it sent something else.
pub(crate) fn refusal(response: &ehttp::Response) -> String {
    let body: Option<serde_json::Value> = serde_json::from_slice(&response.bytes).ok();
    let line = body.as_ref().and_then(|b| b.get("error")).and_then(|e| e.as_str());
    line.map_or_else(|| format!("HTTP {} {}", response.status, response.status_text), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use twin_model::{CaseAction, CaseId, RunId};

    #[test]
    fn commands_become_requests() {
        let command = TwinCommand::MoveCase { case: CaseId(4), action: CaseAction::SendBack, note: "再查".into() };
        let (request, _) = request("http://h:1", &command).unwrap();
        assert_eq!(request.url, "http://h:1/api/cases/4/move");
        assert_eq!(request.headers.get("content-type"), Some("application/json"));
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body, serde_json::json!({"action": "send_back", "note": "再查"}));
        let (request, _) = super::request("http://h:1", &TwinCommand::CancelRun(RunId(2))).unwrap();
        assert_eq!((request.method, request.url.as_str()), (ehttp::Method::DELETE, "http://h:1/api/runs/2"));
    }
}
