//! Oscillations in a paraboloid: curved moving shorelines with exact solutions.

use super::case::{CurveKind, Figure, VerificationCase};
use super::{bound, f64s, observed_order, rel_l1};
use crate::{FloodError, FloodParams, FloodRunOf, Forcing, Grid, Initial, Real, Terrain};

const SIDE_M: f64 = 4.0;
const H0_M: f64 = 0.1;
const G: f64 = 9.81;
/// Water thinner than this does not count when the shore is looked for, metres.
const FILM_M: f64 = 1e-3;
const SOURCE: &str = "Thacker 1981, J. Fluid Mech. 107; set-up of Delestre et al. 2013 (SWASHES)";

fn bowl(x: f64, y: f64) -> f64 {
    H0_M * ((x - SIDE_M / 2.0).powi(2) + (y - SIDE_M / 2.0).powi(2) - 1.0)
}

fn run<R: Real>(
    n: usize,
    state: impl Fn(f64, f64) -> [f64; 3],
    params: FloodParams,
) -> Result<FloodRunOf<R>, FloodError> {
    let grid = Grid { nx: n, ny: n, dx_m: SIDE_M / n as f64 };
    let terrain = Terrain::from_fn(grid, 0.0, bowl);
    let mut initial = Initial::default();
    for c in 0..grid.cell_count() as u32 {
        let [x, y] = grid.centre_m(c);
        let [h, u, v] = state(x, y);
        initial.depth_m.push(h);
        initial.velocity_x_mps.push(u);
        initial.velocity_y_mps.push(v);
    }
    let params = FloodParams { gravity_mps2: G, dry_depth_m: 1e-5, wet_depth_m: 1e-3, ..params };
    FloodRunOf::<R>::new(terrain, vec![], Forcing::default(), params, initial)
}

fn error<R: Real>(run: &FloodRunOf<R>, depth: impl Fn(f64, f64) -> f64) -> f64 {
    let g = run.grid();
    let exact = (0..g.cell_count() as u32).map(|c| {
        let [x, y] = g.centre_m(c);
        depth(x, y)
    });
    rel_l1(f64s(&run.depth_m()), exact)
}

/// (x, depth computed, depth exact) along the middle row.
fn middle<R: Real>(run: &FloodRunOf<R>, depth: impl Fn(f64, f64) -> f64) -> Vec<[f64; 3]> {
    let y = ((run.grid().ny / 2) as f64 + 0.5) * run.grid().dx_m;
    super::middle_row(run).into_iter().map(|[x, h, _]| [x, h, depth(x, y)]).collect()
}

/// Distance of the computed from the exact shore along the middle row, the greater of both sides, cells.
fn shore_off_cells<R: Real>(run: &FloodRunOf<R>, depth: impl Fn(f64, f64) -> f64) -> f64 {
    let g = run.grid();
    let y = (g.ny / 2) as f64 * g.dx_m + 0.5 * g.dx_m;
    let p = super::middle_row(run);
    let ends = |wet: &dyn Fn(&[f64; 3]) -> bool| [p.iter().position(wet), p.iter().rposition(wet)];
    let (got, exact) = (ends(&|c| c[1] > FILM_M), ends(&|c| depth(c[0], y) > FILM_M));
    let off = |(a, b): (&Option<usize>, &Option<usize>)| match (a, b) {
        (Some(a), Some(b)) => (*a as f64 - *b as f64).abs(),
        _ => f64::NAN,
    };
    got.iter().zip(&exact).map(off).fold(0.0, |m, d| if d <= m { m } else { d })
}

fn figure(title: &str, p: &[[f64; 3]]) -> Figure {
    let bed = |x: f64| bowl(x, SIDE_M / 2.0);
    let wet = |k: usize| p.iter().filter(move |c| c[k] > FILM_M).map(move |c| [c[0], bed(c[0]) + c[k]]);
    Figure::new(title, "x, m", "level, m")
        .with(CurveKind::Bed, "bed", p.iter().map(|c| [c[0], bed(c[0])]))
        .with(CurveKind::Exact, "exact", wet(2))
        .with(CurveKind::Computed, "sim_flood", wet(1))
}

/// Radially symmetric oscillation: a = 1 m, h0 = 0.1 m, r0 = 0.8 m, three periods.
pub(super) fn thacker_radial<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let r0: f64 = 0.8;
    let a = (1.0 - r0.powi(4)) / (1.0 + r0.powi(4));
    let w = (8.0 * G * H0_M).sqrt();
    let depth = move |x: f64, y: f64, t: f64| {
        let r2 = (x - SIDE_M / 2.0).powi(2) + (y - SIDE_M / 2.0).powi(2);
        let d = 1.0 - a * (w * t).cos();
        let level = H0_M * ((1.0 - a * a).sqrt() / d - 1.0 - r2 * ((1.0 - a * a) / (d * d) - 1.0));
        (level - bowl(x, y)).max(0.0)
    };
    let period = std::f64::consts::TAU / w;
    let mut errors = Vec::new();
    for n in [50, 100, 200] {
        let mut run = run::<R>(n, |x, y| [depth(x, y, 0.0), 0.0, 0.0], case.params())?;
        case.advance(&mut run, period)?;
        let now = |x: f64, y: f64| depth(x, y, period);
        errors.push((SIDE_M / n as f64, error(&run, now)));
        if n < 200 {
            case.close(&run);
            continue;
        }
        case.at_most("relL1(h), 200 x 200, t = 1 T", errors[2].1, 0.015, SOURCE);
        // Half a period on the water stands lowest and widest.
        case.advance(&mut run, 2.5 * period)?;
        let now = |x: f64, y: f64| depth(x, y, 2.5 * period);
        case.figures.push(figure("Thacker's radial oscillation, 200 x 200, t = 2.5 T", &middle(&run, now)));
        case.advance(&mut run, 3.0 * period)?;
        let now = |x: f64, y: f64| depth(x, y, 3.0 * period);
        case.at_most("relL1(h), 200 x 200, t = 3 T", error(&run, now), 0.02, SOURCE);
        case.at_most("shore (1 mm) off by, cells, t = 3 T", shore_off_cells(&run, now), 2.0, SOURCE);
        case.close(&run);
    }
    case.at_least("order of relL1(h), 50, 100, 200 cells, t = 1 T", observed_order(&errors), 1.0, SOURCE);
    case.figures.push(Figure::orders("Thacker's radial oscillation: error and cell size", "relL1(h)", &errors, 1.0));
    case.at_most("volume error / volume", case.mass_error, bound::<R>(1e-6, 1e-12), SOURCE);
    Ok(())
}

/// Planar surface in rotation: a = 1 m, h0 = 0.1 m, eta = 0.5 m, one and three periods.
pub(super) fn thacker_planar<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let eta = 0.5;
    let w = (2.0 * G * H0_M).sqrt();
    let depth = move |x: f64, y: f64, t: f64| {
        let (dx, dy) = (x - SIDE_M / 2.0, y - SIDE_M / 2.0);
        let level = eta * H0_M * (2.0 * dx * (w * t).cos() + 2.0 * dy * (w * t).sin() - eta);
        (level - bowl(x, y)).max(0.0)
    };
    let mut run = run::<R>(200, |x, y| [depth(x, y, 0.0), 0.0, eta * w], case.params())?;
    let period = std::f64::consts::TAU / w;
    for k in [1.0, 3.0] {
        case.advance(&mut run, k * period)?;
        let now = |x: f64, y: f64| depth(x, y, k * period);
        case.at_most(&format!("relL1(h), 200 x 200, t = {k} T"), error(&run, now), 0.02, SOURCE);
    }
    let now = |x: f64, y: f64| depth(x, y, 3.0 * period);
    case.at_most("shore (1 mm) off by, cells, t = 3 T", shore_off_cells(&run, now), 2.0, SOURCE);
    // The centre of mass is on a circle of radius eta around the middle; after whole periods east of it.
    let (h, g) = (f64s(&run.depth_m()), run.grid());
    let moment = |k: usize| {
        let of = |c: usize| h[c] * g.centre_m(c as u32)[k];
        (0..h.len()).map(of).sum::<f64>() / h.iter().sum::<f64>() - SIDE_M / 2.0
    };
    let drift = (moment(0) - eta).hypot(moment(1)) / eta;
    case.at_most("centre of mass off by / radius of its circle, t = 3 T", drift, 0.01, SOURCE);
    case.figures.push(figure("Thacker's planar oscillation, 200 x 200, t = 3 T", &middle(&run, now)));
    case.close(&run);
    Ok(())
}
