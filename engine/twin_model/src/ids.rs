//! Typed ids. Keys of the outside world (IFC GlobalId, MQTT topic, GB/T 28181 id …) stay in lookup tables at the edge.

use serde::{Deserialize, Serialize};

macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

typed_id! {
    /// A thing of the community: dense index of the pack's entity table, stable for one pack.
    EntityId(u32)
}
typed_id! {
    /// An observed property (水位、雨强 …): index into the [`crate::PropertyTable`].
    PropertyId(u16)
}
typed_id! {
    /// A layer of the pack's manifest, by position.
    LayerId(u16)
}
typed_id! {
    /// An alarm (告警), unique within one server's log.
    AlarmId(u64)
}
typed_id! {
    /// Many alarms of one place in a short time (告警事件组), unique within one server's log.
    IncidentId(u64)
}
typed_id! {
    /// A command to a device (下行指令), unique within one server's log; devices act on each once.
    DeviceCommandId(u64)
}
typed_id! {
    /// A grid case (网格事件), unique within one server's log.
    CaseId(u64)
}
typed_id! {
    /// A simulation run (演算), unique within one server's log.
    RunId(u64)
}
typed_id! {
    /// A local account (账号): who acknowledged, moved, started. Never reused within one server's data.
    AccountId(u32)
}
typed_id! {
    /// A department that handles cases (处置部门): the number that its table gives it.
    DepartmentId(u16)
}
/// Ids from here on belong to runs that a viewer computes itself; JSON holds them exactly.
const LOCAL_RUNS: u64 = 1 << 52;

impl RunId {
    /// The id of the viewer's own run number `n`.
    #[must_use]
    pub const fn local(n: u64) -> Self {
        Self(LOCAL_RUNS + n)
    }

    /// Whether a viewer computes it itself.
    #[must_use]
    pub const fn is_local(self) -> bool {
        self.0 >= LOCAL_RUNS
    }

    /// How people see it: `#3`, or `本机 1`.
    #[must_use]
    pub fn label(self) -> String {
        if self.is_local() { format!("本机 {}", self.0 - LOCAL_RUNS) } else { format!("#{self}") }
    }
}

typed_id! {
    /// Commit sequence of the durable log: strictly increasing, never reused.
    Seq(u64)
}
