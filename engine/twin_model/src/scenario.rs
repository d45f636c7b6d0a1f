//! Flood scenarios (积水预案/情景) and their results.

use crate::intervention::Check;
use crate::{
    BuildingMode, DesignStorm, EdgeForcing, EntityId, FloodImpact, Infiltration, Intervention, RunId, ScenarioEdit,
    SewerMode, TimeMs,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a run starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScenarioBase {
    /// The latest live state at the moment of the run.
    #[default]
    Live,
    /// No live state: forcing is given in full by the scenario.
    None,
    /// The state that another run reached (`state.bin` of its folder); everything else as for [`ScenarioBase::Live`].
    Run {
        /// The run continued.
        run: RunId,
        /// Its simulated second that is second 0 here: its end, or one of its frames with a stored state.
        at_s: u32,
    },
    /// The past, driven by the gauges' history until the present, then on (回算): the run begins `before_s` before the
    /// present. Scenario times (duration, forcing) count from the present.
    Hindcast {
        /// Seconds before the present at which the run begins, 1..604800.
        before_s: u32,
    },
}

/// Rain on the community.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "source")]
pub enum RainForcing {
    /// Each fresh rain gauge's rate over the ground nearest to it, held constant over the run, times a factor.
    Live {
        /// Multiplier in [0, 10].
        #[serde(default = "one")]
        factor: f64,
    },
    /// A constant rate.
    Constant {
        /// Rain rate, mm/h in [0, 500].
        rain_mmph: f64,
    },
    /// A hyetograph: each rate holds from its time until the next.
    Series {
        /// (seconds from start, mm/h), seconds ascending.
        points: Vec<(f64, f64)>,
    },
    /// A design storm that begins with the run.
    Design(DesignStorm),
    /// No rain.
    None,
}

/// Water level of the river.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "source")]
pub enum StageForcing {
    /// The fresh river gauges' value at the moment of the run, rising at a constant rate.
    Live {
        /// Rate of rise, m/h in [-5, 5].
        #[serde(default)]
        rise_mph: f64,
    },
    /// A constant level.
    Constant {
        /// Level above the pack's vertical datum, m.
        level_m: f64,
    },
    /// A stage hydrograph, linear between points.
    Series {
        /// (seconds from start, level m), seconds ascending.
        points: Vec<(f64, f64)>,
    },
    /// The river is left out.
    None,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

fn one() -> f64 {
    1.0
}

/// What drives a flood run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Forcing {
    /// Rain.
    pub rain: RainForcing,
    /// River.
    pub river: StageForcing,
    /// What happens at the edges of the raster.
    #[serde(default)]
    pub edges: EdgeForcing,
    /// What ground takes in, by land-cover code of the pack; ground not named here is sealed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub infiltration: BTreeMap<String, Infiltration>,
}

impl Default for Forcing {
    fn default() -> Self {
        Self {
            rain: RainForcing::Live { factor: 1.0 },
            river: StageForcing::Live { rise_mph: 0.0 },
            edges: EdgeForcing::Open,
            infiltration: BTreeMap::new(),
        }
    }
}

/// A what-if to compute. Stored as hand-editable TOML.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// Name shown to people.
    pub name: String,
    /// What it starts from.
    #[serde(default)]
    pub base: ScenarioBase,
    /// Simulated time, s in (0, 604800].
    pub duration_s: f64,
    /// Simulated time between stored frames, s in [1, duration].
    pub frame_interval_s: f64,
    /// Cell size, m in [0.5, 50]; the terrain is resampled to it.
    pub cell_m: f64,
    /// Each part of the ground takes time steps of its own (局部时间步长): several times faster where a deep river lies beside
    /// streets; results differ within the scheme's error.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub local_time_steps: bool,
    /// Seed of everything random in the run (the flood kernel uses none; ensembles do).
    #[serde(default)]
    pub seed: u64,
    /// Perturbed members (集合成员) computed beside the run itself, 0..1000: for probabilities and percentiles.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub members: u32,
    /// Measured rain and river level are corrected so that the past meets the depth and level gauges (实况订正). Only with
    /// [`ScenarioBase::Hindcast`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub correct: bool,
    /// Water.
    #[serde(default)]
    pub forcing: Forcing,
    /// How buildings stand in the water.
    #[serde(default)]
    pub buildings: BuildingMode,
    /// Whether storm drains take part.
    #[serde(default)]
    pub sewers: SewerMode,
    /// Changes, in order.
    #[serde(default)]
    pub interventions: Vec<Intervention>,
    /// Changes made while the run went on, by time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<ScenarioEdit>,
}

/// A scenario value outside its range.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("scenario {scenario:?}: {field} = {value}: must be {allowed}")]
pub struct ScenarioError {
    /// Scenario name.
    pub scenario: String,
    /// Field path.
    pub field: String,
    /// Offending value as text.
    pub value: String,
    /// Allowed range with unit.
    pub allowed: String,
}

impl Scenario {
    /// Checks every number against its documented range.
    ///
    /// # Errors
    /// The first [`ScenarioError`] found, in field order.
    pub fn validate(&self) -> Result<(), ScenarioError> {
        self.range("duration_s", self.duration_s, 1.0, 604_800.0, "s")?;
        self.range("frame_interval_s", self.frame_interval_s, 1.0, self.duration_s, "s")?;
        self.range("cell_m", self.cell_m, 0.5, 50.0, "m")?;
        if let ScenarioBase::Hindcast { before_s } = self.base {
            self.range("base.hindcast.before_s", f64::from(before_s), 1.0, 604_800.0, "s")?;
        }
        self.range("members", f64::from(self.members), 0.0, 1000.0, "")?;
        if self.correct && !matches!(self.base, ScenarioBase::Hindcast { .. }) {
            return Err(self.error("correct", "true".into(), "false unless base is a hindcast"));
        }
        match &self.forcing.rain {
            RainForcing::Live { factor } => self.range("forcing.rain.factor", *factor, 0.0, 10.0, "")?,
            RainForcing::Constant { rain_mmph } => {
                self.range("forcing.rain.rain_mmph", *rain_mmph, 0.0, 500.0, "mm/h")?;
            }
            RainForcing::Series { points } => self.series("forcing.rain.points", points, 0.0, 500.0, "mm/h")?,
            RainForcing::Design(storm) => {
                for (name, value, low, high, unit) in storm.ranges() {
                    self.range(&format!("forcing.rain.{name}"), value, low, high, unit)?;
                }
            }
            RainForcing::None => {}
        }
        match &self.forcing.river {
            StageForcing::Live { rise_mph } => self.range("forcing.river.rise_mph", *rise_mph, -5.0, 5.0, "m/h")?,
            StageForcing::Constant { level_m } => {
                self.range("forcing.river.level_m", *level_m, -500.0, 9000.0, "m")?;
            }
            StageForcing::Series { points } => self.series("forcing.river.points", points, -500.0, 9000.0, "m")?,
            StageForcing::None => {}
        }
        if let EdgeForcing::NormalDepth { slope } = self.forcing.edges {
            self.range("forcing.edges.slope", slope, 1e-6, 1.0, "")?;
        }
        let check = Check { scenario: self };
        for (code, law) in &self.forcing.infiltration {
            check.infiltration(&format!("forcing.infiltration.{code}"), law)?;
        }
        if let BuildingMode::Raised { by_m } = self.buildings {
            self.range("buildings.by_m", by_m, 0.1, 50.0, "m")?;
        }
        if let BuildingMode::Porous { drag } = self.buildings {
            self.range("buildings.drag", drag, 0.0, 10.0, "")?;
        }
        check.interventions("interventions", &self.interventions)?;
        let mut last = 0.0;
        for (i, edit) in self.edits.iter().enumerate() {
            self.range(&format!("edits[{i}].at_s"), edit.at_s, last, self.duration_s, "s")?;
            last = edit.at_s;
            check.interventions(&format!("edits[{i}].interventions"), &edit.interventions)?;
        }
        Ok(())
    }

    /// Seconds of the run before the present: those of a hindcast, else 0.
    #[must_use]
    pub fn past_s(&self) -> f64 {
        if let ScenarioBase::Hindcast { before_s } = self.base { f64::from(before_s) } else { 0.0 }
    }

    /// All simulated seconds: past and future.
    #[must_use]
    pub fn total_s(&self) -> f64 {
        self.past_s() + self.duration_s
    }

    pub(crate) fn series(
        &self,
        field: &str,
        pts: &[(f64, f64)],
        lo: f64,
        hi: f64,
        unit: &str,
    ) -> Result<(), ScenarioError> {
        if pts.is_empty() {
            return Err(self.error(field, "no points".into(), "at least one point"));
        }
        for (t, v) in pts {
            self.range(&format!("{field}.time"), *t, 0.0, 604_800.0, "s")?;
            self.range(&format!("{field}.value"), *v, lo, hi, unit)?;
        }
        match pts.windows(2).find(|w| w[1].0 <= w[0].0) {
            Some(w) => Err(self.error(field, format!("{} after {}", w[1].0, w[0].0), "seconds strictly ascending")),
            None => Ok(()),
        }
    }

    pub(crate) fn range(&self, field: &str, value: f64, lo: f64, hi: f64, unit: &str) -> Result<(), ScenarioError> {
        if value >= lo && value <= hi {
            return Ok(());
        }
        Err(self.error(field, format!("{value} {unit}").trim_end().to_owned(), format!("{lo}..{hi} {unit}").trim_end()))
    }

    pub(crate) fn error(&self, field: &str, value: String, allowed: &str) -> ScenarioError {
        ScenarioError { scenario: self.name.clone(), field: field.to_owned(), value, allowed: allowed.to_owned() }
    }
}

/// Grid of a run, in the plane CRS of the terrain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GridSpec {
    /// EPSG code of the plane CRS.
    pub epsg: u32,
    /// Easting of the south-west corner of cell (0, 0), m.
    pub x0: f64,
    /// Northing of the south-west corner of cell (0, 0), m.
    pub y0: f64,
    /// Cell size, m.
    pub dx_m: f64,
    /// Cells west to east.
    pub nx: u32,
    /// Cells south to north.
    pub ny: u32,
}

/// What a finished (or running) flood run says about itself (`run.json`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// The scenario as it was run.
    pub scenario: Scenario,
    /// Instant that simulated second 0 stands for.
    pub started_from: TimeMs,
    /// The live values used: (what, value, unit, observed at).
    pub live_inputs: Vec<(String, f64, String, TimeMs)>,
    /// The grid.
    pub grid: GridSpec,
    /// Simulated second of each stored frame.
    pub frame_times_s: Vec<f64>,
    /// Steps computed.
    pub steps: u64,
    /// Volume at the start, m³.
    pub volume_start_m3: f64,
    /// Volume at the end, m³.
    pub volume_end_m3: f64,
    /// Rain received, m³.
    pub rain_m3: f64,
    /// In over boundaries and sources, m³.
    pub inflow_m3: f64,
    /// Out over boundaries, m³.
    pub outflow_m3: f64,
    /// (end − start − in + out) / (in), dimensionless; relative to the start volume when nothing came in.
    pub mass_error: f64,
    /// Area that was deeper than 5 cm at some time and is not river, m².
    pub flooded_area_m2: f64,
    /// Greatest depth outside the river, m.
    pub max_depth_m: f64,
    /// Checksum of the final state.
    pub checksum: String,
    /// CPU-independent version of the kernel.
    pub kernel: String,
    /// Entities that got wet: (entity, max depth m, first wet s), sorted by entity.
    pub affected: Vec<(EntityId, f64, f64)>,
    /// What it means for people and things.
    #[serde(default)]
    pub impact: FloodImpact,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario() -> Scenario {
        Scenario {
            name: "试算".into(),
            base: ScenarioBase::Live,
            duration_s: 3600.0,
            frame_interval_s: 60.0,
            cell_m: 2.0,
            local_time_steps: false,
            seed: 1,
            members: 0,
            correct: false,
            forcing: Forcing::default(),
            buildings: BuildingMode::Blocked,
            sewers: SewerMode::Pack,
            interventions: vec![],
            edits: vec![],
        }
    }

    #[test]
    fn a_design_storm_is_read_and_checked() {
        let text = r#"{"source": "design", "return_period_a": 20.0, "duration_min": 180.0, "peak_ratio": 0.35,
            "a1_mm": 12.0, "c": 0.8, "b_min": 8.0, "n": 0.7}"#;
        let mut s = scenario();
        s.forcing.rain = serde_json::from_str(text).unwrap();
        assert!(matches!(s.forcing.rain, RainForcing::Design(storm) if storm.duration_min == 180.0));
        assert_eq!(s.validate(), Ok(()));
        s.forcing.rain = RainForcing::Design(DesignStorm { n: 1.2, ..DesignStorm::default() });
        let error = s.validate().unwrap_err().to_string();
        assert_eq!(error, "scenario \"试算\": forcing.rain.n = 1.2: must be 0.3..1");
    }

    #[test]
    fn every_range_is_checked_with_a_clear_line() {
        assert_eq!(scenario().validate(), Ok(()));
        let mut s = scenario();
        s.cell_m = f64::NAN;
        assert_eq!(s.validate().unwrap_err().to_string(), "scenario \"试算\": cell_m = NaN m: must be 0.5..50 m");
        let mut s = scenario();
        s.forcing.river = StageForcing::Series { points: vec![(0.0, 1.0), (0.0, 2.0)] };
        assert!(s.validate().unwrap_err().to_string().contains("strictly ascending"));
        let mut s = scenario();
        s.interventions.push(Intervention::Barrier(crate::Barrier {
            name: String::new(),
            line_enu: vec![[0.0, 0.0]],
            height_m: 1.0,
            breach: None,
        }));
        assert!(s.validate().unwrap_err().to_string().contains(">= 2 points"));
    }

    #[test]
    fn bases_are_written_as_people_would() {
        let mut s = scenario();
        for (base, text) in [
            (ScenarioBase::Live, "\"live\""),
            (ScenarioBase::Run { run: RunId(4), at_s: 600 }, r#"{"run":{"run":4,"at_s":600}}"#),
            (ScenarioBase::Hindcast { before_s: 7200 }, r#"{"hindcast":{"before_s":7200}}"#),
        ] {
            s.base = base;
            assert_eq!(serde_json::to_string(&s.base).unwrap(), text);
            assert_eq!(serde_json::from_str::<ScenarioBase>(text).unwrap(), base);
            assert_eq!(s.validate(), Ok(()));
        }
        s.base = ScenarioBase::Hindcast { before_s: 0 };
        assert!(s.validate().unwrap_err().to_string().contains("base.hindcast.before_s = 0 s: must be 1..604800 s"));
    }
}
