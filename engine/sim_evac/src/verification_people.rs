//! Members with people and doors of their own.

use crate::verification::{VerificationRow, corridor_plan, corridor_scenario};
use crate::{EvacEnsemble, EvacError, EvacMember, EvacModel};
use sim_core::{CancelToken, CounterRng};
use std::sync::Arc;
use twin_model::{DoorState, EvacScenario, OpeningIndex, PeopleSpread};

type Rows = Result<Vec<VerificationRow>, EvacError>;

const MEMBERS: u32 = 48;
/// People in each of the four rooms: enough for queues at their doors to decide when the last is out.
const MEAN: u32 = 25;
const SPREAD: u32 = 15;
const STREAM: u64 = 0x9E0;

/// Everybody sets off at once, so that the number of people matters and not who waits longest.
fn scenario() -> EvacScenario {
    let mut s = EvacScenario { members: MEMBERS, ..corridor_scenario(300.0, false) };
    s.people.pre_movement_s = PeopleSpread::Constant { value: 0.0 };
    s.people.slow_share = 0.0;
    s.people.speed_mps = PeopleSpread::Constant { value: 1.2 };
    s
}

fn with_people(model: &EvacModel, of: impl Fn(u64) -> u32) -> Result<Vec<EvacMember>, EvacError> {
    let mut members = model.members()?;
    for (k, m) in members.iter_mut().enumerate() {
        let n = of(k as u64);
        m.people = Some(vec![0, n, n, n, n]);
    }
    Ok(members)
}

/// Mean and deviation of the time of the last out over the members by network, s.
fn rset(model: &Arc<EvacModel>, members: &[EvacMember]) -> Result<[f64; 2], EvacError> {
    let mut run = EvacEnsemble::new(Arc::clone(model), members)?;
    run.advance_to(model.scenario().duration_s, &CancelToken::new())?;
    let times: Vec<f64> = run.members().iter().skip(1).map(|m| m.rset_s().unwrap_or(f64::INFINITY)).collect();
    let n = times.len() as f64;
    let mean = times.iter().sum::<f64>() / n;
    let variance = times.iter().map(|t| (t - mean) * (t - mean)).sum::<f64>() / (n - 1.0);
    Ok([mean, variance.sqrt()])
}

/// The same mean number of people, once known and once not: times spread more, their mean stays.
pub(crate) fn unknown_number() -> Rows {
    let case = "people-unknown";
    let model = Arc::new(EvacModel::new(&corridor_plan(), &scenario(), &[])?);
    // Pairs about the mean: its own sampling error is none.
    let drawn = |k: u64| {
        let off = CounterRng::new(5, STREAM | (k / 2)).below(u64::from(SPREAD) + 1) as u32;
        if k.is_multiple_of(2) { MEAN + off } else { MEAN - off }
    };
    let known = rset(&model, &with_people(&model, |_| MEAN)?)?;
    let unknown = rset(&model, &with_people(&model, drawn)?)?;
    let of = "48 members, 25 or 10 to 40 people in each of 4 rooms; our bound";
    Ok(vec![
        VerificationRow::at_least(case, "spread of RSET, not known over known", unknown[1] / known[1], 2.0, of),
        VerificationRow::at_most(case, "mean of RSET, off by, share", (unknown[0] / known[0] - 1.0).abs(), 0.1, of),
    ])
}

/// A member's own numbers are taken to the person, a door that it finds locked lets nobody through, others are not touched.
pub(crate) fn own_people_and_doors() -> Rows {
    let case = "people-and-doors-of-members";
    let model = Arc::new(EvacModel::new(&corridor_plan(), &scenario(), &[])?);
    let seed = 3;
    let plain = EvacMember { people: Some(vec![1, 2, 3, 4, 5]), ..EvacMember::new(seed, None) };
    let west = OpeningIndex(0);
    let locked = EvacMember { doors: vec![(west, DoorState::Locked)], ..plain.clone() };
    let mut run = EvacEnsemble::new(Arc::clone(&model), &[plain.clone(), plain, locked])?;
    let counts = [0_u32, 1, 2, 3, 4]
        .map(|s| run.members()[1].origins().iter().filter(|o| o.space == twin_model::SpaceIndex(s)).count() as f64);
    let missed: f64 = counts.iter().zip([1.0, 2.0, 3.0, 4.0, 5.0]).map(|(a, b)| (a - b).abs()).sum();
    run.advance_to(120.0, &CancelToken::new())?;
    let through = |k: usize| {
        let portal = model.portals[west.index()];
        portal.map_or(f64::NAN, |p| run.members()[k].crowd().crossed(p).iter().sum::<u64>() as f64)
    };
    let out = run.members().iter().map(|m| m.balance().left as f64).fold(f64::INFINITY, f64::min);
    Ok(vec![
        VerificationRow::at_most(case, "people put elsewhere than said", missed, 0.0, "own people"),
        VerificationRow::at_most(case, "people through the locked exit", through(2), 0.0, "own doors"),
        VerificationRow::at_least(case, "people through it where it is not", through(1), 1.0, "own doors"),
        VerificationRow::at_least(case, "people out in every member", out, 15.0, "own people"),
    ])
}
