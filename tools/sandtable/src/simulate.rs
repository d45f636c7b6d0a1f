//! `sandtable simulate`: also what the server starts as a child process for a run.

use crate::progress::{self, print_line};
use anyhow::Context;
use serde_json::json;
use sim_core::CancelToken;
use sim_run::{FrameWritten, LiveSnapshot, RunError};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;
use twin_model::{RunSummary, Scenario};

#[derive(clap::Args)]
pub struct Args {
    /// Scenario file (TOML).
    scenario: PathBuf,
    /// Pack folder.
    #[arg(long)]
    pack: PathBuf,
    /// Live state to start from (LIVE.json, as the server writes it).
    #[arg(long)]
    live: Option<PathBuf>,
    /// Data folder of a server: start from its present state.
    #[arg(long, conflicts_with = "live")]
    data: Option<PathBuf>,
    /// Run folder to write; must not hold another run.
    #[arg(long)]
    out: PathBuf,
    /// One JSON line per frame and the summary on stdout.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let scenario = read_scenario(&args.scenario)?;
    let live = live_state(args)?;
    let cancel = CancelToken::new();
    cancel_on_interrupt(&cancel)?;
    let bar = (!args.json).then(progress::bar);
    let mut on_frame = |frame: FrameWritten| {
        if let Some(bar) = &bar {
            bar.set_position((frame.t_s / frame.duration_s * 1000.0) as u64);
            bar.set_message(format!("{:.0} of {:.0} s", frame.t_s, frame.duration_s));
        } else {
            print_line(&json!({"frame": frame.frame, "t_s": frame.t_s, "reached_s": frame.t_s}));
        }
    };
    let summary = sim_run::run_flood(&scenario, &args.pack, live.as_ref(), &args.out, &cancel, &mut on_frame)?;
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    if args.json {
        print_line(&json!({"summary": summary}));
    } else {
        print_summary(&summary);
    }
    Ok(())
}

fn live_state(args: &Args) -> anyhow::Result<Option<LiveSnapshot>> {
    if let Some(file) = &args.live {
        return Ok(Some(LiveSnapshot::read(file)?));
    }
    let Some(data) = &args.data else { return Ok(None) };
    let text = sync_server::live_json(data).with_context(|| format!("reading live state from {}", data.display()))?;
    Ok(Some(serde_json::from_str(&text)?))
}

fn read_scenario(file: &Path) -> Result<Scenario, RunError> {
    let text = std::fs::read_to_string(file).map_err(|source| RunError::Io { path: file.to_owned(), source })?;
    toml::from_str(&text).map_err(|e| RunError::ScenarioFile { file: file.to_owned(), message: e.to_string() })
}

/// Forwards Ctrl-C to the kernel, which looks at the token between steps.
fn cancel_on_interrupt(cancel: &CancelToken) -> anyhow::Result<()> {
    let (flag, cancel) = (progress::interrupt_flag()?, cancel.clone());
    std::thread::Builder::new().name("interrupt".into()).spawn(move || {
        while !flag.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(50));
        }
        cancel.cancel();
    })?;
    Ok(())
}

fn print_summary(s: &RunSummary) {
    print_line(format_args!(
        "{}: {} steps on {} x {} cells of {} m",
        s.scenario.name, s.steps, s.grid.nx, s.grid.ny, s.grid.dx_m
    ));
    for (name, value, unit, at) in &s.live_inputs {
        print_line(format_args!("  live input  {name} = {value} {unit} at {}", at.datetime_china()));
    }
    print_line(format_args!(
        "  flooded     {:.0} m2, deepest {:.2} m, {} things affected",
        s.flooded_area_m2,
        s.max_depth_m,
        s.affected.len()
    ));
    print_line(format_args!(
        "  volumes     start {:.1}, rain {:.1}, in {:.1}, out {:.1}, end {:.1} m3",
        s.volume_start_m3, s.rain_m3, s.inflow_m3, s.outflow_m3, s.volume_end_m3
    ));
    print_line(format_args!("  mass error  {:.2e} of inflow", s.mass_error));
    print_line(format_args!("  checksum    {}", s.checksum));
}
