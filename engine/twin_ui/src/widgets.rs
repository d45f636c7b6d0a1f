//! Small pieces that several panels use.

use crate::theme::Palette;
use egui::{
    Align, Color32, CornerRadius, CursorIcon, FontId, Frame, Layout, Margin, Rect, Response, RichText, Sense, Stroke,
    Ui, WidgetText, pos2, vec2,
};

/// Frame of a floating panel.
pub(crate) fn panel_frame() -> Frame {
    Frame {
        fill: Palette::PANEL,
        stroke: Stroke::new(1.0, Palette::LINE),
        corner_radius: CornerRadius::same(8),
        inner_margin: Margin::same(12),
        ..Frame::NONE
    }
}

/// Frame of a card inside a panel.
pub(crate) fn card_frame() -> Frame {
    Frame {
        fill: Palette::CARD,
        corner_radius: CornerRadius::same(6),
        inner_margin: Margin::symmetric(10, 8),
        ..Frame::NONE
    }
}

/// A section heading with an accent bar.
pub(crate) fn heading(ui: &mut Ui, text: &str) {
    ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(3.0, 14.0), Sense::hover());
        ui.painter().rect_filled(rect, 1.5, Palette::ACCENT);
        ui.label(RichText::new(text).size(14.0).strong().color(Palette::TEXT));
    });
}

/// A check box whose empty box can be seen on a dark panel.
pub(crate) fn check(ui: &mut Ui, value: &mut bool, text: &str) -> Response {
    ui.scope(|ui| {
        ui.visuals_mut().widgets.inactive.bg_stroke = Stroke::new(1.0, Palette::WEAK);
        ui.checkbox(value, text)
    })
    .inner
}

/// Secondary text.
pub(crate) fn weak(text: impl Into<String>) -> RichText {
    RichText::new(text).color(Palette::WEAK).size(12.5)
}

/// A filled tag with text, e.g. a severity or a stage.
pub(crate) fn tag(ui: &mut Ui, text: &str, colour: Color32) -> Response {
    let galley = ui.painter().layout_no_wrap(text.to_owned(), FontId::proportional(12.0), colour);
    let size = galley.size() + vec2(12.0, 5.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    ui.painter().rect(
        rect,
        4.0,
        colour.gamma_multiply(0.18),
        Stroke::new(1.0, colour.gamma_multiply(0.55)),
        egui::StrokeKind::Inside,
    );
    ui.painter().galley(rect.center() - galley.size() / 2.0, galley, colour);
    response
}

/// A sliding switch. True when it was toggled.
pub(crate) fn switch(ui: &mut Ui, on: bool, enabled: bool) -> bool {
    let sense = if enabled { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(30.0, 16.0), sense);
    let t = ui.ctx().animate_bool(response.id, on && enabled);
    let off = Color32::from_rgb(54, 66, 82);
    let fill = Color32::from_rgb(
        lerp_u8(off.r(), Palette::ACCENT.r(), t),
        lerp_u8(off.g(), Palette::ACCENT.g(), t),
        lerp_u8(off.b(), Palette::ACCENT.b(), t),
    );
    let knob = if enabled { Color32::WHITE } else { Color32::from_gray(110) };
    ui.painter().rect_filled(rect, 8.0, fill);
    ui.painter().circle_filled(pos2(rect.left() + 8.0 + t * 14.0, rect.center().y), 6.0, knob);
    response.on_hover_cursor(CursorIcon::PointingHand).clicked()
}

fn lerp_u8(a: u8, b: u8, t: f32) -> u8 {
    (f32::from(a) + (f32::from(b) - f32::from(a)) * t).round().clamp(0.0, 255.0) as u8
}

/// A full-width row that can be clicked: title left, small text below, anything at the right end.
pub(crate) fn list_row(
    ui: &mut Ui,
    title: RichText,
    below: &str,
    selected: bool,
    right: impl FnOnce(&mut Ui),
) -> Response {
    let height = if below.is_empty() { 28.0 } else { 44.0 };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
    let fill = if selected {
        Palette::ACCENT_DIM
    } else if response.hovered() {
        Color32::from_rgb(34, 50, 70)
    } else {
        Palette::CARD
    };
    ui.painter().rect_filled(rect, 5.0, fill);
    let inner = rect.shrink2(vec2(10.0, 4.0));
    let mut row = ui.new_child(egui::UiBuilder::new().max_rect(inner).layout(Layout::right_to_left(Align::Center)));
    right(&mut row);
    let left = Rect::from_min_max(inner.min, pos2(row.min_rect().left() - 6.0, inner.max.y));
    let mut texts = ui.new_child(egui::UiBuilder::new().max_rect(left).layout(Layout::top_down(Align::Min)));
    texts.spacing_mut().item_spacing.y = 1.0;
    if below.is_empty() {
        texts.add_space(1.0);
    }
    one_line(&mut texts, title);
    if !below.is_empty() {
        one_line(&mut texts, RichText::new(below).size(12.0).color(Palette::WEAK));
    }
    response.on_hover_cursor(CursorIcon::PointingHand)
}

/// One line of text, cut with an ellipsis at the end of the room that there is.
pub(crate) fn one_line(ui: &mut Ui, text: impl Into<WidgetText>) -> Response {
    ui.add(egui::Label::new(text).truncate().selectable(false))
}

/// Two columns: name and value; the value wraps.
pub(crate) fn pair(ui: &mut Ui, name: &str, value: RichText) {
    ui.horizontal_top(|ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(92.0, 18.0), Sense::hover());
        let mut name_ui = ui.new_child(egui::UiBuilder::new().max_rect(rect).layout(Layout::left_to_right(Align::Min)));
        one_line(&mut name_ui, weak(name)).on_hover_text(name);
        ui.add(egui::Label::new(value.size(13.0)).wrap());
    });
}

/// A row of a table: columns by their shares of the width, the first left-aligned, the others to the right; a text that
/// does not fit is cut. The full text of the first cell is `full`, shown on hover.
pub(crate) fn table_row(ui: &mut Ui, shares: &[f32], full: &str, cells: &[RichText]) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 18.0), Sense::hover());
    let all: f32 = shares.iter().sum();
    let mut left = rect.left();
    for (k, (cell, share)) in cells.iter().zip(shares).enumerate() {
        let right = left + rect.width() * share / all;
        let room = Rect::from_min_max(pos2(left, rect.top()), pos2(right - 4.0, rect.bottom()));
        let layout = if k == 0 { Layout::left_to_right(Align::Center) } else { Layout::right_to_left(Align::Center) };
        let mut column = ui.new_child(egui::UiBuilder::new().max_rect(room).layout(layout));
        let response = one_line(&mut column, cell.clone());
        if k == 0 && !full.is_empty() {
            response.on_hover_text(full);
        }
        left = right;
    }
}

/// A share in [0, `most`], edited as a percentage.
pub(crate) fn percent(ui: &mut Ui, value: &mut f64, most: f64) {
    let mut shown = *value * 100.0;
    let drag = egui::DragValue::new(&mut shown).range(0.0..=most * 100.0).speed(1.0).max_decimals(1).suffix(" %");
    if ui.add(drag).changed() {
        *value = shown / 100.0;
    }
}

/// The two icons of the transport: a triangle or two bars. Returns true when clicked.
pub(crate) fn play_button(ui: &mut Ui, playing: bool) -> bool {
    let (rect, response) = ui.allocate_exact_size(vec2(30.0, 30.0), Sense::click());
    let fill = if response.hovered() { Palette::ACCENT } else { Palette::ACCENT_DIM };
    let painter = ui.painter();
    painter.circle_filled(rect.center(), 14.0, fill);
    let c = rect.center();
    if playing {
        for dx in [-3.5, 3.5] {
            painter.rect_filled(Rect::from_center_size(c + vec2(dx, 0.0), vec2(3.5, 12.0)), 1.0, Color32::WHITE);
        }
    } else {
        let points = vec![c + vec2(-4.0, -6.5), c + vec2(7.0, 0.0), c + vec2(-4.0, 6.5)];
        painter.add(egui::Shape::convex_polygon(points, Color32::WHITE, Stroke::NONE));
    }
    response.on_hover_cursor(CursorIcon::PointingHand).clicked()
}

/// A button in the accent colour.
pub(crate) fn primary_button(ui: &mut Ui, text: &str, enabled: bool) -> bool {
    let fill = if enabled { Palette::ACCENT_DIM } else { Color32::from_rgb(40, 48, 58) };
    ui.add_enabled(enabled, egui::Button::new(RichText::new(text).color(Color32::WHITE)).fill(fill)).clicked()
}

/// A small button for rows.
pub(crate) fn small_button(ui: &mut Ui, text: &str) -> bool {
    ui.add(egui::Button::new(RichText::new(text).size(12.5)).min_size(vec2(0.0, 22.0))).clicked()
}
