//! The same 2,000 people in the same building, by the micro crowd and by both laws of the queue network: last out, half out and
//! counts per exit. `levels [SEEDS]`.

use sim_core::CancelToken;
use sim_crowd::{
    CrowdError, CrowdForcing, CrowdParams, CrowdRun, CrowdWorld, Demand, DestinationClass, LayerId, MesoWalk, QueueLaw,
    Spread,
};
use twin_model::{
    BuildingPlan, OpeningKind, PlanFlight, PlanOpening, PlanSpace, PlanStair, PlanStorey, SpaceIndex, SpaceUse,
    StoreyIndex,
};

const STOREYS: u32 = 10;
const RISE_M: f64 = 3.3;
/// Rooms of 8 x 5 m on either side of a corridor.
const ROOMS: u32 = 10;
const PER_ROOM: usize = 20;

fn rectangle(x: [f64; 2], y: [f64; 2]) -> Vec<[f64; 2]> {
    vec![[x[0], y[0]], [x[1], y[0]], [x[1], y[1]], [x[0], y[1]]]
}

/// Per storey a corridor of 40 x 2 m, ten rooms, a stair at each end; two exits below.
fn building() -> BuildingPlan {
    let mut plan = BuildingPlan { name: "levels".into(), ..BuildingPlan::default() };
    for k in 0..STOREYS {
        let z = RISE_M * f64::from(k);
        let name = format!("{}F", k + 1);
        plan.storeys.push(PlanStorey { entity: None, name, elevation_m: z, height_m: RISE_M });
        let first = plan.spaces.len() as u32;
        let mut space = |name: String, use_, outline| {
            let storey = StoreyIndex(k);
            let name = format!("{}F {name}", k + 1);
            let (holes, height_m) = (vec![], 2.7);
            plan.spaces.push(PlanSpace { entity: None, name, storey, use_, outline, holes, floor_m: z, height_m });
        };
        space("corridor".into(), SpaceUse::Circulation, rectangle([0.0, 40.0], [0.0, 2.0]));
        space("west stair".into(), SpaceUse::Stair, rectangle([-7.0, 0.0], [-2.5, 4.5]));
        space("east stair".into(), SpaceUse::Stair, rectangle([40.0, 47.0], [-2.5, 4.5]));
        for r in 0..ROOMS {
            let (x, y) = (8.0 * f64::from(r / 2), if r % 2 == 0 { [2.0, 7.0] } else { [-5.0, 0.0] });
            space(format!("room {r}"), SpaceUse::Office, rectangle([x, x + 8.0], y));
        }
        let mut door = |name: &str, sides: [Option<u32>; 2], ends: [[f64; 2]; 2]| {
            let sides = sides.map(|s| s.map(|s| SpaceIndex(first + s)));
            let (name, clear_width_m) = (name.to_owned(), (ends[1][0] - ends[0][0]).max(ends[1][1] - ends[0][1]));
            let kind = OpeningKind::Door;
            plan.openings.push(PlanOpening {
                entity: None,
                name,
                kind,
                sides,
                ends,
                clear_width_m,
                sill_m: 0.0,
                head_m: 2.1,
            });
        };
        door("to the west stair", [Some(0), Some(1)], [[0.0, 0.4], [0.0, 1.4]]);
        door("to the east stair", [Some(0), Some(2)], [[40.0, 0.4], [40.0, 1.4]]);
        for r in 0..ROOMS {
            let (x, y) = (8.0 * f64::from(r / 2) + 3.5, if r % 2 == 0 { 2.0 } else { 0.0 });
            door("room", [Some(0), Some(3 + r)], [[x, y], [x + 1.0, y]]);
        }
        if k == 0 {
            door("west exit", [Some(1), None], [[-1.6, -2.5], [-0.4, -2.5]]);
            door("east exit", [Some(2), None], [[40.4, -2.5], [41.6, -2.5]]);
        }
        if k + 1 < STOREYS {
            // Flights alternate, so that the head of one and the foot of the next lie beside each other.
            let x = if k % 2 == 0 { 6.2 } else { 3.3 };
            for (s, x) in [(1, -x), (2, 40.0 + x)] {
                let (foot, head) = ([x, -1.0, z], [x, 3.0, z + RISE_M]);
                let (lower, upper) = (SpaceIndex(first + s), SpaceIndex(first + s + 3 + ROOMS));
                let flights = vec![PlanFlight { foot, head, width_m: 1.2, riser_m: 0.165, tread_m: 0.2 }];
                plan.stairs.push(PlanStair { entity: None, name: format!("stair {s}"), lower, upper, flights });
            }
        }
    }
    plan
}

/// Everybody in the rooms, setting off within a minute.
fn people(seed: u64) -> Result<CrowdRun, CrowdError> {
    let world = CrowdWorld::from_plan(&building(), &[])?;
    let params = CrowdParams { seed, ..CrowdParams::default() };
    let mut run = CrowdRun::new(world, vec![DestinationClass::default()], params, CrowdForcing::default())?;
    let rooms: Vec<LayerId> = (0..run.world().layers().len() as u32)
        .map(LayerId)
        .filter(|l| run.world().layers()[l.index()].name.contains("room"))
        .collect();
    for (k, room) in rooms.into_iter().enumerate() {
        let pre_movement_s = Spread::Uniform { low: 0.0, high: 60.0 };
        run.place(&Demand { pre_movement_s, ..Demand::adults(room, PER_ROOM, seed + 1000 * k as u64) })?;
    }
    Ok(run)
}

/// Half out and last out, s, departures by the west exit, and the last by either exit, s.
fn outcome(run: &CrowdRun) -> [f64; 5] {
    let d = run.departures();
    let at = |k: usize| d.get(k).map_or(f64::NAN, |d| d.t_s);
    let west = run.world().portal_named("west exit");
    let by_west = d.iter().filter(|d| Some(d.exit) == west).count() as f64;
    let last = |of: bool| d.iter().rev().find(|d| (Some(d.exit) == west) == of).map_or(f64::NAN, |d| d.t_s);
    let everybody = (run.balance().entered as usize).max(1);
    [at(everybody / 2 - 1), at(everybody - 1), by_west, last(true), last(false)]
}

fn main() -> Result<(), CrowdError> {
    let seeds: u64 = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(3);
    let names = ["micro", "network, files", "network, SFPE"];
    let mut sums = [[0.0; 5]; 3];
    for seed in 0..seeds {
        let start = people(seed)?;
        let mut runs = [start.clone(), start.clone(), start];
        runs[0].advance_to(4000.0, &CancelToken::new())?;
        for (run, law) in runs[1..].iter_mut().zip([QueueLaw::Files, QueueLaw::Sfpe]) {
            MesoWalk::new(run, law).advance(run, 4000.0);
        }
        for ((name, run), sum) in names.iter().zip(&runs).zip(&mut sums) {
            let of = outcome(run);
            println!(
                "seed {seed}, {name}: half out {:.0} s, last out {:.0} s, west exit {:.0}; last by west {:.0} s, by east {:.0} s",
                of[0], of[1], of[2], of[3], of[4]
            );
            sum.iter_mut().zip(of).for_each(|(s, v)| *s += v / seeds as f64);
        }
    }
    let micro = sums[0];
    for (name, of) in names.iter().zip(sums) {
        let off = |k: usize| 100.0 * (of[k] / micro[k] - 1.0);
        println!(
            "{name}, mean of {seeds}: half out {:.0} s ({:+.1} %), last out {:.0} s ({:+.1} %), west exit {:.0} of 2000; last by west {:.0} s, by east {:.0} s",
            of[0],
            off(0),
            of[1],
            off(1),
            of[2],
            of[3],
            of[4]
        );
    }
    Ok(())
}
