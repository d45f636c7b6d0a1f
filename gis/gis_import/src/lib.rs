//! Deliveries to community pack: reads a project file with the deliveries of a community (GeoTIFF, Shapefile,
//! GeoPackage, GeoJSON, CSV, IFC, OSGB, CityJSON, OSM, ESRI ASCII) and writes the pack that `community_pack` reads.
//!
//! Every vertex and point goes into the community's ENU frame by the exact transformation. The result depends on the
//! inputs only: the same deliveries give the same bytes. One bad object never stops an import; it becomes a line of
//! `report.json`. A delivery that cannot be used at all is one clear error, and nothing is left at the output path.

mod bim;
mod bim_place;
mod buildings;
mod cityjson;
mod entities;
mod error;
mod facade;
mod ground;
mod import;
mod landcover;
mod live;
mod log;
mod mesh;
mod networks;
mod oblique;
mod output;
mod place;
mod progress;
mod project;
mod raster;
mod spine;
mod terrain;
mod tiles;
mod vector;

pub use error::ImportError;
pub use import::{ImportReport, import};
pub use progress::{NoProgress, Progress};
