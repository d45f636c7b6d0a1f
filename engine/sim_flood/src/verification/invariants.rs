//! Rest, symmetry, repeatability.

use super::case::VerificationCase;
use super::{bound, f64s};
use crate::{
    FloodError, FloodForcing, FloodKernelOf, FloodParams, FloodRunOf, Forcing, Grid, Initial, PointInflow, RainSeries,
    Real, Terrain,
};
use sim_core::conformance::{ConformanceError, Setup};
use sim_core::{CounterRng, conformance};

pub(super) fn bumpy(grid: Grid, datum_m: f64, rough_m: f64) -> Terrain {
    let mut rng = CounterRng::new(11, 1);
    let noise: Vec<f64> = (0..grid.cell_count()).map(|_| rng.range_f64(0.0, rough_m)).collect();
    let mut t = Terrain::from_fn(grid, 0.03, |x, y| {
        datum_m + 1.2 * (0.11 * x / grid.dx_m).sin() * (0.07 * y / grid.dx_m).cos()
    });
    t.bed_m.iter_mut().zip(noise).for_each(|(z, n)| *z += n);
    t
}

/// A lake over a bumpy, partly dry bed stays at rest, wherever the datum is.
pub(super) fn lake_at_rest<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let source = "Audusse et al. 2004, SIAM J. Sci. Comput. 25(6), well-balanced property";
    let grid = Grid { nx: 150, ny: 100, dx_m: 2.0 };
    for datum_m in [0.0, 30.0, 1000.0] {
        let terrain = bumpy(grid, datum_m, 0.3);
        let initial = Initial::level(&terrain, datum_m + 1.0);
        let start = initial.depth_m.clone();
        let mut run = FloodRunOf::<R>::new(terrain, vec![], Forcing::default(), case.params(), initial)?;
        let mut t = 0.0;
        for steps in [500, 2000] {
            while run.tick() < steps {
                t += 10.0;
                case.advance(&mut run, t)?;
            }
            let speeds = [f64s(&run.velocity_x_mps()), f64s(&run.velocity_y_mps())].concat();
            let speed = speeds.iter().fold(0.0_f64, |m, u| m.max(u.abs()));
            let moved = f64s(&run.depth_m()).iter().zip(&start).fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()));
            let at = |what: &str| format!("{what} after {steps} steps, datum {datum_m} m");
            let tolerance = bound::<R>(2e-5, 1e-12);
            case.at_most(&at("max speed, m/s,"), speed, tolerance, source);
            case.at_most(&at("max |dh|, m,"), moved, tolerance, source);
        }
        case.close(&run);
    }
    Ok(())
}

/// A round column collapses the same way in all eight directions.
pub(super) fn symmetry<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
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
    let mut run = FloodRunOf::<R>::new(terrain, vec![], Forcing::default(), case.params(), initial)?;
    case.advance(&mut run, 6.0)?;
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
    case.close(&run);
    case.at_most("max |h - mirrored h|, m, 5 m column", worst, tolerance, source);
    Ok(())
}

/// A lively set-up: rain, a breaking column, a bumpy bed, a building.
fn lively<R: Real>(params: FloodParams) -> Result<Setup<FloodKernelOf<R>>, FloodError> {
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
    let state = kernel.initial_state(&params, &forcing, &Initial { depth_m, ..Initial::default() })?;
    Ok(Setup { kernel, params, forcing, state })
}

/// A row that passes when the outcome is the checksum all runs agree on.
fn agreement(case: &mut VerificationCase, measure: &str, outcome: Result<u64, ConformanceError>) {
    match outcome {
        Ok(sum) => {
            case.note(sum);
            case.at_most(measure, 0.0, 0.0, "sim_core::conformance");
        }
        Err(e) => case.at_most(measure, 1.0, 0.0, &e.to_string()),
    }
}

/// One and several threads give the same bits.
pub(super) fn threads_agree<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let setup = lively::<R>(case.params())?;
    let run = |threads: usize| {
        let mut s = setup.clone();
        in_pool(threads, || s.run(150));
        sim_core::Snapshot::checksum(&s.state)
    };
    agreement(case, "differences between 1, 2, 3 and 4 threads", conformance::threads_agree(run, &[1, 2, 3, 4]));
    Ok(())
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
pub(super) fn snapshot_continues<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let setup = lively::<R>(case.params())?;
    let again = conformance::repeatable(|| setup.clone(), 40);
    let resumed = conformance::restore_continues(|| setup.clone(), 60, 60);
    agreement(case, "differences between two equal runs", again);
    agreement(case, "differences after save and restore", resumed);
    Ok(())
}
