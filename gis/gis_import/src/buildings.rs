//! Buildings from footprints: entities, extruded blocks, tiles.

use crate::entities::Entities;
use crate::error::{ImportError, Result};
use crate::facade;
use crate::ground::Ground;
use crate::log::FileLog;
use crate::mesh::{Mesh, area2};
use crate::place::Place;
use crate::progress::Progress;
use crate::project::Layer;
use crate::spine::{label, label_point, parent_of_building};
use crate::tiles::{Box3, Node, Quad, feature_table, quadtree, write_model, write_tileset};
use crate::vector::{Feature, Features, Shape, hstore};
use rayon::prelude::*;
use std::path::Path;
use tiles3d::glb::Material;
use tiles3d::{GlbModel, Refine};
use twin_model::{AttrValue, EntityId, EntityKind, LayerId, Polygon};

/// Most vertices of a tile.
const TILE_VERTICES: usize = 60_000;
/// Error of plain blocks, m: windows and roofs appear nearer than about 650 m.
const COARSE_ERROR_M: f64 = 8.0;
/// Storey height that is assumed where a delivery gives none, m.
const STOREY_M: f64 = 3.0;

/// A building as an extruded footprint.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub entity: EntityId,
    pub key: String,
    /// Rings of [bottom, top] points, ENU metres: outer counter-clockwise, holes clockwise.
    pub rings: Vec<Vec<[[f64; 3]; 2]>>,
    pub height_m: f64,
    pub floors: u32,
    pub usage: String,
    /// Triangles that a delivery brought along (CityJSON); replaces the extrusion.
    pub own: Option<Mesh>,
}

impl Block {
    pub fn storey_m(&self) -> f64 {
        self.height_m / f64::from(self.floors.max(1))
    }

    pub fn footprint(&self) -> Polygon {
        Polygon(self.rings.iter().map(|r| r.iter().map(|[b, _]| [b[0], b[1]]).collect()).collect())
    }

    /// The four corners at the top, when there are four.
    pub fn corners(&self) -> Option<[[f64; 3]; 4]> {
        match (&self.rings[..], self.rings.first()?.as_slice()) {
            ([_], [a, b, c, d]) => Some([a[1], b[1], c[1], d[1]]),
            _ => None,
        }
    }

    /// Four corners, nearly rectangular.
    pub fn is_oblong(&self) -> bool {
        let Some([a, b, c, d]) = self.corners() else { return false };
        let flat: Vec<[f64; 2]> = [a, b, c, d].iter().map(|p| [p[0], p[1]]).collect();
        let side = |p: [f64; 2], q: [f64; 2]| (q[0] - p[0]).hypot(q[1] - p[1]);
        let (w, h) = (side(flat[0], flat[1]), side(flat[1], flat[2]));
        (area2(&flat).abs() / 2.0) > 0.93 * w * h && w.min(h) > 3.0 && w.max(h) < 60.0
    }

    /// Mean of the outer ring at the bottom, and the direction of its longest side.
    pub fn axis(&self) -> ([f64; 3], [f64; 3]) {
        let ring: &[[[f64; 3]; 2]] = self.rings.first().map_or(&[], Vec::as_slice);
        let n = ring.len().max(1) as f64;
        let mut centre: [f64; 3] = std::array::from_fn(|i| ring.iter().map(|r| r[0][i]).sum::<f64>() / n);
        let at = label_point(&self.footprint());
        centre[0] = at[0];
        centre[1] = at[1];
        let edges = ring.iter().zip(ring.iter().cycle().skip(1)).map(|(a, b)| [b[0][0] - a[0][0], b[0][1] - a[0][1]]);
        let longest = edges.max_by(|a, b| a[0].hypot(a[1]).total_cmp(&b[0].hypot(b[1]))).unwrap_or([1.0, 0.0]);
        let l = longest[0].hypot(longest[1]).max(1e-9);
        (centre, [longest[0] / l, longest[1] / l, 0.0])
    }

    /// A place inside: at breast height of a storey (1 is the ground floor), units side by side along the building.
    pub fn inside(&self, storey: Option<i32>, unit: Option<u32>) -> [f64; 3] {
        let (centre, along) = self.axis();
        let footprint = self.footprint();
        let shift = unit.map_or(0.0, |u| (f64::from(u) - 1.0) * 12.0 - 6.0);
        let moved = [centre[0] + shift * along[0], centre[1] + shift * along[1]];
        let p = if footprint.contains(moved) { moved } else { [centre[0], centre[1]] };
        let level = f64::from(storey.unwrap_or(1) - i32::from(storey.unwrap_or(1) > 0));
        [p[0], p[1], centre[2] + level * self.storey_m() + 1.2]
    }
}

/// Field names of a buildings layer: what the project file maps, else the usual ones.
fn names<'a>(layer: &'a Layer, key: &str, usual: &[&'a str]) -> Vec<&'a str> {
    layer.fields.get(key).map_or_else(|| usual.to_vec(), |f| vec![f.as_str()])
}

/// Entities and blocks of a buildings layer.
pub(crate) fn add(
    entities: &mut Entities,
    layer: &Layer,
    features: &Features,
    ground: &Ground<'_>,
    community: EntityId,
    log: &mut FileLog,
) -> Vec<Block> {
    let mut blocks = Vec::new();
    for feature in &features.list {
        match block(entities, layer, feature, features, ground, community, log) {
            Ok(block) => blocks.push(block),
            Err(reason) => log.skip(label(feature), reason),
        }
    }
    blocks
}

fn block(
    entities: &mut Entities,
    layer: &Layer,
    f: &Feature,
    all: &Features,
    ground: &Ground<'_>,
    community: EntityId,
    log: &mut FileLog,
) -> std::result::Result<Block, String> {
    let Shape::Polygon(rings) = &f.shape else { return Err("is not a polygon".into()) };
    let id = f.text(&names(layer, "id", &["BLDG_ID", "id", "code", "osm_id", "osm_way_id"]));
    let key = if id.is_empty() { format!("{}:{}", layer.path, f.row) } else { id.clone() };
    let floors =
        f.number(&names(layer, "floors", &["floors", "building:levels", "楼层"])).filter(|v| (1.0..=200.0).contains(v));
    let height =
        f.number(&names(layer, "height", &["height", "height_m", "高度"])).filter(|v| (0.5..=900.0).contains(v));
    let height_m = match (height, floors) {
        (Some(h), _) => h,
        (None, Some(n)) => {
            log.approximate(label(f), format!("no usable height: {n} floors × {STOREY_M} m"));
            n * STOREY_M
        }
        (None, None) => {
            log.approximate(label(f), "neither height nor floors: taken as 2 floors");
            2.0 * STOREY_M
        }
    };
    let floors = floors.map_or_else(|| (height_m / STOREY_M).round().clamp(1.0, 200.0) as u32, |v| v as u32);
    let frame = |e: geo_frame::FrameError| e.to_string();
    let mut lowest = f64::INFINITY;
    for p in rings.iter().flatten() {
        lowest = lowest.min(ground.elevation(&all.projector, *p).map_err(frame)?);
    }
    let base =
        f.number(&names(layer, "base_z", &["base_z"])).filter(|z| (-12_000.0..=9_000.0).contains(z)).unwrap_or(lowest);
    let mut out = Vec::new();
    for (k, ring) in rings.iter().enumerate() {
        let mut ring = ring.clone();
        if (area2(&ring) > 0.0) != (k == 0) {
            ring.reverse();
        }
        let lift = |p: &[f64; 2]| -> std::result::Result<[[f64; 3]; 2], geo_frame::FrameError> {
            // Down to the lowest ground so that nothing hovers on a slope.
            let bottom = all.projector.enu_from_crs([p[0], p[1], base.min(lowest)])?;
            Ok([bottom, all.projector.enu_from_crs([p[0], p[1], base + height_m])?])
        };
        out.push(ring.iter().map(lift).collect::<std::result::Result<Vec<_>, _>>().map_err(frame)?);
    }
    let outer: Vec<[f64; 2]> = out[0].iter().map(|[b, _]| [b[0], b[1]]).collect();
    if area2(&outer).abs() / 2.0 < 0.5 {
        return Err("has an area below 0.5 m²".into());
    }
    let usage = f.text(&names(layer, "use", &["use", "usage", "building", "用途"]));
    let name = f.text(&names(layer, "name", &["name", "名称"]));
    let estate = f.text(&names(layer, "estate", &["estate", "小区"]));
    let mut e = Entities::blank(EntityKind::Building, name, key.clone());
    if e.name.is_empty() {
        let house = f.text(&["addr:housenumber"]);
        let street = f.text(&["addr:street"]);
        e.name =
            if street.is_empty() { format!("建筑 {key}") } else { format!("{street} {house}").trim_end().to_owned() };
    }
    let mut block = Block { entity: EntityId(0), key, rings: out, height_m, floors, usage, own: None };
    let footprint = block.footprint();
    let at = label_point(&footprint);
    e.code = id;
    e.class.clone_from(&block.usage);
    e.parent = Some(parent_of_building(entities, &estate, at, community));
    e.base_z_m = all.projector.enu_from_crs([rings[0][0][0], rings[0][0][1], base]).map_err(frame)?[2];
    e.height_m = height_m;
    e.p_enu = [at[0], at[1], e.base_z_m + height_m];
    e.footprint = Some(footprint);
    e.attributes.insert("floors".into(), AttrValue::Number(f64::from(floors)));
    for (key, usual) in [
        ("address", &["address", "地址"][..]),
        ("estate", &["estate"][..]),
        ("units", &["units"][..]),
        ("year", &["year"][..]),
    ] {
        let fields = names(layer, key, usual);
        let number = f.number(&fields).filter(|_| matches!(key, "units" | "year"));
        let value = number.map_or_else(|| AttrValue::Text(f.text(&fields)), AttrValue::Number);
        e.attributes.insert(key.into(), value);
    }
    block.entity = entities.add(e);
    Ok(block)
}

/// Gives OSM features the fields that they keep in `other_tags`.
pub(crate) fn unpack_tags(features: &mut Features) {
    for f in &mut features.list {
        let Some(AttrValue::Text(tags)) = f.fields.remove("other_tags") else { continue };
        for (k, v) in hstore(&tags) {
            f.fields.entry(k).or_insert(AttrValue::Text(v));
        }
    }
}

/// Writes the tiles of a buildings layer.
pub(crate) fn build(
    dir: &Path,
    place: &Place,
    blocks: &[Block],
    entities: &mut Entities,
    layer: LayerId,
    progress: &mut dyn Progress,
) -> Result<Node> {
    progress.stage("buildings", blocks.len() as u64);
    let mut meshes = Vec::with_capacity(blocks.len());
    for batch in blocks.chunks(64) {
        if progress.is_cancelled() {
            return Err(ImportError::Cancelled);
        }
        let both = |b: &Block| {
            let own = b.own.clone();
            own.map_or_else(|| (facade::coarse(b), facade::detailed(b)), |m| (m.clone(), m))
        };
        meshes.extend(batch.par_iter().map(both).collect::<Vec<_>>());
        batch.iter().for_each(|_| progress.tick());
    }
    for block in blocks {
        entities.set_layer(block.entity, layer);
    }
    let items = blocks.iter().zip(&meshes).map(|(block, (coarse, detail))| {
        let at = block.axis().0;
        let thing = Thing { entity: block.entity, class: &block.usage, coarse, detail };
        (thing, [at[0], at[1]], detail.vertices())
    });
    let quad = quadtree(items.collect(), TILE_VERTICES, 12);
    let root = node(dir, &quad, "r")?;
    write_tileset(dir, place, root)
}

struct Thing<'a> {
    entity: EntityId,
    class: &'a str,
    coarse: &'a Mesh,
    detail: &'a Mesh,
}

/// A tile with the coarse blocks of everything below it over the detailed tiles.
fn node(dir: &Path, quad: &Quad<Thing<'_>>, name: &str) -> Result<Node> {
    let children = match quad {
        Quad::Branch(parts) => {
            let named = parts.iter().enumerate().map(|(i, q)| node(dir, q, &format!("{name}{i}")));
            named.collect::<Result<Vec<_>>>()?
        }
        Quad::Leaf(things) => {
            let uri = format!("{name}_detail.glb");
            let bounds = write_things(dir, &uri, things.iter().map(|t| (t, t.detail)))?;
            vec![Node::new(Some((&uri, bounds)), 0.0, Refine::Replace, Vec::new())]
        }
    };
    let uri = format!("{name}.glb");
    let mut all = Vec::new();
    flatten(quad, &mut all);
    let bounds = write_things(dir, &uri, all.into_iter().map(|t| (t, t.coarse)))?;
    let deeper = children.iter().map(|c| c.tile.geometric_error).fold(0.0, f64::max);
    Ok(Node::new(Some((&uri, bounds)), COARSE_ERROR_M.max(deeper * 1.5), Refine::Replace, children))
}

fn flatten<'a, 'b>(quad: &'a Quad<Thing<'b>>, out: &mut Vec<&'a Thing<'b>>) {
    match quad {
        Quad::Leaf(things) => out.extend(things),
        Quad::Branch(parts) => parts.iter().for_each(|q| flatten(q, out)),
    }
}

fn write_things<'a, 'b: 'a>(
    dir: &Path,
    uri: &str,
    things: impl Iterator<Item = (&'a Thing<'b>, &'a Mesh)>,
) -> Result<Box3> {
    let mut mesh = Mesh::default();
    let mut features = Vec::new();
    for (thing, part) in things {
        mesh.append(&part.with_feature(features.len() as u32));
        features.push((thing.entity, thing.class));
    }
    let material = Material { roughness: 0.85, ..Default::default() };
    let model = GlbModel {
        primitives: vec![mesh.primitive(material)],
        images: vec![],
        features: Some(feature_table("building", &features)),
    };
    write_model(dir, uri, &model)?;
    Ok(Box3::of(&model))
}
