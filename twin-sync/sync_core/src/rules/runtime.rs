//! The running rules: one slot for each (rule, entity), timers, and what a sample or the passing of time does to them.
//!
//! Time is the rule clock: it starts at the time of the first record and moves by what [`crate::LogRecord::Tick`] records
//! say has passed, never by a clock of its own and never by a server clock that was set. So a replay decides as the
//! first run did.

use super::alarm_store::Occasion;
use super::book::{Compiled, InputRef, Role, RuleBook, SlotDef};
use super::check::{Check, Input};
use super::downlink::Commands;
use super::floods::Floods;
use super::geometry::edge_distance_m;
use super::journal::Journal;
use crate::live::LiveState;
use crate::stale::STALE_AFTER_INTERVALS;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use twin_model::{
    AccountId, Aggregate, AlarmId, DeviceCommandId, EntityId, Observation, PropertyId, Quality, Seq, StateEntry, TimeMs,
};

/// Samples of a rate's window that are kept at most.
const WINDOW_SAMPLES: i64 = 64;

/// Something that happens when the rule clock gets there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Timer {
    /// A condition may have held long enough.
    Delay(u32),
    /// A device may have been silent for too long.
    Silence(u32),
    /// A shelving ends.
    Unshelve(AlarmId),
    /// Nobody acknowledged in time.
    Escalate(AlarmId),
    /// A command must not be carried out any more.
    Expire(DeviceCommandId),
}

/// What is known of one (rule, entity).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Slot {
    /// The condition as the last sample gave it.
    pub(crate) raw: bool,
    /// The condition after its delays: an alarm is or would be active.
    pub(crate) raised: bool,
    /// Since when `raw` holds, ms: device time.
    pub(crate) since_observed: i64,
    /// The same on the rule clock; for a rule of silence, when the device was last heard (0: never).
    pub(crate) since_clock: i64,
}

/// Why a (rule, entity) is out of service (停用).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutOfService {
    /// Number of the rule.
    pub rule: u16,
    /// Entity.
    pub entity: EntityId,
    /// Reason given.
    pub reason: String,
    /// Since when.
    pub at: TimeMs,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<AccountId>,
}

/// What a sample says about a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Met,
    Cleared,
    /// Between limit and hysteresis, or not known: as before.
    Same,
}

impl Verdict {
    fn of(met: bool) -> Self {
        if met { Verdict::Met } else { Verdict::Cleared }
    }
}

/// The state of all rules: a function of the records applied.
#[derive(Debug, Clone, Default)]
pub(crate) struct RuleEngine {
    pub(crate) rules: RuleBook,
    pub(crate) slots: Vec<Slot>,
    /// Open alarms by slot.
    pub(crate) open: BTreeMap<u32, AlarmId>,
    pub(crate) timers: BTreeSet<(i64, Timer)>,
    /// Rule clock, ms; 0 before the first record.
    pub(crate) clock: i64,
    /// Server time of the last record.
    pub(crate) wall: TimeMs,
    /// Rule clock at the last start of the server.
    pub(crate) resumed: i64,
    pub(crate) windows: BTreeMap<u32, VecDeque<(i64, f64)>>,
    /// The three last times that a slot with an open alarm was raised.
    pub(crate) raises: BTreeMap<u32, [i64; 3]>,
    pub(crate) out_of_service: BTreeMap<(u16, EntityId), OutOfService>,
    /// Alarms whose actions and escalation have begun.
    pub(crate) announced: BTreeSet<AlarmId>,
    /// When the next escalation of an alarm is due, rule clock.
    pub(crate) escalating: BTreeMap<AlarmId, i64>,
    /// When the shelving of an alarm ends, rule clock.
    pub(crate) shelved: BTreeMap<AlarmId, i64>,
    /// Linked actions that are still to be done.
    pub(crate) due: BTreeSet<(AlarmId, u8)>,
    pub(crate) commands: Commands,
    pub(crate) floods: Floods,
    pub(crate) journal: Journal,
    pub(crate) next_alarm: u64,
}

impl RuleEngine {
    pub(crate) fn new(rules: RuleBook) -> Self {
        let slots = vec![Slot::default(); rules.watched()];
        Self { rules, slots, next_alarm: 1, ..Self::default() }
    }

    /// Notes the server time of a record; the first one starts the rule clock.
    pub(crate) fn at(&mut self, wall: TimeMs) {
        self.wall = wall;
        if self.clock == 0 {
            self.clock = wall.0.max(1);
            self.resumed = self.clock;
        }
    }

    /// What a sample that became the latest value means. Impossible, simulated and spiking values decide nothing.
    pub(crate) fn on_sample(&mut self, live: &mut LiveState, sample: &Observation, raised: &mut Vec<AlarmId>) {
        let book = self.rules.book.clone();
        let usable = usable(sample.quality);
        let occasion = Occasion { at: sample.observed_at, seq: sample.seq, value: Some(sample.value) };
        for watch in book.watches(sample.entity) {
            if watch.property.is_some_and(|p| p != sample.property) {
                continue;
            }
            match watch.role {
                Role::Heard(slot) => self.heard(live, slot, occasion),
                Role::Slot(slot) if usable => self.consider(live, slot, sample, raised),
                Role::Member(group) if usable => {
                    let slots = book.groups.get(group as usize).map_or(&[][..], |g| &g.slots);
                    slots.iter().for_each(|slot| self.consider(live, *slot, sample, raised));
                }
                Role::Slot(_) | Role::Member(_) => {}
            }
        }
    }

    /// A late sample moves no value, but its device is there.
    pub(crate) fn on_late(&mut self, live: &mut LiveState, sample: &Observation) {
        let book = self.rules.book.clone();
        let occasion = Occasion { at: self.wall, seq: sample.seq, value: None };
        for watch in book.watches(sample.entity) {
            if let Role::Heard(slot) = watch.role {
                self.heard(live, slot, occasion);
            }
        }
    }

    fn heard(&mut self, live: &mut LiveState, slot: u32, occasion: Occasion) {
        let clock = self.clock;
        let Some(state) = self.slots.get_mut(slot as usize) else { return };
        let first = state.since_clock == 0;
        state.since_clock = clock;
        state.raw = false;
        if first && let Some(limit) = self.silence_ms(slot) {
            self.timers.insert((clock + limit, Timer::Silence(slot)));
        }
        if self.slots.get(slot as usize).is_some_and(|s| s.raised) {
            self.flip(live, slot, occasion, &mut Vec::new());
            if let Some(limit) = self.silence_ms(slot) {
                self.timers.insert((clock + limit, Timer::Silence(slot)));
            }
        }
    }

    fn silence_ms(&self, slot: u32) -> Option<i64> {
        let (def, rule) = self.rules.book.of_slot(slot)?;
        let Check::NoData { intervals, grace_ms } = rule.check else { return None };
        self.rules.book.silence_ms(def.entity, intervals, grace_ms)
    }

    fn consider(&mut self, live: &mut LiveState, slot: u32, sample: &Observation, raised: &mut Vec<AlarmId>) {
        let book = self.rules.book.clone();
        let Some((def, rule)) = book.of_slot(slot) else { return };
        let verdict = self.judge(live, slot, def, rule, sample);
        self.settle(live, slot, rule, verdict, sample, raised);
    }

    fn judge(&mut self, live: &LiveState, slot: u32, def: SlotDef, rule: &Compiled, sample: &Observation) -> Verdict {
        match &rule.check {
            Check::Threshold { at_least: true, limit, clear, .. } => {
                if sample.value >= *limit {
                    Verdict::Met
                } else if sample.value < *clear {
                    Verdict::Cleared
                } else {
                    Verdict::Same
                }
            }
            Check::Threshold { limit, clear, .. } => {
                if sample.value <= *limit {
                    Verdict::Met
                } else if sample.value > *clear {
                    Verdict::Cleared
                } else {
                    Verdict::Same
                }
            }
            Check::Rate { at_least, per_hour, window_ms, .. } => {
                self.judge_rate(slot, sample, *at_least, *per_hour, *window_ms)
            }
            Check::Geo { x, y, area, inside, hysteresis_m } => {
                let at = |p: &PropertyId| live.latest(def.entity, *p).filter(|e| usable(e.quality));
                // Both coordinates must be of the same moment: between the two samples of one fix the point is nowhere.
                let (Some(x), Some(y)) = (at(x), at(y)) else { return Verdict::Same };
                if x.observed_at != y.observed_at {
                    return Verdict::Same;
                }
                let p = [x.value, y.value];
                let met = area.contains(p) == *inside;
                let raw = self.slots.get(slot as usize).is_some_and(|s| s.raw);
                if !met && raw && edge_distance_m(area, p) < *hysteresis_m { Verdict::Same } else { Verdict::of(met) }
            }
            Check::Expression { cel, clear, inputs } => {
                let refs = self.rules.book.inputs(slot, rule, inputs.len());
                let value = |i: usize| self.input(live, def, refs.get(i)?, inputs.get(i)?, sample.received_at);
                match (cel.evaluate(value), clear) {
                    (Some(true), _) => Verdict::Met,
                    (Some(false), None) => Verdict::Cleared,
                    (Some(false), Some(clear)) if clear.evaluate(value) == Some(true) => Verdict::Cleared,
                    _ => Verdict::Same,
                }
            }
            Check::NoData { .. } => Verdict::Same,
        }
    }

    /// Change over the window, from the last sample at or before its start; the first samples decide nothing.
    fn judge_rate(
        &mut self,
        slot: u32,
        sample: &Observation,
        at_least: bool,
        per_hour: f64,
        window_ms: i64,
    ) -> Verdict {
        let window = self.windows.entry(slot).or_default();
        let now = sample.observed_at.0;
        while window.get(1).is_some_and(|(t, _)| *t <= now - window_ms) {
            window.pop_front();
        }
        if window.front().is_some_and(|(t, _)| *t < now - 4 * window_ms) {
            window.pop_front();
        }
        let reference = window.front().copied();
        if window.back().is_none_or(|(t, _)| now - *t >= window_ms / WINDOW_SAMPLES) {
            window.push_back((now, sample.value));
        }
        let Some((then, value)) = reference.filter(|(t, _)| now - *t >= window_ms / 2) else { return Verdict::Same };
        let rate = (sample.value - value) * 3_600_000.0 / (now - then) as f64;
        Verdict::of(if at_least { rate >= per_hour } else { rate <= per_hour })
    }

    fn input(&self, live: &LiveState, def: SlotDef, source: &InputRef, input: &Input, now: TimeMs) -> Option<f64> {
        let book = &self.rules.book;
        let value = |entity: EntityId| {
            let interval_ms = book.world.facts(entity).map_or(0, |c| c.interval_ms);
            let entry = live.latest(entity, input.property)?;
            (usable(entry.quality) && is_fresh(entry, now, interval_ms)).then_some(entry.value)
        };
        match source {
            InputRef::Own => value(def.entity),
            InputRef::Group(group) => {
                let members = &book.groups.get(*group as usize)?.members;
                aggregate(input, members.iter().filter_map(|e| value(*e)))
            }
        }
    }

    /// Takes a verdict in and flips the slot when its delay has passed.
    fn settle(
        &mut self,
        live: &mut LiveState,
        slot: u32,
        rule: &Compiled,
        verdict: Verdict,
        sample: &Observation,
        raised: &mut Vec<AlarmId>,
    ) {
        let clock = self.clock;
        let Some(state) = self.slots.get_mut(slot as usize) else { return };
        let target = match verdict {
            Verdict::Met => true,
            Verdict::Cleared => false,
            Verdict::Same => state.raw,
        };
        let changed = target != state.raw;
        if changed {
            *state = Slot { raw: target, since_observed: sample.observed_at.0, since_clock: clock, ..*state };
        }
        let state = *state;
        let occasion = Occasion { at: sample.observed_at, seq: sample.seq, value: Some(sample.value) };
        if state.raw == state.raised {
            if changed && target {
                self.came_back(live, slot, occasion);
            }
            return;
        }
        let delay = self.delay_ms(live, slot, rule, target);
        if sample.observed_at.0 - state.since_observed >= delay || clock - state.since_clock >= delay {
            self.flip(live, slot, occasion, raised);
        } else if changed {
            self.timers.insert((state.since_clock + delay, Timer::Delay(slot)));
        }
    }

    /// How long the condition must hold, or be gone. What chatters must be quiet for a minute.
    pub(crate) fn delay_ms(&self, live: &LiveState, slot: u32, rule: &Compiled, on: bool) -> i64 {
        if on {
            return rule.on_delay_ms;
        }
        let alarm = self.open.get(&slot).and_then(|id| live.alarm(*id));
        let quiet = if alarm.is_some_and(|a| a.chattering) { super::journal::CHATTER_MS } else { 0 };
        rule.off_delay_ms.max(quiet)
    }

    /// Lets time pass. `at` is the server's time, `elapsed_ms` what really passed since the last tick.
    pub(crate) fn on_tick(
        &mut self,
        live: &mut LiveState,
        seq: Seq,
        at: TimeMs,
        elapsed_ms: u64,
        resumed: bool,
    ) -> Vec<AlarmId> {
        self.at(at);
        self.clock = self.clock.saturating_add(i64::try_from(elapsed_ms).unwrap_or(0));
        if resumed {
            self.resumed = self.clock;
        }
        let mut raised = Vec::new();
        let occasion = Occasion { at, seq, value: None };
        while let Some((due, timer)) = self.timers.first().copied().filter(|(due, _)| *due <= self.clock) {
            self.timers.remove(&(due, timer));
            match timer {
                Timer::Delay(slot) => self.delay_passed(live, (due, slot), occasion, &mut raised),
                Timer::Silence(slot) => self.silence_passed(live, (due, slot), occasion, &mut raised),
                Timer::Unshelve(alarm) => self.shelving_ends(live, alarm, due, occasion),
                Timer::Escalate(alarm) => self.escalate(live, alarm, due, occasion),
                Timer::Expire(command) => self.commands.expire(command),
            }
        }
        raised
    }

    /// The rule clock at which something is due next.
    pub(crate) fn next_due(&self) -> Option<i64> {
        self.timers.first().map(|(due, _)| *due)
    }

    fn delay_passed(
        &mut self,
        live: &mut LiveState,
        (timed, slot): (i64, u32),
        occasion: Occasion,
        raised: &mut Vec<AlarmId>,
    ) {
        let book = self.rules.book.clone();
        let (Some((def, rule)), Some(state)) = (book.of_slot(slot), self.slots.get(slot as usize).copied()) else {
            return;
        };
        if state.raw == state.raised {
            return;
        }
        let due = state.since_clock + self.delay_ms(live, slot, rule, state.raw);
        if due > timed {
            // The condition went and came back meanwhile, or it has begun to chatter: its turn comes later, also when
            // this very tick reaches it. The order of turns must not depend on which timers a restart has dropped.
            self.timers.insert((due, Timer::Delay(slot)));
            return;
        }
        let value = live.latest(def.entity, book.property(def)).map(|e| e.value);
        self.flip(live, slot, Occasion { value, ..occasion }, raised);
    }

    fn silence_passed(
        &mut self,
        live: &mut LiveState,
        (timed, slot): (i64, u32),
        occasion: Occasion,
        raised: &mut Vec<AlarmId>,
    ) {
        let (Some(limit), Some(state)) = (self.silence_ms(slot), self.slots.get(slot as usize).copied()) else {
            return;
        };
        if state.raised {
            return;
        }
        let due = state.since_clock.max(self.resumed) + limit;
        if due > timed {
            self.timers.insert((due, Timer::Silence(slot)));
            return;
        }
        if let Some(state) = self.slots.get_mut(slot as usize) {
            *state = Slot { raw: true, since_observed: occasion.at.0, ..*state };
        }
        self.flip(live, slot, occasion, raised);
    }
}

/// True when a value may decide about alarms: physically possible, measured, and no spike.
fn usable(quality: Quality) -> bool {
    quality.0 & (Quality::BAD_RANGE.0 | Quality::SIMULATED.0 | Quality::SPIKE.0) == 0
}

fn is_fresh(entry: &StateEntry, now: TimeMs, interval_ms: i64) -> bool {
    interval_ms <= 0 || (now.0 - entry.received_at.0) as f64 <= interval_ms as f64 * STALE_AFTER_INTERVALS
}

fn aggregate(input: &Input, values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut n, mut sum, mut least, mut most, mut count) = (0u32, 0.0, f64::INFINITY, f64::NEG_INFINITY, 0u32);
    for v in values {
        n += 1;
        sum += v;
        least = if v < least { v } else { least };
        most = if v > most { v } else { most };
        count += u32::from(v >= input.at_least);
    }
    match input.aggregate {
        Aggregate::Count => Some(f64::from(count)),
        _ if n == 0 => None,
        Aggregate::Max => Some(most),
        Aggregate::Min => Some(least),
        Aggregate::Mean => Some(sum / f64::from(n)),
        Aggregate::Sum => Some(sum),
    }
}
