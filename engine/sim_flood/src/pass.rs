//! The tiles of one step: which are computed, rained on or skipped, sources, tracked extremes.

use crate::Real;
use crate::plan::{FloodForcing, Source, StepForcing};
use crate::rows::{BUF, Row, Step, TILE_W, WIDE, max, max_or_nan};
use crate::soil::Law;
use crate::state::{Layout, PAD};
use crate::tile::{
    Fields, Rim, SameStep, Scratch, TILE_H, Target, Tile, TileSums, Water, any_deeper, step_tile, track, wet,
};

/// Sums of one step over one or more tiles.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PassSums {
    pub tiles: TileSums,
    pub stage_in: f64,
    pub stage_out: f64,
    pub point_in: f64,
    pub point_out: f64,
    /// Depth taken in by the ground, metres, summed over cells.
    pub infiltrated: f64,
    /// Rain, metres, summed over cells; only with local steps, otherwise it is booked as a whole.
    pub rain: f64,
    pub stepped: u64,
}

impl PassSums {
    pub(crate) fn add(&mut self, o: &Self) {
        self.tiles.speed = max_or_nan(self.tiles.speed, o.tiles.speed);
        self.tiles.lost += o.tiles.lost;
        self.tiles.edge_in += o.tiles.edge_in;
        self.tiles.edge_out += o.tiles.edge_out;
        self.stage_in += o.stage_in;
        self.stage_out += o.stage_out;
        self.point_in += o.point_in;
        self.point_out += o.point_out;
        self.infiltrated += o.infiltrated;
        self.rain += o.rain;
        self.stepped += o.stepped;
    }
}

/// One tile of the state being written, with what is tracked of its cells.
pub(crate) struct Job<'a, R> {
    pub id: usize,
    pub tile: Tile,
    pub target: Target<'a, R>,
    pub max_depth: &'a mut [f32],
    pub max_hazard: &'a mut [f32],
    pub first_wet: &'a mut [f32],
    /// Empty while all ground is sealed.
    pub soil_used: &'a mut [R],
    pub wet: &'a mut u8,
    pub settled: &'a mut bool,
}

/// What every tile of a step reads.
pub(crate) struct Pass<'a, R, W> {
    pub fields: Fields<'a, R, W>,
    pub forcing: &'a FloodForcing,
    pub now: &'a StepForcing<R>,
    pub active: &'a [bool],
    pub k: Step<R>,
    pub t1_s: f64,
    pub wet_depth: R,
    /// Extremes are tracked in this step.
    pub track: bool,
    /// Laws of the ground over the time since it last took in water; empty in a step without.
    pub soil: &'a [Law<R>],
    /// Per tile: a crest on or near it.
    pub walled: &'a [bool],
    /// Some cell has friction.
    pub rough: bool,
    pub arch: pulp::Arch,
}

impl<R: Real, W: Water<R> + Sync> Pass<'_, R, W> {
    /// Steps one tile.
    pub(crate) fn step(&self, scratch: &mut Scratch<R>, mut job: Job<'_, R>) -> PassSums {
        let mut sums = PassSums::default();
        let soaks = !self.soil.is_empty() && self.forcing.pervious[job.id];
        if self.active[job.id] {
            self.step_active(scratch, &mut job, &mut sums);
            *job.settled = false;
        } else if self.now.raining {
            rain_only(self, &mut job);
            *job.settled = false;
        } else {
            if !*job.settled {
                copy_tile(self, &mut job);
                *job.settled = true;
            }
            if !soaks {
                return sums;
            }
        }
        if soaks {
            sums.infiltrated = infiltrate(self, &mut job);
            *job.settled &= sums.infiltrated == 0.0;
        }
        self.note(&mut job);
        sums
    }

    /// Tracks extremes of a tile that has come to the end of its step, and notes where it is wet.
    pub(crate) fn note(&self, job: &mut Job<'_, R>) {
        let flags = self.arch.dispatch(TrackOp { p: self, job });
        *job.wet = flags;
    }

    fn step_active(&self, scratch: &mut Scratch<R>, job: &mut Job<'_, R>, sums: &mut PassSums) {
        let (p, tile, out, rim) = (self, &job.tile, &mut job.target, &mut SameStep);
        let porous = self.fields.porous.is_some_and(|p| p.near[job.id]);
        sums.tiles = match (self.walled[job.id], self.rough) {
            _ if porous => self.arch.dispatch(StepOp::<R, W, _, true, true, true> { p, tile, scratch, rim, out }),
            (false, false) => self.arch.dispatch(StepOp::<R, W, _, false, false, false> { p, tile, scratch, rim, out }),
            (false, true) => self.arch.dispatch(StepOp::<R, W, _, false, true, false> { p, tile, scratch, rim, out }),
            (true, false) => self.arch.dispatch(StepOp::<R, W, _, true, false, false> { p, tile, scratch, rim, out }),
            (true, true) => self.arch.dispatch(StepOp::<R, W, _, true, true, false> { p, tile, scratch, rim, out }),
        };
        self.finish_active(job, sums);
    }

    /// The same, with `rim` at the tile's edges. A bed without friction is one with the roughness 0: the same bits, and half
    /// the machine code.
    pub(crate) fn step_active_with<B: Rim<R>>(
        &self,
        scratch: &mut Scratch<R>,
        job: &mut Job<'_, R>,
        rim: &mut B,
        sums: &mut PassSums,
    ) {
        let (p, tile, out) = (self, &job.tile, &mut job.target);
        sums.tiles = if self.walled[job.id] {
            self.arch.dispatch(StepOp::<R, W, B, true, true, false> { p, tile, scratch, rim, out })
        } else {
            self.arch.dispatch(StepOp::<R, W, B, false, true, false> { p, tile, scratch, rim, out })
        };
        self.finish_active(job, sums);
    }

    fn finish_active(&self, job: &mut Job<'_, R>, sums: &mut PassSums) {
        sums.stepped = (job.tile.width * (job.tile.r1 - job.tile.r0)) as u64;
        apply_sources(self, job.id, &mut job.target, sums);
    }
}

/// [`step_tile`] for the instruction set of the machine. (A closure would not be inlined into it.)
struct StepOp<'a, 'b, R, W, B, const CREST: bool, const FRICTION: bool, const POROUS: bool> {
    p: &'a Pass<'a, R, W>,
    tile: &'a Tile,
    scratch: &'a mut Scratch<R>,
    rim: &'a mut B,
    out: &'a mut Target<'b, R>,
}

impl<R: Real, W: Water<R>, B: Rim<R>, const CREST: bool, const FRICTION: bool, const POROUS: bool> pulp::WithSimd
    for StepOp<'_, '_, R, W, B, CREST, FRICTION, POROUS>
{
    type Output = TileSums;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> TileSums {
        let rain = |row: usize, out: &mut Row<R>| rain_row(self.p, self.tile.id, self.tile, row, out);
        let (f, k) = (&self.p.fields, &self.p.k);
        step_tile::<R, W, CREST, FRICTION, POROUS>(f, self.tile, k, self.scratch, rain, self.rim, self.out)
    }
}

/// [`track_tile`] for the instruction set of the machine.
struct TrackOp<'a, 'b, R, W> {
    p: &'a Pass<'a, R, W>,
    job: &'a mut Job<'b, R>,
}

impl<R: Real, W> pulp::WithSimd for TrackOp<'_, '_, R, W> {
    type Output = u8;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> u8 {
        track_tile(self.p, self.job)
    }
}

/// Which parts of a tile are wet, given its rows and whether any cell is.
pub(crate) fn wet_flags<'a, R: Real>(any: bool, rows: usize, row: impl Fn(usize) -> &'a [R], dry: R) -> u8 {
    if !any {
        return 0;
    }
    let some = |cells: &[R]| cells.iter().any(|h| *h > dry);
    let ends = |end: fn(&[R]) -> Option<&R>| (0..rows).any(|j| end(row(j)).is_some_and(|h| *h > dry));
    let flag = |there: bool, flag: u8| if there { flag } else { 0 };
    wet::ANY
        | flag(ends(<[R]>::first), wet::WEST)
        | flag(ends(<[R]>::last), wet::EAST)
        | flag(some(row(0)), wet::SOUTH)
        | flag(some(row(rows - 1)), wet::NORTH)
}

/// Extremes of a tile, in one piece: what lies beyond its cells is dry.
#[inline(always)]
fn track_tile<R: Real, W>(p: &Pass<'_, R, W>, job: &mut Job<'_, R>) -> u8 {
    let (t, out) = (job.tile, &job.target);
    let (rows, dry) = (t.r1 - t.r0, p.k.dry);
    let (depth, hazard, first) = (&mut *job.max_depth, &mut *job.max_hazard, &mut *job.first_wet);
    let n = rows * WIDE;
    let any = if p.track {
        track(n, p.t1_s as f32, dry, p.wet_depth, out.h, out.u, out.v, depth, hazard, first)
    } else {
        any_deeper(&out.h[..n], dry)
    };
    let row = |j: usize| &out.h[j * WIDE..j * WIDE + t.width];
    wet_flags(any, rows, row, dry)
}

/// Rain depth of a tile's cells of one row of the field.
#[inline(always)]
fn rain_row<R: Real, W>(p: &Pass<'_, R, W>, id: usize, t: &Tile, row: usize, out: &mut Row<R>) {
    if !p.now.raining {
        out[..t.width].fill(R::ZERO);
    } else if let Some(class) = p.forcing.rain_uniform[id] {
        out[..t.width].fill(p.now.rain_m[class as usize]);
    } else {
        let at = (t.strip * p.fields.layout.grid.ny + row - PAD) * WIDE;
        for (o, class) in out.iter_mut().zip(&p.forcing.rain_class[at..at + t.width]) {
            *o = p.now.rain_m[*class as usize];
        }
    }
}

/// A tile without moving water only collects rain.
pub(crate) fn rain_only<R: Real, W: Water<R>>(p: &Pass<'_, R, W>, job: &mut Job<'_, R>) {
    let (t, out) = (job.tile, &mut job.target);
    let mut rain: Row<R> = [R::ZERO; BUF];
    for j in t.r0..t.r1 {
        rain_row(p, job.id, &t, j, &mut rain);
        let at = (j - t.r0) * WIDE..(j - t.r0) * WIDE + t.width;
        if let Some(inv) = p.fields.inv_row(&t, j) {
            rain.iter_mut().zip(inv).for_each(|(r, inv)| *r *= *inv);
        }
        let [now, _, _] = p.fields.water.own_row(&p.fields.layout, &t, j);
        let carry = &mut out.carry[at.clone()];
        for (((out, h), r), c) in out.h[at.clone()].iter_mut().zip(now).zip(&rain).zip(carry) {
            // As in `rows::update`.
            let change = *r - *c;
            *out = *h + change;
            *c = (*out - *h) - change;
        }
        out.u[at.clone()].fill(R::ZERO);
        out.v[at].fill(R::ZERO);
    }
}

pub(crate) fn copy_tile<R: Real, W: Water<R>>(p: &Pass<'_, R, W>, job: &mut Job<'_, R>) {
    let (t, out) = (job.tile, &mut job.target);
    for j in t.r0..t.r1 {
        let at = (j - t.r0) * WIDE..(j - t.r0) * WIDE + t.width;
        let [h, u, v] = p.fields.water.own_row(&p.fields.layout, &t, j);
        out.h[at.clone()].copy_from_slice(&h[..t.width]);
        out.u[at.clone()].copy_from_slice(&u[..t.width]);
        out.v[at].copy_from_slice(&v[..t.width]);
    }
}

/// What the ground of a tile takes in. Velocities stay: the water takes its momentum along. Returns the depth, summed over cells.
pub(crate) fn infiltrate<R: Real, W>(p: &Pass<'_, R, W>, job: &mut Job<'_, R>) -> f64 {
    let (t, out) = (job.tile, &mut job.target);
    let mut sum = 0.0;
    for j in t.r0..t.r1 {
        let kinds = (t.strip * p.fields.layout.grid.ny + j - PAD) * WIDE;
        for i in 0..t.width {
            let at = (j - t.r0) * WIDE + i;
            let (h, carry) = (out.h[at], out.carry[at]);
            if h <= R::ZERO {
                continue;
            }
            let free = p.fields.free(((j - PAD) * p.fields.layout.grid.nx) + t.strip * TILE_W + i);
            let law = &p.soil[usize::from(p.forcing.soil_kind[kinds + i])];
            let taken = law.take(h - carry, &mut job.soil_used[at]);
            if taken <= R::ZERO {
                continue;
            }
            let before = h.to_f64() - carry.to_f64();
            // As in `rows::update`; the last drop goes whole.
            let change = -(taken + carry);
            let after = if taken < h - carry { h + change } else { R::ZERO };
            out.carry[at] = if after > R::ZERO { (after - h) - change } else { R::ZERO };
            out.h[at] = if after > R::ZERO { after } else { R::ZERO };
            if out.h[at] <= p.k.dry {
                (out.u[at], out.v[at]) = (R::ZERO, R::ZERO);
            }
            sum += free * (before - (out.h[at].to_f64() - out.carry[at].to_f64()));
        }
    }
    sum
}

/// Discharges (momentum kept, so velocity is diluted), then imposed levels (velocity kept).
fn apply_sources<R: Real, W>(p: &Pass<'_, R, W>, id: usize, out: &mut Target<'_, R>, sums: &mut PassSums) {
    for s in &p.forcing.inflows[id] {
        let before = depth_m(s, out);
        let free = p.fields.free(s.cell);
        let depth = p.now.inflow_m[s.series] / free;
        let after = max(0.0, before + depth);
        let keep = if depth > 0.0 && after > 0.0 { before / after } else { 1.0 };
        let added = set_depth(p, s, out, after, R::of(keep), &mut sums.tiles);
        push(p, s, out, depth, after, &mut sums.tiles);
        sums.point_in += free * max(0.0, added);
        sums.point_out += free * max(0.0, -added);
    }
    for s in &p.forcing.stages[id] {
        let level = p.now.level_m[s.series] - s.bed_m;
        let added = set_depth(p, s, out, max(0.0, level), R::ONE, &mut sums.tiles);
        let free = p.fields.free(s.cell);
        sums.stage_in += free * max(0.0, added);
        sums.stage_out += free * max(0.0, -added);
    }
}

/// Momentum that a directed inflow brings: its discharge over the cell's width, at most at the critical velocity.
fn push<R: Real, W>(
    p: &Pass<'_, R, W>,
    s: &Source,
    out: &mut Target<'_, R>,
    depth: f64,
    after: f64,
    sums: &mut TileSums,
) {
    let q = p.now.inflow_q[s.series];
    if depth <= 0.0 || after <= p.k.dry.to_f64() || q == [0.0; 2] {
        return;
    }
    let critical = (p.k.g.to_f64() * after).sqrt();
    let wanted = libm::hypot(q[0], q[1]) / after;
    let share = depth / after * if wanted > critical { critical / wanted } else { 1.0 };
    out.u[s.at] += R::of(share * q[0] / after);
    out.v[s.at] += R::of(share * q[1] / after);
    note_speed(p, s, out, sums);
}

fn note_speed<R: Real, W>(p: &Pass<'_, R, W>, s: &Source, out: &Target<'_, R>, sums: &mut TileSums) {
    let speed = max(out.u[s.at].abs(), out.v[s.at].abs()) + (p.k.g * out.h[s.at]).sqrt();
    sums.speed = max_or_nan(sums.speed, speed.to_f64());
}

/// Depth of a source cell without what rounding added, metres.
fn depth_m<R: Real>(s: &Source, out: &Target<'_, R>) -> f64 {
    out.h[s.at].to_f64() - out.carry[s.at].to_f64()
}

/// Sets the depth of a source cell and scales its velocity by `keep`. Returns the depth added, metres.
fn set_depth<R: Real, W>(
    p: &Pass<'_, R, W>,
    s: &Source,
    out: &mut Target<'_, R>,
    depth: f64,
    keep: R,
    sums: &mut TileSums,
) -> f64 {
    let before = depth_m(s, out);
    let h = R::of(depth);
    out.h[s.at] = h;
    out.carry[s.at] = R::of(h.to_f64() - depth);
    let keep = if h <= p.k.dry { R::ZERO } else { keep };
    out.u[s.at] *= keep;
    out.v[s.at] *= keep;
    note_speed(p, s, out, sums);
    depth_m(s, out) - before
}

/// The next state's rasters, cut in tiles that can be written at once.
pub(crate) struct Rasters<'a, R> {
    pub layout: Layout,
    pub h: &'a mut [R],
    pub u: &'a mut [R],
    pub v: &'a mut [R],
    pub carry: &'a mut [R],
    pub max_depth: &'a mut [f32],
    pub max_hazard: &'a mut [f32],
    pub first_wet: &'a mut [f32],
    pub soil_used: &'a mut [R],
    pub wet: &'a mut [u8],
    pub settled: &'a mut [bool],
}

impl<R: Real> Rasters<'_, R> {
    /// Runs `step` on every tile, on several threads with feature `parallel`; results in a fixed order.
    pub(crate) fn run(mut self, step: impl Fn(&mut Scratch<R>, Job<'_, R>) -> PassSums + Send + Sync) -> Vec<PassSums> {
        let jobs = self.jobs();
        #[cfg(feature = "parallel")]
        {
            use rayon::prelude::*;
            jobs.into_par_iter().map_init(Scratch::default, |scratch, job| step(scratch, job)).collect()
        }
        #[cfg(not(feature = "parallel"))]
        {
            let mut scratch = Scratch::default();
            jobs.into_iter().map(|job| step(&mut scratch, job)).collect()
        }
    }

    fn jobs(&mut self) -> Vec<Job<'_, R>> {
        let layout = self.layout;
        let mut flags: Vec<_> = self.wet.iter_mut().zip(self.settled.iter_mut()).map(Some).collect();
        let mut jobs = Vec::with_capacity(flags.len());
        let fields = field_tiles(&layout, self.h).zip(field_tiles(&layout, self.u).zip(field_tiles(&layout, self.v)));
        let tracks = track_tiles(&layout, self.max_depth)
            .zip(track_tiles(&layout, self.max_hazard).zip(track_tiles(&layout, self.first_wet)));
        let carries = track_tiles(&layout, self.carry);
        let mut soils = track_tiles(&layout, self.soil_used);
        for (k, (((h, (u, v)), (max_depth, (max_hazard, first_wet))), carry)) in
            fields.zip(tracks).zip(carries).enumerate()
        {
            // Tiles come strip by strip; their flags lie row by row.
            let (tx, ty) = (k / layout.tiles_y, k % layout.tiles_y);
            let id = ty * layout.tiles_x + tx;
            let soil_used = soils.next().unwrap_or_default();
            let Some((wet, settled)) = flags.get_mut(id).and_then(Option::take) else { continue };
            let target = Target { h, u, v, carry };
            let tile = Tile::new(&layout, tx, ty);
            jobs.push(Job { id, tile, target, max_depth, max_hazard, first_wet, soil_used, wet, settled });
        }
        jobs.sort_unstable_by_key(|job| job.id);
        jobs
    }
}

pub(crate) fn field_tiles<'a, T>(
    layout: &Layout,
    field: &'a mut [T],
) -> impl Iterator<Item = &'a mut [T]> + use<'a, T> {
    let inner = PAD * WIDE..(PAD + layout.grid.ny) * WIDE;
    field.chunks_mut(layout.rows * WIDE).flat_map(move |strip| strip[inner.clone()].chunks_mut(TILE_H * WIDE))
}

pub(crate) fn track_tiles<'a, T>(
    layout: &Layout,
    track: &'a mut [T],
) -> impl Iterator<Item = &'a mut [T]> + use<'a, T> {
    track.chunks_mut(layout.grid.ny * WIDE).flat_map(|strip| strip.chunks_mut(TILE_H * WIDE))
}
