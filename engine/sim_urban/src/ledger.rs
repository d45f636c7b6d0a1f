//! The water account of surface and sewer together.

/// Both accounts and what passed between them. All in m3.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct UrbanLedger {
    /// Account of the surface; what it exchanged with the sewer is in its point flows.
    pub surface: sim_flood::Ledger,
    /// Account of the sewer; what it exchanged is in its surface and outfall flows.
    pub sewer: sim_drainage::Ledger,
    /// Given by the sewer to the surface (manholes, inlets, outfalls).
    pub up_m3: f64,
    /// Taken by the sewer from the surface.
    pub down_m3: f64,
    /// Given by the sewer and not yet on the surface (negative: taken and still to be drawn), for want of water in the cell or
    /// as rounding.
    pub pending_m3: f64,
}

impl UrbanLedger {
    /// Water on the surface, in the sewer and between.
    #[must_use]
    pub fn current_m3(&self) -> f64 {
        self.surface.current_m3 + self.sewer.current_m3 + self.pending_m3
    }

    /// Water that came from outside both models: rain, levels, discharges, inflows, uncoupled outfalls.
    #[must_use]
    pub fn total_in_m3(&self) -> f64 {
        self.surface.total_in_m3() + self.sewer.total_in_m3() - self.up_m3 - self.down_m3
    }

    /// Water there minus what should be there, m3.
    ///
    /// What passed between the two models counts nowhere: the sewer's outflow and the surface's inflow are the same water,
    /// apart from what is pending.
    #[must_use]
    pub fn error_m3(&self) -> f64 {
        let there = self.current_m3() - self.surface.initial_m3 - self.sewer.initial_m3;
        let net_in = (self.surface.total_in_m3() - self.surface.total_out_m3())
            + (self.sewer.total_in_m3() - self.sewer.total_out_m3());
        // Surface and sewer book the exchange with opposite signs; the difference is pending.
        there - net_in - self.pending_m3
    }

    /// |error| relative to the inflow from outside, or to the initial volume when nothing entered; 0 without any water.
    #[must_use]
    pub fn relative_error(&self) -> f64 {
        let inflow = self.total_in_m3();
        let base = if inflow > 0.0 { inflow } else { self.surface.initial_m3 + self.sewer.initial_m3 };
        if base > 0.0 { self.error_m3().abs() / base } else { 0.0 }
    }
}
