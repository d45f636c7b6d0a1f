//! Doors, windows and doorless openings of a plan.

use super::draft::Draft;
use super::regions;
use super::shape::{Bounds, Slot, section_lines};
use super::sides::{self, Side};
use crate::Mesh;
use twin_model::{OpeningKind, PlanOpening, StoreyIndex};

/// What frame and leaf take of a door's `OverallWidth` when the file has no lining, m (design notes: clear = overall
/// width − 0.10; two linings of about 40 mm and the leaf's thickness when open).
const FRAME_M: f64 = 0.10;
/// A lining may take at most this part of the width on each side; else its unit is wrong.
const MOST_LINING: f64 = 0.2;
/// `OverallWidth` further than this from the opening's own width is not believed, part of it.
const WIDTH_DOUBT: f64 = 0.3;
/// A door to the open air this far above the ground floor is a balcony's or a roof's, not an exit, m.
const EXIT_HEIGHT_M: f64 = 1.5;
/// A doorless opening that people pass: bottom above the floor, height and width, m.
const PASS_SILL_M: f64 = 0.3;
const PASS_HEIGHT_M: f64 = 1.8;
const PASS_WIDTH_M: f64 = 0.5;
/// Thresholds up to this height are none, m.
const THRESHOLD_M: f64 = 0.05;

const DOORS: [&str; 2] = ["IfcDoor", "IfcDoorStandardCase"];
const WINDOWS: [&str; 2] = ["IfcWindow", "IfcWindowStandardCase"];
const VOIDS: [&str; 2] = ["IfcOpeningElement", "IfcOpeningStandardCase"];

/// A door, window or opening with its place.
struct Found {
    element: usize,
    kind: OpeningKind,
    slot: Slot,
    lo_m: f64,
    hi_m: f64,
    storey: StoreyIndex,
}

/// Adds everything, after making the cells of each storey.
pub(crate) fn collect(draft: &mut Draft<'_>) {
    let mut found = Vec::new();
    for (classes, kind) in [(DOORS, OpeningKind::Door), (WINDOWS, OpeningKind::Window), (VOIDS, OpeningKind::Opening)] {
        for element in draft.elements(&classes) {
            if kind != OpeningKind::Opening || is_passage(draft, element) {
                match locate(draft, element, kind) {
                    Some(f) => found.push(f),
                    None if kind != OpeningKind::Opening => {
                        draft.warn(draft.label(element), "has no shape: left out");
                    }
                    None => {}
                }
            }
        }
    }
    let mut slots = vec![Vec::new(); draft.plan.storeys.len()];
    for f in &found {
        slots[f.storey.index()].push(f.slot);
    }
    regions::grids(draft, &slots);
    let ground = ground_m(draft);
    let mut lost_windows = 0;
    // Walkable ones first: they make the derived rooms that windows then look into.
    for f in &found {
        let z = f64::midpoint(f.lo_m, f.hi_m).min(f.lo_m + 1.0);
        let sides = sides::of(draft, f.element, &f.slot, f.storey, z);
        match f.kind {
            OpeningKind::Window => lost_windows += usize::from(!add_window(draft, f, sides)),
            _ => add_walkable(draft, f, sides, ground),
        }
    }
    if lost_windows > 0 {
        let building = format!("building {}", draft.plan.name);
        draft.warn(building, format!("{lost_windows} windows look into no space: left out"));
    }
}

/// Openings in walls that nothing fills.
fn is_passage(draft: &Draft<'_>, element: usize) -> bool {
    let e = &draft.model.elements[element];
    let filled = draft.model.elements.iter().any(|d| d.fills == Some(element));
    let in_wall = e.voids.is_some_and(|w| draft.model.elements[w].class.starts_with("IfcWall"));
    in_wall && !filled && e.attributes.kind.as_deref() != Some("RECESS")
}

/// The slot in plan and the height, from the opening that it fills, else from its own shape.
fn locate(draft: &Draft<'_>, element: usize, kind: OpeningKind) -> Option<Found> {
    let e = &draft.model.elements[element];
    let shaped = |i: &usize| draft.boxes[*i].is_some();
    let source = e.fills.filter(shaped).or(Some(element).filter(shaped))?;
    let (own, bounds) = (&draft.model.elements[source], draft.boxes[source]?);
    let width = e.attributes.width_m.filter(|w| *w > 0.05);
    let points = own.meshes.iter().flat_map(Mesh::world_positions).map(|p| [p[0], p[1]]);
    let mut slot = Slot::round(points, width)?;
    if source == element && kind == OpeningKind::Door {
        slot = leafless(draft, element, &bounds, slot);
    }
    let named = e.storey.and_then(|s| draft.storey_nodes.iter().position(|n| *n == s));
    // A storey's name may be wrong by one in multi-storey facades; its floor must lie below the head.
    let by_name = named.filter(|i| {
        let s = &draft.plan.storeys[*i];
        bounds.hi[2] > s.elevation_m && bounds.lo[2] < s.elevation_m + s.height_m
    });
    let storey = by_name.map(|i| StoreyIndex(i as u32)).or_else(|| draft.storey_at(bounds.lo[2]))?;
    Some(Found { element, kind, slot, lo_m: bounds.lo[2], hi_m: bounds.hi[2], storey })
}

/// A door drawn with its leaf open: what it is near the head is the frame.
fn leafless(draft: &Draft<'_>, element: usize, bounds: &Bounds, whole: Slot) -> Slot {
    let e = &draft.model.elements[element];
    let head = bounds.hi[2] - 0.02 * bounds.height();
    let points = e.meshes.iter().flat_map(|m| section_lines(m, head)).flatten();
    match Slot::round(points, e.attributes.width_m.filter(|w| *w > 0.05)) {
        Some(frame) if frame.length_m > 0.8 * whole.length_m.min(e.attributes.width_m.unwrap_or(f64::MAX)) => frame,
        _ => whole,
    }
}

/// The floor of the storey nearest to the building's zero (±0.00).
fn ground_m(draft: &Draft<'_>) -> f64 {
    let levels = draft.storey_nodes.iter().zip(&draft.plan.storeys).map(|(node, s)| {
        let off = draft.model.spatial[*node].elevation_m.unwrap_or(s.elevation_m);
        (off.abs(), s.elevation_m)
    });
    levels.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(0.0, |l| l.1)
}

fn add_window(draft: &mut Draft<'_>, f: &Found, sides: [Side; 2]) -> bool {
    // Beyond a window may lie a cavity or a balcony: open air unless a space is there.
    // A room of which no door is known stays unknown to windows too.
    let spaces = sides.map(|s| match s {
        Side::Enclosed(storey, region) => draft.derived.get(&(storey, region)).copied().flatten(),
        other => other.space(),
    });
    if spaces == [None, None] || spaces[0] == spaces[1] {
        return false;
    }
    let width = f.slot.length_m;
    push(draft, f, f.kind, spaces, width);
    true
}

fn add_walkable(draft: &mut Draft<'_>, f: &Found, sides: [Side; 2], ground: f64) {
    let door = f.kind == OpeningKind::Door;
    let label = draft.label(f.element);
    if !door && !is_walked(draft, f, sides) {
        return;
    }
    let sides = if sides.contains(&Side::Unknown) { sides } else { sides.map(|s| s.derived(draft)) };
    let spaces = sides.map(Side::space);
    let floor = spaces.iter().flatten().map(|s| draft.space(*s).floor_m).reduce(f64::min);
    let Some(floor) = floor else {
        if door {
            draft.warn(label, "joins no space: left out");
        }
        return;
    };
    if spaces[0] == spaces[1] {
        if door {
            let name = spaces[0].map(|s| draft.space(s).name.clone()).unwrap_or_default();
            draft.warn(label, format!("has space {name} on both sides: left out"));
        }
        return;
    }
    if sides.contains(&Side::Unknown) {
        if door {
            let name = spaces.iter().flatten().next().map(|s| draft.space(*s).name.clone()).unwrap_or_default();
            draft.warn(label, format!("leads from space {name} to neither a space nor the open air: left out"));
        }
        return;
    }
    let width = clear_width(draft, f);
    if width < 0.05 {
        draft.warn(label, format!("clear width {width:.2} m; allowed: > 0: left out"));
        return;
    }
    let mut kind = f.kind;
    if sides.contains(&Side::Outside) && floor > ground + EXIT_HEIGHT_M {
        let text = format!("leads outside {:.1} m above the ground floor: not an exit", floor - ground);
        draft.warn(label, text);
        kind = OpeningKind::Window;
    }
    push(draft, f, kind, spaces, width);
}

/// Whether people pass a hole in a wall: from the floor, high and wide enough.
fn is_walked(draft: &Draft<'_>, f: &Found, sides: [Side; 2]) -> bool {
    let storey = draft.plan.storeys[f.storey.index()].elevation_m;
    let floor = sides.iter().filter_map(|s| s.space()).map(|s| draft.space(s).floor_m).reduce(f64::min);
    f.lo_m - floor.unwrap_or(storey) <= PASS_SILL_M
        && f.hi_m - f.lo_m >= PASS_HEIGHT_M
        && f.slot.length_m >= PASS_WIDTH_M
}

/// What people can pass, m.
fn clear_width(draft: &mut Draft<'_>, f: &Found) -> f64 {
    let drawn = f.slot.length_m;
    if f.kind != OpeningKind::Door {
        return drawn;
    }
    let a = &draft.model.elements[f.element].attributes;
    let (stated, lining) = (a.width_m, a.lining_m);
    let overall = match stated {
        Some(w) if w <= 0.0 || (w - drawn).abs() > WIDTH_DOUBT * drawn => {
            let text = format!("OverallWidth {w:.2} m does not fit its shape: {drawn:.2} m taken");
            draft.warn(draft.label(f.element), text);
            drawn
        }
        Some(w) => w,
        None => drawn,
    };
    let frame = lining.filter(|t| *t < MOST_LINING * overall).map_or(FRAME_M, |t| 2.0 * t);
    overall - frame
}

fn push(draft: &mut Draft<'_>, f: &Found, kind: OpeningKind, sides: [Option<twin_model::SpaceIndex>; 2], width: f64) {
    let e = &draft.model.elements[f.element];
    let floor = sides.iter().flatten().map(|s| draft.space(*s).floor_m).reduce(f64::min).unwrap_or(f.lo_m);
    let sill = f.lo_m - floor;
    let flush = sill.abs() < THRESHOLD_M || (kind != OpeningKind::Window && sill < 0.0);
    let height = draft.model.elements[f.element].attributes.height_m.filter(|h| (h - (f.hi_m - f.lo_m)).abs() < 0.3);
    let head = height.map_or(f.hi_m, |h| f.lo_m + h) - floor;
    let half = 0.5 * width.min(f.slot.length_m);
    let name = if e.name.is_empty() { e.global_id.clone() } else { format!("{} ({})", e.name, e.global_id) };
    let opening = PlanOpening {
        entity: draft.entity(&e.global_id),
        name,
        kind,
        sides,
        ends: [f.slot.point(-half, 0.0), f.slot.point(half, 0.0)],
        clear_width_m: width,
        sill_m: if flush { 0.0 } else { sill },
        head_m: head,
    };
    if opening.head_m > opening.sill_m {
        draft.push_opening(opening, Some(f.element));
    } else {
        draft.warn(draft.label(f.element), "its head is not above its sill: left out");
    }
}
