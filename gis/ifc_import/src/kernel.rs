//! The seam between this crate and the library that reads STEP and makes triangles.

use crate::{ElementAttributes, IfcError, PropertySet};
use std::collections::BTreeMap;

/// A library that reads IFC.
pub trait Kernel {
    /// Reads a whole file of UTF-8 text.
    ///
    /// # Errors
    /// The file cannot be processed at all.
    fn read(&self, step: &[u8], skip_properties: bool) -> Result<RawModel, IfcError>;
}

/// What a kernel delivers: rows and triangles, nothing resolved.
#[derive(Debug, Clone, Default)]
pub struct RawModel {
    /// Schema as the file names it.
    pub schema: String,
    /// Metres per length unit.
    pub length_unit_m: f64,
    /// Objects with a GlobalId or geometry, by record number.
    pub records: BTreeMap<u32, RawRecord>,
    /// Triangles of occurrences (never of type libraries), in file order.
    pub meshes: Vec<RawMesh>,
    /// Relations that place objects.
    pub relations: Vec<RawRelation>,
    /// Property and quantity sets by record number.
    pub property_sets: BTreeMap<u32, PropertySet>,
    /// Floor levels of storeys, metres.
    pub elevations_m: BTreeMap<u32, f64>,
    /// World z of the local placement of storeys, metres.
    pub placements_z_m: BTreeMap<u32, f64>,
    /// Own attributes of doors, windows, flights and lifts by record number.
    pub attributes: BTreeMap<u32, ElementAttributes>,
    /// Lining thickness of `IfcDoorLiningProperties` and `IfcWindowLiningProperties` by their record number, metres.
    pub linings_m: BTreeMap<u32, f64>,
    /// Classification references (code, name) by record number of the object.
    pub classifications: BTreeMap<u32, Vec<String>>,
    /// As the file states it, unscaled.
    pub georeference: Option<RawGeoreference>,
    /// Products whose geometry is missing or not exact, with the reason.
    pub incomplete: BTreeMap<u32, String>,
}

/// An object of the file.
#[derive(Debug, Clone, Default)]
pub struct RawRecord {
    /// IFC class, e.g. "IfcWall".
    pub class: String,
    /// GlobalId; may be empty.
    pub global_id: String,
    /// Name; may be empty.
    pub name: String,
    /// Long name of a spatial element; may be empty.
    pub long_name: String,
    /// ObjectType; may be empty.
    pub object_type: String,
    /// What the record is, as far as placing it goes.
    pub role: Role,
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// `IfcProject`.
    Project,
    /// `IfcSite`.
    Site,
    /// `IfcBuilding` and other facilities.
    Building,
    /// `IfcBuildingStorey` and other parts of facilities.
    Storey,
    /// `IfcSpace`.
    Space,
    /// `IfcElement` and subtypes, except openings.
    Element,
    /// Everything else (types, openings, annotations).
    #[default]
    Other,
}

/// Triangles in the project's world frame.
#[derive(Debug, Clone)]
pub struct RawMesh {
    /// The product.
    pub record: u32,
    /// Colour, 0..1.
    pub colour: [f32; 4],
    /// Added to every position, metres.
    pub origin: [f64; 3],
    /// Metres relative to the origin.
    pub positions: Vec<[f32; 3]>,
    /// Unit normals.
    pub normals: Vec<[f32; 3]>,
    /// Three per triangle.
    pub indices: Vec<u32>,
}

/// How two records belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RelationKind {
    /// `IfcRelAggregates`, `IfcRelNests`: whole → part.
    Aggregates,
    /// `IfcRelContainedInSpatialStructure`: structure → element.
    Contains,
    /// `IfcRelVoidsElement`: element → opening.
    Voids,
    /// `IfcRelFillsElement`: opening → element.
    Fills,
    /// `IfcRelDefinesByProperties`: set → object.
    DefinesByProperties,
    /// `IfcRelDefinesByType`: type → object.
    DefinesByType,
    /// A type's own sets: set → type.
    TypeHasSet,
    /// `IfcRelSpaceBoundary` of any level: space → element.
    BoundsSpace,
}

/// A relation, always from the relating record to one related record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RawRelation {
    /// Kind.
    pub kind: RelationKind,
    /// Relating record.
    pub from: u32,
    /// Related record.
    pub to: u32,
}

/// A georeference as the file states it.
#[derive(Debug, Clone, Default)]
pub struct RawGeoreference {
    /// `IfcProjectedCRS.Name`, e.g. "EPSG:4547".
    pub crs_name: Option<String>,
    /// Eastings, in `map_unit_m` or the project's unit; longitude in degrees for a site.
    pub eastings: f64,
    /// Northings likewise; latitude in degrees for a site.
    pub northings: f64,
    /// Height likewise.
    pub height: f64,
    /// Direction of the local x axis in the map.
    pub x_axis: [f64; 2],
    /// `IfcMapConversion.Scale`.
    pub scale: f64,
    /// Metres per map unit, when the file states one.
    pub map_unit_m: Option<f64>,
    /// True when only `IfcSite.RefLatitude`/`RefLongitude` were found.
    pub from_site: bool,
    /// True for the property-set substitute of IFC 2x3.
    pub from_property_set: bool,
}
