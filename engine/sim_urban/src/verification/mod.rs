//! Verification cases of the coupling.
//!
//! [`all`] returns one [`VerificationRow`] per measure; the crate's tests call the same functions.

mod balance;
mod laws;
mod sewer_surcharge;

pub use balance::{random_day, snapshot_continues};
pub use laws::{exchange_laws, river_outfall};
pub use sewer_surcharge::ea_8b_lite;
pub use sim_core::VerificationRow;

use crate::{CoupledRun, UrbanError};
use sim_core::CancelToken;

/// A set of verification rows by name.
pub type Case = (&'static str, fn() -> Result<Vec<VerificationRow>, UrbanError>);

/// Every case, in the order of [`all`].
pub const CASES: &[Case] = &[
    ("exchange-laws", exchange_laws),
    ("river-outfall", river_outfall),
    ("random-day", random_day),
    ("snapshot-continues", snapshot_continues),
    ("ea-8b-lite", ea_8b_lite),
];

/// Runs every case. A case that cannot run at all gives one failing row with the reason as its source.
#[must_use]
pub fn all() -> Vec<VerificationRow> {
    let refused = |name: &str, why: &UrbanError| VerificationRow::at_most(name, "runs", f64::NAN, 0.0, &why.to_string());
    let rows = |(name, case): &Case| case().unwrap_or_else(|e| vec![refused(name, &e)]);
    CASES.iter().flat_map(rows).collect()
}

fn advance(run: &mut CoupledRun, t_s: f64) -> Result<(), UrbanError> {
    run.advance_to(t_s, &CancelToken::new())
}
