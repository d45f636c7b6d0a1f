//! One band of tiles of one step: which tiles are computed, rained on or skipped, sources, tracked extremes.

use crate::plan::{FloodForcing, StepForcing};
use crate::rows::{BUF, Row, Step, max, max_or_nan};
use crate::state::PAD;
use crate::tile::{Fields, Scratch, TILE_H, Target, Tile, TileSums, step_tile, track_row, wet};

/// Sums of one step over a band of tiles.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct BandSums {
    pub tiles: TileSums,
    pub stage_in: f64,
    pub stage_out: f64,
    pub point_in: f64,
    pub point_out: f64,
    pub stepped: u64,
}

impl BandSums {
    pub(crate) fn add(&mut self, o: &Self) {
        self.tiles.speed = max_or_nan(self.tiles.speed, o.tiles.speed);
        self.tiles.lost += o.tiles.lost;
        self.tiles.edge_in += o.tiles.edge_in;
        self.tiles.edge_out += o.tiles.edge_out;
        self.stage_in += o.stage_in;
        self.stage_out += o.stage_out;
        self.point_in += o.point_in;
        self.point_out += o.point_out;
        self.stepped += o.stepped;
    }
}

/// Mutable rows of one band of tiles.
pub(crate) struct Band<'a> {
    pub target: Target<'a>,
    pub max_depth: &'a mut [f32],
    pub max_hazard: &'a mut [f32],
    pub first_wet: &'a mut [f32],
    pub wet: &'a mut [u8],
    pub settled: &'a mut [bool],
}

/// What every band of a step reads.
pub(crate) struct Pass<'a> {
    pub fields: Fields<'a>,
    pub forcing: &'a FloodForcing,
    pub now: &'a StepForcing,
    pub active: &'a [bool],
    pub k: Step,
    pub t1_s: f64,
    pub wet_depth: f64,
    /// Per tile: a crest on or near it.
    pub walled: &'a [bool],
    /// Some cell has friction.
    pub rough: bool,
    pub arch: pulp::Arch,
}

impl Pass<'_> {
    /// Steps the tiles of band `ty`.
    pub(crate) fn step_band(&self, ty: usize, mut band: Band<'_>) -> BandSums {
        let p = self;
        let mut sums = BandSums::default();
        let mut scratch = Scratch::default();
        for tx in 0..self.fields.layout.tiles_x {
            let id = ty * self.fields.layout.tiles_x + tx;
            let tile = Tile::new(&self.fields.layout, tx, ty);
            if p.active[id] {
                self.step_active(id, &tile, &mut scratch, &mut band, &mut sums);
                band.settled[tx] = false;
            } else if p.now.raining {
                rain_only(p, id, &tile, &mut band);
                band.settled[tx] = false;
            } else {
                if !band.settled[tx] {
                    copy_tile(p, &tile, &mut band.target);
                    band.settled[tx] = true;
                }
                continue;
            }
            let flags = self.arch.dispatch(TrackOp { p, tile: &tile, band: &mut band });
            band.wet[tx] = flags;
        }
        sums
    }

    fn step_active(&self, id: usize, tile: &Tile, scratch: &mut Scratch, band: &mut Band<'_>, sums: &mut BandSums) {
        let p = self;
        let out = &mut band.target;
        let done = match (self.walled[id], self.rough) {
            (false, false) => self.arch.dispatch(StepOp::<false, false> { p, id, tile, scratch, out }),
            (false, true) => self.arch.dispatch(StepOp::<false, true> { p, id, tile, scratch, out }),
            (true, false) => self.arch.dispatch(StepOp::<true, false> { p, id, tile, scratch, out }),
            (true, true) => self.arch.dispatch(StepOp::<true, true> { p, id, tile, scratch, out }),
        };
        let mut part =
            BandSums { tiles: done, stepped: (tile.width() * (tile.r1 - tile.r0)) as u64, ..BandSums::default() };
        apply_sources(p, id, self.fields.bed, out, &mut part);
        sums.add(&part);
    }
}

/// [`step_tile`] for the instruction set of the machine. (A closure would not be inlined into it.)
struct StepOp<'a, 'b, const CREST: bool, const FRICTION: bool> {
    p: &'a Pass<'a>,
    id: usize,
    tile: &'a Tile,
    scratch: &'a mut Scratch,
    out: &'a mut Target<'b>,
}

impl<const CREST: bool, const FRICTION: bool> pulp::WithSimd for StepOp<'_, '_, CREST, FRICTION> {
    type Output = TileSums;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> TileSums {
        let rain = |row: usize, out: &mut Row| rain_row(self.p, self.id, self.tile, row, out);
        step_tile::<CREST, FRICTION>(&self.p.fields, self.tile, &self.p.k, self.scratch, rain, self.out)
    }
}

/// [`track_tile`] for the instruction set of the machine.
struct TrackOp<'a, 'b> {
    p: &'a Pass<'a>,
    tile: &'a Tile,
    band: &'a mut Band<'b>,
}

impl pulp::WithSimd for TrackOp<'_, '_> {
    type Output = u8;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> u8 {
        track_tile(self.p, self.tile, self.band)
    }
}

#[inline(always)]
pub(crate) fn row_flags(any: bool, row: &[f64], dry: f64, south: bool, north: bool) -> u8 {
    if !any {
        return 0;
    }
    let at = |k: Option<&f64>, flag: u8| if k.is_some_and(|h| *h > dry) { flag } else { 0 };
    wet::ANY
        | at(row.first(), wet::WEST)
        | at(row.last(), wet::EAST)
        | if south { wet::SOUTH } else { 0 }
        | if north { wet::NORTH } else { 0 }
}

#[inline(always)]
fn track_tile(p: &Pass<'_>, t: &Tile, b: &mut Band<'_>) -> u8 {
    let (w, nx, stride) = (t.width(), p.fields.layout.grid.nx, p.fields.layout.stride);
    let mut flags = 0;
    for j in t.r0..t.r1 {
        let at = (j - b.target.first_row) * stride + t.c0;
        let cell = (j - b.target.first_row) * nx + t.c0 - PAD;
        let row = &b.target.h[at..at + w];
        let any = track_row(
            w,
            p.t1_s as f32,
            p.k.dry,
            p.wet_depth,
            row,
            &b.target.u[at..at + w],
            &b.target.v[at..at + w],
            &mut b.max_depth[cell..cell + w],
            &mut b.max_hazard[cell..cell + w],
            &mut b.first_wet[cell..cell + w],
        );
        flags |= row_flags(any, row, p.k.dry, j == t.r0, j + 1 == t.r1);
    }
    flags
}

/// Rain depth of a tile's cells of one padded row.
#[inline(always)]
fn rain_row(p: &Pass<'_>, id: usize, t: &Tile, row: usize, out: &mut Row) {
    let w = t.width();
    if !p.now.raining {
        out[..w].fill(0.0);
    } else if let Some(class) = p.forcing.rain_uniform[id] {
        out[..w].fill(p.now.rain_m[class as usize]);
    } else {
        let at = (row - PAD) * p.fields.layout.grid.nx + t.c0 - PAD;
        for (o, class) in out.iter_mut().zip(&p.forcing.rain_class[at..at + w]) {
            *o = p.now.rain_m[*class as usize];
        }
    }
}

/// A tile without moving water only collects rain.
fn rain_only(p: &Pass<'_>, id: usize, t: &Tile, b: &mut Band<'_>) {
    let (w, stride) = (t.width(), p.fields.layout.stride);
    let mut rain: Row = [0.0; BUF];
    for j in t.r0..t.r1 {
        rain_row(p, id, t, j, &mut rain);
        let from = j * stride + t.c0;
        let to = (j - b.target.first_row) * stride + t.c0;
        let now = &p.fields.h[from..from + w];
        for ((out, h), r) in b.target.h[to..to + w].iter_mut().zip(now).zip(&rain) {
            *out = h + r;
        }
        b.target.u[to..to + w].fill(0.0);
        b.target.v[to..to + w].fill(0.0);
    }
}

fn copy_tile(p: &Pass<'_>, t: &Tile, out: &mut Target<'_>) {
    let (w, stride) = (t.width(), p.fields.layout.stride);
    for j in t.r0..t.r1 {
        let from = j * stride + t.c0;
        let to = (j - out.first_row) * stride + t.c0;
        out.h[to..to + w].copy_from_slice(&p.fields.h[from..from + w]);
        out.u[to..to + w].copy_from_slice(&p.fields.u[from..from + w]);
        out.v[to..to + w].copy_from_slice(&p.fields.v[from..from + w]);
    }
}

/// Discharges (momentum kept, so velocity is diluted), then imposed levels (velocity kept).
fn apply_sources(p: &Pass<'_>, id: usize, bed: &[f64], out: &mut Target<'_>, sums: &mut BandSums) {
    let base = out.first_row * p.fields.layout.stride;
    let mut touch = |at: usize, h_new: f64, keep: f64| {
        let k = at - base;
        let before = out.h[k];
        out.h[k] = h_new;
        let still = h_new <= p.k.dry;
        out.u[k] = if still { 0.0 } else { out.u[k] * keep };
        out.v[k] = if still { 0.0 } else { out.v[k] * keep };
        let speed = max(out.u[k].abs(), out.v[k].abs()) + (p.k.g * h_new).sqrt();
        sums.tiles.speed = max_or_nan(sums.tiles.speed, speed);
        (before, h_new - before)
    };
    for s in &p.forcing.inflows[id] {
        let depth = p.now.inflow_m[s.series];
        let before = touch(s.at, 0.0, 1.0).0;
        let after = max(0.0, before + depth);
        let keep = if depth > 0.0 && after > 0.0 { before / after } else { 1.0 };
        touch(s.at, after, keep);
        sums.point_in += max(0.0, after - before);
        sums.point_out += max(0.0, before - after);
    }
    for s in &p.forcing.stages[id] {
        let (_, added) = touch(s.at, max(0.0, p.now.level_m[s.series] - bed[s.at]), 1.0);
        sums.stage_in += max(0.0, added);
        sums.stage_out += max(0.0, -added);
    }
}

/// The next state's rasters, cut in bands of tile rows that can be written at once.
pub(crate) struct Bands<'a> {
    pub stride: usize,
    pub nx: usize,
    pub tiles_x: usize,
    pub h: &'a mut [f64],
    pub u: &'a mut [f64],
    pub v: &'a mut [f64],
    pub max_depth: &'a mut [f32],
    pub max_hazard: &'a mut [f32],
    pub first_wet: &'a mut [f32],
    pub wet: &'a mut [u8],
    pub settled: &'a mut [bool],
}

impl Bands<'_> {
    /// Runs `step` on every band, on several threads with feature `parallel`; results in band order.
    pub(crate) fn run(self, step: impl Fn(usize, Band<'_>) -> BandSums + Sync) -> Vec<BandSums> {
        let (cut, cells) = (self.stride * TILE_H, self.nx * TILE_H);
        let bands = self
            .h
            .chunks_mut(cut)
            .zip(self.u.chunks_mut(cut).zip(self.v.chunks_mut(cut)))
            .zip(self.max_depth.chunks_mut(cells).zip(self.max_hazard.chunks_mut(cells)))
            .zip(self.first_wet.chunks_mut(cells).zip(self.wet.chunks_mut(self.tiles_x)))
            .zip(self.settled.chunks_mut(self.tiles_x))
            .enumerate()
            .map(|(ty, ((((h, (u, v)), (max_depth, max_hazard)), (first_wet, wet)), settled))| {
                let target = Target { first_row: PAD + ty * TILE_H, h, u, v };
                (ty, Band { target, max_depth, max_hazard, first_wet, wet, settled })
            });
        #[cfg(feature = "parallel")]
        {
            use rayon::prelude::*;
            let bands: Vec<_> = bands.collect();
            bands.into_par_iter().map(|(ty, band)| step(ty, band)).collect()
        }
        #[cfg(not(feature = "parallel"))]
        bands.map(|(ty, band)| step(ty, band)).collect()
    }
}
