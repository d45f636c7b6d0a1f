//! `sandtable simulate`: also what the server starts as a child process for a run.

use crate::progress::{self, print_line};
use anyhow::Context;
use evac_run::PlanSource;
use serde_json::json;
use sim_core::CancelToken;
use sim_run::hazard::PassLimits;
use sim_run::preflight::Report;
use sim_run::{Exports, LiveSnapshot, RunError, RunEvent, RunRequest};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;
use twin_model::{FloodImpact, Intervention, RunSummary, Scenario};

#[derive(clap::Args)]
pub struct Args {
    /// Scenario file (TOML).
    scenario: PathBuf,
    /// Pack folder.
    #[arg(long, required_unless_present = "plan")]
    pack: Option<PathBuf>,
    /// Building model (IFC) to evacuate, instead of a plan of the pack.
    #[arg(long, conflicts_with = "pack")]
    plan: Option<PathBuf>,
    /// Folder of a flood run whose water stands at the building's exits (evacuations).
    #[arg(long)]
    flood: Option<PathBuf>,
    /// Let people walk on to a place of safety outside, also where the scenario has no [outdoor] (evacuations).
    #[arg(long)]
    outdoor: bool,
    /// Live state to start from (LIVE.json, as the server writes it).
    #[arg(long)]
    live: Option<PathBuf>,
    /// Data folder of a server: start from its present state.
    #[arg(long, conflicts_with = "live")]
    data: Option<PathBuf>,
    /// What gauges measured before, for a scenario with base = "hindcast": answers of the server's history query (JSON) or
    /// a table with entity, property, observed_at, value (CSV). May be given more than once. Without --live or --data the
    /// present is the time of the latest value.
    #[arg(long)]
    history: Vec<PathBuf>,
    /// Continue from the state that another run on the same grid reached (state.bin of its folder).
    #[arg(long)]
    from_state: Option<PathBuf>,
    /// Run folder to write; must not hold another run.
    #[arg(long, required_unless_present = "check")]
    out: Option<PathBuf>,
    /// Only look at the input and report what would make the run misleading.
    #[arg(long)]
    check: bool,
    /// Files to write beside frames, greatest depth and summary, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Export::Csv, Export::Geotiff, Export::State])]
    export: Vec<Export>,
    /// Perturbed members to compute beside the run itself, 0 to 1000: for probabilities and percentiles [default: the scenario's].
    #[arg(long)]
    ensemble: Option<u32>,
    /// Correct measured rain and river level so that the past meets the depth and level gauges (base = "hindcast"), whatever
    /// the scenario says.
    #[arg(long)]
    correct: bool,
    /// Greatest depth that fire engines wade, m, 0.1 to 2 [default: 0.5, that of large four-wheel-drive vehicles].
    #[arg(long)]
    fire_engine_depth: Option<f64>,
    /// Take interventions from standard input while the run goes on, a JSON array a line; each takes effect after the next frame.
    #[arg(long)]
    edits: bool,
    /// One JSON line per frame and the summary on stdout.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Export {
    /// Outcomes per entity and roads by segment as CSV.
    Csv,
    /// Outcomes per entity as Parquet.
    Parquet,
    /// Hazard, hazard class, first wetting and speed as GeoTIFF.
    Geotiff,
    /// Depth of every frame as GeoTIFF.
    GeotiffFrames,
    /// Depth and velocity of every frame as NetCDF (CF).
    Netcdf,
    /// Velocity frames for viewers.
    Velocity,
    /// The state at the end, to continue from.
    State,
    /// The state at every frame.
    FrameStates,
    /// All of these but the state at every frame.
    All,
    /// None of these.
    None,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let text = read_text(&args.scenario)?;
    if evac_run::is_evacuation(&text) {
        return evacuate(args, &text);
    }
    let Some(pack) = &args.pack else { anyhow::bail!("a flood needs --pack: a plan alone has no terrain") };
    let mut scenario = read_scenario(&text, &args.scenario)?;
    scenario.members = args.ensemble.unwrap_or(scenario.members);
    scenario.correct |= args.correct;
    let live = live_state(args)?;
    let edits = args.edits.then(edits_from_stdin).transpose()?;
    let request = RunRequest {
        scenario: &scenario,
        pack_dir: pack,
        live: live.as_ref(),
        from_state: args.from_state.as_deref(),
        exports: exports(&args.export),
        limits: limits(args.fire_engine_depth)?,
        edits: edits.as_ref(),
    };
    match &args.out {
        Some(out) if !args.check => compute(request, out, args.json),
        _ => check(request, args.json),
    }
}

fn check(request: RunRequest<'_>, as_json: bool) -> anyhow::Result<()> {
    let report = sim_run::check_flood(request)?;
    if as_json {
        print_line(&json!({"preflight": report}));
    } else {
        print_report(&report);
    }
    Ok(())
}

fn compute(request: RunRequest<'_>, out: &Path, as_json: bool) -> anyhow::Result<()> {
    let cancel = CancelToken::new();
    cancel_on_interrupt(&cancel)?;
    let bar = (!as_json).then(progress::bar);
    let mut on_event = |event: RunEvent| {
        let (thousandths, message, line) = told(&event);
        if let Some(bar) = &bar {
            bar.set_position(thousandths);
            bar.set_message(message);
        } else {
            print_line(&line);
        }
    };
    let summary = sim_run::run_flood(request, out, &cancel, &mut on_event)?;
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    if as_json {
        print_line(&json!({"summary": summary}));
    } else {
        print_summary(&summary);
    }
    Ok(())
}

/// An event as thousandths, words and a JSON line.
fn told(event: &RunEvent) -> (u64, String, serde_json::Value) {
    match event {
        RunEvent::Frame(f) => (
            (f.t_s / f.duration_s * 1000.0) as u64,
            format!("{:.0} of {:.0} s", f.t_s, f.duration_s),
            json!({"frame": f.frame, "t_s": f.t_s, "reached_s": f.t_s}),
        ),
        RunEvent::Edited { at_s, count } => {
            (0, format!("{count} interventions at {at_s:.0} s"), json!({"edited": {"at_s": at_s, "count": count}}))
        }
        RunEvent::EditRefused { error } => (0, format!("refused: {error}"), json!({"edit_refused": error})),
        RunEvent::CorrectionRun { done } => {
            (0, format!("correction by observations: run {done}"), json!({"correction_run": done}))
        }
        RunEvent::Member { done, members } => (
            u64::from(*done) * 1000 / u64::from((*members).max(1)),
            format!("member {done} of {members}"),
            json!({"member": done, "members": members}),
        ),
    }
}

/// Edits that may wait for the run.
const EDITS_WAITING: usize = 16;

/// Lines of standard input as interventions; a line that is none stops the program.
fn edits_from_stdin() -> anyhow::Result<Mutex<Receiver<Vec<Intervention>>>> {
    let (sender, receiver) = sync_channel(EDITS_WAITING);
    std::thread::Builder::new().name("edits".into()).spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok).filter(|l| !l.trim().is_empty()) {
            let Ok(edit) = serde_json::from_str(&line) else {
                eprintln!("standard input: no JSON array of interventions: {line}");
                std::process::exit(1);
            };
            if sender.send(edit).is_err() {
                return;
            }
        }
    })?;
    Ok(Mutex::new(receiver))
}

fn exports(wanted: &[Export]) -> Exports {
    let has = |export| wanted.contains(&export);
    if has(Export::All) {
        return Exports { frame_states: has(Export::FrameStates), ..Exports::all() };
    }
    if has(Export::None) {
        return Exports::none();
    }
    Exports {
        csv: has(Export::Csv),
        parquet: has(Export::Parquet),
        geotiff: has(Export::Geotiff),
        frame_geotiffs: has(Export::GeotiffFrames),
        netcdf: has(Export::Netcdf),
        velocity: has(Export::Velocity),
        state: has(Export::State),
        frame_states: has(Export::FrameStates),
    }
}

fn limits(fire_engine_depth_m: Option<f64>) -> Result<PassLimits, RunError> {
    let mut limits = PassLimits::default();
    if let Some(depth_m) = fire_engine_depth_m {
        if !(0.1..=2.0).contains(&depth_m) {
            let value = format!("{depth_m} m");
            return Err(RunError::Option { name: "fire-engine-depth", value, allowed: "0.1..2 m" });
        }
        limits.fire_engine.depth_m = depth_m;
    }
    Ok(limits)
}

fn live_state(args: &Args) -> anyhow::Result<Option<LiveSnapshot>> {
    let mut live = if let Some(file) = &args.live {
        Some(LiveSnapshot::read(file)?)
    } else if let Some(data) = &args.data {
        let text =
            sync_server::live_json(data).with_context(|| format!("reading live state from {}", data.display()))?;
        Some(serde_json::from_str(&text)?)
    } else {
        None
    };
    for file in &args.history {
        live.get_or_insert_default().add_history(sim_run::read_history(file)?);
    }
    Ok(live)
}

/// An evacuation from the same command line; options for water do not apply.
fn evacuate(args: &Args, text: &str) -> anyhow::Result<()> {
    let source = match (&args.plan, &args.pack) {
        (Some(file), _) => PlanSource::Ifc(file.clone()),
        (None, Some(dir)) => PlanSource::Pack(dir.clone()),
        (None, None) => anyhow::bail!("an evacuation needs --pack or --plan"),
    };
    match &args.out {
        Some(out) if !args.check => {
            let cancel = CancelToken::new();
            cancel_on_interrupt(&cancel)?;
            crate::evacuate::run(
                text,
                &args.scenario,
                args.outdoor,
                &source,
                args.flood.as_deref(),
                out,
                &cancel,
                args.json,
            )
        }
        _ => crate::evacuate::check(text, &args.scenario, args.outdoor, &source),
    }
}

fn read_text(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| file.display().to_string())
}

fn read_scenario(text: &str, file: &Path) -> Result<Scenario, RunError> {
    toml::from_str(text).map_err(|e| RunError::ScenarioFile { file: file.to_owned(), message: e.to_string() })
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
    print_impact(&s.impact);
    print_line(format_args!("  mass error  {:.2e} of inflow", s.mass_error));
    print_line(format_args!("  checksum    {}", s.checksum));
}

fn print_impact(impact: &FloodImpact) {
    let t = &impact.totals;
    let people = if t.people_attributes.is_empty() { "unknown".to_owned() } else { t.people.to_string() };
    print_line(format_args!(
        "  reached     {} buildings, {} ground-floor households, people {people}, {} garages, {} substations, {} manholes",
        t.buildings, t.households, t.garages, t.substations, t.manholes
    ));
    print_line(format_args!(
        "  roads cut   {:.0} m for pedestrians, {:.0} m for cars, {:.0} m for fire engines",
        t.road_cut_pedestrian_m, t.road_cut_car_m, t.road_cut_fire_engine_m
    ));
    if !impact.predicted_alarms.is_empty() {
        print_line(format_args!("  alarms      {} predicted", impact.predicted_alarms.len()));
    }
    if let Some(c) = &impact.correction {
        print_line(format_args!(
            "  corrected   rain x {:.2}, river {:+.2} m: {:.3} m to the gauges, before {:.3} m",
            c.rain_factor, c.stage_offset_m, c.rmse_after_m, c.rmse_before_m
        ));
    }
    if let Some(e) = &impact.ensemble {
        let [low, middle, high] = e.flooded_area_m2;
        print_line(format_args!(
            "  ensemble    {} members: flooded {low:.0} / {middle:.0} / {high:.0} m2 (10, 50, 90 %)",
            e.members
        ));
    }
    if impact.preflight_warnings > 0 {
        print_line(format_args!("  preflight   {} warnings, see preflight.json", impact.preflight_warnings));
    }
}

fn print_report(report: &Report) {
    print_line(format_args!(
        "{} cells of {} m, {:.0} % blocked, {} findings",
        report.cells,
        report.cell_m,
        report.blocked_share * 100.0,
        report.findings.len()
    ));
    for f in &report.findings {
        let place = f.p_enu.map_or_else(String::new, |p| format!(" at ({:.0}, {:.0})", p[0], p[1]));
        print_line(format_args!("  {:?}: {}{place}: {}", f.severity, f.message, f.advice));
    }
}
