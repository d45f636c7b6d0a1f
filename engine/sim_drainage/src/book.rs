//! End of a step: flows become volumes, volumes become heads, everything is booked.

use crate::kernel::Work;
use crate::{DrainageKernel, DrainageState, LinkKind, NodeKind, NodeId};

/// Rounds of the limiter: each shortens outflows of emptied nodes, which shortens inflows elsewhere.
const ROUNDS: usize = 12;

/// Volumes moved in a step.
struct Moved {
    /// Per link, from -> to, m3.
    link: Vec<f64>,
    /// Per opening, to the surface, m3.
    opening: Vec<f64>,
    /// Per node, m3: in and out.
    flows: Vec<(f64, f64)>,
    /// Negative laterals per node, after limiting, m3 (positive numbers).
    taken: Vec<f64>,
}

impl DrainageKernel {
    /// Moves water by the flows in `w` and writes the new state.
    pub(crate) fn book(&self, mut w: Work, state: &mut DrainageState, heads: &[f64]) {
        let mut moved = self.volumes(&w, state);
        self.limit(&w, state, &mut moved);
        for k in 0..w.flow.len() {
            if let Some((old, new)) = scaled(&w, &moved, k, matches!(self.network.links()[k].kind, LinkKind::Conduit(_)))
            {
                let _ = old;
                w.flow[k] = new;
            }
        }
        self.halves(&w, state, &moved);
        self.nodes(&w, state, &moved, heads);
        for (k, q) in moved.opening.iter().enumerate() {
            state.opening_m3ps[k] = q / w.dt;
            state.opening_m3[k] += q;
            if state.opening_way[k] == 0 && *q != 0.0 {
                state.opening_way[k] = if *q > 0.0 { 1 } else { -1 };
            }
            state.ledger.surface_out_m3 += q.max(0.0);
            state.ledger.surface_in_m3 += (-q).max(0.0);
        }
        state.flow_m3ps.copy_from_slice(&w.flow);
        state.scratch.lateral_m3 = std::mem::take(&mut w.lateral_m3);
    }

    fn volumes(&self, w: &Work, state: &DrainageState) -> Moved {
        let theta = w.p.theta;
        let link = (0..w.flow.len()).map(|k| match self.network.links()[k].kind {
            LinkKind::Conduit(_) => w.dt * (theta * w.flow[k] + (1.0 - theta) * w.flow0[k]),
            _ => w.dt * w.flow[k],
        });
        let opening = w.opening.iter().enumerate().map(|(k, q)| {
            let left = (w.forcing.surface_at(k).available_m3 + state.opening_m3[k]).max(0.0);
            (w.dt * q).max(-left)
        });
        let taken = w.lateral_m3.iter().map(|v| (-v).max(0.0)).collect();
        Moved { link: link.collect(), opening: opening.collect(), flows: vec![], taken }
    }

    /// Whether water of a pipe half flows straight from and to outside: an outfall whose level is imposed.
    fn open_outfall(&self, w: &Work, state: &DrainageState, id: NodeId) -> bool {
        match &self.network.nodes()[id.at()].kind {
            NodeKind::Outfall { stage, flap_gate } => {
                !flap_gate && self.level_outside(w.forcing, id, stage, state.t_s).is_some()
            }
            _ => false,
        }
    }

    /// Sums flows per node and shortens outflows that would take more than there is.
    fn limit(&self, w: &Work, state: &DrainageState, moved: &mut Moved) {
        for _ in 0..ROUNDS {
            let mut again = self.limit_halves(w, state, moved);
            self.sum(w, state, moved);
            for (node, (inflow, outflow)) in moved.flows.clone().into_iter().enumerate() {
                let there = state.volume_m3[node] + inflow;
                if self.unknown(NodeId(node as u32)).is_some() && outflow > there * (1.0 + 1e-14) {
                    self.shorten(state, moved, w, node, (there / outflow).max(0.0));
                    again = true;
                }
            }
            if !again {
                return;
            }
        }
        self.sum(w, state, moved);
    }

    fn limit_halves(&self, w: &Work, state: &DrainageState, moved: &mut Moved) -> bool {
        let mut again = false;
        for (k, l) in self.network.links().iter().enumerate() {
            if self.conduit(k).is_none() {
                continue;
            }
            for (end, id, away) in [(0, l.from, moved.link[k]), (1, l.to, -moved.link[k])] {
                let held = state.held_m3[k][end];
                if !state.joined[k][end] && away > held && !self.open_outfall(w, state, id) {
                    moved.link[k] = if end == 0 { held } else { -held };
                    again = true;
                }
            }
        }
        again
    }

    fn sum(&self, w: &Work, state: &DrainageState, moved: &mut Moved) {
        let mut flows: Vec<(f64, f64)> = (0..state.head_m.len()).map(|n| (w.lateral_m3[n].max(0.0), moved.taken[n])).collect();
        for (k, l) in self.network.links().iter().enumerate() {
            let v = moved.link[k];
            for (end, id, towards) in [(0, l.from, -v), (1, l.to, v)] {
                let f = &mut flows[id.at()];
                if self.conduit(k).is_some() && !state.joined[k][end] {
                    if self.unknown(id).is_some() {
                        f.0 += self.release(w, state, k, end, towards);
                    }
                } else if towards > 0.0 {
                    f.0 += towards;
                } else {
                    f.1 -= towards;
                }
            }
        }
        for (o, v) in w.forcing.openings.iter().zip(&moved.opening) {
            let f = &mut flows[o.node.at()];
            f.0 += (-v).max(0.0);
            f.1 += v.max(0.0);
        }
        moved.flows = flows;
    }

    fn shorten(&self, state: &DrainageState, moved: &mut Moved, w: &Work, node: usize, factor: f64) {
        for (k, l) in self.network.links().iter().enumerate() {
            let direct = |end: usize| self.conduit(k).is_none() || state.joined[k][end];
            let leaves = (l.from.at() == node && moved.link[k] > 0.0 && direct(0))
                || (l.to.at() == node && moved.link[k] < 0.0 && direct(1));
            if leaves {
                moved.link[k] *= factor;
            }
        }
        moved.taken[node] *= factor;
        for (o, v) in w.forcing.openings.iter().zip(&mut moved.opening) {
            if o.node.at() == node && *v > 0.0 {
                *v *= factor;
            }
        }
    }

    /// Water of pipe halves that are not joined; what outfalls let out and in.
    fn halves(&self, w: &Work, state: &mut DrainageState, moved: &Moved) {
        for (k, l) in self.network.links().iter().enumerate() {
            let conduit = self.conduit(k).is_some();
            for (end, id, towards) in [(0, l.from, -moved.link[k]), (1, l.to, moved.link[k])] {
                let outside = self.unknown(id).is_none();
                let mut out = if conduit { 0.0 } else { towards };
                if conduit && !state.joined[k][end] {
                    out = self.release(w, state, k, end, towards);
                    if self.open_outfall(w, state, id) {
                        let keep = self.half_water(k, w.ends[k][end].y_m, w.slot_m[k]).0;
                        out = state.held_m3[k][end] + towards - keep;
                    }
                    state.held_m3[k][end] = (state.held_m3[k][end] + towards - out).max(0.0);
                }
                if outside {
                    state.outfall_m3[id.at()] += out;
                    state.ledger.outfall_out_m3 += out.max(0.0);
                    state.ledger.outfall_in_m3 += (-out).max(0.0);
                    let bottom = w.ends[k][end].z_m + w.ends[k][end].y_m;
                    state.head_m[id.at()] = if conduit { bottom } else { w.outside_m[id.at()] };
                    state.inflow_m3ps[id.at()] = out / w.dt;
                }
            }
        }
    }

    fn nodes(&self, w: &Work, state: &mut DrainageState, moved: &Moved, heads: &[f64]) {
        for &node in &self.node_of {
            let node = node as usize;
            let (inflow, outflow) = moved.flows[node];
            let mut v = state.volume_m3[node] + inflow - outflow;
            if v < 0.0 {
                state.ledger.residue_m3 -= v;
                state.account[node].in_m3 -= v;
                v = 0.0;
            }
            let mut head = self.head_of(w, state, node, v, heads[node]);
            let mut spill = 0.0;
            if head > w.rim_m[node] {
                let full = self.node_water(node, w.rim_m[node], &state.joined, &w.slot_m).0;
                spill = (v - full).max(0.0);
                v -= spill;
                head = w.rim_m[node];
            }
            (state.volume_m3[node], state.head_m[node]) = (v, head);
            state.inflow_m3ps[node] = inflow / w.dt;
            state.spill_m3ps[node] = spill / w.dt;
            let account = &mut state.account[node];
            account.in_m3 += inflow;
            account.out_m3 += outflow;
            account.flooded_m3 += spill;
            let l = &mut state.ledger;
            l.flooded_m3 += spill;
            l.lateral_in_m3 += w.lateral_m3[node].max(0.0);
            l.lateral_out_m3 += moved.taken[node];
        }
        for (k, lateral) in w.lateral_m3.iter().enumerate() {
            // Inflow into an outfall leaves at once.
            if self.unknown(NodeId(k as u32)).is_none() && *lateral > 0.0 {
                state.ledger.lateral_in_m3 += lateral;
                state.ledger.outfall_out_m3 += lateral;
                state.outfall_m3[k] += lateral;
            }
        }
    }

    /// Head at which a node holds `volume_m3`: Newton's method inside a bracket, starting from `guess_m`.
    fn head_of(&self, w: &Work, state: &DrainageState, node: usize, volume_m3: f64, guess_m: f64) -> f64 {
        let invert = self.network.nodes()[node].invert_m;
        if volume_m3 <= 0.0 {
            return invert;
        }
        let (mut low, mut high) = (invert, f64::INFINITY);
        let mut h = if guess_m > invert { guess_m } else { invert + 1e-3 };
        for _ in 0..100 {
            let (v, a) = self.node_water(node, h, &state.joined, &w.slot_m);
            let rest = v - volume_m3;
            if rest.abs() <= 1e-13 * (1.0 + volume_m3) {
                break;
            }
            if rest > 0.0 { high = h } else { low = h }
            let next = h - rest / a.max(1e-9);
            let inside = next > low && next < high;
            h = match (inside, high.is_finite()) {
                (true, _) => next,
                (false, true) => 0.5 * (low + high),
                (false, false) => low + 2.0 * (low - invert).max(0.1),
            };
            if high - low <= 1e-14 * (1.0 + h.abs()) {
                break;
            }
        }
        h
    }
}

/// New flow of a link whose volume the limiter changed.
fn scaled(w: &Work, moved: &Moved, k: usize, conduit: bool) -> Option<(f64, f64)> {
    let theta = if conduit { w.p.theta } else { 1.0 };
    let wanted = w.dt * (theta * w.flow[k] + (1.0 - theta) * w.flow0[k]);
    (moved.link[k] != wanted).then(|| {
        let mean = moved.link[k] / w.dt;
        (w.flow[k], mean)
    })
}
