//! Forcing made ready for stepping: rain classes, sources by tile.

use std::collections::BTreeMap;

use sim_core::ParamError;

use crate::forcing::{linear_at, linear_integral, step_integral};
use crate::rain::rain_classes;
use crate::soil::{Infiltration, Soil};
use crate::state::Layout;
use crate::{FloodError, FloodKernelOf, Forcing, PointInflow, Real};

/// A cell under an imposed level or a discharge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Source {
    /// Position in its tile.
    pub at: usize,
    /// Index of the cell.
    pub cell: usize,
    /// Which stage or inflow.
    pub series: usize,
    /// Bed relative to the kernel's datum, metres.
    pub bed_m: f64,
}

/// [`Forcing`] prepared for a kernel.
#[derive(Debug, Clone)]
pub struct FloodForcing {
    pub(crate) forcing: Forcing,
    /// Rain class per cell, as a track of the layout.
    pub(crate) rain_class: Vec<u32>,
    /// Per class: which series fall (bit set) and how many cells' worth of rain a cell takes (its own and roofs').
    pub(crate) rain_classes: Vec<(u64, u32)>,
    /// Cells per class.
    rain_count: Vec<u64>,
    /// Per tile: its classes, with the number of cells of each.
    rain_cells: Vec<Vec<(u32, u32)>>,
    /// Per tile: the class of all its cells, if they share one.
    pub(crate) rain_uniform: Vec<Option<u32>>,
    pub(crate) stages: Vec<Vec<Source>>,
    pub(crate) inflows: Vec<Vec<Source>>,
    /// Kind of ground per cell, as a track of the layout; empty while all ground is sealed.
    pub(crate) soil_kind: Vec<u8>,
    /// Per tile: some of its ground takes in water.
    pub(crate) pervious: Vec<bool>,
}

/// Values of the forcing for one step.
#[derive(Debug, Clone, Default)]
pub(crate) struct StepForcing<R> {
    /// Rain depth per class, metres.
    pub rain_m: Vec<R>,
    pub raining: bool,
    /// Level per stage at the end of the step, relative to the kernel's datum, metres.
    pub level_m: Vec<f64>,
    /// Depth per inflow cell that is wholly free, metres (negative: taken).
    pub inflow_m: Vec<f64>,
    /// Discharge per metre of width that enters an inflow cell, eastwards and northwards, m2/s.
    pub inflow_q: Vec<[f64; 2]>,
    /// Rain volume of the step, m3.
    pub rain_m3: f64,
}

impl FloodForcing {
    /// Checks and prepares a forcing.
    ///
    /// # Errors
    /// [`FloodError`] from [`Forcing::validate`], or a discharge into a blocked cell.
    pub fn new<R: Real>(kernel: &FloodKernelOf<R>, forcing: Forcing) -> Result<Self, FloodError> {
        let layout = kernel.layout();
        forcing.validate(&layout.grid)?;
        let tiles = layout.tiles_x * layout.tiles_y;
        let blocked = kernel.blocked();
        let mut stages = vec![Vec::new(); tiles];
        let mut owner: BTreeMap<u32, usize> = BTreeMap::new();
        for (series, s) in forcing.stages.iter().enumerate() {
            owner.extend(s.cells.iter().map(|c| (*c, series)));
        }
        for (cell, series) in owner {
            if !blocked[cell as usize] {
                stages[layout.tile_of(cell as usize)].push(source(kernel, cell, series));
            }
        }
        let mut inflows = vec![Vec::new(); tiles];
        for (series, q) in forcing.inflows.iter().enumerate() {
            for &cell in &q.cells {
                if blocked[cell as usize] {
                    return Err(ParamError::new(format!("inflows[{series}].cells"), cell, "cell", "open cells").into());
                }
                inflows[layout.tile_of(cell as usize)].push(source(kernel, cell, series));
            }
        }
        let (rain_class, rain_classes) = rain_classes(&layout.grid, blocked, &forcing);
        let mut rain_count = vec![0; rain_classes.len()];
        for c in &rain_class {
            rain_count[*c as usize] += 1;
        }
        let mut by_tile = vec![BTreeMap::new(); tiles];
        for (cell, class) in rain_class.iter().enumerate() {
            *by_tile[layout.tile_of(cell)].entry(*class).or_insert(0) += 1;
        }
        let rain_cells: Vec<Vec<(u32, u32)>> = by_tile.into_iter().map(|t| t.into_iter().collect()).collect();
        let one = |t: &Vec<(u32, u32)>| if let [(class, _)] = t[..] { Some(class) } else { None };
        let rain_uniform: Vec<Option<u32>> = rain_cells.iter().map(one).collect();
        let rain_class = layout.track(&rain_class, 0);
        let (soil_kind, pervious) = soil_rasters(layout, &forcing.soil);
        Ok(Self {
            forcing,
            rain_class,
            rain_classes,
            rain_count,
            rain_cells,
            rain_uniform,
            stages,
            inflows,
            soil_kind,
            pervious,
        })
    }

    /// The forcing this was made from.
    #[must_use]
    pub const fn forcing(&self) -> &Forcing {
        &self.forcing
    }

    /// Rain of a step on all cells of a tile, metres.
    pub(crate) fn rain_on_tile<R: Real>(&self, tile: usize, now: &StepForcing<R>) -> f64 {
        self.rain_cells[tile].iter().map(|(class, n)| now.rain_m[*class as usize].to_f64() * f64::from(*n)).sum()
    }

    pub(crate) fn has_source(&self, tile: usize) -> bool {
        !self.stages[tile].is_empty() || !self.inflows[tile].is_empty()
    }

    /// Fastest rise of a cell under a discharge within the next `ahead_s` seconds, m/s.
    pub(crate) fn fastest_rise_mps<R: Real>(&self, kernel: &FloodKernelOf<R>, t_s: f64, ahead_s: f64) -> f64 {
        let area = kernel.layout().grid.cell_area_m2();
        let ends = |q: &crate::PointInflow| {
            let flow = linear_at(&q.series, t_s).max(linear_at(&q.series, t_s + ahead_s));
            flow / (area * kernel.least_free(&q.cells) * q.cells.len().max(1) as f64)
        };
        self.forcing.inflows.iter().map(ends).fold(0.0, f64::max)
    }

    pub(crate) fn at_step<R: Real>(&self, kernel: &FloodKernelOf<R>, t0_s: f64, t1_s: f64) -> StepForcing<R> {
        let (area, grid_m) = (kernel.layout().grid.cell_area_m2(), kernel.layout().grid.dx_m);
        let mm_per_h = 1e-3 / 3600.0;
        let fallen: Vec<f64> =
            self.forcing.rain.iter().map(|r| step_integral(&r.series, t0_s, t1_s) * mm_per_h).collect();
        let rain_m: Vec<R> = self
            .rain_classes
            .iter()
            .map(|(mask, cells)| {
                let depth: f64 = fallen.iter().enumerate().filter(|(k, _)| mask >> k & 1 == 1).map(|(_, d)| d).sum();
                R::of(depth * f64::from(*cells))
            })
            .collect();
        let rain_m3 = rain_m.iter().zip(&self.rain_count).map(|(d, n)| d.to_f64() * *n as f64).sum::<f64>() * area;
        let depth = |q: &PointInflow| linear_integral(&q.series, t0_s, t1_s) / (area * q.cells.len().max(1) as f64);
        let inflow_m: Vec<f64> = self.forcing.inflows.iter().map(depth).collect();
        let per_width =
            |(q, depth): (&PointInflow, &f64)| directed(q.direction, depth.max(0.0) * grid_m / (t1_s - t0_s));
        StepForcing {
            raining: rain_m.iter().any(|d| *d > R::ZERO),
            rain_m,
            level_m: self.levels(kernel, t1_s),
            inflow_q: self.forcing.inflows.iter().zip(&inflow_m).map(per_width).collect(),
            inflow_m,
            rain_m3,
        }
    }

    pub(crate) fn levels<R: Real>(&self, kernel: &FloodKernelOf<R>, t_s: f64) -> Vec<f64> {
        self.forcing.stages.iter().map(|s| linear_at(&s.series, t_s) - kernel.datum_m()).collect()
    }
}

/// Kinds of ground as a track, and the tiles where some ground takes in water.
fn soil_rasters(layout: Layout, soil: &Soil) -> (Vec<u8>, Vec<bool>) {
    let mut pervious = vec![false; layout.tiles_x * layout.tiles_y];
    if soil.is_sealed() {
        return (Vec::new(), pervious);
    }
    let kind: Vec<u8> = (0..layout.grid.cell_count()).map(|cell| soil.kind_of(cell)).collect();
    for (cell, kind) in kind.iter().enumerate() {
        pervious[layout.tile_of(cell)] |= soil.kinds[usize::from(*kind)] != Infiltration::None;
    }
    (layout.track(&kind, 0), pervious)
}

/// A vector of `length` in a direction; 0 where there is none.
fn directed(direction: [f64; 2], length: f64) -> [f64; 2] {
    let norm = libm::hypot(direction[0], direction[1]);
    if norm > 0.0 { direction.map(|part| length * part / norm) } else { [0.0; 2] }
}

fn source<R: Real>(kernel: &FloodKernelOf<R>, cell: u32, series: usize) -> Source {
    let cell = cell as usize;
    Source { at: kernel.layout().in_tile(cell), cell, series, bed_m: kernel.bed_m(cell) }
}
