//! Which tile takes which steps.

use super::waves::TileWaves;
use crate::state::Layout;

/// Ticks of a common step: the time of a tile within it is exact.
pub(crate) const TICKS: u32 = 1 << TICK_BITS;
const TICK_BITS: u32 = 20;

/// Levels beyond the planned ones that a tile may go to when its waves speed up within a common step.
const SPARE_LEVELS: u32 = 4;

/// By how much a step may be longer than what the Courant number asks for, before a tile goes to the next finer level: without
/// it a wave that grows by a hundredth would double the work. The Courant number stays below one half.
const SLACK: f64 = 1.1;

/// Levels by which the waves of two tiles side by side may differ: within a step four times as long as the neighbour's a
/// wave crosses less than two cells.
const MOST_APART: u32 = 2;

/// The step a tile is in.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Clock {
    /// Tick at which the step began.
    pub start: u32,
    pub len: u32,
    /// The tile's present values are in the second buffers.
    pub flipped: bool,
}

impl Clock {
    pub(crate) const fn end(&self) -> u32 {
        self.start + self.len
    }
}

/// West, east, south and north neighbour of a tile; the edge of the neighbour that faces edge `e` is `e ^ 1`.
pub(crate) fn beside(layout: &Layout, id: usize) -> [Option<usize>; 4] {
    let (nx, ny) = (layout.tiles_x, layout.tiles_y);
    let (i, j) = (id % nx, id / nx);
    [(i > 0).then(|| id - 1), (i + 1 < nx).then_some(id + 1), (j > 0).then(|| id - nx), (j + 1 < ny).then_some(id + nx)]
}

/// The up to eight tiles around a tile.
fn around(layout: &Layout, id: usize) -> impl Iterator<Item = usize> + use<> {
    let (nx, ny) = (layout.tiles_x, layout.tiles_y);
    let (i, j) = (id % nx, id / nx);
    let rows = j.saturating_sub(1)..(j + 2).min(ny);
    rows.flat_map(move |y| (i.saturating_sub(1)..(i + 2).min(nx)).map(move |x| y * nx + x)).filter(move |t| *t != id)
}

/// The common step and how it may be divided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Common {
    /// Length, seconds.
    pub dt_s: f64,
    /// Shortest step that a tile needs now, seconds.
    pub shortest_s: f64,
    slack: f64,
    /// Deepest level allowed.
    deepest: u32,
}

impl Common {
    /// From the steps that tiles allow: of all, and of those that are computed. The shortest is met exactly.
    pub(crate) fn plan(max_levels: u8, cfl: f64, limits_s: &[f64], active: &[bool], max_dt_s: f64) -> Self {
        let top = limits_s.iter().fold(0.0, |m: f64, x| m.max(*x));
        let needed = limits_s.iter().zip(active).filter(|(_, active)| **active).map(|(x, _)| *x);
        let shortest_s = needed.fold(max_dt_s, |m, x| if x.is_nan() || x < m { x } else { m });
        let (mut dt_s, mut level) = (shortest_s, 0);
        while level + 1 < u32::from(max_levels) && dt_s > 0.0 && 2.0 * dt_s <= top {
            dt_s *= 2.0;
            level += 1;
        }
        Self { dt_s, shortest_s, deepest: level, slack: SLACK.min(0.5 / cfl) }
    }

    /// Fitted to the time left to the caller's: the last common steps are equal, and as many as make least work. Halving one
    /// would shorten the steps of all tiles, those of the river that need it least too.
    pub(crate) fn fitted(self, left_s: f64, limits_s: &[f64], active: &[bool]) -> Self {
        let whole = Self { deepest: (self.deepest + SPARE_LEVELS).min(TICK_BITS), ..self };
        if self.dt_s.is_nan() || left_s >= 2.0 * self.dt_s {
            return whole;
        }
        let least = if left_s > self.dt_s { 2_u32 } else { 1 };
        let mut best = (u64::MAX, whole);
        for n in least..=2 * least + 2 {
            let fitted = Self { dt_s: left_s / f64::from(n), ..whole };
            let needed = limits_s.iter().zip(active).filter(|(_, active)| **active);
            let work = u64::from(n) * needed.map(|(limit, _)| 1_u64 << fitted.level(*limit)).sum::<u64>();
            if work < best.0 {
                best = (work, fitted);
            }
        }
        best.1
    }

    /// Length of a number of ticks, seconds.
    pub(crate) fn seconds(&self, ticks: u32) -> f64 {
        self.dt_s * (f64::from(ticks) / f64::from(TICKS))
    }

    /// Lowest level whose step is hardly longer than `limit_s`.
    fn level(&self, limit_s: f64) -> u32 {
        let mut level = 0;
        let mut dt_s = self.dt_s;
        while dt_s > self.slack * limit_s && level < self.deepest {
            dt_s *= 0.5;
            level += 1;
        }
        level
    }
}

/// What levels depend on, besides waves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Demands {
    /// Tiles with ends of culverts, pumps and outlets inside: always at the finest step, so that links act in every one.
    pub pinned: Vec<bool>,
    /// Tiles with imposed levels or discharges: never coarser than a neighbour, whose fluxes would come after the source.
    pub sources: Vec<bool>,
}

/// Gives all tiles that begin a step at `tick` its length. Their neighbours in the midst of a step have longer ones.
pub(crate) fn begin(
    layout: &Layout,
    common: &Common,
    demands: &Demands,
    tick: u32,
    due: &[usize],
    limits_s: &[f64],
    clocks: &mut [Clock],
) {
    // A step may begin only at a multiple of its length.
    let aligned = if tick == 0 { 0 } else { TICK_BITS - tick.trailing_zeros() };
    let mut levels = vec![None; clocks.len()];
    for &id in due {
        levels[id] = Some(common.level(limits_s[id]).max(aligned));
    }
    // A wave must not cross many cells while a slow neighbour waits.
    raise(&mut levels, due, |levels, id| {
        around(layout, id).filter_map(|n| levels[n]).max().map(|level: u32| level.saturating_sub(MOST_APART))
    });
    let top = due.iter().filter_map(|id| levels[*id]).max();
    due.iter().filter(|id| demands.pinned[**id]).for_each(|id| levels[*id] = top);
    raise(&mut levels, due, |levels, id| {
        let next_to = beside(layout, id).into_iter().flatten().filter_map(|n| levels[n]).max();
        next_to.filter(|_| demands.sources[id])
    });
    for &id in due {
        clocks[id].start = tick;
        clocks[id].len = TICKS >> levels[id].unwrap_or(aligned);
    }
}

/// Raises levels to what `least` asks for until nothing changes.
fn raise(levels: &mut [Option<u32>], due: &[usize], least: impl Fn(&[Option<u32>], usize) -> Option<u32>) {
    let mut changed = true;
    while changed {
        changed = false;
        for &id in due {
            let least = least(levels, id);
            if least > levels[id] {
                levels[id] = least;
                changed = true;
            }
        }
    }
}

/// Longest step of a tile, seconds: for its waves and those beside its edges.
pub(crate) fn limit_s(
    layout: &Layout,
    reach_m: f64,
    max_dt_s: f64,
    id: usize,
    waves: impl Fn(usize) -> TileWaves,
) -> f64 {
    let own = waves(id).all;
    let fastest = beside(layout, id).into_iter().enumerate().fold(own, |m, (e, n)| match n {
        Some(n) => {
            let w = waves(n).edge[e ^ 1];
            if m.is_nan() || m > w { m } else { w }
        }
        None => m,
    });
    let dt = reach_m / fastest;
    if dt >= max_dt_s { max_dt_s } else { dt }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Grid;

    const GRID: Grid = Grid { nx: 480, ny: 192, dx_m: 1.0 };

    /// One fast tile, the others slow: through a whole common step.
    fn walk(pinned: &[usize], mut each: impl FnMut(u32, &[Clock])) {
        let layout = Layout::new(GRID);
        let tiles = layout.tiles_x * layout.tiles_y;
        let mut limits = vec![0.9; tiles];
        limits[9] = 0.05;
        let active = vec![true; tiles];
        let common = Common::plan(6, 0.45, &limits, &active, 1.0).fitted(100.0, &limits, &active);
        assert_eq!((common.dt_s, common.shortest_s), (0.8, 0.05));
        let mut demands = Demands { pinned: vec![false; tiles], sources: vec![false; tiles] };
        pinned.iter().for_each(|id| demands.pinned[*id] = true);
        let mut clocks = vec![Clock::default(); tiles];
        let mut tick = 0;
        while tick < TICKS {
            let due: Vec<usize> = (0..tiles).filter(|id| clocks[*id].end() == tick).collect();
            begin(&layout, &common, &demands, tick, &due, &limits, &mut clocks);
            each(tick, &clocks);
            tick = clocks.iter().map(Clock::end).min().unwrap();
        }
        assert!(clocks.iter().all(|c| c.end() == TICKS));
    }

    #[test]
    fn steps_of_tiles_side_by_side_are_alike_and_begin_at_their_multiples() {
        let layout = Layout::new(GRID);
        let mut begun = 0;
        walk(&[], |tick, clocks| {
            for (id, c) in clocks.iter().enumerate() {
                assert!(c.start.is_multiple_of(c.len) && c.start <= tick && tick < c.end());
                assert!(around(&layout, id).all(|n| clocks[n].len <= 4 * c.len));
            }
            begun += u32::from(clocks[9].start == tick);
        });
        assert_eq!(begun, 16);
    }

    #[test]
    fn links_always_have_the_finest_step() {
        walk(&[23], |_, clocks| assert_eq!((clocks[23].start, clocks[23].len), (clocks[9].start, clocks[9].len)));
    }

    #[test]
    fn a_short_stretch_is_cut_where_it_costs_least() {
        let (limits, active) = (vec![0.05, 0.9, 0.9, 0.9], vec![true; 4]);
        let whole = Common::plan(6, 0.45, &limits, &active, 1.0);
        // Two halves would take 2 x (16 + 3) steps of tiles; three thirds take 3 x (8 + 3).
        let fitted = whole.fitted(1.0, &limits, &active);
        assert!((fitted.dt_s - 1.0 / 3.0).abs() < 1e-12, "{fitted:?}");
        let nan = Common::plan(6, 0.45, &[0.5, f64::NAN], &[true, true], 1.0);
        assert!(nan.shortest_s.is_nan() && nan.fitted(1.0, &[0.5, f64::NAN], &[true, true]).dt_s.is_nan());
    }
}
