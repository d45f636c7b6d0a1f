//! Walking distances inside a layer: geodesic fields by fast sweeping (快速扫描法).

use crate::math::{V2, dot, length, sub, unit};
use crate::world::Gate;

/// Nobody aims nearer to a jamb than this, m.
pub(crate) const JAMB_M: f32 = 0.22;
/// Within this distance of a portal people see it and walk straight, m.
const IN_SIGHT_M: f32 = 1.0;
/// Most cells of a field; larger layers have coarser cells.
const MOST_CELLS: f32 = 262_144.0;

/// Distance and direction to one way out of a layer.
#[derive(Debug, Clone)]
pub(crate) enum Field {
    /// Convex and without obstacles: straight.
    Straight,
    /// On cells.
    Cells(Box<Cells>),
    /// On cells, to a place beyond the border of a tile of open ground; and where its best walk crosses, just beyond.
    Toward(Box<Cells>, Option<V2>),
}

/// Distances at cell centres.
#[derive(Debug, Clone)]
pub(crate) struct Cells {
    lo: V2,
    cell_m: f32,
    nx: usize,
    ny: usize,
    /// Infinite where nobody can stand.
    distance: Vec<f32>,
    /// Unit vectors in 1/32767, zero where nobody can stand.
    heading: Vec<[i16; 2]>,
}

/// What a field is computed from: the open cells of a layer.
#[derive(Debug, Clone)]
pub(crate) struct Raster {
    pub lo: V2,
    pub cell_m: f32,
    pub nx: usize,
    pub ny: usize,
    /// Slowness per cell: 1 in the open, more beside walls, infinite where nobody can stand.
    pub slowness: Vec<f32>,
}

impl Raster {
    /// Cells of 0.2 m, coarser for a large layer. `room(p)` is the distance to the nearest wall, `None` when off the floor.
    pub(crate) fn new(lo: V2, hi: V2, room: impl Fn(V2) -> Option<f32>) -> Self {
        let (w, h) = ((hi[0] - lo[0]).max(0.1), (hi[1] - lo[1]).max(0.1));
        let cell_m = 0.2_f32.max((w * h / MOST_CELLS).sqrt());
        let (nx, ny) = ((w / cell_m) as usize + 1, (h / cell_m) as usize + 1);
        let mut slowness = vec![f32::INFINITY; nx * ny];
        for j in 0..ny {
            for i in 0..nx {
                let p = [lo[0] + (i as f32 + 0.5) * cell_m, lo[1] + (j as f32 + 0.5) * cell_m];
                // A wall between two neighbouring centres lies within half a cell of one of them: no way leaks through.
                if let Some(d) = room(p).filter(|d| *d > 0.505 * cell_m) {
                    // Beside a wall the way counts up to twice, so that paths keep a shoulder's width off corners.
                    slowness[j * nx + i] = 1.0 + (1.0 - d / 0.4).max(0.0);
                }
            }
        }
        Self { lo, cell_m, nx, ny, slowness }
    }

    fn centre(&self, c: usize) -> V2 {
        let (i, j) = (c % self.nx, c / self.nx);
        [self.lo[0] + (i as f32 + 0.5) * self.cell_m, self.lo[1] + (j as f32 + 0.5) * self.cell_m]
    }

    /// The field of distances to one side of a portal: Godunov's scheme, swept in four orders until still (Zhao 2005).
    pub(crate) fn field(&self, gate: &Gate) -> Cells {
        let (nx, ny, n) = (self.nx, self.ny, self.nx * self.ny);
        let mut distance = vec![f32::INFINITY; n];
        let near = 1.5 * self.cell_m;
        for (c, d) in distance.iter_mut().enumerate() {
            if self.slowness[c].is_finite() {
                let to = sub(gate.aim(self.centre(c)), self.centre(c));
                if length(to) < near && dot(to, gate.out) > -0.5 * self.cell_m {
                    *d = length(to);
                }
            }
        }
        for sweep in 0..64 {
            let mut changed = 0.0_f32;
            for jj in 0..ny {
                let j = if sweep & 1 == 0 { jj } else { ny - 1 - jj };
                for ii in 0..nx {
                    let i = if sweep & 2 == 0 { ii } else { nx - 1 - ii };
                    let c = j * nx + i;
                    if self.slowness[c].is_infinite() {
                        continue;
                    }
                    let at = |ok: bool, c: usize| if ok { distance[c] } else { f32::INFINITY };
                    let a = at(i > 0, c.wrapping_sub(1)).min(at(i + 1 < nx, c + 1));
                    let b = at(j > 0, c.wrapping_sub(nx)).min(at(j + 1 < ny, c + nx));
                    let new = eikonal(a, b, self.cell_m * self.slowness[c]);
                    if new < distance[c] {
                        changed = changed.max(if distance[c].is_finite() { distance[c] - new } else { 1.0 });
                        distance[c] = new;
                    }
                }
            }
            if sweep >= 3 && changed < 1e-3 {
                break;
            }
        }
        let heading = (0..n).map(|c| self.heading(&distance, c)).collect();
        Cells { lo: self.lo, cell_m: self.cell_m, nx, ny, distance, heading }
    }

    /// Part of the open cells that some way leads to; 1 when there is no way at all.
    pub(crate) fn part_reached(&self, fields: &[Cells]) -> f32 {
        let open = self.slowness.iter().filter(|s| s.is_finite()).count();
        let reached = (0..self.slowness.len()).filter(|c| fields.iter().any(|f| f.distance[*c].is_finite())).count();
        if open == 0 || reached == 0 { 1.0 } else { reached as f32 / open as f32 }
    }

    /// Steepest descent at a cell, upwind.
    fn heading(&self, distance: &[f32], c: usize) -> [i16; 2] {
        let (i, j) = (c % self.nx, c / self.nx);
        if distance[c].is_infinite() {
            return [0, 0];
        }
        let slope = |low: Option<usize>, high: Option<usize>| {
            let of = |k: Option<usize>| k.map_or(f32::INFINITY, |k| distance[k]);
            let (l, h) = (of(low), of(high));
            if l.is_finite() && h.is_finite() && l < distance[c] && h < distance[c] {
                l - h
            } else if l < h {
                (l - distance[c]).min(0.0)
            } else if h.is_finite() {
                (distance[c] - h).max(0.0)
            } else {
                0.0
            }
        };
        let dx = slope((i > 0).then(|| c - 1), (i + 1 < self.nx).then_some(c + 1));
        let dy = slope((j > 0).then(|| c - self.nx), (j + 1 < self.ny).then_some(c + self.nx));
        unit([dx, dy]).map(|v| (v * 32767.0) as i16)
    }
}

/// The upwind solution of |grad d| = slowness from the smaller neighbours along x and y.
pub(crate) fn eikonal(a: f32, b: f32, h: f32) -> f32 {
    let gap = (a - b).abs();
    if gap < h { 0.5 * (a + b + (2.0 * h * h - gap * gap).sqrt()) } else { a.min(b) + h }
}

impl Cells {
    /// A square of `n` by `n` cells.
    pub(crate) fn new(lo: V2, cell_m: f32, n: usize, distance: Vec<f32>, heading: Vec<[i16; 2]>) -> Self {
        Self { lo, cell_m, nx: n, ny: n, distance, heading }
    }

    /// Cells and weights around a point; weights of closed cells are zero.
    #[inline(always)]
    fn around(&self, p: V2) -> [(usize, f32); 4] {
        let at = |k: usize, n: usize| {
            let x = ((p[k] - self.lo[k]) / self.cell_m - 0.5).clamp(0.0, (n - 1) as f32);
            let low = (x as usize).min(n.saturating_sub(2));
            (low, (low + 1).min(n - 1), x - low as f32)
        };
        let ((i0, i1, fx), (j0, j1, fy)) = (at(0, self.nx), at(1, self.ny));
        let (nx, gx, gy) = (self.nx, 1.0 - fx, 1.0 - fy);
        let weigh = |c: usize, w: f32| if self.distance[c].is_finite() { (c, w + 1e-6) } else { (c, 0.0) };
        [
            weigh(j0 * nx + i0, gx * gy),
            weigh(j0 * nx + i1, fx * gy),
            weigh(j1 * nx + i0, gx * fy),
            weigh(j1 * nx + i1, fx * fy),
        ]
    }

    fn distance_m(&self, p: V2) -> f32 {
        let (mut sum, mut weight) = (0.0, 0.0);
        for (c, w) in self.around(p) {
            if w > 0.0 {
                sum += w * self.distance[c];
                weight += w;
            }
        }
        if weight > 0.0 { sum / weight } else { self.nearest_open(p).map_or(f32::INFINITY, |c| self.distance[c]) }
    }

    #[inline(always)]
    fn heading(&self, p: V2) -> V2 {
        let mut h = [0.0_f32; 2];
        for (c, w) in self.around(p) {
            let v = self.heading[c];
            h = [h[0] + w * f32::from(v[0]), h[1] + w * f32::from(v[1])];
        }
        let h = unit(h);
        if h != [0.0, 0.0] {
            return h;
        }
        self.nearest_open(p).map_or([0.0, 0.0], |c| {
            let centre = [
                self.lo[0] + ((c % self.nx) as f32 + 0.5) * self.cell_m,
                self.lo[1] + ((c / self.nx) as f32 + 0.5) * self.cell_m,
            ];
            unit(sub(centre, p))
        })
    }

    /// The open cell nearest to a point, within five cells.
    #[cold]
    fn nearest_open(&self, p: V2) -> Option<usize> {
        let at = |k: usize| ((p[k] - self.lo[k]) / self.cell_m) as isize;
        let (i0, j0) = (at(0), at(1));
        let mut best = None;
        for j in (j0 - 5).max(0)..=(j0 + 5).min(self.ny as isize - 1) {
            for i in (i0 - 5).max(0)..=(i0 + 5).min(self.nx as isize - 1) {
                let c = j as usize * self.nx + i as usize;
                let r2 = (i - i0) * (i - i0) + (j - j0) * (j - j0);
                if self.distance[c].is_finite() && best.is_none_or(|(b, _)| r2 < b) {
                    best = Some((r2, c));
                }
            }
        }
        best.map(|(_, c)| c)
    }
}

impl Field {
    /// Whether a way leads from a point of the floor.
    pub(crate) fn reaches(&self, p: V2) -> bool {
        match self {
            Self::Straight => true,
            Self::Cells(cells) | Self::Toward(cells, _) => cells.around(p).iter().any(|(_, w)| *w > 0.0),
        }
    }

    /// Walking distance from a point, m.
    pub(crate) fn distance_m(&self, gate: &Gate, p: V2) -> f32 {
        let straight = length(sub(gate.aim(p), p));
        match self {
            Self::Straight => straight,
            Self::Cells(_) if straight < 0.3 => straight,
            Self::Cells(cells) => cells.distance_m(p).max(straight),
            Self::Toward(cells, _) => cells.distance_m(p),
        }
    }

    /// Where a person at `p` wants to go: a unit vector, zero when there is no way.
    #[inline(always)]
    pub(crate) fn heading(&self, gate: &Gate, p: V2) -> V2 {
        let aim = gate.aim(p);
        let to = sub(aim, p);
        let depth = dot(to, gate.out);
        match self {
            // Straight only from well in front: from beside, a jamb may stand in the way.
            Self::Toward(cells, _) => cells.heading(p),
            Self::Cells(cells) if length(to) > IN_SIGHT_M || depth < 0.7 * length(to) => cells.heading(p),
            // A little beyond the line, so that who stands on it walks through.
            _ => unit([to[0] + 0.2 * gate.out[0], to[1] + 0.2 * gate.out[1]]),
        }
    }
}
