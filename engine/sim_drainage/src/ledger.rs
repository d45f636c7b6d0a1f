//! The water account of a run.

use serde::{Deserialize, Serialize};

/// Every cubic metre that entered, left or is there. All in m3.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// Water in nodes and pipes at the start.
    pub initial_m3: f64,
    /// Inflows at nodes.
    pub lateral_in_m3: f64,
    /// Taken by negative inflows.
    pub lateral_out_m3: f64,
    /// Left through outfalls.
    pub outfall_out_m3: f64,
    /// Came in through outfalls (tide, river).
    pub outfall_in_m3: f64,
    /// Spilt over rims and lost.
    pub flooded_m3: f64,
    /// Given to the surface through openings.
    pub surface_out_m3: f64,
    /// Taken from the surface through openings.
    pub surface_in_m3: f64,
    /// Rounding residue of emptied nodes (a gain).
    pub residue_m3: f64,
    /// Water in nodes and pipes now.
    pub current_m3: f64,
}

impl Ledger {
    /// All that entered, m3.
    #[must_use]
    pub fn total_in_m3(&self) -> f64 {
        self.lateral_in_m3 + self.outfall_in_m3 + self.surface_in_m3
    }

    /// All that left, m3.
    #[must_use]
    pub fn total_out_m3(&self) -> f64 {
        self.lateral_out_m3 + self.outfall_out_m3 + self.flooded_m3 + self.surface_out_m3
    }

    /// Water there minus what should be there, m3. The residue is *not* excused: it counts as error.
    #[must_use]
    pub fn error_m3(&self) -> f64 {
        (self.current_m3 - self.initial_m3) - (self.total_in_m3() - self.total_out_m3())
    }

    /// |error| relative to the inflow, or to the initial volume when nothing entered; 0 for an empty network.
    #[must_use]
    pub fn relative_error(&self) -> f64 {
        let inflow = self.total_in_m3();
        let base = if inflow > 0.0 { inflow } else { self.initial_m3 };
        if base > 0.0 { self.error_m3().abs() / base } else { 0.0 }
    }
}

/// The account of one node with the pipe halves that belong to it. All in m3.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct NodeLedger {
    /// There at the start.
    pub initial_m3: f64,
    /// Came in from links, inflows and the surface.
    pub in_m3: f64,
    /// Went out to links, abstractions and the surface.
    pub out_m3: f64,
    /// Spilt over the rim and lost.
    pub flooded_m3: f64,
    /// There now.
    pub current_m3: f64,
}

impl NodeLedger {
    /// Water there minus what should be there, m3.
    #[must_use]
    pub fn error_m3(&self) -> f64 {
        (self.current_m3 - self.initial_m3) - (self.in_m3 - self.out_m3 - self.flooded_m3)
    }
}
