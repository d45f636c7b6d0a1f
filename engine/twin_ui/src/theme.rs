//! Colours, spacing and text sizes.

use egui::{Color32, CornerRadius, FontFamily, FontId, Margin, Stroke, TextStyle, vec2};
use twin_model::Severity;

/// The colours of the panels.
#[derive(Debug, Clone, Copy)]
pub struct Palette;

impl Palette {
    /// Panel background: dark, lets a little of the scene through.
    pub const PANEL: Color32 = Color32::from_rgba_premultiplied(10, 16, 25, 232);
    /// Card inside a panel.
    pub const CARD: Color32 = Color32::from_rgba_premultiplied(25, 36, 50, 225);
    /// Thin lines.
    pub const LINE: Color32 = Color32::from_rgb(44, 62, 84);
    /// Text.
    pub const TEXT: Color32 = Color32::from_rgb(232, 239, 247);
    /// Secondary text.
    pub const WEAK: Color32 = Color32::from_rgb(158, 174, 194);
    /// Accent.
    pub const ACCENT: Color32 = Color32::from_rgb(57, 190, 245);
    /// Accent, dimmed for fills.
    pub const ACCENT_DIM: Color32 = Color32::from_rgb(18, 84, 120);
    /// Good.
    pub const GOOD: Color32 = Color32::from_rgb(82, 208, 140);
    /// Warning.
    pub const WARN: Color32 = Color32::from_rgb(250, 190, 70);
    /// Bad.
    pub const BAD: Color32 = Color32::from_rgb(255, 92, 92);
    /// Simulated values (模拟): violet, used for nothing else.
    pub const SIMULATED: Color32 = Color32::from_rgb(190, 140, 255);
}

/// Colour of an alarm severity: 一级 red, 二级 orange, 三级 yellow, 四级 blue.
#[must_use]
pub fn severity_colour(severity: Severity) -> Color32 {
    match severity {
        Severity::Critical => Color32::from_rgb(255, 72, 72),
        Severity::Major => Color32::from_rgb(255, 142, 50),
        Severity::Minor => Color32::from_rgb(248, 204, 70),
        Severity::Notice => Color32::from_rgb(88, 166, 255),
    }
}

/// Colour of a water depth in metres, as the water surface and the legend show it.
#[must_use]
pub fn depth_colour(depth_m: f32) -> Color32 {
    const STOPS: [(f32, [f32; 3]); 5] = [
        (0.0, [168.0, 222.0, 244.0]),
        (0.15, [104.0, 190.0, 236.0]),
        (0.5, [44.0, 136.0, 216.0]),
        (1.0, [22.0, 84.0, 176.0]),
        (2.0, [10.0, 42.0, 112.0]),
    ];
    let [r, g, b] = ramp(&STOPS, depth_m);
    Color32::from_rgb(r, g, b)
}

/// Colour of a change of maximum depth in metres: green drier, red wetter.
#[must_use]
pub fn difference_colour(change_m: f32) -> Color32 {
    const STOPS: [(f32, [f32; 3]); 5] = [
        (-0.5, [0.0, 122.0, 92.0]),
        (-0.1, [116.0, 204.0, 168.0]),
        (0.0, [240.0, 240.0, 236.0]),
        (0.1, [246.0, 164.0, 128.0]),
        (0.5, [196.0, 38.0, 46.0]),
    ];
    let [r, g, b] = ramp(&STOPS, change_m);
    Color32::from_rgb(r, g, b)
}

fn ramp(stops: &[(f32, [f32; 3])], x: f32) -> [u8; 3] {
    let to_bytes = |c: [f32; 3]| c.map(|v| v.round().clamp(0.0, 255.0) as u8);
    let (Some(first), Some(last)) = (stops.first(), stops.last()) else { return [0; 3] };
    if !(x > first.0) {
        return to_bytes(first.1);
    }
    for pair in stops.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        if x <= b.0 {
            let t = (x - a.0) / (b.0 - a.0);
            return to_bytes(std::array::from_fn(|i| a.1[i] + (b.1[i] - a.1[i]) * t));
        }
    }
    to_bytes(last.1)
}

/// Puts the look of the panels into a context. Call once per context.
pub fn apply_theme(ctx: &egui::Context) {
    ctx.set_theme(egui::Theme::Dark);
    // Seconds are counted by frames: where a frame takes half a second, a short click is a long one.
    ctx.options_mut(|options| options.input_options.max_click_duration = 2.5);
    ctx.all_styles_mut(|style| {
        style.text_styles = [
            (TextStyle::Heading, 17.0),
            (TextStyle::Body, 14.0),
            (TextStyle::Button, 14.0),
            (TextStyle::Monospace, 13.0),
            (TextStyle::Small, 12.0),
        ]
        .map(|(name, size)| (name, FontId::new(size, FontFamily::Proportional)))
        .into();
        style.spacing.item_spacing = vec2(8.0, 6.0);
        style.spacing.button_padding = vec2(10.0, 4.0);
        style.spacing.interact_size = vec2(32.0, 24.0);
        style.spacing.slider_width = 140.0;
        style.spacing.window_margin = Margin::same(12);
        style.spacing.scroll.floating = true;
        style.interaction.selectable_labels = false;
        let visuals = &mut style.visuals;
        visuals.override_text_color = None;
        visuals.panel_fill = Palette::PANEL;
        visuals.window_fill = Palette::PANEL;
        visuals.extreme_bg_color = Color32::from_rgb(8, 13, 20);
        visuals.window_stroke = Stroke::new(1.0, Palette::LINE);
        visuals.selection.bg_fill = Palette::ACCENT_DIM;
        visuals.selection.stroke = Stroke::new(1.0, Palette::TEXT);
        visuals.hyperlink_color = Palette::ACCENT;
        let corner = CornerRadius::same(5);
        let widgets = &mut visuals.widgets;
        widgets.noninteractive.fg_stroke = Stroke::new(1.0, Palette::TEXT);
        widgets.noninteractive.bg_stroke = Stroke::new(1.0, Palette::LINE);
        for (widget, fill, text) in [
            (&mut widgets.inactive, Color32::from_rgb(33, 47, 66), Palette::TEXT),
            (&mut widgets.hovered, Color32::from_rgb(44, 66, 94), Color32::WHITE),
            (&mut widgets.active, Palette::ACCENT_DIM, Color32::WHITE),
            (&mut widgets.open, Color32::from_rgb(33, 47, 66), Palette::TEXT),
        ] {
            widget.bg_fill = fill;
            widget.weak_bg_fill = fill;
            widget.fg_stroke = Stroke::new(1.0, text);
            widget.bg_stroke = Stroke::NONE;
            widget.corner_radius = corner;
        }
        widgets.noninteractive.corner_radius = corner;
        widgets.hovered.bg_stroke = Stroke::new(1.0, Palette::ACCENT);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ramps_are_monotone_in_blueness_and_hold_at_the_ends() {
        assert_eq!(depth_colour(-1.0), depth_colour(0.0));
        assert_eq!(depth_colour(9.0), depth_colour(2.0));
        assert_eq!(depth_colour(f32::NAN), depth_colour(0.0));
        let reds: Vec<u8> = [0.0, 0.15, 0.5, 1.0].iter().map(|d| depth_colour(*d).r()).collect();
        assert!(reds.windows(2).all(|w| w[1] < w[0]), "{reds:?}");
        assert!(difference_colour(-0.5).g() > difference_colour(-0.5).r());
        assert!(difference_colour(0.5).r() > difference_colour(0.5).g());
    }
}
