//! What is under the pointer: markers by distance on the screen first, then the nearest triangle, then the ground.

use crate::layers::VisibleKinds;
use crate::space::enu_from_scene;
use crate::terrain::Ground;
use crate::tiles::TileLayers;
use bevy::ecs::system::SystemParam;
use bevy::prelude::*;
use twin_bevy::{Community, Live};
use twin_model::{CommunityModel, Entity as Thing, EntityId, EntityKind, LayerKind};

/// What a click met.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pick {
    /// The thing, if it is one.
    pub entity: Option<EntityId>,
    /// Where, ENU metres.
    pub p_enu: Option<[f64; 3]>,
}

/// Rays and pointers against what is drawn.
#[derive(SystemParam)]
pub struct Picker<'w> {
    tiles: Res<'w, TileLayers>,
    ground: Res<'w, Ground>,
    kinds: Res<'w, VisibleKinds>,
    community: Option<Res<'w, Community>>,
    live: Res<'w, Live>,
}

/// Radius around a marker that picks it, logical pixels.
const MARKER_PX: f32 = 9.0;
/// A marker this far behind the surface is hidden by it and not picked, m.
const BEHIND_M: f32 = 4.0;
const REACH_M: f32 = 20_000.0;

struct SurfaceHit {
    point: Vec3,
    distance: f32,
    normal: Vec3,
    entity: Option<EntityId>,
    kind: Option<LayerKind>,
}

impl Picker<'_> {
    /// What is under a point of a view (logical pixels).
    #[must_use]
    pub fn pick(&self, camera: &Camera, transform: &GlobalTransform, at: Vec2) -> Option<Pick> {
        let ray = camera.viewport_to_world(transform, at).ok()?;
        let surface = self.cast(ray);
        let reach = surface.as_ref().map_or(REACH_M, |s| s.distance + BEHIND_M);
        if let Some((entity, point)) = self.marker(camera, transform, at, reach) {
            return Some(Pick { entity: Some(entity), p_enu: Some(enu_from_scene(point)) });
        }
        let hit = surface?;
        let p_enu = enu_from_scene(hit.point);
        Some(Pick { entity: self.thing_at(&hit, p_enu), p_enu: Some(p_enu) })
    }

    /// Where a ray meets the picture's surface.
    #[must_use]
    pub fn surface(&self, ray: Ray3d) -> Option<Vec3> {
        self.cast(ray).map(|hit| hit.point)
    }

    fn cast(&self, ray: Ray3d) -> Option<SurfaceHit> {
        let (origin, direction) = (ray.origin, ray.direction.as_vec3());
        let bim = self.kinds.0.contains(&LayerKind::Bim);
        let mut best: Option<SurfaceHit> = None;
        for part in self.tiles.drawn_parts().filter(|p| !(p.masked && bim)) {
            let reach = best.as_ref().map_or(REACH_M, |b| b.distance);
            if let Some(hit) = part.cast(origin, direction, reach) {
                best = Some(SurfaceHit {
                    point: origin + direction * hit.distance,
                    distance: hit.distance,
                    normal: hit.normal,
                    entity: hit.entity.map(EntityId),
                    kind: Some(part.kind),
                });
            }
        }
        best.or_else(|| {
            let unit = enu_from_scene(direction);
            let t = self.ground.cast(enu_from_scene(origin), unit, f64::from(REACH_M))? as f32;
            Some(SurfaceHit { point: origin + direction * t, distance: t, normal: Vec3::Y, entity: None, kind: None })
        })
    }

    /// The nearest marker of a device, camera or case around a point of the view.
    fn marker(&self, camera: &Camera, transform: &GlobalTransform, at: Vec2, reach: f32) -> Option<(EntityId, Vec3)> {
        let model = &self.community.as_ref()?.0;
        let shows = |kind| self.kinds.0.contains(&kind);
        let things = model.entities().iter().filter(|e| match e.kind {
            EntityKind::Device => shows(LayerKind::Devices),
            EntityKind::Camera => shows(LayerKind::Cameras),
            _ => false,
        });
        let cases = self.live.0.cases().filter(|c| c.stage.is_open() && shows(LayerKind::Cases));
        let candidates = things
            .map(|e| (e.id, crate::markers::marker_point(e)))
            .chain(cases.filter_map(|c| c.entity.map(|id| (id, crate::markers::case_point(c.p_enu)))));
        let eye = transform.translation();
        let (_, _, id, point) = candidates
            .filter(|(_, p)| p.distance(eye) <= reach)
            .filter_map(|(id, p)| {
                let on_screen = camera.world_to_viewport(transform, p).ok()?;
                let off = on_screen.distance(at);
                (off <= MARKER_PX).then_some((off, p.distance(eye), id, p))
            })
            .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)))?;
        Some((id, point))
    }

    fn thing_at(&self, hit: &SurfaceHit, p_enu: [f64; 3]) -> Option<EntityId> {
        let model = &self.community.as_ref()?.0;
        if hit.kind == Some(LayerKind::Bim) {
            let picked = hit.entity.and_then(|id| model.get(id));
            return room_at(model, picked, p_enu, hit.normal).or(hit.entity);
        }
        match hit.entity {
            Some(id) if hit.kind == Some(LayerKind::Buildings) => storey_at(model, id, p_enu).or(Some(id)),
            Some(id) => Some(id),
            None => smallest_area_at(model, p_enu),
        }
    }
}

/// A floor that is looked at from above stands for the room that it is the floor of.
fn room_at(model: &CommunityModel, picked: Option<&Thing>, p_enu: [f64; 3], normal: Vec3) -> Option<EntityId> {
    if let Some(room) = picked.filter(|e| e.kind == EntityKind::Room) {
        return Some(room.id);
    }
    if normal.y.abs() < 0.7 || picked.is_some_and(|e| matches!(e.kind, EntityKind::Door | EntityKind::Stair)) {
        return None;
    }
    const SLACK_M: f64 = 0.4;
    let inside = |e: &&Thing| {
        let z = p_enu[2] - e.base_z_m;
        z > -SLACK_M
            && z < e.height_m.max(1.0) - SLACK_M
            && e.footprint.as_ref().is_some_and(|f| f.contains([p_enu[0], p_enu[1]]))
    };
    model.of_kind(EntityKind::Room).find(inside).map(|e| e.id)
}

/// The storey of a building at a height, when storeys are known with their own heights.
fn storey_at(model: &CommunityModel, building: EntityId, p_enu: [f64; 3]) -> Option<EntityId> {
    let storeys =
        model.children(building).iter().filter_map(|id| model.get(*id)).filter(|e| e.kind == EntityKind::Storey);
    storeys
        .filter(|e| e.height_m > 0.0 && e.footprint.is_some())
        .find(|e| (e.base_z_m..e.base_z_m + e.height_m).contains(&p_enu[2]))
        .map(|e| e.id)
}

/// The smallest area that contains a point of the ground.
fn smallest_area_at(model: &CommunityModel, p_enu: [f64; 3]) -> Option<EntityId> {
    let at = [p_enu[0], p_enu[1]];
    let areas = model.entities().iter().filter(|e| {
        !matches!(e.kind, EntityKind::Room | EntityKind::Storey | EntityKind::BimElement | EntityKind::Landcover)
    });
    areas
        .filter_map(|e| e.footprint.as_ref().filter(|f| f.contains(at)).map(|f| (f.area_m2(), e.id)))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, id)| id)
}
