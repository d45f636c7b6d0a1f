//! What can go wrong before or during a drainage run.

use sim_core::{ParamError, SnapshotError};
use thiserror::Error;

/// A refused input or a stopped run.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum DrainageError {
    /// A numerical parameter outside its range.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// A node, link or curve with a bad value.
    #[error("{what} `{name}`: {field} = {value}; allowed: {allowed}")]
    Item {
        /// Kind of item: node, conduit, pump…
        what: &'static str,
        /// Its name.
        name: String,
        /// Field of the item.
        field: &'static str,
        /// Value given, as text.
        value: String,
        /// Allowed range or form.
        allowed: String,
    },
    /// A line of a `.inp` text that cannot be taken.
    #[error("line {line} [{section}] {id}: {field} = {value}; allowed: {allowed}")]
    Inp {
        /// Line number, from 1.
        line: usize,
        /// Section name.
        section: String,
        /// First word of the line (the item's id), or the file's name for the item.
        id: String,
        /// Field that is wrong.
        field: String,
        /// Value found.
        value: String,
        /// Allowed range or form.
        allowed: String,
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
    /// A head or flow is no longer a finite number.
    #[error("the head of node `{node}` is {head_m} m at t = {t_s:.3} s; allowed: a finite number")]
    BlowUp {
        /// Name of the node.
        node: String,
        /// Its head, metres.
        head_m: f64,
        /// Simulated time, seconds.
        t_s: f64,
    },
}

/// Shorthand for [`DrainageError::Item`].
pub(crate) fn bad(
    what: &'static str,
    name: &str,
    field: &'static str,
    value: impl ToString,
    allowed: impl Into<String>,
) -> DrainageError {
    DrainageError::Item { what, name: name.to_owned(), field, value: value.to_string(), allowed: allowed.into() }
}

/// Accepts a finite value inside `[low, high]`.
pub(crate) fn check(
    what: &'static str,
    name: &str,
    field: &'static str,
    value: f64,
    low: f64,
    high: f64,
) -> Result<(), DrainageError> {
    let inside = value.is_finite() && value >= low && value <= high;
    if inside { Ok(()) } else { Err(bad(what, name, field, value, format!("{low} to {high}"))) }
}
