//! Bare-earth heights: plain, river bed, embankment, sunken roads, underpass, ramps.

use crate::geom::{Pt, contains, dist, dist_segment};
use crate::plan::{Area, AreaKind, Building, Lane, LaneKind, SIZE_M, Street};
use crate::rng::{fractal, smooth};

/// Crest of the embankment, metres.
pub const CREST_M: f64 = 22.0;
/// Sill of the gap in the embankment, metres.
pub const GAP_SILL_M: f64 = 19.0;
/// Water level on an ordinary day, metres.
pub const RIVER_LEVEL_M: f64 = 16.5;
/// Distance from the river bank to the embankment's centre line, metres.
pub const BANK_TO_CREST_M: f64 = 42.0;
/// Distance from the river bank to the riverside road's centre line, metres.
pub const BANK_TO_ROAD_M: f64 = 84.0;
/// Depth of the underpass below the avenue, metres.
pub const UNDERPASS_DEPTH_M: f64 = 4.6;

const COLUMNS: usize = 1200;
const ROWS: usize = 1000;

/// Heights on a 1 m grid; cell (0,0) is centred at (0.5, 0.5).
pub struct Terrain {
    heights: Vec<f32>,
}

/// What shapes the terrain.
pub struct Shapers<'a> {
    /// Streets, sunk below their lots.
    pub streets: &'a [Street],
    /// Lanes, sunk a little.
    pub lanes: &'a [Lane],
    /// Ponds are dug, plazas levelled.
    pub areas: &'a [Area],
    /// Buildings stand on level pads.
    pub buildings: &'a [Building],
    /// Flood gap.
    pub gap: Pt,
    /// Underpass centre, direction and half width (metres).
    pub underpass: (Pt, Pt, f64),
    /// Garage ramps: top end, bottom end.
    pub ramps: &'a [(Pt, Pt)],
    /// Seed for the unevenness.
    pub seed: u64,
}

/// North edge of the river at ordinary level, metres from the south edge of the plan.
pub fn bank_at(x: f64) -> f64 {
    146.0 + 15.0 * (x / SIZE_M[0] * 5.2 + 0.7).sin() + 3.0 * (x / 97.0).sin()
}

fn step(edge0: f64, edge1: f64, x: f64) -> f64 {
    let t = ((x - edge0) / (edge1 - edge0)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Ground of the plain without any works, metres.
fn plain(p: Pt, seed: u64) -> f64 {
    let [x, y] = p;
    let north = (y - 230.0) / 770.0;
    let mut z = 20.0 + 4.6 * north.clamp(0.0, 1.0).powf(0.8) + 0.7 * (1.0 - x / SIZE_M[0]);
    // the low-lying pocket behind the gap
    let pocket = |cx: f64, cy: f64, rx: f64, ry: f64| {
        let d = ((x - cx) / rx).powi(2) + ((y - cy) / ry).powi(2);
        (-d).exp()
    };
    z -= 2.6 * pocket(495.0, 300.0, 185.0, 130.0);
    z -= 0.7 * pocket(790.0, 300.0, 140.0, 80.0);
    z += 0.25 * (fractal(x / 60.0, y / 60.0, seed) - 0.5) + 0.05 * (smooth(x / 4.0, y / 4.0, seed + 9) - 0.5);
    z
}

/// River bed, foreshore and embankment over the plain.
fn river_works(p: Pt, plain_z: f64, gap: Pt, seed: u64) -> f64 {
    let [x, y] = p;
    let from_bank = y - bank_at(x);
    if from_bank < 0.0 {
        let bed = 12.4 + 1.2 * (fractal(x / 70.0, y / 35.0, seed + 20) - 0.3);
        let depth = step(0.0, -34.0, from_bank);
        return 16.6 + (bed - 16.6) * depth + 0.15 * (smooth(x / 5.0, y / 5.0, seed + 21) - 0.5);
    }
    let foreshore = 16.6 + 1.3 * step(0.0, 14.0, from_bank) + 0.3 * fractal(x / 18.0, y / 9.0, seed + 22);
    let ground = foreshore + (plain_z - foreshore) * step(BANK_TO_CREST_M - 2.0, BANK_TO_CREST_M + 10.0, from_bank);
    let from_axis = (from_bank - BANK_TO_CREST_M).abs();
    // the gate: a road-wide cut with steep ends
    let gate = step(13.0, 7.0, (x - gap[0]).abs());
    let crest = CREST_M + (GAP_SILL_M - CREST_M) * gate;
    let bank = crest - (from_axis - 3.2).max(0.0) / 2.4;
    ground.max(bank)
}

impl Terrain {
    /// Shapes the ground.
    pub fn new(s: &Shapers<'_>) -> Self {
        let mut t = Self { heights: vec![0.0; COLUMNS * ROWS] };
        for row in 0..ROWS {
            for column in 0..COLUMNS {
                let p = cell_centre(column, row);
                t.heights[row * COLUMNS + column] = river_works(p, plain(p, s.seed), s.gap, s.seed) as f32;
            }
        }
        t.level_areas(s.areas);
        t.sink_roads(s);
        t.level_buildings(s.buildings);
        t.dig_underpass(s.underpass);
        for (top, bottom) in s.ramps {
            t.dig_ramp(*top, *bottom);
        }
        t
    }

    /// Columns and rows.
    pub const fn size(&self) -> (usize, usize) {
        (COLUMNS, ROWS)
    }

    /// Heights from the south-west corner, row by row to the north.
    pub fn rows(&self) -> &[f32] {
        &self.heights
    }

    /// Height at a plan point, bilinear, clamped at the edges.
    pub fn at(&self, p: Pt) -> f64 {
        let fx = (p[0] - 0.5).clamp(0.0, COLUMNS as f64 - 1.001);
        let fy = (p[1] - 0.5).clamp(0.0, ROWS as f64 - 1.001);
        let (ix, iy) = (fx as usize, fy as usize);
        let (tx, ty) = (fx - ix as f64, fy - iy as f64);
        let h = |c: usize, r: usize| f64::from(self.heights[r * COLUMNS + c]);
        let south = h(ix, iy) * (1.0 - tx) + h(ix + 1, iy) * tx;
        let north = h(ix, iy + 1) * (1.0 - tx) + h(ix + 1, iy + 1) * tx;
        south * (1.0 - ty) + north * ty
    }

    /// Calls `change(point, height)` for every cell within a box.
    fn edit(&mut self, low: Pt, high: Pt, mut change: impl FnMut(Pt, f32) -> f32) {
        let clamp = |v: f64, n: usize| v.clamp(0.0, n as f64) as usize;
        for row in clamp(low[1], ROWS)..clamp(high[1] + 1.0, ROWS) {
            for column in clamp(low[0], COLUMNS)..clamp(high[0] + 1.0, COLUMNS) {
                let cell = &mut self.heights[row * COLUMNS + column];
                *cell = change(cell_centre(column, row), *cell);
            }
        }
    }

    fn sink_roads(&mut self, s: &Shapers<'_>) {
        // the smallest distance outside each road's edge decides, so that crossings are not sunk twice
        let mut sink = vec![0.0f32; COLUMNS * ROWS];
        let mut press = |line: &[Pt], half: f64, depth: f64| {
            for w in line.windows(2) {
                let reach = half + 2.0;
                let low = [w[0][0].min(w[1][0]) - reach, w[0][1].min(w[1][1]) - reach];
                let high = [w[0][0].max(w[1][0]) + reach, w[0][1].max(w[1][1]) + reach];
                let clamp = |v: f64, n: usize| v.clamp(0.0, n as f64) as usize;
                for row in clamp(low[1], ROWS)..clamp(high[1] + 1.0, ROWS) {
                    for column in clamp(low[0], COLUMNS)..clamp(high[0] + 1.0, COLUMNS) {
                        let d = dist_segment(cell_centre(column, row), w[0], w[1]).0;
                        // crown of 1.5 %, kerb over about half a metre
                        let inside = depth - 0.015 * (half - d).max(0.0);
                        let v = (inside * step(half + 0.6, half - 0.2, d)) as f32;
                        let cell = &mut sink[row * COLUMNS + column];
                        *cell = cell.max(v);
                    }
                }
            }
        };
        for lane in s.lanes.iter().filter(|l| l.kind == LaneKind::Internal) {
            press(&lane.line, lane.width_m * 0.5, 0.18);
        }
        for street in s.streets {
            press(&street.line, street.carriage_m * 0.5, 0.42);
        }
        for (h, d) in self.heights.iter_mut().zip(&sink) {
            *h -= d;
        }
    }

    fn level_areas(&mut self, areas: &[Area]) {
        for area in areas {
            let (low, high) = crate::geom::bounds(&area.ring);
            match area.kind {
                AreaKind::Pond => self.edit(low, high, |p, h| {
                    if contains(&area.ring, p) {
                        h - 1.6 * step(0.0, 5.0, crate::geom::dist_ring(p, &area.ring)) as f32
                    } else {
                        h
                    }
                }),
                AreaKind::Track | AreaKind::Field | AreaKind::Court => {
                    let level = self.at(crate::geom::centroid(&area.ring)) as f32;
                    self.edit(low, high, |p, h| if contains(&area.ring, p) { level } else { h });
                }
                _ => {}
            }
        }
    }

    fn level_buildings(&mut self, buildings: &[Building]) {
        for b in buildings {
            let level = b.ring.iter().map(|p| self.at(*p)).sum::<f64>() / b.ring.len() as f64 + 0.12;
            let (low, high) = crate::geom::bounds(&b.ring);
            self.edit([low[0] - 3.0, low[1] - 3.0], [high[0] + 3.0, high[1] + 3.0], |p, h| {
                let away = if contains(&b.ring, p) { 0.0 } else { crate::geom::dist_ring(p, &b.ring) };
                let w = step(2.8, 0.7, away) as f32;
                h + (level as f32 - h) * w
            });
        }
    }

    fn dig_underpass(&mut self, (centre, axis, half): (Pt, Pt, f64)) {
        let reach = 95.0;
        let level = self.at(centre);
        let box_low = [centre[0] - half - reach * axis[0].abs() - 2.0, centre[1] - reach - 2.0];
        let box_high = [centre[0] + half + reach * axis[0].abs() + 2.0, centre[1] + reach + 2.0];
        self.edit(box_low, box_high, |p, h| {
            let d = [p[0] - centre[0], p[1] - centre[1]];
            let along = d[0] * axis[0] + d[1] * axis[1];
            let across = (d[0] * axis[1] - d[1] * axis[0]).abs();
            if across > half || along.abs() > reach {
                return h;
            }
            let floor = (level - UNDERPASS_DEPTH_M * step(reach, 22.0, along.abs())) as f32;
            h.min(floor)
        });
    }

    fn dig_ramp(&mut self, top: Pt, bottom: Pt) {
        let level = self.at(top);
        let run = dist(top, bottom);
        let low = [top[0].min(bottom[0]) - 4.0, top[1].min(bottom[1]) - 4.0];
        let high = [top[0].max(bottom[0]) + 4.0, top[1].max(bottom[1]) + 4.0];
        self.edit(low, high, |p, h| {
            let (d, t) = dist_segment(p, top, bottom);
            if d > 3.1 { h } else { h.min((level + 0.15 * step(0.15, 0.0, t) - 0.12 * (t * run).max(0.0)) as f32) }
        });
    }
}

fn cell_centre(column: usize, row: usize) -> Pt {
    [column as f64 + 0.5, row as f64 + 0.5]
}
