//! The one public entry.

use std::path::{Path, PathBuf};

use geo_frame::Crs;

use crate::error::GenError;
use crate::plan::CommunityPlan;
use crate::{ifc, layout, live, oblique, paint, project, raster, tables, vector};

/// What to generate.
#[derive(Debug, Clone)]
pub struct GenerateOptions {
    /// Seed of the plan; the same seed gives the same bytes.
    pub seed: u64,
    /// Folder of the deliveries; made if it is missing, files in it are replaced.
    pub out: PathBuf,
    /// Whether to write the oblique mesh, by far the largest delivery.
    pub oblique: bool,
}

impl GenerateOptions {
    /// Everything, for one seed.
    pub fn new(seed: u64, out: impl Into<PathBuf>) -> Self {
        Self { seed, out: out.into(), oblique: true }
    }
}

/// What was generated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GenerateReport {
    /// The import project file.
    pub project: PathBuf,
    /// Buildings.
    pub buildings: usize,
    /// Households.
    pub households: usize,
    /// Grids (网格).
    pub grids: usize,
    /// Trees.
    pub trees: usize,
    /// Components (部件).
    pub components: usize,
    /// Manholes of all nets.
    pub manholes: usize,
    /// Devices.
    pub devices: usize,
    /// Cameras.
    pub cameras: usize,
    /// Entities of the IFC file.
    pub ifc_entities: usize,
    /// Files of the oblique mesh.
    pub oblique_files: usize,
}

/// Writes all deliveries of a community; `progress` hears what is being written and the fraction done, 0..1.
///
/// # Errors
/// A file that cannot be written, or a seed without a usable plan.
pub fn generate(opts: &GenerateOptions, progress: &mut dyn FnMut(&str, f32)) -> Result<GenerateReport, GenError> {
    progress("plan", 0.0);
    let plan = layout::plan(opts.seed)?;
    let out = &opts.out;
    for folder in ["dem", "vector", "bim", "live"] {
        make_folder(&out.join(folder))?;
    }
    let mut report = counts(&plan);
    progress("dem", 0.05);
    raster::write_dem(&plan, &fresh(&out.join("dem/dem_1m.tif"))?)?;
    progress("ortho", 0.1);
    let picture = paint::ortho(&plan);
    raster::write_ortho(&picture, &fresh(&out.join("dem/ortho.tif"))?)?;
    progress("vector", 0.3);
    write_vectors(&plan, out)?;
    progress("live", 0.38);
    (report.devices, report.cameras) = live::write(&plan, &out.join("live"))?;
    progress("bim", 0.4);
    report.ifc_entities = ifc::write(&plan, &out.join("bim/tower_01.ifc"))?;
    if opts.oblique {
        report.oblique_files =
            oblique::write(&plan, &picture, &out.join("oblique"), &mut |f| progress("oblique", 0.45 + 0.54 * f))?;
    }
    report.project = out.join("project.toml");
    project::write(&plan, opts.oblique, &report.project)?;
    progress("done", 1.0);
    Ok(report)
}

fn counts(plan: &CommunityPlan) -> GenerateReport {
    GenerateReport {
        buildings: plan.buildings.len(),
        households: plan.addresses.iter().filter(|a| a.kind == "household").count(),
        grids: plan.grids.len(),
        trees: plan.trees.len(),
        components: plan.components.len(),
        manholes: plan.drainage.manholes.len(),
        ..GenerateReport::default()
    }
}

fn write_vectors(plan: &CommunityPlan, out: &Path) -> Result<(), GenError> {
    for part in ["shx", "dbf", "prj", "cpg"] {
        fresh(&out.join("vector/buildings").with_extension(part))?;
    }
    vector::write_buildings(plan, &fresh(&out.join("vector/buildings.shp"))?)?;
    let package = fresh(&out.join("vector/community.gpkg"))?;
    with_fixed_date(out, || vector::write_geopackage(plan, &package))?;
    tables::write_addresses(plan, &out.join("vector/addresses.csv"))?;
    let crs =
        Crs::from_user(crate::plan::CRS).map_err(|source| GenError::Frame { what: "the plan's system", source })?;
    tables::write_pois(plan, &crs, &out.join("vector/poi_gcj02.geojson"))?;
    tables::write_trees(plan, &crs, &out.join("vector/trees.geojson"))
}

/// GDAL writes the date of the day into GeoPackages unless told otherwise, here for this thread only.
fn with_fixed_date(out: &Path, write: impl FnOnce() -> Result<(), GenError>) -> Result<(), GenError> {
    const KEY: &str = "OGR_CURRENT_DATE";
    let e = |source| GenError::Gdal { path: out.to_owned(), source };
    gdal::config::set_thread_local_config_option(KEY, "2026-01-01T00:00:00.000Z").map_err(e)?;
    let written = write();
    gdal::config::clear_thread_local_config_option(KEY).map_err(e)?;
    written
}

fn make_folder(path: &Path) -> Result<(), GenError> {
    std::fs::create_dir_all(path).map_err(|source| GenError::Io { path: path.to_owned(), source })
}

/// GDAL updates files that are already there; start from none.
fn fresh(path: &Path) -> Result<PathBuf, GenError> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(path.to_owned()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(path.to_owned()),
        Err(source) => Err(GenError::Io { path: path.to_owned(), source }),
    }
}
