//! Grid cases on the server: tables, changes, archive, photographs, routes.

pub(crate) mod archive;
mod change;
mod figures;
mod photos;
pub(crate) mod routes;
mod tables;

pub(crate) use change::{CaseDesk, ImportOutcome};
pub(crate) use tables::load_rules;

use crate::access::Caller;
use crate::http::ApiError;
use crate::openapi::Row;
use crate::twin::Twin;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use std::sync::Arc;
use twin_model::{Case, CaseId};

/// Largest photograph, bytes.
pub(crate) const MAX_PHOTO: usize = 8 << 20;
/// Photographs of one case.
const MAX_PHOTOS: usize = 12;
/// Cases of one import request, and its largest body.
pub(crate) const MAX_IMPORT: usize = 1000;
const MAX_IMPORT_BYTES: usize = 16 << 20;

/// The routes of the cases.
pub(crate) fn router(twin: &Arc<Twin>) -> Router {
    Router::new()
        .route("/api/cases", get(routes::list).post(routes::create))
        .route("/api/cases/queue", get(routes::queue))
        .route("/api/cases/figures", get(figures::figures))
        .route("/api/cases/tables", get(routes::tables))
        .route("/api/cases/export.csv", get(routes::export))
        .route("/api/cases/import", post(routes::import).layer(DefaultBodyLimit::max(MAX_IMPORT_BYTES)))
        .route("/api/cases/{id}", get(routes::one))
        .route("/api/cases/{id}/move", post(routes::make_move))
        .route("/api/cases/{id}/proposals", get(routes::proposals))
        .route("/api/cases/{id}/similar", get(routes::similar))
        .route("/api/cases/{id}/photos", post(photos::add).layer(DefaultBodyLimit::max(MAX_PHOTO)))
        .route("/api/cases/{id}/photos/{sha256}", get(photos::show))
        .with_state(twin.clone())
}

/// Their rows in the OpenAPI document.
pub(crate) const OPENAPI: [Row; 13] = [
    ("get", "/api/cases", "Open cases and the most recently ended, newest first", &["open", "limit"], None, "cases"),
    ("post", "/api/cases", "Report a grid case; `similar` names likely duplicates", &[], Some("NewCase"), "case"),
    (
        "get",
        "/api/cases/queue",
        "Open cases of a grid or what is above it, by deadline, severity or age; `next` goes into `after`",
        &["within", "order", "limit", "after", "department", "class", "stage", "suspended", "overdue"],
        None,
        "cases",
    ),
    (
        "get",
        "/api/cases/figures",
        "Evaluation: counts and rates of the days from..to, by all, grid, department, class or day",
        &["by", "from", "to", "within"],
        None,
        "figures",
    ),
    ("get", "/api/cases/tables", "Classes, departments and work calendar", &[], None, "tables"),
    (
        "get",
        "/api/cases/export.csv",
        "Cases as CSV, newest first; free text is never a formula",
        &["open", "limit"],
        None,
        "text/csv",
    ),
    (
        "post",
        "/api/cases/import",
        "Cases of another system with their moves, up to 1000; each is taken whole or refused with its reason",
        &[],
        Some("ImportedCases"),
        "outcomes",
    ),
    ("get", "/api/cases/{id}", "One grid case, also from the archive, with what can be done now", &[], None, "case"),
    (
        "post",
        "/api/cases/{id}/move",
        "Move a grid case; 409 when its stage does not allow it, saying what it allows",
        &[],
        Some("Move"),
        "case",
    ),
    ("get", "/api/cases/{id}/proposals", "Departments that could take it, with reasons", &[], None, "proposals"),
    ("get", "/api/cases/{id}/similar", "Likely duplicates: same class, 50 m, 24 h", &[], None, "cases"),
    (
        "post",
        "/api/cases/{id}/photos",
        "Add a photograph (JPEG, PNG, WebP; at most 8 MiB, 12 of a case)",
        &[],
        None,
        "case",
    ),
    ("get", "/api/cases/{id}/photos/{sha256}", "A photograph of the case", &[], None, "image"),
];

impl Twin {
    /// A case in memory or in the archive that is there for the caller.
    pub(crate) async fn case(self: &Arc<Self>, caller: &Caller, id: CaseId) -> Result<Case, ApiError> {
        let held = self.read().case(id).cloned();
        let found = match held {
            Some(case) => Some(case),
            None => self.query(move |db| db.archived_case(id)).await.map_err(crate::rest::internal)?,
        };
        found.filter(|c| caller.sees_case(c)).ok_or_else(|| ApiError::not_found(format!("no case {id}")))
    }
}
