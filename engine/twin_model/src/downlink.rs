//! Commands to devices (下行指令): at most one effect each, by id, expiry and the device's acknowledgement.

use crate::{AccountId, AlarmId, DeviceCommandId, EntityId, TimeMs};
use serde::{Deserialize, Serialize};

/// What a device is asked to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewDeviceCommand {
    /// The device.
    pub device: EntityId,
    /// Word that the device knows: `close_valve`, `open_door` …; `[a-z0-9_]{1,40}`.
    pub name: String,
    /// Its argument, when it takes one; finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Seconds after which it must not be carried out any more, 1..=3600.
    pub expires_s: u32,
    /// A second person must confirm before it is sent (valves, doors).
    #[serde(default)]
    pub two_person: bool,
}

/// Where a command stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceCommandState {
    /// Waits for the second person (待复核).
    WaitsForSecond,
    /// To be delivered to the device (待送达).
    Issued,
    /// The device says that it was carried out (已执行).
    Done,
    /// The device says that it could not (执行失败).
    Refused,
    /// Not confirmed or not acknowledged in time (已过期).
    Expired,
    /// Withdrawn before the second person confirmed (已撤销).
    Withdrawn,
}

impl DeviceCommandState {
    /// True while something may still happen.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, DeviceCommandState::WaitsForSecond | DeviceCommandState::Issued)
    }
    /// The Chinese word.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            DeviceCommandState::WaitsForSecond => "待复核",
            DeviceCommandState::Issued => "待送达",
            DeviceCommandState::Done => "已执行",
            DeviceCommandState::Refused => "执行失败",
            DeviceCommandState::Expired => "已过期",
            DeviceCommandState::Withdrawn => "已撤销",
        }
    }
}

/// A command and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceCommand {
    /// Its id; the device acts on each id once.
    pub id: DeviceCommandId,
    /// What is asked.
    pub order: NewDeviceCommand,
    /// The alarm whose rule asked for it; `None` when a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm: Option<AlarmId>,
    /// Who asked; `None` for a rule, or a server without accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<AccountId>,
    /// The second person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_by: Option<AccountId>,
    /// When it was asked for.
    pub at: TimeMs,
    /// After this instant neither sent nor carried out.
    pub expires_at: TimeMs,
    /// Where it stands.
    pub state: DeviceCommandState,
    /// Reason that the device gave; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}
