//! Age of values.

use twin_model::{Quality, StateEntry, TimeMs};

/// A value is stale after this many expected intervals without a newer one.
pub const STALE_AFTER_INTERVALS: f64 = 3.0;

/// True when a value of a series with this expected interval (seconds; not positive or NaN: never stale) is too old to
/// stand for the present. Simulated values do not age.
#[must_use]
pub fn is_stale(entry: &StateEntry, now: TimeMs, expected_interval_s: f64) -> bool {
    expected_interval_s > 0.0
        && !entry.quality.contains(Quality::SIMULATED)
        && now.secs_since(entry.observed_at) > expected_interval_s * STALE_AFTER_INTERVALS
}

/// The quality to show at `now`: the stored bits, with [`Quality::STALE`] when the value is too old.
#[must_use]
pub fn quality_at(entry: &StateEntry, now: TimeMs, expected_interval_s: f64) -> Quality {
    if is_stale(entry, now, expected_interval_s) { entry.quality.with(Quality::STALE) } else { entry.quality }
}

#[cfg(test)]
mod tests {
    use super::*;
    use twin_model::{EntityId, PropertyId, Seq};

    #[test]
    fn stale_after_three_intervals() {
        let entry = StateEntry {
            seq: Seq(1),
            entity: EntityId(0),
            property: PropertyId(0),
            value: 1.0,
            quality: Quality::LATE,
            observed_at: TimeMs(0),
            received_at: TimeMs(0),
        };
        assert!(!is_stale(&entry, TimeMs(30_000), 10.0) && is_stale(&entry, TimeMs(30_001), 10.0));
        assert_eq!(quality_at(&entry, TimeMs(40_000), 10.0), Quality::LATE.with(Quality::STALE));
        assert!(!is_stale(&entry, TimeMs(i64::MAX), 0.0) && !is_stale(&entry, TimeMs(i64::MAX), f64::NAN));
    }
}
