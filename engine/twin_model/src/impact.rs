//! What a flood run means for people and things (影响评估): totals, predicted alarms, corrections, spread of an ensemble.

use crate::{EntityId, Quality, Severity};
use serde::{Deserialize, Serialize};

/// What a flood run says beyond water: everything here is simulated.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FloodImpact {
    /// Counts of what the water reaches.
    pub totals: FloodTotals,
    /// Alarms that the devices would raise, by first time.
    pub predicted_alarms: Vec<PredictedAlarm>,
    /// How gauge-driven forcing was corrected by observations; `None` when it was not.
    pub correction: Option<ForcingCorrection>,
    /// Spread of an ensemble; `None` for a single run.
    pub ensemble: Option<EnsembleSummary>,
    /// Simulated seconds of the run that lie before the present (hindcast, 回算); 0 for a forecast from now.
    pub hindcast_s: f64,
    /// Findings of the pre-flight report (`preflight.json`) that are warnings or worse.
    pub preflight_warnings: u32,
}

/// Counts of what the water reaches. A thing counts from 5 cm of water at it unless said otherwise.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FloodTotals {
    /// Buildings with water at their walls.
    pub buildings: u32,
    /// Households (户) on the ground floor of buildings with water at an entrance.
    pub households: u32,
    /// People in buildings with water at an entrance, where the pack has a count; counts only.
    pub people: u32,
    /// The entity attributes that `people` was read from; empty when the pack has none.
    pub people_attributes: Vec<String>,
    /// Underground garages whose ramp or building the water reaches, and buildings with a basement among them.
    pub garages: u32,
    /// Substations and transformer boxes (变电站、箱变).
    pub substations: u32,
    /// Manholes (检查井).
    pub manholes: u32,
    /// Gates of estates (出入口).
    pub gates: u32,
    /// Devices.
    pub devices: u32,
    /// Road length, m, that pedestrians cannot pass at some time.
    pub road_cut_pedestrian_m: f64,
    /// Road length, m, that cars cannot pass at some time.
    pub road_cut_car_m: f64,
    /// Road length, m, that fire engines cannot pass at some time.
    pub road_cut_fire_engine_m: f64,
    /// Area in each hazard class H1 to H6 outside rivers and ponds, m², from 5 cm of water.
    pub hazard_area_m2: [f64; 6],
}

/// An alarm that a device would raise in the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PredictedAlarm {
    /// The device.
    pub entity: EntityId,
    /// Index of the rule within the device class.
    pub rule: u16,
    /// Property key of the rule.
    pub property: String,
    /// Severity of the rule.
    pub severity: Severity,
    /// Text of the rule.
    pub text: String,
    /// Limit of the rule, in the property's unit.
    pub limit: f64,
    /// Simulated second at which the limit is first reached.
    pub first_s: f64,
    /// Greatest value predicted, in the property's unit.
    pub value: f64,
    /// Always [`Quality::SIMULATED`].
    pub quality: Quality,
}

/// How forcing taken from gauges was corrected so that the run meets gauges inside the domain (实况订正).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForcingCorrection {
    /// Multiplier on the gauges' rain; 1 = as measured.
    pub rain_factor: f64,
    /// Added to the gauges' river level, m; 0 = as measured.
    pub stage_offset_m: f64,
    /// Root mean square difference to the gauges before, m.
    pub rmse_before_m: f64,
    /// Root mean square difference to the gauges after, m.
    pub rmse_after_m: f64,
    /// Gauges compared with.
    pub gauges: u32,
    /// Samples compared with.
    pub samples: u32,
    /// Short runs computed for the search.
    pub runs: u32,
}

/// What an ensemble was made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnsembleSummary {
    /// Members beside the run itself.
    pub members: u32,
    /// Rain multiplier, river level offset (m) and roughness multiplier of each member.
    pub draws: Vec<[f64; 3]>,
    /// Tenth, fiftieth and ninetieth percentile of the flooded area, m².
    pub flooded_area_m2: [f64; 3],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_of_an_older_version_reads_as_nothing_known() {
        assert_eq!(serde_json::from_str::<FloodImpact>("{}").unwrap(), FloodImpact::default());
        let totals: FloodTotals = serde_json::from_str(r#"{"buildings": 3}"#).unwrap();
        assert_eq!((totals.buildings, totals.hazard_area_m2), (3, [0.0; 6]));
    }
}
