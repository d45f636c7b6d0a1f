//! Planar geometry on small polygons and polylines. Coordinates are plan metres (x east, y north from the plan corner).

/// A point of the plan, metres.
pub type Pt = [f64; 2];

/// `a + b`.
pub fn add(a: Pt, b: Pt) -> Pt {
    [a[0] + b[0], a[1] + b[1]]
}

/// `a - b`.
pub fn sub(a: Pt, b: Pt) -> Pt {
    [a[0] - b[0], a[1] - b[1]]
}

/// `a * k`.
pub fn mul(a: Pt, k: f64) -> Pt {
    [a[0] * k, a[1] * k]
}

/// Distance of two points.
pub fn dist(a: Pt, b: Pt) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// Point at fraction `t` between two points.
pub fn lerp(a: Pt, b: Pt, t: f64) -> Pt {
    [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t]
}

/// Unit vector from `a` to `b`; east when they coincide.
pub fn direction(a: Pt, b: Pt) -> Pt {
    let d = sub(b, a);
    let n = d[0].hypot(d[1]);
    if n < 1e-9 { [1.0, 0.0] } else { mul(d, 1.0 / n) }
}

/// The vector turned left by 90°.
pub fn left(d: Pt) -> Pt {
    [-d[1], d[0]]
}

/// Twice-halved shoelace area, positive for counter-clockwise rings.
pub fn area(ring: &[Pt]) -> f64 {
    edges(ring).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum::<f64>() * 0.5
}

/// Area centroid of a ring (mean of the corners when it has no area).
pub fn centroid(ring: &[Pt]) -> Pt {
    let a = area(ring);
    if a.abs() < 1e-9 {
        let n = ring.len().max(1) as f64;
        return mul(ring.iter().fold([0.0, 0.0], |s, p| add(s, *p)), 1.0 / n);
    }
    let mut c = [0.0, 0.0];
    for (p, q) in edges(ring) {
        let w = p[0] * q[1] - q[0] * p[1];
        c = add(c, mul(add(p, q), w));
    }
    mul(c, 1.0 / (6.0 * a))
}

/// The edges of a ring, closing edge included.
pub fn edges(ring: &[Pt]) -> impl Iterator<Item = (Pt, Pt)> + '_ {
    ring.iter().copied().zip(ring.iter().copied().cycle().skip(1)).take(ring.len())
}

/// Total length of a polyline.
pub fn length(line: &[Pt]) -> f64 {
    line.windows(2).map(|w| dist(w[0], w[1])).sum()
}

/// Even-odd test.
pub fn contains(ring: &[Pt], p: Pt) -> bool {
    let mut inside = false;
    for (a, b) in edges(ring) {
        if (a[1] > p[1]) != (b[1] > p[1]) && p[0] < a[0] + (p[1] - a[1]) / (b[1] - a[1]) * (b[0] - a[0]) {
            inside = !inside;
        }
    }
    inside
}

/// Distance from a point to a segment and the fraction along it of the nearest point.
pub fn dist_segment(p: Pt, a: Pt, b: Pt) -> (f64, f64) {
    let d = sub(b, a);
    let n2 = d[0] * d[0] + d[1] * d[1];
    let t = if n2 < 1e-12 { 0.0 } else { (((p[0] - a[0]) * d[0] + (p[1] - a[1]) * d[1]) / n2).clamp(0.0, 1.0) };
    (dist(p, lerp(a, b, t)), t)
}

/// Distance from a point to a polyline.
pub fn dist_line(p: Pt, line: &[Pt]) -> f64 {
    line.windows(2).map(|w| dist_segment(p, w[0], w[1]).0).fold(f64::INFINITY, f64::min)
}

/// Distance from a point to the boundary of a ring.
pub fn dist_ring(p: Pt, ring: &[Pt]) -> f64 {
    edges(ring).map(|(a, b)| dist_segment(p, a, b).0).fold(f64::INFINITY, f64::min)
}

/// Point and direction at `s` metres along a polyline (clamped to its ends).
pub fn along(line: &[Pt], s: f64) -> (Pt, Pt) {
    let mut left_over = s.max(0.0);
    let last = line.len().saturating_sub(2);
    for (i, w) in line.windows(2).enumerate() {
        let l = dist(w[0], w[1]);
        if left_over <= l || i == last {
            let t = if l < 1e-9 { 0.0 } else { (left_over / l).min(1.0) };
            return (lerp(w[0], w[1], t), direction(w[0], w[1]));
        }
        left_over -= l;
    }
    (line.first().copied().unwrap_or_default(), [1.0, 0.0])
}

/// Points every `step` metres along a polyline, shifted `offset` metres to the left, with the direction there.
pub fn stations(line: &[Pt], start: f64, step: f64, offset: f64) -> Vec<(Pt, Pt)> {
    let total = length(line);
    let mut out = Vec::new();
    let mut s = start;
    while s <= total {
        let (p, d) = along(line, s);
        out.push((add(p, mul(left(d), offset)), d));
        s += step;
    }
    out
}

/// A polyline shifted `offset` metres to the left.
pub fn offset_line(line: &[Pt], offset: f64) -> Vec<Pt> {
    let n = line.len();
    (0..n)
        .map(|i| {
            let before = if i > 0 { direction(line[i - 1], line[i]) } else { direction(line[0], line[1]) };
            let after = if i + 1 < n { direction(line[i], line[i + 1]) } else { before };
            let m = direction([0.0, 0.0], add(before, after));
            let cos_half = (m[0] * before[0] + m[1] * before[1]).max(0.3);
            add(line[i], mul(left(m), offset / cos_half))
        })
        .collect()
}

/// The ribbon of `width` metres around a polyline, counter-clockwise.
pub fn ribbon(line: &[Pt], width: f64) -> Vec<Pt> {
    let mut ring = offset_line(line, -width * 0.5);
    let mut back = offset_line(line, width * 0.5);
    back.reverse();
    ring.append(&mut back);
    ring
}

/// A convex ring moved inwards, every edge by its own distance (metres); the ring must be counter-clockwise.
pub fn inset_convex(ring: &[Pt], distances: &[f64]) -> Vec<Pt> {
    let n = ring.len();
    let mut out = ring.to_vec();
    for i in 0..n {
        let (a, b) = (ring[i], ring[(i + 1) % n]);
        let normal = left(direction(a, b));
        let on = add(a, mul(normal, distances[i % distances.len()]));
        out = clip_half_plane(&out, on, normal);
    }
    out
}

/// The part of a ring where `(p - on) · normal >= 0`.
pub fn clip_half_plane(ring: &[Pt], on: Pt, normal: Pt) -> Vec<Pt> {
    let side = |p: Pt| (p[0] - on[0]) * normal[0] + (p[1] - on[1]) * normal[1];
    let mut out = Vec::with_capacity(ring.len() + 2);
    for (a, b) in edges(ring) {
        let (sa, sb) = (side(a), side(b));
        if sa >= 0.0 {
            out.push(a);
        }
        if (sa >= 0.0) != (sb >= 0.0) {
            out.push(lerp(a, b, sa / (sa - sb)));
        }
    }
    out
}

/// Smallest and largest coordinates of some points.
pub fn bounds<'a>(points: impl IntoIterator<Item = &'a Pt>) -> (Pt, Pt) {
    let mut low = [f64::INFINITY; 2];
    let mut high = [f64::NEG_INFINITY; 2];
    for p in points {
        for k in 0..2 {
            low[k] = low[k].min(p[k]);
            high[k] = high[k].max(p[k]);
        }
    }
    (low, high)
}

/// An axis-aligned rectangle, counter-clockwise.
pub fn rect(x0: f64, y0: f64, x1: f64, y1: f64) -> Vec<Pt> {
    vec![[x0, y0], [x1, y0], [x1, y1], [x0, y1]]
}

/// A regular polygon.
pub fn circle(centre: Pt, radius: f64, corners: usize) -> Vec<Pt> {
    (0..corners)
        .map(|i| {
            let a = std::f64::consts::TAU * i as f64 / corners as f64;
            [centre[0] + radius * a.cos(), centre[1] + radius * a.sin()]
        })
        .collect()
}

/// A running-track oval: two straights of `straight` metres joined by half circles of `radius`.
pub fn oval(frame: &Frame, straight: f64, radius: f64) -> Vec<Pt> {
    let mut ring = Vec::new();
    for (cx, from) in [(straight * 0.5, -90.0f64), (-straight * 0.5, 90.0)] {
        for k in 0..=16 {
            let a = (from + 180.0 * f64::from(k) / 16.0).to_radians();
            ring.push(frame.to_plan([cx + radius * a.cos(), radius * a.sin()]));
        }
    }
    ring
}

/// Whether two rings overlap or come closer than `gap` (edges and corners tested; fine for buildings).
pub fn too_close(a: &[Pt], b: &[Pt], gap: f64) -> bool {
    let (al, ah) = bounds(a);
    let (bl, bh) = bounds(b);
    if al[0] > bh[0] + gap || bl[0] > ah[0] + gap || al[1] > bh[1] + gap || bl[1] > ah[1] + gap {
        return false;
    }
    let near = |p: &[Pt], q: &[Pt]| p.iter().any(|&c| contains(q, c) || dist_ring(c, q) < gap);
    near(a, b) || near(b, a) || edges(a).any(|(p, q)| edges(b).any(|(r, s)| segments_cross(p, q, r, s)))
}

/// Whether two segments cross properly.
pub fn segments_cross(a: Pt, b: Pt, c: Pt, d: Pt) -> bool {
    let side = |p: Pt, q: Pt, r: Pt| (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]);
    (side(a, b, c) > 0.0) != (side(a, b, d) > 0.0) && (side(c, d, a) > 0.0) != (side(c, d, b) > 0.0)
}

/// Triangles (indices into the ring) of a simple ring.
pub fn triangulate(ring: &[Pt]) -> Vec<[usize; 3]> {
    let mut indices: Vec<usize> = Vec::new();
    earcut::Earcut::new().earcut(ring.iter().copied(), &[], &mut indices);
    indices.chunks_exact(3).map(|t| [t[0], t[1], t[2]]).collect()
}

/// A turned and shifted frame in the plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    /// Where the frame's origin lies.
    pub origin: Pt,
    /// Its x axis, a unit vector.
    pub axis: Pt,
}

impl Frame {
    /// A frame at `origin` turned counter-clockwise by `angle_deg`.
    pub fn new(origin: Pt, angle_deg: f64) -> Self {
        let (s, c) = angle_deg.to_radians().sin_cos();
        Self { origin, axis: [c, s] }
    }

    /// Plan point of a frame point.
    pub fn to_plan(self, p: Pt) -> Pt {
        add(self.origin, add(mul(self.axis, p[0]), mul(left(self.axis), p[1])))
    }

    /// Frame point of a plan point.
    pub fn local(self, p: Pt) -> Pt {
        let d = sub(p, self.origin);
        let n = left(self.axis);
        [d[0] * self.axis[0] + d[1] * self.axis[1], d[0] * n[0] + d[1] * n[1]]
    }

    /// A whole ring or line to the plan.
    pub fn ring(&self, points: &[Pt]) -> Vec<Pt> {
        points.iter().map(|p| self.to_plan(*p)).collect()
    }

    /// A frame at a point of this one with the same axes.
    pub fn at(&self, p: Pt) -> Self {
        Self { origin: self.to_plan(p), axis: self.axis }
    }

    /// Angle of the x axis, degrees counter-clockwise from east.
    pub fn angle_deg(&self) -> f64 {
        self.axis[1].atan2(self.axis[0]).to_degrees()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn area_centroid_and_inset() {
        let r = rect(0.0, 0.0, 10.0, 4.0);
        assert!((area(&r) - 40.0).abs() < 1e-12);
        assert_eq!(centroid(&r), [5.0, 2.0]);
        let i = inset_convex(&r, &[1.0]);
        assert!((area(&i) - 16.0).abs() < 1e-9);
    }

    #[test]
    fn triangles_cover_a_concave_ring() {
        let r = vec![[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [2.0, 4.0], [2.0, 2.0], [0.0, 2.0]];
        let sum: f64 = triangulate(&r).iter().map(|t| area(&[r[t[0]], r[t[1]], r[t[2]]]).abs()).sum();
        assert!((sum - area(&r)).abs() < 1e-9);
    }

    #[test]
    fn frame_round_trip() {
        let f = Frame::new([10.0, 20.0], 33.0);
        let p = f.local(f.to_plan([3.0, -7.0]));
        assert!(dist(p, [3.0, -7.0]) < 1e-12);
        assert!((f.angle_deg() - 33.0).abs() < 1e-9);
    }

    #[test]
    fn closeness() {
        let a = rect(0.0, 0.0, 10.0, 10.0);
        assert!(too_close(&a, &rect(12.0, 0.0, 20.0, 10.0), 3.0));
        assert!(!too_close(&a, &rect(14.0, 0.0, 20.0, 10.0), 3.0));
        assert!(too_close(&a, &rect(-5.0, 4.0, 15.0, 6.0), 0.1));
    }
}
