//! From the systems of the deliveries to the community's frame.

use crate::error::{ImportError, Result};
use crate::project::Project;
use community_pack::{Origin, PackCrs};
use gdal::spatial_ref::{AxisMappingStrategy, SpatialRef};
use geo_frame::{Crs, EnuFrame, Projector};
use std::path::Path;

/// Where the community lies.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// From the community's plane CRS.
    pub projector: Projector,
    pub origin: Origin,
    pub crs: PackCrs,
}

impl Place {
    pub fn new(project: &Project) -> Result<Self> {
        let text = &project.community.crs;
        let crs = Crs::from_user(text).map_err(|e| project.bad(format!("community.crs = {text:?}: {e}")))?;
        let at =
            crs.to_geodetic(project.community.origin).map_err(|e| project.bad(format!("community.origin: {e}")))?;
        let epsg = crs.epsg().unwrap_or(0);
        let wkt = if epsg == 0 { None } else { SpatialRef::from_epsg(epsg).and_then(|s| s.to_wkt()).ok() };
        Ok(Self {
            origin: Origin { lon_deg: at.lon_deg, lat_deg: at.lat_deg, height_m: at.height_m },
            projector: Projector::new(crs, EnuFrame::new(at)),
            crs: PackCrs { epsg, wkt: wkt.unwrap_or_else(|| text.clone()) },
        })
    }

    pub fn enu(&self) -> EnuFrame {
        self.projector.enu
    }

    /// The matrix that a tileset's root carries.
    pub fn root_transform(&self) -> [f64; 16] {
        self.projector.enu.ecef_from_enu_matrix()
    }

    /// The projector of a delivery: the `crs` key wins over what the file says.
    pub fn of(
        &self,
        path: &Path,
        key: Option<&str>,
        file: Option<&SpatialRef>,
        hint: &'static str,
    ) -> Result<Projector> {
        let crs = match (key, file) {
            (Some(text), _) => {
                Crs::from_user(text).map_err(|e| ImportError::delivery(path, format!("crs = {text:?}: {e}")))?
            }
            (None, Some(srs)) => crs_of(path, srs)?,
            (None, None) => return Err(ImportError::NoCrs { path: path.to_owned(), hint }),
        };
        Ok(Projector::new(crs, self.projector.enu))
    }
}

/// GDAL's system as ours: by EPSG code when it has one that we know, else by its proj string.
fn crs_of(path: &Path, srs: &SpatialRef) -> Result<Crs> {
    let mut srs = srs.clone();
    srs.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
    if srs.auth_code().is_err() {
        // A .prj file names no code; PROJ finds it by comparison. Failing to is no error.
        drop(srs.auto_identify_epsg());
    }
    if srs.auth_name().as_deref() == Some("EPSG") {
        let code = srs.auth_code().ok().and_then(|c| u32::try_from(c).ok());
        if let Some(crs) = code.and_then(|c| Crs::from_epsg(c).ok()) {
            return Ok(crs);
        }
    }
    let proj = srs.to_proj4().map_err(|e| ImportError::delivery(path, format!("coordinate reference system: {e}")))?;
    Crs::from_proj(&proj).map_err(|e| ImportError::delivery(path, format!("coordinate reference system: {e}")))
}
