//! The mesh of one node: ground, trees, buildings.

use std::sync::Arc;

use osgb::{Geometry, Image, ImageData};

use super::atlas::{Atlas, PatchId, Source};
use super::scene::Scene;
use crate::geom::{Frame, Pt, centroid, contains, dist, lerp, triangulate};
use crate::paint::{SHADOW, local_bounds};
use crate::plan::{Building, Car, Roof, SIZE_M, Tree};
use crate::rng::smooth;

/// How fine a level is.
pub struct Level {
    /// Number of the level: its mesh is meant for 2^(16−level) metres a pixel.
    pub number: u32,
    /// Ground step, metres.
    pub step_m: f64,
    /// Ground texture, metres a pixel.
    pub ground_m: f64,
    /// Wall texture, metres a pixel.
    pub wall_m: f64,
    /// Samples per pixel and direction for walls.
    pub samples: usize,
    /// Segments of a tree crown; 0 leaves trees out.
    pub tree_segments: usize,
    /// Greatest length of a wall cell, metres.
    pub cell_m: f64,
    /// JPEG quality.
    pub quality: u8,
}

/// Ground beyond the node's edge that its texture still shows, metres (crowns reach over).
const MARGIN_M: f64 = 5.0;

struct Maker<'a> {
    scene: &'a Scene<'a>,
    level: &'a Level,
    atlas: Atlas<'a>,
    positions: Vec<[f32; 3]>,
    uvs: Vec<[f32; 2]>,
    indices: Vec<u32>,
}

/// Where a wall piece goes: its patch and its extent.
struct Piece<'a> {
    b: &'a Building,
    edge: usize,
    s: [f64; 2],
    h: [f64; 2],
    patch: PatchId,
}

/// The mesh of the box `low`..`high`.
///
/// # Errors
/// The texture could not be encoded.
pub fn build(scene: &Scene<'_>, low: Pt, high: Pt, level: &Level) -> Result<Geometry, String> {
    let mut m =
        Maker { scene, level, atlas: Atlas::new(), positions: Vec::new(), uvs: Vec::new(), indices: Vec::new() };
    let ground_low = [(low[0] - MARGIN_M).max(0.0), (low[1] - MARGIN_M).max(0.0)];
    let ground_high = [(high[0] + MARGIN_M).min(SIZE_M[0]), (high[1] + MARGIN_M).min(SIZE_M[1])];
    let size = [ground_high[0] - ground_low[0], ground_high[1] - ground_low[1]];
    let ground = m.atlas.add(Source::Ortho(ground_low, ground_high), size, level.ground_m);
    let within = |p: Pt| (low[0]..high[0]).contains(&p[0]) && (low[1]..high[1]).contains(&p[1]);
    let houses: Vec<&Building> = scene.plan.buildings.iter().filter(|b| within(centroid(&b.ring))).collect();
    let paint = m.atlas.add(Source::Flat([84.0, 86.0, 90.0]), [1.0, 1.0], 0.5);
    let mut pieces = Vec::new();
    let mut roofs = Vec::new();
    for b in &houses {
        m.plan_walls(b, &mut pieces);
        let (rl, rh) = crate::geom::bounds(&b.ring);
        let patch = m.atlas.add(Source::Ortho(rl, rh), [rh[0] - rl[0], rh[1] - rl[1]], level.ground_m);
        let side = m.atlas.add(Source::Flat([176.0, 172.0, 164.0]), [1.0, 1.0], 0.5);
        roofs.push((*b, rl, rh, patch, side));
    }
    let (centre, axis) = scene.plan.underpass;
    let deck = within(centre).then(|| {
        let half = [15.0, 15.0];
        let (dl, dh) = ([centre[0] - half[0], centre[1] - half[1]], [centre[0] + half[0], centre[1] + half[1]]);
        (dl, dh, m.atlas.add(Source::Ortho(dl, dh), [30.0, 30.0], level.ground_m))
    });
    m.atlas.pack();
    m.ground(low, high, (ground, ground_low, ground_high));
    if level.tree_segments > 0 {
        for t in scene.plan.trees.iter().filter(|t| within(t.at)) {
            m.tree(t, (ground, ground_low, ground_high));
        }
    }
    if level.number >= 18 {
        for car in scene.plan.cars.iter().filter(|c| within(c.at)) {
            m.car(car, (ground, ground_low, ground_high), paint);
        }
    }
    for piece in &pieces {
        m.wall(piece);
    }
    for (b, rl, rh, patch, side) in &roofs {
        m.roof(b, (*patch, *rl, *rh), *side);
    }
    if let Some((dl, dh, patch)) = deck {
        m.deck(centre, axis, (patch, dl, dh));
    }
    m.finish()
}

impl<'a> Maker<'a> {
    fn finish(self) -> Result<Geometry, String> {
        let jpeg = self.atlas.jpeg(self.scene.picture, self.level.samples, self.level.quality)?;
        let image = Image { file_name: format!("L{}.jpg", self.level.number), data: ImageData::Jpeg(jpeg) };
        Ok(Geometry {
            positions: self.positions,
            uvs: Some(self.uvs),
            indices: self.indices,
            texture: Some(Arc::new(image)),
            ..Geometry::default()
        })
    }

    /// Adds a vertex, slightly displaced as reconstructed meshes are.
    fn vertex(&mut self, p: [f64; 3], uv: [f32; 2], roughness: f64) -> u32 {
        let wobble =
            |salt: u64| (smooth(p[0] / 5.3 + p[2] / 6.1, p[1] / 5.3 - p[2] / 4.7, salt) - 0.5) * 2.0 * roughness;
        let q =
            [p[0] + wobble(901) - super::ORIGIN[0], p[1] + wobble(902) - super::ORIGIN[1], p[2] + wobble(903) * 0.6];
        self.positions.push(q.map(|v| v as f32));
        self.uvs.push(uv);
        self.positions.len() as u32 - 1
    }

    fn quad(&mut self, a: u32, b: u32, c: u32, d: u32) {
        self.indices.extend([a, b, c, a, c, d]);
    }

    fn ortho_uv(&self, (patch, low, high): (PatchId, Pt, Pt), p: Pt) -> [f32; 2] {
        let t = |k: usize| ((p[k] - low[k]) / (high[k] - low[k])).clamp(0.0, 1.0);
        self.atlas.uv(patch, t(0), t(1))
    }

    fn ground(&mut self, low: Pt, high: Pt, patch: (PatchId, Pt, Pt)) {
        let nx = ((high[0] - low[0]) / self.level.step_m).ceil() as usize;
        let ny = ((high[1] - low[1]) / self.level.step_m).ceil() as usize;
        let first = self.positions.len() as u32;
        let at = |i: usize, j: usize| -> Pt {
            [low[0] + (high[0] - low[0]) * i as f64 / nx as f64, low[1] + (high[1] - low[1]) * j as f64 / ny as f64]
        };
        for j in 0..=ny {
            for i in 0..=nx {
                let p = at(i, j);
                let uv = self.ortho_uv(patch, p);
                let z = self.scene.surface(p) + (smooth(p[0] / 3.0, p[1] / 3.0, 910) - 0.5) * 0.06;
                self.vertex([p[0], p[1], z], uv, 0.0);
            }
        }
        let id = |i: usize, j: usize| first + (j * (nx + 1) + i) as u32;
        for j in 0..ny {
            for i in 0..nx {
                self.quad(id(i, j), id(i + 1, j), id(i + 1, j + 1), id(i, j + 1));
            }
        }
        // a skirt hides the cracks between neighbours of different levels
        let mut rim: Vec<(usize, usize)> = (0..nx).map(|i| (i, 0)).collect();
        rim.extend((0..ny).map(|j| (nx, j)));
        rim.extend((1..=nx).rev().map(|i| (i, ny)));
        rim.extend((1..=ny).rev().map(|j| (0, j)));
        let lower: Vec<u32> = rim
            .iter()
            .map(|(i, j)| {
                let p = at(*i, *j);
                let uv = self.ortho_uv(patch, p);
                self.vertex([p[0], p[1], self.scene.surface(p) - 0.8], uv, 0.0)
            })
            .collect();
        for k in 0..rim.len() {
            let n = (k + 1) % rim.len();
            self.quad(lower[k], lower[n], id(rim[n].0, rim[n].1), id(rim[k].0, rim[k].1));
        }
    }

    fn tree(&mut self, t: &Tree, patch: (PatchId, Pt, Pt)) {
        let n = self.level.tree_segments;
        let z = self.scene.surface(t.at);
        let rings: &[(f64, f64)] =
            if n > 6 { &[(0.6, 0.0), (1.0, 0.4), (0.78, 0.78)] } else { &[(0.62, 0.0), (0.95, 0.5)] };
        let first = self.positions.len() as u32;
        for (radius, up) in rings {
            for k in 0..n {
                let a = std::f64::consts::TAU * (k as f64 + 0.5 * up) / n as f64;
                let wobble =
                    0.86 + 0.28 * smooth(t.at[0] * 3.0 + a.cos() * 2.0, t.at[1] * 3.0 + a.sin() * 2.0 + up * 5.0, 920);
                let r = t.crown_m * radius * wobble;
                let p = [t.at[0] + r * a.cos(), t.at[1] + r * a.sin()];
                // the texture shows the crown from above; keep inside it
                let q = lerp(t.at, p, if *radius < 0.7 { 0.9 } else { 0.82 });
                let uv = self.ortho_uv(patch, q);
                self.vertex([p[0], p[1], z + t.height_m * up], uv, 0.0);
            }
        }
        let uv = self.ortho_uv(patch, t.at);
        let top = self.vertex([t.at[0], t.at[1], z + t.height_m], uv, 0.3);
        let id = |ring: usize, k: usize| first + (ring * n + k % n) as u32;
        for k in 0..n {
            for ring in 0..rings.len() - 1 {
                self.quad(id(ring, k), id(ring, k + 1), id(ring + 1, k + 1), id(ring + 1, k));
            }
            self.indices.extend([id(rings.len() - 1, k), id(rings.len() - 1, k + 1), top]);
        }
    }

    /// A box whose top shows the painted car.
    fn car(&mut self, c: &Car, patch: (PatchId, Pt, Pt), side: PatchId) {
        let frame = Frame { origin: c.at, axis: c.axis };
        let ring =
            frame.ring(&crate::geom::rect(-c.size[0] * 0.48, -c.size[1] * 0.46, c.size[0] * 0.48, c.size[1] * 0.46));
        let z = self.scene.surface(c.at);
        let height = if c.size[0] > 8.0 { 2.9 } else { 1.35 };
        self.solid(&ring, z - 0.1, z + height, patch, side);
    }

    /// Reserves texture for the walls of a building, long ones in pieces.
    fn plan_walls(&mut self, b: &'a Building, pieces: &mut Vec<Piece<'a>>) {
        let top = eaves(b);
        for edge in 0..b.ring.len() {
            let length = dist(b.ring[edge], b.ring[(edge + 1) % b.ring.len()]);
            let count = (length / 90.0).ceil().max(1.0);
            for k in 0..count as u32 {
                let s = [length * f64::from(k) / count, length * f64::from(k + 1) / count];
                let h = [-0.8, top];
                let patch = self.atlas.add(Source::Wall(b, edge, s, h), [s[1] - s[0], h[1] - h[0]], self.level.wall_m);
                pieces.push(Piece { b, edge, s, h, patch });
            }
        }
    }

    fn wall(&mut self, w: &Piece<'_>) {
        let (a, c) = (w.b.ring[w.edge], w.b.ring[(w.edge + 1) % w.b.ring.len()]);
        let length = dist(a, c);
        let nx = ((w.s[1] - w.s[0]) / self.level.cell_m).ceil().max(1.0) as usize;
        let ny = ((w.h[1] - w.h[0]) / (self.level.cell_m * 1.5)).ceil().max(1.0) as usize;
        let first = self.positions.len() as u32;
        for j in 0..=ny {
            for i in 0..=nx {
                let (u, v) = (i as f64 / nx as f64, j as f64 / ny as f64);
                let p = lerp(a, c, (w.s[0] + (w.s[1] - w.s[0]) * u) / length);
                let z = w.b.base_z + w.h[0] + (w.h[1] - w.h[0]) * v;
                let uv = self.atlas.uv(w.patch, u, v);
                self.vertex([p[0], p[1], z], uv, self.roughness());
            }
        }
        let id = |i: usize, j: usize| first + (j * (nx + 1) + i) as u32;
        for j in 0..ny {
            for i in 0..nx {
                self.quad(id(i, j), id(i + 1, j), id(i + 1, j + 1), id(i, j + 1));
            }
        }
    }

    fn roughness(&self) -> f64 {
        if self.level.number >= 18 { 0.13 } else { 0.2 }
    }

    fn roof(&mut self, b: &Building, patch: (PatchId, Pt, Pt), side: PatchId) {
        let z = b.base_z + eaves(b);
        if let Roof::Gable(rise) = b.roof {
            self.gable(b, z, rise, patch, side);
            return;
        }
        let ids: Vec<u32> =
            b.ring.iter().map(|p| self.vertex([p[0], p[1], z], self.ortho_uv(patch, *p), self.roughness())).collect();
        for t in triangulate(&b.ring) {
            let (p, q, r) = (b.ring[t[0]], b.ring[t[1]], b.ring[t[2]]);
            let ccw = crate::geom::area(&[p, q, r]) > 0.0;
            self.indices.extend(if ccw {
                [ids[t[0]], ids[t[1]], ids[t[2]]]
            } else {
                [ids[t[0]], ids[t[2]], ids[t[1]]]
            });
        }
        if b.floors >= 7 && self.level.number >= 17 {
            self.lift_houses(b, z, patch, side);
        }
    }

    fn gable(&mut self, b: &Building, z: f64, rise: f64, patch: (PatchId, Pt, Pt), side: PatchId) {
        let (low, high) = local_bounds(b);
        let over = 0.45;
        let ridge = (low[1] + high[1]) * 0.5;
        let mut v = |x: f64, y: f64, up: f64| {
            let inner = [x.clamp(low[0], high[0]), y.clamp(low[1], high[1])];
            let uv = self.ortho_uv(patch, b.frame.to_plan(inner));
            let p = b.frame.to_plan([x, y]);
            self.vertex([p[0], p[1], z + up], uv, 0.08)
        };
        let drop = -over * rise / (ridge - low[1]).max(0.5);
        let south = [v(low[0] - over, low[1] - over, drop), v(high[0] + over, low[1] - over, drop)];
        let top = [v(low[0] - over, ridge, rise), v(high[0] + over, ridge, rise)];
        let north = [v(low[0] - over, high[1] + over, drop), v(high[0] + over, high[1] + over, drop)];
        self.quad(south[0], south[1], top[1], top[0]);
        self.quad(top[0], top[1], north[1], north[0]);
        for (x, turn) in [(low[0], false), (high[0], true)] {
            let uv = self.atlas.uv(side, 0.5, 0.5);
            let ids: Vec<u32> = [(low[1], 0.0), (high[1], 0.0), (ridge, rise)]
                .into_iter()
                .map(|(y, up)| {
                    let p = b.frame.to_plan([x, y]);
                    self.vertex([p[0], p[1], z + up], uv, 0.08)
                })
                .collect();
            self.indices.extend(if turn { [ids[0], ids[1], ids[2]] } else { [ids[1], ids[0], ids[2]] });
        }
    }

    /// The raised boxes that the roof painter draws, as boxes.
    fn lift_houses(&mut self, b: &Building, z: f64, patch: (PatchId, Pt, Pt), side: PatchId) {
        let (low, high) = local_bounds(b);
        let units = b.units.max(1);
        for unit in 0..units {
            let x = low[0] + (high[0] - low[0]) * (f64::from(unit) + 0.5) / f64::from(units);
            let core = if units > 1 { high[1] - 4.2 } else { (low[1] + high[1]) * 0.5 + 2.0 };
            let ring = b.frame.at([x, core]).ring(&crate::geom::rect(-2.9, -2.6, 2.9, 2.6));
            if ring.iter().all(|p| contains(&b.ring, *p)) {
                self.solid(&ring, z - 0.2, z + 3.8, patch, side);
            }
        }
    }

    /// A box whose top shows the ortho image.
    fn solid(&mut self, ring: &[Pt], z0: f64, z1: f64, patch: (PatchId, Pt, Pt), side: PatchId) {
        let uv = self.atlas.uv(side, 0.5, 0.5);
        let lower: Vec<u32> = ring.iter().map(|p| self.vertex([p[0], p[1], z0], uv, 0.1)).collect();
        let upper: Vec<u32> = ring.iter().map(|p| self.vertex([p[0], p[1], z1], uv, 0.1)).collect();
        let top: Vec<u32> = ring.iter().map(|p| self.vertex([p[0], p[1], z1], self.ortho_uv(patch, *p), 0.1)).collect();
        for k in 0..4 {
            let n = (k + 1) % 4;
            self.quad(lower[k], lower[n], upper[n], upper[k]);
        }
        self.quad(top[0], top[1], top[2], top[3]);
    }

    /// The avenue's bridge over the underpass.
    fn deck(&mut self, centre: Pt, axis: Pt, patch: (PatchId, Pt, Pt)) {
        let frame = Frame { origin: centre, axis };
        let ring = frame.ring(&crate::geom::rect(-14.0, -9.2, 14.0, 9.2));
        let z =
            [[0.0, 12.0], [0.0, -12.0]].iter().map(|q| self.scene.plan.ground(frame.to_plan(*q))).sum::<f64>() * 0.5;
        let ids: Vec<u32> =
            ring.iter().map(|p| self.vertex([p[0], p[1], z + 0.05], self.ortho_uv(patch, *p), 0.0)).collect();
        self.quad(ids[0], ids[1], ids[2], ids[3]);
        let uv = self.ortho_uv(patch, [centre[0] - SHADOW[0], centre[1]]);
        for (i, j) in [(1usize, 2usize), (3, 0)] {
            let upper = [ring[i], ring[j]].map(|p| self.vertex([p[0], p[1], z + 0.05], uv, 0.0));
            let lower = [ring[i], ring[j]].map(|p| self.vertex([p[0], p[1], z - 1.1], uv, 0.0));
            self.quad(lower[0], lower[1], upper[1], upper[0]);
        }
    }
}

/// Height of a building's walls above its ground floor, metres.
fn eaves(b: &Building) -> f64 {
    if matches!(b.roof, Roof::Gable(_)) { b.storey_m * f64::from(b.floors) } else { b.height_m }
}
