//! Markers of devices, cameras, alarms and cases: one mesh of screen-facing quads per layer, drawn in one call.

use crate::layers::render_layer;
use crate::space::scene_from_enu;
use bevy::asset::{RenderAssetUsages, uuid_handle};
use bevy::camera::visibility::{NoFrustumCulling, RenderLayers};
use bevy::light::{NotShadowCaster, NotShadowReceiver};
use bevy::mesh::{Indices, MeshVertexAttribute, MeshVertexBufferLayoutRef, PrimitiveTopology, VertexFormat};
use bevy::pbr::{Material, MaterialPipeline, MaterialPipelineKey, MaterialPlugin};
use bevy::prelude::*;
use bevy::render::render_resource::{AsBindGroup, RenderPipelineDescriptor, SpecializedMeshPipelineError};
use bevy::shader::{Shader, ShaderRef};
use twin_bevy::{Community, DeviceCondition, Devices, Live, LiveStamp, Selection, TwinSystems};
use twin_model::{Entity as Thing, EntityKind, LayerKind, Severity};

const SHADER: Handle<Shader> = uuid_handle!("5b0d4a52-6a7e-4f3b-9f0e-6f1f3f2a7c01");
/// Radius in pixels at most, radius in metres, shape, pulse.
const ATTRIBUTE_MARKER: MeshVertexAttribute =
    MeshVertexAttribute::new("SandtableMarker", 726_301_117, VertexFormat::Float32x4);

/// Draws markers; everything about one is in its vertices.
#[derive(Asset, TypePath, AsBindGroup, Debug, Clone, Default)]
pub struct MarkerMaterial {
    /// x: scale of all markers; the rest is not used.
    #[uniform(0)]
    pub settings: Vec4,
}

impl Material for MarkerMaterial {
    fn vertex_shader() -> ShaderRef {
        SHADER.into()
    }
    fn fragment_shader() -> ShaderRef {
        SHADER.into()
    }
    fn alpha_mode(&self) -> AlphaMode {
        AlphaMode::Blend
    }
    fn depth_bias(&self) -> f32 {
        5000.0
    }
    fn enable_prepass() -> bool {
        false
    }
    fn enable_shadows() -> bool {
        false
    }
    fn specialize(
        _pipeline: &MaterialPipeline,
        descriptor: &mut RenderPipelineDescriptor,
        layout: &MeshVertexBufferLayoutRef,
        _key: MaterialPipelineKey<Self>,
    ) -> Result<(), SpecializedMeshPipelineError> {
        let vertex = layout.0.get_layout(&[
            Mesh::ATTRIBUTE_POSITION.at_shader_location(0),
            Mesh::ATTRIBUTE_UV_0.at_shader_location(1),
            Mesh::ATTRIBUTE_COLOR.at_shader_location(2),
            ATTRIBUTE_MARKER.at_shader_location(3),
        ])?;
        descriptor.vertex.buffers = vec![vertex];
        descriptor.primitive.cull_mode = None;
        Ok(())
    }
}

/// Shapes that the shader draws.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    Dot,
    Square,
    Diamond,
    Ring,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Marker {
    at: Vec3,
    colour: [f32; 4],
    max_px: f32,
    min_px: f32,
    radius_m: f32,
    shape: Shape,
    pulse: bool,
}

/// Where the marker of a device or camera stands: a little above its position.
pub(crate) fn marker_point(thing: &Thing) -> Vec3 {
    scene_from_enu(thing.p_enu) + Vec3::Y * 0.6
}

/// Where the pin of a case stands.
pub(crate) fn case_point(p_enu: [f64; 3]) -> Vec3 {
    scene_from_enu(p_enu) + Vec3::Y * 4.0
}

/// Colour of a device class by its subject: water blue, fire orange, access violet, air green, energy yellow.
#[must_use]
fn class_colour(class: &str) -> [f32; 3] {
    match class {
        "river_level" | "rain_gauge" | "ponding" | "manhole_level" | "manhole_tilt" | "pump_station"
        | "water_meter" => [0.10, 0.50, 0.95],
        "smoke" | "gas" | "hydrant" => [0.98, 0.34, 0.10],
        "door" | "lift" | "parking_gate" | "people_counter" | "care_button" => [0.58, 0.36, 0.92],
        "air_quality" | "noise" | "bin" => [0.16, 0.72, 0.38],
        "power_meter" | "street_lamp" | "ev_charger" => [0.95, 0.74, 0.12],
        _ => [0.25, 0.70, 0.85],
    }
}

fn severity_rgb(severity: Severity) -> [f32; 3] {
    match severity {
        Severity::Critical => [1.0, 0.06, 0.06],
        Severity::Major => [1.0, 0.27, 0.03],
        Severity::Minor => [0.95, 0.60, 0.04],
        Severity::Notice => [0.10, 0.38, 1.0],
    }
}

fn rgba([r, g, b]: [f32; 3], a: f32) -> [f32; 4] {
    [r, g, b, a]
}

fn device_marker(thing: &Thing, condition: DeviceCondition) -> Marker {
    let grey = [0.42, 0.45, 0.48];
    let (rgb, alpha): ([f32; 3], f32) = match condition {
        DeviceCondition::Fresh | DeviceCondition::Alarm(_) => (class_colour(&thing.class), 0.95),
        DeviceCondition::Stale => (grey, 0.85),
        // Nothing received: still placed and classed, but faint.
        DeviceCondition::Silent => (class_colour(&thing.class).map(|v| v * 0.6 + 0.2), 0.6),
    };
    let camera = thing.kind == EntityKind::Camera;
    Marker {
        at: marker_point(thing),
        colour: if camera { rgba([0.10, 0.82, 0.66], alpha.max(0.9)) } else { rgba(rgb, alpha) },
        max_px: if camera { 7.0 } else { 6.5 },
        min_px: if camera { 2.4 } else { 1.2 },
        radius_m: if camera { 1.3 } else { 0.9 },
        shape: if camera { Shape::Square } else { Shape::Dot },
        pulse: false,
    }
}

fn marker_mesh(markers: &[Marker]) -> Mesh {
    let n = markers.len() * 4;
    let (mut positions, mut corners, mut colours, mut sizes) =
        (Vec::with_capacity(n), Vec::with_capacity(n), Vec::with_capacity(n), Vec::with_capacity(n));
    let mut indices = Vec::with_capacity(markers.len() * 6);
    for marker in markers {
        let first = positions.len() as u32;
        // The sign of the radius in metres carries the pulse; the shape carries the least size in its fraction.
        let shape = marker.shape as u8 as f32;
        let radius = if marker.pulse { -marker.radius_m } else { marker.radius_m };
        for corner in [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0_f32]] {
            positions.push(marker.at.to_array());
            corners.push(corner);
            colours.push(marker.colour);
            sizes.push([marker.max_px, radius, shape, marker.min_px]);
        }
        indices.extend([0, 1, 2, 0, 2, 3].map(|i| first + i));
    }
    Mesh::new(PrimitiveTopology::TriangleList, RenderAssetUsages::RENDER_WORLD)
        .with_inserted_attribute(Mesh::ATTRIBUTE_POSITION, positions)
        .with_inserted_attribute(Mesh::ATTRIBUTE_UV_0, corners)
        .with_inserted_attribute(Mesh::ATTRIBUTE_COLOR, colours)
        .with_inserted_attribute(ATTRIBUTE_MARKER, sizes)
        .with_inserted_indices(Indices::U32(indices))
}

/// The mesh of one layer's markers.
#[derive(Component)]
struct MarkerLayer(LayerKind);

#[derive(Resource)]
struct MarkerStore {
    material: Handle<MarkerMaterial>,
}

fn setup(mut commands: Commands, mut materials: ResMut<Assets<MarkerMaterial>>) {
    commands.insert_resource(MarkerStore { material: materials.add(MarkerMaterial { settings: Vec4::ONE }) });
}

/// Replaces the mesh of a layer; an empty one is not drawn at all.
fn replace(
    commands: &mut Commands,
    meshes: &mut Assets<Mesh>,
    store: &MarkerStore,
    existing: &Query<(Entity, &MarkerLayer)>,
    kind: LayerKind,
    markers: &[Marker],
) {
    let old = existing.iter().find(|(_, layer)| layer.0 == kind).map(|(entity, _)| entity);
    if markers.is_empty() {
        if let Some(entity) = old {
            commands.entity(entity).despawn();
        }
        return;
    }
    let mesh = Mesh3d(meshes.add(marker_mesh(markers)));
    match old {
        Some(entity) => {
            commands.entity(entity).insert(mesh);
        }
        None => {
            commands.spawn((
                MarkerLayer(kind),
                mesh,
                MeshMaterial3d(store.material.clone()),
                RenderLayers::layer(render_layer(kind)),
                NoFrustumCulling,
                NotShadowCaster,
                NotShadowReceiver,
            ));
        }
    }
}

fn devices(
    mut commands: Commands,
    mut meshes: ResMut<Assets<Mesh>>,
    store: Res<MarkerStore>,
    existing: Query<(Entity, &MarkerLayer)>,
    community: Res<Community>,
    devices: Res<Devices>,
    mut seen: Local<u64>,
) {
    if devices.version == *seen {
        return;
    }
    *seen = devices.version;
    let of = |kind: EntityKind| -> Vec<Marker> {
        let rows = devices.rows.iter().filter_map(|(id, condition)| Some((community.0.get(*id)?, *condition)));
        rows.filter(|(thing, _)| thing.kind == kind).map(|(thing, condition)| device_marker(thing, condition)).collect()
    };
    replace(&mut commands, &mut meshes, &store, &existing, LayerKind::Devices, &of(EntityKind::Device));
    replace(&mut commands, &mut meshes, &store, &existing, LayerKind::Cameras, &of(EntityKind::Camera));
}

fn alarms_and_cases(
    mut commands: Commands,
    mut meshes: ResMut<Assets<Mesh>>,
    store: Res<MarkerStore>,
    existing: Query<(Entity, &MarkerLayer)>,
    community: Res<Community>,
    live: Res<Live>,
    stamp: Res<LiveStamp>,
    mut seen: Local<Option<u64>>,
) {
    if *seen == Some(stamp.lists) {
        return;
    }
    *seen = Some(stamp.lists);
    let mut alarms = Vec::new();
    for alarm in live.0.open_alarms() {
        let Some(thing) = community.0.get(alarm.entity) else { continue };
        let rgb = severity_rgb(alarm.severity);
        let at = marker_point(thing);
        let halo = Marker {
            at,
            colour: rgba(rgb, 0.9),
            max_px: 30.0,
            min_px: 13.0,
            radius_m: 7.0,
            shape: Shape::Ring,
            pulse: true,
        };
        let core =
            Marker { max_px: 9.0, min_px: 5.0, radius_m: 1.6, shape: Shape::Dot, colour: rgba(rgb, 1.0), ..halo };
        alarms.extend([halo, core]);
    }
    let cases: Vec<Marker> = live
        .0
        .cases()
        .filter(|c| c.stage.is_open())
        .map(|case| Marker {
            at: case_point(case.p_enu),
            colour: [0.98, 0.62, 0.05, 1.0],
            max_px: 13.0,
            min_px: 6.0,
            radius_m: 2.2,
            shape: Shape::Diamond,
            pulse: false,
        })
        .collect();
    replace(&mut commands, &mut meshes, &store, &existing, LayerKind::Alarms, &alarms);
    replace(&mut commands, &mut meshes, &store, &existing, LayerKind::Cases, &cases);
}

/// A ring around the selected device or camera.
#[derive(Component)]
struct SelectionRing;

fn selection_ring(
    mut commands: Commands,
    mut meshes: ResMut<Assets<Mesh>>,
    store: Res<MarkerStore>,
    rings: Query<Entity, With<SelectionRing>>,
    community: Res<Community>,
    selection: Res<Selection>,
) {
    for ring in &rings {
        commands.entity(ring).despawn();
    }
    let Some(thing) = selection.0.and_then(|id| community.0.get(id)) else { return };
    if thing.footprint.is_some() {
        return;
    }
    let at = if matches!(thing.kind, EntityKind::Device | EntityKind::Camera) {
        marker_point(thing)
    } else {
        scene_from_enu(thing.p_enu)
    };
    let marker = Marker {
        at,
        colour: [0.05, 0.75, 1.0, 1.0],
        max_px: 20.0,
        min_px: 12.0,
        radius_m: 3.0,
        shape: Shape::Ring,
        pulse: false,
    };
    commands.spawn((
        SelectionRing,
        Mesh3d(meshes.add(marker_mesh(&[marker]))),
        MeshMaterial3d(store.material.clone()),
        RenderLayers::layer(crate::layers::ALWAYS),
        NoFrustumCulling,
        NotShadowCaster,
        NotShadowReceiver,
    ));
}

pub(crate) fn register(app: &mut App) {
    app.add_plugins(MaterialPlugin::<MarkerMaterial>::default());
    let shader = Shader::from_wgsl(include_str!("../../../assets/shaders/marker.wgsl"), "twin_view/marker.wgsl");
    if let Err(error) = app.world_mut().resource_mut::<Assets<Shader>>().insert(&SHADER, shader) {
        warn!("marker shader: {error}");
    }
    app.add_systems(Startup, setup).add_systems(
        Update,
        (devices, alarms_and_cases, selection_ring.run_if(resource_changed::<Selection>))
            .chain()
            .in_set(TwinSystems::Project)
            .run_if(resource_exists::<Community>),
    );
}
