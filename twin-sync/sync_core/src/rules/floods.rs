//! Floods of alarms: many of one place within a window become one incident; wider places take over narrower ones.

use super::book::Book;
use crate::live::LiveState;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use twin_model::{Alarm, AlarmId, AlarmState, EntityId, EntityKind, Incident, IncidentId, Seq, TimeMs};

/// Places with recent alarms that are kept before old ones are swept out.
const SWEEP_AT: usize = 4096;
/// A wide place has an incident of its own when its alarms come from so many narrower places.
const SPREAD: usize = 2;

/// Alarms of one place within the window.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Recent {
    /// Rule clock ms, alarm, the narrower place that it came from.
    queue: VecDeque<(i64, AlarmId, EntityId)>,
    #[serde(skip)]
    children: BTreeMap<EntityId, u32>,
}

impl Recent {
    fn push(&mut self, at: i64, alarm: AlarmId, child: EntityId) {
        self.queue.push_back((at, alarm, child));
        *self.children.entry(child).or_default() += 1;
    }

    fn prune(&mut self, before: i64) {
        while let Some((at, _, child)) = self.queue.front().copied() {
            if at >= before {
                return;
            }
            self.queue.pop_front();
            if let Some(n) = self.children.get_mut(&child) {
                *n -= 1;
                if *n == 0 {
                    self.children.remove(&child);
                }
            }
        }
    }
}

type PlaceKey = (String, EntityId);

/// The state of grouping; a function of the alarms raised.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Floods {
    recent: BTreeMap<PlaceKey, Recent>,
    open: BTreeMap<PlaceKey, IncidentId>,
    next: u64,
}

/// [`Floods`] in a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct FloodsSnapshot {
    recent: Vec<(PlaceKey, Recent)>,
    next: u64,
}

/// One place that an alarm belongs to.
struct Level {
    place: EntityId,
    /// The narrower place on the way to the alarm.
    child: EntityId,
    least: usize,
    spread: usize,
}

impl Floods {
    pub(crate) fn snapshot(&self) -> FloodsSnapshot {
        let recent = self.recent.iter().filter(|(_, r)| !r.queue.is_empty());
        FloodsSnapshot { recent: recent.map(|(k, r)| (k.clone(), r.clone())).collect(), next: self.next }
    }

    pub(crate) fn restore(snapshot: FloodsSnapshot, live: &LiveState) -> Self {
        let mut floods = Self { next: snapshot.next, ..Self::default() };
        for (key, mut recent) in snapshot.recent {
            for (_, _, child) in &recent.queue {
                *recent.children.entry(*child).or_default() += 1;
            }
            floods.recent.insert(key, recent);
        }
        for i in live.incidents().filter(|i| !i.closed) {
            floods.open.insert((i.group.clone(), i.place), i.id);
        }
        floods
    }

    /// Takes in a newly announced alarm; `Some` when it belongs to an incident now. Other alarms that the incident takes
    /// in are changed in `live`.
    pub(crate) fn join(
        &mut self,
        book: &Book,
        live: &mut LiveState,
        alarm: &Alarm,
        (clock, at, seq): (i64, TimeMs, Seq),
    ) -> Option<IncidentId> {
        let group = book.rules.get(usize::from(alarm.rule))?.group().to_owned();
        let window_ms = (book.set.grouping.window_s * 1000.0) as i64;
        let levels = levels(book, alarm.entity);
        for level in &levels {
            let recent = self.recent.entry((group.clone(), level.place)).or_default();
            recent.push(clock, alarm.id, level.child);
            recent.prune(clock - window_ms);
        }
        self.sweep(clock - window_ms);
        for level in &levels {
            let key = (group.clone(), level.place);
            if let Some(open) = self.open.get(&key) {
                return Some(*open);
            }
            let Some(recent) = self.recent.get(&key) else { continue };
            if recent.queue.len() >= level.least && recent.children.len() >= level.spread {
                let members: Vec<AlarmId> = recent.queue.iter().map(|(_, id, _)| *id).collect();
                return Some(self.open_incident(book, live, key, (alarm, &members), at, seq));
            }
        }
        None
    }

    fn open_incident(
        &mut self,
        book: &Book,
        live: &mut LiveState,
        key: PlaceKey,
        (last, members): (&Alarm, &[AlarmId]),
        at: TimeMs,
        seq: Seq,
    ) -> IncidentId {
        self.next += 1;
        let id = IncidentId(self.next);
        let absorbed: Vec<IncidentId> = live
            .incidents()
            .filter(|i| !i.closed && i.group == key.0 && book.world.is_within(i.place, key.1))
            .map(|i| i.id)
            .collect();
        let taken = |a: &&Alarm| {
            a.id != last.id
                && a.state.is_open()
                && (a.incident.is_some_and(|i| absorbed.contains(&i))
                    || (a.incident.is_none() && members.contains(&a.id)))
        };
        let alarms: Vec<Alarm> = live.open_alarms().filter(taken).cloned().collect();
        let first = alarms.first().map_or(last, |a| a);
        let mut incident = Incident {
            id,
            place: key.1,
            group: key.0.clone(),
            text: last.text.clone(),
            severity: last.severity,
            first: first.id,
            opened_at: first.raised_at,
            changed_at: at,
            members: 0,
            open: 0,
            active: 0,
            unacknowledged: 0,
            merged_into: None,
            closed: false,
        };
        for alarm in alarms {
            count(&mut incident, None, &alarm);
            live.put_alarm(Alarm { incident: Some(id), ..alarm }, seq);
        }
        for old in absorbed {
            if let Some(found) = live.incident(old).cloned() {
                self.open.remove(&(found.group.clone(), found.place));
                let closed =
                    Incident { merged_into: Some(id), closed: true, open: 0, active: 0, unacknowledged: 0, ..found };
                live.put_incident(Incident { changed_at: at, ..closed }, seq);
            }
        }
        self.open.insert(key, id);
        live.put_incident(incident, seq);
        id
    }

    /// Brings the counts of an alarm's incident up to date; `before` is `None` when it has just joined.
    pub(crate) fn recount(
        &mut self,
        live: &mut LiveState,
        before: Option<&Alarm>,
        after: &Alarm,
        at: TimeMs,
        seq: Seq,
    ) {
        let Some(mut incident) = after.incident.and_then(|id| live.incident(id)).cloned() else { return };
        let held = (incident.open, incident.active, incident.unacknowledged, incident.members);
        count(&mut incident, before, after);
        if held == (incident.open, incident.active, incident.unacknowledged, incident.members) {
            return;
        }
        incident.changed_at = at;
        if incident.open == 0 {
            incident.closed = true;
            self.open.remove(&(incident.group.clone(), incident.place));
        }
        live.put_incident(incident, seq);
    }

    fn sweep(&mut self, before: i64) {
        if self.recent.len() > SWEEP_AT {
            self.recent.values_mut().for_each(|r| r.prune(before));
            self.recent.retain(|_, r| !r.queue.is_empty());
        }
    }
}

fn count(incident: &mut Incident, before: Option<&Alarm>, after: &Alarm) {
    let parts = |a: &Alarm| {
        let unacknowledged = matches!(
            a.state,
            AlarmState::Unacknowledged | AlarmState::ReturnedUnacknowledged | AlarmState::LatchedUnacknowledged
        );
        (u32::from(a.state.is_open()), u32::from(a.active), u32::from(unacknowledged))
    };
    let was = before.map_or((0, 0, 0), parts);
    let is = parts(after);
    let shift = |n: &mut u32, was: u32, is: u32| *n = (*n + is).saturating_sub(was);
    shift(&mut incident.open, was.0, is.0);
    shift(&mut incident.active, was.1, is.1);
    shift(&mut incident.unacknowledged, was.2, is.2);
    if before.is_none() {
        incident.members += 1;
    }
    // Severities order from the worst down.
    incident.severity = incident.severity.min(after.severity);
}

/// The places of an entity that can have incidents, the widest first.
fn levels(book: &Book, entity: EntityId) -> Vec<Level> {
    let (world, grouping) = (&book.world, book.set.grouping);
    let building = world.nearest(entity, EntityKind::Building);
    let grid = world.nearest(entity, EntityKind::Grid);
    let community =
        world.nearest(entity, EntityKind::Community).or_else(|| world.lineage(entity).last()).filter(|c| *c != entity);
    let mut levels = Vec::with_capacity(3);
    let mut add = |place: Option<EntityId>, child: EntityId, least: u32, spread: usize| {
        if let Some(place) = place.filter(|p| levels.iter().all(|l: &Level| l.place != *p)) {
            levels.push(Level { place, child, least: least as usize, spread });
        }
    };
    add(community, grid.filter(|g| Some(*g) != community).or(building).unwrap_or(entity), grouping.community, SPREAD);
    add(grid, building.unwrap_or(entity), grouping.grid, SPREAD);
    add(building, entity, grouping.building, 1);
    levels
}
