//! The reader.

use std::collections::BTreeMap;

use glam::{DMat3, DMat4, DQuat, DVec3, DVec4};
use serde::Deserialize;
use serde_json::Value;

use super::access::{Accessor, View, Views};
use super::metadata::{self, Structural};
use super::{AlphaMode, GlbError, GlbImage, GlbModel, ImageMime, Material, Primitive, y_up_to_z_up};

/// What a file holds that a [`GlbModel`] does not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GlbReport {
    /// Primitives of points or lines that were left out.
    pub skipped_points_and_lines: usize,
    /// Columns of the property table of kinds that are not kept.
    pub skipped_properties: Vec<String>,
    /// Optional extensions that were not looked at.
    pub ignored_extensions: Vec<String>,
}

/// Extensions that are read; a file may require them.
const KNOWN: [&str; 4] =
    ["KHR_materials_unlit", "KHR_mesh_quantization", "EXT_mesh_features", "EXT_structural_metadata"];
/// Extensions without which a file shows something else, required or not.
const REFUSED: [&str; 2] = ["EXT_mesh_gpu_instancing", "KHR_draco_mesh_compression"];
/// Deepest node nesting.
const MAX_DEPTH: usize = 64;
/// Most vertices and indices of one model.
const MAX_ELEMENTS: usize = 1 << 25;

/// Reads a `.glb` into tile-local z-up metres: node transforms are applied, strips and fans become triangles.
///
/// # Errors
/// Names the byte or the JSON item that is wrong or not supported (Draco, meshopt, sparse accessors, instancing,
/// external files).
pub fn read_glb(bytes: &[u8]) -> Result<GlbModel, GlbError> {
    read_glb_with_report(bytes).map(|(model, _)| model)
}

/// Like [`read_glb`], and tells what was left out.
///
/// # Errors
/// As [`read_glb`].
pub fn read_glb_with_report(bytes: &[u8]) -> Result<(GlbModel, GlbReport), GlbError> {
    let (json, bin) = chunks(bytes)?;
    let root: Root = serde_json::from_slice(json).map_err(|e| GlbError::Json(e.to_string()))?;
    let mut report = GlbReport::default();
    check_extensions(&root, &mut report)?;
    if root.buffers.iter().any(|buffer| buffer.uri.is_some()) {
        return Err(unsupported("buffers", "a buffer outside the file"));
    }
    let views = Views { bin, views: &root.buffer_views, accessors: &root.accessors };
    let mut reader = Reader {
        root: &root,
        views,
        model: GlbModel::default(),
        report,
        visited: vec![false; root.nodes.len()],
        elements: 0,
        table: None,
    };
    reader.images()?;
    for index in reader.roots()? {
        reader.node(index, DMat4::IDENTITY, 0)?;
    }
    if let Some(extension) = root.extensions.get("EXT_structural_metadata") {
        let structural = Structural::deserialize(extension).map_err(|e| GlbError::Json(e.to_string()))?;
        let index = reader.table.unwrap_or(0);
        reader.model.features = metadata::read(&structural, index, &reader.views, &mut reader.report)?;
    }
    Ok((reader.model, reader.report))
}

fn container_error(offset: usize, what: impl Into<String>) -> GlbError {
    GlbError::Container { offset, what: what.into() }
}

fn unsupported(item: impl Into<String>, what: impl Into<String>) -> GlbError {
    GlbError::Unsupported { item: item.into(), what: what.into() }
}

fn invalid(item: impl Into<String>, what: impl Into<String>) -> GlbError {
    GlbError::Invalid { item: item.into(), what: what.into() }
}

/// Splits the container into its JSON and binary chunks.
fn chunks(bytes: &[u8]) -> Result<(&[u8], &[u8]), GlbError> {
    let word = |at: usize| bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    if !bytes.starts_with(b"glTF") {
        return Err(container_error(0, "not a glb (expected the letters glTF)"));
    }
    if word(4) != Some(2) {
        return Err(container_error(4, "expected version 2"));
    }
    let total = word(8).map_or(0, |n| n as usize);
    if total > bytes.len() || total < 20 {
        return Err(container_error(8, format!("the header says {total} bytes, the file has {}", bytes.len())));
    }
    let (mut json, mut bin) = (None, None);
    let mut at = 12_usize;
    while at + 8 <= total {
        let length = word(at).map_or(0, |n| n as usize);
        let kind = bytes.get(at + 4..at + 8).unwrap_or_default();
        let end = at.checked_add(8).and_then(|start| start.checked_add(length)).filter(|end| *end <= total);
        let Some(chunk) = end.and_then(|end| bytes.get(at + 8..end)) else {
            return Err(container_error(at, format!("a chunk of {length} bytes does not fit the file")));
        };
        match kind {
            b"JSON" if json.is_none() => json = Some(chunk),
            b"BIN\0" if bin.is_none() => bin = Some(chunk),
            _ => {}
        }
        at += 8 + length;
    }
    let json = json.ok_or_else(|| container_error(12, "there is no JSON chunk"))?;
    Ok((json, bin.unwrap_or_default()))
}

fn check_extensions(root: &Root, report: &mut GlbReport) -> Result<(), GlbError> {
    for name in &root.extensions_required {
        if !KNOWN.contains(&name.as_str()) {
            return Err(unsupported("extensionsRequired", name.clone()));
        }
    }
    for name in &root.extensions_used {
        if REFUSED.contains(&name.as_str()) || name.contains("meshopt") {
            return Err(unsupported("extensionsUsed", name.clone()));
        }
        if !KNOWN.contains(&name.as_str()) {
            report.ignored_extensions.push(name.clone());
        }
    }
    Ok(())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Root {
    extensions_used: Vec<String>,
    extensions_required: Vec<String>,
    extensions: BTreeMap<String, Value>,
    scene: Option<usize>,
    scenes: Vec<Scene>,
    nodes: Vec<Node>,
    meshes: Vec<Mesh>,
    accessors: Vec<Accessor>,
    buffer_views: Vec<View>,
    buffers: Vec<Buffer>,
    materials: Vec<GltfMaterial>,
    textures: Vec<Texture>,
    samplers: Vec<Sampler>,
    images: Vec<Image>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Buffer {
    uri: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Scene {
    nodes: Vec<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Node {
    mesh: Option<usize>,
    children: Vec<usize>,
    matrix: Option<[f64; 16]>,
    translation: Option<[f64; 3]>,
    rotation: Option<[f64; 4]>,
    scale: Option<[f64; 3]>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Mesh {
    primitives: Vec<GltfPrimitive>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct GltfPrimitive {
    attributes: BTreeMap<String, usize>,
    indices: Option<usize>,
    material: Option<usize>,
    mode: Option<u32>,
    extensions: BTreeMap<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct GltfMaterial {
    pbr_metallic_roughness: Pbr,
    alpha_mode: Option<String>,
    alpha_cutoff: Option<f32>,
    double_sided: bool,
    extensions: BTreeMap<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Pbr {
    base_color_factor: Option<[f32; 4]>,
    base_color_texture: Option<TextureRef>,
    metallic_factor: Option<f32>,
    roughness_factor: Option<f32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct TextureRef {
    index: usize,
    tex_coord: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Texture {
    source: Option<usize>,
    sampler: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Sampler {
    wrap_s: Option<u32>,
    wrap_t: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Image {
    uri: Option<String>,
    mime_type: Option<String>,
    buffer_view: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FeatureIds {
    feature_ids: Vec<FeatureSet>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FeatureSet {
    attribute: Option<u32>,
    texture: Option<Value>,
    property_table: Option<usize>,
}

struct Reader<'a> {
    root: &'a Root,
    views: Views<'a>,
    model: GlbModel,
    report: GlbReport,
    visited: Vec<bool>,
    elements: usize,
    table: Option<usize>,
}

impl Reader<'_> {
    fn images(&mut self) -> Result<(), GlbError> {
        for (i, image) in self.root.images.iter().enumerate() {
            let item = format!("images[{i}]");
            let Some(view) = image.buffer_view else {
                let name = image.uri.as_deref().unwrap_or("").chars().take(60).collect::<String>();
                return Err(unsupported(item, format!("an image outside the binary chunk ({name})")));
            };
            let bytes = self.views.bytes(view)?;
            let Some(mime) = ImageMime::detect(image.mime_type.as_deref(), bytes) else {
                return Err(unsupported(item, "an image that is not JPEG, PNG, WebP or KTX2"));
            };
            self.model.images.push(GlbImage { mime, bytes: bytes.to_vec() });
        }
        Ok(())
    }

    /// Top nodes of the scene to show; all nodes without a parent when there is no scene.
    fn roots(&self) -> Result<Vec<usize>, GlbError> {
        if self.root.scenes.is_empty() {
            let mut child = vec![false; self.root.nodes.len()];
            for index in self.root.nodes.iter().flat_map(|node| &node.children) {
                if let Some(slot) = child.get_mut(*index) {
                    *slot = true;
                }
            }
            return Ok(child.iter().enumerate().filter(|(_, is_child)| !**is_child).map(|(i, _)| i).collect());
        }
        let index = self.root.scene.unwrap_or(0);
        let scene = self
            .root
            .scenes
            .get(index)
            .ok_or_else(|| invalid("scene", format!("{index} of {} scenes", self.root.scenes.len())))?;
        Ok(scene.nodes.clone())
    }

    fn node(&mut self, index: usize, above: DMat4, depth: usize) -> Result<(), GlbError> {
        let item = || format!("nodes[{index}]");
        let root = self.root;
        let (Some(node), Some(visited)) = (root.nodes.get(index), self.visited.get_mut(index)) else {
            return Err(invalid(item(), format!("there are only {} nodes", root.nodes.len())));
        };
        if std::mem::replace(visited, true) {
            return Err(invalid(item(), "the node has more than one parent"));
        }
        if depth > MAX_DEPTH {
            return Err(invalid(item(), format!("nodes are nested deeper than {MAX_DEPTH} levels")));
        }
        let matrix = above * local_matrix(node);
        if !matrix.is_finite() {
            return Err(invalid(item(), "the transform is not finite"));
        }
        if let Some(mesh) = node.mesh {
            let Some(mesh_ref) = root.meshes.get(mesh) else {
                return Err(invalid(item(), format!("mesh {mesh} of {} meshes", root.meshes.len())));
            };
            for (i, primitive) in mesh_ref.primitives.iter().enumerate() {
                self.primitive(primitive, &matrix, &format!("meshes[{mesh}].primitives[{i}]"))?;
            }
        }
        node.children.iter().try_for_each(|child| self.node(*child, matrix, depth + 1))
    }

    fn primitive(&mut self, primitive: &GltfPrimitive, matrix: &DMat4, item: &str) -> Result<(), GlbError> {
        let mode = primitive.mode.unwrap_or(4);
        if mode < 4 {
            self.report.skipped_points_and_lines += 1;
            return Ok(());
        }
        if mode > 6 {
            return Err(invalid(item, format!("mode {mode} is not 0 to 6")));
        }
        if primitive.extensions.keys().any(|k| k.contains("draco")) {
            return Err(unsupported(item, "KHR_draco_mesh_compression"));
        }
        let Some(position) = primitive.attributes.get("POSITION") else {
            return Ok(());
        };
        let positions = self.views.elements(*position)?.floats::<3>(0.0);
        let n = positions.len();
        let (material, tex_coord) = self.material(primitive.material, item)?;
        let indices = self.indices(primitive.indices, mode, n, item)?;
        self.elements = self.elements.saturating_add(n).saturating_add(indices.len());
        if self.elements > MAX_ELEMENTS {
            return Err(invalid(item, format!("more than {MAX_ELEMENTS} vertices and indices in one model")));
        }
        let mut out = Primitive { indices, material, ..Primitive::default() };
        out.normals = self.attribute::<3>(primitive, "NORMAL", n, 0.0, item)?;
        out.uvs = self.attribute::<2>(primitive, &format!("TEXCOORD_{tex_coord}"), n, 0.0, item)?;
        let byte = |x: f32| (x.clamp(0.0, 1.0) * 255.0).round() as u8;
        out.colours = self
            .attribute::<4>(primitive, "COLOR_0", n, 1.0, item)?
            .map(|v| v.into_iter().map(|c| c.map(byte)).collect());
        out.feature_ids = self.feature_ids(primitive, n, item)?;
        place(&mut out, positions, matrix);
        self.model.primitives.push(out);
        Ok(())
    }

    fn attribute<const N: usize>(
        &self,
        primitive: &GltfPrimitive,
        name: &str,
        n: usize,
        fill: f32,
        item: &str,
    ) -> Result<Option<Vec<[f32; N]>>, GlbError> {
        let Some(index) = primitive.attributes.get(name) else {
            return Ok(None);
        };
        let elements = self.views.elements(*index)?;
        if elements.count != n {
            return Err(invalid(item, format!("{name} has {} elements for {n} vertices", elements.count)));
        }
        Ok(Some(elements.floats::<N>(fill)))
    }

    /// Ids from the first feature id set, or from the attribute that older files carry without the extension.
    fn feature_ids(&mut self, primitive: &GltfPrimitive, n: usize, item: &str) -> Result<Option<Vec<u32>>, GlbError> {
        let sets = match primitive.extensions.get("EXT_mesh_features") {
            Some(extension) => {
                FeatureIds::deserialize(extension).map_err(|e| GlbError::Json(format!("{item}: {e}")))?.feature_ids
            }
            None => Vec::new(),
        };
        let name = match sets.first() {
            Some(set) if set.texture.is_some() => return Ok(None),
            Some(set) => {
                self.table = self.table.or(set.property_table);
                match set.attribute {
                    Some(n) => format!("_FEATURE_ID_{n}"),
                    None => return Ok(Some((0..u32::try_from(n).unwrap_or(u32::MAX)).collect())),
                }
            }
            None if primitive.attributes.contains_key("_BATCHID") => "_BATCHID".to_owned(),
            None => "_FEATURE_ID_0".to_owned(),
        };
        let Some(index) = primitive.attributes.get(&name) else {
            return if sets.is_empty() { Ok(None) } else { Err(invalid(item, format!("attribute {name} is missing"))) };
        };
        let elements = self.views.elements(*index)?;
        if elements.count != n {
            return Err(invalid(item, format!("{name} has {} elements for {n} vertices", elements.count)));
        }
        Ok(Some(elements.whole()))
    }

    fn indices(&self, accessor: Option<usize>, mode: u32, n: usize, item: &str) -> Result<Vec<u32>, GlbError> {
        let list = match accessor {
            Some(index) => {
                let elements = self.views.elements(index)?;
                if !matches!(elements.component_type, 5121 | 5123 | 5125) || elements.components != 1 {
                    return Err(invalid(item, "indices are not unsigned whole numbers"));
                }
                elements.whole()
            }
            None => (0..u32::try_from(n).unwrap_or(u32::MAX)).collect(),
        };
        if let Some(bad) = list.iter().find(|i| **i as usize >= n) {
            return Err(invalid(item, format!("index {bad} of {n} vertices")));
        }
        let turned = |(i, t): (usize, &[u32])| if i % 2 == 0 { [t[0], t[1], t[2]] } else { [t[1], t[0], t[2]] };
        Ok(match mode {
            4 => list.chunks_exact(3).flatten().copied().collect(),
            5 => list.windows(3).enumerate().flat_map(turned).collect(),
            _ => list.windows(2).skip(1).flat_map(|t| [list[0], t[0], t[1]]).collect(),
        })
    }

    fn material(&self, index: Option<usize>, item: &str) -> Result<(Material, u32), GlbError> {
        let Some(index) = index else {
            return Ok((Material { metallic: 1.0, ..Material::default() }, 0));
        };
        let Some(source) = self.root.materials.get(index) else {
            return Err(invalid(item, format!("material {index} of {} materials", self.root.materials.len())));
        };
        let pbr = &source.pbr_metallic_roughness;
        let mut out = Material {
            base_colour: pbr.base_color_factor.unwrap_or([1.0; 4]),
            metallic: pbr.metallic_factor.unwrap_or(1.0),
            roughness: pbr.roughness_factor.unwrap_or(1.0),
            unlit: source.extensions.contains_key("KHR_materials_unlit"),
            double_sided: source.double_sided,
            ..Material::default()
        };
        out.alpha = match source.alpha_mode.as_deref() {
            Some("MASK") => AlphaMode::Mask(source.alpha_cutoff.unwrap_or(0.5)),
            Some("BLEND") => AlphaMode::Blend,
            _ => AlphaMode::Opaque,
        };
        let Some(reference) = &pbr.base_color_texture else {
            return Ok((out, 0));
        };
        let Some(texture) = self.root.textures.get(reference.index) else {
            return Err(invalid(
                format!("materials[{index}]"),
                format!("texture {} of {} textures", reference.index, self.root.textures.len()),
            ));
        };
        out.texture = texture.source.filter(|source| *source < self.model.images.len());
        let sampler = texture.sampler.and_then(|s| self.root.samplers.get(s));
        let repeats = |wrap: Option<u32>| wrap.unwrap_or(10497) != 33071;
        out.texture_repeat = [repeats(sampler.and_then(|s| s.wrap_s)), repeats(sampler.and_then(|s| s.wrap_t))];
        Ok((out, reference.tex_coord))
    }
}

fn local_matrix(node: &Node) -> DMat4 {
    if let Some(matrix) = &node.matrix {
        return DMat4::from_cols_array(matrix);
    }
    let scale = node.scale.map_or(DVec3::ONE, DVec3::from_array);
    let rotation = node.rotation.map_or(DQuat::IDENTITY, |q| {
        let q = DVec4::from_array(q);
        if q.length_squared() > 0.0 && q.is_finite() { DQuat::from_vec4(q.normalize()) } else { DQuat::IDENTITY }
    });
    let translation = node.translation.map_or(DVec3::ZERO, DVec3::from_array);
    DMat4::from_scale_rotation_translation(scale, rotation, translation)
}

/// Applies the node's transform and turns to z-up.
fn place(out: &mut Primitive, positions: Vec<[f32; 3]>, matrix: &DMat4) {
    if *matrix == DMat4::IDENTITY {
        out.positions = positions.into_iter().map(y_up_to_z_up).collect();
        out.normals = out.normals.take().map(|normals| normals.into_iter().map(y_up_to_z_up).collect());
        return;
    }
    let point =
        |p: [f32; 3]| y_up_to_z_up(matrix.transform_point3(DVec3::from_array(p.map(f64::from))).as_vec3().to_array());
    out.positions = positions.into_iter().map(point).collect();
    let linear = DMat3::from_mat4(*matrix);
    let determinant = linear.determinant();
    // cofactor matrix: inverse transpose without the division, so that flat scales do not break it
    let cofactor = DMat3::from_cols(
        linear.y_axis.cross(linear.z_axis),
        linear.z_axis.cross(linear.x_axis),
        linear.x_axis.cross(linear.y_axis),
    ) * determinant.signum();
    let normal = |n: [f32; 3]| {
        y_up_to_z_up((cofactor * DVec3::from_array(n.map(f64::from))).normalize_or(DVec3::Y).as_vec3().to_array())
    };
    out.normals = out.normals.take().map(|normals| normals.into_iter().map(normal).collect());
    if determinant < 0.0 {
        out.indices.chunks_exact_mut(3).for_each(|t| t.swap(1, 2));
    }
}
