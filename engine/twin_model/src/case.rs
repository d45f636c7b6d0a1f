//! Grid cases (网格事件): the seven stages of GB/T 30428 and what a case holds. How it moves is in `case_move`.

use crate::{
    AccountId, CaseAction, CaseClock, CaseEnd, CaseExtension, CaseId, CaseMove, CasePhoto, CaseSource, DepartmentId,
    EntityId, Placement, Severity, TimeMs,
};
use serde::{Deserialize, Serialize};

/// The seven stages, and the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseStage {
    /// 信息采集: reported, not yet verified.
    Reported,
    /// 案卷建立(立案).
    Registered,
    /// 任务派遣: the deadline clock runs from here.
    Dispatched,
    /// 任务处理.
    InProgress,
    /// 处理反馈.
    Feedback,
    /// 核查结案.
    Closed,
    /// 综合评价.
    Evaluated,
    /// Ended without being worked off: 作废, 不立案 or 重复; [`Case::end`] says which.
    Cancelled,
}

impl CaseStage {
    /// The Chinese word.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            CaseStage::Reported => "采集",
            CaseStage::Registered => "立案",
            CaseStage::Dispatched => "派遣",
            CaseStage::InProgress => "处理",
            CaseStage::Feedback => "反馈",
            CaseStage::Closed => "结案",
            CaseStage::Evaluated => "评价",
            CaseStage::Cancelled => "作废",
        }
    }
    /// True while somebody still has work to do on it.
    #[must_use]
    pub fn is_open(self) -> bool {
        self < CaseStage::Closed
    }
    /// True while a department works on it and its deadline clock runs.
    #[must_use]
    pub fn is_handled(self) -> bool {
        matches!(self, CaseStage::Dispatched | CaseStage::InProgress)
    }
    /// The stage that follows in the normal flow.
    #[must_use]
    pub fn next(self) -> Option<CaseStage> {
        use CaseStage::*;
        match self {
            Reported => Some(Registered),
            Registered => Some(Dispatched),
            Dispatched => Some(InProgress),
            InProgress => Some(Feedback),
            Feedback => Some(Closed),
            Closed => Some(Evaluated),
            Evaluated | Cancelled => None,
        }
    }
}

/// One recorded move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseEvent {
    /// When.
    pub at: TimeMs,
    /// Stage after the move.
    pub stage: CaseStage,
    /// What was done; `None` for the report itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<CaseAction>,
    /// Note of the person who moved it; may be empty.
    #[serde(default)]
    pub note: String,
    /// Who did it, where accounts are used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<AccountId>,
    /// The deadline clock after the move, when the move touched it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<CaseClock>,
}

/// What a reporter gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewCase {
    /// Matter class: a code of the server's class table, or a free word, e.g. 环卫, 违停, 设施, 防洪防涝.
    pub class: String,
    /// One line.
    pub title: String,
    /// More words; may be empty.
    #[serde(default)]
    pub description: String,
    /// The thing that it is about, if one was picked.
    #[serde(default)]
    pub entity: Option<EntityId>,
    /// Where: ENU metres. Required when no entity is given.
    #[serde(default)]
    pub p_enu: Option<[f64; 3]>,
}

/// A grid case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Its id.
    pub id: CaseId,
    /// Matter class: a code of `code_system`, or a free word when there is none.
    pub class: String,
    /// One line. Data, never markup.
    pub title: String,
    /// More words. Data, never markup.
    pub description: String,
    /// What it is about.
    pub entity: Option<EntityId>,
    /// The grid that it lies in.
    pub grid: Option<EntityId>,
    /// Where: ENU metres; how exact that is, says `placed`.
    pub p_enu: [f64; 3],
    /// Present stage.
    pub stage: CaseStage,
    /// Everything that happened, oldest first; the first is the report.
    pub events: Vec<CaseEvent>,
    /// The versioned table that `class` belongs to, e.g. `gbt30428.2-2013`; empty for a free word.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code_system: String,
    /// How bad, when its class says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// How the place came about.
    #[serde(default, skip_serializing_if = "Placement::is_given")]
    pub placed: Placement,
    /// The department that has it (处置部门).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<DepartmentId>,
    /// 挂账: suspended since; the clock stands still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended_at: Option<TimeMs>,
    /// 延期申请: asked for and not yet decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<CaseExtension>,
    /// The deadline clock, once dispatched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<CaseClock>,
    /// How it ended, once it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<CaseEnd>,
    /// The case that tells of the same matter (重复), when somebody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<CaseId>,
    /// 满意度: 1 (very dissatisfied) to 5 (very satisfied), from the follow-up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub satisfaction: Option<u8>,
    /// Photographs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<CasePhoto>,
    /// Where it came from, when another system knows it under its own number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<CaseSource>,
}

impl Case {
    /// A case as it is reported at a place: first stage, one event.
    #[must_use]
    pub fn reported(id: CaseId, class: String, title: String, description: String, at: TimeMs) -> Self {
        let report =
            CaseEvent { at, stage: CaseStage::Reported, action: None, note: String::new(), by: None, clock: None };
        Self {
            id,
            class,
            title,
            description,
            entity: None,
            grid: None,
            p_enu: [0.0; 3],
            stage: CaseStage::Reported,
            events: vec![report],
            code_system: String::new(),
            severity: None,
            placed: Placement::Given,
            department: None,
            suspended_at: None,
            extension: None,
            clock: None,
            end: None,
            duplicate_of: None,
            satisfaction: None,
            photos: vec![],
            source: None,
        }
    }

    /// Moves the case and records it, without touching its clock.
    ///
    /// # Errors
    /// As [`Case::apply_move`].
    pub fn apply(&mut self, action: CaseAction, at: TimeMs, note: String) -> Result<CaseStage, crate::CaseError> {
        self.apply_move(CaseMove { action, at, note, by: None, clock: None })
    }

    /// When it was reported.
    #[must_use]
    pub fn reported_at(&self) -> TimeMs {
        self.events.first().map_or(TimeMs(0), |e| e.at)
    }

    /// When it last moved.
    #[must_use]
    pub fn changed_at(&self) -> TimeMs {
        self.events.last().map_or(TimeMs(0), |e| e.at)
    }

    /// When it must be handled; `None` before it is dispatched, while it is suspended, and without a limit.
    #[must_use]
    pub fn due_at(&self) -> Option<TimeMs> {
        self.clock.and_then(|c| c.due_at)
    }

    /// When it was registered (立案): the first move out of [`CaseStage::Reported`] that kept it.
    #[must_use]
    pub fn registered_at(&self) -> Option<TimeMs> {
        self.events.iter().find(|e| !matches!(e.stage, CaseStage::Reported | CaseStage::Cancelled)).map(|e| e.at)
    }

    /// The dispatch that stands: when, and to which department (`None` when none was named). A returned task has none.
    #[must_use]
    pub fn dispatch(&self) -> Option<(TimeMs, Option<DepartmentId>)> {
        let last = self.events.iter().rev().find_map(|e| match e.action {
            Some(CaseAction::Dispatch { department }) => Some(Some((e.at, Some(department)))),
            Some(CaseAction::Advance) if e.stage == CaseStage::Dispatched => Some(Some((e.at, None))),
            Some(CaseAction::Return) => Some(None),
            _ => None,
        });
        last.flatten()
    }
}
