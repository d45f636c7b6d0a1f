//! Whom to dispatch a case to (派遣建议): by class, grid and present load, each with its reasons. A proposal decides
//! nothing.

use super::tables::{CaseRules, Department};
use serde::Serialize;
use twin_model::{Case, DepartmentId};

/// Why a department is proposed, or what speaks against it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Reason {
    /// The class table names it.
    ResponsibleForClass,
    /// It takes classes whose code begins so.
    ClassInScope {
        /// The beginning.
        prefix: String,
    },
    /// It works in just this grid.
    GridInScope,
    /// It works in the whole community.
    WholeCommunity,
    /// What it has to carry.
    Load {
        /// Cases in its hands.
        open: u32,
        /// Cases it can carry.
        capacity: u32,
    },
}

impl Reason {
    /// Points it adds. Ours, not a standard's: the class weighs most, a full department loses more than the difference
    /// between a named grid and the whole community.
    #[must_use]
    pub fn points(&self) -> f64 {
        match self {
            Reason::ResponsibleForClass => 60.0,
            Reason::ClassInScope { .. } => 30.0,
            Reason::GridInScope => 20.0,
            Reason::WholeCommunity => 10.0,
            Reason::Load { open, capacity } => -40.0 * (f64::from(*open) / f64::from((*capacity).max(1))).min(1.0),
        }
    }

    /// For people.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            Reason::ResponsibleForClass => "该类责任部门".to_owned(),
            Reason::ClassInScope { prefix } => format!("受理 {prefix} 类"),
            Reason::GridInScope => "负责本网格".to_owned(),
            Reason::WholeCommunity => "负责全社区".to_owned(),
            Reason::Load { open, capacity } => format!("在办 {open} 件, 可承担 {capacity} 件"),
        }
    }
}

/// A department that could take a case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proposal {
    /// Which.
    pub department: DepartmentId,
    /// Its name.
    pub name: String,
    /// Sum of the reasons' points.
    pub score: f64,
    /// Why.
    pub reasons: Vec<Reason>,
}

/// Departments that could take a case, the best first; equal ones by number. `grid` is code and name of the case's
/// grid; `load` says how many cases a department has in its hands.
#[must_use]
pub fn propose(
    rules: &CaseRules,
    case: &Case,
    grid: Option<(&str, &str)>,
    load: impl Fn(DepartmentId) -> u32,
) -> Vec<Proposal> {
    let named = rules.class_in(&case.code_system, &case.class).and_then(|c| c.department);
    let mut list: Vec<Proposal> = rules
        .departments
        .values()
        .filter_map(|d| {
            let class = class_reason(d, named, case)?;
            let area = area_reason(d, grid)?;
            let reasons = vec![class, area, Reason::Load { open: load(d.id), capacity: d.capacity }];
            let score = reasons.iter().map(Reason::points).sum();
            Some(Proposal { department: d.id, name: d.name.clone(), score, reasons })
        })
        .collect();
    list.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.department.cmp(&b.department)));
    list
}

fn class_reason(d: &Department, named: Option<DepartmentId>, case: &Case) -> Option<Reason> {
    if named == Some(d.id) {
        return Some(Reason::ResponsibleForClass);
    }
    let prefix = d.classes.iter().find(|p| case.class.starts_with(p.as_str()))?;
    Some(Reason::ClassInScope { prefix: prefix.clone() })
}

fn area_reason(d: &Department, grid: Option<(&str, &str)>) -> Option<Reason> {
    if d.grids.is_empty() {
        return Some(Reason::WholeCommunity);
    }
    let (code, name) = grid?;
    d.grids.iter().any(|g| g == code || g == name).then_some(Reason::GridInScope)
}
