//! The durable log, its snapshot and the history table, in one SQLite file. A commit is one transaction with one fsync.

use crate::cases::archive;
use crate::error::ServeError;
use crate::twin::now;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use std::path::{Path, PathBuf};
use sync_core::{EngineSnapshot, LiveEngine, LiveState, LogRecord, RuleBook, StateRow};
use twin_model::{Case, CaseId, CaseSource, EntityId, PropertyId, Seq, TimeMs};

/// File name within a pack's data folder.
pub(crate) const DATABASE: &str = "twin.db";
const SCHEMA_VERSION: i64 = 1;
/// Bytes of a dead letter's payload that are kept.
const DEAD_PAYLOAD: usize = 4096;
/// Dead letters kept.
const DEAD_KEPT: i64 = 100_000;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log (
  seq INTEGER PRIMARY KEY, last INTEGER NOT NULL, received_at INTEGER NOT NULL, kind TEXT NOT NULL, blob BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS history (
  entity INTEGER NOT NULL, property INTEGER NOT NULL, observed_at INTEGER NOT NULL, seq INTEGER NOT NULL,
  value REAL NOT NULL, quality INTEGER NOT NULL,
  PRIMARY KEY (entity, property, observed_at, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS snapshot (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL, blob BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS dead_letters (
  id INTEGER PRIMARY KEY, received_at INTEGER NOT NULL, client TEXT NOT NULL, topic TEXT NOT NULL,
  reason TEXT NOT NULL, bytes INTEGER NOT NULL, payload BLOB NOT NULL);
";

/// A message that could not be used, kept with the reason.
#[derive(Debug, Clone)]
pub(crate) struct DeadLetter {
    pub(crate) received_at: TimeMs,
    pub(crate) client: String,
    pub(crate) topic: String,
    pub(crate) reason: String,
    pub(crate) payload: Vec<u8>,
}

/// What a database holds at the start.
pub(crate) struct Loaded {
    pub(crate) epoch: String,
    pub(crate) snapshot: Option<EngineSnapshot>,
    /// Records after the snapshot, with their first sequence.
    pub(crate) tail: Vec<(Seq, LogRecord)>,
}

/// The writer's connection.
pub(crate) struct Store {
    path: PathBuf,
    db: Connection,
}

impl Store {
    /// Opens or creates the file.
    pub(crate) fn open(path: &Path) -> Result<Self, ServeError> {
        let fail = |e: rusqlite::Error| store_error(path, &e);
        let db = Connection::open(path).map_err(fail)?;
        // FULL: the transaction is on disk when commit returns, also with the write-ahead log.
        db.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4000;")
            .map_err(fail)?;
        let version: i64 = db.query_row("PRAGMA user_version", [], |r| r.get(0)).map_err(fail)?;
        if version > SCHEMA_VERSION {
            let reason = format!("written by a newer version (schema {version}): this program reads {SCHEMA_VERSION}");
            return Err(ServeError::Store { path: path.to_owned(), reason });
        }
        db.execute_batch(SCHEMA).map_err(fail)?;
        db.execute_batch(archive::SCHEMA).map_err(fail)?;
        db.execute_batch(&format!("PRAGMA user_version={SCHEMA_VERSION}")).map_err(fail)?;
        db.set_prepared_statement_cache_capacity(32);
        Ok(Self { path: path.to_owned(), db })
    }

    /// Reads the epoch (creating it from `new_epoch` in a fresh file), the snapshot and the log behind it.
    pub(crate) fn load(&mut self, new_epoch: &str) -> Result<Loaded, ServeError> {
        let fail = |e: rusqlite::Error| store_error(&self.path, &e);
        self.db.execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('epoch', ?1)", [new_epoch]).map_err(fail)?;
        let epoch = self.db.query_row("SELECT value FROM meta WHERE key='epoch'", [], |r| r.get(0)).map_err(fail)?;
        let (snapshot, tail) = read_log(&self.db, &self.path)?;
        Ok(Loaded { epoch, snapshot, tail })
    }

    /// Writes records and dead letters and waits until they are on disk.
    pub(crate) fn commit(
        &mut self,
        at: TimeMs,
        records: &[(Seq, LogRecord)],
        dead: &[DeadLetter],
    ) -> Result<(), String> {
        let text = |e: rusqlite::Error| e.to_string();
        let tx = self.db.transaction().map_err(text)?;
        for (first, record) in records {
            let blob = record.encode().map_err(|e| e.to_string())?;
            let last = first.0 + record.seq_count().saturating_sub(1);
            let mut insert = tx
                .prepare_cached("INSERT INTO log (seq, last, received_at, kind, blob) VALUES (?1, ?2, ?3, ?4, ?5)")
                .map_err(text)?;
            insert.execute(params![to_sql(first.0), to_sql(last), at.0, record.kind(), blob]).map_err(text)?;
            let mut insert = tx
                .prepare_cached(
                    "INSERT INTO history (entity, property, observed_at, seq, value, quality) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )
                .map_err(text)?;
            for o in record.observations(*first) {
                let row = params![o.entity.0, o.property.0, o.observed_at.0, to_sql(o.seq.0), o.value, o.quality.0];
                insert.execute(row).map_err(text)?;
            }
        }
        for letter in dead {
            let mut insert = tx
                .prepare_cached(
                    "INSERT INTO dead_letters (received_at, client, topic, reason, bytes, payload) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )
                .map_err(text)?;
            let kept = letter.payload.get(..DEAD_PAYLOAD).unwrap_or(&letter.payload);
            let bytes = i64::try_from(letter.payload.len()).unwrap_or(i64::MAX);
            let row = params![letter.received_at.0, letter.client, letter.topic, letter.reason, bytes, kept];
            insert.execute(row).map_err(text)?;
        }
        tx.commit().map_err(text)
    }

    /// Stores a snapshot and drops what is older than `keep_from`: history, dead letters beyond the limit, and log
    /// records that the snapshot contains. `ended` are the cases that the snapshot no longer has.
    pub(crate) fn snapshot(
        &mut self,
        snapshot: &EngineSnapshot,
        ended: &[Case],
        keep_from: TimeMs,
    ) -> Result<(), String> {
        let text = |e: rusqlite::Error| e.to_string();
        let blob = serde_json::to_vec(snapshot).map_err(|e| e.to_string())?;
        let seq = to_sql(snapshot.seq().0);
        let tx = self.db.transaction().map_err(text)?;
        archive::put(&tx, ended)?;
        tx.execute("INSERT OR REPLACE INTO snapshot (id, seq, blob) VALUES (1, ?1, ?2)", params![seq, blob])
            .map_err(text)?;
        tx.execute("DELETE FROM log WHERE last <= ?1 AND received_at < ?2", params![seq, keep_from.0]).map_err(text)?;
        tx.execute("DELETE FROM dead_letters WHERE id <= (SELECT max(id) FROM dead_letters) - ?1", params![DEAD_KEPT])
            .map_err(text)?;
        tx.commit().map_err(text)
    }

    /// A case of the archive.
    pub(crate) fn archived_case(&self, id: CaseId) -> Result<Option<Case>, String> {
        archive::get(&self.db, id)
    }

    /// The archived case that another system knows by this number.
    pub(crate) fn archived_source(&self, source: &CaseSource) -> Result<Option<CaseId>, String> {
        archive::by_source(&self.db, source)
    }

    /// Drops history of these series from before `keep_from`.
    pub(crate) fn prune(&mut self, series: &[(EntityId, PropertyId)], keep_from: TimeMs) -> Result<(), String> {
        let text = |e: rusqlite::Error| e.to_string();
        let tx = self.db.transaction().map_err(text)?;
        for (entity, property) in series {
            let mut delete = tx
                .prepare_cached("DELETE FROM history WHERE entity = ?1 AND property = ?2 AND observed_at < ?3")
                .map_err(text)?;
            delete.execute(params![entity.0, property.0, keep_from.0]).map_err(text)?;
        }
        tx.commit().map_err(text)
    }
}

/// The snapshot, and the records behind it with their first sequence.
fn read_log(db: &Connection, path: &Path) -> Result<(Option<EngineSnapshot>, Vec<(Seq, LogRecord)>), ServeError> {
    let fail = |e: rusqlite::Error| store_error(path, &e);
    let damaged =
        |what: String, reason: String| ServeError::Store { path: path.to_owned(), reason: format!("{what}: {reason}") };
    let blob: Option<Vec<u8>> =
        db.query_row("SELECT blob FROM snapshot WHERE id=1", [], |r| r.get(0)).optional().map_err(fail)?;
    let snapshot: Option<EngineSnapshot> = match blob {
        None => None,
        Some(blob) => Some(serde_json::from_slice(&blob).map_err(|e| damaged("snapshot".to_owned(), e.to_string()))?),
    };
    let after = snapshot.as_ref().map_or(Seq(0), EngineSnapshot::seq);
    let mut tail = Vec::new();
    let mut select = db.prepare("SELECT seq, blob FROM log WHERE seq > ?1 ORDER BY seq").map_err(fail)?;
    let mut rows = select.query([to_sql(after.0)]).map_err(fail)?;
    while let Some(row) = rows.next().map_err(fail)? {
        let (seq, blob): (i64, Vec<u8>) = (row.get(0).map_err(fail)?, row.get(1).map_err(fail)?);
        let record = LogRecord::decode(&blob).map_err(|e| damaged(format!("log record {seq}"), e.to_string()))?;
        tail.push((Seq(seq.unsigned_abs()), record));
    }
    Ok((snapshot, tail))
}

/// The present state of a data folder as the JSON text that runs start from (`{"now": ms, "state": [[entity, property,
/// value, quality, observed at, received at, seq], …]}`); also while a server is using the folder. With several packs
/// in the folder, the one written last.
///
/// # Errors
/// [`ServeError`] when there is no database or it cannot be read.
pub fn live_json(data_dir: &Path) -> Result<String, ServeError> {
    let path = database_in(data_dir)?;
    let reader = Reader::open(&path)?;
    let (snapshot, tail) = read_log(&reader.db, &path)?;
    let mut engine = match snapshot {
        Some(snapshot) => LiveEngine::restore(RuleBook::default(), snapshot).0,
        None => LiveEngine::new(RuleBook::default()),
    };
    for (first, record) in &tail {
        engine.apply(*first, record);
    }
    Ok(live_text(engine.live()))
}

/// The text of [`live_json`] for a state.
fn live_text(live: &LiveState) -> String {
    serde_json::json!({ "now": now(), "state": live_rows(live) }).to_string()
}

/// The latest values as rows.
pub(crate) fn live_rows(live: &LiveState) -> Vec<StateRow> {
    live.iter().map(StateRow::from).collect()
}

/// The database of a data folder: in itself, or in the folder of the pack that was written last.
fn database_in(data_dir: &Path) -> Result<PathBuf, ServeError> {
    let io = |source| ServeError::Io { path: data_dir.to_owned(), source };
    let mut candidates = vec![data_dir.join(DATABASE)];
    for entry in std::fs::read_dir(data_dir).map_err(io)? {
        candidates.push(entry.map_err(io)?.path().join(DATABASE));
    }
    // The write-ahead log is what changes with every commit.
    let written = |path: &PathBuf| {
        let wal = path.with_extension("db-wal");
        let time = |p: &Path| p.metadata().and_then(|m| m.modified()).ok();
        time(path).max(time(&wal))
    };
    let newest = candidates.into_iter().filter(|p| p.is_file()).max_by_key(written);
    newest
        .ok_or_else(|| io(std::io::Error::new(std::io::ErrorKind::NotFound, "no server has written here (no twin.db)")))
}

/// Reads beside the writer.
pub(crate) struct Reader {
    db: Connection,
}

/// One point of a history: (observed at, value, quality).
pub(crate) type Point = (i64, f64, u16);

impl Reader {
    pub(crate) fn open(path: &Path) -> Result<Self, ServeError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(path, flags).map_err(|e| store_error(path, &e))?;
        Ok(Self { db })
    }

    /// The newest `limit` points of a series within `from..=to`, oldest first.
    pub(crate) fn history(
        &self,
        series: (EntityId, PropertyId),
        from: TimeMs,
        to: TimeMs,
        limit: u32,
    ) -> Result<Vec<Point>, String> {
        let text = |e: rusqlite::Error| e.to_string();
        let mut select = self
            .db
            .prepare_cached(
                "SELECT observed_at, value, quality FROM history WHERE entity = ?1 AND property = ?2 \
                 AND observed_at BETWEEN ?3 AND ?4 ORDER BY observed_at DESC, seq DESC LIMIT ?5",
            )
            .map_err(text)?;
        let key = params![series.0.0, series.1.0, from.0, to.0, limit];
        let rows = select.query_map(key, |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).map_err(text)?;
        let mut points = rows.collect::<Result<Vec<Point>, _>>().map_err(text)?;
        points.reverse();
        Ok(points)
    }

    /// Samples of a series within `from..=to` as (observed at, seq, value, quality), in the order of time, after `skip`
    /// at most `top` of them.
    pub(crate) fn observations(
        &self,
        series: (EntityId, PropertyId),
        (from, to): (TimeMs, TimeMs),
        newest_first: bool,
        (skip, top): (usize, usize),
    ) -> Result<Vec<(i64, i64, f64, u16)>, String> {
        let text = |e: rusqlite::Error| e.to_string();
        let order = if newest_first { "observed_at DESC, seq DESC" } else { "observed_at, seq" };
        let mut select = self
            .db
            .prepare_cached(&format!(
                "SELECT observed_at, seq, value, quality FROM history WHERE entity = ?1 AND property = ?2 \
                 AND observed_at BETWEEN ?3 AND ?4 ORDER BY {order} LIMIT ?5 OFFSET ?6"
            ))
            .map_err(text)?;
        let (top, skip) = (to_sql(top as u64), to_sql(skip as u64));
        let key = params![series.0.0, series.1.0, from.0, to.0, top, skip];
        let rows = select.query_map(key, |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))).map_err(text)?;
        rows.collect::<Result<Vec<_>, _>>().map_err(text)
    }

    /// How many samples a series has within `from..=to`.
    pub(crate) fn count_observations(
        &self,
        series: (EntityId, PropertyId),
        (from, to): (TimeMs, TimeMs),
    ) -> Result<usize, String> {
        let text = |e: rusqlite::Error| e.to_string();
        let mut select = self
            .db
            .prepare_cached(
                "SELECT count(*) FROM history WHERE entity = ?1 AND property = ?2 AND observed_at BETWEEN ?3 AND ?4",
            )
            .map_err(text)?;
        let n: i64 = select.query_row(params![series.0.0, series.1.0, from.0, to.0], |r| r.get(0)).map_err(text)?;
        Ok(usize::try_from(n).unwrap_or(0))
    }

    /// A case of the archive.
    pub(crate) fn archived_case(&self, id: CaseId) -> Result<Option<Case>, String> {
        archive::get(&self.db, id)
    }

    /// Wanted archived cases reported within `from..=to`, the newest first.
    pub(crate) fn archived_reported(
        &self,
        span: (TimeMs, TimeMs),
        limit: usize,
        wanted: impl Fn(&Case) -> bool,
    ) -> Result<Vec<Case>, String> {
        archive::reported(&self.db, span, limit, wanted)
    }

    /// Wanted archived cases to which something may have happened within `from..=to`.
    pub(crate) fn archived_active(
        &self,
        span: (TimeMs, TimeMs),
        wanted: impl Fn(&Case) -> bool,
    ) -> Result<Vec<Case>, String> {
        archive::active(&self.db, span, wanted)
    }

    /// The newest dead letters: (received at, client, topic, reason, bytes).
    pub(crate) fn dead_letters(&self, limit: u32) -> Result<Vec<(i64, String, String, String, i64)>, String> {
        let text = |e: rusqlite::Error| e.to_string();
        let mut select = self
            .db
            .prepare_cached(
                "SELECT received_at, client, topic, reason, bytes FROM dead_letters ORDER BY id DESC LIMIT ?1",
            )
            .map_err(text)?;
        let rows = select.query_map([limit], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)));
        rows.map_err(text)?.collect::<Result<Vec<_>, _>>().map_err(text)
    }
}

fn to_sql(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

fn store_error(path: &Path, e: &rusqlite::Error) -> ServeError {
    ServeError::Store { path: path.to_owned(), reason: e.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_core::{LoggedMessage, LoggedSample};

    fn record(values: &[f64]) -> LogRecord {
        let sample = |v: &f64| LoggedSample { entity: 1, property: 2, value: *v, quality: 0, observed_at: 1000 };
        LogRecord::Observations(vec![LoggedMessage {
            device: 1,
            boot: 0,
            seq: None,
            device_ts: Some(1000),
            received_at: 1001,
            samples: values.iter().map(sample).collect(),
        }])
    }

    #[test]
    fn what_was_committed_is_there_after_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("twin.db");
        let mut store = Store::open(&path).unwrap();
        assert_eq!(store.load("e1").unwrap().epoch, "e1");
        store.commit(TimeMs(1001), &[(Seq(1), record(&[1.0, 2.0])), (Seq(3), record(&[3.0]))], &[]).unwrap();
        drop(store);
        let loaded = Store::open(&path).unwrap().load("e2").unwrap();
        assert_eq!(loaded.epoch, "e1");
        let tail: Vec<(u64, u64)> = loaded.tail.iter().map(|(s, r)| (s.0, r.seq_count())).collect();
        assert_eq!(tail, [(1, 2), (3, 1)]);
        let series = (EntityId(1), PropertyId(2));
        let points = Reader::open(&path).unwrap().history(series, TimeMs(0), TimeMs(9999), 2).unwrap();
        assert_eq!(points, [(1000, 2.0, 0), (1000, 3.0, 0)]);
    }

    #[test]
    fn a_newer_file_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("twin.db");
        drop(Store::open(&path).unwrap());
        Connection::open(&path).unwrap().execute_batch("PRAGMA user_version=99").unwrap();
        let error = Store::open(&path).err().unwrap().to_string();
        assert!(error.contains("twin.db") && error.contains("schema 99"), "{error}");
    }
}
