//! Steady flows in a channel five cells wide: fixed discharge upstream, fixed level downstream.

use super::{advance, f64s};
use crate::{
    FloodError, FloodParams, FloodRunOf, Forcing, Grid, Initial, PointInflow, RainSeries, Real, StageBoundary, Terrain,
    barrier_along,
};
use sim_core::VerificationRow;

struct Channel {
    grid: Grid,
    g: f64,
    manning: f64,
    /// Discharge per metre of width, m2/s.
    q: f64,
    rain_mps: f64,
}

impl Channel {
    /// Runs to `t_s` from water at rest above the downstream level; returns (x, depth, discharge) of the middle row.
    fn run<R: Real>(
        &self,
        bed: impl Fn(f64) -> f64,
        start: impl Fn(f64) -> f64,
        level_m: f64,
        t_s: f64,
    ) -> Result<Vec<[f64; 3]>, FloodError> {
        let g = self.grid;
        let terrain = Terrain::from_fn(g, self.manning, |x, _| bed(x));
        let width = g.ny as f64 * g.dx_m;
        let wall = barrier_along(&g, &[[0.0, 0.0], [0.0, width]], 8000.0);
        let column = |i: usize| (0..g.ny).map(|j| (j * g.nx + i) as u32).collect::<Vec<u32>>();
        let forcing = Forcing {
            inflows: vec![PointInflow {
                cells: column(0),
                series: vec![(0.0, self.q * width)],
                ..PointInflow::default()
            }],
            stages: vec![StageBoundary { cells: column(g.nx - 1), series: vec![(0.0, level_m)] }],
            rain: if self.rain_mps > 0.0 {
                vec![RainSeries { series: vec![(0.0, self.rain_mps * 3.6e6)], cells: None }]
            } else {
                vec![]
            },
            open_edges: true,
            ..Forcing::default()
        };
        let depth_m: Vec<f64> = (0..g.cell_count() as u32).map(|c| start(g.centre_m(c)[0])).collect();
        let velocity_x_mps = depth_m.iter().map(|h| if *h > 0.0 { self.q / h } else { 0.0 }).collect();
        let initial = Initial { depth_m, velocity_x_mps, ..Initial::default() };
        let params = FloodParams { gravity_mps2: self.g, ..FloodParams::default() };
        let mut run = FloodRunOf::<R>::new(terrain, vec![wall], forcing, params, initial)?;
        advance(&mut run, t_s)?;
        let row = (g.ny / 2) * g.nx;
        let (h, u) = (f64s(&run.depth_m()), f64s(&run.velocity_x_mps()));
        Ok((0..g.nx).map(|i| [(i as f64 + 0.5) * g.dx_m, h[row + i], h[row + i] * u[row + i]]).collect())
    }
}

/// Subcritical flow over a bump, frictionless: q = 4.42 m2/s, 2 m downstream.
///
/// # Errors
/// [`FloodError`] when the run stops.
pub fn subcritical_bump<R: Real>() -> Result<Vec<VerificationRow>, FloodError> {
    let source = "Goutal and Maurel 1997, EDF HE-43/97/016/B; Bernoulli";
    let (g, q, h_out) = (9.81, 4.42, 2.0);
    let channel = Channel { grid: Grid { nx: 250, ny: 5, dx_m: 0.1 }, g, manning: 0.0, q, rain_mps: 0.0 };
    let bed = |x: f64| (0.2 - 0.05 * (x - 10.0_f64).powi(2)).max(0.0);
    let head = q * q / (2.0 * g * h_out * h_out) + h_out;
    // Subcritical root of z + h + q^2 / (2 g h^2) = head, by bisection above the critical depth.
    let exact = |x: f64| {
        let (mut low, mut high) = ((q * q / g).cbrt(), head);
        for _ in 0..100 {
            let mid = 0.5 * (low + high);
            if bed(x) + mid + q * q / (2.0 * g * mid * mid) > head { high = mid } else { low = mid }
        }
        0.5 * (low + high)
    };
    let p = channel.run::<R>(bed, |x| h_out - bed(x), h_out, 150.0)?;
    let inner = &p[5..p.len() - 5];
    let depth = super::rel_l1(inner.iter().map(|c| c[1]), inner.iter().map(|c| exact(c[0])));
    let flow = inner.iter().fold(0.0_f64, |m, c| m.max((c[2] / q - 1.0).abs()));
    Ok(vec![
        VerificationRow::at_most("subcritical-bump", "relL1(h), 250 cells", depth, 1e-4, source),
        VerificationRow::at_most("subcritical-bump", "max |q/q0 - 1|", flow, 1e-3, source),
    ])
}

/// Uniform flow down a slope of 1:1000 with Manning 0.03.
///
/// # Errors
/// [`FloodError`] when the run stops.
pub fn normal_flow<R: Real>() -> Result<Vec<VerificationRow>, FloodError> {
    let (g, q, n, slope): (f64, f64, f64, f64) = (9.81, 1.0, 0.03, 0.001);
    let depth = (q * n / slope.sqrt()).powf(0.6);
    let channel = Channel { grid: Grid { nx: 200, ny: 5, dx_m: 5.0 }, g, manning: n, q, rain_mps: 0.0 };
    let bed = |x: f64| (1000.0 - x) * slope;
    let p = channel.run::<R>(bed, |_| depth, bed(997.5) + depth, 4000.0)?;
    let worst = p[20..180].iter().fold(0.0_f64, |m, c| m.max((c[1] / depth - 1.0).abs()));
    Ok(vec![VerificationRow::at_most(
        "normal-flow",
        "max |h/h_n - 1|",
        worst,
        1e-3,
        "Manning 1891: q = h^(5/3) S^(1/2) / n",
    )])
}

/// Steady subcritical flow with rain and Manning friction over a bed made to fit a chosen depth.
///
/// # Errors
/// [`FloodError`] when the run stops.
pub fn macdonald_rain<R: Real>() -> Result<Vec<VerificationRow>, FloodError> {
    let source = "MacDonald et al. 1997, J. Hydraul. Eng. 123; with rain: Delestre et al. 2013 (SWASHES)";
    let (g, q0, rain, n): (f64, f64, f64, f64) = (9.81, 1.0, 0.001, 0.033);
    let length = 1000.0;
    let h = |x: f64| (4.0 / g).cbrt() * (1.0 + 0.5 * (-16.0 * (x / length - 0.5).powi(2)).exp());
    let dh = |x: f64| (h(x + 1e-3) - h(x - 1e-3)) / 2e-3;
    let slope = |x: f64| {
        let (q, d) = (q0 + rain * x, h(x));
        (q * q / (g * d.powi(3)) - 1.0) * dh(x) - 2.0 * q * rain / (g * d * d) - n * n * q * q / d.powf(10.0 / 3.0)
    };
    // Bed from the outlet upstream, Simpson's rule on half-metre pieces.
    let mut table = vec![0.0_f64];
    for k in 0..2000 {
        let x = length - f64::from(k) * 0.5;
        let piece = (slope(x) + 4.0 * slope(x - 0.25) + slope(x - 0.5)) * 0.5 / 6.0;
        table.push(table[table.len() - 1] - piece);
    }
    let bed = |x: f64| {
        let s = ((length - x) / 0.5).clamp(0.0, 1999.0);
        let k = s as usize;
        table[k] + (table[k + 1] - table[k]) * (s - k as f64)
    };
    let grid = Grid { nx: 200, ny: 5, dx_m: 5.0 };
    let channel = Channel { grid, g, manning: n, q: q0, rain_mps: rain };
    let p = channel.run::<R>(bed, h, bed(997.5) + h(997.5), 4000.0)?;
    let inner = &p[2..p.len() - 2];
    let rmse = (inner.iter().map(|c| (c[1] - h(c[0])).powi(2)).sum::<f64>() / inner.len() as f64).sqrt();
    Ok(vec![VerificationRow::at_most("macdonald-rain", "RMSE(h), m, 200 cells of 5 m", rmse, 5e-4, source)])
}
