//! The typical floor of the bar tower: rooms, the walls between them, doors and windows.
//!
//! Coordinates are metres in the building's frame, x along the building, y from the sunny side.

use crate::shapes::{BAR_CORE_M, BAR_UNIT_M};

/// Thickness of every wall, metres.
pub const WALL_M: f64 = 0.2;

/// What a room is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomKind {
    /// A room of a flat.
    Flat,
    /// Corridor or lobby.
    Corridor,
    /// Stair.
    Stair,
    /// Lift shaft.
    Lift,
    /// Riser shaft.
    Shaft,
}

/// A rectangular room.
#[derive(Debug, Clone)]
pub struct Room {
    /// Chinese name.
    pub name: &'static str,
    /// What it is.
    pub kind: RoomKind,
    /// Unit, counted from 1.
    pub unit: u32,
    /// Flat on the floor of that unit, counted from 1; 0 for shared rooms.
    pub door: u32,
    /// x0, y0, x1, y1.
    pub rect: [f64; 4],
}

/// A straight wall between two rooms, or between a room and the outside.
#[derive(Debug, Clone)]
pub struct Wall {
    /// True for walls that run along y.
    pub vertical: bool,
    /// The x (vertical) or y (horizontal) of the line between the rooms.
    pub at: f64,
    /// Start along the wall.
    pub from: f64,
    /// End along the wall.
    pub to: f64,
    /// Room on the left when walking along the wall (smaller x, or larger y).
    pub left: Option<usize>,
    /// Room on the right.
    pub right: Option<usize>,
}

impl Wall {
    /// Whether one side is the outside.
    pub const fn external(&self) -> bool {
        self.left.is_none() || self.right.is_none()
    }
}

/// What fills an opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filling {
    /// Window.
    Window,
    /// Door of a room.
    Door,
    /// Entrance of a flat.
    FlatDoor,
    /// Fire door of a stair or lobby.
    FireDoor,
    /// Lift door.
    LiftDoor,
    /// Entrance of the unit.
    UnitDoor,
}

/// An opening in a wall.
#[derive(Debug, Clone)]
pub struct Opening {
    /// What fills it.
    pub filling: Filling,
    /// Same as the wall's.
    pub vertical: bool,
    /// Same as the wall's.
    pub at: f64,
    /// Middle along the wall.
    pub middle: f64,
    /// Width, metres.
    pub width: f64,
    /// Sill above the floor, metres.
    pub sill: f64,
    /// Height, metres.
    pub height: f64,
}

/// Rooms and openings of one floor.
pub struct Floor {
    /// Rooms.
    pub rooms: Vec<Room>,
    /// Walls derived from the rooms.
    pub walls: Vec<Wall>,
    /// Openings.
    pub openings: Vec<Opening>,
    /// Holes in the slab above the ground floor: x0, y0, x1, y1.
    pub holes: Vec<[f64; 4]>,
    /// Balconies: x0, y0, x1, y1.
    pub balconies: Vec<[f64; 4]>,
}

const FLAT: [(&str, [f64; 4]); 7] = [
    ("客厅", [4.2, 0.0, 8.6, 8.6]),
    ("主卧", [0.0, 0.0, 4.2, 4.8]),
    ("主卫", [0.0, 4.8, 4.2, 7.0]),
    ("北卧", [0.0, 7.0, 4.2, 11.0]),
    ("厨房", [4.2, 8.6, 8.6, 11.0]),
    ("次卧", [8.6, 0.0, 12.0, 4.4]),
    ("卫生间", [8.6, 4.4, 12.0, 6.6]),
];

const CORE: [(&str, RoomKind, [f64; 4]); 6] = [
    ("公共走廊", RoomKind::Corridor, [8.6, 6.6, 15.4, 8.6]),
    ("楼梯间", RoomKind::Stair, [8.6, 8.6, 11.4, 14.0]),
    ("电梯前室", RoomKind::Corridor, [11.4, 8.6, 13.2, 14.0]),
    ("1号电梯井", RoomKind::Lift, [13.2, 8.6, 15.4, 10.7]),
    ("2号电梯井", RoomKind::Lift, [13.2, 10.7, 15.4, 12.8]),
    ("管道井", RoomKind::Shaft, [13.2, 12.8, 15.4, 14.0]),
];

/// Stair hole within a unit.
pub const STAIR_HOLE: [f64; 4] = [BAR_CORE_M[0] + 0.1, 9.9, 11.3, 13.8];

/// (filling, vertical, at, middle, width, sill, height) of a flat; mirrored for the second one.
const FLAT_OPENINGS: [(Filling, bool, f64, f64, f64, f64, f64); 13] = [
    (Filling::FlatDoor, true, 8.6, 7.6, 1.0, 0.0, 2.1),
    (Filling::Door, true, 4.2, 3.9, 0.9, 0.0, 2.1),
    (Filling::Door, false, 4.8, 1.5, 0.8, 0.0, 2.1),
    (Filling::Door, true, 4.2, 7.7, 0.9, 0.0, 2.1),
    (Filling::Door, false, 8.6, 6.4, 1.5, 0.0, 2.1),
    (Filling::Door, true, 8.6, 3.6, 0.9, 0.0, 2.1),
    (Filling::Door, true, 8.6, 5.5, 0.8, 0.0, 2.1),
    (Filling::Window, false, 0.0, 2.1, 1.8, 0.6, 1.7),
    (Filling::Window, false, 0.0, 6.4, 3.0, 0.1, 2.3),
    (Filling::Window, false, 0.0, 10.3, 1.8, 0.6, 1.7),
    (Filling::Window, false, 11.0, 2.1, 1.5, 0.9, 1.5),
    (Filling::Window, false, 11.0, 6.4, 1.5, 0.9, 1.5),
    (Filling::Window, true, 0.0, 5.9, 0.6, 1.4, 0.9),
];

const CORE_OPENINGS: [(Filling, bool, f64, f64, f64, f64, f64); 6] = [
    (Filling::FireDoor, false, 8.6, 10.0, 1.2, 0.0, 2.1),
    (Filling::FireDoor, false, 8.6, 12.3, 1.2, 0.0, 2.1),
    (Filling::LiftDoor, true, 13.2, 9.65, 1.0, 0.0, 2.1),
    (Filling::LiftDoor, true, 13.2, 11.75, 1.0, 0.0, 2.1),
    (Filling::Door, true, 13.2, 13.4, 0.7, 0.1, 1.9),
    (Filling::Window, false, 14.0, 10.0, 1.2, 1.0, 1.4),
];

/// The floor of a bar tower with some units.
pub fn typical(units: u32, ground: bool) -> Floor {
    let mut floor =
        Floor { rooms: Vec::new(), walls: Vec::new(), openings: Vec::new(), holes: Vec::new(), balconies: Vec::new() };
    for unit in 1..=units {
        let x0 = BAR_UNIT_M * f64::from(unit - 1);
        for door in 1..=2 {
            flat(&mut floor, (unit, units), door, x0);
        }
        for (name, kind, r) in CORE {
            floor.rooms.push(Room { name, kind, unit, door: 0, rect: [r[0] + x0, r[1], r[2] + x0, r[3]] });
            if kind == RoomKind::Lift || kind == RoomKind::Shaft {
                floor.holes.push([r[0] + x0 + 0.1, r[1] + 0.1, r[2] + x0 - 0.2, r[3] - 0.2]);
            }
        }
        floor.holes.push([STAIR_HOLE[0] + x0, STAIR_HOLE[1], STAIR_HOLE[2] + x0, STAIR_HOLE[3]]);
        let entrance = if ground {
            (Filling::UnitDoor, false, 14.0, 12.3, 1.4, 0.0, 2.3)
        } else {
            (Filling::Window, false, 14.0, 12.3, 1.2, 0.9, 1.5)
        };
        for o in CORE_OPENINGS.into_iter().chain([entrance]) {
            floor.openings.push(opening(o, |x| x + x0));
        }
    }
    floor.walls = walls(&floor.rooms);
    floor
}

fn flat(floor: &mut Floor, (unit, units): (u32, u32), door: u32, x0: f64) {
    let mirror = door == 2;
    let place = |x: f64| x0 + if mirror { BAR_UNIT_M - x } else { x };
    let span = |a: f64, b: f64| (place(a).min(place(b)), place(a).max(place(b)));
    for (name, r) in FLAT {
        let (a, b) = span(r[0], r[2]);
        floor.rooms.push(Room { name, kind: RoomKind::Flat, unit, door, rect: [a, r[1], b, r[3]] });
    }
    // between two units the gable wall is a party wall, without a window
    let gable = if mirror { unit == units } else { unit == 1 };
    for o in FLAT_OPENINGS {
        if o.0 == Filling::Window && o.1 && !gable {
            continue;
        }
        floor.openings.push(opening(o, place));
    }
    let (a, b) = span(4.4, 8.4);
    floor.balconies.push([a, -1.5, b, 0.0]);
}

fn opening(o: (Filling, bool, f64, f64, f64, f64, f64), place: impl Fn(f64) -> f64) -> Opening {
    let (filling, vertical, at, middle, width, sill, height) = o;
    let (at, middle) = if vertical { (place(at), middle) } else { (at, place(middle)) };
    Opening { filling, vertical, at, middle, width, sill, height }
}

/// Every stretch of a line that has the same two rooms beside it becomes one wall.
pub fn walls(rooms: &[Room]) -> Vec<Wall> {
    let mut out = Vec::new();
    for vertical in [true, false] {
        let (low, high, start, end) = if vertical { (0, 2, 1, 3) } else { (1, 3, 0, 2) };
        let mut lines: Vec<f64> = rooms.iter().flat_map(|r| [r.rect[low], r.rect[high]]).collect();
        lines.sort_by(f64::total_cmp);
        lines.dedup_by(|a, b| (*a - *b).abs() < 1e-6);
        for at in lines {
            let touches = |r: &Room, side: usize| (r.rect[side] - at).abs() < 1e-6;
            let mut cuts: Vec<f64> = rooms
                .iter()
                .filter(|r| touches(r, low) || touches(r, high))
                .flat_map(|r| [r.rect[start], r.rect[end]])
                .collect();
            cuts.sort_by(f64::total_cmp);
            cuts.dedup_by(|a, b| (*a - *b).abs() < 1e-6);
            for pair in cuts.windows(2) {
                let middle = (pair[0] + pair[1]) * 0.5;
                let beside = |side: usize| {
                    rooms.iter().position(|r| touches(r, side) && r.rect[start] < middle && r.rect[end] > middle)
                };
                let (before, after) = (beside(high), beside(low));
                if before.is_none() && after.is_none() {
                    continue;
                }
                let (left, right) = if vertical { (before, after) } else { (after, before) };
                let wall = Wall { vertical, at, from: pair[0], to: pair[1], left, right };
                match out.last_mut() {
                    Some(last) if same_run(last, &wall) => last.to = wall.to,
                    _ => out.push(wall),
                }
            }
        }
    }
    out
}

fn same_run(a: &Wall, b: &Wall) -> bool {
    a.vertical == b.vertical
        && (a.at - b.at).abs() < 1e-6
        && (a.to - b.from).abs() < 1e-6
        && a.left == b.left
        && a.right == b.right
}

/// The wall an opening lies in.
pub fn host(walls: &[Wall], o: &Opening) -> Option<usize> {
    walls.iter().position(|w| {
        w.vertical == o.vertical
            && (w.at - o.at).abs() < 1e-6
            && w.from <= o.middle - o.width * 0.5 + 1e-6
            && w.to >= o.middle + o.width * 0.5 - 1e-6
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{geom::area, shapes};

    #[test]
    fn rooms_fill_the_footprint_exactly() {
        for units in 1..=3 {
            let f = typical(units, false);
            let sum: f64 = f.rooms.iter().map(|r| (r.rect[2] - r.rect[0]) * (r.rect[3] - r.rect[1])).sum();
            assert!((sum - area(&shapes::bar(units))).abs() < 1e-6, "{sum}");
        }
    }

    #[test]
    fn every_opening_has_a_wall_and_every_room_a_door() {
        for ground in [true, false] {
            let f = typical(2, ground);
            let mut reached = vec![false; f.rooms.len()];
            for o in &f.openings {
                let w = &f.walls[host(&f.walls, o).unwrap_or_else(|| panic!("{o:?}"))];
                if o.filling != Filling::Window {
                    for r in [w.left, w.right].into_iter().flatten() {
                        reached[r] = true;
                    }
                } else {
                    assert!(w.external(), "{o:?}");
                }
            }
            for (r, ok) in f.rooms.iter().zip(reached) {
                assert!(ok, "{} has no door", r.name);
            }
        }
    }

    #[test]
    fn outer_walls_have_the_length_of_the_outline() {
        let f = typical(2, false);
        let outside: f64 = f.walls.iter().filter(|w| w.external()).map(|w| w.to - w.from).sum();
        let ring = shapes::bar(2);
        let mut closed = ring.clone();
        closed.push(ring[0]);
        assert!((outside - crate::geom::length(&closed)).abs() < 1e-6);
    }
}
