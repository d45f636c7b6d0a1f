//! Alarm figures after EEMUA 191 and ANSI/ISA-18.2 §16, recomputable from the log.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use twin_model::{Alarm, EntityId, Severity, TimeMs};

/// Announcements remembered; older ones are only in the log.
pub const JOURNAL_KEPT: usize = 20_000;
/// EEMUA 191 (3rd ed.) and ISA-18.2: more than 10 alarms in 10 minutes are a flood for one operator.
const FLOOD_PER_10_MIN: u32 = 10;
const TEN_MIN_MS: i64 = 600_000;
const HOUR_MS: i64 = 3_600_000;
/// ISA-18.2 §16.5.7: an alarm that stands longer than 24 h is stale.
const STALE_MS: i64 = 24 * HOUR_MS;
/// ISA-18.2 §16.5.6: three or more times in one minute is chattering.
pub(crate) const CHATTER_MS: i64 = 60_000;
const TOP: usize = 10;

/// One announcement of an alarm: raised, or raised again after its return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// When (server time of the record).
    pub at: TimeMs,
    /// Number of the rule.
    pub rule: u16,
    /// Entity.
    pub entity: EntityId,
    /// Priority.
    pub severity: Severity,
}

/// The latest announcements, in the order of the log.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Journal {
    entries: VecDeque<Announcement>,
    /// The youngest announcement that was dropped.
    dropped: Option<TimeMs>,
}

/// How often one rule or entity announced itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bad {
    /// Number of the rule.
    pub rule: u16,
    /// Entity.
    pub entity: EntityId,
    /// Announcements.
    pub count: u32,
    /// Share of all, per mille.
    pub share_permille: u32,
}

/// Figures of a span of time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlarmFigures {
    /// Start, ms.
    pub from: TimeMs,
    /// End, ms.
    pub to: TimeMs,
    /// False when the journal no longer reaches back to `from`.
    pub complete: bool,
    /// Announcements.
    pub announced: u32,
    /// By severity: critical, major, minor, notice.
    pub by_severity: [u32; 4],
    /// Mean per hour. EEMUA 191: ≤ 6 very likely acceptable, > 12 hardly manageable.
    pub per_hour: f64,
    /// Most within one of the spans of 10 minutes counted from `from`.
    pub peak_10_min: u32,
    /// Share of those spans with more than 10, per cent. ISA-18.2 target: < 1.
    pub flood_percent: f64,
    /// Open and shown at the end.
    pub standing: u32,
    /// Of those, active for more than 24 h.
    pub stale: u32,
    /// (rule, entity) pairs with three announcements or more in one minute.
    pub chattering: u32,
    /// Hidden at the end: shelved, suppressed by design, out of service.
    pub hidden: [u32; 3],
    /// The most frequent.
    pub top: Vec<Bad>,
    /// Share of `top` in all, per cent. ISA-18.2 target: < 5.
    pub top_percent: f64,
}

impl Journal {
    pub(crate) fn push(&mut self, entry: Announcement) {
        self.entries.push_back(entry);
        if self.entries.len() > JOURNAL_KEPT {
            self.dropped = self.entries.pop_front().map(|e| e.at).max(self.dropped);
        }
    }

    /// The announcements kept, oldest first.
    pub fn entries(&self) -> impl Iterator<Item = &Announcement> {
        self.entries.iter()
    }

    /// Figures of `from..to` over the wanted announcements; `alarms` are those of the state at `to`.
    #[must_use]
    pub fn figures<'a>(
        &self,
        alarms: impl Iterator<Item = &'a Alarm>,
        (from, to): (TimeMs, TimeMs),
        wanted: impl Fn(&Announcement) -> bool,
    ) -> AlarmFigures {
        let within = |e: &&Announcement| e.at >= from && e.at < to && wanted(e);
        let within: Vec<&Announcement> = self.entries.iter().filter(within).collect();
        let mut by_severity = [0; 4];
        let mut spans: BTreeMap<i64, u32> = BTreeMap::new();
        let mut by_slot: BTreeMap<(u16, EntityId), Vec<TimeMs>> = BTreeMap::new();
        for e in &within {
            by_severity[e.severity as usize] += 1;
            *spans.entry((e.at.0 - from.0).div_euclid(TEN_MIN_MS)).or_default() += 1;
            by_slot.entry((e.rule, e.entity)).or_default().push(e.at);
        }
        let announced = size(within.len());
        let length_ms = (to.0 - from.0).max(1);
        let all_spans = (length_ms + TEN_MIN_MS - 1) / TEN_MIN_MS;
        let floods = spans.values().filter(|n| **n > FLOOD_PER_10_MIN).count();
        let mut top: Vec<Bad> = by_slot
            .iter()
            .map(|((rule, entity), times)| Bad {
                rule: *rule,
                entity: *entity,
                count: size(times.len()),
                share_permille: size(times.len() * 1000 / within.len().max(1)),
            })
            .collect();
        top.sort_by(|a, b| b.count.cmp(&a.count).then((a.rule, a.entity).cmp(&(b.rule, b.entity))));
        top.truncate(TOP);
        let in_top: u32 = top.iter().map(|b| b.count).sum();
        let (standing, stale, hidden) = standing(alarms, to);
        AlarmFigures {
            from,
            to,
            complete: self.dropped.is_none_or(|d| d < from),
            announced,
            by_severity,
            per_hour: f64::from(announced) * HOUR_MS as f64 / length_ms as f64,
            peak_10_min: spans.values().copied().max().unwrap_or(0),
            flood_percent: 100.0 * floods as f64 / all_spans as f64,
            standing,
            stale,
            chattering: size(by_slot.values_mut().filter_map(|t| chatters(t).then_some(())).count()),
            hidden,
            top_percent: 100.0 * f64::from(in_top) / f64::from(announced.max(1)),
            top,
        }
    }
}

fn size(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn chatters(times: &mut [TimeMs]) -> bool {
    times.sort_unstable();
    times.windows(3).any(|w| w[2].0 - w[0].0 <= CHATTER_MS)
}

fn standing<'a>(alarms: impl Iterator<Item = &'a Alarm>, at: TimeMs) -> (u32, u32, [u32; 3]) {
    use twin_model::AlarmState::{OutOfService, Shelved, Suppressed};
    let (mut standing, mut stale, mut hidden) = (0, 0, [0; 3]);
    for alarm in alarms.filter(|a| a.state.is_open() && a.run.is_none()) {
        match alarm.state {
            Shelved => hidden[0] += 1,
            Suppressed => hidden[1] += 1,
            OutOfService => hidden[2] += 1,
            _ => {
                standing += 1;
                stale += u32::from(alarm.active && at.0 - alarm.raised_at.0 > STALE_MS);
            }
        }
    }
    (standing, stale, hidden)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_known_hour() {
        let mut journal = Journal::default();
        let mut say = |at_s: i64, entity: u32, severity| {
            journal.push(Announcement { at: TimeMs(at_s * 1000), rule: 0, entity: EntityId(entity), severity });
        };
        // 12 in the first ten minutes, of which 3 of one device within a minute; 3 more later.
        (0..9).for_each(|i| say(i * 60, i as u32, Severity::Minor));
        [560, 570, 580].into_iter().for_each(|t| say(t, 77, Severity::Critical));
        [1900, 2900, 3500].into_iter().for_each(|t| say(t, 5, Severity::Minor));
        say(3600, 5, Severity::Minor);
        let f = journal.figures(std::iter::empty(), (TimeMs(0), TimeMs(HOUR_MS)), |_| true);
        assert_eq!((f.announced, f.by_severity, f.peak_10_min), (15, [3, 0, 12, 0], 12));
        assert_eq!((f.chattering, f.complete), (1, true));
        assert!((f.per_hour - 15.0).abs() < 1e-12 && (f.flood_percent - 100.0 / 6.0).abs() < 1e-12);
        assert_eq!((f.top[0].entity, f.top[0].count, f.top[1].count), (EntityId(5), 4, 3));
    }

    #[test]
    fn a_journal_that_forgot_says_so() {
        let mut journal = Journal::default();
        let at = |i: i64| Announcement { at: TimeMs(i), rule: 0, entity: EntityId(0), severity: Severity::Minor };
        (0..JOURNAL_KEPT as i64 + 5).for_each(|i| journal.push(at(i)));
        assert!(!journal.figures(std::iter::empty(), (TimeMs(0), TimeMs(9)), |_| true).complete);
        assert!(journal.figures(std::iter::empty(), (TimeMs(5), TimeMs(9)), |_| true).complete);
    }
}
