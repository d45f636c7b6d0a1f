//! Tiles at times of their own: each holds its present values, and while it waits for finer neighbours the next ones too.

use super::clocks::{Clock, beside};
use super::edges::{Edge, Edges};
use crate::Real;
use crate::pass::{Job, field_tiles, track_tiles};
use crate::rows::{TILE_W, WIDE};
use crate::state::{FloodStateOf, Layout, PAD};
use crate::tile::{C0, Held, TILE_H, Target, Tile, Water, beyond_edges};

/// What belongs to one tile; the two sets of values are depth and velocities.
pub(crate) struct Slot<'a, R> {
    tile: Tile,
    values: [[&'a mut [R]; 3]; 2],
    carry: &'a mut [R],
    max_depth: &'a mut [f32],
    max_hazard: &'a mut [f32],
    first_wet: &'a mut [f32],
    soil_used: &'a mut [R],
    pub wet: &'a mut u8,
    pub settled: &'a mut bool,
    pub edges: &'a mut Edges,
}

/// Cuts the state into its tiles.
pub(crate) fn slots<'a, R: Real>(state: &'a mut FloodStateOf<R>, edges: &'a mut [Edges]) -> Vec<Slot<'a, R>> {
    let layout = state.layout;
    let mut flags: Vec<_> =
        state.wet.iter_mut().zip(state.settled.iter_mut()).zip(edges.iter_mut()).map(Some).collect();
    let mut first =
        [field_tiles(&layout, &mut state.h), field_tiles(&layout, &mut state.u), field_tiles(&layout, &mut state.v)];
    let mut second =
        [field_tiles(&layout, &mut state.h1), field_tiles(&layout, &mut state.u1), field_tiles(&layout, &mut state.v1)];
    let mut tracks = [
        track_tiles(&layout, &mut state.max_depth_m),
        track_tiles(&layout, &mut state.max_hazard_m2ps),
        track_tiles(&layout, &mut state.first_wet_s),
    ];
    let mut carries = track_tiles(&layout, &mut state.carry);
    let mut soils = track_tiles(&layout, &mut state.soil_used);
    let mut out = Vec::with_capacity(flags.len());
    for k in 0..flags.len() {
        // Tiles come strip by strip; their flags lie row by row.
        let (tx, ty) = (k / layout.tiles_y, k % layout.tiles_y);
        let tile = Tile::new(&layout, tx, ty);
        let [a, b] = [&mut first, &mut second].map(|v| v.each_mut().map(|x| x.next().unwrap_or_default()));
        let [max_depth, max_hazard, first_wet] = tracks.each_mut().map(|x| x.next().unwrap_or_default());
        let (carry, soil_used) = (carries.next().unwrap_or_default(), soils.next().unwrap_or_default());
        let Some(((wet, settled), edges)) = flags.get_mut(tile.id).and_then(Option::take) else { continue };
        let values = [a, b];
        out.push(Slot { tile, values, carry, max_depth, max_hazard, first_wet, soil_used, wet, settled, edges });
    }
    out.sort_unstable_by_key(|slot| slot.tile.id);
    out
}

/// What others see of a tile.
pub(crate) struct View<'a, R> {
    now: [&'a [R]; 3],
    /// The values at the end of its step, and the part of it that has passed.
    next: Option<([&'a [R]; 3], R)>,
}

/// A tile to work on, with its edges.
pub(crate) struct Work<'a, R> {
    pub job: Job<'a, R>,
    pub edges: &'a mut Edges,
}

/// Tiles of one pass.
pub(crate) struct Cut<'a, R> {
    pub views: Vec<View<'a, R>>,
    /// The edges of tiles that are not worked on.
    pub edges: Vec<Option<&'a Edges>>,
    pub work: Vec<Work<'a, R>>,
}

/// The edge of each neighbour that faces tile `id`'s, of those not worked on.
pub(crate) fn facing<'a>(edges: &[Option<&'a Edges>], layout: &Layout, id: usize) -> [Option<&'a Edge>; 4] {
    let beside = beside(layout, id);
    std::array::from_fn(|e| beside[e].and_then(|n| edges[n]).map(|edges| &edges[e ^ 1]))
}

/// Takes the tiles `mine` apart to write their next values, while the others are read as they are at `tick`.
pub(crate) fn cut<'a, R: Real>(
    slots: &'a mut [Slot<'_, R>],
    clocks: &[Clock],
    tick: u32,
    mine: impl Fn(usize) -> bool,
) -> Cut<'a, R> {
    let mut out = Cut { views: Vec::with_capacity(slots.len()), edges: Vec::with_capacity(slots.len()), work: vec![] };
    for (id, (slot, clock)) in slots.iter_mut().zip(clocks).enumerate() {
        let [first, second] = &mut slot.values;
        let (now, next) = if clock.flipped { (second, first) } else { (first, second) };
        let now = now.each_ref().map(|field| &**field);
        if !mine(id) {
            let passed = tick - clock.start;
            let next = (passed > 0).then(|| {
                let part = R::of(f64::from(passed) / f64::from(clock.len));
                (next.each_ref().map(|field| &**field), part)
            });
            out.views.push(View { now, next });
            out.edges.push(Some(&*slot.edges));
            continue;
        }
        out.views.push(View { now, next: None });
        out.edges.push(None);
        let [h, u, v] = next.each_mut().map(|field| &mut **field);
        let job = Job {
            id,
            tile: slot.tile,
            target: Target { h, u, v, carry: &mut *slot.carry },
            max_depth: &mut *slot.max_depth,
            max_hazard: &mut *slot.max_hazard,
            first_wet: &mut *slot.first_wet,
            soil_used: &mut *slot.soil_used,
            wet: &mut *slot.wet,
            settled: &mut *slot.settled,
        };
        out.work.push(Work { job, edges: &mut *slot.edges });
    }
    out
}

impl<R: Real> Slot<'_, R> {
    /// Depth of a cell at a place of the tile, metres.
    pub(crate) fn depth_m(&self, clock: &Clock, at: usize) -> f64 {
        self.values[usize::from(clock.flipped)][0][at].to_f64() - self.carry[at].to_f64()
    }

    pub(crate) const fn tile(&self) -> &Tile {
        &self.tile
    }

    /// Copies the present values into the other buffers.
    pub(crate) fn copy_over(&mut self, clock: &Clock) {
        let [first, second] = &mut self.values;
        let (from, to) = if clock.flipped { (second, first) } else { (first, second) };
        for (from, to) in from.iter().zip(to) {
            to.copy_from_slice(from);
        }
    }
}

/// All tiles at one time: those in the midst of a step between their present and their next values.
#[derive(Clone, Copy)]
pub(crate) struct Mosaic<'a, R> {
    pub views: &'a [View<'a, R>],
}

impl<R: Real> Water<R> for Mosaic<'_, R> {
    #[inline(always)]
    fn load(&self, layout: &Layout, open_edges: bool, t: &Tile, j: usize, out: &mut Held<R>) {
        let last = PAD + layout.grid.ny - 1;
        if !open_edges && (j < PAD || j > last) {
            for field in [&mut out.h, &mut out.u, &mut out.v] {
                field[..C0 + WIDE].fill(R::ZERO);
            }
            return;
        }
        // Beyond open edges the outermost rows go on.
        let row = j.clamp(PAD, last) - PAD;
        let (ty, at) = (row / TILE_H, row % TILE_H * WIDE);
        let view = |strip: usize| &self.views[ty * layout.tiles_x + strip];
        for (field, out) in [&mut out.h, &mut out.u, &mut out.v].into_iter().enumerate() {
            view(t.strip).read(field, at, &mut out[C0..C0 + WIDE]);
            if t.strip > 0 {
                view(t.strip - 1).read(field, at + TILE_W - C0, &mut out[..C0]);
            }
            if t.strip + 1 < layout.tiles_x {
                view(t.strip + 1).read(field, at, &mut out[C0 + TILE_W..C0 + WIDE]);
            }
            beyond_edges(layout, open_edges, t, out);
        }
    }

    #[inline(always)]
    fn own_row(&self, _: &Layout, t: &Tile, j: usize) -> [&[R]; 3] {
        let at = (j - t.r0) * WIDE;
        self.views[t.id].now.map(|field| &field[at..at + WIDE])
    }
}

impl<R: Real> View<'_, R> {
    #[inline(always)]
    fn read(&self, field: usize, at: usize, out: &mut [R]) {
        let n = out.len();
        let now = &self.now[field][at..at + n];
        match &self.next {
            None => out.copy_from_slice(now),
            Some((next, part)) => {
                for ((out, now), next) in out.iter_mut().zip(now).zip(&next[field][at..at + n]) {
                    *out = *now + *part * (*next - *now);
                }
            }
        }
    }
}
