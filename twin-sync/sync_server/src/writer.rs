//! The single writer: commits in groups, applies, acknowledges.

mod rules;

pub(crate) use rules::RuleChange;

use crate::cases::{CaseDesk, ImportOutcome};
use crate::store::{DeadLetter, Store};
use crate::twin::{Twin, now};
use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, Instant};
use sync_core::{Admitted, Incoming, Intake, LiveState, LogRecord, LoggedMessage, cases::ImportedCase};
use tokio::sync::mpsc::Receiver;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use twin_model::{
    AccountId, Alarm, AlarmId, Case, CaseAction, CaseId, CasePhoto, DeviceCommand, EntityId, NewCase, PropertyId, Run,
    RunId, RunScenario, RunStatus, Seq, TimeMs,
};

/// Messages in one commit. There is no waiting for more: while one group is on its way to disk the next one gathers.
const GROUP: usize = 4096;
/// A snapshot is written after this time with changes, if not before.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(120);
/// Series whose old history is dropped with one snapshot.
const PRUNED_SERIES: usize = 64;

/// A message on its way to the log.
pub(crate) struct Message {
    pub(crate) client: Arc<str>,
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    pub(crate) received_at: TimeMs,
    pub(crate) retained: bool,
    /// Told when the message is on disk; `None` when nobody waits (QoS 0).
    pub(crate) ack: Option<oneshot::Sender<()>>,
    /// Frees queue space when the message is done.
    pub(crate) permit: OwnedSemaphorePermit,
}

/// A change asked for by a person or by the run manager.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    AcknowledgeAlarm(AlarmId),
    CreateCase(NewCase),
    MoveCase {
        case: CaseId,
        action: CaseAction,
        note: String,
    },
    AddPhoto {
        case: CaseId,
        photo: CasePhoto,
    },
    ImportCases(Vec<ImportedCase>),
    CreateRun(RunScenario),
    RunProgress(RunId, RunStatus),
    /// Alarms, commands and linked actions.
    Rule(RuleChange),
}

/// What a committed change made.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Alarm(Box<Alarm>),
    Case(Box<Case>),
    Imported(Vec<ImportOutcome>),
    Run(Box<Run>),
    Command(Box<DeviceCommand>),
    /// Done; there is nothing to show.
    Noted,
}

/// Why a change was not made; one clear line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    NotFound(String),
    Invalid(String),
    Conflict(String),
    Stopped(String),
}

/// Work for the writer.
pub(crate) enum Job {
    Message(Message),
    /// With who asked, if somebody with an account.
    Change(Change, Option<AccountId>, oneshot::Sender<Result<Reply, Refusal>>),
    /// Something may be due by itself.
    PassTime,
    /// Snapshot and end.
    Stop,
}

/// The writer thread's own things.
pub(crate) struct Writer {
    twin: Arc<Twin>,
    store: Store,
    intake: Intake,
    next: Seq,
    snapshot_at: Seq,
    snapshot_time: Instant,
    keep: Duration,
    snapshot_seqs: u64,
    prune_after: (EntityId, PropertyId),
    /// When the log last said that time has passed; `None` since the server started.
    ticked: Option<Instant>,
}

impl Writer {
    pub(crate) fn new(
        twin: Arc<Twin>,
        store: Store,
        intake: Intake,
        snapshot_at: Seq,
        keep: Duration,
        snapshot_seqs: u64,
    ) -> Self {
        let next = Seq(twin.read().live().seq().0 + 1);
        let prune_after = (EntityId(0), PropertyId(0));
        let snapshot_time = Instant::now();
        Self { twin, store, intake, next, snapshot_at, snapshot_time, keep, snapshot_seqs, prune_after, ticked: None }
    }

    /// Works until told to stop, until every sender is gone, or until the log cannot be written.
    pub(crate) fn run(mut self, mut jobs: Receiver<Job>) {
        let ended = self.work(&mut jobs);
        // Whoever still waits learns from the dropped channels that nothing was acknowledged.
        jobs.close();
        if let Err(reason) = ended.and_then(|()| self.take_snapshot()) {
            // Reading goes on, with red health; devices and changes are turned away.
            self.twin.fail(&reason);
        }
    }

    fn work(&mut self, jobs: &mut Receiver<Job>) -> Result<(), String> {
        let mut group = Vec::with_capacity(GROUP);
        while let Some(first) = jobs.blocking_recv() {
            let mut job = Some(first);
            let mut after = None;
            while let Some(next) = job.take() {
                match next {
                    Job::Message(message) => group.push(message),
                    other => {
                        after = Some(other);
                        break;
                    }
                }
                if group.len() < GROUP {
                    job = jobs.try_recv().ok();
                }
            }
            self.commit_messages(&mut group)?;
            match after {
                Some(Job::Stop) => return Ok(()),
                Some(Job::Change(change, by, done)) => {
                    let result = self.change(change, by)?;
                    // The asker may have gone; the change stands.
                    drop(done.send(result));
                }
                Some(Job::PassTime) => self.let_time_pass()?,
                Some(Job::Message(_)) | None => {}
            }
            self.keep_house()?;
        }
        Ok(())
    }

    fn commit_messages(&mut self, group: &mut Vec<Message>) -> Result<(), String> {
        if group.is_empty() {
            return Ok(());
        }
        let (fresh, dead) = self.admit(group);
        let metrics = &self.twin.metrics;
        metrics.dead_letters.add(dead.len());
        metrics.repeats.add(group.len() - fresh.len() - dead.len());
        let count = fresh.len();
        let mut records = Vec::new();
        if count > 0 {
            records.extend(self.tick());
            let first = Seq(self.next.0 + records.len() as u64);
            records.push((first, LogRecord::Observations(fresh)));
        }
        if count > 0 || !dead.is_empty() {
            self.commit(&records, &dead)?;
        }
        self.intake.committed();
        let metrics = &self.twin.metrics;
        metrics.committed.add(count);
        for message in group.drain(..) {
            if let Some(ack) = message.ack {
                // A device that has gone will send again; that is a repeat then.
                if ack.send(()).is_ok() {
                    metrics.acked.add(1);
                }
            }
            drop(message.permit);
        }
        Ok(())
    }

    fn admit(&mut self, group: &[Message]) -> (Vec<LoggedMessage>, Vec<DeadLetter>) {
        let twin = self.twin.clone();
        let engine = twin.read();
        let (mut fresh, mut dead) = (Vec::with_capacity(group.len()), Vec::new());
        for m in group {
            let incoming =
                Incoming { topic: &m.topic, payload: &m.payload, received_at: m.received_at, retained: m.retained };
            match self.intake.admit(&twin.index, &engine, incoming) {
                Ok(Admitted::New(message)) => fresh.push(message),
                Ok(Admitted::Repeat) => {}
                Err(reject) => dead.push(DeadLetter {
                    received_at: m.received_at,
                    client: m.client.to_string(),
                    topic: m.topic.chars().take(512).collect(),
                    reason: reject.to_string(),
                    payload: m.payload.to_vec(),
                }),
            }
        }
        (fresh, dead)
    }

    /// Writes, then applies, then tells the viewers.
    fn commit(&mut self, records: &[(Seq, LogRecord)], dead: &[DeadLetter]) -> Result<(), String> {
        let started = Instant::now();
        self.store.commit(now(), records, dead)?;
        self.twin.metrics.commit_took(started.elapsed());
        let mut engine = self.twin.write();
        let mut raised = 0;
        for (first, record) in records {
            let applied = engine.apply(*first, record);
            self.twin.metrics.samples.add(applied.newest + applied.late);
            self.twin.metrics.late_samples.add(applied.late);
            self.twin.metrics.alarms_raised.add(applied.raised.len());
            raised += applied.raised.len() as u64;
            self.next = Seq(first.0 + record.seq_count());
        }
        let seq = engine.live().seq();
        drop(engine);
        self.twin.seq.send_replace(seq);
        if raised > 0 {
            self.twin.alarms.send_modify(|n| *n += raised);
        }
        Ok(())
    }

    /// The outer error stops the server, the inner one is the asker's.
    fn change(&mut self, change: Change, by: Option<AccountId>) -> Result<Result<Reply, Refusal>, String> {
        let change = match change {
            Change::Rule(change) => return self.rule_change(change, by),
            other => other,
        };
        let desk = CaseDesk { twin: &self.twin, store: &self.store, by };
        let made = match desk.records(&change) {
            Some(made) => made,
            None => self.record_of(change, by).map(|record| (vec![record], vec![])),
        };
        let (made, outcomes) = match made {
            Ok(made) => made,
            Err(refusal) => return Ok(Err(refusal)),
        };
        // Whatever is not observations takes one sequence each.
        let records: Vec<(Seq, LogRecord)> = (self.next.0..).map(Seq).zip(made).collect();
        if !records.is_empty() {
            self.commit(&records, &[])?;
        }
        self.twin.metrics.changes.add(1);
        Ok(match records.last() {
            Some((_, record)) if outcomes.is_empty() => reply_to(record, self.twin.read().live()),
            _ => Ok(Reply::Imported(outcomes)),
        })
    }

    fn record_of(&self, change: Change, by: Option<AccountId>) -> Result<LogRecord, Refusal> {
        let at = now();
        let engine = self.twin.read();
        let live = engine.live();
        Ok(match change {
            Change::Rule(_) => return Err(Refusal::Invalid("a rule change has records of its own".to_owned())),
            Change::AcknowledgeAlarm(alarm) => {
                let held = live.alarm(alarm).ok_or_else(|| Refusal::NotFound(format!("no alarm {alarm}")))?;
                if held.state.acknowledged() == held.state {
                    let line = format!("alarm {alarm} is {}: there is nothing to acknowledge", held.state.zh());
                    return Err(Refusal::Conflict(line));
                }
                LogRecord::AlarmAck { alarm, at, by }
            }
            Change::CreateRun(scenario) => {
                scenario.validate().map_err(|e| Refusal::Invalid(e.to_string()))?;
                LogRecord::RunCreated { run: engine.next_run_id(), scenario, at, by }
            }
            Change::RunProgress(run, state) => {
                let held = live.run(run).ok_or_else(|| Refusal::NotFound(format!("no run {run}")))?;
                if !matches!(held.status, RunStatus::Queued | RunStatus::Running { .. }) {
                    return Err(Refusal::Conflict(format!("run {run} has ended already")));
                }
                LogRecord::RunProgress { run, state }
            }
            // The case desk made records of them.
            Change::CreateCase(_) | Change::MoveCase { .. } | Change::AddPhoto { .. } | Change::ImportCases(_) => {
                return Err(Refusal::Stopped("a change of cases went past the case desk".to_owned()));
            }
        })
    }

    fn keep_house(&mut self) -> Result<(), String> {
        let behind = self.next.0.saturating_sub(self.snapshot_at.0 + 1);
        if behind >= self.snapshot_seqs || (behind > 0 && self.snapshot_time.elapsed() >= SNAPSHOT_EVERY) {
            self.take_snapshot()?;
        }
        Ok(())
    }

    fn take_snapshot(&mut self) -> Result<(), String> {
        let (snapshot, ended, series) = {
            let engine = self.twin.read();
            let later = engine.live().iter().map(|e| (e.entity, e.property)).filter(|key| *key > self.prune_after);
            let series: Vec<_> = later.take(PRUNED_SERIES).collect();
            let ended: Vec<Case> = engine.retired().cloned().collect();
            (engine.snapshot(self.intake.dedup()), ended, series)
        };
        let keep_ms = i64::try_from(self.keep.as_millis()).unwrap_or(i64::MAX);
        let keep_from = TimeMs(now().0.saturating_sub(keep_ms));
        self.store.snapshot(&snapshot, &ended, keep_from)?;
        self.twin.write().archived();
        self.store.prune(&series, keep_from)?;
        self.prune_after = series.last().copied().unwrap_or_default();
        self.snapshot_at = snapshot.seq();
        self.snapshot_time = Instant::now();
        Ok(())
    }
}

/// The changed thing, after the record was applied.
fn reply_to(record: &LogRecord, live: &LiveState) -> Result<Reply, Refusal> {
    let reply = match record {
        LogRecord::AlarmAck { alarm, .. } => live.alarm(*alarm).map(|a| Reply::Alarm(Box::new(a.clone()))),
        LogRecord::CaseCreated { case } => live.case(case.id).map(|c| Reply::Case(Box::new(c.clone()))),
        LogRecord::CaseRecalled { case } => live.case(case.id).map(|c| Reply::Case(Box::new(c.clone()))),
        LogRecord::CaseMoved { case, .. } | LogRecord::CasePhotoAdded { case, .. } => {
            live.case(*case).map(|c| Reply::Case(Box::new(c.clone())))
        }
        LogRecord::RunCreated { run, .. } | LogRecord::RunProgress { run, .. } => {
            live.run(*run).map(|r| Reply::Run(Box::new(r.clone())))
        }
        _ => None,
    };
    reply.ok_or_else(|| Refusal::NotFound("the change is committed, but its subject is no longer listed".to_owned()))
}
