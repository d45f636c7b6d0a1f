//! What a coupled run is made of.

use sim_core::{ParamError, check_range};
use sim_drainage::{DrainageForcing, DrainageParams, Network, NodeId, Opening, OpeningLaw};
use sim_flood::{FloodParams, Forcing, Initial, Structures, Terrain};

/// A manhole or storm inlet in a cell of the raster.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SurfaceOpening {
    /// Node of the sewer.
    pub node: NodeId,
    /// Cell of the raster; its ground is the level of the opening.
    pub cell: u32,
    /// Law of exchange: [`OpeningLaw::round_manhole`] or a grate.
    pub law: OpeningLaw,
}

/// An outfall that lies in a cell of the raster: the cell's water is its tail water, its flow goes there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SurfaceOutfall {
    /// Outfall of the sewer.
    pub node: NodeId,
    /// Cell of the raster.
    pub cell: u32,
}

/// Where and how the two models meet.
#[derive(Debug, Clone, PartialEq)]
pub struct Coupling {
    /// Manholes and inlets.
    pub openings: Vec<SurfaceOpening>,
    /// Outfalls.
    pub outfalls: Vec<SurfaceOutfall>,
    /// Time between exchanges, seconds, 0.01 to 60. Within it the surface's level at an opening is fixed and its flow
    /// does not turn.
    pub exchange_s: f64,
    /// Weight of the new flow against that of the step before, 0.05 to 1.
    pub relaxation: f64,
    /// Part of a cell's water the sewer may take in one exchange, 0.01 to 1.
    pub donor_share: f64,
}

impl Default for Coupling {
    fn default() -> Self {
        Self { openings: vec![], outfalls: vec![], exchange_s: 1.0, relaxation: 0.8, donor_share: 0.9 }
    }
}

/// Everything a coupled run starts from. `sewer_forcing` brings no openings and no tail water: they come from `coupling`.
#[derive(Debug, Clone)]
pub struct UrbanModel {
    /// Ground.
    pub terrain: Terrain,
    /// Walls, gates, culverts, pumps on the surface.
    pub structures: Structures,
    /// Rain, levels and discharges on the surface.
    pub surface_forcing: Forcing,
    /// Numerical parameters of the surface.
    pub surface_params: FloodParams,
    /// Water on the surface at the start.
    pub initial: Initial,
    /// Sewer.
    pub network: Network,
    /// Inflows of the sewer.
    pub sewer_forcing: DrainageForcing,
    /// Numerical parameters of the sewer.
    pub sewer_params: DrainageParams,
    /// Where they meet.
    pub coupling: Coupling,
}

impl Coupling {
    /// Checks values, nodes and cells.
    ///
    /// # Errors
    /// [`ParamError`] naming the first bad value.
    pub(crate) fn validate(&self, terrain: &Terrain, network: &Network) -> Result<(), ParamError> {
        check_range("exchange_s", self.exchange_s, "s", 0.01, 60.0)?;
        check_range("relaxation", self.relaxation, "-", 0.05, 1.0)?;
        check_range("donor_share", self.donor_share, "-", 0.01, 1.0)?;
        let openings = self.openings.iter().map(|o| ("opening", o.node, o.cell));
        let outfalls = self.outfalls.iter().map(|o| ("outfall", o.node, o.cell));
        for (what, node, cell) in openings.chain(outfalls) {
            if node.at() >= network.nodes().len() {
                return Err(ParamError::new(format!("{what} node"), node.0, "node", format!("below {}", network.nodes().len())));
            }
            let name = format!("{what} `{}` cell", network.node_name(node));
            match terrain.blocked.get(cell as usize) {
                None => return Err(ParamError::new(name, cell, "cell", format!("below {}", terrain.blocked.len()))),
                Some(true) => return Err(ParamError::new(name, cell, "cell", "a cell that is not blocked")),
                Some(false) => {}
            }
        }
        Ok(())
    }

    /// Openings as the sewer sees them.
    pub(crate) fn sewer_openings(&self, terrain: &Terrain) -> Vec<Opening> {
        let one = |o: &SurfaceOpening| Opening {
            node: o.node,
            ground_m: terrain.bed_m[o.cell as usize],
            law: o.law,
            relaxation: self.relaxation,
        };
        self.openings.iter().map(one).collect()
    }
}
