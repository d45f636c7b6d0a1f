//! The inside of a building as people and smoke move through it (建筑内部通行图): storeys, spaces, openings, stairs, lifts.
//!
//! Plan coordinates are ENU metres (x east, y north); levels are ENU z. Rings run anticlockwise and are not closed by a
//! repeated corner. Made by `ifc_import`, read by `sim_crowd` (walls, doors, stairs) and `sim_fire` (volumes, vents).

use crate::EntityId;
use crate::ring::{ring_area2, ring_contains};
use serde::{Deserialize, Serialize};

macro_rules! plan_index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// As an index into its list.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

plan_index! {
    /// Position in [`BuildingPlan::storeys`].
    StoreyIndex
}
plan_index! {
    /// Position in [`BuildingPlan::spaces`].
    SpaceIndex
}
plan_index! {
    /// Position in [`BuildingPlan::openings`].
    OpeningIndex
}
plan_index! {
    /// Position in [`BuildingPlan::stairs`].
    StairIndex
}

/// One building, ready for evacuation and smoke runs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct BuildingPlan {
    /// The building entity; `None` for a plan that belongs to no pack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub building: Option<EntityId>,
    /// Name for messages and reports.
    pub name: String,
    /// Storeys (楼层) from the lowest.
    pub storeys: Vec<PlanStorey>,
    /// Rooms, corridors, landings (房间、走道、平台).
    pub spaces: Vec<PlanSpace>,
    /// Doors, doorless openings and windows (门、洞口、窗).
    #[serde(default)]
    pub openings: Vec<PlanOpening>,
    /// Stairs and ramps (楼梯、坡道).
    #[serde(default)]
    pub stairs: Vec<PlanStair>,
    /// Lifts (电梯).
    #[serde(default)]
    pub lifts: Vec<PlanLift>,
}

/// How far beside a space's outline a thing may lie and still count as in it, m: devices hang on walls.
const BESIDE_M: f64 = 3.0;

impl BuildingPlan {
    /// `storey/name` of a space, as scenarios and results name it.
    #[must_use]
    pub fn space_label(&self, space: SpaceIndex) -> String {
        let Some(s) = self.spaces.get(space.index()) else { return format!("#{}", space.0) };
        let storey = self.storeys.get(s.storey.index()).map_or("?", |storey| storey.name.as_str());
        format!("{storey}/{}", s.name)
    }

    /// The space that a point (ENU m) lies in: that of the highest floor at most 0.1 m above it; beside all outlines, the
    /// nearest one of that floor within 3 m. `None` outside the building.
    #[must_use]
    pub fn space_at(&self, p: [f64; 3]) -> Option<SpaceIndex> {
        let at = [p[0], p[1]];
        let near = |s: &PlanSpace| if s.contains(at) { 0.0 } else { ring_distance_m(&s.outline, at) };
        let within = self.spaces.iter().enumerate().filter(|(_, s)| {
            let above_m = p[2] - s.floor_m;
            s.use_ != SpaceUse::Shaft && above_m >= -0.1 && above_m <= s.height_m + 0.5
        });
        let found = within.map(|(k, s)| (near(s), -s.floor_m, k)).filter(|(d, ..)| *d <= BESIDE_M);
        let best = found.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        best.map(|(_, _, k)| SpaceIndex(k as u32))
    }
}

/// Distance of a point to the sides of a ring, m.
fn ring_distance_m(ring: &[[f64; 2]], p: [f64; 2]) -> f64 {
    let side = |(i, a): (usize, &[f64; 2])| {
        let b = ring[(i + 1) % ring.len()];
        let (d, to) = ([b[0] - a[0], b[1] - a[1]], [p[0] - a[0], p[1] - a[1]]);
        let length2 = d[0] * d[0] + d[1] * d[1];
        let share = if length2 > 0.0 { ((to[0] * d[0] + to[1] * d[1]) / length2).clamp(0.0, 1.0) } else { 0.0 };
        let off = [to[0] - share * d[0], to[1] - share * d[1]];
        (off[0] * off[0] + off[1] * off[1]).sqrt()
    };
    ring.iter().enumerate().map(side).fold(f64::INFINITY, f64::min)
}

/// One storey.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanStorey {
    /// The storey entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<EntityId>,
    /// Name as delivered ("3F", "Level 2").
    pub name: String,
    /// Finished floor level, ENU z, m.
    pub elevation_m: f64,
    /// Floor to floor, m, > 0.
    pub height_m: f64,
}

/// What a space is for; decides pre-movement, occupancy and leakage defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpaceUse {
    /// Flat or bedroom (住宅、卧室).
    Dwelling,
    /// Office (办公).
    Office,
    /// Shop (商店).
    Shop,
    /// School, hall, meeting (教室、会议、集会).
    Assembly,
    /// Corridor, lobby, hallway (走道、大堂).
    Circulation,
    /// Stair enclosure or landing (楼梯间).
    Stair,
    /// Lift shaft or duct (电梯井、管井); nobody walks here.
    Shaft,
    /// Car park (车库).
    Parking,
    /// Plant, store (设备间、库房).
    Service,
    /// Not said.
    #[default]
    Unknown,
}

/// One space: a flat floor with an outline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanSpace {
    /// The space entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<EntityId>,
    /// Name or number as delivered.
    pub name: String,
    /// Its storey.
    pub storey: StoreyIndex,
    /// Use.
    #[serde(default)]
    pub use_: SpaceUse,
    /// Outer ring, at least 3 corners.
    pub outline: Vec<[f64; 2]>,
    /// Columns, shafts and other holes, clockwise or anticlockwise.
    #[serde(default)]
    pub holes: Vec<Vec<[f64; 2]>>,
    /// Floor level, ENU z, m.
    pub floor_m: f64,
    /// Clear height, m, > 0.
    pub height_m: f64,
}

/// What an opening is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpeningKind {
    /// With a leaf that can be shut.
    Door,
    /// Always open.
    Opening,
    /// Nobody walks through it.
    Window,
}

/// A door, opening or window between two spaces, or between a space and the open air.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanOpening {
    /// The door or window entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<EntityId>,
    /// Name or GlobalId as delivered, for messages.
    pub name: String,
    /// Kind.
    pub kind: OpeningKind,
    /// Spaces on both sides; `None` is the open air. An exit (安全出口) has one `None` and is walkable.
    pub sides: [Option<SpaceIndex>; 2],
    /// Ends of the clear opening in plan, on the line of the wall.
    pub ends: [[f64; 2]; 2],
    /// Clear width, m, > 0: what a person can pass (leaf and frame taken off).
    pub clear_width_m: f64,
    /// Bottom of the opening above the lower of the two floors, m.
    pub sill_m: f64,
    /// Top of the opening above the same floor, m, > `sill_m`.
    pub head_m: f64,
}

impl PlanOpening {
    /// Whether people can walk through it.
    #[must_use]
    pub fn walkable(&self) -> bool {
        self.kind != OpeningKind::Window
    }

    /// Whether it leads from inside to the open air.
    #[must_use]
    pub fn is_exit(&self) -> bool {
        self.walkable() && self.sides.iter().filter(|s| s.is_none()).count() == 1
    }
}

/// A stair or ramp between two spaces on different levels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanStair {
    /// The stair entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<EntityId>,
    /// Name or GlobalId as delivered, for messages.
    pub name: String,
    /// Space at the foot.
    pub lower: SpaceIndex,
    /// Space at the head.
    pub upper: SpaceIndex,
    /// Flights (梯段) from the foot up; landings between them are part of the stair.
    pub flights: Vec<PlanFlight>,
}

/// One straight flight or ramp.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PlanFlight {
    /// Middle of the lowest edge: x, y, z.
    pub foot: [f64; 3],
    /// Middle of the highest edge: x, y, z.
    pub head: [f64; 3],
    /// Clear width, m, > 0.
    pub width_m: f64,
    /// Height of a step (踏步高), m; 0 for a ramp.
    pub riser_m: f64,
    /// Depth of a step (踏步宽), m; 0 for a ramp.
    pub tread_m: f64,
}

impl PlanFlight {
    /// Length along the slope, m.
    #[must_use]
    pub fn length_m(&self) -> f64 {
        let d = [0, 1, 2].map(|k| self.head[k] - self.foot[k]);
        (d[0] * d[0] + d[1] * d[1] + d[2] * d[2]).sqrt()
    }

    /// Length in plan, m.
    #[must_use]
    pub fn run_m(&self) -> f64 {
        let d = [0, 1].map(|k| self.head[k] - self.foot[k]);
        (d[0] * d[0] + d[1] * d[1]).sqrt()
    }
}

/// A lift.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanLift {
    /// The lift entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<EntityId>,
    /// Name or GlobalId as delivered, for messages.
    pub name: String,
    /// The lobby at each stop, from the lowest.
    pub stops: Vec<SpaceIndex>,
    /// Persons in the car, >= 1.
    pub capacity: u32,
    /// Speed, m/s, > 0.
    pub speed_mps: f64,
    /// Clear width of the car door, m, > 0.
    pub door_width_m: f64,
}

impl PlanSpace {
    /// Floor area without holes, m².
    #[must_use]
    pub fn area_m2(&self) -> f64 {
        let holes: f64 = self.holes.iter().map(|h| ring_area2(h).abs()).sum();
        0.5 * (ring_area2(&self.outline).abs() - holes)
    }

    /// Whether a point of the plan lies on the floor (even-odd rule over the outline and the holes).
    #[must_use]
    pub fn contains(&self, p: [f64; 2]) -> bool {
        ring_contains(&self.outline, p) && !self.holes.iter().any(|h| ring_contains(h, p))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(x: f64, floor_m: f64) -> PlanSpace {
        PlanSpace {
            entity: None,
            name: format!("{x}@{floor_m}"),
            storey: StoreyIndex(0),
            use_: SpaceUse::Dwelling,
            outline: vec![[x, 0.0], [x + 4.0, 0.0], [x + 4.0, 3.0], [x, 3.0]],
            holes: vec![],
            floor_m,
            height_m: 2.8,
        }
    }

    #[test]
    fn a_detector_finds_its_room() {
        let spaces = vec![room(0.0, 0.0), room(4.1, 0.0), room(0.0, 3.0), room(4.1, 3.0)];
        let plan = BuildingPlan { spaces, ..BuildingPlan::default() };
        let at = |x, y, z| plan.space_at([x, y, z]).map(|s| s.0);
        assert_eq!(at(1.0, 1.0, 2.7), Some(0));
        assert_eq!(at(5.0, 1.0, 5.7), Some(3));
        assert_eq!(at(4.06, 1.0, 2.0), Some(1), "in the wall: the nearer room");
        assert_eq!(at(1.0, 4.5, 5.7), Some(2), "hung outside the door");
        assert_eq!(at(1.0, 1.0, 3.0), Some(2), "on the upper floor");
        assert_eq!((at(1.0, 9.0, 1.0), at(1.0, 1.0, 9.0)), (None, None));
        assert_eq!(plan.space_label(SpaceIndex(9)), "#9");
    }
}
