//! Water at the start of a run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::grid::{check_cells, check_len};
use crate::{Barrier, FaceAxis, FaceId, FloodError, Grid, Terrain};

/// Water at the start; vectors have one value per cell, an empty vector means zero everywhere.
///
/// Water given for blocked cells is left out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Initial {
    /// Depth, metres.
    pub depth_m: Vec<f64>,
    /// Eastward velocity, m/s; ignored where the depth is at or below the dry depth.
    pub velocity_x_mps: Vec<f64>,
    /// Northward velocity, m/s.
    pub velocity_y_mps: Vec<f64>,
}

impl Initial {
    /// No water.
    #[must_use]
    pub fn dry() -> Self {
        Self::default()
    }

    /// Still water at one level wherever the ground is lower (connected or not), metres above the terrain's datum.
    #[must_use]
    pub fn level(terrain: &Terrain, level_m: f64) -> Self {
        let depth_m = terrain.bed_m.iter().map(|z| (level_m - z).max(0.0)).collect();
        Self { depth_m, ..Self::default() }
    }

    /// Still water in the pool around `seeds`; see [`initial_pool`].
    #[must_use]
    pub fn pool(terrain: &Terrain, barriers: &[Barrier], seeds: &[u32], level_m: f64) -> Self {
        Self { depth_m: initial_pool(terrain, barriers, seeds, level_m), ..Self::default() }
    }

    /// Checks lengths and values.
    ///
    /// # Errors
    /// [`FloodError`] naming the vector or the cell.
    pub fn validate(&self, grid: &Grid) -> Result<(), FloodError> {
        let parts = [
            ("initial depth_m", &self.depth_m, "m", 0.0, 12_000.0),
            ("initial velocity_x_mps", &self.velocity_x_mps, "m/s", -1000.0, 1000.0),
            ("initial velocity_y_mps", &self.velocity_y_mps, "m/s", -1000.0, 1000.0),
        ];
        for (name, values, unit, low, high) in parts {
            if !values.is_empty() {
                check_len(name, values.len(), grid.cell_count())?;
                check_cells(name, values, unit, low, high)?;
            }
        }
        Ok(())
    }
}

/// Depth per cell, metres, of the still pool at `level_m` that is connected with `seeds` over cells whose ground is
/// below the level and over faces whose barrier crest is below it. Seeds that are blocked, outside or above the level
/// hold no water.
#[must_use]
pub fn initial_pool(terrain: &Terrain, barriers: &[Barrier], seeds: &[u32], level_m: f64) -> Vec<f64> {
    let grid = terrain.grid;
    let mut crests: BTreeMap<FaceId, f64> = BTreeMap::new();
    for b in barriers {
        for f in &b.faces {
            let crest = crests.entry(*f).or_insert(b.crest_m);
            *crest = crest.max(b.crest_m);
        }
    }
    let mut depth = vec![0.0; grid.cell_count()];
    let below = |k: usize| {
        let open = !terrain.blocked.get(k).copied().unwrap_or(true);
        let d = level_m - terrain.bed_m.get(k).copied().unwrap_or(f64::INFINITY);
        if open && d > 0.0 { Some(d) } else { None }
    };
    let mut todo: Vec<usize> = Vec::new();
    for &s in seeds {
        if let Some(d) = below(s as usize).filter(|_| (s as usize) < depth.len()) {
            depth[s as usize] = d;
            todo.push(s as usize);
        }
    }
    while let Some(k) = todo.pop() {
        let (i, j) = (k % grid.nx, k / grid.nx);
        let (iu, ju) = (i as u32, j as u32);
        let around = [
            (i + 1 < grid.nx, k + 1, FaceId { axis: FaceAxis::X, i: iu + 1, j: ju }),
            (i > 0, k.wrapping_sub(1), FaceId { axis: FaceAxis::X, i: iu, j: ju }),
            (j + 1 < grid.ny, k + grid.nx, FaceId { axis: FaceAxis::Y, i: iu, j: ju + 1 }),
            (j > 0, k.wrapping_sub(grid.nx), FaceId { axis: FaceAxis::Y, i: iu, j: ju }),
        ];
        for (exists, n, face) in around {
            if !exists || depth[n] > 0.0 || crests.get(&face).is_some_and(|c| *c >= level_m) {
                continue;
            }
            if let Some(d) = below(n) {
                depth[n] = d;
                todo.push(n);
            }
        }
    }
    depth
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::barrier_along;

    #[test]
    fn pool_stays_in_its_basin_and_behind_walls() {
        let grid = Grid { nx: 30, ny: 5, dx_m: 1.0 };
        // Two basins with a ridge at x = 15.
        let terrain = Terrain::from_fn(grid, 0.03, |x, _| if (x - 15.0).abs() < 1.0 { 2.0 } else { 0.0 });
        let one = initial_pool(&terrain, &[], &[0], 1.0);
        assert_eq!(one.iter().filter(|d| **d > 0.0).count(), 14 * 5);
        let over = initial_pool(&terrain, &[], &[0], 3.0);
        assert_eq!(over.iter().filter(|d| **d > 0.0).count(), 150);
        let wall = barrier_along(&grid, &[[7.0, 0.0], [7.0, 5.0]], 1.5);
        let held = initial_pool(&terrain, &[wall], &[0], 1.0);
        assert_eq!(held.iter().filter(|d| **d > 0.0).count(), 7 * 5);
        assert!(initial_pool(&terrain, &[], &[999], 1.0).iter().all(|d| *d == 0.0));
    }
}
