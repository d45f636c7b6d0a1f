//! Sun, sky, air: the look of the picture.

use crate::layers::ViewCamera;
use crate::plain::{PlainMaterial, PlainUniform};
use bevy::asset::RenderAssetUsages;
use bevy::camera::Exposure;
use bevy::camera::visibility::{NoFrustumCulling, RenderLayers};
use bevy::core_pipeline::tonemapping::Tonemapping;
use bevy::light::{
    CascadeShadowConfigBuilder, DirectionalLightShadowMap, NotShadowCaster, NotShadowReceiver, ShadowFilteringMethod,
};
use bevy::mesh::{Indices, PrimitiveTopology};
use bevy::prelude::*;
use twin_bevy::{PackInfo, TwinSystems};

/// How much work a picture may be.
#[derive(Resource, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quality {
    /// Shadows (four cascades, one in a browser), 4× multisampling.
    #[default]
    High,
    /// Plain surfaces, hard shadows, no multisampling: machines without a graphics card.
    Low,
}

/// Direction from the ground to the sun, scene frame: late morning, south-east.
#[must_use]
pub fn to_sun() -> Vec3 {
    Vec3::new(0.52, 0.72, 0.46).normalize_or_zero()
}

/// Colour at the horizon, also of the far air.
const HORIZON: [f32; 3] = [0.60, 0.72, 0.84];
const ZENITH: [f32; 3] = [0.12, 0.30, 0.62];
const BELOW: [f32; 3] = [0.40, 0.45, 0.46];
/// Exposure value at ISO 100.
const EV100: f32 = 12.1;
const SUN_LUX: f32 = 23_500.0;
const SUN_COLOUR: [f32; 3] = [1.0, 0.88, 0.70];
/// Light of the sky's gradient, cd/m²: from above, from the side, from below.
const SKY_NITS: f32 = 1350.0;
const SKY_TOP: [f32; 3] = [0.66, 0.76, 0.94];
const SKY_SIDE: [f32; 3] = [0.80, 0.84, 0.88];
const SKY_BELOW: [f32; 3] = [0.40, 0.38, 0.34];
/// Light without a direction, cd/m².
const AMBIENT_NITS: f32 = 250.0;
/// Distance at which 5 % of a contrast is left (Koschmieder), m.
const VISIBILITY_M: f32 = 9000.0;

#[derive(Component)]
struct Sky;

/// Everything that a camera of ours needs besides its target and transform.
#[must_use]
pub fn camera_bundle(images: &mut Assets<Image>, quality: Quality) -> impl Bundle {
    let environment = EnvironmentMapLight {
        intensity: SKY_NITS,
        ..EnvironmentMapLight::hemispherical_gradient(images, linear(SKY_TOP), linear(SKY_SIDE), linear(SKY_BELOW))
    };
    (
        Camera3d::default(),
        Projection::Perspective(PerspectiveProjection {
            fov: 42.0_f32.to_radians(),
            near: 0.4,
            far: 30_000.0,
            ..default()
        }),
        Exposure { ev100: EV100 },
        Tonemapping::KhronosPbrNeutral,
        if quality == Quality::High { Msaa::Sample4 } else { Msaa::Off },
        if quality == Quality::High { ShadowFilteringMethod::Gaussian } else { ShadowFilteringMethod::Hardware2x2 },
        environment,
        DistanceFog {
            color: linear(HORIZON),
            directional_light_color: Color::linear_rgba(1.0, 0.9, 0.75, 0.25),
            directional_light_exponent: 24.0,
            falloff: air(),
        },
        RenderLayers::layer(crate::layers::ALWAYS),
    )
}

fn linear(rgb: [f32; 3]) -> Color {
    Color::linear_rgb(rgb[0], rgb[1], rgb[2])
}

fn air() -> FogFalloff {
    FogFalloff::from_visibility_colors(VISIBILITY_M, Color::srgb(0.66, 0.70, 0.74), Color::srgb(0.80, 0.85, 0.90))
}

/// How a plain surface takes the light.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lit {
    /// Not at all: colours as they are.
    No,
    /// By sun and sky.
    Open,
    /// By sun and sky, and other things stand in the sun.
    Shadowed,
}

/// Light and air of this sky for a plain surface.
pub(crate) fn plain_light(lit: Lit) -> PlainUniform {
    let exposure = Exposure { ev100: EV100 }.exposure();
    let light = |rgb: [f32; 3], factor: f32| (Vec3::from_array(rgb) * factor).extend(0.0);
    let ambient = AMBIENT_NITS * exposure;
    let (extinction, inscattering) = match air() {
        FogFalloff::Atmospheric { extinction, inscattering } => (extinction, inscattering),
        _ => (Vec3::ZERO, Vec3::ZERO),
    };
    PlainUniform {
        colour: Vec4::ONE,
        to_sun: to_sun().extend(f32::from(lit as u8)),
        sun: light(SUN_COLOUR, SUN_LUX * exposure / std::f32::consts::PI),
        sky: light(SKY_TOP, SKY_NITS * exposure + ambient),
        ground: light(SKY_BELOW, SKY_NITS * exposure + ambient),
        air: Vec3::from_array(HORIZON).extend(1.0),
        extinction: extinction.extend(0.0),
        inscattering: inscattering.extend(0.0),
    }
}

fn setup(
    mut commands: Commands,
    mut meshes: ResMut<Assets<Mesh>>,
    mut materials: ResMut<Assets<PlainMaterial>>,
    quality: Res<Quality>,
) {
    let many = *quality == Quality::High && cfg!(not(target_arch = "wasm32"));
    commands.insert_resource(DirectionalLightShadowMap { size: if many { 4096 } else { 2048 } });
    commands.insert_resource(GlobalAmbientLight {
        color: Color::srgb(0.86, 0.92, 1.0),
        brightness: AMBIENT_NITS,
        ..default()
    });
    commands.spawn((
        DirectionalLight { color: linear(SUN_COLOUR), illuminance: SUN_LUX, shadow_maps_enabled: true, ..default() },
        Transform::from_translation(to_sun()).looking_at(Vec3::ZERO, Vec3::Y),
        CascadeShadowConfigBuilder {
            num_cascades: if many { 4 } else { 1 },
            minimum_distance: 2.0,
            maximum_distance: if many { 2600.0 } else { 1300.0 },
            first_cascade_far_bound: 90.0,
            ..default()
        }
        .build(),
        RenderLayers::layer(crate::layers::ALWAYS),
    ));
    commands.spawn((
        Sky,
        Mesh3d(meshes.add(sky_dome())),
        MeshMaterial3d(materials.add(PlainMaterial {
            uniform: PlainUniform { extinction: Vec4::ZERO, inscattering: Vec4::ZERO, ..plain_light(Lit::No) },
            texture: None,
            alpha: AlphaMode::Opaque,
            double_sided: true,
            after_m: 0.0,
        })),
        NotShadowCaster,
        NotShadowReceiver,
        NoFrustumCulling,
    ));
}

/// Unlit colours pass the tone curve too; this is what the standard material's exposure leaves them alone with.
fn sky_colour(direction: Vec3) -> [f32; 4] {
    let up = direction.y;
    let mix = |a: [f32; 3], b: [f32; 3], t: f32| -> [f32; 3] { std::array::from_fn(|i| a[i] + (b[i] - a[i]) * t) };
    let base = if up >= 0.0 {
        mix(HORIZON, ZENITH, up.powf(0.55).min(1.0))
    } else {
        mix(HORIZON, BELOW, (-up * 5.0).min(1.0))
    };
    let towards = direction.dot(to_sun()).max(0.0);
    let glow = 0.22 * towards.powf(12.0) + 0.9 * towards.powf(600.0);
    [base[0] + glow, base[1] + glow * 0.92, base[2] + glow * 0.75, 1.0]
}

fn sky_dome() -> Mesh {
    const RINGS: u32 = 48;
    const SEGMENTS: u32 = 96;
    const RADIUS_M: f32 = 15_000.0;
    let (mut positions, mut colours, mut indices) = (Vec::new(), Vec::new(), Vec::new());
    for ring in 0..=RINGS {
        let elevation = (ring as f32 / RINGS as f32 - 0.5) * std::f32::consts::PI;
        for segment in 0..=SEGMENTS {
            let azimuth = segment as f32 / SEGMENTS as f32 * std::f32::consts::TAU;
            let flat = elevation.cos();
            let direction = Vec3::new(flat * azimuth.cos(), elevation.sin(), flat * azimuth.sin());
            positions.push((direction * RADIUS_M).to_array());
            colours.push(sky_colour(direction));
        }
    }
    for ring in 0..RINGS {
        for segment in 0..SEGMENTS {
            let a = ring * (SEGMENTS + 1) + segment;
            let b = a + SEGMENTS + 1;
            indices.extend([a, b, a + 1, a + 1, b, b + 1]);
        }
    }
    Mesh::new(PrimitiveTopology::TriangleList, RenderAssetUsages::RENDER_WORLD)
        .with_inserted_attribute(Mesh::ATTRIBUTE_POSITION, positions)
        .with_inserted_attribute(Mesh::ATTRIBUTE_COLOR, colours)
        .with_inserted_indices(Indices::U32(indices))
}

/// The dome goes along with the first camera; it is so large that the others do not matter.
fn follow(cameras: Query<(&ViewCamera, &Transform), Without<Sky>>, mut sky: Query<&mut Transform, With<Sky>>) {
    let Some((_, eye)) = cameras.iter().min_by_key(|(view, _)| view.index) else { return };
    for mut transform in &mut sky {
        if transform.translation != eye.translation {
            transform.translation = eye.translation;
        }
    }
}

/// The land around: a wide disc a little below the lowest point of the pack, so that the community does not float.
fn surroundings(
    mut commands: Commands,
    mut meshes: ResMut<Assets<Mesh>>,
    mut materials: ResMut<Assets<PlainMaterial>>,
    pack: Res<PackInfo>,
    mut done: Local<bool>,
) {
    if std::mem::replace(&mut *done, true) {
        return;
    }
    let bounds = pack.manifest.bounds_enu;
    let middle = [(bounds[0][0] + bounds[1][0]) / 2.0, (bounds[0][1] + bounds[1][1]) / 2.0, bounds[0][2] - 2.0];
    commands.spawn((
        Mesh3d(meshes.add(Circle::new(14_000.0).mesh().resolution(96))),
        MeshMaterial3d(materials.add(PlainMaterial {
            uniform: PlainUniform { colour: Vec4::new(0.20, 0.23, 0.17, 1.0), ..plain_light(Lit::Open) },
            texture: None,
            alpha: AlphaMode::Opaque,
            double_sided: false,
            after_m: 0.0,
        })),
        Transform::from_translation(crate::space::scene_from_enu(middle))
            .with_rotation(Quat::from_rotation_x(-std::f32::consts::FRAC_PI_2)),
        NotShadowCaster,
    ));
}

pub(crate) fn register(app: &mut App, quality: Quality) {
    app.insert_resource(quality)
        .insert_resource(ClearColor(linear(HORIZON)))
        .add_systems(Startup, setup)
        .add_systems(Update, surroundings.in_set(TwinSystems::Project).run_if(resource_exists::<PackInfo>))
        .add_systems(Update, follow.in_set(TwinSystems::Project).after(crate::orbit::apply));
}
