//! Models: what is written reads back, ordinary files read, damaged ones are refused.

use proptest::prelude::*;
use serde_json::{Value, json};
use tiles3d::glb::{AlphaMode, Column, ColumnValues, ImageMime, read_glb_with_report};
use tiles3d::{GlbImage, GlbModel, Material, Primitive, PropertyTable, read_glb, write_glb};

fn sample() -> GlbModel {
    let textured = Primitive {
        positions: vec![[0.0, 0.0, 0.0], [10.0, 0.5, 0.25], [10.0, 20.0, 3.0], [-1.5, 20.0, 3.0]],
        normals: Some(vec![[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, -0.6, 0.8]]),
        uvs: Some(vec![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.5]]),
        indices: vec![0, 1, 2, 0, 2, 3],
        material: Material { texture: Some(0), unlit: true, double_sided: true, ..Material::default() },
        ..Primitive::default()
    };
    let coloured = Primitive {
        positions: vec![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 10.0]],
        colours: Some(vec![[255, 0, 0, 255], [0, 128, 0, 255], [0, 0, 1, 64]]),
        feature_ids: Some(vec![0, 1, 1]),
        indices: vec![2, 1, 0],
        material: Material {
            base_colour: [0.5, 0.25, 0.125, 0.75],
            roughness: 0.5,
            metallic: 0.25,
            alpha: AlphaMode::Mask(0.25),
            ..Material::default()
        },
        ..Primitive::default()
    };
    let blended = Primitive {
        feature_ids: Some(vec![70_000, 1, 0]),
        material: Material {
            texture: Some(1),
            texture_repeat: [true, false],
            alpha: AlphaMode::Blend,
            ..Material::default()
        },
        ..coloured.clone()
    };
    let columns = vec![
        Column { name: "entity".into(), values: ColumnValues::U32(vec![11, 22]) },
        Column { name: "名称".into(), values: ColumnValues::String(vec!["甲栋".into(), String::new()]) },
        Column { name: "height_m".into(), values: ColumnValues::F32(vec![1.5, -2.25]) },
        Column { name: "area".into(), values: ColumnValues::F64(vec![0.1, 1e300]) },
    ];
    GlbModel {
        primitives: vec![textured, coloured, blended],
        images: vec![
            GlbImage { mime: ImageMime::Jpeg, bytes: vec![0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3] },
            GlbImage { mime: ImageMime::Png, bytes: b"\x89PNG\r\n\x1a\n123".to_vec() },
        ],
        features: Some(PropertyTable { class: "building".into(), columns }),
    }
}

/// The two chunks of a file.
fn split(glb: &[u8]) -> (Value, Vec<u8>) {
    let length = u32::from_le_bytes(glb[12..16].try_into().unwrap()) as usize;
    (serde_json::from_slice(&glb[20..20 + length]).unwrap(), glb[20 + length + 8..].to_vec())
}

/// A file of a JSON part and a binary part.
fn join(json: &Value, bin: &[u8]) -> Vec<u8> {
    let mut text = json.to_string().into_bytes();
    text.resize(text.len().next_multiple_of(4), b' ');
    let mut bin = bin.to_vec();
    bin.resize(bin.len().next_multiple_of(4), 0);
    let mut out = b"glTF\x02\0\0\0".to_vec();
    out.extend((12 + 8 + text.len() as u32 + 8 + bin.len() as u32).to_le_bytes());
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(b"JSON");
    out.extend(text);
    out.extend((bin.len() as u32).to_le_bytes());
    out.extend(b"BIN\0");
    out.extend(bin);
    out
}

#[test]
fn round_trip() {
    let model = sample();
    let (read, report) = read_glb_with_report(&write_glb(&model)).unwrap();
    assert_eq!(read, model);
    assert_eq!(report, tiles3d::glb::GlbReport::default());
    let table = read.features.unwrap();
    assert_eq!(
        (table.rows(), table.u32("entity", 1), table.text("名称", 0), table.number("height_m", 1)),
        (2, Some(22), Some("甲栋"), Some(-2.25))
    );
    assert_eq!((table.u32("entity", 2), table.text("none", 0)), (None, None));
}

#[test]
fn many_vertices_need_wide_indices() {
    let n = 70_000_u32;
    let positions = (0..n).map(|i| [i as f32, 0.0, 1.0]).collect();
    let primitive = Primitive { positions, indices: vec![0, 1, n - 1], ..Primitive::default() };
    let model = GlbModel { primitives: vec![primitive], ..GlbModel::default() };
    assert_eq!(read_glb(&write_glb(&model)).unwrap(), model);
}

#[test]
fn file_is_y_up_and_aligned() {
    let (json, bin) = split(&write_glb(&sample()));
    let accessor =
        &json["accessors"][json["meshes"][0]["primitives"][0]["attributes"]["POSITION"].as_u64().unwrap() as usize];
    // z-up bounds x -1.5..10, y 0..20, z 0..3 become y-up x, z, -y
    assert_eq!((&accessor["min"], &accessor["max"]), (&json!([-1.5, 0.0, -20.0]), &json!([10.0, 3.0, 0.0])));
    for view in json["bufferViews"].as_array().unwrap() {
        assert_eq!(view["byteOffset"].as_u64().unwrap() % 8, 0);
        assert!(view["byteOffset"].as_u64().unwrap() + view["byteLength"].as_u64().unwrap() <= bin.len() as u64);
        assert!(view["byteLength"].as_u64().unwrap() > 0);
    }
    assert_eq!(json["extensionsUsed"], json!(["EXT_mesh_features", "EXT_structural_metadata", "KHR_materials_unlit"]));
}

#[test]
fn nothing_to_draw() {
    let model = read_glb(&write_glb(&GlbModel::default())).unwrap();
    assert_eq!(model, GlbModel::default());
}

/// Interleaved, quantised, a strip, and a node that moves, scales and mirrors.
#[test]
fn ordinary_file() {
    let mut bin = Vec::new();
    for (p, uv) in
        [([0_i16, 0, 0], [0_u8, 0]), ([100, 0, 0], [255, 0]), ([0, 200, 0], [0, 255]), ([100, 200, 0], [255, 255])]
    {
        p.iter().for_each(|v| bin.extend(v.to_le_bytes()));
        bin.extend([0, 0]);
        bin.extend(uv);
        bin.extend([0, 0]);
    }
    bin.extend([0_u8, 1, 2, 3]);
    let json = json!({
        "asset": { "version": "2.0" },
        "extensionsUsed": ["KHR_mesh_quantization", "KHR_lights_punctual"],
        "extensionsRequired": ["KHR_mesh_quantization"],
        "scenes": [{ "nodes": [1] }],
        "nodes": [{ "mesh": 0, "scale": [-0.5, 1.0, 1.0] }, { "children": [0], "translation": [1.0, 2.0, 3.0] }],
        "meshes": [{ "primitives": [
            { "attributes": { "POSITION": 0, "TEXCOORD_0": 1 }, "indices": 2, "mode": 5 },
            { "attributes": { "POSITION": 0 }, "mode": 0 },
        ] }],
        "accessors": [
            { "bufferView": 0, "componentType": 5122, "count": 4, "type": "VEC3" },
            { "bufferView": 0, "byteOffset": 8, "componentType": 5121, "normalized": true, "count": 4, "type": "VEC2" },
            { "bufferView": 1, "componentType": 5121, "count": 4, "type": "SCALAR" },
        ],
        "bufferViews": [
            { "buffer": 0, "byteLength": 48, "byteStride": 12 },
            { "buffer": 0, "byteOffset": 48, "byteLength": 4 },
        ],
        "buffers": [{ "byteLength": 52 }],
    });
    let (model, report) = read_glb_with_report(&join(&json, &bin)).unwrap();
    assert_eq!(report.skipped_points_and_lines, 1);
    assert_eq!(report.ignored_extensions, ["KHR_lights_punctual"]);
    let [primitive] = &model.primitives[..] else { panic!("one mesh") };
    // y-up (x·-0.5 + 1, y + 2, 3) is z-up (x, -3, y)
    assert_eq!(primitive.positions, [[1.0, -3.0, 2.0], [-49.0, -3.0, 2.0], [1.0, -3.0, 202.0], [-49.0, -3.0, 202.0]]);
    assert_eq!(primitive.uvs.as_deref(), Some(&[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]][..]));
    // mirrored, hence turned around
    assert_eq!(primitive.indices, [0, 2, 1, 2, 3, 1]);
}

#[test]
fn refusals_are_clear() {
    let glb = write_glb(&sample());
    let (json, bin) = split(&glb);
    let message = |change: &dyn Fn(&mut Value)| {
        let mut json = json.clone();
        change(&mut json);
        read_glb(&join(&json, &bin)).unwrap_err().to_string()
    };
    assert_eq!(
        message(&|j| j["extensionsRequired"] = json!(["KHR_draco_mesh_compression"])),
        "extensionsRequired: KHR_draco_mesh_compression is not supported"
    );
    assert_eq!(
        message(&|j| j["accessors"][0]["sparse"] = json!({ "count": 1 })),
        "accessors[0]: a sparse accessor is not supported"
    );
    assert!(
        message(&|j| j["accessors"][0]["count"] = json!(u64::MAX))
            .starts_with("accessors[0]: 18446744073709551615 elements")
    );
    assert!(message(&|j| j["bufferViews"][0]["byteOffset"] = json!(u64::MAX)).starts_with("bufferViews[0]: bytes"));
    assert!(message(&|j| j["nodes"] = json!([{ "mesh": 0, "children": [0] }])).contains("more than one parent"));
    assert!(message(&|j| j["buffers"] = json!([{ "uri": "x.bin", "byteLength": 4 }])).contains("outside the file"));
    assert_eq!(read_glb(b"PK").unwrap_err().to_string(), "byte 0: not a glb (expected the letters glTF)");
}

/// Reads, and checks what the reader promises of a file it accepts.
fn check(bytes: &[u8]) {
    let Ok(model) = read_glb(bytes) else { return };
    for primitive in &model.primitives {
        let n = primitive.positions.len();
        assert!(primitive.indices.iter().all(|i| (*i as usize) < n) && primitive.indices.len().is_multiple_of(3));
        assert!(primitive.normals.as_ref().is_none_or(|v| v.len() == n));
        assert!(primitive.uvs.as_ref().is_none_or(|v| v.len() == n));
        assert!(primitive.feature_ids.as_ref().is_none_or(|v| v.len() == n));
        assert!(primitive.material.texture.is_none_or(|t| t < model.images.len()));
    }
}

#[test]
fn cut_and_changed_files() {
    let glb = write_glb(&sample());
    for length in 0..glb.len() {
        assert!(read_glb(&glb[..length]).is_err(), "cut to {length} bytes");
    }
    for at in 0..glb.len() {
        for value in [0, b'9', b'}', 0xFF, glb[at] ^ 1] {
            let mut damaged = glb.clone();
            damaged[at] = value;
            check(&damaged);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_numbers(path in any::<prop::sample::Index>(), value in prop_oneof![Just(json!(-1)), Just(json!(u64::MAX)), Just(json!(1e308)), Just(json!(null)), Just(json!("x")), (0_u64..100).prop_map(|n| json!(n))]) {
        let (mut json, bin) = split(&write_glb(&sample()));
        let mut slots = Vec::new();
        collect(&mut json, &mut slots);
        let at = path.index(slots.len());
        *slots.swap_remove(at) = value;
        check(&join(&json, &bin));
    }
}

/// All numbers in a JSON value.
fn collect<'v>(value: &'v mut Value, out: &mut Vec<&'v mut Value>) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|v| collect(v, out)),
        Value::Object(map) => map.values_mut().for_each(|v| collect(v, out)),
        Value::Number(_) => out.push(value),
        _ => {}
    }
}
