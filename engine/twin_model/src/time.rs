//! Time stamps and the clock that edges own.

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimeMs(pub i64);

impl TimeMs {
    /// Seconds from `earlier` to `self`; negative when `self` is before it.
    #[must_use]
    pub fn secs_since(self, earlier: TimeMs) -> f64 {
        (self.0.saturating_sub(earlier.0)) as f64 / 1000.0
    }

    /// This instant moved by `secs` seconds (may be negative); saturates at the ends of `i64`.
    #[must_use]
    pub fn plus_secs(self, secs: f64) -> TimeMs {
        TimeMs(self.0.saturating_add((secs * 1000.0) as i64))
    }

    /// Year, month (1–12), day (1–31), hour, minute, second at `offset_hours` east of UTC (China: 8).
    ///
    /// Civil-from-days after H. Hinnant, "chrono-compatible low-level date algorithms".
    #[must_use]
    pub fn civil(self, offset_hours: i64) -> (i64, u32, u32, u32, u32, u32) {
        let secs = self.0.div_euclid(1000) + offset_hours * 3600;
        let (days, rem) = (secs.div_euclid(86_400), secs.rem_euclid(86_400));
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let day_of_era = z.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let mp = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * mp + 2) / 5 + 1;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        (year, month as u32, day as u32, (rem / 3600) as u32, (rem / 60 % 60) as u32, (rem % 60) as u32)
    }

    /// `HH:MM:SS` in China Standard Time (UTC+8).
    #[must_use]
    pub fn hms_china(self) -> String {
        let (_, _, _, h, m, s) = self.civil(8);
        format!("{h:02}:{m:02}:{s:02}")
    }

    /// `YYYY-MM-DD HH:MM:SS` in China Standard Time (UTC+8).
    #[must_use]
    pub fn datetime_china(self) -> String {
        let (y, mo, d, h, m, s) = self.civil(8);
        format!("{y:04}-{mo:02}-{d:02} {h:02}:{m:02}:{s:02}")
    }
}

/// Where "now" comes from. Only edges (server, viewer) hold one; model, kernels and apply never ask.
pub trait Clock {
    /// The present instant.
    fn now(&self) -> TimeMs;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn civil_matches_known_instants() {
        assert_eq!(TimeMs(0).datetime_china(), "1970-01-01 08:00:00");
        // 2024-02-29T23:59:59Z, the leap day
        assert_eq!(TimeMs(1_709_251_199_000).civil(0), (2024, 2, 29, 23, 59, 59));
        assert_eq!(TimeMs(-1000).civil(0), (1969, 12, 31, 23, 59, 59));
    }
}
