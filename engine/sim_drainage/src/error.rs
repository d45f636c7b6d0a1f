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
    #[error(transparent)]
    Item(Box<ItemFault>),
    /// A line of a `.inp` text that cannot be taken.
    #[error(transparent)]
    Inp(Box<InpFault>),
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

/// A node, link or curve with a bad value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what} `{name}`: {field} = {value}; allowed: {allowed}")]
pub struct ItemFault {
    /// Kind of item: node, conduit, pump…
    pub what: &'static str,
    /// Its name.
    pub name: String,
    /// Field of the item.
    pub field: &'static str,
    /// Value given, as text.
    pub value: String,
    /// Allowed range or form.
    pub allowed: String,
}

/// A line of a `.inp` text that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line} [{section}] {id}: {field} = {value}; allowed: {allowed}")]
pub struct InpFault {
    /// Line number, from 1.
    pub line: usize,
    /// Section name.
    pub section: String,
    /// First word of the line (the item's id).
    pub id: String,
    /// Field that is wrong.
    pub field: String,
    /// Value found.
    pub value: String,
    /// Allowed range or form.
    pub allowed: String,
}

/// Shorthand for [`DrainageError::Item`].
pub(crate) fn bad(
    what: &'static str,
    name: &str,
    field: &'static str,
    value: impl ToString,
    allowed: impl Into<String>,
) -> DrainageError {
    let (name, value, allowed) = (name.to_owned(), value.to_string(), allowed.into());
    DrainageError::Item(Box::new(ItemFault { what, name, field, value, allowed }))
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
