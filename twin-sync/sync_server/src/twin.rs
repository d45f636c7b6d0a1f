//! What all parts of the server share.

use crate::access::{Access, RunPlaces};
use crate::alarms::Downlink;
use crate::error::ServeError;
use crate::metrics::Metrics;
use crate::store::Reader;
use crate::writer::{Change, Job, Refusal, Reply};
use community_pack::Pack;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{SystemTime, UNIX_EPOCH};
use sync_core::cases::CaseRules;
use sync_core::{BindingIndex, BindingRow, LiveEngine, fnv1a_64};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use twin_model::{AccountId, Seq, TimeMs};

/// Payload bytes that may wait for the disk.
pub(crate) const QUEUE_BYTES: usize = 64 << 20;

/// Shared by listeners, handlers and the writer.
pub(crate) struct Twin {
    pub(crate) pack: Pack,
    pub(crate) index: BindingIndex,
    /// Classes, departments and work calendar of the cases.
    pub(crate) case_rules: CaseRules,
    /// Folder of this pack's database and runs.
    pub(crate) data_dir: PathBuf,
    pub(crate) epoch: String,
    /// Accounts; `None` when there are none and everybody who reaches the port may do everything.
    pub(crate) access: Option<Arc<Access>>,
    /// Which building each plan is of.
    pub(crate) places: RunPlaces,
    engine: RwLock<LiveEngine>,
    pub(crate) metrics: Metrics,
    pub(crate) jobs: mpsc::Sender<Job>,
    pub(crate) queue_bytes: Arc<Semaphore>,
    /// Last committed and applied sequence.
    pub(crate) seq: watch::Sender<Seq>,
    failure: OnceLock<String>,
    /// Commands to devices.
    pub(crate) downlink: Downlink,
    /// How many alarms have been raised.
    pub(crate) alarms: watch::Sender<u64>,
    /// True once the server should end.
    pub(crate) stopping: watch::Sender<bool>,
    reader: Mutex<Reader>,
}

/// Everything that [`Twin::new`] takes over.
pub(crate) struct Parts {
    pub(crate) pack: Pack,
    pub(crate) index: BindingIndex,
    pub(crate) case_rules: CaseRules,
    pub(crate) data_dir: PathBuf,
    pub(crate) epoch: String,
    pub(crate) access: Option<Arc<Access>>,
    pub(crate) places: RunPlaces,
    pub(crate) engine: LiveEngine,
    pub(crate) jobs: mpsc::Sender<Job>,
    pub(crate) reader: Reader,
}

impl Twin {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { pack, index, case_rules, data_dir, epoch, access, places, engine, jobs, reader } = parts;
        let seq = watch::Sender::new(engine.live().seq());
        let downlink = Downlink::new(pack.bindings.iter().map(|b| (b.topic.as_str(), b.entity)));
        Self {
            pack,
            index,
            case_rules,
            data_dir,
            epoch,
            access,
            places,
            engine: RwLock::new(engine),
            metrics: Metrics::default(),
            jobs,
            queue_bytes: Arc::new(Semaphore::new(QUEUE_BYTES)),
            seq,
            downlink,
            alarms: watch::Sender::new(0),
            failure: OnceLock::new(),
            stopping: watch::Sender::new(false),
            reader: Mutex::new(reader),
        }
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, LiveEngine> {
        self.engine.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// For the writer alone.
    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, LiveEngine> {
        self.engine.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the log can no longer be written, if so.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    /// Fail-stop: nothing is acknowledged from here on.
    pub(crate) fn fail(&self, reason: &str) {
        tracing::error!(reason, "the log cannot be written: nothing more is accepted or acknowledged");
        // A second failure adds nothing to the first.
        self.failure.get_or_init(|| reason.to_owned());
    }

    /// Hands a change to the writer and waits until it is on disk and applied.
    pub(crate) async fn change(&self, change: Change) -> Result<Reply, Refusal> {
        self.change_by(change, None).await
    }

    /// As [`Twin::change`], with who asked for it.
    pub(crate) async fn change_by(&self, change: Change, by: Option<AccountId>) -> Result<Reply, Refusal> {
        let (done, answer) = oneshot::channel();
        let stopped = || Refusal::Stopped(self.failure().unwrap_or("the server is shutting down").to_owned());
        self.jobs.send(Job::Change(change, by, done)).await.map_err(|_closed| stopped())?;
        answer.await.unwrap_or_else(|_closed| Err(stopped()))
    }

    /// Reads the database off the async threads.
    pub(crate) async fn query<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&Reader) -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let twin = self.clone();
        let work = move || read(&twin.reader.lock().unwrap_or_else(PoisonError::into_inner));
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|e| Err(e.to_string()))
    }
}

/// Returns once the server should end.
pub(crate) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that the server is gone altogether.
    drop(stopping.wait_for(|stop| *stop).await);
}

/// The present instant. Only this crate's edges ask for it.
pub(crate) fn now() -> TimeMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimeMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Identifies the entity and property numbering of a pack. Logs refer to those numbers, so each numbering has its own
/// data folder: serving a re-imported pack with other numbers can never mix up what was recorded for the old ones.
pub(crate) fn pack_key(pack: &Pack) -> String {
    let mut text = pack.manifest.community.id.clone();
    for e in pack.model.entities() {
        text.push_str(&format!("\n{} {} {}", e.kind.tag(), e.code, e.source.key));
    }
    for p in &pack.properties.properties {
        text.push_str(&format!("\n{} {}", p.key, p.unit));
    }
    let id: String = pack.manifest.community.id.chars().filter(char::is_ascii_alphanumeric).take(24).collect();
    format!("{id}-{:016x}", fnv1a_64(text.as_bytes()))
}

pub(crate) fn binding_index(pack: &Pack) -> BindingIndex {
    let index = BindingIndex::new(pack.bindings.iter().map(|b| BindingRow {
        topic: b.topic.clone(),
        entity: b.entity,
        property: b.property,
        payload_path: b.payload_path.clone(),
        expected_interval_s: b.expected_interval_s,
        range: b.range,
    }));
    let table = &pack.properties;
    let class_of = |e| pack.model.get(e).map_or("", |e| e.class.as_str());
    index.with_traits(|property| table.traits_of(property), |entity| table.class_traits_of(class_of(entity)))
}

/// Creates a folder and its parents.
pub(crate) fn make_dir(path: &std::path::Path) -> Result<(), ServeError> {
    std::fs::create_dir_all(path).map_err(|source| ServeError::Io { path: path.to_owned(), source })
}
