//! Lines and areas over the tiles: grid boundaries, camera fans, barriers, still water, the selection.

use crate::layers::{ALWAYS, STILL_WATER, VisibleKinds, render_layer};
use crate::shapes::{MeshBuilder, resample, ribbon, triangulate, wall};
use crate::space::scene_from_enu;
use crate::terrain::Ground;
use crate::tiles::TileLayers;
use bevy::asset::RenderAssetUsages;
use bevy::camera::visibility::RenderLayers;
use bevy::light::{NotShadowCaster, NotShadowReceiver};
use bevy::mesh::{Indices, PrimitiveTopology};
use bevy::prelude::*;
use std::collections::BTreeSet;
use twin_bevy::{Community, Live, LiveStamp, Now, PackInfo, Properties, Selection, TwinSystems, Works};
use twin_model::{CommunityModel, Entity as Thing, EntityKind, Intervention, LayerKind, Polygon};

/// What an overlay entity is for; each is replaced as a whole.
#[derive(Component, Debug, Clone, Copy, PartialEq, Eq)]
enum Overlay {
    Grids,
    Fans,
    Works,
    River,
    Highlight,
}

#[derive(Resource)]
struct Materials {
    /// Vertex colours, unlit, blended.
    glass: Handle<StandardMaterial>,
    /// The same, drawn over what lies at the same depth.
    highlight: Handle<StandardMaterial>,
    /// Fainter, and drawn through whatever is in front: a room in the middle of a building must be found.
    through: Handle<StandardMaterial>,
    barrier: Handle<StandardMaterial>,
    river: Handle<StandardMaterial>,
}

fn setup(mut commands: Commands, mut materials: ResMut<Assets<StandardMaterial>>) {
    let glass = StandardMaterial {
        unlit: true,
        alpha_mode: AlphaMode::Blend,
        cull_mode: None,
        double_sided: true,
        fog_enabled: false,
        ..default()
    };
    commands.insert_resource(Materials {
        glass: materials.add(glass.clone()),
        highlight: materials.add(StandardMaterial { depth_bias: 60.0, ..glass.clone() }),
        // With floating-point depth this brings everything beyond about 2 m in front of the scene.
        through: materials.add(StandardMaterial {
            depth_bias: 2.0e9,
            base_color: Color::linear_rgba(1.0, 1.0, 1.0, 0.34),
            ..glass.clone()
        }),
        barrier: materials.add(StandardMaterial {
            perceptual_roughness: 0.85,
            cull_mode: None,
            double_sided: true,
            ..default()
        }),
        river: materials.add(StandardMaterial {
            base_color: Color::linear_rgba(0.055, 0.125, 0.135, 0.93),
            perceptual_roughness: 0.16,
            reflectance: 0.45,
            alpha_mode: AlphaMode::Blend,
            ..default()
        }),
    });
}

#[derive(bevy::ecs::system::SystemParam)]
struct Board<'w, 's> {
    commands: Commands<'w, 's>,
    meshes: ResMut<'w, Assets<Mesh>>,
    materials: Res<'w, Materials>,
    existing: Query<'w, 's, (Entity, &'static Overlay)>,
}

impl Board<'_, '_> {
    fn replace(&mut self, overlay: Overlay, mesh: Option<Mesh>) {
        for (entity, _) in self.existing.iter().filter(|(_, o)| **o == overlay) {
            self.commands.entity(entity).despawn();
        }
        let Some(mesh) = mesh else { return };
        let (material, layer) = match overlay {
            Overlay::Grids => (&self.materials.glass, render_layer(LayerKind::Grids)),
            Overlay::Fans => (&self.materials.glass, render_layer(LayerKind::Cameras)),
            Overlay::Works => (&self.materials.barrier, ALWAYS),
            Overlay::River => (&self.materials.river, STILL_WATER),
            Overlay::Highlight => (&self.materials.highlight, ALWAYS),
        };
        let mesh = self.meshes.add(mesh);
        if overlay == Overlay::Highlight {
            self.commands.spawn((
                overlay,
                Mesh3d(mesh.clone()),
                MeshMaterial3d(self.materials.through.clone()),
                RenderLayers::layer(layer),
                NotShadowCaster,
                NotShadowReceiver,
            ));
        }
        let mut entity =
            self.commands.spawn((overlay, Mesh3d(mesh), MeshMaterial3d(material.clone()), RenderLayers::layer(layer)));
        if overlay != Overlay::Works {
            entity.insert(NotShadowCaster);
        }
        if !matches!(overlay, Overlay::Works | Overlay::River) {
            entity.insert(NotShadowReceiver);
        }
    }
}

fn built(mesh: MeshBuilder) -> Option<Mesh> {
    (!mesh.is_empty()).then(|| mesh.build())
}

fn grids(mut board: Board, community: Res<Community>, ground: Res<Ground>, mut seen: Local<Option<u64>>) {
    if *seen == Some(ground.version) {
        return;
    }
    *seen = Some(ground.version);
    let mut mesh = MeshBuilder::default();
    for grid in community.0.of_kind(EntityKind::Grid) {
        for ring in grid.footprint.iter().flat_map(|f| &f.0) {
            let mut closed = ring.clone();
            closed.extend(ring.first());
            ribbon(&mut mesh, &closed, 1.6, &ground, 0.7, grid.base_z_m, [1.0, 0.78, 0.16, 0.85]);
        }
    }
    board.replace(Overlay::Grids, built(mesh));
}

/// Translucent sectors: what a camera sees on a level through its foot of view.
fn fans(mut board: Board, community: Res<Community>, selection: Res<Selection>, mut done: Local<bool>) {
    if std::mem::replace(&mut *done, true) && !selection.is_changed() {
        return;
    }
    let mut mesh = MeshBuilder::default();
    for camera in community.0.of_kind(EntityKind::Camera) {
        let Some(view) = camera.camera else { continue };
        let picked = selection.0 == Some(camera.id);
        let alpha = if picked { 0.42 } else { 0.17 };
        let eye = scene_from_enu(camera.p_enu);
        let range = view.range_m.clamp(1.0, 200.0);
        let steps = ((view.hfov_deg / 6.0).ceil() as usize).clamp(2, 30);
        let at = |k: usize| {
            let angle = view.heading_deg - view.hfov_deg / 2.0 + view.hfov_deg * k as f64 / steps as f64;
            let (sin, cos) = angle.to_radians().sin_cos();
            let (down, flat) = view.pitch_deg.to_radians().sin_cos();
            // never below about a person's height under the camera's own ground
            let drop = (down * range).clamp(-(camera.p_enu[2] - camera.base_z_m).abs().max(2.0) + 1.0, range);
            scene_from_enu([
                camera.p_enu[0] + sin * flat * range,
                camera.p_enu[1] + cos * flat * range,
                camera.p_enu[2] + drop,
            ])
        };
        for k in 0..steps {
            let (near, far) = ([0.10, 0.90, 0.72, alpha], [0.10, 0.90, 0.72, alpha * 0.12]);
            let (a, b, c) = (
                mesh.vertex(eye, Vec3::Y, near),
                mesh.vertex(at(k), Vec3::Y, far),
                mesh.vertex(at(k + 1), Vec3::Y, far),
            );
            mesh.push([a, b, c]);
        }
    }
    board.replace(Overlay::Fans, built(mesh));
}

fn works(mut board: Board, works: Res<Works>, ground: Res<Ground>) {
    if !works.is_changed() && !ground.is_changed() {
        return;
    }
    let mut mesh = MeshBuilder::default();
    for placed in &works.placed {
        work(&mut mesh, placed, &ground);
    }
    wall(&mut mesh, &works.draft, 1.0, 0.8, &ground, DRAFT);
    if let (Some(p), 1) = (works.draft.first(), works.draft.len()) {
        post(&mut mesh, *p, &ground, DRAFT);
    }
    board.replace(Overlay::Works, built(mesh));
}

const DRAFT: [f32; 4] = [1.0, 0.75, 0.10, 1.0];
const BARRIER: [f32; 4] = [0.95, 0.36, 0.03, 1.0];
const GATE: [f32; 4] = [0.10, 0.35, 0.85, 1.0];
const PUMP: [f32; 4] = [0.05, 0.60, 0.40, 1.0];
const PIPE: [f32; 4] = [0.30, 0.32, 0.36, 1.0];
const EARTH: [f32; 4] = [0.50, 0.33, 0.16, 1.0];

/// One placed thing: walls and gates at their height, ends as posts, areas as a low rim.
fn work(mesh: &mut MeshBuilder, work: &Intervention, ground: &Ground) {
    let points = work.points_enu();
    match work {
        Intervention::Barrier(b) => wall(mesh, &points, b.height_m.max(0.6), 1.2, ground, BARRIER),
        Intervention::Gate(g) => wall(mesh, &points, g.height_m.max(0.6), 1.6, ground, GATE),
        Intervention::Pump(_) | Intervention::Culvert(_) => {
            let colour = if matches!(work, Intervention::Pump(_)) { PUMP } else { PIPE };
            wall(mesh, &points, 0.5, 0.5, ground, colour);
            points.iter().for_each(|p| post(mesh, *p, ground, colour));
        }
        Intervention::Ground(_) => {
            let rim: Vec<_> = points.iter().chain(points.first()).copied().collect();
            wall(mesh, &rim, 0.5, 0.6, ground, EARTH);
        }
    }
}

fn post(mesh: &mut MeshBuilder, p: [f64; 2], ground: &Ground, colour: [f32; 4]) {
    wall(mesh, &[[p[0] - 0.6, p[1]], [p[0] + 0.6, p[1]]], 2.5, 1.2, ground, colour);
}

/// Level of a water body in ENU z: the mean of its fresh gauges, or the level that the pack knows.
fn water_level(
    thing: &Thing,
    community: &CommunityModel,
    live: &Live,
    properties: &Properties,
    pack: &PackInfo,
    now: &Now,
) -> f64 {
    const FRESH_S: f64 = 900.0;
    let gauge = properties.0.id("water_level_m").map(|property| {
        let levels: Vec<f64> = community
            .of_kind(EntityKind::Device)
            .filter(|d| d.class == "river_level")
            .filter_map(|d| live.0.latest(d.id, property))
            .filter(|o| now.server().secs_since(o.observed_at) < FRESH_S)
            .map(|o| o.value)
            .collect();
        levels
    });
    match gauge.filter(|levels| !levels.is_empty() && thing.class != "pond") {
        Some(levels) => levels.iter().sum::<f64>() / levels.len() as f64 - pack.manifest.origin.height_m,
        None => thing.p_enu[2],
    }
}

fn river(
    mut board: Board,
    community: Res<Community>,
    live: Res<Live>,
    stamp: Res<LiveStamp>,
    properties: Res<Properties>,
    pack: Res<PackInfo>,
    now: Res<Now>,
    mut drawn: Local<Option<Vec<i64>>>,
    mut seen: Local<Option<u64>>,
) {
    if *seen == Some(stamp.state) {
        return;
    }
    *seen = Some(stamp.state);
    let waters: Vec<&Thing> = community.0.of_kind(EntityKind::Water).filter(|w| w.footprint.is_some()).collect();
    let levels: Vec<f64> =
        waters.iter().map(|w| water_level(w, &community.0, &live, &properties, &pack, &now)).collect();
    // Centimetres: the surface is only built again when it visibly moved.
    let rounded: Vec<i64> = levels.iter().map(|z| (z * 100.0).round() as i64).collect();
    if drawn.as_ref() == Some(&rounded) {
        return;
    }
    *drawn = Some(rounded);
    let mut mesh = MeshBuilder::default();
    for (water, z) in waters.iter().zip(&levels) {
        let Some(Polygon(rings)) = &water.footprint else { continue };
        let (points, indices) = triangulate(rings);
        let lifted: Vec<Vec3> = points.iter().map(|p| scene_from_enu([p[0], p[1], *z])).collect();
        // earcut winds by the ring; the surface must face up
        let up = indices.chunks_exact(3).flat_map(|t| facing_up(&lifted, t)).collect::<Vec<u32>>();
        mesh.indexed(&lifted, &up, Vec3::Y, [1.0; 4]);
    }
    board.replace(Overlay::River, built(mesh));
}

fn facing_up(points: &[Vec3], t: &[u32]) -> [u32; 3] {
    let at = |i: u32| points.get(i as usize).copied().unwrap_or_default();
    let up = (at(t[1]) - at(t[0])).cross(at(t[2]) - at(t[0])).y >= 0.0;
    if up { [t[0], t[1], t[2]] } else { [t[0], t[2], t[1]] }
}

/// Paints the selected thing: its own triangles if it has some, else the box over its outline.
fn highlight(
    mut board: Board,
    community: Res<Community>,
    selection: Res<Selection>,
    ground: Res<Ground>,
    tiles: Res<TileLayers>,
    kinds: Res<VisibleKinds>,
    mut seen: Local<u64>,
) {
    if !selection.is_changed() && *seen == tiles.version {
        return;
    }
    *seen = tiles.version;
    let thing = selection.0.and_then(|id| community.0.get(id));
    let mesh = thing.and_then(|thing| {
        own_triangles(thing, &community.0, &tiles, &kinds).or_else(|| built(outline(thing, &community.0, &ground)))
    });
    board.replace(Overlay::Highlight, mesh);
}

const GLOW: [f32; 4] = [0.05, 0.72, 1.0, 0.46];

fn own_triangles(thing: &Thing, model: &CommunityModel, tiles: &TileLayers, kinds: &VisibleKinds) -> Option<Mesh> {
    let mut wanted: BTreeSet<u32> = BTreeSet::from([thing.id.0]);
    if matches!(thing.kind, EntityKind::Building | EntityKind::Storey) {
        wanted.extend(model.descendants(thing.id).iter().map(|id| id.0));
    }
    let bim = kinds.0.contains(&LayerKind::Bim);
    let mut corners = Vec::new();
    for part in tiles.drawn_parts().filter(|p| !(p.masked && bim) && p.kind != LayerKind::Terrain) {
        part.collect(|entity| wanted.contains(&entity), &mut corners);
    }
    if corners.is_empty() {
        return None;
    }
    let normals: Vec<[f32; 3]> = corners
        .chunks_exact(3)
        .flat_map(|t| {
            let [a, b, c] = [t[0], t[1], t[2]].map(Vec3::from_array);
            [(b - a).cross(c - a).normalize_or(Vec3::Y).to_array(); 3]
        })
        .collect();
    // A hair's breadth off the surface.
    let lifted: Vec<[f32; 3]> = corners
        .iter()
        .zip(&normals)
        .map(|(p, n)| (Vec3::from_array(*p) + Vec3::from_array(*n) * 0.06).to_array())
        .collect();
    let count = lifted.len() as u32;
    Some(
        Mesh::new(PrimitiveTopology::TriangleList, RenderAssetUsages::RENDER_WORLD)
            .with_inserted_attribute(Mesh::ATTRIBUTE_COLOR, vec![GLOW; lifted.len()])
            .with_inserted_attribute(Mesh::ATTRIBUTE_POSITION, lifted)
            .with_inserted_attribute(Mesh::ATTRIBUTE_NORMAL, normals)
            .with_inserted_indices(Indices::U32((0..count).collect())),
    )
}

fn outline(thing: &Thing, model: &CommunityModel, ground: &Ground) -> MeshBuilder {
    let mut mesh = MeshBuilder::default();
    if !thing.line.is_empty() {
        ribbon(&mut mesh, &thing.line, 3.0, ground, 0.9, thing.base_z_m, GLOW);
        return mesh;
    }
    // A flat or unit without an outline of its own shows the building's at its own height.
    let footprint = thing.footprint.as_ref().or_else(|| {
        let inside = matches!(thing.kind, EntityKind::Unit | EntityKind::Storey | EntityKind::Household);
        inside.then(|| model.nearest(thing.id, EntityKind::Building)).flatten().and_then(|b| b.footprint.as_ref())
    });
    let Some(Polygon(rings)) = footprint else { return mesh };
    if thing.height_m > 0.3 {
        let height = thing.height_m;
        for ring in rings {
            extrude(&mut mesh, ring, thing.base_z_m, height);
        }
        let (points, indices) = triangulate(rings);
        for z in [thing.base_z_m + 0.05, thing.base_z_m + height + 0.1] {
            let lifted: Vec<Vec3> = points.iter().map(|p| scene_from_enu([p[0], p[1], z])).collect();
            mesh.indexed(&lifted, &indices, Vec3::Y, GLOW);
        }
        return mesh;
    }
    for ring in rings {
        let mut closed = ring.clone();
        closed.extend(ring.first());
        ribbon(&mut mesh, &closed, 2.2, ground, 0.9, thing.base_z_m, [GLOW[0], GLOW[1], GLOW[2], 0.9]);
    }
    mesh
}

fn extrude(mesh: &mut MeshBuilder, ring: &[[f64; 2]], base_z_m: f64, height_m: f64) {
    let mut closed = ring.to_vec();
    closed.extend(ring.first());
    for pair in resample(&closed, 1e6).windows(2) {
        let corner = |p: [f64; 2], z: f64| scene_from_enu([p[0], p[1], z]);
        let (a, b, lo, hi) = (pair[0], pair[1], base_z_m, base_z_m + height_m);
        mesh.quad([corner(a, lo), corner(b, lo), corner(b, hi), corner(a, hi)], GLOW);
    }
}

pub(crate) fn register(app: &mut App) {
    app.add_systems(Startup, setup).add_systems(
        Update,
        (grids, fans, works, river.run_if(resource_exists::<PackInfo>), highlight)
            .chain()
            .in_set(TwinSystems::Project)
            .after(crate::layers::assign)
            .run_if(resource_exists::<Community>),
    );
}
