//! Oscillations of a flat surface in a parabolic canal, without friction and with linear friction.

use super::case::{CurveKind, Figure, VerificationCase};
use super::{middle_row, rel_l1};
use crate::{FloodError, FloodParams, FloodRunOf, Forcing, Grid, Initial, Real, Terrain};

const ROWS: usize = 5;

/// A canal of `n` cells over the length; bed, initial depth and one initial velocity.
fn canal<R: Real>(
    n: usize,
    length_m: f64,
    params: FloodParams,
    bed: impl Fn(f64) -> f64,
    depth_m: Vec<f64>,
    velocity_x_mps: Vec<f64>,
) -> Result<FloodRunOf<R>, FloodError> {
    let grid = Grid { nx: n, ny: ROWS, dx_m: length_m / n as f64 };
    let terrain = Terrain::from_fn(grid, 0.0, |x, _| bed(x));
    let initial = Initial { depth_m, velocity_x_mps, ..Initial::default() };
    FloodRunOf::<R>::new(terrain, vec![], Forcing::default(), params, initial)
}

/// One row's values for all rows.
fn rows_of(n: usize, dx_m: f64, value: impl Fn(f64) -> f64) -> Vec<f64> {
    (0..ROWS * n).map(|k| value(((k % n) as f64 + 0.5) * dx_m)).collect()
}

fn figure(title: &str, p: &[[f64; 3]], bed: impl Fn(f64) -> f64, depth: impl Fn(f64) -> f64) -> Figure {
    let wet = |h: f64, x: f64| (h > 1e-3).then(|| [x, bed(x) + h]);
    let top = p.iter().map(|c| bed(c[0]) + c[1].max(depth(c[0]))).filter(|z| *z < 1e9);
    let crown = 1.3 * p.iter().zip(top).filter(|(c, _)| c[1] > 1e-3).map(|c| c.1).fold(0.0, f64::max);
    Figure::new(title, "x, m", "level, m")
        .with(CurveKind::Bed, "bed", p.iter().map(|c| [c[0], bed(c[0])]).filter(|c| c[1] < crown))
        .with(CurveKind::Exact, "exact", p.iter().filter_map(|c| wet(depth(c[0]), c[0])))
        .with(CurveKind::Computed, "sim_flood", p.iter().filter_map(|c| wet(c[1], c[0])))
}

/// Frictionless canal: D0 = 4 m, L = 10 m, A = 2 m.
pub(super) fn parabolic_canal<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let source = "Thacker 1981, J. Fluid Mech. 107; set-up of ANUGA's parabolic_basin";
    let (g, d0, l, a): (f64, f64, f64, f64) = (9.81, 4.0, 10.0, 2.0);
    let (length, n): (f64, usize) = (28.0, 280);
    let w = (2.0 * g * d0).sqrt() / l;
    let bed = |x: f64| d0 * ((x - length / 2.0) / l).powi(2);
    let depth = |x: f64, t: f64| {
        let c = (w * t).cos();
        let level = d0 + 2.0 * a * d0 / (l * l) * c * (x - length / 2.0 - a * c / 2.0);
        (level - bed(x)).max(0.0)
    };
    let params = FloodParams { gravity_mps2: g, dry_depth_m: 1e-5, wet_depth_m: 1e-3, ..case.params() };
    let dx = length / n as f64;
    let start = rows_of(n, dx, |x| depth(x, 0.0));
    let mut run = canal::<R>(n, length, params, bed, start, vec![0.0; ROWS * n])?;
    for t in [2.5, 5.0, 7.5, 10.0] {
        case.advance(&mut run, t)?;
        let p = middle_row(&run);
        let err = rel_l1(p.iter().map(|c| c[1]), p.iter().map(|c| depth(c[0], t)));
        case.at_most(&format!("relL1(h), dx 0.1 m, t = {t} s"), err, 0.02, source);
        // Frictionless water moves as one piece: velocity of the middle.
        let u = -a * w * (w * t).sin();
        let off = (p[n / 2][2] - u).abs() / (a * w);
        case.at_most(&format!("velocity in the middle off by / greatest, t = {t} s"), off, 0.02, source);
    }
    case.figures.push(figure("Parabolic canal, dx 0.1 m, t = 10 s", &middle_row(&run), bed, |x| depth(x, 10.0)));
    case.close(&run);
    Ok(())
}

/// Canal with friction proportional to velocity: h0 = 10 m, a = 3000 m, B = 5 m/s, tau = 0.001 /s.
///
/// The kernel has Manning's friction only. Velocities are damped by exp(-tau dt) between short advances (splitting of
/// Strang 1968), so this checks the moving shores and the fluxes over a long decay, not the kernel's friction.
pub(super) fn sampson<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let source = "Sampson et al. 2006, ANZIAM J. 47; set-up of Delestre et al. 2013 (SWASHES 4 2 1)";
    let (g, h0, a, b, tau, length): (f64, f64, f64, f64, f64, f64) = (9.81, 10.0, 3000.0, 5.0, 1e-3, 10_000.0);
    let p = (8.0 * g * h0).sqrt() / a;
    let s = 0.5 * (p * p - tau * tau).sqrt();
    let bed = |x: f64| h0 * ((x - length / 2.0) / a).powi(2);
    let speed = |t: f64| b * (-tau * t / 2.0).exp() * (s * t).sin();
    let depth = |x: f64, t: f64| {
        let (sin, cos) = (s * t).sin_cos();
        let (sin2, cos2) = (2.0 * s * t).sin_cos();
        let rise = a * a * b * b * (-tau * t).exp() / (8.0 * g * g * h0);
        let level = h0 + rise * (-s * tau * sin2 + (tau * tau / 4.0 - s * s) * cos2)
            - b * b * (-tau * t).exp() / (4.0 * g)
            - (-tau * t / 2.0).exp() / g * (b * s * cos + tau * b / 2.0 * sin) * (x - length / 2.0);
        (level - bed(x)).max(0.0)
    };
    let (n, beat_s, end_s) = (500, 10.0, 6000.0);
    let dx = length / n as f64;
    let params = FloodParams { gravity_mps2: g, dry_depth_m: 1e-4, max_dt_s: 10.0, ..case.params() };
    let (mut h, mut u) = (rows_of(n, dx, |x| depth(x, 0.0)), vec![0.0; ROWS * n]);
    let (mut worst, mut series, mut water) = (0.0_f64, Vec::new(), Vec::new());
    let damp = (-tau * beat_s / 2.0).exp();
    let beats = (end_s / beat_s) as usize;
    for k in 1..=beats {
        u.iter_mut().for_each(|u| *u *= damp);
        let mut run = canal::<R>(n, length, params, bed, h, u)?;
        case.advance(&mut run, beat_s)?;
        (h, u) = (super::f64s(&run.depth_m()), super::f64s(&run.velocity_x_mps()));
        u.iter_mut().for_each(|u| *u *= damp);
        let (t, middle) = (k as f64 * beat_s, u[ROWS / 2 * n + n / 2]);
        series.push([t, middle]);
        if k % (beats / 10) == 0 {
            let row = |k: usize| (k as f64 + 0.5) * dx;
            let err = rel_l1(h[..n].iter().copied(), (0..n).map(|i| depth(row(i), t)));
            worst = worst.max(err);
        }
        if k == beats {
            water = middle_row(&run);
        }
        if k == 1 || k == beats {
            case.close(&run);
        }
    }
    // Extremes fall as exp(-tau t / 2).
    let extremes: Vec<[f64; 2]> = series.windows(3).filter_map(extreme).collect();
    let decay = match (extremes.first(), extremes.last()) {
        (Some(a), Some(b)) => (a[1] / b[1]).abs().ln() / (b[0] - a[0]) / (tau / 2.0),
        _ => f64::NAN,
    };
    case.at_most("rate of decay off by, relative", (decay - 1.0).abs(), 0.01, source);
    case.at_most("relL1(h), 500 cells, worst of 10 times to 6000 s", worst, 0.01, source);
    case.figures.push(
        Figure::new("Sampson's canal: velocity in the middle", "time, s", "velocity, m/s")
            .with(CurveKind::Exact, "exact", series.iter().map(|c| [c[0], speed(c[0])]))
            .with(CurveKind::Computed, "sim_flood", series.iter().step_by(6).copied()),
    );
    case.figures.push(figure("Sampson's canal, 500 cells, t = 6000 s", &water, bed, |x| depth(x, end_s)));
    Ok(())
}

/// Time and height of the extreme of three equally spaced values, by the parabola through them; `None` without one.
fn extreme(w: &[[f64; 2]]) -> Option<[f64; 2]> {
    let (slope, bend) = (0.5 * (w[2][1] - w[0][1]), w[2][1] - 2.0 * w[1][1] + w[0][1]);
    let there = (w[1][1] - w[0][1]) * (w[2][1] - w[1][1]) < 0.0;
    there.then(|| [w[1][0] - slope / bend * (w[1][0] - w[0][0]), w[1][1] - 0.5 * slope * slope / bend])
}
