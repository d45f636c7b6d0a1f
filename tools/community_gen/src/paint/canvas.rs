//! A picture of the plan seen from straight above.

use crate::geom::{Pt, bounds, edges};
use crate::plan::SIZE_M;

/// Ground size of a pixel, metres.
pub const PIXEL_M: f64 = 0.25;

/// A colour, 0..255 per channel.
pub type Rgb = [f32; 3];

/// Scales a colour.
pub fn shade(c: Rgb, k: f32) -> Rgb {
    [c[0] * k, c[1] * k, c[2] * k]
}

/// Mixes two colours; `t` = 1 gives `b`.
pub fn mix(a: Rgb, b: Rgb, t: f32) -> Rgb {
    [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t]
}

/// A picture, rows from the north.
pub struct Canvas {
    /// Pixels east.
    pub width: usize,
    /// Pixels south.
    pub height: usize,
    /// Three bytes a pixel.
    pub rgb: Vec<u8>,
}

impl Canvas {
    /// A black picture of the whole plan.
    pub fn new() -> Self {
        let width = (SIZE_M[0] / PIXEL_M) as usize;
        let height = (SIZE_M[1] / PIXEL_M) as usize;
        Self { width, height, rgb: vec![0; width * height * 3] }
    }

    /// Plan point of a pixel's centre.
    pub fn point(column: usize, row: usize) -> Pt {
        [(column as f64 + 0.5) * PIXEL_M, SIZE_M[1] - (row as f64 + 0.5) * PIXEL_M]
    }

    /// Colour of a pixel.
    pub fn get(&self, column: usize, row: usize) -> Rgb {
        let i = (row * self.width + column) * 3;
        [f32::from(self.rgb[i]), f32::from(self.rgb[i + 1]), f32::from(self.rgb[i + 2])]
    }

    /// Sets a pixel.
    pub fn set(&mut self, column: usize, row: usize, c: Rgb) {
        let i = (row * self.width + column) * 3;
        for (byte, value) in self.rgb[i..i + 3].iter_mut().zip(c) {
            *byte = value.clamp(0.0, 255.0) as u8;
        }
    }

    /// Paints every pixel whose centre lies in `ring`; the colour may depend on the place and on what was there.
    pub fn fill(&mut self, ring: &[Pt], mut colour: impl FnMut(Pt, Rgb) -> Rgb) {
        self.spans(ring, |canvas, row, from, to| {
            for column in from..to {
                let old = canvas.get(column, row);
                canvas.set(column, row, colour(Self::point(column, row), old));
            }
        });
    }

    /// Calls `paint(canvas, row, first column, end column)` for the spans of a ring.
    fn spans(&mut self, ring: &[Pt], mut paint: impl FnMut(&mut Self, usize, usize, usize)) {
        let (low, high) = bounds(ring);
        let to_row = |y: f64| (SIZE_M[1] - y) / PIXEL_M;
        let first = to_row(high[1]).floor().max(0.0) as usize;
        let last = (to_row(low[1]).ceil().max(0.0) as usize).min(self.height);
        let mut cuts = Vec::new();
        for row in first..last {
            let y = SIZE_M[1] - (row as f64 + 0.5) * PIXEL_M;
            cuts.clear();
            for (a, b) in edges(ring) {
                if (a[1] > y) != (b[1] > y) {
                    cuts.push(a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]));
                }
            }
            cuts.sort_by(f64::total_cmp);
            for pair in cuts.chunks_exact(2) {
                let column = |x: f64| ((x / PIXEL_M - 0.5).ceil().max(0.0) as usize).min(self.width);
                let (from, to) = (column(pair[0]), column(pair[1]));
                paint(self, row, from, to);
            }
        }
    }

    /// A line of some width.
    pub fn stroke(&mut self, line: &[Pt], width_m: f64, colour: Rgb, strength: f32) {
        for w in line.windows(2) {
            if crate::geom::dist(w[0], w[1]) > 1e-6 {
                self.fill(&crate::geom::ribbon(w, width_m), |_, old| mix(old, colour, strength));
            }
        }
    }

    /// The picture at a quarter of the pixels.
    pub fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let mut rgb = Vec::with_capacity(width * height * 3);
        for row in 0..height {
            for column in 0..width {
                for k in 0..3 {
                    let at = |r: usize, c: usize| u32::from(self.rgb[(r * self.width + c) * 3 + k]);
                    let sum = at(row * 2, column * 2)
                        + at(row * 2, column * 2 + 1)
                        + at(row * 2 + 1, column * 2)
                        + at(row * 2 + 1, column * 2 + 1);
                    rgb.push(((sum + 2) / 4) as u8);
                }
            }
        }
        Self { width, height, rgb }
    }

    /// Mean colour of the box of plan points around `p` with half size `half` metres (for coarse textures).
    pub fn sample(&self, p: Pt, half: f64) -> [u8; 3] {
        let clamp = |v: f64, n: usize| v.clamp(0.0, n as f64 - 1.0) as usize;
        let (c0, c1) = (clamp((p[0] - half) / PIXEL_M, self.width), clamp((p[0] + half) / PIXEL_M - 0.01, self.width));
        let (r0, r1) = (
            clamp((SIZE_M[1] - p[1] - half) / PIXEL_M, self.height),
            clamp((SIZE_M[1] - p[1] + half) / PIXEL_M - 0.01, self.height),
        );
        let mut sum = [0u32; 3];
        let mut n = 0;
        for r in r0..=r1.max(r0) {
            for c in c0..=c1.max(c0) {
                let i = (r * self.width + c) * 3;
                for (total, byte) in sum.iter_mut().zip(&self.rgb[i..i + 3]) {
                    *total += u32::from(*byte);
                }
                n += 1;
            }
        }
        [0, 1, 2].map(|k| (sum[k] / n) as u8)
    }
}

/// One flag per pixel, for shadows.
pub struct Mask {
    canvas_width: usize,
    flags: Vec<u8>,
}

impl Mask {
    /// Nothing set.
    pub fn new(canvas: &Canvas) -> Self {
        Self { canvas_width: canvas.width, flags: vec![0; canvas.width * canvas.height] }
    }

    /// Sets the flag within a ring.
    pub fn fill(&mut self, canvas: &mut Canvas, ring: &[Pt], value: u8) {
        canvas.spans(ring, |c, row, from, to| {
            for flag in &mut self.flags[row * c.width + from..(row * c.width + to).max(row * c.width + from)] {
                *flag = (*flag).max(value);
            }
        });
    }

    /// The flag of a pixel.
    pub fn get(&self, column: usize, row: usize) -> u8 {
        self.flags[row * self.canvas_width + column]
    }
}
