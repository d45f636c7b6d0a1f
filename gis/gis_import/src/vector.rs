//! Vector deliveries through GDAL: Shapefile, GeoPackage, GeoJSON, OSM and whatever else it opens.

use crate::error::{ImportError, Result};
use crate::log::FileLog;
use crate::place::Place;
use gdal::spatial_ref::SpatialRef;
use gdal::vector::{Geometry, LayerAccess, OGRwkbGeometryType, geometry_type_flatten};
use gdal::{Dataset, DatasetOptions, GdalOpenFlags};
use geo_frame::Projector;
use std::collections::BTreeMap;
use std::path::Path;
use twin_model::AttrValue;

/// Geometry in the delivery's system, x east or longitude first.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    Point([f64; 2]),
    Line(Vec<[f64; 2]>),
    /// Outer ring, then holes; not closed.
    Polygon(Vec<Vec<[f64; 2]>>),
}

/// One feature.
#[derive(Debug, Clone)]
pub(crate) struct Feature {
    /// For the report: row number or id.
    pub row: String,
    pub shape: Shape,
    pub fields: BTreeMap<String, AttrValue>,
}

impl Feature {
    /// The first of several fields that has text.
    pub fn text(&self, names: &[&str]) -> String {
        let found = names.iter().find_map(|n| self.field(n));
        found.map(ToString::to_string).unwrap_or_default().trim().to_owned()
    }

    /// The first of several fields that is a number, also when it is written as text.
    pub fn number(&self, names: &[&str]) -> Option<f64> {
        names.iter().find_map(|n| match self.field(n)? {
            AttrValue::Number(v) => Some(*v),
            AttrValue::Text(t) => leading_number(t),
            AttrValue::Bool(_) => None,
        })
    }

    fn field(&self, name: &str) -> Option<&AttrValue> {
        let exact = self.fields.get(name);
        let found = exact.or_else(|| self.fields.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| v));
        found.filter(|v| !matches!(v, AttrValue::Text(t) if t.trim().is_empty()))
    }
}

/// "12.5 m" → 12.5.
fn leading_number(text: &str) -> Option<f64> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))).unwrap_or(text.len());
    text.get(..end)?.parse().ok().filter(|v: &f64| v.is_finite())
}

/// A layer's features and where they lie.
pub(crate) struct Features {
    pub projector: Projector,
    pub list: Vec<Feature>,
}

/// Reads one layer of a file (the only one when `layer` is `None`).
pub(crate) fn read(
    path: &Path,
    layer: Option<&str>,
    crs: Option<&str>,
    place: &Place,
    log: &mut FileLog,
) -> Result<Features> {
    let dataset = open(path)?;
    let e = |e: gdal::errors::GdalError| ImportError::delivery(path, e);
    let names: Vec<String> = dataset.layers().map(|l| l.name()).collect();
    let mut layer = match layer {
        Some(name) if !names.iter().any(|n| n == name) => {
            let text = format!("has no layer {name:?} (it has {})", names.join(", "));
            return Err(ImportError::delivery(path, text));
        }
        Some(name) => dataset.layer_by_name(name).map_err(e)?,
        None if names.len() == 1 => dataset.layer(0).map_err(e)?,
        None => {
            let text = format!("has {} layers: set layer = one of {}", names.len(), names.join(", "));
            return Err(ImportError::delivery(path, text));
        }
    };
    let srs: Option<SpatialRef> = layer.spatial_ref();
    let is_shape = path.extension().is_some_and(|x| x.eq_ignore_ascii_case("shp"));
    let hint = if is_shape { " (no .prj file beside it)" } else { "" };
    let projector = place.of(path, crs, srs.as_ref(), hint)?;
    let list = features(&mut layer, log);
    Ok(Features { projector, list })
}

fn open(path: &Path) -> Result<Dataset> {
    if !path.exists() {
        return Err(ImportError::delivery(path, "there is no such file"));
    }
    // Without .cpg, GDAL takes a .dbf for Latin-1; Chinese deliveries often are GBK.
    let options: &[&str] = if is_gbk_without_cpg(path) { &["ENCODING=GBK"] } else { &[] };
    let flags = GdalOpenFlags::GDAL_OF_VECTOR | GdalOpenFlags::GDAL_OF_READONLY | GdalOpenFlags::GDAL_OF_VERBOSE_ERROR;
    let settings = DatasetOptions { open_flags: flags, open_options: Some(options), ..Default::default() };
    Dataset::open_ex(path, settings).map_err(|e| ImportError::delivery(path, e))
}

fn is_gbk_without_cpg(path: &Path) -> bool {
    if !path.extension().is_some_and(|x| x.eq_ignore_ascii_case("shp")) || path.with_extension("cpg").exists() {
        return false;
    }
    let Ok(bytes) = std::fs::read(path.with_extension("dbf")) else { return false };
    let start = bytes.get(8..10).and_then(|b| b.try_into().ok()).map_or(32, |b| usize::from(u16::from_le_bytes(b)));
    let rows = bytes.get(start..).unwrap_or_default();
    // Field widths cut characters in two, so bad bytes cannot decide against GBK; UTF-8 is strict enough to decide.
    std::str::from_utf8(rows).is_err_and(|e| e.valid_up_to() + 64 < rows.len())
        && !encoding_rs::GBK.decode_without_bom_handling(rows).0.is_ascii()
}

fn features(layer: &mut gdal::vector::Layer<'_>, log: &mut FileLog) -> Vec<Feature> {
    let names: Vec<String> = layer.defn().fields().map(|f| f.name()).collect();
    let mut list = Vec::new();
    for (row, feature) in layer.features().enumerate() {
        let row = feature.fid().map_or_else(|| format!("row {row}"), |fid| format!("row {fid}"));
        let Some(geometry) = feature.geometry() else {
            log.skip(&row, "has no geometry");
            continue;
        };
        let fields: BTreeMap<String, AttrValue> =
            names.iter().enumerate().filter_map(|(i, n)| Some((n.clone(), value(&feature, i)?))).collect();
        let mut parts = Vec::new();
        collect(geometry, &mut parts);
        let finite = parts.len();
        parts.retain(is_sound);
        if parts.is_empty() {
            let reason =
                if finite == 0 { "has an empty geometry" } else { "has coordinates that are not finite, or too few" };
            log.skip(&row, reason);
            continue;
        }
        log.read();
        for (k, shape) in parts.into_iter().enumerate() {
            let row = if k == 0 { row.clone() } else { format!("{row} part {}", k + 1) };
            list.push(Feature { row, shape, fields: fields.clone() });
        }
    }
    list
}

fn value(feature: &gdal::vector::Feature<'_>, index: usize) -> Option<AttrValue> {
    use gdal::vector::FieldValue as V;
    match feature.field(index).ok()?? {
        V::IntegerValue(v) => Some(AttrValue::Number(f64::from(v))),
        V::Integer64Value(v) => Some(AttrValue::Number(v as f64)),
        V::RealValue(v) => Some(AttrValue::Number(v)),
        V::StringValue(v) => Some(AttrValue::Text(v)),
        V::StringListValue(v) => Some(AttrValue::Text(v.join(", "))),
        _ => feature.field_as_string(index).ok().flatten().map(AttrValue::Text),
    }
}

fn is_sound(shape: &Shape) -> bool {
    let finite = |p: &[f64; 2]| p.iter().all(|v| v.is_finite());
    match shape {
        Shape::Point(p) => finite(p),
        Shape::Line(l) => l.len() >= 2 && l.iter().all(finite),
        Shape::Polygon(rings) => rings.first().is_some_and(|r| r.len() >= 3) && rings.iter().flatten().all(finite),
    }
}

/// Simple parts of a geometry; curves and surfaces of other kinds are left out.
fn collect(g: &Geometry, out: &mut Vec<Shape>) {
    let points = |g: &Geometry| {
        let mut list = Vec::new();
        g.get_points(&mut list);
        list.into_iter().map(|(x, y, _)| [x, y]).collect::<Vec<_>>()
    };
    match geometry_type_flatten(g.geometry_type()) {
        OGRwkbGeometryType::wkbPoint => out.extend(points(g).first().map(|p| Shape::Point(*p))),
        OGRwkbGeometryType::wkbLineString => out.push(Shape::Line(points(g))),
        OGRwkbGeometryType::wkbPolygon => {
            let rings = (0..g.geometry_count()).map(|i| open_ring(points(&g.get_geometry(i))));
            out.push(Shape::Polygon(rings.filter(|r| r.len() >= 3).collect()));
        }
        _ => (0..g.geometry_count()).for_each(|i| collect(&g.get_geometry(i), out)),
    }
}

/// Drops the closing point and points that repeat.
pub(crate) fn open_ring(mut ring: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    ring.dedup();
    while ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    }
    ring
}

/// OSM's other_tags: `"key"=>"value","key"=>"value"`.
pub(crate) fn hstore(text: &str) -> BTreeMap<String, String> {
    let pairs = text.trim_matches('"').split("\",\"");
    pairs.filter_map(|p| p.split_once("\"=>\"")).map(|(k, v)| (k.to_owned(), v.replace("\\\"", "\""))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_numbers() {
        let tags = hstore("\"building:levels\"=>\"4\",\"addr:street\"=>\"Leopoldstraße\"");
        assert_eq!(tags["building:levels"], "4");
        assert_eq!(tags["addr:street"], "Leopoldstraße");
        assert_eq!(leading_number(" 12.5 m"), Some(12.5));
        assert_eq!(leading_number("unknown"), None);
        assert_eq!(open_ring(vec![[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]).len(), 3);
    }
}
