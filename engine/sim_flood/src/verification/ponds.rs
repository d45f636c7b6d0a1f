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
/// at 12 h; 20 h. The sill, 10.25 m, is one cell at x = 305 m.
pub(super) fn ea1_like<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let (sill, source) = (10.25, "idea of SC120002 test 1; water behind a sill stays at its level");
    let corners = [(0.0, 9.4), (200.0, 9.5), (305.0, sill), (400.0, 9.6), (600.0, 9.6), (700.0, 11.0)];
    let grid = Grid { nx: 70, ny: 10, dx_m: 10.0 };
    let terrain = Terrain::from_fn(grid, 0.03, |x, _| profile(&corners, x));
    let bed = terrain.bed_m.clone();
    let tide = vec![(0.0, 9.7), (3600.0, 10.35), (39_600.0, 10.35), (43_200.0, 9.7)];
    let cells = (0..grid.ny).map(|j| (j * grid.nx) as u32).collect();
    let forcing = Forcing { stages: vec![StageBoundary { cells, series: tide }], ..Forcing::default() };
    let initial = Initial::pool(&terrain, &[], &[0], 9.7);
    let params = FloodParams { max_dt_s: 10.0, ..FloodParams::default() };
    let mut run = FloodRunOf::<R>::new(terrain, vec![], forcing, params, initial)?;
    let places = [400.0, 600.0].map(|x| grid.cell_at([x, 55.0]).unwrap_or(0));
    let mut levels = [Vec::new(), Vec::new()];
    for quarter in 1..=80 {
        case.advance(&mut run, 900.0 * f64::from(quarter))?;
        for (at, cell) in levels.iter_mut().zip(places) {
            let depth = run.depth_at_m(cell);
            if depth > 1e-3 {
                at.push([f64::from(quarter) / 4.0, bed[cell as usize] + depth]);
            }
        }
    }
    for (name, at) in ["x = 400 m", "x = 600 m"].into_iter().zip(&levels) {
        let last = at.last().map_or(f64::NAN, |c| c[1]);
        case.at_most(&format!("|final level - sill|, m, {name}"), (last - sill).abs(), 1e-3, source);
        let top = at.iter().map(|c| c[1]).fold(0.0, f64::max);
        case.at_most(&format!("|highest level - tide|, m, {name}"), (top - 10.35).abs(), 1e-3, source);
    }
    let [west, east] = levels;
    case.figures.push(series_figure("Pond behind a sill of 10.25 m", &[("x = 400 m", west), ("x = 600 m", east)]));
    close_rows::<R, R>(case, &run);
    Ok(())
}

fn close_rows<P: Real, R: Real>(case: &mut VerificationCase, run: &FloodRunOf<R>) {
    let error = case.close(run).relative_error();
    case.at_most("volume error / inflow", error, bound::<P>(1e-6, 1e-12), "conservation of volume");
}

const SIDE_M: f64 = 2000.0;
const PITS: usize = 4;

/// Test 2's ground: falls 1:1500 to the south and 1:3000 to the east, with 4 x 4 pits about half a metre deep.
fn egg_box(x: f64, y: f64) -> f64 {
    let wave = |s: f64| (std::f64::consts::TAU * s * PITS as f64 / SIDE_M).cos();
    (SIDE_M - x) / 3000.0 + y / 1500.0 + 0.125 * (wave(x) + wave(y))
}

/// Level at which each pit runs over into another, by joining cells in the order of their height (Kruskal 1956).
fn sills(terrain: &Terrain, bottoms: &[usize]) -> Vec<f64> {
    let (nx, ny) = (terrain.grid.nx, terrain.grid.ny);
    let mut order: Vec<usize> = (0..nx * ny).collect();
    order.sort_by(|a, b| terrain.bed_m[*a].total_cmp(&terrain.bed_m[*b]));
    let mut parent: Vec<usize> = (0..nx * ny).collect();
    let mut there = vec![false; nx * ny];
    let mut sill = vec![f64::INFINITY; bottoms.len()];
    fn root(parent: &mut [usize], mut k: usize) -> usize {
        while parent[k] != k {
            parent[k] = parent[parent[k]];
            k = parent[k];
        }
        k
    }
    for cell in order {
        there[cell] = true;
        let (i, j) = (cell % nx, cell / nx);
        let around = [
            (i > 0).then(|| cell - 1),
            (i + 1 < nx).then(|| cell + 1),
            (j > 0).then(|| cell - nx),
            (j + 1 < ny).then(|| cell + nx),
        ];
        for next in around.into_iter().flatten().filter(|n| there[*n]) {
            let (a, b) = (root(&mut parent, cell), root(&mut parent, next));
            if a == b {
                continue;
            }
            let roots: Vec<usize> = bottoms.iter().map(|p| root(&mut parent, *p)).collect();
            let holds = |r: usize| roots.iter().zip(bottoms).any(|(q, p)| *q == r && there[*p]);
            if holds(a) && holds(b) {
                for (s, r) in sill.iter_mut().zip(&roots) {
                    if *r == a || *r == b {
                        *s = s.min(terrain.bed_m[cell]);
                    }
                }
            }
            parent[a] = b;
        }
    }
    sill
}

/// Water of each pit's own square of 500 m, m3.
fn pit_volumes<R: Real>(run: &FloodRunOf<R>) -> [f64; PITS * PITS] {
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
    let params = FloodParams { max_dt_s: 10.0, ..FloodParams::default() };
    let mut run = FloodRunOf::<R>::new(terrain.clone(), vec![], forcing, params, Initial::dry())?;
    case.advance(&mut run, 48.0 * 3600.0)?;
    Ok((run, terrain))
}

/// Test 2's idea: a flood fills depressions one after another.
pub(super) fn ea2_like<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let source = "idea of SC120002 test 2; still water is level and not above its sill";
    let (run, terrain) = pits_run::<R>(case, 20.0)?;
    let (g, h) = (run.grid(), f64s(&run.depth_m()));
    let square = |c: usize| g.centre_m(c as u32).map(|s| ((s / SIDE_M * PITS as f64) as usize).min(PITS - 1));
    let in_pit = |pit: usize| (0..h.len()).filter(move |c| square(*c) == [pit % PITS, pit / PITS]);
    let lowest = |pit: usize| in_pit(pit).min_by(|a, b| terrain.bed_m[*a].total_cmp(&terrain.bed_m[*b])).unwrap_or(0);
    let bottoms: Vec<usize> = (0..PITS * PITS).map(lowest).collect();
    let sill = sills(&terrain, &bottoms);
    let (mut uneven, mut above, mut filled) = (0.0_f64, f64::NEG_INFINITY, Vec::new());
    for (pit, bottom) in bottoms.iter().enumerate() {
        let level = terrain.bed_m[*bottom] + h[*bottom];
        if h[*bottom] < 0.02 {
            continue;
        }
        // The pool, without the film that still runs down to it.
        let pool = in_pit(pit).filter(|c| terrain.bed_m[*c] < level - 0.02);
        uneven = pool.map(|c| (terrain.bed_m[c] + h[c] - level).abs()).fold(uneven, f64::max);
        above = above.max(level - sill[pit]);
        filled.push((pit, level - sill[pit]));
    }
    let full = filled.iter().filter(|f| f.1 > -0.01).map(|f| f.1.abs()).fold(0.0, f64::max);
    case.at_least("pits with water after 48 h", filled.len() as f64, 4.0, source);
    case.at_most("unevenness of a pool, m", uneven, 1e-3, source);
    case.at_most("level above the sill, m", above, 5e-3, source);
    case.at_most("pits that ran over: |level - sill|, m", full, 5e-3, source);
    let volumes = pit_volumes(&run);
    close_rows::<R, R>(case, &run);
    let labels = |v: &[f64; PITS * PITS]| v.iter().enumerate().map(|(k, v)| [k as f64 + 1.0, *v]).collect::<Vec<_>>();
    let mut figure = Figure::new("Water in 16 pits after 48 h", "pit, from the south-west, eastwards", "volume, m3")
        .with(CurveKind::Computed, "dx 20 m", labels(&volumes));
    if R::NAME == "f32" {
        let (fine, _) = pits_run::<R>(case, 10.0)?;
        let finer = pit_volumes(&fine);
        let off: f64 = volumes.iter().zip(&finer).map(|(a, b)| (a - b).abs()).sum::<f64>() / finer.iter().sum::<f64>();
        case.at_most("volumes against dx 10 m: sum of |difference| / inflow", off, 0.02, "half the cell size");
        close_rows::<R, R>(case, &fine);
        figure = figure.with(CurveKind::Exact, "dx 10 m", labels(&finer));
    }
    case.figures.push(figure);
    Ok(())
}

const BARRIER: [(f64, f64); 7] =
    [(0.0, 10.3), (125.0, 9.7), (175.0, 9.7), (200.0, 9.9), (225.0, 9.6), (275.0, 9.6), (300.0, 10.6)];

fn obstruction_run<R: Real>(case: &mut VerificationCase, dx_m: f64) -> Result<(FloodRunOf<R>, [Vec<[f64; 2]>; 2]), FloodError> {
    let grid = Grid { nx: (300.0 / dx_m).round() as usize, ny: (100.0 / dx_m).round() as usize, dx_m };
    let terrain = Terrain::from_fn(grid, 0.01, |x, _| profile(&BARRIER, x));
    let bed = terrain.bed_m.clone();
    let cells = (0..grid.ny).map(|j| (j * grid.nx) as u32).collect();
    let series = vec![(0.0, 0.0), (1.0, 65.5), (14.0, 65.5), (15.0, 0.0)];
    let inflow = PointInflow { cells, series, direction: [1.0, 0.0] };
    let forcing = Forcing { inflows: vec![inflow], ..Forcing::default() };
    let mut run = FloodRunOf::<R>::new(terrain, vec![], forcing, FloodParams::default(), Initial::dry())?;
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
    let room: f64 = (0..2000).map(|k| (9.9 - profile(&BARRIER, 0.1 * f64::from(k) + 0.05)).max(0.0) * 0.1).sum();
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
    close_rows::<R, R>(case, &run);
    let (fine, finer) = obstruction_run::<R>(case, 2.5)?;
    let passed_fine = behind(&fine) / inflow;
    let off = (passed - passed_fine).abs();
    case.at_most("share of the inflow that passed, dx 5 m against 2.5 m", off, 0.05, "half the cell size");
    close_rows::<R, R>(case, &fine);
    let [p1, p2] = levels;
    let [q1, q2] = finer;
    let start = Figure::new("Wave over an obstruction of 9.9 m", "time, s", "level, m");
    let curves = [("x = 150 m, dx 5 m", p1), ("x = 250 m, dx 5 m", p2), ("x = 150 m, dx 2.5 m", q1), ("x = 250 m, dx 2.5 m", q2)];
    let early = |points: Vec<[f64; 2]>| points.into_iter().filter(|c| c[0] <= 400.0);
    case.figures.push(curves.into_iter().fold(start, |f, (name, points)| f.with(CurveKind::Series, name, early(points))));
    Ok(())
}
