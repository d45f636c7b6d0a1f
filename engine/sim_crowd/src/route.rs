//! Wayfinding: time to the exits over the graph of portals, per destination class.

use crate::hazard::{speed_in_smoke_mps, visibility_m};
use crate::math::V2;
use crate::params::CrowdParams;
use crate::state::CrowdState;
use crate::world::{CrowdWorld, LayerKind, NONE, PortalId};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Who goes where: people of one class share their destinations, their knowledge and their means.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct DestinationClass {
    /// Exits they know and may use (熟悉的出口); empty: all.
    pub exits: Vec<PortalId>,
    /// Portals they never pass, whatever they know.
    pub avoid: Vec<PortalId>,
    /// Whether they can take stairs; wheelchair users cannot.
    pub stairs: bool,
    /// Whether they take lifts.
    pub lifts: bool,
    /// Speed that their routes are judged by, m/s.
    pub speed_mps: f32,
    /// How much those around count (从众), 0 (nothing: the default) to 1. Who waits sets off when this times the part of the
    /// people around who walk already passes a threshold of one's own; a way counts as shorter by this times the part of
    /// those who head for it. In the micro crowd only, not in queues. See [`crate::HERDING_SIGHT_M`].
    pub herding: f32,
    /// Walk through this portal for ever, in the direction of its first side (a periodic corridor).
    pub circuit: Option<PortalId>,
}

impl Default for DestinationClass {
    fn default() -> Self {
        Self {
            exits: Vec::new(),
            avoid: Vec::new(),
            stairs: true,
            lifts: false,
            speed_mps: 1.2,
            herding: 0.0,
            circuit: None,
        }
    }
}

/// Free specific flow that queues are judged by, 1/(m·s): SFPE Handbook, doors 1.3.
const SPECIFIC_FLOW: f32 = 1.3;
/// Boundary layer of a door, m per side: SFPE Handbook.
const DOOR_EDGE_M: f32 = 0.15;
/// Added to a way into smoke or water that people avoid while there is another, s.
const AVOID_S: f32 = 1000.0;
/// Visibility below which a way counts as closed, m.
const LEAST_SIGHT_M: f32 = 3.0;
/// A dose taken on the way counts as this many seconds per unit of FED.
const DOSE_S: f32 = 600.0;

/// How much the effort of walking adds to its time: the nearer of two equally quick exits is preferred.
const WALK_EFFORT: f32 = 0.25;

/// Queues are counted by distance in steps of this length, m.
const QUEUE_STEP_M: f32 = 2.0;
/// Number of such steps; those farther away are in the last.
pub(crate) const QUEUE_BINS: usize = 16;

/// Where a person at a distance is counted.
pub(crate) fn queue_slot(way: u32, distance_m: f32) -> usize {
    way as usize * QUEUE_BINS + ((distance_m / QUEUE_STEP_M) as usize).min(QUEUE_BINS - 1)
}

/// What does not change while a run goes on.
#[derive(Debug, Clone)]
pub(crate) struct RouteGraph {
    /// Ways from which a way is reached, with metres and seconds between.
    back: Vec<Vec<(u32, f32, f32)>>,
    /// Persons per second through the portal of a way.
    pub capacity_ps: Vec<f32>,
    /// Usable ways per class.
    usable: Vec<Vec<bool>>,
    /// Distances, in steps, within which those who head for a way stand in line before it.
    reach: Vec<u8>,
}

impl RouteGraph {
    pub(crate) fn new(world: &CrowdWorld, classes: &[DestinationClass]) -> Self {
        let n = 2 * world.portals.len();
        let mut back = vec![Vec::new(); n];
        for (w, links) in world.links.iter().enumerate() {
            for (next, m) in links {
                back[*next as usize].push((w as u32, *m, 0.0));
            }
        }
        for lift in &world.lifts {
            let out = lift.stops[lift.discharge as usize].0;
            for (next, m) in arrivals(world, out) {
                for (stop, (door, _)) in lift.stops.iter().enumerate() {
                    if stop as u32 != lift.discharge {
                        back[next as usize].push((door.0 * 2, m, lift.ride_s(stop as u32) + lift.dwell_s));
                    }
                }
            }
        }
        let capacity = |k: usize| {
            let p = &world.portals[k / 2];
            let flow = SPECIFIC_FLOW * (p.width_m - 2.0 * DOOR_EDGE_M).max(0.3);
            if let Some((l, _)) = p.lift {
                let lift = &world.lifts[l as usize];
                return lift.capacity as f32
                    / (2.0 * lift.ride_s(lift.stops.len() as u32 - 1)
                        + lift.dwell_s
                        + lift.capacity as f32 * lift.alight_s);
            }
            p.flow_cap_ps.map_or(flow, |cap| cap.min(flow))
        };
        let usable = classes.iter().map(|c| (0..n as u32).map(|w| usable(world, c, w)).collect()).collect();
        let reach = (0..n as u32).map(|w| queue_reach(world, w)).collect();
        Self { back, capacity_ps: (0..n).map(capacity).collect(), usable, reach }
    }

    /// Seconds from each way to the nearest exit of a class; infinite where there is none.
    fn costs(
        &self,
        world: &CrowdWorld,
        class: usize,
        of: &DestinationClass,
        state: &CrowdState,
        slow: &[f32],
    ) -> Vec<f32> {
        let mut cost = vec![f32::INFINITY; self.back.len()];
        let mut heap = BinaryHeap::new();
        let goes = |w: u32| self.usable[class][w as usize] && state.open[(w >> 1) as usize] != 0;
        for w in (0..cost.len() as u32).filter(|w| goes(*w)) {
            let p = PortalId(w >> 1);
            let wanted = of.exits.is_empty() || of.exits.contains(&p);
            if w & 1 == 0 && world.portals[p.index()].is_exit() && wanted {
                cost[w as usize] = 0.0;
                heap.push(Reverse((0_u32, w)));
            }
        }
        while let Some(Reverse((bits, w))) = heap.pop() {
            // Costs are positive, so their bits order as they do.
            if f32::from_bits(bits) > cost[w as usize] {
                continue;
            }
            let layer = world.side(w).layer as usize;
            for (from, metres, seconds) in &self.back[w as usize] {
                if !goes(*from) {
                    continue;
                }
                let walk = metres * slow[layer] / of.speed_mps;
                let queue = state.queued(w, self.reach[w as usize]) as f32 / self.capacity_ps[w as usize];
                let avoided = if state.avoided(layer, LEAST_SIGHT_M) { AVOID_S } else { 0.0 };
                let new = cost[w as usize] + walk.max(queue) + seconds + avoided;
                let new = if leaves_building(world, *from) { as_seen_from_inside(new) } else { new };
                if new < cost[*from as usize] {
                    cost[*from as usize] = new;
                    heap.push(Reverse((new.to_bits(), *from)));
                }
            }
        }
        cost
    }
}

/// On open ground people walk spread out: only gaps narrower than this have queues, m, and only within so many steps (6 m) before them.
const GAP_M: f32 = 6.0;
/// See [`GAP_M`].
const OPEN_REACH: u8 = 3;

fn queue_reach(world: &CrowdWorld, way: u32) -> u8 {
    let (layer, portal) = (world.side(way).layer, &world.portals[(way >> 1) as usize]);
    if layer == NONE || !world.is_ground(crate::world::LayerId(layer)) {
        return QUEUE_BINS as u8;
    }
    // Nobody waits before a circle on the ground either.
    if portal.capture_m.is_some() || portal.width_m > GAP_M { 0 } else { OPEN_REACH }
}

/// Whether a way leads from a building onto open ground in tiles.
fn leaves_building(world: &CrowdWorld, way: u32) -> bool {
    let ground = |layer: u32| world.is_ground(crate::world::LayerId(layer));
    !ground(world.side(way).layer) && ground(world.beyond(way))
}

/// What lies beyond an exit counts inside only when people avoid it: a door is chosen by the way to it, not by the walk after it.
fn as_seen_from_inside(cost_s: f32) -> f32 {
    if cost_s >= AVOID_S { AVOID_S } else { 0.0 }
}

/// Distances from the inside of a lift door to the ways of its lobby.
fn arrivals(world: &CrowdWorld, door: PortalId) -> Vec<(u32, f32)> {
    let side = &world.portals[door.index()].sides[0];
    let start = crate::math::add_scaled(side.middle(), side.out, -0.3);
    let layer = side.layer as usize;
    let ways = &world.layers[layer].ways;
    let lift = world.portals[door.index()].lift.map(|l| l.0);
    (0..ways.len())
        .filter(|k| world.portals[(ways[*k] >> 1) as usize].lift.map(|l| l.0) != lift)
        .map(|k| (ways[k], world.distance_m(layer, k, start)))
        .filter(|(_, d)| d.is_finite())
        .collect()
}

fn usable(world: &CrowdWorld, class: &DestinationClass, way: u32) -> bool {
    let (p, side) = (PortalId(way >> 1), world.side(way));
    let portal = &world.portals[p.index()];
    if side.layer == NONE || class.avoid.contains(&p) {
        return false;
    }
    if let Some((lift, stop)) = portal.lift {
        return class.lifts && way & 1 == 0 && stop != world.lifts[lift as usize].discharge;
    }
    if portal.is_exit() && (way & 1 == 1 || !(class.exits.is_empty() || class.exits.contains(&p))) {
        return false;
    }
    let next = world.beyond(way);
    let ground = |layer: u32| world.is_ground(crate::world::LayerId(layer));
    if next != NONE && ground(side.layer) && !ground(next) {
        // Nobody goes back in.
        return false;
    }
    let climbs = next != NONE && matches!(world.layers[next as usize].kind, LayerKind::Flight(_));
    class.stairs || !climbs
}

impl CrowdState {
    /// Whether people avoid a layer: they would not see, or not stand.
    pub(crate) fn avoided(&self, layer: usize, least_sight_m: f32) -> bool {
        visibility_m(self.air[layer].extinction_per_m) < least_sight_m || self.flood[layer].avoided()
    }

    /// Slowness of each layer for routing: smoke, slope, water and the dose taken there.
    fn slowness(&self, world: &CrowdWorld, params: &CrowdParams) -> Vec<f32> {
        let of = |(k, layer): (usize, &crate::world::Layer)| {
            let slope = match layer.kind {
                LayerKind::Flight(s) => 0.5 * (s.up + s.down),
                _ => 1.0,
            };
            let smoke = speed_in_smoke_mps(params.smoke_law, 1.2, self.air[k].extinction_per_m) / 1.2;
            let speed = slope * smoke * self.flood[k].speed_factor().max(0.01);
            let dose = self.dose[k];
            1.0 / speed.max(0.01) + DOSE_S * 1.2 * (dose[0] + dose[1])
        };
        world.layers.iter().enumerate().map(of).collect()
    }

    /// Persons who head for a way, up to `reach` steps before it.
    fn queued(&self, way: u32, reach: u8) -> u32 {
        let first = way as usize * QUEUE_BINS;
        self.queue[first..first + usize::from(reach)].iter().sum()
    }

    /// Walking distance of a person to the way they head for, m.
    pub(crate) fn distance_left_m(&self, world: &CrowdWorld, i: usize) -> f32 {
        let a = &self.agents;
        let layer = a.layer[i] as usize;
        let index = world.layers.get(layer).and_then(|l| l.way_index(a.way[i]));
        index.map_or(0.0, |k| world.distance_m(layer, k, [a.x[i], a.y[i]]))
    }

    /// Counts queues and computes the costs of all classes anew.
    pub(crate) fn refresh_routes(
        &mut self,
        world: &CrowdWorld,
        graph: &RouteGraph,
        classes: &[DestinationClass],
        params: &CrowdParams,
    ) {
        self.queue.iter_mut().for_each(|q| *q = 0);
        for i in 0..self.agents.len() {
            let way = self.agents.way[i];
            if way != NONE && self.agents.status[i] == crate::agents::Status::Walking.code() && self.agents.present(i) {
                let slot = queue_slot(way, self.distance_left_m(world, i));
                self.queue[slot] += 1;
            }
        }
        self.refresh_costs(world, graph, classes, params, |_| true);
    }

    /// Computes the costs of the classes that `used` names anew, with the queues as they were counted last.
    pub(crate) fn refresh_costs(
        &mut self,
        world: &CrowdWorld,
        graph: &RouteGraph,
        classes: &[DestinationClass],
        params: &CrowdParams,
        used: impl Fn(usize) -> bool,
    ) {
        let slow = self.slowness(world, params);
        let mut cost = std::mem::take(&mut self.cost);
        let ways = 2 * world.portals.len();
        cost.resize(ways * classes.len(), f32::INFINITY);
        for (k, class) in classes.iter().enumerate().filter(|(k, _)| used(*k)) {
            cost[k * ways..(k + 1) * ways].copy_from_slice(&graph.costs(world, k, class, self, &slow));
        }
        self.cost = cost;
    }

    /// What a way costs somebody who is `distance_m` before it, s: walking or waiting, and the effort.
    fn time_by(&self, graph: &RouteGraph, way: u32, distance_m: f32, speed_mps: f32, effort: f32) -> f32 {
        let walk = distance_m / speed_mps;
        // Only those count who are nearer than oneself.
        let first = way as usize * QUEUE_BINS;
        let steps = (queue_slot(way, distance_m) + 1 - first).min(usize::from(graph.reach[way as usize]));
        let ahead: u32 = self.queue[first..first + steps].iter().sum();
        let queue = ahead as f32 / graph.capacity_ps[way as usize];
        // Waiting is time lost; walking is time and effort.
        walk.max(queue) + effort * walk
    }

    /// The best way on for somebody of `class` who comes through `way`, and the metres to it.
    pub(crate) fn choose_onward(
        &self,
        world: &CrowdWorld,
        graph: &RouteGraph,
        class: u32,
        way: u32,
        speed_mps: f32,
    ) -> Option<(u32, f32)> {
        let costs = &self.cost[class as usize * 2 * world.portals.len()..];
        let options = world.links[way as usize].iter().filter(|(w, _)| costs[*w as usize].is_finite());
        let timed =
            options.map(|(w, m)| (*w, *m, self.time_by(graph, *w, *m, speed_mps, WALK_EFFORT) + costs[*w as usize]));
        timed.min_by(|a, b| a.2.total_cmp(&b.2)).map(|(w, m, _)| (w, m))
    }

    /// The best way for a person of `class` at `p`; keeps `now` unless another is clearly better.
    pub(crate) fn choose_way(
        &self,
        world: &CrowdWorld,
        graph: &RouteGraph,
        classes: &[DestinationClass],
        who: &Chooser,
        hysteresis: f32,
    ) -> u32 {
        self.choose_way_among(world, graph, classes, who, hysteresis, |_| 1.0)
    }

    /// [`CrowdState::choose_way`] when a way's cost counts `weight` times.
    pub(crate) fn choose_way_among(
        &self,
        world: &CrowdWorld,
        graph: &RouteGraph,
        classes: &[DestinationClass],
        who: &Chooser,
        hysteresis: f32,
        weight: impl Fn(u32) -> f32,
    ) -> u32 {
        let layer = &world.layers[who.layer as usize];
        if let Some(p) = classes[who.class as usize].circuit {
            return if layer.ways.contains(&(p.0 * 2)) { p.0 * 2 } else { NONE };
        }
        // On open ground the ways are pieces of one walk: the first must count as those after it do.
        let (speed_mps, effort) = if layer.square.is_some() {
            (classes[who.class as usize].speed_mps, 0.0)
        } else {
            (who.speed_mps, WALK_EFFORT)
        };
        let n = 2 * world.portals.len();
        let (mut best, mut least, mut kept) = (NONE, f32::INFINITY, f32::INFINITY);
        for (k, way) in layer.ways.iter().enumerate() {
            let onward = self.cost[who.class as usize * n + *way as usize];
            if !onward.is_finite() {
                continue;
            }
            let distance_m = world.distance_m(who.layer as usize, k, who.at);
            let cost = (self.time_by(graph, *way, distance_m, speed_mps, effort) + onward) * weight(*way);
            if cost < least {
                (best, least) = (*way, cost);
            }
            if *way == who.now {
                kept = cost;
            }
        }
        // Another way must save a part of the time and three seconds before anybody turns round.
        if kept.is_finite() && least > kept * (1.0 - hysteresis) - 3.0 { who.now } else { best }
    }
}

/// A person who chooses a way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chooser {
    pub layer: u32,
    pub class: u32,
    pub at: V2,
    pub speed_mps: f32,
    pub now: u32,
}
