//! REST of rules, alarms, incidents, commands and figures.

use super::backtest;
use crate::access::Caller;
use crate::http::ApiError;
use crate::rest::{answer, body, number, permitted};
use crate::twin::{Twin, now};
use crate::writer::{Change, RuleChange};
use ::access::Action;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use sync_core::{Announcement, CommandError, LiveEngine, OperateError, check_command};
use twin_model::{
    AlarmId, AlarmOperation, DeviceCommandId, DeviceCommandState, EntityId, IncidentId, NewDeviceCommand, PropertyId,
    Rule, TimeMs,
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

async fn test_rule(State(twin): Shared, caller: Caller, bytes: Bytes) -> Answer {
    let TestRule { rule, from, to } = body(&bytes)?;
    if from >= to {
        return Err(ApiError::bad(format!("from = {from:?}: must be before to")));
    }
    let invalid = |line: String| ApiError(StatusCode::UNPROCESSABLE_ENTITY, line);
    let book = twin.read().rules().clone();
    let book = backtest::alone(&book, rule).map_err(invalid)?;
    let series = backtest::series(&book, &twin.pack).map_err(invalid)?;
    let model = &twin.pack.model;
    let readable = |e: EntityId, p: PropertyId| caller.sees_series(e, p) || model.get(e).is_none();
    permitted(series.iter().all(|(e, p)| readable(*e, *p)))?;
    let told = twin.query(move |db| backtest::run(db, book, &series, (from, to))).await;
    told.map(Json).map_err(invalid)
}

async fn operate(State(twin): Shared, caller: Caller, Path(id): Path<String>, bytes: Bytes) -> Answer {
    let alarm = AlarmId(number("alarm", &id)?);
    make_operation(&twin, &caller, alarm, body(&bytes)?).await
}

async fn make_operation(twin: &Twin, caller: &Caller, alarm: AlarmId, operation: AlarmOperation) -> Answer {
    let needed = match operation {
        AlarmOperation::Acknowledge => Action::AcknowledgeAlarm,
        _ => Action::OperateAlarm,
    };
    let entity = twin.read().live().alarm(alarm).filter(|a| caller.sees_alarm(a)).map(|a| a.entity);
    let entity = entity.ok_or_else(|| ApiError::not_found(OperateError::Unknown(alarm).to_string()))?;
    permitted(caller.may(needed, entity))?;
    change(twin, caller, RuleChange::Operate { alarm, operation }).await
}

#[derive(Debug, Deserialize)]
struct Shelve {
    minutes: u32,
    reason: String,
}

async fn shelve(State(twin): Shared, caller: Caller, Path(id): Path<String>, bytes: Bytes) -> Answer {
    let alarm = AlarmId(number("alarm", &id)?);
    let Shelve { minutes, reason } = body(&bytes)?;
    make_operation(&twin, &caller, alarm, AlarmOperation::Shelve { minutes, reason }).await
}

async fn unshelve(State(twin): Shared, caller: Caller, Path(id): Path<String>) -> Answer {
    let alarm = AlarmId(number("alarm", &id)?);
    make_operation(&twin, &caller, alarm, AlarmOperation::Unshelve).await
}

/// Whether the caller may know of alarms of a rule at an entity.
fn sees_slot(caller: &Caller, engine: &LiveEngine, rule: u16, entity: EntityId) -> bool {
    let property = engine.rules().property_of(rule, entity);
    caller.sees(entity) && property.is_none_or(|p| caller.sees_series(entity, p))
}

async fn out_of_service(State(twin): Shared, caller: Caller) -> Answer {
    let engine = twin.read();
    let row = |o: &sync_core::OutOfService| {
        let key = engine.rules().rule(o.rule).map_or("", |(key, _)| key);
        json!({ "rule": key, "entity": o.entity, "reason": o.reason, "at": o.at, "by": o.by })
    };
    let theirs = engine.out_of_service().filter(|o| sees_slot(&caller, &engine, o.rule, o.entity));
    Ok(Json(json!({ "out_of_service": theirs.map(row).collect::<Vec<_>>() })))
}

#[derive(Debug, Deserialize)]
struct OfEntity {
    entity: EntityId,
}

async fn return_to_service(State(twin): Shared, caller: Caller, Path(rule): Path<String>, bytes: Bytes) -> Answer {
    let OfEntity { entity } = body(&bytes)?;
    if caller.sees(entity) {
        permitted(caller.may(Action::OperateAlarm, entity))?;
    } else {
        return Err(ApiError::not_found(format!("rule {rule:?} at entity {entity} is not out of service")));
    }
    change(&twin, &caller, RuleChange::ReturnToService { rule, entity }).await
}

async fn incidents(State(twin): Shared, caller: Caller, params: Params) -> Answer {
    let open = match params.get("open").map(String::as_str) {
        None | Some("" | "false") => false,
        Some("true") => true,
        Some(other) => return Err(ApiError::bad(format!("open = {other:?}: must be true or false"))),
    };
    let engine = twin.read();
    let list: Vec<_> =
        engine.live().incidents().rev().filter(|i| (!open || !i.closed) && caller.sees_incident(i)).collect();
    Ok(Json(json!({ "incidents": list })))
}

async fn incident(State(twin): Shared, caller: Caller, Path(id): Path<String>) -> Answer {
    let id = IncidentId(number("incident", &id)?);
    let engine = twin.read();
    let found = engine.live().incident(id).filter(|i| caller.sees_incident(i));
    let found = found.ok_or_else(|| ApiError::not_found(format!("no incident {id}")))?;
    let members = engine.live().alarms().filter(|a| a.incident == Some(id) && caller.sees_alarm(a));
    let alarms: Vec<_> = members.map(|a| caller.alarm(a)).collect();
    Ok(Json(json!({ "incident": found, "place": caller.address(&twin.pack.model, found.place), "alarms": alarms })))
}

async fn figures(State(twin): Shared, caller: Caller, params: Params) -> Answer {
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
    let announced = |a: &Announcement| sees_slot(&caller, &engine, a.rule, a.entity);
    let figures = engine.figures_where((from, to), |a| caller.sees_alarm(a), announced);
    let name = |bad: &sync_core::Bad| {
        let (key, text) = engine.rules().rule(bad.rule).map_or(("", ""), |(key, rule)| (key, rule.text.as_str()));
        json!({ "rule": key, "text": text, "place": caller.address(&twin.pack.model, bad.entity), "count": bad.count })
    };
    let top: Vec<Value> = figures.top.iter().map(name).collect();
    Ok(Json(json!({ "figures": figures, "top": top })))
}

async fn commands(State(twin): Shared, caller: Caller) -> Answer {
    let engine = twin.read();
    let list: Vec<_> = engine.commands().iter().rev().filter(|c| caller.sees(c.order.device)).collect();
    Ok(Json(json!({ "commands": list })))
}

async fn issue(State(twin): Shared, caller: Caller, bytes: Bytes) -> Answer {
    let order: NewDeviceCommand = body(&bytes)?;
    if caller.sees(order.device) {
        permitted(caller.may(Action::CommandDevice, order.device) || twin.pack.model.get(order.device).is_none())?;
    } else {
        // In the words and the order of a device that does not exist.
        check_command(&order).map_err(|e| ApiError(StatusCode::UNPROCESSABLE_ENTITY, e.to_string()))?;
        return Err(ApiError::not_found(format!("no entity {}", order.device)));
    }
    change(&twin, &caller, RuleChange::Issue { order, action: None }).await
}

async fn confirm(State(twin): Shared, caller: Caller, Path(id): Path<String>) -> Answer {
    step(&twin, &caller, &id, DeviceCommandState::Issued).await
}

async fn withdraw(State(twin): Shared, caller: Caller, Path(id): Path<String>) -> Answer {
    step(&twin, &caller, &id, DeviceCommandState::Withdrawn).await
}

async fn step(twin: &Twin, caller: &Caller, id: &str, to: DeviceCommandState) -> Answer {
    let command = DeviceCommandId(number("command", id)?);
    let device = twin.read().commands().get(command).map(|c| c.order.device).filter(|d| caller.sees(*d));
    let device = device.ok_or_else(|| ApiError::not_found(CommandError::Unknown(command).to_string()))?;
    permitted(caller.may(Action::CommandDevice, device))?;
    change(twin, caller, RuleChange::MoveCommand { command, to, note: String::new() }).await
}

async fn change(twin: &Twin, caller: &Caller, change: RuleChange) -> Answer {
    answer(caller, twin.change_by(Change::Rule(change), caller.account()).await)
}
