//! The queue network (排队网络): whole buildings in milliseconds, for ensembles and unwatched buildings.
//!
//! On the same world as the micro kernel. People walk through a layer at a speed that falls with its density, then queue at the
//! way out, which lets through as many per second as its [`QueueLaw`] allows; a full layer lets nobody in. SFPE Handbook
//! (Gwynne and Rosenbaum): v = k (1 − 0.266 D), density at most 3.8/m². Event by event: a run costs as much as people pass doors.
//! [`MesoWalk`] moves the people of a run under conditions that change; [`MesoNetwork`] is one run from start to end.

mod law;
mod save;
mod walk;

pub use law::QueueLaw;
pub use walk::MesoWalk;

use crate::CrowdError;
use crate::agents::{Row, Status};
use crate::kernel::{CrowdKernel, Person};
use crate::params::CrowdParams;
use crate::run::CrowdRun;
use crate::state::{Balance, CrowdState};
use crate::world::{LayerId, NONE};
use sim_core::check_range;
use walk::Stage;

/// A person of the network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MesoPerson {
    /// The layer.
    pub layer: LayerId,
    /// Destination class of the kernel.
    pub class: u32,
    /// Free speed on the level, m/s, 0.05 to 3.
    pub free_mps: f64,
    /// When the person sets off or goes on, s, >= 0.
    pub start_s: f64,
    /// Way already chosen, if any, and metres left to it (people taken over from the micro run).
    pub under_way: Option<(u32, f64)>,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MesoResult {
    /// When each person left, s, in the order in which they left.
    pub left_s: Vec<f64>,
    /// When each layer was last occupied, s; 0 for one that was empty.
    pub cleared_s: Vec<f64>,
    /// Persons who passed each way (portal · 2 + side).
    pub crossed: Vec<u64>,
    /// Counts at the end.
    pub balance: Balance,
    /// Who is still inside at the end: their layers and what they need to go on.
    pub inside: Vec<MesoPerson>,
}

impl MesoResult {
    /// Required safe egress time (RSET 所需安全疏散时间), s: when the last left; `None` while somebody is inside.
    #[must_use]
    pub fn rset_s(&self) -> Option<f64> {
        (self.balance.inside == 0).then(|| self.left_s.last().copied().unwrap_or(0.0))
    }
}

/// A queue network over the world and classes of a kernel.
#[derive(Debug, Clone)]
pub struct MesoNetwork<'a> {
    kernel: &'a CrowdKernel,
    params: CrowdParams,
    /// Doors, air, water and routes; nobody in it.
    conditions: CrowdState,
    law: QueueLaw,
}

impl<'a> MesoNetwork<'a> {
    /// A network with everything open and clean air, flows by SFPE.
    #[must_use]
    pub fn new(kernel: &'a CrowdKernel, params: &CrowdParams) -> Self {
        Self { kernel, params: *params, conditions: kernel.empty_state(params), law: QueueLaw::default() }
    }

    /// The same with other flows.
    #[must_use]
    pub fn with_law(self, law: QueueLaw) -> Self {
        Self { law, ..self }
    }

    /// Lets people walk until `until_s`.
    ///
    /// # Errors
    /// [`CrowdError::Param`] for a value outside its range, [`CrowdError::NoWayOut`] for a person who cannot reach an exit.
    pub fn run(&self, people: &[MesoPerson], until_s: f64) -> Result<MesoResult, CrowdError> {
        let world = &self.kernel.world;
        let (layers, ways) = (world.layers.len() as f64, 2.0 * world.portals.len() as f64);
        let mut state = self.conditions.clone();
        for (k, p) in people.iter().enumerate() {
            check_range("layer", f64::from(p.layer.0), "-", 0.0, layers - 1.0)?;
            check_range("way", p.under_way.map_or(0.0, |u| f64::from(u.0)), "-", 0.0, ways - 1.0)?;
            check_range("class", f64::from(p.class), "-", 0.0, self.kernel.classes.len() as f64 - 1.0)?;
            check_range("metres to the way", p.under_way.map_or(0.0, |u| u.1), "m", 0.0, 1e6)?;
            check_range("free_mps", p.free_mps, "m/s", 0.05 - 1e-6, 3.0)?;
            check_range("start_s", p.start_s, "s", 0.0, 1e7)?;
            self.place(&mut state, k as u32, p)?;
        }
        let metres = |i: usize| people[i].under_way.map(|u| u.1);
        let mut walk = MesoWalk::over(self.kernel, &self.params, &mut state, self.law, 0.0, metres);
        walk.advance_state(self.kernel, &self.params, &mut state, until_s);
        let inside = (0..people.len()).filter(|i| state.agents.status[*i] < Status::Stopped.code());
        Ok(MesoResult {
            left_s: state.departures.iter().map(|d| d.t_s).collect(),
            inside: inside.map(|i| walk.goes_on(&state, i, people[i])).collect(),
            cleared_s: walk.cleared_s,
            balance: state.balance,
            crossed: state.crossed,
        })
    }

    /// Puts a person into the middle of their layer.
    fn place(&self, state: &mut CrowdState, id: u32, p: &MesoPerson) -> Result<(), CrowdError> {
        let layer = &self.kernel.world.layers[p.layer.index()];
        let [x, y] = [0, 1].map(|k| 0.5 * (layer.lo[k] + layer.hi[k]));
        let cost = |w: u32| state.cost[p.class as usize * state.crossed.len() + w as usize];
        let way = p.under_way.map_or(NONE, |u| u.0);
        if !layer.ways.iter().any(|w| cost(*w).is_finite()) || (way != NONE && !layer.ways.contains(&way)) {
            return Err(CrowdError::NoWayOut { layer: layer.name.clone(), class: p.class as usize });
        }
        state.agents.push(Row {
            x,
            y,
            hx: 0.0,
            hy: 0.0,
            speed: 0.0,
            free_mps: p.free_mps as f32,
            gap_s: Person::GAP_S,
            radius: Person::RADIUS_M,
            start_s: p.start_s as f32,
            blocked_s: 0.0,
            pace: 1.0,
            fed_gas: 0.0,
            fed_heat: 0.0,
            id,
            layer: p.layer.0,
            way,
            class: p.class,
            group: NONE,
            status: Status::Waiting.code(),
        });
        state.balance.entered += 1;
        state.balance.inside += 1;
        Ok(())
    }
}

impl MesoWalk {
    /// What a person who is still inside needs to go on.
    fn goes_on(&self, state: &CrowdState, i: usize, p: MesoPerson) -> MesoPerson {
        let way = state.agents.way[i];
        let layer = if state.agents.layer[i] == NONE { p.layer } else { LayerId(state.agents.layer[i]) };
        match self.legs[i].stage {
            Stage::Waiting => MesoPerson { layer, ..p },
            _ if way == NONE => MesoPerson { layer, start_s: self.t_s, under_way: None, ..p },
            _ => MesoPerson { layer, start_s: self.t_s, under_way: Some((way, self.metres_left(i))), ..p },
        }
    }
}

impl CrowdRun {
    /// A network over the world of this run, with its doors, smoke and water as they are now; flows by SFPE.
    #[must_use]
    pub fn network(&self) -> MesoNetwork<'_> {
        let mut conditions = self.kernel().empty_state(self.params());
        let now = self.state();
        conditions.open.clone_from(&now.open);
        conditions.cost.clone_from(&now.cost);
        conditions.air.clone_from(&now.air);
        conditions.flood.clone_from(&now.flood);
        conditions.dose.clone_from(&now.dose);
        MesoNetwork { kernel: self.kernel(), params: *self.params(), conditions, law: QueueLaw::default() }
    }

    /// Everybody who walks or waits in this run, as people of the network (micro → meso); those in lifts and those who
    /// stopped stay behind in the count.
    #[must_use]
    pub fn hand_to_network(&self) -> Vec<MesoPerson> {
        let (a, world, now) = (&self.state().agents, self.world(), self.t_s());
        let walks =
            |i: &usize| a.present(*i) && a.status[*i] <= crate::agents::Status::Walking.code() && a.way[*i] != NONE;
        (0..a.len())
            .filter(walks)
            .map(|i| MesoPerson {
                layer: LayerId(a.layer[i]),
                class: a.class[i],
                free_mps: f64::from(a.free_mps[i]),
                start_s: now.max(f64::from(a.start_s[i])),
                under_way: Some((a.way[i], f64::from(self.state().distance_left_m(world, i)))),
            })
            .collect()
    }

    /// Places people of the network in this run (meso → micro), each where there is room in their layer; they set off at
    /// their own times. Returns those for whom there is no room yet.
    ///
    /// # Errors
    /// As [`CrowdRun::place`], but for a full layer.
    pub fn take_from_network(&mut self, people: &[MesoPerson], seed: u64) -> Result<Vec<MesoPerson>, CrowdError> {
        let mut rest = Vec::new();
        for (k, p) in people.iter().enumerate() {
            let one = crate::Demand {
                class: p.class,
                speed_mps: crate::Spread::Constant { value: p.free_mps },
                pre_movement_s: crate::Spread::Constant { value: p.start_s },
                ..crate::Demand::adults(p.layer, 1, seed.wrapping_add(k as u64))
            };
            match self.place(&one) {
                Ok(_) => {}
                Err(CrowdError::Full { .. }) => rest.push(*p),
                Err(why) => return Err(why),
            }
        }
        Ok(rest)
    }
}
