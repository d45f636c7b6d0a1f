//! Spaces of a plan from the shapes of `IfcSpace`.

use super::ancestor;
use super::draft::Draft;
use super::shape::{corners, plan_box, polygon, section, simplified, underside};
use super::words::use_of;
use crate::{PropertyValue, SpatialKind};
use geo::orient::{Direction, Orient};
use geo::{Area, BooleanOps, MultiPolygon, Polygon};
use twin_model::{PlanSpace, SpaceIndex, StoreyIndex};

/// Height above the floor at which the outline is taken, m: above thresholds, below window sills.
const CUT_M: f64 = 0.3;
/// Corners that move the outline less than this are left out, m.
const SIMPLIFY_M: f64 = 0.01;
/// Smaller parts and holes are left out, m².
const LEAST_PART_M2: f64 = 0.25;
const LEAST_HOLE_M2: f64 = 0.02;
/// Overlaps of two spaces up to this are rounding, m² and part of the smaller one.
const OVERLAP_M2: f64 = 0.1;
const OVERLAP_PART: f64 = 0.02;

/// Adds the spaces of the storeys.
pub(crate) fn collect(draft: &mut Draft<'_>) {
    for node in 0..draft.model.spatial.len() {
        if draft.model.spatial[node].kind == SpatialKind::Space
            && let Some(storey) = storey_of(draft, node)
        {
            add(draft, node, storey);
        }
    }
    report_overlaps(draft);
}

/// The storey of a space of this building.
fn storey_of(draft: &Draft<'_>, node: usize) -> Option<StoreyIndex> {
    let storey = ancestor(draft.model, node, SpatialKind::Storey)?;
    draft.storey_nodes.iter().position(|n| *n == storey).map(|i| StoreyIndex(i as u32))
}

fn add(draft: &mut Draft<'_>, node: usize, storey: StoreyIndex) {
    let model = draft.model;
    let n = &model.spatial[node];
    // A space made of smaller ones is covered by them.
    if model.spatial.iter().any(|s| s.kind == SpatialKind::Space && s.parent == Some(node)) {
        return;
    }
    let Some((element, bounds)) = n.element.and_then(|e| Some((e, draft.boxes[e]?))) else {
        draft.warn(draft.node_label(node), "has no shape: left out");
        return;
    };
    if is_external(draft, element) {
        draft.warn(draft.node_label(node), "lies outside (EXTERNAL): taken as the open air");
        return;
    }
    let height = bounds.height();
    if height < 0.5 {
        draft.warn(draft.node_label(node), format!("clear height {height:.2} m; allowed: >= 0.5: left out"));
        return;
    }
    let parts = footprint(draft, element);
    if parts.is_empty() {
        draft.warn(draft.node_label(node), "its shape encloses no floor: left out");
        return;
    }
    let words = [n.long_name.as_str(), n.name.as_str(), &model.elements[element].object_type];
    let classes = model.classifications.get(&n.global_id).into_iter().flatten().map(String::as_str);
    let sets = model.properties.get(&n.global_id).into_iter().flatten().flat_map(|s| &s.values);
    let stated = sets.filter_map(|(k, v)| match v {
        PropertyValue::Text(t) if matches!(k.as_str(), "OccupancyType" | "Category" | "Reference") => Some(t.as_str()),
        _ => None,
    });
    // The long name says more than a number, and that more than what is inherited.
    let use_ = [use_of(words[..1].iter().copied()), use_of(words.into_iter()), use_of(classes.chain(stated))]
        .into_iter()
        .find(|u| *u != twin_model::SpaceUse::Unknown)
        .unwrap_or_default();
    let name = match (n.name.as_str(), n.long_name.as_str()) {
        ("", "") => n.global_id.clone(),
        (a, "") => a.to_owned(),
        ("", b) => b.to_owned(),
        (a, b) if a == b => a.to_owned(),
        (a, b) => format!("{a} {b}"),
    };
    let several = parts.len() > 1;
    if several {
        draft.warn(draft.node_label(node), format!("its floor is in {} parts: one space each", parts.len()));
    }
    for (i, part) in parts.iter().enumerate() {
        let index = SpaceIndex(draft.plan.spaces.len() as u32);
        draft.plan.spaces.push(PlanSpace {
            entity: draft.entity(&n.global_id),
            name: if several { format!("{name} ({})", i + 1) } else { name.clone() },
            storey,
            use_,
            outline: corners(part.exterior()),
            holes: part.interiors().iter().map(corners).collect(),
            floor_m: bounds.lo[2],
            height_m: height,
        });
        draft.space_of_node.entry(node).or_default().push(index);
    }
}

fn is_external(draft: &Draft<'_>, element: usize) -> bool {
    draft.model.elements[element].attributes.kind.as_deref() == Some("EXTERNAL")
}

/// Floor polygons, the largest first, anticlockwise.
fn footprint(draft: &Draft<'_>, element: usize) -> Vec<Polygon<f64>> {
    let (e, Some(bounds)) = (&draft.model.elements[element], draft.boxes[element]) else { return Vec::new() };
    // A hair off round heights, where corners of other triangles lie.
    let cut = section(e, bounds.lo[2] + CUT_M.min(0.5 * bounds.height()) + 3.1e-5);
    let whole = if cut.unsigned_area() > 0.05 { cut } else { underside(e, &bounds) };
    let mut parts: Vec<Polygon<f64>> = whole
        .iter()
        .map(|p| simplified(p, SIMPLIFY_M))
        .map(|p| {
            let (outer, mut inner) = p.into_inner();
            inner.retain(|h| Polygon::new(h.clone(), vec![]).unsigned_area() > LEAST_HOLE_M2);
            Polygon::new(outer, inner).orient(Direction::Default)
        })
        .filter(|p| p.unsigned_area() > LEAST_PART_M2)
        .collect();
    parts.sort_by(|a, b| b.unsigned_area().total_cmp(&a.unsigned_area()));
    parts
}

fn whole(s: &PlanSpace) -> MultiPolygon<f64> {
    let outer = polygon(&s.outline);
    let holes = s.holes.iter().map(|h| polygon(h).into_inner().0).collect();
    MultiPolygon(vec![Polygon::new(outer.into_inner().0, holes)])
}

/// Two spaces of a building that share floor and height.
fn report_overlaps(draft: &mut Draft<'_>) {
    let shapes: Vec<_> = draft.plan.spaces.iter().map(whole).collect();
    let boxes: Vec<_> = shapes.iter().map(|s| s.0.first().and_then(plan_box)).collect();
    let mut found = Vec::new();
    for a in 0..shapes.len() {
        for b in a + 1..shapes.len() {
            let (sa, sb) = (&draft.plan.spaces[a], &draft.plan.spaces[b]);
            let height = (sa.floor_m + sa.height_m).min(sb.floor_m + sb.height_m) - sa.floor_m.max(sb.floor_m);
            let (Some((la, ha)), Some((lb, hb))) = (boxes[a], boxes[b]) else { continue };
            let apart = (0..2).any(|k| la[k] > hb[k] || lb[k] > ha[k]);
            if height < 0.5 || apart {
                continue;
            }
            let shared = shapes[a].intersection(&shapes[b]).unsigned_area();
            if shared > OVERLAP_M2.max(OVERLAP_PART * sa.area_m2().min(sb.area_m2())) {
                found.push((format!("space {}", sa.name), format!("overlaps space {} by {shared:.1} m2", sb.name)));
            }
        }
    }
    found.into_iter().for_each(|(element, text)| draft.warn(element, text));
}
