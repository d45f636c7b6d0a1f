//! Porosity: buildings smaller than a cell.

use super::case::{CurveKind, Figure, VerificationCase};
use super::conservation::{random_forcing, town};
use super::invariants::bumpy;
use super::{bound, f64s, middle_row, rel_l1};
use crate::{
    FloodError, FloodParams, FloodRunOf, Forcing, Grid, Infiltration, Initial, LEAST_FREE, Porosity, Real, Soil,
    Terrain,
};
use sim_core::CounterRng;

const SOURCE: &str = "Sanders, Schubert and Gallegos 2008, J. Hydrol. 362, 19-38";

/// Dam break 2 m to 0.5 m at 100 m in a channel of 200 m: depth profile after 12 s.
fn channel<R: Real>(
    case: &mut VerificationCase,
    dx_m: f64,
    share: impl Fn(f64) -> f64,
) -> Result<Vec<[f64; 3]>, FloodError> {
    let grid = Grid { nx: (200.0 / dx_m) as usize, ny: 5, dx_m };
    let mut terrain = Terrain::from_fn(grid, 0.03, |_, _| 0.0);
    let depth = |c: u32| if grid.centre_m(c)[0] < 100.0 { 2.0 } else { 0.5 };
    let initial = Initial { depth_m: (0..grid.cell_count() as u32).map(depth).collect(), ..Initial::default() };
    let mut p = Porosity::uniform(&grid, 1.0);
    let across = grid.nx + 1;
    p.storage.iter_mut().enumerate().for_each(|(k, s)| *s = share((k % grid.nx) as f64 * dx_m + 0.5 * dx_m));
    p.west.iter_mut().enumerate().for_each(|(k, s)| *s = share((k % across) as f64 * dx_m));
    p.south.iter_mut().enumerate().for_each(|(k, s)| *s = share((k % grid.nx) as f64 * dx_m + 0.5 * dx_m));
    if p != Porosity::uniform(&grid, 1.0) {
        terrain.porosity = p;
    }
    let mut run = FloodRunOf::<R>::new(terrain, vec![], Forcing::default(), FloodParams::default(), initial)?;
    case.advance(&mut run, 12.0)?;
    case.close(&run);
    Ok(middle_row(&run))
}

/// The same share of every cell and face changes no depth; into a half built-over stretch the flow agrees with finer cells.
pub(super) fn dam_break<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let free = channel::<R>(case, 1.0, |_| 1.0)?;
    let half = channel::<R>(case, 1.0, |_| 0.3)?;
    let off = free.iter().zip(&half).fold(0.0_f64, |m, (a, b)| m.max((a[1] - b[1]).abs()));
    case.at_most("max |h - h of free ground|, share 0.3 everywhere, m", off, bound::<R>(1e-5, 1e-12), SOURCE);
    let built = |x: f64| if x < 120.0 { 1.0 } else { 0.4 };
    let (coarse, fine) = (channel::<R>(case, 1.0, built)?, channel::<R>(case, 0.25, built)?);
    let merged: Vec<[f64; 2]> = fine
        .chunks(4)
        .map(|c| [c.iter().map(|p| p[0]).sum::<f64>() / 4.0, c.iter().map(|p| p[1]).sum::<f64>() / 4.0])
        .collect();
    let error = rel_l1(coarse.iter().map(|c| c[1]), merged.iter().map(|c| c[1]));
    case.at_most("share 0.4 beyond 120 m: relL1(h), dx 1 m against dx 0.25 m", error, 5e-3, SOURCE);
    case.figures.push(
        Figure::new("Dam break into ground built over by 60 % beyond 120 m, t = 12 s", "x, m", "depth, m")
            .with(CurveKind::Exact, "dx 0.25 m", merged)
            .with(CurveKind::Computed, "dx 1 m", coarse.iter().map(|c| [c[0], c[1]]))
            .with(CurveKind::Guide, "free ground", free.iter().map(|c| [c[0], c[1]])),
    );
    Ok(())
}

fn random_shares(grid: &Grid, seed: u64) -> Porosity {
    let mut rng = CounterRng::new(seed, 7);
    let mut p = Porosity::uniform(grid, 1.0);
    p.storage.iter_mut().for_each(|s| *s = rng.range_f64(LEAST_FREE, 1.0));
    p.west.iter_mut().chain(&mut p.south).for_each(|s| *s = rng.range_f64(0.0, 1.0));
    p
}

/// A lake at rest stays at rest whatever the free shares.
pub(super) fn lake_at_rest<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let grid = Grid { nx: 100, ny: 70, dx_m: 2.0 };
    let mut terrain = bumpy(grid, 0.0, 0.3);
    terrain.porosity = random_shares(&grid, 3);
    let initial = Initial::level(&terrain, 1.0);
    let start = initial.depth_m.clone();
    let mut run = FloodRunOf::<R>::new(terrain, vec![], Forcing::default(), FloodParams::default(), initial)?;
    let mut t = 0.0;
    while run.tick() < 1000 {
        t += 10.0;
        case.advance(&mut run, t)?;
    }
    let speeds = [f64s(&run.velocity_x_mps()), f64s(&run.velocity_y_mps())].concat();
    let speed = speeds.iter().fold(0.0_f64, |m, u| m.max(u.abs()));
    let moved = f64s(&run.depth_m()).iter().zip(&start).fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()));
    case.at_most("max speed, m/s, after 1000 steps", speed, bound::<R>(2e-5, 1e-12), SOURCE);
    case.at_most("max |dh|, m, after 1000 steps", moved, bound::<R>(2e-5, 1e-12), SOURCE);
    case.close(&run);
    Ok(())
}

/// Volume φ h A closes with every source there is, depth stays positive, threads and a break change no bit.
pub(super) fn mass<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let grid = Grid { nx: 100, ny: 70, dx_m: 2.0 };
    let mut rng = CounterRng::new(9, 1);
    let mut terrain = town(grid, 9);
    terrain.porosity = random_shares(&grid, 9);
    terrain.porosity.drag_per_m = vec![0.1; grid.cell_count()];
    let initial = Initial::pool(&terrain, &[], &[0], 50.0);
    let kinds = vec![Infiltration::InitialContinuing { initial_mm: 2.0, continuing_mmph: 20.0 }];
    let soil = Soil { kinds, kind: vec![0; grid.cell_count()] };
    let forcing = Forcing { soil, ..random_forcing(&grid, &mut rng) };
    let new = |threads: usize| {
        let params = FloodParams { threads, ..FloodParams::default() };
        FloodRunOf::<R>::new(terrain.clone(), vec![], forcing.clone(), params, initial.clone())
    };
    let (mut run, mut other) = (new(1)?, new(2)?);
    for k in 1..=6_usize {
        case.advance(&mut run, 20.0 * k as f64)?;
        case.advance(&mut other, 20.0 * k as f64)?;
        run.exchange((grid.nx * 20 + 7 * k) as u32, if k % 2 == 0 { -3.0 } else { 5.0 });
        other.exchange((grid.nx * 20 + 7 * k) as u32, if k % 2 == 0 { -3.0 } else { 5.0 });
        let saved = other.save();
        other = new(2)?;
        other.restore(&saved)?;
    }
    let differ = f64::from(u8::from(run.checksum() != other.checksum()));
    let lowest = f64s(&run.depth_m()).iter().fold(0.0_f64, |m, h| m.min(*h));
    let ledger = case.close(&run);
    let moved = ledger.rain_in_m3.min(ledger.infiltrated_m3).min(ledger.point_in_m3).min(ledger.stage_in_m3);
    case.at_most("volume error / inflow", ledger.relative_error(), bound::<R>(1e-6, 1e-12), SOURCE);
    case.at_least("least of rain, soaked, spring and river volume, m3", moved, 0.1, "every source takes part");
    case.at_least("lowest depth, m", lowest, 0.0, "definition of depth");
    case.at_most("two threads and six restarts differ", differ, 0.0, "same bits");
    Ok(())
}
