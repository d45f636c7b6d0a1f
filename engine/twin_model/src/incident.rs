//! Incidents (告警事件组): many alarms of one place within a short time, told as one row.

use crate::{AlarmId, EntityId, IncidentId, Severity, TimeMs};
use serde::{Deserialize, Serialize};

/// A flood of alarms of one place. Its alarms name it in [`crate::Alarm::incident`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Its id.
    pub id: IncidentId,
    /// The building, grid or community that the alarms share.
    pub place: EntityId,
    /// What kind of alarms: the group of their rules, e.g. `offline`.
    pub group: String,
    /// Text of the alarm that opened it.
    pub text: String,
    /// Worst severity of its alarms.
    pub severity: Severity,
    /// The first alarm.
    pub first: AlarmId,
    /// When the first alarm was raised.
    pub opened_at: TimeMs,
    /// When a count last changed.
    pub changed_at: TimeMs,
    /// Alarms that ever belonged to it.
    pub members: u32,
    /// Those of them that are open.
    pub open: u32,
    /// Those of them whose condition is met.
    pub active: u32,
    /// Those of them that nobody has acknowledged.
    pub unacknowledged: u32,
    /// The wider incident that took its alarms over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<IncidentId>,
    /// None of its alarms is open any more, or it was merged.
    #[serde(default)]
    pub closed: bool,
}
