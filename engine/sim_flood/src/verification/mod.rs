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
mod urban;

pub use basin::{thacker_planar, thacker_radial};
pub use conservation::{mass_closure, positivity, rain_on_roofs};
pub use dambreak::{convergence, ritter, stoker, stoker_error};
pub use invariants::{lake_at_rest, snapshot_continues, symmetry, threads_agree};
pub use steady::{macdonald_rain, normal_flow, subcritical_bump};
pub use structures::{barrier_until_overtopped, buildings_hold};
pub use urban::{culvert_pump_breach, infiltration, live_edits, outlets, weir_and_gate};

pub use sim_core::VerificationRow;

use crate::{FloodError, FloodRunOf, Real};
use sim_core::CancelToken;

/// A set of verification rows by name.
pub type Case = (&'static str, fn() -> Result<Vec<VerificationRow>, FloodError>);

/// Every case, in the order of [`all`]: in `f32`, which runs use, and in `f64`, which shows the scheme without rounding.
pub const CASES: &[Case] = &[
    ("lake-at-rest", lake_at_rest::<f32>),
    ("lake-at-rest f64", lake_at_rest::<f64>),
    ("stoker-dam-break", stoker::<f32>),
    ("stoker-dam-break f64", stoker::<f64>),
    ("ritter-dam-break", ritter::<f32>),
    ("ritter-dam-break f64", ritter::<f64>),
    ("convergence", convergence::<f32>),
    ("convergence f64", convergence::<f64>),
    ("thacker-radial", thacker_radial::<f32>),
    ("thacker-radial f64", thacker_radial::<f64>),
    ("thacker-planar", thacker_planar::<f32>),
    ("thacker-planar f64", thacker_planar::<f64>),
    ("subcritical-bump", subcritical_bump::<f32>),
    ("subcritical-bump f64", subcritical_bump::<f64>),
    ("normal-flow", normal_flow::<f32>),
    ("normal-flow f64", normal_flow::<f64>),
    ("macdonald-rain", macdonald_rain::<f32>),
    ("macdonald-rain f64", macdonald_rain::<f64>),
    ("symmetry", symmetry::<f32>),
    ("symmetry f64", symmetry::<f64>),
    ("mass-closure", mass_closure::<f32>),
    ("mass-closure f64", mass_closure::<f64>),
    ("positivity", positivity::<f32>),
    ("positivity f64", positivity::<f64>),
    ("rain-on-roofs", rain_on_roofs::<f32>),
    ("rain-on-roofs f64", rain_on_roofs::<f64>),
    ("barrier", barrier_until_overtopped::<f32>),
    ("barrier f64", barrier_until_overtopped::<f64>),
    ("buildings", buildings_hold::<f32>),
    ("buildings f64", buildings_hold::<f64>),
    ("weir-and-gate", weir_and_gate::<f32>),
    ("weir-and-gate f64", weir_and_gate::<f64>),
    ("culvert-pump-breach", culvert_pump_breach::<f32>),
    ("culvert-pump-breach f64", culvert_pump_breach::<f64>),
    ("outlets", outlets::<f32>),
    ("outlets f64", outlets::<f64>),
    ("infiltration", infiltration::<f32>),
    ("infiltration f64", infiltration::<f64>),
    ("live-edits", live_edits::<f32>),
    ("live-edits f64", live_edits::<f64>),
    ("threads-agree", threads_agree::<f32>),
    ("threads-agree f64", threads_agree::<f64>),
    ("snapshot-continues", snapshot_continues::<f32>),
    ("snapshot-continues f64", snapshot_continues::<f64>),
];

/// Runs every case. A case that cannot run at all gives one failing row with the reason as its source.
#[must_use]
pub fn all() -> Vec<VerificationRow> {
    let refused =
        |name: &str, why: &FloodError| VerificationRow::at_most(name, "runs", f64::NAN, 0.0, &why.to_string());
    let named = |name: &str, mut row: VerificationRow| {
        row.case = name.to_owned();
        row
    };
    let rows = |(name, case): &Case| match case() {
        Ok(rows) => rows.into_iter().map(|row| named(name, row)).collect(),
        Err(e) => vec![refused(name, &e)],
    };
    CASES.iter().flat_map(rows).collect()
}

/// The bound for this precision.
fn bound<R: Real>(f32_bound: f64, f64_bound: f64) -> f64 {
    if R::NAME == "f32" { f32_bound } else { f64_bound }
}

fn f64s<R: Real>(values: &[R]) -> Vec<f64> {
    values.iter().map(|x| x.to_f64()).collect()
}

fn advance<R: Real>(run: &mut FloodRunOf<R>, t_s: f64) -> Result<(), FloodError> {
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
