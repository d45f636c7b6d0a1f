//! One texture per node: ground, roofs and walls packed in shelves.

use jpeg_encoder::{ColorType, Encoder};

use crate::geom::Pt;
use crate::paint::facade::Face;
use crate::paint::{Canvas, Rgb};
use crate::plan::Building;

/// What a patch shows.
pub enum Source<'a> {
    /// A box of the ortho image: south-west and north-east corner.
    Ortho(Pt, Pt),
    /// A part of a wall: building, edge, start and end along it, lower and upper height above the ground floor.
    Wall(&'a Building, usize, [f64; 2], [f64; 2]),
    /// One colour.
    Flat(Rgb),
}

/// A rectangle of the texture.
pub struct Patch<'a> {
    source: Source<'a>,
    width: usize,
    height: usize,
    x: usize,
    y: usize,
}

/// The texture in the making.
pub struct Atlas<'a> {
    patches: Vec<Patch<'a>>,
    width: usize,
    height: usize,
}

/// Index of a patch.
#[derive(Clone, Copy)]
pub struct PatchId(usize);

impl<'a> Atlas<'a> {
    /// Empty.
    pub const fn new() -> Self {
        Self { patches: Vec::new(), width: 0, height: 0 }
    }

    /// Adds a patch of `size` metres at `texel_m` metres a pixel.
    pub fn add(&mut self, source: Source<'a>, size: Pt, texel_m: f64) -> PatchId {
        let pixels = |m: f64| (m / texel_m).round().clamp(2.0, 1000.0) as usize;
        self.patches.push(Patch { source, width: pixels(size[0]), height: pixels(size[1]), x: 0, y: 0 });
        PatchId(self.patches.len() - 1)
    }

    /// Places all patches; every one gets a border of one pixel.
    pub fn pack(&mut self) {
        let total: usize = self.patches.iter().map(|p| (p.width + 2) * (p.height + 2)).sum();
        let widest = self.patches.iter().map(|p| p.width + 2).max().unwrap_or(2);
        self.width = ((total as f64).sqrt() * 1.06).max(widest as f64).ceil() as usize;
        self.width = self.width.next_multiple_of(16);
        let mut order: Vec<usize> = (0..self.patches.len()).collect();
        order.sort_by_key(|i| (std::cmp::Reverse(self.patches[*i].height), *i));
        let (mut x, mut y, mut shelf) = (0, 0, 0);
        for i in order {
            let p = &mut self.patches[i];
            if x + p.width + 2 > self.width {
                y += shelf;
                x = 0;
                shelf = 0;
            }
            (p.x, p.y) = (x + 1, y + 1);
            x += p.width + 2;
            shelf = shelf.max(p.height + 2);
        }
        self.height = (y + shelf).next_multiple_of(16);
    }

    /// Texture coordinates of a place in a patch; `u` to the right, `v` upwards, both 0..1.
    pub fn uv(&self, id: PatchId, u: f64, v: f64) -> [f32; 2] {
        let p = &self.patches[id.0];
        let x = p.x as f64 + u * p.width as f64;
        let y = p.y as f64 + (1.0 - v) * p.height as f64;
        [(x / self.width as f64) as f32, (1.0 - y / self.height as f64) as f32]
    }

    /// Paints the texture and encodes it as JPEG.
    pub fn jpeg(&self, canvas: &Canvas, samples: usize, quality: u8) -> Result<Vec<u8>, String> {
        let mut rgb = vec![110u8; self.width * self.height * 3];
        for p in &self.patches {
            self.paint(canvas, p, samples, &mut rgb);
        }
        let mut out = Vec::new();
        let (w, h) = (u16::try_from(self.width), u16::try_from(self.height));
        let (Ok(w), Ok(h)) = (w, h) else { return Err(format!("texture of {} x {} pixels", self.width, self.height)) };
        Encoder::new(&mut out, quality).encode(&rgb, w, h, ColorType::Rgb).map_err(|e| e.to_string())?;
        Ok(out)
    }

    fn paint(&self, canvas: &Canvas, p: &Patch<'_>, samples: usize, rgb: &mut [u8]) {
        let face = match p.source {
            Source::Wall(b, edge, _, _) => Some(Face::new(b, edge)),
            _ => None,
        };
        for row in 0..p.height + 2 {
            for column in 0..p.width + 2 {
                let u = |k: f64| ((column as f64 - 1.0 + k) / p.width as f64).clamp(0.0, 1.0);
                let v = |k: f64| (1.0 - (row as f64 - 1.0 + k) / p.height as f64).clamp(0.0, 1.0);
                let c: [u8; 3] = match (&p.source, &face) {
                    (Source::Ortho(low, high), _) => {
                        let at = [low[0] + (high[0] - low[0]) * u(0.5), low[1] + (high[1] - low[1]) * v(0.5)];
                        canvas.sample(at, (high[0] - low[0]) / p.width as f64 * 0.5)
                    }
                    (Source::Wall(_, _, s, h), Some(face)) => {
                        let mut sum = [0.0f32; 3];
                        for a in 0..samples {
                            for b in 0..samples {
                                let k = |i: usize| (i as f64 + 0.5) / samples as f64;
                                let c = face.colour(s[0] + (s[1] - s[0]) * u(k(a)), h[0] + (h[1] - h[0]) * v(k(b)));
                                (0..3).for_each(|i| sum[i] += c[i]);
                            }
                        }
                        let n = (samples * samples) as f32;
                        sum.map(|v| (v / n).clamp(0.0, 255.0) as u8)
                    }
                    (Source::Flat(c), _) => c.map(|v| v as u8),
                    _ => [0; 3],
                };
                let i = ((p.y + row - 1) * self.width + p.x + column - 1) * 3;
                rgb[i..i + 3].copy_from_slice(&c);
            }
        }
    }
}
