//! A run at its beginning, from a pack's decoded parts: no file is touched, so that it serves the browser, where there are none.

use crate::built::{Site, extend};
use crate::domain::{Domain, build_domain};
use crate::forcing::{Adjust, ForcingPlan, Inputs};
use crate::{LiveSnapshot, RunError};
use community_pack::{Pack, RasterU8, Terrain};
use sim_flood::{FloodMode, FloodModel, Forcing, Initial};
use twin_model::{Intervention, Scenario, ScenarioBase};

/// A run at simulated second 0 and what it was made from. Storm drains take no part.
pub struct Started {
    /// The raster and what stands on it.
    pub domain: Domain,
    /// The run.
    pub model: Box<dyn FloodModel>,
    /// Live values that went into it.
    pub live_inputs: Inputs,
}

/// Prepares a scenario on a pack. The edits planned in it are left to the caller.
///
/// # Errors
/// [`RunError`] as one clear line.
pub fn start_flood(
    scenario: &Scenario,
    pack: &Pack,
    terrain: &Terrain,
    landcover: Option<&RasterU8>,
    live: Option<&LiveSnapshot>,
    mode: FloodMode,
) -> Result<Started, RunError> {
    scenario.validate()?;
    if let ScenarioBase::Run { run, at_s } = scenario.base {
        return Err(RunError::NoState { run, at_s });
    }
    let domain = build_domain(pack, terrain, landcover, scenario)?;
    let plan = ForcingPlan::new(scenario, pack, live)?;
    let forcing = plan.on(&domain, 0.0, &Adjust::default())?;
    let initial = still_water(&domain, &forcing);
    let (terrain, structures) = (domain.terrain.clone(), domain.structures.clone());
    let model = mode.start(terrain, structures, forcing, domain.surface_params, initial)?;
    Ok(Started { domain, model, live_inputs: plan.inputs })
}

impl Started {
    /// Builds something more from now on. Moves no water but that under a new building.
    ///
    /// # Errors
    /// [`RunError`] as one clear line; the run goes on as before.
    pub fn build(&mut self, interventions: &[Intervention]) -> Result<(), RunError> {
        let built = Site::of(&self.domain).build(interventions)?;
        let mut all = self.domain.structures.clone();
        extend(&mut all, built.structures);
        if !built.ground.is_empty() {
            self.model.edit_ground(&built.ground)?;
        }
        self.model.set_structures(all.clone())?;
        self.domain.structures = all;
        Ok(())
    }

    /// Rain and levels of another scenario from now on; its series count from the start of the run.
    ///
    /// # Errors
    /// [`RunError`] as one clear line; the run goes on as before.
    pub fn force(&mut self, scenario: &Scenario, pack: &Pack, live: Option<&LiveSnapshot>) -> Result<(), RunError> {
        scenario.validate()?;
        let plan = ForcingPlan::new(scenario, pack, live)?;
        self.model.set_forcing(plan.on(&self.domain, 0.0, &Adjust::default())?)?;
        self.live_inputs = plan.inputs;
        Ok(())
    }
}

/// The river stands at its first stage and ponds at theirs; everything else is dry.
pub(crate) fn still_water(domain: &Domain, forcing: &Forcing) -> Initial {
    let mut depth_m = vec![0.0; domain.terrain.bed_m.len()];
    for &(cell, level_m) in &domain.ponds {
        depth_m[cell as usize] = (level_m - domain.terrain.bed_m[cell as usize]).max(0.0);
    }
    for stage in &forcing.stages {
        let level = stage.series.first().map_or(f64::NEG_INFINITY, |p| p.1);
        for &cell in &stage.cells {
            depth_m[cell as usize] = (level - domain.terrain.bed_m[cell as usize]).max(0.0);
        }
    }
    Initial { depth_m, ..Initial::dry() }
}

/// Seconds of the frames of a run of `total_s`. The result of a run depends on the times at which it stops to be looked at.
#[must_use]
pub fn frame_times_s(interval_s: f64, total_s: f64) -> Vec<f64> {
    let frames = (total_s / interval_s).ceil() as u32;
    (0..=frames).map(|k| (f64::from(k) * interval_s).min(total_s)).collect()
}

/// Times at which a run is looked at after `from_s`, up to and including its frame at `to_s`, at most [`SAMPLE_S`] apart.
#[must_use]
pub fn sample_times_s(from_s: f64, to_s: f64) -> Vec<f64> {
    let samples = ((to_s - from_s) / SAMPLE_S).ceil().max(1.0);
    let at = |k: f64| if k < samples { from_s + (to_s - from_s) * k / samples } else { to_s };
    (1..=samples as u32).map(|k| at(f64::from(k))).collect()
}

/// Greatest time between two looks at a run, s.
pub const SAMPLE_S: f64 = 60.0;
