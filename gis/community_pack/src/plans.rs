use crate::PackError;
use serde::{Deserialize, Serialize};
use twin_model::{BuildingPlan, EntityId, PlanDefect};

const FILE: &str = "plans.json";

/// `plans.json`: the inside of buildings as people and smoke move through it, in ENU metres.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Plans {
    /// Buildings with a plan, in the order of their deliveries.
    #[serde(default)]
    pub buildings: Vec<BuildingPlan>,
    /// What is wrong with the models that they come from (缺陷报告), errors first.
    #[serde(default)]
    pub defects: Vec<PlanDefect>,
}

impl Plans {
    /// Reads `plans.json`.
    ///
    /// # Errors
    /// Not the JSON of plans.
    pub fn parse(json: &[u8]) -> Result<Self, PackError> {
        serde_json::from_slice(json).map_err(|e| PackError::format(FILE, e))
    }

    /// The plans as JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The plan of a building.
    #[must_use]
    pub fn of(&self, building: EntityId) -> Option<&BuildingPlan> {
        self.buildings.iter().find(|p| p.building == Some(building))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use twin_model::DefectLevel;

    #[test]
    fn plans_read_back() {
        let plan = BuildingPlan { building: Some(EntityId(7)), name: "1号楼".into(), ..Default::default() };
        let defect =
            PlanDefect { level: DefectLevel::Warning, element: "door D1".into(), text: "joins no space".into() };
        let plans = Plans { buildings: vec![plan.clone()], defects: vec![defect] };
        assert_eq!(Plans::parse(plans.to_json().as_bytes()).unwrap(), plans);
        assert_eq!(plans.of(EntityId(7)), Some(&plan));
        assert_eq!(Plans::parse(b"{}").unwrap(), Plans::default());
        let error = Plans::parse(b"{\"buildings\":[{}]}").unwrap_err().to_string();
        assert!(error.starts_with("plans.json: ") && error.contains("name"), "{error}");
    }
}
