//! REST of the cases.

use super::MAX_IMPORT;
use crate::http::ApiError;
use crate::rest::{Answer, Params, Shared, answer, body, internal, number, param};
use crate::twin::{Twin, now};
use crate::writer::{Change, Reply};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use sync_core::cases::{
    CSV_COLUMNS, Counts, FigureBy, FigureCell, ImportedCase, QueueCursor, QueueFilter, QueueOrder, Rates, csv_row,
    day_of_date, figure_day, propose, row_key,
};
use twin_model::{Case, CaseAction, CaseId, CaseStage, DepartmentId, EntityId, EntityKind, NewCase, TimeMs};

const PAGE: usize = 50;
const MAX_PAGE: usize = 1000;
const LISTED: usize = 1000;
const MAX_LISTED: usize = 5000;
const MAX_EXPORTED: usize = 100_000;
/// Likely duplicates that are told.
const SIMILAR: usize = 20;

fn limit(params: &Params, usual: usize, most: usize) -> Result<usize, ApiError> {
    let limit: usize = param(params, "limit", "a number")?.unwrap_or(usual);
    if limit == 0 || limit > most {
        return Err(ApiError::bad(format!("limit = {limit}: must be 1..{most}")));
    }
    Ok(limit)
}

/// One word of a list, as serde writes it.
fn word<T: serde::de::DeserializeOwned>(params: &Params, key: &str, allowed: &str) -> Result<Option<T>, ApiError> {
    let Some(text) = params.get(key).filter(|t| !t.is_empty()) else { return Ok(None) };
    let wrong = |_unknown| ApiError::bad(format!("{key} = {text:?}: must be {allowed}"));
    serde_json::from_value(json!(text)).map(Some).map_err(wrong)
}

pub(super) async fn list(State(twin): Shared, params: Params) -> Answer {
    let open = param(&params, "open", "true or false")?.unwrap_or(false);
    let limit = limit(&params, LISTED, MAX_LISTED)?;
    let engine = twin.read();
    let wanted = |c: &&Case| !open || c.stage.is_open();
    let list: Vec<&Case> = engine.live().cases().rev().filter(wanted).take(limit).collect();
    Ok(Json(json!({ "cases": list, "open": engine.book().queue.len() })))
}

pub(super) async fn one(State(twin): Shared, Path(id): Path<String>) -> Answer {
    let case = twin.case(CaseId(number("case", &id)?)).await?;
    Ok(Json(described(&twin, &case, now())))
}

/// A case with what follows from it and the present moment.
fn described(twin: &Twin, case: &Case, at: TimeMs) -> Value {
    let left = case.clock.and_then(|c| {
        let used = c.used_ms + c.since.map_or(0, |since| twin.case_rules.calendar.between(since, at));
        c.limit_ms.map(|limit| (limit - used).div_euclid(60_000))
    });
    let class = twin.case_rules.class_in(&case.code_system, &case.class);
    let allowed: Vec<&str> = case.allowed().map(CaseAction::name).collect();
    let mut value = json!(case);
    if let Some(map) = value.as_object_mut() {
        map.insert("due_at".to_owned(), json!(case.due_at()));
        map.insert("overdue".to_owned(), json!(case.stage.is_open() && case.due_at().is_some_and(|due| due < at)));
        map.insert("left_work_min".to_owned(), json!(left));
        map.insert("class_name".to_owned(), json!(class.map(|c| &c.name)));
        map.insert("allowed".to_owned(), json!(allowed));
    }
    value
}

pub(super) async fn create(State(twin): Shared, bytes: Bytes) -> Result<Response, ApiError> {
    let new: NewCase = body(&bytes)?;
    let Json(mut created) = answer(twin.change(Change::CreateCase { new, by: None }).await)?;
    let id = created["id"].as_u64().map(CaseId);
    if let (Some(id), Some(map)) = (id, created.as_object_mut()) {
        map.insert("similar".to_owned(), likely(&twin, id));
    }
    Ok((StatusCode::CREATED, Json(created)).into_response())
}

#[derive(Debug, Deserialize)]
struct Move {
    action: CaseAction,
    #[serde(default)]
    note: String,
}

pub(super) async fn make_move(State(twin): Shared, Path(id): Path<String>, bytes: Bytes) -> Answer {
    let case = CaseId(number("case", &id)?);
    let Move { action, note } = body(&bytes)?;
    answer(twin.change(Change::MoveCase { case, action, note, by: None }).await)
}

/// Grids of an entity on the spine: itself, those beneath it, or everything with what lies in no grid.
fn grids_within(twin: &Twin, params: &Params) -> Result<Vec<Option<EntityId>>, ApiError> {
    let model = &twin.pack.model;
    let Some(within) = param::<u32>(params, "within", "the id of a grid or of what is above it")?.map(EntityId) else {
        let grids = model.of_kind(EntityKind::Grid).map(|g| Some(g.id));
        return Ok(grids.chain([None]).collect());
    };
    let root = model.get(within).ok_or_else(|| ApiError::not_found(format!("no entity {within}")))?;
    if root.kind > EntityKind::Grid {
        return Err(ApiError::bad(format!("within = {within}: is a {}: must be a grid or above", root.kind.tag())));
    }
    let beneath = model.descendants(within).into_iter();
    let all = std::iter::once(within).chain(beneath);
    let is_grid = |id: &EntityId| model.get(*id).is_some_and(|e| e.kind == EntityKind::Grid);
    Ok(all.filter(is_grid).map(Some).collect())
}

/// `KEY_ID` as it was given as `next`.
fn cursor(params: &Params) -> Result<Option<QueueCursor>, ApiError> {
    let Some(text) = params.get("after").filter(|t| !t.is_empty()) else { return Ok(None) };
    let read = text.rsplit_once('_').and_then(|(key, id)| Some(QueueCursor(key.parse().ok()?, id.parse().ok()?)));
    read.map(Some).ok_or_else(|| ApiError::bad(format!("after = {text:?}: must be the `next` of an earlier page")))
}

pub(super) async fn queue(State(twin): Shared, params: Params) -> Answer {
    let grids = grids_within(&twin, &params)?;
    let order: QueueOrder = word(&params, "order", "due, severity or age")?.unwrap_or_default();
    let (limit, after, at) = (limit(&params, PAGE, MAX_PAGE)?, cursor(&params)?, now());
    let overdue: Option<bool> = param(&params, "overdue", "true or false")?;
    let filter = QueueFilter {
        department: param(&params, "department", "a department's id")?.map(DepartmentId),
        class: params.get("class").filter(|c| !c.is_empty()).cloned(),
        stage: word::<CaseStage>(&params, "stage", "a stage, e.g. dispatched")?,
        suspended: param(&params, "suspended", "true or false")?,
        due_before: (overdue == Some(true)).then_some(at),
    };
    let engine = twin.read();
    let page = engine.book().queue.page(grids, order, &filter, after, limit);
    let cases: Vec<Value> =
        page.cases.iter().filter_map(|id| engine.case(*id)).map(|c| described(&twin, c, at)).collect();
    let next = page.next.map(|QueueCursor(key, id)| format!("{key}_{id}"));
    Ok(Json(json!({ "open": page.open, "now": at, "cases": cases, "next": next })))
}

pub(super) async fn tables(State(twin): Shared) -> Answer {
    let rules = &twin.case_rules;
    let tables: Vec<Value> = rules
        .tables
        .iter()
        .map(|t| json!({ "code_system": t.code_system, "classes": t.classes.values().collect::<Vec<_>>() }))
        .collect();
    let departments: Vec<_> = rules.departments.values().collect();
    Ok(Json(json!({ "demo": rules.demo, "calendar": rules.calendar.name(), "tables": tables,
        "departments": departments })))
}

pub(super) async fn proposals(State(twin): Shared, Path(id): Path<String>) -> Answer {
    let case = twin.case(CaseId(number("case", &id)?)).await?;
    let grid = case.grid.and_then(|g| twin.pack.model.get(g));
    let engine = twin.read();
    let list = propose(&twin.case_rules, &case, grid.map(|g| (g.code.as_str(), g.name.as_str())), |d| {
        engine.book().queue.load(d)
    });
    let shown: Vec<Value> = list
        .iter()
        .map(|p| {
            let text: Vec<String> = p.reasons.iter().map(|r| r.zh()).collect();
            json!({ "department": p.department, "name": p.name, "score": p.score, "reasons": p.reasons, "text": text })
        })
        .collect();
    Ok(Json(json!({ "case": case.id, "proposals": shown })))
}

fn likely(twin: &Twin, id: CaseId) -> Value {
    let engine = twin.read();
    let Some(case) = engine.case(id) else { return json!([]) };
    json!(engine.book().similar.of(case, |id| engine.live().case(id), SIMILAR))
}

pub(super) async fn similar(State(twin): Shared, Path(id): Path<String>) -> Answer {
    let case = twin.case(CaseId(number("case", &id)?)).await?;
    let engine = twin.read();
    let list = engine.book().similar.of(&case, |id| engine.live().case(id), SIMILAR);
    Ok(Json(json!({ "case": case.id, "similar": list })))
}

fn day(params: &Params, key: &str, otherwise: i64) -> Result<i64, ApiError> {
    let Some(text) = params.get(key).filter(|t| !t.is_empty()) else { return Ok(otherwise) };
    day_of_date(text).ok_or_else(|| ApiError::bad(format!("{key} = {text:?}: must be YYYY-MM-DD")))
}

pub(super) async fn figures(State(twin): Shared, params: Params) -> Answer {
    let by: FigureBy = word(&params, "by", "all, grid, department, class or day")?.unwrap_or_default();
    let at = now();
    let today = figure_day(at);
    let (from, to) = (day(&params, "from", today - 29)?, day(&params, "to", today)?);
    let grids: BTreeSet<Option<EntityId>> = grids_within(&twin, &params)?.into_iter().collect();
    let everything = !params.contains_key("within");
    let wanted = |grid: Option<EntityId>| everything || grids.contains(&grid);
    let engine = twin.read();
    let mut rows = engine.book().figures.table(by, (from, to), wanted);
    let mut overdue = std::collections::BTreeMap::<String, i64>::new();
    for (_, grid, department, class, due) in engine.book().queue.overdue(at) {
        let cell = FigureCell { day: figure_day(due), grid, department, class: class.to_owned() };
        if wanted(grid) && (from..=to).contains(&cell.day) {
            *overdue.entry(row_key(by, &cell)).or_default() += 1;
        }
    }
    for key in overdue.keys() {
        rows.entry(key.clone()).or_default();
    }
    let list: Vec<Value> =
        rows.iter().map(|(key, c)| row(&twin, by, key, c, *overdue.get(key).unwrap_or(&0))).collect();
    Ok(Json(json!({ "by": by, "from": from_day(from), "to": from_day(to), "now": at, "rows": list })))
}

fn from_day(day: i64) -> String {
    row_key(FigureBy::Day, &FigureCell { day, grid: None, department: None, class: String::new() })
}

fn row(twin: &Twin, by: FigureBy, key: &str, counts: &Counts, overdue: i64) -> Value {
    let name = match by {
        FigureBy::Grid => {
            let grid = key.parse().ok().and_then(|id| twin.pack.model.get(EntityId(id)));
            grid.map(|g| g.name.clone())
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

#[derive(Debug, Deserialize)]
struct ImportedCases {
    cases: Vec<ImportedCase>,
}

pub(super) async fn import(State(twin): Shared, bytes: Bytes) -> Answer {
    let ImportedCases { cases } = body(&bytes)?;
    if cases.is_empty() || cases.len() > MAX_IMPORT {
        return Err(ApiError::bad(format!("cases: {} of them: must be 1..{MAX_IMPORT}", cases.len())));
    }
    match twin.change(Change::ImportCases(cases)).await.map_err(crate::rest::refused)? {
        Reply::Imported(outcomes) => Ok(Json(json!({ "outcomes": outcomes }))),
        _ => Err(internal("an import was answered with something else".to_owned())),
    }
}

/// The newest cases, held and archived, by time of report.
pub(crate) async fn newest(
    twin: &std::sync::Arc<Twin>,
    (from, to): (TimeMs, TimeMs),
    limit: usize,
) -> Result<Vec<Case>, ApiError> {
    let archived = twin.query(move |db| db.archived_reported(from, to, limit)).await.map_err(internal)?;
    let engine = twin.read();
    let within = |c: &&Case| (from..=to).contains(&c.reported_at());
    let mut list: Vec<Case> = engine.live().cases().chain(engine.retired()).filter(within).cloned().collect();
    list.extend(archived.into_iter().filter(|c| engine.case(c.id).is_none()));
    list.sort_by_key(|c| std::cmp::Reverse((c.reported_at(), c.id)));
    list.truncate(limit);
    Ok(list)
}

pub(super) async fn export(State(twin): Shared, params: Params) -> Result<Response, ApiError> {
    let open = param(&params, "open", "true or false")?.unwrap_or(false);
    let limit = limit(&params, MAX_EXPORTED, MAX_EXPORTED)?;
    let cases = newest(&twin, (TimeMs(i64::MIN), TimeMs(i64::MAX)), limit).await?;
    // The mark tells spreadsheets that it is UTF-8.
    let mut text = format!("\u{feff}{CSV_COLUMNS}\r\n");
    for case in cases.iter().filter(|c| !open || c.stage.is_open()) {
        text.push_str(&csv_row(case));
        text.push_str("\r\n");
    }
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"cases.csv\""),
    ];
    Ok((headers, text).into_response())
}
