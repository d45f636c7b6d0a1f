//! What changes during a preview.

use sim_core::{ByteReader, ByteWriter, Checksum, Snapshot, SnapshotError};

use super::layout::{CHUNK, Layout};
use crate::{FloodParams, Grid, Ledger};

/// What a chunk of one row holds.
pub(crate) mod flag {
    /// A cell deeper than the dry depth.
    pub(crate) const WET: u8 = 1;
    /// Discharges that may not be 0.
    pub(crate) const STIRRED: u8 = 2;
}

/// State of a preview: depth, discharges over faces, tracked extremes, account.
#[derive(Debug, Clone)]
pub struct PreviewState {
    pub(crate) layout: Layout,
    /// Digest of the terrain the state belongs to.
    pub(crate) model: u64,
    pub(crate) t_s: f64,
    pub(crate) tick: u64,
    /// Greatest depth, metres.
    pub(crate) deepest_m: f64,
    pub(crate) h: Vec<f32>,
    /// Discharge per width over the west face of each cell, m2/s.
    pub(crate) qx: Vec<f32>,
    /// Over the south face.
    pub(crate) qy: Vec<f32>,
    /// What rounding has added to the depth of each cell (Kahan 1965), metres: the water there is `h - carry`.
    pub(crate) carry: Vec<f32>,
    pub(crate) max_depth_m: Vec<f32>,
    pub(crate) max_hazard_m2ps: Vec<f32>,
    pub(crate) first_wet_s: Vec<f32>,
    /// Per chunk: see [`flag`].
    pub(crate) flags: Vec<u8>,
    pub(crate) ledger: Ledger,
}

impl PreviewState {
    pub(crate) fn new(layout: Layout, model: u64) -> Self {
        let zeros = vec![0.0; layout.len()];
        Self {
            layout,
            model,
            t_s: 0.0,
            tick: 0,
            deepest_m: 0.0,
            h: zeros.clone(),
            qx: zeros.clone(),
            qy: zeros.clone(),
            carry: zeros.clone(),
            max_depth_m: zeros.clone(),
            max_hazard_m2ps: zeros,
            first_wet_s: vec![f32::INFINITY; layout.len()],
            flags: vec![0; layout.grid.ny * layout.chunks],
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
        let (mut sum, mut rest) = (0.0_f64, 0.0_f64);
        let cells = self.layout.rows(&self.h).flatten().zip(self.layout.rows(&self.carry).flatten());
        for (h, carry) in cells {
            let x = f64::from(*h);
            let t = sum + x;
            rest += if sum >= x { (sum - t) + x } else { (x - t) + sum };
            rest -= f64::from(*carry);
            sum = t;
        }
        (sum + rest) * self.layout.grid.cell_area_m2()
    }

    /// Marks chunks with wet cells; every chunk may hold discharges.
    pub(crate) fn note_wet(&mut self, dry_m: f32) {
        let (layout, h) = (self.layout, &self.h);
        let wet = layout.rows(h).flat_map(|row| row.chunks(CHUNK).map(|c| c.iter().any(|h| *h > dry_m)));
        self.flags
            .iter_mut()
            .zip(wet)
            .for_each(|(f, wet)| *f = if wet { flag::WET | flag::STIRRED } else { flag::STIRRED });
        self.deepest_m = layout.rows(h).flatten().fold(0.0, |m, h| f64::from(*h).max(m));
    }

    /// Depth of a cell without what rounding added, metres.
    pub(crate) fn depth_at_m(&self, cell: usize) -> f64 {
        let at = self.layout.cell(cell);
        f64::from(self.h[at]) - f64::from(self.carry[at])
    }

    /// Adds up to `volume_m3` to a cell and books it as a point flow; returns what was added.
    pub(crate) fn exchange(&mut self, cell: usize, volume_m3: f64, params: &FloodParams) -> f64 {
        let area = self.layout.grid.cell_area_m2();
        let at = self.layout.cell(cell);
        let before = self.depth_at_m(cell);
        set_depth(&mut self.h[at], &mut self.carry[at], (before + volume_m3 / area).max(0.0));
        let h = f64::from(self.h[at]);
        if h > params.dry_depth_m {
            self.flags[self.layout.chunk_of(cell)] |= flag::WET;
        }
        self.deepest_m = self.deepest_m.max(h);
        let added = (self.depth_at_m(cell) - before) * area;
        self.ledger.point_in_m3 += added.max(0.0);
        self.ledger.point_out_m3 += (-added).max(0.0);
        added
    }

    fn ledger_fields(&self) -> [f64; 9] {
        let l = &self.ledger;
        let (stage, point) = ([l.stage_in_m3, l.stage_out_m3], [l.point_in_m3, l.point_out_m3]);
        let edge = [l.edge_in_m3, l.edge_out_m3];
        [l.initial_m3, l.rain_in_m3, stage[0], stage[1], edge[0], edge[1], point[0], point[1], l.residue_m3]
    }
}

/// Sets a depth and keeps what rounding adds.
#[inline(always)]
pub(crate) fn set_depth(h: &mut f32, carry: &mut f32, depth_m: f64) {
    *h = depth_m as f32;
    *carry = (f64::from(*h) - depth_m) as f32;
}

fn ledger_from(fields: &[f64]) -> Option<Ledger> {
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
    ] = fields
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
        ..Ledger::default()
    })
}

const KIND: [u8; 8] = *b"floodP32";
const KIND_NAME: &str = "flood preview state, version 1";

impl Snapshot for PreviewState {
    fn save(&self) -> Vec<u8> {
        let mut w = ByteWriter::new(KIND);
        w.u64(self.layout.grid.nx as u64);
        w.u64(self.layout.grid.ny as u64);
        w.f64(self.layout.grid.dx_m);
        w.u64(self.model);
        w.f64(self.t_s);
        w.u64(self.tick);
        w.f64(self.deepest_m);
        // Whole rasters: discharges over the north and the east edge lie beside the cells.
        for raster in [&self.h, &self.qx, &self.qy, &self.carry] {
            w.f32s(raster);
        }
        for track in [&self.max_depth_m, &self.max_hazard_m2ps, &self.first_wet_s] {
            w.f32s(&self.layout.gather(track));
        }
        w.bytes(&self.flags);
        w.f64s(&self.ledger_fields());
        w.finish()
    }

    fn restore(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut r = ByteReader::new(bytes, KIND, KIND_NAME)?;
        let bad = |field, value: String, allowed| SnapshotError::BadValue { field, value, allowed };
        let size = |v: u64| usize::try_from(v).unwrap_or(usize::MAX);
        let grid = Grid { nx: size(r.u64("nx")?), ny: size(r.u64("ny")?), dx_m: r.f64("dx_m")? };
        grid.validate().map_err(|e| bad("grid", e.to_string(), "a valid grid"))?;
        let layout = Layout::new(grid);
        let mut s = Self::new(layout, r.u64("model")?);
        (s.t_s, s.tick, s.deepest_m) = (r.f64("t_s")?, r.u64("tick")?, r.f64("deepest_m")?);
        if !(s.t_s.is_finite() && s.deepest_m.is_finite() && s.deepest_m >= 0.0) {
            return Err(bad("t_s, deepest_m", format!("{}, {}", s.t_s, s.deepest_m), "finite numbers"));
        }
        let mut raster = |field, low: f32| {
            let values = r.f32s(field)?;
            if values.len() != layout.len() || values.iter().any(|x| !x.is_finite() || *x < low) {
                let found = format!("{} values", values.len());
                return Err(bad(field, found, "one finite value per place, depth not below 0"));
            }
            Ok(values)
        };
        (s.h, s.qx, s.qy, s.carry) = (
            raster("depth", 0.0)?,
            raster("discharge x", f32::MIN)?,
            raster("discharge y", f32::MIN)?,
            raster("carry", -1.0)?,
        );
        let mut track = |field, fill| {
            let values = r.f32s(field)?;
            let fits = values.len() == grid.cell_count();
            if fits {
                Ok(layout.spread(&values, fill))
            } else {
                Err(bad(field, values.len().to_string(), "one per cell"))
            }
        };
        (s.max_depth_m, s.max_hazard_m2ps) = (track("max depth", 0.0)?, track("max hazard", 0.0)?);
        s.first_wet_s = track("first wetting", f32::INFINITY)?;
        let flags = r.bytes("flags")?;
        if flags.len() != s.flags.len() {
            return Err(bad("flags", flags.len().to_string(), "one per chunk"));
        }
        s.flags = flags;
        let fields = r.f64s("ledger")?;
        r.end()?;
        s.ledger = ledger_from(&fields).ok_or_else(|| bad("ledger", fields.len().to_string(), "9 values"))?;
        Ok(s)
    }

    fn checksum(&self) -> u64 {
        let mut c = Checksum::new();
        c.add_u64(self.model);
        c.add_f64(self.t_s);
        c.add_u64(self.tick);
        for raster in [&self.h, &self.qx, &self.qy, &self.carry] {
            c.add_f32s(raster);
        }
        for track in [&self.max_depth_m, &self.max_hazard_m2ps, &self.first_wet_s] {
            self.layout.rows(track).for_each(|row| c.add_f32s(row));
        }
        c.add_f64s(&self.ledger_fields());
        c.finish()
    }
}
