//! People of a run who pass through queues instead of pushing (排队行走), under conditions that change while they walk.
//!
//! The run's own state holds people, doors, air, water and routes, so that everything that reads a micro run reads this one. Between
//! changes people move event by event: they come to the way they head for, stand in line, and are let through one by one. Air
//! and water are taken as constant between two calls; doses are counted at the end of every second.

mod thoughts;

use super::law::{JAM_PM2, Passing, QueueLaw, crowding};
use crate::CrowdError;
use crate::agents::Status;
use crate::hazard::speed_in_smoke_mps;
use crate::kernel::CrowdKernel;
use crate::math::{add_scaled, sub};
use crate::params::CrowdParams;
use crate::route::Chooser;
use crate::run::CrowdRun;
use crate::state::{CrowdEdit, CrowdState, Departure};
use crate::world::{LayerId, LayerKind, NONE, PortalId};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Seconds between two looks at the routes (our choice; the micro kernel looks every second).
pub(super) const LOOK_S: f64 = 5.0;
/// Seconds until a queue that found the next layer full tries again.
const RETRY_S: f64 = 0.5;
/// A queue that found the next layer full for so long lets one through all the same, s: people press together, and two full
/// layers that want into each other do not wait for ever.
const PRESS_S: f64 = 5.0;

/// From this time on nobody sets off: the greatest that a person may have, s.
const NEVER_S: f64 = 1e6;

/// What a person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Has not set off.
    Waiting,
    /// On the way to a portal.
    Walking,
    /// In line before it.
    InLine,
    /// In a lift.
    Riding,
    /// Gone, stopped, or without a way.
    Still,
}

impl Stage {
    pub(super) const ALL: [Self; 5] = [Self::Waiting, Self::Walking, Self::InLine, Self::Riding, Self::Still];
}

/// How far a person is on the way through a layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Leg {
    pub stage: Stage,
    /// Number of the event that counts for this person.
    pub due: u64,
    /// When `metres` were left, s.
    pub since_s: f64,
    /// Metres to the way; before setting off: those that are known, or below 0.
    pub metres: f64,
    /// Speed since then, m/s.
    pub mps: f64,
}

/// An event: time bits, running number, and a person who comes to the end of something or (with [`SERVE`]) a way that lets the
/// next through.
pub(super) type Event = Reverse<(u64, u64, u32)>;
/// Marks a way among events.
const SERVE: u32 = 1 << 31;

/// The queues of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct MesoWalk {
    pub(super) law: QueueLaw,
    /// Time reached, s.
    pub(super) t_s: f64,
    pub(super) next_look_s: f64,
    pub(super) looks: u64,
    pub(super) number: u64,
    /// Per person, as in the run's columns.
    pub(super) legs: Vec<Leg>,
    /// People in the model who can still walk, by position in the columns; those who left are dropped at the next look.
    pub(super) going: Vec<u32>,
    /// Per layer: persons in it, when somebody last left it, whether its air or water changed since the last call.
    pub(super) held: Vec<u32>,
    /// Per layer: those of them who can no longer walk.
    pub(super) stopped: Vec<u32>,
    pub(super) cleared_s: Vec<f64>,
    pub(super) changed: Vec<bool>,
    /// Per way: when the next may pass, the event that counts (0: none), since when the next layer is full (negative: is not).
    pub(super) free_at_s: Vec<f64>,
    pub(super) served: Vec<u64>,
    pub(super) full_since_s: Vec<f64>,
    pub(super) line: Vec<VecDeque<u32>>,
    pub(super) heap: Heap,
}

/// Events by time; equal when they hold the same events.
#[derive(Debug, Clone, Default)]
pub(super) struct Heap(pub BinaryHeap<Event>);

impl PartialEq for Heap {
    fn eq(&self, other: &Self) -> bool {
        self.0.clone().into_sorted_vec() == other.0.clone().into_sorted_vec()
    }
}

impl MesoWalk {
    /// Queues for the people of a run as it stands. From then on changes go through [`MesoWalk::apply_all`] and
    /// [`MesoWalk::set_off`], and nobody is placed.
    #[must_use]
    pub fn new(run: &mut CrowdRun, law: QueueLaw) -> Self {
        let t_s = run.t_s();
        let (kernel, params, state) = run.parts();
        Self::over(kernel, params, state, law, t_s, |_| None)
    }

    /// `left` gives metres left to the way of a person whose place in the layer is not known.
    pub(super) fn over(
        kernel: &CrowdKernel,
        params: &CrowdParams,
        state: &mut CrowdState,
        law: QueueLaw,
        t_s: f64,
        left: impl Fn(usize) -> Option<f64>,
    ) -> Self {
        let (layers, ways) = (kernel.world.layers.len(), 2 * kernel.world.portals.len());
        let people = state.agents.len();
        let rest = Leg { stage: Stage::Still, due: 0, since_s: t_s, metres: 0.0, mps: 0.0 };
        let mut walk = Self {
            law,
            t_s,
            next_look_s: t_s + LOOK_S,
            looks: 0,
            number: 0,
            legs: vec![rest; people],
            going: Vec::with_capacity(people),
            held: vec![0; layers],
            stopped: vec![0; layers],
            cleared_s: vec![0.0; layers],
            changed: vec![false; layers],
            free_at_s: vec![0.0; ways],
            served: vec![0; ways],
            full_since_s: vec![-1.0; ways],
            line: vec![VecDeque::new(); ways],
            heap: Heap(BinaryHeap::with_capacity(people + ways)),
        };
        for i in (0..people).filter(|i| state.agents.present(*i)) {
            let layer = state.agents.layer[i] as usize;
            walk.held[layer] += 1;
            walk.stopped[layer] += u32::from(state.agents.status(i) == Status::Stopped);
        }
        walk.going.extend((0..people).filter(|i| state.agents.status[*i] < Status::Stopped.code()).map(|i| i as u32));
        let mut flow = Flow { walk: &mut walk, kernel, params, state };
        for i in 0..people {
            match flow.state.agents.status(i) {
                Status::Waiting => {
                    flow.walk.legs[i].metres = left(i).unwrap_or(-1.0);
                    flow.wait(i);
                }
                Status::Walking if flow.state.agents.present(i) => flow.begin(i, t_s, left(i)),
                _ => {}
            }
        }
        walk
    }

    /// Whether anybody who can walk is in a layer.
    #[must_use]
    pub fn occupied(&self, layer: LayerId) -> bool {
        let k = layer.index();
        self.held.get(k).zip(self.stopped.get(k)).is_some_and(|(held, stopped)| held > stopped)
    }

    /// Time reached, s.
    #[must_use]
    pub const fn t_s(&self) -> f64 {
        self.t_s
    }

    /// When somebody last left each layer, s; 0 where nobody has.
    #[must_use]
    pub fn cleared_s(&self) -> &[f64] {
        &self.cleared_s
    }

    /// Changes things now. Doors make everybody look for a way at once; new air and water change speeds at once and routes at the
    /// next look.
    ///
    /// # Errors
    /// As [`CrowdKernel::apply_all`].
    pub fn apply_all(&mut self, run: &mut CrowdRun, edits: &[CrowdEdit]) -> Result<(), CrowdError> {
        let (kernel, params, state) = run.parts();
        edits.iter().try_for_each(|e| kernel.check(e))?;
        let mut doors = false;
        for edit in edits {
            CrowdKernel::set(params, state, edit);
            match edit {
                CrowdEdit::SetOpen { .. } => doors = true,
                CrowdEdit::SetAir { layer, .. } | CrowdEdit::SetFlood { layer, .. } => {
                    self.changed[layer.index()] = true
                }
            }
        }
        let t_s = self.t_s;
        let mut flow = Flow { walk: self, kernel, params, state };
        if doors {
            flow.look(t_s, true);
            flow.wake();
        }
        Ok(())
    }

    /// As [`CrowdRun::set_off`].
    ///
    /// # Errors
    /// As [`CrowdRun::set_off`].
    pub fn set_off(&mut self, run: &mut CrowdRun, start_s: impl Fn(u32) -> Option<f32>) -> Result<(), CrowdError> {
        run.set_off(start_s)?;
        let (kernel, params, state) = run.parts();
        let mut flow = Flow { walk: self, kernel, params, state };
        for i in (0..flow.walk.legs.len()).filter(|i| flow.walk.legs[*i].stage == Stage::Waiting).collect::<Vec<_>>() {
            flow.wait(i);
        }
        Ok(())
    }

    /// Lets people walk until `t_s`; the run's clock goes with them.
    ///
    /// # Panics
    /// When the count of people does not close: a fault of this crate.
    pub fn advance(&mut self, run: &mut CrowdRun, t_s: f64) {
        let (kernel, params, state) = run.parts();
        self.advance_state(kernel, params, state, t_s);
        state.tick = (self.t_s / ((f64::from(params.dt_s) * 1e6).round() / 1e6)).round() as u64;
    }

    pub(super) fn advance_state(
        &mut self,
        kernel: &CrowdKernel,
        params: &CrowdParams,
        state: &mut CrowdState,
        until_s: f64,
    ) {
        let mut flow = Flow { walk: self, kernel, params, state };
        flow.retime();
        while flow.walk.t_s < until_s && flow.state.balance.inside > 0 {
            let end = (flow.walk.t_s.floor() + 1.0).min(until_s);
            flow.events_to(end);
            flow.breathe(end - flow.walk.t_s);
            flow.walk.t_s = end;
            if end >= flow.walk.next_look_s - 1e-9 {
                flow.look(end, false);
                flow.walk.next_look_s = end + LOOK_S;
            }
            flow.count();
        }
        flow.walk.t_s = flow.walk.t_s.max(until_s);
    }

    /// Metres that a person has left to their way, at the time reached.
    pub(super) fn metres_left(&self, i: usize) -> f64 {
        let leg = &self.legs[i];
        if leg.stage == Stage::Walking { (leg.metres - leg.mps * (self.t_s - leg.since_s)).max(0.0) } else { 0.0 }
    }
}

struct Flow<'a> {
    walk: &'a mut MesoWalk,
    kernel: &'a CrowdKernel,
    params: &'a CrowdParams,
    state: &'a mut CrowdState,
}

impl Flow<'_> {
    fn push(&mut self, t_s: f64, who: u32) -> u64 {
        self.walk.number += 1;
        // Times are not negative, so their bits order as they do.
        self.walk.heap.0.push(Reverse((t_s.to_bits(), self.walk.number, who)));
        self.walk.number
    }

    fn events_to(&mut self, end_s: f64) {
        while let Some(Reverse((bits, number, who))) = self.walk.heap.0.peek().copied() {
            let t_s = f64::from_bits(bits);
            if t_s > end_s {
                break;
            }
            self.walk.heap.0.pop();
            if who & SERVE != 0 {
                let way = who ^ SERVE;
                if self.walk.served[way as usize] == number {
                    self.serve(t_s, way);
                }
                continue;
            }
            let i = who as usize;
            if self.walk.legs[i].due != number {
                continue;
            }
            match self.walk.legs[i].stage {
                Stage::Waiting => self.set_off(t_s, i),
                Stage::Walking => self.arrive(t_s, i),
                Stage::Riding => self.alight(t_s, i),
                Stage::InLine | Stage::Still => {}
            }
        }
    }

    /// Waits for the time of setting off.
    fn wait(&mut self, i: usize) {
        let start_s = f64::from(self.state.agents.start_s[i]);
        let due = if start_s < NEVER_S { self.push(start_s.max(self.walk.t_s), i as u32) } else { 0 };
        let leg = &mut self.walk.legs[i];
        (leg.stage, leg.due) = (Stage::Waiting, due);
    }

    fn set_off(&mut self, t_s: f64, i: usize) {
        self.state.agents.status[i] = Status::Walking.code();
        let metres = Some(self.walk.legs[i].metres).filter(|m| *m >= 0.0 && self.state.agents.way[i] != NONE);
        if metres.is_none() {
            self.state.agents.way[i] = self.choice(i, NONE);
        }
        self.begin(i, t_s, metres);
    }

    /// The way that suits a person best.
    fn choice(&self, i: usize, now: u32) -> u32 {
        let a = &self.state.agents;
        let (at, speed_mps) = ([a.x[i], a.y[i]], a.free_mps[i].max(0.1));
        let who = Chooser { layer: a.layer[i], class: a.class[i], at, speed_mps, now };
        let hysteresis = if now == NONE { 0.0 } else { self.params.hysteresis };
        let k = self.kernel;
        self.state.choose_way(&k.world, &k.graph, &k.classes, &who, hysteresis)
    }

    /// Sets out from where a person stands towards their way.
    fn begin(&mut self, i: usize, t_s: f64, metres: Option<f64>) {
        let way = self.state.agents.way[i];
        if way == NONE {
            self.walk.legs[i] = Leg { stage: Stage::Still, due: 0, since_s: t_s, metres: 0.0, mps: 0.0 };
            return;
        }
        let metres = metres.unwrap_or_else(|| f64::from(self.state.distance_left_m(&self.kernel.world, i)));
        let metres = if metres.is_finite() { metres } else { self.half_diagonal(i) };
        let mps = self.speed_mps(i, way);
        self.walk.legs[i] = Leg { stage: Stage::Walking, due: 0, since_s: t_s, metres, mps };
        self.expect(i);
    }

    /// Someone anywhere in the layer: half its diagonal on the average.
    fn half_diagonal(&self, i: usize) -> f64 {
        let l = &self.kernel.world.layers[self.state.agents.layer[i] as usize];
        let [dx, dy] = [f64::from(l.hi[0] - l.lo[0]), f64::from(l.hi[1] - l.lo[1])];
        0.5 * (dx * dx + dy * dy).sqrt()
    }

    /// Books the end of a leg; nobody arrives who stands in too deep water.
    fn expect(&mut self, i: usize) {
        let leg = self.walk.legs[i];
        let due = if leg.mps > 0.0 { self.push(leg.since_s + leg.metres / leg.mps, i as u32) } else { 0 };
        self.walk.legs[i].due = due;
    }

    /// Speed wanted in a layer towards (`up`: on a flight, upwards): age, slope, smoke, water.
    fn wanted_mps(&self, i: usize, layer: usize, up: bool) -> f64 {
        let mut v = self.state.agents.free_mps[i];
        if let LayerKind::Flight(s) = self.kernel.world.layers[layer].kind {
            v *= if up { s.up } else { s.down };
        }
        v = speed_in_smoke_mps(self.params.smoke_law, v, self.state.air[layer].extinction_per_m);
        f64::from(v * self.state.flood[layer].speed_factor())
    }

    /// Speed in a layer as full as it is now.
    fn speed_mps(&self, i: usize, way: u32) -> f64 {
        let layer = self.state.agents.layer[i] as usize;
        let up = self.kernel.world.side(way).out[0] > 0.0;
        let density = f64::from(self.walk.held[layer]) / self.kernel.world.layers[layer].area_m2();
        self.wanted_mps(i, layer, up) * crowding(density)
    }

    /// Where a person is by `t_s`, and the metres still to go.
    fn move_on(&mut self, i: usize, t_s: f64) {
        let leg = &mut self.walk.legs[i];
        let moved = (leg.mps * (t_s - leg.since_s)).clamp(0.0, leg.metres);
        if moved > 0.0 {
            let a = &mut self.state.agents;
            let at = [a.x[i], a.y[i]];
            let ahead = sub(self.kernel.world.side(a.way[i]).middle(), at);
            [a.x[i], a.y[i]] = add_scaled(at, ahead, (moved / leg.metres) as f32);
        }
        (leg.metres, leg.since_s) = (leg.metres - moved, t_s);
    }

    /// New speeds for those who walk in layers whose air or water changed.
    fn retime(&mut self) {
        if !self.walk.changed.contains(&true) {
            return;
        }
        let t_s = self.walk.t_s;
        for n in 0..self.walk.going.len() {
            let i = self.walk.going[n] as usize;
            let walks = self.walk.legs[i].stage == Stage::Walking;
            if walks && self.walk.changed[self.state.agents.layer[i] as usize] {
                let mps = self.speed_mps(i, self.state.agents.way[i]);
                if mps != self.walk.legs[i].mps {
                    self.move_on(i, t_s);
                    self.walk.legs[i].mps = mps;
                    self.expect(i);
                }
            }
        }
        self.walk.changed.fill(false);
    }

    /// A person comes to the way they head for and stands in line; the first in line wakes the way.
    fn arrive(&mut self, t_s: f64, i: usize) {
        self.move_on(i, t_s);
        let way = self.state.agents.way[i];
        self.walk.legs[i].stage = Stage::InLine;
        self.walk.line[way as usize].push_back(i as u32);
        self.wake_way(t_s, way);
    }

    /// Books the next to pass, if there is one and none is booked.
    fn wake_way(&mut self, t_s: f64, way: u32) {
        let w = way as usize;
        if self.walk.served[w] == 0 && !self.walk.line[w].is_empty() && self.state.open[w >> 1] != 0 {
            let turn = t_s.max(self.walk.free_at_s[w]);
            self.walk.served[w] = self.push(turn, way | SERVE);
        }
    }

    fn wake(&mut self) {
        let t_s = self.walk.t_s;
        (0..self.walk.line.len() as u32).for_each(|way| self.wake_way(t_s, way));
    }

    /// Whether the layer beyond has room, or people have pressed against it for long.
    fn takes_one_more(&mut self, t_s: f64, w: usize, next: u32) -> bool {
        if next == NONE {
            return true;
        }
        let room = (self.kernel.world.layers[next as usize].area_m2() * JAM_PM2).max(1.0);
        let since = &mut self.walk.full_since_s[w];
        if f64::from(self.walk.held[next as usize]) < room || (*since >= 0.0 && t_s - *since >= PRESS_S) {
            *since = -1.0;
            return true;
        }
        if *since < 0.0 {
            *since = t_s;
        }
        false
    }

    /// A way lets the first in line through, if there is room beyond.
    fn serve(&mut self, t_s: f64, way: u32) {
        let w = way as usize;
        self.walk.served[w] = 0;
        if self.state.open[w >> 1] == 0 || self.walk.line[w].is_empty() {
            return;
        }
        let next = self.kernel.world.beyond(way);
        if !self.takes_one_more(t_s, w, next) {
            self.walk.served[w] = self.push(t_s + RETRY_S, way | SERVE);
            return;
        }
        let Some(k) = self.walk.line[w].pop_front() else { return };
        let i = k as usize;
        self.walk.free_at_s[w] = t_s + self.gap_s(i, way, next);
        self.wake_way(t_s, way);
        self.state.crossed[w] += 1;
        self.leave_layer(t_s, i);
        let portal = &self.kernel.world.portals[w >> 1];
        if let Some((lift, stop)) = portal.lift {
            let a = &mut self.state.agents;
            (a.layer[i], a.status[i]) = (NONE, Status::Riding.code());
            let lift = &self.kernel.world.lifts[lift as usize];
            let due = self.push(t_s + f64::from(lift.dwell_s + lift.ride_s(stop)), k);
            (self.walk.legs[i].stage, self.walk.legs[i].due) = (Stage::Riding, due);
        } else if next == NONE {
            self.depart(t_s, i, PortalId(way >> 1));
        } else {
            self.walk.held[next as usize] += 1;
            let [x, y] = self.kernel.world.side(way ^ 1).middle();
            let k = self.kernel;
            let (class, speed_mps) = (self.state.agents.class[i], self.state.agents.free_mps[i].max(0.1));
            let onward = self.state.choose_onward(&k.world, &k.graph, class, way, speed_mps);
            let a = &mut self.state.agents;
            (a.layer[i], a.x[i], a.y[i]) = (next, x, y);
            a.way[i] = onward.map_or(NONE, |o| o.0);
            self.begin(i, t_s, onward.map(|o| f64::from(o.1)));
        }
    }

    /// Seconds until the next may pass.
    fn gap_s(&self, i: usize, way: u32, next: u32) -> f64 {
        let world = &self.kernel.world;
        let portal = &world.portals[(way >> 1) as usize];
        if portal.lift.is_some() {
            return 1.0 / f64::from(self.kernel.graph.capacity_ps[way as usize]);
        }
        let a = &self.state.agents;
        let (out, into) = (world.side(way).out[0] > 0.0, world.side(way ^ 1).out[0] > 0.0);
        let mut mps = self.wanted_mps(i, a.layer[i] as usize, out);
        if next != NONE {
            // Who comes in at the head of a flight goes down it.
            mps = mps.min(self.wanted_mps(i, next as usize, !into));
        }
        let [free_mps, gap_s, length_m] = [a.free_mps[i], a.gap_s[i], 2.0 * a.radius[i]].map(f64::from);
        let gap = self.walk.law.gap_s(f64::from(portal.width_m), &Passing { mps, free_mps, gap_s, length_m });
        portal.flow_cap_ps.map_or(gap, |cap| gap.max(1.0 / f64::from(cap)))
    }

    fn leave_layer(&mut self, t_s: f64, i: usize) {
        let layer = self.state.agents.layer[i] as usize;
        self.walk.held[layer] -= 1;
        self.walk.cleared_s[layer] = t_s;
    }

    fn depart(&mut self, t_s: f64, i: usize, exit: PortalId) {
        let a = &mut self.state.agents;
        (a.layer[i], a.status[i]) = (NONE, Status::Left.code());
        self.state.departures.push(Departure { id: a.id[i], exit, t_s });
        self.state.balance.inside -= 1;
        self.state.balance.left += 1;
        (self.walk.legs[i].stage, self.walk.legs[i].due) = (Stage::Still, 0);
    }

    /// Steps out of a lift.
    fn alight(&mut self, t_s: f64, i: usize) {
        let portal = &self.kernel.world.portals[(self.state.agents.way[i] >> 1) as usize];
        let Some((lift, _)) = portal.lift else { return };
        let lift = &self.kernel.world.lifts[lift as usize];
        let side = &self.kernel.world.portals[lift.stops[lift.discharge as usize].0.index()].sides[0];
        self.state.agents.status[i] = Status::Walking.code();
        self.walk.held[side.layer as usize] += 1;
        let a = &mut self.state.agents;
        [a.x[i], a.y[i]] = add_scaled(side.middle(), side.out, -0.3);
        a.layer[i] = side.layer;
        self.state.agents.way[i] = self.choice(i, NONE);
        self.begin(i, t_s, None);
    }

    fn leave_line(&mut self, i: usize) {
        if self.walk.legs[i].stage == Stage::InLine {
            self.walk.line[self.state.agents.way[i] as usize].retain(|k| *k as usize != i);
        }
    }

    /// Nobody is lost.
    fn count(&self) {
        let (mut inside, mut stopped) = (0, 0);
        for status in self.walk.going.iter().map(|i| self.state.agents.status[*i as usize]) {
            inside += u64::from(status < Status::Stopped.code());
        }
        self.walk.stopped.iter().for_each(|n| stopped += u64::from(*n));
        let b = self.state.balance;
        assert!(
            b.inside == inside && b.stopped == stopped && b.closes(),
            "people lost: counted {inside} inside, {stopped} stopped, booked {b:?}"
        );
    }
}
