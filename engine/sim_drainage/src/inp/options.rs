//! `[OPTIONS]`: units, times, numerical settings.

use super::lex::Row;
use super::{Note, when};
use crate::params::{Damping, NormalLimit};
use crate::{DrainageError, DrainageParams};

const FOOT_M: f64 = 0.3048;

/// Factors from the file's units to SI.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Units {
    /// To metres.
    pub length: f64,
    /// To m3/s.
    pub flow: f64,
}

/// Settings of a file.
#[derive(Debug, Clone)]
pub(super) struct Options {
    pub units: Units,
    pub params: DrainageParams,
    pub offsets_are_levels: bool,
    pub ponding: bool,
    pub shaft_area_m2: f64,
    pub report_step_s: f64,
    /// Days since 1970-01-01 and seconds of the day.
    pub start: (i64, f64),
    pub end: (i64, f64),
}

impl Options {
    pub(super) fn duration_s(&self) -> f64 {
        (self.end.0 - self.start.0) as f64 * 86_400.0 + self.end.1 - self.start.1
    }
}

/// Settings that change nothing here.
const WITHOUT_EFFECT: &[&str] = &[
    "INFILTRATION",
    "REPORT_START_DATE",
    "REPORT_START_TIME",
    "SWEEP_START",
    "SWEEP_END",
    "DRY_DAYS",
    "WET_STEP",
    "DRY_STEP",
    "LENGTHENING_STEP",
    "SKIP_STEADY_STATE",
    "FORCE_MAIN_EQUATION",
    "SURCHARGE_METHOD",
    "MIN_SLOPE",
    "MAX_TRIALS",
    "HEAD_TOLERANCE",
    "SYS_FLOW_TOL",
    "LAT_FLOW_TOL",
    "THREADS",
    "RULE_STEP",
    "TEMPDIR",
    "COMPATIBILITY",
    "IGNORE_RAINFALL",
    "IGNORE_SNOWMELT",
    "IGNORE_GROUNDWATER",
    "IGNORE_RDII",
    "IGNORE_QUALITY",
    "SLOPE_WEIGHTING",
];

/// Reads the options.
pub(super) fn read(rows: &[&Row], notes: &mut Vec<Note>) -> Result<Options, DrainageError> {
    let mut o = Options {
        units: units_of("CFS").unwrap_or(Units { length: 1.0, flow: 1.0 }),
        params: DrainageParams { max_dt_s: 20.0, ..DrainageParams::default() },
        offsets_are_levels: false,
        ponding: false,
        shaft_area_m2: 0.0,
        report_step_s: 900.0,
        start: (when::days(2004, 1, 1), 0.0),
        end: (when::days(2004, 1, 1), 0.0),
    };
    let (mut ended, mut least_area) = (false, 0.0);
    for row in rows {
        let value = row.need(1, "value")?.to_ascii_uppercase();
        let seconds = |field: &str| {
            when::seconds(&value, 1.0).ok_or_else(|| row.error(field, &value, "h:mm:ss or seconds, 0 or more"))
        };
        let date = |field: &str| when::date(&value).ok_or_else(|| row.error(field, &value, "month/day/year"));
        let clock = |field: &str| {
            when::seconds(&value, 3600.0).ok_or_else(|| row.error(field, &value, "h:mm:ss or hours, 0 or more"))
        };
        match row.id().to_ascii_uppercase().as_str() {
            "FLOW_UNITS" => {
                o.units = units_of(&value)
                    .ok_or_else(|| row.error("unit", &value, "CFS, GPM, MGD, CMS, LPS or MLD"))?;
            }
            "START_DATE" => o.start.0 = date("date")?,
            "START_TIME" => o.start.1 = clock("time")?,
            "END_DATE" => (o.end.0, ended) = (date("date")?, true),
            "END_TIME" => (o.end.1, ended) = (clock("time")?, true),
            "REPORT_STEP" => o.report_step_s = seconds("time")?,
            "ROUTING_STEP" => o.params.max_dt_s = seconds("time")?.clamp(1e-3, 600.0),
            "MINIMUM_STEP" => o.params.min_dt_s = row.number(1, "value")?.clamp(1e-3, 600.0),
            "VARIABLE_STEP" => {
                let v = row.number(1, "value")?;
                if !(0.0..=2.0).contains(&v) {
                    return Err(row.error("value", &value, "0 to 2"));
                }
                // 0 means a fixed step in SWMM; ours stays bound by the Courant condition.
                o.params.courant = if v > 0.0 { v.max(0.05) } else { 1.0 };
            }
            "MIN_SURFAREA" => least_area = row.number(1, "value")?,
            "INERTIAL_DAMPING" => {
                o.params.damping = match value.as_str() {
                    "NONE" => Damping::None,
                    "PARTIAL" => Damping::Partial,
                    "FULL" => Damping::Full,
                    _ => return Err(row.error("value", &value, "NONE, PARTIAL or FULL")),
                }
            }
            "NORMAL_FLOW_LIMITED" => {
                o.params.normal_limit = match value.as_str() {
                    "SLOPE" | "YES" => NormalLimit::Slope,
                    "FROUDE" => NormalLimit::Froude,
                    "BOTH" => NormalLimit::Both,
                    "NEITHER" | "NONE" | "NO" => NormalLimit::Never,
                    _ => return Err(row.error("value", &value, "SLOPE, FROUDE, BOTH or NEITHER")),
                }
            }
            "ALLOW_PONDING" => o.ponding = row.yes(1, "value")?,
            "LINK_OFFSETS" => {
                o.offsets_are_levels = match value.as_str() {
                    "DEPTH" => false,
                    "ELEVATION" => true,
                    _ => return Err(row.error("value", &value, "DEPTH or ELEVATION")),
                }
            }
            "FLOW_ROUTING" | "ROUTING_MODEL" if value != "DYNWAVE" && value != "DW" => {
                notes.push(Note::at(row, format!("{value} routing asked for; the dynamic wave is used")));
            }
            "IGNORE_ROUTING" if value == "YES" => {
                notes.push(Note::at(row, "routing is always done".into()));
            }
            "FLOW_ROUTING" | "ROUTING_MODEL" | "IGNORE_ROUTING" => {}
            name if WITHOUT_EFFECT.contains(&name) => {}
            name => notes.push(Note::at(row, format!("option {name} is not known and has no effect"))),
        }
    }
    if !ended {
        o.end = (o.start.0 + 1, o.start.1);
    }
    if o.duration_s() < 0.0 {
        let row = rows.iter().find(|r| r.id().to_ascii_uppercase().starts_with("END_")).unwrap_or(&rows[0]);
        return Err(row.error("end", row.word(1), "not before the start"));
    }
    o.params.min_dt_s = o.params.min_dt_s.min(o.params.max_dt_s);
    let metres = o.units.length;
    o.shaft_area_m2 = if least_area > 0.0 { least_area * metres * metres } else { 12.566 * FOOT_M * FOOT_M };
    Ok(o)
}

fn units_of(name: &str) -> Option<Units> {
    let (length, flow) = match name {
        "CFS" => (FOOT_M, FOOT_M * FOOT_M * FOOT_M),
        "GPM" => (FOOT_M, 3.785_411_784e-3 / 60.0),
        "MGD" => (FOOT_M, 3785.411_784 / 86_400.0),
        "CMS" => (1.0, 1.0),
        "LPS" => (1.0, 1e-3),
        "MLD" => (1.0, 1000.0 / 86_400.0),
        _ => return None,
    };
    Some(Units { length, flow })
}
