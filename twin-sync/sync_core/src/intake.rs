//! Admission of messages: who is observed, is it a repeat, how good is it, is it late.

use crate::binding::{BindingIndex, Target};
use crate::dedup::Dedup;
use crate::engine::{LiveEngine, OrderKey};
use crate::live::{Fnv, fnv1a_64};
use crate::log::{LoggedMessage, LoggedSample};
use crate::motion::Motions;
use crate::payload::{DecodeError, Payload};
use std::collections::BTreeMap;
use twin_model::{EntityId, PropertyId, Quality, TimeMs};

/// How far a device clock may run ahead of ours, ms.
const MAX_AHEAD_MS: i64 = 5 * 60 * 1000;

/// A message as it came from the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incoming<'a> {
    /// Topic.
    pub topic: &'a str,
    /// Payload.
    pub payload: &'a [u8],
    /// When it was received.
    pub received_at: TimeMs,
    /// Delivered as a retained message.
    pub retained: bool,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Admitted {
    /// To be logged.
    New(LoggedMessage),
    /// Accepted before: acknowledge it and forget it.
    Repeat,
}

/// Why a message is a dead letter.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Reject {
    /// No binding names the topic.
    #[error("no binding for topic {0:?}")]
    UnknownTopic(String),
    /// Undecodable.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// Admits messages one by one. Belongs to the single writer; what it admits must be logged or the process must stop.
#[derive(Debug, Clone, Default)]
pub struct Intake {
    dedup: Dedup,
    pending: BTreeMap<(EntityId, PropertyId), OrderKey>,
    motions: Motions,
}

impl Intake {
    /// Goes on with what a snapshot remembered.
    #[must_use]
    pub fn new(dedup: Dedup) -> Self {
        Self { dedup, ..Self::default() }
    }

    /// What is remembered, for a snapshot.
    #[must_use]
    pub fn dedup(&self) -> &Dedup {
        &self.dedup
    }

    /// Decodes and judges one message against the state and what was admitted since [`Intake::committed`].
    ///
    /// # Errors
    /// [`Reject`] when nothing in it can be used; the message belongs into the dead letters.
    pub fn admit(
        &mut self,
        index: &BindingIndex,
        engine: &LiveEngine,
        message: Incoming<'_>,
    ) -> Result<Admitted, Reject> {
        let targets = index.targets(message.topic);
        if targets.is_empty() {
            return Err(Reject::UnknownTopic(message.topic.chars().take(200).collect()));
        }
        let payload = Payload::decode(message.payload)?;
        let device = fnv1a_64(message.topic.as_bytes());
        if payload.seq.is_some_and(|seq| self.dedup.has_seq(device, payload.boot, seq)) {
            return Ok(Admitted::Repeat);
        }
        let (observed_at, quality) = stamp(payload.ts, message.received_at, message.retained);
        let mut logged = LoggedMessage {
            device,
            boot: payload.boot,
            seq: payload.seq,
            device_ts: payload.ts.map(|t| t.0),
            received_at: message.received_at.0,
            samples: Vec::with_capacity(targets.len()),
        };
        let mut first_error = None;
        let mut repeats = 0;
        for target in targets {
            match payload.reading(&target.payload_path) {
                Err(error) => {
                    first_error.get_or_insert(error);
                }
                Ok(reading) if self.repeats(&logged, target, reading.value) => repeats += 1,
                Ok(reading) => {
                    let (series, traits) = ((target.entity, target.property), index.traits(target.property));
                    let moved = self.motions.judge(series, traits, observed_at.0, reading.value);
                    let bits = quality.with(judge(reading.value, reading.doubtful, target)).with(moved);
                    logged.samples.push(sample(target, reading.value, bits, observed_at));
                }
            }
        }
        match (logged.samples.is_empty(), repeats, first_error) {
            (true, 0, Some(error)) => return Err(error.into()),
            (true, _, _) => return Ok(Admitted::Repeat),
            _ => {}
        }
        self.mark_late(engine, &mut logged);
        self.remember(&logged);
        Ok(Admitted::New(logged))
    }

    /// Everything admitted so far is now part of the state.
    pub fn committed(&mut self) {
        self.pending.clear();
    }

    /// Remembers a logged message, when the log is read back.
    pub fn remember(&mut self, message: &LoggedMessage) {
        match (message.seq, message.device_ts) {
            (Some(seq), _) => self.dedup.mark_seq(message.device, message.boot, seq),
            (None, Some(ts)) => {
                for s in &message.samples {
                    self.dedup.mark_sample(series_key(message.device, s.entity, s.property), ts, s.value);
                }
            }
            (None, None) => {}
        }
    }

    fn repeats(&self, message: &LoggedMessage, target: &Target, value: f64) -> bool {
        let key = series_key(message.device, target.entity.0, target.property.0);
        message.seq.is_none() && message.device_ts.is_some_and(|ts| self.dedup.has_sample(key, ts, value))
    }

    fn mark_late(&mut self, engine: &LiveEngine, message: &mut LoggedMessage) {
        for i in 0..message.samples.len() {
            let Some(sample) = message.samples.get(i).copied() else { continue };
            let key = (EntityId(sample.entity), PropertyId(sample.property));
            let order = OrderKey::of(message, &sample);
            let held = self.pending.get(&key).or_else(|| engine.order(key));
            if held.is_none_or(|held| order.is_newer_than(held)) {
                self.pending.insert(key, order);
            } else if let Some(slot) = message.samples.get_mut(i) {
                slot.quality |= Quality::LATE.0;
            }
        }
    }
}

fn sample(target: &Target, value: f64, quality: Quality, observed_at: TimeMs) -> LoggedSample {
    LoggedSample {
        entity: target.entity.0,
        property: target.property.0,
        value,
        quality: quality.0,
        observed_at: observed_at.0,
    }
}

/// Time and time-related quality of a message.
fn stamp(ts: Option<TimeMs>, received_at: TimeMs, retained: bool) -> (TimeMs, Quality) {
    let kept = if retained { Quality::RETAINED } else { Quality::GOOD };
    match ts {
        None => (received_at, kept.with(Quality::NO_CLOCK)),
        Some(t) if t.0 > received_at.0.saturating_add(MAX_AHEAD_MS) => (received_at, kept.with(Quality::CLOCK_SKEW)),
        Some(t) => (t, kept),
    }
}

fn judge(value: f64, doubtful: bool, target: &Target) -> Quality {
    let (least, greatest) = target.range;
    let range = if value < least || value > greatest { Quality::BAD_RANGE } else { Quality::GOOD };
    if doubtful { range.with(Quality::DEVICE_DOUBT) } else { range }
}

fn series_key(device: u64, entity: u32, property: u16) -> u64 {
    let mut h = Fnv(device);
    h.bytes(&entity.to_le_bytes());
    h.bytes(&property.to_le_bytes());
    h.0
}
