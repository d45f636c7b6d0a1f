//! One step of the crowd.

pub(crate) mod company;
mod edits;
mod lifts;

use crate::agents::{Agents, Row, Status};
use crate::lift::Car;
use crate::math::V2;
use crate::motion::{Part, keep_off_walls};
use crate::params::CrowdParams;
use crate::route::{Chooser, DestinationClass, QUEUE_BINS, RouteGraph, queue_slot};
use crate::sort::{Grids, Moved};
use crate::state::{Balance, CrowdEdit, CrowdState, Departure};
use crate::world::{CrowdWorld, LayerId, NONE, PortalId};
use crate::{CrowdError, sort::Scratch};
use sim_core::{Kernel, ParamError, StepReport, check_range};

/// A person to be placed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Person {
    /// Where: the layer.
    pub layer: LayerId,
    /// Where: the layer's own coordinates, m.
    pub at: [f32; 2],
    /// Destination class.
    pub class: u32,
    /// Free speed on the level, m/s, 0.05 to 3.
    pub free_mps: f32,
    /// Half the distance at which the person stands still behind another, m, 0.1 to 0.4: body and room for a step.
    pub radius_m: f32,
    /// Time gap to the person ahead, s, 0.1 to 5; how it makes speed: [`crate::SpacingLaw`].
    pub gap_s: f32,
    /// When the person sets off, s, >= 0.
    pub start_s: f32,
    /// Group (结伴), if any: its members keep together at the pace of the slowest.
    pub group: Option<u32>,
}

impl Person {
    /// Half the room that a person takes along the step: one calibrated set for all cases (see the crate's README).
    pub const RADIUS_M: f32 = 0.27;
    /// Time gap of the same set, s.
    pub const GAP_S: f32 = 0.35;

    /// A person with the calibrated body who walks at once.
    #[must_use]
    pub const fn new(layer: LayerId, at: [f32; 2], free_mps: f32) -> Self {
        let (radius_m, gap_s) = (Self::RADIUS_M, Self::GAP_S);
        Self { layer, at, class: 0, free_mps, radius_m, gap_s, start_s: 0.0, group: None }
    }
}

/// Changes that come by themselves, in order of time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CrowdForcing {
    /// Time in s, and what changes then; times do not fall.
    pub edits: Vec<(f64, CrowdEdit)>,
}

/// The unchanging part of a run: world, destinations, neighbour grid.
#[derive(Debug, Clone)]
pub struct CrowdKernel {
    pub(crate) world: CrowdWorld,
    pub(crate) classes: Vec<DestinationClass>,
    pub(crate) graph: RouteGraph,
    pub(crate) grids: Grids,
}

/// Steps between two tidyings of the columns.
const TIDY: u64 = 32;
/// Most cells of the neighbour grids together.
const MOST_CELLS: f64 = 2e7;

impl CrowdKernel {
    /// Joins a world and destination classes.
    ///
    /// # Errors
    /// [`CrowdError`] for bad parameters, no class, a class with a speed outside 0.05 to 3 m/s, a herding outside 0 to 1 or an unknown portal, or a
    /// world too large for the reach.
    pub fn new(world: CrowdWorld, classes: Vec<DestinationClass>, params: &CrowdParams) -> Result<Self, CrowdError> {
        params.validate()?;
        let cells: f64 = world.layers.iter().map(|l| f64::from((l.hi[0] - l.lo[0]) * (l.hi[1] - l.lo[1]))).sum();
        check_range("layers' area", cells, "m2", 0.0, MOST_CELLS * f64::from(params.reach_m * params.reach_m))?;
        check_range("classes", classes.len() as f64, "-", 1.0, 1000.0)?;
        for (k, c) in classes.iter().enumerate() {
            check_range(&format!("classes[{k}].speed_mps"), f64::from(c.speed_mps), "m/s", 0.05, 3.0)?;
            check_range(&format!("classes[{k}].herding"), f64::from(c.herding), "-", 0.0, 1.0)?;
            if let Some(p) = c.exits.iter().chain(&c.avoid).chain(&c.circuit).find(|p| p.index() >= world.portals.len())
            {
                let allowed = format!("0 to {}", world.portals.len() as i64 - 1);
                return Err(ParamError::new(format!("classes[{k}]: portal"), p.0, "-", allowed).into());
            }
        }
        let graph = RouteGraph::new(&world, &classes);
        let grids = Grids::new(&world, params.reach_m);
        Ok(Self { world, classes, graph, grids })
    }

    /// The world.
    #[must_use]
    pub const fn world(&self) -> &CrowdWorld {
        &self.world
    }

    /// Nobody in the world, everything open, the air clean.
    #[must_use]
    pub fn empty_state(&self, params: &CrowdParams) -> CrowdState {
        let (layers, portals) = (self.world.layers.len(), self.world.portals.len());
        let mut state = CrowdState {
            open: vec![1; portals],
            tokens: vec![1.0; portals],
            crossed: vec![0; 2 * portals],
            queue: vec![0; 2 * portals * QUEUE_BINS],
            air: vec![sim_core::Air::CLEAN; layers],
            flood: vec![Default::default(); layers],
            dose: vec![[0.0; 2]; layers],
            cars: self.world.lifts.iter().map(Car::at_rest).collect(),
            ..CrowdState::default()
        };
        state.refresh_routes(&self.world, &self.graph, &self.classes, params);
        state
    }

    /// Places a person.
    ///
    /// # Errors
    /// [`CrowdError::Param`] for a value outside its range, [`CrowdError::Placement`] off the floor or nearer to a wall than
    /// the clearance, [`CrowdError::NoWayOut`] when no destination can be reached.
    pub fn enter(&self, params: &CrowdParams, state: &mut CrowdState, person: &Person) -> Result<u32, CrowdError> {
        for (name, value, unit, low, high) in [
            ("free_mps", person.free_mps, "m/s", 0.05, 3.0),
            ("radius_m", person.radius_m, "m", 0.1, 0.4),
            ("gap_s", person.gap_s, "s", 0.1, 5.0),
            ("start_s", person.start_s, "s", 0.0, 1e6),
        ] {
            // The slack admits the f32 nearest to a decimal bound.
            if !(value.is_finite() && f64::from(value) >= low - 1e-6 && f64::from(value) <= high + 1e-6) {
                return Err(ParamError::new(name, value, unit, format!("{low} to {high}")).into());
            }
        }
        check_range("class", f64::from(person.class), "-", 0.0, self.classes.len() as f64 - 1.0)?;
        check_range("layer", f64::from(person.layer.0), "-", 0.0, self.world.layers.len() as f64 - 1.0)?;
        let layer = &self.world.layers[person.layer.index()];
        let refuse = |why: &'static str| {
            let [x_m, y_m, _] = layer.to_plan(person.at);
            CrowdError::Placement { layer: layer.name.clone(), x_m, y_m, why }
        };
        if !(person.at.iter().all(|v| v.is_finite()) && layer.contains(person.at)) {
            return Err(refuse("is not on the floor"));
        }
        if layer.wall_distance_m(person.at).is_some_and(|d| d < params.clearance_m) {
            return Err(refuse("stands in a wall or too near to it"));
        }
        let chooser = self.chooser(person.layer.0, person.class, person.at, person.free_mps, NONE);
        let way = state.choose_way(&self.world, &self.graph, &self.classes, &chooser, 0.0);
        if way == NONE {
            return Err(CrowdError::NoWayOut { layer: layer.name.clone(), class: person.class as usize });
        }
        let id = state.next_id;
        state.next_id += 1;
        let waits = f64::from(person.start_s) > state.t_s(params);
        let status = if waits { Status::Waiting } else { Status::Walking };
        state.agents.push(Row {
            x: person.at[0],
            y: person.at[1],
            hx: 0.0,
            hy: 0.0,
            speed: 0.0,
            free_mps: person.free_mps,
            gap_s: person.gap_s,
            radius: person.radius_m,
            start_s: person.start_s,
            blocked_s: 0.0,
            pace: 1.0,
            fed_gas: 0.0,
            fed_heat: 0.0,
            id,
            layer: person.layer.0,
            way,
            class: person.class,
            group: person.group.unwrap_or(NONE),
            status: status.code(),
        });
        state.balance.entered += 1;
        state.balance.inside += 1;
        Ok(id)
    }

    fn chooser(&self, layer: u32, class: u32, at: V2, free_mps: f32, now: u32) -> Chooser {
        Chooser { layer, class, at, speed_mps: free_mps.max(0.1), now }
    }

    /// Everybody whom `who` (index, id) names looks for the best way.
    fn choose_anew(&self, params: &CrowdParams, state: &mut CrowdState, who: impl Fn(&CrowdState, usize) -> bool) {
        let company = self.company(state);
        for i in 0..state.agents.len() {
            let a = &state.agents;
            if !a.present(i) || a.status[i] == Status::Stopped.code() || !who(state, i) {
                continue;
            }
            let c = self.chooser(a.layer[i], a.class[i], [a.x[i], a.y[i]], a.free_mps[i], a.way[i]);
            let herding = self.classes[c.class as usize].herding;
            let weight = |way| company.as_ref().map_or(1.0, |others| 1.0 - herding * others.part_to(state, i, way));
            let way = state.choose_way_among(&self.world, &self.graph, &self.classes, &c, params.hysteresis, weight);
            // Who chooses next sees this choice: nobody overshoots into the shorter queue.
            let counted = state.agents.status[i] == Status::Walking.code() && way != c.now;
            if counted && c.now != NONE {
                let slot = queue_slot(c.now, state.distance_left_m(&self.world, i));
                state.queue[slot] = state.queue[slot].saturating_sub(1);
            }
            state.agents.way[i] = way;
            if counted && way != NONE {
                let slot = queue_slot(way, state.distance_left_m(&self.world, i));
                state.queue[slot] += 1;
            }
        }
    }

    /// Once a second: routes, second thoughts, groups.
    fn look_round(&self, params: &CrowdParams, state: &mut CrowdState) {
        state.refresh_routes(&self.world, &self.graph, &self.classes, params);
        let turn = state.tick / ((params.reroute_s / params.dt_s) as u64).max(1);
        // A quarter of the people think again each time; those without a way do so always, as do those who watch others.
        self.choose_anew(params, state, |s, i| {
            let watches = self.classes[s.agents.class[i] as usize].herding > 0.0;
            s.agents.way[i] == NONE || watches || (u64::from(s.agents.id[i]) + turn).is_multiple_of(4)
        });
        self.set_off_with_others(params, state);
        self.pace_groups(state);
    }

    fn move_all(&self, params: &CrowdParams, state: &mut CrowdState, scratch: &mut Scratch) {
        scratch.sort(&self.grids, &state.agents, params.anticipation_s);
        scratch.look_through(&self.world, &self.grids, &state.open);
        let mut out = std::mem::take(&mut scratch.out);
        let mut rest = out.as_mut_slice();
        let mut parts = Vec::with_capacity(scratch.parts.len());
        for (from, to) in &scratch.parts {
            let n = (scratch.start[*to as usize] - scratch.start[*from as usize]) as usize;
            let (mine, others) = rest.split_at_mut(n);
            rest = others;
            let (world, grids, agents) = (&self.world, &self.grids, &state.agents);
            let cells = (*from, *to);
            parts.push(Part { world, grids, params, agents, state, scratch, cells, out: mine });
        }
        run_parts(parts);
        scratch.out = out;
    }

    /// Writes positions back; returns those who leave their layer, in sorted order.
    fn write_back(state: &mut CrowdState, scratch: &Scratch) -> Vec<(u32, V2)> {
        let mut leaving = Vec::new();
        let a = &mut state.agents;
        for (i, m) in scratch.order.iter().zip(&scratch.out) {
            let k = *i as usize;
            let Moved { x, y, hx, hy, speed, blocked_s, leaves } = *m;
            (a.hx[k], a.hy[k], a.speed[k], a.blocked_s[k]) = (hx, hy, speed, blocked_s);
            if leaves {
                leaving.push((*i, [x, y]));
            } else {
                (a.x[k], a.y[k]) = (x, y);
            }
        }
        leaving
    }

    /// Hands a person over to where the way leads, if the portal lets through; else the person stays where they were.
    fn hand_over(&self, params: &CrowdParams, state: &mut CrowdState, i: usize, q: V2, t_s: f64) {
        let way = state.agents.way[i];
        let (p, side) = ((way >> 1) as usize, (way & 1) as usize);
        let portal = &self.world.portals[p];
        if let Some((lift, stop)) = portal.lift {
            if state.cars[lift as usize].boards_at(stop, &self.world.lifts[lift as usize]) {
                state.cars[lift as usize].load += 1;
                state.crossed[way as usize] += 1;
                let a = &mut state.agents;
                (a.layer[i], a.status[i]) = (NONE, Status::Riding.code());
            } else {
                state.agents.speed[i] = 0.0;
            }
            return;
        }
        if state.open[p] == 0 || (portal.flow_cap_ps.is_some() && state.tokens[p] < 1.0) {
            state.agents.speed[i] = 0.0;
            return;
        }
        let beyond = portal.sides[1 - side].layer;
        if beyond == NONE {
            self.depart(state, i, p, t_s);
        } else {
            let a = &state.agents;
            let (from, to) = (portal.carry(side, [a.x[i], a.y[i]]), portal.carry(side, q));
            let layer = &self.world.layers[beyond as usize];
            let to = keep_off_walls(layer, layer.near(from), layer.way_index(way ^ 1), from, to, params.clearance_m);
            if to == from || !layer.contains(to) {
                state.agents.speed[i] = 0.0;
                return;
            }
            let h = portal.rotate(side, [a.hx[i], a.hy[i]]);
            let a = &mut state.agents;
            (a.x[i], a.y[i], a.hx[i], a.hy[i], a.layer[i]) = (to[0], to[1], h[0], h[1], beyond);
            let c = self.chooser(beyond, a.class[i], to, a.free_mps[i], NONE);
            state.agents.way[i] = state.choose_way(&self.world, &self.graph, &self.classes, &c, 0.0);
        }
        state.tokens[p] -= if portal.flow_cap_ps.is_some() { 1.0 } else { 0.0 };
        state.crossed[way as usize] += 1;
    }

    fn depart(&self, state: &mut CrowdState, i: usize, portal: usize, t_s: f64) {
        let a = &mut state.agents;
        (a.layer[i], a.status[i]) = (NONE, Status::Left.code());
        state.departures.push(Departure { id: a.id[i], exit: PortalId(portal as u32), t_s });
        state.balance.inside -= 1;
        state.balance.left += 1;
    }

    /// Doses of those in bad air; who has too much stops.
    fn breathe(&self, params: &CrowdParams, state: &mut CrowdState) {
        if state.dose.iter().all(|d| *d == [0.0, 0.0]) {
            return;
        }
        let a = &mut state.agents;
        for i in 0..a.len() {
            if !a.present(i) || a.status[i] == Status::Stopped.code() {
                continue;
            }
            let [gas, heat] = state.dose[a.layer[i] as usize];
            a.fed_gas[i] += gas * params.dt_s;
            a.fed_heat[i] += heat * params.dt_s;
            if a.fed_gas[i] >= params.fed_limit || a.fed_heat[i] >= params.fed_limit {
                (a.status[i], a.speed[i], a.way[i]) = (Status::Stopped.code(), 0.0, NONE);
                state.balance.inside -= 1;
                state.balance.stopped += 1;
            }
        }
    }

    /// Those whose time has come set off; counts everybody.
    fn wake_and_count(&self, state: &mut CrowdState, t_s: f64) {
        let (mut inside, mut stopped) = (0, 0);
        let a = &mut state.agents;
        for i in 0..a.len() {
            match a.status[i] {
                0 => {
                    inside += 1;
                    if f64::from(a.start_s[i]) <= t_s {
                        a.status[i] = Status::Walking.code();
                    }
                }
                1 | 2 => inside += 1,
                3 => stopped += 1,
                _ => {}
            }
        }
        let counted = Balance { inside, stopped, ..state.balance };
        assert!(
            counted == state.balance && counted.closes(),
            "people lost: counted {counted:?}, booked {:?}",
            state.balance
        );
    }
}

impl CrowdState {
    /// Simulated time, s.
    #[must_use]
    pub fn t_s(&self, params: &CrowdParams) -> f64 {
        // Steps are decimal fractions: dt as written, not its nearest f32.
        self.tick as f64 * (f64::from(params.dt_s) * 1e6).round() / 1e6
    }

    /// Where everybody is.
    #[must_use]
    pub const fn balance(&self) -> Balance {
        self.balance
    }
}

impl Kernel for CrowdKernel {
    type Params = CrowdParams;
    type Forcing = CrowdForcing;
    type State = CrowdState;

    fn step(&self, params: &CrowdParams, forcing: &CrowdForcing, state: &mut CrowdState) -> StepReport {
        let t_s = state.t_s(params);
        let due = forcing.edits.iter().skip(state.edits_done as usize).take_while(|(t, _)| *t <= t_s);
        for (_, edit) in due {
            // Edits were checked when the forcing was taken; one that is refused changes nothing.
            state.edits_done += 1;
            if self.apply(params, state, edit).is_err() {
                continue;
            }
        }
        self.wake_and_count(state, t_s);
        let every = ((params.reroute_s / params.dt_s) as u64).max(1);
        if state.tick.is_multiple_of(every) {
            self.look_round(params, state);
        }
        let mut scratch = std::mem::take(&mut state.scratch);
        self.move_all(params, state, &mut scratch);
        let leaving = Self::write_back(state, &scratch);
        for (p, portal) in self.world.portals.iter().enumerate() {
            if let Some(cap) = portal.flow_cap_ps {
                state.tokens[p] = (state.tokens[p] + cap * params.dt_s).min(1.0_f32.max(cap * params.dt_s));
            }
        }
        let after_s = t_s + f64::from(params.dt_s);
        for (i, q) in leaving {
            self.hand_over(params, state, i as usize, q, after_s);
        }
        self.run_lifts(params, state);
        self.breathe(params, state);
        state.tick += 1;
        if state.tick.is_multiple_of(TIDY) {
            let order = tidy_order(&state.agents, &scratch.order);
            state.agents.permute(&order);
        }
        state.scratch = scratch;
        StepReport { tick: state.tick, t_s: state.t_s(params), dt_s: f64::from(params.dt_s) }
    }
}

/// Everybody still in the model: first as sorted by cell, then those who were not in a layer when the step began.
fn tidy_order(agents: &Agents, sorted: &[u32]) -> Vec<u32> {
    let stays = |i: usize| agents.status[i] != Status::Left.code();
    let mut seen = vec![false; agents.len()];
    let mut order = Vec::with_capacity(sorted.len());
    for i in sorted.iter().copied().chain(0..agents.len() as u32) {
        if stays(i as usize) && !std::mem::replace(&mut seen[i as usize], true) {
            order.push(i);
        }
    }
    order
}

#[cfg(feature = "parallel")]
fn run_parts(mut parts: Vec<Part<'_>>) {
    use rayon::prelude::*;
    let arch = pulp::Arch::new();
    if parts.len() == 1 {
        return parts.drain(..).for_each(|p| arch.dispatch(p));
    }
    parts.into_par_iter().for_each(|p| arch.dispatch(p));
}

#[cfg(not(feature = "parallel"))]
fn run_parts(parts: Vec<Part<'_>>) {
    let arch = pulp::Arch::new();
    parts.into_iter().for_each(|p| arch.dispatch(p));
}
