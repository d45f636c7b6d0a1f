//! Values that stand still for too long or jump: quality bits from the traits of a property.

use std::collections::BTreeMap;
use twin_model::{EntityId, PropertyId, PropertyTraits, Quality};

/// The last value of a series, and since when it has not moved.
#[derive(Debug, Clone, Copy)]
struct Motion {
    at: i64,
    value: f64,
    still_since: i64,
    still_value: f64,
}

/// Watches the series whose properties have a limit. Begins anew with the server: its judgement is in the log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Motions(BTreeMap<(EntityId, PropertyId), Motion>);

impl Motions {
    /// Judges a value and remembers it. Late ones and properties without limits are good.
    ///
    /// A spike is a change from the last value faster than `spike_per_s`; the value that comes back from one is judged
    /// against it and so is marked as well. Frozen is a value that has kept within the dead band for `frozen_after_s`.
    pub(crate) fn judge(
        &mut self,
        series: (EntityId, PropertyId),
        traits: PropertyTraits,
        observed_at: i64,
        value: f64,
    ) -> Quality {
        if traits.spike_per_s.is_none() && traits.frozen_after_s.is_none() {
            return Quality::GOOD;
        }
        let Some(held) = self.0.get_mut(&series) else {
            let first = Motion { at: observed_at, value, still_since: observed_at, still_value: value };
            self.0.insert(series, first);
            return Quality::GOOD;
        };
        if observed_at <= held.at {
            return Quality::GOOD;
        }
        let mut quality = Quality::GOOD;
        let dt_s = (observed_at - held.at) as f64 / 1000.0;
        if traits.spike_per_s.is_some_and(|most| (value - held.value).abs() > most * dt_s) {
            quality = quality.with(Quality::SPIKE);
        }
        if (value - held.still_value).abs() > traits.dead_band {
            (held.still_since, held.still_value) = (observed_at, value);
        } else if traits.frozen_after_s.is_some_and(|s| (observed_at - held.still_since) as f64 >= s * 1000.0) {
            quality = quality.with(Quality::FROZEN);
        }
        (held.at, held.value) = (observed_at, value);
        quality
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jumps_and_standstill_are_seen() {
        let traits =
            PropertyTraits { dead_band: 0.01, frozen_after_s: Some(3600.0), spike_per_s: Some(0.5), personal: false };
        let series = (EntityId(1), PropertyId(2));
        let mut motions = Motions::default();
        let mut judge = |at_s: i64, value: f64| motions.judge(series, traits, at_s * 1000, value);
        assert_eq!(judge(0, 10.0), Quality::GOOD);
        assert_eq!(judge(60, 39.0), Quality::GOOD);
        assert_eq!(judge(70, 9.0), Quality::SPIKE);
        assert_eq!(judge(65, 1000.0), Quality::GOOD, "late: not judged");
        assert_eq!(judge(71, 9.005), Quality::GOOD);
        assert_eq!(judge(3669, 8.995), Quality::GOOD);
        assert_eq!(judge(3670, 9.0), Quality::FROZEN);
        assert_eq!(judge(3671, 9.02), Quality::GOOD);
    }
}
