//! From the bytes of a glb to what the renderer and the picker need. Pure functions that run on any thread.

use super::pick_mesh::PickMesh;
use crate::space::scene_from_enu_vec;
use bevy::asset::RenderAssetUsages;
use bevy::camera::primitives::Aabb;
use bevy::image::{Image, ImageAddressMode, ImageFilterMode, ImageSampler, ImageSamplerDescriptor};
use bevy::math::{DMat4, DVec3};
use bevy::mesh::{Indices, PrimitiveTopology};
use bevy::prelude::*;
use bevy::render::render_resource::{Extent3d, TextureDimension, TextureFormat};
use std::collections::BTreeSet;
use std::sync::Arc;
use tiles3d::glb::{AlphaMode as GlbAlpha, GlbImage, GlbModel, ImageMime, Primitive};
use tiles3d::read_glb;
use twin_model::LayerKind;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// No entity: a vertex that belongs to nothing that can be picked.
pub(crate) const NO_ENTITY: u32 = u32::MAX;

/// How a part looks, without its texture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Look {
    pub(crate) base_colour: [f32; 4],
    pub(crate) metallic: f32,
    pub(crate) roughness: f32,
    pub(crate) unlit: bool,
    pub(crate) double_sided: bool,
    pub(crate) alpha: GlbAlpha,
}

/// One mesh with one material.
pub(crate) struct Part {
    pub(crate) mesh: Mesh,
    pub(crate) aabb: Aabb,
    pub(crate) look: Look,
    /// Index into [`Decoded::images`].
    pub(crate) image: Option<usize>,
    /// Buildings that a BIM model stands for.
    pub(crate) masked: bool,
}

/// A tile's content, ready to be handed to the renderer.
pub(crate) struct Decoded {
    pub(crate) parts: Vec<Part>,
    pub(crate) images: Vec<Image>,
    pub(crate) pick: Vec<Arc<PickMesh>>,
    pub(crate) bytes: u64,
}

/// What is the same for all tiles of a layer.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) kind: LayerKind,
    /// Entities (buildings) whose triangles go into a part of their own.
    pub(crate) masked: Arc<BTreeSet<u32>>,
}

/// Decodes one content file. The error is one line without the file's name.
pub(crate) fn decode(bytes: &[u8], transform_enu: DMat4, context: &Context) -> Result<Decoded, String> {
    let model = read_glb(bytes).map_err(|e| e.to_string())?;
    let mut out = Decoded { parts: Vec::new(), images: Vec::new(), pick: Vec::new(), bytes: 0 };
    let mut image_slots = vec![None; model.images.len()];
    for primitive in &model.primitives {
        let entities = entities_of(&model, primitive);
        let vertices = Vertices::new(primitive, &transform_enu, context.kind);
        let image = texture(&model, primitive, &mut image_slots, &mut out)?;
        let (kept, masked) = split(primitive, &entities, &context.masked);
        for (indices, masked) in [(kept, false), (masked, true)] {
            if indices.is_empty() {
                continue;
            }
            out.bytes += (vertices.positions.len() * 48 + indices.len() * 8) as u64;
            out.pick.push(Arc::new(PickMesh::new(
                vertices.positions.clone(),
                &indices,
                entities.clone(),
                context.kind,
                masked,
            )));
            out.parts.push(part(primitive, &vertices, indices, image, masked, context.kind));
        }
    }
    out.bytes += out.images.iter().map(|i| i.data.as_ref().map_or(0, Vec::len) as u64).sum::<u64>();
    Ok(out)
}

/// Entity of each vertex.
fn entities_of(model: &GlbModel, primitive: &Primitive) -> Vec<u32> {
    let (Some(ids), Some(table)) = (&primitive.feature_ids, &model.features) else {
        return vec![NO_ENTITY; primitive.positions.len()];
    };
    ids.iter().map(|id| table.u32("entity", *id).unwrap_or(NO_ENTITY)).collect()
}

/// Triangles that are drawn always, and those of masked buildings.
fn split(primitive: &Primitive, entities: &[u32], masked: &BTreeSet<u32>) -> (Vec<u32>, Vec<u32>) {
    let count = primitive.positions.len() as u32;
    let whole = primitive.indices.chunks_exact(3).filter(|t| t.iter().all(|i| *i < count));
    if masked.is_empty() {
        return (whole.flatten().copied().collect(), Vec::new());
    }
    let (mut kept, mut hidden) = (Vec::with_capacity(primitive.indices.len()), Vec::new());
    for triangle in whole {
        let entity = triangle.first().and_then(|i| entities.get(*i as usize)).copied().unwrap_or(NO_ENTITY);
        if masked.contains(&entity) { &mut hidden } else { &mut kept }.extend_from_slice(triangle);
    }
    (kept, hidden)
}

/// Vertex arrays in the scene frame.
struct Vertices {
    positions: Vec<[f32; 3]>,
    normals: Option<Vec<[f32; 3]>>,
    uvs: Option<Vec<[f32; 2]>>,
    colours: Option<Vec<[f32; 4]>>,
}

impl Vertices {
    fn new(primitive: &Primitive, transform_enu: &DMat4, kind: LayerKind) -> Self {
        let point = |p: &[f32; 3]| {
            let p = DVec3::new(f64::from(p[0]), f64::from(p[1]), f64::from(p[2]));
            scene_from_enu_vec(transform_enu.transform_point3(p)).to_array()
        };
        let direction = |n: &[f32; 3]| {
            let n = DVec3::new(f64::from(n[0]), f64::from(n[1]), f64::from(n[2]));
            scene_from_enu_vec(transform_enu.transform_vector3(n)).normalize_or(Vec3::Y).to_array()
        };
        let count = primitive.positions.len();
        // Photographs of the oblique mesh carry their own light; terrain gets shadows, so it must be lit.
        let colours = primitive.colours.as_ref().filter(|c| c.len() == count);
        Self {
            positions: primitive.positions.iter().map(point).collect(),
            normals: primitive.normals.as_ref().filter(|n| n.len() == count).map(|n| n.iter().map(direction).collect()),
            uvs: primitive.uvs.clone().filter(|u| u.len() == count),
            colours: colours
                .map(|c| c.iter().map(|c| c.map(|v| f32::from(v) / 255.0)).collect())
                .filter(|_| kind != LayerKind::Mesh),
        }
    }
}

fn part(
    primitive: &Primitive,
    vertices: &Vertices,
    indices: Vec<u32>,
    image: Option<usize>,
    masked: bool,
    kind: LayerKind,
) -> Part {
    let material = &primitive.material;
    let aabb = bounds(&vertices.positions);
    let mut mesh = Mesh::new(PrimitiveTopology::TriangleList, RenderAssetUsages::RENDER_WORLD)
        .with_inserted_attribute(Mesh::ATTRIBUTE_POSITION, vertices.positions.clone())
        .with_inserted_indices(Indices::U32(indices));
    match &vertices.normals {
        Some(normals) => mesh.insert_attribute(Mesh::ATTRIBUTE_NORMAL, normals.clone()),
        None => mesh.compute_smooth_normals(),
    }
    if let Some(uvs) = &vertices.uvs {
        mesh.insert_attribute(Mesh::ATTRIBUTE_UV_0, uvs.clone());
    }
    if let Some(colours) = &vertices.colours {
        mesh.insert_attribute(Mesh::ATTRIBUTE_COLOR, colours.clone());
    }
    let look = Look {
        base_colour: material.base_colour,
        metallic: material.metallic,
        roughness: material.roughness.max(0.35),
        unlit: material.unlit && kind == LayerKind::Mesh,
        double_sided: material.double_sided || kind == LayerKind::Bim,
        alpha: material.alpha,
    };
    Part { mesh, aabb, look, image: image.filter(|_| vertices.uvs.is_some()), masked }
}

fn bounds(positions: &[[f32; 3]]) -> Aabb {
    let (mut min, mut max) = (Vec3::INFINITY, Vec3::NEG_INFINITY);
    for p in positions {
        let p = Vec3::from_array(*p);
        min = min.min(p);
        max = max.max(p);
    }
    Aabb::from_min_max(min, max)
}

/// Decodes the texture of a primitive once per image.
fn texture(
    model: &GlbModel,
    primitive: &Primitive,
    slots: &mut [Option<usize>],
    out: &mut Decoded,
) -> Result<Option<usize>, String> {
    let Some(index) = primitive.material.texture else { return Ok(None) };
    let (Some(source), Some(slot)) = (model.images.get(index), slots.get_mut(index)) else { return Ok(None) };
    if slot.is_none() {
        out.images.push(decode_image(source, primitive.material.texture_repeat)?);
        *slot = Some(out.images.len() - 1);
    }
    Ok(*slot)
}

fn decode_image(source: &GlbImage, repeat: [bool; 2]) -> Result<Image, String> {
    let (width, height, rgba) = match source.mime {
        ImageMime::Jpeg => decode_jpeg(&source.bytes)?,
        ImageMime::Png => decode_png(&source.bytes)?,
        ImageMime::Webp | ImageMime::Ktx2 => {
            return Err(format!("texture of type {} is not read", source.mime.as_str()));
        }
    };
    let (data, levels) = with_mips(width, height, rgba);
    let size = Extent3d { width, height, depth_or_array_layers: 1 };
    let mut image =
        Image::new_uninit(size, TextureDimension::D2, TextureFormat::Rgba8UnormSrgb, RenderAssetUsages::RENDER_WORLD);
    image.data = Some(data);
    image.texture_descriptor.mip_level_count = levels;
    let address = |repeat| if repeat { ImageAddressMode::Repeat } else { ImageAddressMode::ClampToEdge };
    image.sampler = ImageSampler::Descriptor(ImageSamplerDescriptor {
        address_mode_u: address(repeat[0]),
        address_mode_v: address(repeat[1]),
        mag_filter: ImageFilterMode::Linear,
        min_filter: ImageFilterMode::Linear,
        mipmap_filter: ImageFilterMode::Linear,
        anisotropy_clamp: 8,
        ..default()
    });
    Ok(image)
}

/// Largest side of a texture that is accepted, pixels.
const MAX_SIDE: usize = 8192;

fn decode_jpeg(bytes: &[u8]) -> Result<(u32, u32, Vec<u8>), String> {
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(ColorSpace::RGBA)
        .set_max_width(MAX_SIDE)
        .set_max_height(MAX_SIDE);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let pixels = decoder.decode().map_err(|e| format!("JPEG: {e}"))?;
    let (width, height) = decoder.dimensions().ok_or("JPEG without a size")?;
    checked(width, height, pixels)
}

fn decode_png(bytes: &[u8]) -> Result<(u32, u32, Vec<u8>), String> {
    let image = Image::from_buffer(
        bytes,
        bevy::image::ImageType::Extension("png"),
        bevy::image::CompressedImageFormats::NONE,
        true,
        ImageSampler::Default,
        RenderAssetUsages::MAIN_WORLD,
    )
    .map_err(|e| format!("PNG: {e}"))?;
    let rgba = image.convert(TextureFormat::Rgba8UnormSrgb).ok_or("PNG of an unusual pixel format")?;
    let (width, height) = (rgba.width() as usize, rgba.height() as usize);
    checked(width, height, rgba.data.unwrap_or_default())
}

fn checked(width: usize, height: usize, pixels: Vec<u8>) -> Result<(u32, u32, Vec<u8>), String> {
    if width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE || pixels.len() != width * height * 4 {
        return Err(format!("image of {width} × {height} pixels: must be 1..{MAX_SIDE} on each side"));
    }
    Ok((width as u32, height as u32, pixels))
}

/// Appends the smaller levels by averaging 2 × 2 pixels. Returns all levels and their number.
fn with_mips(width: u32, height: u32, mut data: Vec<u8>) -> (Vec<u8>, u32) {
    let (mut w, mut h, mut start, mut levels) = (width as usize, height as usize, 0_usize, 1_u32);
    data.reserve(data.len() / 2);
    while w > 1 || h > 1 {
        let (nw, nh) = ((w / 2).max(1), (h / 2).max(1));
        let next = data.len();
        for y in 0..nh {
            let rows = [y * 2, (y * 2 + 1).min(h - 1)];
            for x in 0..nw {
                let columns = [x * 2, (x * 2 + 1).min(w - 1)];
                for channel in 0..4 {
                    let at = |row: usize, column: usize| u16::from(data[start + (row * w + column) * 4 + channel]);
                    let sum = at(rows[0], columns[0])
                        + at(rows[0], columns[1])
                        + at(rows[1], columns[0])
                        + at(rows[1], columns[1]);
                    data.push((sum / 4) as u8);
                }
            }
        }
        (w, h, start) = (nw, nh, next);
        levels += 1;
    }
    (data, levels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tiles3d::glb::{Column, ColumnValues, PropertyTable};
    use tiles3d::write_glb;

    fn model() -> GlbModel {
        let square = |x: f32| [[x, 0.0, 0.0], [x + 1.0, 0.0, 0.0], [x + 1.0, 1.0, 0.0], [x, 1.0, 0.0]];
        let primitive = Primitive {
            positions: [square(0.0), square(5.0)].concat(),
            feature_ids: Some(vec![0, 0, 0, 0, 1, 1, 1, 1]),
            indices: vec![0, 1, 2, 0, 2, 3, 4, 5, 6, 4, 6, 7],
            ..Default::default()
        };
        let column = Column { name: "entity".into(), values: ColumnValues::U32(vec![70, 90]) };
        let features = Some(PropertyTable { class: "feature".into(), columns: vec![column] });
        GlbModel { primitives: vec![primitive], images: vec![], features }
    }

    #[test]
    fn masked_buildings_get_a_part_of_their_own() {
        let bytes = write_glb(&model());
        let context = Context { kind: LayerKind::Buildings, masked: Arc::new(BTreeSet::from([90])) };
        let up = DMat4::from_translation(DVec3::new(0.0, 0.0, 10.0));
        let decoded = decode(&bytes, up, &context).unwrap();
        assert_eq!(decoded.parts.iter().map(|p| p.masked).collect::<Vec<_>>(), [false, true]);
        let hit = decoded.pick[0].cast(Vec3::new(0.5, 100.0, -0.4), Vec3::NEG_Y, 500.0).unwrap();
        assert_eq!(hit.entity, Some(70));
        assert!((hit.distance - 90.0).abs() < 1e-3);
        assert!(decoded.pick[0].cast(Vec3::new(5.5, 100.0, -0.4), Vec3::NEG_Y, 500.0).is_none());
    }

    #[test]
    fn mips_go_down_to_one_pixel() {
        let (data, levels) = with_mips(4, 2, vec![100; 4 * 2 * 4]);
        assert_eq!(levels, 3);
        assert_eq!(data.len(), (8 + 2 + 1) * 4);
        assert!(data.iter().all(|v| *v == 100));
    }

    #[test]
    fn rubbish_is_an_error() {
        let context = Context { kind: LayerKind::Bim, masked: Arc::default() };
        assert!(decode(b"not a glb", DMat4::IDENTITY, &context).is_err());
        let bad = GlbImage { mime: ImageMime::Jpeg, bytes: vec![0xFF, 0xD8, 0xFF, 1, 2, 3] };
        assert!(decode_image(&bad, [false; 2]).is_err());
    }
}
