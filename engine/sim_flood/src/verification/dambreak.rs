//! Dam breaks over a flat frictionless bed, and over a step of the bed.

use super::case::{CurveKind, Figure, VerificationCase};
use super::{advance, bisect, bound, middle_row, observed_order, rel_l1};
use crate::{FloodError, FloodParams, FloodRunOf, Forcing, Grid, Initial, Real, Terrain};

const LENGTH_M: f64 = 1000.0;
const LEFT_M: f64 = 10.0;

/// A channel `rows` cells wide with `LEFT_M` on the left half and `right_m` on the right.
fn channel<R: Real>(dx_m: f64, rows: usize, right_m: f64, params: FloodParams) -> Result<FloodRunOf<R>, FloodError> {
    let grid = Grid { nx: (LENGTH_M / dx_m).round() as usize, ny: rows, dx_m };
    let terrain = Terrain::from_fn(grid, 0.0, |_, _| 0.0);
    let depth_m = (0..grid.cell_count() as u32)
        .map(|c| if grid.centre_m(c)[0] < LENGTH_M / 2.0 { LEFT_M } else { right_m })
        .collect();
    let initial = Initial { depth_m, ..Initial::default() };
    let params = FloodParams { dry_depth_m: 1e-6, wet_depth_m: 1e-3, ..params };
    FloodRunOf::<R>::new(terrain, vec![], Forcing { open_edges: true, ..Forcing::default() }, params, initial)
}

/// Middle row: (x from the dam, depth, discharge, velocity).
fn profile<R: Real>(run: &FloodRunOf<R>) -> Vec<[f64; 4]> {
    middle_row(run).into_iter().map(|[x, h, u]| [x - LENGTH_M / 2.0, h, h * u, u]).collect()
}

fn figure(title: &str, p: &[[f64; 4]], exact: impl Fn(f64) -> f64) -> Figure {
    Figure::new(title, "x from the dam, m", "depth, m")
        .with(CurveKind::Exact, "exact", p.iter().map(|c| [c[0], exact(c[0])]))
        .with(CurveKind::Computed, "sim_flood", p.iter().map(|c| [c[0], c[1]]))
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
        // The plateau: rarefaction velocity = shock velocity.
        let u_fan = |h: f64| 2.0 * ((g * hl).sqrt() - (g * h).sqrt());
        let u_shock = |h: f64| (h - hr) * (0.5 * g * (1.0 / h + 1.0 / hr)).sqrt();
        let h2 = bisect(hr, hl, |h| u_shock(h) - u_fan(h));
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
    let mut run = channel::<R>(dx_m, rows, 1.0, FloodParams::default())?;
    advance(&mut run, t_s)?;
    Ok(stoker_measures(&run, t_s))
}

fn stoker_measures<R: Real>(run: &FloodRunOf<R>, t_s: f64) -> (f64, f64) {
    let exact = Stoker::new(FloodParams::default().gravity_mps2, LEFT_M, 1.0);
    let p = profile(run);
    let err = rel_l1(p.iter().map(|c| c[1]), p.iter().map(|c| exact.at(c[0], t_s).0));
    (err, p.iter().fold(0.0, |m, c| c[1].max(m)))
}

/// Wet dam break 10 m to 1 m.
pub(super) fn stoker<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let source = "Stoker 1957, Water waves, 10.8";
    let exact = Stoker::new(FloodParams::default().gravity_mps2, LEFT_M, 1.0);
    let mut highest = 0.0_f64;
    let mut run = channel::<R>(1.0, 5, 1.0, case.params())?;
    for t in [5.0, 25.0, 50.0] {
        case.advance(&mut run, t)?;
        let (err, top) = stoker_measures(&run, t);
        highest = highest.max(top);
        case.at_most(&format!("relL1(h), dx 1 m, t {t} s"), err, 7e-4, source);
        if t == 25.0 {
            let title = "Stoker's wet dam break, dx 1 m, t = 25 s";
            case.figures.push(figure(title, &profile(&run), |x| exact.at(x, t).0));
        }
    }
    case.close(&run);
    case.at_most("overshoot above 10 m, m", highest - LEFT_M, bound::<R>(1e-5, 1e-12), source);
    Ok(())
}

/// Observed order of relL1(h): a shock limits it to 1; a smooth wave gives more.
pub(super) fn convergence<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let mut shock = Vec::new();
    for dx in [4.0, 2.0, 1.0] {
        let mut run = channel::<R>(dx, 5, 1.0, case.params())?;
        case.advance(&mut run, 25.0)?;
        case.close(&run);
        shock.push((dx, stoker_measures(&run, 25.0).0));
    }
    let mut smooth = Vec::new();
    for n in [64, 128, 256] {
        smooth.push((100.0 / n as f64, smooth_wave_error::<R>(case, n)?));
    }
    let limit = "first order is the limit at a shock";
    case.at_least("order of relL1(h), dam break with shock, dx 4, 2, 1 m", observed_order(&shock), 0.9, limit);
    let source = "simple wave by characteristics, Stoker 1957, 10.2";
    case.at_least("order of L1(h), smooth wave, 64, 128, 256 cells", observed_order(&smooth), 1.7, source);
    case.figures.push(Figure::orders("Stoker's dam break: error and cell size", "relL1(h)", &shock, 1.0));
    case.figures.push(Figure::orders("Smooth wave: error and cell size", "L1(h), m", &smooth, 2.0));
    Ok(())
}

/// L1 error of a smooth simple wave: u = 2 (c - c0), every level travels at u + c = 3 c - 2 c0 while unbroken.
fn smooth_wave_error<R: Real>(case: &mut VerificationCase, n: usize) -> Result<f64, FloodError> {
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
    let mut run = FloodRunOf::<R>::new(terrain, vec![], forcing, case.params(), initial)?;
    case.advance(&mut run, t_s)?;
    case.close(&run);
    // Exact depth at (x, t): h(x) = start(x - speed(h) t), by bisection on the foot of the characteristic.
    let exact = |x: f64| {
        start(bisect(x - 60.0, x, |foot| {
            let speed = 3.0 * (g * start(foot)).sqrt() - 2.0 * c0;
            foot + speed * t_s - x
        }))
    };
    let sum: f64 = middle_row(&run).iter().map(|c| (c[1] - mean(&exact, c[0])).abs()).sum();
    Ok(sum / n as f64)
}

/// Dam break 10 m onto a dry bed.
pub(super) fn ritter<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
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
    let mut run = channel::<R>(1.0, 5, 0.0, case.params())?;
    // At 50 s the fan fills the channel and its front has left.
    for (t, bound_h, bound_q) in [(20.0, 1e-3, 4e-3), (50.0, 1e-3, 2e-3)] {
        case.advance(&mut run, t)?;
        let p = profile(&run);
        let depth = rel_l1(p.iter().map(|c| c[1]), p.iter().map(|c| exact(c[0], t).0));
        let flow = rel_l1(p.iter().map(|c| c[2]), p.iter().map(|c| exact(c[0], t).0 * exact(c[0], t).1));
        let measure = |q: &str| format!("relL1({q}), dx 1 m, t {t} s");
        case.at_most(&measure("h"), depth, bound_h, source);
        case.at_most(&measure("hu"), flow, bound_q, source);
        if t < 25.0 {
            front_rows(case, &p, c, g, t, source);
            let title = "Ritter's dam break onto a dry bed, dx 1 m, t = 20 s";
            case.figures.push(figure(title, &p, |x| exact(x, t).0));
        }
    }
    case.close(&run);
    Ok(())
}

/// Place of the 5 cm and 1 cm depths of the front against the exact places; fastest water.
fn front_rows(case: &mut VerificationCase, p: &[[f64; 4]], c: f64, g: f64, t_s: f64, source: &str) {
    for (film, bound) in [(0.05_f64, 5.0), (0.01, 10.0)] {
        let place = (2.0 * c - 3.0 * (g * film).sqrt()) * t_s;
        let front = p.iter().rev().find(|c| c[1] > film).map_or(f64::NAN, |c| c[0]);
        let measure = format!("{film} m depth of the front off by, cells");
        case.at_most(&measure, (front - place).abs(), bound, source);
        // The aim was 5 cm of length, a twentieth of a cell.
        case.aims_at(0.05);
    }
    let fastest = p.iter().fold(0.0_f64, |m, c| m.max(c[3]));
    case.at_most("fastest water / 2c", fastest / (2.0 * c), 1.0, source);
}

/// Dam break over a step of 1 m: 4 m of water falls against 1 m on the higher side.
///
/// A rarefaction, a standing jump of the bed over which discharge and head hold, and a shock.
pub(super) fn step<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let source = "LeFloch and Thanh 2011, J. Comput. Phys. 230; set-up of Delestre et al. 2013 (SWASHES 7 1 1)";
    let (g, hl, hr, sill, t_s, dam): (f64, f64, f64, f64, f64, f64) = (9.81, 4.0, 1.0, 1.0, 1.0, 10.0);
    // Left of the step, by its depth: velocity of the fan. Right of it: the shock's. Equal discharge gives the right
    // depth; equal head decides.
    let u_left = |h: f64| 2.0 * ((g * hl).sqrt() - (g * h).sqrt());
    let u_right = |h: f64| (h - hr) * (0.5 * g * (1.0 / h + 1.0 / hr)).sqrt();
    let right_of = |h: f64| bisect(hr, hl, |d| d * u_right(d) - h * u_left(h));
    let head = |h: f64, u: f64| h + u * u / (2.0 * g);
    let h1 = bisect(2.5, hl, |h| head(h, u_left(h)) - head(right_of(h), u_right(right_of(h))) - sill);
    let (u1, h2) = (u_left(h1), right_of(h1));
    let shock = h2 * u_right(h2) / (h2 - hr);
    let cl = (g * hl).sqrt();
    let exact = |x: f64| {
        let s = (x - dam) / t_s;
        if s < -cl {
            hl
        } else if s < u1 - (g * h1).sqrt() {
            (2.0 * cl - s).powi(2) / (9.0 * g)
        } else if s < 0.0 {
            h1
        } else if s < shock {
            h2
        } else {
            hr
        }
    };
    let grid = Grid { nx: 400, ny: 5, dx_m: 0.05 };
    let bed = |x: f64| if x < dam { 0.0 } else { sill };
    let terrain = Terrain::from_fn(grid, 0.0, |x, _| bed(x));
    let depth_m = (0..grid.cell_count() as u32).map(|c| if grid.centre_m(c)[0] < dam { hl } else { hr }).collect();
    let initial = Initial { depth_m, ..Initial::default() };
    let params = FloodParams { gravity_mps2: g, ..case.params() };
    let forcing = Forcing { open_edges: true, ..Forcing::default() };
    let mut run = FloodRunOf::<R>::new(terrain, vec![], forcing, params, initial)?;
    case.advance(&mut run, t_s)?;
    case.close(&run);
    let p = middle_row(&run);
    let err = rel_l1(p.iter().map(|c| c[1]), p.iter().map(|c| exact(c[0])));
    case.at_most("relL1(h), 400 cells, t 1 s", err, 1e-2, source);
    let over_step = p[200..].iter().take(20).map(|c| c[1]).sum::<f64>() / 20.0;
    case.at_most("depth on the step off by, relative", (over_step / h2 - 1.0).abs(), 2e-2, source);
    let xs = || p.iter().map(|c| c[0]);
    case.figures.push(
        Figure::new("Dam break over a step, 400 cells, t = 1 s", "x, m", "level, m")
            .with(CurveKind::Bed, "bed", xs().map(|x| [x, bed(x)]))
            .with(CurveKind::Exact, "exact", xs().map(|x| [x, bed(x) + exact(x)]))
            .with(CurveKind::Computed, "sim_flood", p.iter().map(|c| [c[0], bed(c[0]) + c[1]])),
    );
    Ok(())
}
