//! Buildings given as plans.

use sim_core::CancelToken;
use sim_fire::{
    BuildingNetwork, DetectorKind, Fire, FireParams, FireRun, Fuel, Growth, Member, PlanOptions, VentKind, Zones,
};
use twin_model::{
    BuildingPlan, OpeningKind, PlanFlight, PlanLift, PlanOpening, PlanSpace, PlanStair, PlanStorey, SpaceIndex,
    SpaceUse, StoreyIndex,
};

fn rectangle(x: f64, y: f64, w: f64, d: f64) -> Vec<[f64; 2]> {
    vec![[x, y], [x + w, y], [x + w, y + d], [x, y + d]]
}

/// Two storeys: a corridor of 30 × 2 m, a room of 5 × 4 m at each end of it, a stair of 5 × 2.5 m at its west end, a lift.
fn house() -> BuildingPlan {
    let mut plan = BuildingPlan { name: "house".into(), ..BuildingPlan::default() };
    for k in 0..2_u32 {
        let z = 3.0 * f64::from(k);
        plan.storeys.push(PlanStorey { entity: None, name: format!("{}F", k + 1), elevation_m: z, height_m: 3.0 });
        let mut space = |name: &str, use_, outline| {
            let name = format!("{name} {k}");
            plan.spaces.push(PlanSpace {
                entity: None,
                name,
                storey: StoreyIndex(k),
                use_,
                outline,
                holes: Vec::new(),
                floor_m: z,
                height_m: 2.7,
            });
        };
        space("corridor", SpaceUse::Circulation, rectangle(0.0, 0.0, 30.0, 2.0));
        space("west", SpaceUse::Dwelling, rectangle(0.0, 2.0, 5.0, 4.0));
        space("east", SpaceUse::Dwelling, rectangle(25.0, 2.0, 5.0, 4.0));
        space("stair", SpaceUse::Stair, rectangle(-5.0, 0.0, 5.0, 2.5));
        let first = 4 * k;
        let mut opening = |name: &str, kind, sides: [Option<u32>; 2], ends| {
            plan.openings.push(PlanOpening {
                entity: None,
                name: format!("{name} {k}"),
                kind,
                sides: sides.map(|s| s.map(|n| SpaceIndex(first + n))),
                ends,
                clear_width_m: 0.9,
                sill_m: if kind == OpeningKind::Window { 0.9 } else { 0.0 },
                head_m: 2.1,
            });
        };
        opening("west door", OpeningKind::Opening, [Some(0), Some(1)], [[2.0, 2.0], [2.9, 2.0]]);
        opening("east door", OpeningKind::Door, [Some(0), Some(2)], [[27.0, 2.0], [27.9, 2.0]]);
        opening("stair door", OpeningKind::Opening, [Some(0), Some(3)], [[0.0, 0.5], [0.0, 1.4]]);
        opening("window", OpeningKind::Window, [Some(1), None], [[2.0, 6.0], [3.0, 6.0]]);
        if k == 0 {
            opening("exit", OpeningKind::Opening, [Some(3), None], [[-5.0, 0.5], [-5.0, 1.5]]);
        }
    }
    let flight = |foot, head| PlanFlight { foot, head, width_m: 1.2, riser_m: 0.15, tread_m: 0.3 };
    plan.stairs.push(PlanStair {
        entity: None,
        name: "stair up".into(),
        lower: SpaceIndex(3),
        upper: SpaceIndex(7),
        flights: vec![flight([-1.0, 0.6, 0.0], [-4.0, 0.6, 1.5]), flight([-4.0, 1.9, 1.5], [-1.0, 1.9, 3.0])],
    });
    plan.lifts.push(PlanLift {
        entity: None,
        name: "lift".into(),
        stops: vec![SpaceIndex(0), SpaceIndex(4)],
        capacity: 8,
        speed_mps: 1.0,
        door_width_m: 0.8,
    });
    plan
}

#[test]
fn a_plan_becomes_zones_and_vents() {
    let plan = house();
    let made = BuildingNetwork::new(&plan, &PlanOptions::default()).unwrap();
    let n = &made.network;
    assert_eq!(made.zones[0].len(), 5, "30 m in pieces of at most 7 m");
    let area: f64 = made.zones[0].iter().map(|z| n.spaces()[z.0 as usize].area_m2).sum();
    assert!((area - 60.0).abs() < 1e-9);
    assert_eq!(n.spaces()[made.zones[3][0].0 as usize].zones, Zones::One);
    assert_eq!(made.zone_at(SpaceIndex(0), [27.4, 1.0]), made.zones[0].last().copied());
    let east = &n.vents()[made.openings[1].0 as usize];
    assert_eq!(east.from, sim_fire::Side::Space(made.zones[0][4]));
    assert!(east.opening[0].1 < 0.02, "a shut door leaks");
    let VentKind::Slab { area_m2, level_m, .. } = n.vents()[made.stairs[0].0 as usize].kind else { panic!("a slab") };
    assert!((level_m - 3.0).abs() < 1e-9 && area_m2 > 3.0 && area_m2 <= 6.25, "{area_m2}");
    assert_eq!(made.shafts[0].len(), 2);
}

/// A fire in the west room below: smoke in its corridor first, in the stair, then upstairs; the shut east room stays clear.
#[test]
fn smoke_finds_its_way_upstairs() {
    let made = BuildingNetwork::new(&house(), &PlanOptions::default()).unwrap();
    let room = made.zones[1][0];
    let fire = Fire::growing("bed", room, Growth::Fast, 1000.0, Fuel::POLYURETHANE);
    let mut run =
        FireRun::new(made.network.clone(), vec![Member::with_fire(fire)], Vec::new(), FireParams::default()).unwrap();
    let watch = [made.zones[0][0], made.zones[3][0], made.zones[4][0], made.zones[2][0]];
    let mut seen = [f64::INFINITY; 4];
    for k in 1..=300 {
        run.advance_to(f64::from(k), &CancelToken::new()).unwrap();
        for (t, zone) in seen.iter_mut().zip(watch) {
            if run.air(0, zone, 1.6).unwrap().extinction_per_m > 0.2 {
                *t = t.min(f64::from(k));
            }
        }
    }
    println!("corridor, stair, upper corridor, shut room: {seen:?} s");
    assert!(seen[0] < seen[2] && seen[1] < seen[2] && seen[2] < 300.0, "{seen:?}");
    assert!(seen[3] > seen[0] + 60.0, "{seen:?}");
}

/// Swami & Chandra's curve by hand: 0.6 ln 2.734 to windward, 0.6 ln 0.545 in the lee.
#[test]
fn wind_presses_on_one_face_and_draws_on_the_other() {
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-3, "{a} {b}");
    near(sim_fire::facade_cp(0.0), 0.6035);
    near(sim_fire::facade_cp(std::f64::consts::PI), -0.3642);
    let cp = |wind: [f64; 2]| {
        let options = PlanOptions { wind_towards: Some(wind), ..PlanOptions::default() };
        let made = BuildingNetwork::new(&house(), &options).unwrap();
        // Window in the north wall of the west room, exit in the west wall of the stair, a door inside.
        [3, 4, 0].map(|k| made.network.vents()[made.openings[k].0 as usize].wind_cp)
    };
    let [window, exit, inner] = cp([0.0, -3.0]);
    near(window, 0.6035);
    near(exit, -0.4427);
    assert_eq!(inner, 0.0);
    near(cp([0.0, 1.0])[0], -0.3642);
    near(cp([-1.0, 0.0])[1], -0.3642);
    let calm = PlanOptions { wind_towards: Some([0.0, 0.0]), ..PlanOptions::default() };
    let text = BuildingNetwork::new(&house(), &calm).unwrap_err().to_string();
    assert!(text.contains("wind_towards (its length) = 0"), "{text}");
}

/// A sprinkler asked for in the plan's options opens over the fire and damps it.
#[test]
fn sprinklers_of_a_plan_damp_its_fire() {
    let kind = DetectorKind::Sprinkler { set_c: 68.0, rti: 50.0, spray_mps: 1e-4 };
    let made = BuildingNetwork::new(&house(), &PlanOptions { heads: vec![kind], ..PlanOptions::default() }).unwrap();
    let zones: usize = made.zones.iter().map(Vec::len).sum();
    assert_eq!(made.heads.len(), zones);
    let heat = |heads: Vec<sim_fire::Detector>| {
        let fire = Fire::growing("bed", made.zones[1][0], Growth::Fast, 1000.0, Fuel::POLYURETHANE);
        let members = vec![Member::with_fire(fire)];
        let mut run = FireRun::new(made.network.clone(), members, heads, FireParams::default()).unwrap();
        run.advance_to(600.0, &CancelToken::new()).unwrap();
        (run.heat_kw(0).unwrap()[0], run.alarms_s(0).unwrap().into_iter().flatten().next())
    };
    let ((with, opened), (without, _)) = (heat(made.heads.clone()), heat(Vec::new()));
    println!("opens at {opened:?} s; {with:.0} kW against {without:.0} kW after 600 s");
    assert!(opened.is_some_and(|t| t < 200.0) && with < 0.5 * without, "{opened:?} {with} {without}");
}

#[test]
fn faults_of_a_plan_name_the_element() {
    let fault = |change: fn(&mut BuildingPlan)| {
        let mut plan = house();
        change(&mut plan);
        BuildingNetwork::new(&plan, &PlanOptions::default()).unwrap_err().to_string()
    };
    let text = fault(|p| p.spaces[1].height_m = 0.0);
    assert_eq!(text, "space `west 0`: height_m (a space needs a volume) = 0; allowed: 0.2 to 200");
    let text = fault(|p| p.spaces[2].outline = vec![[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]);
    assert!(text.starts_with("space `east 0`: area_m2 (a space needs a volume) = 0"), "{text}");
    let text = fault(|p| p.openings[0].clear_width_m = 0.0);
    assert_eq!(text, "door `west door 0`: clear_width_m = 0; allowed: 0.01 to 1000");
    let text = fault(|p| p.openings[3].sides = [Some(SpaceIndex(99)), None]);
    assert!(text.starts_with("window `window 0`: space = 99; allowed: a space of the plan"), "{text}");
    let text = fault(|p| p.stairs[0].upper = SpaceIndex(50));
    assert!(text.starts_with("stair `stair up`: space = 50"), "{text}");
    let text = fault(|p| p.spaces[0].outline[0][0] = f64::NAN);
    assert!(text.starts_with("space `corridor 0`: corner x = NaN"), "{text}");
}
