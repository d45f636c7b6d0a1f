//! Top bar: name, clock, link, totals; and the marks painted over the picture.

use crate::model::{LinkState, ViewModel};
use crate::state::{RightTab, UiState};
use crate::theme::{Palette, depth_colour, difference_colour};
use egui::{Align, Align2, Color32, Context, FontId, Id, Layout, Order, Rect, RichText, Sense, Stroke, Ui, pos2, vec2};
use twin_model::{Command, LayerKind, TimeMs, ViewCommand, ViewTime};

pub(crate) fn top_bar(
    ui: &mut Ui,
    rect: Rect,
    narrow: bool,
    title: Option<&str>,
    vm: &ViewModel,
    state: &mut UiState,
    commands: &mut Vec<Command>,
) {
    ui.painter().rect_filled(rect, 0.0, Palette::PANEL);
    ui.painter().hline(rect.x_range(), rect.bottom() - 0.5, Stroke::new(1.0, Palette::LINE));
    let inner = rect.shrink2(vec2(16.0, 0.0));
    let mut bar = ui.new_child(egui::UiBuilder::new().max_rect(inner).layout(Layout::left_to_right(Align::Center)));
    logo(&mut bar);
    let name = title.map_or_else(|| vm.community.clone(), |t| format!("{} · {t}", vm.community));
    let home = bar.add(
        egui::Label::new(RichText::new(name).size(19.0).strong().color(Palette::TEXT))
            .selectable(false)
            .sense(Sense::click()),
    );
    if home.on_hover_text("回到首页视角 (Home)").clicked() {
        commands.push(Command::View(ViewCommand::Home));
    }
    if narrow {
        bar.toggle_value(&mut state.left_open, "查找与图层");
    } else {
        bar.label(RichText::new("电子沙盘").size(13.0).color(Palette::ACCENT));
        bar.add_space(18.0);
        totals(&mut bar, vm);
    }
    open_work(&mut bar, vm, state);
    bar.with_layout(Layout::right_to_left(Align::Center), |ui| {
        link(ui, &vm.link);
        ui.add_space(10.0);
        if let Some(now) = vm.now {
            let (date, time) = clock_words(now);
            ui.label(RichText::new(time).size(19.0).color(Palette::TEXT));
            if !narrow {
                ui.label(RichText::new(date).size(13.0).color(Palette::WEAK));
            }
        }
    });
}

fn logo(ui: &mut Ui) {
    let (rect, _) = ui.allocate_exact_size(vec2(24.0, 24.0), Sense::hover());
    let painter = ui.painter();
    let c = rect.center();
    let layer =
        |dy: f32| vec![c + vec2(-11.0, dy), c + vec2(0.0, dy - 6.0), c + vec2(11.0, dy), c + vec2(0.0, dy + 6.0)];
    for (dy, colour) in [(5.0, Palette::ACCENT_DIM), (0.0, Color32::from_rgb(34, 134, 184)), (-5.0, Palette::ACCENT)] {
        painter.add(egui::Shape::convex_polygon(layer(dy), colour, Stroke::new(1.0, Palette::PANEL)));
    }
}

fn totals(ui: &mut Ui, vm: &ViewModel) {
    let t = &vm.totals;
    number(ui, "楼栋", &t.buildings.to_string(), Palette::TEXT);
    number(ui, "户", &t.households.to_string(), Palette::TEXT);
    let devices = if vm.link == LinkState::NoServer {
        t.devices.to_string()
    } else {
        format!("{}/{}", t.devices_fresh, t.devices)
    };
    number(ui, "设备", &devices, Palette::TEXT);
    number(ui, "摄像头", &t.cameras.to_string(), Palette::TEXT);
}

/// Open alarms and cases; a click shows them.
fn open_work(ui: &mut Ui, vm: &ViewModel, state: &mut UiState) {
    let t = &vm.totals;
    let alarm_colour = if t.open_alarms > 0 { Palette::BAD } else { Palette::TEXT };
    if number(ui, "告警", &t.open_alarms.to_string(), alarm_colour).clicked() {
        (state.tab, state.left_open) = (RightTab::Alarms, false);
    }
    let case_colour = if t.open_cases > 0 { Palette::WARN } else { Palette::TEXT };
    if number(ui, "事件", &t.open_cases.to_string(), case_colour).clicked() {
        (state.tab, state.left_open) = (RightTab::Cases, false);
    }
}

fn number(ui: &mut Ui, name: &str, value: &str, colour: Color32) -> egui::Response {
    let inner = ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        ui.label(RichText::new(name).size(13.0).color(Palette::WEAK));
        ui.label(RichText::new(value).size(16.0).color(colour));
    });
    ui.add_space(4.0);
    inner.response.interact(Sense::click())
}

fn link(ui: &mut Ui, link: &LinkState) {
    let (text, colour, more) = match link {
        LinkState::NoServer => ("离线数据包 · 无实时状态", Palette::WEAK, "直接打开的数据包, 没有连接服务器"),
        LinkState::Connecting => ("连接中", Palette::WARN, "正在连接服务器"),
        LinkState::Live => ("实时", Palette::GOOD, "实时状态已连接"),
        LinkState::Lost(reason) => ("断开", Palette::BAD, reason.as_str()),
    };
    let label = ui.label(RichText::new(text).size(14.0).color(colour));
    let (rect, _) = ui.allocate_exact_size(vec2(10.0, 10.0), Sense::hover());
    ui.painter().circle_filled(rect.center(), 4.5, colour);
    label.on_hover_text(more);
}

/// ("2026年11月20日", "09:30:05") in China Standard Time.
fn clock_words(now: TimeMs) -> (String, String) {
    let (y, mo, d, h, m, s) = now.civil(8);
    (format!("{y}年{mo}月{d}日"), format!("{h:02}:{m:02}:{s:02}"))
}

/// The mark that the picture shows a simulation, above the timeline.
pub(crate) fn banner(ctx: &Context, above: Rect, vm: &ViewModel) {
    let painter = ctx.layer_painter(egui::LayerId::new(Order::Background, Id::new("marks")));
    let mark = vm
        .is_simulated()
        .then(|| simulated_mark(&painter, pos2(above.left(), above.top() - 10.0), Align2::LEFT_BOTTOM));
    remember(ctx, [mark, legend(&painter, pos2(above.right(), above.top() - 10.0), vm)]);
}

/// Where the marks of this window are, for [`mark_rects`].
fn remember(ctx: &Context, rects: [Option<Rect>; 2]) {
    ctx.data_mut(|d| d.insert_temp(Id::new("sandtable marks"), rects));
}

/// Where the simulated mark and the legend were in the last frame.
pub(crate) fn mark_rects(ctx: &Context) -> Vec<Rect> {
    let rects: Option<[Option<Rect>; 2]> = ctx.data(|d| d.get_temp(Id::new("sandtable marks")));
    rects.unwrap_or_default().into_iter().flatten().collect()
}

fn simulated_mark(painter: &egui::Painter, at: egui::Pos2, anchor: Align2) -> Rect {
    let text = "模拟 SIMULATED · 画面含演算结果, 不是实测".to_owned();
    let galley = painter.layout_no_wrap(text, FontId::proportional(15.0), Color32::WHITE);
    let rect = anchor.anchor_size(at, galley.size() + vec2(28.0, 12.0));
    let fill = Color32::from_rgba_unmultiplied(88, 50, 150, 230);
    painter.rect(rect, 6.0, fill, Stroke::new(1.5, Palette::SIMULATED), egui::StrokeKind::Inside);
    painter.galley(rect.min + vec2(14.0, 6.0), galley, Color32::WHITE);
    rect
}

/// Legend and mark of a wall window.
pub(crate) fn wall_marks(ctx: &Context, screen: Rect, vm: &ViewModel) {
    let painter = ctx.layer_painter(egui::LayerId::new(Order::Background, Id::new("marks")));
    let mark = vm
        .is_simulated()
        .then(|| simulated_mark(&painter, pos2(screen.center().x, screen.bottom() - 16.0), Align2::CENTER_BOTTOM));
    remember(ctx, [mark, legend(&painter, pos2(screen.right() - 16.0, screen.bottom() - 16.0), vm)]);
}

fn legend(painter: &egui::Painter, bottom_right: egui::Pos2, vm: &ViewModel) -> Option<Rect> {
    let shown = |kind| vm.layers.iter().any(|l| l.kind == kind && l.visible);
    if vm.compare.is_some() && shown(LayerKind::DepthDifference) {
        let stops = [(-0.5, "-0.5"), (-0.1, "-0.1"), (0.0, "0"), (0.1, "+0.1"), (0.5, "+0.5")];
        Some(paint_legend(painter, bottom_right, "最大水深之差 (m)", &stops, difference_colour))
    } else if matches!(vm.time, ViewTime::Run { .. }) && !shows_evacuation(vm) && shown(LayerKind::Water) {
        let stops = [(0.05, "0.05"), (0.15, "0.15"), (0.5, "0.5"), (1.0, "1.0"), (2.0, "2.0")];
        Some(paint_legend(painter, bottom_right, "积水深度 (m)", &stops, depth_colour))
    } else if vm.evac.is_some() && shown(LayerKind::Density) {
        let stops = [(0.0, ">0.31"), (1.0, ">0.43"), (2.0, ">0.72"), (3.0, ">1.08"), (4.0, ">2.17")];
        Some(paint_legend(painter, bottom_right, "人群密度 (人/m², Fruin B–F)", &stops, |k| pick(&DENSITY, k)))
    } else if vm.evac.is_some() && shown(LayerKind::People) {
        let stops = [(0.0, "等待"), (1.0, "行走"), (2.0, "排队"), (3.0, "失能"), (4.0, "待援")];
        Some(paint_legend(painter, bottom_right, "人员状态 (模拟)", &stops, |k| pick(&DOING, k)))
    } else {
        None
    }
}

/// Colours of what people do, as `people.wgsl` draws them: waits, walks, queues, was overcome, waits for help.
const DOING: [[u8; 3]; 5] = [[180, 196, 219], [69, 211, 137], [249, 183, 49], [237, 63, 63], [205, 111, 230]];
/// Colours of Fruin's levels of service B to F, as `twin_view` draws them.
const DENSITY: [[u8; 3]; 5] = [[89, 173, 225], [89, 205, 162], [237, 220, 80], [245, 162, 56], [231, 56, 63]];

fn pick(colours: &[[u8; 3]], k: f32) -> Color32 {
    colours.get(k as usize).map_or(Color32::WHITE, |[r, g, b]| Color32::from_rgb(*r, *g, *b))
}

/// Whether the shown run is an evacuation: there is no water in it.
fn shows_evacuation(vm: &ViewModel) -> bool {
    vm.evac.is_some() || vm.shown_run().is_some_and(|r| r.scenario.evacuation().is_some())
}

fn paint_legend(
    painter: &egui::Painter,
    bottom_right: egui::Pos2,
    title: &str,
    stops: &[(f32, &str)],
    colour: impl Fn(f32) -> Color32,
) -> Rect {
    let cell = vec2(38.0, 12.0);
    let width = cell.x * stops.len() as f32;
    let rect = Rect::from_min_max(bottom_right - vec2(width + 24.0, 66.0), bottom_right);
    painter.rect(rect, 6.0, Palette::PANEL, Stroke::new(1.0, Palette::LINE), egui::StrokeKind::Inside);
    painter.text(rect.min + vec2(12.0, 8.0), Align2::LEFT_TOP, title, FontId::proportional(12.5), Palette::TEXT);
    for (i, (value, word)) in stops.iter().enumerate() {
        let min = rect.min + vec2(12.0 + cell.x * i as f32, 29.0);
        painter.rect_filled(Rect::from_min_size(min, cell), 0.0, colour(*value));
        let at = min + vec2(cell.x / 2.0, cell.y + 3.0);
        painter.text(at, Align2::CENTER_TOP, word, FontId::proportional(11.5), Palette::WEAK);
    }
    rect
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_reads_in_chinese_and_beijing_time() {
        let (date, time) = clock_words(TimeMs(1_700_000_000_000));
        assert_eq!((date.as_str(), time.as_str()), ("2023年11月15日", "06:13:20"));
    }
}
