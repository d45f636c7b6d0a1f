//! People and smoke in one building, coupled (人烟耦合疏散).
//!
//! `sim_crowd` and `sim_fire` advance in lock step, a second at a time: the air at breathing height of every space slows, poisons
//! and turns people; doors that people open let smoke through. Ensembles share the seed's draws between what-if branches.

mod alarm_table;
mod branch;
mod error;
mod fire_draw;
mod infer;
mod live;
mod member;
mod merge;
mod model;
mod names;
mod network;
mod occupancy;
mod people;
mod run;
pub mod scenes;
mod street;
mod summary;
pub mod tenability;
pub mod verification;
pub mod verification_live;
mod verification_members;
mod verification_people;
mod view;
mod water;

pub use alarm_table::AlarmTable;
pub use error::EvacError;
pub use infer::{FireBelief, FireHypothesis, InferOptions, RoomDoors, SeenAlarm, SeenSignal};
pub use live::{LiveOptions, live_forecast};
pub use member::{MemberRun, dose_rates};
pub use model::{EvacMember, EvacModel};
pub use occupancy::{Occupancy, OccupancyOptions, hour_share, occupancy};
pub use people::Origin;
pub use run::{EvacEnsemble, EvacLedger, EvacRun, EvacRunOf};
pub use street::{Surroundings, ground_around};
pub use view::EvacView;
pub use water::{DoorWater, USUAL_STEP_M, WaterInside, WaterReading, water_on_floors};
