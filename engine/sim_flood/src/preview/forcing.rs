//! Forcing made ready for a preview: rain classes, sources by band.

use std::collections::BTreeMap;

use sim_core::ParamError;

use super::kernel::PreviewKernel;
use super::layout::{BAND, CHUNK, SIDE};
use crate::forcing::{linear_at, linear_integral, step_integral};
use crate::rain::{RainClass, rain_classes};
use crate::{FloodError, Forcing};

/// A cell under an imposed level or a discharge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Source {
    pub cell: usize,
    /// Which stage or inflow.
    pub series: usize,
    /// Bed relative to the kernel's datum, metres.
    pub bed_m: f64,
}

/// [`Forcing`] prepared for a [`PreviewKernel`].
#[derive(Debug, Clone)]
pub struct PreviewForcing {
    forcing: Forcing,
    /// Rain class per cell, as a raster.
    rain_class: Vec<u32>,
    rain_classes: Vec<RainClass>,
    /// Cells per class.
    rain_count: Vec<u64>,
    /// Per chunk: the class of all its cells, if they share one and fill the chunk.
    rain_uniform: Vec<Option<u32>>,
    pub(crate) stages: Vec<Vec<Source>>,
    pub(crate) inflows: Vec<Vec<Source>>,
}

/// Values of the forcing for one step.
#[derive(Debug, Clone, Default)]
pub(crate) struct StepForcing {
    /// Rain depth per class, metres.
    rain_m: Vec<f32>,
    pub raining: bool,
    /// Level per stage at the end of the step, relative to the kernel's datum, metres.
    pub level_m: Vec<f64>,
    /// Depth per inflow cell, metres (negative: taken).
    pub inflow_m: Vec<f64>,
    /// Rain volume of the step, m3.
    pub rain_m3: f64,
}

impl PreviewForcing {
    /// Checks and prepares a forcing. The direction of an inflow is not used: water wells up.
    ///
    /// # Errors
    /// [`FloodError`] from [`Forcing::validate`], or a discharge into a blocked cell.
    pub fn new(kernel: &PreviewKernel, forcing: Forcing) -> Result<Self, FloodError> {
        let (layout, blocked) = (kernel.layout(), kernel.blocked());
        forcing.validate(&layout.grid)?;
        super::only_water(&forcing)?;
        let band = |cell: u32| cell as usize / layout.grid.nx / BAND;
        let source = |cell: u32, series| Source { cell: cell as usize, series, bed_m: kernel.bed_m(cell as usize) };
        let mut stages = vec![Vec::new(); layout.bands()];
        let mut owner: BTreeMap<u32, usize> = BTreeMap::new();
        for (series, s) in forcing.stages.iter().enumerate() {
            owner.extend(s.cells.iter().map(|c| (*c, series)));
        }
        for (cell, series) in owner.into_iter().filter(|(cell, _)| !blocked[*cell as usize]) {
            stages[band(cell)].push(source(cell, series));
        }
        let mut inflows = vec![Vec::new(); layout.bands()];
        for (series, q) in forcing.inflows.iter().enumerate() {
            for &cell in &q.cells {
                if blocked[cell as usize] {
                    return Err(ParamError::new(format!("inflows[{series}].cells"), cell, "cell", "open cells").into());
                }
                inflows[band(cell)].push(source(cell, series));
            }
        }
        let (classes_of_cells, rain_classes) = rain_classes(&layout.grid, blocked, &forcing);
        let mut rain_count = vec![0; rain_classes.len()];
        classes_of_cells.iter().for_each(|c| rain_count[*c as usize] += 1);
        let rain_class = layout.spread(&classes_of_cells, 0);
        let same =
            |cells: &[u32]| cells.first().copied().filter(|c| cells.len() == CHUNK && cells.iter().all(|o| o == c));
        let rain_uniform = layout.rows(&rain_class).flat_map(|row| row.chunks(CHUNK).map(same)).collect();
        Ok(Self { forcing, rain_class, rain_classes, rain_count, rain_uniform, stages, inflows })
    }

    /// The forcing this was made from.
    #[must_use]
    pub const fn forcing(&self) -> &Forcing {
        &self.forcing
    }

    /// Fastest rise of a cell under a discharge within the next `ahead_s` seconds, m/s.
    pub(crate) fn fastest_rise_mps(&self, cell_area_m2: f64, t_s: f64, ahead_s: f64) -> f64 {
        let ends = |q: &crate::PointInflow| {
            let flow = linear_at(&q.series, t_s).max(linear_at(&q.series, t_s + ahead_s));
            flow / (cell_area_m2 * q.cells.len().max(1) as f64)
        };
        self.forcing.inflows.iter().map(ends).fold(0.0, f64::max)
    }

    pub(crate) fn at_step(&self, kernel: &PreviewKernel, t0_s: f64, t1_s: f64) -> StepForcing {
        let area = kernel.layout().grid.cell_area_m2();
        let mm_per_h = 1e-3 / 3600.0;
        let fallen: Vec<f64> =
            self.forcing.rain.iter().map(|r| step_integral(&r.series, t0_s, t1_s) * mm_per_h).collect();
        let of_class = |(mask, cells): &(u64, u32)| {
            let depth: f64 = fallen.iter().enumerate().filter(|(k, _)| mask >> k & 1 == 1).map(|(_, d)| d).sum();
            (depth * f64::from(*cells)) as f32
        };
        let rain_m: Vec<f32> = self.rain_classes.iter().map(of_class).collect();
        let rain_m3 = rain_m.iter().zip(&self.rain_count).map(|(d, n)| f64::from(*d) * *n as f64).sum::<f64>() * area;
        let depth =
            |q: &crate::PointInflow| linear_integral(&q.series, t0_s, t1_s) / (area * q.cells.len().max(1) as f64);
        StepForcing {
            raining: rain_m.iter().any(|d| *d > 0.0),
            rain_m,
            level_m: self.levels(kernel, t1_s),
            inflow_m: self.forcing.inflows.iter().map(depth).collect(),
            rain_m3,
        }
    }

    pub(crate) fn levels(&self, kernel: &PreviewKernel, t_s: f64) -> Vec<f64> {
        self.forcing.stages.iter().map(|s| linear_at(&s.series, t_s) - kernel.datum_m()).collect()
    }

    /// Rain depth of the cells of chunk `c` of row `j`, metres.
    #[inline(always)]
    pub(crate) fn rain(
        &self,
        now: &StepForcing,
        kernel: &PreviewKernel,
        j: usize,
        c: usize,
        out: &mut super::rows::Chunk,
    ) {
        let layout = kernel.layout();
        if let Some(class) = self.rain_uniform[j * layout.chunks + c] {
            out.fill(now.rain_m[class as usize]);
            return;
        }
        let inside = (layout.grid.nx - c * CHUNK).min(CHUNK);
        let at = j * layout.stride + SIDE + c * CHUNK;
        out.fill(0.0);
        for (o, class) in out.iter_mut().zip(&self.rain_class[at..at + inside]) {
            *o = now.rain_m[*class as usize];
        }
    }
}
