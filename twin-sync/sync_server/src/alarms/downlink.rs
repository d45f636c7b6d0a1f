//! Commands on their way to devices: `…/down/cmd` out, `…/up/cmd_ack` back (下行指令).
//!
//! A command is published again with the same id until the device acknowledges it or it expires; devices act on each id
//! once and not after `expires_at`. So an order has at most one effect, also when messages or the server are lost.

use crate::twin::{Twin, now, stopped};
use crate::writer::{Change, RuleChange};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use twin_model::{DeviceCommand, DeviceCommandId, DeviceCommandState, EntityId};

/// An unacknowledged command is published again after this time.
const AGAIN: Duration = Duration::from_secs(5);
/// Commands that may wait for a slow device's connection; more are published again later.
const WAITING: usize = 64;
const ACK_LEAF: &str = "/up/cmd_ack";
/// Longest acknowledgement, bytes.
const MAX_ACK: usize = 4096;

/// A message for a device.
pub(crate) type Outgoing = (String, Bytes);

/// Which connection listens for which device's commands.
#[derive(Default)]
pub(crate) struct Downlink {
    /// Topic prefix of each device with bindings.
    prefix_of: BTreeMap<EntityId, String>,
    devices_of: BTreeMap<String, Vec<EntityId>>,
    listening: Mutex<BTreeMap<String, mpsc::Sender<Outgoing>>>,
}

/// What a device answers.
#[derive(Debug, Deserialize)]
struct Ack {
    id: u64,
    ok: bool,
    #[serde(default)]
    note: String,
}

impl Downlink {
    /// From the pack's bindings: `P/up/…` gives `P/down/cmd` and `P/up/cmd_ack`.
    pub(crate) fn new<'a>(bindings: impl Iterator<Item = (&'a str, EntityId)>) -> Self {
        let mut downlink = Self::default();
        for (topic, entity) in bindings {
            let Some((prefix, _)) = topic.rsplit_once("/up/") else { continue };
            downlink.prefix_of.insert(entity, prefix.to_owned());
            let devices = downlink.devices_of.entry(prefix.to_owned()).or_default();
            if !devices.contains(&entity) {
                devices.push(entity);
            }
        }
        downlink
    }

    /// True for the literal command topic of a bound device; nothing else can be subscribed.
    pub(crate) fn allows(&self, filter: &str) -> bool {
        filter.strip_suffix("/down/cmd").is_some_and(|prefix| self.devices_of.contains_key(prefix))
    }

    /// A channel on which a connection gets what it subscribes to.
    pub(crate) fn channel() -> (mpsc::Sender<Outgoing>, mpsc::Receiver<Outgoing>) {
        mpsc::channel(WAITING)
    }

    /// The youngest subscription of a topic gets its commands.
    pub(crate) fn listen(&self, topic: String, to: mpsc::Sender<Outgoing>) {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner).insert(topic, to);
    }

    /// True for the topic on which a bound device acknowledges.
    pub(crate) fn is_ack(&self, topic: &str) -> bool {
        topic.strip_suffix(ACK_LEAF).is_some_and(|prefix| self.devices_of.contains_key(prefix))
    }

    /// The change that an acknowledgement asks for; a line when it cannot be read or is not this device's.
    pub(crate) fn ack(&self, twin: &Twin, topic: &str, payload: &[u8]) -> Result<RuleChange, String> {
        let devices = topic.strip_suffix(ACK_LEAF).and_then(|prefix| self.devices_of.get(prefix));
        let text = payload.get(..payload.len().min(MAX_ACK)).unwrap_or(payload);
        let ack: Ack = serde_json::from_slice(text).map_err(|e| format!("cmd_ack: {e}"))?;
        let command = DeviceCommandId(ack.id);
        let engine = twin.read();
        let held = engine.commands().get(command);
        let own = held.is_some_and(|c| devices.is_some_and(|d| d.contains(&c.order.device)));
        if !own {
            return Err(format!("cmd_ack: command {command} is not one of this device"));
        }
        let to = if ack.ok { DeviceCommandState::Done } else { DeviceCommandState::Refused };
        let note = ack.note.chars().take(200).collect();
        Ok(RuleChange::MoveCommand { command, to, note })
    }

    fn publish(&self, twin: &Twin, command: &DeviceCommand) -> bool {
        let Some(prefix) = self.prefix_of.get(&command.order.device) else { return false };
        let topic = format!("{prefix}/down/cmd");
        let device = twin.pack.model.get(command.order.device).map_or("", |e| e.code.as_str());
        let text = json!({
            "id": command.id,
            "device": device,
            "name": command.order.name,
            "value": command.order.value,
            "expires_at": command.expires_at,
        });
        let mut listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(to) = listening.get(&topic) else { return false };
        if to.is_closed() {
            listening.remove(&topic);
            return false;
        }
        // A full queue is a device that does not read; it gets the command again later.
        to.try_send((topic, Bytes::from(text.to_string()))).is_ok()
    }

    /// Publishes what is issued and not acknowledged, again and again, until the server stops.
    pub(crate) async fn deliver(twin: Arc<Twin>) {
        let (mut stopping, mut changed) = (twin.stopping.subscribe(), twin.seq.subscribe());
        let mut sent: BTreeMap<DeviceCommandId, tokio::time::Instant> = BTreeMap::new();
        loop {
            tokio::select! {
                () = stopped(&mut stopping) => return,
                ended = changed.changed() => if ended.is_err() { return },
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
            let at = now();
            let open: Vec<DeviceCommand> = {
                let engine = twin.read();
                let issued = |c: &&DeviceCommand| c.state == DeviceCommandState::Issued && at <= c.expires_at;
                engine.commands().iter().filter(issued).cloned().collect()
            };
            sent.retain(|id, _| open.iter().any(|c| c.id == *id));
            for command in open {
                let waits = sent.get(&command.id).is_none_or(|t| t.elapsed() >= AGAIN);
                if waits && twin.downlink.publish(&twin, &command) {
                    sent.insert(command.id, tokio::time::Instant::now());
                }
            }
            // At most ten looks a second, however busy the log is.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Takes an acknowledgement in; an unreadable one is told in the log of the program.
pub(crate) async fn take_ack(twin: &Twin, topic: &str, payload: &[u8]) -> Result<(), String> {
    let change = twin.downlink.ack(twin, topic, payload)?;
    match twin.change(Change::Rule(change)).await {
        Ok(_) => Ok(()),
        // A second acknowledgement of the same command.
        Err(crate::writer::Refusal::Conflict(line)) => {
            tracing::debug!(line, "cmd_ack");
            Ok(())
        }
        Err(crate::writer::Refusal::Stopped(line)) => Err(format!("stopped: {line}")),
        Err(other) => Err(format!("{other:?}")),
    }
}

impl Downlink {
    /// See [`take_ack`]; `true` when it may be acknowledged to the device's connection.
    pub(crate) async fn acknowledged(twin: &Twin, topic: &str, payload: &[u8]) -> bool {
        match take_ack(twin, topic, payload).await {
            Ok(()) => true,
            Err(line) => {
                tracing::warn!(topic, line, "a command's acknowledgement was not used");
                !line.starts_with("stopped")
            }
        }
    }
}
