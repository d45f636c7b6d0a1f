//! From rows to the model: spatial tree, storeys, assemblies, property sets, issues.

use crate::kernel::{RawModel, RawRecord, RelationKind, Role};
use crate::{
    Element, ElementAttributes, ElementIssue, Georeference, IfcError, IfcModel, ImportOptions, Mesh, PropertySet,
    SpaceBoundary, SpatialKind, SpatialNode, TextEncoding,
};
use std::collections::{BTreeMap, BTreeSet};

/// Longest chain from an element to its storey that is followed.
const MAX_DEPTH: usize = 32;

pub(crate) fn model(raw: RawModel, encoding: TextEncoding, options: &ImportOptions) -> Result<IfcModel, IfcError> {
    let parents = parents(&raw);
    let spatial = spatial_tree(&raw, &parents);
    let node_of: BTreeMap<u32, usize> = spatial.iter().enumerate().map(|(i, n)| (n.record, i)).collect();
    let mut meshes: BTreeMap<u32, Vec<Mesh>> = BTreeMap::new();
    for m in &raw.meshes {
        meshes.entry(m.record).or_default().push(Mesh {
            origin: m.origin,
            positions: m.positions.clone(),
            normals: m.normals.clone(),
            indices: m.indices.clone(),
            colour: m.colour,
        });
    }
    let kept: Vec<(u32, &RawRecord)> = raw
        .records
        .iter()
        .filter(|(id, r)| r.role == Role::Element || meshes.contains_key(id))
        .map(|(id, r)| (*id, r))
        .collect();
    let element_of: BTreeMap<u32, usize> = kept.iter().enumerate().map(|(i, (id, _))| (*id, i)).collect();
    let one_of = |kind: RelationKind| -> BTreeMap<u32, u32> {
        raw.relations.iter().filter(|r| r.kind == kind).map(|r| (r.to, r.from)).collect()
    };
    let (filled, voided) = (one_of(RelationKind::Fills), one_of(RelationKind::Voids));
    let linings = linings(&raw);
    let boundaries = boundaries(&raw, &node_of, &element_of);
    let (skipped, approximated) = issues(&raw, &kept, &meshes);
    let elements: Vec<Element> = kept
        .iter()
        .map(|(id, r)| Element {
            record: *id,
            global_id: global_id(*id, r),
            class: r.class.clone(),
            name: r.name.clone(),
            object_type: r.object_type.clone(),
            storey: ancestor(*id, &parents, |up| {
                node_of.get(&up).copied().filter(|n| is(&spatial, *n, SpatialKind::Storey))
            }),
            space: ancestor(*id, &parents, |up| {
                node_of.get(&up).copied().filter(|n| is(&spatial, *n, SpatialKind::Space))
            }),
            fills: filled.get(id).and_then(|o| element_of.get(o).copied()),
            voids: voided.get(id).and_then(|o| element_of.get(o).copied()),
            attributes: attributes(&raw, *id, &linings),
            assembly: parents.get(id).and_then(|p| element_of.get(p).copied()).filter(|p| !is_spatial(kept[*p].1)),
            meshes: meshes.remove(id).unwrap_or_default(),
        })
        .collect();
    let mut spatial = spatial;
    for node in &mut spatial {
        node.element = element_of.get(&node.record).copied();
    }
    let found = raw.georeference.as_ref().map(|g| Georeference::from_raw(g, raw.length_unit_m));
    Ok(IfcModel {
        properties: properties(&raw),
        schema: raw.schema.clone(),
        length_unit_m: raw.length_unit_m,
        encoding,
        georeference: options.manual_georeference.clone().or(found),
        spatial,
        elements,
        boundaries,
        classifications: raw
            .classifications
            .iter()
            .filter_map(|(id, words)| Some((global_id(*id, raw.records.get(id)?), words.clone())))
            .collect(),
        skipped,
        approximated,
    })
}

fn is(spatial: &[SpatialNode], index: usize, kind: SpatialKind) -> bool {
    spatial.get(index).is_some_and(|n| n.kind == kind)
}

fn is_spatial(r: &RawRecord) -> bool {
    spatial_kind(r.role).is_some()
}

fn spatial_kind(role: Role) -> Option<SpatialKind> {
    Some(match role {
        Role::Project => SpatialKind::Project,
        Role::Site => SpatialKind::Site,
        Role::Building => SpatialKind::Building,
        Role::Storey => SpatialKind::Storey,
        Role::Space => SpatialKind::Space,
        Role::Element | Role::Other => return None,
    })
}

fn global_id(record: u32, r: &RawRecord) -> String {
    if r.global_id.is_empty() { format!("#{record}") } else { r.global_id.clone() }
}

/// What each record stands in. Being part of an assembly comes before being contained in a storey, and that before the
/// opening that a door fills.
fn parents(raw: &RawModel) -> BTreeMap<u32, u32> {
    let mut parents = BTreeMap::new();
    let order = [RelationKind::Aggregates, RelationKind::Contains, RelationKind::Fills, RelationKind::Voids];
    for kind in order {
        for r in raw.relations.iter().filter(|r| r.kind == kind && r.from != r.to) {
            parents.entry(r.to).or_insert(r.from);
        }
    }
    parents
}

fn ancestor<T>(record: u32, parents: &BTreeMap<u32, u32>, mut found: impl FnMut(u32) -> Option<T>) -> Option<T> {
    let chain = std::iter::successors(parents.get(&record).copied(), |up| parents.get(up).copied());
    chain.take(MAX_DEPTH).find_map(&mut found)
}

/// Spatial nodes, parents before children; each level in order of elevation, then record.
fn spatial_tree(raw: &RawModel, parents: &BTreeMap<u32, u32>) -> Vec<SpatialNode> {
    let spatial: BTreeMap<u32, SpatialKind> =
        raw.records.iter().filter_map(|(id, r)| Some((*id, spatial_kind(r.role)?))).collect();
    let parent_of = |id: u32| ancestor(id, parents, |up| spatial.contains_key(&up).then_some(up));
    let mut children: BTreeMap<Option<u32>, Vec<u32>> = BTreeMap::new();
    for id in spatial.keys() {
        children.entry(parent_of(*id)).or_default().push(*id);
    }
    let elevation = |id: &u32| raw.elevations_m.get(id).copied().filter(|e| e.is_finite());
    for level in children.values_mut() {
        level.sort_by(|a, b| {
            let (ea, eb) = (elevation(a).unwrap_or(0.0), elevation(b).unwrap_or(0.0));
            ea.total_cmp(&eb).then(a.cmp(b))
        });
    }
    let mut nodes: Vec<SpatialNode> = Vec::new();
    let mut done = BTreeSet::new();
    let mut stack: Vec<(u32, Option<usize>)> =
        children.get(&None).into_iter().flatten().rev().map(|id| (*id, None)).collect();
    while let Some((id, parent)) = stack.pop() {
        let (Some(r), Some(kind)) = (raw.records.get(&id), spatial.get(&id)) else { continue };
        if !done.insert(id) {
            continue;
        }
        let index = nodes.len();
        nodes.push(SpatialNode {
            record: id,
            global_id: global_id(id, r),
            kind: *kind,
            class: r.class.clone(),
            name: r.name.clone(),
            long_name: r.long_name.clone(),
            parent,
            elevation_m: elevation(&id),
            placement_z_m: raw.placements_z_m.get(&id).copied(),
            element: None,
        });
        stack.extend(children.get(&Some(id)).into_iter().flatten().rev().map(|c| (*c, Some(index))));
    }
    nodes
}

/// Lining thickness by record number of the door or window, its own or its type's, metres.
fn linings(raw: &RawModel) -> BTreeMap<u32, f64> {
    let mut of_object: BTreeMap<u32, f64> = BTreeMap::new();
    let sets = |kind: RelationKind| {
        raw.relations.iter().filter(move |r| r.kind == kind).filter_map(|r| Some((r.to, *raw.linings_m.get(&r.from)?)))
    };
    let of_type: BTreeMap<u32, f64> = sets(RelationKind::TypeHasSet).collect();
    for r in raw.relations.iter().filter(|r| r.kind == RelationKind::DefinesByType) {
        if let Some(t) = of_type.get(&r.from) {
            of_object.insert(r.to, *t);
        }
    }
    of_object.extend(sets(RelationKind::DefinesByProperties));
    of_object
}

fn attributes(raw: &RawModel, record: u32, linings: &BTreeMap<u32, f64>) -> ElementAttributes {
    let mut own = raw.attributes.get(&record).cloned().unwrap_or_default();
    own.lining_m = linings.get(&record).copied();
    own
}

fn boundaries(raw: &RawModel, node_of: &BTreeMap<u32, usize>, element_of: &BTreeMap<u32, usize>) -> Vec<SpaceBoundary> {
    let relations = raw.relations.iter().filter(|r| r.kind == RelationKind::BoundsSpace);
    let found = relations
        .filter_map(|r| Some(SpaceBoundary { space: *node_of.get(&r.from)?, element: *element_of.get(&r.to)? }));
    found.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Own sets first; a set of the type is added when the object has none of that name.
fn properties(raw: &RawModel) -> BTreeMap<String, Vec<PropertySet>> {
    let of_kind = |kind: RelationKind| {
        let mut map: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for r in raw.relations.iter().filter(|r| r.kind == kind) {
            map.entry(r.to).or_default().push(r.from);
        }
        map
    };
    let own = of_kind(RelationKind::DefinesByProperties);
    let types = of_kind(RelationKind::DefinesByType);
    let of_type = of_kind(RelationKind::TypeHasSet);
    let mut found = BTreeMap::new();
    for (id, r) in raw.records.iter().filter(|(_, r)| r.role != Role::Other) {
        let inherited = types.get(id).into_iter().flatten().filter_map(|t| of_type.get(t)).flatten();
        let mut sets: Vec<PropertySet> = Vec::new();
        for set in own.get(id).into_iter().flatten().chain(inherited) {
            let Some(set) = raw.property_sets.get(set) else { continue };
            if !sets.iter().any(|s| s.name == set.name) {
                sets.push(set.clone());
            }
        }
        if !sets.is_empty() {
            sets.sort_by(|a, b| a.name.cmp(&b.name));
            found.insert(global_id(*id, r), sets);
        }
    }
    found
}

fn issues(
    raw: &RawModel,
    kept: &[(u32, &RawRecord)],
    meshes: &BTreeMap<u32, Vec<Mesh>>,
) -> (Vec<ElementIssue>, Vec<ElementIssue>) {
    let (mut skipped, mut approximated) = (Vec::new(), Vec::new());
    // A stair or roof that is drawn by its parts has no triangles of its own and misses none.
    let parts = raw.relations.iter().filter(|r| r.kind == RelationKind::Aggregates && meshes.contains_key(&r.to));
    let assemblies: BTreeSet<u32> = parts.map(|r| r.from).collect();
    for (id, r) in kept {
        let Some(reason) = raw.incomplete.get(id) else { continue };
        if assemblies.contains(id) && !meshes.contains_key(id) {
            continue;
        }
        let what = format!("{} {}", r.class, r.name).trim_end().to_owned();
        let issue = ElementIssue { global_id: global_id(*id, r), what, reason: reason.clone() };
        if meshes.contains_key(id) { approximated.push(issue) } else { skipped.push(issue) }
    }
    skipped.sort();
    approximated.sort();
    (skipped, approximated)
}
