//! Where people live: towers, walk-up slabs, villas, old dormitories, old lanes.

use super::pen::{Pen, Spec};
use crate::geom::{Pt, circle, rect};
use crate::plan::{AreaKind, Facade, LaneKind, Roof, Use};
use crate::shapes;

/// One tower of an estate.
struct Tower {
    at: Pt,
    floors: u32,
    shape: TowerShape,
}

#[derive(Clone, Copy)]
enum TowerShape {
    Bar,
    Tee,
    Cross,
    Butterfly,
}

fn tower(pen: &mut Pen<'_>, number: u32, t: &Tower, facade: Facade) -> Option<usize> {
    let (ring, origin, units, per_floor) = match t.shape {
        TowerShape::Bar => (shapes::bar(2), [t.at[0] - shapes::BAR_UNIT_M, t.at[1] - 6.0], 2, 2),
        TowerShape::Tee => (shapes::tee(), t.at, 1, 4),
        TowerShape::Cross => (shapes::cross(), t.at, 1, 4),
        TowerShape::Butterfly => (shapes::butterfly(), t.at, 1, 4),
    };
    let spec =
        Spec::new(format!("{number}号楼"), Use::Residential, t.floors, facade).storey(3.0).homes(units, per_floor);
    pen.building(spec, &ring, origin, 0.0)
}

/// Paved apron and a path from a tower's back to the ring road.
fn apron(pen: &mut Pen<'_>, at: Pt) {
    pen.rect(AreaKind::Paving, at[0] - 16.0, at[1] + 8.0, at[0] + 16.0, at[1] + 16.0);
}

/// Waterfront towers around a garden with a pond; the first tower has the IFC model.
pub fn waterfront_towers(pen: &mut Pen<'_>) -> Option<usize> {
    let (w, d) = (pen.w, pen.d);
    pen.area(AreaKind::Garden, "", &rect(0.0, 0.0, w, d));
    pen.rect(AreaKind::Lawn, 22.0, 22.0, w - 22.0, d - 36.0);
    pen.ring_road(16.0);
    let (south, north) = (52.0, d - 62.0);
    let towers = [
        Tower { at: [54.0, south], floors: 18, shape: TowerShape::Bar },
        Tower { at: [w * 0.5 + 4.0, south - 4.0], floors: 18, shape: TowerShape::Butterfly },
        Tower { at: [w - 52.0, south], floors: 22, shape: TowerShape::Bar },
        Tower { at: [46.0, north], floors: 26, shape: TowerShape::Tee },
        Tower { at: [w * 0.5 - 6.0, north + 6.0], floors: 26, shape: TowerShape::Bar },
        Tower { at: [w - 46.0, north], floors: 24, shape: TowerShape::Tee },
    ];
    let mut first = None;
    for (i, t) in towers.iter().enumerate() {
        apron(pen, t.at);
        let index = tower(pen, i as u32 + 1, t, Facade::TowerLight);
        if i == 0 {
            first = index;
        }
    }
    let middle = [w * 0.5, (south + north) * 0.5 + 2.0];
    pen.area(AreaKind::Plaza, "中心花园", &circle(middle, 24.0, 28));
    pen.area(AreaKind::Pond, "花园水景", &blob(middle, 15.0, 8.5, 0.3));
    pen.area(AreaKind::Playground, "", &rect(middle[0] + 36.0, middle[1] - 7.0, middle[0] + 54.0, middle[1] + 7.0));
    pen.rect(AreaKind::Court, middle[0] - 62.0, middle[1] - 8.0, middle[0] - 34.0, middle[1] + 8.0);
    garden_paths(pen, middle, 24.0);
    // shops along the north street, a gap for the gate in the middle
    shop_row(pen, [4.0, d - 13.0], w * 0.5 - 16.0, 10.0);
    shop_row(pen, [w * 0.5 + 12.0, d - 13.0], w * 0.5 - 16.0, 10.0);
    pen.gate('n', w * 0.5, 14.0, true);
    pen.gate('w', d * 0.45, 14.0, true);
    pen.gate('s', w * 0.5, 14.0, false);
    pen.bays([30.0, 19.2], [w * 0.5 - 24.0, 19.2], 0.7);
    pen.bays([w * 0.5 + 24.0, 19.2], [w - 30.0, 19.2], 0.7);
    ramp(pen, [24.0, d * 0.45 - 10.0], [24.0, d * 0.45 - 44.0]);
    first
}

/// Six taller towers, cross and bar plans, with shops on the avenue.
pub fn garden_towers(pen: &mut Pen<'_>) {
    let (w, d) = (pen.w, pen.d);
    pen.area(AreaKind::Garden, "", &rect(0.0, 0.0, w, d));
    pen.rect(AreaKind::Lawn, 22.0, 22.0, w - 22.0, d - 38.0);
    pen.ring_road(16.0);
    let (south, north) = (50.0, d - 64.0);
    let towers = [
        Tower { at: [46.0, south], floors: 28, shape: TowerShape::Cross },
        Tower { at: [w * 0.5, south + 2.0], floors: 24, shape: TowerShape::Bar },
        Tower { at: [w - 46.0, south], floors: 28, shape: TowerShape::Cross },
        Tower { at: [50.0, north], floors: 33, shape: TowerShape::Bar },
        Tower { at: [w * 0.5 + 6.0, north - 2.0], floors: 33, shape: TowerShape::Butterfly },
        Tower { at: [w - 48.0, north], floors: 30, shape: TowerShape::Cross },
    ];
    for (i, t) in towers.iter().enumerate() {
        apron(pen, t.at);
        tower(pen, i as u32 + 1, t, Facade::TowerWarm);
    }
    let middle = [w * 0.5 - 4.0, (south + north) * 0.5 + 4.0];
    pen.area(AreaKind::Plaza, "望江苑中庭", &blob(middle, 34.0, 15.0, 0.15));
    pen.area(AreaKind::Playground, "", &circle([middle[0] - 60.0, middle[1]], 10.0, 20));
    pen.area(AreaKind::Pond, "望江苑水池", &blob([middle[0] + 66.0, middle[1] + 1.0], 14.0, 6.0, 0.4));
    garden_paths(pen, middle, 20.0);
    shop_row(pen, [4.0, d - 13.0], w * 0.5 - 18.0, 10.0);
    shop_row(pen, [w * 0.5 + 14.0, d - 13.0], w * 0.5 - 18.0, 10.0);
    let club = pen.building(
        Spec::new("会所", Use::Community, 2, Facade::Glass).storey(4.2),
        &shapes::block(26.0, 12.0),
        [w - 34.0, d * 0.47],
        90.0,
    );
    pen.building_poi("望江苑物业服务中心", "物业", club);
    pen.gate('n', w * 0.5, 14.0, true);
    pen.gate('s', w * 0.38, 14.0, true);
    pen.gate('e', d * 0.62, 14.0, false);
    pen.bays([30.0, 19.2], [w * 0.38 - 12.0, 19.2], 0.6);
    pen.bays([w * 0.38 + 12.0, 19.2], [w - 30.0, 19.2], 0.7);
    ramp(pen, [w * 0.38 + 12.0, 9.5], [w * 0.38 + 46.0, 9.5]);
}

/// Rows of slabs facing south.
pub struct Slabs {
    pub unit_m: f64,
    pub units: u32,
    pub depth: f64,
    pub floors: u32,
    pub pitch: f64,
    pub facade: Facade,
    pub roof: Roof,
    /// Row and side (0 west, 1 east) that is left open as a small square.
    pub open: (u32, u32),
}

/// An estate of south-facing rows on both sides of a central road.
pub fn slab_rows(pen: &mut Pen<'_>, s: &Slabs) {
    let (w, d) = (pen.w, pen.d);
    pen.area(AreaKind::Garden, "", &rect(0.0, 0.0, w, d));
    let length = s.unit_m * f64::from(s.units);
    let half = w * 0.5 - 5.0;
    let columns = ((half - 8.0) / (length + 7.0)).floor().max(1.0) as u32;
    let gap = (half - 6.0 - length * f64::from(columns)) / f64::from(columns);
    pen.lane(LaneKind::Internal, 7.0, &[[w * 0.5, -14.0], [w * 0.5, d + 14.0]]);
    let rows = ((d - s.depth - 8.0) / s.pitch).floor() as u32 + 1;
    let first = 7.0 + (d - 14.0 - s.depth - f64::from(rows - 1) * s.pitch).max(0.0) * 0.5;
    let mut number = 0;
    for row in 0..rows {
        let y = first + f64::from(row) * s.pitch;
        let lane_y = y + s.depth + 7.0;
        if lane_y < d - 2.0 {
            pen.lane(LaneKind::Internal, 4.5, &[[4.0, lane_y], [w - 4.0, lane_y]]);
            pen.bays([w * 0.5 + 8.0, lane_y + 2.4], [w - 14.0, lane_y + 2.4], 0.75);
            pen.bays([12.0, lane_y + 2.4], [w * 0.5 - 10.0, lane_y + 2.4], 0.75);
        }
        for side in 0..2u32 {
            if (row, side) == s.open {
                open_square(pen, w * 0.5 * f64::from(side) + 8.0, y - 4.0, half - 14.0, s.depth + 6.0);
                continue;
            }
            for column in 0..columns {
                let x = if side == 0 { 4.0 } else { w * 0.5 + 7.0 } + (length + gap) * f64::from(column);
                number += 1;
                let spec = Spec::new(format!("{number}栋"), Use::Residential, s.floors, s.facade)
                    .storey(2.9)
                    .homes(s.units, 2)
                    .roof(s.roof);
                let nudge = pen.draft.rng.range(-1.0, 1.0);
                pen.building(spec, &shapes::slab(s.units, s.unit_m, s.depth), [x, y + nudge], 0.0);
                pen.rect(AreaKind::Lawn, x, y - 7.5, x + length, y - 1.5);
            }
        }
    }
    pen.gate('s', w * 0.5, 6.0, true);
    pen.gate('n', w * 0.5, 6.0, true);
    pen.gate('w', first + s.depth + 7.0, 6.0, false);
}

fn open_square(pen: &mut Pen<'_>, x: f64, y: f64, w: f64, d: f64) {
    pen.rect(AreaKind::Plaza, x, y, x + w, y + d);
    pen.rect(AreaKind::Playground, x + 4.0, y + 3.0, x + 18.0, y + d - 3.0);
    pen.rect(AreaKind::Court, x + w - 32.0, y + 1.0, x + w - 4.0, y + d - 1.0);
    let spec = Spec::new("老年活动室", Use::Community, 1, Facade::ShopFront).storey(3.6).roof(Roof::Gable(2.0));
    let b = pen.building(spec, &shapes::block(20.0, 8.0), [x + w * 0.45, y + d * 0.5], 0.0);
    let name = pen.draft.lots[pen.lot].name;
    pen.building_poi(format!("{name}老年活动室"), "养老服务", b);
}

/// Villas and terraces on curved lanes.
pub fn villas(pen: &mut Pen<'_>) {
    let (w, d) = (pen.w, pen.d);
    pen.area(AreaKind::Lawn, "", &rect(0.0, 0.0, w, d));
    pen.ring_road(12.0);
    let mut number = 0;
    let rows = ((d - 44.0) / 37.0).floor() as u32 + 1;
    for row in 0..rows {
        let y = 30.0 + 37.0 * f64::from(row);
        let bend = |x: f64| y - 11.0 + 4.0 * (x / w * std::f64::consts::PI).sin();
        let line: Vec<Pt> = (0..=12).map(|k| 12.0 + (w - 24.0) * f64::from(k) / 12.0).map(|x| [x, bend(x)]).collect();
        if row > 0 {
            pen.lane(LaneKind::Internal, 4.5, &line);
        }
        let mut x = 26.0;
        while x < w - 34.0 {
            let terrace = row % 2 == 1;
            let (length, units) = if terrace { (pen.draft.rng.int(3, 5), 1) } else { (1, 1) };
            let width = if terrace { 7.2 * f64::from(length) } else { 13.0 };
            if x + width > w - 20.0 {
                break;
            }
            number += 1;
            let name = if terrace { format!("{number}号联排") } else { format!("{number}号别墅") };
            let spec = Spec::new(name, Use::Residential, if terrace { 3 } else { 2 }, Facade::House)
                .storey(3.1)
                .homes(units, 1)
                .roof(Roof::Gable(2.6));
            let depth = if terrace { 11.0 } else { 10.5 };
            let at = [x + width * 0.5, bend(x + width * 0.5) + 12.5];
            let turn = 4.0 * (x / w * std::f64::consts::PI).cos() * 12.0 / w * 10.0;
            pen.building(spec, &shapes::block(width, depth), at, turn);
            x += width + pen.draft.rng.range(8.0, 11.0);
        }
    }
    pen.area(AreaKind::Pond, "临江名邸水系", &blob([w * 0.5, d - 27.0], 34.0, 5.0, 0.5));
    pen.gate('n', w * 0.3, 10.0, true);
    pen.gate('w', d * 0.5, 10.0, true);
}

/// Five-storey dormitories of a former mill, the mill's halls, a market.
pub fn mill_dormitories(pen: &mut Pen<'_>) {
    let (w, d) = (pen.w, pen.d);
    pen.area(AreaKind::Yard, "", &rect(0.0, 0.0, w, d));
    pen.lane(LaneKind::Internal, 6.0, &[[w * 0.55, -14.0], [w * 0.55, d + 14.0]]);
    pen.lane(LaneKind::Internal, 5.0, &[[4.0, d * 0.5], [w + 14.0, d * 0.5]]);
    let mut number = 0;
    let rows = ((d - 20.0) / 24.0).floor() as u32;
    let pitch = (d - 20.0) / f64::from(rows);
    for row in 0..rows {
        let y = 8.0 + pitch * f64::from(row);
        if (y + 5.0 - d * 0.5).abs() < 12.0 {
            continue;
        }
        for (x, units) in [(6.0, 3u32), (56.0, 4)] {
            number += 1;
            let spec = Spec::new(format!("宿舍{number}栋"), Use::Residential, 5, Facade::OldSlab)
                .storey(2.8)
                .homes(units, 2)
                .roof(if number % 3 == 0 { Roof::Gable(2.4) } else { Roof::Solar });
            let x = x + pen.draft.rng.range(-2.0, 2.0);
            let ring = if number % 3 == 0 {
                rect(0.0, 0.0, 13.5 * f64::from(units), 10.2)
            } else {
                shapes::slab(units, 13.5, 10.2)
            };
            pen.building(spec, &ring, [x, y], 0.0);
            pen.rect(AreaKind::Garden, x, y - 6.0, x + 13.5 * f64::from(units), y - 1.2);
        }
    }
    let x0 = w * 0.55 + 9.0;
    let hall = Spec::new("老厂房文创中心", Use::Workshop, 1, Facade::OldSlab).storey(8.0).roof(Roof::Gable(3.5));
    let hall = pen.building(hall, &rect(0.0, 0.0, (w - x0 - 8.0).min(84.0), 26.0), [x0, 10.0], 0.0);
    pen.building_poi("老厂房文创中心", "文化设施", hall);
    let hall2 = Spec::new("仓库", Use::Workshop, 1, Facade::OldSlab).storey(6.5).roof(Roof::Gable(3.0));
    pen.building(hall2, &rect(0.0, 0.0, 58.0, 18.0), [x0, 48.0], 0.0);
    pen.rect(AreaKind::Parking, x0 + 64.0, 44.0, w - 6.0, 80.0);
    pen.bays([x0 + 66.0, 47.0], [w - 8.0, 47.0], 0.6);
    pen.bays([x0 + 66.0, 70.0], [w - 8.0, 70.0], 0.6);
    let market = Spec::new("柳湾菜市场", Use::Market, 2, Facade::ShopFront).storey(4.8).roof(Roof::Metal);
    let market = pen.building(market, &rect(0.0, 0.0, 62.0, 40.0), [x0 + 4.0, d * 0.5 + 12.0], 0.0);
    pen.building_poi("柳湾菜市场", "农贸市场", market);
    pen.rect(AreaKind::Paving, x0, d * 0.5 + 5.0, w - 4.0, d * 0.5 + 58.0);
    shop_row(pen, [x0, d - 12.0], w - x0 - 6.0, 9.0);
    pen.rect(AreaKind::Plots, x0 + 74.0, d * 0.5 + 14.0, w - 8.0, d * 0.5 + 50.0);
    pen.gate('s', w * 0.55, 8.0, true);
    pen.gate('e', d * 0.5, 8.0, true);
}

/// Narrow lanes between small houses with grey roofs.
pub fn old_town(pen: &mut Pen<'_>) {
    let (w, d) = (pen.w, pen.d);
    pen.area(AreaKind::Paving, "", &rect(0.0, 0.0, w, d));
    let lane_x = [w * 0.24, w * 0.52, w * 0.78];
    for x in lane_x {
        let sway = pen.draft.rng.range(-6.0, 6.0);
        pen.lane(
            LaneKind::Path,
            4.0,
            &[[x - sway, -13.0], [x, d * 0.35], [x + sway, d * 0.7], [x + sway * 0.4, d + 13.0]],
        );
    }
    for y in [d * 0.33, d * 0.66] {
        pen.lane(LaneKind::Path, 3.4, &[[-13.0, y - 2.0], [w * 0.4, y + 2.5], [w * 0.7, y - 1.0], [w + 13.0, y + 2.0]]);
    }
    let square = rect(w * 0.53 + 4.0, d * 0.33 + 5.0, w * 0.78 - 5.0, d * 0.33 + 36.0);
    pen.area(AreaKind::Plaza, "古井广场", &square);
    pen.poi("古井广场", "公园广场", [w * 0.65, d * 0.33 + 20.0]);
    let mut number = 0;
    let lane_lines: Vec<Vec<Pt>> =
        pen.draft.lanes.iter().filter(|l| l.lot == Some(pen.lot)).map(|l| l.line.clone()).collect();
    let mut y = 3.0;
    while y < d - 9.0 {
        let mut x = 3.0;
        let depth = pen.draft.rng.range(8.0, 11.0);
        while x < w - 8.0 {
            let width = pen.draft.rng.range(7.5, 14.0);
            let centre = [x + width * 0.5, y + depth * 0.5];
            let ring = shapes::block(width, depth);
            let plan: Vec<Pt> = ring.iter().map(|p| pen.frame.to_plan([centre[0] + p[0], centre[1] + p[1]])).collect();
            let clear = lane_lines
                .iter()
                .all(|l| plan.iter().chain([&pen.frame.to_plan(centre)]).all(|p| crate::geom::dist_line(*p, l) > 2.6));
            let in_square = crate::geom::contains(&square, centre) || crate::geom::dist_ring(centre, &square) < 7.0;
            if clear && !in_square && x + width < w - 2.0 && y + depth < d - 2.0 && !pen.draft.rng.chance(0.06) {
                number += 1;
                let floors = pen.draft.rng.int(1, 3);
                let spec = Spec::new(format!("老街{number}号"), Use::Residential, floors, Facade::House)
                    .storey(2.9)
                    .homes(1, 1)
                    .roof(Roof::Gable(depth * 0.24));
                let turn = pen.draft.rng.range(-2.0, 2.0);
                pen.building(spec, &ring, centre, turn);
            }
            x += width + pen.draft.rng.range(1.8, 3.2);
        }
        y += depth + pen.draft.rng.range(3.2, 5.0);
    }
    let shrine = Spec::new("柳湾书院", Use::Community, 1, Facade::House).storey(5.0).roof(Roof::Gable(3.2));
    let shrine = pen.building(shrine, &shapes::block(18.0, 9.0), [w * 0.65, d * 0.33 + 28.0], 0.0);
    pen.building_poi("柳湾书院", "文化设施", shrine);
    pen.gate('s', w * 0.52, 6.0, false);
    pen.gate('w', d * 0.33, 6.0, false);
}

/// A two-storey row of shops along a street.
pub fn shop_row(pen: &mut Pen<'_>, at: Pt, length: f64, depth: f64) {
    const NAMES: [(&str, &str); 12] = [
        ("便民超市", "商店"),
        ("早点铺", "餐饮"),
        ("药房", "药店"),
        ("理发店", "生活服务"),
        ("水果店", "商店"),
        ("快递驿站", "生活服务"),
        ("面馆", "餐饮"),
        ("五金店", "商店"),
        ("银行网点", "银行"),
        ("文具店", "商店"),
        ("茶馆", "餐饮"),
        ("家电维修", "生活服务"),
    ];
    let count = (length / 42.0).ceil().max(1.0);
    let each = length / count;
    for k in 0..count as u32 {
        let x = at[0] + each * f64::from(k);
        let floors = pen.draft.rng.int(1, 3).max(2);
        let letter = pen.draft.buildings.len() % 90 + 10;
        let spec = Spec::new(format!("商铺{letter}"), Use::Shop, floors, Facade::ShopFront).storey(3.9);
        let b = pen.building(spec, &rect(0.0, 0.0, each - 1.8, depth), [x, at[1]], 0.0);
        for j in 0..2 {
            let (shop, category) = NAMES[pen.draft.rng.int(0, 11) as usize];
            if let Some(i) = b {
                let at = pen.frame.to_plan([x + each * (0.25 + 0.5 * f64::from(j)), at[1] + depth * 0.5]);
                let name = format!("{}{shop}", ["柳湾", "云川", "江畔", "望江"][pen.draft.rng.int(0, 3) as usize]);
                pen.draft.pois.push(crate::plan::Poi { name, category, at, building: Some(i) });
            }
        }
    }
}

fn garden_paths(pen: &mut Pen<'_>, middle: Pt, radius: f64) {
    let (w, d) = (pen.w, pen.d);
    for (dx, dy) in [(1.0, 0.0), (-1.0, 0.0)] {
        let from = [middle[0] + radius * dx, middle[1] + radius * dy];
        let to = if dx > 0.0 { w - 16.0 } else { 16.0 };
        let bend = [(from[0] + to) * 0.5, middle[1] + 9.0 * dx];
        pen.path(&[from, bend, [to, middle[1]]]);
    }
    pen.path(&[[middle[0], middle[1] + radius], [middle[0] + 5.0, d - 42.0], [w * 0.5, d - 16.0]]);
    pen.path(&[[middle[0], middle[1] - radius], [middle[0] - 32.0, 34.0], [middle[0] - 32.0, 16.0]]);
}

fn ramp(pen: &mut Pen<'_>, top: Pt, bottom: Pt) {
    let (a, b) = (pen.frame.to_plan(top), pen.frame.to_plan(bottom));
    pen.draft.ramps.push((a, b));
}

/// A rounded, slightly irregular outline.
pub fn blob(centre: Pt, rx: f64, ry: f64, wobble: f64) -> Vec<Pt> {
    (0..30)
        .map(|i| {
            let a = std::f64::consts::TAU * f64::from(i) / 30.0;
            let k = 1.0 + wobble * 0.5 * ((a * 2.0 + 0.6).sin() + 0.5 * (a * 3.0).cos());
            [centre[0] + rx * k * a.cos(), centre[1] + ry * k * a.sin()]
        })
        .collect()
}
