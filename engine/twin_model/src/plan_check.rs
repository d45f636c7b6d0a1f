//! What is wrong with a building plan: errors that forbid a run, and defects (缺陷报告) that a planner should know.

use crate::plan::{BuildingPlan, PlanFlight, SpaceIndex, SpaceUse};
use crate::ring::ring_area2;
use serde::{Deserialize, Serialize};

/// How bad a defect is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DefectLevel {
    /// A run is possible; its result there is doubtful.
    Warning,
    /// No run until it is mended.
    Error,
}

/// One finding, naming the element as delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanDefect {
    /// How bad.
    pub level: DefectLevel,
    /// The element, e.g. `door 2O2Fr$t4X7Zf8NOew3FLOH`.
    pub element: String,
    /// What is wrong, with value and allowed range.
    pub text: String,
}

impl std::fmt::Display for PlanDefect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.element, self.text)
    }
}

/// Narrowest opening a person passes, m: shoulder breadth sideways (人体侧身宽), 0.3.
const LEAST_PASSAGE_M: f64 = 0.3;
/// A door under this clear width is worth a warning, m (GB 50016-2014 5.5.18: 0.8 for a dwelling's door in public use 0.9).
const NARROW_DOOR_M: f64 = 0.8;
/// How far a flight's ends may lie from the floors it joins, m.
const FLIGHT_LEVEL_M: f64 = 0.5;

struct Findings(Vec<PlanDefect>);

impl Findings {
    fn error(&mut self, element: String, text: impl Into<String>) {
        self.0.push(PlanDefect { level: DefectLevel::Error, element, text: text.into() });
    }

    fn warn(&mut self, element: String, text: impl Into<String>) {
        self.0.push(PlanDefect { level: DefectLevel::Warning, element, text: text.into() });
    }
}

impl BuildingPlan {
    /// Checks every element; errors first, then warnings, each in the plan's order. Empty when all is well.
    #[must_use]
    pub fn check(&self) -> Vec<PlanDefect> {
        let mut found = Findings(Vec::new());
        self.check_storeys_and_spaces(&mut found);
        self.check_openings(&mut found);
        self.check_stairs(&mut found);
        self.check_lifts(&mut found);
        if found.0.iter().all(|d| d.level != DefectLevel::Error) {
            self.check_ways_out(&mut found);
        }
        found.0.sort_by_key(|d| std::cmp::Reverse(d.level));
        found.0
    }

    fn missing(&self, space: SpaceIndex) -> bool {
        space.index() >= self.spaces.len()
    }

    fn check_storeys_and_spaces(&self, found: &mut Findings) {
        for s in &self.storeys {
            if !(s.height_m.is_finite() && s.height_m > 0.0 && s.elevation_m.is_finite()) {
                found.error(format!("storey {}", s.name), format!("height {} m; allowed: > 0", s.height_m));
            }
        }
        if self.spaces.is_empty() {
            found.error(format!("building {}", self.name), "has no space");
        }
        for s in &self.spaces {
            let element = || format!("space {}", s.name);
            let corners = || s.outline.iter().chain(s.holes.iter().flatten());
            if s.storey.index() >= self.storeys.len() {
                found.error(element(), format!("storey {} does not exist", s.storey.0));
            }
            if s.outline.len() < 3 || s.holes.iter().any(|h| h.len() < 3) {
                found.error(element(), "a ring has fewer than 3 corners");
            } else if !corners().flatten().all(|v| v.is_finite()) {
                found.error(element(), "a corner is not a number");
            } else if ring_area2(&s.outline) <= 0.0 {
                found.error(element(), "the outline has no area or runs clockwise");
            } else if s.area_m2() <= 0.0 {
                found.error(element(), "the holes are as large as the outline");
            }
            if !(s.height_m.is_finite() && s.height_m > 0.0 && s.floor_m.is_finite()) {
                found.error(element(), format!("clear height {} m; allowed: > 0", s.height_m));
            }
        }
    }

    fn check_openings(&self, found: &mut Findings) {
        for o in &self.openings {
            let element = || format!("opening {}", o.name);
            if o.sides.iter().flatten().any(|&s| self.missing(s)) {
                found.error(element(), "joins a space that does not exist");
            } else if o.sides == [None, None] {
                found.error(element(), "joins no space");
            } else if o.sides[0] == o.sides[1] {
                found.warn(element(), "has the same space on both sides");
            }
            if !o.ends.iter().flatten().all(|v| v.is_finite()) {
                found.error(element(), "an end is not a number");
            }
            if !(o.clear_width_m.is_finite() && o.clear_width_m > 0.0) {
                found.error(element(), format!("clear width {} m; allowed: > 0", o.clear_width_m));
            } else if o.walkable() && o.clear_width_m < LEAST_PASSAGE_M {
                found.warn(element(), format!("clear width {:.2} m: nobody passes", o.clear_width_m));
            } else if o.walkable() && o.clear_width_m < NARROW_DOOR_M {
                found.warn(element(), format!("clear width {:.2} m, narrower than {NARROW_DOOR_M} m", o.clear_width_m));
            }
            if !(o.head_m.is_finite() && o.sill_m.is_finite() && o.head_m > o.sill_m) {
                found.error(element(), format!("head {} m is not above the sill {} m", o.head_m, o.sill_m));
            }
        }
    }

    fn check_stairs(&self, found: &mut Findings) {
        for s in &self.stairs {
            let element = || format!("stair {}", s.name);
            if self.missing(s.lower) || self.missing(s.upper) {
                found.error(element(), "leads nowhere: a space at its end does not exist");
                continue;
            }
            if s.lower == s.upper {
                found.error(element(), "leads nowhere: it ends where it begins");
            }
            let (Some(first), Some(last)) = (s.flights.first(), s.flights.last()) else {
                found.error(element(), "has no flight");
                continue;
            };
            let bad = |f: &PlanFlight| {
                !f.foot.iter().chain(&f.head).all(|v| v.is_finite())
                    || !(f.width_m.is_finite() && f.width_m > 0.0 && f.run_m() > 0.0)
                    || !(f.riser_m >= 0.0 && f.tread_m >= 0.0)
            };
            if s.flights.iter().any(bad) {
                found.error(element(), "a flight has no width, no length or a negative step");
                continue;
            }
            let off = |z: f64, space: SpaceIndex| (z - self.spaces[space.index()].floor_m).abs() > FLIGHT_LEVEL_M;
            if off(first.foot[2], s.lower) || off(last.head[2], s.upper) {
                found.warn(element(), "its ends do not lie on the floors that it joins");
            }
        }
    }

    fn check_lifts(&self, found: &mut Findings) {
        for l in &self.lifts {
            let element = || format!("lift {}", l.name);
            if l.stops.len() < 2 || l.stops.iter().any(|&s| self.missing(s)) {
                found.error(element(), "needs two or more stops at spaces that exist");
            }
            let positive = |v: f64| v.is_finite() && v > 0.0;
            if l.capacity == 0 || !positive(l.speed_mps) || !positive(l.door_width_m) {
                found.error(element(), "capacity, speed and door width must be above 0");
            }
        }
    }

    /// Spaces without a walk to the open air (stairs count, lifts do not).
    fn check_ways_out(&self, found: &mut Findings) {
        let mut reached = vec![false; self.spaces.len()];
        let mut queue: Vec<SpaceIndex> =
            self.openings.iter().filter(|o| o.is_exit()).flat_map(|o| o.sides).flatten().collect();
        if queue.is_empty() {
            found.warn(format!("building {}", self.name), "has no exit to the open air");
        }
        while let Some(space) = queue.pop() {
            if std::mem::replace(&mut reached[space.index()], true) {
                continue;
            }
            for o in self.openings.iter().filter(|o| o.walkable()) {
                if let [Some(a), Some(b)] = o.sides {
                    queue.extend([(a, b), (b, a)].into_iter().filter(|p| p.0 == space).map(|p| p.1));
                }
            }
            for s in &self.stairs {
                queue
                    .extend([(s.lower, s.upper), (s.upper, s.lower)].into_iter().filter(|p| p.0 == space).map(|p| p.1));
            }
        }
        for (space, _) in self.spaces.iter().zip(reached).filter(|(s, ok)| !ok && s.use_ != SpaceUse::Shaft) {
            found.warn(format!("space {}", space.name), "has no way out");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{OpeningKind, PlanOpening, PlanSpace, PlanStair, PlanStorey, StoreyIndex};

    fn room(name: &str, x: f64) -> PlanSpace {
        PlanSpace {
            entity: None,
            name: name.into(),
            storey: StoreyIndex(0),
            use_: SpaceUse::Office,
            outline: vec![[x, 0.0], [x + 4.0, 0.0], [x + 4.0, 3.0], [x, 3.0]],
            holes: vec![],
            floor_m: 0.0,
            height_m: 2.8,
        }
    }

    fn door(name: &str, x: f64, sides: [Option<u32>; 2]) -> PlanOpening {
        PlanOpening {
            entity: None,
            name: name.into(),
            kind: OpeningKind::Door,
            sides: sides.map(|s| s.map(SpaceIndex)),
            ends: [[x, 1.0], [x, 1.9]],
            clear_width_m: 0.9,
            sill_m: 0.0,
            head_m: 2.1,
        }
    }

    fn two_rooms() -> BuildingPlan {
        BuildingPlan {
            name: "A".into(),
            storeys: vec![PlanStorey { entity: None, name: "1F".into(), elevation_m: 0.0, height_m: 3.0 }],
            spaces: vec![room("101", 0.0), room("102", 4.0)],
            openings: vec![door("D1", 0.0, [None, Some(0)]), door("D2", 4.0, [Some(0), Some(1)])],
            ..Default::default()
        }
    }

    #[test]
    fn a_sound_plan_has_no_defect() {
        let plan = two_rooms();
        assert_eq!(plan.check(), []);
        assert_eq!(plan.spaces[0].area_m2(), 12.0);
        assert!(plan.spaces[1].contains([5.0, 1.0]) && !plan.spaces[1].contains([3.9, 1.0]));
    }

    #[test]
    fn each_fault_names_its_element() {
        let said = |change: fn(&mut BuildingPlan)| {
            let mut plan = two_rooms();
            change(&mut plan);
            plan.check().first().map(ToString::to_string).unwrap_or_default()
        };
        assert_eq!(said(|p| p.openings[0].clear_width_m = 0.0), "opening D1: clear width 0 m; allowed: > 0");
        assert_eq!(said(|p| p.openings.truncate(1)), "space 102: has no way out");
        assert_eq!(said(|p| p.openings.remove(0).sill_m = 0.0), "building A: has no exit to the open air");
        assert_eq!(said(|p| p.spaces[0].outline.reverse()), "space 101: the outline has no area or runs clockwise");
        assert_eq!(said(|p| p.spaces[1].storey.0 = 7), "space 102: storey 7 does not exist");
        assert_eq!(said(|p| p.openings[1].head_m = 0.0), "opening D2: head 0 m is not above the sill 0 m");
        let stair = |p: &mut BuildingPlan| {
            let (lower, upper) = (SpaceIndex(0), SpaceIndex(9));
            p.stairs.push(PlanStair { entity: None, name: "S".into(), lower, upper, flights: vec![] });
        };
        assert_eq!(said(stair), "stair S: leads nowhere: a space at its end does not exist");
    }
}
