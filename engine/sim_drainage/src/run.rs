//! A run: kernel, parameters, forcing and state in one handle.

use serde::{Deserialize, Serialize};
use sim_core::{CancelToken, ParamError, Snapshot, SnapshotError};

use crate::{
    DrainageError, DrainageForcing, DrainageKernel, DrainageParams, DrainageState, Ledger, Network, NodeId, NodeLedger,
    Surface,
};

/// What an advance did.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct StepStats {
    /// Steps taken by this call.
    pub steps: u64,
    /// Simulated time reached, seconds.
    pub t_s: f64,
    /// Shortest step, seconds (0 when no step was taken).
    pub min_dt_s: f64,
    /// Longest step, seconds.
    pub max_dt_s: f64,
}

/// A drainage run.
///
/// The result depends on the times given to [`DrainageRun::advance_to`] (each call ends with a shortened step), never on
/// an interruption by save and restore.
#[derive(Debug, Clone)]
pub struct DrainageRun {
    kernel: DrainageKernel,
    params: DrainageParams,
    forcing: DrainageForcing,
    state: DrainageState,
}

impl DrainageRun {
    /// Checks everything and prepares a run at time 0.
    ///
    /// # Errors
    /// [`DrainageError`] naming the first invalid input.
    pub fn new(network: Network, forcing: DrainageForcing, params: DrainageParams) -> Result<Self, DrainageError> {
        let params = params.validate()?;
        let kernel = DrainageKernel::new(network);
        let state = kernel.initial_state(&params, &forcing)?;
        Ok(Self { kernel, params, forcing, state })
    }

    /// Steps until simulated time `t_s`, seconds; a time already reached does nothing. Looks at `cancel` before every
    /// step.
    ///
    /// # Errors
    /// [`DrainageError::Cancelled`], [`DrainageError::BlowUp`]; the state is valid at the time reached.
    pub fn advance_to(&mut self, t_s: f64, cancel: &CancelToken) -> Result<StepStats, DrainageError> {
        if !t_s.is_finite() {
            return Err(ParamError::new("advance_to t_s", t_s, "s", "a finite time").into());
        }
        let mut stats = StepStats { min_dt_s: f64::INFINITY, ..StepStats::default() };
        while self.state.t_s < t_s {
            if cancel.is_cancelled() {
                return Err(DrainageError::Cancelled { t_s: self.state.t_s });
            }
            let left = t_s - self.state.t_s;
            let stable = self.kernel.stable_dt_s(&self.params, &self.state);
            // Two equal last steps instead of one whole and one tiny.
            let dt = if left <= stable { left } else if left < 2.0 * stable { 0.5 * left } else { stable };
            let report = self.kernel.step_by(&self.params, &self.forcing, &mut self.state, dt);
            if left <= stable {
                self.state.t_s = t_s;
            }
            self.check()?;
            stats.steps += 1;
            stats.min_dt_s = stats.min_dt_s.min(report.dt_s);
            stats.max_dt_s = stats.max_dt_s.max(report.dt_s);
        }
        stats.t_s = self.state.t_s;
        if stats.steps == 0 {
            stats.min_dt_s = 0.0;
        }
        Ok(stats)
    }

    fn check(&self) -> Result<(), DrainageError> {
        match self.state.head_m.iter().position(|h| !h.is_finite()) {
            None => Ok(()),
            Some(k) => Err(DrainageError::BlowUp {
                node: self.network().node_name(NodeId(k as u32)).to_owned(),
                head_m: self.state.head_m[k],
                t_s: self.state.t_s,
            }),
        }
    }

    /// Sets the water above opening `k` and starts a new interval of exchange: what was moved so far is counted from 0 again
    /// and the direction is free. Unknown openings are ignored.
    pub fn set_surface(&mut self, k: usize, surface: Surface) {
        let n = self.forcing.openings.len();
        if k >= n || !surface.level_m.is_finite() {
            return;
        }
        if self.forcing.surface.len() != n {
            self.forcing.surface = (0..n).map(|j| self.forcing.surface_at(j)).collect();
        }
        self.forcing.surface[k] = Surface { available_m3: surface.available_m3.max(0.0), ..surface };
        self.state.opening_m3[k] = 0.0;
        self.state.opening_way[k] = 0;
    }

    /// Net volume given to the surface by opening `k` since [`DrainageRun::set_surface`], m3.
    #[must_use]
    pub fn exchanged_m3(&self, k: usize) -> f64 {
        self.state.opening_m3.get(k).copied().unwrap_or(0.0)
    }

    /// Sets the level behind an outfall from now on, metres above datum.
    pub fn set_tail_water(&mut self, node: NodeId, level_m: f64) {
        let outfall = self.network().nodes().get(node.at()).is_some_and(crate::Node::is_outfall);
        if !outfall || !level_m.is_finite() {
            return;
        }
        match self.forcing.tail_water.iter_mut().find(|t| t.0 == node) {
            Some(t) => t.1 = level_m,
            None => self.forcing.tail_water.push((node, level_m)),
        }
    }

    /// Replaces inflows from now on.
    ///
    /// # Errors
    /// [`DrainageError`] when one is invalid; the old ones stay.
    pub fn set_inflows(&mut self, inflows: Vec<crate::Inflow>) -> Result<(), DrainageError> {
        let forcing = DrainageForcing { inflows, ..self.forcing.clone() };
        forcing.validate(self.network())?;
        self.forcing = forcing;
        Ok(())
    }

    /// The network.
    #[must_use]
    pub const fn network(&self) -> &Network {
        self.kernel.network()
    }

    /// The kernel.
    #[must_use]
    pub const fn kernel(&self) -> &DrainageKernel {
        &self.kernel
    }

    /// The parameters.
    #[must_use]
    pub const fn params(&self) -> &DrainageParams {
        &self.params
    }

    /// The forcing.
    #[must_use]
    pub const fn forcing(&self) -> &DrainageForcing {
        &self.forcing
    }

    /// Simulated time, seconds.
    #[must_use]
    pub const fn t_s(&self) -> f64 {
        self.state.t_s
    }

    /// The state.
    #[must_use]
    pub const fn state(&self) -> &DrainageState {
        &self.state
    }

    /// Depth at a node, m; 0 for an unknown node.
    #[must_use]
    pub fn depth_m(&self, node: NodeId) -> f64 {
        let bottom = self.network().nodes().get(node.at()).map_or(0.0, |n| n.invert_m);
        self.state.head_m.get(node.at()).map_or(0.0, |h| h - bottom)
    }

    /// The water account at the time reached.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger { current_m3: self.state.network_m3(), ..self.state.ledger }
    }

    /// The account of a node; all zero for an unknown node.
    #[must_use]
    pub fn node_ledger(&self, node: NodeId) -> NodeLedger {
        let account = self.state.account.get(node.at()).copied().unwrap_or_default();
        NodeLedger { current_m3: self.state.volume_m3.get(node.at()).copied().unwrap_or(0.0), ..account }
    }

    /// Digest of the state.
    #[must_use]
    pub fn checksum(&self) -> u64 {
        self.state.checksum()
    }

    /// Writes the full state. Network and forcing are inputs and are not part of it.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        self.state.save()
    }

    /// Continues from a state saved by a run of the same network and as many openings.
    ///
    /// # Errors
    /// [`DrainageError::Snapshot`] when the bytes are damaged or belong to another network; the run is unchanged.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), DrainageError> {
        let state = DrainageState::restore(bytes)?;
        let same = state.model == self.kernel.digest()
            && state.head_m.len() == self.state.head_m.len()
            && state.flow_m3ps.len() == self.state.flow_m3ps.len()
            && state.opening_m3.len() == self.state.opening_m3.len();
        if !same {
            let found = format!("a state of another network ({} nodes)", state.head_m.len());
            return Err(SnapshotError::WrongKind { expected: "this run's network", found }.into());
        }
        self.state = state;
        Ok(())
    }
}
