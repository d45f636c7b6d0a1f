//! CityJSON 1.0, 1.1 and 2.0: city objects with their surfaces.

use crate::buildings::Block;
use crate::entities::Entities;
use crate::error::{ImportError, Result};
use crate::log::FileLog;
use crate::mesh::{Mesh, area2, cross, cut, sub, unit};
use crate::place::Place;
use crate::project::Layer;
use crate::spine::parent_of_building;
use crate::tiles::{Box3, linear};
use gdal::spatial_ref::SpatialRef;
use geo_frame::{Crs, Projector};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use twin_model::{AttrValue, EntityId, EntityKind, Polygon};

/// Deepest nesting of boundaries: MultiSolid → solid → shell → surface.
const MAX_NESTING: usize = 5;
/// A vertex farther from the origin than this is taken for an error, m.
const FAR_M: f64 = 200_000.0;

#[derive(Deserialize)]
struct File {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    metadata: Value,
    transform: Option<Transform>,
    #[serde(rename = "CityObjects")]
    objects: BTreeMap<String, Object>,
    vertices: Vec<[f64; 3]>,
}

#[derive(Deserialize)]
struct Transform {
    scale: [f64; 3],
    translate: [f64; 3],
}

#[derive(Deserialize)]
struct Object {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    attributes: BTreeMap<String, Value>,
    #[serde(default)]
    parents: Vec<String>,
    #[serde(default)]
    geometry: Vec<Value>,
}

/// Entities and meshes of a file.
pub(crate) fn add(
    entities: &mut Entities,
    path: &Path,
    layer: &Layer,
    place: &Place,
    community: EntityId,
    log: &mut FileLog,
) -> Result<Vec<Block>> {
    let bytes = std::fs::read(path).map_err(ImportError::io(path))?;
    let file: File = serde_json::from_slice(&bytes).map_err(|e| ImportError::delivery(path, e))?;
    if file.kind != "CityJSON" {
        return Err(ImportError::delivery(path, format!("type is {:?}: must be \"CityJSON\"", file.kind)));
    }
    let projector = projector(path, layer, &file.metadata, place)?;
    let (scale, shift) = file.transform.as_ref().map_or(([1.0; 3], [0.0; 3]), |t| (t.scale, t.translate));
    let real = |v: &[f64; 3]| std::array::from_fn(|i| v[i] * scale[i] + shift[i]);
    let near = |p: &[f64; 3]| p.iter().all(|v| v.abs() < FAR_M);
    let vertices: Vec<Option<[f64; 3]>> =
        file.vertices.iter().map(|v| projector.enu_from_crs(real(v)).ok().filter(near)).collect();
    let mut blocks = Vec::new();
    // Wholes before parts, so that a part finds its building.
    let mut order: Vec<(&String, &Object)> = file.objects.iter().collect();
    order.sort_by_key(|(id, o)| (!o.parents.is_empty(), (*id).clone()));
    for (id, object) in order {
        let part_of = object.parents.iter().find_map(|p| entities.by_key(EntityKind::Building, p));
        let Some(mesh) = mesh(object, &vertices, id, log) else {
            if object.geometry.is_empty() && part_of.is_none() && object.kind == "Building" {
                entities.add(row(id, object, Box3::default(), Polygon::default(), community));
            } else if !object.geometry.is_empty() {
                log.skip(id, format!("{}: no surface that can be drawn", object.kind));
            }
            continue;
        };
        log.read();
        let (bounds, outline) = extent(&mesh);
        let at = bounds.centre();
        let parent = part_of.unwrap_or_else(|| parent_of_building(entities, "", [at[0], at[1]], community));
        let entity = match part_of.filter(|_| object.kind == "BuildingPart") {
            Some(whole) => whole,
            None => entities.add(row(id, object, bounds, outline.clone(), parent)),
        };
        let ring = outline.0.first().into_iter().flatten();
        blocks.push(Block {
            entity,
            key: id.clone(),
            rings: vec![ring.map(|p| [[p[0], p[1], bounds.min[2]], [p[0], p[1], bounds.max[2]]]).collect()],
            height_m: bounds.size()[2],
            floors: 1,
            usage: object.kind.clone(),
            own: Some(mesh.0),
        });
    }
    Ok(blocks)
}

/// "https://www.opengis.net/def/crs/EPSG/0/7415" or "urn:ogc:def:crs:EPSG::7415".
fn projector(path: &Path, layer: &Layer, metadata: &Value, place: &Place) -> Result<Projector> {
    let text = metadata.get("referenceSystem").and_then(Value::as_str).unwrap_or_default();
    let code: Option<u32> = text.rsplit(['/', ':']).next().and_then(|t| t.parse().ok());
    if layer.crs.is_some() {
        return place.of(path, layer.crs.as_deref(), None, "");
    }
    let Some(code) = code else {
        return Err(ImportError::NoCrs { path: path.to_owned(), hint: " (metadata.referenceSystem)" });
    };
    if let Ok(crs) = Crs::from_epsg(code) {
        return Ok(Projector::new(crs, place.enu()));
    }
    // A compound system: its horizontal part.
    let srs = SpatialRef::from_epsg(code).map_err(|e| ImportError::delivery(path, e))?;
    let part =
        ["PROJCS|AUTHORITY", "GEOGCS|AUTHORITY"].iter().find_map(|node| srs.get_attr_value(node, 1).ok().flatten());
    let crs = part.and_then(|p| p.parse().ok()).and_then(|c| Crs::from_epsg(c).ok());
    crs.map_or_else(|| place.of(path, None, Some(&srs), ""), |crs| Ok(Projector::new(crs, place.enu())))
}

fn row(id: &str, object: &Object, bounds: Box3, outline: Polygon, parent: EntityId) -> twin_model::Entity {
    let kind = match object.kind.as_str() {
        "Building" | "BuildingPart" => EntityKind::Building,
        "Road" | "Railway" | "TransportSquare" => EntityKind::Road,
        "WaterBody" | "Waterway" => EntityKind::Water,
        "PlantCover" => EntityKind::Green,
        "SolitaryVegetationObject" => EntityKind::Tree,
        "LandUse" | "TINRelief" => EntityKind::Landcover,
        _ => EntityKind::Component,
    };
    let name = ["name", "Name", "identificatiebagpnd"].iter().find_map(|k| object.attributes.get(*k)?.as_str());
    let mut e = Entities::blank(kind, name.map_or_else(|| format!("{} {id}", object.kind), ToOwned::to_owned), id);
    e.parent = Some(parent);
    e.class.clone_from(&object.kind);
    if !bounds.is_empty() {
        let c = bounds.centre();
        e.p_enu = [c[0], c[1], bounds.max[2]];
        e.base_z_m = bounds.min[2];
        e.height_m = bounds.size()[2];
        e.footprint = Some(outline);
    }
    for (key, value) in &object.attributes {
        let value = match value {
            Value::Bool(b) => AttrValue::Bool(*b),
            Value::Number(n) => AttrValue::Number(n.as_f64().unwrap_or(f64::NAN)),
            Value::String(s) => AttrValue::Text(s.clone()),
            _ => continue,
        };
        e.attributes.insert(key.clone(), value);
    }
    e
}

/// The triangles, and the corners for the outline.
struct Shape(Mesh, Vec<[f64; 3]>);

fn mesh(object: &Object, vertices: &[Option<[f64; 3]>], id: &str, log: &mut FileLog) -> Option<Shape> {
    let lod = |g: &&Value| {
        let lod = g.get("lod");
        lod.and_then(|l| l.as_f64().or_else(|| l.as_str()?.parse().ok())).unwrap_or(0.0)
    };
    let best =
        object.geometry.iter().filter(|g| g.get("boundaries").is_some()).max_by(|a, b| lod(a).total_cmp(&lod(b)))?;
    if best.get("type").and_then(Value::as_str) == Some("GeometryInstance") {
        log.skip(id, "geometry templates are not supported");
        return None;
    }
    let mut shape = Shape(Mesh::default(), Vec::new());
    let mut bad = 0;
    surfaces(best.get("boundaries")?, 0, &mut |rings| {
        if surface(rings, vertices, &object.kind, &mut shape).is_none() {
            bad += 1;
        }
    });
    if bad > 0 {
        log.approximate(id, format!("{bad} surfaces without area or with unknown vertices left out"));
    }
    (!shape.0.is_empty()).then_some(shape)
}

/// Calls for every surface: an array of rings, each an array of numbers.
fn surfaces(value: &Value, depth: usize, found: &mut dyn FnMut(&[Value])) {
    let Some(list) = value.as_array().filter(|l| !l.is_empty()) else { return };
    if depth > MAX_NESTING {
        return;
    }
    let is_ring = |v: &Value| v.as_array().is_some_and(|r| r.first().is_some_and(Value::is_number));
    if is_ring(&list[0]) {
        found(list);
    } else {
        list.iter().for_each(|v| surfaces(v, depth + 1, found));
    }
}

fn surface(rings: &[Value], vertices: &[Option<[f64; 3]>], kind: &str, shape: &mut Shape) -> Option<()> {
    let mut points: Vec<Vec<[f64; 3]>> = Vec::new();
    for ring in rings {
        let indices = ring.as_array()?.iter().map(|i| usize::try_from(i.as_u64()?).ok());
        let ring: Option<Vec<[f64; 3]>> = indices.map(|i| *vertices.get(i?)?).collect();
        points.push(ring.filter(|r| r.len() >= 3)?);
    }
    let normal = newell(points.first()?);
    let length = normal.iter().map(|v| v * v).sum::<f64>().sqrt();
    if length < 1e-6 {
        return None;
    }
    let normal = unit(normal);
    let side = if normal[2].abs() > 0.9 { [1.0, 0.0, 0.0] } else { [0.0, 0.0, 1.0] };
    let u = unit(cross(side, normal));
    let v = cross(normal, u);
    let dot = |a: [f64; 3], b: [f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    let o = points[0][0];
    let flat: Vec<Vec<[f64; 2]>> =
        points.iter().map(|r| r.iter().map(|p| [dot(sub(*p, o), u), dot(sub(*p, o), v)]).collect()).collect();
    let first = shape.0.vertices() as u32;
    let colour = colour(kind, normal[2]);
    for p in points.iter().flatten() {
        shape.0.vertex(*p, normal, colour, 0);
        shape.1.push(*p);
    }
    shape.0.triangles(first, cut(&flat));
    Some(())
}

/// Area vector (twice) of a ring.
fn newell(ring: &[[f64; 3]]) -> [f64; 3] {
    let o = ring[0];
    let pairs = ring.iter().zip(ring.iter().cycle().skip(1));
    pairs.fold([0.0; 3], |n, (a, b)| {
        let c = cross(sub(*a, o), sub(*b, o));
        [n[0] + c[0], n[1] + c[1], n[2] + c[2]]
    })
}

fn colour(kind: &str, up: f64) -> [u8; 4] {
    linear(match kind {
        "Road" | "Railway" | "TransportSquare" => [128, 128, 130],
        "WaterBody" | "Waterway" => [96, 138, 160],
        "PlantCover" | "SolitaryVegetationObject" => [120, 150, 96],
        "LandUse" | "TINRelief" => [170, 172, 144],
        "Bridge" | "Tunnel" => [168, 164, 158],
        _ if up > 0.35 => [158, 96, 78],
        _ if up < -0.7 => [120, 116, 110],
        "Building" | "BuildingPart" => [214, 200, 180],
        _ => [176, 172, 166],
    })
}

/// The box and the convex outline from above.
fn extent(shape: &Shape) -> (Box3, Polygon) {
    let mut bounds = Box3::default();
    shape.1.iter().for_each(|p| bounds.add(*p));
    let mut points: Vec<[f64; 2]> = shape.1.iter().map(|p| [p[0], p[1]]).collect();
    points.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    points.dedup();
    (bounds, Polygon(vec![hull(&points)]))
}

/// Convex hull of sorted points (monotone chain, Andrew 1979), counter-clockwise.
fn hull(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut out: Vec<[f64; 2]> = Vec::new();
    let mut half = |points: &mut dyn Iterator<Item = &[f64; 2]>| {
        let start = out.len();
        for p in points {
            while out.len() >= start + 2 && area2(&[out[out.len() - 2], out[out.len() - 1], *p]) <= 0.0 {
                out.pop();
            }
            out.push(*p);
        }
        out.pop();
    };
    half(&mut points.iter());
    half(&mut points.iter().rev());
    out
}
