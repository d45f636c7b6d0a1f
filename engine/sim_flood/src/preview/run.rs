//! A preview in one handle.

use sim_core::{CancelToken, ParamError, Snapshot, SnapshotError, StepReport};

use super::{PreviewForcing, PreviewKernel, PreviewState};
use crate::{Barrier, FloodError, FloodParams, Forcing, Grid, Initial, Ledger, StepStats, Terrain};

/// A preview of a flood, **not certified**: see [`crate::preview`] for what it leaves out.
///
/// The result depends on the times given to [`PreviewRun::advance_to`] (each call ends with a shortened step), never on
/// threads, on the instruction set or on an interruption by save and restore.
#[derive(Debug)]
pub struct PreviewRun {
    kernel: PreviewKernel,
    params: FloodParams,
    forcing: PreviewForcing,
    state: PreviewState,
    #[cfg(feature = "parallel")]
    pool: Option<rayon::ThreadPool>,
}

impl PreviewRun {
    /// Checks everything and prepares a preview at time 0.
    ///
    /// # Errors
    /// [`FloodError`] naming the first invalid input.
    pub fn new(
        terrain: Terrain,
        barriers: Vec<Barrier>,
        forcing: Forcing,
        params: FloodParams,
        initial: Initial,
    ) -> Result<Self, FloodError> {
        let params = params.validate()?;
        let kernel = PreviewKernel::new(&terrain, &barriers, forcing.open_edges)?;
        drop((terrain, barriers));
        let forcing = PreviewForcing::new(&kernel, forcing)?;
        let state = kernel.initial_state(&params, &forcing, &initial)?;
        #[cfg(feature = "parallel")]
        let pool = match params.threads {
            0 => None,
            threads => Some(
                rayon::ThreadPoolBuilder::new()
                    .num_threads(threads)
                    .build()
                    .map_err(|e| FloodError::Threads { threads, why: e.to_string() })?,
            ),
        };
        Ok(Self {
            kernel,
            params,
            forcing,
            state,
            #[cfg(feature = "parallel")]
            pool,
        })
    }

    /// Steps until simulated time `t_s`, seconds; a time already reached does nothing. Looks at `cancel` before every
    /// step.
    ///
    /// # Errors
    /// [`FloodError::Cancelled`], [`FloodError::StepTooSmall`]; the state is valid at the time reached.
    pub fn advance_to(&mut self, t_s: f64, cancel: &CancelToken) -> Result<StepStats, FloodError> {
        if !t_s.is_finite() {
            return Err(ParamError::new("advance_to t_s", t_s, "s", "a finite time").into());
        }
        let mut stats = StepStats { min_dt_s: f64::INFINITY, ..StepStats::default() };
        while self.state.t_s < t_s {
            if cancel.is_cancelled() {
                return Err(FloodError::Cancelled { t_s: self.state.t_s });
            }
            let left = t_s - self.state.t_s;
            let stable = self.stable_dt_s()?;
            // Two equal last steps instead of one whole and one tiny.
            let cap = if left > stable && left < 2.0 * stable { 0.5 * left } else { left };
            let (report, cells) = self.step(cap, left <= stable);
            if left <= stable {
                self.state.t_s = t_s;
            }
            stats.steps += 1;
            stats.cell_steps += cells;
            stats.min_dt_s = stats.min_dt_s.min(report.dt_s);
            stats.max_dt_s = stats.max_dt_s.max(report.dt_s);
        }
        stats.t_s = self.state.t_s;
        if stats.steps == 0 {
            stats.min_dt_s = 0.0;
        }
        Ok(stats)
    }

    fn stable_dt_s(&self) -> Result<f64, FloodError> {
        let dt_s = self.kernel.stable_dt_s(&self.params, &self.forcing, &self.state);
        if dt_s.is_nan() || dt_s < self.params.min_dt_s {
            let speed_mps = (self.params.gravity_mps2 * self.state.deepest_m).sqrt();
            return Err(FloodError::StepTooSmall { dt_s, min_dt_s: self.params.min_dt_s, t_s: self.state.t_s, speed_mps });
        }
        Ok(dt_s)
    }

    fn step(&mut self, cap_s: f64, last: bool) -> (StepReport, u64) {
        let (kernel, params, forcing, state) = (&self.kernel, &self.params, &self.forcing, &mut self.state);
        #[cfg(feature = "parallel")]
        if let Some(pool) = &self.pool {
            return pool.install(|| kernel.step_capped(params, forcing, state, cap_s, last));
        }
        kernel.step_capped(params, forcing, state, cap_s, last)
    }

    /// Replaces all barriers now. Moves no water.
    ///
    /// # Errors
    /// [`FloodError`] when a barrier is invalid; the old ones stay.
    pub fn set_barriers(&mut self, barriers: &[Barrier]) -> Result<(), FloodError> {
        self.kernel.set_barriers(barriers)
    }

    /// Replaces the forcing from now on. Whether edges are open was fixed at the start.
    ///
    /// # Errors
    /// [`FloodError`] when the forcing is invalid; the old one stays.
    pub fn set_forcing(&mut self, forcing: Forcing) -> Result<(), FloodError> {
        self.forcing = PreviewForcing::new(&self.kernel, forcing)?;
        Ok(())
    }

    /// The raster.
    #[must_use]
    pub const fn grid(&self) -> Grid {
        self.state.layout.grid
    }

    /// Simulated time, seconds.
    #[must_use]
    pub const fn t_s(&self) -> f64 {
        self.state.t_s
    }

    /// Steps taken since the start.
    #[must_use]
    pub const fn tick(&self) -> u64 {
        self.state.tick
    }

    /// Depth per cell, metres, at the time reached.
    #[must_use]
    pub fn depth_m(&self) -> Vec<f32> {
        self.state.layout.gather(&self.state.h)
    }

    /// Eastward depth-averaged velocity per cell, m/s: the mean discharge over its west and east faces by its depth; 0 at
    /// and below the dry depth.
    #[must_use]
    pub fn velocity_x_mps(&self) -> Vec<f32> {
        self.velocity(&self.state.qx, 1)
    }

    /// Northward depth-averaged velocity per cell, m/s.
    #[must_use]
    pub fn velocity_y_mps(&self) -> Vec<f32> {
        self.velocity(&self.state.qy, self.state.layout.stride)
    }

    fn velocity(&self, q: &[f32], next_face: usize) -> Vec<f32> {
        let dry = self.params.dry_depth_m as f32;
        let at_cell = |cell: usize| {
            let at = self.state.layout.cell(cell);
            let h = self.state.h[at];
            if h > dry { 0.5 * (q[at] + q[at + next_face]) / h } else { 0.0 }
        };
        (0..self.grid().cell_count()).map(at_cell).collect()
    }

    /// Depth of one cell, metres; 0 outside the raster.
    #[must_use]
    pub fn depth_at_m(&self, cell: u32) -> f64 {
        let there = (cell as usize) < self.grid().cell_count();
        if there { self.state.depth_at_m(cell as usize) } else { 0.0 }
    }

    /// Adds water to a cell (positive) or takes it away (negative), m3, now. No more is taken than is there, none is added
    /// to a blocked cell or outside. Returns what was added, m3, which the ledger books as a point flow.
    pub fn exchange(&mut self, cell: u32, volume_m3: f64) -> f64 {
        let open = self.kernel.blocked().get(cell as usize) == Some(&false);
        if !open || !volume_m3.is_finite() {
            return 0.0;
        }
        self.state.exchange(cell as usize, volume_m3, &self.params)
    }

    /// Greatest depth so far per cell, metres: of every fourth step and of the times given to `advance_to`.
    #[must_use]
    pub fn max_depth_m(&self) -> Vec<f32> {
        self.state.layout.gather(&self.state.max_depth_m)
    }

    /// Greatest depth x speed so far per cell, m2/s.
    #[must_use]
    pub fn max_hazard_m2ps(&self) -> Vec<f32> {
        self.state.layout.gather(&self.state.max_hazard_m2ps)
    }

    /// First time each cell was deeper than `wet_depth_m`, seconds; infinity where it never was.
    #[must_use]
    pub fn first_wet_s(&self) -> Vec<f32> {
        self.state.layout.gather(&self.state.first_wet_s)
    }

    /// The water account at the time reached. Sums the water of all cells.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger { current_m3: self.state.volume_m3(), ..self.state.ledger }
    }

    /// The state.
    #[must_use]
    pub const fn state(&self) -> &PreviewState {
        &self.state
    }

    /// Digest of the state; the same for any number of threads.
    #[must_use]
    pub fn checksum(&self) -> u64 {
        self.state.checksum()
    }

    /// Writes the full state. Barriers and forcing are inputs and are not part of it.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        self.state.save()
    }

    /// Continues from a state saved by a preview over the same terrain.
    ///
    /// # Errors
    /// [`FloodError::Snapshot`] when the bytes are damaged or belong to another grid or terrain; the run is unchanged.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), FloodError> {
        let state = PreviewState::restore(bytes)?;
        if state.layout != self.state.layout || state.model != self.kernel.digest() {
            let g = state.layout.grid;
            let found = format!("a state of another terrain ({} x {} cells of {} m)", g.nx, g.ny, g.dx_m);
            return Err(SnapshotError::WrongKind { expected: "this preview's terrain", found }.into());
        }
        self.state = state;
        Ok(())
    }
}
