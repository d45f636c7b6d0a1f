//! Verification and validation cases with stated bounds.
//!
//! [`CASES`] lists them; [`Case::run`] gives one [`VerificationRow`] per measure. The crate's tests run the same list.
//! Names say after whom: RiMEA 1–15 (guideline 3.0, texts read in JuPedSim's repository of 2021), IMO MSC.1/Circ.1533
//! Annex 3 tests 1–12 and NIST Technical Note 1822 (both after secondary descriptions, their wording could not be read).

mod case;
mod diagrams;
mod doses;
mod imo;
mod invariants;
mod list;
mod network;
mod rimea;
mod rimea_rooms;
mod scenes;
mod social_force;
mod tn1822;

pub use case::{Case, VerificationCase};
pub use diagrams::{
    JULICH_CLOSED, JULICH_OPEN, JUPEDSIM_CORRIDOR, NECK_FLOWS, bottleneck_with, jupedsim_like, no_clogs_with,
    weidmann_mps,
};
pub use list::CASES;
pub use rimea_rooms::block;
pub use scenes::{CorridorFlow, Manners, NeckFlow, circuit_speed, neck_flow, open_corridor, open_corridor_timed};
pub use sim_core::VerificationRow;
