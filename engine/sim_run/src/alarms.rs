//! Alarms that devices would raise in the run (预测告警).

use crate::RunError;
use crate::domain::Domain;
use crate::sites::{nearest_open, nearest_where};
use twin_model::{
    AlarmRule, CommunityModel, Comparison, EntityId, EntityKind, PredictedAlarm, PropertyTable, Quality, WaterGauge,
    water_gauge,
};

/// What a property measures of the water.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Depth over the ground, m.
    Depth,
    /// Level above the vertical datum, m.
    Level,
}

/// What a property of a device class measures of the surface water; `None` when it measures something else.
pub(crate) fn measure(class: &str, property: &str) -> Option<Measure> {
    match water_gauge(class, property)? {
        WaterGauge::Depth => Some(Measure::Depth),
        WaterGauge::Level => Some(Measure::Level),
        WaterGauge::Rain => None,
    }
}

/// A level gauge on a bank measures the water at most this far away, m.
const GAUGE_REACH_M: f64 = 50.0;

/// One rule of one device and what it has met.
#[derive(Debug, Clone)]
struct Watched {
    entity: EntityId,
    rule_index: u16,
    rule: AlarmRule,
    measure: Measure,
    cell: u32,
    before: Option<(f64, f64)>,
    first_s: Option<f64>,
    greatest: f64,
}

/// Watches the alarm rules on water during a run.
#[derive(Debug, Clone)]
pub struct AlarmWatch {
    rules: Vec<Watched>,
    bed_m: Vec<f64>,
}

impl AlarmWatch {
    /// Every "at least" rule on a water property of every device on the raster.
    ///
    /// # Errors
    /// [`RunError::Frame`] when a place cannot be projected.
    pub fn new(model: &CommunityModel, table: &PropertyTable, domain: &Domain) -> Result<Self, RunError> {
        let water = domain.water_cells();
        let mut rules = Vec::new();
        for device in model.of_kind(EntityKind::Device) {
            let Some(class) = table.classes.get(&device.class) else { continue };
            for (index, rule) in class.alarms.iter().enumerate().filter(|(_, r)| r.when == Comparison::AtLeast) {
                let Some(measure) = measure(&device.class, &rule.property) else { continue };
                let at = domain.raster_from_enu(device.p_enu)?;
                let in_water = |cell: u32| water[cell as usize] && !domain.terrain.blocked[cell as usize];
                let cell = match measure {
                    Measure::Level => nearest_where(domain, at, GAUGE_REACH_M, in_water),
                    Measure::Depth => None,
                };
                let Some(cell) = cell.map_or_else(|| nearest_open(domain, device.p_enu), |c| Ok(Some(c)))? else {
                    continue;
                };
                rules.push(Watched {
                    entity: device.id,
                    rule_index: index as u16,
                    rule: rule.clone(),
                    measure,
                    cell,
                    before: None,
                    first_s: None,
                    greatest: f64::NEG_INFINITY,
                });
            }
        }
        let bed_m = rules.iter().map(|r| domain.terrain.bed_m[r.cell as usize]).collect();
        Ok(Self { rules, bed_m })
    }

    /// Takes in the depth (m) of every cell at `t_s`; between samples the depth is taken as linear.
    pub fn sample(&mut self, t_s: f64, depth_m: &[f32]) {
        for (watched, bed_m) in self.rules.iter_mut().zip(&self.bed_m) {
            let depth = f64::from(depth_m[watched.cell as usize]);
            // Over dry ground there is no level.
            let value = match watched.measure {
                Measure::Depth => depth,
                Measure::Level if depth >= crate::AFFECTED_DEPTH_M => bed_m + depth,
                Measure::Level => continue,
            };
            watched.take(t_s, value);
        }
    }

    /// The alarms met so far, by first time, then entity and rule.
    #[must_use]
    pub fn alarms(&self) -> Vec<PredictedAlarm> {
        let mut alarms: Vec<PredictedAlarm> = self.rules.iter().filter_map(Watched::alarm).collect();
        alarms.sort_by(|a, b| a.first_s.total_cmp(&b.first_s).then((a.entity, a.rule).cmp(&(b.entity, b.rule))));
        alarms
    }
}

impl Watched {
    fn take(&mut self, t_s: f64, value: f64) {
        self.greatest = self.greatest.max(value);
        if self.first_s.is_none() && self.rule.is_met(value) {
            let first = self.before.filter(|(_, before)| value > *before).map_or(t_s, |(t0, before)| {
                t0 + (t_s - t0) * ((self.rule.limit - before) / (value - before)).clamp(0.0, 1.0)
            });
            self.first_s = Some(first);
        }
        self.before = Some((t_s, value));
    }

    fn alarm(&self) -> Option<PredictedAlarm> {
        Some(PredictedAlarm {
            entity: self.entity,
            rule: self.rule_index,
            property: self.rule.property.clone(),
            severity: self.rule.severity,
            text: self.rule.text.clone(),
            limit: self.rule.limit,
            first_s: self.first_s?,
            value: self.greatest,
            quality: Quality::SIMULATED,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::tests::domain_of;
    use crate::tests::{entity, model};
    use std::collections::BTreeMap;
    use twin_model::{DeviceClass, PropertyDef, Severity};

    fn table() -> PropertyTable {
        let def = |key: &str| PropertyDef {
            key: key.into(),
            name: key.into(),
            unit: "m".into(),
            min: 0.0,
            max: 50.0,
            states: vec![],
        };
        let rule = |property: &str, limit| AlarmRule {
            property: property.into(),
            when: Comparison::AtLeast,
            limit,
            hysteresis: 0.0,
            severity: Severity::Major,
            text: "积水".into(),
        };
        let class = |property: &str, limits: &[f64]| DeviceClass {
            name: property.into(),
            properties: vec![property.into()],
            expected_interval_s: 60.0,
            alarms: limits.iter().map(|l| rule(property, *l)).collect(),
        };
        let classes = BTreeMap::from([
            ("road_ponding".to_owned(), class("ponding_depth_m", &[0.15, 0.27])),
            ("river_level".to_owned(), class("water_level_m", &[18.5])),
            ("manhole_level".to_owned(), class("water_level_m", &[18.5])),
        ]);
        PropertyTable::new(vec![def("ponding_depth_m"), def("water_level_m")], classes).unwrap()
    }

    #[test]
    fn rules_trip_when_the_water_reaches_their_limit() {
        let mut domain = domain_of(20, 1, 2.0, |x, _| if x < 4.0 { 15.0 } else { 20.0 });
        domain.river = vec![0, 1];
        let device = |id, class: &str, east: f64| {
            let mut e = entity(id, EntityKind::Device, class);
            (e.class, e.p_enu) = (class.to_owned(), [east, 0.0, 0.0]);
            e
        };
        // The river gauge stands on the bank, the others on land.
        let devices = vec![
            device(0, "road_ponding", 5.0),
            device(1, "river_level", -13.0),
            device(2, "manhole_level", 5.0),
            device(3, "river_level", 19.0),
        ];
        let mut watch = AlarmWatch::new(&model(devices), &table(), &domain).unwrap();
        let depth = |river: f32, land: f32| -> Vec<f32> { (0..20).map(|c| if c < 2 { river } else { land }).collect() };
        watch.sample(0.0, &depth(3.0, 0.0));
        watch.sample(100.0, &depth(3.25, 0.1));
        watch.sample(200.0, &depth(3.75, 0.2));
        let alarms = watch.alarms();
        let told: Vec<_> = alarms.iter().map(|a| (a.entity.0, a.rule, a.first_s.round(), a.limit)).collect();
        assert_eq!(told, [(0, 0, 150.0, 0.15), (1, 0, 150.0, 18.5), (3, 0, 150.0, 18.5)]);
        assert!((alarms[1].value - 18.75).abs() < 1e-6 && alarms[1].quality == Quality::SIMULATED);
    }
}
