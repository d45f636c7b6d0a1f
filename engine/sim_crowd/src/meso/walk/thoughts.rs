//! What people in queues think of and breathe: routes, and bad air.

use super::{Flow, Stage};
use crate::agents::Status;
use crate::route::queue_slot;
use crate::world::NONE;

impl Flow<'_> {
    /// Routes anew; then `all`, or a quarter of the people and those without a way, think again.
    pub(super) fn look(&mut self, t_s: f64, all: bool) {
        let a = &self.state.agents;
        self.walk.going.retain(|i| a.status[*i as usize] < Status::Stopped.code());
        let going = std::mem::take(&mut self.walk.going);
        self.state.queue.fill(0);
        let mut used = vec![false; self.kernel.classes.len()];
        for i in going.iter().map(|i| *i as usize) {
            let (way, class) = (self.state.agents.way[i], self.state.agents.class[i]);
            if matches!(self.walk.legs[i].stage, Stage::Walking | Stage::InLine) {
                self.state.queue[queue_slot(way, self.walk.metres_left(i) as f32)] += 1;
            }
            used[class as usize] = true;
        }
        let k = self.kernel;
        self.state.refresh_costs(&k.world, &k.graph, &k.classes, self.params, |c| used[c]);
        self.walk.looks += 1;
        for i in going.iter().map(|i| *i as usize) {
            let lost = self.walk.legs[i].stage == Stage::Still && self.state.agents.status(i) == Status::Walking;
            let goes = matches!(self.walk.legs[i].stage, Stage::Walking | Stage::InLine);
            let turn = all || (u64::from(self.state.agents.id[i]) + self.walk.looks).is_multiple_of(4);
            if lost || (goes && turn) {
                self.think(t_s, i);
            }
        }
        self.walk.going = going;
    }

    /// Takes another way if it is clearly better.
    fn think(&mut self, t_s: f64, i: usize) {
        let now = self.state.agents.way[i];
        let layer = &self.kernel.world.layers[self.state.agents.layer[i] as usize];
        if now != NONE && layer.ways.len() == 1 {
            return;
        }
        self.move_on(i, t_s);
        let best = self.choice(i, now);
        if best == now || best == NONE {
            return;
        }
        if now != NONE {
            let slot = queue_slot(now, self.walk.metres_left(i) as f32);
            self.state.queue[slot] = self.state.queue[slot].saturating_sub(1);
            self.leave_line(i);
        }
        self.state.agents.way[i] = best;
        self.begin(i, t_s, None);
        self.state.queue[queue_slot(best, self.walk.legs[i].metres as f32)] += 1;
    }

    /// Doses of those in bad air; who has too much stops where they are.
    pub(super) fn breathe(&mut self, dt_s: f64) {
        if self.state.dose.iter().all(|d| *d == [0.0, 0.0]) {
            return;
        }
        for n in 0..self.walk.going.len() {
            let i = self.walk.going[n] as usize;
            let a = &mut self.state.agents;
            if !a.present(i) || a.status[i] == Status::Stopped.code() {
                continue;
            }
            let [gas, heat] = self.state.dose[a.layer[i] as usize];
            if gas == 0.0 && heat == 0.0 {
                continue;
            }
            a.fed_gas[i] += gas * dt_s as f32;
            a.fed_heat[i] += heat * dt_s as f32;
            if a.fed_gas[i] >= self.params.fed_limit || a.fed_heat[i] >= self.params.fed_limit {
                self.stop(i);
            }
        }
    }

    fn stop(&mut self, i: usize) {
        self.leave_line(i);
        let a = &mut self.state.agents;
        self.walk.stopped[a.layer[i] as usize] += 1;
        (a.status[i], a.way[i]) = (Status::Stopped.code(), NONE);
        (self.walk.legs[i].stage, self.walk.legs[i].due) = (Stage::Still, 0);
        self.state.balance.inside -= 1;
        self.state.balance.stopped += 1;
    }
}
