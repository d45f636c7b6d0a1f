//! Frames of a run as NetCDF after the CF conventions 1.8, classic format with 64-bit offsets.

use crate::RunError;
use crate::domain::Domain;
use netcdf3::{DataSet, FileWriter, InvalidDataSet, Version, WriteError};
use std::cell::RefCell;
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use twin_model::TimeMs;

/// Value of cells without water, for velocities (the default of the NetCDF library for floats).
const FILL: f32 = 9.969_21e36;

/// Layout and attributes of a file.
pub struct Definition {
    data_set: DataSet,
    x_m: Vec<f64>,
    y_m: Vec<f64>,
    times_s: Vec<f64>,
}

/// What goes into the header.
pub struct Header<'a> {
    /// Title: the scenario's name.
    pub title: &'a str,
    /// What computed it.
    pub source: &'a str,
    /// Instant of second 0.
    pub started_from: TimeMs,
    /// Second of every frame.
    pub times_s: Vec<f64>,
    /// Well-known text of the plane system; may be empty.
    pub wkt: &'a str,
}

impl Definition {
    /// Lays out depth and velocity over time, y (south to north) and x.
    ///
    /// # Errors
    /// [`RunError::NetCdf`] naming `path` when the library refuses the layout.
    pub fn new(domain: &Domain, header: Header<'_>, path: &Path) -> Result<Self, RunError> {
        let spec = &domain.spec;
        let centres = |from: f64, n: u32| (0..n).map(|k| from + (f64::from(k) + 0.5) * spec.dx_m).collect();
        let (x_m, y_m): (Vec<f64>, Vec<f64>) = (centres(spec.x0, spec.nx), centres(spec.y0, spec.ny));
        let data_set = data_set(&header, spec.epsg, [header.times_s.len(), y_m.len(), x_m.len()]);
        let data_set = data_set.map_err(|e| refused(path, format!("{e:?}")))?;
        Ok(Self { data_set, x_m, y_m, times_s: header.times_s })
    }
}

fn refused(path: &Path, message: String) -> RunError {
    RunError::NetCdf { path: path.to_owned(), message }
}

fn data_set(header: &Header<'_>, epsg: u32, [times, rows, columns]: [usize; 3]) -> Result<DataSet, InvalidDataSet> {
    let mut d = DataSet::new();
    d.add_global_attr_string("Conventions", "CF-1.8")?;
    d.add_global_attr_string("title", header.title)?;
    d.add_global_attr_string("source", header.source)?;
    d.add_global_attr_string("comment", "Simulated values.")?;
    d.set_unlimited_dim("time", times)?;
    d.add_fixed_dim("y", rows)?;
    d.add_fixed_dim("x", columns)?;
    d.add_var_f64("time", &["time"])?;
    d.add_var_f64("y", &["y"])?;
    d.add_var_f64("x", &["x"])?;
    d.add_var_i32::<&str>("crs", &[])?;
    let attributes = [
        ("time", "standard_name", "time"),
        ("time", "calendar", "standard"),
        ("time", "axis", "T"),
        ("y", "standard_name", "projection_y_coordinate"),
        ("y", "units", "m"),
        ("y", "axis", "Y"),
        ("x", "standard_name", "projection_x_coordinate"),
        ("x", "units", "m"),
        ("x", "axis", "X"),
    ];
    for (variable, name, value) in attributes {
        d.add_var_attr_string(variable, name, value)?;
    }
    d.add_var_attr_string("time", "units", format!("seconds since {}", iso(header.started_from)))?;
    grid_mapping(&mut d, epsg, header.wkt)?;
    for (name, units, long_name) in [
        ("depth", "m", "depth of water over the ground"),
        ("velocity_x", "m s-1", "depth-averaged velocity of water towards grid east"),
        ("velocity_y", "m s-1", "depth-averaged velocity of water towards grid north"),
    ] {
        d.add_var_f32(name, &["time", "y", "x"])?;
        d.add_var_attr_string(name, "units", units)?;
        d.add_var_attr_string(name, "long_name", long_name)?;
        d.add_var_attr_string(name, "grid_mapping", "crs")?;
        d.add_var_attr_f32(name, "_FillValue", vec![FILL])?;
    }
    d.add_var_attr_string("depth", "standard_name", "flood_water_thickness")?;
    Ok(d)
}

/// `YYYY-MM-DD HH:MM:SS` UTC; fractions of a second are in no gauge's time.
fn iso(at: TimeMs) -> String {
    let (y, mo, d, h, m, s) = at.civil(0);
    format!("{y:04}-{mo:02}-{d:02} {h:02}:{m:02}:{s:02}")
}

/// The grid mapping variable (CF appendix F): parameters for transverse Mercator, which all Gauss–Krüger zones and UTM
/// are, and the well-known text for every system.
fn grid_mapping(d: &mut DataSet, epsg: u32, wkt: &str) -> Result<(), InvalidDataSet> {
    d.add_var_attr_string("crs", "epsg_code", format!("EPSG:{epsg}"))?;
    if wkt.is_empty() {
        return Ok(());
    }
    // CF wants WKT 2 under its own name; GDAL reads WKT 1 from `spatial_ref`.
    let is_wkt2 = wkt.trim_start().starts_with("PROJCRS") || wkt.trim_start().starts_with("COMPOUNDCRS");
    d.add_var_attr_string("crs", if is_wkt2 { "crs_wkt" } else { "spatial_ref" }, wkt)?;
    if wkt.contains("Transverse_Mercator") || wkt.contains("Transverse Mercator") {
        d.add_var_attr_string("crs", "grid_mapping_name", "transverse_mercator")?;
        for (cf, names) in [
            ("latitude_of_projection_origin", ["latitude_of_origin", "Latitude of natural origin"]),
            ("longitude_of_central_meridian", ["central_meridian", "Longitude of natural origin"]),
            ("scale_factor_at_central_meridian", ["scale_factor", "Scale factor at natural origin"]),
            ("false_easting", ["false_easting", "False easting"]),
            ("false_northing", ["false_northing", "False northing"]),
        ] {
            if let Some(value) = names.iter().find_map(|name| parameter(wkt, name)) {
                d.add_var_attr_f64("crs", cf, vec![value])?;
            }
        }
        if let Some([a, rf]) = ellipsoid(wkt) {
            d.add_var_attr_f64("crs", "semi_major_axis", vec![a])?;
            d.add_var_attr_f64("crs", "inverse_flattening", vec![rf])?;
        }
    }
    Ok(())
}

/// The number after `PARAMETER["name",`.
fn parameter(wkt: &str, name: &str) -> Option<f64> {
    let start = wkt.find(&format!("PARAMETER[\"{name}\","))?;
    number_after_comma(wkt.get(start..)?)
}

fn number_after_comma(text: &str) -> Option<f64> {
    let rest = text.get(text.find(',')? + 1..)?;
    let end = rest.find([',', ']'])?;
    rest.get(..end)?.trim().parse().ok()
}

/// Semi-major axis, m, and inverse flattening.
fn ellipsoid(wkt: &str) -> Option<[f64; 2]> {
    let start = wkt.find("SPHEROID[").or_else(|| wkt.find("ELLIPSOID["))?;
    let rest = wkt.get(start..)?;
    let a = number_after_comma(rest)?;
    let rf = number_after_comma(rest.get(rest.find(',')? + 1..)?)?;
    Some([a, rf])
}

/// Writes frames one after the other under a temporary name; the file appears when it is complete.
pub struct Writer<'a> {
    file: FileWriter<'a>,
    output: Output,
    path: PathBuf,
    partial: PathBuf,
}

impl<'a> Writer<'a> {
    /// Creates the file with its coordinates.
    ///
    /// # Errors
    /// [`RunError::Io`] or [`RunError::NetCdf`] naming the file.
    pub fn create(definition: &'a Definition, path: &Path, partial: &Path) -> Result<Self, RunError> {
        let io = |source| RunError::Io { path: path.to_owned(), source };
        let file = File::create(partial).map_err(io)?;
        let output = Output(Rc::new(RefCell::new(BufWriter::with_capacity(1 << 20, file))));
        let write = |e: WriteError| refused(path, format!("{e:?}"));
        let mut file = FileWriter::open_seek_write("frames.nc", Box::new(output.clone())).map_err(write)?;
        file.set_def(&definition.data_set, Version::Offset64Bit, 0).map_err(write)?;
        file.write_var_f64("x", &definition.x_m).map_err(write)?;
        file.write_var_f64("y", &definition.y_m).map_err(write)?;
        file.write_var_i32("crs", &[0]).map_err(write)?;
        for (frame, t_s) in definition.times_s.iter().enumerate() {
            file.write_record_f64("time", frame, &[*t_s]).map_err(write)?;
        }
        Ok(Self { file, output, path: path.to_owned(), partial: partial.to_owned() })
    }

    /// Writes one frame: depth (m) and velocity (m/s) of every cell, south row first. Dry cells have no velocity.
    ///
    /// # Errors
    /// [`RunError::NetCdf`] naming the file.
    pub fn frame(&mut self, frame: usize, depth_m: &[f32], u_mps: &[f32], v_mps: &[f32]) -> Result<(), RunError> {
        let wet = |velocity: &[f32]| -> Vec<f32> {
            velocity.iter().zip(depth_m).map(|(v, h)| if *h > 0.0 { *v } else { FILL }).collect()
        };
        for (name, values) in [("depth", depth_m.to_vec()), ("velocity_x", wet(u_mps)), ("velocity_y", wet(v_mps))] {
            let done = self.file.write_record_f32(name, frame, &values);
            done.map_err(|e| refused(&self.path, format!("{e:?}")))?;
        }
        Ok(())
    }

    /// Completes the file.
    ///
    /// # Errors
    /// [`RunError::Io`] or [`RunError::NetCdf`] naming the file.
    pub fn finish(self) -> Result<(), RunError> {
        let Self { file, mut output, path, partial } = self;
        // Every record has been written, so there is nothing for the library to fill in; what is left is in the buffer.
        drop(file);
        let done = output.flush().and_then(|()| std::fs::rename(&partial, &path));
        done.map_err(|source| RunError::Io { path, source })
    }
}

/// The file, kept in hand so that an error of the last write is seen: the library drops its output without flushing it.
#[derive(Clone)]
struct Output(Rc<RefCell<BufWriter<File>>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.borrow_mut().flush()
    }
}

impl Seek for Output {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.0.borrow_mut().seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::tests::domain_of;

    const WKT: &str = "PROJCS[\"CGCS2000 / 3-degree Gauss-Kruger CM 114E\",GEOGCS[\"CGCS2000\",DATUM[\"China_2000\",\
        SPHEROID[\"CGCS2000\",6378137,298.257222101]],PRIMEM[\"Greenwich\",0]],PROJECTION[\"Transverse_Mercator\"],\
        PARAMETER[\"latitude_of_origin\",0],PARAMETER[\"central_meridian\",114],PARAMETER[\"scale_factor\",1],\
        PARAMETER[\"false_easting\",500000],PARAMETER[\"false_northing\",0],UNIT[\"metre\",1]]";

    #[test]
    fn frames_read_back_with_their_axes() {
        let dir = tempfile::tempdir().unwrap();
        let (path, partial) = (dir.path().join("frames.nc"), dir.path().join("frames.nc.partial"));
        let domain = domain_of(4, 3, 2.0, |_, _| 0.0);
        let started_from = TimeMs(1_709_251_199_000);
        let header = Header { title: "试算", source: "test", started_from, times_s: vec![0.0, 60.0], wkt: WKT };
        let definition = Definition::new(&domain, header, &path).unwrap();
        let mut writer = Writer::create(&definition, &path, &partial).unwrap();
        let depth: Vec<f32> = (0..12).map(|k| k as f32 * 0.1).collect();
        writer.frame(0, &[0.0; 12], &[0.0; 12], &[0.0; 12]).unwrap();
        writer.frame(1, &depth, &[1.5; 12], &[-0.5; 12]).unwrap();
        assert!(!path.exists());
        writer.finish().unwrap();
        assert!(!partial.exists());
        let mut file = netcdf3::FileReader::open(&path).unwrap();
        let set = file.data_set();
        let text = |variable: &str, name: &str| set.get_var_attr_as_string(variable, name).unwrap();
        assert_eq!(text("time", "units"), "seconds since 2024-02-29 23:59:59");
        assert_eq!(text("crs", "grid_mapping_name"), "transverse_mercator");
        assert_eq!(set.get_var_attr_f64("crs", "longitude_of_central_meridian").unwrap(), [114.0]);
        assert_eq!(set.get_var_attr_f64("crs", "inverse_flattening").unwrap(), [298.257222101]);
        assert_eq!(file.read_var_f64("time").unwrap(), [0.0, 60.0]);
        assert_eq!(file.read_var_f32("depth").unwrap()[12..], depth[..]);
        let u = file.read_var_f32("velocity_x").unwrap();
        assert_eq!((u[0], u[12], u[13]), (FILL, FILL, 1.5));
        let x = file.read_var_f64("x").unwrap();
        assert!((x[0] - domain.spec.x0 - 1.0).abs() < 1e-9 && (x[1] - x[0] - 2.0).abs() < 1e-9);
    }
}
