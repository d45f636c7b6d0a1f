//! `trajectories.sqlite`: who walked where, in JuPedSim's trajectory layout (version 2), as PedPy and JuPedSim read it.
//!
//! Beside JuPedSim's columns each row has `pos_z` (level, m) and `layer`; the table `layers` names them, with outlines of rooms.
//! JuPedSim's one polygon per file cannot hold storeys: `geometry` is the rectangle round the building.

use crate::{EvacRunError, street};
use rusqlite::{Connection, params};
use sim_crowd::{CrowdRun, LayerId, LayerKind};
use sim_evac::EvacModel;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use twin_model::BuildingPlan;

/// JuPedSim's version of the layout.
const VERSION: &str = "2";

/// An open file of trajectories.
pub(crate) struct Trajectories {
    db: Connection,
    path: PathBuf,
    frames: u32,
    last: BTreeMap<u32, ([f64; 2], [f64; 2])>,
    bounds: [[f64; 2]; 2],
}

impl Trajectories {
    pub fn create(path: &Path, model: &EvacModel, crowd: &CrowdRun, interval_s: f64) -> Result<Self, EvacRunError> {
        let wrong = |cause| EvacRunError::Sqlite { path: path.to_owned(), cause };
        let db = Connection::open(path).map_err(wrong)?;
        let plan = model.plan();
        let mut bounds = bounds_of(plan);
        for p in model.ground().iter().flat_map(|g| &g.tiles).flat_map(|t| &t.outline) {
            for k in 0..2 {
                (bounds[0][k], bounds[1][k]) = (bounds[0][k].min(p[k] - 1.0), bounds[1][k].max(p[k] + 1.0));
            }
        }
        let [low, high] = bounds;
        let wkt = wkt_of(&[low, [high[0], low[1]], high, [low[0], high[1]]]);
        let hash = i64::from(wkt.bytes().fold(5381_u32, |h, b| h.wrapping_mul(33) ^ u32::from(b)));
        db.execute_batch(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;
             CREATE TABLE trajectory_data (frame INTEGER NOT NULL, id INTEGER NOT NULL, pos_x REAL NOT NULL, pos_y REAL NOT NULL,
               ori_x REAL NOT NULL, ori_y REAL NOT NULL, pos_z REAL NOT NULL, layer INTEGER NOT NULL);
             CREATE TABLE metadata (key TEXT NOT NULL UNIQUE PRIMARY KEY, value TEXT NOT NULL);
             CREATE TABLE geometry (hash INTEGER NOT NULL, wkt TEXT NOT NULL);
             CREATE TABLE frame_data (frame INTEGER NOT NULL, geometry_hash INTEGER NOT NULL);
             CREATE TABLE layers (layer INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, area_m2 REAL NOT NULL, wkt TEXT);",
        )
        .map_err(wrong)?;
        db.execute("INSERT INTO geometry VALUES (?1, ?2)", params![hash, wkt]).map_err(wrong)?;
        for (k, l) in crowd.world().layers().iter().enumerate() {
            let floor = match l.kind {
                LayerKind::Floor(Some(s)) => plan.spaces.get(s.index()).map(|s| wkt_of(&s.outline)),
                _ => model.tile_of(LayerId(k as u32)).zip(model.ground()).map(|(t, g)| wkt_of(&g.tiles[t].outline)),
            };
            db.execute("INSERT INTO layers VALUES (?1, ?2, ?3, ?4)", params![k as i64, l.name, l.area_m2(), floor])
                .map_err(wrong)?;
        }
        let fps = (1.0 / interval_s).to_string();
        for (key, value) in [("version", VERSION.to_owned()), ("fps", fps)] {
            db.execute("INSERT INTO metadata VALUES (?1, ?2)", params![key, value]).map_err(wrong)?;
        }
        Ok(Self { db, path: path.to_owned(), frames: 0, last: BTreeMap::new(), bounds })
    }

    /// Writes where everybody is now.
    pub fn frame(&mut self, model: &EvacModel, crowd: &CrowdRun) -> Result<(), EvacRunError> {
        let wrong = |cause| EvacRunError::Sqlite { path: self.path.clone(), cause };
        let mut insert = self
            .db
            .prepare_cached("INSERT INTO trajectory_data VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")
            .map_err(wrong)?;
        let mut rows: Vec<_> = crowd.frame().collect();
        rows.sort_by_key(|r| r.id);
        for r in rows {
            let at = [r.x_m, r.y_m];
            let (before, facing) = self.last.get(&r.id).copied().unwrap_or((at, [1.0, 0.0]));
            let d = [at[0] - before[0], at[1] - before[1]];
            let far = (d[0] * d[0] + d[1] * d[1]).sqrt();
            let facing = if far > 0.05 { [d[0] / far, d[1] / far] } else { facing };
            self.last.insert(r.id, (at, facing));
            let [low, high] = self.bounds;
            self.bounds = [[low[0].min(at[0]), low[1].min(at[1])], [high[0].max(at[0]), high[1].max(at[1])]];
            let (id, z_m) = (i64::from(r.id) + 1, street::level_m(model, &r));
            insert
                .execute(params![self.frames, id, at[0], at[1], facing[0], facing[1], z_m, r.layer.0])
                .map_err(wrong)?;
        }
        self.db.execute("INSERT INTO frame_data SELECT ?1, hash FROM geometry", params![self.frames]).map_err(wrong)?;
        self.frames += 1;
        Ok(())
    }

    /// Writes bounds and index, and closes the file.
    pub fn finish(self) -> Result<(), EvacRunError> {
        let wrong = |cause| EvacRunError::Sqlite { path: self.path.clone(), cause };
        let [low, high] = self.bounds;
        for (key, value) in [("xmin", low[0]), ("xmax", high[0]), ("ymin", low[1]), ("ymax", high[1])] {
            self.db.execute("INSERT INTO metadata VALUES (?1, ?2)", params![key, value.to_string()]).map_err(wrong)?;
        }
        self.db.execute_batch("CREATE INDEX frame_id_idx ON trajectory_data(frame, id); COMMIT;").map_err(wrong)?;
        self.db.close().map_err(|(_, source)| wrong(source))
    }
}

/// The rectangle round everything that people walk on in the plan, 1 m wider: least and greatest corner.
fn bounds_of(plan: &BuildingPlan) -> [[f64; 2]; 2] {
    let flights = plan.stairs.iter().flat_map(|s| &s.flights).flat_map(|f| [f.foot, f.head]).map(|p| [p[0], p[1]]);
    let corners = plan.spaces.iter().flat_map(|s| s.outline.iter().copied()).chain(flights);
    let mut bounds = [[f64::INFINITY; 2], [f64::NEG_INFINITY; 2]];
    for p in corners {
        for k in 0..2 {
            bounds[0][k] = bounds[0][k].min(p[k] - 1.0);
            bounds[1][k] = bounds[1][k].max(p[k] + 1.0);
        }
    }
    bounds
}

fn wkt_of(ring: &[[f64; 2]]) -> String {
    let mut points: Vec<String> = ring.iter().map(|p| format!("{} {}", p[0], p[1])).collect();
    points.extend(points.first().cloned());
    format!("POLYGON (({}))", points.join(", "))
}
