//! What operators do with alarms, and what happens when the rules themselves change.

use super::alarm_store::Occasion;
use super::book::RuleBook;
use super::check::Check;
use super::runtime::{OutOfService, RuleEngine, Slot, Timer};
use crate::live::LiveState;
use twin_model::{AccountId, Alarm, AlarmId, AlarmOperation, AlarmState, Seq, Shelving, TimeMs};

/// Longest shelving, minutes.
pub const MAX_SHELVE_MIN: u32 = 10_080;
const MINUTE_MS: i64 = 60_000;

/// An operation that an alarm's state does not allow, or that is not complete.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OperateError {
    /// No such alarm, or it is closed.
    #[error("no open alarm {0}")]
    Unknown(AlarmId),
    /// The state does not allow it.
    #[error("alarm {alarm} is {}: {operation} is not possible", state.zh())]
    State {
        /// Which.
        alarm: AlarmId,
        /// Its state.
        state: AlarmState,
        /// What was asked.
        operation: &'static str,
    },
    /// A field outside what is allowed.
    #[error("{field} = {value}: must be {allowed}")]
    Field {
        /// Field.
        field: &'static str,
        /// Its value.
        value: String,
        /// Allowed values.
        allowed: &'static str,
    },
}

/// Whether an operation is complete and possible in the alarm's present state.
///
/// # Errors
/// [`OperateError`] in one line.
pub fn check_operation(live: &LiveState, id: AlarmId, operation: &AlarmOperation) -> Result<(), OperateError> {
    let alarm = live.alarm(id).filter(|a| a.state.is_open()).ok_or(OperateError::Unknown(id))?;
    let reasoned = |reason: &str| {
        let n = reason.trim().chars().count();
        if (1..=200).contains(&n) {
            return Ok(());
        }
        Err(OperateError::Field { field: "reason", value: format!("{n} characters"), allowed: "1..200 characters" })
    };
    let (possible, word) = match operation {
        AlarmOperation::Acknowledge => (alarm.state.wants_acknowledgement(), "acknowledging"),
        AlarmOperation::Shelve { minutes, reason } => {
            if !(1..=MAX_SHELVE_MIN).contains(minutes) {
                let value = minutes.to_string();
                return Err(OperateError::Field { field: "minutes", value, allowed: "1..10080" });
            }
            reasoned(reason)?;
            (alarm.state != AlarmState::OutOfService, "shelving")
        }
        AlarmOperation::Unshelve => (alarm.shelving.is_some(), "unshelving"),
        AlarmOperation::Reset => {
            (matches!(alarm.state, AlarmState::Latched | AlarmState::LatchedUnacknowledged), "resetting")
        }
        AlarmOperation::TakeOutOfService { reason } => {
            reasoned(reason)?;
            (alarm.state != AlarmState::OutOfService, "taking out of service")
        }
        AlarmOperation::ReturnToService => (alarm.state == AlarmState::OutOfService, "returning to service"),
    };
    if possible {
        return Ok(());
    }
    Err(OperateError::State { alarm: id, state: alarm.state, operation: word })
}

impl RuleEngine {
    /// Carries an operation out; one that no longer fits changes nothing.
    pub(crate) fn operate(
        &mut self,
        live: &mut LiveState,
        id: AlarmId,
        operation: &AlarmOperation,
        (at, by, seq): (TimeMs, Option<AccountId>, Seq),
    ) {
        if check_operation(live, id, operation).is_err() {
            return;
        }
        let Some((slot, alarm)) = self.find(live, id) else { return };
        let occasion = Occasion { at, seq, value: None };
        let next = match operation {
            AlarmOperation::Acknowledge => Alarm { acknowledged: true, acknowledged_by: by, ..alarm },
            AlarmOperation::Shelve { minutes, reason } => {
                let wait_ms = i64::from(*minutes) * MINUTE_MS;
                self.shelved.insert(id, self.clock + wait_ms);
                self.timers.insert((self.clock + wait_ms, Timer::Unshelve(id)));
                let until = TimeMs(at.0.saturating_add(wait_ms));
                // What somebody has shelved, somebody has seen: it needs no acknowledgement once it is gone.
                let acknowledged = alarm.acknowledged || !alarm.active;
                Alarm {
                    shelving: Some(Shelving { until, reason: reason.trim().to_owned(), by }),
                    acknowledged,
                    ..alarm
                }
            }
            AlarmOperation::Unshelve => {
                self.shelved.remove(&id);
                Alarm { shelving: None, ..alarm }
            }
            AlarmOperation::Reset => return self.reset(live, slot, alarm, occasion),
            AlarmOperation::TakeOutOfService { reason } => {
                let key = (alarm.rule, alarm.entity);
                let reason = reason.trim().to_owned();
                self.out_of_service.insert(key, OutOfService { rule: key.0, entity: key.1, reason, at, by });
                alarm
            }
            AlarmOperation::ReturnToService => {
                self.out_of_service.remove(&(alarm.rule, alarm.entity));
                alarm
            }
        };
        self.store(live, slot, next, occasion);
    }

    /// A latched alarm is let go: shown as if it did not latch, which closes it.
    fn reset(&mut self, live: &mut LiveState, slot: u32, alarm: Alarm, occasion: Occasion) {
        let before = alarm.clone();
        let closed = Alarm {
            acknowledged: true,
            state: AlarmState::Normal,
            changed_at: occasion.at,
            shelving: None,
            suppressed_by: None,
            ..alarm
        };
        self.forget(slot, closed.id);
        self.floods.recount(live, Some(&before), &closed, occasion.at, occasion.seq);
        live.put_alarm(closed, occasion.seq);
    }

    fn forget(&mut self, slot: u32, id: AlarmId) {
        self.open.remove(&slot);
        self.raises.remove(&slot);
        self.announced.remove(&id);
        self.escalating.remove(&id);
        self.shelved.remove(&id);
    }

    /// Takes (rule, entity) back into service though no alarm of it is open; raises what is met.
    pub(crate) fn return_to_service(
        &mut self,
        live: &mut LiveState,
        key: (u16, twin_model::EntityId),
        occasion: Occasion,
    ) -> Vec<AlarmId> {
        let mut raised = Vec::new();
        if self.out_of_service.remove(&key).is_none() {
            return raised;
        }
        let Some(slot) = self.rules.book.slot(key.0, key.1) else { return raised };
        match self.open.get(&slot).and_then(|id| live.alarm(*id)).cloned() {
            Some(alarm) => self.store(live, slot, alarm, occasion),
            None if self.slots.get(slot as usize).is_some_and(|s| s.raised) => {
                self.flip(live, slot, occasion, &mut raised);
            }
            None => {}
        }
        raised
    }

    /// Goes over to other rules. What is known of a (rule, entity) is kept where both books have it; alarms of what is no
    /// longer watched are closed.
    pub(crate) fn change_rules(&mut self, live: &mut LiveState, rules: RuleBook, at: TimeMs, seq: Seq) {
        let old = std::mem::replace(&mut self.rules, rules);
        let book = self.rules.book.clone();
        let number = |rule: u16| old.rule(rule).and_then(|(key, _)| self.rules.number(key));
        let moved = |slot: u32| {
            let (def, _) = old.book.of_slot(slot)?;
            book.slot(number(def.rule)?, def.entity)
        };
        let slots = std::mem::replace(&mut self.slots, vec![Slot::default(); book.slots.len()]);
        for (from, state) in (0u32..).zip(slots) {
            if let Some(place) = moved(from).and_then(|to| self.slots.get_mut(to as usize)) {
                *place = state;
            }
        }
        self.windows =
            std::mem::take(&mut self.windows).into_iter().filter_map(|(s, w)| Some((moved(s)?, w))).collect();
        self.raises = std::mem::take(&mut self.raises).into_iter().filter_map(|(s, r)| Some((moved(s)?, r))).collect();
        let rows = std::mem::take(&mut self.out_of_service);
        self.out_of_service = rows
            .into_values()
            .filter_map(|row| number(row.rule).map(|rule| ((rule, row.entity), OutOfService { rule, ..row })))
            .collect();
        let places: Vec<(u32, Option<u32>, AlarmId)> =
            std::mem::take(&mut self.open).into_iter().map(|(slot, id)| (slot, moved(slot), id)).collect();
        for (from, to, id) in places {
            let Some(alarm) = live.alarm(id).cloned() else { continue };
            match to.and_then(|slot| Some((slot, book.of_slot(slot)?.0.rule))) {
                Some((slot, rule)) => {
                    self.open.insert(slot, id);
                    live.put_alarm(Alarm { rule, ..alarm }, seq);
                }
                None => {
                    self.reset(live, from, Alarm { active: false, ..alarm }, Occasion { at, seq, value: None });
                }
            }
        }
        // Actions are numbered by their place in a rule; those of alarms that are gone were for rules that are gone.
        self.due.retain(|(id, _)| live.alarm(*id).is_some_and(|a| a.state.is_open()));
        self.timers.retain(|(_, t)| !matches!(t, Timer::Delay(_) | Timer::Silence(_)));
        self.plan_slots(live);
    }

    /// Timers that follow from the slots, after a restart or a change of rules.
    pub(crate) fn plan_slots(&mut self, live: &LiveState) {
        let book = self.rules.book.clone();
        let mut timers = Vec::new();
        for (slot, state) in (0u32..).zip(&self.slots) {
            let Some((def, rule)) = book.of_slot(slot).filter(|_| *state != Slot::default()) else { continue };
            if let Check::NoData { intervals, grace_ms } = rule.check {
                let limit = book.silence_ms(def.entity, intervals, grace_ms);
                if let Some(limit) = limit.filter(|_| !state.raised && state.since_clock != 0) {
                    timers.push((state.since_clock + limit, Timer::Silence(slot)));
                }
            } else if state.raw != state.raised {
                let delay = self.delay_ms(live, slot, rule, state.raw);
                timers.push((state.since_clock + delay, Timer::Delay(slot)));
            }
        }
        self.timers.extend(timers);
    }
}
