//! From the flat list of nodes as read to the tree that callers get.

use crate::error::{OsgbError, OsgbErrorKind, Result};
use crate::flatten::Bounds;
use crate::model::{Geometry, Lod, LodChild, Node, PagedLod, RangeMode};
use crate::read::MAX_EXPANDED_BYTES;

/// A node whose children are indices.
#[derive(Debug, Clone)]
pub(crate) enum RawNode {
    Group(Vec<usize>),
    Transform([f64; 16], Vec<usize>),
    Lod(RawLod),
    PagedLod(RawLod),
    Geode(Vec<usize>),
    Geometry(Box<Geometry>),
    Other(String),
}

/// The fields that both level-of-detail classes share.
#[derive(Debug, Clone, Default)]
pub(crate) struct RawLod {
    pub sphere: Option<([f64; 3], f64)>,
    pub range_mode: RangeMode,
    pub levels: Vec<RawLevel>,
    pub database_path: Option<String>,
    pub nodes: Vec<usize>,
}

/// One level as stored.
#[derive(Debug, Clone, Default)]
pub(crate) struct RawLevel {
    pub range: Option<(f32, f32)>,
    pub file: Option<String>,
}

/// Range of a level that states none: always drawn.
const ALWAYS: (f32, f32) = (0.0, 1e10);

/// What a node without its mesh is counted as, bytes: generous, so that a file of references ends early.
const NODE_BYTES: u64 = 512;

/// Turns indices into a tree. A node that is referred to more than once is copied, within a memory limit.
pub(crate) struct Builder {
    nodes: Vec<RawNode>,
    spent: u64,
    decompressed: bool,
    offset: usize,
}

impl Builder {
    pub fn new(nodes: Vec<RawNode>, decompressed: bool, offset: usize) -> Self {
        Self { nodes, spent: 0, decompressed, offset }
    }

    /// The tree below one node. The depth is bounded by the reader's nesting limit: a child is always read, and
    /// hence listed, before its parent.
    pub fn build(&mut self, index: usize) -> Result<Node> {
        self.spend(NODE_BYTES)?;
        let Some(raw) = self.nodes.get(index).cloned_header() else {
            return Ok(Node::Other { class: String::new() });
        };
        Ok(match raw {
            Header::Group(children) => Node::Group { children: self.list(&children)? },
            Header::Transform(matrix, children) => Node::Transform { matrix, children: self.list(&children)? },
            Header::Lod(lod) => {
                let (center, radius, children) = self.levels(&lod)?;
                Node::Lod(Lod { center, radius, range_mode: lod.range_mode, children })
            }
            Header::PagedLod(lod) => {
                let (center, radius, children) = self.levels(&lod)?;
                let (range_mode, database_path) = (lod.range_mode, lod.database_path);
                Node::PagedLod(PagedLod { center, radius, range_mode, database_path, children })
            }
            Header::Geode(drawables) => {
                let mut out = Vec::new();
                for i in drawables {
                    out.extend(self.geometry(i)?);
                }
                Node::Geode(out)
            }
            Header::Geometry => Node::Geode(self.geometry(index)?.into_iter().collect()),
            Header::Other(class) => Node::Other { class },
        })
    }

    fn list(&mut self, indices: &[usize]) -> Result<Vec<Node>> {
        indices.iter().map(|i| self.build(*i)).collect()
    }

    fn spend(&mut self, bytes: u64) -> Result<()> {
        self.spent = self.spent.saturating_add(bytes);
        if self.spent <= MAX_EXPANDED_BYTES {
            return Ok(());
        }
        let kind = OsgbErrorKind::TooLarge { what: "the scene with its shared nodes", limit: MAX_EXPANDED_BYTES };
        Err(OsgbError { offset: self.offset, decompressed: self.decompressed, kind })
    }

    fn geometry(&mut self, index: usize) -> Result<Option<Geometry>> {
        let Some(RawNode::Geometry(geometry)) = self.nodes.get(index) else {
            return Ok(None);
        };
        let geometry = geometry.clone();
        self.spend(geometry.positions.len() as u64 * 36 + geometry.indices.len() as u64 * 4)?;
        Ok(Some(*geometry))
    }

    /// Assigns the nodes in the file, in order, to the levels that name no file, as OpenSceneGraph does.
    fn levels(&mut self, lod: &RawLod) -> Result<([f64; 3], f64, Vec<LodChild>)> {
        let mut nodes = self.list(&lod.nodes)?.into_iter();
        let mut children = Vec::new();
        for level in &lod.levels {
            let node = if level.file.is_none() { nodes.next() } else { None };
            children.push(LodChild { range: level.range.unwrap_or(ALWAYS), file: level.file.clone(), node });
        }
        children.extend(nodes.map(|node| LodChild { range: ALWAYS, file: None, node: Some(node) }));
        let (center, radius) = lod.sphere.unwrap_or_else(|| {
            let mut bounds = Bounds::default();
            for node in children.iter().filter_map(|child| child.node.as_ref()) {
                bounds.add_node(node);
            }
            bounds.sphere()
        });
        Ok((center, radius, children))
    }
}

/// A node without its mesh.
enum Header {
    Group(Vec<usize>),
    Transform([f64; 16], Vec<usize>),
    Lod(RawLod),
    PagedLod(RawLod),
    Geode(Vec<usize>),
    Geometry,
    Other(String),
}

trait ClonedHeader {
    fn cloned_header(self) -> Option<Header>;
}

impl ClonedHeader for Option<&RawNode> {
    fn cloned_header(self) -> Option<Header> {
        Some(match self? {
            RawNode::Group(children) => Header::Group(children.clone()),
            RawNode::Transform(matrix, children) => Header::Transform(*matrix, children.clone()),
            RawNode::Lod(lod) => Header::Lod(lod.clone()),
            RawNode::PagedLod(lod) => Header::PagedLod(lod.clone()),
            RawNode::Geode(drawables) => Header::Geode(drawables.clone()),
            RawNode::Geometry(_) => Header::Geometry,
            RawNode::Other(class) => Header::Other(class.clone()),
        })
    }
}

/// Matrix of `osg::PositionAttitudeTransform`: translate(position) · rotate · scale · translate(-pivot), column-major.
pub(crate) fn attitude_matrix(p: [f64; 3], q: [f64; 4], s: [f64; 3], pivot: [f64; 3]) -> [f64; 16] {
    let [x, y, z, w] = q;
    let rotation = [
        [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y + z * w), 2.0 * (x * z - y * w)],
        [2.0 * (x * y - z * w), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z + x * w)],
        [2.0 * (x * z + y * w), 2.0 * (y * z - x * w), 1.0 - 2.0 * (x * x + y * y)],
    ];
    let mut m = [0.0; 16];
    for column in 0..3 {
        for row in 0..3 {
            m[column * 4 + row] = rotation[column][row] * s[column];
        }
    }
    for row in 0..3 {
        m[12 + row] = p[row] - (0..3).map(|c| m[c * 4 + row] * pivot[c]).sum::<f64>();
    }
    m[15] = 1.0;
    m
}
