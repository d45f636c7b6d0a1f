//! What people do because of those with them: groups (结伴) and herding (从众).
//!
//! Herding: thresholds of collective behaviour (Granovetter, Am. J. Sociol. 83, 1978: everybody acts as soon as a part of the others
//! of one's own does); that people in a fire alarm set off and choose exits as those near them do is what Nilsson and Johansson
//! saw in a cinema (Fire Safety J. 44, 2009). The weight, the uniform thresholds and the sight are our choice, not calibrated: the
//! option is off unless a class asks for it.

use super::CrowdKernel;
use crate::agents::Status;
use crate::params::CrowdParams;
use crate::state::CrowdState;
use crate::world::NONE;
use sim_core::CounterRng;
use std::collections::BTreeMap;

/// Side of the squares that people around are counted in, m; each looks at the own square and the eight around it, hence 6 to
/// 12 m far.
pub const HERDING_SIGHT_M: f32 = 6.0;

/// Layer and square.
type Square = (u32, i32, i32);

/// What people around do.
#[derive(Debug, Clone, Default)]
struct Doing {
    /// Have not set off.
    wait: u32,
    /// Walk.
    walk: u32,
    /// Of those, by way.
    to: BTreeMap<u32, u32>,
}

/// Everybody's doing, by square.
pub(super) struct Company(BTreeMap<Square, Doing>);

impl Company {
    fn of(state: &CrowdState) -> Self {
        let mut squares: BTreeMap<Square, Doing> = BTreeMap::new();
        let a = &state.agents;
        for i in (0..a.len()).filter(|i| a.present(*i)) {
            let doing = squares.entry(Self::square(state, i)).or_default();
            match a.status(i) {
                Status::Waiting => doing.wait += 1,
                Status::Walking => {
                    doing.walk += 1;
                    *doing.to.entry(a.way[i]).or_insert(0) += 1;
                }
                _ => {}
            }
        }
        Self(squares)
    }

    fn square(state: &CrowdState, i: usize) -> Square {
        let a = &state.agents;
        let at = |v: f32| (v / HERDING_SIGHT_M).floor() as i32;
        (a.layer[i], at(a.x[i]), at(a.y[i]))
    }

    /// Those around person `i`, oneself among them.
    fn around<'a>(&'a self, state: &CrowdState, i: usize) -> impl Iterator<Item = &'a Doing> + use<'a> {
        let (layer, x, y) = Self::square(state, i);
        (-1..=1).flat_map(move |dx| (-1..=1).filter_map(move |dy| self.0.get(&(layer, x + dx, y + dy))))
    }

    /// Part of the others around who walk, 0 to 1; 0 when there is nobody.
    fn part_walking(&self, state: &CrowdState, i: usize) -> f32 {
        let (walk, wait) = self.around(state, i).fold((0, 0), |n, d| (n.0 + d.walk, n.1 + d.wait));
        // Oneself waits.
        if walk + wait > 1 { walk as f32 / (walk + wait - 1) as f32 } else { 0.0 }
    }

    /// Part of the others who walk around that heads for `way`, 0 to 1; 0 when nobody walks.
    pub(super) fn part_to(&self, state: &CrowdState, i: usize, way: u32) -> f32 {
        let a = &state.agents;
        let walks = a.status(i) == Status::Walking;
        let count = |d: &Doing| (d.walk, d.to.get(&way).copied().unwrap_or(0));
        let (all, to) = self.around(state, i).map(count).fold((0, 0), |n, d| (n.0 + d.0, n.1 + d.1));
        let (all, to) = (all - u32::from(walks), to - u32::from(walks && a.way[i] == way));
        if all > 0 { to as f32 / all as f32 } else { 0.0 }
    }
}

impl CrowdKernel {
    /// What those around do, when any class minds it.
    pub(super) fn company(&self, state: &CrowdState) -> Option<Company> {
        self.classes.iter().any(|c| c.herding > 0.0).then(|| Company::of(state))
    }

    /// Those who wait set off in the next step when enough of the others around walk.
    pub(super) fn set_off_with_others(&self, params: &CrowdParams, state: &mut CrowdState) {
        let Some(company) = self.company(state) else { return };
        let now_s = state.t_s(params) as f32;
        for i in 0..state.agents.len() {
            let a = &state.agents;
            let herding = self.classes[a.class[i] as usize].herding;
            if herding <= 0.0 || a.status(i) != Status::Waiting || !a.present(i) {
                continue;
            }
            // A threshold of one's own for the whole run.
            let draw = CounterRng::new(params.seed, u64::from(a.id[i])).at(1 << 41);
            let threshold = (draw >> 40) as f32 / 16_777_216.0;
            if herding * company.part_walking(state, i) > threshold {
                state.agents.start_s[i] = state.agents.start_s[i].min(now_s);
            }
        }
    }

    /// Seconds that are left for a person on the way now chosen, at the speed `speed_mps` in this layer.
    fn time_left_s(&self, state: &CrowdState, i: usize, speed_mps: f32) -> f32 {
        let a = &state.agents;
        if a.way[i] == NONE {
            return 0.0;
        }
        let onward = state.cost[a.class[i] as usize * state.crossed.len() + a.way[i] as usize];
        state.distance_left_m(&self.world, i) / speed_mps.max(0.1) + onward
    }

    /// Members of a group go at the pace of its slowest; those ahead of the last by more than 1.5 s of that pace wait at
    /// half of it, by more than 3 s they stand.
    pub(super) fn pace_groups(&self, state: &mut CrowdState) {
        let a = &state.agents;
        let members: Vec<usize> = (0..a.len())
            .filter(|i| a.group[*i] != NONE && a.present(*i) && a.status[*i] == Status::Walking.code())
            .collect();
        let mut slowest: BTreeMap<u32, f32> = BTreeMap::new();
        for i in &members {
            let least = slowest.entry(a.group[*i]).or_insert(f32::INFINITY);
            *least = least.min(a.free_mps[*i]);
        }
        let speed = |i: usize| slowest.get(&state.agents.group[i]).copied().unwrap_or(1.0);
        let left: Vec<f32> = members.iter().map(|i| self.time_left_s(state, *i, speed(*i))).collect();
        let mut last: BTreeMap<u32, f32> = BTreeMap::new();
        for (i, t) in members.iter().zip(&left) {
            let most = last.entry(a.group[*i]).or_insert(0.0);
            *most = most.max(*t);
        }
        let paces: Vec<f32> = members
            .iter()
            .zip(&left)
            .map(|(i, t)| {
                let ahead = last.get(&a.group[*i]).map_or(0.0, |l| l - t);
                let wait = match ahead {
                    ahead if ahead > 3.0 => 0.0,
                    ahead if ahead > 1.5 => 0.5,
                    _ => 1.0,
                };
                (speed(*i) / a.free_mps[*i]).min(1.0) * wait
            })
            .collect();
        for (i, pace) in members.into_iter().zip(paces) {
            state.agents.pace[i] = pace;
        }
    }
}
