//! Elements of the plan by the names that a scenario uses.

use twin_model::{
    BuildingPlan, EvacScenario, OpeningIndex, OpeningKind, ScenarioError, SpaceIndex, SpaceUse, StairIndex,
};

/// Looks names up and says what is wrong with them.
pub(crate) struct Names<'a> {
    pub plan: &'a BuildingPlan,
    pub scenario: &'a EvacScenario,
}

/// Names listed when one is not found.
const LISTED: usize = 6;

impl Names<'_> {
    fn error(&self, field: &str, value: &str, allowed: String) -> ScenarioError {
        let (scenario, field, value) = (self.scenario.name.clone(), field.to_owned(), format!("{value:?}"));
        ScenarioError { scenario, field, value, allowed }
    }

    /// One space: `name` where only one has it, else `storey/name`.
    pub fn space(&self, field: &str, name: &str) -> Result<SpaceIndex, ScenarioError> {
        let all = || (0..self.plan.spaces.len() as u32).map(SpaceIndex);
        let full: Vec<SpaceIndex> = all().filter(|s| self.plan.space_label(*s) == name).collect();
        let found =
            if full.is_empty() { all().filter(|s| self.plan.spaces[s.index()].name == name).collect() } else { full };
        match found.as_slice() {
            [one] => Ok(*one),
            [] => {
                let known = all().filter(|s| self.plan.spaces[s.index()].use_ != SpaceUse::Shaft);
                Err(self.error(field, name, format!("a space of the plan: {}", listed(self.plan, known))))
            }
            many => Err(self.error(field, name, format!("one of {}", listed(self.plan, many.iter().copied())))),
        }
    }

    /// All doors (and windows, if `windows`) of a name.
    pub fn openings(&self, field: &str, name: &str, windows: bool) -> Result<Vec<OpeningIndex>, ScenarioError> {
        let fits = |k: &usize| {
            let o = &self.plan.openings[*k];
            is_called(&o.name, name) && (windows || o.kind != OpeningKind::Window)
        };
        let found: Vec<OpeningIndex> =
            (0..self.plan.openings.len()).filter(fits).map(|k| OpeningIndex(k as u32)).collect();
        if found.is_empty() {
            let doors = self.plan.openings.iter().filter(|o| o.kind == OpeningKind::Door).map(|o| o.name.as_str());
            return Err(self.error(field, name, format!("a door of the plan: {}", some(doors))));
        }
        Ok(found)
    }

    /// All stairs of a name.
    pub fn stairs(&self, field: &str, name: &str) -> Result<Vec<StairIndex>, ScenarioError> {
        let fits = |k: &usize| {
            let index = StairIndex(*k as u32);
            is_called(&self.plan.stairs[*k].name, name) || stair_name(self.plan, index) == name
        };
        let found: Vec<StairIndex> = (0..self.plan.stairs.len()).filter(fits).map(|k| StairIndex(k as u32)).collect();
        if found.is_empty() {
            let known = self.plan.stairs.iter().map(|s| s.name.as_str());
            return Err(self.error(field, name, format!("a stair of the plan: {}", some(known))));
        }
        Ok(found)
    }
}

/// Whether an element has a name, with or without the GlobalId in brackets that plans from IFC append.
fn is_called(full: &str, name: &str) -> bool {
    full == name || full.strip_suffix(')').and_then(|f| f.rsplit_once(" (")).is_some_and(|(plain, _)| plain == name)
}

fn some<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut list: Vec<&str> = names.collect();
    list.sort_unstable();
    list.dedup();
    let more = if list.len() > LISTED { ", …" } else { "" };
    list.truncate(LISTED);
    if list.is_empty() { "it has none".into() } else { format!("{}{more}", list.join(", ")) }
}

fn listed(plan: &BuildingPlan, spaces: impl Iterator<Item = SpaceIndex>) -> String {
    let names: Vec<String> = spaces.map(|s| plan.space_label(s)).collect();
    some(names.iter().map(String::as_str))
}

/// Name of a stair with the storeys it joins.
pub(crate) fn stair_name(plan: &BuildingPlan, stair: StairIndex) -> String {
    let s = &plan.stairs[stair.index()];
    let storey = |space: SpaceIndex| {
        let k = plan.spaces.get(space.index()).map_or(0, |s| s.storey.index());
        plan.storeys.get(k).map_or("?", |k| k.name.as_str())
    };
    format!("{} {}-{}", s.name, storey(s.lower), storey(s.upper))
}
