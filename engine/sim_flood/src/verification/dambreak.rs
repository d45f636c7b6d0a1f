//! Dam breaks over a flat frictionless bed.

use super::{advance, bound, rel_l1};
use crate::{FloodError, FloodParams, FloodRunOf, Forcing, Grid, Initial, Real, Terrain};
use sim_core::VerificationRow;

const LENGTH_M: f64 = 1000.0;
const LEFT_M: f64 = 10.0;

/// A channel `rows` cells wide with `LEFT_M` on the left half and `right_m` on the right.
fn channel<R: Real>(dx_m: f64, rows: usize, right_m: f64) -> Result<FloodRunOf<R>, FloodError> {
    let grid = Grid { nx: (LENGTH_M / dx_m).round() as usize, ny: rows, dx_m };
    let terrain = Terrain::from_fn(grid, 0.0, |_, _| 0.0);
    let depth_m = (0..grid.cell_count() as u32)
        .map(|c| if grid.centre_m(c)[0] < LENGTH_M / 2.0 { LEFT_M } else { right_m })
        .collect();
    let initial = Initial { depth_m, ..Initial::default() };
    let params = FloodParams { dry_depth_m: 1e-6, wet_depth_m: 1e-3, ..FloodParams::default() };
    FloodRunOf::<R>::new(terrain, vec![], Forcing { open_edges: true, ..Forcing::default() }, params, initial)
}

/// Middle row: (x from the dam, depth, discharge, velocity).
fn profile<R: Real>(run: &FloodRunOf<R>) -> Vec<[f64; 4]> {
    let g = run.grid();
    let (depth, velocity) = (run.depth_m(), run.velocity_x_mps());
    (0..g.nx)
        .map(|i| {
            let k = g.ny / 2 * g.nx + i;
            let (h, u) = (depth[k].to_f64(), velocity[k].to_f64());
            [(i as f64 + 0.5) * g.dx_m - LENGTH_M / 2.0, h, h * u, u]
        })
        .collect()
}

/// Stoker 1957, "Water waves", section 10.8: depth and velocity at x metres from the dam after t seconds.
struct Stoker {
    g: f64,
    hl: f64,
    hr: f64,
    h2: f64,
    u2: f64,
    shock: f64,
}

impl Stoker {
    fn new(g: f64, hl: f64, hr: f64) -> Self {
        // Bisection for the plateau depth: rarefaction velocity = shock velocity.
        let u_fan = |h: f64| 2.0 * ((g * hl).sqrt() - (g * h).sqrt());
        let u_shock = |h: f64| (h - hr) * (0.5 * g * (1.0 / h + 1.0 / hr)).sqrt();
        let (mut low, mut high) = (hr, hl);
        for _ in 0..200 {
            let mid = 0.5 * (low + high);
            if u_shock(mid) < u_fan(mid) { low = mid } else { high = mid }
        }
        let h2 = 0.5 * (low + high);
        let u2 = u_fan(h2);
        Self { g, hl, hr, h2, u2, shock: h2 * u2 / (h2 - hr) }
    }

    fn at(&self, x: f64, t: f64) -> (f64, f64) {
        let (cl, c2, s) = ((self.g * self.hl).sqrt(), (self.g * self.h2).sqrt(), x / t);
        if s < -cl {
            (self.hl, 0.0)
        } else if s < self.u2 - c2 {
            ((2.0 * cl - s).powi(2) / (9.0 * self.g), 2.0 / 3.0 * (s + cl))
        } else if s < self.shock {
            (self.h2, self.u2)
        } else {
            (self.hr, 0.0)
        }
    }
}

/// relL1(h) of Stoker's dam break on `rows` rows of cells of `dx_m` metres at `t_s` seconds, and the greatest depth,
/// metres.
///
/// # Errors
/// [`FloodError`] when the run stops.
pub fn stoker_error<R: Real>(dx_m: f64, rows: usize, t_s: f64) -> Result<(f64, f64), FloodError> {
    let mut run = channel::<R>(dx_m, rows, 1.0)?;
    advance(&mut run, t_s)?;
    let exact = Stoker::new(FloodParams::default().gravity_mps2, LEFT_M, 1.0);
    let p = profile(&run);
    let err = rel_l1(p.iter().map(|c| c[1]), p.iter().map(|c| exact.at(c[0], t_s).0));
    Ok((err, p.iter().fold(0.0, |m, c| c[1].max(m))))
}

/// Wet dam break 10 m to 1 m.
///
/// # Errors
/// [`FloodError`] when the run stops.
pub fn stoker<R: Real>() -> Result<Vec<VerificationRow>, FloodError> {
    let source = "Stoker 1957, Water waves, 10.8";
    let mut rows = Vec::new();
    let mut highest = 0.0_f64;
    for t in [5.0, 25.0] {
        let (err, top) = stoker_error::<R>(1.0, 5, t)?;
        highest = highest.max(top);
        rows.push(VerificationRow::at_most(
            "stoker-dam-break",
            &format!("relL1(h), dx 1 m, t {t} s"),
            err,
            7e-4,
            source,
        ));
    }
    let overshoot = VerificationRow::at_most(
        "stoker-dam-break",
        "overshoot above 10 m, m",
        highest - LEFT_M,
        bound::<R>(1e-5, 1e-12),
        source,
    );
    rows.push(overshoot);
    Ok(rows)
}

/// Observed order of relL1(h): a shock limits it to 1; the smooth part of a fan gives more.
///
/// # Errors
/// [`FloodError`] when the run stops.
pub fn convergence<R: Real>() -> Result<Vec<VerificationRow>, FloodError> {
    let (coarse, fine) = (stoker_error::<R>(4.0, 5, 25.0)?.0, stoker_error::<R>(1.0, 5, 25.0)?.0);
    let (c, f) = (smooth_wave_error::<R>(64)?, smooth_wave_error::<R>(128)?);
    Ok(vec![
        VerificationRow::at_least(
            "convergence",
            "order of relL1(h), dam break with shock",
            (coarse / fine).log2() / 2.0,
            0.9,
            "first order is the limit at a shock",
        ),
        VerificationRow::at_least(
            "convergence",
            "order of L1(h), smooth wave",
            (c / f).log2(),
            1.7,
            "simple wave by characteristics, Stoker 1957, 10.2",
        ),
    ])
}

/// L1 error of a smooth simple wave: u = 2 (c - c0), every level travels at u + c = 3 c - 2 c0 while unbroken.
fn smooth_wave_error<R: Real>(n: usize) -> Result<f64, FloodError> {
    let (length, h0, t_s) = (100.0, 1.0, 4.0);
    let g = FloodParams::default().gravity_mps2;
    let c0 = (g * h0).sqrt();
    let start = |x: f64| h0 + 0.1 * (-((x - 40.0) / 8.0).powi(2)).exp();
    let grid = Grid { nx: n, ny: 5, dx_m: length / n as f64 };
    // Cell averages by Simpson's rule, so that the initial error is of higher order.
    let mean = |f: &dyn Fn(f64) -> f64, x: f64| {
        let d = grid.dx_m / 2.0;
        (f(x - d) + 4.0 * f(x) + f(x + d)) / 6.0
    };
    let xs: Vec<f64> = (0..grid.cell_count() as u32).map(|c| grid.centre_m(c)[0]).collect();
    let depth_m: Vec<f64> = xs.iter().map(|x| mean(&start, *x)).collect();
    let q = |x: f64| start(x) * 2.0 * ((g * start(x)).sqrt() - c0);
    let velocity_x_mps = xs.iter().zip(&depth_m).map(|(x, h)| mean(&q, *x) / h).collect();
    let initial = Initial { depth_m, velocity_x_mps, ..Initial::default() };
    let forcing = Forcing { open_edges: true, ..Forcing::default() };
    let terrain = Terrain::from_fn(grid, 0.0, |_, _| 0.0);
    let mut run = FloodRunOf::<R>::new(terrain, vec![], forcing, FloodParams::default(), initial)?;
    advance(&mut run, t_s)?;
    // Exact depth at (x, t): h(x) = start(x - speed(h) t), by bisection on the foot of the characteristic.
    let exact = |x: f64| {
        let (mut low, mut high) = (x - 60.0, x);
        for _ in 0..100 {
            let foot = 0.5 * (low + high);
            let speed = 3.0 * (g * start(foot)).sqrt() - 2.0 * c0;
            if foot + speed * t_s < x { low = foot } else { high = foot }
        }
        start(0.5 * (low + high))
    };
    let row = 2 * grid.nx;
    let depth = run.depth_m();
    let sum: f64 = (0..grid.nx).map(|i| (depth[row + i].to_f64() - mean(&exact, xs[i])).abs()).sum();
    Ok(sum / n as f64)
}

/// Dam break 10 m onto a dry bed.
///
/// # Errors
/// [`FloodError`] when the run stops.
pub fn ritter<R: Real>() -> Result<Vec<VerificationRow>, FloodError> {
    let source = "Ritter 1892, Z. Ver. Dtsch. Ing. 36";
    let g = FloodParams::default().gravity_mps2;
    let c = (g * LEFT_M).sqrt();
    let exact = |x: f64, t: f64| {
        let s = x / t;
        if s < -c {
            (LEFT_M, 0.0)
        } else if s < 2.0 * c {
            ((2.0 * c - s).powi(2) / (9.0 * g), 2.0 / 3.0 * (s + c))
        } else {
            (0.0, 0.0)
        }
    };
    let mut run = channel::<R>(1.0, 5, 0.0)?;
    let mut rows = Vec::new();
    // At 50 s the fan fills the channel and its front has left.
    for (t, tolerance_h, tolerance_q) in [(20.0, 1e-3, 4e-3), (50.0, 1e-3, 2e-3)] {
        advance(&mut run, t)?;
        let p = profile(&run);
        let depth = rel_l1(p.iter().map(|c| c[1]), p.iter().map(|c| exact(c[0], t).0));
        let flow = rel_l1(p.iter().map(|c| c[2]), p.iter().map(|c| exact(c[0], t).0 * exact(c[0], t).1));
        let measure = |q: &str| format!("relL1({q}), dx 1 m, t {t} s");
        rows.push(VerificationRow::at_most("ritter-dam-break", &measure("h"), depth, tolerance_h, source));
        rows.push(VerificationRow::at_most("ritter-dam-break", &measure("hu"), flow, tolerance_q, source));
        if t < 25.0 {
            rows.extend(front_rows(&p, c, g, t, source));
        }
    }
    Ok(rows)
}

/// Place of the 5 cm and 1 cm depths of the front against the exact places; fastest water.
fn front_rows(p: &[[f64; 4]], c: f64, g: f64, t_s: f64, source: &str) -> Vec<VerificationRow> {
    let mut rows = Vec::new();
    for (film, tolerance) in [(0.05_f64, 5.0), (0.01, 10.0)] {
        let place = (2.0 * c - 3.0 * (g * film).sqrt()) * t_s;
        let front = p.iter().rev().find(|c| c[1] > film).map_or(f64::NAN, |c| c[0]);
        let measure = format!("{film} m depth of the front off by, cells");
        rows.push(VerificationRow::at_most("ritter-dam-break", &measure, (front - place).abs(), tolerance, source));
    }
    let fastest = p.iter().fold(0.0_f64, |m, c| m.max(c[3]));
    rows.push(VerificationRow::at_most("ritter-dam-break", "fastest water / 2c", fastest / (2.0 * c), 1.0, source));
    rows
}
