//! Left panel: search over the address spine, layer switches.

use crate::model::{LayerRow, ViewModel};
use crate::state::{RightTab, UiState};
use crate::theme::Palette;
use crate::widgets::{heading, list_row, switch, weak};
use egui::{Color32, Rect, RichText, Sense, Ui, vec2};
use twin_model::{Command, LayerKind, ViewCommand};

pub(crate) fn panel(ui: &mut Ui, rect: Rect, vm: &ViewModel, state: &mut UiState, commands: &mut Vec<Command>) {
    search(ui, rect.height() * 0.42, vm, state, commands);
    ui.add_space(6.0);
    heading(ui, "图层");
    let room = (rect.bottom() - 14.0 - ui.cursor().top()).max(60.0);
    egui::ScrollArea::vertical().id_salt("layers").max_height(room).auto_shrink([false, true]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 3.0;
        for layer in &vm.layers {
            layer_row(ui, layer, commands);
        }
    });
}

fn search(ui: &mut Ui, room: f32, vm: &ViewModel, state: &mut UiState, commands: &mut Vec<Command>) {
    heading(ui, "查找");
    let edit = egui::TextEdit::singleline(&mut state.query)
        .hint_text("小区 楼栋 单元 户 设备, 如 3号楼502")
        .desired_width(f32::INFINITY)
        .margin(vec2(8.0, 6.0));
    let response = ui.add(edit);
    let enter = response.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter));
    if state.query.trim().is_empty() {
        return;
    }
    if vm.hits.is_empty() {
        ui.label(weak("没有找到, 换个说法试试"));
        return;
    }
    if enter && let Some(hit) = vm.hits.first() {
        open(hit.id, state, commands);
    }
    ui.label(weak(format!("{} 条结果", vm.hits.len())));
    egui::ScrollArea::vertical().id_salt("hits").max_height(room).auto_shrink([false, true]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 4.0;
        let selected = vm.selection.as_ref().map(|s| s.id);
        for hit in &vm.hits {
            let (head, last) = hit.address.rsplit_once(' ').unwrap_or(("", hit.address.as_str()));
            let title = RichText::new(last).color(Palette::TEXT);
            if list_row(ui, title, head, selected == Some(hit.id), |_| {}).clicked() {
                open(hit.id, state, commands);
            }
        }
    });
}

fn open(id: twin_model::EntityId, state: &mut UiState, commands: &mut Vec<Command>) {
    (state.tab, state.left_open) = (RightTab::Selection, false);
    commands.push(Command::View(ViewCommand::Select(Some(id))));
    commands.push(Command::View(ViewCommand::FlyTo(id)));
}

fn layer_row(ui: &mut Ui, layer: &LayerRow, commands: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(12.0, 18.0), Sense::hover());
        swatch(ui, rect, layer.kind);
        let colour = if layer.available { Palette::TEXT } else { Palette::WEAK.gamma_multiply(0.6) };
        ui.label(RichText::new(layer.kind.zh()).color(colour));
        if let Some(count) = layer.count.filter(|_| layer.available) {
            ui.label(weak(count.to_string()));
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if !layer.available {
                ui.label(weak("无数据"));
            } else if switch(ui, layer.visible, true) {
                commands.push(Command::View(ViewCommand::SetLayerVisible(layer.kind, !layer.visible)));
            }
        });
    });
}

fn swatch(ui: &Ui, rect: Rect, kind: LayerKind) {
    let colour = match kind {
        LayerKind::Terrain => Color32::from_rgb(122, 158, 96),
        LayerKind::Buildings => Color32::from_rgb(206, 198, 186),
        LayerKind::Bim => Color32::from_rgb(232, 184, 112),
        LayerKind::Mesh => Color32::from_rgb(178, 142, 118),
        LayerKind::Devices => Palette::ACCENT,
        LayerKind::Cameras => Color32::from_rgb(120, 230, 200),
        LayerKind::Alarms => Palette::BAD,
        LayerKind::Cases => Palette::WARN,
        LayerKind::Grids => Color32::from_rgb(255, 226, 120),
        LayerKind::Labels => Color32::WHITE,
        LayerKind::Water => Color32::from_rgb(60, 150, 230),
        LayerKind::DepthDifference => Color32::from_rgb(116, 204, 168),
        LayerKind::Floors => Color32::from_rgb(190, 198, 208),
        LayerKind::People => Color32::from_rgb(255, 170, 110),
        LayerKind::Density => Color32::from_rgb(236, 96, 72),
        LayerKind::Smoke => Color32::from_rgb(128, 132, 140),
    };
    let painter = ui.painter();
    match kind {
        LayerKind::Devices | LayerKind::Cameras | LayerKind::Alarms | LayerKind::Cases | LayerKind::People => {
            painter.circle_filled(rect.center(), 4.5, colour);
        }
        LayerKind::Grids => painter.line_segment([rect.left_center(), rect.right_center()], (2.0, colour)).ignore(),
        LayerKind::Labels => painter
            .text(rect.center(), egui::Align2::CENTER_CENTER, "字", egui::FontId::proportional(12.0), colour)
            .ignore(),
        _ => painter.rect_filled(Rect::from_center_size(rect.center(), vec2(10.0, 10.0)), 2.0, colour).ignore(),
    }
}

/// Lets a value go without a name.
trait Ignore: Sized {
    fn ignore(self) {}
}
impl<T> Ignore for T {}
