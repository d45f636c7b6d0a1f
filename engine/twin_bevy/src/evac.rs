//! Evacuations on the screen: the building's plan and the frames around the shown second.

use crate::fetch::{Fetches, Ticket};
use crate::{Comparison, Live, LoadProgress, LocalRuns, Notices, Now, PackInfo, Runs, TwinSystems, ViewClock};
use bevy::app::{App, Update};
use bevy::ecs::prelude::*;
use community_pack::Plans;
use community_pack::evac_folder::EvacFrame;
use std::sync::Arc;
use twin_model::{BuildingPlan, EvacSummary, OutdoorGround, RunId, ViewTime};

/// The plans of the pack's buildings; none before they have arrived, and in a pack without.
#[derive(Resource, Debug, Default)]
pub struct BuildingPlans {
    /// In the pack's order.
    pub list: Vec<Arc<BuildingPlan>>,
    asked: Option<Ticket>,
    arrived: bool,
}

impl BuildingPlans {
    /// The plan that a scenario speaks of.
    #[must_use]
    pub fn find(&self, building: Option<&str>) -> Option<&Arc<BuildingPlan>> {
        match building {
            Some(name) => self.list.iter().find(|p| p.name == name),
            None => self.list.first(),
        }
    }
}

/// What of an evacuation is on the screen.
#[derive(Resource, Debug, Default)]
pub struct ShownEvac {
    /// Which run; `None` when the view does not show one, or nothing of it has arrived.
    pub run: Option<RunId>,
    /// Its building.
    pub plan: Option<Arc<BuildingPlan>>,
    /// Frame before the shown second.
    pub before: Option<Arc<EvacFrame>>,
    /// Frame after it.
    pub after: Option<Arc<EvacFrame>>,
    /// Position between them in [0, 1].
    pub blend: f32,
    /// The ground outside, of a run that goes on there; may come after the first frames.
    pub ground: Option<Arc<OutdoorGround>>,
    /// Indices of the frames; changes when meshes must.
    pub key: Option<(RunId, usize, usize)>,
}

/// The summaries of two compared evacuations, when both have arrived.
#[derive(Resource, Debug, Default)]
pub struct EvacComparison(pub Option<(RunId, RunId, Arc<EvacSummary>, Arc<EvacSummary>)>);

fn fetch_plans(
    mut plans: ResMut<BuildingPlans>,
    mut fetches: ResMut<Fetches>,
    mut notices: ResMut<Notices>,
    progress: Res<LoadProgress>,
    pack: Option<Res<PackInfo>>,
    now: Res<Now>,
) {
    let Some(pack) = pack.filter(|_| *progress == LoadProgress::Ready && !plans.arrived) else { return };
    let Some(file) = &pack.manifest.files.plans else { return };
    let ticket = *plans.asked.get_or_insert_with(|| fetches.fetch(file));
    let Some(result) = fetches.take(ticket) else { return };
    plans.arrived = true;
    let read = |bytes: Vec<u8>| serde_json::from_slice::<Plans>(&bytes).map_err(|e| e.to_string());
    match result.and_then(read) {
        Ok(read) => plans.list = read.buildings.into_iter().map(Arc::new).collect(),
        Err(error) => notices.push(format!("{file}: {error}"), true, now.viewer),
    }
}

fn publish(
    mut shown: ResMut<ShownEvac>,
    mut runs: ResMut<Runs>,
    clock: Res<ViewClock>,
    plans: Res<BuildingPlans>,
    local: Res<LocalRuns>,
    live: Res<Live>,
) {
    let wanted = if let ViewTime::Run { run, t_s } = clock.time {
        let scenario = local.find(&live, run).and_then(|r| r.scenario.evacuation());
        let plan = scenario.and_then(|s| plans.find(s.building.as_deref()));
        let bracket = runs.data.get(&run).and_then(|d| d.bracket(t_s));
        plan.zip(bracket).map(|(plan, bracket)| (run, plan.clone(), bracket))
    } else {
        None
    };
    let Some((run, plan, (a, b, blend))) = wanted else {
        if shown.run.is_some() {
            *shown = ShownEvac::default();
        }
        return;
    };
    if shown.key != Some((run, a, b)) {
        *shown = ShownEvac {
            run: Some(run),
            plan: Some(plan),
            before: runs.people(run, a),
            after: runs.people(run, b),
            blend,
            ground: runs.data.get(&run).and_then(|d| d.ground.clone()),
            key: Some((run, a, b)),
        };
    }
    if shown.ground.is_none()
        && let Some(ground) = runs.data.get(&run).and_then(|d| d.ground.clone())
    {
        shown.ground = Some(ground);
    }
    if (shown.blend - blend).abs() > 1e-4 {
        shown.blend = blend;
    }
}

fn compare(mut result: ResMut<EvacComparison>, runs: Res<Runs>, comparison: Res<Comparison>) {
    let summary = |id| runs.data.get(&id).and_then(|d| d.evacuation.clone());
    let ready = comparison.0.and_then(|(a, b)| Some((a, b, summary(a)?, summary(b)?)));
    let same = |x: &(RunId, RunId, Arc<_>, Arc<_>), y: &(RunId, RunId, Arc<_>, Arc<_>)| (x.0, x.1) == (y.0, y.1);
    if !matches!((&ready, &result.0), (Some(x), Some(y)) if same(x, y)) && (ready.is_some() || result.0.is_some()) {
        result.0 = ready;
    }
}

pub(crate) fn register(app: &mut App) {
    app.init_resource::<BuildingPlans>()
        .init_resource::<ShownEvac>()
        .init_resource::<EvacComparison>()
        .add_systems(Update, fetch_plans.in_set(TwinSystems::Ingest).after(crate::fetch::collect))
        .add_systems(Update, (publish, compare).in_set(TwinSystems::Publish));
}
