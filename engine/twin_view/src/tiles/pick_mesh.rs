//! Triangles of one drawn part, for rays.

use super::decode::NO_ENTITY;
use bevy::prelude::*;
use rapier3d::parry::query::{Ray, RayCast};
use rapier3d::parry::shape::{FeatureId, TriMesh};
use std::sync::OnceLock;
use twin_model::LayerKind;

/// Where a ray met a part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PartHit {
    /// Distance along the ray, m.
    pub(crate) distance: f32,
    /// Normal of the triangle, scene frame, unit length.
    pub(crate) normal: Vec3,
    /// Entity of the triangle.
    pub(crate) entity: Option<u32>,
}

/// Triangles with the entity of each vertex. The search tree is built when the first ray comes near.
pub(crate) struct PickMesh {
    positions: Vec<[f32; 3]>,
    triangles: Vec<[u32; 3]>,
    entities: Vec<u32>,
    min: Vec3,
    max: Vec3,
    /// Layer that it belongs to.
    pub(crate) kind: LayerKind,
    /// Part of a building that a BIM model stands for.
    pub(crate) masked: bool,
    tree: OnceLock<Option<TriMesh>>,
}

impl PickMesh {
    pub(crate) fn new(
        positions: Vec<[f32; 3]>,
        indices: &[u32],
        entities: Vec<u32>,
        kind: LayerKind,
        masked: bool,
    ) -> Self {
        let (mut min, mut max) = (Vec3::INFINITY, Vec3::NEG_INFINITY);
        for p in &positions {
            min = min.min(Vec3::from_array(*p));
            max = max.max(Vec3::from_array(*p));
        }
        let triangles = indices.chunks_exact(3).map(|t| [t[0], t[1], t[2]]).collect();
        Self { positions, triangles, entities, min, max, kind, masked, tree: OnceLock::new() }
    }

    /// The nearest triangle that the ray (unit direction) meets within `reach` metres.
    pub(crate) fn cast(&self, origin: Vec3, direction: Vec3, reach: f32) -> Option<PartHit> {
        if !ray_meets_box(origin, direction, reach, self.min, self.max) {
            return None;
        }
        let tree = self.tree.get_or_init(|| {
            let points = self.positions.iter().map(|p| Vec3::from_array(*p)).collect();
            TriMesh::new(points, self.triangles.clone()).ok()
        });
        let hit = tree.as_ref()?.cast_local_ray_and_get_normal(&Ray::new(origin, direction), reach, false)?;
        let face = match hit.feature {
            FeatureId::Face(i) => i as usize % self.triangles.len().max(1),
            _ => return None,
        };
        let vertex = self.triangles.get(face).map(|t| t[0] as usize);
        let entity = vertex.and_then(|v| self.entities.get(v)).copied().filter(|e| *e != NO_ENTITY);
        Some(PartHit { distance: hit.time_of_impact, normal: hit.normal, entity })
    }

    /// Appends the triangles of the wanted entities as loose corners.
    pub(crate) fn collect(&self, wanted: impl Fn(u32) -> bool, out: &mut Vec<[f32; 3]>) {
        for triangle in &self.triangles {
            if self.entities.get(triangle[0] as usize).is_some_and(|e| wanted(*e)) {
                out.extend(triangle.iter().filter_map(|i| self.positions.get(*i as usize)));
            }
        }
    }
}

/// Slab test.
fn ray_meets_box(origin: Vec3, direction: Vec3, reach: f32, min: Vec3, max: Vec3) -> bool {
    let inverse = direction.recip();
    let (a, b) = ((min - origin) * inverse, (max - origin) * inverse);
    let near = a.min(b).max_element().max(0.0);
    let far = a.max(b).min_element().min(reach);
    // NaN (a ray in the plane of a face) counts as meeting: the exact test decides.
    !(near > far)
}
