//! The water account of a run.

use serde::{Deserialize, Serialize};

/// Every cubic metre that entered, left or is there. All in m3.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// Water in the domain at the start.
    pub initial_m3: f64,
    /// Rain that reached open cells, roof runoff included.
    pub rain_in_m3: f64,
    /// Added by imposed levels.
    pub stage_in_m3: f64,
    /// Taken by imposed levels.
    pub stage_out_m3: f64,
    /// Entered over open edges; 0, since they only let water out.
    pub edge_in_m3: f64,
    /// Left over open edges and through outlets.
    pub edge_out_m3: f64,
    /// Added by discharges.
    pub point_in_m3: f64,
    /// Taken by abstractions and pumps.
    pub point_out_m3: f64,
    /// Taken in by the ground.
    pub infiltrated_m3: f64,
    /// Rounding residue when a draining cell ended a hair below zero and was set to zero (a gain).
    pub residue_m3: f64,
    /// Water in the domain now.
    pub current_m3: f64,
}

impl Ledger {
    /// All that entered, m3.
    #[must_use]
    pub fn total_in_m3(&self) -> f64 {
        self.rain_in_m3 + self.stage_in_m3 + self.edge_in_m3 + self.point_in_m3
    }

    /// All that left, m3.
    #[must_use]
    pub fn total_out_m3(&self) -> f64 {
        self.stage_out_m3 + self.edge_out_m3 + self.point_out_m3 + self.infiltrated_m3
    }

    /// Water there minus what should be there, m3. The residue is *not* excused: it counts as error.
    #[must_use]
    pub fn error_m3(&self) -> f64 {
        (self.current_m3 - self.initial_m3) - (self.total_in_m3() - self.total_out_m3())
    }

    /// |error| relative to the inflow, or to the initial volume when nothing entered; 0 for an empty domain.
    #[must_use]
    pub fn relative_error(&self) -> f64 {
        let inflow = self.total_in_m3();
        let base = if inflow > 0.0 { inflow } else { self.initial_m3 };
        if base > 0.0 { self.error_m3().abs() / base } else { 0.0 }
    }
}
