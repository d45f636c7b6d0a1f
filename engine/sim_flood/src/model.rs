//! One handle for the full kernel and the preview.

use serde::{Deserialize, Serialize};
use sim_core::CancelToken;

use crate::preview::{self, PreviewRun};
use crate::{
    FloodError, FloodParams, FloodRun, Forcing, Grid, GroundEdit, Initial, Ledger, StepStats, Structures, Terrain,
};

/// Which solver computes a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FloodMode {
    /// The verified shallow-water kernel, [`FloodRun`].
    #[default]
    Full,
    /// The local-inertial preview, [`PreviewRun`]: several times faster, **not certified**; see [`crate::preview`].
    Preview,
}

impl FloodMode {
    /// Checks everything and prepares a run at time 0.
    ///
    /// # Errors
    /// [`FloodError`] naming the first invalid input.
    pub fn start(
        self,
        terrain: Terrain,
        structures: Structures,
        forcing: Forcing,
        params: FloodParams,
        initial: Initial,
    ) -> Result<Box<dyn FloodModel>, FloodError> {
        Ok(match self {
            Self::Full => Box::new(FloodRun::new(terrain, structures, forcing, params, initial)?),
            Self::Preview => {
                preview::only_walls(&structures)?;
                Box::new(PreviewRun::new(terrain, structures.barriers, forcing, params, initial)?)
            }
        })
    }
}

/// What a caller does with a flood run, whichever solver computes it. Units and promises are those of [`FloodRun`].
pub trait FloodModel: Send {
    /// The solver.
    fn mode(&self) -> FloodMode;
    /// The raster.
    fn grid(&self) -> Grid;
    /// Simulated time, seconds.
    fn t_s(&self) -> f64;
    /// Steps taken since the start.
    fn tick(&self) -> u64;
    /// Steps until simulated time `t_s`, seconds.
    ///
    /// # Errors
    /// [`FloodError::Cancelled`], [`FloodError::StepTooSmall`]; the state is valid at the time reached.
    fn advance_to(&mut self, t_s: f64, cancel: &CancelToken) -> Result<StepStats, FloodError>;
    /// Replaces all structures now; moves no water.
    ///
    /// # Errors
    /// [`FloodError`] when a structure is invalid, or for the preview no fixed wall; the old ones stay.
    fn set_structures(&mut self, structures: Structures) -> Result<(), FloodError>;
    /// Changes the ground of cells now.
    ///
    /// # Errors
    /// [`FloodError`] when an edit is invalid or the solver cannot; nothing has changed then.
    fn edit_ground(&mut self, edits: &[GroundEdit]) -> Result<(), FloodError>;
    /// Replaces the forcing from now on.
    ///
    /// # Errors
    /// [`FloodError`] when the forcing is invalid; the old one stays.
    fn set_forcing(&mut self, forcing: Forcing) -> Result<(), FloodError>;
    /// Adds water to a cell or takes it away, m3; returns what was added.
    fn exchange(&mut self, cell: u32, volume_m3: f64) -> f64;
    /// Depth per cell, metres.
    fn depth_m(&self) -> Vec<f32>;
    /// Depth of one cell, metres.
    fn depth_at_m(&self, cell: u32) -> f64;
    /// Eastward velocity per cell, m/s.
    fn velocity_x_mps(&self) -> Vec<f32>;
    /// Northward velocity per cell, m/s.
    fn velocity_y_mps(&self) -> Vec<f32>;
    /// Greatest depth so far per cell, metres.
    fn max_depth_m(&self) -> Vec<f32>;
    /// Greatest depth x speed so far per cell, m2/s.
    fn max_hazard_m2ps(&self) -> Vec<f32>;
    /// First wetting per cell, seconds; infinity where there was none.
    fn first_wet_s(&self) -> Vec<f32>;
    /// The water account.
    fn ledger(&self) -> Ledger;
    /// Digest of the state.
    fn checksum(&self) -> u64;
    /// Writes the full state.
    fn save(&self) -> Vec<u8>;
    /// Continues from a state saved by the same solver over the same terrain.
    ///
    /// # Errors
    /// [`FloodError::Snapshot`]; the run is unchanged.
    fn restore(&mut self, bytes: &[u8]) -> Result<(), FloodError>;
}

/// Every method of the trait by the method of the same name.
macro_rules! by_name {
    ($run:ty, $mode:ident) => {
        impl FloodModel for $run {
            fn mode(&self) -> FloodMode {
                FloodMode::$mode
            }
            fn grid(&self) -> Grid {
                self.grid()
            }
            fn t_s(&self) -> f64 {
                self.t_s()
            }
            fn tick(&self) -> u64 {
                self.tick()
            }
            fn advance_to(&mut self, t_s: f64, cancel: &CancelToken) -> Result<StepStats, FloodError> {
                self.advance_to(t_s, cancel)
            }
            fn set_structures(&mut self, structures: Structures) -> Result<(), FloodError> {
                self.set_structures(structures)
            }
            fn edit_ground(&mut self, edits: &[GroundEdit]) -> Result<(), FloodError> {
                self.edit_ground(edits)
            }
            fn set_forcing(&mut self, forcing: Forcing) -> Result<(), FloodError> {
                self.set_forcing(forcing)
            }
            fn exchange(&mut self, cell: u32, volume_m3: f64) -> f64 {
                self.exchange(cell, volume_m3)
            }
            fn depth_m(&self) -> Vec<f32> {
                self.depth_m()
            }
            fn depth_at_m(&self, cell: u32) -> f64 {
                self.depth_at_m(cell)
            }
            fn velocity_x_mps(&self) -> Vec<f32> {
                self.velocity_x_mps()
            }
            fn velocity_y_mps(&self) -> Vec<f32> {
                self.velocity_y_mps()
            }
            fn max_depth_m(&self) -> Vec<f32> {
                self.max_depth_m()
            }
            fn max_hazard_m2ps(&self) -> Vec<f32> {
                self.max_hazard_m2ps()
            }
            fn first_wet_s(&self) -> Vec<f32> {
                self.first_wet_s()
            }
            fn ledger(&self) -> Ledger {
                self.ledger()
            }
            fn checksum(&self) -> u64 {
                self.checksum()
            }
            fn save(&self) -> Vec<u8> {
                self.save()
            }
            fn restore(&mut self, bytes: &[u8]) -> Result<(), FloodError> {
                self.restore(bytes)
            }
        }
    };
}

by_name!(FloodRun, Full);
by_name!(PreviewRun, Preview);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RainSeries;

    #[test]
    fn both_solvers_take_the_same_inputs_and_book_the_same_rain() {
        let grid = Grid { nx: 70, ny: 70, dx_m: 2.0 };
        let run = |mode: FloodMode| {
            let terrain = Terrain::from_fn(grid, 0.03, |x, y| 0.01 * (x - 70.0).abs() + 0.01 * (y - 70.0).abs());
            let rain = RainSeries { series: vec![(0.0, 100.0), (300.0, 0.0)], cells: None };
            let forcing = Forcing { rain: vec![rain], ..Forcing::default() };
            let mut run =
                mode.start(terrain, Structures::default(), forcing, FloodParams::default(), Initial::dry()).unwrap();
            assert_eq!(run.mode(), mode);
            run.advance_to(1800.0, &CancelToken::new()).unwrap();
            run
        };
        let (full, preview) = (run(FloodMode::Full), run(FloodMode::Preview));
        assert!((full.ledger().rain_in_m3 / preview.ledger().rain_in_m3 - 1.0).abs() < 1e-6);
        // The water has run together in the middle: both know how deep.
        let middle = 35 * 70 + 35;
        let (a, b) = (full.depth_at_m(middle), preview.depth_at_m(middle));
        assert!(a > 0.1 && (a - b).abs() < 0.02, "{a} {b}");
        assert!(full.checksum() != preview.checksum());
    }

    /// Stopped after any number of steps and gone on with, a run comes to the same bits.
    #[test]
    fn slices_change_no_bit() {
        let grid = Grid { nx: 70, ny: 70, dx_m: 2.0 };
        let run = |mode: FloodMode, steps: u64| {
            let terrain = Terrain::from_fn(grid, 0.03, |x, y| 0.02 * x + 0.01 * y);
            let initial = Initial::level(&terrain, 1.5);
            let mut run = mode
                .start(terrain, Structures::default(), Forcing::default(), FloodParams::default(), initial)
                .unwrap();
            run.exchange(3000, 500.0);
            let mut slices = 0;
            while run.t_s() < 30.0 {
                slices += 1;
                match run.advance_to(30.0, &CancelToken::after(steps)) {
                    Ok(_) | Err(FloodError::Cancelled { .. }) => {}
                    Err(e) => panic!("{e}"),
                }
            }
            (run.checksum(), slices)
        };
        for mode in [FloodMode::Full, FloodMode::Preview] {
            let (whole, one) = run(mode, u64::MAX);
            let (sliced, many) = run(mode, 7);
            assert_eq!((whole, one), (sliced, 1));
            assert!(many > 5, "{many}");
        }
    }
}
