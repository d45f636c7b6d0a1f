//! Little-endian writing and bounded reading for snapshots.

use crate::{Checksum, SnapshotError};

/// Collects snapshot bytes; [`ByteWriter::finish`] appends their checksum.
#[derive(Debug, Clone, Default)]
pub struct ByteWriter(Vec<u8>);

impl ByteWriter {
    /// Starts a snapshot with its kind tag.
    #[must_use]
    pub fn new(kind: [u8; 8]) -> Self {
        Self(kind.to_vec())
    }

    /// Appends a word.
    pub fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Appends the bits of an f64.
    pub fn f64(&mut self, value: f64) {
        self.u64(value.to_bits());
    }

    /// Appends a length and values.
    pub fn f64s(&mut self, values: &[f64]) {
        self.u64(values.len() as u64);
        self.0.reserve(values.len().saturating_mul(8));
        for v in values {
            self.0.extend_from_slice(&v.to_le_bytes());
        }
    }

    /// Appends a length and values.
    pub fn f32s(&mut self, values: &[f32]) {
        self.u64(values.len() as u64);
        self.0.reserve(values.len().saturating_mul(4));
        for v in values {
            self.0.extend_from_slice(&v.to_le_bytes());
        }
    }

    /// Appends a length and bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.u64(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// The snapshot, closed by the checksum of all before it.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        let mut c = Checksum::new();
        c.add_bytes(&self.0);
        self.u64(c.finish());
        self.0
    }
}

/// Reads what [`ByteWriter`] wrote; every read is bounded by the bytes that exist.
#[derive(Debug, Clone)]
pub struct ByteReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> ByteReader<'a> {
    /// Checks kind tag and checksum.
    ///
    /// # Errors
    /// [`SnapshotError`] when the bytes are short, foreign or damaged.
    pub fn new(bytes: &'a [u8], kind: [u8; 8], kind_name: &'static str) -> Result<Self, SnapshotError> {
        let Some(body) = bytes.len().checked_sub(8).filter(|n| *n >= 8) else {
            return Err(SnapshotError::Truncated {
                field: "header",
                at: bytes.len(),
                need: 16_usize.saturating_sub(bytes.len()),
            });
        };
        if bytes[..8] != kind {
            return Err(SnapshotError::WrongKind { expected: kind_name, found: format!("{:02x?}", &bytes[..8]) });
        }
        let mut c = Checksum::new();
        c.add_bytes(&bytes[..body]);
        let mut le = [0_u8; 8];
        le.copy_from_slice(&bytes[body..]);
        let expected = u64::from_le_bytes(le);
        if c.finish() != expected {
            return Err(SnapshotError::Damaged { expected, found: c.finish() });
        }
        Ok(Self { bytes: &bytes[..body], at: 8 })
    }

    fn take(&mut self, len: usize, field: &'static str) -> Result<&'a [u8], SnapshotError> {
        let end = self.at.checked_add(len).filter(|e| *e <= self.bytes.len());
        let Some(end) = end else {
            let need = len.saturating_sub(self.bytes.len() - self.at);
            return Err(SnapshotError::Truncated { field, at: self.at, need });
        };
        let part = &self.bytes[self.at..end];
        self.at = end;
        Ok(part)
    }

    /// Reads a word.
    ///
    /// # Errors
    /// [`SnapshotError::Truncated`].
    pub fn u64(&mut self, field: &'static str) -> Result<u64, SnapshotError> {
        let mut le = [0_u8; 8];
        le.copy_from_slice(self.take(8, field)?);
        Ok(u64::from_le_bytes(le))
    }

    /// Reads an f64.
    ///
    /// # Errors
    /// [`SnapshotError::Truncated`].
    pub fn f64(&mut self, field: &'static str) -> Result<f64, SnapshotError> {
        self.u64(field).map(f64::from_bits)
    }

    fn length(&mut self, width: usize, field: &'static str) -> Result<usize, SnapshotError> {
        let n = self.u64(field)?;
        let left = ((self.bytes.len() - self.at) / width) as u64;
        if n > left {
            let need = usize::try_from(n - left).unwrap_or(usize::MAX).saturating_mul(width);
            return Err(SnapshotError::Truncated { field, at: self.at, need });
        }
        Ok(n as usize)
    }

    /// Reads a length and that many f64.
    ///
    /// # Errors
    /// [`SnapshotError::Truncated`].
    pub fn f64s(&mut self, field: &'static str) -> Result<Vec<f64>, SnapshotError> {
        let n = self.length(8, field)?;
        let raw = self.take(n * 8, field)?;
        Ok(raw.as_chunks::<8>().0.iter().map(|le| f64::from_le_bytes(*le)).collect())
    }

    /// Reads a length and that many f32.
    ///
    /// # Errors
    /// [`SnapshotError::Truncated`].
    pub fn f32s(&mut self, field: &'static str) -> Result<Vec<f32>, SnapshotError> {
        let n = self.length(4, field)?;
        let raw = self.take(n * 4, field)?;
        Ok(raw.as_chunks::<4>().0.iter().map(|le| f32::from_le_bytes(*le)).collect())
    }

    /// Reads a length and that many bytes.
    ///
    /// # Errors
    /// [`SnapshotError::Truncated`].
    pub fn bytes(&mut self, field: &'static str) -> Result<Vec<u8>, SnapshotError> {
        let n = self.length(1, field)?;
        Ok(self.take(n, field)?.to_vec())
    }

    /// Checks that nothing follows.
    ///
    /// # Errors
    /// [`SnapshotError::TrailingBytes`].
    pub const fn end(self) -> Result<(), SnapshotError> {
        let extra = self.bytes.len() - self.at;
        if extra == 0 { Ok(()) } else { Err(SnapshotError::TrailingBytes { extra }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KIND: [u8; 8] = *b"testkind";

    fn read(bytes: &[u8]) -> Result<(u64, Vec<f64>, Vec<f32>, Vec<u8>), SnapshotError> {
        let mut r = ByteReader::new(bytes, KIND, "test")?;
        let out = (r.u64("a")?, r.f64s("b")?, r.f32s("c")?, r.bytes("d")?);
        r.end()?;
        Ok(out)
    }

    fn sample() -> Vec<u8> {
        let mut w = ByteWriter::new(KIND);
        w.u64(7);
        w.f64s(&[1.5, -0.0]);
        w.f32s(&[2.5]);
        w.bytes(b"xyz");
        w.finish()
    }

    #[test]
    fn round_trip() {
        assert_eq!(read(&sample()).unwrap(), (7, vec![1.5, -0.0], vec![2.5], b"xyz".to_vec()));
    }

    proptest! {
        #[test]
        fn damage_is_an_error_never_a_panic(cut in 0_usize..80, flip in 0_usize..80, bit in 0_u8..8) {
            let good = sample();
            prop_assert!(read(&good[..cut.min(good.len() - 1)]).is_err());
            let mut bad = good.clone();
            let k = flip % bad.len();
            bad[k] ^= 1 << bit;
            prop_assert!(read(&bad).is_err());
        }

        #[test]
        fn resealed_garbage_never_panics(body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut w = ByteWriter::new(KIND);
            w.0.extend_from_slice(&body);
            let _unused_outcome = read(&w.finish());
        }
    }
}
