//! Where the sensors are.

use crate::geom::{Pt, add, centroid, contains, mul};
use crate::network::{Outlet, Water};
use crate::paint::local_bounds;
use crate::plan::{Address, AreaKind, Building, CommunityPlan, Use};
use crate::rng::{Rng, hash2};
use crate::terrain::bank_at;

/// Code of the river in the water layer.
const RIVER: &str = "WT01";

/// A sensor.
pub struct Device {
    /// Code, unique.
    pub code: String,
    /// Class key.
    pub class: &'static str,
    /// Chinese name.
    pub name: String,
    /// Where.
    pub at: Pt,
    /// Height, metres.
    pub z: f64,
    /// Code of what it stands on or in.
    pub on_code: String,
    /// Storey, for devices in buildings.
    pub storey: Option<i32>,
    /// Grid.
    pub grid: usize,
}

struct Maker<'a> {
    plan: &'a CommunityPlan,
    out: Vec<Device>,
    counts: std::collections::BTreeMap<&'static str, u32>,
    rng: Rng,
}

impl Maker<'_> {
    fn put(&mut self, class: &'static str, name: String, at: Pt, z: f64, on_code: &str, storey: Option<i32>) {
        let n = self.counts.entry(class).or_insert(0);
        *n += 1;
        let prefix: String = class.split('_').map(|w| w.chars().next().unwrap_or('x').to_ascii_uppercase()).collect();
        let short = match class {
            "smoke" => "YG".to_owned(),
            "gas" => "RQ".to_owned(),
            "lift" => "DT".to_owned(),
            "noise" => "ZS".to_owned(),
            _ => prefix,
        };
        let code = format!("{short}{n:05}");
        let grid = self.plan.grid_at(at);
        self.out.push(Device { code, class, name, at, z, on_code: on_code.to_owned(), storey, grid });
    }

    /// A device at the ground, `up` metres above it.
    fn outside(&mut self, class: &'static str, name: String, at: Pt, up: f64, on_code: &str) {
        let z = self.plan.ground(at) + up;
        self.put(class, name, at, z, on_code, None);
    }
}

/// A place inside a building for a household or unit.
pub fn place_in(b: &Building, unit: u32, door: u32, doors: u32) -> Pt {
    let (low, high) = local_bounds(b);
    let units = f64::from(b.units.max(1));
    let within = (f64::from(door) - 0.5) / f64::from(doors.max(1));
    let x = low[0] + (high[0] - low[0]) * ((f64::from(unit.max(1)) - 1.0 + within) / units);
    let middle = (low[1] + high[1]) * 0.5;
    [middle, middle - 3.0, middle + 3.0]
        .into_iter()
        .map(|y| b.frame.to_plan([x, y]))
        .find(|p| contains(&b.ring, *p))
        .unwrap_or_else(|| centroid(&b.ring))
}

fn household_door(a: &Address) -> u32 {
    a.code.rsplit('-').next().and_then(|s| s.get(s.len().saturating_sub(2)..)).and_then(|s| s.parse().ok()).unwrap_or(1)
}

/// All devices.
pub fn devices(plan: &CommunityPlan) -> Vec<Device> {
    let mut m = Maker { plan, out: Vec::new(), counts: std::collections::BTreeMap::new(), rng: Rng::new(plan.seed, 7) };
    homes(&mut m);
    units(&mut m);
    public_buildings(&mut m);
    components(&mut m);
    drains(&mut m);
    environment(&mut m);
    m.out
}

fn homes(m: &mut Maker<'_>) {
    let plan = m.plan;
    for a in plan.addresses.iter().filter(|a| a.kind == "household") {
        let b = &plan.buildings[a.building];
        let door = household_door(a);
        let at = place_in(b, a.unit, door, b.per_floor);
        let floor_z = b.base_z + b.storey_m * f64::from(a.storey - 1);
        let pick =
            hash2(i64::from(b.tint), i64::from(a.storey * 100 + door as i32) + i64::from(a.unit) * 10_000, 70) % 1000;
        let estate = b.lot.map_or("", |l| plan.lots[l].name);
        let name = |what: &str| format!("{estate}{}{}单元{}{what}", b.name, a.unit, a.name);
        let tower = b.floors > 7;
        if pick < if tower { 420 } else { 300 } {
            m.put("smoke", name("烟感"), at, floor_z + b.storey_m - 0.3, &a.code, Some(a.storey));
        }
        if pick % 10 < 2 {
            m.put("gas", name("燃气报警器"), add(at, [0.8, 0.4]), floor_z + 2.2, &a.code, Some(a.storey));
        }
        if pick.is_multiple_of(7) {
            m.put("water_meter", name("水表"), add(at, [-0.6, 0.6]), floor_z + 0.6, &a.code, Some(a.storey));
        }
        if pick % 8 == 1 {
            m.put("electricity_meter", name("电表"), add(at, [-0.6, -0.4]), floor_z + 1.4, &a.code, Some(a.storey));
        }
        if pick % 37 == 5 {
            m.put("care_button", name("紧急呼叫"), at, floor_z + 1.0, &a.code, Some(a.storey));
        }
    }
}

fn units(m: &mut Maker<'_>) {
    let plan = m.plan;
    for a in plan.addresses.iter().filter(|a| a.kind == "unit") {
        let b = &plan.buildings[a.building];
        if b.per_floor < 2 {
            continue;
        }
        let estate = b.lot.map_or("", |l| plan.lots[l].name);
        let name = |what: &str| format!("{estate}{}{}{what}", b.name, a.name);
        let at = place_in(b, a.unit, 1, 1);
        m.put("door_access", name("门禁"), at, b.base_z + 1.4, &a.code, Some(1));
        if b.floors > 7 {
            m.put("people_counter", name("客流"), at, b.base_z + 2.6, &a.code, Some(1));
            for k in 1..=2 {
                m.put(
                    "lift",
                    name(&format!("{k}号电梯")),
                    add(at, [f64::from(k) * 2.0 - 3.0, 0.5]),
                    b.base_z + 1.2,
                    &a.code,
                    Some(1),
                );
            }
            for floor in (1..=b.floors).step_by(2) {
                let z = b.base_z + b.storey_m * f64::from(floor) - 0.3;
                m.put(
                    "smoke",
                    name(&format!("{floor}层前室烟感")),
                    at,
                    z,
                    &format!("{}-F{floor:02}", a.code),
                    Some(floor as i32),
                );
            }
        }
    }
}

fn public_buildings(m: &mut Maker<'_>) {
    let plan = m.plan;
    for b in plan.buildings.iter().filter(|b| b.units == 0 && b.name != "门卫室") {
        let at = place_in(b, 1, 1, 1);
        let storeys = if b.usage == Use::Utility { 1 } else { b.floors };
        for floor in 1..=storeys {
            let z = b.base_z + b.storey_m * f64::from(floor) - 0.3;
            let on = format!("{}-F{floor:02}", b.id);
            m.put("smoke", format!("{}{floor}层烟感", b.name), at, z, &on, Some(floor as i32));
        }
        if matches!(
            b.usage,
            Use::Mall
                | Use::Hospital
                | Use::School
                | Use::Kindergarten
                | Use::Community
                | Use::Market
                | Use::Office
                | Use::Hotel
        ) {
            m.put("people_counter", format!("{}客流", b.name), at, b.base_z + 2.8, &b.id, Some(1));
        }
        if b.floors >= 6 {
            m.put("lift", format!("{}1号电梯", b.name), add(at, [2.0, 0.0]), b.base_z + 1.2, &b.id, Some(1));
        }
        m.put("electricity_meter", format!("{}总表", b.name), add(at, [1.0, 1.0]), b.base_z + 1.4, &b.id, Some(1));
        if b.name == "柳湾排涝泵站" {
            m.put("pump_station", "柳湾排涝泵站".to_owned(), at, b.base_z + 1.0, &b.id, Some(1));
        }
    }
}

fn components(m: &mut Maker<'_>) {
    let plan = m.plan;
    let mut chargers = 0u32;
    for (i, c) in plan.components.iter().enumerate() {
        match c.class {
            "消火栓" => m.outside("hydrant_pressure", format!("{}压力", c.name), c.at, 0.7, &c.code),
            "路灯" if i % 2 == 0 => m.outside("street_lamp", c.name.clone(), c.at, 7.5, &c.code),
            "垃圾分类亭" => m.outside("bin_level", format!("{}满溢", c.name), c.at, 1.1, &c.code),
            "充电桩" => {
                chargers += 1;
                if chargers.is_multiple_of(2) {
                    m.outside("ev_charger", c.name.clone(), c.at, 1.2, &c.code);
                }
            }
            "道闸" => m.outside("parking_gate", c.name.clone(), c.at, 1.1, &c.code),
            _ => {}
        }
    }
}

fn drains(m: &mut Maker<'_>) {
    let plan = m.plan;
    for (i, node) in plan.drainage.manholes.iter().enumerate() {
        if node.water == Water::Rain && node.outlet == Outlet::None && i % 5 == 0 {
            m.put("manhole_level", format!("雨水井{}液位", node.code), node.at, node.invert_m + 0.2, &node.code, None);
        }
        if i % 6 == 1 {
            m.put("manhole_tilt", format!("井盖{}", node.code), node.at, node.ground_m, &node.code, None);
        }
    }
}

fn environment(m: &mut Maker<'_>) {
    let plan = m.plan;
    let roof = |m: &mut Maker<'_>, lot: usize, what: &str| {
        let tallest = plan
            .buildings
            .iter()
            .filter(|b| b.lot == Some(lot) && b.units == 0 && b.floors > 1)
            .max_by(|a, b| a.height_m.total_cmp(&b.height_m));
        if let Some(b) = tallest {
            let at = centroid(&b.ring);
            let at = if contains(&b.ring, at) { at } else { place_in(b, 1, 1, 1) };
            m.put("rain_gauge", format!("{what}雨量计"), at, b.base_z + b.height_m + 1.0, &b.id, Some(b.floors as i32));
        }
    };
    roof(m, 4, "柳湾小学");
    roof(m, 2, "社区中心");
    roof(m, 10, "科创园");
    for (k, x) in [plan.gap[0] - 30.0, 930.0].into_iter().enumerate() {
        let at = [x, bank_at(x) - 3.0];
        m.put("river_level", format!("柳江{}号水位计", k + 1), at, 19.5, RIVER, None);
    }
    let low = |street: usize, t: f64| {
        let line = &plan.streets[street].line;
        crate::geom::along(line, crate::geom::length(line) * t).0
    };
    let mut wet: Vec<(String, Pt)> = vec![("云锦路下穿通道最低点".to_owned(), plan.underpass.0)];
    let (c, d) = plan.underpass;
    wet.push(("云锦路下穿通道北引道".to_owned(), add(c, mul(d, 40.0))));
    wet.push(("云锦路下穿通道南引道".to_owned(), add(c, mul(d, -40.0))));
    wet.push(("滨江路闸口".to_owned(), [plan.gap[0], bank_at(plan.gap[0]) + crate::terrain::BANK_TO_ROAD_M]));
    wet.push(("滨江路码头路口".to_owned(), plan.streets[5].line[0]));
    wet.push(("柳湾路中段".to_owned(), low(1, 0.42)));
    let centre = plan.lots[1].frame.to_plan([plan.lots[1].size[0] * 0.5, plan.lots[1].size[1] * 0.3]);
    wet.push(("柳湾新村主路".to_owned(), centre));
    wet.push(("桃花路南口".to_owned(), plan.streets[7].line[0]));
    for (top, bottom) in &plan.ramps {
        wet.push(("地下车库坡道".to_owned(), crate::geom::lerp(*top, *bottom, 0.9)));
    }
    for (name, at) in wet {
        let street = plan
            .streets
            .iter()
            .min_by(|a, b| crate::geom::dist_line(at, &a.line).total_cmp(&crate::geom::dist_line(at, &b.line)));
        let on = street.map_or("", |s| s.code.as_str()).to_owned();
        m.outside("road_ponding", format!("{name}积水"), at, 0.05, &on);
    }
    for lot in [0, 2, 4, 6, 8, 11] {
        let l = &plan.lots[lot];
        let at = l.frame.to_plan([l.size[0] * 0.5 + 12.0, 5.0]);
        m.outside("air_quality", format!("{}空气站", l.name), at, 3.5, &l.code);
    }
    for (i, l) in plan.lots.iter().enumerate() {
        if i % 3 != 2 {
            let jitter = m.rng.range(-20.0, 20.0);
            let at = l.frame.to_plan([l.size[0] * 0.5 + jitter, l.size[1] - 4.0]);
            m.outside("noise", format!("{}噪声", l.name), at, 4.0, &l.code);
        }
    }
    for a in plan.areas.iter().filter(|a| a.kind == AreaKind::Plaza && !a.name.is_empty()) {
        let on = a.lot.map_or(RIVER, |l| plan.lots[l].code.as_str()).to_owned();
        m.outside("people_counter", format!("{}客流", a.name), centroid(&a.ring), 5.0, &on);
    }
}
