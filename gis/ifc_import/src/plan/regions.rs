//! Rooms out of walls (墙体推断房间), where doors lead into something enclosed that is no space of the file.

use super::draft::Draft;
use super::grid::{CELL_M, Grid};
use super::shape::{Slot, corners, polygon, simplified};
use crate::Element;
use geo::Area;
use geo::orient::{Direction, Orient};
use twin_model::{PlanSpace, SpaceIndex, SpaceUse, StoreyIndex, ring_area2};

/// Elements that people do not walk through.
pub(crate) const WALLS: [&str; 12] = [
    "IfcWall",
    "IfcWallStandardCase",
    "IfcWallElementedCase",
    "IfcCurtainWall",
    "IfcPlate",
    "IfcMember",
    "IfcColumn",
    "IfcColumnStandardCase",
    "IfcWindow",
    "IfcWindowStandardCase",
    "IfcDoor",
    "IfcDoorStandardCase",
];
/// Heights above the floor at which walls are cut, m: below sills, over desks, over doors.
const CUTS_M: [f64; 3] = [0.3, 1.1, 2.2];
/// Smaller regions are ducts and gaps, m².
const LEAST_ROOM_M2: f64 = 1.0;
/// A derived outline may leave the cells by this, m.
const SIMPLIFY_M: f64 = 1.2 * CELL_M;

/// The cells of every storey; `slots` are the doors, windows and openings of each.
pub(crate) fn grids(draft: &mut Draft<'_>, slots: &[Vec<Slot>]) {
    let walls = draft.elements(&WALLS);
    for (i, storey) in draft.plan.storeys.iter().enumerate() {
        let heights = CUTS_M.map(|h| storey.elevation_m + h.min(0.9 * storey.height_m));
        let cut = |e: &&usize| draft.boxes[**e].is_some_and(|b| heights.iter().any(|z| b.lo[2] <= *z && b.hi[2] > *z));
        let standing: Vec<&Element> = walls.iter().filter(cut).map(|e| &draft.model.elements[*e]).collect();
        let here = |s: &&PlanSpace| {
            let eye = storey.elevation_m + CUTS_M[1].min(0.5 * storey.height_m);
            eye > s.floor_m - 0.3 && eye < s.floor_m + s.height_m
        };
        let spaces: Vec<&PlanSpace> = draft.plan.spaces.iter().filter(here).collect();
        let grid = if slots[i].is_empty() { None } else { Grid::new(&standing, &heights, &slots[i], &spaces) };
        draft.grids.push(grid);
    }
}

/// The space of an enclosed region, made when first asked for; `None` for ducts.
pub(crate) fn space_of(draft: &mut Draft<'_>, storey: StoreyIndex, region: usize) -> Option<SpaceIndex> {
    if let Some(known) = draft.derived.get(&(storey, region)) {
        return *known;
    }
    let made = derive(draft, storey, region);
    draft.derived.insert((storey, region), made);
    made
}

/// Whether a region is large enough for people.
pub(crate) fn is_room(draft: &Draft<'_>, storey: StoreyIndex, region: usize) -> bool {
    let grid = draft.grids.get(storey.index()).and_then(Option::as_ref);
    grid.is_some_and(|g| g.region_m2(region) >= LEAST_ROOM_M2)
}

fn derive(draft: &mut Draft<'_>, storey: StoreyIndex, region: usize) -> Option<SpaceIndex> {
    let rings = draft.grids.get(storey.index())?.as_ref()?.outline(region);
    let sound = |r: &[[f64; 2]]| {
        let p = simplified(&polygon(r), SIMPLIFY_M).orient(Direction::Default);
        (p.unsigned_area() > 0.25).then(|| corners(p.exterior()))
    };
    let outer = rings.iter().max_by(|a, b| ring_area2(a).total_cmp(&ring_area2(b)))?;
    let outline = sound(outer).filter(|r| 0.5 * ring_area2(r) >= LEAST_ROOM_M2)?;
    let holes = rings.iter().filter(|r| ring_area2(r) < 0.0).filter_map(|r| sound(r)).collect();
    let s = &draft.plan.storeys[storey.index()];
    let (name, floor_m) = (s.name.clone(), s.elevation_m);
    // Walls end at the slab above, as far as they say.
    let height_m = (s.height_m - 0.15).max(0.9 * s.height_m);
    let index = SpaceIndex(draft.plan.spaces.len() as u32);
    let number = 1 + draft.derived.values().flatten().count();
    let space = PlanSpace {
        entity: None,
        name: format!("{name} derived {number}"),
        storey,
        use_: SpaceUse::Unknown,
        outline,
        holes,
        floor_m,
        height_m,
    };
    let element = format!("space {}", space.name);
    let text = format!("no IfcSpace there: derived from walls on a {CELL_M} m grid, {:.1} m2", space.area_m2());
    draft.plan.spaces.push(space);
    draft.warn(element, text);
    Some(index)
}
