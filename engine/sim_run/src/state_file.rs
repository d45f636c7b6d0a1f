//! `state.bin`: the whole state that a run reached, for another run to continue.

use crate::RunError;
use crate::tracks::Tracks;
use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use sim_core::{ByteReader, ByteWriter, SnapshotError};
use std::io::{Read, Write};
use std::path::Path;
use twin_model::TimeMs;

const KIND: [u8; 8] = *b"SRUNST01";
/// Most bytes of a state before compression: the kernel's greatest grid with every field.
const MAX_BYTES: u64 = (sim_flood::MAX_CELLS as u64) * 64;

/// The state of a run at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedState {
    /// Instant that the kernel's second 0 stands for.
    pub origin: TimeMs,
    /// The kernel's time, s.
    pub t_s: f64,
    /// Second of the run that wrote it.
    pub run_s: f64,
    /// What the kernel saved.
    pub kernel: Vec<u8>,
    /// What was sampled beside it.
    pub tracks: Tracks,
}

impl SavedState {
    /// The bytes of `state.bin`: a checked snapshot in zlib.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = ByteWriter::new(KIND);
        w.u64(self.origin.0 as u64);
        w.f64(self.t_s);
        w.f64(self.run_s);
        w.u64(self.tracks.max_rating.len() as u64);
        w.bytes(&self.kernel);
        self.tracks.write(&mut w);
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        // Writing to a Vec cannot fail; an empty result would be refused by `decode`.
        encoder.write_all(&w.finish()).and_then(|()| encoder.finish()).unwrap_or_default()
    }

    /// Reads `state.bin`.
    ///
    /// # Errors
    /// [`RunError::Io`], or [`RunError::State`] when the bytes are damaged or something else.
    pub fn read(file: &Path) -> Result<Self, RunError> {
        let bytes = std::fs::read(file).map_err(|source| RunError::Io { path: file.to_owned(), source })?;
        Self::decode(&bytes).map_err(|message| RunError::State { file: file.to_owned(), message })
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let mut plain = Vec::new();
        let read = ZlibDecoder::new(bytes).take(MAX_BYTES).read_to_end(&mut plain);
        read.map_err(|e| format!("not the state of a run: {e}"))?;
        Self::decode_plain(&plain).map_err(|e| e.to_string())
    }

    fn decode_plain(plain: &[u8]) -> Result<Self, SnapshotError> {
        let mut r = ByteReader::new(plain, KIND, "the state of a run")?;
        let origin = TimeMs(r.u64("origin")? as i64);
        let (t_s, run_s) = (r.f64("t_s")?, r.f64("run_s")?);
        let cells = usize::try_from(r.u64("cells")?).unwrap_or(usize::MAX);
        if !(t_s.is_finite() && t_s >= 0.0 && run_s.is_finite()) || cells > sim_flood::MAX_CELLS {
            let value = format!("{t_s} s, {cells} cells");
            return Err(SnapshotError::BadValue { field: "t_s, cells", value, allowed: "a time and a grid of a run" });
        }
        let kernel = r.bytes("kernel")?;
        let tracks = Tracks::read(&mut r, cells)?;
        r.end()?;
        Ok(Self { origin, t_s, run_s, kernel, tracks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_reads_back_and_damage_is_named() {
        let mut tracks = Tracks::new(4);
        tracks.sample(5.0, &[0.3; 4], &[1.0; 4]);
        let state = SavedState { origin: TimeMs(-7), t_s: 5.0, run_s: 2.0, kernel: vec![1, 2, 3], tracks };
        let bytes = state.encode();
        assert_eq!(SavedState::decode(&bytes).unwrap(), state);
        for n in 0..bytes.len() {
            assert!(SavedState::decode(&bytes[..n]).is_err());
        }
        let error = SavedState::decode(b"not a state").unwrap_err();
        assert!(error.starts_with("not the state of a run"), "{error}");
    }
}
