//! NIST Technical Note 1822 (Ronchi et al. 2013), the tests that neither RiMEA nor IMO has (after secondary descriptions).
//!
//! 5.1 is in RiMEA 12 and IMO 11, 5.2 in "bottleneck".

use super::case::VerificationCase;
use super::rimea_rooms::{block, one, populate};
use super::scenes::{bound_for, clear, kolmogorov, normal_cdf, open_run, run_with, watch};
use crate::{
    CrowdEdit, CrowdError, CrowdForcing, CrowdParams, CrowdRun, CrowdWorld, Demand, DestinationClass, FloodOnFloor,
    LayerSpec, LiftSpec, Person, Spread, WorldBuilder,
};
use sim_core::{Air, CounterRng};

pub(super) fn pre_movement(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let n = 1000;
    let spread = Spread::LogNormal { median: 40.0, sigma: 0.5, high: 1e4 };
    let drawn: Vec<f64> = (0..n).map(|k| spread.draw(&mut CounterRng::new(1, k))).collect();
    let cdf = |t: f64| normal_cdf(libm::log(t / 40.0) / 0.5);
    case.at_most("log-normal: KS statistic times root n", kolmogorov(drawn, cdf), 1.358, "TN 1822 1.1: p > 0.05");
    let spread = Spread::Uniform { low: 10.0, high: 100.0 };
    let drawn: Vec<f64> = (0..n).map(|k| spread.draw(&mut CounterRng::new(2, k))).collect();
    case.at_most(
        "uniform: KS statistic times root n",
        kolmogorov(drawn, |t| (t - 10.0) / 90.0),
        1.358,
        "TN 1822 1.1, IMO 5",
    );
    Ok(())
}

/// Two floors and a lift beside a stair.
fn lift_world(with_stair: bool) -> Result<CrowdRun, CrowdError> {
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let low = w.layer(&LayerSpec::rectangle("lobby", [0.0, 0.0], [8.0, 6.0]))?;
    let high = w.layer(&LayerSpec { floor_m: 9.0, ..LayerSpec::rectangle("upper floor", [0.0, 0.0], [8.0, 6.0]) })?;
    w.door("exit", (low, [[0.0, 2.0], [0.0, 4.0]]), None)?;
    if with_stair {
        let kind = crate::LayerKind::Flight(crate::Slope { up: 0.5, down: 0.6 });
        let stair = w.layer(&LayerSpec { kind, ..LayerSpec::rectangle("stair", [8.0, 1.0], [30.0, 2.2]) })?;
        w.door("foot", (low, [[8.0, 1.0], [8.0, 2.2]]), Some((stair, [[8.0, 1.0], [8.0, 2.2]])))?;
        // The flight's head meets the upper floor at its own east wall.
        w.door("head", (stair, [[30.0, 1.0], [30.0, 2.2]]), Some((high, [[8.0, 1.0], [8.0, 2.2]])))?;
    }
    let stops = vec![(low, [[3.5, 6.0], [4.5, 6.0]]), (high, [[3.5, 6.0], [4.5, 6.0]])];
    w.lift(&LiftSpec::of("lift", 8, 1.0, stops))?;
    let by_lift = DestinationClass { lifts: true, stairs: false, ..DestinationClass::default() };
    let mut run = run_with(w, vec![DestinationClass::default(), by_lift], 27)?;
    if with_stair {
        run.place(&Demand::adults(high, 20, 270))?;
    }
    let speed_mps = Spread::Constant { value: 0.7 };
    run.place(&Demand { class: 1, speed_mps, ..Demand::adults(high, 20, 271) })?;
    Ok(run)
}

pub(super) fn lifts(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let mut run = lift_world(false)?;
    let t = clear(&mut run, 1200.0)?;
    case.at_least("20 persons out by a lift for 8", run.balance().left as f64, 20.0, "TN 1822 2.7");
    // Three loads: a ride of 9 s and doors of 3 + 3 s each way, 8 s of boarding at least for the last, 1 s per person out.
    case.at_least("time, s", t, 3.0 * 15.0 + 2.0 * 12.0 + 20.0, "three loads by hand, least");
    case.at_most("time, s", t, 3.0 * 15.0 + 3.0 * 12.0 + 3.0 * 8.0 + 20.0 + 40.0, "three loads by hand, and walking");
    case.close(&run);
    let mut run = lift_world(true)?;
    clear(&mut run, 1200.0)?;
    let head = run.world().portal_named("head").map_or(0, |p| run.crossed(p)[1]);
    case.at_least(
        "persons by the stair; wheelchairs by the lift",
        head as f64,
        20.0,
        "TN 1822 2.10: who cannot climb does not",
    );
    case.at_most("persons by the stair", head as f64, 20.0, "TN 1822 2.10");
    case.at_least("persons out", run.balance().left as f64, 40.0, "TN 1822 2.7, 2.10");
    case.close(&run);
    Ok(())
}

pub(super) fn groups(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let hall = w.layer(&LayerSpec::rectangle("hall", [0.0, 0.0], [60.0, 6.0]))?;
    w.door("end", (hall, [[60.0, 2.0], [60.0, 4.0]]), None)?;
    let mut run = open_run(w, 29)?;
    for (k, v) in [0.7_f32, 1.3, 1.6].into_iter().enumerate() {
        run.enter(&Person { group: Some(1), ..Person::new(hall, [1.0, 1.5 + k as f32], v) })?;
    }
    let alone = run.enter(&Person::new(hall, [1.0, 5.0], 1.6))?;
    let mut apart: f64 = 0.0;
    watch(&mut run, 120.0, |r| {
        let xs: Vec<f64> = r.motions().filter(|m| m.0 != alone).map(|m| f64::from(m.2)).collect();
        if xs.len() == 3 {
            let (lo, hi) = xs.iter().fold((f64::INFINITY, 0.0_f64), |a, x| (a.0.min(*x), a.1.max(*x)));
            apart = apart.max(hi - lo);
        }
    });
    let times: Vec<f64> = run.departures().iter().filter(|d| d.id != alone).map(|d| d.t_s).collect();
    let spread = times.last().map_or(f64::NAN, |b| b - times[0]);
    case.at_most("farthest apart on the way, m", apart, 4.0, "TN 1822 2.9: a group keeps together");
    case.at_most("first to last of the group at the exit, s", spread, 6.0, "TN 1822 2.9");
    case.at_least(
        "time of the group, s",
        times.last().copied().unwrap_or(f64::NAN),
        58.0 / 0.7,
        "TN 1822 2.9: at the pace of the slowest",
    );
    case.close(&run);
    Ok(())
}

/// A room of 15 x 10 m with an exit in the middle of either end. `leaders` walk to the second from the start; `followers` who mind
/// others by `herding` set off after `start_s`.
fn two_exits(
    leaders: usize,
    followers: usize,
    herding: f32,
    start_s: f64,
    seed: u64,
) -> Result<(CrowdRun, crate::PortalId), CrowdError> {
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let room = w.layer(&LayerSpec::rectangle("room", [0.0, 0.0], [15.0, 10.0]))?;
    w.door("exit 1", (room, [[0.0, 4.5], [0.0, 5.5]]), None)?;
    let second = w.door("exit 2", (room, [[15.0, 4.5], [15.0, 5.5]]), None)?;
    let follow = DestinationClass { herding, ..DestinationClass::default() };
    let mut run = run_with(w, vec![follow, bound_for(second)], seed)?;
    let within = Some([[5.5, 1.0], [9.5, 9.0]]);
    let pre_movement_s = Spread::Constant { value: start_s };
    run.place(&Demand { within, pre_movement_s, ..Demand::adults(room, followers, seed) })?;
    if leaders > 0 {
        run.place(&Demand { class: 1, within, ..Demand::adults(room, leaders, seed + 1000) })?;
    }
    Ok((run, second))
}

pub(super) fn social_influence(case: &mut VerificationCase) -> Result<(), CrowdError> {
    // As pyFDS-Evac's and JuPedSim's authors read the test (jupedsim-scenarios, standards/nist, 2026): two free occupants
    // between two exits, then a third who is bound for the second; over 40 seeds more of the free must take it.
    let source = "TN 1822 3.2: somebody bound for exit 2 draws others there";
    let mut by_second = |leaders: usize, herding: f32| -> Result<f64, CrowdError> {
        let mut n = 0.0;
        for seed in 0..40 {
            let (mut run, second) = two_exits(leaders, 2, herding, 0.0, 320 + seed)?;
            clear(&mut run, 120.0)?;
            n += run.crossed(second)[0] as f64 - leaders as f64;
            case.close(&run);
        }
        Ok(n)
    };
    let (alone, drawn) = (by_second(0, 0.8)?, by_second(1, 0.8)?);
    let (off_alone, off_drawn) = (by_second(0, 0.0)?, by_second(1, 0.0)?);
    // Nine: two standard deviations of 80 tosses of a coin.
    case.at_most("|exit 2's part of 80 - a half|: nobody bound", (alone / 80.0 - 0.5).abs(), 0.15, source);
    case.at_least("more of 80 by exit 2: herding 0.8, one bound for it", drawn - alone, 9.0, source);
    case.at_most("|more of 80 by exit 2|: the option off", (off_drawn - off_alone).abs(), 0.0, source);
    let source = "after Granovetter 1978: thresholds";
    let mut early = |leaders: usize, herding: f32| -> Result<f64, CrowdError> {
        let (mut run, _) = two_exits(leaders, 20, herding, 300.0, 330)?;
        watch(&mut run, 60.0, |_| {});
        case.close(&run);
        Ok(run.balance().left as f64 - leaders as f64)
    };
    let (off, alone, led) = (early(20, 0.0)?, early(0, 1.0)?, early(20, 1.0)?);
    case.at_most("of 20 out by 60 s who wait for 300 s: the option off", off, 0.0, source);
    case.at_most("of 20 out by 60 s who wait for 300 s: herding 1, nobody leads", alone, 0.0, source);
    // Half of those around walk: at least those whose threshold is below a half go with them.
    case.at_least("of 20 out by 60 s who wait for 300 s: herding 1, 20 leaders", led, 10.0, source);
    Ok(())
}

pub(super) fn familiar_exit(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let room = w.layer(&LayerSpec::rectangle("room", [0.0, 0.0], [20.0, 10.0]))?;
    let main = w.door("main", (room, [[20.0, 4.5], [20.0, 5.5]]), None)?;
    let near = w.door("near", (room, [[0.0, 4.5], [0.0, 5.5]]), None)?;
    let mut run = run_with(w, vec![DestinationClass::default(), bound_for(main)], 33)?;
    let within = Some([[0.5, 0.5], [8.0, 9.5]]);
    run.place(&Demand { within, ..Demand::adults(room, 10, 330) })?;
    run.place(&Demand { class: 1, within, ..Demand::adults(room, 10, 331) })?;
    clear(&mut run, 120.0)?;
    case.at_least("strangers by the door they know", run.crossed(main)[0] as f64, 10.0, "TN 1822 3.3: affiliation");
    case.at_least("others by the nearest", run.crossed(near)[0] as f64, 10.0, "TN 1822 3.3");
    case.close(&run);
    Ok(())
}

pub(super) fn closing_exit(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let room = w.layer(&LayerSpec::rectangle("room", [0.0, 0.0], [20.0, 10.0]))?;
    let near = w.door("near", (room, [[0.0, 4.5], [0.0, 5.5]]), None)?;
    let far = w.door("far", (room, [[20.0, 4.5], [20.0, 5.5]]), None)?;
    let forcing = CrowdForcing { edits: vec![(2.0, CrowdEdit::SetOpen { portal: near, open: false })] };
    let mut run = CrowdRun::new(w.build()?, vec![DestinationClass::default()], CrowdParams::default(), forcing)?;
    run.place(&Demand { within: Some([[3.0, 0.5], [8.0, 9.5]]), ..Demand::adults(room, 20, 41) })?;
    let mut before = 0;
    watch(&mut run, 2.0, |r| before = r.crossed(near)[0]);
    clear(&mut run, 120.0)?;
    case.at_most("persons through the exit after it shut", (run.crossed(near)[0] - before) as f64, 0.0, "TN 1822 4.1");
    case.at_least("persons through the other", run.crossed(far)[0] as f64, (20 - before) as f64, "TN 1822 4.1");
    case.close(&run);
    Ok(())
}

pub(super) fn hazards_turn_routes(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let scene = || -> Result<(CrowdRun, [crate::LayerId; 3]), CrowdError> {
        let mut w = WorldBuilder::new([0.0, 0.0]);
        let hall = w.layer(&LayerSpec::rectangle("hall", [0.0, 0.0], [10.0, 10.0]))?;
        let short = w.layer(&LayerSpec::rectangle("short", [10.0, 1.0], [20.0, 3.0]))?;
        let long = w.layer(&LayerSpec::rectangle("long", [10.0, 7.0], [30.0, 9.0]))?;
        for (name, l, y, end) in [("short way", short, 1.0, 20.0), ("long way", long, 7.0, 30.0)] {
            let ends = [[10.0, y], [10.0, y + 2.0]];
            w.door(name, (hall, ends), Some((l, ends)))?;
            w.door(&format!("end of {name}"), (l, [[end, y], [end, y + 2.0]]), None)?;
        }
        let mut run = open_run(w, 42)?;
        for k in 0..5 {
            run.enter(&one(hall, [1.0, 1.0 + k as f32]))?;
        }
        Ok((run, [hall, short, long]))
    };
    let smoke = |layer| CrowdEdit::SetAir { layer, air: Air { extinction_per_m: 3.0, ..Air::CLEAN } };
    let water = |layer| CrowdEdit::SetFlood { layer, water: FloodOnFloor { depth_m: 0.55, speed_mps: 0.2 } };
    let edits: [(&str, &dyn Fn(crate::LayerId) -> CrowdEdit); 2] = [("smoke", &smoke), ("water", &water)];
    for (name, edit) in edits {
        let (mut run, [_, short, _]) = scene()?;
        run.apply(&edit(short))?;
        clear(&mut run, 200.0)?;
        let by_short = run.world().portal_named("short way").map_or(0, |p| run.crossed(p)[0]);
        case.at_most(&format!("persons into the {name}"), by_short as f64, 0.0, "routes avoid what blinds or fells");
        let (mut run, [_, short, long]) = scene()?;
        run.apply(&edit(short))?;
        run.apply(&edit(long))?;
        clear(&mut run, 600.0)?;
        case.at_least(
            &format!("persons out when all ways have {name}"),
            run.balance().left as f64,
            5.0,
            "closed unless there is no other",
        );
    }
    let (mut run, [hall, ..]) = scene()?;
    run.apply(&CrowdEdit::SetFlood { layer: hall, water: FloodOnFloor { depth_m: 0.9, speed_mps: 0.0 } })?;
    watch(&mut run, 20.0, |_| {});
    case.at_most("persons out through 0.9 m of water", run.balance().left as f64, 0.0, "nobody walks beyond 0.7 m");
    case.at_least("persons still counted", run.balance().inside as f64, 5.0, "balance");
    case.close(&run);
    Ok(())
}

pub(super) fn blocked_stair(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let mut run = CrowdRun::new(
        CrowdWorld::from_plan(&block(3), &[])?,
        vec![DestinationClass::default()],
        CrowdParams::default(),
        CrowdForcing::default(),
    )?;
    let people = populate(&mut run, 4, Spread::Constant { value: 0.0 }, 51)?;
    let Some(head) = run.world().portal_named("stair 2 head") else {
        case.at_most("stair found", 1.0, 0.0, "block");
        return Ok(());
    };
    watch(&mut run, 3.0, |_| {});
    run.apply(&CrowdEdit::SetOpen { portal: head, open: false })?;
    watch(&mut run, 200.0, |_| {});
    let above = people as f64 / 3.0;
    case.at_most(
        "|persons left inside - those of the upper floor|",
        (run.balance().inside as f64 - above).abs(),
        0.0,
        "a blocked stair holds its floor",
    );
    run.apply(&CrowdEdit::SetOpen { portal: head, open: true })?;
    clear(&mut run, 600.0)?;
    case.at_least("persons out after it is opened", run.balance().left as f64, people as f64, "edits during the run");
    case.close(&run);
    Ok(())
}
