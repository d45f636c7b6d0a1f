//! From an evacuation scenario and a building plan to a run folder (疏散演算).
//!
//! The folder appears under its name only when it is complete: `evacuation.json` (summary), `report.md`, `spaces.csv`,
//! `agents.csv`, `trajectories.sqlite` (JuPedSim's layout). Step-by-step files are those of the first member.

mod error;
mod report;
mod source;
mod tables;
mod trajectories;

pub use error::EvacRunError;
pub use source::{PlanSource, is_evacuation, read_plan, read_scenario};

use sim_core::CancelToken;
use sim_evac::{EvacEnsemble, EvacModel, EvacRunOf};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use twin_model::{EvacScenario, EvacSummary};

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
/// [`EvacRunError`] for bad input, a cancelled run, or files that cannot be written. Nothing is left under `out` then.
pub fn run_evacuation(
    scenario: &EvacScenario,
    source: &PlanSource,
    out: &Path,
    cancel: &CancelToken,
    on_progress: &mut dyn FnMut(EvacProgress),
) -> Result<EvacSummary, EvacRunError> {
    let (plan, doubts) = read_plan(source, scenario.building.as_deref())?;
    let model = Arc::new(EvacModel::new(&plan, scenario, &[])?);
    let members = model.members()?;
    let folder = Partial::create(out)?;
    let summary = if members.len() == 1 {
        steps(EvacRunOf::<1>::new(model, &members)?, &folder, doubts, cancel, on_progress)?
    } else {
        steps(EvacEnsemble::new(model, &members)?, &folder, doubts, cancel, on_progress)?
    };
    folder.complete()?;
    Ok(summary)
}

fn steps<const L: usize>(
    mut run: EvacRunOf<L>,
    folder: &Partial,
    doubts: Vec<String>,
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
    summary.warnings = doubts;
    for w in known {
        if !summary.warnings.contains(&w) {
            summary.warnings.push(w);
        }
    }
    let json = serde_json::to_vec_pretty(&summary);
    let path = folder.file("evacuation.json");
    folder.write("evacuation.json", &json.map_err(|e| EvacRunError::Io { path, cause: e.into() })?)?;
    folder.write("report.md", report::page(&summary).as_bytes())?;
    Ok(summary)
}

/// A folder beside the one wanted, moved there when it is complete and taken away when it is not.
struct Partial {
    dir: PathBuf,
    out: PathBuf,
    done: std::cell::Cell<bool>,
}

impl Partial {
    fn create(out: &Path) -> Result<Self, EvacRunError> {
        let io = |cause| EvacRunError::Io { path: out.to_owned(), cause };
        let taken = |text: &str| io(std::io::Error::new(std::io::ErrorKind::AlreadyExists, text.to_owned()));
        if out.is_file() || fs::read_dir(out).is_ok_and(|mut d| d.next().is_some()) {
            return Err(taken("the folder already holds something"));
        }
        let name = out.file_name().map(|n| n.to_string_lossy().into_owned());
        let Some(name) = name else { return Err(io(std::io::Error::other("not a name for a folder"))) };
        let dir = out.with_file_name(format!(".{name}.partial"));
        if dir.exists() {
            fs::remove_dir_all(&dir).map_err(io)?;
        }
        fs::create_dir_all(&dir).map_err(io)?;
        Ok(Self { dir, out: out.to_owned(), done: std::cell::Cell::new(false) })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), EvacRunError> {
        let path = self.file(name);
        fs::write(&path, bytes).map_err(|cause| EvacRunError::Io { path, cause })
    }

    fn complete(&self) -> Result<(), EvacRunError> {
        let io = |cause| EvacRunError::Io { path: self.out.clone(), cause };
        if self.out.exists() {
            fs::remove_dir(&self.out).map_err(io)?;
        }
        fs::rename(&self.dir, &self.out).map_err(io)?;
        self.done.set(true);
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.done.get() {
            // What cannot be removed still says by its name that it is not complete.
            fs::remove_dir_all(&self.dir).unwrap_or_default();
        }
    }
}
