//! Photographs of cases: files known by their content, in the data folder. No name or path of the sender is used.

use super::MAX_PHOTO;
use crate::access::Caller;
use crate::http::ApiError;
use crate::rest::{answer, internal, number, permitted};
use crate::twin::{Twin, now};
use crate::writer::Change;
use ::access::Action;
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use twin_model::{CaseId, CasePhoto, PhotoKind};

/// `POST /api/cases/{id}/photos`: the image itself as the body.
pub(super) async fn add(
    State(twin): State<Arc<Twin>>,
    caller: Caller,
    Path(id): Path<String>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let id = CaseId(number("case", &id)?);
    let too_long =
        |_rejected| ApiError(StatusCode::PAYLOAD_TOO_LARGE, format!("photo: must be at most {} MiB", MAX_PHOTO >> 20));
    let bytes = bytes.map_err(too_long)?;
    let wrong = || ApiError(StatusCode::UNSUPPORTED_MEDIA_TYPE, "photo: must be JPEG, PNG or WebP".to_owned());
    let kind = PhotoKind::of(&bytes).ok_or_else(wrong)?;
    // Nothing is stored for a case that is not there.
    let case = twin.case(&caller, id).await?;
    permitted(caller.may_on_case(Action::MoveCase, &case))?;
    let sha256 = hex(&Sha256::digest(&bytes));
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let path = path_of(&twin, &sha256);
    let stored = tokio::task::spawn_blocking(move || store(&path, &bytes)).await;
    stored.map_err(|e| internal(e.to_string()))?.map_err(|e| internal(format!("photo: {e}")))?;
    let photo = CasePhoto { sha256, kind, bytes: length, at: now() };
    // A file whose event is refused stays: another case may have the same one.
    let changed = answer(&caller, twin.change_by(Change::AddPhoto { case: id, photo }, caller.account()).await)?;
    Ok((StatusCode::CREATED, changed))
}

/// `GET /api/cases/{id}/photos/{sha256}`: only what is a photograph of a case that is there for the caller, and shown.
pub(super) async fn show(
    State(twin): State<Arc<Twin>>,
    caller: Caller,
    Path((id, sha256)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let missing = || ApiError::not_found("no such photo");
    let case = twin.case(&caller, CaseId(number("case", &id)?)).await?;
    if !caller.shows_notes(&case) || !case.photos.iter().any(|p| p.sha256 == sha256) {
        return Err(missing());
    }
    let bytes = tokio::fs::read(path_of(&twin, &sha256)).await.map_err(|_absent| missing())?;
    let kind = PhotoKind::of(&bytes).ok_or_else(missing)?;
    let ending = match kind {
        PhotoKind::Jpeg => "jpg",
        PhotoKind::Png => "png",
        PhotoKind::Webp => "webp",
    };
    let name = sha256.get(..12).unwrap_or("photo");
    let headers = [
        (header::CONTENT_TYPE, kind.media_type().to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CONTENT_DISPOSITION, format!("inline; filename=\"{name}.{ending}\"")),
        // Whatever it may hold, it is a picture and nothing else.
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
        (header::CACHE_CONTROL, "private, max-age=31536000, immutable".to_owned()),
    ];
    Ok((headers, bytes).into_response())
}

fn path_of(twin: &Twin, sha256: &str) -> PathBuf {
    let (folder, _) = sha256.split_at_checked(2).unwrap_or((sha256, ""));
    twin.data_dir.join("photos").join(folder).join(sha256)
}

/// On disk before the event that names it: written aside, synced, then named.
fn store(path: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    if path.is_file() {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)?;
    // Two senders of one picture write two files; the last to be named wins, with the same content.
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let aside = path.with_extension(format!("{number}.part"));
    let mut file = std::fs::File::create(&aside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&aside, path)?;
    std::fs::File::open(folder)?.sync_all()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
