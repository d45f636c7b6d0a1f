//! What to serve and where.

use crate::access::AccessAdmin;
use crate::error::ServeError;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Default address of REST, WebSocket and files.
pub const DEFAULT_HTTP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8737);
/// Default address of the MQTT listener; not 1883, so that a broker may run beside it.
pub const DEFAULT_MQTT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 18830);

/// What the alerts of the CAP feed are meant to be (CAP 1.2 §3.2.1, `status`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AlertStatus {
    /// To be acted on (实况).
    Actual,
    /// Only for those who take part in an exercise (演练).
    Exercise,
    /// To be disregarded by all (测试).
    #[default]
    Test,
}

/// Settings of [`crate::serve`].
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The community pack.
    pub pack_dir: PathBuf,
    /// Where the log, the history and the runs live; created when missing. Each pack gets its own folder inside.
    pub data_dir: PathBuf,
    /// Address of REST, WebSocket and files; port 0 takes a free one.
    pub http_addr: SocketAddr,
    /// Address of the MQTT listener; port 0 takes a free one.
    pub mqtt_addr: SocketAddr,
    /// Folder of the built web viewer; without it `/` is a page that says how to build it.
    pub web_dir: Option<PathBuf>,
    /// Program whose `simulate` subcommand computes runs.
    pub simulate_exe: PathBuf,
    /// Listen on addresses other machines can reach. Needs accounts in the data folder, and for MQTT credentials of
    /// devices.
    pub allow_remote: bool,
    /// A proxy in front speaks TLS: cookies are only ever sent over it.
    pub behind_tls: bool,
    /// Fire alarms in buildings whose inside is known start evacuation forecasts.
    pub forecasts: bool,
    /// Days of history and log kept, 1 or more.
    pub history_days: u32,
    /// Values committed between two snapshots; a restart reads back at most this many, or those of two minutes.
    pub snapshot_seqs: u64,
    /// Folder of the case tables (`tables.toml` and what it names); without it the pack's folder `cases`, and without
    /// that the built-in ones, which only show how it works.
    pub case_tables: Option<PathBuf>,
    /// Status of every alert in the CAP feed. `Test` until somebody who may warn others says otherwise.
    pub alert_status: AlertStatus,
}

impl ServeOptions {
    /// Defaults for a pack and a data folder: loopback only, 30 days, runs computed by the present program.
    #[must_use]
    pub fn new(pack_dir: PathBuf, data_dir: PathBuf) -> Self {
        Self {
            pack_dir,
            data_dir,
            http_addr: DEFAULT_HTTP,
            mqtt_addr: DEFAULT_MQTT,
            web_dir: None,
            simulate_exe: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("sandtable")),
            allow_remote: false,
            behind_tls: false,
            forecasts: true,
            history_days: 30,
            snapshot_seqs: 50_000,
            case_tables: None,
            alert_status: AlertStatus::default(),
        }
    }

    /// Refuses an address that other machines can reach unless that is meant and everybody there is known.
    pub(crate) fn check(&self) -> Result<(), ServeError> {
        let data = self.data_dir.display();
        for (what, addr) in [("HTTP", self.http_addr), ("MQTT", self.mqtt_addr)] {
            if addr.ip().is_loopback() {
                continue;
            }
            let mut admin = None;
            if AccessAdmin::has_accounts(&self.data_dir)? {
                admin = Some(AccessAdmin::open(&self.data_dir)?);
            }
            let (known, missing, remedy) = if what == "HTTP" {
                let first = "sandtable account add NAME --role duty_officer --jurisdiction '*' --data";
                (admin.is_some(), "accounts", format!("{first} {data}"))
            } else {
                let devices = admin.as_mut().map(AccessAdmin::devices).transpose()?.unwrap_or_default();
                let remedy =
                    format!("sandtable token device ID --topic TOPIC --data {data} (with an account made before)");
                (!devices.is_empty(), "credentials of devices", remedy)
            };
            if !known {
                return Err(ServeError::NotLoopback { what, addr, missing, data_dir: self.data_dir.clone(), remedy });
            }
            if !self.allow_remote {
                return Err(ServeError::NotAllowed { what, addr });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{NewAccount, NewDevice};
    use access::{Grant, Jurisdiction, Role};

    #[test]
    fn other_machines_only_with_accounts_and_when_told() {
        let dir = tempfile::tempdir().unwrap();
        let mut options = ServeOptions::new("p".into(), dir.path().join("data"));
        assert!(options.check().is_ok());
        options.http_addr = SocketAddr::from(([0, 0, 0, 0], 8080));
        options.allow_remote = true;
        let line = options.check().unwrap_err().to_string();
        assert!(line.contains("0.0.0.0:8080") && line.contains("sandtable account add"), "{line}");
        assert!(!options.data_dir.exists(), "looking makes nothing");
        let mut admin = AccessAdmin::open(&options.data_dir).unwrap();
        let new = NewAccount {
            login: "duty".into(),
            display_name: "值班".into(),
            password: "a long enough one".into(),
            grants: vec![Grant::new(Role::DutyOfficer, Jurisdiction::Everywhere)],
        };
        admin.add(&new).unwrap();
        assert!(options.check().is_ok());
        options.mqtt_addr = SocketAddr::from(([0, 0, 0, 0], 1883));
        let line = options.check().unwrap_err().to_string();
        assert!(line.contains("MQTT address 0.0.0.0:1883") && line.contains("sandtable token device"), "{line}");
        admin.put_device(NewDevice { id: "d1".into(), topics: vec!["a/b".into()] }).unwrap();
        assert!(options.check().is_ok());
        options.allow_remote = false;
        let line = options.check().unwrap_err().to_string();
        assert!(line.contains("--allow-remote"), "{line}");
    }
}
