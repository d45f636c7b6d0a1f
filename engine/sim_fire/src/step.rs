//! One step of a block of members: fires, heat, pressures, vents, layers.
//!
//! Pressures are solved together (Newton, sparse LDLᵀ) with temperatures and layer heights of the start of the sub-step; mass,
//! species and energy are then moved by the flows found, and pressure follows from the energy, so that the accounts close
//! whatever the iteration left over. Zone equations as in CFAST's technical reference (NIST TN 1889v1).

use crate::burn::{Around, Effect, FUEL_K, burn};
use crate::gas::{CP, ENTHALPY, GRAVITY, R_AIR, SPECIES, Species};
use crate::heat::{Exchange, exchange};
use crate::lane::V;
use crate::ledger::Ledger;
use crate::model::{Model, NONE, SURFACES, Sweep, WALL};
use crate::state::FireState;
use crate::vents::{Column, Flows, fan, slab, wall};
use crate::{FireForcing, FireParams, Member, VentKind};

/// Mass and its species.
pub(crate) const GAS: usize = SPECIES + 1;
/// Share of a layer that vents may take in a sub-step, of a layer that plumes may take, of a space that vents may take.
const VENT_SHARE: f64 = 0.4;
const PLUME_SHARE: f64 = 0.3;
pub(crate) const SPACE_SHARE: f64 = 0.25;
/// Error of pressure left by the iteration, Pa.
const PRESSURE_PA: f64 = 1e-3;

/// Buffers of a step; nothing in them outlives it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Work<const L: usize> {
    pub column: Vec<Column<L>>,
    pub temperature: Vec<[V<L>; 2]>,
    pub flows: Vec<Flows<L>>,
    pub open: Vec<V<L>>,
    /// Volume drawn by vents, m³/s, and what a cubic metre of it holds, kg/m³ (mass, then species).
    pub draw: Vec<[V<L>; 2]>,
    pub held: Vec<[[V<L>; GAS]; 2]>,
    pub drawn: Vec<[[V<L>; GAS]; 2]>,
    pub drawn_k: Vec<[V<L>; 2]>,
    /// Share of the flows of a space that a sub-step can carry.
    pub ease: Vec<V<L>>,
    /// Volume flow in and out of each space, m³/s.
    pub passing: Vec<[V<L>; 2]>,
    /// Rates of change by layer: mass and species kg/s, enthalpy W.
    pub rate: Vec<[[V<L>; GAS]; 2]>,
    pub energy: Vec<[V<L>; 2]>,
    /// Heat of fires and walls by layer, W.
    pub heat: Vec<[V<L>; 2]>,
    pub radiated: Vec<V<L>>,
    pub jet: Vec<V<L>>,
    /// Volume lifted and pulled down between the layers, m³/s.
    pub lifted: Vec<V<L>>,
    pub pulled: Vec<V<L>>,
    /// Speed of the air that comes in below, m/s.
    pub draught: Vec<V<L>>,
    /// Latest pressures of the iteration.
    pub gauge: Vec<V<L>>,
    pub effects: Vec<(u32, u32, Effect)>,
}

fn reset<T: Clone + Default>(v: &mut Vec<T>, n: usize) {
    v.clear();
    v.resize(n, T::default());
}

/// What does not change in a step.
pub(crate) struct Step<'a> {
    pub model: &'a Model,
    pub params: &'a FireParams,
    pub forcing: &'a FireForcing,
    pub members: &'a [Member],
    /// First member of the block in `members`; lanes beyond its end repeat the last.
    pub sweeps: &'a [Sweep],
    /// Length of the sub-step, s.
    pub dt: f64,
}

impl Step<'_> {
    fn member(&self, lane: usize) -> &Member {
        &self.members[lane.min(self.members.len() - 1)]
    }

    #[inline(always)]
    pub fn run<const L: usize>(&self, s: &mut FireState<L>) {
        self.prepare(s);
        self.open(s);
        self.fires(s);
        self.heat(s);
        self.pressures(s);
        self.draw(s);
        self.deposit(s);
        self.layers(s);
        self.book(s);
    }

    /// Temperatures, densities and columns of the start of the sub-step.
    #[inline(always)]
    fn prepare<const L: usize>(&self, s: &mut FireState<L>) {
        let n = self.model.rooms.len();
        let w = &mut s.work;
        reset(&mut w.column, n + 1);
        reset(&mut w.temperature, n + 1);
        reset(&mut w.held, n + 1);
        reset(&mut w.heat, n);
        reset(&mut w.radiated, n);
        reset(&mut w.jet, n);
        reset(&mut w.lifted, n);
        reset(&mut w.pulled, n);
        reset(&mut w.rate, n + 1);
        reset(&mut w.energy, n + 1);
        w.effects.clear();
        for (k, room) in self.model.rooms.iter().enumerate() {
            let pressure = s.gauge_pa[k] + room.outer_pa;
            let volume = [V::splat(room.volume) - s.upper_m3[k], s.upper_m3[k]];
            let interface = volume[0] / room.area;
            let mut weight = [V::default(); 2];
            let mut swift = [V::default(); 2];
            for l in 0..2 {
                let per_volume = V::splat(1.0) / volume[l];
                let density = s.mass_kg[k][l] * per_volume;
                w.held[k][l][0] = density;
                for x in 0..SPECIES {
                    w.held[k][l][x + 1] = s.species_kg[k][l][x] * per_volume;
                }
                w.temperature[k][l] = pressure / (density * R_AIR);
                weight[l] = (density - room.outer_density) * GRAVITY;
                swift[l] = (V::splat(2.0) / density).sqrt();
            }
            let interface_m = interface + room.floor;
            w.column[k] = Column { floor_m: room.floor, interface_m, weight, swift, enthalpy: pressure * ENTHALPY };
        }
        let outer_pa = self.model.network.ambient.pressure_pa;
        let density = outer_pa / (R_AIR * self.model.outer_k);
        let swift = [V::splat((2.0 / density).sqrt()); 2];
        let enthalpy = V::splat(outer_pa * ENTHALPY);
        // The interface far above: all of the air outside is its lower layer.
        w.column[n] = Column { floor_m: 0.0, interface_m: V::splat(1e9), weight: [V::default(); 2], swift, enthalpy };
        w.temperature[n] = [V::splat(self.model.outer_k); 2];
        let mut held = [V::splat(density); GAS];
        for x in 0..SPECIES {
            held[x + 1] = V::splat(density * self.model.outer_y[x]);
        }
        w.held[n] = [held; 2];
    }

    /// Shares of vents that are open.
    #[inline(always)]
    fn open<const L: usize>(&self, s: &mut FireState<L>) {
        let w = &mut s.work;
        reset(&mut w.open, self.model.pipes.len());
        for (v, pipe) in self.model.pipes.iter().enumerate() {
            w.open[v] = V::splat(if pipe.scheduled { self.model.scheduled(v, s.t_s) } else { 1.0 });
        }
        for lane in 0..L {
            for (id, list) in &self.member(lane).openings {
                w.open[id.at()].0[lane] = crate::network::at_time(list, s.t_s, 1.0);
            }
        }
        for (open, held) in w.open.iter_mut().zip(&s.held_open) {
            *open = V::select(held.gt(V::splat(-0.5)), *held, *open);
        }
    }

    #[inline(never)]
    fn fires<const L: usize>(&self, s: &mut FireState<L>) {
        for lane in 0..L {
            for (f, fire) in self.member(lane).fires.iter().enumerate() {
                let k = fire.space.at();
                let room = &self.model.rooms[k];
                let [since, tau] = s.damped[lane][f];
                let damping = if s.t_s > since { crate::lane::exp(-(s.t_s - since) / tau) } else { 1.0 };
                // The middle of the sub-step: tables of heat are then summed by the trapezium rule.
                let wanted = fire.curve.at_kw(s.t_s + 0.5 * self.dt) * damping;
                let mass = s.mass_kg[k].map(|m| m.0[lane]);
                let oxygen = [0, 1].map(|l| s.species_kg[k][l][Species::Oxygen as usize].0[lane] / mass[l]);
                let mut temperature_k = s.work.temperature[k].map(|t| t.0[lane]);
                let mut interface_m = (room.volume - s.upper_m3[k].0[lane]) / room.area;
                if room.mixed {
                    (temperature_k[1], interface_m) = (temperature_k[0], 0.5 * room.height);
                }
                let (height_m, area_m2) = (room.height, room.area);
                let around = Around {
                    height_m,
                    area_m2,
                    interface_m,
                    temperature_k,
                    lower_kg: mass[0],
                    upper_kg: mass[1],
                    oxygen,
                    density: s.work.held[k][0][0].0[lane],
                    draught_mps: s.draught[k].0[lane] * self.params.draught,
                };
                let e = burn(fire, wanted, &around, self.dt);
                s.heat_w[lane][f] = [e.heat_w, e.radiated_w];
                let w = &mut s.work;
                w.radiated[k].0[lane] += e.radiated_w;
                w.jet[k].0[lane] = w.jet[k].0[lane].max(e.jet_mps);
                w.heat[k][1].0[lane] += e.heat_w - e.radiated_w + e.fuel_kgps * CP * FUEL_K;
                w.lifted[k].0[lane] += e.lifted_kgps / w.held[k][0][0].0[lane];
                w.rate[k][1][0].0[lane] += e.fuel_kgps;
                for x in 0..SPECIES {
                    w.rate[k][1][x + 1].0[lane] += e.made_kgps[x];
                }
                w.effects.push((k as u32, lane as u32, e));
            }
        }
    }

    #[inline(always)]
    fn heat<const L: usize>(&self, s: &mut FireState<L>) {
        let mut to_walls = V::default();
        for (k, room) in self.model.rooms.iter().enumerate() {
            let w = &mut s.work;
            let radiated = w.radiated[k];
            if room.walls == [NONE; SURFACES] {
                w.heat[k][0] += radiated * 0.5;
                w.heat[k][1] += radiated * 0.5;
                continue;
            }
            let x = Exchange {
                room,
                walls: &self.model.walls,
                sweeps: self.sweeps,
                dt: self.dt,
                temperature: w.temperature[k],
                mass: s.mass_kg[k],
                volume: [V::splat(room.volume) - s.upper_m3[k], s.upper_m3[k]],
                species: &s.species_kg[k],
                interface: w.column[k].interface_m - room.floor,
                radiated,
                jet: w.jet[k],
            };
            let at = k * SURFACES * WALL;
            let heat = exchange(&x, &mut s.wall_k[at..at + SURFACES * WALL]);
            w.heat[k][0] += heat[0];
            w.heat[k][1] += heat[1];
            to_walls += radiated - heat[0] - heat[1];
        }
        for lane in 0..L {
            s.ledger[lane].energy.lost += to_walls.0[lane] * self.dt;
            s.ledger[lane].moved[1] += to_walls.0[lane].abs() * self.dt;
        }
    }

    /// Flow and slope of a vent at the latest pressures.
    #[inline(always)]
    fn vent<const L: usize>(&self, w: &Work<L>, v: usize) -> (crate::vents::Response<L>, Flows<L>) {
        let pipe = &self.model.pipes[v];
        let n = self.model.rooms.len() as u32;
        let wind = pipe.wind_cp * self.forcing.wind_pa;
        let (ca, cb) = (&w.column[pipe.a as usize], &w.column[pipe.b as usize]);
        // The column of the air outside has the other end's floor, so that its weight cancels.
        let pa = if pipe.a == n { V::splat(wind) } else { w.gauge[pipe.a as usize] };
        let pb = if pipe.b == n { V::splat(wind) } else { w.gauge[pipe.b as usize] };
        let difference = pa - pb;
        let open = w.open[v];
        match pipe.kind {
            VentKind::Wall { width_m, bottom_m, top_m, coefficient } => {
                wall(bottom_m, top_m, open * (coefficient * width_m), ca, cb, difference)
            }
            VentKind::Slab { area_m2, level_m, coefficient } => {
                slab(level_m, open * (coefficient * area_m2), open * area_m2, ca, cb, difference)
            }
            VentKind::Fan { flow_m3ps, cutoff_start_pa, cutoff_end_pa, level_m, grille_m, .. } => {
                let ends = (level_m - 0.5 * grille_m, level_m + 0.5 * grille_m);
                fan(ends, open * flow_m3ps, (cutoff_start_pa, cutoff_end_pa), ca, cb, difference)
            }
        }
    }

    /// Newton's method on the pressures of all spaces; leaves the flows in `work.flows`.
    #[inline(always)]
    fn pressures<const L: usize>(&self, s: &mut FireState<L>) {
        let n = self.model.rooms.len();
        s.work.gauge.clear();
        s.work.gauge.extend_from_slice(&s.gauge_pa);
        reset(&mut s.work.flows, self.model.pipes.len());
        let mut last = vec![V::<L>::default(); n];
        let mut relax = V::splat(1.0);
        let mut active = [true; L];
        let zero = V::default();
        for turn in 0..=self.params.max_turns {
            s.numbers.clear(&self.model.symbolic);
            for (v, pipe) in self.model.pipes.iter().enumerate() {
                let (response, flows) = self.vent(&s.work, v);
                s.work.flows[v] = flows;
                let (a, b) = (pipe.a as usize, pipe.b as usize);
                if a < n {
                    s.numbers.right[a] -= response.flow;
                    s.numbers.diagonal[a] += response.slope;
                }
                if b < n {
                    s.numbers.right[b] += response.flow;
                    s.numbers.diagonal[b] += response.slope;
                }
                if pipe.slot != NONE {
                    s.numbers.below[pipe.slot as usize] -= response.slope;
                }
            }
            // What is left over becomes an error of pressure at the end of the sub-step: that is what must be small.
            let mut excess = V::splat(-1.0);
            for (k, room) in self.model.rooms.iter().enumerate() {
                let inertia = room.volume * (ENTHALPY - 1.0) / self.dt;
                s.numbers.diagonal[k] += V::splat(inertia);
                let stored = (s.work.gauge[k] - s.gauge_pa[k]) * inertia;
                s.numbers.right[k] += s.work.heat[k][0] + s.work.heat[k][1] - stored;
                let error = s.numbers.right[k].abs() * (1.0 / inertia);
                excess = excess.max(error - s.work.gauge[k].abs() * 1e-5 - PRESSURE_PA);
            }
            let more = excess.gt(zero);
            for lane in 0..L {
                active[lane] = active[lane] && (turn == 0 || more[lane]);
            }
            // One turn is always taken: flows that no solve has damped would let rounding grow.
            if turn > 0 && !active.contains(&true) {
                return;
            }
            if turn == self.params.max_turns {
                break;
            }
            s.numbers.solve(&self.model.symbolic);
            // Root laws make Newton's steps overshoot to and fro near a zero; half a step is then right.
            let mut turned = V::default();
            for k in 0..n {
                turned += s.numbers.right[k] * last[k];
            }
            relax = V::select(zero.gt(turned), (relax * 0.5).at_least(0.1), (relax * 1.5).at_most(1.0));
            let on = V(active.map(|a| if a { 1.0 } else { 0.0 }));
            for k in 0..n {
                let move_pa = s.numbers.right[k] * relax * on;
                last[k] = move_pa;
                s.work.gauge[k] += move_pa;
            }
        }
        s.unsettled += 1;
    }

    /// Notes how fast each space is flushed, and slows the vents of one that a sub-step cannot follow.
    #[inline(always)]
    fn gentle<const L: usize>(&self, s: &mut FireState<L>) {
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
    fn draw<const L: usize>(&self, s: &mut FireState<L>) {
        let n = self.model.rooms.len();
        let w = &mut s.work;
        reset(&mut w.draw, n + 1);
        reset(&mut w.drawn, n + 1);
        reset(&mut w.drawn_k, n + 1);
        self.gentle(s);
        let w = &mut s.work;
        for (pipe, flows) in self.model.pipes.iter().zip(&w.flows) {
            for (side, end) in [pipe.a as usize, pipe.b as usize].into_iter().enumerate() {
                w.draw[end][0] += flows.out[side][0];
                w.draw[end][1] += flows.out[side][1];
            }
        }
        let one = V::splat(1.0);
        for k in 0..n {
            let room = &self.model.rooms[k];
            let volume = [V::splat(room.volume) - s.upper_m3[k], s.upper_m3[k]];
            let draw = w.draw[k];
            let own = [0, 1].map(|l| (volume[l] * (VENT_SHARE / self.dt) / draw[l].at_least(1e-12)).at_most(1.0));
            let enthalpy = w.column[k].enthalpy;
            for l in 0..2 {
                let taken = draw[l] * own[l] + draw[1 - l] * (one - own[1 - l]);
                let held = w.held[k][l];
                for x in 0..GAS {
                    w.rate[k][l][x] -= taken * held[x];
                    w.drawn[k][l][x] = own[l] * held[x] + (one - own[l]) * w.held[k][1 - l][x];
                }
                w.energy[k][l] -= taken * enthalpy;
                w.drawn_k[k][l] = enthalpy / (w.drawn[k][l][0] * CP);
            }
        }
        w.drawn[n] = w.held[n];
        w.drawn_k[n] = w.temperature[n];
        let draw = w.draw[n];
        for x in 0..GAS {
            w.rate[n][0][x] -= (draw[0] + draw[1]) * w.drawn[n][0][x];
        }
        w.energy[n][0] -= (draw[0] + draw[1]) * w.column[n].enthalpy;
    }

    /// Puts what vents carry into layers, with the air that jets pull along.
    #[inline(always)]
    fn deposit<const L: usize>(&self, s: &mut FireState<L>) {
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
                let upward = if taker == n { [V::default(); 2] } else { self.upward(w, pipe, giver, taker, out, v) };
                let enthalpy = w.column[giver].enthalpy;
                let up = [out[0] * upward[0], out[1] * upward[1]];
                out = [out[0] - up[0], out[1] - up[1]];
                w.energy[taker][1] += (up[0] + up[1]) * enthalpy;
                w.energy[taker][0] += (out[0] + out[1]) * enthalpy;
                let keep = match pipe.kind {
                    VentKind::Fan { filter, .. } => 1.0 - filter,
                    _ => 1.0,
                };
                for x in 0..GAS {
                    let given = [w.drawn[giver][0][x], w.drawn[giver][1][x]];
                    let mut rise = up[0] * given[0] + up[1] * given[1];
                    let mut fall = out[0] * given[0] + out[1] * given[1];
                    let kept_back = x == 1 + Species::Soot as usize || x == 1 + Species::Trace as usize;
                    if keep < 1.0 && kept_back {
                        filtered[usize::from(x == 1 + Species::Trace as usize)] += (rise + fall) * (1.0 - keep);
                        (rise, fall) = (rise * keep, fall * keep);
                    }
                    w.rate[taker][1][x] += rise;
                    w.rate[taker][0][x] += fall;
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
    fn upward<const L: usize>(
        &self,
        w: &mut Work<L>,
        pipe: &crate::model::Pipe,
        giver: usize,
        taker: usize,
        out: [V<L>; 2],
        v: usize,
    ) -> [V<L>; 2] {
        let room = &self.model.rooms[taker];
        if room.mixed {
            return [V::splat(0.5); 2];
        }
        let t = w.temperature[taker];
        let warm = ((t[1] - t[0]) * 0.5).at_least(2.0);
        let came = w.drawn_k[giver];
        let up = [0, 1].map(|l| ((came[l] - t[0]) / warm).clamp(0.0, 1.0));
        if pipe.seamless {
            // Layers run on; only gas warmer than the layer it would join rises, and cooler sinks.
            return [up[0] * 0.0, V::select(t[0].gt(came[1]), V::default(), V::splat(1.0))];
        }
        let interface = w.column[taker].interface_m;
        let side = usize::from(pipe.b as usize == giver);
        for l in 0..2 {
            let volume = out[l] * up[l];
            if volume.greatest() <= 0.0 {
                continue;
            }
            let level = w.flows[v].moment[side][l] / out[l].at_least(1e-12);
            let mass = volume * w.drawn[giver][l][0];
            let lifted = jet(mass, came[l] - t[0], t[1] - t[0], (interface - level).at_least(0.0));
            w.lifted[taker] += lifted / w.held[taker][0][0];
        }
        if let VentKind::Wall { width_m, bottom_m, .. } = pipe.kind {
            let low = [0, 1].map(|l| out[l] * (V::splat(1.0) - up[l]) * w.drawn[giver][l][0]);
            let mass = low[0] + low[1];
            let thick = w.flows[v].inflow_m[1 - side];
            let back = w.flows[v].out[1 - side][1];
            let neutral = thick + bottom_m;
            let covered = ((neutral - interface) / thick.at_least(1e-6)).clamp(0.0, 1.0);
            let width = (w.open[v] * width_m).at_least(1e-6);
            // Cold air that streams in as a jet along the floor, as wide as the opening and 0.22 of its way to the middle.
            let clear = (interface - room.floor).at_least(0.1 * room.height) * (width + 0.22 * room.area.sqrt());
            w.draught[taker] += (out[0] * (V::splat(1.0) - up[0]) + out[1] * (V::splat(1.0) - up[1])) / clear;
            let x = came[0] / t[1] * (thick / width + 1.0) * covered;
            let share = (x * 1.14).at_most(1.28) * self.params.vent_mixing;
            // Only a two-way vent with hot gas leaving over the inflow mixes.
            let two_way = back.gt(V::splat(1e-9));
            let pulled = mass * V::select(two_way, share, V::default());
            w.pulled[taker] += pulled / w.held[taker][1][0];
        }
        up
    }

    /// Moves gas between the layers, then pressures, volumes and masses on.
    #[inline(always)]
    fn layers<const L: usize>(&self, s: &mut FireState<L>) {
        let dt = self.dt;
        for (now, new) in s.draught.iter_mut().zip(&s.work.draught) {
            // A few seconds to get up, so that plume and inflow do not chase each other.
            *now += (new.at_most(3.0) - *now) * (dt / (dt + 5.0));
        }
        for (k, room) in self.model.rooms.iter().enumerate() {
            let w = &mut s.work;
            let upper = s.upper_m3[k];
            let lower = V::splat(room.volume) - upper;
            let up = w.lifted[k].min(lower * (PLUME_SHARE / dt));
            let down = w.pulled[k].min(upper * (PLUME_SHARE / dt));
            for x in 0..GAS {
                let moved = up * w.held[k][0][x] - down * w.held[k][1][x];
                w.rate[k][1][x] += moved;
                w.rate[k][0][x] -= moved;
            }
            let enthalpy = w.column[k].enthalpy;
            let lift = (up - down) * enthalpy;
            let gain = [w.energy[k][0] - lift + w.heat[k][0], w.energy[k][1] + lift + w.heat[k][1]];
            let pressure = s.gauge_pa[k] + room.outer_pa;
            let rise = (gain[0] + gain[1]) * (dt / (room.volume * (ENTHALPY - 1.0)));
            let after = (pressure + rise) * ENTHALPY;
            let least = crate::state::THIN * room.volume;
            let grown = (pressure * upper * ENTHALPY + gain[1] * dt + upper * rise) / after;
            let mut volume = grown;
            s.gauge_pa[k] += rise;
            let mut gas = [[V::default(); GAS]; 2];
            for l in 0..2 {
                gas[l][0] = s.mass_kg[k][l] + w.rate[k][l][0] * dt;
                for x in 0..SPECIES {
                    gas[l][x + 1] = s.species_kg[k][l][x] + w.rate[k][l][x + 1] * dt;
                }
            }
            keep_thin(&mut gas, &mut volume, room.volume, least);
            if room.mixed {
                volume = V::splat(0.5 * room.volume);
                level(&mut gas, V::splat(1.0), V::splat(0.5));
            } else {
                // Gas cooler than what it lies on sinks into it within some seconds.
                let share = volume / room.volume;
                let temperature = |l: usize, v: V<L>| after * v / (gas[l][0] * (R_AIR * ENTHALPY));
                let inverted = temperature(0, V::splat(room.volume) - volume) - temperature(1, volume);
                let mixing = ((inverted - 0.2) * 0.5).clamp(0.0, 1.0) * (dt / 5.0_f64.max(dt));
                if mixing.greatest() > 0.0 {
                    level(&mut gas, mixing, share);
                }
            }
            s.upper_m3[k] = volume;
            for l in 0..2 {
                s.mass_kg[k][l] = gas[l][0];
                for x in 0..SPECIES {
                    s.species_kg[k][l][x] = gas[l][x + 1];
                }
            }
        }
    }

    /// Accounts.
    #[inline(never)]
    fn book<const L: usize>(&self, s: &mut FireState<L>) {
        let n = self.model.rooms.len();
        let dt = self.dt;
        for lane in 0..L {
            let l: &mut Ledger = &mut s.ledger[lane];
            let outer = &s.work.rate[n][0];
            l.mass.entered -= outer[0].0[lane] * dt;
            l.moved[0] += outer[0].0[lane].abs() * dt;
            for x in 0..SPECIES {
                l.species[x].entered -= outer[x + 1].0[lane] * dt;
            }
            l.energy.entered -= s.work.energy[n][0].0[lane] * dt;
            l.moved[1] += s.work.energy[n][0].0[lane].abs() * dt;
        }
        for (_, lane, e) in &s.work.effects {
            let l = &mut s.ledger[*lane as usize];
            l.mass.made += e.fuel_kgps * dt;
            for x in 0..SPECIES {
                l.species[x].made += e.made_kgps[x] * dt;
            }
            let energy = e.heat_w + e.fuel_kgps * CP * FUEL_K;
            l.energy.made += energy * dt;
            l.moved[0] += e.fuel_kgps * dt;
            l.moved[1] += energy * dt;
            l.starved_j += e.starved_w * dt;
        }
        s.t_s += dt;
    }
}

/// Air lifted by a stream that rises as a plume, kg/s: the far field of Heskestad's plume, 0.071 Q^(1/3) z^(5/3), from a virtual
/// origin where it carries the stream itself. The whole never cools below the layer it joins.
#[inline(always)]
fn jet<const L: usize>(mass: V<L>, excess_k: V<L>, layer_k: V<L>, rise_m: V<L>) -> V<L> {
    let kw = (mass * excess_k * (CP * 1e-3)).at_least(1e-9);
    let a = kw.cbrt() * 0.071;
    let base = mass / a;
    // (z + v)^(5/3) with v^(5/3) = base: v = base^(3/5) by its cube root and a fifth root.
    let origin = fifth_root(base * base * base);
    let z = rise_m + origin;
    let c = z.cbrt();
    let whole = a * z * c * c;
    let most = kw * (1e3 / CP) / layer_k.at_least(1.0);
    (whole.min(most) - mass).at_least(0.0)
}

/// x^(1/5) for x >= 0 to about 1e-15 (Newton from a fifth of the exponent).
#[inline(always)]
fn fifth_root<const L: usize>(x: V<L>) -> V<L> {
    let mut out = x;
    for k in 0..L {
        let safe = if x.0[k] > 1e-150 { x.0[k] } else { 1.0 };
        let mut y = f64::from_bits(safe.to_bits() / 5 + (1023_u64 << 52) / 5 * 4);
        for _ in 0..5 {
            let y2 = y * y;
            y = 0.8 * y + 0.2 * safe / (y2 * y2);
        }
        out.0[k] = if x.0[k] > 1e-150 { y } else { 0.0 };
    }
    out
}

/// Gives a layer that has become too thin gas of the other.
#[inline(always)]
fn keep_thin<const L: usize>(gas: &mut [[V<L>; GAS]; 2], upper: &mut V<L>, whole: f64, least: f64) {
    let lower = V::splat(whole) - *upper;
    let want = [(V::splat(least) - lower).at_least(0.0), (V::splat(least) - *upper).at_least(0.0)];
    if want[0].greatest().max(want[1].greatest()) <= 0.0 {
        return;
    }
    let share = [want[0] / upper.at_least(least), want[1] / lower.at_least(least)];
    for x in 0..GAS {
        let down = gas[1][x] * share[0];
        let up = gas[0][x] * share[1];
        gas[0][x] += down - up;
        gas[1][x] += up - down;
    }
    *upper += want[1] - want[0];
}

/// Brings the layers to the same gas by a share; `upper` is the upper layer's share of the volume.
#[inline(always)]
fn level<const L: usize>(gas: &mut [[V<L>; GAS]; 2], share: V<L>, upper: V<L>) {
    for x in 0..GAS {
        let moved = share * ((gas[0][x] + gas[1][x]) * upper - gas[1][x]);
        gas[1][x] += moved;
        gas[0][x] -= moved;
    }
}
