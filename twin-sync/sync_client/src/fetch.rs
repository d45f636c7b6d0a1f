//! Files of a pack, by ticket.

use crate::credentials::{AccessRefused, Credentials};
use crate::error::FetchError;
#[cfg(not(target_arch = "wasm32"))]
use crate::folder::FolderPool;
use crate::url::{encode_path, inside, server_url};
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Requests open at one time.
const IN_FLIGHT: usize = 8;
/// Results held before polling; beyond it no further request is started.
const DONE: usize = 64;
/// Requests waiting for their turn.
const WAITING: usize = 65_536;
/// A large tile over a slow line takes long; a dead server should still be noticed.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Where a pack comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A pack folder on this machine.
    #[cfg(not(target_arch = "wasm32"))]
    PackDir(std::path::PathBuf),
    /// A server: `http://host:port`.
    Server(String),
}

/// Receipt for one fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

pub(crate) type FetchResult = Result<Vec<u8>, FetchError>;

#[derive(Debug)]
enum Job {
    Http(String),
    #[cfg(not(target_arch = "wasm32"))]
    File(String),
}

#[derive(Debug, Default)]
struct Queue {
    next: u64,
    waiting: VecDeque<(Ticket, Job)>,
    flying: BTreeSet<Ticket>,
    done: Vec<(Ticket, FetchResult)>,
}

/// Fetches files without blocking: ask with [`Fetcher::fetch`], collect with [`Fetcher::poll`] (once per frame).
/// At most 8 requests are open at a time; the rest wait in order. Clones share one queue.
#[derive(Debug, Clone)]
pub struct Fetcher {
    source: Source,
    credentials: Credentials,
    queue: Arc<Mutex<Queue>>,
    #[cfg(not(target_arch = "wasm32"))]
    pool: Option<Arc<FolderPool>>,
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fetcher {
    /// A fetcher for one pack. Nothing is read yet.
    #[must_use]
    pub fn new(source: Source) -> Self {
        let source = match source {
            Source::Server(url) => Source::Server(server_url(&url)),
            #[cfg(not(target_arch = "wasm32"))]
            Source::PackDir(dir) => Source::PackDir(dir),
        };
        #[cfg(not(target_arch = "wasm32"))]
        let pool = match &source {
            Source::PackDir(dir) => Some(Arc::new(FolderPool::new(dir.clone()))),
            Source::Server(_) => None,
        };
        Self {
            source,
            credentials: Credentials::from_env(),
            queue: Arc::default(),
            #[cfg(not(target_arch = "wasm32"))]
            pool,
        }
    }

    /// The same with these credentials instead of those of the environment ([`Credentials::from_env`]).
    #[must_use]
    pub fn with_credentials(self, credentials: Credentials) -> Self {
        Self { credentials, ..self }
    }

    /// Signed for the fetcher's own server; another one learns nothing of the token.
    fn sign(&self, url: &str, request: ehttp::Request) -> ehttp::Request {
        let own = match &self.source {
            Source::Server(server) => url.strip_prefix(server.as_str()).is_some_and(|rest| rest.starts_with('/')),
            #[cfg(not(target_arch = "wasm32"))]
            Source::PackDir(_) => false,
        };
        if own { self.credentials.sign(request) } else { request }
    }

    /// Where it fetches from.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Asks for a file of the pack, by its path relative to the pack, e.g. `"terrain/tileset.json"`.
    pub fn fetch(&self, path: &str) -> Ticket {
        let job = inside(path).map(|path| match &self.source {
            Source::Server(url) => Job::Http(format!("{url}/pack/{}", encode_path(&path))),
            #[cfg(not(target_arch = "wasm32"))]
            Source::PackDir(_) => Job::File(path),
        });
        self.submit(path, job)
    }

    /// Asks for an absolute address (`http://…`, `https://…`), or one relative to the server when it starts with `/`
    /// (`"/runs/3/frame_00000.q"`, `"/api/community"`); the latter fails for a pack folder.
    pub fn fetch_url(&self, url: &str) -> Ticket {
        let job = if url.starts_with("http://") || url.starts_with("https://") {
            Some(Job::Http(url.to_owned()))
        } else {
            match &self.source {
                Source::Server(server) if url.starts_with('/') => Some(Job::Http(format!("{server}{url}"))),
                _ => None,
            }
        };
        self.submit(url, job)
    }

    /// Gives up a fetch: it is not started any more, or its result is thrown away.
    pub fn cancel(&self, ticket: Ticket) {
        let mut queue = lock(&self.queue);
        queue.waiting.retain(|(t, _)| *t != ticket);
        queue.done.retain(|(t, _)| *t != ticket);
        queue.flying.remove(&ticket);
    }

    /// Number of fetches that have not been collected yet.
    #[must_use]
    pub fn pending(&self) -> usize {
        let queue = lock(&self.queue);
        queue.waiting.len() + queue.flying.len() + queue.done.len()
    }

    /// What has arrived since the last poll.
    #[must_use]
    pub fn poll(&self) -> Vec<(Ticket, Result<Vec<u8>, FetchError>)> {
        let done = std::mem::take(&mut lock(&self.queue).done);
        self.start_waiting();
        done
    }

    fn submit(&self, asked: &str, job: Option<Job>) -> Ticket {
        let mut queue = lock(&self.queue);
        let ticket = Ticket(queue.next);
        queue.next += 1;
        let waiting = queue.waiting.len();
        match job {
            None => queue.done.push((ticket, Err(FetchError::BadPath(asked.to_owned())))),
            Some(_) if waiting >= WAITING => {
                queue.done.push((ticket, Err(FetchError::Busy(asked.to_owned(), waiting))));
            }
            Some(job) => queue.waiting.push_back((ticket, job)),
        }
        drop(queue);
        self.start_waiting();
        ticket
    }

    fn start_waiting(&self) {
        loop {
            let mut queue = lock(&self.queue);
            if queue.flying.len() >= IN_FLIGHT || queue.done.len() >= DONE {
                return;
            }
            let Some((ticket, job)) = queue.waiting.pop_front() else { return };
            queue.flying.insert(ticket);
            drop(queue);
            self.start(ticket, job);
        }
    }

    fn start(&self, ticket: Ticket, job: Job) {
        let shared = self.queue.clone();
        let finish = move |result: FetchResult| {
            let mut queue = lock(&shared);
            // A ticket that is no longer flying was cancelled.
            if queue.flying.remove(&ticket) {
                queue.done.push((ticket, result));
            }
        };
        match job {
            Job::Http(url) => {
                let request = self.sign(&url, ehttp::Request::get(&url)).with_timeout(Some(TIMEOUT));
                ehttp::fetch(request, move |answer| finish(read_answer(url, answer)));
            }
            #[cfg(not(target_arch = "wasm32"))]
            Job::File(path) => match &self.pool {
                Some(pool) => pool.read(path, Box::new(finish)),
                None => finish(Err(FetchError::BadPath(path))),
            },
        }
    }
}

fn read_answer(url: String, answer: ehttp::Result<ehttp::Response>) -> FetchResult {
    match answer {
        Err(reason) => Err(FetchError::Network { url, reason }),
        Ok(response) if response.ok => Ok(response.bytes),
        Ok(response) if response.status == 404 => Err(FetchError::NotFound(url)),
        Ok(response) if AccessRefused::of_status(response.status).is_some() => {
            let refused = AccessRefused::of_status(response.status).unwrap_or(AccessRefused::LoginNeeded);
            Err(FetchError::Access { url, refused })
        }
        Ok(response) => {
            let text = response.text().and_then(|t| t.lines().next()).unwrap_or(&response.status_text);
            let text = text.chars().take(200).collect();
            Err(FetchError::Status { url, status: response.status, text })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn collect(fetcher: &Fetcher, count: usize) -> BTreeMap<Ticket, FetchResult> {
        let mut all = BTreeMap::new();
        for _ in 0..5000 {
            all.extend(fetcher.poll());
            if all.len() >= count {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        all
    }

    #[test]
    fn a_folder_is_read_by_ticket_and_never_left() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("层")).unwrap();
        for i in 0..100 {
            std::fs::write(dir.path().join(format!("层/{i}.bin")), [i as u8; 3]).unwrap();
        }
        let fetcher = Fetcher::new(Source::PackDir(dir.path().to_owned()));
        let tickets: Vec<Ticket> = (0..100).map(|i| fetcher.fetch(&format!("层/{i}.bin"))).collect();
        let results = collect(&fetcher, 100);
        for (i, ticket) in tickets.iter().enumerate() {
            assert_eq!(results[ticket], Ok(vec![i as u8; 3]));
        }
        let (missing, climbing, api) =
            (fetcher.fetch("nothing"), fetcher.fetch("../secret"), fetcher.fetch_url("/api/community"));
        let results = collect(&fetcher, 3);
        assert_eq!(results[&missing], Err(FetchError::NotFound("nothing".into())));
        assert_eq!(results[&climbing], Err(FetchError::BadPath("../secret".into())));
        assert!(matches!(results[&api], Err(FetchError::BadPath(_))));
        assert_eq!(fetcher.pending(), 0);
    }

    #[test]
    fn only_the_own_server_is_shown_the_token() {
        let fetcher = Fetcher::new(Source::Server("http://h:1".into())).with_credentials(Credentials::token("stt_1"));
        let signed = |url: &str| fetcher.sign(url, ehttp::Request::get(url)).headers.get("authorization").is_some();
        assert!(signed("http://h:1/pack/community.json"));
        assert!(!signed("http://h:11/x") && !signed("http://h:1.evil.example/x") && !signed("https://other/x"));
    }

    #[test]
    fn a_dead_server_is_an_error_not_a_hang() {
        let fetcher = Fetcher::new(Source::Server("127.0.0.1:9/".into()));
        let ticket = fetcher.fetch("community.json");
        let results = collect(&fetcher, 1);
        assert!(
            matches!(&results[&ticket], Err(FetchError::Network { url, .. }) if url.ends_with("/pack/community.json"))
        );
    }
}
