//! A run: kernel, parameters, forcing and state in one handle.

use serde::{Deserialize, Serialize};
use sim_core::{CancelToken, Snapshot, SnapshotError};

use crate::kernel::Stepped;
use crate::{
    Barrier, FloodError, FloodForcing, FloodKernelOf, FloodParams, FloodStateOf, Forcing, Grid, GroundEdit, Initial,
    Ledger, Real, Structures, Terrain,
};

/// What an advance did.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct StepStats {
    /// Steps taken by this call; with local steps the common ones.
    pub steps: u64,
    /// Simulated time reached, seconds.
    pub t_s: f64,
    /// Shortest step of any cell, seconds (0 when no step was taken).
    pub min_dt_s: f64,
    /// Longest step of any cell, seconds.
    pub max_dt_s: f64,
    /// Cells computed, summed over the steps; dry tiles are skipped and not counted.
    pub cell_steps: u64,
}

/// [`FloodRunOf`] in the precision of work.
pub type FloodRun = FloodRunOf<f32>;

/// A flood run.
///
/// The result depends on the times given to [`FloodRun::advance_to`] (each call ends with a shortened step), never on
/// threads, on the instruction set or on an interruption by save and restore.
#[derive(Debug)]
pub struct FloodRunOf<R> {
    kernel: FloodKernelOf<R>,
    params: FloodParams,
    forcing: FloodForcing,
    state: FloodStateOf<R>,
    #[cfg(feature = "parallel")]
    pool: Option<rayon::ThreadPool>,
}

impl<R: Real> FloodRunOf<R> {
    /// Checks everything and prepares a run at time 0.
    ///
    /// # Errors
    /// [`FloodError`] naming the first invalid input.
    pub fn new(
        terrain: Terrain,
        structures: impl Into<Structures>,
        forcing: Forcing,
        params: FloodParams,
        initial: Initial,
    ) -> Result<Self, FloodError> {
        let params = params.validate()?;
        let kernel = FloodKernelOf::new(&terrain, structures, forcing.open_edges)?;
        drop(terrain);
        let forcing = FloodForcing::new(&kernel, forcing)?;
        let state = kernel.initial_state(&params, &forcing, &initial)?;
        Ok(Self {
            #[cfg(feature = "parallel")]
            pool: start_pool(params.threads)?,
            kernel,
            params,
            forcing,
            state,
        })
    }

    /// Steps until simulated time `t_s`, seconds; a time already reached does nothing. Looks at `cancel` before every
    /// step.
    ///
    /// # Errors
    /// [`FloodError::Cancelled`], [`FloodError::StepTooSmall`]; the state is valid at the time reached.
    pub fn advance_to(&mut self, t_s: f64, cancel: &CancelToken) -> Result<StepStats, FloodError> {
        let mut stats = StepStats { min_dt_s: f64::INFINITY, ..StepStats::default() };
        let outcome = self.steps_until(t_s, cancel, &mut stats);
        stats.t_s = self.state.t_s;
        if stats.steps == 0 {
            stats.min_dt_s = 0.0;
        }
        outcome.map(|()| stats)
    }

    fn steps_until(&mut self, t_s: f64, cancel: &CancelToken, stats: &mut StepStats) -> Result<(), FloodError> {
        if !t_s.is_finite() {
            return Err(sim_core::ParamError::new("advance_to t_s", t_s, "s", "a finite time").into());
        }
        while self.state.t_s < t_s {
            if cancel.is_cancelled() {
                return Err(FloodError::Cancelled { t_s: self.state.t_s });
            }
            let left = t_s - self.state.t_s;
            let (stable, shortest) = self.kernel.step_lengths_s(&self.params, &self.forcing, &self.state, left);
            if shortest.is_nan() || shortest < self.params.min_dt_s {
                return Err(FloodError::StepTooSmall {
                    dt_s: shortest,
                    min_dt_s: self.params.min_dt_s,
                    t_s: self.state.t_s,
                    speed_mps: self.state.speed_mps,
                });
            }
            // Two equal last steps instead of one whole and one tiny.
            let cap = if left > stable && left < 2.0 * stable { 0.5 * left } else { left };
            let done = self.step(cap, left <= stable);
            if left <= stable {
                self.state.t_s = t_s;
            }
            stats.steps += 1;
            stats.cell_steps += done.cells;
            stats.min_dt_s = stats.min_dt_s.min(done.shortest_s);
            stats.max_dt_s = stats.max_dt_s.max(done.longest_s);
        }
        Ok(())
    }

    fn step(&mut self, cap_s: f64, last: bool) -> Stepped {
        let (kernel, params, forcing, state) = (&self.kernel, &self.params, &self.forcing, &mut self.state);
        #[cfg(feature = "parallel")]
        if let Some(pool) = &self.pool {
            return pool.install(|| kernel.step_capped(params, forcing, state, cap_s, last));
        }
        kernel.step_capped(params, forcing, state, cap_s, last)
    }

    /// Replaces all barriers now (a gate closes, sandbags are laid). Moves no water.
    ///
    /// # Errors
    /// [`FloodError`] when a barrier is invalid; the old ones stay.
    pub fn set_barriers(&mut self, barriers: &[Barrier]) -> Result<(), FloodError> {
        let structures = Structures { barriers: barriers.to_vec(), ..self.kernel.structures().clone() };
        self.set_structures(structures)
    }

    /// Replaces all structures now: a gate is moved, a culvert blocked, a pump brought. Moves no water.
    ///
    /// # Errors
    /// [`FloodError`] when a structure is invalid; the old ones stay.
    pub fn set_structures(&mut self, structures: Structures) -> Result<(), FloodError> {
        self.kernel.set_structures(structures)
    }

    /// Changes the ground of cells now; see [`FloodKernelOf::edit_ground`].
    ///
    /// # Errors
    /// [`FloodError`] when an edit is invalid, or blocks a cell that a discharge goes to; nothing has changed then.
    pub fn edit_ground(&mut self, edits: &[GroundEdit]) -> Result<(), FloodError> {
        let mut kernel = self.kernel.clone();
        let mut state = self.state.clone();
        kernel.edit_ground(edits, &mut state, &self.params)?;
        self.forcing = FloodForcing::new(&kernel, self.forcing.forcing().clone())?;
        (self.kernel, self.state) = (kernel, state);
        Ok(())
    }

    /// Replaces the forcing from now on. Whether edges are open was fixed at the start.
    ///
    /// # Errors
    /// [`FloodError`] when the forcing is invalid; the old one stays.
    pub fn set_forcing(&mut self, forcing: Forcing) -> Result<(), FloodError> {
        self.forcing = FloodForcing::new(&self.kernel, forcing)?;
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
    pub fn depth_m(&self) -> Vec<R> {
        self.state.layout.field_cells(&self.state.h)
    }

    /// Eastward depth-averaged velocity per cell, m/s.
    #[must_use]
    pub fn velocity_x_mps(&self) -> Vec<R> {
        self.state.layout.field_cells(&self.state.u)
    }

    /// Northward depth-averaged velocity per cell, m/s.
    #[must_use]
    pub fn velocity_y_mps(&self) -> Vec<R> {
        self.state.layout.field_cells(&self.state.v)
    }

    /// Depth of one cell, metres; 0 outside the raster.
    #[must_use]
    pub fn depth_at_m(&self, cell: u32) -> f64 {
        let there = (cell as usize) < self.grid().cell_count();
        if there { self.state.depth_at_m(cell as usize) } else { 0.0 }
    }

    /// Adds water to a cell (positive) or takes it away (negative), m3, now: what a sewer or another model gives and takes.
    /// Momentum is kept when water comes, velocity when it goes. No more is taken than is there, none is added to a blocked
    /// cell or outside. Returns what was added, m3, which the ledger books as a point flow.
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
        self.state.layout.track_cells(&self.state.max_depth_m)
    }

    /// Greatest depth x speed so far per cell, m2/s.
    #[must_use]
    pub fn max_hazard_m2ps(&self) -> Vec<f32> {
        self.state.layout.track_cells(&self.state.max_hazard_m2ps)
    }

    /// First time each cell was deeper than `wet_depth_m`, seconds; infinity where it never was.
    #[must_use]
    pub fn first_wet_s(&self) -> Vec<f32> {
        self.state.layout.track_cells(&self.state.first_wet_s)
    }

    /// The water account at the time reached. Sums the water of all cells.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger { current_m3: self.state.volume_m3(), ..self.state.ledger }
    }

    /// Fastest wave of the present state (speed plus celerity), m/s.
    #[must_use]
    pub const fn fastest_wave_mps(&self) -> f64 {
        self.state.speed_mps
    }

    /// The state.
    #[must_use]
    pub const fn state(&self) -> &FloodStateOf<R> {
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

    /// Continues from a state saved by a run over the same terrain.
    ///
    /// # Errors
    /// [`FloodError::Snapshot`] when the bytes are damaged or belong to another grid or terrain; the run is unchanged.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), FloodError> {
        let mut state = FloodStateOf::restore(bytes)?;
        if state.layout != self.state.layout || state.model != self.kernel.digest() {
            let g = state.layout.grid;
            let found = format!("a state of another terrain ({} x {} cells of {} m)", g.nx, g.ny, g.dx_m);
            return Err(SnapshotError::WrongKind { expected: "this run's terrain", found }.into());
        }
        state.free = self.kernel.free();
        self.state = state;
        Ok(())
    }
}

#[cfg(feature = "parallel")]
pub(crate) fn start_pool(threads: usize) -> Result<Option<rayon::ThreadPool>, FloodError> {
    if threads == 0 {
        return Ok(None);
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map(Some).map_err(|e| FloodError::Threads { threads, why: e.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FloodState, PointInflow, StageBoundary};
    use proptest::prelude::*;

    fn small() -> FloodRun {
        small_in()
    }

    fn small_in<R: Real>() -> FloodRunOf<R> {
        let grid = Grid { nx: 12, ny: 9, dx_m: 2.0 };
        let terrain = Terrain::from_fn(grid, 0.03, |x, y| 0.05 * x + 0.02 * y);
        let river = StageBoundary { cells: vec![0, 1, 2], series: vec![(0.0, 0.5), (20.0, 1.5)] };
        let forcing = Forcing { stages: vec![river], ..Forcing::default() };
        FloodRunOf::new(terrain, vec![], forcing, FloodParams::default(), Initial::dry()).unwrap()
    }

    #[test]
    fn cancel_stops_and_the_state_stays_good() {
        let mut run = small_in::<f64>();
        let token = CancelToken::new();
        run.advance_to(5.0, &token).unwrap();
        token.cancel();
        assert_eq!(run.advance_to(9.0, &token), Err(FloodError::Cancelled { t_s: 5.0 }));
        run.advance_to(9.0, &CancelToken::new()).unwrap();
        assert!(run.t_s() >= 9.0 && run.ledger().relative_error() < 1e-12);
        assert_eq!(run.advance_to(9.0, &CancelToken::new()).unwrap().steps, 0);
        assert!(run.advance_to(f64::NAN, &CancelToken::new()).is_err());
    }

    #[test]
    fn tracks_follow_the_flood() {
        let mut run = small();
        run.advance_to(30.0, &CancelToken::new()).unwrap();
        assert_eq!(run.first_wet_s()[0], 0.0);
        let far = 12 * 4 + 6;
        assert!(run.first_wet_s()[far] > 0.0 && run.first_wet_s()[far].is_finite());
        assert!(run.max_depth_m().iter().zip(run.depth_m()).all(|(m, h)| *m >= h));
        assert!(run.max_hazard_m2ps().iter().any(|q| *q > 0.0));
    }

    #[test]
    fn bad_inputs_are_named() {
        let grid = Grid { nx: 3, ny: 3, dx_m: 1.0 };
        let good = Terrain::from_fn(grid, 0.03, |_, _| 0.0);
        let new =
            |t: Terrain, f: Forcing, i: Initial| FloodRun::new(t, vec![], f, FloodParams::default(), i).map(|_| ());
        let mut t = good.clone();
        t.bed_m[4] = f64::NAN;
        let e = new(t, Forcing::default(), Initial::dry()).unwrap_err().to_string();
        assert!(e.contains("bed_m[cell 4]") && e.contains("NaN"), "{e}");
        let short = Initial { depth_m: vec![1.0; 8], ..Initial::default() };
        let e = new(good.clone(), Forcing::default(), short).unwrap_err().to_string();
        assert_eq!(e, "initial depth_m has 8 values; the grid has 9 cells");
        let mut roof = good.clone();
        roof.blocked[2] = true;
        let f = Forcing {
            inflows: vec![PointInflow { cells: vec![2], series: vec![(0.0, 1.0)], ..PointInflow::default() }],
            ..Forcing::default()
        };
        assert!(new(roof, f, Initial::dry()).is_err());
        assert!(new(Terrain { manning: vec![], ..good }, Forcing::default(), Initial::dry()).is_err());
        let huge = Grid { nx: usize::MAX, ny: 3, dx_m: 1.0 };
        assert!(huge.validate().is_err());
    }

    #[test]
    fn a_state_of_another_terrain_is_refused() {
        let saved = small().save();
        let grid = Grid { nx: 12, ny: 9, dx_m: 2.0 };
        let other = Terrain::from_fn(grid, 0.04, |_, _| 0.0);
        let mut run = FloodRun::new(other, vec![], Forcing::default(), FloodParams::default(), Initial::dry()).unwrap();
        assert!(matches!(run.restore(&saved), Err(FloodError::Snapshot(_))));
        sim_core::conformance::damage_is_refused::<FloodState>(&saved, 40).unwrap();
    }

    #[test]
    fn open_edges_give_no_water() {
        let grid = Grid { nx: 70, ny: 40, dx_m: 2.0 };
        // A valley: every edge is higher than the middle.
        let terrain = Terrain::from_fn(grid, 0.03, |x, y| 0.02 * (x - 70.0).abs() + 0.03 * (y - 40.0).abs());
        let rain = crate::RainSeries { series: vec![(0.0, 200.0)], cells: None };
        let forcing = Forcing { rain: vec![rain], open_edges: true, ..Forcing::default() };
        let mut run = FloodRunOf::<f64>::new(terrain, vec![], forcing, FloodParams::default(), Initial::dry()).unwrap();
        run.advance_to(300.0, &CancelToken::new()).unwrap();
        let l = run.ledger();
        assert_eq!(l.edge_in_m3, 0.0);
        assert!(l.current_m3 > 0.9 * l.rain_in_m3 && l.relative_error() < 1e-12, "{l:?}");
    }

    #[test]
    fn a_large_discharge_on_dry_ground_is_no_explosion() {
        let grid = Grid { nx: 60, ny: 60, dx_m: 1.0 };
        let terrain = Terrain::from_fn(grid, 0.03, |_, _| 0.0);
        let spring = PointInflow { cells: vec![1830], series: vec![(0.0, 50.0)], ..PointInflow::default() };
        let forcing = Forcing { inflows: vec![spring], ..Forcing::default() };
        let mut run = FloodRunOf::<f64>::new(terrain, vec![], forcing, FloodParams::default(), Initial::dry()).unwrap();
        run.advance_to(10.0, &CancelToken::new()).unwrap();
        let top = run.max_depth_m().iter().fold(0.0_f32, |m, h| m.max(*h));
        assert!(top < 10.0, "{top}");
        assert!((run.ledger().point_in_m3 - 500.0).abs() < 1e-9 && run.ledger().relative_error() < 1e-12);
    }

    #[test]
    fn a_blow_up_is_an_error() {
        let grid = Grid { nx: 20, ny: 20, dx_m: 1.0 };
        let terrain = Terrain::from_fn(grid, 0.0, |_, _| 0.0);
        let initial = Initial { depth_m: vec![1.0; 400], velocity_x_mps: vec![900.0; 400], ..Initial::default() };
        let params = FloodParams { min_dt_s: 0.01, ..FloodParams::default() };
        let mut run = FloodRun::new(terrain, vec![], Forcing::default(), params, initial).unwrap();
        assert!(matches!(run.advance_to(1.0, &CancelToken::new()), Err(FloodError::StepTooSmall { .. })));
    }

    #[test]
    fn what_is_exchanged_is_booked() {
        let mut run = small();
        run.advance_to(10.0, &CancelToken::new()).unwrap();
        let (before, high) = (run.ledger(), 12 * 8 + 11);
        assert_eq!(run.exchange(high, -5.0), -4.0 * run.depth_at_m(high).max(0.0));
        assert!((run.exchange(high, 2.0) - 2.0).abs() < 1e-6 && (run.depth_at_m(high) - 0.5).abs() < 1e-7);
        let wet = run.depth_at_m(0);
        assert!((run.exchange(0, -1e9) + 4.0 * wet).abs() < 1e-9 && run.depth_at_m(0) == 0.0);
        assert_eq!(run.exchange(9999, 1.0), 0.0);
        assert_eq!(run.exchange(1, f64::NAN), 0.0);
        let after = run.ledger();
        assert!((after.point_in_m3 - 2.0).abs() < 1e-6 && after.point_out_m3 >= 4.0 * wet);
        assert!(before.relative_error() < 1e-6 && after.relative_error() < 1e-6, "{after:?}");
        run.advance_to(20.0, &CancelToken::new()).unwrap();
        assert!(run.depth_at_m(high) < 0.1 && run.ledger().relative_error() < 1e-6);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn damaged_states_never_panic(at in any::<prop::sample::Index>(), bit in 0_u8..8, cut in any::<prop::sample::Index>()) {
            let saved = small().save();
            let mut bad = saved.clone();
            let k = at.index(bad.len());
            bad[k] ^= 1 << bit;
            prop_assert!(FloodState::restore(&bad).is_err());
            prop_assert!(FloodState::restore(&saved[..cut.index(saved.len())]).is_err());
        }
    }
}
