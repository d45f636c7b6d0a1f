//! Writes the trace: one thread, in groups, and whoever waits learns when their record is on disk.

use super::store::AccessStore;
use crate::twin::now;
use access::AuditEvent;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;
use tokio::sync::oneshot;

/// Records in one commit, and waiting.
const GROUP: usize = 512;
/// The chain is signed at least so often.
const SIGN_EVERY_MS: i64 = 86_400_000;
const LOOK_EVERY: Duration = Duration::from_secs(60);

enum Job {
    Record(AuditEvent, Option<oneshot::Sender<bool>>),
    Stop(oneshot::Sender<()>),
}

/// Hands records to the thread.
#[derive(Clone)]
pub(crate) struct Auditor(SyncSender<Job>);

impl Auditor {
    /// Starts the thread; it signs what is there first, and ends with a signature when told to stop.
    pub(crate) fn start(mut store: AccessStore) -> std::io::Result<Self> {
        let (sender, jobs) = sync_channel(GROUP);
        std::thread::Builder::new().name("audit-writer".to_owned()).spawn(move || {
            sign(&mut store);
            work(&mut store, &jobs);
        })?;
        Ok(Self(sender))
    }

    /// True once the record is on disk; without that nothing that needs a record may go on.
    pub(crate) async fn record(&self, event: AuditEvent) -> bool {
        let (done, answer) = oneshot::channel();
        let mut job = Job::Record(event, Some(done));
        loop {
            job = match self.0.try_send(job) {
                Ok(()) => break,
                Err(TrySendError::Full(job)) => job,
                Err(TrySendError::Disconnected(_)) => return false,
            };
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        answer.await.unwrap_or(false)
    }

    /// Notes something nobody waits for; left out when too much waits already, which is said in the log.
    pub(crate) fn note(&self, event: AuditEvent) {
        if self.0.try_send(Job::Record(event, None)).is_err() {
            tracing::warn!("an audit record of a refusal was left out: too many are waiting");
        }
    }

    /// Signs and ends.
    pub(crate) async fn stop(&self) {
        let (done, ended) = oneshot::channel();
        if self.0.try_send(Job::Stop(done)).is_ok() {
            ended.await.unwrap_or_default();
        }
    }
}

fn sign(store: &mut AccessStore) {
    if let Err(error) = store.checkpoint(now()) {
        tracing::error!(%error, "audit checkpoint");
    }
}

fn work(store: &mut AccessStore, jobs: &Receiver<Job>) {
    loop {
        let first = match jobs.recv_timeout(LOOK_EVERY) {
            Ok(job) => Some(job),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return sign(store),
        };
        let (mut events, mut waiting, mut stop) = (Vec::new(), Vec::new(), None);
        for job in first.into_iter().chain(std::iter::from_fn(|| jobs.try_recv().ok())) {
            match job {
                Job::Record(event, done) => {
                    events.push(event);
                    waiting.extend(done);
                }
                Job::Stop(done) => stop = Some(done),
            }
            if events.len() >= GROUP || stop.is_some() {
                break;
            }
        }
        if !events.is_empty() {
            let written = store.record(now(), &events);
            if let Err(error) = &written {
                tracing::error!(%error, "the audit trail cannot be written: what needs a record is refused");
            }
            // Who asked may have gone.
            waiting.into_iter().for_each(|done| done.send(written.is_ok()).map_or((), |()| ()));
        }
        if let Some(done) = stop {
            sign(store);
            return done.send(()).unwrap_or_default();
        }
        let due = store.last_checkpoint().is_ok_and(|at| at.is_none_or(|at| now().0 - at.0 >= SIGN_EVERY_MS));
        if due {
            sign(store);
        }
    }
}
