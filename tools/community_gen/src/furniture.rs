//! Components (部件): lamps, hydrants, bins, signs and the like, with 16-digit codes after GB/T 30428.2:
//! 6 digits division, 2 digits class, 2 digits sub-class, 6 digits serial.

use crate::geom::{Pt, add, contains, left, mul, stations};
use crate::network::Water;
use crate::plan::{AreaKind, CommunityPlan, Component, DIVISION, LaneKind, SIZE_M, Use};

/// Class and sub-class digits, Chinese name, department in charge.
struct Class(&'static str, &'static str, &'static str);

const RAIN_COVER: Class = Class("0103", "雨水井盖", "云川区排水中心");
const SEWAGE_COVER: Class = Class("0102", "污水井盖", "云川区排水中心");
const HYDRANT: Class = Class("0116", "消火栓", "望江消防救援站");
const LAMP: Class = Class("0120", "路灯", "云川区路灯所");
const TRANSFORMER: Class = Class("0124", "箱式变电站", "云川供电所");
const TELECOM: Class = Class("0112", "通信交接箱", "云川通信公司");
const STOP: Class = Class("0202", "公交站亭", "临江公交公司");
const SIGN: Class = Class("0217", "交通标志牌", "云川交警大队");
const SIGNAL: Class = Class("0211", "交通信号灯", "云川交警大队");
const BARRIER: Class = Class("0223", "道闸", "小区物业");
const TOILET: Class = Class("0301", "公共厕所", "云川区环卫所");
const BIN: Class = Class("0304", "垃圾分类亭", "云川区环卫所");
const BOARD: Class = Class("0310", "宣传栏", "柳湾社区居委会");
const OLD_TREE: Class = Class("0401", "古树名木", "云川区园林局");
const BENCH: Class = Class("0409", "休闲座椅", "云川区园林局");
const BASEMENT: Class = Class("0504", "地下车库入口", "小区物业");
const SHELTER: Class = Class("0502", "人防工程入口", "云川区人防办");
const CHARGER: Class = Class("0607", "充电桩", "云川供电所");
const FLOODGATE: Class = Class("0603", "防洪闸口", "云川区水务局");
const OUTFALL: Class = Class("0605", "排水口", "云川区水务局");

struct Placer<'a> {
    plan: &'a CommunityPlan,
    out: Vec<Component>,
    serial: std::collections::BTreeMap<&'static str, u32>,
}

impl Placer<'_> {
    fn put(&mut self, class: &Class, at: Pt, heading_deg: f64) {
        let inside = (1.0..SIZE_M[0] - 1.0).contains(&at[0]) && (1.0..SIZE_M[1] - 1.0).contains(&at[1]);
        if !inside || self.plan.buildings.iter().any(|b| contains(&b.ring, at)) {
            return;
        }
        let n = self.serial.entry(class.0).or_insert(0);
        *n += 1;
        self.out.push(Component {
            code: format!("{}{}{:06}", &DIVISION[..6], class.0, n),
            class: class.1,
            name: format!("{}{:03}", class.1, n),
            at,
            owner: class.2,
            heading_deg,
        });
    }

    fn along(&mut self, class: &Class, line: &[Pt], start: f64, step: f64, offset: f64) {
        for (at, d) in stations(line, start, step, offset) {
            // facing the line
            let face = mul(left(d), -offset.signum());
            self.put(class, at, face[0].atan2(face[1]).to_degrees().rem_euclid(360.0));
        }
    }
}

/// Places all components.
pub fn place(plan: &CommunityPlan) -> Vec<Component> {
    let mut p = Placer { plan, out: Vec::new(), serial: std::collections::BTreeMap::new() };
    covers(&mut p);
    streets(&mut p);
    lots(&mut p);
    single(&mut p);
    p.out
}

fn covers(p: &mut Placer<'_>) {
    for m in &p.plan.drainage.manholes {
        match m.water {
            Water::Rain => p.put(&RAIN_COVER, m.at, 0.0),
            Water::Sewage => p.put(&SEWAGE_COVER, m.at, 0.0),
        }
    }
}

fn streets(p: &mut Placer<'_>) {
    for street in &p.plan.streets {
        let edge = street.carriage_m * 0.5 + 0.8;
        p.along(&LAMP, &street.line, 12.0, 30.0, edge);
        p.along(&LAMP, &street.line, 27.0, 30.0, -edge);
        p.along(&HYDRANT, &street.line, 31.0, 110.0, edge + 0.8);
        p.along(&BIN, &street.line, 70.0, 180.0, -edge - 2.5);
        p.along(&SIGN, &street.line, 44.0, 150.0, -edge);
        p.along(&TELECOM, &street.line, 95.0, 330.0, edge + 2.6);
        if street.class != "支路" {
            p.along(&STOP, &street.line, 150.0, 290.0, edge + 1.4);
        }
    }
    for a in &p.plan.streets[..4] {
        for b in &p.plan.streets[4..] {
            for node in &b.line {
                if crate::geom::dist_line(*node, &a.line) < 1.0 {
                    for k in 0..4 {
                        let angle = 45.0 + 90.0 * f64::from(k);
                        let r = (a.carriage_m + b.carriage_m) * 0.36 + 1.5;
                        let at = add(*node, [r * angle.to_radians().cos(), r * angle.to_radians().sin()]);
                        p.put(&SIGNAL, at, (270.0 - angle).rem_euclid(360.0));
                    }
                }
            }
        }
    }
}

fn lots(p: &mut Placer<'_>) {
    for lane in &p.plan.lanes {
        match lane.kind {
            LaneKind::Internal => {
                p.along(&LAMP, &lane.line, 9.0, 24.0, lane.width_m * 0.5 + 0.6);
                p.along(&HYDRANT, &lane.line, 17.0, 95.0, -lane.width_m * 0.5 - 0.8);
                p.along(&BIN, &lane.line, 26.0, 120.0, -lane.width_m * 0.5 - 1.5);
            }
            LaneKind::Path => p.along(&BENCH, &lane.line, 12.0, 34.0, lane.width_m * 0.5 + 0.7),
            LaneKind::Promenade => {
                p.along(&LAMP, &lane.line, 10.0, 26.0, 2.0);
                p.along(&BENCH, &lane.line, 22.0, 52.0, -2.0);
            }
        }
    }
    for lot in &p.plan.lots {
        let [w, d] = lot.size;
        p.put(&TRANSFORMER, lot.frame.to_plan([5.0, 5.0]), 0.0);
        p.put(&TRANSFORMER, lot.frame.to_plan([w - 5.0, d - 16.0]), 0.0);
        p.put(&BOARD, lot.frame.to_plan([w * 0.5 + 9.0, d - 4.0]), 0.0);
        p.put(&BOARD, lot.frame.to_plan([w * 0.5 + 9.0, 4.0]), 180.0);
    }
    for area in p.plan.areas.iter().filter(|a| a.kind == AreaKind::Parking) {
        let at = crate::geom::lerp(area.ring[0], area.ring[area.ring.len() - 1], 0.95);
        for k in 0..4 {
            p.put(&CHARGER, add(at, mul(area.frame.axis, 1.3 + 2.6 * f64::from(k))), 0.0);
        }
    }
}

fn single(p: &mut Placer<'_>) {
    for gate in p.plan.gates.iter().filter(|g| g.cars) {
        p.put(&BARRIER, gate.at, gate.out[0].atan2(gate.out[1]).to_degrees().rem_euclid(360.0));
    }
    for (top, _) in &p.plan.ramps {
        p.put(&BASEMENT, *top, 0.0);
        p.put(&SHELTER, add(*top, [4.5, 0.0]), 0.0);
    }
    p.put(&FLOODGATE, p.plan.gap, 180.0);
    for b in &p.plan.buildings {
        if b.usage == Use::Utility && b.name == "公共厕所" {
            let front = b.frame.to_plan([0.0, -4.0]);
            p.put(&TOILET, front, 180.0);
        }
    }
    for m in &p.plan.drainage.manholes {
        if m.outlet == crate::network::Outlet::River {
            p.put(&OUTFALL, m.at, 180.0);
        }
    }
    let mut big: Vec<&crate::plan::Tree> = p.plan.trees.iter().collect();
    big.sort_by(|a, b| b.crown_m.total_cmp(&a.crown_m));
    for tree in big.iter().take(9) {
        p.put(&OLD_TREE, tree.at, 0.0);
    }
}
