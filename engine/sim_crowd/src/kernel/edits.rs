//! Changes while a run goes on.

use super::CrowdKernel;
use crate::CrowdError;
use crate::hazard::{heat_per_min, iso_13571_per_min, purser_per_min};
use crate::params::CrowdParams;
use crate::state::{CrowdEdit, CrowdState};
use sim_core::check_range;

impl CrowdKernel {
    /// Applies a change now.
    ///
    /// # Errors
    /// As [`CrowdKernel::apply_all`].
    pub fn apply(&self, params: &CrowdParams, state: &mut CrowdState, edit: &CrowdEdit) -> Result<(), CrowdError> {
        self.apply_all(params, state, std::slice::from_ref(edit))
    }

    /// Applies changes now, in their order; then everybody looks for the best way once.
    ///
    /// # Errors
    /// [`CrowdError::Param`] for an unknown portal or layer, or values of air or water outside their ranges; nothing is
    /// changed then.
    pub fn apply_all(
        &self,
        params: &CrowdParams,
        state: &mut CrowdState,
        edits: &[CrowdEdit],
    ) -> Result<(), CrowdError> {
        edits.iter().try_for_each(|e| self.check(e))?;
        edits.iter().for_each(|e| Self::set(params, state, e));
        if !edits.is_empty() {
            state.refresh_routes(&self.world, &self.graph, &self.classes, params);
            self.choose_anew(params, state, |_, _| true);
        }
        Ok(())
    }

    /// Makes a change that was checked; nobody looks round.
    pub(crate) fn set(params: &CrowdParams, state: &mut CrowdState, edit: &CrowdEdit) {
        match *edit {
            CrowdEdit::SetOpen { portal, open } => state.open[portal.index()] = u8::from(open),
            CrowdEdit::SetAir { layer, air } => {
                state.air[layer.index()] = air;
                let gas = if params.iso_13571 { iso_13571_per_min(&air) } else { purser_per_min(&air) };
                state.dose[layer.index()] = [gas, heat_per_min(&air)].map(|d| (d / 60.0).min(1e6) as f32);
            }
            CrowdEdit::SetFlood { layer, water } => state.flood[layer.index()] = water,
        }
    }

    /// Checks a change without making it.
    ///
    /// # Errors
    /// As [`CrowdKernel::apply`].
    pub fn check(&self, edit: &CrowdEdit) -> Result<(), CrowdError> {
        let (portals, layers) = (self.world.portals.len(), self.world.layers.len());
        let known =
            |what: &str, k: u32, n: usize| check_range(what, f64::from(k), "-", 0.0, n as f64 - 1.0).map(|_| ());
        match *edit {
            CrowdEdit::SetOpen { portal, .. } => known("portal", portal.0, portals)?,
            CrowdEdit::SetAir { layer, air } => {
                known("layer", layer.0, layers)?;
                for (name, value, unit, low, high) in [
                    ("extinction_per_m", air.extinction_per_m, "1/m", 0.0, 1000.0),
                    ("temperature_c", air.temperature_c, "°C", -100.0, 2000.0),
                    ("co_ppm", air.co_ppm, "ppm", 0.0, 1e6),
                    ("hcn_ppm", air.hcn_ppm, "ppm", 0.0, 1e6),
                    ("co2_percent", air.co2_percent, "%", 0.0, 100.0),
                    ("o2_percent", air.o2_percent, "%", 0.0, 100.0),
                    ("radiant_kwm2", air.radiant_kwm2, "kW/m2", 0.0, 1000.0),
                ] {
                    check_range(name, f64::from(value), unit, low, high)?;
                }
            }
            CrowdEdit::SetFlood { layer, water } => {
                known("layer", layer.0, layers)?;
                check_range("depth_m", f64::from(water.depth_m), "m", 0.0, 100.0)?;
                check_range("speed_mps", f64::from(water.speed_mps), "m/s", 0.0, 50.0)?;
            }
        }
        Ok(())
    }
}
