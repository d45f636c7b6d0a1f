//! Models in binary glTF 2.0: written for any viewer, read from ours and from ordinary ones.
//!
//! A [`GlbModel`] is in **tile-local z-up metres** (x east, y north, z up). The file is y-up as glTF demands; a 3D Tiles
//! viewer turns it back. The pair of turns is exact (it only swaps and negates coordinates).

mod access;
mod metadata;
mod read;
mod write;

pub use read::{GlbReport, read_glb, read_glb_with_report};
pub use write::write_glb;

/// A model: what one tile draws.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GlbModel {
    /// Triangle meshes, one material each.
    pub primitives: Vec<Primitive>,
    /// Images that materials refer to by index.
    pub images: Vec<GlbImage>,
    /// What each feature id means.
    pub features: Option<PropertyTable>,
}

/// Encoding of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImageMime {
    /// `image/jpeg`
    Jpeg,
    /// `image/png`
    Png,
    /// `image/webp` (read only when a file has it; needs an extension that is not written)
    Webp,
    /// `image/ktx2` (as above)
    Ktx2,
}

impl ImageMime {
    /// Media type as glTF spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Ktx2 => "image/ktx2",
        }
    }

    /// From the media type, or else from the first bytes.
    #[must_use]
    pub fn detect(media_type: Option<&str>, bytes: &[u8]) -> Option<Self> {
        let by_name =
            [Self::Jpeg, Self::Png, Self::Webp, Self::Ktx2].into_iter().find(|m| Some(m.as_str()) == media_type);
        by_name.or(match bytes {
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', ..] => Some(Self::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            [0xAB, b'K', b'T', b'X', b' ', b'2', b'0', ..] => Some(Self::Ktx2),
            _ => None,
        })
    }
}

/// An image file, unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlbImage {
    /// Encoding.
    pub mime: ImageMime,
    /// The complete image file.
    pub bytes: Vec<u8>,
}

/// A triangle mesh with one material.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Primitive {
    /// Vertex positions, tile-local z-up metres.
    pub positions: Vec<[f32; 3]>,
    /// Unit normals in the same frame, one per vertex.
    pub normals: Option<Vec<[f32; 3]>>,
    /// Texture coordinates, one per vertex, v = 0 at the **top** row of the image.
    pub uvs: Option<Vec<[f32; 2]>>,
    /// Colours, one per vertex: linear red, green, blue and alpha, multiplied with the material's base colour.
    pub colours: Option<Vec<[u8; 4]>>,
    /// Feature id of each vertex: row of the property table.
    /// Exact up to 16,777,216; glTF vertex attributes have no 32-bit integers.
    pub feature_ids: Option<Vec<u32>>,
    /// Triangles: three indices into `positions` each.
    pub indices: Vec<u32>,
    /// How it looks.
    pub material: Material,
}

/// How a mesh looks.
#[derive(Debug, Clone, PartialEq)]
pub struct Material {
    /// Base colour factor, linear, 0..1.
    pub base_colour: [f32; 4],
    /// Base colour texture: index into [`GlbModel::images`].
    pub texture: Option<usize>,
    /// Whether the texture repeats beyond 0..1 in u and v.
    pub texture_repeat: [bool; 2],
    /// Metalness, 0..1.
    pub metallic: f32,
    /// Roughness, 0..1.
    pub roughness: f32,
    /// Drawn without lighting (`KHR_materials_unlit`): for photographic textures.
    pub unlit: bool,
    /// Drawn from both sides.
    pub double_sided: bool,
    /// What alpha does.
    pub alpha: AlphaMode,
}

impl Default for Material {
    fn default() -> Self {
        Self {
            base_colour: [1.0; 4],
            texture: None,
            texture_repeat: [false; 2],
            metallic: 0.0,
            roughness: 1.0,
            unlit: false,
            double_sided: false,
            alpha: AlphaMode::Opaque,
        }
    }
}

/// What alpha does.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum AlphaMode {
    /// Nothing.
    #[default]
    Opaque,
    /// Fragments below the cutoff (0..1) are left out.
    Mask(f32),
    /// Blended.
    Blend,
}

/// One row per feature id (`EXT_structural_metadata`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PropertyTable {
    /// Name of the class in the schema (letters, digits and underscores).
    pub class: String,
    /// Columns, all of the same length.
    pub columns: Vec<Column>,
}

impl PropertyTable {
    /// Number of rows: the length of the shortest column.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.columns.iter().map(|column| column.values.len()).min().unwrap_or(0)
    }

    /// The column of that name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// A whole number of one feature.
    #[must_use]
    pub fn u32(&self, name: &str, feature: u32) -> Option<u32> {
        match &self.column(name)?.values {
            ColumnValues::U32(values) => values.get(feature as usize).copied(),
            _ => None,
        }
    }

    /// A number of one feature, whatever its type.
    #[must_use]
    pub fn number(&self, name: &str, feature: u32) -> Option<f64> {
        let row = feature as usize;
        match &self.column(name)?.values {
            ColumnValues::U32(values) => values.get(row).map(|v| f64::from(*v)),
            ColumnValues::F32(values) => values.get(row).map(|v| f64::from(*v)),
            ColumnValues::F64(values) => values.get(row).copied(),
            ColumnValues::String(_) => None,
        }
    }

    /// A text of one feature.
    #[must_use]
    pub fn text(&self, name: &str, feature: u32) -> Option<&str> {
        match &self.column(name)?.values {
            ColumnValues::String(values) => values.get(feature as usize).map(String::as_str),
            _ => None,
        }
    }
}

/// A column of a property table.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Name shown to people; any text.
    pub name: String,
    /// The values, by feature id.
    pub values: ColumnValues,
}

/// Values of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnValues {
    /// Whole numbers.
    U32(Vec<u32>),
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision; also what other number types of foreign files become.
    F64(Vec<f64>),
    /// Texts.
    String(Vec<String>),
}

impl ColumnValues {
    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::U32(values) => values.len(),
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::String(values) => values.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Why a glb could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GlbError {
    /// The container is damaged.
    #[error("byte {offset}: {what}")]
    Container {
        /// Byte offset in the file.
        offset: usize,
        /// What is wrong.
        what: String,
    },
    /// The JSON part cannot be parsed.
    #[error("glTF JSON: {0}")]
    Json(String),
    /// The file needs something that is not supported.
    #[error("{item}: {what} is not supported")]
    Unsupported {
        /// Where, as a JSON path.
        item: String,
        /// What.
        what: String,
    },
    /// A value is out of range or does not fit another.
    #[error("{item}: {what}")]
    Invalid {
        /// Where, as a JSON path.
        item: String,
        /// What is wrong, with the value and the allowed range.
        what: String,
    },
}

/// z-up (east, north, up) to glTF's y-up.
#[must_use]
pub fn z_up_to_y_up([x, y, z]: [f32; 3]) -> [f32; 3] {
    [x, z, -y]
}

/// glTF's y-up to z-up (east, north, up).
#[must_use]
pub fn y_up_to_z_up([x, y, z]: [f32; 3]) -> [f32; 3] {
    [x, -z, y]
}
