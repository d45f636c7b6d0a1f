//! Published benchmarks whose data are not part of the repository: the caller reads the files.

use super::case::{CurveKind, Figure, VerificationCase};
use crate::{
    FloodError, FloodParams, FloodRun, FloodRunOf, Forcing, Grid, Initial, PointInflow, Real, Terrain, TimeStepping,
    barrier_along,
};

/// Rows of numbers separated by commas; other lines are left out.
fn table(text: &str) -> Vec<Vec<f64>> {
    text.lines().filter_map(|l| l.split(',').map(|c| c.trim().parse().ok()).collect()).collect()
}

fn refuse(what: &str, why: String) -> FloodError {
    FloodError::Series { name: what.to_owned(), why }
}

/// Environment Agency benchmark test 4 (SC120002): a point source floods a flat plain; compared with the published
/// second-order DG2 series on the same 5 m grid (Shaw et al. 2021, Zenodo 10.5281/zenodo.4066824), given as lines of
/// time and six depths.
///
/// # Errors
/// [`FloodError`] when the series has no rows of seven numbers or the run stops.
pub fn ea_test_4(dg2_series_csv: &str, time_stepping: TimeStepping) -> Result<VerificationCase, FloodError> {
    let local = time_stepping != TimeStepping::Global;
    let name = if local { "ea-test-4-local" } else { "ea-test-4" };
    let mut case = VerificationCase { time_stepping, ..VerificationCase::new::<f32>(name) };
    let reference: Vec<Vec<f64>> = table(dg2_series_csv).into_iter().filter(|r| r.len() >= 7).collect();
    if reference.len() < 10 {
        return Err(refuse("EA test 4 series", format!("{} rows of 7 numbers; needs 10 or more", reference.len())));
    }
    let grid = Grid { nx: 200, ny: 400, dx_m: 5.0 };
    let cells = (198..202).map(|j| (j * grid.nx) as u32).collect();
    let series = vec![(0.0, 0.0), (300.0, 0.0), (3600.0, 20.0), (14_400.0, 20.0), (18_000.0, 0.0)];
    let forcing = Forcing { inflows: vec![PointInflow { cells, series, direction: [1.0, 0.0] }], ..Forcing::default() };
    let terrain = Terrain::from_fn(grid, 0.05, |_, _| 0.0);
    let mut run = FloodRun::new(terrain, vec![], forcing, case.params(), Initial::dry())?;
    let points = [[50.0, 1000.0], [100.0, 1000.0], [200.0, 1000.0], [300.0, 1000.0], [400.0, 1000.0], [300.0, 1300.0]];
    let cells = points.map(|p| grid.cell_at(p).unwrap_or(0));
    let mut depths = vec![Vec::new(); points.len()];
    for row in &reference {
        case.advance(&mut run, row[0])?;
        depths.iter_mut().zip(cells).for_each(|(d, cell)| d.push(run.depth_at_m(cell)));
    }
    let source = "SC120002 test 4; DG2 on 5 m, Shaw et al. 2021, Geosci. Model Dev. 14";
    let hour = |row: &[f64]| row[0] / 3600.0;
    let mut figure = Figure::new("EA test 4: depth at points 1, 3 and 6", "time, h", "depth, m");
    for (k, computed) in depths.iter().enumerate() {
        let sum: f64 = computed.iter().zip(&reference).map(|(h, r)| (h - r[k + 1]).powi(2)).sum();
        let rmse = (sum / reference.len() as f64).sqrt();
        case.at_most(&format!("point {}: RMSE of depth against DG2, m", k + 1), rmse, 0.002, source);
        if [0, 2, 5].contains(&k) {
            figure = figure
                .with(CurveKind::Exact, &format!("DG2, point {}", k + 1), reference.iter().map(|r| [hour(r), r[k + 1]]))
                .with(
                    CurveKind::Computed,
                    &format!("sim_flood, point {}", k + 1),
                    reference.iter().zip(computed).map(|(r, h)| [hour(r), *h]),
                );
        }
    }
    case.figures.push(figure);
    closes(&mut case, &run);
    Ok(case)
}

fn closes<R: Real>(case: &mut VerificationCase, run: &FloodRunOf<R>) {
    let error = case.close(run).relative_error();
    case.at_most("volume error / inflow", error, 1e-6, "conservation of volume");
}

/// Files of the Merewether case as `anuga_core` keeps them.
#[derive(Debug, Clone, Default)]
pub struct MerewetherFiles {
    /// ESRI ASCII raster of the ground, 1 m.
    pub topography_asc: String,
    /// Outline of the roads, easting and northing.
    pub road_csv: String,
    /// Outlines of the houses.
    pub houses_csv: Vec<String>,
    /// Easting, northing, id, ..., surveyed and TUFLOW's level.
    pub observations_csv: String,
}

/// Crossing number test (Shimrat 1962).
fn inside(polygon: &[Vec<f64>], p: [f64; 2]) -> bool {
    let mut odd = false;
    for (k, a) in polygon.iter().enumerate() {
        let b = &polygon[(k + 1) % polygon.len()];
        if (a[1] > p[1]) != (b[1] > p[1]) && p[0] < (b[0] - a[0]) * (p[1] - a[1]) / (b[1] - a[1]) + a[0] {
            odd = !odd;
        }
    }
    odd
}

/// A raster of ground levels with its south-west corner; blocked where it has no data.
struct Ground {
    terrain: Terrain,
    corner: [f64; 2],
}

fn read_ground(asc: &str) -> Result<Ground, FloodError> {
    let bad = |why: &str| refuse("Merewether topography", why.to_owned());
    let mut lines = asc.lines();
    let head: Vec<f64> =
        lines.by_ref().take(6).filter_map(|l| l.split_whitespace().last().and_then(|v| v.parse().ok())).collect();
    let &[nx, ny, x0, y0, dx_m, hole] = head.as_slice() else {
        return Err(bad("needs six header lines with a number"));
    };
    let grid = Grid { nx: nx as usize, ny: ny as usize, dx_m }.validate()?;
    let mut terrain = Terrain::from_fn(grid, 0.04, |_, _| 0.0);
    let mut found = 0;
    for (row, line) in lines.enumerate().take(grid.ny) {
        for (i, z) in line.split_whitespace().enumerate().take(grid.nx) {
            let z: f64 = z.parse::<f64>().map_err(|e| bad(&format!("\"{z}\": {e}")))?;
            let k = (grid.ny - 1 - row) * grid.nx + i;
            terrain.blocked[k] = z == hole;
            terrain.bed_m[k] = if z == hole { 60.0 } else { z };
            found += 1;
        }
    }
    if found != grid.cell_count() {
        return Err(bad("fewer values than cells"));
    }
    Ok(Ground { terrain, corner: [x0, y0] })
}

/// Merewether, Newcastle, flood of June 2007 (Australian Rainfall and Runoff, Project 15): 19.7 m3/s steady through
/// streets with 60 houses as holes, levels surveyed after the flood. TUFLOW's published levels have an RMSE of 0.148 m;
/// the bound is 1.2 times that.
///
/// # Errors
/// [`FloodError`] when a file is not what it should be or the run stops.
pub fn merewether(files: &MerewetherFiles) -> Result<VerificationCase, FloodError> {
    let mut case = VerificationCase::new::<f32>("merewether");
    let Ground { mut terrain, corner } = read_ground(&files.topography_asc)?;
    let grid = terrain.grid;
    let world = |k: usize| {
        let [x, y] = grid.centre_m(k as u32);
        [x + corner[0], y + corner[1]]
    };
    let pairs = |text: &str| table(text).into_iter().filter(|r| r.len() >= 2).collect::<Vec<_>>();
    let road = pairs(&files.road_csv);
    let houses: Vec<_> = files.houses_csv.iter().map(|h| pairs(h)).collect();
    if houses.len() < 50 || road.len() < 50 {
        let why = format!("{} houses and {} corners of roads; needs 50 of each", houses.len(), road.len());
        return Err(refuse("Merewether outlines", why));
    }
    for k in 0..grid.cell_count() {
        let p = world(k);
        terrain.blocked[k] |= houses.iter().any(|h| inside(h, p));
        if inside(&road, p) {
            terrain.manning[k] = 0.02;
        }
    }
    let bed = terrain.bed_m.clone();
    let source = (0..grid.cell_count())
        .filter(|k| !terrain.blocked[*k] && (world(*k)[0] - 382_265.0).hypot(world(*k)[1] - 6_354_280.0) < 10.0);
    let inflow =
        PointInflow { cells: source.map(|k| k as u32).collect(), series: vec![(0.0, 19.7)], ..PointInflow::default() };
    // West and south edges are walls, east and north are open.
    let (w, h) = (grid.nx as f64 * grid.dx_m, grid.ny as f64 * grid.dx_m);
    let walls = barrier_along(&grid, &[[0.0, h], [0.0, 0.0], [w, 0.0]], 8000.0);
    let forcing = Forcing { inflows: vec![inflow], open_edges: true, ..Forcing::default() };
    let mut run = FloodRun::new(terrain, vec![walls], forcing, FloodParams::default(), Initial::dry())?;
    case.advance(&mut run, 1000.0)?;
    let observed: Vec<_> = table(&files.observations_csv).into_iter().filter(|r| r.len() >= 6).collect();
    if observed.len() != 5 {
        return Err(refuse("Merewether observations", format!("{} points; needs 5", observed.len())));
    }
    let (mut sum, mut ours, mut tuflow) = (0.0, Vec::new(), Vec::new());
    for o in &observed {
        let cell = grid.cell_at([o[0] - corner[0], o[1] - corner[1]]).unwrap_or(0);
        let level = bed[cell as usize] + run.depth_at_m(cell);
        sum += (level - o[4]).powi(2);
        ours.push([o[2], level - o[4]]);
        tuflow.push([o[2], o[5] - o[4]]);
    }
    [&mut ours, &mut tuflow].into_iter().for_each(|points| points.sort_by(|a, b| a[0].total_cmp(&b[0])));
    let text = "levels surveyed after the flood, ARR Project 15; TUFLOW 0.148 m";
    case.at_most("RMSE of five surveyed levels, m", (sum / 5.0).sqrt(), 0.178, text);
    case.aims_at(0.15);
    case.figures.push(
        Figure::new("Merewether: five levels against the survey", "point", "computed less surveyed level, m")
            .with(CurveKind::Series, "sim_flood", ours)
            .with(CurveKind::Series, "TUFLOW", tuflow),
    );
    closes(&mut case, &run);
    Ok(case)
}
