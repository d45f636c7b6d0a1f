//! Routes, and what guards them.

use crate::access::{self, ScopedFiles, scoped_files};
use crate::options::ServeOptions;
use crate::runs::{self, RunManager};
use crate::twin::Twin;
use crate::ws::{self, Frames};
use crate::{alarms, cases, gateways, openapi, pages, rest};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get, post};
use std::net::IpAddr;
use std::sync::Arc;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tower_http::services::ServeDir;

/// One clear line with its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError(pub(crate) StatusCode, pub(crate) String);

impl ApiError {
    pub(crate) fn not_found(line: impl Into<String>) -> Self {
        Self(StatusCode::NOT_FOUND, line.into())
    }
    pub(crate) fn bad(line: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, line.into())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = serde_json::json!({ "error": self.1 }).to_string();
        (self.0, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

/// The whole HTTP side.
pub(crate) fn router(twin: &Arc<Twin>, manager: &Arc<RunManager>, frames: &Frames, options: &ServeOptions) -> Router {
    let api = Router::new()
        .route("/health", get(rest::health))
        .route("/metrics", get(rest::metrics))
        .route("/openapi.json", get(openapi::document))
        .route("/api/community", get(rest::community))
        .route("/api/properties", get(rest::properties))
        .route("/api/entities", get(rest::entities))
        .route("/api/entities/{id}", get(rest::entity))
        .route("/api/search", get(rest::search))
        .route("/api/state", get(rest::state))
        .route("/api/history/{entity}/{property}", get(rest::history))
        .route("/api/alarms", get(rest::alarms))
        .route("/api/alarms/{id}/ack", post(rest::acknowledge))
        .route("/api/cameras", get(rest::cameras))
        .route("/api/dead_letters", get(rest::dead_letters))
        .merge(alarms::routes())
        .route("/api/{*rest}", any(|| async { ApiError::not_found("no such resource: see /openapi.json") }))
        .with_state(twin.clone());
    let computing = Router::new()
        .route("/api/runs", get(runs::list).post(runs::start))
        .route("/api/runs/{id}", get(runs::one).delete(runs::cancel))
        .route("/api/runs/{id}/edits", post(runs::edit))
        .with_state(manager.clone());
    let viewers = Router::new().route("/ws", get(ws::upgrade)).with_state((twin.clone(), frames.clone()));
    let files = Router::new()
        .nest_service("/pack", ServeDir::new(&options.pack_dir).append_index_html_on_directories(false))
        .nest_service("/runs", ServeDir::new(twin.data_dir.join("runs")).append_index_html_on_directories(false))
        .layer(middleware::from_fn_with_state(ScopedFiles::new(twin.clone()), scoped_files))
        .layer(middleware::from_fn(etag));
    let web = match &options.web_dir {
        Some(dir) => Router::new()
            .nest_service("/web", ServeDir::new(dir))
            .route("/", get(to_viewer))
            .layer(middleware::from_fn(etag)),
        None => Router::new().route("/", get(pages::no_viewer)).route("/web/", get(pages::no_viewer)),
    };
    // Tiles and images are compressed already; on the way to them gzip would only cost time.
    let worth_it = SizeAbove::new(1024)
        .and(NotForContentType::IMAGES)
        .and(NotForContentType::const_new("model/"))
        .and(NotForContentType::const_new("application/octet-stream"));
    Router::new()
        .merge(api)
        .merge(access::router(twin))
        .merge(cases::router(twin))
        .merge(computing)
        .merge(gateways::router(twin, options.alert_status))
        .merge(viewers)
        .merge(files)
        .merge(web)
        .layer(CompressionLayer::new().compress_when(worth_it))
        .layer(middleware::from_fn_with_state(twin.clone(), access::guard))
        .layer(middleware::from_fn_with_state(options.allow_remote, same_origin))
        .layer(middleware::map_response(no_sniff))
}

async fn no_sniff(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    response
}

/// The viewer's page, with the options of the address.
async fn to_viewer(uri: Uri) -> Redirect {
    Redirect::temporary(&uri.query().map_or_else(|| "/web/".to_owned(), |query| format!("/web/?{query}")))
}

/// Refuses requests that a foreign web page makes its visitor's browser send (wrong `Origin`), and names that were
/// made to resolve to this machine (wrong `Host` on a loopback server).
async fn same_origin(State(remote): State<bool>, request: Request, next: Next) -> Response {
    match check_origin(request.headers(), remote) {
        Ok(()) => next.run(request).await,
        Err(line) => ApiError(StatusCode::FORBIDDEN, line).into_response(),
    }
}

fn check_origin(headers: &HeaderMap, remote: bool) -> Result<(), String> {
    let text = |name| headers.get(name).map(|v: &HeaderValue| v.to_str().unwrap_or("?"));
    let host = text(header::HOST);
    if let Some(host) = host.filter(|h| !remote && !is_loopback(h)) {
        return Err(format!("host {host:?} is not this machine: the server only answers to loopback names"));
    }
    match text(header::ORIGIN) {
        None => Ok(()),
        Some(origin) => {
            let authority = origin.split_once("://").map_or(origin, |(_, rest)| rest);
            if Some(authority) == host || is_loopback(authority) {
                return Ok(());
            }
            Err(format!("origin {origin:?} may not use this server"))
        }
    }
}

fn is_loopback(authority: &str) -> bool {
    let name = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(""),
        None => authority.rsplit_once(':').map_or(authority, |(name, _port)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Adds a weak ETag from length and modification time, and answers `If-None-Match` with 304.
async fn etag(request: Request, next: Next) -> Response {
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let mut response = next.run(request).await;
    let status = response.status();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let tag = match (headers.get(header::CONTENT_LENGTH), headers.get(header::LAST_MODIFIED)) {
        (Some(length), Some(modified)) if status == StatusCode::OK => {
            let letters = |v: &HeaderValue| v.to_str().unwrap_or("").replace(|c: char| !c.is_ascii_alphanumeric(), "");
            HeaderValue::from_str(&format!("W/\"{}-{}\"", letters(length), letters(modified))).ok()
        }
        _ => None,
    };
    let Some(tag) = tag else { return response };
    if known.is_some_and(|known| known == tag) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    response.headers_mut().insert(header::ETAG, tag);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(host: &str, origin: Option<&str>) -> HeaderMap {
        let mut map = HeaderMap::new();
        map.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        if let Some(origin) = origin {
            map.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        map
    }

    #[test]
    fn foreign_pages_and_rebound_names_are_refused() {
        let check = |host: &str, origin: Option<&str>, remote| check_origin(&headers(host, origin), remote).is_ok();
        assert!(check("127.0.0.1:8737", None, false) && check("localhost:1", Some("http://localhost:1"), false));
        assert!(check("[::1]:8737", Some("http://127.0.0.1:3000"), false));
        assert!(!check("127.0.0.1:8737", Some("https://evil.example"), false));
        assert!(!check("evil.example:8737", None, false) && !check("localhost", Some("null"), false));
        assert!(!check("127.0.0.1.evil.example", None, false));
        assert!(check("twin.lan:8737", Some("http://twin.lan:8737"), true));
        assert!(!check("twin.lan:8737", Some("http://other.lan"), true));
    }
}
