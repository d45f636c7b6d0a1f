//! Device classes and the properties that they report, as data (`device_types.toml` of a pack).

use crate::{AlarmRule, PropertyId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A property that can be observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PropertyDef {
    /// Stable key: `water_level_m`, `rain_mmph` …
    pub key: String,
    /// Chinese name.
    pub name: String,
    /// UCUM unit code (`m`, `mm/h`, `Cel`, `1` for states and counts).
    pub unit: String,
    /// Least physically possible value.
    pub min: f64,
    /// Greatest physically possible value.
    pub max: f64,
    /// Words for integer states, by value ("关", "开"); empty for measured quantities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<String>,
}

impl PropertyDef {
    /// The value as people read it, with its unit.
    #[must_use]
    pub fn format(&self, value: f64) -> String {
        if let Some(word) = (value >= 0.0).then(|| self.states.get(value as usize)).flatten() {
            return word.clone();
        }
        let unit = match self.unit.as_str() {
            "1" | "" => "",
            "Cel" => "℃",
            "ug/m3" => "µg/m³",
            "m3" => "m³",
            other => other,
        };
        let decimals = if value.abs() >= 100.0 { 1 } else { 2 };
        format!("{value:.decimals$} {unit}").trim_end().to_owned()
    }
}

/// A class of devices (设备类型).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceClass {
    /// Chinese name.
    pub name: String,
    /// Keys of the properties that it reports; the first is the one shown on the map.
    pub properties: Vec<String>,
    /// Expected time between samples, seconds > 0; a value is stale after 3 of these.
    pub expected_interval_s: f64,
    /// Alarm thresholds.
    #[serde(default)]
    pub alarms: Vec<AlarmRule>,
}

/// What tells a good value of a property from a doubtful one, and whether it is personal. All optional.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PropertyTraits {
    /// Changes below this mean nothing, in the property's unit, ≥ 0 (死区).
    pub dead_band: f64,
    /// A measured value that moves by less than the dead band for so long is frozen, seconds > 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen_after_s: Option<f64>,
    /// A faster change than this is a spike, units per second > 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spike_per_s: Option<f64>,
    /// Tells how somebody lives: never told in the open.
    pub personal: bool,
}

/// What more is known of a device class.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClassTraits {
    /// A value is stale after so many seconds; 3 expected intervals when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale_after_s: Option<f64>,
    /// The device tells where somebody needs help or how they live: neither it nor its alarms leave through a gateway.
    pub personal: bool,
    /// Takes commands (下行).
    pub commanded: bool,
    /// Commands need a second person: valves and doors.
    pub two_person: bool,
}

/// All property definitions and device classes of a pack.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PropertyTable {
    /// `property.<key>` tables; position in key order is the [`PropertyId`].
    pub properties: Vec<PropertyDef>,
    /// Classes by key.
    pub classes: BTreeMap<String, DeviceClass>,
    /// Traits of the properties that have any, by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub property_traits: BTreeMap<String, PropertyTraits>,
    /// Traits of the classes that have any, by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub class_traits: BTreeMap<String, ClassTraits>,
}

/// A device-type table that contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PropertyTableError {
    /// Keys must be unique and sorted.
    #[error("property {0:?} is defined twice or out of order (keys must be sorted)")]
    Order(String),
    /// A class names a property that is not defined.
    #[error("device class {class:?} names unknown property {property:?}")]
    UnknownProperty {
        /// The class.
        class: String,
        /// The missing property.
        property: String,
    },
    /// A number outside its allowed range.
    #[error("{what} = {value}: must be {allowed}")]
    Value {
        /// What was wrong.
        what: String,
        /// Its value as text.
        value: String,
        /// Allowed range.
        allowed: &'static str,
    },
    /// More properties than ids.
    #[error("{0} properties: at most 65535 are possible")]
    TooMany(usize),
}

impl PropertyTable {
    /// Sorts the definitions by key (so that ids do not depend on file order) and checks them.
    pub fn new(
        mut properties: Vec<PropertyDef>,
        classes: BTreeMap<String, DeviceClass>,
    ) -> Result<Self, PropertyTableError> {
        if properties.len() > usize::from(u16::MAX) {
            return Err(PropertyTableError::TooMany(properties.len()));
        }
        properties.sort_by(|a, b| a.key.cmp(&b.key));
        let table = Self { properties, classes, ..Self::default() };
        table.check()?;
        Ok(table)
    }

    /// Adds traits; those without any are left out.
    ///
    /// # Errors
    /// A trait of something that is not defined, or a number outside its allowed range.
    pub fn with_traits(
        mut self,
        properties: BTreeMap<String, PropertyTraits>,
        classes: BTreeMap<String, ClassTraits>,
    ) -> Result<Self, PropertyTableError> {
        let value =
            |what: String, value: f64, allowed| PropertyTableError::Value { what, value: value.to_string(), allowed };
        for (key, t) in &properties {
            if !(0.0..=1e15).contains(&t.dead_band) {
                return Err(value(format!("dead_band of property {key}"), t.dead_band, ">= 0"));
            }
            for (field, given) in [("frozen_after_s", t.frozen_after_s), ("spike_per_s", t.spike_per_s)] {
                if let Some(n) = given.filter(|n| !(*n > 0.0 && *n <= 1e15)) {
                    return Err(value(format!("{field} of property {key}"), n, "> 0"));
                }
            }
        }
        for (key, t) in &classes {
            if let Some(n) = t.stale_after_s.filter(|n| !(*n > 0.0 && *n <= 1e9)) {
                return Err(value(format!("stale_after_s of class {key}"), n, "> 0 seconds"));
            }
        }
        self.property_traits = properties.into_iter().filter(|(_, t)| *t != PropertyTraits::default()).collect();
        self.class_traits = classes.into_iter().filter(|(_, t)| *t != ClassTraits::default()).collect();
        Ok(self)
    }

    /// Traits of a property; the defaults when it has none.
    #[must_use]
    pub fn traits_of(&self, property: PropertyId) -> PropertyTraits {
        self.def(property).and_then(|d| self.property_traits.get(&d.key)).copied().unwrap_or_default()
    }

    /// Traits of a device class; the defaults when it has none.
    #[must_use]
    pub fn class_traits_of(&self, class: &str) -> ClassTraits {
        self.class_traits.get(class).copied().unwrap_or_default()
    }

    fn check(&self) -> Result<(), PropertyTableError> {
        if let Some(pair) = self.properties.windows(2).find(|p| p[0].key >= p[1].key) {
            return Err(PropertyTableError::Order(pair[1].key.clone()));
        }
        for def in &self.properties {
            if !(def.min <= def.max) {
                return Err(PropertyTableError::Value {
                    what: format!("range of property {}", def.key),
                    value: format!("{}..{}", def.min, def.max),
                    allowed: "min <= max, both finite",
                });
            }
        }
        for (key, class) in &self.classes {
            if !(class.expected_interval_s > 0.0) {
                return Err(PropertyTableError::Value {
                    what: format!("expected_interval_s of class {key}"),
                    value: class.expected_interval_s.to_string(),
                    allowed: "> 0 seconds",
                });
            }
            let named = class.properties.iter().chain(class.alarms.iter().map(|a| &a.property));
            for property in named {
                if self.id(property).is_none() {
                    return Err(PropertyTableError::UnknownProperty { class: key.clone(), property: property.clone() });
                }
            }
        }
        Ok(())
    }

    /// The id of a property key.
    #[must_use]
    pub fn id(&self, key: &str) -> Option<PropertyId> {
        let index = self.properties.binary_search_by(|d| d.key.as_str().cmp(key)).ok()?;
        u16::try_from(index).ok().map(PropertyId)
    }

    /// The definition of a property.
    #[must_use]
    pub fn def(&self, id: PropertyId) -> Option<&PropertyDef> {
        self.properties.get(usize::from(id.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn def(key: &str) -> PropertyDef {
        PropertyDef { key: key.into(), name: key.into(), unit: "m".into(), min: 0.0, max: 9.0, states: vec![] }
    }

    #[test]
    fn ids_do_not_depend_on_file_order() {
        let a = PropertyTable::new(vec![def("b"), def("a")], BTreeMap::new()).unwrap();
        assert_eq!(a.id("a"), Some(PropertyId(0)));
        assert_eq!(a.id("b"), Some(PropertyId(1)));
        assert_eq!(a.id("c"), None);
        assert!(PropertyTable::new(vec![def("a"), def("a")], BTreeMap::new()).is_err());
    }

    #[test]
    fn a_class_may_only_name_defined_properties() {
        let class = DeviceClass {
            name: "水位计".into(),
            properties: vec!["level".into()],
            expected_interval_s: 60.0,
            alarms: vec![],
        };
        let classes = BTreeMap::from([("river_level".to_owned(), class)]);
        let error = PropertyTable::new(vec![def("a")], classes).unwrap_err();
        assert_eq!(error.to_string(), "device class \"river_level\" names unknown property \"level\"");
    }

    #[test]
    fn traits_are_checked_and_found() {
        let table = PropertyTable::new(vec![def("a")], BTreeMap::new()).unwrap();
        let spike = PropertyTraits { spike_per_s: Some(2.0), ..PropertyTraits::default() };
        let given = BTreeMap::from([("a".to_owned(), spike), ("b".to_owned(), PropertyTraits::default())]);
        let table = table.with_traits(given, BTreeMap::new()).unwrap();
        assert_eq!(table.traits_of(PropertyId(0)), spike);
        assert_eq!((table.property_traits.len(), table.class_traits_of("x").personal), (1, false));
        let bad =
            BTreeMap::from([("c".to_owned(), ClassTraits { stale_after_s: Some(0.0), ..ClassTraits::default() })]);
        let error = table.with_traits(BTreeMap::new(), bad).unwrap_err().to_string();
        assert_eq!(error, "stale_after_s of class c = 0: must be > 0 seconds");
    }

    #[test]
    fn values_read_with_units_and_states() {
        let mut d = def("door");
        assert_eq!(d.format(1.5), "1.50 m");
        d.states = vec!["关".into(), "开".into()];
        assert_eq!(d.format(1.0), "开");
        assert_eq!(d.format(-1.0), "-1.00 m");
    }
}
