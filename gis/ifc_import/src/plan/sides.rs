//! Which spaces a door, window or opening joins: by `IfcRelSpaceBoundary`, else by points on both sides of it.

use super::draft::Draft;
use super::grid::Cell;
use super::regions;
use super::shape::Slot;
use twin_model::{SpaceIndex, StoreyIndex};

/// Distance between the points of a probe, m.
const STEP_M: f64 = 0.05;
/// How far beyond the slot's face a probe goes, m: a wall's other leaf, a cavity, a lining.
const REACH_M: f64 = 0.6;

/// What lies on one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Space(SpaceIndex),
    /// Enclosed by walls and no space of the file: region of the storey's cells.
    Enclosed(StoreyIndex, usize),
    /// Open air.
    Outside,
    /// Neither a space nor the open air.
    Unknown,
}

impl Side {
    /// A space in the place of an enclosed region, made when first asked for.
    pub fn derived(self, draft: &mut Draft<'_>) -> Self {
        match self {
            Side::Enclosed(storey, region) => {
                regions::space_of(draft, storey, region).map_or(Side::Unknown, Side::Space)
            }
            other => other,
        }
    }

    pub fn space(self) -> Option<SpaceIndex> {
        match self {
            Side::Space(s) => Some(s),
            _ => None,
        }
    }
}

/// Both sides of an element whose slot lies in a storey; `z` is a height in the middle of it.
pub(crate) fn of(draft: &Draft<'_>, element: usize, slot: &Slot, storey: StoreyIndex, z: f64) -> [Side; 2] {
    let seen = [1.0, -1.0].map(|sign| probe(draft, slot, storey, z, sign));
    let stated = stated(draft, element, z);
    let external = draft.external(element) == Some(true);
    let known = match stated.as_slice() {
        [] => seen,
        // The relation says which spaces; the points say which lies where.
        [a, b] => {
            let (a, b) = (Side::Space(*a), Side::Space(*b));
            if seen[0] == b || seen[1] == a { [b, a] } else { [a, b] }
        }
        [a] => with_one(Side::Space(*a), seen),
        more => {
            let listed = |s: &Side| s.space().is_some_and(|s| more.contains(&s));
            if seen.iter().all(listed) && seen[0] != seen[1] {
                seen
            } else {
                [Side::Space(more[0]), Side::Space(more[1])]
            }
        }
    };
    known.map(|s| if s == Side::Unknown && external { Side::Outside } else { s })
}

/// One space is stated: the other side is what the points find beyond it.
fn with_one(stated: Side, seen: [Side; 2]) -> [Side; 2] {
    if seen[0] == stated || seen[1] == stated {
        return seen;
    }
    match seen {
        [Side::Space(_), other] | [other, Side::Space(_)] if other != Side::Unknown => [stated, other],
        [Side::Outside, _] | [_, Side::Outside] => [stated, Side::Outside],
        [a, b] => [stated, if a == Side::Unknown { b } else { a }],
    }
}

/// Spaces that the file says the element or its opening bounds, at its height.
fn stated(draft: &Draft<'_>, element: usize, z: f64) -> Vec<SpaceIndex> {
    let opening = draft.model.elements[element].fills;
    let mut found = Vec::new();
    for b in draft.model.boundaries.iter().filter(|b| b.element == element || Some(b.element) == opening) {
        let parts = draft.space_of_node.get(&b.space).map_or(&[][..], Vec::as_slice);
        let at_height = parts.iter().copied().find(|s| {
            let s = draft.space(*s);
            z > s.floor_m - 0.5 && z < s.floor_m + s.height_m + 0.5
        });
        if let Some(s) = at_height.filter(|s| !found.contains(s)) {
            found.push(s);
        }
    }
    found
}

/// The first thing that is no wall, from the slot's middle outwards, at the middle and at both quarters.
fn probe(draft: &Draft<'_>, slot: &Slot, storey: StoreyIndex, z: f64, sign: f64) -> Side {
    let steps = ((0.5 * slot.depth_m + REACH_M) / STEP_M).ceil() as usize;
    let (mut outside, mut enclosed) = (false, None);
    for along in [0.0, 0.25, -0.25] {
        for i in 1..=steps {
            let p = slot.point(along * slot.length_m, sign * STEP_M * i as f64);
            if let Some(s) = draft.space_at(p, z) {
                return Side::Space(s);
            }
            match draft.grids.get(storey.index()).and_then(Option::as_ref).map(|g| g.at(p)) {
                Some(Cell::Enclosed(region)) if regions::is_room(draft, storey, region) => {
                    enclosed = enclosed.or(Some(Side::Enclosed(storey, region)));
                }
                // The outline of a space takes in its whole cells: what lies beside them is still indoors.
                Some(Cell::Outside) if STEP_M * i as f64 >= 0.5 * slot.depth_m => {
                    outside = true;
                    break;
                }
                _ => {}
            }
        }
    }
    enclosed.unwrap_or(if outside { Side::Outside } else { Side::Unknown })
}
