//! From pack to raster: bed, roughness, buildings, river cells and barriers on the grid of a run.

use crate::RunError;
use crate::built::Site;
use crate::sewers::Sewers;
use community_pack::{Pack, RasterU8, Terrain};
use geo_frame::{Crs, Projector};
use sim_flood::{Cover, FloodParams, Grid, Outlet, OutletLaw, Porosity, Soil, Structures, TimeStepping};
use std::collections::BTreeMap;
use twin_model::{AttrValue, BuildingMode, EdgeForcing, Entity, EntityKind, GridSpec, Infiltration, Polygon, Scenario};

/// Manning roughness where the pack says nothing, s/m^(1/3): built-up ground with lawns and paving between the values
/// 0.02 (paved) and 0.05 (rough) that Chow, "Open-Channel Hydraulics" (1959), table 5-6, gives for such surfaces.
pub const DEFAULT_MANNING: f64 = 0.035;

/// Everything static about a flood run.
pub struct Domain {
    /// Grid in the plane CRS of the terrain.
    pub spec: GridSpec,
    /// Bed, roughness and blocked cells for the kernel.
    pub terrain: sim_flood::Terrain,
    /// Cells of the river, where the stage is imposed.
    pub river: Vec<u32>,
    /// (cell, level m) of ponds and lakes, which stand at their own level at the start.
    pub ponds: Vec<(u32, f64)>,
    /// What the scenario has built at the start.
    pub structures: Structures,
    /// What the ground takes in.
    pub soil: Soil,
    /// Whether water leaves freely over the edges of the raster.
    pub open_edges: bool,
    /// Numerical parameters of the water on the ground.
    pub surface_params: FloodParams,
    /// Storm drains below, if they take part.
    pub sewers: Option<Sewers>,
    /// ENU ↔ plane CRS.
    pub projector: Projector,
}

impl Domain {
    /// Raster position (metres from the south-west corner) of an ENU point.
    ///
    /// # Errors
    /// [`RunError::Frame`] when the point cannot be projected.
    pub fn raster_from_enu(&self, p_enu: [f64; 3]) -> Result<[f64; 2], RunError> {
        raster_point(&self.projector, &self.spec, p_enu)
    }

    /// Where rivers and ponds are: one value per cell.
    #[must_use]
    pub fn water_cells(&self) -> Vec<bool> {
        let mut water = vec![false; self.terrain.bed_m.len()];
        let ponds = self.ponds.iter().map(|(cell, _)| cell);
        self.river.iter().chain(ponds).for_each(|&c| water[c as usize] = true);
        water
    }
}

/// Builds the raster of a scenario from a pack.
///
/// # Errors
/// [`RunError`] naming what is missing or out of range.
pub fn build_domain(
    pack: &Pack,
    terrain: &Terrain,
    landcover: Option<&RasterU8>,
    scenario: &Scenario,
) -> Result<Domain, RunError> {
    let spec = grid_spec(terrain, scenario.cell_m)?;
    let projector = Projector::new(Crs::from_epsg(terrain.epsg)?, pack.manifest.origin.frame());
    let grid = Grid { nx: spec.nx as usize, ny: spec.ny as usize, dx_m: spec.dx_m };
    let (mut bed_m, mut blocked) = resample(terrain, &spec);
    let without = blocked.clone();
    let mut porosity = Porosity::default();
    let buildings = || pack.model.of_kind(EntityKind::Building);
    if let BuildingMode::Porous { drag } = scenario.buildings {
        let cover = building_cover(&projector, &spec, buildings())?;
        (0..grid.cell_count()).for_each(|cell| blocked[cell] |= cover.full(cell as u32));
        porosity = cover.porosity(drag);
    } else {
        for building in buildings() {
            mark(&projector, &spec, building, |cell| blocked[cell] = true)?;
        }
    }
    let mut is_river = vec![false; grid.cell_count()];
    let mut ponds = Vec::new();
    for water in pack.model.of_kind(EntityKind::Water) {
        if is_watercourse(water) {
            mark(&projector, &spec, water, |cell| is_river[cell] = true)?;
        } else if let Some(AttrValue::Number(level_m)) = water.attributes.get("level_m") {
            mark(&projector, &spec, water, |cell| ponds.push((cell as u32, *level_m)))?;
        }
    }
    let river = (0..grid.cell_count()).filter(|&c| is_river[c] && !blocked[c]).map(|c| c as u32).collect();
    let classes = pack.manifest.terrain.as_ref().map(|t| &t.manning);
    let cover = cover_codes(&spec, landcover);
    let manning = roughness(&cover, classes);
    if let BuildingMode::Raised { by_m } = scenario.buildings {
        // Cells without elevation stay blocked.
        for cell in 0..grid.cell_count() {
            if blocked[cell] && !without[cell] {
                bed_m[cell] += by_m;
                blocked[cell] = false;
            }
        }
    }
    let mut terrain = sim_flood::Terrain { grid, bed_m, manning, blocked, porosity };
    let site = Site { projector: &projector, spec: &spec, terrain: &terrain };
    let built = site.build(&scenario.interventions)?;
    for edit in &built.ground {
        let cell = edit.cell as usize;
        terrain.bed_m[cell] = edit.bed_m.unwrap_or(terrain.bed_m[cell]);
        terrain.manning[cell] = edit.manning.unwrap_or(terrain.manning[cell]);
        terrain.blocked[cell] = edit.blocked.unwrap_or(terrain.blocked[cell]);
    }
    let mut structures = built.structures;
    if let EdgeForcing::NormalDepth { slope } = scenario.forcing.edges {
        structures.outlets = edge_outlets(&terrain, slope);
    }
    let open_edges = scenario.forcing.edges == EdgeForcing::Open;
    let soil = soil(&scenario.forcing.infiltration, &cover)?;
    let surface_params = surface_params(scenario);
    let sewers = None;
    Ok(Domain { spec, terrain, river, ponds, structures, soil, open_edges, surface_params, sewers, projector })
}

/// Numerical parameters that a scenario asks for.
fn surface_params(scenario: &Scenario) -> FloodParams {
    let time_stepping = if scenario.local_time_steps { TimeStepping::LOCAL } else { TimeStepping::Global };
    FloodParams { time_stepping, ..FloodParams::default() }
}

/// Words for flowing water in deliveries' class fields (GB/T 13923 names and OSM values).
const WATERCOURSES: &[&str] = &["河流", "河道", "江", "渠", "运河", "river", "stream", "canal", "riverbank"];

/// True for water whose level the river gauges tell; ponds and lakes keep their own.
fn is_watercourse(water: &Entity) -> bool {
    let kind = water.attributes.get("kind").map(ToString::to_string).unwrap_or_default();
    [water.class.as_str(), kind.as_str()].iter().any(|word| WATERCOURSES.contains(word))
}

fn grid_spec(terrain: &Terrain, cell_m: f64) -> Result<GridSpec, RunError> {
    let cells = |n: u32| (f64::from(n) * terrain.dx_m / cell_m).floor() as usize;
    let (nx, ny) = (cells(terrain.nx), cells(terrain.ny));
    if nx == 0 || ny == 0 || nx.saturating_mul(ny) > sim_flood::MAX_CELLS {
        return Err(RunError::GridSize { cell_m, nx, ny, max: sim_flood::MAX_CELLS });
    }
    Ok(GridSpec { epsg: terrain.epsg, x0: terrain.x0, y0: terrain.y0, dx_m: cell_m, nx: nx as u32, ny: ny as u32 })
}

/// Mean elevation of the terrain cells whose centres lie in each grid cell; bilinear where the grid is finer.
/// Cells without elevation are blocked.
fn resample(terrain: &Terrain, spec: &GridSpec) -> (Vec<f64>, Vec<bool>) {
    let (nx, ny) = (spec.nx as usize, spec.ny as usize);
    let ratio = spec.dx_m / terrain.dx_m;
    let mut bed = Vec::with_capacity(nx * ny);
    for j in 0..ny {
        for i in 0..nx {
            let z = if ratio > 1.0 {
                let span = |k: usize, n: usize| {
                    let first = (k as f64 * ratio).round() as usize;
                    first..(((k + 1) as f64 * ratio).round() as usize).min(n)
                };
                block_mean(terrain, span(i, terrain.nx as usize), span(j, terrain.ny as usize))
            } else {
                let x = spec.x0 + (i as f64 + 0.5) * spec.dx_m;
                let y = spec.y0 + (j as f64 + 0.5) * spec.dx_m;
                terrain.sample(x, y)
            };
            bed.push(z.unwrap_or(f64::NAN));
        }
    }
    let blocked = bed.iter().map(|z| z.is_nan()).collect();
    let highest = bed.iter().copied().filter(|z| !z.is_nan()).fold(0.0_f64, f64::max);
    bed.iter_mut().filter(|z| z.is_nan()).for_each(|z| *z = highest);
    (bed, blocked)
}

fn block_mean(terrain: &Terrain, columns: std::ops::Range<usize>, rows: std::ops::Range<usize>) -> Option<f64> {
    let nx = terrain.nx as usize;
    let (mut sum, mut count) = (0.0, 0_u32);
    for j in rows {
        for z in terrain.bed_m.get(j * nx + columns.start..j * nx + columns.end)? {
            if z.is_finite() {
                sum += f64::from(*z);
                count += 1;
            }
        }
    }
    (count > 0).then(|| sum / f64::from(count))
}

pub(crate) fn raster_point(projector: &Projector, spec: &GridSpec, p_enu: [f64; 3]) -> Result<[f64; 2], RunError> {
    let p = projector.crs_from_enu(p_enu)?;
    Ok([p[0] - spec.x0, p[1] - spec.y0])
}

/// Calls `visit` for every cell whose centre lies in the entity's footprint.
pub(crate) fn mark(
    projector: &Projector,
    spec: &GridSpec,
    entity: &Entity,
    visit: impl FnMut(usize),
) -> Result<(), RunError> {
    match &entity.footprint {
        Some(footprint) => mark_polygon(projector, spec, footprint, entity.base_z_m, visit),
        None => Ok(()),
    }
}

/// Calls `visit` for every cell whose centre lies in an ENU polygon at height `z_m`.
pub(crate) fn mark_polygon(
    projector: &Projector,
    spec: &GridSpec,
    polygon: &Polygon,
    z_m: f64,
    mut visit: impl FnMut(usize),
) -> Result<(), RunError> {
    let polygon = raster_polygon(projector, spec, polygon, z_m)?;
    near_polygon(spec, &polygon, |i, j| {
        if polygon.contains([(i as f64 + 0.5) * spec.dx_m, (j as f64 + 0.5) * spec.dx_m]) {
            visit(j * spec.nx as usize + i);
        }
    });
    Ok(())
}

/// What buildings cover of each cell.
fn building_cover<'a>(
    projector: &Projector,
    spec: &GridSpec,
    buildings: impl Iterator<Item = &'a Entity>,
) -> Result<Cover, RunError> {
    let mut cover = Cover::new(Grid { nx: spec.nx as usize, ny: spec.ny as usize, dx_m: spec.dx_m });
    for building in buildings {
        let Some(footprint) = &building.footprint else { continue };
        let polygon = raster_polygon(projector, spec, footprint, building.base_z_m)?;
        near_polygon(spec, &polygon, |i, j| cover.mark((j * spec.nx as usize + i) as u32, |p| polygon.contains(p)));
    }
    Ok(cover)
}

/// Calls `visit` with column and row of every cell around a polygon of the raster frame.
fn near_polygon(spec: &GridSpec, polygon: &Polygon, mut visit: impl FnMut(usize, usize)) {
    let (mut lo, mut hi) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
    for p in polygon.0.iter().flatten() {
        for k in 0..2 {
            lo[k] = lo[k].min(p[k]);
            hi[k] = hi[k].max(p[k]);
        }
    }
    let range = |k: usize, n: u32| {
        let cell = |x: f64| (x / spec.dx_m).floor().clamp(0.0, f64::from(n)) as usize;
        cell(lo[k])..(cell(hi[k]) + 1).min(n as usize)
    };
    for j in range(1, spec.ny) {
        for i in range(0, spec.nx) {
            visit(i, j);
        }
    }
}

fn raster_polygon(projector: &Projector, spec: &GridSpec, polygon: &Polygon, z_m: f64) -> Result<Polygon, RunError> {
    let ring = |ring: &Vec<[f64; 2]>| -> Result<Vec<[f64; 2]>, RunError> {
        ring.iter().map(|p| raster_point(projector, spec, [p[0], p[1], z_m])).collect()
    };
    Ok(Polygon(polygon.0.iter().map(ring).collect::<Result<_, _>>()?))
}

/// Land-cover code at the centre of each cell; 0 where there is none.
fn cover_codes(spec: &GridSpec, landcover: Option<&RasterU8>) -> Vec<u8> {
    let (nx, ny) = (spec.nx as usize, spec.ny as usize);
    let Some(cover) = landcover else { return vec![0; nx * ny] };
    let class_at = |i: usize, j: usize| {
        let column = ((spec.x0 + (i as f64 + 0.5) * spec.dx_m - cover.x0) / cover.dx_m).floor();
        let row = ((spec.y0 + (j as f64 + 0.5) * spec.dx_m - cover.y0) / cover.dx_m).floor();
        let inside = column >= 0.0 && row >= 0.0 && column < f64::from(cover.nx) && row < f64::from(cover.ny);
        inside
            .then(|| cover.values.get(row as usize * cover.nx as usize + column as usize).copied())
            .flatten()
            .unwrap_or(0)
    };
    (0..nx * ny).map(|c| class_at(c % nx, c / nx)).collect()
}

/// Laws of the ground by land-cover code.
fn soil(laws: &BTreeMap<String, Infiltration>, cover: &[u8]) -> Result<Soil, RunError> {
    let mut kinds = vec![sim_flood::Infiltration::None];
    let mut by_code = [0_u8; 256];
    for (code, law) in laws {
        let slot = code.parse::<u8>().ok().and_then(|c| by_code.get_mut(usize::from(c)));
        let Some(slot) = slot else {
            return Err(RunError::Option {
                name: "forcing.infiltration",
                value: code.clone(),
                allowed: "a land-cover code, 0..255",
            });
        };
        *slot = kinds.len() as u8;
        kinds.push(match *law {
            Infiltration::GreenAmpt { conductivity_mmph, suction_m, deficit } => {
                sim_flood::Infiltration::GreenAmpt { conductivity_mmph, suction_m, deficit }
            }
            Infiltration::Horton { initial_mmph, end_mmph, decay_ph } => {
                sim_flood::Infiltration::Horton { initial_mmph, end_mmph, decay_ph }
            }
            Infiltration::InitialContinuing { initial_mm, continuing_mmph } => {
                sim_flood::Infiltration::InitialContinuing { initial_mm, continuing_mmph }
            }
        });
    }
    if kinds.len() == 1 {
        return Ok(Soil::default());
    }
    Ok(Soil { kinds, kind: cover.iter().map(|code| by_code[usize::from(*code)]).collect() })
}

/// An outlet along each edge of the raster.
fn edge_outlets(terrain: &sim_flood::Terrain, slope: f64) -> Vec<Outlet> {
    let (nx, ny) = (terrain.grid.nx, terrain.grid.ny);
    let along = [
        (0..ny).map(|j| j * nx).collect::<Vec<_>>(),
        (0..ny).map(|j| j * nx + nx - 1).collect(),
        (0..nx).collect(),
        (0..nx).map(|i| (ny - 1) * nx + i).collect(),
    ];
    let open = |cells: Vec<usize>| cells.into_iter().filter(|c| !terrain.blocked[*c]).map(|c| c as u32).collect();
    along.into_iter().map(|cells| Outlet { cells: open(cells), law: OutletLaw::NormalDepth { slope } }).collect()
}

fn roughness(cover: &[u8], classes: Option<&BTreeMap<String, f64>>) -> Vec<f64> {
    let mut by_code = [DEFAULT_MANNING; 256];
    for (code, n) in classes.into_iter().flatten() {
        if let Some(slot) = code.parse::<u8>().ok().and_then(|c| by_code.get_mut(usize::from(c))) {
            *slot = *n;
        }
    }
    cover.iter().map(|code| by_code[usize::from(*code)]).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use geo_frame::{EnuFrame, Geodetic};

    /// 20 x 4 flat open cells of 10 m around the origin of the frame.
    pub(crate) fn flat_domain() -> Domain {
        domain_of(20, 4, 10.0, |_, _| 0.0)
    }

    /// `nx` x `ny` open cells of `dx_m` around the origin of the frame; `bed_m` of raster position.
    pub(crate) fn domain_of(nx: usize, ny: usize, dx_m: f64, bed_m: impl Fn(f64, f64) -> f64) -> Domain {
        let crs = Crs::from_epsg(4547).unwrap();
        let projector = Projector::new(crs, EnuFrame::new(Geodetic::new(114.0, 30.5, 0.0)));
        let half = [nx as f64 * dx_m / 2.0, ny as f64 * dx_m / 2.0];
        let corner = projector.crs_from_enu([-half[0], -half[1], 0.0]).unwrap();
        let grid = Grid { nx, ny, dx_m };
        let spec = GridSpec { epsg: 4547, x0: corner[0], y0: corner[1], dx_m, nx: nx as u32, ny: ny as u32 };
        let terrain = sim_flood::Terrain::from_fn(grid, 0.03, bed_m);
        let (structures, soil) = (Structures::default(), Soil::default());
        Domain {
            spec,
            terrain,
            river: vec![],
            ponds: vec![],
            structures,
            soil,
            open_edges: true,
            surface_params: FloodParams::default(),
            sewers: None,
            projector,
        }
    }

    /// A house 10 m wide from the middle of a cell of 10 m to the middle of the next, and one over a whole cell.
    #[test]
    fn houses_narrow_faces_and_fill_cells() {
        let domain = domain_of(6, 3, 10.0, |_, _| 0.0);
        let house = |x: f64, y: f64, wide: f64, high: f64| {
            let corner = |dx: f64, dy: f64| [x - 30.0 + dx, y - 15.0 + dy];
            let mut e = crate::tests::entity(1, EntityKind::Building, "楼");
            e.footprint =
                Some(Polygon(vec![vec![corner(0.0, 0.0), corner(wide, 0.0), corner(wide, high), corner(0.0, high)]]));
            e
        };
        let houses = [house(15.0, 10.0, 10.0, 5.0), house(39.5, 9.5, 11.0, 11.0)];
        let cover = building_cover(&domain.projector, &domain.spec, houses.iter()).unwrap();
        let p = cover.porosity(0.0);
        assert_eq!((cover.free(7), cover.free(8), cover.free(0)), (0.75, 0.75, 1.0));
        assert!(cover.full(10) && !cover.full(7));
        // West faces of the middle row: half of the way from cell 7 to cell 8 is free, all of it from 6 to 7.
        assert_eq!((p.west[7 + 1], p.west[7 + 2]), (1.0, 0.5));
        assert_eq!(p.west[7 + 4], 0.0);
    }
}
