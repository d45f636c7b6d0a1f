//! What changes during a run.

use std::sync::Arc;

use sim_core::{ByteReader, ByteWriter, Checksum, Snapshot, SnapshotError};

use crate::local::TileWaves;
use crate::rain::NOWHERE;
use crate::rows::{BUF, TILE_W, WIDE, max, max_or_nan};
use crate::tile::TILE_H;
use crate::{FloodParams, Grid, Ledger, Real};

/// Halo rows and columns around a tile.
pub(crate) const PAD: usize = 3;

/// Where cells lie in memory: strips of [`TILE_W`] columns, each row after row, so that a tile is one piece of memory. Rows
/// are [`WIDE`] values apart; what is computed beyond the tile's cells goes there and is not read.
///
/// Three kinds of rasters: *fields* (depth, velocities) with [`PAD`] more rows on each side; *tracks*, one value per cell;
/// *grounds* (bed, roughness, crests), whose rows repeat what lies [`PAD`] columns west and more than that east.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Layout {
    pub grid: Grid,
    /// Rows of fields and grounds.
    pub rows: usize,
    /// Tiles from west to east: the strips.
    pub tiles_x: usize,
    pub tiles_y: usize,
}

impl Layout {
    pub(crate) fn new(grid: Grid) -> Self {
        Self { grid, rows: grid.ny + 2 * PAD, tiles_x: grid.nx.div_ceil(TILE_W), tiles_y: grid.ny.div_ceil(TILE_H) }
    }

    /// Values of a field.
    pub(crate) const fn field_len(&self) -> usize {
        self.tiles_x * self.rows * WIDE
    }

    /// Values of a track.
    pub(crate) const fn track_len(&self) -> usize {
        self.tiles_x * self.grid.ny * WIDE
    }

    /// Position of a cell in its tile.
    pub(crate) const fn in_tile(&self, cell: usize) -> usize {
        let (i, j) = (cell % self.grid.nx, cell / self.grid.nx);
        (j % TILE_H) * WIDE + i % TILE_W
    }

    /// Tile of a cell.
    pub(crate) const fn tile_of(&self, cell: usize) -> usize {
        (cell / self.grid.nx / TILE_H) * self.tiles_x + cell % self.grid.nx / TILE_W
    }

    /// Cells of a strip's rows.
    pub(crate) const fn width(&self, strip: usize) -> usize {
        let left = self.grid.nx - strip * TILE_W;
        if left < TILE_W { left } else { TILE_W }
    }

    /// Pieces of rows of a raster with `pad` more rows on each side, in the order of the grid's cells.
    fn pieces(&self, pad: usize) -> impl Iterator<Item = std::ops::Range<usize>> + use<> {
        let layout = *self;
        let rows = layout.grid.ny + 2 * pad;
        (0..layout.grid.ny).flat_map(move |j| {
            (0..layout.tiles_x).map(move |strip| {
                let at = (strip * rows + pad + j) * WIDE;
                at..at + layout.width(strip)
            })
        })
    }

    fn gather<T: Copy>(&self, pad: usize, raster: &[T]) -> Vec<T> {
        if raster.is_empty() {
            return Vec::new();
        }
        let mut cells = Vec::with_capacity(self.grid.cell_count());
        self.pieces(pad).for_each(|at| cells.extend_from_slice(&raster[at]));
        cells
    }

    fn spread<T: Copy>(&self, pad: usize, cells: &[T], fill: T) -> Vec<T> {
        let mut raster = vec![fill; self.tiles_x * (self.grid.ny + 2 * pad) * WIDE];
        let mut from = 0;
        for at in self.pieces(pad) {
            let to = from + at.len();
            raster[at].copy_from_slice(&cells[from..to]);
            from = to;
        }
        raster
    }

    /// Cells of a field in the order of the grid.
    pub(crate) fn field_cells<T: Copy>(&self, field: &[T]) -> Vec<T> {
        self.gather(PAD, field)
    }

    /// Cells of a track in the order of the grid.
    pub(crate) fn track_cells<T: Copy>(&self, track: &[T]) -> Vec<T> {
        self.gather(0, track)
    }

    /// A field with the given cells, 0 around them.
    pub(crate) fn field<R: Real>(&self, cells: &[R]) -> Vec<R> {
        self.spread(PAD, cells, R::ZERO)
    }

    /// A track with the given cells; `fill` beyond the grid.
    pub(crate) fn track<T: Copy>(&self, cells: &[T], fill: T) -> Vec<T> {
        self.spread(0, cells, fill)
    }

    /// A ground from the value at each column and row, counted from the south-west cell, also outside the grid.
    pub(crate) fn ground<R: Real>(&self, value: impl Fn(isize, isize) -> R) -> Vec<R> {
        let mut out = Vec::with_capacity(self.tiles_x * self.rows * BUF);
        for strip in 0..self.tiles_x {
            for row in 0..self.rows {
                let (i, j) = ((strip * TILE_W) as isize - PAD as isize, row as isize - PAD as isize);
                out.extend((0..BUF as isize).map(|k| value(i + k, j)));
            }
        }
        out
    }
}

/// [`FloodStateOf`] in the precision of work.
pub type FloodState = FloodStateOf<f32>;

/// State of a flood run: depth, velocities, tracked extremes, account.
#[derive(Debug, Clone)]
pub struct FloodStateOf<R> {
    pub(crate) layout: Layout,
    /// Digest of the terrain the state belongs to.
    pub(crate) model: u64,
    pub(crate) t_s: f64,
    pub(crate) tick: u64,
    /// Fastest wave of the present state, m/s.
    pub(crate) speed_mps: f64,
    pub(crate) h: Vec<R>,
    pub(crate) u: Vec<R>,
    pub(crate) v: Vec<R>,
    /// Buffers of the next state.
    pub(crate) h1: Vec<R>,
    pub(crate) u1: Vec<R>,
    pub(crate) v1: Vec<R>,
    /// What rounding has added to the depth of each cell (Kahan 1965), metres: the water there is `h - carry`.
    pub(crate) carry: Vec<R>,
    /// Per tile: which parts are wet (see `tile`). Derived from `h`.
    pub(crate) wet: Vec<u8>,
    /// Per tile: both buffers hold the same values.
    pub(crate) settled: Vec<bool>,
    /// Per tile: its waves, where known; derived from depth and velocities, for local steps.
    pub(crate) waves: Vec<Option<TileWaves>>,
    pub(crate) max_depth_m: Vec<f32>,
    pub(crate) max_hazard_m2ps: Vec<f32>,
    pub(crate) first_wet_s: Vec<f32>,
    /// Per cell: how far its ground is used up, see `soil`; empty while all ground is sealed.
    pub(crate) soil_used: Vec<R>,
    /// Time since the ground last took in water, seconds.
    pub(crate) soil_wait_s: f64,
    /// Per pump: it runs.
    pub(crate) pump_on: Vec<bool>,
    pub(crate) ledger: Ledger,
    /// Free share of every cell, from the kernel; empty where all are free.
    pub(crate) free: Arc<[f64]>,
}

impl<R: Real> FloodStateOf<R> {
    pub(crate) fn new(layout: Layout, model: u64, h: &[R], u: &[R], v: &[R]) -> Self {
        let tiles = layout.tiles_x * layout.tiles_y;
        let zeros = vec![R::ZERO; layout.field_len()];
        Self {
            layout,
            model,
            t_s: 0.0,
            tick: 0,
            speed_mps: 0.0,
            h: layout.field(h),
            u: layout.field(u),
            v: layout.field(v),
            h1: zeros.clone(),
            u1: zeros.clone(),
            v1: zeros,
            carry: vec![R::ZERO; layout.track_len()],
            wet: vec![0; tiles],
            settled: vec![false; tiles],
            waves: vec![None; tiles],
            max_depth_m: vec![0.0; layout.track_len()],
            max_hazard_m2ps: vec![0.0; layout.track_len()],
            first_wet_s: vec![f32::INFINITY; layout.track_len()],
            soil_used: Vec::new(),
            soil_wait_s: 0.0,
            pump_on: Vec::new(),
            ledger: Ledger::default(),
            free: Arc::default(),
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
        let (mut sum, mut rest) = (0.0_f64, 0.0_f64);
        let cells = self.layout.pieces(PAD).zip(self.layout.pieces(0));
        for (cell, (h, carry)) in cells.flat_map(|(f, t)| self.h[f].iter().zip(&self.carry[t])).enumerate() {
            let free = self.free_at(cell);
            let x = free * h.to_f64();
            let t = sum + x;
            rest += if sum >= x { (sum - t) + x } else { (x - t) + sum };
            rest -= free * carry.to_f64();
            sum = t;
        }
        (sum + rest) * self.layout.grid.cell_area_m2()
    }

    /// Free share of a cell.
    pub(crate) fn free_at(&self, cell: usize) -> f64 {
        self.free.get(cell).copied().unwrap_or(1.0)
    }

    /// Place of a cell in fields and in tracks.
    fn places(&self, cell: usize) -> (usize, usize) {
        let (i, j) = (cell % self.layout.grid.nx, cell / self.layout.grid.nx);
        let (strip, column) = (i / TILE_W, i % TILE_W);
        let field = (strip * self.layout.rows + PAD + j) * WIDE + column;
        (field, (strip * self.layout.grid.ny + j) * WIDE + column)
    }

    /// Depth of a cell without what rounding added, metres.
    pub(crate) fn depth_at_m(&self, cell: usize) -> f64 {
        let (field, track) = self.places(cell);
        self.h[field].to_f64() - self.carry[track].to_f64()
    }

    /// Adds up to `volume_m3` to a cell and books it; see `FloodRunOf::exchange`.
    pub(crate) fn exchange(&mut self, cell: usize, volume_m3: f64, params: &FloodParams) -> f64 {
        let added = self.shift(cell, volume_m3, params);
        self.ledger.point_in_m3 += added.max(0.0);
        self.ledger.point_out_m3 += (-added).max(0.0);
        added
    }

    /// Adds up to `volume_m3` to a cell without booking it: another cell or entry has the other side.
    pub(crate) fn shift(&mut self, cell: usize, volume_m3: f64, params: &FloodParams) -> f64 {
        let area = self.layout.grid.cell_area_m2() * self.free_at(cell);
        let (field, track) = self.places(cell);
        let before = self.depth_at_m(cell);
        let after = (before + volume_m3 / area).max(0.0);
        let h = R::of(after);
        self.h[field] = h;
        self.carry[track] = R::of(h.to_f64() - after);
        let keep = if h.to_f64() <= params.dry_depth_m {
            0.0
        } else if after > before {
            before / after
        } else {
            1.0
        };
        self.u[field] *= R::of(keep);
        self.v[field] *= R::of(keep);
        let tile = self.layout.tile_of(cell);
        self.settled[tile] = false;
        self.waves[tile] = None;
        if h.to_f64() > params.dry_depth_m {
            // Every side counts as wet until the tile's next step looks again.
            self.wet[tile] = u8::MAX;
        }
        let wave = max(self.u[field].abs(), self.v[field].abs()) + (R::of(params.gravity_mps2) * h).sqrt();
        self.speed_mps = max_or_nan(self.speed_mps, wave.to_f64());
        (self.depth_at_m(cell) - before) * area
    }

    /// Moves the water of cells that are not their own target to it.
    pub(crate) fn move_out_of(&mut self, target: &[usize], params: &FloodParams) {
        for (cell, to) in target.iter().enumerate().filter(|(cell, to)| cell != *to && **to != NOWHERE) {
            let out = -self.shift(cell, f64::NEG_INFINITY, params);
            self.shift(*to, out, params);
        }
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
            ledger.infiltrated_m3,
            ledger.residue_m3,
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
            infiltrated_m3,
            residue_m3,
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
            infiltrated_m3,
            residue_m3,
            current_m3: 0.0,
        })
    }
}

fn kind_name<R: Real>() -> &'static str {
    if R::NAME == "f32" { "flood state in f32, version 3" } else { "flood state in f64, version 3" }
}

impl<R: Real> Snapshot for FloodStateOf<R> {
    fn save(&self) -> Vec<u8> {
        let mut w = ByteWriter::new(R::STATE_KIND);
        w.u64(self.layout.grid.nx as u64);
        w.u64(self.layout.grid.ny as u64);
        w.f64(self.layout.grid.dx_m);
        w.u64(self.model);
        w.f64(self.t_s);
        w.u64(self.tick);
        w.f64(self.speed_mps);
        for field in [&self.h, &self.u, &self.v] {
            R::write(&mut w, &self.layout.field_cells(field));
        }
        R::write(&mut w, &self.layout.track_cells(&self.carry));
        for track in [&self.max_depth_m, &self.max_hazard_m2ps, &self.first_wet_s] {
            w.f32s(&self.layout.track_cells(track));
        }
        R::write(&mut w, &self.layout.track_cells(&self.soil_used));
        w.f64(self.soil_wait_s);
        w.bytes(&self.pump_on.iter().map(|on| u8::from(*on)).collect::<Vec<_>>());
        w.bytes(&self.wet);
        w.f64s(&Self::ledger_fields(&self.ledger));
        w.finish()
    }

    fn restore(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut r = ByteReader::new(bytes, R::STATE_KIND, kind_name::<R>())?;
        let bad = |field, value: String, allowed| SnapshotError::BadValue { field, value, allowed };
        let size = |v: u64| usize::try_from(v).unwrap_or(usize::MAX);
        let grid = Grid { nx: size(r.u64("nx")?), ny: size(r.u64("ny")?), dx_m: r.f64("dx_m")? };
        grid.validate().map_err(|e| bad("grid", e.to_string(), "a valid grid"))?;
        let layout = Layout::new(grid);
        let n = grid.cell_count();
        let model = r.u64("model")?;
        let (t_s, tick, speed_mps) = (r.f64("t_s")?, r.u64("tick")?, r.f64("speed_mps")?);
        let mut cells = |field, low: f64| {
            let values = R::read(&mut r, field)?;
            if values.len() != n || values.iter().any(|x| !x.is_finite() || *x < R::of(low)) {
                return Err(bad(
                    field,
                    format!("{} values", values.len()),
                    "one finite value per cell, depth not below 0",
                ));
            }
            Ok(values)
        };
        let (h, u, v) = (cells("depth", 0.0)?, cells("velocity x", -1e9)?, cells("velocity y", -1e9)?);
        let carry = cells("rounding carried", -1.0)?;
        let mut tracks = |field| {
            let values = r.f32s(field)?;
            if values.len() == n { Ok(values) } else { Err(bad(field, values.len().to_string(), "one value per cell")) }
        };
        let (max_depth_m, max_hazard_m2ps, first_wet_s) =
            (tracks("max depth")?, tracks("max hazard")?, tracks("first wetting")?);
        let soil = R::read(&mut r, "soil used")?;
        if !(soil.is_empty() || soil.len() == n && soil.iter().all(|x| x.is_finite())) {
            return Err(bad("soil used", soil.len().to_string(), "no value or one finite value per cell"));
        }
        let soil_wait_s = r.f64("soil_wait_s")?;
        let pump_on = r.bytes("pumps")?.iter().map(|on| *on != 0).collect();
        let wet = r.bytes("wet tiles")?;
        let fields = r.f64s("ledger")?;
        r.end()?;
        let mut s = Self::new(layout, model, &h, &u, &v);
        if wet.len() != s.wet.len() {
            return Err(bad("wet tiles", wet.len().to_string(), "one value per tile"));
        }
        if !(t_s.is_finite() && speed_mps.is_finite() && speed_mps >= 0.0 && soil_wait_s.is_finite()) {
            return Err(bad(
                "t_s, speed_mps, soil_wait_s",
                format!("{t_s}, {speed_mps}, {soil_wait_s}"),
                "finite numbers",
            ));
        }
        s.ledger = Self::ledger_from(&fields).ok_or_else(|| bad("ledger", fields.len().to_string(), "10 values"))?;
        (s.t_s, s.tick, s.speed_mps, s.wet, s.carry) = (t_s, tick, speed_mps, wet, layout.track(&carry, R::ZERO));
        (s.soil_wait_s, s.pump_on) = (soil_wait_s, pump_on);
        s.soil_used = if soil.is_empty() { soil } else { layout.track(&soil, R::ZERO) };
        s.max_depth_m = layout.track(&max_depth_m, 0.0);
        s.max_hazard_m2ps = layout.track(&max_hazard_m2ps, 0.0);
        s.first_wet_s = layout.track(&first_wet_s, f32::INFINITY);
        Ok(s)
    }

    fn checksum(&self) -> u64 {
        let mut c = Checksum::new();
        c.add_u64(self.model);
        c.add_f64(self.t_s);
        c.add_u64(self.tick);
        for field in [&self.h, &self.u, &self.v] {
            self.layout.pieces(PAD).for_each(|at| R::digest(&mut c, &field[at]));
        }
        self.layout.pieces(0).for_each(|at| R::digest(&mut c, &self.carry[at]));
        for track in [&self.max_depth_m, &self.max_hazard_m2ps, &self.first_wet_s] {
            self.layout.pieces(0).for_each(|at| c.add_f32s(&track[at]));
        }
        if !self.soil_used.is_empty() {
            self.layout.pieces(0).for_each(|at| R::digest(&mut c, &self.soil_used[at]));
        }
        c.add_f64(self.soil_wait_s);
        self.pump_on.iter().for_each(|on| c.add_u64(u64::from(*on)));
        c.add_f64s(&Self::ledger_fields(&self.ledger));
        c.finish()
    }
}
