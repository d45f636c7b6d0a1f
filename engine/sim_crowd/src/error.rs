//! What can go wrong before or during a crowd run.

use sim_core::{ParamError, SnapshotError};
use thiserror::Error;

/// A refused input or a stopped run.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum CrowdError {
    /// A value outside its range.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// A building plan that forbids a run: its first error.
    #[error("building plan: {0}")]
    Plan(String),
    /// A layer, portal or lift that cannot be walked.
    #[error("{what} {name}: {why}")]
    Geometry {
        /// Kind of element.
        what: &'static str,
        /// Its name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// A person placed where nobody can stand.
    #[error("person at ({x_m:.2}, {y_m:.2}) m in {layer}: {why}")]
    Placement {
        /// Layer name.
        layer: String,
        /// Plan x, m.
        x_m: f64,
        /// Plan y, m.
        y_m: f64,
        /// What is wrong.
        why: &'static str,
    },
    /// More people than a space has room for.
    #[error("{layer}: only {placed} of {wanted} persons find room on {area_m2:.1} m2")]
    Full {
        /// Layer name.
        layer: String,
        /// Persons asked for.
        wanted: usize,
        /// Persons placed before room ran out.
        placed: usize,
        /// Floor area, m².
        area_m2: f64,
    },
    /// People who cannot reach any of their destinations.
    #[error("{layer}: no way from here to any exit of class {class}")]
    NoWayOut {
        /// Layer name.
        layer: String,
        /// Destination class.
        class: usize,
    },
    /// A snapshot that is damaged or belongs to another run.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The caller cancelled; the state is valid at the time reached.
    #[error("cancelled at t = {t_s:.3} s")]
    Cancelled {
        /// Simulated time reached, s.
        t_s: f64,
    },
}
