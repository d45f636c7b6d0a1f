//! Working time, against values worked out by hand and against counting minutes one by one.

use crate::world::{HOUR, calendar, cst, spec};
use proptest::prelude::*;
use sync_core::cases::{WorkCalendar, day_of_date};
use twin_model::{CalendarSpec, TimeMs};

#[test]
fn deadlines_by_hand() {
    let c = calendar();
    assert_eq!(c.workday_ms(), 8 * HOUR);
    // Friday 13 November 2026 is an ordinary Friday.
    for (what, from, hours, due) in [
        ("within a morning", "2026-11-13 09:00", 2, "2026-11-13 11:00"),
        ("over noon", "2026-11-13 10:30", 4, "2026-11-13 16:30"),
        ("exactly to noon", "2026-11-13 09:00", 3, "2026-11-13 12:00"),
        ("exactly to the end of the day", "2026-11-13 14:30", 4, "2026-11-13 18:30"),
        ("over the weekend", "2026-11-13 17:30", 4, "2026-11-16 11:30"),
        ("from Saturday", "2026-11-14 12:00", 4, "2026-11-16 14:30"),
        ("from before work", "2026-11-13 02:00", 1, "2026-11-13 09:30"),
        ("from noon", "2026-11-13 13:00", 1, "2026-11-13 15:00"),
        ("from the end of the day", "2026-11-13 18:30", 1, "2026-11-16 09:30"),
        ("two working days keep the time of day", "2026-11-12 10:00", 16, "2026-11-16 10:00"),
        ("over the week of National Day", "2026-09-30 17:30", 2, "2026-10-08 09:30"),
        ("a Sunday that is worked", "2026-09-18 18:00", 1, "2026-09-20 09:00"),
        ("a Saturday that is worked", "2026-10-09 18:00", 1, "2026-10-10 09:00"),
        ("after it a Sunday that is not", "2026-10-10 18:00", 1, "2026-10-12 09:00"),
        ("from midnight", "2026-11-16 00:00", 8, "2026-11-16 18:30"),
        ("a minute before midnight", "2026-11-13 23:59", 8, "2026-11-16 18:30"),
        ("over the leap day", "2028-02-28 18:00", 8, "2028-02-29 18:00"),
        ("over the new year without days off", "2027-12-31 18:00", 1, "2028-01-03 09:00"),
    ] {
        let (from, due) = (cst(from), cst(due));
        assert_eq!(c.add(from, hours * HOUR).map(TimeMs::datetime_china), Some(due.datetime_china()), "{what}");
        assert_eq!(c.between(from, due), hours * HOUR, "{what}");
    }
    assert_eq!(c.add(cst("2026-11-14 12:00"), 0), Some(cst("2026-11-14 12:00")));
    assert_eq!(c.between(cst("2026-11-14 00:00"), cst("2026-11-16 00:00")), 0, "a weekend");
    assert_eq!(c.between(cst("2026-11-16 10:00"), cst("2026-11-13 10:00")), 0, "backwards");
}

#[test]
fn china_has_no_summer_time() {
    // A week is as long in July as in January, and a working day begins at 00:30 UTC in both.
    let c = calendar();
    for monday in ["2026-01-12 00:00", "2026-07-13 00:00"] {
        let start = cst(monday);
        assert_eq!(c.between(start, TimeMs(start.0 + 7 * 24 * HOUR)), 40 * HOUR);
        assert_eq!(c.add(start, 1).map(|t| t.0 - start.0), Some(8 * HOUR + HOUR / 2 + 1));
    }
}

#[test]
fn round_the_clock_and_never() {
    let mut always = spec();
    always.hours = vec![["00:00".into(), "24:00".into()]];
    always.week = (1..=7).collect();
    (always.holidays, always.workdays) = (vec![], vec![]);
    let c = WorkCalendar::new(&always).unwrap();
    let at = cst("2026-12-31 23:30");
    assert_eq!(c.add(at, HOUR), Some(TimeMs(at.0 + HOUR)), "over midnight and the year");
    assert_eq!(c.between(at, TimeMs(at.0 + 1000 * HOUR + 7)), 1000 * HOUR + 7);
    assert_eq!(c.add(at, 40 * 366 * 24 * HOUR), None, "further than the horizon");
    assert_eq!(c.between(TimeMs(i64::MIN), TimeMs(i64::MAX)), 7_258_118_400_000, "wild times are brought in");
}

#[test]
fn bad_calendars_are_named() {
    type Edit = fn(&mut CalendarSpec);
    let table: [(&str, Edit); 9] = [
        ("week = \"8\": must be 1 (Monday) to 7 (Sunday)", |s| s.week.push(8)),
        ("hours = \"12:00-08:30\": must end after", |s| s.hours = vec![["12:00".into(), "08:30".into()]]),
        ("hours = \"22:00-06:00\"", |s| s.hours = vec![["22:00".into(), "06:00".into()]]),
        ("hours = \"8:30-12:00\": must be two HH:MM", |s| s.hours = vec![["8:30".into(), "12:00".into()]]),
        ("hours = \"11:00-13:00\": must begin after", |s| s.hours.insert(1, ["11:00".into(), "13:00".into()])),
        ("must leave some working time", |s| s.week.clear()),
        ("holidays = \"2026-02-30\"", |s| s.holidays.push("2026-02-30".into())),
        ("workdays = \"2026-10-07..2026-10-01\"", |s| s.workdays.push("2026-10-07..2026-10-01".into())),
        ("utc_offset_min = \"900\": must be -840..840", |s| s.utc_offset_min = 900),
    ];
    for (line, edit) in table {
        let mut bad = spec();
        edit(&mut bad);
        let error = WorkCalendar::new(&bad).unwrap_err().to_string();
        assert!(error.contains(line), "{error} / {line}");
    }
    assert_eq!((day_of_date("1970-01-01"), day_of_date("2000-03-01")), (Some(0), Some(11_017)));
    assert_eq!((day_of_date("2026-06-31"), day_of_date("26-06-30"), day_of_date("２026-06-3")), (None, None, None));
}

/// Working minutes counted one by one.
fn counted(from: i64, to: i64) -> i64 {
    let off: Vec<i64> = (1..=7).map(|d| day_of_date(&format!("2026-10-0{d}")).unwrap()).collect();
    let on = [day_of_date("2026-09-20").unwrap(), day_of_date("2026-10-10").unwrap()];
    let works = |minute: i64| {
        let (day, m) = ((minute + 480).div_euclid(1440), (minute + 480).rem_euclid(1440));
        // 1970-01-01 was a Thursday.
        let weekday = (day + 4).rem_euclid(7);
        let open = on.contains(&day) || (!off.contains(&day) && (1..=5).contains(&weekday));
        open && ((510..720).contains(&m) || (840..1110).contains(&m))
    };
    (from..to).filter(|m| works(*m)).count() as i64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn between_counts_minutes(start in 0i64..60_000, length in 0i64..40_000) {
        // From September to November 2026.
        let base = cst("2026-09-10 00:00").0 / 60_000;
        let (from, to) = (base + start, base + start + length);
        let c = calendar();
        prop_assert_eq!(c.between(TimeMs(from * 60_000), TimeMs(to * 60_000)), counted(from, to) * 60_000);
    }

    #[test]
    fn add_is_the_first_instant_that_has_it(start in 0i64..90_000_000, work in 1i64..400_000_000) {
        let c = calendar();
        let from = TimeMs(cst("2026-09-10 00:00").0 + start * 40);
        let due = c.add(from, work).unwrap();
        prop_assert_eq!(c.between(from, due), work);
        prop_assert_eq!(c.between(from, TimeMs(due.0 - 1)), work - 1);
    }
}
