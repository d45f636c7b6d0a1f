//! What the three separated administrators (三权分立) do over the network: one makes accounts, one gives them rights,
//! one reads the trace of both.

use super::admin::{AccountChange, Actor, NewAccount, add_account, change_account};
use super::caller::{Caller, Visit};
use super::login::actor;
use super::sessions::Access;
use super::store::AccessError;
use crate::http::ApiError;
use crate::rest::body;
use crate::twin::Twin;
use access::{Action, AuditKind, Grant, Outcome};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

type Shared = State<Arc<Twin>>;
type Answer = Result<Json<Value>, ApiError>;

fn refused(error: AccessError) -> ApiError {
    let status = match &error {
        AccessError::Unknown { .. } => StatusCode::NOT_FOUND,
        AccessError::Exists { .. } => StatusCode::CONFLICT,
        AccessError::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        AccessError::Store { .. } => StatusCode::SERVICE_UNAVAILABLE,
    };
    ApiError(status, error.to_string())
}

/// The accounts, and who asks.
fn administrator(twin: &Twin, caller: &Caller) -> Result<(Arc<Access>, Arc<Visit>), ApiError> {
    let none = || ApiError(StatusCode::CONFLICT, "this server has no accounts".to_owned());
    match (&twin.access, caller) {
        (Some(access), Caller::Known(visit)) => Ok((access.clone(), visit.clone())),
        _ => Err(none()),
    }
}

fn acting(visit: &Visit) -> Actor {
    actor(&visit.session, &visit.from)
}

/// `GET /api/accounts`
pub(super) async fn list(State(twin): Shared, caller: Caller) -> Answer {
    let (access, _) = administrator(&twin, &caller)?;
    let accounts = access.change(|store| Ok(store.load()?.accounts)).await.map_err(refused)?;
    Ok(Json(json!({ "accounts": accounts })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddBody {
    login: String,
    display_name: String,
    password: String,
}

/// `POST /api/accounts`: an account without rights; those another administrator gives.
pub(super) async fn add(State(twin): Shared, caller: Caller, bytes: Bytes) -> Answer {
    let (access, visit) = administrator(&twin, &caller)?;
    let AddBody { login, display_name, password } = body(&bytes)?;
    let (new, by) = (NewAccount { login, display_name, password, grants: vec![] }, acting(&visit));
    let id = access.change(move |store| add_account(store, &new, &by)).await.map_err(refused)?;
    Ok(Json(json!({ "account": id })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnabledBody {
    enabled: bool,
}

/// `POST /api/accounts/{login}/enabled`
pub(super) async fn set_enabled(
    State(twin): Shared,
    caller: Caller,
    Path(login): Path<String>,
    bytes: Bytes,
) -> Answer {
    let EnabledBody { enabled } = body(&bytes)?;
    change(&twin, &caller, login, AccountChange::Enabled(enabled)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantsBody {
    grants: Vec<Grant>,
}

/// `POST /api/accounts/{login}/grants`: all grants of an account anew.
pub(super) async fn set_grants(State(twin): Shared, caller: Caller, Path(login): Path<String>, bytes: Bytes) -> Answer {
    let GrantsBody { grants } = body(&bytes)?;
    change(&twin, &caller, login, AccountChange::Grants(grants)).await
}

async fn change(twin: &Twin, caller: &Caller, login: String, change: AccountChange) -> Answer {
    let (access, visit) = administrator(twin, caller)?;
    if login == visit.session.account.login {
        let line = "nobody changes their own account: ask another administrator";
        return Err(ApiError(StatusCode::FORBIDDEN, line.to_owned()));
    }
    let by = acting(&visit);
    access.change(move |store| change_account(store, &login, &change, &by)).await.map_err(refused)?;
    Ok(Json(json!({ "changed": true })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditQuery {
    after: Option<u64>,
    limit: Option<u32>,
}

/// `GET /api/audit`
pub(super) async fn audit(State(twin): Shared, caller: Caller, Query(query): Query<AuditQuery>) -> Answer {
    let (access, visit) = administrator(&twin, &caller)?;
    let (after, limit) = (query.after.unwrap_or(0), query.limit.unwrap_or(100));
    if !(1..=5000).contains(&limit) {
        return Err(ApiError::bad(format!("limit = {limit}: must be 1..5000")));
    }
    debug_assert!(visit.session.scope.may_somewhere(Action::ReadAudit));
    let event =
        visit.event(AuditKind::ReadAudit, Outcome::Allowed, format!("GET /api/audit after {after}"), String::new());
    if !visit.access.auditor.record(event).await {
        return Err(ApiError(StatusCode::SERVICE_UNAVAILABLE, "the audit trail cannot be written".to_owned()));
    }
    let store = access.clone();
    let read = tokio::task::spawn_blocking(move || store.store().records(after, limit)).await;
    let records = read.unwrap_or_else(|e| Err(AccessError::Invalid(e.to_string()))).map_err(refused)?;
    let list: Vec<Value> = records
        .into_iter()
        .map(|r| {
            let event: Value = serde_json::from_str(&r.body).unwrap_or(Value::Null);
            json!({ "number": r.number, "at": r.at, "event": event, "hash": r.hash.to_string() })
        })
        .collect();
    Ok(Json(json!({ "records": list })))
}
