//! The live state that a run starts from, and the values it takes out of it.

use crate::RunError;
use crate::history::GaugeHistory;
use serde::{Deserialize, Serialize};
use std::path::Path;
use twin_model::{CommunityModel, EntityId, EntityKind, FRESH_INTERVALS, PropertyId, PropertyTable, Quality, TimeMs};

/// Latest values at one moment, as the server writes them for a run (`LIVE.json`).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LiveSnapshot {
    /// The moment: simulated second 0.
    pub now: TimeMs,
    /// (entity, property, value, quality, observed at, received at, sequence).
    pub state: Vec<(EntityId, PropertyId, f64, Quality, TimeMs, TimeMs, u64)>,
    /// What gauges measured before, for runs that begin in the past.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<GaugeHistory>,
}

/// One value taken from the live state.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveInput {
    /// Name of the gauge.
    pub name: String,
    /// Where the gauge stands, ENU metres.
    pub p_enu: [f64; 3],
    /// Value in the property's unit.
    pub value: f64,
    /// Unit.
    pub unit: String,
    /// When it was measured.
    pub observed_at: TimeMs,
}

impl LiveSnapshot {
    /// Reads `LIVE.json`.
    ///
    /// # Errors
    /// [`RunError::Io`] or [`RunError::LiveFile`] naming the file.
    pub fn read(file: &Path) -> Result<Self, RunError> {
        let text = std::fs::read(file).map_err(|source| RunError::Io { path: file.to_owned(), source })?;
        serde_json::from_slice(&text).map_err(|e| RunError::LiveFile { file: file.to_owned(), message: e.to_string() })
    }

    /// Fresh values of one property from devices of one class; an error when there is none.
    ///
    /// # Errors
    /// [`RunError::NoFreshGauge`] saying what there is instead.
    pub fn fresh_gauges(
        &self,
        model: &CommunityModel,
        table: &PropertyTable,
        class: &str,
        property: &str,
        what: &'static str,
    ) -> Result<Vec<LiveInput>, RunError> {
        let none = |found: String| RunError::NoFreshGauge { what, found };
        let id = table.id(property).ok_or_else(|| none(format!("the pack has no property {property:?}")))?;
        let interval_s = table.classes.get(class).map_or(60.0, |c| c.expected_interval_s);
        let unit = table.def(id).map(|d| d.unit.clone()).unwrap_or_default();
        let of_class = |e: &twin_model::Entity| e.kind == EntityKind::Device && e.class == class;
        let mut fresh = Vec::new();
        let mut stale = 0;
        for (entity, _, value, quality, observed_at, ..) in self.state.iter().filter(|row| row.1 == id) {
            let Some(device) = model.get(*entity).filter(|e| of_class(e)) else { continue };
            let age_s = self.now.secs_since(*observed_at);
            if age_s > interval_s * FRESH_INTERVALS || quality.contains(Quality::BAD_RANGE) || !value.is_finite() {
                stale += 1;
                continue;
            }
            fresh.push(LiveInput {
                name: device.name.clone(),
                p_enu: device.p_enu,
                value: *value,
                unit: unit.clone(),
                observed_at: *observed_at,
            });
        }
        if fresh.is_empty() {
            let devices = model.entities().iter().filter(|e| of_class(e)).count();
            return Err(none(format!("{devices} device(s) of class {class:?}, {stale} with a stale or bad value")));
        }
        Ok(fresh)
    }
}

/// Arithmetic mean of the gauges' values.
pub(crate) fn mean(inputs: &[LiveInput]) -> f64 {
    inputs.iter().map(|i| i.value).sum::<f64>() / inputs.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use twin_model::{Community, DeviceClass, Entity, FeatureRef, PropertyDef};

    fn fixture(age_s: f64) -> (LiveSnapshot, CommunityModel, PropertyTable) {
        let gauge = Entity {
            id: EntityId(0),
            kind: EntityKind::Device,
            parent: None,
            name: "1号水位计".into(),
            code: String::new(),
            class: "river_level".into(),
            p_enu: [1.0, 2.0, 3.0],
            height_m: 0.0,
            base_z_m: 0.0,
            footprint: None,
            line: vec![],
            camera: None,
            attributes: BTreeMap::new(),
            source: FeatureRef::default(),
        };
        let def = PropertyDef {
            key: "water_level_m".into(),
            name: "水位".into(),
            unit: "m".into(),
            min: 0.0,
            max: 50.0,
            states: vec![],
        };
        let class = DeviceClass {
            name: "水位计".into(),
            properties: vec!["water_level_m".into()],
            expected_interval_s: 60.0,
            alarms: vec![],
        };
        let table = PropertyTable::new(vec![def], BTreeMap::from([("river_level".into(), class)])).unwrap();
        let model = CommunityModel::new(Community::default(), vec![gauge]).unwrap();
        let now = TimeMs(1_000_000_000);
        let row = (EntityId(0), PropertyId(0), 19.5, Quality::GOOD, now.plus_secs(-age_s), now, 1);
        (LiveSnapshot { now, state: vec![row], history: vec![] }, model, table)
    }

    #[test]
    fn a_fresh_gauge_is_taken_and_a_stale_one_is_named() {
        let (live, model, table) = fixture(100.0);
        let inputs = live.fresh_gauges(&model, &table, "river_level", "water_level_m", "river level").unwrap();
        assert_eq!(mean(&inputs), 19.5);
        let (live, model, table) = fixture(181.0);
        let error = live.fresh_gauges(&model, &table, "river_level", "water_level_m", "river level").unwrap_err();
        assert!(
            error.to_string().starts_with("no fresh river level: 1 device(s) of class \"river_level\", 1 with a stale")
        );
    }
}
