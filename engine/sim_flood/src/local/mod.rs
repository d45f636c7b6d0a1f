//! Local time steps: every tile takes steps its own waves allow.
//!
//! A common step is cut into powers of two. A tile that begins a step sees all tiles at its time: those that begin one as they
//! are, those in the midst of a longer one in between. What unlike tiles exchange is settled in [`edges`]. All tiles meet at
//! the end of the common step; only then is a run saved, changed or read, so nothing of this needs to be kept.

mod clocks;
mod edges;
mod tiles;
mod waves;

use clocks::{Clock, Common, Demands, TICKS, begin, beside, limit_s};
use edges::{Edges, Role, Seam, correct};
use tiles::{Cut, Mosaic, Slot, Work, cut, facing, slots};
pub(crate) use waves::TileWaves;
use waves::WavesOp;

use crate::faces::LawsNow;
use crate::kernel::TRACK_EVERY;
use crate::pass::{Job, Pass, PassSums, copy_tile, infiltrate, rain_only};
use crate::plan::StepForcing;
use crate::rows::{BUF, Step, WIDE, max_or_nan};
use crate::soil::Law;
use crate::state::FloodStateOf;
use crate::tile::{C0, Fields, Scratch, Tile, wet};
use crate::{FloodForcing, FloodKernelOf, FloodParams, Real, links};

/// Time between two steps of infiltration, seconds (of common steps, whichever is longer).
const SOIL_EVERY_S: f64 = 1.0;

/// What a common step did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    pub dt_s: f64,
    pub shortest_s: f64,
    pub longest_s: f64,
    pub cells: u64,
}

/// A common step on its way.
struct Advance<'a, R> {
    kernel: &'a FloodKernelOf<R>,
    params: &'a FloodParams,
    forcing: &'a FloodForcing,
    common: Common,
    t0_s: f64,
    /// Common steps before this one.
    count: u64,
    /// The caller looks at the state after this step.
    last: bool,
    demands: Demands,
    soil: Vec<Law<R>>,
    clocks: Vec<Clock>,
    /// Waves of every tile: now, or at the end of the step it is in.
    waves: Vec<TileWaves>,
    /// Waves and wet parts of tiles at the beginning of the step they are in.
    before: Vec<(TileWaves, u8)>,
    active: Vec<bool>,
    total: PassSums,
}

/// The common step that the state allows, with `left_s` seconds left to the time the caller asks for.
pub(crate) fn plan<R: Real>(
    kernel: &FloodKernelOf<R>,
    params: &FloodParams,
    forcing: &FloodForcing,
    state: &FloodStateOf<R>,
    max_levels: u8,
    left_s: f64,
) -> Common {
    let waves = waves_of(kernel, params, state);
    let column_s = kernel.column_dt_s(params, forcing, state.t_s);
    let limits: Vec<f64> = (0..waves.len())
        .map(|id| {
            let dt = limit_s(&state.layout, kernel.reach_m(params), params.max_dt_s, id, |n| waves[n]);
            if forcing.inflows[id].is_empty() || dt.is_nan() { dt } else { dt.min(column_s) }
        })
        .collect();
    let active = kernel.active(&state.wet, forcing);
    Common::plan(max_levels, params.cfl, &limits, &active, params.max_dt_s).fitted(left_s, &limits, &active)
}

/// Waves of all tiles; those not known are worked out.
fn waves_of<R: Real>(kernel: &FloodKernelOf<R>, params: &FloodParams, state: &FloodStateOf<R>) -> Vec<TileWaves> {
    let layout = state.layout;
    let missing = |t: Tile| {
        let at = (t.strip * layout.rows + t.r0) * WIDE..(t.strip * layout.rows + t.r1) * WIDE;
        let water = [&state.h, &state.u, &state.v].map(|field| &field[at.clone()]);
        kernel.arch.dispatch(WavesOp { g: R::of(params.gravity_mps2), tile: &t, water })
    };
    kernel.tiles().zip(&state.waves).map(|(t, known)| known.unwrap_or_else(|| missing(t))).collect()
}

/// Takes one common step on the way to a time `left_s` seconds ahead.
pub(crate) fn advance<R: Real>(
    kernel: &FloodKernelOf<R>,
    params: &FloodParams,
    forcing: &FloodForcing,
    state: &mut FloodStateOf<R>,
    max_levels: u8,
    left_s: f64,
    last: bool,
) -> Done {
    let waves = waves_of(kernel, params, state);
    state.waves = waves.iter().copied().map(Some).collect();
    let common = plan(kernel, params, forcing, state, max_levels, left_s);
    let tiles = waves.len();
    let soil_due = last || state.soil_wait_s + common.dt_s >= SOIL_EVERY_S;
    let mut step = Advance {
        kernel,
        params,
        forcing,
        common,
        t0_s: state.t_s,
        count: state.tick,
        last,
        demands: demands(kernel, forcing),
        soil: kernel.soil_laws(forcing, state, common.dt_s, soil_due),
        clocks: vec![Clock::default(); tiles],
        before: waves.iter().zip(&state.wet).map(|(w, wet)| (*w, *wet)).collect(),
        waves,
        active: vec![false; tiles],
        total: PassSums::default(),
    };
    let (mut shortest, mut longest) = (f64::INFINITY, 0.0_f64);
    let mut edges = vec![Edges::default(); tiles];
    let mut tick = 0;
    while tick < TICKS {
        let mut parts = slots(state, &mut edges);
        loop {
            step.begin(tick, &mut parts);
            let lengths = step.clocks.iter().zip(&step.active).filter(|(_, active)| **active).map(|(c, _)| c.len);
            for len in lengths {
                let dt = step.common.seconds(len);
                (shortest, longest) = (shortest.min(dt), longest.max(dt));
            }
            tick = step.clocks.iter().map(Clock::end).min().unwrap_or(TICKS);
            step.end(tick, &mut parts);
            let linked = (0..tiles).any(|id| step.demands.pinned[id] && step.clocks[id].end() == tick);
            if linked || tick == TICKS {
                step.lay_down(tick, &mut parts);
                break;
            }
        }
        drop(parts);
        step.settle(tick, state);
    }
    step.book(state);
    Done { dt_s: common.dt_s, shortest_s: shortest.min(common.dt_s), longest_s: longest, cells: step.total.stepped }
}

/// Tiles with demands of their own.
fn demands<R: Real>(kernel: &FloodKernelOf<R>, forcing: &FloodForcing) -> Demands {
    let layout = kernel.layout();
    let tiles = layout.tiles_x * layout.tiles_y;
    let structures = kernel.structures();
    let mut pinned = vec![false; tiles];
    let mut pin = |cell: u32| pinned[layout.tile_of(cell as usize)] = true;
    structures.culverts.iter().flat_map(|c| c.ends).for_each(&mut pin);
    structures.pumps.iter().flat_map(|p| [Some(p.from), p.to]).flatten().for_each(&mut pin);
    for o in &structures.outlets {
        let edge = links::edge_of(&layout.grid, o);
        let inside = |c: &&u32| edge.is_none_or(|e| e.face(&layout.grid, **c).is_none());
        o.cells.iter().filter(inside).for_each(|c| pin(*c));
    }
    Demands { pinned, sources: (0..tiles).map(|id| forcing.has_source(id)).collect() }
}

impl<R: Real> Advance<'_, R> {
    /// Tiles whose last step is over begin a new one: first those with the longest, last those with the shortest.
    fn begin(&mut self, tick: u32, parts: &mut [Slot<'_, R>]) {
        let due: Vec<usize> = (0..parts.len()).filter(|id| self.clocks[*id].end() == tick).collect();
        let layout = self.kernel.layout();
        let waiting = |id: usize| self.clocks[id].end() > tick;
        let waves = |id: usize| {
            let (now, then) = (self.waves[id], self.before[id].0);
            let both = |a: f64, b: f64| if waiting(id) { max_or_nan(a, b) } else { a };
            TileWaves { all: both(now.all, then.all), edge: std::array::from_fn(|e| both(now.edge[e], then.edge[e])) }
        };
        let reach_m = self.kernel.reach_m(self.params);
        let column_s = self.kernel.column_dt_s(self.params, self.forcing, self.t0_s + self.common.seconds(tick));
        let mut limits = vec![0.0; parts.len()];
        for &id in &due {
            let dt = limit_s(&layout, reach_m, self.params.max_dt_s, id, waves);
            limits[id] = if self.forcing.inflows[id].is_empty() { dt } else { dt.min(column_s) };
        }
        let wet = |id: usize| *parts[id].wet | if waiting(id) { self.before[id].1 } else { 0 };
        let facing = [wet::EAST, wet::WEST, wet::NORTH, wet::SOUTH];
        let active: Vec<bool> = due
            .iter()
            .map(|&id| {
                *parts[id].wet & wet::ANY != 0
                    || self.demands.sources[id]
                    || beside(&layout, id).into_iter().zip(facing).any(|(n, f)| n.is_some_and(|n| wet(n) & f != 0))
            })
            .collect();
        for (id, active) in due.iter().zip(active) {
            self.active[*id] = active;
            self.before[*id] = (self.waves[*id], *parts[*id].wet);
        }
        begin(&layout, &self.common, &self.demands, tick, &due, &limits, &mut self.clocks);
        for &id in &due {
            self.meet(tick, id, &mut parts[id]);
        }
        let mut lengths: Vec<u32> = due.iter().map(|id| self.clocks[*id].len).collect();
        lengths.sort_unstable();
        lengths.dedup();
        for len in lengths.into_iter().rev() {
            self.pass(tick, tick, len, parts, true);
        }
    }

    /// Compares a tile's new step with those of its neighbours.
    fn meet(&self, tick: u32, id: usize, slot: &mut Slot<'_, R>) {
        let own = self.clocks[id].len;
        let tile = slot.tile();
        let (width, rows) = (tile.width, tile.r1 - tile.r0);
        for (e, n) in beside(&self.kernel.layout(), id).into_iter().enumerate() {
            let role = match n.map(|n| self.clocks[n]) {
                Some(c) if c.len > own => Role::Fine { fresh: c.start == tick },
                Some(c) if c.len < own => Role::Coarse,
                _ => Role::Same,
            };
            slot.edges[e].begin(role, if e < 2 { rows } else { width });
        }
    }

    /// Tiles whose step ends at `tick` take what finer neighbours found, and become what they are at its end.
    fn end(&mut self, tick: u32, parts: &mut [Slot<'_, R>]) {
        let ends = |c: &Clock| c.end() == tick;
        let mut lengths: Vec<u32> = self.clocks.iter().filter(|c| ends(c)).map(|c| c.len).collect();
        lengths.sort_unstable();
        lengths.dedup();
        for len in lengths {
            self.pass(tick, tick - len, len, parts, false);
        }
        for clock in self.clocks.iter_mut().filter(|c| ends(c)) {
            clock.flipped = !clock.flipped;
        }
    }

    /// Works on all tiles with a step of `len` ticks from `start`: computes it (`first`), or completes it where that had
    /// to wait for finer neighbours.
    fn pass(&mut self, tick: u32, start: u32, len: u32, parts: &mut [Slot<'_, R>], first: bool) {
        let kernel = self.kernel;
        let layout = kernel.layout();
        let mine = |id: usize, parts: &[Slot<'_, R>]| {
            let c = &self.clocks[id];
            let coarse = || parts[id].edges.iter().any(|e| e.role == Role::Coarse);
            c.start == start && c.len == len && (first || coarse())
        };
        let chosen: Vec<bool> = (0..parts.len()).map(|id| mine(id, parts)).collect();
        if !chosen.contains(&true) {
            return;
        }
        let (t0_s, t1_s) = (self.t0_s + self.common.seconds(start), self.t0_s + self.common.seconds(start + len));
        let dt = self.common.seconds(len);
        let now = if first { self.forcing.at_step(kernel, t0_s, t1_s) } else { StepForcing::default() };
        let laws = self.laws(t1_s, first, parts);
        let Cut { views, edges, work } = cut(parts, &self.clocks, tick, |id| chosen[id]);
        let at_end = start + len == TICKS;
        let pass = Pass {
            fields: Fields {
                porous: None,
                layout,
                water: Mosaic { views: &views },
                bed: &kernel.bed,
                n2: &kernel.n2,
                crest_w: &kernel.crests[0],
                crest_s: &kernel.crests[1],
                laws: &laws,
                open_edges: kernel.open_edges,
            },
            forcing: self.forcing,
            now: &now,
            active: &self.active,
            k: Step::new(self.params, dt, layout.grid.dx_m),
            t1_s,
            wet_depth: R::of(self.params.wet_depth_m),
            track: self.tracks(start + len, len),
            soil: if at_end { &self.soil } else { &[] },
            walled: &kernel.walled,
            rough: kernel.rough,
            arch: kernel.arch,
        };
        let one = |scratch: &mut Scratch<R>, work: Work<'_, R>| {
            let id = work.job.id;
            let facing = facing(&edges, &layout, id);
            let done = if first { compute(&pass, scratch, work, facing) } else { complete(&pass, work, facing) };
            (id, done)
        };
        for (id, (sums, waves)) in run(work, one) {
            self.waves[id] = waves;
            self.total.add(&sums);
        }
    }

    /// Laws of faces at the end of a step; outlets by the depths there are.
    fn laws<'b>(&'b self, t1_s: f64, needed: bool, parts: &[Slot<'_, R>]) -> LawsNow<'b> {
        let layout = self.kernel.layout();
        let depth_m = |cell: u32| {
            let id = layout.tile_of(cell as usize);
            parts[id].depth_m(&self.clocks[id], layout.in_tile(cell as usize))
        };
        let outlets = if needed { &self.kernel.structures().outlets[..] } else { &[] };
        let flows: Vec<_> = outlets.iter().map(|o| links::outlet_flows(self.kernel, o, depth_m)).collect();
        if needed { self.kernel.laws.at_time(t1_s, &flows, layout.grid.dx_m) } else { self.kernel.laws.none() }
    }

    /// Extremes are tracked in every [`TRACK_EVERY`]th step of a tile, and in the last.
    fn tracks(&self, end: u32, len: u32) -> bool {
        let every = u128::from(TRACK_EVERY) * u128::from(len);
        let at = u128::from(self.count) * u128::from(TICKS) + u128::from(end);
        at.is_multiple_of(every) || self.last && end == TICKS
    }

    /// Puts tiles that links reach into the first buffers; at the end of the common step all tiles into the same ones.
    fn lay_down(&mut self, tick: u32, parts: &mut [Slot<'_, R>]) {
        let flipped = self.clocks.iter().filter(|c| c.flipped).count();
        let second = tick == TICKS && 2 * flipped > self.clocks.len();
        for (id, slot) in parts.iter_mut().enumerate() {
            let clock = &mut self.clocks[id];
            let wanted = tick == TICKS || self.demands.pinned[id] && clock.end() == tick;
            if wanted && clock.flipped != second {
                if !*slot.settled {
                    slot.copy_over(clock);
                }
                clock.flipped = second;
            }
        }
    }

    /// Between two steps: links act, the state is whole again at the end.
    fn settle(&mut self, tick: u32, state: &mut FloodStateOf<R>) {
        if tick == TICKS && self.clocks.iter().any(|c| c.flipped) {
            std::mem::swap(&mut state.h, &mut state.h1);
            std::mem::swap(&mut state.u, &mut state.u1);
            std::mem::swap(&mut state.v, &mut state.v1);
        }
        let ended = self.demands.pinned.iter().zip(&self.clocks).find(|(pinned, c)| **pinned && c.end() == tick);
        let dt = ended.map_or(self.common.dt_s, |(_, c)| self.common.seconds(c.len));
        state.waves = self.waves.iter().copied().map(Some).collect();
        if ended.is_some() || tick == TICKS {
            links::apply(self.kernel, self.params, state, dt);
        }
        if tick < TICKS {
            self.waves = waves_of(self.kernel, self.params, state);
        }
    }

    fn book(&self, state: &mut FloodStateOf<R>) {
        let area = self.kernel.layout().grid.cell_area_m2();
        let (l, total) = (&mut state.ledger, &self.total);
        l.rain_in_m3 += total.rain * area;
        l.residue_m3 += total.tiles.lost * area;
        l.edge_in_m3 += total.tiles.edge_in;
        l.edge_out_m3 += total.tiles.edge_out;
        l.stage_in_m3 += total.stage_in * area;
        l.stage_out_m3 += total.stage_out * area;
        l.point_in_m3 += total.point_in * area;
        l.point_out_m3 += total.point_out * area;
        l.infiltrated_m3 += total.infiltrated * area;
        state.speed_mps = self.waves.iter().fold(0.0, |m, w| max_or_nan(m, w.all));
        state.t_s = self.t0_s + self.common.dt_s;
        state.tick += 1;
    }
}

/// Computes the step of one tile.
fn compute<R: Real>(
    p: &Pass<'_, R, Mosaic<'_, R>>,
    scratch: &mut Scratch<R>,
    work: Work<'_, R>,
    facing: [Option<&edges::Edge>; 4],
) -> (PassSums, TileWaves) {
    let Work { mut job, edges } = work;
    let mut sums = PassSums::default();
    let mixed = edges.iter().any(|e| e.role != Role::Same);
    let coarse = edges.iter().any(|e| e.role == Role::Coarse);
    let mut seam = Seam { edges, facing, mixed };
    if p.active[job.id] {
        p.step_active_with(scratch, &mut job, &mut seam, &mut sums);
        let m3 = p.k.dt.to_f64() * p.fields.layout.grid.dx_m;
        sums.tiles.edge_in *= m3;
        sums.tiles.edge_out *= m3;
        *job.settled = false;
    } else {
        if p.now.raining {
            rain_only(p, &mut job);
            *job.settled = false;
        } else if !*job.settled {
            copy_tile(p, &mut job);
            *job.settled = true;
        }
        seam.still(&job);
    }
    if p.now.raining {
        sums.rain = p.forcing.rain_on_tile(job.id, p.now);
    }
    if coarse {
        seam.share_out(&job);
        return (sums, waves(p, &job));
    }
    let waves = finish(p, &mut job, &mut sums);
    (sums, waves)
}

/// Completes the step of a tile with finer neighbours.
fn complete<R: Real>(
    p: &Pass<'_, R, Mosaic<'_, R>>,
    work: Work<'_, R>,
    facing: [Option<&edges::Edge>; 4],
) -> (PassSums, TileWaves) {
    let Work { mut job, edges } = work;
    let mut sums = PassSums::default();
    let ground = (job.tile.strip * p.fields.layout.rows + job.tile.r0) * BUF + C0;
    let n2 = |row: usize, column: usize| p.fields.n2[ground + row * BUF + column];
    let (lost, changed) = correct(&p.k, &mut job, edges, facing, n2);
    sums.tiles.lost = lost;
    *job.settled &= !changed;
    let waves = finish(p, &mut job, &mut sums);
    (sums, waves)
}

/// The end of a tile's step.
fn finish<R: Real>(p: &Pass<'_, R, Mosaic<'_, R>>, job: &mut Job<'_, R>, sums: &mut PassSums) -> TileWaves {
    if !p.soil.is_empty() && p.forcing.pervious[job.id] {
        sums.infiltrated = infiltrate(p, job);
        *job.settled &= sums.infiltrated == 0.0;
    }
    p.note(job);
    waves(p, job)
}

fn waves<R: Real>(p: &Pass<'_, R, Mosaic<'_, R>>, job: &Job<'_, R>) -> TileWaves {
    let out = &job.target;
    p.arch.dispatch(WavesOp { g: p.k.g, tile: &job.tile, water: [&*out.h, &*out.u, &*out.v] })
}

/// Runs `one` on every tile, on several threads with feature `parallel`; results in a fixed order.
fn run<'a, R: Real, T: Send>(
    work: Vec<Work<'a, R>>,
    one: impl Fn(&mut Scratch<R>, Work<'a, R>) -> T + Send + Sync,
) -> Vec<T> {
    #[cfg(feature = "parallel")]
    {
        use rayon::prelude::*;
        work.into_par_iter().map_init(Scratch::default, one).collect()
    }
    #[cfg(not(feature = "parallel"))]
    {
        let mut scratch = Scratch::default();
        work.into_iter().map(|work| one(&mut scratch, work)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FloodRunOf, Forcing, Grid, Initial, RainSeries, Terrain, TimeStepping, barrier_along};
    use sim_core::CancelToken;

    /// A column breaks beside a wall and a house, in the rain; three by two tiles, the last ones narrow.
    fn run<R: Real>(time_stepping: TimeStepping, slope: f64) -> FloodRunOf<R> {
        let grid = Grid { nx: 130, ny: 70, dx_m: 2.0 };
        let mut terrain = Terrain::from_fn(grid, 0.03, |x, y| slope * x + 0.3 * (0.1 * x).sin() * (0.13 * y).cos());
        (3000..3010).for_each(|k| terrain.blocked[k] = true);
        let wall = barrier_along(&grid, &[[100.0, 0.0], [140.0, 140.0]], 1.0);
        let rain = RainSeries { series: vec![(0.0, 60.0)], cells: None };
        let forcing = Forcing { rain: vec![rain], open_edges: true, ..Forcing::default() };
        let depth_m = (0..grid.cell_count()).map(|k| if k % 130 < 30 { 6.0 } else { 0.0 }).collect();
        let initial = Initial { depth_m, ..Initial::default() };
        let params = FloodParams { time_stepping, ..FloodParams::default() };
        FloodRunOf::new(terrain, vec![wall], forcing, params, initial).unwrap()
    }

    #[test]
    fn one_level_gives_the_bits_of_the_global_step() {
        let mut global = run::<f32>(TimeStepping::Global, 0.0);
        let mut local = run::<f32>(TimeStepping::Local { max_levels: 1 }, 0.0);
        for t_s in [1.5, 4.0, 9.0] {
            global.advance_to(t_s, &CancelToken::new()).unwrap();
            local.advance_to(t_s, &CancelToken::new()).unwrap();
            assert_eq!(global.tick(), local.tick());
            assert_eq!(global.depth_m(), local.depth_m());
            assert_eq!(global.velocity_x_mps(), local.velocity_x_mps());
            assert_eq!(global.max_depth_m(), local.max_depth_m());
            assert_eq!(global.first_wet_s(), local.first_wet_s());
        }
    }

    #[test]
    fn unlike_steps_keep_every_drop_and_draw_no_cell_below_zero() {
        for slope in [-0.02, 0.0, 0.05] {
            let mut run = run::<f64>(TimeStepping::LOCAL, slope);
            let mut unlike = false;
            for k in 1..=15 {
                let stats = run.advance_to(2.0 * f64::from(k), &CancelToken::new()).unwrap();
                unlike |= stats.max_dt_s > 3.9 * stats.min_dt_s;
                assert!(run.depth_m().iter().all(|h| *h >= 0.0));
                let l = run.ledger();
                assert!(l.error_m3().abs() < 1e-12 * l.initial_m3, "{l:?}");
            }
            assert!(unlike, "all steps were alike: the test shows nothing");
        }
    }

    /// Continued from a snapshot taken between two edits, byte for byte.
    #[test]
    fn a_restored_run_goes_on_with_the_same_bits() {
        let mut whole = run::<f32>(TimeStepping::LOCAL, 0.01);
        whole.advance_to(5.0, &CancelToken::new()).unwrap();
        whole.exchange(4000, 30.0);
        let saved = whole.save();
        let mut resumed = run::<f32>(TimeStepping::LOCAL, 0.01);
        resumed.restore(&saved).unwrap();
        for t_s in [5.5, 12.0] {
            whole.advance_to(t_s, &CancelToken::new()).unwrap();
            resumed.advance_to(t_s, &CancelToken::new()).unwrap();
            assert_eq!(whole.checksum(), resumed.checksum());
        }
    }
}
