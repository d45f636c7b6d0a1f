//! Reads pack files on a few threads, so that a slow disk does not stop a frame.

use crate::error::FetchError;
use crate::fetch::FetchResult;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

const THREADS: usize = 3;

type Done = Box<dyn FnOnce(FetchResult) + Send>;

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<(String, Done)>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    jobs: Mutex<Jobs>,
    wake: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<(String, Done)> {
        let mut jobs = self.lock();
        loop {
            if jobs.closed {
                return None;
            }
            if let Some(job) = jobs.waiting.pop_front() {
                return Some(job);
            }
            jobs = self.wake.wait(jobs).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Threads that read below one folder; they end with the pool.
pub(crate) struct FolderPool {
    dir: PathBuf,
    shared: Arc<Shared>,
    threads: usize,
}

impl std::fmt::Debug for FolderPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FolderPool").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl FolderPool {
    pub(crate) fn new(dir: PathBuf) -> Self {
        let shared = Arc::<Shared>::default();
        let spawn = |i: usize| {
            let (dir, shared) = (dir.clone(), shared.clone());
            let work = move || {
                while let Some((path, done)) = shared.next() {
                    done(read(&dir, &path));
                }
            };
            std::thread::Builder::new().name(format!("pack-read-{i}")).spawn(work)
        };
        let threads = (0..THREADS).map(spawn).filter(Result::is_ok).count();
        Self { dir, shared, threads }
    }

    /// `path` must already be checked to stay inside the folder.
    pub(crate) fn read(&self, path: String, done: Done) {
        if self.threads == 0 {
            return done(read(&self.dir, &path));
        }
        self.shared.lock().waiting.push_back((path, done));
        self.shared.wake.notify_one();
    }
}

impl Drop for FolderPool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.wake.notify_all();
    }
}

fn read(dir: &Path, path: &str) -> FetchResult {
    std::fs::read(dir.join(path)).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => FetchError::NotFound(path.to_owned()),
        _ => FetchError::Io { path: path.to_owned(), reason: e.to_string() },
    })
}
