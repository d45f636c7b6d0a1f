//! The kernel: a network, its members, and one step of a block.

use crate::detect::sense;
use crate::gas::ENTHALPY;
use crate::mixture::Mixture;
use crate::model::{Model, Sweep};
use crate::state::FireState;
use crate::step::{SPACE_SHARE, Step};
use crate::{Detector, FireError, FireForcing, FireParams, Member, Network};
use sim_core::{Kernel, StepReport};

/// A network with up to `L` members, ready to step.
#[derive(Debug, Clone)]
pub struct FireKernel<const L: usize> {
    pub(crate) model: std::sync::Arc<Model>,
    pub(crate) members: Vec<Member>,
    pub(crate) detectors: std::sync::Arc<Vec<Detector>>,
    pub(crate) mixture: Mixture<L>,
    arch: pulp::Arch,
}

impl<const L: usize> FireKernel<L> {
    /// Checks the members and prepares the network.
    ///
    /// # Errors
    /// [`FireError::Item`] naming the fire, vent or detector; no member or more than `L`.
    pub fn new(network: Network, members: Vec<Member>, detectors: Vec<Detector>) -> Result<Self, FireError> {
        let model = std::sync::Arc::new(Model::new(network));
        Self::shared(model, members, std::sync::Arc::new(detectors))
    }

    pub(crate) fn shared(
        model: std::sync::Arc<Model>,
        members: Vec<Member>,
        detectors: std::sync::Arc<Vec<Detector>>,
    ) -> Result<Self, FireError> {
        if members.is_empty() || members.len() > L {
            return Err(crate::error::bad("ensemble", "", "members", members.len(), format!("1 to {L}")));
        }
        for member in &members {
            member.fires.iter().try_for_each(|f| f.check(&model.network))?;
            for (id, list) in &member.openings {
                if id.at() >= model.pipes.len() {
                    return Err(crate::error::bad("member", "", "opening of vent", id.0, "a vent of the network"));
                }
                let name = model.network.vent_name(*id);
                crate::network::check_schedule("vent", name, "opening", list, 1.0)?;
            }
        }
        detectors.iter().try_for_each(|d| d.check(&model.network))?;
        let mixture = Mixture::new(&model, &members);
        Ok(Self { model, members, detectors, mixture, arch: pulp::Arch::new() })
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.model.network
    }

    /// State at rest at time 0.
    #[must_use]
    pub fn initial_state(&self) -> FireState<L> {
        let fires = std::array::from_fn(|lane| self.members[lane.min(self.members.len() - 1)].fires.len());
        FireState::new(&self.model, &self.mixture, &fires, self.detectors.len())
    }
}

/// Share of the pressure of a space that its fires may add in a sub-step.
const PRESSURE_SHARE: f64 = 0.05;

impl<const L: usize> FireKernel<L> {
    /// Greatest share of a space's pressure that its fires would add in a second if it were sealed, 1/s.
    fn blast(&self, t_s: f64, dt_s: f64) -> f64 {
        let rate = |f: &crate::Fire| {
            let room = &self.model.rooms[f.space.at()];
            let kw = f.curve.at_kw(t_s + 0.5 * dt_s).max(f.curve.at_kw(t_s + dt_s));
            kw * 1e3 / (room.volume * (ENTHALPY - 1.0) * room.outer_pa)
        };
        self.members.iter().flat_map(|m| &m.fires).map(rate).fold(0.0, f64::max)
    }
}

impl<const L: usize> Kernel for FireKernel<L> {
    type Params = FireParams;
    type Forcing = FireForcing;
    type State = FireState<L>;

    fn step(&self, params: &FireParams, forcing: &FireForcing, state: &mut FireState<L>) -> StepReport {
        let fastest = state.turnover.iter().map(|t| t.greatest()).fold(0.0, f64::max);
        let wanted =
            params.dt_s * (fastest / (0.8 * SPACE_SHARE)).max(self.blast(state.t_s, params.dt_s) / PRESSURE_SHARE);
        let cuts = wanted.ceil().clamp(1.0, f64::from(params.max_substeps)) as u32;
        let dt = params.dt_s / f64::from(cuts);
        let sweeps: Vec<Sweep> = self.model.walls.iter().map(|w| Sweep::new(w, dt)).collect();
        for _ in 0..cuts {
            let (members, mixture) = (&self.members, &self.mixture);
            let step = Step { model: &self.model, params, forcing, members, mixture, sweeps: &sweeps, dt };
            step.run(self.arch, state);
            sense(self, state, dt);
        }
        state.tick += 1;
        // Ticks are counted, seconds follow.
        state.t_s = state.tick as f64 * params.dt_s;
        StepReport { tick: state.tick, t_s: state.t_s, dt_s: params.dt_s }
    }
}
