//! Tiles in an arena, in the community's frame.

use glam::{DMat3, DMat4, DVec3};

use crate::implicit::{Coord, Subtree, SubtreeError, pending_root, pending_subtree};
use crate::tileset::{BoundingVolume, ImplicitTiling, Refine, Tile, Tileset, geodetic_to_ecef};
use crate::uri;

/// A tile of one [`TileTree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId(u32);

impl TileId {
    /// Position in arrays that run parallel to the tree (load states, for instance).
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A box of any orientation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Obb {
    /// Centre, metres.
    pub center: DVec3,
    /// Half axes, metres; may be of length zero.
    pub half_axes: [DVec3; 3],
}

impl Obb {
    /// Distance from a point to the box, metres; 0 inside.
    #[must_use]
    pub fn distance(&self, point: DVec3) -> f64 {
        let offset = point - self.center;
        let mut rest = offset;
        let mut outside = 0.0;
        for axis in self.half_axes {
            let length = axis.length();
            if length > 0.0 {
                let unit = axis / length;
                let along = offset.dot(unit);
                rest -= unit * along;
                outside += (along.abs() - length).max(0.0).powi(2);
            }
        }
        // directions that no axis spans: a flat or linear box
        let flat = self.half_axes.iter().any(|axis| axis.length_squared() <= 0.0);
        if flat { (outside + rest.length_squared()).sqrt() } else { f64::sqrt(outside) }
    }

    /// Radius of the sphere around the box, metres.
    #[must_use]
    pub fn radius(&self) -> f64 {
        self.half_axes.iter().map(|axis| axis.length_squared()).sum::<f64>().sqrt()
    }
}

/// What a content file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentKind {
    /// Something to draw.
    Model,
    /// A tileset that continues below this tile.
    Tileset,
    /// A subtree of an implicit tiling.
    Subtree,
}

/// A content file of a tile.
#[derive(Debug, Clone, PartialEq)]
pub struct ContentRef {
    /// Address, resolved against the tileset's own.
    pub uri: String,
    /// What it is.
    pub kind: ContentKind,
}

/// A tile in the arena.
#[derive(Debug, Clone, PartialEq)]
pub struct TileNode {
    /// Tile above.
    pub parent: Option<TileId>,
    /// Tiles below.
    pub children: Vec<TileId>,
    /// Space of the tile, community frame.
    pub volume: Obb,
    /// Error in metres when this tile is drawn and its children are not; never above the parent's.
    pub geometric_error: f64,
    /// How children relate to the tile.
    pub refine: Refine,
    /// Content files.
    pub contents: Vec<ContentRef>,
    /// From the content's frame (z up) to the community's.
    pub transform_enu: DMat4,
    /// Bytes that the loaded content takes, once known.
    pub bytes: Option<u64>,
    /// Whether a tileset or subtree that the content names was attached.
    pub attached: bool,
    /// Number of tiles above.
    pub depth: u32,
    implicit: Option<usize>,
    pending: Option<Coord>,
}

impl TileNode {
    /// Whether there is something to draw.
    #[must_use]
    pub fn has_model(&self) -> bool {
        self.contents.iter().any(|content| content.kind == ContentKind::Model)
    }

    /// Whether the tile waits for a tileset or subtree file.
    #[must_use]
    pub fn is_unattached(&self) -> bool {
        !self.attached && self.contents.iter().any(|content| content.kind != ContentKind::Model)
    }
}

/// Why tiles could not be added.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TreeError {
    /// The tree has as many tiles as it may have.
    #[error("a tree may have at most {limit} tiles")]
    TooManyTiles {
        /// The limit.
        limit: usize,
    },
    /// Tiles are nested deeper than [`TileTree::MAX_DEPTH`] (tilesets that name each other, for instance).
    #[error("tiles are nested deeper than {} levels", TileTree::MAX_DEPTH)]
    TooDeep,
    /// The tile does not wait for such a file.
    #[error("tile {0} does not wait for a tileset or subtree")]
    NotWaiting(usize),
    /// The subtree file is wrong.
    #[error(transparent)]
    Subtree(#[from] SubtreeError),
}

/// An implicit tile, kept for the subtrees still to come.
#[derive(Debug, Clone)]
struct ImplicitRoot {
    tile: Tile,
    tiling: ImplicitTiling,
    base: String,
    transform_enu: DMat4,
}

/// Tiles of a tileset and of those attached to it.
#[derive(Debug, Clone)]
pub struct TileTree {
    tiles: Vec<TileNode>,
    implicit: Vec<ImplicitRoot>,
    ecef_to_enu: DMat4,
}

/// What a tile takes over from the one above.
#[derive(Clone, Copy)]
struct Above {
    parent: Option<TileId>,
    transform: DMat4,
    refine: Refine,
    error: f64,
}

impl TileTree {
    /// Most tiles of one tree.
    pub const MAX_TILES: usize = 4_000_000;
    /// Deepest nesting of tiles.
    pub const MAX_DEPTH: u32 = 256;

    /// A tree of one tileset. `address` is the tileset's own, for relative contents; `ecef_to_enu` leads from
    /// geocentric metres (EPSG:4978), where the root transform ends, to the community's frame.
    ///
    /// For a tileset that is already in the community's frame and has no root transform, pass the identity (its
    /// bounding volumes must then be boxes or spheres).
    ///
    /// # Errors
    /// When there are too many tiles.
    pub fn new(tileset: &Tileset, address: &str, ecef_to_enu: DMat4) -> Result<Self, TreeError> {
        let mut tree = Self { tiles: Vec::new(), implicit: Vec::new(), ecef_to_enu };
        let above = Above { parent: None, transform: ecef_to_enu, refine: Refine::Replace, error: f64::INFINITY };
        tree.add(&tileset.root, address, above, None)?;
        Ok(tree)
    }

    /// The top tile.
    #[must_use]
    pub fn root(&self) -> TileId {
        TileId(0)
    }

    /// Number of tiles; ids run from 0.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tiles.len()
    }

    /// Whether there are no tiles (never, after [`TileTree::new`]).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tiles.is_empty()
    }

    /// A tile; `None` for an id of another tree.
    #[must_use]
    pub fn get(&self, id: TileId) -> Option<&TileNode> {
        self.tiles.get(id.index())
    }

    /// All tiles with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (TileId, &TileNode)> {
        self.tiles.iter().zip(0_u32..).map(|(tile, i)| (TileId(i), tile))
    }

    /// Notes how many bytes the content takes: measured, or the size a server states. Kept after eviction, so that
    /// the same view leads to the same selection.
    pub fn set_bytes(&mut self, id: TileId, bytes: u64) {
        if let Some(tile) = self.tiles.get_mut(id.index()) {
            tile.bytes = Some(bytes);
        }
    }

    /// Hangs a loaded tileset below the tile whose content it is.
    ///
    /// # Errors
    /// When the tile does not wait for one, or there are too many tiles.
    pub fn attach_tileset(&mut self, id: TileId, tileset: &Tileset, address: &str) -> Result<(), TreeError> {
        let above = self.above(id, ContentKind::Tileset)?;
        self.add(&tileset.root, address, above, None)?;
        self.mark_attached(id);
        Ok(())
    }

    /// Hangs a loaded subtree file below the tile whose content it is.
    ///
    /// # Errors
    /// When the tile does not wait for one, the file is wrong, or there are too many tiles.
    pub fn attach_subtree(&mut self, id: TileId, bytes: &[u8]) -> Result<(), TreeError> {
        let above = self.above(id, ContentKind::Subtree)?;
        let tile = self.get(id).ok_or(TreeError::NotWaiting(id.index()))?;
        let (Some(at), Some(index)) = (tile.pending, tile.implicit) else {
            return Err(TreeError::NotWaiting(id.index()));
        };
        let root = self.implicit.get(index).ok_or(TreeError::NotWaiting(id.index()))?.clone();
        let subtree = Subtree::parse(bytes, &root.tiling)?;
        if let Some(tile) = subtree.expand(&root.tile, &root.tiling, at) {
            let above = Above { transform: root.transform_enu, ..above };
            self.add(&tile, &root.base, above, Some(index))?;
        }
        self.mark_attached(id);
        Ok(())
    }

    fn above(&self, id: TileId, kind: ContentKind) -> Result<Above, TreeError> {
        let tile = self.get(id).filter(|tile| !tile.attached && tile.contents.iter().any(|c| c.kind == kind));
        let tile = tile.ok_or(TreeError::NotWaiting(id.index()))?;
        Ok(Above { parent: Some(id), transform: tile.transform_enu, refine: tile.refine, error: tile.geometric_error })
    }

    fn mark_attached(&mut self, id: TileId) {
        if let Some(tile) = self.tiles.get_mut(id.index()) {
            tile.attached = true;
        }
    }

    /// Adds a tile and those below it. Depth is bounded by the JSON parser and by the levels of a subtree.
    fn add(&mut self, tile: &Tile, base: &str, above: Above, implicit: Option<usize>) -> Result<TileId, TreeError> {
        let index = u32::try_from(self.tiles.len()).ok().filter(|_| self.tiles.len() < Self::MAX_TILES);
        let id = TileId(index.ok_or(TreeError::TooManyTiles { limit: Self::MAX_TILES })?);
        let depth = above.parent.and_then(|parent| self.get(parent)).map_or(0, |parent| parent.depth + 1);
        if depth > Self::MAX_DEPTH {
            return Err(TreeError::TooDeep);
        }
        let own = tile.transform.map_or(DMat4::IDENTITY, |m| DMat4::from_cols_array(&m));
        let transform_enu = above.transform * own;
        let refine = tile.refine.unwrap_or(above.refine);
        // An error above the parent's would make a finer tile look coarser; it is lowered to the parent's.
        let geometric_error = (tile.geometric_error * largest_scale(&transform_enu)).min(above.error);
        let mut node = TileNode {
            parent: above.parent,
            children: Vec::new(),
            volume: volume_enu(&tile.bounding_volume, &transform_enu, &self.ecef_to_enu),
            geometric_error,
            refine,
            contents: Vec::new(),
            transform_enu,
            bytes: None,
            attached: false,
            depth,
            implicit,
            pending: None,
        };
        if let Some(tiling) = &tile.implicit_tiling {
            // The implicit tile itself only holds templates; its first subtree hangs below.
            let mut kept = tile.clone();
            kept.transform = None;
            let root = ImplicitRoot { tile: kept, tiling: tiling.clone(), base: base.to_owned(), transform_enu };
            self.implicit.push(root);
            self.link(id, node);
            let below = Above { parent: Some(id), transform: transform_enu, refine, error: geometric_error };
            let mut first = pending_root(tile, tiling);
            first.transform = None;
            self.add(&first, base, below, Some(self.implicit.len() - 1))?;
            return Ok(id);
        }
        for content in tile.all_contents() {
            let pending = pending_subtree(content).filter(|_| implicit.is_some());
            node.pending = node.pending.or(pending);
            let kind = match pending {
                Some(_) => ContentKind::Subtree,
                None if uri::is_tileset(&content.uri) => ContentKind::Tileset,
                None => ContentKind::Model,
            };
            node.contents.push(ContentRef { uri: uri::resolve(base, &content.uri), kind });
        }
        self.link(id, node);
        let below = Above { parent: Some(id), transform: transform_enu, refine, error: geometric_error };
        for child in &tile.children {
            self.add(child, base, below, implicit)?;
        }
        Ok(id)
    }

    fn link(&mut self, id: TileId, node: TileNode) {
        let parent = node.parent;
        self.tiles.push(node);
        if let Some(parent) = parent.and_then(|parent| self.tiles.get_mut(parent.index())) {
            parent.children.push(id);
        }
    }
}

fn largest_scale(m: &DMat4) -> f64 {
    let linear = DMat3::from_mat4(*m);
    linear.x_axis.length().max(linear.y_axis.length()).max(linear.z_axis.length())
}

/// A bounding volume in the community's frame, as a box around it.
fn volume_enu(volume: &BoundingVolume, transform_enu: &DMat4, ecef_to_enu: &DMat4) -> Obb {
    match volume {
        BoundingVolume::Box(b) => {
            let axis = |i: usize| transform_enu.transform_vector3(DVec3::new(b[i], b[i + 1], b[i + 2]));
            Obb {
                center: transform_enu.transform_point3(DVec3::new(b[0], b[1], b[2])),
                half_axes: [axis(3), axis(6), axis(9)],
            }
        }
        BoundingVolume::Sphere([x, y, z, radius]) => {
            let r = radius * largest_scale(transform_enu);
            Obb {
                center: transform_enu.transform_point3(DVec3::new(*x, *y, *z)),
                half_axes: [DVec3::X * r, DVec3::Y * r, DVec3::Z * r],
            }
        }
        BoundingVolume::Region(region) => region_enu(region, ecef_to_enu),
    }
}

/// Box along the community's axes around a region: a grid of points on its lowest and highest surface, widened by the
/// most that the curved surface can bulge between two of them.
fn region_enu(region: &[f64; 6], ecef_to_enu: &DMat4) -> Obb {
    const STEPS: u32 = 8;
    let [west, south, east, north, low, high] = *region;
    let width = if east < west { east + std::f64::consts::TAU - west } else { east - west };
    let (mut min, mut max) = (DVec3::INFINITY, DVec3::NEG_INFINITY);
    for i in 0..=STEPS {
        for j in 0..=STEPS {
            for height in [low, high] {
                let lon = west + width * f64::from(i) / f64::from(STEPS);
                let lat = south + (north - south) * f64::from(j) / f64::from(STEPS);
                let point = ecef_to_enu.transform_point3(DVec3::from_array(geodetic_to_ecef(
                    lon.to_degrees(),
                    lat.to_degrees(),
                    height,
                )));
                min = min.min(point);
                max = max.max(point);
            }
        }
    }
    // sagitta of an arc: R (1 - cos(angle / 2)) of the diagonal step, on the largest radius of curvature (6.4e6 m)
    let step = width.hypot(north - south) / f64::from(STEPS);
    let bulge = (6.4e6 + high.max(0.0)) * (1.0 - (step / 2.0).min(std::f64::consts::FRAC_PI_2).cos());
    let half = (max - min) / 2.0 + DVec3::splat(bulge);
    Obb { center: (min + max) / 2.0, half_axes: [DVec3::X * half.x, DVec3::Y * half.y, DVec3::Z * half.z] }
}
