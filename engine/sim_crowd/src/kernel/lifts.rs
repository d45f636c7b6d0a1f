//! People before and in lifts.

use super::CrowdKernel;
use crate::agents::Status;
use crate::lift::{Lift, Phase};
use crate::params::CrowdParams;
use crate::state::CrowdState;
use crate::world::NONE;

impl CrowdKernel {
    /// One step of every car.
    pub(super) fn run_lifts(&self, params: &CrowdParams, state: &mut CrowdState) {
        for (k, lift) in self.world.lifts.iter().enumerate() {
            let waiting = |stop: u32| self.waiting_at(state, lift, stop);
            let mut car = state.cars[k];
            let calls: Vec<u32> =
                (0..lift.stops.len() as u32).map(|s| if car.phase == Phase::Idle { waiting(s) } else { 0 }).collect();
            let steps_out = car.step(lift, params.dt_s, |s| calls[s as usize]);
            if steps_out && self.step_out(params, state, lift, k as u32) {
                car.load -= 1;
            }
            state.cars[k] = car;
        }
    }

    /// People who stand before a lift door.
    fn waiting_at(&self, state: &CrowdState, lift: &Lift, stop: u32) -> u32 {
        let way = lift.stops[stop as usize].0.0 * 2;
        let side = self.world.side(way);
        let a = &state.agents;
        let near = |i: &usize| a.way[*i] == way && a.present(*i) && crate::sort::near(side, [a.x[*i], a.y[*i]], 1.5);
        (0..a.len()).filter(near).count() as u32
    }

    /// One person steps out of a car, when there is room before the door.
    fn step_out(&self, params: &CrowdParams, state: &mut CrowdState, lift: &Lift, number: u32) -> bool {
        let door = &self.world.portals[lift.stops[lift.discharge as usize].0.index()];
        let side = &door.sides[0];
        let at = crate::math::add_scaled(side.middle(), side.out, -(params.clearance_m + 0.05));
        let a = &state.agents;
        let of_this = |i: &usize| {
            let portal = &self.world.portals[(a.way[*i].min(state.crossed.len() as u32 - 1) >> 1) as usize];
            a.status[*i] == Status::Riding.code() && portal.lift.is_some_and(|l| l.0 == number)
        };
        let Some(i) = (0..a.len()).filter(of_this).min_by_key(|i| a.id[*i]) else { return false };
        let taken = |j: usize| {
            a.layer[j] == side.layer
                && crate::math::length([a.x[j] - at[0], a.y[j] - at[1]]) < a.radius[i] + a.radius[j]
        };
        if (0..a.len()).any(taken) {
            return false;
        }
        let c = self.chooser(side.layer, a.class[i], at, a.free_mps[i], NONE);
        let way = state.choose_way(&self.world, &self.graph, &self.classes, &c, 0.0);
        let out = [-side.out[0], -side.out[1]];
        let a = &mut state.agents;
        (a.x[i], a.y[i], a.hx[i], a.hy[i]) = (at[0], at[1], out[0], out[1]);
        (a.layer[i], a.status[i], a.way[i]) = (side.layer, Status::Walking.code(), way);
        true
    }
}
