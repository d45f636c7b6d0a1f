//! One course of events: its crowd, its doors, and what its spaces went through.

use crate::EvacError;
use crate::model::{Action, EvacMember, EvacModel, Place};
use crate::people::{NEVER_S, Origin};
use crate::street::Outside;
use crate::tenability::SpaceWatch;
use sim_core::{Air, ByteReader, ByteWriter, Checksum, SnapshotError};
use sim_crowd::hazard::{heat_per_min, purser_per_min};
use sim_crowd::{CrowdEdit, CrowdRun, LayerId, MesoWalk, QueueLaw};
use sim_fire::VentId;
use twin_model::{DoorState, MembersWalk, SpaceIndex};

/// One member of a run.
#[derive(Debug, Clone)]
pub struct MemberRun {
    pub(crate) crowd: CrowdRun,
    /// Queues that the people pass through; `None`: they walk with the micro crowd.
    queues: Option<MesoWalk>,
    pub(crate) origins: Vec<Origin>,
    pub(crate) awaiting: Vec<u32>,
    pub(crate) alarm_s: Option<f64>,
    /// Voice messages that were heard.
    heard: u64,
    /// Per opening: what the door does, when it falls shut, people through it, share open to smoke.
    doors: Vec<DoorState>,
    shuts_s: Vec<f64>,
    passed: Vec<f64>,
    share: Vec<f64>,
    /// Per space.
    pub(crate) watches: Vec<SpaceWatch>,
    /// Per layer: the air that the crowd was last told.
    told: Vec<Air>,
    /// Whether the air anywhere ever gave a dose.
    exposed: bool,
    /// Per person: doses of gas and heat.
    pub(crate) doses: Vec<[f32; 2]>,
    /// Those who are out of the building and walk on; `None` without ground, and in the queue network.
    pub(crate) outside: Option<Outside>,
}

const STATES: [DoorState; 4] = [DoorState::SelfClosing, DoorState::LeftOpen, DoorState::Open, DoorState::Locked];

impl MemberRun {
    pub(crate) fn new(
        model: &EvacModel,
        member: &EvacMember,
        walk: MembersWalk,
    ) -> Result<(Self, Vec<String>), EvacError> {
        let street = model.street.as_deref().filter(|_| walk == MembersWalk::Micro);
        let mut people = model.populate(member, street.is_some())?;
        let outside = street.map(|s| Outside::new(people.origins.len(), s, model.plume(member)));
        let openings = model.plan.openings.len();
        let queues = (walk == MembersWalk::Network).then(|| MesoWalk::new(&mut people.crowd, QueueLaw::Files));
        let member = Self {
            queues,
            told: vec![Air::CLEAN; people.crowd.world().layers().len()],
            doses: vec![[0.0; 2]; people.origins.len()],
            crowd: people.crowd,
            origins: people.origins,
            awaiting: people.awaiting,
            alarm_s: None,
            heard: 0,
            doors: people.doors,
            shuts_s: vec![-1.0; openings],
            passed: vec![0.0; openings],
            // Nobody has told the network yet.
            share: vec![-1.0; openings],
            watches: vec![SpaceWatch::default(); model.plan.spaces.len()],
            exposed: false,
            outside,
        };
        Ok((member, people.warnings))
    }

    /// How the people of this member walk.
    #[must_use]
    pub const fn walks(&self) -> MembersWalk {
        if self.queues.is_some() { MembersWalk::Network } else { MembersWalk::Micro }
    }

    pub(crate) fn change(&mut self, edits: &[CrowdEdit]) -> Result<(), EvacError> {
        match &mut self.queues {
            Some(queues) => queues.apply_all(&mut self.crowd, edits)?,
            None => self.crowd.apply_all(edits)?,
        }
        Ok(())
    }

    fn set_off(&mut self) -> Result<(), EvacError> {
        let origins = &self.origins;
        let start_s = |id: u32| origins.get(id as usize).map(|o| o.start_s as f32);
        match &mut self.queues {
            Some(queues) => queues.set_off(&mut self.crowd, start_s)?,
            None => self.crowd.set_off(start_s)?,
        }
        Ok(())
    }

    /// Sounders and voice messages of the second that begins at `t_s`; `detected_s`: the first detector so far.
    fn listen(&mut self, model: &EvacModel, t_s: f64, detected_s: Option<f64>) -> Result<(), EvacError> {
        let d = &model.scenario.detection;
        let mut told = false;
        if self.alarm_s.is_none() {
            // A scenario without fire begins with the alarm.
            let by_hand = if model.scenario.fire.is_none() { d.alarm_s.or(Some(0.0)) } else { d.alarm_s };
            let first = by_hand.into_iter().chain(detected_s.map(|t| t + d.delay_s)).reduce(f64::min);
            if let Some(alarm_s) = first.filter(|t| *t < t_s + 1.0) {
                self.alarm_s = Some(alarm_s);
                self.origins.iter_mut().for_each(|o| o.start_s = (alarm_s + o.pre_movement_s).min(NEVER_S));
                told = true;
            }
        }
        let Some(alarm_s) = self.alarm_s else { return Ok(()) };
        // Each message leaves a share of what is still to wait. Nobody listens before the alarm.
        for (at, remaining) in model.messages.iter().skip(self.heard as usize) {
            let heard_s = at.max(alarm_s);
            if heard_s >= t_s + 1.0 {
                break;
            }
            for o in self.origins.iter_mut().filter(|o| o.start_s > heard_s) {
                o.start_s = heard_s + (o.start_s - heard_s) * remaining;
            }
            self.heard += 1;
            told = true;
        }
        if told { self.set_off() } else { Ok(()) }
    }

    /// The crowd.
    #[must_use]
    pub const fn crowd(&self) -> &CrowdRun {
        &self.crowd
    }

    /// Where people began and when they set off, by number.
    #[must_use]
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// People per space who cannot use stairs and wait for help.
    #[must_use]
    pub fn awaiting(&self) -> &[u32] {
        &self.awaiting
    }

    /// When the sounders begin, s.
    #[must_use]
    pub const fn alarm_s(&self) -> Option<f64> {
        self.alarm_s
    }

    /// What each space of the plan went through.
    #[must_use]
    pub fn watches(&self) -> &[SpaceWatch] {
        &self.watches
    }

    /// Doses of gas and heat by number of the person, those who left included.
    #[must_use]
    pub fn doses(&self) -> &[[f32; 2]] {
        &self.doses
    }

    /// Does what is due from `t_s` on, and returns the vents whose opening changed. `detected_s`: the first detector so far.
    pub(crate) fn begin_second(
        &mut self,
        model: &EvacModel,
        t_s: f64,
        detected_s: Option<f64>,
    ) -> Result<Vec<(VentId, f64)>, EvacError> {
        self.listen(model, t_s, detected_s)?;
        let due = |at: f64| at < t_s + 0.5 && at >= t_s - 0.5;
        let mut edits = Vec::new();
        for (_, action) in model.actions.iter().filter(|(at, _)| due(*at)) {
            match action {
                Action::Door(o, state) => {
                    self.doors[o.index()] = *state;
                    let open = *state != DoorState::Locked;
                    edits.extend(model.portals[o.index()].map(|portal| CrowdEdit::SetOpen { portal, open }));
                }
                Action::Stair(s, open) => {
                    let ends = model.stair_portals[s.index()].iter();
                    edits.extend(ends.map(|portal| CrowdEdit::SetOpen { portal: *portal, open: *open }));
                }
                Action::Water(layer, water) => edits.push(CrowdEdit::SetFlood { layer: *layer, water: *water }),
                Action::Ground(layer, water) if self.outside.is_some() => {
                    edits.push(CrowdEdit::SetFlood { layer: *layer, water: *water });
                }
                Action::Ground(..) => {}
            }
        }
        self.change(&edits)?;
        Ok(self.door_changes(model, t_s))
    }

    fn door_changes(&mut self, model: &EvacModel, t_s: f64) -> Vec<(VentId, f64)> {
        let mut changed = Vec::new();
        for k in 0..self.doors.len() {
            if let Some(portal) = model.portals[k] {
                let through = self.crowd.crossed(portal);
                let through = (through[0] + through[1]) as f64;
                if through > self.passed[k] {
                    self.passed[k] = through;
                    self.shuts_s[k] = t_s + model.scenario.doors.closing_s;
                }
            }
            let share = model.open_share(k, self.doors[k], t_s < self.shuts_s[k], self.passed[k] > 0.0);
            if share != self.share[k] {
                self.share[k] = share;
                changed.extend(model.smoke.vents[k].map(|v| (v, share)));
            }
        }
        changed
    }

    /// A second of walking that ends at `t_s`, in this air (per zone of the network).
    pub(crate) fn walk(&mut self, model: &EvacModel, airs: Option<&[Air]>, t_s: f64) -> Result<(), EvacError> {
        if let Some(airs) = airs {
            for (k, watch) in self.watches.iter_mut().enumerate() {
                watch.breathe(&model.smoke.worst(airs, SpaceIndex(k as u32)), model.sight_m[k], t_s, 1.0);
            }
            if self.crowd.balance().inside > 0 {
                self.tell(model, airs)?;
            }
        }
        match &mut self.queues {
            Some(queues) => queues.advance(&mut self.crowd, t_s),
            None => {
                while self.crowd.t_s() < t_s - 1e-9 && self.crowd.balance().inside > 0 {
                    self.crowd.step();
                    if let (Some(outside), Some(street)) = (&mut self.outside, model.street.as_deref()) {
                        outside.look(street, &self.crowd);
                    }
                }
            }
        }
        if self.exposed && self.queues.is_none() {
            for d in self.crowd.doses() {
                self.doses[d.id as usize] = [d.gas, d.heat];
            }
        }
        self.count(model, t_s);
        Ok(())
    }

    /// Copies what the queues' people took in; they keep it themselves while they walk.
    pub(crate) fn settle(&mut self) {
        if self.exposed && self.queues.is_some() {
            for d in self.crowd.last_doses() {
                self.doses[d.id as usize] = [d.gas, d.heat];
            }
        }
    }

    /// Tells the crowd, at once, of all layers whose air changed enough to matter: a telling makes everybody look for a way anew.
    fn tell(&mut self, model: &EvacModel, airs: &[Air]) -> Result<(), EvacError> {
        let mut edits = Vec::new();
        for (k, place) in model.places.iter().enumerate() {
            let air = match place {
                Place::Outside => continue,
                Place::Space(s) => model.smoke.mean(airs, *s),
                Place::Stair(s) => {
                    let stair = &model.plan.stairs[s.index()];
                    let [a, b] = [stair.lower, stair.upper].map(|s| model.smoke.mean(airs, s));
                    if b.extinction_per_m > a.extinction_per_m { b } else { a }
                }
            };
            if matters(&self.told[k], &air) {
                self.told[k] = air;
                self.exposed |= dose_rates(&air) != [0.0; 2];
                edits.push(CrowdEdit::SetAir { layer: LayerId(k as u32), air: within_bounds(air) });
            }
        }
        if edits.is_empty() { Ok(()) } else { self.change(&edits) }
    }

    /// Notes when somebody who can walk was last in a space.
    fn count(&mut self, model: &EvacModel, t_s: f64) {
        if let Some(queues) = &self.queues {
            for (k, place) in model.places.iter().enumerate() {
                if let (Place::Space(s), true) = (place, queues.occupied(LayerId(k as u32))) {
                    self.watches[s.index()].last_person_s = t_s;
                }
            }
            return;
        }
        for (layer, _) in self.crowd.whereabouts().filter(|w| w.1 != sim_crowd::Status::Stopped) {
            if let Place::Space(s) = model.places[layer.index()] {
                self.watches[s.index()].last_person_s = t_s;
            }
        }
    }

    pub(crate) fn save(&self, w: &mut ByteWriter) {
        w.bytes(&self.crowd.save());
        w.bytes(&self.queues.as_ref().map(MesoWalk::save).unwrap_or_default());
        w.f64(self.alarm_s.unwrap_or(-1.0));
        w.u64(self.heard);
        w.u64(u64::from(self.exposed));
        w.f64s(&self.origins.iter().map(|o| o.start_s).collect::<Vec<_>>());
        let doors: Vec<u8> =
            self.doors.iter().map(|d| STATES.iter().position(|s| s == d).unwrap_or_default() as u8).collect();
        w.bytes(&doors);
        w.f64s(&self.shuts_s);
        w.f64s(&self.passed);
        w.f64s(&self.share);
        SpaceWatch::save(&self.watches, w);
        w.f32s(&self.told.iter().flat_map(air_values).collect::<Vec<_>>());
        w.f32s(&self.doses.iter().flatten().copied().collect::<Vec<_>>());
        if let Some(outside) = &self.outside {
            outside.save(w);
        }
    }

    /// Reads what [`MemberRun::save`] wrote for a member of the same model and seed.
    pub(crate) fn restored(&self, r: &mut ByteReader<'_>) -> Result<Self, EvacError> {
        let mut m = self.clone();
        m.crowd.restore(&r.bytes("crowd")?)?;
        let queues = r.bytes("queues")?;
        m.queues = if queues.is_empty() { None } else { Some(MesoWalk::restored(&queues, &m.crowd)?) };
        m.alarm_s = Some(r.f64("alarm_s")?).filter(|t| *t >= 0.0);
        m.heard = r.u64("heard")?;
        m.exposed = r.u64("exposed")? != 0;
        let starts = r.f64s("start_s")?;
        m.origins.iter_mut().zip(&starts).for_each(|(o, t)| o.start_s = *t);
        let codes = r.bytes("doors")?;
        m.doors = codes.iter().filter_map(|c| STATES.get(usize::from(*c)).copied()).collect();
        m.shuts_s = r.f64s("shuts_s")?;
        m.passed = r.f64s("passed")?;
        m.share = r.f64s("share")?;
        m.watches = SpaceWatch::restore(r, self.watches.len())?;
        let air = r.f32s("air")?;
        m.told = air.as_chunks::<7>().0.iter().map(air_of).collect();
        m.doses = r.f32s("doses")?.as_chunks::<2>().0.to_vec();
        m.outside = self.outside.as_ref().map(|o| o.restored(r)).transpose()?;
        let n = self.doors.len();
        let fits = [m.doors.len(), m.shuts_s.len(), m.passed.len(), m.share.len()].iter().all(|k| *k == n)
            && starts.len() == self.origins.len()
            && m.walks() == self.walks()
            && m.told.len() == self.told.len()
            && m.doses.len() == self.doses.len();
        if fits {
            return Ok(m);
        }
        let bad =
            SnapshotError::BadValue { field: "member", value: "of another run".into(), allowed: "that of this run" };
        Err(bad.into())
    }

    pub(crate) fn digest(&self, c: &mut Checksum) {
        let mut w = ByteWriter::new(*b"evacmemb");
        self.save(&mut w);
        c.add_bytes(&w.finish());
    }
}

/// Whether people notice the difference: smoke by 5 % (above 0.02 1/m), 2 K, 5 % of CO (above 20 ppm), HCN by 2 ppm, CO2 and O2
/// by 0.1 %, radiation by 0.1 kW/m². The doses of the spaces themselves take the air as it is.
fn matters(old: &Air, new: &Air) -> bool {
    let far = |of: fn(&Air) -> f32, share: f32, least: f32| {
        let (a, b) = (of(old), of(new));
        (a - b).abs() > (share * a.abs().max(b.abs())).max(least)
    };
    far(|a| a.extinction_per_m, 0.05, 0.02)
        || far(|a| a.temperature_c, 0.0, 2.0)
        || far(|a| a.co_ppm, 0.05, 20.0)
        || far(|a| a.hcn_ppm, 0.05, 2.0)
        || far(|a| a.co2_percent, 0.0, 0.1)
        || far(|a| a.o2_percent, 0.0, 0.1)
        || far(|a| a.radiant_kwm2, 0.05, 0.1)
}

/// Rounding of the network may leave a share of -1e-20; the crowd takes none.
fn within_bounds(a: Air) -> Air {
    Air {
        extinction_per_m: a.extinction_per_m.clamp(0.0, 1000.0),
        temperature_c: a.temperature_c.clamp(-100.0, 2000.0),
        co_ppm: a.co_ppm.clamp(0.0, 1e6),
        hcn_ppm: a.hcn_ppm.clamp(0.0, 1e6),
        co2_percent: a.co2_percent.clamp(0.0, 100.0),
        o2_percent: a.o2_percent.clamp(0.0, 100.0),
        radiant_kwm2: a.radiant_kwm2.clamp(0.0, 1000.0),
    }
}

const fn air_values(a: &Air) -> [f32; 7] {
    [a.extinction_per_m, a.temperature_c, a.co_ppm, a.hcn_ppm, a.co2_percent, a.o2_percent, a.radiant_kwm2]
}

const fn air_of(v: &[f32; 7]) -> Air {
    Air {
        extinction_per_m: v[0],
        temperature_c: v[1],
        co_ppm: v[2],
        hcn_ppm: v[3],
        co2_percent: v[4],
        o2_percent: v[5],
        radiant_kwm2: v[6],
    }
}

/// Dose rates per minute of an air: gas (Purser) and heat.
#[must_use]
pub fn dose_rates(air: &Air) -> [f64; 2] {
    [purser_per_min(air), heat_per_min(air)]
}
