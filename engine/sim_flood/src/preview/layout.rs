//! Where the cells of a preview lie in memory.

use crate::Grid;

/// Cells of a row computed together: whole vectors of every instruction set, and a trip count the compiler knows.
pub(crate) const CHUNK: usize = 64;
/// Cells before the first and after the last chunk of a row: faces look one cell to each side.
pub(crate) const SIDE: usize = 16;
/// Rows that one thread takes at a time.
pub(crate) const BAND: usize = 64;

/// Rows of whole chunks, one after the other from south to north. Fields (depth, discharges, carry, tracks) and grounds
/// (bed, roughness, crests) share it; one row more than the grid has, for the faces of the north edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Layout {
    pub grid: Grid,
    /// Chunks of a row.
    pub chunks: usize,
    /// Values from one row to the next.
    pub stride: usize,
}

impl Layout {
    pub(crate) fn new(grid: Grid) -> Self {
        let chunks = grid.nx.div_ceil(CHUNK);
        Self { grid, chunks, stride: chunks * CHUNK + 2 * SIDE }
    }

    /// Values of a raster.
    pub(crate) const fn len(&self) -> usize {
        (self.grid.ny + 1) * self.stride
    }

    /// Place of a cell, or of the west or south face of the same column and row.
    pub(crate) const fn at(&self, i: usize, j: usize) -> usize {
        j * self.stride + SIDE + i
    }

    /// Place of a cell by its index.
    pub(crate) const fn cell(&self, cell: usize) -> usize {
        self.at(cell % self.grid.nx, cell / self.grid.nx)
    }

    /// Place of a cell's chunk in rasters of one value per chunk.
    pub(crate) const fn chunk_of(&self, cell: usize) -> usize {
        cell / self.grid.nx * self.chunks + cell % self.grid.nx / CHUNK
    }

    /// Bands of rows, the unit of work of a thread.
    pub(crate) const fn bands(&self) -> usize {
        self.grid.ny.div_ceil(BAND)
    }

    /// Rows of a band, end exclusive.
    pub(crate) fn band_rows(&self, band: usize) -> std::ops::Range<usize> {
        band * BAND..((band + 1) * BAND).min(self.grid.ny)
    }

    /// A raster with a value for each cell and `fill` around them.
    pub(crate) fn spread<T: Copy>(&self, cells: &[T], fill: T) -> Vec<T> {
        let mut raster = vec![fill; self.len()];
        for (j, row) in cells.chunks_exact(self.grid.nx).enumerate() {
            raster[self.at(0, j)..self.at(0, j) + self.grid.nx].copy_from_slice(row);
        }
        raster
    }

    /// A raster of the values of columns and rows, both counted from the south-west cell, also beside the grid.
    pub(crate) fn ground(&self, value: impl Fn(isize, isize) -> f32) -> Vec<f32> {
        let row = 0..self.stride as isize;
        let rows = 0..=self.grid.ny as isize;
        rows.flat_map(|j| row.clone().map(move |k| (k - SIDE as isize, j))).map(|(i, j)| value(i, j)).collect()
    }

    /// Rows of cells of a raster, south to north.
    pub(crate) fn rows<'a, T>(&self, raster: &'a [T]) -> impl Iterator<Item = &'a [T]> + use<'a, T> {
        let nx = self.grid.nx;
        raster.chunks_exact(self.stride).take(self.grid.ny).map(move |row| &row[SIDE..SIDE + nx])
    }

    /// The cells of a raster in the order of the grid.
    pub(crate) fn gather<T: Copy>(&self, raster: &[T]) -> Vec<T> {
        self.rows(raster).flatten().copied().collect()
    }
}
