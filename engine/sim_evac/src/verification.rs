//! Cases of the coupling: accounts, branches, doors and smoke, snapshots, inference.
//!
//! [`CASES`] lists them; [`all`] returns one [`VerificationRow`] per measure. The crate's tests run the same list.

use crate::verification_members as members;
use crate::{EvacEnsemble, EvacError, EvacModel, EvacRun, EvacRunOf, InferOptions, SeenAlarm};
use sim_core::CancelToken;
pub use sim_core::VerificationRow;
use std::sync::Arc;
use twin_model::{
    BuildingPlan, DoorState, EvacIntervention, EvacScenario, FireGrowth, FireSource, OpeningKind, People, PeopleSpread,
    PlanOpening, PlanSpace, PlanStorey, SpaceCount, SpaceIndex, SpaceUse, StoreyIndex,
};

/// A named set of rows.
pub type Case = (&'static str, fn() -> Result<Vec<VerificationRow>, EvacError>);

/// Every case, in the order of [`all`].
pub const CASES: &[Case] = &[
    ("accounts-close", accounts_close),
    ("blocked-exit", blocked_exit),
    ("doors-and-smoke", doors_and_smoke),
    ("smoke-slows", smoke_slows),
    ("voice-message", voice_message),
    ("snapshot-continues", snapshot_continues),
    ("members-agree", members_agree),
    ("fire-inferred", fire_inferred),
    ("network-corridor", members::corridor),
    ("network-stairs", members::stairs),
    ("network-smoke", members::smoke),
    ("network-doses", members::doses),
    ("network-changes", members::changes),
    ("network-snapshot", members::snapshot),
    ("branches", members::branches),
    ("live", crate::verification_live::live),
    ("people-unknown", crate::verification_people::unknown_number),
    ("people-and-doors-of-members", crate::verification_people::own_people_and_doors),
];

/// Runs every case. A case that cannot run at all gives one failing row with the reason as its source.
#[must_use]
pub fn all() -> Vec<VerificationRow> {
    CASES.iter().flat_map(rows).collect()
}

/// Rows of one case.
#[must_use]
pub fn rows((name, case): &Case) -> Vec<VerificationRow> {
    case().unwrap_or_else(|e| vec![VerificationRow::at_most(name, "runs", f64::NAN, 0.0, &e.to_string())])
}

/// A corridor of 20 × 2 m with an exit at each end and four rooms of 5 × 4 m on it, clear height 2.8 m.
#[must_use]
pub fn corridor_plan() -> BuildingPlan {
    let space = |name: &str, use_, [x, y]: [f64; 2], [w, d]: [f64; 2]| PlanSpace {
        entity: None,
        name: name.into(),
        storey: StoreyIndex(0),
        use_,
        outline: vec![[x, y], [x + w, y], [x + w, y + d], [x, y + d]],
        holes: vec![],
        floor_m: 0.0,
        height_m: 2.8,
    };
    let door = |name: &str, ends, sides: [Option<u32>; 2]| PlanOpening {
        entity: None,
        name: name.into(),
        kind: OpeningKind::Door,
        sides: sides.map(|s| s.map(SpaceIndex)),
        ends,
        clear_width_m: 1.0,
        sill_m: 0.0,
        head_m: 2.1,
    };
    let mut plan = BuildingPlan {
        name: "corridor".into(),
        storeys: vec![PlanStorey { entity: None, name: "1F".into(), elevation_m: 0.0, height_m: 3.0 }],
        spaces: vec![space("corridor", SpaceUse::Circulation, [0.0, 0.0], [20.0, 2.0])],
        openings: vec![
            door("west", [[0.0, 0.5], [0.0, 1.5]], [Some(0), None]),
            door("east", [[20.0, 0.5], [20.0, 1.5]], [Some(0), None]),
        ],
        ..BuildingPlan::default()
    };
    for k in 0..4_u32 {
        let x = 5.0 * f64::from(k);
        plan.spaces.push(space(&format!("R{}", k + 1), SpaceUse::Office, [x, 2.0], [5.0, 4.0]));
        plan.openings.push(door(&format!("D{}", k + 1), [[x + 2.0, 2.0], [x + 3.0, 2.0]], [Some(0), Some(k + 1)]));
    }
    plan
}

/// Ten people in each room, who set off within 40 s of the alarm; a fast fire in R1 if `fire`.
#[must_use]
pub fn corridor_scenario(duration_s: f64, fire: bool) -> EvacScenario {
    let count = |k: u32| SpaceCount { space: format!("R{k}"), count: 10 };
    EvacScenario {
        seed: 7,
        fire: fire.then(|| FireSource {
            space: "R1".into(),
            growth: FireGrowth::Fast,
            peak_kw: 1500.0,
            fuel: Default::default(),
            start_s: 0.0,
            growth_sigma: 0.3,
        }),
        people: People {
            spaces: (1..=4).map(count).collect(),
            pre_movement_s: PeopleSpread::Uniform { low: 0.0, high: 40.0 },
            ..People::default()
        },
        ..EvacScenario::new("corridor".into(), duration_s)
    }
}

pub(crate) fn made<const L: usize>(scenario: &EvacScenario) -> Result<EvacRunOf<L>, EvacError> {
    let model = Arc::new(EvacModel::new(&corridor_plan(), scenario, &[])?);
    let members = model.members()?;
    EvacRunOf::new(model, &members)
}

fn finished(scenario: &EvacScenario) -> Result<EvacRun, EvacError> {
    let mut run = made::<1>(scenario)?;
    run.advance_to(scenario.duration_s, &CancelToken::new())?;
    Ok(run)
}

/// People and gas are looked at every second of a run with a fire.
fn accounts_close() -> Result<Vec<VerificationRow>, EvacError> {
    let case = "accounts-close";
    let mut run = made::<1>(&corridor_scenario(240.0, true))?;
    let (mut lost, mut gas) = (0.0, 0.0_f64);
    while run.t_s() < 240.0 {
        run.advance_to(run.t_s() + 1.0, &CancelToken::new())?;
        let ledger = run.ledger()?;
        let b = run.members()[0].balance();
        lost += f64::from(u8::from(!(ledger.people_close && b.closes() && b.entered == 40)));
        gas = gas.max(ledger.gas);
    }
    let s = run.summary()?;
    Ok(vec![
        VerificationRow::at_most(case, "seconds with people lost", lost, 0.0, "own account"),
        VerificationRow::at_most(case, "gas unaccounted for", gas, 1e-11, "own account"),
        VerificationRow::at_least(case, "people out", s.balance.left as f64, 30.0, "4 rooms of 10"),
        VerificationRow::at_least(case, "smoke alarms", s.smoke_alarms.len() as f64, 1.0, "the fire's own room"),
    ])
}

/// One of two exits shut: everybody leaves by the other, later; the draws are the same.
fn blocked_exit() -> Result<Vec<VerificationRow>, EvacError> {
    let case = "blocked-exit";
    let mut scenario = corridor_scenario(200.0, false);
    let both = finished(&scenario)?;
    scenario.interventions.push(EvacIntervention::BlockDoor { door: "east".into(), at_s: 0.0 });
    let one = finished(&scenario)?;
    let [a, b] = [both.summary()?, one.summary()?];
    let east = b.exits.iter().find(|e| e.exit == "east").map_or(f64::NAN, |e| e.people as f64);
    let differing = both.members()[0].origins().iter().zip(one.members()[0].origins()).filter(|(x, y)| x != y).count();
    let later = b.rset_s.p50.zip(a.rset_s.p50).map_or(f64::NAN, |(b, a)| b - a);
    Ok(vec![
        VerificationRow::at_most(case, "people out by the shut door", east, 0.0, "it is shut"),
        VerificationRow::at_least(case, "last person later by, s", later, 1.0, "a longer way"),
        VerificationRow::at_least(case, "people out", b.balance.left as f64, 40.0, "all of them"),
        VerificationRow::at_most(case, "people drawn otherwise", differing as f64, 0.0, "common random numbers"),
    ])
}

/// The door of the burning room held open or shut by its closer: smoke in the corridor.
fn doors_and_smoke() -> Result<Vec<VerificationRow>, EvacError> {
    let case = "doors-and-smoke";
    let mut scenario = corridor_scenario(180.0, true);
    scenario.people.spaces.iter_mut().for_each(|s| s.count = 0);
    let shut = finished(&scenario)?.summary()?;
    scenario.doors.named.insert("D1".into(), DoorState::Open);
    let open = finished(&scenario)?.summary()?;
    let sight = |s: &twin_model::EvacSummary| s.spaces[0].least_visibility_m;
    let aset = open.spaces[0].aset_s.unwrap_or(f64::INFINITY);
    let own = open.spaces[1].aset_s.unwrap_or(f64::INFINITY);
    Ok(vec![
        VerificationRow::at_most(case, "open: corridor safe for, s", aset, 180.0, "smoke goes through an open door"),
        VerificationRow::at_most(case, "burning room before the corridor, s", own - aset, 0.0, "smoke starts there"),
        VerificationRow::at_least(
            case,
            "sight shut / open",
            sight(&shut) / sight(&open),
            2.0,
            "a shut door holds smoke back",
        ),
    ])
}

/// People behind a smoky corridor arrive later than in clear air; with the law off they do not.
fn smoke_slows() -> Result<Vec<VerificationRow>, EvacError> {
    let case = "smoke-slows";
    let mut scenario = corridor_scenario(400.0, true);
    scenario.doors.others = DoorState::Open;
    scenario.people.spaces.retain(|s| s.space != "R1");
    scenario.people.spaces.push(SpaceCount { space: "R1".into(), count: 0 });
    scenario.people.pre_movement_s = PeopleSpread::Constant { value: 150.0 };
    let slowed = finished(&scenario)?.summary()?;
    scenario.smoke_law = twin_model::SmokeSpeedLaw::Off;
    let free = finished(&scenario)?.summary()?;
    let median = |s: &twin_model::EvacSummary| s.left_s.p50.unwrap_or(f64::NAN);
    Ok(vec![
        VerificationRow::at_most(
            case,
            "corridor sight when they walk, m",
            slowed.spaces[0].least_visibility_m,
            5.0,
            "smoke is there",
        ),
        VerificationRow::at_least(
            case,
            "median out later by, s",
            median(&slowed) - median(&free),
            1.0,
            "Lund's law against none",
        ),
    ])
}

/// A message at 20 s that leaves a quarter of the 100 s that everybody still waits.
fn voice_message() -> Result<Vec<VerificationRow>, EvacError> {
    let case = "voice-message";
    let mut scenario = corridor_scenario(300.0, false);
    scenario.people.pre_movement_s = PeopleSpread::Constant { value: 120.0 };
    let before = finished(&scenario)?.summary()?;
    scenario.interventions.push(EvacIntervention::VoiceMessage { remaining: 0.25, at_s: 20.0 });
    let hurried = finished(&scenario)?;
    let late = hurried.members()[0].origins().iter().map(|o| (o.start_s - 45.0).abs()).fold(0.0, f64::max);
    let after = hurried.summary()?;
    let sooner = before.rset_s.p50.zip(after.rset_s.p50).map_or(f64::NAN, |(a, b)| a - b);
    Ok(vec![
        VerificationRow::at_most(case, "setting off at 45 s, off by, s", late, 1e-3, "20 + 100 / 4"),
        // People think about their ways at other seconds of their walk, so jams differ by some seconds.
        VerificationRow::at_least(case, "last person sooner by, s", sooner, 60.0, "75 s sooner off"),
    ])
}

/// Saved half-way, continued in a fresh run.
fn snapshot_continues() -> Result<Vec<VerificationRow>, EvacError> {
    let case = "snapshot-continues";
    let scenario = corridor_scenario(160.0, true);
    let mut run = made::<1>(&scenario)?;
    run.advance_to(90.0, &CancelToken::new())?;
    let bytes = run.save();
    run.advance_to(160.0, &CancelToken::new())?;
    let mut other = made::<1>(&scenario)?;
    other.restore(&bytes)?;
    let again = other.save();
    other.advance_to(160.0, &CancelToken::new())?;
    let differing = |a: &[u8], b: &[u8]| a.iter().zip(b).filter(|(x, y)| x != y).count() + a.len().abs_diff(b.len());
    let mut accepted = 0;
    for cut in (0..bytes.len()).step_by(bytes.len() / 40 + 1) {
        accepted += usize::from(made::<1>(&scenario)?.restore(&bytes[..cut]).is_ok());
    }
    Ok(vec![
        VerificationRow::at_most(
            case,
            "bytes changed by restoring",
            differing(&bytes, &again) as f64,
            0.0,
            "byte-identical",
        ),
        VerificationRow::at_most(
            case,
            "bytes that differ at the end",
            differing(&run.save(), &other.save()) as f64,
            0.0,
            "byte-identical",
        ),
        VerificationRow::at_most(case, "cut snapshots accepted", accepted as f64, 0.0, "refused with a message"),
    ])
}

/// Nine members: the first against the run by itself (they share the fire's sub-steps with others), and the accounts of all.
fn members_agree() -> Result<Vec<VerificationRow>, EvacError> {
    let case = "members-agree";
    let mut scenario = corridor_scenario(120.0, true);
    let alone = finished(&scenario)?;
    scenario.members = 9;
    let mut all: EvacEnsemble = made(&scenario)?;
    all.advance_to(120.0, &CancelToken::new())?;
    let [one, first] = [&alone.members()[0], &all.members()[0]];
    let drawn = one.origins().iter().zip(first.origins()).filter(|(a, b)| a.space != b.space).count();
    let aset = |m: &crate::MemberRun| -> Vec<f64> { m.watches().iter().map(|w| w.aset_s.min(1e4)).collect() };
    let apart = aset(one).iter().zip(aset(first)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let distinct: std::collections::BTreeSet<u64> = all.members().iter().map(|m| m.crowd().checksum()).collect();
    let ledger = all.ledger()?;
    let close = f64::from(u8::from(ledger.people_close));
    Ok(vec![
        VerificationRow::at_most(case, "people of the first member elsewhere", drawn as f64, 0.0, "same seed"),
        VerificationRow::at_most(case, "ASET of the first member off by, s", apart, 2.0, "the run alone"),
        VerificationRow::at_least(case, "distinct members", distinct.len() as f64, 9.0, "seeds differ"),
        VerificationRow::at_most(case, "gas unaccounted for", ledger.gas, 1e-11, "own account"),
        VerificationRow::at_least(case, "people of all members accounted for", close, 1.0, "own account"),
    ])
}

/// Alarms of a fire in each room in turn are given to the inference: the probability of the true room.
fn fire_inferred() -> Result<Vec<VerificationRow>, EvacError> {
    let case = "fire-inferred";
    let mut scenario = corridor_scenario(200.0, true);
    scenario.people.spaces.iter_mut().for_each(|s| s.count = 0);
    scenario.doors.others = DoorState::Open;
    let (mut right, mut least, mut sum_off) = (0.0, 1.0_f64, 0.0_f64);
    for k in 1..=4_u32 {
        if let Some(fire) = &mut scenario.fire {
            fire.space = format!("R{k}");
        }
        let run = finished(&scenario)?;
        let mut alarms: Vec<SeenAlarm> =
            run.smoke_alarms(0)?.into_iter().map(|(space, t)| SeenAlarm { space, at_s: 1000.0 + t }).collect();
        alarms.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
        alarms.truncate(2);
        let now = alarms.last().map_or(1000.0, |a| a.at_s) + 5.0;
        let options = InferOptions { horizon_s: 300.0, peak_kw: 1500.0, ..InferOptions::at(now) };
        let found = run.model().infer_fire(&alarms, &options, &CancelToken::new())?;
        sum_off = sum_off.max((found.iter().map(|h| h.probability).sum::<f64>() - 1.0).abs());
        let of_room = |s: SpaceIndex| -> f64 { found.iter().filter(|h| h.space == s).map(|h| h.probability).sum() };
        let truth = of_room(SpaceIndex(k));
        let best = (0..5).map(|s| of_room(SpaceIndex(s))).fold(0.0, f64::max);
        right += f64::from(u8::from(truth >= best));
        least = least.min(truth);
    }
    Ok(vec![
        VerificationRow::at_least(case, "rooms named first, of 4", right, 4.0, "two alarms of the model's own fire"),
        VerificationRow::at_least(case, "least probability of the true room", least, 0.5, "our bar"),
        VerificationRow::at_most(case, "probabilities miss 1 by", sum_off, 1e-9, "they are one"),
    ])
}
