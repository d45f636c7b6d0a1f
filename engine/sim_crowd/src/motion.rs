//! How everybody moves in a step: directions, speeds, walls.
//!
//! Collision-free speed model (Tordeux, Chraibi, Seyfried 2016): speed = clamp((s − l)/T, 0, v0) with s the distance to the
//! nearest person in the way, l the sum of both radii and T the time gap, or the eased form of [`crate::SpacingLaw`]. The direction follows the anticipation
//! velocity model (Xu et al. 2021): people in front push aside, at right angles to the wanted direction, by
//! a (1 + (1 − e0 · vj)/2) e^((l − s')/D) with the distance s' anticipated.

mod around;
mod others;
mod walls;

pub(crate) use walls::keep_off_walls;

use crate::agents::{Agents, Status};
use crate::field::Field;
use crate::hazard::{SmokeLaw, speed_in_smoke_mps};
use crate::math::{V2, add_scaled, dot, length, sub, unit};
use crate::params::CrowdParams;
use crate::sort::{Grids, Moved, Scratch, near};
use crate::state::CrowdState;
use crate::world::{CrowdWorld, Layer, LayerKind, NONE, Near, seen_through};
use around::Around;
use others::{free_way, push_apart};
use pulp::{Simd, WithSimd};
use sim_core::CounterRng;
use walls::push_off_walls;

/// A partition of the crowd, ready to move.
pub(crate) struct Part<'a> {
    pub world: &'a CrowdWorld,
    pub grids: &'a Grids,
    pub params: &'a CrowdParams,
    pub agents: &'a Agents,
    pub state: &'a CrowdState,
    pub scratch: &'a Scratch,
    /// First and last cell.
    pub cells: (u32, u32),
    /// Results of the partition's people.
    pub out: &'a mut [Moved],
}

/// One person who looks around.
#[derive(Clone, Copy)]
struct Viewer {
    at: V2,
    ahead: V2,
    radius: f32,
    /// Wanted direction.
    wish: V2,
    /// Strength of turning aside: who stands presses on, who walks gives others room.
    push: f32,
}

/// The cell whose people move now.
#[derive(Clone, Copy)]
struct Here<'a> {
    layer: &'a Layer,
    /// Extinction of the air, 1/m.
    extinction_per_m: f32,
    /// Factor of the water on the speed.
    water: f32,
    /// People of the cell and of those around it.
    around: usize,
}

impl WithSimd for Part<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut around = Around::default();
        let base = self.scratch.start[self.cells.0 as usize] as usize;
        for cell in self.cells.0..self.cells.1 {
            let (from, to) =
                (self.scratch.start[cell as usize] as usize, self.scratch.start[cell as usize + 1] as usize);
            if from == to {
                continue;
            }
            let layer = self.grids.layer_of[cell as usize];
            around.clear();
            self.gather(&mut around, layer, cell);
            let here = Here {
                layer: &self.world.layers[layer as usize],
                extinction_per_m: self.state.air[layer as usize].extinction_per_m,
                water: self.state.flood[layer as usize].speed_factor(),
                around: around.len(),
            };
            around.seal(here.around);
            for k in from..to {
                self.out[k - base] = self.person(simd, &mut around, here, k);
            }
        }
    }
}

impl Part<'_> {
    /// Everybody of the cell and of the eight around it.
    #[inline(always)]
    fn gather(&self, around: &mut Around, layer: u32, cell: u32) {
        for (a, b) in self.grids.layers[layer as usize].around(cell) {
            let (from, to) = (self.scratch.start[a as usize], self.scratch.start[b as usize]);
            around.extend(&self.scratch.people, from as usize, to as usize);
        }
    }

    /// Adds those seen through portals; whether there are any.
    #[inline(always)]
    fn add_ghosts(&self, around: &mut Around, here: Here<'_>, near_p: Near<'_>, p: V2) -> bool {
        for k in near_p.ways {
            let way = here.layer.ways[*k as usize];
            let ghosts = &self.scratch.ghosts[way as usize];
            let side = self.world.side(way);
            if ghosts.is_empty() || !near(side, p, self.params.reach_m) {
                continue;
            }
            for g in ghosts {
                let d = sub([g[0], g[1]], p);
                if dot(d, d) < self.params.reach_m * self.params.reach_m && seen_through(side, p, [g[0], g[1]]) {
                    around.push(g);
                }
            }
        }
        let len = around.len();
        if len > here.around {
            around.seal(len);
        }
        len > here.around
    }

    #[inline(always)]
    fn person<S: Simd>(&self, simd: S, around: &mut Around, here: Here<'_>, k: usize) -> Moved {
        let i = self.scratch.order[k] as usize;
        let (a, people, layer) = (self.agents, &self.scratch.people, here.layer);
        let p = [people.x[k], people.y[k]];
        let before = [a.hx[i], a.hy[i]];
        let stay = Moved { x: p[0], y: p[1], hx: before[0], hy: before[1], ..Moved::default() };
        let way = a.way[i];
        if a.status[i] != Status::Walking.code() || way == NONE {
            return stay;
        }
        let Some(index) = layer.way_index(way) else { return stay };
        let wish = layer.fields[index].heading(&layer.gates[index], p);
        let wanted = self.wanted_mps(i, here, wish);
        if wish == [0.0, 0.0] || wanted <= 0.0 {
            return stay;
        }
        let near = layer.near(p);
        let seen = !self.scratch.lit.is_empty() && self.add_ghosts(around, here, near, p);
        if matches!(layer.fields[index], Field::Cells(_)) && !near.walls.is_empty() {
            around.hide_behind_walls(layer, near, p, here.around);
        }
        let blocked_s = a.blocked_s[i];
        let wish = self.look_for_a_way(a.id[i], blocked_s, wish);
        let pace = (a.speed[i] / wanted).min(1.0);
        let push = self.params.push * (self.params.push_standing + (1.0 - self.params.push_standing) * pace);
        let viewer = Viewer { at: p, ahead: [people.ax[k], people.ay[k]], radius: a.radius[i], wish, push };
        let dt = self.params.dt_s;
        let others = push_apart(simd, around, &viewer, self.params);
        let free_m = self.params.clearance_m + wanted * dt + ROUNDING_M;
        let (push, free) = push_off_walls(layer, near, index, &viewer, others, free_m, self.params);
        let heading = self.turned(before, unit(add_scaled(viewer.wish, push, 1.0)));
        let keep_off = |q: V2| {
            if free { q } else { keep_off_walls(layer, near, Some(index), p, q, self.params.clearance_m) }
        };
        // Where walls let the person go at the wanted speed; the free way is looked for in that direction.
        let (course, most, mps) = if free {
            (heading, wanted * dt, wanted)
        } else {
            let tried = sub(keep_off(add_scaled(p, heading, wanted * dt)), p);
            (unit(tried), length(tried), length(tried) / dt)
        };
        // Turned shoulders: those blocked for long, drawn by lot anew every half second, pass with turned bodies.
        let squeezes = blocked_s > self.params.clog_wait_s && self.lot(a.id[i], 0) & 1 == 0;
        let (gap, room) = free_way(simd, around, &viewer, course, squeezes, self.params);
        around.show_all();
        if seen {
            around.seal(here.around);
        }
        let sight = self.params.reach_m - 2.0 * viewer.radius;
        let step = (self.params.spacing.speed_mps(mps, gap, a.gap_s[i], sight) * dt).min(room).clamp(0.0, most);
        let q = if step > 0.0 { keep_off(add_scaled(p, course, step)) } else { p };
        let moved = if free { step } else { length(sub(q, p)) };
        let leaves =
            !near.ways.is_empty() && self.world.portals[(way >> 1) as usize].is_left_by((way & 1) as usize, p, q);
        let blocked_s = if moved < 0.1 * wanted * dt { blocked_s + dt } else { (blocked_s - 2.0 * dt).max(0.0) };
        Moved { x: q[0], y: q[1], hx: heading[0], hy: heading[1], speed: moved / dt, blocked_s, leaves }
    }

    /// Random bits of a person, drawn anew every half second; `of` tells draws apart.
    fn lot(&self, id: u32, of: u64) -> u64 {
        let half_second = ((0.5 / self.params.dt_s) as u64).max(1);
        CounterRng::new(self.params.seed, u64::from(id)).at(self.state.tick / half_second + of)
    }

    /// Who has stood for long tries another direction, drawn anew every half second, up to a right angle from the wanted
    /// one: the way round somebody who stands. Who has stood longer still also steps back: that breaks arches.
    #[inline(always)]
    fn look_for_a_way(&self, id: u32, blocked_s: f32, wish: V2) -> V2 {
        if blocked_s <= 3.0 * self.params.clog_wait_s {
            return wish;
        }
        let draw = self.lot(id, 1 << 40);
        // Top 24 bits: -1 to 0.5, exact in f32: people give way to the right (靠右避让) more often than to the left.
        let aside = (draw >> 40) as f32 * (1.5 / 16_777_216.0) - 1.0;
        let odds = if blocked_s > 10.0 * self.params.clog_wait_s { 1 } else { 3 };
        let long = blocked_s > 4.0 * self.params.clog_wait_s && draw & odds == 0;
        let ahead = if long { 0.5 } else { 1.0 } - aside.abs();
        unit([wish[0] * ahead - wish[1] * aside, wish[1] * ahead + wish[0] * aside])
    }

    /// Speed wanted here: age, slope, smoke, water, company.
    #[inline(always)]
    fn wanted_mps(&self, i: usize, here: Here<'_>, wish: V2) -> f32 {
        let mut v = self.agents.free_mps[i] * self.agents.pace[i];
        if let LayerKind::Flight(_) = here.layer.kind {
            v *= here.layer.slope_factor(wish);
        }
        if self.params.smoke_law != SmokeLaw::Off {
            v = speed_in_smoke_mps(self.params.smoke_law, v, here.extinction_per_m);
        }
        v * here.water
    }

    /// The heading after this step's turn from `before` towards `target`.
    #[inline(always)]
    fn turned(&self, before: V2, target: V2) -> V2 {
        if self.params.turn_s <= self.params.dt_s {
            return target;
        }
        let turn = self.params.dt_s / self.params.turn_s;
        let turned = unit([before[0] + (target[0] - before[0]) * turn, before[1] + (target[1] - before[1]) * turn]);
        if turned == [0.0, 0.0] || dot(before, before) < 0.5 { target } else { turned }
    }
}

/// More than positions of a layer are rounded by, m.
const ROUNDING_M: f32 = 0.01;
