//! Buildings smaller than a cell: porosity (孔隙率) of cells and faces.
//!
//! Integral porosity (Sanders, Schubert and Gallegos 2008, J. Hydrol. 362): a cell holds water on its free share φ, a face lets the
//! share ψ of its flux through, walls on the rest push back as the water at rest beside them does. Fluxes are counted less
//! that thrust (see `rows`), so a share of them is all there is to take, and water at rest stays at rest whatever φ and ψ.
//! What walls take beyond that is drag, if given, and what runs against narrow gaps (see `rows::fluxes`). Faces with a law of
//! their own (walls, gates) let through what the law says.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sim_core::{Checksum, ParamError};

use crate::grid::{check_cells, check_len};
use crate::rows::BUF;
use crate::state::Layout;
use crate::tile::Tile;
use crate::{FloodError, Grid, Real};

/// Least free share of a cell with water, see [`Cover::full`]: below it steps of the level would be steep and a cell is better blocked.
pub const LEAST_FREE: f64 = 0.05;

/// Free shares of cells and faces. Empty (the default) where every cell is wholly free.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Porosity {
    /// Free share φ of each cell's area, [`LEAST_FREE`] to 1, in [`Grid`] order.
    pub storage: Vec<f64>,
    /// Free share ψ of the west face of each cell and of the east edge, 0 to 1: `ny` rows of `nx + 1`. A face lets through no
    /// more than the emptier cell's φ, so that the step need not shrink.
    pub west: Vec<f64>,
    /// Free share of the south face of each cell and of the north edge: `ny + 1` rows of `nx`.
    pub south: Vec<f64>,
    /// Drag of the buildings in each cell, 1/m, 0 to 100: half the drag coefficient times frontal width per free area. Empty: none.
    pub drag_per_m: Vec<f64>,
}

impl Porosity {
    /// One share for all cells and faces.
    #[must_use]
    pub fn uniform(grid: &Grid, share: f64) -> Self {
        let (cells, west, south) = (grid.cell_count(), (grid.nx + 1) * grid.ny, grid.nx * (grid.ny + 1));
        Self { storage: vec![share; cells], west: vec![share; west], south: vec![share; south], drag_per_m: vec![] }
    }

    /// Whether every cell is wholly free.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.storage.is_empty() && self.west.is_empty() && self.south.is_empty() && self.drag_per_m.is_empty()
    }

    /// For solvers that know nothing of it.
    pub(crate) fn only_none(&self, solver: &str) -> Result<(), FloodError> {
        if self.is_none() {
            return Ok(());
        }
        Err(ParamError::new("porosity", "given", "-", format!("none in {solver}: use the full solver on the CPU"))
            .into())
    }

    pub(crate) fn validate(&self, grid: &Grid) -> Result<(), FloodError> {
        if self.is_none() {
            return Ok(());
        }
        check_len("porosity.storage", self.storage.len(), grid.cell_count())?;
        check_len("porosity.west", self.west.len(), (grid.nx + 1) * grid.ny)?;
        check_len("porosity.south", self.south.len(), grid.nx * (grid.ny + 1))?;
        check_cells("porosity.storage", &self.storage, "of the cell", LEAST_FREE, 1.0)?;
        check_cells("porosity.west", &self.west, "of the face", 0.0, 1.0)?;
        check_cells("porosity.south", &self.south, "of the face", 0.0, 1.0)?;
        if !self.drag_per_m.is_empty() {
            check_len("porosity.drag_per_m", self.drag_per_m.len(), grid.cell_count())?;
        }
        check_cells("porosity.drag_per_m", &self.drag_per_m, "1/m", 0.0, 100.0)
    }

    pub(crate) fn digest(&self, c: &mut Checksum) {
        [&self.storage, &self.west, &self.south, &self.drag_per_m].iter().for_each(|part| c.add_f64s(part));
    }
}

/// What buildings cover, in 8 x 8 parts of each cell: the way from footprints to porosity.
#[derive(Debug, Clone, PartialEq)]
pub struct Cover {
    grid: Grid,
    /// Per cell: a bit per covered part, row by row from the south-west.
    parts: Vec<u64>,
}

/// Parts along a cell.
const PARTS: usize = 8;
/// The west-most column and the south-most row of parts.
const COLUMN: u64 = 0x0101_0101_0101_0101;
const ROW: u64 = 0xff;

impl Cover {
    /// Nothing covered.
    #[must_use]
    pub fn new(grid: Grid) -> Self {
        Self { grid, parts: vec![0; grid.cell_count()] }
    }

    /// Covers the parts of a cell whose centres (raster frame, metres) lie inside; no cell, no change.
    pub fn mark(&mut self, cell: u32, inside: impl Fn([f64; 2]) -> bool) {
        let Some(parts) = self.parts.get_mut(cell as usize) else { return };
        let (i, j) = (cell as usize % self.grid.nx, cell as usize / self.grid.nx);
        let along = |k: usize, part: usize| (k as f64 + (part as f64 + 0.5) / PARTS as f64) * self.grid.dx_m;
        for bit in (0..PARTS * PARTS).filter(|bit| inside([along(i, bit % PARTS), along(j, bit / PARTS)])) {
            *parts |= 1 << bit;
        }
    }

    /// Free share of a cell; 1 outside the raster.
    #[must_use]
    pub fn free(&self, cell: u32) -> f64 {
        self.parts.get(cell as usize).map_or(1.0, |parts| f64::from(parts.count_zeros()) / (PARTS * PARTS) as f64)
    }

    /// Whether too little of a cell is free for water: such cells are to be blocked.
    #[must_use]
    pub fn full(&self, cell: u32) -> bool {
        self.free(cell) < LEAST_FREE
    }

    /// Free shares: of a cell that of its parts, of a face the least over the lines of parts across the way from one cell's centre to
    /// the other's. Full cells count as free: they are to be blocked.
    ///
    /// `drag`: coefficient of buildings smaller than a cell, whose frontal width is taken as the root of the area they cover; 0
    /// for none.
    #[must_use]
    pub fn porosity(&self, drag: f64) -> Porosity {
        let (nx, ny) = (self.grid.nx, self.grid.ny);
        let at = |i: usize, j: usize| self.parts[j * nx + i];
        let storage = (0..self.grid.cell_count() as u32).map(|c| if self.full(c) { 1.0 } else { self.free(c) });
        let column = |k: usize| COLUMN << k;
        let row = |k: usize| ROW << (PARTS * k);
        let west = (0..(nx + 1) * ny).map(|f| {
            let (i, j) = (f % (nx + 1), f / (nx + 1));
            between((i > 0).then(|| at(i - 1, j)), (i < nx).then(|| at(i, j)), column)
        });
        let south = (0..nx * (ny + 1)).map(|f| {
            let (i, j) = (f % nx, f / nx);
            between((j > 0).then(|| at(i, j - 1)), (j < ny).then(|| at(i, j)), row)
        });
        let storage: Vec<f64> = storage.collect();
        let per_m = |free: &f64| 0.5 * drag * (1.0 - free).sqrt() / (self.grid.dx_m * free);
        let drag_per_m = if drag > 0.0 { storage.iter().map(per_m).collect() } else { Vec::new() };
        Porosity { storage, west: west.collect(), south: south.collect(), drag_per_m }
    }
}

/// Least free share of the lines of parts in the near halves of two cells.
fn between(low: Option<u64>, high: Option<u64>, line: impl Fn(usize) -> u64) -> f64 {
    let covered = |parts: Option<u64>, k: usize| parts.map_or(0, |p| (p & line(k)).count_ones());
    let most = (0..PARTS / 2).map(|k| covered(high, k).max(covered(low, PARTS - 1 - k))).max().unwrap_or(0);
    1.0 - f64::from(most) / PARTS as f64
}

/// Porosity prepared for stepping.
#[derive(Debug, Clone, Default)]
pub(crate) struct Porous<R> {
    /// φ and 1 / φ per cell: grounds of the layout.
    pub cell: Vec<R>,
    pub inv: Vec<R>,
    /// Shares of west and south faces, drag per metre: grounds.
    pub west: Vec<R>,
    pub south: Vec<R>,
    pub drag: Vec<R>,
    /// Per tile: a share below 1 or a drag on or near it.
    pub near: Vec<bool>,
    /// φ per cell as it is counted, the inverse of `inv`.
    pub free: Arc<[f64]>,
}

impl<R: Real> Porous<R> {
    /// `None` where everything is free.
    pub(crate) fn new(p: &Porosity, layout: &Layout) -> Option<Self> {
        if p.is_none() {
            return None;
        }
        let (nx, ny) = (layout.grid.nx, layout.grid.ny);
        let clamp = |at: isize, n: usize| at.clamp(0, n as isize - 1) as usize;
        let inside = |i: isize, j: isize, nx: usize, ny: usize| i >= 0 && j >= 0 && i < nx as isize && j < ny as isize;
        let cell = |i: isize, j: isize| p.storage[clamp(j, ny) * nx + clamp(i, nx)];
        let share = layout.ground(|i, j| R::of(cell(i, j)));
        let inv = layout.ground(|i, j| R::of(1.0 / cell(i, j)));
        let west = layout.ground(|i, j| {
            let there = inside(i, j, nx + 1, ny);
            let share = if there { p.west[j as usize * (nx + 1) + i as usize] } else { 1.0 };
            R::of(share.min(cell(i - 1, j)).min(cell(i, j)))
        });
        let south = layout.ground(|i, j| {
            let there = inside(i, j, nx, ny + 1);
            let share = if there { p.south[j as usize * nx + i as usize] } else { 1.0 };
            R::of(share.min(cell(i, j - 1)).min(cell(i, j)))
        });
        let drag = layout.ground(|i, j| {
            let there = inside(i, j, nx, ny) && !p.drag_per_m.is_empty();
            R::of(if there { p.drag_per_m[j as usize * nx + i as usize] } else { 0.0 })
        });
        let near = near(layout, [&inv, &west, &south], &drag);
        let free = p.storage.iter().map(|share| 1.0 / R::of(1.0 / share).to_f64()).collect();
        Some(Self { cell: share, inv, west, south, drag, near, free })
    }
}

fn near<R: Real>(layout: &Layout, shares: [&Vec<R>; 3], drag: &[R]) -> Vec<bool> {
    let near = |t: Tile| {
        (t.r0 - 2..(t.r1 + 3).min(layout.rows)).any(|j| {
            let at = (t.strip * layout.rows + j) * BUF;
            shares.iter().any(|r| r[at..at + BUF].iter().any(|x| *x != R::ONE))
                || drag[at..at + BUF].iter().any(|x| *x > R::ZERO)
        })
    };
    (0..layout.tiles_y).flat_map(|ty| (0..layout.tiles_x).map(move |tx| near(Tile::new(layout, tx, ty)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::PAD;

    #[test]
    fn a_house_on_a_face_narrows_it() {
        // Cells of 4 m; a house from x = 3 to 6 m and y = 0 to 2 m.
        let grid = Grid { nx: 3, ny: 2, dx_m: 4.0 };
        let mut cover = Cover::new(grid);
        (0..6).for_each(|c| cover.mark(c, |p| (3.0..6.0).contains(&p[0]) && (0.0..2.0).contains(&p[1])));
        let p = cover.porosity(0.0);
        p.validate(&grid).unwrap();
        assert_eq!(p.storage[..3], [1.0 - 0.125, 0.75, 1.0]);
        assert_eq!(p.west[..4], [1.0, 0.5, 1.0, 1.0]);
        // From the centre of cell 1 southwards half of the way is free, northwards all of it.
        assert_eq!((p.south[1], p.south[4]), (0.5, 1.0));
        assert_eq!(p.storage[3..], [1.0; 3]);
        let dragging = cover.porosity(2.0);
        assert_eq!(dragging.drag_per_m[1], 0.5 / (4.0 * 0.75));
        assert_eq!(dragging.drag_per_m[2], 0.0);
    }

    #[test]
    fn a_covered_cell_is_full_and_bad_shares_are_named() {
        let grid = Grid { nx: 2, ny: 1, dx_m: 1.0 };
        let mut cover = Cover::new(grid);
        cover.mark(1, |_| true);
        cover.mark(9, |_| true);
        assert!(cover.full(1) && !cover.full(0) && cover.free(9) == 1.0);
        assert_eq!(cover.porosity(0.0).storage, [1.0, 1.0]);
        assert_eq!(cover.porosity(0.0).west, [1.0, 0.0, 0.0]);
        let mut bad = Porosity::uniform(&grid, 0.5);
        bad.west[1] = 1.5;
        let said = bad.validate(&grid).unwrap_err().to_string();
        assert!(said.contains("porosity.west[cell 1]") && said.contains("1.5"), "{said}");
        bad.west.pop();
        assert!(bad.validate(&grid).is_err() && Porosity::default().validate(&grid).is_ok());
        let none = Porosity { storage: vec![0.01; 2], ..Porosity::uniform(&grid, 1.0) };
        assert!(none.validate(&grid).is_err());
    }

    #[test]
    fn tiles_far_from_houses_are_plain() {
        let layout = Layout::new(Grid { nx: 200, ny: 10, dx_m: 1.0 });
        let mut p = Porosity::uniform(&layout.grid, 1.0);
        p.storage[5] = 0.5;
        let made = Porous::<f32>::new(&p, &layout).unwrap();
        assert_eq!(made.near, [true, false, false, false]);
        // No face is freer than its cells.
        let face = |i: usize| made.west[PAD * BUF + PAD + i];
        assert_eq!([face(4), face(5), face(6), face(7)], [1.0, 0.5, 0.5, 1.0]);
        assert!(Porous::<f32>::new(&Porosity::default(), &layout).is_none());
    }
}
