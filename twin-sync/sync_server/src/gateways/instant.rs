//! Times as text: RFC 3339.

use chrono::{DateTime, FixedOffset, SecondsFormat, Utc};
use twin_model::TimeMs;

/// `2026-11-20T08:00:00.000Z`; the end of chrono's years for times beyond it.
pub(super) fn utc_text(at: TimeMs) -> String {
    utc(at).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// As CAP 1.2 §3.3.2 wants it: whole seconds and an offset in digits, never `Z`. China Standard Time.
pub(super) fn cap_text(at: TimeMs) -> String {
    const CHINA: Option<FixedOffset> = FixedOffset::east_opt(8 * 3600);
    match CHINA {
        Some(china) => utc(at).with_timezone(&china).format("%Y-%m-%dT%H:%M:%S+08:00").to_string(),
        None => utc(at).format("%Y-%m-%dT%H:%M:%S+00:00").to_string(),
    }
}

fn utc(at: TimeMs) -> DateTime<Utc> {
    let nearest = if at.0 < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
    DateTime::from_timestamp_millis(at.0).unwrap_or(nearest)
}

/// A date and time with offset (RFC 3339 §5.6).
pub(super) fn parse(text: &str) -> Option<TimeMs> {
    // A plus sign that was not escaped in an address arrives as a space.
    let text = text.trim().replace(' ', "+");
    DateTime::parse_from_rfc3339(&text).ok().map(|t| TimeMs(t.timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_back() {
        let at = TimeMs(1_709_251_199_250);
        assert_eq!((utc_text(at).as_str(), parse(&utc_text(at))), ("2024-02-29T23:59:59.250Z", Some(at)));
        assert_eq!(cap_text(at), "2024-03-01T07:59:59+08:00");
        assert_eq!(parse("2024-03-01T07:59:59.25+08:00"), Some(at));
        assert_eq!(parse("2024-03-01T07:59:59.25 08:00"), Some(at));
        assert_eq!((parse("2024-03-01"), parse("soon")), (None, None));
        assert!(!utc_text(TimeMs(i64::MAX)).is_empty() && !utc_text(TimeMs(i64::MIN)).is_empty());
    }
}
