//! Simple meshes of lines and areas, draped on the ground.

use crate::space::scene_from_enu;
use crate::terrain::Ground;
use bevy::asset::RenderAssetUsages;
use bevy::mesh::{Indices, PrimitiveTopology};
use bevy::prelude::*;

/// A mesh that grows by quads and triangles with a colour each.
#[derive(Default)]
pub(crate) struct MeshBuilder {
    positions: Vec<[f32; 3]>,
    normals: Vec<[f32; 3]>,
    colours: Vec<[f32; 4]>,
    indices: Vec<u32>,
}

impl MeshBuilder {
    pub(crate) fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    pub(crate) fn vertex(&mut self, at: Vec3, normal: Vec3, colour: [f32; 4]) -> u32 {
        self.positions.push(at.to_array());
        self.normals.push(normal.to_array());
        self.colours.push(colour);
        self.positions.len() as u32 - 1
    }

    /// A triangle of vertices that were added before.
    pub(crate) fn push(&mut self, ids: [u32; 3]) {
        self.indices.extend(ids);
    }

    /// Corners in order around.
    pub(crate) fn quad(&mut self, corners: [Vec3; 4], colour: [f32; 4]) {
        let normal = (corners[1] - corners[0]).cross(corners[2] - corners[0]).normalize_or(Vec3::Y);
        let [a, b, c, d] = corners.map(|p| self.vertex(p, normal, colour));
        self.indices.extend([a, b, c, a, c, d]);
    }

    pub(crate) fn indexed(&mut self, points: &[Vec3], indices: &[u32], normal: Vec3, colour: [f32; 4]) {
        let first = self.positions.len() as u32;
        for p in points {
            self.vertex(*p, normal, colour);
        }
        let count = points.len() as u32;
        self.indices.extend(indices.iter().filter(|i| **i < count).map(|i| first + i));
    }

    pub(crate) fn build(self) -> Mesh {
        Mesh::new(PrimitiveTopology::TriangleList, RenderAssetUsages::RENDER_WORLD)
            .with_inserted_attribute(Mesh::ATTRIBUTE_POSITION, self.positions)
            .with_inserted_attribute(Mesh::ATTRIBUTE_NORMAL, self.normals)
            .with_inserted_attribute(Mesh::ATTRIBUTE_COLOR, self.colours)
            .with_inserted_indices(Indices::U32(self.indices))
    }
}

/// Points along a line at most `step_m` apart, ENU.
pub(crate) fn resample(line: &[[f64; 2]], step_m: f64) -> Vec<[f64; 2]> {
    let mut out = Vec::new();
    for pair in line.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let pieces = (((b[0] - a[0]).hypot(b[1] - a[1]) / step_m).ceil() as usize).clamp(1, 10_000);
        out.extend((0..pieces).map(|k| {
            let t = k as f64 / pieces as f64;
            [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t]
        }));
    }
    out.extend(line.last());
    out
}

/// A flat ribbon along a line, `lift_m` above the ground (or above `z_m` where the ground is not known).
pub(crate) fn ribbon(
    mesh: &mut MeshBuilder,
    line: &[[f64; 2]],
    width_m: f64,
    ground: &Ground,
    lift_m: f64,
    z_m: f64,
    colour: [f32; 4],
) {
    let points = resample(line, 6.0);
    let at = |p: [f64; 2]| scene_from_enu([p[0], p[1], ground.z_at(p[0], p[1]).unwrap_or(z_m) + lift_m]);
    for pair in points.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let length = (b[0] - a[0]).hypot(b[1] - a[1]);
        if length < 1e-6 {
            continue;
        }
        let side = [-(b[1] - a[1]) / length * width_m / 2.0, (b[0] - a[0]) / length * width_m / 2.0];
        let left = |p: [f64; 2]| at([p[0] + side[0], p[1] + side[1]]);
        let right = |p: [f64; 2]| at([p[0] - side[0], p[1] - side[1]]);
        mesh.quad([right(a), right(b), left(b), left(a)], colour);
    }
}

/// An upright wall along a line, standing on the ground.
pub(crate) fn wall(
    mesh: &mut MeshBuilder,
    line: &[[f64; 2]],
    height_m: f64,
    width_m: f64,
    ground: &Ground,
    colour: [f32; 4],
) {
    let points = resample(line, 4.0);
    for pair in points.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let length = (b[0] - a[0]).hypot(b[1] - a[1]).max(1e-6);
        let side = [-(b[1] - a[1]) / length * width_m / 2.0, (b[0] - a[0]) / length * width_m / 2.0];
        let corner = |p: [f64; 2], s: f64, h: f64| {
            let z = ground.z_at(p[0], p[1]).unwrap_or(0.0);
            scene_from_enu([p[0] + side[0] * s, p[1] + side[1] * s, z + h])
        };
        for s in [1.0, -1.0] {
            mesh.quad([corner(a, s, -0.5), corner(b, s, -0.5), corner(b, s, height_m), corner(a, s, height_m)], colour);
        }
        mesh.quad(
            [corner(a, -1.0, height_m), corner(b, -1.0, height_m), corner(b, 1.0, height_m), corner(a, 1.0, height_m)],
            colour,
        );
    }
}

/// Triangles of a polygon with holes in the plane; empty when it is degenerate.
pub(crate) fn triangulate(rings: &[Vec<[f64; 2]>]) -> (Vec<[f64; 2]>, Vec<u32>) {
    let mut points = Vec::new();
    let mut holes = Vec::new();
    for (i, ring) in rings.iter().enumerate() {
        if i > 0 {
            holes.push(points.len() as u32);
        }
        points.extend_from_slice(ring);
    }
    let mut indices: Vec<u32> = Vec::new();
    earcut::Earcut::new().earcut(points.iter().copied(), &holes, &mut indices);
    (points, indices)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_and_keep_their_ends() {
        let points = resample(&[[0.0, 0.0], [10.0, 0.0]], 3.0);
        assert_eq!(points.len(), 5);
        assert_eq!((points[0], points[4]), ([0.0, 0.0], [10.0, 0.0]));
        assert!(resample(&[], 1.0).is_empty());
    }

    #[test]
    fn polygons_with_holes() {
        let square = |a: f64, b: f64| vec![[a, a], [b, a], [b, b], [a, b]];
        let (points, indices) = triangulate(&[square(0.0, 10.0), square(4.0, 6.0)]);
        let area: f64 = indices
            .chunks_exact(3)
            .map(|t| {
                let [a, b, c] = [points[t[0] as usize], points[t[1] as usize], points[t[2] as usize]];
                ((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])).abs() / 2.0
            })
            .sum();
        assert!((area - 96.0).abs() < 1e-9, "{area}");
    }
}
