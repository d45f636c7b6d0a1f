//! The contract every simulation kernel signs, and its conformance suite.
//!
//! A kernel is a pure function of (model, parameters, forcing, state): it reads the frozen state and writes the next
//! one. No clock, file, log-as-output or global. The same inputs give the same [`Checksum`] for any number of threads,
//! and a restored [`Snapshot`] continues byte for byte; [`conformance`] checks both.

mod air;
mod bytes;
mod cancel;
mod checksum;
pub mod conformance;
mod kernel;
mod param;
mod rng;
mod verify;

pub use air::Air;
pub use bytes::{ByteReader, ByteWriter};
pub use cancel::{CancelToken, Progress, ProgressCell, ProgressFn};
pub use checksum::Checksum;
pub use kernel::{Kernel, Snapshot, SnapshotError, StepReport};
pub use param::{ParamError, check_range};
pub use rng::CounterRng;
pub use verify::VerificationRow;
