//! A bounds-checked cursor over the payload, in either byte order, with OpenSceneGraph's brackets.

use crate::error::{OsgbError, OsgbErrorKind, Result};

/// Where reading stands in the data.
pub(crate) struct Cursor<'a> {
    pub data: &'a [u8],
    pub pos: usize,
    pub big_endian: bool,
    pub decompressed: bool,
    pub version: u32,
    pub brackets: bool,
}

/// An opened bracket; holds where it ends when the file stores that.
#[derive(Clone, Copy)]
pub(crate) struct Bracket {
    end: Option<usize>,
}

impl<'a> Cursor<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Self { data, pos: 0, big_endian: false, decompressed: false, version: 0, brackets: false }
    }

    pub fn error_at(&self, offset: usize, kind: OsgbErrorKind) -> OsgbError {
        OsgbError { offset, decompressed: self.decompressed, kind }
    }

    pub fn error(&self, kind: OsgbErrorKind) -> OsgbError {
        self.error_at(self.pos, kind)
    }

    pub fn invalid(&self, offset: usize, what: &'static str, found: impl ToString, allowed: &'static str) -> OsgbError {
        self.error_at(offset, OsgbErrorKind::Invalid { what, found: found.to_string(), allowed })
    }

    pub fn remaining(&self) -> usize {
        self.data.len().saturating_sub(self.pos)
    }

    pub fn bytes(&mut self, n: usize, expected: &'static str) -> Result<&'a [u8]> {
        let end = self.pos.checked_add(n).filter(|end| *end <= self.data.len());
        let Some(slice) = end.and_then(|end| self.data.get(self.pos..end)) else {
            let available = self.remaining() as u64;
            return Err(self.error(OsgbErrorKind::Truncated { expected, needed: n as u64, available }));
        };
        self.pos += n;
        Ok(slice)
    }

    fn array<const N: usize>(&mut self, expected: &'static str) -> Result<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.bytes(N, expected)?);
        if self.big_endian {
            out.reverse();
        }
        Ok(out)
    }

    pub fn u8(&mut self, what: &'static str) -> Result<u8> {
        Ok(self.array::<1>(what)?[0])
    }

    pub fn u32(&mut self, what: &'static str) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    pub fn i32(&mut self, what: &'static str) -> Result<i32> {
        Ok(i32::from_le_bytes(self.array(what)?))
    }

    pub fn f32(&mut self, what: &'static str) -> Result<f32> {
        Ok(f32::from_le_bytes(self.array(what)?))
    }

    pub fn f64(&mut self, what: &'static str) -> Result<f64> {
        Ok(f64::from_le_bytes(self.array(what)?))
    }

    pub fn f64s<const N: usize>(&mut self, what: &'static str) -> Result<[f64; N]> {
        let mut out = [0.0; N];
        for value in &mut out {
            *value = self.f64(what)?;
        }
        Ok(out)
    }

    pub fn f32s<const N: usize>(&mut self, what: &'static str) -> Result<[f32; N]> {
        let mut out = [0.0; N];
        for value in &mut out {
            *value = self.f32(what)?;
        }
        Ok(out)
    }

    /// A boolean. Anything but 0 and 1 means that the reader lost its place.
    pub fn bool(&mut self, what: &'static str) -> Result<bool> {
        let at = self.pos;
        match self.u8(what)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.invalid(at, what, other, "0 or 1")),
        }
    }

    /// A count of items that take at least `item_bytes` each; never more than the data can hold.
    pub fn count(&mut self, item_bytes: usize, what: &'static str) -> Result<usize> {
        let n = self.u32(what)?;
        self.check_count(n, item_bytes, what)
    }

    pub fn check_count(&self, n: u32, item_bytes: usize, what: &'static str) -> Result<usize> {
        let needed = u64::from(n).saturating_mul(item_bytes as u64);
        let available = self.remaining() as u64;
        if needed > available {
            return Err(self.error(OsgbErrorKind::Truncated { expected: what, needed, available }));
        }
        usize::try_from(n).map_err(|e| self.invalid(self.pos, what, e, "a count that fits in memory"))
    }

    pub fn string(&mut self, what: &'static str) -> Result<String> {
        let at = self.pos;
        let length = self.i32(what)?;
        let Ok(n) = usize::try_from(length) else {
            return Err(self.invalid(at, what, length, "a string length of 0 or more"));
        };
        let bytes = self.bytes(n, what)?;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }

    /// Enters a bracket: a no-op unless the file stores them.
    pub fn open(&mut self) -> Result<Bracket> {
        if !self.brackets {
            return Ok(Bracket { end: None });
        }
        let at = self.pos;
        // 64-bit sizes since version 149; counted from the size field itself.
        let size = if self.version > 148 {
            u64::from_le_bytes(self.array("bracket size")?)
        } else {
            u64::from(self.u32("bracket size")?)
        };
        let end = usize::try_from(size).ok().and_then(|size| at.checked_add(size));
        match end {
            Some(end) if end >= self.pos && end <= self.data.len() => Ok(Bracket { end: Some(end) }),
            _ => Err(self.invalid(at, "bracket size", size, "at least its own length and within the file")),
        }
    }

    /// Leaves a bracket, skipping what a newer version may have added at its end.
    pub fn close(&mut self, bracket: Bracket) -> Result<()> {
        if let Some(end) = bracket.end {
            if self.pos > end {
                return Err(self.invalid(
                    self.pos,
                    "position",
                    self.pos,
                    "not beyond the end of the enclosing bracket",
                ));
            }
            self.pos = end;
        }
        Ok(())
    }

    /// Skips to the end of the bracket; false when the file has none.
    pub fn skip(&mut self, bracket: Bracket) -> Result<bool> {
        self.close(bracket)?;
        Ok(bracket.end.is_some())
    }
}
