//! Members that walk through the queue network beside the same people in the micro crowd; branches.
//!
//! The bounds of agreement were chosen before the first run: times of the last and of half the people to 15 %, people by exit and
//! stair to a tenth of all, times of unsafe air to 10 s (doors open at other moments). The notes on crowds ask ±10 % of flows.

use crate::scenes::{block_plan, block_scenario};
use crate::verification::{VerificationRow, corridor_plan, corridor_scenario, made};
use crate::{EvacError, EvacModel, EvacRunOf, MemberRun};
use sim_core::CancelToken;
use sim_fire::Species;
use std::sync::Arc;
use twin_model::{BuildingPlan, DoorState, EvacIntervention, EvacScenario, PeopleSpread};

type Rows = Result<Vec<VerificationRow>, EvacError>;

const SAME: &str = "the same people by micro; our bound";

/// The same people twice, with the same fire: by micro and through the network.
fn both(plan: &BuildingPlan, scenario: &EvacScenario) -> Result<EvacRunOf<2>, EvacError> {
    let model = Arc::new(EvacModel::new(plan, scenario, &[])?);
    let one = model.members()?.swap_remove(0);
    EvacRunOf::new(model, &[one.clone(), one])
}

fn run_both(plan: &BuildingPlan, scenario: &EvacScenario) -> Result<EvacRunOf<2>, EvacError> {
    let mut run = both(plan, scenario)?;
    run.advance_to(scenario.duration_s, &CancelToken::new())?;
    Ok(run)
}

/// When a share of those who came out was out, s.
fn out_s(m: &MemberRun, share: f64) -> f64 {
    let mut times: Vec<f64> = m.crowd().departures().iter().map(|d| d.t_s).collect();
    times.sort_by(f64::total_cmp);
    let k = (share * times.len() as f64).ceil() as usize;
    times.get(k.max(1) - 1).copied().unwrap_or(f64::INFINITY)
}

/// Greatest difference of people by portal, as a share of all people.
fn apart(run: &EvacRunOf<2>) -> f64 {
    let [a, b] = [&run.members()[0], &run.members()[1]];
    let world = a.crowd().world();
    let portals = (0..world.portals().len() as u32).map(sim_crowd::PortalId);
    let of_interest = portals.filter(|p| {
        let p = &world.portals()[p.index()];
        p.is_exit() || p.stair.is_some()
    });
    let through = |m: &MemberRun, p| m.crowd().crossed(p).iter().sum::<u64>() as f64;
    let people = a.origins().len().max(1) as f64;
    of_interest.map(|p| (through(a, p) - through(b, p)).abs() / people).fold(0.0, f64::max)
}

fn agree(case: &str, run: &EvacRunOf<2>) -> Vec<VerificationRow> {
    let [a, b] = [&run.members()[0], &run.members()[1]];
    let off = |share: f64| (out_s(b, share) / out_s(a, share) - 1.0).abs();
    let left = [a, b].map(|m| m.balance().left as f64);
    let drawn = a.origins().iter().zip(b.origins()).filter(|(x, y)| x != y).count();
    vec![
        VerificationRow::at_most(case, "people drawn otherwise", drawn as f64, 0.0, "same seed"),
        VerificationRow::at_most(case, "last person out, off by, share", off(1.0), 0.15, SAME),
        VerificationRow::at_most(case, "half out, off by, share", off(0.5), 0.15, SAME),
        VerificationRow::at_most(case, "people out, off by", (left[0] - left[1]).abs(), 0.0, SAME),
        VerificationRow::at_most(case, "people by exit and stair, off by, share of all", apart(run), 0.1, SAME),
    ]
}

/// Four rooms on a corridor, no fire.
pub(crate) fn corridor() -> Rows {
    let run = run_both(&corridor_plan(), &corridor_scenario(300.0, false))?;
    Ok(agree("network-corridor", &run))
}

/// Ten storeys with 4 people in every room: two stairs that streams from all storeys merge into.
pub(crate) fn stairs() -> Rows {
    let mut scenario = block_scenario(1, 500.0);
    scenario.fire = None;
    scenario.people.spaces.iter_mut().for_each(|s| s.count = 4);
    scenario.people.pre_movement_s = PeopleSpread::Uniform { low: 0.0, high: 60.0 };
    let run = run_both(&block_plan(), &scenario)?;
    Ok(agree("network-stairs", &run))
}

/// A smoky corridor, all doors open: slowing, and the air itself.
pub(crate) fn smoke() -> Rows {
    let case = "network-smoke";
    let mut scenario = corridor_scenario(400.0, true);
    scenario.doors.others = DoorState::Open;
    scenario.people.spaces.retain(|s| s.space != "R1");
    scenario.people.pre_movement_s = PeopleSpread::Constant { value: 150.0 };
    let run = run_both(&corridor_plan(), &scenario)?;
    let mut rows = agree(case, &run);
    let aset = |k: usize| run.members()[k].watches().iter().map(|w| w.aset_s);
    let off = aset(0).zip(aset(1)).filter(|(a, b)| a.is_finite() || b.is_finite());
    let off = off.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    rows.push(VerificationRow::at_most(case, "ASET off by, s", off, 10.0, SAME));
    scenario.smoke_law = twin_model::SmokeSpeedLaw::Off;
    let free = run_both(&corridor_plan(), &scenario)?;
    let later = out_s(&run.members()[1], 0.5) - out_s(&free.members()[1], 0.5);
    rows.push(VerificationRow::at_least(case, "median out later by, s", later, 1.0, "Lund's law against none"));
    Ok(rows)
}

/// A fire that stops people in their rooms before they set off: as many in both.
pub(crate) fn doses() -> Rows {
    let case = "network-doses";
    let mut scenario = corridor_scenario(600.0, true);
    scenario.people.pre_movement_s = PeopleSpread::Constant { value: 2000.0 };
    let mut run = both(&corridor_plan(), &scenario)?;
    let mut lost = 0.0;
    while run.t_s() < 600.0 {
        run.advance_to(run.t_s() + 1.0, &CancelToken::new())?;
        lost += f64::from(u8::from(!run.ledger()?.people_close));
    }
    let [a, b] = [0, 1].map(|k| run.members()[k].balance().stopped as f64);
    let doses = |k: usize| run.members()[k].doses().iter().map(|d| f64::from(d[0].max(d[1])).min(1.0));
    let off = doses(0).zip(doses(1)).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
    Ok(vec![
        VerificationRow::at_least(case, "people stopped by micro", a, 1.0, "they stay by the fire"),
        VerificationRow::at_most(case, "people stopped, off by", (a - b).abs(), 0.0, "nobody moved: the same air"),
        VerificationRow::at_most(case, "dose off by", off, 0.05, "the micro crowd breathes every 0.05 s"),
        VerificationRow::at_most(case, "seconds with people lost", lost, 0.0, "own account"),
    ])
}

/// A stair blocked, an exit shut and a voice message during the run.
pub(crate) fn changes() -> Rows {
    let case = "network-changes";
    let mut scenario = block_scenario(1, 700.0);
    scenario.fire = None;
    scenario.people.spaces.iter_mut().for_each(|s| s.count = 2);
    scenario.people.pre_movement_s = PeopleSpread::Constant { value: 120.0 };
    // Before anybody sets off: who is on a stair that is shut stays there.
    let block = EvacIntervention::BlockStair { stair: "stair 1 3F-4F".into(), at_s: 40.0 };
    scenario.interventions.push(EvacIntervention::VoiceMessage { remaining: 0.25, at_s: 20.0 });
    scenario.interventions.push(block);
    let run = run_both(&block_plan(), &scenario)?;
    let mut rows = agree(case, &run);
    let (model, m) = (run.model(), &run.members()[1]);
    let stair = model.plan().stairs.iter().position(|s| s.name == "stair 1" && s.lower.0 == 41);
    let portal = stair.and_then(|k| model.stair_portals[k].first().copied());
    let late = m.origins().iter().map(|o| (o.start_s - 45.0).abs()).fold(0.0, f64::max);
    let through = portal.map_or(f64::NAN, |p| m.crowd().crossed(p).iter().sum::<u64>() as f64);
    rows.push(VerificationRow::at_most(case, "setting off at 45 s, off by, s", late, 1e-3, "20 + 100 / 4"));
    rows.push(VerificationRow::at_most(case, "people onto the shut stair", through, 0.0, "it is shut"));
    rows.push(VerificationRow::at_least(case, "people out", m.balance().left as f64, 340.0, "the other stair is open"));
    Ok(rows)
}

/// Network members saved half-way, continued in a fresh run.
pub(crate) fn snapshot() -> Rows {
    let case = "network-snapshot";
    let mut scenario = corridor_scenario(160.0, true);
    scenario.members = 3;
    let mut run = made::<2>(&scenario)?;
    run.advance_to(63.0, &CancelToken::new())?;
    let bytes = run.save();
    run.advance_to(160.0, &CancelToken::new())?;
    let mut other = made::<2>(&scenario)?;
    other.restore(&bytes)?;
    let again = other.save();
    other.advance_to(160.0, &CancelToken::new())?;
    let mut accepted = 0;
    for cut in (0..bytes.len()).step_by(bytes.len() / 40 + 1) {
        accepted += usize::from(made::<2>(&scenario)?.restore(&bytes[..cut]).is_ok());
    }
    let [one, two] = [bytes != again, run.save() != other.save()].map(|d| f64::from(u8::from(d)));
    Ok(vec![
        VerificationRow::at_most(case, "changed by restoring", one, 0.0, "byte-identical"),
        VerificationRow::at_most(case, "different at the end", two, 0.0, "byte-identical"),
        VerificationRow::at_most(case, "cut snapshots accepted", accepted as f64, 0.0, "refused with a message"),
    ])
}

/// Branches from 70 s: nothing changed, one exit shut; a snapshot taken into the other scenario.
pub(crate) fn branches() -> Rows {
    let case = "branches";
    let mut scenario = corridor_scenario(200.0, true);
    scenario.members = 3;
    scenario.people.pre_movement_s = PeopleSpread::Uniform { low: 0.0, high: 100.0 };
    let mut run = made::<2>(&scenario)?;
    run.advance_to(50.0, &CancelToken::new())?;
    let shut = [
        EvacIntervention::BlockDoor { door: "east".into(), at_s: 60.0 },
        EvacIntervention::VoiceMessage { remaining: 0.5, at_s: 60.0 },
    ];
    let (mut same, mut other) = (run.branch(&[])?, run.branch(&shut)?);
    let bytes = run.save();
    let mut restored = made::<2>(&EvacScenario { interventions: shut.to_vec(), ..scenario.clone() })?;
    restored.restore(&bytes)?;
    let past = EvacIntervention::BlockDoor { door: "east".into(), at_s: 30.0 };
    let scenario_fan = scenario.clone();
    let foreign = EvacScenario { interventions: vec![past.clone()], ..scenario };
    let refused = run.branch(&[past]).is_err() && made::<2>(&foreign)?.restore(&bytes).is_err();
    for r in [&mut run, &mut same, &mut other, &mut restored] {
        r.advance_to(200.0, &CancelToken::new())?;
    }
    let differ = |a: &EvacRunOf<2>, b: &EvacRunOf<2>| f64::from(u8::from(a.checksum() != b.checksum()));
    let gone = |r: &EvacRunOf<2>, before: bool| -> Vec<(u32, u64, u32)> {
        let all = r.members().iter().flat_map(|m| m.crowd().departures());
        all.filter(|d| (d.t_s < 60.0) == before).map(|d| (d.id, d.t_s.to_bits(), d.exit.0)).collect()
    };
    let drawn = |r: &EvacRunOf<2>| -> Vec<f64> {
        r.members().iter().flat_map(|m| m.origins().iter().map(|o| o.pre_movement_s)).collect()
    };
    let flag = |wrong: bool| f64::from(u8::from(wrong));
    let [without, fanned, from_start] = fans(&scenario_fan)?;
    let east = other.model().portals[1].map_or(0, |p| p.0);
    let by_east = gone(&other, false).iter().filter(|d| d.2 == east).count();
    Ok(vec![
        VerificationRow::at_most(case, "nothing changed: differs", differ(&run, &same), 0.0, "to the last bit"),
        VerificationRow::at_least(case, "exit shut: differs", differ(&run, &other), 1.0, "it is another future"),
        VerificationRow::at_most(case, "restored into it: differs", differ(&other, &restored), 0.0, "to the last bit"),
        VerificationRow::at_most(
            case,
            "departures before it differ",
            flag(gone(&run, true) != gone(&other, true)),
            0.0,
            "one past",
        ),
        VerificationRow::at_most(
            case,
            "people drawn otherwise",
            flag(drawn(&run) != drawn(&other)),
            0.0,
            "common numbers",
        ),
        VerificationRow::at_most(case, "people out by the shut exit", by_east as f64, 0.0, "it is shut"),
        VerificationRow::at_least(case, "changed past is refused", flag(refused), 1.0, "a branch begins now"),
        VerificationRow::at_most(
            case,
            "fan brought in: soot off by, relative",
            (fanned / from_start - 1.0).abs(),
            1e-3,
            "the fan there from the start",
        ),
        VerificationRow::at_most(
            case,
            "fan brought in: share of the soot left",
            fanned / without,
            0.95,
            "it draws smoke off",
        ),
    ])
}

/// Soot in the fire's space 90 s after a fan would start: without it, with it brought in by a branch, with it from
/// the start, kg.
fn fans(scenario: &EvacScenario) -> Result<[f64; 3], EvacError> {
    let cancel = CancelToken::new();
    let space = scenario.fire.as_ref().map_or_else(String::new, |f| f.space.clone());
    let fan = EvacIntervention::Fan { space: space.clone(), flow_m3ps: 2.0, at_s: 60.0 };
    let mut run = made::<2>(scenario)?;
    run.advance_to(50.0, &cancel)?;
    let mut fanned = run.branch(std::slice::from_ref(&fan))?;
    let mut from_start = made::<2>(&EvacScenario { interventions: vec![fan], ..scenario.clone() })?;
    let mut ends = [0.0; 3];
    for (end, r) in ends.iter_mut().zip([&mut run, &mut fanned, &mut from_start]) {
        r.advance_to(150.0, &cancel)?;
        let model = r.model();
        let zone = model.smoke.zones[model.space_named("fire.space", &space)?.index()][0];
        *end = r.fires[0]
            .as_ref()
            .map_or(Ok(0.0), |f| f.view(0, zone).map(|v| v.upper_species_kg[Species::Soot as usize]))?;
    }
    Ok(ends)
}
