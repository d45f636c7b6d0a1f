//! Moves of a grid case, and which of them each stage allows.

use crate::{AccountId, Case, CaseClock, CaseEnd, CaseEvent, CaseExtension, CaseId, CaseStage, DepartmentId, TimeMs};
use serde::{Deserialize, Serialize};

/// Longest extension that can be asked for at once, working minutes: 60 working days of 8 hours.
pub const MAX_EXTENSION_MIN: u32 = 60 * 8 * 60;

/// A move of a case. Those with details travel as `{"dispatch":{"department":3}}`, the others as `"close"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseAction {
    /// To the next stage.
    Advance,
    /// 返工: handed in or closed, but not done: back to work.
    SendBack,
    /// 核查结案 in one step from any working stage, by someone entitled to.
    Close,
    /// 作废.
    Cancel,
    /// 立案.
    Register,
    /// 不立案.
    Reject,
    /// 派遣, or 改派 while it is being handled. The clock starts with the first.
    Dispatch {
        /// To whom.
        department: DepartmentId,
    },
    /// 退回: the department says that it is not theirs; it waits for another dispatch.
    Return,
    /// 接单处理.
    Start,
    /// 处理反馈: handed in; the clock stands.
    Feedback,
    /// 挂账: cannot be handled for now; the clock stands.
    Suspend,
    /// 恢复.
    Resume,
    /// 申请延期.
    RequestExtension {
        /// Working minutes more, 1..[`MAX_EXTENSION_MIN`].
        work_min: u32,
    },
    /// 准予延期.
    GrantExtension,
    /// 不准延期.
    RefuseExtension,
    /// 综合评价.
    Evaluate,
    /// 回访满意度, once for each closing.
    Rate {
        /// 1 (very dissatisfied) to 5 (very satisfied).
        satisfaction: u8,
    },
    /// 重复: ended, with a link to the case that goes on. Never done by itself.
    MarkDuplicate {
        /// The other case.
        of: CaseId,
    },
}

impl CaseAction {
    /// One of each, for lists; the details are placeholders.
    pub const KINDS: [CaseAction; 18] = [
        CaseAction::Advance,
        CaseAction::Register,
        CaseAction::Reject,
        CaseAction::Dispatch { department: DepartmentId(0) },
        CaseAction::Return,
        CaseAction::Start,
        CaseAction::Feedback,
        CaseAction::SendBack,
        CaseAction::Suspend,
        CaseAction::Resume,
        CaseAction::RequestExtension { work_min: 60 },
        CaseAction::GrantExtension,
        CaseAction::RefuseExtension,
        CaseAction::Close,
        CaseAction::Evaluate,
        CaseAction::Rate { satisfaction: 5 },
        CaseAction::MarkDuplicate { of: CaseId(0) },
        CaseAction::Cancel,
    ];

    /// Its tag on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            CaseAction::Advance => "advance",
            CaseAction::SendBack => "send_back",
            CaseAction::Close => "close",
            CaseAction::Cancel => "cancel",
            CaseAction::Register => "register",
            CaseAction::Reject => "reject",
            CaseAction::Dispatch { .. } => "dispatch",
            CaseAction::Return => "return",
            CaseAction::Start => "start",
            CaseAction::Feedback => "feedback",
            CaseAction::Suspend => "suspend",
            CaseAction::Resume => "resume",
            CaseAction::RequestExtension { .. } => "request_extension",
            CaseAction::GrantExtension => "grant_extension",
            CaseAction::RefuseExtension => "refuse_extension",
            CaseAction::Evaluate => "evaluate",
            CaseAction::Rate { .. } => "rate",
            CaseAction::MarkDuplicate { .. } => "mark_duplicate",
        }
    }

    /// The Chinese word.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            CaseAction::Advance => "推进",
            CaseAction::SendBack => "返工",
            CaseAction::Close => "结案",
            CaseAction::Cancel => "作废",
            CaseAction::Register => "立案",
            CaseAction::Reject => "不立案",
            CaseAction::Dispatch { .. } => "派遣",
            CaseAction::Return => "退回",
            CaseAction::Start => "接单",
            CaseAction::Feedback => "反馈",
            CaseAction::Suspend => "挂账",
            CaseAction::Resume => "恢复",
            CaseAction::RequestExtension { .. } => "申请延期",
            CaseAction::GrantExtension => "准予延期",
            CaseAction::RefuseExtension => "不准延期",
            CaseAction::Evaluate => "评价",
            CaseAction::Rate { .. } => "满意度",
            CaseAction::MarkDuplicate { .. } => "重复",
        }
    }
}

/// A move that is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaseError {
    /// The present stage does not allow it.
    #[error("case {case} is at stage {}{}: {} is not possible there; allowed: {allowed}", stage.zh(),
        if *suspended { " (挂账)" } else { "" }, action.name())]
    Stage {
        /// The case.
        case: CaseId,
        /// Its stage.
        stage: CaseStage,
        /// Whether it is suspended.
        suspended: bool,
        /// What was asked.
        action: CaseAction,
        /// Names of the actions that are possible, or `none`.
        allowed: String,
    },
    /// A detail of the action is out of range.
    #[error("case {case}: {field} = {value}: must be {allowed}")]
    Value {
        /// The case.
        case: CaseId,
        /// Which detail.
        field: &'static str,
        /// What was given.
        value: u64,
        /// What is allowed.
        allowed: String,
    },
}

/// One move with all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseMove {
    /// What.
    pub action: CaseAction,
    /// When.
    pub at: TimeMs,
    /// Note; may be empty.
    pub note: String,
    /// Who.
    pub by: Option<AccountId>,
    /// The clock after the move; `None` leaves it as it is.
    pub clock: Option<CaseClock>,
}

impl Case {
    /// The stage that an action leads to; `None` when it is not possible now.
    #[must_use]
    pub fn target(&self, action: CaseAction) -> Option<CaseStage> {
        use CaseStage::*;
        let (stage, suspended) = (self.stage, self.suspended_at.is_some());
        let when = |possible: bool, to: CaseStage| possible.then_some(to);
        match action {
            // A suspended case waits: it is resumed first, or it ends.
            CaseAction::Resume => when(suspended, stage),
            CaseAction::Cancel => when(stage.is_open(), Cancelled),
            CaseAction::MarkDuplicate { .. } => when(stage.is_open(), Cancelled),
            CaseAction::GrantExtension | CaseAction::RefuseExtension => when(self.extension.is_some(), stage),
            _ if suspended => None,
            CaseAction::Advance => stage.next(),
            CaseAction::SendBack => when(matches!(stage, Feedback | Closed), InProgress),
            CaseAction::Close => when(stage.is_open(), Closed),
            CaseAction::Register => when(stage == Reported, Registered),
            CaseAction::Reject => when(stage == Reported, Cancelled),
            CaseAction::Dispatch { .. } => when(matches!(stage, Registered | Dispatched | InProgress), Dispatched),
            CaseAction::Return => when(stage.is_handled(), Registered),
            CaseAction::Start => when(stage == Dispatched, InProgress),
            CaseAction::Feedback => when(stage == InProgress, Feedback),
            CaseAction::Suspend => when(stage.is_handled(), stage),
            CaseAction::RequestExtension { .. } => when(stage.is_handled() && self.extension.is_none(), stage),
            CaseAction::Evaluate => when(stage == Closed, Evaluated),
            CaseAction::Rate { .. } => when(matches!(stage, Closed | Evaluated) && self.satisfaction.is_none(), stage),
        }
    }

    /// What can be done with it now; details are placeholders.
    pub fn allowed(&self) -> impl Iterator<Item = CaseAction> {
        CaseAction::KINDS.into_iter().filter(|action| self.target(*action).is_some())
    }

    /// Checks a move without making it.
    ///
    /// # Errors
    /// [`CaseError`]: the stage does not allow the action, or a detail is out of range.
    pub fn check(&self, action: CaseAction) -> Result<CaseStage, CaseError> {
        let value = |field, value, allowed: String| CaseError::Value { case: self.id, field, value, allowed };
        let stage = self.target(action).ok_or_else(|| {
            let names: Vec<&str> = self.allowed().map(CaseAction::name).collect();
            let allowed = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let suspended = self.suspended_at.is_some();
            CaseError::Stage { case: self.id, stage: self.stage, suspended, action, allowed }
        })?;
        match action {
            CaseAction::Rate { satisfaction } if !(1..=5).contains(&satisfaction) => {
                Err(value("satisfaction", u64::from(satisfaction), "1..5".to_owned()))
            }
            CaseAction::RequestExtension { work_min } if !(1..=MAX_EXTENSION_MIN).contains(&work_min) => {
                Err(value("work_min", u64::from(work_min), format!("1..{MAX_EXTENSION_MIN}")))
            }
            CaseAction::MarkDuplicate { of } if of == self.id => Err(value("of", of.0, "another case".to_owned())),
            _ => Ok(stage),
        }
    }

    /// Moves the case and records it.
    ///
    /// # Errors
    /// As [`Case::check`]; the case is unchanged then.
    pub fn apply_move(&mut self, made: CaseMove) -> Result<CaseStage, CaseError> {
        let CaseMove { action, at, note, by, clock } = made;
        let stage = self.check(action)?;
        match action {
            CaseAction::Dispatch { department } => self.department = Some(department),
            CaseAction::Return => self.department = None,
            CaseAction::Suspend => self.suspended_at = Some(at),
            CaseAction::Resume => self.suspended_at = None,
            CaseAction::RequestExtension { work_min } => {
                self.extension = Some(CaseExtension { work_min, asked_at: at });
            }
            CaseAction::GrantExtension | CaseAction::RefuseExtension => self.extension = None,
            CaseAction::Rate { satisfaction } => self.satisfaction = Some(satisfaction),
            CaseAction::MarkDuplicate { of } => self.duplicate_of = Some(of),
            // Whoever answered, answered about what was not done; the next closing asks anew.
            CaseAction::SendBack => self.satisfaction = None,
            _ => {}
        }
        if !stage.is_handled() {
            // What was asked or put aside for the work is moot once nobody works on it.
            self.extension = None;
            self.suspended_at = None;
        }
        self.end = match (stage, action) {
            (CaseStage::Cancelled, CaseAction::Reject) => Some(CaseEnd::NotAccepted),
            (CaseStage::Cancelled, CaseAction::MarkDuplicate { .. }) => Some(CaseEnd::Duplicate),
            (CaseStage::Cancelled, _) => Some(CaseEnd::Void),
            (CaseStage::Closed | CaseStage::Evaluated, _) => Some(CaseEnd::Closed),
            _ => None,
        };
        self.stage = stage;
        self.clock = clock.or(self.clock);
        self.events.push(CaseEvent { at, stage, action: Some(action), note, by, clock });
        Ok(stage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case() -> Case {
        Case::reported(CaseId(7), "设施".into(), "井盖破损".into(), String::new(), TimeMs(0))
    }

    fn after(actions: &[CaseAction]) -> Case {
        let mut c = case();
        for (i, action) in actions.iter().enumerate() {
            c.apply(*action, TimeMs(i as i64), String::new()).unwrap();
        }
        c
    }

    const D3: CaseAction = CaseAction::Dispatch { department: DepartmentId(3) };

    #[test]
    fn the_seven_stages_in_order() {
        let mut c = case();
        let mut stages = vec![c.stage];
        while c.apply(CaseAction::Advance, TimeMs(0), String::new()).is_ok() {
            stages.push(c.stage);
        }
        let words: Vec<_> = stages.iter().map(|s| s.zh()).collect();
        assert_eq!(words, ["采集", "立案", "派遣", "处理", "反馈", "结案", "评价"]);
        assert_eq!(c.events.len(), 7);
        use CaseAction::*;
        let named = after(&[Register, D3, Start, Feedback, Close, Evaluate]);
        assert_eq!((named.stage, named.end, named.department), (c.stage, c.end, Some(DepartmentId(3))));
    }

    #[test]
    fn a_refused_move_changes_nothing_and_says_what_is_allowed() {
        let mut c = case();
        c.apply(CaseAction::Cancel, TimeMs(1), String::new()).unwrap();
        let before = c.clone();
        let error = c.apply(CaseAction::Close, TimeMs(2), String::new()).unwrap_err();
        assert_eq!(error.to_string(), "case 7 is at stage 作废: close is not possible there; allowed: none");
        assert_eq!(c, before);
        let error = case().check(CaseAction::Feedback).unwrap_err().to_string();
        assert_eq!(
            error,
            "case 7 is at stage 采集: feedback is not possible there; \
             allowed: advance, register, reject, close, mark_duplicate, cancel"
        );
        let rated = after(&[CaseAction::Close]).check(CaseAction::Rate { satisfaction: 6 }).unwrap_err();
        assert_eq!(rated.to_string(), "case 7: satisfaction = 6: must be 1..5");
        let same = case().check(CaseAction::MarkDuplicate { of: CaseId(7) }).unwrap_err();
        assert_eq!(same.to_string(), "case 7: of = 7: must be another case");
    }

    #[test]
    fn what_each_stage_allows() {
        use CaseAction::*;
        let names = |c: &Case| c.allowed().map(CaseAction::name).collect::<Vec<_>>().join(" ");
        let table = [
            (&[][..], "advance register reject close mark_duplicate cancel"),
            (&[Register], "advance dispatch close mark_duplicate cancel"),
            (&[Register, D3], "advance dispatch return start suspend request_extension close mark_duplicate cancel"),
            (
                &[Register, D3, Start],
                "advance dispatch return feedback suspend request_extension close mark_duplicate cancel",
            ),
            (&[Register, D3, Suspend], "resume mark_duplicate cancel"),
            (
                &[Register, D3, RequestExtension { work_min: 60 }],
                "advance dispatch return start suspend grant_extension refuse_extension close mark_duplicate cancel",
            ),
            (
                &[Register, D3, RequestExtension { work_min: 60 }, Suspend],
                "resume grant_extension refuse_extension mark_duplicate cancel",
            ),
            (&[Register, D3, Return], "advance dispatch close mark_duplicate cancel"),
            (&[Register, D3, Start, Feedback], "advance send_back close mark_duplicate cancel"),
            (&[Register, D3, Start, Feedback, Close], "advance send_back evaluate rate"),
            (&[Register, D3, Start, Feedback, Close, Evaluate], "rate"),
            (&[Reject], ""),
            (&[MarkDuplicate { of: CaseId(1) }], ""),
        ];
        for (actions, allowed) in table {
            assert_eq!(names(&after(actions)), allowed, "after {actions:?}");
        }
    }

    #[test]
    fn ends_say_why() {
        use CaseAction::*;
        assert_eq!(after(&[Reject]).end, Some(CaseEnd::NotAccepted));
        assert_eq!(after(&[Register, Cancel]).end, Some(CaseEnd::Void));
        let twin = after(&[MarkDuplicate { of: CaseId(2) }]);
        assert_eq!((twin.end, twin.duplicate_of), (Some(CaseEnd::Duplicate), Some(CaseId(2))));
        let back = after(&[Register, D3, Start, Feedback, Close, SendBack]);
        assert_eq!((back.end, back.stage), (None, CaseStage::InProgress));
        assert_eq!(after(&[Register, D3, Return]).dispatch(), None);
        assert_eq!(after(&[Register, D3, Suspend]).dispatch(), Some((TimeMs(1), Some(DepartmentId(3)))));
    }

    #[test]
    fn details_travel_and_old_text_reads() {
        let text = serde_json::to_string(&[D3, CaseAction::Close]).unwrap();
        assert_eq!(text, r#"[{"dispatch":{"department":3}},"close"]"#);
        let old = r#"{"id":7,"class":"设施","title":"井盖","description":"","entity":null,"grid":2,"p_enu":[1,2,3],
            "stage":"closed","events":[{"at":0,"stage":"reported","note":""},
            {"at":5,"stage":"closed","action":"close","note":"好了"}]}"#;
        let case: Case = serde_json::from_str(old).unwrap();
        assert_eq!((case.stage, case.placed, case.events.len()), (CaseStage::Closed, crate::Placement::Given, 2));
        assert_eq!(case.registered_at(), Some(TimeMs(5)));
        let plain = case_json_keys();
        assert_eq!(plain, 9, "nothing new is written for a case that has nothing new");
    }

    fn case_json_keys() -> usize {
        serde_json::to_value(case()).unwrap().as_object().unwrap().len()
    }
}
