//! A storm that moves over a plane: rain that changes in space and time.

use super::case::{CurveKind, Figure, VerificationCase};
use super::reference::Reference;
use super::{middle_row, rel_l1};
use crate::{
    FloodError, FloodParams, FloodRunOf, Forcing, Grid, Initial, PointInflow, RainSeries, Real, Terrain, barrier_along,
};

const G: f64 = 9.81;
const LENGTH_M: f64 = 1800.0;
/// The storm falls on this many bands of equal width...
const BANDS: usize = 60;
/// ...and changes this often, seconds.
const BEAT_S: f64 = 10.0;
const MANNING: f64 = 0.03;
const SLOPE: f64 = 0.005;
const BASE_M: f64 = 0.1;
const MEAN_RISE_MPS: f64 = 2.5e-5;

/// Rain on a band in a beat, m/s: one full wave 540 m long that starts at 225 m and travels, as in SWASHES' moving rain.
fn rain_mps(band: usize, beat: usize, travel_mps: f64, lasts_s: f64) -> f64 {
    let t = (beat as f64 + 0.5) * BEAT_S;
    let along = (band as f64 + 0.5) * LENGTH_M / BANDS as f64 - 225.0 - travel_mps * t;
    if !(0.0..540.0).contains(&along) || t > lasts_s {
        return 0.0;
    }
    let wave = 1.0 - (std::f64::consts::TAU * along / 540.0).cos();
    MEAN_RISE_MPS * (std::f64::consts::PI * t / lasts_s).sin() * wave
}

/// Velocity of uniform flow, m/s.
fn speed(h: f64) -> f64 {
    h.powf(2.0 / 3.0) * SLOPE.sqrt() / MANNING
}

/// The plane goes on this far upstream, metres, so that neither the reference's wall nor the start of the inflow is felt.
const LEAD_M: f64 = 1200.0;

/// A storm on a plane with Manning's friction, slower than, as fast as and faster than the flood wave.
///
/// SWASHES' moving rain (1 9 1) has a friction linear in velocity that the kernel has not. The idea is kept, with
/// Manning's friction and the same banded rain in the one-dimensional reference.
pub(super) fn moving_storm<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let source = "one-dimensional reference, dx 1 m; idea of SWASHES 9 1";
    let lasts = 600.0;
    for (name, travel) in [("slower than", 0.3), ("as fast as", 5.0 / 3.0 * speed(BASE_M)), ("faster than", 1.5)] {
        let still = Reference::still(G, 1.0, (LEAD_M + LENGTH_M) as usize + 200, |_| BASE_M);
        let q = vec![BASE_M * speed(BASE_M); still.h.len()];
        let mut reference = Reference { manning: MANNING, slope: SLOPE, q, ..still };
        reference.run_with_rain(lasts, |x, t| {
            let x = x - LEAD_M;
            let band = x / LENGTH_M * BANDS as f64;
            if (0.0..BANDS as f64).contains(&band) {
                rain_mps(band as usize, (t / BEAT_S) as usize, travel, lasts)
            } else {
                0.0
            }
        });
        let depth = |x: f64| reference.depth_at(x + LEAD_M);
        let run = run::<R>(case, travel, lasts)?;
        let shifted = run.into_iter().map(|[x, h, u]| [x - LEAD_M, h, u]);
        // The free outflow disturbs a few cells.
        let p: Vec<_> = shifted.filter(|c| (0.0..LENGTH_M - 40.0).contains(&c[0])).collect();
        let err = rel_l1(p.iter().map(|c| c[1] - BASE_M), p.iter().map(|c| depth(c[0]) - BASE_M));
        case.at_most(&format!("storm {name} the wave: relL1(h - h0), dx 2 m"), err, 0.02, source);
        case.figures.push(
            Figure::new(&format!("Storm {name} the wave, dx 2 m, t = 600 s"), "x, m", "depth, m")
                .with(CurveKind::Exact, "reference", p.iter().map(|c| [c[0], depth(c[0])]))
                .with(CurveKind::Computed, "sim_flood", p.iter().map(|c| [c[0], c[1]])),
        );
    }
    Ok(())
}

fn run<R: Real>(case: &mut VerificationCase, travel_mps: f64, lasts_s: f64) -> Result<Vec<[f64; 3]>, FloodError> {
    let grid = Grid { nx: 1500, ny: 5, dx_m: 2.0 };
    let terrain = Terrain::from_fn(grid, MANNING, |x, _| SLOPE * (LEAD_M + LENGTH_M - x));
    let beats = (lasts_s / BEAT_S) as usize;
    let rain = |band: usize| {
        let place = |c: &u32| (grid.centre_m(*c)[0] - LEAD_M) / LENGTH_M * BANDS as f64;
        let inside = |c: &u32| place(c) >= 0.0 && place(c) as usize == band;
        let cells = (0..grid.cell_count() as u32).filter(inside).collect();
        let series = (0..beats).map(|k| (k as f64 * BEAT_S, 3.6e6 * rain_mps(band, k, travel_mps, lasts_s))).collect();
        RainSeries { series, cells: Some(cells) }
    };
    let width = grid.ny as f64 * grid.dx_m;
    let wall = barrier_along(&grid, &[[0.0, 0.0], [0.0, width]], 8000.0);
    let inflow = PointInflow {
        cells: (0..grid.ny).map(|j| (j * grid.nx) as u32).collect(),
        series: vec![(0.0, BASE_M * speed(BASE_M) * width)],
        ..PointInflow::default()
    };
    let forcing =
        Forcing { rain: (0..BANDS).map(rain).collect(), inflows: vec![inflow], open_edges: true, ..Forcing::default() };
    let n = grid.cell_count();
    let initial = Initial { depth_m: vec![BASE_M; n], velocity_x_mps: vec![speed(BASE_M); n], ..Initial::default() };
    let params = FloodParams { gravity_mps2: G, ..case.params() };
    let mut run = FloodRunOf::<R>::new(terrain, vec![wall], forcing, params, initial)?;
    case.advance(&mut run, lasts_s)?;
    case.close(&run);
    Ok(middle_row(&run))
}
