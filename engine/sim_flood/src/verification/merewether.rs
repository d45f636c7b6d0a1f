//! Merewether, Newcastle (Australia): a surveyed flood among houses. The caller reads the files.

use super::case::{CurveKind, Figure, VerificationCase};
use super::published::{closes, refuse, table};
use crate::{Cover, FloodError, FloodParams, FloodRun, Forcing, Grid, Initial, PointInflow, Terrain, barrier_along};

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

/// How the houses stand in the water.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Houses {
    Blocked,
    Raised,
    Porous,
}

/// Height of raised houses, metres, as in ANUGA's validation test.
const RAISED_M: f64 = 3.0;

/// The site on cells of `merge` x `merge` values of the ground.
struct Site {
    terrain: Terrain,
    corner: [f64; 2],
    road: Vec<Vec<f64>>,
    houses: Vec<Vec<Vec<f64>>>,
    observed: Vec<Vec<f64>>,
}

impl Site {
    fn read(files: &MerewetherFiles) -> Result<Self, FloodError> {
        let Ground { terrain, corner } = read_ground(&files.topography_asc)?;
        let pairs = |text: &str| table(text).into_iter().filter(|r| r.len() >= 2).collect::<Vec<_>>();
        let road = pairs(&files.road_csv);
        let houses: Vec<_> = files.houses_csv.iter().map(|h| pairs(h)).collect();
        if houses.len() < 50 || road.len() < 50 {
            let why = format!("{} houses and {} corners of roads; needs 50 of each", houses.len(), road.len());
            return Err(refuse("Merewether outlines", why));
        }
        let observed: Vec<_> = table(&files.observations_csv).into_iter().filter(|r| r.len() >= 6).collect();
        if observed.len() != 5 {
            return Err(refuse("Merewether observations", format!("{} points; needs 5", observed.len())));
        }
        Ok(Self { terrain, corner, road, houses, observed })
    }

    fn world(&self, p: [f64; 2]) -> [f64; 2] {
        [p[0] + self.corner[0], p[1] + self.corner[1]]
    }

    /// Mean ground of `merge` x `merge` values.
    fn merged(&self, merge: usize) -> Terrain {
        let fine = &self.terrain;
        let grid = Grid { nx: fine.grid.nx / merge, ny: fine.grid.ny / merge, dx_m: fine.grid.dx_m * merge as f64 };
        let mut terrain = Terrain::from_fn(grid, 0.04, |_, _| 60.0);
        for k in 0..grid.cell_count() {
            let (i, j) = (k % grid.nx * merge, k / grid.nx * merge);
            let parts = (0..merge * merge).map(|p| (j + p / merge) * fine.grid.nx + i + p % merge);
            let known: Vec<f64> = parts.filter(|c| !fine.blocked[*c]).map(|c| fine.bed_m[c]).collect();
            terrain.blocked[k] = known.is_empty();
            if !known.is_empty() {
                terrain.bed_m[k] = known.iter().sum::<f64>() / known.len() as f64;
            }
        }
        terrain
    }

    fn build(&self, way: Houses, merge: usize) -> Terrain {
        let mut terrain = self.merged(merge);
        let grid = terrain.grid;
        let built = |p: [f64; 2]| self.houses.iter().any(|h| inside(h, self.world(p)));
        let mut cover = Cover::new(grid);
        for k in 0..grid.cell_count() {
            let centre = grid.centre_m(k as u32);
            if inside(&self.road, self.world(centre)) {
                terrain.manning[k] = 0.02;
            }
            match way {
                Houses::Blocked => terrain.blocked[k] |= built(centre),
                Houses::Raised => terrain.bed_m[k] += if built(centre) { RAISED_M } else { 0.0 },
                Houses::Porous => {
                    cover.mark(k as u32, built);
                    terrain.blocked[k] |= cover.full(k as u32);
                }
            }
        }
        if way == Houses::Porous {
            terrain.porosity = cover.porosity(0.0);
        }
        terrain
    }

    /// The levels at the observations after 1000 s of 19.7 m3/s.
    fn run(&self, case: &mut VerificationCase, way: Houses, merge: usize) -> Result<Vec<f64>, FloodError> {
        let terrain = self.build(way, merge);
        let (grid, bed) = (terrain.grid, terrain.bed_m.clone());
        let source = (0..grid.cell_count()).filter(|k| {
            let p = self.world(grid.centre_m(*k as u32));
            !terrain.blocked[*k] && (p[0] - 382_265.0).hypot(p[1] - 6_354_280.0) < 10.0
        });
        let cells = source.map(|k| k as u32).collect();
        let inflow = PointInflow { cells, series: vec![(0.0, 19.7)], ..PointInflow::default() };
        // West and south edges are walls, east and north are open.
        let (w, h) = (grid.nx as f64 * grid.dx_m, grid.ny as f64 * grid.dx_m);
        let walls = barrier_along(&grid, &[[0.0, h], [0.0, 0.0], [w, 0.0]], 8000.0);
        let forcing = Forcing { inflows: vec![inflow], open_edges: true, ..Forcing::default() };
        let mut run = FloodRun::new(terrain, vec![walls], forcing, FloodParams::default(), Initial::dry())?;
        case.advance(&mut run, 1000.0)?;
        closes(case, &run);
        let level = |o: &Vec<f64>| {
            let cell = grid.cell_at([o[0] - self.corner[0], o[1] - self.corner[1]]).unwrap_or(0);
            bed[cell as usize] + run.depth_at_m(cell)
        };
        Ok(self.observed.iter().map(level).collect())
    }
}

/// Merewether, Newcastle, flood of June 2007 (Australian Rainfall and Runoff, Project 15): 19.7 m3/s steady through
/// streets with 60 houses, levels surveyed after the flood. TUFLOW's published levels have an RMSE of 0.148 m;
/// the bound is 1.2 times that. Houses are blocked cells, raised by 3 m (as in ANUGA's test), or porosity of cells twice as wide.
///
/// # Errors
/// [`FloodError`] when a file is not what it should be or a run stops.
pub fn merewether(files: &MerewetherFiles) -> Result<VerificationCase, FloodError> {
    let mut case = VerificationCase::new::<f32>("merewether");
    let site = Site::read(files)?;
    let figure = Figure::new("Merewether: five levels against the survey", "point", "computed less surveyed level, m");
    let off = |levels: &[f64]| {
        let mut points: Vec<_> = site.observed.iter().zip(levels).map(|(o, level)| [o[2], level - o[4]]).collect();
        points.sort_by(|a, b| a[0].total_cmp(&b[0]));
        points
    };
    let tuflow: Vec<f64> = site.observed.iter().map(|o| o[5]).collect();
    let mut figure = figure.with(CurveKind::Series, "TUFLOW", off(&tuflow));
    let text = "levels surveyed after the flood, ARR Project 15; TUFLOW 0.148 m";
    let ways = [
        ("houses blocked, 1 m", Houses::Blocked, 1),
        ("houses raised, 1 m", Houses::Raised, 1),
        ("houses as porosity, 2 m", Houses::Porous, 2),
    ];
    let rmse = |points: &[[f64; 2]]| (points.iter().map(|p| p[1] * p[1]).sum::<f64>() / points.len() as f64).sqrt();
    for (name, way, merge) in ways {
        let levels = site.run(&mut case, way, merge)?;
        let points = off(&levels);
        case.at_most(&format!("{name}: RMSE of five surveyed levels, m"), rmse(&points), 0.178, text);
        case.aims_at(0.15);
        figure = figure.with(CurveKind::Series, name, points);
    }
    case.figures.push(figure);
    Ok(case)
}
