//! What a live forecast of an evacuation starts from (实时疏散推演的起点): counts of people, signals of detectors, the fires that
//! may be behind them. People are counted, never identified.

use crate::{
    Detection, DoorState, DoorStates, EvacKind, EvacScenario, EvacWeather, FireSource, MembersWalk, OpeningIndex,
    People, SmokeDetail, SmokeSpeedLaw, TimeMs,
};
use serde::{Deserialize, Serialize};

/// Whose number a counter tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountScope {
    /// Everybody in the building.
    Building,
    /// Everybody on a storey, by its name.
    Storey(String),
    /// Everybody in a space, `storey/name` or a name that only one has.
    Space(String),
    /// People who went through a door one way less those who went the other way (门禁净流量).
    Door {
        /// The door; a name that several share is not taken.
        door: String,
        /// The space on the side that is counted into; for an exit it may be left out: into the building.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        into: Option<String>,
        /// Counted over this time up to the observation, s, > 0.
        since_s: f64,
    },
}

/// A counter's reading (人数观测).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountObservation {
    /// Whose number.
    pub scope: CountScope,
    /// Persons, 0..1000000; of a door -1000000..1000000.
    pub count: f64,
    /// Standard deviation of the reading, persons, 0..1000000; 0: exact.
    #[serde(default)]
    pub sd: f64,
    /// Age of the reading, s, 0..86400: people have moved since.
    #[serde(default)]
    pub age_s: f64,
}

/// Kind of day for the hours at which people are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayKind {
    /// Working day (工作日).
    Work,
    /// Day of rest (节假日).
    Rest,
}

/// How many people are at a place, with uncertainty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PeopleEstimate {
    /// The building, a storey, or `storey/name` of a space.
    pub place: String,
    /// Mean over the draws.
    pub mean: f64,
    /// 5 % of the draws are at most this.
    pub p05: u32,
    /// 95 % of the draws are at most this.
    pub p95: u32,
}

/// Who is where (在场人数估计).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OccupancyEstimate {
    /// The whole building.
    pub building: PeopleEstimate,
    /// Storeys in the plan's order.
    pub storeys: Vec<PeopleEstimate>,
    /// Spaces in the plan's order.
    pub spaces: Vec<PeopleEstimate>,
}

/// What answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalKind {
    /// Smoke detector (感烟探测器).
    #[default]
    Smoke,
    /// Heat detector (感温探测器).
    Heat,
    /// Water flow of a sprinkler (喷淋水流指示器).
    SprinklerFlow,
}

/// A detector's signal (报警信号).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetectorSignal {
    /// Its space, `storey/name` or a name that only one has.
    pub space: String,
    /// What answered.
    #[serde(default)]
    pub kind: SignalKind,
    /// When.
    pub at: TimeMs,
}

/// What is known of a building now: where a live scenario starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveStart {
    /// Detectors that answered, at least one.
    pub signals: Vec<DetectorSignal>,
    /// Counters' readings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<CountObservation>,
    /// The present.
    pub now: TimeMs,
}

/// What a forecast made of its signals and counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveOutcome {
    /// The instant of second 0.
    pub origin: TimeMs,
    /// The present, s on the scenario's clock.
    pub now_s: f64,
    /// Where it may burn, most probable first.
    pub rooms: Vec<RoomChance>,
    /// Probability that every signal was false (误报).
    pub false_alarm: f64,
    /// Probability that the doors of the burning room stood open.
    pub door_open: f64,
    /// People in the building.
    pub people: PeopleEstimate,
}

/// A fire with its probability, an entry of `[[fires]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LikelyFire {
    /// Weight, > 0; the list is scaled to 1.
    pub probability: f64,
    /// The fire.
    pub source: FireSource,
}

/// How probable it is that a space burns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoomChance {
    /// `storey/name`.
    pub space: String,
    /// Given that there is a fire at all.
    pub probability: f64,
    /// Most probable start, s on the scenario's clock.
    pub started_s: f64,
}

/// All that a forecast from live signals starts from; a run folder keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveForecast {
    /// Ready to run: people by space, time of the alarm, fires of the members.
    pub scenario: EvacScenario,
    /// The instant of second 0.
    pub origin: TimeMs,
    /// The present, s on the scenario's clock.
    pub now_s: f64,
    /// Where it may burn, most probable first.
    pub rooms: Vec<RoomChance>,
    /// Probability that every signal was false (误报).
    pub false_alarm: f64,
    /// Probability that the doors of the burning room stood open.
    pub door_open: f64,
    /// Who is where.
    pub people: OccupancyEstimate,
    /// People per space (the plan's order) of every member; the scenario holds one vector for all.
    pub people_by_member: Vec<Vec<u32>>,
    /// Doors of every member that stand otherwise than the scenario says: those of its burning room by its belief.
    #[serde(default)]
    pub doors_by_member: Vec<Vec<(OpeningIndex, DoorState)>>,
    /// What to doubt, one line each.
    pub doubts: Vec<String>,
}

/// What a fire alarm on a property means; `None` for other properties.
#[must_use]
pub fn fire_signal(property: &str) -> Option<SignalKind> {
    match property {
        "smoke_alarm" | "smoke" => Some(SignalKind::Smoke),
        "heat_alarm" => Some(SignalKind::Heat),
        "sprinkler_flow" => Some(SignalKind::SprinklerFlow),
        _ => None,
    }
}

impl EvacScenario {
    /// A drill by defaults: the only building, one member, nothing done.
    #[must_use]
    pub fn new(name: String, duration_s: f64) -> Self {
        Self {
            kind: EvacKind::Evacuation,
            name,
            building: None,
            duration_s,
            frame_interval_s: 1.0,
            seed: 0,
            members: 1,
            members_walk: MembersWalk::default(),
            fire: None,
            fires: vec![],
            live: None,
            people: People::default(),
            smoke_law: SmokeSpeedLaw::default(),
            doors: DoorStates::default(),
            detection: Detection::default(),
            smoke_detail: SmokeDetail::default(),
            weather: EvacWeather::default(),
            sprinklers: None,
            outdoor: None,
            flood: None,
            water: vec![],
            interventions: vec![],
        }
    }

    /// Whether it starts from live signals with nothing done: a forecast, not a what-if.
    #[must_use]
    pub fn is_forecast(&self) -> bool {
        self.live.is_some() && self.interventions.is_empty()
    }

    /// The fire of member `k`: of `fires`, if there are any, that at the (k + ½)/members quantile of their probabilities, else
    /// `fire`. With as many equally probable fires as members each member has its own.
    #[must_use]
    pub fn fire_of_member(&self, k: u32) -> Option<&FireSource> {
        let sum: f64 = self.fires.iter().map(|f| f.probability).sum();
        let wanted = sum * (f64::from(k) + 0.5) / f64::from(self.members.max(1));
        let mut below = 0.0;
        for f in &self.fires {
            below += f.probability;
            if wanted < below {
                return Some(&f.source);
            }
        }
        self.fires.last().map(|f| &f.source).or(self.fire.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FireFuel, FireGrowth};

    fn scenario(members: u32, fires: &[f64]) -> EvacScenario {
        let text = format!(r#"{{"kind": "evacuation", "name": "x", "duration_s": 600, "members": {members}}}"#);
        let mut s: EvacScenario = serde_json::from_str(&text).unwrap();
        let source = |k: usize| FireSource {
            space: format!("R{k}"),
            growth: FireGrowth::Fast,
            peak_kw: 1000.0,
            fuel: FireFuel::Wood,
            start_s: 0.0,
            growth_sigma: 0.0,
        };
        s.fire = Some(source(99));
        s.fires = fires.iter().enumerate().map(|(k, p)| LikelyFire { probability: *p, source: source(k) }).collect();
        s
    }

    fn rooms(s: &EvacScenario) -> Vec<&str> {
        (0..s.members).map(|k| s.fire_of_member(k).unwrap().space.as_str()).collect()
    }

    #[test]
    fn members_share_the_fires_by_probability() {
        assert_eq!(rooms(&scenario(4, &[0.5, 0.25, 0.25])), ["R0", "R0", "R1", "R2"]);
        assert_eq!(rooms(&scenario(3, &[1.0, 1.0, 1.0])), ["R0", "R1", "R2"]);
        assert_eq!(rooms(&scenario(2, &[])), ["R99", "R99"]);
    }

    #[test]
    fn weights_and_fires_are_checked() {
        assert_eq!(scenario(2, &[0.5, 0.5]).validate(), Ok(()));
        let said = scenario(2, &[0.5, -1.0]).validate().unwrap_err().to_string();
        assert_eq!(said, "scenario \"x\": fires[1].probability = -1: must be 0.000000000001..1000000000000");
        let mut late = scenario(2, &[0.5]);
        late.fires[0].source.start_s = 900.0;
        assert!(late.validate().unwrap_err().to_string().contains("fires[0].source.start_s = 900 s"));
        let again: EvacScenario = serde_json::from_str(&serde_json::to_string(&scenario(2, &[0.5])).unwrap()).unwrap();
        assert_eq!(again, scenario(2, &[0.5]));
    }

    #[test]
    fn scopes_read_as_short_words() {
        let read = |t: &str| serde_json::from_str::<CountObservation>(t).unwrap();
        assert_eq!(read(r#"{"scope": "building", "count": 30}"#).scope, CountScope::Building);
        assert_eq!(read(r#"{"scope": {"storey": "2F"}, "count": 9, "sd": 2}"#).scope, CountScope::Storey("2F".into()));
        let door = read(r#"{"scope": {"door": {"door": "west", "since_s": 3600}}, "count": -4}"#);
        assert_eq!(door.scope, CountScope::Door { door: "west".into(), into: None, since_s: 3600.0 });
    }
}
