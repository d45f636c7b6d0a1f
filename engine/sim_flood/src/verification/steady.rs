//! Steady flows in a channel five cells wide: fixed discharge upstream, fixed level or free outflow downstream.

use super::case::{CurveKind, Figure, VerificationCase};
use super::{bisect, middle_row, rel_l1};
use crate::{
    FloodError, FloodParams, FloodRunOf, Forcing, Grid, Initial, PointInflow, RainSeries, Real, StageBoundary, Terrain,
    barrier_along,
};

/// How water leaves a channel.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outlet {
    /// A fixed level in the last column, metres.
    Level(f64),
    /// Over the open edge, for supercritical flow.
    Free,
}

/// A channel along x that starts at `west_m`.
#[derive(Debug, Clone)]
pub(super) struct Channel {
    pub grid: Grid,
    pub west_m: f64,
    pub g: f64,
    pub manning: f64,
    /// Discharge per metre of width, m2/s.
    pub q: f64,
    pub rain: Vec<RainSeries>,
    pub outlet: Outlet,
}

impl Channel {
    /// Runs to `t_s` from the given depths with the discharge flowing; returns (x, depth, discharge) of the middle row.
    pub(super) fn run<R: Real>(
        &self,
        case: &mut VerificationCase,
        bed: impl Fn(f64) -> f64,
        start: impl Fn(f64) -> f64,
        t_s: f64,
    ) -> Result<Vec<[f64; 3]>, FloodError> {
        let g = self.grid;
        let terrain = Terrain::from_fn(g, self.manning, |x, _| bed(self.west_m + x));
        let width = g.ny as f64 * g.dx_m;
        let wall = barrier_along(&g, &[[0.0, 0.0], [0.0, width]], 8000.0);
        let column = |i: usize| (0..g.ny).map(|j| (j * g.nx + i) as u32).collect::<Vec<u32>>();
        let inflow = PointInflow { cells: column(0), series: vec![(0.0, self.q * width)], ..PointInflow::default() };
        let stages = match self.outlet {
            Outlet::Level(level) => vec![StageBoundary { cells: column(g.nx - 1), series: vec![(0.0, level)] }],
            Outlet::Free => vec![],
        };
        let forcing =
            Forcing { inflows: vec![inflow], stages, rain: self.rain.clone(), open_edges: true, ..Forcing::default() };
        let depth_m: Vec<f64> = (0..g.cell_count() as u32).map(|c| start(self.west_m + g.centre_m(c)[0])).collect();
        let velocity_x_mps = depth_m.iter().map(|h| if *h > 0.0 { self.q / h } else { 0.0 }).collect();
        let initial = Initial { depth_m, velocity_x_mps, ..Initial::default() };
        let params = FloodParams { gravity_mps2: self.g, ..case.params() };
        let mut run = FloodRunOf::<R>::new(terrain, vec![wall], forcing, params, initial)?;
        case.advance(&mut run, t_s)?;
        case.close(&run);
        Ok(middle_row(&run).into_iter().map(|[x, h, u]| [self.west_m + x, h, h * u]).collect())
    }
}

/// Level over the bed.
pub(super) fn figure(title: &str, p: &[[f64; 3]], bed: impl Fn(f64) -> f64, exact: impl Fn(f64) -> f64) -> Figure {
    Figure::new(title, "x, m", "level, m")
        .with(CurveKind::Bed, "bed", p.iter().map(|c| [c[0], bed(c[0])]))
        .with(CurveKind::Exact, "exact", p.iter().map(|c| [c[0], bed(c[0]) + exact(c[0])]))
        .with(CurveKind::Computed, "sim_flood", p.iter().map(|c| [c[0], bed(c[0]) + c[1]]))
}

const BUMP_SOURCE: &str = "Goutal and Maurel 1997, EDF HE-43/97/016/B; Bernoulli";
const G: f64 = 9.81;
const CREST_M: f64 = 10.0;

fn bump(x: f64) -> f64 {
    (0.2 - 0.05 * (x - CREST_M).powi(2)).max(0.0)
}

/// A bump in a channel of 25 m with a metre more at each end, cells of 0.1 m.
fn bump_channel(q: f64, outlet: Outlet) -> Channel {
    let grid = Grid { nx: 270, ny: 5, dx_m: 0.1 };
    Channel { grid, west_m: -1.0, g: G, manning: 0.0, q, rain: vec![], outlet }
}

/// Specific energy of depth `h`, metres.
fn head(q: f64, h: f64) -> f64 {
    h + q * q / (2.0 * G * h * h)
}

fn critical(q: f64) -> f64 {
    (q * q / G).cbrt()
}

/// Depth of the given specific energy, below or above the critical one.
fn depth_of(q: f64, energy: f64, fast: bool) -> f64 {
    let c = critical(q);
    if fast { bisect(1e-3 * c, c, |h| energy - head(q, h)) } else { bisect(c, energy, |h| head(q, h) - energy) }
}

/// Rows and figure of a bump; two cells on each side of `jump_m` are left out.
fn bump_rows(
    case: &mut VerificationCase,
    title: &str,
    p: &[[f64; 3]],
    q: f64,
    exact: impl Fn(f64) -> f64,
    jump_m: Option<f64>,
    bound: f64,
) {
    let inner: Vec<[f64; 3]> = p.iter().copied().filter(|c| (0.0..25.0).contains(&c[0])).collect();
    let smooth = |c: &&[f64; 3]| jump_m.is_none_or(|j| (c[0] - j).abs() > 0.2);
    let depth = rel_l1(inner.iter().map(|c| c[1]), inner.iter().map(|c| exact(c[0])));
    let flow = inner.iter().filter(smooth).fold(0.0_f64, |m, c| m.max((c[2] / q - 1.0).abs()));
    let besides = if jump_m.is_some() { ", 2 cells beside the jump left out" } else { "" };
    case.at_most("relL1(h), 250 cells", depth, bound, BUMP_SOURCE);
    case.at_most(&format!("max |q/q0 - 1|{besides}"), flow, 1e-3, BUMP_SOURCE);
    case.figures.push(figure(title, &inner, bump, exact));
}

/// Subcritical flow over a bump, frictionless: q = 4.42 m2/s, 2 m downstream.
pub(super) fn subcritical_bump<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let (q, h_out) = (4.42, 2.0);
    let exact = |x: f64| depth_of(q, head(q, h_out) - bump(x), false);
    let p = bump_channel(q, Outlet::Level(h_out)).run::<R>(case, bump, |x| h_out - bump(x), 150.0)?;
    bump_rows(case, "Subcritical flow over a bump, dx 0.1 m", &p, q, exact, None, 1e-4);
    Ok(())
}

/// Flow that turns supercritical on the crest: q = 1.53 m2/s.
pub(super) fn transcritical_bump<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let q = 1.53;
    let energy = 0.2 + head(q, critical(q));
    let exact = |x: f64| depth_of(q, energy - bump(x), x > CREST_M);
    let p = bump_channel(q, Outlet::Free).run::<R>(case, bump, |x| 0.66 - bump(x), 150.0)?;
    bump_rows(case, "Flow turning supercritical on a bump, dx 0.1 m", &p, q, exact, None, 2e-3);
    Ok(())
}

/// Supercritical flow behind the crest jumps back: q = 0.18 m2/s, 0.33 m downstream.
pub(super) fn bump_with_jump<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let (q, h_out) = (0.18, 0.33);
    let (before, after) = (0.2 + head(q, critical(q)), head(q, h_out));
    // Equal momentum q^2 / (g h) + h^2 / 2 on both sides of the jump, which lies between where the slow side becomes
    // possible and the foot of the bump.
    let momentum = |h: f64| q * q / (G * h) + 0.5 * h * h;
    let lack = |x: f64| momentum(depth_of(q, after - bump(x), false)) - momentum(depth_of(q, before - bump(x), true));
    let possible = CREST_M + ((0.2 - (after - head(q, critical(q)))) / 0.05).sqrt();
    let jump = bisect(possible, CREST_M + 2.0, lack);
    let exact = |x: f64| {
        if x > jump { depth_of(q, after - bump(x), false) } else { depth_of(q, before - bump(x), x > CREST_M) }
    };
    let p = bump_channel(q, Outlet::Level(h_out)).run::<R>(case, bump, |x| h_out - bump(x), 300.0)?;
    bump_rows(case, "Jump behind a bump, dx 0.1 m", &p, q, exact, Some(jump), 2e-3);
    Ok(())
}

/// Uniform flow down a slope of 1:1000 with Manning 0.03.
pub(super) fn normal_flow<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let (q, n, slope): (f64, f64, f64) = (1.0, 0.03, 0.001);
    let depth = (q * n / slope.sqrt()).powf(0.6);
    let bed = |x: f64| (1000.0 - x) * slope;
    let grid = Grid { nx: 200, ny: 5, dx_m: 5.0 };
    let outlet = Outlet::Level(bed(997.5) + depth);
    let channel = Channel { grid, west_m: 0.0, g: G, manning: n, q, rain: vec![], outlet };
    let p = channel.run::<R>(case, bed, |_| depth, 4000.0)?;
    let worst = p[20..180].iter().fold(0.0_f64, |m, c| m.max((c[1] / depth - 1.0).abs()));
    case.at_most("max |h/h_n - 1|", worst, 1e-3, "Manning 1891: q = h^(5/3) S^(1/2) / n");
    Ok(())
}
