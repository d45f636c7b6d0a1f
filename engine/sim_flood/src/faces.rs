//! Faces whose flux follows a law of their own: walls that water runs over, moving crests, gates.

use std::collections::BTreeMap;

use crate::barrier::{BROAD_CREST, Barrier};
use crate::forcing::linear_at;
use crate::links::edge_of;
use crate::rows::{BUF, Flux, Side, Step, TILE_W, fluxes};
use crate::state::{Layout, PAD};
use crate::structure::{Gate, Outlet, Structures};
use crate::tile::{TILE_H, Tile};
use crate::{FaceAxis, FaceId, Grid, Real};

/// Law of a face, elevations relative to the kernel's datum.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Law {
    Weir { crest: Vec<(f64, f64)>, coefficient: f64 },
    Gate { sill: f64, opening: Vec<(f64, f64)>, top: f64, contraction: f64, share: f64 },
    Outlet { outlet: usize, index: usize, outward: f64 },
}

/// A law at the time of a step.
#[derive(Debug, Clone, Copy)]
enum Now {
    Weir {
        crest: f64,
        moving: bool,
        coefficient: f64,
    },
    Gate {
        sill: f64,
        opening: f64,
        top: f64,
        contraction: f64,
        share: f64,
    },
    /// Discharge per metre, m2/s.
    Outlet {
        q: f64,
        outward: f64,
    },
}

/// A face of a tile with a law.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    /// Row of the field: the cell's whose west or south face it is.
    row: usize,
    /// Position in the row of fluxes.
    at: usize,
    law: usize,
}

/// Faces with laws of one tile and its halo, by row.
#[derive(Debug, Clone, Default)]
pub(crate) struct TileLaws {
    x: Vec<Place>,
    y: Vec<Place>,
}

/// All faces with laws.
#[derive(Debug, Clone, Default)]
pub(crate) struct Laws {
    laws: Vec<Law>,
    /// Crest to put on each face: of a gate and of a moving wall an impassable one, its law looks after the rest.
    crests: BTreeMap<FaceId, (f64, usize)>,
    tiles: Vec<TileLaws>,
}

impl Laws {
    /// Prepares the laws of structures that have been checked.
    pub(crate) fn new(
        structures: &Structures,
        layout: &Layout,
        datum_m: f64,
        blocked: &[bool],
        open_edges: bool,
    ) -> Self {
        let mut out = Self::default();
        for b in &structures.barriers {
            out.add_barrier(b, datum_m);
        }
        for g in &structures.gates {
            out.add_gate(g, layout.grid.dx_m, datum_m);
        }
        for (k, o) in structures.outlets.iter().enumerate() {
            out.add_outlet(k, o, &layout.grid, blocked);
        }
        out.tiles = vec![TileLaws::default(); layout.tiles_x * layout.tiles_y];
        for (face, (_, law)) in &out.crests {
            if !out.is_outlet(*law) && !passable(&layout.grid, face, blocked, open_edges) {
                continue;
            }
            for tile in tiles_of(layout, face) {
                let (tx, ty) = (tile % layout.tiles_x, tile / layout.tiles_x);
                let t = Tile::new(layout, tx, ty);
                let place = |shift: usize| Place {
                    row: PAD + face.j as usize,
                    at: face.i as usize + shift - t.strip * TILE_W,
                    law: *law,
                };
                match face.axis {
                    FaceAxis::X => out.tiles[tile].x.push(place(1)),
                    FaceAxis::Y => out.tiles[tile].y.push(place(1)),
                }
            }
        }
        for t in &mut out.tiles {
            t.x.sort_unstable_by_key(|p| (p.row, p.at));
            t.y.sort_unstable_by_key(|p| (p.row, p.at));
        }
        out
    }

    fn add_barrier(&mut self, b: &Barrier, datum_m: f64) {
        let series = if b.crest_series.is_empty() { &[(0.0, b.crest_m)][..] } else { &b.crest_series };
        let crest: Vec<_> = series.iter().map(|(t, z)| (*t, z - datum_m)).collect();
        let highest = crest.iter().fold(f64::NEG_INFINITY, |m, c| m.max(c.1));
        let shown = if crest.len() == 1 { highest } else { f64::INFINITY };
        let law = self.laws.len();
        self.laws.push(Law::Weir { crest, coefficient: b.discharge_coefficient });
        for f in &b.faces {
            let old = self.crests.get(f).map_or(f64::NEG_INFINITY, |(_, law)| self.highest(*law));
            if highest > old {
                self.crests.insert(*f, (shown, law));
            }
        }
    }

    fn highest(&self, law: usize) -> f64 {
        match &self.laws[law] {
            Law::Weir { crest, .. } => crest.iter().fold(f64::NEG_INFINITY, |m, c| m.max(c.1)),
            Law::Gate { .. } | Law::Outlet { .. } => f64::INFINITY,
        }
    }

    fn add_gate(&mut self, g: &Gate, dx_m: f64, datum_m: f64) {
        let width = g.faces.len() as f64 * dx_m;
        let share = if g.clear_width_m > 0.0 { (g.clear_width_m / width).min(1.0) } else { 1.0 };
        let law = self.laws.len();
        self.laws.push(Law::Gate {
            sill: g.sill_m - datum_m,
            opening: g.opening_m.clone(),
            top: g.top_m - datum_m,
            contraction: g.contraction,
            share,
        });
        self.crests.extend(g.faces.iter().map(|f| (*f, (f64::INFINITY, law))));
    }

    fn add_outlet(&mut self, outlet: usize, o: &Outlet, grid: &Grid, blocked: &[bool]) {
        let Some(edge) = edge_of(grid, o) else { return };
        for (index, cell) in o.cells.iter().enumerate().filter(|(_, c)| !blocked[**c as usize]) {
            if let Some(face) = edge.face(grid, *cell) {
                self.crests.insert(face, (f64::INFINITY, self.laws.len()));
                self.laws.push(Law::Outlet { outlet, index, outward: edge.outward() });
            }
        }
    }

    fn is_outlet(&self, law: usize) -> bool {
        matches!(self.laws[law], Law::Outlet { .. })
    }

    #[cfg(feature = "gpu")]
    pub(crate) fn all(&self) -> &[Law] {
        &self.laws
    }

    /// Law of each face with one, and whether it is an outlet's: only that lets water through a closed edge.
    #[cfg(feature = "gpu")]
    pub(crate) fn faces(&self) -> impl Iterator<Item = (&FaceId, usize, bool)> {
        self.crests.iter().map(|(face, (_, law))| (face, *law, self.is_outlet(*law)))
    }

    /// Crests to put on faces, relative to the datum; infinite for an impassable one.
    pub(crate) fn crests(&self) -> impl Iterator<Item = (&FaceId, f64)> {
        self.crests.iter().map(|(face, (crest, _))| (face, *crest))
    }

    /// No laws, for a pass that looks at no face.
    pub(crate) fn none(&self) -> LawsNow<'_> {
        LawsNow { now: Vec::new(), tiles: &self.tiles }
    }

    /// The laws at a time, with the discharge out of each cell of each outlet, m3/s.
    pub(crate) fn at_time(&self, t_s: f64, outlets: &[Vec<f64>], dx_m: f64) -> LawsNow<'_> {
        let now = |law: &Law| match law {
            Law::Weir { crest, coefficient } => {
                Now::Weir { crest: linear_at(crest, t_s), moving: crest.len() > 1, coefficient: *coefficient }
            }
            Law::Gate { sill, opening, top, contraction, share } => Now::Gate {
                sill: *sill,
                opening: linear_at(opening, t_s),
                top: *top,
                contraction: *contraction,
                share: *share,
            },
            Law::Outlet { outlet, index, outward } => {
                Now::Outlet { q: outlets[*outlet][*index] / dx_m, outward: *outward }
            }
        };
        LawsNow { now: self.laws.iter().map(now).collect(), tiles: &self.tiles }
    }
}

/// Whether water can pass a face at all: no building beside it, no closed edge.
fn passable(grid: &Grid, face: &FaceId, blocked: &[bool], open_edges: bool) -> bool {
    let (i, j) = (face.i as usize, face.j as usize);
    let before = match face.axis {
        FaceAxis::X => i.checked_sub(1).map(|i| (i, j)),
        FaceAxis::Y => j.checked_sub(1).map(|j| (i, j)),
    };
    let open = |at: Option<(usize, usize)>| match at.and_then(|(i, j)| grid.cell(i, j)) {
        Some(cell) => !blocked[cell as usize],
        None => open_edges,
    };
    open(before) && open(Some((i, j)))
}

/// Tiles whose fluxes, those of one more ring of cells included, contain a face.
fn tiles_of(layout: &Layout, face: &FaceId) -> Vec<usize> {
    let (i, j) = (face.i as usize, face.j as usize);
    // Faces west of the cells from one west of the tile to one east of it and one more; likewise rows.
    let (after_x, after_y) = if face.axis == FaceAxis::X { (2, 1) } else { (1, 2) };
    let span = |k: usize, size: usize, after: usize, tiles: usize| {
        (0..tiles).filter(move |t| k + 1 >= t * size && k < (t + 1) * size + after)
    };
    span(j, TILE_H, after_y, layout.tiles_y)
        .flat_map(|ty| span(i, TILE_W, after_x, layout.tiles_x).map(move |tx| ty * layout.tiles_x + tx))
        .collect()
}

/// The laws at the time of a step.
#[derive(Debug, Clone)]
pub(crate) struct LawsNow<'a> {
    now: Vec<Now>,
    tiles: &'a [TileLaws],
}

impl LawsNow<'_> {
    /// Replaces the fluxes of the faces of one row that have a law.
    pub(crate) fn apply<R: Real>(
        &self,
        tile: usize,
        axis: FaceAxis,
        row: usize,
        k: &Step<R>,
        low: Side<'_, R>,
        high: Side<'_, R>,
        flux: &mut Flux<R>,
    ) {
        let places = if axis == FaceAxis::X { &self.tiles[tile].x } else { &self.tiles[tile].y };
        let from = places.partition_point(|p| p.row < row);
        for p in places[from..].iter().take_while(|p| p.row == row) {
            let (lo, hi) = (low.from(p.at), high.from(p.at));
            // Films stay where they are, whatever the law: a skipped tile relies on it.
            if lo.now[0] <= k.dry && hi.now[0] <= k.dry {
                continue;
            }
            match self.now[p.law] {
                // A wall that stands above the water was dealt with in the row.
                Now::Weir { moving: false, .. } if flux.mass[p.at] == R::ZERO => {}
                Now::Weir { crest, coefficient, .. } => weir(k, lo, hi, crest, coefficient, flux, p.at),
                Now::Gate { sill, opening, top, contraction, share } => {
                    gate(k, lo, hi, [sill, sill + opening, top], contraction, share, flux, p.at);
                }
                Now::Outlet { q, outward } => outlet(k, lo, hi, q, outward, flux, p.at),
            }
        }
    }
}

/// What a face with a law sees of one side. `sign`: 1 on the low side, -1 on the high one.
#[derive(Debug, Clone, Copy)]
struct Bank {
    depth: f64,
    /// Velocity along the face's normal.
    normal: f64,
    across: f64,
    level: f64,
    /// Speed of the wave that a wall at the face sends back, m/s.
    back: f64,
}

impl Bank {
    fn new<R: Real>(s: Side<'_, R>, g: f64, sign: f64) -> Self {
        let at = |centre: &[R], offset: &[R]| centre[0].to_f64() + sign * offset[0].to_f64();
        let (depth, normal) = (at(s.h, s.dh).max(0.0), at(s.un, s.dun));
        let wave = (g * depth).sqrt();
        let towards = sign * normal;
        Self {
            depth,
            normal,
            across: at(s.ut, s.dut),
            level: s.z[0].to_f64() + s.h[0].to_f64() + sign * s.de[0].to_f64(),
            back: (wave - towards).max(wave + 0.5 * towards),
        }
    }

    fn bed(&self) -> f64 {
        self.level - self.depth
    }

    /// Momentum flux of a stream `mass` that leaves towards the face or comes from it with velocity `speed`, beyond the thrust
    /// of the water at rest: what does not fit the water's own motion goes back as one wave.
    fn momentum(&self, mass: f64, speed: f64, sign: f64) -> f64 {
        let push = mass * speed + sign * self.back * (self.depth * self.normal - mass);
        // A wall cannot pull by more than there is.
        sign * (sign * push).max(-0.5 * self.back * self.back * self.depth)
    }
}

/// A discharge by law over a face: mass flux and the velocity with which it comes out.
#[derive(Debug, Clone, Copy)]
struct Stream {
    mass: f64,
    speed: f64,
    /// Thrust of a jet beyond that of the water it comes into, m3/s2, in the direction of the flow.
    thrust: f64,
}

/// Writes a stream, mixed with a share `swe` of the shallow-water flux over `crest`.
fn put<R: Real>(
    k: &Step<R>,
    lo: Side<'_, R>,
    hi: Side<'_, R>,
    banks: [Bank; 2],
    s: Stream,
    (swe, crest): (f64, f64),
    flux: &mut Flux<R>,
    at: usize,
) {
    let down = usize::from(s.mass >= 0.0);
    let mut momentum = [0.0; 2];
    for (side, bank) in banks.iter().enumerate() {
        let sign = if side == 0 { 1.0 } else { -1.0 };
        let speed = if side == down { s.speed } else { bank.normal };
        momentum[side] = bank.momentum(s.mass, speed, sign);
    }
    momentum[down] += if down == 1 { s.thrust } else { -s.thrust };
    let across = if s.mass > 0.0 { banks[0].across } else { banks[1].across };
    let mut mixed = [s.mass, momentum[0], momentum[1], s.mass * across];
    if swe > 0.0 {
        let mut open = Flux::default();
        fluxes::<R, true, false>(1, k, lo, hi, &[R::of(crest)], &[], &mut open);
        for (m, o) in mixed.iter_mut().zip([open.mass[0], open.lo[0], open.hi[0], open.cross[0]]) {
            *m += swe * (o.to_f64() - *m);
        }
    }
    (flux.mass[at], flux.lo[at]) = (R::of(mixed[0]), R::of(mixed[1]));
    (flux.hi[at], flux.cross[at]) = (R::of(mixed[2]), R::of(mixed[3]));
}

fn banks<R: Real>(k: &Step<R>, lo: Side<'_, R>, hi: Side<'_, R>) -> [Bank; 2] {
    let g = k.g.to_f64();
    [Bank::new(lo, g, 1.0), Bank::new(hi, g, -1.0)]
}

fn weir<R: Real>(
    k: &Step<R>,
    lo: Side<'_, R>,
    hi: Side<'_, R>,
    crest: f64,
    coefficient: f64,
    flux: &mut Flux<R>,
    at: usize,
) {
    let banks = banks(k, lo, hi);
    let [left, right] = banks.map(|b| (b.level - crest).max(0.0));
    let height = crest - banks[0].bed().max(banks[1].bed());
    let mass = weir_discharge(k.g.to_f64(), coefficient, left, right);
    let (up, down) = (left.max(right), left.min(right));
    let over = down.max(2.0 / 3.0 * up);
    let speed = if over > 0.0 { mass / over } else { 0.0 };
    let swe = shallow_share(up, down, height);
    put(k, lo, hi, banks, Stream { mass, speed, thrust: 0.0 }, (swe, crest), flux, at);
}

/// Discharge per metre of crest from left to right, m2/s.
fn weir_discharge(g: f64, coefficient: f64, left: f64, right: f64) -> f64 {
    let (up, down) = (left.max(right), left.min(right));
    if up <= 0.0 {
        return 0.0;
    }
    let ideal = coefficient * (2.0 / 3.0) * (2.0 * g).sqrt() * up * up.sqrt();
    let drowned = down / up;
    // Villemonte 1947.
    let q = ideal * libm::pow((1.0 - drowned * drowned.sqrt()).max(0.0), 0.385);
    if left >= right { q } else { -q }
}

/// Weight of the shallow-water flux: 0 for a free or little drowned weir; 1 from a drowning of 95 % or from an overflow as deep as
/// 1.5 times the wall's height (limits as for the river walls of ANUGA's manual).
fn shallow_share(up: f64, down: f64, height: f64) -> f64 {
    let ramp = |x: f64, from: f64, to: f64| ((x - from) / (to - from)).clamp(0.0, 1.0);
    let drowned = if up > 0.0 { ramp(down / up, 0.9, 0.95) } else { 0.0 };
    let deep = if height > 0.0 { ramp(up / height, 1.0, 1.5) } else { 1.0 };
    drowned.max(deep)
}

/// `levels`: sill, lower edge of the leaf, upper edge.
fn gate<R: Real>(
    k: &Step<R>,
    lo: Side<'_, R>,
    hi: Side<'_, R>,
    levels: [f64; 3],
    contraction: f64,
    width_share: f64,
    flux: &mut Flux<R>,
    at: usize,
) {
    let [sill, lip, top] = levels;
    let g = k.g.to_f64();
    let banks = banks(k, lo, hi);
    let [left, right] = banks.map(|b| (b.level - sill).max(0.0));
    let (up, down, opening) = (left.max(right), left.min(right), lip - sill);
    // Water that does not touch the leaf passes as in a channel, from there to 1.5 openings less and less so.
    let swe = if opening > 0.0 { width_share * (1.5 - 0.5 * up / opening).clamp(0.0, 1.0) } else { 0.0 };
    let jet_m = contraction * opening;
    let under = width_share * jet(g, jet_m, up, down);
    let above = |head: f64| (head + sill - top).max(0.0);
    let over = if top > lip { weir_discharge(g, BROAD_CREST, above(left), above(right)).abs() } else { 0.0 };
    let sign = if left >= right { 1.0 } else { -1.0 };
    let mass = sign * (under + over);
    let speed = if under > 0.0 { sign * under / (width_share * jet_m) } else { 0.0 };
    let thrust = if under > 0.0 && down < jet_m { 0.5 * g * (jet_m * jet_m - down * down) } else { 0.0 };
    put(k, lo, hi, banks, Stream { mass, speed, thrust }, (swe, sill), flux, at);
}

/// Water leaves over an edge with its own velocity; what lies beyond the edge sees none of it.
fn outlet<R: Real>(k: &Step<R>, lo: Side<'_, R>, hi: Side<'_, R>, q: f64, outward: f64, flux: &mut Flux<R>, at: usize) {
    let inside = banks(k, lo, hi)[usize::from(outward < 0.0)];
    let mass = if inside.depth > k.dry.to_f64() { outward * q } else { 0.0 };
    let speed = if mass == 0.0 { 0.0 } else { mass / inside.depth };
    let momentum = R::of(mass * speed);
    (flux.mass[at], flux.lo[at], flux.hi[at]) = (R::of(mass), momentum, momentum);
    flux.cross[at] = R::of(mass * inside.across);
}

/// Discharge per metre under a leaf, m2/s: energy of the water before the gate, that comes on with the discharge itself, and of
/// the jet of depth `jet_m` behind it, under the tail water if that is deeper.
fn jet(g: f64, jet_m: f64, up: f64, down: f64) -> f64 {
    let head = up - down.max(jet_m);
    if head <= 0.0 || up <= jet_m || jet_m <= 0.0 {
        return 0.0;
    }
    let approach = 1.0 - (jet_m / up) * (jet_m / up);
    jet_m * (2.0 * g * head / approach).sqrt()
}

/// Crests of all west and south faces of a grid in the layout's order, walls around blocked cells and the edges included.
pub(crate) fn crest_rasters<R: Real>(laws: &Laws, layout: &Layout, blocked: &[bool], open_edges: bool) -> [Vec<R>; 2] {
    let grid = layout.grid;
    // Faces in grid order: one more column of west faces, one more row of south faces.
    let (across, cells) = (grid.nx + 1, grid.cell_count());
    let mut w = vec![R::NO_CREST; across * grid.ny];
    let mut s = vec![R::NO_CREST; cells + grid.nx];
    for (f, crest) in laws.crests() {
        let (i, j) = (f.i as usize, f.j as usize);
        let face = if f.axis == FaceAxis::X { &mut w[j * across + i] } else { &mut s[j * grid.nx + i] };
        *face = if crest.is_finite() { R::of(crest) } else { R::WALL };
    }
    for cell in (0..cells).filter(|c| blocked[*c]) {
        let west = cell / grid.nx * across + cell % grid.nx;
        (w[west], w[west + 1], s[cell], s[cell + grid.nx]) = (R::WALL, R::WALL, R::WALL, R::WALL);
    }
    if !open_edges {
        for row in w.chunks_exact_mut(across) {
            (row[0], row[grid.nx]) = (R::WALL, R::WALL);
        }
        s[..grid.nx].fill(R::WALL);
        s[cells..].fill(R::WALL);
    }
    let face = |faces: &[R], i: isize, j: isize, nx: usize, ny: usize| {
        let there = i >= 0 && j >= 0 && i < nx as isize && j < ny as isize;
        if there { faces[j as usize * nx + i as usize] } else { R::NO_CREST }
    };
    [layout.ground(|i, j| face(&w, i, j, across, grid.ny)), layout.ground(|i, j| face(&s, i, j, grid.nx, grid.ny + 1))]
}

/// Per tile: whether a crest is on or near it.
pub(crate) fn near_crests<R: Real>(layout: &Layout, rasters: &[Vec<R>; 2]) -> Vec<bool> {
    let near = |t: Tile| {
        (t.r0 - 2..(t.r1 + 3).min(layout.rows)).any(|j| {
            let at = (t.strip * layout.rows + j) * BUF;
            rasters.iter().any(|r| r[at..at + BUF].iter().any(|c| *c > R::NO_CREST))
        })
    };
    (0..layout.tiles_y).flat_map(|ty| (0..layout.tiles_x).map(move |tx| near(Tile::new(layout, tx, ty)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FloodParams, FloodRunOf, Forcing, Initial, Terrain};
    use sim_core::CancelToken;

    /// An open gate between a tile that is computed and one that is skipped, both with films below the dry depth.
    #[test]
    fn a_gate_draws_no_film_out_of_a_skipped_tile() {
        let grid = Grid { nx: 2 * TILE_W, ny: 5, dx_m: 1.0 };
        let step = TILE_W as f64;
        let terrain = Terrain::from_fn(grid, 0.03, |x, _| if x < 5.0 { 0.0 } else { 3.0 + f64::from(x > step) });
        let column = |k: usize| k % grid.nx;
        let depth_m = (0..grid.cell_count()).map(|k| if column(k) < 5 { 1.0 } else { 5e-5 }).collect();
        let faces = (0..5).map(|j| FaceId { axis: FaceAxis::X, i: TILE_W as u32, j }).collect();
        let gate = Gate { faces, sill_m: 2.0, opening_m: vec![(0.0, 0.2)], ..Gate::default() };
        let gates = Structures { gates: vec![gate], ..Structures::default() };
        let initial = Initial { depth_m, ..Initial::default() };
        let params = FloodParams::default();
        let mut run = FloodRunOf::<f64>::new(terrain, gates, Forcing::default(), params, initial).unwrap();
        let stats = run.advance_to(20.0, &CancelToken::new()).unwrap();
        assert!(stats.cell_steps < stats.steps * grid.cell_count() as u64, "nothing was skipped");
        assert!(run.ledger().relative_error() < 1e-14, "{:?}", run.ledger());
    }
}
