//! What a scenario changes in the community: walls, gates, pumps, culverts, ground.

use crate::{Scenario, ScenarioError};
use serde::{Deserialize, Serialize};

/// A wall of sandbags or a flood barrier along a line (挡水墙).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Barrier {
    /// Name; may be empty.
    #[serde(default)]
    pub name: String,
    /// Line in the ENU plane, at least two points.
    pub line_enu: Vec<[f64; 2]>,
    /// Height above the ground along the line, m in (0, 20].
    pub height_m: f64,
    /// Where and when it gives way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breach: Option<Breach>,
}

/// A part of a barrier that gives way (溃口): its crest sinks to the ground evenly over a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Breach {
    /// Middle of the breach as a share of the line's length, 0 to 1.
    pub at_share: f64,
    /// Width, m in [0.5, 500].
    pub width_m: f64,
    /// Simulated second at which it begins.
    pub from_s: f64,
    /// Time until the crest is down, s in [1, 86400].
    pub duration_s: f64,
}

/// A gate in a line (闸门): shut or open by a height that may change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// Name; may be empty.
    #[serde(default)]
    pub name: String,
    /// Line in the ENU plane, at least two points.
    pub line_enu: Vec<[f64; 2]>,
    /// Height of its top above the ground, m in (0, 20].
    pub height_m: f64,
    /// Height of the sill above the lowest ground along the line, m in [0, 20].
    #[serde(default)]
    pub sill_m: f64,
    /// (simulated second, opening above the sill m in [0, 20]), linear between; 0 is shut.
    pub opening_m: Vec<(f64, f64)>,
}

/// A pump (排涝泵、移动泵车).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pump {
    /// Name; may be empty.
    #[serde(default)]
    pub name: String,
    /// Where it takes water, ENU plane.
    pub from_enu: [f64; 2],
    /// Where it gives it to; `None` takes it out of the community (into the main sewer, say).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_enu: Option<[f64; 2]>,
    /// Discharge, m³/s in (0, 100].
    pub capacity_m3ps: f64,
    /// Depth at its inlet from which it runs, m in [0, 20].
    pub start_depth_m: f64,
    /// Depth at which it stops, m in [0, start].
    pub stop_depth_m: f64,
}

/// A culvert or pipe under a road or wall (涵洞).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Culvert {
    /// Name; may be empty.
    #[serde(default)]
    pub name: String,
    /// One end, ENU plane.
    pub from_enu: [f64; 2],
    /// The other end.
    pub to_enu: [f64; 2],
    /// Inside width, m in [0.1, 50]; the diameter of a pipe.
    pub width_m: f64,
    /// Inside height of a box, m in [0.1, 20]; left out for a pipe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height_m: Option<f64>,
    /// Depth of the invert below the ground at both ends, m in [0, 20].
    #[serde(default)]
    pub below_ground_m: f64,
    /// Share of the section that is open, 0 (blocked) to 1.
    #[serde(default = "whole")]
    pub open_share: f64,
}

fn whole() -> f64 {
    1.0
}

/// A change of the ground in an area: excavation, fill, another surface, a building put up or pulled down (地形改造).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroundChange {
    /// Name; may be empty.
    #[serde(default)]
    pub name: String,
    /// Outline in the ENU plane, at least three points.
    pub area_enu: Vec<[f64; 2]>,
    /// Raise by this much (negative: dig), m in [-50, 50].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raise_m: Option<f64>,
    /// Manning roughness of the new surface, s/m^(1/3) in [0.005, 1].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manning: Option<f64>,
    /// `true`: a building stands there now; `false`: none any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub building: Option<bool>,
}

/// A change of the community that the run takes as done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Intervention {
    /// A barrier.
    Barrier(Barrier),
    /// A gate.
    Gate(Gate),
    /// A pump.
    Pump(Pump),
    /// A culvert.
    Culvert(Culvert),
    /// Changed ground.
    Ground(GroundChange),
}

/// Interventions made while the run goes on (演算中途处置). They take effect with the first stored frame at or after their time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScenarioEdit {
    /// Simulated second, at least 0.
    pub at_s: f64,
    /// What is added then.
    pub interventions: Vec<Intervention>,
}

/// How ground takes in water (下渗); see the flood kernel for the laws.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "law")]
pub enum Infiltration {
    /// Green and Ampt 1911.
    GreenAmpt {
        /// Saturated conductivity, mm/h in [0, 2000].
        conductivity_mmph: f64,
        /// Suction head at the wetting front, m in [0, 5].
        suction_m: f64,
        /// Pores that can still fill, 0 to 1.
        deficit: f64,
    },
    /// Horton 1940.
    Horton {
        /// Capacity of dry ground, mm/h in [0, 5000].
        initial_mmph: f64,
        /// Capacity of wet ground, mm/h in [0, initial].
        end_mmph: f64,
        /// Decay, 1/h in [0, 100].
        decay_ph: f64,
    },
    /// Initial loss, then a continuing loss (初损后损).
    InitialContinuing {
        /// Depth taken in first, mm in [0, 1000].
        initial_mm: f64,
        /// Rate after that, mm/h in [0, 2000].
        continuing_mmph: f64,
    },
}

/// How buildings stand in the water.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "as")]
pub enum BuildingMode {
    /// No water enters: walls around their cells (the default).
    #[default]
    Blocked,
    /// Their ground is raised: water may run over low ones.
    Raised {
        /// By how much, m in [0.1, 50].
        by_m: f64,
    },
    /// They take their share of each cell's area and of the way across its faces (孔隙率): for cells wider than the gaps between
    /// buildings. Full solver on the CPU only.
    Porous {
        /// Drag coefficient of buildings smaller than a cell, 0 (none but the narrowing, the default) to 10.
        #[serde(default)]
        drag: f64,
    },
}

/// Whether storm drains take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SewerMode {
    /// The pack's network, if it has one, with flap gates (拍门) at its outfalls (the default).
    #[default]
    Pack,
    /// The same with every flap gate stuck open: a high river comes back through the outfalls (倒灌).
    FlapsOpen,
    /// Left out, as when the drains are full or blocked.
    None,
}

/// What happens at the edges of the raster.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "edge")]
pub enum EdgeForcing {
    /// Water leaves freely (the default).
    #[default]
    Open,
    /// Walls.
    Closed,
    /// Water leaves as in uniform flow.
    NormalDepth {
        /// Slope of the energy line, in [1e-6, 1].
        slope: f64,
    },
}

impl Intervention {
    /// Name; may be empty.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Barrier(x) => &x.name,
            Self::Gate(x) => &x.name,
            Self::Pump(x) => &x.name,
            Self::Culvert(x) => &x.name,
            Self::Ground(x) => &x.name,
        }
    }

    /// The Chinese word for its kind.
    #[must_use]
    pub fn zh(&self) -> &'static str {
        match self {
            Self::Barrier(_) => "挡水墙",
            Self::Gate(_) => "闸门",
            Self::Pump(_) => "水泵",
            Self::Culvert(_) => "涵管",
            Self::Ground(_) => "挖填",
        }
    }

    /// Its points in the ENU plane: a line, the ends, or an outline.
    #[must_use]
    pub fn points_enu(&self) -> Vec<[f64; 2]> {
        match self {
            Self::Barrier(x) => x.line_enu.clone(),
            Self::Gate(x) => x.line_enu.clone(),
            Self::Pump(x) => std::iter::once(x.from_enu).chain(x.to_enu).collect(),
            Self::Culvert(x) => vec![x.from_enu, x.to_enu],
            Self::Ground(x) => x.area_enu.clone(),
        }
    }
}

/// Something about to be placed by clicks: its kind and sizes, without its points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum NewWork {
    /// A barrier along the points.
    Barrier {
        /// Height above the ground, m.
        height_m: f64,
    },
    /// A gate along the points.
    Gate {
        /// Height of its top above the ground, m.
        height_m: f64,
        /// Opening above the ground, m; 0 is shut.
        opening_m: f64,
    },
    /// A pump from the first point to the second, or out of the community.
    Pump {
        /// Discharge, m³/s.
        capacity_m3ps: f64,
    },
    /// A pipe from the first point to the second.
    Culvert {
        /// Diameter, m.
        width_m: f64,
    },
    /// Changed ground inside the points.
    Ground {
        /// By how much it is raised, m; negative: dug.
        raise_m: f64,
    },
}

/// Depths at which a mobile pump starts and stops, m: it needs some water over its strainer.
const PUMP_STARTS_M: f64 = 0.15;
const PUMP_STOPS_M: f64 = 0.05;
/// Invert of a new pipe below the ground at its ends, m.
const PIPE_BELOW_M: f64 = 0.0;

impl NewWork {
    /// Points it needs at least.
    #[must_use]
    pub const fn least_points(&self) -> usize {
        match self {
            Self::Pump { .. } => 1,
            Self::Barrier { .. } | Self::Gate { .. } | Self::Culvert { .. } => 2,
            Self::Ground { .. } => 3,
        }
    }

    /// The intervention on these points, or `None` when there are too few. Points beyond what it takes are left out.
    #[must_use]
    pub fn on(self, points: Vec<[f64; 2]>) -> Option<Intervention> {
        if points.len() < self.least_points() {
            return None;
        }
        let name = String::new();
        let first = points[0];
        let second = points.get(1).copied();
        Some(match self {
            Self::Barrier { height_m } => {
                Intervention::Barrier(Barrier { name, line_enu: points, height_m, breach: None })
            }
            Self::Gate { height_m, opening_m } => Intervention::Gate(Gate {
                name,
                line_enu: points,
                height_m,
                sill_m: 0.0,
                opening_m: vec![(0.0, opening_m)],
            }),
            Self::Pump { capacity_m3ps } => Intervention::Pump(Pump {
                name,
                from_enu: first,
                to_enu: second,
                capacity_m3ps,
                start_depth_m: PUMP_STARTS_M,
                stop_depth_m: PUMP_STOPS_M,
            }),
            Self::Culvert { width_m } => Intervention::Culvert(Culvert {
                name,
                from_enu: first,
                to_enu: second?,
                width_m,
                height_m: None,
                below_ground_m: PIPE_BELOW_M,
                open_share: 1.0,
            }),
            Self::Ground { raise_m } => Intervention::Ground(GroundChange {
                name,
                area_enu: points,
                raise_m: Some(raise_m),
                manning: None,
                building: None,
            }),
        })
    }
}

/// Range checks of one scenario's parts.
pub(crate) struct Check<'a> {
    pub scenario: &'a Scenario,
}

impl Check<'_> {
    pub(crate) fn interventions(&self, field: &str, list: &[Intervention]) -> Result<(), ScenarioError> {
        list.iter().enumerate().try_for_each(|(i, change)| self.intervention(&format!("{field}[{i}]"), change))
    }

    fn intervention(&self, at: &str, change: &Intervention) -> Result<(), ScenarioError> {
        let field = |name: &str| format!("{at}.{name}");
        let s = self.scenario;
        match change {
            Intervention::Barrier(b) => {
                self.line(&field("line_enu"), &b.line_enu, 2)?;
                s.range(&field("height_m"), b.height_m, 0.01, 20.0, "m")?;
                let Some(breach) = b.breach else { return Ok(()) };
                s.range(&field("breach.at_share"), breach.at_share, 0.0, 1.0, "")?;
                s.range(&field("breach.width_m"), breach.width_m, 0.5, 500.0, "m")?;
                s.range(&field("breach.from_s"), breach.from_s, 0.0, 604_800.0, "s")?;
                s.range(&field("breach.duration_s"), breach.duration_s, 1.0, 86_400.0, "s")
            }
            Intervention::Gate(g) => {
                self.line(&field("line_enu"), &g.line_enu, 2)?;
                s.range(&field("height_m"), g.height_m, 0.01, 20.0, "m")?;
                s.range(&field("sill_m"), g.sill_m, 0.0, 20.0, "m")?;
                s.series(&field("opening_m"), &g.opening_m, 0.0, 20.0, "m")
            }
            Intervention::Pump(p) => {
                self.points(&field("from_enu"), &[p.from_enu])?;
                self.points(&field("to_enu"), p.to_enu.as_slice())?;
                s.range(&field("capacity_m3ps"), p.capacity_m3ps, 1e-4, 100.0, "m3/s")?;
                s.range(&field("start_depth_m"), p.start_depth_m, 0.0, 20.0, "m")?;
                s.range(&field("stop_depth_m"), p.stop_depth_m, 0.0, p.start_depth_m, "m")
            }
            Intervention::Culvert(c) => {
                self.points(&field("ends"), &[c.from_enu, c.to_enu])?;
                s.range(&field("width_m"), c.width_m, 0.1, 50.0, "m")?;
                s.range(&field("height_m"), c.height_m.unwrap_or(1.0), 0.1, 20.0, "m")?;
                s.range(&field("below_ground_m"), c.below_ground_m, 0.0, 20.0, "m")?;
                s.range(&field("open_share"), c.open_share, 0.0, 1.0, "")
            }
            Intervention::Ground(g) => {
                self.line(&field("area_enu"), &g.area_enu, 3)?;
                s.range(&field("raise_m"), g.raise_m.unwrap_or(0.0), -50.0, 50.0, "m")?;
                s.range(&field("manning"), g.manning.unwrap_or(0.01), 0.005, 1.0, "s/m^(1/3)")
            }
        }
    }

    fn line(&self, field: &str, line: &[[f64; 2]], least: usize) -> Result<(), ScenarioError> {
        if line.len() < least {
            return Err(self.scenario.error(field, format!("{} points", line.len()), &format!(">= {least} points")));
        }
        self.points(field, line)
    }

    fn points(&self, field: &str, points: &[[f64; 2]]) -> Result<(), ScenarioError> {
        points.iter().flatten().try_for_each(|x| self.scenario.range(field, *x, -50_000.0, 50_000.0, "m"))
    }

    pub(crate) fn infiltration(&self, field: &str, law: &Infiltration) -> Result<(), ScenarioError> {
        let s = self.scenario;
        let at = |name: &str| format!("{field}.{name}");
        match *law {
            Infiltration::GreenAmpt { conductivity_mmph, suction_m, deficit } => {
                s.range(&at("conductivity_mmph"), conductivity_mmph, 0.0, 2000.0, "mm/h")?;
                s.range(&at("suction_m"), suction_m, 0.0, 5.0, "m")?;
                s.range(&at("deficit"), deficit, 0.0, 1.0, "")
            }
            Infiltration::Horton { initial_mmph, end_mmph, decay_ph } => {
                s.range(&at("initial_mmph"), initial_mmph, 0.0, 5000.0, "mm/h")?;
                s.range(&at("end_mmph"), end_mmph, 0.0, initial_mmph, "mm/h")?;
                s.range(&at("decay_ph"), decay_ph, 0.0, 100.0, "1/h")
            }
            Infiltration::InitialContinuing { initial_mm, continuing_mmph } => {
                s.range(&at("initial_mm"), initial_mm, 0.0, 1000.0, "mm")?;
                s.range(&at("continuing_mmph"), continuing_mmph, 0.0, 2000.0, "mm/h")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clicks_become_works_when_there_are_enough() {
        let kinds = [
            NewWork::Barrier { height_m: 1.0 },
            NewWork::Gate { height_m: 2.0, opening_m: 0.5 },
            NewWork::Pump { capacity_m3ps: 0.3 },
            NewWork::Culvert { width_m: 1.0 },
            NewWork::Ground { raise_m: -0.5 },
        ];
        let points = [[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]];
        for kind in kinds {
            let least = kind.least_points();
            assert!(kind.on(points[..least - 1].to_vec()).is_none());
            let work = kind.on(points[..least].to_vec()).unwrap();
            assert_eq!(work.points_enu(), points[..least]);
            let text = serde_json::to_string(&work).unwrap();
            assert_eq!(serde_json::from_str::<Intervention>(&text).unwrap(), work);
        }
    }
}
