//! Draws a figure of a verification case as SVG.

use anyhow::anyhow;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::prelude::*;
use sim_flood::verification::{Curve, CurveKind, Figure};
use std::ops::Range;

const SIZE: (u32, u32) = (640, 360);
const FONT: &str = "sans-serif";
/// Points that lie closer than this to the line through their neighbours are left out, pixels.
const TOLERANCE_PX: f64 = 0.35;

/// Colours of exact or first, computed or second curves, and so on (Okabe and Ito 2008, safe for colour-blind readers).
const SERIES: [RGBColor; 4] =
    [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115), RGBColor(204, 121, 167)];
const EXACT: [RGBColor; 3] = [RGBColor(150, 200, 235), RGBColor(245, 190, 140), RGBColor(150, 215, 190)];
const BED: RGBColor = RGBColor(120, 100, 80);

/// The figure as an SVG document.
pub fn svg(figure: &Figure) -> anyhow::Result<String> {
    let mut out = String::new();
    {
        let root = SVGBackend::with_string(&mut out, SIZE).into_drawing_area();
        root.fill(&WHITE).map_err(failed)?;
        let [x, y] = [0, 1].map(|k| extent(figure, k));
        let mut chart = ChartBuilder::on(&root);
        chart.margin(8).margin_right(20).caption(&figure.title, (FONT, 17)).x_label_area_size(42).y_label_area_size(64);
        if figure.logarithmic {
            draw(&mut chart, figure, Log(x), Log(y))?;
        } else {
            draw(&mut chart, figure, Linear(x), Linear(y))?;
        }
        root.present().map_err(failed)?;
    }
    Ok(out)
}

fn failed(e: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("cannot draw: {e}")
}

/// Range of the points, a little wider.
fn extent(figure: &Figure, axis: usize) -> Range<f64> {
    let values = figure.curves.iter().flat_map(|c| &c.points).map(|p| p[axis]).filter(|v| v.is_finite());
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    if low > high {
        return 0.0..1.0;
    }
    if figure.logarithmic {
        return low.max(1e-300) / 1.3..high.max(1e-300) * 1.3;
    }
    let room = if axis == 0 { 0.0 } else { 0.06 * (high - low) };
    let room = if high - low + room > 0.0 { room } else { 0.5 };
    low - room..high + room
}

/// A linear axis with ticks at 1, 2 or 5 times a power of ten.
struct Linear(Range<f64>);

/// A logarithmic axis with ticks at 1, 2 and 5 times each power of ten.
struct Log(Range<f64>);

fn place(share: f64, pixels: (i32, i32)) -> i32 {
    pixels.0 + (share * f64::from(pixels.1 - pixels.0)).round() as i32
}

impl Ranged for Linear {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, pixels: (i32, i32)) -> i32 {
        place((value - self.0.start) / (self.0.end - self.0.start), pixels)
    }

    fn key_points<H: KeyPointHint>(&self, hint: H) -> Vec<f64> {
        let most = hint.max_num_points().min(8) as f64;
        let rough = (self.0.end - self.0.start) / most.max(1.0);
        let power = 10.0_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|f| f * power).into_iter().find(|s| *s >= rough).unwrap_or(rough);
        let (first, last) = ((self.0.start / step).ceil() as i64, (self.0.end / step).floor() as i64);
        (first..=last).map(|k| k as f64 * step).collect()
    }

    fn range(&self) -> Range<f64> {
        self.0.clone()
    }
}

impl Ranged for Log {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, pixels: (i32, i32)) -> i32 {
        place((value / self.0.start).ln() / (self.0.end / self.0.start).ln(), pixels)
    }

    fn key_points<H: KeyPointHint>(&self, _: H) -> Vec<f64> {
        let decades = (self.0.start.log10().floor() as i32)..=(self.0.end.log10().ceil() as i32);
        let ticks = decades.flat_map(|d| [1.0, 2.0, 5.0].map(|f| f * 10.0_f64.powi(d)));
        ticks.filter(|t| self.0.contains(t)).collect()
    }

    fn range(&self) -> Range<f64> {
        self.0.clone()
    }
}

impl ValueFormatter<f64> for Linear {
    fn format(value: &f64) -> String {
        tick(*value)
    }
}

impl ValueFormatter<f64> for Log {
    fn format(value: &f64) -> String {
        tick(*value)
    }
}

/// Short text of a tick: no tail of rounding, powers of ten for very small values.
fn tick(value: f64) -> String {
    if value == 0.0 {
        "0".into()
    } else if value.abs() < 1e-3 {
        format!("{value:.0e}")
    } else {
        let text = format!("{value:.4}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

fn draw<X, Y>(chart: &mut ChartBuilder<'_, '_, SVGBackend<'_>>, figure: &Figure, x: X, y: Y) -> anyhow::Result<()>
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let (width, height) = (f64::from(SIZE.0), f64::from(SIZE.1));
    let at = |p: &[f64; 2]| {
        [
            f64::from(x.map(&p[0], (0, 100 * SIZE.0 as i32))) / 100.0,
            f64::from(y.map(&p[1], (100 * SIZE.1 as i32, 0))) / 100.0,
        ]
    };
    let pixels: Vec<Vec<[f64; 2]>> = figure.curves.iter().map(|c| c.points.iter().map(at).collect()).collect();
    let corner = emptiest_corner(&pixels, width, height);
    let mut chart = chart.build_cartesian_2d(x, y).map_err(failed)?;
    chart
        .configure_mesh()
        .x_desc(&figure.x_label)
        .y_desc(&figure.y_label)
        .label_style((FONT, 13))
        .axis_desc_style((FONT, 14))
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(225, 225, 225))
        .draw()
        .map_err(failed)?;
    let mut counts = [0_usize; 2];
    for (curve, pixels) in figure.curves.iter().zip(&pixels) {
        let style = style_of(curve.kind, &mut counts);
        let kept = simplify(pixels).into_iter().filter_map(|k| curve.points.get(k)).map(|p| (p[0], p[1]));
        let line = chart.draw_series(LineSeries::new(kept, style)).map_err(failed)?;
        line.label(&curve.label).legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], style));
        if dotted(curve) {
            let dots = curve.points.iter().map(|p| Circle::new((p[0], p[1]), 3, style.color.filled()));
            chart.draw_series(dots).map_err(failed)?;
        }
    }
    chart
        .configure_series_labels()
        .position(corner)
        .label_font((FONT, 13))
        .background_style(WHITE.mix(0.85))
        .border_style(RGBColor(200, 200, 200))
        .draw()
        .map_err(failed)?;
    Ok(())
}

/// Curves of a few points show each of them.
fn dotted(curve: &Curve) -> bool {
    curve.points.len() <= 20 && curve.kind != CurveKind::Bed && curve.kind != CurveKind::Guide
}

/// Exact curves are broad and pale, computed ones thin and dark on top of them.
fn style_of(kind: CurveKind, counts: &mut [usize; 2]) -> ShapeStyle {
    let mut next = |which: usize, colours: &[RGBColor]| {
        let colour = colours[counts[which] % colours.len()];
        counts[which] += 1;
        colour
    };
    match kind {
        CurveKind::Bed => BED.stroke_width(2),
        CurveKind::Exact => next(0, &EXACT).stroke_width(6),
        CurveKind::Computed | CurveKind::Series => next(1, &SERIES).stroke_width(2),
        CurveKind::Guide => RGBColor(130, 130, 130).stroke_width(1),
    }
}

/// The corner or side with the fewest points of curves in it; a third of the width and of the height.
fn emptiest_corner(curves: &[Vec<[f64; 2]>], width: f64, height: f64) -> SeriesLabelPosition {
    let corners = [
        (SeriesLabelPosition::UpperRight, 1.0, 0.0),
        (SeriesLabelPosition::UpperLeft, 0.0, 0.0),
        (SeriesLabelPosition::LowerLeft, 0.0, 1.0),
        (SeriesLabelPosition::LowerRight, 1.0, 1.0),
        (SeriesLabelPosition::MiddleRight, 1.0, 0.5),
        (SeriesLabelPosition::MiddleLeft, 0.0, 0.5),
    ];
    let crowd = |x: f64, y: f64| {
        let near = |p: &&[f64; 2]| {
            (p[0] / width - x).abs() < 0.42 && (p[1] / height - y).abs() < if y == 0.5 { 0.18 } else { 0.36 }
        };
        // Every curve counts by its share, whatever its number of points.
        let share = |c: &Vec<[f64; 2]>| c.iter().filter(near).count() as f64 / c.len().max(1) as f64;
        curves.iter().map(share).sum::<f64>()
    };
    let best = corners.into_iter().min_by(|a, b| crowd(a.1, a.2).total_cmp(&crowd(b.1, b.2)));
    best.map_or(SeriesLabelPosition::UpperRight, |c| c.0)
}

/// Points to keep of a polyline (Douglas and Peucker 1973).
fn simplify(points: &[[f64; 2]]) -> Vec<usize> {
    let Some(last) = points.len().checked_sub(1) else { return Vec::new() };
    let mut keep = vec![false; points.len()];
    (keep[0], keep[last]) = (true, true);
    let mut todo = vec![(0, last)];
    while let Some((a, b)) = todo.pop() {
        let far = (a + 1..b).map(|k| (k, distance(points[a], points[b], points[k]))).max_by(|p, q| p.1.total_cmp(&q.1));
        if let Some((k, d)) = far.filter(|f| f.1 > TOLERANCE_PX) {
            debug_assert!(d.is_finite());
            keep[k] = true;
            todo.extend([(a, k), (k, b)]);
        }
    }
    keep.iter().enumerate().filter(|(_, k)| **k).map(|(i, _)| i).collect()
}

/// Distance of a point from the line through two others.
fn distance(a: [f64; 2], b: [f64; 2], p: [f64; 2]) -> f64 {
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    let length = dx.hypot(dy);
    if length > 0.0 {
        ((p[0] - a[0]) * dy - (p[1] - a[1]) * dx).abs() / length
    } else {
        (p[0] - a[0]).hypot(p[1] - a[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_line_keeps_its_ends_and_a_corner_stays() {
        let straight: Vec<[f64; 2]> = (0..50).map(|k| [f64::from(k), 2.0 * f64::from(k)]).collect();
        assert_eq!(simplify(&straight), [0, 49]);
        let corner = [[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]];
        assert_eq!(simplify(&corner), [0, 1, 2]);
        assert!(simplify(&[]).is_empty());
    }

    #[test]
    fn ticks_are_short() {
        assert_eq!([0.30000000000000004, 1500.0, 1e-5, 0.0].map(tick), ["0.3", "1500", "1e-5", "0"]);
    }
}
