//! REST of the cases.

use super::MAX_IMPORT;
use crate::access::Caller;
use crate::http::ApiError;
use crate::rest::{Answer, Params, Shared, answer, body, internal, number, param, permitted};
use crate::twin::{Twin, now};
use crate::writer::{Change, Reply};
use ::access::Action;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use sync_core::cases::{
    CSV_COLUMNS, ImportedCase, QueueCursor, QueueFilter, QueueOrder, QueuePage, Similar, csv_row, propose,
};
use sync_core::{LiveEngine, check_new_case};
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
pub(super) fn word<T: serde::de::DeserializeOwned>(
    params: &Params,
    key: &str,
    allowed: &str,
) -> Result<Option<T>, ApiError> {
    let Some(text) = params.get(key).filter(|t| !t.is_empty()) else { return Ok(None) };
    let wrong = |_unknown| ApiError::bad(format!("{key} = {text:?}: must be {allowed}"));
    serde_json::from_value(json!(text)).map(Some).map_err(wrong)
}

/// Open cases that are there for the caller.
pub(crate) fn open_count(engine: &LiveEngine, caller: &Caller) -> usize {
    if caller.sees_everything() {
        return engine.book().queue.len();
    }
    engine.live().cases().filter(|c| c.stage.is_open() && caller.sees_case(c)).count()
}

pub(super) async fn list(State(twin): Shared, caller: Caller, params: Params) -> Answer {
    let open = param(&params, "open", "true or false")?.unwrap_or(false);
    let limit = limit(&params, LISTED, MAX_LISTED)?;
    let engine = twin.read();
    let wanted = |c: &&Case| (!open || c.stage.is_open()) && caller.sees_case(c);
    let list: Vec<_> = engine.live().cases().rev().filter(wanted).take(limit).map(|c| caller.case(c)).collect();
    Ok(Json(json!({ "cases": list, "open": open_count(&engine, &caller) })))
}

pub(super) async fn one(State(twin): Shared, caller: Caller, Path(id): Path<String>) -> Answer {
    let case = twin.case(&caller, CaseId(number("case", &id)?)).await?;
    Ok(Json(described(&twin, &caller, &case, now())))
}

/// A case with what follows from it, the present moment and what the caller may do.
fn described(twin: &Twin, caller: &Caller, case: &Case, at: TimeMs) -> Value {
    let left = case.clock.and_then(|c| {
        let used = c.used_ms + c.since.map_or(0, |since| twin.case_rules.calendar.between(since, at));
        c.limit_ms.map(|limit| (limit - used).div_euclid(60_000))
    });
    let class = twin.case_rules.class_in(&case.code_system, &case.class);
    let allowed: Vec<&str> = case.allowed().filter(|a| caller.may_move(*a, case)).map(CaseAction::name).collect();
    let mut value = json!(caller.case(case));
    if let Some(map) = value.as_object_mut() {
        map.insert("due_at".to_owned(), json!(case.due_at()));
        map.insert("overdue".to_owned(), json!(case.stage.is_open() && case.due_at().is_some_and(|due| due < at)));
        map.insert("left_work_min".to_owned(), json!(left));
        map.insert("class_name".to_owned(), json!(class.map(|c| &c.name)));
        map.insert("allowed".to_owned(), json!(allowed));
    }
    value
}

pub(super) async fn create(State(twin): Shared, caller: Caller, bytes: Bytes) -> Result<Response, ApiError> {
    let new: NewCase = body(&bytes)?;
    check_report(&twin, &caller, &new)?;
    let changed = twin.change_by(Change::CreateCase(new), caller.account()).await;
    let Json(mut created) = answer(&caller, changed)?;
    let id = created["id"].as_u64().map(CaseId);
    if let (Some(id), Some(map)) = (id, created.as_object_mut()) {
        map.insert("similar".to_owned(), likely(&twin, &caller, id));
    }
    Ok((StatusCode::CREATED, Json(created)).into_response())
}

/// Whether the caller may report about that thing or in that place.
pub(crate) fn check_report(twin: &Twin, caller: &Caller, new: &NewCase) -> Result<(), ApiError> {
    match (new.entity, new.p_enu) {
        (Some(entity), _) if !caller.sees(entity) => Err(unknown_entity(twin, new, entity)),
        (Some(entity), _) if twin.pack.model.get(entity).is_some() => permitted(caller.may(Action::ReportCase, entity)),
        (None, Some(p)) => permitted(caller.may_at(Action::ReportCase, twin.pack.model.grid_at([p[0], p[1]]))),
        _ => Ok(()),
    }
}

/// What is said of a report about a thing that is not there for the caller, in the same order and words as of one that
/// does not exist.
fn unknown_entity(twin: &Twin, new: &NewCase, entity: EntityId) -> ApiError {
    let elsewhere = NewCase { entity: None, p_enu: Some([0.0; 3]), ..new.clone() };
    let line = match check_new_case(&twin.pack.model, elsewhere, CaseId(0), TimeMs(0)) {
        Err(other) => other.to_string(),
        Ok(_) => format!("case: entity {entity} is not in the community"),
    };
    ApiError(StatusCode::UNPROCESSABLE_ENTITY, line)
}

#[derive(Debug, Deserialize)]
struct Move {
    action: CaseAction,
    #[serde(default)]
    note: String,
}

pub(super) async fn make_move(State(twin): Shared, caller: Caller, Path(id): Path<String>, bytes: Bytes) -> Answer {
    let case = CaseId(number("case", &id)?);
    let Move { action, note } = body(&bytes)?;
    if !caller.sees_everything() {
        let held = twin.case(&caller, case).await?;
        permitted(caller.may_move(action, &held))?;
        if let CaseAction::MarkDuplicate { of } = action
            && held.target(action).is_some()
            && twin.case(&caller, of).await.is_err()
        {
            // In the words of one that does not exist.
            let line = format!("case {case}: of = {of}: there is no such case");
            return Err(ApiError(StatusCode::UNPROCESSABLE_ENTITY, line));
        }
    } else if !matches!(caller, Caller::Open) {
        permitted(caller.may_move(action, &twin.case(&caller, case).await?))?;
    }
    answer(&caller, twin.change_by(Change::MoveCase { case, action, note }, caller.account()).await)
}

/// Grids of an entity on the spine: itself, those beneath it, or everything with what lies in no grid.
pub(super) fn grids_within(twin: &Twin, caller: &Caller, params: &Params) -> Result<Vec<Option<EntityId>>, ApiError> {
    let model = &twin.pack.model;
    let Some(within) = param::<u32>(params, "within", "the id of a grid or of what is above it")?.map(EntityId) else {
        let grids = model.of_kind(EntityKind::Grid).map(|g| Some(g.id));
        return Ok(grids.chain([None]).collect());
    };
    let root = model
        .get(within)
        .filter(|e| caller.sees(e.id))
        .ok_or_else(|| ApiError::not_found(format!("no entity {within}")))?;
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

pub(super) async fn queue(State(twin): Shared, caller: Caller, params: Params) -> Answer {
    let grids = grids_within(&twin, &caller, &params)?;
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
    let page = page_for(&engine, &caller, &grids, (order, &filter), after, limit);
    let cases: Vec<Value> =
        page.cases.iter().filter_map(|id| engine.case(*id)).map(|c| described(&twin, &caller, c, at)).collect();
    let next = page.next.map(|QueueCursor(key, id)| format!("{key}_{id}"));
    Ok(Json(json!({ "open": page.open, "now": at, "cases": cases, "next": next })))
}

/// A page of what is there for the caller. Neither its count nor where it goes on tells of anything else.
fn page_for(
    engine: &LiveEngine,
    caller: &Caller,
    grids: &[Option<EntityId>],
    (order, filter): (QueueOrder, &QueueFilter),
    after: Option<QueueCursor>,
    limit: usize,
) -> QueuePage {
    let page = |after, limit| engine.book().queue.page(grids.iter().copied(), order, filter, after, limit);
    if caller.sees_everything() {
        return page(after, limit);
    }
    let wanted: BTreeSet<Option<EntityId>> = grids.iter().copied().collect();
    let open = |c: &&Case| c.stage.is_open() && wanted.contains(&c.grid) && caller.sees_case(c);
    let mut made = QueuePage { open: engine.live().cases().filter(open).count(), ..QueuePage::default() };
    let (mut at, mut last) = (after, None);
    loop {
        // One at a time: what comes after a case that is shown is known by that case alone.
        let one = page(at, 1);
        if let Some(id) = one.cases.first().filter(|id| engine.case(**id).is_some_and(|c| caller.sees_case(c))) {
            if made.cases.len() == limit {
                made.next = last;
                return made;
            }
            made.cases.push(*id);
            last = one.next;
        }
        at = one.next;
        if at.is_none() {
            return made;
        }
    }
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

pub(super) async fn proposals(State(twin): Shared, caller: Caller, Path(id): Path<String>) -> Answer {
    let case = twin.case(&caller, CaseId(number("case", &id)?)).await?;
    permitted(caller.may_on_case(Action::DispatchCase, &case))?;
    let grid = case.grid.and_then(|g| twin.pack.model.get(g));
    let engine = twin.read();
    let list = propose(&twin.case_rules, &case, grid.map(|g| (g.code.as_str(), g.name.as_str())), |d| {
        if caller.sees_everything() {
            return engine.book().queue.load(d);
        }
        // What the departments have to carry elsewhere is not told.
        let theirs = |c: &&Case| c.department == Some(d) && c.stage.is_open() && caller.sees_case(c);
        u32::try_from(engine.live().cases().filter(theirs).count()).unwrap_or(u32::MAX)
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

fn likely(twin: &Twin, caller: &Caller, id: CaseId) -> Value {
    let engine = twin.read();
    let Some(case) = engine.case(id) else { return json!([]) };
    json!(near(&engine, caller, case))
}

fn near(engine: &LiveEngine, caller: &Caller, case: &Case) -> Vec<Similar> {
    engine.book().similar.of(case, |id| engine.live().case(id).filter(|c| caller.sees_case(c)), SIMILAR)
}

pub(super) async fn similar(State(twin): Shared, caller: Caller, Path(id): Path<String>) -> Answer {
    let case = twin.case(&caller, CaseId(number("case", &id)?)).await?;
    let list = near(&twin.read(), &caller, &case);
    Ok(Json(json!({ "case": case.id, "similar": list })))
}

#[derive(Debug, Deserialize)]
struct ImportedCases {
    cases: Vec<ImportedCase>,
}

pub(super) async fn import(State(twin): Shared, caller: Caller, bytes: Bytes) -> Answer {
    let ImportedCases { cases } = body(&bytes)?;
    if cases.is_empty() || cases.len() > MAX_IMPORT {
        return Err(ApiError::bad(format!("cases: {} of them: must be 1..{MAX_IMPORT}", cases.len())));
    }
    match twin.change_by(Change::ImportCases(cases), caller.account()).await.map_err(crate::rest::refused)? {
        Reply::Imported(outcomes) => Ok(Json(json!({ "outcomes": outcomes }))),
        _ => Err(internal("an import was answered with something else".to_owned())),
    }
}

/// The newest cases that are there for the caller, held and archived, by time of report.
pub(crate) async fn newest(
    twin: &Arc<Twin>,
    caller: &Caller,
    span: (TimeMs, TimeMs),
    limit: usize,
) -> Result<Vec<Case>, ApiError> {
    let asking = caller.clone();
    let archived = twin.query(move |db| db.archived_reported(span, limit, |c| asking.sees_case(c))).await;
    let archived = archived.map_err(internal)?;
    let engine = twin.read();
    let within = |c: &&Case| (span.0..=span.1).contains(&c.reported_at()) && caller.sees_case(c);
    let mut list: Vec<Case> = engine.live().cases().chain(engine.retired()).filter(within).cloned().collect();
    list.extend(archived.into_iter().filter(|c| engine.case(c.id).is_none()));
    list.sort_by_key(|c| std::cmp::Reverse((c.reported_at(), c.id)));
    list.truncate(limit);
    Ok(list)
}

pub(super) async fn export(State(twin): Shared, caller: Caller, params: Params) -> Result<Response, ApiError> {
    let open = param(&params, "open", "true or false")?.unwrap_or(false);
    let limit = limit(&params, MAX_EXPORTED, MAX_EXPORTED)?;
    let cases = newest(&twin, &caller, (TimeMs(i64::MIN), TimeMs(i64::MAX)), limit).await?;
    // The mark tells spreadsheets that it is UTF-8.
    let mut text = format!("\u{feff}{CSV_COLUMNS}\r\n");
    for case in cases.iter().filter(|c| !open || c.stage.is_open()) {
        text.push_str(&csv_row(&caller.case(case)));
        text.push_str("\r\n");
    }
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"cases.csv\""),
    ];
    Ok((headers, text).into_response())
}
