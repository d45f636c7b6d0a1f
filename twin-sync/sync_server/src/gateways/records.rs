//! Collections and their features as GeoJSON (RFC 7946).

use super::Gateway;
use super::geometry::{self, Bounds, lon_lat, shape};
use super::instant::utc_text;
use super::privacy::shows_attribute;
use serde_json::{Map, Value, json};
use sync_core::{LiveState, quality_at};
use twin_model::{Alarm, AlarmId, Case, CaseId, Entity, EntityId, EntityKind, TimeMs};

/// What can be read as a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Collection {
    Kind(EntityKind),
    Alarms,
    Cases,
}

impl Collection {
    /// The kinds that the pack has, then alarms and cases.
    pub(super) fn all(gateway: &Gateway) -> Vec<Self> {
        let mut present = [false; EntityKind::ALL.len()];
        for entity in gateway.twin.pack.model.entities() {
            present[entity.kind as usize] = true;
        }
        let kinds = EntityKind::ALL.iter().filter(|k| present[**k as usize]).map(|k| Self::Kind(*k));
        kinds.chain([Self::Alarms, Self::Cases]).collect()
    }

    /// The name in addresses: the plural of the kind's tag.
    pub(super) fn id(self) -> String {
        match self {
            Self::Alarms => "alarms".to_owned(),
            Self::Cases => "cases".to_owned(),
            Self::Kind(EntityKind::Community) => "communities".to_owned(),
            Self::Kind(kind @ (EntityKind::Green | EntityKind::Water | EntityKind::Landcover)) => kind.tag().to_owned(),
            Self::Kind(kind) => format!("{}s", kind.tag()),
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Kind(kind) => kind.zh(),
            Self::Alarms => "告警",
            Self::Cases => "网格事件",
        }
    }

    /// Properties that can be asked for by equality.
    pub(super) fn filters(self) -> &'static [&'static str] {
        match self {
            Self::Kind(_) => &["code", "class", "name", "parent"],
            Self::Alarms => &["severity", "state", "property", "entity"],
            Self::Cases => &["class", "stage", "grid", "entity"],
        }
    }
}

/// A number of a filter as the text it must be equal to.
fn is(number: Option<u32>, text: &str) -> bool {
    number.is_some_and(|n| n.to_string() == text)
}

impl Gateway {
    pub(super) fn entity_passes(entity: &Entity, key: &str, wanted: &str) -> bool {
        match key {
            "code" => entity.code == wanted,
            "class" => entity.class == wanted,
            "name" => entity.name == wanted,
            _ => is(entity.parent.map(|p| p.0), wanted),
        }
    }

    pub(super) fn alarm_passes(&self, alarm: &Alarm, key: &str, wanted: &str) -> bool {
        match key {
            "severity" => tag(&alarm.severity) == wanted,
            "state" => tag(&alarm.state) == wanted,
            "property" => self.key(alarm) == wanted,
            _ => is(Some(alarm.entity.0), wanted),
        }
    }

    pub(super) fn case_passes(case: &Case, key: &str, wanted: &str) -> bool {
        match key {
            "class" => case.class == wanted,
            "stage" => tag(&case.stage) == wanted,
            "grid" => is(case.grid.map(|g| g.0), wanted),
            _ => is(case.entity.map(|e| e.0), wanted),
        }
    }

    /// Key of the property that raised the alarm.
    pub(super) fn key(&self, alarm: &Alarm) -> &str {
        self.twin.pack.properties.def(alarm.property).map_or("", |d| d.key.as_str())
    }

    /// One item by its number; `None` when there is none that may be shown.
    pub(super) fn feature(&self, collection: Collection, id: u64, live: &LiveState, now: TimeMs) -> Option<Value> {
        match collection {
            Collection::Kind(kind) => {
                let entity = self.twin.pack.model.get(EntityId(u32::try_from(id).ok()?))?;
                let shown = entity.kind == kind && !self.is_personal(entity);
                shown.then(|| self.entity_feature(entity, live, now))
            }
            Collection::Alarms => {
                let alarm = live.alarm(AlarmId(id)).filter(|a| self.shows_alarm(a))?;
                self.alarm_feature(alarm)
            }
            Collection::Cases => live.case(CaseId(id)).map(|c| self.case_feature(c)),
        }
    }

    fn entity_feature(&self, e: &Entity, live: &LiveState, now: TimeMs) -> Value {
        let mut properties = Map::new();
        for (key, value) in e.attributes.iter().filter(|(key, _)| shows_attribute(e.kind, key)) {
            properties.insert(key.clone(), json!(value));
        }
        let parent = e.parent.and_then(|p| self.twin.pack.model.get(p));
        // In the pack's vertical datum; the local plane's z leaves out the curvature of the earth. Millimetres.
        let altitude = |p_enu| json!((self.frame.geodetic_from_enu(p_enu).height_m * 1000.0).round() / 1000.0);
        let own = [
            // Once more as a property: GDAL drops the number of a feature when it converts.
            ("entity", json!(e.id)),
            ("kind", json!(e.kind.tag())),
            ("name", json!(e.name)),
            ("code", text(&e.code)),
            ("class", text(&e.class)),
            ("address", json!(self.twin.pack.model.address(e.id))),
            ("parent", json!(e.parent)),
            ("parent_name", json!(parent.map(|p| &p.name))),
            ("altitude_m", altitude(e.p_enu)),
            ("base_altitude_m", altitude([e.p_enu[0], e.p_enu[1], e.base_z_m])),
            ("height_m", json!(e.height_m)),
        ];
        let camera = e.camera.iter().flat_map(|c| {
            [
                ("heading_deg", json!(c.heading_deg)),
                ("pitch_deg", json!(c.pitch_deg)),
                ("hfov_deg", json!(c.hfov_deg)),
                ("range_m", json!(c.range_m)),
            ]
        });
        for (key, value) in own.into_iter().chain(camera) {
            // An attribute of the delivery that has our name keeps its value under another one.
            if let Some(theirs) = properties.insert(key.to_owned(), value) {
                properties.insert(format!("attr_{key}"), theirs);
            }
        }
        self.add_values(e.id, live, now, &mut properties);
        json!({ "type": "Feature", "id": e.id, "geometry": shape(&self.frame, e).geojson(), "properties": properties })
    }

    /// Latest values: `<key>`, `<key>_at` (when the device measured it) and `<key>_quality` (bits, 0 is good).
    fn add_values(&self, id: EntityId, live: &LiveState, now: TimeMs, properties: &mut Map<String, Value>) {
        for entry in live.of_entity(id).filter(|s| self.shows_series(id, s.property)) {
            let Some(def) = self.twin.pack.properties.def(entry.property) else { continue };
            let interval = self.twin.index.expected_interval_s(id, entry.property).unwrap_or(0.0);
            properties.insert(def.key.clone(), json!(entry.value));
            properties.insert(format!("{}_at", def.key), json!(utc_text(entry.observed_at)));
            properties.insert(format!("{}_quality", def.key), json!(quality_at(entry, now, interval)));
        }
    }

    fn alarm_feature(&self, alarm: &Alarm) -> Option<Value> {
        let model = &self.twin.pack.model;
        let entity = model.get(alarm.entity)?;
        let unit = self.twin.pack.properties.def(alarm.property).map(|d| d.unit.as_str());
        let properties = json!({
            "text": alarm.text,
            "severity": tag(&alarm.severity),
            "state": tag(&alarm.state),
            "open": alarm.state.is_open(),
            "entity": alarm.entity,
            "entity_name": entity.name,
            "class": text(&entity.class),
            "address": model.address(alarm.entity),
            "property": self.key(alarm),
            "value": alarm.value,
            "unit": unit,
            "raised_at": utc_text(alarm.raised_at),
            "changed_at": utc_text(alarm.changed_at),
            "count": alarm.count,
            "simulated": alarm.run.is_some(),
        });
        let point = json!({ "type": "Point", "coordinates": lon_lat(&self.frame, entity.p_enu) });
        Some(json!({ "type": "Feature", "id": alarm.id, "geometry": point, "properties": properties }))
    }

    /// Without description and notes: free text in which people are named.
    fn case_feature(&self, case: &Case) -> Value {
        let model = &self.twin.pack.model;
        let (reported, changed) = case_times(case);
        let properties = json!({
            "class": case.class,
            "title": case.title,
            "stage": tag(&case.stage),
            "stage_zh": case.stage.zh(),
            "open": case.stage.is_open(),
            "entity": case.entity,
            "address": case.entity.map(|id| model.address(id)),
            "grid": case.grid,
            "grid_name": case.grid.and_then(|id| model.get(id)).map(|g| &g.name),
            "reported_at": utc_text(reported),
            "changed_at": utc_text(changed),
        });
        let point = json!({ "type": "Point", "coordinates": lon_lat(&self.frame, case.p_enu) });
        json!({ "type": "Feature", "id": case.id, "geometry": point, "properties": properties })
    }

    /// Box of everything in the collection, degrees; `None` when it is empty.
    pub(super) fn extent(&self, collection: Collection) -> Option<Bounds> {
        let all = match collection {
            Collection::Kind(kind) => {
                let of_kind = self.twin.pack.model.of_kind(kind).filter(|e| !self.is_personal(e));
                of_kind.fold(geometry::NOWHERE, |b, e| geometry::united(b, self.bounds()[e.id.0 as usize]))
            }
            // They may lie anywhere in the community.
            Collection::Alarms | Collection::Cases => {
                self.bounds().iter().fold(geometry::NOWHERE, |b, e| geometry::united(b, *e))
            }
        };
        (all[0] <= all[2]).then_some(all)
    }
}

/// When it was reported and when it last moved.
pub(super) fn case_times(case: &Case) -> (TimeMs, TimeMs) {
    let at = |event: Option<&twin_model::CaseEvent>| event.map_or(TimeMs(0), |e| e.at);
    (at(case.events.first()), at(case.events.last()))
}

/// Null where nothing is known.
fn text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { json!(text) }
}

/// The tag that serde writes for a unit variant.
pub(super) fn tag<T: serde::Serialize>(value: &T) -> String {
    json!(value).as_str().unwrap_or("").to_owned()
}
