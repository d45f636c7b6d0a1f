//! Two-zone network kernel for fire and smoke in buildings (火灾与烟气区域网络模型).
//!
//! Each space has a hot layer over a cold one; doors, slabs, fans and leaks join them; pressures of all spaces are solved
//! together. Members of an ensemble lie side by side, eight to a vector. Deterministic, re-entrant, no IO.
//!
//! ```
//! use sim_core::CancelToken;
//! use sim_fire::{
//!     Ambient, Fire, FireParams, FireRun, Fuel, Growth, Lining, Member, NetworkBuilder, Side, Space, Vent,
//! };
//!
//! let mut b = NetworkBuilder::new(Ambient::default());
//! let brick = Lining::named("brick", 0.24)?;
//! let room = b.space("room", Space::new(20.0, 2.8, 0.0).lined(&brick))?;
//! b.vent("door", Vent::wall(Side::Space(room), Side::Outside, 0.9, 0.0, 2.1))?;
//! let fire = Fire::growing("sofa", room, Growth::Fast, 1000.0, Fuel::POLYURETHANE);
//! let mut run = FireRun::new(b.build()?, vec![Member::with_fire(fire)], Vec::new(), FireParams::default())?;
//! run.advance_to(120.0, &CancelToken::new())?;
//! assert!(run.view(0, room)?.upper_c > 50.0);
//! assert!(run.air(0, room, 2.5)?.extinction_per_m > 1.0);
//! assert!(run.closure(0)?.mass < 1e-12);
//! # Ok::<(), sim_fire::FireError>(())
//! ```

#![expect(
    clippy::needless_range_loop,
    reason = "several arrays of one index side by side; lanes must stay plain loops"
)]

mod burn;
mod carry;
mod detect;
mod error;
mod fire;
mod gas;
mod heat;
mod kernel;
mod lane;
mod ledger;
mod material;
mod mixing;
mod mixture;
mod model;
mod network;
mod outdoor;
mod params;
mod plan;
pub mod plume;
mod run;
mod sparse;
mod state;
mod step;
mod strip;
mod vents;
pub mod verification;

pub use detect::{Detector, DetectorKind, EXTINCTION_M2PKG, damping_s, element_k};
pub use error::{FireError, ItemFault};
pub use fire::{Fire, Fuel, Growth, HeatCurve, Placement};
pub use gas::{CP, GAMMA, GRAVITY, M_AIR, R_AIR, SIGMA, SPECIES, Species, ZERO_C};
pub use kernel::FireKernel;
pub use ledger::{Account, Closure, Ledger};
pub use material::{Lining, Material};
pub use network::{Ambient, Network, NetworkBuilder, Side, Space, SpaceId, Vent, VentId, VentKind, Zones};
pub use outdoor::{OutdoorPlume, Stability};
pub use params::{FireForcing, FireParams, Member};
pub use plan::{BuildingNetwork, DOOR_GAP_M2, LIFT_GAP_M2, PlanOptions, facade_cp, leakage_ratio};
pub use plume::PlumeModel;
pub use run::{FireEnsemble, FireRun, FireRunOf, SpaceView};
pub use state::FireState;
