//! Crowds and smoke in lock step: a second of fire, then a second of walking in its air.

use crate::EvacError;
use crate::member::MemberRun;
use crate::model::{EvacMember, EvacModel};
use crate::tenability::BREATHING_M;
use sim_core::{Air, ByteReader, ByteWriter, CancelToken, Checksum, SnapshotError};
use sim_fire::{FireParams, FireRunOf, Member, SPECIES, SpaceId, Species, VentId};
use std::sync::Arc;
use twin_model::{MembersWalk, SpaceIndex};

/// One course of events.
pub type EvacRun = EvacRunOf<1>;
/// Many courses of events; their fires lie eight to a vector.
pub type EvacEnsemble = EvacRunOf<8>;

const KIND: [u8; 8] = *b"evacrun2";

/// Seconds between exchanges of air, doors and people.
const EXCHANGE_S: f64 = 1.0;
/// Above every smoke layer, m.
const CEILING_M: f64 = 1000.0;

/// A zone of a network member counts as untouched while both layers are this near to the temperature at the start, K, and hold
/// less soot than this share of their mass: 3e-8 gives K = 0.0003 1/m, a thousandth of what makes a large space unsafe.
const UNTOUCHED_K: f64 = 1.0;
const UNTOUCHED_SOOT: f64 = 3e-8;

/// How well the accounts close.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct EvacLedger {
    /// Whether every member has all its people: entered = left + inside + stopped + awaiting.
    pub people_close: bool,
    /// Gas that the worst member misses, relative.
    pub gas: f64,
    /// Energy, relative.
    pub energy: f64,
}

/// Members in blocks of `L`: a block shares the vectors of its fires and goes through a second on one thread.
#[derive(Debug, Clone)]
pub struct EvacRunOf<const L: usize> {
    pub(crate) model: Arc<EvacModel>,
    /// Per block; `None` without a fire.
    fires: Vec<Option<FireRunOf<L>>>,
    members: Vec<MemberRun>,
    seconds: u64,
    warnings: Vec<String>,
}

impl<const L: usize> EvacRunOf<L> {
    /// Everybody in place at time 0; the first member walks with the micro crowd, the others as the scenario says. Members whose
    /// fire raises no alarm never set off.
    ///
    /// # Errors
    /// [`EvacError`] for no member, members with and without a fire, people who find no room, or a fire that cannot be.
    pub fn new(model: Arc<EvacModel>, members: &[EvacMember]) -> Result<Self, EvacError> {
        let fires = fire_runs::<L>(&model, members)?;
        let others = model.scenario.members_walk;
        let walk = |k: usize| if k == 0 { MembersWalk::Micro } else { others };
        let made = each(0..members.len(), |k| MemberRun::new(&model, members[k].seed, walk(k)))?;
        let (members, warnings): (Vec<_>, Vec<_>) = made.into_iter().unzip();
        let warnings = warnings.into_iter().next().unwrap_or_default();
        Ok(Self { model, fires, members, seconds: 0, warnings })
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
        let done = on_threads(|| {
            while self.t_s() < t_s - 1e-9 {
                if cancel.is_cancelled() {
                    return Err(EvacError::Cancelled { t_s: self.t_s() });
                }
                self.second()?;
            }
            Ok(())
        });
        self.members.iter_mut().for_each(MemberRun::settle);
        done
    }

    fn second(&mut self) -> Result<(), EvacError> {
        let (model, t_s) = (&self.model, self.t_s());
        let blocks: Vec<Block<'_, L>> = self.members.chunks_mut(L).zip(&mut self.fires).collect();
        each_block(blocks, |(members, fire)| block_second(model, members, fire.as_mut(), t_s))?;
        self.seconds += 1;
        Ok(())
    }

    /// The fire of a member and its number there.
    fn fire(&self, member: usize) -> Option<(&FireRunOf<L>, usize)> {
        let fire = self.fires.get(member / L)?.as_ref()?;
        Some((fire, member % L))
    }

    /// Air at breathing height in every space of the plan; `None` without a fire.
    ///
    /// # Errors
    /// [`EvacError::Fire`] for a member that does not exist.
    pub fn airs(&self, member: usize) -> Result<Option<Vec<Air>>, EvacError> {
        let Some((fire, lane)) = self.fire(member) else { return Ok(None) };
        let zones = fire.airs(lane, BREATHING_M)?;
        let of = |k: u32| self.model.smoke.worst(&zones, SpaceIndex(k));
        Ok(Some((0..self.model.plan.spaces.len() as u32).map(of).collect()))
    }

    /// Extinction coefficient of the air under the ceiling of every space of the plan, 1/m; `None` without a fire.
    ///
    /// # Errors
    /// [`EvacError::Fire`] for a member that does not exist.
    pub fn ceiling_smoke(&self, member: usize) -> Result<Option<Vec<f64>>, EvacError> {
        let Some((fire, lane)) = self.fire(member) else { return Ok(None) };
        let zones = fire.airs(lane, CEILING_M)?;
        let of = |k: u32| f64::from(self.model.smoke.worst(&zones, SpaceIndex(k)).extinction_per_m);
        Ok(Some((0..self.model.plan.spaces.len() as u32).map(of).collect()))
    }

    /// Smoke layer of every space of the plan: its lower edge above the floor in m and its temperature in °C, those of the
    /// space's zone with the lowest edge; `None` without a fire.
    ///
    /// # Errors
    /// [`EvacError::Fire`] for a member that does not exist.
    pub fn layers(&self, member: usize) -> Result<Option<Vec<[f64; 2]>>, EvacError> {
        let Some((fire, lane)) = self.fire(member) else { return Ok(None) };
        let of = |zones: &Vec<sim_fire::SpaceId>| {
            let views = zones.iter().map(|z| fire.view(lane, *z).map(|v| [v.interface_m, v.upper_c]));
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
        let Some((fire, lane)) = self.fire(member) else { return Ok(Vec::new()) };
        Ok(first_alarms(&self.model, &fire.alarms_s(lane)?))
    }

    /// How well the accounts close.
    ///
    /// # Errors
    /// None for a run that was made; passed on from the fire.
    pub fn ledger(&self) -> Result<EvacLedger, EvacError> {
        let people_close = self.members.iter().all(|m| m.balance().closes());
        let mut ledger = EvacLedger { people_close, ..EvacLedger::default() };
        for k in 0..self.members.len() {
            if let Some((fire, lane)) = self.fire(k) {
                let c = fire.closure(lane)?;
                (ledger.gas, ledger.energy) = (ledger.gas.max(c.mass), ledger.energy.max(c.energy));
            }
        }
        Ok(ledger)
    }

    /// Everything the next second depends on.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let mut w = ByteWriter::new(KIND);
        w.u64(self.model.past(self.t_s()));
        w.u64(self.seconds);
        for fire in &self.fires {
            w.bytes(&fire.as_ref().map(FireRunOf::save).unwrap_or_default());
        }
        w.u64(self.members.len() as u64);
        self.members.iter().for_each(|m| m.save(&mut w));
        w.finish()
    }

    /// Continues from saved bytes of a run of the same members, whose scenario may differ in what is done from the time of the
    /// snapshot on (not in its fans). On an error the run is unchanged.
    ///
    /// # Errors
    /// [`EvacError::Snapshot`], [`EvacError::Crowd`], [`EvacError::Fire`] on damaged or foreign bytes.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), EvacError> {
        let bad = |field, value: String, allowed| EvacError::from(SnapshotError::BadValue { field, value, allowed });
        let mut r = ByteReader::new(bytes, KIND, "sim_evac run 2")?;
        let (past, seconds) = (r.u64("past")?, r.u64("seconds")?);
        if past != self.model.past(seconds as f64 * EXCHANGE_S) {
            return Err(bad("scenario", format!("{past:016x}"), "the same until the time of the snapshot"));
        }
        let mut fires = self.fires.clone();
        for fire in &mut fires {
            let smoke = r.bytes("fire")?;
            match fire {
                Some(fire) => fire.load(&smoke)?,
                None if smoke.is_empty() => {}
                None => return Err(bad("fire", format!("{} bytes", smoke.len()), "none: this run has no fire")),
            }
        }
        let count = r.u64("members")?;
        if count != self.members.len() as u64 {
            return Err(bad("members", format!("{count} members"), "those of this run"));
        }
        let members = self.members.iter().map(|m| m.restored(&mut r)).collect::<Result<Vec<_>, _>>()?;
        r.end()?;
        (self.members, self.fires, self.seconds) = (members, fires, seconds);
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

/// A block of members and its fire.
type Block<'a, const L: usize> = (&'a mut [MemberRun], &'a mut Option<FireRunOf<L>>);

/// A second of a block: doors, smoke, then people in its air.
fn block_second<const L: usize>(
    model: &EvacModel,
    members: &mut [MemberRun],
    mut fire: Option<&mut FireRunOf<L>>,
    t_s: f64,
) -> Result<(), EvacError> {
    let until = t_s + EXCHANGE_S;
    for (k, m) in members.iter_mut().enumerate() {
        let detected_s = match &fire {
            Some(fire) if m.alarm_s.is_none() => fire.alarms_s(k)?.into_iter().flatten().reduce(f64::min),
            _ => None,
        };
        let changed = m.begin_second(model, t_s, detected_s)?;
        if let Some(fire) = &mut fire {
            set_openings(fire, k, &changed)?;
        }
    }
    if let Some(fire) = &mut fire {
        // Whole seconds are whole fire steps, and a cancel is heard between them.
        fire.advance_to(until, &CancelToken::new())?;
    }
    let fire = fire.as_deref();
    walk_all(members, |(k, m): (usize, &mut MemberRun)| {
        let exact = m.walks() == MembersWalk::Micro;
        let airs = fire.map(|f| if exact { f.airs(k, BREATHING_M) } else { coarse_airs(model, f, k) }).transpose()?;
        m.walk(model, airs.as_deref(), until)
    })
}

/// Air of every zone of a member at breathing height; zones that smoke and heat have not reached count as clean.
fn coarse_airs<const L: usize>(
    model: &EvacModel,
    fire: &FireRunOf<L>,
    member: usize,
) -> Result<Vec<Air>, sim_fire::FireError> {
    let inside_c = model.scenario.weather.inside_c;
    let still = Air { temperature_c: inside_c as f32, ..Air::CLEAN };
    let air = |k: usize| {
        let zone = SpaceId(k as u32);
        let v = fire.view(member, zone)?;
        let soot = |of: &[f64; SPECIES], kg: f64| of[Species::Soot as usize] < UNTOUCHED_SOOT * kg;
        let untouched = (v.upper_c - inside_c).abs() < UNTOUCHED_K
            && (v.lower_c - inside_c).abs() < UNTOUCHED_K
            && soot(&v.upper_species_kg, v.upper_kg)
            && soot(&v.lower_species_kg, v.lower_kg);
        if untouched { Ok(still) } else { fire.air(member, zone, BREATHING_M) }
    };
    (0..model.smoke.areas_m2.len()).map(air).collect()
}

/// The fires of the members, block by block; `None` when no member has one.
fn fire_runs<const L: usize>(
    model: &EvacModel,
    members: &[EvacMember],
) -> Result<Vec<Option<FireRunOf<L>>>, EvacError> {
    let fires: Vec<Member> = members.iter().filter_map(|m| m.fire.clone()).map(Member::with_fire).collect();
    if fires.is_empty() && !members.is_empty() {
        return Ok(vec![None; members.len().div_ceil(L)]);
    }
    if fires.len() != members.len() || members.is_empty() {
        return Err(EvacError::Plan(format!(
            "{} fires for {} members: allowed: one each, or none",
            fires.len(),
            members.len()
        )));
    }
    let s = &model.smoke;
    // No coarser step for network members: fires cut their steps themselves, so that 1 s costs nearly what 0.5 s costs, and
    // without the cuts times of unsafe air are off by up to 16 s (README).
    let block = |fires: &[Member]| {
        let (network, detectors) = (s.network.clone(), s.detectors.clone());
        Ok(Some(FireRunOf::new(network, fires.to_vec(), detectors, FireParams::default())?))
    };
    fires.chunks(L).map(block).collect()
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

/// All of it on the pool's threads: a caller outside would be woken for every step of the crowd.
#[cfg(feature = "parallel")]
fn on_threads(work: impl FnOnce() -> Result<(), EvacError> + Send) -> Result<(), EvacError> {
    rayon::join(work, || ()).0
}

#[cfg(not(feature = "parallel"))]
fn on_threads(work: impl FnOnce() -> Result<(), EvacError>) -> Result<(), EvacError> {
    work()
}

#[cfg(feature = "parallel")]
fn each_block<B: Send>(
    blocks: Vec<B>,
    work: impl Fn(B) -> Result<(), EvacError> + Sync + Send,
) -> Result<(), EvacError> {
    use rayon::prelude::*;
    // One by one, the first at once: it holds the member that walks with the micro crowd.
    blocks.into_par_iter().with_max_len(1).map(work).collect()
}

#[cfg(not(feature = "parallel"))]
fn each_block<B>(blocks: Vec<B>, work: impl Fn(B) -> Result<(), EvacError>) -> Result<(), EvacError> {
    blocks.into_iter().try_for_each(work)
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
