//! Buffer views and accessors, with every index and length checked.

use serde::Deserialize;

use super::GlbError;

/// A buffer view as in the JSON.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct View {
    pub buffer: usize,
    pub byte_offset: u64,
    pub byte_length: u64,
    pub byte_stride: Option<u64>,
    pub extensions: Option<serde_json::Map<String, serde_json::Value>>,
}

/// An accessor as in the JSON.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Accessor {
    pub buffer_view: Option<usize>,
    pub byte_offset: u64,
    pub component_type: u32,
    pub normalized: bool,
    pub count: u64,
    #[serde(rename = "type")]
    pub kind: String,
    pub sparse: Option<serde_json::Value>,
}

/// The binary chunk and what describes it.
pub(super) struct Views<'a> {
    pub bin: &'a [u8],
    pub views: &'a [View],
    pub accessors: &'a [Accessor],
}

/// Elements of an accessor, found but not yet converted.
pub(super) struct Elements<'a> {
    bytes: &'a [u8],
    stride: usize,
    pub count: usize,
    pub components: usize,
    pub component_type: u32,
    pub normalized: bool,
}

fn invalid(item: String, what: String) -> GlbError {
    GlbError::Invalid { item, what }
}

impl<'a> Views<'a> {
    /// Bytes of a buffer view.
    pub fn bytes(&self, index: usize) -> Result<&'a [u8], GlbError> {
        let item = || format!("bufferViews[{index}]");
        let Some(view) = self.views.get(index) else {
            return Err(invalid(item(), format!("there are only {} buffer views", self.views.len())));
        };
        if let Some(name) = view.extensions.as_ref().and_then(|e| e.keys().find(|k| k.contains("meshopt"))) {
            return Err(GlbError::Unsupported { item: item(), what: name.clone() });
        }
        if view.buffer != 0 {
            return Err(GlbError::Unsupported {
                item: item(),
                what: format!("buffer {} (only the binary chunk)", view.buffer),
            });
        }
        let start = usize::try_from(view.byte_offset).ok();
        let end = view.byte_offset.checked_add(view.byte_length).and_then(|end| usize::try_from(end).ok());
        let slice = start.zip(end).and_then(|(start, end)| self.bin.get(start..end));
        slice.ok_or_else(|| {
            invalid(
                item(),
                format!(
                    "bytes {} + {} are outside the {} bytes of the binary chunk",
                    view.byte_offset,
                    view.byte_length,
                    self.bin.len()
                ),
            )
        })
    }

    /// Elements of an accessor.
    pub fn elements(&self, index: usize) -> Result<Elements<'a>, GlbError> {
        let item = || format!("accessors[{index}]");
        let Some(accessor) = self.accessors.get(index) else {
            return Err(invalid(item(), format!("there are only {} accessors", self.accessors.len())));
        };
        if accessor.sparse.is_some() {
            return Err(GlbError::Unsupported { item: item(), what: "a sparse accessor".to_owned() });
        }
        let Some(view) = accessor.buffer_view else {
            return Err(GlbError::Unsupported {
                item: item(),
                what: "an accessor without a buffer view (compressed or all zero)".to_owned(),
            });
        };
        let components = match accessor.kind.as_str() {
            "SCALAR" => 1,
            "VEC2" => 2,
            "VEC3" => 3,
            "VEC4" => 4,
            other => return Err(GlbError::Unsupported { item: item(), what: format!("accessor type {other:?}") }),
        };
        let width = component_bytes(accessor.component_type).ok_or_else(|| {
            invalid(item(), format!("component type {} is none of 5120 to 5126", accessor.component_type))
        })?;
        let size = width * components;
        let stride = self.views.get(view).and_then(|v| v.byte_stride).unwrap_or(size as u64);
        if stride < size as u64 || stride > 252.max(size as u64) {
            return Err(invalid(item(), format!("byte stride {stride} is not between {size} and 252")));
        }
        let bytes = self.bytes(view)?;
        let length = accessor
            .count
            .saturating_sub(1)
            .checked_mul(stride)
            .and_then(|n| n.checked_add(if accessor.count > 0 { size as u64 } else { 0 }));
        let end = length.and_then(|n| n.checked_add(accessor.byte_offset)).and_then(|n| usize::try_from(n).ok());
        let slice = usize::try_from(accessor.byte_offset).ok().zip(end).and_then(|(start, end)| bytes.get(start..end));
        let Some(slice) = slice else {
            let what = format!(
                "{} elements of {size} bytes every {stride} bytes from {} do not fit a buffer view of {} bytes",
                accessor.count,
                accessor.byte_offset,
                bytes.len()
            );
            return Err(invalid(item(), what));
        };
        Ok(Elements {
            bytes: slice,
            stride: usize::try_from(stride).unwrap_or(size),
            count: usize::try_from(accessor.count).unwrap_or(0),
            components,
            component_type: accessor.component_type,
            normalized: accessor.normalized,
        })
    }
}

impl Elements<'_> {
    fn each(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.count).map(move |i| self.bytes.get(i * self.stride..).unwrap_or_default())
    }

    /// All elements as floats, normalised when the accessor says so; missing components are `fill`.
    pub fn floats<const N: usize>(&self, fill: f32) -> Vec<[f32; N]> {
        let width = component_bytes(self.component_type).unwrap_or(4);
        let used = self.components.min(N);
        let element = |bytes: &[u8]| {
            let mut out = [fill; N];
            for (value, chunk) in out.iter_mut().zip(bytes.chunks_exact(width)).take(used) {
                *value = self.number(chunk);
            }
            out
        };
        self.each().map(element).collect()
    }

    /// All elements as whole numbers (first component; floats are rounded).
    pub fn whole(&self) -> Vec<u32> {
        let element = |b: &[u8]| match (self.component_type, b) {
            (5120 | 5121, [a, ..]) => u32::from(*a),
            (5122 | 5123, [a, b, ..]) => u32::from(u16::from_le_bytes([*a, *b])),
            (5125, [a, b, c, d, ..]) => u32::from_le_bytes([*a, *b, *c, *d]),
            (5126, [a, b, c, d, ..]) => f32::from_le_bytes([*a, *b, *c, *d]).round() as u32,
            _ => 0,
        };
        self.each().map(element).collect()
    }

    /// One component (glTF 2.0, section 3.11, for the normalised forms).
    fn number(&self, b: &[u8]) -> f32 {
        let (value, scale) = match (self.component_type, b) {
            (5120, [a, ..]) => (f32::from(*a as i8), 127.0),
            (5121, [a, ..]) => (f32::from(*a), 255.0),
            (5122, [a, b, ..]) => (f32::from(i16::from_le_bytes([*a, *b])), 32767.0),
            (5123, [a, b, ..]) => (f32::from(u16::from_le_bytes([*a, *b])), 65535.0),
            (5125, [a, b, c, d, ..]) => (u32::from_le_bytes([*a, *b, *c, *d]) as f32, u32::MAX as f32),
            (5126, [a, b, c, d, ..]) => return f32::from_le_bytes([*a, *b, *c, *d]),
            _ => (0.0, 1.0),
        };
        if self.normalized { (value / scale).max(-1.0) } else { value }
    }
}

fn component_bytes(component_type: u32) -> Option<usize> {
    match component_type {
        5120 | 5121 => Some(1),
        5122 | 5123 => Some(2),
        5125 | 5126 => Some(4),
        _ => None,
    }
}
