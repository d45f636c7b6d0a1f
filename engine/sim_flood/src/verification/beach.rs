//! Waves running up a plane beach (Carrier and Greenspan): a moving shore on a slope with exact solutions.

use super::case::{CurveKind, Figure, VerificationCase};
use super::{bisect, middle_row};
use crate::{FloodError, FloodParams, FloodRunOf, Forcing, Grid, Initial, Real, StageBoundary, Terrain};

const SOURCE: &str = "Carrier and Greenspan 1958, J. Fluid Mech. 4";
const G: f64 = 9.81;

/// A beach: cells, length, slope, the still shore's distance from the west edge.
struct Beach {
    cells: usize,
    length_m: f64,
    slope: f64,
    shore_m: f64,
}

/// Depth and velocity at (x from the west edge, time).
type Exact<'a> = &'a dyn Fn(f64, f64) -> [f64; 2];

impl Beach {
    fn dx_m(&self) -> f64 {
        self.length_m / self.cells as f64
    }

    fn bed(&self, x: f64) -> f64 {
        self.slope * (x - self.shore_m)
    }

    /// A run from the exact state at time 0, driven by the exact level in its first column.
    fn run<R: Real>(&self, dry_depth_m: f64, end_s: f64, exact: Exact<'_>) -> Result<FloodRunOf<R>, FloodError> {
        let grid = Grid { nx: self.cells, ny: 5, dx_m: self.dx_m() };
        let terrain = Terrain::from_fn(grid, 0.0, |x, _| self.bed(x));
        let mut initial = Initial::default();
        for c in 0..grid.cell_count() as u32 {
            let [h, u] = exact(grid.centre_m(c)[0], 0.0);
            initial.depth_m.push(h);
            initial.velocity_x_mps.push(u);
        }
        let x0 = 0.5 * self.dx_m();
        let level = |k: u32| {
            let t = end_s * f64::from(k) / 400.0;
            (t, self.bed(x0) + exact(x0, t)[0])
        };
        let cells = (0..grid.ny).map(|j| (j * grid.nx) as u32).collect();
        let series = (0..=400).map(level).collect();
        let forcing = Forcing { stages: vec![StageBoundary { cells, series }], ..Forcing::default() };
        let params =
            FloodParams { gravity_mps2: G, dry_depth_m, wet_depth_m: 10.0 * dry_depth_m, ..FloodParams::default() };
        FloodRunOf::<R>::new(terrain, vec![], forcing, params, initial)
    }
}

/// Errors of level, discharge and velocity over the cells that hold at least `film_m` of water.
struct Errors {
    level: f64,
    flow: f64,
    speed: f64,
}

/// relL1 of level (from the still shore), discharge and velocity.
fn errors(beach: &Beach, p: &[[f64; 3]], exact: impl Fn(f64) -> [f64; 2], film_m: f64) -> Errors {
    let (mut diff, mut size) = ([0.0; 3], [0.0; 3]);
    for [x, h, u] in p {
        let ([he, ue], z) = (exact(*x), beach.bed(*x));
        if he <= film_m {
            continue;
        }
        let pairs = [(z + h, z + he), (h * u, he * ue), (*u, ue)];
        for (k, (a, b)) in pairs.into_iter().enumerate() {
            diff[k] += (a - b).abs();
            size[k] += b.abs();
        }
    }
    Errors { level: diff[0] / size[0], flow: diff[1] / size[1], speed: diff[2] / size[2] }
}

/// Bessel function of the first kind and order 0 or 1 by the trapezoidal rule on Bessel's integral, which converges
/// faster than any power (DLMF 10.9.2); good to 1e-12 for |x| up to 40.
fn bessel(order: u32, x: f64) -> f64 {
    let n = 100;
    let at = |k: i32| {
        let a = std::f64::consts::PI * f64::from(k) / f64::from(n);
        (f64::from(order) * a - x * a.sin()).cos()
    };
    let inner: f64 = (1..n).map(at).sum();
    (inner + 0.5 * (at(0) + at(n))) / f64::from(n)
}

fn figure(title: &str, beach: &Beach, p: &[[f64; 3]], exact: impl Fn(f64) -> [f64; 2], from_m: f64) -> Figure {
    let part: Vec<_> = p.iter().filter(|c| c[0] >= from_m).collect();
    let top = part.iter().map(|c| beach.bed(c[0]) + exact(c[0])[0]).take(1).fold(0.0, f64::max);
    let high = top.abs().max(beach.slope * beach.length_m * 0.05);
    let show = |z: f64| z.abs() <= 2.0 * high;
    Figure::new(title, "x, m", "level, m")
        .with(CurveKind::Bed, "bed", part.iter().map(|c| [c[0], beach.bed(c[0])]).filter(|c| show(c[1])))
        .with(
            CurveKind::Exact,
            "exact",
            part.iter().filter(|c| exact(c[0])[0] > 0.0).map(|c| [c[0], beach.bed(c[0]) + exact(c[0])[0]]),
        )
        .with(
            CurveKind::Computed,
            "sim_flood",
            part.iter().filter(|c| c[1] > 1e-4 * high).map(|c| [c[0], beach.bed(c[0]) + c[1]]),
        )
}

/// Standing wave of period 900 s on a beach that is 50 km long and 500 m deep at its foot.
pub(super) fn carrier_greenspan_periodic<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let (length, deep, period) = (5.0e4, 500.0, 900.0);
    let beach = Beach { cells: 550, length_m: 5.5e4, slope: deep / length, shore_m: length };
    // In units of l = length, depth slope l, time sqrt(l / (g slope)), speed sqrt(g l slope):
    let (time, speed) = ((length / (G * beach.slope)).sqrt(), (G * length * beach.slope).sqrt());
    let omega = std::f64::consts::TAU / period * time;
    // One metre at the foot of the beach, about four at the shore.
    let amplitude = 1.0 / deep / bessel(0, 2.0 * omega).abs();
    let exact = |x: f64, t: f64| {
        let [h, u] = standing_wave(omega, amplitude, (x - length) / length, t / time);
        [h * deep, u * speed]
    };
    let mut run = beach.run::<R>(1e-3, 2.5 * period, &exact)?;
    let names = ["2", "2.25", "2.5"];
    for (k, name) in [2.0, 2.25, 2.5].into_iter().zip(names) {
        case.advance(&mut run, k * period)?;
        let p = middle_row(&run);
        let e = errors(&beach, &p, |x| exact(x, k * period), 0.05);
        case.at_most(&format!("relL1(level), t = {name} T"), e.level, 0.01, SOURCE);
        // At whole and half periods the water turns: there is no flow to compare with.
        if k == 2.25 {
            case.at_most(&format!("relL1(hu), t = {name} T"), e.flow, 0.025, SOURCE);
            case.at_most(&format!("relL1(u), t = {name} T"), e.speed, 0.025, SOURCE);
        }
    }
    let title = "Carrier and Greenspan's standing wave, t = 2.5 T";
    case.figures.push(figure(title, &beach, &middle_row(&run), |x| exact(x, 2.5 * period), 3.5e4));
    case.close(&run);
    Ok(())
}

/// Depth and velocity, scaled, of the standing wave: level w = A J0(sigma) cos(omega (t + u)) - u^2 / 2,
/// u = -A J1(sigma) sin(omega (t + u)) / sqrt(w - x), sigma = 2 omega sqrt(w - x); x from the still shore, seawards
/// negative. Damped fixed-point iteration.
fn standing_wave(omega: f64, amplitude: f64, x: f64, t: f64) -> [f64; 2] {
    let (mut w, mut u) = (0.0_f64, 0.0_f64);
    for _ in 0..200 {
        let depth = w - x;
        if depth <= 0.0 {
            break;
        }
        let sigma = 2.0 * omega * depth.sqrt();
        let phase = omega * (t + u);
        let next_u = -amplitude * bessel(1, sigma) * phase.sin() / depth.sqrt();
        let next_w = amplitude * bessel(0, sigma) * phase.cos() - 0.5 * next_u * next_u;
        let change = (next_u - u).abs() + (next_w - w).abs();
        (u, w) = (0.5 * (u + next_u), 0.5 * (w + next_w));
        if change < 1e-14 {
            break;
        }
    }
    if w - x > 0.0 { [w - x, u] } else { [0.0, 0.0] }
}

/// A lowered shore is let go: the water runs up and settles.
pub(super) fn carrier_greenspan_transient<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let length = 20.0;
    let beach = Beach { cells: 500, length_m: 20.0, slope: 0.02, shore_m: 14.0 };
    let e = 0.1;
    let (time, speed) = ((length / (G * beach.slope)).sqrt(), (G * length * beach.slope).sqrt());
    let depth_scale = beach.slope * length;
    let exact = |x: f64, t: f64| {
        let [h, u] = lowered_shore(e, (x - beach.shore_m) / length, t / time);
        [h * depth_scale, u * speed]
    };
    let end_s = 15.0;
    let mut run = beach.run::<R>(1e-5, end_s, &exact)?;
    for (t, name) in [(5.0, "5"), (10.0, "10"), (15.0, "15")] {
        case.advance(&mut run, t)?;
        let p = middle_row(&run);
        let err = errors(&beach, &p, |x| exact(x, t), 1e-3);
        case.at_most(&format!("relL1(level), t = {name} s"), err.level, 0.01, SOURCE);
        case.at_most(&format!("relL1(hu), t = {name} s"), err.flow, 0.025, SOURCE);
        case.at_most(&format!("relL1(u), t = {name} s"), err.speed, 0.1, SOURCE);
    }
    let title = "Carrier and Greenspan's run-up, t = 15 s";
    case.figures.push(figure(title, &beach, &middle_row(&run), |x| exact(x, end_s), 0.0));
    case.close(&run);
    Ok(())
}

/// A complex number as [real, imaginary].
type Complex = [f64; 2];

fn times(a: Complex, b: Complex) -> Complex {
    [a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]]
}

/// Principal value of z^p.
fn power(z: Complex, p: f64) -> Complex {
    let (r, a) = (z[0].hypot(z[1]).powf(p), p * z[1].atan2(z[0]));
    [r * a.cos(), r * a.sin()]
}

/// Depth and velocity, scaled, at a point (x from the still shore, seawards negative; t). Carrier and Greenspan 1958,
/// section 3, with sigma and lambda divided by a = 1.5 sqrt(1 + 0.9 e).
fn lowered_shore(e: f64, x: f64, t: f64) -> [f64; 2] {
    let a = 1.5 * (1.0 + 0.9 * e).sqrt();
    // Level and velocity on the characteristic plane.
    let state = |s: f64, l: f64| {
        let one = [1.0, -l];
        let square = times(one, one);
        let base = [square[0] + s * s, square[1]];
        let (p3, p5) = (power(base, -1.5), power(base, -2.5));
        let u = 8.0 * e / a * (p3[1] - 0.75 * times(one, p5)[1]);
        let rise = 1.0 - 2.0 * times([1.25, -l], p3)[0] + 1.5 * times(square, p5)[0];
        [e * rise - 0.5 * u * u, u]
    };
    // lambda from t = a lambda / 2 - u, for a given sigma: the left side minus t grows with lambda.
    let at = |s: f64| {
        let l = bisect(0.0, 2.0 * (t + 5.0) / a, |l| 0.5 * a * l - state(s, l)[1] - t);
        state(s, l)
    };
    // sigma from x = level - a^2 sigma^2 / 16, which falls with sigma.
    let off = |s: f64| at(s)[0] - a * a * s * s / 16.0 - x;
    if off(0.0) < 0.0 {
        return [0.0, 0.0];
    }
    let s = bisect(0.0, 20.0, |s| -off(s));
    let [level, u] = at(s);
    [level - x, u]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bessel_functions_at_known_points() {
        // First zeros of J0 and J1, and J0(1), J1(1) (DLMF 10.21, tables of Abramowitz and Stegun 9.1).
        assert!(bessel(0, 2.404_825_557_695_773).abs() < 1e-14);
        assert!(bessel(1, 3.831_705_970_207_512).abs() < 1e-14);
        assert!((bessel(0, 1.0) - 0.765_197_686_557_966_6).abs() < 1e-14);
        assert!((bessel(1, 1.0) - 0.440_050_585_744_933_5).abs() < 1e-14);
    }

    /// Values printed by SWASHES 1.05 (`swashes 1 0 2 1 20`).
    #[test]
    fn run_up_agrees_with_swashes() {
        let (length, slope) = (20.0, 0.02);
        let (time, speed) = ((length / (G * slope)).sqrt(), (G * length * slope).sqrt());
        for (x, h, u) in [(0.5, 0.2996092, 0.06843586), (8.5, 0.1445048, 0.07405852), (15.5, 0.01487412, 0.02712224)] {
            let [he, ue] = lowered_shore(0.1, (x - 14.0) / length, 15.0 / time);
            assert!((he * slope * length - h).abs() < 1e-5 && (ue * speed - u).abs() < 1e-5, "{x}: {he} {ue}");
        }
    }
}
