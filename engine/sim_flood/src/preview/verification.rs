//! Verification cases of the preview: what a local-inertial solver must get right. [`all`] returns one row per measure.

pub use sim_core::VerificationRow;
use sim_core::conformance::{ConformanceError, Setup};

use sim_core::{CancelToken, CounterRng, Snapshot, conformance};

use super::{PreviewForcing, PreviewKernel, PreviewRun};
use crate::{
    FloodError, FloodParams, Forcing, Grid, Initial, PointInflow, RainSeries, StageBoundary, Terrain, barrier_along,
};

/// A set of verification rows by name.
pub type Case = (&'static str, fn() -> Result<Vec<VerificationRow>, FloodError>);

/// Every case, in the order of [`all`].
pub const CASES: &[Case] = &[
    ("preview-lake-at-rest", lake_at_rest),
    ("preview-normal-flow", normal_flow),
    ("preview-wetting-front", wetting_front),
    ("preview-symmetry", symmetry),
    ("preview-mass-closure", mass_closure),
    ("preview-rain-on-roofs", rain_on_roofs),
    ("preview-threads-agree", threads_agree),
    ("preview-snapshot-continues", snapshot_continues),
];

/// Runs every case. A case that cannot run at all gives one failing row with the reason as its source.
#[must_use]
pub fn all() -> Vec<VerificationRow> {
    let refused =
        |name: &str, why: &FloodError| VerificationRow::at_most(name, "runs", f64::NAN, 0.0, &why.to_string());
    let rows = |(name, case): &Case| case().unwrap_or_else(|e| vec![refused(name, &e)]);
    CASES.iter().flat_map(rows).collect()
}

fn advance(run: &mut PreviewRun, t_s: f64) -> Result<(), FloodError> {
    run.advance_to(t_s, &CancelToken::new()).map(|_| ())
}

fn bumpy(grid: Grid, datum_m: f64, rough_m: f64) -> Terrain {
    let mut rng = CounterRng::new(11, 1);
    let mut t = Terrain::from_fn(grid, 0.03, |x, y| {
        datum_m + 1.2 * (0.11 * x / grid.dx_m).sin() * (0.07 * y / grid.dx_m).cos()
    });
    t.bed_m.iter_mut().for_each(|z| *z += rng.range_f64(0.0, rough_m));
    t
}

/// A lake over a bumpy, partly dry bed stays at rest, wherever the datum is.
///
/// # Errors
/// [`FloodError`] when the run stops.
pub fn lake_at_rest() -> Result<Vec<VerificationRow>, FloodError> {
    let source = "well-balanced property: the level enters as differences only";
    let grid = Grid { nx: 150, ny: 100, dx_m: 2.0 };
    let mut rows = Vec::new();
    for datum_m in [0.0, 30.0, 1000.0] {
        let terrain = bumpy(grid, datum_m, 0.3);
        let initial = Initial::level(&terrain, datum_m + 1.0);
        let start = initial.depth_m.clone();
        let mut run = PreviewRun::new(terrain, vec![], Forcing::default(), FloodParams::default(), initial)?;
        while run.tick() < 500 {
            let t = run.t_s() + 10.0;
            advance(&mut run, t)?;
        }
        let speeds = [run.velocity_x_mps(), run.velocity_y_mps()].concat();
        let speed = speeds.iter().fold(0.0_f64, |m, u| m.max(f64::from(u.abs())));
        let moved = run.depth_m().iter().zip(&start).fold(0.0_f64, |m, (a, b)| m.max((f64::from(*a) - b).abs()));
        let at = |what: &str| format!("{what} after {} steps, datum {datum_m} m", run.tick());
        rows.push(VerificationRow::at_most("preview-lake-at-rest", &at("max speed, m/s,"), speed, 2e-4, source));
        rows.push(VerificationRow::at_most("preview-lake-at-rest", &at("max |dh|, m,"), moved, 2e-5, source));
    }
    Ok(rows)
}

/// Uniform flow down a slope of 1:1000 with Manning 0.03, out over an open edge.
///
/// # Errors
/// [`FloodError`] when the run stops.
pub fn normal_flow() -> Result<Vec<VerificationRow>, FloodError> {
    let source = "Manning 1891: q = h^(5/3) S^(1/2) / n";
    let (q, n, slope): (f64, f64, f64) = (1.0, 0.03, 0.001);
    let normal = (q * n / slope.sqrt()).powf(0.6);
    let grid = Grid { nx: 200, ny: 5, dx_m: 5.0 };
    let terrain = Terrain::from_fn(grid, n, |x, _| (1000.0 - x) * slope);
    let width = grid.ny as f64 * grid.dx_m;
    let column = |i: usize| (0..grid.ny).map(|j| (j * grid.nx + i) as u32).collect::<Vec<u32>>();
    let level = terrain.bed_m[grid.nx - 1] + normal;
    let forcing = Forcing {
        inflows: vec![PointInflow { cells: column(0), series: vec![(0.0, q * width)], ..PointInflow::default() }],
        stages: vec![StageBoundary { cells: column(grid.nx - 1), series: vec![(0.0, level)] }],
        ..Forcing::default()
    };
    let initial = Initial { depth_m: vec![normal; grid.cell_count()], ..Initial::default() };
    let mut run = PreviewRun::new(terrain, vec![], forcing, FloodParams::default(), initial)?;
    advance(&mut run, 4000.0)?;
    let (h, u) = (run.depth_m(), run.velocity_x_mps());
    let row = 2 * grid.nx + 20..2 * grid.nx + 180;
    let depth = h[row.clone()].iter().fold(0.0_f64, |m, h| m.max((f64::from(*h) / normal - 1.0).abs()));
    let flow = h[row.clone()].iter().zip(&u[row]).fold(0.0_f64, |m, (h, u)| m.max((f64::from(h * u) / q - 1.0).abs()));
    Ok(vec![
        VerificationRow::at_most("preview-normal-flow", "max |h/h_n - 1|", depth, 2e-3, source),
        VerificationRow::at_most("preview-normal-flow", "max |q/q0 - 1|", flow, 1e-3, source),
    ])
}

/// Water enters a flat, dry plain so that its front moves at a constant speed u; then velocity is u everywhere and
/// `h = (7/3 n^2 u^2 (u t - x))^(3/7)`.
///
/// # Errors
/// [`FloodError`] when the run stops.
pub fn wetting_front() -> Result<Vec<VerificationRow>, FloodError> {
    let source = "Hunter, Horritt, Bates, Wilson & Werner 2005, Adv. Water Resour. 28, 975-991";
    let (n, u, t_s): (f64, f64, f64) = (0.03, 0.4, 3600.0);
    let depth = |x: f64, t: f64| (7.0 / 3.0 * n * n * u * u * (u * t - x).max(0.0)).powf(3.0 / 7.0);
    let grid = Grid { nx: 400, ny: 3, dx_m: 5.0 };
    let terrain = Terrain::from_fn(grid, n, |_, _| 0.0);
    let edge = (0..3).map(|j| j * grid.nx as u32).collect();
    let series = (0..=720).map(|k| (5.0 * f64::from(k), depth(2.5, 5.0 * f64::from(k)))).collect();
    let forcing = Forcing { stages: vec![StageBoundary { cells: edge, series }], ..Forcing::default() };
    let mut run = PreviewRun::new(terrain, vec![], forcing, FloodParams::default(), Initial::dry())?;
    advance(&mut run, t_s)?;
    let h: Vec<f64> = run.depth_m()[grid.nx..2 * grid.nx].iter().map(|h| f64::from(*h)).collect();
    let exact: Vec<f64> = (0..grid.nx).map(|i| depth((i as f64 + 0.5) * grid.dx_m, t_s)).collect();
    let inside = exact.iter().filter(|h| **h > 0.0).count();
    let square: f64 = h.iter().zip(&exact).map(|(a, b)| (a - b).powi(2)).sum();
    let front = h.iter().take_while(|h| **h > 0.01).count();
    let expected = exact.iter().take_while(|h| **h > 0.01).count();
    Ok(vec![
        VerificationRow::at_most(
            "preview-wetting-front",
            "RMSE(h), m, 5 m cells, 1 h",
            (square / inside as f64).sqrt(),
            0.02,
            source,
        ),
        VerificationRow::at_most(
            "preview-wetting-front",
            "front at 1 cm off by, cells of 288",
            front.abs_diff(expected) as f64,
            5.0,
            source,
        ),
    ])
}

/// A round pool spreads the same way in all eight directions.
///
/// # Errors
/// [`FloodError`] when the run stops.
pub fn symmetry() -> Result<Vec<VerificationRow>, FloodError> {
    let n = 90;
    let grid = Grid { nx: n, ny: n, dx_m: 1.0 };
    let terrain = Terrain::from_fn(grid, 0.03, |_, _| 0.0);
    let pool = |c: u32| if (grid.centre_m(c)[0] - 45.0).hypot(grid.centre_m(c)[1] - 45.0) < 12.0 { 1.0 } else { 0.1 };
    let initial = Initial { depth_m: (0..grid.cell_count() as u32).map(pool).collect(), ..Initial::default() };
    let forcing = Forcing { open_edges: true, ..Forcing::default() };
    let mut run = PreviewRun::new(terrain, vec![], forcing, FloodParams::default(), initial)?;
    advance(&mut run, 40.0)?;
    let depth = run.depth_m();
    let h = |i: usize, j: usize| depth[j * n + i];
    let mut worst = 0.0_f32;
    for j in 0..n {
        for i in 0..n {
            let (a, b) = (n - 1 - i, n - 1 - j);
            for o in [h(a, j), h(i, b), h(a, b), h(j, i), h(b, i), h(j, a), h(b, a)] {
                worst = worst.max((h(i, j) - o).abs());
            }
        }
    }
    let source = "symmetry of the equations";
    Ok(vec![VerificationRow::at_most("preview-symmetry", "max |h - mirrored h|, m", f64::from(worst), 1e-4, source)])
}

const BOOKED: &str = "conservation of volume";

/// A rough, hilly town with a river along its south edge.
fn town(grid: Grid) -> Terrain {
    let mut rng = CounterRng::new(5, 0);
    let mut t = Terrain::from_fn(grid, 0.03, |x, y| 50.0 + 0.02 * y + 0.8 * (0.11 * x).sin() * (0.13 * y).cos());
    for k in 0..grid.cell_count() {
        let (i, j) = (k % grid.nx, k / grid.nx);
        t.bed_m[k] = if j < 4 { 48.0 } else { t.bed_m[k] + rng.range_f64(0.0, 0.4) };
        t.manning[k] = rng.range_f64(0.02, 0.1);
        t.blocked[k] = j > 8 && (i / 6) % 3 == 1 && (j / 5) % 2 == 1;
    }
    t
}

fn random_forcing(grid: &Grid, rng: &mut CounterRng) -> Forcing {
    let river: Vec<u32> = (0..grid.nx as u32).collect();
    let rain =
        RainSeries { series: vec![(0.0, rng.range_f64(0.0, 200.0)), (60.0, rng.range_f64(0.0, 200.0))], cells: None };
    let levels = vec![(0.0, rng.range_f64(48.5, 51.0)), (120.0, rng.range_f64(48.5, 51.0))];
    let spring = vec![(0.0, rng.range_f64(-1.0, 3.0))];
    Forcing {
        rain: vec![rain],
        stages: vec![StageBoundary { cells: river, series: levels }],
        inflows: vec![PointInflow { cells: vec![(grid.nx * 30 + 2) as u32], series: spring, ..PointInflow::default() }],
        open_edges: true,
        ..Forcing::default()
    }
}

/// Random rain, river levels, springs and gates that open and close over three bands of rows: nothing is lost, nothing falls
/// below zero.
///
/// # Errors
/// [`FloodError`] when the run stops.
pub fn mass_closure() -> Result<Vec<VerificationRow>, FloodError> {
    let grid = Grid { nx: 150, ny: 140, dx_m: 2.0 };
    let mut rng = CounterRng::new(5, 1);
    let terrain = town(grid);
    let roofs = terrain.blocked.clone();
    let initial = Initial::pool(&terrain, &[], &[0], 50.0);
    let forcing = random_forcing(&grid, &mut rng);
    let mut run = PreviewRun::new(terrain, vec![], forcing, FloodParams::default(), initial)?;
    let (mut jump, mut lowest, mut on_roofs) = (0.0_f64, f32::INFINITY, 0_usize);
    for k in 1..=12 {
        advance(&mut run, 10.0 * f64::from(k))?;
        let (y, crest) = (rng.range_f64(8.0, 270.0), rng.range_f64(49.0, 54.0));
        let gate = barrier_along(&grid, &[[0.0, y], [300.0, y + rng.range_f64(-20.0, 20.0)]], crest);
        let before = run.state().volume_m3();
        run.set_barriers(&[gate])?;
        run.set_forcing(random_forcing(&grid, &mut rng))?;
        jump = jump.max((run.state().volume_m3() - before).abs());
        let depth = run.depth_m();
        lowest = depth.iter().fold(lowest, |m, h| if *h < m || h.is_nan() { *h } else { m });
        on_roofs += roofs.iter().zip(&depth).filter(|(roof, h)| **roof && **h > 0.0).count();
    }
    let l = run.ledger();
    let at_most =
        |measure, value, bound| VerificationRow::at_most("preview-mass-closure", measure, value, bound, BOOKED);
    Ok(vec![
        at_most("volume error / inflow, 12 gate moves", l.relative_error(), 1e-6),
        at_most("residue / inflow", l.residue_m3 / l.total_in_m3(), 1e-6),
        at_most("volume moved by moving a gate, m3", jump, 0.0),
        at_most("wet roof cells", on_roofs as f64, 0.0),
        at_most("water taken in over open edges, m3", l.edge_in_m3, 0.0),
        VerificationRow::at_least("preview-mass-closure", "lowest depth, m", f64::from(lowest), 0.0, BOOKED),
    ])
}

/// Rain on roofs reaches the street: the water there equals rate x time x whole area.
///
/// # Errors
/// [`FloodError`] when the run stops.
pub fn rain_on_roofs() -> Result<Vec<VerificationRow>, FloodError> {
    let grid = Grid { nx: 90, ny: 130, dx_m: 2.0 };
    let rain = RainSeries { series: vec![(10.0, 72.0), (70.0, 0.0)], cells: None };
    let forcing = Forcing { rain: vec![rain], ..Forcing::default() };
    let mut run = PreviewRun::new(town(grid), vec![], forcing, FloodParams::default(), Initial::dry())?;
    advance(&mut run, 100.0)?;
    let fallen = 72e-3 / 3600.0 * 60.0 * grid.cell_area_m2() * grid.cell_count() as f64;
    let error = (run.state().volume_m3() / fallen - 1.0).abs();
    Ok(vec![VerificationRow::at_most("preview-rain-on-roofs", "|water / rain - 1|", error, 1e-6, BOOKED)])
}

/// A lively set-up: rain, a breaking column, a spring, a bumpy bed, a building, open edges, three bands of rows.
pub(super) fn lively() -> Result<Setup<PreviewKernel>, FloodError> {
    let grid = Grid { nx: 150, ny: 140, dx_m: 2.0 };
    let mut terrain = bumpy(grid, 10.0, 0.1);
    for j in 40..70 {
        terrain.blocked[j * grid.nx + 60..j * grid.nx + 80].fill(true);
    }
    let rain = RainSeries { series: vec![(0.0, 80.0), (20.0, 10.0)], cells: None };
    let spring = PointInflow { cells: vec![5, 6, 7], series: vec![(0.0, 1.0), (30.0, 6.0)], ..PointInflow::default() };
    let forcing = Forcing { rain: vec![rain], inflows: vec![spring], ..Forcing::default() };
    let mut depth_m = vec![0.0; grid.cell_count()];
    depth_m[50 * grid.nx..75 * grid.nx].fill(2.0);
    let wall = barrier_along(&grid, &[[0.0, 160.0], [300.0, 170.0]], 11.0);
    let kernel = PreviewKernel::new(&terrain, &[wall], true)?;
    let forcing = PreviewForcing::new(&kernel, forcing)?;
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
pub fn threads_agree() -> Result<Vec<VerificationRow>, FloodError> {
    let setup = lively()?;
    let run = |threads: usize| {
        let mut s = setup.clone();
        in_pool(threads, || s.run(150));
        s.state.checksum()
    };
    let outcome = conformance::threads_agree(run, &[1, 2, 3, 4]);
    Ok(vec![row("preview-threads-agree", "differences between 1, 2, 3 and 4 threads", outcome)])
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
pub fn snapshot_continues() -> Result<Vec<VerificationRow>, FloodError> {
    let setup = lively()?;
    let again = conformance::repeatable(|| setup.clone(), 40);
    let resumed = conformance::restore_continues(|| setup.clone(), 60, 60);
    Ok(vec![
        row("preview-snapshot-continues", "differences between two equal runs", again),
        row("preview-snapshot-continues", "differences after save and restore", resumed),
    ])
}
