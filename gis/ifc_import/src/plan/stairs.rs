//! Stairs and ramps of a plan: flights in order, and the spaces that they join.

use super::draft::Draft;
use super::flights;
use std::collections::BTreeMap;
use twin_model::{PlanFlight, PlanStair, SpaceIndex};

const WHOLES: [&str; 2] = ["IfcStair", "IfcRamp"];
const PARTS: [&str; 2] = ["IfcStairFlight", "IfcRampFlight"];
/// The next flight begins within this of the last one's head: height, and length over the landing, m.
const NEXT_Z_M: f64 = 0.4;
const NEXT_RUN_M: f64 = 6.0;
/// A flight ends on a floor that lies within this of it, m.
const FLOOR_M: f64 = 0.4;
/// Where a space is looked for beyond a flight's end, m.
const PROBE_M: [f64; 6] = [0.15, 0.3, 0.5, 0.8, 1.2, 1.6];
/// Directions of the second search, when nothing lies straight ahead.
const ROUND: [[f64; 2]; 8] = {
    const D: f64 = std::f64::consts::FRAC_1_SQRT_2;
    [[1.0, 0.0], [D, D], [0.0, 1.0], [-D, D], [-1.0, 0.0], [-D, -D], [0.0, -1.0], [D, -D]]
};

/// A stair before its spaces are known.
struct Chain {
    element: usize,
    flights: Vec<PlanFlight>,
}

/// Adds stairs and ramps.
pub(crate) fn collect(draft: &mut Draft<'_>) {
    let mut found = Vec::new();
    for (element, flights) in groups(draft) {
        if flights.is_empty() {
            draft.warn(draft.label(element), "its shape has neither treads nor a slope: left out");
        }
        found.extend(chains(flights).into_iter().map(|flights| Chain { element, flights }));
    }
    for chain in found {
        add(draft, &chain);
    }
}

/// Flights by the stair that they are part of; loose ones by themselves.
fn groups(draft: &Draft<'_>) -> BTreeMap<usize, Vec<PlanFlight>> {
    let mut groups: BTreeMap<usize, Vec<PlanFlight>> = BTreeMap::new();
    let mut floors: Vec<f64> = draft.plan.spaces.iter().map(|s| s.floor_m).collect();
    floors.extend(draft.plan.storeys.iter().map(|s| s.elevation_m));
    floors.sort_by(f64::total_cmp);
    floors.dedup();
    for part in draft.elements(&PARTS) {
        let whole = draft.model.elements[part].assembly.unwrap_or(part);
        groups.entry(whole).or_default().extend(flights::of(&draft.model.elements[part], &floors));
    }
    for whole in draft.elements(&WHOLES) {
        if !groups.contains_key(&whole) {
            groups.insert(whole, flights::of(&draft.model.elements[whole], &floors));
        }
    }
    groups
}

/// Puts flights one after the other over landings: each begins where the one before ended.
fn chains(mut flights: Vec<PlanFlight>) -> Vec<Vec<PlanFlight>> {
    flights.sort_by(|a, b| a.foot[2].total_cmp(&b.foot[2]));
    let mut found: Vec<Vec<PlanFlight>> = Vec::new();
    for f in flights {
        let gap = |c: &Vec<PlanFlight>| {
            let head = c.last()?.head;
            let run = (f.foot[0] - head[0]).hypot(f.foot[1] - head[1]);
            ((f.foot[2] - head[2]).abs() < NEXT_Z_M && run < NEXT_RUN_M).then_some(run)
        };
        let best = (0..found.len()).filter_map(|i| Some((gap(&found[i])?, i))).min_by(|a, b| a.0.total_cmp(&b.0));
        match best {
            Some((_, i)) => {
                // A landing is level: where the last riser up to it is not drawn, the next flight says how high it is.
                if let Some(last) = found[i].last_mut()
                    && (0.0..1.5 * last.riser_m).contains(&(f.foot[2] - last.head[2]))
                {
                    last.head[2] = f.foot[2];
                }
                found[i].push(f);
            }
            None => found.push(vec![f]),
        }
    }
    found
}

/// Cuts a chain at the floors that it passes, and adds each part.
fn add(draft: &mut Draft<'_>, chain: &Chain) {
    let e = &draft.model.elements[chain.element];
    let name = if e.name.is_empty() { e.global_id.clone() } else { format!("{} ({})", e.name, e.global_id) };
    let label = draft.label(chain.element);
    let (entity, flights) = (draft.entity(&e.global_id), &chain.flights);
    let Some(first) = flights.first() else { return };
    let Some(mut lower) = end_space(draft, first, false) else {
        let text = format!("leads nowhere: no space at its foot, level {:.2} m: left out", first.foot[2]);
        draft.warn(label, text);
        return;
    };
    let mut from = 0;
    for (i, f) in flights.iter().enumerate() {
        let last = i + 1 == flights.len();
        let Some(upper) = end_space(draft, f, true) else {
            if last {
                let text = format!("leads nowhere: no space at its head, level {:.2} m: left out", f.head[2]);
                draft.warn(label.clone(), text);
            }
            continue;
        };
        if upper == lower {
            if last {
                let text = format!("begins and ends in space {}: left out", draft.space(lower).name);
                draft.warn(label.clone(), text);
            }
            continue;
        }
        let flights = flights[from..=i].to_vec();
        draft.plan.stairs.push(PlanStair { entity, name: name.clone(), lower, upper, flights });
        (lower, from) = (upper, i + 1);
    }
}

/// The space that a flight's head (or foot) opens into, its floor at that level.
fn end_space(draft: &Draft<'_>, f: &PlanFlight, head: bool) -> Option<SpaceIndex> {
    let run = f.run_m().max(1e-6);
    let ahead = [(f.head[0] - f.foot[0]) / run, (f.head[1] - f.foot[1]) / run];
    let (at, out) = if head { (f.head, ahead) } else { (f.foot, ahead.map(|v| -v)) };
    let floor_there = |p: [f64; 2]| {
        let on =
            draft.plan.spaces.iter().enumerate().filter(|(_, s)| (s.floor_m - at[2]).abs() < FLOOR_M && s.contains(p));
        let nearest = on.min_by(|a, b| (a.1.floor_m - at[2]).abs().total_cmp(&(b.1.floor_m - at[2]).abs()));
        nearest.map(|(i, _)| SpaceIndex(i as u32))
    };
    let point = |d: [f64; 2], t: f64| [at[0] + t * d[0], at[1] + t * d[1]];
    let straight = PROBE_M.into_iter().find_map(|t| floor_there(point(out, t)));
    let round = || PROBE_M.into_iter().find_map(|t| ROUND.into_iter().find_map(|d| floor_there(point(d, t))));
    straight.or_else(|| floor_there([at[0], at[1]])).or_else(round)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flight(foot: [f64; 3], head: [f64; 3]) -> PlanFlight {
        PlanFlight { foot, head, width_m: 1.2, riser_m: 0.15, tread_m: 0.28 }
    }

    #[test]
    fn flights_follow_one_another_over_landings() {
        let up = flight([0.0, 0.0, 0.0], [2.5, 0.0, 1.5]);
        let back = flight([2.5, 1.3, 1.5], [0.0, 1.3, 3.0]);
        let other = flight([40.0, 0.0, 0.0], [42.5, 0.0, 1.5]);
        let found = chains(vec![back, up, other]);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0], [up, back]);
        assert_eq!(found[1], [other]);
    }
}
