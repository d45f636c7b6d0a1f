//! When would each detector answer, if it burned there? A table over candidate fires, made once and read at every new alarm.
//!
//! Only the part of the building round the candidates is computed: what lies behind its edge counts as open air. A fire of wood
//! is read from the same course as one of foam by a detector with another threshold, for soot is carried but drives nothing.

use crate::EvacError;
use crate::infer::{RoomDoors, SeenSignal};
use crate::model::EvacModel;
use crate::names::Names;
use crate::network::smoke_network;
use sim_core::CancelToken;
use sim_fire::{
    Detector, DetectorKind, Fire, FireParams, FireRunOf, Fuel, HeatCurve, Member, Network, SpaceId, VentId,
};
use std::collections::BTreeSet;
use twin_model::{
    BuildingPlan, DetectorPlaces, DoorState, EvacScenario, FireFuel, FireGrowth, FireSource, OpeningKind, SignalKind,
    SmokeDetail, SpaceIndex, SpaceUse,
};

/// Growth classes tried.
pub(crate) const GROWTHS: [FireGrowth; 4] =
    [FireGrowth::Slow, FireGrowth::Medium, FireGrowth::Fast, FireGrowth::Ultrafast];
/// Fires of a block.
const LANES: usize = 8;
/// Step of the smoke model here, s: four times its default. Detector times move by less than the scatter asked of them.
const STEP_S: f64 = 2.0;
/// A block is looked at after so many seconds, s.
const LOOK_S: f64 = 16.0;
/// A course goes on for this many times what its first detector took, and the reach on top: 3 σ of the scatter would be 2.8 times,
/// but beyond 1.6 the silence of a detector tells little that the first answers have not told.
const BEYOND: f64 = 1.6;
/// Heat detectors: 57 °C (135 °F) and a response time index of 50 (m s)^½, an ordinary fast one (NFPA 72 annex B, from memory).
const HEAT: (f64, f64) = (57.0, 50.0);
/// Sprinklers: 68 °C, 80 (m s)^½, special response (GB 5135.1, from memory).
const SPRINKLER: (f64, f64) = (68.0, 80.0);

/// Who may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sensor {
    pub space: SpaceIndex,
    pub kind: SignalKind,
}

/// A candidate fire and when each sensor answers it, s since its start; infinite: not within the course.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Course {
    pub space: SpaceIndex,
    pub growth: FireGrowth,
    pub fuel: FireFuel,
    pub doors: RoomDoors,
    pub times_s: Vec<f64>,
}

/// Answers of all detectors near some rooms to fires in each of them (探测器响应表).
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmTable {
    pub(crate) rooms: BTreeSet<SpaceIndex>,
    pub(crate) sensors: Vec<Sensor>,
    pub(crate) courses: Vec<Course>,
    pub(crate) reach_s: f64,
    pub(crate) peak_kw: f64,
}

impl AlarmTable {
    /// Rooms in which a fire was tried.
    #[must_use]
    pub const fn rooms(&self) -> &BTreeSet<SpaceIndex> {
        &self.rooms
    }

    /// Fires tried.
    #[must_use]
    pub fn fires(&self) -> usize {
        self.courses.len()
    }

    /// When the smoke detector of a space answers each fire: (room, growth, fuel, doors, s since its start), infinite where it
    /// does not. Empty for a space without one in the table.
    #[must_use]
    pub fn answers(&self, detector: SpaceIndex) -> Vec<(SpaceIndex, FireGrowth, FireFuel, RoomDoors, f64)> {
        let sensor = Sensor { space: detector, kind: SignalKind::Smoke };
        let Some(k) = self.sensors.iter().position(|s| *s == sensor) else { return Vec::new() };
        let told = |c: &Course| (c.space, c.growth.clone(), c.fuel, c.doors, c.times_s[k]);
        self.courses.iter().map(told).collect()
    }
}

/// What a table covers.
pub(crate) struct TableSpec {
    pub rooms: BTreeSet<SpaceIndex>,
    /// Signals other than smoke, and spaces that have to be in the part computed.
    pub signals: Vec<Sensor>,
    /// Seconds between the first answer and the present that it has to explain.
    pub reach_s: f64,
    pub horizon_s: f64,
    pub peak_kw: f64,
}

impl TableSpec {
    /// Whether a table made before does.
    pub fn met_by(&self, t: &AlarmTable) -> bool {
        let known = |s: &Sensor| t.sensors.contains(s);
        self.rooms.is_subset(&t.rooms)
            && self.signals.iter().all(known)
            && self.reach_s <= t.reach_s
            && self.peak_kw == t.peak_kw
    }
}

/// A part of the plan with a network of its own.
struct Part {
    network: Network,
    /// Per space of the part: its number in the whole plan, its zones.
    spaces: Vec<(SpaceIndex, Vec<SpaceId>)>,
    /// (opening of the whole plan, vent of the part).
    vents: Vec<(usize, VentId)>,
}

/// Detectors of a part; each tells a sensor, for one fuel or for all.
struct Sensing {
    sensors: Vec<Sensor>,
    detectors: Vec<Detector>,
    tells: Vec<(usize, Option<FireFuel>)>,
}

type Candidate = (SpaceIndex, FireGrowth, RoomDoors);

impl EvacModel {
    pub(crate) fn make_table(&self, spec: &TableSpec, cancel: &CancelToken) -> Result<AlarmTable, EvacError> {
        let wanted: BTreeSet<SpaceIndex> =
            spec.rooms.iter().copied().chain(spec.signals.iter().map(|s| s.space)).collect();
        let part = self.part(&self.with_neighbours(&wanted))?;
        let sensing = self.sensing(&part, &spec.signals);
        let mut candidates: Vec<Candidate> = spec.rooms.iter().flat_map(|s| self.candidates(*s)).collect();
        // Fires of a block share its steps and its end: like goes with like.
        candidates.sort_by_key(|c| GROWTHS.iter().position(|g| *g == c.1));
        let blocks: Vec<&[Candidate]> = candidates.chunks(LANES).collect();
        let courses = each(blocks.len(), |k| self.block(&part, &sensing, blocks[k], spec, cancel))?;
        Ok(AlarmTable {
            rooms: spec.rooms.clone(),
            courses: courses.into_iter().flatten().collect(),
            sensors: sensing.sensors,
            reach_s: spec.reach_s,
            peak_kw: spec.peak_kw,
        })
    }

    /// Doors of a room whose state nobody named.
    pub(crate) fn unknown_doors(&self, room: SpaceIndex) -> Vec<usize> {
        let of = |k: &usize| {
            let o = &self.plan.openings[*k];
            o.kind == OpeningKind::Door && o.sides.contains(&Some(room)) && !self.is_named(*k)
        };
        (0..self.plan.openings.len()).filter(of).collect()
    }

    fn is_named(&self, opening: usize) -> bool {
        let name = &self.plan.openings[opening].name;
        // Plans from IFC append the GlobalId in brackets.
        let plain = name.strip_suffix(')').and_then(|f| f.rsplit_once(" (")).map_or(name.as_str(), |(plain, _)| plain);
        self.scenario.doors.named.keys().any(|n| n == name || n == plain)
    }

    /// All doors of a corridor are not open or shut together: those stand as the scenario says.
    fn candidates(&self, space: SpaceIndex) -> Vec<Candidate> {
        let through = matches!(self.plan.spaces[space.index()].use_, SpaceUse::Circulation | SpaceUse::Stair);
        let unknown = !through && !self.unknown_doors(space).is_empty();
        let doors = if unknown { vec![RoomDoors::Shut, RoomDoors::Open] } else { vec![RoomDoors::Known] };
        doors.into_iter().flat_map(|d| GROWTHS.into_iter().map(move |g| (space, g, d))).collect()
    }

    /// Those spaces and all that touch them.
    fn with_neighbours(&self, spaces: &BTreeSet<SpaceIndex>) -> BTreeSet<SpaceIndex> {
        let openings = self.plan.openings.iter().filter_map(|o| o.sides[0].zip(o.sides[1]));
        let pairs = openings.chain(self.plan.stairs.iter().map(|s| (s.lower, s.upper)));
        let beside = pairs.filter(|(a, b)| spaces.contains(a) || spaces.contains(b)).flat_map(|(a, b)| [a, b]);
        spaces.iter().copied().chain(beside).collect()
    }

    fn part(&self, kept: &BTreeSet<SpaceIndex>) -> Result<Part, EvacError> {
        let list: Vec<SpaceIndex> = kept.iter().copied().collect();
        let new = |s: SpaceIndex| list.binary_search(&s).ok().map(|k| SpaceIndex(k as u32));
        let mut plan = BuildingPlan {
            building: None,
            name: self.plan.name.clone(),
            storeys: self.plan.storeys.clone(),
            spaces: list.iter().map(|s| self.plan.spaces[s.index()].clone()).collect(),
            ..BuildingPlan::default()
        };
        let mut from = Vec::new();
        for (k, o) in self.plan.openings.iter().enumerate() {
            let sides = o.sides.map(|s| s.and_then(new));
            if sides != [None, None] {
                plan.openings.push(twin_model::PlanOpening { sides, ..o.clone() });
                from.push(k);
            }
        }
        for s in &self.plan.stairs {
            if let (Some(lower), Some(upper)) = (new(s.lower), new(s.upper)) {
                plan.stairs.push(twin_model::PlanStair { lower, upper, ..s.clone() });
            }
        }
        let mut scenario: EvacScenario = self.scenario.clone();
        scenario.interventions.clear();
        scenario.detection.detectors = DetectorPlaces::Nowhere;
        // The part is near the fire altogether.
        scenario.smoke_detail = SmokeDetail::Full;
        let made = smoke_network(&Names { plan: &plan, scenario: &scenario })?;
        let vents = from.into_iter().zip(made.vents).filter_map(|(k, v)| v.map(|v| (k, v))).collect();
        Ok(Part { network: made.network, spaces: list.into_iter().zip(made.zones).collect(), vents })
    }

    fn sensing(&self, part: &Part, signals: &[Sensor]) -> Sensing {
        let mut out = Sensing { sensors: Vec::new(), detectors: Vec::new(), tells: Vec::new() };
        for (space, zones) in &part.spaces {
            let smoke = self.smoke.detector_spaces.iter().position(|s| s == space);
            if let Some(like) = smoke.map(|k| &self.smoke.detectors[k]) {
                let sensor = out.sensors.len();
                out.sensors.push(Sensor { space: *space, kind: SignalKind::Smoke });
                for zone in zones {
                    for fuel in [FireFuel::Polyurethane, FireFuel::Wood] {
                        let kind = seen_through(like.kind, fuel);
                        out.detectors.push(Detector { space: *zone, kind, ..like.clone() });
                        out.tells.push((sensor, Some(fuel)));
                    }
                }
            }
            for s in signals.iter().filter(|s| s.space == *space && s.kind != SignalKind::Smoke) {
                let sensor = out.sensors.len();
                out.sensors.push(*s);
                let (set_c, rti) = if s.kind == SignalKind::Heat { HEAT } else { SPRINKLER };
                for zone in zones {
                    let (name, kind) = (format!("{:?}", s.kind), DetectorKind::Heat { set_c, rti });
                    out.detectors.push(Detector { name, space: *zone, kind, distance_m: 3.0 });
                    out.tells.push((sensor, None));
                }
            }
        }
        out
    }

    fn block(
        &self,
        part: &Part,
        sensing: &Sensing,
        candidates: &[Candidate],
        spec: &TableSpec,
        cancel: &CancelToken,
    ) -> Result<Vec<Course>, EvacError> {
        let fires: Vec<Member> = candidates
            .iter()
            .map(|(s, g, _)| Member::with_fire(self.candidate_fire(part, *s, g, spec.peak_kw)))
            .collect();
        let params = FireParams { dt_s: STEP_S, ..FireParams::default() };
        let mut run = FireRunOf::<LANES>::new(part.network.clone(), fires, sensing.detectors.clone(), params)?;
        for (lane, (space, _, doors)) in candidates.iter().enumerate() {
            let own = if *doors == RoomDoors::Known { Vec::new() } else { self.unknown_doors(*space) };
            for (opening, vent) in &part.vents {
                let state = match doors {
                    RoomDoors::Open if own.contains(opening) => DoorState::Open,
                    RoomDoors::Shut if own.contains(opening) => DoorState::SelfClosing,
                    _ => self.doors[*opening],
                };
                run.set_opening(lane, *vent, Some(self.open_share(*opening, state, false, false)))?;
            }
        }
        let fuels = [FireFuel::Polyurethane, FireFuel::Wood];
        let mut times: Vec<Vec<f64>>;
        loop {
            run.advance_to(run.t_s() + LOOK_S, cancel)?;
            times = Vec::new();
            for lane in 0..candidates.len() {
                let alarms = run.alarms_s(lane)?;
                times.extend(fuels.map(|f| sensing.times_s(&alarms, f)));
            }
            let told = |list: &Vec<f64>| {
                let first = list.iter().copied().fold(f64::INFINITY, f64::min);
                run.t_s() >= BEYOND * first + spec.reach_s
            };
            if run.t_s() >= spec.horizon_s || times.iter().all(told) {
                break;
            }
        }
        let lanes = candidates.iter().flat_map(|c| fuels.map(|f| (c, f)));
        let course = |((c, fuel), times_s): ((&Candidate, FireFuel), Vec<f64>)| Course {
            space: c.0,
            growth: c.1.clone(),
            fuel,
            doors: c.2,
            times_s,
        };
        Ok(lanes.zip(times).map(course).collect())
    }

    fn candidate_fire(&self, part: &Part, space: SpaceIndex, growth: &FireGrowth, peak_kw: f64) -> Fire {
        let source = FireSource {
            space: String::new(),
            growth: growth.clone(),
            peak_kw,
            fuel: FireFuel::Polyurethane,
            start_s: 0.0,
            growth_sigma: 0.0,
        };
        let curve = HeatCurve::Squared { alpha_kwps2: growth.alpha_kwps2().unwrap_or_default(), peak_kw, start_s: 0.0 };
        let fire = self.fire_in(space, curve, &source);
        let zones = part.spaces.iter().find(|p| p.0 == space).map(|p| &p.1);
        Fire { space: zones.map_or(fire.space, |z| z[z.len() / 2]), ..fire }
    }
}

impl Sensing {
    /// First answer of each sensor to a fire of a fuel.
    fn times_s(&self, alarms: &[Option<f64>], fuel: FireFuel) -> Vec<f64> {
        let mut first = vec![f64::INFINITY; self.sensors.len()];
        for ((sensor, of), t) in self.tells.iter().zip(alarms) {
            if of.is_none_or(|f| f == fuel) {
                first[*sensor] = first[*sensor].min(t.unwrap_or(f64::INFINITY));
            }
        }
        first
    }
}

/// A detector in the smoke of foam that answers when one like it would answer in that of `fuel`: soot per heat differs.
fn seen_through(kind: DetectorKind, fuel: FireFuel) -> DetectorKind {
    let soot_per_kj = |f: Fuel| f.soot_yield / f.heat_kjpkg;
    match (kind, fuel) {
        (DetectorKind::Smoke { obscuration_per_m }, FireFuel::Wood) => {
            let ratio = soot_per_kj(Fuel::POLYURETHANE) / soot_per_kj(Fuel::WOOD);
            let passes = libm::pow(1.0 - obscuration_per_m, ratio);
            DetectorKind::Smoke { obscuration_per_m: (1.0 - passes).min(0.99) }
        }
        _ => kind,
    }
}

/// Sensors of signals other than smoke and spaces of all.
pub(crate) fn sensors_of(signals: &[SeenSignal]) -> Vec<Sensor> {
    let list: BTreeSet<Sensor> = signals.iter().map(|s| Sensor { space: s.space, kind: s.kind }).collect();
    list.into_iter().collect()
}

#[cfg(feature = "parallel")]
fn each<T: Send>(
    count: usize,
    work: impl Fn(usize) -> Result<T, EvacError> + Sync + Send,
) -> Result<Vec<T>, EvacError> {
    use rayon::prelude::*;
    (0..count).into_par_iter().map(work).collect()
}

#[cfg(not(feature = "parallel"))]
fn each<T>(count: usize, work: impl Fn(usize) -> Result<T, EvacError>) -> Result<Vec<T>, EvacError> {
    (0..count).map(work).collect()
}
