//! What the panels show of evacuations.

use bevy::ecs::system::SystemParam;
use bevy::prelude::*;
use community_pack::evac_folder::Doing;
use std::sync::Arc;
use twin_bevy::{BuildingPlans, EvacComparison, Live, LocalRuns, Runs, ShownEvac, ShownStorey};
use twin_model::BuildingPlan;
use twin_ui::{EvacPair, EvacTime, Forecast};

/// The state of evacuations.
#[derive(SystemParam)]
pub(crate) struct EvacParams<'w> {
    plans: Res<'w, BuildingPlans>,
    shown: Res<'w, ShownEvac>,
    storey: Res<'w, ShownStorey>,
    comparison: Res<'w, EvacComparison>,
}

/// Visibility below which a space counts as full of smoke, m.
const SMOKY_M: f64 = 10.0;
impl EvacParams<'_> {
    pub fn plans(&self) -> Vec<Arc<BuildingPlan>> {
        self.plans.list.clone()
    }

    pub fn compared(&self) -> Option<EvacPair> {
        self.comparison.0.clone()
    }

    pub fn shown(&self, runs: &Runs, live: &Live, local: &LocalRuns) -> Option<EvacTime> {
        let (id, plan) = (self.shown.run?, self.shown.plan.clone()?);
        let nearer = if self.shown.blend < 0.5 { &self.shown.before } else { &self.shown.after };
        let (frame, data, run) = (nearer.as_ref()?, runs.data.get(&id)?, local.find(live, id)?);
        let mut people_by_storey = vec![0; plan.storeys.len()];
        let outside = frame.people.iter().filter(|p| p.doing == Doing::Outside).count() as u32;
        for p in frame.people.iter().filter(|p| p.doing != Doing::Outside) {
            // Who is on a stair counts for the storey below.
            let storey = plan.storeys.iter().rposition(|s| s.elevation_m <= p.at[2] + 0.5).unwrap_or(0);
            people_by_storey.get_mut(storey).into_iter().for_each(|n| *n += 1);
        }
        let walking = |d: Doing| matches!(d, Doing::Waiting | Doing::Walking | Doing::Riding);
        Some(EvacTime {
            frames_s: data.frame_times_s(),
            duration_s: run.scenario.total_s(),
            started_from: Some(run.created_at),
            inside: frame.people.iter().filter(|p| walking(p.doing)).count() as u32,
            left: frame.left + outside,
            outside: run.scenario.evacuation().and_then(|s| s.outdoor.as_ref()).map(|_| outside),
            stopped: frame.stopped,
            awaiting: frame.awaiting,
            smoky: frame.spaces.iter().filter(|s| s.visibility_m < SMOKY_M).count() as u32,
            people_by_storey,
            history: data.people_inside.clone(),
            storey: self.storey.0,
            summary: data.evacuation.clone(),
            plan,
        })
    }

    /// Runs that start from alarms as they are, without what-ifs; with the building's entity.
    pub fn forecasts(&self, live: &Live, runs: &Runs) -> Vec<Forecast> {
        let of = |run: &twin_model::Run| {
            let scenario = run.scenario.evacuation().filter(|s| s.is_forecast())?;
            let building = self.plans.find(scenario.building.as_deref())?.building?;
            let summary = runs.data.get(&run.id).and_then(|d| d.evacuation.clone());
            Some(Forecast { building, run: run.id, summary })
        };
        live.0.runs().filter_map(of).collect()
    }
}
