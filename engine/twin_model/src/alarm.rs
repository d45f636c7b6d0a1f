//! Alarms (告警) after ISA-18.2 states.

use crate::{AlarmId, EntityId, PropertyId, RunId, TimeMs};
use serde::{Deserialize, Serialize};

/// How bad it is; 1 is worst in Chinese practice (一级 … 四级).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// 一级.
    Critical,
    /// 二级.
    Major,
    /// 三级.
    Minor,
    /// 四级.
    Notice,
}

/// Which side of the limit raises the alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// value ≥ limit.
    AtLeast,
    /// value ≤ limit.
    AtMost,
}

/// A threshold with hysteresis on one property.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlarmRule {
    /// Property key.
    pub property: String,
    /// Side of the limit.
    pub when: Comparison,
    /// Limit in the property's unit.
    pub limit: f64,
    /// The value must retreat this far past the limit to return to normal; same unit, ≥ 0.
    #[serde(default)]
    pub hysteresis: f64,
    /// Severity of the alarm raised.
    pub severity: Severity,
    /// What to tell people, Chinese.
    pub text: String,
}

impl AlarmRule {
    /// True when the value is in the alarm region.
    #[must_use]
    pub fn is_met(&self, value: f64) -> bool {
        match self.when {
            Comparison::AtLeast => value >= self.limit,
            Comparison::AtMost => value <= self.limit,
        }
    }

    /// True when the value has left the alarm region by the hysteresis.
    #[must_use]
    pub fn is_cleared(&self, value: f64) -> bool {
        match self.when {
            Comparison::AtLeast => value < self.limit - self.hysteresis,
            Comparison::AtMost => value > self.limit + self.hysteresis,
        }
    }
}

/// ISA-18.2 states of one alarm occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmState {
    /// Active, nobody has acknowledged it (未确认).
    Unacknowledged,
    /// Active and acknowledged (已确认).
    Acknowledged,
    /// Condition gone, still unacknowledged (已恢复未确认).
    ReturnedUnacknowledged,
    /// Condition gone and acknowledged: closed (已消除).
    Normal,
    /// Hidden by an operator for a time (已搁置).
    Shelved,
    /// Hidden by design, e.g. maintenance (已抑制).
    Suppressed,
}

impl AlarmState {
    /// True while it belongs on the alarm list.
    #[must_use]
    pub fn is_open(self) -> bool {
        self != AlarmState::Normal
    }
    /// The state after an operator acknowledges.
    #[must_use]
    pub fn acknowledged(self) -> AlarmState {
        match self {
            AlarmState::Unacknowledged => AlarmState::Acknowledged,
            AlarmState::ReturnedUnacknowledged => AlarmState::Normal,
            other => other,
        }
    }
    /// The state after the condition returns to normal.
    #[must_use]
    pub fn returned(self) -> AlarmState {
        match self {
            AlarmState::Unacknowledged => AlarmState::ReturnedUnacknowledged,
            AlarmState::Acknowledged => AlarmState::Normal,
            other => other,
        }
    }
    /// The state after the condition is met again.
    #[must_use]
    pub fn raised_again(self) -> AlarmState {
        match self {
            AlarmState::ReturnedUnacknowledged => AlarmState::Unacknowledged,
            other => other,
        }
    }
    /// The Chinese word.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            AlarmState::Unacknowledged => "未确认",
            AlarmState::Acknowledged => "已确认",
            AlarmState::ReturnedUnacknowledged => "已恢复未确认",
            AlarmState::Normal => "已消除",
            AlarmState::Shelved => "已搁置",
            AlarmState::Suppressed => "已抑制",
        }
    }
}

/// One alarm occurrence. At most one is open per (entity, property, rule).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// Its id.
    pub id: AlarmId,
    /// The entity that it is about.
    pub entity: EntityId,
    /// The property that tripped it.
    pub property: PropertyId,
    /// Index of the rule within the device class.
    pub rule: u16,
    /// Severity.
    pub severity: Severity,
    /// ISA-18.2 state.
    pub state: AlarmState,
    /// Text for people.
    pub text: String,
    /// Value that raised it, in the property's unit.
    pub value: f64,
    /// When the condition was first met (device time).
    pub raised_at: TimeMs,
    /// When the state last changed.
    pub changed_at: TimeMs,
    /// How often the condition came back before it was closed.
    pub count: u32,
    /// The run that predicts it; `None` for a measured alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn isa_states_follow_the_standard() {
        let s = AlarmState::Unacknowledged;
        assert_eq!(s.acknowledged().returned(), AlarmState::Normal);
        assert_eq!(s.returned(), AlarmState::ReturnedUnacknowledged);
        assert_eq!(s.returned().raised_again(), s);
        assert_eq!(s.returned().acknowledged(), AlarmState::Normal);
        assert!(!AlarmState::Normal.is_open());
    }

    #[test]
    fn hysteresis_keeps_the_alarm() {
        let rule = AlarmRule {
            property: "level".into(),
            when: Comparison::AtLeast,
            limit: 20.0,
            hysteresis: 0.2,
            severity: Severity::Major,
            text: String::new(),
        };
        assert!(rule.is_met(20.0) && !rule.is_cleared(19.9) && rule.is_cleared(19.79));
    }
}
