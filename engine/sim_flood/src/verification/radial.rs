//! A round column of water breaks: no direction of the raster is preferred.

use super::case::{CurveKind, Figure, VerificationCase};
use super::reference::Reference;
use super::{bound, f64s, rel_l1};
use crate::{FloodError, FloodParams, FloodRunOf, Forcing, Grid, Initial, Real, Terrain};

const CELLS: usize = 400;
const DX_M: f64 = 0.5;
const RADIUS_M: f64 = 50.0;
const IN_M: f64 = 10.0;
const END_S: f64 = 2.0;

/// Share of a cell within the radius, on 16 x 16 points.
fn share_inside(x: f64, y: f64) -> f64 {
    let at = |k: i32| (f64::from(k) + 0.5) / 16.0 - 0.5;
    let inside = |(i, j): &(i32, i32)| (x + DX_M * at(*i)).hypot(y + DX_M * at(*j)) < RADIUS_M;
    (0..16).flat_map(|i| (0..16).map(move |j| (i, j))).filter(inside).count() as f64 / 256.0
}

/// A column of 10 m and radius 50 m in the middle of 200 x 200 m, in still water of 1 m and on a dry bed.
pub(super) fn radial_dam_break<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    for (name, out_m) in [("into 1 m", 1.0), ("onto a dry bed", 0.0)] {
        one::<R>(case, name, out_m)?;
    }
    Ok(())
}

fn one<R: Real>(case: &mut VerificationCase, name: &str, out_m: f64) -> Result<(), FloodError> {
    let grid = Grid { nx: CELLS, ny: CELLS, dx_m: DX_M };
    let terrain = Terrain::from_fn(grid, 0.0, |_, _| 0.0);
    let middle = CELLS as f64 / 2.0 * DX_M;
    let from_middle = |c: u32| grid.centre_m(c).map(|x| x - middle);
    let depth_m = (0..grid.cell_count() as u32)
        .map(|c| {
            let [x, y] = from_middle(c);
            out_m + (IN_M - out_m) * share_inside(x, y)
        })
        .collect();
    let params = FloodParams { dry_depth_m: 1e-6, wet_depth_m: 1e-3, ..case.params() };
    let forcing = Forcing { open_edges: true, ..Forcing::default() };
    let initial = Initial { depth_m, ..Initial::default() };
    let mut run = FloodRunOf::<R>::new(terrain, vec![], forcing, params, initial)?;
    case.advance(&mut run, END_S)?;
    case.close(&run);
    let depth = |r: f64| if r < RADIUS_M { IN_M } else { out_m };
    let mut reference = Reference { radial: true, ..Reference::still(params.gravity_mps2, 0.05, 3000, depth) };
    reference.run(END_S);
    let h = f64s(&run.depth_m());
    let radius = |c: usize| {
        let [x, y] = from_middle(c as u32);
        x.hypot(y)
    };
    let source = "one-dimensional radial reference with 3000 cells";
    let err = rel_l1(h.iter().copied(), (0..h.len()).map(|c| reference.depth_at(radius(c))));
    case.at_most(&format!("{name}: relL1(h), dx 0.5 m, t 2 s"), err, 0.01, source);
    let mirrored = mirror_error(&h);
    let round_off = bound::<R>(1e-4, 1e-10);
    case.at_most(&format!("{name}: max |h - mirrored h|, m"), mirrored, round_off, "eight-fold symmetry");
    // Along the axis and along the diagonal.
    let half = CELLS / 2;
    let axis = (half..CELLS).map(|i| half * CELLS + i);
    let diagonal = (half..CELLS).map(|i| i * CELLS + i).take_while(|c| radius(*c) < 100.0);
    case.figures.push(
        Figure::new(&format!("Round dam break {name}, dx 0.5 m, t = 2 s"), "distance from the middle, m", "depth, m")
            .with(
                CurveKind::Exact,
                "radial reference",
                axis.clone().map(|c| [radius(c), reference.depth_at(radius(c))]),
            )
            .with(CurveKind::Computed, "sim_flood, along x", axis.map(|c| [radius(c), h[c]]))
            .with(CurveKind::Computed, "sim_flood, along the diagonal", diagonal.map(|c| [radius(c), h[c]])),
    );
    Ok(())
}

/// Greatest difference from the seven mirror images, metres.
fn mirror_error(h: &[f64]) -> f64 {
    let at = |i: usize, j: usize| h[j * CELLS + i];
    let mut worst = 0.0_f64;
    for j in 0..CELLS {
        for i in 0..CELLS {
            let (a, b) = (CELLS - 1 - i, CELLS - 1 - j);
            for other in [at(a, j), at(i, b), at(a, b), at(j, i), at(b, i), at(j, a), at(b, a)] {
                worst = worst.max((at(i, j) - other).abs());
            }
        }
    }
    worst
}
