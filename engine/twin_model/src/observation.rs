//! Observations (观测值): what was measured, when, how good.

use crate::{EntityId, PropertyId, Seq, TimeMs};
use serde::{Deserialize, Serialize};

/// Quality bits of a sample. Zero is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quality(pub u16);

impl Quality {
    /// Nothing wrong is known.
    pub const GOOD: Quality = Quality(0);
    /// Outside the property's physical range (超量程).
    pub const BAD_RANGE: Quality = Quality(1);
    /// Older than the property's stale-after time (过期).
    pub const STALE: Quality = Quality(1 << 1);
    /// Device clock was more than 5 min ahead of ours; `observed_at` was clamped.
    pub const CLOCK_SKEW: Quality = Quality(1 << 2);
    /// The message carried no time; receipt time was used.
    pub const NO_CLOCK: Quality = Quality(1 << 3);
    /// Arrived after a newer sample of the same property: kept in history, not shown as latest.
    pub const LATE: Quality = Quality(1 << 4);
    /// Delivered as a retained message: may be old.
    pub const RETAINED: Quality = Quality(1 << 5);
    /// Computed by a simulation, not measured (模拟值).
    pub const SIMULATED: Quality = Quality(1 << 6);
    /// Reported by the device itself as doubtful.
    pub const DEVICE_DOUBT: Quality = Quality(1 << 7);
    /// The same value for longer than the property can stand still (数值冻结).
    pub const FROZEN: Quality = Quality(1 << 8);
    /// A faster change than the property can make (突跳).
    pub const SPIKE: Quality = Quality(1 << 9);

    /// True when every bit of `other` is set.
    #[must_use]
    pub fn contains(self, other: Quality) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets of bits.
    #[must_use]
    pub fn with(self, other: Quality) -> Quality {
        Quality(self.0 | other.0)
    }

    /// The Chinese words for the bits that are set; "良好" when none.
    #[must_use]
    pub fn zh(self) -> String {
        let names = [
            (Self::BAD_RANGE, "超量程"),
            (Self::STALE, "过期"),
            (Self::CLOCK_SKEW, "时钟偏差"),
            (Self::NO_CLOCK, "无时标"),
            (Self::LATE, "迟到"),
            (Self::RETAINED, "保留消息"),
            (Self::SIMULATED, "模拟值"),
            (Self::DEVICE_DOUBT, "设备存疑"),
            (Self::FROZEN, "数值冻结"),
            (Self::SPIKE, "突跳"),
        ];
        let set: Vec<&str> = names.iter().filter(|(bit, _)| self.contains(*bit)).map(|(_, name)| *name).collect();
        if set.is_empty() { "良好".to_owned() } else { set.join("、") }
    }
}

/// One committed sample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Commit sequence in the log.
    pub seq: Seq,
    /// Observed entity.
    pub entity: EntityId,
    /// Observed property.
    pub property: PropertyId,
    /// Value in the property's unit; states are small integers (0/1).
    pub value: f64,
    /// Quality bits.
    pub quality: Quality,
    /// When the device measured it.
    pub observed_at: TimeMs,
    /// When the server received it.
    pub received_at: TimeMs,
}

/// The latest known value of one property of one entity.
pub type StateEntry = Observation;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_reads_in_chinese() {
        assert_eq!(Quality::GOOD.zh(), "良好");
        assert_eq!(Quality::LATE.with(Quality::NO_CLOCK).zh(), "无时标、迟到");
    }
}
