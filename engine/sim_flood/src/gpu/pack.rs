//! What the host knows, as the words the passes read; layouts are those of `common.wgsl`.

use std::collections::BTreeMap;

use super::device::Gpu;
use super::works;
use crate::{FloodForcing, FloodKernel, FloodParams, Grid, Order};

/// Words of a tile, of the head of the clock and of a slot after it.
pub(crate) const TILE_WORDS: usize = 12;
pub(crate) const HEAD_WORDS: usize = 24;
pub(crate) const SLOT_WORDS: usize = 4;

/// Where things are in a tile.
pub(crate) mod tile {
    pub(crate) const WET: usize = 2;
    pub(crate) const LOST: usize = 6;
    pub(crate) const EDGE: usize = 8;
    pub(crate) const SOAKED: usize = 10;
}

/// Where things are in the head of the clock.
pub(crate) mod head {
    pub(crate) const T: usize = 0;
    pub(crate) const UNTIL: usize = 2;
    pub(crate) const DT: usize = 4;
    pub(crate) const PHASE: usize = 6;
    pub(crate) const SPEED: usize = 8;
    pub(crate) const CELLS: usize = 11;
    pub(crate) const STEPS: usize = 12;
    pub(crate) const CELLS_LO: usize = 13;
    pub(crate) const CELLS_HI: usize = 14;
    pub(crate) const LEAST_DT: usize = 15;
    pub(crate) const MOST_DT: usize = 16;
    pub(crate) const TICKS: usize = 18;
    pub(crate) const SOIL_WAIT: usize = 19;
}

/// `Tile.wet`: all parts.
pub(crate) const WET_ALL: u32 = 31;
/// `Clock.phase`: the next step would be shorter than allowed.
pub(crate) const TOO_SMALL: u32 = 2;

const MIXED: u32 = u32::MAX;
const WALLED: u32 = 1;
const HAS_SOURCE: u32 = 2;
const PERVIOUS: u32 = 4;

/// Threads of a workgroup and the tiles they make.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shape {
    pub grid: Grid,
    pub wx: usize,
    pub wy: usize,
    pub tiles_x: usize,
    pub tiles_y: usize,
}

impl Shape {
    /// 32 x 16 threads where the device has room for them (tiles of 28 x 12 cells), else 16 x 16 (12 x 12), which every
    /// device offers.
    pub(crate) fn new(grid: Grid, gpu: &Gpu) -> Self {
        let limits = gpu.device.limits();
        let room = |wx: usize, wy: usize| {
            let bytes = 16 * (wx + 2) * (wy + 2) + 20 * wx * wy + 64;
            limits.max_compute_invocations_per_workgroup as usize >= wx * wy
                && limits.max_compute_workgroup_size_x as usize >= wx
                && limits.max_compute_workgroup_storage_size as usize >= bytes
        };
        let (wx, wy) = if room(32, 16) { (32, 16) } else { (16, 16) };
        Self { grid, wx, wy, tiles_x: grid.nx.div_ceil(wx - 4), tiles_y: grid.ny.div_ceil(wy - 4) }
    }

    pub(crate) const fn tiles(&self) -> usize {
        self.tiles_x * self.tiles_y
    }

    /// Columns and rows of a tile's cells.
    fn cells(&self, tile: usize) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let (x, y) = (tile % self.tiles_x * (self.wx - 4), tile / self.tiles_x * (self.wy - 4));
        (x..(x + self.wx - 4).min(self.grid.nx), y..(y + self.wy - 4).min(self.grid.ny))
    }

    pub(crate) const fn tile_of(&self, cell: usize) -> usize {
        let (i, j) = (cell % self.grid.nx, cell / self.grid.nx);
        j / (self.wy - 4) * self.tiles_x + i / (self.wx - 4)
    }
}

/// A time as the nearest f32 and the rest.
pub(crate) fn pair(value: f64) -> [u32; 2] {
    let high = value as f32;
    [high.to_bits(), ((value - f64::from(high)) as f32).to_bits()]
}

/// The value of a pair.
pub(crate) fn pair_value(words: &[u32]) -> f64 {
    f64::from(f32::from_bits(words[0])) + f64::from(f32::from_bits(words[1]))
}

pub(crate) fn params(shape: &Shape, params: &FloodParams, kernel: &FloodKernel, forcing: &FloodForcing) -> Vec<u32> {
    let (grid, drive) = (shape.grid, forcing.forcing());
    let f = |x: f64| (x as f32).to_bits();
    let rough = (0..grid.cell_count()).any(|c| kernel.ground_of(c)[1] > 0.0);
    let sources: usize = source_cells(shape, forcing).len();
    let structures = kernel.structures();
    let culverts = structures.culverts.iter().filter(|c| !c.ends.iter().any(|c| kernel.blocked()[*c as usize]));
    vec![
        grid.nx as u32,
        grid.ny as u32,
        shape.tiles_x as u32,
        shape.tiles() as u32,
        f(params.gravity_mps2),
        f(params.dry_depth_m),
        f(5.0 * params.dry_depth_m),
        f(params.limiter_theta),
        f(if params.order == Order::Second { 0.5 } else { 0.0 }),
        f(params.wet_depth_m),
        f(params.cfl * grid.dx_m),
        f(params.max_dt_s),
        f(params.min_dt_s),
        f(grid.dx_m),
        u32::from(kernel.open_edges()),
        u32::from(rough),
        drive.rain.len() as u32,
        drive.inflows.len() as u32,
        drive.stages.len() as u32,
        forcing.rain_classes.len() as u32,
        sources as u32,
        0,
        kernel.laws().all().len() as u32,
        structures.outlets.len() as u32,
        culverts.count() as u32,
        structures.pumps.len() as u32,
        u32::from(!forcing.soil_kind.is_empty()),
        0,
    ]
}

/// Bed and n squared of all cells.
pub(crate) fn ground(kernel: &FloodKernel, grid: &Grid) -> Vec<u32> {
    (0..grid.cell_count()).flat_map(|cell| kernel.ground_of(cell).map(f32::to_bits)).collect()
}

/// Class of rain and traits per tile.
pub(crate) fn tile_inputs(shape: &Shape, kernel: &FloodKernel, forcing: &FloodForcing) -> Vec<[u32; 2]> {
    let (nx, ny) = (shape.grid.nx, shape.grid.ny);
    let class = kernel.layout().track_cells(&forcing.rain_class);
    let codes = works::face_codes(kernel, &shape.grid);
    let is_crest = |i: usize, j: usize| {
        let at = 2 * (j * (nx + 1) + i);
        codes[at] != 0 || codes[at + 1] != 0
    };
    let mut tiles: Vec<[u32; 2]> = (0..shape.tiles())
        .map(|tile| {
            let (x, y) = shape.cells(tile);
            let first = class[y.start * nx + x.start];
            let uniform = y.clone().all(|j| class[j * nx + x.start..j * nx + x.end].iter().all(|c| *c == first));
            let (columns, rows) =
                (x.start.saturating_sub(2)..=(x.end + 2).min(nx), y.start.saturating_sub(2)..=(y.end + 2).min(ny));
            let walled = rows.into_iter().any(|j| columns.clone().any(|i| is_crest(i, j)));
            [if uniform { first } else { MIXED }, if walled { WALLED } else { 0 }]
        })
        .collect();
    for (cell, _) in source_cells(shape, forcing) {
        tiles[shape.tile_of(cell)][1] |= HAS_SOURCE;
    }
    for (tile, _) in works::pervious(shape, kernel, forcing).into_iter().enumerate().filter(|(_, pervious)| *pervious) {
        tiles[tile][1] |= PERVIOUS;
    }
    tiles
}

/// Which parts of each tile are wet.
pub(crate) fn wet_parts(shape: &Shape, depth: &[f32], dry: f32) -> Vec<u32> {
    let nx = shape.grid.nx;
    let parts = |tile: usize| {
        let (x, y) = shape.cells(tile);
        let mut wet = 0;
        for j in y.clone() {
            for i in x.clone().filter(|i| depth[j * nx + i] > dry) {
                wet |= 1 | u32::from(i == x.start) << 1 | u32::from(i + 1 == x.end) << 2;
                wet |= u32::from(j == y.start) << 3 | u32::from(j + 1 == y.end) << 4;
            }
        }
        wet
    };
    (0..shape.tiles()).map(parts).collect()
}

/// Cells with sources in the order of cells: (slot, bed) of discharges, then of levels.
fn source_cells(shape: &Shape, forcing: &FloodForcing) -> BTreeMap<usize, Vec<(u32, f32)>> {
    let inflows = forcing.forcing().inflows.len();
    let mut cells: BTreeMap<usize, Vec<(u32, f32)>> = BTreeMap::new();
    for (list, first) in [(&forcing.inflows, 0), (&forcing.stages, inflows)] {
        for s in list.iter().flatten().filter(|s| s.cell < shape.grid.cell_count()) {
            cells.entry(s.cell).or_default().push(((first + s.series) as u32, s.bed_m as f32));
        }
    }
    cells
}

/// Source cells and their entries.
pub(crate) fn sources(shape: &Shape, forcing: &FloodForcing) -> (Vec<u32>, Vec<u32>) {
    let (mut cells, mut entries) = (Vec::new(), Vec::new());
    for (cell, list) in source_cells(shape, forcing) {
        cells.extend([cell as u32, shape.tile_of(cell) as u32, entries.len() as u32 / 2, list.len() as u32]);
        entries.extend(list.iter().flat_map(|(slot, bed)| [*slot, bed.to_bits()]));
    }
    (cells, entries)
}

/// Points and table of all series: rain (m/s), inflows (m3/s), stages (m above the kernel's datum), laws of faces.
pub(crate) fn series(grid: &Grid, kernel: &FloodKernel, forcing: &FloodForcing) -> (Vec<u32>, Vec<u32>) {
    let (mut points, mut table) = (Vec::new(), Vec::new());
    let drive = forcing.forcing();
    let mut add = |series: &[(f64, f64)], scale: f64, direction: [f64; 2], value: &dyn Fn(f64) -> f64| {
        let f = |x: f64| (x as f32).to_bits();
        table.extend([points.len() as u32 / 4, series.len() as u32, f(scale), f(direction[0]), f(direction[1])]);
        for (t, v) in series {
            let [high, low] = pair(*t);
            points.extend([high, low, f(value(*v)), 0]);
        }
    };
    for r in &drive.rain {
        add(&r.series, 1.0, [0.0; 2], &|mmph| mmph * (1e-3 / 3600.0));
    }
    for q in &drive.inflows {
        let length = q.direction[0].hypot(q.direction[1]);
        let unit = if length > 0.0 { q.direction.map(|d| d / length) } else { [0.0; 2] };
        let scale = 1.0 / (grid.cell_area_m2() * q.cells.len().max(1) as f64);
        add(&q.series, scale, unit, &|flow| flow);
    }
    for s in &drive.stages {
        add(&s.series, 1.0, [0.0; 2], &|level| level - kernel.datum_m());
    }
    for law in works::law_series(kernel) {
        add(law, 1.0, [0.0; 2], &|value| value);
    }
    (points, table)
}

/// Series and weight per rain class.
pub(crate) fn classes(forcing: &FloodForcing) -> Vec<u32> {
    forcing.rain_classes.iter().flat_map(|(mask, weight)| [*mask as u32, (*mask >> 32) as u32, *weight, 0]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_holds_a_day_to_a_nanosecond() {
        for t in [0.0, 1e-3, 86_399.123_456_789, 1e6 / 3.0] {
            assert!((pair_value(&pair(t)) - t).abs() <= 1e-9, "{t}");
        }
    }
}
