//! Numerical parameters and what drives a run from outside.

use crate::FireError;
use crate::{Fire, VentId};
use serde::{Deserialize, Serialize};
use sim_core::check_range;

/// Validated numerical parameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FireParams {
    /// Length of a step, s, 0.01 to 5.
    pub dt_s: f64,
    /// Most sub-steps of a step, 1 to 1000: a step is cut where a space would lose more than a quarter of its gas in one,
    /// or a fire would raise the pressure of a sealed one by more than a twentieth.
    pub max_substeps: u32,
    /// Most turns of Newton's method, 2 to 100.
    pub max_turns: u32,
    /// Mixing of hot gas into air that enters below it (Utiskul 2007), as a share of that formula, 0 to 2.
    pub vent_mixing: f64,
    /// Draught at a fire as a share of the speed of the air that comes in below, 0 to 2; it bends plumes and makes them draw
    /// more (Hoult, Fay & Forney 1969; Quintiere, Rinkinen & Jones 1981).
    pub draught: f64,
}

impl Default for FireParams {
    fn default() -> Self {
        Self { dt_s: 0.5, max_substeps: 64, max_turns: 20, vent_mixing: 1.0, draught: 1.0 }
    }
}

impl FireParams {
    pub(crate) fn check(&self) -> Result<(), FireError> {
        check_range("dt_s", self.dt_s, "s", 0.01, 5.0)?;
        check_range("max_substeps", f64::from(self.max_substeps), "-", 1.0, 1000.0)?;
        check_range("max_turns", f64::from(self.max_turns), "-", 2.0, 100.0)?;
        check_range("vent_mixing", self.vent_mixing, "-", 0.0, 2.0)?;
        check_range("draught", self.draught, "-", 0.0, 2.0)?;
        Ok(())
    }
}

/// What drives a run from outside and may change between steps.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct FireForcing {
    /// Dynamic pressure of the wind (风压), ½ ρ U², Pa, 0 to 5000; a vent feels its coefficient times this.
    pub wind_pa: f64,
}

impl FireForcing {
    /// Of a wind speed in m/s and air of 1.2 kg/m³.
    #[must_use]
    pub fn wind(speed_mps: f64) -> Self {
        Self { wind_pa: 0.6 * speed_mps * speed_mps }
    }

    pub(crate) fn check(&self) -> Result<(), FireError> {
        check_range("wind_pa", self.wind_pa, "Pa", 0.0, 5000.0)?;
        Ok(())
    }
}

/// What one member of an ensemble has of its own.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Member {
    /// Its fires.
    pub fires: Vec<Fire>,
    /// Vents that open and close otherwise than the network says: (time s, share open) as in [`crate::Vent::opening`].
    pub openings: Vec<(VentId, Vec<(f64, f64)>)>,
}

impl Member {
    /// One fire and the doors as the network has them.
    #[must_use]
    pub fn with_fire(fire: Fire) -> Self {
        Self { fires: vec![fire], openings: Vec::new() }
    }
}
