//! The smoke network of a plan with the scenario's fans and detectors.

use crate::EvacError;
use crate::merge::away_from;
use crate::names::Names;
use sim_core::Air;
use sim_fire::{
    Ambient, BuildingNetwork, Detector, DetectorKind, Network, NetworkBuilder, PlanOptions, Side, SpaceId, Vent, VentId,
};
use twin_model::{
    BuildingPlan, DetectorPlaces, EvacIntervention, ScenarioError, SmokeDetail, SpaceIndex, SpaceUse, Sprinklers,
};

/// Distance of a detector from the fire's axis, m: half the spacing of 9 m of NFPA 72 (30 ft; from memory).
const DETECTOR_M: f64 = 4.5;
/// A fan takes this long to run up, s (our choice).
const RUN_UP_S: f64 = 5.0;

/// The network and how plan and network correspond.
#[derive(Debug, Clone)]
pub(crate) struct SmokeNetwork {
    pub network: Network,
    /// Per space of the plan: its zones; spaces of a flat away from the fire may share one.
    pub zones: Vec<Vec<SpaceId>>,
    /// Floor area of each zone of the network, m².
    pub areas_m2: Vec<f64>,
    /// Per opening of the plan: its vent, unless smoke cannot pass there.
    pub vents: Vec<Option<VentId>>,
    /// Smoke detectors, then sprinklers.
    pub detectors: Vec<Detector>,
    /// Per smoke detector: the space of the plan.
    pub detector_spaces: Vec<SpaceIndex>,
}

/// Builds the network of a plan that has no error.
pub(crate) fn smoke_network(names: &Names<'_>) -> Result<SmokeNetwork, EvacError> {
    let (plan, scenario) = (names.plan, names.scenario);
    let w = scenario.weather;
    let (fitted, kept) = fitted(plan);
    let merged = away_from(&fitted, &fires_near(names)?);
    let ambient = Ambient { temperature_c: w.outside_c, ..Ambient::default() };
    let inside = |mut l: sim_fire::Lining| {
        l.back_c = Some(w.inside_c);
        l
    };
    let defaults = PlanOptions::default();
    let (walls, slabs) = (defaults.walls.map(inside), defaults.slabs.map(inside));
    let heads = scenario.sprinklers.iter().map(sprinkler).collect();
    let wind_towards = (w.wind_mps > 0.0).then(|| {
        let from = w.wind_from_deg.to_radians();
        [-libm::sin(from), -libm::cos(from)]
    });
    let made = BuildingNetwork::new(
        &merged.plan,
        &PlanOptions { ambient, indoor_c: w.inside_c, walls, slabs, heads, wind_towards, ..PlanOptions::default() },
    )?;
    let mut vents = vec![None; plan.openings.len()];
    for (vent, k) in made.openings.iter().zip(&merged.openings) {
        vents[kept[*k]] = Some(*vent);
    }
    let zones: Vec<Vec<SpaceId>> = merged.spaces.iter().map(|s| made.zones[s.index()].clone()).collect();
    let network = with_fans(names, &made.network, &zones)?;
    let areas_m2 = network.spaces().iter().map(|s| s.area_m2).collect();
    let (mut detectors, detector_spaces) = detectors(names, &zones)?;
    detectors.extend(made.heads);
    Ok(SmokeNetwork { network, zones, areas_m2, vents, detectors, detector_spaces })
}

/// Where it may burn, if the scenario asks for detail there only.
fn fires_near(names: &Names<'_>) -> Result<Vec<SpaceIndex>, ScenarioError> {
    let s = names.scenario;
    if s.smoke_detail == SmokeDetail::Full {
        return Ok(Vec::new());
    }
    let said = s.fires.iter().map(|f| &f.source).chain(&s.fire);
    said.map(|f| names.space("fire.space", &f.space)).collect()
}

fn sprinkler(s: &Sprinklers) -> DetectorKind {
    DetectorKind::Sprinkler { set_c: s.set_c, rti: s.rti, spray_mps: s.spray_mmpmin * 1e-3 / 60.0 }
}

/// The plan without openings through which smoke cannot pass (same space on both sides, below or above the walls that they
/// are in), others cut to their walls; and which openings are left.
fn fitted(plan: &BuildingPlan) -> (BuildingPlan, Vec<usize>) {
    let (mut out, mut kept) = (plan.clone(), Vec::new());
    out.openings.clear();
    for (k, o) in plan.openings.iter().enumerate().filter(|(_, o)| o.sides[0] != o.sides[1]) {
        let of = |s: &SpaceIndex| &plan.spaces[s.index()];
        let floors = || o.sides.iter().flatten().map(|s| of(s).floor_m);
        let (low, high) = (floors().fold(f64::INFINITY, f64::min), floors().fold(f64::NEG_INFINITY, f64::max));
        let ceiling = o.sides.iter().flatten().map(|s| of(s).floor_m + of(s).height_m).fold(f64::INFINITY, f64::min);
        let (sill_m, head_m) = (o.sill_m.max(high - low), o.head_m.min(ceiling - low));
        if head_m - sill_m >= 0.05 {
            out.openings.push(twin_model::PlanOpening { sill_m, head_m, ..o.clone() });
            kept.push(k);
        }
    }
    (out, kept)
}

/// The same network, numbers kept, with the fans of the scenario after it.
fn with_fans(names: &Names<'_>, n: &Network, zones: &[Vec<SpaceId>]) -> Result<Network, EvacError> {
    let mut b = NetworkBuilder::new(*n.ambient());
    for (k, s) in n.spaces().iter().enumerate() {
        b.space(n.space_name(SpaceId(k as u32)), s.clone())?;
    }
    for (k, v) in n.vents().iter().enumerate() {
        b.vent(n.vent_name(VentId(k as u32)), v.clone())?;
    }
    for (k, i) in names.scenario.interventions.iter().enumerate() {
        if let EvacIntervention::Fan { space, flow_m3ps, at_s } = i {
            let space = names.space(&format!("interventions[{k}].space"), space)?;
            let s = &names.plan.spaces[space.index()];
            let zones = &zones[space.index()];
            let level_m = s.floor_m + s.height_m - 0.3;
            let fan = Vent::fan(Side::Space(zones[zones.len() / 2]), Side::Outside, *flow_m3ps, level_m);
            b.vent(&format!("fan of {}", s.name), fan.opening(&[(*at_s, 0.0), (at_s + RUN_UP_S, 1.0)]))?;
        }
    }
    Ok(b.build()?)
}

/// One detector per zone of the spaces that have any.
fn detectors(names: &Names<'_>, zones: &[Vec<SpaceId>]) -> Result<(Vec<Detector>, Vec<SpaceIndex>), EvacError> {
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
    let kind = DetectorKind::Smoke { obscuration_per_m: d.obscuration_per_m };
    let of = |s: SpaceIndex| {
        let name = plan.space_label(s);
        let zones = zones[s.index()].iter();
        zones.map(move |z| (Detector { name: name.clone(), space: *z, kind, distance_m: DETECTOR_M }, s))
    };
    Ok(spaces.into_iter().flat_map(of).unzip())
}

impl SmokeNetwork {
    /// Air of a space for the people in it: the mean of its zones by area.
    pub fn mean(&self, airs: &[Air], space: SpaceIndex) -> Air {
        let zones = &self.zones[space.index()];
        if let [one] = zones.as_slice() {
            return airs[one.0 as usize];
        }
        let total: f64 = zones.iter().map(|z| self.areas_m2[z.0 as usize]).sum();
        let sum = |of: fn(&Air) -> f32| -> f32 {
            let part = |z: &SpaceId| self.areas_m2[z.0 as usize] * f64::from(of(&airs[z.0 as usize]));
            (zones.iter().map(part).sum::<f64>() / total) as f32
        };
        Air {
            extinction_per_m: sum(|a| a.extinction_per_m),
            temperature_c: sum(|a| a.temperature_c),
            co_ppm: sum(|a| a.co_ppm),
            hcn_ppm: sum(|a| a.hcn_ppm),
            co2_percent: sum(|a| a.co2_percent),
            o2_percent: sum(|a| a.o2_percent),
            radiant_kwm2: sum(|a| a.radiant_kwm2),
        }
    }

    /// Air of the zone with the densest smoke: what decides whether the space is safe.
    pub fn worst(&self, airs: &[Air], space: SpaceIndex) -> Air {
        let air = |z: &SpaceId| airs[z.0 as usize];
        let zones = self.zones[space.index()].iter().map(air);
        zones.reduce(|a, b| if b.extinction_per_m > a.extinction_per_m { b } else { a }).unwrap_or(Air::CLEAN)
    }
}
