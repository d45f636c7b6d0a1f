//! The flood kernel without a server: the same domain, forcing and solver as `sandtable simulate`, stepped in slices.
//!
//! [`Session`] is plain Rust and runs anywhere; in the browser (wasm32) `FloodSession` shows it to `static/sim_worker.js`.
//! The same scenario gives the same bits as on the command line, however it is sliced.

#[cfg(target_arch = "wasm32")]
mod door;
mod session;

pub use session::{PackParts, Progress, Session, SessionError};
pub use sim_flood::FloodMode;
