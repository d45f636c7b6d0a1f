use crate::Georeference;
use std::collections::BTreeMap;

/// An imported IFC file.
#[derive(Debug, Clone, PartialEq)]
pub struct IfcModel {
    /// Schema as the file names it: "IFC2X3", "IFC4", "IFC4X3".
    pub schema: String,
    /// Metres per length unit of the file (0.001 for millimetres); everything here is in metres already.
    pub length_unit_m: f64,
    /// How the file's text was encoded.
    pub encoding: TextEncoding,
    /// Where the model lies on the map; `None` when neither the file nor the caller says.
    pub georeference: Option<Georeference>,
    /// Project, sites, buildings, storeys and spaces; parents before children.
    pub spatial: Vec<SpatialNode>,
    /// Everything else, and those spatial nodes that have geometry; in order of their record number.
    pub elements: Vec<Element>,
    /// Property sets by GlobalId of the object; own sets override those of its type.
    pub properties: BTreeMap<String, Vec<PropertySet>>,
    /// Which element bounds which space (`IfcRelSpaceBoundary`), sorted.
    pub boundaries: Vec<SpaceBoundary>,
    /// Classification codes and names by GlobalId of the object.
    pub classifications: BTreeMap<String, Vec<String>>,
    /// Objects that should have geometry and have none.
    pub skipped: Vec<ElementIssue>,
    /// Objects whose geometry is not exactly what the file says.
    pub approximated: Vec<ElementIssue>,
}

impl IfcModel {
    /// Elements that have triangles.
    pub fn with_geometry(&self) -> impl Iterator<Item = &Element> {
        self.elements.iter().filter(|e| !e.meshes.is_empty())
    }

    /// Least and greatest corner of all triangles, metres; `None` without triangles.
    #[must_use]
    pub fn bounds(&self) -> Option<[[f64; 3]; 2]> {
        let mut bounds: Option<[[f64; 3]; 2]> = None;
        for mesh in self.elements.iter().flat_map(|e| &e.meshes) {
            for p in mesh.world_positions() {
                let [lo, hi] = bounds.get_or_insert([p, p]);
                for axis in 0..3 {
                    lo[axis] = lo[axis].min(p[axis]);
                    hi[axis] = hi[axis].max(p[axis]);
                }
            }
        }
        bounds
    }
}

/// How the text of a file was encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextEncoding {
    /// ASCII or UTF-8, taken as it is (with `\X2\` escapes resolved).
    Utf8,
    /// GBK or GB18030, transcoded.
    Gb18030,
    /// Windows-1252 (ISO 8859-1), transcoded.
    Windows1252,
}

/// What a spatial node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpatialKind {
    /// `IfcProject`.
    Project,
    /// `IfcSite`.
    Site,
    /// `IfcBuilding`, or another facility (bridge, road).
    Building,
    /// `IfcBuildingStorey`, or a part of another facility.
    Storey,
    /// `IfcSpace`.
    Space,
}

/// A node of the spatial tree.
#[derive(Debug, Clone, PartialEq)]
pub struct SpatialNode {
    /// Record number in the file.
    pub record: u32,
    /// GlobalId, 22 characters; "#record" when the file gives none.
    pub global_id: String,
    /// What it is.
    pub kind: SpatialKind,
    /// IFC class, e.g. "IfcBuildingStorey".
    pub class: String,
    /// Name; may be empty.
    pub name: String,
    /// Long name (of spaces: "起居室"); may be empty.
    pub long_name: String,
    /// Index of the parent in [`IfcModel::spatial`].
    pub parent: Option<usize>,
    /// Floor level of a storey, metres above the building's zero.
    pub elevation_m: Option<f64>,
    /// World z of a storey's local placement, metres: where its elevation lies in the frame of the triangles.
    pub placement_z_m: Option<f64>,
    /// Index in [`IfcModel::elements`] of this node's own geometry.
    pub element: Option<usize>,
}

/// A building element, or a space with geometry.
#[derive(Debug, Clone, PartialEq)]
pub struct Element {
    /// Record number in the file.
    pub record: u32,
    /// GlobalId, 22 characters; "#record" when the file gives none.
    pub global_id: String,
    /// IFC class, e.g. "IfcWallStandardCase".
    pub class: String,
    /// Name; may be empty.
    pub name: String,
    /// ObjectType; may be empty.
    pub object_type: String,
    /// Index in [`IfcModel::spatial`] of the storey it stands on, also through assemblies and openings.
    pub storey: Option<usize>,
    /// Index in [`IfcModel::spatial`] of the space it is contained in.
    pub space: Option<usize>,
    /// Index in [`IfcModel::elements`] of the assembly it is part of (a flight's stair, a plate's curtain wall).
    pub assembly: Option<usize>,
    /// Index in [`IfcModel::elements`] of the opening that a door or window fills.
    pub fills: Option<usize>,
    /// Index in [`IfcModel::elements`] of the wall or slab that an opening is cut from.
    pub voids: Option<usize>,
    /// Own attributes of doors, windows, flights and lifts.
    pub attributes: ElementAttributes,
    /// Triangles, one mesh per colour or item.
    pub meshes: Vec<Mesh>,
}

/// Attributes that a building plan needs; lengths in metres, `None` where the file says nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ElementAttributes {
    /// `OverallWidth`.
    pub width_m: Option<f64>,
    /// `OverallHeight`.
    pub height_m: Option<f64>,
    /// `LiningThickness` of the door's or window's lining, own or of its type.
    pub lining_m: Option<f64>,
    /// `NumberOfRiser` (踏步数).
    pub risers: Option<u32>,
    /// `RiserHeight`.
    pub riser_m: Option<f64>,
    /// `TreadLength`.
    pub tread_m: Option<f64>,
    /// `CapacityByNumber`.
    pub persons: Option<u32>,
    /// `PredefinedType`, `OperationType` or `InteriorOrExteriorSpace`, in capitals.
    pub kind: Option<String>,
}

/// An `IfcRelSpaceBoundary` of any level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SpaceBoundary {
    /// Index of the space in [`IfcModel::spatial`].
    pub space: usize,
    /// Index of the element in [`IfcModel::elements`].
    pub element: usize,
}

/// Triangles of one colour.
#[derive(Debug, Clone, PartialEq)]
pub struct Mesh {
    /// Added to every position: metres in the project's world frame, z up.
    pub origin: [f64; 3],
    /// Metres relative to `origin`.
    pub positions: Vec<[f32; 3]>,
    /// Unit normals, as many as positions.
    pub normals: Vec<[f32; 3]>,
    /// Three per triangle, each below `positions.len()`; counter-clockwise seen from outside.
    pub indices: Vec<u32>,
    /// Red, green, blue, alpha in 0..1, sRGB.
    pub colour: [f32; 4],
}

impl Mesh {
    /// Positions in the project's world frame, metres.
    pub fn world_positions(&self) -> impl Iterator<Item = [f64; 3]> + '_ {
        let o = self.origin;
        self.positions.iter().map(move |p| [o[0] + f64::from(p[0]), o[1] + f64::from(p[1]), o[2] + f64::from(p[2])])
    }
}

/// A property or quantity set.
#[derive(Debug, Clone, PartialEq)]
pub struct PropertySet {
    /// Name, e.g. "Pset_DoorCommon".
    pub name: String,
    /// Values by name, in file order.
    pub values: Vec<(String, PropertyValue)>,
}

/// A property's value.
#[derive(Debug, Clone, PartialEq)]
pub enum PropertyValue {
    /// True or false.
    Bool(bool),
    /// A number in the unit of the file.
    Number(f64),
    /// Text, and everything else in its canonical spelling.
    Text(String),
}

/// An object with a problem.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ElementIssue {
    /// GlobalId.
    pub global_id: String,
    /// IFC class and name.
    pub what: String,
    /// Why.
    pub reason: String,
}
