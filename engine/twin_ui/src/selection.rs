//! Right panel: everything about the picked thing.

use crate::lists::{alarm_row, case_card};
use crate::model::{SelectionModel, ValueRow, ViewModel, age_zh};
use crate::state::UiState;
use crate::theme::Palette;
use crate::widgets::{card_frame, heading, list_row, pair, small_button, tag, weak};
use egui::{Align, Layout, RichText, Ui};
use twin_model::{Command, EntityId, ViewCommand};

pub(crate) fn panel(ui: &mut Ui, vm: &ViewModel, state: &mut UiState, commands: &mut Vec<Command>) {
    let Some(selection) = &vm.selection else {
        ui.add_space(8.0);
        ui.label(weak("点选建筑、房间、设备、摄像头或事件查看属性;\n或在左侧按地址查找。"));
        ui.add_space(8.0);
        ui.label(weak("左键拖动 环绕 · 右键/中键拖动 平移 · 滚轮 缩放\nWASD/方向键 移动 · Q/E 升降 · Home 回到首页"));
        return;
    };
    title(ui, selection, commands);
    if let Some((depth_m, t_s)) = selection.flooded {
        flood_card(ui, depth_m, t_s);
    }
    if !selection.alarms.is_empty() {
        heading(ui, "告警");
        for alarm in &selection.alarms {
            alarm_row(ui, alarm, false, commands);
        }
    }
    live(ui, vm, selection);
    for case in &selection.cases {
        case_card(ui, case, commands);
    }
    attributes(ui, selection);
    relations(ui, selection, state, commands);
}

fn title(ui: &mut Ui, s: &SelectionModel, commands: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        tag(ui, &s.kind, Palette::ACCENT);
        if !s.class.is_empty() && s.class != s.kind {
            tag(ui, &s.class, Palette::WEAK);
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if small_button(ui, "关闭") {
                commands.push(Command::View(ViewCommand::Select(None)));
            }
            if small_button(ui, "定位") {
                commands.push(Command::View(ViewCommand::FlyTo(s.id)));
            }
        });
    });
    ui.label(RichText::new(&s.title).size(18.0).strong().color(Palette::TEXT));
    if s.address != s.title {
        ui.add(egui::Label::new(weak(&s.address)).wrap());
    }
    ui.add_space(4.0);
}

fn flood_card(ui: &mut Ui, depth_m: f64, t_s: f64) {
    card_frame().show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            tag(ui, "模拟", Palette::SIMULATED);
            ui.label(format!("最大积水 {depth_m:.2} m, {:.0} 分钟时进水", (t_s / 60.0).floor()));
        });
    });
}

fn live(ui: &mut Ui, vm: &ViewModel, s: &SelectionModel) {
    if s.values.is_empty() {
        return;
    }
    let mixed = s.values.iter().any(|v| v.simulated) || vm.is_simulated();
    heading(ui, if mixed { "实时与模拟值" } else { "实时值" });
    for value in &s.values {
        value_card(ui, value);
    }
}

fn value_card(ui: &mut Ui, value: &ValueRow) {
    card_frame().show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            ui.label(weak(&value.name));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let colour = if value.stale {
                    Palette::WEAK.gamma_multiply(0.75)
                } else if value.simulated {
                    Palette::SIMULATED
                } else {
                    Palette::TEXT
                };
                ui.label(RichText::new(&value.text).size(19.0).color(colour));
                if value.simulated {
                    tag(ui, "模拟", Palette::SIMULATED);
                }
            });
        });
        ui.horizontal(|ui| {
            let colour = if value.stale { Palette::WARN } else { Palette::WEAK };
            ui.label(RichText::new(age_zh(value.age_s)).size(12.5).color(colour));
            if value.stale {
                ui.label(RichText::new("已过期").size(12.5).color(Palette::WARN));
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let colour = if value.good && !value.stale { Palette::GOOD } else { Palette::WARN };
                ui.label(RichText::new(format!("质量 {}", value.quality)).size(12.5).color(colour));
            });
        });
    });
}

fn attributes(ui: &mut Ui, s: &SelectionModel) {
    heading(ui, "属性");
    ui.spacing_mut().item_spacing.y = 3.0;
    pair(ui, "编号", RichText::new(s.id.to_string()));
    if !s.code.is_empty() {
        pair(ui, "编码", RichText::new(&s.code));
    }
    for (name, value) in &s.attributes {
        pair(ui, name, RichText::new(value));
    }
    for (set, rows) in &s.property_sets {
        ui.add_space(4.0);
        ui.label(RichText::new(set).size(13.0).color(Palette::ACCENT));
        for (name, value) in rows {
            pair(ui, name, RichText::new(value));
        }
    }
    ui.spacing_mut().item_spacing.y = 6.0;
}

fn relations(ui: &mut Ui, s: &SelectionModel, state: &mut UiState, commands: &mut Vec<Command>) {
    let mut go = |id: EntityId, fly: bool| {
        state.tab = crate::RightTab::Selection;
        commands.push(Command::View(ViewCommand::Select(Some(id))));
        if fly {
            commands.push(Command::View(ViewCommand::FlyTo(id)));
        }
    };
    if !s.cameras.is_empty() {
        heading(ui, "附近摄像头");
        for (id, name, distance_m) in &s.cameras {
            let right = format!("{distance_m:.0} m");
            if list_row(ui, RichText::new(name), "", false, |ui| ui.label(weak(right)).pass()).clicked() {
                go(*id, true);
            }
        }
    }
    if !s.ancestors.is_empty() {
        heading(ui, "所在");
        ui.horizontal_wrapped(|ui| {
            for (id, name) in s.ancestors.iter().rev() {
                if small_button(ui, name) {
                    go(*id, true);
                }
            }
        });
    }
    if !s.children.is_empty() {
        heading(ui, &format!("包含 {} 项", s.child_count));
        ui.horizontal_wrapped(|ui| {
            for (id, name) in &s.children {
                if small_button(ui, name) {
                    go(*id, true);
                }
            }
        });
        if s.child_count > s.children.len() {
            ui.label(weak(format!("另有 {} 项, 请用查找", s.child_count - s.children.len())));
        }
    }
}

/// Ends a closure that must return nothing.
trait Pass: Sized {
    fn pass(self) {}
}
impl<T> Pass for T {}
