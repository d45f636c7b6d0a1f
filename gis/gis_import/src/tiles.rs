//! What every tiled layer needs: boxes, glb files, tileset.json.

use crate::error::{ImportError, Result};
use crate::place::Place;
use std::path::Path;
use tiles3d::glb::{Column, ColumnValues};
use tiles3d::tileset::Content;
use tiles3d::{BoundingVolume, GlbModel, PropertyTable, Refine, Tile, Tileset, write_glb};
use twin_model::EntityId;

/// Screen-space error, pixels, that geometric errors are meant for (the default of CesiumJS and of our viewer).
pub(crate) const SSE_PX: f64 = 16.0;

/// An axis-aligned box, ENU metres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Box3 {
    pub min: [f64; 3],
    pub max: [f64; 3],
}

impl Default for Box3 {
    fn default() -> Self {
        Self { min: [f64::INFINITY; 3], max: [f64::NEG_INFINITY; 3] }
    }
}

impl Box3 {
    pub fn add(&mut self, p: [f64; 3]) {
        for (v, (lo, hi)) in p.into_iter().zip(self.min.iter_mut().zip(&mut self.max)) {
            *lo = lo.min(v);
            *hi = hi.max(v);
        }
    }

    pub fn join(&mut self, other: &Box3) {
        if !other.is_empty() {
            self.add(other.min);
            self.add(other.max);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.min[0] > self.max[0]
    }

    pub fn centre(&self) -> [f64; 3] {
        std::array::from_fn(|i| f64::midpoint(self.min[i], self.max[i]))
    }

    pub fn size(&self) -> [f64; 3] {
        std::array::from_fn(|i| (self.max[i] - self.min[i]).max(0.0))
    }

    pub fn of(model: &GlbModel) -> Self {
        let mut b = Self::default();
        for p in model.primitives.iter().flat_map(|p| &p.positions) {
            b.add(p.map(f64::from));
        }
        b
    }

    /// As a bounding volume, in whole millimetres outwards so that f32 rounding cannot stick out.
    pub fn volume(&self) -> BoundingVolume {
        let min = self.min.map(|v| ((v - 0.001) * 1000.0).floor() / 1000.0);
        let max = self.max.map(|v| ((v + 0.001) * 1000.0).ceil() / 1000.0);
        BoundingVolume::from_min_max(min, max)
    }
}

/// A tile with the box that it and everything below it takes.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub tile: Tile,
    pub bounds: Box3,
    /// Tiles with content, this one included.
    pub contents: u64,
}

impl Node {
    /// A tile over children; its error is at least that of every child, as 3D Tiles wants it.
    pub fn new(content: Option<(&str, Box3)>, error_m: f64, refine: Refine, children: Vec<Node>) -> Self {
        let mut bounds = content.map_or_else(Box3::default, |(_, b)| b);
        let mut contents = u64::from(content.is_some());
        let mut error = error_m;
        for child in &children {
            bounds.join(&child.bounds);
            contents += child.contents;
            error = error.max(child.tile.geometric_error);
        }
        let mut tile = Tile::new(bounds.volume(), (error * 1000.0).round() / 1000.0);
        tile.refine = Some(refine);
        tile.content = content.map(|(uri, _)| Content::new(uri));
        tile.children = children.into_iter().map(|c| c.tile).collect();
        Self { tile, bounds, contents }
    }
}

/// Writes `tileset.json` with the root in earth-centred coordinates.
pub(crate) fn write_tileset(dir: &Path, place: &Place, mut root: Node) -> Result<Node> {
    root.tile.transform = Some(place.root_transform());
    // Drawn as nothing at all, a layer is wrong by its whole size.
    let error = root.bounds.size().iter().fold(root.tile.geometric_error, |a, b| a.max(*b)).ceil();
    let tileset = Tileset::new(error, root.tile.clone());
    tileset.validate().map_err(|e| ImportError::delivery(&dir.join("tileset.json"), e))?;
    write(&dir.join("tileset.json"), tileset.to_json().as_bytes())?;
    Ok(root)
}

/// Writes a model below `dir`.
pub(crate) fn write_model(dir: &Path, name: &str, model: &GlbModel) -> Result<()> {
    write(&dir.join(name), &write_glb(model))
}

pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(ImportError::io(parent))?;
    }
    std::fs::write(path, bytes).map_err(ImportError::io(path))
}

/// The property table of a tile: which entity each feature is, and its class.
pub(crate) fn feature_table(class: &str, features: &[(EntityId, &str)]) -> PropertyTable {
    let entities = features.iter().map(|(id, _)| id.0).collect();
    let classes = features.iter().map(|(_, c)| (*c).to_owned()).collect();
    PropertyTable {
        class: class.into(),
        columns: vec![
            Column { name: "entity".into(), values: ColumnValues::U32(entities) },
            Column { name: "class".into(), values: ColumnValues::String(classes) },
        ],
    }
}

/// Groups things into a quadtree until a leaf is light enough; in place order, so that the result does not depend on
/// anything but the things.
pub(crate) enum Quad<T> {
    Leaf(Vec<T>),
    Branch(Vec<Quad<T>>),
}

pub(crate) fn quadtree<T>(items: Vec<(T, [f64; 2], usize)>, most: usize, depth: usize) -> Quad<T> {
    let weight: usize = items.iter().map(|(_, _, w)| w).sum();
    let mut area = Box3::default();
    items.iter().for_each(|(_, p, _)| area.add([p[0], p[1], 0.0]));
    let flat = area.is_empty() || area.size()[0].max(area.size()[1]) < 1.0;
    if items.len() <= 1 || weight <= most || depth == 0 || flat {
        return Quad::Leaf(items.into_iter().map(|(t, _, _)| t).collect());
    }
    let c = area.centre();
    let mut parts: [Vec<(T, [f64; 2], usize)>; 4] = Default::default();
    for item in items {
        let quarter = usize::from(item.1[0] > c[0]) + 2 * usize::from(item.1[1] > c[1]);
        parts[quarter].push(item);
    }
    Quad::Branch(parts.into_iter().filter(|p| !p.is_empty()).map(|p| quadtree(p, most, depth - 1)).collect())
}

/// sRGB bytes to the linear bytes that vertex colours are.
pub(crate) fn linear(srgb: [u8; 3]) -> [u8; 4] {
    let [r, g, b] = srgb.map(|v| {
        let v = f64::from(v) / 255.0;
        // IEC 61966-2-1
        let l = if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) };
        (l * 255.0).round() as u8
    });
    [r, g, b, 255]
}
