//! REST. Errors are `{"error": "one clear line"}` with a fitting status.

use crate::http::ApiError;
use crate::twin::{Twin, now};
use crate::writer::{Change, Refusal, Reply};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use sync_core::quality_at;
use twin_model::{
    Alarm, AlarmId, Case, CaseAction, CaseId, Entity, EntityId, EntityKind, NewCase, PropertyDef, PropertyId,
    StateEntry, TimeMs,
};

type Shared = State<Arc<Twin>>;
type Params = Query<BTreeMap<String, String>>;
type Answer = Result<Json<Value>, ApiError>;

/// Entities in one answer unless asked for fewer.
const PAGE: usize = 100;
const MAX_PAGE: usize = 5000;
const HISTORY_POINTS: u32 = 2000;
const MAX_HISTORY_POINTS: u32 = 100_000;

/// A number in a path.
pub(crate) fn number<T: std::str::FromStr>(what: &str, text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|_unparsable| ApiError::bad(format!("{what} {text:?}: must be a number ≥ 0")))
}

/// A JSON request body.
pub(crate) fn body<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|e| ApiError::bad(format!("request body: {e}")))
}

pub(crate) fn refused(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::NotFound(line) => ApiError(StatusCode::NOT_FOUND, line),
        Refusal::Invalid(line) => ApiError(StatusCode::UNPROCESSABLE_ENTITY, line),
        Refusal::Conflict(line) => ApiError(StatusCode::CONFLICT, line),
        Refusal::Stopped(line) => ApiError(StatusCode::SERVICE_UNAVAILABLE, line),
    }
}

fn param<T: std::str::FromStr>(params: &Params, key: &str, allowed: &str) -> Result<Option<T>, ApiError> {
    let Some(text) = params.get(key).filter(|t| !t.is_empty()) else { return Ok(None) };
    text.parse().map(Some).map_err(|_unparsable| ApiError::bad(format!("{key} = {text:?}: must be {allowed}")))
}

fn internal(line: String) -> ApiError {
    ApiError(StatusCode::INTERNAL_SERVER_ERROR, line)
}

pub(crate) async fn health(State(twin): Shared) -> Response {
    let queue = twin.jobs.max_capacity() - twin.jobs.capacity();
    let seq = twin.seq.borrow().0;
    let (status, word) = match twin.failure() {
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, "red"),
        None => (StatusCode::OK, "green"),
    };
    let reason = twin.failure();
    let answer = json!({ "status": word, "reason": reason, "epoch": twin.epoch, "seq": seq, "queue": queue });
    (status, Json(answer)).into_response()
}

pub(crate) async fn metrics(State(twin): Shared) -> Response {
    let queue = (twin.jobs.max_capacity() - twin.jobs.capacity()) as f64;
    let bytes = (crate::twin::QUEUE_BYTES - twin.queue_bytes.available_permits().min(crate::twin::QUEUE_BYTES)) as f64;
    let (series, open) = {
        let engine = twin.read();
        (engine.live().len() as f64, engine.live().open_alarms().count() as f64)
    };
    let healthy = if twin.failure().is_none() { 1.0 } else { 0.0 };
    let text = twin.metrics.render(&[
        ("healthy", "1 while the log can be written", healthy),
        ("seq", "Last committed sequence", twin.seq.borrow().0 as f64),
        ("queue_jobs", "Jobs waiting for the writer", queue),
        ("queue_bytes", "Payload bytes waiting for the writer", bytes),
        ("series", "Series with a latest value", series),
        ("open_alarms", "Open alarms", open),
    ]);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

pub(crate) async fn community(State(twin): Shared) -> Answer {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for entity in twin.pack.model.entities() {
        *counts.entry(entity.kind.tag()).or_default() += 1;
    }
    let engine = twin.read();
    let live = engine.live();
    Ok(Json(json!({
        "manifest": twin.pack.manifest,
        "counts": counts,
        "topics": twin.index.topic_count(),
        "series": twin.index.series_count(),
        "open_alarms": live.open_alarms().count(),
        "open_cases": live.cases().filter(|c| c.stage.is_open()).count(),
        "epoch": twin.epoch,
        "seq": live.seq(),
        "now": now(),
    })))
}

pub(crate) async fn properties(State(twin): Shared) -> Answer {
    Ok(Json(json!(twin.pack.properties)))
}

pub(crate) async fn entities(State(twin): Shared, params: Params) -> Answer {
    let kind: Option<EntityKind> = param(&params, "kind", "an entity kind, e.g. building")?;
    let parent: Option<u32> = param(&params, "parent", "an entity id")?;
    let (limit, offset) = page(&params)?;
    let q = params.get("q").map_or("", |q| q.trim());
    let model = &twin.pack.model;
    let fits = |e: &&Entity| kind.is_none_or(|k| e.kind == k) && parent.is_none_or(|p| e.parent == Some(EntityId(p)));
    let found: Vec<&Entity> = if q.is_empty() {
        model.entities().iter().filter(fits).collect()
    } else {
        model.search(q, usize::MAX).iter().filter_map(|hit| model.get(hit.id)).filter(fits).collect()
    };
    let items: Vec<&&Entity> = found.iter().skip(offset).take(limit).collect();
    Ok(Json(json!({ "total": found.len(), "offset": offset, "entities": items })))
}

fn page(params: &Params) -> Result<(usize, usize), ApiError> {
    let limit: usize = param(params, "limit", "a number 1..5000")?.unwrap_or(PAGE);
    if limit == 0 || limit > MAX_PAGE {
        return Err(ApiError::bad(format!("limit = {limit}: must be 1..{MAX_PAGE}")));
    }
    Ok((limit, param(params, "offset", "a number ≥ 0")?.unwrap_or(0)))
}

pub(crate) async fn entity(State(twin): Shared, Path(id): Path<String>) -> Answer {
    let id = EntityId(number("entity", &id)?);
    let model = &twin.pack.model;
    let entity = model.get(id).ok_or_else(|| ApiError::not_found(format!("no entity {id}")))?;
    let engine = twin.read();
    let (live, at) = (engine.live(), now());
    let state: Vec<Value> = live.of_entity(id).map(|e| describe(&twin, e, at)).collect();
    let alarms: Vec<&Alarm> = live.open_alarms().filter(|a| a.entity == id).collect();
    let cases: Vec<&Case> = live.cases().filter(|c| c.entity == Some(id) && c.stage.is_open()).collect();
    Ok(Json(json!({
        "entity": entity,
        "address": model.address(id),
        "children": model.children(id).len(),
        "state": state,
        "alarms": alarms,
        "cases": cases,
    })))
}

/// A value for people and programs: with key, unit, words, and the age already judged.
fn describe(twin: &Twin, entry: &StateEntry, at: TimeMs) -> Value {
    let def = twin.pack.properties.def(entry.property);
    let interval = twin.index.stale_interval_s(entry.entity, entry.property).unwrap_or(0.0);
    let quality = quality_at(entry, at, interval);
    json!({
        "entity": entry.entity,
        "property": def.map_or("", |d| d.key.as_str()),
        "name": def.map_or("", |d| d.name.as_str()),
        "unit": def.map_or("", |d| d.unit.as_str()),
        "value": entry.value,
        "text": def.map_or_else(String::new, |d: &PropertyDef| d.format(entry.value)),
        "quality": quality,
        "quality_text": quality.zh(),
        "age_s": at.secs_since(entry.observed_at),
        "observed_at": entry.observed_at,
        "received_at": entry.received_at,
        "seq": entry.seq,
    })
}

pub(crate) async fn search(State(twin): Shared, params: Params) -> Answer {
    let q = params.get("q").ok_or_else(|| ApiError::bad("q is missing: what should be found?"))?;
    let (limit, _) = page(&params)?;
    Ok(Json(json!({ "hits": twin.pack.model.search(q, limit.min(200)) })))
}

fn property_id(twin: &Twin, key: &str) -> Result<PropertyId, ApiError> {
    twin.pack.properties.id(key).ok_or_else(|| ApiError::not_found(format!("no property {key:?}: see /api/properties")))
}

pub(crate) async fn state(State(twin): Shared, params: Params) -> Answer {
    let entity: Option<u32> = param(&params, "entity", "an entity id")?;
    let property = params.get("property").map(|key| property_id(&twin, key)).transpose()?;
    let (engine, at) = (twin.read(), now());
    let live = engine.live();
    let wanted =
        |e: &&StateEntry| entity.is_none_or(|id| e.entity == EntityId(id)) && property.is_none_or(|p| e.property == p);
    let rows: Vec<Value> = live.iter().filter(wanted).map(|e| describe(&twin, e, at)).collect();
    Ok(Json(json!({ "epoch": twin.epoch, "seq": live.seq(), "now": at, "state": rows })))
}

pub(crate) async fn history(
    State(twin): Shared,
    Path((entity, key)): Path<(String, String)>,
    params: Params,
) -> Answer {
    let entity = EntityId(number("entity", &entity)?);
    let property = property_id(&twin, &key)?;
    let time = "a time in ms since 1970";
    let from = TimeMs(param(&params, "from", time)?.unwrap_or(i64::MIN));
    let to = TimeMs(param(&params, "to", time)?.unwrap_or(i64::MAX));
    let limit: u32 = param(&params, "limit", "a number 1..100000")?.unwrap_or(HISTORY_POINTS);
    if limit == 0 || limit > MAX_HISTORY_POINTS {
        return Err(ApiError::bad(format!("limit = {limit}: must be 1..{MAX_HISTORY_POINTS}")));
    }
    let points = twin.query(move |db| db.history((entity, property), from, to, limit)).await.map_err(internal)?;
    let unit = twin.pack.properties.def(property).map_or("", |d| d.unit.as_str());
    let more = points.len() == limit as usize;
    Ok(Json(json!({ "entity": entity, "property": key, "unit": unit, "points": points, "maybe_more": more })))
}

/// The newest first, only the open ones when `open=true`.
fn open_only(params: &Params) -> Result<bool, ApiError> {
    Ok(param(params, "open", "true or false")?.unwrap_or(false))
}

pub(crate) async fn alarms(State(twin): Shared, params: Params) -> Answer {
    let open = open_only(&params)?;
    let engine = twin.read();
    let list: Vec<&Alarm> = engine.live().alarms().rev().filter(|a| !open || a.state.is_open()).collect();
    Ok(Json(json!({ "alarms": list })))
}

pub(crate) async fn acknowledge(State(twin): Shared, Path(id): Path<String>) -> Answer {
    let id = AlarmId(number("alarm", &id)?);
    answer(twin.change(Change::AcknowledgeAlarm(id)).await)
}

pub(crate) async fn cases(State(twin): Shared, params: Params) -> Answer {
    let open = open_only(&params)?;
    let engine = twin.read();
    let list: Vec<&Case> = engine.live().cases().rev().filter(|c| !open || c.stage.is_open()).collect();
    Ok(Json(json!({ "cases": list })))
}

pub(crate) async fn case(State(twin): Shared, Path(id): Path<String>) -> Answer {
    let id = CaseId(number("case", &id)?);
    let engine = twin.read();
    let found = engine.live().case(id).ok_or_else(|| ApiError::not_found(format!("no case {id}")))?;
    Ok(Json(json!(found)))
}

pub(crate) async fn create_case(State(twin): Shared, bytes: Bytes) -> Result<Response, ApiError> {
    let new: NewCase = body(&bytes)?;
    let created = answer(twin.change(Change::CreateCase(new)).await)?;
    Ok((StatusCode::CREATED, created).into_response())
}

#[derive(Debug, Deserialize)]
struct Move {
    action: CaseAction,
    #[serde(default)]
    note: String,
}

pub(crate) async fn move_case(State(twin): Shared, Path(id): Path<String>, bytes: Bytes) -> Answer {
    let case = CaseId(number("case", &id)?);
    let Move { action, note } = body(&bytes)?;
    answer(twin.change(Change::MoveCase { case, action, note }).await)
}

pub(crate) fn answer(result: Result<Reply, Refusal>) -> Answer {
    Ok(Json(match result.map_err(refused)? {
        Reply::Alarm(alarm) => json!(alarm),
        Reply::Case(case) => json!(case),
        Reply::Run(run) => json!(run),
        Reply::Command(command) => json!(command),
        Reply::Noted => json!({}),
    }))
}

pub(crate) async fn cameras(State(twin): Shared) -> Answer {
    let (engine, online) = (twin.read(), twin.pack.properties.id("online"));
    let at = now();
    let list: Vec<Value> = twin
        .pack
        .model
        .of_kind(EntityKind::Camera)
        .map(|c| {
            let state = online.and_then(|p| engine.live().latest(c.id, p)).map(|e| describe(&twin, e, at));
            json!({ "entity": c.id, "code": c.code, "name": c.name, "p_enu": c.p_enu, "camera": c.camera,
                "address": twin.pack.model.address(c.id), "online": state })
        })
        .collect();
    Ok(Json(json!({ "cameras": list })))
}

pub(crate) async fn dead_letters(State(twin): Shared, params: Params) -> Answer {
    let (limit, _) = page(&params)?;
    let limit = u32::try_from(limit).unwrap_or(100);
    let rows = twin.query(move |db| db.dead_letters(limit)).await.map_err(internal)?;
    let list: Vec<Value> = rows
        .into_iter()
        .map(|(at, client, topic, reason, bytes)| {
            json!({ "received_at": at, "client": client, "topic": topic, "reason": reason, "bytes": bytes })
        })
        .collect();
    Ok(Json(json!({ "dead_letters": list, "total": twin.metrics.dead_letters.get() })))
}
