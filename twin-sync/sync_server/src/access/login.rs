//! Log-in, log-out, who am I. What is wrong with a log-in is never told, and takes as long as a right one.

use super::admin::Actor;
use super::caller::Caller;
use super::guard::{COOKIE, From, retry_after};
use super::sessions::{Access, Session};
use super::store::{AccessError, AccessStore, Held, random, rows};
use crate::http::ApiError;
use crate::rest::body;
use crate::twin::{Twin, now};
use access::{Account, AuditKind, Login, Outcome, PasswordHash, Secret, SecretKind};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Value, json};
use std::sync::Arc;
use twin_model::TimeMs;

/// A session lasts a shift.
const SESSION_MS: i64 = 12 * 3_600_000;
/// Longest parts of a log-in; more is no name or password of ours.
const MAX_LOGIN_BYTES: usize = 1024;

fn wrong() -> ApiError {
    ApiError(StatusCode::UNAUTHORIZED, "login name, password or code is not right".to_owned())
}

fn open_server() -> ApiError {
    ApiError(StatusCode::CONFLICT, "this server has no accounts: everybody who reaches it may do everything".to_owned())
}

fn failed(error: &AccessError) -> ApiError {
    tracing::error!(%error, "accounts");
    ApiError(StatusCode::SERVICE_UNAVAILABLE, "accounts cannot be written at present".to_owned())
}

/// `POST /api/login`
pub(super) async fn login(
    State(twin): State<Arc<Twin>>,
    from: Option<Extension<From>>,
    bytes: Bytes,
) -> Result<Response, ApiError> {
    let access = twin.access.clone().ok_or_else(open_server)?;
    if bytes.len() > MAX_LOGIN_BYTES {
        return Err(ApiError::bad(format!(
            "request body: has {} bytes: must be at most {MAX_LOGIN_BYTES}",
            bytes.len()
        )));
    }
    let asked: Login = body(&bytes)?;
    let address = from.map_or_else(String::new, |Extension(From(address))| address);
    if let Some(wait_s) = waits(&access, &asked.login, &address) {
        let line = format!("too many attempts: try again in {wait_s} s");
        return Ok(retry_after(ApiError(StatusCode::TOO_MANY_REQUESTS, line), wait_s));
    }
    // One failure of this attempt is counted before the password is looked at, so that many at one time gain nothing.
    count(&access, &asked.login, &address);
    let secret = Secret::new(SecretKind::Session, random().map_err(|e| failed(&e))?);
    let Ok(_turn) = access.checks.acquire().await else { return Err(wrong()) };
    let account = access.account(&asked.login);
    let actor = Actor { account: account.as_ref().map(|a| a.id), who: clip(&asked.login), from: address.clone() };
    let (hash, bearer, login) = (secret.hash(), asked.bearer, asked.login.clone());
    let asked_of = account.clone();
    let judged = tokio::task::spawn_blocking(move || judge(asked_of.as_deref(), &asked, now())).await;
    let entered = match (account, judged.ok().flatten()) {
        (Some(account), Some(step)) => {
            access.change(move |store| enter(store, &account, step, hash, &actor)).await.map_err(|e| failed(&e))?
        }
        _ => {
            let event = actor.event(AuditKind::Login, Outcome::Refused, "log in".to_owned(), String::new());
            if !access.auditor.record(event).await {
                return Err(failed(&AccessError::Invalid("no trace of a refused log-in".to_owned())));
            }
            false
        }
    };
    if !entered {
        return Err(wrong());
    }
    access.throttles().account.succeeded(&login);
    access.throttles().address.forgive(&address);
    let session = access.resolve_hash(hash).ok_or_else(wrong)?;
    let mut answer = describe(&session);
    if bearer {
        answer["token"] = json!(secret.to_text());
        return Ok(no_store(Json(answer).into_response()));
    }
    let mut response = no_store(Json(answer).into_response());
    set_cookie(&mut response, &access, &secret.to_text(), SESSION_MS / 1000);
    Ok(response)
}

/// Seconds to wait before the next attempt.
fn waits(access: &Access, login: &str, address: &str) -> Option<i64> {
    let (mut throttles, at) = (access.throttles(), now());
    let pauses = [throttles.account.wait_ms(login, at), throttles.address.wait_ms(address, at)];
    let longest = pauses.into_iter().flatten().max().map(|ms| ms.div_euclid(1000) + 1);
    longest.or_else(|| (!throttles.attempts.take(address, at)).then_some(1))
}

fn count(access: &Access, login: &str, address: &str) {
    let (mut throttles, at) = (access.throttles(), now());
    throttles.account.failed(login, at);
    throttles.address.failed(address, at);
}

/// Checks password and second factor, both in any case. `None` is no; `Some(step)` yes, with the step of the code.
fn judge(account: Option<&Account>, asked: &Login, at: TimeMs) -> Option<Option<u64>> {
    let nobody = PasswordHash::nobody();
    let fits = account.map_or(&nobody, |a| &a.password).fits(&asked.password);
    let account = account.filter(|a| fits && a.enabled)?;
    match &account.totp {
        None => Some(None),
        Some(totp) => totp.step_of(asked.code.as_deref()?, at).map(Some),
    }
}

/// Makes the session; false when the code was used before.
fn enter(
    store: &mut AccessStore,
    account: &Account,
    step: Option<u64>,
    hash: access::SecretHash,
    actor: &Actor,
) -> Result<bool, AccessError> {
    let at = now();
    let expires_at = TimeMs(at.0 + SESSION_MS);
    store.change(at, |tx| {
        let unused = step.map_or(Ok(true), |step| rows::use_step(tx, account.id, step))?;
        if unused {
            let name = actor.from.clone();
            let held = Held { kind: SecretKind::Session, account: account.id, name, created_at: at, expires_at };
            rows::insert_secret(tx, hash, &held)?;
        }
        let outcome = if unused { Outcome::Allowed } else { Outcome::Refused };
        let note = if unused { "" } else { "code was used before" };
        Ok((unused, actor.event(AuditKind::Login, outcome, "log in".to_owned(), note.to_owned())))
    })
}

fn clip(login: &str) -> String {
    login.chars().filter(|c| !c.is_control()).take(64).collect()
}

fn no_store(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn set_cookie(response: &mut Response, access: &Access, value: &str, max_age_s: i64) {
    let secure = if access.secure_cookies { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age_s}{secure}");
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
}

/// `POST /api/logout`: the session is worth nothing from here on, whoever still has it. Tokens are revoked elsewhere.
pub(super) async fn logout(State(twin): State<Arc<Twin>>, caller: Caller) -> Result<Response, ApiError> {
    let access = twin.access.clone().ok_or_else(open_server)?;
    let Caller::Known(visit) = caller else { return Err(wrong()) };
    if visit.session.kind != SecretKind::Session {
        return Err(ApiError(StatusCode::CONFLICT, "a token has no log-out: it is revoked".to_owned()));
    }
    let (secret, actor) = (visit.session.secret, actor(&visit.session, &visit.from));
    let ended = access.change(move |store| {
        store.change(now(), |tx| {
            rows::delete_secret(tx, secret)?;
            Ok(((), actor.event(AuditKind::Logout, Outcome::Allowed, "log out".to_owned(), String::new())))
        })
    });
    ended.await.map_err(|e| failed(&e))?;
    let mut response = no_store(Json(json!({ "logged_out": true })).into_response());
    set_cookie(&mut response, &access, "", 0);
    Ok(response)
}

pub(super) fn actor(session: &Session, from: &str) -> Actor {
    Actor { account: Some(session.account.id), who: session.account.login.clone(), from: from.to_owned() }
}

/// `GET /api/me`
pub(super) async fn me(caller: Caller) -> Response {
    let answer = match &caller {
        Caller::Known(visit) => describe(&visit.session),
        Caller::Open | Caller::Nobody => json!({ "accounts": false }),
    };
    no_store(Json(answer).into_response())
}

fn describe(session: &Session) -> Value {
    let at = now();
    let roles = session.account.roles_at(at);
    json!({
        "accounts": true,
        "account": session.account.id,
        "login": session.account.login,
        "display_name": session.account.display_name,
        "roles": roles,
        "roles_zh": roles.iter().map(|r| r.zh()).collect::<Vec<_>>(),
        "actions": session.scope.actions().iter().collect::<Vec<_>>(),
        "grants": session.account.grants.iter().filter(|g| g.is_valid_at(at)).collect::<Vec<_>>(),
        "entities": session.scope.seen_count(),
        "expires_at": session.expires_at,
    })
}
