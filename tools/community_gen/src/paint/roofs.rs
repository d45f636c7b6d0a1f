//! Roofs and tree crowns.

use super::canvas::{Canvas, Mask, PIXEL_M, Rgb, mix, shade};
use crate::geom::{Frame, Pt, bounds, contains, dist_ring};
use crate::plan::{Building, Facade, Roof, Tree};
use crate::rng::{fractal, smooth, white};

fn noise(b: &Building, k: u64) -> f32 {
    white(i64::from(b.tint), k as i64, 400) as f32
}

fn grain(p: Pt, c: Rgb, amount: f32) -> Rgb {
    shade(c, 1.0 + (white((p[0] / PIXEL_M) as i64, (p[1] / PIXEL_M) as i64, 15) as f32 - 0.5) * amount)
}

/// Local bounds of a footprint in its own frame.
pub fn local_bounds(b: &Building) -> (Pt, Pt) {
    let local: Vec<Pt> = b.ring.iter().map(|p| b.frame.local(*p)).collect();
    bounds(&local)
}

/// The colour of a gable roof's tiles or a flat roof's covering.
fn covering(b: &Building) -> Rgb {
    match (b.roof, b.facade) {
        (Roof::Gable(_), Facade::House) if b.year < 1990 => mix([84.0, 86.0, 90.0], [104.0, 98.0, 92.0], noise(b, 1)),
        (Roof::Gable(_), Facade::House) => mix([146.0, 84.0, 66.0], [126.0, 72.0, 60.0], noise(b, 1)),
        (Roof::Gable(_), _) => mix([134.0, 78.0, 60.0], [150.0, 96.0, 76.0], noise(b, 1)),
        (Roof::Metal, _) => mix([94.0, 130.0, 168.0], [176.0, 186.0, 192.0], noise(b, 1)),
        (_, Facade::OldSlab) => mix([128.0, 122.0, 114.0], [112.0, 104.0, 98.0], noise(b, 1)),
        (_, Facade::ShopFront) => mix([172.0, 166.0, 158.0], [150.0, 132.0, 122.0], noise(b, 1)),
        (_, Facade::TowerLight) => [176.0, 170.0, 162.0],
        (_, Facade::TowerWarm) => [164.0, 152.0, 142.0],
        _ => mix([168.0, 168.0, 166.0], [146.0, 148.0, 150.0], noise(b, 1)),
    }
}

/// Paints one roof.
pub fn paint(canvas: &mut Canvas, b: &Building) {
    let base = covering(b);
    match b.roof {
        Roof::Gable(_) => gable(canvas, b, base),
        Roof::Metal => canvas.fill(&b.ring, |p, _| {
            let q = b.frame.local(p);
            let rib = q[0].rem_euclid(1.0) < 0.3;
            grain(p, shade(base, if rib { 0.9 } else { 1.02 }), 0.04)
        }),
        Roof::Flat | Roof::Solar => flat(canvas, b, base),
    }
}

fn gable(canvas: &mut Canvas, b: &Building, base: Rgb) {
    let (low, high) = local_bounds(b);
    let ridge = (low[1] + high[1]) * 0.5;
    canvas.fill(&b.ring, |p, _| {
        let q = b.frame.local(p);
        let row = q[1].rem_euclid(0.75) < 0.25;
        let column = q[0].rem_euclid(0.5) < 0.25;
        let sun = if q[1] < ridge { 1.12 } else { 0.78 };
        let moss = fractal(p[0] / 5.0, p[1] / 5.0, 33) as f32 * 0.16 + 0.92;
        let near_ridge = (q[1] - ridge).abs() < 0.3;
        let k = sun * moss * if row { 0.9 } else { 1.0 } * if column { 0.96 } else { 1.0 };
        grain(p, if near_ridge { shade(base, 1.25) } else { shade(base, k) }, 0.08)
    });
}

fn flat(canvas: &mut Canvas, b: &Building, base: Rgb) {
    canvas.fill(&b.ring, |p, _| {
        let edge = dist_ring(p, &b.ring);
        if edge < 0.35 {
            return grain(p, shade(base, 1.22), 0.03);
        }
        // the parapet's shadow falls to the north
        let south = [p[0] + 0.2, p[1] - 0.75];
        let shadowed = !contains(&b.ring, south) || dist_ring(south, &b.ring) < 0.35;
        let q = b.frame.local(p);
        let seam = q[0].rem_euclid(6.0) < 0.25 || q[1].rem_euclid(6.0) < 0.25;
        let stain = fractal(p[0] / 6.0, p[1] / 6.0, 35) as f32;
        let k = (0.86 + 0.24 * stain) * if seam { 0.9 } else { 1.0 } * if shadowed { 0.62 } else { 1.0 };
        grain(p, shade(base, k), 0.07)
    });
    let (low, high) = local_bounds(b);
    if b.roof == Roof::Solar {
        solar(canvas, b, low, high);
    }
    if b.floors >= 7 {
        lift_houses(canvas, b, low, high);
    } else {
        air_conditioners(canvas, b, low, high);
    }
}

/// A raised box with a lit top and a shadow.
fn raised(canvas: &mut Canvas, b: &Building, frame: &Frame, half: Pt, rise: f64, colour: Rgb) {
    let ring = frame.ring(&crate::geom::rect(-half[0], -half[1], half[0], half[1]));
    if !ring.iter().all(|p| contains(&b.ring, *p)) {
        return;
    }
    let shadow: Vec<Pt> =
        ring.iter().map(|p| [p[0] + super::SHADOW[0] * rise, p[1] + super::SHADOW[1] * rise]).collect();
    canvas.fill(&shadow, |p, old| if contains(&b.ring, p) { shade(old, 0.6) } else { old });
    canvas.fill(&ring, |p, _| grain(p, if dist_ring(p, &ring) < 0.25 { shade(colour, 1.12) } else { colour }, 0.05));
}

fn solar(canvas: &mut Canvas, b: &Building, low: Pt, high: Pt) {
    let mut x = low[0] + 2.0;
    let mut k = 0;
    while x < high[0] - 2.0 {
        for y in [low[1] + 2.6, low[1] + 6.2] {
            k += 1;
            if noise(b, 10 + k) < 0.7 && y < high[1] - 2.0 {
                let at = b.frame.at([x, y]);
                raised(canvas, b, &at, [0.8, 0.9], 0.9, [38.0, 46.0, 66.0]);
                let tank = b.frame.at([x, y + 1.0]);
                raised(canvas, b, &tank, [0.8, 0.25], 0.5, [216.0, 216.0, 220.0]);
            }
        }
        x += 2.6;
    }
}

fn lift_houses(canvas: &mut Canvas, b: &Building, low: Pt, high: Pt) {
    let units = b.units.max(1);
    for unit in 0..units {
        let x = low[0] + (high[0] - low[0]) * (f64::from(unit) + 0.5) / f64::from(units);
        let core = if units > 1 { high[1] - 4.2 } else { (low[1] + high[1]) * 0.5 + 2.0 };
        raised(canvas, b, &b.frame.at([x, core]), [2.9, 2.6], 4.2, [182.0, 178.0, 170.0]);
        raised(canvas, b, &b.frame.at([x - 6.2, core - 3.6]), [1.4, 1.4], 2.2, [196.0, 196.0, 192.0]);
    }
    air_conditioners(canvas, b, low, high);
}

fn air_conditioners(canvas: &mut Canvas, b: &Building, low: Pt, high: Pt) {
    let area = (high[0] - low[0]) * (high[1] - low[1]);
    let office = matches!(b.facade, Facade::Glass | Facade::Strip);
    for k in 0..(area / if office { 60.0 } else { 140.0 }).min(26.0) as u64 {
        let q = [
            low[0] + (high[0] - low[0]) * f64::from(noise(b, 100 + k * 2)),
            low[1] + (high[1] - low[1]) * f64::from(noise(b, 101 + k * 2)),
        ];
        let size = if office { [1.6, 1.1] } else { [0.6, 0.5] };
        let p = b.frame.to_plan(q);
        if contains(&b.ring, p) && dist_ring(p, &b.ring) > 2.2 {
            raised(canvas, b, &b.frame.at(q), size, 1.4, [198.0, 200.0, 200.0]);
        }
    }
}

/// Paints one tree from above.
pub fn crown(canvas: &mut Canvas, mask: &Mask, t: &Tree) {
    let hue = white(i64::from(t.tint), 1, 500) as f32;
    let base = match t.species {
        "红枫" => mix([134.0, 62.0, 44.0], [158.0, 84.0, 52.0], hue),
        "樱花" => mix([180.0, 140.0, 142.0], [122.0, 132.0, 84.0], (hue * 1.6).min(1.0)),
        "银杏" => mix([150.0, 146.0, 62.0], [112.0, 132.0, 62.0], hue),
        "垂柳" => mix([112.0, 134.0, 64.0], [96.0, 124.0, 60.0], hue),
        "水杉" => mix([72.0, 98.0, 56.0], [92.0, 100.0, 58.0], hue),
        _ => mix([54.0, 84.0, 40.0], [82.0, 112.0, 54.0], hue),
    };
    let ring = crate::geom::circle(t.at, t.crown_m * 1.12, 18);
    let dark = {
        let column = ((t.at[0] / PIXEL_M) as usize).min(canvas.width - 1);
        let row = (((crate::plan::SIZE_M[1] - t.at[1]) / PIXEL_M) as usize).min(canvas.height - 1);
        if mask.get(column, row) == 2 && t.height_m < 14.0 { 0.66 } else { 1.0 }
    };
    canvas.fill(&ring, |p, old| {
        let d = [(p[0] - t.at[0]) / t.crown_m, (p[1] - t.at[1]) / t.crown_m];
        let lumps = smooth(p[0] / 0.9, p[1] / 0.9, 510);
        let r = d[0].hypot(d[1]) + (lumps - 0.5) * 0.35;
        if r > 1.0 {
            return old;
        }
        // a dome lit from the south-south-east
        let sun = 0.5 * d[0] - 0.85 * d[1];
        let k = (0.86 + 0.32 * sun - 0.18 * r * r) as f32 * (0.78 + 0.42 * lumps as f32);
        grain(p, shade(base, k * dark), 0.1)
    });
}
