//! Everything on the ground: river, grass, paving, roads and their markings, courts, cars.

use rayon::prelude::*;

use super::canvas::{Canvas, PIXEL_M, Rgb, mix, shade};
use crate::geom::{Frame, Pt, add, circle, dist_line, dist_ring, left, mul, offset_line, ribbon, stations};
use crate::plan::{Area, AreaKind, Car, CommunityPlan, LaneKind, Street};
use crate::rng::{fractal, smooth, white};
use crate::terrain::{BANK_TO_CREST_M, bank_at};

const ASPHALT: Rgb = [92.0, 94.0, 97.0];
const LANE: Rgb = [128.0, 128.0, 126.0];
const TILE: Rgb = [172.0, 165.0, 154.0];
const WHITE: Rgb = [226.0, 226.0, 222.0];
const YELLOW: Rgb = [222.0, 182.0, 74.0];

/// Paints the ground.
pub fn paint(canvas: &mut Canvas, plan: &CommunityPlan) {
    base(canvas, plan);
    for s in &plan.streets {
        canvas.fill(&ribbon(&s.line, s.redline_m + 1.0), |p, _| tiles(p, TILE));
    }
    for lot in &plan.lots {
        canvas.fill(&lot.ring, |p, _| tiles(p, [163.0, 162.0, 157.0]));
    }
    for area in &plan.areas {
        paint_area(canvas, plan, area);
    }
    lanes(canvas, plan);
    streets(canvas, plan);
    walls(canvas, plan);
    for car in &plan.cars {
        paint_car(canvas, car);
    }
    boats(canvas, plan);
}

fn pixel(p: Pt) -> (i64, i64) {
    ((p[0] / PIXEL_M) as i64, (p[1] / PIXEL_M) as i64)
}

fn grain(p: Pt, c: Rgb, amount: f32) -> Rgb {
    let (x, y) = pixel(p);
    shade(c, 1.0 + (white(x, y, 5) as f32 - 0.5) * amount)
}

fn grass(p: Pt, seed: u64) -> Rgb {
    let big = fractal(p[0] / 26.0, p[1] / 26.0, seed + 50) as f32;
    let small = smooth(p[0] / 1.4, p[1] / 1.4, seed + 53) as f32;
    let c = mix([98.0, 118.0, 62.0], [138.0, 146.0, 84.0], big * 1.2 - 0.1);
    grain(p, shade(c, 0.88 + 0.2 * small), 0.14)
}

fn tiles(p: Pt, c: Rgb) -> Rgb {
    let seam = (p[0].rem_euclid(1.2) < 0.25) || (p[1].rem_euclid(1.2) < 0.25);
    let stain = fractal(p[0] / 9.0, p[1] / 9.0, 61) as f32;
    grain(p, shade(c, 0.9 + 0.16 * stain - if seam { 0.04 } else { 0.0 }), 0.06)
}

fn asphalt(p: Pt, c: Rgb) -> Rgb {
    let worn = fractal(p[0] / 14.0, p[1] / 14.0, 71) as f32;
    grain(p, shade(c, 0.88 + 0.22 * worn), 0.09)
}

fn water(p: Pt, depth: f32, seed: u64) -> Rgb {
    let swell = fractal(p[0] / 16.0, p[1] / 7.0, seed + 80) as f32;
    let ripple = smooth(p[0] / 1.8 + p[1] / 3.0, p[1] / 0.9, seed + 84) as f32;
    let c = mix([132.0, 134.0, 106.0], [76.0, 98.0, 92.0], depth);
    grain(p, shade(c, 0.92 + 0.13 * swell + 0.07 * ripple), 0.03)
}

/// Grass, river and embankment, with a little relief.
fn base(canvas: &mut Canvas, plan: &CommunityPlan) {
    let width = canvas.width;
    let seed = plan.seed;
    canvas.rgb.par_chunks_mut(width * 3).enumerate().for_each(|(row, line)| {
        for column in 0..width {
            let p = Canvas::point(column, row);
            let from_bank = p[1] - bank_at(p[0]);
            let mut c = if from_bank < 1.5 {
                let wash = 1.3 * (smooth(p[0] / 4.0, p[1] / 4.0, seed + 90) - 0.5);
                if from_bank + wash > 0.0 {
                    grain(p, [150.0, 138.0, 112.0], 0.15)
                } else {
                    water(p, (((-from_bank) / 40.0).clamp(0.0, 1.0)) as f32, seed)
                }
            } else {
                grass(p, seed)
            };
            if from_bank > 0.0 && from_bank < 14.0 {
                let reed = fractal(p[0] / 7.0, p[1] / 3.0, seed + 95) as f32;
                c = mix(c, [150.0, 138.0, 92.0], (reed - 0.35).clamp(0.0, 0.6));
            }
            // light from the south-east on the slopes
            if from_bank > -4.0 && from_bank < BANK_TO_CREST_M + 30.0 {
                let dx = plan.ground([p[0] + 1.0, p[1]]) - plan.ground([p[0] - 1.0, p[1]]);
                let dy = plan.ground([p[0], p[1] + 1.0]) - plan.ground([p[0], p[1] - 1.0]);
                c = shade(c, (1.0 + 0.32 * dy - 0.1 * dx).clamp(0.62, 1.3) as f32);
            }
            for k in 0..3 {
                line[column * 3 + k] = c[k].clamp(0.0, 255.0) as u8;
            }
        }
    });
}

fn paint_area(canvas: &mut Canvas, plan: &CommunityPlan, area: &Area) {
    let seed = plan.seed;
    let frame = area.frame;
    match area.kind {
        AreaKind::Lawn => canvas.fill(&area.ring, |p, _| grass(p, seed)),
        AreaKind::Garden => canvas.fill(&area.ring, |p, _| {
            let bush = fractal(p[0] / 3.1, p[1] / 3.1, seed + 31) as f32;
            let c = mix(grass(p, seed), [62.0, 88.0, 44.0], ((bush - 0.42) * 3.0).clamp(0.0, 0.85));
            if bush > 0.74 { mix(c, [156.0, 96.0, 98.0], 0.35) } else { c }
        }),
        AreaKind::Paving => canvas.fill(&area.ring, |p, _| tiles(p, [178.0, 174.0, 166.0])),
        AreaKind::Plaza => {
            let centre = crate::geom::centroid(&area.ring);
            canvas.fill(&area.ring, |p, _| {
                let r = crate::geom::dist(p, centre);
                let ring = (r / 5.0).rem_euclid(2.0) < 0.35;
                let c = if ring { [150.0, 112.0, 92.0] } else { [196.0, 184.0, 164.0] };
                tiles(p, c)
            });
            outline(canvas, &area.ring, 0.5, [140.0, 128.0, 116.0]);
        }
        AreaKind::Pond => {
            canvas.fill(&area.ring, |p, _| {
                let d = dist_ring(p, &area.ring);
                shade(mix(water(p, 1.0, seed), [70.0, 104.0, 84.0], 0.5), (0.85 + 0.03 * d.min(5.0)) as f32)
            });
            outline(canvas, &area.ring, 0.9, [176.0, 170.0, 158.0]);
        }
        AreaKind::Parking => {
            canvas.fill(&area.ring, |p, _| asphalt(p, [112.0, 116.0, 110.0]));
            bay_lines(canvas, area);
        }
        AreaKind::Court => court(canvas, area),
        AreaKind::Track => track(canvas, area),
        AreaKind::Field => field(canvas, area, seed),
        AreaKind::Playground => {
            canvas.fill(&area.ring, |p, _| {
                let patch = smooth(p[0] / 7.0, p[1] / 7.0, seed + 66);
                let c = if patch > 0.62 {
                    [206.0, 128.0, 66.0]
                } else if patch > 0.4 {
                    [94.0, 146.0, 170.0]
                } else {
                    [126.0, 164.0, 92.0]
                };
                grain(p, c, 0.08)
            });
        }
        AreaKind::Yard => canvas.fill(&area.ring, |p, _| {
            let dirt = fractal(p[0] / 11.0, p[1] / 11.0, seed + 77) as f32;
            grain(p, mix([150.0, 146.0, 136.0], [140.0, 126.0, 100.0], dirt), 0.14)
        }),
        AreaKind::Plots => canvas.fill(&area.ring, |p, _| {
            let q = frame.local(p);
            let bed = (q[0] / 1.6).floor() as i64;
            let green = white(bed, (q[1] / 9.0).floor() as i64, seed) as f32;
            if q[0].rem_euclid(1.6) < 0.4 {
                grain(p, [132.0, 110.0, 82.0], 0.15)
            } else {
                grain(p, mix([84.0, 122.0, 56.0], [140.0, 160.0, 80.0], green), 0.25)
            }
        }),
    }
}

fn outline(canvas: &mut Canvas, ring: &[Pt], width_m: f64, colour: Rgb) {
    let mut line = ring.to_vec();
    line.push(ring[0]);
    canvas.stroke(&line, width_m, colour, 0.9);
}

fn bay_lines(canvas: &mut Canvas, area: &Area) {
    let [a, b] = [area.ring[0], area.ring[1]];
    let deep = crate::geom::dist(area.ring[0], area.ring[area.ring.len() - 1]);
    if deep > 7.0 {
        return;
    }
    let n = mul(left(crate::geom::direction(a, b)), deep);
    for (p, _) in stations(&[a, b], 0.0, 2.6, 0.0) {
        canvas.stroke(&[p, add(p, n)], 0.25, WHITE, 0.7);
    }
}

fn court(canvas: &mut Canvas, area: &Area) {
    let c = crate::geom::centroid(&area.ring);
    let green = white(c[0] as i64, c[1] as i64, 3) > 0.5;
    let (inner, outer) =
        if green { ([66.0, 122.0, 96.0], [150.0, 84.0, 70.0]) } else { ([72.0, 108.0, 150.0], [88.0, 130.0, 92.0]) };
    canvas.fill(&area.ring, |p, _| grain(p, outer, 0.05));
    if area.ring.len() != 4 {
        return;
    }
    let shrink = |m: f64| crate::geom::inset_convex(&area.ring, &[m]);
    let play = shrink(1.6);
    canvas.fill(&play, |p, _| grain(p, inner, 0.05));
    outline(canvas, &play, 0.25, WHITE);
    let mid = |i: usize, j: usize| crate::geom::lerp(play[i], play[j], 0.5);
    canvas.stroke(&[mid(0, 1), mid(3, 2)], 0.25, WHITE, 0.8);
    let mut ring = circle(c, 1.9, 20);
    ring.push(ring[0]);
    canvas.stroke(&ring, 0.25, WHITE, 0.8);
}

fn track(canvas: &mut Canvas, area: &Area) {
    canvas.fill(&area.ring, |p, _| grain(p, [168.0, 78.0, 62.0], 0.06));
    let f = &area.frame;
    for lane in 0..=6 {
        let mut line = crate::geom::oval(f, 64.0, 20.6 + 1.22 * f64::from(lane));
        line.push(line[0]);
        canvas.stroke(&line, 0.22, WHITE, 0.75);
    }
}

fn field(canvas: &mut Canvas, area: &Area, seed: u64) {
    let f = area.frame;
    canvas.fill(&area.ring, |p, _| {
        let stripe = f.local(p)[0].rem_euclid(12.0) < 6.0;
        shade(mix(grass(p, seed), [86.0, 134.0, 70.0], 0.7), if stripe { 1.05 } else { 0.93 })
    });
    let (l, w) = (33.0, 18.5);
    let mut box_line = f.ring(&crate::geom::rect(-l, -w, l, w));
    box_line.push(box_line[0]);
    canvas.stroke(&box_line, 0.25, WHITE, 0.8);
    canvas.stroke(&f.ring(&[[0.0, -w], [0.0, w]]), 0.25, WHITE, 0.8);
    let mut ring = circle(f.origin, 6.0, 28);
    ring.push(ring[0]);
    canvas.stroke(&ring, 0.25, WHITE, 0.8);
    for side in [-1.0, 1.0] {
        canvas.stroke(
            &f.ring(&[[l * side, -9.0], [(l - 7.0) * side, -9.0], [(l - 7.0) * side, 9.0], [l * side, 9.0]]),
            0.25,
            WHITE,
            0.8,
        );
    }
}

fn lanes(canvas: &mut Canvas, plan: &CommunityPlan) {
    for lane in &plan.lanes {
        for w in lane.line.windows(2) {
            let ring = ribbon(w, lane.width_m);
            match lane.kind {
                LaneKind::Internal => {
                    canvas.fill(&ribbon(w, lane.width_m + 0.6), |p, _| grain(p, [186.0, 182.0, 174.0], 0.05));
                }
                LaneKind::Path => canvas.fill(&ring, |p, _| tiles(p, [184.0, 172.0, 152.0])),
                LaneKind::Promenade => canvas.fill(&ring, |p, _| tiles(p, [176.0, 128.0, 108.0])),
            }
        }
        for p in &lane.line {
            let c = circle(*p, lane.width_m * 0.5, 14);
            match lane.kind {
                LaneKind::Internal => {}
                LaneKind::Path => canvas.fill(&c, |p, _| tiles(p, [184.0, 172.0, 152.0])),
                LaneKind::Promenade => canvas.fill(&c, |p, _| tiles(p, [176.0, 128.0, 108.0])),
            }
        }
    }
    for lane in plan.lanes.iter().filter(|l| l.kind == LaneKind::Internal) {
        for w in lane.line.windows(2) {
            canvas.fill(&ribbon(w, lane.width_m), |p, _| asphalt(p, LANE));
        }
        for p in &lane.line {
            canvas.fill(&circle(*p, lane.width_m * 0.5, 14), |p, _| asphalt(p, LANE));
        }
    }
}

/// Carriageways, then markings away from crossings; the avenue last, as it bridges the underpass.
fn streets(canvas: &mut Canvas, plan: &CommunityPlan) {
    let mut order: Vec<&Street> = plan.streets.iter().collect();
    order.sort_by(|a, b| a.carriage_m.total_cmp(&b.carriage_m));
    for s in &order {
        canvas.fill(&ribbon(&s.line, s.carriage_m + 0.8), |p, _| grain(p, [190.0, 188.0, 182.0], 0.05));
        if s.class == "主干路" {
            for side in [-1.0, 1.0] {
                canvas.fill(&ribbon(&offset_line(&s.line, side * (s.carriage_m * 0.5 + 4.0)), 3.0), |p, _| {
                    shade(grass(p, plan.seed), 0.85)
                });
            }
        }
    }
    for s in &order {
        canvas.fill(&ribbon(&s.line, s.carriage_m), |p, _| asphalt(p, ASPHALT));
        for p in &s.line {
            canvas.fill(&circle(*p, s.carriage_m * 0.5, 20), |p, _| asphalt(p, ASPHALT));
        }
    }
    let nodes = crossings(plan);
    for s in &plan.streets {
        markings(canvas, s, &nodes);
    }
    for (node, reach_e, reach_n, e, n) in &nodes {
        zebra(canvas, *node, *e, *reach_n, *reach_e, *n);
    }
}

/// Crossing, half width of the northward and eastward street there, directions.
fn crossings(plan: &CommunityPlan) -> Vec<(Pt, f64, f64, Pt, Pt)> {
    let mut out = Vec::new();
    for a in &plan.streets[..4] {
        for b in &plan.streets[4..] {
            for p in &b.line {
                if dist_line(*p, &a.line) < 1.0 {
                    let e = near_direction(&a.line, *p);
                    let n = near_direction(&b.line, *p);
                    out.push((*p, a.carriage_m * 0.5, b.carriage_m * 0.5, e, n));
                }
            }
        }
    }
    out
}

fn near_direction(line: &[Pt], p: Pt) -> Pt {
    let best = line.windows(2).min_by(|a, b| {
        crate::geom::dist_segment(p, a[0], a[1]).0.total_cmp(&crate::geom::dist_segment(p, b[0], b[1]).0)
    });
    best.map_or([1.0, 0.0], |w| crate::geom::direction(w[0], w[1]))
}

fn markings(canvas: &mut Canvas, s: &Street, nodes: &[(Pt, f64, f64, Pt, Pt)]) {
    let clear = |p: Pt| nodes.iter().all(|n| crate::geom::dist(p, n.0) > n.1.max(n.2) + 8.0);
    let dash = |canvas: &mut Canvas, offset: f64, on: f64, period: f64, colour: Rgb| {
        for (p, d) in stations(&s.line, 1.0, period, offset) {
            let q = add(p, mul(d, on));
            if clear(p) && clear(q) {
                canvas.stroke(&[p, q], 0.28, colour, 0.85);
            }
        }
    };
    if s.carriage_m > 11.0 {
        dash(canvas, 0.22, 4.0, 4.0, YELLOW);
        dash(canvas, -0.22, 4.0, 4.0, YELLOW);
    } else {
        dash(canvas, 0.0, 3.0, 6.0, YELLOW);
    }
    let half = s.carriage_m * 0.5;
    let mut offset = 3.4;
    while offset < half - 2.6 {
        dash(canvas, offset, 3.0, 7.0, WHITE);
        dash(canvas, -offset, 3.0, 7.0, WHITE);
        offset += 3.4;
    }
    dash(canvas, half - 0.4, 4.0, 4.0, WHITE);
    dash(canvas, 0.4 - half, 4.0, 4.0, WHITE);
}

fn zebra(canvas: &mut Canvas, node: Pt, e: Pt, half_n: f64, half_e: f64, n: Pt) {
    // arms: along the eastward street the zebra lies half_n away and spans half_e, and the other way round
    for (axis, away, span) in
        [(e, half_n, half_e), (mul(e, -1.0), half_n, half_e), (n, half_e, half_n), (mul(n, -1.0), half_e, half_n)]
    {
        let frame = Frame { origin: node, axis };
        let mut y = -span + 0.6;
        while y < span - 0.5 {
            canvas.fill(&frame.ring(&crate::geom::rect(away + 2.0, y, away + 5.5, y + 0.5)), |_, old| {
                mix(old, WHITE, 0.85)
            });
            y += 1.0;
        }
        canvas
            .fill(&frame.ring(&crate::geom::rect(away + 6.6, -span, away + 7.0, 0.0)), |_, old| mix(old, WHITE, 0.85));
    }
}

/// Lot walls, the underpass' parapets, the bridge, garage ramps.
fn walls(canvas: &mut Canvas, plan: &CommunityPlan) {
    let (centre, axis) = plan.underpass;
    let street = Frame { origin: centre, axis };
    for side in [-1.0, 1.0] {
        for end in [-1.0, 1.0] {
            canvas.stroke(
                &street.ring(&[[14.0 * end, 8.3 * side], [92.0 * end, 8.3 * side]]),
                0.6,
                [206.0, 204.0, 196.0],
                0.95,
            );
            canvas.fill(&street.ring(&crate::geom::rect(14.0 * end, 8.0 * side, 60.0 * end, 5.4 * side)), |_, old| {
                shade(old, 0.72)
            });
        }
        canvas.stroke(&street.ring(&[[14.0 * side, -8.6], [14.0 * side, 8.6]]), 0.6, [212.0, 210.0, 204.0], 0.95);
    }
    for end in [-1.0, 1.0] {
        canvas.fill(&street.ring(&crate::geom::rect(14.0 * end, -7.8, 21.0 * end, 7.8)), |_, old| shade(old, 0.55));
    }
    for (top, bottom) in &plan.ramps {
        let line = [*top, *bottom];
        canvas.fill(&ribbon(&line, 6.0), |p, _| {
            let t = crate::geom::dist(p, *top) / crate::geom::dist(*top, *bottom);
            let rib = crate::geom::dist(p, *top).rem_euclid(1.0) < 0.3;
            shade(grain(p, [150.0, 150.0, 148.0], 0.05), (1.0 - 0.55 * t) as f32 * if rib { 0.9 } else { 1.0 })
        });
        canvas.stroke(&offset_line(&line, 3.1), 0.35, [200.0, 198.0, 190.0], 0.9);
        canvas.stroke(&offset_line(&line, -3.1), 0.35, [200.0, 198.0, 190.0], 0.9);
    }
    for lot in &plan.lots {
        if matches!(
            lot.kind,
            crate::plan::LotKind::Commerce | crate::plan::LotKind::OldTown | crate::plan::LotKind::Park
        ) {
            continue;
        }
        let mut line = lot.ring.clone();
        line.push(lot.ring[0]);
        for (p, d) in stations(&line, 0.5, 1.0, 0.3) {
            if plan.gates.iter().all(|g| crate::geom::dist(g.at, p) > g.width_m * 0.5 + 3.0) {
                canvas.stroke(&[p, add(p, d)], 0.3, [196.0, 190.0, 180.0], 0.8);
            }
        }
    }
}

fn paint_car(canvas: &mut Canvas, car: &Car) {
    const PAINTS: [Rgb; 8] = [
        [228.0, 228.0, 226.0],
        [222.0, 222.0, 224.0],
        [46.0, 48.0, 52.0],
        [120.0, 124.0, 130.0],
        [168.0, 170.0, 172.0],
        [138.0, 40.0, 38.0],
        [44.0, 68.0, 118.0],
        [120.0, 100.0, 74.0],
    ];
    let frame = Frame { origin: car.at, axis: car.axis };
    let (l, w) = (car.size[0] * 0.5, car.size[1] * 0.5);
    let body = crate::geom::rect(-l, -w, l, w);
    let shadow: Vec<Pt> = frame.ring(&body).iter().map(|p| add(*p, mul(super::SHADOW, 1.3))).collect();
    canvas.fill(&shadow, |_, old| shade(old, 0.62));
    let paint = PAINTS[car.tint as usize % PAINTS.len()];
    let bus = car.size[0] > 8.0;
    let paint = if bus { [70.0, 140.0, 120.0] } else { paint };
    canvas.fill(&frame.ring(&body), |_, _| paint);
    if bus {
        canvas.fill(&frame.ring(&crate::geom::rect(-3.0, -0.6, 1.0, 0.6)), |_, old| shade(old, 1.25));
    } else {
        canvas.fill(&frame.ring(&crate::geom::rect(0.35, -w * 0.8, l * 0.5, w * 0.8)), |_, _| [52.0, 60.0, 68.0]);
        canvas
            .fill(&frame.ring(&crate::geom::rect(-l * 0.8, -w * 0.75, -l * 0.5, w * 0.75)), |_, _| [60.0, 66.0, 74.0]);
    }
}

/// Two barges at the wharf and one on the river.
fn boats(canvas: &mut Canvas, plan: &CommunityPlan) {
    let x = plan.gap[0];
    let spots = [
        ([x - 18.0, bank_at(x - 18.0) - 9.0], 2.0),
        ([x + 20.0, bank_at(x + 20.0) - 10.0], -3.0),
        ([860.0, 52.0], 5.0),
        ([250.0, 40.0], 8.0),
    ];
    for (at, angle) in spots {
        let f = Frame::new(at, angle);
        let hull = [[-16.0, -3.4], [13.0, -3.4], [17.5, 0.0], [13.0, 3.4], [-16.0, 3.4]];
        let wake: Vec<Pt> = f.ring(&hull).iter().map(|p| add(*p, [-0.7, 1.4])).collect();
        canvas.fill(&wake, |_, old| shade(old, 0.7));
        canvas.fill(&f.ring(&hull), |p, _| grain(p, [132.0, 88.0, 70.0], 0.08));
        canvas.fill(&f.ring(&crate::geom::rect(-9.0, -2.5, 11.0, 2.5)), |p, _| grain(p, [118.0, 112.0, 100.0], 0.2));
        canvas.fill(&f.ring(&crate::geom::rect(-15.0, -2.4, -10.0, 2.4)), |p, _| grain(p, [214.0, 214.0, 208.0], 0.05));
    }
}
