//! Evaluation (综合评价) after the kinds of figures that GB/T 30428.4 asks for. Counts are kept as moves are made and can
//! be made again from the cases' histories alone. The formulas stand with [`Rates`]; where the standard's cities differ,
//! the choice is ours and said there.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use twin_model::{Case, CaseAction, CaseEnd, CaseEvent, CaseMove, CaseStage, DepartmentId, EntityId, TimeMs};

/// Days are those of China Standard Time.
const DAY_OFFSET_MS: i64 = 8 * 3_600_000;
const DAY_MS: i64 = 86_400_000;

/// The day that an instant is booked on: days since 1970-01-01 in China.
#[must_use]
pub fn figure_day(at: TimeMs) -> i64 {
    at.0.saturating_add(DAY_OFFSET_MS).div_euclid(DAY_MS)
}

/// The first instant of a [`figure_day`].
#[must_use]
pub fn figure_day_start(day: i64) -> TimeMs {
    TimeMs(day.saturating_mul(DAY_MS).saturating_sub(DAY_OFFSET_MS))
}

/// Where a count is booked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FigureCell {
    /// [`figure_day`].
    pub day: i64,
    /// Grid of the case.
    pub grid: Option<EntityId>,
    /// Department that had it.
    pub department: Option<DepartmentId>,
    /// Class code.
    pub class: String,
}

/// What is counted. A count that was taken back (a dispatch returned, a closed case sent back) is subtracted where it
/// was booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// 上报: on the day of the report.
    pub reported: i64,
    /// 立案: on the day of registration.
    pub registered: i64,
    /// 不立案: on the day of that decision.
    pub rejected: i64,
    /// Of those registered on this day: closed by now.
    pub registered_closed: i64,
    /// Of those registered on this day: void or duplicate by now.
    pub registered_dropped: i64,
    /// 派遣: on the day of the dispatch that stands.
    pub dispatched: i64,
    /// Of those dispatched on this day: closed by now.
    pub dispatched_closed: i64,
    /// Of those dispatched on this day: void or duplicate by now.
    pub dispatched_dropped: i64,
    /// 处置: handed in or closed out of the work, on that day; once more after each rework.
    pub handled: i64,
    /// Of these: timed.
    pub handled_timed: i64,
    /// Of these: had a limit.
    pub handled_limited: i64,
    /// Of these: within the limit (按期).
    pub handled_on_time: i64,
    /// Working time of the handling, ms, over all timed.
    pub handled_work_ms: i64,
    /// 核查: feedback that was accepted or sent back.
    pub checks: i64,
    /// 返工: sent back to work, after feedback or after closing.
    pub reworks: i64,
    /// 退回: tasks that the department returned.
    pub returned: i64,
    /// 挂账.
    pub suspended: i64,
    /// 延期 granted.
    pub extended: i64,
    /// 作废.
    pub voided: i64,
    /// 重复.
    pub duplicates: i64,
    /// 结案, on that day.
    pub closed: i64,
    /// Answers of the follow-up (回访).
    pub rated: i64,
    /// Sum of the answers, 1..5 each.
    pub satisfaction_sum: i64,
    /// Answers of 4 or 5.
    pub satisfied: i64,
}

macro_rules! each_count {
    ($a:expr, $b:expr, $op:tt, $($field:ident)*) => { $($a.$field $op $b.$field;)* };
}

impl Counts {
    /// Adds another set.
    pub fn add(&mut self, o: &Counts) {
        each_count!(self, o, +=, reported registered rejected registered_closed registered_dropped dispatched
            dispatched_closed dispatched_dropped handled handled_timed handled_limited handled_on_time handled_work_ms checks reworks returned suspended extended voided duplicates
            closed rated satisfaction_sum satisfied);
    }
}

/// Shares and means of some counts; `None` where there is nothing to divide by.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Rates {
    /// 立案率 = registered / (registered + not accepted), decisions of the period.
    pub registration: Option<f64>,
    /// 按期处置率 = handled within the limit in the period / (handled with a limit in the period + still open whose
    /// deadline passed in the period).
    pub on_time: Option<f64>,
    /// 结案率 = closed by now / (registered in the period − of these void or duplicate by now). By department:
    /// dispatched in place of registered, as registration belongs to no department.
    pub closing: Option<f64>,
    /// 返工率 = sent back to work / (feedback accepted + sent back to work), in the period.
    pub rework: Option<f64>,
    /// 退回率 = tasks returned / (dispatched that stand + returned).
    pub returning: Option<f64>,
    /// 挂账率 = suspensions / dispatches that stand.
    pub suspension: Option<f64>,
    /// 延期率 = extensions granted / dispatches that stand.
    pub extension: Option<f64>,
    /// 平均处置时长, working hours = working time from dispatch to feedback / handled and timed.
    pub mean_handling_h: Option<f64>,
    /// 满意度 = mean answer, 1..5.
    pub satisfaction: Option<f64>,
    /// 满意率 = answers of 4 or 5 / answers.
    pub satisfied: Option<f64>,
}

impl Rates {
    /// The rates of some counts; `overdue` open cases passed their deadline in the period.
    #[must_use]
    pub fn of(c: &Counts, overdue: i64, by_department: bool) -> Self {
        let share = |part: i64, whole: i64| (whole > 0).then(|| part as f64 / whole as f64);
        Self {
            registration: share(c.registered, c.registered + c.rejected),
            on_time: share(c.handled_on_time, c.handled_limited + overdue),
            closing: if by_department {
                share(c.dispatched_closed, c.dispatched - c.dispatched_dropped)
            } else {
                share(c.registered_closed, c.registered - c.registered_dropped)
            },
            rework: share(c.reworks, c.checks),
            returning: share(c.returned, c.dispatched + c.returned),
            suspension: share(c.suspended, c.dispatched),
            extension: share(c.extended, c.dispatched),
            mean_handling_h: share(c.handled_work_ms, c.handled_timed).map(|ms| ms / 3_600_000.0),
            satisfaction: share(c.satisfaction_sum, c.rated),
            satisfied: share(c.satisfied, c.rated),
        }
    }
}

/// What the rows of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FigureBy {
    /// One row.
    #[default]
    All,
    /// 网格.
    Grid,
    /// 部门.
    Department,
    /// 类别.
    Class,
    /// 日.
    Day,
}

/// Counts by day, grid, department and class.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<(FigureCell, Counts)>", into = "Vec<(FigureCell, Counts)>")]
pub struct Figures {
    cells: BTreeMap<FigureCell, Counts>,
}

impl From<Vec<(FigureCell, Counts)>> for Figures {
    fn from(cells: Vec<(FigureCell, Counts)>) -> Self {
        Self { cells: cells.into_iter().collect() }
    }
}

impl From<Figures> for Vec<(FigureCell, Counts)> {
    fn from(figures: Figures) -> Self {
        figures.cells.into_iter().collect()
    }
}

impl Figures {
    /// The same from the cases' histories alone.
    #[must_use]
    pub fn of_cases<'a>(cases: impl IntoIterator<Item = &'a Case>) -> Self {
        let mut figures = Self::default();
        for case in cases {
            let mut at_first = Case { stage: CaseStage::Reported, end: None, clock: None, ..case.clone() };
            (at_first.department, at_first.suspended_at, at_first.extension) = (None, None, None);
            (at_first.satisfaction, at_first.duplicate_of) = (None, None);
            at_first.events.truncate(1);
            figures.reported(&at_first);
            let mut now = at_first;
            for e in case.events.iter().skip(1) {
                let Some(action) = e.action else { continue };
                let before = now.clone();
                let made = CaseMove { action, at: e.at, note: String::new(), by: e.by, clock: e.clock };
                if now.apply_move(made).is_ok() {
                    figures.moved(&before, &now, action, e.at);
                }
            }
        }
        figures
    }

    fn book(&mut self, case: &Case, at: TimeMs, department: Option<DepartmentId>, change: impl FnOnce(&mut Counts)) {
        let cell = FigureCell { day: figure_day(at), grid: case.grid, department, class: case.class.clone() };
        change(self.cells.entry(cell).or_default());
    }

    /// A report came in.
    pub fn reported(&mut self, case: &Case) {
        self.book(case, case.reported_at(), None, |c| c.reported += 1);
    }

    /// A move was made.
    pub fn moved(&mut self, before: &Case, after: &Case, action: CaseAction, at: TimeMs) {
        use CaseStage::*;
        let (from, to) = (before.stage, after.stage);
        let holder = before.department;
        if before.registered_at().is_none() && after.registered_at().is_some() {
            self.book(after, at, None, |c| c.registered += 1);
        }
        match after.end.filter(|_| from.is_open()) {
            Some(CaseEnd::NotAccepted) => self.book(after, at, None, |c| c.rejected += 1),
            Some(CaseEnd::Void) => {
                self.book(after, at, holder, |c| c.voided += 1);
                self.dropped(after);
            }
            Some(CaseEnd::Duplicate) => {
                self.book(after, at, holder, |c| c.duplicates += 1);
                self.dropped(after);
            }
            Some(CaseEnd::Closed) => self.closed(after, at, 1),
            None => {}
        }
        self.dispatched(before, after);
        if from.is_handled() && matches!(to, Feedback | Closed) {
            // Cases of before there were clocks: handled, but nobody knows how fast.
            let within = after.clock.and_then(|c| c.is_within());
            self.book(after, at, holder, |c| {
                c.handled += 1;
                c.handled_timed += i64::from(after.clock.is_some());
                c.handled_limited += i64::from(within.is_some());
                c.handled_on_time += i64::from(within == Some(true));
                c.handled_work_ms += after.clock.map_or(0, |c| c.used_ms);
            });
        }
        if action == CaseAction::SendBack {
            // Sent back after closing: the check that accepted it stands, and this is one more.
            self.book(after, at, holder, |c| {
                c.checks += 1;
                c.reworks += 1;
            });
            if from == Closed {
                self.closed(before, closed_at(before).unwrap_or(at), -1);
            }
        } else if from == Feedback && to == Closed {
            self.book(after, at, holder, |c| c.checks += 1);
        }
        match action {
            CaseAction::Suspend => self.book(after, at, holder, |c| c.suspended += 1),
            CaseAction::GrantExtension => self.book(after, at, holder, |c| c.extended += 1),
            CaseAction::Rate { satisfaction } => self.book(after, at, holder, |c| {
                c.rated += 1;
                c.satisfaction_sum += i64::from(satisfaction);
                c.satisfied += i64::from(satisfaction >= 4);
            }),
            _ => {}
        }
    }

    /// A dispatch is booked where it was made; another one or a return takes it back.
    fn dispatched(&mut self, before: &Case, after: &Case) {
        let (old, new) = (before.dispatch(), after.dispatch());
        if old == new {
            return;
        }
        if let Some((at, department)) = old {
            self.book(before, at, department, |c| c.dispatched -= 1);
            if new.is_none() {
                self.book(before, after.changed_at(), department, |c| c.returned += 1);
            }
        }
        if let Some((at, department)) = new {
            self.book(after, at, department, |c| c.dispatched += 1);
        }
    }

    /// What ended without being worked off leaves the bases of the closing rate.
    fn dropped(&mut self, case: &Case) {
        if let Some(registered) = case.registered_at() {
            self.book(case, registered, None, |c| c.registered_dropped += 1);
        }
        if let Some((at, department)) = case.dispatch() {
            self.book(case, at, department, |c| c.dispatched_dropped += 1);
        }
    }

    fn closed(&mut self, case: &Case, at: TimeMs, n: i64) {
        self.book(case, at, case.department, |c| c.closed += n);
        if let Some(registered) = case.registered_at() {
            self.book(case, registered, None, |c| c.registered_closed += n);
        }
        if let Some((at, department)) = case.dispatch() {
            self.book(case, at, department, |c| c.dispatched_closed += n);
        }
    }

    /// Every cell, by day, grid, department and class.
    pub fn cells(&self) -> impl Iterator<Item = (&FigureCell, &Counts)> {
        self.cells.iter()
    }

    /// Counts of the days `from..=to` and the wanted grids, summed by row.
    #[must_use]
    pub fn table(
        &self,
        by: FigureBy,
        (from, to): (i64, i64),
        wanted: impl Fn(Option<EntityId>) -> bool,
    ) -> BTreeMap<String, Counts> {
        let mut rows: BTreeMap<String, Counts> = BTreeMap::new();
        for (cell, counts) in &self.cells {
            if (from..=to).contains(&cell.day) && wanted(cell.grid) {
                rows.entry(row_key(by, cell)).or_default().add(counts);
            }
        }
        rows
    }
}

/// Name of the row that a cell belongs to: the id of the grid or department, the class, the day; empty for none.
#[must_use]
pub fn row_key(by: FigureBy, cell: &FigureCell) -> String {
    match by {
        FigureBy::All => String::new(),
        FigureBy::Grid => cell.grid.map(|g| g.to_string()).unwrap_or_default(),
        FigureBy::Department => cell.department.map(|d| d.to_string()).unwrap_or_default(),
        FigureBy::Class => cell.class.clone(),
        FigureBy::Day => {
            let (y, m, d, ..) = TimeMs(cell.day * DAY_MS).civil(0);
            format!("{y:04}-{m:02}-{d:02}")
        }
    }
}

/// When a closed case was closed.
fn closed_at(case: &Case) -> Option<TimeMs> {
    let closing = |e: &&CaseEvent| {
        e.stage == CaseStage::Closed && matches!(e.action, Some(CaseAction::Close | CaseAction::Advance))
    };
    case.events.iter().rev().find(closing).map(|e| e.at)
}
