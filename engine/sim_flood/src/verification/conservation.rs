//! Volume is booked to the last drop, depth never falls below zero.

use super::case::VerificationCase;
use super::{bound, f64s};
use crate::{
    FloodError, FloodParams, FloodRunOf, Forcing, Grid, Initial, PointInflow, RainSeries, Real, StageBoundary, Terrain,
    barrier_along,
};
use sim_core::CounterRng;

const SOURCE: &str = "conservation of volume";

/// A rough, hilly town with a river along its south edge.
pub(super) fn town(grid: Grid, seed: u64) -> Terrain {
    let mut rng = CounterRng::new(seed, 0);
    let (a, b) = (rng.range_f64(0.05, 0.2), rng.range_f64(0.05, 0.2));
    let mut t = Terrain::from_fn(grid, 0.03, |x, y| 50.0 + 0.02 * y + 0.8 * (a * x).sin() * (b * y).cos());
    for k in 0..grid.cell_count() {
        t.bed_m[k] += rng.range_f64(0.0, 0.4);
        t.manning[k] = rng.range_f64(0.0, 0.1);
        let (i, j) = (k % grid.nx, k / grid.nx);
        t.blocked[k] = j > 8 && (i / 6) % 3 == 1 && (j / 5) % 2 == 1;
        if j < 4 {
            t.bed_m[k] = 48.0;
        }
    }
    t
}

pub(super) fn random_forcing(grid: &Grid, rng: &mut CounterRng) -> Forcing {
    let river: Vec<u32> = (0..grid.nx as u32).collect();
    let mut rate = || rng.range_f64(0.0, 200.0);
    let rain = RainSeries { series: vec![(0.0, rate()), (40.0, rate()), (80.0, rate())], cells: None };
    let mut level = || rng.range_f64(48.5, 51.0);
    let stage = StageBoundary { cells: river, series: vec![(0.0, level()), (60.0, level()), (120.0, level())] };
    let spring = PointInflow {
        cells: vec![(grid.nx * 30 + 2) as u32],
        series: vec![(0.0, rng.range_f64(-1.0, 3.0))],
        ..PointInflow::default()
    };
    Forcing { rain: vec![rain], stages: vec![stage], inflows: vec![spring], open_edges: true, ..Forcing::default() }
}

/// Random rain, river levels, springs and gates that open and close: nothing is lost.
pub(super) fn mass_closure<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let grid = Grid { nx: 100, ny: 70, dx_m: 2.0 };
    let mut rng = CounterRng::new(5, 1);
    let terrain = town(grid, 5);
    let initial = Initial::pool(&terrain, &[], &[0], 50.0);
    let forcing = random_forcing(&grid, &mut rng);
    let mut run = FloodRunOf::<R>::new(terrain, vec![], forcing, case.params(), initial)?;
    let mut gate_jump = 0.0_f64;
    for k in 1..=12 {
        case.advance(&mut run, 10.0 * f64::from(k))?;
        let y = rng.range_f64(8.0, 120.0);
        let gate =
            barrier_along(&grid, &[[0.0, y], [200.0, y + rng.range_f64(-20.0, 20.0)]], rng.range_f64(49.0, 54.0));
        let before = run.state().volume_m3();
        run.set_barriers(&[gate])?;
        run.set_forcing(random_forcing(&grid, &mut rng))?;
        gate_jump = gate_jump.max((run.state().volume_m3() - before).abs());
    }
    let l = case.close(&run);
    case.at_most("volume error / inflow, 12 gate moves", l.relative_error(), bound::<R>(1e-6, 1e-12), SOURCE);
    case.at_most("residue / inflow", l.residue_m3 / l.total_in_m3(), bound::<R>(1e-6, 1e-13), SOURCE);
    case.at_most("volume moved by moving a gate, m3", gate_jump, 0.0, SOURCE);
    Ok(())
}

/// Columns of water collapse over random steep ground for many seeds.
pub(super) fn positivity<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let (mut lowest, mut residue, mut error) = (f64::INFINITY, 0.0_f64, 0.0_f64);
    for seed in 0..12 {
        let mut rng = CounterRng::new(seed, 2);
        let grid = Grid { nx: 50, ny: 40, dx_m: rng.range_f64(0.5, 5.0) };
        let steep = rng.range_f64(0.1, 5.0);
        let mut terrain = Terrain::from_fn(grid, 0.0, |_, _| 0.0);
        let mut initial = Initial { depth_m: vec![0.0; grid.cell_count()], ..Initial::default() };
        let n = rng.range_f64(0.0, 0.05);
        for k in 0..grid.cell_count() {
            terrain.bed_m[k] = rng.range_f64(0.0, steep);
            terrain.manning[k] = n;
            if rng.next_f64() < 0.2 {
                initial.depth_m[k] = rng.range_f64(0.0, 4.0);
            }
        }
        let mut run = FloodRunOf::<R>::new(terrain, vec![], Forcing::default(), case.params(), initial)?;
        for k in 1..=10 {
            case.advance(&mut run, f64::from(k) * grid.dx_m)?;
            lowest = f64s(&run.depth_m()).into_iter().fold(lowest, |m, h| if h < m || h.is_nan() { h } else { m });
        }
        let l = case.close(&run);
        residue = residue.max(l.residue_m3 / l.initial_m3);
        error = error.max(l.relative_error());
    }
    case.at_least("lowest depth, m, 12 random terrains", lowest, 0.0, SOURCE);
    case.at_most("residue / volume", residue, bound::<R>(1e-6, 1e-13), SOURCE);
    case.at_most("volume error / volume", error, bound::<R>(1e-6, 1e-12), SOURCE);
    Ok(())
}

/// Rain on roofs reaches the street: the water there equals rate x time x whole area.
pub(super) fn rain_on_roofs<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let grid = Grid { nx: 90, ny: 60, dx_m: 2.0 };
    let terrain = town(grid, 8);
    let roofs = terrain.blocked.clone();
    let rain = RainSeries { series: vec![(10.0, 72.0), (70.0, 0.0)], cells: None };
    let forcing = Forcing { rain: vec![rain], ..Forcing::default() };
    let mut run = FloodRunOf::<R>::new(terrain, vec![], forcing, case.params(), Initial::dry())?;
    case.advance(&mut run, 100.0)?;
    let fallen = 72e-3 / 3600.0 * 60.0 * grid.cell_area_m2() * grid.cell_count() as f64;
    let there: f64 = run.state().volume_m3();
    case.close(&run);
    let on_roofs = roofs.iter().zip(run.depth_m()).filter(|(b, h)| **b && *h > R::ZERO).count();
    case.at_most("|water / rain - 1|", (there / fallen - 1.0).abs(), bound::<R>(1e-6, 1e-12), SOURCE);
    case.at_most("wet roof cells", on_roofs as f64, 0.0, SOURCE);
    Ok(())
}

/// A day by a tidal river: rain by the hour, a gate that stands elsewhere every hour, gullies that drain into a sewer and
/// give back when it is full.
pub(super) fn day_of_weather<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let grid = Grid { nx: 30, ny: 24, dx_m: 10.0 };
    let mut rng = CounterRng::new(24, 3);
    let terrain = town(grid, 24);
    let initial = Initial::pool(&terrain, &[], &[0], 49.0);
    let tide = |k: usize| (k as f64 * 900.0, 49.5 + 1.5 * (std::f64::consts::TAU * k as f64 / 50.0).sin());
    let river = StageBoundary { cells: (0..grid.nx as u32).collect(), series: (0..=96).map(tide).collect() };
    let hours = (0..24).map(|k| (f64::from(k) * 3600.0, if k % 3 == 1 { rng.range_f64(0.0, 60.0) } else { 0.0 }));
    let rain = RainSeries { series: hours.collect(), cells: None };
    let forcing = Forcing { rain: vec![rain], stages: vec![river], open_edges: true, ..Forcing::default() };
    let params = FloodParams { max_dt_s: 10.0, ..case.params() };
    let gullies: Vec<u32> = (0..40).map(|_| rng.range_f64(150.0, 719.0) as u32).collect();
    let mut run = FloodRunOf::<R>::new(terrain, vec![], forcing, params, initial)?;
    let (mut sewer, mut gate_jump) = (0.0_f64, 0.0_f64);
    for minute in 1..=24 * 60 {
        case.advance(&mut run, 60.0 * f64::from(minute))?;
        for gully in &gullies {
            let wanted = if sewer < 4000.0 { -2.0 } else { 1.0 };
            sewer -= run.exchange(*gully, wanted);
        }
        if minute % 60 == 0 {
            let y = rng.range_f64(50.0, 220.0);
            let line = [[0.0, y], [300.0, y + rng.range_f64(-30.0, 30.0)]];
            let before = run.state().volume_m3();
            run.set_barriers(&[barrier_along(&grid, &line, rng.range_f64(49.0, 54.0))])?;
            gate_jump = gate_jump.max((run.state().volume_m3() - before).abs());
        }
    }
    let l = case.close(&run);
    let through = l.total_in_m3();
    case.at_most("volume error / inflow after 24 h", l.relative_error(), bound::<R>(1e-6, 1e-12), SOURCE);
    case.at_most("residue / inflow", l.residue_m3 / through, bound::<R>(1e-6, 1e-13), SOURCE);
    let given = (l.point_out_m3 - l.point_in_m3 - sewer).abs() / through;
    case.at_most("|exchanged - in the sewer| / inflow", given, 1e-12, SOURCE);
    case.at_most("volume moved by moving a gate, m3", gate_jump, 0.0, SOURCE);
    Ok(())
}
