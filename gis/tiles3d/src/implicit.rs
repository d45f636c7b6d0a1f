//! Implicit tiling: subtree files, and the explicit tiles that they stand for.

use serde::Deserialize;
use serde_json::Map;

use crate::tileset::{BoundingVolume, Content, ImplicitTiling, Subdivision, Tile};

/// Most tiles that one subtree file may describe.
pub const MAX_TILES_PER_SUBTREE: u64 = 1 << 22;

/// Why a subtree could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("subtree: {0}")]
pub struct SubtreeError(String);

/// Position in an implicit tiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Coord {
    /// Level, 0 at the top.
    pub level: u32,
    /// Column.
    pub x: u32,
    /// Row.
    pub y: u32,
    /// Layer; 0 in quadtrees.
    pub z: u32,
}

impl Coord {
    /// One of the four or eight children; bit 0 of `i` is x, bit 1 is y, bit 2 is z.
    #[must_use]
    pub fn child(self, i: u32) -> Self {
        Self {
            level: self.level + 1,
            x: self.x * 2 + (i & 1),
            y: self.y * 2 + (i >> 1 & 1),
            z: self.z * 2 + (i >> 2 & 1),
        }
    }

    /// Fills a template with the coordinates.
    #[must_use]
    pub fn fill(self, template: &str) -> String {
        let Self { level, x, y, z } = self;
        template
            .replace("{level}", &level.to_string())
            .replace("{x}", &x.to_string())
            .replace("{y}", &y.to_string())
            .replace("{z}", &z.to_string())
    }
}

/// Availability of tiles, contents and child subtrees in one subtree file.
#[derive(Debug, Clone, PartialEq)]
pub struct Subtree {
    scheme: Subdivision,
    levels: u32,
    tiles: Bits,
    contents: Vec<Bits>,
    children: Bits,
}

#[derive(Debug, Clone, PartialEq)]
enum Bits {
    All(bool),
    Some(Vec<u8>),
}

impl Bits {
    fn get(&self, index: u64) -> bool {
        match self {
            Self::All(value) => *value,
            // least significant bit first
            Self::Some(bytes) => usize::try_from(index / 8)
                .ok()
                .and_then(|at| bytes.get(at))
                .is_some_and(|byte| byte >> (index % 8) & 1 == 1),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    #[serde(default)]
    buffers: Vec<Buffer>,
    #[serde(default)]
    buffer_views: Vec<View>,
    tile_availability: Availability,
    #[serde(default)]
    content_availability: OneOrMany,
    child_subtree_availability: Availability,
}

#[derive(Deserialize)]
struct Buffer {
    uri: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct View {
    buffer: usize,
    #[serde(default)]
    byte_offset: u64,
    byte_length: u64,
}

#[derive(Deserialize)]
struct Availability {
    #[serde(alias = "bufferView")]
    bitstream: Option<usize>,
    constant: Option<u8>,
}

/// Version 1.1 has a list; drafts had one object.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    Many(Vec<Availability>),
    One(Availability),
}

impl Default for OneOrMany {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Subtree {
    /// Reads a binary subtree file.
    ///
    /// # Errors
    /// What is wrong with the header, the JSON or a bitstream that is too short.
    pub fn parse(bytes: &[u8], tiling: &ImplicitTiling) -> Result<Self, SubtreeError> {
        let fail = |what: String| Err(SubtreeError(what));
        if !bytes.starts_with(b"subt") {
            return fail("expected the letters subt at byte 0".to_owned());
        }
        let long = |at: usize| bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes);
        if bytes.get(4..8) != Some(&[1, 0, 0, 0]) {
            return fail("expected version 1 at byte 4".to_owned());
        }
        let (Some(json_length), Some(bin_length)) = (long(8), long(16)) else {
            return fail(format!("the header needs 24 bytes, the file has {}", bytes.len()));
        };
        let json_end = usize::try_from(json_length).ok().and_then(|n| n.checked_add(24));
        let bin_end = json_end.and_then(|end| usize::try_from(bin_length).ok().and_then(|n| n.checked_add(end)));
        let parts = json_end.zip(bin_end).and_then(|(a, b)| bytes.get(24..a).zip(bytes.get(a..b)));
        let Some((json, bin)) = parts else {
            return fail(format!(
                "{json_length} bytes of JSON and {bin_length} of bits do not fit the {} bytes of the file",
                bytes.len()
            ));
        };
        let header: Header = serde_json::from_slice(json).map_err(|e| SubtreeError(e.to_string()))?;
        Self::from_header(&header, bin, tiling)
    }

    fn from_header(header: &Header, bin: &[u8], tiling: &ImplicitTiling) -> Result<Self, SubtreeError> {
        let (scheme, levels) = (tiling.subdivision_scheme, tiling.subtree_levels);
        let tiles = level_offset(scheme, levels).filter(|n| *n <= MAX_TILES_PER_SUBTREE);
        let below = branches(scheme).checked_pow(levels);
        let Some((tiles, below)) = tiles.zip(below) else {
            return Err(SubtreeError(format!("{levels} levels are more than {MAX_TILES_PER_SUBTREE} tiles")));
        };
        let contents = match &header.content_availability {
            OneOrMany::Many(list) => list.iter().collect::<Vec<_>>(),
            OneOrMany::One(one) => vec![one],
        };
        Ok(Self {
            scheme,
            levels,
            tiles: bits(header, &header.tile_availability, bin, tiles, "tileAvailability")?,
            contents: contents
                .into_iter()
                .map(|a| bits(header, a, bin, tiles, "contentAvailability"))
                .collect::<Result<_, _>>()?,
            children: bits(header, &header.child_subtree_availability, bin, below, "childSubtreeAvailability")?,
        })
    }

    /// Explicit tiles of this subtree, from its top tile at `at` of the implicit tile `root`.
    ///
    /// Where another subtree continues, a tile with the address of that file as its content stands in for it (its
    /// coordinates are in [`pending_subtree`]). `None` when the top tile is not available.
    #[must_use]
    pub fn expand(&self, root: &Tile, tiling: &ImplicitTiling, at: Coord) -> Option<Tile> {
        self.tile(root, tiling, at, 0, 0)
    }

    fn tile(&self, root: &Tile, tiling: &ImplicitTiling, at: Coord, level: u32, morton: u64) -> Option<Tile> {
        let index = level_offset(self.scheme, level)? + morton;
        if !self.tiles.get(index) || at.level >= tiling.available_levels {
            return None;
        }
        let mut tile = placed(root, at);
        for (content, available) in root.all_contents().zip(&self.contents) {
            if available.get(index) {
                tile.contents.push(Content {
                    uri: at.fill(&content.uri),
                    bounding_volume: None,
                    extra: content.extra.clone(),
                });
            }
        }
        if tile.contents.len() == 1 {
            tile.content = tile.contents.pop();
        }
        for i in 0..branches(self.scheme) as u32 {
            let child = at.child(i);
            let code = morton * branches(self.scheme) + u64::from(i);
            if level + 1 < self.levels {
                tile.children.extend(self.tile(root, tiling, child, level + 1, code));
            } else if self.children.get(code) && child.level < tiling.available_levels {
                let mut stand_in = placed(root, child);
                let mut content = Content::new(child.fill(&tiling.subtrees.uri));
                content.extra.insert(PENDING.to_owned(), serde_json::json!([child.level, child.x, child.y, child.z]));
                stand_in.content = Some(content);
                tile.children.push(stand_in);
            }
        }
        Some(tile)
    }
}

const PENDING: &str = "sandtablePendingSubtree";

/// Coordinates of the subtree that a content address stands for, when it is one made by [`Subtree::expand`] or
/// [`pending_root`].
#[must_use]
pub fn pending_subtree(content: &Content) -> Option<Coord> {
    let list = content.extra.get(PENDING)?.as_array()?;
    let number = |i: usize| list.get(i).and_then(serde_json::Value::as_u64).and_then(|n| u32::try_from(n).ok());
    Some(Coord { level: number(0)?, x: number(1)?, y: number(2)?, z: number(3)? })
}

/// A tile that stands for the first subtree of an implicit tile.
#[must_use]
pub fn pending_root(root: &Tile, tiling: &ImplicitTiling) -> Tile {
    let at = Coord::default();
    let mut tile = placed(root, at);
    let mut content = Content::new(at.fill(&tiling.subtrees.uri));
    content.extra.insert(PENDING.to_owned(), serde_json::json!([0, 0, 0, 0]));
    tile.content = Some(content);
    tile
}

fn branches(scheme: Subdivision) -> u64 {
    match scheme {
        Subdivision::Quadtree => 4,
        Subdivision::Octree => 8,
    }
}

/// Number of tiles in the levels above `level`.
fn level_offset(scheme: Subdivision, level: u32) -> Option<u64> {
    let n = branches(scheme);
    n.checked_pow(level).map(|power| (power - 1) / (n - 1))
}

fn bits(header: &Header, source: &Availability, bin: &[u8], count: u64, what: &str) -> Result<Bits, SubtreeError> {
    let Some(view) = source.bitstream else {
        return Ok(Bits::All(source.constant == Some(1)));
    };
    let Some(view_ref) = header.buffer_views.get(view) else {
        return Err(SubtreeError(format!("{what}: buffer view {view} of {}", header.buffer_views.len())));
    };
    if view_ref.buffer != 0 || header.buffers.first().is_some_and(|b| b.uri.is_some()) {
        return Err(SubtreeError(format!("{what}: a buffer outside the file is not supported")));
    }
    let end = view_ref.byte_offset.checked_add(view_ref.byte_length).and_then(|end| usize::try_from(end).ok());
    let slice = usize::try_from(view_ref.byte_offset).ok().zip(end).and_then(|(start, end)| bin.get(start..end));
    match slice {
        Some(bytes) if bytes.len() as u64 >= count.div_ceil(8) => Ok(Bits::Some(bytes.to_vec())),
        _ => Err(SubtreeError(format!("{what}: {count} bits do not fit buffer view {view}"))),
    }
}

/// The implicit tile's volume and error at a position; the root's transform is left to the root.
fn placed(root: &Tile, at: Coord) -> Tile {
    let octree = root.implicit_tiling.as_ref().is_some_and(|t| t.subdivision_scheme == Subdivision::Octree);
    let parts = f64::from(at.level).exp2();
    let volume = match root.bounding_volume {
        BoundingVolume::Box(b) => BoundingVolume::Box(part_of_box(&b, at, parts, octree)),
        BoundingVolume::Region([west, south, east, north, low, high]) => {
            let turn = std::f64::consts::TAU;
            let width = if east < west { east + turn - west } else { east - west } / parts;
            let (depth, height) = ((north - south) / parts, (high - low) / parts);
            let wrap = |lon: f64| if lon > std::f64::consts::PI { lon - turn } else { lon };
            let w = west + width * f64::from(at.x);
            let s = south + depth * f64::from(at.y);
            let (l, h) = if octree {
                (low + height * f64::from(at.z), low + height * (f64::from(at.z) + 1.0))
            } else {
                (low, high)
            };
            BoundingVolume::Region([wrap(w), s, wrap(w + width), s + depth, l, h])
        }
        BoundingVolume::Sphere(sphere) => BoundingVolume::Sphere(sphere),
    };
    let mut tile = Tile::new(volume, root.geometric_error / parts);
    tile.refine = root.refine;
    tile.extra = Map::new();
    tile
}

fn part_of_box(b: &[f64; 12], at: Coord, parts: f64, octree: bool) -> [f64; 12] {
    // middle of the part along each half axis, -1..1
    let middle = |i: u32| (2.0 * f64::from(i) + 1.0) / parts - 1.0;
    let along = [middle(at.x), middle(at.y), if octree { middle(at.z) } else { 0.0 }];
    let shrink = [1.0 / parts, 1.0 / parts, if octree { 1.0 / parts } else { 1.0 }];
    std::array::from_fn(|i| {
        if i < 3 {
            b[i] + (0..3).map(|axis| b[3 + axis * 3 + i] * along[axis]).sum::<f64>()
        } else {
            b[i] * shrink[(i - 3) / 3]
        }
    })
}
