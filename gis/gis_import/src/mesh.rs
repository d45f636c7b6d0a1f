//! Triangles with colours and feature ids, and flat polygons cut into triangles.

use tiles3d::Primitive;
use tiles3d::glb::Material;

/// A growing mesh, ENU metres.
#[derive(Debug, Default, Clone)]
pub(crate) struct Mesh {
    positions: Vec<[f32; 3]>,
    normals: Vec<[f32; 3]>,
    colours: Vec<[u8; 4]>,
    features: Vec<u32>,
    indices: Vec<u32>,
}

impl Mesh {
    pub fn vertices(&self) -> usize {
        self.positions.len()
    }

    /// Four corners, counter-clockwise seen from outside.
    pub fn quad(&mut self, corners: [[f64; 3]; 4], normal: [f64; 3], colour: [u8; 4], feature: u32) {
        let first = self.positions.len() as u32;
        for p in corners {
            self.vertex(p, normal, colour, feature);
        }
        self.indices.extend([first, first + 1, first + 2, first, first + 2, first + 3]);
    }

    pub fn triangle(&mut self, corners: [[f64; 3]; 3], colour: [u8; 4], feature: u32) {
        let first = self.positions.len() as u32;
        let normal = normal_of(corners);
        for p in corners {
            self.vertex(p, normal, colour, feature);
        }
        self.indices.extend([first, first + 1, first + 2]);
    }

    pub fn vertex(&mut self, p: [f64; 3], normal: [f64; 3], colour: [u8; 4], feature: u32) {
        self.positions.push(p.map(|v| v as f32));
        self.normals.push(normal.map(|v| v as f32));
        self.colours.push(colour);
        self.features.push(feature);
    }

    /// Triangles over vertices added before, counted from `first`.
    pub fn triangles(&mut self, first: u32, indices: impl IntoIterator<Item = u32>) {
        self.indices.extend(indices.into_iter().map(|i| first + i));
    }

    /// Adds another mesh with its own feature ids.
    pub fn append(&mut self, other: &Mesh) {
        let first = self.positions.len() as u32;
        self.positions.extend(&other.positions);
        self.normals.extend(&other.normals);
        self.colours.extend(&other.colours);
        self.features.extend(&other.features);
        self.indices.extend(other.indices.iter().map(|i| first + i));
    }

    /// The same triangles as another feature.
    pub fn with_feature(&self, feature: u32) -> Mesh {
        Mesh { features: vec![feature; self.features.len()], ..self.clone() }
    }

    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    pub fn primitive(self, material: Material) -> Primitive {
        Primitive {
            positions: self.positions,
            normals: Some(self.normals),
            uvs: None,
            colours: Some(self.colours),
            feature_ids: Some(self.features),
            indices: self.indices,
            material,
        }
    }
}

pub(crate) fn sub(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub(crate) fn lerp(a: [f64; 3], b: [f64; 3], t: f64) -> [f64; 3] {
    std::array::from_fn(|i| a[i] + t * (b[i] - a[i]))
}

pub(crate) fn unit(v: [f64; 3]) -> [f64; 3] {
    let l = (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]).sqrt();
    if l > 0.0 { v.map(|x| x / l) } else { [0.0, 0.0, 1.0] }
}

pub(crate) fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn normal_of([a, b, c]: [[f64; 3]; 3]) -> [f64; 3] {
    unit(cross(sub(b, a), sub(c, a)))
}

/// Twice the signed area of a ring: > 0 when counter-clockwise.
pub(crate) fn area2(ring: &[[f64; 2]]) -> f64 {
    ring.iter().zip(ring.iter().cycle().skip(1)).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum()
}

/// Triangles of a polygon (outer ring, holes), as indices into the rings one after the other, counter-clockwise.
pub(crate) fn cut(rings: &[Vec<[f64; 2]>]) -> Vec<u32> {
    let points: Vec<[f64; 2]> = rings.iter().flatten().copied().collect();
    if points.len() < 3 || points.iter().flatten().any(|v| !v.is_finite()) {
        return Vec::new();
    }
    let mut holes = Vec::new();
    let mut at = 0_u32;
    for ring in rings.iter().take(rings.len().saturating_sub(1)) {
        at += ring.len() as u32;
        holes.push(at);
    }
    let mut triangles: Vec<u32> = Vec::new();
    earcut::Earcut::new().earcut(points.iter().copied(), &holes, &mut triangles);
    for t in triangles.chunks_exact_mut(3) {
        let [a, b, c] = [t[0], t[1], t[2]].map(|i| points.get(i as usize).copied().unwrap_or_default());
        if area2(&[a, b, c]) < 0.0 {
            t.swap(1, 2);
        }
    }
    triangles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_with_a_hole_keeps_its_area() {
        let square = |a: f64, b: f64| vec![[a, a], [b, a], [b, b], [a, b]];
        let rings = [square(0.0, 10.0), square(4.0, 6.0)];
        let points: Vec<_> = rings.iter().flatten().copied().collect();
        let area: f64 = cut(&rings)
            .chunks_exact(3)
            .map(|t| area2(&[points[t[0] as usize], points[t[1] as usize], points[t[2] as usize]]) / 2.0)
            .sum();
        assert!((area - 96.0).abs() < 1e-9);
        assert!(cut(&[vec![[0.0, 0.0], [1.0, f64::NAN], [1.0, 1.0]]]).is_empty());
    }
}
