//! Sample files, osgconv and a reader of its text output.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use osgb::{Geometry, Image, ImageData, LodChild, Node, PagedLod, RangeMode};

/// A file of the shared sample folder, or `None` with a message.
pub fn sample(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SANDTABLE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let path = root.join("data/osgb").join(name);
    if path.is_file() {
        return Some(path);
    }
    println!("skipped: no sample file {name} (set SANDTABLE_SHARED to the folder that has data/osgb)");
    None
}

pub const GENUINE: &str = "contextcapture_v91_L15.osgb";
pub const CONVERTED: &str = "osgconv_v161.osgb";
pub const COMPRESSED: &str = "osgconv_v161_zlib.osgb";

/// Runs osgconv; `None` with a message when it is not installed.
pub fn osgconv(options: &str, input: &Path, output: &Path) -> Option<()> {
    let mut command = Command::new("osgconv");
    if !options.is_empty() {
        command.args(["-O", options]);
    }
    match command.arg(input).arg(output).output() {
        Ok(done) => {
            let text = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success() && output.is_file(), "osgconv refuses {}: {text}", input.display());
            Some(())
        }
        Err(error) => {
            println!("skipped: osgconv does not run ({error})");
            None
        }
    }
}

/// Vertices, UVs and indices of one geometry as osgconv prints them.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Printed {
    pub vertices: Vec<f32>,
    pub uvs: Vec<f32>,
    pub normals: Vec<f32>,
    pub indices: Vec<u32>,
}

/// Reads the geometries of an `.osgt` text.
pub fn printed(text: &str) -> Vec<Printed> {
    let mut out: Vec<Printed> = Vec::new();
    let mut section = "";
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if line.starts_with("osg::Geometry ") {
            out.push(Printed::default());
        }
        for name in ["PrimitiveSetList", "VertexArray", "NormalArray", "TexCoordArrayList", "ColorArray"] {
            if line.starts_with(name) {
                section = name;
            }
        }
        if line.starts_with("vector ") {
            let mut body = Vec::new();
            for line in lines.by_ref().take_while(|line| *line != "}") {
                body.extend(line.split_whitespace().map(str::to_owned));
            }
            let geometry = out.last_mut().unwrap();
            let floats = || body.iter().map(|t| t.parse::<f32>().unwrap());
            match section {
                "PrimitiveSetList" => geometry.indices.extend(body.iter().map(|t| t.parse::<u32>().unwrap())),
                "VertexArray" => geometry.vertices.extend(floats()),
                "NormalArray" => geometry.normals.extend(floats()),
                "TexCoordArrayList" => geometry.uvs.extend(floats()),
                _ => {}
            }
        }
    }
    out
}

/// All geometries below a node.
pub fn geometries(node: &Node) -> Vec<&Geometry> {
    match node {
        Node::Group { children } | Node::Transform { children, .. } => children.iter().flat_map(geometries).collect(),
        Node::Lod(osgb::Lod { children, .. }) | Node::PagedLod(PagedLod { children, .. }) => {
            children.iter().filter_map(|c| c.node.as_ref()).flat_map(geometries).collect()
        }
        Node::Geode(list) => list.iter().collect(),
        Node::Other { .. } => Vec::new(),
    }
}

/// What osgconv would print of a geometry.
pub fn as_printed(geometry: &Geometry) -> Printed {
    Printed {
        vertices: geometry.positions.iter().flatten().copied().collect(),
        uvs: geometry.uvs.iter().flatten().flatten().copied().collect(),
        normals: geometry.normals.iter().flatten().flatten().copied().collect(),
        indices: geometry.indices.clone(),
    }
}

/// A JPEG of 8 by 8 grey pixels: the smallest baseline file osgconv's decoder takes.
pub fn tiny_jpeg() -> Vec<u8> {
    let mut out = vec![0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0];
    out.extend([1_u8; 64]);
    out.extend([0xFF, 0xC0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0]);
    // one code of length 1 in each Huffman table: DC category 0, AC end of block
    for class in [0x00, 0x10] {
        out.extend([0xFF, 0xC4, 0, 20, class, 1]);
        out.extend([0_u8; 15]);
        out.push(0);
    }
    out.extend([0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0, 0b0011_1111, 0xFF, 0xD9]);
    out
}

/// A tile as ContextCapture writes it, small.
pub fn small_tile() -> Node {
    let texture = Arc::new(Image { file_name: "Tile_+000_+000_0.jpg".into(), data: ImageData::Jpeg(tiny_jpeg()) });
    let textured = Geometry {
        positions: vec![[0.0, 0.0, 1.5], [10.25, 0.0, 1.0], [10.0, 7.5, -2.0], [0.0, 8.0, 0.125]],
        uvs: Some(vec![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.75]]),
        indices: vec![0, 1, 2, 0, 2, 3],
        texture: Some(texture),
        ..Geometry::default()
    };
    let plain = Geometry {
        positions: vec![[1.0, 1.0, 1.0], [2.0, 1.0, 1.0], [1.0, 2.0, 3.0]],
        normals: Some(vec![[0.0, 0.0, 1.0], [0.6, 0.0, 0.8], [1.0, 0.0, 0.0]]),
        colours: Some(vec![[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 128]]),
        indices: vec![2, 1, 0],
        colour: [0.5, 0.25, 0.125, 1.0],
        ..Geometry::default()
    };
    let inline = LodChild { range: (0.0, 512.5), file: None, node: Some(Node::Geode(vec![textured, plain])) };
    let finer = LodChild { range: (512.5, 1e30), file: Some("Tile_+000_+000_L16_0.osgb".into()), node: None };
    Node::PagedLod(PagedLod {
        center: [5.0, 4.0, 0.0],
        radius: 7.25,
        range_mode: RangeMode::PixelSizeOnScreen,
        database_path: None,
        children: vec![inline, finer],
    })
}

/// A folder for one test's files.
pub fn scratch(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
