//! Dates and times of day.

/// Days since 1970-01-01 of a civil date (Howard Hinnant's `days_from_civil`).
pub(super) fn days(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// `month/day/year` (numbers or English month names, also with dashes) to days.
pub(super) fn date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    let mut parts = text.split(['/', '-']);
    let (m, d, y) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let upper = m.to_ascii_uppercase();
    let named = MONTHS.iter().position(|n| *n == upper).map(|k| k as i64 + 1);
    let month = named.or_else(|| m.parse().ok())?;
    let (day, year): (i64, i64) = (d.parse().ok()?, y.parse().ok()?);
    let sane = (1..=12).contains(&month) && (1..=31).contains(&day) && (1..=9999).contains(&year);
    sane.then(|| days(year, month, day))
}

/// `h:mm[:ss]`, or a number times `unit_s`; seconds, 0 or more, below 100 years.
pub(super) fn seconds(text: &str, unit_s: f64) -> Option<f64> {
    let number = |s: &str| s.parse::<f64>().ok().filter(|v| v.is_finite() && *v >= 0.0);
    let mut parts = text.split(':');
    let first = number(parts.next()?)?;
    let total = match (parts.next(), parts.next(), parts.next()) {
        (None, ..) => first * unit_s,
        (Some(m), s, None) => first * 3600.0 + number(m)? * 60.0 + s.map_or(Some(0.0), number)?,
        _ => return None,
    };
    (total < 3.2e9).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times() {
        assert_eq!(days(1970, 1, 1), 0);
        assert_eq!(date("01/02/2007").unwrap() - date("DEC-31-2006").unwrap(), 2);
        assert_eq!((date("13/01/2007"), date("1/2"), date("a/b/c")), (None, None, None));
        assert_eq!((seconds("1:30", 1.0), seconds("0:00:20", 1.0)), (Some(5400.0), Some(20.0)));
        assert_eq!((seconds("0.25", 3600.0), seconds("-1", 1.0), seconds("1:2:3:4", 1.0)), (Some(900.0), None, None));
    }
}
