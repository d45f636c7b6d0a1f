//! Programmes whose standard puts the key into the form instead of a header (`api_key` of Open311).

use super::caller::{Caller, Visit};
use super::guard::From;
use crate::http::ApiError;
use crate::twin::{Twin, now};
use access::{AuditKind, Outcome, Secret, SecretKind};
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use std::sync::Arc;

/// Who a request comes from, before its form was read.
pub(crate) struct Visitor {
    caller: Caller,
    from: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let from = parts.extensions.get::<From>().map_or_else(String::new, |f| f.0.clone());
        Ok(Self { caller: Caller::from_request_parts(parts, state).await?, from })
    }
}

impl Visitor {
    /// The caller, with the token of the form when the request itself carried none. With accounts only API tokens are
    /// taken: a form is what any web page can make a visitor's browser send, with the visitor's session.
    ///
    /// # Errors
    /// 401 without a valid token, 403 for a session, 429 for too many changes, 503 when the trace cannot be written.
    pub(crate) async fn with_key(self, twin: &Twin, key: Option<&str>, subject: &str) -> Result<Caller, ApiError> {
        let access = match (&self.caller, &twin.access) {
            (_, None) => return Ok(self.caller),
            (Caller::Known(visit), _) if visit.session.kind == SecretKind::Token => return Ok(self.caller),
            (Caller::Known(_), _) => {
                let line = "reports are taken with an API token; people report at /api/cases";
                return Err(ApiError(StatusCode::FORBIDDEN, line.to_owned()));
            }
            (_, Some(access)) => access,
        };
        let token = key.and_then(Secret::parse).filter(|s| s.kind() == SecretKind::Token);
        let session = token.and_then(|t| access.resolve(&t));
        let unknown = || ApiError(StatusCode::UNAUTHORIZED, "api_key: must be an API token of this server".to_owned());
        let visit = Visit::new(access.clone(), session.ok_or_else(unknown)?, self.from);
        if !access.throttles().writes.take(&visit.session.account.login, now()) {
            let line = "too many changes: at most 50 at once and 10 a second";
            return Err(ApiError(StatusCode::TOO_MANY_REQUESTS, line.to_owned()));
        }
        let event = visit.event(AuditKind::Write, Outcome::Allowed, subject.to_owned(), String::new());
        if !access.auditor.record(event).await {
            let line = "the audit trail cannot be written: nothing is done without it";
            return Err(ApiError(StatusCode::SERVICE_UNAVAILABLE, line.to_owned()));
        }
        Ok(Caller::Known(Arc::new(visit)))
    }
}
