//! Accounts, secrets, devices and the trace in one SQLite file, so that no change is stored without its record.

use access::{
    Account, AuditEvent, AuditKey, AuditRecord, ChainHash, Checkpoint, DeviceIdentity, Grant, PasswordHash, PublicKey,
    SecretHash, SecretKind, TotpSecret,
};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use std::path::{Path, PathBuf};
use twin_model::{AccountId, TimeMs};

/// File within the data folder.
pub(crate) const DATABASE: &str = "access.db";
/// The signing key of the trace, within the data folder; readable by its owner alone.
const KEY_FILE: &str = "audit.key";
const SCHEMA_VERSION: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS accounts (
  id INTEGER PRIMARY KEY AUTOINCREMENT, login TEXT NOT NULL UNIQUE, display_name TEXT NOT NULL, password TEXT NOT NULL,
  totp TEXT, totp_step INTEGER NOT NULL DEFAULT 0, enabled INTEGER NOT NULL DEFAULT 1, created_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS grants (
  id INTEGER PRIMARY KEY AUTOINCREMENT, account INTEGER NOT NULL REFERENCES accounts(id), body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS secrets (
  hash BLOB PRIMARY KEY, kind TEXT NOT NULL, account INTEGER NOT NULL REFERENCES accounts(id), name TEXT NOT NULL,
  created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS devices (
  id TEXT PRIMARY KEY, secret BLOB NOT NULL, topics TEXT NOT NULL, enabled INTEGER NOT NULL DEFAULT 1) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS revision (id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL);
INSERT OR IGNORE INTO revision (id, number) VALUES (1, 0);
CREATE TABLE IF NOT EXISTS audit (
  number INTEGER PRIMARY KEY, at INTEGER NOT NULL, body TEXT NOT NULL, hash BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS checkpoints (
  number INTEGER NOT NULL, at INTEGER NOT NULL, hash BLOB NOT NULL, signature BLOB NOT NULL);
CREATE TRIGGER IF NOT EXISTS audit_is_not_changed BEFORE UPDATE ON audit
  BEGIN SELECT RAISE(ABORT, 'the trace is never changed'); END;
CREATE TRIGGER IF NOT EXISTS audit_is_not_deleted BEFORE DELETE ON audit
  BEGIN SELECT RAISE(ABORT, 'the trace is never deleted'); END;
";

/// Accounts or trace that cannot be used; one line each.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// The file cannot be used.
    #[error("{path}: {reason}")]
    Store {
        /// Database or key file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// There is no such account, device, token.
    #[error("no {what} {name:?}")]
    Unknown {
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// It exists already.
    #[error("{what} {name:?} exists already")]
    Exists {
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Not allowed.
    #[error("{0}")]
    Invalid(String),
}

impl From<access::AccountError> for AccessError {
    fn from(e: access::AccountError) -> Self {
        Self::Invalid(e.to_string())
    }
}

impl From<access::GrantError> for AccessError {
    fn from(e: access::GrantError) -> Self {
        Self::Invalid(e.to_string())
    }
}

impl From<access::DeviceError> for AccessError {
    fn from(e: access::DeviceError) -> Self {
        Self::Invalid(e.to_string())
    }
}

/// A session or token as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) kind: SecretKind,
    pub(crate) account: AccountId,
    pub(crate) name: String,
    pub(crate) created_at: TimeMs,
    pub(crate) expires_at: TimeMs,
}

/// Everything but the trace.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) revision: i64,
    pub(crate) accounts: Vec<Account>,
    pub(crate) secrets: Vec<(SecretHash, Held)>,
    pub(crate) devices: Vec<DeviceIdentity>,
}

/// One connection.
pub(crate) struct AccessStore {
    path: PathBuf,
    db: Connection,
    key: AuditKey,
}

fn kind_word(kind: SecretKind) -> &'static str {
    if kind == SecretKind::Session { "session" } else { "token" }
}

/// 32 bytes of the system's randomness.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], AccessError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| AccessError::Invalid(format!("the system gives no randomness: {e}")))?;
    Ok(bytes)
}

/// Reads the key, or makes one.
fn signing_key(dir: &Path) -> Result<AuditKey, AccessError> {
    let path = dir.join(KEY_FILE);
    let fail = |reason: String| AccessError::Store { path: path.clone(), reason };
    match std::fs::read_to_string(&path) {
        Ok(text) => AuditKey::parse(&text).ok_or_else(|| fail("must be 64 hex digits".to_owned())),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let key = AuditKey::new(random()?);
            write_private(&path, &key.to_text()).map_err(|e| fail(e.to_string()))?;
            Ok(key)
        }
        Err(e) => Err(fail(e.to_string())),
    }
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

impl AccessStore {
    /// True when the folder holds accounts.
    pub(crate) fn has_accounts(dir: &Path) -> Result<bool, AccessError> {
        if !dir.join(DATABASE).is_file() {
            return Ok(false);
        }
        let store = Self::open(dir)?;
        let count: i64 = store.one("SELECT count(*) FROM accounts")?;
        Ok(count > 0)
    }

    /// Opens or creates file and key.
    pub(crate) fn open(dir: &Path) -> Result<Self, AccessError> {
        let path = dir.join(DATABASE);
        let fail = |e: rusqlite::Error| AccessError::Store { path: path.clone(), reason: e.to_string() };
        let io = |e: std::io::Error| AccessError::Store { path: dir.to_owned(), reason: e.to_string() };
        std::fs::create_dir_all(dir).map_err(io)?;
        let key = signing_key(dir)?;
        let db = Connection::open(&path).map_err(fail)?;
        db.execute_batch(
            "PRAGMA busy_timeout=10000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
        )
        .map_err(fail)?;
        let version: i64 = db.query_row("PRAGMA user_version", [], |r| r.get(0)).map_err(fail)?;
        if version > SCHEMA_VERSION {
            let reason = format!("written by a newer version (schema {version}): this program reads {SCHEMA_VERSION}");
            return Err(AccessError::Store { path, reason });
        }
        if version < SCHEMA_VERSION {
            db.execute_batch(&format!("{SCHEMA} PRAGMA user_version={SCHEMA_VERSION};")).map_err(fail)?;
        }
        private(&path);
        Ok(Self { path, db, key })
    }

    fn fail(&self, e: &rusqlite::Error) -> AccessError {
        AccessError::Store { path: self.path.clone(), reason: e.to_string() }
    }

    fn one(&self, sql: &str) -> Result<i64, AccessError> {
        self.db.query_row(sql, [], |r| r.get(0)).map_err(|e| self.fail(&e))
    }

    /// Counts up with every change of accounts, secrets and devices, whoever makes it.
    pub(crate) fn revision(&self) -> Result<i64, AccessError> {
        self.one("SELECT number FROM revision WHERE id = 1")
    }

    pub(crate) fn public_key(&self) -> PublicKey {
        self.key.public()
    }

    /// Everything but the trace, as of one instant.
    pub(crate) fn load(&mut self) -> Result<Loaded, AccessError> {
        let path = self.path.clone();
        let tx = self.db.transaction();
        let read = tx.map_err(|e| e.to_string()).and_then(|tx| load(&tx));
        read.map_err(|reason| AccessError::Store { path, reason })
    }

    /// Makes a change and writes its record, both or neither. `work` answers with the record.
    pub(crate) fn change<T>(
        &mut self,
        at: TimeMs,
        work: impl FnOnce(&Transaction<'_>) -> Result<(T, AuditEvent), AccessError>,
    ) -> Result<T, AccessError> {
        let path = self.path.clone();
        let fail = |e: rusqlite::Error| AccessError::Store { path: path.clone(), reason: e.to_string() };
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
        let (made, event) = work(&tx)?;
        append(&tx, at, std::slice::from_ref(&event)).map_err(fail)?;
        tx.execute("UPDATE revision SET number = number + 1", []).map_err(fail)?;
        tx.commit().map_err(fail)?;
        Ok(made)
    }

    /// Writes records alone; they are on disk when this returns.
    pub(crate) fn record(&mut self, at: TimeMs, events: &[AuditEvent]) -> Result<(), AccessError> {
        let path = self.path.clone();
        let fail = |e: rusqlite::Error| AccessError::Store { path: path.clone(), reason: e.to_string() };
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
        append(&tx, at, events).map_err(fail)?;
        tx.commit().map_err(fail)
    }

    /// Signs the chain as it stands; nothing when its end is signed already.
    pub(crate) fn checkpoint(&mut self, at: TimeMs) -> Result<(), AccessError> {
        let path = self.path.clone();
        let fail = |e: rusqlite::Error| AccessError::Store { path: path.clone(), reason: e.to_string() };
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
        let (number, hash) = last(&tx).map_err(fail)?;
        let signed: Option<i64> =
            tx.query_row("SELECT max(number) FROM checkpoints", [], |r| r.get(0)).map_err(fail)?;
        if number > 0 && signed != Some(to_sql(number)) {
            let made = self.key.checkpoint(number, hash, at);
            let row = params![to_sql(number), at.0, hash.0.as_slice(), made.signature.as_slice()];
            tx.execute("INSERT INTO checkpoints (number, at, hash, signature) VALUES (?1, ?2, ?3, ?4)", row)
                .map_err(fail)?;
        }
        tx.commit().map_err(fail)
    }

    /// When the youngest checkpoint was signed.
    pub(crate) fn last_checkpoint(&self) -> Result<Option<TimeMs>, AccessError> {
        let at: Option<i64> =
            self.db.query_row("SELECT max(at) FROM checkpoints", [], |r| r.get(0)).map_err(|e| self.fail(&e))?;
        Ok(at.map(TimeMs))
    }

    /// Records after `after`, at most `limit`, in the order of the table.
    pub(crate) fn records(&self, after: u64, limit: u32) -> Result<Vec<AuditRecord>, AccessError> {
        let fail = |e: rusqlite::Error| self.fail(&e);
        let sql = "SELECT number, at, body, hash FROM audit WHERE number > ?1 ORDER BY rowid LIMIT ?2";
        let mut select = self.db.prepare_cached(sql).map_err(fail)?;
        let rows = select.query_map(params![to_sql(after), limit], |r| {
            let (number, hash): (i64, Vec<u8>) = (r.get(0)?, r.get(3)?);
            let hash = ChainHash(hash.try_into().unwrap_or_default());
            Ok(AuditRecord { number: number.unsigned_abs(), at: TimeMs(r.get(1)?), body: r.get(2)?, hash })
        });
        rows.map_err(fail)?.collect::<Result<_, _>>().map_err(fail)
    }

    pub(crate) fn checkpoints(&self) -> Result<Vec<Checkpoint>, AccessError> {
        let fail = |e: rusqlite::Error| self.fail(&e);
        let sql = "SELECT number, at, hash, signature FROM checkpoints ORDER BY number";
        let mut select = self.db.prepare(sql).map_err(fail)?;
        let rows = select.query_map([], |r| {
            let (number, hash, signature): (i64, Vec<u8>, Vec<u8>) = (r.get(0)?, r.get(2)?, r.get(3)?);
            Ok(Checkpoint {
                number: number.unsigned_abs(),
                at: TimeMs(r.get(1)?),
                hash: ChainHash(hash.try_into().unwrap_or_default()),
                // A damaged one verifies no more than a forged one.
                signature: signature.try_into().unwrap_or([0; 64]),
            })
        });
        rows.map_err(fail)?.collect::<Result<_, _>>().map_err(fail)
    }
}

/// Only the owner reads password hashes and tokens; where the system has no such thing, so be it.
fn private(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if let Err(error) = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)) {
            tracing::warn!(path = %path.display(), %error, "permissions");
        }
    }
    #[cfg(not(unix))]
    let _unused = path;
}

fn last(tx: &Transaction<'_>) -> rusqlite::Result<(u64, ChainHash)> {
    let row = tx.query_row("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1", [], |r| {
        let (number, hash): (i64, Vec<u8>) = (r.get(0)?, r.get(1)?);
        Ok((number.unsigned_abs(), ChainHash(hash.try_into().unwrap_or_default())))
    });
    Ok(row.optional()?.unwrap_or_default())
}

fn append(tx: &Transaction<'_>, at: TimeMs, events: &[AuditEvent]) -> rusqlite::Result<()> {
    let mut end = last(tx)?;
    let mut insert = tx.prepare_cached("INSERT INTO audit (number, at, body, hash) VALUES (?1, ?2, ?3, ?4)")?;
    for event in events {
        let record = AuditRecord::after(end, at, event);
        insert.execute(params![to_sql(record.number), at.0, record.body, record.hash.0.as_slice()])?;
        end = (record.number, record.hash);
    }
    Ok(())
}

fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn load(tx: &Transaction<'_>) -> Result<Loaded, String> {
    let text = |e: rusqlite::Error| e.to_string();
    let revision = tx.query_row("SELECT number FROM revision WHERE id = 1", [], |r| r.get(0)).map_err(text)?;
    let mut select = tx.prepare("SELECT id, login, display_name, password, totp, enabled, created_at FROM accounts");
    let rows = select.as_mut().map_err(|e| e.to_string())?.query_map([], |r| {
        let row: (u32, String, String, String, Option<String>, bool, i64) =
            (r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?, r.get(6)?);
        Ok(row)
    });
    let mut accounts = Vec::new();
    for row in rows.map_err(text)? {
        let (id, login, display_name, password, totp, enabled, created_at) = row.map_err(text)?;
        let damaged = |e: String| format!("account {login:?}: {e}");
        let password = PasswordHash::parse(&password).map_err(|e| damaged(e.to_string()))?;
        let totp = totp.map(|t| TotpSecret::parse(&t)).transpose().map_err(|e| damaged(e.to_string()))?;
        let grants = grants_of(tx, AccountId(id)).map_err(damaged)?;
        let (id, created_at) = (AccountId(id), TimeMs(created_at));
        accounts.push(Account { id, login, display_name, password, totp, enabled, created_at, grants });
    }
    let mut select =
        tx.prepare("SELECT hash, kind, account, name, created_at, expires_at FROM secrets").map_err(text)?;
    let rows = select.query_map([], |r| {
        let (hash, kind): (Vec<u8>, String) = (r.get(0)?, r.get(1)?);
        let kind = if kind == "session" { SecretKind::Session } else { SecretKind::Token };
        let (account, name) = (AccountId(r.get(2)?), r.get(3)?);
        let held = Held { kind, account, name, created_at: TimeMs(r.get(4)?), expires_at: TimeMs(r.get(5)?) };
        Ok((SecretHash(hash.try_into().unwrap_or_default()), held))
    });
    let secrets = rows.map_err(text)?.collect::<Result<_, _>>().map_err(text)?;
    let mut select = tx.prepare("SELECT id, secret, topics, enabled FROM devices").map_err(text)?;
    let rows = select.query_map([], |r| {
        let (secret, topics): (Vec<u8>, String) = (r.get(1)?, r.get(2)?);
        let mut topics: Vec<String> = serde_json::from_str(&topics).unwrap_or_default();
        topics.sort();
        let secret = SecretHash(secret.try_into().unwrap_or_default());
        Ok(DeviceIdentity { id: r.get(0)?, secret, topics, enabled: r.get(3)? })
    });
    let devices = rows.map_err(text)?.collect::<Result<_, _>>().map_err(text)?;
    Ok(Loaded { revision, accounts, secrets, devices })
}

fn grants_of(tx: &Transaction<'_>, account: AccountId) -> Result<Vec<Grant>, String> {
    let text = |e: rusqlite::Error| e.to_string();
    let mut select = tx.prepare_cached("SELECT body FROM grants WHERE account = ?1 ORDER BY id").map_err(text)?;
    let rows = select.query_map([account.0], |r| r.get::<_, String>(0)).map_err(text)?;
    rows.map(|body| serde_json::from_str(&body.map_err(text)?).map_err(|e| format!("grant: {e}"))).collect()
}

/// The single statements that changes are made of.
pub(crate) mod rows {
    use super::{AccessError, Held, SecretHash, kind_word};
    use access::{DeviceIdentity, Grant, PasswordHash, TotpSecret};
    use rusqlite::{OptionalExtension, Transaction, params};
    use twin_model::{AccountId, TimeMs};

    fn fail(e: rusqlite::Error) -> AccessError {
        AccessError::Invalid(format!("access.db: {e}"))
    }

    pub(crate) fn account_id(tx: &Transaction<'_>, login: &str) -> Result<AccountId, AccessError> {
        let id = tx.query_row("SELECT id FROM accounts WHERE login = ?1", [login], |r| r.get(0)).optional();
        let unknown = || AccessError::Unknown { what: "account", name: login.to_owned() };
        id.map_err(fail)?.map(AccountId).ok_or_else(unknown)
    }

    pub(crate) fn insert_account(
        tx: &Transaction<'_>,
        (login, display_name): (&str, &str),
        password: &PasswordHash,
        at: TimeMs,
    ) -> Result<AccountId, AccessError> {
        let known = tx.query_row("SELECT 1 FROM accounts WHERE login = ?1", [login], |_| Ok(())).optional();
        if known.map_err(fail)?.is_some() {
            return Err(AccessError::Exists { what: "account", name: login.to_owned() });
        }
        let sql = "INSERT INTO accounts (login, display_name, password, created_at) VALUES (?1, ?2, ?3, ?4)";
        tx.execute(sql, params![login, display_name, password.to_text(), at.0]).map_err(fail)?;
        account_id(tx, login)
    }

    pub(crate) fn set_password(tx: &Transaction<'_>, id: AccountId, hash: &PasswordHash) -> Result<(), AccessError> {
        tx.execute("UPDATE accounts SET password = ?2 WHERE id = ?1", params![id.0, hash.to_text()]).map_err(fail)?;
        end_sessions(tx, id)
    }

    pub(crate) fn set_totp(tx: &Transaction<'_>, id: AccountId, totp: Option<&TotpSecret>) -> Result<(), AccessError> {
        let text = totp.map(TotpSecret::to_text);
        tx.execute("UPDATE accounts SET totp = ?2, totp_step = 0 WHERE id = ?1", params![id.0, text]).map_err(fail)?;
        end_sessions(tx, id)
    }

    /// Takes a code's step; false when it or a later one was used already.
    pub(crate) fn use_step(tx: &Transaction<'_>, id: AccountId, step: u64) -> Result<bool, AccessError> {
        let step = i64::try_from(step).unwrap_or(i64::MAX);
        let sql = "UPDATE accounts SET totp_step = ?2 WHERE id = ?1 AND totp_step < ?2";
        tx.execute(sql, params![id.0, step]).map(|n| n == 1).map_err(fail)
    }

    pub(crate) fn set_enabled(tx: &Transaction<'_>, id: AccountId, enabled: bool) -> Result<(), AccessError> {
        tx.execute("UPDATE accounts SET enabled = ?2 WHERE id = ?1", params![id.0, enabled]).map_err(fail)?;
        if enabled { Ok(()) } else { end_sessions(tx, id) }
    }

    fn end_sessions(tx: &Transaction<'_>, id: AccountId) -> Result<(), AccessError> {
        let sql = "DELETE FROM secrets WHERE account = ?1 AND kind = 'session'";
        tx.execute(sql, params![id.0]).map(|_count| ()).map_err(fail)
    }

    pub(crate) fn grants(tx: &Transaction<'_>, id: AccountId) -> Result<Vec<Grant>, AccessError> {
        super::grants_of(tx, id).map_err(AccessError::Invalid)
    }

    pub(crate) fn set_grants(tx: &Transaction<'_>, id: AccountId, grants: &[Grant]) -> Result<(), AccessError> {
        access::check_grants(grants)?;
        tx.execute("DELETE FROM grants WHERE account = ?1", [id.0]).map_err(fail)?;
        for grant in grants {
            let body = serde_json::to_string(grant).map_err(|e| AccessError::Invalid(e.to_string()))?;
            tx.execute("INSERT INTO grants (account, body) VALUES (?1, ?2)", params![id.0, body]).map_err(fail)?;
        }
        Ok(())
    }

    pub(crate) fn insert_secret(tx: &Transaction<'_>, hash: SecretHash, held: &Held) -> Result<(), AccessError> {
        // What has ended is cleared away when something new begins.
        tx.execute("DELETE FROM secrets WHERE expires_at <= ?1", [held.created_at.0]).map_err(fail)?;
        let sql =
            "INSERT INTO secrets (hash, kind, account, name, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let (kind, account) = (kind_word(held.kind), held.account.0);
        let row = params![hash.0.as_slice(), kind, account, held.name, held.created_at.0, held.expires_at.0];
        tx.execute(sql, row).map(|_one| ()).map_err(fail)
    }

    pub(crate) fn delete_secret(tx: &Transaction<'_>, hash: SecretHash) -> Result<(), AccessError> {
        tx.execute("DELETE FROM secrets WHERE hash = ?1", [hash.0.as_slice()]).map(|_count| ()).map_err(fail)
    }

    pub(crate) fn delete_tokens(tx: &Transaction<'_>, id: AccountId, name: &str) -> Result<usize, AccessError> {
        let sql = "DELETE FROM secrets WHERE account = ?1 AND name = ?2 AND kind = 'token'";
        tx.execute(sql, params![id.0, name]).map_err(fail)
    }

    pub(crate) fn put_device(tx: &Transaction<'_>, device: &DeviceIdentity) -> Result<(), AccessError> {
        let topics = serde_json::to_string(&device.topics).map_err(|e| AccessError::Invalid(e.to_string()))?;
        let sql = "INSERT OR REPLACE INTO devices (id, secret, topics, enabled) VALUES (?1, ?2, ?3, ?4)";
        let row = params![device.id, device.secret.0.as_slice(), topics, device.enabled];
        tx.execute(sql, row).map(|_one| ()).map_err(fail)
    }

    pub(crate) fn shut_device(tx: &Transaction<'_>, id: &str) -> Result<(), AccessError> {
        let count = tx.execute("UPDATE devices SET enabled = 0 WHERE id = ?1", [id]).map_err(fail)?;
        let unknown = AccessError::Unknown { what: "device", name: id.to_owned() };
        if count == 1 { Ok(()) } else { Err(unknown) }
    }
}
