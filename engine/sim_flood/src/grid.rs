//! The raster, its faces and its ground.

use serde::{Deserialize, Serialize};
use sim_core::ParamError;

use crate::{FloodError, Porosity};

/// A uniform square raster in a local ENU frame shifted so that its south-west corner is (0, 0).
///
/// Row 0 is the **south** row (y up). Cell (i, j) has index `j * nx + i` and centre
/// `((i + 0.5) dx, (j + 0.5) dx)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    /// Cells west to east.
    pub nx: usize,
    /// Cells south to north.
    pub ny: usize,
    /// Cell size, metres.
    pub dx_m: f64,
}

/// Largest number of cells of one grid (64 Mi): keeps indices in `u32` and memory below about 12 GiB.
pub const MAX_CELLS: usize = 1 << 26;

impl Grid {
    /// Checks sizes.
    ///
    /// # Errors
    /// [`ParamError`] for an empty or oversized raster or a cell size outside 1 µm to 10 km.
    pub fn validate(&self) -> Result<Self, ParamError> {
        sim_core::check_range("dx_m", self.dx_m, "m", 1e-6, 1e4)?;
        if self.nx == 0 || self.ny == 0 || self.nx.checked_mul(self.ny).is_none_or(|n| n > MAX_CELLS) {
            let size = format!("{} x {}", self.nx, self.ny);
            return Err(ParamError::new("grid size", size, "cells", format!("1 to {MAX_CELLS} in all")));
        }
        Ok(*self)
    }

    /// Number of cells.
    #[must_use]
    pub const fn cell_count(&self) -> usize {
        self.nx * self.ny
    }

    /// Index of cell (i, j), or `None` outside the raster.
    #[must_use]
    pub const fn cell(&self, i: usize, j: usize) -> Option<u32> {
        if i < self.nx && j < self.ny { Some((j * self.nx + i) as u32) } else { None }
    }

    /// Cell containing a point of the raster frame, metres; `None` outside.
    #[must_use]
    pub fn cell_at(&self, p_m: [f64; 2]) -> Option<u32> {
        let (x, y) = (p_m[0] / self.dx_m, p_m[1] / self.dx_m);
        if x >= 0.0 && y >= 0.0 && x < self.nx as f64 && y < self.ny as f64 {
            self.cell(x as usize, y as usize)
        } else {
            None
        }
    }

    /// Centre of a cell in the raster frame, metres.
    #[must_use]
    pub fn centre_m(&self, cell: u32) -> [f64; 2] {
        let (i, j) = (cell as usize % self.nx, cell as usize / self.nx);
        [(i as f64 + 0.5) * self.dx_m, (j as f64 + 0.5) * self.dx_m]
    }

    /// Area of a cell, m2.
    #[must_use]
    pub fn cell_area_m2(&self) -> f64 {
        self.dx_m * self.dx_m
    }
}

/// Direction of a face's normal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FaceAxis {
    /// Between cells (i-1, j) and (i, j): the west face of (i, j).
    X,
    /// Between cells (i, j-1) and (i, j): the south face of (i, j).
    Y,
}

/// A cell face. X faces have `i` in 0..=nx and `j` in 0..ny; Y faces `i` in 0..nx and `j` in 0..=ny.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FaceId {
    /// Normal direction.
    pub axis: FaceAxis,
    /// Column.
    pub i: u32,
    /// Row.
    pub j: u32,
}

impl FaceId {
    /// Whether the face exists in `grid` (domain edges included).
    #[must_use]
    pub const fn is_in(&self, grid: &Grid) -> bool {
        let (i, j) = (self.i as usize, self.j as usize);
        match self.axis {
            FaceAxis::X => i <= grid.nx && j < grid.ny,
            FaceAxis::Y => i < grid.nx && j <= grid.ny,
        }
    }
}

/// Ground of a flood run; all vectors have one value per cell in [`Grid`] order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Terrain {
    /// Raster.
    pub grid: Grid,
    /// Ground elevation, metres above the vertical datum of the run.
    pub bed_m: Vec<f64>,
    /// Manning roughness n, s/m^(1/3); 0 for a frictionless bed.
    pub manning: Vec<f64>,
    /// Cells no water enters (buildings): all their faces are walls, rain on them runs off to the nearest open cells.
    pub blocked: Vec<bool>,
    /// Buildings smaller than a cell; empty where there are none.
    #[serde(default)]
    pub porosity: Porosity,
}

impl Terrain {
    /// A terrain with one bed function of the cell centre (metres), one Manning n and no blocked cell.
    #[must_use]
    pub fn from_fn(grid: Grid, manning: f64, bed: impl Fn(f64, f64) -> f64) -> Self {
        let n = grid.cell_count();
        let bed_m = (0..n)
            .map(|k| {
                let [x, y] = grid.centre_m(k as u32);
                bed(x, y)
            })
            .collect();
        Self { grid, bed_m, manning: vec![manning; n], blocked: vec![false; n], porosity: Porosity::default() }
    }

    /// Checks sizes and values.
    ///
    /// # Errors
    /// [`FloodError`] naming the first bad vector length or cell value.
    pub fn validate(&self) -> Result<(), FloodError> {
        self.grid.validate()?;
        let n = self.grid.cell_count();
        check_len("bed_m", self.bed_m.len(), n)?;
        check_len("manning", self.manning.len(), n)?;
        check_len("blocked", self.blocked.len(), n)?;
        check_cells("bed_m", &self.bed_m, "m", -12_000.0, 9_000.0)?;
        check_cells("manning", &self.manning, "s/m^(1/3)", 0.0, 10.0)?;
        self.porosity.validate(&self.grid)
    }
}

/// A change of one cell's ground; what is `None` stays.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GroundEdit {
    /// The cell.
    pub cell: u32,
    /// New ground elevation, metres above the datum of the terrain.
    pub bed_m: Option<f64>,
    /// New Manning roughness, s/m^(1/3).
    pub manning: Option<f64>,
    /// Whether a building stands there.
    pub blocked: Option<bool>,
}

impl GroundEdit {
    pub(crate) fn validate(&self, grid: &Grid) -> Result<(), ParamError> {
        let count = grid.cell_count();
        if self.cell as usize >= count {
            return Err(ParamError::new("ground edit cell", self.cell, "cell", format!("0 to {}", count - 1)));
        }
        let name = |part: &str| format!("ground edit {part}[cell {}]", self.cell);
        if let Some(z) = self.bed_m {
            sim_core::check_range(&name("bed_m"), z, "m", -12_000.0, 9_000.0)?;
        }
        if let Some(n) = self.manning {
            sim_core::check_range(&name("manning"), n, "s/m^(1/3)", 0.0, 10.0)?;
        }
        Ok(())
    }
}

/// Checks that a per-cell vector has one value per cell.
pub(crate) fn check_len(name: &'static str, found: usize, expected: usize) -> Result<(), FloodError> {
    if found == expected { Ok(()) } else { Err(FloodError::Length { name, found, expected }) }
}

/// Checks every value of a per-cell vector.
pub(crate) fn check_cells(
    name: &str,
    values: &[f64],
    unit: &'static str,
    low: f64,
    high: f64,
) -> Result<(), FloodError> {
    for (k, &v) in values.iter().enumerate() {
        if !(v >= low && v <= high) {
            return Err(ParamError::new(format!("{name}[cell {k}]"), v, unit, format!("{low} to {high}")).into());
        }
    }
    Ok(())
}
