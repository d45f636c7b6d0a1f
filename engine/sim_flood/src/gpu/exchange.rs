//! Single cells: what a sewer or another model looks at, gives and takes.

use std::collections::BTreeMap;

use super::GpuFlood;
use super::pack::{TILE_WORDS, WET_ALL, tile};
use crate::FloodError;
use crate::rows::max_or_nan;

/// Words of a cell of the state.
const CELL_WORDS: usize = 4;

impl GpuFlood {
    /// Depth of single cells, metres; 0 outside the raster. Reads only these back.
    ///
    /// # Errors
    /// [`FloodError::Gpu`] when the device fails.
    pub fn depth_at_m(&self, cells: &[u32]) -> Result<Vec<f64>, FloodError> {
        let state = self.cells_of(cells.iter().copied())?;
        Ok(cells.iter().map(|c| state.get(c).map_or(0.0, depth)).collect())
    }

    /// Adds water to cells (positive) or takes it away (negative), m3, now, in the order given; see
    /// [`crate::FloodRun::exchange`]. Returns what was added to each, m3, which the ledger books as point flows.
    ///
    /// # Errors
    /// [`FloodError::Gpu`] when the device fails; nothing was exchanged then.
    pub fn exchange(&mut self, flows: &[(u32, f64)]) -> Result<Vec<f64>, FloodError> {
        let blocked = self.kernel.blocked();
        let open = |(cell, volume): &&(u32, f64)| blocked.get(*cell as usize) == Some(&false) && volume.is_finite();
        let mut state = self.cells_of(flows.iter().filter(open).map(|f| f.0))?;
        let area = self.grid().cell_area_m2();
        let mut added = Vec::with_capacity(flows.len());
        for (cell, volume) in flows {
            let now = state.get_mut(cell).filter(|_| volume.is_finite());
            added.push(now.map_or(0.0, |now| area * self.add(now, volume / area)));
        }
        for (cell, now) in state {
            let cell = cell as usize;
            self.gpu.write(self.depth_buffer(), CELL_WORDS * cell, &now.map(f32::to_bits));
            let at = TILE_WORDS * self.passes.shape.tile_of(cell) + tile::WET;
            // Every side counts as wet until the tile's next step looks again; the tile is not settled.
            self.gpu.write(&self.passes.fields.tiles, at, &[WET_ALL, 0]);
        }
        self.booked.point_in_m3 += added.iter().filter(|v| **v > 0.0).sum::<f64>();
        self.booked.point_out_m3 -= added.iter().filter(|v| **v < 0.0).sum::<f64>();
        Ok(added)
    }

    /// As `FloodState::exchange`: momentum is kept when water comes, velocity when it goes. Returns the depth added.
    fn add(&mut self, now: &mut [f32; CELL_WORDS], depth_m: f64) -> f64 {
        let before = depth(now);
        let after = (before + depth_m).max(0.0);
        let h = after as f32;
        let keep = if f64::from(h) <= self.params.dry_depth_m {
            0.0
        } else if after > before {
            before / after
        } else {
            1.0
        };
        let [u, v] = [now[1], now[2]].map(|u| u * keep as f32);
        *now = [h, u, v, (f64::from(h) - after) as f32];
        let wave = u.abs().max(v.abs()) + (self.params.gravity_mps2 as f32 * h).sqrt();
        self.speed_mps = max_or_nan(f64::from(self.speed_mps), f64::from(wave)) as f32;
        depth(now) - before
    }

    fn cells_of(&self, cells: impl Iterator<Item = u32>) -> Result<BTreeMap<u32, [f32; CELL_WORDS]>, FloodError> {
        let mut state: BTreeMap<u32, [f32; CELL_WORDS]> =
            cells.filter(|c| (*c as usize) < self.grid().cell_count()).map(|c| (c, [0.0; CELL_WORDS])).collect();
        let pieces: Vec<usize> = state.keys().map(|c| CELL_WORDS * *c as usize).collect();
        let words = self.gpu.read_pieces(self.depth_buffer(), &pieces, CELL_WORDS)?;
        for (cell, words) in state.values_mut().zip(words.chunks_exact(CELL_WORDS)) {
            *cell = [0, 1, 2, 3].map(|k| f32::from_bits(words[k]));
        }
        Ok(state)
    }
}

/// Depth without what rounding added, metres.
fn depth(cell: &[f32; CELL_WORDS]) -> f64 {
    f64::from(cell[0]) - f64::from(cell[3])
}
