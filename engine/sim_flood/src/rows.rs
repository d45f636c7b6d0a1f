//! The arithmetic, one row of cells or faces at a time.
//!
//! Plain loops over equal-length slices with selects instead of branches, so that the compiler can vectorise them for
//! whichever instruction set the caller enabled. Rust never contracts `a * b + c`, hence every instruction set gives
//! the same bits.
//!
//! Bed terms appear only as differences: water at rest gives exact zeros and nothing depends on the datum.

use crate::{FloodParams, Order, Real};

/// Numbers computed of every row: whole vectors of every instruction set, and a trip count that the compiler knows.
pub(crate) const WIDE: usize = 64;
/// Cells per tile row: with the halo of two cells on each side that makes [`WIDE`].
pub(crate) const TILE_W: usize = WIDE - 4;
/// Length of row buffers: shifted by up to eight, a row is still inside.
pub(crate) const BUF: usize = WIDE + 8;

/// One row of numbers.
pub(crate) type Row<R> = [R; BUF];

/// Numbers of the current step that every row needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step<R> {
    pub g: R,
    pub dt: R,
    /// dt / dx.
    pub lam: R,
    pub dry: R,
    /// Cells at or below this depth are piecewise constant.
    pub thin: R,
    pub theta: R,
    /// R::HALF for the second order, 0 for the first.
    pub half_slope: R,
}

impl<R: Real> Step<R> {
    /// A step of `dt_s` seconds on cells of `dx_m` metres.
    pub(crate) fn new(params: &FloodParams, dt_s: f64, dx_m: f64) -> Self {
        Self {
            g: R::of(params.gravity_mps2),
            dt: R::of(dt_s),
            lam: R::of(dt_s / dx_m),
            dry: R::of(params.dry_depth_m),
            thin: R::of(5.0 * params.dry_depth_m),
            theta: R::of(params.limiter_theta),
            half_slope: if params.order == Order::Second { R::HALF } else { R::ZERO },
        }
    }
}

/// Half-step values at cell centres and half-slopes (offsets from the centre to a face), one row.
#[derive(Debug, Clone)]
pub(crate) struct Recon<R> {
    pub h: Row<R>,
    pub u: Row<R>,
    pub v: Row<R>,
    /// Offsets to the east face of depth, velocities and level.
    pub hx: Row<R>,
    pub ux: Row<R>,
    pub vx: Row<R>,
    pub ex: Row<R>,
    /// Offsets to the north face.
    pub hy: Row<R>,
    pub uy: Row<R>,
    pub vy: Row<R>,
    pub ey: Row<R>,
    /// Offsets of the bed alone.
    pub zx: Row<R>,
    pub zy: Row<R>,
}

impl<R: Real> Default for Recon<R> {
    fn default() -> Self {
        let z = [R::ZERO; BUF];
        Self { h: z, u: z, v: z, hx: z, ux: z, vx: z, ex: z, hy: z, uy: z, vy: z, ey: z, zx: z, zy: z }
    }
}

/// Fluxes over a row of faces. `lo` and `hi` are the normal momentum fluxes seen by the cell on the low (west, south)
/// and high side, each less the hydrostatic thrust of its own reconstructed depth.
#[derive(Debug, Clone)]
pub(crate) struct Flux<R> {
    pub mass: Row<R>,
    pub lo: Row<R>,
    pub hi: Row<R>,
    pub cross: Row<R>,
}

impl<R: Real> Default for Flux<R> {
    fn default() -> Self {
        let z = [R::ZERO; BUF];
        Self { mass: z, lo: z, hi: z, cross: z }
    }
}

#[inline(always)]
pub(crate) fn max<R: Real>(a: R, b: R) -> R {
    if a > b { a } else { b }
}

#[inline(always)]
pub(crate) fn min<R: Real>(a: R, b: R) -> R {
    if a < b { a } else { b }
}

/// Generalised minmod (van Leer 1979): the smallest of theta a, theta b and their mean; 0 at extrema.
#[inline(always)]
fn limit<R: Real>(theta: R, a: R, b: R) -> R {
    let small = theta * min(a.abs(), b.abs());
    let mean = R::HALF * (a + b);
    let size = min(small, mean.abs());
    if a * b > R::ZERO { size.copysign(mean) } else { R::ZERO }
}

/// Differences towards low and high neighbour, either replaced by the other where that neighbour is a shore.
#[inline(always)]
fn one_sided<R: Real>(low_shore: bool, high_shore: bool, low: R, high: R) -> (R, R) {
    (if low_shore { high } else { low }, if high_shore { low } else { high })
}

/// State rows around the row to reconstruct: `c` with one more cell on each side, south and north rows without.
#[derive(Clone, Copy)]
pub(crate) struct Around<'a, R> {
    pub c: &'a [R],
    pub s: &'a [R],
    pub n: &'a [R],
}

/// Crest rows: west faces of the cells and of the cell after the last, south faces, north faces.
#[derive(Clone, Copy)]
pub(crate) struct Crests<'a, R> {
    pub w: &'a [R],
    pub s: &'a [R],
    pub n: &'a [R],
}

/// Free shares (see `porous`) around a row: of the cells, and of faces as in [`Crests`].
#[derive(Clone, Copy)]
pub(crate) struct Shares<'a, R> {
    pub cell: &'a [R],
    pub w: &'a [R],
    pub s: &'a [R],
    pub n: &'a [R],
}

/// Limited slopes and the half-step predictor of MUSCL-Hancock (van Leer 1984) in primitive form.
#[inline(always)]
pub(crate) fn reconstruct<R: Real, const CREST: bool, const FRICTION: bool, const POROUS: bool>(
    n: usize,
    k: &Step<R>,
    h: Around<'_, R>,
    u: Around<'_, R>,
    v: Around<'_, R>,
    z: Around<'_, R>,
    n2: &[R],
    crest: Crests<'_, R>,
    free: Shares<'_, R>,
    out: &mut Recon<R>,
) {
    assert!(n <= BUF);
    let (hc, hw, he, hs, hn) = (&h.c[1..=n], &h.c[..n], &h.c[2..n + 2], &h.s[..n], &h.n[..n]);
    let (uc, uw, ue, us, un) = (&u.c[1..=n], &u.c[..n], &u.c[2..n + 2], &u.s[..n], &u.n[..n]);
    let (vc, vw, ve, vs, vn) = (&v.c[1..=n], &v.c[..n], &v.c[2..n + 2], &v.s[..n], &v.n[..n]);
    let (zc, zw, ze, zs, zn) = (&z.c[1..=n], &z.c[..n], &z.c[2..n + 2], &z.s[..n], &z.n[..n]);
    let (cw, ce, cs, cn) =
        if CREST { (&crest.w[..n], &crest.w[1..=n], &crest.s[..n], &crest.n[..n]) } else { (zc, zc, zc, zc) };
    let n2 = &n2[..n];
    let (free_c, free_s, free_n) = if POROUS { (&free.cell[..n], &free.s[..n], &free.n[..n]) } else { (zc, zc, zc) };
    let (free_w, free_e) = if POROUS { (&free.w[..n], &free.w[1..=n]) } else { (zc, zc) };
    for i in 0..n {
        let (hi, ui, vi, zi) = (hc[i], uc[i], vc[i], zc[i]);
        let live = hi > k.thin;
        let (zdw, zde, zds, zdn) = (zi - zw[i], ze[i] - zi, zi - zs[i], zn[i] - zi);
        // A nearly dry neighbour whose ground is above this water is a shore: the slope comes from the other side alone.
        let (sw, se) = ((hw[i] <= k.thin) & (-zdw > hi), (he[i] <= k.thin) & (zde > hi));
        let (ss, sn) = ((hs[i] <= k.thin) & (-zds > hi), (hn[i] <= k.thin) & (zdn > hi));
        let mut ok_x = live & !(sw & se);
        let mut ok_y = live & !(ss & sn);
        if CREST {
            ok_x &= (cw[i] <= R::NO_CREST) & (ce[i] <= R::NO_CREST);
            ok_y &= (cs[i] <= R::NO_CREST) & (cn[i] <= R::NO_CREST);
        }
        if POROUS {
            // What lies behind a narrow gap tells little about the slope here, and would drive water that cannot get there.
            let half = R::HALF * free_c[i];
            ok_x &= (free_w[i] >= half) & (free_e[i] >= half);
            ok_y &= (free_s[i] >= half) & (free_n[i] >= half);
        }
        let mx = if ok_x { k.half_slope } else { R::ZERO };
        let my = if ok_y { k.half_slope } else { R::ZERO };
        // A quarter of the level's slope at a shore: with the whole of it rounding at rest grows without end, with none of it a
        // shoreline that moves (Thacker) is less well met.
        let lx = if sw | se { R::QUARTER * mx } else { mx };
        let ly = if ss | sn { R::QUARTER * my } else { my };
        let (dw, de) = one_sided(sw, se, hi - hw[i], he[i] - hi);
        let (ds, dn) = one_sided(ss, sn, hi - hs[i], hn[i] - hi);
        let (zdw, zde) = one_sided(sw, se, zdw, zde);
        let (zds, zdn) = one_sided(ss, sn, zds, zdn);
        let hx = mx * limit(k.theta, dw, de);
        let ex = lx * limit(k.theta, dw + zdw, de + zde);
        let ux = mx * limit(k.theta, ui - uw[i], ue[i] - ui);
        let vx = mx * limit(k.theta, vi - vw[i], ve[i] - vi);
        let hy = my * limit(k.theta, ds, dn);
        let ey = ly * limit(k.theta, ds + zds, dn + zdn);
        let uy = my * limit(k.theta, ui - us[i], un[i] - ui);
        let vy = my * limit(k.theta, vi - vs[i], vn[i] - vi);
        let hx = max(-hi, min(hi, hx));
        let hy = max(-hi, min(hi, hy));
        let dh = k.lam * (ui * hx + vi * hy + hi * (ux + vy));
        let du = k.lam * (ui * ux + vi * uy + k.g * ex);
        let dv = k.lam * (ui * vx + vi * vy + k.g * ey);
        let floor = max(hx.abs(), hy.abs());
        out.h[i] = if hi - dh >= floor { hi - dh } else { hi };
        let (mut up, mut vp) = (ui - du, vi - dv);
        if FRICTION {
            // Half a step of friction with the old speed, implicit in the new: keeps uniform flow exactly uniform.
            let a = k.g * k.dt * n2[i] * inv_cbrt4(if live { hi } else { R::ONE });
            let keep = R::ONE / (R::ONE + R::HALF * a * (ui * ui + vi * vi).sqrt());
            up *= keep;
            vp *= keep;
        }
        out.u[i] = up;
        out.v[i] = vp;
        out.hx[i] = hx;
        out.ux[i] = ux;
        out.vx[i] = vx;
        out.ex[i] = ex;
        out.hy[i] = hy;
        out.uy[i] = uy;
        out.vy[i] = vy;
        out.ey[i] = ey;
        out.zx[i] = if ok_x { mx * limit(k.theta, zdw, zde) } else { R::NAN };
        out.zy[i] = if ok_y { my * limit(k.theta, zds, zdn) } else { R::NAN };
    }
}

/// One side of a row of faces: centre values, offsets towards the high side, bed of the cells.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a, R> {
    /// Depth of the cells at the start of the step.
    pub now: &'a [R],
    pub h: &'a [R],
    pub dh: &'a [R],
    pub un: &'a [R],
    pub dun: &'a [R],
    pub ut: &'a [R],
    pub dut: &'a [R],
    pub de: &'a [R],
    /// Offset of the bed alone.
    pub dz: &'a [R],
    pub z: &'a [R],
    /// Free share of the cells; read only if `POROUS`.
    pub free: &'a [R],
}

impl<R: Real> Side<'_, R> {
    /// The side from face `at` on.
    pub(crate) fn from(&self, at: usize) -> Self {
        Self {
            now: &self.now[at..],
            h: &self.h[at..],
            dh: &self.dh[at..],
            un: &self.un[at..],
            dun: &self.dun[at..],
            ut: &self.ut[at..],
            dut: &self.dut[at..],
            de: &self.de[at..],
            dz: &self.dz[at..],
            z: &self.z[at..],
            free: &self.free[at..],
        }
    }

    #[inline(always)]
    fn cut(&self, n: usize) -> Self {
        Self {
            now: &self.now[..n],
            h: &self.h[..n],
            dh: &self.dh[..n],
            un: &self.un[..n],
            dun: &self.dun[..n],
            ut: &self.ut[..n],
            dut: &self.dut[..n],
            de: &self.de[..n],
            dz: &self.dz[..n],
            z: &self.z[..n],
            free: &self.free[..n],
        }
    }
}

/// What a low rise of the bed between two cells takes away in the hydrostatic reconstruction, which keeps the velocity:
/// depth for the discharge of the low and of the high side, and the part of the fall of the level that is Bernoulli's and not a
/// wave's, times `c2`, the product of the wave speeds.
///
/// Over a rise in a steady flow the discharge stays and the level falls by rise Fr2 / (1 - Fr2) (Henderson 1966, 2.4); with both, the
/// discharge h u of the cells at a bend of the bed is that of the faces. Only for bends of the bed itself, not for what limiters
/// make of a wave on a slope; less and less so for rises between a twentieth and a sixteenth of the depth, and where the
/// water moves.
#[inline(always)]
fn over_a_rise<R: Real>(step: R, bend: R, hl: R, hr: R, ul: R, ur: R, c2: R) -> (R, R, R) {
    let up = step > R::ZERO;
    let (h, u) = if up { (hl, ul) } else { (hr, ur) };
    let rise = if step * bend > R::ZERO { min(step.abs(), bend.abs()) } else { R::ZERO };
    // Water that hardly moves, or that only rounding moves, is left alone: at most some twenty velocity heads.
    let rise = min(rise, u * u);
    let rise = min(rise, max(R::ZERO, R::QUARTER * h - R::FOUR * rise));
    let drop = min(u * u, max(R::ZERO, c2)) * rise;
    if up { (rise, R::ZERO, drop) } else { (R::ZERO, rise, -drop) }
}

/// HLLC fluxes (Toro 2001, "Shock-capturing methods for free-surface shallow flows") between hydrostatically
/// reconstructed states (Audusse et al. 2004, SIAM J. Sci. Comput. 25), with two-rarefaction wave speeds.
///
/// Of a face with the free share ψ (`POROUS`) the flux takes that share. Where ψ is less than half the cell's φ, the rest up to
/// φ / 2 counts, twice, as a wall that water runs against; so a closed face is a wall, and equal shares everywhere change nothing.
///
/// A face with a crest blocks up to the crest; while the crest stands above the water of both sides each side sees a
/// reflecting wall with the thrust of the Riemann problem with its mirror image.
#[inline(always)]
pub(crate) fn fluxes<R: Real, const CREST: bool, const POROUS: bool>(
    n: usize,
    k: &Step<R>,
    lo: Side<'_, R>,
    hi: Side<'_, R>,
    crest: &[R],
    share: &[R],
    out: &mut Flux<R>,
) {
    assert!(n <= BUF);
    let (l, r) = (lo.cut(n), hi.cut(n));
    let crest = if CREST { &crest[..n] } else { l.h };
    let share = if POROUS { &share[..n] } else { l.h };
    for i in 0..n {
        let (hl, ul, vl) = (l.h[i] + l.dh[i], l.un[i] + l.dun[i], l.ut[i] + l.dut[i]);
        let (hr, ur, vr) = (r.h[i] - r.dh[i], r.un[i] - r.dun[i], r.ut[i] - r.dut[i]);
        // Bed at the face from either side, as offsets from the low cell's bed.
        let zl = l.de[i] - l.dh[i];
        let zr = (r.z[i] - l.z[i]) - (r.de[i] - r.dh[i]);
        let step = zr - zl;
        let mut rise_l = max(R::ZERO, step);
        let mut rise_r = max(R::ZERO, -step);
        let mut walled = false;
        // Films at or below the dry depth on both sides stay where they are (a skipped tile relies on it).
        let flows = (l.now[i] > k.dry) | (r.now[i] > k.dry);
        if CREST {
            let above_l = crest[i] - (l.z[i] + zl);
            let above_r = above_l - step;
            walled = flows & (above_l >= hl) & (above_r >= hr) & (above_l > rise_l);
            rise_l = max(rise_l, above_l);
            rise_r = max(rise_r, above_r);
        }
        let a = max(R::ZERO, hl - rise_l);
        let b = max(R::ZERO, hr - rise_r);
        let (ca, cb) = ((k.g * a).sqrt(), (k.g * b).sqrt());
        let us = R::HALF * (ul + ur) + (ca - cb);
        let cs = max(R::ZERO, R::HALF * (ca + cb) + R::QUARTER * (ul - ur));
        let wet_a = a > R::ZERO;
        let wet_b = b > R::ZERO;
        let sl = if wet_a { if wet_b { min(ul - ca, us - cs) } else { ul - ca } } else { ur - R::TWO * cb };
        let sr = if wet_b { if wet_a { max(ur + cb, us + cs) } else { ur + cb } } else { ul + R::TWO * ca };
        let sl = min(sl, R::ZERO);
        let sr = max(sr, R::ZERO);
        let width = sr - sl;
        let some = flows & (wet_a | wet_b) & (width > R::ZERO);
        let inv = if some { R::ONE / (if some { width } else { R::ONE }) } else { R::ZERO };
        let (extra_l, extra_r, drop) =
            over_a_rise(step, (r.z[i] - l.z[i]) - (l.dz[i] + r.dz[i]), hl, hr, ul, ur, -sl * sr);
        let (ma, mb) = ((a + extra_l) * ul, (b + extra_r) * ur);
        // Momentum fluxes less the thrust of the low side, so that rest gives exactly zero.
        let thrust = R::HALF * k.g * (b - a) * (b + a);
        let mass = (sr * ma - sl * mb + sl * sr * (b - a) - drop) * inv;
        let push = (sr * (ma * ul) - sl * (mb * ur + thrust) + sl * sr * (mb - ma)) * inv;
        let cross = mass * (if mass > R::ZERO { vl } else { vr });
        let (mut to_lo, mut to_hi) = (push, push - if some { thrust } else { R::ZERO });
        if CREST {
            // HLL with the mirrored state: thrust beyond rest is h u (u + s); a wall cannot pull.
            let (wl, wr) = ((k.g * hl).sqrt(), (k.g * hr).sqrt());
            let still_l = max(hl * ul * (ul + max(wl - ul, wl + R::HALF * ul)), -R::HALF * wl * wl * hl);
            let still_r = max(hr * ur * (ur - max(wr + ur, wr - R::HALF * ur)), -R::HALF * wr * wr * hr);
            if POROUS {
                let open = if walled { R::ZERO } else { share[i] };
                let shut = |free: R| max(R::ZERO, free - R::TWO * open);
                out.mass[i] = open * mass;
                out.lo[i] = open * to_lo + shut(l.free[i]) * still_l;
                out.hi[i] = open * to_hi + shut(r.free[i]) * still_r;
                out.cross[i] = open * cross;
                continue;
            }
            to_lo = if walled { still_l } else { to_lo };
            to_hi = if walled { still_r } else { to_hi };
        }
        out.mass[i] = mass;
        out.lo[i] = to_lo;
        out.hi[i] = to_hi;
        out.cross[i] = cross;
    }
}

/// Share of its outflow each cell can pay for in this step; returns whether any share is below 1. `inv`: one over the free share
/// of the cells, read only if `POROUS`.
#[inline(always)]
pub(crate) fn outflow_share<R: Real, const POROUS: bool>(
    n: usize,
    lam: R,
    inv: &[R],
    h: &[R],
    west: &[R],
    east: &[R],
    south: &[R],
    north: &[R],
    share: &mut Row<R>,
) -> bool {
    assert!(n <= BUF);
    let (h, west, east, south, north) = (&h[..n], &west[..n], &east[..n], &south[..n], &north[..n]);
    let inv = if POROUS { &inv[..n] } else { h };
    let mut over = 0_u32;
    for i in 0..n {
        let out = max(R::ZERO, east[i]) + max(R::ZERO, -west[i]) + max(R::ZERO, north[i]) + max(R::ZERO, -south[i]);
        let need = if POROUS { lam * inv[i] * out } else { lam * out };
        share[i] = need;
        over |= u32::from(need > h[i]);
    }
    if over == 0 {
        share[..n].fill(R::ONE);
        return false;
    }
    for i in 0..n {
        share[i] = if share[i] > h[i] { h[i] / share[i] } else { R::ONE };
    }
    true
}

/// Scales `n` fluxes from position `at` by the share of the cell they leave.
#[inline(always)]
pub(crate) fn scale<R: Real>(at: usize, n: usize, flux: &mut Flux<R>, low_share: &[R], high_share: &[R]) {
    let (low_share, high_share) = (&low_share[..n], &high_share[..n]);
    let (mass, lo) = (&mut flux.mass[at..at + n], &mut flux.lo[at..at + n]);
    let (hi, cross) = (&mut flux.hi[at..at + n], &mut flux.cross[at..at + n]);
    for i in 0..n {
        let s = if mass[i] > R::ZERO { low_share[i] } else { high_share[i] };
        mass[i] *= s;
        lo[i] *= s;
        hi[i] *= s;
        cross[i] *= s;
    }
}

/// h^(-4/3).
#[inline(always)]
fn inv_cbrt4<R: Real>(h: R) -> R {
    let r = h.inv_cbrt();
    let r2 = r * r;
    r2 * r2
}

/// What the update of a row reads besides its fluxes.
pub(crate) struct Cells<'a, R> {
    pub h: &'a [R],
    pub u: &'a [R],
    pub v: &'a [R],
    /// Half-step depth and level offsets, for the bed thrust inside the cell.
    pub hp: &'a [R],
    pub ex: &'a [R],
    pub ey: &'a [R],
    /// Manning n squared.
    pub n2: &'a [R],
    /// Depth of rain of this step, metres.
    pub rain: &'a [R],
    /// One over the free share of the cells and their drag, 1/m; read only if `POROUS`.
    pub inv: &'a [R],
    pub drag: &'a [R],
}

/// What the update of a row makes.
#[derive(Debug, Clone)]
pub(crate) struct Next<R> {
    pub h: Row<R>,
    pub u: Row<R>,
    pub v: Row<R>,
    /// What rounding has added to the depth so far (Kahan 1965), metres; read and written. Without it a film of rain
    /// would never lift a deep cell.
    pub carry: Row<R>,
    /// Fastest wave, m/s.
    pub speed: Row<R>,
    /// Depth added by setting negative rounding to zero, times the free share of the cell, metres.
    pub lost: Row<R>,
}

impl<R: Real> Default for Next<R> {
    fn default() -> Self {
        let z = [R::ZERO; BUF];
        Self { h: z, u: z, v: z, carry: z, speed: z, lost: z }
    }
}

/// Fluxes around the cells of a row.
pub(crate) struct Around4<'a, R> {
    pub west: &'a Flux<R>,
    pub south: &'a Flux<R>,
    pub north: &'a Flux<R>,
}

/// New depth and velocities of `n` cells, point-implicit Manning friction included; `shift` is the position of the
/// first cell in the flux rows.
#[inline(always)]
pub(crate) fn update<R: Real, const FRICTION: bool, const POROUS: bool>(
    n: usize,
    shift: usize,
    k: &Step<R>,
    cells: &Cells<'_, R>,
    f: &Around4<'_, R>,
    next: &mut Next<R>,
) {
    assert!(n <= BUF);
    let (h, u, v) = (&cells.h[..n], &cells.u[..n], &cells.v[..n]);
    let (hp, ex, ey) = (&cells.hp[..n], &cells.ex[..n], &cells.ey[..n]);
    let (n2, rain) = (&cells.n2[..n], &cells.rain[..n]);
    let (inv_free, drag) = if POROUS { (&cells.inv[..n], &cells.drag[..n]) } else { (n2, n2) };
    let (h1, u1, v1, carry) = (&mut next.h[..n], &mut next.u[..n], &mut next.v[..n], &mut next.carry[..n]);
    let (speed, lost) = (&mut next.speed[..n], &mut next.lost[..n]);
    let (w, e) = (shift, shift + 1);
    let (mw, me) = (&f.west.mass[w..w + n], &f.west.mass[e..e + n]);
    let (xw, xe) = (&f.west.hi[w..w + n], &f.west.lo[e..e + n]);
    let (cw, ce) = (&f.west.cross[w..w + n], &f.west.cross[e..e + n]);
    let (ms, mn) = (&f.south.mass[w..w + n], &f.north.mass[w..w + n]);
    let (ys, yn) = (&f.south.hi[w..w + n], &f.north.lo[w..w + n]);
    let (cs, cn) = (&f.south.cross[w..w + n], &f.north.cross[w..w + n]);
    for i in 0..n {
        let bed = R::TWO * k.g * hp[i];
        let supply = rain[i] - k.lam * ((me[i] - mw[i]) + (mn[i] - ms[i]));
        let change = (if POROUS { inv_free[i] * supply } else { supply }) - carry[i];
        let raw = h[i] + change;
        let excess = (raw - h[i]) - change;
        // The slope of level inside a cell drives all its water, fluxes are shared among the free part.
        let on = |flux: R| if POROUS { inv_free[i] * flux } else { flux };
        let qx = h[i] * u[i] - k.lam * (on(xe[i] - xw[i]) + bed * ex[i] + on(cn[i] - cs[i]));
        let qy = h[i] * v[i] - k.lam * (on(yn[i] - ys[i]) + bed * ey[i] + on(ce[i] - cw[i]));
        let hn = max(R::ZERO, raw);
        let below = raw < R::ZERO;
        carry[i] = if below { R::ZERO } else { excess };
        let gained = if below { excess - raw } else { R::ZERO };
        lost[i] = if POROUS { gained / inv_free[i] } else { gained };
        let wet = hn > k.dry;
        let safe = if wet { hn } else { R::ONE };
        let inv = R::ONE / safe;
        let (mut un, mut vn) = (if wet { qx * inv } else { R::ZERO }, if wet { qy * inv } else { R::ZERO });
        if FRICTION {
            // |u'| + a |u'|^2 = |u| with a = dt g n^2 h^(-4/3), solved without cancellation.
            let a = k.g * k.dt * n2[i] * inv_cbrt4(safe);
            let a = if POROUS { a + k.dt * drag[i] } else { a };
            let s = (un * un + vn * vn).sqrt();
            let keep = R::TWO / (R::ONE + (R::ONE + R::FOUR * a * s).sqrt());
            un *= keep;
            vn *= keep;
        }
        h1[i] = hn;
        u1[i] = un;
        v1[i] = vn;
        speed[i] = max(un.abs(), vn.abs()) + (k.g * hn).sqrt();
    }
}

/// Fastest wave and depth lost of a tile, column by column until the tile is done: folding every row takes longer.
#[derive(Debug, Clone)]
pub(crate) struct Totals<R> {
    speed: [R; WIDE],
    /// Not 0 where a speed was infinite or NaN.
    bad: [R; WIDE],
    lost: [R; WIDE],
}

impl<R: Real> Default for Totals<R> {
    fn default() -> Self {
        let z = [R::ZERO; WIDE];
        Self { speed: z, bad: z, lost: z }
    }
}

impl<R: Real> Totals<R> {
    #[inline(always)]
    pub(crate) fn add(&mut self, speed: &Row<R>, lost: &Row<R>) {
        for i in 0..WIDE {
            self.speed[i] = max(self.speed[i], speed[i]);
            self.bad[i] += speed[i] * R::ZERO;
            self.lost[i] += lost[i];
        }
    }

    /// Largest of the speeds; NaN when any of them was NaN or infinite.
    #[inline(always)]
    pub(crate) fn fastest(&self) -> R {
        let most = self.speed.iter().fold(R::ZERO, |m, x| max(m, *x));
        self.bad.iter().fold(most, |m, x| m + *x)
    }

    /// Sum of what was lost, in a fixed order.
    #[inline(always)]
    pub(crate) fn lost(&self) -> R {
        self.lost.iter().fold(R::ZERO, |m, x| m + *x)
    }
}

/// The larger of two numbers; NaN when either is.
pub(crate) fn max_or_nan(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limiter_is_bounded_and_symmetric() {
        assert_eq!(limit(1.5, 1.0, -1.0), 0.0);
        assert_eq!(limit(1.5, 1.0, 1.0), 1.0);
        assert_eq!(limit(1.5, 1.0, 100.0), 1.5);
        assert_eq!(limit(1.5, -100.0, -1.0), -1.5);
    }
}
