//! What the panels remember between frames: texts being typed, open tabs. Never part of the shared state.

use crate::evac_form::EvacForm;
use crate::model::ViewModel;
use std::collections::BTreeMap;
use twin_model::{
    BuildingMode, DesignStorm, EdgeForcing, Forcing, Intervention, NewWork, RainForcing, RunId, RunScenario, Scenario,
    ScenarioBase, ScenarioError, SewerMode, StageForcing,
};

/// Kinds of runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RunKind {
    /// 积水.
    #[default]
    Flood,
    /// 疏散.
    Evacuation,
}

impl RunKind {
    /// The kind of a scenario.
    #[must_use]
    pub const fn of(scenario: &RunScenario) -> Self {
        match scenario {
            RunScenario::Flood(_) => Self::Flood,
            RunScenario::Evacuation(_) => Self::Evacuation,
        }
    }
}

/// Tabs of the right panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RightTab {
    /// Attributes of the picked thing.
    #[default]
    Selection,
    /// Open alarms.
    Alarms,
    /// Grid cases.
    Cases,
    /// Runs and scenario editor.
    Edit,
}

/// Where the rain of a scenario comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RainChoice {
    /// The gauges, at the moment of the run.
    #[default]
    Live,
    /// A constant rate.
    Constant,
    /// A design storm.
    Design,
    /// No rain.
    None,
}

/// Where the river level of a scenario comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RiverChoice {
    /// The gauges, at the moment of the run.
    #[default]
    Live,
    /// No river.
    None,
}

/// What a scenario starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BaseChoice {
    /// The present.
    #[default]
    Now,
    /// The past, as the gauges measured it, until now and on (回算).
    Hindcast,
    /// The end of another run.
    Run {
        /// Which.
        run: RunId,
        /// Its last simulated second.
        at_s: u32,
    },
}

/// The scenario being edited.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioForm {
    /// Name.
    pub name: String,
    /// What it starts from.
    pub base: BaseChoice,
    /// Hours before the present at which a hindcast begins.
    pub before_h: f64,
    /// A hindcast's forcing is corrected by gauges.
    pub correct: bool,
    /// Perturbed members beside the run.
    pub members: u32,
    /// Rain source.
    pub rain: RainChoice,
    /// Constant rate, mm/h.
    pub rain_mmph: f64,
    /// Design storm.
    pub storm: DesignStorm,
    /// River source.
    pub river: RiverChoice,
    /// Rate of rise, m/h.
    pub rise_mph: f64,
    /// Simulated minutes.
    pub duration_min: f64,
    /// Stored every so many seconds.
    pub frame_interval_s: f64,
    /// Cell size, m.
    pub cell_m: f64,
    /// Storm drains take part.
    pub with_sewers: bool,
    /// Edges of the raster are walls.
    pub closed_edges: bool,
    /// Each part of the ground takes time steps of its own.
    pub local_time_steps: bool,
    /// Runs of this viewer use the fast solver.
    pub preview: bool,
    /// What is placed next.
    pub work: NewWork,
}

impl Default for ScenarioForm {
    fn default() -> Self {
        Self {
            name: "内涝推演".to_owned(),
            base: BaseChoice::Now,
            before_h: 2.0,
            correct: false,
            members: 0,
            rain: RainChoice::Live,
            rain_mmph: 60.0,
            storm: DesignStorm::default(),
            river: RiverChoice::Live,
            rise_mph: 0.5,
            duration_min: 60.0,
            frame_interval_s: 60.0,
            cell_m: 4.0,
            with_sewers: true,
            closed_edges: false,
            local_time_steps: false,
            preview: false,
            work: NewWork::Barrier { height_m: 1.0 },
        }
    }
}

impl ScenarioForm {
    /// The form that shows `scenario`.
    #[must_use]
    pub fn from_scenario(scenario: &Scenario) -> Self {
        let (rain, rain_mmph) = match &scenario.forcing.rain {
            RainForcing::Live { .. } => (RainChoice::Live, 60.0),
            RainForcing::Constant { rain_mmph } => (RainChoice::Constant, *rain_mmph),
            RainForcing::Series { points } => (RainChoice::Constant, points.iter().map(|p| p.1).fold(0.0, f64::max)),
            RainForcing::Design(_) => (RainChoice::Design, 60.0),
            RainForcing::None => (RainChoice::None, 60.0),
        };
        let storm = if let RainForcing::Design(storm) = scenario.forcing.rain { storm } else { DesignStorm::default() };
        let (river, rise_mph) = match &scenario.forcing.river {
            StageForcing::Live { rise_mph } => (RiverChoice::Live, *rise_mph),
            StageForcing::Constant { .. } | StageForcing::Series { .. } => (RiverChoice::Live, 0.0),
            StageForcing::None => (RiverChoice::None, 0.0),
        };
        let (base, before_h) = match scenario.base {
            ScenarioBase::Hindcast { before_s } => (BaseChoice::Hindcast, f64::from(before_s) / 3600.0),
            ScenarioBase::Run { run, at_s } => (BaseChoice::Run { run, at_s }, 2.0),
            ScenarioBase::Live | ScenarioBase::None => (BaseChoice::Now, 2.0),
        };
        Self {
            name: scenario.name.clone(),
            base,
            before_h,
            correct: scenario.correct,
            local_time_steps: scenario.local_time_steps,
            members: scenario.members,
            rain,
            rain_mmph,
            storm,
            river,
            rise_mph,
            duration_min: scenario.duration_s / 60.0,
            frame_interval_s: scenario.frame_interval_s,
            cell_m: scenario.cell_m,
            with_sewers: scenario.sewers != SewerMode::None,
            closed_edges: scenario.forcing.edges == EdgeForcing::Closed,
            ..Self::default()
        }
    }

    /// The scenario that the form and what was placed describe, checked.
    ///
    /// # Errors
    /// The first value outside its range.
    pub fn scenario(&self, works: &[Intervention]) -> Result<Scenario, ScenarioError> {
        let rain = match self.rain {
            RainChoice::Live => RainForcing::Live { factor: 1.0 },
            RainChoice::Constant => RainForcing::Constant { rain_mmph: self.rain_mmph },
            RainChoice::Design => RainForcing::Design(self.storm),
            RainChoice::None => RainForcing::None,
        };
        let river = match self.river {
            RiverChoice::Live => StageForcing::Live { rise_mph: self.rise_mph },
            RiverChoice::None => StageForcing::None,
        };
        let base = match self.base {
            BaseChoice::Now => ScenarioBase::Live,
            BaseChoice::Hindcast => ScenarioBase::Hindcast { before_s: (self.before_h * 3600.0).round() as u32 },
            BaseChoice::Run { run, at_s } => ScenarioBase::Run { run, at_s },
        };
        let edges = if self.closed_edges { EdgeForcing::Closed } else { EdgeForcing::Open };
        let scenario = Scenario {
            name: self.name.clone(),
            base,
            duration_s: self.duration_min * 60.0,
            frame_interval_s: self.frame_interval_s.min(self.duration_min * 60.0),
            cell_m: self.cell_m,
            local_time_steps: self.local_time_steps,
            seed: 1,
            members: self.members,
            correct: self.correct && self.base == BaseChoice::Hindcast,
            forcing: Forcing { rain, river, edges, ..Forcing::default() },
            buildings: BuildingMode::Blocked,
            sewers: if self.with_sewers { SewerMode::Pack } else { SewerMode::None },
            interventions: works.to_vec(),
            edits: vec![],
        };
        scenario.validate().map(|()| scenario)
    }
}

/// Texts, tabs and forms.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UiState {
    /// Search text.
    pub query: String,
    /// In a narrow window: the left panel is shown instead of the right one.
    pub left_open: bool,
    /// The left panel with its search field is on the screen.
    pub search_shown: bool,
    /// Open tab on the right.
    pub tab: RightTab,
    /// Kind of the runs that the tab 推演 is about.
    pub kind: RunKind,
    /// The run that was shown in the last frame; when it changes, [`Self::kind`] follows.
    pub shown_run: Option<RunId>,
    /// Flood being edited.
    pub form: ScenarioForm,
    /// Evacuation being edited.
    pub evac: EvacForm,
    /// What was wrong with the evacuation when it was last started.
    pub evac_error: Option<String>,
    /// What was sent to runs that went on.
    pub sent: BTreeMap<RunId, Vec<Intervention>>,
    /// What was wrong with it when it was last started.
    pub form_error: Option<String>,
    /// First run of a comparison.
    pub compare_first: Option<RunId>,
    /// Second run of a comparison.
    pub compare_second: Option<RunId>,
    /// Title of the case being reported.
    pub case_title: String,
    /// Class of the case being reported.
    pub case_class: String,
    /// Case list also shows finished cases.
    pub show_closed_cases: bool,
    /// A text field has the keyboard.
    pub typing: bool,
}

impl UiState {
    /// Turns the tab 推演 to the kind of a run that has just come on the screen.
    pub(crate) fn follow(&mut self, vm: &ViewModel) {
        let shown = vm.shown_run();
        let id = shown.map(|r| r.id);
        if id == self.shown_run {
            return;
        }
        self.shown_run = id;
        if let Some(row) = shown {
            self.kind = RunKind::of(&row.scenario);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_makes_a_valid_scenario_and_names_what_is_wrong() {
        let mut form = ScenarioForm::default();
        let barrier = NewWork::Barrier { height_m: 1.2 }.on(vec![[0.0, 0.0], [10.0, 0.0]]).unwrap();
        let scenario = form.scenario(std::slice::from_ref(&barrier)).unwrap();
        assert_eq!(scenario.interventions, [barrier]);
        assert_eq!(scenario.duration_s, 3600.0);
        form.rain = RainChoice::Constant;
        form.rain_mmph = 900.0;
        let error = form.scenario(&[]).unwrap_err().to_string();
        assert!(error.contains("rain_mmph") && error.contains("0..500"), "{error}");
    }

    #[test]
    fn a_scenario_survives_the_form() {
        let mut form = ScenarioForm { rain: RainChoice::Constant, rain_mmph: 80.0, ..Default::default() };
        form.river = RiverChoice::None;
        form.rise_mph = 0.0;
        let back = ScenarioForm::from_scenario(&form.scenario(&[]).unwrap());
        assert_eq!(back, form);
        form = ScenarioForm { base: BaseChoice::Hindcast, before_h: 1.5, correct: true, members: 8, ..form };
        let scenario = form.scenario(&[]).unwrap();
        assert_eq!(scenario.base, ScenarioBase::Hindcast { before_s: 5400 });
        assert_eq!(ScenarioForm::from_scenario(&scenario), form);
        form.base = BaseChoice::Run { run: RunId(3), at_s: 3600 };
        let scenario = form.scenario(&[]).unwrap();
        assert!(!scenario.correct, "only the past can be corrected");
        assert_eq!(ScenarioForm::from_scenario(&scenario).base, form.base);
    }
}
