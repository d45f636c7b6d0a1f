//! What can go wrong before or during a coupled run.

use sim_core::{ParamError, SnapshotError};
use sim_drainage::DrainageError;
use sim_flood::FloodError;
use thiserror::Error;

/// A refused input or a stopped run.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum UrbanError {
    /// A coupling value outside its range.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// The surface refused its input or stopped.
    #[error("surface: {0}")]
    Surface(#[from] FloodError),
    /// The sewer refused its input or stopped.
    #[error("sewer: {0}")]
    Sewer(#[from] DrainageError),
    /// A snapshot that does not belong to this run or is damaged.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}
