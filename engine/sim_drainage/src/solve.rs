//! Heads at the end of a step.

use crate::device::{self, Rate, with_slopes};
use crate::kernel::Work;
use crate::lu::Numbers;
use crate::store::SPILL_AREA_M2;
use crate::{DrainageKernel, DrainageState, LinkKind, NodeId};

/// Newton iterations per pass.
const ITERATIONS: usize = 24;
/// Change of head below which the iteration ends, m.
const CLOSE_M: f64 = 1e-7;

impl DrainageKernel {
    /// Flow of a link and its slopes at the given heads.
    pub(crate) fn rate(&self, w: &Work, state: &DrainageState, link: usize, heads: &[f64]) -> Rate {
        let l = &self.network.links()[link];
        let head = |id: NodeId| if self.unknown(id).is_some() { heads[id.at()] } else { w.outside_m[id.at()] };
        let (h1, h2) = (head(l.from), head(l.to));
        let invert = self.network.nodes()[l.from.at()].invert_m;
        let g = w.p.gravity_mps2;
        let rate = match &l.kind {
            LinkKind::Conduit(_) => return w.laws[link].at(h1, h2),
            LinkKind::Pump(_) if !state.pump_on[link] => return Rate::default(),
            LinkKind::Pump(p) => return device::pump(p, w.pumped[link], invert, h1, h2),
            LinkKind::Orifice(o) => with_slopes(h1, h2, |a, b| device::orifice(o, invert, g, a, b)),
            LinkKind::Weir(x) => with_slopes(h1, h2, |a, b| device::weir(x, invert, a, b)),
            LinkKind::Outlet(o) => with_slopes(h1, h2, |a, b| device::outlet(o, invert, a, b)),
        };
        if f64::from(self.way[link]) * rate.q < 0.0 { Rate::default() } else { rate }
    }

    /// Flow of an opening to the surface, m3/s, and its slope over the head.
    pub(crate) fn opening_rate(&self, w: &Work, state: &DrainageState, k: usize, head_m: f64) -> (f64, f64) {
        let o = &w.forcing.openings[k];
        let surface = w.forcing.surface_at(k);
        let g = w.p.gravity_mps2;
        let rate = with_slopes(head_m, 0.0, |h, _| device::opening(&o.law, w.regimes[k], o.ground_m, g, h, &surface));
        let last = state.opening_m3ps[k];
        let same = rate.q * last >= 0.0;
        let part = if same { o.relaxation } else { 1.0 };
        let q = part * rate.q + (1.0 - part) * last;
        if f64::from(state.opening_way[k]) * q < 0.0 {
            return (0.0, 0.0);
        }
        let most = (surface.available_m3 + state.opening_m3[k]).max(0.0) / w.dt;
        if q < -most { (-most, 0.0) } else { (q, part * rate.by_from) }
    }

    /// Newton's method for the heads; also leaves the flows at those heads in `w`. `false` when it did not settle.
    pub(crate) fn find_heads(&self, w: &mut Work, state: &mut DrainageState, heads: &mut [f64]) -> bool {
        let mut m = std::mem::take(&mut state.scratch.numbers);
        if m.diag.len() != self.node_of.len() {
            m = self.symbolic.numbers();
        }
        let n = self.node_of.len();
        let (mut last_head, mut last_water, mut last_rest) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        let mut settled = false;
        for iteration in 0..ITERATIONS {
            m.clear();
            self.fill(w, state, heads, &mut m);
            for (u, &node) in self.node_of.iter().enumerate() {
                let node = node as usize;
                let (water, surface) = self.water_with_spill(w, state, node, heads[node]);
                let rest = water - state.volume_m3[node] - w.lateral_m3[node] - m.rhs[u];
                // A dry node that gains water has the surface of its bottom; one that swings between two states the chord.
                let mut slope = if surface > 0.0 { surface } else { self.dry_surface(node, rest) };
                if iteration > 1 && rest * last_rest[u] < 0.0 && heads[node] != last_head[u] {
                    slope = slope.max((water - last_water[u]) / (heads[node] - last_head[u]));
                }
                (last_head[u], last_water[u], last_rest[u]) = (heads[node], water, rest);
                m.rhs[u] = -rest;
                m.diag[u] += slope;
            }
            self.symbolic.solve(&mut m);
            let mut change = 0.0_f64;
            // Whole steps first; half steps end swings between the branches of a law.
            let part = if iteration < 8 { 1.0 } else { 0.5 };
            for (u, &node) in self.node_of.iter().enumerate() {
                heads[node as usize] += part * m.rhs[u];
                change = change.max(m.rhs[u].abs());
            }
            if change < CLOSE_M {
                settled = true;
                break;
            }
        }
        for k in 0..w.flow.len() {
            w.flow[k] = self.rate(w, state, k, heads).q;
        }
        for k in 0..w.opening.len() {
            w.opening[k] = self.opening_rate(w, state, k, heads[w.forcing.openings[k].node.at()]).0;
        }
        state.scratch.numbers = m;
        settled
    }

    fn dry_surface(&self, node: usize, rest: f64) -> f64 {
        if rest < 0.0 { self.stores[node].at(1e-6).1 } else { 1e-6 }
    }

    fn water_with_spill(&self, w: &Work, state: &DrainageState, node: usize, head_m: f64) -> (f64, f64) {
        let (v, a) = self.node_water(node, head_m, &state.joined, &w.slot_m);
        let above = head_m - w.rim_m[node];
        if above > 0.0 { (v + SPILL_AREA_M2 * above, a + SPILL_AREA_M2) } else { (v, a) }
    }

    /// Net inflow over the step into `rhs` (m3) and its slopes, with the sign of outflow, into the matrix.
    fn fill(&self, w: &Work, state: &DrainageState, heads: &[f64], m: &mut Numbers) {
        for (k, l) in self.network.links().iter().enumerate() {
            let rate = self.rate(w, state, k, heads);
            let (mut moved, mut weight) = (w.dt * rate.q, w.dt);
            let conduit = matches!(l.kind, LinkKind::Conduit(_));
            if conduit {
                moved = w.dt * (w.p.theta * rate.q + (1.0 - w.p.theta) * w.flow0[k]);
                weight = w.dt * w.p.theta;
            }
            let (by_from, by_to) = (weight * rate.by_from, weight * rate.by_to);
            let mut pair = (0.0, 0.0);
            if let Some(u) = self.unknown(l.from) {
                if !conduit || state.joined[k][0] {
                    m.rhs[u] -= moved;
                    m.diag[u] += by_from;
                    pair.0 = by_to;
                } else {
                    let release = self.release(w, state, k, 0, -moved);
                    m.rhs[u] += release;
                    pair.0 = if release > 0.0 { by_to } else { 0.0 };
                }
            }
            if let Some(u) = self.unknown(l.to) {
                if !conduit || state.joined[k][1] {
                    m.rhs[u] += moved;
                    m.diag[u] -= by_to;
                    pair.1 = -by_from;
                } else {
                    let release = self.release(w, state, k, 1, moved);
                    m.rhs[u] += release;
                    pair.1 = if release > 0.0 { -by_from } else { 0.0 };
                }
            }
            if let Some(slot) = self.slots[k] {
                m.add(slot, pair.0, pair.1);
            }
        }
        for (k, o) in w.forcing.openings.iter().enumerate() {
            if let Some(u) = self.unknown(o.node) {
                let (q, slope) = self.opening_rate(w, state, k, heads[o.node.at()]);
                m.rhs[u] -= w.dt * q;
                m.diag[u] += w.dt * slope;
            }
        }
    }

    /// Water that falls from an end that is not joined, m3, when `towards` enters its half in the step.
    pub(crate) fn release(&self, w: &Work, state: &DrainageState, link: usize, end: usize, towards: f64) -> f64 {
        let keep = self.half_water(link, w.ends[link][end].y_m, w.slot_m[link]).0;
        (state.held_m3[link][end] + towards - keep).max(0.0)
    }
}
