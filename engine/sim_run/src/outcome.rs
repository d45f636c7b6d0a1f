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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::tests::domain_of;
    use crate::hazard::PassLimits;
    use crate::roads::segments;
    use crate::sites::sites;
    use crate::tests::{entity, model};
    use twin_model::{AttrValue, Polygon};

    /// A house of 8 x 8 m in the middle of 40 x 40 m, with two units, a flat on each of two floors, a basement and residents.
    fn community() -> CommunityModel {
        let mut house = entity(0, EntityKind::Building, "1号楼");
        house.footprint = Some(Polygon(vec![vec![[-4.0, -4.0], [4.0, -4.0], [4.0, 4.0], [-4.0, 4.0]]]));
        house.attributes.insert("residents".into(), AttrValue::Number(7.0));
        let mut rows = vec![house];
        let below = |id: u32, parent: u32, kind, name: &str, p_enu: [f64; 3], storey: Option<f64>| {
            let mut e = entity(id, kind, name);
            e.parent = Some(EntityId(parent));
            e.p_enu = p_enu;
            e.attributes.extend(storey.map(|n| ("storey".to_owned(), AttrValue::Number(n))));
            e
        };
        rows.push(below(1, 0, EntityKind::Unit, "1单元", [-3.0, 0.0, 0.0], None));
        rows.push(below(2, 0, EntityKind::Unit, "2单元", [3.0, 0.0, 0.0], None));
        rows.push(below(3, 1, EntityKind::Storey, "1层", [0.0; 3], Some(1.0)));
        rows.push(below(4, 1, EntityKind::Storey, "2层", [0.0, 0.0, 3.0], Some(2.0)));
        rows.push(below(5, 1, EntityKind::Storey, "地下1层", [0.0, 0.0, -3.0], Some(-1.0)));
        rows.push(below(6, 3, EntityKind::Household, "101室", [0.0; 3], None));
        rows.push(below(7, 4, EntityKind::Household, "201室", [0.0; 3], None));
        rows.push(below(8, 4, EntityKind::Device, "二楼烟感", [0.0; 3], Some(2.0)));
        let mut at = |kind, name: &str, class: &str, p: [f64; 2]| {
            let mut e = entity(rows.len() as u32, kind, name);
            (e.class, e.p_enu) = (class.to_owned(), [p[0], p[1], 0.0]);
            rows.push(e);
        };
        at(EntityKind::Component, "车库入口", "地下车库入口", [-15.0, 5.0]);
        at(EntityKind::Component, "箱变01", "箱式变电站", [-15.0, -5.0]);
        at(EntityKind::Component, "箱变02", "箱式变电站", [15.0, -5.0]);
        at(EntityKind::Manhole, "YS01", "雨水", [-11.0, 0.0]);
        let mut road = entity(rows.len() as u32, EntityKind::Road, "东西路");
        road.line = vec![[-19.0, 11.0], [19.0, 11.0]];
        rows.push(road);
        model(rows)
    }

    /// Water to the west of x = −3 m (0.45 m deep, 1 m/s, from second 60 on), dry elsewhere; the house is blocked.
    fn flooded() -> (CommunityModel, Domain, Vec<Site>, RoadWatch, CellResults) {
        let model = community();
        let mut domain = domain_of(20, 20, 2.0, |_, _| 0.0);
        let grid = domain.terrain.grid;
        for j in 8..12 {
            (8..12).for_each(|i| domain.terrain.blocked[j * 20 + i] = true);
        }
        let wet: Vec<bool> =
            (0..400).map(|c| grid.centre_m(c)[0] < 17.0 && !domain.terrain.blocked[c as usize]).collect();
        let field = |value: f32| -> Vec<f32> { wet.iter().map(|w| if *w { value } else { 0.0 }).collect() };
        let mut tracks = Tracks::new(400);
        let mut roads = RoadWatch::new(segments(&model, &domain).unwrap(), PassLimits::default());
        for t_s in [0.0, 60.0, 120.0] {
            let depth = field(if t_s > 0.0 { 0.45 } else { 0.0 });
            tracks.sample(t_s, &depth, &field(1.0));
            roads.sample(t_s, &depth, &field(1.0));
        }
        let first = wet.iter().map(|w| if *w { 60.0 } else { f32::INFINITY }).collect();
        let results =
            CellResults { max_depth_m: field(0.45), max_product_m2ps: field(0.45), first_wet_s: first, tracks };
        let sites = sites(&model, &domain).unwrap();
        (model, domain, sites, roads, results)
    }

    #[test]
    fn a_house_is_entered_by_the_door_that_stands_in_water() {
        let (.., sites, roads, results) = flooded();
        let outcomes = outcomes(&sites, &roads, &results);
        let of = |id: u32| outcomes.iter().find(|o| o.entity == EntityId(id));
        let house = of(0).unwrap();
        let wanted = BuildingOutcome { entrances: 2, entrances_wet: 1, households: 1, people: Some(7), basement: true };
        assert_eq!(house.building, Some(wanted));
        assert!((house.max_depth_m - 0.45).abs() < 1e-6 && house.first_wet_s == 60.0);
        // 0.45 m deep: H2 by depth; 0.45 m2/s: H2 by product; 0.45 (1 + 0.5) + 1 = 1.675.
        assert_eq!((house.hazard, house.danger), (HazardClass::H2, Danger::Most));
        assert!((house.rating - 1.675).abs() < 1e-4);
        // Between the dry and the wet sample the depth is linear: a third of it is above 0.3 m.
        assert!((house.above_s[1] - (60.0 + 60.0 / 3.0)).abs() < 1e-3, "{:?}", house.above_s);
        assert!(of(1).is_some() && of(2).is_none(), "the west door is wet, the east one dry");
        assert!(of(8).is_none(), "a device upstairs is not reached");
    }

    #[test]
    fn totals_count_what_the_water_reaches() {
        let (model, domain, sites, roads, results) = flooded();
        let found = outcomes(&sites, &roads, &results);
        let totals = totals(&model, &domain, &sites, &found, &results);
        assert_eq!((totals.buildings, totals.households, totals.people), (1, 1, 7));
        assert_eq!(totals.people_attributes, ["residents"]);
        assert_eq!((totals.garages, totals.substations, totals.manholes, totals.devices), (2, 1, 1, 0));
        // 38 m of road, its western 16 m in water that neither cars (0.3 m) nor children (0.4 m2/s) pass.
        assert!((totals.road_cut_car_m - 16.0).abs() < 2.1, "{totals:?}");
        assert_eq!(totals.road_cut_pedestrian_m, totals.road_cut_car_m);
        assert_eq!(totals.road_cut_fire_engine_m, 0.0);
        let wet_cells = results.max_depth_m.iter().filter(|d| **d > 0.0).count();
        assert_eq!(totals.hazard_area_m2, [0.0, wet_cells as f64 * 4.0, 0.0, 0.0, 0.0, 0.0]);
    }
}
