//! Verification cases: analytic solutions and invariants with stated tolerances.
//!
//! [`all`] returns one [`VerificationRow`] per measure; the crate's tests call the same functions. Error measure
//! of profiles: `relL1(q) = sum |q - q_exact| / sum |q_exact|` over all cells.

mod basin;
mod conservation;
mod dambreak;
mod invariants;
mod steady;
mod structures;

pub use basin::{thacker_planar, thacker_radial};
pub use conservation::{mass_closure, positivity, rain_on_roofs};
pub use dambreak::{convergence, ritter, stoker, stoker_error};
pub use invariants::{lake_at_rest, snapshot_continues, symmetry, threads_agree};
pub use steady::{macdonald_rain, normal_flow, subcritical_bump};
pub use structures::{barrier_until_overtopped, buildings_hold};

pub use sim_core::VerificationRow;

use crate::{FloodError, FloodRun};
use sim_core::CancelToken;

/// A set of verification rows by name.
pub type Case = (&'static str, fn() -> Result<Vec<VerificationRow>, FloodError>);

/// Every case, in the order of [`all`].
pub const CASES: &[Case] = &[
    ("lake-at-rest", lake_at_rest),
    ("stoker-dam-break", stoker),
    ("ritter-dam-break", ritter),
    ("convergence", convergence),
    ("thacker-radial", thacker_radial),
    ("thacker-planar", thacker_planar),
    ("subcritical-bump", subcritical_bump),
    ("normal-flow", normal_flow),
    ("macdonald-rain", macdonald_rain),
    ("symmetry", symmetry),
    ("mass-closure", mass_closure),
    ("positivity", positivity),
    ("rain-on-roofs", rain_on_roofs),
    ("barrier", barrier_until_overtopped),
    ("buildings", buildings_hold),
    ("threads-agree", threads_agree),
    ("snapshot-continues", snapshot_continues),
];

/// Runs every case. A case that cannot run at all gives one failing row with the reason as its source.
#[must_use]
pub fn all() -> Vec<VerificationRow> {
    let refused =
        |name: &str, why: &FloodError| VerificationRow::at_most(name, "runs", f64::NAN, 0.0, &why.to_string());
    CASES.iter().flat_map(|(name, case)| case().unwrap_or_else(|e| vec![refused(name, &e)])).collect()
}

fn advance(run: &mut FloodRun, t_s: f64) -> Result<(), FloodError> {
    run.advance_to(t_s, &CancelToken::new()).map(|_| ())
}

/// relL1 of two profiles.
fn rel_l1(got: impl IntoIterator<Item = f64>, exact: impl IntoIterator<Item = f64>) -> f64 {
    let (mut diff, mut size) = (0.0, 0.0);
    for (a, b) in got.into_iter().zip(exact) {
        diff += (a - b).abs();
        size += b.abs();
    }
    diff / size
}
