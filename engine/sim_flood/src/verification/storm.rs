//! A storm that moves over a plane: rain that changes in space and time.

use super::case::{CurveKind, Figure, VerificationCase};
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

/// Depth along the characteristics of the kinematic wave: dx/dt = 5/3 u(h), dh/dt = rain (Henderson and Wooding 1964).
/// Returns (x, h) at `end_s` for starts 1 m apart.
fn characteristics(end_s: f64, rain: impl Fn(f64, f64) -> f64) -> Vec<[f64; 2]> {
    let dt = 0.25;
    let steps = (end_s / dt).round() as usize;
    let trace = |start: f64| {
        let (mut x, mut h) = (start, BASE_M);
        for k in 0..steps {
            let t = k as f64 * dt;
            // Heun.
            let (v, r) = (5.0 / 3.0 * speed(h), rain(x, t + 1e-9));
            let (v2, r2) = (5.0 / 3.0 * speed(h + dt * r), rain(x + dt * v, t + dt - 1e-9));
            x += 0.5 * dt * (v + v2);
            h += 0.5 * dt * (r + r2);
        }
        [x, h]
    };
    (-1000..=1800).map(|k| trace(f64::from(k))).collect()
}

/// A storm on a plane with Manning's friction, slower than, as fast as and faster than the flood wave.
///
/// SWASHES' moving rain (1 9 1) has a linear friction that the kernel has not; the idea is kept, with Manning's friction
/// and a slope on which the kinematic wave is exact to 3e-4 (1 / k of Woolhiser and Liggett 1967).
pub(super) fn moving_storm<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let source = "kinematic wave by characteristics, Henderson and Wooding 1964; idea of SWASHES 9 1";
    for (name, travel) in [("slower", 0.3), ("as fast", 5.0 / 3.0 * speed(BASE_M)), ("faster", 1.5)] {
        let lasts = 600.0;
        let exact = characteristics(lasts, |x, t| {
            if !(0.0..LENGTH_M).contains(&x) {
                return 0.0;
            }
            rain_mps((x / LENGTH_M * BANDS as f64) as usize, (t / BEAT_S) as usize, travel, lasts)
        });
        let depth = |x: f64| {
            let k = exact.partition_point(|c| c[0] < x).clamp(1, exact.len() - 1);
            let (a, b) = (exact[k - 1], exact[k]);
            a[1] + (b[1] - a[1]) * (x - a[0]) / (b[0] - a[0])
        };
        let run = run::<R>(case, travel, lasts)?;
        // The inflow and the free outflow each disturb a few cells.
        let p: Vec<_> = run.into_iter().filter(|c| (40.0..1760.0).contains(&c[0])).collect();
        let err = rel_l1(p.iter().map(|c| c[1] - BASE_M), p.iter().map(|c| depth(c[0]) - BASE_M));
        case.at_most(&format!("storm {name} than the wave: relL1(h - h0), 900 cells"), err, 0.02, source);
        case.figures.push(
            Figure::new(&format!("Storm {name} than the wave, dx 2 m, t = 600 s"), "x, m", "depth, m")
                .with(CurveKind::Exact, "kinematic wave", p.iter().map(|c| [c[0], depth(c[0])]))
                .with(CurveKind::Computed, "sim_flood", p.iter().map(|c| [c[0], c[1]])),
        );
    }
    Ok(())
}

fn run<R: Real>(case: &mut VerificationCase, travel_mps: f64, lasts_s: f64) -> Result<Vec<[f64; 3]>, FloodError> {
    let grid = Grid { nx: 900, ny: 5, dx_m: LENGTH_M / 900.0 };
    let terrain = Terrain::from_fn(grid, MANNING, |x, _| SLOPE * (LENGTH_M - x));
    let beats = (lasts_s / BEAT_S) as usize;
    let rain = |band: usize| {
        let inside = |c: &u32| grid.centre_m(*c)[0] / LENGTH_M * BANDS as f64;
        let cells = (0..grid.cell_count() as u32).filter(|c| inside(c) as usize == band).collect();
        let series =
            (0..beats).map(|k| (k as f64 * BEAT_S, 3.6e6 * rain_mps(band, k, travel_mps, lasts_s))).collect();
        RainSeries { series, cells: Some(cells) }
    };
    let width = grid.ny as f64 * grid.dx_m;
    let wall = barrier_along(&grid, &[[0.0, 0.0], [0.0, width]], 8000.0);
    let inflow = PointInflow {
        cells: (0..grid.ny).map(|j| (j * grid.nx) as u32).collect(),
        series: vec![(0.0, BASE_M * speed(BASE_M) * width)],
        ..PointInflow::default()
    };
    let forcing = Forcing {
        rain: (0..BANDS).map(rain).collect(),
        inflows: vec![inflow],
        open_edges: true,
        ..Forcing::default()
    };
    let n = grid.cell_count();
    let initial =
        Initial { depth_m: vec![BASE_M; n], velocity_x_mps: vec![speed(BASE_M); n], ..Initial::default() };
    let params = FloodParams { gravity_mps2: G, ..FloodParams::default() };
    let mut run = FloodRunOf::<R>::new(terrain, vec![wall], forcing, params, initial)?;
    case.advance(&mut run, lasts_s)?;
    case.close(&run);
    Ok(middle_row(&run))
}
