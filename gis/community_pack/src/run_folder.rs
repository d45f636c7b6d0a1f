//! A flood run on disk and over HTTP, frame by frame as it is computed.
//!
//! ```text
//! run.json        twin_model::RunSummary (written when the run has finished)
//! grid.json       twin_model::GridSpec, written FIRST
//! preflight.json  findings about the input, written before the first frame
//! bed.q           elevation of the run's grid
//! frame_00000.q   depth at frame_times_s[0] ...
//! velocity_00000.q  velocity at frame_times_s[0] ... (optional)
//! max_depth.q     greatest depth
//! *.tif           results as GeoTIFF       frames.nc   frames as NetCDF (optional)
//! outcomes.csv    per-entity outcomes (also .parquet, optional)      roads.csv  roads by segment
//! state.bin       the state at the end, for another run to continue; state_00000.bin ... at frames (optional)
//! ```
//!
//! A `.q` file is 48 bytes of header and zlib: magic `SFR1`, kind (u32: 0 depth, 1 bed, 2 velocity), nx, ny (u32), time
//! (f64 s), scale and offset (f64 m, for velocity m/s), payload size (u64); all little endian. The payload is one u16 per
//! cell, row 0 = south, each row as differences to the cell before it: value = offset + scale · q, 65535 = dry (depth,
//! velocity) or none (bed). A velocity has two such planes: towards grid east, then towards grid north.

use crate::PackError;
use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use std::io::{Read, Write};

/// Name of the grid file.
pub const GRID: &str = "grid.json";
/// Name of the summary.
pub const RUN: &str = "run.json";
/// Name of the bed file.
pub const BED: &str = "bed.q";
/// Name of the greatest-depth file.
pub const MAX_DEPTH: &str = "max_depth.q";
/// Name of the greatest-depth GeoTIFF.
pub const MAX_DEPTH_TIF: &str = "max_depth.tif";
/// Name of the GeoTIFF of the greatest depth × speed, m²/s.
pub const MAX_HAZARD_TIF: &str = "max_hazard.tif";
/// Name of the GeoTIFF of the hazard class, 1 (H1) to 6 (H6).
pub const HAZARD_CLASS_TIF: &str = "hazard_class.tif";
/// Name of the GeoTIFF of the first wetting, s.
pub const FIRST_WET_TIF: &str = "first_wet.tif";
/// Name of the GeoTIFF of the greatest speed, m/s.
pub const MAX_SPEED_TIF: &str = "max_speed.tif";
/// Name of the frames as NetCDF.
pub const FRAMES_NC: &str = "frames.nc";
/// Name of the per-entity outcomes.
pub const OUTCOMES: &str = "outcomes.csv";
/// Name of the per-entity outcomes as Parquet.
pub const OUTCOMES_PARQUET: &str = "outcomes.parquet";
/// Name of the roads by segment.
pub const ROADS: &str = "roads.csv";
/// Name of the state at the end.
pub const STATE: &str = "state.bin";
/// Name of the findings about the input.
pub const PREFLIGHT: &str = "preflight.json";

const MAGIC: [u8; 4] = *b"SFR1";
const HEADER: usize = 48;
const NONE: u16 = u16::MAX;
/// Greatest quantum.
const TOP: f64 = 65_534.0;
/// Most cells that are decoded (a community at 0.25 m).
const MAX_CELLS: u64 = 1 << 26;
const FILE: &str = "run frame";

/// Name of a depth frame.
#[must_use]
pub fn frame_name(index: u32) -> String {
    format!("frame_{index:05}.q")
}

/// Name of a depth frame as GeoTIFF.
#[must_use]
pub fn frame_tif_name(index: u32) -> String {
    format!("depth_{index:05}.tif")
}

/// Name of a velocity frame.
#[must_use]
pub fn velocity_name(index: u32) -> String {
    format!("velocity_{index:05}.q")
}

/// Name of the state at a frame.
#[must_use]
pub fn state_name(index: u32) -> String {
    format!("state_{index:05}.bin")
}

/// Name of the GeoTIFF of an ensemble's probability of more than `depth_m` of water, 0 to 1.
#[must_use]
pub fn probability_name(depth_m: f64) -> String {
    format!("probability_{:03.0}cm.tif", depth_m * 100.0)
}

/// A decoded velocity frame.
#[derive(Debug, Clone, PartialEq)]
pub struct VelocityFrame {
    /// Cells west to east.
    pub nx: u32,
    /// Cells south to north.
    pub ny: u32,
    /// Simulated seconds.
    pub t_s: f64,
    /// Velocity towards grid east, m/s; row 0 = south; 0 when dry.
    pub east_mps: Vec<f32>,
    /// Velocity towards grid north, m/s; row 0 = south; 0 when dry.
    pub north_mps: Vec<f32>,
}

/// A decoded `.q` file of depth or bed.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Cells west to east.
    pub nx: u32,
    /// Cells south to north.
    pub ny: u32,
    /// Simulated seconds; 0 for a bed.
    pub t_s: f64,
    /// Row 0 = south. Depth: m ≥ 0, 0 when dry. Bed: elevation in the grid's vertical datum, m, NaN when none.
    pub values_m: Vec<f32>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Depth = 0,
    Bed = 1,
    Velocity = 2,
}

/// Encodes depths (m); not-positive and NaN are dry. The error is at most max/131068 (0.08 mm for 10 m).
///
/// The slice should hold nx·ny cells, row 0 = south: missing ones are dry, surplus ones are left out.
#[must_use]
pub fn encode_depth(nx: u32, ny: u32, t_s: f64, depth_m: &[f32]) -> Vec<u8> {
    let greatest = depth_m.iter().copied().filter(|d| d.is_finite()).fold(0.0_f32, f32::max);
    let scale = if greatest > 0.0 { f64::from(greatest) / TOP } else { 1.0 };
    let quantise =
        |d: f32| if d > 0.0 && d.is_finite() { ((f64::from(d) / scale).round().min(TOP)) as u16 } else { NONE };
    encode(Kind::Depth, nx, ny, t_s, scale, 0.0, &[depth_m], quantise)
}

/// Smallest quantum of a velocity, m/s: finer steps would only cost bytes.
const VELOCITY_STEP_MPS: f64 = 0.005;

/// Encodes velocities (m/s); cells whose components are both 0 or not finite are dry. The error is at most half of
/// 5 mm/s, or of range/65534 when the range exceeds 327 m/s.
///
/// Both slices should hold nx·ny cells, row 0 = south: missing ones are dry, surplus ones are left out.
#[must_use]
pub fn encode_velocity(nx: u32, ny: u32, t_s: f64, east_mps: &[f32], north_mps: &[f32]) -> Vec<u8> {
    let cells = nx as usize * ny as usize;
    let at = |plane: &[f32], k: usize| plane.get(k).copied().filter(|v| v.is_finite()).unwrap_or(0.0);
    let dry = |k: usize| at(east_mps, k) == 0.0 && at(north_mps, k) == 0.0;
    let plane =
        |plane: &[f32]| -> Vec<f32> { (0..cells).map(|k| if dry(k) { f32::NAN } else { at(plane, k) }).collect() };
    let (east, north) = (plane(east_mps), plane(north_mps));
    let greatest = east.iter().chain(&north).filter(|v| v.is_finite()).fold(0.0_f32, |m, v| m.max(v.abs()));
    let scale = (2.0 * f64::from(greatest) / TOP).max(VELOCITY_STEP_MPS);
    let offset = -scale * (f64::from(greatest) / scale).ceil();
    let quantise = |v: f32| {
        if v.is_finite() { (((f64::from(v) - offset) / scale).round().clamp(0.0, TOP)) as u16 } else { NONE }
    };
    encode(Kind::Velocity, nx, ny, t_s, scale, offset, &[&east, &north], quantise)
}

/// Encodes elevations (m); NaN means none. The error is at most (max − min)/131068.
#[must_use]
pub fn encode_bed(nx: u32, ny: u32, bed_m: &[f32]) -> Vec<u8> {
    let finite = || bed_m.iter().copied().filter(|d| d.is_finite());
    let least = finite().fold(f32::INFINITY, f32::min);
    let greatest = finite().fold(f32::NEG_INFINITY, f32::max);
    let offset = if least.is_finite() { f64::from(least) } else { 0.0 };
    let span = f64::from(greatest) - offset;
    let scale = if span > 0.0 { span / TOP } else { 1.0 };
    let quantise = |z: f32| {
        if z.is_finite() { (((f64::from(z) - offset) / scale).round().clamp(0.0, TOP)) as u16 } else { NONE }
    };
    encode(Kind::Bed, nx, ny, 0.0, scale, offset, &[bed_m], quantise)
}

fn encode(
    kind: Kind,
    nx: u32,
    ny: u32,
    t_s: f64,
    scale: f64,
    offset: f64,
    planes: &[&[f32]],
    quantise: impl Fn(f32) -> u16,
) -> Vec<u8> {
    let cells = nx as usize * ny as usize;
    let mut payload = Vec::with_capacity(planes.len() * cells * 2);
    for plane in planes {
        let mut before = 0_u16;
        for i in 0..cells {
            if i % nx as usize == 0 {
                before = 0;
            }
            let q = plane.get(i).map_or(NONE, |v| quantise(*v));
            payload.extend_from_slice(&q.wrapping_sub(before).to_le_bytes());
            before = q;
        }
    }
    let packed = deflate(&payload);
    let mut out = Vec::with_capacity(HEADER + packed.len());
    out.extend_from_slice(&MAGIC);
    for word in [kind as u32, nx, ny] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    for number in [t_s, scale, offset] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&(packed.len() as u64).to_le_bytes());
    out.extend_from_slice(&packed);
    out
}

fn deflate(payload: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(4));
    // Writing to a Vec cannot fail; an empty result would be refused by `decode`.
    encoder.write_all(payload).and_then(|()| encoder.finish()).unwrap_or_default()
}

/// Decodes a `.q` file of depth or bed.
///
/// # Errors
/// Not such a file, cut short, more than 2²⁶ cells, or numbers that are not finite.
pub fn decode(bytes: &[u8]) -> Result<Frame, PackError> {
    let header = Header::read(bytes)?;
    let empty = match header.kind {
        Kind::Depth => 0.0,
        Kind::Bed => f32::NAN,
        Kind::Velocity => return Err(PackError::value(FILE, "kind", "2 (velocity)", "0 (depth) or 1 (bed)")),
    };
    let values_m = header.values(bytes, 1, empty)?;
    Ok(Frame { nx: header.nx, ny: header.ny, t_s: header.t_s, values_m })
}

/// Decodes a `.q` file of velocity.
///
/// # Errors
/// As [`decode`].
pub fn decode_velocity(bytes: &[u8]) -> Result<VelocityFrame, PackError> {
    let header = Header::read(bytes)?;
    if header.kind != Kind::Velocity {
        return Err(PackError::value(FILE, "kind", header.kind as u32, "2 (velocity)"));
    }
    let mut east_mps = header.values(bytes, 2, 0.0)?;
    let north_mps = east_mps.split_off(east_mps.len() / 2);
    Ok(VelocityFrame { nx: header.nx, ny: header.ny, t_s: header.t_s, east_mps, north_mps })
}

/// The header of a `.q` file, checked.
struct Header {
    kind: Kind,
    nx: u32,
    ny: u32,
    t_s: f64,
    scale: f64,
    offset: f64,
    packed: u64,
}

fn cut_short(bytes: &[u8]) -> PackError {
    PackError::format(FILE, format!("cut short at {} bytes", bytes.len()))
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, PackError> {
        let header: &[u8; HEADER] = bytes.first_chunk().ok_or_else(|| cut_short(bytes))?;
        if header[..4] != MAGIC {
            return Err(PackError::format(FILE, "does not begin with SFR1"));
        }
        let word = |at: usize| header[at..].first_chunk().map_or(0, |b| u32::from_le_bytes(*b));
        let number = |at: usize| header[at..].first_chunk().map_or(0.0, |b| f64::from_le_bytes(*b));
        let (kind, nx, ny) = (word(4), word(8), word(12));
        let (t_s, scale, offset) = (number(16), number(24), number(32));
        let packed = u64::from(word(40)) | (u64::from(word(44)) << 32);
        if u64::from(nx) * u64::from(ny) > MAX_CELLS {
            return Err(PackError::value(FILE, "nx × ny", format!("{nx} × {ny}"), "at most 67108864 cells"));
        }
        let known = [Kind::Depth, Kind::Bed, Kind::Velocity].into_iter().find(|k| *k as u32 == kind);
        match known.filter(|_| t_s.is_finite() && offset.is_finite() && scale.is_finite() && scale > 0.0) {
            Some(kind) => Ok(Self { kind, nx, ny, t_s, scale, offset, packed }),
            None => {
                let found = format!("{kind} {t_s} {scale} {offset}");
                Err(PackError::value(FILE, "header", found, "finite, kind 0, 1 or 2"))
            }
        }
    }

    /// The values of `planes` planes one after the other; `empty` where there is none.
    fn values(&self, bytes: &[u8], planes: u64, empty: f32) -> Result<Vec<f32>, PackError> {
        let size = u64::from(self.nx) * u64::from(self.ny) * planes * 2;
        let packed = usize::try_from(self.packed).ok().and_then(|n| bytes.get(HEADER..HEADER.checked_add(n)?));
        let mut plain = Vec::new();
        ZlibDecoder::new(packed.ok_or_else(|| cut_short(bytes))?)
            .take(size + 1)
            .read_to_end(&mut plain)
            .map_err(|e| PackError::format(FILE, format!("zlib: {e}")))?;
        if plain.len() as u64 != size {
            return Err(PackError::value(FILE, "payload", plain.len(), &format!("{size} bytes")));
        }
        let mut values = Vec::with_capacity(plain.len() / 2);
        for row in plain.chunks_exact((self.nx as usize * 2).max(2)) {
            let mut q = 0_u16;
            for pair in row.chunks_exact(2) {
                q = q.wrapping_add(u16::from_le_bytes([pair[0], pair[1]]));
                values.push(if q == NONE { empty } else { (self.offset + self.scale * f64::from(q)) as f32 });
            }
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn depths_come_back_within_half_a_quantum() {
        let depth: Vec<f32> = (0..12).map(|i| if i % 5 == 0 { 0.0 } else { i as f32 * 0.31 }).collect();
        let frame = decode(&encode_depth(4, 3, 60.0, &depth)).unwrap();
        assert_eq!((frame.nx, frame.ny, frame.t_s), (4, 3, 60.0));
        for (a, b) in depth.iter().zip(&frame.values_m) {
            assert!((a - b).abs() <= 3.5 / 131_068.0 + 1e-6, "{a} {b}");
        }
        assert_eq!(frame.values_m[0], 0.0);
        let dry = decode(&encode_depth(2, 2, 0.0, &[0.0, -1.0, f32::NAN, 0.0])).unwrap();
        assert_eq!(dry.values_m, [0.0; 4]);
    }

    #[test]
    fn a_bed_keeps_its_holes() {
        let frame = decode(&encode_bed(2, 2, &[19.5, f32::NAN, 23.25, 21.0])).unwrap();
        assert!(frame.values_m[1].is_nan());
        assert_eq!((frame.values_m[0], frame.values_m[2]), (19.5, 23.25));
        assert!((frame.values_m[3] - 21.0).abs() < 1e-4);
        assert!(decode(&encode_bed(0, 0, &[])).unwrap().values_m.is_empty());
    }

    #[test]
    fn velocities_come_back_within_half_a_quantum_with_their_sign() {
        let east: Vec<f32> = (0..12).map(|i| (i as f32 - 6.0) * 0.37).collect();
        let north: Vec<f32> = (0..12).map(|i| if i == 6 { 0.0 } else { -0.01 * i as f32 }).collect();
        let bytes = encode_velocity(4, 3, 60.0, &east, &north);
        let frame = decode_velocity(&bytes).unwrap();
        assert_eq!((frame.nx, frame.ny, frame.t_s), (4, 3, 60.0));
        for (given, read) in [(&east, &frame.east_mps), (&north, &frame.north_mps)] {
            for (a, b) in given.iter().zip(read) {
                assert!((a - b).abs() <= 0.0025 + 1e-5, "{a} {b}");
            }
        }
        assert_eq!((frame.east_mps[6], frame.north_mps[6]), (0.0, 0.0), "still water has no velocity");
        assert!(decode(&bytes).unwrap_err().to_string().contains("velocity"));
        assert!(decode_velocity(&encode_depth(4, 3, 0.0, &east)).is_err());
        assert!((0..bytes.len()).all(|n| decode_velocity(&bytes[..n]).is_err()));
    }

    #[test]
    fn bad_frames_are_refused() {
        let good = encode_depth(40, 30, 1.0, &[0.5; 1200]);
        assert!((0..good.len()).all(|n| decode(&good[..n]).is_err()));
        let mut huge = good.clone();
        huge[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(decode(&huge).unwrap_err().to_string().contains("at most 67108864 cells"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn never_panics(at in 0..200_usize, value in any::<u8>()) {
            let depth: Vec<f32> = (0..300).map(|i| (i % 17) as f32).collect();
            let mut bytes = encode_depth(20, 15, 1.0, &depth);
            let at = at % bytes.len();
            bytes[at] = value;
            drop(decode(&bytes));
            let mut bytes = encode_velocity(20, 15, 1.0, &depth, &depth);
            let at = at % bytes.len();
            bytes[at] = value;
            drop(decode_velocity(&bytes));
        }

        #[test]
        fn any_depths_round_trip(depth in proptest::collection::vec(-1.0..30.0_f32, 12)) {
            let frame = decode(&encode_depth(3, 4, 0.0, &depth)).unwrap();
            for (a, b) in depth.iter().zip(&frame.values_m) {
                prop_assert!((a.max(0.0) - b).abs() < 30.0 / 131_068.0 + 1e-5);
            }
        }
    }
}
