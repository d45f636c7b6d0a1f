//! People and smoke in one building, coupled (人烟耦合疏散).
//!
//! `sim_crowd` and `sim_fire` advance in lock step, a second at a time: the air at breathing height of every space slows, poisons
//! and turns people; doors that people open let smoke through. Ensembles share the seed's draws between what-if branches.

mod branch;
mod error;
mod infer;
mod member;
mod model;
mod names;
mod network;
mod people;
mod run;
pub mod scenes;
mod summary;
pub mod tenability;
pub mod verification;
mod verification_members;

pub use error::EvacError;
pub use infer::{FireHypothesis, InferOptions, SeenAlarm};
pub use member::{MemberRun, dose_rates};
pub use model::{EvacMember, EvacModel};
pub use people::Origin;
pub use run::{EvacEnsemble, EvacLedger, EvacRun, EvacRunOf};
