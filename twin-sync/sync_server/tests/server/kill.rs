//! kill -9, again and again: what was acknowledged is there, once.

use crate::device::{Key, Load};
use crate::fixture::{call, wait_until};
use crate::pack;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use sync_server::{ServeOptions, ServerHandle};

fn free_addr() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

const DIR: &str = "SANDTABLE_PROBE_DIR";
const ADDRS: &str = "SANDTABLE_PROBE_ADDRS";

/// Not a test by itself: what this program does when a test starts it once more as a server process.
#[test]
fn serve_until_killed() {
    let (Ok(dir), Ok(addrs)) = (std::env::var(DIR), std::env::var(ADDRS)) else { return };
    let (http, mqtt) = addrs.split_once(' ').unwrap();
    let mut options = ServeOptions::new(Path::new(&dir).join("pack"), Path::new(&dir).join("data"));
    (options.http_addr, options.mqtt_addr) = (http.parse().unwrap(), mqtt.parse().unwrap());
    // Often, so that kills also hit snapshots and restarts begin from one.
    options.snapshot_seqs = 3000;
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        match ServerHandle::start(options).await {
            Ok(server) => {
                println!("ready");
                server.wait().await.unwrap();
            }
            Err(error) => println!("error: {error}"),
        }
    });
}

fn command(dir: &Path, http: SocketAddr, mqtt: SocketAddr) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--nocapture", "kill::serve_until_killed"]);
    command.env(DIR, dir).env(ADDRS, format!("{http} {mqtt}")).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// A server process; killed with the value.
struct Process(Child);

impl Process {
    fn start(dir: &Path, http: SocketAddr, mqtt: SocketAddr) -> Self {
        let mut child = command(dir, http, mqtt).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.any(|line| line.is_ok_and(|l| l.ends_with("ready")));
        assert!(ready, "server did not start");
        Self(child)
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already gone after `kill`.
        self.0.kill().unwrap_or_default();
        self.0.wait().map(drop).unwrap_or_default();
    }
}

#[test]
fn acknowledged_messages_survive_kill_9_exactly_once() {
    let kills: u32 = std::env::var("SANDTABLE_KILLS").ok().and_then(|v| v.parse().ok()).unwrap_or(20);
    let dir = tempfile::tempdir().unwrap();
    pack::write(&dir.path().join("pack"));
    let (http, mqtt) = (free_addr(), free_addr());
    let mut load = Load::new(mqtt, 2000, pack::STATIONS, 1000);
    let mut random = 0x9e37_79b9_u32;
    let mut slowest_restart = Duration::ZERO;
    let mut epochs = Vec::new();
    for kill in 0..kills {
        // In turn a steady rate and as much as goes: with full groups a kill mostly falls into a half-written one.
        load.rate = if kill % 2 == 0 { 2000 } else { 0 };
        let started = Instant::now();
        let server = Process::start(dir.path(), http, mqtt);
        slowest_restart = slowest_restart.max(started.elapsed());
        epochs.push(call(http, "GET", "/health", None).1["epoch"].clone());
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let after = Duration::from_millis(150 + u64::from(random >> 16) % 500);
        let killed = AtomicBool::new(false);
        // The load goes on while the kill falls, so that it hits between receipt, commit and acknowledgement.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(after);
                server.kill();
                killed.store(true, Ordering::Relaxed);
            });
            load.run_while(|_| !killed.load(Ordering::Relaxed));
        });
    }
    let before = load.acked.len();
    let server = Process::start(dir.path(), http, mqtt);
    load.settle();
    let published: BTreeMap<u32, u64> = load.next.clone();
    let mut acked: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for (device, number) in &load.acked {
        acked.entry(*device).or_default().push(*number);
    }
    let total: usize = acked.values().map(Vec::len).sum();
    for (device, numbers) in &acked {
        let (_, body) = call(http, "GET", &format!("/api/history/{device}/level_m?limit=100000"), None);
        let mut stored: Vec<u64> =
            body["points"].as_array().unwrap().iter().map(|p| p[1].as_f64().unwrap() as u64).collect();
        stored.sort_unstable();
        let twice = stored.windows(2).filter(|w| w[0] == w[1]).count();
        assert_eq!(twice, 0, "device {device}: stored twice");
        let missing: Vec<Key> =
            numbers.iter().filter(|n| stored.binary_search(n).is_err()).map(|n| (*device, *n)).collect();
        assert!(missing.is_empty(), "{} acknowledged but lost, first {:?}", missing.len(), missing.first());
        // Everything was acknowledged in the end, so nothing else can be stored either.
        assert_eq!(stored.len() as u64, published[device]);
    }
    assert!(epochs.windows(2).all(|w| w[0] == w[1]), "the log went on: {epochs:?}");
    assert!(before > 0 && load.reconnects as u32 >= kills);
    println!(
        "{kills} kills, {total} messages acknowledged, 0 lost, 0 stored twice; slowest restart {slowest_restart:?}"
    );
    let hash_before = call(http, "GET", "/api/state", None).1["seq"].clone();
    server.kill();
    let server = Process::start(dir.path(), http, mqtt);
    wait_until("server answers", || call(http, "GET", "/health", None).0 == 200);
    assert_eq!(call(http, "GET", "/api/state", None).1["seq"], hash_before);
    server.kill();
}

#[test]
fn two_servers_never_share_a_data_folder() {
    let dir = tempfile::tempdir().unwrap();
    pack::write(&dir.path().join("pack"));
    let server = Process::start(dir.path(), free_addr(), free_addr());
    let second = command(dir.path(), free_addr(), free_addr()).output().unwrap();
    let said = String::from_utf8_lossy(&second.stdout);
    assert!(said.contains("is in use by another server"), "{said}");
    server.kill();
}
