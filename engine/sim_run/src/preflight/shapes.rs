//! Shapes that the grid cannot show: narrow channels and streets, thin walls.

use super::{Finding, FindingKind, Severity};
use crate::RunError;
use crate::domain::{Domain, mark};
use crate::roads::axis_cells;
use crate::sites::neighbours;
use std::collections::{BTreeMap, BTreeSet};
use twin_model::{AttrValue, CommunityModel, Entity, EntityKind, Intervention, Polygon, Scenario};

/// Cells across that a channel or street needs before its flow is more than a guess.
const CELLS_ACROSS: f64 = 2.0;
/// A wall that loses less than this is within the error of the elevation model, m.
const LOST_M: f64 = 0.2;
/// More blocked cells in a row than this close a street: fewer are corners of houses, m.
const CLOSED_M: f64 = 3.0;

fn number(entity: &Entity, key: &str) -> Option<f64> {
    match entity.attributes.get(key) {
        Some(AttrValue::Number(n)) if n.is_finite() => Some(*n),
        _ => None,
    }
}

/// Watercourses narrower than two cells, and those whose cells do not hang together.
pub(super) fn channels(model: &CommunityModel, domain: &Domain) -> Result<Vec<Finding>, RunError> {
    let river: BTreeSet<u32> = domain.river.iter().copied().collect();
    let mut found = Vec::new();
    for water in model.of_kind(EntityKind::Water) {
        let mut cells = BTreeSet::new();
        mark(&domain.projector, &domain.spec, water, |cell| cells.extend([cell as u32]))?;
        // Ponds may be small; what counts is flow.
        if cells.iter().next().is_some_and(|c| !river.contains(c) && !domain.terrain.blocked[*c as usize]) {
            continue;
        }
        let Some(footprint) = &water.footprint else { continue };
        let width_m = mean_width_m(footprint);
        if width_m < CELLS_ACROSS * domain.spec.dx_m {
            let message = format!("{} is {width_m:.1} m wide: less than two cells", water.name);
            let advice = "use cells of at most half its width; its flow is blocked or far too small";
            let finding = Finding::new(FindingKind::NarrowChannel, Severity::Warning, (width_m, "m"), message, advice);
            found.push(Finding { p_enu: footprint.centre(), ..finding }.about(water.id));
        }
        let open: BTreeSet<u32> = cells.intersection(&river).copied().collect();
        let parts = parts(domain, &open);
        if let [_, rest @ ..] = parts.as_slice()
            && let Some(cell) = rest.first()
        {
            let message = format!("{} falls into {} parts on the grid", water.name, parts.len());
            let advice = "use smaller cells, or cut footprints of bridges and houses out of the channel";
            let value = (parts.len() as f64, "1");
            let finding = Finding::new(FindingKind::BrokenChannel, Severity::Warning, value, message, advice);
            found.push(finding.at(domain, *cell)?.about(water.id));
        }
    }
    Ok(found)
}

/// Twice the area over the outline: the width of a long strip.
fn mean_width_m(footprint: &Polygon) -> f64 {
    let length = |ring: &Vec<[f64; 2]>| -> f64 {
        let edges = ring.iter().zip(ring.iter().cycle().skip(1));
        edges.map(|(a, b)| ((b[0] - a[0]).powi(2) + (b[1] - a[1]).powi(2)).sqrt()).sum()
    };
    let outline: f64 = footprint.0.iter().map(length).sum();
    if outline > 0.0 { 2.0 * footprint.area_m2() / outline } else { 0.0 }
}

/// One cell of every connected part, the largest part first.
fn parts(domain: &Domain, cells: &BTreeSet<u32>) -> Vec<u32> {
    let mut left = cells.clone();
    let mut parts: Vec<(usize, u32)> = Vec::new();
    while let Some(start) = left.pop_first() {
        let (mut todo, mut size) = (vec![start], 0);
        while let Some(cell) = todo.pop() {
            size += 1;
            todo.extend(neighbours(domain, cell).filter(|n| left.remove(n)));
        }
        parts.push((size, start));
    }
    parts.sort_by_key(|(size, start)| (std::cmp::Reverse(*size), *start));
    parts.into_iter().map(|(_, start)| start).collect()
}

/// Embankments and walls with a crest (`crest_m`) that the raster, sampled near the line, does not reach.
pub(super) fn walls(model: &CommunityModel, domain: &Domain) -> Result<Vec<Finding>, RunError> {
    let mut found = Vec::new();
    for wall in model.of_kind(EntityKind::Embankment) {
        let Some(crest_m) = number(wall, "crest_m") else { continue };
        let cells = axis_cells(domain, wall)?;
        // The line may lie beside the crest by a cell.
        let top = |cell: u32| {
            let around = neighbours(domain, cell).chain([cell]);
            around.map(|c| domain.terrain.bed_m[c as usize]).fold(f64::NEG_INFINITY, f64::max)
        };
        let lost: Vec<(f64, u32)> = cells.iter().map(|&c| (crest_m - top(c), c)).filter(|l| l.0 > LOST_M).collect();
        let Some(&(worst_m, cell)) = lost.iter().max_by(|a, b| a.0.total_cmp(&b.0)) else { continue };
        let share = lost.len() as f64 / cells.len() as f64 * 100.0;
        let message =
            format!("{} is up to {worst_m:.2} m lower on the grid than its crest, over {share:.0} % of it", wall.name);
        let advice = "add it to the scenario as a barrier of its crest, or use smaller cells";
        let severity = if share > 5.0 { Severity::Warning } else { Severity::Note };
        let finding = Finding::new(FindingKind::LostWall, severity, (worst_m, "m"), message, advice);
        found.push(finding.at(domain, cell)?.about(wall.id));
    }
    Ok(found)
}

/// Barriers of the scenario that stand on no face: outside the raster, or shorter than a cell.
pub(super) fn barriers(scenario: &Scenario, domain: &Domain) -> Result<Vec<Finding>, RunError> {
    let mut found = Vec::new();
    for intervention in &scenario.interventions {
        let Intervention::Barrier(barrier) = intervention else { continue };
        let line = barrier.line_enu.iter().map(|p| domain.raster_from_enu([p[0], p[1], 0.0]));
        let line = line.collect::<Result<Vec<_>, _>>()?;
        if sim_flood::barrier_along(&domain.terrain.grid, &line, 0.0).faces.is_empty() {
            let message = format!("the barrier {:?} has no place on the grid", barrier.name);
            let advice =
                "it lies outside the raster or is shorter than a cell: move or lengthen it, or use smaller cells";
            let finding = Finding::new(FindingKind::LostBarrier, Severity::Warning, (0.0, "1"), message, advice);
            found.push(Finding { p_enu: barrier.line_enu.first().copied(), ..finding });
        }
    }
    Ok(found)
}

/// Streets narrower than two cells (one finding for all), and streets that buildings close on the grid.
pub(super) fn streets(model: &CommunityModel, domain: &Domain) -> Result<Vec<Finding>, RunError> {
    let mut found = Vec::new();
    let (mut narrow_m, mut all_m) = (0.0, 0.0);
    let mut widths: BTreeMap<u64, f64> = BTreeMap::new();
    for road in model.of_kind(EntityKind::Road) {
        let cells = axis_cells(domain, road)?;
        let length_m = cells.len() as f64 * domain.spec.dx_m;
        if let Some(width_m) = number(road, "width_m").filter(|w| *w > 0.0) {
            all_m += length_m;
            if width_m < CELLS_ACROSS * domain.spec.dx_m {
                narrow_m += length_m;
                *widths.entry((width_m * 10.0) as u64).or_default() += length_m;
            }
        }
        if let Some((run_m, cell)) = longest_blocked(domain, &cells).filter(|(run_m, _)| *run_m > CLOSED_M) {
            let message = format!("{} is blocked over {run_m:.0} m of its axis by cells of buildings", road.name);
            let advice = "an arch or bridge over the street, or a footprint out of place: cut it out of the building";
            let finding = Finding::new(FindingKind::BlockedStreet, Severity::Warning, (run_m, "m"), message, advice);
            found.push(finding.at(domain, cell)?.about(road.id));
        }
    }
    if narrow_m > 0.0 {
        let share = narrow_m / all_m;
        let least = widths.keys().next().map_or(0.0, |w| *w as f64 / 10.0);
        let message = format!(
            "{:.0} % of the road length ({narrow_m:.0} m, widths from {least:.1} m) is narrower than two cells",
            share * 100.0
        );
        let advice = "use smaller cells if flow along these paths matters";
        let severity = if share > 0.5 { Severity::Warning } else { Severity::Note };
        found.push(Finding::new(FindingKind::NarrowStreet, severity, (share, "1"), message, advice));
    }
    Ok(found)
}

/// Length, m, and first cell of the longest run of blocked cells.
fn longest_blocked(domain: &Domain, cells: &[u32]) -> Option<(f64, u32)> {
    let runs = cells.chunk_by(|a, b| domain.terrain.blocked[*a as usize] == domain.terrain.blocked[*b as usize]);
    let blocked = runs.filter(|run| domain.terrain.blocked[run[0] as usize]);
    blocked.map(|run| (run.len() as f64 * domain.spec.dx_m, run[0])).max_by(|a, b| a.0.total_cmp(&b.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::tests::domain_of;
    use crate::tests::{entity, model};

    fn strip(x0: f64, x1: f64, y0: f64, y1: f64) -> Polygon {
        Polygon(vec![vec![[x0, y0], [x1, y0], [x1, y1], [x0, y1]]])
    }

    #[test]
    fn a_ditch_thinner_than_two_cells_and_one_cut_by_a_house_are_found() {
        let mut domain = domain_of(40, 40, 2.0, |_, _| 0.0);
        let mut ditch = entity(0, EntityKind::Water, "明渠");
        ditch.footprint = Some(strip(-38.0, 38.0, 1.0, 4.0));
        let mut stream = entity(1, EntityKind::Water, "小河");
        stream.footprint = Some(strip(-38.0, 38.0, -30.0, -14.0));
        let model = model(vec![ditch, stream]);
        for j in 0..12 {
            domain.terrain.blocked[(4 + j) * 40 + 20] = true;
        }
        let mut river = Vec::new();
        for water in model.of_kind(EntityKind::Water) {
            mark(&domain.projector, &domain.spec, water, |c| river.push(c as u32)).unwrap();
        }
        river.retain(|c| !domain.terrain.blocked[*c as usize]);
        domain.river = river;
        let found = channels(&model, &domain).unwrap();
        let kinds: Vec<_> = found.iter().map(|f| (f.kind, f.entity.unwrap().0)).collect();
        assert_eq!(kinds, [(FindingKind::NarrowChannel, 0), (FindingKind::BrokenChannel, 1)], "{found:?}");
        assert!((found[0].value - 2.89).abs() < 0.02 && found[1].value == 2.0);
    }

    #[test]
    fn a_wall_lower_than_its_crest_is_found_and_a_faithful_one_is_not() {
        let domain = domain_of(40, 10, 2.0, |x, _| if (x - 40.0).abs() < 2.0 { 6.0 } else { 3.0 });
        let mut wall = entity(0, EntityKind::Embankment, "防洪墙");
        wall.line = vec![[0.0, -9.0], [0.0, 9.0]];
        wall.attributes.insert("crest_m".into(), AttrValue::Number(6.1));
        assert!(walls(&model(vec![wall.clone()]), &domain).unwrap().is_empty());
        wall.line = vec![[10.0, -9.0], [10.0, 9.0]];
        let found = walls(&model(vec![wall]), &domain).unwrap();
        assert!((found[0].value - 3.1).abs() < 1e-9 && found[0].severity == Severity::Warning, "{found:?}");
    }

    #[test]
    fn streets_closed_by_houses_and_narrow_paths_are_found() {
        let mut domain = domain_of(40, 10, 2.0, |_, _| 0.0);
        let mut street = entity(0, EntityKind::Road, "滨江路");
        street.line = vec![[-39.0, 1.0], [39.0, 1.0]];
        street.attributes.insert("width_m".into(), AttrValue::Number(3.0));
        let streets_of = |domain: &Domain| streets(&model(vec![street.clone()]), domain).unwrap();
        assert_eq!(streets_of(&domain).iter().map(|f| f.kind).collect::<Vec<_>>(), [FindingKind::NarrowStreet]);
        for i in 20..23 {
            domain.terrain.blocked[5 * 40 + i] = true;
        }
        let found = streets_of(&domain);
        assert_eq!((found[0].kind, found[0].value), (FindingKind::BlockedStreet, 6.0), "{found:?}");
    }
}
