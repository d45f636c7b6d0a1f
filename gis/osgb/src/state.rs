//! State sets, materials, textures, images and the attributes that are only read over.

use std::sync::Arc;

use crate::error::Result;
use crate::model::{Image, ImageData, RawImage};
use crate::read::{Object, Reader};

/// What of a state set matters for drawing a mesh.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct State {
    pub diffuse: Option<[f32; 4]>,
    pub texture: Option<Texture>,
}

impl State {
    /// This state where it says something, the other elsewhere.
    pub fn over(&self, above: &Self) -> Self {
        Self {
            diffuse: self.diffuse.or(above.diffuse),
            texture: self.texture.clone().or_else(|| above.texture.clone()),
        }
    }
}

/// A texture with its wrap modes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Texture {
    pub image: Option<Arc<Image>>,
    pub repeat: [bool; 2],
}

const GL_REPEAT: u32 = 0x2901;
const GL_MIRRORED_REPEAT: u32 = 0x8370;

impl Reader<'_> {
    /// `osg::StateSet`.
    pub fn state_set(&mut self) -> Result<Object> {
        self.object_fields()?;
        let mut state = State::default();
        if self.cur.bool("mode list flag")? {
            self.modes()?;
        }
        if self.cur.bool("attribute list flag")? {
            self.attributes(&mut state, false)?;
        }
        if self.cur.bool("texture mode list flag")? {
            let units = self.cur.count(4, "texture units")?;
            let bracket = self.cur.open()?;
            for _ in 0..units {
                self.modes()?;
            }
            self.cur.close(bracket)?;
        }
        if self.cur.bool("texture attribute list flag")? {
            let units = self.cur.count(4, "texture units")?;
            let bracket = self.cur.open()?;
            for unit in 0..units {
                self.attributes(&mut state, unit == 0)?;
            }
            self.cur.close(bracket)?;
        }
        if self.cur.bool("uniform list flag")? {
            let count = self.cur.count(8, "uniforms")?;
            let bracket = self.cur.open()?;
            for _ in 0..count {
                self.object()?;
                self.cur.i32("uniform override")?;
            }
            self.cur.close(bracket)?;
        }
        self.render_bin()?;
        Ok(Object::State(Arc::new(state)))
    }

    fn render_bin(&mut self) -> Result<()> {
        self.cur.i32("rendering hint")?;
        self.cur.i32("render bin mode")?;
        self.cur.i32("bin number")?;
        self.cur.string("bin name")?;
        self.cur.bool("nested render bins")?;
        self.optional_object("update callback")?;
        self.optional_object("event callback")?;
        if self.cur.version >= 151 && self.cur.bool("define list flag")? {
            let count = self.cur.count(12, "defines")?;
            let bracket = self.cur.open()?;
            for _ in 0..count {
                self.cur.string("define name")?;
                self.cur.string("define value")?;
                self.cur.i32("define override")?;
            }
            self.cur.close(bracket)?;
        }
        Ok(())
    }

    fn modes(&mut self) -> Result<()> {
        let count = self.cur.count(8, "modes")?;
        if count > 0 {
            let bracket = self.cur.open()?;
            self.cur.bytes(count.saturating_mul(8), "modes")?;
            self.cur.close(bracket)?;
        }
        Ok(())
    }

    fn attributes(&mut self, state: &mut State, first_unit: bool) -> Result<()> {
        let count = self.cur.count(8, "attributes")?;
        if count == 0 {
            return Ok(());
        }
        let bracket = self.cur.open()?;
        for _ in 0..count {
            match self.object()? {
                Some(Object::Texture(texture)) if first_unit => state.texture = Some(texture),
                Some(Object::Diffuse(colour)) => state.diffuse = Some(colour),
                _ => {}
            }
            self.cur.i32("attribute override")?;
        }
        self.cur.close(bracket)
    }

    fn attribute_fields(&mut self) -> Result<()> {
        self.object_fields()?;
        self.optional_object("update callback")?;
        self.optional_object("event callback")?;
        Ok(())
    }

    /// Classes of which nothing or little is kept; `None` when the class is not known.
    pub fn other_fields(&mut self, class: &str) -> Result<Option<Object>> {
        match class {
            "osg::Material" => return self.material().map(Some),
            "osg::Texture2D" => return self.texture_2d().map(Some),
            "osg::DrawArrays"
            | "osg::DrawArrayLengths"
            | "osg::DrawElementsUByte"
            | "osg::DrawElementsUShort"
            | "osg::DrawElementsUInt" => {
                return self.primitive_object(class).map(Some);
            }
            "osg::CullFace" | "osg::ShadeModel" => {
                self.attribute_fields()?;
                self.cur.i32("mode")?;
            }
            "osg::TexEnv" => {
                self.attribute_fields()?;
                self.cur.i32("mode")?;
                self.cur.f32s::<4>("environment colour")?;
            }
            "osg::BlendFunc" => {
                self.attribute_fields()?;
                self.cur.bytes(16, "blend factors")?;
            }
            "osg::VertexBufferObject" | "osg::ElementBufferObject" => {
                self.object_fields()?;
                self.cur.u32("buffer target")?;
                self.cur.u32("buffer usage")?;
                self.cur.bool("copy data and release flag")?;
            }
            "osg::DefaultUserDataContainer" => self.user_data()?,
            _ => return self.value_object(class),
        }
        Ok(Some(Object::Opaque))
    }

    fn user_data(&mut self) -> Result<()> {
        self.object_fields()?;
        if self.cur.bool("user data flag")? {
            let bracket = self.cur.open()?;
            self.object()?;
            self.cur.close(bracket)?;
        }
        if self.cur.bool("descriptions flag")? {
            self.strings("descriptions")?;
        }
        if self.cur.bool("user objects flag")? {
            let count = self.cur.count(4, "user objects")?;
            let bracket = self.cur.open()?;
            for _ in 0..count {
                self.object()?;
            }
            self.cur.close(bracket)?;
        }
        Ok(())
    }

    /// Named values in user data.
    fn value_object(&mut self, class: &str) -> Result<Option<Object>> {
        let Some(kind) = class.strip_prefix("osg::").and_then(|c| c.strip_suffix("ValueObject")) else {
            return Ok(None);
        };
        let bytes = match kind {
            "Bool" | "Char" | "UChar" => 1,
            "Short" | "UShort" => 2,
            "Int" | "UInt" | "Float" => 4,
            "Double" | "Vec2f" => 8,
            "Vec3f" => 12,
            "Vec4f" | "Vec2d" => 16,
            "Vec3d" => 24,
            "Vec4d" | "Plane" | "Quat" => 32,
            "String" => 0,
            _ => return Ok(None),
        };
        self.object_fields()?;
        if kind == "String" {
            self.cur.string("value")?;
        } else {
            self.cur.bytes(bytes, "value")?;
        }
        Ok(Some(Object::Opaque))
    }

    /// `osg::Material`: five pairs (front, back), of which the front diffuse colour is kept.
    fn material(&mut self) -> Result<Object> {
        self.attribute_fields()?;
        self.cur.i32("colour mode")?;
        let mut diffuse = [1.0; 4];
        for what in ["ambient", "diffuse", "specular", "emission"] {
            if self.cur.bool(what)? {
                self.cur.bool(what)?;
                let front = self.cur.f32s::<4>(what)?;
                self.cur.f32s::<4>(what)?;
                if what == "diffuse" {
                    diffuse = front;
                }
            }
        }
        if self.cur.bool("shininess")? {
            self.cur.bool("shininess")?;
            self.cur.f32s::<2>("shininess")?;
        }
        Ok(Object::Diffuse(diffuse))
    }

    /// `osg::Texture` and `osg::Texture2D`.
    fn texture_2d(&mut self) -> Result<Object> {
        self.attribute_fields()?;
        let mut repeat = [false; 2];
        for axis in 0..5 {
            // wrap s, t, r, then the two filters
            if self.cur.bool("texture parameter flag")? {
                let value = self.cur.u32("texture parameter")?;
                if let Some(slot) = repeat.get_mut(axis) {
                    *slot = value == GL_REPEAT || value == GL_MIRRORED_REPEAT;
                }
            }
        }
        self.cur.f32("anisotropy")?;
        for what in ["mipmap generation", "image release", "client storage", "resize"] {
            self.cur.bool(what)?;
        }
        self.cur.f64s::<4>("border colour")?;
        self.cur.i32("border width")?;
        self.cur.i32("internal format mode")?;
        for what in ["internal format flag", "source format flag", "source type flag"] {
            if self.cur.bool(what)? {
                self.cur.u32(what)?;
            }
        }
        self.cur.bool("shadow comparison")?;
        self.cur.i32("shadow compare function")?;
        self.cur.i32("shadow texture mode")?;
        self.cur.f32("shadow ambient")?;
        if (95..154).contains(&self.cur.version) && self.cur.bool("image attachment flag")? {
            self.cur.bytes(21, "image attachment")?;
        }
        if self.cur.version >= 98 && self.cur.bool("swizzle flag")? {
            self.cur.string("swizzle")?;
        }
        if self.cur.version >= 155 {
            self.cur.f32s::<3>("texture level of detail")?;
        }
        let image = if self.cur.bool("image flag")? { self.image()? } else { None };
        self.cur.i32("texture width")?;
        self.cur.i32("texture height")?;
        Ok(Object::Texture(Texture { image, repeat }))
    }

    /// An image, stored in its own way (no bracket of its own).
    fn image(&mut self) -> Result<Option<Arc<Image>>> {
        if self.cur.version > 94 {
            let at = self.cur.pos;
            let class = self.cur.string("image class name")?;
            if class != "osg::Image" {
                return Err(self.cur.invalid(at, "image class", class, "osg::Image"));
            }
        }
        let id = self.cur.u32("unique id")?;
        if let Some(known) = self.images.get(&id) {
            return Ok(known.clone());
        }
        let file_name = self.cur.string("image file name")?;
        self.cur.i32("write hint")?;
        let at = self.cur.pos;
        let decision = self.cur.i32("image storage")?;
        let image = match decision {
            0 => self.raw_image(file_name)?,
            1 => {
                let size = self.cur.count(1, "image file")?;
                let bytes = self.cur.bytes(size, "image file")?.to_vec();
                Some(Image::from_file_bytes(file_name, bytes))
            }
            2 | 3 => Some(Image { file_name, data: ImageData::External }),
            other => {
                return Err(self.cur.invalid(at, "image storage", other, "0 (pixels), 1 (file), 2 or 3 (external)"));
            }
        };
        let image = image.map(Arc::new);
        self.object_fields()?;
        self.images.insert(id, image.clone());
        Ok(image)
    }

    fn raw_image(&mut self, file_name: String) -> Result<Option<Image>> {
        let top_left = self.cur.i32("image origin")? == 1;
        let [width, height, depth] =
            [self.cur.u32("image width")?, self.cur.u32("image height")?, self.cur.u32("image depth")?];
        let internal_format = self.cur.u32("internal format")?;
        let pixel_format = self.cur.u32("pixel format")?;
        let data_type = self.cur.u32("data type")?;
        let packing = self.cur.u32("packing")?;
        self.cur.i32("allocation mode")?;
        let size = self.cur.count(1, "pixels")?;
        let data = self.cur.bytes(size, "pixels")?.to_vec();
        let levels = self.cur.count(4, "mipmap levels")?;
        let mut mipmap_offsets = Vec::with_capacity(levels);
        for _ in 0..levels {
            mipmap_offsets.push(self.cur.u32("mipmap offset")?);
        }
        if data.is_empty() {
            return Ok(None);
        }
        let raw = RawImage {
            width,
            height,
            depth,
            internal_format,
            pixel_format,
            data_type,
            packing,
            top_left,
            data,
            mipmap_offsets,
        };
        Ok(Some(Image { file_name, data: ImageData::Raw(raw) }))
    }
}
