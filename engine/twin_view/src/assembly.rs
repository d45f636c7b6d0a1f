//! Places of safety (集合点) of an evacuation that goes on outside: a disc on the ground and its rim.

use crate::environment::{Lit, plain_light};
use crate::layers::render_layer;
use crate::plain::PlainMaterial;
use crate::shapes::MeshBuilder;
use crate::space::scene_from_enu;
use crate::terrain::Ground;
use bevy::camera::visibility::RenderLayers;
use bevy::light::{NotShadowCaster, NotShadowReceiver};
use bevy::prelude::*;
use twin_bevy::{ShownEvac, TwinSystems};
use twin_model::{AssemblyArea, LayerKind, OutdoorGround, RunId};

#[derive(Component)]
struct Places;

#[derive(Resource)]
struct Look(Handle<PlainMaterial>);

#[derive(Resource, Default)]
struct Drawn(Option<RunId>);

const DISC: [f32; 4] = [0.05, 0.72, 0.30, 0.34];
const RIM: [f32; 4] = [0.10, 0.95, 0.42, 0.9];
/// Over the ground, so that neither grass nor paving covers it, m.
const OVER_M: f64 = 0.35;
const SIDES: u32 = 40;
/// Width of the rim, m.
const RIM_M: f64 = 0.5;

fn setup(mut commands: Commands, mut materials: ResMut<Assets<PlainMaterial>>) {
    let look = PlainMaterial {
        uniform: plain_light(Lit::No),
        texture: None,
        alpha: AlphaMode::Blend,
        double_sided: true,
        after_m: 0.8,
    };
    commands.insert_resource(Look(materials.add(look)));
}

/// Where a place of safety is named, ENU m.
pub(crate) fn middle(ground: &OutdoorGround, area: &AssemblyArea) -> [f64; 3] {
    [area.at[0], area.at[1], ground.level_m(area.tile as usize, area.at) + OVER_M]
}

/// The disc follows the terrain that is drawn, or the slope of its tile where there is none.
fn disc(mesh: &mut MeshBuilder, terrain: &Ground, ground: &OutdoorGround, area: &AssemblyArea) {
    let at = |p: [f64; 2]| {
        let z = terrain.z_at(p[0], p[1]).unwrap_or_else(|| ground.level_m(area.tile as usize, p));
        scene_from_enu([p[0], p[1], z + OVER_M])
    };
    let point = |k: u32, radius_m: f64| {
        let angle = std::f64::consts::TAU * f64::from(k % SIDES) / f64::from(SIDES);
        at([area.at[0] + radius_m * angle.cos(), area.at[1] + radius_m * angle.sin()])
    };
    let centre = mesh.vertex(at(area.at), Vec3::Y, DISC);
    let edge: Vec<u32> = (0..SIDES).map(|k| mesh.vertex(point(k, area.radius_m - RIM_M), Vec3::Y, DISC)).collect();
    for k in 0..SIDES {
        let (a, b) = (edge[k as usize], edge[((k + 1) % SIDES) as usize]);
        mesh.push([centre, a, b]);
        let [inner, outer] = [area.radius_m - RIM_M, area.radius_m];
        mesh.quad([point(k, inner), point(k, outer), point(k + 1, outer), point(k + 1, inner)], RIM);
    }
}

fn show(
    mut commands: Commands,
    mut drawn: ResMut<Drawn>,
    mut meshes: ResMut<Assets<Mesh>>,
    look: Res<Look>,
    shown: Res<ShownEvac>,
    terrain: Res<Ground>,
    existing: Query<Entity, With<Places>>,
) {
    let wanted = shown.ground.as_ref().and(shown.run);
    if drawn.0 == wanted {
        return;
    }
    drawn.0 = wanted;
    existing.iter().for_each(|entity| commands.entity(entity).despawn());
    let Some(ground) = &shown.ground else { return };
    let mut mesh = MeshBuilder::default();
    ground.assembly.iter().for_each(|area| disc(&mut mesh, &terrain, ground, area));
    if mesh.is_empty() {
        return;
    }
    commands.spawn((
        Places,
        Mesh3d(meshes.add(mesh.build())),
        MeshMaterial3d(look.0.clone()),
        RenderLayers::layer(render_layer(LayerKind::People)),
        NotShadowCaster,
        NotShadowReceiver,
    ));
}

pub(crate) fn register(app: &mut App) {
    app.init_resource::<Drawn>().add_systems(Startup, setup).add_systems(Update, show.in_set(TwinSystems::Project));
}
