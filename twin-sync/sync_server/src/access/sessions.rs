//! Who is who at this moment: what the store holds, taken up within a fifth of a second of every change, and the scopes
//! compiled from it.

use super::auditor::Auditor;
use super::caller::{Caller, Visit};
use super::store::{AccessError, AccessStore, Held, Loaded};
use crate::twin::{now, stopped};
use access::{
    Account, AuditEvent, AuditKind, Backoff, Bucket, DeviceIdentity, Outcome, Scope, Secret, SecretHash, SecretKind,
    Territory, is_personal, shows_series,
};
use community_pack::Pack;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use twin_model::{AccountId, EntityId, PropertyId, RuleSet, TimeMs};

/// How often the store is asked whether something changed.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Passwords checked at one time: each takes 19 MiB and a core for tens of milliseconds.
const CHECKS_AT_ONCE: usize = 2;

/// Somebody who is known, with what they may do now.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) account: Arc<Account>,
    pub(crate) scope: Arc<Scope>,
    pub(crate) secret: SecretHash,
    pub(crate) kind: SecretKind,
    pub(crate) expires_at: TimeMs,
}

#[derive(Default)]
struct Known {
    accounts: BTreeMap<AccountId, Arc<Account>>,
    secrets: BTreeMap<SecretHash, Held>,
    devices: BTreeMap<String, Arc<DeviceIdentity>>,
}

/// What holds people up who guess, and programmes that write too fast.
pub(crate) struct Throttles {
    pub(crate) account: Backoff,
    pub(crate) address: Backoff,
    pub(crate) attempts: Bucket,
    pub(crate) writes: Bucket,
    pub(crate) device_refusals: Bucket,
}

impl Throttles {
    fn new() -> Self {
        Self {
            // Five free tries, then 1 s, 2 s … 1 min: nobody can be kept out of an account for longer by others.
            account: Backoff::new(5, 1000, 60_000, 3_600_000),
            // Of one address: ten, then up to a quarter of an hour.
            address: Backoff::new(10, 1000, 900_000, 3_600_000),
            attempts: Bucket::new(2.0, 20.0),
            writes: Bucket::new(10.0, 50.0),
            device_refusals: Bucket::new(0.2, 5.0),
        }
    }
}

/// Accounts of a running server.
pub(crate) struct Access {
    territory: Territory,
    /// Bound series that are only shown with [`access::Field::Personal`].
    masked_series: BTreeSet<(EntityId, PropertyId)>,
    /// Entities that are personal altogether, whatever is said of them.
    personal: BTreeSet<EntityId>,
    /// Groups of rules about personal classes.
    personal_groups: BTreeSet<String>,
    known: RwLock<Known>,
    scopes: Mutex<BTreeMap<AccountId, (u64, Arc<Scope>)>>,
    store: Mutex<AccessStore>,
    pub(crate) auditor: Auditor,
    /// Counts up when something of accounts, secrets or devices changed.
    pub(crate) generation: watch::Sender<u64>,
    pub(crate) throttles: Mutex<Throttles>,
    pub(crate) checks: Semaphore,
    /// Cookies are only sent over TLS.
    pub(crate) secure_cookies: bool,
}

impl Access {
    /// Opens the accounts of a data folder; `None` when there are none, and everybody who reaches the port may do all.
    pub(crate) fn open(
        data_dir: &Path,
        pack: &Pack,
        rules: &RuleSet,
        behind_tls: bool,
    ) -> Result<Option<Arc<Self>>, AccessError> {
        if !AccessStore::has_accounts(data_dir)? {
            return Ok(None);
        }
        let mut store = AccessStore::open(data_dir)?;
        let loaded = store.load()?;
        let auditor = Auditor::start(AccessStore::open(data_dir)?)
            .map_err(|e| AccessError::Invalid(format!("audit writer: {e}")))?;
        let masked = pack.bindings.iter().map(|b| (b.entity, b.property));
        let masked = masked.filter(|(e, p)| !shows_series(&pack.model, &pack.properties, *e, *p));
        let personal = pack.model.entities().iter().filter(|e| is_personal(&pack.properties, e));
        let tells = |class: &String| pack.properties.class_traits_of(class).personal;
        let groups = rules.rule.iter().filter(|(_, rule)| rule.subject.class.as_ref().is_some_and(tells));
        let groups = groups.map(|(key, rule)| rule.group.clone().unwrap_or_else(|| key.clone()));
        let access = Self {
            territory: Territory::new(&pack.model, &pack.properties),
            masked_series: masked.collect(),
            personal: personal.map(|e| e.id).collect(),
            personal_groups: groups.collect(),
            known: RwLock::default(),
            scopes: Mutex::default(),
            store: Mutex::new(store),
            auditor,
            generation: watch::Sender::new(0),
            throttles: Mutex::new(Throttles::new()),
            checks: Semaphore::new(CHECKS_AT_ONCE),
            secure_cookies: behind_tls,
        };
        access.take_up(loaded);
        Ok(Some(Arc::new(access)))
    }

    fn take_up(&self, loaded: Loaded) {
        let known = Known {
            accounts: loaded.accounts.into_iter().map(|a| (a.id, Arc::new(a))).collect(),
            secrets: loaded.secrets.into_iter().collect(),
            devices: loaded.devices.into_iter().map(|d| (d.id.clone(), Arc::new(d))).collect(),
        };
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        self.generation.send_modify(|n| *n += 1);
    }

    /// Follows the store until the server stops. A store that cannot be read lets nobody in any more.
    pub(crate) async fn watch(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        let mut revision = None;
        loop {
            tokio::select! {
                () = stopped(&mut stopping) => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let (access, held) = (self.clone(), revision);
            let looked = tokio::task::spawn_blocking(move || access.look(held)).await;
            match looked {
                Ok(Ok(found)) => revision = Some(found),
                Ok(Err(error)) => {
                    tracing::error!(%error, "accounts: nobody is let in until they can be read");
                    revision = None;
                    self.take_up(Loaded::default());
                }
                Err(error) => tracing::error!(%error, "accounts"),
            }
        }
    }

    fn look(&self, held: Option<i64>) -> Result<i64, AccessError> {
        let mut store = self.store();
        let revision = store.revision()?;
        if held == Some(revision) {
            return Ok(revision);
        }
        let loaded = store.load()?;
        let revision = loaded.revision;
        self.take_up(loaded);
        Ok(revision)
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, AccessStore> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn throttles(&self) -> MutexGuard<'_, Throttles> {
        self.throttles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works with the store off the async threads, and takes up what it changed at once.
    pub(crate) async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut AccessStore) -> Result<T, AccessError> + Send + 'static,
    ) -> Result<T, AccessError> {
        let access = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let made = work(&mut access.store())?;
            let loaded = access.store().load()?;
            access.take_up(loaded);
            Ok(made)
        });
        done.await.unwrap_or_else(|e| Err(AccessError::Invalid(e.to_string())))
    }

    fn known(&self) -> std::sync::RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn account(&self, login: &str) -> Option<Arc<Account>> {
        self.known().accounts.values().find(|a| a.login == login).cloned()
    }

    /// The session or token that a secret stands for, if it is valid now.
    pub(crate) fn resolve(&self, secret: &Secret) -> Option<Session> {
        if secret.kind() == SecretKind::Device {
            return None;
        }
        self.resolve_hash(secret.hash())
    }

    /// As [`Access::resolve`], for one that was resolved before.
    pub(crate) fn resolve_hash(&self, secret: SecretHash) -> Option<Session> {
        let at = now();
        let (account, kind, expires_at) = {
            let known = self.known();
            let held = known.secrets.get(&secret).filter(|h| at < h.expires_at)?;
            (known.accounts.get(&held.account).filter(|a| a.enabled)?.clone(), held.kind, held.expires_at)
        };
        let scope = self.scope_of(&account, at);
        Some(Session { account, scope, secret, kind, expires_at })
    }

    fn scope_of(&self, account: &Account, at: TimeMs) -> Arc<Scope> {
        let generation = *self.generation.borrow();
        let mut scopes = self.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made, scope)) = scopes.get(&account.id)
            && *made == generation
            && scope.changes_at().is_none_or(|edge| at < edge)
        {
            return scope.clone();
        }
        let scope = Arc::new(Scope::compile(&account.grants, &self.territory, at));
        scopes.insert(account.id, (generation, scope.clone()));
        scope
    }

    /// An account as a caller, without a session: to ask what it would see.
    pub(crate) fn caller_for(self: &Arc<Self>, login: &str) -> Option<Caller> {
        let (account, at) = (self.account(login)?, now());
        let scope = self.scope_of(&account, at);
        let (secret, kind) = (SecretHash([0; 32]), SecretKind::Session);
        let session = Session { account, scope, secret, kind, expires_at: at };
        Some(Caller::Known(Arc::new(Visit::new(self.clone(), session, String::new()))))
    }

    pub(crate) fn is_masked(&self, series: (EntityId, PropertyId)) -> bool {
        self.masked_series.contains(&series) || self.personal.contains(&series.0)
    }

    /// True when alarms of the group tell of personal devices.
    pub(crate) fn is_personal_group(&self, group: &str) -> bool {
        self.personal_groups.contains(group)
    }

    pub(crate) fn is_personal(&self, entity: EntityId) -> bool {
        self.personal.contains(&entity)
    }

    /// True once any device has credentials: then every device needs them.
    pub(crate) fn devices_are_known(&self) -> bool {
        !self.known().devices.is_empty()
    }

    pub(crate) fn device(&self, id: &str) -> Option<Arc<DeviceIdentity>> {
        self.known().devices.get(id).cloned()
    }

    /// Records that the server came or goes.
    pub(crate) async fn service(&self, word: &str) {
        let event = AuditEvent {
            kind: AuditKind::Service,
            outcome: Outcome::Allowed,
            account: None,
            who: "server".to_owned(),
            from: String::new(),
            subject: word.to_owned(),
            note: env!("CARGO_PKG_VERSION").to_owned(),
        };
        self.auditor.record(event).await;
    }
}
