//! REST of rules, alarms, incidents, commands and figures.

use super::backtest;
use crate::http::ApiError;
use crate::rest::{answer, body, number};
use crate::twin::{Twin, now};
use crate::writer::{Change, RuleChange};
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use twin_model::{
    AlarmId, AlarmOperation, DeviceCommandId, DeviceCommandState, EntityId, IncidentId, NewDeviceCommand, Rule, TimeMs,
};

type Shared = State<Arc<Twin>>;
type Params = Query<BTreeMap<String, String>>;
type Answer = Result<Json<Value>, ApiError>;

const DAY_MS: i64 = 86_400_000;

/// The routes of this file.
pub(crate) fn routes() -> Router<Arc<Twin>> {
    Router::new()
        .route("/api/rules", get(rules))
        .route("/api/rules/test", post(test_rule))
        .route("/api/rules/{key}/return_to_service", post(return_to_service))
        .route("/api/alarms/figures", get(figures))
        .route("/api/alarms/out_of_service", get(out_of_service))
        .route("/api/alarms/{id}/operate", post(operate))
        .route("/api/alarms/{id}/shelve", post(shelve))
        .route("/api/alarms/{id}/unshelve", post(unshelve))
        .route("/api/incidents", get(incidents))
        .route("/api/incidents/{id}", get(incident))
        .route("/api/commands", get(commands).post(issue))
        .route("/api/commands/{id}/confirm", post(confirm))
        .route("/api/commands/{id}/withdraw", post(withdraw))
}

async fn rules(State(twin): Shared) -> Answer {
    let engine = twin.read();
    let set = engine.rules().rules();
    let list: Vec<Value> = (0u16..)
        .zip(&set.rule)
        .map(|(number, (key, rule))| json!({ "number": number, "key": key, "rule": rule }))
        .collect();
    let watched = engine.rules().watched();
    Ok(Json(json!({ "rules": list, "grouping": set.grouping, "calendar": set.calendar, "watched": watched })))
}

#[derive(Debug, Deserialize)]
struct TestRule {
    rule: Rule,
    from: TimeMs,
    to: TimeMs,
}

async fn test_rule(State(twin): Shared, bytes: Bytes) -> Answer {
    let TestRule { rule, from, to } = body(&bytes)?;
    if from >= to {
        return Err(ApiError::bad(format!("from = {from:?}: must be before to")));
    }
    let invalid = |line: String| ApiError(StatusCode::UNPROCESSABLE_ENTITY, line);
    let book = twin.read().rules().clone();
    let book = backtest::alone(&book, rule).map_err(invalid)?;
    let series = backtest::series(&book, &twin.pack).map_err(invalid)?;
    let told = twin.query(move |db| backtest::run(db, book, &series, (from, to))).await;
    told.map(Json).map_err(invalid)
}

async fn operate(State(twin): Shared, Path(id): Path<String>, bytes: Bytes) -> Answer {
    let alarm = AlarmId(number("alarm", &id)?);
    let operation: AlarmOperation = body(&bytes)?;
    change(&twin, RuleChange::Operate { alarm, operation }).await
}

#[derive(Debug, Deserialize)]
struct Shelve {
    minutes: u32,
    reason: String,
}

async fn shelve(State(twin): Shared, Path(id): Path<String>, bytes: Bytes) -> Answer {
    let alarm = AlarmId(number("alarm", &id)?);
    let Shelve { minutes, reason } = body(&bytes)?;
    change(&twin, RuleChange::Operate { alarm, operation: AlarmOperation::Shelve { minutes, reason } }).await
}

async fn unshelve(State(twin): Shared, Path(id): Path<String>) -> Answer {
    let alarm = AlarmId(number("alarm", &id)?);
    change(&twin, RuleChange::Operate { alarm, operation: AlarmOperation::Unshelve }).await
}

async fn out_of_service(State(twin): Shared) -> Answer {
    let engine = twin.read();
    let row = |o: &sync_core::OutOfService| {
        let key = engine.rules().rule(o.rule).map_or("", |(key, _)| key);
        json!({ "rule": key, "entity": o.entity, "reason": o.reason, "at": o.at, "by": o.by })
    };
    Ok(Json(json!({ "out_of_service": engine.out_of_service().map(row).collect::<Vec<_>>() })))
}

#[derive(Debug, Deserialize)]
struct OfEntity {
    entity: EntityId,
}

async fn return_to_service(State(twin): Shared, Path(rule): Path<String>, bytes: Bytes) -> Answer {
    let OfEntity { entity } = body(&bytes)?;
    change(&twin, RuleChange::ReturnToService { rule, entity }).await
}

async fn incidents(State(twin): Shared, params: Params) -> Answer {
    let open = match params.get("open").map(String::as_str) {
        None | Some("" | "false") => false,
        Some("true") => true,
        Some(other) => return Err(ApiError::bad(format!("open = {other:?}: must be true or false"))),
    };
    let engine = twin.read();
    let list: Vec<_> = engine.live().incidents().rev().filter(|i| !open || !i.closed).collect();
    Ok(Json(json!({ "incidents": list })))
}

async fn incident(State(twin): Shared, Path(id): Path<String>) -> Answer {
    let id = IncidentId(number("incident", &id)?);
    let engine = twin.read();
    let found = engine.live().incident(id).ok_or_else(|| ApiError::not_found(format!("no incident {id}")))?;
    let alarms: Vec<_> = engine.live().alarms().filter(|a| a.incident == Some(id)).collect();
    Ok(Json(json!({ "incident": found, "place": twin.pack.model.address(found.place), "alarms": alarms })))
}

async fn figures(State(twin): Shared, params: Params) -> Answer {
    let at = now();
    let time = |key: &str, default: TimeMs| match params.get(key).filter(|t| !t.is_empty()) {
        None => Ok(default),
        Some(text) => {
            let bad = |_| ApiError::bad(format!("{key} = {text:?}: must be a time in ms since 1970"));
            text.parse().map(TimeMs).map_err(bad)
        }
    };
    let to = time("to", at)?;
    let from = time("from", TimeMs(to.0.saturating_sub(DAY_MS)))?;
    if from >= to {
        return Err(ApiError::bad("from: must be before to"));
    }
    let engine = twin.read();
    let figures = engine.figures(from, to);
    let name = |bad: &sync_core::Bad| {
        let (key, text) = engine.rules().rule(bad.rule).map_or(("", ""), |(key, rule)| (key, rule.text.as_str()));
        json!({ "rule": key, "text": text, "place": twin.pack.model.address(bad.entity), "count": bad.count })
    };
    let top: Vec<Value> = figures.top.iter().map(name).collect();
    Ok(Json(json!({ "figures": figures, "top": top })))
}

async fn commands(State(twin): Shared) -> Answer {
    let engine = twin.read();
    let list: Vec<_> = engine.commands().iter().rev().collect();
    Ok(Json(json!({ "commands": list })))
}

async fn issue(State(twin): Shared, bytes: Bytes) -> Answer {
    let order: NewDeviceCommand = body(&bytes)?;
    change(&twin, RuleChange::Issue { order, action: None }).await
}

async fn confirm(State(twin): Shared, Path(id): Path<String>) -> Answer {
    step(&twin, &id, DeviceCommandState::Issued).await
}

async fn withdraw(State(twin): Shared, Path(id): Path<String>) -> Answer {
    step(&twin, &id, DeviceCommandState::Withdrawn).await
}

async fn step(twin: &Twin, id: &str, to: DeviceCommandState) -> Answer {
    let command = DeviceCommandId(number("command", id)?);
    change(twin, RuleChange::MoveCommand { command, to, note: String::new() }).await
}

async fn change(twin: &Twin, change: RuleChange) -> Answer {
    answer(twin.change(Change::Rule(change)).await)
}
