//! From a file to what a converter needs: meshes in one frame, the files below and the ranges that call for them.

use std::sync::Arc;

use crate::model::{Geometry, Image, Node, OsgbFile, RangeMode};

/// Identity matrix, column-major.
const IDENTITY: [f64; 16] = [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0];

/// A mesh with every transform above it applied.
#[derive(Debug, Clone, PartialEq)]
pub struct FlatMesh {
    /// To be added to every position, metres, in the delivery's local frame.
    pub origin: [f64; 3],
    /// Positions relative to `origin`, metres, z up.
    pub positions: Vec<[f32; 3]>,
    /// Unit normals, one per vertex.
    pub normals: Option<Vec<[f32; 3]>>,
    /// Texture coordinates as in the file, **v = 0 at the bottom row**; see [`FlatMesh::uvs_top_left`].
    pub uvs: Option<Vec<[f32; 2]>>,
    /// Colours, one per vertex.
    pub colours: Option<Vec<[u8; 4]>>,
    /// Triangles.
    pub indices: Vec<u32>,
    /// Texture.
    pub texture: Option<Arc<Image>>,
    /// Whether the texture repeats in u and v.
    pub texture_repeat: [bool; 2],
    /// Diffuse colour, 0..1.
    pub colour: [f32; 4],
}

impl FlatMesh {
    /// Texture coordinates with v = 0 at the top row, as glTF has them.
    #[must_use]
    pub fn uvs_top_left(&self) -> Option<Vec<[f32; 2]>> {
        self.uvs.as_ref().map(|uvs| uvs.iter().map(|[u, v]| [*u, 1.0 - v]).collect())
    }
}

/// A reference to a finer file.
#[derive(Debug, Clone, PartialEq)]
pub struct ChildFile {
    /// File name as written, relative to the folder of the file (or to `database_path` when that is given).
    pub file: String,
    /// Folder override of the level-of-detail node.
    pub database_path: Option<String>,
    /// Range in which the finer file is shown, in the unit of `range_mode`.
    pub range: (f32, f32),
    /// Unit of `range`.
    pub range_mode: RangeMode,
    /// Centre of the sphere that the range is measured against, metres.
    pub center: [f64; 3],
    /// Radius of that sphere, metres.
    pub radius: f64,
}

/// What one file contributes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Flat {
    /// The coarsest content in the file: what is drawn until a child file is loaded.
    pub meshes: Vec<FlatMesh>,
    /// Finer files, in the order written.
    pub children: Vec<ChildFile>,
    /// Triangles left out because a vertex is not a finite number.
    pub dropped_triangles: usize,
    /// Node classes that were skipped, by name.
    pub skipped_classes: Vec<String>,
}

/// Flattens a file. Of several levels inside one file, all that stand before a file reference are taken for a
/// `PagedLod`; of a `Lod`, the finest (last range for pixel sizes, first for distances).
#[must_use]
pub fn flatten(file: &OsgbFile) -> Flat {
    let mut flat = Flat::default();
    visit(&file.root, &IDENTITY, &mut flat);
    flat
}

fn visit(node: &Node, matrix: &[f64; 16], flat: &mut Flat) {
    match node {
        Node::Group { children } => children.iter().for_each(|child| visit(child, matrix, flat)),
        Node::Transform { matrix: own, children } => {
            let matrix = multiply(matrix, own);
            children.iter().for_each(|child| visit(child, &matrix, flat));
        }
        Node::Lod(lod) => {
            let inline = lod.children.iter().filter(|child| child.node.is_some());
            let key = |child: &&crate::LodChild| match lod.range_mode {
                RangeMode::PixelSizeOnScreen => f64::from(child.range.0),
                RangeMode::DistanceFromEyePoint => -f64::from(child.range.0),
            };
            let finest = inline.max_by(|a, b| key(a).total_cmp(&key(b)));
            if let Some(node) = finest.and_then(|child| child.node.as_ref()) {
                visit(node, matrix, flat);
            }
        }
        Node::PagedLod(lod) => {
            for child in &lod.children {
                if let Some(node) = &child.node {
                    visit(node, matrix, flat);
                }
                if let Some(file) = &child.file {
                    flat.children.push(ChildFile {
                        file: file.clone(),
                        database_path: lod.database_path.clone(),
                        range: child.range,
                        range_mode: lod.range_mode,
                        center: apply(matrix, lod.center),
                        radius: lod.radius * largest_scale(matrix),
                    });
                }
            }
        }
        Node::Geode(geometries) => {
            for geometry in geometries.iter().filter(|g| !g.positions.is_empty()) {
                let (mesh, dropped) = transformed(geometry, matrix);
                flat.dropped_triangles += dropped;
                if !mesh.indices.is_empty() {
                    flat.meshes.push(mesh);
                }
            }
        }
        Node::Other { class } => flat.skipped_classes.push(class.clone()),
    }
}

fn transformed(geometry: &Geometry, matrix: &[f64; 16]) -> (FlatMesh, usize) {
    let finite = |i: &u32| geometry.positions.get(*i as usize).is_some_and(|p| p.iter().all(|x| x.is_finite()));
    let all_finite = geometry.positions.iter().flatten().all(|x| x.is_finite());
    let indices: Vec<u32> = if all_finite {
        geometry.indices.clone()
    } else {
        geometry.indices.chunks_exact(3).filter(|t| t.iter().all(finite)).flatten().copied().collect()
    };
    let dropped = (geometry.indices.len() - indices.len()) / 3;
    let mut mesh = FlatMesh {
        origin: geometry.origin,
        positions: geometry.positions.clone(),
        normals: geometry.normals.clone(),
        uvs: geometry.uvs.clone(),
        colours: geometry.colours.clone(),
        indices,
        texture: geometry.texture.clone(),
        texture_repeat: geometry.texture_repeat,
        colour: geometry.colour,
    };
    if !is_identity(matrix) {
        // The origin moves as a point, local positions as vectors, so that f32 stays exact enough.
        mesh.origin = apply(matrix, geometry.origin);
        let linear = |v: [f32; 3]| turn(matrix, v.map(f64::from)).map(|x| x as f32);
        mesh.positions = geometry.positions.iter().map(|p| linear(*p)).collect();
        // Exact for rotations and uniform scale, which is what deliveries contain.
        mesh.normals = geometry.normals.as_ref().map(|normals| normals.iter().map(|n| unit(linear(*n))).collect());
        if mirrored(matrix) {
            mesh.indices.chunks_exact_mut(3).for_each(|t| t.swap(1, 2));
        }
    }
    (mesh, dropped)
}

fn is_identity(m: &[f64; 16]) -> bool {
    m.iter().zip(&IDENTITY).all(|(a, b)| a == b)
}

fn unit(v: [f32; 3]) -> [f32; 3] {
    let length = v.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 { v.map(|x| x / length) } else { [0.0, 0.0, 1.0] }
}

fn multiply(a: &[f64; 16], b: &[f64; 16]) -> [f64; 16] {
    std::array::from_fn(|i| (0..4).map(|k| a[k * 4 + i % 4] * b[(i / 4) * 4 + k]).sum())
}

fn turn(m: &[f64; 16], v: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|row| (0..3).map(|c| m[c * 4 + row] * v[c]).sum())
}

fn apply(m: &[f64; 16], p: [f64; 3]) -> [f64; 3] {
    let v = turn(m, p);
    [v[0] + m[12], v[1] + m[13], v[2] + m[14]]
}

fn largest_scale(m: &[f64; 16]) -> f64 {
    let column = |c: usize| (0..3).map(|r| m[c * 4 + r] * m[c * 4 + r]).sum::<f64>();
    column(0).max(column(1)).max(column(2)).sqrt()
}

fn mirrored(m: &[f64; 16]) -> bool {
    let det =
        m[0] * (m[5] * m[10] - m[9] * m[6]) - m[4] * (m[1] * m[10] - m[9] * m[2]) + m[8] * (m[1] * m[6] - m[5] * m[2]);
    det < 0.0
}

/// Axis-aligned box that grows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// Smallest coordinates, metres; infinite while nothing was added.
    pub min: [f64; 3],
    /// Largest coordinates, metres.
    pub max: [f64; 3],
}

impl Default for Bounds {
    fn default() -> Self {
        Self { min: [f64::INFINITY; 3], max: [f64::NEG_INFINITY; 3] }
    }
}

impl Bounds {
    /// Grows to hold a point; coordinates that are not finite are left out.
    pub fn add(&mut self, p: [f64; 3]) {
        for ((x, min), max) in p.into_iter().zip(&mut self.min).zip(&mut self.max) {
            if x.is_finite() {
                *min = min.min(x);
                *max = max.max(x);
            }
        }
    }

    /// Grows to hold the geometry below a node (child files are not opened).
    pub fn add_node(&mut self, node: &Node) {
        self.add_under(node, &IDENTITY);
    }

    fn add_under(&mut self, node: &Node, matrix: &[f64; 16]) {
        match node {
            Node::Group { children } => children.iter().for_each(|c| self.add_under(c, matrix)),
            Node::Transform { matrix: own, children } => {
                let matrix = multiply(matrix, own);
                children.iter().for_each(|c| self.add_under(c, &matrix));
            }
            Node::Lod(crate::Lod { children, .. }) | Node::PagedLod(crate::PagedLod { children, .. }) => {
                children.iter().filter_map(|c| c.node.as_ref()).for_each(|c| self.add_under(c, matrix));
            }
            Node::Geode(geometries) => {
                for g in geometries {
                    g.positions
                        .iter()
                        .for_each(|p| self.add(apply(matrix, std::array::from_fn(|i| g.origin[i] + f64::from(p[i])))));
                }
            }
            Node::Other { .. } => {}
        }
    }

    /// Sphere around the box: centre and radius, metres; zero when nothing was added.
    #[must_use]
    pub fn sphere(&self) -> ([f64; 3], f64) {
        if (0..3).any(|i| self.min[i] > self.max[i]) {
            return ([0.0; 3], 0.0);
        }
        let center: [f64; 3] = std::array::from_fn(|i| f64::midpoint(self.min[i], self.max[i]));
        let radius = (0..3).map(|i| (self.max[i] - center[i]).powi(2)).sum::<f64>().sqrt();
        (center, radius)
    }
}

/// Geometric error in metres, in the sense of 3D Tiles, of content that gives way to a finer file when its bounding
/// sphere is `range_px` pixels across: the size of `sse_target_px` pixels on the content at that moment,
/// `sse_target_px · 2 · radius / range_px` (pixel size is the sphere's diameter, OpenSceneGraph `CullingSet`).
///
/// `sse_target_px` is the screen-space error a viewer aims at (16 by convention), `radius` is in metres.
/// Gives 0 for a range or radius that is not positive.
#[must_use]
pub fn geometric_error(sse_target_px: f64, radius: f64, range_px: f64) -> f64 {
    if range_px > 0.0 && radius > 0.0 { sse_target_px * 2.0 * radius / range_px } else { 0.0 }
}
