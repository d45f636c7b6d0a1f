//! Cases made for local time steps: tiles of unlike waves side by side.

use super::case::{CurveKind, Figure, VerificationCase};
use super::{bound, f64s, invariants, urban};
use crate::{
    FloodError, FloodParams, FloodRunOf, Forcing, Grid, Initial, PointInflow, RainSeries, Real, Terrain, TimeStepping,
};
use sim_core::{CancelToken, CounterRng};

/// Water at rest over a bumpy, partly dry bed that a deep channel crosses: three levels of steps.
pub(super) fn lake_at_rest<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let source = "Audusse et al. 2004, SIAM J. Sci. Comput. 25(6), well-balanced property";
    let grid = Grid { nx: 250, ny: 100, dx_m: 2.0 };
    for datum_m in [0.0, 1000.0] {
        let mut terrain = invariants::bumpy(grid, datum_m, 0.3);
        terrain.bed_m.iter_mut().enumerate().filter(|(k, _)| k % grid.nx < 30).for_each(|(_, z)| *z -= 20.0);
        let initial = Initial::level(&terrain, datum_m + 1.0);
        let start = initial.depth_m.clone();
        let params = FloodParams { max_dt_s: 1.0, ..case.params() };
        let mut run = FloodRunOf::<R>::new(terrain, vec![], Forcing::default(), params, initial)?;
        case.advance(&mut run, 250.0)?;
        let speeds = [f64s(&run.velocity_x_mps()), f64s(&run.velocity_y_mps())].concat();
        let speed = speeds.iter().fold(0.0_f64, |m, u| m.max(u.abs()));
        let moved = f64s(&run.depth_m()).iter().zip(&start).fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()));
        let at = |what: &str| format!("{what} after 250 s (4000 shortest steps), datum {datum_m} m");
        // The unit of rounding of 22 m is eight times that of 2 m, the depth in `lake-at-rest`.
        let tolerance = bound::<R>(8.0 * 2e-5, 1e-12);
        case.at_most(&at("max speed, m/s,"), speed, tolerance, source);
        case.at_most(&at("max |dh|, m,"), moved, tolerance, source);
        case.close(&run);
    }
    Ok(())
}

/// Columns of water collapse over the edges of tiles onto steep, rough, dry ground.
pub(super) fn positivity<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let source = "conservation of volume";
    let (mut lowest, mut residue, mut error) = (f64::INFINITY, 0.0_f64, 0.0_f64);
    let mut unlike = 0;
    for seed in 0..6 {
        let mut rng = CounterRng::new(seed, 5);
        let grid = Grid { nx: 180, ny: 70, dx_m: rng.range_f64(0.5, 5.0) };
        let steep = rng.range_f64(0.1, 5.0);
        let mut terrain = Terrain::from_fn(grid, 0.0, |_, _| 0.0);
        let mut initial = Initial { depth_m: vec![0.0; grid.cell_count()], ..Initial::default() };
        let n = rng.range_f64(0.0, 0.05);
        for k in 0..grid.cell_count() {
            terrain.bed_m[k] = rng.range_f64(0.0, steep);
            terrain.manning[k] = n;
            if (30..62).contains(&(k % grid.nx)) && rng.next_f64() < 0.5 {
                initial.depth_m[k] = rng.range_f64(0.0, 12.0);
            }
        }
        let mut run = FloodRunOf::<R>::new(terrain, vec![], Forcing::default(), case.params(), initial)?;
        for k in 1..=10 {
            let stats = run.advance_to(f64::from(k) * grid.dx_m, &CancelToken::new())?;
            case.cell_steps += stats.cell_steps;
            unlike += u32::from(stats.max_dt_s > 1.9 * stats.min_dt_s);
            lowest = f64s(&run.depth_m()).into_iter().fold(lowest, |m, h| if h < m || h.is_nan() { h } else { m });
        }
        let l = case.close(&run);
        residue = residue.max(l.residue_m3 / l.initial_m3);
        error = error.max(l.relative_error());
    }
    case.at_least("lowest depth, m, 6 random terrains", lowest, 0.0, source);
    case.at_most("residue / volume", residue, bound::<R>(1e-6, 1e-13), source);
    case.at_most("volume error / volume", error, bound::<R>(1e-6, 1e-12), source);
    case.at_least("stretches with steps of two lengths and more", f64::from(unlike), 10.0, source);
    Ok(())
}

/// A day of random edits with two tiles and a channel 2 m deep.
pub(super) fn live_edits<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    urban::edits_of_a_day::<R>(case, Grid { nx: 72, ny: 36, dx_m: 1200.0 / 72.0 }, 2.0)
}

const STREET: Grid = Grid { nx: 240, ny: 200, dx_m: 1.0 };

/// A river 5 m deep along the south, its bank, a street that falls away from it with houses.
fn street<R: Real>(time_stepping: TimeStepping) -> Result<FloodRunOf<R>, FloodError> {
    let mut terrain = Terrain::from_fn(STREET, 0.03, |x, y| {
        if y < 24.0 { 0.0 } else { 5.6 - 0.003 * (y - 24.0) - 0.002 * x + 0.02 * (0.3 * x).sin() * (0.2 * y).cos() }
    });
    for cell in 0..STREET.cell_count() {
        let [x, y] = STREET.centre_m(cell as u32);
        terrain.blocked[cell] = y > 34.0 && x % 40.0 > 16.0 && y % 36.0 > 20.0;
    }
    let wet: Vec<u32> = (0..24 * STREET.nx as u32).collect();
    let initial = Initial::pool(&terrain, &[], &wet, 5.0);
    // The river swells along its first 20 m: 60 m3/s raise it by 1 m in 100 s.
    let swells = wet.into_iter().filter(|c| *c as usize % STREET.nx < 20).collect();
    let river = PointInflow { cells: swells, series: vec![(0.0, 0.0), (30.0, 60.0)], ..PointInflow::default() };
    let forcing = Forcing {
        inflows: vec![river],
        rain: vec![RainSeries { series: vec![(0.0, 100.0)], cells: None }],
        ..Forcing::default()
    };
    let params = FloodParams { time_stepping, ..FloodParams::default() };
    FloodRunOf::new(terrain, vec![], forcing, params, initial)
}

/// Local and global steps on the same raster.
pub(super) fn channel_beside_street<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let source = "the same run with one step for all cells";
    let mut local = street::<R>(case.time_stepping)?;
    let mut global = street::<R>(TimeStepping::Global)?;
    let (mut worst, mut depth) = (0.0_f64, [Vec::new(), Vec::new()]);
    let before = case.cell_steps;
    for k in 1..=8 {
        let t_s = 30.0 * f64::from(k);
        case.advance(&mut local, t_s)?;
        global.advance_to(t_s, &CancelToken::new())?;
        depth = [f64s(&local.depth_m()), f64s(&global.depth_m())];
        worst = worst.max(rms(&depth[0], &depth[1]));
    }
    let computed = (case.cell_steps - before) as f64;
    let (l, g) = (case.close(&local), case.close(&global));
    let extreme = |run: &FloodRunOf<R>| run.max_depth_m().into_iter().map(f64::from).collect::<Vec<_>>();
    case.at_most("greatest RMSE(h), m, every 30 s to 240 s", worst, 0.002, source);
    case.at_most("RMSE of the greatest depths, m", rms(&extreme(&local), &extreme(&global)), 0.002, source);
    case.at_most("volume at the end differs, relative", (l.current_m3 / g.current_m3 - 1.0).abs(), 1e-3, source);
    case.at_most("volume error / inflow", l.relative_error(), bound::<R>(1e-6, 1e-12), "conservation of volume");
    let steps = (STREET.cell_count() as u64 * global.tick()) as f64;
    case.at_most("cells computed / cells times global steps", computed / steps, 0.75, "less work is the purpose");
    let row = |h: &[f64]| (0..STREET.ny).map(|j| [j as f64 + 0.5, h[j * STREET.nx + 120]]).collect::<Vec<_>>();
    case.figures.push(
        Figure::new("Depth across river and street, 240 s", "y, m", "depth, m")
            .with(CurveKind::Exact, "one step for all", row(&depth[1]))
            .with(CurveKind::Computed, "local steps", row(&depth[0])),
    );
    Ok(())
}

fn rms(a: &[f64], b: &[f64]) -> f64 {
    let sum: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
    (sum / a.len() as f64).sqrt()
}
