//! The water of a run: the surface alone, or surface and sewers.

use crate::RunError;
use crate::sewers::Sewers;
use sim_core::CancelToken;
use sim_drainage::{DrainageForcing, DrainageParams};
use sim_flood::{FloodParams, FloodRun, Forcing, Initial, Structures, Terrain};
use sim_urban::{CoupledRun, UrbanModel};

/// A run's kernels behind one door.
#[derive(Debug)]
pub(crate) enum Water {
    /// Surface only.
    Surface(Box<FloodRun>),
    /// Surface and sewers.
    Coupled(Box<CoupledRun>),
}

impl Water {
    pub(crate) fn new(
        terrain: Terrain,
        structures: Structures,
        forcing: Forcing,
        initial: Initial,
        surface_params: FloodParams,
        sewers: Option<&Sewers>,
    ) -> Result<Self, RunError> {
        let Some(sewers) = sewers else {
            return Ok(Self::Surface(Box::new(FloodRun::new(terrain, structures, forcing, surface_params, initial)?)));
        };
        let model = UrbanModel {
            terrain,
            structures,
            surface_forcing: forcing,
            surface_params,
            initial,
            network: sewers.network.clone(),
            sewer_forcing: DrainageForcing::default(),
            sewer_params: DrainageParams::default(),
            coupling: sewers.coupling.clone(),
        };
        Ok(Self::Coupled(Box::new(CoupledRun::new(model)?)))
    }

    /// The surface.
    pub(crate) const fn surface(&self) -> &FloodRun {
        match self {
            Self::Surface(run) => run,
            Self::Coupled(run) => run.surface(),
        }
    }

    /// The surface, to change what is built on it.
    pub(crate) const fn surface_mut(&mut self) -> &mut FloodRun {
        match self {
            Self::Surface(run) => run,
            Self::Coupled(run) => run.surface_mut(),
        }
    }

    pub(crate) fn advance_to(&mut self, t_s: f64, cancel: &CancelToken) -> Result<(), RunError> {
        match self {
            Self::Surface(run) => drop(run.advance_to(t_s, cancel)?),
            Self::Coupled(run) => run.advance_to(t_s, cancel)?,
        }
        Ok(())
    }

    pub(crate) fn t_s(&self) -> f64 {
        self.surface().t_s()
    }

    pub(crate) fn checksum(&self) -> u64 {
        match self {
            Self::Surface(run) => run.checksum(),
            Self::Coupled(run) => run.checksum(),
        }
    }

    pub(crate) fn save(&self) -> Vec<u8> {
        match self {
            Self::Surface(run) => run.save(),
            Self::Coupled(run) => run.save(),
        }
    }

    pub(crate) fn restore(&mut self, bytes: &[u8]) -> Result<(), RunError> {
        match self {
            Self::Surface(run) => run.restore(bytes)?,
            Self::Coupled(run) => run.restore(bytes)?,
        }
        Ok(())
    }

    /// Volume error of all water, relative to what came in.
    pub(crate) fn mass_error(&self) -> f64 {
        match self {
            Self::Surface(run) => run.ledger().relative_error(),
            Self::Coupled(run) => run.ledger().relative_error(),
        }
    }

    /// The coupled run, when there are sewers.
    pub(crate) const fn coupled(&self) -> Option<&CoupledRun> {
        match self {
            Self::Surface(_) => None,
            Self::Coupled(run) => Some(run),
        }
    }
}
