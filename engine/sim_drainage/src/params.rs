//! Numerical parameters.

use serde::{Deserialize, Serialize};
use sim_core::{ParamError, check_range};

/// How the inertial terms are damped (SWMM's INERTIAL_DAMPING).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Damping {
    /// Full terms below the critical flow, none in full pipes.
    None,
    /// Reduced between Froude 0.5 and 1, none above.
    #[default]
    Partial,
    /// No inertial terms.
    Full,
}

/// When flow is held to the normal flow of the upstream depth (SWMM's NORMAL_FLOW_LIMITED).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum NormalLimit {
    /// Never.
    Never,
    /// When the water surface is flatter than the pipe.
    Slope,
    /// When the flow upstream is supercritical.
    Froude,
    /// In either case.
    #[default]
    Both,
}

/// Numerical parameters of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DrainageParams {
    /// Courant number of the fastest open-channel wave, 0.05 to 10. The scheme is implicit: it bounds accuracy, not stability.
    pub courant: f64,
    /// Longest step, seconds, 1e-3 to 600.
    pub max_dt_s: f64,
    /// Step below which the Courant condition no longer shortens steps, seconds.
    pub min_dt_s: f64,
    /// Weight of the new time level, 0.5 (second order, no damping) to 1.
    pub theta: f64,
    /// Passes over the momentum equation per step, 1 to 8.
    pub passes: u32,
    /// Damping of inertial terms.
    pub damping: Damping,
    /// Limit by normal flow.
    pub normal_limit: NormalLimit,
    /// Gravitational acceleration, m/s2. Standard gravity by default (ISO 80000-3).
    pub gravity_mps2: f64,
    /// Speed of pressure waves in full pipes, m/s, which sets the width of the slot (T = g A / a^2).
    pub slot_celerity_mps: f64,
}

impl Default for DrainageParams {
    fn default() -> Self {
        Self {
            courant: 0.75,
            max_dt_s: 5.0,
            min_dt_s: 0.25,
            theta: 0.6,
            passes: 2,
            damping: Damping::Partial,
            normal_limit: NormalLimit::Both,
            gravity_mps2: 9.806_65,
            slot_celerity_mps: 200.0,
        }
    }
}

impl DrainageParams {
    /// Checks every parameter against its range.
    ///
    /// # Errors
    /// [`ParamError`] naming the first parameter out of range.
    pub fn validate(&self) -> Result<Self, ParamError> {
        check_range("courant", self.courant, "-", 0.05, 10.0)?;
        check_range("max_dt_s", self.max_dt_s, "s", 1e-3, 600.0)?;
        check_range("min_dt_s", self.min_dt_s, "s", 1e-6, self.max_dt_s)?;
        check_range("theta", self.theta, "-", 0.5, 1.0)?;
        check_range("passes", f64::from(self.passes), "-", 1.0, 8.0)?;
        check_range("gravity_mps2", self.gravity_mps2, "m/s2", 0.1, 30.0)?;
        check_range("slot_celerity_mps", self.slot_celerity_mps, "m/s", 10.0, 2000.0)?;
        Ok(*self)
    }
}
