//! Right panel, 推演: the runs, what the shown flood means, comparison of two runs.

use crate::evac_form::EvacForm;
use crate::model::{CompareModel, RunRow, ViewModel};
use crate::state::{BaseChoice, RunKind, ScenarioForm, UiState};
use crate::theme::Palette;
use crate::timeline::{has_frames, status_words};
use crate::widgets::{card_frame, heading, one_line, primary_button, small_button, tag, weak};
use egui::{RichText, Ui};
use twin_model::{
    Command, FloodImpact, FloodTotals, RunId, RunScenario, RunStatus, Scenario, TwinCommand, ViewCommand, ViewTime,
};

/// Runs of the chosen kind, newest first.
pub(crate) fn list(ui: &mut Ui, vm: &ViewModel, state: &mut UiState, commands: &mut Vec<Command>) {
    if of_kind(vm, state.kind).next().is_none() {
        return;
    }
    heading(ui, "演算");
    for row in of_kind(vm, state.kind).take(20) {
        card_frame().show(ui, |ui| {
            ui.set_width(ui.available_width());
            run_card(ui, vm, row, state, commands);
        });
    }
    ui.add_space(4.0);
}

fn of_kind(vm: &ViewModel, kind: RunKind) -> impl Iterator<Item = &RunRow> {
    vm.runs.iter().filter(move |r| RunKind::of(&r.scenario) == kind)
}

fn run_card(ui: &mut Ui, vm: &ViewModel, row: &RunRow, state: &mut UiState, commands: &mut Vec<Command>) {
    let colour = match row.status {
        RunStatus::Done { .. } => Palette::GOOD,
        RunStatus::Failed { .. } => Palette::BAD,
        RunStatus::Cancelled => Palette::WEAK,
        RunStatus::Queued | RunStatus::Running { .. } => Palette::WARN,
    };
    ui.horizontal(|ui| {
        tag(ui, &status_words(&row.status, row.duration_s), colour);
        one_line(ui, RichText::new(format!("{} {}", row.id.label(), row.scenario.name())).color(Palette::TEXT));
    });
    if let RunStatus::Failed { error } = &row.status {
        ui.label(RichText::new(error).size(12.5).color(Palette::BAD));
    }
    let shown = matches!(vm.time, ViewTime::Run { run, .. } if run == row.id);
    ui.horizontal(|ui| {
        if has_frames(&row.status) && !shown && small_button(ui, "查看") {
            commands.push(Command::View(ViewCommand::SetTime(ViewTime::Run { run: row.id, t_s: 0.0 })));
            commands.push(Command::View(ViewCommand::SetPlaying(true)));
        }
        if let (RunStatus::Running { .. }, Some(scenario)) = (&row.status, row.scenario.flood()) {
            add_works(ui, vm, (row.id, scenario), state, commands);
        }
        if matches!(row.status, RunStatus::Queued | RunStatus::Running { .. }) && small_button(ui, "停止") {
            commands.push(Command::Twin(TwinCommand::CancelRun(row.id)));
        }
        if matches!(row.status, RunStatus::Done { .. }) {
            mark(ui, "基准", &mut state.compare_first, row.id);
            mark(ui, "对比", &mut state.compare_second, row.id);
            again(ui, row, state);
        }
    });
    if let Some(impact) = vm.run.as_ref().filter(|_| shown).and_then(|r| r.impact.as_ref()) {
        impact_lines(ui, &impact.totals);
        doubt_lines(ui, impact);
    }
    if let (RunStatus::Done { .. }, Some(files)) = (&row.status, &row.files) {
        ui.horizontal_wrapped(|ui| {
            ui.label(weak("导出"));
            let files_of_kind: &[_] = if row.scenario.flood().is_some() { &EXPORTS } else { &EVAC_EXPORTS };
            for (text, file) in files_of_kind {
                ui.hyperlink_to(RichText::new(*text).size(12.5), format!("{files}/{file}"));
            }
        });
    }
}

/// The form filled for a run that goes on from this one, or that changes something in it.
pub(crate) fn again(ui: &mut Ui, row: &RunRow, state: &mut UiState) {
    match &row.scenario {
        RunScenario::Flood(scenario) => {
            if row.files.is_some() && small_button(ui, "接续") {
                let at_s = row.duration_s.round() as u32;
                state.form = ScenarioForm::from_scenario(scenario);
                state.form.base = BaseChoice::Run { run: row.id, at_s };
            }
        }
        RunScenario::Evacuation(scenario) => {
            if small_button(ui, "照此修改") {
                state.evac = EvacForm::from_scenario(scenario);
                state.evac_error = None;
            }
        }
    }
}

/// What the run means for people and roads.
fn impact_lines(ui: &mut Ui, t: &FloodTotals) {
    ui.horizontal(|ui| {
        tag(ui, "模拟", Palette::SIMULATED);
        let people =
            if t.people_attributes.is_empty() { "人数未知".to_owned() } else { format!("{} 人", t.people) };
        ui.label(format!("进水楼栋 {} · 首层 {} 户 · {people}", t.buildings, t.households));
    });
    ui.label(weak(format!(
        "地下车库 {} · 变配电 {} · 检查井 {} · 设备 {}",
        t.garages, t.substations, t.manholes, t.devices
    )));
    ui.label(weak(format!(
        "道路不可通行: 行人 {:.0} m · 轿车 {:.0} m · 消防车 {:.0} m",
        t.road_cut_pedestrian_m, t.road_cut_car_m, t.road_cut_fire_engine_m
    )));
}

/// How sure the run is, and what it assumed.
fn doubt_lines(ui: &mut Ui, impact: &FloodImpact) {
    if let Some(e) = &impact.ensemble {
        let [low, middle, high] = e.flooded_area_m2;
        let text = format!("集合 {} 个成员: 淹没 {low:.0} / {middle:.0} / {high:.0} m² (10/50/90 %)", e.members);
        ui.label(RichText::new(text).size(12.5).color(Palette::SIMULATED));
    }
    if let Some(c) = &impact.correction {
        let (rain, level) = (c.rain_factor, c.stage_offset_m);
        let (before, after) = (c.rmse_before_m * 100.0, c.rmse_after_m * 100.0);
        ui.label(weak(format!("实况订正: 雨量 × {rain:.2}, 水位 {level:+.2} m; 与测点差 {before:.0} → {after:.0} cm")));
    }
    if let Some(s) = &impact.sewer {
        let text = format!("雨水管网: 收水 {:.0} m³, 冒水检查井 {}", s.taken_m3, s.surcharged.len());
        let line = ui.label(weak(text));
        if !s.assumptions.is_empty() {
            line.on_hover_text(s.assumptions.join("\n"));
            ui.label(weak(format!("管网资料不全, 有 {} 项假定 (悬停查看)", s.assumptions.len())));
        }
    }
    if impact.preflight_warnings > 0 {
        let text = format!("演算前检查有 {} 项提示, 见 preflight.json", impact.preflight_warnings);
        ui.label(RichText::new(text).size(12.5).color(Palette::WARN));
    }
}

/// Files of a finished run that other programs read.
const EXPORTS: [(&str, &str); 3] =
    [("最大水深 GeoTIFF", "max_depth.tif"), ("影响清单 CSV", "outcomes.csv"), ("摘要 JSON", "run.json")];

/// Files of a finished evacuation.
const EVAC_EXPORTS: [(&str, &str); 5] = [
    ("报告", "report.md"),
    ("结果 JSON", "evacuation.json"),
    ("空间 CSV", "spaces.csv"),
    ("人员 CSV", "agents.csv"),
    ("轨迹", "trajectories.sqlite"),
];

/// Works that the run does not have yet go into it while it goes on.
fn add_works(
    ui: &mut Ui,
    vm: &ViewModel,
    (run, scenario): (RunId, &Scenario),
    state: &mut UiState,
    commands: &mut Vec<Command>,
) {
    let sent = state.sent.entry(run).or_default();
    let new: Vec<_> =
        vm.works.iter().filter(|w| !scenario.interventions.contains(w) && !sent.contains(w)).cloned().collect();
    if !new.is_empty() && small_button(ui, &format!("加入 {} 项处置", new.len())) {
        sent.extend(new.iter().cloned());
        commands.push(Command::Twin(TwinCommand::EditRun { run, interventions: new }));
    }
}

fn mark(ui: &mut Ui, text: &str, slot: &mut Option<RunId>, id: RunId) {
    if ui.selectable_label(*slot == Some(id), text).clicked() {
        *slot = (*slot != Some(id)).then_some(id);
    }
}

/// The two marked runs, if both are of the chosen kind: only those can be compared.
fn marked(vm: &ViewModel, state: &UiState) -> Option<(RunId, RunId)> {
    let of_kind = |id: &RunId| of_kind(vm, state.kind).any(|r| r.id == *id);
    state.compare_first.zip(state.compare_second).filter(|(a, b)| a != b && of_kind(a) && of_kind(b))
}

/// Choice of two runs and what their comparison shows.
pub(crate) fn compare(ui: &mut Ui, vm: &ViewModel, state: &mut UiState, commands: &mut Vec<Command>) {
    if of_kind(vm, state.kind).filter(|r| matches!(r.status, RunStatus::Done { .. })).count() < 2 {
        return;
    }
    heading(ui, "比较两次演算");
    let pair = marked(vm, state);
    if pair.is_none() {
        ui.label(weak("在上面的演算中选“基准”与“对比”。"));
    }
    let text = match state.kind {
        RunKind::Flood => "显示最大水深之差",
        RunKind::Evacuation => "对比疏散结果",
    };
    if primary_button(ui, text, pair.is_some())
        && let Some((a, b)) = pair
    {
        commands.push(Command::View(ViewCommand::CompareRuns(a, b)));
    }
    match state.kind {
        RunKind::Flood => vm.compare.iter().for_each(|result| compare_result(ui, result)),
        RunKind::Evacuation => vm.evac_compare.iter().for_each(|pair| crate::evac_compare::panel(ui, pair)),
    }
}

fn compare_result(ui: &mut Ui, c: &CompareModel) {
    card_frame().show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            tag(ui, "模拟", Palette::SIMULATED);
            ui.label(format!("{} 相对 {}", c.second.label(), c.first.label()));
        });
        if !c.ready {
            ui.label(weak("正在读取两次演算的最大水深 …"));
            return;
        }
        ui.label(
            RichText::new(format!("变干 {:.0} m², 最多降低 {:.2} m", c.drier_m2, c.max_drop_m)).color(Palette::GOOD),
        );
        ui.label(
            RichText::new(format!("变深 {:.0} m², 最多升高 {:.2} m", c.wetter_m2, c.max_rise_m)).color(Palette::BAD),
        );
    });
}
