//! Flats away from the fires as one zone each (远离火源的套间合并).
//!
//! A tower has hundreds of rooms, and smoke reaches few of them. Rooms of one storey that open into each other and not only into
//! corridors make a flat; where no fire is near, the flat is one zone of the smoke network. Corridors, stairs, halls and shafts stay
//! as they are, and so does everything on the storeys of the fires and on those above and below.

use std::collections::BTreeSet;
use twin_model::{
    BuildingPlan, PlanLift, PlanOpening, PlanSpace, PlanStair, SpaceIndex, SpaceUse, ring_length_m, ring_middle,
};

/// Largest flat that becomes one zone, m²: beyond it a fire's smoke would be too thin, too soon (our choice).
const MOST_M2: f64 = 300.0;
/// Floors that differ less are one level, m.
const LEVEL_M: f64 = 0.05;

/// A plan with fewer spaces.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Merged {
    pub plan: BuildingPlan,
    /// Per space of the first plan: its space in this one.
    pub spaces: Vec<SpaceIndex>,
    /// Per opening of this plan: its position in the first one.
    pub openings: Vec<usize>,
}

/// Merges flats away from these fires; none: nothing is merged.
pub(crate) fn away_from(plan: &BuildingPlan, fires: &[SpaceIndex]) -> Merged {
    let groups = if fires.is_empty() { (0..plan.spaces.len()).map(|k| vec![k]).collect() } else { flats(plan, fires) };
    let mut spaces = vec![SpaceIndex(0); plan.spaces.len()];
    for (new, members) in groups.iter().enumerate() {
        members.iter().for_each(|k| spaces[*k] = SpaceIndex(new as u32));
    }
    let new = |s: SpaceIndex| spaces[s.index()];
    let mut out = BuildingPlan { spaces: groups.iter().map(|m| one_space(plan, m)).collect(), ..plan.clone() };
    let mut openings = Vec::new();
    out.openings.clear();
    for (k, o) in plan.openings.iter().enumerate() {
        let sides = o.sides.map(|s| s.map(new));
        if sides[0] != sides[1] {
            out.openings.push(PlanOpening { sides, ..o.clone() });
            openings.push(k);
        }
    }
    let stair = |s: &PlanStair| PlanStair { lower: new(s.lower), upper: new(s.upper), ..s.clone() };
    out.stairs = plan.stairs.iter().map(stair).collect();
    let lift = |l: &PlanLift| PlanLift { stops: l.stops.iter().map(|s| new(*s)).collect(), ..l.clone() };
    out.lifts = plan.lifts.iter().map(lift).collect();
    Merged { plan: out, spaces, openings }
}

/// Spaces by the zone that they become, in the order of each one's first space.
fn flats(plan: &BuildingPlan, fires: &[SpaceIndex]) -> Vec<Vec<usize>> {
    let near: BTreeSet<u32> = fires.iter().map(|f| plan.spaces[f.index()].storey.0).collect();
    let is_near = |storey: u32| (storey.saturating_sub(1)..=storey + 1).any(|s| near.contains(&s));
    let stairs = plan.stairs.iter().flat_map(|s| [s.lower, s.upper]);
    let shafts = plan.lifts.iter().flat_map(|l| l.stops.iter().copied());
    let upright: BTreeSet<SpaceIndex> = stairs.chain(shafts).collect();
    let room = |k: usize| {
        let s = &plan.spaces[k];
        let private = matches!(s.use_, SpaceUse::Dwelling | SpaceUse::Office | SpaceUse::Service | SpaceUse::Unknown);
        private && !is_near(s.storey.0) && !upright.contains(&SpaceIndex(k as u32))
    };
    let mut links: Vec<Vec<usize>> = vec![Vec::new(); plan.spaces.len()];
    for o in &plan.openings {
        if let [Some(a), Some(b)] = o.sides.map(|s| s.map(SpaceIndex::index)) {
            let (p, q) = (&plan.spaces[a], &plan.spaces[b]);
            let level = p.storey == q.storey && (p.floor_m - q.floor_m).abs() < LEVEL_M;
            if level && room(a) && room(b) {
                links[a].push(b);
                links[b].push(a);
            }
        }
    }
    let mut seen = vec![false; plan.spaces.len()];
    let mut groups = Vec::new();
    for k in 0..plan.spaces.len() {
        if seen[k] {
            continue;
        }
        let mut group = vec![k];
        seen[k] = true;
        let mut at = 0;
        while let Some(&from) = group.get(at) {
            for &to in &links[from] {
                if !std::mem::replace(&mut seen[to], true) {
                    group.push(to);
                }
            }
            at += 1;
        }
        group.sort_unstable();
        if group.iter().map(|k| plan.spaces[*k].area_m2()).sum::<f64>() > MOST_M2 {
            groups.extend(group.into_iter().map(|k| vec![k]));
        } else {
            groups.push(group);
        }
    }
    groups.sort_by_key(|g| g[0]);
    groups
}

/// One space with the floor area, the volume and the walls of all: a rectangle about their middle.
fn one_space(plan: &BuildingPlan, members: &[usize]) -> PlanSpace {
    let first = &plan.spaces[members[0]];
    if members.len() == 1 {
        return first.clone();
    }
    let sum = |of: &dyn Fn(&PlanSpace) -> f64| members.iter().map(|k| of(&plan.spaces[*k])).sum::<f64>();
    let area = sum(&PlanSpace::area_m2);
    let middle = [0, 1].map(|x| sum(&|s| s.area_m2() * ring_middle(&s.outline)[x]) / area);
    // Sides a and b with a b = area and 2 (a + b) = all walls; rooms together have more wall than a square of their area.
    let half = 0.25 * sum(&|s| ring_length_m(&s.outline) + s.holes.iter().map(|h| ring_length_m(h)).sum::<f64>());
    let root = (half * half - area).max(0.0).sqrt();
    let (a, b) = if root > 0.0 { (half + root, half - root) } else { (area.sqrt(), area.sqrt()) };
    let corner = |x: f64, y: f64| [middle[0] + 0.5 * x * a, middle[1] + 0.5 * y * b];
    PlanSpace {
        outline: vec![corner(-1.0, -1.0), corner(1.0, -1.0), corner(1.0, 1.0), corner(-1.0, 1.0)],
        holes: Vec::new(),
        height_m: sum(&|s| s.area_m2() * s.height_m) / area,
        ..first.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use twin_model::{OpeningKind, PlanStorey, StoreyIndex};

    /// Per storey: corridor, hall off the corridor, two bedrooms off the hall, one of them with a window.
    fn flats_plan(storeys: u32) -> BuildingPlan {
        let mut plan = BuildingPlan { name: "flats".into(), ..BuildingPlan::default() };
        for k in 0..storeys {
            let z = 3.0 * f64::from(k);
            plan.storeys.push(PlanStorey { entity: None, name: format!("{k}F"), elevation_m: z, height_m: 3.0 });
            let first = plan.spaces.len() as u32;
            let rooms = [(SpaceUse::Circulation, 0.0), (SpaceUse::Dwelling, 2.0), (SpaceUse::Dwelling, 6.0)];
            for (use_, y) in rooms.into_iter().chain([(SpaceUse::Dwelling, 10.0)]) {
                let deep = if use_ == SpaceUse::Circulation { 2.0 } else { 4.0 };
                let outline = vec![[0.0, y], [5.0, y], [5.0, y + deep], [0.0, y + deep]];
                let (name, storey) = (format!("{y}"), StoreyIndex(k));
                let (holes, height_m) = (vec![], 2.6);
                plan.spaces.push(PlanSpace { entity: None, name, storey, use_, outline, holes, floor_m: z, height_m });
            }
            for (kind, sides, y) in [
                (OpeningKind::Door, [Some(0), Some(1)], 2.0),
                (OpeningKind::Door, [Some(1), Some(2)], 6.0),
                (OpeningKind::Door, [Some(2), Some(3)], 10.0),
                (OpeningKind::Window, [Some(3), None], 14.0),
            ] {
                plan.openings.push(PlanOpening {
                    entity: None,
                    name: format!("{k} {y}"),
                    kind,
                    sides: sides.map(|s| s.map(|s| SpaceIndex(first + s))),
                    ends: [[2.0, y], [3.0, y]],
                    clear_width_m: 1.0,
                    sill_m: 0.0,
                    head_m: 2.0,
                });
            }
        }
        plan
    }

    #[test]
    fn flats_away_from_a_fire_become_one_space() {
        let plan = flats_plan(5);
        // Burns in the hall of storey 1: storeys 0, 1 and 2 keep their rooms.
        let m = away_from(&plan, &[SpaceIndex(5)]);
        assert_eq!(m.plan.spaces.len(), 3 * 4 + 2 * 2);
        assert_eq!(m.spaces[..12], (0..12).map(SpaceIndex).collect::<Vec<_>>());
        for k in [12, 16] {
            let zone = m.spaces[k + 1];
            assert_ne!(m.spaces[k], zone, "a corridor stays by itself");
            assert_eq!([m.spaces[k + 2], m.spaces[k + 3]], [zone, zone]);
            let s = &m.plan.spaces[zone.index()];
            assert!((s.area_m2() - 60.0).abs() < 1e-9 && s.height_m == 2.6 && s.floor_m == plan.spaces[k].floor_m);
            assert!((ring_length_m(&s.outline) - 3.0 * 18.0).abs() < 1e-9, "the walls of all rooms");
            assert!((ring_middle(&s.outline)[1] - 8.0).abs() < 1e-9);
        }
        // Doors within the two merged flats are gone; all others lead where they led.
        assert_eq!(m.openings.len(), plan.openings.len() - 4);
        for (o, k) in m.plan.openings.iter().zip(&m.openings) {
            let old = plan.openings[*k].sides.map(|s| s.map(|s| m.spaces[s.index()]));
            assert_eq!((o.sides, &o.name), (old, &plan.openings[*k].name));
        }
        assert!(m.plan.check().iter().all(|d| d.level != twin_model::DefectLevel::Error));
    }

    #[test]
    fn without_a_fire_nothing_is_merged_and_halls_stay() {
        let plan = flats_plan(5);
        assert_eq!(away_from(&plan, &[]).plan, plan);
        // A flat larger than a fire's smoke fills at once stays in rooms.
        let mut wide = plan.clone();
        wide.spaces[18].outline = vec![[0.0, 6.0], [70.0, 6.0], [70.0, 10.0], [0.0, 10.0]];
        assert_eq!(away_from(&wide, &[SpaceIndex(5)]).plan.spaces.len(), 3 * 4 + 2 + 4);
    }
}
