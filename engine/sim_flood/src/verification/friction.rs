//! Dam break onto a dry bed with friction: the tip is slow and steep.

use super::case::{CurveKind, Figure, VerificationCase};
use super::reference::Reference;
use super::{middle_row, rel_l1};
use crate::{FloodError, FloodParams, FloodRunOf, Forcing, Grid, Initial, Real, Terrain};

const G: f64 = 9.81;
const LEFT_M: f64 = 6.0;
const DAM_M: f64 = 1000.0;

/// Ritter's solution with the first-order effect of friction (Dressler 1952 for Chezy), written for Manning.
///
/// With c = sqrt(g h), xi = x / t and K = n^2 g^(7/3) the momentum equation has the source -K u^2 / c^(8/3). Around
/// Ritter's u0 = 2/3 (cl + xi), c0 = (2 cl - xi) / 3 let u = u0 + K t U(xi), c = c0 + K t C(xi). Then
/// U = (10 C - 3 S) / 7 with S = u0^2 / c0^(8/3), and 12 C - 8 c0 dC/dc0 = -c0 dS/dc0 - 2 S with C = 0 at c0 = cl. As S
/// is a sum of powers of c0 (u0 = 2 (cl - c0)), so is C, with the homogeneous part c0^(3/2).
struct Dressler {
    cl: f64,
    k: f64,
    /// (factor, power) of C.
    terms: [(f64, f64); 4],
}

impl Dressler {
    fn new(manning: f64) -> Self {
        let cl = (G * LEFT_M).sqrt();
        let sources = [(4.0 * cl * cl, -8.0 / 3.0), (-8.0 * cl, -5.0 / 3.0), (4.0, -2.0 / 3.0)];
        let part = |(s, p): (f64, f64)| (-s * (p + 2.0) / (12.0 - 8.0 * p), p);
        let [a, b, c] = sources.map(part);
        let at_front: f64 = [a, b, c].iter().map(|(f, p)| f * cl.powf(*p)).sum();
        let own = (-at_front / cl.powf(1.5), 1.5);
        Self { cl, k: manning * manning * G.powf(7.0 / 3.0), terms: [a, b, c, own] }
    }

    /// Depth and velocity at x metres from the dam.
    fn at(&self, x: f64, t: f64) -> [f64; 2] {
        let xi = x / t;
        if xi < -self.cl {
            return [LEFT_M, 0.0];
        }
        let (u0, c0) = (2.0 / 3.0 * (self.cl + xi), (2.0 * self.cl - xi) / 3.0);
        let s = u0 * u0 / c0.powf(8.0 / 3.0);
        let c1: f64 = self.terms.iter().map(|(f, p)| f * c0.powf(*p)).sum();
        let c = c0 + self.k * t * c1;
        [c * c / G, u0 + self.k * t * (10.0 * c1 - 3.0 * s) / 7.0]
    }

    /// Where velocity stops growing towards the tip: from there on the expansion fails (Dressler's tip begins), metres.
    fn tip_m(&self, t: f64) -> f64 {
        let steps = (3.0 * self.cl * t) as usize;
        let x = |k: usize| -self.cl * t + k as f64;
        (1..steps).find(|k| self.at(x(*k + 1), t)[1] < self.at(x(*k), t)[1]).map_or(f64::NAN, x)
    }
}

/// Dam break 6 m onto a dry bed with Manning's friction.
///
/// SWASHES' case 1 3 1 3 with Chezy 40 is turned into Manning 0.03, which gives the same friction at about 3 m depth,
/// because the kernel has Manning's friction only. Dressler's expansion is good for short times behind the tip; the
/// tip and the longer time are compared with the one-dimensional reference.
pub(super) fn dressler<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let (manning, length, cells) = (0.03, 2000.0, 1000);
    let grid = Grid { nx: cells, ny: 5, dx_m: length / cells as f64 };
    let terrain = Terrain::from_fn(grid, manning, |_, _| 0.0);
    let depth = |x: f64| if x < DAM_M { LEFT_M } else { 0.0 };
    let depth_m = (0..grid.cell_count() as u32).map(|c| depth(grid.centre_m(c)[0])).collect();
    let initial = Initial { depth_m, ..Initial::default() };
    let params = FloodParams { gravity_mps2: G, dry_depth_m: 1e-5, wet_depth_m: 1e-3, ..case.params() };
    let forcing = Forcing { open_edges: true, ..Forcing::default() };
    let mut run = FloodRunOf::<R>::new(terrain, vec![], forcing, params, initial)?;
    let exact = Dressler::new(manning);
    let source = "first-order expansion after Dressler 1952, J. Res. NBS 49, for Manning";
    case.advance(&mut run, 10.0)?;
    let tip = exact.tip_m(10.0);
    let body: Vec<_> = middle_row(&run).into_iter().filter(|c| c[0] - DAM_M < 0.5 * tip).collect();
    let err = rel_l1(body.iter().map(|c| c[1]), body.iter().map(|c| exact.at(c[0] - DAM_M, 10.0)[0]));
    case.at_most("relL1(h) behind the tip, 1000 cells, t 10 s", err, 5e-3, source);
    case.advance(&mut run, 40.0)?;
    case.close(&run);
    let mut reference = Reference { manning, ..Reference::still(G, 0.5, 4000, depth) };
    reference.run(40.0);
    let p = middle_row(&run);
    let source = "one-dimensional reference with 4000 cells";
    let err = rel_l1(p.iter().map(|c| c[1]), p.iter().map(|c| reference.depth_at(c[0])));
    case.at_most("relL1(h), 1000 cells, t 40 s", err, 5e-3, source);
    let front = |depth: &dyn Fn(f64) -> f64| p.iter().rposition(|c| depth(c[0]) > 0.01).map_or(f64::NAN, |i| i as f64);
    let computed = p.iter().rposition(|c| c[1] > 0.01).map_or(f64::NAN, |i| i as f64);
    let off = (computed - front(&|x| reference.depth_at(x))).abs();
    case.at_most("1 cm depth of the front off by, cells, t 40 s", off, 5.0, source);
    let shown = |c: &&[f64; 3]| (600.0..1500.0).contains(&c[0]);
    let behind = exact.tip_m(40.0) + DAM_M;
    case.figures.push(
        Figure::new("Dam break with friction, dx 2 m, t = 40 s", "x, m", "depth, m")
            .with(
                CurveKind::Guide,
                "expansion behind the tip",
                p.iter().filter(shown).filter(|c| c[0] < behind).map(|c| [c[0], exact.at(c[0] - DAM_M, 40.0)[0]]),
            )
            .with(CurveKind::Exact, "reference", p.iter().filter(shown).map(|c| [c[0], reference.depth_at(c[0])]))
            .with(CurveKind::Computed, "sim_flood", p.iter().filter(shown).map(|c| [c[0], c[1]])),
    );
    Ok(())
}
