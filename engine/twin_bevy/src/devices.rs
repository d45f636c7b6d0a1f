//! What condition each device is in, derived from live state: one small table that views colour by.

use crate::{Community, Intervals, Live, LiveStamp, Now, Properties, TwinSystems};
use bevy::app::{App, Update};
use bevy::ecs::prelude::*;
use sync_core::is_stale;
use twin_model::{EntityId, EntityKind, Severity, TimeMs};

/// Condition of one device or camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceCondition {
    /// Nothing was ever received.
    #[default]
    Silent,
    /// Its newest value is too old.
    Stale,
    /// It reports.
    Fresh,
    /// It has an open alarm.
    Alarm(Severity),
}

/// Conditions of all devices and cameras.
#[derive(Resource, Debug, Default)]
pub struct Devices {
    /// Ids in table order, with their condition.
    pub rows: Vec<(EntityId, DeviceCondition)>,
    /// Counts up whenever a row changed.
    pub version: u64,
    seen: LiveStamp,
    at: TimeMs,
}

impl Devices {
    /// Number of devices (not cameras are told apart here) that report.
    #[must_use]
    pub fn fresh(&self) -> usize {
        let reports = |c: &DeviceCondition| matches!(c, DeviceCondition::Fresh | DeviceCondition::Alarm(_));
        self.rows.iter().filter(|(_, c)| reports(c)).count()
    }

    /// Condition of one entity, if it is a device or camera.
    #[must_use]
    pub fn of(&self, id: EntityId) -> Option<DeviceCondition> {
        self.rows.binary_search_by_key(&id, |r| r.0).ok().and_then(|i| self.rows.get(i)).map(|r| r.1)
    }
}

/// Conditions are worked out again at most this often.
const MIN_MS: i64 = 400;
/// Values age without messages: work them out again after this long anyway.
const MAX_MS: i64 = 3000;

fn update(
    community: Res<Community>,
    live: Res<Live>,
    stamp: Res<LiveStamp>,
    intervals: Res<Intervals>,
    properties: Res<Properties>,
    now: Res<Now>,
    mut devices: ResMut<Devices>,
) {
    let age = now.viewer.0 - devices.at.0;
    let due = devices.rows.is_empty() || (*stamp != devices.seen && age >= MIN_MS) || age >= MAX_MS;
    if !due {
        return;
    }
    let devices = &mut *devices;
    devices.seen = *stamp;
    devices.at = now.viewer;
    let mut rows: Vec<(EntityId, DeviceCondition)> = community
        .0
        .entities()
        .iter()
        .filter(|e| matches!(e.kind, EntityKind::Device | EntityKind::Camera))
        .map(|e| (e.id, condition(e.id, &e.class, &live, &intervals, &properties, now.server())))
        .collect();
    for alarm in live.0.open_alarms() {
        let Ok(i) = rows.binary_search_by_key(&alarm.entity, |r| r.0) else { continue };
        let Some(row) = rows.get_mut(i) else { continue };
        row.1 = match row.1 {
            DeviceCondition::Alarm(worst) => DeviceCondition::Alarm(worst.min(alarm.severity)),
            _ => DeviceCondition::Alarm(alarm.severity),
        };
    }
    if rows != devices.rows {
        devices.rows = rows;
        devices.version += 1;
    }
}

fn condition(
    id: EntityId,
    class: &str,
    live: &Live,
    intervals: &Intervals,
    properties: &Properties,
    now: TimeMs,
) -> DeviceCondition {
    let of_class = || properties.0.classes.get(class).map_or(0.0, |c| c.expected_interval_s);
    let mut condition = DeviceCondition::Silent;
    for entry in live.0.of_entity(id) {
        let interval = intervals.0.get(&(id, entry.property)).copied().unwrap_or_else(of_class);
        if !is_stale(entry, now, interval) {
            return DeviceCondition::Fresh;
        }
        condition = DeviceCondition::Stale;
    }
    condition
}

pub(crate) fn register(app: &mut App) {
    app.init_resource::<Devices>()
        .add_systems(Update, update.in_set(TwinSystems::Publish).run_if(resource_exists::<Community>));
}
