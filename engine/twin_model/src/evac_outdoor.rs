//! The part of an evacuation outside the building (室外疏散): what the scenario says of it, and what came of it.

use crate::plan_outdoor::AssemblySource;
use crate::{EvacBand, EvacScenario, ScenarioError};
use serde::{Deserialize, Serialize};

/// Least distance of a place of safety from the building, m: a safe dispersal area lies at least 50 ft from the building
/// (International Building Code, 1028.5 in 2018; as quoted in discussions of it). No allowance for a high facade: say more then.
pub const SAFE_DISTANCE_M: f64 = 15.24;

/// What the scenario says of the ground round the building. Present: people walk on to a place of safety.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outdoor {
    /// How far from the building the ground is looked at, m in [20, 200].
    pub radius_m: f64,
    /// Least distance of derived places of safety from the building, m in [5, radius].
    pub distance_m: f64,
    /// Assembly areas; without any they are derived: where roads lead away, else the nearest open ground.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assembly: Vec<GivenAssembly>,
    /// Fences and walls that the community's data do not know, at most 1000.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub barriers: Vec<GivenBarrier>,
    /// Whether the fire's smoke drifts over the ground on the wind (coarse; only with a wind of 0.5 m/s or more).
    pub smoke: bool,
}

impl Default for Outdoor {
    fn default() -> Self {
        Self { radius_m: 80.0, distance_m: SAFE_DISTANCE_M, assembly: Vec::new(), barriers: Vec::new(), smoke: true }
    }
}

/// An assembly area (集合点).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenAssembly {
    /// Its name.
    pub name: String,
    /// Centre in the plan's coordinates (ENU for a plan of a pack), m.
    pub at: [f64; 2],
    /// Who is within has arrived, m in [1, 50].
    #[serde(default = "five")]
    pub radius_m: f64,
}

const fn five() -> f64 {
    5.0
}

/// A fence or wall.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenBarrier {
    /// Its corners in the plan's coordinates, m; 2 to 1000 of them.
    pub line: Vec<[f64; 2]>,
}

/// Most that a coordinate may be, m.
const FAR_M: f64 = 1e6;

impl Outdoor {
    /// Checks every number; `of`: the scenario, for messages.
    pub(crate) fn check(&self, of: &EvacScenario) -> Result<(), ScenarioError> {
        of.range("outdoor.radius_m", self.radius_m, 20.0, 200.0, "m")?;
        of.range("outdoor.distance_m", self.distance_m, 5.0, self.radius_m, "m")?;
        let place = |field: String, at: &[f64; 2]| at.iter().try_for_each(|v| of.range(&field, *v, -FAR_M, FAR_M, "m"));
        of.range("outdoor.assembly: number", self.assembly.len() as f64, 0.0, 100.0, "")?;
        for (k, a) in self.assembly.iter().enumerate() {
            place(format!("outdoor.assembly[{k}].at"), &a.at)?;
            of.range(&format!("outdoor.assembly[{k}].radius_m"), a.radius_m, 1.0, 50.0, "m")?;
            if a.name.trim().is_empty() || self.assembly[..k].iter().any(|b| b.name == a.name) {
                let field = format!("outdoor.assembly[{k}].name");
                return Err(of.error(&field, format!("{:?}", a.name), "a name that no other has"));
            }
        }
        of.range("outdoor.barriers: number", self.barriers.len() as f64, 0.0, 1000.0, "")?;
        for (k, b) in self.barriers.iter().enumerate() {
            let field = format!("outdoor.barriers[{k}].line");
            of.range(&format!("{field}: number of corners"), b.line.len() as f64, 2.0, 1000.0, "")?;
            b.line.iter().try_for_each(|p| place(field.clone(), p))?;
        }
        Ok(())
    }
}

/// One place of safety.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssemblyOutcome {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub source: AssemblySource,
    /// Centre in the plan's coordinates, m.
    pub at: [f64; 2],
    /// Distance of the centre from the building, m.
    pub from_building_m: f64,
    /// People of the first member who came there.
    pub people: u64,
    /// When the first of them did, s.
    pub first_s: Option<f64>,
    /// When the last of them did, s.
    pub last_s: Option<f64>,
}

/// One exit of the building and the ground before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExitWalk {
    /// Its name.
    pub exit: String,
    /// Walk from it to the nearest place of safety, m; `None`: there is no way, nobody leaves by it.
    pub walk_m: Option<f64>,
}

/// What came of the way from the doors to safety. Never to be compared with the ASET of the building: that is RSET's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutdoorOutcome {
    /// Last person at a place of safety, over the members, s. Members who walk through the queue network are taken to walk from
    /// the door at their own speed, without queues.
    pub safe_s: EvacBand,
    /// The same of every member; `None`: not all who can walk were there at the end.
    pub safe_members_s: Vec<Option<f64>>,
    /// Half and 95 % of those who came there, first member, s.
    pub arrived_s: EvacBand,
    /// Places of safety.
    pub assembly: Vec<AssemblyOutcome>,
    /// Exits.
    pub exits: Vec<ExitWalk>,
    /// People of the first member at a place of safety at the end.
    pub safe: u64,
    /// Out of the building and on their way then.
    pub on_the_way: u64,
    /// Stopped outside.
    pub stopped: u64,
    /// (s, people at a place of safety) of the first member.
    pub curve: Vec<(f64, u64)>,
    /// Pieces of ground, and their area in m².
    pub tiles: u32,
    /// See `tiles`.
    pub area_m2: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(block: &str) -> String {
        let text = format!(r#"{{"kind": "evacuation", "name": "x", "duration_s": 600, "outdoor": {block}}}"#);
        let s: EvacScenario = serde_json::from_str(&text).unwrap();
        s.validate().err().map(|e| e.to_string()).unwrap_or_default()
    }

    #[test]
    fn each_bad_value_is_one_clear_line() {
        assert_eq!(said("{}"), "");
        assert_eq!(said(r#"{"radius_m": 5}"#), "scenario \"x\": outdoor.radius_m = 5 m: must be 20..200 m");
        assert_eq!(said(r#"{"distance_m": 90}"#), "scenario \"x\": outdoor.distance_m = 90 m: must be 5..80 m");
        assert_eq!(
            said(r#"{"assembly": [{"name": "a", "at": [0, 0], "radius_m": 0}]}"#),
            "scenario \"x\": outdoor.assembly[0].radius_m = 0 m: must be 1..50 m"
        );
        let twice = said(r#"{"assembly": [{"name": "a", "at": [0, 0]}, {"name": "a", "at": [9, 0]}]}"#);
        assert!(twice.contains("outdoor.assembly[1].name = \"a\": must be a name that no other has"), "{twice}");
        assert!(said(r#"{"barriers": [{"line": [[0, 0]]}]}"#).contains("number of corners = 1: must be 2..1000"));
        assert!(said(r#"{"barriers": [{"line": [[0, 0], [1e9, 0]]}]}"#).contains("outdoor.barriers[0].line"));
    }
}
