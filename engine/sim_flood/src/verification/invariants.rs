//! Rest, symmetry, repeatability.

use super::{advance, bound, f64s};
use crate::{
    FloodError, FloodForcing, FloodKernelOf, FloodParams, FloodRunOf, Forcing, Grid, Initial, PointInflow, RainSeries,
    Real, Terrain,
};
use sim_core::conformance::{ConformanceError, Setup};
use sim_core::{CounterRng, VerificationRow, conformance};

fn bumpy(grid: Grid, datum_m: f64, rough_m: f64) -> Terrain {
    let mut rng = CounterRng::new(11, 1);
    let noise: Vec<f64> = (0..grid.cell_count()).map(|_| rng.range_f64(0.0, rough_m)).collect();
    let mut t = Terrain::from_fn(grid, 0.03, |x, y| {
        datum_m + 1.2 * (0.11 * x / grid.dx_m).sin() * (0.07 * y / grid.dx_m).cos()
    });
    t.bed_m.iter_mut().zip(noise).for_each(|(z, n)| *z += n);
    t
}

/// A lake over a bumpy, partly dry bed stays at rest, wherever the datum is.
///
/// # Errors
/// [`FloodError`] when the run stops.
pub fn lake_at_rest<R: Real>() -> Result<Vec<VerificationRow>, FloodError> {
    let source = "Audusse et al. 2004, SIAM J. Sci. Comput. 25(6), well-balanced property";
    let grid = Grid { nx: 150, ny: 100, dx_m: 2.0 };
    let mut rows = Vec::new();
    for datum_m in [0.0, 30.0, 1000.0] {
        let terrain = bumpy(grid, datum_m, 0.3);
        let initial = Initial::level(&terrain, datum_m + 1.0);
        let start = initial.depth_m.clone();
        let mut run = FloodRunOf::<R>::new(terrain, vec![], Forcing::default(), FloodParams::default(), initial)?;
        let mut t = 0.0;
        while run.tick() < 500 {
            t += 10.0;
            advance(&mut run, t)?;
        }
        let speeds = [f64s(&run.velocity_x_mps()), f64s(&run.velocity_y_mps())].concat();
        let speed = speeds.iter().fold(0.0_f64, |m, u| m.max(u.abs()));
        let moved = f64s(&run.depth_m()).iter().zip(&start).fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()));
        let at = |what: &str| format!("{what} after {} steps, datum {datum_m} m", run.tick());
        let tolerance = bound::<R>(2e-5, 1e-12);
        rows.push(VerificationRow::at_most("lake-at-rest", &at("max speed, m/s,"), speed, tolerance, source));
        rows.push(VerificationRow::at_most("lake-at-rest", &at("max |dh|, m,"), moved, tolerance, source));
    }
    Ok(rows)
}

/// A round column collapses the same way in all eight directions.
///
/// # Errors
/// [`FloodError`] when the run stops.
pub fn symmetry<R: Real>() -> Result<Vec<VerificationRow>, FloodError> {
    let n = 90;
    let grid = Grid { nx: n, ny: n, dx_m: 1.0 };
    let terrain = Terrain::from_fn(grid, 0.03, |_, _| 0.0);
    let depth_m = (0..grid.cell_count() as u32)
        .map(|c| {
            let [x, y] = grid.centre_m(c);
            if (x - 45.0).hypot(y - 45.0) < 12.0 { 5.0 } else { 0.0 }
        })
        .collect();
    let initial = Initial { depth_m, ..Initial::default() };
    let mut run = FloodRunOf::<R>::new(terrain, vec![], Forcing::default(), FloodParams::default(), initial)?;
    advance(&mut run, 6.0)?;
    let depth = run.depth_m();
    let h = |i: usize, j: usize| depth[j * n + i].to_f64();
    let mut worst = 0.0_f64;
    for j in 0..n {
        for i in 0..n {
            let (a, b) = (n - 1 - i, n - 1 - j);
            for o in [h(a, j), h(i, b), h(a, b), h(j, i), h(b, i), h(j, a), h(b, a)] {
                worst = worst.max((h(i, j) - o).abs());
            }
        }
    }
    let source = "symmetry of the shallow-water equations";
    let tolerance = bound::<R>(1e-4, 1e-10);
    Ok(vec![VerificationRow::at_most("symmetry", "max |h - mirrored h|, m, 5 m column", worst, tolerance, source)])
}

/// A lively set-up: rain, a breaking column, a bumpy bed, a building.
fn lively<R: Real>() -> Result<Setup<FloodKernelOf<R>>, FloodError> {
    let grid = Grid { nx: 150, ny: 100, dx_m: 2.0 };
    let mut terrain = bumpy(grid, 10.0, 0.1);
    for j in 40..60 {
        for i in 60..80 {
            terrain.blocked[j * grid.nx + i] = true;
        }
    }
    let forcing = Forcing {
        rain: vec![RainSeries { series: vec![(0.0, 80.0), (20.0, 10.0)], cells: None }],
        inflows: vec![PointInflow {
            cells: vec![5, 6, 7],
            series: vec![(0.0, 1.0), (30.0, 6.0)],
            ..PointInflow::default()
        }],
        ..Forcing::default()
    };
    let mut depth_m = vec![0.0; grid.cell_count()];
    depth_m[20 * grid.nx..35 * grid.nx].fill(2.0);
    let kernel = FloodKernelOf::new(&terrain, vec![], true)?;
    let forcing = FloodForcing::new(&kernel, forcing)?;
    let params = FloodParams::default();
    let state = kernel.initial_state(&params, &forcing, &Initial { depth_m, ..Initial::default() })?;
    Ok(Setup { kernel, params, forcing, state })
}

fn row(case: &str, measure: &str, outcome: Result<u64, ConformanceError>) -> VerificationRow {
    let value = f64::from(u8::from(outcome.is_err()));
    let source = match outcome {
        Ok(sum) => format!("sim_core::conformance, checksum {sum:016x}"),
        Err(e) => e.to_string(),
    };
    VerificationRow::at_most(case, measure, value, 0.0, &source)
}

/// One and several threads give the same bits.
///
/// # Errors
/// [`FloodError`] when the set-up is refused.
pub fn threads_agree<R: Real>() -> Result<Vec<VerificationRow>, FloodError> {
    let setup = lively::<R>()?;
    let run = |threads: usize| {
        let mut s = setup.clone();
        in_pool(threads, || s.run(150));
        sim_core::Snapshot::checksum(&s.state)
    };
    Ok(vec![row(
        "threads-agree",
        "differences between 1, 2, 3 and 4 threads",
        conformance::threads_agree(run, &[1, 2, 3, 4]),
    )])
}

#[cfg(feature = "parallel")]
fn in_pool(threads: usize, work: impl FnOnce() + Send) {
    match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => pool.install(work),
        Err(_) => work(),
    }
}

#[cfg(not(feature = "parallel"))]
fn in_pool(_threads: usize, work: impl FnOnce() + Send) {
    work();
}

/// Repeatable, and continued from a snapshot byte for byte.
///
/// # Errors
/// [`FloodError`] when the set-up is refused.
pub fn snapshot_continues<R: Real>() -> Result<Vec<VerificationRow>, FloodError> {
    let setup = lively::<R>()?;
    let again = conformance::repeatable(|| setup.clone(), 40);
    let resumed = conformance::restore_continues(|| setup.clone(), 60, 60);
    Ok(vec![
        row("snapshot-continues", "differences between two equal runs", again),
        row("snapshot-continues", "differences after save and restore", resumed),
    ])
}
