//! What a file holds, reduced to what oblique photography uses.

use std::sync::Arc;

/// A whole `.osgb` file.
#[derive(Debug, Clone, PartialEq)]
pub struct OsgbFile {
    /// OpenSceneGraph's serialisation version (ContextCapture writes 91, osgconv 3.6.5 writes 161).
    pub version: u32,
    /// The top node.
    pub root: Node,
    /// Bytes after the root object (of the decompressed payload when compressed); 0 in a well-formed file.
    pub trailing_bytes: usize,
}

/// A node of the scene. Coordinates are those of the delivery's local frame, metres, z up.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A plain group.
    Group {
        /// Nodes below.
        children: Vec<Node>,
    },
    /// A group with a matrix.
    Transform {
        /// Column-major matrix for column vectors: translation in elements 12, 13 and 14.
        matrix: [f64; 16],
        /// Nodes below.
        children: Vec<Node>,
    },
    /// Levels of detail inside one file.
    Lod(Lod),
    /// Levels of detail spread over files.
    PagedLod(PagedLod),
    /// Drawable geometry.
    Geode(Vec<Geometry>),
    /// A node class that is kept by name only; it draws nothing.
    Other {
        /// OpenSceneGraph class name.
        class: String,
    },
}

/// The meaning of the two numbers of [`LodChild::range`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RangeMode {
    /// Distance from the eye, metres.
    DistanceFromEyePoint,
    /// Diameter of the bounding sphere on the screen, pixels. What ContextCapture writes.
    #[default]
    PixelSizeOnScreen,
}

/// One level of a [`Lod`] or [`PagedLod`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LodChild {
    /// The level is drawn while `range.0 <= value < range.1`, in the unit of the [`RangeMode`].
    pub range: (f32, f32),
    /// File with the content, relative to the file that names it; `None` for content in this file.
    pub file: Option<String>,
    /// Content in this file.
    pub node: Option<Node>,
}

/// Levels of detail inside one file (`osg::LOD`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lod {
    /// Centre of the sphere that ranges are measured against, metres.
    pub center: [f64; 3],
    /// Radius of that sphere, metres.
    pub radius: f64,
    /// Unit of the ranges.
    pub range_mode: RangeMode,
    /// The levels, coarse first in what ContextCapture writes.
    pub children: Vec<LodChild>,
}

/// Levels of detail spread over files (`osg::PagedLOD`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PagedLod {
    /// Centre of the sphere that ranges are measured against, metres.
    /// When the file names none, it is computed from the geometry in this file.
    pub center: [f64; 3],
    /// Radius of that sphere, metres.
    pub radius: f64,
    /// Unit of the ranges.
    pub range_mode: RangeMode,
    /// Folder that child file names are relative to; `None` means the folder of this file.
    pub database_path: Option<String>,
    /// The levels. Levels with content in this file come first.
    pub children: Vec<LodChild>,
}

/// One triangle mesh with one material.
#[derive(Debug, Clone, PartialEq)]
pub struct Geometry {
    /// To be added to every position, metres; zero unless the file has double precision vertices.
    pub origin: [f64; 3],
    /// Vertex positions relative to `origin`, metres, z up.
    pub positions: Vec<[f32; 3]>,
    /// Unit normals, one per vertex.
    pub normals: Option<Vec<[f32; 3]>>,
    /// Texture coordinates of unit 0, one per vertex, **v = 0 at the bottom row of the image** (OpenGL).
    /// glTF counts from the top row: use `1 - v` there.
    pub uvs: Option<Vec<[f32; 2]>>,
    /// Colours (red, green, blue, alpha) as in the file, one per vertex.
    pub colours: Option<Vec<[u8; 4]>>,
    /// Triangles: three indices into `positions` each, every one in range.
    pub indices: Vec<u32>,
    /// Image of texture unit 0.
    pub texture: Option<Arc<Image>>,
    /// Whether the texture repeats beyond 0..1 in u and in v (otherwise the border is stretched).
    pub texture_repeat: [bool; 2],
    /// Diffuse colour of the material, 0..1, white when there is none.
    pub colour: [f32; 4],
    /// Number of point and line primitives that were left out.
    pub skipped_primitives: u32,
}

impl Default for Geometry {
    fn default() -> Self {
        Self {
            origin: [0.0; 3],
            positions: Vec::new(),
            normals: None,
            uvs: None,
            colours: None,
            indices: Vec::new(),
            texture: None,
            texture_repeat: [false; 2],
            colour: [1.0; 4],
            skipped_primitives: 0,
        }
    }
}

/// A texture image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Name as written in the file (often the only name of an embedded JPEG).
    pub file_name: String,
    /// The pixels, or where they are.
    pub data: ImageData,
}

/// How an image is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageData {
    /// A complete JPEG file.
    Jpeg(Vec<u8>),
    /// A complete PNG file.
    Png(Vec<u8>),
    /// A complete image file of another kind (by its name: bmp, dds, tga ...).
    OtherFile(Vec<u8>),
    /// Uncompressed or block-compressed pixels.
    Raw(RawImage),
    /// Only named; the file lies beside the `.osgb` file.
    External,
}

/// Pixels as OpenGL takes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawImage {
    /// Width, pixels.
    pub width: u32,
    /// Height, pixels.
    pub height: u32,
    /// Depth, pixels; 1 for a picture.
    pub depth: u32,
    /// OpenGL internal format; 0x83F0 to 0x83F3 are DXT1, DXT1a, DXT3 and DXT5.
    pub internal_format: u32,
    /// OpenGL pixel format (0x1907 RGB, 0x1908 RGBA, ...).
    pub pixel_format: u32,
    /// OpenGL component type (0x1401 unsigned byte, ...).
    pub data_type: u32,
    /// Row alignment, bytes.
    pub packing: u32,
    /// True when the first row is the top one.
    pub top_left: bool,
    /// All levels of detail, one after the other.
    pub data: Vec<u8>,
    /// Offsets into `data` of the levels after the first.
    pub mipmap_offsets: Vec<u32>,
}

impl Image {
    /// Width and height in pixels, read from the JPEG, PNG or raw header. `None` when they are not to be found.
    #[must_use]
    pub fn dimensions(&self) -> Option<(u32, u32)> {
        match &self.data {
            ImageData::Jpeg(bytes) => jpeg_dimensions(bytes),
            ImageData::Png(bytes) => {
                let be = |at: usize| bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes);
                Some((be(16)?, be(20)?))
            }
            ImageData::Raw(raw) => Some((raw.width, raw.height)),
            ImageData::OtherFile(_) | ImageData::External => None,
        }
    }

    /// Sorts an embedded image file by its first bytes.
    #[must_use]
    pub fn from_file_bytes(file_name: String, bytes: Vec<u8>) -> Self {
        let data = if bytes.starts_with(&[0xFF, 0xD8, 0xFF]) {
            ImageData::Jpeg(bytes)
        } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            ImageData::Png(bytes)
        } else {
            ImageData::OtherFile(bytes)
        };
        Self { file_name, data }
    }
}

/// Finds the frame header (SOF0..SOF15 but DHT, JPG, DAC; ITU-T T.81 table B.1).
fn jpeg_dimensions(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2_usize;
    loop {
        let marker = *bytes.get(at + 1)?;
        if *bytes.get(at)? != 0xFF {
            return None;
        }
        if marker == 0xFF {
            at += 1;
            continue;
        }
        let length = usize::from(u16::from_be_bytes([*bytes.get(at + 2)?, *bytes.get(at + 3)?]));
        if matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC) {
            let pair = |i: usize| Some(u32::from(u16::from_be_bytes([*bytes.get(i)?, *bytes.get(i + 1)?])));
            return Some((pair(at + 7)?, pair(at + 5)?));
        }
        at += 2 + length.max(2);
    }
}
