//! Runs (演算): what is computed, and where it stands.

use crate::{EvacScenario, RunId, Scenario, ScenarioError, TimeMs};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// What a run computes. In files and messages an evacuation says `kind = "evacuation"`; a scenario without `kind` is a flood.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum RunScenario {
    /// Water on the ground (积水演算).
    Flood(Box<Scenario>),
    /// People and smoke in a building (疏散演算).
    Evacuation(Box<EvacScenario>),
}

impl RunScenario {
    /// Name shown to people.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Flood(s) => &s.name,
            Self::Evacuation(s) => &s.name,
        }
    }

    /// All simulated seconds.
    #[must_use]
    pub fn total_s(&self) -> f64 {
        match self {
            Self::Flood(s) => s.total_s(),
            Self::Evacuation(s) => s.duration_s,
        }
    }

    /// Simulated seconds before the present.
    #[must_use]
    pub fn past_s(&self) -> f64 {
        match self {
            Self::Flood(s) => s.past_s(),
            Self::Evacuation(_) => 0.0,
        }
    }

    /// The flood, if it is one.
    #[must_use]
    pub fn flood(&self) -> Option<&Scenario> {
        if let Self::Flood(s) = self { Some(s) } else { None }
    }

    /// The evacuation, if it is one.
    #[must_use]
    pub fn evacuation(&self) -> Option<&EvacScenario> {
        if let Self::Evacuation(s) = self { Some(s) } else { None }
    }

    /// Checks every number against its documented range.
    ///
    /// # Errors
    /// The first [`ScenarioError`] found, in field order.
    pub fn validate(&self) -> Result<(), ScenarioError> {
        match self {
            Self::Flood(s) => s.validate(),
            Self::Evacuation(s) => s.validate(),
        }
    }
}

impl From<Scenario> for RunScenario {
    fn from(s: Scenario) -> Self {
        Self::Flood(Box::new(s))
    }
}

impl From<EvacScenario> for RunScenario {
    fn from(s: EvacScenario) -> Self {
        Self::Evacuation(Box::new(s))
    }
}

impl<'de> Deserialize<'de> for RunScenario {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        match value.get("kind").map(serde_json::Value::as_str) {
            None => serde_json::from_value(value).map(Self::Flood).map_err(D::Error::custom),
            Some(Some("evacuation")) => serde_json::from_value(value).map(Self::Evacuation).map_err(D::Error::custom),
            Some(_) => {
                let kind = &value["kind"];
                Err(D::Error::custom(format!("kind = {kind}: must be \"evacuation\", or left out for a flood")))
            }
        }
    }
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum RunStatus {
    /// Waiting for a slot.
    Queued,
    /// Computing.
    Running {
        /// Simulated seconds reached.
        reached_s: f64,
        /// Frames that can be shown.
        frames: u32,
    },
    /// Finished.
    Done {
        /// Frames stored.
        frames: u32,
    },
    /// Stopped with an error.
    Failed {
        /// One clear line.
        error: String,
    },
    /// Stopped by a person.
    Cancelled,
}

/// A run as the server lists it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// What is computed.
    pub scenario: RunScenario,
    /// When it was asked for.
    pub created_at: TimeMs,
    /// Where it stands.
    #[serde(flatten)]
    pub status: RunStatus,
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOOD: &str = r#"{"name": "试算", "duration_s": 60.0, "frame_interval_s": 10.0, "cell_m": 2.0}"#;
    const DRILL: &str = r#"{"kind": "evacuation", "name": "演练", "duration_s": 600.0}"#;

    #[test]
    fn the_kind_decides_and_both_come_back() {
        for (text, name) in [(FLOOD, "试算"), (DRILL, "演练")] {
            let read: RunScenario = serde_json::from_str(text).unwrap();
            assert_eq!((read.name(), read.validate()), (name, Ok(())));
            assert_eq!(serde_json::from_str::<RunScenario>(&serde_json::to_string(&read).unwrap()).unwrap(), read);
        }
        assert!(serde_json::from_str::<RunScenario>(FLOOD).unwrap().flood().is_some());
        assert_eq!(serde_json::from_str::<RunScenario>(DRILL).unwrap().total_s(), 600.0);
    }

    #[test]
    fn errors_name_the_field() {
        let said = |text: &str| serde_json::from_str::<RunScenario>(text).unwrap_err().to_string();
        assert!(said(r#"{"kind": "storm"}"#).contains("must be \"evacuation\""));
        assert!(said(r#"{"name": "x"}"#).contains("duration_s"));
        assert!(said(r#"{"kind": "evacuation", "name": "x", "duration_s": 60, "peeple": 1}"#).contains("peeple"));
    }

    #[test]
    fn a_run_reads_back_from_json() {
        for text in [FLOOD, DRILL] {
            let scenario = serde_json::from_str(text).unwrap();
            let status = RunStatus::Running { reached_s: 1.0, frames: 2 };
            let run = Run { id: RunId(3), scenario, created_at: TimeMs(5), status };
            let text = serde_json::to_string(&run).unwrap();
            assert_eq!(serde_json::from_str::<Run>(&text).unwrap(), run);
        }
    }
}
