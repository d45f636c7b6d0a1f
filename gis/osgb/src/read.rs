//! Header, object framing and node classes.
//!
//! The layout follows OpenSceneGraph's `src/osgDB/InputStream.cpp` and `src/osgWrappers/serializers/osg/*.cpp`:
//! an object is its class name, an optional bracket size, a unique id and then the fields of every class in its
//! ancestry. What each class stores depends on the version in the header.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use crate::arrays::{ArrayRef, array_of_class};
use crate::build::{Builder, RawLevel, RawLod, RawNode};
use crate::error::{OsgbError, OsgbErrorKind, Result};
use crate::model::{Image, OsgbFile, RangeMode};
use crate::primitives::Primitives;
use crate::state::{State, Texture};
use crate::stream::Cursor;

/// Deepest nesting of objects that is read.
pub const MAX_DEPTH: usize = 96;
/// Largest decompressed payload, bytes.
pub const MAX_DECOMPRESSED_BYTES: u64 = 1 << 29;
/// Largest memory that the meshes and nodes of one file may expand to, bytes.
pub const MAX_EXPANDED_BYTES: u64 = 1 << 29;

const MAGIC: [u32; 2] = [0x6C91_0EA1, 0x1AFB_4545];

/// An object read before, by its unique id.
#[derive(Clone)]
pub(crate) enum Object {
    /// Being read: a reference to it from inside itself is an error.
    Unfinished,
    Node(usize),
    Array(ArrayRef),
    Primitives(Primitives),
    State(Arc<State>),
    Texture(Texture),
    Diffuse([f32; 4]),
    /// An object that does not matter here.
    Opaque,
}

/// Reads a whole file.
///
/// # Errors
/// Names the byte, what was expected there and what was found.
pub fn read(bytes: &[u8]) -> std::result::Result<OsgbFile, OsgbError> {
    let mut head = Cursor::new(bytes);
    let compressor = read_header(&mut head)?;
    if compressor == "0" {
        return read_scene(head);
    }
    if compressor != "zlib" {
        return Err(head.error(OsgbErrorKind::UnsupportedCompressor(compressor)));
    }
    let payload = inflate(&head)?;
    let mut cursor = Cursor::new(&payload);
    cursor.big_endian = head.big_endian;
    cursor.version = head.version;
    cursor.brackets = head.brackets;
    cursor.decompressed = true;
    read_scene(cursor)
}

/// Reads up to and including the compressor's name.
fn read_header(cur: &mut Cursor<'_>) -> Result<String> {
    let magic = [cur.u32("magic number")?, cur.u32("magic number")?];
    if magic == MAGIC.map(u32::swap_bytes) {
        cur.big_endian = true;
    } else if magic != MAGIC {
        return Err(cur.error_at(0, OsgbErrorKind::NotOsgb));
    }
    let at = cur.pos;
    let kind = cur.u32("file type")?;
    if kind != 1 && kind != 3 {
        return Err(cur.invalid(at, "file type", kind, "1 (scene) or 3 (object)"));
    }
    let at = cur.pos;
    cur.version = cur.u32("version")?;
    // The oldest serialisation that exists is from OpenSceneGraph 2.9.8; the upper bound catches garbage.
    if !(56..=9999).contains(&cur.version) {
        return Err(cur.invalid(at, "version", cur.version, "56 to 9999"));
    }
    let at = cur.pos;
    let attributes = cur.u32("attributes")?;
    if attributes & !7 != 0 || attributes & 2 != 0 {
        return Err(cur.invalid(
            at,
            "attributes",
            attributes,
            "a sum of 1 (domains) and 4 (brackets); schemas are not supported",
        ));
    }
    cur.brackets = attributes & 4 != 0;
    if attributes & 1 != 0 {
        for _ in 0..cur.count(8, "number of domains")? {
            cur.string("domain name")?;
            cur.i32("domain version")?;
        }
    }
    cur.string("compressor name")
}

fn inflate(head: &Cursor<'_>) -> Result<Vec<u8>> {
    let packed = head.data.get(head.pos..).unwrap_or_default();
    let mut out = Vec::new();
    let limit = MAX_DECOMPRESSED_BYTES + 1;
    let outcome = if packed.starts_with(&[0x1F, 0x8B]) {
        flate2::read::GzDecoder::new(packed).take(limit).read_to_end(&mut out)
    } else {
        flate2::read::ZlibDecoder::new(packed).take(limit).read_to_end(&mut out)
    };
    outcome.map_err(|e| head.error(OsgbErrorKind::Decompress(e.to_string())))?;
    if out.len() as u64 > MAX_DECOMPRESSED_BYTES {
        return Err(
            head.error(OsgbErrorKind::TooLarge { what: "the decompressed data", limit: MAX_DECOMPRESSED_BYTES })
        );
    }
    Ok(out)
}

fn read_scene(cur: Cursor<'_>) -> Result<OsgbFile> {
    let version = cur.version;
    let mut reader = Reader::new(cur);
    let at = reader.cur.pos;
    let root = match reader.object()? {
        Some(Object::Node(index)) => index,
        _ => return Err(reader.cur.invalid(at, "root object", "not a node", "a node class")),
    };
    let trailing_bytes = reader.cur.remaining();
    let root = Builder::new(reader.nodes, reader.cur.decompressed, reader.cur.pos).build(root)?;
    Ok(OsgbFile { version, root, trailing_bytes })
}

/// Reading state.
pub(crate) struct Reader<'a> {
    pub cur: Cursor<'a>,
    pub objects: BTreeMap<u32, Object>,
    pub arrays: BTreeMap<u32, ArrayRef>,
    pub images: BTreeMap<u32, Option<Arc<Image>>>,
    pub nodes: Vec<RawNode>,
    pub states: Vec<Arc<State>>,
    pub expanded_bytes: u64,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn new(cur: Cursor<'a>) -> Self {
        Self {
            cur,
            objects: BTreeMap::new(),
            arrays: BTreeMap::new(),
            images: BTreeMap::new(),
            nodes: Vec::new(),
            states: vec![Arc::new(State::default())],
            expanded_bytes: 0,
            depth: 0,
        }
    }

    /// Counts memory that the file makes us use, so that a small file cannot ask for everything.
    pub fn spend(&mut self, bytes: u64) -> Result<()> {
        self.expanded_bytes = self.expanded_bytes.saturating_add(bytes);
        if self.expanded_bytes > MAX_EXPANDED_BYTES {
            return Err(self.cur.error(OsgbErrorKind::TooLarge { what: "the geometry", limit: MAX_EXPANDED_BYTES }));
        }
        Ok(())
    }

    /// Reads one object, or finds the one that its id refers to. `None` for a null pointer (version 154 and later
    /// write the class name `NULL`) and for objects that do not matter.
    pub fn object(&mut self) -> Result<Option<Object>> {
        let at = self.cur.pos;
        let class = self.cur.string("object class name")?;
        if class == "NULL" {
            return Ok(None);
        }
        let bracket = self.cur.open()?;
        let id = self.cur.u32("unique id")?;
        if let Some(known) = self.objects.get(&id) {
            let known = known.clone();
            if matches!(known, Object::Unfinished) {
                return Err(self.cur.invalid(at, "unique id", id, "not the id of an enclosing object"));
            }
            self.cur.close(bracket)?;
            return Ok(Some(known));
        }
        if self.depth >= MAX_DEPTH {
            return Err(self.cur.error_at(at, OsgbErrorKind::TooDeep));
        }
        self.objects.insert(id, Object::Unfinished);
        self.depth += 1;
        let object = self.fields(&class)?;
        self.depth -= 1;
        let object = match object {
            Some(object) => {
                self.cur.close(bracket)?;
                object
            }
            None if self.cur.skip(bracket)? => self.unknown(class),
            None => return Err(self.cur.error_at(at, OsgbErrorKind::UnsupportedClass(class))),
        };
        self.objects.insert(id, object.clone());
        Ok(Some(object))
    }

    /// A class that was skipped: kept by name, since it may stand where a node does.
    fn unknown(&mut self, class: String) -> Object {
        self.push(RawNode::Other(class))
    }

    pub fn push(&mut self, node: RawNode) -> Object {
        self.nodes.push(node);
        Object::Node(self.nodes.len() - 1)
    }

    /// Reads the fields of an object by its class; `None` when the class is not known.
    fn fields(&mut self, class: &str) -> Result<Option<Object>> {
        if let Some((scalar, components)) = array_of_class(class) {
            return self.array_object(scalar, components).map(Some);
        }
        let object = match class {
            "osg::Node" => self.group_like(|_| Ok(RawNode::Group(Vec::new()))),
            "osg::Group" => self.group_like(|r| Ok(RawNode::Group(r.children()?))),
            "osg::MatrixTransform" => self.group_like(Self::matrix_transform),
            "osg::PositionAttitudeTransform" => self.group_like(Self::attitude_transform),
            "osg::LOD" => self.group_like(|r| {
                let nodes = r.children()?;
                let mut lod = r.lod_fields()?;
                lod.nodes = nodes;
                Ok(RawNode::Lod(lod))
            }),
            "osg::PagedLOD" => self.group_like(|r| {
                let lod = r.lod_fields()?;
                r.paged_lod_fields(lod)
            }),
            "osg::Geode" => self.group_like(Self::geode),
            "osg::Geometry" => self.geometry_object(),
            "osg::StateSet" => self.state_set(),
            _ => return self.other_fields(class),
        };
        object.map(Some)
    }

    /// `osg::Object`: name, variance and user data.
    pub fn object_fields(&mut self) -> Result<()> {
        self.cur.string("object name")?;
        let at = self.cur.pos;
        let variance = self.cur.i32("data variance")?;
        if !(0..=2).contains(&variance) {
            return Err(self.cur.invalid(at, "data variance", variance, "0, 1 or 2"));
        }
        if self.cur.version >= 77 {
            self.optional_object("user data container")?;
        } else if self.cur.bool("user data flag")? {
            let bracket = self.cur.open()?;
            self.object()?;
            self.cur.close(bracket)?;
        }
        Ok(())
    }

    /// A flag and, when set, an object.
    pub fn optional_object(&mut self, flag: &'static str) -> Result<Option<Object>> {
        if self.cur.bool(flag)? { self.object() } else { Ok(None) }
    }

    /// `osg::Node`; gives the state that holds for what is below.
    pub fn node_fields(&mut self) -> Result<Arc<State>> {
        if self.cur.bool("initial bound flag")? {
            let bracket = self.cur.open()?;
            self.cur.f64s::<4>("initial bound")?;
            self.cur.close(bracket)?;
        }
        for flag in ["bounding sphere callback", "update callback", "event callback", "cull callback"] {
            self.optional_object(flag)?;
        }
        self.cur.bool("culling active")?;
        self.cur.u32("node mask")?;
        if self.cur.version < 77 && self.cur.bool("descriptions flag")? {
            self.strings("node descriptions")?;
        }
        let state = self.optional_object("state set flag")?;
        Ok(self.inherit(state))
    }

    /// The state in force, replaced where the object is a state set that says something.
    pub fn inherit(&self, object: Option<Object>) -> Arc<State> {
        let above = self.states.last().cloned().unwrap_or_default();
        match object {
            Some(Object::State(state)) => Arc::new(state.over(&above)),
            _ => above,
        }
    }

    /// A node class: the common fields, then `rest` with the node's state in force.
    fn group_like(&mut self, rest: impl FnOnce(&mut Self) -> Result<RawNode>) -> Result<Object> {
        self.object_fields()?;
        let state = self.node_fields()?;
        self.states.push(state);
        let node = rest(self)?;
        self.states.pop();
        Ok(self.push(node))
    }

    /// `osg::Group`'s children (and any list of that form).
    fn children(&mut self) -> Result<Vec<usize>> {
        if self.cur.bool("children flag")? { self.node_list() } else { Ok(Vec::new()) }
    }

    fn node_list(&mut self) -> Result<Vec<usize>> {
        // A reference needs at least a class name length and an id.
        let count = self.cur.count(4, "children")?;
        let mut nodes = Vec::new();
        if count == 0 && self.cur.remaining() < 4 {
            return Ok(nodes);
        }
        let bracket = self.cur.open()?;
        for _ in 0..count {
            if let Some(Object::Node(index)) = self.object()? {
                nodes.push(index);
            }
        }
        self.cur.close(bracket)?;
        Ok(nodes)
    }

    fn matrix_transform(&mut self) -> Result<RawNode> {
        let nodes = self.children()?;
        self.cur.i32("reference frame")?;
        let bracket = self.cur.open()?;
        let matrix = self.cur.f64s::<16>("matrix")?;
        self.cur.close(bracket)?;
        Ok(RawNode::Transform(matrix, nodes))
    }

    fn attitude_transform(&mut self) -> Result<RawNode> {
        let nodes = self.children()?;
        self.cur.i32("reference frame")?;
        let position = self.cur.f64s::<3>("position")?;
        let attitude = self.cur.f64s::<4>("attitude")?;
        let scale = self.cur.f64s::<3>("scale")?;
        let pivot = self.cur.f64s::<3>("pivot point")?;
        Ok(RawNode::Transform(crate::build::attitude_matrix(position, attitude, scale, pivot), nodes))
    }

    fn geode(&mut self) -> Result<RawNode> {
        let drawables = if self.cur.bool("drawables flag")? { self.node_list()? } else { Vec::new() };
        Ok(RawNode::Geode(drawables))
    }

    fn lod_fields(&mut self) -> Result<RawLod> {
        let mut lod = RawLod::default();
        self.cur.i32("centre mode")?;
        if self.cur.bool("user centre flag")? {
            let center = self.cur.f64s::<3>("user centre")?;
            let radius = self.cur.f64("radius")?;
            lod.sphere = Some((center, radius));
        }
        let at = self.cur.pos;
        lod.range_mode = match self.cur.i32("range mode")? {
            0 => RangeMode::DistanceFromEyePoint,
            1 => RangeMode::PixelSizeOnScreen,
            other => return Err(self.cur.invalid(at, "range mode", other, "0 (distance) or 1 (pixel size)")),
        };
        if self.cur.bool("range list flag")? {
            let count = self.cur.count(8, "ranges")?;
            let bracket = self.cur.open()?;
            for _ in 0..count {
                let [min, max] = self.cur.f32s::<2>("range")?;
                lod.levels.push(RawLevel { range: Some((min, max)), file: None });
            }
            self.cur.close(bracket)?;
        }
        Ok(lod)
    }

    fn paged_lod_fields(&mut self, mut lod: RawLod) -> Result<RawNode> {
        if self.cur.bool("database path flag")? && self.cur.bool("database path presence")? {
            lod.database_path = Some(self.cur.string("database path")?);
        }
        if self.cur.version < 70 {
            self.cur.u32("frame number")?;
        }
        self.cur.u32("number of children that cannot be expired")?;
        self.cur.bool("external children paging flag")?;
        if self.cur.bool("range data flag")? {
            for (i, name) in self.strings("child file names")?.into_iter().enumerate() {
                if lod.levels.len() <= i {
                    lod.levels.push(RawLevel::default());
                }
                if let Some(level) = lod.levels.get_mut(i) {
                    level.file = Some(name).filter(|name| !name.is_empty());
                }
            }
            let count = self.cur.count(8, "priorities")?;
            let bracket = self.cur.open()?;
            self.cur.bytes(count.saturating_mul(8), "priorities")?;
            self.cur.close(bracket)?;
        }
        lod.nodes = self.children()?;
        Ok(RawNode::PagedLod(lod))
    }

    /// A count and as many strings.
    pub fn strings(&mut self, what: &'static str) -> Result<Vec<String>> {
        let count = self.cur.count(4, what)?;
        let bracket = self.cur.open()?;
        let mut out = Vec::new();
        for _ in 0..count {
            out.push(self.cur.string(what)?);
        }
        self.cur.close(bracket)?;
        Ok(out)
    }
}
