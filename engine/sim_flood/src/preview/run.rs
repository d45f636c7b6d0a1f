//! A preview in one handle.

use sim_core::{CancelToken, ParamError, Snapshot, SnapshotError, StepReport};

use super::{PreviewForcing, PreviewKernel, PreviewState};
use crate::{
    Barrier, FloodError, FloodParams, Forcing, Grid, GroundEdit, Initial, Ledger, StepStats, Structures, Terrain,
};

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
        let pool = crate::run::start_pool(params.threads)?;
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
            return Err(FloodError::StepTooSmall {
                dt_s,
                min_dt_s: self.params.min_dt_s,
                t_s: self.state.t_s,
                speed_mps,
            });
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

    /// Replaces all structures now; see [`super::only_walls`].
    ///
    /// # Errors
    /// [`FloodError`] when one is invalid or no fixed wall; the old ones stay.
    pub fn set_structures(&mut self, structures: Structures) -> Result<(), FloodError> {
        super::only_walls(&structures)?;
        self.set_barriers(&structures.barriers)
    }

    /// Refuses: the preview's ground is fixed.
    ///
    /// # Errors
    /// [`FloodError::Param`] unless there is nothing to change.
    pub fn edit_ground(&mut self, edits: &[GroundEdit]) -> Result<(), FloodError> {
        if edits.is_empty() {
            return Ok(());
        }
        let allowed = "none in a preview: use the full solver";
        Err(sim_core::ParamError::new("changes of the ground", edits.len(), "-", allowed).into())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PointInflow, RainSeries, StageBoundary, barrier_along};

    fn small() -> PreviewRun {
        let grid = Grid { nx: 12, ny: 9, dx_m: 2.0 };
        let terrain = Terrain::from_fn(grid, 0.03, |x, y| 0.05 * x + 0.02 * y);
        let river = StageBoundary { cells: vec![0, 1, 2], series: vec![(0.0, 0.5), (20.0, 1.5)] };
        let forcing = Forcing { stages: vec![river], ..Forcing::default() };
        PreviewRun::new(terrain, vec![], forcing, FloodParams::default(), Initial::dry()).unwrap()
    }

    #[test]
    fn cancel_stops_and_the_state_stays_good() {
        let mut run = small();
        let token = CancelToken::new();
        run.advance_to(5.0, &token).unwrap();
        token.cancel();
        assert_eq!(run.advance_to(9.0, &token), Err(FloodError::Cancelled { t_s: 5.0 }));
        run.advance_to(9.0, &CancelToken::new()).unwrap();
        assert!(run.t_s() >= 9.0 && run.ledger().relative_error() < 1e-6);
        assert_eq!(run.advance_to(9.0, &CancelToken::new()).unwrap().steps, 0);
        assert!(run.advance_to(f64::NAN, &CancelToken::new()).is_err());
    }

    #[test]
    fn tracks_follow_the_flood() {
        let mut run = small();
        run.advance_to(60.0, &CancelToken::new()).unwrap();
        assert_eq!(run.first_wet_s()[0], 0.0);
        let far = 12 * 4 + 6;
        assert!(run.first_wet_s()[far] > 0.0 && run.first_wet_s()[far].is_finite());
        assert!(run.max_depth_m().iter().zip(run.depth_m()).all(|(m, h)| *m >= h));
        assert!(run.max_hazard_m2ps().iter().any(|q| *q > 0.0));
        assert!(run.velocity_x_mps()[far] != 0.0 && run.velocity_y_mps()[far] != 0.0);
    }

    #[test]
    fn what_is_exchanged_is_booked() {
        let mut run = small();
        run.advance_to(10.0, &CancelToken::new()).unwrap();
        let high = 12 * 8 + 11;
        assert_eq!(run.exchange(high, -5.0), -4.0 * run.depth_at_m(high).max(0.0));
        assert!((run.exchange(high, 2.0) - 2.0).abs() < 1e-6 && (run.depth_at_m(high) - 0.5).abs() < 1e-7);
        let wet = run.depth_at_m(0);
        assert!((run.exchange(0, -1e9) + 4.0 * wet).abs() < 1e-9 && run.depth_at_m(0) == 0.0);
        assert_eq!((run.exchange(9999, 1.0), run.exchange(1, f64::NAN)), (0.0, 0.0));
        run.advance_to(60.0, &CancelToken::new()).unwrap();
        assert!(run.depth_at_m(high) < 0.1 && run.ledger().relative_error() < 1e-6);
    }

    #[test]
    fn a_barrier_holds_until_it_is_overtopped() {
        let grid = Grid { nx: 60, ny: 20, dx_m: 2.0 };
        let terrain = Terrain::from_fn(grid, 0.03, |_, _| 0.0);
        let wall = barrier_along(&grid, &[[60.0, 0.0], [60.0, 40.0]], 1.0);
        let level = |m: f64| Forcing {
            stages: vec![StageBoundary { cells: vec![0], series: vec![(0.0, m)] }],
            ..Forcing::default()
        };
        let mut run = PreviewRun::new(terrain, vec![wall], level(0.9), FloodParams::default(), Initial::dry()).unwrap();
        let behind = |run: &PreviewRun| run.depth_m().iter().enumerate().any(|(c, h)| c % 60 >= 30 && *h > 0.0);
        run.advance_to(600.0, &CancelToken::new()).unwrap();
        assert!(!behind(&run) && run.depth_m()[29] > 0.8);
        run.set_forcing(level(1.2)).unwrap();
        run.advance_to(900.0, &CancelToken::new()).unwrap();
        assert!(behind(&run));
    }

    /// Rain on a plane that falls to an open edge: after a while as much leaves as falls.
    #[test]
    fn open_edges_let_rain_out_and_nothing_in() {
        for (nx, ny, slope) in
            [(40, 9, [0.01, 0.0]), (9, 40, [0.0, 0.01]), (40, 9, [-0.01, 0.0]), (9, 40, [0.0, -0.01])]
        {
            let grid = Grid { nx, ny, dx_m: 2.0 };
            let terrain = Terrain::from_fn(grid, 0.03, |x, y| 10.0 + slope[0] * x + slope[1] * y);
            let rain = RainSeries { series: vec![(0.0, 100.0)], cells: None };
            let forcing = Forcing { rain: vec![rain], open_edges: true, ..Forcing::default() };
            let mut run = PreviewRun::new(terrain, vec![], forcing, FloodParams::default(), Initial::dry()).unwrap();
            run.advance_to(1200.0, &CancelToken::new()).unwrap();
            let before = run.ledger();
            run.advance_to(1500.0, &CancelToken::new()).unwrap();
            let after = run.ledger();
            let (out, fell) = (after.edge_out_m3 - before.edge_out_m3, after.rain_in_m3 - before.rain_in_m3);
            assert!((out / fell - 1.0).abs() < 0.01, "{out} {fell}");
            assert!(after.edge_in_m3 == 0.0 && after.relative_error() < 1e-6, "{after:?}");
        }
    }

    #[test]
    fn a_large_discharge_on_dry_ground_is_no_explosion() {
        let grid = Grid { nx: 60, ny: 60, dx_m: 1.0 };
        let terrain = Terrain::from_fn(grid, 0.03, |_, _| 0.0);
        let spring = PointInflow { cells: vec![1830], series: vec![(0.0, 50.0)], ..PointInflow::default() };
        let forcing = Forcing { inflows: vec![spring], ..Forcing::default() };
        let mut run = PreviewRun::new(terrain, vec![], forcing, FloodParams::default(), Initial::dry()).unwrap();
        run.advance_to(10.0, &CancelToken::new()).unwrap();
        let top = run.max_depth_m().iter().fold(0.0_f32, |m, h| m.max(*h));
        assert!(top < 15.0, "{top}");
        assert!((run.ledger().point_in_m3 - 500.0).abs() < 1e-6 && run.ledger().relative_error() < 1e-6);
    }

    #[test]
    fn a_state_of_another_terrain_or_kernel_is_refused() {
        let saved = small().save();
        let grid = Grid { nx: 12, ny: 9, dx_m: 2.0 };
        let other = Terrain::from_fn(grid, 0.04, |_, _| 0.0);
        let new = |t: Terrain| PreviewRun::new(t, vec![], Forcing::default(), FloodParams::default(), Initial::dry());
        assert!(matches!(new(other.clone()).unwrap().restore(&saved), Err(FloodError::Snapshot(_))));
        let mut full =
            crate::FloodRun::new(other, vec![], Forcing::default(), FloodParams::default(), Initial::dry()).unwrap();
        assert!(full.restore(&saved).is_err() && small().restore(&full.save()).is_err());
        sim_core::conformance::damage_is_refused::<PreviewState>(&saved, 40).unwrap();
    }
}
