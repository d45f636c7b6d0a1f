//! Evaluation figures. Who sees the whole community gets the counts that are kept; whoever sees a part of it gets counts
//! of what is there for them, made from the cases' histories.

use super::routes::{grids_within, word};
use crate::access::Caller;
use crate::http::ApiError;
use crate::rest::{Answer, Params, Shared, internal};
use crate::twin::{Twin, now};
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use sync_core::cases::{
    Counts, FigureBy, FigureCell, Figures, Rates, day_of_date, figure_day, figure_day_start, row_key,
};
use twin_model::{Case, DepartmentId, EntityId, TimeMs};

fn day(params: &Params, key: &str, otherwise: i64) -> Result<i64, ApiError> {
    let Some(text) = params.get(key).filter(|t| !t.is_empty()) else { return Ok(otherwise) };
    day_of_date(text).ok_or_else(|| ApiError::bad(format!("{key} = {text:?}: must be YYYY-MM-DD")))
}

/// The archived cases of the caller to which something happened in these days; none for who sees everything, whose
/// figures are kept.
async fn archived(twin: &Arc<Twin>, caller: &Caller, (from, to): (i64, i64)) -> Result<Vec<Case>, ApiError> {
    if caller.sees_everything() {
        return Ok(vec![]);
    }
    let (asking, span) = (caller.clone(), (figure_day_start(from), TimeMs(figure_day_start(to + 1).0 - 1)));
    twin.query(move |db| db.archived_active(span, |c| asking.sees_case(c))).await.map_err(internal)
}

pub(super) async fn figures(State(twin): Shared, caller: Caller, params: Params) -> Answer {
    let by: FigureBy = word(&params, "by", "all, grid, department, class or day")?.unwrap_or_default();
    let at = now();
    let today = figure_day(at);
    let (from, to) = (day(&params, "from", today - 29)?, day(&params, "to", today)?);
    let grids: BTreeSet<Option<EntityId>> = grids_within(&twin, &caller, &params)?.into_iter().collect();
    let everything = !params.contains_key("within");
    let wanted = |grid: Option<EntityId>| everything || grids.contains(&grid);
    let archived = archived(&twin, &caller, (from, to)).await?;
    let engine = twin.read();
    let figures = if caller.sees_everything() {
        Cow::Borrowed(&engine.book().figures)
    } else {
        let held = engine.live().cases().chain(engine.retired()).filter(|c| caller.sees_case(c));
        let archived = archived.iter().filter(|c| engine.case(c.id).is_none());
        Cow::Owned(Figures::of_cases(held.chain(archived)))
    };
    let mut rows = figures.table(by, (from, to), wanted);
    let mut overdue = BTreeMap::<String, i64>::new();
    let theirs = |id| caller.sees_everything() || engine.case(id).is_some_and(|c| caller.sees_case(c));
    for (id, grid, department, class, due) in engine.book().queue.overdue(at) {
        let cell = FigureCell { day: figure_day(due), grid, department, class: class.to_owned() };
        if wanted(grid) && (from..=to).contains(&cell.day) && theirs(id) {
            *overdue.entry(row_key(by, &cell)).or_default() += 1;
        }
    }
    for key in overdue.keys() {
        rows.entry(key.clone()).or_default();
    }
    let list: Vec<Value> =
        rows.iter().map(|(key, c)| row(&twin, &caller, by, key, c, *overdue.get(key).unwrap_or(&0))).collect();
    Ok(Json(json!({ "by": by, "from": from_day(from), "to": from_day(to), "now": at, "rows": list })))
}

fn from_day(day: i64) -> String {
    row_key(FigureBy::Day, &FigureCell { day, grid: None, department: None, class: String::new() })
}

fn row(twin: &Twin, caller: &Caller, by: FigureBy, key: &str, counts: &Counts, overdue: i64) -> Value {
    let name = match by {
        FigureBy::Grid => {
            let grid = key.parse().ok().and_then(|id| twin.pack.model.get(EntityId(id)));
            grid.filter(|g| caller.sees(g.id)).map(|g| g.name.clone())
        }
        FigureBy::Department => {
            let department = key.parse().ok().and_then(|id| twin.case_rules.departments.get(&DepartmentId(id)));
            department.map(|d| d.name.clone())
        }
        FigureBy::Class => twin.case_rules.class(key).map(|(_, c)| c.name.clone()),
        FigureBy::All | FigureBy::Day => None,
    };
    let rates = Rates::of(counts, overdue, by == FigureBy::Department);
    json!({ "key": key, "name": name, "overdue": overdue, "counts": counts, "rates": rates })
}
