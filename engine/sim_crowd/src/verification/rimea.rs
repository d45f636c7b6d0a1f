//! RiMEA 1 to 7 and 13 to 15: single elements, after the guideline's texts.

use super::case::VerificationCase;
use super::scenes::{clear, kolmogorov, normal_cdf, open_run, watch};
use crate::demand::IMO_PASSENGERS;
use crate::{
    CrowdError, CrowdRun, Demand, DestinationClass, LayerId, LayerKind, LayerSpec, Person, PortalId, Slope, Spread,
    WorldBuilder, imo_passenger,
};
use sim_core::CounterRng;
use std::collections::BTreeMap;

/// Time of one person from the start to the end of a straight layer of 40 m, and the way walked.
pub(super) fn corridor_time(length_m: f64, speed_mps: f32, kind: LayerKind, upward: bool) -> Result<f64, CrowdError> {
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let spec = LayerSpec { kind, ..LayerSpec::rectangle("way", [-1.0, 0.0], [length_m + 1.0, 2.0]) };
    let layer = w.layer(&spec)?;
    let (from, to) = if upward { (0.0, length_m) } else { (length_m, 0.0) };
    let end = if upward { length_m + 1.0 } else { -1.0 };
    w.door("end", (layer, [[end, 0.0], [end, 2.0]]), None)?;
    let mut run = open_run(w, 1)?;
    run.enter(&Person::new(layer, [from as f32, 1.0], speed_mps))?;
    let mut reached = f64::NAN;
    watch(&mut run, 200.0, |r| {
        let there = r.motions().any(|m| if upward { f64::from(m.2) >= to } else { f64::from(m.2) <= to });
        if reached.is_nan() && there {
            reached = r.t_s();
        }
    });
    Ok(reached)
}

pub(super) fn rimea_1(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let t = corridor_time(40.0, 1.33, LayerKind::Floor(None), true)?;
    case.at_most("|t - 30 s| over 40 m at 1.33 m/s", (t - 30.0).abs(), 4.0, "RiMEA 1: 26 to 34 s");
    case.at_most("|t - 40/1.33 s|", (t - 40.0 / 1.33).abs(), 0.2, "40 m / 1.33 m/s");
    Ok(())
}

pub(super) fn stairs(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let flight = LayerKind::Flight(Slope { up: 0.62, down: 0.75 });
    for (name, upward, factor) in [("up, RiMEA 2", true, 0.62), ("down, RiMEA 3", false, 0.75)] {
        let t = corridor_time(10.0, 1.0, flight, upward)?;
        let exact = 10.0 / factor;
        case.at_most(&format!("|t - {exact:.2} s| {name}"), (t - exact).abs(), 0.5, "10 m / set speed, 1 s or 5 %");
    }
    Ok(())
}

pub(super) fn rimea_5(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let room = w.layer(&LayerSpec::rectangle("room", [0.0, 0.0], [8.0, 5.0]))?;
    w.door("exit", (room, [[8.0, 2.0], [8.0, 3.0]]), None)?;
    let mut run = open_run(w, 5)?;
    let mut starts = BTreeMap::new();
    for k in 0..10_u32 {
        let at = [0.6 + 0.7 * k as f32, if k % 2 == 0 { 0.8 } else { 4.2 }];
        let start_s = 10.0 * (k + 1) as f32;
        starts.insert(run.enter(&Person { start_s, ..Person::new(room, at, 1.2) })?, f64::from(start_s));
    }
    let mut off: f64 = 0.0;
    let mut seen = BTreeMap::new();
    watch(&mut run, 200.0, |r| {
        for (id, _, _, _, v) in r.motions() {
            if v > 0.0 && !seen.contains_key(&id) {
                seen.insert(id, r.t_s());
            }
        }
    });
    for (id, start) in &starts {
        off = off.max((seen.get(id).copied().unwrap_or(f64::NAN) - start).abs());
    }
    case.at_most("latest start after its time, s", off, 0.5, "RiMEA 5: each in its own second");
    case.at_least("persons out", run.balance().left as f64, 10.0, "RiMEA 5");
    case.close(&run);
    Ok(())
}

/// A corridor of 2 m that turns left after 10 m.
pub(super) fn corner() -> Result<(WorldBuilder, LayerId), CrowdError> {
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let outline = [[0.0, 0.0], [12.0, 0.0], [12.0, 12.0], [10.0, 12.0], [10.0, 2.0], [0.0, 2.0]];
    let layer = w.layer(&LayerSpec::floor("corner", &outline))?;
    w.door("end", (layer, [[10.0, 12.0], [12.0, 12.0]]), None)?;
    Ok((w, layer))
}

pub(super) fn rimea_6(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let (w, layer) = corner()?;
    let mut run = open_run(w, 6)?;
    run.place(&Demand { within: Some([[0.0, 0.0], [6.0, 2.0]]), ..Demand::adults(layer, 20, 6) })?;
    let (mut least, mut outside) = (f64::INFINITY, 0);
    watch(&mut run, 120.0, |r| {
        for (_, l, x, y, _) in r.motions() {
            let layer = &r.world().layers()[l.index()];
            outside += u32::from(!layer.contains([x, y]));
            least = least.min(layer.wall_distance_m([x, y]).map_or(f64::INFINITY, f64::from));
        }
    });
    case.at_most("positions off the floor", f64::from(outside), 0.0, "RiMEA 6: nobody crosses a wall");
    case.at_least("least distance to a wall, m", least, 0.1499, "clearance 0.15 m");
    case.at_least("persons round the corner", run.balance().left as f64, 20.0, "RiMEA 6");
    case.close(&run);
    Ok(())
}

pub(super) fn rimea_7(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let mut outside = 0;
    let mut counts = [0_u32; 10];
    let n = 2000;
    for k in 0..n {
        let (cohort, v) = imo_passenger(&mut CounterRng::new(7, k));
        counts[cohort] += 1;
        let [low, high] = IMO_PASSENGERS[cohort].level_mps;
        outside += u32::from(!(low..=high).contains(&v));
    }
    case.at_most("speeds outside their table", f64::from(outside), 0.0, "IMO 1533 tables; RiMEA 7, IMO 7");
    let off = |(k, c): (usize, &Count)| {
        let p = IMO_PASSENGERS[k].percent / 100.0;
        (f64::from(*c) - n as f64 * p).abs() / (n as f64 * p * (1.0 - p)).sqrt()
    };
    case.at_most(
        "largest deviation of a cohort, standard errors",
        counts.iter().enumerate().map(off).fold(0.0, f64::max),
        3.5,
        "binomial",
    );
    let men = |k: u64| imo_speed_of(6, k);
    let speeds: Vec<f64> = (0..50).map(men).collect();
    let ks = kolmogorov(speeds, |v| ((v - 0.97) / (1.62 - 0.97)).clamp(0.0, 1.0));
    case.at_most("50 men of 30 to 50: KS statistic times root n", ks, 1.358, "RiMEA 7, IMO 7: p > 0.05");
    let weidmann: Vec<f64> = (0..500).map(|k| Spread::WEIDMANN_MPS.draw(&mut CounterRng::new(77, k))).collect();
    let cut = normal_cdf(2.0) - normal_cdf(-2.0);
    let cdf = |v: f64| ((normal_cdf((v - 1.34) / 0.26) - normal_cdf(-2.0)) / cut).clamp(0.0, 1.0);
    case.at_most(
        "Weidmann's adults: KS statistic times root n",
        kolmogorov(weidmann, cdf),
        1.358,
        "Weidmann 1993: p > 0.05",
    );
    Ok(())
}

type Count = u32;

fn imo_speed_of(cohort: usize, k: u64) -> f64 {
    let [low, high] = IMO_PASSENGERS[cohort].level_mps;
    CounterRng::new(70, k).range_f64(low, high)
}

/// A room, a corridor and a stair upwards (RiMEA 13).
struct StairScene {
    run: CrowdRun,
    corridor_in: PortalId,
    stair_in: PortalId,
    corridor: LayerId,
}

fn stair_scene() -> Result<StairScene, CrowdError> {
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let room = w.layer(&LayerSpec::rectangle("room", [-8.0, -3.0], [0.0, 5.0]))?;
    let corridor = w.layer(&LayerSpec::rectangle("corridor", [0.0, 0.0], [12.0, 2.0]))?;
    let kind = LayerKind::Flight(Slope { up: 0.5, down: 0.7 });
    let stair = w.layer(&LayerSpec { kind, ..LayerSpec::rectangle("stair", [12.0, 0.0], [24.0, 2.0]) })?;
    let (a, b) = ([[0.0, 0.0], [0.0, 2.0]], [[12.0, 0.0], [12.0, 2.0]]);
    let corridor_in = w.door("corridor in", (room, a), Some((corridor, a)))?;
    let stair_in = w.door("stair foot", (corridor, b), Some((stair, b)))?;
    w.door("end", (stair, [[24.0, 0.0], [24.0, 2.0]]), None)?;
    let mut run = open_run(w, 13)?;
    run.place(&Demand::adults(room, 150, 13))?;
    Ok(StairScene { run, corridor_in, stair_in, corridor })
}

pub(super) fn rimea_13(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let StairScene { mut run, corridor_in, stair_in, corridor } = stair_scene()?;
    let mut times = [Vec::new(), Vec::new()];
    let mut most_in_corridor = 0;
    watch(&mut run, 400.0, |r| {
        for (list, portal) in times.iter_mut().zip([corridor_in, stair_in]) {
            list.resize(r.crossed(portal)[0] as usize, r.t_s());
        }
        most_in_corridor = most_in_corridor.max(r.occupancy()[corridor.index()]);
    });
    let first = |t: &[f64]| 40.0 / (t[49] - t[9]);
    case.at_least(
        "flow into the corridor less flow onto the stair, 1/s",
        first(&times[0]) - first(&times[1]),
        0.0,
        "RiMEA 13: J stair < J corridor",
    );
    case.at_least(
        "most people jammed before the stair",
        f64::from(most_in_corridor),
        30.0,
        "RiMEA 13: jam at the foot",
    );
    case.at_least("persons out", run.balance().left as f64, 150.0, "RiMEA 13");
    case.close(&run);
    Ok(())
}

/// Share of 40 people who take a slow stair of 12 m rather than a level way of `level_m`.
fn share_by_stair(level_m: f64) -> Result<f64, CrowdError> {
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let hall = w.layer(&LayerSpec::rectangle("hall", [0.0, 0.0], [10.0, 8.0]))?;
    let kind = LayerKind::Flight(Slope { up: 0.5, down: 0.7 });
    let stair = w.layer(&LayerSpec { kind, ..LayerSpec::rectangle("stair", [10.0, 5.0], [22.0, 7.0]) })?;
    let level = w.layer(&LayerSpec::rectangle("level", [10.0, 1.0], [10.0 + level_m, 3.0]))?;
    let (up, along) = ([[10.0, 5.0], [10.0, 7.0]], [[10.0, 1.0], [10.0, 3.0]]);
    let by_stair = w.door("stair foot", (hall, up), Some((stair, up)))?;
    w.door("way", (hall, along), Some((level, along)))?;
    w.door("head", (stair, [[22.0, 5.0], [22.0, 7.0]]), None)?;
    w.door("end", (level, [[10.0 + level_m, 1.0], [10.0 + level_m, 3.0]]), None)?;
    let mut run = open_run(w, 14)?;
    run.place(&Demand { within: Some([[0.5, 0.5], [5.0, 7.5]]), ..Demand::adults(hall, 40, 14) })?;
    clear(&mut run, 300.0)?;
    Ok(run.crossed(by_stair)[0] as f64 / 40.0)
}

pub(super) fn rimea_14(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let (near, far) = (share_by_stair(18.0)?, share_by_stair(90.0)?);
    case.at_most("share over the stair when the level way is quicker", near, 0.5, "RiMEA 14: by time, not by length");
    case.at_least("share over the stair when the level way is far", far, 0.9, "RiMEA 14: documented choice");
    Ok(())
}

pub(super) fn rimea_15(case: &mut VerificationCase) -> Result<(), CrowdError> {
    // Two straight corridors and a corner between them in length along the middle: 20, 22 and 40 m from the same start.
    let straight = |length: f64| -> Result<f64, CrowdError> {
        let mut w = WorldBuilder::new([0.0, 0.0]);
        let layer = w.layer(&LayerSpec::rectangle("straight", [0.0, 0.0], [length, 2.0]))?;
        w.door("end", (layer, [[length, 0.0], [length, 2.0]]), None)?;
        crowd_time(w, layer)
    };
    let (w, layer) = corner()?;
    let (short, turned, long) = (straight(18.0)?, crowd_time(w, layer)?, straight(40.0)?);
    case.at_least("corner less short corridor, s", turned - short, 0.0, "RiMEA 15");
    case.at_least("long corridor less corner, s", long - turned, 0.0, "RiMEA 15");
    Ok(())
}

fn crowd_time(w: WorldBuilder, layer: LayerId) -> Result<f64, CrowdError> {
    let mut run = super::scenes::run_with(w, vec![DestinationClass::default()], 15)?;
    run.place(&Demand { within: Some([[0.0, 0.0], [6.0, 2.0]]), ..Demand::adults(layer, 20, 15) })?;
    clear(&mut run, 200.0)
}
