//! Where the scenario and the building's plan come from.

use crate::EvacRunError;
use community_pack::Pack;
use ifc_import::{ImportOptions, PlanOptions, building_plan, import_ifc};
use std::path::{Path, PathBuf};
use twin_model::{BuildingPlan, EvacScenario};

/// Where the plan comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanSource {
    /// `plans.json` of a community pack.
    Pack(PathBuf),
    /// An IFC file; the plan stays in its frame.
    Ifc(PathBuf),
}

/// Whether the TOML of a scenario says `kind = "evacuation"`.
#[must_use]
pub fn is_evacuation(text: &str) -> bool {
    let table: Result<toml::Table, _> = toml::from_str(text);
    table.is_ok_and(|t| t.get("kind").and_then(toml::Value::as_str) == Some("evacuation"))
}

/// Reads a scenario from TOML; `file` is for messages.
///
/// # Errors
/// [`EvacRunError::ScenarioFile`] with the line, [`EvacRunError::Evac`] for a value outside its range.
pub fn read_scenario(text: &str, file: &Path) -> Result<EvacScenario, EvacRunError> {
    let scenario: EvacScenario = toml::from_str(text).map_err(|e| {
        let line = e.span().map(|s| text.get(..s.start).map_or(1, |before| before.matches('\n').count() + 1));
        let words: Vec<&str> = e.message().split_whitespace().collect();
        let message = match line {
            Some(n) => format!("line {n}: {}", words.join(" ")),
            None => words.join(" "),
        };
        EvacRunError::ScenarioFile { file: file.to_owned(), message }
    })?;
    scenario.validate().map_err(sim_evac::EvacError::from)?;
    Ok(scenario)
}

/// The plan that a scenario speaks of, and what the reading doubts.
///
/// # Errors
/// [`EvacRunError`] for files that cannot be read, no plan, or a building that is none of them.
pub fn read_plan(source: &PlanSource, building: Option<&str>) -> Result<(BuildingPlan, Vec<String>), EvacRunError> {
    let (plans, doubts) = match source {
        PlanSource::Pack(dir) => (Pack::open(dir)?.plans()?.buildings, Vec::new()),
        PlanSource::Ifc(file) => from_ifc(file)?,
    };
    let names: Vec<&str> = plans.iter().map(|p| p.name.as_str()).collect();
    let wrong = |wanted: &str, allowed: String| EvacRunError::Building { wanted: wanted.to_owned(), allowed };
    let found = match building {
        Some(name) => plans.iter().find(|p| p.name == name).ok_or_else(|| {
            wrong(
                &format!("{name:?}"),
                if names.is_empty() {
                    "in a pack that has plans".into()
                } else {
                    format!("one of {}", names.join(", "))
                },
            )
        })?,
        None => match plans.as_slice() {
            [one] => one,
            [] => return Err(wrong("none", "in a pack or file that has a building plan".into())),
            _ => return Err(wrong("not said", format!("one of {}", names.join(", ")))),
        },
    };
    Ok((found.clone(), doubts))
}

fn from_ifc(file: &Path) -> Result<(Vec<BuildingPlan>, Vec<String>), EvacRunError> {
    let bytes = std::fs::read(file).map_err(|cause| EvacRunError::Io { path: file.to_owned(), cause })?;
    let wrong = |message: String| EvacRunError::Ifc { file: file.to_owned(), message };
    let model = import_ifc(&bytes, &ImportOptions::default()).map_err(|e| wrong(e.to_string()))?;
    let (plans, defects) = building_plan(&model, &PlanOptions::default()).map_err(|e| wrong(e.to_string()))?;
    Ok((plans, defects.iter().map(ToString::to_string).collect()))
}
