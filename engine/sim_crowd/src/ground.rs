//! Open ground in tiles (室外场地分块): the layers of an [`OutdoorGround`], and the ways over it to a place of safety.
//!
//! Distances to safety are solved on cells of about 0.3 m that run on from tile to tile, by fast sweeping (Zhao 2005). Each way out of
//! a tile then has a field of its own: the shortest walk through that border to safety, so that people cross a border where it suits
//! their whole way, and the distances of the route graph add up to the walk over the whole ground.

use crate::CrowdError;
use crate::build::{LEAST_WIDTH_M, LayerSpec, WorldBuilder};
use crate::field::{Cells, Field, eikonal};
use crate::math::{V2, length, sub, unit};
use crate::world::{CrowdWorld, Layer, LayerId, LayerKind, NONE, Portal, PortalId, Side};
use twin_model::OutdoorGround;

/// Side of a cell wanted, m: half the room of a person; a whole number of them fills a tile.
const CELL_M: f64 = 0.3;
/// Wall left at the ends of a border between two tiles, m.
const POST_M: f64 = 0.02;
/// Most cells of the whole ground (200 m round a large building are 4 million).
const MOST_CELLS: f64 = 2e7;
/// Sweeps after which a maze is given up; open ground takes about ten.
const MOST_SWEEPS: usize = 2_000;

/// The grid of tiles in a world.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GroundGrid {
    /// Lower left corner in layer coordinates, m.
    lo: V2,
    tile_m: f32,
    squares: [u32; 2],
    /// First layer of the ground; the others follow in the order of its tiles.
    first: u32,
    count: u32,
}

impl GroundGrid {
    fn holds(&self, layer: u32) -> bool {
        layer >= self.first && layer - self.first < self.count
    }
}

fn wrong(name: &str, why: impl Into<String>) -> CrowdError {
    CrowdError::Geometry { what: "ground", name: name.into(), why: why.into() }
}

impl WorldBuilder {
    /// Adds open ground: its tiles as layers, the borders between them, its areas of safety. Exits of a building are joined by
    /// [`CrowdWorld::from_plan_on`]. Returns the layers in the order of the tiles.
    ///
    /// # Errors
    /// [`CrowdError::Geometry`] naming a tile, border or area that cannot be, or a second ground in one world.
    pub fn ground(&mut self, ground: &OutdoorGround) -> Result<Vec<LayerId>, CrowdError> {
        if self.ground.is_some() {
            return Err(wrong("-", "a world has one ground"));
        }
        let numbers = [ground.origin[0], ground.origin[1], ground.tile_m];
        let cells = (ground.tile_m / CELL_M).powi(2) * f64::from(ground.squares[0]) * f64::from(ground.squares[1]);
        if !(numbers.iter().all(|v| v.is_finite()) && (1.0..=1000.0).contains(&ground.tile_m) && cells <= MOST_CELLS) {
            return Err(wrong(
                "grid",
                format!("{:?} tiles of {} m: too many, or not of 1 to 1000 m", ground.squares, ground.tile_m),
            ));
        }
        let first = self.layer_count();
        let mut made = Vec::with_capacity(ground.tiles.len());
        for t in &ground.tiles {
            if (0..2).any(|k| t.square[k] >= ground.squares[k]) {
                return Err(wrong(&t.name, "lies outside the grid"));
            }
            let (name, outline, holes) = (t.name.clone(), t.outline.clone(), t.holes.clone());
            let id = self.layer(&LayerSpec { name, outline, holes, floor_m: t.floor_m, kind: LayerKind::Outdoor })?;
            self.layer_mut(id).square = Some(t.square);
            made.push(id);
        }
        let of = |tile: u32| {
            made.get(tile as usize).copied().ok_or_else(|| wrong("border", format!("tile {tile} does not exist")))
        };
        for j in &ground.joins {
            let [a, b] = [of(j.tiles[0])?, of(j.tiles[1])?];
            let name = format!("{}|{}", self.layer_ref(a).name, self.layer_ref(b).name);
            let ends = with_posts(j.ends);
            self.door(&name, (a, ends), Some((b, ends)))?;
        }
        for (k, a) in ground.assembly.iter().enumerate() {
            let home = self.assembly_point(&a.name, of(a.tile)?, a.at, a.radius_m)?;
            self.portal_mut(home).assembly = Some(k as u32);
            // A circle may reach into the tiles beside its own.
            for tile in ground.reached_by(a) {
                let (mut p, layer) = (self.portal_ref(home).clone(), of(tile)?);
                p.sides[0].layer = layer.0;
                self.add(p);
            }
        }
        let lo = self.local_of(ground.origin);
        let (tile_m, squares) = (ground.tile_m as f32, ground.squares);
        self.ground = Some(GroundGrid { lo, tile_m, squares, first, count: made.len() as u32 });
        Ok(made)
    }

    /// Lets a portal that leads out of the model lead to a tile instead; false where the tile has no wall there.
    pub(crate) fn lead_onto(&mut self, portal: PortalId, tile: LayerId) -> bool {
        let p = self.portal_ref(portal);
        let (side, width_m) = (p.sides[0], p.width_m);
        if f64::from(width_m) < LEAST_WIDTH_M {
            return false;
        }
        let frame = self.layer_ref(LayerId(side.layer)).frame;
        let ends = [side.a, side.b].map(|p| frame.to_plan(p)).map(|p| [p[0], p[1]]);
        let name = p.name.clone();
        let Ok(beyond) = self.cut_side(&name, &(tile, ends)) else { return false };
        let joined = self.joined(&name, width_m, [side, beyond]);
        let p = self.portal_mut(portal);
        (p.sides, p.turn) = (joined.sides, joined.turn);
        true
    }
}

/// A border less two centimetres at both ends. What is left of it there is wall: where four tiles meet nobody slips out between two
/// borders.
fn with_posts([a, b]: [[f64; 2]; 2]) -> [[f64; 2]; 2] {
    let size = ((b[0] - a[0]).powi(2) + (b[1] - a[1]).powi(2)).sqrt();
    let share = (POST_M / size.max(POST_M)).min(0.4);
    let at = |s: f64| [0, 1].map(|k| a[k] + s * (b[k] - a[k]));
    [at(share), at(1.0 - share)]
}

/// Distances over a whole ground.
struct Solved<'a> {
    grid: &'a GroundGrid,
    /// Cells of a square along one side.
    n: usize,
    cell_m: f32,
    /// Cells along x and y.
    size: [usize; 2],
    /// Layer of each cell; [`NONE`] where nobody can stand.
    owner: Vec<u32>,
    slowness: Vec<f32>,
    /// Whether one walks from a cell to the next along x, and along y.
    open: [Vec<bool>; 2],
    /// To the nearest place of safety, m.
    distance: Vec<f32>,
}

/// Fields of the ways of all tiles.
pub(crate) fn fields(layers: &mut [Layer], portals: &[Portal], grid: &GroundGrid) {
    let mut solved = Solved::new(layers, grid);
    solved.open_borders(layers, portals);
    solved.solve(layers, portals);
    let of = |l: u32| {
        let layer = &layers[l as usize];
        layer.ways.iter().map(|w| solved.field(layer, l, portals, *w)).collect::<Vec<_>>()
    };
    let made = each(grid.first..grid.first + grid.count, of);
    for (layer, fields) in layers[grid.first as usize..].iter_mut().zip(made) {
        layer.fields = fields;
    }
}

#[cfg(feature = "parallel")]
fn each<T: Send>(range: std::ops::Range<u32>, work: impl Fn(u32) -> T + Sync + Send) -> Vec<T> {
    use rayon::prelude::*;
    range.into_par_iter().map(work).collect()
}

#[cfg(not(feature = "parallel"))]
fn each<T>(range: std::ops::Range<u32>, work: impl Fn(u32) -> T) -> Vec<T> {
    range.map(work).collect()
}

impl<'a> Solved<'a> {
    fn new(layers: &[Layer], grid: &'a GroundGrid) -> Self {
        let n = ((f64::from(grid.tile_m) / CELL_M).round() as usize).max(2);
        let cell_m = grid.tile_m / n as f32;
        let size = grid.squares.map(|s| s as usize * n);
        let cells = size[0] * size[1];
        let (mut owner, mut slowness) = (vec![NONE; cells], vec![f32::INFINITY; cells]);
        for l in grid.first..grid.first + grid.count {
            let layer = &layers[l as usize];
            let Some(square) = layer.square else { continue };
            for (j, i) in (0..n).flat_map(|j| (0..n).map(move |i| (j, i))) {
                let (x, y) = (square[0] as usize * n + i, square[1] as usize * n + j);
                let p = [grid.lo[0] + (x as f32 + 0.5) * cell_m, grid.lo[1] + (y as f32 + 0.5) * cell_m];
                if !layer.contains(p) {
                    continue;
                }
                let room = layer.wall_distance_m(p).unwrap_or(f32::INFINITY);
                // As inside: no way leaks through a wall, and paths keep a shoulder's width off corners.
                if room > 0.505 * cell_m {
                    (owner[y * size[0] + x], slowness[y * size[0] + x]) = (l, 1.0 + (1.0 - room / 0.4).max(0.0));
                }
            }
        }
        let same = |step: usize| {
            (0..cells).map(|c| c + step < cells && owner[c] != NONE && owner[c] == owner[c + step]).collect()
        };
        let open = [same(1), same(size[0])];
        Self { grid, n, cell_m, size, owner, slowness, open, distance: vec![f32::INFINITY; cells] }
    }

    fn centre(&self, c: usize) -> V2 {
        let [x, y] = [c % self.size[0], c / self.size[0]];
        [self.grid.lo[0] + (x as f32 + 0.5) * self.cell_m, self.grid.lo[1] + (y as f32 + 0.5) * self.cell_m]
    }

    /// Cells on both sides of a border, (of side 0, of side 1), whose line between the centres passes through it.
    fn pairs(&self, portal: &Portal) -> Vec<(usize, usize)> {
        let s = &portal.sides[0];
        let upright = s.out[0].abs() > s.out[1].abs();
        let (across, along) = if upright { (0, 1) } else { (1, 0) };
        let at = |v: f32, k: usize| (v - self.grid.lo[k]) / self.cell_m;
        let line = at(s.a[across], across).round() as isize;
        let (low, high) = (at(s.a[along].min(s.b[along]), along), at(s.a[along].max(s.b[along]), along));
        let cell = |a: isize, b: usize| {
            let inside = a >= 0 && (a as usize) < self.size[across] && b < self.size[along];
            inside.then(|| if upright { b * self.size[0] + a as usize } else { a as usize * self.size[0] + b })
        };
        let from = (low - 0.5).ceil().max(0.0) as usize;
        let to = (high - 0.5).floor().max(-1.0) as isize;
        let outwards = s.out[across] > 0.0;
        let pair = |b: usize| {
            let (before, after) = (cell(line - 1, b)?, cell(line, b)?);
            let (near, far) = if outwards { (before, after) } else { (after, before) };
            let fits = self.owner[near] == s.layer && self.owner[far] == portal.sides[1].layer;
            fits.then_some((near, far))
        };
        (from as isize..=to).filter_map(|b| pair(b as usize)).collect()
    }

    fn open_borders(&mut self, layers: &[Layer], portals: &[Portal]) {
        // Two pieces of one layer's square may touch across a border only through a portal.
        let width = self.size[0];
        for c in 0..self.owner.len() {
            let (x, y) = (c % width, c / width);
            if (x + 1) % self.n == 0 {
                self.open[0][c] = false;
            }
            if (y + 1) % self.n == 0 {
                self.open[1][c] = false;
            }
        }
        let border = |p: &&Portal| p.sides.iter().all(|s| s.layer != NONE && layers[s.layer as usize].square.is_some());
        for portal in portals.iter().filter(border) {
            for (a, b) in self.pairs(portal) {
                let (low, high) = (a.min(b), a.max(b));
                self.open[usize::from(high - low != 1)][low] = true;
            }
        }
    }

    fn solve(&mut self, layers: &[Layer], portals: &[Portal]) {
        for p in portals.iter().filter(|p| p.capture_m.is_some() && self.grid.holds(p.sides[0].layer)) {
            let (layer, at) = (p.sides[0].layer, p.sides[0].a);
            let radius_m = p.capture_m.unwrap_or_default();
            for (c, d) in self.seeds(&layers[layer as usize], layer, at, radius_m) {
                self.distance[c] = self.distance[c].min(d);
            }
        }
        let all = Window { corner: [0, 0], size: self.size };
        let mut distance = std::mem::take(&mut self.distance);
        self.sweep(&mut distance, all, |c| self.owner[c] != NONE, |_| [f32::INFINITY; 4]);
        self.distance = distance;
    }

    /// Godunov's scheme in four orders until nothing changes, over the cells of a window that `of` names; `distance` is the window's.
    /// `beyond` gives distances that wait on the other side of its borders: left, right, below, above of a cell of the window.
    fn sweep(&self, distance: &mut [f32], w: Window, of: impl Fn(usize) -> bool, beyond: impl Fn(usize) -> [f32; 4]) {
        for sweep in 0..MOST_SWEEPS {
            let mut changed = 0.0_f32;
            for yy in 0..w.size[1] {
                let y = if sweep & 1 == 0 { yy } else { w.size[1] - 1 - yy };
                for xx in 0..w.size[0] {
                    let x = if sweep & 2 == 0 { xx } else { w.size[0] - 1 - xx };
                    let (c, k) = (self.cell(w, x, y), y * w.size[0] + x);
                    if !of(c) {
                        continue;
                    }
                    let [l, r, d, u] = self.around(distance, w, x, y, &beyond);
                    let new = eikonal(l.min(r), d.min(u), self.cell_m * self.slowness[c]);
                    if new < distance[k] {
                        changed = changed.max(if distance[k].is_finite() { distance[k] - new } else { 1.0 });
                        distance[k] = new;
                    }
                }
            }
            if sweep >= 3 && changed < 1e-3 {
                break;
            }
        }
    }

    fn cell(&self, w: Window, x: usize, y: usize) -> usize {
        (w.corner[1] + y) * self.size[0] + w.corner[0] + x
    }

    /// Distances of the four neighbours that one can walk to, within a window and beyond its borders.
    #[inline(always)]
    fn around(&self, distance: &[f32], w: Window, x: usize, y: usize, beyond: &impl Fn(usize) -> [f32; 4]) -> [f32; 4] {
        let (c, k) = (self.cell(w, x, y), y * w.size[0] + x);
        let [l, r, d, u] = beyond(k);
        let at = |ok: bool, k: usize, other: f32| if ok { distance[k].min(other) } else { other };
        [
            at(x > 0 && self.open[0][c - 1], k.wrapping_sub(1), l),
            at(x + 1 < w.size[0] && self.open[0][c], k + 1, r),
            at(y > 0 && self.open[1][c - self.size[0]], k.wrapping_sub(w.size[0]), d),
            at(y + 1 < w.size[1] && self.open[1][c], k + w.size[0], u),
        ]
    }

    /// The field of one way of a tile.
    fn field(&self, layer: &Layer, number: u32, portals: &[Portal], way: u32) -> Field {
        let (portal, side) = (&portals[(way >> 1) as usize], (way & 1) as usize);
        let other = portal.sides[1 - side].layer;
        let Some(square) = layer.square else { return Field::Straight };
        let corner = square.map(|s| s as usize * self.n);
        let window = Window { corner, size: [self.n; 2] };
        let local = |c: usize| (c / self.size[0] - corner[1]) * self.n + c % self.size[0] - corner[0];
        let mut ghosts = vec![f32::INFINITY; 4 * self.n * self.n];
        let mut seeds = Vec::new();
        let mut start = None;
        if let Some(radius_m) = portal.capture_m {
            seeds = self.seeds(layer, number, portal.sides[side].a, radius_m);
        } else if other != NONE && self.grid.holds(other) {
            let pairs = self.pairs(portal);
            let pairs: Vec<(usize, usize)> =
                pairs.into_iter().map(|(a, b)| if side == 0 { (a, b) } else { (b, a) }).collect();
            let best = pairs.iter().min_by(|a, b| self.distance[a.1].total_cmp(&self.distance[b.1])).copied();
            let base = best.map_or(f32::INFINITY, |b| self.distance[b.1]);
            start = best.filter(|_| base.is_finite()).map(|b| self.centre(b.1));
            for (near, far) in pairs.into_iter().filter(|_| base.is_finite()) {
                let slot = if far == near + 1 {
                    1
                } else if far + 1 == near {
                    0
                } else {
                    2 + usize::from(far > near)
                };
                ghosts[4 * local(near) + slot] = self.distance[far] - base;
            }
        } else {
            // Back into the building: nobody goes there.
            return Field::Straight;
        }
        let seeds: Vec<(usize, f32)> = seeds.into_iter().map(|(c, d)| (local(c), d)).collect();
        self.cells(number, window, &ghosts, &seeds, start)
    }

    /// Cells of a tile within an area of safety and their distance from its middle; the nearest open one where it holds none.
    fn seeds(&self, layer: &Layer, number: u32, at: V2, radius_m: f32) -> Vec<(usize, f32)> {
        let Some(square) = layer.square else { return Vec::new() };
        let rows = square[1] as usize * self.n..(square[1] as usize + 1) * self.n;
        let columns = square[0] as usize * self.n..(square[0] as usize + 1) * self.n;
        let cells = rows.flat_map(|y| columns.clone().map(move |x| (x, y))).map(|(x, y)| y * self.size[0] + x);
        let own = cells.filter(|c| self.owner[*c] == number).map(|c| (c, length(sub(self.centre(c), at))));
        let own: Vec<(usize, f32)> = own.collect();
        let least = own.iter().map(|s| s.1).fold(f32::INFINITY, f32::min);
        own.into_iter().filter(|s| s.1 <= radius_m.max(least)).collect()
    }

    fn cells(&self, number: u32, w: Window, ghosts: &[f32], seeds: &[(usize, f32)], start: Option<V2>) -> Field {
        let mut distance = vec![f32::INFINITY; w.size[0] * w.size[1]];
        seeds.iter().for_each(|(k, d)| distance[*k] = *d);
        let beyond = |k: usize| [ghosts[4 * k], ghosts[4 * k + 1], ghosts[4 * k + 2], ghosts[4 * k + 3]];
        self.sweep(&mut distance, w, |c| self.owner[c] == number, beyond);
        let heading = |k: usize| {
            let around = self.around(&distance, w, k % w.size[0], k / w.size[0], &beyond);
            descent(distance[k], around)
        };
        let heading = (0..distance.len()).map(heading).collect();
        let lo = [0, 1].map(|k| self.grid.lo[k] + w.corner[k] as f32 * self.cell_m);
        Field::Toward(Box::new(Cells::new(lo, self.cell_m, self.n, distance, heading)), start)
    }
}

/// A rectangle of cells.
#[derive(Debug, Clone, Copy)]
struct Window {
    corner: [usize; 2],
    size: [usize; 2],
}

/// Steepest descent at a cell, upwind, in 1/32767.
fn descent(here: f32, [l, r, d, u]: [f32; 4]) -> [i16; 2] {
    if here.is_infinite() {
        return [0, 0];
    }
    let slope = |low: f32, high: f32| {
        let (down, up) = ((here - low).max(0.0), (here - high).max(0.0));
        if down >= up { if low.is_finite() { -down } else { 0.0 } } else { up }
    };
    unit([slope(l, r), slope(d, u)]).map(|v| (v * 32767.0) as i16)
}

impl CrowdWorld {
    /// Walking distance from the outer side of a portal over open ground to the nearest place of safety, m; `None` where it leads to
    /// no ground, or from there is no way.
    #[must_use]
    pub fn walk_to_safety_m(&self, portal: PortalId) -> Option<f64> {
        let p = self.portals.get(portal.index())?;
        let inwards =
            (0..2).find(|k| p.sides[*k].layer != NONE && self.layers[p.sides[*k].layer as usize].square.is_some())?;
        let way = 2 * portal.0 + 1 - inwards as u32;
        let mut best: Vec<f32> = vec![f32::INFINITY; 2 * self.portals.len()];
        let mut heap = std::collections::BinaryHeap::new();
        let relax = |best: &mut Vec<f32>, heap: &mut std::collections::BinaryHeap<_>, from: u32, so_far: f32| {
            for (next, m) in &self.links[from as usize] {
                let ground = self.side(*next).layer != NONE && self.beyond(*next) == NONE
                    || self.layers.get(self.beyond(*next) as usize).is_some_and(|l| l.square.is_some());
                if ground && so_far + m < best[*next as usize] {
                    best[*next as usize] = so_far + m;
                    // Distances are not negative, so their bits order as they do.
                    heap.push(std::cmp::Reverse(((so_far + m).to_bits(), *next)));
                }
            }
        };
        relax(&mut best, &mut heap, way, 0.0);
        while let Some(std::cmp::Reverse((bits, w))) = heap.pop() {
            let so_far = f32::from_bits(bits);
            if so_far > best[w as usize] {
                continue;
            }
            if let (true, Some(radius)) = (w & 1 == 0, self.portals[(w >> 1) as usize].capture_m) {
                return Some(f64::from((so_far - radius).max(0.0)));
            }
            relax(&mut best, &mut heap, w, so_far);
        }
        None
    }

    /// Whether a layer is open ground.
    #[must_use]
    pub fn is_ground(&self, layer: LayerId) -> bool {
        self.layers.get(layer.index()).is_some_and(|l| l.square.is_some())
    }
}

/// Where somebody who takes a way from one tile to the next stands just beyond the border, in the coordinates of both.
pub(crate) fn arrival(world: &CrowdWorld, way: u32) -> Option<V2> {
    let side: &Side = world.side(way);
    let layer = world.layers.get(side.layer as usize)?;
    match &layer.fields[layer.way_index(way)?] {
        Field::Toward(_, start) => *start,
        _ => None,
    }
}
