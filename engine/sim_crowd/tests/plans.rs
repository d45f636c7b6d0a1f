//! Building plans as importers make them.

use sim_core::CancelToken;
use sim_crowd::{CrowdForcing, CrowdParams, CrowdRun, CrowdWorld, DestinationClass, Person};
use twin_model::{
    BuildingPlan, OpeningKind, PlanFlight, PlanOpening, PlanSpace, PlanStair, PlanStorey, SpaceIndex, SpaceUse,
    StoreyIndex,
};

fn space(name: &str, storey: u32, use_: SpaceUse, [x0, y0, x1, y1]: [f64; 4]) -> PlanSpace {
    PlanSpace {
        entity: None,
        name: name.into(),
        storey: StoreyIndex(storey),
        use_,
        outline: vec![[x0, y0], [x1, y0], [x1, y1], [x0, y1]],
        holes: vec![],
        floor_m: 3.0 * f64::from(storey),
        height_m: 2.8,
    }
}

fn opening(name: &str, kind: OpeningKind, sides: [Option<u32>; 2], ends: [[f64; 2]; 2]) -> PlanOpening {
    let sides = sides.map(|s| s.map(SpaceIndex));
    PlanOpening { entity: None, name: name.into(), kind, sides, ends, clear_width_m: 1.0, sill_m: 0.0, head_m: 2.1 }
}

/// People fast and slow; a hall, a room of its own under the stair with a doorless boundary 1.5 cm before the first step, a hall above.
#[test]
fn a_flight_right_behind_a_doorless_opening_lets_people_out() {
    let storey = |name: &str, elevation_m| PlanStorey { entity: None, name: name.into(), elevation_m, height_m: 3.0 };
    let flight =
        PlanFlight { foot: [4.015, 1.5, 0.0], head: [8.0, 1.5, 3.0], width_m: 1.0, riser_m: 0.17, tread_m: 0.23 };
    let plan = BuildingPlan {
        name: "house".into(),
        storeys: vec![storey("1", 0.0), storey("2", 3.0)],
        spaces: vec![
            space("hall", 0, SpaceUse::Circulation, [0.0, 0.0, 4.0, 4.0]),
            space("stair", 0, SpaceUse::Stair, [4.0, 1.0, 8.0, 2.0]),
            space("upper", 1, SpaceUse::Circulation, [8.0, 0.0, 12.0, 4.0]),
        ],
        openings: vec![
            opening("exit", OpeningKind::Door, [None, Some(0)], [[0.0, 1.5], [0.0, 2.5]]),
            opening("to the stair", OpeningKind::Opening, [Some(0), Some(1)], [[4.0, 1.0], [4.0, 2.0]]),
        ],
        stairs: vec![PlanStair {
            entity: None,
            name: "S".into(),
            lower: SpaceIndex(0),
            upper: SpaceIndex(2),
            flights: vec![flight],
        }],
        ..BuildingPlan::default()
    };
    let world = CrowdWorld::from_plan(&plan, &[]).unwrap();
    let upper = world.layer_of_space(SpaceIndex(2)).unwrap();
    let classes = vec![DestinationClass::default()];
    let mut run = CrowdRun::new(world, classes, CrowdParams::default(), CrowdForcing::default()).unwrap();
    for k in 0..6 {
        let at = [9.5 + 0.8 * (k % 3) as f32, 1.0 + 1.5 * (k / 3) as f32];
        run.enter(&Person::new(upper, at, if k % 2 == 0 { 1.2 } else { 0.5 })).unwrap();
    }
    run.advance_to(300.0, &CancelToken::new()).unwrap();
    assert_eq!((run.balance().left, run.balance().inside), (6, 0));
}
