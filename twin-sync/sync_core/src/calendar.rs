//! The work calendar (工作日历): which hours count. Data, because every jurisdiction has its own.

use std::collections::BTreeMap;
use twin_model::{CalendarSpec, TimeMs};

const MIN_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
/// Days that [`WorkCalendar::add`] looks ahead before it says that the end is never reached.
const HORIZON_DAYS: i64 = 20 * 366;
/// Instants beyond these are brought to them: 1970 and 2200.
const TIMES: std::ops::RangeInclusive<i64> = 0..=7_258_118_400_000;

/// A calendar that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("work calendar: {field} = {value:?}: {problem}")]
pub struct CalendarError {
    /// Field.
    pub field: &'static str,
    /// What was given.
    pub value: String,
    /// What is allowed.
    pub problem: String,
}

/// Which hours count, ready to reckon with. Only whole milliseconds, so every machine agrees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkCalendar {
    spec: CalendarSpec,
    offset_ms: i64,
    /// Of a working day, ms from midnight, in order, apart from each other.
    hours: Vec<(i64, i64)>,
    day_ms: i64,
    /// Monday first.
    week: [bool; 7],
    /// Days that differ from the week, by days since 1970.
    exceptions: BTreeMap<i64, bool>,
}

impl WorkCalendar {
    /// Checks a calendar.
    ///
    /// # Errors
    /// [`CalendarError`] naming the field.
    pub fn new(spec: &CalendarSpec) -> Result<Self, CalendarError> {
        let fail = |field, value: String, problem: &str| CalendarError { field, value, problem: problem.to_owned() };
        if spec.utc_offset_min.abs() > 14 * 60 {
            let value = spec.utc_offset_min.to_string();
            return Err(fail("utc_offset_min", value, "must be -840..840"));
        }
        let mut hours: Vec<(i64, i64)> = Vec::new();
        for [from, to] in &spec.hours {
            let value = || format!("{from}-{to}");
            let span = clock_ms(from).zip(clock_ms(to)).ok_or_else(|| fail("hours", value(), "must be two HH:MM"))?;
            if span.0 >= span.1 {
                return Err(fail("hours", value(), "must end after it begins; hours over midnight are two entries"));
            }
            if hours.last().is_some_and(|last| span.0 < last.1) {
                return Err(fail("hours", value(), "must begin after the one before it ends"));
            }
            hours.push(span);
        }
        let mut week = [false; 7];
        for day in &spec.week {
            let slot = day.checked_sub(1).and_then(|i| week.get_mut(usize::from(i)));
            *slot.ok_or_else(|| fail("week", day.to_string(), "must be 1 (Monday) to 7 (Sunday)"))? = true;
        }
        if hours.is_empty() || !week.contains(&true) {
            return Err(fail("hours and week", String::new(), "must leave some working time"));
        }
        let mut exceptions = BTreeMap::new();
        for (field, days, works) in [("holidays", &spec.holidays, false), ("workdays", &spec.workdays, true)] {
            for text in days {
                let (first, last) = days_of(text)
                    .ok_or_else(|| fail(field, text.clone(), "must be YYYY-MM-DD, or two of them with .. between"))?;
                for day in first..=last {
                    exceptions.insert(day, works);
                }
            }
        }
        let day_ms = hours.iter().map(|(from, to)| to - from).sum();
        let offset_ms = i64::from(spec.utc_offset_min) * MIN_MS;
        Ok(Self { spec: spec.clone(), offset_ms, hours, day_ms, week, exceptions })
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// As it was given.
    #[must_use]
    pub fn spec(&self) -> &CalendarSpec {
        &self.spec
    }

    /// Working time of one working day, ms: what 1 工作日 stands for, so that both units run on one clock.
    #[must_use]
    pub fn workday_ms(&self) -> i64 {
        self.day_ms
    }

    /// The day of an instant where the calendar holds, days since 1970-01-01.
    #[must_use]
    pub fn day_of(&self, at: TimeMs) -> i64 {
        (clamped(at) + self.offset_ms).div_euclid(DAY_MS)
    }

    /// The first instant of a day.
    #[must_use]
    pub fn start_of(&self, day: i64) -> TimeMs {
        TimeMs(day.saturating_mul(DAY_MS).saturating_sub(self.offset_ms))
    }

    /// Whether people work on that day (days since 1970-01-01, a Thursday).
    #[must_use]
    pub fn is_workday(&self, day: i64) -> bool {
        self.exceptions.get(&day).copied().unwrap_or_else(|| self.week_says(day))
    }

    fn week_says(&self, day: i64) -> bool {
        self.week[(day + 3).rem_euclid(7) as usize]
    }

    /// Working time from `from` to `to`, ms; 0 when `to` is not later.
    #[must_use]
    pub fn between(&self, from: TimeMs, to: TimeMs) -> i64 {
        let (from, to) = (clamped(from) + self.offset_ms, clamped(to) + self.offset_ms);
        if to <= from {
            return 0;
        }
        let (first, last) = (from.div_euclid(DAY_MS), to.div_euclid(DAY_MS));
        let part = |day: i64, a: i64, b: i64| if self.is_workday(day) { self.within_day(a, b) } else { 0 };
        if first == last {
            return part(first, from.rem_euclid(DAY_MS), to.rem_euclid(DAY_MS));
        }
        let ends = part(first, from.rem_euclid(DAY_MS), DAY_MS) + part(last, 0, to.rem_euclid(DAY_MS));
        ends + self.workdays(first + 1, last) * self.day_ms
    }

    /// Working days in `first..last`.
    fn workdays(&self, first: i64, last: i64) -> i64 {
        if first >= last {
            return 0;
        }
        let weeks = (last - first) / 7;
        let regular = weeks * self.week.iter().filter(|w| **w).count() as i64
            + (first + weeks * 7..last).filter(|d| self.week_says(*d)).count() as i64;
        let differing = self.exceptions.range(first..last);
        regular + differing.map(|(day, works)| i64::from(*works) - i64::from(self.week_says(*day))).sum::<i64>()
    }

    fn within_day(&self, a: i64, b: i64) -> i64 {
        self.hours.iter().map(|(from, to)| (b.min(*to) - a.max(*from)).max(0)).sum()
    }

    /// The first instant by which `work_ms` of working time have passed since `from`: the end of Friday, not the
    /// beginning of Monday. `from` itself for nothing; `None` when it is not reached within 20 years.
    #[must_use]
    pub fn add(&self, from: TimeMs, work_ms: i64) -> Option<TimeMs> {
        if work_ms <= 0 {
            return Some(from);
        }
        let local = clamped(from) + self.offset_ms;
        let mut left = work_ms;
        let mut start = local.rem_euclid(DAY_MS);
        let first = local.div_euclid(DAY_MS);
        for day in first..first + HORIZON_DAYS {
            if self.is_workday(day) {
                for (open, close) in &self.hours {
                    let begin = start.max(*open);
                    let there = (close - begin).max(0);
                    if left <= there {
                        return Some(TimeMs(day * DAY_MS + begin + left - self.offset_ms));
                    }
                    left -= there;
                }
            }
            start = 0;
        }
        None
    }
}

fn clamped(at: TimeMs) -> i64 {
    at.0.clamp(*TIMES.start(), *TIMES.end())
}

/// `HH:MM` in ms from midnight; `24:00` is the end.
fn clock_ms(text: &str) -> Option<i64> {
    let (h, m) = text.split_once(':')?;
    let (h, m): (i64, i64) = (h.parse().ok()?, m.parse().ok()?);
    let fits = text.len() == 5 && (0..60).contains(&m) && ((0..24).contains(&h) || (h, m) == (24, 0));
    fits.then_some((h * 60 + m) * MIN_MS)
}

/// First and last day of a date or a span of dates; at most a year.
fn days_of(text: &str) -> Option<(i64, i64)> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let (first, last) = (day_of_date(first)?, day_of_date(last)?);
    (first <= last && last - first <= 366).then_some((first, last))
}

/// Days since 1970-01-01 of `YYYY-MM-DD`; `None` when there is no such day.
///
/// Days-from-civil after H. Hinnant, "chrono-compatible low-level date algorithms".
#[must_use]
pub fn day_of_date(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 10 && bytes[4] == b'-' && bytes[7] == b'-' && text.is_ascii();
    if !shaped {
        return None;
    }
    let (year, month, day): (i64, i64, i64) =
        (text[..4].parse().ok()?, text[5..7].parse().ok()?, text[8..].parse().ok()?);
    if !(1970..=2199).contains(&year) || !(1..=12).contains(&month) || day < 1 {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let (era, yoe) = (y.div_euclid(400), y.rem_euclid(400));
    let doy = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468;
    // A 31 June comes back as 1 July.
    let (back_y, back_m, back_d, ..) = TimeMs(days * DAY_MS).civil(0);
    ((back_y, i64::from(back_m), i64::from(back_d)) == (year, month, day)).then_some(days)
}
