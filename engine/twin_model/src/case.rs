//! Grid cases (网格事件): the seven stages of GB/T 30428 and the moves between them.

use crate::{CaseId, EntityId, TimeMs};
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
    /// 作废: not accepted or withdrawn.
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

/// A move of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseAction {
    /// To the next stage.
    Advance,
    /// 退回: feedback rejected, back to work.
    SendBack,
    /// 核查结案 in one step from any working stage, by someone entitled to.
    Close,
    /// 作废.
    Cancel,
}

/// A move that the present stage does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("case {case} is at stage {}: {action:?} is not possible there", stage.zh())]
pub struct CaseError {
    /// The case.
    pub case: CaseId,
    /// Its stage.
    pub stage: CaseStage,
    /// What was asked.
    pub action: CaseAction,
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
}

/// What a reporter gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewCase {
    /// Matter class, e.g. 环卫, 违停, 设施, 防洪防涝.
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
    /// Matter class.
    pub class: String,
    /// One line.
    pub title: String,
    /// More words.
    pub description: String,
    /// What it is about.
    pub entity: Option<EntityId>,
    /// The grid that it lies in.
    pub grid: Option<EntityId>,
    /// Where: ENU metres.
    pub p_enu: [f64; 3],
    /// Present stage.
    pub stage: CaseStage,
    /// Everything that happened, oldest first; the first is the report.
    pub events: Vec<CaseEvent>,
}

impl Case {
    /// Moves the case and records it.
    ///
    /// # Errors
    /// [`CaseError`] when the present stage does not allow the action; the case is unchanged then.
    pub fn apply(&mut self, action: CaseAction, at: TimeMs, note: String) -> Result<CaseStage, CaseError> {
        use CaseStage::*;
        let to = match action {
            CaseAction::Advance => self.stage.next(),
            CaseAction::SendBack => matches!(self.stage, Feedback | Closed).then_some(InProgress),
            CaseAction::Close => self.stage.is_open().then_some(Closed),
            CaseAction::Cancel => self.stage.is_open().then_some(Cancelled),
        };
        let stage = to.ok_or(CaseError { case: self.id, stage: self.stage, action })?;
        self.stage = stage;
        self.events.push(CaseEvent { at, stage, action: Some(action), note });
        Ok(stage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case() -> Case {
        Case {
            id: CaseId(7),
            class: "设施".into(),
            title: "井盖破损".into(),
            description: String::new(),
            entity: None,
            grid: None,
            p_enu: [0.0; 3],
            stage: CaseStage::Reported,
            events: vec![],
        }
    }

    #[test]
    fn the_seven_stages_in_order() {
        let mut c = case();
        let mut stages = vec![c.stage];
        while c.apply(CaseAction::Advance, TimeMs(0), String::new()).is_ok() {
            stages.push(c.stage);
        }
        let words: Vec<_> = stages.iter().map(|s| s.zh()).collect();
        assert_eq!(words, ["采集", "立案", "派遣", "处理", "反馈", "结案", "评价"]);
        assert_eq!(c.events.len(), 6);
    }

    #[test]
    fn a_refused_move_changes_nothing() {
        let mut c = case();
        c.apply(CaseAction::Cancel, TimeMs(1), String::new()).unwrap();
        let before = c.clone();
        let error = c.apply(CaseAction::Close, TimeMs(2), String::new()).unwrap_err();
        assert_eq!(error.to_string(), "case 7 is at stage 作废: Close is not possible there");
        assert_eq!(c, before);
    }
}
