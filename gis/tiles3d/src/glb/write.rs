//! The writer.

use serde_json::{Map, Value, json};

use super::metadata::{self, safe_name};
use super::{AlphaMode, GlbModel, Material, Primitive, z_up_to_y_up};

/// glTF constants (glTF 2.0 specification, sections 3.6 and 3.8).
const FLOAT: u32 = 5126;
const UNSIGNED_BYTE: u32 = 5121;
const UNSIGNED_SHORT: u32 = 5123;
const UNSIGNED_INT: u32 = 5125;
const ARRAY_BUFFER: u32 = 34962;
const ELEMENT_ARRAY_BUFFER: u32 = 34963;

/// Writes a model as `.glb`.
///
/// Primitives without triangles are left out, and so are attributes whose length is not that of the positions,
/// triangles with an index out of range, and texture indices without an image.
#[must_use]
pub fn write_glb(model: &GlbModel) -> Vec<u8> {
    let mut writer = Writer::default();
    let primitives: Vec<Value> = model.primitives.iter().filter_map(|p| writer.primitive(p, model)).collect();
    for image in &model.images {
        let view = writer.view(&image.bytes, None, None);
        writer.images.push(json!({ "mimeType": image.mime.as_str(), "bufferView": view }));
    }
    let table = model.features.as_ref().filter(|table| table.rows() > 0);
    let structural = table.map(|table| metadata::write(table, &mut |bytes: &[u8]| writer.view(bytes, None, None)));
    writer.finish(primitives, structural)
}

#[derive(Default)]
struct Writer {
    bin: Vec<u8>,
    views: Vec<Value>,
    accessors: Vec<Value>,
    images: Vec<Value>,
    materials: Vec<Material>,
    textures: Vec<(usize, [bool; 2])>,
}

impl Writer {
    /// Adds bytes as a buffer view. Everything starts at a multiple of 8, which satisfies both accessors (4) and
    /// property tables (8).
    fn view(&mut self, bytes: &[u8], target: Option<u32>, stride: Option<usize>) -> usize {
        self.bin.resize(self.bin.len().next_multiple_of(8), 0);
        let mut view = json!({ "buffer": 0, "byteOffset": self.bin.len(), "byteLength": bytes.len() });
        if let Some(target) = target {
            view["target"] = json!(target);
        }
        if let Some(stride) = stride {
            view["byteStride"] = json!(stride);
        }
        self.bin.extend(bytes);
        self.views.push(view);
        self.views.len() - 1
    }

    fn accessor(&mut self, accessor: Value) -> usize {
        self.accessors.push(accessor);
        self.accessors.len() - 1
    }

    fn floats<const N: usize>(
        &mut self,
        values: impl Iterator<Item = [f32; N]> + Clone,
        count: usize,
        bounds: bool,
    ) -> usize {
        let bytes: Vec<u8> = values.clone().flatten().flat_map(f32::to_le_bytes).collect();
        let view = self.view(&bytes, Some(ARRAY_BUFFER), None);
        let kind = if N == 3 { "VEC3" } else { "VEC2" };
        let mut accessor = json!({ "bufferView": view, "componentType": FLOAT, "count": count, "type": kind });
        if bounds {
            let mut min = [f32::INFINITY; N];
            let mut max = [f32::NEG_INFINITY; N];
            for value in values {
                for i in 0..N {
                    min[i] = min[i].min(value[i]);
                    max[i] = max[i].max(value[i]);
                }
            }
            // JSON has no infinity: a mesh of nothing but NaN gets a bound of zero
            let finite = |v: [f32; N]| v.map(|x| if x.is_finite() { x } else { 0.0 }).to_vec();
            accessor["min"] = json!(finite(min));
            accessor["max"] = json!(finite(max));
        }
        self.accessor(accessor)
    }

    fn primitive(&mut self, primitive: &Primitive, model: &GlbModel) -> Option<Value> {
        let n = primitive.positions.len();
        let inside = |t: &&[u32]| t.iter().all(|i| (*i as usize) < n);
        let indices: Vec<u32> = primitive.indices.chunks_exact(3).filter(inside).flatten().copied().collect();
        if indices.is_empty() {
            return None;
        }
        let mut attributes = Map::new();
        let positions = primitive.positions.iter().copied().map(z_up_to_y_up);
        attributes.insert("POSITION".into(), self.floats(positions, n, true).into());
        if let Some(normals) = primitive.normals.as_ref().filter(|v| v.len() == n) {
            attributes.insert("NORMAL".into(), self.floats(normals.iter().copied().map(z_up_to_y_up), n, false).into());
        }
        if let Some(uvs) = primitive.uvs.as_ref().filter(|v| v.len() == n) {
            attributes.insert("TEXCOORD_0".into(), self.floats(uvs.iter().copied(), n, false).into());
        }
        if let Some(colours) = primitive.colours.as_ref().filter(|v| v.len() == n) {
            let view = self.view(colours.as_flattened(), Some(ARRAY_BUFFER), None);
            let accessor = json!({ "bufferView": view, "componentType": UNSIGNED_BYTE, "normalized": true, "count": n, "type": "VEC4" });
            attributes.insert("COLOR_0".into(), self.accessor(accessor).into());
        }
        let mut out = json!({ "mode": 4, "indices": self.indices(&indices, n), "material": self.material(&primitive.material, model) });
        if let Some(ids) = primitive.feature_ids.as_ref().filter(|v| v.len() == n) {
            attributes.insert("_FEATURE_ID_0".into(), self.feature_ids(ids).into());
            out["extensions"] = json!({ "EXT_mesh_features": { "featureIds": [feature_set(ids, model)] } });
        }
        out["attributes"] = Value::Object(attributes);
        Some(out)
    }

    fn indices(&mut self, indices: &[u32], vertices: usize) -> usize {
        // 65535 is the restart value, which indices must not contain
        let short = vertices <= 65535;
        let bytes: Vec<u8> = if short {
            indices.iter().flat_map(|i| (*i as u16).to_le_bytes()).collect()
        } else {
            indices.iter().flat_map(|i| i.to_le_bytes()).collect()
        };
        let view = self.view(&bytes, Some(ELEMENT_ARRAY_BUFFER), None);
        let component = if short { UNSIGNED_SHORT } else { UNSIGNED_INT };
        self.accessor(
            json!({ "bufferView": view, "componentType": component, "count": indices.len(), "type": "SCALAR" }),
        )
    }

    /// 16-bit integers (padded to 4 bytes, as vertex attributes must be) when they suffice, floats otherwise.
    fn feature_ids(&mut self, ids: &[u32]) -> usize {
        let short = ids.iter().all(|id| *id <= 0xFFFF);
        let (bytes, component, stride): (Vec<u8>, u32, Option<usize>) = if short {
            (ids.iter().flat_map(|id| id.to_le_bytes()).collect(), UNSIGNED_SHORT, Some(4))
        } else {
            (ids.iter().flat_map(|id| (*id as f32).to_le_bytes()).collect(), FLOAT, None)
        };
        let view = self.view(&bytes, Some(ARRAY_BUFFER), stride);
        self.accessor(json!({ "bufferView": view, "componentType": component, "count": ids.len(), "type": "SCALAR" }))
    }

    /// Index of an equal material, added when it is new.
    fn material(&mut self, material: &Material, model: &GlbModel) -> usize {
        let mut material = material.clone();
        material.texture = material.texture.filter(|image| *image < model.images.len());
        if let Some(at) = self.materials.iter().position(|known| *known == material) {
            return at;
        }
        self.materials.push(material);
        self.materials.len() - 1
    }

    fn material_json(&mut self, material: &Material) -> Value {
        let mut pbr = json!({ "baseColorFactor": material.base_colour, "metallicFactor": material.metallic, "roughnessFactor": material.roughness });
        if let Some(image) = material.texture {
            let key = (image, material.texture_repeat);
            let at = self.textures.iter().position(|known| *known == key).unwrap_or_else(|| {
                self.textures.push(key);
                self.textures.len() - 1
            });
            pbr["baseColorTexture"] = json!({ "index": at });
        }
        let mut out = json!({ "pbrMetallicRoughness": pbr });
        match material.alpha {
            AlphaMode::Opaque => {}
            AlphaMode::Mask(cutoff) => {
                out["alphaMode"] = json!("MASK");
                out["alphaCutoff"] = json!(cutoff);
            }
            AlphaMode::Blend => out["alphaMode"] = json!("BLEND"),
        }
        if material.double_sided {
            out["doubleSided"] = json!(true);
        }
        if material.unlit {
            out["extensions"] = json!({ "KHR_materials_unlit": {} });
        }
        out
    }

    fn finish(mut self, primitives: Vec<Value>, structural: Option<Value>) -> Vec<u8> {
        let materials = std::mem::take(&mut self.materials);
        let materials_json: Vec<Value> = materials.iter().map(|m| self.material_json(m)).collect();
        let mut root = json!({
            "asset": { "version": "2.0", "generator": concat!("tiles3d ", env!("CARGO_PKG_VERSION")) },
            "scene": 0,
            "scenes": [{}],
        });
        let mut used: Vec<&str> = Vec::new();
        if primitives.iter().any(|p| p.get("extensions").is_some()) {
            used.push("EXT_mesh_features");
        }
        if let Some(structural) = structural {
            used.push("EXT_structural_metadata");
            root["extensions"] = json!({ "EXT_structural_metadata": structural });
        }
        if materials.iter().any(|m| m.unlit) {
            used.push("KHR_materials_unlit");
        }
        if !primitives.is_empty() {
            root["scenes"] = json!([{ "nodes": [0] }]);
            root["nodes"] = json!([{ "mesh": 0 }]);
            root["meshes"] = json!([{ "primitives": primitives }]);
        }
        let wrap = |repeat: bool| if repeat { 10497 } else { 33071 };
        let sampler = |(_, [u, v]): &(usize, [bool; 2])| json!({ "magFilter": 9729, "minFilter": 9987, "wrapS": wrap(*u), "wrapT": wrap(*v) });
        let samplers: Vec<Value> = self.textures.iter().map(sampler).collect();
        let textures: Vec<Value> =
            self.textures.iter().enumerate().map(|(i, (image, _))| json!({ "sampler": i, "source": image })).collect();
        // glTF forbids empty arrays
        let lists = [
            ("materials", materials_json),
            ("samplers", samplers),
            ("textures", textures),
            ("images", self.images),
            ("accessors", self.accessors),
            ("bufferViews", self.views),
            ("extensionsUsed", used.into_iter().map(Value::from).collect()),
        ];
        for (name, list) in lists {
            if !list.is_empty() {
                root[name] = Value::Array(list);
            }
        }
        self.bin.resize(self.bin.len().next_multiple_of(4), 0);
        if !self.bin.is_empty() {
            root["buffers"] = json!([{ "byteLength": self.bin.len() }]);
        }
        container(&root.to_string(), &self.bin)
    }
}

/// Declares the set of feature ids of one primitive.
fn feature_set(ids: &[u32], model: &GlbModel) -> Value {
    let rows = model.features.as_ref().map_or(0, super::PropertyTable::rows);
    if rows > 0 {
        return json!({ "featureCount": rows, "attribute": 0, "propertyTable": 0 });
    }
    let mut distinct = ids.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    json!({ "featureCount": distinct.len(), "attribute": 0 })
}

/// The binary container: header, JSON chunk, binary chunk.
fn container(text: &str, bin: &[u8]) -> Vec<u8> {
    let mut json = text.as_bytes().to_vec();
    json.resize(json.len().next_multiple_of(4), b' ');
    let total = 12 + 8 + json.len() + if bin.is_empty() { 0 } else { 8 + bin.len() };
    let mut out = Vec::with_capacity(total);
    let word = |out: &mut Vec<u8>, n: usize| out.extend(u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes());
    out.extend(b"glTF");
    word(&mut out, 2);
    word(&mut out, total);
    word(&mut out, json.len());
    out.extend(b"JSON");
    out.extend(json);
    if !bin.is_empty() {
        word(&mut out, bin.len());
        out.extend(b"BIN\0");
        out.extend(bin);
    }
    out
}

/// Identifier for use in the schema; see [`safe_name`].
pub(super) fn identifier(name: &str, fallback: &str) -> String {
    let safe = safe_name(name);
    if safe.is_empty() { fallback.to_owned() } else { safe }
}
