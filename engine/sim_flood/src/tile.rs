//! One tile of one step: rows stream through small buffers that stay in the first-level cache.

use crate::faces::LawsNow;
use crate::porous::Porous;
use crate::rows::{
    Around, Around4, BUF, Cells, Crests, Flux, Next, Recon, Row, Shares, Side, Step, TILE_W, Totals, WIDE, fluxes, max,
    outflow_share, reconstruct, scale, update,
};
use crate::state::{Layout, PAD};
use crate::{FaceAxis, Real};

/// Cell rows per tile.
pub(crate) const TILE_H: usize = 64;

/// Parts of a tile that hold water deeper than the dry depth.
pub(crate) mod wet {
    pub(crate) const ANY: u8 = 1;
    pub(crate) const WEST: u8 = 2;
    pub(crate) const EAST: u8 = 4;
    pub(crate) const SOUTH: u8 = 8;
    pub(crate) const NORTH: u8 = 16;
}

/// Position of a tile: its strip, the cells of its rows, its rows in fields (end exclusive).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tile {
    /// Number, row by row.
    pub id: usize,
    pub strip: usize,
    pub width: usize,
    pub r0: usize,
    pub r1: usize,
}

impl Tile {
    pub(crate) fn new(layout: &Layout, tx: usize, ty: usize) -> Self {
        let rows = ty * TILE_H..((ty + 1) * TILE_H).min(layout.grid.ny);
        Self {
            id: ty * layout.tiles_x + tx,
            strip: tx,
            width: layout.width(tx),
            r0: PAD + rows.start,
            r1: PAD + rows.end,
        }
    }
}

/// Rasters a tile reads; see [`Layout`].
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a, R, W> {
    pub layout: Layout,
    /// Depth and velocities.
    pub water: W,
    pub bed: &'a [R],
    pub n2: &'a [R],
    /// Crest on the west face of each cell.
    pub crest_w: &'a [R],
    /// Crest on the south face of each cell.
    pub crest_s: &'a [R],
    /// Faces with a law of their own.
    pub laws: &'a LawsNow<'a>,
    /// Free shares of cells and faces, if some are less than whole.
    pub porous: Option<&'a Porous<R>>,
    pub open_edges: bool,
}

/// First column of a tile in rows with a halo.
pub(crate) const C0: usize = PAD;

/// Where the rows of depth and velocities of a tile come from.
pub(crate) trait Water<R> {
    /// Row `j` of the fields from [`PAD`] columns west of the tile, with what neighbouring tiles hold or what lies beyond
    /// the edge of the raster.
    fn load(&self, layout: &Layout, open_edges: bool, t: &Tile, j: usize, out: &mut Held<R>);

    /// Row `j` of the tile itself: depth, velocities; [`WIDE`] values each.
    fn own_row(&self, layout: &Layout, t: &Tile, j: usize) -> [&[R]; 3];
}

/// Whole fields at one time.
#[derive(Clone, Copy)]
pub(crate) struct Whole<'a, R> {
    pub h: &'a [R],
    pub u: &'a [R],
    pub v: &'a [R],
}

impl<R: Real> Water<R> for Whole<'_, R> {
    #[inline(always)]
    fn load(&self, layout: &Layout, open_edges: bool, t: &Tile, j: usize, out: &mut Held<R>) {
        let load = |field: &[R], out: &mut Row<R>| {
            let piece = |strip: usize| {
                let at = (strip * layout.rows + j) * WIDE;
                &field[at..at + WIDE]
            };
            let own = piece(t.strip);
            out[C0..C0 + WIDE].copy_from_slice(own);
            if t.strip > 0 {
                out[..C0].copy_from_slice(&piece(t.strip - 1)[TILE_W - C0..TILE_W]);
            }
            if t.strip + 1 < layout.tiles_x {
                out[C0 + TILE_W..C0 + WIDE].copy_from_slice(&piece(t.strip + 1)[..WIDE - TILE_W]);
            }
            beyond_edges(layout, open_edges, t, out);
        };
        load(self.h, &mut out.h);
        load(self.u, &mut out.u);
        load(self.v, &mut out.v);
    }

    #[inline(always)]
    fn own_row(&self, layout: &Layout, t: &Tile, j: usize) -> [&[R]; 3] {
        let at = (t.strip * layout.rows + j) * WIDE;
        [self.h, self.u, self.v].map(|field| &field[at..at + WIDE])
    }
}

/// Writes what lies west and east of the raster into a loaded row: nothing, or the outermost cell again.
#[inline(always)]
pub(crate) fn beyond_edges<R: Real>(layout: &Layout, open_edges: bool, t: &Tile, out: &mut Row<R>) {
    if t.strip == 0 {
        let beyond = if open_edges { out[C0] } else { R::ZERO };
        out[..C0].fill(beyond);
    }
    let inside = layout.grid.nx - t.strip * TILE_W;
    if inside < WIDE {
        let beyond = if open_edges { out[C0 + inside - 1] } else { R::ZERO };
        out[C0 + inside..C0 + WIDE].fill(beyond);
    }
}

/// What is done with the fluxes over the edges of a tile before its cells take them.
pub(crate) trait Rim<R> {
    /// Faces of a row of cells, `row` from the south of the tile, `width` cells: fluxes 1 and `width + 1` are those over the
    /// west and the east edge, between reconstructed cells 1 | 2 and `width + 1` | `width + 2`.
    fn row(&mut self, k: &Step<R>, row: usize, width: usize, cells: &Recon<R>, flux: &mut Flux<R>);

    /// Faces over the south edge (`north` false) or the north edge, fluxes 1 to `width`, between reconstructed cells 2 and on
    /// of the rows `low` and `high`.
    fn line(&mut self, k: &Step<R>, north: bool, width: usize, low: &Recon<R>, high: &Recon<R>, flux: &mut Flux<R>);
}

/// All tiles keep one step: nothing is to be done.
pub(crate) struct SameStep;

impl<R> Rim<R> for SameStep {
    #[inline(always)]
    fn row(&mut self, _: &Step<R>, _: usize, _: usize, _: &Recon<R>, _: &mut Flux<R>) {}

    #[inline(always)]
    fn line(&mut self, _: &Step<R>, _: bool, _: usize, _: &Recon<R>, _: &Recon<R>, _: &mut Flux<R>) {}
}

impl<'a, R: Real, W> Fields<'a, R, W> {
    /// `n` values of a ground row from column `c`.
    #[inline(always)]
    fn ground(&self, ground: &'a [R], t: &Tile, j: usize, c: usize, n: usize) -> &'a [R] {
        let at = (t.strip * self.layout.rows + j) * BUF + c;
        &ground[at..at + n]
    }

    /// `n` values of a row of a ground of the porosity; of the bed, which nobody reads then, where there is none.
    #[inline(always)]
    fn share(&self, which: fn(&Porous<R>) -> &Vec<R>, t: &Tile, j: usize, c: usize, n: usize) -> &'a [R] {
        self.ground(self.porous.map_or(self.bed, |p| which(p)), t, j, c, n)
    }

    /// One over the free shares of a tile's cells of a row; `None` where all are free.
    pub(crate) fn inv_row(&self, t: &Tile, j: usize) -> Option<&'a [R]> {
        self.porous.map(|p| self.ground(&p.inv, t, j, C0, t.width))
    }

    /// Free share of a cell.
    pub(crate) fn free(&self, cell: usize) -> f64 {
        self.porous.map_or(1.0, |p| p.free[cell])
    }
}

/// The tile of the state being written: rows [`WIDE`] values apart.
pub(crate) struct Target<'a, R> {
    pub h: &'a mut [R],
    pub u: &'a mut [R],
    pub v: &'a mut [R],
    /// Rounding carried from step to step.
    pub carry: &'a mut [R],
}

/// Rows held: four in use, and one that is on its way from memory meanwhile.
const HELD: usize = 8;

/// Depth and velocities of a row with halo.
#[derive(Debug, Clone)]
pub(crate) struct Held<R> {
    pub h: Row<R>,
    pub u: Row<R>,
    pub v: Row<R>,
}

/// Working rows of one tile.
pub(crate) struct Scratch<R> {
    /// Rows of the present state, by row modulo [`HELD`].
    held: [Held<R>; HELD],
    recon: [Recon<R>; 3],
    xf: [Flux<R>; 2],
    yf: [Flux<R>; 3],
    share: [Row<R>; 2],
    short: [bool; 2],
    /// Rows of its own: the compiler then knows that nothing overlaps.
    next: Next<R>,
    totals: Totals<R>,
    pub(crate) rain: Row<R>,
}

impl<R: Real> Default for Scratch<R> {
    fn default() -> Self {
        let z = [R::ZERO; BUF];
        let held = || Held { h: z, u: z, v: z };
        Self {
            held: std::array::from_fn(|_| held()),
            recon: Default::default(),
            xf: Default::default(),
            yf: Default::default(),
            share: [z; 2],
            short: [false; 2],
            next: Next::default(),
            totals: Totals::default(),
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

impl<R: Real> Scratch<R> {
    #[inline(always)]
    fn hold<W: Water<R>>(&mut self, f: &Fields<'_, R, W>, t: &Tile, j: usize) {
        f.water.load(&f.layout, f.open_edges, t, j, &mut self.held[j % HELD]);
    }

    #[inline(always)]
    fn recon_row<W, const CREST: bool, const FRICTION: bool, const POROUS: bool>(
        &mut self,
        f: &Fields<'_, R, W>,
        t: &Tile,
        k: &Step<R>,
        j: usize,
    ) {
        let (n, c) = (WIDE, C0 - 2);
        let [south, here, north] = [j - 1, j, j + 1].map(|row| &self.held[row % HELD]);
        let around = |row: fn(&Held<R>) -> &Row<R>| Around {
            c: &row(here)[c - 1..c + n + 1],
            s: &row(south)[c..c + n],
            n: &row(north)[c..c + n],
        };
        let bed = Around {
            c: f.ground(f.bed, t, j, c - 1, n + 2),
            s: f.ground(f.bed, t, j - 1, c, n),
            n: f.ground(f.bed, t, j + 1, c, n),
        };
        let crests = Crests {
            w: f.ground(f.crest_w, t, j, c, n + 1),
            s: f.ground(f.crest_s, t, j, c, n),
            n: f.ground(f.crest_s, t, j + 1, c, n),
        };
        let free = Shares {
            cell: f.share(|p| &p.cell, t, j, c, n),
            w: f.share(|p| &p.west, t, j, c, n + 1),
            s: f.share(|p| &p.south, t, j, c, n),
            n: f.share(|p| &p.south, t, j + 1, c, n),
        };
        let n2 = f.ground(f.n2, t, j, c, n);
        let out = &mut self.recon[j % 3];
        let (h, u, v) = (around(|r| &r.h), around(|r| &r.u), around(|r| &r.v));
        reconstruct::<R, CREST, FRICTION, POROUS>(n, k, h, u, v, bed, n2, crests, free, out);
        // Beyond the edge the bed goes on flat for want of anything better: that is no bend.
        if t.strip == 0 {
            out.zx[2] = R::NAN;
        }
        if t.strip + 1 == f.layout.tiles_x {
            out.zx[t.width + 1] = R::NAN;
        }
        if j == PAD || j + 1 == PAD + f.layout.grid.ny {
            out.zy[..n].fill(R::NAN);
        }
    }

    #[inline(always)]
    fn x_faces<W, const CREST: bool, const POROUS: bool>(
        &mut self,
        f: &Fields<'_, R, W>,
        t: &Tile,
        k: &Step<R>,
        j: usize,
    ) {
        let (n, c) = (WIDE, C0 - 2);
        let (r, held) = (&self.recon[j % 3], &self.held[j % HELD]);
        let side = |o: usize| Side {
            now: &held.h[c + o..c + o + n],
            h: &r.h[o..],
            dh: &r.hx[o..],
            un: &r.u[o..],
            dun: &r.ux[o..],
            ut: &r.v[o..],
            dut: &r.vx[o..],
            de: &r.ex[o..],
            dz: &r.zx[o..],
            z: f.ground(f.bed, t, j, c + o, n),
            free: f.share(|p| &p.cell, t, j, c + o, n),
        };
        let out = &mut self.xf[j % 2];
        let (crest, share) = (f.ground(f.crest_w, t, j, c + 1, n), f.share(|p| &p.west, t, j, c + 1, n));
        fluxes::<R, CREST, POROUS>(n, k, side(0), side(1), crest, share, out);
        if CREST {
            f.laws.apply(t.id, FaceAxis::X, j, k, side(0), side(1), out);
        }
    }

    /// South faces of the cells of row `j`.
    #[inline(always)]
    fn y_faces<W, const CREST: bool, const POROUS: bool>(
        &mut self,
        f: &Fields<'_, R, W>,
        t: &Tile,
        k: &Step<R>,
        j: usize,
    ) {
        let (n, c) = (WIDE, C0 - 1);
        let side = |row: usize| {
            let (r, held) = (&self.recon[row % 3], &self.held[row % HELD]);
            Side {
                now: &held.h[c..c + n],
                h: &r.h[1..],
                dh: &r.hy[1..],
                un: &r.v[1..],
                dun: &r.vy[1..],
                ut: &r.u[1..],
                dut: &r.uy[1..],
                de: &r.ey[1..],
                dz: &r.zy[1..],
                z: f.ground(f.bed, t, row, c, n),
                free: f.share(|p| &p.cell, t, row, c, n),
            }
        };
        let crest = f.ground(f.crest_s, t, j, c, n);
        let out = &mut self.yf[j % 3];
        let share = f.share(|p| &p.south, t, j, c, n);
        fluxes::<R, CREST, POROUS>(n, k, side(j - 1), side(j), crest, share, out);
        if CREST {
            f.laws.apply(t.id, FaceAxis::Y, j, k, side(j - 1), side(j), out);
        }
    }
}

/// An open edge lets water out, never in: otherwise ground that falls away from the edge would draw water from nowhere.
/// `outward` is the sign of an outward flux; `inner` the momentum flux seen by the cell inside.
#[inline(always)]
fn only_out<R: Real>(mass: &mut [R], cross: &mut [R], inner: &mut [R], outward: R) {
    for ((m, c), i) in mass.iter_mut().zip(cross).zip(inner) {
        if *m * outward < R::ZERO {
            (*m, *c, *i) = (R::ZERO, R::ZERO, R::ZERO);
        }
    }
}

/// Advances a tile by one step. `rain(row, out)` writes the rain depth of the tile's cells of a row of the field.
#[inline(always)]
pub(crate) fn step_tile<R: Real, W: Water<R>, const CREST: bool, const FRICTION: bool, const POROUS: bool>(
    f: &Fields<'_, R, W>,
    t: &Tile,
    k: &Step<R>,
    s: &mut Scratch<R>,
    rain: impl Fn(usize, &mut Row<R>),
    rim: &mut impl Rim<R>,
    out: &mut Target<'_, R>,
) -> TileSums {
    let w = t.width;
    let edge_c = (t.strip == 0, t.strip + 1 == f.layout.tiles_x);
    let edge_r = (PAD, PAD + f.layout.grid.ny);
    let mut sums = TileSums::default();
    let first = t.r0 - 1;
    (t.r0 - 3..=t.r0 + 1).for_each(|j| s.hold(f, t, j));
    s.recon_row::<W, CREST, FRICTION, POROUS>(f, t, k, first - 1);
    s.recon_row::<W, CREST, FRICTION, POROUS>(f, t, k, first);
    s.y_faces::<W, CREST, POROUS>(f, t, k, first);
    for j in first..=t.r1 {
        s.hold(f, t, (j + 3).min(f.layout.rows - 1));
        s.recon_row::<W, CREST, FRICTION, POROUS>(f, t, k, j + 1);
        s.y_faces::<W, CREST, POROUS>(f, t, k, j + 1);
        s.x_faces::<W, CREST, POROUS>(f, t, k, j);
        let xf = &mut s.xf[j % 2];
        if edge_c.0 {
            only_out(&mut xf.mass[1..2], &mut xf.cross[1..2], &mut xf.hi[1..2], -R::ONE);
        }
        if edge_c.1 {
            let e = w + 1..w + 2;
            only_out(&mut xf.mass[e.clone()], &mut xf.cross[e.clone()], &mut xf.lo[e], R::ONE);
        }
        let yf = &mut s.yf[(j + 1) % 3];
        if j + 1 == edge_r.0 {
            only_out(&mut yf.mass, &mut yf.cross, &mut yf.hi, -R::ONE);
        }
        if j + 1 == edge_r.1 {
            only_out(&mut yf.mass, &mut yf.cross, &mut yf.lo, R::ONE);
        }
        let short = outflow_share::<R, POROUS>(
            WIDE,
            k.lam,
            f.share(|p| &p.inv, t, j, C0 - 1, WIDE),
            &s.held[j % HELD].h[C0 - 1..],
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
        if j >= t.r0 && j < t.r1 {
            rim.row(k, j - t.r0, w, &s.recon[j % 3], xf);
        }
        if j == first {
            continue;
        }
        if s.short[0] | s.short[1] {
            scale(1, w, &mut s.yf[j % 3], &s.share[(j - 1) % 2][1..], &s.share[j % 2][1..]);
        }
        if j == t.r0 || j == t.r1 {
            rim.line(k, j == t.r1, w, &s.recon[(j - 1) % 3], &s.recon[j % 3], &mut s.yf[j % 3]);
        }
        if j == edge_r.0 {
            s.yf[j % 3].mass[1..=w].iter().for_each(|m| sums.edge(m.to_f64()));
        }
        if j == edge_r.1 {
            s.yf[j % 3].mass[1..=w].iter().for_each(|m| sums.edge(-m.to_f64()));
        }
        if j == t.r0 {
            continue;
        }
        let row = j - 1;
        if edge_c.0 {
            sums.edge(s.xf[row % 2].mass[1].to_f64());
        }
        if edge_c.1 {
            sums.edge(-s.xf[row % 2].mass[1 + w].to_f64());
        }
        rain(row, &mut s.rain);
        let (rec, held) = (&s.recon[row % 3], &s.held[row % HELD]);
        let cells = Cells {
            h: &held.h[C0..],
            u: &held.u[C0..],
            v: &held.v[C0..],
            hp: &rec.h[2..],
            ex: &rec.ex[2..],
            ey: &rec.ey[2..],
            n2: f.ground(f.n2, t, row, C0, WIDE),
            rain: &s.rain,
            inv: f.share(|p| &p.inv, t, row, C0, WIDE),
            drag: f.share(|p| &p.drag, t, row, C0, WIDE),
        };
        let faces = Around4 { west: &s.xf[row % 2], south: &s.yf[row % 3], north: &s.yf[j % 3] };
        let at = (row - t.r0) * WIDE..(row - t.r0 + 1) * WIDE;
        s.next.carry[..WIDE].copy_from_slice(&out.carry[at.clone()]);
        update::<R, FRICTION, POROUS>(WIDE, 1, k, &cells, &faces, &mut s.next);
        // What lies beyond the tile was computed from half of its faces.
        s.next.h[w..WIDE].fill(R::ZERO);
        s.next.speed[w..WIDE].fill(R::ZERO);
        s.next.lost[w..WIDE].fill(R::ZERO);
        out.carry[at.clone()].copy_from_slice(&s.next.carry[..WIDE]);
        out.h[at.clone()].copy_from_slice(&s.next.h[..WIDE]);
        out.u[at.clone()].copy_from_slice(&s.next.u[..WIDE]);
        out.v[at].copy_from_slice(&s.next.v[..WIDE]);
        s.totals.add(&s.next.speed, &s.next.lost);
    }
    let totals = std::mem::take(&mut s.totals);
    sums.speed = totals.fastest().to_f64();
    sums.lost = totals.lost().to_f64();
    sums
}

/// Extremes of `n` cells, and whether any cell is deeper than `dry`.
#[inline(always)]
pub(crate) fn track<R: Real>(
    n: usize,
    t_s: f32,
    dry: R,
    wet_depth: R,
    h: &[R],
    u: &[R],
    v: &[R],
    max_depth: &mut [f32],
    max_hazard: &mut [f32],
    first_wet: &mut [f32],
) -> bool {
    let (h, u, v) = (&h[..n], &u[..n], &v[..n]);
    let (max_depth, max_hazard, first_wet) = (&mut max_depth[..n], &mut max_hazard[..n], &mut first_wet[..n]);
    for i in 0..n {
        let d = h[i].to_f32();
        let q = (h[i] * (u[i] * u[i] + v[i] * v[i]).sqrt()).to_f32();
        max_depth[i] = if d > max_depth[i] { d } else { max_depth[i] };
        max_hazard[i] = if q > max_hazard[i] { q } else { max_hazard[i] };
        first_wet[i] = if (h[i] > wet_depth) & (t_s < first_wet[i]) { t_s } else { first_wet[i] };
    }
    any_deeper(h, dry)
}

/// Whether any of the cells is deeper than `dry`.
#[inline(always)]
pub(crate) fn any_deeper<R: Real>(h: &[R], dry: R) -> bool {
    h.iter().fold(0_u32, |any, h| any | u32::from(*h > dry)) != 0
}
