//! Structures and ground that takes in water, as the words the passes read; layouts are those of `laws.wgsl`, `works.wgsl` and
//! `soil.wgsl`. What can be put in relation is, in `f64`: the device then counts depths only.

use sim_core::ParamError;

use super::pack::{Shape, pair};
use crate::faces::Law;
use crate::links::{LEAST_MANNING, edge_of};
use crate::structure::{Barrel, Culvert, Outlet, OutletLaw, Pump};
use crate::{FaceAxis, FaceId, FloodError, FloodForcing, FloodKernel, FloodParams, Grid, Infiltration, Structures};

/// Words of a pump's state, and where its discharge out of the domain is in them.
pub(crate) const PUMP_WORDS: usize = 4;
pub(crate) const PUMP_OUT: usize = 2;

/// Codes of faces: nothing passes; from `FIRST_LAW` on those with a law. 0 is open.
const WALL: u32 = 1;
const FIRST_LAW: u32 = 2;
/// No cell, no law.
const NONE: u32 = u32::MAX;
/// Workgroups in a row that every device offers.
const MOST_OUTLETS: usize = 65_535;

fn bits(x: f64) -> u32 {
    (x as f32).to_bits()
}

/// Refuses what the device cannot hold.
pub(crate) fn check(structures: &Structures) -> Result<(), FloodError> {
    match structures.outlets.len() {
        n if n > MOST_OUTLETS => {
            Err(ParamError::new("outlets on a GPU", n, "-", format!("0 to {MOST_OUTLETS}")).into())
        }
        _ => Ok(()),
    }
}

/// Codes of the west and south faces, one more column and row than cells.
pub(crate) fn face_codes(kernel: &FloodKernel, grid: &Grid) -> Vec<u32> {
    let (nx, ny) = (grid.nx, grid.ny);
    let west = |i: usize, j: usize| 2 * (j * (nx + 1) + i);
    let south = |i: usize, j: usize| west(i, j) + 1;
    let place = |f: &FaceId| west(f.i as usize, f.j as usize) + usize::from(f.axis == FaceAxis::Y);
    let mut codes = vec![0; 2 * (nx + 1) * (ny + 1)];
    for (face, law, _) in kernel.laws().faces() {
        codes[place(face)] = FIRST_LAW + law as u32;
    }
    for cell in (0..nx * ny).filter(|c| kernel.blocked()[*c]) {
        let (i, j) = (cell % nx, cell / nx);
        [west(i, j), west(i + 1, j), south(i, j), south(i, j + 1)].into_iter().for_each(|at| codes[at] = WALL);
    }
    if !kernel.open_edges() {
        (0..ny).for_each(|j| (codes[west(0, j)], codes[west(nx, j)]) = (WALL, WALL));
        (0..nx).for_each(|i| (codes[south(i, 0)], codes[south(i, ny)]) = (WALL, WALL));
    }
    for (face, law, _) in kernel.laws().faces().filter(|(_, _, outlet)| *outlet) {
        codes[place(face)] = FIRST_LAW + law as u32;
    }
    codes
}

/// What does not change of the laws of faces.
pub(crate) fn laws(kernel: &FloodKernel) -> Vec<u32> {
    let law = |law: &Law| match law {
        Law::Weir { crest, coefficient } => [0, u32::from(crest.len() > 1), bits(*coefficient), 0, 0, 0, 0, 0],
        Law::Gate { sill, top, contraction, share, .. } => {
            [1, 1, bits(*contraction), bits(*sill), bits(*top), bits(*share), 0, 0]
        }
        Law::Outlet { outward, .. } => [2, 1, bits(*outward), 0, 0, 0, 0, 0],
    };
    kernel.laws().all().iter().flat_map(law).collect()
}

/// Values over time of each law: crest or opening, metres; none of an outlet.
pub(crate) fn law_series(kernel: &FloodKernel) -> impl Iterator<Item = &[(f64, f64)]> {
    kernel.laws().all().iter().map(|law| match law {
        Law::Weir { crest, .. } => &crest[..],
        Law::Gate { opening, .. } => &opening[..],
        Law::Outlet { .. } => &[],
    })
}

/// Culverts, pumps, outlets with their cells and rating curves.
#[derive(Debug, Default)]
pub(crate) struct Works {
    pub culverts: Vec<u32>,
    pub pumps: Vec<u32>,
    pub outlets: Vec<u32>,
    pub outlet_cells: Vec<u32>,
    /// Points of rating curves, to follow the points of series.
    pub curves: Vec<u32>,
    /// Some outlet lies at an edge; some cell of one lies inside.
    pub at_edge: bool,
    pub inside: bool,
}

impl Works {
    /// `first_point`: points there are before the rating curves.
    pub(crate) fn new(shape: &Shape, kernel: &FloodKernel, params: &FloodParams, first_point: usize) -> Self {
        let s = kernel.structures();
        let mut out = Self::default();
        for c in s.culverts.iter().filter(|c| c.ends.iter().all(|cell| !kernel.blocked()[*cell as usize])) {
            out.culverts.extend(culvert(shape, kernel, params.gravity_mps2, c));
        }
        s.pumps.iter().for_each(|p| out.pumps.extend(pump(shape, kernel, p)));
        for (k, o) in s.outlets.iter().enumerate() {
            out.add_outlet(shape, kernel, k, o, first_point);
        }
        out
    }

    fn add_outlet(&mut self, shape: &Shape, kernel: &FloodKernel, index: usize, o: &Outlet, first_point: usize) {
        let curve = match &o.law {
            OutletLaw::NormalDepth { .. } => &[][..],
            OutletLaw::Rating { points } => points,
        };
        let first = self.outlet_cells.len() / 8;
        let curve_at = first_point + self.curves.len() / 4;
        self.outlets.extend([first as u32, o.cells.len() as u32, curve_at as u32, curve.len() as u32]);
        for (level, q) in curve {
            let [high, low] = pair(level - kernel.datum_m());
            self.curves.extend([high, low, bits(*q), 0]);
        }
        let law_of = |at: usize| {
            let here = |law: &Law| matches!(law, Law::Outlet { outlet, index: i, .. } if (*outlet, *i) == (index, at));
            kernel.laws().all().iter().position(here).map_or(NONE, |law| law as u32)
        };
        let edge = edge_of(&shape.grid, o);
        for (k, cell) in o.cells.iter().enumerate() {
            let c = *cell as usize;
            let at_edge = edge.is_some_and(|e| e.face(&shape.grid, *cell).is_some());
            let open = !kernel.blocked()[c];
            let weight = match o.law {
                _ if !open => 0.0,
                OutletLaw::NormalDepth { slope } => {
                    shape.grid.dx_m * slope.sqrt() / kernel.manning(c).max(LEAST_MANNING)
                }
                OutletLaw::Rating { .. } => 1.0,
            };
            let law = if at_edge { law_of(k) } else { NONE };
            (self.at_edge, self.inside) = (self.at_edge || at_edge, self.inside || (!at_edge && open));
            let bed = bits(kernel.bed_m(c));
            self.outlet_cells.extend([*cell, shape.tile_of(c) as u32, bed, bits(weight), law, 0, 0, 0]);
        }
    }
}

/// A culvert's coefficients; the formulas are in `links.rs`.
fn culvert(shape: &Shape, kernel: &FloodKernel, g: f64, c: &Culvert) -> [u32; 20] {
    let beds = c.ends.map(|cell| kernel.bed_m(cell as usize));
    let above = [0, 1].map(|k| beds[k] + kernel.datum_m() - c.invert_m[k]);
    let tiles = c.ends.map(|cell| shape.tile_of(cell as usize) as u32);
    let (is_pipe, width, height, inlet, critical) = match c.barrel {
        Barrel::Box { width_m: w, height_m: d } => {
            let full = 0.702 * g.sqrt() * w * libm::pow(d, 0.89);
            (0, w, d, [0.544 * g.sqrt() * w, 1.5, full, 0.61], [1.0 / libm::cbrt(g * w * w), 2.0 / 3.0])
        }
        Barrel::Pipe { diameter_m: d } => {
            let free = 0.421 * g.sqrt() * libm::pow(d, 0.87);
            let full = 0.530 * g.sqrt() * libm::pow(d, 1.87);
            (1, d, d, [free, 1.63, full, 0.63], [1.01 / (libm::pow(d, 0.26) * g.sqrt().sqrt()), 0.5])
        }
    };
    let [a, b, full, power] = inlet.map(bits);
    let friction = 2.0 * g * c.manning * c.manning * c.length_m;
    [
        c.ends[0],
        c.ends[1],
        tiles[0],
        tiles[1],
        bits(above[0]),
        bits(above[1]),
        bits(beds[1] - beds[0]),
        bits(f64::from(c.barrels) * c.open_share),
        a,
        b,
        full,
        power,
        bits(critical[0]),
        bits(critical[1]),
        is_pipe,
        bits(width),
        bits(height),
        bits(c.losses),
        bits(friction),
        0,
    ]
}

fn pump(shape: &Shape, kernel: &FloodKernel, p: &Pump) -> [u32; 8] {
    let tile = |cell: u32| shape.tile_of(cell as usize) as u32;
    let ground = kernel.bed_m(p.from as usize) + kernel.datum_m();
    let blocked = |cell: u32| kernel.blocked()[cell as usize];
    let shut = blocked(p.from) || p.to.is_some_and(blocked);
    [
        p.from,
        tile(p.from),
        p.to.unwrap_or(NONE),
        p.to.map_or(NONE, tile),
        bits(p.start_m - ground),
        bits(p.stop_m - ground),
        bits(p.capacity_m3ps / shape.grid.cell_area_m2()),
        u32::from(shut),
    ]
}

/// Kinds of ground, SI units.
pub(crate) fn soils(forcing: &FloodForcing) -> Vec<u32> {
    let mps = |mmph: f64| mmph * 1e-3 / 3600.0;
    let soil = |kind: &Infiltration| match *kind {
        Infiltration::None => [0; 4],
        Infiltration::GreenAmpt { conductivity_mmph, suction_m, deficit } => {
            [1, bits(mps(conductivity_mmph)), bits(suction_m * deficit), 0]
        }
        Infiltration::Horton { initial_mmph, end_mmph, decay_ph } => {
            [2, bits(mps(initial_mmph) - mps(end_mmph)), bits(mps(end_mmph)), bits(0.5 * decay_ph / 3600.0)]
        }
        Infiltration::InitialContinuing { initial_mm, continuing_mmph } => {
            [3, bits(initial_mm * 1e-3), bits(mps(continuing_mmph)), 0]
        }
    };
    forcing.forcing().soil.kinds.iter().flat_map(soil).collect()
}

/// Kind of ground of each cell, four in a word; empty while all ground is sealed.
pub(crate) fn soil_kinds(kernel: &FloodKernel, forcing: &FloodForcing) -> Vec<u32> {
    let kinds = kernel.layout().track_cells(&forcing.soil_kind);
    let word = |four: &[u8]| four.iter().enumerate().fold(0, |w, (k, kind)| w | u32::from(*kind) << (8 * k));
    kinds.chunks(4).map(word).collect()
}

/// Per tile: some of its ground takes in water.
pub(crate) fn pervious(shape: &Shape, kernel: &FloodKernel, forcing: &FloodForcing) -> Vec<bool> {
    let mut out = vec![false; shape.tiles()];
    for (cell, kind) in kernel.layout().track_cells(&forcing.soil_kind).into_iter().enumerate() {
        out[shape.tile_of(cell)] |= forcing.forcing().soil.kinds[usize::from(kind)] != Infiltration::None;
    }
    out
}
