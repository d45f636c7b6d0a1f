//! `graph.json`: drainage, roads and the inside of buildings.

use crate::entities::Entities;
use community_pack::{BuildingGraph, DrainLink, DrainNode, Drainage, Graph, RoadGraph, RoadLink};
use std::collections::BTreeMap;
use twin_model::{AttrValue, Entity, EntityId, EntityKind};

/// A pipe's end belongs to the manhole within this distance, m.
const SNAP_M: f64 = 1.5;
/// Road ends within this distance are one junction, m.
const JUNCTION_M: f64 = 0.5;
/// Most road segments that are searched for crossings.
const MAX_SEGMENTS: usize = 20_000;

pub(crate) fn graph(entities: &Entities, buildings: Vec<BuildingGraph>) -> Graph {
    Graph { drainage: drainage(entities), buildings, roads: roads(entities) }
}

fn number(e: &Entity, names: &[&str]) -> Option<f64> {
    names.iter().find_map(|n| match e.attributes.get(*n)? {
        AttrValue::Number(v) => Some(*v),
        _ => None,
    })
}

fn text<'a>(e: &'a Entity, name: &str) -> &'a str {
    match e.attributes.get(name) {
        Some(AttrValue::Text(t)) => t,
        _ => "",
    }
}

fn drainage(entities: &Entities) -> Drainage {
    let nodes: Vec<DrainNode> = entities.of_kind(EntityKind::Manhole).map(drain_node).collect();
    let nearest = |p: [f64; 2]| {
        let d = |n: &DrainNode| (n.p_enu[0] - p[0]).hypot(n.p_enu[1] - p[1]);
        nodes.iter().min_by(|a, b| d(a).total_cmp(&d(b))).filter(|n| d(n) <= SNAP_M).map(|n| n.entity)
    };
    let links = entities.of_kind(EntityKind::Pipe).map(|e| {
        let end = |code: &str, p: Option<&[f64; 2]>| {
            let named =
                (!text(e, code).is_empty()).then(|| entities.by_key(EntityKind::Manhole, text(e, code))).flatten();
            named.or_else(|| nearest(*p?))
        };
        DrainLink {
            entity: e.id,
            from: end("from_code", e.line.first()),
            to: end("to_code", e.line.last()),
            diameter_m: number(e, &["diameter_m"]).or_else(|| number(e, &["diameter_mm"]).map(|d| d / 1000.0)),
            length_m: crate::entities::round(length(&e.line)),
            invert_from_m: number(e, &["invert_up_m", "invert_from_m"]),
            invert_to_m: number(e, &["invert_down_m", "invert_to_m"]),
        }
    });
    let links = links.collect();
    Drainage { nodes, links }
}

fn drain_node(e: &Entity) -> DrainNode {
    let outlet = text(e, "outlet");
    let kind = if !outlet.is_empty() {
        "outfall"
    } else if ["雨水口", "雨水篦", "inlet", "gully"].iter().any(|w| e.class.contains(w)) {
        "inlet"
    } else {
        "manhole"
    };
    DrainNode { entity: e.id, p_enu: e.p_enu, invert_m: number(e, &["invert_m"]), kind: kind.into() }
}

fn length(line: &[[f64; 2]]) -> f64 {
    line.windows(2).map(|w| (w[1][0] - w[0][0]).hypot(w[1][1] - w[0][1])).sum()
}

/// Roads cut at their crossings.
fn roads(entities: &Entities) -> RoadGraph {
    let lines: Vec<&Entity> = entities.of_kind(EntityKind::Road).filter(|e| e.line.len() >= 2).collect();
    let cuts = crossings(&lines);
    let mut graph = RoadGraph::default();
    let mut cells: BTreeMap<(i64, i64), Vec<u32>> = BTreeMap::new();
    for (e, cuts) in lines.iter().zip(cuts) {
        let width = number(e, &["width_m"]).unwrap_or(0.0);
        let total = length(&e.line);
        let mut stops = vec![0.0];
        stops.extend(cuts.into_iter().filter(|c| *c > JUNCTION_M && *c < total - JUNCTION_M));
        stops.push(total);
        stops.sort_by(f64::total_cmp);
        stops.dedup_by(|a, b| *a - *b < JUNCTION_M);
        let ids: Vec<u32> = stops.iter().map(|s| junction(&mut graph.nodes, &mut cells, along(&e.line, *s))).collect();
        for (pair, span) in ids.windows(2).zip(stops.windows(2)) {
            if pair[0] != pair[1] {
                let length_m = crate::entities::round(span[1] - span[0]);
                graph.links.push(RoadLink { entity: e.id, from: pair[0], to: pair[1], length_m, width_m: width });
            }
        }
    }
    graph
}

/// Arc lengths at which each line is met by another, m.
fn crossings(lines: &[&Entity]) -> Vec<Vec<f64>> {
    let mut segments = Vec::new();
    for (k, e) in lines.iter().enumerate() {
        let mut s = 0.0;
        for w in e.line.windows(2) {
            let l = (w[1][0] - w[0][0]).hypot(w[1][1] - w[0][1]);
            segments.push((k, s, l, w[0], w[1]));
            s += l;
        }
    }
    let mut cuts = vec![Vec::new(); lines.len()];
    if segments.len() > MAX_SEGMENTS {
        return cuts;
    }
    for (i, a) in segments.iter().enumerate() {
        for b in segments.iter().skip(i + 1).filter(|b| b.0 != a.0) {
            if let Some((t, u)) = meet(a.3, a.4, b.3, b.4) {
                if let Some(list) = cuts.get_mut(a.0) {
                    list.push(a.1 + t * a.2);
                }
                if let Some(list) = cuts.get_mut(b.0) {
                    list.push(b.1 + u * b.2);
                }
            }
        }
    }
    cuts
}

/// Parameters at which two segments cross or nearly touch end to side.
fn meet(a: [f64; 2], b: [f64; 2], c: [f64; 2], d: [f64; 2]) -> Option<(f64, f64)> {
    let (r, s) = ([b[0] - a[0], b[1] - a[1]], [d[0] - c[0], d[1] - c[1]]);
    let (lr, ls) = (r[0].hypot(r[1]), s[0].hypot(s[1]));
    let det = r[0] * s[1] - r[1] * s[0];
    if lr < 1e-9 || ls < 1e-9 || det.abs() < 1e-9 * lr * ls {
        return None;
    }
    let q = [c[0] - a[0], c[1] - a[1]];
    let (t, u) = ((q[0] * s[1] - q[1] * s[0]) / det, (q[0] * r[1] - q[1] * r[0]) / det);
    // Half a metre of slack for ends that stop short of the axis they join.
    let (st, su) = (JUNCTION_M / lr, JUNCTION_M / ls);
    let inside = t >= -st && t <= 1.0 + st && u >= -su && u <= 1.0 + su;
    inside.then(|| (t.clamp(0.0, 1.0), u.clamp(0.0, 1.0)))
}

fn along(line: &[[f64; 2]], s: f64) -> [f64; 2] {
    let mut left = s;
    for w in line.windows(2) {
        let l = (w[1][0] - w[0][0]).hypot(w[1][1] - w[0][1]);
        if left <= l {
            let t = if l > 0.0 { left / l } else { 0.0 };
            return [w[0][0] + t * (w[1][0] - w[0][0]), w[0][1] + t * (w[1][1] - w[0][1])];
        }
        left -= l;
    }
    line.last().copied().unwrap_or_default()
}

/// The node at a point; a new one when none is near.
fn junction(nodes: &mut Vec<[f64; 2]>, cells: &mut BTreeMap<(i64, i64), Vec<u32>>, p: [f64; 2]) -> u32 {
    let p = p.map(crate::entities::round);
    let cell = |v: f64| (v / JUNCTION_M).floor() as i64;
    let (i, j) = (cell(p[0]), cell(p[1]));
    for (di, dj) in (-2..=2).flat_map(|di| (-2..=2).map(move |dj| (di, dj))) {
        for n in cells.get(&(i + di, j + dj)).into_iter().flatten() {
            let near = nodes.get(*n as usize).is_some_and(|q| (q[0] - p[0]).hypot(q[1] - p[1]) <= 2.0 * JUNCTION_M);
            if near {
                return *n;
            }
        }
    }
    let id = nodes.len() as u32;
    nodes.push(p);
    cells.entry((i, j)).or_default().push(id);
    id
}

/// Storeys of buildings that only the address table knows, one per number and building.
pub(crate) fn address_buildings(entities: &Entities, known: &[BuildingGraph]) -> Vec<BuildingGraph> {
    let mut found: BTreeMap<EntityId, BTreeMap<i64, &Entity>> = BTreeMap::new();
    for e in entities.of_kind(EntityKind::Storey) {
        let Some(storey) = number(e, &["storey"]) else { continue };
        let up = |e: &Entity| e.parent.and_then(|p| entities.get(p));
        let mut top = up(e);
        while let Some(t) = top.filter(|t| t.kind != EntityKind::Building) {
            top = up(t);
        }
        let Some(building) = top.filter(|t| known.iter().all(|k| k.building != t.id)) else { continue };
        found.entry(building.id).or_default().entry(storey as i64).or_insert(e);
    }
    let graph = |(building, storeys): (EntityId, BTreeMap<i64, &Entity>)| BuildingGraph {
        building,
        storeys: storeys
            .values()
            .map(|e| community_pack::StoreyGraph {
                entity: e.id,
                elevation_m: e.base_z_m,
                height_m: e.height_m,
                spaces: vec![],
                doors: vec![],
                stairs: vec![],
            })
            .collect(),
    };
    found.into_iter().map(graph).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn road(name: &str, line: &[[f64; 2]]) -> Entity {
        let mut e = Entities::blank(EntityKind::Road, name, name);
        e.line = line.to_vec();
        e
    }

    #[test]
    fn crossing_roads_share_a_junction() {
        let mut entities = Entities::default();
        entities.add(road("a", &[[0.0, 0.0], [100.0, 0.0]]));
        entities.add(road("b", &[[50.0, -50.0], [50.0, 50.0]]));
        entities.add(road("c", &[[20.0, 0.3], [20.0, 40.0]]));
        let g = roads(&entities);
        assert_eq!(g.links.len(), 6, "a in three parts, b in two, c whole: {g:?}");
        assert_eq!(g.nodes.len(), 7);
        let total: f64 = g.links.iter().map(|l| l.length_m).sum();
        assert!((total - 239.7).abs() < 0.5, "{total}");
    }
}
