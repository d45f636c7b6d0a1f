//! `sandtable serve`.

use anyhow::Context;
use std::net::SocketAddr;
use std::path::PathBuf;
use sync_server::{AlertStatus, DEFAULT_HTTP, DEFAULT_MQTT, ServeOptions, ServerHandle};
use tracing_subscriber::EnvFilter;

#[derive(clap::Args)]
pub struct Args {
    /// Pack folder.
    pack: PathBuf,
    /// Address of REST, WebSocket, pack files and the web viewer.
    #[arg(long, default_value_t = DEFAULT_HTTP, env = "SANDTABLE_LISTEN")]
    listen: SocketAddr,
    /// Address of the MQTT listener.
    #[arg(long, default_value_t = DEFAULT_MQTT, env = "SANDTABLE_MQTT")]
    mqtt: SocketAddr,
    /// Folder of the log, history and runs [default: PACK-data beside the pack].
    #[arg(long, env = "SANDTABLE_DATA")]
    data: Option<PathBuf>,
    /// Folder of the built web viewer (`cargo run -p xtask -- web` makes target/web).
    #[arg(long, env = "SANDTABLE_WEB")]
    web: Option<PathBuf>,
    /// Start simulated devices inside: rain, a rising river, doors, an alarm, devices that die.
    #[arg(long)]
    demo: bool,
    /// Listen beyond this machine. Needs accounts in the data folder (`sandtable account add`), and for MQTT credentials of
    /// devices (`sandtable token device`).
    #[arg(long)]
    allow_remote: bool,
    /// Folder of the case tables: tables.toml and what it names [default: the pack's folder cases, else a small demo].
    #[arg(long, env = "SANDTABLE_CASE_TABLES")]
    case_tables: Option<PathBuf>,
    /// A proxy in front speaks TLS: session cookies are only ever sent over it.
    #[arg(long)]
    behind_tls: bool,
    /// Fire alarms start no evacuation forecasts.
    #[arg(long)]
    no_forecasts: bool,
    /// What alerts of the CAP feed are meant to be.
    #[arg(long, value_enum, default_value = "test")]
    alert_status: AlertStatusArg,
}

#[derive(clap::ValueEnum, Debug, Clone, Copy)]
enum AlertStatusArg {
    Actual,
    Exercise,
    Test,
}

impl From<AlertStatusArg> for AlertStatus {
    fn from(arg: AlertStatusArg) -> Self {
        match arg {
            AlertStatusArg::Actual => Self::Actual,
            AlertStatusArg::Exercise => Self::Exercise,
            AlertStatusArg::Test => Self::Test,
        }
    }
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(args))
}

async fn serve(args: Args) -> anyhow::Result<()> {
    let data = args.data.unwrap_or_else(|| {
        let mut name = args.pack.file_name().unwrap_or_default().to_owned();
        name.push("-data");
        args.pack.with_file_name(name)
    });
    let options = ServeOptions {
        http_addr: args.listen,
        mqtt_addr: args.mqtt,
        web_dir: args.web,
        simulate_exe: std::env::current_exe().context("finding this program for simulation runs")?,
        allow_remote: args.allow_remote,
        behind_tls: args.behind_tls,
        forecasts: !args.no_forecasts,
        case_tables: args.case_tables,
        alert_status: args.alert_status.into(),
        ..ServeOptions::new(args.pack.clone(), data)
    };
    if !args.demo {
        return Ok(sync_server::serve(options).await?);
    }
    let server = ServerHandle::start(options).await?;
    let devices = device_sim::SimOptions::new(server.mqtt_addr(), args.pack);
    let ended = device_sim::run_until(devices, server.wait_for_signal()).await;
    server.stop().await?;
    ended.context("simulated devices")
}
