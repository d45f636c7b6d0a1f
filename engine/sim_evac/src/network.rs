//! The smoke network of a building plan: one node per space, one vent per opening, slabs at stairs, leaks, fans.

use crate::EvacError;
use crate::names::{Names, full_name};
use sim_fire::{Ambient, Detector, DetectorKind, Lining, Network, NetworkBuilder, Side, Space, SpaceId, Vent, VentId};
use twin_model::{
    BuildingPlan, DetectorPlaces, EvacIntervention, OpeningKind, PlanOpening, PlanSpace, PlanStair, SpaceIndex, SpaceUse,
};

/// Leakage of outer walls per wall area: 0.21e-3, "average" tightness (Klote and Milke, Handbook of Smoke Control
/// Engineering, table of leakage areas; from memory).
const WALL_LEAK: f64 = 0.21e-3;
/// Share of a space's walls taken as outer walls where the plan does not say.
const OUTER_SHARE: f64 = 0.25;
/// Least height of an opening that counts, m.
const LEAST_HEIGHT_M: f64 = 0.05;
/// Distance of a detector from the fire's axis, m: half the spacing of 9 m of NFPA 72 (15 ft).
const DETECTOR_M: f64 = 4.5;

/// The network and how plan and network correspond. Space k of the plan is space k of the network.
#[derive(Debug, Clone)]
pub(crate) struct SmokeNetwork {
    pub network: Network,
    /// Per opening of the plan: its vent, unless it joins nothing.
    pub vents: Vec<Option<VentId>>,
    pub detectors: Vec<Detector>,
}

/// Builds the network of a plan that has no error.
pub(crate) fn smoke_network(names: &Names<'_>) -> Result<SmokeNetwork, EvacError> {
    let (plan, scenario) = (names.plan, names.scenario);
    let ambient = Ambient { temperature_c: scenario.weather.outside_c, ..Ambient::default() };
    let mut b = NetworkBuilder::new(ambient);
    let (gypsum, concrete) = (Lining::named("gypsum", 0.016)?, Lining::named("concrete", 0.15)?);
    for (k, s) in plan.spaces.iter().enumerate() {
        let mut space = Space::new(s.area_m2(), s.height_m, s.floor_m);
        space.wall_length_m = perimeter_m(s);
        let indoors = |l: &Lining| Some(Lining { back_c: Some(scenario.weather.inside_c), ..l.clone() });
        (space.walls, space.ceiling, space.floor) = (indoors(&gypsum), indoors(&concrete), indoors(&concrete));
        space.temperature_c = Some(scenario.weather.inside_c);
        if matches!(s.use_, SpaceUse::Shaft | SpaceUse::Stair) {
            space = space.mixed();
        }
        b.space(&full_name(plan, SpaceIndex(k as u32)), space)?;
    }
    let mut vents = Vec::new();
    for o in &plan.openings {
        let vent = opening_vent(plan, o).map(|v| b.vent(&o.name, v)).transpose()?;
        vents.push(vent);
    }
    for s in &plan.stairs {
        b.vent(&s.name, stair_vent(plan, s))?;
    }
    for (k, s) in plan.spaces.iter().enumerate() {
        let area_m2 = WALL_LEAK * OUTER_SHARE * perimeter_m(s) * s.height_m;
        b.leak(&format!("walls of {}", s.name), SpaceId(k as u32), area_m2)?;
    }
    for (k, i) in scenario.interventions.iter().enumerate() {
        if let EvacIntervention::Fan { space, flow_m3ps, at_s } = i {
            let space = names.space(&format!("interventions[{k}].space"), space)?;
            let s = &plan.spaces[space.index()];
            let fan = Vent::fan(Side::Space(SpaceId(space.0)), Side::Outside, *flow_m3ps, s.floor_m + s.height_m - 0.3);
            // A fan takes a few seconds to run up.
            b.vent(&format!("fan of {}", s.name), fan.opening(&[(*at_s, 0.0), (at_s + 5.0, 1.0)]))?;
        }
    }
    let detectors = detectors(names)?;
    Ok(SmokeNetwork { network: b.build()?, vents, detectors })
}

fn perimeter_m(s: &PlanSpace) -> f64 {
    let ring = |r: &[[f64; 2]]| -> f64 {
        let edge = |i: usize| {
            let (a, b) = (r[i], r[(i + 1) % r.len()]);
            ((b[0] - a[0]) * (b[0] - a[0]) + (b[1] - a[1]) * (b[1] - a[1])).sqrt()
        };
        (0..r.len()).map(edge).sum()
    };
    ring(&s.outline)
}

fn side(s: Option<SpaceIndex>) -> Side {
    s.map_or(Side::Outside, |s| Side::Space(SpaceId(s.0)))
}

/// A vent from sill to head, cut to where both spaces have a wall; `None` where they meet nowhere.
fn opening_vent(plan: &BuildingPlan, o: &PlanOpening) -> Option<Vent> {
    if o.sides[0] == o.sides[1] {
        return None;
    }
    let of = |s: &SpaceIndex| &plan.spaces[s.index()];
    let floor = o.sides.iter().flatten().map(|s| of(s).floor_m).fold(f64::INFINITY, f64::min);
    let highest_floor = o.sides.iter().flatten().map(|s| of(s).floor_m).fold(f64::NEG_INFINITY, f64::max);
    let ceiling = o.sides.iter().flatten().map(|s| of(s).floor_m + of(s).height_m).fold(f64::INFINITY, f64::min);
    let (bottom, top) = ((floor + o.sill_m).max(highest_floor), (floor + o.head_m).min(ceiling));
    (top - bottom >= LEAST_HEIGHT_M).then(|| Vent::wall(side(o.sides[0]), side(o.sides[1]), o.clear_width_m, bottom, top))
}

/// The hole in the floor at the head of a stair: as large as the last flight in plan, at most half of either space.
fn stair_vent(plan: &BuildingPlan, s: &PlanStair) -> Vent {
    let hole: f64 = s.flights.iter().map(|f| f.width_m * f.run_m()).fold(0.0, f64::max);
    let [lower, upper] = [s.lower, s.upper].map(|k| &plan.spaces[k.index()]);
    let area = hole.min(0.5 * lower.area_m2().min(upper.area_m2())).max(0.1);
    Vent::slab(side(Some(s.lower)), side(Some(s.upper)), area, upper.floor_m)
}

fn detectors(names: &Names<'_>) -> Result<Vec<Detector>, EvacError> {
    let plan = names.plan;
    let d = &names.scenario.detection;
    let spaces: Vec<SpaceIndex> = match &d.detectors {
        DetectorPlaces::Nowhere => Vec::new(),
        DetectorPlaces::Everywhere => (0..plan.spaces.len() as u32)
            .map(SpaceIndex)
            .filter(|s| plan.spaces[s.index()].use_ != SpaceUse::Shaft)
            .collect(),
        DetectorPlaces::Spaces(list) => list
            .iter()
            .enumerate()
            .map(|(k, n)| names.space(&format!("detection.detectors.spaces[{k}]"), n))
            .collect::<Result<_, _>>()?,
    };
    let one = |s: &SpaceIndex| Detector {
        name: full_name(plan, *s),
        space: SpaceId(s.0),
        kind: DetectorKind::Smoke { obscuration_per_m: d.obscuration_per_m },
        distance_m: DETECTOR_M,
    };
    Ok(spaces.iter().map(one).collect())
}

/// Whether an opening has a leaf that closes.
pub(crate) const fn has_leaf(kind: OpeningKind) -> bool {
    matches!(kind, OpeningKind::Door)
}
