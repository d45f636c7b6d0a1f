//! Rebuilt relatives of the Environment Agency's benchmark tests 1 to 3 (SC120002).
//!
//! The agency's terrain is given out on request only, so these are not its tests: terrains with the same idea are made by
//! formula, and are checked against what must be true of them instead of against other programs.

use super::case::{CurveKind, Figure, VerificationCase};
use super::{bound, f64s, middle_row};
use crate::{FloodError, FloodParams, FloodRunOf, Forcing, Grid, Initial, PointInflow, Real, StageBoundary, Terrain};

/// Piecewise linear ground through (x, z).
fn profile(corners: &[(f64, f64)], x: f64) -> f64 {
    crate::forcing::linear_at(corners, x)
}

fn series_figure(title: &str, series: &[(&str, Vec<[f64; 2]>)]) -> Figure {
    let start = Figure::new(title, "time, h", "level, m");
    series.iter().fold(start, |f, (name, points)| f.with(CurveKind::Series, name, points.iter().copied()))
}

/// Test 1's idea: a tide passes a sill, a pond behind it keeps the level of the sill.
///
/// 700 x 100 m, dx 10 m, n 0.03. Level in the west 9.7 m, rising to 10.35 m in the first hour, falling from 11 h to 9.7 m
/// at 12 h. The sill, 10.25 m, is one cell at x = 505 m; a film of few millimetres takes a day to run back over it, so
/// the case ends after 44 h.
pub(super) fn ea1_like<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let (sill, source) = (10.25, "idea of SC120002 test 1; water behind a sill stays at its level");
    let corners = [(0.0, 9.4), (350.0, 9.5), (505.0, sill), (560.0, 9.7), (660.0, 9.7), (700.0, 10.6)];
    let grid = Grid { nx: 70, ny: 10, dx_m: 10.0 };
    let terrain = Terrain::from_fn(grid, 0.03, |x, _| profile(&corners, x));
    let bed = terrain.bed_m.clone();
    let tide = vec![(0.0, 9.7), (3600.0, 10.35), (39_600.0, 10.35), (43_200.0, 9.7)];
    let cells = (0..grid.ny).map(|j| (j * grid.nx) as u32).collect();
    let forcing = Forcing { stages: vec![StageBoundary { cells, series: tide }], ..Forcing::default() };
    let initial = Initial::pool(&terrain, &[], &[0], 9.7);
    let params = FloodParams { max_dt_s: 10.0, ..case.params() };
    let mut run = FloodRunOf::<R>::new(terrain, vec![], forcing, params, initial)?;
    let places = [405.0, 605.0].map(|x| grid.cell_at([x, 55.0]).unwrap_or(0));
    let mut levels = [Vec::new(), Vec::new()];
    for half in 1..=88 {
        case.advance(&mut run, 1800.0 * f64::from(half))?;
        for (at, cell) in levels.iter_mut().zip(places) {
            let depth = run.depth_at_m(cell);
            if depth > 1e-3 {
                at.push([f64::from(half) / 2.0, bed[cell as usize] + depth]);
            }
        }
    }
    let [outside, pond] = levels;
    let last = pond.last().map_or(f64::NAN, |c| c[1]);
    let high = pond.iter().find(|c| c[0] >= 11.0).map_or(f64::NAN, |c| c[1]);
    case.at_most("|final level in the pond - sill|, m", (last - sill).abs(), 1e-3, source);
    case.at_most("|level in the pond before the tide falls - tide|, m", (high - 10.35).abs(), 1e-3, source);
    case.figures.push(series_figure("Pond behind a sill of 10.25 m", &[("x = 405 m", outside), ("x = 605 m", pond)]));
    close_rows(case, &run);
    Ok(())
}

fn close_rows<R: Real>(case: &mut VerificationCase, run: &FloodRunOf<R>) {
    let error = case.close(run).relative_error();
    case.at_most("volume error / inflow", error, bound::<R>(1e-6, 1e-12), "conservation of volume");
}

const SIDE_M: f64 = 2000.0;
const PITS: usize = 4;

/// Test 2's ground: falls 1:1500 to the south and 1:3000 to the east, with 4 x 4 pits about half a metre deep.
fn egg_box(x: f64, y: f64) -> f64 {
    let wave = |s: f64| (std::f64::consts::TAU * s * PITS as f64 / SIDE_M).cos();
    (SIDE_M - x) / 3000.0 + y / 1500.0 + 0.125 * (wave(x) + wave(y))
}

/// The pit each cell drains to by steepest descent over its four neighbours, as index into the pits' lowest cells, which
/// are returned too.
fn basins(terrain: &Terrain) -> (Vec<usize>, Vec<usize>) {
    let (nx, ny) = (terrain.grid.nx, terrain.grid.ny);
    let lower = |cell: usize| {
        let around = neighbours(nx, ny, cell);
        let next = around.into_iter().flatten().min_by(|a, b| terrain.bed_m[*a].total_cmp(&terrain.bed_m[*b]));
        next.filter(|n| terrain.bed_m[*n] < terrain.bed_m[cell])
    };
    let mut bottoms = Vec::new();
    let pit_of = (0..nx * ny).map(|mut cell| {
        while let Some(next) = lower(cell) {
            cell = next;
        }
        bottoms.iter().position(|b| *b == cell).unwrap_or_else(|| {
            bottoms.push(cell);
            bottoms.len() - 1
        })
    });
    (pit_of.collect(), bottoms)
}

fn neighbours(nx: usize, ny: usize, cell: usize) -> [Option<usize>; 4] {
    let (i, j) = (cell % nx, cell / nx);
    [
        (i > 0).then(|| cell.wrapping_sub(1)),
        (i + 1 < nx).then_some(cell + 1),
        (j > 0).then(|| cell.wrapping_sub(nx)),
        (j + 1 < ny).then_some(cell + nx),
    ]
}

/// Lowest sill between each two pits that touch: (pit, pit, level).
fn sills(terrain: &Terrain, pit_of: &[usize]) -> Vec<(usize, usize, f64)> {
    let (nx, ny) = (terrain.grid.nx, terrain.grid.ny);
    let mut lowest = std::collections::BTreeMap::new();
    for cell in 0..nx * ny {
        for next in neighbours(nx, ny, cell).into_iter().flatten().filter(|n| pit_of[*n] > pit_of[cell]) {
            let level = terrain.bed_m[cell].max(terrain.bed_m[next]);
            let sill = lowest.entry((pit_of[cell], pit_of[next])).or_insert(f64::INFINITY);
            *sill = level.min(*sill);
        }
    }
    lowest.into_iter().map(|((a, b), level)| (a, b, level)).collect()
}

/// Water of each square of 500 m, m3, from the south-west, eastwards.
fn square_volumes<R: Real>(run: &FloodRunOf<R>) -> [f64; PITS * PITS] {
    let g = run.grid();
    let mut volumes = [0.0; PITS * PITS];
    for (c, h) in f64s(&run.depth_m()).into_iter().enumerate() {
        let [x, y] = g.centre_m(c as u32).map(|s| ((s / SIDE_M * PITS as f64) as usize).min(PITS - 1));
        volumes[y * PITS + x] += h * g.cell_area_m2();
    }
    volumes
}

fn pits_run<R: Real>(case: &mut VerificationCase, dx_m: f64) -> Result<(FloodRunOf<R>, Terrain), FloodError> {
    let n = (SIDE_M / dx_m).round() as usize;
    let grid = Grid { nx: n, ny: n, dx_m };
    let terrain = Terrain::from_fn(grid, 0.03, egg_box);
    // 100 m of the west edge south of the north-west corner; 20 m3/s for 85 minutes with ramps of 5.
    let rows = (100.0 / dx_m).round() as usize;
    let cells = (n - rows..n).map(|j| (j * n) as u32).collect();
    let series = vec![(0.0, 0.0), (300.0, 20.0), (4800.0, 20.0), (5100.0, 0.0)];
    let inflow = PointInflow { cells, series, direction: [1.0, 0.0] };
    let forcing = Forcing { inflows: vec![inflow], ..Forcing::default() };
    let params = FloodParams { max_dt_s: 10.0, ..case.params() };
    let mut run = FloodRunOf::<R>::new(terrain.clone(), vec![], forcing, params, Initial::dry())?;
    case.advance(&mut run, 24.0 * 3600.0)?;
    Ok((run, terrain))
}

/// Test 2's idea: a flood fills depressions one after another. What must be true of the end, but for films
/// that still run after 24 h: every pool is level, and no pool stands above a sill towards a lower one.
pub(super) fn ea2_like<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let source = "idea of SC120002 test 2; still water is level and not above its sill";
    let (run, terrain) = pits_run::<R>(case, 20.0)?;
    let h = f64s(&run.depth_m());
    let (pit_of, bottoms) = basins(&terrain);
    let level: Vec<f64> = bottoms.iter().map(|b| terrain.bed_m[*b] + h[*b]).collect();
    let pools = bottoms.iter().filter(|b| h[**b] > 0.02).count();
    // A pool without the film that still runs down to it.
    let pool = (0..h.len()).filter(|c| h[bottoms[pit_of[*c]]] > 0.02 && terrain.bed_m[*c] < level[pit_of[*c]] - 0.02);
    let uneven = pool.map(|c| (terrain.bed_m[c] + h[c] - level[pit_of[c]]).abs()).fold(0.0, f64::max);
    let above = sills(&terrain, &pit_of).into_iter().map(|(a, b, sill)| {
        let (high, low) = (level[a].max(level[b]), level[a].min(level[b]));
        (high - sill).min(high - low)
    });
    let above = above.fold(f64::NEG_INFINITY, f64::max);
    case.at_least("pits with water in the end", pools as f64, 4.0, source);
    case.at_most("unevenness of a pool, m", uneven, 5e-3, source);
    case.at_most("level above a sill towards a lower pool, m", above, 5e-2, source);
    let volumes = square_volumes(&run);
    close_rows(case, &run);
    let (coarse, _) = pits_run::<R>(case, 40.0)?;
    let coarser = square_volumes(&coarse);
    let off: f64 = volumes.iter().zip(&coarser).map(|(a, b)| (a - b).abs()).sum::<f64>() / volumes.iter().sum::<f64>();
    case.at_most("volumes, dx 20 m against 40 m: sum of |difference| / inflow", off, 0.05, "twice the cell size");
    close_rows(case, &coarse);
    let labels = |v: &[f64; PITS * PITS]| v.iter().enumerate().map(|(k, v)| [k as f64 + 1.0, *v]).collect::<Vec<_>>();
    case.figures.push(
        Figure::new(
            "Water in 16 squares with a pit each after 24 h",
            "square, from the south-west, eastwards",
            "volume, m3",
        )
        .with(CurveKind::Series, "dx 40 m", labels(&coarser))
        .with(CurveKind::Computed, "dx 20 m", labels(&volumes)),
    );
    Ok(())
}

const BARRIER: [(f64, f64); 7] =
    [(0.0, 10.6), (130.0, 9.7), (170.0, 9.7), (200.0, 9.85), (225.0, 9.6), (275.0, 9.6), (300.0, 10.6)];

fn obstruction_run<R: Real>(
    case: &mut VerificationCase,
    dx_m: f64,
) -> Result<(FloodRunOf<R>, [Vec<[f64; 2]>; 2]), FloodError> {
    let grid = Grid { nx: (300.0 / dx_m).round() as usize, ny: (100.0 / dx_m).round() as usize, dx_m };
    let terrain = Terrain::from_fn(grid, 0.01, |x, _| profile(&BARRIER, x));
    let bed = terrain.bed_m.clone();
    let cells = (0..grid.ny).map(|j| (j * grid.nx) as u32).collect();
    let series = vec![(0.0, 0.0), (1.0, 65.5), (14.0, 65.5), (15.0, 0.0)];
    let inflow = PointInflow { cells, series, direction: [1.0, 0.0] };
    let forcing = Forcing { inflows: vec![inflow], ..Forcing::default() };
    let mut run = FloodRunOf::<R>::new(terrain, vec![], forcing, case.params(), Initial::dry())?;
    let places = [150.0, 250.0].map(|x| grid.cell_at([x, 50.0]).unwrap_or(0));
    let mut levels = [Vec::new(), Vec::new()];
    for k in 1..=180 {
        case.advance(&mut run, 5.0 * f64::from(k))?;
        for (at, cell) in levels.iter_mut().zip(places) {
            at.push([5.0 * f64::from(k), bed[cell as usize] + run.depth_at_m(cell)]);
        }
    }
    Ok((run, levels))
}

/// Test 3's idea: a wave has the momentum to pass an obstruction that its still volume would not pass.
pub(super) fn ea3_like<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let source = "idea of SC120002 test 3: momentum carries water over an obstruction";
    // Ground of the first depression below the obstruction's crest, per metre of width.
    let room: f64 = (0..2000).map(|k| (9.85 - profile(&BARRIER, 0.1 * f64::from(k) + 0.05)).max(0.0) * 0.1).sum();
    let (run, levels) = obstruction_run::<R>(case, 5.0)?;
    let behind = |run: &FloodRunOf<R>| {
        let dx = run.grid().dx_m;
        middle_row(run).iter().filter(|c| c[0] > 200.0).map(|c| c[1] * dx).sum::<f64>()
    };
    let inflow = run.ledger().point_in_m3 / 100.0;
    case.at_most("inflow / room before the obstruction", inflow / room, 1.0, source);
    let depth = levels[1].last().map_or(f64::NAN, |c| c[1]) - 9.6;
    case.at_least("depth at x = 250 m after 900 s, m", depth, 0.01, source);
    let passed = behind(&run) / inflow;
    close_rows(case, &run);
    let (fine, finer) = obstruction_run::<R>(case, 2.5)?;
    let passed_fine = behind(&fine) / inflow;
    let off = (passed - passed_fine).abs();
    case.at_most("share of the inflow that passed, dx 5 m against 2.5 m", off, 0.05, "half the cell size");
    close_rows(case, &fine);
    let [p1, p2] = levels;
    let [q1, q2] = finer;
    let start = Figure::new("Wave over an obstruction of 9.85 m", "time, s", "level, m");
    let curves = [
        ("x = 150 m, dx 5 m", p1),
        ("x = 250 m, dx 5 m", p2),
        ("x = 150 m, dx 2.5 m", q1),
        ("x = 250 m, dx 2.5 m", q2),
    ];
    let early = |points: Vec<[f64; 2]>| points.into_iter().filter(|c| c[0] <= 400.0);
    case.figures
        .push(curves.into_iter().fold(start, |f, (name, points)| f.with(CurveKind::Series, name, early(points))));
    Ok(())
}
