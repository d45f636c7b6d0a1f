//! Messages of the viewer protocol `twin.v1` (JSON text over WebSocket).

use serde::{Deserialize, Serialize};
use twin_model::{
    Alarm, Case, EntityId, Incident, Observation, PropertyId, PropertyTable, Quality, Run, Seq, StateEntry, TimeMs,
};

/// Name of the WebSocket sub-protocol.
pub const PROTOCOL: &str = "twin.v1";

/// One latest value as it travels: `[entity, property, value, quality, observed_at, received_at, seq]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StateRow(pub EntityId, pub PropertyId, pub f64, pub Quality, pub TimeMs, pub TimeMs, pub Seq);

impl From<&StateEntry> for StateRow {
    fn from(o: &StateEntry) -> Self {
        Self(o.entity, o.property, o.value, o.quality, o.observed_at, o.received_at, o.seq)
    }
}

impl From<StateRow> for Observation {
    fn from(r: StateRow) -> Self {
        let StateRow(entity, property, value, quality, observed_at, received_at, seq) = r;
        Self { seq, entity, property, value, quality, observed_at, received_at }
    }
}

/// Where a viewer stands: which life of the log, and up to which sequence it has applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeToken {
    /// Identity of the log; changes when the data is not the continuation of what was served before.
    pub epoch: String,
    /// Last sequence applied.
    pub seq: Seq,
}

/// From viewer to server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum ClientMessage {
    /// First message of a connection.
    Hello {
        /// Where to go on from; `None` asks for a snapshot.
        #[serde(default)]
        resume: Option<ResumeToken>,
    },
}

/// From server to viewer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum ServerMessage {
    /// Answer to `hello`.
    Welcome {
        /// Identity of the log.
        epoch: String,
        /// Last committed sequence.
        seq: Seq,
        /// What the property ids mean.
        properties: PropertyTable,
        /// Server time.
        now: TimeMs,
        /// True when a delta from the resume token follows; false when a snapshot follows.
        resumed: bool,
    },
    /// All there is.
    Snapshot {
        /// State up to and including this sequence.
        seq: Seq,
        /// Latest values.
        state: Vec<StateRow>,
        /// Open alarms and the most recently closed.
        alarms: Vec<Alarm>,
        /// Cases.
        cases: Vec<Case>,
        /// Runs.
        runs: Vec<Run>,
        /// Open incidents and the most recently closed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        incidents: Vec<Incident>,
    },
    /// What changed after `from_seq`, coalesced: only the newest value of each series.
    Delta {
        /// The viewer must stand at this sequence or later.
        from_seq: Seq,
        /// State up to and including this sequence.
        seq: Seq,
        /// Server time.
        now: TimeMs,
        /// Changed latest values.
        #[serde(default)]
        state: Vec<StateRow>,
        /// Changed alarms.
        #[serde(default)]
        alarms: Vec<Alarm>,
        /// Changed cases.
        #[serde(default)]
        cases: Vec<Case>,
        /// Changed runs.
        #[serde(default)]
        runs: Vec<Run>,
        /// Changed incidents.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        incidents: Vec<Incident>,
    },
    /// The server could not understand the viewer; it closes the connection after this.
    Error {
        /// One clear line.
        error: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_travel_as_arrays_and_values_survive_exactly() {
        let value = 0.1 + 0.2;
        let row = StateRow(EntityId(7), PropertyId(2), value, Quality::LATE, TimeMs(5), TimeMs(6), Seq(9));
        let text = serde_json::to_string(&row).unwrap();
        assert_eq!(text, "[7,2,0.30000000000000004,16,5,6,9]");
        let back: StateRow = serde_json::from_str(&text).unwrap();
        assert_eq!(back.2.to_bits(), value.to_bits());
    }

    #[test]
    fn messages_carry_their_op() {
        let hello: ClientMessage = serde_json::from_str(r#"{"op":"hello","resume":{"epoch":"a","seq":3}}"#).unwrap();
        let token = ResumeToken { epoch: "a".into(), seq: Seq(3) };
        assert_eq!(hello, ClientMessage::Hello { resume: Some(token) });
        let bare: ClientMessage = serde_json::from_str(r#"{"op":"hello"}"#).unwrap();
        assert_eq!(bare, ClientMessage::Hello { resume: None });
        let delta = ServerMessage::Delta {
            from_seq: Seq(1),
            seq: Seq(2),
            now: TimeMs(3),
            state: vec![],
            alarms: vec![],
            cases: vec![],
            runs: vec![],
            incidents: vec![],
        };
        let text = serde_json::to_string(&delta).unwrap();
        assert!(text.starts_with(r#"{"op":"delta","from_seq":1,"seq":2"#));
        assert_eq!(serde_json::from_str::<ServerMessage>(&text).unwrap(), delta);
    }
}
