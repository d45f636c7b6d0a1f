//! Bad and random input: one clear error, never a panic, nobody lost; and the kernel contract.

#![expect(clippy::unwrap_used, reason = "helpers of tests outside #[test] functions")]

use proptest::prelude::*;
use sim_core::{Air, CancelToken, Snapshot, conformance};
use sim_crowd::{
    CrowdEdit, CrowdForcing, CrowdKernel, CrowdParams, CrowdRun, CrowdState, CrowdWorld, Demand, DestinationClass,
    FloodOnFloor, LayerId, LayerSpec, LiftSpec, OutdoorArea, Person, PortalId, Spread, WorldBuilder,
};
use twin_model::{
    BuildingPlan, OpeningKind, PlanFlight, PlanLift, PlanOpening, PlanSpace, PlanStair, PlanStorey, SpaceIndex,
    SpaceUse, StoreyIndex,
};

fn room_with_exit() -> (WorldBuilder, LayerId) {
    let mut w = WorldBuilder::new([100.0, 50.0]);
    let room = w.layer(&LayerSpec::rectangle("hall", [100.0, 50.0], [112.0, 60.0])).unwrap();
    w.door("exit", (room, [[112.0, 54.0], [112.0, 55.2]]), None).unwrap();
    (w, room)
}

fn run_in(w: WorldBuilder) -> CrowdRun {
    let classes = vec![DestinationClass::default()];
    CrowdRun::new(w.build().unwrap(), classes, CrowdParams::default(), CrowdForcing::default()).unwrap()
}

fn text<T: std::fmt::Debug>(r: Result<T, sim_crowd::CrowdError>) -> String {
    r.unwrap_err().to_string()
}

#[test]
fn misplaced_people_are_refused_with_their_place() {
    let (w, room) = room_with_exit();
    let mut run = run_in(w);
    let at = |x: f32, y: f32| Person::new(room, [x, y], 1.3);
    assert_eq!(text(run.enter(&at(20.0, 5.0))), "person at (120.00, 55.00) m in hall: is not on the floor");
    assert_eq!(
        text(run.enter(&at(0.05, 5.0))),
        "person at (100.05, 55.00) m in hall: stands in a wall or too near to it"
    );
    assert!(text(run.enter(&at(f32::NAN, 5.0))).contains("is not on the floor"));
    assert_eq!(text(run.enter(&Person::new(LayerId(7), [1.0, 1.0], 1.3))), "layer = 7 -; allowed: 0 to 0");
    let fast = text(run.enter(&Person::new(room, [5.0, 5.0], 9.0)));
    assert!(fast.starts_with("free_mps = 9 m/s"), "{fast}");
    let crowd = text(run.place(&Demand::adults(room, 2000, 1)));
    assert!(crowd.starts_with("hall: only ") && crowd.ends_with("of 2000 persons find room on 120.0 m2"), "{crowd}");
}

#[test]
fn who_has_no_way_out_is_named() {
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let cell = w.layer(&LayerSpec::rectangle("cell", [0.0, 0.0], [4.0, 4.0])).unwrap();
    let mut run = run_in(w);
    assert_eq!(text(run.enter(&Person::new(cell, [2.0, 2.0], 1.3))), "cell: no way from here to any exit of class 0");
}

#[test]
fn faulty_geometry_names_the_element() {
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let bad = |outline: &[[f64; 2]]| WorldBuilder::new([0.0, 0.0]).layer(&LayerSpec::floor("L", outline));
    assert_eq!(text(bad(&[[0.0, 0.0], [1.0, 0.0]])), "layer L: a ring has fewer than 3 corners");
    assert_eq!(text(bad(&[[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])), "layer L: a ring has no area");
    assert_eq!(text(bad(&[[0.0, 0.0], [f64::NAN, 0.0], [2.0, 2.0]])), "layer L: a corner is not a number");
    let room = w.layer(&LayerSpec::rectangle("room", [0.0, 0.0], [4.0, 4.0])).unwrap();
    let door = |w: &mut WorldBuilder, e: [[f64; 2]; 2]| text(w.door("D", (room, e), None));
    assert_eq!(door(&mut w, [[4.0, 1.0], [4.0, 1.0]]), "portal D: width 0.00 m; allowed: 0.3 m or more");
    assert_eq!(door(&mut w, [[9.0, 1.0], [9.0, 2.0]]), "portal D: is not on a wall of room (within 0.6 m)");
    let stops = vec![(room, [[0.0, 1.0], [0.0, 2.0]])];
    assert!(text(w.lift(&LiftSpec::of("A", 8, 1.0, stops))).starts_with("lift A.stops = 1"));
    assert_eq!(text(WorldBuilder::new([0.0, 0.0]).build()), "world -: has no layer");
}

#[test]
fn faulty_plans_settings_and_edits_are_refused() {
    let plan = BuildingPlan { name: "B".into(), ..BuildingPlan::default() };
    assert_eq!(text(CrowdWorld::from_plan(&plan, &[])), "building plan: building B: has no space");
    let params = CrowdParams { dt_s: 1.0, ..CrowdParams::default() };
    assert!(text(params.validate()).starts_with("dt_s = 1 s; allowed"));
    let (w, room) = room_with_exit();
    let world = w.build().unwrap();
    let class = DestinationClass { exits: vec![PortalId(9)], ..DestinationClass::default() };
    let made = CrowdRun::new(world.clone(), vec![class], CrowdParams::default(), CrowdForcing::default());
    assert_eq!(text(made.map(|_| ())), "classes[0]: portal = 9 -; allowed: 0 to 0");
    let class = DestinationClass { herding: 1.5, ..DestinationClass::default() };
    let made = CrowdRun::new(world.clone(), vec![class], CrowdParams::default(), CrowdForcing::default());
    assert!(text(made.map(|_| ())).starts_with("classes[0].herding = 1.5 -; allowed"));
    let late = |t| (t, CrowdEdit::SetOpen { portal: PortalId(0), open: false });
    let forcing = CrowdForcing { edits: vec![late(5.0), late(1.0)] };
    let made = CrowdRun::new(world.clone(), vec![DestinationClass::default()], CrowdParams::default(), forcing);
    assert!(text(made.map(|_| ())).starts_with("edits[1].t_s = 1 s"));
    let mut run =
        CrowdRun::new(world, vec![DestinationClass::default()], CrowdParams::default(), CrowdForcing::default())
            .unwrap();
    let air = Air { extinction_per_m: -1.0, ..Air::CLEAN };
    assert!(text(run.apply(&CrowdEdit::SetAir { layer: room, air })).starts_with("extinction_per_m = -1 1/m"));
    assert!(text(run.restore(&[1, 2, 3])).contains("snapshot"));
}

#[test]
fn a_snapshot_of_another_world_is_refused() {
    let (w, _) = room_with_exit();
    let mut run = run_in(w);
    let mut other = WorldBuilder::new([0.0, 0.0]);
    let a = other.layer(&LayerSpec::rectangle("a", [0.0, 0.0], [5.0, 5.0])).unwrap();
    let b = other.layer(&LayerSpec::rectangle("b", [5.0, 0.0], [9.0, 5.0])).unwrap();
    let ends = [[5.0, 1.0], [5.0, 2.0]];
    other.door("d", (a, ends), Some((b, ends))).unwrap();
    assert!(text(run.restore(&run_in(other).save())).contains("of another run"));
}

fn setup() -> conformance::Setup<CrowdKernel> {
    let (mut w, room) = room_with_exit();
    let lobby = w.layer(&LayerSpec::rectangle("lobby", [94.0, 50.0], [100.0, 60.0])).unwrap();
    let ends = [[100.0, 52.0], [100.0, 53.0]];
    w.door("inner", (lobby, ends), Some((room, ends))).unwrap();
    let params = CrowdParams::default();
    let herd = DestinationClass { herding: 0.7, ..DestinationClass::default() };
    let kernel = CrowdKernel::new(w.build().unwrap(), vec![herd], &params).unwrap();
    let mut state = kernel.empty_state(&params);
    for k in 0..60 {
        let (layer, x0) = if k % 2 == 0 { (room, 1.0) } else { (lobby, -5.0) };
        let at = [x0 + 0.5 * (k % 10) as f32, 1.0 + 1.5 * (k / 10) as f32];
        let start_s = if k % 3 == 0 { 30.0 } else { 0.0 };
        kernel
            .enter(&params, &mut state, &Person { start_s, ..Person::new(layer, at, 1.0 + 0.01 * k as f32) })
            .unwrap();
    }
    let edits = vec![(2.0, CrowdEdit::SetFlood { layer: room, water: FloodOnFloor { depth_m: 0.3, speed_mps: 0.1 } })];
    conformance::Setup { kernel, params, forcing: CrowdForcing { edits }, state }
}

#[test]
fn the_kernel_keeps_its_contract() {
    conformance::repeatable(setup, 120).unwrap();
    conformance::restore_continues(setup, 47, 120).unwrap();
    conformance::damage_is_refused::<CrowdState>(&setup().state.save(), 40).unwrap();
}

#[test]
fn cancelling_leaves_a_valid_state() {
    let (w, room) = room_with_exit();
    let mut run = run_in(w);
    run.place(&Demand::adults(room, 50, 2)).unwrap();
    let stopped = run.advance_to(100.0, &CancelToken::after(10));
    assert!(stopped.unwrap_err().to_string().starts_with("cancelled at t = 0.5"));
    assert!(run.balance().closes());
    run.advance_to(200.0, &CancelToken::new()).unwrap();
    assert_eq!(run.balance().left, 50);
}

/// A plan of numbers that may be anything.
fn any_plan(v: &[f64], n: &[u32]) -> BuildingPlan {
    let g = |k: usize| v[k % v.len()];
    let i = |k: usize| SpaceIndex(n[k % n.len()]);
    let space = |k: usize| PlanSpace {
        entity: None,
        name: format!("s{k}"),
        storey: StoreyIndex(n[k % n.len()] % 3),
        use_: if n[k % n.len()] == 3 { SpaceUse::Shaft } else { SpaceUse::Office },
        outline: vec![[g(k), g(k + 1)], [g(k) + g(k + 2), g(k + 1)], [g(k) + g(k + 2), g(k + 1) + g(k + 3)]],
        holes: vec![],
        floor_m: g(k + 4),
        height_m: 2.8,
    };
    let opening = |k: usize| PlanOpening {
        entity: None,
        name: format!("o{k}"),
        kind: OpeningKind::Door,
        sides: [Some(i(k)), (!n[k % n.len()].is_multiple_of(2)).then(|| i(k + 1))],
        ends: [[g(k), g(k + 1)], [g(k + 2), g(k + 3)]],
        clear_width_m: g(k + 5),
        sill_m: 0.0,
        head_m: 2.1,
    };
    let flight = |k: usize| PlanFlight {
        foot: [g(k), g(k + 1), g(k + 2)],
        head: [g(k + 3), g(k + 4), g(k + 5)],
        width_m: g(k + 6),
        riser_m: 0.17,
        tread_m: 0.28,
    };
    BuildingPlan {
        name: "fuzz".into(),
        storeys: (0..2)
            .map(|k| PlanStorey { entity: None, name: String::new(), elevation_m: g(k), height_m: 3.0 })
            .collect(),
        spaces: (0..3).map(space).collect(),
        openings: (0..3).map(opening).collect(),
        stairs: vec![PlanStair {
            entity: None,
            name: "st".into(),
            lower: i(0),
            upper: i(1),
            flights: (0..2).map(flight).collect(),
        }],
        lifts: vec![PlanLift {
            entity: None,
            name: "l".into(),
            stops: vec![i(0), i(2)],
            capacity: n[0],
            speed_mps: g(1),
            door_width_m: g(2),
        }],
        ..BuildingPlan::default()
    }
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![6 => -20.0..20.0_f64, 3 => 0.5..8.0_f64, 1 => Just(0.0), 1 => Just(f64::NAN), 1 => Just(1e12)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_plan_panics(v in proptest::collection::vec(number(), 11), n in proptest::collection::vec(0_u32..4, 5), run_it in any::<bool>()) {
        let plan = any_plan(&v, &n);
        let outdoors = OutdoorArea { outline: vec![[v[0], v[1]], [v[2], v[3]], [v[4], v[5]]], ..OutdoorArea::default() };
        let areas = if run_it { vec![] } else { vec![outdoors] };
        if let Ok(world) = CrowdWorld::from_plan(&plan, &areas) {
            let made = CrowdRun::new(world, vec![DestinationClass::default()], CrowdParams::default(), CrowdForcing::default());
            if let Ok(mut run) = made {
                for l in 0..run.world().layers().len() {
                    let _refused_or_placed = run.place(&Demand::adults(LayerId(l as u32), 3, 1));
                }
                for _ in 0..40 {
                    run.step();
                    prop_assert!(run.balance().closes());
                }
            }
        }
    }

    #[test]
    fn no_scenario_panics(
        v in proptest::collection::vec(number(), 8),
        count in 0_usize..40,
        group in 0_u32..6,
        portal in 0_u32..4,
        layer in 0_u32..3,
        open in any::<bool>(),
    ) {
        let (w, _) = room_with_exit();
        let mut run = run_in(w);
        let demand = Demand {
            count,
            group_size: group,
            speed_mps: Spread::Uniform { low: v[0], high: v[1] },
            pre_movement_s: Spread::LogNormal { median: v[2], sigma: v[3], high: v[4] },
            radius_m: v[5] as f32,
            gap_s: v[6] as f32,
            ..Demand::adults(LayerId(layer), 0, 3)
        };
        let _refused_or_placed = run.place(&demand);
        let _refused_or_placed = run.place(&Demand::adults(LayerId(0), count, 4));
        let air = Air { extinction_per_m: v[0] as f32, co_ppm: v[1] as f32, temperature_c: v[2] as f32, ..Air::CLEAN };
        let water = FloodOnFloor { depth_m: v[3] as f32, speed_mps: v[4] as f32 };
        let edits = [
            CrowdEdit::SetOpen { portal: PortalId(portal), open },
            CrowdEdit::SetAir { layer: LayerId(layer), air },
            CrowdEdit::SetFlood { layer: LayerId(layer), water },
        ];
        for edit in edits {
            let _refused_or_made = run.apply(&edit);
            for _ in 0..10 {
                run.step();
                prop_assert!(run.balance().closes());
            }
        }
        let saved = run.save();
        prop_assert!(CrowdState::restore(&saved).is_ok());
    }

    #[test]
    fn resealed_garbage_never_panics(cut in 0_usize..400, flip in 0_usize..400, bit in 0_u8..8) {
        let mut saved = setup().state.save();
        let k = flip % saved.len();
        saved[k] ^= 1 << bit;
        prop_assert!(CrowdState::restore(&saved).is_err());
        prop_assert!(CrowdState::restore(&saved[..cut.min(saved.len() - 1)]).is_err());
    }
}
