//! What comes back from the device: fields, the water account, the whole state; and how a state gets there.

use super::GpuFlood;
use super::pack::{self, HEAD_WORDS, SLOT_WORDS, TILE_WORDS, tile};
use super::works::{PUMP_OUT, PUMP_WORDS};
use crate::pass::wet_flags;
use crate::rows::TILE_W;
use crate::state::PAD;
use crate::tile::Tile;
use crate::{FloodError, FloodState, Ledger};

impl GpuFlood {
    /// One number of every cell of the present state.
    fn field(&self, part: usize) -> Result<Vec<f32>, FloodError> {
        let words = self.gpu.read(self.depth_buffer(), 4 * self.grid().cell_count())?;
        Ok(words.iter().skip(part).step_by(4).map(|w| f32::from_bits(*w)).collect())
    }

    /// One of the tracked extremes of every cell.
    fn extremes(&self) -> Result<[Vec<f32>; 3], FloodError> {
        let n = self.grid().cell_count();
        let words = self.gpu.read(self.extremes_buffer(), 3 * n)?;
        Ok([0, 1, 2].map(|k| words[k * n..(k + 1) * n].iter().map(|w| f32::from_bits(*w)).collect()))
    }

    /// Depth per cell, metres, at the time reached.
    ///
    /// # Errors
    /// [`FloodError::Gpu`] when the device fails; so for all that is read from it.
    pub fn depth_m(&self) -> Result<Vec<f32>, FloodError> {
        self.field(0)
    }

    /// Eastward depth-averaged velocity per cell, m/s.
    ///
    /// # Errors
    /// As [`GpuFlood::depth_m`].
    pub fn velocity_x_mps(&self) -> Result<Vec<f32>, FloodError> {
        self.field(1)
    }

    /// Northward depth-averaged velocity per cell, m/s.
    ///
    /// # Errors
    /// As [`GpuFlood::depth_m`].
    pub fn velocity_y_mps(&self) -> Result<Vec<f32>, FloodError> {
        self.field(2)
    }

    /// Greatest depth so far per cell, metres: of every fourth step and of the times given to `advance_to`.
    ///
    /// # Errors
    /// As [`GpuFlood::depth_m`].
    pub fn max_depth_m(&self) -> Result<Vec<f32>, FloodError> {
        Ok(self.extremes()?.into_iter().next().unwrap_or_default())
    }

    /// Greatest depth x speed so far per cell, m2/s.
    ///
    /// # Errors
    /// As [`GpuFlood::depth_m`].
    pub fn max_hazard_m2ps(&self) -> Result<Vec<f32>, FloodError> {
        Ok(self.extremes()?.into_iter().nth(1).unwrap_or_default())
    }

    /// First time each cell was deeper than `wet_depth_m`, seconds; infinity where it never was.
    ///
    /// # Errors
    /// As [`GpuFlood::depth_m`].
    pub fn first_wet_s(&self) -> Result<Vec<f32>, FloodError> {
        Ok(self.extremes()?.into_iter().nth(2).unwrap_or_default())
    }

    /// The water account at the time reached. Sums the water of all cells on the host.
    ///
    /// # Errors
    /// As [`GpuFlood::depth_m`].
    pub fn ledger(&self) -> Result<Ledger, FloodError> {
        let words = self.gpu.read(self.depth_buffer(), 4 * self.grid().cell_count())?;
        let depth: f64 = words.chunks_exact(4).map(|c| real(c[0]) - real(c[3])).sum();
        Ok(Ledger { current_m3: depth * self.grid().cell_area_m2(), ..self.flows()? })
    }

    /// The account without the water there now: what was booked before and what the device has summed since.
    pub(super) fn flows(&self) -> Result<Ledger, FloodError> {
        let area = self.grid().cell_area_m2();
        let mut l = self.booked;
        let drive = &self.passes.drive;
        let tiles = self.gpu.read(&self.passes.fields.tiles, TILE_WORDS * self.passes.shape.tiles())?;
        for words in tiles.chunks_exact(TILE_WORDS) {
            l.residue_m3 += pack::pair_value(&words[tile::LOST..]) * area;
            l.edge_out_m3 += pack::pair_value(&words[tile::EDGE..]) * area;
            l.infiltrated_m3 += pack::pair_value(&words[tile::SOAKED..]) * area;
        }
        for sums in self.gpu.read(&drive.drained, 2 * drive.outlet_count)?.chunks_exact(2) {
            l.edge_out_m3 += pack::pair_value(sums) * area;
        }
        for pump in self.gpu.read(&drive.pump_states, PUMP_WORDS * drive.pump_count)?.chunks_exact(PUMP_WORDS) {
            l.point_out_m3 += pack::pair_value(&pump[PUMP_OUT..]) * area;
        }
        let exchanged = self.gpu.read(&drive.exchanged, 8 * drive.source_count)?;
        for cell in exchanged.chunks_exact(8) {
            l.point_in_m3 += pack::pair_value(&cell[0..]) * area;
            l.point_out_m3 += pack::pair_value(&cell[2..]) * area;
            l.stage_in_m3 += pack::pair_value(&cell[4..]) * area;
            l.stage_out_m3 += pack::pair_value(&cell[6..]) * area;
        }
        let clock = self.gpu.read(&drive.clock, drive.clock_words)?;
        let mut cells_of = vec![0_u64; self.forcing.rain_classes.len()];
        for class in self.kernel.layout().track_cells(&self.forcing.rain_class) {
            cells_of[class as usize] += 1;
        }
        let slots = clock[HEAD_WORDS..].chunks_exact(SLOT_WORDS).skip(drive.class_slot);
        for (slot, cells) in slots.zip(cells_of) {
            l.rain_in_m3 += pack::pair_value(&slot[1..]) * cells as f64 * area;
        }
        Ok(l)
    }

    /// Which pumps run.
    pub(super) fn pump_on(&self) -> Result<Vec<bool>, FloodError> {
        let drive = &self.passes.drive;
        let words = self.gpu.read(&drive.pump_states, PUMP_WORDS * drive.pump_count)?;
        Ok(words.iter().step_by(PUMP_WORDS).map(|on| *on != 0).collect())
    }

    /// Sets which pumps run, those beyond the list do not; and their sums to zero.
    pub(super) fn write_pumps(&self, on: &[bool]) {
        let drive = &self.passes.drive;
        let words: Vec<u32> =
            (0..drive.pump_count).flat_map(|k| [u32::from(on.get(k).copied().unwrap_or(false)), 0, 0, 0]).collect();
        self.gpu.write(&drive.pump_states, 0, &words);
    }

    /// Sets the sums of the tiles to zero, once they are booked.
    pub(super) fn clear_tile_sums(&self) -> Result<(), FloodError> {
        self.change_tiles(|_, words| words[tile::LOST..].fill(0))
    }

    /// The state as the CPU keeps it.
    ///
    /// # Errors
    /// As [`GpuFlood::depth_m`].
    pub fn state(&self) -> Result<FloodState, FloodError> {
        let layout = self.kernel.layout();
        let words = self.gpu.read(self.depth_buffer(), 4 * layout.grid.cell_count())?;
        let [h, u, v, carry] =
            [0, 1, 2, 3].map(|k| words.iter().skip(k).step_by(4).map(|w| f32::from_bits(*w)).collect::<Vec<_>>());
        let mut state = FloodState::new(layout, self.kernel.digest(), &h, &u, &v);
        let [depth, hazard, first] = self.extremes()?;
        (state.t_s, state.tick, state.speed_mps) = (self.t_s, self.tick, f64::from(self.speed_mps));
        state.carry = layout.track(&carry, 0.0);
        state.max_depth_m = layout.track(&depth, 0.0);
        state.max_hazard_m2ps = layout.track(&hazard, 0.0);
        state.first_wet_s = layout.track(&first, f32::INFINITY);
        state.ledger = self.flows()?;
        state.pump_on = self.pump_on()?;
        state.soil_wait_s = f64::from(self.soil_wait_s);
        let used = &self.passes.fields.soil_used;
        if used.size() >= 4 * h.len() as u64 {
            let words = self.gpu.read(used, h.len())?;
            state.soil_used = layout.track(&words.into_iter().map(f32::from_bits).collect::<Vec<_>>(), 0.0);
        }
        let dry = self.params.dry_depth_m as f32;
        for id in 0..state.wet.len() {
            let t = Tile::new(&layout, id % layout.tiles_x, id / layout.tiles_x);
            let row = |j: usize| &h[(t.r0 - PAD + j) * layout.grid.nx + t.strip * TILE_W..][..t.width];
            let any = (0..t.r1 - t.r0).any(|j| row(j).iter().any(|d| *d > dry));
            state.wet[id] = wet_flags(any, t.r1 - t.r0, row, dry);
        }
        Ok(state)
    }

    /// Puts a state of this terrain on the device.
    pub(super) fn upload(&mut self, state: &FloodState) -> Result<(), FloodError> {
        let layout = self.kernel.layout();
        let used = layout.track_cells(&state.soil_used);
        if !used.is_empty() {
            self.passes.make_room_for_soil(&self.gpu)?;
        }
        if self.passes.fields.soil_used.size() >= 4 * layout.grid.cell_count() as u64 {
            let at = |k| used.get(k).copied().unwrap_or(0.0_f32).to_bits();
            let words: Vec<u32> = (0..layout.grid.cell_count()).map(at).collect();
            self.gpu.write(&self.passes.fields.soil_used, 0, &words);
        }
        let (passes, gpu) = (&self.passes, &self.gpu);
        let [h, u, v] = [&state.h, &state.u, &state.v].map(|field| layout.field_cells(field));
        let carry = layout.track_cells(&state.carry);
        let cells: Vec<u32> = (0..h.len()).flat_map(|k| [h[k], u[k], v[k], carry[k]].map(f32::to_bits)).collect();
        gpu.write(&passes.fields.states[0], 0, &cells);
        let tracks = [&state.max_depth_m, &state.max_hazard_m2ps, &state.first_wet_s];
        let extremes: Vec<u32> = tracks.into_iter().flat_map(|t| layout.track_cells(t)).map(f32::to_bits).collect();
        gpu.write(&passes.fields.tracks, 0, &extremes);
        let inputs = pack::tile_inputs(&passes.shape, &self.kernel, &self.forcing);
        let wet = pack::wet_parts(&passes.shape, &h, self.params.dry_depth_m as f32);
        let tiles: Vec<u32> = inputs
            .iter()
            .zip(wet)
            .flat_map(|([class, traits], wet)| [*class, *traits, wet, 0, 0, 0, 0, 0, 0, 0, 0, 0])
            .collect();
        gpu.write(&passes.fields.tiles, 0, &tiles);
        gpu.write(&passes.drive.clock, 0, &vec![0; passes.drive.clock_words]);
        gpu.write(&passes.drive.exchanged, 0, &vec![0; 8 * passes.drive.source_count]);
        gpu.write(&passes.drive.drained, 0, &vec![0; 2 * passes.drive.outlet_count]);
        self.write_pumps(&state.pump_on);
        (self.at, self.t_s, self.tick) = (0, state.t_s, state.tick);
        (self.speed_mps, self.soil_wait_s) = (state.speed_mps as f32, state.soil_wait_s as f32);
        self.booked = state.ledger;
        Ok(())
    }
}

fn real(word: u32) -> f64 {
    f64::from(f32::from_bits(word))
}
