//! The running rules in a snapshot: a restored engine decides as the one that went on.

use super::book::RuleBook;
use super::downlink::Commands;
use super::floods::{Floods, FloodsSnapshot};
use super::journal::Journal;
use super::runtime::{OutOfService, RuleEngine, Slot, Timer};
use crate::live::LiveState;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use twin_model::{Alarm, AlarmId, AlarmState, EntityId, RuleSet, TimeMs};

/// (rule, entity, condition, raised, since by device time, since on the rule clock).
type SlotRow = (u16, EntityId, bool, bool, i64, i64);

/// Everything of the running rules that is not in the lists of alarms and incidents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RulesSnapshot {
    /// The rules in force; numbers below are their places in the order of keys.
    set: RuleSet,
    slots: Vec<SlotRow>,
    windows: Vec<(u16, EntityId, VecDeque<(i64, f64)>)>,
    raises: Vec<(u16, EntityId, [i64; 3])>,
    timers: Vec<(i64, Timer)>,
    clock: i64,
    wall: TimeMs,
    resumed: i64,
    out_of_service: Vec<OutOfService>,
    announced: Vec<AlarmId>,
    escalating: Vec<(AlarmId, i64)>,
    shelved: Vec<(AlarmId, i64)>,
    due: Vec<(AlarmId, u8)>,
    commands: Commands,
    floods: FloodsSnapshot,
    journal: Journal,
}

impl RuleEngine {
    pub(crate) fn snapshot(&self) -> RulesSnapshot {
        let book = &self.rules.book;
        let slots = (0u32..).zip(&self.slots).filter(|(_, s)| **s != Slot::default());
        let slots = slots.filter_map(|(i, s)| {
            let (def, _) = book.of_slot(i)?;
            Some((def.rule, def.entity, s.raw, s.raised, s.since_observed, s.since_clock))
        });
        let windows = self.windows.iter().filter_map(|(i, w)| {
            let (def, _) = book.of_slot(*i)?;
            Some((def.rule, def.entity, w.clone()))
        });
        let raises = self.raises.iter().filter_map(|(i, r)| {
            let (def, _) = book.of_slot(*i)?;
            Some((def.rule, def.entity, *r))
        });
        let timers = self.timers.iter().filter(|(_, t)| !matches!(t, Timer::Delay(_) | Timer::Silence(_)));
        RulesSnapshot {
            set: book.set.clone(),
            slots: slots.collect(),
            windows: windows.collect(),
            raises: raises.collect(),
            timers: timers.copied().collect(),
            clock: self.clock,
            wall: self.wall,
            resumed: self.resumed,
            out_of_service: self.out_of_service.values().cloned().collect(),
            announced: self.announced.iter().copied().collect(),
            escalating: self.escalating.iter().map(|(a, t)| (*a, *t)).collect(),
            shelved: self.shelved.iter().map(|(a, t)| (*a, *t)).collect(),
            due: self.due.iter().copied().collect(),
            commands: self.commands.clone(),
            floods: self.floods.snapshot(),
            journal: self.journal.clone(),
        }
    }

    /// Goes on from a snapshot. The rules are those that were in force; `rules` gives the community, and stands in where
    /// the old ones no longer fit it.
    pub(crate) fn restore(rules: &RuleBook, saved: RulesSnapshot, live: &LiveState, next_alarm: u64) -> Self {
        let keys: Vec<String> = saved.set.rule.keys().cloned().collect();
        let same = saved.set == rules.book.set;
        let rules = if same { rules.clone() } else { rules.with_rules(saved.set).unwrap_or_else(|_| rules.clone()) };
        let mut engine = Self::new(rules);
        let book = engine.rules.book.clone();
        let number = |rule: u16| keys.get(usize::from(rule)).and_then(|key| engine.rules.number(key));
        let slot = |rule: u16, entity: EntityId| book.slot(number(rule)?, entity);
        let mut slots = std::mem::take(&mut engine.slots);
        for (rule, entity, raw, raised, since_observed, since_clock) in saved.slots {
            if let Some(place) = slot(rule, entity).and_then(|s| slots.get_mut(s as usize)) {
                *place = Slot { raw, raised, since_observed, since_clock };
            }
        }
        let windows = saved.windows.into_iter().filter_map(|(r, e, w)| Some((slot(r, e)?, w))).collect();
        let raises = saved.raises.into_iter().filter_map(|(r, e, t)| Some((slot(r, e)?, t))).collect();
        let kept = saved.out_of_service.into_iter().filter_map(|row| {
            let rule = number(row.rule)?;
            Some(((rule, row.entity), OutOfService { rule, ..row }))
        });
        let out_of_service = kept.collect();
        (engine.slots, engine.windows, engine.raises, engine.out_of_service) = (slots, windows, raises, out_of_service);
        for alarm in live.open_alarms().filter(|a| a.run.is_none()) {
            if let Some(slot) = book.slot(alarm.rule, alarm.entity) {
                engine.open.insert(slot, alarm.id);
            }
        }
        engine.timers = saved.timers.into_iter().collect();
        (engine.clock, engine.wall, engine.resumed) = (saved.clock, saved.wall, saved.resumed);
        engine.announced = saved.announced.into_iter().collect();
        engine.escalating = saved.escalating.into_iter().collect();
        engine.shelved = saved.shelved.into_iter().collect();
        engine.due = saved.due.into_iter().collect();
        (engine.commands, engine.journal) = (saved.commands, saved.journal);
        engine.floods = Floods::restore(saved.floods, live);
        engine.next_alarm = next_alarm;
        engine.plan_slots(live);
        engine
    }

    /// Goes on from a snapshot of a version without rule state: open alarms carry their class's rule index.
    pub(crate) fn adopt(rules: RuleBook, live: &mut LiveState, next_alarm: u64) -> Self {
        let mut engine = Self::new(rules);
        engine.next_alarm = next_alarm;
        let book = engine.rules.book.clone();
        let open: Vec<Alarm> = live.open_alarms().filter(|a| a.run.is_none()).cloned().collect();
        for alarm in open {
            let class = book.world.facts(alarm.entity).map(|c| format!("class.{}.{:02}", c.key, alarm.rule));
            let Some(rule) = class.and_then(|key| engine.rules.number(&key)) else { continue };
            let Some(slot) = book.slot(rule, alarm.entity) else { continue };
            let active = matches!(alarm.state, AlarmState::Unacknowledged | AlarmState::Acknowledged);
            let acknowledged = alarm.state == AlarmState::Acknowledged;
            if let Some(state) = engine.slots.get_mut(slot as usize) {
                let since_observed = alarm.changed_at.0;
                *state = Slot { raw: active, raised: active, since_observed, since_clock: 0 };
            }
            engine.open.insert(slot, alarm.id);
            engine.announced.insert(alarm.id);
            let seq = live.alarm_seq(alarm.id);
            live.put_alarm(Alarm { rule, active, acknowledged, ..alarm }, seq);
        }
        engine
    }
}
