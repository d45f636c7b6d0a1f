//! Ended cases that are no longer in memory: a table of the database, written with the snapshots.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use twin_model::{Case, CaseId, CaseSource, TimeMs};

/// Part of the database's schema.
pub(crate) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS cases (
  id INTEGER PRIMARY KEY, reported_at INTEGER NOT NULL, changed_at INTEGER NOT NULL, class TEXT NOT NULL,
  source TEXT, blob BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS cases_reported ON cases (reported_at);
CREATE INDEX IF NOT EXISTS cases_source ON cases (source) WHERE source IS NOT NULL;
";

fn source_text(source: &CaseSource) -> String {
    format!("{}\u{1f}{}", source.system, source.id)
}

/// Writes cases, in place of what was there of them.
pub(crate) fn put<'a>(tx: &Transaction, cases: impl IntoIterator<Item = &'a Case>) -> Result<(), String> {
    let text = |e: rusqlite::Error| e.to_string();
    for case in cases {
        let blob = serde_json::to_vec(case).map_err(|e| e.to_string())?;
        let mut insert = tx
            .prepare_cached(
                "INSERT OR REPLACE INTO cases (id, reported_at, changed_at, class, source, blob) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )
            .map_err(text)?;
        let (reported, changed) = (case.reported_at().0, case.changed_at().0);
        let source = case.source.as_ref().map(source_text);
        insert.execute(params![to_sql(case.id), reported, changed, case.class, source, blob]).map_err(text)?;
    }
    Ok(())
}

/// One case.
pub(crate) fn get(db: &Connection, id: CaseId) -> Result<Option<Case>, String> {
    let text = |e: rusqlite::Error| e.to_string();
    let mut select = db.prepare_cached("SELECT blob FROM cases WHERE id = ?1").map_err(text)?;
    let blob = select.query_row([to_sql(id)], blob_of).optional().map_err(text)?;
    blob.map(|b| read(&b)).transpose()
}

/// The case that another system knows by this number.
pub(crate) fn by_source(db: &Connection, source: &CaseSource) -> Result<Option<CaseId>, String> {
    let text = |e: rusqlite::Error| e.to_string();
    let mut select = db.prepare_cached("SELECT id FROM cases WHERE source = ?1").map_err(text)?;
    let id: Option<i64> = select.query_row([source_text(source)], |r| r.get(0)).optional().map_err(text)?;
    Ok(id.map(|id| CaseId(id.unsigned_abs())))
}

/// Cases reported within `from..=to` that are wanted, the newest first, at most `limit`.
pub(crate) fn reported(
    db: &Connection,
    (from, to): (TimeMs, TimeMs),
    limit: usize,
    wanted: impl Fn(&Case) -> bool,
) -> Result<Vec<Case>, String> {
    let text = |e: rusqlite::Error| e.to_string();
    let mut select = db
        .prepare_cached("SELECT blob FROM cases WHERE reported_at BETWEEN ?1 AND ?2 ORDER BY reported_at DESC, id DESC")
        .map_err(text)?;
    let blobs = select.query_map(params![from.0, to.0], blob_of).map_err(text)?;
    let cases = blobs.map(|b| read(&b.map_err(text)?));
    cases.filter(|c| c.as_ref().map_or(true, &wanted)).take(limit).collect()
}

/// Wanted cases to which something may have happened within `from..=to`.
pub(crate) fn active(
    db: &Connection,
    (from, to): (TimeMs, TimeMs),
    wanted: impl Fn(&Case) -> bool,
) -> Result<Vec<Case>, String> {
    let text = |e: rusqlite::Error| e.to_string();
    let mut select = db
        .prepare_cached("SELECT blob FROM cases WHERE reported_at <= ?2 AND changed_at >= ?1 ORDER BY id")
        .map_err(text)?;
    let blobs = select.query_map(params![from.0, to.0], blob_of).map_err(text)?;
    let cases = blobs.map(|b| read(&b.map_err(text)?));
    cases.filter(|c| c.as_ref().map_or(true, &wanted)).collect()
}

fn blob_of(row: &Row) -> rusqlite::Result<Vec<u8>> {
    row.get(0)
}

fn read(blob: &[u8]) -> Result<Case, String> {
    serde_json::from_slice(blob).map_err(|e| format!("archived case: {e}"))
}

fn to_sql(id: CaseId) -> i64 {
    i64::try_from(id.0).unwrap_or(i64::MAX)
}
