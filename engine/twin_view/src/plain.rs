//! A plain material: what is far away (sky, surroundings) at any quality, and everything where pictures must be cheap.
//! Bevy's standard material costs a software renderer several times as much per pixel.

use bevy::asset::uuid_handle;
use bevy::mesh::MeshVertexBufferLayoutRef;
use bevy::pbr::{Material, MaterialPipeline, MaterialPipelineKey, MaterialPlugin};
use bevy::prelude::*;
use bevy::render::render_resource::{
    AsBindGroup, Face, RenderPipelineDescriptor, ShaderType, SpecializedMeshPipelineError,
};
use bevy::shader::{Shader, ShaderRef};

const SHADER: Handle<Shader> = uuid_handle!("5f7b1c1e-0a68-4a0b-9d43-6a1b1e7f4c3d");

/// Values of a [`PlainMaterial`].
#[derive(ShaderType, Debug, Clone, Copy, Default)]
pub(crate) struct PlainUniform {
    /// Linear colour.
    pub(crate) colour: Vec4,
    /// xyz: direction to the sun; w: 0 unlit, 1 lit, 2 lit and in the shadow of other things.
    pub(crate) to_sun: Vec4,
    /// What a white surface sends back of the sun.
    pub(crate) sun: Vec4,
    /// Of the sky, facing up; w: alpha below which a pixel is left out.
    pub(crate) sky: Vec4,
    /// Of the ground, facing down.
    pub(crate) ground: Vec4,
    /// Colour of the air.
    pub(crate) air: Vec4,
    /// What the air takes away, 1/m.
    pub(crate) extinction: Vec4,
    /// What it adds, 1/m.
    pub(crate) inscattering: Vec4,
}

/// Colour × texture under sun and sky, without reflections.
#[derive(Asset, TypePath, AsBindGroup, Debug, Clone)]
#[bind_group_data(Sides)]
pub(crate) struct PlainMaterial {
    #[uniform(0)]
    pub(crate) uniform: PlainUniform,
    #[texture(1)]
    #[sampler(2)]
    pub(crate) texture: Option<Handle<Image>>,
    pub(crate) alpha: AlphaMode,
    pub(crate) double_sided: bool,
    /// Drawn after blended things that are up to so much nearer, m.
    pub(crate) after_m: f32,
}

/// Which sides of a triangle are drawn: part of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C)]
pub(crate) struct Sides {
    both: u32,
}

impl From<&PlainMaterial> for Sides {
    fn from(material: &PlainMaterial) -> Self {
        Self { both: u32::from(material.double_sided) }
    }
}

impl Material for PlainMaterial {
    fn fragment_shader() -> ShaderRef {
        SHADER.into()
    }
    fn alpha_mode(&self) -> AlphaMode {
        self.alpha
    }
    fn depth_bias(&self) -> f32 {
        self.after_m
    }
    fn enable_prepass() -> bool {
        false
    }
    fn specialize(
        _pipeline: &MaterialPipeline,
        descriptor: &mut RenderPipelineDescriptor,
        _layout: &MeshVertexBufferLayoutRef,
        key: MaterialPipelineKey<Self>,
    ) -> Result<(), SpecializedMeshPipelineError> {
        descriptor.primitive.cull_mode = (key.bind_group_data.both == 0).then_some(Face::Back);
        Ok(())
    }
}

pub(crate) fn register(app: &mut App) {
    app.add_plugins(MaterialPlugin::<PlainMaterial>::default());
    let shader = Shader::from_wgsl(include_str!("../../../assets/shaders/plain.wgsl"), "twin_view/plain.wgsl");
    if let Err(error) = app.world_mut().resource_mut::<Assets<Shader>>().insert(&SHADER, shader) {
        warn!("plain shader: {error}");
    }
}
