//! Numerical parameters.

use serde::{Deserialize, Serialize};
use sim_core::{ParamError, check_range};

/// Order of the scheme in space and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Order {
    /// Godunov with piecewise constant cells: fast and diffusive.
    First,
    /// MUSCL-Hancock: the default.
    #[default]
    Second,
}

/// How a run goes through time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeStepping {
    /// One step for all cells, set by the fastest wave anywhere.
    #[default]
    Global,
    /// Every tile takes steps its own waves allow, one over a power of two of a common step (局部时间步长). Results differ
    /// from those of `Global` within the scheme's error. For [`crate::FloodRun`] alone: the preview and the GPU keep one step.
    Local {
        /// Most levels planned, 1 to 8; the shortest planned step is the common one over 2^(levels - 1). A tile that speeds
        /// up within a common step may go beyond.
        max_levels: u8,
    },
}

impl TimeStepping {
    /// Local steps with as many levels as pay.
    pub const LOCAL: Self = Self::Local { max_levels: 6 };
}

/// Numerical parameters of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FloodParams {
    /// Courant number, 0.05 to 0.5.
    pub cfl: f64,
    /// Depth at and below which water is held still, metres, 1e-9 to 0.1.
    pub dry_depth_m: f64,
    /// Gravitational acceleration, m/s2, 0.1 to 30. Standard gravity by default (ISO 80000-3).
    pub gravity_mps2: f64,
    /// Order of the scheme.
    pub order: Order,
    /// Steepness of the slope limiter, 1 (minmod) to 2 (monotonised central); generalised minmod of van Leer 1979.
    pub limiter_theta: f64,
    /// Longest step, seconds, 1e-6 to 60; bounds the step while nothing moves.
    pub max_dt_s: f64,
    /// Shortest step before the run stops with an error, seconds.
    pub min_dt_s: f64,
    /// Depth from which a cell counts as wetted for the first-wetting time, metres.
    pub wet_depth_m: f64,
    /// One step for all cells, or each tile its own.
    pub time_stepping: TimeStepping,
    /// Threads; 0 uses the shared pool. The result does not depend on it.
    pub threads: usize,
}

impl Default for FloodParams {
    fn default() -> Self {
        Self {
            cfl: 0.45,
            dry_depth_m: 1e-4,
            gravity_mps2: 9.806_65,
            order: Order::Second,
            limiter_theta: 1.5,
            max_dt_s: 1.0,
            min_dt_s: 1e-7,
            wet_depth_m: 0.05,
            time_stepping: TimeStepping::Global,
            threads: 0,
        }
    }
}

impl FloodParams {
    /// Checks every parameter against its range.
    ///
    /// # Errors
    /// [`ParamError`] naming the first parameter out of range.
    pub fn validate(&self) -> Result<Self, ParamError> {
        check_range("cfl", self.cfl, "-", 0.05, 0.5)?;
        check_range("dry_depth_m", self.dry_depth_m, "m", 1e-9, 0.1)?;
        check_range("gravity_mps2", self.gravity_mps2, "m/s2", 0.1, 30.0)?;
        check_range("limiter_theta", self.limiter_theta, "-", 1.0, 2.0)?;
        check_range("max_dt_s", self.max_dt_s, "s", 1e-6, 60.0)?;
        check_range("min_dt_s", self.min_dt_s, "s", 1e-12, self.max_dt_s)?;
        check_range("wet_depth_m", self.wet_depth_m, "m", self.dry_depth_m, 10.0)?;
        if let TimeStepping::Local { max_levels } = self.time_stepping
            && !(1..=8).contains(&max_levels)
        {
            return Err(ParamError::new("time_stepping.local.max_levels", max_levels, "-", "1 to 8"));
        }
        if self.threads > 1024 {
            return Err(ParamError::new("threads", self.threads, "-", "0 to 1024"));
        }
        Ok(*self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_bad_values_are_named() {
        FloodParams::default().validate().unwrap();
        let bad = FloodParams { cfl: 0.9, ..FloodParams::default() };
        assert_eq!(bad.validate().unwrap_err().to_string(), "cfl = 0.9 -; allowed: 0.05 to 0.5");
        let bad = FloodParams { gravity_mps2: f64::NAN, ..FloodParams::default() };
        assert!(bad.validate().is_err());
    }
}
