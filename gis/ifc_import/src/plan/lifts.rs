//! Lifts of a plan: the shaft over the car, and the lobby at each stop.

use super::draft::Draft;
use crate::PropertyValue;
use twin_model::{PlanLift, SpaceIndex, SpaceUse};

/// Persons in a car that says nothing: 1,000 kg at 75 kg each (GB/T 7588.1-2020 5.4.2).
const PERSONS: u32 = 13;
/// Mass per person, kg (GB/T 7588.1-2020 5.4.2).
const PERSON_KG: f64 = 75.0;
/// Speed of a lift that says nothing, m/s (GB/T 7025.1-2008: 1.0 is the least of its preferred speeds for dwellings
/// above six storeys).
const SPEED_MPS: f64 = 1.0;
/// Clear door of a lift without doors in the file, m (GB/T 7025.1-2008: 0.8 for 630–1,000 kg cars of dwellings).
const DOOR_M: f64 = 0.8;
/// How far round a car a lobby is looked for when it stands in no shaft space, m.
const NEAR_M: f64 = 1.0;

/// Adds lifts.
pub(crate) fn collect(draft: &mut Draft<'_>) {
    for element in draft.elements(&["IfcTransportElement"]) {
        if is_lift(draft, element) {
            add(draft, element);
        }
    }
}

fn is_lift(draft: &Draft<'_>, element: usize) -> bool {
    let e = &draft.model.elements[element];
    let said = [&e.name, &e.object_type].into_iter().map(|s| s.to_lowercase());
    let kind = e.attributes.kind.as_deref().unwrap_or_default();
    let escalator = |s: &String| s.contains("escalator") || s.contains("扶梯") || s.contains("walkway");
    match kind {
        "ELEVATOR" => true,
        "ESCALATOR" | "MOVINGWALKWAY" => false,
        _ => !said.into_iter().any(|s| escalator(&s)),
    }
}

fn add(draft: &mut Draft<'_>, element: usize) {
    let label = draft.label(element);
    let Some(bounds) = draft.boxes[element] else {
        draft.warn(label, "has no shape: left out");
        return;
    };
    let at = [bounds.middle()[0], bounds.middle()[1]];
    let mut stops: Vec<(f64, SpaceIndex)> = Vec::new();
    let mut doors = Vec::new();
    for storey in 0..draft.plan.storeys.len() {
        let z = draft.plan.storeys[storey].elevation_m + 1.0;
        let shaft = draft.space_at(at, z).filter(|s| draft.space(*s).use_ == SpaceUse::Shaft);
        let lobby = match shaft {
            Some(shaft) => beyond_door(draft, shaft, &mut doors),
            None => beside(draft, [bounds.lo, bounds.hi], z),
        };
        if let Some(s) = lobby
            && !stops.iter().any(|(_, known)| *known == s)
        {
            stops.push((draft.space(s).floor_m, s));
        }
    }
    stops.sort_by(|a, b| a.0.total_cmp(&b.0));
    if stops.len() < 2 {
        draft.warn(label, format!("stops at {} storeys; needs 2 or more: left out", stops.len()));
        return;
    }
    let e = &draft.model.elements[element];
    let number = |names: &[&str]| match draft.property(element, names) {
        Some(PropertyValue::Number(n)) if n.is_finite() && *n > 0.0 => Some(*n),
        _ => None,
    };
    let persons = number(&["CapacityPeople", "CapacityByNumber"])
        .or_else(|| number(&["CapacityWeight", "CapacityByWeight"]).map(|kg| kg / PERSON_KG))
        .filter(|n| (1.0..=1000.0).contains(n))
        .map(|n| n as u32);
    let speed = number(&["NominalSpeed", "RatedSpeed", "Speed", "额定速度"]).filter(|v| *v <= 20.0);
    let lift = PlanLift {
        entity: draft.entity(&e.global_id),
        name: if e.name.is_empty() { e.global_id.clone() } else { format!("{} ({})", e.name, e.global_id) },
        stops: stops.into_iter().map(|(_, s)| s).collect(),
        capacity: e.attributes.persons.or(persons).unwrap_or(PERSONS),
        speed_mps: speed.unwrap_or(SPEED_MPS),
        door_width_m: doors.into_iter().reduce(f64::min).unwrap_or(DOOR_M),
    };
    draft.plan.lifts.push(lift);
}

/// The space on the other side of a shaft's door; the widest door wins.
fn beyond_door(draft: &Draft<'_>, shaft: SpaceIndex, widths: &mut Vec<f64>) -> Option<SpaceIndex> {
    let doors = draft.plan.openings.iter().filter(|o| o.walkable() && o.sides.contains(&Some(shaft)));
    let widest = doors.max_by(|a, b| a.clear_width_m.total_cmp(&b.clear_width_m))?;
    let other = widest.sides.into_iter().flatten().find(|s| *s != shaft)?;
    widths.push(widest.clear_width_m);
    Some(other)
}

/// The nearest walkable space round a car that stands in no shaft.
fn beside(draft: &Draft<'_>, [lo, hi]: [[f64; 3]; 2], z: f64) -> Option<SpaceIndex> {
    let (x, y) = (f64::midpoint(lo[0], hi[0]), f64::midpoint(lo[1], hi[1]));
    let steps = [0.2, 0.5, NEAR_M];
    let points = steps.into_iter().flat_map(|d| [[x, lo[1] - d], [x, hi[1] + d], [lo[0] - d, y], [hi[0] + d, y]]);
    let mut hits = points.filter_map(|p| draft.space_at(p, z));
    hits.find(|s| draft.space(*s).use_ != SpaceUse::Shaft)
}
