//! Names painted at projected positions, without overlap.

use crate::theme::Palette;
use egui::{Align2, Color32, FontId, Painter, Pos2, Rect, Stroke, pos2, vec2};

/// How a label looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LabelStyle {
    /// The selection.
    Selected,
    /// An open alarm.
    Alarm,
    /// An estate, school, square.
    Place,
    /// A grid.
    Grid,
    /// A case.
    Case,
    /// A building.
    Building,
    /// A road or the river.
    Road,
    /// Anything else.
    Small,
}

/// One label in window points.
#[derive(Debug, Clone, PartialEq)]
pub struct ScreenLabel {
    /// The projected position.
    pub at: Pos2,
    /// Text.
    pub text: String,
    /// Style; also the order of importance.
    pub style: LabelStyle,
    /// Distance from the eye, metres: nearer labels win.
    pub distance_m: f32,
}

struct Look {
    size: f32,
    text: Color32,
    plate: Option<Color32>,
    stem: f32,
}

fn look(style: LabelStyle) -> Look {
    let dark = Color32::from_rgba_unmultiplied(10, 16, 25, 205);
    match style {
        LabelStyle::Selected => Look { size: 15.0, text: Color32::BLACK, plate: Some(Palette::ACCENT), stem: 26.0 },
        LabelStyle::Alarm => Look {
            size: 13.0,
            text: Color32::WHITE,
            plate: Some(Color32::from_rgba_unmultiplied(196, 30, 38, 225)),
            stem: 22.0,
        },
        LabelStyle::Place => Look { size: 16.0, text: Palette::TEXT, plate: Some(dark), stem: 30.0 },
        LabelStyle::Grid => Look { size: 14.0, text: Color32::from_rgb(255, 226, 120), plate: None, stem: 0.0 },
        LabelStyle::Case => Look {
            size: 12.5,
            text: Color32::BLACK,
            plate: Some(Color32::from_rgba_unmultiplied(250, 190, 70, 235)),
            stem: 20.0,
        },
        LabelStyle::Building => Look { size: 13.0, text: Palette::TEXT, plate: Some(dark), stem: 14.0 },
        LabelStyle::Road => Look { size: 12.5, text: Color32::from_rgb(238, 238, 220), plate: None, stem: 0.0 },
        LabelStyle::Small => Look {
            size: 12.0,
            text: Palette::TEXT,
            plate: Some(Color32::from_rgba_unmultiplied(10, 16, 25, 150)),
            stem: 10.0,
        },
    }
}

/// Paints labels, most important and nearest first; those that would cover one already painted or a panel (`occupied`),
/// or leave `room`, are left out. Returns how many were painted.
pub fn paint_labels(painter: &Painter, room: Rect, occupied: &[Rect], labels: &mut [ScreenLabel]) -> usize {
    labels.sort_by(|a, b| a.style.cmp(&b.style).then(a.distance_m.total_cmp(&b.distance_m)).then(a.text.cmp(&b.text)));
    let mut taken: Vec<Rect> = occupied.to_vec();
    for label in labels.iter() {
        let look = look(label.style);
        let galley = painter.layout_no_wrap(label.text.clone(), FontId::proportional(look.size), look.text);
        let padding = if look.plate.is_some() { vec2(8.0, 3.0) } else { vec2(2.0, 1.0) };
        let foot = pos2(label.at.x, label.at.y - look.stem);
        let rect = Align2::CENTER_BOTTOM.anchor_size(foot, galley.size() + padding * 2.0);
        if !room.contains_rect(rect) || taken.iter().any(|t| t.expand(3.0).intersects(rect)) {
            continue;
        }
        match look.plate {
            Some(fill) => {
                if look.stem > 0.0 {
                    painter.line_segment([label.at, foot], Stroke::new(1.5, fill.gamma_multiply(0.9)));
                }
                painter.rect_filled(rect, 4.0, fill);
            }
            None => halo(painter, rect.min + padding, &label.text, look.size),
        }
        painter.galley(rect.min + padding, galley, look.text);
        taken.push(rect);
    }
    taken.len() - occupied.len()
}

/// A dark outline that keeps text readable over any picture.
fn halo(painter: &Painter, at: Pos2, text: &str, size: f32) {
    let dark = Color32::from_rgba_unmultiplied(8, 12, 18, 150);
    for offset in [vec2(1.0, 0.0), vec2(-1.0, 0.0), vec2(0.0, 1.0), vec2(0.0, -1.0)] {
        painter.text(at + offset, Align2::LEFT_TOP, text, FontId::proportional(size), dark);
    }
}
