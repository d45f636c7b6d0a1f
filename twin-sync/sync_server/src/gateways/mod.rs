//! Read-only gateways in the words of other people's standards: OGC API - Features (`/ogc`), CAP 1.2 (`/cap`) and
//! OGC SensorThings API 1.1 (`/sta/v1.1`). They show what REST shows, less what is personal (see [`privacy`]).
//! Open311 GeoReport v2 (`/open311/v2`) also takes reports; with accounts, only of an API token.

mod alerts;
mod cap;
mod features;
mod geometry;
mod instant;
mod open311;
mod open311_text;
mod privacy;
mod query;
mod records;
mod sensor_things;
mod stream;
mod things;

use crate::access::Caller;
use crate::http::ApiError;
use crate::openapi;
use crate::options::AlertStatus;
use crate::twin::Twin;
use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header, uri::Authority};
use axum::routing::{any, get};
use geo_frame::EnuFrame;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use twin_model::EntityId;

/// Directories of SensorThings kept ready, one for each kind of scope.
const DIRECTORIES: usize = 32;

/// The gateways as one caller sees them.
#[derive(Clone)]
pub(crate) struct Gateway {
    caller: Caller,
    twin: Arc<Twin>,
    frame: EnuFrame,
    alert_status: AlertStatus,
    /// West, south, east, north of every entity, degrees; computed when first asked for.
    bounds: Arc<OnceLock<Vec<geometry::Bounds>>>,
    /// What SensorThings shows the caller; found or computed when first asked for.
    directory: OnceLock<Arc<things::Directory>>,
    /// What it shows callers of each kind of scope; 0 is that of a server without accounts.
    directories: Arc<Mutex<BTreeMap<u64, Arc<things::Directory>>>>,
}

/// The gateways for whoever asks.
pub(super) struct Scoped(Arc<Gateway>);

impl FromRequestParts<Arc<Gateway>> for Scoped {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Arc<Gateway>) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, gateway).await?;
        Ok(Self(Arc::new(gateway.for_caller(caller))))
    }
}

impl Gateway {
    fn for_caller(&self, caller: Caller) -> Self {
        Self { caller, directory: OnceLock::new(), ..self.clone() }
    }

    fn bounds(&self) -> &[geometry::Bounds] {
        self.bounds
            .get_or_init(|| self.twin.pack.model.entities().iter().map(|e| geometry::bounds(&self.frame, e)).collect())
    }

    fn directory(&self) -> &things::Directory {
        self.directory.get_or_init(|| {
            let key = match &self.caller {
                Caller::Known(visit) => visit.session.scope.fingerprint(),
                _ => 0,
            };
            let directories = || self.directories.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(held) = directories().get(&key) {
                return held.clone();
            }
            let made = Arc::new(things::Directory::new(self));
            let mut directories = directories();
            if directories.len() >= DIRECTORIES {
                directories.clear();
            }
            directories.insert(key, made.clone());
            made
        })
    }

    /// The address of an entity in words that are there for the caller.
    fn address(&self, id: EntityId) -> String {
        self.caller.address(&self.twin.pack.model, id)
    }
}

/// The routes of all gateways.
pub(crate) fn router(twin: &Arc<Twin>, alert_status: AlertStatus) -> Router {
    let frame = twin.pack.manifest.origin.frame();
    let gateway = Arc::new(Gateway {
        caller: Caller::Nobody,
        twin: twin.clone(),
        frame,
        alert_status,
        bounds: Arc::default(),
        directory: OnceLock::new(),
        directories: Arc::default(),
    });
    // Long for a large community: nobody should wait for it, and the first who asks does not pay for it.
    let ahead = gateway.clone();
    drop(tokio::task::spawn_blocking(move || ahead.bounds().len()));
    Router::new()
        .route("/ogc", get(features::landing))
        .route("/ogc/", get(features::landing))
        .route("/ogc/api", get(openapi::features_document))
        .route("/ogc/conformance", get(features::conformance))
        .route("/ogc/collections", get(features::collections))
        .route("/ogc/collections/{collection}", get(features::collection))
        .route("/ogc/collections/{collection}/items", get(features::items))
        .route("/ogc/collections/{collection}/items/{item}", get(features::item))
        .route("/cap", get(alerts::feed))
        .route("/cap/alerts/{alert}", get(alerts::alert))
        .route("/ogc/{*rest}", any(|| async { ApiError::not_found("no such resource: see /ogc") }))
        .route("/cap/{*rest}", any(|| async { ApiError::not_found("no such resource: see /cap") }))
        .route("/sta/v1.1", get(sensor_things::root))
        .route("/sta/v1.1/", get(sensor_things::root))
        .route("/sta/v1.1/{*path}", get(sensor_things::read))
        .route("/open311/v2/{*path}", get(open311::read).post(open311::create))
        .with_state(gateway)
}

pub(crate) use open311::OPENAPI as OPEN311_OPENAPI;

/// The address that the client used, for the links of an answer; relative when it said none that can be one.
fn base_url(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|v| v.to_str().ok()).and_then(|h| h.parse::<Authority>().ok());
    host.map_or_else(String::new, |h| format!("http://{h}"))
}
