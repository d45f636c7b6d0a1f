//! Commands to devices: one id, one expiry, at most one effect.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use twin_model::{AccountId, DeviceCommand, DeviceCommandId, DeviceCommandState, NewDeviceCommand, TimeMs};

/// Ended commands kept for lists; older ones are only in the log.
const ENDED_KEPT: usize = 1000;

/// A move that a command's state does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// No such command.
    #[error("no command {0}")]
    Unknown(DeviceCommandId),
    /// Its state does not allow it.
    #[error("command {command} is {}: it cannot become {}", from.zh(), to.zh())]
    State {
        /// Which.
        command: DeviceCommandId,
        /// Its state.
        from: DeviceCommandState,
        /// What was asked.
        to: DeviceCommandState,
    },
    /// Both persons are the same.
    #[error("command {0} needs a second person: who asked for it cannot confirm it")]
    SamePerson(DeviceCommandId),
    /// A field outside what is allowed.
    #[error("{field} = {value}: must be {allowed}")]
    Field {
        /// Field.
        field: &'static str,
        /// Its value.
        value: String,
        /// Allowed values.
        allowed: &'static str,
    },
}

/// All open commands and the last ended ones.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Commands {
    commands: BTreeMap<DeviceCommandId, DeviceCommand>,
    next: u64,
}

/// Checks an order's fields.
///
/// # Errors
/// [`CommandError::Field`].
pub fn check_command(order: &NewDeviceCommand) -> Result<(), CommandError> {
    let fail = |field, value: String, allowed| Err(CommandError::Field { field, value, allowed });
    if !super::check::is_command_name(&order.name) {
        return fail("name", format!("{:?}", order.name), "1..40 of a-z 0-9 _");
    }
    if !(1..=3600).contains(&order.expires_s) {
        return fail("expires_s", order.expires_s.to_string(), "1..3600");
    }
    match order.value {
        Some(v) if !v.is_finite() || v.abs() > 1e15 => fail("value", v.to_string(), "-1e15..1e15"),
        _ => Ok(()),
    }
}

impl Commands {
    /// Every command kept, by id.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &DeviceCommand> {
        self.commands.values()
    }

    /// One command.
    #[must_use]
    pub fn get(&self, id: DeviceCommandId) -> Option<&DeviceCommand> {
        self.commands.get(&id)
    }

    /// The id that the next one gets.
    #[must_use]
    pub fn next_id(&self) -> DeviceCommandId {
        DeviceCommandId(self.next + 1)
    }

    /// Whether a command may become `to`, and by this person.
    ///
    /// # Errors
    /// [`CommandError`] in one line.
    pub fn check_move(
        &self,
        id: DeviceCommandId,
        to: DeviceCommandState,
        by: Option<AccountId>,
    ) -> Result<(), CommandError> {
        use DeviceCommandState::{Done, Expired, Issued, Refused, WaitsForSecond, Withdrawn};
        let held = self.get(id).ok_or(CommandError::Unknown(id))?;
        let possible = match (held.state, to) {
            (WaitsForSecond, Issued) => {
                // Without accounts nobody can prove to be a second person; a rule's own command has no first one.
                if held.by.is_some() && held.by == by {
                    return Err(CommandError::SamePerson(id));
                }
                true
            }
            (WaitsForSecond, Withdrawn | Expired) | (Issued, Done | Refused | Expired) => true,
            _ => false,
        };
        if possible { Ok(()) } else { Err(CommandError::State { command: id, from: held.state, to }) }
    }

    pub(crate) fn issue(&mut self, command: DeviceCommand) {
        self.next = self.next.max(command.id.0);
        self.commands.insert(command.id, command);
        if self.commands.len() > 2 * ENDED_KEPT {
            let ended: Vec<DeviceCommandId> =
                self.commands.values().filter(|c| !c.state.is_open()).map(|c| c.id).collect();
            for id in ended.iter().take(ended.len().saturating_sub(ENDED_KEPT)) {
                self.commands.remove(id);
            }
        }
    }

    pub(crate) fn advance(
        &mut self,
        id: DeviceCommandId,
        to: DeviceCommandState,
        note: &str,
        (at, by): (TimeMs, Option<AccountId>),
    ) {
        if self.check_move(id, to, by).is_err() {
            return;
        }
        let Some(command) = self.commands.get_mut(&id) else { return };
        if command.state == DeviceCommandState::WaitsForSecond && to == DeviceCommandState::Issued {
            command.confirmed_by = by;
        }
        // An acknowledgement after the end proves that the device acted in time or refused; expiry is our own guess.
        if at <= command.expires_at || to != DeviceCommandState::Issued {
            command.state = to;
            command.note = note.to_owned();
        }
    }

    pub(crate) fn expire(&mut self, id: DeviceCommandId) {
        if let Some(command) = self.commands.get_mut(&id).filter(|c| c.state.is_open()) {
            command.state = DeviceCommandState::Expired;
        }
    }
}
