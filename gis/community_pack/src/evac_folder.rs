//! An evacuation run on disk and over HTTP, frame by frame as it is computed.
//!
//! ```text
//! people_00000.q      where people of the first member are and what the air of every space is like, frame by frame
//! evacuation.json     twin_model::EvacSummary, written when the run has finished
//! outdoor.json        twin_model::OutdoorGround: the ground outside, for a scenario with `outdoor`; written before the first frame
//! report.md  spaces.csv  agents.csv  trajectories.sqlite      see `evac_run`
//! ```
//!
//! A `people_*.q` file is 68 bytes of header and zlib: magic `SEV1`, version (u32 1), people, spaces (u32), time (f64 s),
//! corner x, y, z (f64 ENU m), step (f32 m), people out, stopped, waiting for help (u32), payload size (u32); all little
//! endian. The payload is by column. People, in the order of their numbers: number (u32, as difference to the one before),
//! x, y, z (u16 each: value = corner + step · q), doing (u8). Spaces, in the order of the plan: people (u16), lower edge of
//! the smoke above the floor (u16, cm; 65535: no smoke layer), extinction of that smoke (u16, 0.001/m), visibility at 1.5 m
//! (u16, cm; 65535: 655 m or more), temperature at 1.5 m (u16, 0.1 K).

use crate::PackError;
use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use std::io::{Read, Write};

/// Name of the summary.
pub const SUMMARY: &str = "evacuation.json";
/// Name of the ground outside.
pub const OUTDOOR: &str = "outdoor.json";
/// Name of the report for people.
pub const REPORT: &str = "report.md";

const MAGIC: [u8; 4] = *b"SEV1";
const HEADER: usize = 68;
const FILE: &str = "evacuation frame";
/// Most people and spaces that are decoded.
const MOST: u32 = 4_000_000;
const NONE: u16 = u16::MAX;
const TOP: f64 = 65_534.0;
/// Finest step of a position, m.
const STEP_M: f64 = 0.01;
const BYTES_PERSON: usize = 11;
const BYTES_SPACE: usize = 10;
const ZERO_C_K: f64 = 273.15;

/// Name of a frame.
#[must_use]
pub fn frame_name(index: u32) -> String {
    format!("people_{index:05}.q")
}

/// What a person of the model does. Persons are fictional: the run draws them, nobody is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Doing {
    /// Has not set off.
    #[default]
    Waiting,
    /// Walks or queues.
    Walking,
    /// In a lift.
    Riding,
    /// Overcome by gas or heat.
    Stopped,
    /// Cannot use stairs and waits for help.
    Awaiting,
    /// Out of the building, on the way to a place of safety.
    Outside,
}

impl Doing {
    const ALL: [Self; 6] = [Self::Waiting, Self::Walking, Self::Riding, Self::Stopped, Self::Awaiting, Self::Outside];
}

/// A person of the model at one time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PersonMark {
    /// Number within the run; the same in all its frames.
    pub id: u32,
    /// Feet, ENU m.
    pub at: [f64; 3],
    /// What they do.
    pub doing: Doing,
}

/// The air of a space at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpaceMark {
    /// People in it.
    pub people: u32,
    /// Lower edge of the smoke above the floor, m; `None` without a smoke layer.
    pub smoke_edge_m: Option<f64>,
    /// Extinction coefficient of the smoke under the ceiling, 1/m in [0, 65.5].
    pub smoke_per_m: f64,
    /// How far reflecting signs are seen at 1.5 m, m; at most 655.34, infinite in clean air.
    pub visibility_m: f64,
    /// Temperature at 1.5 m, °C.
    pub temperature_c: f64,
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EvacFrame {
    /// Simulated seconds.
    pub t_s: f64,
    /// People gone from the model: out of the building, or with `outdoor` at a place of safety. Those on their way there are among
    /// `people`, at the level of the ground.
    pub left: u32,
    /// People overcome by gas or heat.
    pub stopped: u32,
    /// People who wait for help.
    pub awaiting: u32,
    /// Everybody inside, and outside on the ground of a run with `outdoor`, by number.
    pub people: Vec<PersonMark>,
    /// Every space of the plan.
    pub spaces: Vec<SpaceMark>,
}

/// Encodes a frame. Positions are kept to 5 mm as long as people are within 655 m of each other, coarser beyond.
///
/// People should be in the order of their numbers, each number once: `decode` gives them back so.
#[must_use]
pub fn encode(frame: &EvacFrame) -> Vec<u8> {
    let (low, high) = bounds(&frame.people);
    let extent = (0..3).map(|k| high[k] - low[k]).fold(0.0, f64::max);
    let step = f64::from(((extent / TOP).max(STEP_M)) as f32);
    let mut payload = Vec::with_capacity(frame.people.len() * BYTES_PERSON + frame.spaces.len() * BYTES_SPACE);
    let mut before = 0_u32;
    for p in &frame.people {
        payload.extend_from_slice(&p.id.wrapping_sub(before).to_le_bytes());
        before = p.id;
    }
    for k in 0..3 {
        let quantum = |p: &PersonMark| ((p.at[k] - low[k]) / step).round().clamp(0.0, TOP) as u16;
        frame.people.iter().for_each(|p| payload.extend_from_slice(&quantum(p).to_le_bytes()));
    }
    payload.extend(frame.people.iter().map(|p| p.doing as u8));
    let columns: [&dyn Fn(&SpaceMark) -> u16; 5] = [
        &|s| s.people.min(u32::from(NONE)) as u16,
        &|s| s.smoke_edge_m.map_or(NONE, |m| (m * 100.0).round().clamp(0.0, TOP) as u16),
        &|s| (s.smoke_per_m * 1000.0).round().clamp(0.0, TOP) as u16,
        &|s| if s.visibility_m * 100.0 > TOP { NONE } else { (s.visibility_m * 100.0).round().max(0.0) as u16 },
        &|s| ((s.temperature_c + ZERO_C_K) * 10.0).round().clamp(0.0, TOP) as u16,
    ];
    for column in columns {
        frame.spaces.iter().for_each(|s| payload.extend_from_slice(&column(s).to_le_bytes()));
    }
    let packed = deflate(&payload);
    let mut out = Vec::with_capacity(HEADER + packed.len());
    out.extend_from_slice(&MAGIC);
    for word in [1, frame.people.len() as u32, frame.spaces.len() as u32] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    for number in [frame.t_s, low[0], low[1], low[2]] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&(step as f32).to_le_bytes());
    for word in [frame.left, frame.stopped, frame.awaiting, packed.len() as u32] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(&packed);
    out
}

fn bounds(people: &[PersonMark]) -> ([f64; 3], [f64; 3]) {
    let mut bounds = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    for p in people {
        for k in 0..3 {
            bounds.0[k] = bounds.0[k].min(p.at[k]);
            bounds.1[k] = bounds.1[k].max(p.at[k]);
        }
    }
    if people.is_empty() { ([0.0; 3], [0.0; 3]) } else { bounds }
}

fn deflate(payload: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(4));
    // Writing to a Vec cannot fail; an empty result would be refused by `decode`.
    encoder.write_all(payload).and_then(|()| encoder.finish()).unwrap_or_default()
}

/// Decodes a frame.
///
/// # Errors
/// Not such a file, cut short, more than 4 million people or spaces, numbers that are not finite, an unknown activity.
pub fn decode(bytes: &[u8]) -> Result<EvacFrame, PackError> {
    let cut = || PackError::format(FILE, format!("cut short at {} bytes", bytes.len()));
    let header: &[u8; HEADER] = bytes.first_chunk().ok_or_else(cut)?;
    if header[..4] != MAGIC {
        return Err(PackError::format(FILE, "does not begin with SEV1"));
    }
    let word = |at: usize| header[at..].first_chunk().map_or(0, |b| u32::from_le_bytes(*b));
    let number = |at: usize| header[at..].first_chunk().map_or(0.0, |b| f64::from_le_bytes(*b));
    let (version, people, spaces) = (word(4), word(8), word(12));
    if version != 1 {
        return Err(PackError::value(FILE, "version", version, "1"));
    }
    if people.max(spaces) > MOST {
        return Err(PackError::value(FILE, "people, spaces", format!("{people}, {spaces}"), "at most 4000000"));
    }
    let (t_s, low) = (number(16), [number(24), number(32), number(40)]);
    let step = f64::from(header[48..].first_chunk().map_or(0.0, |b| f32::from_le_bytes(*b)));
    if !(t_s.is_finite() && low.iter().all(|x| x.is_finite()) && step.is_finite() && step > 0.0) {
        return Err(PackError::value(FILE, "header", format!("{t_s} {low:?} {step}"), "finite numbers"));
    }
    let (n, m) = (people as usize, spaces as usize);
    let size = n * BYTES_PERSON + m * BYTES_SPACE;
    let packed = bytes.get(HEADER..).filter(|b| b.len() == word(64) as usize).ok_or_else(cut)?;
    let mut plain = Vec::new();
    let read = ZlibDecoder::new(packed).take(size as u64 + 1).read_to_end(&mut plain);
    read.map_err(|e| PackError::format(FILE, format!("zlib: {e}")))?;
    if plain.len() != size {
        return Err(PackError::value(FILE, "payload", plain.len(), &format!("{size} bytes")));
    }
    let short = |at: usize| plain[at..].first_chunk().map_or(0, |b| u16::from_le_bytes(*b));
    let mut id = 0_u32;
    let mut marks = Vec::with_capacity(n);
    for i in 0..n {
        id = id.wrapping_add(plain[i * 4..].first_chunk().map_or(0, |b| u32::from_le_bytes(*b)));
        let at = [0, 1, 2].map(|k| low[k] + step * f64::from(short(n * (4 + 2 * k) + 2 * i)));
        let code = plain[n * 10 + i];
        let doing = Doing::ALL.get(usize::from(code)).copied();
        let doing = doing.ok_or_else(|| PackError::value(FILE, "doing", code, "0 to 5"))?;
        marks.push(PersonMark { id, at, doing });
    }
    let column = |k: usize, i: usize| short(n * BYTES_PERSON + 2 * (m * k + i));
    let space = |i: usize| SpaceMark {
        people: u32::from(column(0, i)),
        smoke_edge_m: Some(column(1, i)).filter(|q| *q != NONE).map(|q| f64::from(q) / 100.0),
        smoke_per_m: f64::from(column(2, i)) / 1000.0,
        visibility_m: if column(3, i) == NONE { f64::INFINITY } else { f64::from(column(3, i)) / 100.0 },
        temperature_c: f64::from(column(4, i)) / 10.0 - ZERO_C_K,
    };
    let (left, stopped, awaiting) = (word(52), word(56), word(60));
    Ok(EvacFrame { t_s, left, stopped, awaiting, people: marks, spaces: (0..m).map(space).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn person(id: u32, at: [f64; 3]) -> PersonMark {
        PersonMark { id, at, doing: Doing::ALL[id as usize % 6] }
    }

    fn frame() -> EvacFrame {
        let people = [3, 4, 9].map(|id| person(id, [f64::from(id) - 500.0, 20.0, 3.0 * f64::from(id)])).to_vec();
        let smoky = SpaceMark {
            people: 3,
            smoke_edge_m: Some(1.8),
            smoke_per_m: 0.415,
            visibility_m: 7.25,
            temperature_c: 61.5,
        };
        let clean = SpaceMark {
            people: 0,
            smoke_edge_m: None,
            smoke_per_m: 0.0,
            visibility_m: f64::INFINITY,
            temperature_c: 20.0,
        };
        EvacFrame { t_s: 61.0, left: 7, stopped: 1, awaiting: 2, people, spaces: vec![smoky, clean] }
    }

    #[test]
    fn a_frame_comes_back() {
        let (sent, got) = (frame(), decode(&encode(&frame())).unwrap());
        assert_eq!((got.t_s, got.left, got.stopped, got.awaiting), (61.0, 7, 1, 2));
        for (a, b) in sent.people.iter().zip(&got.people) {
            assert_eq!((a.id, a.doing), (b.id, b.doing));
            assert!((0..3).all(|k| (a.at[k] - b.at[k]).abs() <= 0.0051), "{a:?} {b:?}");
        }
        for (a, b) in sent.spaces.iter().zip(&got.spaces) {
            let of = |s: &SpaceMark| (s.people, s.smoke_edge_m, s.smoke_per_m, s.visibility_m);
            assert_eq!(of(a), of(b));
            assert!((a.temperature_c - b.temperature_c).abs() <= 0.051, "{a:?} {b:?}");
        }
        assert_eq!(decode(&encode(&EvacFrame::default())).unwrap(), EvacFrame::default());
    }

    #[test]
    fn a_crowd_over_kilometres_is_kept_coarser() {
        let people = (0..50).map(|i| person(i, [f64::from(i) * 100.0, -f64::from(i), 0.0])).collect();
        let sent = EvacFrame { people, ..EvacFrame::default() };
        let got = decode(&encode(&sent)).unwrap();
        let off = sent.people.iter().zip(&got.people).map(|(a, b)| (a.at[0] - b.at[0]).abs()).fold(0.0, f64::max);
        assert!(off <= 4900.0 / TOP, "{off}");
    }

    #[test]
    fn damage_is_one_clear_line() {
        let good = encode(&frame());
        let said = |bytes: &[u8]| decode(bytes).unwrap_err().to_string();
        assert!(said(&good[..40]).contains("cut short at 40 bytes"));
        assert!(said(&good[..good.len() - 1]).contains("cut short"));
        let changed = |at: usize, bytes: &[u8]| {
            let mut bad = good.clone();
            bad[at..at + bytes.len()].copy_from_slice(bytes);
            said(&bad)
        };
        assert!(changed(0, b"X").contains("SEV1"));
        assert!(changed(4, &[2]).contains("version"));
        assert!(changed(8, &[255; 4]).contains("4000000"));
        assert!(changed(8, &[4]).contains("payload"));
        assert!(changed(16, &f64::NAN.to_le_bytes()).contains("finite"));
        assert!(changed(70, &[0; 8]).contains("zlib"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_read(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..90) {
            let _ = decode(&bytes);
            let mut good = encode(&frame());
            let at = at % good.len();
            good[at] ^= bytes.pop().unwrap_or(1) | 1;
            let _ = decode(&good);
        }
    }
}
