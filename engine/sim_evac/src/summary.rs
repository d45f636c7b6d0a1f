//! What a run found, counted over its members.

use crate::EvacError;
use crate::member::MemberRun;
use crate::model::Place;
use crate::names::stair_name;
use crate::run::EvacRunOf;
use crate::tenability::FED_STEPS;
use sim_crowd::Status;
use std::collections::BTreeMap;
use twin_model::{
    EvacBalance, EvacBand, EvacSummary, ExitUse, HelpNeeded, MembersWalk, SmokeAlarmTime, SpaceIndex, SpaceOutcome,
    StairIndex, StairOutcome,
};

/// Speed along a stair that "last safe" times are reckoned with, m/s: a slow walker among others; Fruin's (1971) crowded
/// descents lie at 0.5 to 0.6 m/s; from memory.
const DESCENT_MPS: f64 = 0.5;

/// Value below which a share of the list lies; `None` stands for "never" and sorts last.
pub(crate) fn quantile(values: &[Option<f64>], share: f64) -> Option<f64> {
    let mut list: Vec<f64> = values.iter().map(|v| v.unwrap_or(f64::INFINITY)).collect();
    list.sort_by(f64::total_cmp);
    let rank = (share * list.len() as f64).ceil().max(1.0) as usize;
    list.get(rank - 1).copied().filter(|v| v.is_finite())
}

fn finite(v: f64) -> Option<f64> {
    v.is_finite().then_some(v)
}

impl MemberRun {
    /// When the last person left; `None` while somebody who can walk is inside, 0 where nobody ever was.
    #[must_use]
    pub fn rset_s(&self) -> Option<f64> {
        let left = || self.left_building().iter().map(|d| d.t_s).fold(0.0, f64::max);
        (self.crowd.balance().inside == self.walking_outside()).then(left)
    }

    /// Everybody; `left` is out of the building.
    #[must_use]
    pub fn balance(&self) -> EvacBalance {
        let mut b = self.crowd.balance();
        let outside = self.walking_outside();
        (b.left, b.inside) = (b.left + outside, b.inside - outside);
        let awaiting: u64 = self.awaiting.iter().map(|n| u64::from(*n)).sum();
        let entered = b.entered + awaiting;
        EvacBalance { entered, left: b.left, inside: b.inside, stopped: b.stopped, awaiting }
    }

    /// Whether people were in a space after it had become unsafe.
    fn caught(&self, space: usize) -> bool {
        let w = &self.watches[space];
        w.last_person_s > w.aset_s || (self.awaiting[space] > 0 && w.aset_s.is_finite())
    }
}

impl<const L: usize> EvacRunOf<L> {
    /// What the run found so far.
    ///
    /// # Errors
    /// None for a run that was made; passed on from the fire.
    pub fn summary(&self) -> Result<EvacSummary, EvacError> {
        let first = &self.members()[0];
        let model = self.model();
        let ledger = self.ledger()?;
        let rset: Vec<Option<f64>> = self.members().iter().map(MemberRun::rset_s).collect();
        let left: Vec<Option<f64>> = first.left_building().iter().map(|d| Some(d.t_s)).collect();
        let mut alarms: Vec<SmokeAlarmTime> = self
            .smoke_alarms(0)?
            .into_iter()
            .map(|(s, alarm_s)| SmokeAlarmTime { space: model.plan.space_label(s), alarm_s })
            .collect();
        alarms.sort_by(|a, b| a.alarm_s.total_cmp(&b.alarm_s));
        let over = |limit: f64| first.doses.iter().filter(|d| f64::from(d[0].max(d[1])) >= limit).count() as u32;
        Ok(EvacSummary {
            scenario: model.scenario.clone(),
            live: None,
            building: model.plan.name.clone(),
            members: self.members().len() as u32,
            network_members: self.members().iter().filter(|m| m.walks() == MembersWalk::Network).count() as u32,
            alarm_s: first.alarm_s,
            rset_s: EvacBand { p50: quantile(&rset, 0.5), p95: quantile(&rset, 0.95) },
            rset_members_s: rset,
            left_s: EvacBand { p50: quantile(&left, 0.5), p95: quantile(&left, 0.95) },
            members_with_stopped: self.members().iter().filter(|m| m.crowd.balance().stopped > 0).count() as u32,
            spaces: (0..model.plan.spaces.len()).map(|k| self.space(k)).collect(),
            exits: self.exits(),
            stairs: (0..model.plan.stairs.len()).map(|k| self.stair(k)).collect(),
            help: self.help(),
            smoke_alarms: alarms,
            doses: FED_STEPS.map(over),
            balance: first.balance(),
            gas_error: [ledger.gas, ledger.energy],
            curve: self.curve(),
            outdoor: self.outdoor(),
            warnings: self.warnings(),
            checksum: format!("{:016x}", self.checksum()),
        })
    }

    fn space(&self, k: usize) -> SpaceOutcome {
        let (model, first) = (self.model(), &self.members()[0]);
        let w = &first.watches[k];
        let asets: Vec<Option<f64>> = self.members().iter().map(|m| finite(m.watches[k].aset_s)).collect();
        let space = SpaceIndex(k as u32);
        let standing = first.origins.iter().filter(|o| o.space == space).count() as u32;
        let walks_there = |l: usize| model.places[l] == Place::Space(space);
        let occupied = first.crowd.frame().any(|r| r.status != Status::Stopped && walks_there(r.layer.index()));
        let last = (w.last_person_s >= 0.0 && !occupied).then_some(w.last_person_s);
        let caught = self.members().iter().filter(|m| m.caught(k)).count();
        SpaceOutcome {
            space: model.plan.space_label(space),
            people: standing + first.awaiting[k],
            aset_s: finite(w.aset_s),
            criterion: w.criterion(),
            aset_p05_s: quantile(&asets, 0.05),
            last_person_s: last,
            margin_s: finite(w.aset_s).zip(last).map(|(aset, last)| aset - last),
            unsafe_share: caught as f64 / self.members().len() as f64,
            gas_fed_s: w.fed_s.map(finite),
            least_visibility_m: w.least_visibility_m(),
            greatest_c: w.most_c.max(model.scenario.weather.inside_c),
        }
    }

    fn exits(&self) -> Vec<ExitUse> {
        let world = self.model().kernel.world();
        let mut used: BTreeMap<u32, u64> = world.exits().map(|p| (p.0, 0)).collect();
        for d in self.members()[0].left_building() {
            *used.entry(d.exit.0).or_default() += 1;
        }
        used.into_iter().map(|(p, people)| ExitUse { exit: world.portals()[p as usize].name.clone(), people }).collect()
    }

    fn stair(&self, k: usize) -> StairOutcome {
        let model = self.model();
        let s = &model.plan.stairs[k];
        let walk_s = s.flights.iter().map(twin_model::PlanFlight::length_m).sum::<f64>() / DESCENT_MPS;
        let last_safe = |m: &MemberRun| {
            let ends = [s.lower, s.upper].map(|e| m.watches[e.index()].aset_s);
            finite((ends[0].min(ends[1]) - walk_s).max(0.0))
        };
        let all: Vec<Option<f64>> = self.members().iter().map(last_safe).collect();
        let first = &self.members()[0];
        // Who takes the stair passes its first portal once.
        let people = model.stair_portals[k].first().map_or(0, |p| first.crowd.crossed(*p).iter().sum());
        StairOutcome {
            stair: stair_name(&model.plan, StairIndex(k as u32)),
            people,
            last_safe_s: all[0],
            last_safe_p05_s: quantile(&all, 0.05),
        }
    }

    fn help(&self) -> Vec<HelpNeeded> {
        let (model, first) = (self.model(), &self.members()[0]);
        // Who walks outside needs nobody to fetch them.
        let fetched = |r: &sim_crowd::FrameRow| model.tile_of(r.layer).is_none() || r.status == Status::Stopped;
        let none = |place: String| HelpNeeded { place, stopped: 0, awaiting: 0, still_inside: 0 };
        let mut found: BTreeMap<String, HelpNeeded> = BTreeMap::new();
        for row in first.crowd.frame().filter(fetched) {
            let layer = row.layer.index();
            let place = match model.places[layer] {
                Place::Space(s) => model.plan.space_label(s),
                Place::Stair(s) => stair_name(&model.plan, s),
                Place::Outside => first.crowd.world().layers()[layer].name.clone(),
            };
            let entry = found.entry(place.clone()).or_insert_with(|| none(place));
            if row.status == Status::Stopped {
                entry.stopped += 1;
            } else {
                entry.still_inside += 1;
            }
        }
        for (k, n) in first.awaiting.iter().enumerate().filter(|(_, n)| **n > 0) {
            let place = model.plan.space_label(SpaceIndex(k as u32));
            found.entry(place.clone()).or_insert_with(|| none(place)).awaiting += n;
        }
        found.into_values().collect()
    }

    /// (s, people out) at every tenth second and at the end.
    fn curve(&self) -> Vec<(f64, u64)> {
        let times = self.members()[0].left_building().iter().map(|d| d.t_s).collect::<Vec<_>>();
        self.counted(&times)
    }

    /// (s, of `times` that are past) at every tenth second and at the end.
    pub(crate) fn counted(&self, list: &[f64]) -> Vec<(f64, u64)> {
        let out = |t: f64| list.iter().filter(|d| **d <= t + 1e-9).count() as u64;
        let mut times: Vec<f64> = (0..=(self.t_s() / 10.0) as u32).map(|k| f64::from(k) * 10.0).collect();
        times.push(self.t_s());
        times.dedup();
        times.into_iter().map(|t| (t, out(t))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn quantiles_know_never() {
        let list = [Some(3.0), None, Some(1.0), Some(2.0)];
        assert_eq!(quantile(&list, 0.05), Some(1.0));
        assert_eq!(quantile(&list, 0.5), Some(2.0));
        assert_eq!(quantile(&list, 0.95), None);
        assert_eq!(quantile(&[], 0.5), None);
    }
}
