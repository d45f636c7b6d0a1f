//! A thin layer over GDAL's vector writers.

use std::path::{Path, PathBuf};

use gdal::spatial_ref::SpatialRef;
use gdal::vector::{Feature, FieldDefn, Geometry, LayerAccess as _, LayerOptions, OGRFieldType, OGRwkbGeometryType};
use gdal::{Dataset, DriverManager};

use crate::error::GenError;
use crate::geom::Pt;
use crate::plan::crs_xy;

/// A field's value.
pub enum Value {
    /// Text.
    Text(String),
    /// Whole number.
    Int(i32),
    /// Number.
    Real(f64),
}

impl From<&str> for Value {
    fn from(v: &str) -> Self {
        Self::Text(v.to_owned())
    }
}

impl From<String> for Value {
    fn from(v: String) -> Self {
        Self::Text(v)
    }
}

impl From<u32> for Value {
    fn from(v: u32) -> Self {
        Self::Int(v as i32)
    }
}

impl From<f64> for Value {
    fn from(v: f64) -> Self {
        Self::Real(v)
    }
}

/// A shape in plan metres.
pub enum Shape<'a> {
    /// Point.
    Point(Pt),
    /// Polyline.
    Line(&'a [Pt]),
    /// Polygon without holes.
    Polygon(&'a [Pt]),
}

/// Name, kind and width of a field.
pub type Field = (&'static str, char, i32);

/// A vector file in the making.
pub struct VectorFile {
    dataset: Dataset,
    srs: SpatialRef,
    path: PathBuf,
}

/// A layer to be written.
pub struct LayerSpec<'a> {
    /// Layer name.
    pub name: &'a str,
    /// 'p' points, 'l' lines, 'a' polygons.
    pub kind: char,
    /// Fields: name, 's' text, 'i' whole number, 'r' number, width.
    pub fields: &'a [Field],
    /// Driver options.
    pub options: &'a [&'a str],
}

impl VectorFile {
    /// Creates an empty file.
    pub fn create(driver: &str, path: &Path) -> Result<Self, GenError> {
        let e = |source| GenError::Gdal { path: path.to_owned(), source };
        let dataset = DriverManager::get_driver_by_name(driver).and_then(|d| d.create_vector_only(path)).map_err(e)?;
        let mut srs = SpatialRef::from_epsg(4547).map_err(e)?;
        srs.set_axis_mapping_strategy(gdal::spatial_ref::AxisMappingStrategy::TraditionalGisOrder);
        Ok(Self { dataset, srs, path: path.to_owned() })
    }

    /// Writes one layer.
    pub fn layer<'s>(
        &mut self,
        spec: &LayerSpec<'_>,
        rows: impl IntoIterator<Item = (Shape<'s>, Vec<Value>)>,
    ) -> Result<(), GenError> {
        let path = self.path.clone();
        let e = |source| GenError::Gdal { path: path.clone(), source };
        let ty = match spec.kind {
            'p' => OGRwkbGeometryType::wkbPoint,
            'l' => OGRwkbGeometryType::wkbLineString,
            _ => OGRwkbGeometryType::wkbPolygon,
        };
        let options = LayerOptions { name: spec.name, srs: Some(&self.srs), ty, options: Some(spec.options) };
        let layer = self.dataset.create_layer(options).map_err(e)?;
        for (name, kind, width) in spec.fields {
            let field_type = match kind {
                's' => OGRFieldType::OFTString,
                'i' => OGRFieldType::OFTInteger,
                _ => OGRFieldType::OFTReal,
            };
            let field = FieldDefn::new(name, field_type).map_err(e)?;
            field.set_width(*width);
            if *kind == 'r' {
                field.set_precision(3);
            }
            field.add_to_layer(&layer).map_err(e)?;
        }
        for (shape, values) in rows {
            let mut feature = Feature::new(layer.defn()).map_err(e)?;
            feature.set_geometry(geometry(&shape).map_err(e)?).map_err(e)?;
            for (i, value) in values.iter().enumerate() {
                match value {
                    Value::Text(v) => feature.set_field_string(i, v),
                    Value::Int(v) => feature.set_field_integer(i, *v),
                    Value::Real(v) => feature.set_field_double(i, (*v * 1000.0).round() / 1000.0),
                }
                .map_err(e)?;
            }
            feature.create(&layer).map_err(e)?;
        }
        Ok(())
    }

    /// Flushes and closes.
    pub fn close(self) -> Result<(), GenError> {
        let path = self.path;
        self.dataset.close().map_err(|source| GenError::Gdal { path, source })
    }
}

/// Millimetres are more than any survey gives.
fn rounded(p: Pt) -> (f64, f64) {
    let [x, y] = crs_xy(p);
    ((x * 1000.0).round() / 1000.0, (y * 1000.0).round() / 1000.0)
}

fn geometry(shape: &Shape<'_>) -> Result<Geometry, gdal::errors::GdalError> {
    match shape {
        Shape::Point(p) => {
            let mut g = Geometry::empty(OGRwkbGeometryType::wkbPoint)?;
            g.set_point_2d(0, rounded(*p));
            Ok(g)
        }
        Shape::Line(line) => {
            let mut g = Geometry::empty(OGRwkbGeometryType::wkbLineString)?;
            line.iter().for_each(|p| g.add_point_2d(rounded(*p)));
            Ok(g)
        }
        Shape::Polygon(ring) => {
            let mut outer = Geometry::empty(OGRwkbGeometryType::wkbLinearRing)?;
            ring.iter().chain(ring.first()).for_each(|p| outer.add_point_2d(rounded(*p)));
            let mut g = Geometry::empty(OGRwkbGeometryType::wkbPolygon)?;
            g.add_geometry(outer)?;
            Ok(g)
        }
    }
}
