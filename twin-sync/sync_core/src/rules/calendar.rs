//! Working time (工作时): when a deadline falls that counts working hours only.

use twin_model::{TimeMs, WorkWeek};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
/// Days looked ahead; a calendar without working time in so many has none.
const HORIZON_DAYS: i64 = 400;

/// Working time as escalation (and whoever else has deadlines) needs it.
pub trait WorkTime {
    /// The instant at which `minutes` of working time have passed since `from`; `None` when that never comes.
    fn after(&self, from: TimeMs, minutes: u32) -> Option<TimeMs>;
}

impl WorkTime for WorkWeek {
    fn after(&self, from: TimeMs, minutes: u32) -> Option<TimeMs> {
        let offset_ms = i64::from(self.utc_offset_h) * 3_600_000;
        let local = from.0 + offset_ms;
        let mut left_ms = i64::from(minutes) * MINUTE_MS;
        let first_day = local.div_euclid(DAY_MS);
        for day in first_day..first_day + HORIZON_DAYS {
            if !works_on(self, day) {
                continue;
            }
            for span in &self.hours {
                let [begin, end] = span.map(|m| day * DAY_MS + i64::from(m) * MINUTE_MS);
                let begin = begin.max(local);
                if begin < end {
                    if left_ms <= end - begin {
                        return Some(TimeMs(begin + left_ms - offset_ms));
                    }
                    left_ms -= end - begin;
                }
            }
        }
        None
    }
}

/// 1970-01-01 was a Thursday.
fn works_on(week: &WorkWeek, day: i64) -> bool {
    let weekday = u8::try_from((day + 3).rem_euclid(7) + 1).unwrap_or(0);
    let (y, m, d, ..) = TimeMs(day * DAY_MS).civil(0);
    let date = format!("{y:04}-{m:02}-{d:02}");
    if week.workdays.contains(&date) {
        return true;
    }
    week.days.contains(&weekday) && !week.holidays.contains(&date)
}

/// What is wrong with a calendar.
pub(crate) fn check(week: &WorkWeek) -> Result<(), String> {
    if let Some(day) = week.days.iter().find(|d| !(1..=7).contains(*d)) {
        return Err(format!("calendar.days has {day}: must be 1 (Monday) to 7 (Sunday)"));
    }
    let mut before = 0;
    for [begin, end] in &week.hours {
        if begin >= end || *end > 1440 || *begin < before {
            return Err(format!(
                "calendar.hours has [{begin}, {end}]: must be minutes of a day, ascending, at most 1440"
            ));
        }
        before = *end;
    }
    let is_date = |d: &&String| {
        d.len() == 10
            && d.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() })
    };
    if let Some(date) = week.holidays.iter().chain(&week.workdays).find(|d| !is_date(d)) {
        return Err(format!("calendar has {date:?}: must be YYYY-MM-DD"));
    }
    if !(-12..=14).contains(&week.utc_offset_h) {
        return Err(format!("calendar.utc_offset_h = {}: must be -12..14", week.utc_offset_h));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// China time.
    fn at(day: i64, hour: i64, minute: i64) -> TimeMs {
        TimeMs(day * DAY_MS + hour * 3_600_000 + minute * MINUTE_MS - 8 * 3_600_000)
    }

    #[test]
    fn nights_lunch_weekends_and_holidays_do_not_count() {
        let mut week = WorkWeek::default();
        // 2024-09-30 is a Monday, day 19996 of the epoch.
        let monday = 19_996;
        assert_eq!(TimeMs(monday * DAY_MS).civil(0).2, 30);
        assert_eq!(week.after(at(monday, 9, 0), 30), Some(at(monday, 9, 30)));
        assert_eq!(week.after(at(monday, 11, 50), 20), Some(at(monday, 13, 10)));
        assert_eq!(week.after(at(monday, 17, 20), 20), Some(at(monday + 1, 9, 10)));
        assert_eq!(week.after(at(monday, 3, 0), 240), Some(at(monday, 14, 0)));
        week.holidays = (1..=7).map(|d| format!("2024-10-{d:02}")).collect();
        assert_eq!(week.after(at(monday, 17, 20), 20), Some(at(monday + 8, 9, 10)));
        week.workdays = vec!["2024-09-29".into()];
        assert_eq!(week.after(at(monday - 2, 10, 0), 60), Some(at(monday - 1, 10, 0)));
        week.hours.clear();
        assert_eq!(week.after(at(monday, 9, 0), 1), None);
        week.days = vec![9];
        assert!(check(&week).unwrap_err().contains("has 9"));
    }
}
