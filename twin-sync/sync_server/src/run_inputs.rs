//! What a run's process is given: the scenario, the live state of this moment, the gauges' past, the state it continues.

use crate::access::Caller;
use crate::store::{Reader, live_rows};
use crate::twin::{Twin, make_dir, now};
use community_pack::run_folder;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use twin_model::{
    EntityId, FRESH_INTERVALS, PropertyId, Run, RunId, RunScenario, RunStatus, ScenarioBase, TimeMs, water_gauge,
};

/// Points of one gauge that a hindcast is given at most: a week of one every 15 s.
const POINTS: u32 = 40_000;

/// Files of a run's folder that its process reads.
pub(crate) struct RunInputs {
    pub(crate) scenario: PathBuf,
    pub(crate) live: PathBuf,
    /// The saved state of another run.
    pub(crate) state: Option<PathBuf>,
    /// The folder of a flood whose water stands at an evacuated building's exits.
    pub(crate) flood: Option<PathBuf>,
}

/// Why a scenario cannot start from the run that it names; `None` when it can.
pub(crate) fn refusal(twin: &Twin, scenario: &RunScenario) -> Option<String> {
    if let Some(water) = scenario.evacuation().and_then(|s| s.flood.as_ref()) {
        return flood_refusal(twin, &water.run);
    }
    let ScenarioBase::Run { run, at_s } = scenario.flood()?.base else { return None };
    let engine = twin.read();
    let Some(found) = engine.live().run(run) else { return Some(format!("base: there is no run {run}")) };
    if found.scenario.flood().is_none() {
        return Some(format!("base: run {run} is not a flood"));
    }
    if !matches!(found.status, RunStatus::Done { .. }) {
        return Some(format!("base: run {run} has not been computed to its end"));
    }
    let end_s = found.scenario.total_s();
    let off = (end_s - f64::from(at_s)).abs() > 0.5;
    off.then(|| format!("base.run.at_s = {at_s} s: run {run} can be continued from its end, {end_s:.0} s"))
}

/// Only runs of this server may be named, never a path.
fn flood_refusal(twin: &Twin, named: &str) -> Option<String> {
    let engine = twin.read();
    let run = flood_id(named).and_then(|id| engine.live().run(id));
    let done = |r: &Run| r.scenario.flood().is_some() && matches!(r.status, RunStatus::Done { .. });
    (!run.is_some_and(done)).then(|| no_flood(named))
}

fn no_flood(named: &str) -> String {
    format!("flood.run = {named:?}: must be the number of a finished flood of this server")
}

/// What is said of a flood that is not there for the caller: the same as of one that does not exist.
pub(crate) fn hidden_flood(twin: &Twin, caller: &Caller, scenario: &RunScenario) -> Option<String> {
    let named = &scenario.evacuation()?.flood.as_ref()?.run;
    let engine = twin.read();
    let run = flood_id(named).and_then(|id| engine.live().run(id));
    (!run.is_some_and(|r| caller.sees_run(&twin.places, r))).then(|| no_flood(named))
}

fn flood_id(named: &str) -> Option<RunId> {
    named.parse().ok().map(RunId)
}

/// Writes what the process reads.
pub(crate) async fn write(twin: &Arc<Twin>, dir: &Path, scenario: &RunScenario) -> Result<RunInputs, String> {
    make_dir(dir).map_err(|e| e.to_string())?;
    let text = toml::to_string(scenario).map_err(|e| format!("scenario: {e}"))?;
    let at = now();
    let rows = live_rows(twin.read().live());
    let base = scenario.flood().map_or(ScenarioBase::None, |s| s.base);
    let history = match base {
        ScenarioBase::Hindcast { before_s } => gauge_history(twin, at.plus_secs(-f64::from(before_s)), at).await?,
        _ => Vec::new(),
    };
    let live = serde_json::json!({ "now": at, "state": rows, "history": history }).to_string();
    let state = match base {
        ScenarioBase::Run { run, .. } => Some(state_of(twin, run)?),
        _ => None,
    };
    let write = |name: &str, content: String| {
        let path = dir.join(name);
        std::fs::write(&path, content).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok::<_, String>(path)
    };
    let water = scenario.evacuation().and_then(|s| s.flood.as_ref());
    let folder = |id: RunId| twin.data_dir.join("runs").join(id.to_string());
    let flood = water.and_then(|w| flood_id(&w.run)).map(folder);
    Ok(RunInputs { scenario: write("scenario.toml", text)?, live: write("live.json", live)?, state, flood })
}

fn state_of(twin: &Twin, run: RunId) -> Result<PathBuf, String> {
    let path = twin.data_dir.join("runs").join(run.to_string()).join(run_folder::STATE);
    if path.is_file() { Ok(path) } else { Err(format!("run {run} left no state to continue from")) }
}

/// What every gauge of rain, depth and level measured, as the history query answers.
async fn gauge_history(twin: &Arc<Twin>, from: TimeMs, to: TimeMs) -> Result<Vec<serde_json::Value>, String> {
    let gauges = water_gauges(twin);
    twin.query(move |db| gauges.iter().map(|gauge| gauge.history(db, from, to)).collect()).await
}

/// A series about water.
struct Gauge {
    entity: EntityId,
    property: PropertyId,
    key: String,
    interval_s: f64,
}

fn water_gauges(twin: &Twin) -> Vec<Gauge> {
    let engine = twin.read();
    let gauge = |(entity, property): (EntityId, PropertyId)| {
        let device = twin.pack.model.get(entity)?;
        let key = twin.pack.properties.def(property)?.key.clone();
        water_gauge(&device.class, &key)?;
        let interval_s = twin.index.expected_interval_s(entity, property).unwrap_or(60.0);
        Some(Gauge { entity, property, key, interval_s })
    };
    engine.live().iter().filter_map(|e| gauge((e.entity, e.property))).collect()
}

impl Gauge {
    fn history(&self, db: &Reader, from: TimeMs, to: TimeMs) -> Result<serde_json::Value, String> {
        // So long before its beginning a hindcast looks for a value.
        let earliest = from.plus_secs(-FRESH_INTERVALS * self.interval_s);
        let points = db.history((self.entity, self.property), earliest, to, POINTS)?;
        Ok(serde_json::json!({ "entity": self.entity, "property": self.key, "points": points }))
    }
}
