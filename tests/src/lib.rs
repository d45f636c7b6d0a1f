//! Helpers shared by the cross-crate tests: the built programs, the demo pack made once, tree hashes.

use sha2::{Digest, Sha256};
use std::ffi::{OsStr, OsString};
use std::fmt::Debug;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::sync::OnceLock;
use std::time::Duration;

/// Folder of the repository.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// A program that `cargo build --release --workspace` made, beside this test's own folder.
///
/// # Panics
/// When it is not there: `tools/test` builds everything before the tests.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let exe = std::env::current_exe().unwrap_or_default();
    let path = exe.ancestors().nth(2).map(|dir| dir.join(name)).unwrap_or_default();
    assert!(path.is_file(), "{} is missing: run `cargo build --release --workspace` first", path.display());
    path
}

/// Folder with `deliveries` and `pack` of the demo community, made once per build.
///
/// # Panics
/// When generate or import fails.
pub fn demo() -> &'static Path {
    static DEMO: OnceLock<PathBuf> = OnceLock::new();
    DEMO.get_or_init(|| {
        let release = program("sandtable").parent().map(Path::to_path_buf).unwrap_or_default();
        let target = release.parent().map(Path::to_path_buf).unwrap_or_default();
        let dir = std::env::var_os("SANDTABLE_E2E").map_or_else(|| target.join("e2e"), PathBuf::from);
        let status = Command::new(root().join("tests/demo_pack")).arg(&dir).env("CARGO_TARGET_DIR", &target).status();
        assert!(status.is_ok_and(|s| s.success()), "tests/demo_pack failed");
        dir
    })
}

/// Runs `sandtable` with arguments.
///
/// # Panics
/// When the program cannot be started.
#[must_use]
pub fn sandtable(args: &[impl AsRef<OsStr>]) -> Output {
    match Command::new(program("sandtable")).args(args).output() {
        Ok(output) => output,
        Err(error) => panic!("cannot start sandtable: {error}"),
    }
}

/// Runs `sandtable` and demands success.
///
/// # Panics
/// When it exits with another code than 0.
pub fn sandtable_ok(args: &[impl AsRef<OsStr> + Debug]) -> String {
    let output = sandtable(args);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "sandtable {args:?}: {}\n{err}", output.status);
    out.into_owned()
}

/// Arguments of `sandtable simulate` for a scenario file on the demo pack.
#[must_use]
pub fn simulate_args(scenario: &Path, out: &Path) -> [OsString; 6] {
    let pack = demo().join("pack");
    ["simulate".into(), scenario.into(), "--pack".into(), pack.into(), "--out".into(), out.into()]
}

/// (relative path, SHA-256) of every file below a folder, sorted.
///
/// # Panics
/// When a file cannot be read.
#[must_use]
pub fn tree_hashes(dir: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut stack = vec![dir.to_path_buf()];
    while let Some(folder) = stack.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { panic!("cannot list {}", folder.display()) };
        for path in entries.filter_map(Result::ok).map(|e| e.path()) {
            if path.is_dir() {
                stack.push(path);
                continue;
            }
            let Ok(bytes) = fs::read(&path) else { panic!("cannot read {}", path.display()) };
            let digest: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
            let name = path.strip_prefix(dir).unwrap_or(&path).to_string_lossy().into_owned();
            found.push((name, digest));
        }
    }
    found.sort();
    found
}

/// Folder of real sample data, when this machine has it: `$SANDTABLE_SHARED`, else `../shared` beside the repository.
#[must_use]
pub fn shared() -> Option<PathBuf> {
    let dir = std::env::var_os("SANDTABLE_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    dir.join("data").is_dir().then_some(dir)
}

/// True when a program is on the PATH.
#[must_use]
pub fn installed(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

fn free_ports() -> [u16; 2] {
    let listeners = [0, 1].map(|_| TcpListener::bind("127.0.0.1:0"));
    listeners.map(|l| match l.and_then(|l| l.local_addr()) {
        Ok(addr) => addr.port(),
        Err(error) => panic!("no free port: {error}"),
    })
}

/// A `sandtable serve` process on free loopback ports; ends with the value.
pub struct Server {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    mqtt_port: u16,
    child: Child,
}

impl Server {
    /// Starts it and waits until it answers.
    ///
    /// # Panics
    /// When it does not answer within a minute.
    #[must_use]
    pub fn start(pack: &Path, data: &Path) -> Self {
        // Another program may take a port between its choice and its use: then the server ends at once, and is started anew.
        for _ in 0..5 {
            if let Some(server) = Self::started(pack, data) {
                return server;
            }
        }
        panic!("sandtable serve does not listen");
    }

    /// `None` when it has ended by itself.
    fn started(pack: &Path, data: &Path) -> Option<Self> {
        // Both at once: a port given back is often the next one given out.
        let [http_port, mqtt_port] = free_ports();
        let mut command = Command::new(program("sandtable"));
        command.arg("serve").arg(pack).arg("--data").arg(data);
        command.args(["--listen", &format!("127.0.0.1:{http_port}"), "--mqtt", &format!("127.0.0.1:{mqtt_port}")]);
        let child = match command.env("RUST_LOG", "warn").spawn() {
            Ok(child) => child,
            Err(error) => panic!("cannot start sandtable serve: {error}"),
        };
        let mut server = Self { url: format!("http://127.0.0.1:{http_port}"), mqtt_port, child };
        for _ in 0..600 {
            if server.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return None;
            }
            if TcpStream::connect(("127.0.0.1", http_port)).is_ok() {
                return Some(server);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("sandtable serve does not listen on port {http_port}");
    }

    /// Publishes with Debian's client, QoS 1; returns after the acknowledgement.
    ///
    /// # Panics
    /// When it is not acknowledged.
    pub fn publish(&self, topic: &str, payload: &str) {
        let port = self.mqtt_port.to_string();
        let args = ["-h", "127.0.0.1", "-p", &port, "-V", "mqttv5", "-q", "1", "-t", topic, "-m", payload];
        let status = Command::new("mosquitto_pub").args(args).status();
        assert!(status.is_ok_and(|s| s.success()), "mosquitto_pub {topic} failed");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}
