//! People on open ground in tiles: free walks, detours, borders, and nobody lost.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use sim_core::CancelToken;
use sim_crowd::{
    CrowdForcing, CrowdParams, CrowdRun, Demand, DestinationClass, LayerId, LayerSpec, Person, Spread, WorldBuilder,
};
use twin_model::{AssemblyArea, AssemblySource, OutdoorGround, OutdoorJoin, OutdoorTile};

/// Open ground of `nx` by `ny` squares with one place of safety; `wall`: x of a wall along y between two squares, from y = 0 up to a
/// height.
fn ground(tile_m: f64, [nx, ny]: [u32; 2], safe: [f64; 2], wall: Option<(u32, f64)>) -> OutdoorGround {
    let mut g = OutdoorGround { tile_m, squares: [nx, ny], ..OutdoorGround::default() };
    for (i, j) in (0..ny).flat_map(|j| (0..nx).map(move |i| (i, j))) {
        let ([x, y], t) = ([i, j].map(|k| f64::from(k) * tile_m), tile_m);
        let outline = vec![[x, y], [x + t, y], [x + t, y + t], [x, y + t]];
        let (name, square) = (format!("{i}-{j}"), [i, j]);
        g.tiles.push(OutdoorTile { name, square, outline, holes: vec![], floor_m: 0.0, corners_m: [0.0; 4] });
        let here = j * nx + i;
        if i + 1 < nx {
            let from = match wall {
                Some((at, top)) if at == i + 1 => (top - y).clamp(0.0, t),
                _ => 0.0,
            };
            if from < t {
                g.joins.push(OutdoorJoin { tiles: [here, here + 1], ends: [[x + t, y + from], [x + t, y + t]] });
            }
        }
        if j + 1 < ny {
            g.joins.push(OutdoorJoin { tiles: [here, here + nx], ends: [[x, y + t], [x + t, y + t]] });
        }
    }
    let tile = (safe[1] / tile_m) as u32 * nx + (safe[0] / tile_m) as u32;
    let (name, source) = ("safe".to_owned(), AssemblySource::Scenario);
    g.assembly.push(AssemblyArea { name, tile, at: safe, radius_m: 2.0, from_building_m: 0.0, source });
    g
}

fn run_on(g: &OutdoorGround) -> (CrowdRun, Vec<LayerId>) {
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let layers = w.ground(g).unwrap();
    let classes = vec![DestinationClass::default()];
    (CrowdRun::new(w.build().unwrap(), classes, CrowdParams::default(), CrowdForcing::default()).unwrap(), layers)
}

/// Seconds of one person from `from` to the place of safety at 1.25 m/s.
fn walk(g: &OutdoorGround, from: [f64; 2]) -> f64 {
    let (mut run, layers) = run_on(g);
    let k = (from[1] / g.tile_m) as usize * g.squares[0] as usize + (from[0] / g.tile_m) as usize;
    run.enter(&Person::new(layers[k], from.map(|v| v as f32), 1.25)).unwrap();
    run.advance_to(600.0, &CancelToken::new()).unwrap();
    assert_eq!(run.balance().left, 1, "{from:?}");
    run.departures()[0].t_s
}

/// Straight to the rim of the area, at 1.25 m/s.
fn free(from: [f64; 2], to: [f64; 2]) -> f64 {
    ((to[0] - from[0]).hypot(to[1] - from[1]) - 2.0) / 1.25
}

#[test]
fn a_free_walk_over_tiles_takes_its_time_in_any_direction() {
    let safe = [60.0, 60.0];
    for tile_m in [20.0, 24.0, 32.0] {
        let n = (120.0 / tile_m) as u32;
        let g = ground(tile_m, [n, n], safe, None);
        for from in [[10.0, 60.0], [60.0, 10.0], [24.6, 24.6], [13.0, 43.0], [81.5, 15.0], [95.0, 83.0], [24.0, 60.3]] {
            let off = walk(&g, from) / free(from, safe) - 1.0;
            println!("tiles of {tile_m} m from {from:?}: {:+.2} %", 100.0 * off);
            assert!((-0.005..0.03).contains(&off), "tiles of {tile_m} m from {from:?}: {off}");
        }
    }
}

#[test]
fn borders_cost_nothing_against_one_large_tile() {
    let safe = [90.0, 50.0];
    for from in [[4.0, 4.0], [10.0, 52.0], [33.0, 91.0]] {
        let whole = walk(&ground(100.0, [1, 1], safe, None), from);
        let tiled = walk(&ground(25.0, [4, 4], safe, None), from);
        println!("from {from:?}: whole {whole:.2} s, tiled {tiled:.2} s");
        assert!((tiled - whole).abs() < 0.01 * whole + 0.1, "from {from:?}: {whole} {tiled}");
    }
}

#[test]
fn a_wall_makes_the_detour_that_it_must() {
    // A wall at x = 50 from the ground's edge up to y = 60; 50 m past it at the foot.
    let (from, safe) = ([25.0, 20.0], [75.0, 20.0]);
    let g = ground(25.0, [4, 4], safe, Some((2, 60.0)));
    let round = 2.0 * 25.0_f64.hypot(40.0);
    let exact = (round - 2.0) / 1.25;
    let took = walk(&g, from);
    println!("detour: exact {exact:.1} s, took {took:.1} s");
    assert!((took / exact - 1.0).abs() < 0.03, "{took} {exact}");
    // No gap: nobody is let in who could not get out.
    let (mut run, layers) = run_on(&ground(25.0, [4, 4], safe, Some((2, 100.0))));
    let refused = run.enter(&Person::new(layers[0], [5.0, 5.0], 1.25)).unwrap_err().to_string();
    assert!(refused.contains("no way"), "{refused}");
}

#[test]
fn a_crowd_over_tiles_is_as_quick_as_on_one_and_nobody_is_lost() {
    let place = |tile_m: f64, safe: [f64; 2]| {
        let n = (100.0 / tile_m) as u32;
        let mut g = ground(tile_m, [n, n], safe, None);
        g.assembly[0].radius_m = 9.0;
        let (mut run, layers) = run_on(&g);
        let mut people = 0;
        for (k, l) in layers.iter().enumerate() {
            let ([i, j], t) = ([k as u32 % n, k as u32 / n], tile_m);
            let low = [f64::from(i) * t, f64::from(j) * t];
            if low[0] + t > 50.0 + 1e-9 && n > 1 {
                continue;
            }
            let mut d = Demand::adults(*l, if n > 1 { 2000 / 8 } else { 2000 }, 5 + k as u64);
            d.within = (n == 1).then_some([[0.0, 0.0], [50.0, 100.0]]);
            d.speed_mps = Spread::WEIDMANN_MPS;
            run.place(&d).unwrap();
            people += if n > 1 { 250 } else { 2000 };
        }
        assert_eq!(people, 2000);
        while run.t_s() < 300.0 && run.balance().inside > 0 {
            run.advance_to(run.t_s() + 1.0, &CancelToken::new()).unwrap();
            let b = run.balance();
            assert!(b.closes() && b.entered == 2000, "{b:?}");
        }
        println!("tiles of {tile_m} m: {:?} at {:.1} s", run.balance(), run.t_s());
        assert_eq!(run.balance().left, 2000);
        let mut times: Vec<f64> = run.departures().iter().map(|d| d.t_s).collect();
        times.sort_by(f64::total_cmp);
        [times[999], times[1899]]
    };
    for safe in [[90.0, 50.0], [88.0, 62.0]] {
        let (tiled, whole) = (place(25.0, safe), place(100.0, safe));
        println!("2000 people to {safe:?}: half and 95 % after {whole:?} s on one tile, {tiled:?} s on sixteen");
        for (a, b) in tiled.iter().zip(whole) {
            assert!((a / b - 1.0).abs() < 0.05, "{tiled:?} {whole:?}");
        }
    }
}

#[test]
fn two_places_of_safety_share_the_people_between_them() {
    let mut g = ground(20.0, [5, 5], [10.0, 50.0], None);
    let second = AssemblyArea { name: "east".into(), tile: 14, at: [90.0, 50.0], ..g.assembly[0].clone() };
    g.assembly.push(second);
    let (mut run, layers) = run_on(&g);
    for (k, x) in [(10_usize, 12.0), (11, 31.0), (13, 69.0), (14, 88.0)] {
        run.enter(&Person::new(layers[k], [x, 45.0], 1.3)).unwrap();
    }
    run.advance_to(120.0, &CancelToken::new()).unwrap();
    let names: Vec<(u32, &str)> =
        run.departures().iter().map(|d| (d.id, run.world().portals()[d.exit.index()].name.as_str())).collect();
    for (id, name) in names {
        assert_eq!(name, if id < 2 { "safe" } else { "east" }, "{id}");
    }
}

#[test]
fn bad_ground_is_one_line() {
    let said = |change: fn(&mut OutdoorGround)| {
        let mut g = ground(20.0, [2, 2], [10.0, 10.0], None);
        change(&mut g);
        WorldBuilder::new([0.0, 0.0]).ground(&g).unwrap_err().to_string()
    };
    assert!(said(|g| g.tiles[3].square = [2, 0]).contains("1-1: lies outside the grid"));
    assert!(said(|g| g.joins[0].tiles = [0, 9]).contains("tile 9 does not exist"));
    assert!(said(|g| g.assembly[0].at = [50.0, 10.0]).contains("safe"));
    assert!(said(|g| g.tile_m = f64::NAN).contains("NaN"));
    assert!(said(|g| g.squares = [u32::MAX, u32::MAX]).contains("too many"));
    let mut w = WorldBuilder::new([0.0, 0.0]);
    w.ground(&ground(20.0, [2, 2], [10.0, 10.0], None)).unwrap();
    assert!(w.ground(&ground(20.0, [2, 2], [10.0, 10.0], None)).unwrap_err().to_string().contains("one ground"));
    let _also_without_ground = w.layer(&LayerSpec::rectangle("room", [0.0, 0.0], [5.0, 5.0])).unwrap();
}
