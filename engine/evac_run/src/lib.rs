//! From an evacuation scenario and a building plan to a run folder (疏散演算).
//!
//! Frames for viewers (`community_pack::evac_folder`) appear as they are computed. The other files appear when the run is
//! complete, `evacuation.json` (summary) last: `report.md`, `spaces.csv`, `agents.csv`, `trajectories.sqlite` (JuPedSim's
//! layout). Step-by-step files are those of the first member.

mod error;
mod flood;
mod folder;
mod frames;
mod report;
mod source;
mod street;
mod tables;
mod trajectories;

pub use error::EvacRunError;
pub use flood::{FloodAtBuilding, water_at_exits};
pub use source::{PlanSource, is_evacuation, read_plan, read_scenario};
pub use street::ground_of;

use community_pack::evac_folder;
use folder::Folder;
use sim_core::CancelToken;
use sim_evac::{EvacEnsemble, EvacMember, EvacModel, EvacRunOf, EvacView, live_forecast};
use std::path::Path;
use std::sync::Arc;
use twin_model::{BuildingPlan, EvacScenario, EvacSummary, FloodAtDoors, LiveForecast, LiveOutcome};

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EvacProgress {
    /// Frame just written, from 0.
    pub frame: u32,
    /// Simulated time, s.
    pub t_s: f64,
    /// Simulated time of the whole run, s.
    pub duration_s: f64,
    /// People of the first member who are out of the building.
    pub left: u64,
    /// And who are inside and can walk.
    pub inside: u64,
    /// Of those who are out, people at a place of safety; `None` for a scenario without `outdoor`.
    pub safe: Option<u64>,
}

/// Longest file of spaces, frames: rows beyond are thinned out.
const SPACE_ROWS: f64 = 200_000.0;
/// The same of a forecast from live signals, for which somebody waits.
const LIVE_ROWS: f64 = 20_000.0;

/// Computes a scenario and writes its run folder. `flood`: the folder of the flood run whose water stands at the exits; without it
/// the scenario's own (`flood.run` as a path), if it names one.
///
/// # Errors
/// [`EvacRunError`] for bad input, a cancelled run, or files that cannot be written. Nothing of the run is left under `out` then.
pub fn run_evacuation(
    scenario: &EvacScenario,
    source: &PlanSource,
    flood: Option<&Path>,
    out: &Path,
    cancel: &CancelToken,
    on_progress: &mut (dyn FnMut(EvacProgress) + Send),
) -> Result<EvacSummary, EvacRunError> {
    let (plan, mut doubts) = read_plan(source, scenario.building.as_deref())?;
    let (mut scenario, live) = started(&plan, scenario, &mut doubts)?;
    let mut ground = ground_of(&plan, &scenario, source)?;
    let named = scenario.flood.clone();
    if let Some(dir) = flood.map(Path::to_owned).or_else(|| named.as_ref().map(|f| f.run.clone().into())) {
        let link = named.unwrap_or_else(|| FloodAtDoors { run: dir.display().to_string(), from_s: 0.0 });
        if let Some(ground) = &mut ground {
            flood::flooded_ground(ground, &link, &dir, source, scenario.duration_s)?;
        }
        let (wet, more) = flood::flooded(&plan, scenario, &link, &dir, source)?;
        scenario = EvacScenario { flood: Some(link), ..wet };
        doubts.extend(more);
    }
    let model = Arc::new(match &ground {
        Some(ground) => EvacModel::on_ground(&plan, &scenario, ground)?,
        None => EvacModel::new(&plan, &scenario, &[])?,
    });
    let members: Vec<EvacMember> = match &live {
        Some(forecast) => model.live_members(forecast)?,
        None => model.members()?,
    };
    let folder = Folder::create(out)?;
    if let Some(ground) = &ground {
        let path = folder.file(evac_folder::OUTDOOR);
        let json = serde_json::to_vec(ground).map_err(|e| EvacRunError::Io { path, cause: e.into() })?;
        folder.publish(evac_folder::OUTDOOR, &json)?;
    }
    let start = Start { doubts, live: live.map(outcome) };
    let summary = if members.len() == 1 {
        steps(EvacRunOf::<1>::new(model, &members)?, &folder, start, cancel, on_progress)?
    } else {
        steps(EvacEnsemble::new(model, &members)?, &folder, start, cancel, on_progress)?
    };
    folder.complete()?;
    Ok(summary)
}

/// What the summary says beside the run's own.
struct Start {
    doubts: Vec<String>,
    live: Option<LiveOutcome>,
}

/// What a forecast found, for the summary.
fn outcome(f: LiveForecast) -> LiveOutcome {
    LiveOutcome {
        origin: f.origin,
        now_s: f.now_s,
        rooms: f.rooms,
        false_alarm: f.false_alarm,
        door_open: f.door_open,
        people: f.people.building,
    }
}

/// The scenario to run: one that starts from live signals gets its fires, people, doors and times from them. What is done
/// (`interventions`) stays, on the clock whose second 0 is [`LiveOutcome::origin`].
fn started(
    plan: &BuildingPlan,
    scenario: &EvacScenario,
    doubts: &mut Vec<String>,
) -> Result<(EvacScenario, Option<LiveForecast>), EvacRunError> {
    let Some(live) = &scenario.live else { return Ok((scenario.clone(), None)) };
    let base = EvacScenario { live: None, interventions: vec![], water: vec![], ..scenario.clone() };
    let f = live_forecast(plan, &base, &live.signals, &live.counts, live.now)?;
    doubts.extend(f.doubts.iter().cloned());
    let ready = EvacScenario { interventions: scenario.interventions.clone(), ..f.scenario.clone() };
    Ok((ready, Some(f)))
}

fn steps<const L: usize>(
    mut run: EvacRunOf<L>,
    folder: &Folder,
    start: Start,
    cancel: &CancelToken,
    on_progress: &mut (dyn FnMut(EvacProgress) + Send),
) -> Result<EvacSummary, EvacRunError> {
    let model = run.model().clone();
    let (plan, scenario) = (model.plan(), model.scenario());
    let interval_s = scenario.frame_interval_s.round().max(1.0);
    let frames = scenario.duration_s / interval_s;
    let rows = if start.live.is_some() { LIVE_ROWS } else { SPACE_ROWS };
    let every = (frames * plan.spaces.len() as f64 / rows).ceil().max(1.0) as u32;
    let mut walks = trajectories::Trajectories::create(
        &folder.file("trajectories.sqlite"),
        &model,
        run.members()[0].crowd(),
        interval_s,
    )?;
    let mut spaces = tables::Spaces::create(&folder.file("spaces.csv"))?;
    let (mut frame, duration_s) = (0, scenario.duration_s);
    let mut look = |view: &EvacView<'_, L>| -> Result<(), EvacRunError> {
        folder.publish(&evac_folder::frame_name(frame), &evac_folder::encode(&frames::of(view)?))?;
        walks.frame(&model, view.member().crowd())?;
        if frame % every == 0 {
            spaces.frame(view)?;
        }
        let (b, member) = (view.member().balance(), view.member());
        let safe = model.ground().map(|_| member.crowd().balance().left);
        on_progress(EvacProgress { frame, t_s: view.t_s(), duration_s, left: b.left, inside: b.inside, safe });
        frame += 1;
        Ok(())
    };
    if let Some(start) = run.view(0) {
        look(&start)?;
    }
    run.advance_seen(duration_s, interval_s, cancel, look)?;
    walks.finish()?;
    spaces.finish()?;
    tables::write_agents(&folder.file("agents.csv"), &run)?;
    let mut summary = run.summary()?;
    let known = std::mem::take(&mut summary.warnings);
    summary.warnings = start.doubts;
    summary.live = start.live;
    for w in known {
        if !summary.warnings.contains(&w) {
            summary.warnings.push(w);
        }
    }
    let json = serde_json::to_vec_pretty(&summary);
    let path = folder.file(evac_folder::SUMMARY);
    folder.write(evac_folder::SUMMARY, &json.map_err(|e| EvacRunError::Io { path, cause: e.into() })?)?;
    folder.write(evac_folder::REPORT, report::page(&summary).as_bytes())?;
    Ok(summary)
}
