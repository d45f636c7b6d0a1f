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
use crate::mixing::{keep_thin, level};
use crate::mixture::{FULL, LEAN, Mixture};
use crate::model::{Model, NONE, SURFACES, Sweep, WALL};
use crate::state::FireState;
use crate::vents::{Column, Flows, fan, slab, walls};
use crate::{FireForcing, FireParams, Member, VentKind};

/// Share of a layer that vents may take in a sub-step, of a layer that plumes may take, of a space that vents may take.
pub(crate) const VENT_SHARE: f64 = 0.4;
const PLUME_SHARE: f64 = 0.3;
pub(crate) const SPACE_SHARE: f64 = 0.25;
/// Error of pressure left by the iteration, Pa. It is not lost: pressure follows from energy, and the next sub-step sees it.
const PRESSURE_PA: f64 = 0.01;
/// Buffers of a step; nothing in them outlives it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Work<const L: usize> {
    pub column: Vec<Column<L>>,
    pub temperature: Vec<[V<L>; 2]>,
    pub flows: Vec<Flows<L>>,
    pub open: Vec<V<L>>,
    /// Volume drawn by vents, m³/s, and what a cubic metre of it holds, kg/m³ (the numbers of [`Mixture`], layer by layer).
    pub draw: Vec<[V<L>; 2]>,
    pub held: Vec<V<L>>,
    pub drawn: Vec<V<L>>,
    pub drawn_k: Vec<[V<L>; 2]>,
    /// Share of the flows of a space that a sub-step can carry.
    pub ease: Vec<V<L>>,
    /// Volume flow in and out of each space, m³/s.
    pub passing: Vec<[V<L>; 2]>,
    /// Rates of change by layer: the numbers of [`Mixture`] in kg/s, enthalpy W.
    pub rate: Vec<V<L>>,
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

pub(crate) fn reset<T: Clone + Default>(v: &mut Vec<T>, n: usize) {
    v.clear();
    v.resize(n, T::default());
}

/// Makes room without clearing: for what is written before it is read.
pub(crate) fn fit<T: Clone + Default>(v: &mut Vec<T>, n: usize) {
    v.resize(n, T::default());
}

/// What does not change in a step.
pub(crate) struct Step<'a, const L: usize> {
    pub model: &'a Model,
    pub params: &'a FireParams,
    pub forcing: &'a FireForcing,
    /// Members of the block; lanes beyond the last repeat it.
    pub members: &'a [Member],
    pub mixture: &'a Mixture<L>,
    /// Per lining: elimination for this length of sub-step.
    pub sweeps: &'a [Sweep],
    /// Length of the sub-step, s.
    pub dt: f64,
}

const PREPARE: u8 = 0;
const HEAT: u8 = 1;
const PRESSURES: u8 = 2;
const DRAW: u8 = 3;
const DEPOSIT: u8 = 4;
const LAYERS: u8 = 5;

/// One phase of a step for the instruction set of the machine. Each is compiled apart: one function of all is more than compilers
/// take. (A closure would not be inlined into it.)
struct Phase<'a, 'b, const L: usize, const G: usize, const WHICH: u8> {
    step: &'a Step<'b, L>,
    s: &'a mut FireState<L>,
}

impl<const L: usize, const G: usize, const WHICH: u8> pulp::WithSimd for Phase<'_, '_, L, G, WHICH> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        match WHICH {
            PREPARE => self.step.prepare::<G>(self.s),
            HEAT => self.step.heat::<G>(self.s),
            PRESSURES => self.step.pressures(self.s),
            DRAW => self.step.draw::<G>(self.s),
            DEPOSIT => self.step.deposit::<G>(self.s),
            _ => self.step.layers::<G>(self.s),
        }
    }
}

impl<const L: usize> Step<'_, L> {
    fn member(&self, lane: usize) -> &Member {
        &self.members[lane.min(self.members.len() - 1)]
    }

    pub fn run(&self, arch: pulp::Arch, s: &mut FireState<L>) {
        if self.mixture.width == LEAN { self.phases::<LEAN>(arch, s) } else { self.phases::<FULL>(arch, s) }
    }

    fn phases<const G: usize>(&self, arch: pulp::Arch, s: &mut FireState<L>) {
        arch.dispatch(Phase::<L, G, PREPARE> { step: self, s });
        self.open(s);
        self.fires::<G>(s);
        self.flames::<G>(s);
        arch.dispatch(Phase::<L, G, HEAT> { step: self, s });
        arch.dispatch(Phase::<L, G, PRESSURES> { step: self, s });
        arch.dispatch(Phase::<L, G, DRAW> { step: self, s });
        arch.dispatch(Phase::<L, G, DEPOSIT> { step: self, s });
        arch.dispatch(Phase::<L, G, LAYERS> { step: self, s });
        self.book::<G>(s);
    }

    /// Temperatures, densities and columns of the start of the sub-step.
    #[inline(always)]
    fn prepare<const G: usize>(&self, s: &mut FireState<L>) {
        let n = self.model.rooms.len();
        let w = &mut s.work;
        fit(&mut w.column, n + 1);
        fit(&mut w.temperature, n + 1);
        fit(&mut w.held, 2 * G * (n + 1));
        reset(&mut w.heat, n);
        reset(&mut w.radiated, n);
        reset(&mut w.jet, n);
        reset(&mut w.lifted, n);
        reset(&mut w.pulled, n);
        reset(&mut w.rate, 2 * G * (n + 1));
        reset(&mut w.energy, n + 1);
        w.effects.clear();
        let gas = s.gas_kg.as_chunks::<G>().0;
        let held = w.held.as_chunks_mut::<G>().0;
        for (k, room) in self.model.rooms.iter().enumerate() {
            let pressure = s.gauge_pa[k] + room.outer_pa;
            let volume = [V::splat(room.volume) - s.upper_m3[k], s.upper_m3[k]];
            let interface = volume[0] / room.area;
            let mut weight = [V::default(); 2];
            let mut swift = [V::default(); 2];
            for l in 0..2 {
                let per_volume = V::splat(1.0) / volume[l];
                for x in 0..G {
                    held[2 * k + l][x] = gas[2 * k + l][x] * per_volume;
                }
                let density = held[2 * k + l][0];
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
        let outer = self.mixture.air(V::splat(density));
        for l in 0..2 {
            held[2 * n + l].copy_from_slice(&outer);
        }
    }

    /// Shares of vents that are open.
    fn open(&self, s: &mut FireState<L>) {
        let w = &mut s.work;
        reset(&mut w.open, self.model.pipes.len());
        let middle = s.t_s + 0.5 * self.dt;
        for (v, pipe) in self.model.pipes.iter().enumerate() {
            w.open[v] = V::splat(if pipe.scheduled { self.model.scheduled(v, middle) } else { 1.0 });
        }
        for lane in 0..L {
            for (id, list) in &self.member(lane).openings {
                w.open[id.at()].0[lane] = crate::network::at_time(list, middle, 1.0);
            }
        }
        for (open, held) in w.open.iter_mut().zip(&s.held_open) {
            *open = V::select(held.gt(V::splat(-0.5)), *held, *open);
        }
    }

    #[inline(never)]
    fn fires<const G: usize>(&self, s: &mut FireState<L>) {
        for lane in 0..L {
            for (f, fire) in self.member(lane).fires.iter().enumerate() {
                let k = fire.space.at();
                let room = &self.model.rooms[k];
                let [since, tau] = s.damped[lane][f];
                let damping = if s.t_s > since { crate::lane::exp(-(s.t_s - since) / tau) } else { 1.0 };
                // The middle of the sub-step: tables of heat are then summed by the trapezium rule.
                let wanted = fire.curve.at_kw(s.t_s + 0.5 * self.dt) * damping;
                let layer = |l: usize| s.gas(k, l);
                let mass = [0, 1].map(|l| layer(l)[0].0[lane]);
                let oxygen = [0, 1].map(|l| self.mixture.one(layer(l), Species::Oxygen as usize, lane) / mass[l]);
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
                    density: s.work.held[2 * k * G].0[lane],
                    draught_mps: s.draught[k].0[lane] * self.params.draught,
                };
                let e = burn(fire, wanted, &around, self.dt);
                s.heat_w[lane][f] = [e.heat_w, e.radiated_w];
                let w = &mut s.work;
                w.radiated[k].0[lane] += e.radiated_w;
                w.jet[k].0[lane] = w.jet[k].0[lane].max(e.jet_mps);
                w.heat[k][1].0[lane] += e.heat_w - e.radiated_w + e.fuel_kgps * CP * FUEL_K;
                w.lifted[k].0[lane] += e.lifted_kgps / w.held[2 * k * G].0[lane];
                let rate = &mut w.rate[(2 * k + 1) * G..(2 * k + 2) * G];
                rate[0].0[lane] += e.fuel_kgps;
                if G == LEAN {
                    rate[1].0[lane] += e.burnt_kgps;
                    rate[2].0[lane] += e.made_kgps[Species::Fuel as usize];
                } else {
                    for x in 0..SPECIES {
                        rate[x + 1].0[lane] += e.made_kgps[x];
                    }
                }
                w.effects.push((k as u32, lane as u32, e));
            }
        }
    }

    /// Unburnt fuel that came hot through a vent burns where it met air (CFAST's door jet fire), in the upper layer it rose to.
    #[inline(never)]
    fn flames<const G: usize>(&self, s: &mut FireState<L>) {
        let mixture = self.mixture;
        for k in 0..self.model.rooms.len() {
            let came = std::mem::take(&mut s.flame[k]);
            if G != LEAN || came.greatest() <= 0.0 {
                continue;
            }
            for lane in 0..L {
                let upper = s.gas(k, 1);
                let there = 0.5 * upper[2].0[lane].max(0.0) / self.dt;
                let oxygen = 0.5 * mixture.one(upper, Species::Oxygen as usize, lane).max(0.0) / self.dt;
                let need = (-mixture.per_kg(Species::Oxygen).0[lane]).max(1e-9);
                let burnt_kgps = came.0[lane].min(there).min(oxygen / need);
                if burnt_kgps <= 0.0 {
                    continue;
                }
                let mut made_kgps = Species::ALL.map(|x| burnt_kgps * mixture.per_kg(x).0[lane]);
                made_kgps[Species::Fuel as usize] = -burnt_kgps;
                let trace = made_kgps[Species::Trace as usize];
                let [heat_w, radiated_w] = [0, 1].map(|j| burnt_kgps * mixture.heat[j].0[lane]);
                let w = &mut s.work;
                let rate = &mut w.rate[(2 * k + 1) * G..(2 * k + 2) * G];
                rate[0].0[lane] += trace;
                rate[1].0[lane] += burnt_kgps;
                rate[2].0[lane] -= burnt_kgps;
                w.radiated[k].0[lane] += radiated_w;
                w.heat[k][1].0[lane] += heat_w - radiated_w + trace * CP * FUEL_K;
                let effect =
                    Effect { heat_w, radiated_w, burnt_kgps, fuel_kgps: trace, made_kgps, ..Effect::default() };
                w.effects.push((k as u32, lane as u32, effect));
            }
        }
    }

    #[inline(always)]
    fn heat<const G: usize>(&self, s: &mut FireState<L>) {
        let mut to_walls = V::default();
        let gas = s.gas_kg.as_chunks::<G>().0;
        for (k, room) in self.model.rooms.iter().enumerate() {
            let w = &mut s.work;
            let radiated = w.radiated[k];
            if room.walls == [NONE; SURFACES] {
                w.heat[k][0] += radiated * 0.5;
                w.heat[k][1] += radiated * 0.5;
                continue;
            }
            let layers = [&gas[2 * k], &gas[2 * k + 1]];
            let x = Exchange {
                room,
                walls: &self.model.walls,
                sweeps: self.sweeps,
                dt: self.dt,
                temperature: w.temperature[k],
                mass: [gas[2 * k][0], gas[2 * k + 1][0]],
                volume: [V::splat(room.volume) - s.upper_m3[k], s.upper_m3[k]],
                soot: self.mixture.pair(layers, Species::Soot),
                co2: self.mixture.pair(layers, Species::CarbonDioxide),
                water: self.mixture.pair(layers, Species::Water),
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
    fn vent(&self, w: &Work<L>, v: usize) -> (crate::vents::Response<L>, Flows<L>) {
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
                let mut response = crate::vents::Response { flow: V::default(), slope: V::default() };
                let mut flows = Flows::default();
                let cw = open * (coefficient * width_m);
                walls(bottom_m, top_m, &cw, ca, cb, &difference, &mut response, &mut flows);
                (response, flows)
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

    /// Pressure across a vent at its middle.
    #[inline(always)]
    fn across(&self, w: &Work<L>, v: usize) -> V<L> {
        let pipe = &self.model.pipes[v];
        let n = self.model.rooms.len() as u32;
        let level = V::splat(match pipe.kind {
            VentKind::Wall { bottom_m, top_m, .. } => 0.5 * (bottom_m + top_m),
            VentKind::Slab { level_m, .. } | VentKind::Fan { level_m, .. } => level_m,
        });
        let end = |k: u32| if k == n { V::default() } else { w.gauge[k as usize] };
        let (ca, cb) = (&w.column[pipe.a as usize], &w.column[pipe.b as usize]);
        end(pipe.a) - end(pipe.b) + cb.fall(level) - ca.fall(level)
    }

    /// What a vent would carry by the tangent of the last sub-step: wide holes between storeys change their pressures by the growth of
    /// their columns, and the root law is a poor guide from there.
    #[inline(always)]
    fn expected(&self, w: &Work<L>, tangent: &[V<L>; 3], v: usize) -> crate::vents::Response<L> {
        let [flow, slope, at] = tangent;
        crate::vents::Response { flow: *flow + *slope * (self.across(w, v) - *at), slope: *slope }
    }

    /// Newton's method on the pressures of all spaces; leaves the flows in `work.flows`.
    #[inline(always)]
    fn pressures(&self, s: &mut FireState<L>) {
        let n = self.model.rooms.len();
        s.work.gauge.clear();
        s.work.gauge.extend_from_slice(&s.gauge_pa);
        fit(&mut s.work.flows, self.model.pipes.len());
        let warm = !s.tangent.is_empty();
        fit(&mut s.tangent, self.model.pipes.len());
        let mut last = vec![V::<L>::default(); n];
        let mut relax = V::splat(1.0);
        let mut active = [true; L];
        let zero = V::default();
        for turn in 0..=self.params.max_turns {
            s.numbers.clear(&self.model.symbolic);
            for (v, pipe) in self.model.pipes.iter().enumerate() {
                let response =
                    if turn == 0 && warm { self.expected(&s.work, &s.tangent[v], v) } else { self.vent(&s.work, v).0 };
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
                break;
            }
            if turn == self.params.max_turns {
                s.unsettled += 1;
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
        for v in 0..self.model.pipes.len() {
            let (r, f) = self.vent(&s.work, v);
            s.work.flows[v] = f;
            s.tangent[v] = [r.flow, r.slope, self.across(&s.work, v)];
        }
    }

    /// Moves gas between the layers, then pressures, volumes and masses on.
    #[inline(always)]
    fn layers<const G: usize>(&self, s: &mut FireState<L>) {
        let dt = self.dt;
        for (now, new) in s.draught.iter_mut().zip(&s.work.draught) {
            // A few seconds to get up, so that plume and inflow do not chase each other.
            *now += (new.at_most(3.0) - *now) * (dt / (dt + 5.0));
        }
        let w = &mut s.work;
        let stored = s.gas_kg.as_chunks_mut::<G>().0;
        let held = w.held.as_chunks::<G>().0;
        let rate = w.rate.as_chunks_mut::<G>().0;
        for (k, room) in self.model.rooms.iter().enumerate() {
            let upper = s.upper_m3[k];
            let lower = V::splat(room.volume) - upper;
            let up = w.lifted[k].min(lower * (PLUME_SHARE / dt));
            let down = w.pulled[k].min(upper * (PLUME_SHARE / dt));
            for x in 0..G {
                let moved = up * held[2 * k][x] - down * held[2 * k + 1][x];
                rate[2 * k + 1][x] += moved;
                rate[2 * k][x] -= moved;
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
            let mut gas = [[V::default(); G]; 2];
            for l in 0..2 {
                for x in 0..G {
                    gas[l][x] = stored[2 * k + l][x] + rate[2 * k + l][x] * dt;
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
            (stored[2 * k], stored[2 * k + 1]) = (gas[0], gas[1]);
        }
    }

    /// Accounts.
    #[inline(never)]
    fn book<const G: usize>(&self, s: &mut FireState<L>) {
        let n = self.model.rooms.len();
        let dt = self.dt;
        for lane in 0..L {
            let l: &mut Ledger = &mut s.ledger[lane];
            let outer = &s.work.rate[2 * n * G..(2 * n + 1) * G];
            l.mass.entered -= outer[0].0[lane] * dt;
            l.moved[0] += outer[0].0[lane].abs() * dt;
            for x in 0..SPECIES {
                l.species[x].entered -= self.mixture.one(outer, x, lane) * dt;
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
