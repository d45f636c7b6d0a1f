//! Alarms (告警) after the states of ANSI/ISA-18.2-2016.

use crate::{AccountId, AlarmId, EntityId, IncidentId, PropertyId, RunId, TimeMs};
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
    /// Hidden by design: another alarm explains it (已抑制).
    Suppressed,
    /// Condition gone, but the rule latches: unacknowledged and not yet reset (锁存未确认).
    LatchedUnacknowledged,
    /// Condition gone, acknowledged, waits for an operator's reset (锁存).
    Latched,
    /// Taken out of service by an operator, e.g. for maintenance (停用).
    OutOfService,
}

impl AlarmState {
    /// True while it is not closed.
    #[must_use]
    pub fn is_open(self) -> bool {
        self != AlarmState::Normal
    }
    /// True while people are meant to see it: open, and not shelved, suppressed or out of service.
    #[must_use]
    pub fn is_shown(self) -> bool {
        self.is_open() && !self.is_hidden()
    }
    /// Shelved, suppressed or out of service.
    #[must_use]
    pub fn is_hidden(self) -> bool {
        matches!(self, AlarmState::Shelved | AlarmState::Suppressed | AlarmState::OutOfService)
    }
    /// True while it calls for an acknowledgement.
    #[must_use]
    pub fn wants_acknowledgement(self) -> bool {
        self.acknowledged() != self
    }
    /// The state after an operator acknowledges.
    #[must_use]
    pub fn acknowledged(self) -> AlarmState {
        match self {
            AlarmState::Unacknowledged => AlarmState::Acknowledged,
            AlarmState::ReturnedUnacknowledged => AlarmState::Normal,
            AlarmState::LatchedUnacknowledged => AlarmState::Latched,
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
            AlarmState::LatchedUnacknowledged => "锁存未确认",
            AlarmState::Latched => "锁存",
            AlarmState::OutOfService => "停用",
        }
    }
}

/// Why and until when an alarm is shelved (搁置).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelving {
    /// When it comes back by itself.
    pub until: TimeMs,
    /// What the operator gave as the reason.
    pub reason: String,
    /// Who shelved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<AccountId>,
}

/// What an operator does with an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmOperation {
    /// 确认.
    Acknowledge,
    /// 搁置 for a time, with a reason.
    Shelve {
        /// Minutes, 1..=10080 (a week).
        minutes: u32,
        /// Why, 1 to 200 characters.
        reason: String,
    },
    /// 取消搁置.
    Unshelve,
    /// 复位 of a latched alarm.
    Reset,
    /// 停用: takes (rule, entity) out of service, with a reason.
    TakeOutOfService {
        /// Why, 1 to 200 characters.
        reason: String,
    },
    /// 恢复使用.
    ReturnToService,
}

/// One alarm occurrence. At most one is open per (entity, rule).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// Its id.
    pub id: AlarmId,
    /// The entity that it is about.
    pub entity: EntityId,
    /// The property that tripped it.
    pub property: PropertyId,
    /// Number of the rule in the rule book in force.
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
    /// The condition is met now, whatever is shown.
    #[serde(default)]
    pub active: bool,
    /// Acknowledged since it was last raised.
    #[serde(default)]
    pub acknowledged: bool,
    /// Who acknowledged it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<AccountId>,
    /// Set while it is shelved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shelving: Option<Shelving>,
    /// The alarm that explains it, while that one is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed_by: Option<AlarmId>,
    /// The incident that it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentId>,
    /// It was raised more than three times within a minute (抖动): its return is waited out for a minute of quiet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub chattering: bool,
    /// Steps of the rule's escalation taken so far (升级).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub escalation: u8,
    /// Walls should go to this place (联动定位).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub focus: Option<EntityId>,
}

fn is_zero(n: &u8) -> bool {
    *n == 0
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
        assert_eq!(AlarmState::LatchedUnacknowledged.acknowledged(), AlarmState::Latched);
        assert!(AlarmState::Shelved.is_open() && !AlarmState::Shelved.is_shown());
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
