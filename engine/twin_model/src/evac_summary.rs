//! What an evacuation run says about itself (`evacuation.json`). People are counted, never identified.

use crate::{EvacScenario, LiveOutcome, OutdoorOutcome};
use serde::{Deserialize, Serialize};

/// Why a space is no longer safe (不可耐受判据).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AsetCriterion {
    /// Visibility below the limit of the space.
    Visibility,
    /// Dose of asphyxiant gases of somebody who stays.
    Gas,
    /// Dose of heat of somebody who stays.
    Heat,
}

/// A quantity over the members: `None` where that share of the members did not get there within the run.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct EvacBand {
    /// Middle of the members.
    pub p50: Option<f64>,
    /// 95 % of the members lie below.
    pub p95: Option<f64>,
}

/// One space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpaceOutcome {
    /// `storey/name`.
    pub space: String,
    /// People there at the start.
    pub people: u32,
    /// Available safe egress time of the first member, s since ignition or start; `None`: safe to the end.
    pub aset_s: Option<f64>,
    /// What ended it.
    pub criterion: Option<AsetCriterion>,
    /// Earliest over the members, 5 % of them (a bad case), s; `None`: safe in more than 95 %.
    pub aset_p05_s: Option<f64>,
    /// When the last walking person left it in the first member, s; `None`: nobody was ever there, or still is.
    pub last_person_s: Option<f64>,
    /// `aset_s - last_person_s`, s, where both exist; below 0 people were there when it was no longer safe.
    pub margin_s: Option<f64>,
    /// Share of the members in which people were there after the space's ASET.
    pub unsafe_share: f64,
    /// Times at which the gas dose of somebody who stays reaches 0.1, 0.3 and 1, s.
    pub gas_fed_s: [Option<f64>; 3],
    /// Least visibility (reflecting signs) at 1.5 m, m; large where the air stays clear.
    pub least_visibility_m: f64,
    /// Greatest temperature at 1.5 m, °C.
    pub greatest_c: f64,
}

/// One exit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitUse {
    /// Its name.
    pub exit: String,
    /// People who left by it in the first member.
    pub people: u64,
}

/// One stair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StairOutcome {
    /// Its name, with the storeys it joins.
    pub stair: String,
    /// People who came down or went up it in the first member.
    pub people: u64,
    /// Last time at which somebody who enters at the head comes through before either end is unsafe, s (最后安全时刻), first
    /// member; `None`: safe to the end.
    pub last_safe_s: Option<f64>,
    /// The same in a bad case (5 % of the members).
    pub last_safe_p05_s: Option<f64>,
}

/// People of a space whom somebody has to fetch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelpNeeded {
    /// `storey/name`, or the stair.
    pub place: String,
    /// Stopped by gas or heat.
    pub stopped: u32,
    /// Cannot use stairs, and there is no level way out.
    pub awaiting: u32,
    /// Still on their way, or waiting, at the end.
    pub still_inside: u32,
}

/// Everybody, of the first member: `entered = left + inside + stopped + awaiting`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EvacBalance {
    /// In the building at the start.
    pub entered: u64,
    /// Out.
    pub left: u64,
    /// Inside and able to walk.
    pub inside: u64,
    /// Stopped by gas or heat.
    pub stopped: u64,
    /// Cannot use stairs and wait for help.
    pub awaiting: u64,
}

impl EvacBalance {
    /// Whether nobody is lost.
    #[must_use]
    pub const fn closes(&self) -> bool {
        self.entered == self.left + self.inside + self.stopped + self.awaiting
    }
}

/// A detector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SmokeAlarmTime {
    /// `storey/name` of its space.
    pub space: String,
    /// First member's alarm, s.
    pub alarm_s: f64,
}

/// The result of an evacuation run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvacSummary {
    /// The scenario as it was run.
    pub scenario: EvacScenario,
    /// Name of the plan.
    pub building: String,
    /// What was made of live signals, for a scenario that starts from them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveOutcome>,
    /// Members computed.
    pub members: u32,
    /// Of these, members whose people walked through the queue network; the others walked with the micro crowd.
    #[serde(default)]
    pub network_members: u32,
    /// When the sounders began in the first member, s; `None`: never, nobody set off.
    pub alarm_s: Option<f64>,
    /// Required safe egress time (RSET): last person out, over the members, s.
    pub rset_s: EvacBand,
    /// The same of every member; `None`: not all who can walk were out at the end.
    pub rset_members_s: Vec<Option<f64>>,
    /// Half and 95 % of those who left were out, first member, s.
    pub left_s: EvacBand,
    /// Members in which somebody was stopped by gas or heat.
    pub members_with_stopped: u32,
    /// Spaces.
    pub spaces: Vec<SpaceOutcome>,
    /// Exits.
    pub exits: Vec<ExitUse>,
    /// Stairs.
    pub stairs: Vec<StairOutcome>,
    /// Whom to fetch and where; counts only.
    pub help: Vec<HelpNeeded>,
    /// Detectors that raised an alarm, by time.
    pub smoke_alarms: Vec<SmokeAlarmTime>,
    /// People of the first member with a gas or heat dose of at least 0.1, 0.3 and 1.
    pub doses: [u32; 3],
    /// Everybody.
    pub balance: EvacBalance,
    /// Gas and energy that the smoke account of the worst member misses, relative.
    pub gas_error: [f64; 2],
    /// (s, people out) of the first member.
    pub curve: Vec<(f64, u64)>,
    /// From the doors to a place of safety, for a scenario with `outdoor`. `rset_s`, `left_s`, `exits`, `curve` and `balance.left`
    /// always mean out of the building.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outdoor: Option<OutdoorOutcome>,
    /// Doubts about the building plan that the run went on with.
    pub warnings: Vec<String>,
    /// Digest of the final state of all members.
    pub checksum: String,
}
