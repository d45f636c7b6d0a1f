//! Surface flood (二维地表) and sewer network (一维管网) advanced together.
//!
//! Every manhole, storm inlet and outfall that has a cell of the raster exchanges water with it: what one side gives, the
//! other gets, posted in both accounts. See [`CoupledRun`].
//!
//! ```
//! use sim_core::CancelToken;
//! use sim_drainage::{
//!     Conduit, DrainageForcing, DrainageParams, LinkKind, NetworkBuilder, Node, OpeningLaw, OutfallStage, Shape,
//! };
//! use sim_flood::{FloodParams, Forcing, Grid, Initial, RainSeries, Structures, Terrain};
//! use sim_urban::{CoupledRun, Coupling, SurfaceOpening, UrbanModel};
//!
//! let grid = Grid { nx: 40, ny: 30, dx_m: 2.0 };
//! let terrain = Terrain::from_fn(grid, 0.03, |x, _| 5.0 + 0.002 * (x - 40.0).abs());
//! let mut b = NetworkBuilder::new();
//! let inlet = b.node("I1", Node::manhole(3.5, 1.5))?;
//! let out = b.node("O1", Node::outfall(3.0, OutfallStage::Free))?;
//! b.link("P1", inlet, out, LinkKind::Conduit(Conduit::new(Shape::Circular { diameter_m: 0.4 }, 60.0, 0.013)))?;
//! let grate = OpeningLaw::Grate { area_m2: 0.2, perimeter_m: 1.8, clogging: 0.3 };
//! let rain = RainSeries { series: vec![(0.0, 60.0)], cells: None };
//! let mut run = CoupledRun::new(UrbanModel {
//!     terrain,
//!     structures: Structures::default(),
//!     surface_forcing: Forcing { rain: vec![rain], ..Forcing::default() },
//!     surface_params: FloodParams::default(),
//!     initial: Initial::dry(),
//!     network: b.build()?,
//!     sewer_forcing: DrainageForcing::default(),
//!     sewer_params: DrainageParams::default(),
//!     coupling: Coupling {
//!         openings: vec![SurfaceOpening { node: inlet, cell: 15 * 40 + 20, law: grate }],
//!         ..Coupling::default()
//!     },
//! })?;
//! run.advance_to(300.0, &CancelToken::new())?;
//! assert!(run.ledger().down_m3 > 0.0 && run.ledger().relative_error() < 1e-6);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod ledger;
mod model;
mod run;
pub mod verification;

pub use error::UrbanError;
pub use ledger::UrbanLedger;
pub use model::{Coupling, SurfaceOpening, SurfaceOutfall, UrbanModel};
pub use run::CoupledRun;
