//! Live state as viewers and the server share it: latest values, alarms, cases, runs, and what changed since when.

use crate::wire::{ServerMessage, StateRow};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use twin_model::{
    Alarm, AlarmId, AlarmState, Case, CaseId, EntityId, Incident, IncidentId, Observation, PropertyId, Quality, Run,
    RunId, RunStatus, Seq, StateEntry, TimeMs,
};

/// Closed alarms kept for lists; older ones are only in the log.
const CLOSED_KEPT: usize = 1000;
/// Ended cases kept for lists and viewers, those that changed last; older ones are in the server's archive.
const ENDED_KEPT: usize = 1000;
/// Closed incidents kept for lists.
const CLOSED_INCIDENTS_KEPT: usize = 200;

/// Values with the sequence of their last change, and an index by that sequence. Each value occurs once in the index,
/// so "everything after s" is coalesced by construction and costs only what it returns.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tracked<K, V> {
    values: BTreeMap<K, (Seq, V)>,
    by_seq: BTreeSet<(Seq, K)>,
}

impl<K, V> Default for Tracked<K, V> {
    fn default() -> Self {
        Self { values: BTreeMap::new(), by_seq: BTreeSet::new() }
    }
}

impl<K: Ord + Copy, V> Tracked<K, V> {
    pub(crate) fn put(&mut self, key: K, value: V, seq: Seq) {
        if let Some((old, _)) = self.values.insert(key, (seq, value)) {
            self.by_seq.remove(&(old, key));
        }
        self.by_seq.insert((seq, key));
    }
    pub(crate) fn get(&self, key: K) -> Option<&V> {
        self.values.get(&key).map(|(_, v)| v)
    }
    fn seq_of(&self, key: K) -> Option<Seq> {
        self.values.get(&key).map(|(seq, _)| *seq)
    }
    fn remove(&mut self, key: K) -> Option<Seq> {
        let (seq, _) = self.values.remove(&key)?;
        self.by_seq.remove(&(seq, key));
        Some(seq)
    }
    fn take(&mut self, key: K) -> Option<V> {
        let (seq, value) = self.values.remove(&key)?;
        self.by_seq.remove(&(seq, key));
        Some(value)
    }
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, Seq, &V)> {
        self.values.iter().map(|(k, (seq, v))| (k, *seq, v))
    }
    fn since(&self, after: Seq) -> impl Iterator<Item = &V> {
        let newer = self.by_seq.iter().rev().take_while(move |(seq, _)| *seq > after);
        newer.filter_map(|(_, key)| self.get(*key))
    }
    fn len(&self) -> usize {
        self.values.len()
    }
}

/// What changed after a sequence.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Delta {
    /// Exclusive start.
    pub from_seq: Seq,
    /// Inclusive end.
    pub seq: Seq,
    /// Latest values that changed.
    pub state: Vec<StateRow>,
    /// Alarms that changed.
    pub alarms: Vec<Alarm>,
    /// Cases that changed.
    pub cases: Vec<Case>,
    /// Runs that changed.
    pub runs: Vec<Run>,
    /// Incidents that changed.
    pub incidents: Vec<Incident>,
}

impl Delta {
    /// The message that carries it.
    #[must_use]
    pub fn into_message(self, now: TimeMs) -> ServerMessage {
        let Delta { from_seq, seq, state, alarms, cases, runs, incidents } = self;
        ServerMessage::Delta { from_seq, seq, now, state, alarms, cases, runs, incidents }
    }
}

/// What a message changed in a viewer's copy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Everything was replaced; the lists are empty then.
    pub everything: bool,
    /// Series with a new latest value.
    pub state: Vec<(EntityId, PropertyId)>,
    /// Changed alarms.
    pub alarms: Vec<AlarmId>,
    /// Changed cases.
    pub cases: Vec<CaseId>,
    /// Changed runs.
    pub runs: Vec<RunId>,
    /// Changed incidents.
    pub incidents: Vec<IncidentId>,
}

/// A message that does not follow from what was received before: reconnect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// Something is missing in between.
    #[error("delta from sequence {from} does not join sequence {have}")]
    Gap {
        /// What the copy stands at.
        have: Seq,
        /// Where the delta starts.
        from: Seq,
    },
    /// The server refused.
    #[error("server: {0}")]
    Server(String),
}

/// Latest values, alarms, cases and runs up to one sequence.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LiveState {
    pub(crate) seq: Seq,
    pub(crate) latest: Tracked<(EntityId, PropertyId), StateEntry>,
    pub(crate) alarms: Tracked<AlarmId, Alarm>,
    pub(crate) cases: Tracked<CaseId, Case>,
    pub(crate) runs: Tracked<RunId, Run>,
    pub(crate) incidents: Tracked<IncidentId, Incident>,
    closed_incidents: VecDeque<IncidentId>,
    closed: VecDeque<AlarmId>,
    /// Ended cases by their last change.
    ended: BTreeSet<(Seq, CaseId)>,
    /// Change of the youngest closed alarm or ended case that was dropped: resuming from before it could leave it open.
    pub(crate) forgotten: Seq,
}

impl LiveState {
    /// Last sequence applied.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.seq
    }
    /// Latest value of a series.
    #[must_use]
    pub fn latest(&self, entity: EntityId, property: PropertyId) -> Option<&StateEntry> {
        self.latest.get((entity, property))
    }
    /// Latest values of one entity, by property.
    pub fn of_entity(&self, entity: EntityId) -> impl Iterator<Item = &StateEntry> {
        let series = (entity, PropertyId(0))..=(entity, PropertyId(u16::MAX));
        self.latest.values.range(series).map(|(_, (_, entry))| entry)
    }
    /// Every latest value, by (entity, property).
    pub fn iter(&self) -> impl Iterator<Item = &StateEntry> {
        self.latest.iter().map(|(_, _, entry)| entry)
    }
    /// Number of series with a value.
    #[must_use]
    pub fn len(&self) -> usize {
        self.latest.len()
    }
    /// True when no series has a value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Alarms by id: the open ones and the most recently closed.
    pub fn alarms(&self) -> impl DoubleEndedIterator<Item = &Alarm> {
        self.alarms.values.values().map(|(_, alarm)| alarm)
    }
    /// Open alarms by id.
    pub fn open_alarms(&self) -> impl DoubleEndedIterator<Item = &Alarm> {
        self.alarms().filter(|a| a.state.is_open())
    }
    /// One alarm.
    #[must_use]
    pub fn alarm(&self, id: AlarmId) -> Option<&Alarm> {
        self.alarms.get(id)
    }
    /// Cases by id: the open ones and those that ended or moved after their end most recently.
    pub fn cases(&self) -> impl DoubleEndedIterator<Item = &Case> {
        self.cases.values.values().map(|(_, case)| case)
    }
    /// One case.
    #[must_use]
    pub fn case(&self, id: CaseId) -> Option<&Case> {
        self.cases.get(id)
    }
    /// Runs by id.
    pub fn runs(&self) -> impl DoubleEndedIterator<Item = &Run> {
        self.runs.values.values().map(|(_, run)| run)
    }
    /// One run.
    #[must_use]
    pub fn run(&self, id: RunId) -> Option<&Run> {
        self.runs.get(id)
    }

    /// Incidents by id: the open ones and the most recently closed.
    pub fn incidents(&self) -> impl DoubleEndedIterator<Item = &Incident> {
        self.incidents.values.values().map(|(_, incident)| incident)
    }
    /// One incident.
    #[must_use]
    pub fn incident(&self, id: IncidentId) -> Option<&Incident> {
        self.incidents.get(id)
    }

    /// Takes a value as the latest when it is newer than the one held (by `observed_at`, then `seq`); true when taken.
    pub fn apply(&mut self, sample: Observation) -> bool {
        self.seq = self.seq.max(sample.seq);
        let held = self.latest(sample.entity, sample.property);
        let newer = held.is_none_or(|h| (sample.observed_at, sample.seq) > (h.observed_at, h.seq));
        if newer {
            self.put_latest(sample);
        }
        newer
    }

    pub(crate) fn put_latest(&mut self, sample: Observation) {
        self.latest.put((sample.entity, sample.property), sample, sample.seq);
    }

    pub(crate) fn put_alarm(&mut self, alarm: Alarm, seq: Seq) {
        let (id, state) = (alarm.id, alarm.state);
        let was_open = self.alarms.get(id).is_none_or(|a| a.state.is_open());
        self.alarms.put(id, alarm, seq);
        if state == AlarmState::Normal && was_open {
            self.closed.push_back(id);
        }
        while self.closed.len() > CLOSED_KEPT {
            let dropped = self.closed.pop_front().and_then(|old| self.alarms.remove(old));
            self.forgotten = self.forgotten.max(dropped.unwrap_or_default());
        }
    }

    /// Takes a case; returns the ended ones that are no longer kept for it.
    pub(crate) fn put_case(&mut self, case: Case, seq: Seq) -> Vec<(Seq, Case)> {
        let (id, is_open) = (case.id, case.stage.is_open());
        if let Some(old) = self.cases.seq_of(id) {
            self.ended.remove(&(old, id));
        }
        self.cases.put(id, case, seq);
        if !is_open {
            self.ended.insert((seq, id));
        }
        let mut dropped = Vec::new();
        while self.ended.len() > ENDED_KEPT {
            let Some((seq, id)) = self.ended.pop_first() else { break };
            dropped.extend(self.cases.take(id).map(|case| (seq, case)));
            self.forgotten = self.forgotten.max(seq);
        }
        dropped
    }

    pub(crate) fn alarm_seq(&self, id: AlarmId) -> Seq {
        self.alarms.seq_of(id).unwrap_or_default()
    }

    pub(crate) fn put_incident(&mut self, incident: Incident, seq: Seq) {
        let (id, closed) = (incident.id, incident.closed);
        let was_open = self.incidents.get(id).is_none_or(|i| !i.closed);
        self.incidents.put(id, incident, seq);
        if closed && was_open {
            self.closed_incidents.push_back(id);
        }
        while self.closed_incidents.len() > CLOSED_INCIDENTS_KEPT {
            let dropped = self.closed_incidents.pop_front().and_then(|old| self.incidents.remove(old));
            self.forgotten = self.forgotten.max(dropped.unwrap_or_default());
        }
    }

    /// What changed after `from`; `None` when that cannot be told (a sequence of the future, or so old that closed
    /// alarms or ended cases were forgotten since): send a snapshot then.
    #[must_use]
    pub fn delta_since(&self, from: Seq) -> Option<Delta> {
        if from > self.seq || from < self.forgotten {
            return None;
        }
        Some(Delta {
            from_seq: from,
            seq: self.seq,
            state: self.latest.since(from).map(StateRow::from).collect(),
            alarms: self.alarms.since(from).cloned().collect(),
            cases: self.cases.since(from).cloned().collect(),
            runs: self.runs.since(from).cloned().collect(),
            incidents: self.incidents.since(from).cloned().collect(),
        })
    }

    /// The message that carries everything.
    #[must_use]
    pub fn snapshot(&self) -> ServerMessage {
        ServerMessage::Snapshot {
            seq: self.seq,
            state: self.iter().map(StateRow::from).collect(),
            alarms: self.alarms().cloned().collect(),
            cases: self.cases().cloned().collect(),
            runs: self.runs().cloned().collect(),
            incidents: self.incidents().cloned().collect(),
        }
    }

    /// Applies a server message to a viewer's copy. `welcome` changes nothing.
    ///
    /// # Errors
    /// [`ProtocolError`]: the copy is unchanged and the viewer should reconnect without a resume token.
    pub fn apply_message(&mut self, message: &ServerMessage) -> Result<Changes, ProtocolError> {
        match message {
            ServerMessage::Welcome { .. } => Ok(Changes::default()),
            ServerMessage::Error { error } => Err(ProtocolError::Server(error.clone())),
            ServerMessage::Snapshot { seq, state, alarms, cases, runs, incidents } => {
                *self = LiveState::default();
                self.take(*seq, state, alarms, cases, runs);
                self.take_incidents(*seq, incidents);
                Ok(Changes { everything: true, ..Changes::default() })
            }
            ServerMessage::Delta { from_seq, seq, state, alarms, cases, runs, incidents, .. } => {
                if *from_seq > self.seq {
                    return Err(ProtocolError::Gap { have: self.seq, from: *from_seq });
                }
                if *seq < self.seq {
                    return Ok(Changes::default());
                }
                let changes = self.take(*seq, state, alarms, cases, runs);
                Ok(Changes { incidents: self.take_incidents(*seq, incidents), ..changes })
            }
        }
    }

    fn take_incidents(&mut self, seq: Seq, incidents: &[Incident]) -> Vec<IncidentId> {
        incidents.iter().for_each(|i| self.put_incident(i.clone(), seq));
        incidents.iter().map(|i| i.id).collect()
    }

    fn take(&mut self, seq: Seq, state: &[StateRow], alarms: &[Alarm], cases: &[Case], runs: &[Run]) -> Changes {
        let mut changes = Changes::default();
        for row in state {
            let sample = Observation::from(*row);
            let key = (sample.entity, sample.property);
            // The server decides which value is the latest; a delta may only overlap what is held, never go back.
            if self.latest.seq_of(key).is_none_or(|held| sample.seq > held) {
                self.put_latest(sample);
                changes.state.push(key);
            }
        }
        for alarm in alarms {
            self.put_alarm(alarm.clone(), seq);
            changes.alarms.push(alarm.id);
        }
        for case in cases {
            // A viewer keeps no archive.
            self.put_case(case.clone(), seq);
            changes.cases.push(case.id);
        }
        for run in runs {
            self.runs.put(run.id, run.clone(), seq);
            changes.runs.push(run.id);
        }
        self.seq = self.seq.max(seq);
        changes
    }

    /// Hash of all that a viewer shows: latest values with their stamps, open alarms, open cases, runs and the sequence.
    /// A viewer's copy and the server agree on it at the same sequence. FNV-1a, 64 bit: a check, not a signature.
    #[must_use]
    pub fn hash(&self) -> u64 {
        let mut h = Fnv::default();
        h.number(self.seq.0);
        for e in self.iter() {
            h.series(e);
            h.number(e.seq.0);
            h.number(u64::from(e.quality.0));
            h.number(e.received_at.0 as u64);
        }
        for a in self.open_alarms() {
            h.number(a.id.0);
            h.text(a.state.zh());
            h.number(a.value.to_bits());
            h.number(u64::from(a.count));
            h.number(a.raised_at.0 as u64);
            h.number(a.changed_at.0 as u64);
        }
        for i in self.incidents().filter(|i| !i.closed) {
            h.number(i.id.0);
            h.number(u64::from(i.place.0));
            for n in [i.members, i.open, i.active, i.unacknowledged] {
                h.number(u64::from(n));
            }
        }
        for c in self.cases().filter(|c| c.stage.is_open()) {
            h.number(c.id.0);
            h.text(c.stage.zh());
            h.text(&c.title);
            h.number(c.events.len() as u64);
        }
        for r in self.runs() {
            h.number(r.id.0);
            h.run_status(&r.status);
        }
        h.0
    }

    /// Hash of the latest values alone, without what depends on the order of arrival (sequence, LATE, FROZEN and SPIKE bits).
    #[must_use]
    pub fn values_hash(&self) -> u64 {
        let mut h = Fnv::default();
        for e in self.iter() {
            h.series(e);
            let arrival = Quality::LATE.with(Quality::FROZEN).with(Quality::SPIKE);
            h.number(u64::from(e.quality.0 & !arrival.0));
        }
        h.0
    }
}

/// FNV-1a, 64 bit (Fowler, Noll, Vo; RFC 9923), of bytes. Stable across versions and machines; not a signature.
#[must_use]
pub fn fnv1a_64(bytes: &[u8]) -> u64 {
    let mut h = Fnv::default();
    h.bytes(bytes);
    h.0
}

pub(crate) struct Fnv(pub(crate) u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    fn number(&mut self, n: u64) {
        self.bytes(&n.to_le_bytes());
    }
    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes(text.as_bytes());
    }
    fn series(&mut self, e: &StateEntry) {
        self.number(u64::from(e.entity.0) << 16 | u64::from(e.property.0));
        self.number(e.value.to_bits());
        self.number(e.observed_at.0 as u64);
    }
    fn run_status(&mut self, status: &RunStatus) {
        let (tag, frames, at) = match status {
            RunStatus::Queued => (0, 0, 0.0),
            RunStatus::Running { reached_s, frames } => (1, *frames, *reached_s),
            RunStatus::Done { frames } => (2, *frames, 0.0),
            RunStatus::Failed { .. } => (3, 0, 0.0),
            RunStatus::Cancelled => (4, 0, 0.0),
        };
        self.number(tag);
        self.number(u64::from(frames));
        self.number(at.to_bits());
    }
}
