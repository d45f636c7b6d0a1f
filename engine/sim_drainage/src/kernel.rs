//! The kernel: one step of the whole network.
//!
//! Semi-implicit link-node scheme after Casulli & Stelling (2013, Int. J. Numer. Meth. Fluids 73, 600-614): the water of a
//! node (its own and that of the pipe halves joined to it) is a nonlinear function of its head, the flows are linear in the
//! new heads, and Newton's method closes both. Volumes are then moved by the flows, so that water is conserved whatever
//! the iteration left over.

use sim_core::{Checksum, Kernel, StepReport};

use crate::conduit::{Before, End, Law, law};
use crate::device::Regime;
use crate::lu::{Slot, Symbolic};
use crate::state::Scratch;
use crate::store::Store;
use crate::{
    Conduit, DrainageError, DrainageForcing, DrainageParams, DrainageState, Ledger, Link, LinkKind, Network, NodeId,
    NodeKind, NodeLedger, OutfallStage, Section,
};

/// No unknown: the node is an outfall.
const FIXED: u32 = u32::MAX;

/// A network ready to step.
#[derive(Debug, Clone)]
pub struct DrainageKernel {
    pub(crate) network: Network,
    pub(crate) stores: Vec<Store>,
    pub(crate) symbolic: Symbolic,
    /// Per node: number of its unknown, or [`FIXED`].
    unknown: Vec<u32>,
    /// Per unknown: node.
    pub(crate) node_of: Vec<u32>,
    /// Per link: place of its pair in the matrix.
    pub(crate) slots: Vec<Option<Slot>>,
    /// Conduit ends at each node: ranges of `ends`.
    touching: Vec<std::ops::Range<usize>>,
    /// (link, end).
    ends: Vec<(u32, u8)>,
    /// Per node: head above which water is lost; infinite when it ponds or leaves through openings.
    rim_m: Vec<f64>,
    /// Per link: 1 only forward, -1 only back, 0 both.
    pub(crate) way: Vec<i8>,
    digest: u64,
}

/// What a step works on.
pub(crate) struct Work<'a> {
    pub p: &'a DrainageParams,
    pub forcing: &'a DrainageForcing,
    pub dt: f64,
    /// Depths at conduit ends: at the start, then at the latest heads.
    pub ends: Vec<[End; 2]>,
    pub laws: Vec<Law>,
    /// Latest flow per link, m3/s.
    pub flow: Vec<f64>,
    /// Flow at the start of the step.
    pub flow0: Vec<f64>,
    pub before: Vec<Before>,
    /// Flow of step pumps, fixed in the step.
    pub pumped: Vec<f64>,
    pub regimes: Vec<Regime>,
    pub opening: Vec<f64>,
    pub lateral_m3: Vec<f64>,
    /// Heads of outfalls.
    pub outside_m: Vec<f64>,
    /// Heads above which nodes spill.
    pub rim_m: Vec<f64>,
    /// Slot width per link, m.
    pub slot_m: Vec<f64>,
}

impl DrainageKernel {
    /// Prepares a network: order of elimination, incidence, rims.
    #[must_use]
    pub fn new(network: Network) -> Self {
        let n = network.nodes().len();
        let (mut unknown, mut node_of) = (vec![FIXED; n], Vec::new());
        for (k, node) in network.nodes().iter().enumerate() {
            if !node.is_outfall() {
                unknown[k] = node_of.len() as u32;
                node_of.push(k as u32);
            }
        }
        let pair = |l: &Link| {
            let (a, b) = (unknown[l.from.at()], unknown[l.to.at()]);
            (a != FIXED && b != FIXED).then_some((a, b))
        };
        let edges: Vec<(u32, u32)> = network.links().iter().filter_map(pair).collect();
        let symbolic = Symbolic::new(node_of.len(), &edges);
        let slots = network.links().iter().map(|l| pair(l).map(|(a, b)| symbolic.slot(a, b))).collect();
        let mut lists: Vec<Vec<(u32, u8)>> = vec![Vec::new(); n];
        for (k, l) in network.links().iter().enumerate() {
            if matches!(l.kind, LinkKind::Conduit(_)) {
                lists[l.from.at()].push((k as u32, 0));
                lists[l.to.at()].push((k as u32, 1));
            }
        }
        let (mut ends, mut touching) = (Vec::new(), Vec::new());
        for list in lists {
            touching.push(ends.len()..ends.len() + list.len());
            ends.extend(list);
        }
        let rim_m = network
            .nodes()
            .iter()
            .map(|node| match node.kind {
                NodeKind::Junction { ponded_area_m2, .. } if ponded_area_m2 > 0.0 => f64::INFINITY,
                NodeKind::Junction { surcharge_m, .. } => node.invert_m + node.max_depth_m + surcharge_m,
                NodeKind::Storage(_) => node.invert_m + node.max_depth_m,
                NodeKind::Outfall { .. } => f64::INFINITY,
            })
            .collect();
        let way = network.links().iter().map(|l| one_way(&network, l)).collect();
        let stores = network.nodes().iter().map(Store::new).collect();
        let digest = digest(&network);
        Self { network, stores, symbolic, unknown, node_of, slots, touching, ends, rim_m, way, digest }
    }

    /// The network.
    #[must_use]
    pub const fn network(&self) -> &Network {
        &self.network
    }

    pub(crate) const fn digest(&self) -> u64 {
        self.digest
    }

    /// Unknown of a node; `None` for an outfall.
    pub(crate) fn unknown(&self, node: NodeId) -> Option<usize> {
        Some(self.unknown[node.at()]).filter(|u| *u != FIXED).map(|u| u as usize)
    }

    pub(crate) fn conduit(&self, link: usize) -> Option<(&Conduit, &Section)> {
        match (&self.network.links()[link].kind, &self.network.sections[link]) {
            (LinkKind::Conduit(c), Some(s)) => Some((c, s)),
            _ => None,
        }
    }

    /// Bottom of a conduit at one end, metres above datum.
    pub(crate) fn bottom_m(&self, link: usize, end: usize) -> f64 {
        let l = &self.network.links()[link];
        let node = if end == 0 { l.from } else { l.to };
        let offset = if let LinkKind::Conduit(c) = &l.kind { c.offset_m[end] } else { 0.0 };
        self.network.nodes()[node.at()].invert_m + offset
    }

    /// Width of the slot of a full pipe, m.
    pub(crate) fn slot_m(&self, link: usize, p: &DrainageParams) -> f64 {
        self.network.sections[link].as_ref().map_or(0.0, |s| {
            let width = p.gravity_mps2 * s.full_area_m2() / (p.slot_celerity_mps * p.slot_celerity_mps);
            width.min(0.05 * s.max_width_m())
        })
    }

    /// Water of a node and its joined pipe halves at a head: volume, m3, and surface, m2.
    pub(crate) fn node_water(&self, node: usize, head_m: f64, joined: &[[bool; 2]], slot_m: &[f64]) -> (f64, f64) {
        let (mut v, mut a) = self.stores[node].at(head_m - self.network.nodes()[node].invert_m);
        for &(link, end) in &self.ends[self.touching[node].clone()] {
            let (link, end) = (link as usize, end as usize);
            if joined[link][end] {
                let (volume, width) = self.half_water(link, head_m - self.bottom_m(link, end), slot_m[link]);
                v += volume;
                a += width;
            }
        }
        (v, a)
    }

    /// Water of half a conduit at a depth: volume, m3, and surface, m2.
    pub(crate) fn half_water(&self, link: usize, depth_m: f64, slot_m: f64) -> (f64, f64) {
        let Some((c, s)) = self.conduit(link) else { return (0.0, 0.0) };
        let half = 0.5 * c.length_m * f64::from(c.barrels);
        let (area, width) = s.storage(depth_m, slot_m);
        (half * area, half * width)
    }

    /// The state at time 0: initial depths, water in the pipes level with the nodes.
    ///
    /// # Errors
    /// [`DrainageError`] when the forcing does not fit the network.
    pub fn initial_state(
        &self,
        p: &DrainageParams,
        forcing: &DrainageForcing,
    ) -> Result<DrainageState, DrainageError> {
        forcing.validate(&self.network)?;
        let (n, m) = (self.network.nodes().len(), self.network.links().len());
        let head_m: Vec<f64> = self.network.nodes().iter().map(|k| k.invert_m + k.initial_depth_m).collect();
        let mut s = DrainageState {
            model: self.digest,
            t_s: 0.0,
            tick: 0,
            head_m,
            volume_m3: vec![0.0; n],
            inflow_m3ps: vec![0.0; n],
            spill_m3ps: vec![0.0; n],
            account: vec![NodeLedger::default(); n],
            flow_m3ps: vec![0.0; m],
            held_m3: vec![[0.0; 2]; m],
            joined: vec![[true; 2]; m],
            pump_on: vec![false; m],
            opening_m3ps: vec![0.0; forcing.openings.len()],
            opening_m3: vec![0.0; forcing.openings.len()],
            opening_way: vec![0; forcing.openings.len()],
            outfall_m3: vec![0.0; n],
            ledger: Ledger::default(),
            unsettled: 0,
            scratch: Scratch::default(),
        };
        for (k, link) in self.network.links().iter().enumerate() {
            match &link.kind {
                LinkKind::Conduit(c) => s.flow_m3ps[k] = c.initial_flow_m3ps,
                LinkKind::Pump(pump) => s.pump_on[k] = pump.on,
                _ => {}
            }
        }
        let slot_m: Vec<f64> = (0..m).map(|k| self.slot_m(k, p)).collect();
        let ends = self.ends_at(p, forcing, &s);
        for (k, e) in ends.iter().enumerate() {
            for end in 0..2 {
                if self.conduit(k).is_some() && !e[end].joined {
                    s.joined[k][end] = false;
                    s.held_m3[k][end] = self.half_water(k, e[end].y_m, slot_m[k]).0;
                }
            }
        }
        for node in 0..n {
            if self.unknown[node] != FIXED {
                s.volume_m3[node] = self.node_water(node, s.head_m[node], &s.joined, &slot_m).0;
            }
        }
        for (account, v) in s.account.iter_mut().zip(&s.volume_m3) {
            account.initial_m3 = *v;
        }
        s.ledger.initial_m3 = s.network_m3();
        Ok(s)
    }

    /// The step the Courant condition of the open-channel waves allows, seconds, within the limits of the parameters.
    #[must_use]
    pub fn stable_dt_s(&self, p: &DrainageParams, state: &DrainageState) -> f64 {
        let mut dt = p.max_dt_s;
        for k in 0..self.network.links().len() {
            let Some((c, s)) = self.conduit(k) else { continue };
            let l = &self.network.links()[k];
            let depth = |node: NodeId, end: usize| {
                (state.head_m[node.at()] - self.bottom_m(k, end)).clamp(0.0, s.full_depth_m())
            };
            let f = s.flow(0.5 * (depth(l.from, 0) + depth(l.to, 1)));
            let v = (state.flow_m3ps[k] / f64::from(c.barrels) / f.area_m2.max(1e-9)).abs();
            if f.area_m2 <= 1e-6 || f.width_m <= 1e-3 * s.max_width_m() || v > 15.0 {
                continue;
            }
            dt = dt.min(p.courant * c.length_m / (v + (p.gravity_mps2 * f.area_m2 / f.width_m).sqrt()));
        }
        dt.max(p.min_dt_s)
    }

    /// Advances by `dt` seconds.
    pub(crate) fn step_by(
        &self,
        p: &DrainageParams,
        forcing: &DrainageForcing,
        state: &mut DrainageState,
        dt: f64,
    ) -> StepReport {
        let mut w = self.begin(p, forcing, state, dt);
        let mut heads = state.head_m.clone();
        let mut settled = true;
        let mut middle = heads.clone();
        for pass in 0..p.passes {
            // Areas and friction of the start first, then of the middle of the step.
            if pass > 0 {
                for (m, (new, old)) in middle.iter_mut().zip(heads.iter().zip(&state.head_m)) {
                    *m = 0.5 * (new + old);
                }
                for (q, old) in w.flow.iter_mut().zip(&w.flow0) {
                    *q = 0.5 * (*q + old);
                }
            }
            self.laws(&mut w, &middle);
            settled = self.find_heads(&mut w, state, &mut heads);
        }
        state.unsettled += u64::from(!settled);
        self.book(w, state, &heads);
        state.t_s += dt;
        state.tick += 1;
        StepReport { tick: state.tick, t_s: state.t_s, dt_s: dt }
    }

    /// Everything that is fixed during a step.
    fn begin<'a>(
        &self,
        p: &'a DrainageParams,
        forcing: &'a DrainageForcing,
        state: &mut DrainageState,
        dt: f64,
    ) -> Work<'a> {
        let links = self.network.links();
        let slot_m: Vec<f64> = (0..links.len()).map(|k| self.slot_m(k, p)).collect();
        let ends = self.ends_at(p, forcing, state);
        self.join(state, &ends, &slot_m);
        let before = |k: usize| {
            let Some((c, s)) = self.conduit(k) else { return Before { q: 0.0, area_m2: 0.0, drop_m: 0.0 } };
            let e = &ends[k];
            Before {
                q: state.flow_m3ps[k] / f64::from(c.barrels),
                area_m2: crate::conduit::middle(s, e).area_m2,
                drop_m: e[0].z_m + e[0].y_m - e[1].z_m - e[1].y_m,
            }
        };
        let before = (0..links.len()).map(before).collect();
        let mut lateral_m3 = std::mem::take(&mut state.scratch.lateral_m3);
        lateral_m3.resize(self.network.nodes().len(), 0.0);
        forcing.laterals(state.t_s, state.t_s + dt, &mut lateral_m3);
        let pumped = self.pumps(state);
        let regime = |k: usize| {
            let o = &forcing.openings[k];
            crate::device::regime(&o.law, o.ground_m, state.head_m[o.node.at()], &forcing.surface_at(k))
        };
        let mut rim_m = self.rim_m.clone();
        forcing.openings.iter().for_each(|o| rim_m[o.node.at()] = f64::INFINITY);
        Work {
            p,
            forcing,
            dt,
            laws: vec![Law::default(); links.len()],
            flow: state.flow_m3ps.clone(),
            flow0: state.flow_m3ps.clone(),
            before,
            pumped,
            regimes: (0..forcing.openings.len()).map(regime).collect(),
            opening: state.opening_m3ps.clone(),
            lateral_m3,
            outside_m: self.outside(p, forcing, state, state.t_s + dt),
            rim_m,
            slot_m,
            ends,
        }
    }

    /// Conduit laws at the latest heads and flows.
    fn laws(&self, w: &mut Work, heads: &[f64]) {
        for k in 0..w.laws.len() {
            let Some((c, s)) = self.conduit(k) else { continue };
            let l = &self.network.links()[k];
            for (end, node) in [(0, l.from), (1, l.to)] {
                let e = &mut w.ends[k][end];
                if e.joined {
                    e.y_m = (heads[node.at()] - e.z_m).max(0.0);
                }
            }
            let q = w.flow[k] / f64::from(c.barrels);
            w.laws[k] = law(c, s, w.p, w.dt, &w.before[k], &w.ends[k], q, self.way[k]);
        }
    }

    /// Switches pumps and returns the flow of those whose curve is in steps.
    fn pumps(&self, state: &mut DrainageState) -> Vec<f64> {
        use crate::PumpCurve as C;
        let mut flow = vec![0.0; self.network.links().len()];
        for (k, l) in self.network.links().iter().enumerate() {
            let LinkKind::Pump(p) = &l.kind else { continue };
            let node = l.from.at();
            let depth = state.head_m[node] - self.network.nodes()[node].invert_m;
            state.pump_on[k] = crate::device::pump_is_on(p, state.pump_on[k], depth);
            flow[k] = match &p.curve {
                C::VolumeSteps(c) => c.step_at(self.stores[node].at(depth).0),
                C::DepthSteps(c) => c.step_at(depth),
                C::Ideal => state.inflow_m3ps[node],
                C::Head(_) | C::Depth(_) => 0.0,
            };
        }
        flow
    }
}

impl Kernel for DrainageKernel {
    type Params = DrainageParams;
    type Forcing = DrainageForcing;
    type State = DrainageState;

    fn step(&self, params: &DrainageParams, forcing: &DrainageForcing, state: &mut DrainageState) -> StepReport {
        let dt = self.stable_dt_s(params, state);
        self.step_by(params, forcing, state, dt)
    }
}

/// Way a link lets water pass: its own flap or that of an outfall.
fn one_way(network: &Network, l: &Link) -> i8 {
    let flap = |n: NodeId| matches!(network.nodes()[n.at()].kind, NodeKind::Outfall { flap_gate: true, .. });
    let own = matches!(&l.kind, LinkKind::Conduit(c) if c.flap_gate);
    if own || flap(l.to) {
        1
    } else if flap(l.from) {
        -1
    } else {
        0
    }
}

/// Tells networks apart: topology and sizes.
fn digest(network: &Network) -> u64 {
    let mut c = Checksum::new();
    for n in network.nodes() {
        c.add_f64(n.invert_m);
        c.add_f64(n.max_depth_m);
        c.add_bytes(format!("{:?}", n.kind).as_bytes());
    }
    for l in network.links() {
        c.add_u64(u64::from(l.from.0));
        c.add_u64(u64::from(l.to.0));
        c.add_bytes(format!("{:?}", l.kind).as_bytes());
    }
    c.finish()
}

/// Level outside an outfall, if one is imposed.
pub(crate) fn stage_m(stage: &OutfallStage, t_s: f64, start_of_day_s: f64) -> Option<f64> {
    match stage {
        OutfallStage::Free | OutfallStage::Normal => None,
        OutfallStage::Level(series) => Some(series.at(t_s)),
        OutfallStage::Tide(curve) => Some(curve.at(((t_s + start_of_day_s) / 3600.0).rem_euclid(24.0)).0),
    }
}
