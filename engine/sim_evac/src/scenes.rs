//! A block of ten storeys for forecasts, benches and checks.

use crate::verification::corridor_scenario;
use twin_model::{
    BuildingPlan, EvacScenario, FireGrowth, FireSource, OpeningKind, People, PlanFlight, PlanOpening, PlanSpace,
    PlanStair, PlanStorey, SpaceCount, SpaceIndex, SpaceUse, StoreyIndex,
};

const STOREYS: u32 = 10;
const RISE_M: f64 = 3.3;

/// Per storey: corridor, 17 rooms, a stair at each end.
#[must_use]
pub fn block_plan() -> BuildingPlan {
    let mut plan = BuildingPlan { name: "block".into(), ..BuildingPlan::default() };
    for k in 0..STOREYS {
        let z = RISE_M * f64::from(k);
        let name = format!("{}F", k + 1);
        plan.storeys.push(PlanStorey { entity: None, name, elevation_m: z, height_m: RISE_M });
        let first = plan.spaces.len() as u32;
        let mut space = |name: String, use_, x: [f64; 2], y: [f64; 2], height_m| {
            let outline = vec![[x[0], y[0]], [x[1], y[0]], [x[1], y[1]], [x[0], y[1]]];
            let storey = StoreyIndex(k);
            let s = PlanSpace { entity: None, name, storey, use_, outline, holes: vec![], floor_m: z, height_m };
            plan.spaces.push(s);
        };
        space("corridor".into(), SpaceUse::Circulation, [0.0, 40.0], [0.0, 2.0], 2.7);
        space("west stair".into(), SpaceUse::Stair, [-7.0, 0.0], [-2.5, 4.5], RISE_M);
        space("east stair".into(), SpaceUse::Stair, [40.0, 47.0], [-2.5, 4.5], RISE_M);
        for r in 0..17_u32 {
            let north = r < 9;
            let (wide, at) = if north { (40.0 / 9.0, f64::from(r)) } else { (5.0, f64::from(r - 9)) };
            let y = if north { [2.0, 7.0] } else { [-5.0, 0.0] };
            space(format!("R{r}"), SpaceUse::Office, [wide * at, wide * (at + 1.0)], y, 2.7);
        }
        let mut door = |name: &str, sides: [Option<u32>; 2], ends: [[f64; 2]; 2]| {
            plan.openings.push(PlanOpening {
                entity: None,
                name: name.into(),
                kind: OpeningKind::Door,
                sides: sides.map(|s| s.map(|s| SpaceIndex(first + s))),
                ends,
                clear_width_m: 1.0,
                sill_m: 0.0,
                head_m: 2.1,
            });
        };
        door("west stair", [Some(0), Some(1)], [[0.0, 0.4], [0.0, 1.4]]);
        door("east stair", [Some(0), Some(2)], [[40.0, 0.4], [40.0, 1.4]]);
        if k == 0 {
            door("west exit", [Some(1), None], [[-1.6, -2.5], [-0.4, -2.5]]);
            door("east exit", [Some(2), None], [[40.4, -2.5], [41.6, -2.5]]);
        }
        for r in 0..17_u32 {
            let (x, y) =
                if r < 9 { (40.0 / 9.0 * (f64::from(r) + 0.5), 2.0) } else { (5.0 * (f64::from(r - 9) + 0.5), 0.0) };
            door("room", [Some(0), Some(3 + r)], [[x - 0.5, y], [x + 0.5, y]]);
        }
        if k + 1 < STOREYS {
            // Flights alternate, so that the head of one and the foot of the next lie beside each other.
            let x = if k % 2 == 0 { 6.2 } else { 3.3 };
            for (s, x) in [(1, -x), (2, 40.0 + x)] {
                let flight = PlanFlight {
                    foot: [x, -1.0, z],
                    head: [x, 3.0, z + RISE_M],
                    width_m: 1.2,
                    riser_m: 0.165,
                    tread_m: 0.2,
                };
                let (lower, upper) = (SpaceIndex(first + s), SpaceIndex(first + s + 20));
                plan.stairs.push(PlanStair {
                    entity: None,
                    name: format!("stair {s}"),
                    lower,
                    upper,
                    flights: vec![flight],
                });
            }
        }
    }
    plan
}

/// 2,000 people in the rooms of [`block_plan`], a fast fire of up to 1500 kW in a room of the third storey.
#[must_use]
pub fn block_scenario(members: u32, duration_s: f64) -> EvacScenario {
    let rooms = (0..STOREYS).flat_map(|k| (0..17).map(move |r| (k, r)));
    let count = |(n, (k, r)): (usize, (u32, u32))| SpaceCount {
        space: format!("{}F/R{r}", k + 1),
        count: if n < 130 { 12 } else { 11 },
    };
    let fire = FireSource {
        space: "3F/R4".into(),
        growth: FireGrowth::Fast,
        peak_kw: 1500.0,
        fuel: Default::default(),
        start_s: 0.0,
        growth_sigma: 0.3,
    };
    EvacScenario {
        name: "forecast".into(),
        members,
        fire: Some(fire),
        people: People { spaces: rooms.enumerate().map(count).collect(), ..People::default() },
        ..corridor_scenario(duration_s, false)
    }
}
