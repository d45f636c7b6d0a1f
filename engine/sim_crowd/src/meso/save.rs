//! The queues as bytes.

use super::law::QueueLaw;
use super::walk::{Heap, Leg, MesoWalk, Stage};
use crate::CrowdError;
use crate::run::CrowdRun;
use crate::world::NONE;
use sim_core::{ByteReader, ByteWriter, SnapshotError};
use std::cmp::Reverse;
use std::collections::VecDeque;

const KIND: [u8; 8] = *b"mesowlk1";
/// Marks the end of a line in a snapshot.
const END: u64 = u64::MAX;

impl MesoWalk {
    /// Everything the next second depends on, besides the run.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let mut w = ByteWriter::new(KIND);
        w.u64(u64::from(self.law == QueueLaw::Files));
        w.f64(self.t_s);
        w.f64(self.next_look_s);
        w.u64(self.looks);
        w.u64(self.number);
        w.f64s(&self.legs.iter().flat_map(|l| [l.since_s, l.metres, l.mps]).collect::<Vec<_>>());
        words(&mut w, self.legs.iter().flat_map(|l| [l.stage as u64, l.due]));
        words(&mut w, self.going.iter().map(|i| u64::from(*i)));
        words(&mut w, self.held.iter().map(|h| u64::from(*h)));
        words(&mut w, self.stopped.iter().map(|h| u64::from(*h)));
        words(&mut w, self.changed.iter().map(|c| u64::from(*c)));
        w.f64s(&self.cleared_s);
        w.f64s(&self.free_at_s);
        w.f64s(&self.full_since_s);
        words(&mut w, self.served.iter().copied());
        words(&mut w, self.line.iter().flat_map(|l| l.iter().map(|k| u64::from(*k)).chain([END])));
        let events = self.heap.0.clone().into_sorted_vec();
        words(&mut w, events.into_iter().flat_map(|Reverse((t, n, who))| [t, n, u64::from(who)]));
        w.finish()
    }

    /// Continues from bytes that [`MesoWalk::save`] wrote beside the state of `run`.
    ///
    /// # Errors
    /// [`CrowdError::Snapshot`] for damaged bytes or those of another run.
    pub fn restored(bytes: &[u8], run: &CrowdRun) -> Result<Self, CrowdError> {
        let walk = Self::read(bytes)?;
        let (layers, ways) = (run.world().layers.len(), 2 * run.world().portals.len());
        let a = &run.state().agents;
        let sizes = [walk.held.len(), walk.stopped.len(), walk.changed.len(), walk.cleared_s.len()]
            .iter()
            .all(|n| *n == layers)
            && [walk.free_at_s.len(), walk.full_since_s.len(), walk.served.len(), walk.line.len()]
                .iter()
                .all(|n| *n == ways)
            && walk.legs.len() == a.len();
        let known = |k: u32| (k as usize) < walk.legs.len();
        let mut people = walk.line.iter().flatten().chain(&walk.going).all(|k| known(*k));
        people &= walk.heap.0.iter().all(|Reverse((_, _, who))| {
            let way = who & !(1 << 31);
            if *who == way { known(*who) } else { (way as usize) < ways }
        });
        people &= walk.legs.iter().enumerate().all(|(i, l)| {
            let here = a.layer.get(i).is_some_and(|k| *k != NONE) && a.way[i] != NONE;
            !matches!(l.stage, Stage::Walking | Stage::InLine) || here
        });
        if sizes && people {
            return Ok(walk);
        }
        let bad = SnapshotError::BadValue { field: "queues", value: "of another run".into(), allowed: "this run's" };
        Err(bad.into())
    }

    fn read(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut r = ByteReader::new(bytes, KIND, "queues")?;
        let law = if r.u64("law")? == 0 { QueueLaw::Sfpe } else { QueueLaw::Files };
        let (t_s, next_look_s) = (r.f64("t_s")?, r.f64("next_look_s")?);
        let (looks, number) = (r.u64("looks")?, r.u64("number")?);
        let places = r.f64s("legs")?;
        let stages = read_words(&mut r, "stages")?;
        let leg = |(p, s): (&[f64; 3], &[u64; 2])| {
            let stage = *Stage::ALL.get(s[0] as usize)?;
            Some(Leg { stage, due: s[1], since_s: p[0], metres: p[1], mps: p[2] })
        };
        let legs: Option<Vec<Leg>> = places.as_chunks::<3>().0.iter().zip(stages.as_chunks::<2>().0).map(leg).collect();
        let Some(legs) = legs else {
            return Err(SnapshotError::BadValue { field: "stages", value: "unknown".into(), allowed: "0 to 4" });
        };
        let [going, held, stopped] =
            [read_words(&mut r, "going")?, read_words(&mut r, "held")?, read_words(&mut r, "stopped")?]
                .map(|list| list.into_iter().map(|h| h as u32).collect::<Vec<u32>>());
        let changed = read_words(&mut r, "changed")?.into_iter().map(|c| c != 0).collect();
        let [cleared_s, free_at_s, full_since_s] =
            [r.f64s("cleared_s")?, r.f64s("free_at_s")?, r.f64s("full_since_s")?];
        let served = read_words(&mut r, "served")?;
        let mut line = Vec::new();
        let mut one = VecDeque::new();
        for k in read_words(&mut r, "lines")? {
            if k == END {
                line.push(std::mem::take(&mut one));
            } else {
                one.push_back(k as u32);
            }
        }
        let events = read_words(&mut r, "events")?;
        let heap = Heap(events.as_chunks::<3>().0.iter().map(|e| Reverse((e[0], e[1], e[2] as u32))).collect());
        r.end()?;
        Ok(Self {
            law,
            t_s,
            next_look_s,
            looks,
            number,
            legs,
            going,
            held,
            stopped,
            cleared_s,
            changed,
            free_at_s,
            served,
            full_since_s,
            line,
            heap,
        })
    }
}

fn words(w: &mut ByteWriter, values: impl IntoIterator<Item = u64>) {
    let raw: Vec<u8> = values.into_iter().flat_map(u64::to_le_bytes).collect();
    w.bytes(&raw);
}

fn read_words(r: &mut ByteReader<'_>, field: &'static str) -> Result<Vec<u64>, SnapshotError> {
    let raw = r.bytes(field)?;
    Ok(raw.as_chunks::<8>().0.iter().map(|le| u64::from_le_bytes(*le)).collect())
}
