//! The neighbour grid (邻域网格): people sorted by cell, layer after layer.

use crate::agents::{Agents, Status};
use crate::lanes::WIDTH;
use crate::math::{V2, distance_to};
use crate::world::{CrowdWorld, NONE, Side};

/// Cells of one layer in the common numbering: strips across the longer axis, one after the other along it. In a corridor the
/// people around somebody then stand in one piece of the columns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LayerGrid {
    lo: V2,
    /// The longer axis: 0 or 1.
    long: usize,
    /// Strips.
    strips: u32,
    /// Cells of a strip.
    across: u32,
    first: u32,
}

impl LayerGrid {
    /// First cell, and the cell behind the last.
    pub(crate) const fn cells(&self) -> (u32, u32) {
        (self.first, self.first + self.strips * self.across)
    }

    /// Ranges of cells, strip by strip, from the cell `low` to the cell `high` (strip, place in it), both included. Where
    /// strips have three cells at most, it is one range of whole strips.
    #[inline(always)]
    pub(crate) fn ranges(&self, low: [u32; 2], high: [u32; 2]) -> impl Iterator<Item = (u32, u32)> + use<> {
        let (first, across) = (self.first, self.across);
        let whole = across <= 3;
        let last = if whole { low[0] } else { high[0] };
        (low[0]..=last).map(move |strip| {
            if whole {
                (first + strip * across, first + (high[0] + 1) * across)
            } else {
                (first + strip * across + low[1], first + strip * across + high[1] + 1)
            }
        })
    }

    /// Ranges of the cell and of the eight around it.
    #[inline(always)]
    pub(crate) fn around(&self, cell: u32) -> impl Iterator<Item = (u32, u32)> + use<> {
        let (strip, place) = ((cell - self.first) / self.across, (cell - self.first) % self.across);
        let high = [(strip + 1).min(self.strips - 1), (place + 1).min(self.across - 1)];
        self.ranges([strip.saturating_sub(1), place.saturating_sub(1)], high)
    }
}

/// The neighbour grids of all layers.
#[derive(Debug, Clone)]
pub(crate) struct Grids {
    pub cell_m: f32,
    inv_cell: f32,
    pub layers: Vec<LayerGrid>,
    /// Layer of each cell.
    pub layer_of: Vec<u32>,
}

impl Grids {
    pub(crate) fn new(world: &CrowdWorld, reach_m: f32) -> Self {
        let (mut layers, mut layer_of) = (Vec::new(), Vec::new());
        for (k, l) in world.layers.iter().enumerate() {
            let count = |axis: usize| ((l.hi[axis] - l.lo[axis]) / reach_m) as u32 + 1;
            let long = usize::from(count(1) > count(0));
            let (strips, across) = (count(long), count(1 - long));
            layers.push(LayerGrid { lo: l.lo, long, strips, across, first: layer_of.len() as u32 });
            layer_of.resize(layer_of.len() + (strips * across) as usize, k as u32);
        }
        Self { cell_m: reach_m, inv_cell: 1.0 / reach_m, layers, layer_of }
    }

    /// Strip and place in it of a point.
    #[inline(always)]
    fn place(&self, g: &LayerGrid, p: V2) -> [u32; 2] {
        let along = |axis: usize| ((p[axis] - g.lo[axis]) * self.inv_cell).max(0.0) as u32;
        [along(g.long).min(g.strips - 1), along(1 - g.long).min(g.across - 1)]
    }

    #[inline(always)]
    pub(crate) fn cell(&self, layer: u32, p: V2) -> u32 {
        let g = &self.layers[layer as usize];
        let [strip, place] = self.place(g, p);
        g.first + strip * g.across + place
    }
}

/// What neighbours need to know of people, one column each. Behind the last person there is room for a chunk, so that
/// whole chunks can be read and written up to the end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Columns {
    pub x: Vec<f32>,
    pub y: Vec<f32>,
    /// Anticipated position.
    pub ax: Vec<f32>,
    pub ay: Vec<f32>,
    pub r: Vec<f32>,
    /// Headings; zero for who does not mean to walk.
    pub hx: Vec<f32>,
    pub hy: Vec<f32>,
}

impl Columns {
    /// In the order x, y, anticipated x, y, radius, heading.
    #[inline(always)]
    pub(crate) const fn each(&self) -> [&Vec<f32>; 7] {
        [&self.x, &self.y, &self.ax, &self.ay, &self.r, &self.hx, &self.hy]
    }

    #[inline(always)]
    pub(crate) const fn each_mut(&mut self) -> [&mut Vec<f32>; 7] {
        [&mut self.x, &mut self.y, &mut self.ax, &mut self.ay, &mut self.r, &mut self.hx, &mut self.hy]
    }

    /// Makes room for `n` people and a chunk.
    #[inline(always)]
    pub(crate) fn reach(&mut self, n: usize) {
        if self.x.len() < n + WIDTH {
            self.grow(2 * n + WIDTH);
        }
    }

    #[cold]
    fn grow(&mut self, n: usize) {
        for column in self.each_mut() {
            column.resize(n, 0.0);
        }
    }
}

/// Working memory of a step; nothing in it outlives the step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scratch {
    /// Where each cell's people start in the sorted arrays.
    pub start: Vec<u32>,
    cell: Vec<u32>,
    /// Person behind each sorted entry.
    pub order: Vec<u32>,
    /// Everybody present, by cell.
    pub people: Columns,
    pub out: Vec<Moved>,
    /// Per way: people seen through it, in this side's coordinates: x, y, anticipated x, y, radius, heading.
    pub ghosts: Vec<Vec<[f32; 7]>>,
    /// Ways with ghosts.
    pub lit: Vec<u32>,
    /// Cell ranges of partitions.
    pub parts: Vec<(u32, u32)>,
}

/// What a person does in a step.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Moved {
    pub x: f32,
    pub y: f32,
    pub hx: f32,
    pub hy: f32,
    pub speed: f32,
    pub blocked_s: f32,
    /// Wants to leave by its way.
    pub leaves: bool,
}

/// People per partition: fixed, so that the work is cut the same for any number of threads.
const PART: u32 = 384;

impl Scratch {
    /// Sorts everybody present by cell (counting sort) and gathers what neighbours need to know.
    pub(crate) fn sort(&mut self, grids: &Grids, agents: &Agents, anticipation_s: f32) {
        let cells = grids.layer_of.len();
        self.start.clear();
        self.start.resize(cells + 1, 0);
        self.cell.clear();
        for i in 0..agents.len() {
            let cell = if agents.layer[i] == NONE {
                NONE
            } else {
                let c = grids.cell(agents.layer[i], [agents.x[i], agents.y[i]]);
                self.start[c as usize + 1] += 1;
                c
            };
            self.cell.push(cell);
        }
        self.cut(cells);
        let n = self.start[cells] as usize;
        self.order.clear();
        self.order.resize(n, 0);
        // `start[c]` walks to the end of its cell while it is filled, and is moved back after.
        for (i, c) in self.cell.iter().enumerate() {
            if *c != NONE {
                let at = &mut self.start[*c as usize];
                self.order[*at as usize] = i as u32;
                *at += 1;
            }
        }
        for c in (0..cells).rev() {
            self.start[c + 1] = self.start[c];
        }
        self.start[0] = 0;
        self.people.reach(n);
        let [x, y, ax, ay, r, hx, hy] = self.people.each_mut().map(|c| &mut c[..n]);
        for (k, i) in self.order.iter().enumerate() {
            let i = *i as usize;
            let ahead = agents.speed[i] * anticipation_s;
            let walks = agents.status[i] == Status::Walking.code();
            let h = [agents.hx[i], agents.hy[i]];
            [hx[k], hy[k]] = if walks { h } else { [0.0, 0.0] };
            [x[k], y[k]] = [agents.x[i], agents.y[i]];
            [ax[k], ay[k]] = [x[k] + h[0] * ahead, y[k] + h[1] * ahead];
            r[k] = agents.radius[i];
        }
        self.out.resize(n, Moved::default());
    }

    /// Sums counts to starts and cuts the cells into partitions.
    fn cut(&mut self, cells: usize) {
        self.parts.clear();
        let (mut from, mut held) = (0_u32, 0_u32);
        for c in 0..cells {
            let here = self.start[c + 1];
            held += here;
            self.start[c + 1] += self.start[c];
            if held >= PART {
                self.parts.push((from, c as u32 + 1));
                (from, held) = (c as u32 + 1, 0);
            }
        }
        if held > 0 {
            self.parts.push((from, cells as u32));
        }
    }

    /// Collects who is seen through each open portal.
    pub(crate) fn look_through(&mut self, world: &CrowdWorld, grids: &Grids, open: &[u8]) {
        self.ghosts.resize(2 * world.portals.len(), Vec::new());
        for w in self.lit.drain(..) {
            self.ghosts[w as usize].clear();
        }
        let people_in = |layer: u32| {
            let (from, to) = grids.layers[layer as usize].cells();
            self.start[to as usize] > self.start[from as usize]
        };
        for way in 0..2 * world.portals.len() as u32 {
            let portal = &world.portals[(way >> 1) as usize];
            let (here, there) = ((way & 1) as usize, 1 - (way & 1) as usize);
            let (near, far) = (portal.sides[here].layer, portal.sides[there].layer);
            if near == NONE || far == NONE || open[(way >> 1) as usize] == 0 || !people_in(near) || !people_in(far) {
                continue;
            }
            let side = &portal.sides[there];
            let g = &grids.layers[far as usize];
            let corner = |f: fn(f32, f32) -> f32, reach: f32| [0, 1].map(|k| f(side.a[k], side.b[k]) + reach);
            let low = grids.place(g, corner(f32::min, -grids.cell_m));
            let high = grids.place(g, corner(f32::max, grids.cell_m));
            for (from, to) in g.ranges(low, high) {
                for k in self.start[from as usize]..self.start[to as usize] {
                    let k = k as usize;
                    let Columns { x, y, ax, ay, r, hx, hy } = &self.people;
                    let p = [x[k], y[k]];
                    if distance_to(side.a, side.b, p) < grids.cell_m {
                        let q = portal.carry(there, p);
                        let a = portal.carry(there, [ax[k], ay[k]]);
                        let h = portal.rotate(there, [hx[k], hy[k]]);
                        self.ghosts[way as usize].push([q[0], q[1], a[0], a[1], r[k], h[0], h[1]]);
                    }
                }
            }
            if !self.ghosts[way as usize].is_empty() {
                self.lit.push(way);
            }
        }
    }
}

/// Whether a point is near enough to a portal to look through it.
#[inline(always)]
pub(crate) fn near(side: &Side, p: V2, reach_m: f32) -> bool {
    distance_to(side.a, side.b, p) < reach_m
}
