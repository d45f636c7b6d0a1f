//! Structures, outlets, ground that takes in water, edits: the set-ups of `sim_flood::verification::urban`, shortened.

use super::cases::{Case, Pair};
use super::{AGREE_M, CLOSE, agree, compare, open};
use sim_core::{CancelToken, CounterRng};
use sim_flood::gpu::{AdapterChoice, GpuFlood};
use sim_flood::{
    Barrel, Barrier, Culvert, Downspout, FaceAxis, FaceId, FloodParams, Forcing, Gate, Grid, GroundEdit, Infiltration,
    Initial, Outlet, OutletLaw, PointInflow, Pump, RainSeries, Soil, StageBoundary, Structures, Terrain, barrier_along,
};

const CHANNEL: Grid = Grid { nx: 100, ny: 4, dx_m: 1.0 };

fn across(i: u32) -> Vec<FaceId> {
    (0..4).map(|j| FaceId { axis: FaceAxis::X, i, j }).collect()
}

fn column(i: u32) -> Vec<u32> {
    (0..4).map(|j| j * 100 + i).collect()
}

/// A discharge of `q` m2/s down the channel, with the last column held at `tail_m`.
fn channel(q: f64, tail_m: f64, structures: impl Into<Structures>) -> Case {
    let inflow = PointInflow { cells: column(0), series: vec![(0.0, 4.0 * q)], direction: [1.0, 0.0] };
    Case {
        terrain: Terrain::from_fn(CHANNEL, 0.01, |_, _| 200.0),
        structures: structures.into(),
        forcing: Forcing {
            inflows: vec![inflow],
            stages: vec![StageBoundary { cells: column(99), series: vec![(0.0, 200.0 + tail_m)] }],
            ..Forcing::default()
        },
        params: FloodParams::default(),
        initial: Initial { depth_m: vec![tail_m; 400], ..Initial::default() },
    }
}

/// Runs a case of the channel; the water over or under the structure must move.
fn in_channel(name: &str, case: &Case, t_s: f64) {
    let Some(pair) = agree(name, case, t_s) else { return };
    let behind = pair.gpu.velocity_x_mps().expect("the GPU answers")[2 * 100 + 60];
    assert!(behind > 0.02, "{name}: {behind} m/s behind the structure");
}

#[test]
fn water_runs_over_walls() {
    let wall = Barrier { faces: across(50), crest_m: 201.0, ..Barrier::default() };
    let free =
        Initial { depth_m: (0..400).map(|k| if k % 100 < 50 { 1.1 } else { 0.3 }).collect(), ..Initial::default() };
    in_channel("free weir", &Case { initial: free, ..channel(0.2, 0.3, vec![wall.clone()]) }, 120.0);
    in_channel("drowned weir", &channel(0.2, 1.12, vec![wall.clone()]), 120.0);
    let sharp = Barrier { discharge_coefficient: 0.62, crest_m: 200.3, ..wall.clone() };
    in_channel("deep weir", &channel(0.6, 1.0, vec![sharp]), 120.0);
    let series = vec![(0.0, 201.2), (30.0, 200.9), (60.0, 200.2), (100.0, 201.0)];
    let moving = Barrier { crest_series: series, ..wall };
    in_channel("moving crest", &channel(0.2, 1.1, vec![moving]), 120.0);
}

#[test]
fn water_runs_under_and_over_gates() {
    let gate = Gate { faces: across(50), sill_m: 200.0, opening_m: vec![(0.0, 0.25)], ..Gate::default() };
    let with = |gate: &Gate| Structures { gates: vec![gate.clone()], ..Structures::default() };
    let free =
        Initial { depth_m: (0..400).map(|k| if k % 100 < 50 { 1.5 } else { 0.1 }).collect(), ..Initial::default() };
    in_channel("free gate", &Case { initial: free, ..channel(0.6, 0.1, with(&gate)) }, 120.0);
    in_channel("drowned gate", &channel(0.3, 1.2, with(&gate)), 120.0);
    let opening_m = vec![(0.0, 0.0), (30.0, 0.1), (60.0, 1.5), (120.0, 0.0)];
    let leaf = Gate { opening_m, top_m: 201.3, clear_width_m: 3.0, ..gate };
    in_channel("moving gate, overtopped", &channel(0.3, 1.2, with(&leaf)), 120.0);
}

const PONDS: Grid = Grid { nx: 40, ny: 20, dx_m: 1.0 };

fn ponds(structures: Structures) -> Case {
    let depth_m = (0..800).map(|k| if k % 40 < 20 { 2.0 } else { 0.5 }).collect();
    Case {
        terrain: Terrain::from_fn(PONDS, 0.02, |_, _| 0.0),
        structures,
        forcing: Forcing::default(),
        params: FloodParams::default(),
        initial: Initial { depth_m, ..Initial::default() },
    }
}

#[test]
fn culverts_pumps_and_a_breach() {
    let faces = |from: u32, to: u32| (from..to).map(|j| FaceId { axis: FaceAxis::X, i: 20, j }).collect::<Vec<_>>();
    let wall = Barrier { faces: faces(0, 20), crest_m: 5.0, ..Barrier::default() };
    let culvert = |y: u32, barrel: Barrel| Culvert {
        ends: [y * 40 + 10, y * 40 + 30],
        invert_m: [0.0, 0.0],
        barrel,
        barrels: 1,
        length_m: 20.0,
        manning: 0.013,
        losses: 1.5,
        open_share: 1.0,
    };
    let culverts = vec![
        culvert(10, Barrel::Box { width_m: 1.0, height_m: 0.8 }),
        Culvert { ends: [15 * 40 + 30, 15 * 40 + 10], ..culvert(15, Barrel::Pipe { diameter_m: 0.7 }) },
        Culvert { invert_m: [1.2, 1.1], ..culvert(5, Barrel::Pipe { diameter_m: 0.6 }) },
        Culvert { open_share: 0.0, ..culvert(3, Barrel::Pipe { diameter_m: 0.6 }) },
    ];
    let with = Structures { barriers: vec![wall.clone()], culverts, ..Structures::default() };
    let Some(mut pair) = open(&ponds(with)) else { return };
    let rmse = pair.advance(150.0);
    compare("culverts", &pair, rmse);
    let level = |pair: &Pair, i: u32| pair.gpu.depth_at_m(&[5 * 40 + i]).unwrap()[0];
    assert!(level(&pair, 35) > 0.8 && level(&pair, 5) < 1.8);

    let pump = Pump { from: 430, to: Some(405), capacity_m3ps: 2.0, start_m: 0.7, stop_m: 0.55 };
    let out = Pump { from: 445, to: None, capacity_m3ps: 0.3, start_m: 9.0, stop_m: 0.4 };
    let idle =
        Structures { barriers: vec![wall.clone()], pumps: vec![pump.clone(), out.clone()], ..Structures::default() };
    let running = Structures { pumps: vec![pump, Pump { start_m: 0.45, ..out }], ..idle.clone() };
    pair.set_structures(&idle);
    compare("pump", &pair, pair.rmse());
    let rmse = pair.advance(250.0);
    compare("pump", &pair, rmse);
    pair.set_structures(&running);
    let rmse = pair.advance(400.0);
    compare("pumps", &pair, rmse);
    let out_m3 = pair.gpu.ledger().unwrap().point_out_m3;
    assert!(out_m3 > 10.0 && level(&pair, 35) < 0.6, "{out_m3} m3, {} m", level(&pair, 35));
    // Which pumps run is part of the state: the second would not start again.
    pair.set_structures(&idle);
    let saved = pair.gpu.save().unwrap();
    pair.cpu.restore(&saved).unwrap();
    pair.gpu.restore(&saved).unwrap();
    let rmse = pair.advance(410.0);
    compare("pumps, restored", &pair, rmse);
    assert!(pair.gpu.ledger().unwrap().point_out_m3 > out_m3 + 2.0);

    let crest_series = vec![(0.0, 5.0), (420.0, 5.0), (440.0, 0.0)];
    let breach = Barrier { faces: faces(8, 12), crest_series, ..Barrier::default() };
    let rest = Barrier { faces: [faces(0, 8), faces(12, 20)].concat(), crest_m: 5.0, ..Barrier::default() };
    pair.set_structures(&vec![breach, rest].into());
    let before = level(&pair, 35);
    let rmse = pair.advance(470.0);
    compare("breach", &pair, rmse);
    assert!(level(&pair, 35) > before + 0.05);
}

#[test]
fn outlets_let_out_by_their_law() {
    let slope = 0.002;
    let q = 4.0 * 0.5_f64.powf(5.0 / 3.0) * f64::sqrt(slope) / 0.03;
    let inflow = PointInflow { cells: column(0), series: vec![(0.0, q)], direction: [1.0, 0.0] };
    let still = channel(0.0, 0.5, vec![]);
    let sloped = |open_edges: bool, outlet: Outlet| Case {
        terrain: Terrain::from_fn(CHANNEL, 0.03, |x, _| 1.0 - slope * x),
        structures: Structures { outlets: vec![outlet], ..Structures::default() },
        forcing: Forcing { inflows: vec![inflow.clone()], open_edges, ..Forcing::default() },
        ..still.clone()
    };
    let normal = Outlet { cells: column(99), law: OutletLaw::NormalDepth { slope } };
    in_channel("normal depth", &sloped(false, normal.clone()), 200.0);
    // One cell lies inside: it drains downwards.
    let points = vec![(1.0, 0.0), (1.2, 0.05), (1.5, 0.6)];
    let rating = Outlet { cells: [column(99), vec![250]].concat(), law: OutletLaw::Rating { points } };
    in_channel("rating curve", &sloped(true, rating), 200.0);
    let hole = Outlet { cells: vec![210, 240, 241], ..normal };
    let Some(pair) = agree("hole", &sloped(false, hole), 100.0) else { return };
    assert!(pair.gpu.ledger().unwrap().edge_out_m3 > 1.0);
}

/// Ground of four kinds under buildings' rain, ponds and films.
fn soaking() -> Case {
    let grid = Grid { nx: 70, ny: 46, dx_m: 2.0 };
    let mut terrain = Terrain::from_fn(grid, 0.03, |x, y| 30.0 + 0.01 * y + 0.3 * (0.1 * x).sin());
    let n = grid.cell_count();
    (0..n).filter(|k| (20..30).contains(&(k / 70)) && (k % 70) % 20 < 6).for_each(|k| terrain.blocked[k] = true);
    let kinds = vec![
        Infiltration::GreenAmpt { conductivity_mmph: 40.0, suction_m: 0.11, deficit: 0.3 },
        Infiltration::Horton { initial_mmph: 76.0, end_mmph: 6.0, decay_ph: 4.0 },
        Infiltration::InitialContinuing { initial_mm: 12.0, continuing_mmph: 2.0 },
        Infiltration::None,
    ];
    let kind = (0..n).map(|k| ((k / 9) % 4) as u8).collect();
    let rain = RainSeries { series: vec![(0.0, 50.0), (600.0, 0.0), (1500.0, 90.0), (1600.0, 0.0)], cells: None };
    let roof = (0..n as u32).filter(|k| terrain.blocked[*k as usize] && k % 70 < 10).collect();
    let forcing = Forcing {
        rain: vec![rain],
        downspouts: vec![Downspout { roof, to: 700 }],
        soil: Soil { kinds, kind },
        ..Forcing::default()
    };
    let mut initial = Initial::level(&terrain, 29.9);
    initial.depth_m.iter_mut().zip(&terrain.blocked).for_each(|(h, b)| *h = if *b { 0.0 } else { *h });
    Case { terrain, structures: Structures::default(), forcing, params: FloodParams::default(), initial }
}

#[test]
fn the_ground_takes_in_water() {
    let case = soaking();
    let Some(mut pair) = agree("infiltration", &case, 1000.0) else { return };
    let taken = pair.gpu.ledger().unwrap().infiltrated_m3;
    assert!(taken > 50.0, "{taken}");
    // What the ground has taken in is part of the state: either back end continues.
    let saved = pair.gpu.save().unwrap();
    pair.cpu.restore(&saved).unwrap();
    let rmse = pair.advance(1700.0);
    compare("infiltration, continued", &pair, rmse);
    let depth = pair.gpu.depth_m().unwrap();
    pair.gpu.restore(&saved).unwrap();
    pair.gpu.advance_to(1700.0, &CancelToken::new()).unwrap();
    assert_eq!(pair.gpu.depth_m().unwrap(), depth, "a restored run gives the same bits");
    // Sealed from now on, and open again: it goes on where it was.
    let sealed = Forcing { soil: Soil::default(), ..case.forcing.clone() };
    for forcing in [sealed, case.forcing] {
        pair.gpu.set_forcing(forcing.clone()).unwrap();
        pair.cpu.set_forcing(forcing).unwrap();
        let rmse = pair.advance(pair.gpu.t_s() + 50.0);
        compare("infiltration, sealed and open", &pair, rmse);
    }
}

/// A dry film on ground that takes it all in ends exactly dry.
#[test]
fn light_rain_vanishes_in_the_ground() {
    let mut case = soaking();
    case.initial = Initial::dry();
    case.forcing.soil.kinds = vec![Infiltration::GreenAmpt { conductivity_mmph: 90.0, suction_m: 0.2, deficit: 0.4 }];
    case.forcing.soil.kind = vec![];
    case.forcing.downspouts = vec![];
    case.forcing.rain[0].series = vec![(0.0, 20.0), (300.0, 0.0)];
    case.terrain.blocked.fill(false);
    let Some(pair) = agree("light rain", &case, 400.0) else { return };
    let l = pair.gpu.ledger().unwrap();
    assert!(
        l.rain_in_m3 > 10.0 && l.current_m3 == 0.0 && pair.gpu.depth_m().unwrap().iter().all(|h| *h == 0.0),
        "{l:?}"
    );
}

const HILLS: Grid = Grid { nx: 60, ny: 30, dx_m: 20.0 };

fn hills() -> Case {
    let mut terrain =
        Terrain::from_fn(HILLS, 0.04, |x, y| 20.0 + 0.002 * y + 0.8 * (0.012 * x).sin() * (0.02 * y).cos());
    let house = |k: usize| k / 60 > 5 && (k % 60 / 4) % 3 == 1 && (k / 60 / 3) % 2 == 1;
    terrain.blocked.iter_mut().enumerate().for_each(|(k, b)| *b = house(k));
    let depth_m = (0..1800).map(|k| if k < 240 { 1.0 } else { 0.0 }).collect();
    Case {
        terrain,
        structures: Structures::default(),
        forcing: wet_day(&mut CounterRng::new(3, 1)),
        params: FloodParams::default(),
        initial: Initial { depth_m, ..Initial::default() },
    }
}

fn works(rng: &mut CounterRng) -> Structures {
    let line = |rng: &mut CounterRng, z: f64| {
        let mut p = || [rng.range_f64(0.0, 1200.0), rng.range_f64(0.0, 600.0)];
        barrier_along(&HILLS, &[p(), p()], z)
    };
    let cell = |rng: &mut CounterRng| rng.range_f64(0.0, 1800.0) as u32;
    let fixed = line(rng, 20.6);
    let moving = Barrier { crest_series: vec![(0.0, 22.0), (4000.0, 19.5)], ..line(rng, 0.0) };
    let faces = [line(rng, 0.0).faces, vec![FaceId { axis: FaceAxis::X, i: 30, j: 2 }]].concat();
    let opening_m = vec![(0.0, 0.0), (4000.0, 1.0)];
    let gate = Gate { faces, sill_m: 19.8, opening_m, top_m: 21.5, ..Gate::default() };
    let from = cell(rng);
    let culvert = Culvert {
        ends: [from, (from + 700) % 1800],
        invert_m: [19.5, 19.4],
        barrel: Barrel::Pipe { diameter_m: rng.range_f64(0.3, 2.0) },
        barrels: 2,
        length_m: 60.0,
        manning: 0.013,
        losses: 1.5,
        open_share: 1.0,
    };
    let to = (rng.next_f64() < 0.6).then(|| (from + 333) % 1800);
    let pump = Pump { from: cell(rng), to, capacity_m3ps: 2.0, start_m: 20.3, stop_m: 20.0 };
    let outlet = Outlet { cells: vec![1799, 1798, 1797, 1729], law: OutletLaw::NormalDepth { slope: 0.01 } };
    Structures {
        barriers: vec![fixed, moving],
        gates: vec![gate],
        culverts: vec![culvert],
        pumps: vec![pump],
        outlets: vec![outlet],
    }
}

fn wet_day(rng: &mut CounterRng) -> Forcing {
    let rain = RainSeries { series: vec![(0.0, rng.range_f64(10.0, 90.0))], cells: None };
    let mut level = || rng.range_f64(19.5, 21.5);
    let river = StageBoundary { cells: (0..60).collect(), series: vec![(0.0, level()), (4000.0, level())] };
    let kinds = vec![
        Infiltration::None,
        Infiltration::GreenAmpt { conductivity_mmph: 12.0, suction_m: 0.1, deficit: 0.3 },
        Infiltration::Horton { initial_mmph: 60.0, end_mmph: 5.0, decay_ph: 2.0 },
    ];
    Forcing {
        rain: vec![rain],
        stages: vec![river],
        downspouts: vec![Downspout { roof: (0..900).collect(), to: 900 }],
        soil: Soil { kinds, kind: (0..1800).map(|k| (k % 3) as u8).collect() },
        open_edges: true,
        ..Forcing::default()
    }
}

fn edit(rng: &mut CounterRng) -> GroundEdit {
    let cell = rng.range_f64(0.0, 1800.0) as u32;
    let on = |rng: &mut CounterRng| rng.next_f64() < 0.4;
    GroundEdit {
        cell,
        bed_m: on(rng).then(|| rng.range_f64(18.5, 22.0)),
        manning: on(rng).then(|| rng.range_f64(0.0, 0.1)),
        blocked: on(rng).then(|| rng.next_f64() < 0.5),
    }
}

#[test]
fn everything_is_edited_while_it_goes_on() {
    let Some(mut pair) = open(&hills()) else { return };
    let mut rng = CounterRng::new(11, 3);
    let (mut worst, mut most_moved) = (0.0_f64, 0.0_f64);
    for k in 1..=10 {
        worst = worst.max(pair.advance(300.0 * f64::from(k)));
        let before = pair.gpu.ledger().unwrap();
        let (structures, edits, forcing) = (works(&mut rng), [(); 12].map(|()| edit(&mut rng)), wet_day(&mut rng));
        pair.set_structures(&structures);
        pair.gpu.edit_ground(&edits).unwrap();
        pair.cpu.edit_ground(&edits).unwrap();
        pair.gpu.set_forcing(forcing.clone()).unwrap();
        pair.cpu.set_forcing(forcing).unwrap();
        let moved = pair.gpu.ledger().unwrap().current_m3 / before.current_m3 - 1.0;
        most_moved = most_moved.max(moved.abs());
    }
    let l = pair.gpu.ledger().unwrap();
    println!("edits: RMSE {worst:.1e} m, volume {:.1e}, moved by an edit {most_moved:.1e}", l.relative_error());
    assert!(most_moved < 1e-7);
    assert!(worst <= AGREE_M && l.relative_error() <= CLOSE, "{l:?} instead of {:?}", pair.cpu.ledger());
    let bad = GroundEdit { cell: 1800, ..GroundEdit::default() };
    assert!(pair.gpu.edit_ground(&[bad]).is_err() && pair.gpu.ledger().unwrap() == l);
}

#[test]
fn bad_structures_are_named() {
    let case = ponds(Structures::default());
    let pump = Pump { from: 3, to: Some(3), capacity_m3ps: 1.0, start_m: 1.0, stop_m: 0.0 };
    let bad = Structures { pumps: vec![pump], ..Structures::default() };
    let many = Outlet { cells: vec![0], law: OutletLaw::NormalDepth { slope: 0.01 } };
    let too_many = Structures { outlets: vec![many; 65_536], ..Structures::default() };
    let new = |s: &Structures| {
        let choice = AdapterChoice::Fastest;
        GpuFlood::new(&case.terrain, s.clone(), Forcing::default(), case.params, &case.initial, &choice).map(|_| ())
    };
    assert!(new(&bad).unwrap_err().to_string().starts_with("pumps[0].to = 3 cell"));
    let e = new(&too_many).unwrap_err().to_string();
    assert_eq!(e, "outlets on a GPU = 65536 -; allowed: 0 to 65535");
}
