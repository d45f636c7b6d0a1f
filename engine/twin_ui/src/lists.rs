//! Right panel: tabs, alarm list, case list.

use crate::model::{AlarmRow, CaseRow, Forecast, RunRow, ViewModel};
use crate::names;
use crate::state::{RightTab, UiState};
use crate::theme::{Palette, severity_colour};
use crate::timeline::{has_frames, status_words};
use crate::widgets::{card_frame, check, heading, list_row, one_line, primary_button, small_button, tag, weak};
use egui::{Align, Color32, CursorIcon, FontId, Layout, RichText, Sense, Ui, vec2};
use twin_model::{
    AlarmState, CaseAction, CaseStage, Command, NewCase, Severity, ToolMode, TwinCommand, ViewCommand, ViewTime,
};

pub(crate) fn tabs(ui: &mut Ui, vm: &ViewModel, state: &mut UiState) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let width = (ui.available_width() - 12.0) / 4.0;
        let count = |name: &str, n: usize| if n > 0 { format!("{name} {n}") } else { name.to_owned() };
        for (tab, text) in [
            (RightTab::Selection, "属性".to_owned()),
            (RightTab::Alarms, count("告警", vm.totals.open_alarms)),
            (RightTab::Cases, count("事件", vm.totals.open_cases)),
            (RightTab::Edit, "推演".to_owned()),
        ] {
            let (rect, response) = ui.allocate_exact_size(vec2(width, 28.0), Sense::click());
            let on = state.tab == tab;
            let colour = if on || response.hovered() { Palette::TEXT } else { Palette::WEAK };
            if on {
                ui.painter().rect_filled(rect, 5.0, Palette::ACCENT_DIM);
            }
            ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, text, FontId::proportional(14.0), colour);
            if response.on_hover_cursor(CursorIcon::PointingHand).clicked() {
                state.tab = tab;
            }
        }
    });
}

fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "一级",
        Severity::Major => "二级",
        Severity::Minor => "三级",
        Severity::Notice => "四级",
    }
}

pub(crate) fn alarms(ui: &mut Ui, vm: &ViewModel, state: &mut UiState, commands: &mut Vec<Command>) {
    if !vm.has_server() {
        ui.label(weak("直接打开的数据包没有实时告警。连接服务器后显示。"));
        return;
    }
    if vm.alarms.is_empty() {
        ui.label(weak("当前没有未消除的告警。"));
    }
    ui.spacing_mut().item_spacing.y = 5.0;
    for alarm in vm.alarms.iter().take(200) {
        alarm_row(ui, alarm, true, commands);
        if let Some((run, forecast)) = vm.forecast(alarm) {
            forecast_row(ui, run, state, commands);
            forecast_result(ui, forecast);
        }
    }
    if vm.alarms.len() > 200 {
        ui.label(weak(format!("另有 {} 条未列出", vm.alarms.len() - 200)));
    }
}

/// One alarm with its acknowledge button; a click elsewhere goes to the thing.
pub(crate) fn alarm_row(ui: &mut Ui, alarm: &AlarmRow, with_place: bool, commands: &mut Vec<Command>) {
    let colour = severity_colour(alarm.severity);
    let below = if with_place {
        format!("{} · {}", alarm.place, alarm.raised_at.hms_china())
    } else {
        format!("{} · {}", alarm.state.zh(), alarm.raised_at.hms_china())
    };
    let acknowledgeable =
        matches!(alarm.state, AlarmState::Unacknowledged | AlarmState::ReturnedUnacknowledged) && !alarm.simulated;
    let response = list_row(ui, RichText::new(&alarm.text).color(Palette::TEXT), &below, false, |ui| {
        if acknowledgeable {
            if small_button(ui, "确认") {
                commands.push(Command::Twin(TwinCommand::AcknowledgeAlarm(alarm.id)));
            }
        } else {
            ui.label(weak(alarm.state.zh()));
        }
        if alarm.simulated {
            tag(ui, "模拟", Palette::SIMULATED);
        }
        tag(ui, severity_word(alarm.severity), colour);
    });
    if response.clicked() {
        commands.push(Command::View(ViewCommand::Select(Some(alarm.entity))));
        commands.push(Command::View(ViewCommand::FlyTo(alarm.entity)));
    }
}

/// The forecast that a smoke alarm started, below it.
fn forecast_row(ui: &mut Ui, run: &RunRow, state: &mut UiState, commands: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        ui.add_space(10.0);
        if has_frames(&run.status) && small_button(ui, "疏散预测") {
            commands.push(Command::View(ViewCommand::SetTime(ViewTime::Run { run: run.id, t_s: 0.0 })));
            commands.push(Command::View(ViewCommand::SetPlaying(true)));
            state.tab = RightTab::Edit;
        }
        tag(ui, "模拟", Palette::SIMULATED);
        let words = status_words(&run.status, run.duration_s);
        one_line(ui, weak(format!("{words} · {} {}", run.id.label(), run.scenario.name())));
    });
}

/// What the forecast says, as soon as it says anything.
fn forecast_result(ui: &mut Ui, forecast: &Forecast) {
    let Some(summary) = &forecast.summary else { return };
    let indented = |ui: &mut Ui, text: RichText| {
        ui.horizontal(|ui| {
            ui.add_space(10.0);
            one_line(ui, text);
        });
    };
    let Some(live) = &summary.live else { return };
    let text = |t: Option<f64>| t.map_or_else(|| "时段内撤不完".to_owned(), |t| live.origin.plus_secs(t).hms_china());
    let out = format!("全部撤离 中位 {} · 95 % {}", text(summary.rset_s.p50), text(summary.rset_s.p95));
    indented(ui, RichText::new(out).size(12.5).color(Palette::TEXT));
    if let Some(room) = live.rooms.first() {
        let place = names::place(&room.space);
        indented(ui, weak(format!("最可能起火 {place} {:.0} %", 100.0 * room.probability)));
    }
    let (people, sure) = (&live.people, 100.0 * (1.0 - live.false_alarm));
    let text = format!("在场约 {:.0} 人 ({}–{}) · 真火可能 {}", people.mean, people.p05, people.p95, percent(sure));
    indented(ui, weak(text));
}

/// Small shares are not rounded away.
fn percent(p: f64) -> String {
    if p < 1.0 { format!("{p:.1} %") } else { format!("{p:.0} %") }
}

fn stage_colour(stage: CaseStage) -> Color32 {
    match stage {
        CaseStage::Reported | CaseStage::Registered => Palette::WARN,
        CaseStage::Dispatched | CaseStage::InProgress | CaseStage::Feedback => Palette::ACCENT,
        CaseStage::Closed | CaseStage::Evaluated => Palette::GOOD,
        CaseStage::Cancelled => Palette::WEAK,
    }
}

pub(crate) fn cases(ui: &mut Ui, vm: &ViewModel, state: &mut UiState, commands: &mut Vec<Command>) {
    if !vm.has_server() {
        ui.label(weak("直接打开的数据包没有网格事件。连接服务器后显示。"));
        return;
    }
    report_form(ui, vm, state, commands);
    ui.horizontal(|ui| {
        heading(ui, "网格事件");
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            check(ui, &mut state.show_closed_cases, "含已结");
        });
    });
    let shown = vm.cases.iter().filter(|c| state.show_closed_cases || c.stage.is_open());
    let mut any = false;
    ui.spacing_mut().item_spacing.y = 5.0;
    for case in shown.take(200) {
        any = true;
        case_card(ui, case, commands);
    }
    if !any {
        ui.label(weak("没有待办事件。"));
    }
}

/// A case with the moves that its stage allows.
pub(crate) fn case_card(ui: &mut Ui, case: &CaseRow, commands: &mut Vec<Command>) {
    card_frame().show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            tag(ui, case.stage.zh(), stage_colour(case.stage));
            let title =
                egui::Label::new(RichText::new(&case.title).color(Palette::TEXT)).truncate().sense(Sense::click());
            if ui.add(title).on_hover_cursor(CursorIcon::PointingHand).clicked()
                && let Some(entity) = case.entity
            {
                commands.push(Command::View(ViewCommand::Select(Some(entity))));
                commands.push(Command::View(ViewCommand::FlyTo(entity)));
            }
        });
        let (_, month, day, h, m, _) = case.reported_at.civil(8);
        one_line(ui, weak(format!("{} · {} · {month}月{day}日 {h:02}:{m:02}", case.class, case.place)));
        ui.horizontal(|ui| {
            let mut act = |action| {
                commands.push(Command::Twin(TwinCommand::MoveCase { case: case.id, action, note: String::new() }));
            };
            if case.stage.next().is_some() && small_button(ui, "推进") {
                act(CaseAction::Advance);
            }
            if matches!(case.stage, CaseStage::Feedback | CaseStage::Closed) && small_button(ui, "退回") {
                act(CaseAction::SendBack);
            }
            if case.stage.is_open() {
                if small_button(ui, "结案") {
                    act(CaseAction::Close);
                }
                if small_button(ui, "作废") {
                    act(CaseAction::Cancel);
                }
            }
        });
    });
}

const CASE_CLASSES: [&str; 6] = ["设施", "环卫", "违停", "防洪防涝", "消防", "矛盾纠纷"];

fn report_form(ui: &mut Ui, vm: &ViewModel, state: &mut UiState, commands: &mut Vec<Command>) {
    if vm.tool != ToolMode::PlaceCase {
        if primary_button(ui, "上报事件", true) {
            commands.push(Command::View(ViewCommand::SetTool(ToolMode::PlaceCase)));
        }
        ui.add_space(4.0);
        return;
    }
    card_frame().show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(RichText::new("上报网格事件").color(Palette::TEXT));
        match vm.case_point {
            Some(p) => ui.label(weak(format!("位置 东 {:.0} m, 北 {:.0} m", p[0], p[1]))),
            None => ui.label(RichText::new("请在图上点选位置").color(Palette::WARN)),
        };
        if state.case_class.is_empty() {
            state.case_class = CASE_CLASSES[0].to_owned();
        }
        egui::ComboBox::from_id_salt("case_class").selected_text(state.case_class.clone()).show_ui(ui, |ui| {
            for class in CASE_CLASSES {
                ui.selectable_value(&mut state.case_class, class.to_owned(), class);
            }
        });
        ui.add(egui::TextEdit::singleline(&mut state.case_title).hint_text("一句话说明").desired_width(f32::INFINITY));
        ui.horizontal(|ui| {
            let ready = vm.case_point.is_some() && !state.case_title.trim().is_empty();
            if primary_button(ui, "提交", ready) {
                commands.push(Command::Twin(TwinCommand::CreateCase(NewCase {
                    class: state.case_class.clone(),
                    title: state.case_title.trim().to_owned(),
                    description: String::new(),
                    entity: vm.selection.as_ref().map(|s| s.id),
                    p_enu: vm.case_point,
                })));
                state.case_title.clear();
                commands.push(Command::View(ViewCommand::SetTool(ToolMode::Pick)));
            }
            if small_button(ui, "取消") {
                commands.push(Command::View(ViewCommand::SetTool(ToolMode::Pick)));
            }
        });
    });
    ui.add_space(6.0);
}
