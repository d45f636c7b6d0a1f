//! The water surface of a run, and the difference of two runs' greatest depths.
//!
//! Depths and bed are textures on the run's grid; blocks of a shared flat mesh are lifted by the vertex shader, which
//! also blends between two frames. Nothing is built again while a run plays: a new frame is one texture upload, a blend
//! one uniform.

use crate::layers::render_layer;
use crate::space::PlaneMap;
use bevy::asset::{RenderAssetUsages, uuid_handle};
use bevy::camera::visibility::{NoFrustumCulling, RenderLayers};
use bevy::light::{NotShadowCaster, NotShadowReceiver};
use bevy::math::DVec2;
use bevy::mesh::{Indices, MeshVertexBufferLayoutRef, PrimitiveTopology};
use bevy::pbr::{Material, MaterialPipeline, MaterialPipelineKey, MaterialPlugin};
use bevy::prelude::*;
use bevy::render::render_resource::{
    AsBindGroup, Extent3d, RenderPipelineDescriptor, ShaderType, SpecializedMeshPipelineError, TextureDimension,
    TextureFormat,
};
use bevy::shader::{Shader, ShaderRef};
use community_pack::run_folder::Frame;
use std::collections::BTreeMap;
use std::sync::Arc;
use twin_bevy::{CompareResult, Notices, Now, PackInfo, Runs, ShownRun, TwinSystems};
use twin_model::{GridSpec, LayerKind, RunId};

const SHADER: Handle<Shader> = uuid_handle!("0d3c2f6b-7d5e-49d3-8a53-0d2f7c1f8f02");
/// Cells on each side of a block.
const BLOCK: u32 = 64;

/// How a grid lies in the scene, and what is shown on it.
#[derive(ShaderType, Debug, Clone, Copy, Default)]
pub struct WaterUniform {
    /// Scene x, z of the centre of cell (0, 0); scene metres per cell: unused here, see `axes`.
    origin: Vec4,
    /// Scene x, z per cell eastwards and per cell northwards.
    axes: Vec4,
    /// Cells in x, cells in y, blend in [0, 1], mode (0 depth, 1 difference).
    grid: Vec4,
    /// Direction to the sun; w: cell size, m.
    sun: Vec4,
}

/// Lifts a flat block to the water surface and colours it.
#[derive(Asset, TypePath, AsBindGroup, Debug, Clone)]
pub struct WaterMaterial {
    #[uniform(0)]
    uniform: WaterUniform,
    /// Depth of the earlier frame (or of the first run), m.
    #[texture(1, sample_type = "float", filterable = false, visibility(vertex, fragment))]
    before: Handle<Image>,
    /// Depth of the later frame (or of the second run), m.
    #[texture(2, sample_type = "float", filterable = false, visibility(vertex, fragment))]
    after: Handle<Image>,
    /// ENU z of the bed; below −9000 where there is none (buildings).
    #[texture(3, sample_type = "float", filterable = false, visibility(vertex, fragment))]
    bed: Handle<Image>,
}

impl Material for WaterMaterial {
    fn vertex_shader() -> ShaderRef {
        SHADER.into()
    }
    fn fragment_shader() -> ShaderRef {
        SHADER.into()
    }
    fn alpha_mode(&self) -> AlphaMode {
        AlphaMode::Blend
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
        descriptor.vertex.buffers = vec![layout.0.get_layout(&[Mesh::ATTRIBUTE_POSITION.at_shader_location(0)])?];
        descriptor.primitive.cull_mode = None;
        Ok(())
    }
}

/// One surface on the screen.
struct Surface {
    grid: GridSpec,
    material: Handle<WaterMaterial>,
    blocks: BTreeMap<(u32, u32), Entity>,
    before_key: Option<(RunId, usize)>,
    after_key: Option<(RunId, usize)>,
}

#[derive(Resource, Default)]
struct Surfaces {
    water: Option<(RunId, Surface)>,
    difference: Option<((RunId, RunId), Surface)>,
    block_mesh: Option<Handle<Mesh>>,
}

/// Cell coordinates to scene: `origin + east · i + north · j` for cell centres.
#[derive(Debug, Clone, Copy)]
struct GridAffine {
    origin: DVec2,
    east: DVec2,
    north: DVec2,
}

impl GridAffine {
    /// In scene x and z (z = −north).
    fn new(grid: &GridSpec, map: &PlaneMap) -> Self {
        let cell = |i: f64, j: f64| {
            let plane = DVec2::new(grid.x0 + (i + 0.5) * grid.dx_m, grid.y0 + (j + 0.5) * grid.dx_m);
            let enu = map.enu_from_plane(plane);
            DVec2::new(enu.x, -enu.y)
        };
        let origin = cell(0.0, 0.0);
        Self { origin, east: cell(1.0, 0.0) - origin, north: cell(0.0, 1.0) - origin }
    }

    fn at(&self, i: f64, j: f64) -> DVec2 {
        self.origin + self.east * i + self.north * j
    }
}

fn float_image(grid: &GridSpec, values: &[f32]) -> Image {
    let size = Extent3d { width: grid.nx, height: grid.ny, depth_or_array_layers: 1 };
    let mut data = Vec::with_capacity(values.len() * 4);
    for value in values {
        data.extend_from_slice(&value.to_le_bytes());
    }
    Image::new(size, TextureDimension::D2, data, TextureFormat::R32Float, RenderAssetUsages::RENDER_WORLD)
}

/// What the shader takes for "there is no bed here".
const NO_BED: f32 = -9999.0;

/// ENU z of every cell's bed.
fn bed_enu(grid: &GridSpec, map: &PlaneMap, affine: &GridAffine, bed: &Frame) -> Vec<f32> {
    let nx = grid.nx as usize;
    bed.values_m
        .iter()
        .enumerate()
        .map(|(cell, height)| {
            if !height.is_finite() {
                return NO_BED;
            }
            let at = affine.at((cell % nx) as f64, (cell / nx) as f64);
            map.z_from_height(at.x, -at.y, f64::from(*height)) as f32
        })
        .collect()
}

fn block_mesh() -> Mesh {
    let side = BLOCK + 1;
    let positions: Vec<[f32; 3]> = (0..side * side).map(|v| [(v % side) as f32, 0.0, (v / side) as f32]).collect();
    let mut indices = Vec::with_capacity((BLOCK * BLOCK * 6) as usize);
    for j in 0..BLOCK {
        for i in 0..BLOCK {
            let a = j * side + i;
            let b = a + side;
            indices.extend([a, b, a + 1, a + 1, b, b + 1]);
        }
    }
    Mesh::new(PrimitiveTopology::TriangleList, RenderAssetUsages::RENDER_WORLD)
        .with_inserted_attribute(Mesh::ATTRIBUTE_POSITION, positions)
        .with_inserted_indices(Indices::U32(indices))
}

/// Blocks with at least one wet cell in one of the frames (their edge cells count for the neighbour too).
fn wet_blocks(grid: &GridSpec, frames: [&Frame; 2]) -> Vec<(u32, u32)> {
    let (bx, by) = (grid.nx.div_ceil(BLOCK), grid.ny.div_ceil(BLOCK));
    let mut wet = vec![false; (bx * by) as usize];
    for frame in frames {
        for (cell, depth) in frame.values_m.iter().enumerate() {
            if *depth > 0.0 {
                let (i, j) = (cell as u32 % grid.nx, cell as u32 / grid.nx);
                let (b, c) = (i / BLOCK, j / BLOCK);
                let left = if i % BLOCK == 0 { b.saturating_sub(1) } else { b };
                let down = if j % BLOCK == 0 { c.saturating_sub(1) } else { c };
                for (x, y) in [(b, c), (left, c), (b, down), (left, down)] {
                    if let Some(slot) = wet.get_mut((y * bx + x) as usize) {
                        *slot = true;
                    }
                }
            }
        }
    }
    (0..bx * by).filter(|n| wet.get(*n as usize) == Some(&true)).map(|n| (n % bx, n / bx)).collect()
}

#[derive(bevy::ecs::system::SystemParam)]
struct Store<'w, 's> {
    commands: Commands<'w, 's>,
    meshes: ResMut<'w, Assets<Mesh>>,
    images: ResMut<'w, Assets<Image>>,
    materials: ResMut<'w, Assets<WaterMaterial>>,
}

impl Store<'_, '_> {
    fn surface(&mut self, grid: &GridSpec, map: &PlaneMap, bed: &Frame, mode: f32) -> Surface {
        let affine = GridAffine::new(grid, map);
        let bed = self.images.add(float_image(grid, &bed_enu(grid, map, &affine, bed)));
        let dry = vec![0.0; grid.nx as usize * grid.ny as usize];
        let (before, after) = (self.images.add(float_image(grid, &dry)), self.images.add(float_image(grid, &dry)));
        let uniform = WaterUniform {
            origin: Vec4::new(affine.origin.x as f32, affine.origin.y as f32, 0.0, 0.0),
            axes: Vec4::new(affine.east.x as f32, affine.east.y as f32, affine.north.x as f32, affine.north.y as f32),
            grid: Vec4::new(grid.nx as f32, grid.ny as f32, 0.0, mode),
            sun: crate::to_sun().extend(grid.dx_m as f32),
        };
        let material = self.materials.add(WaterMaterial { uniform, before, after, bed });
        Surface { grid: grid.clone(), material, blocks: BTreeMap::new(), before_key: None, after_key: None }
    }

    fn despawn(&mut self, surface: &Surface) {
        for entity in surface.blocks.values() {
            self.commands.entity(*entity).despawn();
        }
    }

    /// Spawns blocks that became wet and drops those that dried.
    fn blocks(&mut self, surface: &mut Surface, mesh: &Handle<Mesh>, wanted: &[(u32, u32)], kind: LayerKind) {
        surface.blocks.retain(|key, entity| {
            let keep = wanted.contains(key);
            if !keep {
                self.commands.entity(*entity).despawn();
            }
            keep
        });
        for key in wanted {
            if surface.blocks.contains_key(key) {
                continue;
            }
            // The block's own position only tells the shader which cells it covers.
            let offset = Vec3::new((key.0 * BLOCK) as f32, 0.0, (key.1 * BLOCK) as f32);
            let entity = self.commands.spawn((
                Mesh3d(mesh.clone()),
                MeshMaterial3d(surface.material.clone()),
                Transform::from_translation(offset),
                RenderLayers::layer(render_layer(kind)),
                NoFrustumCulling,
                NotShadowCaster,
                NotShadowReceiver,
            ));
            surface.blocks.insert(*key, entity.id());
        }
    }

    fn upload(&mut self, surface: &Surface, later: bool, frame: &Frame) {
        let Some(material) = self.materials.get(&surface.material) else { return };
        let handle = if later { material.after.clone() } else { material.before.clone() };
        if let Err(error) = self.images.insert(&handle, float_image(&surface.grid, &frame.values_m)) {
            warn!("water texture: {error}");
        }
    }
}

fn show_water(
    mut surfaces: ResMut<Surfaces>,
    mut store: Store,
    mut notices: ResMut<Notices>,
    shown: Res<ShownRun>,
    runs: Res<Runs>,
    pack: Res<PackInfo>,
    now: Res<Now>,
) {
    let mesh = block_handle(&mut surfaces, &mut store);
    let Some((run, before, after)) =
        shown.run.zip(shown.before.clone()).zip(shown.after.clone()).map(|((r, b), a)| (r, b, a))
    else {
        if let Some((_, old)) = surfaces.water.take() {
            store.despawn(&old);
        }
        return;
    };
    if surfaces.water.as_ref().is_none_or(|(id, _)| *id != run) {
        if let Some((_, old)) = surfaces.water.take() {
            store.despawn(&old);
        }
        let data = runs.data.get(&run).and_then(|d| d.grid.clone().zip(d.bed.clone()));
        let Some((grid, bed)) = data else { return };
        match PlaneMap::new(grid.epsg, &pack.frame) {
            Ok(map) => surfaces.water = Some((run, store.surface(&grid, &map, &bed, 0.0))),
            Err(error) => {
                notices.push(format!("演算 #{run}: {error}"), true, now.viewer);
                return;
            }
        }
    }
    let (Some((_, surface)), Some((_, a, b))) = (&mut surfaces.water, shown.key) else { return };
    let (before_key, after_key) = (Some((run, a)), Some((run, b)));
    if surface.before_key != before_key || surface.after_key != after_key {
        if surface.before_key != before_key {
            store.upload(surface, false, &before);
            surface.before_key = before_key;
        }
        if surface.after_key != after_key {
            store.upload(surface, true, &after);
            surface.after_key = after_key;
        }
        let wanted = wet_blocks(&surface.grid, [&before, &after]);
        store.blocks(surface, &mesh, &wanted, LayerKind::Water);
        touch(&mut store, surface, shown.blend, true);
    } else {
        touch(&mut store, surface, shown.blend, false);
    }
}

/// Writes the blend; after an upload the material must be bound again in any case.
fn touch(store: &mut Store, surface: &Surface, blend: f32, rebind: bool) {
    let same = store.materials.get(&surface.material).is_some_and(|m| (m.uniform.grid.z - blend).abs() < 1e-4);
    if same && !rebind {
        return;
    }
    if let Some(mut material) = store.materials.get_mut(&surface.material) {
        material.uniform.grid.z = blend;
    }
}

fn show_difference(
    mut surfaces: ResMut<Surfaces>,
    mut store: Store,
    result: Res<CompareResult>,
    runs: Res<Runs>,
    pack: Res<PackInfo>,
) {
    let mesh = block_handle(&mut surfaces, &mut store);
    let wanted = result.ready.as_ref().map(|(a, b, ..)| (*a, *b));
    if surfaces.difference.as_ref().map(|(key, _)| *key) == wanted {
        return;
    }
    if let Some((_, old)) = surfaces.difference.take() {
        store.despawn(&old);
    }
    let Some((a, b, first, second)) = &result.ready else { return };
    let data = runs.data.get(a).and_then(|d| d.grid.clone().zip(d.bed.clone()));
    let Some((grid, bed)) = data else { return };
    let Ok(map) = PlaneMap::new(grid.epsg, &pack.frame) else { return };
    let mut surface = store.surface(&grid, &map, &bed, 1.0);
    store.upload(&surface, false, first);
    store.upload(&surface, true, second);
    let blocks = changed_blocks(&grid, first, second);
    store.blocks(&mut surface, &mesh, &blocks, LayerKind::DepthDifference);
    touch(&mut store, &surface, 0.0, true);
    surfaces.difference = Some(((*a, *b), surface));
}

fn changed_blocks(grid: &GridSpec, first: &Arc<Frame>, second: &Arc<Frame>) -> Vec<(u32, u32)> {
    let change = first.values_m.iter().zip(&second.values_m).map(|(x, y)| if (y - x).abs() > 0.01 { 1.0 } else { 0.0 });
    let mask = Frame { nx: grid.nx, ny: grid.ny, t_s: 0.0, values_m: change.collect() };
    wet_blocks(grid, [&mask, &mask])
}

fn block_handle(surfaces: &mut Surfaces, store: &mut Store) -> Handle<Mesh> {
    surfaces.block_mesh.get_or_insert_with(|| store.meshes.add(block_mesh())).clone()
}

pub(crate) fn register(app: &mut App) {
    app.add_plugins(MaterialPlugin::<WaterMaterial>::default());
    let shader = Shader::from_wgsl(include_str!("../../../assets/shaders/water.wgsl"), "twin_view/water.wgsl");
    if let Err(error) = app.world_mut().resource_mut::<Assets<Shader>>().insert(&SHADER, shader) {
        warn!("water shader: {error}");
    }
    app.init_resource::<Surfaces>().add_systems(
        Update,
        (show_water, show_difference).chain().in_set(TwinSystems::Project).run_if(resource_exists::<PackInfo>),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(nx: u32, ny: u32) -> GridSpec {
        GridSpec { epsg: 4547, x0: 0.0, y0: 0.0, dx_m: 2.0, nx, ny }
    }

    #[test]
    fn only_wet_blocks_are_drawn_and_edges_reach_the_neighbour() {
        let g = grid(200, 100);
        let mut values = vec![0.0; 200 * 100];
        values[10 * 200 + 64] = 0.3; // cell (64, 10): first column of block 1
        let frame = Frame { nx: 200, ny: 100, t_s: 0.0, values_m: values };
        assert_eq!(wet_blocks(&g, [&frame, &frame]), [(0, 0), (1, 0)]);
    }
}
