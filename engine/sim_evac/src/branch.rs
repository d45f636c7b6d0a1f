//! What-if branches (推演分支): another future from one snapshot.

use crate::EvacError;
use crate::model::EvacModel;
use crate::run::EvacRunOf;
use sim_core::Checksum;
use std::sync::Arc;
use twin_model::{EvacIntervention, EvacScenario, ScenarioError};

impl EvacModel {
    /// Digest of all that shaped a run up to `t_s`: the scenario with what was done before then, and its fans, which are part of
    /// the smoke network.
    pub(crate) fn past(&self, t_s: f64) -> u64 {
        let done = |i: &&EvacIntervention| i.at_s() < t_s || matches!(i, EvacIntervention::Fan { .. });
        let interventions = self.scenario.interventions.iter().filter(done).cloned().collect();
        let past = EvacScenario { name: String::new(), interventions, ..self.scenario.clone() };
        let mut c = Checksum::new();
        c.add_bytes(format!("{past:?}").as_bytes());
        c.finish()
    }

    /// The same building and people with more done.
    fn with_more(&self, added: &[EvacIntervention], from_s: f64) -> Result<Self, EvacError> {
        let mut scenario = self.scenario.clone();
        for i in added {
            let k = scenario.interventions.len();
            let refuse = |field: &str, value: String, allowed: String| ScenarioError {
                scenario: self.scenario.name.clone(),
                field: format!("interventions[{k}]{field}"),
                value,
                allowed,
            };
            if i.at_s() < from_s {
                let allowed = format!("at least {from_s} s: the branch begins there");
                return Err(refuse(".at_s", format!("{} s", i.at_s()), allowed).into());
            }
            scenario.interventions.push(i.clone());
        }
        Self::made(&self.plan, &scenario, &self.outdoors, self.ground())
    }
}

impl<const L: usize> EvacRunOf<L> {
    /// Another future from here: everybody stays where they are, with their draws, and `added` is done besides what the scenario
    /// does. A branch with nothing added goes on as this run does, to the last bit.
    ///
    /// # Errors
    /// [`EvacError::Scenario`] for an intervention before now, an unknown name or a value outside its range.
    pub fn branch(&self, added: &[EvacIntervention]) -> Result<Self, EvacError> {
        let mut branch = self.clone();
        branch.model = Arc::new(self.model.with_more(added, self.latest_s())?);
        if added.iter().any(|i| matches!(i, EvacIntervention::Fan { .. })) {
            for fire in branch.fires.iter_mut().flatten() {
                *fire = fire.with_vents(branch.model.smoke.network.clone())?;
            }
        }
        Ok(branch)
    }
}
