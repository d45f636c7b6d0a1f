//! What a run means for each thing: depth, time, hazard at its place, and for buildings who lives behind the doors.

use crate::domain::Domain;
use crate::hazard::{Danger, HazardClass};
use crate::roads::RoadWatch;
use crate::sites::{BuildingSite, Site};
use crate::tracks::Tracks;
use std::collections::BTreeMap;
use twin_model::{CommunityModel, Entity, EntityId, EntityKind, FloodTotals};

/// Depth from which a thing counts as affected, m. Half a kerb; shallower water is within the DEM's error.
pub const AFFECTED_DEPTH_M: f64 = 0.05;

/// Per-cell results of a run.
#[derive(Debug, Clone)]
pub struct CellResults {
    /// Greatest depth, m.
    pub max_depth_m: Vec<f32>,
    /// Greatest depth × speed, m²/s.
    pub max_product_m2ps: Vec<f32>,
    /// First second deeper than 5 cm, from the start of the run; infinite where it never was.
    pub first_wet_s: Vec<f32>,
    /// What was sampled beside.
    pub tracks: Tracks,
}

/// What the water does at one thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The thing.
    pub entity: EntityId,
    /// Its kind.
    pub kind: EntityKind,
    /// Greatest depth at its cells, m.
    pub max_depth_m: f64,
    /// First second at which one of its cells was deeper than 5 cm; 0 when it was wet from the start.
    pub first_wet_s: f64,
    /// Longest time of one of its cells above 0.15, 0.3 and 0.5 m, s.
    pub above_s: [f64; 3],
    /// Greatest speed, m/s, in water deeper than 5 cm.
    pub max_speed_mps: f64,
    /// Greatest depth × speed, m²/s.
    pub max_product_m2ps: f64,
    /// Hazard class of the worst cell.
    pub hazard: HazardClass,
    /// Greatest hazard rating (FD2321).
    pub rating: f64,
    /// What it means for people in the water.
    pub danger: Danger,
    /// Buildings only.
    pub building: Option<BuildingOutcome>,
    /// Roads only: length, m, cut for pedestrians, cars and fire engines at some time.
    pub road_cut_m: Option<[f64; 3]>,
    /// Tenth, fiftieth and ninetieth percentile of the greatest depth over an ensemble, m.
    pub percentiles_m: Option<[f64; 3]>,
}

/// A building's doors and who is behind them. Counts only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BuildingOutcome {
    /// Entrances known.
    pub entrances: u32,
    /// Entrances with water before them.
    pub entrances_wet: u32,
    /// Ground-floor households behind a wet entrance (all of them once one entrance is wet).
    pub households: u32,
    /// People in the building once an entrance is wet; `None` when the pack has no count.
    pub people: Option<u32>,
    /// Whether it has a basement.
    pub basement: bool,
}

impl BuildingOutcome {
    /// Without known entrances the whole outline is one.
    fn new(site: &BuildingSite, outline_depth_m: f64, depth_m: impl Fn(u32) -> f64) -> Self {
        let wet = site.entrances.iter().filter(|(.., cell)| depth_m(*cell) >= AFFECTED_DEPTH_M).count();
        let reached = wet > 0 || (site.entrances.is_empty() && outline_depth_m >= AFFECTED_DEPTH_M);
        Self {
            entrances: site.entrances.len() as u32,
            entrances_wet: wet as u32,
            households: if reached { site.ground_households } else { 0 },
            people: site.people.map(|(n, _)| if reached { n } else { 0 }),
            basement: site.basement,
        }
    }

    /// Whether water stands before a door (or, without known doors, at the walls).
    #[must_use]
    pub const fn is_entered(&self) -> bool {
        self.entrances_wet > 0 || self.entrances == 0
    }
}

/// Outcomes of everything with at least 5 cm of water at it, entrances of buildings among them, by entity.
#[must_use]
pub fn outcomes(sites: &[Site], roads: &RoadWatch, results: &CellResults) -> Vec<Outcome> {
    let mut cut: BTreeMap<EntityId, [f64; 3]> = BTreeMap::new();
    for (k, segment) in roads.segments.iter().enumerate() {
        let sum = cut.entry(segment.road).or_default();
        for (total, length) in sum.iter_mut().zip(roads.cut_length_m(k)) {
            *total += length;
        }
    }
    let depth_at = |cell: u32| f64::from(results.max_depth_m[cell as usize]);
    let mut found = Vec::new();
    for site in sites {
        let mut outcome = at_cells(site.entity, site.kind, &site.cells, results);
        outcome.building = site.building.as_ref().map(|b| BuildingOutcome::new(b, outcome.max_depth_m, depth_at));
        if site.kind == EntityKind::Road {
            outcome.road_cut_m = Some(cut.get(&site.entity).copied().unwrap_or_default());
        }
        let entrances = site.building.iter().flat_map(|b| &b.entrances);
        found.extend(entrances.map(|&(id, kind, cell)| at_cells(id, kind, &[cell], results)));
        found.push(outcome);
    }
    found.retain(|o| o.max_depth_m >= AFFECTED_DEPTH_M);
    found.sort_by_key(|o| o.entity);
    found
}

pub(crate) fn at_cells(entity: EntityId, kind: EntityKind, cells: &[u32], results: &CellResults) -> Outcome {
    let greatest =
        |field: &[f32]| f64::from(cells.iter().filter_map(|&c| field.get(c as usize)).copied().fold(0.0, f32::max));
    let first =
        cells.iter().filter_map(|&c| results.first_wet_s.get(c as usize)).copied().fold(f32::INFINITY, f32::min);
    let tracks = &results.tracks;
    let worst = cells.iter().map(|&c| hazard_at(results, c)).max().unwrap_or(HazardClass::H1);
    let rating = greatest(&tracks.max_rating);
    Outcome {
        entity,
        kind,
        max_depth_m: greatest(&results.max_depth_m),
        first_wet_s: if first.is_finite() { f64::from(first).max(0.0) } else { 0.0 },
        above_s: [0, 1, 2].map(|k| greatest(&tracks.above_s[k])),
        max_speed_mps: greatest(&tracks.max_speed_mps),
        max_product_m2ps: greatest(&results.max_product_m2ps),
        hazard: worst,
        rating,
        danger: Danger::of(rating),
        building: None,
        road_cut_m: None,
        percentiles_m: None,
    }
}

/// Hazard class of a cell over the whole run (see [`HazardClass::of`] for why the extremes suffice).
#[must_use]
pub fn hazard_at(results: &CellResults, cell: u32) -> HazardClass {
    let at = |field: &[f32]| field.get(cell as usize).copied().map_or(0.0, f64::from);
    HazardClass::of(at(&results.max_depth_m), at(&results.tracks.max_speed_mps), at(&results.max_product_m2ps))
}

/// Counts over all outcomes.
#[must_use]
pub fn totals(
    model: &CommunityModel,
    domain: &Domain,
    sites: &[Site],
    outcomes: &[Outcome],
    results: &CellResults,
) -> FloodTotals {
    let mut totals = FloodTotals::default();
    for outcome in outcomes {
        let Some(entity) = model.get(outcome.entity) else { continue };
        match outcome.kind {
            EntityKind::Building => {
                totals.buildings += 1;
                let building = outcome.building.unwrap_or_default();
                totals.households += building.households;
                totals.people += building.people.unwrap_or(0);
                totals.garages += u32::from(building.basement && building.is_entered());
            }
            EntityKind::Manhole => totals.manholes += 1,
            EntityKind::Gate => totals.gates += 1,
            EntityKind::Device => totals.devices += 1,
            EntityKind::Component => totals.garages += u32::from(is_garage(entity)),
            EntityKind::Road => {
                let [pedestrian, car, engine] = outcome.road_cut_m.unwrap_or_default();
                totals.road_cut_pedestrian_m += pedestrian;
                totals.road_cut_car_m += car;
                totals.road_cut_fire_engine_m += engine;
            }
            _ => {}
        }
        let stands = matches!(outcome.kind, EntityKind::Component | EntityKind::Building);
        totals.substations += u32::from(stands && is_substation(entity));
    }
    let attributes = sites.iter().filter_map(|s| s.building.as_ref()?.people).map(|(_, key)| key);
    let attributes: std::collections::BTreeSet<&str> = attributes.collect();
    totals.people_attributes = attributes.into_iter().map(str::to_owned).collect();
    totals.hazard_area_m2 = hazard_area(domain, results);
    totals
}

fn has_word(entity: &Entity, words: &[&str]) -> bool {
    words.iter().any(|w| entity.class.to_lowercase().contains(w) || entity.name.to_lowercase().contains(w))
}

fn is_garage(entity: &Entity) -> bool {
    has_word(entity, &["车库", "garage"])
}

fn is_substation(entity: &Entity) -> bool {
    has_word(entity, &["变电", "箱变", "配电", "开闭所", "substation", "transformer"])
}

fn hazard_area(domain: &Domain, results: &CellResults) -> [f64; 6] {
    let water = domain.water_cells();
    let mut area = [0.0; 6];
    for (cell, depth) in results.max_depth_m.iter().enumerate() {
        if f64::from(*depth) >= AFFECTED_DEPTH_M && !water[cell] {
            area[hazard_at(results, cell as u32) as usize - 1] += domain.terrain.grid.cell_area_m2();
        }
    }
    area
}
