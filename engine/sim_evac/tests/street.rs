//! Out of the door and on to safety: the ground round a building, people on it, and what is wrong with it.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use sim_core::CancelToken;
use sim_evac::verification::{corridor_plan, corridor_scenario};
use sim_evac::{EvacEnsemble, EvacModel, EvacRun, Surroundings, ground_around};
use std::sync::Arc;
use twin_model::{
    AssemblySource, BuildingPlan, EvacIntervention, EvacScenario, GivenAssembly, GivenBarrier, MembersWalk,
    OpeningKind, Outdoor, OutdoorGround, People, PeopleSpread, PlanOpening, PlanSpace, PlanStorey, SpaceCount,
    SpaceUse, StoreyIndex, WaterOnTile,
};

/// A hall with a door of 1.2 m in its west wall at y = 5 and, if `both`, one in the east wall.
fn hall([w, h]: [f64; 2], both: bool) -> BuildingPlan {
    let outline = vec![[0.0, 0.0], [w, 0.0], [w, h], [0.0, h]];
    let (name, use_) = ("hall".to_owned(), SpaceUse::Assembly);
    let storey = StoreyIndex(0);
    let space = PlanSpace { entity: None, name, storey, use_, outline, holes: vec![], floor_m: 0.0, height_m: 4.0 };
    let door = |name: &str, x: f64| PlanOpening {
        entity: None,
        name: name.into(),
        kind: OpeningKind::Door,
        sides: [Some(twin_model::SpaceIndex(0)), None],
        ends: [[x, 4.4], [x, 5.6]],
        clear_width_m: 1.2,
        sill_m: 0.0,
        head_m: 2.1,
    };
    BuildingPlan {
        name: "hall".into(),
        storeys: vec![PlanStorey { entity: None, name: "1F".into(), elevation_m: 0.0, height_m: 4.0 }],
        spaces: vec![space],
        openings: [("west", 0.0), ("east", w)]
            .into_iter()
            .take(1 + usize::from(both))
            .map(|(n, x)| door(n, x))
            .collect(),
        ..BuildingPlan::default()
    }
}

/// `count` people at 1.25 m/s who set off at once.
fn scenario(count: u32, duration_s: f64, assembly: &[(&str, [f64; 2])]) -> EvacScenario {
    let area = |(name, at): &(&str, [f64; 2])| GivenAssembly { name: (*name).into(), at: *at, radius_m: 5.0 };
    EvacScenario {
        seed: 3,
        people: People {
            spaces: vec![SpaceCount { space: "hall".into(), count }],
            slow_share: 0.0,
            pre_movement_s: PeopleSpread::Constant { value: 0.0 },
            speed_mps: PeopleSpread::Constant { value: 1.25 },
            ..People::default()
        },
        outdoor: Some(Outdoor { assembly: assembly.iter().map(area).collect(), ..Outdoor::default() }),
        ..EvacScenario::new("street".into(), duration_s)
    }
}

fn run_on(plan: &BuildingPlan, s: &EvacScenario, ground: &OutdoorGround) -> EvacRun {
    let model = Arc::new(EvacModel::on_ground(plan, s, ground).unwrap());
    let members = model.members().unwrap();
    let mut run = EvacRun::new(model, &members).unwrap();
    while run.t_s() < s.duration_s && !run.is_empty() {
        run.advance_to(run.t_s() + 1.0, &CancelToken::new()).unwrap();
        assert!(run.ledger().unwrap().people_close, "people lost at {} s", run.t_s());
    }
    run
}

fn run(plan: &BuildingPlan, s: &EvacScenario) -> EvacRun {
    run_on(plan, s, &ground_around(plan, s, &Surroundings::nothing()).unwrap())
}

fn said(plan: &BuildingPlan, s: &EvacScenario) -> String {
    let text = ground_around(plan, s, &Surroundings::nothing()).unwrap_err().to_string();
    assert!(!text.contains('\n'), "{text}");
    text
}

#[test]
fn a_person_walks_from_the_door_to_safety_in_the_right_time() {
    // The area's rim lies 50 m straight before the door.
    let s = run(&hall([10.0, 10.0], false), &scenario(1, 120.0, &[("square", [-55.0, 5.0])])).summary().unwrap();
    let o = s.outdoor.unwrap();
    let (out, safe) = (s.rset_s.p50.unwrap(), o.safe_s.p50.unwrap());
    println!("out {out:.2} s, safe {safe:.2} s, walk {:?}", o.exits);
    assert!((safe - out - 50.0 / 1.25).abs() < 0.4, "{out} {safe}");
    assert!((o.exits[0].walk_m.unwrap() - 50.0).abs() < 0.8, "{:?}", o.exits);
    assert_eq!((o.safe, o.on_the_way, o.assembly[0].people, s.balance.left), (1, 0, 1, 1));
    assert_eq!((s.exits[0].exit.as_str(), s.exits[0].people), ("west", 1));
    assert_eq!(o.assembly[0].source, AssemblySource::Scenario);
}

#[test]
fn whoever_leaves_on_the_far_side_goes_round_the_building() {
    let plan = hall([20.0, 10.0], true);
    let s = run(&plan, &scenario(40, 200.0, &[("square", [-40.0, 5.0])])).summary().unwrap();
    let used: Vec<u64> = s.exits.iter().map(|e| e.people).collect();
    assert!(used.iter().all(|n| *n > 5), "a door is chosen by the way to it: {used:?}");
    let o = s.outdoor.unwrap();
    let walk = |k: usize| o.exits[k].walk_m.unwrap();
    // Round a corner of the outer wall, 0.2 m out, and back along it.
    let corner = [20.2_f64, -0.2];
    let west = [-0.2_f64, -0.2];
    let far =
        (corner[0] - 20.0).hypot(corner[1] - 5.0) + (corner[0] - west[0]) + (west[0] + 40.0).hypot(west[1] - 5.0) - 5.0;
    println!(
        "walks {:.1} and {:.1} m, straight round {far:.1} m; out {:?}, safe {:?}",
        walk(0),
        walk(1),
        s.rset_s.p50,
        o.safe_s.p50
    );
    assert!((walk(0) - 35.0).abs() < 0.8 && (walk(1) / far - 1.0).abs() < 0.04, "{} {far}", walk(1));
    assert_eq!((o.safe, s.balance.left), (40, 40));
    assert!(o.safe_s.p50.unwrap() - s.rset_s.p50.unwrap() > 0.9 * far / 1.25 - 15.0);
}

#[test]
fn a_fence_makes_a_detour() {
    let plan = hall([10.0, 10.0], false);
    let mut s = scenario(1, 200.0, &[("square", [-45.0, 5.0])]);
    let free = run(&plan, &s).summary().unwrap().outdoor.unwrap();
    // A fence of 40 m across the way, 20 m before the door, its middle on the way.
    let line = vec![[-20.0, -15.0], [-20.0, 25.0]];
    s.outdoor.as_mut().unwrap().barriers = vec![GivenBarrier { line }];
    let round = run(&plan, &s).summary().unwrap().outdoor.unwrap();
    let exact = 20.0_f64.hypot(20.3) + 25.0_f64.hypot(20.3) - 45.0;
    let (walk, time) = (
        round.exits[0].walk_m.unwrap() - free.exits[0].walk_m.unwrap(),
        round.safe_s.p50.unwrap() - free.safe_s.p50.unwrap(),
    );
    println!("detour exact {exact:.2} m, by the field {walk:.2} m, walked {:.2} m", time * 1.25);
    // Of 60 m in all: the field counts double beside walls.
    assert!((walk - exact).abs() < 0.03 * 60.0 && (time * 1.25 - exact).abs() < 0.02 * 60.0, "{exact} {walk} {time}");
}

#[test]
fn nothing_changes_inside_without_ground_and_little_with_it() {
    let plan = corridor_plan();
    let mut s = corridor_scenario(200.0, true);
    // Held open, so that doors do not hang on when people pass them.
    s.doors.others = twin_model::DoorState::Open;
    let bare = |s: &EvacScenario| {
        let model = Arc::new(EvacModel::new(&plan, s, &[]).unwrap());
        let members = model.members().unwrap();
        let mut run = EvacRun::new(model, &members).unwrap();
        run.advance_to(200.0, &CancelToken::new()).unwrap();
        run.summary().unwrap()
    };
    let before = bare(&s);
    s.outdoor = Some(Outdoor::default());
    assert_eq!(bare(&s).checksum, before.checksum, "the block alone changes nothing: the ground does");
    let ground = ground_around(&plan, &s, &Surroundings::nothing()).unwrap();
    let mut outside = run_on(&plan, &s, &ground);
    outside.advance_to(200.0, &CancelToken::new()).unwrap();
    let after = outside.summary().unwrap();
    let (a, b) = (before.rset_s.p50.unwrap(), after.rset_s.p50.unwrap());
    println!("RSET {a:.1} s without ground, {b:.1} s with it; half out {:?} {:?}", before.left_s.p50, after.left_s.p50);
    assert!((a - b).abs() < 0.1 * a + 2.0, "{a} {b}");
    assert_eq!(before.balance, after.balance);
    let aset = |s: &twin_model::EvacSummary| s.spaces.iter().map(|x| x.aset_s).collect::<Vec<_>>();
    assert_eq!(aset(&before), aset(&after), "smoke sees the same doors");
    let o = after.outdoor.unwrap();
    assert!(o.assembly.iter().all(|a| a.from_building_m >= 20.0), "{:?}", o.assembly);
    assert_eq!(o.safe, after.balance.left);
    assert!(o.curve.last().unwrap().1 == o.safe && after.curve.last().unwrap().1 == after.balance.left);
}

#[test]
fn two_thousand_people_are_all_there_at_every_second() {
    let plan = hall([60.0, 30.0], true);
    let s = run(&plan, &scenario(2000, 1500.0, &[("a", [-60.0, 5.0]), ("b", [110.0, 40.0])])).summary().unwrap();
    let o = s.outdoor.unwrap();
    println!(
        "out {:?}, safe {:?}, {:?}",
        s.rset_s.p50,
        o.safe_s.p50,
        o.assembly.iter().map(|a| a.people).collect::<Vec<_>>()
    );
    assert_eq!((s.balance.entered, s.balance.left, o.safe, o.on_the_way), (2000, 2000, 2000, 0));
    assert_eq!(o.assembly.iter().map(|a| a.people).sum::<u64>(), 2000);
    assert!(o.safe_s.p50.unwrap() > s.rset_s.p50.unwrap());
}

#[test]
fn a_forecourt_that_is_full_holds_the_door_up() {
    let plan = hall([20.0, 20.0], false);
    let mut s = scenario(300, 900.0, &[("square", [-60.0, 5.0])]);
    let open = run(&plan, &s).summary().unwrap();
    // A yard of 5 × 6 m before the door with a gate of 0.8 m.
    let yard = vec![[-0.3, 2.0], [-5.0, 2.0], [-5.0, 4.6], [-5.0, 4.5]];
    let rest = vec![[-5.0, 5.5], [-5.0, 8.0], [-0.3, 8.0]];
    s.outdoor.as_mut().unwrap().barriers = vec![GivenBarrier { line: yard }, GivenBarrier { line: rest }];
    let pent = run(&plan, &s).summary().unwrap();
    let (a, b) = (open.rset_s.p50.unwrap(), pent.rset_s.p50.unwrap());
    println!("out of the door after {a:.0} s, with a narrow yard before it {b:.0} s");
    assert!(b > 1.1 * a, "{a} {b}");
    assert_eq!(pent.outdoor.unwrap().safe, 300);
}

#[test]
fn an_exit_into_a_closed_court_is_named_and_not_used() {
    let plan = hall([20.0, 10.0], true);
    let mut s = scenario(30, 200.0, &[]);
    let fence = vec![[20.1, 12.0], [30.0, 12.0], [30.0, -2.0], [20.1, -2.0]];
    // The court's ends run along the wall of the hall.
    let close = vec![vec![[20.1, 12.0], [19.0, 12.0], [19.0, 10.1]], vec![[20.1, -2.0], [19.0, -2.0], [19.0, -0.1]]];
    let o = s.outdoor.as_mut().unwrap();
    o.barriers = std::iter::once(fence).chain(close).map(|line| GivenBarrier { line }).collect();
    let done = run(&plan, &s).summary().unwrap();
    let line = done.warnings.iter().find(|w| w.contains("closed pocket")).unwrap();
    assert!(line.starts_with("exit east: ends in a closed pocket of 1"), "{line}");
    assert_eq!(done.exits.iter().map(|e| e.people).collect::<Vec<_>>(), [30, 0]);
    // And where it is the only one, no run.
    let mut only = hall([20.0, 10.0], true);
    only.openings.remove(0);
    assert!(said(&only, &s).contains("no exit leads to a place of safety outside (exit east: ends in a closed pocket"));
}

#[test]
fn bad_grounds_are_one_line() {
    let plan = hall([20.0, 10.0], true);
    let at = |at: [f64; 2]| said(&plan, &scenario(1, 60.0, &[("a", at)]));
    assert_eq!(
        at([10.0, 5.0]),
        "scenario \"street\": outdoor.assembly[0].at = [10, 5]: must be on open ground: it lies in the building"
    );
    assert!(at([300.0, 5.0]).ends_with("= [300, 5]: must be within 80 m of the building"));
    let mut s = scenario(1, 60.0, &[("a", [-40.0, 5.0])]);
    let ring = vec![[-30.0, -5.0], [-50.0, -5.0], [-50.0, 15.0], [-30.0, 15.0], [-30.0, -5.0]];
    s.outdoor.as_mut().unwrap().barriers = vec![GivenBarrier { line: ring }];
    assert!(said(&plan, &s).ends_with("on ground that an exit leads to: there is no way to it"));
    s.outdoor.as_mut().unwrap().radius_m = f64::NAN;
    assert!(said(&plan, &s).contains("outdoor.radius_m = NaN m: must be 20..200 m"));
    let mut none = plan.clone();
    none.openings.clear();
    assert!(said(&none, &scenario(1, 60.0, &[])).contains("hall: no exit to the open air"));
    // Upstairs nobody steps out.
    let mut high = plan.clone();
    high.spaces.push(PlanSpace { name: "loft".into(), floor_m: 4.0, ..plan.spaces[0].clone() });
    let door = PlanOpening {
        name: "balcony".into(),
        sides: [Some(twin_model::SpaceIndex(1)), None],
        ..plan.openings[0].clone()
    };
    high.openings.push(door);
    let g = ground_around(&high, &scenario(1, 60.0, &[]), &Surroundings::nothing()).unwrap();
    assert!(
        g.defects
            .iter()
            .any(|d| d.to_string() == "exit balcony: leads out 4.0 m above the ground: nobody leaves by it")
    );
}

#[test]
fn other_buildings_roads_and_levels_count() {
    let plan = hall([20.0, 10.0], true);
    let square = |x: f64, y: f64, w: f64, h: f64| vec![vec![[x, y], [x + w, y], [x + w, y + h], [x, y + h]]];
    let level = |p: [f64; 2]| Some(0.01 * p[0]);
    let around = Surroundings {
        own: square(-0.3, -0.3, 20.6, 10.6).into_iter().map(|r| vec![r]).collect(),
        obstacles: vec![square(-40.0, -20.0, 15.0, 50.0)],
        roads: vec![vec![[-200.0, -40.0], [200.0, -40.0]]],
        level_m: &level,
    };
    let s = scenario(10, 200.0, &[]);
    let g = ground_around(&plan, &s, &around).unwrap();
    assert!(
        !g.assembly.is_empty() && g.assembly.iter().all(|a| a.source == AssemblySource::Road && a.at[1] == -40.0),
        "{:?}",
        g.assembly
    );
    assert!(g.assembly.iter().all(|a| a.from_building_m >= twin_model::SAFE_DISTANCE_M), "{:?}", g.assembly);
    let tile = g.tiles.iter().position(|t| t.square[0] > 5).unwrap();
    let x = g.origin[0] + g.tile_m * (f64::from(g.tiles[tile].square[0]) + 0.25);
    assert!((g.level_m(tile, [x, 0.0]) - 0.01 * x).abs() < 1e-9);
    let blocked = |p: [f64; 2]| {
        g.tiles.iter().all(|t| {
            let space = PlanSpace { outline: t.outline.clone(), holes: t.holes.clone(), ..plan.spaces[0].clone() };
            !space.contains(p)
        })
    };
    assert!(blocked([-30.0, 0.0]) && blocked([10.0, 5.0]) && !blocked([-20.0, 0.0]));
    let done = run_on(&plan, &s, &g).summary().unwrap();
    assert_eq!(done.outdoor.unwrap().safe, 10);
}

#[test]
fn members_through_the_network_walk_on_from_the_door() {
    let plan = hall([20.0, 10.0], true);
    let s = EvacScenario { members: 3, ..scenario(30, 200.0, &[("square", [-40.0, 5.0])]) };
    let g = ground_around(&plan, &s, &Surroundings::nothing()).unwrap();
    let finish = |s: &EvacScenario, g: Option<&OutdoorGround>| {
        let model = g.map_or_else(|| EvacModel::new(&plan, s, &[]), |g| EvacModel::on_ground(&plan, s, g));
        let model = Arc::new(model.unwrap());
        let members = model.members().unwrap();
        let mut run = EvacEnsemble::new(model, &members).unwrap();
        run.advance_to(200.0, &CancelToken::new()).unwrap();
        run.summary().unwrap()
    };
    let (with, without) = (finish(&s, Some(&g)), finish(&s, None));
    assert_eq!(with.rset_members_s[1..], without.rset_members_s[1..], "the network's people are as before");
    let o = with.outdoor.unwrap();
    println!("safe {:?}, out {:?}", o.safe_members_s, with.rset_members_s);
    let least = o.exits.iter().filter_map(|e| e.walk_m).fold(f64::INFINITY, f64::min) / 1.25;
    for (safe, out) in o.safe_members_s.iter().zip(&with.rset_members_s) {
        assert!(safe.unwrap() > out.unwrap() + 0.8 * least, "{safe:?} {out:?}");
    }
    let micro = finish(&EvacScenario { members_walk: MembersWalk::Micro, ..s.clone() }, Some(&g));
    let off = micro.outdoor.unwrap().safe_s.p50.unwrap() / o.safe_s.p50.unwrap();
    assert!((0.7..1.3).contains(&off), "{off}");
}

#[test]
fn water_and_smoke_outside_turn_people() {
    let plan = hall([10.0, 10.0], false);
    let s = scenario(5, 300.0, &[("west", [-60.0, 5.0]), ("north", [-10.0, 70.0])]);
    let mut g = ground_around(&plan, &s, &Surroundings::nothing()).unwrap();
    let people =
        |r: &EvacRun| r.summary().unwrap().outdoor.unwrap().assembly.iter().map(|a| a.people).collect::<Vec<_>>();
    let before = run_on(&plan, &s, &g);
    assert_eq!(people(&before), [5, 0]);
    let wet = |t: &twin_model::OutdoorTile| g.origin[0] + g.tile_m * f64::from(t.square[0]) < -30.0;
    let tiles: Vec<u32> = (0..g.tiles.len()).filter(|k| wet(&g.tiles[*k])).map(|k| k as u32).collect();
    g.water = tiles.iter().map(|t| WaterOnTile { tile: *t, at_s: 0.0, depth_m: 1.0, speed_mps: 0.0 }).collect();
    assert_eq!(people(&run_on(&plan, &s, &g)), [0, 5], "nobody walks into 1 m of water");
    // A fire whose smoke drifts west at the ground.
    let mut fire = corridor_scenario(200.0, true);
    fire.weather.wind_mps = 8.0;
    fire.weather.wind_from_deg = 90.0;
    fire.outdoor = Some(Outdoor::default());
    let plan = corridor_plan();
    let g = ground_around(&plan, &fire, &Surroundings::nothing()).unwrap();
    let thickest = |s: &EvacScenario| {
        let model = Arc::new(EvacModel::on_ground(&plan, s, &g).unwrap());
        let members = model.members().unwrap();
        let mut run = EvacRun::new(model, &members).unwrap();
        let mut most = [0.0_f32; 2];
        while run.t_s() < 180.0 {
            run.advance_to(run.t_s() + 10.0, &CancelToken::new()).unwrap();
            for (k, t) in g.tiles.iter().enumerate() {
                let thick = run.members()[0].smoke_on_tile(k);
                let side = usize::from(t.outline.iter().all(|p| p[0] > 10.0));
                most[side] = most[side].max(thick);
            }
        }
        most
    };
    let [down, up] = thickest(&fire);
    println!("extinction outside: {down} 1/m down the wind, {up} up the wind");
    assert!(down > 0.02 && up == 0.0, "{down} {up}");
    let calm = EvacScenario { outdoor: Some(Outdoor { smoke: false, ..Outdoor::default() }), ..fire.clone() };
    assert_eq!(thickest(&calm), [0.0; 2]);
}

#[test]
fn a_snapshot_goes_on_to_the_same_bits_outside_too() {
    let plan = hall([20.0, 10.0], true);
    let s = scenario(60, 120.0, &[("square", [-40.0, 5.0])]);
    let g = ground_around(&plan, &s, &Surroundings::nothing()).unwrap();
    let model = Arc::new(EvacModel::on_ground(&plan, &s, &g).unwrap());
    let members = model.members().unwrap();
    let mut run = EvacRun::new(Arc::clone(&model), &members).unwrap();
    run.advance_to(6.0, &CancelToken::new()).unwrap();
    let bytes = run.save();
    let branch = run.branch(&[]).unwrap();
    run.advance_to(120.0, &CancelToken::new()).unwrap();
    let mut again = EvacRun::new(model, &members).unwrap();
    again.restore(&bytes).unwrap();
    again.advance_to(120.0, &CancelToken::new()).unwrap();
    assert_eq!(again.save(), run.save());
    let mut branch = branch;
    branch.advance_to(120.0, &CancelToken::new()).unwrap();
    assert_eq!(branch.checksum(), run.checksum());
    assert_eq!(run.summary().unwrap().outdoor, again.summary().unwrap().outdoor);
    let shut = EvacIntervention::BlockDoor { door: "west".into(), at_s: 7.0 };
    let mut other =
        EvacRun::new(Arc::clone(&Arc::new(EvacModel::on_ground(&plan, &s, &g).unwrap())), &members).unwrap();
    other.restore(&bytes).unwrap();
    let mut other = other.branch(&[shut]).unwrap();
    other.advance_to(120.0, &CancelToken::new()).unwrap();
    assert!(other.summary().unwrap().exits[0].people < run.summary().unwrap().exits[0].people);
}
