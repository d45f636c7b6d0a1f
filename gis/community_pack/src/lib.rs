//! The community pack (社区数据包): one folder, on disk or over HTTP, that holds a whole community.
//!
//! Everything in a pack is in ENU metres (x east, y north, z up, `f64`) at the pack's [`Origin`], except the two
//! rasters, which stay in the plane CRS that their EPSG code names. Decoders take bytes, never panic on them, and
//! name file, id, value and allowed range in their errors; only [`Pack::open`] touches the file system.

mod device_types;
mod entities_read;
mod entities_write;
mod error;
pub mod evac_folder;
mod graph;
mod manifest;
mod pack;
mod plans;
mod raster;
mod report;
pub mod run_folder;
mod tables;

pub use device_types::{RULES_FILE, parse_device_types, parse_rules};
pub use entities_read::read_entities;
pub use entities_write::write_entities;
pub use error::{PackError, PackWarning};
pub use graph::{BuildingGraph, DrainLink, DrainNode, Drainage, Graph, RoadGraph, RoadLink, StoreyGraph};
pub use manifest::{FORMAT, Layer, Manifest, NO_LAYER, Origin, PackCrs, PackFiles, Provenance, TerrainRef, VERSION};
pub use pack::{Pack, PackBytes};
pub use plans::Plans;
pub use raster::{RasterU8, Terrain, read_raster_u8, read_terrain};
pub use report::{FileReport, Report, ReportItem};
pub use tables::{Binding, DeviceRow, parse_bindings, parse_devices};
