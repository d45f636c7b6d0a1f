//! Alarms that devices would raise in the run (预测告警).

use crate::RunError;
use crate::domain::Domain;
use crate::sites::{nearest_open, nearest_where};
use twin_model::{AlarmRule, CommunityModel, Comparison, EntityId, EntityKind, PredictedAlarm, PropertyTable, Quality};

/// What a property measures of the water.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Depth over the ground, m.
    Depth,
    /// Level above the vertical datum, m.
    Level,
}

/// Properties of surface water that a run predicts. Levels inside sewers and manholes are not among them.
const MEASURES: &[(&str, Measure)] = &[
    ("ponding_depth_m", Measure::Depth),
    ("water_depth_m", Measure::Depth),
    ("depth_m", Measure::Depth),
    ("water_level_m", Measure::Level),
    ("level_m", Measure::Level),
];

/// Classes whose level is not that of the surface: they measure inside a shaft or sump.
const BELOW_GROUND: &[&str] = &["manhole_level", "pump_station"];

/// What a property of a device class measures of the surface water; `None` when it measures something else.
pub(crate) fn measure(class: &str, property: &str) -> Option<Measure> {
    let known = MEASURES.iter().find(|(key, _)| *key == property && !BELOW_GROUND.contains(&class));
    known.map(|(_, measure)| *measure)
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
