//! REST. Errors are `{"error": "one clear line"}` with a fitting status.

use crate::access::Caller;
use crate::cases::routes::open_count;
use crate::http::ApiError;
use crate::twin::{Twin, now};
use crate::writer::{Change, Refusal, Reply};
use ::access::Action;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use sync_core::quality_at;
use twin_model::{AlarmId, Entity, EntityId, EntityKind, PropertyDef, PropertyId, StateEntry, TimeMs};

pub(crate) type Shared = State<Arc<Twin>>;
pub(crate) type Params = Query<BTreeMap<String, String>>;
pub(crate) type Answer = Result<Json<Value>, ApiError>;

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

pub(crate) fn param<T: std::str::FromStr>(params: &Params, key: &str, allowed: &str) -> Result<Option<T>, ApiError> {
    let Some(text) = params.get(key).filter(|t| !t.is_empty()) else { return Ok(None) };
    text.parse().map(Some).map_err(|_unparsable| ApiError::bad(format!("{key} = {text:?}: must be {allowed}")))
}

pub(crate) fn internal(line: String) -> ApiError {
    ApiError(StatusCode::INTERNAL_SERVER_ERROR, line)
}

pub(crate) async fn health(State(twin): Shared, caller: Caller) -> Response {
    let queue = twin.jobs.max_capacity() - twin.jobs.capacity();
    let seq = twin.seq.borrow().0;
    let (status, word) = match twin.failure() {
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, "red"),
        None => (StatusCode::OK, "green"),
    };
    if matches!(caller, Caller::Nobody) {
        return (status, Json(json!({ "status": word }))).into_response();
    }
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

pub(crate) async fn community(State(twin): Shared, caller: Caller) -> Answer {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for entity in twin.pack.model.entities().iter().filter(|e| caller.sees(e.id)) {
        *counts.entry(entity.kind.tag()).or_default() += 1;
    }
    let mut manifest = twin.pack.manifest.clone();
    if !caller.sees_everything() {
        manifest.entities = counts.values().sum();
        manifest.provenance.clear();
    }
    let bound = || twin.pack.bindings.iter().filter(|b| caller.sees_series(b.entity, b.property));
    let topics: BTreeSet<&str> = bound().map(|b| b.topic.as_str()).collect();
    let series: BTreeSet<(EntityId, PropertyId)> = bound().map(|b| (b.entity, b.property)).collect();
    let engine = twin.read();
    let live = engine.live();
    Ok(Json(json!({
        "manifest": manifest,
        "counts": counts,
        "topics": topics.len(),
        "series": series.len(),
        "open_alarms": live.open_alarms().filter(|a| caller.sees_alarm(a)).count(),
        "open_cases": open_count(&engine, &caller),
        "epoch": twin.epoch,
        "seq": live.seq(),
        "now": now(),
    })))
}

pub(crate) async fn properties(State(twin): Shared) -> Answer {
    Ok(Json(json!(twin.pack.properties)))
}

pub(crate) async fn entities(State(twin): Shared, caller: Caller, params: Params) -> Answer {
    let kind: Option<EntityKind> = param(&params, "kind", "an entity kind, e.g. building")?;
    let parent: Option<u32> = param(&params, "parent", "an entity id")?;
    let (limit, offset) = page(&params)?;
    let q = params.get("q").map_or("", |q| q.trim());
    let model = &twin.pack.model;
    let within = parent.is_none_or(|p| caller.sees(EntityId(p)));
    let fits = |e: &&Entity| {
        let asked = kind.is_none_or(|k| e.kind == k) && parent.is_none_or(|p| e.parent == Some(EntityId(p)));
        within && asked && caller.sees(e.id)
    };
    let found: Vec<&Entity> = if q.is_empty() {
        model.entities().iter().filter(fits).collect()
    } else {
        model.search(q, usize::MAX).iter().filter_map(|hit| model.get(hit.id)).filter(fits).collect()
    };
    let items: Vec<_> = found.iter().skip(offset).take(limit).map(|e| caller.entity(e)).collect();
    Ok(Json(json!({ "total": found.len(), "offset": offset, "entities": items })))
}

fn page(params: &Params) -> Result<(usize, usize), ApiError> {
    let limit: usize = param(params, "limit", "a number 1..5000")?.unwrap_or(PAGE);
    if limit == 0 || limit > MAX_PAGE {
        return Err(ApiError::bad(format!("limit = {limit}: must be 1..{MAX_PAGE}")));
    }
    Ok((limit, param(params, "offset", "a number ≥ 0")?.unwrap_or(0)))
}

pub(crate) async fn entity(State(twin): Shared, caller: Caller, Path(id): Path<String>) -> Answer {
    let id = EntityId(number("entity", &id)?);
    let model = &twin.pack.model;
    let entity =
        model.get(id).filter(|e| caller.sees(e.id)).ok_or_else(|| ApiError::not_found(format!("no entity {id}")))?;
    let engine = twin.read();
    let (live, at) = (engine.live(), now());
    let shown = live.of_entity(id).filter(|e| caller.sees_series(id, e.property));
    let state: Vec<Value> = shown.map(|e| describe(&twin, e, at)).collect();
    let own = live.open_alarms().filter(|a| a.entity == id && caller.sees_alarm(a));
    let alarms: Vec<_> = own.map(|a| caller.alarm(a)).collect();
    let about = live.cases().filter(|c| c.entity == Some(id) && c.stage.is_open() && caller.sees_case(c));
    let cases: Vec<_> = about.map(|c| caller.case(c)).collect();
    Ok(Json(json!({
        "entity": caller.entity(entity),
        "address": caller.address(model, id),
        "children": model.children(id).iter().filter(|c| caller.sees(**c)).count(),
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

pub(crate) async fn search(State(twin): Shared, caller: Caller, params: Params) -> Answer {
    let q = params.get("q").ok_or_else(|| ApiError::bad("q is missing: what should be found?"))?;
    let (limit, _) = page(&params)?;
    let model = &twin.pack.model;
    if caller.sees_everything() {
        return Ok(Json(json!({ "hits": model.search(q, limit.min(200)) })));
    }
    // Words above the jurisdiction still find what is in it; they are only not said.
    let mut hits = model.search(q, usize::MAX);
    hits.retain(|hit| caller.sees(hit.id));
    hits.truncate(limit.min(200));
    hits.iter_mut().for_each(|hit| hit.address = caller.address(model, hit.id));
    Ok(Json(json!({ "hits": hits })))
}

fn property_id(twin: &Twin, key: &str) -> Result<PropertyId, ApiError> {
    twin.pack.properties.id(key).ok_or_else(|| ApiError::not_found(format!("no property {key:?}: see /api/properties")))
}

pub(crate) async fn state(State(twin): Shared, caller: Caller, params: Params) -> Answer {
    let entity: Option<u32> = param(&params, "entity", "an entity id")?;
    let property = params.get("property").map(|key| property_id(&twin, key)).transpose()?;
    let (engine, at) = (twin.read(), now());
    let live = engine.live();
    let wanted =
        |e: &&StateEntry| entity.is_none_or(|id| e.entity == EntityId(id)) && property.is_none_or(|p| e.property == p);
    let rows: Vec<Value> = live
        .iter()
        .filter(wanted)
        .filter(|e| caller.sees_series(e.entity, e.property))
        .map(|e| describe(&twin, e, at))
        .collect();
    Ok(Json(json!({ "epoch": twin.epoch, "seq": live.seq(), "now": at, "state": rows })))
}

pub(crate) async fn history(
    State(twin): Shared,
    caller: Caller,
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
    let points = match caller.sees_series(entity, property) {
        true => twin.query(move |db| db.history((entity, property), from, to, limit)).await.map_err(internal)?,
        // As for an entity that does not exist.
        false => Vec::new(),
    };
    let unit = twin.pack.properties.def(property).map_or("", |d| d.unit.as_str());
    let more = points.len() == limit as usize;
    Ok(Json(json!({ "entity": entity, "property": key, "unit": unit, "points": points, "maybe_more": more })))
}

/// The newest first, only the open ones when `open=true`.
fn open_only(params: &Params) -> Result<bool, ApiError> {
    Ok(param(params, "open", "true or false")?.unwrap_or(false))
}

pub(crate) async fn alarms(State(twin): Shared, caller: Caller, params: Params) -> Answer {
    let open = open_only(&params)?;
    let engine = twin.read();
    let all = engine.live().alarms().rev();
    let theirs = all.filter(|a| (!open || a.state.is_open()) && caller.sees_alarm(a));
    let list: Vec<_> = theirs.map(|a| caller.alarm(a)).collect();
    Ok(Json(json!({ "alarms": list })))
}

pub(crate) async fn acknowledge(State(twin): Shared, caller: Caller, Path(id): Path<String>) -> Answer {
    let id = AlarmId(number("alarm", &id)?);
    let alarm = twin.read().live().alarm(id).filter(|a| caller.sees_alarm(a)).map(|a| a.entity);
    let entity = alarm.ok_or_else(|| ApiError::not_found(format!("no alarm {id}")))?;
    permitted(caller.may(Action::AcknowledgeAlarm, entity))?;
    answer(&caller, twin.change_by(Change::AcknowledgeAlarm(id), caller.account()).await)
}

/// What may be seen but not done.
pub(crate) fn permitted(may: bool) -> Result<(), ApiError> {
    if may { Ok(()) } else { Err(ApiError(StatusCode::FORBIDDEN, "your rights do not reach this".to_owned())) }
}

pub(crate) fn answer(caller: &Caller, result: Result<Reply, Refusal>) -> Answer {
    Ok(Json(match result.map_err(refused)? {
        Reply::Alarm(alarm) => json!(caller.alarm(&alarm)),
        Reply::Case(case) => json!(caller.case(&case)),
        Reply::Imported(outcomes) => json!({ "outcomes": outcomes }),
        Reply::Run(run) => json!(run),
        Reply::Command(command) => json!(command),
        Reply::Noted => json!({}),
    }))
}

pub(crate) async fn cameras(State(twin): Shared, caller: Caller) -> Answer {
    let (engine, online) = (twin.read(), twin.pack.properties.id("online"));
    let at = now();
    let list: Vec<Value> = twin
        .pack
        .model
        .of_kind(EntityKind::Camera)
        .filter(|c| caller.sees(c.id))
        .map(|c| {
            caller.reads_camera();
            let state = online.and_then(|p| engine.live().latest(c.id, p)).map(|e| describe(&twin, e, at));
            json!({ "entity": c.id, "code": c.code, "name": c.name, "p_enu": c.p_enu, "camera": c.camera,
                "address": caller.address(&twin.pack.model, c.id), "online": state })
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
