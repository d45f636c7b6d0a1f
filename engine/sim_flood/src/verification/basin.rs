//! Oscillations in a paraboloid: curved moving shorelines with exact solutions.

use super::{advance, bound, f64s, rel_l1};
use crate::{FloodError, FloodParams, FloodRunOf, Forcing, Grid, Initial, Real, Terrain};
use sim_core::VerificationRow;

const SIDE_M: f64 = 4.0;
const H0_M: f64 = 0.1;
const G: f64 = 9.81;
const SOURCE: &str = "Thacker 1981, J. Fluid Mech. 107; set-up of Delestre et al. 2013 (SWASHES)";

fn bowl(x: f64, y: f64) -> f64 {
    H0_M * ((x - SIDE_M / 2.0).powi(2) + (y - SIDE_M / 2.0).powi(2) - 1.0)
}

fn run<R: Real>(n: usize, state: impl Fn(f64, f64) -> [f64; 3]) -> Result<FloodRunOf<R>, FloodError> {
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
    let params = FloodParams { gravity_mps2: G, dry_depth_m: 1e-5, wet_depth_m: 1e-3, ..FloodParams::default() };
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

/// Radially symmetric oscillation: a = 1 m, h0 = 0.1 m, r0 = 0.8 m, three periods.
///
/// # Errors
/// [`FloodError`] when the run stops.
pub fn thacker_radial<R: Real>() -> Result<Vec<VerificationRow>, FloodError> {
    let r0: f64 = 0.8;
    let a = (1.0 - r0.powi(4)) / (1.0 + r0.powi(4));
    let w = (8.0 * G * H0_M).sqrt();
    let depth = move |x: f64, y: f64, t: f64| {
        let r2 = (x - SIDE_M / 2.0).powi(2) + (y - SIDE_M / 2.0).powi(2);
        let d = 1.0 - a * (w * t).cos();
        let level = H0_M * ((1.0 - a * a).sqrt() / d - 1.0 - r2 * ((1.0 - a * a) / (d * d) - 1.0));
        (level - bowl(x, y)).max(0.0)
    };
    let mut run = run::<R>(200, |x, y| [depth(x, y, 0.0), 0.0, 0.0])?;
    let period = std::f64::consts::TAU / w;
    let mut rows = Vec::new();
    for (k, tolerance) in [(1.0, 0.015), (3.0, 0.02)] {
        advance(&mut run, k * period)?;
        let e = error(&run, |x, y| depth(x, y, k * period));
        let measure = format!("relL1(h), 200 x 200, t = {k} T");
        rows.push(VerificationRow::at_most("thacker-radial", &measure, e, tolerance, SOURCE));
    }
    rows.push(VerificationRow::at_most(
        "thacker-radial",
        "volume error / volume",
        run.ledger().relative_error(),
        bound::<R>(1e-6, 1e-12),
        SOURCE,
    ));
    Ok(rows)
}

/// Planar surface in rotation: a = 1 m, h0 = 0.1 m, eta = 0.5 m, one and three periods.
///
/// # Errors
/// [`FloodError`] when the run stops.
pub fn thacker_planar<R: Real>() -> Result<Vec<VerificationRow>, FloodError> {
    let eta = 0.5;
    let w = (2.0 * G * H0_M).sqrt();
    let depth = move |x: f64, y: f64, t: f64| {
        let (dx, dy) = (x - SIDE_M / 2.0, y - SIDE_M / 2.0);
        let level = eta * H0_M * (2.0 * dx * (w * t).cos() + 2.0 * dy * (w * t).sin() - eta);
        (level - bowl(x, y)).max(0.0)
    };
    let mut run = run::<R>(100, |x, y| [depth(x, y, 0.0), 0.0, eta * w])?;
    let period = std::f64::consts::TAU / w;
    let mut rows = Vec::new();
    for (k, tolerance) in [(1.0, 0.02), (3.0, 0.035)] {
        advance(&mut run, k * period)?;
        let e = error(&run, |x, y| depth(x, y, k * period));
        let measure = format!("relL1(h), 100 x 100, t = {k} T");
        rows.push(VerificationRow::at_most("thacker-planar", &measure, e, tolerance, SOURCE));
    }
    Ok(rows)
}
