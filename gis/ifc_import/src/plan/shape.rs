//! Plane geometry out of triangles: boxes, horizontal sections, turned rectangles.

use crate::{Element, Mesh};
use geo::{
    Area, BooleanOps, BoundingRect, ConvexHull, Coord, LineString, MultiPoint, MultiPolygon, Point, Polygon, Simplify,
};
use std::collections::BTreeMap;

/// Coordinates beyond this are no building, m.
const FAR_M: f64 = 1.0e5;
/// Ends of section lines this near are one corner, m.
const SNAP_M: f64 = 1.0e-4;
/// A section ring that does not close within this is dropped, m.
const GAP_M: f64 = 0.02;

/// Least and greatest corner.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub lo: [f64; 3],
    pub hi: [f64; 3],
}

impl Bounds {
    /// Of an element; `None` without triangles or with coordinates that are no building's.
    pub fn of(element: &Element) -> Option<Self> {
        let mut found: Option<Self> = None;
        for p in element.meshes.iter().flat_map(Mesh::world_positions) {
            if p.iter().any(|v| v.is_nan() || v.abs() > FAR_M) {
                return None;
            }
            let b = found.get_or_insert(Self { lo: p, hi: p });
            for k in 0..3 {
                b.lo[k] = b.lo[k].min(p[k]);
                b.hi[k] = b.hi[k].max(p[k]);
            }
        }
        found
    }

    pub fn middle(&self) -> [f64; 3] {
        [0, 1, 2].map(|k| f64::midpoint(self.lo[k], self.hi[k]))
    }

    pub fn height(&self) -> f64 {
        self.hi[2] - self.lo[2]
    }
}

/// Corners of every triangle, metres.
pub(crate) fn triangles(mesh: &Mesh) -> impl Iterator<Item = [[f64; 3]; 3]> + '_ {
    let o = mesh.origin;
    let at = move |i: u32| {
        let p = mesh.positions.get(i as usize)?;
        Some([o[0] + f64::from(p[0]), o[1] + f64::from(p[1]), o[2] + f64::from(p[2])])
    };
    mesh.indices.chunks_exact(3).filter_map(move |t| Some([at(t[0])?, at(t[1])?, at(t[2])?]))
}

/// Unit normal of a triangle (right-handed) and its area; `None` when it has none.
pub(crate) fn normal(t: &[[f64; 3]; 3]) -> Option<([f64; 3], f64)> {
    let d = |a: usize, b: usize| [0, 1, 2].map(|k| t[b][k] - t[a][k]);
    let (u, v) = (d(0, 1), d(0, 2));
    let n = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
    let len = (n[0] * n[0] + n[1] * n[1] + n[2] * n[2]).sqrt();
    (len > 1e-12).then(|| (n.map(|v| v / len), 0.5 * len))
}

/// Lines in which an element's triangles cut a horizontal plane.
pub(crate) fn section_lines(mesh: &Mesh, z: f64) -> Vec<[[f64; 2]; 2]> {
    let mut lines = Vec::new();
    for t in triangles(mesh) {
        let above = t.map(|p| p[2] >= z);
        let mut ends = (0..3).filter_map(|i| {
            let j = (i + 1) % 3;
            (above[i] != above[j]).then(|| {
                // The same order from both triangles of an edge, so that both give the same bits.
                let (a, b) = if above[i] { (t[j], t[i]) } else { (t[i], t[j]) };
                let f = (z - a[2]) / (b[2] - a[2]);
                [a[0] + f * (b[0] - a[0]), a[1] + f * (b[1] - a[1])]
            })
        });
        if let (Some(a), Some(b)) = (ends.next(), ends.next()) {
            lines.push([a, b]);
        }
    }
    lines
}

/// The area that an element cuts from a horizontal plane.
pub(crate) fn section(element: &Element, z: f64) -> MultiPolygon<f64> {
    let parts: Vec<MultiPolygon<f64>> =
        element.meshes.iter().map(|m| even_odd(rings(&section_lines(m, z)))).filter(|p| !p.0.is_empty()).collect();
    join(parts)
}

/// What lies flat at an element's underside, seen from above.
pub(crate) fn underside(element: &Element, bounds: &Bounds) -> MultiPolygon<f64> {
    let mut parts = Vec::new();
    for t in element.meshes.iter().flat_map(triangles) {
        let flat = normal(&t).is_some_and(|(n, _)| n[2].abs() > 0.9);
        if flat && t.iter().all(|p| p[2] < bounds.lo[2] + 0.3) {
            parts.push(MultiPolygon(vec![polygon(&t.map(|p| [p[0], p[1]]))]));
        }
        if parts.len() > 20_000 {
            break;
        }
    }
    join(parts)
}

fn join(mut parts: Vec<MultiPolygon<f64>>) -> MultiPolygon<f64> {
    match parts.len() {
        0 => MultiPolygon(vec![]),
        1 => parts.remove(0),
        _ => geo::unary_union(parts.iter()),
    }
}

pub(crate) fn polygon(ring: &[[f64; 2]]) -> Polygon<f64> {
    Polygon::new(LineString(ring.iter().map(|p| Coord { x: p[0], y: p[1] }).collect()), vec![])
}

/// Corners of a ring without the repeated last one.
pub(crate) fn corners(ring: &LineString<f64>) -> Vec<[f64; 2]> {
    let n = ring.0.len().saturating_sub(1);
    ring.0.iter().take(n).map(|c| [c.x, c.y]).collect()
}

/// Closed rings from loose lines.
fn rings(lines: &[[[f64; 2]; 2]]) -> Vec<Vec<[f64; 2]>> {
    let key = |p: [f64; 2]| p.map(|v| (v / SNAP_M).round() as i64);
    let mut at: BTreeMap<[i64; 2], Vec<usize>> = BTreeMap::new();
    for (i, l) in lines.iter().enumerate() {
        if key(l[0]) != key(l[1]) {
            at.entry(key(l[0])).or_default().push(i);
            at.entry(key(l[1])).or_default().push(i);
        }
    }
    let mut used = vec![false; lines.len()];
    let mut found = Vec::new();
    for start in 0..lines.len() {
        if used[start] || key(lines[start][0]) == key(lines[start][1]) {
            continue;
        }
        used[start] = true;
        let mut ring = vec![lines[start][0], lines[start][1]];
        while let Some(end) = ring.last().copied().filter(|e| key(*e) != key(ring[0])) {
            let Some(next) = at.get(&key(end)).into_iter().flatten().copied().find(|i| !used[*i]) else { break };
            used[next] = true;
            let l = lines[next];
            ring.push(if key(l[0]) == key(end) { l[1] } else { l[0] });
        }
        let (first, last) = (ring[0], ring[ring.len() - 1]);
        if ring.len() >= 4 && (first[0] - last[0]).hypot(first[1] - last[1]) < GAP_M {
            ring.pop();
            found.push(ring);
        }
    }
    found
}

/// What lies inside an odd number of rings.
fn even_odd(rings: Vec<Vec<[f64; 2]>>) -> MultiPolygon<f64> {
    let mut whole = MultiPolygon(vec![]);
    for ring in rings.iter().filter(|r| r.len() >= 3) {
        let one = MultiPolygon(vec![polygon(ring)]);
        if one.unsigned_area() > 1e-6 {
            whole = if whole.0.is_empty() { one } else { whole.xor(&one) };
        }
    }
    whole
}

/// Fewer corners, none farther than `tolerance_m` from the old line; the old shape when nothing sound is left.
pub(crate) fn simplified(p: &Polygon<f64>, tolerance_m: f64) -> Polygon<f64> {
    let less = p.simplify(tolerance_m);
    let (old, new) = (p.unsigned_area(), less.unsigned_area());
    if less.exterior().0.len() >= 4 && (old - new).abs() < 0.02 * old.max(0.5) { less } else { p.clone() }
}

/// Bounding rectangle in plan of a polygon: least and greatest corner.
pub(crate) fn plan_box(p: &Polygon<f64>) -> Option<([f64; 2], [f64; 2])> {
    p.bounding_rect().map(|r| ([r.min().x, r.min().y], [r.max().x, r.max().y]))
}

/// A rectangle in plan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    pub centre: [f64; 2],
    /// Unit vector along the wall.
    pub along: [f64; 2],
    /// Length along the wall, m.
    pub length_m: f64,
    /// Length across the wall, m.
    pub depth_m: f64,
}

impl Slot {
    /// A point `s` along and `t` to the left of the middle.
    pub fn point(&self, s: f64, t: f64) -> [f64; 2] {
        let [x, y] = self.along;
        [self.centre[0] + s * x - t * y, self.centre[1] + s * y + t * x]
    }

    pub fn corners(&self) -> [[f64; 2]; 4] {
        let (s, t) = (0.5 * self.length_m, 0.5 * self.depth_m);
        [self.point(-s, -t), self.point(s, -t), self.point(s, t), self.point(-s, t)]
    }

    /// The smallest rectangle round points; its length is the side nearest to `width_m`, or the longer one.
    pub fn round(points: impl Iterator<Item = [f64; 2]>, width_m: Option<f64>) -> Option<Self> {
        let hull = MultiPoint(points.map(|p| Point::new(p[0], p[1])).collect()).convex_hull();
        let ring = corners(hull.exterior());
        let mut best: Option<(f64, Self)> = None;
        for (i, a) in ring.iter().enumerate() {
            let b = ring[(i + 1) % ring.len()];
            let len = (b[0] - a[0]).hypot(b[1] - a[1]);
            if len < 1e-3 {
                continue;
            }
            let u = [(b[0] - a[0]) / len, (b[1] - a[1]) / len];
            let (mut lo, mut hi) = ([f64::MAX; 2], [f64::MIN; 2]);
            for p in &ring {
                let v = [p[0] * u[0] + p[1] * u[1], p[1] * u[0] - p[0] * u[1]];
                for k in 0..2 {
                    lo[k] = lo[k].min(v[k]);
                    hi[k] = hi[k].max(v[k]);
                }
            }
            let size = [hi[0] - lo[0], hi[1] - lo[1]];
            let area = size[0] * size[1];
            // A tie goes to the first edge; rounding must not decide.
            if best.as_ref().is_some_and(|(least, _)| area >= *least - 1e-9) {
                continue;
            }
            let m = [f64::midpoint(lo[0], hi[0]), f64::midpoint(lo[1], hi[1])];
            let centre = [m[0] * u[0] - m[1] * u[1], m[0] * u[1] + m[1] * u[0]];
            let first = match width_m {
                Some(w) => (size[0] - w).abs() <= (size[1] - w).abs(),
                None => size[0] >= size[1],
            };
            let slot = if first {
                Self { centre, along: u, length_m: size[0], depth_m: size[1] }
            } else {
                Self { centre, along: [-u[1], u[0]], length_m: size[1], depth_m: size[0] }
            };
            best = Some((area, slot));
        }
        best.map(|(_, slot)| slot)
    }
}
