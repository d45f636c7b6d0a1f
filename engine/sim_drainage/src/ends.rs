//! Depths at the ends of conduits: joined to the node's water, in free fall, or set by an outfall.

use crate::conduit::{End, free_depth, normal_depth};
use crate::kernel::stage_m;
use crate::{DrainageForcing, DrainageKernel, DrainageParams, DrainageState, NodeId, NodeKind, OutfallStage};

/// Offsets up to this, m, count as none: the pipe meets the bottom of the node.
const FLUSH_M: f64 = 1e-3;

impl DrainageKernel {
    /// Ends of every conduit at the state's heads and flows (default for other links).
    pub(crate) fn ends_at(&self, p: &DrainageParams, forcing: &DrainageForcing, state: &DrainageState) -> Vec<[End; 2]> {
        let one = |k: usize| {
            if self.conduit(k).is_none() {
                return [End::default(); 2];
            }
            [self.end_at(p, forcing, state, k, 0), self.end_at(p, forcing, state, k, 1)]
        };
        (0..self.network.links().len()).map(one).collect()
    }

    fn end_at(
        &self,
        p: &DrainageParams,
        forcing: &DrainageForcing,
        state: &DrainageState,
        link: usize,
        end: usize,
    ) -> End {
        let l = &self.network.links()[link];
        let id = if end == 0 { l.from } else { l.to };
        let node = &self.network.nodes()[id.at()];
        let z_m = self.bottom_m(link, end);
        let Some((c, s)) = self.conduit(link) else { return End::default() };
        let q = state.flow_m3ps[link] / f64::from(c.barrels);
        let towards = if end == 1 { q > 0.0 } else { q < 0.0 };
        let fall = (self.bottom_m(link, 1 - end) - z_m) / c.length_m;
        let free = || if towards { free_depth(c, s, p.gravity_mps2, q, fall) } else { 0.0 };
        if let NodeKind::Outfall { stage, .. } = &node.kind {
            let y_m = match self.level_outside(forcing, id, stage, state.t_s) {
                Some(level) => (level - z_m).max(free()),
                None if *stage == OutfallStage::Normal && towards => normal_depth(c, s, q, fall),
                None => free(),
            };
            return End { z_m, y_m, joined: false };
        }
        let depth = state.head_m[id.at()] - z_m;
        if z_m - node.invert_m <= FLUSH_M {
            return End { z_m, y_m: depth.max(0.0), joined: true };
        }
        let over = free();
        let joined = depth > over;
        End { z_m, y_m: if joined { depth } else { over }, joined }
    }

    pub(crate) fn level_outside(
        &self,
        forcing: &DrainageForcing,
        id: NodeId,
        stage: &OutfallStage,
        t_s: f64,
    ) -> Option<f64> {
        let tail = forcing.tail_water.iter().find(|t| t.0 == id).map(|t| t.1);
        tail.or_else(|| stage_m(stage, t_s, forcing.start_of_day_s))
    }

    /// Heads of outfalls for links that are no conduits (their bottom when no level is imposed).
    pub(crate) fn outside(
        &self,
        p: &DrainageParams,
        forcing: &DrainageForcing,
        state: &DrainageState,
        t_s: f64,
    ) -> Vec<f64> {
        let _ = p;
        let mut heads = state.head_m.clone();
        for (k, node) in self.network.nodes().iter().enumerate() {
            if let NodeKind::Outfall { stage, .. } = &node.kind {
                let level = self.level_outside(forcing, NodeId(k as u32), stage, t_s);
                heads[k] = level.unwrap_or(node.invert_m).max(node.invert_m);
            }
        }
        heads
    }

    /// Moves the water of pipe halves that join or leave their node. Nothing is lost or made.
    pub(crate) fn join(&self, state: &mut DrainageState, ends: &[[End; 2]], slot_m: &[f64]) {
        for (k, pair) in ends.iter().enumerate() {
            if self.conduit(k).is_none() {
                continue;
            }
            let l = &self.network.links()[k];
            for (end, id) in [(0, l.from), (1, l.to)] {
                let (was, is) = (state.joined[k][end], pair[end].joined);
                let node = id.at();
                if is && !was {
                    let v = std::mem::take(&mut state.held_m3[k][end]);
                    state.volume_m3[node] += v;
                    state.account[node].in_m3 += v;
                } else if was && !is {
                    let depth = state.head_m[node] - pair[end].z_m;
                    let v = self.half_water(k, depth, slot_m[k]).0.min(state.volume_m3[node]);
                    state.held_m3[k][end] = v;
                    state.volume_m3[node] -= v;
                    state.account[node].out_m3 += v;
                }
                state.joined[k][end] = is;
            }
        }
    }
}
