//! The arithmetic, one row of cells or faces at a time.
//!
//! Plain loops over equal-length slices with selects instead of branches, so that the compiler can vectorise them for
//! whichever instruction set the caller enabled. Rust never contracts `a * b + c`, hence every instruction set gives
//! the same bits.
//!
//! Bed terms appear only as differences: water at rest gives exact zeros and nothing depends on the datum.

/// Cells per tile row.
pub(crate) const TILE_W: usize = 64;
/// Length of row buffers: a tile row with its halo of two cells on each side, rounded up.
pub(crate) const BUF: usize = TILE_W + 8;
/// Crest of a face without a wall, metres relative to the run's datum.
pub(crate) const NO_CREST: f64 = -1e30;
/// Crest of an impassable face.
pub(crate) const WALL: f64 = 1e30;

/// One row of numbers.
pub(crate) type Row = [f64; BUF];

/// Numbers of the current step that every row needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub g: f64,
    pub dt: f64,
    /// dt / dx.
    pub lam: f64,
    pub dry: f64,
    /// Cells at or below this depth are piecewise constant.
    pub thin: f64,
    pub theta: f64,
    /// 0.5 for the second order, 0 for the first.
    pub half_slope: f64,
}

/// Half-step values at cell centres and half-slopes (offsets from the centre to a face), one row.
#[derive(Debug, Clone)]
pub(crate) struct Recon {
    pub h: Row,
    pub u: Row,
    pub v: Row,
    /// Offsets to the east face of depth, velocities and level.
    pub hx: Row,
    pub ux: Row,
    pub vx: Row,
    pub ex: Row,
    /// Offsets to the north face.
    pub hy: Row,
    pub uy: Row,
    pub vy: Row,
    pub ey: Row,
}

impl Default for Recon {
    fn default() -> Self {
        let z = [0.0; BUF];
        Self { h: z, u: z, v: z, hx: z, ux: z, vx: z, ex: z, hy: z, uy: z, vy: z, ey: z }
    }
}

/// Fluxes over a row of faces. `lo` and `hi` are the normal momentum fluxes seen by the cell on the low (west, south)
/// and high side, each less the hydrostatic thrust of its own reconstructed depth.
#[derive(Debug, Clone)]
pub(crate) struct Flux {
    pub mass: Row,
    pub lo: Row,
    pub hi: Row,
    pub cross: Row,
}

impl Default for Flux {
    fn default() -> Self {
        let z = [0.0; BUF];
        Self { mass: z, lo: z, hi: z, cross: z }
    }
}

#[inline(always)]
pub(crate) fn max(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

#[inline(always)]
pub(crate) fn min(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// Generalised minmod (van Leer 1979): the smallest of theta a, theta b and their mean; 0 at extrema.
#[inline(always)]
fn limit(theta: f64, a: f64, b: f64) -> f64 {
    let small = theta * min(a.abs(), b.abs());
    let mean = 0.5 * (a + b);
    let size = min(small, mean.abs());
    if a * b > 0.0 { size.copysign(mean) } else { 0.0 }
}

/// Differences towards low and high neighbour, either replaced by the other where that neighbour is a shore.
#[inline(always)]
fn one_sided(low_shore: bool, high_shore: bool, low: f64, high: f64) -> (f64, f64) {
    (if low_shore { high } else { low }, if high_shore { low } else { high })
}

/// State rows around the row to reconstruct: `c` with one more cell on each side, south and north rows without.
#[derive(Clone, Copy)]
pub(crate) struct Around<'a> {
    pub c: &'a [f64],
    pub s: &'a [f64],
    pub n: &'a [f64],
}

/// Crest rows: west faces of the cells and of the cell after the last, south faces, north faces.
#[derive(Clone, Copy)]
pub(crate) struct Crests<'a> {
    pub w: &'a [f64],
    pub s: &'a [f64],
    pub n: &'a [f64],
}

/// Limited slopes and the half-step predictor of MUSCL-Hancock (van Leer 1984) in primitive form.
#[inline(always)]
pub(crate) fn reconstruct<const CREST: bool, const FRICTION: bool>(
    n: usize,
    k: &Step,
    h: Around<'_>,
    u: Around<'_>,
    v: Around<'_>,
    z: Around<'_>,
    n2: &[f64],
    crest: Crests<'_>,
    out: &mut Recon,
) {
    assert!(n <= BUF);
    let (hc, hw, he, hs, hn) = (&h.c[1..=n], &h.c[..n], &h.c[2..n + 2], &h.s[..n], &h.n[..n]);
    let (uc, uw, ue, us, un) = (&u.c[1..=n], &u.c[..n], &u.c[2..n + 2], &u.s[..n], &u.n[..n]);
    let (vc, vw, ve, vs, vn) = (&v.c[1..=n], &v.c[..n], &v.c[2..n + 2], &v.s[..n], &v.n[..n]);
    let (zc, zw, ze, zs, zn) = (&z.c[1..=n], &z.c[..n], &z.c[2..n + 2], &z.s[..n], &z.n[..n]);
    let (cw, ce, cs, cn) =
        if CREST { (&crest.w[..n], &crest.w[1..=n], &crest.s[..n], &crest.n[..n]) } else { (zc, zc, zc, zc) };
    let n2 = &n2[..n];
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
            ok_x &= (cw[i] <= NO_CREST) & (ce[i] <= NO_CREST);
            ok_y &= (cs[i] <= NO_CREST) & (cn[i] <= NO_CREST);
        }
        let mx = if ok_x { k.half_slope } else { 0.0 };
        let my = if ok_y { k.half_slope } else { 0.0 };
        let (dw, de) = one_sided(sw, se, hi - hw[i], he[i] - hi);
        let (ds, dn) = one_sided(ss, sn, hi - hs[i], hn[i] - hi);
        let (zdw, zde) = one_sided(sw, se, zdw, zde);
        let (zds, zdn) = one_sided(ss, sn, zds, zdn);
        let hx = mx * limit(k.theta, dw, de);
        let ex = mx * limit(k.theta, dw + zdw, de + zde);
        let ux = mx * limit(k.theta, ui - uw[i], ue[i] - ui);
        let vx = mx * limit(k.theta, vi - vw[i], ve[i] - vi);
        let hy = my * limit(k.theta, ds, dn);
        let ey = my * limit(k.theta, ds + zds, dn + zdn);
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
            let a = k.g * k.dt * n2[i] * inv_cbrt4(if live { hi } else { 1.0 });
            let keep = 1.0 / (1.0 + 0.5 * a * (ui * ui + vi * vi).sqrt());
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
    }
}

/// One side of a row of faces: centre values, offsets towards the high side, bed of the cells.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a> {
    /// Depth of the cells at the start of the step.
    pub now: &'a [f64],
    pub h: &'a [f64],
    pub dh: &'a [f64],
    pub un: &'a [f64],
    pub dun: &'a [f64],
    pub ut: &'a [f64],
    pub dut: &'a [f64],
    pub de: &'a [f64],
    pub z: &'a [f64],
}

impl Side<'_> {
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
            z: &self.z[..n],
        }
    }
}

/// HLLC fluxes (Toro 2001, "Shock-capturing methods for free-surface shallow flows") between hydrostatically
/// reconstructed states (Audusse et al. 2004, SIAM J. Sci. Comput. 25), with two-rarefaction wave speeds.
///
/// A face with a crest blocks up to the crest; while the crest stands above the water of both sides each side sees a
/// reflecting wall with the thrust of the Riemann problem with its mirror image.
#[expect(clippy::needless_range_loop, reason = "one index over many rows")]
#[inline(always)]
pub(crate) fn fluxes<const CREST: bool>(n: usize, k: &Step, lo: Side<'_>, hi: Side<'_>, crest: &[f64], out: &mut Flux) {
    assert!(n <= BUF);
    let (l, r) = (lo.cut(n), hi.cut(n));
    let crest = if CREST { &crest[..n] } else { l.h };
    for i in 0..n {
        let (hl, ul, vl) = (l.h[i] + l.dh[i], l.un[i] + l.dun[i], l.ut[i] + l.dut[i]);
        let (hr, ur, vr) = (r.h[i] - r.dh[i], r.un[i] - r.dun[i], r.ut[i] - r.dut[i]);
        // Bed at the face from either side, as offsets from the low cell's bed.
        let zl = l.de[i] - l.dh[i];
        let zr = (r.z[i] - l.z[i]) - (r.de[i] - r.dh[i]);
        let step = zr - zl;
        let mut rise_l = max(0.0, step);
        let mut rise_r = max(0.0, -step);
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
        let a = max(0.0, hl - rise_l);
        let b = max(0.0, hr - rise_r);
        let (ca, cb) = ((k.g * a).sqrt(), (k.g * b).sqrt());
        let us = 0.5 * (ul + ur) + (ca - cb);
        let cs = max(0.0, 0.5 * (ca + cb) + 0.25 * (ul - ur));
        let wet_a = a > 0.0;
        let wet_b = b > 0.0;
        let sl = if wet_a { if wet_b { min(ul - ca, us - cs) } else { ul - ca } } else { ur - 2.0 * cb };
        let sr = if wet_b { if wet_a { max(ur + cb, us + cs) } else { ur + cb } } else { ul + 2.0 * ca };
        let sl = min(sl, 0.0);
        let sr = max(sr, 0.0);
        let width = sr - sl;
        let some = flows & (wet_a | wet_b) & (width > 0.0);
        let inv = if some { 1.0 / (if some { width } else { 1.0 }) } else { 0.0 };
        let (ma, mb) = (a * ul, b * ur);
        // Momentum fluxes less the thrust of the low side, so that rest gives exactly zero.
        let thrust = 0.5 * k.g * (b - a) * (b + a);
        let mass = (sr * ma - sl * mb + sl * sr * (b - a)) * inv;
        let push = (sr * (ma * ul) - sl * (mb * ur + thrust) + sl * sr * (mb - ma)) * inv;
        let cross = mass * (if mass > 0.0 { vl } else { vr });
        let (mut to_lo, mut to_hi) = (push, push - if some { thrust } else { 0.0 });
        if CREST {
            // HLL with the mirrored state: thrust beyond rest is h u (u + s); a wall cannot pull.
            let (wl, wr) = ((k.g * hl).sqrt(), (k.g * hr).sqrt());
            let still_l = max(hl * ul * (ul + max(wl - ul, wl + 0.5 * ul)), -0.5 * wl * wl * hl);
            let still_r = max(hr * ur * (ur - max(wr + ur, wr - 0.5 * ur)), -0.5 * wr * wr * hr);
            to_lo = if walled { still_l } else { to_lo };
            to_hi = if walled { still_r } else { to_hi };
        }
        out.mass[i] = mass;
        out.lo[i] = to_lo;
        out.hi[i] = to_hi;
        out.cross[i] = cross;
    }
}

/// Share of its outflow each cell can pay for in this step; returns whether any share is below 1.
#[inline(always)]
pub(crate) fn outflow_share(
    n: usize,
    lam: f64,
    h: &[f64],
    west: &[f64],
    east: &[f64],
    south: &[f64],
    north: &[f64],
    share: &mut Row,
) -> bool {
    assert!(n <= BUF);
    let (h, west, east, south, north) = (&h[..n], &west[..n], &east[..n], &south[..n], &north[..n]);
    let mut over = 0_u64;
    for i in 0..n {
        let out = max(0.0, east[i]) + max(0.0, -west[i]) + max(0.0, north[i]) + max(0.0, -south[i]);
        let need = lam * out;
        share[i] = need;
        over |= u64::from(need > h[i]);
    }
    if over == 0 {
        share[..n].fill(1.0);
        return false;
    }
    for i in 0..n {
        share[i] = if share[i] > h[i] { h[i] / share[i] } else { 1.0 };
    }
    true
}

/// Scales `n` fluxes from position `at` by the share of the cell they leave.
#[inline(always)]
pub(crate) fn scale(at: usize, n: usize, flux: &mut Flux, low_share: &[f64], high_share: &[f64]) {
    let (low_share, high_share) = (&low_share[..n], &high_share[..n]);
    let (mass, lo) = (&mut flux.mass[at..at + n], &mut flux.lo[at..at + n]);
    let (hi, cross) = (&mut flux.hi[at..at + n], &mut flux.cross[at..at + n]);
    for i in 0..n {
        let s = if mass[i] > 0.0 { low_share[i] } else { high_share[i] };
        mass[i] *= s;
        lo[i] *= s;
        hi[i] *= s;
        cross[i] *= s;
    }
}

/// h^(-1/3) to the last bits: an exponent guess and four Newton steps, without division.
#[inline(always)]
pub(crate) fn inv_cbrt(h: f64) -> f64 {
    // 0x553E_F000 is the constant that halves the worst relative error of the guess to 3.4 %.
    let top = h.to_bits() >> 32;
    let third = (top.wrapping_mul(0xAAAA_AAAB)) >> 33;
    let mut r = f64::from_bits(0x553E_F000_u64.wrapping_sub(third) << 32);
    for _ in 0..4 {
        r = r * (4.0 - h * (r * r * r)) * (1.0 / 3.0);
    }
    r
}

/// h^(-4/3).
#[inline(always)]
fn inv_cbrt4(h: f64) -> f64 {
    let r = inv_cbrt(h);
    let r2 = r * r;
    r2 * r2
}

/// What the update of a row reads besides its fluxes.
pub(crate) struct Cells<'a> {
    pub h: &'a [f64],
    pub u: &'a [f64],
    pub v: &'a [f64],
    /// Half-step depth and level offsets, for the bed thrust inside the cell.
    pub hp: &'a [f64],
    pub ex: &'a [f64],
    pub ey: &'a [f64],
    /// Manning n squared.
    pub n2: &'a [f64],
    /// Depth of rain of this step, metres.
    pub rain: &'a [f64],
}

/// Fluxes around the cells of a row.
pub(crate) struct Around4<'a> {
    pub west: &'a Flux,
    pub south: &'a Flux,
    pub north: &'a Flux,
}

/// New depth and velocities of `n` cells, point-implicit Manning friction included; `shift` is the position of the
/// first cell in the flux rows. Returns the fastest wave and the depth added by setting negative rounding to zero.
#[inline(always)]
pub(crate) fn update<const FRICTION: bool>(
    n: usize,
    shift: usize,
    k: &Step,
    cells: &Cells<'_>,
    f: &Around4<'_>,
    h1: &mut [f64],
    u1: &mut [f64],
    v1: &mut [f64],
    speed: &mut Row,
    lost: &mut Row,
) -> (f64, f64) {
    assert!(n <= BUF);
    let (h, u, v) = (&cells.h[..n], &cells.u[..n], &cells.v[..n]);
    let (hp, ex, ey) = (&cells.hp[..n], &cells.ex[..n], &cells.ey[..n]);
    let (n2, rain) = (&cells.n2[..n], &cells.rain[..n]);
    let (h1, u1, v1) = (&mut h1[..n], &mut u1[..n], &mut v1[..n]);
    let (w, e) = (shift, shift + 1);
    let (mw, me) = (&f.west.mass[w..w + n], &f.west.mass[e..e + n]);
    let (xw, xe) = (&f.west.hi[w..w + n], &f.west.lo[e..e + n]);
    let (cw, ce) = (&f.west.cross[w..w + n], &f.west.cross[e..e + n]);
    let (ms, mn) = (&f.south.mass[w..w + n], &f.north.mass[w..w + n]);
    let (ys, yn) = (&f.south.hi[w..w + n], &f.north.lo[w..w + n]);
    let (cs, cn) = (&f.south.cross[w..w + n], &f.north.cross[w..w + n]);
    for i in 0..n {
        let bed = 2.0 * k.g * hp[i];
        let raw = h[i] - k.lam * ((me[i] - mw[i]) + (mn[i] - ms[i])) + rain[i];
        let qx = h[i] * u[i] - k.lam * ((xe[i] - xw[i]) + bed * ex[i] + (cn[i] - cs[i]));
        let qy = h[i] * v[i] - k.lam * ((yn[i] - ys[i]) + bed * ey[i] + (ce[i] - cw[i]));
        let hn = max(0.0, raw);
        lost[i] = hn - raw;
        let wet = hn > k.dry;
        let safe = if wet { hn } else { 1.0 };
        let inv = 1.0 / safe;
        let (mut un, mut vn) = (if wet { qx * inv } else { 0.0 }, if wet { qy * inv } else { 0.0 });
        if FRICTION {
            // |u'| + a |u'|^2 = |u| with a = dt g n^2 h^(-4/3), solved without cancellation.
            let a = k.g * k.dt * n2[i] * inv_cbrt4(safe);
            let s = (un * un + vn * vn).sqrt();
            let keep = 2.0 / (1.0 + (1.0 + 4.0 * a * s).sqrt());
            un *= keep;
            vn *= keep;
        }
        h1[i] = hn;
        u1[i] = un;
        v1[i] = vn;
        speed[i] = max(un.abs(), vn.abs()) + (k.g * hn).sqrt();
    }
    (fold_max(&speed[..n]), fold_sum(&lost[..n]))
}

/// Largest value of a row of non-negative numbers; NaN when any of them is NaN or infinite.
#[inline(always)]
pub(crate) fn fold_max(row: &[f64]) -> f64 {
    let (eights, rest) = row.as_chunks::<8>();
    let mut lanes = [0.0_f64; 8];
    let mut bad = [0.0_f64; 8];
    for c in eights {
        for i in 0..8 {
            lanes[i] = max(lanes[i], c[i]);
            bad[i] += c[i] * 0.0;
        }
    }
    let most = rest.iter().chain(&lanes).fold(0.0, |m, x| max(m, *x));
    most + bad.iter().sum::<f64>() + rest.iter().map(|x| x * 0.0).sum::<f64>()
}

/// The larger of two numbers; NaN when either is.
pub(crate) fn max_or_nan(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

/// Sum of a row in a fixed order.
#[inline(always)]
pub(crate) fn fold_sum(row: &[f64]) -> f64 {
    let (eights, rest) = row.as_chunks::<8>();
    let mut lanes = [0.0_f64; 8];
    for c in eights {
        for i in 0..8 {
            lanes[i] += c[i];
        }
    }
    lanes.iter().chain(rest).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverse_cube_root_is_exact_to_rounding() {
        let mut worst = 0.0_f64;
        for k in -400..400 {
            let h = 1.037_f64.powi(k);
            worst = worst.max((inv_cbrt(h) * h.cbrt() - 1.0).abs());
        }
        assert!(worst < 1e-14, "{worst:e}");
    }

    #[test]
    fn limiter_is_bounded_and_symmetric() {
        assert_eq!(limit(1.5, 1.0, -1.0), 0.0);
        assert_eq!(limit(1.5, 1.0, 1.0), 1.0);
        assert_eq!(limit(1.5, 1.0, 100.0), 1.5);
        assert_eq!(limit(1.5, -100.0, -1.0), -1.5);
    }
}
