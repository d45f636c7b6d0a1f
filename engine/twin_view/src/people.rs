//! People of an evacuation (疏散演算的人): up to some hundred thousand bodies in a few draw calls.
//!
//! Blocks of a shared mesh of bodies read from two textures where their people were in the frame before and are in the one
//! after; the vertex shader walks them in between. A new frame is two uploads, a blend one uniform. No storage buffers: it
//! runs in WebGL2. Persons are drawn by the run and fictional.

use crate::layers::render_layer;
use crate::space::scene_from_enu;
use bevy::asset::{RenderAssetUsages, uuid_handle};
use bevy::camera::visibility::{NoFrustumCulling, RenderLayers};
use bevy::light::{NotShadowCaster, NotShadowReceiver};
use bevy::mesh::{Indices, MeshVertexBufferLayoutRef, PrimitiveTopology};
use bevy::pbr::{Material, MaterialPipeline, MaterialPipelineKey, MaterialPlugin};
use bevy::prelude::*;
use bevy::render::render_resource::{
    AsBindGroup, Extent3d, RenderPipelineDescriptor, ShaderType, SpecializedMeshPipelineError, TextureDimension,
    TextureFormat,
};
use bevy::shader::{Shader, ShaderRef};
use community_pack::evac_folder::{EvacFrame, PersonMark};
use std::ops::Range;
use twin_bevy::{ShownEvac, ShownStorey, TwinSystems};
use twin_model::{BuildingPlan, LayerKind, RunId, StoreyIndex};

const SHADER: Handle<Shader> = uuid_handle!("3c1f7d0a-54a1-4f0e-8a7b-6f6d0c0b9e21");
/// Bodies in a block.
const BLOCK: u32 = 1024;
/// People in a row of the textures.
const ROW: u32 = 512;
/// Beyond this distance bodies are drawn larger, so that they stay visible, m.
const ENLARGED_FROM_M: f32 = 120.0;
/// And at most so much larger.
const LARGEST: f32 = 2.6;

/// What is shown of whom.
#[derive(ShaderType, Debug, Clone, Copy, Default)]
pub struct PeopleUniform {
    /// Position between the frames, seconds between them, people, people in a row.
    frames: Vec4,
    /// Lowest and highest level shown (scene y), greatest enlargement, distance at which it begins, m.
    shown: Vec4,
    /// Direction to the sun; w: factor of colours.
    sun: Vec4,
}

/// Puts bodies where their people are.
#[derive(Asset, TypePath, AsBindGroup, Debug, Clone)]
pub struct PeopleMaterial {
    #[uniform(0)]
    uniform: PeopleUniform,
    /// Feet in the scene and what is done, frame before.
    #[texture(1, sample_type = "float", filterable = false, visibility(vertex, fragment))]
    before: Handle<Image>,
    /// The same, frame after.
    #[texture(2, sample_type = "float", filterable = false, visibility(vertex, fragment))]
    after: Handle<Image>,
}

impl Material for PeopleMaterial {
    fn vertex_shader() -> ShaderRef {
        SHADER.into()
    }
    fn fragment_shader() -> ShaderRef {
        SHADER.into()
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
        descriptor.vertex.buffers = vec![layout.0.get_layout(&[
            Mesh::ATTRIBUTE_POSITION.at_shader_location(0),
            Mesh::ATTRIBUTE_NORMAL.at_shader_location(1),
            Mesh::ATTRIBUTE_UV_0.at_shader_location(2),
        ])?];
        descriptor.primitive.cull_mode = None;
        Ok(())
    }
}

#[derive(Resource, Default)]
struct Crowd {
    /// Meshes of the blocks made so far: each body knows its number.
    meshes: Vec<Handle<Mesh>>,
    blocks: Vec<Entity>,
    material: Option<Handle<PeopleMaterial>>,
    key: Option<(RunId, usize, usize)>,
}

/// Rings of a body from the feet up: height and half width, m.
const BODY: [[f32; 2]; 8] =
    [[0.0, 0.10], [0.80, 0.16], [1.30, 0.22], [1.42, 0.15], [1.47, 0.06], [1.53, 0.11], [1.64, 0.11], [1.72, 0.05]];
const SIDES: u32 = 6;

/// Bodies with the numbers of `range`.
fn bodies(range: Range<u32>) -> Mesh {
    let (mut positions, mut normals, mut numbers, mut indices) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for number in range {
        let first = positions.len() as u32;
        for [height, half] in BODY {
            for side in 0..SIDES {
                let (sin, cos) = (side as f32 / SIDES as f32 * std::f32::consts::TAU).sin_cos();
                // Shoulders are broader than chests are deep.
                positions.push([cos * half, height, sin * half * 0.8]);
                normals.push([cos * 0.9, 0.436, sin * 0.9]);
                numbers.push([number as f32, 0.0]);
            }
        }
        let rings = BODY.len() as u32;
        for ring in 0..rings - 1 {
            for side in 0..SIDES {
                let a = first + ring * SIDES + side;
                let b = first + ring * SIDES + (side + 1) % SIDES;
                indices.extend([a, a + SIDES, b, b, a + SIDES, b + SIDES]);
            }
        }
        let top = first + (rings - 1) * SIDES;
        indices.extend((1..SIDES - 1).flat_map(|k| [top, top + k + 1, top + k]));
    }
    Mesh::new(PrimitiveTopology::TriangleList, RenderAssetUsages::RENDER_WORLD)
        .with_inserted_attribute(Mesh::ATTRIBUTE_POSITION, positions)
        .with_inserted_attribute(Mesh::ATTRIBUTE_NORMAL, normals)
        .with_inserted_attribute(Mesh::ATTRIBUTE_UV_0, numbers)
        .with_inserted_indices(Indices::U32(indices))
}

/// A texel of a person.
fn texel(p: &PersonMark) -> [f32; 4] {
    let at = scene_from_enu(p.at);
    [at.x, at.y, at.z, f32::from(p.doing as u8)]
}

/// Everybody of `before`, and where they are in `after`; who has left by then stays at the door until the frame is over.
/// Both frames are in the order of the people's numbers.
fn texels(before: &EvacFrame, after: &EvacFrame) -> [Vec<[f32; 4]>; 2] {
    let first = before.people.iter().map(texel).collect();
    let mut later = after.people.iter().peekable();
    let second = before.people.iter().map(|p| {
        while later.next_if(|q| q.id < p.id).is_some() {}
        texel(later.peek().filter(|q| q.id == p.id).copied().unwrap_or(p))
    });
    [first, second.collect()]
}

fn image(texels: &[[f32; 4]]) -> Image {
    let rows = (texels.len() as u32).div_ceil(ROW).max(1);
    let mut data = Vec::with_capacity((rows * ROW * 16) as usize);
    texels.iter().flatten().for_each(|v| data.extend_from_slice(&v.to_le_bytes()));
    data.resize((rows * ROW * 16) as usize, 0);
    let size = Extent3d { width: ROW, height: rows, depth_or_array_layers: 1 };
    Image::new(size, TextureDimension::D2, data, TextureFormat::Rgba32Float, RenderAssetUsages::RENDER_WORLD)
}

/// Levels (scene y) between which people are shown: half a metre under a storey's floor to half a metre under the next.
pub(crate) fn levels(plan: &BuildingPlan, storey: Option<StoreyIndex>) -> Range<f32> {
    let Some(floor) = storey.and_then(|s| plan.storeys.get(s.index())) else { return f32::MIN..f32::MAX };
    let low = floor.elevation_m as f32 - 0.5;
    low..low + floor.height_m as f32
}

#[derive(bevy::ecs::system::SystemParam)]
struct Store<'w, 's> {
    commands: Commands<'w, 's>,
    meshes: ResMut<'w, Assets<Mesh>>,
    images: ResMut<'w, Assets<Image>>,
    materials: ResMut<'w, Assets<PeopleMaterial>>,
}

impl Store<'_, '_> {
    fn clear(&mut self, crowd: &mut Crowd) {
        crowd.blocks.drain(..).for_each(|block| self.commands.entity(block).despawn());
        (crowd.material, crowd.key) = (None, None);
    }

    /// New textures, and as many blocks as there are people.
    fn upload(&mut self, crowd: &mut Crowd, before: &EvacFrame, after: &EvacFrame) {
        let [first, second] = texels(before, after).map(|t| image(&t));
        let (first, second) = (self.images.add(first), self.images.add(second));
        let people = before.people.len() as u32;
        let seconds = (after.t_s - before.t_s) as f32;
        let uniform = PeopleUniform {
            frames: Vec4::new(0.0, seconds, people as f32, ROW as f32),
            shown: Vec4::new(f32::MIN, f32::MAX, LARGEST, ENLARGED_FROM_M),
            sun: crate::to_sun().extend(1.0),
        };
        let made = PeopleMaterial { uniform, before: first, after: second };
        let handle = crowd.material.get_or_insert_with(|| self.materials.reserve_handle()).clone();
        if let Err(error) = self.materials.insert(&handle, made) {
            warn!("people: {error}");
        }
        let wanted = people.div_ceil(BLOCK) as usize;
        crowd.blocks.drain(wanted.min(crowd.blocks.len())..).for_each(|b| self.commands.entity(b).despawn());
        for k in crowd.blocks.len()..wanted {
            if k == crowd.meshes.len() {
                let first = k as u32 * BLOCK;
                crowd.meshes.push(self.meshes.add(bodies(first..first + BLOCK)));
            }
            let block = self.commands.spawn((
                Mesh3d(crowd.meshes[k].clone()),
                MeshMaterial3d(handle.clone()),
                Transform::IDENTITY,
                RenderLayers::layer(render_layer(LayerKind::People)),
                NoFrustumCulling,
                NotShadowCaster,
                NotShadowReceiver,
            ));
            crowd.blocks.push(block.id());
        }
    }
}

fn show(mut crowd: ResMut<Crowd>, mut store: Store, shown: Res<ShownEvac>, storey: Res<ShownStorey>) {
    let (Some(plan), Some(before), Some(after)) = (&shown.plan, &shown.before, &shown.after) else {
        if crowd.key.is_some() {
            store.clear(&mut crowd);
        }
        return;
    };
    if crowd.key != shown.key {
        store.upload(&mut crowd, before, after);
        crowd.key = shown.key;
    }
    let levels = levels(plan, storey.0);
    let Some(handle) = &crowd.material else { return };
    let set = |u: &PeopleUniform| u.frames.x == shown.blend && u.shown.x == levels.start && u.shown.y == levels.end;
    if store.materials.get(handle).is_some_and(|m| !set(&m.uniform))
        && let Some(mut material) = store.materials.get_mut(handle)
    {
        let uniform = &mut material.uniform;
        uniform.frames.x = shown.blend;
        (uniform.shown.x, uniform.shown.y) = (levels.start, levels.end);
    }
}

pub(crate) fn register(app: &mut App) {
    app.add_plugins(MaterialPlugin::<PeopleMaterial>::default());
    let shader = Shader::from_wgsl(include_str!("../../../assets/shaders/people.wgsl"), "twin_view/people.wgsl");
    if let Err(error) = app.world_mut().resource_mut::<Assets<Shader>>().insert(&SHADER, shader) {
        warn!("people shader: {error}");
    }
    app.init_resource::<Crowd>().add_systems(Update, show.in_set(TwinSystems::Project));
}

#[cfg(test)]
mod tests {
    use super::*;
    use community_pack::evac_folder::Doing;

    fn frame(t_s: f64, people: &[(u32, f64)]) -> EvacFrame {
        let mark = |(id, x): &(u32, f64)| PersonMark { id: *id, at: [*x, 2.0, 3.0], doing: Doing::Walking };
        EvacFrame { t_s, people: people.iter().map(mark).collect(), ..EvacFrame::default() }
    }

    #[test]
    fn people_are_matched_by_number_and_leavers_stay_where_they_were() {
        let [a, b] = texels(&frame(0.0, &[(1, 1.0), (4, 4.0), (9, 9.0)]), &frame(1.0, &[(0, 0.0), (4, 4.5), (9, 9.5)]));
        assert_eq!(a, [[1.0, 3.0, -2.0, 1.0], [4.0, 3.0, -2.0, 1.0], [9.0, 3.0, -2.0, 1.0]]);
        assert_eq!(b.iter().map(|t| t[0]).collect::<Vec<_>>(), [1.0, 4.5, 9.5]);
    }

    #[test]
    fn a_storey_shows_its_own_people_only() {
        let storey = |name: &str, elevation_m| twin_model::PlanStorey {
            entity: None,
            name: name.into(),
            elevation_m,
            height_m: 3.0,
        };
        let plan = BuildingPlan { storeys: vec![storey("1F", 1.5), storey("2F", 4.5)], ..BuildingPlan::default() };
        assert_eq!(levels(&plan, Some(StoreyIndex(0))), 1.0..4.0);
        assert_eq!(levels(&plan, Some(StoreyIndex(1))), 4.0..7.0);
        assert!(levels(&plan, None).contains(&1e6));
    }

    #[test]
    fn bodies_are_closed_and_stand_on_their_feet() {
        let mesh = bodies(5..7);
        assert_eq!(mesh.count_vertices(), 2 * BODY.len() * SIDES as usize);
        let image = image(&[[1.0; 4]; 513]);
        assert_eq!((image.width(), image.height()), (512, 2));
    }
}
