//! Storeys of a plan, from the lowest.

use super::draft::Draft;
use super::shape::Bounds;
use crate::SpatialKind;
use twin_model::PlanStorey;

/// Height of a top storey that says nothing about itself, m (GB 50096-2011 5.5.1: storey height of dwellings 2.8).
const TOP_STOREY_M: f64 = 2.8;
/// Storeys nearer to each other than this are one level, m.
const SAME_LEVEL_M: f64 = 0.1;

/// Adds the storeys `nodes`.
pub(crate) fn collect(draft: &mut Draft<'_>, nodes: &[usize]) {
    let mut levels: Vec<(f64, usize)> = nodes.iter().map(|n| (floor_of(draft, *n), *n)).collect();
    levels.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    for (i, (floor, node)) in levels.iter().enumerate() {
        let next = levels[i + 1..].iter().map(|l| l.0).find(|z| *z > floor + SAME_LEVEL_M);
        let n = &draft.model.spatial[*node];
        let name = if n.name.is_empty() { n.global_id.clone() } else { n.name.clone() };
        let storey = PlanStorey {
            entity: draft.entity(&n.global_id),
            name,
            elevation_m: *floor,
            height_m: next.map_or_else(|| top_height(draft, *node), |z| z - floor),
        };
        draft.plan.storeys.push(storey);
        draft.storey_nodes.push(*node);
    }
}

/// World z of a storey's floor: its placement, else its elevation, else its lowest space.
fn floor_of(draft: &Draft<'_>, node: usize) -> f64 {
    let n = &draft.model.spatial[node];
    let lowest = || space_boxes(draft, node).map(|b| b.lo[2]).reduce(f64::min);
    let stated = n.placement_z_m.or(n.elevation_m).filter(|z| z.is_finite() && z.abs() < 1e5);
    stated.or_else(lowest).unwrap_or(0.0)
}

fn top_height(draft: &Draft<'_>, node: usize) -> f64 {
    let tallest = space_boxes(draft, node).map(|b| b.height()).reduce(f64::max);
    tallest.filter(|h| *h > 0.5).unwrap_or(TOP_STOREY_M)
}

fn space_boxes<'d>(draft: &'d Draft<'_>, storey: usize) -> impl Iterator<Item = Bounds> + 'd {
    let spaces = draft.model.spatial.iter().filter(move |n| n.kind == SpatialKind::Space && n.parent == Some(storey));
    spaces.filter_map(|n| draft.boxes[n.element?])
}
