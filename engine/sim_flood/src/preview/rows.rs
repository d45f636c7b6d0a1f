//! The arithmetic of the preview, one chunk of faces or cells at a time.
//!
//! The discharges, most of the work, in explicit vectors: the compiler does not use the widest by itself. The rest are
//! loops of a fixed length with selects instead of branches, as in the full kernel: every instruction set gives the same
//! bits, and bed terms are differences, so that water at rest stays at rest at any datum.

use pulp::Simd;

use super::lanes::Lanes;
use super::layout::{CHUNK, SIDE};

/// The values of one chunk.
pub(crate) type Chunk = [f32; CHUNK];

/// Numbers of the current step that every chunk needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub g: f32,
    /// dt / dx.
    pub lam: f32,
    /// g dt / dx.
    pub g_lam: f32,
    /// g dt.
    pub g_dt: f32,
    pub dry: f32,
    /// Weight of a face's own discharge.
    pub theta: f32,
    /// Weight of each of its two neighbours, (1 - theta) / 2.
    pub beside: f32,
}

/// Most that a crest lets through, relative to the critical discharge of the whole head above it: (2/3)^(3/2), the
/// broad-crested weir without losses (Chow 1959, "Open-Channel Hydraulics", section 14-1).
const WEIR: f32 = 0.544_331_1;

/// Discharge, m2/s, of an open face where water stands: not 0, which means closed, and too small to move anything; its
/// square is still a normal number, because others cost the processor dearly.
const ALIVE: f32 = 1e-16;

#[inline(always)]
pub(crate) fn max(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

#[inline(always)]
fn min(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// The chunk of a row that begins `shift` cells from the first cell.
#[inline(always)]
pub(crate) fn chunk(row: &[f32], c: usize, shift: isize) -> &Chunk {
    let from = (SIDE + c * CHUNK).wrapping_add_signed(shift);
    match row[from..from + CHUNK].first_chunk() {
        Some(chunk) => chunk,
        None => unreachable!("a slice of CHUNK values"),
    }
}

/// The same to write.
#[inline(always)]
pub(crate) fn chunk_mut(row: &mut [f32], c: usize) -> &mut Chunk {
    match row[cells(c)].first_chunk_mut() {
        Some(chunk) => chunk,
        None => unreachable!("a slice of CHUNK values"),
    }
}

/// Where a chunk lies in its row.
#[inline(always)]
pub(crate) fn cells(c: usize) -> std::ops::Range<usize> {
    SIDE + c * CHUNK..SIDE + (c + 1) * CHUNK
}

/// What the faces of a chunk lie between.
#[derive(Clone, Copy)]
pub(crate) struct Faces<'a> {
    /// Depth of the cells on the low (west, south) and high side.
    pub h: [&'a Chunk; 2],
    /// Bed of the same cells.
    pub z: [&'a Chunk; 2],
    /// Half of Manning's n squared, of the same cells.
    pub rough: [&'a Chunk; 2],
    /// Discharge per width over the faces, and over the next face on either side in the direction of the flow.
    pub q: &'a Chunk,
    pub beside: [&'a Chunk; 2],
    /// Discharges over the four faces around, across the direction of the flow.
    pub cross: [&'a Chunk; 4],
    /// Crests on the faces.
    pub crest: &'a Chunk,
}

/// Discharge per width over a chunk of faces at the end of the step, m2/s: the local-inertial momentum balance with
/// semi-implicit Manning friction (Bates, Horritt & Fewtrell 2010, J. Hydrol. 387, eq. 11), the present discharge weighted
/// with its neighbours (de Almeida, Bates, Freer & Souvignet 2012, Water Resour. Res. 48, W05528, eq. 9) and friction from
/// both components of the flow (de Almeida & Bates 2013, Water Resour. Res. 49, eq. 12).
///
/// At most the critical discharge of the water above the face's ground (Froude number 1), over a crest that of a weir.
#[inline(always)]
pub(crate) fn discharge<S: Simd, const CREST: bool>(simd: S, k: &Step, f: Faces<'_>, out: &mut Chunk) {
    let of = |value: f32| Lanes::of(simd, value);
    let (zero, one, dry, g) = (of(0.0), of(1.0), of(k.dry), of(k.g));
    let mut most: Chunk = [0.0; CHUNK];
    let mut over = zero;
    for v in 0..Lanes::<S>::IN_CHUNK {
        let load = |chunk: &Chunk| Lanes::load(simd, chunk, v);
        let (lo, hi, z) = (load(f.h[0]), load(f.h[1]), load(f.z[0]));
        let step = load(f.z[1]) - z;
        let mut ground = zero.max(step);
        if CREST {
            ground = ground.max(load(f.crest) - z);
        }
        let level = hi + step;
        let depth = lo.max(level) - ground;
        // Films at or below the dry depth on both sides stay where they are (a skipped chunk relies on it).
        let flows = lo.above(dry).or(hi.above(dry)).and(depth.above(dry));
        let h = flows.choose(depth, one);
        let q = load(f.q);
        let across = of(0.25) * ((load(f.cross[0]) + load(f.cross[1])) + (load(f.cross[2]) + load(f.cross[3])));
        let size = (q * q + across * across).sqrt();
        let r = h.rough_inv_cbrt();
        let r2 = r * r;
        let held = one + (load(f.rough[0]) + load(f.rough[1])) * of(k.g_dt) * size * (r2 * r2 * (r2 * r));
        // Where nothing can flow beside it (a wall, a shore) a face has no neighbour: a 0 there would hold it back.
        let or_own = |beside: Lanes<S>| beside.is(zero).choose(q, beside);
        let beside = or_own(load(f.beside[0])) + or_own(load(f.beside[1]));
        let pushed = (of(k.theta) * q + of(k.beside) * beside) + (of(k.g_lam) * h * (lo - level) + of(ALIVE));
        let q1 = flows.choose(pushed / held, zero);
        let mut cap = g * h * h * h;
        if CREST {
            cap = ground.above(zero.max(step)).choose(of(WEIR * WEIR) * cap, cap);
        }
        over = over.max(q1 * q1 - cap);
        cap.store(&mut most, v);
        q1.store(out, v);
    }
    if over.greatest() > 0.0 {
        for (q, most) in out.iter_mut().zip(&most) {
            *q = min(most.sqrt(), q.abs()).copysign(*q);
        }
    }
}

/// What leaves each cell of a chunk in this step, metres of depth; returns whether any cell has less.
#[inline(always)]
pub(crate) fn outflow(lam: f32, h: &Chunk, x: [&Chunk; 2], y: [&Chunk; 2], need: &mut Chunk) -> bool {
    let mut over = 0_u32;
    for i in 0..CHUNK {
        let out = (max(0.0, x[1][i]) + max(0.0, -x[0][i])) + (max(0.0, y[1][i]) + max(0.0, -y[0][i]));
        need[i] = lam * out;
        over |= u32::from(need[i] > h[i]);
    }
    over != 0
}

/// Share of its outflow each cell of a chunk can pay for.
#[inline(always)]
pub(crate) fn share_of(need: &Chunk, h: &Chunk, share: &mut Chunk) {
    for i in 0..CHUNK {
        share[i] = if need[i] > h[i] { h[i] / need[i] } else { 1.0 };
    }
}

/// Scales discharges by the share of the cell they leave.
#[inline(always)]
pub(crate) fn scale(q: &mut [f32], low_share: &[f32], high_share: &[f32]) {
    for ((q, low), high) in q.iter_mut().zip(low_share).zip(high_share) {
        *q *= if *q > 0.0 { *low } else { *high };
    }
}

/// Greatest depth and depth gained by rounding, column by column of the chunks of a band.
#[derive(Debug, Clone)]
pub(crate) struct Totals {
    deepest: Chunk,
    /// Sum of all depths: not finite where any was not.
    sum: Chunk,
    lost: Chunk,
}

impl Default for Totals {
    fn default() -> Self {
        Self { deepest: [0.0; CHUNK], sum: [0.0; CHUNK], lost: [0.0; CHUNK] }
    }
}

impl Totals {
    /// Greatest depth, metres; NaN when any depth was not finite.
    pub(crate) fn deepest(&self) -> f32 {
        let sum = self.sum.iter().fold(0.0, |a, b| a + *b);
        if sum.is_finite() { self.deepest.iter().fold(0.0, |a, b| max(a, *b)) } else { f32::NAN }
    }

    /// Sum of what rounding added, metres, in a fixed order.
    pub(crate) fn lost(&self) -> f32 {
        self.lost.iter().fold(0.0, |a, b| a + *b)
    }
}

/// New depth of a chunk of cells from the discharges over its faces; `carry` is what rounding has added to the depth so
/// far (Kahan 1965), without which a film of rain would never lift a deep cell. Returns whether any cell is wet.
#[inline(always)]
pub(crate) fn update(
    k: &Step,
    x: [&Chunk; 2],
    y: [&Chunk; 2],
    rain: &Chunk,
    h: &mut Chunk,
    carry: &mut Chunk,
    totals: &mut Totals,
) -> bool {
    let (mut new_h, mut new_carry, mut lost) = ([0.0; CHUNK], [0.0; CHUNK], [0.0; CHUNK]);
    let mut wet = 0_u32;
    for i in 0..CHUNK {
        let change = (rain[i] - k.lam * ((x[1][i] - x[0][i]) + (y[1][i] - y[0][i]))) - carry[i];
        let raw = h[i] + change;
        let excess = (raw - h[i]) - change;
        let below = raw < 0.0;
        let new = if below { 0.0 } else { raw };
        new_carry[i] = if below { 0.0 } else { excess };
        lost[i] = if below { excess - raw } else { 0.0 };
        wet |= u32::from(new > k.dry);
        new_h[i] = new;
    }
    (*h, *carry) = (new_h, new_carry);
    for i in 0..CHUNK {
        totals.lost[i] += lost[i];
        totals.deepest[i] = max(totals.deepest[i], new_h[i]);
        totals.sum[i] += new_h[i];
    }
    wet != 0
}

/// Extremes of a chunk of cells.
#[inline(always)]
pub(crate) fn track(
    t_s: f32,
    wet_depth: f32,
    h: &Chunk,
    x: [&Chunk; 2],
    y: [&Chunk; 2],
    max_depth: &mut Chunk,
    max_hazard: &mut Chunk,
    first_wet: &mut Chunk,
) {
    for i in 0..CHUNK {
        let (qx, qy) = (0.5 * (x[0][i] + x[1][i]), 0.5 * (y[0][i] + y[1][i]));
        let q = (qx * qx + qy * qy).sqrt();
        max_depth[i] = max(h[i], max_depth[i]);
        max_hazard[i] = max(q, max_hazard[i]);
        first_wet[i] = if (h[i] > wet_depth) & (t_s < first_wet[i]) { t_s } else { first_wet[i] };
    }
}
