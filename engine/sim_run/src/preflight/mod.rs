//! The pre-flight report (运行前检查): what about the input would make a run misleading, with place, value and advice.
//!
//! Findings never stop a run. What makes a run impossible is an error elsewhere, before this report is made.

mod levels;
mod pits;
mod shapes;

use crate::RunError;
use crate::domain::Domain;
use crate::flood::Prepared;
use crate::forcing::Adjust;
use serde::{Deserialize, Serialize};
use twin_model::EntityId;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Results are doubtful at the place.
    Warning,
    /// Results are doubtful everywhere.
    Serious,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A watercourse is narrower than two cells.
    NarrowChannel,
    /// A watercourse falls apart on the grid.
    BrokenChannel,
    /// A wall or embankment is lower on the grid than delivered.
    LostWall,
    /// A barrier of the scenario has no face on the grid.
    LostBarrier,
    /// A pit without outlet.
    Pit,
    /// The river's level does not fit its bed or the land.
    RiverLevel,
    /// A gauge stands outside the raster.
    GaugeOutside,
    /// No land cover, or classes without roughness.
    Roughness,
    /// Much of the raster is blocked.
    Blocked,
    /// Parts of the raster have no elevation.
    NoElevation,
    /// Streets are narrower than two cells.
    NarrowStreet,
    /// A street is blocked by cells of buildings.
    BlockedStreet,
    /// Cells are smaller than those of the terrain.
    CellSize,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// How much it matters.
    pub severity: Severity,
    /// Where, ENU metres; `None`: everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_enu: Option<[f64; 2]>,
    /// The thing that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<EntityId>,
    /// The number behind it.
    pub value: f64,
    /// Unit of the number; "1" for shares and counts.
    pub unit: String,
    /// What was found, in words.
    pub message: String,
    /// What to do about it.
    pub advice: String,
}

impl Finding {
    fn new(kind: FindingKind, severity: Severity, (value, unit): (f64, &str), message: String, advice: &str) -> Self {
        let (unit, advice) = (unit.to_owned(), advice.to_owned());
        Self { kind, severity, p_enu: None, entity: None, value, unit, message, advice }
    }

    fn at(mut self, domain: &Domain, cell: u32) -> Result<Self, RunError> {
        let c = domain.terrain.grid.centre_m(cell);
        let z = domain.terrain.bed_m[cell as usize];
        let p = domain.projector.enu_from_crs([domain.spec.x0 + c[0], domain.spec.y0 + c[1], z])?;
        self.p_enu = Some([p[0], p[1]]);
        Ok(self)
    }

    fn about(mut self, entity: EntityId) -> Self {
        self.entity = Some(entity);
        self
    }
}

/// All findings about a run, worst first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Report {
    /// Cells of the raster.
    pub cells: u64,
    /// Cell size, m.
    pub cell_m: f64,
    /// Share of cells that are blocked, 0 to 1.
    pub blocked_share: f64,
    /// The findings.
    pub findings: Vec<Finding>,
}

/// Looks at everything that a run is made of.
///
/// # Errors
/// [`RunError`] when a place cannot be projected or a file of the pack cannot be read.
pub(crate) fn report(prepared: &Prepared<'_>, adjust: &Adjust) -> Result<Report, RunError> {
    let (pack, domain) = (&prepared.pack, &prepared.domain);
    let terrain = pack.terrain()?;
    let forcing = prepared.plan.on(domain, 0.0, adjust)?;
    let blocked_share = share(&domain.terrain.blocked);
    let mut findings = Vec::new();
    findings.extend(levels::coverage(domain, &terrain, blocked_share));
    findings.extend(levels::roughness(pack, domain)?);
    findings.extend(levels::river(domain, &forcing)?);
    findings.extend(levels::gauges(&prepared.plan, domain)?);
    findings.extend(shapes::channels(&pack.model, domain)?);
    findings.extend(shapes::walls(&pack.model, domain)?);
    findings.extend(shapes::barriers(prepared.request.scenario, domain)?);
    findings.extend(shapes::streets(&pack.model, domain)?);
    findings.extend(pits::findings(domain)?);
    findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    let cells = domain.terrain.grid.cell_count() as u64;
    Ok(Report { cells, cell_m: domain.spec.dx_m, blocked_share, findings })
}

fn share(flags: &[bool]) -> f64 {
    flags.iter().filter(|f| **f).count() as f64 / flags.len().max(1) as f64
}
