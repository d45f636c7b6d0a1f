//! What can go wrong before or during a flood run.

use sim_core::{ParamError, SnapshotError};
use thiserror::Error;

/// A refused input or a stopped run.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum FloodError {
    /// A value outside its range.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// A per-cell vector of the wrong length.
    #[error("{name} has {found} values; the grid has {expected} cells")]
    Length {
        /// Vector name.
        name: &'static str,
        /// Values given.
        found: usize,
        /// Cells of the grid.
        expected: usize,
    },
    /// A time series whose times do not increase, or with no point.
    #[error("{name}: {why}")]
    Series {
        /// Which series.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// A snapshot that does not belong to this run or is damaged.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The caller cancelled; the state is valid at the time reached.
    #[error("cancelled at t = {t_s:.3} s")]
    Cancelled {
        /// Simulated time reached, seconds.
        t_s: f64,
    },
    /// The time step fell below the smallest allowed: the set-up drives water faster than the run can follow.
    #[error(
        "time step fell to {dt_s:e} s at t = {t_s:.3} s (fastest wave {speed_mps:.1} m/s); allowed: {min_dt_s:e} s or more"
    )]
    StepTooSmall {
        /// Step the CFL condition asks for, seconds.
        dt_s: f64,
        /// Smallest allowed, seconds.
        min_dt_s: f64,
        /// Simulated time, seconds.
        t_s: f64,
        /// Fastest wave, m/s.
        speed_mps: f64,
    },
    /// The threads asked for could not be started.
    #[error("cannot start {threads} threads: {why}")]
    Threads {
        /// Threads asked for.
        threads: usize,
        /// Reason given by the system.
        why: String,
    },
    /// No GPU of the kind asked for.
    #[cfg(feature = "gpu")]
    #[error("no GPU adapter: wanted {wanted}; found: {found}")]
    NoAdapter {
        /// What was asked for.
        wanted: String,
        /// Adapters there are.
        found: String,
    },
    /// The GPU refused or failed.
    #[cfg(feature = "gpu")]
    #[error("GPU {adapter}: {why}")]
    Gpu {
        /// Its name.
        adapter: String,
        /// Reason given.
        why: String,
    },
}
