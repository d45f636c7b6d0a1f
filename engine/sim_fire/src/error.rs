//! What can go wrong before or during a fire run.

use sim_core::{ParamError, SnapshotError};
use thiserror::Error;

/// A refused input or a stopped run.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum FireError {
    /// A numerical parameter outside its range.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// A space, vent, fire, detector or material with a bad value.
    #[error(transparent)]
    Item(Box<ItemFault>),
    /// A snapshot that does not belong to this run or is damaged.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The caller cancelled; the state is valid at the time reached.
    #[error("cancelled at t = {t_s:.3} s")]
    Cancelled {
        /// Simulated time reached, seconds.
        t_s: f64,
    },
    /// A temperature or pressure is no longer a finite number.
    #[error("space `{space}`: {field} = {value} at t = {t_s:.3} s; allowed: a finite number")]
    BlowUp {
        /// Name of the space.
        space: String,
        /// What is not finite.
        field: &'static str,
        /// Value found, as text.
        value: String,
        /// Simulated time, seconds.
        t_s: f64,
    },
}

/// An element with a bad value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what} `{name}`: {field} = {value}; allowed: {allowed}")]
pub struct ItemFault {
    /// Kind of element: space, vent, fire…
    pub what: &'static str,
    /// Its name.
    pub name: String,
    /// Field of the element.
    pub field: &'static str,
    /// Value given, as text.
    pub value: String,
    /// Allowed range or form.
    pub allowed: String,
}

/// Shorthand for [`FireError::Item`].
pub(crate) fn bad(
    what: &'static str,
    name: &str,
    field: &'static str,
    value: impl ToString,
    allowed: impl Into<String>,
) -> FireError {
    let (name, value, allowed) = (name.to_owned(), value.to_string(), allowed.into());
    FireError::Item(Box::new(ItemFault { what, name, field, value, allowed }))
}

/// Accepts a finite value inside `[low, high]`.
pub(crate) fn check(
    what: &'static str,
    name: &str,
    field: &'static str,
    value: f64,
    low: f64,
    high: f64,
) -> Result<(), FireError> {
    let inside = value.is_finite() && value >= low && value <= high;
    if inside { Ok(()) } else { Err(bad(what, name, field, value, format!("{low} to {high}"))) }
}
