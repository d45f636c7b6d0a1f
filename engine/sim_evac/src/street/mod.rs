//! The ground round a building (室外): tiles that people walk over, exits that lead onto them, places of safety.

mod around;
mod outcome;
mod outside;
mod plume;
mod safety;

pub use around::{Surroundings, ground_around};
pub(crate) use outside::{Outside, Street};
pub(crate) use plume::EVERY_S;
