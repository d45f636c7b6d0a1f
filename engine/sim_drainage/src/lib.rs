//! One-dimensional dynamic-wave sewer network kernel (排水管网).
//!
//! Nodes and links, full Saint-Venant momentum in every pipe, open channel to pressure by a slot, heads of all nodes solved
//! together (semi-implicit, Casulli & Stelling 2013), every cubic metre booked. Deterministic, re-entrant, no IO.
//!
//! ```
//! use sim_core::CancelToken;
//! use sim_drainage::{
//!     Conduit, DrainageForcing, DrainageParams, DrainageRun, Inflow, LinkKind, NetworkBuilder, Node, OutfallStage, Shape,
//! };
//!
//! let mut b = NetworkBuilder::new();
//! let m1 = b.node("M1", Node::manhole(10.0, 3.0))?;
//! let out = b.node("O1", Node::outfall(9.5, OutfallStage::Free))?;
//! let pipe = Conduit::new(Shape::Circular { diameter_m: 0.6 }, 100.0, 0.013);
//! b.link("P1", m1, out, LinkKind::Conduit(pipe))?;
//! let forcing = DrainageForcing { inflows: vec![Inflow::constant(m1, 0.1)], ..DrainageForcing::default() };
//! let mut run = DrainageRun::new(b.build()?, forcing, DrainageParams::default())?;
//! run.advance_to(600.0, &CancelToken::new())?;
//! assert!(run.ledger().relative_error() < 1e-9);
//! # Ok::<(), sim_drainage::DrainageError>(())
//! ```

mod book;
mod conduit;
mod curve;
mod device;
mod ends;
mod error;
mod forcing;
pub mod inp;
mod kernel;
mod ledger;
mod lu;
mod network;
mod params;
mod run;
mod section;
mod shape;
mod solve;
mod state;
mod store;
pub mod verification;

pub use curve::{Curve, Series};
pub use error::DrainageError;
pub use forcing::{DrainageForcing, Inflow, Opening, OpeningLaw, Surface};
pub use kernel::DrainageKernel;
pub use ledger::{Ledger, NodeLedger};
pub use network::{
    Conduit, Link, LinkId, LinkKind, Network, NetworkBuilder, Node, NodeId, NodeKind, Opening as OrificeOpening, Orifice,
    OutfallStage, Outlet, Pump, PumpCurve, Rating, StorageArea, Weir, WeirForm,
};
pub use params::{DrainageParams, Damping, NormalLimit};
pub use run::{DrainageRun, StepStats};
pub use section::{Flow, Section};
pub use shape::Shape;
pub use state::DrainageState;
