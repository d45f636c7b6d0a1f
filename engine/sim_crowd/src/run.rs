//! A run: kernel, parameters and state together.

use crate::CrowdError;
use crate::agents::Status;
use crate::kernel::{CrowdForcing, CrowdKernel, Person};
use crate::params::CrowdParams;
use crate::route::{DestinationClass, QUEUE_BINS};
use crate::state::{Balance, CrowdEdit, CrowdState, Departure};
use crate::world::{CrowdWorld, LayerId, NONE, PortalId};
use sim_core::{CancelToken, Kernel, Snapshot, SnapshotError, StepReport};
use std::sync::Arc;

/// A person in a frame of the trajectories (轨迹).
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct FrameRow {
    /// Step number.
    pub frame: u64,
    /// The person.
    pub id: u32,
    /// Plan x, m.
    pub x_m: f64,
    /// Plan y, m.
    pub y_m: f64,
    /// Level, m.
    pub z_m: f64,
    /// The layer.
    pub layer: LayerId,
    /// What the person does.
    pub status: Status,
}

/// What a person has taken in so far.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Dose {
    /// The person.
    pub id: u32,
    /// Of asphyxiant gases.
    pub gas: f32,
    /// Of heat.
    pub heat: f32,
}

/// A crowd on its way.
#[derive(Debug, Clone)]
pub struct CrowdRun {
    kernel: Arc<CrowdKernel>,
    params: CrowdParams,
    forcing: CrowdForcing,
    state: CrowdState,
}

impl CrowdRun {
    /// An empty world.
    ///
    /// # Errors
    /// [`CrowdError`] as for [`CrowdKernel::new`], or for an edit of the forcing that cannot be made or comes out of order.
    pub fn new(
        world: CrowdWorld,
        classes: Vec<DestinationClass>,
        params: CrowdParams,
        forcing: CrowdForcing,
    ) -> Result<Self, CrowdError> {
        Self::with_kernel(Arc::new(CrowdKernel::new(world, classes, &params)?), params, forcing)
    }

    /// An empty world whose kernel several runs share. `params.reach_m` must be what the kernel was made with.
    ///
    /// # Errors
    /// As [`CrowdRun::new`].
    pub fn with_kernel(
        kernel: Arc<CrowdKernel>,
        params: CrowdParams,
        forcing: CrowdForcing,
    ) -> Result<Self, CrowdError> {
        params.validate()?;
        let mut last = 0.0;
        for (k, (t, edit)) in forcing.edits.iter().enumerate() {
            sim_core::check_range(&format!("edits[{k}].t_s"), *t, "s", last, 1e9)?;
            kernel.check(edit)?;
            last = *t;
        }
        let state = kernel.empty_state(&params);
        Ok(Self { kernel, params, forcing, state })
    }

    /// Places a person; returns the number they have from now on.
    ///
    /// # Errors
    /// As [`CrowdKernel::enter`].
    pub fn enter(&mut self, person: &Person) -> Result<u32, CrowdError> {
        self.kernel.enter(&self.params, &mut self.state, person)
    }

    /// Changes something now.
    ///
    /// # Errors
    /// As [`CrowdKernel::apply`].
    pub fn apply(&mut self, edit: &CrowdEdit) -> Result<(), CrowdError> {
        self.kernel.apply(&self.params, &mut self.state, edit)
    }

    /// Changes several things now; everybody looks for the best way once.
    ///
    /// # Errors
    /// As [`CrowdKernel::apply_all`].
    pub fn apply_all(&mut self, edits: &[CrowdEdit]) -> Result<(), CrowdError> {
        self.kernel.apply_all(&self.params, &mut self.state, edits)
    }

    /// Gives those who have not set off yet another time for it, s since the start of the run, where `start_s` of a
    /// person's number gives one: an alarm, a voice message.
    ///
    /// # Errors
    /// [`CrowdError::Param`] for a time outside 0 to 1e6 s; nobody's is changed then.
    pub fn set_off(&mut self, start_s: impl Fn(u32) -> Option<f32>) -> Result<(), CrowdError> {
        let a = &mut self.state.agents;
        let waits = |i: &usize| a.status[*i] == Status::Waiting.code();
        let times: Vec<(usize, f32)> =
            (0..a.len()).filter(waits).filter_map(|i| start_s(a.id[i]).map(|t| (i, t))).collect();
        for (_, t) in &times {
            sim_core::check_range("start_s", f64::from(*t), "s", 0.0, 1e6)?;
        }
        times.into_iter().for_each(|(i, t)| a.start_s[i] = t);
        Ok(())
    }

    /// Kernel, parameters and state, for the queue network.
    pub(crate) fn parts(&mut self) -> (&CrowdKernel, &CrowdParams, &mut CrowdState) {
        (&self.kernel, &self.params, &mut self.state)
    }

    /// One step.
    pub fn step(&mut self) -> StepReport {
        self.kernel.step(&self.params, &self.forcing, &mut self.state)
    }

    /// Steps until `t_s` or until nobody who can walk is inside.
    ///
    /// # Errors
    /// [`CrowdError::Cancelled`].
    pub fn advance_to(&mut self, t_s: f64, cancel: &CancelToken) -> Result<f64, CrowdError> {
        while self.t_s() < t_s - 1e-9 && self.state.balance.inside > 0 {
            if cancel.is_cancelled() {
                return Err(CrowdError::Cancelled { t_s: self.t_s() });
            }
            self.step();
        }
        Ok(self.t_s())
    }

    /// Simulated time, s.
    #[must_use]
    pub fn t_s(&self) -> f64 {
        self.state.t_s(&self.params)
    }

    /// The world.
    #[must_use]
    pub fn world(&self) -> &CrowdWorld {
        self.kernel.world()
    }

    /// The kernel.
    #[must_use]
    pub fn kernel(&self) -> &CrowdKernel {
        &self.kernel
    }

    /// The parameters.
    #[must_use]
    pub const fn params(&self) -> &CrowdParams {
        &self.params
    }

    /// The state.
    #[must_use]
    pub const fn state(&self) -> &CrowdState {
        &self.state
    }

    /// Where everybody is.
    #[must_use]
    pub const fn balance(&self) -> Balance {
        self.state.balance
    }

    /// Who has left so far, in order.
    #[must_use]
    pub fn departures(&self) -> &[Departure] {
        &self.state.departures
    }

    /// Persons who ever passed a portal, from side 0 to 1 and back.
    #[must_use]
    pub fn crossed(&self, portal: PortalId) -> [u64; 2] {
        [0, 1].map(|s| self.state.crossed.get(2 * portal.index() + s).copied().unwrap_or(0))
    }

    /// Persons in each layer, those who stopped included.
    #[must_use]
    pub fn occupancy(&self) -> Vec<u32> {
        let mut n = vec![0; self.kernel.world.layers.len()];
        for l in self.state.agents.layer.iter().filter(|l| **l != NONE) {
            n[*l as usize] += 1;
        }
        n
    }

    /// Everybody who stands in a layer now: rows for a trajectory file, in no particular order.
    pub fn frame(&self) -> impl Iterator<Item = FrameRow> + '_ {
        let a = &self.state.agents;
        (0..a.len()).filter(|i| a.present(*i)).map(|i| {
            let layer = &self.kernel.world.layers[a.layer[i] as usize];
            let [x_m, y_m, z_m] = layer.to_plan([a.x[i], a.y[i]]);
            FrameRow {
                frame: self.state.tick,
                id: a.id[i],
                x_m,
                y_m,
                z_m,
                layer: LayerId(a.layer[i]),
                status: a.status(i),
            }
        })
    }

    /// Layer and doing of everybody present.
    pub fn whereabouts(&self) -> impl Iterator<Item = (LayerId, Status)> + '_ {
        let a = &self.state.agents;
        (0..a.len()).filter(|i| a.present(*i)).map(|i| (LayerId(a.layer[i]), a.status(i)))
    }

    /// Layer positions and speeds of everybody present: (id, layer, x, y, speed in m/s).
    pub fn motions(&self) -> impl Iterator<Item = (u32, LayerId, f32, f32, f32)> + '_ {
        let a = &self.state.agents;
        (0..a.len()).filter(|i| a.present(*i)).map(|i| (a.id[i], LayerId(a.layer[i]), a.x[i], a.y[i], a.speed[i]))
    }

    /// The portal that each person present heads for.
    pub fn targets(&self) -> impl Iterator<Item = (u32, Option<PortalId>)> + '_ {
        let a = &self.state.agents;
        let portal = |w: u32| (w != NONE).then_some(PortalId(w >> 1));
        (0..a.len()).filter(|i| a.present(*i)).map(move |i| (a.id[i], portal(a.way[i])))
    }

    /// Doses of everybody still in the model.
    pub fn doses(&self) -> impl Iterator<Item = Dose> + '_ {
        let a = &self.state.agents;
        let here = |i: &usize| a.present(*i) || a.status[*i] == Status::Riding.code();
        (0..a.len()).filter(here).map(|i| Dose { id: a.id[i], gas: a.fed_gas[i], heat: a.fed_heat[i] })
    }

    /// Last doses of everybody in the columns: in a run that walks through queues, of all who ever entered.
    pub fn last_doses(&self) -> impl Iterator<Item = Dose> + '_ {
        let a = &self.state.agents;
        (0..a.len()).map(|i| Dose { id: a.id[i], gas: a.fed_gas[i], heat: a.fed_heat[i] })
    }

    /// Digest of the state.
    #[must_use]
    pub fn checksum(&self) -> u64 {
        self.state.checksum()
    }

    /// The state as bytes.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        self.state.save()
    }

    /// Continues from saved bytes of a run with the same world and classes.
    ///
    /// # Errors
    /// [`CrowdError::Snapshot`] for damaged bytes or those of another world.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), CrowdError> {
        let state = CrowdState::restore(bytes)?;
        self.kernel.fits(&state)?;
        self.state = state;
        Ok(())
    }
}

impl CrowdKernel {
    /// Whether a state belongs to this world.
    fn fits(&self, state: &CrowdState) -> Result<(), CrowdError> {
        let (portals, layers) = (self.world.portals.len(), self.world.layers.len());
        let a = &state.agents;
        let sizes = state.open.len() == portals
            && state.tokens.len() == portals
            && state.crossed.len() == 2 * portals
            && state.queue.len() == 2 * portals * QUEUE_BINS
            && state.cost.len() == 2 * portals * self.classes.len()
            && state.air.len() == layers
            && state.flood.len() == layers
            && state.dose.len() == layers
            && state.cars.len() == self.world.lifts.len();
        let known = |v: u32, n: usize| v == NONE || (v as usize) < n;
        let people = (0..a.len()).all(|i| {
            let class = (a.class[i] as usize) < self.classes.len();
            class && known(a.layer[i], layers) && known(a.way[i], 2 * portals) && Status::of(a.status[i]).is_some()
        });
        let cars = state.cars.iter().zip(&self.world.lifts).all(|(c, l)| (c.stop as usize) < l.stops.len());
        if sizes && people && cars && state.balance.closes() {
            return Ok(());
        }
        let bad =
            SnapshotError::BadValue { field: "world", value: "of another run".into(), allowed: "this run's world" };
        Err(bad.into())
    }
}
