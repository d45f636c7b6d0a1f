//! People who walk, queue and leave (人群疏散): a microscopic crowd kernel with wayfinding and hazards, and a queue network.
//!
//! Micro: collision-free speed model (Tordeux, Chraibi, Seyfried 2016) with anticipation (Xu et al. 2021) on layers joined
//! by portals; routes per destination class; smoke, gas, heat and water slow and stop people. Bit-identical for any
//! number of threads and instruction set; nobody is ever lost.
//!
//! ```
//! use sim_core::CancelToken;
//! use sim_crowd::{CrowdForcing, CrowdParams, CrowdRun, DestinationClass, LayerSpec, Person, WorldBuilder};
//!
//! let mut world = WorldBuilder::new([0.0, 0.0]);
//! let room = world.layer(&LayerSpec::rectangle("room", [0.0, 0.0], [8.0, 5.0]))?;
//! world.door("exit", (room, [[8.0, 2.0], [8.0, 3.0]]), None)?;
//! let mut run = CrowdRun::new(world.build()?, vec![DestinationClass::default()], CrowdParams::default(), CrowdForcing::default())?;
//! run.enter(&Person::new(room, [1.0, 1.0], 1.3))?;
//! run.advance_to(60.0, &CancelToken::new())?;
//! assert_eq!(run.balance().left, 1);
//! # Ok::<(), sim_crowd::CrowdError>(())
//! ```

mod agents;
mod build;
mod demand;
mod error;
mod field;
mod from_plan;
mod ground;
pub mod hazard;
mod kernel;
mod lanes;
mod lift;
mod math;
mod meso;
mod motion;
mod params;
mod route;
mod run;
mod sort;
mod stairs;
mod state;
pub mod verification;
mod world;

pub use agents::Status;
pub use build::{DoorSide, LayerSpec, WorldBuilder};
pub use demand::{Cohort, Demand, IMO_PASSENGERS, Spread, imo_passenger};
pub use error::CrowdError;
pub use from_plan::OutdoorArea;
pub use hazard::{FloodOnFloor, SmokeLaw};
pub use kernel::company::HERDING_SIGHT_M;
pub use kernel::{CrowdForcing, CrowdKernel, Person};
pub use lift::LiftSpec;
pub use meso::{MesoNetwork, MesoPerson, MesoResult, MesoWalk, QueueLaw};
pub use params::{CrowdParams, SpacingLaw};
pub use route::DestinationClass;
pub use run::{CrowdRun, Dose, FrameRow};
pub use stairs::{Grade, slope_of};
pub use state::{Balance, CrowdEdit, CrowdState, Departure};
pub use world::{CrowdWorld, Layer, LayerId, LayerKind, Portal, PortalId, Slope};
