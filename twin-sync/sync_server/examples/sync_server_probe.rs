//! A server process for tests that must kill one, and a stand-in for the program that computes runs.
//!
//! `sync_server_probe serve PACK DATA HTTP MQTT` serves; one line of JSON with the addresses says that it is ready.
//! `sync_server_probe simulate --json SCENARIO --pack PACK --live LIVE --out RUN` writes three "frames", slowly when the
//! scenario's name is `slow`, or fails when it is `broken`.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;
use sync_server::{ServeOptions, ServerHandle};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve", pack, data, http, mqtt] => {
            let mut options = ServeOptions::new(PathBuf::from(pack), PathBuf::from(data));
            options.http_addr = http.parse()?;
            options.mqtt_addr = mqtt.parse()?;
            options.snapshot_seqs = 3000;
            tokio::runtime::Runtime::new()?.block_on(serve(options))
        }
        ["simulate", "--json", scenario, "--pack", _, "--live", live, "--out", out] => simulate(scenario, live, out),
        other => Err(format!("unknown arguments {other:?}").into()),
    }
}

async fn serve(options: ServeOptions) -> Result<(), Failure> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(tracing::Level::WARN).init();
    let server = ServerHandle::start(options).await?;
    println!("{}", serde_json::json!({ "http": server.http_addr(), "mqtt": server.mqtt_addr() }));
    std::io::stdout().flush()?;
    server.wait_for_signal().await;
    Ok(server.stop().await?)
}

fn simulate(scenario: &str, live: &str, out: &str) -> Result<(), Failure> {
    let scenario: twin_model::Scenario = toml::from_str(&std::fs::read_to_string(scenario)?)?;
    let live: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(live)?)?;
    let rows = live["state"].as_array().map_or(0, Vec::len);
    if scenario.name == "broken" {
        eprintln!("starting\nno terrain in this pack");
        std::process::exit(1);
    }
    let pause = if scenario.name == "slow" { Duration::from_secs(60) } else { Duration::from_millis(5) };
    for frame in 0..3 {
        std::fs::write(PathBuf::from(out).join(format!("frame_{frame:05}.q")), [frame])?;
        println!("{{\"frame\":{frame},\"t_s\":{}.0,\"reached_s\":{}.0}}", frame, frame);
        std::io::stdout().flush()?;
        std::thread::sleep(pause);
    }
    println!("{}", serde_json::json!({ "summary": { "frame_times_s": [0, 1, 2], "rows": rows } }));
    Ok(())
}
