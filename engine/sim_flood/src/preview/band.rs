//! One band of rows of one step, in place: rows stream from south to north through small buffers.

use pulp::Simd;

use super::forcing::{PreviewForcing, Source, StepForcing};
use super::kernel::PreviewKernel;
use super::layout::{BAND, CHUNK, Layout, SIDE};
use super::rows::{
    Chunk, Faces, Step, Totals, cells, chunk, chunk_mut, discharge, max, outflow, scale, share_of, track, update,
};
use super::state::{flag, set_depth};

/// Rows of the old state south of a band that it reads.
const SOUTH: usize = 2;
/// Rows of the old state from the first row beyond a band.
const NORTH: usize = 3;

/// Copies of the rows on both sides of a boundary between two bands, taken before any band is written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Halo {
    h: Vec<f32>,
    qx: Vec<f32>,
    qy: Vec<f32>,
}

impl Halo {
    /// The rows around row `r`, where a band begins; zeros beyond the raster.
    pub(crate) fn take(&mut self, layout: &Layout, r: usize, h: &[f32], qx: &[f32], qy: &[f32]) {
        let n = layout.stride;
        for (copy, field) in [(&mut self.h, h), (&mut self.qx, qx), (&mut self.qy, qy)] {
            copy.clear();
            copy.extend_from_slice(&field[(r - SOUTH) * n..field.len().min((r + NORTH) * n)]);
            copy.resize((SOUTH + NORTH) * n, 0.0);
        }
    }
}

/// What every band of a step reads.
pub(crate) struct Pass<'a> {
    pub kernel: &'a PreviewKernel,
    pub forcing: &'a PreviewForcing,
    pub now: &'a StepForcing,
    /// Per chunk: water in it or beside it.
    pub active: &'a [u8],
    /// One before each band but the first.
    pub halos: &'a [Halo],
    pub k: Step,
    pub t1_s: f64,
    pub wet_depth: f32,
    /// Extremes are tracked in this step.
    pub track: bool,
}

/// The rows of the state that a band writes.
pub(crate) struct Band<'a> {
    pub id: usize,
    pub h: &'a mut [f32],
    pub qx: &'a mut [f32],
    pub qy: &'a mut [f32],
    pub carry: &'a mut [f32],
    pub max_depth: &'a mut [f32],
    pub max_hazard: &'a mut [f32],
    pub first_wet: &'a mut [f32],
    pub flags: &'a mut [u8],
}

/// What a band reports; depths (m) and discharges (m2/s) are sums over cells and faces.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct BandSums {
    pub deepest: f32,
    pub lost: f64,
    pub edge_out: f64,
    pub stage_in: f64,
    pub stage_out: f64,
    pub point_in: f64,
    pub point_out: f64,
    pub stepped: u64,
}

/// Working rows of one band.
pub(crate) struct Scratch {
    /// Discharges over west faces, by row modulo 2.
    xf: [Vec<f32>; 2],
    /// Over south faces, by row modulo 3.
    yf: [Vec<f32>; 3],
    share: [Vec<f32>; 2],
    /// A share of the row is below 1.
    short: [bool; 2],
    zero: Vec<f32>,
}

impl Scratch {
    pub(crate) fn new(layout: &Layout) -> Self {
        let row = |value: f32| vec![value; layout.stride];
        Self {
            xf: [row(0.0), row(0.0)],
            yf: [row(0.0), row(0.0), row(0.0)],
            share: [row(1.0), row(1.0)],
            short: [false; 2],
            zero: row(0.0),
        }
    }
}

/// Which raster of the old state.
#[derive(Clone, Copy)]
enum Field {
    H,
    Qx,
    Qy,
}

/// Where in the rasters a band lies, and how its rows and those around it are read.
#[derive(Clone, Copy)]
struct View<'a> {
    layout: Layout,
    r0: usize,
    r1: usize,
    south: Option<&'a Halo>,
    north: Option<&'a Halo>,
}

impl<'a> View<'a> {
    /// Row `j` of the old state: of the band, of the rows around it, or zeros beyond the raster.
    #[inline(always)]
    fn row<'b>(&self, band: &'b Band<'_>, zero: &'b [f32], field: Field, j: isize) -> &'b [f32]
    where
        'a: 'b,
    {
        let (n, r0, r1) = (self.layout.stride, self.r0 as isize, self.r1 as isize);
        let own = match field {
            Field::H => &*band.h,
            Field::Qx => &*band.qx,
            Field::Qy => &*band.qy,
        };
        let of = |halo: &'b Halo| match field {
            Field::H => &halo.h,
            Field::Qx => &halo.qx,
            Field::Qy => &halo.qy,
        };
        let (rows, at): (&'b [f32], isize) = if j < r0 {
            (self.south.map_or(&[], |s| of(s).as_slice()), j - r0 + SOUTH as isize)
        } else if j >= r1 && self.north.is_some() {
            (self.north.map_or(&[], |s| of(s).as_slice()), j - r1 + SOUTH as isize)
        } else {
            (own, j - r0)
        };
        let from = at as usize * n;
        rows.get(from..from + n).unwrap_or(zero)
    }
}

impl Pass<'_> {
    fn is_active(&self, j: isize, c: usize) -> bool {
        let layout = self.kernel.layout();
        j >= 0 && (j as usize) < layout.grid.ny && self.active[j as usize * layout.chunks + c] != 0
    }

    /// Advances a band by one step.
    #[inline(always)]
    pub(crate) fn step<S: Simd>(&self, simd: S, s: &mut Scratch, band: &mut Band<'_>) -> BandSums {
        let layout = self.kernel.layout();
        let rows = layout.band_rows(band.id);
        let halo = |boundary: usize| boundary.checked_sub(1).and_then(|k| self.halos.get(k));
        let view = View { layout, r0: rows.start, r1: rows.end, south: halo(band.id), north: halo(band.id + 1) };
        let mut sums = BandSums::default();
        let mut totals = Totals::default();
        let (first, last) = (rows.start as isize - 1, rows.end as isize);
        self.y_faces(simd, s, band, &view, first);
        self.y_faces(simd, s, band, &view, first + 1);
        for j in first..=last {
            if j > first {
                self.y_faces(simd, s, band, &view, j + 1);
            }
            self.x_faces(simd, s, band, &view, j);
            self.edges(s, band, &view, j);
            self.limit(s, band, &view, j);
            if j == first {
                continue;
            }
            self.finish_faces(s, band, &view, j, &mut sums);
            if j > rows.start as isize {
                self.finish_cells(s, band, &view, (j - 1) as usize, &mut totals, &mut sums);
            }
        }
        sums.lost = f64::from(totals.lost());
        sums.deepest = totals.deepest();
        apply_sources(self, &view, band, &mut sums);
        sums
    }

    /// New discharges over the west faces of row `j`.
    #[inline(always)]
    fn x_faces<S: Simd>(&self, simd: S, s: &mut Scratch, band: &Band<'_>, v: &View<'_>, j: isize) {
        let k = self.kernel;
        let row = |field, j| v.row(band, &s.zero, field, j);
        let (h, q) = (row(Field::H, j), row(Field::Qx, j));
        let (south, north) = (row(Field::Qy, j), row(Field::Qy, j + 1));
        let (z, rough, crest) = (k.ground(&k.bed, j), k.ground(&k.rough, j), k.ground(&k.crest_w, j));
        let out = &mut s.xf[(j & 1) as usize];
        for c in 0..v.layout.chunks {
            let to = chunk_mut(out, c);
            if !self.is_active(j, c) {
                *to = [0.0; CHUNK];
                continue;
            }
            let faces = Faces {
                h: [chunk(h, c, -1), chunk(h, c, 0)],
                z: [chunk(z, c, -1), chunk(z, c, 0)],
                rough: [chunk(rough, c, -1), chunk(rough, c, 0)],
                q: chunk(q, c, 0),
                beside: [chunk(q, c, -1), chunk(q, c, 1)],
                cross: [chunk(south, c, -1), chunk(south, c, 0), chunk(north, c, -1), chunk(north, c, 0)],
                crest: chunk(crest, c, 0),
            };
            if k.walled(j, c) {
                discharge::<S, true>(simd, &self.k, faces, to);
            } else {
                discharge::<S, false>(simd, &self.k, faces, to);
            }
        }
    }

    /// New discharges over the south faces of row `j`.
    #[inline(always)]
    fn y_faces<S: Simd>(&self, simd: S, s: &mut Scratch, band: &Band<'_>, v: &View<'_>, j: isize) {
        let k = self.kernel;
        let row = |field, j| v.row(band, &s.zero, field, j);
        let (h, low) = (row(Field::H, j), row(Field::H, j - 1));
        let (q, south, north) = (row(Field::Qy, j), row(Field::Qy, j - 1), row(Field::Qy, j + 1));
        let (x, x_low) = (row(Field::Qx, j), row(Field::Qx, j - 1));
        let (z, z_low) = (k.ground(&k.bed, j), k.ground(&k.bed, j - 1));
        let (rough, rough_low) = (k.ground(&k.rough, j), k.ground(&k.rough, j - 1));
        let crest = k.ground(&k.crest_s, j);
        let out = &mut s.yf[(j + 3) as usize % 3];
        for c in 0..v.layout.chunks {
            let to = chunk_mut(out, c);
            if j == 0 || !self.is_active(j, c) {
                *to = [0.0; CHUNK];
                continue;
            }
            let faces = Faces {
                h: [chunk(low, c, 0), chunk(h, c, 0)],
                z: [chunk(z_low, c, 0), chunk(z, c, 0)],
                rough: [chunk(rough_low, c, 0), chunk(rough, c, 0)],
                q: chunk(q, c, 0),
                beside: [chunk(south, c, 0), chunk(north, c, 0)],
                cross: [chunk(x_low, c, 0), chunk(x_low, c, 1), chunk(x, c, 0), chunk(x, c, 1)],
                crest: chunk(crest, c, 0),
            };
            if k.walled(j, c) {
                discharge::<S, true>(simd, &self.k, faces, to);
            } else {
                discharge::<S, false>(simd, &self.k, faces, to);
            }
        }
    }

    /// Discharges over the edges of the raster: none, or with open edges what leaves at the speed over the next face
    /// inwards.
    #[inline(always)]
    fn edges(&self, s: &mut Scratch, band: &Band<'_>, v: &View<'_>, j: isize) {
        let Layout { grid, .. } = v.layout;
        let h = |j: isize| v.row(band, &s.zero, Field::H, j);
        let out = |inner: f32, toward: [usize; 2], rows: [isize; 2], crest: f32| {
            let ([a, b], k) = (toward, self.kernel);
            let (ha, hb) = (h(rows[0])[a], h(rows[1])[b]);
            let (za, zb) = (k.ground(&k.bed, rows[0])[a], k.ground(&k.bed, rows[1])[b]);
            let depth = max(ha, hb + (zb - za)) - max(0.0, zb - za);
            let over = ha - max(0.0, crest - za);
            if depth > self.k.dry && ha > self.k.dry && over > 0.0 { inner / depth * over } else { 0.0 }
        };
        if j >= 0 && (j as usize) < grid.ny {
            let (west, east) = (SIDE, SIDE + grid.nx);
            let q = &s.xf[(j & 1) as usize];
            let mut ends = [0.0; 2];
            if self.kernel.open_edges() && grid.nx > 1 {
                let crests = self.kernel.ground(&self.kernel.crest_w, j);
                ends[0] = out(-max(0.0, -q[west + 1]), [west, west + 1], [j, j], crests[west]);
                ends[1] = out(max(0.0, q[east - 1]), [east - 1, east - 2], [j, j], crests[east]);
            }
            let q = &mut s.xf[(j & 1) as usize];
            (q[west], q[east]) = (ends[0], ends[1]);
        }
        if !self.kernel.open_edges() || grid.ny < 2 {
            return;
        }
        let top = grid.ny as isize;
        // The south edge waits for the faces of row 1.
        let (edge, inner, sign, cells) = if j == 0 {
            (0, 1, -1.0, [0, 1])
        } else if j + 1 == top {
            (top, top - 1, 1.0, [top - 1, top - 2])
        } else {
            return;
        };
        for i in SIDE..SIDE + grid.nx {
            let crest = self.kernel.ground(&self.kernel.crest_s, edge)[i];
            let q = sign * max(0.0, sign * s.yf[inner as usize % 3][i]);
            let q = out(q, [i, i], cells, crest);
            s.yf[edge as usize % 3][i] = q;
        }
    }

    /// Limits the outflow of the cells of row `j` to the water there.
    #[inline(always)]
    fn limit(&self, s: &mut Scratch, band: &Band<'_>, v: &View<'_>, j: isize) {
        let at = (j & 1) as usize;
        s.short[at] = false;
        if j < 0 || j as usize >= v.layout.grid.ny {
            return;
        }
        let h = v.row(band, &s.zero, Field::H, j);
        let (x, south, north) = (&s.xf[at], &s.yf[j as usize % 3], &s.yf[(j as usize + 1) % 3]);
        let share = &mut s.share[at];
        let (mut short, mut need) = (false, [0.0; CHUNK]);
        for c in (0..v.layout.chunks).filter(|c| self.is_active(j, *c)) {
            let (x, y) = ([chunk(x, c, 0), chunk(x, c, 1)], [chunk(south, c, 0), chunk(north, c, 0)]);
            if outflow(self.k.lam, chunk(h, c, 0), x, y, &mut need) {
                if !short {
                    share.fill(1.0);
                    short = true;
                }
                share_of(&need, chunk(h, c, 0), chunk_mut(share, c));
            }
        }
        s.short[at] = short;
        if short {
            // Faces 0 to nx of the row; beyond the edges no cell gives.
            let (from, n) = (SIDE, v.layout.grid.nx + 1);
            scale(&mut s.xf[at][from..from + n], &share[from - 1..], &share[from..]);
        }
    }

    /// Scales the south faces of row `j` and writes the discharges of the row.
    #[inline(always)]
    fn finish_faces(&self, s: &mut Scratch, band: &mut Band<'_>, v: &View<'_>, j: isize, sums: &mut BandSums) {
        let (at, ring, grid) = ((j & 1) as usize, j as usize % 3, v.layout.grid);
        let inside = SIDE..SIDE + grid.nx;
        if s.short[0] | s.short[1] {
            let ones = &s.share;
            let low = if s.short[1 - at] { &ones[1 - at][inside.clone()] } else { &[] };
            let high = if s.short[at] { &ones[at][inside.clone()] } else { &[] };
            scale_rows(&mut s.yf[ring][inside.clone()], low, high);
        }
        let edge = j == 0 || j as usize == grid.ny;
        if edge {
            sums.edge_out += s.yf[ring][inside].iter().map(|q| f64::from(q.abs())).sum::<f64>();
        }
        let rows = band.qy.len() / v.layout.stride;
        let own = j as usize - v.r0;
        if own >= rows {
            return;
        }
        let here = own * v.layout.stride..(own + 1) * v.layout.stride;
        let (qx, qy) = (&mut band.qx[here.clone()], &mut band.qy[here]);
        for c in 0..v.layout.chunks {
            if edge || self.is_active(j, c) {
                qy[cells(c)].copy_from_slice(&s.yf[ring][cells(c)]);
            }
            if self.is_active(j, c) {
                qx[cells(c)].copy_from_slice(&s.xf[at][cells(c)]);
            }
        }
        if (j as usize) < grid.ny {
            let (west, east) = (SIDE, SIDE + grid.nx);
            qx[east] = s.xf[at][east];
            sums.edge_out += f64::from(s.xf[at][west].abs()) + f64::from(s.xf[at][east].abs());
        }
    }

    /// New depths of row `j` and what is tracked of them.
    #[inline(always)]
    fn finish_cells(
        &self,
        s: &mut Scratch,
        band: &mut Band<'_>,
        v: &View<'_>,
        j: usize,
        totals: &mut Totals,
        sums: &mut BandSums,
    ) {
        let (layout, own) = (v.layout, j - v.r0);
        let row = own * layout.stride..(own + 1) * layout.stride;
        let (h, carry) = (&mut band.h[row.clone()], &mut band.carry[row.clone()]);
        let (max_depth, max_hazard) = (&mut band.max_depth[row.clone()], &mut band.max_hazard[row.clone()]);
        let first_wet = &mut band.first_wet[row];
        let (x, south, north) = (&s.xf[j & 1], &s.yf[j % 3], &s.yf[(j + 1) % 3]);
        let mut rain: Chunk = [0.0; CHUNK];
        for c in 0..layout.chunks {
            let active = self.active[j * layout.chunks + c];
            if active == 0 && !self.now.raining {
                continue;
            }
            if self.now.raining {
                self.forcing.rain(self.now, self.kernel, j, c, &mut rain);
            }
            let at = cells(c);
            let (x, y) = ([chunk(x, c, 0), chunk(x, c, 1)], [chunk(south, c, 0), chunk(north, c, 0)]);
            let wet = update(&self.k, x, y, &rain, chunk_mut(h, c), chunk_mut(carry, c), totals);
            let inside = layout.grid.nx - c * CHUNK;
            if inside < CHUNK {
                // What left over the east edge is not there.
                h[at.start + inside..at.end].fill(0.0);
                carry[at.start + inside..at.end].fill(0.0);
            }
            let stirred = if active & flag::WET != 0 { flag::STIRRED } else { 0 };
            band.flags[own * layout.chunks + c] = stirred | if wet { flag::WET } else { 0 };
            if active != 0 {
                sums.stepped += inside.min(CHUNK) as u64;
            }
            if self.track {
                let (depth, hazard) = (chunk_mut(max_depth, c), chunk_mut(max_hazard, c));
                track(self.t1_s as f32, self.wet_depth, chunk(h, c, 0), x, y, depth, hazard, chunk_mut(first_wet, c));
            }
        }
    }
}

/// [`scale`] where a row without shortage has no shares.
#[inline(always)]
fn scale_rows(q: &mut [f32], low: &[f32], high: &[f32]) {
    match (low.is_empty(), high.is_empty()) {
        (true, true) => {}
        (false, false) => scale(q, low, high),
        (false, true) => q.iter_mut().zip(low).for_each(|(q, s)| *q *= if *q > 0.0 { *s } else { 1.0 }),
        (true, false) => q.iter_mut().zip(high).for_each(|(q, s)| *q *= if *q > 0.0 { 1.0 } else { *s }),
    }
}

/// Discharges, then imposed levels.
fn apply_sources(p: &Pass<'_>, v: &View<'_>, band: &mut Band<'_>, sums: &mut BandSums) {
    for s in &p.forcing.inflows[band.id] {
        let added = set(p, v, band, s, |before| before + p.now.inflow_m[s.series], sums);
        sums.point_in += added.max(0.0);
        sums.point_out += (-added).max(0.0);
    }
    for s in &p.forcing.stages[band.id] {
        let added = set(p, v, band, s, |_| p.now.level_m[s.series] - s.bed_m, sums);
        sums.stage_in += added.max(0.0);
        sums.stage_out += (-added).max(0.0);
    }
}

/// Sets the depth of a source cell; returns the depth added, metres.
fn set(
    p: &Pass<'_>,
    v: &View<'_>,
    band: &mut Band<'_>,
    s: &Source,
    depth: impl Fn(f64) -> f64,
    sums: &mut BandSums,
) -> f64 {
    let at = v.layout.cell(s.cell) - v.r0 * v.layout.stride;
    let there = |band: &Band<'_>| f64::from(band.h[at]) - f64::from(band.carry[at]);
    let before = there(band);
    set_depth(&mut band.h[at], &mut band.carry[at], depth(before).max(0.0));
    if band.h[at] > p.k.dry {
        band.flags[v.layout.chunk_of(s.cell) - v.r0 * v.layout.chunks] |= flag::WET;
    }
    if p.track {
        band.max_depth[at] = max(band.h[at], band.max_depth[at]);
        if band.h[at] > p.wet_depth && band.first_wet[at] > p.t1_s as f32 {
            band.first_wet[at] = p.t1_s as f32;
        }
    }
    // Not a select: a depth that is not a number stays one.
    if band.h[at] > sums.deepest {
        sums.deepest = band.h[at];
    }
    there(band) - before
}

/// Cuts the rasters of a state into bands.
pub(crate) fn bands<'a>(layout: &Layout, fields: [&'a mut [f32]; 7], flags: &'a mut [u8]) -> Vec<Band<'a>> {
    let n = layout.bands();
    let mut bands = Vec::with_capacity(n);
    let (mut fields, mut flags) = (fields, flags);
    for id in 0..n {
        let rows = layout.band_rows(id);
        // The last band has the row of the north edge too.
        let values = (rows.len() + usize::from(id + 1 == n)) * layout.stride;
        let [h, qx, qy, carry, max_depth, max_hazard, first_wet] = fields.each_mut().map(|field| {
            let (own, rest) = std::mem::take(field).split_at_mut(values);
            *field = rest;
            own
        });
        let (own_flags, rest) = std::mem::take(&mut flags).split_at_mut(rows.len() * layout.chunks);
        flags = rest;
        bands.push(Band { id, h, qx, qy, carry, max_depth, max_hazard, first_wet, flags: own_flags });
    }
    bands
}

/// Rows where a band begins and rows of its neighbour are copied.
pub(crate) fn boundaries(layout: &Layout) -> impl Iterator<Item = usize> + use<> {
    (1..layout.bands()).map(|band| band * BAND)
}
