//! IFC (2x3, 4, 4x3) to what a community pack needs: elements with triangles, the spatial tree, property sets and the
//! georeference.
//!
//! The geometry kernel is `ifc-lite`, pinned to one version and reached only through [`kernel::Kernel`], so that it can
//! be replaced or updated in one file. Before it sees the bytes, the file's end is checked (a cut file is one clear
//! error, not half a building) and text in GBK or Windows-1252 is turned into UTF-8.
//!
//! Coordinates are the IFC project's world frame in metres, z up: [`Georeference::map_from_local`] takes them to the
//! map.

mod assemble;
mod error;
mod georeference;
mod ifc_lite;
mod ifc_lite_attributes;
pub mod kernel;
mod model;
mod plan;
mod text;

pub use error::IfcError;
pub use georeference::{GeoSource, Georeference};
pub use model::{
    Element, ElementAttributes, ElementIssue, IfcModel, Mesh, PropertySet, PropertyValue, SpaceBoundary, SpatialKind,
    SpatialNode, TextEncoding,
};

pub use plan::{PlanError, PlanOptions, ToEnu, building_plan};

/// What a caller can ask of an import.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// A georeference that overrides what the file says.
    pub manual_georeference: Option<Georeference>,
    /// Leave property sets out (several times faster for large files).
    pub skip_properties: bool,
}

/// Reads an IFC file (STEP physical file, ISO 10303-21).
///
/// # Errors
/// Not an IFC file, cut short, in an unusable length unit, or one that the kernel cannot process at all. Elements that
/// fail one by one are listed in [`IfcModel::skipped`] and [`IfcModel::approximated`] instead.
pub fn import_ifc(bytes: &[u8], options: &ImportOptions) -> Result<IfcModel, IfcError> {
    text::check_envelope(bytes)?;
    let (step, encoding) = text::to_utf8(bytes);
    let raw = kernel::Kernel::read(&ifc_lite::IfcLite, &step, options.skip_properties)?;
    assemble::model(raw, encoding, options)
}
