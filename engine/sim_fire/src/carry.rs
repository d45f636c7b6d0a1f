//! What vents carry: from which layer it is drawn, into which it goes, and what it pulls along.

use crate::VentKind;
use crate::gas::{CP, M_AIR, Species};
use crate::lane::V;
use crate::mixing::jet;
use crate::mixture::LEAN;
use crate::state::FireState;
use crate::step::{SPACE_SHARE, Step, VENT_SHARE, Work, fit, reset};

/// How much warmer than a space at its start a stream of fuel must be to burn in it, K: `tgignt` of CFAST's source.
const IGNITION_K: f64 = 200.0;

impl<const L: usize> Step<'_, L> {
    /// Notes how fast each space is flushed, and slows the vents of one that a sub-step cannot follow.
    #[inline(always)]
    fn gentle(&self, s: &mut FireState<L>) {
        let n = self.model.rooms.len();
        let w = &mut s.work;
        reset(&mut w.passing, n + 1);
        reset(&mut w.ease, n + 1);
        for (pipe, flows) in self.model.pipes.iter().zip(&w.flows) {
            let there = flows.out[0][0] + flows.out[0][1];
            let back = flows.out[1][0] + flows.out[1][1];
            for (end, out, inward) in [(pipe.a, there, back), (pipe.b, back, there)] {
                w.passing[end as usize][0] += inward;
                w.passing[end as usize][1] += out;
            }
        }
        let one = V::splat(1.0);
        let mut least = one;
        w.ease[n] = one;
        for (k, room) in self.model.rooms.iter().enumerate() {
            let most = w.passing[k][0].max(w.passing[k][1]);
            s.turnover[k] = most / room.volume;
            w.ease[k] = (V::splat(SPACE_SHARE * room.volume / self.dt) / most.at_least(1e-12)).at_most(1.0);
            least = least.min(w.ease[k]);
        }
        if (-least).greatest() <= -1.0 {
            return;
        }
        for (pipe, flows) in self.model.pipes.iter().zip(&mut w.flows) {
            let share = w.ease[pipe.a as usize].min(w.ease[pipe.b as usize]);
            for side in 0..2 {
                for l in 0..2 {
                    flows.out[side][l] = flows.out[side][l] * share;
                    flows.moment[side][l] = flows.moment[side][l] * share;
                }
            }
        }
    }

    /// What each space gives to its vents, from which layer, and what that gas is.
    #[inline(always)]
    pub(crate) fn draw<const G: usize>(&self, s: &mut FireState<L>) {
        let n = self.model.rooms.len();
        let w = &mut s.work;
        reset(&mut w.draw, n + 1);
        fit(&mut w.drawn, 2 * G * (n + 1));
        fit(&mut w.drawn_k, n + 1);
        self.gentle(s);
        let w = &mut s.work;
        for (pipe, flows) in self.model.pipes.iter().zip(&w.flows) {
            for (side, end) in [pipe.a as usize, pipe.b as usize].into_iter().enumerate() {
                w.draw[end][0] += flows.out[side][0];
                w.draw[end][1] += flows.out[side][1];
            }
        }
        let one = V::splat(1.0);
        let held = w.held.as_chunks::<G>().0;
        let drawn = w.drawn.as_chunks_mut::<G>().0;
        let rate = w.rate.as_chunks_mut::<G>().0;
        for k in 0..n {
            let room = &self.model.rooms[k];
            let volume = [V::splat(room.volume) - s.upper_m3[k], s.upper_m3[k]];
            let draw = w.draw[k];
            let mut own = [one; 2];
            for l in 0..2 {
                own[l] = (volume[l] * (VENT_SHARE / self.dt) / draw[l].at_least(1e-12)).at_most(1.0);
            }
            let enthalpy = w.column[k].enthalpy;
            for l in 0..2 {
                let taken = draw[l] * own[l] + draw[1 - l] * (one - own[1 - l]);
                let (own_gas, other) = (&held[2 * k + l], &held[2 * k + 1 - l]);
                for x in 0..G {
                    rate[2 * k + l][x] -= taken * own_gas[x];
                    drawn[2 * k + l][x] = own[l] * own_gas[x] + (one - own[l]) * other[x];
                }
                w.energy[k][l] -= taken * enthalpy;
                w.drawn_k[k][l] = enthalpy / (drawn[2 * k + l][0] * CP);
            }
        }
        (drawn[2 * n], drawn[2 * n + 1]) = (held[2 * n], held[2 * n + 1]);
        w.drawn_k[n] = w.temperature[n];
        let draw = w.draw[n];
        for x in 0..G {
            rate[2 * n][x] -= (draw[0] + draw[1]) * drawn[2 * n][x];
        }
        w.energy[n][0] -= (draw[0] + draw[1]) * w.column[n].enthalpy;
    }

    /// Puts what vents carry into layers, with the air that jets pull along.
    #[inline(always)]
    pub(crate) fn deposit<const G: usize>(&self, s: &mut FireState<L>) {
        let n = self.model.rooms.len();
        reset(&mut s.work.draught, n);
        let mut filtered = [V::<L>::default(); 2];
        for (v, pipe) in self.model.pipes.iter().enumerate() {
            let w = &mut s.work;
            let flows = w.flows[v];
            for side in 0..2 {
                let (giver, taker) = if side == 0 { (pipe.a, pipe.b) } else { (pipe.b, pipe.a) };
                let (giver, taker) = (giver as usize, taker as usize);
                let mut out = flows.out[side];
                if out[0].greatest().max(out[1].greatest()) <= 0.0 {
                    continue;
                }
                let (upward, air) = if taker == n {
                    ([V::default(); 2], V::default())
                } else {
                    self.upward::<G>(w, pipe, giver, taker, out, v)
                };
                let enthalpy = w.column[giver].enthalpy;
                let up = [out[0] * upward[0], out[1] * upward[1]];
                out = [out[0] - up[0], out[1] - up[1]];
                if G == LEAN && air.greatest() > 0.0 {
                    s.flame[taker] += self.lit::<G>(w, giver, taker, up, air);
                }
                w.energy[taker][1] += (up[0] + up[1]) * enthalpy;
                w.energy[taker][0] += (out[0] + out[1]) * enthalpy;
                let keep = match pipe.kind {
                    VentKind::Fan { filter, .. } => 1.0 - filter,
                    _ => 1.0,
                };
                let drawn = w.drawn.as_chunks::<G>().0;
                let rate = w.rate.as_chunks_mut::<G>().0;
                for x in 0..G {
                    let given = [drawn[2 * giver][x], drawn[2 * giver + 1][x]];
                    let mut rise = up[0] * given[0] + up[1] * given[1];
                    let mut fall = out[0] * given[0] + out[1] * given[1];
                    let kept_back = x == 1 + Species::Soot as usize || x == 1 + Species::Trace as usize;
                    if G != LEAN && keep < 1.0 && kept_back {
                        filtered[usize::from(x == 1 + Species::Trace as usize)] += (rise + fall) * (1.0 - keep);
                        (rise, fall) = (rise * keep, fall * keep);
                    }
                    rate[2 * taker + 1][x] += rise;
                    rate[2 * taker][x] += fall;
                }
            }
        }
        for lane in 0..L {
            for (species, lost) in [Species::Soot, Species::Trace].into_iter().zip(filtered) {
                s.ledger[lane].species[species as usize].lost += lost.0[lane] * self.dt;
            }
        }
    }

    /// Share of each stream that joins the upper layer of the taker; books what it lifts and what it pulls down.
    #[inline(always)]
    fn upward<const G: usize>(
        &self,
        w: &mut Work<L>,
        pipe: &crate::model::Pipe,
        giver: usize,
        taker: usize,
        out: [V<L>; 2],
        v: usize,
    ) -> ([V<L>; 2], V<L>) {
        let mut air = V::default();
        let room = &self.model.rooms[taker];
        if room.mixed {
            return ([V::splat(0.5); 2], air);
        }
        let t = w.temperature[taker];
        let warm = ((t[1] - t[0]) * 0.5).at_least(2.0);
        let came = w.drawn_k[giver];
        let per_warm = V::splat(1.0) / warm;
        let up = [((came[0] - t[0]) * per_warm).clamp(0.0, 1.0), ((came[1] - t[0]) * per_warm).clamp(0.0, 1.0)];
        if pipe.seamless {
            // Layers run on; only gas warmer than the layer it would join rises, and cooler sinks.
            return ([up[0] * 0.0, V::select(t[0].gt(came[1]), V::default(), V::splat(1.0))], air);
        }
        let interface = w.column[taker].interface_m;
        let side = usize::from(pipe.b as usize == giver);
        for l in 0..2 {
            let volume = out[l] * up[l];
            if volume.greatest() <= 0.0 {
                continue;
            }
            let level = w.flows[v].moment[side][l] / out[l].at_least(1e-12);
            let mass = volume * w.drawn[(2 * giver + l) * G];
            let lifted = jet(mass, came[l] - t[0], t[1] - t[0], (interface - level).at_least(0.0));
            w.lifted[taker] += lifted / w.held[2 * taker * G];
            air += lifted;
        }
        if let VentKind::Wall { width_m, bottom_m, .. } = pipe.kind {
            let down = [out[0] * (V::splat(1.0) - up[0]), out[1] * (V::splat(1.0) - up[1])];
            let mass = down[0] * w.drawn[2 * giver * G] + down[1] * w.drawn[(2 * giver + 1) * G];
            let thick = w.flows[v].inflow_m[1 - side];
            let back = w.flows[v].out[1 - side][1];
            let neutral = thick + bottom_m;
            let covered = ((neutral - interface) / thick.at_least(1e-6)).clamp(0.0, 1.0);
            let width = (w.open[v] * width_m).at_least(1e-6);
            // Cold air that streams in as a jet along the floor, as wide as the opening and 0.22 of its way to the middle.
            let clear = (interface - room.floor).at_least(0.1 * room.height) * (width + 0.22 * room.area.sqrt());
            w.draught[taker] += (down[0] + down[1]) / clear;
            let x = came[0] / t[1] * (thick / width + 1.0) * covered;
            let share = (x * 1.14).at_most(1.28) * self.params.vent_mixing;
            // Only a two-way vent with hot gas leaving over the inflow mixes.
            let two_way = back.gt(V::splat(1e-9));
            let pulled = mass * V::select(two_way, share, V::default());
            w.pulled[taker] += pulled / w.held[(2 * taker + 1) * G];
        }
        (up, air)
    }

    /// Fuel in hot streams that the air they lift can burn, kg/s. It is lit when the stream is 200 K warmer than the space was at the
    /// start (CFAST's `tgignt`), and needs more oxygen in the air below than its lower limit.
    #[inline(always)]
    fn lit<const G: usize>(&self, w: &Work<L>, giver: usize, taker: usize, up: [V<L>; 2], air: V<L>) -> V<L> {
        let drawn = w.drawn.as_chunks::<G>().0;
        let below = &w.held.as_chunks::<G>().0[2 * taker];
        let hot = V::splat(self.model.rooms[taker].start_k + IGNITION_K);
        let zero = V::default();
        let mut fuel = zero;
        for l in 0..2 {
            fuel += V::select(w.drawn_k[giver][l].gt(hot), up[l] * drawn[2 * giver + l][2], zero);
        }
        let share = self.mixture.species(below, Species::Oxygen as usize) / below[0];
        let by_volume = share * (M_AIR / Species::Oxygen.molar_mass());
        let allowed = ((by_volume - self.mixture.lower_oxygen) * 100.0).clamp(0.0, 1.0);
        let need = (-self.mixture.per_kg(Species::Oxygen)).at_least(1e-9);
        fuel.min(air * share * allowed / need).at_least(0.0)
    }
}
