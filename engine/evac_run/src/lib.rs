//! From an evacuation scenario and a building plan to a run folder (疏散演算).
//!
//! Frames for viewers (`community_pack::evac_folder`) appear as they are computed. The other files appear when the run is
//! complete, `evacuation.json` (summary) last: `report.md`, `spaces.csv`, `agents.csv`, `trajectories.sqlite` (JuPedSim's
//! layout). Step-by-step files are those of the first member.

mod error;
mod folder;
mod frames;
mod report;
mod source;
mod tables;
mod trajectories;

pub use error::EvacRunError;
pub use source::{PlanSource, is_evacuation, read_plan, read_scenario};

use community_pack::evac_folder;
use folder::Folder;
use sim_core::CancelToken;
use sim_evac::{EvacEnsemble, EvacModel, EvacRunOf, live_forecast};
use std::path::Path;
use std::sync::Arc;
use twin_model::{BuildingPlan, EvacScenario, EvacSummary, LiveOutcome};

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EvacProgress {
    /// Frame just written, from 0.
    pub frame: u32,
    /// Simulated time, s.
    pub t_s: f64,
    /// Simulated time of the whole run, s.
    pub duration_s: f64,
    /// People of the first member who are out.
    pub left: u64,
    /// And who are inside and can walk.
    pub inside: u64,
}

/// Longest file of spaces, frames: rows beyond are thinned out.
const SPACE_ROWS: f64 = 200_000.0;

/// Computes a scenario and writes its run folder.
///
/// # Errors
/// [`EvacRunError`] for bad input, a cancelled run, or files that cannot be written. Nothing of the run is left under `out` then.
pub fn run_evacuation(
    scenario: &EvacScenario,
    source: &PlanSource,
    out: &Path,
    cancel: &CancelToken,
    on_progress: &mut dyn FnMut(EvacProgress),
) -> Result<EvacSummary, EvacRunError> {
    let (plan, mut doubts) = read_plan(source, scenario.building.as_deref())?;
    let (scenario, live) = started(&plan, scenario, &mut doubts)?;
    let model = Arc::new(EvacModel::new(&plan, &scenario, &[])?);
    let members = model.members()?;
    let folder = Folder::create(out)?;
    let start = Start { doubts, live };
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

/// The scenario to run: one that starts from live signals gets its fires, people and times from them. What is done
/// (`interventions`) stays, on the clock whose second 0 is [`LiveOutcome::origin`].
fn started(
    plan: &BuildingPlan,
    scenario: &EvacScenario,
    doubts: &mut Vec<String>,
) -> Result<(EvacScenario, Option<LiveOutcome>), EvacRunError> {
    let Some(live) = &scenario.live else { return Ok((scenario.clone(), None)) };
    let base = EvacScenario { live: None, interventions: vec![], water: vec![], ..scenario.clone() };
    let f = live_forecast(plan, &base, &live.signals, &live.counts, live.now)?;
    doubts.extend(f.doubts);
    let ready = EvacScenario { interventions: scenario.interventions.clone(), ..f.scenario };
    let outcome = LiveOutcome {
        origin: f.origin,
        now_s: f.now_s,
        rooms: f.rooms,
        false_alarm: f.false_alarm,
        door_open: f.door_open,
        people: f.people.building,
    };
    Ok((ready, Some(outcome)))
}

fn steps<const L: usize>(
    mut run: EvacRunOf<L>,
    folder: &Folder,
    start: Start,
    cancel: &CancelToken,
    on_progress: &mut dyn FnMut(EvacProgress),
) -> Result<EvacSummary, EvacRunError> {
    let model = run.model().clone();
    let (plan, scenario) = (model.plan(), model.scenario());
    let interval_s = scenario.frame_interval_s.round().max(1.0);
    let frames = scenario.duration_s / interval_s;
    let every = (frames * plan.spaces.len() as f64 / SPACE_ROWS).ceil().max(1.0) as u32;
    let mut walks = trajectories::Trajectories::create(
        &folder.file("trajectories.sqlite"),
        plan,
        run.members()[0].crowd(),
        interval_s,
    )?;
    let mut spaces = tables::Spaces::create(&folder.file("spaces.csv"))?;
    let mut frame = 0;
    loop {
        folder.publish(&evac_folder::frame_name(frame), &evac_folder::encode(&frames::of(&run)?))?;
        walks.frame(run.members()[0].crowd())?;
        if frame % every == 0 {
            spaces.frame(&run)?;
        }
        let b = run.members()[0].crowd().balance();
        let (t_s, duration_s) = (run.t_s(), scenario.duration_s);
        on_progress(EvacProgress { frame, t_s, duration_s, left: b.left, inside: b.inside });
        if t_s >= duration_s - 1e-9 {
            break;
        }
        frame += 1;
        run.advance_to((f64::from(frame) * interval_s).min(duration_s), cancel)?;
    }
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
