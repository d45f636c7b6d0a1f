//! The single-writer state machine behind the log.

use crate::cases::{CaseBook, Figures};
use crate::dedup::Dedup;
use crate::live::LiveState;
use crate::log::{LogRecord, LoggedMessage, LoggedSample};
use crate::rules::{Occasion, RuleBook, RuleEngine, RulesSnapshot, Timer};
use crate::wire::StateRow;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use twin_model::{
    Alarm, AlarmId, AlarmOperation, Case, CaseId, CaseMove, CommunityModel, EntityId, EntityKind, Incident, NewCase,
    Observation, PropertyId, Quality, Run, RunId, RunStatus, Seq, TimeMs,
};

/// What decides which of two samples of a series is newer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct OrderKey {
    observed_at: i64,
    boot: u64,
    seq: u64,
    value_bits: u64,
    clocked: bool,
}

impl OrderKey {
    pub(crate) fn of(message: &LoggedMessage, sample: &LoggedSample) -> Self {
        Self {
            observed_at: sample.observed_at,
            boot: message.boot,
            seq: message.seq.unwrap_or(0),
            value_bits: sample.value.to_bits(),
            clocked: message.device_ts.is_some(),
        }
    }

    /// By device time, then by the device's own count, then by value so that ties do not depend on arrival. Samples of
    /// devices without a clock follow the device's count or, without one, arrival: our own clock may be set back.
    pub(crate) fn is_newer_than(&self, held: &OrderKey) -> bool {
        if !self.clocked && !held.clocked {
            return self.boot != held.boot || self.seq == 0 || self.seq > held.seq;
        }
        let key = |o: &OrderKey| (o.observed_at, o.boot, o.seq, o.value_bits);
        key(self) > key(held)
    }
}

/// What applying one record did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// Samples that became the latest value.
    pub newest: usize,
    /// Samples that went to history only.
    pub late: usize,
    /// Alarms raised for the first time.
    pub raised: Vec<AlarmId>,
}

/// All that is needed to go on after a restart without reading the whole log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EngineSnapshot {
    seq: Seq,
    latest: Vec<(StateRow, OrderKey)>,
    alarms: Vec<(Seq, Alarm)>,
    cases: Vec<(Seq, Case)>,
    runs: Vec<(Seq, Run)>,
    next_alarm: u64,
    forgotten: Seq,
    dedup: Dedup,
    /// Missing in snapshots of before there were figures; those hold every case.
    #[serde(default)]
    figures: Option<Figures>,
    #[serde(default)]
    last_case: u64,
    #[serde(default)]
    incidents: Vec<(Seq, Incident)>,
    /// Absent in snapshots of versions before rules had a state.
    #[serde(default)]
    rules: Option<RulesSnapshot>,
}

impl EngineSnapshot {
    /// Last sequence contained.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.seq
    }
}

/// Live state with what only the server needs: order keys and running rules. State is a function of the records applied
/// and the first rule book.
#[derive(Debug, Clone, Default)]
pub struct LiveEngine {
    pub(crate) live: LiveState,
    order: BTreeMap<(EntityId, PropertyId), OrderKey>,
    pub(crate) rules: RuleEngine,
    book: CaseBook,
    /// Ended cases that left the shared state and are not yet in an archive.
    retired: BTreeMap<CaseId, Case>,
    last_case: u64,
}

impl LiveEngine {
    /// Empty state watched by these rules.
    #[must_use]
    pub fn new(rules: RuleBook) -> Self {
        Self { rules: RuleEngine::new(rules), ..Self::default() }
    }

    /// Goes on from a snapshot; also returns what the intake must remember.
    #[must_use]
    pub fn restore(rules: RuleBook, snapshot: EngineSnapshot) -> (Self, Dedup) {
        let mut engine = Self::default();
        for (row, order) in snapshot.latest {
            engine.order.insert((row.0, row.1), order);
            engine.live.put_latest(row.into());
        }
        // Closed alarms first came in the order of their closing; keep it for the list of recent ones.
        let mut alarms = snapshot.alarms;
        alarms.sort_by_key(|(seq, alarm)| (*seq, alarm.id));
        for (seq, alarm) in alarms {
            engine.live.put_alarm(alarm, seq);
        }
        let mut incidents = snapshot.incidents;
        incidents.sort_by_key(|(seq, incident)| (*seq, incident.id));
        incidents.into_iter().for_each(|(seq, incident)| engine.live.put_incident(incident, seq));
        let figures = snapshot.figures.unwrap_or_else(|| Figures::of_cases(snapshot.cases.iter().map(|(_, c)| c)));
        engine.last_case = snapshot.cases.iter().map(|(_, c)| c.id.0).max().unwrap_or(0).max(snapshot.last_case);
        for (seq, case) in snapshot.cases {
            engine.book.hold(&case);
            engine.put_case(case, seq);
        }
        engine.book.figures = figures;
        for (seq, run) in snapshot.runs {
            engine.live.runs.put(run.id, run, seq);
        }
        engine.live.seq = snapshot.seq;
        engine.live.forgotten = snapshot.forgotten;
        engine.rules = match snapshot.rules {
            Some(saved) => RuleEngine::restore(&rules, saved, &engine.live, snapshot.next_alarm),
            None => RuleEngine::adopt(rules, &mut engine.live, snapshot.next_alarm),
        };
        (engine, snapshot.dedup)
    }

    /// Everything, for [`LiveEngine::restore`].
    #[must_use]
    pub fn snapshot(&self, dedup: &Dedup) -> EngineSnapshot {
        let latest = self.live.iter().filter_map(|entry| {
            let order = self.order.get(&(entry.entity, entry.property))?;
            Some((StateRow::from(entry), *order))
        });
        EngineSnapshot {
            seq: self.live.seq,
            latest: latest.collect(),
            alarms: self.live.alarms.iter().map(|(_, seq, a)| (seq, a.clone())).collect(),
            cases: self.live.cases.iter().map(|(_, seq, c)| (seq, c.clone())).collect(),
            runs: self.live.runs.iter().map(|(_, seq, r)| (seq, r.clone())).collect(),
            next_alarm: self.rules.next_alarm,
            forgotten: self.live.forgotten,
            dedup: dedup.clone(),
            figures: Some(self.book.figures.clone()),
            last_case: self.last_case,
            incidents: self.live.incidents.iter().map(|(_, seq, i)| (seq, i.clone())).collect(),
            rules: Some(self.rules.snapshot()),
        }
    }

    /// The state.
    #[must_use]
    pub fn live(&self) -> &LiveState {
        &self.live
    }

    /// The id that the next case gets.
    #[must_use]
    pub fn next_case_id(&self) -> CaseId {
        CaseId(self.last_case + 1)
    }

    /// Queue, near reports and figures of the cases.
    #[must_use]
    pub fn book(&self) -> &CaseBook {
        &self.book
    }

    /// A case in memory: shared with viewers, or waiting for the archive.
    #[must_use]
    pub fn case(&self, id: CaseId) -> Option<&Case> {
        self.live.case(id).or_else(|| self.retired.get(&id))
    }

    /// Ended cases that wait for the archive, by id.
    pub fn retired(&self) -> impl Iterator<Item = &Case> {
        self.retired.values()
    }

    /// The archive has all of [`LiveEngine::retired`], together with the snapshot of this moment.
    pub fn archived(&mut self) {
        for case in std::mem::take(&mut self.retired).values() {
            self.book.archived(case);
        }
    }

    /// The id that the next run gets.
    #[must_use]
    pub fn next_run_id(&self) -> RunId {
        RunId(self.live.runs.iter().map(|(id, _, _)| id.0).max().unwrap_or(0) + 1)
    }

    pub(crate) fn order(&self, key: (EntityId, PropertyId)) -> Option<&OrderKey> {
        self.order.get(&key)
    }

    /// Applies a record whose first sequence is `first` (its samples take `first`, `first + 1` …). Records that no
    /// longer fit (a move that the stage does not allow) change nothing but the sequence.
    pub fn apply(&mut self, first: Seq, record: &LogRecord) -> Applied {
        let mut applied = Applied::default();
        match record {
            LogRecord::Observations(messages) => {
                if let Some(latest) = messages.iter().map(|m| m.received_at).max() {
                    self.rules.at(TimeMs(latest));
                }
                for (seq, observation, order) in samples(first, messages) {
                    self.apply_sample(observation, order, &mut applied);
                    self.live.seq = seq;
                }
            }
            LogRecord::AlarmAck { alarm, at, by } => {
                self.rules.operate(&mut self.live, *alarm, &AlarmOperation::Acknowledge, (*at, *by, first));
            }
            LogRecord::CaseCreated { case } => {
                self.book.created(case);
                self.put_case(case.clone(), first);
            }
            LogRecord::CaseMoved { case, action, note, at, by, clock } => {
                let made = CaseMove { action: *action, at: *at, note: note.clone(), by: *by, clock: *clock };
                self.move_case(*case, made, first);
            }
            LogRecord::CasePhotoAdded { case, photo, .. } => {
                if let Some(mut shown) = self.case(*case).cloned() {
                    shown.photos.push(photo.clone());
                    self.recall(*case);
                    self.put_case(shown, first);
                }
            }
            LogRecord::CaseRecalled { case } => {
                self.book.hold(case);
                self.put_case((**case).clone(), first);
            }
            LogRecord::RunCreated { run, scenario, at, .. } => {
                let queued = Run { id: *run, scenario: scenario.clone(), created_at: *at, status: RunStatus::Queued };
                self.live.runs.put(*run, queued, first);
            }
            LogRecord::RunProgress { run, state } => {
                let held = self.live.run(*run);
                let unfinished = |r: &&Run| matches!(r.status, RunStatus::Queued | RunStatus::Running { .. });
                if let Some(run) = held.filter(unfinished).cloned() {
                    self.live.runs.put(run.id, Run { status: state.clone(), ..run }, first);
                }
            }
            record => self.apply_rule_record(first, record, &mut applied),
        }
        let last = first.0.saturating_add(record.seq_count().saturating_sub(1));
        self.live.seq = self.live.seq.max(Seq(last));
        applied
    }

    fn apply_rule_record(&mut self, seq: Seq, record: &LogRecord, applied: &mut Applied) {
        let (rules, live) = (&mut self.rules, &mut self.live);
        match record {
            LogRecord::Tick { at, elapsed_ms, resumed } => {
                applied.raised = rules.on_tick(live, seq, *at, *elapsed_ms, *resumed);
            }
            LogRecord::RulesChanged { rules: set, at } => {
                // They were compiled before they were logged; a pack that no longer fits them keeps the old ones.
                if let Ok(book) = rules.rules.with_rules((**set).clone()) {
                    rules.change_rules(live, book, *at, seq);
                }
            }
            LogRecord::AlarmOperated { alarm, operation, at, by } => {
                rules.operate(live, *alarm, operation, (*at, *by, seq));
            }
            LogRecord::ReturnedToService { rule, entity, at, .. } => {
                let occasion = Occasion { at: *at, seq, value: None };
                applied.raised = rules.return_to_service(live, (*rule, *entity), occasion);
            }
            LogRecord::ActionDone { alarm, index, .. } => {
                rules.due.remove(&(*alarm, *index));
            }
            LogRecord::CommandIssued { command } => {
                let left_ms = command.expires_at.0 - command.at.0;
                rules.timers.insert((rules.clock.saturating_add(left_ms), Timer::Expire(command.id)));
                rules.commands.issue((**command).clone());
            }
            LogRecord::CommandMoved { command, to, note, at, by } => {
                rules.commands.advance(*command, *to, note, (*at, *by));
            }
            _ => {}
        }
    }

    fn apply_sample(&mut self, mut sample: Observation, order: OrderKey, applied: &mut Applied) {
        let key = (sample.entity, sample.property);
        if self.order.get(&key).is_some_and(|held| !order.is_newer_than(held)) {
            applied.late += 1;
            self.rules.on_late(&mut self.live, &sample);
            return;
        }
        sample.quality = Quality(sample.quality.0 & !Quality::LATE.0);
        self.order.insert(key, order);
        self.live.put_latest(sample);
        applied.newest += 1;
        self.rules.on_sample(&mut self.live, &sample, &mut applied.raised);
    }

    fn move_case(&mut self, id: CaseId, made: CaseMove, seq: Seq) {
        let Some(before) = self.case(id).cloned() else { return };
        let (mut after, action, at) = (before.clone(), made.action, made.at);
        if after.apply_move(made).is_ok() {
            self.recall(id);
            self.book.moved(&before, &after, action, at);
            self.put_case(after, seq);
        }
    }

    /// A retired case is about to be shared again.
    fn recall(&mut self, id: CaseId) {
        if let Some(case) = self.retired.remove(&id) {
            self.book.hold(&case);
        }
    }

    fn put_case(&mut self, case: Case, seq: Seq) {
        self.last_case = self.last_case.max(case.id.0);
        for (_, dropped) in self.live.put_case(case, seq) {
            self.book.forget(&dropped);
            self.retired.insert(dropped.id, dropped);
        }
    }
}

/// The samples of a batch as observations, with their sequence and order.
fn samples(first: Seq, messages: &[LoggedMessage]) -> impl Iterator<Item = (Seq, Observation, OrderKey)> {
    let all = messages.iter().flat_map(|m| m.samples.iter().map(move |s| (m, s)));
    (first.0..).zip(all).map(|(seq, (message, s))| {
        let observation = Observation {
            seq: Seq(seq),
            entity: EntityId(s.entity),
            property: PropertyId(s.property),
            value: s.value,
            quality: Quality(s.quality),
            observed_at: TimeMs(s.observed_at),
            received_at: TimeMs(message.received_at),
        };
        (Seq(seq), observation, OrderKey::of(message, s))
    })
}

impl LogRecord {
    /// The samples of an observation batch whose first sequence is `first`, for a history table.
    pub fn observations(&self, first: Seq) -> impl Iterator<Item = Observation> {
        let messages = match self {
            LogRecord::Observations(messages) => messages.as_slice(),
            _ => &[],
        };
        samples(first, messages).map(|(_, observation, _)| observation)
    }
}

/// A report that cannot become a case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("case: {field} {problem}")]
pub struct NewCaseError {
    /// Field.
    pub field: &'static str,
    /// What is wrong and what is allowed.
    pub problem: String,
}

/// Checks a report and places it: at the given point or the entity's, in the grid that contains it.
///
/// # Errors
/// [`NewCaseError`] naming the field.
pub fn check_new_case(model: &CommunityModel, new: NewCase, id: CaseId, at: TimeMs) -> Result<Case, NewCaseError> {
    let fail = |field: &'static str, problem: String| NewCaseError { field, problem };
    for (field, text, least, most) in
        [("class", &new.class, 1, 40), ("title", &new.title, 1, 200), ("description", &new.description, 0, 4000)]
    {
        let length = text.trim().chars().count();
        if !(least..=most).contains(&length) {
            return Err(fail(field, format!("has {length} characters: must be {least}..{most}")));
        }
    }
    let entity = match new.entity {
        None => None,
        Some(e) => Some(model.get(e).ok_or_else(|| fail("entity", format!("{e} is not in the community")))?),
    };
    let p_enu = new.p_enu.or(entity.map(|e| e.p_enu));
    let p_enu = p_enu.ok_or_else(|| fail("p_enu", "is needed when no entity is given".to_owned()))?;
    if !p_enu.iter().all(|c| c.abs() <= 100_000.0) {
        return Err(fail("p_enu", format!("= {p_enu:?}: must lie within 100 km of the origin (m)")));
    }
    let around = entity.and_then(|e| model.nearest(e.id, EntityKind::Grid)).map(|g| g.id);
    let [class, title, description] = [&new.class, &new.title, &new.description].map(|text| text.trim().to_owned());
    Ok(Case {
        entity: new.entity,
        grid: around.or_else(|| model.grid_at([p_enu[0], p_enu[1]])),
        p_enu,
        ..Case::reported(id, class, title, description, at)
    })
}
