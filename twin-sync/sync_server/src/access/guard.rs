//! What stands before every route of a server with accounts: who is it, may they, and is it written down.

use super::caller::{Caller, Visit};
use super::routes::{Need, need};
use super::sessions::Session;
use super::{accounts_api, login};
use crate::http::ApiError;
use crate::twin::{Twin, now};
use access::{AuditKind, Outcome, Secret, SecretKind};
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Name of the cookie that carries a session.
pub(super) const COOKIE: &str = "sandtable_session";

/// The routes of accounts.
pub(crate) fn router(twin: &Arc<Twin>) -> Router {
    Router::new()
        .route("/api/login", post(login::login))
        .route("/api/logout", post(login::logout))
        .route("/api/me", get(login::me))
        .route("/api/accounts", get(accounts_api::list).post(accounts_api::add))
        .route("/api/accounts/{login}/enabled", post(accounts_api::set_enabled))
        .route("/api/accounts/{login}/grants", post(accounts_api::set_grants))
        .route("/api/audit", get(accounts_api::audit))
        .with_state(twin.clone())
}

/// The secret of a request: `Authorization: Bearer`, else the cookie. Never from the address, which ends up in logs.
pub(super) fn presented(headers: &HeaderMap) -> Option<Secret> {
    let text = |name| headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok());
    if let Some(bearer) = text(header::AUTHORIZATION) {
        let (scheme, token) = bearer.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| Secret::parse(token.trim()))?;
    }
    let mut cookies = text(header::COOKIE)?.split(';').filter_map(|pair| pair.trim().split_once('='));
    let secret = cookies.find(|(name, _)| *name == COOKIE).and_then(|(_, value)| Secret::parse(value))?;
    (secret.kind() == SecretKind::Session).then_some(secret)
}

/// The address of a request as it is throttled and recorded: an IPv6 host has its whole /64.
pub(super) fn address_of(peer: IpAddr) -> String {
    match peer.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) if v6.is_loopback() => v6.to_string(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

fn peer_of(request: &Request) -> String {
    let info = request.extensions().get::<ConnectInfo<SocketAddr>>();
    info.map_or_else(String::new, |ConnectInfo(peer)| address_of(peer.ip()))
}

/// Middleware of the whole router.
pub(crate) async fn guard(State(twin): State<Arc<Twin>>, mut request: Request, next: Next) -> Response {
    let Some(access) = twin.access.clone() else {
        request.extensions_mut().insert(Caller::Open);
        return next.run(request).await;
    };
    let from = peer_of(&request);
    request.extensions_mut().insert(From(from.clone()));
    let session = presented(request.headers()).and_then(|secret| access.resolve(&secret));
    let Some(need) = need(request.method(), request.uri().path()) else {
        // The same for everybody: not even that it is another method is told.
        return ApiError::not_found("no such resource: see /openapi.json").into_response();
    };
    let Some(session) = session else {
        if need != Need::Public {
            return unknown();
        }
        request.extensions_mut().insert(Caller::Nobody);
        return next.run(request).await;
    };
    let visit = Arc::new(Visit::new(access, session, from));
    if !permits(need, &visit.session) {
        let (subject, reads) = (subject_of(&request), reads(request.method()));
        return forbidden(&visit, subject, reads).await;
    }
    request.extensions_mut().insert(Caller::Known(visit.clone()));
    watched(&visit, request, next).await
}

/// The peer's address, for handlers.
#[derive(Debug, Clone)]
pub(super) struct From(pub(super) String);

fn unknown() -> Response {
    let mut response = ApiError(StatusCode::UNAUTHORIZED, "log in first: POST /api/login".to_owned()).into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

fn permits(need: Need, session: &Session) -> bool {
    let scope = &session.scope;
    match need {
        Need::Public | Need::Session => true,
        Need::Somewhere(action) | Need::Administer(action) => scope.may_somewhere(action),
        Need::Everywhere(action) => scope.may_everywhere(action),
        Need::AccountsOrGrants => {
            scope.may_somewhere(access::Action::ManageAccounts) || scope.may_somewhere(access::Action::ManageGrants)
        }
    }
}

fn subject_of(request: &Request) -> String {
    // Without the query: what somebody searched for is not the trace's business.
    format!("{} {}", request.method(), request.uri().path().chars().take(256).collect::<String>())
}

fn reads(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

async fn forbidden(visit: &Visit, subject: String, reads: bool) -> Response {
    let event = visit.event(AuditKind::Write, Outcome::Refused, subject, String::new());
    if !reads && !visit.access.auditor.record(event).await {
        return no_trace();
    }
    ApiError(StatusCode::FORBIDDEN, "your rights do not reach this".to_owned()).into_response()
}

fn no_trace() -> Response {
    let line = "the audit trail cannot be written: nothing is done without it";
    ApiError(StatusCode::SERVICE_UNAVAILABLE, line.to_owned()).into_response()
}

/// Lets the request through; changes are on the trace before they are made, what was personal before it leaves.
async fn watched(visit: &Arc<Visit>, request: Request, next: Next) -> Response {
    let subject = subject_of(&request);
    let own_trace = ["/api/logout", "/api/login"].contains(&request.uri().path());
    let changes = !reads(request.method()) && !own_trace;
    let auditor = &visit.access.auditor;
    if changes {
        let key = visit.session.account.login.clone();
        if !visit.access.throttles().writes.take(&key, now()) {
            let line = "too many changes: at most 50 at once and 10 a second";
            return retry_after(ApiError(StatusCode::TOO_MANY_REQUESTS, line.to_owned()), 1);
        }
        let event = visit.event(AuditKind::Write, Outcome::Allowed, subject.clone(), String::new());
        if !auditor.record(event).await {
            return no_trace();
        }
    }
    let response = next.run(request).await;
    let status = response.status();
    if changes && (status.is_client_error() || status.is_server_error()) {
        let refused = matches!(status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND);
        let outcome = if refused { Outcome::Refused } else { Outcome::Failed };
        let event = visit.event(AuditKind::Write, outcome, subject.clone(), status.as_u16().to_string());
        if !auditor.record(event).await {
            return no_trace();
        }
    }
    if note_reads(visit, &subject).await { response } else { no_trace() }
}

/// Writes down what was read of people and cameras; false when that is impossible.
pub(crate) async fn note_reads(visit: &Visit, subject: &str) -> bool {
    for (read, kind) in [(&visit.personal, AuditKind::ReadPersonal), (&visit.camera, AuditKind::ReadCamera)] {
        if read.swap(false, Ordering::Relaxed) {
            let event = visit.event(kind, Outcome::Allowed, subject.to_owned(), String::new());
            if !visit.access.auditor.record(event).await {
                return false;
            }
        }
    }
    true
}

pub(super) fn retry_after(error: ApiError, seconds: i64) -> Response {
    let mut response = error.into_response();
    if let Ok(value) = HeaderValue::from_str(&seconds.to_string()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

impl Visit {
    /// The session as it is now; `None` when it has ended.
    pub(crate) fn renewed(&self) -> Option<Session> {
        self.access.resolve_hash(self.session.secret)
    }

    /// The same visitor with other rights.
    pub(crate) fn with(&self, session: Session) -> Caller {
        Caller::Known(Arc::new(Visit::new(self.access.clone(), session, self.from.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (n.clone(), HeaderValue::from_str(v).unwrap())).collect()
    }

    #[test]
    fn secrets_come_from_headers_alone() {
        let session = Secret::new(SecretKind::Session, [1; 32]).to_text();
        let token = Secret::new(SecretKind::Token, [2; 32]).to_text();
        let kind = |headers: &[(header::HeaderName, &str)]| presented(&with(headers)).map(|s| s.kind());
        let bearer = format!("Bearer {token}");
        assert_eq!(kind(&[(header::AUTHORIZATION, &bearer)]), Some(SecretKind::Token));
        let cookie = format!("a=b; {COOKIE}={session}; c=d");
        assert_eq!(kind(&[(header::COOKIE, &cookie)]), Some(SecretKind::Session));
        // A token in a cookie is none, and a bad header is not made good by a cookie.
        assert_eq!(kind(&[(header::COOKIE, &format!("{COOKIE}={token}"))]), None);
        assert_eq!(kind(&[(header::AUTHORIZATION, "Bearer x"), (header::COOKIE, &cookie)]), None);
        assert_eq!(kind(&[(header::AUTHORIZATION, &format!("Basic {token}"))]), None);
        assert_eq!(kind(&[]), None);
    }

    #[test]
    fn addresses_of_one_host_are_one() {
        let of = |text: &str| address_of(text.parse().unwrap());
        assert_eq!(of("::ffff:10.1.2.3"), "10.1.2.3");
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2:ffff::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    }
}
