//! Start, serve, stop.

use crate::access::{Access, RunPlaces, snapshot_for};
use crate::error::ServeError;
use crate::forecast::Forecasts;
use crate::options::ServeOptions;
use crate::runs::RunManager;
use crate::store::{DATABASE, Reader, Store};
use crate::twin::{Parts, Twin, binding_index, make_dir, now, pack_key, stopped};
use crate::writer::{Job, Writer};
use crate::{alarms, cases, http, mqtt, ws};
use community_pack::Pack;
use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use sync_core::{Dedup, Intake, LiveEngine, LiveState, LogRecord, RuleBook};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use twin_model::{EntityId, Seq};

/// Jobs that may wait for the writer.
const QUEUE: usize = 8192;
/// How long open requests and commits may take after the server was told to stop.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Serves until ctrl-c or SIGTERM. When the log can no longer be written nothing more is accepted or acknowledged, health
/// is red, and what is known stays readable until somebody stops the server.
///
/// # Errors
/// [`ServeError`] when the server cannot start, or when the log could not be written at some time.
pub async fn serve(options: ServeOptions) -> Result<(), ServeError> {
    ServerHandle::start(options).await?.wait().await
}

/// A running server. Dropping it without [`ServerHandle::stop`] leaves it running until the runtime ends.
pub struct ServerHandle {
    http_addr: SocketAddr,
    mqtt_addr: SocketAddr,
    twin: Arc<Twin>,
    writer_ended: oneshot::Receiver<()>,
    tasks: Vec<JoinHandle<()>>,
    /// Held for as long as the data folder is in use.
    _lock: File,
}

impl ServerHandle {
    /// Opens pack and data, reads the log back and listens.
    ///
    /// # Errors
    /// [`ServeError`] naming the file or address.
    pub async fn start(options: ServeOptions) -> Result<Self, ServeError> {
        options.check()?;
        let (jobs, queue) = mpsc::channel(QUEUE);
        let opening = options.clone();
        let opened = tokio::task::spawn_blocking(move || open(&opening, jobs)).await;
        let Opened { twin, store, intake, snapshot_at, lock, rules } = match opened {
            Ok(opened) => opened?,
            Err(e) => return Err(ServeError::FailStop(e.to_string())),
        };
        let http_listener = bind("HTTP", options.http_addr)?;
        let mqtt_listener = bind("MQTT", options.mqtt_addr)?;
        let local = |l: &TcpListener, fallback| l.local_addr().unwrap_or(fallback);
        let (http_addr, mqtt_addr) =
            (local(&http_listener, options.http_addr), local(&mqtt_listener, options.mqtt_addr));
        let keep = Duration::from_secs(u64::from(options.history_days.max(1)) * 86_400);
        let mut writer = Writer::new(twin.clone(), store, intake, snapshot_at, keep, options.snapshot_seqs);
        writer.adopt_rules(&rules).map_err(ServeError::FailStop)?;
        let (ended, writer_ended) = oneshot::channel();
        let work = move || {
            writer.run(queue);
            // Nobody listens when the server was abandoned.
            ended.send(()).unwrap_or_default();
        };
        std::thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(work)
            .map_err(|e| ServeError::FailStop(e.to_string()))?;
        let runs = RunManager::new(twin.clone(), &options);
        runs.end_interrupted().await;
        let (forecasts, asked) = Forecasts::new(&twin, &runs, &options).unzip();
        let frames = ws::frames();
        let app = http::router(&twin, &runs, &frames, &options);
        let mut stopping = twin.stopping.subscribe();
        let until_stopped = async move {
            stopped(&mut stopping).await;
        };
        let mut tasks = vec![
            tokio::spawn(mqtt::listen(twin.clone(), mqtt_listener)),
            tokio::spawn(ws::broadcast_frames(twin.clone(), frames)),
            tokio::spawn(async move {
                let app = app.into_make_service_with_connect_info::<SocketAddr>();
                if let Err(error) = axum::serve(http_listener, app).with_graceful_shutdown(until_stopped).await {
                    tracing::error!(%error, "HTTP server");
                }
            }),
        ];
        tasks.extend(forecasts.map(|f| tokio::spawn(f.watch())));
        if let Some(access) = &twin.access {
            access.service("start").await;
            tasks.push(tokio::spawn(access.clone().watch(twin.stopping.subscribe())));
        }
        tasks.push(tokio::spawn(alarms::pass_time(twin.clone())));
        tasks.push(tokio::spawn(alarms::act(twin.clone(), asked)));
        tasks.push(tokio::spawn(alarms::Downlink::deliver(twin.clone())));
        if !http_addr.ip().is_loopback() && !options.behind_tls {
            tracing::warn!("passwords and tokens cross the network as they are: put a TLS proxy in front, and say so");
        }
        tracing::info!(http = %http_addr, mqtt = %mqtt_addr, epoch = %twin.epoch, "serving");
        Ok(Self { http_addr, mqtt_addr, twin, writer_ended, tasks, _lock: lock })
    }

    /// Address of REST, WebSocket and files, with the port really taken.
    #[must_use]
    pub fn http_addr(&self) -> SocketAddr {
        self.http_addr
    }

    /// Address of the MQTT listener, with the port really taken.
    #[must_use]
    pub fn mqtt_addr(&self) -> SocketAddr {
        self.mqtt_addr
    }

    /// Last committed sequence.
    #[must_use]
    pub fn seq(&self) -> Seq {
        *self.twin.seq.borrow()
    }

    /// Hash of the live state (see `sync_core::LiveState::hash`).
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        self.twin.read().live().hash()
    }

    /// Hash of that part of the live state that an account sees; `None` without such an account.
    #[must_use]
    pub fn state_hash_seen_by(&self, login: &str) -> Option<u64> {
        let caller = self.twin.access.as_ref()?.caller_for(login)?;
        let mut seen = LiveState::default();
        let all = snapshot_for(&caller, &self.twin.places, self.twin.read().live());
        seen.apply_message(&all).ok()?;
        Some(seen.hash())
    }

    /// Median and 99th percentile of the time of a commit, ms: upper bounds of the histogram's buckets.
    #[must_use]
    pub fn commit_quantiles_ms(&self) -> (Option<f64>, Option<f64>) {
        (self.twin.metrics.commit_quantile_ms(0.5), self.twin.metrics.commit_quantile_ms(0.99))
    }

    /// Returns on ctrl-c or on SIGTERM.
    pub async fn wait_for_signal(&self) {
        let mut stopping = self.twin.stopping.subscribe();
        tokio::select! {
            () = stopped(&mut stopping) => {}
            _pressed = tokio::signal::ctrl_c() => {}
            () = terminated() => {}
        }
    }

    /// Serves until ctrl-c or SIGTERM, then stops.
    ///
    /// # Errors
    /// As [`ServerHandle::stop`].
    pub async fn wait(self) -> Result<(), ServeError> {
        self.wait_for_signal().await;
        self.stop().await
    }

    /// Stops listening, finishes what was accepted, writes a snapshot.
    ///
    /// # Errors
    /// [`ServeError::FailStop`] when the log could not be written at some time.
    pub async fn stop(self) -> Result<(), ServeError> {
        self.twin.stopping.send_replace(true);
        // The writer may have ended already; then there is nothing to finish.
        drop(self.twin.jobs.send(Job::Stop).await);
        if tokio::time::timeout(STOP_WITHIN, self.writer_ended).await.is_err() {
            tracing::warn!("the last commit takes longer than {STOP_WITHIN:?}");
        }
        for task in self.tasks {
            let abort = task.abort_handle();
            if tokio::time::timeout(Duration::from_secs(2), task).await.is_err() {
                abort.abort();
            }
        }
        if let Some(access) = &self.twin.access {
            access.service("stop").await;
            access.auditor.stop().await;
        }
        tracing::info!("stopped");
        match self.twin.failure() {
            Some(reason) => Err(ServeError::FailStop(reason.to_owned())),
            None => Ok(()),
        }
    }
}

#[cfg(unix)]
async fn terminated() {
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_unavailable) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}

/// What the kernel may hold for a viewer that does not read, bytes; more only hides that it is behind.
const SEND_BUFFER: u32 = 256 * 1024;
const BACKLOG: u32 = 1024;

fn bind(what: &'static str, addr: SocketAddr) -> Result<TcpListener, ServeError> {
    let listen = || {
        let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A restarted server must get its port back although old connections linger.
        socket.set_reuseaddr(true)?;
        socket.set_send_buffer_size(SEND_BUFFER)?;
        socket.bind(addr)?;
        socket.listen(BACKLOG)
    };
    listen().map_err(|source| ServeError::Listen { what, addr, source })
}

struct Opened {
    twin: Arc<Twin>,
    store: Store,
    intake: Intake,
    snapshot_at: Seq,
    lock: File,
    rules: RuleBook,
}

/// Reads pack, snapshot and log.
fn open(options: &ServeOptions, jobs: mpsc::Sender<Job>) -> Result<Opened, ServeError> {
    let pack =
        Pack::open(&options.pack_dir).map_err(|source| ServeError::Pack { dir: options.pack_dir.clone(), source })?;
    let case_rules = cases::load_rules(options.case_tables.as_deref(), &options.pack_dir, &pack)?;
    for warning in &pack.warnings {
        tracing::warn!(%warning, "pack");
    }
    if !pack.properties.classes.is_empty() && pack.properties.class_traits.values().all(|t| !t.personal) {
        tracing::warn!("no device class of the pack is marked personal: the gateways show every device");
    }
    let data_dir = options.data_dir.join(pack_key(&pack));
    let fresh = !data_dir.exists();
    make_dir(&data_dir.join("runs"))?;
    let lock = lock_folder(&data_dir)?;
    if fresh {
        tracing::info!(dir = %data_dir.display(), "new data folder for this pack");
    }
    let path = data_dir.join(DATABASE);
    let mut store = Store::open(&path)?;
    let loaded = store.load(&new_epoch())?;
    let mut set = pack.rules().map_err(|source| ServeError::Pack { dir: options.pack_dir.clone(), source })?;
    // One calendar for deadlines of cases and escalations, unless the rules bring their own.
    set.calendar.get_or_insert_with(|| case_rules.calendar.spec().clone());
    let rules = RuleBook::compile(&pack.model, &pack.properties, set)
        .map_err(|error| ServeError::Rules { dir: options.pack_dir.clone(), error })?;
    let (mut engine, dedup) = match loaded.snapshot {
        Some(snapshot) => LiveEngine::restore(rules.clone(), snapshot),
        None => (LiveEngine::new(rules.clone()), Dedup::default()),
    };
    let snapshot_at = engine.live().seq();
    let mut intake = Intake::new(dedup);
    let replayed = loaded.tail.len();
    for (first, record) in loaded.tail {
        if let LogRecord::Observations(messages) = &record {
            messages.iter().for_each(|m| intake.remember(m));
        }
        engine.apply(first, &record);
    }
    tracing::info!(seq = engine.live().seq().0, replayed, series = engine.live().len(), "state restored");
    let (index, reader) = (binding_index(&pack), Reader::open(&path)?);
    let access = Access::open(&options.data_dir, &pack, rules.rules(), options.behind_tls)?;
    let places = RunPlaces::new(plan_buildings(&pack));
    let parts = Parts { pack, index, case_rules, data_dir, epoch: loaded.epoch, access, places, engine, jobs, reader };
    Ok(Opened { twin: Arc::new(Twin::new(parts)), store, intake, snapshot_at, lock, rules })
}

/// Names of the plans with their buildings; a pack whose plans do not read has none, which is said when runs are made.
fn plan_buildings(pack: &Pack) -> Vec<(String, Option<EntityId>)> {
    let plans = pack.plans().map(|p| p.buildings).unwrap_or_default();
    plans.into_iter().map(|p| (p.name, p.building)).collect()
}

fn lock_folder(dir: &Path) -> Result<File, ServeError> {
    let path = dir.join("lock");
    let io = |source| ServeError::Io { path: path.clone(), source };
    let file = File::create(&path).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ServeError::Locked(dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(ServeError::Io { path, source }),
    }
}

/// Differs between any two logs: time and process of their creation.
fn new_epoch() -> String {
    format!("{:x}-{:x}", now().0, std::process::id())
}
