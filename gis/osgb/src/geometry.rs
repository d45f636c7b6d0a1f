//! `osg::Drawable` and `osg::Geometry`, in the layout before and since version 112.

use crate::arrays::{ArrayRef, Binding, Scalar, array_of_code};
use crate::build::RawNode;
use crate::error::Result;
use crate::model::Geometry;
use crate::primitives::{Primitives, Source, Triangles, elements_of_class};
use crate::read::{Object, Reader};
use crate::state::State;

/// A vertex array and, in old files, the indices into it.
#[derive(Clone, Copy)]
struct Attribute {
    array: ArrayRef,
    indices: Option<ArrayRef>,
}

/// What a geometry refers to, before conversion.
#[derive(Default)]
struct Parts {
    primitives: Vec<Primitives>,
    vertices: Option<Attribute>,
    normals: Option<Attribute>,
    colours: Option<Attribute>,
    uvs: Option<Attribute>,
}

impl Reader<'_> {
    /// `osg::Geometry`.
    pub fn geometry_object(&mut self) -> Result<Object> {
        self.object_fields()?;
        let mut state = if self.cur.version >= 154 { self.node_fields()? } else { self.inherit(None) };
        if let Some(own) = self.drawable_fields()? {
            state = self.inherit(Some(own));
        }
        let parts = if self.cur.version >= 112 { self.parts_as_objects()? } else { self.parts_inline()? };
        let geometry = self.convert(&parts, &state)?;
        Ok(self.push(RawNode::Geometry(Box::new(geometry))))
    }

    /// `osg::Drawable`; gives its own state set.
    fn drawable_fields(&mut self) -> Result<Option<Object>> {
        let version = self.cur.version;
        let state = if version < 156 { self.optional_object("state set flag")? } else { None };
        if self.cur.bool("initial bound flag")? {
            let bracket = self.cur.open()?;
            self.cur.f64s::<6>("initial bound")?;
            self.cur.close(bracket)?;
        }
        self.optional_object("bounding box callback")?;
        self.optional_object("shape")?;
        for what in ["supports display list", "use display list", "use vertex buffer objects"] {
            self.cur.bool(what)?;
        }
        if version < 156 {
            for what in ["update callback", "event callback", "cull callback", "draw callback"] {
                self.optional_object(what)?;
            }
        }
        if version >= 142 {
            self.cur.u32("node mask")?;
        }
        if version >= 145 {
            self.cur.bool("culling active")?;
        }
        Ok(state)
    }

    fn parts_as_objects(&mut self) -> Result<Parts> {
        let mut parts = Parts::default();
        for _ in 0..self.cur.count(4, "primitive sets")? {
            if let Some(Object::Primitives(set)) = self.object()? {
                parts.primitives.push(set);
            }
        }
        parts.vertices = self.optional_array("vertex array flag")?;
        parts.normals = self.optional_array("normal array flag")?;
        parts.colours = self.optional_array("colour array flag")?;
        self.optional_array("secondary colour array flag")?;
        self.optional_array("fog coordinate array flag")?;
        for unit in 0..self.cur.count(4, "texture coordinate arrays")? {
            let array = self.object()?;
            if let (0, Some(Object::Array(array))) = (unit, array) {
                parts.uvs = Some(Attribute { array, indices: None });
            }
        }
        for _ in 0..self.cur.count(4, "vertex attribute arrays")? {
            self.object()?;
        }
        Ok(parts)
    }

    fn optional_array(&mut self, flag: &'static str) -> Result<Option<Attribute>> {
        Ok(match self.optional_object(flag)? {
            Some(Object::Array(array)) => Some(Attribute { array, indices: None }),
            _ => None,
        })
    }

    fn parts_inline(&mut self) -> Result<Parts> {
        let mut parts = Parts::default();
        for _ in 0..self.cur.count(16, "primitive sets")? {
            let set = self.inline_primitives()?;
            parts.primitives.push(set);
        }
        parts.vertices = self.inline_attribute("vertex data flag")?;
        parts.normals = self.inline_attribute("normal data flag")?;
        parts.colours = self.inline_attribute("colour data flag")?;
        self.inline_attribute("secondary colour data flag")?;
        self.inline_attribute("fog coordinate data flag")?;
        parts.uvs = self.inline_attributes("texture coordinate data flag")?;
        self.inline_attributes("vertex attribute data flag")?;
        self.cur.bool("fast path hint flag")?;
        Ok(parts)
    }

    fn inline_attributes(&mut self, flag: &'static str) -> Result<Option<Attribute>> {
        let mut first = None;
        if self.cur.bool(flag)? {
            let count = self.cur.count(10, "vertex data lists")?;
            let list = self.cur.open()?;
            for i in 0..count {
                let attribute = self.inline_array_data()?;
                if i == 0 {
                    first = attribute;
                }
            }
            self.cur.close(list)?;
        }
        Ok(first)
    }

    fn inline_attribute(&mut self, flag: &'static str) -> Result<Option<Attribute>> {
        if self.cur.bool(flag)? { self.inline_array_data() } else { Ok(None) }
    }

    /// Array, indices, binding and normalisation, in a bracket.
    fn inline_array_data(&mut self) -> Result<Option<Attribute>> {
        let bracket = self.cur.open()?;
        let array = if self.cur.bool("array flag")? { Some(self.inline_array()?) } else { None };
        let indices = if self.cur.bool("index array flag")? { Some(self.inline_array()?) } else { None };
        let at = self.cur.pos;
        // Old codes: 0 off, 1 overall, 2 per primitive set, 3 per primitive, 4 per vertex.
        let binding = self.cur.i32("attribute binding")?;
        if !(-1..=4).contains(&binding) {
            return Err(self.cur.invalid(at, "attribute binding", binding, "-1 to 4"));
        }
        let normalize = self.cur.i32("normalize flag")? != 0;
        self.cur.close(bracket)?;
        Ok(array.map(|array| Attribute {
            array: ArrayRef { binding: Binding::from_code(binding), normalize, ..array },
            indices,
        }))
    }

    fn inline_array(&mut self) -> Result<ArrayRef> {
        let id = self.cur.u32("array id")?;
        if let Some(known) = self.arrays.get(&id) {
            return Ok(*known);
        }
        let at = self.cur.pos;
        let code = self.cur.u32("array type")?;
        let Some((scalar, components)) = array_of_code(code) else {
            return Err(self.cur.invalid(at, "array type", code, "0 to 20"));
        };
        let count = self.cur.u32("array elements")?;
        let bracket = self.cur.open()?;
        let count = self.cur.check_count(count, scalar.bytes() * components, "array elements")?;
        let array = ArrayRef::at(&mut self.cur, scalar, components, count)?;
        self.cur.close(bracket)?;
        self.arrays.insert(id, array);
        Ok(array)
    }

    fn inline_primitives(&mut self) -> Result<Primitives> {
        let offset = self.cur.pos;
        let kind = self.cur.u32("primitive set type")?;
        let mode = self.cur.u32("primitive mode")?;
        if self.cur.version > 96 {
            self.cur.u32("number of instances")?;
        }
        let source = match kind {
            50 => Source::Arrays { first: self.cur.i32("first vertex")?, count: self.cur.i32("vertex count")? },
            51 => {
                let first = self.cur.i32("first vertex")?;
                Source::Lengths { first, lengths: self.bracketed_elements(Scalar::I32)? }
            }
            52 => Source::Elements(self.bracketed_elements(Scalar::U8)?),
            53 => Source::Elements(self.bracketed_elements(Scalar::U16)?),
            54 => Source::Elements(self.bracketed_elements(Scalar::U32)?),
            other => return Err(self.cur.invalid(offset, "primitive set type", other, "50 to 54")),
        };
        Ok(Primitives { offset, mode, source })
    }

    fn bracketed_elements(&mut self, scalar: Scalar) -> Result<ArrayRef> {
        let count = self.cur.u32("index count")?;
        let bracket = self.cur.open()?;
        let count = self.cur.check_count(count, scalar.bytes(), "indices")?;
        let array = ArrayRef::at(&mut self.cur, scalar, 1, count)?;
        self.cur.close(bracket)?;
        Ok(array)
    }

    /// `osg::BufferData`, since version 147.
    fn buffer_data(&mut self) -> Result<()> {
        if self.cur.version >= 147 {
            self.optional_object("buffer object flag")?;
        }
        Ok(())
    }

    /// An array class of version 112 and later.
    pub fn array_object(&mut self, scalar: Scalar, components: usize) -> Result<Object> {
        self.object_fields()?;
        self.buffer_data()?;
        let binding = Binding::from_code(self.cur.i32("array binding")?);
        let normalize = self.cur.bool("normalize flag")?;
        self.cur.bool("preserve data type flag")?;
        let array = ArrayRef::read(&mut self.cur, scalar, components)?;
        Ok(Object::Array(ArrayRef { binding, normalize, ..array }))
    }

    /// A primitive set class of version 112 and later.
    pub fn primitive_object(&mut self, class: &str) -> Result<Object> {
        let offset = self.cur.pos;
        self.object_fields()?;
        self.buffer_data()?;
        self.cur.i32("number of instances")?;
        let mode = self.cur.u32("primitive mode")?;
        let source = match elements_of_class(class) {
            Some(scalar) => Source::Elements(ArrayRef::read(&mut self.cur, scalar, 1)?),
            None => {
                let first = self.cur.i32("first vertex")?;
                if class == "osg::DrawArrays" {
                    Source::Arrays { first, count: self.cur.i32("vertex count")? }
                } else {
                    Source::Lengths { first, lengths: ArrayRef::read(&mut self.cur, Scalar::I32, 1)? }
                }
            }
        };
        Ok(Object::Primitives(Primitives { offset, mode, source }))
    }

    fn convert(&mut self, parts: &Parts, state: &State) -> Result<Geometry> {
        let mut out = Geometry::default();
        if let Some(colour) = state.diffuse {
            out.colour = colour;
        }
        if let Some(texture) = &state.texture {
            out.texture.clone_from(&texture.image);
            out.texture_repeat = texture.repeat;
        }
        let Some(vertices) = parts.vertices else {
            return Ok(out);
        };
        let count = vertices.indices.map_or(vertices.array.count, |i| i.count);
        self.spend(count as u64 * 40)?;
        self.positions(&vertices, &mut out)?;
        let n = out.positions.len();
        out.normals = self.per_vertex(parts.normals.as_ref(), n)?.map(|v| v.into_iter().map(normalized).collect());
        out.uvs = self.per_vertex(parts.uvs.as_ref(), n)?;
        self.colours(parts.colours.as_ref(), n, &mut out)?;
        let mut triangles = Triangles::default();
        for set in &parts.primitives {
            self.spend(self.drawn(set, n).saturating_mul(12))?;
            triangles.add(&self.cur, set, n)?;
        }
        out.indices = triangles.indices;
        out.skipped_primitives = triangles.skipped;
        Ok(out)
    }

    /// Vertices that a primitive set touches, at most.
    fn drawn(&self, set: &Primitives, vertices: usize) -> u64 {
        match set.source {
            Source::Arrays { .. } => vertices as u64,
            Source::Lengths { lengths, .. } => vertices as u64 + lengths.count as u64,
            Source::Elements(array) => array.count as u64,
        }
    }

    fn positions(&self, vertices: &Attribute, out: &mut Geometry) -> Result<()> {
        if vertices.array.scalar == Scalar::F64 {
            let points = self.gather(vertices.array.vectors::<3>(&self.cur), vertices)?;
            out.origin = points.first().copied().unwrap_or_default();
            let local = |p: [f64; 3]| [0, 1, 2].map(|i| (p[i] - out.origin[i]) as f32);
            out.positions = points.into_iter().map(local).collect();
        } else {
            out.positions = self.gather(vertices.array.vectors_f32::<3>(&self.cur), vertices)?;
        }
        Ok(())
    }

    /// Applies the index array of old files.
    fn gather<T: Copy>(&self, values: Vec<T>, attribute: &Attribute) -> Result<Vec<T>> {
        let Some(indices) = attribute.indices else {
            return Ok(values);
        };
        let pick = |i: u32| {
            let value = values.get(i as usize).copied();
            value.ok_or_else(|| {
                self.cur.invalid(indices.offset, "attribute index", i, "less than the length of the array")
            })
        };
        indices.indices(&self.cur).into_iter().map(pick).collect()
    }

    /// An attribute with one value per vertex; any other binding is left out.
    fn per_vertex<const N: usize>(&mut self, attribute: Option<&Attribute>, n: usize) -> Result<Option<Vec<[f32; N]>>> {
        let Some(attribute) = attribute else {
            return Ok(None);
        };
        let values = self.gather(attribute.array.vectors_f32::<N>(&self.cur), attribute)?;
        let spread = match attribute.array.binding {
            Binding::PerVertex | Binding::Undefined if values.len() >= n => values.into_iter().take(n).collect(),
            Binding::Overall => {
                let Some(first) = values.first() else {
                    return Ok(None);
                };
                vec![*first; n]
            }
            _ => return Ok(None),
        };
        Ok(Some(spread))
    }

    fn colours(&self, attribute: Option<&Attribute>, n: usize, out: &mut Geometry) -> Result<()> {
        let Some(attribute) = attribute else {
            return Ok(());
        };
        let array = ArrayRef { normalize: attribute.array.scalar != Scalar::F32, ..attribute.array };
        let mut values = self.gather(array.vectors_f32::<4>(&self.cur), attribute)?;
        if array.components < 4 {
            values.iter_mut().for_each(|c| c[3] = 1.0);
        }
        if array.binding == Binding::Overall {
            if let Some(first) = values.first() {
                out.colour = *first;
            }
        } else if array.binding != Binding::Off && values.len() >= n {
            let byte = |x: f32| (x.clamp(0.0, 1.0) * 255.0).round() as u8;
            out.colours = Some(values.into_iter().take(n).map(|c| c.map(byte)).collect());
        }
        Ok(())
    }
}

/// Unit length, or up when there is no direction.
fn normalized(v: [f32; 3]) -> [f32; 3] {
    let length = v.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length.is_finite() && length > 1e-12 { v.map(|x| x / length) } else { [0.0, 0.0, 1.0] }
}
