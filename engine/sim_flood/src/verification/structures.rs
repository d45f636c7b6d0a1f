//! Walls, gates and buildings.

use super::case::VerificationCase;
use super::{bisect, f64s};
use crate::{FloodError, FloodRunOf, Forcing, Grid, Initial, PointInflow, Real, Terrain, barrier_along};

/// A filling basin behind a diagonal wall: nothing passes until the water stands above the crest, then it does, and
/// what stays is level with the crest.
pub(super) fn barrier_until_overtopped<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let source = "definition of a barrier";
    let (grid, crest) = (Grid { nx: 100, ny: 40, dx_m: 1.0 }, 1.5);
    let terrain = Terrain::from_fn(grid, 0.03, |x, _| if x > 60.0 { -1.0 } else { 0.0 });
    let wall = barrier_along(&grid, &[[30.0, 0.0], [52.0, 40.0]], crest);
    let initial = Initial::pool(&terrain, std::slice::from_ref(&wall), &[0], 1.2);
    let wet: Vec<bool> = initial.depth_m.iter().map(|h| *h > 0.0).collect();
    // Basin of about 1640 m2 filled from 1.2 m: the crest is reached after some 90 s; inflow stops at 240 s.
    let series = vec![(0.0, 5.0), (240.0, 5.0), (241.0, 0.0)];
    let forcing = Forcing {
        inflows: vec![PointInflow { cells: vec![0, 1, 100], series, ..PointInflow::default() }],
        ..Forcing::default()
    };
    let mut run = FloodRunOf::<R>::new(terrain, vec![wall], forcing, case.params(), initial)?;
    let mut leaked = 0.0_f64;
    let mut overtopped = f64::NAN;
    for k in 1..=300 {
        case.advance(&mut run, f64::from(k))?;
        let (mut top, mut behind) = (0.0_f64, 0.0);
        for (h, pool) in f64s(&run.depth_m()).into_iter().zip(&wet) {
            if *pool { top = top.max(h) } else { behind += h }
        }
        if f64::from(run.max_depth_m().iter().zip(&wet).filter(|w| *w.1).fold(0.0_f32, |m, w| m.max(*w.0))) < crest {
            leaked = leaked.max(behind);
        } else if overtopped.is_nan() {
            overtopped = top;
        }
    }
    case.advance(&mut run, 900.0)?;
    let depth = f64s(&run.depth_m());
    let over = depth.iter().zip(&wet).filter(|w| *w.1).fold(0.0_f64, |m, w| m.max(*w.0)) - crest;
    let behind: f64 = depth.iter().zip(&wet).filter(|w| !w.1).map(|w| w.0).sum();
    case.close(&run);
    case.at_most("water behind before overtopping, m3", leaked, 0.0, source);
    case.at_least("water behind after overtopping, m3", behind, 100.0, source);
    case.at_most("level left above the crest, m", over.abs(), 0.01, source);
    Ok(())
}

/// A dam break runs into a closed row of buildings: nothing enters or passes, and a steady stream that meets a wall is
/// thrown back at the depth of the bore.
pub(super) fn buildings_hold<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let grid = Grid { nx: 120, ny: 40, dx_m: 1.0 };
    let mut terrain = Terrain::from_fn(grid, 0.02, |_, _| 0.0);
    let mut initial = Initial { depth_m: vec![0.0; grid.cell_count()], ..Initial::default() };
    for k in 0..grid.cell_count() {
        let i = k % grid.nx;
        terrain.blocked[k] = (80..84).contains(&i);
        initial.depth_m[k] = if i < 40 { 4.0 } else { 0.0 };
    }
    let mut run = FloodRunOf::<R>::new(terrain, vec![], Forcing::default(), case.params(), initial)?;
    case.advance(&mut run, 40.0)?;
    let leaked: f64 =
        f64s(&run.depth_m()).into_iter().enumerate().filter(|(k, _)| k % grid.nx >= 80).map(|(_, h)| h).sum();
    let against = run.max_depth_m()[20 * grid.nx + 79];
    let source = "definition of a blocked cell";
    case.at_most("water in and behind buildings, m3", leaked, 0.0, source);
    case.at_least("greatest depth in front, m", f64::from(against), 1.0, source);
    case.close(&run);
    bore_against_wall::<R>(case)
}

/// A stream of depth 1 m and 2 m/s meets a wall. The bore depth h2 solves
/// u1 = (h2 - h1) sqrt(g (1/h1 + 1/h2) / 2) (Rankine-Hugoniot with still water behind the bore).
fn bore_against_wall<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let (h1, u1) = (1.0, 2.0);
    let grid = Grid { nx: 200, ny: 5, dx_m: 1.0 };
    let mut terrain = Terrain::from_fn(grid, 0.0, |_, _| 0.0);
    for k in 0..grid.cell_count() {
        terrain.blocked[k] = k % grid.nx >= 190;
    }
    let n = grid.cell_count();
    let initial = Initial { depth_m: vec![h1; n], velocity_x_mps: vec![u1; n], ..Initial::default() };
    let forcing = Forcing { open_edges: true, ..Forcing::default() };
    let params = case.params();
    let g = params.gravity_mps2;
    let mut run = FloodRunOf::<R>::new(terrain, vec![], forcing, params, initial)?;
    case.advance(&mut run, 20.0)?;
    case.close(&run);
    let bore = bisect(h1, 10.0 * h1, |h| (h - h1) * (0.5 * g * (1.0 / h1 + 1.0 / h)).sqrt() - u1);
    // The cell at the wall and one ten cells away: both stand in the bore.
    let row = 2 * grid.nx;
    let off = |i: usize| (run.depth_at_m((row + i) as u32) / bore - 1.0).abs();
    let worst = [189, 188, 180].into_iter().map(off).fold(0.0_f64, f64::max);
    case.at_most("bore depth off by, relative", worst, 0.002, "Rankine-Hugoniot, Stoker 1957, 10.6");
    Ok(())
}
