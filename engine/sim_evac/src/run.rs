//! Crowds and smoke in lock step: a second of fire, then a second of walking in its air.

use crate::EvacError;
use crate::member::MemberRun;
use crate::model::{EvacMember, EvacModel};
use crate::street;
use crate::tenability::BREATHING_M;
use crate::view::EvacView;
use sim_core::{Air, ByteReader, ByteWriter, CancelToken, Checksum, SnapshotError};
use sim_fire::{FireForcing, FireParams, FireRunOf, Member, SPECIES, SpaceId, Species, VentId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use twin_model::{MembersWalk, SpaceIndex};

/// One course of events.
pub type EvacRun = EvacRunOf<1>;
/// Many courses of events; their fires lie eight to a vector.
pub type EvacEnsemble = EvacRunOf<8>;

const KIND: [u8; 8] = *b"evacrun3";

/// Seconds between exchanges of air, doors and people.
const EXCHANGE_S: f64 = 1.0;

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

/// Members in blocks of `L`: a block shares the vectors of its fires and goes its way on one thread, without waiting for others.
#[derive(Debug, Clone)]
pub struct EvacRunOf<const L: usize> {
    pub(crate) model: Arc<EvacModel>,
    /// Per block; `None` without a fire.
    pub(crate) fires: Vec<Option<FireRunOf<L>>>,
    members: Vec<MemberRun>,
    /// Per block; they differ only after a run was stopped on its way.
    seconds: Vec<u64>,
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
        let made = each(0..members.len(), |k| MemberRun::new(&model, &members[k], walk(k)))?;
        let (members, warnings): (Vec<_>, Vec<_>) = made.into_iter().unzip();
        let warnings = warnings.into_iter().next().unwrap_or_default();
        let seconds = vec![0; fires.len()];
        Ok(Self { model, fires, members, seconds, warnings })
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

    /// Simulated time, s; of a run that was stopped on its way that of the block furthest behind.
    #[must_use]
    pub fn t_s(&self) -> f64 {
        self.seconds.iter().copied().min().unwrap_or(0) as f64 * EXCHANGE_S
    }

    /// Time of the block furthest ahead, s.
    pub(crate) fn latest_s(&self) -> f64 {
        self.seconds.iter().copied().max().unwrap_or(0) as f64 * EXCHANGE_S
    }

    /// Whether nobody who can walk is inside in any member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.iter().all(|m| m.crowd.balance().inside == 0)
    }

    /// Steps to the first whole second at or after `t_s`.
    ///
    /// # Errors
    /// [`EvacError::Cancelled`]: blocks may then stand at different seconds, and going on brings them level;
    /// [`EvacError::Fire`] when the smoke stops being numbers.
    pub fn advance_to(&mut self, t_s: f64, cancel: &CancelToken) -> Result<(), EvacError> {
        self.advance_seen(t_s, f64::INFINITY, cancel, |_| Ok::<(), EvacError>(()))
    }

    /// [`EvacRunOf::advance_to`], with a look at the first member every `interval_s` from second 0 on and at `t_s`. The other blocks
    /// do not wait for looks. An error of `look` ends the run as a cancel does.
    ///
    /// # Errors
    /// As [`EvacRunOf::advance_to`], and those of `look`.
    pub fn advance_seen<E: From<EvacError> + Send>(
        &mut self,
        t_s: f64,
        interval_s: f64,
        cancel: &CancelToken,
        look: impl FnMut(&EvacView<'_, L>) -> Result<(), E> + Send,
    ) -> Result<(), E> {
        let model: &EvacModel = &self.model;
        let until = ((t_s / EXCHANGE_S - 1e-9).ceil().max(0.0)) as u64;
        let stop = AtomicBool::new(false);
        let mut look = Some(look);
        let blocks = self.members.chunks_mut(L).zip(&mut self.fires).zip(&mut self.seconds);
        let blocks: Vec<_> = blocks.map(|((members, fire), at)| (Block { members, fire, at }, look.take())).collect();
        let done = each_block(blocks, |(mut block, look)| {
            let done = match look {
                Some(look) => block.watched(model, until, interval_s, cancel, &stop, look),
                None => block.advance(model, until, cancel, &stop).map_err(E::from),
            };
            stop.fetch_or(done.is_err(), Ordering::Relaxed);
            done
        });
        self.members.iter_mut().for_each(MemberRun::settle);
        // A block that stopped because of another's trouble has none of its own to tell.
        done.into_iter().collect()
    }

    /// A member now; `None` for one that does not exist.
    #[must_use]
    pub fn view(&self, member: usize) -> Option<EvacView<'_, L>> {
        let t_s = self.seconds.get(member / L).map(|s| *s as f64 * EXCHANGE_S)?;
        let fire = self.fire(member).map(|f| f.0);
        Some(EvacView { model: &self.model, member: self.members.get(member)?, fire, lane: member % L, t_s })
    }

    /// The fire of a member and its number there.
    fn fire(&self, member: usize) -> Option<(&FireRunOf<L>, usize)> {
        let fire = self.fires.get(member / L)?.as_ref()?;
        Some((fire, member % L))
    }

    /// [`EvacView::airs`] of a member; `None` without a fire.
    ///
    /// # Errors
    /// [`EvacError::Fire`] passed on from the fire.
    pub fn airs(&self, member: usize) -> Result<Option<Vec<Air>>, EvacError> {
        self.view(member).map_or(Ok(None), |v| v.airs())
    }

    /// [`EvacView::layers`] of a member; `None` without a fire.
    ///
    /// # Errors
    /// [`EvacError::Fire`] passed on from the fire.
    pub fn layers(&self, member: usize) -> Result<Option<Vec<[f64; 2]>>, EvacError> {
        self.view(member).map_or(Ok(None), |v| v.layers())
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
        let closes = |m: &MemberRun| m.balance().closes() && m.outside_closes();
        let people_close = self.members.iter().all(closes);
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
        w.u64(self.model.past(self.latest_s()));
        for (seconds, fire) in self.seconds.iter().zip(&self.fires) {
            w.u64(*seconds);
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
        let mut r = ByteReader::new(bytes, KIND, "sim_evac run 3")?;
        let past = r.u64("past")?;
        let (mut fires, mut seconds) = (self.fires.clone(), self.seconds.clone());
        for (fire, at) in fires.iter_mut().zip(&mut seconds) {
            *at = r.u64("seconds")?;
            let smoke = r.bytes("fire")?;
            match fire {
                Some(fire) => fire.load(&smoke)?,
                None if smoke.is_empty() => {}
                None => return Err(bad("fire", format!("{} bytes", smoke.len()), "none: this run has no fire")),
            }
        }
        let latest_s = seconds.iter().copied().max().unwrap_or(0) as f64 * EXCHANGE_S;
        if past != self.model.past(latest_s) {
            return Err(bad("scenario", format!("{past:016x}"), "the same until the time of the snapshot"));
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
        self.seconds.iter().for_each(|s| c.add_u64(*s));
        self.members.iter().for_each(|m| m.digest(&mut c));
        c.finish()
    }
}

/// A block of members, its fire, and the second at which it stands.
struct Block<'a, const L: usize> {
    members: &'a mut [MemberRun],
    fire: &'a mut Option<FireRunOf<L>>,
    at: &'a mut u64,
}

impl<const L: usize> Block<'_, L> {
    /// To second `until`; `Ok` before it when another block had to stop.
    fn advance(
        &mut self,
        model: &EvacModel,
        until: u64,
        cancel: &CancelToken,
        stop: &AtomicBool,
    ) -> Result<(), EvacError> {
        while *self.at < until && !stop.load(Ordering::Relaxed) {
            let t_s = *self.at as f64 * EXCHANGE_S;
            if cancel.is_cancelled() {
                return Err(EvacError::Cancelled { t_s });
            }
            block_second(model, self.members, self.fire.as_mut(), t_s)?;
            *self.at += 1;
        }
        Ok(())
    }

    /// [`Block::advance`] of the first block, with its looks.
    fn watched<E: From<EvacError>>(
        &mut self,
        model: &EvacModel,
        until: u64,
        interval_s: f64,
        cancel: &CancelToken,
        stop: &AtomicBool,
        mut look: impl FnMut(&EvacView<'_, L>) -> Result<(), E>,
    ) -> Result<(), E> {
        let every = if interval_s.is_finite() { (interval_s / EXCHANGE_S).round().max(1.0) as u64 } else { u64::MAX };
        while *self.at < until {
            let next = (*self.at / every + 1).saturating_mul(every).min(until);
            self.advance(model, next, cancel, stop)?;
            if *self.at < next {
                break;
            }
            let t_s = *self.at as f64 * EXCHANGE_S;
            look(&EvacView { model, member: &self.members[0], fire: self.fire.as_ref(), lane: 0, t_s })?;
        }
        Ok(())
    }
}

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
    let plumes = t_s % street::EVERY_S == 0.0;
    walk_all(members, |(k, m): (usize, &mut MemberRun)| {
        if let (true, Some(street), Some(fire)) = (plumes, model.street.as_deref(), fire) {
            m.smoke_outside(street, fire.heat_kw(k)?.iter().sum())?;
        }
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
        let mut run = FireRunOf::new(network, fires.to_vec(), detectors, FireParams::default())?;
        run.set_forcing(FireForcing::wind(model.scenario.weather.wind_mps))?;
        Ok(Some(run))
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

/// All blocks, the first at once: it holds the member that walks with the micro crowd. All of it on the pool's threads: a caller
/// outside would be woken for every step of the crowd.
#[cfg(feature = "parallel")]
fn each_block<B: Send, T: Send>(blocks: Vec<B>, work: impl Fn(B) -> T + Sync + Send) -> Vec<T> {
    use rayon::prelude::*;
    let all = || blocks.into_par_iter().with_max_len(1).map(work).collect();
    rayon::join(all, || ()).0
}

#[cfg(not(feature = "parallel"))]
fn each_block<B, T>(blocks: Vec<B>, work: impl Fn(B) -> T) -> Vec<T> {
    blocks.into_iter().map(work).collect()
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
