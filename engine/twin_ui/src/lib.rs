//! Panels as functions of a view-model (面板): every function takes what is to be shown and appends the commands that
//! the person asked for. No engine, no IO, no clock: egui and the model only, so that each panel can be tested alone.
//!
//! [`layout`] places all of them; the hosts call it once a frame with a [`ViewModel`] built from their state.

mod edit;
mod evac;
mod evac_chart;
mod evac_compare;
mod evac_doors;
mod evac_form;
mod evac_outdoor;
#[cfg(test)]
mod evac_panel_tests;
mod evac_result;
mod labels;
mod layout;
mod left;
mod lists;
mod model;
mod names;
mod runs;
#[cfg(test)]
mod sample;
mod selection;
mod state;
mod theme;
mod timeline;
mod top;
mod widgets;

pub use evac_form::EvacForm;
pub use labels::{LabelStyle, ScreenLabel, paint_labels};
pub use layout::{PanelSet, layout, panel_rects};
pub use model::{
    AlarmRow, CaseRow, CompareModel, EvacPair, EvacTime, Forecast, LayerRow, LinkState, Loading, Notice, RunRow,
    RunTime, SelectionModel, Totals, ValueRow, ViewModel, age_zh,
};
pub use state::{RainChoice, RightTab, RiverChoice, RunKind, ScenarioForm, UiState};
pub use theme::{Palette, apply_theme, depth_colour, difference_colour, severity_colour};
