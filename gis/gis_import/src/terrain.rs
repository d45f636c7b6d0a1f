//! Textured terrain: a quadtree of grid meshes with skirts, each with its cut of the orthophoto.

use crate::error::{ImportError, Result};
use crate::place::Place;
use crate::progress::Progress;
use crate::raster::Ortho;
use crate::tiles::{Box3, Node, SSE_PX, linear, write_model, write_tileset};
use community_pack::Terrain;
use rayon::prelude::*;
use std::path::Path;
use tiles3d::glb::{ImageMime, Material};
use tiles3d::{GlbImage, GlbModel, Primitive, Refine};

/// Cells along the side of a tile.
const CELLS: usize = 64;
/// Most pixels along the side of a tile's picture.
const PIXELS: usize = 512;
/// JPEG quality of the pictures.
const QUALITY: u8 = 82;
/// Tiles whose pictures are in memory at once.
const BATCH: usize = 32;

/// One tile of the quadtree: level, column from west, row from south.
#[derive(Debug, Clone, Copy)]
struct Key {
    level: u32,
    x: u32,
    y: u32,
}

impl Key {
    fn name(self) -> String {
        format!("{}/{}_{}.glb", self.level, self.x, self.y)
    }
}

/// Everything that a tile is made from.
struct Plan<'a> {
    terrain: &'a Terrain,
    /// Heights without holes.
    solid: &'a Terrain,
    place: &'a Place,
    levels: u32,
    /// West, south, side lengths of the whole (m in the plane CRS).
    area: [f64; 4],
    /// Pixel size of the orthophoto, m.
    pixel_m: Option<f64>,
    /// Lowest and highest elevation, m.
    range: [f32; 2],
}

/// Writes the layer and says how much of the frame it takes.
pub(crate) fn build(
    dir: &Path,
    place: &Place,
    terrain: &Terrain,
    solid: &Terrain,
    ortho: Option<&Ortho>,
    progress: &mut dyn Progress,
) -> Result<Node> {
    let plan = Plan::new(place, terrain, solid, ortho);
    let keys = plan.keys();
    progress.stage("terrain tiles", keys.len() as u64);
    let mut boxes = Vec::with_capacity(keys.len());
    for batch in keys.chunks(BATCH) {
        if progress.is_cancelled() {
            return Err(ImportError::Cancelled);
        }
        // GDAL reads in one thread; meshing and JPEG take all.
        let cut = |k: &Key| ortho.map(|o| o.cut(plan.rect(*k), plan.pixels(*k), place)).transpose();
        let pictures: Vec<Option<Vec<u8>>> = batch.iter().map(cut).collect::<Result<_>>()?;
        let made: Vec<Result<Box3>> = batch
            .par_iter()
            .zip(pictures)
            .map(|(key, picture)| {
                let model = plan.model(*key, picture)?;
                write_model(dir, &key.name(), &model)?;
                Ok(Box3::of(&model))
            })
            .collect();
        for b in made {
            boxes.push(b?);
            progress.tick();
        }
    }
    let named: Vec<(Key, Box3)> = keys.into_iter().zip(boxes).collect();
    write_tileset(dir, place, plan.node(Key { level: 0, x: 0, y: 0 }, &named))
}

impl<'a> Plan<'a> {
    fn new(place: &'a Place, terrain: &'a Terrain, solid: &'a Terrain, ortho: Option<&Ortho>) -> Self {
        let (w, h) = (f64::from(terrain.nx) * terrain.dx_m, f64::from(terrain.ny) * terrain.dx_m);
        // Deep enough for the picture's pixels and for two metres or two cells (to the nearest level), at least three.
        let finest = |per_tile: usize, unit: f64| (w.max(h) / (per_tile as f64 * unit)).log2().round().max(0.0) as u32;
        let pixel_m = ortho.map(|o| o.pixel_m().max(0.01));
        let by_picture = pixel_m.map_or(0, |p| finest(PIXELS, p));
        let by_height = finest(CELLS, (2.0 * terrain.dx_m).max(2.0));
        let finite = || terrain.bed_m.iter().copied().filter(|z| z.is_finite());
        let range = [finite().fold(f32::INFINITY, f32::min), finite().fold(f32::NEG_INFINITY, f32::max)];
        Self {
            terrain,
            solid,
            place,
            levels: by_picture.max(by_height).clamp(2, 6) + 1,
            area: [terrain.x0, terrain.y0, w, h],
            pixel_m,
            range,
        }
    }

    /// Level by level, row by row; tiles without any height are left out.
    fn keys(&self) -> Vec<Key> {
        let all = (0..self.levels).flat_map(|level| {
            let n = 1_u32 << level;
            (0..n).flat_map(move |y| (0..n).map(move |x| Key { level, x, y }))
        });
        all.filter(|k| self.has_height(*k)).collect()
    }

    fn has_height(&self, key: Key) -> bool {
        let [west, south, east, north] = self.rect(key);
        let t = self.terrain;
        let span = |a: f64, b: f64, n: u32| {
            let first = (a / t.dx_m).floor().max(0.0) as usize;
            first..((b / t.dx_m).ceil() as usize).min(n as usize)
        };
        let (columns, rows) = (span(west - t.x0, east - t.x0, t.nx), span(south - t.y0, north - t.y0, t.ny));
        rows.into_iter().any(|j| {
            let row = t.bed_m.get(j * t.nx as usize + columns.start..j * t.nx as usize + columns.end);
            row.is_some_and(|r| r.iter().any(|z| !z.is_nan()))
        })
    }

    /// West, south, east, north in the plane CRS.
    fn rect(&self, key: Key) -> [f64; 4] {
        let n = f64::from(1_u32 << key.level);
        let [x0, y0, w, h] = self.area;
        let (x, y) = (f64::from(key.x), f64::from(key.y));
        [x0 + x * w / n, y0 + y * h / n, x0 + (x + 1.0) * w / n, y0 + (y + 1.0) * h / n]
    }

    /// Pixels along the side of a tile's picture: as many as the orthophoto has there, at most [`PIXELS`].
    fn pixels(&self, key: Key) -> usize {
        let side = self.area[2].max(self.area[3]) / f64::from(1_u32 << key.level);
        let source = self.pixel_m.map_or(PIXELS, |p| (side / p).ceil() as usize);
        source.div_ceil(16).saturating_mul(16).clamp(64, PIXELS)
    }

    /// Error of a level: one texel (or a quarter cell) at the screen-space error that is aimed at.
    fn error_m(&self, level: u32) -> f64 {
        if level + 1 >= self.levels {
            return 0.0;
        }
        let side = self.area[2].max(self.area[3]) / f64::from(1_u32 << level);
        let detail = if self.pixel_m.is_some() { side / PIXELS as f64 } else { side / CELLS as f64 / 4.0 };
        SSE_PX * detail
    }

    fn model(&self, key: Key, picture: Option<Vec<u8>>) -> Result<GlbModel> {
        let mesh = self
            .mesh(key)
            .map_err(|e| ImportError::Frame { what: format!("terrain tile {}", key.name()), source: e })?;
        let mut model = GlbModel { primitives: vec![mesh], ..Default::default() };
        if let Some(rgb) = picture {
            model.images.push(GlbImage { mime: ImageMime::Jpeg, bytes: jpeg(&rgb, self.pixels(key))? });
        }
        Ok(model)
    }

    fn mesh(&self, key: Key) -> std::result::Result<Primitive, geo_frame::FrameError> {
        let [west, south, east, north] = self.rect(key);
        let n = CELLS + 1;
        let mut m = Primitive { material: Material { roughness: 1.0, ..Default::default() }, ..Default::default() };
        let (mut normals, mut uvs, mut colours) = (Vec::new(), Vec::new(), Vec::new());
        for j in 0..n {
            for i in 0..n {
                let (u, v) = (i as f64 / CELLS as f64, j as f64 / CELLS as f64);
                let (x, y) = (west + u * (east - west), south + v * (north - south));
                let z = self.height(x, y);
                m.positions.push(self.place.projector.enu_from_crs([x, y, z])?.map(|c| c as f32));
                normals.push(self.normal(x, y));
                uvs.push([u as f32, 1.0 - v as f32]);
                colours.push(self.shade(z));
            }
        }
        let at = |i: usize, j: usize| (j * n + i) as u32;
        for j in 0..CELLS {
            for i in 0..CELLS {
                let (a, b, c, d) = (at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1));
                m.indices.extend([a, b, c, a, c, d]);
            }
        }
        // Walls down from the rim hide cracks between levels.
        let drop = (self.error_m(key.level) * 0.25 + 2.0 * self.terrain.dx_m).clamp(1.0, 40.0) as f32;
        let rim: Vec<u32> = (0..CELLS)
            .map(|i| at(i, 0))
            .chain((0..CELLS).map(|j| at(CELLS, j)))
            .chain((0..CELLS).map(|i| at(CELLS - i, CELLS)))
            .chain((0..CELLS).map(|j| at(0, CELLS - j)))
            .collect();
        let first = m.positions.len() as u32;
        for top in &rim {
            let k = *top as usize;
            let [x, y, z] = m.positions[k];
            m.positions.push([x, y, z - drop]);
            normals.push(normals[k]);
            uvs.push(uvs[k]);
            colours.push(colours[k]);
        }
        let count = rim.len() as u32;
        for (k, top) in rim.iter().enumerate() {
            let next = (k + 1) % rim.len();
            let (low, low_next) = (first + k as u32, first + (k as u32 + 1) % count);
            m.indices.extend([*top, low, low_next, *top, low_next, rim[next]]);
        }
        m.normals = Some(normals);
        if self.pixel_m.is_some() {
            m.uvs = Some(uvs);
            m.material.texture = Some(0);
        } else {
            m.colours = Some(colours);
        }
        Ok(m)
    }

    fn height(&self, x: f64, y: f64) -> f64 {
        let t = self.solid;
        let (x1, y1) = (t.x0 + f64::from(t.nx) * t.dx_m, t.y0 + f64::from(t.ny) * t.dx_m);
        t.sample(x.clamp(t.x0, x1), y.clamp(t.y0, y1)).unwrap_or(0.0)
    }

    /// Of the finest surface whatever the level, so that light does not change with distance.
    fn normal(&self, x: f64, y: f64) -> [f32; 3] {
        let d = self.terrain.dx_m;
        let sx = (self.height(x + d, y) - self.height(x - d, y)) / (2.0 * d);
        let sy = (self.height(x, y + d) - self.height(x, y - d)) / (2.0 * d);
        let length = (sx * sx + sy * sy + 1.0).sqrt();
        [(-sx / length) as f32, (-sy / length) as f32, (1.0 / length) as f32]
    }

    /// Colour by height where there is no picture.
    fn shade(&self, z: f64) -> [u8; 4] {
        let span = f64::from(self.range[1] - self.range[0]).max(0.1);
        let t = ((z - f64::from(self.range[0])) / span).clamp(0.0, 1.0);
        const STOPS: [[f64; 3]; 4] =
            [[116.0, 140.0, 106.0], [156.0, 166.0, 118.0], [178.0, 162.0, 128.0], [206.0, 200.0, 190.0]];
        let s = t * 3.0;
        let k = (s.floor() as usize).min(2);
        let f = s - k as f64;
        linear(std::array::from_fn(|c| (STOPS[k][c] * (1.0 - f) + STOPS[k + 1][c] * f) as u8))
    }

    fn node(&self, key: Key, all: &[(Key, Box3)]) -> Node {
        let same = |k: &Key, level, x, y| k.level == level && k.x == x && k.y == y;
        let mut children = Vec::new();
        if key.level + 1 < self.levels {
            for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                let (level, x, y) = (key.level + 1, key.x * 2 + dx, key.y * 2 + dy);
                if all.iter().any(|(k, _)| same(k, level, x, y)) {
                    children.push(self.node(Key { level, x, y }, all));
                }
            }
        }
        let bounds = all.iter().find(|(k, _)| same(k, key.level, key.x, key.y)).map(|(_, b)| *b);
        let name = key.name();
        Node::new(bounds.map(|b| (name.as_str(), b)), self.error_m(key.level), Refine::Replace, children)
    }
}

fn jpeg(rgb: &[u8], size: usize) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let side = size as u16;
    jpeg_encoder::Encoder::new(&mut out, QUALITY)
        .encode(rgb, side, side, jpeg_encoder::ColorType::Rgb)
        .map_err(|e| ImportError::delivery(Path::new("terrain picture"), e))?;
    Ok(out)
}
