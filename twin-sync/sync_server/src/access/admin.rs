//! What the command line does with accounts, tokens, devices and the trace; also while a server runs on the folder,
//! which takes it up within a second.

use super::store::{AccessError, AccessStore, Held, random, rows};
use crate::twin::now;
use access::{
    Account, AuditEvent, AuditKind, AuditRecord, AuditSummary, DeviceIdentity, Grant, Outcome, PasswordHash, PublicKey,
    Secret, SecretKind, TotpSecret, check_device_id, check_display_name, check_login_name, check_password, check_topic,
    verify_audit,
};
use std::path::Path;
use twin_model::{AccountId, TimeMs};

/// Records read at a time.
const PAGE: u32 = 10_000;
/// Name of who acts on the command line.
const CONSOLE: &str = "console";

/// Accounts of a data folder, for the command line.
pub struct AccessAdmin {
    store: AccessStore,
}

/// An account to be made.
pub struct NewAccount {
    /// Login name.
    pub login: String,
    /// Name for people.
    pub display_name: String,
    /// Password.
    pub password: String,
    /// What it may do.
    pub grants: Vec<Grant>,
}

/// A change of an account.
pub enum AccountChange {
    /// All its grants anew.
    Grants(Vec<Grant>),
    /// Open or shut it.
    Enabled(bool),
    /// Another password; its sessions end.
    Password(String),
    /// A second factor, or none any more; its sessions end.
    SecondFactor(bool),
}

/// A device's credentials to be made.
pub struct NewDevice {
    /// Client id and user name.
    pub id: String,
    /// Topics it may publish to.
    pub topics: Vec<String>,
}

/// Who acts, for the record.
#[derive(Debug, Clone, Default)]
pub(crate) struct Actor {
    pub(crate) account: Option<AccountId>,
    pub(crate) who: String,
    pub(crate) from: String,
}

impl Actor {
    fn console() -> Self {
        Self { who: CONSOLE.to_owned(), ..Self::default() }
    }

    pub(crate) fn event(&self, kind: AuditKind, outcome: Outcome, subject: String, note: String) -> AuditEvent {
        let (account, who, from) = (self.account, self.who.clone(), self.from.clone());
        AuditEvent { kind, outcome, account, who, from, subject, note }
    }
}

/// What grants say, for the record.
pub(crate) fn grants_text(grants: &[Grant]) -> String {
    serde_json::to_string(grants).unwrap_or_default()
}

pub(crate) fn add_account(store: &mut AccessStore, new: &NewAccount, actor: &Actor) -> Result<AccountId, AccessError> {
    check_login_name(&new.login)?;
    check_display_name(&new.display_name)?;
    check_password(&new.login, &new.password)?;
    let (hash, at) = (PasswordHash::new(&new.password, random()?)?, now());
    store.change(at, |tx| {
        let id = rows::insert_account(tx, (&new.login, &new.display_name), &hash, at)?;
        rows::set_grants(tx, id, &new.grants)?;
        let (subject, note) = (format!("add account {}", new.login), grants_text(&new.grants));
        Ok((id, actor.event(AuditKind::Account, Outcome::Allowed, subject, note)))
    })
}

/// The new second factor, if one was asked for.
pub(crate) fn change_account(
    store: &mut AccessStore,
    login: &str,
    change: &AccountChange,
    actor: &Actor,
) -> Result<Option<TotpSecret>, AccessError> {
    let hash = match change {
        AccountChange::Password(password) => {
            check_password(login, password)?;
            Some(PasswordHash::new(password, random()?)?)
        }
        _ => None,
    };
    let totp =
        if matches!(change, AccountChange::SecondFactor(true)) { Some(TotpSecret::new(random()?)) } else { None };
    store.change(now(), |tx| {
        let id = rows::account_id(tx, login)?;
        let (kind, word, note) = match change {
            AccountChange::Grants(grants) => {
                let before = grants_text(&rows::grants(tx, id)?);
                rows::set_grants(tx, id, grants)?;
                (AuditKind::Grant, "grant", format!("{before} -> {}", grants_text(grants)))
            }
            AccountChange::Enabled(enabled) => {
                rows::set_enabled(tx, id, *enabled)?;
                (AuditKind::Account, if *enabled { "enable" } else { "disable" }, String::new())
            }
            AccountChange::Password(_) => {
                if let Some(hash) = &hash {
                    rows::set_password(tx, id, hash)?;
                }
                (AuditKind::Account, "set password of", String::new())
            }
            AccountChange::SecondFactor(_) => {
                rows::set_totp(tx, id, totp.as_ref())?;
                (
                    AuditKind::Account,
                    if totp.is_some() { "second factor on" } else { "second factor off" },
                    String::new(),
                )
            }
        };
        Ok(((), actor.event(kind, Outcome::Allowed, format!("{word} account {login}"), note)))
    })?;
    Ok(totp)
}

impl AccessAdmin {
    /// Opens the accounts of a data folder, making what is missing.
    ///
    /// # Errors
    /// [`AccessError`] naming the file.
    pub fn open(data_dir: &Path) -> Result<Self, AccessError> {
        Ok(Self { store: AccessStore::open(data_dir)? })
    }

    /// True when the folder has accounts; makes nothing.
    ///
    /// # Errors
    /// [`AccessError`] naming the file.
    pub fn has_accounts(data_dir: &Path) -> Result<bool, AccessError> {
        AccessStore::has_accounts(data_dir)
    }

    /// Every account.
    ///
    /// # Errors
    /// [`AccessError`] naming the file.
    pub fn accounts(&mut self) -> Result<Vec<Account>, AccessError> {
        Ok(self.store.load()?.accounts)
    }

    /// Makes an account.
    ///
    /// # Errors
    /// A name or password that is not allowed, or taken; roles that exclude each other.
    pub fn add(&mut self, new: &NewAccount) -> Result<AccountId, AccessError> {
        let id = add_account(&mut self.store, new, &Actor::console())?;
        self.store.checkpoint(now())?;
        Ok(id)
    }

    /// Changes an account; returns the secret for the authenticator app when a second factor was asked for.
    ///
    /// # Errors
    /// An unknown account, or what is not allowed.
    pub fn change(&mut self, login: &str, change: &AccountChange) -> Result<Option<TotpSecret>, AccessError> {
        let made = change_account(&mut self.store, login, change, &Actor::console())?;
        self.store.checkpoint(now())?;
        Ok(made)
    }

    /// Makes an API token with the rights of an account; it is only ever shown here.
    ///
    /// # Errors
    /// An unknown account, a name that is not 1..64 characters, no days.
    pub fn create_token(&mut self, login: &str, name: &str, days: u32) -> Result<Secret, AccessError> {
        check_display_name(name)?;
        if !(1..=3650).contains(&days) {
            return Err(AccessError::Invalid(format!("days = {days}: must be 1..3650")));
        }
        let (secret, at) = (Secret::new(SecretKind::Token, random()?), now());
        let expires_at = TimeMs(at.0.saturating_add(i64::from(days) * 86_400_000));
        self.store.change(at, |tx| {
            let account = rows::account_id(tx, login)?;
            let held = Held { kind: SecretKind::Token, account, name: name.to_owned(), created_at: at, expires_at };
            rows::insert_secret(tx, secret.hash(), &held)?;
            let (subject, note) = (format!("create token {name} of account {login}"), format!("{days} days"));
            Ok(((), Actor::console().event(AuditKind::Token, Outcome::Allowed, subject, note)))
        })?;
        self.store.checkpoint(now())?;
        Ok(secret)
    }

    /// Revokes the tokens of that name.
    ///
    /// # Errors
    /// An unknown account or token.
    pub fn revoke_token(&mut self, login: &str, name: &str) -> Result<(), AccessError> {
        self.store.change(now(), |tx| {
            let account = rows::account_id(tx, login)?;
            if rows::delete_tokens(tx, account, name)? == 0 {
                return Err(AccessError::Unknown { what: "token", name: name.to_owned() });
            }
            let subject = format!("revoke token {name} of account {login}");
            Ok(((), Actor::console().event(AuditKind::Token, Outcome::Allowed, subject, String::new())))
        })?;
        self.store.checkpoint(now())
    }

    /// The tokens and open sessions: (login, kind, name, created, expires).
    ///
    /// # Errors
    /// [`AccessError`] naming the file.
    pub fn tokens(&mut self) -> Result<Vec<(String, SecretKind, String, TimeMs, TimeMs)>, AccessError> {
        let loaded = self.store.load()?;
        let login = |id| loaded.accounts.iter().find(|a| a.id == id).map_or_else(String::new, |a| a.login.clone());
        let held = loaded.secrets.iter().map(|(_, h)| h);
        Ok(held.map(|h| (login(h.account), h.kind, h.name.clone(), h.created_at, h.expires_at)).collect())
    }

    /// Makes or renews a device's credentials; from the first one on every device needs some.
    ///
    /// # Errors
    /// An id or topic that is not allowed.
    pub fn put_device(&mut self, new: NewDevice) -> Result<Secret, AccessError> {
        check_device_id(&new.id)?;
        if new.topics.is_empty() {
            return Err(AccessError::Invalid(format!("device {:?}: needs at least one topic", new.id)));
        }
        new.topics.iter().try_for_each(|t| check_topic(t))?;
        let secret = Secret::new(SecretKind::Device, random()?);
        let device = DeviceIdentity { id: new.id, secret: secret.hash(), topics: new.topics, enabled: true };
        self.store.change(now(), |tx| {
            rows::put_device(tx, &device)?;
            let (subject, note) = (format!("put device {}", device.id), device.topics.join(" "));
            Ok(((), Actor::console().event(AuditKind::Device, Outcome::Allowed, subject, note)))
        })?;
        self.store.checkpoint(now())?;
        Ok(secret)
    }

    /// Shuts a device out.
    ///
    /// # Errors
    /// An unknown device.
    pub fn shut_device(&mut self, id: &str) -> Result<(), AccessError> {
        self.store.change(now(), |tx| {
            rows::shut_device(tx, id)?;
            let subject = format!("shut device {id}");
            Ok(((), Actor::console().event(AuditKind::Device, Outcome::Allowed, subject, String::new())))
        })?;
        self.store.checkpoint(now())
    }

    /// The devices with credentials.
    ///
    /// # Errors
    /// [`AccessError`] naming the file.
    pub fn devices(&mut self) -> Result<Vec<DeviceIdentity>, AccessError> {
        Ok(self.store.load()?.devices)
    }

    /// The key that the folder's checkpoints are signed with; to be kept elsewhere.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.store.public_key()
    }

    /// Checks the trace against the folder's own key, or against one that was kept elsewhere.
    ///
    /// # Errors
    /// [`AccessError::Invalid`] naming the first bad record, or the file that cannot be read.
    pub fn verify_audit(&self, key: Option<PublicKey>) -> Result<AuditSummary, AccessError> {
        let key = key.unwrap_or_else(|| self.store.public_key());
        let checkpoints = self.store.checkpoints()?;
        let mut failed = None;
        let mut after = 0;
        let mut page: std::vec::IntoIter<AuditRecord> = Vec::new().into_iter();
        let records = std::iter::from_fn(|| {
            if page.as_slice().is_empty() {
                match self.store.records(after, PAGE) {
                    Ok(records) => page = records.into_iter(),
                    Err(error) => failed = Some(error),
                }
            }
            let record = page.next()?;
            after = record.number;
            Some(record)
        });
        let verified = verify_audit(records, &checkpoints, &key);
        match failed {
            Some(error) => Err(error),
            None => verified.map_err(|fault| AccessError::Invalid(format!("audit: {fault}"))),
        }
    }

    /// Records after a number, at most so many.
    ///
    /// # Errors
    /// [`AccessError`] naming the file.
    pub fn audit(&self, after: u64, limit: u32) -> Result<Vec<AuditRecord>, AccessError> {
        self.store.records(after, limit)
    }
}
