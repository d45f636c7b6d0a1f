//! Turns a scenario, a community pack and the live state into a run folder (演算): the flood domain is built from the
//! pack's terrain, buildings and water, forced by the gauges' values of the moment, and computed by `sim_flood`.
//!
//! The folder is readable while the run goes on: `grid.json` and `bed.q` come first, then one depth frame after the
//! other, at the end `run.json`, `max_depth.q`, `max_depth.tif` and `outcomes.csv`. In the browser (wasm32) there are no
//! files: [`start_flood`] and what it needs.

mod domain;
mod error;
#[cfg(not(target_arch = "wasm32"))]
mod flood;
mod live;
#[cfg(not(target_arch = "wasm32"))]
mod outcome;
#[cfg(not(target_arch = "wasm32"))]
mod output;
mod start;

pub use domain::{Domain, build_domain};
pub use error::RunError;
#[cfg(not(target_arch = "wasm32"))]
pub use flood::{FrameWritten, run_flood};
pub use live::{LiveInput, LiveSnapshot};
pub use start::{Inputs, Started, frame_times_s, start_flood};

/// Name and version of the kernel as written into results.
pub const KERNEL: &str = concat!("sim_flood ", env!("CARGO_PKG_VERSION"));
