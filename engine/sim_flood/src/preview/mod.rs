//! **Preview, not certified**: a local-inertial solver for a first look, several times faster than the full kernel.
//!
//! It leaves out the advection of momentum (Bates, Horritt & Fewtrell 2010, J. Hydrol. 387, 33-45; de Almeida, Bates,
//! Freer & Souvignet 2012, Water Resour. Res. 48, W05528). That is right for water that rises and spreads slowly:
//! gradually varied, subcritical flow over rough ground (Manning n of 0.03 and more). It is wrong for dam breaks, jets
//! below a gate, hydraulic jumps and steep streets: there the flow is held at Froude number 1, and depths and arrival
//! times differ from the full kernel's. Never decide on a preview alone; run [`crate::FloodRun`].
//!
//! Same inputs, ledger and promises as the full kernel: every cubic metre is booked, no cell is clipped, the same bits for
//! any number of threads and any instruction set, and after a restore. Discharges enter without momentum
//! ([`crate::PointInflow::direction`] is not used); `order` and `limiter_theta` of the parameters mean nothing here.
//!
//! ```
//! use sim_core::CancelToken;
//! use sim_flood::preview::PreviewRun;
//! use sim_flood::{FloodParams, Forcing, Grid, Initial, RainSeries, Terrain};
//!
//! let grid = Grid { nx: 40, ny: 30, dx_m: 2.0 };
//! let terrain = Terrain::from_fn(grid, 0.03, |x, _| 5.0 - 0.01 * x);
//! let rain = RainSeries { series: vec![(0.0, 50.0), (600.0, 0.0)], cells: None };
//! let forcing = Forcing { rain: vec![rain], ..Forcing::default() };
//! let mut run = PreviewRun::new(terrain, vec![], forcing, FloodParams::default(), Initial::dry())?;
//! run.advance_to(60.0, &CancelToken::new())?;
//! assert!(run.ledger().relative_error() < 1e-6);
//! # Ok::<(), sim_flood::FloodError>(())
//! ```

use sim_core::ParamError;

use crate::{FloodError, Forcing, Structures};

mod band;
mod forcing;
mod kernel;
mod lanes;
mod layout;
mod rows;
mod run;
mod state;
pub mod verification;

pub use forcing::PreviewForcing;
pub use kernel::PreviewKernel;
pub use run::PreviewRun;
pub use state::PreviewState;

/// What the preview does not compute is refused, never left out.
///
/// # Errors
/// [`FloodError::Param`] naming the first structure that is not a fixed wall.
pub fn only_walls(structures: &Structures) -> Result<(), FloodError> {
    let refused =
        |what: &str| Err(ParamError::new(what, "given", "-", "none in a preview: use the full solver").into());
    let s = structures;
    if s.barriers.iter().any(|b| b.crest_series.len() > 1) {
        return refused("barriers with a moving crest");
    }
    let others = [
        ("gates", s.gates.len()),
        ("culverts", s.culverts.len()),
        ("pumps", s.pumps.len()),
        ("outlets", s.outlets.len()),
    ];
    match others.iter().find(|o| o.1 > 0) {
        Some((what, _)) => refused(what),
        None => Ok(()),
    }
}

/// The same for the forcing.
///
/// # Errors
/// [`FloodError::Param`] naming what the preview does not compute.
pub(crate) fn only_water(forcing: &Forcing) -> Result<(), FloodError> {
    let refused =
        |what: &str| Err(ParamError::new(what, "given", "-", "none in a preview: use the full solver").into());
    if !forcing.soil.is_sealed() {
        return refused("soil that takes in water");
    }
    if forcing.downspouts.is_empty() { Ok(()) } else { refused("downspouts") }
}
