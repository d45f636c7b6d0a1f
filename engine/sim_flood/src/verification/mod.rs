//! Verification cases: analytic solutions and invariants with stated bounds.
//!
//! [`CASES`] lists them; [`Case::run`] gives one [`VerificationRow`] per measure and what a page shows of the case. The
//! crate's tests run the same list. Error measure of profiles: `relL1(q) = sum |q - q_exact| / sum |q_exact|` over all
//! cells. Closed forms were compared with SWASHES 1.05 (Delestre et al. 2013) where it has the case
//! (`tools/compare/flood/swashes.py`).

mod basin;
mod beach;
mod canal;
mod case;
mod conservation;
mod dambreak;
mod friction;
mod invariants;
mod list;
mod local;
mod macdonald;
mod merewether;
mod ponds;
mod porous;
mod published;
mod radial;
mod reference;
mod steady;
mod storm;
mod structures;
mod urban;

pub use case::{Curve, CurveKind, Figure, VerificationCase};
pub use dambreak::stoker_error;
pub use list::CASES;
pub use merewether::{MerewetherFiles, merewether};
pub use published::ea_test_4;

pub use sim_core::VerificationRow;

use crate::{FloodError, FloodRunOf, Real, TimeStepping};
use sim_core::CancelToken;

/// A case in one precision: `f32`, which runs use, or `f64`, which shows the scheme without rounding.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Stable name, lower case with dashes, without the precision.
    pub name: &'static str,
    /// "f32" or "f64".
    pub precision: &'static str,
    /// What is computed and what it is compared with.
    pub about: &'static str,
    time_stepping: TimeStepping,
    work: Work,
}

/// Fills a case.
type Work = fn(&mut VerificationCase) -> Result<(), FloodError>;

impl Case {
    const fn new<R: Real>(name: &'static str, about: &'static str, work: Work) -> Self {
        Self { name, precision: R::NAME, about, time_stepping: TimeStepping::Global, work }
    }

    /// With local steps; a name that ends in " f64" is of that precision.
    const fn local(name: &'static str, about: &'static str, work: Work) -> Self {
        let (name, precision) = match name.as_bytes() {
            [.., b' ', b'f', b'6', b'4'] => (name.split_at(name.len() - 4).0, "f64"),
            _ => (name, "f32"),
        };
        Self { name, precision, about, time_stepping: TimeStepping::LOCAL, work }
    }

    /// Runs the case on one thread, so that several can run at once: their rasters are too small to share. One that stops
    /// gives a failing row with the reason as its source.
    #[must_use]
    pub fn run(&self) -> VerificationCase {
        let mut case = if self.precision == "f32" {
            VerificationCase::new::<f32>(self.name)
        } else {
            VerificationCase::new::<f64>(self.name)
        };
        case.time_stepping = self.time_stepping;
        let work = self.work;
        if let Err(why) = on_one_thread(|| work(&mut case)) {
            case.at_most("runs to its end", f64::NAN, 0.0, &why.to_string());
        }
        case
    }
}

#[cfg(feature = "parallel")]
fn on_one_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    match rayon::ThreadPoolBuilder::new().num_threads(1).build() {
        Ok(pool) => pool.install(work),
        Err(_) => work(),
    }
}

#[cfg(not(feature = "parallel"))]
fn on_one_thread<T>(work: impl FnOnce() -> T) -> T {
    work()
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

/// Order of convergence between the first and the last of (cell size, error).
fn observed_order(errors: &[(f64, f64)]) -> f64 {
    match (errors.first(), errors.last()) {
        (Some(a), Some(b)) => (a.1 / b.1).ln() / (a.0 / b.0).ln(),
        _ => f64::NAN,
    }
}

/// Where `f`, negative below and positive above, changes sign between `low` and `high`.
fn bisect(mut low: f64, mut high: f64, f: impl Fn(f64) -> f64) -> f64 {
    loop {
        let mid = 0.5 * (low + high);
        if mid <= low.min(high) || mid >= low.max(high) || !mid.is_finite() {
            return mid;
        }
        if f(mid) < 0.0 { low = mid } else { high = mid }
    }
}

/// Middle row of a channel: (x of the centre from the west edge, depth, velocity).
fn middle_row<R: Real>(run: &FloodRunOf<R>) -> Vec<[f64; 3]> {
    let g = run.grid();
    let (h, u) = (run.depth_m(), run.velocity_x_mps());
    let row = g.ny / 2 * g.nx;
    (0..g.nx).map(|i| [(i as f64 + 0.5) * g.dx_m, h[row + i].to_f64(), u[row + i].to_f64()]).collect()
}
