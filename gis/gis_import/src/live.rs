//! Devices, cameras and bindings.

use crate::entities::Entities;
use crate::error::{ImportError, Result};
use crate::ground::Ground;
use crate::log::{FileLog, Log};
use crate::project::Project;
use crate::spine::read_csv;
use community_pack::{PackFiles, RULES_FILE, parse_device_types, parse_rules};
use geo_frame::{Crs, Projector};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use twin_model::{CameraView, EntityId, EntityKind, PropertyTable};

#[derive(Deserialize)]
struct DeviceIn {
    device_code: String,
    class: String,
    name: String,
    x: f64,
    y: f64,
    z: Option<f64>,
    #[serde(default)]
    crs: String,
    #[serde(default)]
    on_code: String,
    storey: Option<i32>,
    interval_s: Option<f64>,
}

#[derive(Deserialize)]
struct BindingIn {
    topic: String,
    device_code: String,
    property: String,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    payload_path: String,
    expected_interval_s: Option<f64>,
    range_min: Option<f64>,
    range_max: Option<f64>,
}

#[derive(Deserialize)]
struct CameraIn {
    code: String,
    name: String,
    x: f64,
    y: f64,
    z: Option<f64>,
    #[serde(default)]
    crs: String,
    heading_deg: f64,
    pitch_deg: f64,
    hfov_deg: f64,
    range_m: f64,
    #[serde(default)]
    status: String,
}

/// Device and camera entities, and the tables of the pack that name them.
pub(crate) fn import(
    project: &Project,
    out: &Path,
    entities: &mut Entities,
    ground: &Ground<'_>,
    community: EntityId,
    log: &mut Log,
) -> Result<()> {
    let files = PackFiles::default();
    let live = &project.live;
    let open = |log: &mut Log, path: &str, kind: &str| -> Result<(std::path::PathBuf, FileLog)> {
        let full = project.resolve(path)?;
        if !full.is_file() {
            return Err(ImportError::delivery(&full, "there is no such file"));
        }
        let entry = log.file(project.layers.len() + log.report.files.len(), path, kind, &full)?;
        Ok((full, entry))
    };
    let mut properties = PropertyTable::default();
    let mut types = String::new();
    if let Some(path) = &live.types {
        let (full, mut entry) = open(log, path, "device types")?;
        types = std::fs::read_to_string(&full).map_err(ImportError::io(&full))?;
        properties = parse_device_types(&types).map_err(|e| ImportError::delivery(&full, e))?;
        entry.entry.read += (properties.properties.len() + properties.classes.len()) as u64;
        log.close(entry);
    }
    crate::tiles::write(&out.join(&files.device_types), types.as_bytes())?;
    if let Some(path) = &live.rules {
        let (full, mut entry) = open(log, path, "alarm rules")?;
        let text = std::fs::read_to_string(&full).map_err(ImportError::io(&full))?;
        let rules = parse_rules(&text).map_err(|e| ImportError::delivery(&full, e))?;
        entry.entry.read += rules.rule.len() as u64;
        log.close(entry);
        crate::tiles::write(&out.join(RULES_FILE), text.as_bytes())?;
    }
    let mut table = csv::Writer::from_writer(Vec::new());
    row(&mut table, &["device_code", "entity_id", "class", "name", "on_entity"])?;
    if let Some(path) = &live.devices {
        let (full, mut entry) = open(log, path, "devices")?;
        for (line, d) in read_csv::<DeviceIn>(&full, &mut entry)? {
            match device(&d, entities, ground, community, &properties, &mut entry) {
                Ok((id, on)) => {
                    entry.read();
                    let on = on.map_or_else(String::new, |o| o.to_string());
                    row(&mut table, &[&d.device_code, &id.to_string(), &d.class, &d.name, &on])?;
                }
                Err(reason) => entry.skip(format!("line {line} ({})", d.device_code), reason),
            }
        }
        log.close(entry);
    }
    save(table, &out.join(&files.devices))?;
    let mut table = csv::Writer::from_writer(Vec::new());
    row(&mut table, &["code", "entity_id", "name", "heading_deg", "pitch_deg", "hfov_deg", "range_m", "status"])?;
    if let Some(path) = &live.cameras {
        let (full, mut entry) = open(log, path, "cameras")?;
        for (line, c) in read_csv::<CameraIn>(&full, &mut entry)? {
            match camera(&c, entities, ground, community) {
                Ok(id) => {
                    entry.read();
                    let numbers = [c.heading_deg, c.pitch_deg, c.hfov_deg, c.range_m].map(|v| v.to_string());
                    let [h, p, f, r] = &numbers;
                    row(&mut table, &[&c.code, &id.to_string(), &c.name, h, p, f, r, &c.status])?;
                }
                Err(reason) => entry.skip(format!("line {line} ({})", c.code), reason),
            }
        }
        log.close(entry);
    }
    save(table, &out.join(&files.cameras))?;
    let mut table = csv::Writer::from_writer(Vec::new());
    row(
        &mut table,
        &["topic", "entity_id", "property", "unit", "payload_path", "expected_interval_s", "range_min", "range_max"],
    )?;
    if let Some(path) = &live.bindings {
        let (full, mut entry) = open(log, path, "bindings")?;
        for (line, b) in read_csv::<BindingIn>(&full, &mut entry)? {
            match binding(&b, entities, &properties) {
                Ok(id) => {
                    entry.read();
                    let number = |v: Option<f64>| v.map_or_else(String::new, |v| v.to_string());
                    let (interval, lo, hi) = (number(b.expected_interval_s), number(b.range_min), number(b.range_max));
                    row(
                        &mut table,
                        &[&b.topic, &id.to_string(), &b.property, &b.unit, &b.payload_path, &interval, &lo, &hi],
                    )?;
                }
                Err(reason) => entry.skip(format!("line {line} ({})", b.topic), reason),
            }
        }
        log.close(entry);
    }
    save(table, &out.join(&files.bindings))
}

fn row(table: &mut csv::Writer<Vec<u8>>, cells: &[&str]) -> Result<()> {
    table.write_record(cells).map_err(|e| ImportError::delivery(Path::new("csv"), e))
}

fn save(table: csv::Writer<Vec<u8>>, path: &Path) -> Result<()> {
    let bytes = table.into_inner().map_err(|e| ImportError::delivery(path, e.error()))?;
    crate::tiles::write(path, &bytes)
}

/// A point with its own CRS text; without z it stands on the ground.
fn place(ground: &Ground<'_>, crs: &str, p: [f64; 2], z: Option<f64>) -> std::result::Result<[f64; 3], String> {
    let own;
    let projector = if crs.is_empty() {
        &ground.place.projector
    } else {
        own = Projector::new(Crs::from_user(crs).map_err(|e| e.to_string())?, ground.place.enu());
        &own
    };
    let placed = match z {
        Some(z) => projector.enu_from_crs([p[0], p[1], z]),
        None => ground.point(projector, p),
    };
    let placed = placed.map_err(|e| e.to_string())?;
    if placed.iter().any(|v| v.abs() > 100_000.0) {
        return Err(format!("lies {:.0} km from the community", placed[0].hypot(placed[1]) / 1000.0));
    }
    Ok(placed)
}

fn device(
    d: &DeviceIn,
    entities: &mut Entities,
    ground: &Ground<'_>,
    community: EntityId,
    properties: &PropertyTable,
    log: &mut FileLog,
) -> std::result::Result<(EntityId, Option<EntityId>), String> {
    if !properties.classes.is_empty() && !properties.classes.contains_key(&d.class) {
        return Err(format!("class {:?} is not in the device types", d.class));
    }
    let mut e = Entities::blank(EntityKind::Device, d.name.clone(), d.device_code.clone());
    e.p_enu = place(ground, &d.crs, [d.x, d.y], d.z)?;
    e.base_z_m = ground.z_at([e.p_enu[0], e.p_enu[1]]);
    e.code.clone_from(&d.device_code);
    e.class.clone_from(&d.class);
    let named = (!d.on_code.is_empty()).then(|| entities.by_code(&d.on_code));
    if named == Some(None) {
        log.approximate(&d.device_code, format!("on_code {:?} is not known: placed by its coordinates", d.on_code));
    }
    let on = named.flatten().map(|on| on_storey(entities, on, d.storey));
    let at = [e.p_enu[0], e.p_enu[1]];
    e.parent = on.or_else(|| entities.containing(EntityKind::Grid, at)).or(Some(community));
    if let Some(storey) = d.storey {
        e.attributes.insert("storey".into(), twin_model::AttrValue::Number(f64::from(storey)));
    }
    if let Some(interval) = d.interval_s {
        e.attributes.insert("interval_s".into(), twin_model::AttrValue::Number(interval));
    }
    Ok((entities.add(e), on))
}

/// The storey of a building or unit when there is exactly one of that number below it.
fn on_storey(entities: &Entities, on: EntityId, storey: Option<i32>) -> EntityId {
    let Some(storey) = storey else { return on };
    let is_it = |e: &&twin_model::Entity| {
        e.parent == Some(on)
            && matches!(e.attributes.get("storey"), Some(twin_model::AttrValue::Number(n)) if (*n - f64::from(storey)).abs() < 0.5)
    };
    let mut found = entities.of_kind(EntityKind::Storey).filter(is_it);
    match (found.next(), found.next()) {
        (Some(e), None) => e.id,
        _ => on,
    }
}

fn camera(
    c: &CameraIn,
    entities: &mut Entities,
    ground: &Ground<'_>,
    community: EntityId,
) -> std::result::Result<EntityId, String> {
    let range = |name: &str, v: f64, lo: f64, hi: f64| {
        if v > lo && v < hi { Ok(()) } else { Err(format!("{name} = {v}: must be between {lo} and {hi}")) }
    };
    range("pitch_deg", c.pitch_deg, -90.001, 90.001)?;
    range("hfov_deg", c.hfov_deg, 0.0, 180.0)?;
    range("range_m", c.range_m, 0.0, 10_000.0)?;
    range("heading_deg", c.heading_deg, -360.001, 720.001)?;
    let mut e = Entities::blank(EntityKind::Camera, c.name.clone(), c.code.clone());
    e.p_enu = place(ground, &c.crs, [c.x, c.y], c.z)?;
    e.base_z_m = ground.z_at([e.p_enu[0], e.p_enu[1]]);
    e.code.clone_from(&c.code);
    e.camera = Some(CameraView {
        heading_deg: c.heading_deg.rem_euclid(360.0),
        pitch_deg: c.pitch_deg,
        hfov_deg: c.hfov_deg,
        range_m: c.range_m,
    });
    e.attributes = BTreeMap::from([("status".to_owned(), twin_model::AttrValue::Text(c.status.clone()))]);
    e.parent = entities.containing(EntityKind::Grid, [e.p_enu[0], e.p_enu[1]]).or(Some(community));
    Ok(entities.add(e))
}

fn binding(b: &BindingIn, entities: &Entities, properties: &PropertyTable) -> std::result::Result<EntityId, String> {
    let device = entities.by_key(EntityKind::Device, &b.device_code);
    let id = device
        .or_else(|| entities.by_key(EntityKind::Camera, &b.device_code))
        .ok_or_else(|| format!("device_code {:?} is not known", b.device_code))?;
    if properties.id(&b.property).is_none() {
        return Err(format!("property {:?} is not in the device types", b.property));
    }
    Ok(id)
}
