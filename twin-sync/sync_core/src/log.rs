//! Records of the durable log. What is not in a record cannot influence state.

use serde::{Deserialize, Serialize};
use twin_model::{
    AccountId, AlarmId, AlarmOperation, Case, CaseAction, CaseClock, CaseId, CasePhoto, DeviceCommand, DeviceCommandId,
    DeviceCommandState, EntityId, RuleSet, RunId, RunScenario, RunStatus, TimeMs,
};

/// First byte of every encoded record.
pub const LOG_VERSION: u8 = 1;
const KIND_OBSERVATIONS: u8 = 1;
const KIND_EVENT: u8 = 2;

/// One accepted value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LoggedSample {
    /// Observed entity.
    pub entity: u32,
    /// Observed property.
    pub property: u16,
    /// Value in the property's unit; finite.
    pub value: f64,
    /// Quality bits.
    pub quality: u16,
    /// When it was measured, ms; already clamped.
    pub observed_at: i64,
}

/// One accepted message of a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoggedMessage {
    /// Stable key of the sender (hash of the topic).
    pub device: u64,
    /// Device life.
    pub boot: u64,
    /// Message number within the life, when the device counts.
    pub seq: Option<u64>,
    /// Time stamp as the device gave it, ms, before clamping.
    pub device_ts: Option<i64>,
    /// When it was received, ms.
    pub received_at: i64,
    /// Its values; never empty.
    pub samples: Vec<LoggedSample>,
}

/// Everything that changes shared state.
#[expect(clippy::large_enum_variant, reason = "a case is the largest; records are handled one commit at a time")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LogRecord {
    /// Messages committed together; every sample takes one sequence number.
    #[serde(skip)]
    Observations(Vec<LoggedMessage>),
    /// An operator acknowledged an alarm.
    AlarmAck {
        /// Which.
        alarm: AlarmId,
        /// When.
        at: TimeMs,
        /// Who; `None` on a server without accounts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<AccountId>,
    },
    /// A case was reported.
    CaseCreated {
        /// The case at its first stage, with its id and first event.
        case: Case,
    },
    /// A case was moved.
    CaseMoved {
        /// Which.
        case: CaseId,
        /// How.
        action: CaseAction,
        /// Note; may be empty.
        note: String,
        /// When.
        at: TimeMs,
        /// Who, where accounts are used.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<AccountId>,
        /// The deadline clock after it, when the move touched it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clock: Option<CaseClock>,
    },
    /// A photograph was added to a case; its content is in the data folder.
    CasePhotoAdded {
        /// Which.
        case: CaseId,
        /// What.
        photo: CasePhoto,
        /// Who, where accounts are used.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<AccountId>,
    },
    /// An ended case came back from the archive, as it was, because something is done with it.
    CaseRecalled {
        /// The whole case.
        case: Box<Case>,
    },
    /// A run was asked for.
    RunCreated {
        /// Its id.
        run: RunId,
        /// What to compute.
        scenario: RunScenario,
        /// When.
        at: TimeMs,
        /// Who; `None` for the server's own forecasts and on a server without accounts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<AccountId>,
    },
    /// A run came further.
    RunProgress {
        /// Which.
        run: RunId,
        /// Where it stands now.
        state: RunStatus,
    },
    /// Time passed: what delays, silences, shelvings and escalations are measured by.
    Tick {
        /// Server time.
        at: TimeMs,
        /// What a clock that nobody sets says has passed since the last tick, ms.
        elapsed_ms: u64,
        /// First tick after a start of the server: devices get a full interval to be heard again.
        #[serde(default)]
        resumed: bool,
    },
    /// The rules changed; these are all of them.
    RulesChanged {
        /// The new rules.
        rules: Box<RuleSet>,
        /// When.
        at: TimeMs,
    },
    /// An operator did something with an alarm.
    AlarmOperated {
        /// Which.
        alarm: AlarmId,
        /// What was done.
        operation: AlarmOperation,
        /// When.
        at: TimeMs,
        /// Who did it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<AccountId>,
    },
    /// An operator took (rule, entity) back into service while no alarm of it was open.
    ReturnedToService {
        /// Number of the rule.
        rule: u16,
        /// Entity.
        entity: EntityId,
        /// When.
        at: TimeMs,
        /// Who did it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<AccountId>,
    },
    /// A linked action of an alarm was done, or will never be; it is not tried again.
    ActionDone {
        /// The alarm.
        alarm: AlarmId,
        /// Place of the action in its rule.
        index: u8,
        /// What came of it, one line: "case 7", "refused: …".
        outcome: String,
        /// When.
        at: TimeMs,
    },
    /// A device was given a command.
    CommandIssued {
        /// The command with its id.
        command: Box<DeviceCommand>,
    },
    /// A command came further.
    CommandMoved {
        /// Which.
        command: DeviceCommandId,
        /// Its new state.
        to: DeviceCommandState,
        /// Reason that the device gave; may be empty.
        #[serde(default)]
        note: String,
        /// When.
        at: TimeMs,
        /// Who did it; `None` for the device.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<AccountId>,
    },
}

/// A record that cannot be read back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// Written by another version.
    #[error("log record of version {0}: this program reads version {LOG_VERSION}")]
    Version(u8),
    /// Damaged.
    #[error("damaged log record: {0}")]
    Damaged(String),
}

impl LogRecord {
    /// How many sequence numbers the record takes: one per sample, one for anything else.
    #[must_use]
    pub fn seq_count(&self) -> u64 {
        match self {
            LogRecord::Observations(messages) => messages.iter().map(|m| m.samples.len() as u64).sum(),
            _ => 1,
        }
    }

    /// Short name of the kind, for the log table.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            LogRecord::Observations(_) => "observations",
            LogRecord::AlarmAck { .. } => "alarm_ack",
            LogRecord::CaseCreated { .. } => "case_created",
            LogRecord::CaseMoved { .. } => "case_moved",
            LogRecord::CasePhotoAdded { .. } => "case_photo_added",
            LogRecord::CaseRecalled { .. } => "case_recalled",
            LogRecord::RunCreated { .. } => "run_created",
            LogRecord::RunProgress { .. } => "run_progress",
            LogRecord::Tick { .. } => "tick",
            LogRecord::RulesChanged { .. } => "rules_changed",
            LogRecord::AlarmOperated { .. } => "alarm_operated",
            LogRecord::ReturnedToService { .. } => "returned_to_service",
            LogRecord::ActionDone { .. } => "action_done",
            LogRecord::CommandIssued { .. } => "command_issued",
            LogRecord::CommandMoved { .. } => "command_moved",
        }
    }

    /// Version byte, kind byte, then postcard (observations) or JSON (the rest: rare, and readable in the database).
    ///
    /// # Errors
    /// [`LogError::Damaged`] when a value cannot be written (a non-finite number in a scenario).
    pub fn encode(&self) -> Result<Vec<u8>, LogError> {
        let damaged = |e: String| LogError::Damaged(e);
        if let LogRecord::Observations(messages) = self {
            let header = vec![LOG_VERSION, KIND_OBSERVATIONS];
            return postcard::to_extend(messages, header).map_err(|e| damaged(e.to_string()));
        }
        let mut bytes = vec![LOG_VERSION, KIND_EVENT];
        serde_json::to_writer(&mut bytes, self).map_err(|e| damaged(e.to_string()))?;
        Ok(bytes)
    }

    /// Reads what [`LogRecord::encode`] wrote.
    ///
    /// # Errors
    /// [`LogError`]; never panics, whatever the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, LogError> {
        let damaged = |e: String| LogError::Damaged(e);
        match bytes {
            [LOG_VERSION, KIND_OBSERVATIONS, body @ ..] => {
                let messages = postcard::from_bytes(body).map_err(|e| damaged(e.to_string()))?;
                Ok(LogRecord::Observations(messages))
            }
            [LOG_VERSION, KIND_EVENT, body @ ..] => serde_json::from_slice(body).map_err(|e| damaged(e.to_string())),
            [LOG_VERSION, kind, ..] => Err(damaged(format!("unknown kind {kind}"))),
            [version, ..] if *version != LOG_VERSION => Err(LogError::Version(*version)),
            _ => Err(damaged("too short".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn observations() -> LogRecord {
        let sample = LoggedSample { entity: 3, property: 1, value: 0.1, quality: 4, observed_at: 1_700_000_000_000 };
        LogRecord::Observations(vec![LoggedMessage {
            device: u64::MAX,
            boot: 1,
            seq: Some(9),
            device_ts: None,
            received_at: 1_700_000_000_001,
            samples: vec![sample, sample],
        }])
    }

    #[test]
    fn records_read_back() {
        let status = RunStatus::Running { reached_s: 1.5, frames: 2 };
        let records = [
            observations(),
            LogRecord::AlarmAck { alarm: AlarmId(1), at: TimeMs(2), by: Some(AccountId(3)) },
            LogRecord::RunProgress { run: RunId(1), state: status },
        ];
        for record in &records {
            assert_eq!(&LogRecord::decode(&record.encode().unwrap()).unwrap(), record);
        }
        // Written before there were accounts.
        let old = [&[LOG_VERSION, KIND_EVENT][..], br#"{"kind":"alarm_ack","alarm":1,"at":2}"#].concat();
        let read = LogRecord::AlarmAck { alarm: AlarmId(1), at: TimeMs(2), by: None };
        assert_eq!(LogRecord::decode(&old).unwrap(), read);
        assert_eq!(read.encode().unwrap(), old);
        assert_eq!(observations().seq_count(), 2);
        assert_eq!(LogRecord::decode(&[9, 1]), Err(LogError::Version(9)));
        assert!(LogRecord::decode(&[]).is_err() && LogRecord::decode(&[1, 7, 0]).is_err());
    }

    proptest! {
        #[test]
        fn damage_never_panics(at in 0usize..80, byte in any::<u8>(), cut in 0usize..80) {
            let mut bytes = observations().encode().unwrap();
            if let Some(slot) = bytes.get_mut(at) { *slot = byte; }
            let cut = cut.min(bytes.len());
            prop_assert!(LogRecord::decode(&bytes[..cut]).is_ok() || cut <= bytes.len());
            let _result = LogRecord::decode(&bytes);
        }
    }
}
