//! Entities of the vector deliveries and of the address table.

use crate::buildings::Block;
use crate::entities::Entities;
use crate::error::{ImportError, Result};
use crate::ground::Ground;
use crate::log::FileLog;
use crate::project::{Community, VectorKind};
use crate::vector::{Feature, Features, Shape};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use twin_model::{AttrValue, Entity, EntityId, EntityKind, Polygon};

const CODE: &[&str] = &["code", "id", "BLDG_ID", "osm_id", "osm_way_id", "编码", "编号"];
const NAME: &[&str] = &["name", "名称"];

/// District, street and community.
pub(crate) fn roots(entities: &mut Entities, c: &Community) -> EntityId {
    let mut parent = None;
    let district = [c.city.as_str(), c.district.as_str()].concat();
    // GB/T 2260: 6 digits to the district, 9 to the street, 12 to the community.
    for (kind, name, digits) in [
        (EntityKind::District, district.as_str(), 6),
        (EntityKind::Street, &c.street, 9),
        (EntityKind::Community, &c.name, 12),
    ] {
        if name.is_empty() {
            continue;
        }
        let mut e = Entities::blank(kind, name, format!("{}:{}", kind.tag(), c.id));
        e.parent = parent;
        e.code = c.division.get(..digits).unwrap_or_default().to_owned();
        parent = Some(entities.add(e));
    }
    parent.unwrap_or_default()
}

fn kind_of(kind: VectorKind) -> Option<EntityKind> {
    Some(match kind {
        VectorKind::Estate => EntityKind::Estate,
        VectorKind::Grid => EntityKind::Grid,
        VectorKind::Road => EntityKind::Road,
        VectorKind::Green => EntityKind::Green,
        VectorKind::Water => EntityKind::Water,
        VectorKind::Embankment => EntityKind::Embankment,
        VectorKind::Drain => EntityKind::Pipe,
        VectorKind::Manhole => EntityKind::Manhole,
        VectorKind::Component => EntityKind::Component,
        VectorKind::Gate => EntityKind::Gate,
        VectorKind::Poi => EntityKind::Poi,
        VectorKind::Tree => EntityKind::Tree,
        VectorKind::Landcover => return None,
    })
}

/// Entities of one vector layer; land cover has none.
pub(crate) fn add_features(
    entities: &mut Entities,
    kind: VectorKind,
    features: &Features,
    ground: &Ground<'_>,
    community: EntityId,
    log: &mut FileLog,
) {
    let Some(kind) = kind_of(kind) else { return };
    for feature in &features.list {
        match entity(kind, feature, features, ground) {
            Ok(mut e) => {
                e.parent = Some(parent(entities, kind, feature, &e, community));
                entities.add(e);
            }
            Err(error) => log.skip(label(feature), error),
        }
    }
}

/// The feature's row and code, for the report.
pub(crate) fn label(feature: &Feature) -> String {
    let code = feature.text(CODE);
    if code.is_empty() { feature.row.clone() } else { format!("{} ({})", code, feature.row) }
}

fn entity(kind: EntityKind, f: &Feature, all: &Features, ground: &Ground<'_>) -> std::result::Result<Entity, String> {
    let frame = |e: geo_frame::FrameError| e.to_string();
    let code = f.text(CODE);
    let mut e = Entities::blank(kind, f.text(NAME), code.clone());
    match &f.shape {
        Shape::Point(p) => e.p_enu = ground.point(&all.projector, *p).map_err(frame)?,
        Shape::Line(line) => {
            e.line = ground.line(&all.projector, line).map_err(frame)?;
            let middle = halfway(&e.line);
            e.p_enu = [middle[0], middle[1], ground.z_at(middle)];
        }
        Shape::Polygon(rings) => {
            let rings: std::result::Result<_, _> = rings.iter().map(|r| ground.line(&all.projector, r)).collect();
            let polygon = Polygon(rings.map_err(frame)?);
            let at = label_point(&polygon);
            e.p_enu = [at[0], at[1], ground.z_at(at)];
            e.footprint = Some(polygon);
        }
    }
    e.base_z_m = e.p_enu[2];
    e.height_m = f.number(&["height_m", "height"]).filter(|h| (0.0..1000.0).contains(h)).unwrap_or(0.0);
    e.class = f.text(&["class", "category", "kind", "species", "cover"]);
    if kind == EntityKind::Grid {
        // The code of the jurisdiction goes with the grid's own number behind it.
        let full = f.text(&["full_code"]);
        e.code = if full.is_empty() { code } else { full };
    } else {
        e.code = code;
    }
    if e.name.is_empty() {
        let word = if e.class.is_empty() { kind.zh().to_owned() } else { e.class.clone() };
        e.name = if e.code.is_empty() { word } else { format!("{word} {}", e.code) };
    }
    let used = ["code", "name", "class", "height_m"];
    e.attributes =
        f.fields.iter().filter(|(k, _)| !used.contains(&k.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect();
    Ok(e)
}

/// What an entity stands in: what its delivery names, else what contains it, else the community.
fn parent(entities: &Entities, kind: EntityKind, f: &Feature, e: &Entity, community: EntityId) -> EntityId {
    let at = [e.p_enu[0], e.p_enu[1]];
    let by_grid = || {
        let code = f.text(&["grid"]);
        let named = (!code.is_empty()).then(|| entities.by_key(EntityKind::Grid, &code)).flatten();
        named.or_else(|| entities.containing(EntityKind::Grid, at))
    };
    let by_estate = || {
        let name = f.text(&["estate"]);
        (!name.is_empty()).then(|| entities.named(EntityKind::Estate, &name)).flatten()
    };
    let found = match kind {
        EntityKind::Grid | EntityKind::Road | EntityKind::Water | EntityKind::Embankment | EntityKind::Pipe => None,
        EntityKind::Estate | EntityKind::Component | EntityKind::Tree => by_grid(),
        EntityKind::Gate | EntityKind::Manhole | EntityKind::Green => by_estate().or_else(by_grid),
        EntityKind::Poi => {
            let code = f.text(&["building"]);
            let named = (!code.is_empty()).then(|| entities.by_key(EntityKind::Building, &code)).flatten();
            named.or_else(|| entities.containing(EntityKind::Building, at)).or_else(by_grid)
        }
        _ => by_grid(),
    };
    found.unwrap_or(community)
}

/// The parent of a building.
pub(crate) fn parent_of_building(entities: &Entities, estate: &str, at: [f64; 2], community: EntityId) -> EntityId {
    let named = (!estate.is_empty())
        .then(|| entities.named(EntityKind::Estate, estate).or_else(|| entities.by_key(EntityKind::Estate, estate)))
        .flatten();
    named
        .or_else(|| entities.containing(EntityKind::Estate, at))
        .or_else(|| entities.containing(EntityKind::Grid, at))
        .unwrap_or(community)
}

/// The centre when it is inside, else the vertex mean of the longest inner chord at mid-height.
pub(crate) fn label_point(polygon: &Polygon) -> [f64; 2] {
    let Some(centre) = polygon.centre() else { return [0.0; 2] };
    if polygon.contains(centre) {
        return centre;
    }
    let mut xs: Vec<f64> = Vec::new();
    for ring in &polygon.0 {
        for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
            if (a[1] > centre[1]) != (b[1] > centre[1]) {
                xs.push(a[0] + (centre[1] - a[1]) * (b[0] - a[0]) / (b[1] - a[1]));
            }
        }
    }
    xs.sort_by(f64::total_cmp);
    let widest = xs.chunks_exact(2).max_by(|a, b| (a[1] - a[0]).total_cmp(&(b[1] - b[0])));
    widest.map_or(centre, |c| [f64::midpoint(c[0], c[1]), centre[1]])
}

/// The point half way along a line.
fn halfway(line: &[[f64; 2]]) -> [f64; 2] {
    let length = |w: &[[f64; 2]]| (w[1][0] - w[0][0]).hypot(w[1][1] - w[0][1]);
    let mut left = line.windows(2).map(length).sum::<f64>() / 2.0;
    for w in line.windows(2) {
        let l = length(w);
        if left <= l && l > 0.0 {
            let t = left / l;
            return [w[0][0] + t * (w[1][0] - w[0][0]), w[0][1] + t * (w[1][1] - w[0][1])];
        }
        left -= l;
    }
    line.first().copied().unwrap_or_default()
}

#[derive(Deserialize)]
struct AddressRow {
    code: String,
    parent_code: String,
    kind: String,
    name: String,
    #[serde(default)]
    building_id: String,
    storey: Option<i32>,
    unit: Option<u32>,
}

/// Units, storeys and households of `addresses.csv`.
pub(crate) fn add_addresses(entities: &mut Entities, path: &Path, blocks: &[Block], log: &mut FileLog) -> Result<()> {
    let by_building: BTreeMap<EntityId, &Block> = blocks.iter().map(|b| (b.entity, b)).collect();
    for (line, row) in read_csv::<AddressRow>(path, log)? {
        let here = format!("line {line} ({})", row.code);
        let kind = match row.kind.as_str() {
            "unit" => EntityKind::Unit,
            "storey" => EntityKind::Storey,
            "household" => EntityKind::Household,
            "room" => EntityKind::Room,
            other => {
                log.skip(here, format!("kind {other:?}: must be unit, storey, household or room"));
                continue;
            }
        };
        let Some(parent) = entities.by_code(&row.parent_code) else {
            log.skip(here, format!("parent_code {:?} is not known", row.parent_code));
            continue;
        };
        let building = match row.building_id.as_str() {
            "" => None,
            id => {
                let found = entities.by_key(EntityKind::Building, id);
                if found.is_none() {
                    log.skip(here, format!("building_id {id:?} is not known"));
                    continue;
                }
                found
            }
        };
        let mut e = Entities::blank(kind, row.name, row.code.clone());
        e.code = row.code;
        e.parent = Some(parent);
        if let Some(block) = building.and_then(|b| by_building.get(&b)) {
            e.p_enu = block.inside(row.storey.filter(|_| kind != EntityKind::Unit), row.unit);
            e.base_z_m = e.p_enu[2] - 1.2;
            e.height_m = if kind == EntityKind::Unit { block.height_m } else { block.storey_m() };
        } else if let Some(up) = entities.get(parent) {
            e.p_enu = up.p_enu;
        }
        for (name, value) in [("storey", row.storey.map(f64::from)), ("unit", row.unit.map(f64::from))] {
            if let Some(v) = value {
                e.attributes.insert(name.into(), AttrValue::Number(v));
            }
        }
        entities.add(e);
        log.read();
    }
    Ok(())
}

/// Rows of a CSV file (UTF-8 or GBK) with their lines; rows that do not parse become report lines.
pub(crate) fn read_csv<T: serde::de::DeserializeOwned>(path: &Path, log: &mut FileLog) -> Result<Vec<(u64, T)>> {
    let bytes = std::fs::read(path).map_err(ImportError::io(path))?;
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => std::borrow::Cow::Borrowed(text),
        Err(_) => encoding_rs::GB18030.decode(&bytes).0,
    };
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|e| ImportError::delivery(path, e))?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let line = |e: &csv::Error| e.position().map_or(0, csv::Position::line);
        match record {
            Ok(record) => {
                let at = record.position().map_or(0, csv::Position::line);
                match record.deserialize::<T>(Some(&headers)) {
                    Ok(row) => rows.push((at, row)),
                    Err(e) => log.skip(format!("line {at}"), e),
                }
            }
            Err(e) => log.skip(format!("line {}", line(&e)), e),
        }
    }
    Ok(rows)
}
