//! Alarms of the running rules: raising, returning, what is shown, suppression, announcement.

use super::book::Compiled;
use super::journal::{Announcement, CHATTER_MS};
use super::runtime::{RuleEngine, Timer};
use crate::live::LiveState;
use twin_model::{Alarm, AlarmId, AlarmState, EntityId, RuleAction, Seq, TimeMs};

/// Milliseconds of a minute.
const MINUTE_MS: i64 = 60_000;

/// What makes an alarm change: when, by which record, and the value seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occasion {
    pub(crate) at: TimeMs,
    pub(crate) seq: Seq,
    pub(crate) value: Option<f64>,
}

/// The state that people see, from what is true of an alarm. The whole table of transitions follows from this function;
/// see `doc/alarms.md`.
pub(crate) fn shown_state(alarm: &Alarm, latched: bool, out_of_service: bool) -> AlarmState {
    use AlarmState::*;
    let base = match (alarm.active, alarm.acknowledged, latched) {
        (true, false, _) => Unacknowledged,
        (true, true, _) => Acknowledged,
        (false, false, false) => ReturnedUnacknowledged,
        (false, true, false) => Normal,
        (false, false, true) => LatchedUnacknowledged,
        (false, true, true) => Latched,
    };
    if alarm.shelving.is_some() {
        return if out_of_service { OutOfService } else { Shelved };
    }
    match base {
        Normal => Normal,
        _ if out_of_service => OutOfService,
        _ if alarm.suppressed_by.is_some() => Suppressed,
        shown => shown,
    }
}

impl RuleEngine {
    fn is_out_of_service(&self, rule: u16, entity: EntityId) -> bool {
        !self.out_of_service.is_empty() && self.out_of_service.contains_key(&(rule, entity))
    }

    /// The condition of a slot has changed for good: its alarm is raised, raised again or returns.
    pub(crate) fn flip(&mut self, live: &mut LiveState, slot: u32, occasion: Occasion, raised: &mut Vec<AlarmId>) {
        let book = self.rules.book.clone();
        let (Some((def, rule)), Some(state)) = (book.of_slot(slot), self.slots.get_mut(slot as usize)) else { return };
        state.raised = state.raw;
        let (on, since) = (state.raw, state.since_observed);
        let held = self.open.get(&slot).and_then(|id| live.alarm(*id)).cloned();
        match (on, held) {
            (true, None) => raised.extend(self.raise(live, slot, TimeMs(since), occasion)),
            (true, Some(alarm)) => {
                let again = Alarm {
                    active: true,
                    acknowledged: false,
                    acknowledged_by: None,
                    count: alarm.count.saturating_add(1),
                    value: occasion.value.unwrap_or(alarm.value),
                    chattering: self.chatters(slot, occasion.at.0),
                    ..alarm
                };
                self.store(live, slot, again, occasion);
            }
            (false, Some(alarm)) => {
                // Nobody was shown it: nobody has to acknowledge it.
                let acknowledged = alarm.acknowledged || alarm.state.is_hidden();
                self.store(live, slot, Alarm { active: false, acknowledged, chattering: false, ..alarm }, occasion);
            }
            (false, None) => {}
        }
        if !rule.suppresses.is_empty() {
            self.explain(live, rule, def.entity, occasion);
        }
    }

    /// The condition came back while its return was still being waited out.
    pub(crate) fn came_back(&mut self, live: &mut LiveState, slot: u32, occasion: Occasion) {
        let Some(alarm) = self.open.get(&slot).and_then(|id| live.alarm(*id)).cloned() else { return };
        let chattering = self.chatters(slot, occasion.at.0);
        let value = occasion.value.unwrap_or(alarm.value);
        self.store(live, slot, Alarm { count: alarm.count.saturating_add(1), chattering, value, ..alarm }, occasion);
    }

    /// Notes that a slot was raised; true for the fourth time within a minute.
    fn chatters(&mut self, slot: u32, at: i64) -> bool {
        let last = self.raises.entry(slot).or_insert([i64::MIN; 3]);
        let chattering = last[0] != i64::MIN && at.saturating_sub(last[0]) <= CHATTER_MS;
        *last = [last[1], last[2], at];
        chattering
    }

    fn raise(&mut self, live: &mut LiveState, slot: u32, since: TimeMs, occasion: Occasion) -> Option<AlarmId> {
        let book = self.rules.book.clone();
        let (def, rule) = book.of_slot(slot)?;
        if self.is_out_of_service(def.rule, def.entity) {
            return None;
        }
        let id = AlarmId(self.next_alarm);
        self.next_alarm += 1;
        self.chatters(slot, occasion.at.0);
        let shows = rule.rule.actions.contains(&RuleAction::Show);
        let alarm = Alarm {
            id,
            entity: def.entity,
            property: book.property(def),
            rule: def.rule,
            severity: rule.rule.severity,
            state: AlarmState::Unacknowledged,
            text: rule.rule.text.clone(),
            value: occasion.value.unwrap_or(0.0),
            raised_at: since,
            changed_at: occasion.at,
            count: 1,
            run: None,
            active: true,
            acknowledged: false,
            acknowledged_by: None,
            shelving: None,
            suppressed_by: self.suppressor(rule, def.entity),
            incident: None,
            chattering: false,
            escalation: 0,
            focus: shows.then_some(def.entity),
        };
        self.open.insert(slot, id);
        self.store(live, slot, alarm, occasion);
        Some(id)
    }

    /// Takes an alarm's new facts over: state, incident counts, announcement. The only way into the list of alarms.
    pub(crate) fn store(&mut self, live: &mut LiveState, slot: u32, mut next: Alarm, occasion: Occasion) {
        let book = self.rules.book.clone();
        let Some((def, rule)) = book.of_slot(slot) else { return };
        let before = live.alarm(next.id).cloned();
        next.state = shown_state(&next, rule.rule.latched, self.is_out_of_service(def.rule, def.entity));
        next.changed_at = occasion.at;
        let newly_shown = next.state == AlarmState::Unacknowledged
            && before.as_ref().is_none_or(|b| b.state != AlarmState::Unacknowledged);
        if newly_shown {
            self.announce(live, rule, &mut next, occasion);
        }
        let joined = next.incident.is_some() && before.as_ref().is_none_or(|b| b.incident != next.incident);
        let counted = before.as_ref().filter(|_| !joined);
        self.floods.recount(live, counted, &next, occasion.at, occasion.seq);
        if next.state == AlarmState::Normal {
            self.open.remove(&slot);
            self.raises.remove(&slot);
            self.announced.remove(&next.id);
            self.escalating.remove(&next.id);
        }
        live.put_alarm(next, occasion.seq);
    }

    /// An alarm comes before people: it is counted, grouped, and its actions and escalation begin.
    fn announce(&mut self, live: &mut LiveState, rule: &Compiled, alarm: &mut Alarm, occasion: Occasion) {
        let (rule_number, entity, severity) = (alarm.rule, alarm.entity, alarm.severity);
        self.journal.push(Announcement { at: self.wall, rule: rule_number, entity, severity });
        if let Some(step) = rule.rule.escalation.get(usize::from(alarm.escalation)) {
            self.plan_escalation(alarm.id, step.after_min, step.working_time);
        }
        if !self.announced.insert(alarm.id) {
            return;
        }
        for (index, action) in (0u8..).zip(&rule.rule.actions) {
            if *action != RuleAction::Show {
                self.due.insert((alarm.id, index));
            }
        }
        let book = self.rules.book.clone();
        let when = (self.clock, occasion.at, occasion.seq);
        alarm.incident = self.floods.join(&book, live, alarm, when).or(alarm.incident);
    }

    fn plan_escalation(&mut self, alarm: AlarmId, minutes: u32, working_time: bool) {
        let wait_ms = if working_time {
            let calendar = self.rules.book.calendar.as_ref();
            match calendar.and_then(|c| c.add(self.wall, i64::from(minutes) * MINUTE_MS)) {
                Some(then) => then.0 - self.wall.0,
                None => return,
            }
        } else {
            i64::from(minutes) * MINUTE_MS
        };
        let due = self.clock + wait_ms;
        self.escalating.insert(alarm, due);
        self.timers.insert((due, Timer::Escalate(alarm)));
    }

    pub(crate) fn escalate(&mut self, live: &mut LiveState, id: AlarmId, due: i64, occasion: Occasion) {
        if self.escalating.get(&id) != Some(&due) {
            return;
        }
        self.escalating.remove(&id);
        let Some((slot, alarm)) = self.find(live, id) else { return };
        if alarm.state != AlarmState::Unacknowledged {
            return;
        }
        let book = self.rules.book.clone();
        let Some((_, rule)) = book.of_slot(slot) else { return };
        let step = usize::from(alarm.escalation);
        let next = Alarm { escalation: alarm.escalation.saturating_add(1), ..alarm };
        if let (Some(this), Some(then)) = (rule.rule.escalation.get(step), rule.rule.escalation.get(step + 1)) {
            self.plan_escalation(id, then.after_min - this.after_min, then.working_time);
        }
        self.store(live, slot, next, occasion);
    }

    /// An open alarm with its slot.
    pub(crate) fn find(&self, live: &LiveState, id: AlarmId) -> Option<(u32, Alarm)> {
        let alarm = live.alarm(id)?;
        let slot = self.rules.book.slot(alarm.rule, alarm.entity)?;
        (self.open.get(&slot) == Some(&id)).then(|| (slot, alarm.clone()))
    }

    /// The active alarm that explains one of `rule` at `entity`.
    fn suppressor(&self, rule: &Compiled, entity: EntityId) -> Option<AlarmId> {
        let book = &self.rules.book;
        rule.suppressed_by.iter().find_map(|by| {
            book.world.lineage(entity).find_map(|place| {
                let slot = book.slot(*by, place)?;
                let raised = self.slots.get(slot as usize).is_some_and(|s| s.raised);
                self.open.get(&slot).copied().filter(|_| raised)
            })
        })
    }

    /// An alarm that explains others has come or gone: those at and below its entity are hidden or shown.
    fn explain(&mut self, live: &mut LiveState, rule: &Compiled, entity: EntityId, occasion: Occasion) {
        let book = self.rules.book.clone();
        for other in &rule.suppresses {
            let Some(explained) = book.rules.get(usize::from(*other)) else { continue };
            let open: Vec<(u32, AlarmId)> =
                self.open.range(explained.slots.clone()).map(|(slot, id)| (*slot, *id)).collect();
            for (slot, id) in open {
                let Some(alarm) = live.alarm(id).filter(|a| book.world.is_within(a.entity, entity)).cloned() else {
                    continue;
                };
                let suppressed_by = self.suppressor(explained, alarm.entity);
                if suppressed_by != alarm.suppressed_by {
                    let acknowledged = alarm.acknowledged || (!alarm.active && suppressed_by.is_some());
                    self.store(live, slot, Alarm { suppressed_by, acknowledged, ..alarm }, occasion);
                }
            }
        }
    }

    pub(crate) fn shelving_ends(&mut self, live: &mut LiveState, id: AlarmId, due: i64, occasion: Occasion) {
        // An earlier end of a shelving that was renewed or taken back means nothing.
        if self.shelved.get(&id) != Some(&due) {
            return;
        }
        self.shelved.remove(&id);
        if let Some((slot, alarm)) = self.find(live, id) {
            self.store(live, slot, Alarm { shelving: None, ..alarm }, occasion);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use twin_model::{PropertyId, Severity, Shelving};

    fn alarm(active: bool, acknowledged: bool) -> Alarm {
        Alarm {
            id: AlarmId(1),
            entity: EntityId(0),
            property: PropertyId(0),
            rule: 0,
            severity: Severity::Major,
            state: AlarmState::Normal,
            text: String::new(),
            value: 0.0,
            raised_at: TimeMs(0),
            changed_at: TimeMs(0),
            count: 1,
            run: None,
            active,
            acknowledged,
            acknowledged_by: None,
            shelving: None,
            suppressed_by: None,
            incident: None,
            chattering: false,
            escalation: 0,
            focus: None,
        }
    }

    #[test]
    fn every_state_of_the_standard_is_reached_by_its_facts() {
        use AlarmState::*;
        let plain = |active, acknowledged, latched| shown_state(&alarm(active, acknowledged), latched, false);
        assert_eq!(
            [
                plain(true, false, false),
                plain(true, true, false),
                plain(false, false, false),
                plain(false, true, false)
            ],
            [Unacknowledged, Acknowledged, ReturnedUnacknowledged, Normal]
        );
        assert_eq!([plain(false, false, true), plain(false, true, true)], [LatchedUnacknowledged, Latched]);
        let suppressed = Alarm { suppressed_by: Some(AlarmId(9)), ..alarm(true, false) };
        assert_eq!(shown_state(&suppressed, false, false), Suppressed);
        assert_eq!(
            shown_state(&Alarm { active: false, acknowledged: true, ..suppressed.clone() }, false, false),
            Normal
        );
        let shelving = Some(Shelving { until: TimeMs(1), reason: "x".into(), by: None });
        let shelved = Alarm { shelving, ..alarm(false, true) };
        assert_eq!(shown_state(&shelved, false, false), Shelved);
        assert_eq!(shown_state(&suppressed, false, true), OutOfService);
        assert_eq!(shown_state(&shelved, false, true), OutOfService);
    }
}
