//! Open cases in the order they should be worked off, by grid. One ordered set a grid and order; a jurisdiction is a
//! merge of its grids, so a page costs what it returns and the number of grids, not the number of cases.

use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::ops::Bound;
use twin_model::{Case, CaseId, CaseStage, DepartmentId, EntityId, Severity, TimeMs};

/// Cases that one page may look at when a filter leaves most of them out.
pub const MAX_VISITED: usize = 2000;

/// What comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueOrder {
    /// The nearest deadline; what has none (not dispatched, suspended, no limit) comes last.
    #[default]
    Due,
    /// The worst, then the nearest deadline.
    Severity,
    /// The oldest report.
    Age,
}

/// Which of them are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueueFilter {
    /// In the hands of this department.
    pub department: Option<DepartmentId>,
    /// Of this class.
    pub class: Option<String>,
    /// At this stage.
    pub stage: Option<CaseStage>,
    /// Suspended or not.
    pub suspended: Option<bool>,
    /// Due before.
    pub due_before: Option<TimeMs>,
}

/// Where a page ended: goes into the next question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct QueueCursor(pub i64, pub u64);

/// Part of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueuePage {
    /// In order.
    pub cases: Vec<CaseId>,
    /// Open cases of the jurisdiction, before the filter.
    pub open: usize,
    /// Where to go on; `None` at the end. With a filter a page may be short and still go on.
    pub next: Option<QueueCursor>,
}

/// What is remembered of an open case: 48 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    due: i64,
    reported: i64,
    grid: u32,
    class: u32,
    department: Option<u16>,
    severity: u8,
    stage: CaseStage,
    suspended: bool,
}

const NOWHERE: u32 = u32::MAX;
const NEVER: i64 = i64::MAX;

impl Row {
    fn key(&self, order: QueueOrder) -> i64 {
        match order {
            QueueOrder::Due => self.due,
            // 54 bits hold every instant; what has no deadline comes last within its severity.
            QueueOrder::Severity => i64::from(self.severity) << 55 | self.due.clamp(0, (1 << 54) - 1),
            QueueOrder::Age => self.reported,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Lane {
    due: BTreeSet<(i64, u64)>,
    severity: BTreeSet<(i64, u64)>,
    age: BTreeSet<(i64, u64)>,
}

impl Lane {
    fn of(&self, order: QueueOrder) -> &BTreeSet<(i64, u64)> {
        match order {
            QueueOrder::Due => &self.due,
            QueueOrder::Severity => &self.severity,
            QueueOrder::Age => &self.age,
        }
    }
    fn of_mut(&mut self, order: QueueOrder) -> &mut BTreeSet<(i64, u64)> {
        match order {
            QueueOrder::Due => &mut self.due,
            QueueOrder::Severity => &mut self.severity,
            QueueOrder::Age => &mut self.age,
        }
    }
}

const ORDERS: [QueueOrder; 3] = [QueueOrder::Due, QueueOrder::Severity, QueueOrder::Age];

/// All open cases by grid.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CaseQueue {
    rows: BTreeMap<u64, Row>,
    lanes: BTreeMap<u32, Lane>,
    classes: Vec<String>,
    class_of: BTreeMap<String, u32>,
    load: BTreeMap<u16, u32>,
}

impl CaseQueue {
    /// Takes a case as it is now; one that has ended leaves.
    pub fn put(&mut self, case: &Case) {
        self.remove(case.id);
        if !case.stage.is_open() {
            return;
        }
        let row = Row {
            due: case.due_at().map_or(NEVER, |d| d.0),
            reported: case.reported_at().0,
            grid: case.grid.map_or(NOWHERE, |g| g.0),
            class: self.intern(&case.class),
            department: case.department.map(|d| d.0),
            severity: case.severity.map_or(5, severity_rank),
            stage: case.stage,
            suspended: case.suspended_at.is_some(),
        };
        let lane = self.lanes.entry(row.grid).or_default();
        for order in ORDERS {
            lane.of_mut(order).insert((row.key(order), case.id.0));
        }
        if let Some(d) = row.department {
            *self.load.entry(d).or_default() += 1;
        }
        self.rows.insert(case.id.0, row);
    }

    fn remove(&mut self, id: CaseId) {
        let Some(row) = self.rows.remove(&id.0) else { return };
        if let Some(lane) = self.lanes.get_mut(&row.grid) {
            for order in ORDERS {
                lane.of_mut(order).remove(&(row.key(order), id.0));
            }
            if lane.due.is_empty() {
                self.lanes.remove(&row.grid);
            }
        }
        if let Some(d) = row.department {
            let left = self.load(DepartmentId(d)).saturating_sub(1);
            if left == 0 {
                self.load.remove(&d)
            } else {
                self.load.insert(d, left)
            };
        }
    }

    fn intern(&mut self, class: &str) -> u32 {
        if let Some(id) = self.class_of.get(class) {
            return *id;
        }
        let id = u32::try_from(self.classes.len()).unwrap_or(u32::MAX - 1);
        self.classes.push(class.to_owned());
        self.class_of.insert(class.to_owned(), id);
        id
    }

    /// Number of open cases.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True when nothing is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Open cases in the hands of a department.
    #[must_use]
    pub fn load(&self, department: DepartmentId) -> u32 {
        self.load.get(&department.0).copied().unwrap_or(0)
    }

    /// Open cases that are past their deadline, with grid, department and class.
    pub fn overdue(
        &self,
        now: TimeMs,
    ) -> impl Iterator<Item = (CaseId, Option<EntityId>, Option<DepartmentId>, &str, TimeMs)> {
        let late = self.lanes.iter().flat_map(move |(grid, lane)| {
            let grid = (*grid != NOWHERE).then_some(EntityId(*grid));
            lane.due.range(..(now.0, 0)).map(move |(due, id)| (*due, *id, grid))
        });
        late.filter_map(|(due, id, grid)| {
            let row = self.rows.get(&id)?;
            let class = self.classes.get(row.class as usize).map_or("", String::as_str);
            Some((CaseId(id), grid, row.department.map(DepartmentId), class, TimeMs(due)))
        })
    }

    /// A page of the open cases of these grids; `None` among them stands for cases in no grid.
    #[must_use]
    pub fn page(
        &self,
        grids: impl IntoIterator<Item = Option<EntityId>>,
        order: QueueOrder,
        filter: &QueueFilter,
        after: Option<QueueCursor>,
        limit: usize,
    ) -> QueuePage {
        let start = after.map_or(Bound::Unbounded, |QueueCursor(key, id)| Bound::Excluded((key, id)));
        let mut page = QueuePage::default();
        let mut heads = Vec::new();
        let mut waiting = Vec::new();
        for grid in grids {
            let Some(lane) = self.lanes.get(&grid.map_or(NOWHERE, |g| g.0)) else { continue };
            page.open += lane.due.len();
            let mut rest = lane.of(order).range((start, Bound::Unbounded));
            if let Some(first) = rest.next() {
                heads.push(Reverse((*first, waiting.len())));
                waiting.push(rest);
            }
        }
        let mut heads = BinaryHeap::from(heads);
        let class = filter.class.as_ref().map(|c| self.class_of.get(c).copied());
        let mut visited = 0;
        while let Some(Reverse(((key, id), lane))) = heads.pop() {
            visited += 1;
            if let Some(next) = waiting.get_mut(lane).and_then(Iterator::next) {
                heads.push(Reverse((*next, lane)));
            }
            if self.rows.get(&id).is_some_and(|row| passes(row, filter, class)) {
                page.cases.push(CaseId(id));
            }
            if page.cases.len() == limit || visited == MAX_VISITED {
                page.next = (!heads.is_empty()).then_some(QueueCursor(key, id));
                break;
            }
        }
        page
    }
}

fn passes(row: &Row, filter: &QueueFilter, class: Option<Option<u32>>) -> bool {
    filter.department.is_none_or(|d| row.department == Some(d.0))
        && class.is_none_or(|c| c == Some(row.class))
        && filter.stage.is_none_or(|s| row.stage == s)
        && filter.suspended.is_none_or(|s| row.suspended == s)
        && filter.due_before.is_none_or(|t| row.due < t.0)
}

fn severity_rank(severity: Severity) -> u8 {
    match severity {
        Severity::Critical => 1,
        Severity::Major => 2,
        Severity::Minor => 3,
        Severity::Notice => 4,
    }
}
