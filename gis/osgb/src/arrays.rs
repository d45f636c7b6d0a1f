//! Vertex arrays: found in the payload once, converted when a geometry needs them.

use crate::error::Result;
use crate::stream::Cursor;

/// Component type of a vertex array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scalar {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    F32,
    F64,
}

impl Scalar {
    pub fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

/// Which vertices an array speaks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binding {
    Undefined,
    Off,
    Overall,
    PerVertex,
}

impl Binding {
    /// From `osg::Array::Binding` (-1 undefined, 0 off, 1 overall, 2 per primitive set, 4 per vertex).
    pub fn from_code(code: i32) -> Self {
        match code {
            -1 => Self::Undefined,
            1 => Self::Overall,
            4 => Self::PerVertex,
            _ => Self::Off,
        }
    }
}

/// A vertex array: where it lies in the payload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ArrayRef {
    pub scalar: Scalar,
    pub components: usize,
    pub offset: usize,
    pub count: usize,
    pub binding: Binding,
    pub normalize: bool,
}

impl ArrayRef {
    /// Reads the count and skips the elements, which stay where they are.
    pub fn read(cur: &mut Cursor<'_>, scalar: Scalar, components: usize) -> Result<Self> {
        let stride = scalar.bytes() * components;
        let count = cur.count(stride, "array elements")?;
        Self::at(cur, scalar, components, count)
    }

    /// Skips `count` elements, which stay where they are.
    pub fn at(cur: &mut Cursor<'_>, scalar: Scalar, components: usize, count: usize) -> Result<Self> {
        let offset = cur.pos;
        cur.bytes(count.saturating_mul(scalar.bytes() * components), "array elements")?;
        Ok(Self { scalar, components, offset, count, binding: Binding::Undefined, normalize: false })
    }

    fn raw<'a>(&self, cur: &Cursor<'a>) -> &'a [u8] {
        let length = self.count * self.scalar.bytes() * self.components;
        cur.data.get(self.offset..self.offset + length).unwrap_or_default()
    }

    /// All elements, `N` components each; components the array lacks are 0.
    pub fn vectors<const N: usize>(&self, cur: &Cursor<'_>) -> Vec<[f64; N]> {
        let width = self.scalar.bytes();
        let stride = width * self.components;
        let element = |chunk: &[u8]| {
            let mut out = [0.0; N];
            for (value, bytes) in out.iter_mut().zip(chunk.chunks_exact(width)) {
                *value = number(self.scalar, bytes, cur.big_endian, self.normalize);
            }
            out
        };
        self.raw(cur).chunks_exact(stride).map(element).collect()
    }

    /// All elements as `f32`.
    pub fn vectors_f32<const N: usize>(&self, cur: &Cursor<'_>) -> Vec<[f32; N]> {
        if self.scalar == Scalar::F32 && self.components == N && !cur.big_endian {
            let element = |chunk: &[u8]| {
                let mut out = [0.0; N];
                for (value, b) in out.iter_mut().zip(chunk.chunks_exact(4)) {
                    *value = f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
                }
                out
            };
            return self.raw(cur).chunks_exact(4 * N).map(element).collect();
        }
        self.vectors::<N>(cur).into_iter().map(|v| v.map(|x| x as f32)).collect()
    }

    /// All elements as indices (first component); negative values become `u32::MAX`, which no vertex has.
    pub fn indices(&self, cur: &Cursor<'_>) -> Vec<u32> {
        let width = self.scalar.bytes();
        let one = |bytes: &[u8]| {
            let value = number(self.scalar, bytes, cur.big_endian, false);
            if value >= 0.0 && value <= f64::from(u32::MAX) { value as u32 } else { u32::MAX }
        };
        self.raw(cur).chunks_exact(width * self.components).map(|c| one(&c[..width])).collect()
    }
}

/// One number from exactly as many bytes as its type has.
fn number(scalar: Scalar, bytes: &[u8], big_endian: bool, normalize: bool) -> f64 {
    let mut b = [0_u8; 8];
    let n = scalar.bytes().min(bytes.len());
    b[..n].copy_from_slice(&bytes[..n]);
    if big_endian {
        b[..n].reverse();
    }
    let (value, scale) = match scalar {
        Scalar::I8 => (f64::from(b[0] as i8), 127.0),
        Scalar::U8 => (f64::from(b[0]), 255.0),
        Scalar::I16 => (f64::from(i16::from_le_bytes([b[0], b[1]])), 32767.0),
        Scalar::U16 => (f64::from(u16::from_le_bytes([b[0], b[1]])), 65535.0),
        Scalar::I32 => (f64::from(i32::from_le_bytes([b[0], b[1], b[2], b[3]])), f64::from(i32::MAX)),
        Scalar::U32 => (f64::from(u32::from_le_bytes([b[0], b[1], b[2], b[3]])), f64::from(u32::MAX)),
        Scalar::F32 => (f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])), 1.0),
        Scalar::F64 => (f64::from_le_bytes(b), 1.0),
    };
    if normalize { (value / scale).max(-1.0) } else { value }
}

/// Type and components of an array class of version 112 and later.
pub(crate) fn array_of_class(class: &str) -> Option<(Scalar, usize)> {
    let name = class.strip_prefix("osg::")?.strip_suffix("Array")?;
    let plain = match name {
        "Byte" => Some(Scalar::I8),
        "UByte" => Some(Scalar::U8),
        "Short" => Some(Scalar::I16),
        "UShort" => Some(Scalar::U16),
        "Int" => Some(Scalar::I32),
        "UInt" => Some(Scalar::U32),
        "Float" => Some(Scalar::F32),
        "Double" => Some(Scalar::F64),
        _ => None,
    };
    if let Some(scalar) = plain {
        return Some((scalar, 1));
    }
    let rest = name.strip_prefix("Vec")?;
    let components = match rest.as_bytes().first()? {
        b'2' => 2,
        b'3' => 3,
        b'4' => 4,
        _ => return None,
    };
    let scalar = match rest.get(1..)? {
        "" => Scalar::F32,
        "d" => Scalar::F64,
        "b" => Scalar::I8,
        "ub" => Scalar::U8,
        "s" => Scalar::I16,
        "us" => Scalar::U16,
        "i" => Scalar::I32,
        "ui" => Scalar::U32,
        _ => return None,
    };
    Some((scalar, components))
}

/// Type and components of an array type number of version 111 and before (`osgDB/DataTypes`).
pub(crate) fn array_of_code(code: u32) -> Option<(Scalar, usize)> {
    use Scalar::{F32, F64, I8, I16, I32, U8, U16, U32};
    const TABLE: [(Scalar, usize); 21] = [
        (I8, 1),
        (U8, 1),
        (I16, 1),
        (U16, 1),
        (I32, 1),
        (U32, 1),
        (F32, 1),
        (F64, 1),
        (I8, 2),
        (I8, 3),
        (I8, 4),
        (U8, 4),
        (I16, 2),
        (I16, 3),
        (I16, 4),
        (F32, 2),
        (F32, 3),
        (F32, 4),
        (F64, 2),
        (F64, 3),
        (F64, 4),
    ];
    TABLE.get(usize::try_from(code).ok()?).copied()
}
