//! IMO MSC.1/Circ.1533, Annex 3, those not among RiMEA's (after secondary descriptions).

use super::case::VerificationCase;
use super::rimea::corridor_time;
use super::scenes::{Manners, bound_for, circuit_speed, clear, open_run, run_with, watch};
use crate::{CrowdError, Demand, LayerKind, LayerSpec, Slope, WorldBuilder};

pub(super) fn imo_1_to_3(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let t = corridor_time(40.0, 1.0, LayerKind::Floor(None), true)?;
    case.at_most("|t - 40 s| over 40 m at 1 m/s", (t - 40.0).abs(), 0.5, "IMO 1");
    let level = LayerKind::Flight(Slope { up: 1.0, down: 1.0 });
    for (name, upward) in [("IMO 2", true), ("IMO 3", false)] {
        let t = corridor_time(10.0, 1.0, level, upward)?;
        case.at_most("|t - 10 s| over a stair of 10 m at 1 m/s", (t - 10.0).abs(), 0.5, name);
    }
    Ok(())
}

pub(super) fn imo_4(case: &mut VerificationCase) -> Result<(), CrowdError> {
    for (name, cap) in
        [("flow through 1 m with IMO's limit, 1/s", true), ("flow through 1 m without a limit, 1/s", false)]
    {
        let mut w = WorldBuilder::new([0.0, 0.0]);
        let room = w.layer(&LayerSpec::rectangle("room", [0.0, 0.0], [8.0, 5.0]))?;
        let exit = w.door("exit", (room, [[8.0, 2.0], [8.0, 3.0]]), None)?;
        if cap {
            w.limit_flow(exit, 1.33)?;
        }
        let mut run = open_run(w, 4)?;
        run.place(&Demand::adults(room, 100, 4))?;
        clear(&mut run, 400.0)?;
        let at = |k: usize| run.departures().get(k).map_or(f64::NAN, |d| d.t_s);
        let flow = 60.0 / (at(80) - at(20));
        if cap {
            case.at_most(name, flow, 1.335, "IMO 4: at most 1.33 persons/(m s)");
            case.at_least(name, flow, 1.13, "IMO 4: the limit is used, to 15 %");
        } else {
            case.at_most(name, flow, 2.22, "experiments at 1 m: 1.71 to 2.02/s, and 10 %");
        }
        case.close(&run);
    }
    Ok(())
}

/// Time until the first 100 are through, against `others` who come the other way.
fn counterflow(others: usize) -> Result<f64, CrowdError> {
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let left = w.layer(&LayerSpec::rectangle("left", [-10.0, -5.0], [0.0, 5.0]))?;
    let corridor = w.layer(&LayerSpec::rectangle("corridor", [0.0, -1.0], [10.0, 1.0]))?;
    let right = w.layer(&LayerSpec::rectangle("right", [10.0, -5.0], [20.0, 5.0]))?;
    let (a, b) = ([[0.0, -1.0], [0.0, 1.0]], [[10.0, -1.0], [10.0, 1.0]]);
    w.door("a", (left, a), Some((corridor, a)))?;
    w.door("b", (corridor, b), Some((right, b)))?;
    let east = w.door("east", (right, [[20.0, -5.0], [20.0, 5.0]]), None)?;
    let west = w.door("west", (left, [[-10.0, -5.0], [-10.0, 5.0]]), None)?;
    let mut run = run_with(w, vec![bound_for(east), bound_for(west)], 8)?;
    run.place(&Demand { within: Some([[-10.0, -5.0], [-4.0, 5.0]]), ..Demand::adults(left, 100, 80) })?;
    run.place(&Demand { class: 1, within: Some([[14.0, -5.0], [20.0, 5.0]]), ..Demand::adults(right, others, 81) })?;
    let mut done = f64::NAN;
    watch(&mut run, 1200.0, |r| {
        if done.is_nan() && r.crossed(east)[0] == 100 {
            done = r.t_s();
        }
    });
    Ok(done)
}

pub(super) fn imo_8(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let times = [0, 10, 50, 100].map(counterflow);
    let mut before = 0.0;
    for (n, t) in [0, 10, 50, 100].into_iter().zip(times) {
        let t = t?;
        case.at_least(
            &format!("time of 100 against {n}, less the one before, s"),
            t - before,
            0.0,
            "IMO 8, TN 1822 2.8: time rises",
        );
        before = t;
    }
    Ok(())
}

pub(super) fn imo_11(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let room = w.layer(&LayerSpec::rectangle("room", [-8.0, -3.0], [0.0, 5.0]))?;
    let corridor = w.layer(&LayerSpec::rectangle("corridor", [0.0, 0.0], [12.0, 2.0]))?;
    let kind = LayerKind::Flight(Slope { up: 0.4, down: 0.5 });
    let stair = w.layer(&LayerSpec { kind, ..LayerSpec::rectangle("stair", [12.0, 0.0], [20.0, 2.0]) })?;
    let (a, b) = ([[0.0, 0.5], [0.0, 1.5]], [[12.0, 0.0], [12.0, 2.0]]);
    w.door("room exit", (room, a), Some((corridor, a)))?;
    w.door("stair foot", (corridor, b), Some((stair, b)))?;
    w.door("head", (stair, [[20.0, 0.0], [20.0, 2.0]]), None)?;
    let mut run = open_run(w, 110)?;
    run.place(&Demand::adults(room, 150, 110))?;
    let (mut early, mut most) = ([0, 0], 0);
    watch(&mut run, 600.0, |r| {
        let n = r.occupancy();
        if r.t_s() < 10.0 {
            early = [n[room.index()], n[corridor.index()]];
        }
        most = most.max(n[corridor.index()]);
    });
    case.at_least(
        "people left in the room after 10 s",
        f64::from(early[0]),
        100.0,
        "IMO 11: jam at the room's exit first",
    );
    case.at_least(
        "most people in the corridor",
        f64::from(most),
        f64::from(early[1]) + 4.0,
        "IMO 11: then at the stair's foot",
    );
    case.at_least("persons out", run.balance().left as f64, 150.0, "IMO 11");
    case.close(&run);
    Ok(())
}

pub(super) fn imo_12(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let m = Manners::default();
    let flow = |density: f64| Ok::<f64, CrowdError>(density * circuit_speed(density, [26.0, 2.0], &m, 12, 20.0, 20.0)?);
    let (moderate, dense) = (flow(2.0)?, flow(4.5)?);
    case.at_least(
        "flow at 2/m2 less flow at 4.5/m2, 1/(m s)",
        moderate - dense,
        0.0,
        "IMO 12: less flow at very high density",
    );
    Ok(())
}
