//! The two traits a simulation implements.

use thiserror::Error;

/// Why a snapshot could not be restored.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The bytes end before the named field.
    #[error("snapshot ends at byte {at} while reading {field} ({need} more bytes needed)")]
    Truncated {
        /// Field being read.
        field: &'static str,
        /// Offset reached, bytes.
        at: usize,
        /// Bytes missing.
        need: usize,
    },
    /// The bytes are no snapshot of this kernel, or of a version it does not read.
    #[error("not a snapshot of {expected}: {found}")]
    WrongKind {
        /// Kernel and version expected.
        expected: &'static str,
        /// What was found instead.
        found: String,
    },
    /// A field holds a value outside its range.
    #[error("snapshot field {field} = {value}; allowed: {allowed}")]
    BadValue {
        /// Field name.
        field: &'static str,
        /// Value found.
        value: String,
        /// Allowed range.
        allowed: &'static str,
    },
    /// The content checksum does not match: the bytes were damaged.
    #[error("snapshot is damaged: checksum {found:016x}, expected {expected:016x}")]
    Damaged {
        /// Checksum written in the snapshot.
        expected: u64,
        /// Checksum of the bytes read.
        found: u64,
    },
    /// Bytes follow the end of the snapshot.
    #[error("snapshot has {extra} bytes after its end")]
    TrailingBytes {
        /// How many.
        extra: usize,
    },
}

/// Full state of a run, residuals included, that can be written down and continued byte for byte.
pub trait Snapshot: Sized {
    /// Writes everything the next step depends on, little-endian, platform independent.
    fn save(&self) -> Vec<u8>;
    /// Reads what [`Snapshot::save`] wrote.
    ///
    /// # Errors
    /// [`SnapshotError`] on truncated, damaged or foreign bytes; never a panic.
    fn restore(bytes: &[u8]) -> Result<Self, SnapshotError>;
    /// A 64-bit digest of the state, equal on every platform and for every thread count (see [`crate::Checksum`]).
    fn checksum(&self) -> u64;
}

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct StepReport {
    /// Steps taken since the start of the run, this one included.
    pub tick: u64,
    /// Simulated time at the end of the step, seconds since the start of the run.
    pub t_s: f64,
    /// Length of the step, seconds.
    pub dt_s: f64,
}

/// A simulation kernel. The unchanging model (grid, graph, geometry) lives in `self`.
pub trait Kernel {
    /// Validated numerical parameters.
    type Params;
    /// What drives the run from outside.
    type Forcing;
    /// What changes from step to step.
    type State: Snapshot;
    /// Advances `state` by one step.
    fn step(&self, params: &Self::Params, forcing: &Self::Forcing, state: &mut Self::State) -> StepReport;
}
