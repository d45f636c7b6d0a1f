//! Writer of the layout that ContextCapture writes: version 91, little endian, no brackets, no compression.

use std::sync::Arc;

use crate::model::{Geometry, Image, ImageData, LodChild, Node, RangeMode};

const VERSION: u32 = 91;
const GL_CLAMP: u32 = 0x2900;
const GL_REPEAT: u32 = 0x2901;

/// Writes a scene in version 91.
///
/// Levels that name a file are written as file references; their `node`, if any, is not. [`Node::Other`] becomes an
/// empty group. A geometry's `origin` is added to its positions, in `f32`.
#[must_use]
pub fn write_v91(root: &Node) -> Vec<u8> {
    let mut writer = Writer::default();
    for word in [0x6C91_0EA1, 0x1AFB_4545, 1, VERSION, 0] {
        writer.u32(word);
    }
    writer.string("0");
    writer.node(root);
    writer.out
}

#[derive(Default)]
struct Writer {
    out: Vec<u8>,
    next_id: u32,
    next_array: u32,
    images: Vec<(Arc<Image>, u32)>,
}

impl Writer {
    fn u32(&mut self, value: u32) {
        self.out.extend(value.to_le_bytes());
    }

    fn count(&mut self, n: usize) {
        self.u32(u32::try_from(n).unwrap_or(u32::MAX));
    }

    fn bool(&mut self, value: bool) {
        self.out.push(u8::from(value));
    }

    fn bools<const N: usize>(&mut self, values: [bool; N]) {
        values.into_iter().for_each(|value| self.bool(value));
    }

    fn f32s(&mut self, values: &[f32]) {
        values.iter().for_each(|value| self.out.extend(value.to_le_bytes()));
    }

    fn f64s(&mut self, values: &[f64]) {
        values.iter().for_each(|value| self.out.extend(value.to_le_bytes()));
    }

    fn string(&mut self, text: &str) {
        self.count(text.len());
        self.out.extend(text.as_bytes());
    }

    fn id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id
    }

    /// Class name, unique id and the fields of `osg::Object` (no name; 1 is STATIC, 2 is UNSPECIFIED).
    fn object(&mut self, class: &str, variance: u32) {
        self.string(class);
        let id = self.id();
        self.u32(id);
        self.object_fields(variance);
    }

    fn object_fields(&mut self, variance: u32) {
        self.string("");
        self.u32(variance);
        self.bool(false);
    }

    fn node_fields(&mut self) {
        // no initial bound, four callbacks absent, culling active, full mask, no state set
        self.bools([false, false, false, false, false, true]);
        self.u32(u32::MAX);
        self.bool(false);
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Group { children } => {
                self.object("osg::Group", 2);
                self.node_fields();
                self.children(children.iter());
            }
            Node::Transform { matrix, children } => {
                self.object("osg::MatrixTransform", 2);
                self.node_fields();
                self.children(children.iter());
                self.u32(0);
                self.f64s(matrix);
            }
            Node::Lod(lod) => {
                self.object("osg::LOD", 2);
                self.node_fields();
                self.children(lod.children.iter().filter_map(|child| child.node.as_ref()));
                self.lod_fields(lod.center, lod.radius, lod.range_mode, &lod.children);
            }
            Node::PagedLod(lod) => {
                self.object("osg::PagedLOD", 2);
                self.node_fields();
                self.lod_fields(lod.center, lod.radius, lod.range_mode, &lod.children);
                self.paged_fields(lod.database_path.as_deref(), &lod.children);
            }
            Node::Geode(geometries) => {
                self.object("osg::Geode", 2);
                self.node_fields();
                self.bool(!geometries.is_empty());
                if !geometries.is_empty() {
                    self.count(geometries.len());
                    geometries.iter().for_each(|geometry| self.geometry(geometry));
                }
            }
            Node::Other { .. } => {
                self.object("osg::Group", 2);
                self.node_fields();
                self.bool(false);
            }
        }
    }

    fn children<'n>(&mut self, children: impl Iterator<Item = &'n Node> + Clone) {
        let count = children.clone().count();
        self.bool(count > 0);
        if count > 0 {
            self.count(count);
            children.for_each(|child| self.node(child));
        }
    }

    fn lod_fields(&mut self, center: [f64; 3], radius: f64, mode: RangeMode, levels: &[LodChild]) {
        self.u32(1);
        self.bool(true);
        self.f64s(&center);
        self.f64s(&[radius]);
        self.u32(match mode {
            RangeMode::DistanceFromEyePoint => 0,
            RangeMode::PixelSizeOnScreen => 1,
        });
        self.bool(!levels.is_empty());
        if !levels.is_empty() {
            self.count(levels.len());
            levels.iter().for_each(|level| self.f32s(&[level.range.0, level.range.1]));
        }
    }

    fn paged_fields(&mut self, database_path: Option<&str>, levels: &[LodChild]) {
        self.bool(true);
        self.bool(database_path.is_some());
        if let Some(path) = database_path {
            self.string(path);
        }
        self.u32(0);
        self.bool(false);
        self.bool(!levels.is_empty());
        if !levels.is_empty() {
            self.count(levels.len());
            levels.iter().for_each(|level| self.string(level.file.as_deref().unwrap_or_default()));
            self.count(levels.len());
            levels.iter().for_each(|_| self.f32s(&[0.0, 1.0]));
        }
        self.children(levels.iter().filter(|level| level.file.is_none()).filter_map(|level| level.node.as_ref()));
    }

    fn geometry(&mut self, geometry: &Geometry) {
        self.object("osg::Geometry", 1);
        self.bool(true);
        self.state_set(geometry);
        // no bound, no bounding box callback, no shape, display lists on, no vertex buffers, no callbacks
        self.bools([false, false, false, true, true, false, false, false, false, false]);
        self.u32(1);
        self.u32(54);
        self.u32(4);
        self.count(geometry.indices.len());
        geometry.indices.iter().for_each(|index| self.u32(*index));
        self.bool(true);
        let o = geometry.origin;
        let absolute = |p: &[f32; 3]| -> [f32; 3] {
            if o == [0.0; 3] { *p } else { std::array::from_fn(|i| (o[i] + f64::from(p[i])) as f32) }
        };
        let positions: Vec<[f32; 3]> = geometry.positions.iter().map(absolute).collect();
        self.float_array(&positions, 16);
        self.optional(geometry.normals.as_deref(), |w, normals| w.float_array(normals, 16));
        self.optional(geometry.colours.as_deref(), |w, colours| {
            w.array_head(11, colours.len());
            w.out.extend(colours.iter().flatten());
            w.array_tail(true);
        });
        self.bools([false, false]);
        self.optional(geometry.uvs.as_deref(), |w, uvs| {
            w.u32(1);
            w.float_array(uvs, 15);
        });
        // no vertex attributes; the fast path hint that files of this age carry
        self.bools([false, true]);
    }

    fn optional<T: ?Sized>(&mut self, value: Option<&T>, write: impl FnOnce(&mut Self, &T)) {
        self.bool(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn array_head(&mut self, code: u32, count: usize) {
        self.bool(true);
        self.next_array += 1;
        self.u32(self.next_array);
        self.u32(code);
        self.count(count);
    }

    /// No index array, bound per vertex.
    fn array_tail(&mut self, normalize: bool) {
        self.bool(false);
        self.u32(4);
        self.u32(u32::from(normalize));
    }

    fn float_array<const N: usize>(&mut self, values: &[[f32; N]], code: u32) {
        self.array_head(code, values.len());
        values.iter().for_each(|value| self.f32s(value));
        self.array_tail(false);
    }

    fn state_set(&mut self, geometry: &Geometry) {
        self.object("osg::StateSet", 1);
        self.bool(false);
        self.bool(true);
        self.u32(1);
        self.material(geometry.colour);
        self.u32(0);
        let texture = geometry.texture.as_ref();
        self.optional(texture, |w, _| {
            // unit 0: GL_TEXTURE_2D on
            [1, 1, 0x0DE1, 1].into_iter().for_each(|word| w.u32(word));
        });
        self.optional(texture, |w, image| {
            w.u32(1);
            w.u32(1);
            w.texture(image, geometry.texture_repeat);
            w.u32(0);
        });
        self.bool(false);
        // rendering hint, bin mode, bin number, bin name, nested bins, no callbacks
        [0, 0, 0].into_iter().for_each(|word| self.u32(word));
        self.string("");
        self.bools([true, false, false]);
    }

    fn material(&mut self, colour: [f32; 4]) {
        self.object("osg::Material", 2);
        self.bools([false, false]);
        self.u32(0x1603);
        let black = [0.0, 0.0, 0.0, 1.0];
        for value in [colour, colour, black, black] {
            self.bools([true, true]);
            self.f32s(&value);
            self.f32s(&value);
        }
        self.bools([true, true]);
        self.f32s(&[0.0, 0.0]);
    }

    fn texture(&mut self, image: &Arc<Image>, repeat: [bool; 2]) {
        self.object("osg::Texture2D", 1);
        self.bools([false, false]);
        let wrap = |on: bool| if on { GL_REPEAT } else { GL_CLAMP };
        // wrap s, t, r; trilinear minification, linear magnification
        for value in [wrap(repeat[0]), wrap(repeat[1]), GL_CLAMP, 0x2703, 0x2601] {
            self.bool(true);
            self.u32(value);
        }
        self.f32s(&[1.0]);
        self.bools([true, true, false, true]);
        self.f64s(&[0.0; 4]);
        self.u32(0);
        self.u32(0);
        self.bools([false, false, false, false]);
        // shadow: less or equal, luminance, no ambient
        self.u32(0x0203);
        self.u32(0x1909);
        self.f32s(&[0.0]);
        self.bool(true);
        self.image(image);
        self.u32(0);
        self.u32(0);
    }

    fn image(&mut self, image: &Arc<Image>) {
        if let Some((_, id)) = self.images.iter().find(|(known, _)| Arc::ptr_eq(known, image)) {
            let id = *id;
            self.u32(id);
            return;
        }
        let id = self.id();
        self.images.push((Arc::clone(image), id));
        self.u32(id);
        self.string(&image_name(image));
        self.u32(2);
        match &image.data {
            ImageData::Jpeg(bytes) | ImageData::Png(bytes) | ImageData::OtherFile(bytes) => {
                self.u32(1);
                self.count(bytes.len());
                self.out.extend(bytes);
            }
            ImageData::Raw(raw) => {
                self.u32(0);
                let head = [u32::from(raw.top_left), raw.width, raw.height, raw.depth, raw.internal_format];
                let tail = [raw.pixel_format, raw.data_type, raw.packing, 1];
                head.into_iter().chain(tail).for_each(|word| self.u32(word));
                self.count(raw.data.len());
                self.out.extend(&raw.data);
                self.count(raw.mipmap_offsets.len());
                raw.mipmap_offsets.iter().for_each(|offset| self.u32(*offset));
            }
            ImageData::External => self.u32(2),
        }
        self.object_fields(1);
    }
}

/// The name with an extension: OpenSceneGraph picks its decoder by it.
fn image_name(image: &Image) -> String {
    let extension = match image.data {
        ImageData::Jpeg(_) => ".jpg",
        ImageData::Png(_) => ".png",
        _ => return image.file_name.clone(),
    };
    let last = image.file_name.rsplit(['/', '\\']).next().unwrap_or_default();
    if last.contains('.') { image.file_name.clone() } else { format!("{}{extension}", image.file_name) }
}
