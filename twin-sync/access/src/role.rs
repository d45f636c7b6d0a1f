//! Roles of the people who use a community's twin, and what each may do.

use serde::{Deserialize, Serialize};

/// A word of a closed list that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {word:?}: must be one of {allowed}")]
pub struct UnknownWord {
    pub(crate) what: &'static str,
    pub(crate) word: String,
    pub(crate) allowed: String,
}

macro_rules! words {
    ($(#[$type_doc:meta])* $name:ident, $what:literal; $($(#[$doc:meta])* $variant:ident = $tag:literal, $zh:literal;)*) => {
        $(#[$type_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$doc])* $variant),* }

        impl $name {
            /// Every one, in declaration order.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];
            /// The stable text tag.
            #[must_use]
            pub fn tag(self) -> &'static str { match self { $($name::$variant => $tag),* } }
            /// The Chinese name shown to people.
            #[must_use]
            pub fn zh(self) -> &'static str { match self { $($name::$variant => $zh),* } }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.tag()) }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownWord;
            fn from_str(s: &str) -> Result<Self, UnknownWord> {
                match s {
                    $($tag => Ok($name::$variant),)*
                    _ => Err(UnknownWord { what: $what, word: s.to_owned(), allowed: [$($tag),*].join(", ") }),
                }
            }
        }
    };
}
pub(crate) use words;

words! {
    /// What somebody is in the community. The last three are the separated administrators (三权分立): what one of them
    /// does the others can see, and none of them can do the work of another.
    Role, "role";
    /// 网格员: walks the grid, reports and works on cases.
    GridWorker = "grid_worker", "网格员";
    /// 网格长: answers for a grid.
    GridChief = "grid_chief", "网格长";
    /// 值班员: on duty in the command centre.
    DutyOfficer = "duty_officer", "指挥中心值班员";
    /// 规划人员.
    Planner = "planner", "规划人员";
    /// 消防.
    FireOfficer = "fire_officer", "消防";
    /// 查看.
    Viewer = "viewer", "查看";
    /// 系统管理员: accounts and devices, but no rights.
    SystemAdministrator = "system_administrator", "系统管理员";
    /// 安全管理员: rights, but no accounts.
    SecurityAdministrator = "security_administrator", "安全管理员";
    /// 审计管理员: reads the trace and does nothing else.
    AuditAdministrator = "audit_administrator", "审计管理员";
}

words! {
    /// Something that can be permitted.
    Action, "action";
    /// Entities with state, history, alarms and cases.
    See = "see", "查看";
    /// Cameras: where they look, whether they work.
    SeeCamera = "see_camera", "查看摄像头";
    /// Acknowledge an alarm.
    AcknowledgeAlarm = "acknowledge_alarm", "确认告警";
    /// Hide an alarm for a time, reset it, take its rule out of service and back.
    OperateAlarm = "operate_alarm", "搁置、停用告警";
    /// Give a device a command, confirm one as the second person, withdraw one.
    CommandDevice = "command_device", "下发指令";
    /// Report a case.
    ReportCase = "report_case", "上报事件";
    /// Handle a case: begin, hand in, return, ask for more time, add photographs.
    MoveCase = "move_case", "办理事件";
    /// Register a case and dispatch it to a department.
    DispatchCase = "dispatch_case", "立案和派遣";
    /// Decide about a case: accept or send back what was done, close, reject, void, suspend, grant more time, merge.
    DecideCase = "decide_case", "审批、结案或作废";
    /// Runs and what they computed.
    SeeRuns = "see_runs", "查看演算";
    /// Start a run.
    StartRun = "start_run", "启动演算";
    /// Cancel a run or build something in it.
    SteerRun = "steer_run", "控制演算";
    /// Counters, dead letters.
    SeeDiagnostics = "see_diagnostics", "查看运行状况";
    /// Create and disable accounts, set passwords.
    ManageAccounts = "manage_accounts", "管理账号";
    /// Create and disable devices' credentials.
    ManageDevices = "manage_devices", "管理设备凭据";
    /// Grant and withdraw rights.
    ManageGrants = "manage_grants", "管理授权";
    /// Read the trace.
    ReadAudit = "read_audit", "查看审计";
}

/// A set of actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct ActionSet(u32);

impl ActionSet {
    /// These.
    #[must_use]
    pub const fn of(actions: &[Action]) -> Self {
        let (mut bits, mut i) = (0, 0);
        while i < actions.len() {
            bits |= 1 << actions[i] as u32;
            i += 1;
        }
        Self(bits)
    }

    /// True when the action is in the set.
    #[must_use]
    pub const fn contains(self, action: Action) -> bool {
        self.0 & (1 << action as u32) != 0
    }

    /// Both together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The actions, in declaration order.
    pub fn iter(self) -> impl Iterator<Item = Action> {
        Action::ALL.iter().copied().filter(move |a| self.contains(*a))
    }

    pub(crate) fn bits(self) -> u32 {
        self.0
    }
}

impl Action {
    /// True for what changes something. Nothing at all changes or removes an audit record: there is no such action.
    #[must_use]
    pub fn is_change(self) -> bool {
        use Action::*;
        match self {
            See | SeeCamera | SeeRuns | SeeDiagnostics | ReadAudit => false,
            AcknowledgeAlarm | OperateAlarm | CommandDevice | ReportCase | MoveCase | DispatchCase | DecideCase
            | StartRun | SteerRun | ManageAccounts | ManageDevices | ManageGrants => true,
        }
    }
}

impl Role {
    /// What the role may do within its jurisdiction.
    #[must_use]
    pub const fn actions(self) -> ActionSet {
        use Action::*;
        ActionSet::of(match self {
            Role::GridWorker => &[See, AcknowledgeAlarm, ReportCase, MoveCase],
            Role::GridChief => {
                &[See, SeeCamera, AcknowledgeAlarm, ReportCase, MoveCase, DispatchCase, DecideCase, SeeRuns]
            }
            Role::DutyOfficer => &[
                See,
                SeeCamera,
                AcknowledgeAlarm,
                OperateAlarm,
                CommandDevice,
                ReportCase,
                MoveCase,
                DispatchCase,
                DecideCase,
                SeeRuns,
                StartRun,
                SteerRun,
                SeeDiagnostics,
            ],
            Role::Planner => &[See, SeeRuns, StartRun, SteerRun],
            Role::FireOfficer => {
                &[See, SeeCamera, AcknowledgeAlarm, CommandDevice, ReportCase, SeeRuns, StartRun, SteerRun]
            }
            Role::Viewer => &[See],
            Role::SystemAdministrator => &[ManageAccounts, ManageDevices, SeeDiagnostics],
            Role::SecurityAdministrator => &[ManageGrants],
            Role::AuditAdministrator => &[ReadAudit],
        })
    }

    /// True for the three separated administrators.
    #[must_use]
    pub const fn is_administrator(self) -> bool {
        matches!(self, Role::SystemAdministrator | Role::SecurityAdministrator | Role::AuditAdministrator)
    }

    /// Whether one account may have both roles. An administrator has no other role at all.
    #[must_use]
    pub fn may_join(self, other: Role) -> bool {
        self == other || !(self.is_administrator() || other.is_administrator())
    }
}
