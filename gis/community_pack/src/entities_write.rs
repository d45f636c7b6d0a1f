use crate::{Origin, PackError};
use flatgeobuf::{ColumnType, FgbCrs, FgbWriter, FgbWriterOptions, GeometryType};
use geo_frame::EnuFrame;
use geozero::{ColumnValue, GeomProcessor, GeozeroGeometry, PropertyProcessor};
use std::io::Write;
use twin_model::Entity;

pub(crate) const FILE: &str = "entities.fgb";

/// The columns, in file order.
pub(crate) const COLUMNS: [(&str, ColumnType); 17] = [
    ("id", ColumnType::UInt),
    ("kind", ColumnType::String),
    ("name", ColumnType::String),
    ("code", ColumnType::String),
    ("class", ColumnType::String),
    ("parent", ColumnType::Long),
    ("px", ColumnType::Double),
    ("py", ColumnType::Double),
    ("pz", ColumnType::Double),
    ("height_m", ColumnType::Double),
    ("base_z_m", ColumnType::Double),
    ("camera", ColumnType::String),
    ("attributes", ColumnType::String),
    ("line", ColumnType::String),
    ("layer", ColumnType::UInt),
    ("key", ColumnType::String),
    ("footprint", ColumnType::String),
];

/// Writes the entity table as FlatGeobuf, rows in the given order, without a spatial index (it would reorder them).
/// Geometry is the footprint, else the line, else the position, in longitude and latitude; positions, footprints and
/// lines in ENU metres are columns, so that nothing is lost by reprojection.
///
/// # Errors
/// A number that is not finite, or a writer that fails.
pub fn write_entities(entities: &[Entity], origin: &Origin, out: impl Write) -> Result<(), PackError> {
    let options = FgbWriterOptions {
        write_index: false,
        detect_type: false,
        promote_to_multi: false,
        crs: FgbCrs { org: Some("EPSG"), code: 4326, ..Default::default() },
        ..Default::default()
    };
    let mut writer = FgbWriter::create_with_options("entities", GeometryType::Unknown, options)
        .map_err(|e| PackError::format(FILE, e))?;
    for (name, column_type) in &COLUMNS {
        writer.add_column(name, *column_type, |_, _| {});
    }
    let frame = origin.frame();
    for entity in entities {
        check_finite(entity)?;
        let cells = cells(entity).map_err(|e| PackError::format(FILE, format!("entity {}: {e}", entity.id)))?;
        let mut failed = None;
        writer
            .add_feature_geom(Shape { entity, frame: &frame }, |feature| {
                for (i, (value, column)) in cells.iter().zip(&COLUMNS).enumerate() {
                    let Some(value) = value else { continue };
                    failed = feature.property(i, column.0, &value.as_column()).err().or(failed.take());
                }
            })
            .map_err(|e| PackError::format(FILE, format!("entity {}: {e}", entity.id)))?;
        if let Some(e) = failed {
            return Err(PackError::format(FILE, format!("entity {}: {e}", entity.id)));
        }
    }
    writer.write(out).map_err(|e| PackError::format(FILE, e))
}

fn check_finite(entity: &Entity) -> Result<(), PackError> {
    let scalars = entity.p_enu.into_iter().chain([entity.height_m, entity.base_z_m]);
    let rings = entity.footprint.iter().flat_map(|f| &f.0).flatten().chain(&entity.line);
    let mut all = scalars.chain(rings.flatten().copied());
    match all.find(|v| !v.is_finite()) {
        None => Ok(()),
        Some(v) => Err(PackError::value(FILE, format!("entity {} ({})", entity.id, entity.name), v, "finite metres")),
    }
}

enum Cell<'a> {
    UInt(u32),
    Long(i64),
    Double(f64),
    Str(&'a str),
    Json(String),
}

impl Cell<'_> {
    fn as_column(&self) -> ColumnValue<'_> {
        match self {
            Cell::UInt(v) => ColumnValue::UInt(*v),
            Cell::Long(v) => ColumnValue::Long(*v),
            Cell::Double(v) => ColumnValue::Double(*v),
            Cell::Str(v) => ColumnValue::String(v),
            Cell::Json(v) => ColumnValue::String(v),
        }
    }
}

fn cells(e: &Entity) -> Result<Vec<Option<Cell<'_>>>, serde_json::Error> {
    let non_empty = |s| (!str::is_empty(s)).then_some(Cell::Str(s));
    Ok(vec![
        Some(Cell::UInt(e.id.0)),
        Some(Cell::Str(e.kind.tag())),
        non_empty(&e.name),
        non_empty(&e.code),
        non_empty(&e.class),
        Some(Cell::Long(e.parent.map_or(-1, |p| i64::from(p.0)))),
        Some(Cell::Double(e.p_enu[0])),
        Some(Cell::Double(e.p_enu[1])),
        Some(Cell::Double(e.p_enu[2])),
        Some(Cell::Double(e.height_m)),
        Some(Cell::Double(e.base_z_m)),
        e.camera.as_ref().map(serde_json::to_string).transpose()?.map(Cell::Json),
        (!e.attributes.is_empty()).then(|| serde_json::to_string(&e.attributes)).transpose()?.map(Cell::Json),
        (!e.line.is_empty()).then(|| serde_json::to_string(&e.line)).transpose()?.map(Cell::Json),
        Some(Cell::UInt(u32::from(e.source.layer.0))),
        non_empty(&e.source.key),
        e.footprint.as_ref().map(serde_json::to_string).transpose()?.map(Cell::Json),
    ])
}

/// The map geometry of an entity.
struct Shape<'a> {
    entity: &'a Entity,
    frame: &'a EnuFrame,
}

impl Shape<'_> {
    fn put<P: GeomProcessor>(&self, p: [f64; 2], i: usize, out: &mut P) -> geozero::error::Result<()> {
        let g = self.frame.geodetic_from_enu([p[0], p[1], self.entity.base_z_m]);
        out.xy(g.lon_deg, g.lat_deg, i)
    }

    fn ring<P: GeomProcessor>(&self, ring: &[[f64; 2]], i: usize, out: &mut P) -> geozero::error::Result<()> {
        out.linestring_begin(false, ring.len() + 1, i)?;
        for (k, p) in ring.iter().chain(ring.first()).enumerate() {
            self.put(*p, k, out)?;
        }
        out.linestring_end(false, i)
    }
}

impl GeozeroGeometry for Shape<'_> {
    fn process_geom<P: GeomProcessor>(&self, out: &mut P) -> geozero::error::Result<()> {
        let e = self.entity;
        if let Some(polygon) = e.footprint.as_ref().filter(|f| f.0.first().is_some_and(|r| r.len() >= 3)) {
            out.polygon_begin(true, polygon.0.len(), 0)?;
            for (i, ring) in polygon.0.iter().enumerate() {
                self.ring(ring, i, out)?;
            }
            return out.polygon_end(true, 0);
        }
        if e.line.len() >= 2 {
            out.linestring_begin(true, e.line.len(), 0)?;
            for (i, p) in e.line.iter().enumerate() {
                self.put(*p, i, out)?;
            }
            return out.linestring_end(true, 0);
        }
        out.point_begin(0)?;
        self.put([e.p_enu[0], e.p_enu[1]], 0, out)?;
        out.point_end(0)
    }
}
