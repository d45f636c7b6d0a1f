//! From pack to raster: bed, roughness, buildings, river cells and barriers on the grid of a run.

use crate::RunError;
use community_pack::{Pack, RasterU8, Terrain};
use geo_frame::{Crs, Projector};
use sim_flood::{Barrier, Grid};
use std::collections::BTreeMap;
use twin_model::{AttrValue, Entity, EntityKind, GridSpec, Intervention, Polygon, Scenario};

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
    /// Barriers placed by the scenario.
    pub barriers: Vec<Barrier>,
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

    /// The barriers of interventions on this raster.
    ///
    /// # Errors
    /// [`RunError::Frame`] when a point cannot be projected.
    pub fn place(&self, interventions: &[Intervention]) -> Result<Vec<Barrier>, RunError> {
        barriers(&self.projector, &self.spec, &self.terrain, interventions)
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
    let (bed_m, mut blocked) = resample(terrain, &spec);
    for building in pack.model.of_kind(EntityKind::Building) {
        mark(&projector, &spec, building, |cell| blocked[cell] = true)?;
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
    let manning = roughness(&spec, landcover, classes);
    let flood_terrain = sim_flood::Terrain { grid, bed_m, manning, blocked };
    let barriers = barriers(&projector, &spec, &flood_terrain, &scenario.interventions)?;
    Ok(Domain { spec, terrain: flood_terrain, river, ponds, barriers, projector })
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

fn raster_point(projector: &Projector, spec: &GridSpec, p_enu: [f64; 3]) -> Result<[f64; 2], RunError> {
    let p = projector.crs_from_enu(p_enu)?;
    Ok([p[0] - spec.x0, p[1] - spec.y0])
}

/// Calls `visit` for every cell whose centre lies in the entity's footprint.
pub(crate) fn mark(
    projector: &Projector,
    spec: &GridSpec,
    entity: &Entity,
    mut visit: impl FnMut(usize),
) -> Result<(), RunError> {
    let Some(footprint) = &entity.footprint else { return Ok(()) };
    let polygon = raster_polygon(projector, spec, footprint, entity.base_z_m)?;
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
            if polygon.contains([(i as f64 + 0.5) * spec.dx_m, (j as f64 + 0.5) * spec.dx_m]) {
                visit(j * spec.nx as usize + i);
            }
        }
    }
    Ok(())
}

fn raster_polygon(projector: &Projector, spec: &GridSpec, polygon: &Polygon, z_m: f64) -> Result<Polygon, RunError> {
    let ring = |ring: &Vec<[f64; 2]>| -> Result<Vec<[f64; 2]>, RunError> {
        ring.iter().map(|p| raster_point(projector, spec, [p[0], p[1], z_m])).collect()
    };
    Ok(Polygon(polygon.0.iter().map(ring).collect::<Result<_, _>>()?))
}

fn roughness(spec: &GridSpec, landcover: Option<&RasterU8>, classes: Option<&BTreeMap<String, f64>>) -> Vec<f64> {
    let (nx, ny) = (spec.nx as usize, spec.ny as usize);
    let mut by_code = [DEFAULT_MANNING; 256];
    for (code, n) in classes.into_iter().flatten() {
        if let Some(slot) = code.parse::<u8>().ok().and_then(|c| by_code.get_mut(usize::from(c))) {
            *slot = *n;
        }
    }
    let Some(cover) = landcover else { return vec![DEFAULT_MANNING; nx * ny] };
    let class_at = |i: usize, j: usize| {
        let column = ((spec.x0 + (i as f64 + 0.5) * spec.dx_m - cover.x0) / cover.dx_m).floor();
        let row = ((spec.y0 + (j as f64 + 0.5) * spec.dx_m - cover.y0) / cover.dx_m).floor();
        let inside = column >= 0.0 && row >= 0.0 && column < f64::from(cover.nx) && row < f64::from(cover.ny);
        inside
            .then(|| cover.values.get(row as usize * cover.nx as usize + column as usize).copied())
            .flatten()
            .unwrap_or(0)
    };
    (0..nx * ny).map(|c| by_code[usize::from(class_at(c % nx, c / nx))]).collect()
}

fn barriers(
    projector: &Projector,
    spec: &GridSpec,
    terrain: &sim_flood::Terrain,
    interventions: &[Intervention],
) -> Result<Vec<Barrier>, RunError> {
    let mut placed = Vec::new();
    for Intervention::Barrier(barrier) in interventions {
        let line = barrier.line_enu.iter().map(|p| raster_point(projector, spec, [p[0], p[1], 0.0]));
        let line = line.collect::<Result<Vec<_>, _>>()?;
        for pair in line.windows(2) {
            // One crest per stretch of a few cells, so that a wall up a slope keeps its height above the ground.
            for (a, b) in stretches(pair[0], pair[1], 8.0 * spec.dx_m) {
                let ground = ground_along(terrain, a, b);
                placed.push(sim_flood::barrier_along(&terrain.grid, &[a, b], ground + barrier.height_m));
            }
        }
    }
    Ok(placed)
}

fn stretches(a: [f64; 2], b: [f64; 2], length_m: f64) -> Vec<([f64; 2], [f64; 2])> {
    let total = (b[0] - a[0]).hypot(b[1] - a[1]);
    let n = (total / length_m).ceil().max(1.0) as usize;
    let at = |k: usize| {
        let t = k as f64 / n as f64;
        [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])]
    };
    (0..n).map(|k| (at(k), at(k + 1))).collect()
}

/// Highest ground under a stretch, sampled every half cell; the terrain's minimum when it lies outside.
fn ground_along(terrain: &sim_flood::Terrain, a: [f64; 2], b: [f64; 2]) -> f64 {
    let steps = ((b[0] - a[0]).hypot(b[1] - a[1]) / (terrain.grid.dx_m * 0.5)).ceil().max(1.0) as usize;
    let beds = (0..=steps).filter_map(|k| {
        let t = k as f64 / steps as f64;
        let cell = terrain.grid.cell_at([a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])])?;
        terrain.bed_m.get(cell as usize).copied()
    });
    let highest = beds.fold(f64::NEG_INFINITY, f64::max);
    if highest.is_finite() { highest } else { terrain.bed_m.iter().copied().fold(f64::INFINITY, f64::min) }
}
