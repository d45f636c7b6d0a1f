//! What people built and water meets: barriers, gates, culverts, pumps.

use serde::{Deserialize, Serialize};
use sim_core::ParamError;

use crate::forcing::{check_cell_list, check_series};
use crate::{Barrier, FaceId, FloodError, Grid};

/// All structures of a run. They can be replaced during a run; that moves no water.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Structures {
    /// Thin walls. Where several stand on one face the highest crest counts; a gate on the same face replaces them.
    pub barriers: Vec<Barrier>,
    /// Gates in walls.
    pub gates: Vec<Gate>,
    /// Culverts and bridge openings.
    pub culverts: Vec<Culvert>,
    /// Pumps.
    pub pumps: Vec<Pump>,
    /// Ways out of the domain with a law of their own.
    pub outlets: Vec<Outlet>,
}

impl From<Vec<Barrier>> for Structures {
    fn from(barriers: Vec<Barrier>) -> Self {
        Self { barriers, ..Self::default() }
    }
}

impl Structures {
    /// Checks every structure against a grid.
    ///
    /// # Errors
    /// [`FloodError`] naming the structure and what is wrong with it.
    pub fn validate(&self, grid: &Grid) -> Result<(), FloodError> {
        self.barriers.iter().try_for_each(|b| b.validate(grid))?;
        self.gates.iter().enumerate().try_for_each(|(k, g)| g.validate(k, grid))?;
        self.culverts.iter().enumerate().try_for_each(|(k, c)| c.validate(k, grid))?;
        self.pumps.iter().enumerate().try_for_each(|(k, p)| p.validate(k, grid))?;
        self.outlets.iter().enumerate().try_for_each(|(k, o)| o.validate(k, grid))
    }
}

/// A gate (闸门) on cell faces: a sill below, a leaf that leaves an opening above the sill, and a top that water can run over.
///
/// Discharge under the leaf: energy between the water before it and the contracted jet behind it, drowned or free
/// (Henderson 1966, "Open channel flow", section 6.6), never more than the open face would let through.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Gate {
    /// Faces it stands on; at least one.
    pub faces: Vec<FaceId>,
    /// Sill elevation, metres above the datum of the terrain.
    pub sill_m: f64,
    /// (time s, height of the opening above the sill m): linear between, constant outside. 0 is shut.
    pub opening_m: Vec<(f64, f64)>,
    /// Elevation of the leaf's top, metres: higher water runs over it as over a weir.
    pub top_m: f64,
    /// Clear width of the openings in all, metres; 0 for the whole width of the faces.
    pub clear_width_m: f64,
    /// Contraction coefficient of the jet, 0.4 to 1; 0.61 for a sharp vertical leaf (Henderson 1966).
    pub contraction: f64,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            faces: vec![],
            sill_m: 0.0,
            opening_m: vec![(0.0, 0.0)],
            top_m: 9000.0,
            clear_width_m: 0.0,
            contraction: 0.61,
        }
    }
}

impl Gate {
    fn validate(&self, index: usize, grid: &Grid) -> Result<(), FloodError> {
        let name = |part: &str| format!("gates[{index}].{part}");
        check_faces(&name("faces"), &self.faces, grid)?;
        sim_core::check_range(&name("sill_m"), self.sill_m, "m", -12_000.0, 9_000.0)?;
        sim_core::check_range(&name("top_m"), self.top_m, "m", self.sill_m, 9_000.0)?;
        sim_core::check_range(&name("clear_width_m"), self.clear_width_m, "m", 0.0, 1e5)?;
        sim_core::check_range(&name("contraction"), self.contraction, "-", 0.4, 1.0)?;
        check_series(&name("opening_m"), &self.opening_m, "m", 0.0, 100.0)
    }
}

/// Cross-section of a culvert's barrel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "shape")]
pub enum Barrel {
    /// Rectangular, metres.
    Box {
        /// Width, metres.
        width_m: f64,
        /// Height, metres.
        height_m: f64,
    },
    /// Circular.
    Pipe {
        /// Diameter, metres.
        diameter_m: f64,
    },
}

/// A culvert (涵洞) or the opening of a bridge between two cells, in either direction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Culvert {
    /// Cells at the two ends.
    pub ends: [u32; 2],
    /// Inverts at the two ends, metres above the datum of the terrain.
    pub invert_m: [f64; 2],
    /// Section of one barrel.
    pub barrel: Barrel,
    /// Barrels side by side, 1 to 100.
    pub barrels: u32,
    /// Length, metres.
    pub length_m: f64,
    /// Manning roughness of the barrel, s/m^(1/3).
    pub manning: f64,
    /// Entrance, bend and exit losses in velocity heads; 1.5 for a plain inlet and outlet.
    pub losses: f64,
    /// Share of the section that is open, 0 (blocked) to 1.
    pub open_share: f64,
}

impl Culvert {
    fn validate(&self, index: usize, grid: &Grid) -> Result<(), FloodError> {
        let name = |part: &str| format!("culverts[{index}].{part}");
        check_cell_list(&name("ends"), &self.ends, grid)?;
        if self.ends[0] == self.ends[1] {
            return Err(ParamError::new(name("ends"), self.ends[0], "cell", "two different cells").into());
        }
        for z in self.invert_m {
            sim_core::check_range(&name("invert_m"), z, "m", -12_000.0, 9_000.0)?;
        }
        match self.barrel {
            Barrel::Box { width_m, height_m } => {
                sim_core::check_range(&name("barrel.width_m"), width_m, "m", 0.01, 100.0)?;
                sim_core::check_range(&name("barrel.height_m"), height_m, "m", 0.01, 50.0)?;
            }
            Barrel::Pipe { diameter_m } => {
                sim_core::check_range(&name("barrel.diameter_m"), diameter_m, "m", 0.01, 20.0)?;
            }
        }
        sim_core::check_range(&name("barrels"), f64::from(self.barrels), "-", 1.0, 100.0)?;
        sim_core::check_range(&name("length_m"), self.length_m, "m", 0.1, 10_000.0)?;
        sim_core::check_range(&name("manning"), self.manning, "s/m^(1/3)", 0.005, 0.5)?;
        sim_core::check_range(&name("losses"), self.losses, "velocity heads", 0.1, 50.0)?;
        sim_core::check_range(&name("open_share"), self.open_share, "-", 0.0, 1.0)?;
        Ok(())
    }
}

/// A pump (排涝泵) that starts and stops by the level at its inlet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pump {
    /// Cell it takes from.
    pub from: u32,
    /// Cell it gives to; `None` for out of the domain.
    pub to: Option<u32>,
    /// Discharge while it runs, m3/s.
    pub capacity_m3ps: f64,
    /// Level at which it starts, metres above the datum of the terrain.
    pub start_m: f64,
    /// Level at which it stops, metres; at most `start_m`.
    pub stop_m: f64,
}

impl Pump {
    fn validate(&self, index: usize, grid: &Grid) -> Result<(), FloodError> {
        let name = |part: &str| format!("pumps[{index}].{part}");
        check_cell_list(&name("from"), &[self.from], grid)?;
        check_cell_list(&name("to"), self.to.as_slice(), grid)?;
        if self.to == Some(self.from) {
            return Err(ParamError::new(name("to"), self.from, "cell", "another cell than it takes from").into());
        }
        sim_core::check_range(&name("capacity_m3ps"), self.capacity_m3ps, "m3/s", 0.0, 1e4)?;
        sim_core::check_range(&name("start_m"), self.start_m, "m", -12_000.0, 9_000.0)?;
        sim_core::check_range(&name("stop_m"), self.stop_m, "m", -12_000.0, self.start_m)?;
        Ok(())
    }
}

/// Cells through which water leaves the domain by a law: over the edge that most of them lie at, or, from cells inside, down a
/// hole. What leaves is booked as leaving over the edge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outlet {
    /// Cells it drains; a row of cells across a stream at the edge, say.
    pub cells: Vec<u32>,
    /// Its law.
    pub law: OutletLaw,
}

/// How an outlet discharges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "law")]
pub enum OutletLaw {
    /// Uniform flow by Manning's formula over each cell's width: q = h^(5/3) sqrt(S) / n (正常水深).
    NormalDepth {
        /// Slope S of the energy line, 1e-6 to 1.
        slope: f64,
    },
    /// Rating curve (水位流量关系), shared by conveyance h^(5/3).
    Rating {
        /// (level m above the datum of the terrain, discharge m3/s), levels ascending; constant outside.
        points: Vec<(f64, f64)>,
    },
}

impl Outlet {
    fn validate(&self, index: usize, grid: &Grid) -> Result<(), FloodError> {
        let name = |part: &str| format!("outlets[{index}].{part}");
        check_cell_list(&name("cells"), &self.cells, grid)?;
        match &self.law {
            OutletLaw::NormalDepth { slope } => {
                sim_core::check_range(&name("slope"), *slope, "-", 1e-6, 1.0)?;
            }
            OutletLaw::Rating { points } => check_rating(&name("points"), points)?,
        }
        Ok(())
    }
}

fn check_rating(name: &str, points: &[(f64, f64)]) -> Result<(), FloodError> {
    let bad = |why: String| FloodError::Series { name: name.to_owned(), why };
    let mut last = f64::NEG_INFINITY;
    for &(level, q) in points {
        if !level.is_finite() || level <= last {
            return Err(bad(format!("level {level} m must be finite and above {last} m")));
        }
        if !(0.0..=1e6).contains(&q) {
            return Err(bad(format!("discharge {q} m3/s at {level} m; allowed: 0 to 1e6")));
        }
        last = level;
    }
    if points.is_empty() { Err(bad("needs at least one (level, discharge) point".into())) } else { Ok(()) }
}

/// Checks that faces are there and inside the grid.
pub(crate) fn check_faces(name: &str, faces: &[FaceId], grid: &Grid) -> Result<(), FloodError> {
    let allowed = || format!("faces of a {} x {} grid", grid.nx, grid.ny);
    if faces.is_empty() {
        return Err(ParamError::new(name, "no face", "-", allowed()).into());
    }
    match faces.iter().find(|f| !f.is_in(grid)) {
        Some(f) => Err(ParamError::new(name, format!("{f:?}"), "-", allowed()).into()),
        None => Ok(()),
    }
}
