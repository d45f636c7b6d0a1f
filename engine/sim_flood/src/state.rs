//! What changes during a run.

use sim_core::{ByteReader, ByteWriter, Checksum, Snapshot, SnapshotError};

use crate::rows::TILE_W;
use crate::tile::TILE_H;
use crate::{Grid, Ledger};

/// Halo cells on each side of the stored raster.
pub(crate) const PAD: usize = 3;

const KIND: [u8; 8] = *b"floodS01";

/// Position of the padded raster in memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Layout {
    pub grid: Grid,
    pub stride: usize,
    pub rows: usize,
    pub tiles_x: usize,
    pub tiles_y: usize,
}

impl Layout {
    pub(crate) fn new(grid: Grid) -> Self {
        Self {
            grid,
            stride: grid.nx + 2 * PAD,
            rows: grid.ny + 2 * PAD,
            tiles_x: grid.nx.div_ceil(TILE_W),
            tiles_y: grid.ny.div_ceil(TILE_H),
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.stride * self.rows
    }

    /// Padded index of a cell.
    pub(crate) const fn padded(&self, cell: usize) -> usize {
        (cell / self.grid.nx + PAD) * self.stride + cell % self.grid.nx + PAD
    }

    /// Tile of a cell.
    pub(crate) const fn tile_of(&self, cell: usize) -> usize {
        (cell / self.grid.nx / TILE_H) * self.tiles_x + cell % self.grid.nx / TILE_W
    }

    /// Spreads per-cell values over the padded raster; the halo gets `halo`.
    pub(crate) fn pad(&self, cells: &[f64], halo: f64) -> Vec<f64> {
        let mut out = vec![halo; self.len()];
        for (j, row) in cells.chunks_exact(self.grid.nx).enumerate() {
            let at = (j + PAD) * self.stride + PAD;
            out[at..at + self.grid.nx].copy_from_slice(row);
        }
        out
    }

    /// Rows of a padded raster without the halo.
    pub(crate) fn inner_rows<'a>(&self, padded: &'a [f64]) -> impl Iterator<Item = &'a [f64]> + use<'a> {
        let nx = self.grid.nx;
        padded.chunks_exact(self.stride).skip(PAD).take(self.grid.ny).map(move |r| &r[PAD..PAD + nx])
    }

    fn unpad(&self, padded: &[f64]) -> Vec<f64> {
        self.inner_rows(padded).flatten().copied().collect()
    }
}

/// State of a flood run: depth, velocities, tracked extremes, account. Rows of cells are stored with a halo.
#[derive(Debug, Clone)]
pub struct FloodState {
    pub(crate) layout: Layout,
    /// Digest of the terrain the state belongs to.
    pub(crate) model: u64,
    pub(crate) t_s: f64,
    pub(crate) tick: u64,
    /// Fastest wave of the present state, m/s.
    pub(crate) speed_mps: f64,
    pub(crate) h: Vec<f64>,
    pub(crate) u: Vec<f64>,
    pub(crate) v: Vec<f64>,
    /// Buffers of the next state.
    pub(crate) h1: Vec<f64>,
    pub(crate) u1: Vec<f64>,
    pub(crate) v1: Vec<f64>,
    /// Per tile: which parts are wet (see `tile`). Derived from `h`.
    pub(crate) wet: Vec<u8>,
    /// Per tile: both buffers hold the same values.
    pub(crate) settled: Vec<bool>,
    pub(crate) max_depth_m: Vec<f32>,
    pub(crate) max_hazard_m2ps: Vec<f32>,
    pub(crate) first_wet_s: Vec<f32>,
    pub(crate) ledger: Ledger,
}

impl FloodState {
    pub(crate) fn new(layout: Layout, model: u64, h: &[f64], u: &[f64], v: &[f64]) -> Self {
        let n = layout.grid.cell_count();
        let tiles = layout.tiles_x * layout.tiles_y;
        let zeros = vec![0.0; layout.len()];
        Self {
            layout,
            model,
            t_s: 0.0,
            tick: 0,
            speed_mps: 0.0,
            h: layout.pad(h, 0.0),
            u: layout.pad(u, 0.0),
            v: layout.pad(v, 0.0),
            h1: zeros.clone(),
            u1: zeros.clone(),
            v1: zeros,
            wet: vec![0; tiles],
            settled: vec![false; tiles],
            max_depth_m: vec![0.0; n],
            max_hazard_m2ps: vec![0.0; n],
            first_wet_s: vec![f32::INFINITY; n],
            ledger: Ledger::default(),
        }
    }

    /// Simulated time, seconds.
    #[must_use]
    pub const fn t_s(&self) -> f64 {
        self.t_s
    }

    /// Steps taken.
    #[must_use]
    pub const fn tick(&self) -> u64 {
        self.tick
    }

    /// Water in the domain, m3, summed row by row with compensation (Neumaier 1974).
    #[must_use]
    pub fn volume_m3(&self) -> f64 {
        let (mut sum, mut carry) = (0.0_f64, 0.0_f64);
        for row in self.layout.inner_rows(&self.h) {
            for &x in row {
                let t = sum + x;
                carry += if sum >= x { (sum - t) + x } else { (x - t) + sum };
                sum = t;
            }
        }
        (sum + carry) * self.layout.grid.cell_area_m2()
    }

    fn ledger_fields(ledger: &Ledger) -> [f64; 10] {
        [
            ledger.initial_m3,
            ledger.rain_in_m3,
            ledger.stage_in_m3,
            ledger.stage_out_m3,
            ledger.edge_in_m3,
            ledger.edge_out_m3,
            ledger.point_in_m3,
            ledger.point_out_m3,
            ledger.residue_m3,
            ledger.current_m3,
        ]
    }

    fn ledger_from(f: &[f64]) -> Option<Ledger> {
        let &[
            initial_m3,
            rain_in_m3,
            stage_in_m3,
            stage_out_m3,
            edge_in_m3,
            edge_out_m3,
            point_in_m3,
            point_out_m3,
            residue_m3,
            current_m3,
        ] = f
        else {
            return None;
        };
        Some(Ledger {
            initial_m3,
            rain_in_m3,
            stage_in_m3,
            stage_out_m3,
            edge_in_m3,
            edge_out_m3,
            point_in_m3,
            point_out_m3,
            residue_m3,
            current_m3,
        })
    }
}

impl Snapshot for FloodState {
    fn save(&self) -> Vec<u8> {
        let mut w = ByteWriter::new(KIND);
        w.u64(self.layout.grid.nx as u64);
        w.u64(self.layout.grid.ny as u64);
        w.f64(self.layout.grid.dx_m);
        w.u64(self.model);
        w.f64(self.t_s);
        w.u64(self.tick);
        w.f64(self.speed_mps);
        for field in [&self.h, &self.u, &self.v] {
            w.f64s(&self.layout.unpad(field));
        }
        w.f32s(&self.max_depth_m);
        w.f32s(&self.max_hazard_m2ps);
        w.f32s(&self.first_wet_s);
        w.bytes(&self.wet);
        w.f64s(&Self::ledger_fields(&self.ledger));
        w.finish()
    }

    fn restore(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut r = ByteReader::new(bytes, KIND, "flood state version 1")?;
        let bad = |field, value: String, allowed| SnapshotError::BadValue { field, value, allowed };
        let size = |v: u64| usize::try_from(v).unwrap_or(usize::MAX);
        let grid = Grid { nx: size(r.u64("nx")?), ny: size(r.u64("ny")?), dx_m: r.f64("dx_m")? };
        grid.validate().map_err(|e| bad("grid", e.to_string(), "a valid grid"))?;
        let layout = Layout::new(grid);
        let n = grid.cell_count();
        let model = r.u64("model")?;
        let (t_s, tick, speed_mps) = (r.f64("t_s")?, r.u64("tick")?, r.f64("speed_mps")?);
        let mut cells = |field, low: f64| {
            let values = r.f64s(field)?;
            if values.len() != n || values.iter().any(|x| !x.is_finite() || *x < low) {
                return Err(bad(
                    field,
                    format!("{} values", values.len()),
                    "one finite value per cell, depth not below 0",
                ));
            }
            Ok(values)
        };
        let (h, u, v) = (cells("depth", 0.0)?, cells("velocity x", -1e9)?, cells("velocity y", -1e9)?);
        let mut tracks = |field| {
            let values = r.f32s(field)?;
            if values.len() == n { Ok(values) } else { Err(bad(field, values.len().to_string(), "one value per cell")) }
        };
        let (max_depth_m, max_hazard_m2ps, first_wet_s) =
            (tracks("max depth")?, tracks("max hazard")?, tracks("first wetting")?);
        let wet = r.bytes("wet tiles")?;
        let fields = r.f64s("ledger")?;
        r.end()?;
        let mut s = Self::new(layout, model, &h, &u, &v);
        if wet.len() != s.wet.len() {
            return Err(bad("wet tiles", wet.len().to_string(), "one value per tile"));
        }
        if !(t_s.is_finite() && speed_mps.is_finite() && speed_mps >= 0.0) {
            return Err(bad("t_s, speed_mps", format!("{t_s}, {speed_mps}"), "finite numbers"));
        }
        s.ledger = Self::ledger_from(&fields).ok_or_else(|| bad("ledger", fields.len().to_string(), "10 values"))?;
        (s.t_s, s.tick, s.speed_mps, s.wet) = (t_s, tick, speed_mps, wet);
        (s.max_depth_m, s.max_hazard_m2ps, s.first_wet_s) = (max_depth_m, max_hazard_m2ps, first_wet_s);
        Ok(s)
    }

    fn checksum(&self) -> u64 {
        let mut c = Checksum::new();
        c.add_u64(self.model);
        c.add_f64(self.t_s);
        c.add_u64(self.tick);
        for field in [&self.h, &self.u, &self.v] {
            for row in self.layout.inner_rows(field) {
                c.add_f64s(row);
            }
        }
        c.add_f32s(&self.max_depth_m);
        c.add_f32s(&self.max_hazard_m2ps);
        c.add_f32s(&self.first_wet_s);
        c.add_f64s(&Self::ledger_fields(&self.ledger));
        c.finish()
    }
}
