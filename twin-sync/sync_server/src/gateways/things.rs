//! SensorThings entities and how they hang together (OGC 18-088, §8): a Thing is an entity that something reports
//! about, a Datastream one bound property of it, a Sensor a class of devices.

use super::Gateway;
use super::geometry::{lon_lat, shape};
use super::instant::utc_text;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use twin_model::{EntityId, PropertyId, Quality, TimeMs};

/// A property of an entity.
pub(super) type Series = (EntityId, PropertyId);

/// A sample of the history: (observed at, seq, value, quality).
pub(super) type Sample = (i64, i64, f64, u16);

/// The collections of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Set {
    Things,
    Locations,
    Datastreams,
    Sensors,
    ObservedProperties,
    Observations,
    FeaturesOfInterest,
}

impl Set {
    pub(super) const ALL: [Set; 7] = [
        Set::Things,
        Set::Locations,
        Set::Datastreams,
        Set::Sensors,
        Set::ObservedProperties,
        Set::Observations,
        Set::FeaturesOfInterest,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Set::Things => "Things",
            Set::Locations => "Locations",
            Set::Datastreams => "Datastreams",
            Set::Sensors => "Sensors",
            Set::ObservedProperties => "ObservedProperties",
            Set::Observations => "Observations",
            Set::FeaturesOfInterest => "FeaturesOfInterest",
        }
    }

    /// Names of what one of its entities leads to.
    pub(super) fn leads_to(self) -> &'static [&'static str] {
        match self {
            Set::Things => &["Datastreams", "Locations"],
            Set::Locations => &["Things"],
            Set::Datastreams => &["Thing", "Sensor", "ObservedProperty", "Observations"],
            Set::Sensors | Set::ObservedProperties => &["Datastreams"],
            Set::Observations => &["Datastream", "FeatureOfInterest"],
            Set::FeaturesOfInterest => &[],
        }
    }
}

/// One entity of the service.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Item {
    Thing(EntityId),
    Location(EntityId),
    Feature(EntityId),
    Datastream(Series),
    /// Position in the sorted list of classes.
    Sensor(usize),
    Property(PropertyId),
    Observation(Series, Sample),
}

/// Where a name leads.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Related {
    One(Item),
    Many(Vec<Item>),
    /// Observations of a series, which the database holds.
    History(Series),
}

/// The series that the service shows, and the classes of what they belong to.
#[derive(Debug, Default)]
pub(super) struct Directory {
    /// Sorted.
    series: Vec<Series>,
    /// Sorted; "" stands for things without a class.
    classes: Vec<String>,
}

impl Directory {
    pub(super) fn new(gateway: &Gateway) -> Self {
        let pack = &gateway.twin.pack;
        let bound = pack.bindings.iter().map(|b| (b.entity, b.property));
        let series: BTreeSet<Series> = bound.filter(|(e, p)| gateway.shows_series(*e, *p)).collect();
        let classes: BTreeSet<&str> =
            series.iter().filter_map(|(e, _)| pack.model.get(*e)).map(|e| e.class.as_str()).collect();
        Self { series: series.into_iter().collect(), classes: classes.into_iter().map(str::to_owned).collect() }
    }

    fn of(&self, entity: EntityId) -> &[Series] {
        let begin = self.series.partition_point(|s| s.0 < entity);
        let len = self.series[begin..].partition_point(|s| s.0 == entity);
        &self.series[begin..begin + len]
    }
}

/// The number of a datastream: exact in JSON, as 48 bits are.
fn datastream_id((entity, property): Series) -> u64 {
    u64::from(entity.0) << 16 | u64::from(property.0)
}

impl Gateway {
    fn class_of(&self, entity: EntityId) -> &str {
        self.twin.pack.model.get(entity).map_or("", |e| e.class.as_str())
    }

    /// Everything of a set; `None` for observations, which are only read beneath a datastream.
    pub(super) fn all_of(&self, set: Set) -> Option<Vec<Item>> {
        let directory = self.directory();
        let things = || {
            let mut ids: Vec<EntityId> = directory.series.iter().map(|s| s.0).collect();
            ids.dedup();
            ids.into_iter()
        };
        Some(match set {
            Set::Things => things().map(Item::Thing).collect(),
            Set::Locations => things().map(Item::Location).collect(),
            Set::FeaturesOfInterest => things().map(Item::Feature).collect(),
            Set::Datastreams => directory.series.iter().copied().map(Item::Datastream).collect(),
            Set::Sensors => (0..directory.classes.len()).map(Item::Sensor).collect(),
            Set::ObservedProperties => {
                let ids: BTreeSet<PropertyId> = directory.series.iter().map(|s| s.1).collect();
                ids.into_iter().map(Item::Property).collect()
            }
            Set::Observations => return None,
        })
    }

    /// The entity of a set with an id; observations need the database.
    pub(super) fn one_of(&self, set: Set, id: &str) -> Option<Item> {
        let number: u64 = id.parse().ok()?;
        let entity = |id: u64| {
            let id = EntityId(u32::try_from(id).ok()?);
            (!self.directory().of(id).is_empty()).then_some(id)
        };
        match set {
            Set::Things => entity(number).map(Item::Thing),
            Set::Locations => entity(number).map(Item::Location),
            Set::FeaturesOfInterest => entity(number).map(Item::Feature),
            Set::Datastreams => {
                let series = (entity(number >> 16)?, PropertyId((number & 0xFFFF) as u16));
                self.directory().series.binary_search(&series).ok().map(|_| Item::Datastream(series))
            }
            Set::Sensors => {
                let index = usize::try_from(number).ok()?.checked_sub(1)?;
                (index < self.directory().classes.len()).then_some(Item::Sensor(index))
            }
            Set::ObservedProperties => {
                let id = PropertyId(u16::try_from(number).ok()?);
                self.directory().series.iter().any(|s| s.1 == id).then_some(Item::Property(id))
            }
            Set::Observations => None,
        }
    }

    /// Where a name of [`Set::leads_to`] leads from an entity.
    pub(super) fn related(&self, item: Item, name: &str) -> Option<Related> {
        use Related::{Many, One};
        let streams = |keep: &dyn Fn(&Series) -> bool| {
            let found = self.directory().series.iter().copied().filter(|s| keep(s));
            Many(found.map(Item::Datastream).collect())
        };
        Some(match (item, name) {
            (Item::Thing(id), "Datastreams") => {
                Many(self.directory().of(id).iter().copied().map(Item::Datastream).collect())
            }
            (Item::Thing(id), "Locations") => Many(vec![Item::Location(id)]),
            (Item::Location(id), "Things") => Many(vec![Item::Thing(id)]),
            (Item::Datastream(series), "Thing") => One(Item::Thing(series.0)),
            (Item::Datastream(series), "Sensor") => {
                let class = self.class_of(series.0);
                One(Item::Sensor(self.directory().classes.iter().position(|c| c == class)?))
            }
            (Item::Datastream(series), "ObservedProperty") => One(Item::Property(series.1)),
            (Item::Datastream(series), "Observations") => Related::History(series),
            (Item::Sensor(index), "Datastreams") => {
                let class = self.directory().classes.get(index)?;
                streams(&|s| self.class_of(s.0) == class)
            }
            (Item::Property(id), "Datastreams") => streams(&|s| s.1 == id),
            (Item::Observation(series, _), "Datastream") => One(Item::Datastream(series)),
            (Item::Observation(series, _), "FeatureOfInterest") => One(Item::Feature(series.0)),
            _ => return None,
        })
    }

    /// The entity as JSON, with its own link and those to what hangs on it. `root` is the address of the service.
    pub(super) fn item_json(&self, item: Item, root: &str) -> Value {
        let (set, id, mut json) = match item {
            Item::Thing(id) => (Set::Things, json!(id), self.thing(id)),
            Item::Location(id) => (Set::Locations, json!(id), self.place(id, "location")),
            Item::Feature(id) => (Set::FeaturesOfInterest, json!(id), self.place(id, "feature")),
            Item::Datastream(series) => (Set::Datastreams, json!(datastream_id(series)), self.datastream(series)),
            Item::Sensor(index) => (Set::Sensors, json!(index + 1), self.sensor(index)),
            Item::Property(id) => (Set::ObservedProperties, json!(id), self.observed_property(id)),
            Item::Observation(series, sample) => {
                let id = format!("{}-{}-{}", datastream_id(series), sample.0, sample.1);
                (Set::Observations, json!(id), observation(sample))
            }
        };
        let key = id.as_str().map_or_else(|| id.to_string(), |text| format!("'{text}'"));
        let here = format!("{root}/{}({key})", set.name());
        for name in set.leads_to() {
            json[format!("{name}@iot.navigationLink")] = json!(format!("{here}/{name}"));
        }
        json["@iot.id"] = id;
        json["@iot.selfLink"] = json!(here);
        json
    }

    fn thing(&self, id: EntityId) -> Value {
        let model = &self.twin.pack.model;
        let Some(e) = model.get(id) else { return json!({}) };
        let parent = e.parent.filter(|p| self.caller.sees(*p));
        json!({
            "name": e.name,
            "description": self.address(id),
            "properties": { "kind": e.kind.tag(), "code": e.code, "class": e.class, "parent": parent },
        })
    }

    fn place(&self, id: EntityId, member: &str) -> Value {
        let model = &self.twin.pack.model;
        let Some(e) = model.get(id) else { return json!({}) };
        let geometry = match member {
            "feature" => shape(&self.frame, e).geojson(),
            _ => json!({ "type": "Point", "coordinates": lon_lat(&self.frame, e.p_enu) }),
        };
        json!({ "name": e.name, "description": self.address(id), "encodingType": "application/geo+json", member: geometry })
    }

    fn datastream(&self, series: Series) -> Value {
        let model = &self.twin.pack.model;
        let (Some(e), Some(def)) = (model.get(series.0), self.twin.pack.properties.def(series.1)) else {
            return json!({});
        };
        json!({
            "name": format!("{} {}", e.name, def.name),
            "description": format!("{} {}", self.address(series.0), def.name),
            "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
            "unitOfMeasurement": {
                "name": def.unit,
                "symbol": def.unit,
                "definition": "https://ucum.org/ucum",
            },
            "properties": {
                "key": def.key,
                "states": def.states,
                "expected_interval_s": self.twin.index.expected_interval_s(series.0, series.1),
            },
        })
    }

    fn sensor(&self, index: usize) -> Value {
        let key = self.directory().classes.get(index).map_or("", String::as_str);
        let class = self.twin.pack.properties.classes.get(key);
        json!({
            "name": if key.is_empty() { "unknown" } else { key },
            "description": class.map_or(key, |c| c.name.as_str()),
            "encodingType": "application/json",
            "metadata": "/api/properties",
            "properties": { "expected_interval_s": class.map(|c| c.expected_interval_s) },
        })
    }

    fn observed_property(&self, id: PropertyId) -> Value {
        let Some(def) = self.twin.pack.properties.def(id) else { return json!({}) };
        json!({
            "name": def.key,
            "definition": format!("urn:sandtable:property:{}", def.key),
            "description": def.name,
            "properties": { "unit": def.unit, "min": def.min, "max": def.max },
        })
    }
}

/// `resultTime` is null: the history keeps when a value was observed, not when it was received.
fn observation((observed_at, seq, value, quality): Sample) -> Value {
    let quality = Quality(quality);
    json!({
        "phenomenonTime": utc_text(TimeMs(observed_at)),
        "resultTime": null,
        "result": value,
        "parameters": { "seq": seq, "quality": quality, "quality_text": quality.zh() },
    })
}

/// Datastream, time and sequence of an observation's id.
pub(super) fn observation_key(id: &str) -> Option<(&str, TimeMs, i64)> {
    let (rest, seq) = id.trim_matches('\'').rsplit_once('-')?;
    let (stream, at) = rest.split_once('-')?;
    Some((stream, TimeMs(at.parse().ok()?), seq.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_tell_apart_and_read_back() {
        assert_eq!(datastream_id((EntityId(3), PropertyId(7))), 196_615);
        assert_eq!(observation_key("'196615--5-9'"), Some(("196615", TimeMs(-5), 9)));
        assert_eq!(observation_key("196615-1700000000000-9"), Some(("196615", TimeMs(1_700_000_000_000), 9)));
        assert_eq!(observation_key("x"), None);
    }
}
