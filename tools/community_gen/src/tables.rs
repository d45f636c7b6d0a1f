//! Text deliveries: addresses, points of interest in GCJ-02, trees in WGS 84.

use std::path::Path;

use geo_frame::{Crs, Geodetic, LonLat, china};
use serde_json::{Value, json};

use crate::error::GenError;
use crate::geom::Pt;
use crate::plan::{CommunityPlan, crs_xy};

/// Writes a text file.
pub fn write_text(path: &Path, text: &str) -> Result<(), GenError> {
    std::fs::write(path, text).map_err(|source| GenError::Io { path: path.to_owned(), source })
}

/// Writes rows as CSV.
pub fn write_csv(path: &Path, header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Result<(), GenError> {
    let encode = |e: csv::Error| GenError::Encode { path: path.to_owned(), reason: e.to_string() };
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).map_err(encode)?;
    for row in rows {
        writer.write_record(&row).map_err(encode)?;
    }
    let bytes = writer.into_inner().map_err(|e| GenError::Encode { path: path.to_owned(), reason: e.to_string() })?;
    std::fs::write(path, bytes).map_err(|source| GenError::Io { path: path.to_owned(), source })
}

/// Writes the address spine below the buildings.
pub fn write_addresses(plan: &CommunityPlan, path: &Path) -> Result<(), GenError> {
    let rows = plan.addresses.iter().map(|a| {
        vec![
            a.code.clone(),
            a.parent.clone(),
            a.kind.to_owned(),
            a.name.clone(),
            plan.buildings[a.building].id.clone(),
            if a.kind == "unit" { String::new() } else { a.storey.to_string() },
            if a.unit == 0 { String::new() } else { a.unit.to_string() },
        ]
    });
    write_csv(path, &["code", "parent_code", "kind", "name", "building_id", "storey", "unit"], rows)
}

/// Longitude and latitude of a plan point.
pub fn lon_lat(crs: &Crs, p: Pt) -> Result<LonLat, GenError> {
    let [x, y] = crs_xy(p);
    let position: Geodetic =
        crs.to_geodetic([x, y, 0.0]).map_err(|source| GenError::Frame { what: "a plan point", source })?;
    Ok(position.lon_lat())
}

fn point(p: LonLat) -> Value {
    // 1e-8 degrees are a millimetre
    let r = |v: f64| (v * 1e8).round() / 1e8;
    json!({"type": "Point", "coordinates": [r(p.lon_deg), r(p.lat_deg)]})
}

fn collection(path: &Path, name: &str, note: &str, features: &[Value]) -> Result<(), GenError> {
    let rows: Vec<String> = features.iter().map(Value::to_string).collect();
    let text = format!(
        "{{\"type\":\"FeatureCollection\",\"name\":{},\"crs_note\":{},\"features\":[\n{}\n]}}\n",
        json!(name),
        json!(note),
        rows.join(",\n")
    );
    write_text(path, &text)
}

/// Writes the points of interest, shifted as internet map services deliver them.
pub fn write_pois(plan: &CommunityPlan, crs: &Crs, path: &Path) -> Result<(), GenError> {
    let mut features = Vec::new();
    for (i, poi) in plan.pois.iter().enumerate() {
        let at = china::gcj02_from_wgs84(lon_lat(crs, poi.at)?);
        features.push(json!({
            "type": "Feature",
            "properties": {
                "code": format!("POI{:04}", i + 1),
                "name": poi.name,
                "category": poi.category,
                "building": poi.building.map_or("", |b| plan.buildings[b].id.as_str()),
                "crs_note": "GCJ-02",
            },
            "geometry": point(at),
        }));
    }
    collection(path, "poi", "coordinates are GCJ-02, not WGS 84", &features)
}

/// Writes the trees.
pub fn write_trees(plan: &CommunityPlan, crs: &Crs, path: &Path) -> Result<(), GenError> {
    let mut features = Vec::new();
    let tenth = |v: f64| (v * 10.0).round() / 10.0;
    for (i, tree) in plan.trees.iter().enumerate() {
        features.push(json!({
            "type": "Feature",
            "properties": {
                "code": format!("TR{:05}", i + 1),
                "species": tree.species,
                "height_m": tenth(tree.height_m),
                "crown_m": tenth(tree.crown_m * 2.0),
            },
            "geometry": point(lon_lat(crs, tree.at)?),
        }));
    }
    collection(path, "trees", "WGS 84", &features)
}
