//! Long spaces cut into pieces across their length.

use twin_model::{PlanSpace, ring_area2};

/// Cuts of one space: positions along an axis, area of each piece, width of each cut.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Strips {
    axis: [f64; 2],
    cuts_m: Vec<f64>,
    pub areas_m2: Vec<f64>,
    pub widths_m: Vec<f64>,
}

impl Strips {
    /// Pieces no longer than `piece_m`; one when the space is shorter.
    pub fn new(space: &PlanSpace, piece_m: f64) -> Self {
        let axis = long_axis(&space.outline);
        let along = |p: &[f64; 2]| p[0] * axis[0] + p[1] * axis[1];
        let low = space.outline.iter().map(along).fold(f64::INFINITY, f64::min);
        let high = space.outline.iter().map(along).fold(f64::NEG_INFINITY, f64::max);
        let count = ((high - low) / piece_m).ceil().clamp(1.0, 1000.0);
        let step = (high - low) / count;
        let mut cuts_m: Vec<f64> = (1..count as usize).map(|k| low + step * k as f64).collect();
        // A cut through nothing, or one that leaves a sliver, is none.
        let area = |from: f64, to: f64| area_between(space, axis, from, to);
        let mut from = f64::NEG_INFINITY;
        cuts_m.retain(|&c| {
            let keep = width_at(space, axis, c) > 0.3 && area(from, c) > 0.5 && area(c, f64::INFINITY) > 0.5;
            if keep {
                from = c;
            }
            keep
        });
        let mut bounds = vec![f64::NEG_INFINITY];
        bounds.extend(&cuts_m);
        bounds.push(f64::INFINITY);
        let areas_m2 = bounds.windows(2).map(|w| area(w[0], w[1])).collect();
        let widths_m = cuts_m.iter().map(|&c| width_at(space, axis, c)).collect();
        Self { axis, cuts_m, areas_m2, widths_m }
    }

    /// Number of the piece a point lies in.
    pub fn piece(&self, p: [f64; 2]) -> usize {
        let at = p[0] * self.axis[0] + p[1] * self.axis[1];
        self.cuts_m.partition_point(|c| *c <= at)
    }
}

/// Direction of the longest extent among those of the edges.
fn long_axis(ring: &[[f64; 2]]) -> [f64; 2] {
    let mut best = ([1.0, 0.0], -1.0);
    for (k, a) in ring.iter().enumerate() {
        let b = ring[(k + 1) % ring.len()];
        let d = [b[0] - a[0], b[1] - a[1]];
        let length = (d[0] * d[0] + d[1] * d[1]).sqrt();
        if length < 1e-6 {
            continue;
        }
        for u in [[d[0] / length, d[1] / length], [-d[1] / length, d[0] / length]] {
            let along = |p: &[f64; 2]| p[0] * u[0] + p[1] * u[1];
            let low = ring.iter().map(along).fold(f64::INFINITY, f64::min);
            let high = ring.iter().map(along).fold(f64::NEG_INFINITY, f64::max);
            if high - low > best.1 + 1e-9 {
                best = (u, high - low);
            }
        }
    }
    best.0
}

/// Part of a ring on one side of a line across the axis (Sutherland & Hodgman 1974; the area is right for any ring).
fn clip(ring: &[[f64; 2]], axis: [f64; 2], at: f64, keep_above: bool) -> Vec<[f64; 2]> {
    if at.is_infinite() {
        return ring.to_vec();
    }
    let side = |p: &[f64; 2]| {
        let d = p[0] * axis[0] + p[1] * axis[1] - at;
        if keep_above { d } else { -d }
    };
    let mut out = Vec::new();
    for (k, a) in ring.iter().enumerate() {
        let b = &ring[(k + 1) % ring.len()];
        let (da, db) = (side(a), side(b));
        if da >= 0.0 {
            out.push(*a);
        }
        if (da >= 0.0) != (db >= 0.0) {
            let t = da / (da - db);
            out.push([a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])]);
        }
    }
    out
}

fn area_between(space: &PlanSpace, axis: [f64; 2], from: f64, to: f64) -> f64 {
    let part = |ring: &[[f64; 2]]| {
        let cut = clip(&clip(ring, axis, from, true), axis, to, false);
        if cut.len() < 3 { 0.0 } else { 0.5 * ring_area2(&cut).abs() }
    };
    part(&space.outline) - space.holes.iter().map(|h| part(h)).sum::<f64>()
}

/// Length of a cut inside the space.
fn width_at(space: &PlanSpace, axis: [f64; 2], at: f64) -> f64 {
    let mut crossings = Vec::new();
    for ring in std::iter::once(&space.outline).chain(&space.holes) {
        for (k, a) in ring.iter().enumerate() {
            let b = ring[(k + 1) % ring.len()];
            let d = |p: &[f64; 2]| p[0] * axis[0] + p[1] * axis[1] - at;
            let (da, db) = (d(a), d(&b));
            if (da >= 0.0) != (db >= 0.0) {
                let t = da / (da - db);
                let p = [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])];
                crossings.push(p[1] * axis[0] - p[0] * axis[1]);
            }
        }
    }
    crossings.sort_by(f64::total_cmp);
    crossings.as_chunks::<2>().0.iter().map(|c| c[1] - c[0]).sum()
}
