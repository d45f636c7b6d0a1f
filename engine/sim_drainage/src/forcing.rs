//! What drives a run from outside: inflows, openings to the surface, water levels behind outfalls.

use serde::{Deserialize, Serialize};

use crate::error::{bad, check};
use crate::{DrainageError, Network, NodeId, NodeKind, Series};

/// Lateral flow into a node, m3/s: `base + scale * pattern(hour) * ... + series`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inflow {
    /// Node.
    pub node: NodeId,
    /// Constant part, m3/s; negative takes water.
    pub base_m3ps: f64,
    /// Multipliers of the constant part per hour of the day, 24 values; empty: 1 always.
    pub hourly: Vec<f64>,
    /// Part that varies, m3/s.
    pub series: Option<Series>,
}

impl Inflow {
    /// A constant flow.
    #[must_use]
    pub const fn constant(node: NodeId, flow_m3ps: f64) -> Self {
        Self { node, base_m3ps: flow_m3ps, hourly: Vec::new(), series: None }
    }

    /// A flow over time.
    #[must_use]
    pub const fn series(node: NodeId, series: Series) -> Self {
        Self { node, base_m3ps: 0.0, hourly: Vec::new(), series: Some(series) }
    }

    /// Volume between two times, m3; `start_s` is the time of day of the run's start.
    pub(crate) fn volume_m3(&self, t0_s: f64, t1_s: f64, start_s: f64) -> f64 {
        let hour = ((0.5 * (t0_s + t1_s) + start_s) / 3600.0).rem_euclid(24.0) as usize;
        let factor = self.hourly.get(hour).copied().unwrap_or(1.0);
        let varying = self.series.as_ref().map_or(0.0, |s| s.integral(t0_s, t1_s));
        self.base_m3ps * factor * (t1_s - t0_s) + varying
    }
}

/// How water passes between a node and the surface above it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum OpeningLaw {
    /// Manhole cover (检查井盖) by Rubinato et al. 2017 (J. Hydrol. 552, 421-432): free weir, submerged weir, orifice.
    Manhole {
        /// Plan area of the opening, m2.
        area_m2: f64,
        /// Perimeter of the opening, m.
        perimeter_m: f64,
        /// Orifice coefficient (0.167).
        orifice: f64,
        /// Free weir coefficient (0.54).
        free_weir: f64,
        /// Submerged weir coefficient (0.056).
        submerged_weir: f64,
    },
    /// Storm inlet (雨水口) with a grate in a sag, HEC-22 3rd edition (FHWA-NHI-10-009), eq. 4-26 and 4-27: the smaller of
    /// 1.66 P d^1.5 and 0.67 A (2 g d)^0.5. Flow out of the grate follows the orifice law.
    Grate {
        /// Clear opening, m2.
        area_m2: f64,
        /// Perimeter without the side at the kerb, m.
        perimeter_m: f64,
        /// Part of area and perimeter that is clogged, 0 to 1.
        clogging: f64,
    },
}

impl OpeningLaw {
    /// A round manhole with the coefficients of Rubinato et al. 2017.
    #[must_use]
    pub const fn round_manhole(diameter_m: f64) -> Self {
        Self::Manhole {
            area_m2: 0.25 * std::f64::consts::PI * diameter_m * diameter_m,
            perimeter_m: std::f64::consts::PI * diameter_m,
            orifice: 0.167,
            free_weir: 0.54,
            submerged_weir: 0.056,
        }
    }
}

/// An opening of a node to the surface. A node with an opening spills through it and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Opening {
    /// Node below.
    pub node: NodeId,
    /// Ground at the opening, metres above datum.
    pub ground_m: f64,
    /// Law.
    pub law: OpeningLaw,
    /// Weight of the new flow against that of the step before, 0.05 to 1.
    pub relaxation: f64,
}

/// Water on the surface at an opening, held fixed while the sewer advances.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Surface {
    /// Level of the water surface (or of the dry ground), metres above datum.
    pub level_m: f64,
    /// Water the opening may take until it is set again, m3.
    pub available_m3: f64,
}

/// Everything that drives a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DrainageForcing {
    /// Lateral flows.
    pub inflows: Vec<Inflow>,
    /// Time of day of the run's start, seconds (for daily patterns and tide curves).
    pub start_of_day_s: f64,
    /// Openings to the surface.
    pub openings: Vec<Opening>,
    /// Water at each opening; the same length as `openings`, or empty (dry ground).
    pub surface: Vec<Surface>,
    /// Levels that replace the stage of an outfall (a river of the surface model), metres above datum.
    pub tail_water: Vec<(NodeId, f64)>,
}

impl DrainageForcing {
    /// Checks nodes and values against a network.
    ///
    /// # Errors
    /// [`DrainageError::Item`] naming what is wrong.
    pub fn validate(&self, network: &Network) -> Result<(), DrainageError> {
        let known = |what, id: NodeId| {
            let n = network.nodes().len();
            if id.at() < n { Ok(()) } else { Err(bad(what, &id.0.to_string(), "node", id.0, format!("below {n}"))) }
        };
        check("forcing", "", "start of day", self.start_of_day_s, 0.0, 86_400.0)?;
        for inflow in &self.inflows {
            known("inflow", inflow.node)?;
            let name = network.node_name(inflow.node);
            check("inflow of", name, "flow", inflow.base_m3ps, -1e5, 1e5)?;
            if !(inflow.hourly.is_empty() || inflow.hourly.len() == 24) {
                return Err(bad("inflow of", name, "hourly factors", inflow.hourly.len(), "none or 24"));
            }
            inflow.hourly.iter().try_for_each(|f| check("inflow of", name, "hourly factor", *f, 0.0, 1e4))?;
            let points = inflow.series.iter().flat_map(|s| s.points());
            points.into_iter().try_for_each(|p| check("inflow of", name, "flow of the series", p.1, -1e5, 1e5))?;
        }
        for o in &self.openings {
            known("opening", o.node)?;
            check_opening(network, o)?;
        }
        for (node, level) in &self.tail_water {
            known("tail water", *node)?;
            let name = network.node_name(*node);
            check("tail water of", name, "level", *level, -12_000.0, 9_000.0)?;
            if !network.nodes()[node.at()].is_outfall() {
                return Err(bad("tail water of", name, "node", name, "an outfall"));
            }
        }
        if !self.surface.is_empty() && self.surface.len() != self.openings.len() {
            let want = format!("{} (one per opening) or none", self.openings.len());
            return Err(bad("forcing", "", "surface values", self.surface.len(), want));
        }
        Ok(())
    }

    /// Lateral volume of every node over a step, m3, added into `volumes`.
    pub(crate) fn laterals(&self, t0_s: f64, t1_s: f64, volumes: &mut [f64]) {
        volumes.fill(0.0);
        for inflow in &self.inflows {
            volumes[inflow.node.at()] += inflow.volume_m3(t0_s, t1_s, self.start_of_day_s);
        }
    }

    pub(crate) fn surface_at(&self, k: usize) -> Surface {
        let dry = Surface { level_m: self.openings[k].ground_m, available_m3: 0.0 };
        self.surface.get(k).copied().unwrap_or(dry)
    }
}

fn check_opening(network: &Network, o: &Opening) -> Result<(), DrainageError> {
    let name = network.node_name(o.node);
    let range = |field, v: f64, low, high| check("opening of", name, field, v, low, high);
    let node = &network.nodes()[o.node.at()];
    if !matches!(node.kind, NodeKind::Junction { .. } | NodeKind::Storage(_)) {
        return Err(bad("opening of", name, "node", name, "a junction or storage"));
    }
    range("ground", o.ground_m, node.invert_m, 9_000.0)?;
    range("relaxation", o.relaxation, 0.05, 1.0)?;
    match o.law {
        OpeningLaw::Manhole { area_m2, perimeter_m, orifice, free_weir, submerged_weir } => {
            range("area", area_m2, 1e-4, 1e4)?;
            range("perimeter", perimeter_m, 1e-3, 1e4)?;
            [orifice, free_weir, submerged_weir].iter().try_for_each(|c| range("coefficient", *c, 0.0, 2.0))
        }
        OpeningLaw::Grate { area_m2, perimeter_m, clogging } => {
            range("area", area_m2, 1e-4, 1e4)?;
            range("perimeter", perimeter_m, 1e-3, 1e4)?;
            range("clogging", clogging, 0.0, 1.0)
        }
    }
}
