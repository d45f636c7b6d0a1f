//! Evacuation scenarios (疏散情景): a fire, the people in a building, and what is done about both.
//!
//! Stored as hand-editable TOML with `kind = "evacuation"`. Elements of the building are named as the plan names them; a name
//! that several storeys share is written `storey/name`.

use crate::evac_building::{Detection, DoorStates, EvacWeather, FloodAtDoors, Sprinklers};
use crate::evac_live::LikelyFire;
use crate::plan::SpaceUse;
use crate::{LiveStart, Outdoor, ScenarioError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The word that tells an evacuation from a flood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvacKind {
    /// An evacuation.
    #[default]
    Evacuation,
}

/// A what-if of people and smoke in one building.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvacScenario {
    /// Says that it is an evacuation.
    pub kind: EvacKind,
    /// Name shown to people.
    pub name: String,
    /// Name of the building's plan; may be left out where there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub building: Option<String>,
    /// Simulated time, s in [10, 36000].
    pub duration_s: f64,
    /// Simulated time between stored frames, s in [1, duration].
    #[serde(default = "one")]
    pub frame_interval_s: f64,
    /// Seed of everything random. Branches with the same seed share their draws.
    #[serde(default)]
    pub seed: u64,
    /// Courses of events computed (集合成员), 1..1000; the first is the one that is written down step by step.
    #[serde(default = "one_member")]
    pub members: u32,
    /// How the members after the first walk.
    #[serde(default)]
    pub members_walk: MembersWalk,
    /// The fire; none for a drill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fire: Option<FireSource>,
    /// Fires that may be the true one, with their probabilities (`[[fires]]`); members share them. Not empty: `fire` is not run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fires: Vec<LikelyFire>,
    /// Signals and counts of now (实时推演): fires, people, alarm time and length are drawn from them when the run begins; `fire`,
    /// `fires`, `water` and counted spaces are not taken then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveStart>,
    /// Who is there.
    #[serde(default)]
    pub people: People,
    /// How smoke slows people.
    #[serde(default)]
    pub smoke_law: SmokeSpeedLaw,
    /// How doors stand.
    #[serde(default)]
    pub doors: DoorStates,
    /// What raises the alarm.
    #[serde(default)]
    pub detection: Detection,
    /// How finely the smoke is computed away from the fire.
    #[serde(default, skip_serializing_if = "SmokeDetail::is_full")]
    pub smoke_detail: SmokeDetail,
    /// The air.
    #[serde(default)]
    pub weather: EvacWeather,
    /// Sprinklers (喷淋); none unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sprinklers: Option<Sprinklers>,
    /// The ground outside (室外); without it people are gone once they are out of the door.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outdoor: Option<Outdoor>,
    /// Water of a flood run at the building's exits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flood: Option<FloodAtDoors>,
    /// Water on floors, from a flood run or by hand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub water: Vec<WaterOnFloor>,
    /// What is done, at its time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interventions: Vec<EvacIntervention>,
}

const fn one() -> f64 {
    1.0
}

const fn one_member() -> u32 {
    1
}

/// How the members after the first walk (集合成员的行走方式); the first always walks with the micro crowd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MembersWalk {
    /// Through the queue network: hundreds of times faster.
    #[default]
    Network,
    /// With the micro crowd, as the first.
    Micro,
}

/// How finely the smoke is computed (烟气计算精细程度).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmokeDetail {
    /// A zone for every space, several for a corridor.
    #[default]
    Full,
    /// The same on the storeys of the fires, the one above and the one below; elsewhere the rooms of a flat share a zone. For
    /// forecasts that somebody waits for.
    NearFire,
}

impl SmokeDetail {
    const fn is_full(&self) -> bool {
        matches!(self, Self::Full)
    }
}

/// How fast a fire grows: `"fast"`, `{ alpha_kwps2 = 0.03 }` or `{ table = [[0, 0], [60, 500]] }`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FireGrowth {
    /// 1055 kW after 600 s (慢速).
    Slow,
    /// After 300 s (中速).
    #[default]
    Medium,
    /// After 150 s (快速).
    Fast,
    /// After 75 s (超快速).
    Ultrafast,
    /// Growth coefficient of a t² fire, kW/s² in [0.0001, 10].
    AlphaKwps2(f64),
    /// (s since the start of the fire, kW), seconds ascending, straight between.
    Table(Vec<(f64, f64)>),
}

impl FireGrowth {
    /// Growth coefficient, kW/s² (NFPA 72 annex B, NFPA 92); `None` for a table.
    #[must_use]
    pub const fn alpha_kwps2(&self) -> Option<f64> {
        match self {
            Self::Slow => Some(0.002_93),
            Self::Medium => Some(0.011_72),
            Self::Fast => Some(0.0469),
            Self::Ultrafast => Some(0.1876),
            Self::AlphaKwps2(a) => Some(*a),
            Self::Table(_) => None,
        }
    }
}

/// What burns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FireFuel {
    /// Furniture with foam, plastics (聚氨酯、塑料).
    #[default]
    Polyurethane,
    /// Wood, paper (木材、纸).
    Wood,
    /// Clean gas.
    Methane,
}

/// A fire in one space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FireSource {
    /// Where it burns.
    pub space: String,
    /// Growth.
    #[serde(default)]
    pub growth: FireGrowth,
    /// Greatest heat release, kW in [1, 100000]. Not used by a table.
    #[serde(default = "default_peak")]
    pub peak_kw: f64,
    /// Fuel.
    #[serde(default)]
    pub fuel: FireFuel,
    /// Start, s in [0, duration].
    #[serde(default)]
    pub start_s: f64,
    /// Spread of the growth coefficient between members: standard deviation of its logarithm, 0..2.
    #[serde(default = "default_growth_spread")]
    pub growth_sigma: f64,
}

/// Design fire of an office or dwelling room without sprinklers, kW: the order of GB 51251-2017 table 4.6.7 (6 MW), from memory.
const fn default_peak() -> f64 {
    6000.0
}

const fn default_growth_spread() -> f64 {
    0.3
}

/// How a quantity is spread over people.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum PeopleSpread {
    /// All the same.
    Constant {
        /// The value.
        value: f64,
    },
    /// Every value between two bounds equally likely.
    Uniform {
        /// Least.
        low: f64,
        /// Greatest.
        high: f64,
    },
    /// Normal, cut at the bounds.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        sd: f64,
        /// Least.
        low: f64,
        /// Greatest.
        high: f64,
    },
    /// Logarithm is normal, as pre-movement times are (ISO/TR 16738; Lovreglio et al. 2019).
    LogNormal {
        /// Median.
        median: f64,
        /// Standard deviation of the logarithm, 0..3.
        sigma: f64,
        /// Greatest.
        high: f64,
    },
}

/// People of one space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpaceCount {
    /// The space.
    pub space: String,
    /// How many, 0..100000.
    pub count: u32,
}

/// Who is in the building.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct People {
    /// Counted spaces; the others are filled by density.
    pub spaces: Vec<SpaceCount>,
    /// Persons per m² by use where it differs from [`People::default_density`], 0..6.
    pub density_ppm2: BTreeMap<SpaceUse, f64>,
    /// Factor on densities (not on counts), 0..10.
    pub occupancy: f64,
    /// Share of slow walkers (行动不便), 0..1.
    pub slow_share: f64,
    /// Share of people who cannot use stairs without help (需协助), 0..1.
    pub assisted_share: f64,
    /// Time from the alarm to setting off, s (反应时间).
    pub pre_movement_s: PeopleSpread,
    /// Free speed of the others on the level, m/s.
    pub speed_mps: PeopleSpread,
}

impl Default for People {
    fn default() -> Self {
        Self {
            spaces: Vec::new(),
            density_ppm2: BTreeMap::new(),
            occupancy: 1.0,
            slow_share: 0.1,
            assisted_share: 0.0,
            // Trained staff and voice alarm, order of ISO/TR 16738 and PD 7974-6 table C.1 for level M1 B1 A1; from memory.
            pre_movement_s: PeopleSpread::LogNormal { median: 60.0, sigma: 0.6, high: 600.0 },
            // Weidmann (1993), cut at two deviations.
            speed_mps: PeopleSpread::Normal { mean: 1.34, sd: 0.26, low: 0.82, high: 1.86 },
        }
    }
}

impl People {
    /// Persons per m² of a use where the scenario says nothing. All from memory.
    ///
    /// Shops 0.43: GB 50016-2014 table 5.5.21-2, lower value for the first and second storey. Assembly 0.5: GB 50016-2014
    /// 5.5.21 (places of amusement other than cinemas). Offices 1/9.3 and dwellings 1/18.6: NFPA 101 table 7.3.1.2. Car parks
    /// 1/46.5: the same, storage. Nobody stays in corridors, stairs, shafts, plant rooms, or where no use is said.
    #[must_use]
    pub const fn default_density(of: SpaceUse) -> f64 {
        match of {
            SpaceUse::Dwelling => 1.0 / 18.6,
            SpaceUse::Office => 1.0 / 9.3,
            SpaceUse::Shop => 0.43,
            SpaceUse::Assembly => 0.5,
            SpaceUse::Parking => 1.0 / 46.5,
            SpaceUse::Circulation | SpaceUse::Stair | SpaceUse::Shaft | SpaceUse::Service | SpaceUse::Unknown => 0.0,
        }
    }

    /// Persons per m² of a use in this scenario.
    #[must_use]
    pub fn density(&self, of: SpaceUse) -> f64 {
        self.occupancy * self.density_ppm2.get(&of).copied().unwrap_or_else(|| Self::default_density(of))
    }
}

/// How smoke slows people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmokeSpeedLaw {
    /// Frantzich and Nilsson (Lund 2003).
    #[default]
    Lund,
    /// Fridolf et al.
    Fridolf,
    /// Smoke does not slow.
    Off,
}

/// Water on the floor of a space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaterOnFloor {
    /// The space.
    pub space: String,
    /// From when on, s in [0, duration].
    pub at_s: f64,
    /// Depth, m, 0..100.
    pub depth_m: f64,
    /// Speed, m/s, 0..50.
    #[serde(default)]
    pub speed_mps: f64,
}

/// Something done during the evacuation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "action", deny_unknown_fields)]
pub enum EvacIntervention {
    /// Shuts a door that was held or left open; people may still pass.
    CloseDoor {
        /// The door.
        door: String,
        /// When, s.
        at_s: f64,
    },
    /// Opens a door or window and holds it open.
    OpenDoor {
        /// The door or window.
        door: String,
        /// When, s.
        at_s: f64,
    },
    /// Nobody passes from now on; shut for smoke.
    BlockDoor {
        /// The door.
        door: String,
        /// When, s.
        at_s: f64,
    },
    /// Nobody uses this stair from now on.
    BlockStair {
        /// The stair; a name that several flights share stands for all.
        stair: String,
        /// When, s.
        at_s: f64,
    },
    /// People use it again.
    UnblockStair {
        /// The stair.
        stair: String,
        /// When, s.
        at_s: f64,
    },
    /// A voice message (语音广播): whoever still waits then has only this share of the rest of their waiting left.
    VoiceMessage {
        /// Share of the remaining pre-movement time, 0..1.
        remaining: f64,
        /// When, s.
        at_s: f64,
    },
    /// Smoke exhaust (排烟风机) from a space to the open air.
    Fan {
        /// The space.
        space: String,
        /// Volume flow, m³/s in (0, 200].
        flow_m3ps: f64,
        /// When it starts, s.
        at_s: f64,
    },
}

impl EvacIntervention {
    /// When it happens, s.
    #[must_use]
    pub const fn at_s(&self) -> f64 {
        match self {
            Self::CloseDoor { at_s, .. }
            | Self::OpenDoor { at_s, .. }
            | Self::BlockDoor { at_s, .. }
            | Self::BlockStair { at_s, .. }
            | Self::UnblockStair { at_s, .. }
            | Self::VoiceMessage { at_s, .. }
            | Self::Fan { at_s, .. } => *at_s,
        }
    }
}

impl EvacScenario {
    /// Checks every number against its documented range.
    ///
    /// # Errors
    /// The first [`ScenarioError`] found, in field order.
    pub fn validate(&self) -> Result<(), ScenarioError> {
        self.range("duration_s", self.duration_s, 10.0, 36_000.0, "s")?;
        self.range("frame_interval_s", self.frame_interval_s, 1.0, self.duration_s, "s")?;
        self.range("members", f64::from(self.members), 1.0, 1000.0, "")?;
        if let Some(fire) = &self.fire {
            self.check_fire("fire", fire)?;
        }
        for (k, f) in self.fires.iter().enumerate() {
            self.range(&format!("fires[{k}].probability"), f.probability, 1e-12, 1e12, "")?;
            self.check_fire(&format!("fires[{k}].source"), &f.source)?;
        }
        self.check_people()?;
        self.range("doors.leak_share", self.doors.leak_share, 0.0, 1.0, "")?;
        self.range("doors.window_leak_share", self.doors.window_leak_share, 0.0, 1.0, "")?;
        self.range("doors.closing_s", self.doors.closing_s, 1.0, 60.0, "s")?;
        self.range("detection.obscuration_per_m", self.detection.obscuration_per_m, 0.0005, 0.99, "")?;
        self.range("detection.delay_s", self.detection.delay_s, 0.0, 3600.0, "s")?;
        if let Some(alarm_s) = self.detection.alarm_s {
            self.range("detection.alarm_s", alarm_s, 0.0, self.duration_s, "s")?;
        }
        self.range("weather.outside_c", self.weather.outside_c, -50.0, 55.0, "°C")?;
        self.range("weather.inside_c", self.weather.inside_c, -30.0, 45.0, "°C")?;
        self.range("weather.wind_mps", self.weather.wind_mps, 0.0, 60.0, "m/s")?;
        self.range("weather.wind_from_deg", self.weather.wind_from_deg, 0.0, 360.0, "°")?;
        if let Some(s) = &self.sprinklers {
            self.range("sprinklers.set_c", s.set_c, 25.0, 400.0, "°C")?;
            self.range("sprinklers.rti", s.rti, 1.0, 1000.0, "(m s)^0.5")?;
            self.range("sprinklers.spray_mmpmin", s.spray_mmpmin, 0.6, 600.0, "mm/min")?;
        }
        if let Some(o) = &self.outdoor {
            o.check(self)?;
        }
        if let Some(f) = &self.flood {
            self.range("flood.from_s", f.from_s, 0.0, 1e7, "s")?;
        }
        for (k, w) in self.water.iter().enumerate() {
            let at = |field: &str| format!("water[{k}].{field}");
            self.range(&at("at_s"), w.at_s, 0.0, self.duration_s, "s")?;
            self.range(&at("depth_m"), w.depth_m, 0.0, 100.0, "m")?;
            self.range(&at("speed_mps"), w.speed_mps, 0.0, 50.0, "m/s")?;
        }
        for (k, i) in self.interventions.iter().enumerate() {
            let at = |field: &str| format!("interventions[{k}].{field}");
            self.range(&at("at_s"), i.at_s(), 0.0, self.duration_s, "s")?;
            match i {
                EvacIntervention::VoiceMessage { remaining, .. } => {
                    self.range(&at("remaining"), *remaining, 0.0, 1.0, "")?;
                }
                EvacIntervention::Fan { flow_m3ps, .. } => {
                    self.range(&at("flow_m3ps"), *flow_m3ps, 0.001, 200.0, "m3/s")?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn check_fire(&self, field: &str, fire: &FireSource) -> Result<(), ScenarioError> {
        let at = |name: &str| format!("{field}.{name}");
        match &fire.growth {
            FireGrowth::AlphaKwps2(a) => self.range(&at("growth.alpha_kwps2"), *a, 1e-4, 10.0, "kW/s2")?,
            FireGrowth::Table(points) => self.check_table(&at("growth.table"), points)?,
            _ => {}
        }
        self.range(&at("peak_kw"), fire.peak_kw, 1.0, 100_000.0, "kW")?;
        self.range(&at("start_s"), fire.start_s, 0.0, self.duration_s, "s")?;
        self.range(&at("growth_sigma"), fire.growth_sigma, 0.0, 2.0, "")
    }

    fn check_table(&self, field: &str, points: &[(f64, f64)]) -> Result<(), ScenarioError> {
        if points.is_empty() {
            return Err(self.error(field, "no points".into(), "at least one point"));
        }
        let mut last = 0.0;
        for (t, kw) in points {
            self.range(&format!("{field}.time"), *t, last, 1e6, "s")?;
            self.range(&format!("{field}.value"), *kw, 0.0, 100_000.0, "kW")?;
            last = *t;
        }
        Ok(())
    }

    fn check_people(&self) -> Result<(), ScenarioError> {
        let p = &self.people;
        for (k, s) in p.spaces.iter().enumerate() {
            self.range(&format!("people.spaces[{k}].count"), f64::from(s.count), 0.0, 100_000.0, "")?;
        }
        for (of, density) in &p.density_ppm2 {
            self.range(&format!("people.density_ppm2.{of:?}").to_lowercase(), *density, 0.0, 6.0, "1/m2")?;
        }
        self.range("people.occupancy", p.occupancy, 0.0, 10.0, "")?;
        self.range("people.slow_share", p.slow_share, 0.0, 1.0, "")?;
        self.range("people.assisted_share", p.assisted_share, 0.0, 1.0 - p.slow_share, "")?;
        self.spread("people.pre_movement_s", &p.pre_movement_s, 0.0, 36_000.0, "s")?;
        self.spread("people.speed_mps", &p.speed_mps, 0.05, 3.0, "m/s")
    }

    fn spread(&self, field: &str, s: &PeopleSpread, low: f64, high: f64, unit: &str) -> Result<(), ScenarioError> {
        let at = |name: &str| format!("{field}.{name}");
        match *s {
            PeopleSpread::Constant { value } => self.range(&at("value"), value, low, high, unit),
            PeopleSpread::Uniform { low: a, high: b } => {
                self.range(&at("low"), a, low, high, unit)?;
                self.range(&at("high"), b, a, high, unit)
            }
            PeopleSpread::Normal { mean, sd, low: a, high: b } => {
                self.range(&at("low"), a, low, high, unit)?;
                self.range(&at("high"), b, a, high, unit)?;
                self.range(&at("mean"), mean, a, b, unit)?;
                self.range(&at("sd"), sd, 0.0, 1e6, unit)
            }
            PeopleSpread::LogNormal { median, sigma, high: b } => {
                self.range(&at("high"), b, low, high, unit)?;
                self.range(&at("median"), median, low.max(1e-6), b, unit)?;
                self.range(&at("sigma"), sigma, 0.0, 3.0, "")
            }
        }
    }

    pub(crate) fn range(&self, field: &str, value: f64, low: f64, high: f64, unit: &str) -> Result<(), ScenarioError> {
        if value >= low && value <= high {
            return Ok(());
        }
        let (value, allowed) = (format!("{value} {unit}"), format!("{low}..{high} {unit}"));
        Err(self.error(field, value.trim_end().to_owned(), allowed.trim_end()))
    }

    pub(crate) fn error(&self, field: &str, value: String, allowed: &str) -> ScenarioError {
        ScenarioError { scenario: self.name.clone(), field: field.to_owned(), value, allowed: allowed.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(extra: &str) -> Result<EvacScenario, serde_json::Error> {
        let text = format!(r#"{{"kind": "evacuation", "name": "演练", "duration_s": 600{extra}}}"#);
        serde_json::from_str(&text)
    }

    fn said(extra: &str) -> String {
        read(extra).unwrap().validate().unwrap_err().to_string()
    }

    #[test]
    fn a_short_scenario_is_complete() {
        let s = read("").unwrap();
        assert_eq!(s.validate(), Ok(()));
        assert_eq!((s.members, s.frame_interval_s), (1, 1.0));
        assert_eq!(serde_json::from_str::<EvacScenario>(&serde_json::to_string(&s).unwrap()).unwrap(), s);
    }

    #[test]
    fn growth_is_a_word_a_number_or_a_table() {
        let growth =
            |g: &str| read(&format!(r#", "fire": {{"space": "101", "growth": {g}}}"#)).unwrap().fire.unwrap().growth;
        assert_eq!(growth(r#""fast""#), FireGrowth::Fast);
        assert_eq!(growth(r#"{"alpha_kwps2": 0.02}"#).alpha_kwps2(), Some(0.02));
        assert_eq!(growth(r#"{"table": [[0, 0], [60, 500]]}"#), FireGrowth::Table(vec![(0.0, 0.0), (60.0, 500.0)]));
    }

    #[test]
    fn each_bad_value_is_one_clear_line() {
        assert_eq!(
            said(r#", "fire": {"space": "101", "growth": {"alpha_kwps2": -0.1}}"#),
            "scenario \"演练\": fire.growth.alpha_kwps2 = -0.1 kW/s2: must be 0.0001..10 kW/s2"
        );
        assert_eq!(
            said(r#", "fire": {"space": "101", "growth": {"table": [[0, 0], [60, 5], [30, 9]]}}"#),
            "scenario \"演练\": fire.growth.table.time = 30 s: must be 60..1000000 s"
        );
        assert_eq!(said(r#", "members": 0"#), "scenario \"演练\": members = 0: must be 1..1000");
        assert_eq!(
            said(r#", "people": {"slow_share": 0.6, "assisted_share": 0.5}"#),
            "scenario \"演练\": people.assisted_share = 0.5: must be 0..0.4"
        );
        assert_eq!(
            said(r#", "people": {"speed_mps": {"kind": "constant", "value": 0}}"#),
            "scenario \"演练\": people.speed_mps.value = 0 m/s: must be 0.05..3 m/s"
        );
        assert_eq!(
            said(r#", "interventions": [{"action": "fan", "space": "101", "flow_m3ps": 0, "at_s": 5}]"#),
            "scenario \"演练\": interventions[0].flow_m3ps = 0 m3/s: must be 0.001..200 m3/s"
        );
        assert!(
            read(r#", "fire": {"space": "101", "fuel": "plutonium"}"#).unwrap_err().to_string().contains("plutonium")
        );
        assert!(read(r#", "peeple": {}"#).unwrap_err().to_string().contains("peeple"));
    }

    #[test]
    fn densities_by_use_can_be_changed() {
        let s = read(r#", "people": {"density_ppm2": {"office": 0.2}, "occupancy": 0.5}"#).unwrap();
        assert_eq!(s.people.density(SpaceUse::Office), 0.1);
        assert_eq!(s.people.density(SpaceUse::Shop), 0.215);
        assert_eq!(s.people.density(SpaceUse::Shaft), 0.0);
    }
}
