//! The curve of people who are not out yet.

use crate::theme::Palette;
use crate::timeline::clock;
use egui::{Align2, Color32, FontId, Pos2, Rect, Sense, Shape, Stroke, Ui, pos2, vec2};

/// A moment marked in the chart.
pub(crate) struct Mark {
    pub t_s: f64,
    pub text: &'static str,
    pub colour: Color32,
}

/// Where seconds and counts lie.
#[derive(Debug, Clone, Copy)]
struct Scale {
    plot: Rect,
    end_s: f64,
    most: u32,
}

impl Scale {
    fn x(&self, t_s: f64) -> f32 {
        self.plot.left() + self.plot.width() * (t_s / self.end_s).clamp(0.0, 1.0) as f32
    }

    fn at(&self, t_s: f64, people: u32) -> Pos2 {
        let share = (f64::from(people) / f64::from(self.most)).clamp(0.0, 1.0) as f32;
        pos2(self.x(t_s), self.plot.bottom() - self.plot.height() * share)
    }
}

/// The least of 1, 2, 5 × 10ⁿ (and 4 × 10ⁿ) that is not below `n`.
fn round_up(n: u32) -> u32 {
    let mut unit = 1_u32;
    loop {
        for factor in [1, 2, 4, 5] {
            let value = unit.saturating_mul(factor);
            if value >= n {
                return value;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

/// At most `most` points of a curve, the first and the last among them.
fn thinned(points: &[(f64, u32)], most: usize) -> impl Iterator<Item = (f64, u32)> {
    let step = points.len().div_ceil(most.max(1)).max(1);
    let last = points.last().copied().filter(|_| !(points.len().max(1) - 1).is_multiple_of(step));
    points.iter().copied().step_by(step).chain(last)
}

const HEIGHT: f32 = 132.0;

/// Paints `points` (s, people) over `[0, end_s]` with the marks, whose words stand below it.
pub(crate) fn chart(ui: &mut Ui, points: &[(f64, u32)], end_s: f64, marks: &[Mark]) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::hover());
    let plot = Rect::from_min_max(rect.min + vec2(32.0, 8.0), rect.max - vec2(6.0, 18.0));
    let most = points.iter().map(|p| p.1).max().unwrap_or(0);
    let scale = Scale { plot, end_s: end_s.max(1.0), most: round_up(most.max(1)) };
    axes(ui, &scale);
    let painter = ui.painter();
    let line: Vec<Pos2> = thinned(points, 600).map(|(t, n)| scale.at(t, n)).collect();
    if line.len() > 1 {
        painter.add(Shape::line(line, Stroke::new(1.8, Palette::SIMULATED)));
    }
    for mark in marks {
        let x = scale.x(mark.t_s);
        painter.vline(x, plot.y_range(), Stroke::new(1.2, mark.colour));
    }
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 10.0;
        for mark in marks {
            let text = format!("{} {}", mark.text, clock(mark.t_s));
            ui.label(egui::RichText::new(text).size(12.0).color(mark.colour));
        }
    });
}

fn axes(ui: &Ui, scale: &Scale) {
    let (painter, plot) = (ui.painter(), scale.plot);
    let font = FontId::proportional(11.0);
    for n in [0, scale.most / 2, scale.most] {
        let y = scale.at(0.0, n).y;
        painter.hline(plot.x_range(), y, Stroke::new(1.0, Palette::LINE));
        painter.text(pos2(plot.left() - 4.0, y), Align2::RIGHT_CENTER, n.to_string(), font.clone(), Palette::WEAK);
    }
    for (k, anchor) in [(0.0, Align2::LEFT_TOP), (0.5, Align2::CENTER_TOP), (1.0, Align2::RIGHT_TOP)] {
        let t_s = scale.end_s * k;
        let at = pos2(scale.x(t_s), plot.bottom() + 3.0);
        painter.text(at, anchor, clock(t_s), font.clone(), Palette::WEAK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        let ends = [(0, 1), (1, 1), (3, 4), (5, 5), (6, 10), (397, 400), (2001, 4000)];
        assert_eq!(ends.map(|(n, _)| round_up(n)), ends.map(|(_, end)| end));
        assert_eq!(round_up(u32::MAX), u32::MAX);
    }

    #[test]
    fn the_scale_keeps_everything_in_the_plot() {
        let plot = Rect::from_min_max(pos2(10.0, 20.0), pos2(110.0, 70.0));
        let scale = Scale { plot, end_s: 200.0, most: 400 };
        assert_eq!(scale.at(0.0, 400), pos2(10.0, 20.0));
        assert_eq!(scale.at(100.0, 100), pos2(60.0, 57.5));
        assert_eq!(scale.at(500.0, 900), pos2(110.0, 20.0));
        assert_eq!(scale.at(-5.0, 0), pos2(10.0, 70.0));
    }

    #[test]
    fn a_long_curve_is_thinned_and_keeps_its_ends() {
        let points: Vec<(f64, u32)> = (0..1003).map(|k| (f64::from(k), 1003 - k as u32)).collect();
        let thin: Vec<_> = thinned(&points, 100).collect();
        assert!(thin.len() <= 101, "{}", thin.len());
        assert_eq!((thin.first(), thin.last()), (points.first(), points.last()));
        assert_eq!(thinned(&points[..5], 100).count(), 5);
        assert_eq!(thinned(&[], 100).count(), 0);
    }
}
