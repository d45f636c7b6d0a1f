//! Speed of a crowd on open ground in tiles against the same ground as one layer: `--example ground -- [people] [side in m] [tile in m]`.

use sim_core::CancelToken;
use sim_crowd::{CrowdForcing, CrowdParams, CrowdRun, Demand, DestinationClass, WorldBuilder};
use std::time::Instant;
use twin_model::{AssemblyArea, AssemblySource, OutdoorGround, OutdoorJoin, OutdoorTile};

/// A square of `n` by `n` tiles with four places of safety.
fn ground(n: u32, tile_m: f64) -> OutdoorGround {
    let mut g = OutdoorGround { tile_m, squares: [n, n], ..OutdoorGround::default() };
    for (i, j) in (0..n).flat_map(|j| (0..n).map(move |i| (i, j))) {
        let ([x, y], t, here) = ([i, j].map(|k| f64::from(k) * tile_m), tile_m, j * n + i);
        let outline = vec![[x, y], [x + t, y], [x + t, y + t], [x, y + t]];
        let (name, square) = (format!("{i}-{j}"), [i, j]);
        g.tiles.push(OutdoorTile { name, square, outline, holes: vec![], floor_m: 0.0, corners_m: [0.0; 4] });
        let mut join = |to: u32, ends| g.joins.push(OutdoorJoin { tiles: [here, to], ends });
        if i + 1 < n {
            join(here + 1, [[x + t, y], [x + t, y + t]]);
        }
        if j + 1 < n {
            join(here + n, [[x, y + t], [x + t, y + t]]);
        }
    }
    let side = f64::from(n) * tile_m;
    for (k, share) in [[0.1, 0.1], [0.9, 0.1], [0.1, 0.9], [0.9, 0.9]].into_iter().enumerate() {
        let at = share.map(|s| s * side);
        let tile = (at[1] / tile_m) as u32 * n + (at[0] / tile_m) as u32;
        let (name, source) = (format!("safe {k}"), AssemblySource::Scenario);
        g.assembly.push(AssemblyArea { name, tile, at, radius_m: 8.0, from_building_m: 0.0, source });
    }
    g
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let people: usize = args.next().map_or(Ok(5000), |a| a.parse())?;
    let side: f64 = args.next().map_or(Ok(192.0), |a| a.parse())?;
    // One kind of tiles only, for who measures CPU time.
    let only: Option<f64> = args.next().map(|a| a.parse()).transpose()?;
    for tile_m in [24.0, side].into_iter().filter(|t| only.is_none_or(|o| o == *t)) {
        let n = (side / tile_m).round().max(1.0) as u32;
        let begun = Instant::now();
        let mut w = WorldBuilder::new([0.0, 0.0]);
        let layers = w.ground(&ground(n, tile_m))?;
        let world = w.build()?;
        let built = begun.elapsed();
        let classes = vec![DestinationClass::default()];
        let mut run = CrowdRun::new(world, classes, CrowdParams::default(), CrowdForcing::default())?;
        for (k, l) in layers.iter().enumerate() {
            let mut d = Demand::adults(*l, people / layers.len(), k as u64);
            // Not in the borders.
            let (lo, t) = ([k as u32 % n, k as u32 / n].map(|k| f64::from(k) * tile_m), tile_m);
            d.within = Some([lo.map(|v| (v + 0.02 * t) as f32), lo.map(|v| (v + 0.98 * t) as f32)]);
            run.place(&d)?;
        }
        let entered = run.balance().entered;
        let begun = Instant::now();
        let mut steps = 0;
        while run.t_s() < 30.0 && run.balance().inside > 0 {
            steps += run.balance().inside * 20;
            run.advance_to(run.t_s() + 1.0, &CancelToken::new())?;
        }
        let s = begun.elapsed().as_secs_f64();
        println!(
            "{} tiles of {tile_m} m: built in {:.2} s; {entered} people, {:.1} s simulated in {s:.2} s, {:.2e} agent-steps/s, {} out",
            layers.len(),
            built.as_secs_f64(),
            run.t_s(),
            steps as f64 / s,
            run.balance().left
        );
    }
    Ok(())
}
