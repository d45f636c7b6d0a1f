//! Works on the community while a run goes on: edits planned in the scenario and edits that arrive meanwhile.

use crate::RunError;
use crate::built::{Built, Site, delayed, extend};
use crate::flood::{Prepared, RunEvent};
use sim_flood::{FloodRun, Structures};
use std::sync::PoisonError;
use twin_model::{Intervention, ScenarioEdit};

/// What has been built so far, and what is still to come.
pub(crate) struct Works<'a> {
    prepared: &'a Prepared<'a>,
    structures: Structures,
    planned: std::slice::Iter<'a, ScenarioEdit>,
    /// Edits made, with the simulated second at which they took effect: a run of the scenario with these gives the same again.
    pub done: Vec<ScenarioEdit>,
}

impl<'a> Works<'a> {
    pub(crate) fn new(prepared: &'a Prepared<'a>) -> Self {
        let structures = delayed(prepared.domain.structures.clone(), prepared.offset_s());
        Self { prepared, structures, planned: prepared.request.scenario.edits.iter(), done: Vec::new() }
    }

    /// Does what is due after the frame at `t_s`.
    ///
    /// # Errors
    /// [`RunError`] for a planned edit that cannot be placed. One that arrived is reported and left out.
    pub(crate) fn go_on(
        &mut self,
        t_s: f64,
        run: &mut FloodRun,
        on_event: &mut dyn FnMut(RunEvent),
    ) -> Result<(), RunError> {
        while let Some(edit) = self.planned.as_slice().first().filter(|e| e.at_s <= t_s) {
            self.planned.next();
            self.apply(&edit.interventions, t_s, run, on_event)?;
        }
        while let Some(arrived) = self.arrived() {
            if let Err(e) = self.apply(&arrived, t_s, run, on_event) {
                on_event(RunEvent::EditRefused { error: e.to_string() });
            }
        }
        Ok(())
    }

    fn arrived(&self) -> Option<Vec<Intervention>> {
        self.prepared.request.edits?.lock().unwrap_or_else(PoisonError::into_inner).try_recv().ok()
    }

    fn apply(
        &mut self,
        interventions: &[Intervention],
        t_s: f64,
        run: &mut FloodRun,
        on_event: &mut dyn FnMut(RunEvent),
    ) -> Result<(), RunError> {
        let edit = ScenarioEdit { at_s: t_s, interventions: interventions.to_vec() };
        let checked = twin_model::Scenario { edits: vec![edit.clone()], ..self.prepared.request.scenario.clone() };
        checked.validate()?;
        let Built { structures, ground } = Site::of(&self.prepared.domain).build(interventions)?;
        let mut all = self.structures.clone();
        extend(&mut all, delayed(structures, self.prepared.offset_s()));
        if !ground.is_empty() {
            run.edit_ground(&ground)?;
        }
        run.set_structures(all.clone())?;
        self.structures = all;
        self.done.push(edit);
        on_event(RunEvent::Edited { at_s: t_s, count: interventions.len() });
        Ok(())
    }
}
