//! Live deliveries: devices, their bindings to topics, cameras.

mod cameras;
mod devices;
mod types;

use std::path::Path;

pub use cameras::cameras;
pub use devices::{Device, devices};

use crate::error::GenError;
use crate::plan::{CRS, CommunityPlan, DIVISION, crs_xy};
use crate::tables::{write_csv, write_text};

fn number(v: f64) -> String {
    format!("{v:.3}")
}

/// Writes the five files of the live folder; gives the number of devices and cameras.
pub fn write(plan: &CommunityPlan, folder: &Path) -> Result<(usize, usize), GenError> {
    let devices = devices(plan);
    let rows = devices.iter().map(|d| {
        let [x, y] = crs_xy(d.at);
        let interval = types::class(d.class).map_or(60, |c| c.interval_s);
        vec![
            d.code.clone(),
            d.class.to_owned(),
            d.name.clone(),
            number(x),
            number(y),
            number(d.z),
            CRS.to_owned(),
            d.on_code.clone(),
            d.storey.map_or_else(String::new, |s| s.to_string()),
            interval.to_string(),
        ]
    });
    let header = ["device_code", "class", "name", "x", "y", "z", "crs", "on_code", "storey", "interval_s"];
    write_csv(&folder.join("devices.csv"), &header, rows)?;
    write_bindings(plan, &devices, &folder.join("bindings.csv"))?;
    let cameras = cameras(plan);
    let rows = cameras.iter().map(|c| {
        let [x, y] = crs_xy(c.at);
        vec![
            c.code.clone(),
            c.name.clone(),
            number(x),
            number(y),
            number(c.z),
            format!("{:.1}", c.heading_deg),
            format!("{:.1}", c.pitch_deg),
            format!("{:.1}", c.hfov_deg),
            format!("{:.0}", c.range_m),
            c.status.to_owned(),
        ]
    });
    let header = ["code", "name", "x", "y", "z", "heading_deg", "pitch_deg", "hfov_deg", "range_m", "status"];
    write_csv(&folder.join("cameras.csv"), &header, rows)?;
    let path = folder.join("device_types.toml");
    let toml = types::toml().map_err(|e| GenError::Encode { path: path.clone(), reason: e.to_string() })?;
    write_text(&path, &toml)?;
    write_text(&folder.join("rules.toml"), types::RULES)?;
    Ok((devices.len(), cameras.len()))
}

fn write_bindings(plan: &CommunityPlan, devices: &[Device], path: &Path) -> Result<(), GenError> {
    let mut rows = Vec::new();
    for d in devices {
        let Some(class) = types::class(d.class) else { continue };
        let grid = &plan.grids[d.grid].code;
        let topic = format!("cim/v1/{DIVISION}/{grid}/{}/{}/up/telemetry", class.key, d.code);
        for key in class.properties {
            let Some(p) = types::PROPERTIES.iter().find(|p| p.0 == *key) else { continue };
            rows.push(vec![
                topic.clone(),
                d.code.clone(),
                (*key).to_owned(),
                p.2.to_owned(),
                format!("m.{key}"),
                class.interval_s.to_string(),
                p.3.to_string(),
                p.4.to_string(),
            ]);
        }
    }
    let header =
        ["topic", "device_code", "property", "unit", "payload_path", "expected_interval_s", "range_min", "range_max"];
    write_csv(path, &header, rows)
}
