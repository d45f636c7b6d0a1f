//! Cases of the live part: what the inference finds when the truth was made otherwise, occupancy against closed forms, water.

use crate::infer::{FireBelief, InferOptions, RoomDoors, SeenSignal};
use crate::occupancy::{OccupancyOptions, occupancy};
use crate::{AlarmTable, EvacError, EvacModel};
use sim_core::{CancelToken, CounterRng, VerificationRow};
use sim_fire::{
    Detector, DetectorKind, Fire, FireEnsemble, FireParams, Fuel, HeatCurve, Member, Placement, PlumeModel,
};
use twin_model::{
    BuildingPlan, CountObservation, CountScope, DayKind, DetectorPlaces, EvacScenario, FireFuel, OpeningKind,
    PlanFlight, PlanOpening, PlanSpace, PlanStair, PlanStorey, SignalKind, SpaceIndex, SpaceUse, StoreyIndex,
};

const RISE_M: f64 = 3.3;
/// Spaces of a storey of [`block_plan`].
pub const STOREY_SPACES: u32 = 20;

/// A block: per storey a corridor of 40 m, a stair at each end, 17 rooms of 20 to 25 m².
#[must_use]
pub fn block_plan(storeys: u32) -> BuildingPlan {
    let mut plan = BuildingPlan { name: "block".into(), ..BuildingPlan::default() };
    for k in 0..storeys {
        let elevation_m = RISE_M * f64::from(k);
        plan.storeys.push(PlanStorey { entity: None, name: format!("{}F", k + 1), elevation_m, height_m: RISE_M });
        block_storey(&mut plan, k);
        if k + 1 < storeys {
            block_flights(&mut plan, k);
        }
    }
    plan
}

/// Corners of a room of [`block_plan`] in x, and whether it lies north.
fn room_at(r: u32) -> ([f64; 2], bool) {
    let north = r < 9;
    let (wide, at) = if north { (40.0 / 9.0, f64::from(r)) } else { (5.0, f64::from(r - 9)) };
    ([wide * at, wide * (at + 1.0)], north)
}

fn block_storey(plan: &mut BuildingPlan, k: u32) {
    let floor_m = RISE_M * f64::from(k);
    let first = STOREY_SPACES * k;
    let mut space = |name: String, use_, x: [f64; 2], y: [f64; 2], height_m| {
        let outline = vec![[x[0], y[0]], [x[1], y[0]], [x[1], y[1]], [x[0], y[1]]];
        let storey = StoreyIndex(k);
        plan.spaces.push(PlanSpace { entity: None, name, storey, use_, outline, holes: vec![], floor_m, height_m });
    };
    space("corridor".into(), SpaceUse::Circulation, [0.0, 40.0], [0.0, 2.0], 2.7);
    space("west stair".into(), SpaceUse::Stair, [-7.0, 0.0], [-2.5, 4.5], RISE_M);
    space("east stair".into(), SpaceUse::Stair, [40.0, 47.0], [-2.5, 4.5], RISE_M);
    for r in 0..17 {
        let (x, north) = room_at(r);
        space(format!("R{r}"), SpaceUse::Office, x, if north { [2.0, 7.0] } else { [-5.0, 0.0] }, 2.7);
    }
    let mut door = |name: String, sides: [Option<u32>; 2], ends| {
        plan.openings.push(PlanOpening {
            entity: None,
            name,
            kind: OpeningKind::Door,
            sides: sides.map(|s| s.map(|s| SpaceIndex(first + s))),
            ends,
            clear_width_m: 1.0,
            sill_m: 0.0,
            head_m: 2.1,
        });
    };
    door(format!("{} west stair", k + 1), [Some(0), Some(1)], [[0.0, 0.4], [0.0, 1.4]]);
    door(format!("{} east stair", k + 1), [Some(0), Some(2)], [[40.0, 0.4], [40.0, 1.4]]);
    if k == 0 {
        door("west exit".into(), [Some(1), None], [[-1.6, -2.5], [-0.4, -2.5]]);
        door("east exit".into(), [Some(2), None], [[40.4, -2.5], [41.6, -2.5]]);
    }
    for r in 0..17 {
        let (x, north) = room_at(r);
        let (x, y) = (0.5 * (x[0] + x[1]), if north { 2.0 } else { 0.0 });
        door(format!("D{}-{r}", k + 1), [Some(0), Some(3 + r)], [[x - 0.5, y], [x + 0.5, y]]);
    }
}

fn block_flights(plan: &mut BuildingPlan, k: u32) {
    let (z, first) = (RISE_M * f64::from(k), STOREY_SPACES * k);
    // Flights alternate, so that the head of one and the foot of the next lie beside each other.
    let x = if k.is_multiple_of(2) { 6.2 } else { 3.3 };
    for (s, x) in [(1, -x), (2, 40.0 + x)] {
        let (foot, head) = ([x, -1.0, z], [x, 3.0, z + RISE_M]);
        let flight = PlanFlight { foot, head, width_m: 1.2, riser_m: 0.165, tread_m: 0.2 };
        let (lower, upper) = (SpaceIndex(first + s), SpaceIndex(first + s + STOREY_SPACES));
        plan.stairs.push(PlanStair { entity: None, name: format!("stair {s}"), lower, upper, flights: vec![flight] });
    }
}

/// A drill in [`block_plan`] without people counted.
#[must_use]
pub fn block_scenario(duration_s: f64) -> EvacScenario {
    EvacScenario { people: Default::default(), ..crate::verification::corridor_scenario(duration_s, false) }
}

/// Fires tried against the inference.
const CASES_TRIED: u32 = 100;
/// Longest course of a true fire, s.
const TRUTH_S: f64 = 480.0;
const TRUTH_STREAM: u64 = 0x7247;
const FAULT_STREAM: u64 = 0xFA17;

/// A fire made otherwise than the candidates are.
struct Truth {
    room: SpaceIndex,
    member: Member,
    open: Vec<bool>,
    leak: f64,
}

fn lognormal(rng: &mut CounterRng, sigma: f64) -> f64 {
    libm::exp(sigma * crate::model::normal(rng))
}

/// Another plume, another place in the room, growth off its class by about 30 %, a fuel with soot between and beyond the two tried, every
/// door open or shut by itself, other gaps. Faults come later: 3 % of the detectors are dead, 5 % of the cases have a false alarm first.
fn truth(model: &EvacModel, case: u32, rooms: &[SpaceIndex]) -> Truth {
    let mut rng = CounterRng::new(u64::from(case), TRUTH_STREAM);
    let room = rooms[rng.below(rooms.len() as u64) as usize];
    let class = crate::alarm_table::GROWTHS[rng.below(4) as usize].alpha_kwps2().unwrap_or_default();
    let pace = lognormal(&mut rng, 0.3);
    let curve = HeatCurve::Squared { alpha_kwps2: class * pace, peak_kw: 3000.0, start_s: 0.0 };
    let zones = &model.smoke.zones[room.index()];
    let zone = zones[rng.below(zones.len() as u64) as usize];
    let like = if rng.below(2) == 0 { Fuel::POLYURETHANE } else { Fuel::WOOD };
    let fuel = Fuel { soot_yield: (like.soot_yield * lognormal(&mut rng, 0.4)).min(0.3), ..like };
    let plume = if rng.below(2) == 0 { PlumeModel::Mccaffrey } else { PlumeModel::Heskestad };
    let placement = [Placement::Open, Placement::Wall, Placement::Corner][rng.below(3) as usize];
    let area_m2 = rng.range_f64(0.3, 4.0);
    let fire = Fire { fuel, plume, placement, area_m2, ..Fire::new("truth", zone, curve) };
    let open = (0..model.plan.openings.len()).map(|_| rng.next_f64() < 0.3).collect();
    Truth { room, member: Member::with_fire(fire), open, leak: 0.01 * lognormal(&mut rng, 0.7) }
}

/// Detectors off their mark: other sensitivities by ±25 %, once for the building.
fn true_detectors(model: &EvacModel) -> Vec<Detector> {
    let mut rng = CounterRng::new(77, TRUTH_STREAM);
    let other = |d: &Detector| {
        let kind = match d.kind {
            DetectorKind::Smoke { obscuration_per_m } => DetectorKind::Smoke {
                obscuration_per_m: (obscuration_per_m * lognormal(&mut rng, 0.25)).clamp(0.01, 0.9),
            },
            k => k,
        };
        Detector { kind, ..d.clone() }
    };
    model.smoke.detectors.iter().map(other).collect()
}

/// (true room, its alarms in order) of every case in which a detector answered.
fn made_otherwise(model: &EvacModel) -> Result<Vec<(SpaceIndex, Vec<SeenSignal>)>, EvacError> {
    let rooms: Vec<SpaceIndex> = (0..model.plan.spaces.len() as u32).map(SpaceIndex).collect();
    let truths: Vec<Truth> = (0..CASES_TRIED).map(|k| truth(model, k, &rooms)).collect();
    let fires = truths.iter().map(|t| t.member.clone()).collect();
    let detectors = true_detectors(model);
    let mut run = FireEnsemble::new(model.smoke.network.clone(), fires, detectors, FireParams::default())?;
    for (m, t) in truths.iter().enumerate() {
        for (k, vent) in model.smoke.vents.iter().enumerate() {
            if let (Some(vent), OpeningKind::Door) = (vent, model.plan.openings[k].kind) {
                // Exits stay shut.
                let open = t.open[k] && !model.plan.openings[k].is_exit();
                run.set_opening(m, *vent, Some(if open { 1.0 } else { t.leak.min(1.0) }))?;
            }
        }
    }
    run.advance_to(TRUTH_S, &CancelToken::new())?;
    let mut list = Vec::new();
    for (m, t) in truths.iter().enumerate() {
        let mut rng = CounterRng::new(m as u64, FAULT_STREAM);
        let dead: Vec<bool> = model.plan.spaces.iter().map(|_| rng.next_f64() < 0.03).collect();
        let mut first: std::collections::BTreeMap<SpaceIndex, f64> = std::collections::BTreeMap::new();
        if rng.next_f64() < 0.05 {
            let spaces = &model.smoke.detector_spaces;
            first.insert(spaces[rng.below(spaces.len() as u64) as usize], rng.range_f64(0.0, 60.0));
        }
        for (s, at) in model.smoke.detector_spaces.iter().zip(run.alarms_s(m)?) {
            if let (Some(at), false) = (at, dead[s.index()]) {
                first.entry(*s).and_modify(|old| *old = old.min(at)).or_insert(at);
            }
        }
        let mut signals: Vec<SeenSignal> = first
            .into_iter()
            .map(|(space, at_s)| SeenSignal { space, kind: SignalKind::Smoke, at_s: 5000.0 + at_s })
            .collect();
        signals.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
        if !signals.is_empty() {
            list.push((t.room, signals));
        }
    }
    Ok(list)
}

/// What is known a minute after the second alarm, or two minutes after the only one.
fn belief(model: &EvacModel, table: &mut Option<AlarmTable>, signals: &[SeenSignal]) -> Result<FireBelief, EvacError> {
    let second = signals.get(1).map_or(signals[0].at_s + 60.0, |s| s.at_s);
    let now = second + 60.0;
    let seen: Vec<SeenSignal> = signals.iter().copied().filter(|s| s.at_s <= now).collect();
    model.believe(&seen, &InferOptions::at(now), table, &CancelToken::new())
}

/// What came out over the cases.
#[derive(Default)]
struct Score {
    cases: f64,
    hits: f64,
    ranks: f64,
    brier: f64,
    claimed: f64,
    sure: f64,
    sure_hits: f64,
    /// True room among those that hold 90 % of the probability.
    covered: f64,
}

fn score(model: &EvacModel) -> Result<Score, EvacError> {
    let mut table = Some(model.alarm_table(&InferOptions::at(0.0), &CancelToken::new())?);
    let mut s = Score::default();
    for (room, signals) in made_otherwise(model)? {
        let rooms = belief(model, &mut table, &signals)?.rooms();
        let rank = rooms.iter().position(|r| r.0 == room).unwrap_or(rooms.len());
        let hit = f64::from(u8::from(rank == 0));
        let before: f64 = rooms[..rank].iter().map(|r| r.1).sum();
        s.cases += 1.0;
        s.hits += hit;
        s.ranks += rank as f64 + 1.0;
        s.brier += rooms.iter().map(|(s, p)| (p - f64::from(u8::from(*s == room))).powi(2)).sum::<f64>();
        s.claimed += rooms[0].1;
        s.covered += f64::from(u8::from(before < 0.9));
        if rooms[0].1 >= 0.9 {
            s.sure += 1.0;
            s.sure_hits += hit;
        }
    }
    Ok(s)
}

const OTHERWISE: &str = "fires with another plume, place, growth, soot, doors and gaps; dead detectors, false alarms";

/// A hundred fires that the candidates do not contain. Bounds were set before the first run: the notes ask for nine rooms of ten.
fn fires_made_otherwise() -> Result<Vec<VerificationRow>, EvacError> {
    let case = "fire-inferred-otherwise";
    let s = score(&EvacModel::new(&block_plan(1), &block_scenario(600.0), &[])?)?;
    let n = s.cases;
    Ok(vec![
        VerificationRow::at_least(case, "fires that raised an alarm, of 100", n, 90.0, OTHERWISE),
        VerificationRow::at_least(case, "true room named first, share", s.hits / n, 0.9, OTHERWISE),
        VerificationRow::at_most(case, "mean rank of the true room", s.ranks / n, 1.3, OTHERWISE),
        VerificationRow::at_most(
            case,
            "Brier score over rooms",
            s.brier / n,
            0.2,
            "0: sure and right, 2: sure and wrong",
        ),
        VerificationRow::at_most(
            case,
            "claimed less true share of hits",
            (s.claimed - s.hits).abs() / n,
            0.1,
            "calibration",
        ),
        VerificationRow::at_least(case, "right where 90 % sure, share", s.sure_hits / s.sure, 0.85, "calibration"),
    ])
}

/// The same fires where only the corridor, the stairs and every other room have a detector: many rooms look alike, and the inference
/// has to say so. Bounds were set before the first run.
fn few_detectors() -> Result<Vec<VerificationRow>, EvacError> {
    let case = "fire-inferred-few-detectors";
    let mut scenario = block_scenario(600.0);
    let names = ["corridor", "west stair", "east stair"].map(str::to_owned);
    let spaces = names.into_iter().chain((0..17).step_by(2).map(|r| format!("R{r}"))).collect();
    scenario.detection.detectors = DetectorPlaces::Spaces(spaces);
    let s = score(&EvacModel::new(&block_plan(1), &scenario, &[])?)?;
    let n = s.cases;
    Ok(vec![
        VerificationRow::at_least(case, "fires that raised an alarm, of 100", n, 80.0, OTHERWISE),
        VerificationRow::at_least(case, "true room named first, share", s.hits / n, 0.5, OTHERWISE),
        VerificationRow::at_most(case, "mean rank of the true room", s.ranks / n, 4.0, OTHERWISE),
        VerificationRow::at_most(
            case,
            "claimed less true share of hits",
            (s.claimed - s.hits).abs() / n,
            0.15,
            "calibration",
        ),
        VerificationRow::at_least(case, "true room within the first 90 %, share", s.covered / n, 0.8, "calibration"),
    ])
}

/// Answers from the part of the building that tables are computed on, in steps of 2 s, against the whole building in steps of 0.5 s.
fn part_of_the_building() -> Result<Vec<VerificationRow>, EvacError> {
    let case = "alarm-table-part";
    let model = EvacModel::new(&block_plan(3), &block_scenario(600.0), &[])?;
    let room = SpaceIndex(STOREY_SPACES + 7);
    let signals = [SeenSignal { space: room, kind: SignalKind::Smoke, at_s: 0.0 }];
    let options = InferOptions::at(10.0);
    let mut table = None;
    model.believe(&signals, &options, &mut table, &CancelToken::new())?;
    let mut fires = Vec::new();
    for alpha in [0.002_93, 0.0469] {
        let curve = HeatCurve::Squared { alpha_kwps2: alpha, peak_kw: options.peak_kw, start_s: 0.0 };
        let zone = model.smoke.zones[room.index()][0];
        let area_m2 = options.peak_kw / 500.0;
        let fire = Fire { fuel: Fuel::POLYURETHANE, area_m2, ..Fire::new("whole", zone, curve) };
        fires.extend([Member::with_fire(fire.clone()), Member::with_fire(fire)]);
    }
    let detectors = model.smoke.detectors.clone();
    let mut whole = FireEnsemble::new(model.smoke.network.clone(), fires, detectors, FireParams::default())?;
    let own = model.unknown_doors(room);
    for m in 0..4 {
        for (k, vent) in model.smoke.vents.iter().enumerate() {
            if let Some(vent) = vent {
                let open = m % 2 == 1 && own.contains(&k);
                let share = if open { 1.0 } else { model.open_share(k, model.doors[k], false, false) };
                whole.set_opening(m, *vent, Some(share))?;
            }
        }
    }
    whole.advance_to(240.0, &CancelToken::new())?;
    let (mut worst, mut compared) = (0.0_f64, 0.0);
    for (m, (growth, doors)) in
        [(0, RoomDoors::Shut), (0, RoomDoors::Open), (2, RoomDoors::Shut), (2, RoomDoors::Open)].into_iter().enumerate()
    {
        let growth = &crate::alarm_table::GROWTHS[growth];
        let Some(table) = &table else { continue };
        for (k, at) in whole.alarms_s(m)?.into_iter().enumerate() {
            let detector = model.smoke.detector_spaces[k];
            // A corridor's first zone to answer counts.
            let first = (0..model.smoke.detectors.len()).filter(|j| model.smoke.detector_spaces[*j] == detector);
            let all = whole.alarms_s(m)?;
            let earliest = first.filter_map(|j| all[j]).fold(f64::INFINITY, f64::min);
            let found = table
                .answers(detector)
                .into_iter()
                .find(|a| a.0 == room && a.1 == *growth && a.2 == FireFuel::Polyurethane && a.3 == doors);
            if let (Some(at), Some(found)) = (at, found)
                && at == earliest
                && found.4.is_finite()
            {
                worst = worst.max(libm::log(found.4 / at).abs());
                compared += 1.0;
            }
        }
    }
    Ok(vec![
        VerificationRow::at_least(case, "answers compared", compared, 6.0, "whole building, 0.5 s"),
        VerificationRow::at_most(
            case,
            "worst logarithm of the ratio of times",
            worst,
            0.17,
            "half the scatter of detectors",
        ),
    ])
}

/// A count of everybody on a prior, both nearly Gaussian; exact sums; a contradiction.
fn occupancy_closed_forms() -> Result<Vec<VerificationRow>, EvacError> {
    let case = "occupancy";
    let (plan, base) = (block_plan(10), block_scenario(60.0));
    let seen = |scope, count, sd| CountObservation { scope, count, sd, age_s: 0.0 };
    let mut options = OccupancyOptions::at(10.0, DayKind::Work, 10_000, 3);
    options.factor_cv = 0.01;
    // Rooms by density and hour; 30 corridors and stairs with the least expected.
    let area: f64 = plan.spaces.iter().filter(|s| s.use_ == SpaceUse::Office).map(twin_model::PlanSpace::area_m2).sum();
    let prior = area / 9.3 * 0.95 + 30.0 * 0.02;
    let prior_var = 3.0 * prior + (0.01 * prior).powi(2);
    let (count, sd) = (prior + 60.0, 20.0);
    let o = occupancy(&plan, &base, &[seen(CountScope::Building, count, sd)], &options)?;
    let totals: Vec<f64> = o.draws.iter().map(|d| f64::from(d.iter().sum::<u32>())).collect();
    let n = totals.len() as f64;
    let mean = totals.iter().sum::<f64>() / n;
    let deviation = (totals.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / n).sqrt();
    let weight = prior_var / (prior_var + sd * sd);
    let (exact, exact_sd) = (prior + 60.0 * weight, (weight * sd * sd).sqrt());
    let mut counts = vec![seen(CountScope::Building, 250.0, 0.0)];
    counts.extend((1..=5).map(|k| seen(CountScope::Storey(format!("{k}F")), 20.0, 0.0)));
    options.draws = 1000;
    let o = occupancy(&plan, &base, &counts, &options)?;
    let first = (5 * STOREY_SPACES) as usize;
    let wrong = |d: &&Vec<u32>| d.iter().sum::<u32>() != 250 || d[..first].iter().sum::<u32>() != 100;
    let missed = o.draws.iter().filter(wrong).count();
    counts.push(seen(CountScope::Building, 90.0, 0.0));
    let doubts = occupancy(&plan, &base, &counts, &options)?.doubts.len();
    let gauss = "two Gaussians, weighted by precision";
    Ok(vec![
        VerificationRow::at_most(case, "mean of 1e4 draws off by, persons", (mean - exact).abs(), 1.0, gauss),
        VerificationRow::at_most(
            case,
            "their deviation off by, relative",
            (deviation / exact_sd - 1.0).abs(),
            0.05,
            gauss,
        ),
        VerificationRow::at_most(case, "draws that miss exact sums", missed as f64, 0.0, "nested counts with sd 0"),
        VerificationRow::at_least(
            case,
            "doubts where counts contradict",
            doubts as f64,
            1.0,
            "250 and 90 people at once",
        ),
    ])
}

/// Everything of this file; each row names its case.
pub(crate) fn live() -> Result<Vec<VerificationRow>, EvacError> {
    let cases = [fires_made_otherwise, few_detectors, part_of_the_building, occupancy_closed_forms];
    let rows: Result<Vec<_>, EvacError> = cases.iter().map(|c| c()).collect();
    Ok(rows?.into_iter().flatten().collect())
}
