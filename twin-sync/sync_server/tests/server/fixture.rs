//! A server within the test, HTTP without async, and a viewer.

use crate::pack;
use serde_json::Value;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use sync_client::{LinkEvent, LiveLink};
use sync_core::{LiveState, ResumeToken};
use sync_server::{ServeOptions, ServerHandle};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use twin_model::TimeMs;

/// How long something may take before the test gives up on it; not an expectation.
const PATIENCE: Duration = Duration::from_secs(40);

pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn now() -> TimeMs {
    TimeMs(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64)
}

/// Stands in for the program that computes runs: three "frames", then the summary. A scenario named `slow` takes its
/// time, one named `broken` fails.
const SIMULATE: &str = r#"#!/bin/sh
[ "$1" = simulate ] && [ "$2" = --json ] && [ "$4" = --pack ] && [ "$6" = --live ] && [ "$8" = --out ] || exit 2
if grep -q '^name = "broken"' "$3"; then echo starting >&2; echo "no terrain in this pack" >&2; exit 1; fi
for frame in 0 1 2; do
  printf "$frame" > "$9/frame_0000$frame.q"
  echo "{\"frame\":$frame,\"t_s\":$frame.0,\"reached_s\":$frame.0}"
  if grep -q '^name = "slow"' "$3"; then exec sleep 60; fi
done
echo '{"summary":{"frame_times_s":[0,1,2]}}'
"#;

fn write_simulate(path: &Path) {
    std::fs::write(path, SIMULATE).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

pub struct Fixture {
    pub dir: TempDir,
    pub runtime: Runtime,
    server: Option<ServerHandle>,
    pub http: SocketAddr,
    pub mqtt: SocketAddr,
}

impl Fixture {
    pub fn start() -> Self {
        Self::start_with(pack::write)
    }

    /// With the pack that `write` puts into a folder.
    pub fn start_with(write: impl Fn(&Path)) -> Self {
        Self::start_prepared(write, |_data| {})
    }

    /// With what `prepare` puts into the data folder before the server starts.
    pub fn start_prepared(write: impl Fn(&Path), prepare: impl FnOnce(&Path)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join("pack"));
        prepare(&dir.path().join("data"));
        write_simulate(&dir.path().join("simulate"));
        let runtime = Runtime::new().unwrap();
        let none = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut fixture = Self { dir, runtime, server: None, http: none, mqtt: none };
        fixture.open();
        fixture
    }

    fn open(&mut self) {
        let mut options = ServeOptions::new(self.dir.path().join("pack"), self.dir.path().join("data"));
        // The second time the same ports, so that clients find the server again.
        options.http_addr = self.http;
        options.mqtt_addr = self.mqtt;
        options.simulate_exe = self.dir.path().join("simulate");
        let server = self.runtime.block_on(ServerHandle::start(options)).unwrap();
        (self.http, self.mqtt) = (server.http_addr(), server.mqtt_addr());
        self.server = Some(server);
    }

    /// A graceful stop and a new start on the same data.
    pub fn restart(&mut self) {
        self.stop();
        self.open();
    }

    pub fn stop(&mut self) {
        let server = self.server.take().unwrap();
        self.runtime.block_on(server.stop()).unwrap();
    }

    pub fn server(&self) -> &ServerHandle {
        self.server.as_ref().unwrap()
    }

    /// The data folder.
    pub fn data(&self) -> std::path::PathBuf {
        self.dir.path().join("data")
    }

    pub fn get(&self, path: &str) -> Value {
        let (status, body) = call(self.http, "GET", path, None);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    pub fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        call(self.http, "POST", path, Some(body))
    }

    /// Latest level of a device.
    pub fn level(&self, device: u32) -> Option<f64> {
        self.get(&format!("/api/state?entity={device}&property=level_m"))["state"][0]["value"].as_f64()
    }

    pub fn metric(&self, name: &str) -> u64 {
        let request = ehttp::Request::get(format!("http://{}/metrics", self.http));
        let text = ehttp::fetch_blocking(&request).unwrap();
        let text = text.text().unwrap().to_owned();
        let line = text.lines().find_map(|l| l.strip_prefix(&format!("sandtable_{name} ")));
        line.unwrap_or_else(|| panic!("no metric {name}")).parse::<f64>().unwrap() as u64
    }

    pub fn viewer(&self) -> Viewer {
        Viewer { link: LiveLink::connect(&self.http.to_string()), live: LiveState::default(), resumed: vec![] }
    }
}

/// Status and JSON body.
pub fn call(http: SocketAddr, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    let url = format!("http://{http}{path}");
    let request = match (method, body) {
        ("POST", body) => ehttp::Request::post(url, body.map(Value::to_string).unwrap_or_default().into_bytes()),
        ("DELETE", _) => ehttp::Request::delete(&url),
        _ => ehttp::Request::get(url),
    };
    let answer = ehttp::fetch_blocking(&request).unwrap();
    (answer.status, serde_json::from_slice(&answer.bytes).unwrap_or(Value::Null))
}

/// A viewer as the desk and the browser are one: the same link, the same state.
pub struct Viewer {
    pub link: LiveLink,
    pub live: LiveState,
    /// The `resumed` flag of every welcome.
    pub resumed: Vec<bool>,
}

impl Viewer {
    pub fn poll(&mut self) {
        for event in self.link.poll(now()) {
            match event {
                LinkEvent::Welcome { resumed, .. } => self.resumed.push(resumed),
                LinkEvent::Snapshot(message) | LinkEvent::Delta(message) => {
                    self.live.apply_message(&message).unwrap();
                }
                LinkEvent::Connected | LinkEvent::Lost(_) => {}
            }
        }
    }

    pub fn until(&mut self, what: &str, mut done: impl FnMut(&LiveState) -> bool) {
        wait_until(what, || {
            self.poll();
            done(&self.live)
        });
    }

    pub fn catches_up(&mut self, fixture: &Fixture) {
        self.until("viewer catches up", |live| live.seq() == fixture.server().seq());
        assert_eq!(self.live.hash(), fixture.server().state_hash());
    }

    /// Closes the connection; the state and where it stood are kept.
    pub fn leave(self) -> (LiveState, ResumeToken) {
        let token = self.link.token().cloned().unwrap();
        (self.live, token)
    }

    pub fn back(fixture: &Fixture, live: LiveState, token: ResumeToken) -> Self {
        Self { link: LiveLink::resume(&fixture.http.to_string(), token), live, resumed: vec![] }
    }
}
