//! One tile of one step: rows stream through small buffers that stay in the first-level cache.

use crate::rows::{
    Around, Around4, BUF, Cells, Crests, Flux, Recon, Row, Side, Step, TILE_W, fluxes, max, max_or_nan, outflow_share,
    reconstruct, scale, update,
};
use crate::state::{Layout, PAD};

/// Cell rows per tile.
pub(crate) const TILE_H: usize = 32;

/// Parts of a tile that hold water deeper than the dry depth.
pub(crate) mod wet {
    pub(crate) const ANY: u8 = 1;
    pub(crate) const WEST: u8 = 2;
    pub(crate) const EAST: u8 = 4;
    pub(crate) const SOUTH: u8 = 8;
    pub(crate) const NORTH: u8 = 16;
}

/// Position of a tile in the padded raster (end exclusive).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tile {
    pub c0: usize,
    pub c1: usize,
    pub r0: usize,
    pub r1: usize,
}

impl Tile {
    pub(crate) fn new(layout: &Layout, tx: usize, ty: usize) -> Self {
        Self {
            c0: PAD + tx * TILE_W,
            c1: PAD + ((tx + 1) * TILE_W).min(layout.grid.nx),
            r0: PAD + ty * TILE_H,
            r1: PAD + ((ty + 1) * TILE_H).min(layout.grid.ny),
        }
    }

    pub(crate) const fn width(&self) -> usize {
        self.c1 - self.c0
    }
}

/// Padded rasters a tile reads.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    pub layout: Layout,
    pub h: &'a [f64],
    pub u: &'a [f64],
    pub v: &'a [f64],
    pub bed: &'a [f64],
    pub n2: &'a [f64],
    /// Crest on the west face of each cell.
    pub crest_w: &'a [f64],
    /// Crest on the south face of each cell.
    pub crest_s: &'a [f64],
}

impl<'a> Fields<'a> {
    #[inline(always)]
    fn row(&self, field: &'a [f64], j: usize, c: usize, n: usize) -> &'a [f64] {
        let at = j * self.layout.stride + c;
        &field[at..at + n]
    }
}

/// Rows of the band being written, starting at padded row `first_row`.
pub(crate) struct Target<'a> {
    pub first_row: usize,
    pub h: &'a mut [f64],
    pub u: &'a mut [f64],
    pub v: &'a mut [f64],
}

/// Working rows of one tile.
pub(crate) struct Scratch {
    recon: [Recon; 3],
    xf: [Flux; 2],
    yf: [Flux; 3],
    share: [Row; 2],
    short: [bool; 2],
    speed: Row,
    lost: Row,
    pub(crate) rain: Row,
}

impl Default for Scratch {
    fn default() -> Self {
        let z = [0.0; BUF];
        Self {
            recon: Default::default(),
            xf: Default::default(),
            yf: Default::default(),
            share: [z; 2],
            short: [false; 2],
            speed: z,
            lost: z,
            rain: z,
        }
    }
}

/// What a tile reports: fastest wave (m/s), depth gained by rounding (m, summed over cells), mass flux sums over open
/// edges of the raster (m2/s, summed over faces).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TileSums {
    pub speed: f64,
    pub lost: f64,
    pub edge_in: f64,
    pub edge_out: f64,
}

impl TileSums {
    #[inline(always)]
    fn edge(&mut self, inward: f64) {
        self.edge_in += max(0.0, inward);
        self.edge_out += max(0.0, -inward);
    }
}

#[inline(always)]
fn recon_row<const CREST: bool, const FRICTION: bool>(f: &Fields<'_>, t: &Tile, k: &Step, j: usize, out: &mut Recon) {
    let (n, c) = (t.width() + 4, t.c0 - 2);
    let around = |a| Around { c: f.row(a, j, c - 1, n + 2), s: f.row(a, j - 1, c, n), n: f.row(a, j + 1, c, n) };
    let crests =
        Crests { w: f.row(f.crest_w, j, c, n + 1), s: f.row(f.crest_s, j, c, n), n: f.row(f.crest_s, j + 1, c, n) };
    let n2 = f.row(f.n2, j, c, n);
    reconstruct::<CREST, FRICTION>(n, k, around(f.h), around(f.u), around(f.v), around(f.bed), n2, crests, out);
}

#[inline(always)]
fn x_faces<const CREST: bool>(f: &Fields<'_>, t: &Tile, k: &Step, j: usize, r: &Recon, out: &mut Flux) {
    let (n, c) = (t.width() + 3, t.c0 - 2);
    let side = |o: usize| Side {
        now: f.row(f.h, j, c + o, n),
        h: &r.h[o..],
        dh: &r.hx[o..],
        un: &r.u[o..],
        dun: &r.ux[o..],
        ut: &r.v[o..],
        dut: &r.vx[o..],
        de: &r.ex[o..],
        z: f.row(f.bed, j, c + o, n),
    };
    fluxes::<CREST>(n, k, side(0), side(1), f.row(f.crest_w, j, c + 1, n), out);
}

#[inline(always)]
fn y_faces<const CREST: bool>(
    f: &Fields<'_>,
    t: &Tile,
    k: &Step,
    j: usize,
    south: &Recon,
    north: &Recon,
    out: &mut Flux,
) {
    let (n, c) = (t.width() + 2, t.c0 - 1);
    let lo = Side {
        now: f.row(f.h, j - 1, c, n),
        h: &south.h[1..],
        dh: &south.hy[1..],
        un: &south.v[1..],
        dun: &south.vy[1..],
        ut: &south.u[1..],
        dut: &south.uy[1..],
        de: &south.ey[1..],
        z: f.row(f.bed, j - 1, c, n),
    };
    let hi = Side {
        now: f.row(f.h, j, c, n),
        h: &north.h[1..],
        dh: &north.hy[1..],
        un: &north.v[1..],
        dun: &north.vy[1..],
        ut: &north.u[1..],
        dut: &north.uy[1..],
        de: &north.ey[1..],
        z: f.row(f.bed, j, c, n),
    };
    fluxes::<CREST>(n, k, lo, hi, f.row(f.crest_s, j, c, n), out);
}

/// An open edge lets water out, never in: otherwise ground that falls away from the edge would draw water from nowhere.
/// `outward` is the sign of an outward flux; `inner` the momentum flux seen by the cell inside.
#[inline(always)]
fn only_out(mass: &mut [f64], cross: &mut [f64], inner: &mut [f64], outward: f64) {
    for ((m, c), i) in mass.iter_mut().zip(cross).zip(inner) {
        if *m * outward < 0.0 {
            (*m, *c, *i) = (0.0, 0.0, 0.0);
        }
    }
}

/// Advances a tile by one step. `rain(row, out)` writes the rain depth of the tile's cells of a padded row.
#[inline(always)]
pub(crate) fn step_tile<const CREST: bool, const FRICTION: bool>(
    f: &Fields<'_>,
    t: &Tile,
    k: &Step,
    s: &mut Scratch,
    rain: impl Fn(usize, &mut Row),
    out: &mut Target<'_>,
) -> TileSums {
    let w = t.width();
    let edge_c = (t.c0 == PAD, t.c1 == PAD + f.layout.grid.nx);
    let edge_r = (PAD, PAD + f.layout.grid.ny);
    let mut sums = TileSums::default();
    recon_row::<CREST, FRICTION>(f, t, k, t.r0 - 2, &mut s.recon[(t.r0 - 2) % 3]);
    recon_row::<CREST, FRICTION>(f, t, k, t.r0 - 1, &mut s.recon[(t.r0 - 1) % 3]);
    let first = t.r0 - 1;
    y_faces::<CREST>(f, t, k, first, &s.recon[(first - 1) % 3], &s.recon[first % 3], &mut s.yf[first % 3]);
    for j in first..=t.r1 {
        recon_row::<CREST, FRICTION>(f, t, k, j + 1, &mut s.recon[(j + 1) % 3]);
        y_faces::<CREST>(f, t, k, j + 1, &s.recon[j % 3], &s.recon[(j + 1) % 3], &mut s.yf[(j + 1) % 3]);
        let xf = &mut s.xf[j % 2];
        x_faces::<CREST>(f, t, k, j, &s.recon[j % 3], xf);
        if edge_c.0 {
            only_out(&mut xf.mass[1..2], &mut xf.cross[1..2], &mut xf.hi[1..2], -1.0);
        }
        if edge_c.1 {
            let e = w + 1..w + 2;
            only_out(&mut xf.mass[e.clone()], &mut xf.cross[e.clone()], &mut xf.lo[e], 1.0);
        }
        let yf = &mut s.yf[(j + 1) % 3];
        if j + 1 == edge_r.0 {
            only_out(&mut yf.mass, &mut yf.cross, &mut yf.hi, -1.0);
        }
        if j + 1 == edge_r.1 {
            only_out(&mut yf.mass, &mut yf.cross, &mut yf.lo, 1.0);
        }
        let short = outflow_share(
            w + 2,
            k.lam,
            f.row(f.h, j, t.c0 - 1, w + 2),
            &xf.mass,
            &xf.mass[1..],
            &s.yf[j % 3].mass,
            &s.yf[(j + 1) % 3].mass,
            &mut s.share[j % 2],
        );
        s.short[j % 2] = short;
        if short {
            scale(1, w + 1, xf, &s.share[j % 2], &s.share[j % 2][1..]);
        }
        if j == first {
            continue;
        }
        if s.short[0] | s.short[1] {
            scale(1, w, &mut s.yf[j % 3], &s.share[(j - 1) % 2][1..], &s.share[j % 2][1..]);
        }
        if j == edge_r.0 {
            s.yf[j % 3].mass[1..=w].iter().for_each(|m| sums.edge(*m));
        }
        if j == edge_r.1 {
            s.yf[j % 3].mass[1..=w].iter().for_each(|m| sums.edge(-*m));
        }
        if j == t.r0 {
            continue;
        }
        let row = j - 1;
        if edge_c.0 {
            sums.edge(s.xf[row % 2].mass[1]);
        }
        if edge_c.1 {
            sums.edge(-s.xf[row % 2].mass[1 + w]);
        }
        rain(row, &mut s.rain);
        let rec = &s.recon[row % 3];
        let cells = Cells {
            h: f.row(f.h, row, t.c0, w),
            u: f.row(f.u, row, t.c0, w),
            v: f.row(f.v, row, t.c0, w),
            hp: &rec.h[2..],
            ex: &rec.ex[2..],
            ey: &rec.ey[2..],
            n2: f.row(f.n2, row, t.c0, w),
            rain: &s.rain,
        };
        let faces = Around4 { west: &s.xf[row % 2], south: &s.yf[row % 3], north: &s.yf[j % 3] };
        let at = (row - out.first_row) * f.layout.stride + t.c0;
        let (speed, lost) = update::<FRICTION>(
            w,
            1,
            k,
            &cells,
            &faces,
            &mut out.h[at..at + w],
            &mut out.u[at..at + w],
            &mut out.v[at..at + w],
            &mut s.speed,
            &mut s.lost,
        );
        sums.speed = max_or_nan(sums.speed, speed);
        sums.lost += lost;
    }
    sums
}

/// Extremes of one row of cells of a tile, and whether any cell is deeper than `dry`.
#[inline(always)]
pub(crate) fn track_row(
    n: usize,
    t_s: f32,
    dry: f64,
    wet_depth: f64,
    h: &[f64],
    u: &[f64],
    v: &[f64],
    max_depth: &mut [f32],
    max_hazard: &mut [f32],
    first_wet: &mut [f32],
) -> bool {
    let (h, u, v) = (&h[..n], &u[..n], &v[..n]);
    let (max_depth, max_hazard, first_wet) = (&mut max_depth[..n], &mut max_hazard[..n], &mut first_wet[..n]);
    let mut any = 0_u64;
    for i in 0..n {
        let d = h[i] as f32;
        let q = (h[i] * (u[i] * u[i] + v[i] * v[i]).sqrt()) as f32;
        max_depth[i] = if d > max_depth[i] { d } else { max_depth[i] };
        max_hazard[i] = if q > max_hazard[i] { q } else { max_hazard[i] };
        first_wet[i] = if (h[i] > wet_depth) & (t_s < first_wet[i]) { t_s } else { first_wet[i] };
        any |= u64::from(h[i] > dry);
    }
    any != 0
}
