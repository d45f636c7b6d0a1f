//! The demo tower, from IFC to a plan that people can leave by.

use community_pack::Pack;
use sandtable_tests::{demo, sandtable_ok};
use twin_model::{BuildingPlan, EntityKind, OpeningKind, SpaceUse};

/// 2 units of 20 rooms and 19 doors on 18 floors, an entrance to each unit.
#[test]
fn everyone_can_leave_the_tower() {
    let pack = Pack::open(&demo().join("pack")).unwrap();
    let plans = pack.plans().unwrap();
    let [plan] = plans.buildings.as_slice() else { panic!("{} plans", plans.buildings.len()) };
    let building = pack.model.get(plan.building.unwrap()).unwrap();
    assert_eq!(building.kind, EntityKind::Building);
    assert_eq!((plan.spaces.len(), plan.stairs.len(), plan.lifts.len()), (720, 34, 4));
    let doors = plan.openings.iter().filter(|o| o.kind == OpeningKind::Door);
    assert_eq!((doors.count(), plan.openings.iter().filter(|o| o.is_exit()).count()), (686, 2));
    for s in &plan.stairs {
        let [lower, upper] = [s.lower, s.upper].map(|i| &plan.spaces[i.index()]);
        assert_eq!((lower.use_, upper.use_, s.flights.len()), (SpaceUse::Stair, SpaceUse::Stair, 2));
        assert_eq!(upper.storey.0, lower.storey.0 + 1);
    }
    for l in &plan.lifts {
        assert_eq!((l.stops.len(), l.capacity, l.speed_mps), (18, 13, 1.75));
    }
    assert!(plan.spaces.iter().all(|s| s.entity.is_some() && s.use_ != SpaceUse::Unknown));
    assert_eq!(trapped(plan), [""; 0]);
    let lost: Vec<String> =
        plans.defects.iter().map(ToString::to_string).filter(|d| !d.contains("narrower than")).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[test]
fn info_counts_the_plan() {
    let info = sandtable_ok(&["info", &demo().join("pack").to_string_lossy(), "--json"]);
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    let plan = &info["plans"][0];
    let count = |key: &str| plan[key].as_u64().unwrap_or_else(|| panic!("{key} in {plan}"));
    let expected = [("spaces", 720), ("doors", 686), ("exits", 2), ("stairs", 34), ("lifts", 4)];
    assert_eq!(expected.map(|(key, _)| (key, count(key))), expected);
}

/// Spaces, shafts apart, from which no walk leads to the open air.
fn trapped(plan: &BuildingPlan) -> Vec<&str> {
    let mut free = vec![false; plan.spaces.len()];
    let doors = plan.openings.iter().filter(|o| o.walkable()).map(|o| o.sides);
    let ways: Vec<_> = doors.chain(plan.stairs.iter().map(|s| [Some(s.lower), Some(s.upper)])).collect();
    loop {
        let before = free.iter().filter(|f| **f).count();
        for [a, b] in &ways {
            for (from, to) in [(a, b), (b, a)] {
                if let Some(s) = from.filter(|_| to.is_none_or(|t| free[t.index()])) {
                    free[s.index()] = true;
                }
            }
        }
        if free.iter().filter(|f| **f).count() == before {
            let left = plan.spaces.iter().zip(free).filter(|(s, f)| !f && s.use_ != SpaceUse::Shaft);
            return left.map(|(s, _)| s.name.as_str()).collect();
        }
    }
}
