//! RiMEA 8 to 12: rooms, exits, buildings.

use super::case::VerificationCase;
use super::scenes::{bound_for, clear, open_run, run_with, watch};
use crate::{
    CrowdError, CrowdForcing, CrowdParams, CrowdRun, CrowdWorld, Demand, DestinationClass, LayerId, LayerSpec, Person,
    PortalId, Spread, WorldBuilder,
};
use twin_model::{
    BuildingPlan, OpeningKind, PlanFlight, PlanOpening, PlanSpace, PlanStair, PlanStorey, SpaceIndex, SpaceUse,
    StoreyIndex,
};

/// A block of `storeys` floors: four rooms on a corridor, a stair of two flights at its end, a door to the open air below.
#[must_use]
pub fn block(storeys: usize) -> BuildingPlan {
    let mut plan = BuildingPlan { name: "block".into(), ..BuildingPlan::default() };
    let ring = |x0: f64, y0: f64, x1: f64, y1: f64| vec![[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
    let door = |name: String, sides: [Option<usize>; 2], ends: [[f64; 2]; 2], clear_width_m: f64| PlanOpening {
        entity: None,
        name,
        kind: OpeningKind::Door,
        sides: sides.map(|s| s.map(|s| SpaceIndex(s as u32))),
        ends,
        clear_width_m,
        sill_m: 0.0,
        head_m: 2.1,
    };
    for s in 0..storeys {
        let floor_m = 3.0 * s as f64;
        plan.storeys.push(PlanStorey {
            entity: None,
            name: format!("{}F", s + 1),
            elevation_m: floor_m,
            height_m: 3.0,
        });
        let base = plan.spaces.len();
        let mut space = |name: &str, use_: SpaceUse, outline: Vec<[f64; 2]>| {
            let (name, storey) = (format!("{}F {name}", s + 1), StoreyIndex(s as u32));
            plan.spaces.push(PlanSpace {
                entity: None,
                name,
                storey,
                use_,
                outline,
                holes: vec![],
                floor_m,
                height_m: 2.8,
            });
        };
        space("corridor", SpaceUse::Circulation, ring(0.0, 4.2, 16.0, 6.2));
        space("stairwell", SpaceUse::Stair, ring(16.2, 3.4, 22.0, 6.2));
        for r in 0..4 {
            let (x, below) = (8.0 * (r / 2) as f64, r % 2 == 0);
            let (y0, y1) = if below { (0.0, 4.0) } else { (6.4, 10.4) };
            space(&format!("room {}", r + 1), SpaceUse::Office, ring(x, y0, x + 7.8, y1));
        }
        let mut add = |o: PlanOpening| plan.openings.push(o);
        add(door(format!("{}F stair door", s + 1), [Some(base), Some(base + 1)], [[16.1, 4.6], [16.1, 5.6]], 1.0));
        for r in 0..4 {
            let (x, y) = (8.0 * (r / 2) as f64 + 4.0, if r % 2 == 0 { 4.1 } else { 6.3 });
            add(door(
                format!("{}F door {}", s + 1, r + 1),
                [Some(base), Some(base + 2 + r)],
                [[x, y], [x + 0.9, y]],
                0.9,
            ));
        }
        if s == 0 {
            add(door("exit".into(), [Some(0), None], [[0.0, 4.6], [0.0, 5.8]], 1.2));
        } else {
            let z = floor_m - 3.0;
            let flight =
                |foot: [f64; 3], head: [f64; 3]| PlanFlight { foot, head, width_m: 1.2, riser_m: 0.167, tread_m: 0.28 };
            let flights =
                vec![flight([17.8, 5.5, z], [20.6, 5.5, z + 1.5]), flight([20.6, 4.1, z + 1.5], [17.8, 4.1, floor_m])];
            let (lower, upper) = (SpaceIndex((base - 5) as u32), SpaceIndex((base + 1) as u32));
            plan.stairs.push(PlanStair { entity: None, name: format!("stair {s}"), lower, upper, flights });
        }
    }
    plan
}

/// People in every room of a block.
pub(super) fn populate(
    run: &mut CrowdRun,
    per_room: usize,
    pre_movement_s: Spread,
    seed: u64,
) -> Result<usize, CrowdError> {
    let rooms: Vec<LayerId> = (0..run.world().layers().len() as u32)
        .map(LayerId)
        .filter(|l| run.world().layers()[l.index()].name.contains("room"))
        .collect();
    for (k, room) in rooms.iter().enumerate() {
        run.place(&Demand { pre_movement_s, ..Demand::adults(*room, per_room, seed + 1000 * k as u64) })?;
    }
    Ok(rooms.len() * per_room)
}

pub(super) fn block_run(storeys: usize, params: CrowdParams) -> Result<CrowdRun, CrowdError> {
    let world = CrowdWorld::from_plan(&block(storeys), &[])?;
    CrowdRun::new(world, vec![DestinationClass::default()], params, CrowdForcing::default())
}

pub(super) fn rimea_8(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let mut times = Vec::new();
    for delay in [0.0, 60.0] {
        let mut run = block_run(3, CrowdParams::default())?;
        let people = populate(&mut run, 4, Spread::Uniform { low: delay, high: delay + 30.0 }, 8)?;
        times.push(clear(&mut run, 900.0)?);
        case.at_least(
            &format!("persons out, delay {delay} s"),
            run.balance().left as f64,
            people as f64,
            "RiMEA 8: three storeys, 4 per room",
        );
        case.close(&run);
    }
    case.at_most(
        "|shift of the evacuation time - 60 s|",
        (times[1] - times[0] - 60.0).abs(),
        6.0,
        "RiMEA 8: sensitivity to the delay",
    );
    Ok(())
}

/// Hall 30 × 20 m with four doors of 1 m; `open` of them are open.
fn hall(open: usize, people: usize, seed: u64) -> Result<f64, CrowdError> {
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let room = w.layer(&LayerSpec::rectangle("hall", [0.0, 0.0], [30.0, 20.0]))?;
    let doors = [
        [[5.0, 0.0], [6.0, 0.0]],
        [[24.0, 0.0], [25.0, 0.0]],
        [[5.0, 20.0], [6.0, 20.0]],
        [[24.0, 20.0], [25.0, 20.0]],
    ];
    for (k, ends) in doors.iter().enumerate().take(open) {
        w.door(&format!("door {k}"), (room, *ends), None)?;
    }
    let mut run = open_run(w, seed)?;
    run.place(&Demand::adults(room, people, seed))?;
    clear(&mut run, 2000.0)
}

pub(super) fn rimea_9(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let ratio = hall(2, 1000, 9)? / hall(4, 1000, 9)?;
    case.at_most("time with 2 doors over time with 4, less 2", (ratio - 2.0).abs(), 0.4, "RiMEA 9, IMO 9: 1.6 to 2.4");
    Ok(())
}

pub(super) fn rimea_10(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let corridor = w.layer(&LayerSpec::rectangle("corridor", [0.0, 0.0], [24.0, 2.0]))?;
    let exits = [
        w.door("main exit", (corridor, [[0.0, 0.5], [0.0, 1.5]]), None)?,
        w.door("second exit", (corridor, [[24.0, 0.5], [24.0, 1.5]]), None)?,
    ];
    let mut cabins = Vec::new();
    for k in 0..12 {
        let (x, low) = (4.0 * (k / 2) as f64, k % 2 == 0);
        let (y0, y1, wall) = if low { (-3.0, -0.1, -0.05) } else { (2.1, 5.0, 2.05) };
        let cabin = w.layer(&LayerSpec::rectangle(format!("cabin {k}"), [x, y0], [x + 3.9, y1]))?;
        let ends = [[x + 1.5, wall], [x + 2.4, wall]];
        w.door(&format!("door {k}"), (cabin, ends), Some((corridor, ends)))?;
        cabins.push(cabin);
    }
    let mut run = run_with(w, exits.map(bound_for).to_vec(), 10)?;
    let mut wanted = std::collections::BTreeMap::new();
    for k in 0..23 {
        // Cabins 1 to 8 go to the main exit, the others to the second, 23 persons in all.
        let cabin = k % 12;
        let class = u32::from(cabin >= 8);
        let demand = Demand { class, ..Demand::adults(cabins[cabin], 1, 100 + k as u64) };
        for id in run.place(&demand)? {
            wanted.insert(id, exits[class as usize]);
        }
    }
    clear(&mut run, 200.0)?;
    let right = run.departures().iter().filter(|d| wanted.get(&d.id) == Some(&d.exit)).count();
    case.at_least("persons who left by their own exit", right as f64, 23.0, "RiMEA 10, IMO 10, TN 1822 3.1");
    case.close(&run);
    Ok(())
}

pub(super) fn rimea_11(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let room = w.layer(&LayerSpec::rectangle("hall", [0.0, 0.0], [30.0, 20.0]))?;
    let near = w.door("near", (room, [[0.0, 9.5], [0.0, 10.5]]), None)?;
    let far = w.door("far", (room, [[30.0, 9.5], [30.0, 10.5]]), None)?;
    let mut run = open_run(w, 11)?;
    run.place(&Demand { within: Some([[0.3, 0.3], [20.0, 19.7]]), ..Demand::adults(room, 1000, 11) })?;
    let crossed = |run: &CrowdRun, p: PortalId| run.crossed(p)[0] as f64;
    clear(&mut run, 2000.0)?;
    case.at_least("share by the nearer exit", crossed(&run, near) / 1000.0, 0.5, "RiMEA 11: most take the nearest");
    case.at_least("share by the farther exit", crossed(&run, far) / 1000.0, 0.2, "RiMEA 11: some switch");
    case.close(&run);
    Ok(())
}

pub(super) fn rimea_12(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let first = w.layer(&LayerSpec::rectangle("room 1", [-10.0, -5.0], [0.0, 5.0]))?;
    let neck = w.layer(&LayerSpec::rectangle("neck", [0.0, -0.5], [5.0, 0.5]))?;
    let second = w.layer(&LayerSpec::rectangle("room 2", [5.0, -5.0], [15.0, 5.0]))?;
    let (a, b) = ([[0.0, -0.5], [0.0, 0.5]], [[5.0, -0.5], [5.0, 0.5]]);
    let mouth = w.door("mouth", (first, a), Some((neck, a)))?;
    w.door("end of neck", (neck, b), Some((second, b)))?;
    let exit = w.door("exit", (second, [[15.0, -0.5], [15.0, 0.5]]), None)?;
    let mut run = open_run(w, 12)?;
    run.place(&Demand::adults(first, 150, 12))?;
    let (mut times, mut most) = ([Vec::new(), Vec::new()], 0);
    watch(&mut run, 600.0, |r| {
        for (list, portal) in times.iter_mut().zip([mouth, exit]) {
            list.resize(r.crossed(portal)[0] as usize, r.t_s());
        }
        most = most.max(r.occupancy()[second.index()]);
    });
    let flow = |t: &[f64]| if t.len() > 129 { 100.0 / (t[129] - t[29]) } else { f64::NAN };
    case.at_least(
        "flow through the neck less flow through the exit, 1/s",
        flow(&times[0]) - flow(&times[1]),
        -0.05,
        "RiMEA 12",
    );
    case.at_most("most people in room 2", f64::from(most), 40.0, "RiMEA 12: no jam behind the bottleneck");
    case.close(&run);
    Ok(())
}

/// A person by herself, for cases that need one.
pub(super) fn one(layer: LayerId, at: [f32; 2]) -> Person {
    Person::new(layer, at, 1.3)
}
