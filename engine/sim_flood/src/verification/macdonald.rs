//! Steady flows with friction over beds made to fit a chosen depth (MacDonald et al. 1997).
//!
//! The bed follows from the depth: with E = h + q^2 / (2 g h^2), friction slope S and rain R per length,
//! dz/dx = -dE/dx - S - q R / (g h^2). Where a flow must enter supercritical, the channel is continued upstream by a reach
//! in which it turns supercritical by itself, so that only a discharge is imposed.

use super::case::{Figure, VerificationCase};
use super::observed_order;
use super::steady::{Channel, Outlet, figure};
use crate::{FloodError, Grid, RainSeries, Real};

const G: f64 = 9.81;
const SOURCE: &str = "MacDonald et al. 1997, J. Hydraul. Eng. 123; set-up of Delestre et al. 2013 (SWASHES)";

/// A reach with a chosen depth.
struct Reach<'a> {
    length_m: f64,
    /// Discharge at x = 0, m2/s.
    q: f64,
    rain_mps: f64,
    manning: f64,
    /// Depth at 0 <= x <= length.
    depth: &'a dyn Fn(f64) -> f64,
    jump_m: Option<f64>,
    /// Flow enters supercritical.
    fast_in: bool,
    /// Flow leaves supercritical.
    fast_out: bool,
    settle_s: f64,
}

/// Cubic with given values and slopes at both ends (Hermite); `s` from 0 to 1 over `length`.
fn hermite(s: f64, length: f64, [a, da]: [f64; 2], [b, db]: [f64; 2]) -> f64 {
    let (s2, s3) = (s * s, s * s * s);
    a * (2.0 * s3 - 3.0 * s2 + 1.0)
        + length * da * (s3 - 2.0 * s2 + s)
        + b * (3.0 * s2 - 2.0 * s3)
        + length * db * (s3 - s2)
}

/// Simpson's rule on eight pieces.
fn simpson(f: impl Fn(f64) -> f64, a: f64, b: f64) -> f64 {
    let d = (b - a) / 8.0;
    let piece = |k: i32| {
        let x = a + f64::from(k) * d;
        (f(x) + 4.0 * f(x + 0.5 * d) + f(x + d)) * d / 6.0
    };
    (0..8).map(piece).sum()
}

impl Reach<'_> {
    fn upstream_m(&self) -> f64 {
        self.length_m / if self.fast_in { 4.0 } else { 10.0 }
    }

    /// Depth, also in the added pieces: the depth goes over into a constant one there.
    fn depth_at(&self, x: f64) -> f64 {
        let (h, step) = (self.depth, 1e-5 * self.length_m);
        let (up, down, l) = (self.upstream_m(), 0.1 * self.length_m, self.length_m);
        if x < 0.0 {
            let far = if self.fast_in { 1.5 * (self.q * self.q / G).cbrt() } else { 1.5 * h(0.0) };
            hermite((-x / up).min(1.0), up, [h(0.0), (h(0.0) - h(step)) / step], [far, 0.0])
        } else if x > l {
            hermite(((x - l) / down).min(1.0), down, [h(l), (h(l) - h(l - step)) / step], [h(l), 0.0])
        } else {
            h(x)
        }
    }

    fn flow_at(&self, x: f64) -> f64 {
        self.q + self.rain_mps * x
    }

    fn energy(&self, x: f64) -> f64 {
        let (q, h) = (self.flow_at(x), self.depth_at(x));
        h + q * q / (2.0 * G * h * h)
    }

    fn loss(&self, x: f64) -> f64 {
        let (q, h) = (self.flow_at(x), self.depth_at(x));
        self.manning.powi(2) * q * q / h.powf(10.0 / 3.0) + q * self.rain_mps / (G * h * h)
    }

    /// Fall of the bed from `a` to `b`.
    fn fall(&self, a: f64, b: f64) -> f64 {
        match self.jump_m {
            Some(j) if a < j && j < b => {
                let d = 1e-9 * self.length_m;
                self.fall(a, j - d) + self.fall(j + d, b)
            }
            _ => self.energy(b) - self.energy(a) + simpson(|x| self.loss(x), a, b),
        }
    }

    /// Profile of (x, depth, discharge) on `n` cells, with the bed at their centres.
    fn run<R: Real>(&self, case: &mut VerificationCase, n: usize) -> Result<(Vec<[f64; 3]>, Vec<f64>), FloodError> {
        let dx = self.length_m / n as f64;
        let before = (self.upstream_m() / dx).round() as usize;
        // A slow flow is held by its depth in the last cell, a fast one leaves over a piece more.
        let after = if self.fast_out { n / 10 } else { 0 };
        let grid = Grid { nx: before + n + after, ny: 5, dx_m: dx };
        let west_m = -(before as f64) * dx;
        let x = |i: usize| west_m + (i as f64 + 0.5) * dx;
        let mut bed = vec![0.0; grid.nx];
        for i in (1..grid.nx).rev() {
            bed[i - 1] = bed[i] + self.fall(x(i - 1), x(i));
        }
        // The outlet of the reach itself lies at 0.
        let last = before + n - 1;
        let shift = bed[last] - self.fall(x(last), self.length_m);
        bed.iter_mut().for_each(|z| *z -= shift);
        let at = |x: f64| ((x - west_m) / dx) as usize;
        let outlet =
            if self.fast_out { Outlet::Free } else { Outlet::Level(bed[grid.nx - 1] + self.depth_at(x(grid.nx - 1))) };
        let rain = if self.rain_mps > 0.0 {
            // None on the added pieces.
            let cells = (0..grid.cell_count()).filter(|c| (before..=last).contains(&(c % grid.nx)));
            let series = vec![(0.0, self.rain_mps * 3.6e6)];
            vec![RainSeries { series, cells: Some(cells.map(|c| c as u32).collect()) }]
        } else {
            vec![]
        };
        let channel = Channel { grid, west_m, g: G, manning: self.manning, q: self.q, rain, outlet };
        let p = channel.run::<R>(case, |x| bed[at(x)], |x| self.depth_at(x), self.settle_s)?;
        Ok((p[before..=last].to_vec(), bed[before..=last].to_vec()))
    }

    /// Root mean square error of depth, two cells on each side of a jump left out.
    fn rmse(&self, p: &[[f64; 3]]) -> f64 {
        let dx = p.get(1).map_or(0.0, |c| c[0] - p[0][0]);
        let smooth = |c: &&[f64; 3]| self.jump_m.is_none_or(|j| (c[0] - j).abs() > 2.0 * dx);
        let kept: Vec<f64> = p.iter().filter(smooth).map(|c| (c[1] - (self.depth)(c[0])).powi(2)).collect();
        (kept.iter().sum::<f64>() / kept.len() as f64).sqrt()
    }

    /// Rows of a reach on 200 cells, and its figure.
    fn verify<R: Real>(&self, case: &mut VerificationCase, title: &str, bound_m: f64) -> Result<(), FloodError> {
        let (p, bed) = self.run::<R>(case, 200)?;
        let besides = if self.jump_m.is_some() { ", 2 cells beside the jump left out" } else { "" };
        case.at_most(&format!("{title}: RMSE(h), m, 200 cells{besides}"), self.rmse(&p), bound_m, SOURCE);
        if let Some(jump) = self.jump_m {
            let d = 1e-6 * self.length_m;
            let half = 0.5 * ((self.depth)(jump - d) + (self.depth)(jump + d));
            let near = |c: &&[f64; 3]| (c[0] - jump).abs() < 0.1 * self.length_m;
            let found = p.iter().filter(near).find(|c| c[1] > half).map_or(f64::NAN, |c| c[0]);
            let off = (found - jump).abs() / (self.length_m / 200.0);
            case.at_most(&format!("{title}: jump off by, cells"), off, 1.0, SOURCE);
        }
        let dx = self.length_m / 200.0;
        let at = |x: f64| bed[((x / dx) as usize).min(199)];
        case.figures.push(figure(&format!("MacDonald's {title}, 200 cells"), &p, at, |x| (self.depth)(x)));
        Ok(())
    }

    /// Row and figure of the order of convergence.
    fn orders<R: Real>(&self, case: &mut VerificationCase, title: &str) -> Result<(), FloodError> {
        let mut errors = Vec::new();
        for n in [100, 200, 400] {
            let (mut p, _) = self.run::<R>(case, n)?;
            // Near its ends the flow is almost critical (Froude 0.98) and shows every trace of the boundaries.
            p.retain(|c| (0.1..0.8).contains(&(c[0] / self.length_m)));
            errors.push((self.length_m / n as f64, self.rmse(&p)));
        }
        let measure = format!("{title}: order of RMSE(h) from 0.1 L to 0.8 L, 100, 200, 400 cells");
        case.at_least(&measure, observed_order(&errors), 1.7, SOURCE);
        let heading = format!("MacDonald's {title}: error and cell size");
        case.figures.push(Figure::orders(&heading, "RMSE(h), m", &errors, 2.0));
        Ok(())
    }
}

/// Critical depth of 2 m2/s, in which SWASHES gives all these depths.
fn scale() -> f64 {
    (4.0 / G).cbrt()
}

fn hump(x: f64) -> f64 {
    scale() * (1.0 + 0.5 * (-16.0 * (x / 1000.0 - 0.5).powi(2)).exp())
}

const LONG: Reach<'_> = Reach {
    length_m: 1000.0,
    q: 2.0,
    rain_mps: 0.0,
    manning: 0.033,
    depth: &hump,
    jump_m: None,
    fast_in: false,
    fast_out: false,
    settle_s: 3000.0,
};

/// Four long channels: subcritical, supercritical, through the critical depth, with a jump.
pub(super) fn macdonald_long<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    LONG.verify::<R>(case, "subcritical channel", 2e-3)?;
    LONG.orders::<R>(case, "subcritical channel")?;
    let fast = |x: f64| scale() * (1.0 - 0.2 * (-36.0 * (x / 1000.0 - 0.5).powi(2)).exp());
    let supercritical = Reach { q: 2.5, manning: 0.04, depth: &fast, fast_in: true, fast_out: true, ..LONG };
    supercritical.verify::<R>(case, "supercritical channel", 2e-3)?;
    let falls = |x: f64| {
        let s = x / 1000.0 - 0.5;
        scale() * if s <= 0.0 { 1.0 - (3.0 * s).tanh() / 3.0 } else { 1.0 - (6.0 * s).tanh() / 6.0 }
    };
    let through = Reach { manning: 0.0218, depth: &falls, fast_out: true, ..LONG };
    through.verify::<R>(case, "channel through the critical depth", 2e-3)?;
    let jumps = |x: f64| {
        if x <= 500.0 {
            return scale() * (0.9 - (-x / 250.0).exp() / 6.0);
        }
        let s = x / 1000.0 - 0.5;
        let tail = [(1.0, -0.348_427), (2.0, 0.552_264), (3.0, -0.555_58)];
        let sum: f64 = tail.iter().map(|(k, a)| a * (-20.0 * k * s).exp()).sum();
        scale() * (1.0 + sum + 0.8 * (x / 1000.0 - 1.0).exp())
    };
    let jump = Reach { manning: 0.0218, depth: &jumps, jump_m: Some(500.0), fast_in: true, ..LONG };
    jump.verify::<R>(case, "channel with a jump", 2e-3)
}

/// Three short channels: with a jump, supercritical, through the critical depth.
pub(super) fn macdonald_short<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let short = Reach { length_m: 100.0, manning: 0.0328, settle_s: 400.0, ..LONG };
    let jump_m = 200.0 / 3.0;
    let jumps = |x: f64| {
        let s = x / 100.0 - 2.0 / 3.0;
        if x <= jump_m {
            return scale() * (4.0 / 3.0 - x / 100.0) - 0.009 * x * s;
        }
        let a = 0.674_202;
        scale() * (a * s.powi(4) + a * s.powi(3) - 21.7112 * s * s + 14.492 * s + 1.4305)
    };
    let jump = Reach { depth: &jumps, jump_m: Some(jump_m), ..short };
    jump.verify::<R>(case, "short channel with a jump", 2e-3)?;
    let fast = |x: f64| scale() * (1.0 - 0.25 * (-4.0 * (x / 100.0 - 0.5).powi(2)).exp());
    let supercritical = Reach { manning: 0.03, depth: &fast, fast_in: true, fast_out: true, ..short };
    supercritical.verify::<R>(case, "short supercritical channel", 2e-3)?;
    let falls = |x: f64| {
        let s = x - 50.0;
        scale() * (1.0 - s / 200.0 + s * s / 30_000.0)
    };
    let through = Reach { depth: &falls, fast_out: true, ..short };
    through.verify::<R>(case, "short channel through the critical depth", 2e-3)
}

/// Subcritical flow that grows by rain.
pub(super) fn macdonald_rain<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let rained = Reach { q: 1.0, rain_mps: 0.001, settle_s: 4000.0, ..LONG };
    rained.verify::<R>(case, "channel with rain", 5e-4)
}
