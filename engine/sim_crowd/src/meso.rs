//! The queue network (排队网络): whole buildings in milliseconds, for ensembles and unwatched buildings.
//!
//! On the same world as the micro kernel. People walk through a layer at a speed that falls with its density, then queue at the
//! way out, which lets through as many per second as its width allows; a full layer lets nobody in. SFPE Handbook
//! (Gwynne and Rosenbaum): v = k (1 − 0.266 D), flow 1.3/(m s) at level doors and k/1.4 of it onto stairs, per metre of
//! effective width, density at most 3.8/m². Event by event: a run costs as much as people pass doors.

use crate::CrowdError;
use crate::kernel::CrowdKernel;
use crate::params::CrowdParams;
use crate::run::CrowdRun;
use crate::state::Balance;
use crate::world::{CrowdWorld, LayerId, LayerKind, NONE};
use sim_core::check_range;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Speed falls to nothing at this density, 1/m²: 1/0.266.
const JAM_PM2: f64 = 3.76;
/// Below this density, 1/m², people walk freely (SFPE).
const FREE_PM2: f64 = 0.54;
/// Greatest flow through level doors per metre of effective width, 1/(m s) (SFPE).
const DOOR_FLOW: f64 = 1.3;
/// Boundary layer of doors and stairs, m per side (SFPE).
const EDGE_M: f64 = 0.15;
/// Slowest walking, as a part of the free speed: at the density of the greatest flow, 1.88/m². Beyond it the exits hold people
/// up, which the queues do.
const LEAST_SPEED: f64 = 0.584;
/// Seconds until a queue that found the next layer full tries again.
const RETRY_S: f64 = 0.5;

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
    world: &'a CrowdWorld,
    /// Persons a layer holds.
    room: Vec<f64>,
    /// Seconds between two people at each way.
    gap_s: Vec<f64>,
    /// Seconds to an exit by class and way.
    cost: Vec<f32>,
}

/// An event: time bits, running number, and a person who arrives at their way or (with [`SERVE`]) a way that lets the next
/// through.
type Event = Reverse<(u64, u64, u32)>;
/// Marks a way among events.
const SERVE: u32 = 1 << 31;

struct Flow<'a> {
    net: &'a MesoNetwork<'a>,
    people: Vec<MesoPerson>,
    /// Way each heads for.
    way: Vec<u32>,
    held: Vec<u32>,
    free_at_s: Vec<f64>,
    /// Per way: who stands in line.
    line: Vec<VecDeque<u32>>,
    heap: BinaryHeap<Event>,
    number: u64,
    result: MesoResult,
}

impl<'a> MesoNetwork<'a> {
    /// A network with everything open and clean air.
    #[must_use]
    pub fn new(kernel: &'a CrowdKernel, params: &CrowdParams) -> Self {
        let state = kernel.empty_state(params);
        Self::with_costs(kernel, state.cost)
    }

    fn with_costs(kernel: &'a CrowdKernel, cost: Vec<f32>) -> Self {
        let world = &kernel.world;
        let onto_stair = |w: u32| {
            let next = world.beyond(w);
            match world.layers.get(next as usize).map(|l| l.kind) {
                Some(LayerKind::Flight(s)) => 0.5 * f64::from(s.up + s.down),
                _ => 1.0,
            }
        };
        let gap = |w: u32| {
            let p = &world.portals[(w >> 1) as usize];
            let width = (f64::from(p.width_m) - 2.0 * EDGE_M).max(0.3);
            let flow = DOOR_FLOW * onto_stair(w) * width;
            1.0 / p.flow_cap_ps.map_or(flow, |cap| f64::from(cap).min(flow))
        };
        Self {
            world,
            room: world.layers.iter().map(|l| (l.area_m2() * JAM_PM2).max(1.0)).collect(),
            gap_s: (0..2 * world.portals.len() as u32).map(gap).collect(),
            cost,
        }
    }

    /// Lets people walk until `until_s`.
    ///
    /// # Errors
    /// [`CrowdError::Param`] for a value outside its range, [`CrowdError::NoWayOut`] for a person who cannot reach an exit.
    pub fn run(&self, people: &[MesoPerson], until_s: f64) -> Result<MesoResult, CrowdError> {
        let layers = self.world.layers.len();
        let ways = 2 * self.world.portals.len();
        let mut flow = Flow {
            net: self,
            people: people.to_vec(),
            way: vec![NONE; people.len()],
            held: vec![0; layers],
            free_at_s: vec![0.0; ways],
            line: vec![VecDeque::new(); ways],
            heap: BinaryHeap::with_capacity(people.len()),
            number: 0,
            result: MesoResult { cleared_s: vec![0.0; layers], crossed: vec![0; ways], ..MesoResult::default() },
        };
        for (k, p) in people.iter().enumerate() {
            check_range("layer", f64::from(p.layer.0), "-", 0.0, layers as f64 - 1.0)?;
            check_range("way", p.under_way.map_or(0.0, |u| f64::from(u.0)), "-", 0.0, ways as f64 - 1.0)?;
            check_range("class", f64::from(p.class), "-", 0.0, (self.cost.len() / ways.max(1)) as f64 - 1.0)?;
            check_range("metres to the way", p.under_way.map_or(0.0, |u| u.1), "m", 0.0, 1e6)?;
            check_range("free_mps", p.free_mps, "m/s", 0.05 - 1e-6, 3.0)?;
            check_range("start_s", p.start_s, "s", 0.0, 1e7)?;
            flow.held[p.layer.index()] += 1;
            flow.place(k as u32, p)?;
        }
        flow.result.balance.entered = people.len() as u64;
        Ok(flow.finish(until_s))
    }

    /// The way on from a layer with the least time, and the metres to it.
    fn choose(&self, layer: usize, class: u32, from: Option<u32>, speed_mps: f64) -> Option<(u32, f64)> {
        let ways = 2 * self.world.portals.len();
        let cost = |w: u32| f64::from(self.cost[class as usize * ways + w as usize]);
        let best = |options: &mut dyn Iterator<Item = (u32, f64)>| {
            let timed = options.map(|(w, m)| (w, m, m / speed_mps + cost(w))).filter(|o| o.2.is_finite());
            timed.min_by(|a, b| a.2.total_cmp(&b.2)).map(|(w, m, _)| (w, m))
        };
        match from {
            Some(way) => best(&mut self.world.links[way as usize].iter().map(|(w, m)| (*w, f64::from(*m)))),
            None => {
                let l = &self.world.layers[layer];
                // Someone anywhere in the layer: half its diagonal on the average.
                let [dx, dy] = [f64::from(l.hi[0] - l.lo[0]), f64::from(l.hi[1] - l.lo[1])];
                let metres = 0.5 * (dx * dx + dy * dy).sqrt();
                best(&mut l.ways.iter().map(|w| (*w, metres)))
            }
        }
    }
}

impl Flow<'_> {
    fn push(&mut self, t_s: f64, who: u32) {
        self.number += 1;
        // Times are not negative, so their bits order as they do.
        self.heap.push(Reverse((t_s.to_bits(), self.number, who)));
    }

    fn place(&mut self, k: u32, p: &MesoPerson) -> Result<(), CrowdError> {
        let layer = p.layer.index();
        let Some((way, metres)) = p.under_way.or_else(|| self.net.choose(layer, p.class, None, p.free_mps)) else {
            let (layer, class) = (self.net.world.layers[layer].name.clone(), p.class as usize);
            return Err(CrowdError::NoWayOut { layer, class });
        };
        self.way[k as usize] = way;
        let t = p.start_s + metres / self.speed_mps(layer, p, way);
        self.push(t, k);
        Ok(())
    }

    /// Speed in a layer as full as it is now.
    fn speed_mps(&self, layer: usize, p: &MesoPerson, way: u32) -> f64 {
        let l = &self.net.world.layers[layer];
        let density = f64::from(self.held[layer]) / l.area_m2();
        let crowd = ((1.0 - density / JAM_PM2) / (1.0 - FREE_PM2 / JAM_PM2)).clamp(LEAST_SPEED, 1.0);
        let slope = match l.kind {
            LayerKind::Flight(s) if self.net.world.side(way).out[0] > 0.0 => f64::from(s.up),
            LayerKind::Flight(s) => f64::from(s.down),
            _ => 1.0,
        };
        p.free_mps * slope * crowd
    }

    fn finish(mut self, until_s: f64) -> MesoResult {
        while let Some(Reverse((bits, _, who))) = self.heap.peek().copied() {
            let t_s = f64::from_bits(bits);
            if t_s > until_s {
                break;
            }
            self.heap.pop();
            if who & SERVE == 0 { self.arrive(t_s, who) } else { self.serve(t_s, (who ^ SERVE) as usize) }
        }
        let lines = std::mem::take(&mut self.line);
        for k in lines.into_iter().flatten() {
            self.stay(until_s, k);
        }
        while let Some(Reverse((bits, _, who))) = self.heap.pop() {
            if who & SERVE == 0 {
                self.stay(f64::from_bits(bits), who);
            }
        }
        let b = &mut self.result.balance;
        (b.left, b.inside) = (self.result.left_s.len() as u64, self.result.inside.len() as u64);
        self.result
    }

    /// A person who is still inside at the end, and stands at their way at `t_s`.
    fn stay(&mut self, t_s: f64, k: u32) {
        let mut p = self.people[k as usize];
        (p.under_way, p.start_s) = (Some((self.way[k as usize], 0.0)), t_s);
        self.result.inside.push(p);
    }

    /// A person comes to the way they head for and stands in line; the first in line wakes the way.
    fn arrive(&mut self, t_s: f64, k: u32) {
        let way = self.way[k as usize];
        let line = &mut self.line[way as usize];
        line.push_back(k);
        if line.len() == 1 {
            let turn = t_s.max(self.free_at_s[way as usize]);
            self.push(turn, way | SERVE);
        }
    }

    /// A way lets the first in line through, if there is room beyond.
    fn serve(&mut self, t_s: f64, w: usize) {
        let way = w as u32;
        let next = self.net.world.beyond(way);
        if next != NONE && f64::from(self.held[next as usize]) >= self.net.room[next as usize] {
            self.push(t_s + RETRY_S, way | SERVE);
            return;
        }
        let Some(k) = self.line[w].pop_front() else { return };
        self.free_at_s[w] = t_s + self.net.gap_s[w];
        if !self.line[w].is_empty() {
            self.push(t_s + self.net.gap_s[w], way | SERVE);
        }
        self.result.crossed[w] += 1;
        let mut p = self.people[k as usize];
        let left = p.layer.index();
        self.held[left] -= 1;
        self.result.cleared_s[left] = t_s;
        if next == NONE {
            self.result.left_s.push(t_s);
            return;
        }
        self.held[next as usize] += 1;
        (p.layer, p.start_s) = (LayerId(next), t_s);
        self.people[k as usize] = p;
        // A way onward exists: the one just passed was chosen because an exit lies behind it. Should none, the person
        // turns round.
        let (onward, metres) = self.net.choose(next as usize, p.class, Some(way), p.free_mps).unwrap_or((way ^ 1, 0.0));
        self.way[k as usize] = onward;
        let t = t_s + metres / self.speed_mps(next as usize, &p, onward);
        self.push(t, k);
    }
}

impl CrowdRun {
    /// A network over the world of this run, with its doors, smoke and water as they are now.
    #[must_use]
    pub fn network(&self) -> MesoNetwork<'_> {
        MesoNetwork::with_costs(self.kernel(), self.state().cost.clone())
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
