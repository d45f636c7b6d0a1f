//! Two-dimensional shallow-water flood kernel on a uniform square raster.
//!
//! Second-order MUSCL-Hancock with HLLC fluxes and hydrostatic reconstruction (Audusse et al. 2004), bed terms in
//! difference form, a draining limiter instead of clipping, point-implicit Manning friction. Buildings are blocked
//! cells (or, smaller than a cell, porosity), walls and gates are face crests. Bit-identical for any number of threads; every cubic metre is booked.
//!
//! ```
//! use sim_core::CancelToken;
//! use sim_flood::{FloodParams, FloodRun, Forcing, Grid, Initial, RainSeries, Terrain};
//!
//! let grid = Grid { nx: 40, ny: 30, dx_m: 2.0 };
//! let terrain = Terrain::from_fn(grid, 0.03, |x, _| 5.0 - 0.01 * x);
//! let rain = RainSeries { series: vec![(0.0, 50.0), (600.0, 0.0)], cells: None };
//! let forcing = Forcing { rain: vec![rain], ..Forcing::default() };
//! let mut run = FloodRun::new(terrain, vec![], forcing, FloodParams::default(), Initial::dry())?;
//! run.advance_to(60.0, &CancelToken::new())?;
//! assert!(run.ledger().relative_error() < 1e-9);
//! # Ok::<(), sim_flood::FloodError>(())
//! ```

mod barrier;
mod error;
mod faces;
mod forcing;
#[cfg(feature = "gpu")]
pub mod gpu;
mod grid;
mod initial;
mod kernel;
mod ledger;
mod links;
mod local;
mod model;
mod params;
mod pass;
mod plan;
mod porous;
pub mod preview;
mod rain;
mod real;
mod rows;
mod run;
mod soil;
mod state;
mod structure;
mod tile;
pub mod verification;

pub use barrier::{Barrier, barrier_along};
pub use error::FloodError;
pub use forcing::{Downspout, Forcing, PointInflow, RainSeries, StageBoundary, thiessen_cells};
pub use grid::{FaceAxis, FaceId, Grid, GroundEdit, MAX_CELLS, Terrain};
pub use initial::{Initial, initial_pool};
pub use kernel::{FloodKernel, FloodKernelOf};
pub use ledger::Ledger;
pub use model::{FloodMode, FloodModel};
pub use params::{FloodParams, Order, TimeStepping};
pub use plan::FloodForcing;
pub use porous::{Cover, LEAST_FREE, Porosity};
pub use real::Real;
pub use run::{FloodRun, FloodRunOf, StepStats};
pub use soil::{Infiltration, Soil};
pub use state::{FloodState, FloodStateOf};
pub use structure::{Barrel, Culvert, Gate, Outlet, OutletLaw, Pump, Structures};
