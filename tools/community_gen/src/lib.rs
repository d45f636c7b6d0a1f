//! Generates a fictional riverside community as deliveries in real formats.
//!
//! A [`generate`] call plans the community from its seed and then writes every delivery from that one plan, so that
//! the footprint, the BIM model, the oblique mesh and the address table of a building agree. The same seed gives the
//! same bytes in every file.

mod address;
mod error;
mod furniture;
mod generate;
mod geom;
mod ifc;
mod layout;
mod live;
mod network;
mod oblique;
mod paint;
mod plan;
mod project;
mod raster;
mod rng;
mod shapes;
mod tables;
mod terrain;
mod vector;

pub use error::GenError;
pub use generate::{GenerateOptions, GenerateReport, generate};
