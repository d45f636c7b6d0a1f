//! Waves running up a plane beach (Carrier and Greenspan): a moving shore on a slope with exact solutions.

use super::case::{CurveKind, Figure, VerificationCase};
use super::{bisect, middle_row};
use crate::{FloodError, FloodParams, FloodRunOf, Forcing, Grid, Initial, Real, Terrain};

const SOURCE: &str = "Carrier and Greenspan 1958, J. Fluid Mech. 4";
const G: f64 = 9.81;

/// A beach that goes on under a deep sea, so far that its west end is not felt where results are compared.
struct Beach {
    dx_m: f64,
    /// West end of the raster and of what is compared, from the still shore (negative).
    west_m: f64,
    compared_m: f64,
    east_m: f64,
    slope: f64,
}

/// Depth and velocity at (x from the still shore, time).
type Exact<'a> = &'a dyn Fn(f64, f64) -> [f64; 2];

impl Beach {
    fn bed(&self, x: f64) -> f64 {
        self.slope * x
    }

    /// A run from the exact state at time 0.
    fn run<R: Real>(&self, dry_depth_m: f64, exact: Exact<'_>) -> Result<FloodRunOf<R>, FloodError> {
        let nx = ((self.east_m - self.west_m) / self.dx_m).round() as usize;
        let grid = Grid { nx, ny: 5, dx_m: self.dx_m };
        let terrain = Terrain::from_fn(grid, 0.0, |x, _| self.bed(self.west_m + x));
        let row: Vec<[f64; 2]> = (0..nx).map(|i| exact(self.west_m + (i as f64 + 0.5) * self.dx_m, 0.0)).collect();
        let all = |k: usize| (0..grid.cell_count()).map(|c| row[c % nx][k]).collect();
        let initial = Initial { depth_m: all(0), velocity_x_mps: all(1), ..Initial::default() };
        let params =
            FloodParams { gravity_mps2: G, dry_depth_m, wet_depth_m: 10.0 * dry_depth_m, ..FloodParams::default() };
        FloodRunOf::<R>::new(terrain, vec![], Forcing::default(), params, initial)
    }

    /// The compared part of the middle row: (x from the still shore, depth, velocity).
    fn profile<R: Real>(&self, run: &FloodRunOf<R>) -> Vec<[f64; 3]> {
        let row = middle_row(run).into_iter().map(|[x, h, u]| [self.west_m + x, h, u]);
        row.filter(|c| c[0] > self.compared_m).collect()
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
/// faster than any power (DLMF 10.9.2); good to 1e-14 for |x| up to 25.
fn bessel(order: u32, x: f64) -> f64 {
    let n = 48;
    let at = |k: i32| {
        let a = std::f64::consts::PI * f64::from(k) / f64::from(n);
        (f64::from(order) * a - x * a.sin()).cos()
    };
    let inner: f64 = (1..n).map(at).sum();
    (inner + 0.5 * (at(0) + at(n))) / f64::from(n)
}

fn figure(title: &str, beach: &Beach, p: &[[f64; 3]], exact: impl Fn(f64) -> [f64; 2], from_m: f64) -> Figure {
    let part: Vec<_> = p.iter().filter(|c| c[0] >= from_m).collect();
    let levels = |depth: &dyn Fn(&[f64; 3]) -> f64| {
        let wet = part.iter().filter(|c| depth(c) > 0.0);
        wet.map(|c| [c[0], beach.bed(c[0]) + depth(c)]).collect::<Vec<_>>()
    };
    let right = levels(&|c| exact(c[0])[0]);
    let high = right.iter().map(|c| c[1].abs()).fold(0.0, f64::max);
    let bed = part.iter().map(|c| [c[0], beach.bed(c[0])]).filter(|c| c[1].abs() <= 1.5 * high);
    Figure::new(title, "x from the still shore, m", "level, m")
        .with(CurveKind::Bed, "bed", bed)
        .with(CurveKind::Exact, "exact", right)
        .with(CurveKind::Computed, "sim_flood", levels(&|c| if c[1] > 0.01 * high { c[1] } else { 0.0 }))
}

/// Standing wave of period 900 s on a beach that is 50 km long and 500 m deep at its foot.
pub(super) fn carrier_greenspan_periodic<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let (length, deep, period) = (5.0e4, 500.0, 900.0);
    let beach = Beach { dx_m: 100.0, west_m: -1.5e5, compared_m: -length, east_m: 5e3, slope: deep / length };
    // In units of l = length, depth slope l, time sqrt(l / (g slope)), speed sqrt(g l slope):
    let (time, speed) = ((length / (G * beach.slope)).sqrt(), (G * length * beach.slope).sqrt());
    let omega = std::f64::consts::TAU / period * time;
    // One metre at the foot of the beach, about four at the shore.
    let amplitude = 1.0 / deep / bessel(0, 2.0 * omega).abs();
    let exact = |x: f64, t: f64| {
        let [h, u] = standing_wave(omega, amplitude, x / length, t / time);
        [h * deep, u * speed]
    };
    let mut run = beach.run::<R>(1e-3, &exact)?;
    for (k, name) in [(0.25, "T/4"), (0.5, "T/2"), (0.75, "3T/4"), (1.0, "T")] {
        case.advance(&mut run, k * period)?;
        let p = beach.profile(&run);
        let e = errors(&beach, &p, |x| exact(x, k * period), 0.05);
        // At whole and half periods the water stands high or low and is still, between them it passes the mean level.
        if name.ends_with('4') {
            case.at_most(&format!("relL1(hu), t = {name}"), e.flow, 0.025, SOURCE);
            case.at_most(&format!("relL1(u), t = {name}"), e.speed, 0.025, SOURCE);
        } else {
            case.at_most(&format!("relL1(level), t = {name}"), e.level, 0.01, SOURCE);
            let title = format!("Carrier and Greenspan's standing wave, dx 100 m, t = {name}");
            case.figures.push(figure(&title, &beach, &p, |x| exact(x, k * period), -1.5e4));
        }
    }
    case.close(&run);
    Ok(())
}

/// Depth and velocity, scaled, of the standing wave: with c = sqrt(depth) the level is
/// w = A J0(2 omega c) cos(omega (t + u)) - u^2 / 2 and u = -A J1(2 omega c) sin(omega (t + u)) / c; x from the still
/// shore, seawards negative. Waves do not break while A omega^2 < 1.
fn standing_wave(omega: f64, amplitude: f64, x: f64, t: f64) -> [f64; 2] {
    let at = |c: f64| {
        let swing = if c > 0.0 { bessel(1, 2.0 * omega * c) / c } else { omega };
        let mut u = 0.0;
        for _ in 0..60 {
            u = -amplitude * swing * (omega * (t + u)).sin();
        }
        [amplitude * bessel(0, 2.0 * omega * c) * (omega * (t + u)).cos() - 0.5 * u * u, u]
    };
    if at(0.0)[0] < x {
        return [0.0, 0.0];
    }
    // The place w - c^2 of a depth falls with it.
    let c = bisect(0.0, 1.0 + (amplitude - x).max(0.0), |c| x - at(c)[0] + c * c);
    [c * c, at(c)[1]]
}

/// A lowered shore is let go: the water runs up and settles.
pub(super) fn carrier_greenspan_transient<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let length = 20.0;
    let beach = Beach { dx_m: 0.08, west_m: -72.0, compared_m: -14.0, east_m: 6.0, slope: 0.02 };
    let (time, speed) = ((length / (G * beach.slope)).sqrt(), (G * length * beach.slope).sqrt());
    let exact = |x: f64, t: f64| {
        let [h, u] = lowered_shore(0.1, x / length, t / time);
        [h * beach.slope * length, u * speed]
    };
    let mut run = beach.run::<R>(1e-5, &exact)?;
    for t in [5.0, 10.0, 15.0] {
        case.advance(&mut run, t)?;
        let p = beach.profile(&run);
        let err = errors(&beach, &p, |x| exact(x, t), 1e-3);
        case.at_most(&format!("relL1(level), t = {t} s"), err.level, 0.01, SOURCE);
        case.at_most(&format!("relL1(hu), t = {t} s"), err.flow, 0.025, SOURCE);
        case.at_most(&format!("relL1(u), t = {t} s"), err.speed, 0.1, SOURCE);
        if t > 10.0 {
            let title = "Carrier and Greenspan's run-up, dx 0.08 m, t = 15 s";
            case.figures.push(figure(title, &beach, &p, |x| exact(x, t), -14.0));
        }
    }
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
