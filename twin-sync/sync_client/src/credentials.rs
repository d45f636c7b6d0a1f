//! Who this viewer is for a server with accounts: natively a token, in the browser the cookie that the server set.

use crate::url::server_url;
use std::sync::{Arc, Mutex, PoisonError};

/// Where a native programme finds a token when none is given.
#[cfg(not(target_arch = "wasm32"))]
const TOKEN_VARIABLE: &str = "SANDTABLE_TOKEN";

/// A session or API token, sent as `Authorization: Bearer` to its server and to no other. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Credentials(Option<String>);

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Credentials(…)" } else { "Credentials(none)" })
    }
}

/// A server with accounts did not let this viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessRefused {
    /// 401: there is no session, or it has ended.
    #[error("log in first: the server knows no valid session or token of this viewer")]
    LoginNeeded,
    /// 403: known, but not permitted.
    #[error("not permitted: the rights of this account do not reach it")]
    NotPermitted,
}

impl AccessRefused {
    pub(crate) fn of_status(status: u16) -> Option<Self> {
        match status {
            401 => Some(Self::LoginNeeded),
            403 => Some(Self::NotPermitted),
            _ => None,
        }
    }

    /// From the text of a WebSocket handshake that failed; a browser does not say why.
    pub(crate) fn of_handshake(reason: &str) -> Option<Self> {
        [401, 403].into_iter().find(|s| reason.contains(&format!(" {s}"))).and_then(Self::of_status)
    }
}

impl Credentials {
    /// No token: a server without accounts, or a browser with its cookie.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// This token; empty or with characters that no header takes is none.
    #[must_use]
    pub fn token(token: &str) -> Self {
        let token = token.trim();
        let plain = !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
        Self(plain.then(|| token.to_owned()))
    }

    /// The token of the environment variable `SANDTABLE_TOKEN`; none in a browser.
    #[must_use]
    pub fn from_env() -> Self {
        #[cfg(not(target_arch = "wasm32"))]
        return std::env::var(TOKEN_VARIABLE).map_or_else(|_unset| Self::none(), |text| Self::token(&text));
        #[cfg(target_arch = "wasm32")]
        Self::none()
    }

    /// The header's value.
    pub(crate) fn bearer(&self) -> Option<String> {
        self.0.as_ref().map(|token| format!("Bearer {token}"))
    }

    pub(crate) fn sign(&self, request: ehttp::Request) -> ehttp::Request {
        match self.bearer() {
            Some(bearer) => request.with_header("Authorization", bearer),
            None => request,
        }
    }
}

/// Why a log-in gave no credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// The server's one line: not right, too many attempts, no accounts there.
    #[error("{0}")]
    Refused(String),
    /// No answer.
    #[error("{server}: {reason}")]
    Network {
        /// Server.
        server: String,
        /// What happened.
        reason: String,
    },
}

type Answer = Result<Credentials, LoginError>;

/// Receipt for a log-in.
#[derive(Debug, Clone)]
pub struct LoginTicket(Arc<Mutex<Option<Answer>>>);

impl LoginTicket {
    /// The answer, once; `None` while there is none yet.
    #[must_use]
    pub fn poll(&self) -> Option<Result<Credentials, LoginError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Logs in without blocking. Natively the answer carries the session as a token; in a browser it is a cookie that
/// scripts cannot read, and the credentials are [`Credentials::none`].
#[must_use]
pub fn log_in(server: &str, login: &str, password: &str, code: Option<&str>) -> LoginTicket {
    let ticket = LoginTicket(Arc::default());
    let (server, slot) = (server_url(server), ticket.0.clone());
    let bearer = cfg!(not(target_arch = "wasm32"));
    let form = serde_json::json!({ "login": login, "password": password, "code": code, "bearer": bearer });
    let headers = ehttp::Headers::new(&[("Accept", "application/json"), ("Content-Type", "application/json")]);
    let request = ehttp::Request::new(ehttp::Method::POST, format!("{server}/api/login"), headers);
    ehttp::fetch(request.with_body(form.to_string().into_bytes()), move |answer| {
        let answer = match answer {
            Err(reason) => Err(LoginError::Network { server, reason }),
            Ok(response) if response.ok => {
                let body: Option<serde_json::Value> = serde_json::from_slice(&response.bytes).ok();
                let token = body.as_ref().and_then(|b| b["token"].as_str());
                Ok(token.map_or_else(Credentials::none, Credentials::token))
            }
            Ok(response) => Err(LoginError::Refused(crate::command::refusal(&response))),
        };
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    });
    ticket
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_plain_and_not_shown() {
        let made = Credentials::token(" stt_0011 \n");
        assert_eq!(made.bearer().as_deref(), Some("Bearer stt_0011"));
        assert!(!format!("{made:?}").contains("0011"));
        for bad in ["", "  ", "a b", "a\r\nX: y", "令牌"] {
            assert_eq!(Credentials::token(bad), Credentials::none(), "{bad:?}");
        }
        assert_eq!(AccessRefused::of_handshake("HTTP error: 401 Unauthorized"), Some(AccessRefused::LoginNeeded));
        assert_eq!(AccessRefused::of_handshake("connection refused"), None);
    }
}
