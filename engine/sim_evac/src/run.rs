//! Crowds and smoke in lock step: a second of fire, then a second of walking in its air.

use crate::EvacError;
use crate::member::MemberRun;
use crate::model::{EvacMember, EvacModel};
use crate::tenability::BREATHING_M;
use sim_core::{Air, ByteReader, ByteWriter, CancelToken, Checksum, SnapshotError};
use sim_fire::{FireParams, FireRunOf, Member, VentId};
use std::sync::Arc;
use twin_model::{DetectorPlaces, SpaceIndex};

/// One course of events.
pub type EvacRun = EvacRunOf<1>;
/// Many courses of events; their fires lie eight to a vector.
pub type EvacEnsemble = EvacRunOf<8>;

const KIND: [u8; 8] = *b"evacrun1";

/// Seconds between exchanges of air, doors and people.
const EXCHANGE_S: f64 = 1.0;
/// Above every smoke layer, m.
const CEILING_M: f64 = 1000.0;

/// How well the accounts close.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct EvacLedger {
    /// Whether every member has all its people: entered = inside + left + stopped.
    pub people_close: bool,
    /// Gas that the worst member misses, relative.
    pub gas: f64,
    /// Energy, relative.
    pub energy: f64,
}

/// Members in blocks of `L` for the fire.
#[derive(Debug, Clone)]
pub struct EvacRunOf<const L: usize> {
    model: Arc<EvacModel>,
    fire: Option<FireRunOf<L>>,
    members: Vec<MemberRun>,
    seconds: u64,
    warnings: Vec<String>,
}

impl<const L: usize> EvacRunOf<L> {
    /// Everybody in place at time 0. Members whose fire raises no alarm within the scenario never set off.
    ///
    /// # Errors
    /// [`EvacError`] for no member, members with and without a fire, people who find no room, or a fire that cannot be.
    pub fn new(model: Arc<EvacModel>, members: &[EvacMember]) -> Result<Self, EvacError> {
        let fire = fire_run::<L>(&model, members)?;
        let alarms = match &fire {
            Some(fire) => alarms(&model, fire.clone())?,
            None => vec![Some(model.scenario.detection.alarm_s.unwrap_or(0.0)); members.len()],
        };
        let made = |k: usize| MemberRun::new(&model, members[k].seed, alarms[k]);
        let made = each(0..members.len(), made)?;
        let (members, warnings): (Vec<_>, Vec<_>) = made.into_iter().unzip();
        let warnings = warnings.into_iter().next().unwrap_or_default();
        Ok(Self { model, fire, members, seconds: 0, warnings })
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &EvacModel {
        &self.model
    }

    /// Doubts about plan and people that do not forbid a run.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.model.warnings.iter().chain(&self.warnings).cloned().collect()
    }

    /// The members.
    #[must_use]
    pub fn members(&self) -> &[MemberRun] {
        &self.members
    }

    /// Simulated time, s.
    #[must_use]
    pub fn t_s(&self) -> f64 {
        self.seconds as f64 * EXCHANGE_S
    }

    /// Whether nobody who can walk is inside in any member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.iter().all(|m| m.crowd.balance().inside == 0)
    }

    /// Steps to the first whole second at or after `t_s`.
    ///
    /// # Errors
    /// [`EvacError::Cancelled`] between seconds; [`EvacError::Fire`] when the smoke stops being numbers.
    pub fn advance_to(&mut self, t_s: f64, cancel: &CancelToken) -> Result<(), EvacError> {
        while self.t_s() < t_s - 1e-9 {
            if cancel.is_cancelled() {
                return Err(EvacError::Cancelled { t_s: self.t_s() });
            }
            self.second()?;
        }
        Ok(())
    }

    fn second(&mut self) -> Result<(), EvacError> {
        let (model, t_s) = (&self.model, self.t_s());
        let until = t_s + EXCHANGE_S;
        for (k, m) in self.members.iter_mut().enumerate() {
            let changed = m.begin_second(model, t_s)?;
            if let Some(fire) = &mut self.fire {
                set_openings(fire, k, &changed)?;
            }
        }
        if let Some(fire) = &mut self.fire {
            // Whole seconds are whole fire steps, and a cancel is heard between them.
            fire.advance_to(until, &CancelToken::new())?;
        }
        let fire = self.fire.as_ref();
        let walk = |(k, m): (usize, &mut MemberRun)| {
            let airs = fire.map(|f| f.airs(k, BREATHING_M)).transpose()?;
            m.walk(model, airs.as_deref(), until)
        };
        walk_all(&mut self.members, walk)?;
        self.seconds += 1;
        Ok(())
    }

    /// Air at breathing height in every space of the plan; `None` without a fire.
    ///
    /// # Errors
    /// [`EvacError::Fire`] for a member that does not exist.
    pub fn airs(&self, member: usize) -> Result<Option<Vec<Air>>, EvacError> {
        let Some(fire) = &self.fire else { return Ok(None) };
        let zones = fire.airs(member, BREATHING_M)?;
        let of = |k: u32| self.model.smoke.worst(&zones, SpaceIndex(k));
        Ok(Some((0..self.model.plan.spaces.len() as u32).map(of).collect()))
    }

    /// Extinction coefficient of the air under the ceiling of every space of the plan, 1/m; `None` without a fire.
    ///
    /// # Errors
    /// [`EvacError::Fire`] for a member that does not exist.
    pub fn ceiling_smoke(&self, member: usize) -> Result<Option<Vec<f64>>, EvacError> {
        let Some(fire) = &self.fire else { return Ok(None) };
        let zones = fire.airs(member, CEILING_M)?;
        let of = |k: u32| f64::from(self.model.smoke.worst(&zones, SpaceIndex(k)).extinction_per_m);
        Ok(Some((0..self.model.plan.spaces.len() as u32).map(of).collect()))
    }

    /// Smoke layer of every space of the plan: its lower edge above the floor in m and its temperature in °C, those of the
    /// space's zone with the lowest edge; `None` without a fire.
    ///
    /// # Errors
    /// [`EvacError::Fire`] for a member that does not exist.
    pub fn layers(&self, member: usize) -> Result<Option<Vec<[f64; 2]>>, EvacError> {
        let Some(fire) = &self.fire else { return Ok(None) };
        let of = |zones: &Vec<sim_fire::SpaceId>| {
            let views = zones.iter().map(|z| fire.view(member, *z).map(|v| [v.interface_m, v.upper_c]));
            let views: Vec<[f64; 2]> = views.collect::<Result<_, _>>()?;
            Ok(views.into_iter().reduce(|a, b| if b[0] < a[0] { b } else { a }).unwrap_or([f64::INFINITY, 20.0]))
        };
        self.model.smoke.zones.iter().map(of).collect::<Result<Vec<_>, EvacError>>().map(Some)
    }

    /// First alarm of each space of the plan with a detector, s.
    ///
    /// # Errors
    /// [`EvacError::Fire`] for a member that does not exist.
    pub fn smoke_alarms(&self, member: usize) -> Result<Vec<(SpaceIndex, f64)>, EvacError> {
        let Some(fire) = &self.fire else { return Ok(Vec::new()) };
        Ok(first_alarms(&self.model, &fire.alarms_s(member)?))
    }

    /// How well the accounts close.
    ///
    /// # Errors
    /// None for a run that was made; passed on from the fire.
    pub fn ledger(&self) -> Result<EvacLedger, EvacError> {
        let people_close = self.members.iter().all(|m| m.crowd.balance().closes());
        let mut ledger = EvacLedger { people_close, ..EvacLedger::default() };
        if let Some(fire) = &self.fire {
            for k in 0..self.members.len() {
                let c = fire.closure(k)?;
                (ledger.gas, ledger.energy) = (ledger.gas.max(c.mass), ledger.energy.max(c.energy));
            }
        }
        Ok(ledger)
    }

    /// Everything the next second depends on.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let mut w = ByteWriter::new(KIND);
        w.u64(self.seconds);
        w.bytes(&self.fire.as_ref().map(FireRunOf::save).unwrap_or_default());
        w.u64(self.members.len() as u64);
        self.members.iter().for_each(|m| m.save(&mut w));
        w.finish()
    }

    /// Continues from saved bytes of a run of the same model and members. On an error the run is unchanged.
    ///
    /// # Errors
    /// [`EvacError::Snapshot`], [`EvacError::Crowd`], [`EvacError::Fire`] on damaged or foreign bytes.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), EvacError> {
        let mut r = ByteReader::new(bytes, KIND, "sim_evac run 1")?;
        let seconds = r.u64("seconds")?;
        let smoke = r.bytes("fire")?;
        let count = r.u64("members")?;
        if count != self.members.len() as u64 || smoke.is_empty() != self.fire.is_none() {
            let value = format!("{count} members");
            return Err(SnapshotError::BadValue { field: "members", value, allowed: "those of this run" }.into());
        }
        let members = self.members.iter().map(|m| m.restored(&mut r)).collect::<Result<Vec<_>, _>>()?;
        r.end()?;
        if let Some(fire) = &mut self.fire {
            fire.load(&smoke)?;
        }
        (self.members, self.seconds) = (members, seconds);
        Ok(())
    }

    /// Digest of the state: equal for every number of threads. Members of a block share the fire's sub-steps, so that a member by
    /// itself and the same member among others differ in the last digits of their smoke.
    #[must_use]
    pub fn checksum(&self) -> u64 {
        let mut c = Checksum::new();
        c.add_u64(self.seconds);
        self.members.iter().for_each(|m| m.digest(&mut c));
        c.finish()
    }
}

/// The fires of the members; `None` when no member has one.
fn fire_run<const L: usize>(model: &EvacModel, members: &[EvacMember]) -> Result<Option<FireRunOf<L>>, EvacError> {
    let fires: Vec<Member> = members.iter().filter_map(|m| m.fire.clone()).map(Member::with_fire).collect();
    if fires.is_empty() && !members.is_empty() {
        return Ok(None);
    }
    if fires.len() != members.len() || members.is_empty() {
        return Err(EvacError::Plan(format!(
            "{} fires for {} members: allowed: one each, or none",
            fires.len(),
            members.len()
        )));
    }
    let s = &model.smoke;
    let detectors = s.detectors.clone();
    Ok(Some(FireRunOf::new(s.network.clone(), fires, detectors, FireParams::default())?))
}

fn set_openings<const L: usize>(
    fire: &mut FireRunOf<L>,
    member: usize,
    changed: &[(VentId, f64)],
) -> Result<(), EvacError> {
    changed.iter().try_for_each(|(v, share)| Ok(fire.set_opening(member, *v, Some(*share))?))
}

/// First alarm of each space, s.
fn first_alarms(model: &EvacModel, alarms: &[Option<f64>]) -> Vec<(SpaceIndex, f64)> {
    let mut first: std::collections::BTreeMap<SpaceIndex, f64> = std::collections::BTreeMap::new();
    for (s, t) in model.smoke.detector_spaces.iter().zip(alarms) {
        if let Some(t) = t {
            first.entry(*s).and_modify(|old| *old = old.min(*t)).or_insert(*t);
        }
    }
    first.into_iter().collect()
}

/// When the sounders begin in each member: fires burn alone until then, for nobody moves before.
fn alarms<const L: usize>(model: &EvacModel, mut fire: FireRunOf<L>) -> Result<Vec<Option<f64>>, EvacError> {
    let d = &model.scenario.detection;
    let count = fire.members();
    let mut found: Vec<Option<f64>> = vec![d.alarm_s; count];
    if d.detectors == DetectorPlaces::Nowhere {
        return Ok(found);
    }
    let mut doors = model.doors.clone();
    let mut share = vec![-1.0; doors.len()];
    let mut t_s = 0.0;
    while t_s < model.scenario.duration_s {
        for (_, action) in model.actions.iter().filter(|(at, _)| (t_s - 0.5..t_s + 0.5).contains(at)) {
            if let crate::model::Action::Door(o, state) = action {
                doors[o.index()] = *state;
            }
        }
        for k in 0..doors.len() {
            let new = model.open_share(k, doors[k], false, false);
            if let (Some(vent), true) = (model.smoke.vents[k], new != share[k]) {
                (0..count).try_for_each(|m| fire.set_opening(m, vent, Some(new)))?;
            }
            share[k] = new;
        }
        t_s += EXCHANGE_S;
        fire.advance_to(t_s, &CancelToken::new())?;
        for (m, alarm) in found.iter_mut().enumerate() {
            let first = fire.alarms_s(m)?.into_iter().flatten().fold(f64::INFINITY, f64::min) + d.delay_s;
            *alarm = if first.is_finite() { Some(alarm.map_or(first, |a| a.min(first))) } else { *alarm };
        }
        if found.iter().all(|a| a.is_some_and(|a| a <= t_s + d.delay_s)) {
            break;
        }
    }
    Ok(found)
}

#[cfg(feature = "parallel")]
fn each<T: Send>(
    range: std::ops::Range<usize>,
    work: impl Fn(usize) -> Result<T, EvacError> + Sync + Send,
) -> Result<Vec<T>, EvacError> {
    use rayon::prelude::*;
    range.into_par_iter().map(work).collect()
}

#[cfg(not(feature = "parallel"))]
fn each<T>(range: std::ops::Range<usize>, work: impl Fn(usize) -> Result<T, EvacError>) -> Result<Vec<T>, EvacError> {
    range.map(work).collect()
}

#[cfg(feature = "parallel")]
fn walk_all(
    members: &mut [MemberRun],
    work: impl Fn((usize, &mut MemberRun)) -> Result<(), EvacError> + Sync + Send,
) -> Result<(), EvacError> {
    use rayon::prelude::*;
    members.par_iter_mut().enumerate().map(work).collect()
}

#[cfg(not(feature = "parallel"))]
fn walk_all(
    members: &mut [MemberRun],
    work: impl Fn((usize, &mut MemberRun)) -> Result<(), EvacError>,
) -> Result<(), EvacError> {
    members.iter_mut().enumerate().try_for_each(work)
}
