//! The evacuation being edited.

use crate::names;
use twin_model::{
    BuildingPlan, EvacIntervention, EvacScenario, FireFuel, FireGrowth, FireSource, People, ScenarioError, SpaceUse,
    StoreyIndex,
};

/// An evacuation scenario while it is edited. What the panel does not show (weather, doors, detectors, ...) stays as the
/// run had it that the form was filled from, the seed too: what-ifs then have the same people.
#[derive(Debug, Clone, PartialEq)]
pub struct EvacForm {
    /// Everything but the fire.
    pub draft: EvacScenario,
    /// There is a fire; else it is a drill (演练).
    pub with_fire: bool,
    /// The fire; kept while it is switched off.
    pub fire: FireSource,
}

/// Members of a new scenario (集合成员): enough for a 5 % and a 95 % line.
const MEMBERS: u32 = 16;

impl Default for EvacForm {
    fn default() -> Self {
        let draft = EvacScenario {
            frame_interval_s: 2.0,
            seed: 1,
            members: MEMBERS,
            ..EvacScenario::new("疏散推演".to_owned(), 900.0)
        };
        Self { draft, with_fire: true, fire: new_fire() }
    }
}

/// A fire as scenarios have it that say nothing but where.
fn new_fire() -> FireSource {
    FireSource {
        space: String::new(),
        growth: FireGrowth::default(),
        peak_kw: 6000.0,
        fuel: FireFuel::default(),
        start_s: 0.0,
        growth_sigma: 0.3,
    }
}

impl EvacForm {
    /// The form that shows `scenario`.
    #[must_use]
    pub fn from_scenario(scenario: &EvacScenario) -> Self {
        let draft = EvacScenario { fire: None, ..scenario.clone() };
        let fire = scenario.fire.clone().unwrap_or_else(new_fire);
        Self { draft, with_fire: scenario.fire.is_some() || scenario.live.is_some(), fire }
    }

    /// The scenario that the form describes for a building, checked against it.
    ///
    /// # Errors
    /// The first value outside its range, or name that the plan does not have.
    pub fn scenario(&self, plan: &BuildingPlan) -> Result<EvacScenario, ScenarioError> {
        let scenario = EvacScenario {
            building: Some(plan.name.clone()),
            frame_interval_s: self.draft.frame_interval_s.min(self.draft.duration_s),
            fire: (self.with_fire && !self.is_inferred()).then(|| self.fire.clone()),
            ..self.draft.clone()
        };
        scenario.validate()?;
        let space = |field: String, name: &str| match names::find_space(plan, name) {
            Some(_) => Ok(()),
            None => Err(error(&scenario, field, name, "a space of the plan")),
        };
        if let Some(fire) = &scenario.fire {
            space("fire.space".to_owned(), &fire.space)?;
        }
        for (k, measure) in scenario.interventions.iter().enumerate() {
            match measure {
                EvacIntervention::Fan { space: name, .. } => space(format!("interventions[{k}].space"), name)?,
                EvacIntervention::BlockStair { stair, .. } | EvacIntervention::UnblockStair { stair, .. }
                    if !names::has_stair(plan, stair) =>
                {
                    let field = format!("interventions[{k}].stair");
                    return Err(error(&scenario, field, stair, "a stair of the plan"));
                }
                EvacIntervention::CloseDoor { door, .. }
                | EvacIntervention::OpenDoor { door, .. }
                | EvacIntervention::BlockDoor { door, .. }
                    if !crate::evac_doors::has_door(plan, door) =>
                {
                    return Err(error(&scenario, format!("interventions[{k}].door"), door, "a door of the plan"));
                }
                _ => {}
            }
        }
        Ok(scenario)
    }

    /// Whether alarms, not the person, say where it burns.
    pub(crate) fn is_inferred(&self) -> bool {
        self.draft.live.is_some() || !self.draft.fires.is_empty()
    }

    /// From now on the person says where it burns.
    pub(crate) fn forget_inferred(&mut self) {
        (self.draft.live, self.draft.fires) = (None, vec![]);
    }

    /// The plan that the form speaks of: the named one, else the first.
    pub(crate) fn plan<'a>(&self, plans: &'a [std::sync::Arc<BuildingPlan>]) -> Option<&'a BuildingPlan> {
        let named = plans.iter().find(|p| Some(&p.name) == self.draft.building.as_ref());
        named.or_else(|| plans.first()).map(std::sync::Arc::as_ref)
    }

    /// Puts the fire into a room of the plan if it is in none.
    pub(crate) fn settle(&mut self, plan: &BuildingPlan) {
        if names::find_space(plan, &self.fire.space).is_none()
            && let Some(space) = first_room(plan)
        {
            self.fire.space = space;
        }
    }
}

fn error(scenario: &EvacScenario, field: String, value: &str, allowed: &str) -> ScenarioError {
    ScenarioError { scenario: scenario.name.clone(), field, value: format!("{value:?}"), allowed: allowed.to_owned() }
}

/// The first room of a storey: one where people stay, else any.
pub(crate) fn room_of(plan: &BuildingPlan, storey: StoreyIndex) -> Option<String> {
    let stays = |of: SpaceUse| People::default_density(of) > 0.0;
    let lived_in = names::rooms(plan, storey).find(|(_, s)| stays(s.use_));
    lived_in.or_else(|| names::rooms(plan, storey).next()).map(|(label, _)| label)
}

/// The first room of the lowest storey that has one.
pub(crate) fn first_room(plan: &BuildingPlan) -> Option<String> {
    (0..plan.storeys.len() as u32).find_map(|k| room_of(plan, StoreyIndex(k)))
}

/// The word of a growth.
pub(crate) fn growth_zh(growth: &FireGrowth) -> &'static str {
    match growth {
        FireGrowth::Slow => "慢速",
        FireGrowth::Medium => "中速",
        FireGrowth::Fast => "快速",
        FireGrowth::Ultrafast => "超快速",
        FireGrowth::AlphaKwps2(_) => "自定系数",
        FireGrowth::Table(_) => "自定曲线",
    }
}

/// What a measure is called.
pub(crate) fn measure_zh(measure: &EvacIntervention) -> &'static str {
    match measure {
        EvacIntervention::CloseDoor { .. } => "关门",
        EvacIntervention::OpenDoor { .. } => "开门",
        EvacIntervention::BlockDoor { .. } => "封门",
        EvacIntervention::BlockStair { .. } => "封楼梯",
        EvacIntervention::UnblockStair { .. } => "楼梯恢复",
        EvacIntervention::VoiceMessage { .. } => "语音广播",
        EvacIntervention::Fan { .. } => "机械排烟",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_scenario_survives_the_form() {
        let plan = sample::plan();
        let mut scenario = EvacForm::default().draft;
        scenario.building = Some(plan.name.clone());
        scenario.seed = 77;
        scenario.weather.outside_c = -4.0;
        scenario.people.slow_share = 0.25;
        scenario.doors.leak_share = 0.02;
        scenario.interventions = vec![
            EvacIntervention::BlockStair { stair: "1单元楼梯".into(), at_s: 120.0 },
            EvacIntervention::VoiceMessage { remaining: 0.3, at_s: 60.0 },
            EvacIntervention::Fan { space: "2F/走道".into(), flow_m3ps: 8.0, at_s: 90.0 },
            EvacIntervention::CloseDoor { door: "门".into(), at_s: 30.0 },
        ];
        for fire in [None, Some(FireSource { space: "1F/101 客厅".into(), growth: FireGrowth::Fast, ..new_fire() })] {
            scenario.fire = fire;
            let form = EvacForm::from_scenario(&scenario);
            assert_eq!(form.with_fire, scenario.fire.is_some());
            assert_eq!(form.scenario(&plan).as_ref(), Ok(&scenario));
        }
    }

    #[test]
    fn a_new_form_burns_in_a_room_and_switching_the_fire_off_keeps_it() {
        let plan = sample::plan();
        let mut form = EvacForm::default();
        form.settle(&plan);
        assert_eq!(form.fire.space, "1F/101 客厅", "not in the corridor, which comes first");
        assert_eq!(form.scenario(&plan).unwrap().fire.as_ref(), Some(&form.fire));
        form.with_fire = false;
        assert_eq!(form.scenario(&plan).unwrap().fire, None);
        form.settle(&plan);
        assert_eq!(form.fire.space, "1F/101 客厅");
    }

    #[test]
    fn what_the_building_does_not_have_is_named() {
        let plan = sample::plan();
        let mut form = EvacForm::default();
        let said = |form: &EvacForm| form.scenario(&plan).unwrap_err().to_string();
        assert!(said(&form).contains("fire.space = \"\": must be a space of the plan"), "{}", said(&form));
        form.settle(&plan);
        form.draft.interventions = vec![EvacIntervention::BlockStair { stair: "9号梯".into(), at_s: 0.0 }];
        assert!(said(&form).contains("interventions[0].stair = \"9号梯\""), "{}", said(&form));
        form.draft.interventions = vec![EvacIntervention::BlockStair { stair: "1单元楼梯".into(), at_s: 9e5 }];
        assert!(said(&form).contains("interventions[0].at_s"), "{}", said(&form));
        form.draft.interventions = vec![EvacIntervention::BlockDoor { door: "暗门".into(), at_s: 0.0 }];
        assert!(said(&form).contains("interventions[0].door = \"暗门\""), "{}", said(&form));
        form.draft.duration_s = 1.0;
        assert!(said(&form).contains("duration_s"), "{}", said(&form));
    }

    #[test]
    fn a_form_of_another_building_takes_the_first_plan() {
        let plans = [std::sync::Arc::new(sample::plan())];
        let mut form = EvacForm::default();
        form.draft.building = Some("别处".into());
        assert_eq!(form.plan(&plans).map(|p| p.name.as_str()), Some("江畔花园1号楼"));
        assert!(form.plan(&[]).is_none());
    }
}
