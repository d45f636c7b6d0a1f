//! Water that comes in by a building's doors, as water on its floors (洪水进楼): from a flood run to an evacuation.
//!
//! Levels on the ground floor are those outside: no volume is balanced there, and shut doors do not hold water back, so that floors are
//! wet rather early than late. Basements fill over the edge of the stair or ramp that leads down.

use crate::EvacError;
use crate::names::Names;
use std::collections::BTreeMap;
use twin_model::{BuildingPlan, EvacScenario, SpaceIndex, WaterOnFloor};

/// Water outside a door at a time.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct WaterReading {
    /// When, s on the scenario's clock; before 0 for what stood already.
    pub t_s: f64,
    /// Depth over the ground outside, m, 0..100.
    pub depth_m: f64,
    /// Speed, m/s, 0..50.
    pub speed_mps: f64,
}

/// The course of the water outside a door to the open air.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct DoorWater {
    /// The door or window; of a name that several share, all.
    pub door: String,
    /// Height of the floor inside above the ground outside (室内外高差), m, -10..10; negative where the ground lies higher.
    pub step_m: f64,
    /// By time.
    pub readings: Vec<WaterReading>,
}

/// Height of the floor above the ground outside at least, m (GB 50352-2019 asks for 0.15 m; from memory).
pub const USUAL_STEP_M: f64 = 0.15;

/// Water on floors for a scenario.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WaterInside {
    /// By time, then space; a new entry where depth or speed changed enough to matter.
    pub entries: Vec<WaterOnFloor>,
    /// What to doubt, one line each.
    pub doubts: Vec<String>,
}

/// Step of the course, s.
const STEP_S: f64 = 10.0;
/// Changes told: depth, m, and speed, m/s.
const TOLD: [f64; 2] = [0.05, 0.2];
/// Water shallower than this counts as none, m.
const DRY_M: f64 = 0.01;
const GRAVITY: f64 = 9.81;

/// Water on the ground floor and in basements, from the water outside the doors.
///
/// Inside an outer door the level is that outside (`depth - step_m` over the floor, over the sill); it stands in all spaces that
/// openings join without a threshold above it. The space behind the door takes the speed outside, others are still. Over the head
/// of a stair or ramp it falls as over a broad-crested weir, q = 1.7 b h^1.5 m³/s (b: width, h: depth at the head), at critical speed,
/// and fills the spaces joined at the foot as one basin, at most to the level above.
///
/// # Errors
/// [`EvacError::Scenario`] for an unknown door, [`EvacError::Water`] for a value out of range.
pub fn water_on_floors(
    plan: &BuildingPlan,
    base: &EvacScenario,
    levels: &[DoorWater],
) -> Result<WaterInside, EvacError> {
    let names = Names { plan, scenario: base };
    let mut out = WaterInside::default();
    let mut doors = Vec::new();
    for (k, l) in levels.iter().enumerate() {
        check(k, l)?;
        for o in names.openings(&format!("levels[{k}].door"), &l.door, true)? {
            let sides = plan.openings[o.index()].sides;
            match sides {
                [Some(inside), None] | [None, Some(inside)] => doors.push((inside, o.index(), l)),
                _ => out.doubts.push(format!("{}: does not lead to the open air: left out", l.door)),
            }
        }
    }
    let from = levels.iter().flat_map(|l| &l.readings).map(|r| r.t_s).fold(f64::INFINITY, f64::min);
    if doors.is_empty() || !from.is_finite() {
        return Ok(out);
    }
    let mut course = Course { plan, told: BTreeMap::new(), basins_m: BTreeMap::new() };
    let mut t_s = from.min(0.0);
    while t_s <= base.duration_s {
        let wet = course.at(t_s, &doors);
        course.tell(t_s, &wet, &mut out.entries);
        t_s += STEP_S;
    }
    Ok(out)
}

fn check(k: usize, l: &DoorWater) -> Result<(), EvacError> {
    let within = |field: &str, value: f64, low: f64, high: f64| {
        if value >= low && value <= high {
            return Ok(());
        }
        Err(EvacError::Water(format!("levels[{k}].{field} = {value}; allowed: {low}..{high}")))
    };
    within("step_m", l.step_m, -10.0, 10.0)?;
    let mut last = -86_400.0;
    for r in &l.readings {
        within("t_s", r.t_s, last, 1e7)?;
        within("depth_m", r.depth_m, 0.0, 100.0)?;
        within("speed_mps", r.speed_mps, 0.0, 50.0)?;
        last = r.t_s;
    }
    Ok(())
}

/// Water outside at a time: straight between readings, dry before the first, held after the last.
fn outside(l: &DoorWater, t_s: f64) -> [f64; 2] {
    let after = l.readings.partition_point(|r| r.t_s <= t_s);
    match (after.checked_sub(1).map(|k| l.readings[k]), l.readings.get(after)) {
        (None, _) => [0.0; 2],
        (Some(a), None) => [a.depth_m, a.speed_mps],
        (Some(a), Some(b)) => {
            let x = (t_s - a.t_s) / (b.t_s - a.t_s).max(1e-9);
            [a.depth_m + x * (b.depth_m - a.depth_m), a.speed_mps + x * (b.speed_mps - a.speed_mps)]
        }
    }
}

/// Depth and speed per space.
type Wet = BTreeMap<SpaceIndex, [f64; 2]>;

struct Course<'a> {
    plan: &'a BuildingPlan,
    told: Wet,
    /// Depth over the lowest floor of the basin that a space belongs to, by the basin's first space.
    basins_m: BTreeMap<SpaceIndex, f64>,
}

impl Course<'_> {
    fn at(&mut self, t_s: f64, doors: &[(SpaceIndex, usize, &DoorWater)]) -> Wet {
        // Level over each space that water reaches on the flat, and its speed.
        let mut levels: Wet = BTreeMap::new();
        for (inside, opening, l) in doors {
            let [depth, speed] = outside(l, t_s);
            let sill = self.plan.openings[*opening].sill_m.max(0.0);
            let floor = self.plan.spaces[inside.index()].floor_m;
            let inner = depth - l.step_m;
            if inner > sill + DRY_M {
                self.spread(*inside, floor + inner, speed, &mut levels);
            }
        }
        self.fall(&mut levels);
        let depth =
            |(s, [level, speed]): (SpaceIndex, [f64; 2])| (s, [level - self.plan.spaces[s.index()].floor_m, speed]);
        levels.into_iter().map(depth).filter(|(_, w)| w[0] > DRY_M).collect()
    }

    /// A level goes through every opening whose sill it covers; only the first space has its speed.
    fn spread(&self, from: SpaceIndex, level: f64, speed: f64, levels: &mut Wet) {
        let mut queue = vec![(from, speed)];
        while let Some((s, speed)) = queue.pop() {
            let floor = self.plan.spaces[s.index()].floor_m;
            let entry = levels.entry(s).or_insert([f64::NEG_INFINITY, 0.0]);
            entry[1] = entry[1].max(speed);
            if level <= floor || level <= entry[0] {
                continue;
            }
            entry[0] = level;
            for o in &self.plan.openings {
                let (Some(a), Some(b)) = (o.sides[0], o.sides[1]) else { continue };
                let floors = [a, b].map(|s| self.plan.spaces[s.index()].floor_m);
                // A door, not a fall: floors of one storey.
                if (a == s || b == s)
                    && level > floors[0].min(floors[1]) + o.sill_m.max(0.0)
                    && (floors[0] - floors[1]).abs() < 1.0
                {
                    queue.push((if a == s { b } else { a }, 0.0));
                }
            }
        }
    }

    /// Down stairs and ramps into basins, which hold what they got.
    fn fall(&mut self, levels: &mut Wet) {
        for s in &self.plan.stairs {
            let [upper, lower] = [s.upper, s.lower].map(|s| self.plan.spaces[s.index()].floor_m);
            let Some([level, _]) = levels.get(&s.upper).copied() else { continue };
            let head = (level - upper).max(0.0);
            let width = s.flights.iter().map(|f| f.width_m).fold(f64::INFINITY, f64::min);
            if head <= DRY_M || !width.is_finite() || upper - lower < 0.5 {
                continue;
            }
            if let Some(top) = levels.get_mut(&s.upper) {
                top[1] = top[1].max((GRAVITY * head * 2.0 / 3.0).sqrt());
            }
            let (first, area, floor) = self.basin(s.lower);
            let depth = self.basins_m.entry(first).or_insert(0.0);
            *depth = (*depth + 1.7 * width * head * head.sqrt() * STEP_S / area).min(level - floor);
        }
        let basins: Vec<(SpaceIndex, f64)> = self.basins_m.iter().map(|(s, d)| (*s, *d)).collect();
        for (first, depth) in basins {
            let (_, _, floor) = self.basin(first);
            self.spread(first, floor + depth, 0.0, levels);
        }
    }

    /// Spaces joined by openings at the level of one: the first of them, their area, their lowest floor.
    fn basin(&self, at: SpaceIndex) -> (SpaceIndex, f64, f64) {
        let near = |a: SpaceIndex, b: SpaceIndex| {
            (self.plan.spaces[a.index()].floor_m - self.plan.spaces[b.index()].floor_m).abs() < 1.0
        };
        let mut found = std::collections::BTreeSet::from([at]);
        let mut queue = vec![at];
        while let Some(s) = queue.pop() {
            for (a, b) in self.plan.openings.iter().filter(|o| o.walkable()).filter_map(|o| o.sides[0].zip(o.sides[1]))
            {
                let other = if a == s { b } else { a };
                if (a == s || b == s) && near(a, b) && found.insert(other) {
                    queue.push(other);
                }
            }
        }
        let area = found.iter().map(|s| self.plan.spaces[s.index()].area_m2()).sum();
        let floor = found.iter().map(|s| self.plan.spaces[s.index()].floor_m).fold(f64::INFINITY, f64::min);
        (found.first().copied().unwrap_or(at), area, floor)
    }

    fn tell(&mut self, t_s: f64, wet: &Wet, entries: &mut Vec<WaterOnFloor>) {
        if t_s < 0.0 {
            return;
        }
        let spaces: std::collections::BTreeSet<SpaceIndex> = wet.keys().chain(self.told.keys()).copied().collect();
        for s in spaces {
            let [depth, speed] = wet.get(&s).copied().unwrap_or([0.0; 2]);
            let before = self.told.get(&s).copied().unwrap_or([0.0; 2]);
            let dried = depth == 0.0 && before[0] > 0.0;
            if dried || (depth - before[0]).abs() >= TOLD[0] || (speed - before[1]).abs() >= TOLD[1] {
                self.told.insert(s, [depth, speed]);
                let space = self.plan.space_label(s);
                entries.push(WaterOnFloor { space, at_s: t_s, depth_m: depth, speed_mps: speed });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verification::{corridor_plan, corridor_scenario};
    use crate::{EvacModel, EvacRun};
    use sim_core::CancelToken;
    use std::sync::Arc;
    use twin_model::{PlanFlight, PlanSpace, PlanStair, PlanStorey, SpaceUse, StoreyIndex};

    fn rising(door: &str, to_m: f64) -> DoorWater {
        let at = |t_s: f64, depth_m: f64| WaterReading { t_s, depth_m, speed_mps: 0.4 };
        DoorWater { door: door.into(), step_m: 0.15, readings: vec![at(0.0, 0.0), at(100.0, to_m)] }
    }

    fn of<'a>(w: &'a WaterInside, space: &str) -> Vec<&'a WaterOnFloor> {
        w.entries.iter().filter(|e| e.space == space).collect()
    }

    #[test]
    fn water_stands_behind_the_door_less_the_step() {
        let w = water_on_floors(&corridor_plan(), &corridor_scenario(300.0, false), &[rising("west", 0.95)]).unwrap();
        let last = |space: &str| of(&w, space).last().copied().cloned().unwrap();
        assert!((last("1F/corridor").depth_m - 0.80).abs() < 0.05 && last("1F/corridor").speed_mps == 0.4);
        assert!((last("1F/R3").depth_m - 0.80).abs() < 0.05 && last("1F/R3").speed_mps == 0.0);
        // The step keeps the floor dry until 0.15 m stand outside: 16 s.
        assert!(of(&w, "1F/corridor")[0].at_s >= 16.0);
        assert!(w.entries.windows(2).all(|e| e[0].at_s <= e[1].at_s));
        let dry = water_on_floors(&corridor_plan(), &corridor_scenario(300.0, false), &[rising("west", 0.14)]).unwrap();
        assert_eq!(dry.entries, []);
    }

    #[test]
    fn a_basement_fills_over_the_edge_of_its_ramp() {
        let mut plan = corridor_plan();
        plan.storeys.insert(0, PlanStorey { entity: None, name: "B1".into(), elevation_m: -4.0, height_m: 4.0 });
        plan.spaces.iter_mut().for_each(|s| s.storey = StoreyIndex(1));
        plan.spaces.push(PlanSpace {
            entity: None,
            name: "garage".into(),
            storey: StoreyIndex(0),
            use_: SpaceUse::Parking,
            outline: vec![[0.0, 0.0], [20.0, 0.0], [20.0, 10.0], [0.0, 10.0]],
            holes: vec![],
            floor_m: -4.0,
            height_m: 3.0,
        });
        let flight =
            PlanFlight { foot: [2.0, 1.0, -4.0], head: [12.0, 1.0, 0.0], width_m: 1.5, riser_m: 0.0, tread_m: 0.0 };
        let (lower, upper) = (SpaceIndex(5), SpaceIndex(0));
        plan.stairs.push(PlanStair { entity: None, name: "ramp".into(), lower, upper, flights: vec![flight] });
        let held = DoorWater { step_m: 0.0, ..rising("west", 0.2) };
        let steady = DoorWater { readings: vec![WaterReading { t_s: 0.0, depth_m: 0.2, speed_mps: 0.0 }], ..held };
        let w = water_on_floors(&plan, &corridor_scenario(600.0, false), &[steady]).unwrap();
        // 1.7 · 1.5 · 0.2^1.5 = 0.228 m³/s on 200 m²: 0.684 m after 600 s.
        let garage = of(&w, "B1/garage");
        let last = garage.last().unwrap();
        let (exact, at) = (0.001_140_4 * (last.at_s + 10.0), last.at_s);
        assert!((last.depth_m - exact).abs() < 1e-3 && at > 500.0, "{last:?} {exact}");
        // Critical speed at the edge: √(g · 0.2 · 2/3) = 1.14 m/s.
        assert!((of(&w, "1F/corridor")[0].speed_mps - 1.143).abs() < 1e-2);
    }

    #[test]
    fn deep_water_closes_the_way() {
        let plan = corridor_plan();
        let mut scenario = corridor_scenario(120.0, false);
        let deep = DoorWater {
            readings: vec![WaterReading { t_s: -5.0, depth_m: 1.2, speed_mps: 0.0 }],
            ..rising("west", 0.0)
        };
        scenario.water = water_on_floors(&plan, &scenario, &[deep]).unwrap().entries;
        let model = Arc::new(EvacModel::new(&plan, &scenario, &[]).unwrap());
        let members = model.members().unwrap();
        let mut run = EvacRun::new(model, &members).unwrap();
        run.advance_to(120.0, &CancelToken::new()).unwrap();
        assert_eq!(run.members()[0].balance().left, 0);
    }

    #[test]
    fn bad_input_is_one_line() {
        let said = |l: DoorWater| {
            water_on_floors(&corridor_plan(), &corridor_scenario(60.0, false), &[l]).unwrap_err().to_string()
        };
        assert!(said(rising("north", 1.0)).contains("levels[0].door = \"north\": must be a door of the plan"));
        assert_eq!(said(rising("west", -1.0)), "water: levels[0].depth_m = -1; allowed: 0..100");
        let inner = water_on_floors(&corridor_plan(), &corridor_scenario(60.0, false), &[rising("D1", 1.0)]).unwrap();
        assert_eq!(inner.doubts, ["D1: does not lead to the open air: left out"]);
    }
}
