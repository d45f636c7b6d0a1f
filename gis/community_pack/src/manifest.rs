use crate::PackError;
use geo_frame::{EnuFrame, Geodetic};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use twin_model::{CameraPose, Community, LayerId, LayerKind};

/// Value of [`Manifest::format`].
pub const FORMAT: &str = "sandtable-pack";
/// Value of [`Manifest::version`] that this crate writes and reads.
pub const VERSION: u32 = 1;
/// Layer of entities that came from a delivery without tiles of its own (addresses, devices, plain vectors).
pub const NO_LAYER: LayerId = LayerId(u16::MAX);
const FILE: &str = "community.json";

/// `community.json`: what the pack is, where it lies on the earth and which files it has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// Name and jurisdiction.
    pub community: Community,
    /// Where the ENU frame touches the earth.
    pub origin: Origin,
    /// Plane CRS of the deliveries and of the rasters.
    pub crs: PackCrs,
    /// Vertical datum of all heights, e.g. "1985国家高程基准".
    pub vertical_datum: String,
    /// Least and greatest corner of everything in the pack, ENU metres.
    pub bounds_enu: [[f64; 3]; 2],
    /// Tiled layers; the position is the [`LayerId`].
    pub layers: Vec<Layer>,
    /// Elevation for simulation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terrain: Option<TerrainRef>,
    /// The first view.
    pub home: CameraPose,
    /// Names of the tables.
    pub files: PackFiles,
    /// The deliveries that the pack was made from.
    pub provenance: Vec<Provenance>,
    /// Rows of the entity table.
    pub entities: usize,
}

/// Where the ENU frame touches the earth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// Longitude, degrees in [-180, 180], WGS 84 or CGCS2000.
    pub lon_deg: f64,
    /// Latitude, degrees in [-90, 90].
    pub lat_deg: f64,
    /// Height in the pack's vertical datum, metres; ENU z = 0 lies here.
    pub height_m: f64,
}

impl Origin {
    /// The ENU frame at this origin.
    #[must_use]
    pub fn frame(&self) -> EnuFrame {
        EnuFrame::new(Geodetic::new(self.lon_deg, self.lat_deg, self.height_m))
    }
}

/// A plane CRS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackCrs {
    /// EPSG code; 0 when the system has none.
    pub epsg: u32,
    /// WKT 2, or the text that names the system when there is none.
    pub wkt: String,
}

/// A tiled layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Short key, `[a-z0-9_-]+`.
    pub id: String,
    /// Chinese name.
    pub name: String,
    /// English name.
    pub name_en: String,
    /// What it shows; decides the switch that it obeys.
    pub kind: LayerKind,
    /// Path of its `tileset.json`, relative to the pack.
    pub tileset: String,
}

/// Elevation and land cover rasters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TerrainRef {
    /// Path of the Float32 elevation raster.
    pub path: String,
    /// EPSG code of its plane CRS.
    pub epsg: u32,
    /// Manning's n (s/m^(1/3)) by land cover class.
    #[serde(default)]
    pub manning: BTreeMap<String, f64>,
    /// Path of the UInt8 land cover raster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landcover: Option<String>,
}

/// Paths of the tables, relative to the pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackFiles {
    /// Entity table.
    pub entities: String,
    /// Networks and building graph.
    pub graph: String,
    /// Devices.
    pub devices: String,
    /// Topic bindings.
    pub bindings: String,
    /// Cameras.
    pub cameras: String,
    /// Properties and device classes.
    pub device_types: String,
    /// Import report.
    pub report: String,
    /// Building plans; older packs and packs without BIM have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plans: Option<String>,
}

impl Default for PackFiles {
    fn default() -> Self {
        Self {
            entities: "entities.fgb".into(),
            graph: "graph.json".into(),
            devices: "devices.csv".into(),
            bindings: "bindings.csv".into(),
            cameras: "cameras.csv".into(),
            device_types: "device_types.toml".into(),
            report: "report.json".into(),
            plans: None,
        }
    }
}

/// One delivered file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Path as the project file names it.
    pub path: String,
    /// SHA-256 of its bytes, lower-case hex.
    pub sha256: String,
    /// Size in bytes.
    pub bytes: u64,
}

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// Not JSON, another format or version, or a number outside its range.
    pub fn parse(json: &[u8]) -> Result<Self, PackError> {
        let manifest: Self = serde_json::from_slice(json).map_err(|e| PackError::format(FILE, e))?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The manifest as JSON text, keys in a fixed order.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Only map keys that are not strings can fail, and there are none.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    fn check(&self) -> Result<(), PackError> {
        if self.format != FORMAT {
            return Err(PackError::value(FILE, "format", &self.format, FORMAT));
        }
        if self.version != VERSION {
            return Err(PackError::value(FILE, "version", self.version, "1"));
        }
        let range = |id: &str, value: f64, lo: f64, hi: f64| {
            if value >= lo && value <= hi {
                return Ok(());
            }
            Err(PackError::value(FILE, id, value, &format!("{lo}..{hi}")))
        };
        range("origin.lon_deg", self.origin.lon_deg, -180.0, 180.0)?;
        range("origin.lat_deg", self.origin.lat_deg, -90.0, 90.0)?;
        range("origin.height_m", self.origin.height_m, -12_000.0, 9_000.0)?;
        for axis in 0..3 {
            let (lo, hi) = (self.bounds_enu[0][axis], self.bounds_enu[1][axis]);
            let ordered = lo <= hi;
            if !ordered {
                return Err(PackError::value(FILE, "bounds_enu", format!("{lo}..{hi}"), "least <= greatest"));
            }
        }
        let poses = [self.home.eye_enu, self.home.target_enu];
        poses.iter().flatten().try_for_each(|v| range("home", *v, -1e6, 1e6))?;
        let manning = self.terrain.iter().flat_map(|t| &t.manning);
        manning.into_iter().try_for_each(|(class, n)| range(&format!("terrain.manning.{class}"), *n, 0.001, 1.0))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn manifest() -> Manifest {
        Manifest {
            format: FORMAT.into(),
            version: VERSION,
            community: Community {
                id: "liuwan".into(),
                name: "柳湾社区".into(),
                name_en: "Liuwan".into(),
                division: "420199001001".into(),
            },
            origin: Origin { lon_deg: 114.53, lat_deg: 30.36, height_m: 20.0 },
            crs: PackCrs { epsg: 4547, wkt: "EPSG:4547".into() },
            vertical_datum: "1985国家高程基准".into(),
            bounds_enu: [[-600.0, -500.0, 0.0], [600.0, 500.0, 100.0]],
            layers: vec![],
            terrain: None,
            home: CameraPose { eye_enu: [0.0, -500.0, 400.0], target_enu: [0.0; 3] },
            files: PackFiles::default(),
            provenance: vec![],
            entities: 0,
        }
    }

    #[test]
    fn a_manifest_reads_back() {
        let m = manifest();
        assert_eq!(Manifest::parse(m.to_json().as_bytes()).unwrap(), m);
    }

    #[test]
    fn bad_values_are_named() {
        let mut m = manifest();
        m.origin.lat_deg = 91.0;
        let text = Manifest::parse(m.to_json().as_bytes()).unwrap_err().to_string();
        assert_eq!(text, "community.json: origin.lat_deg: 91: must be -90..90");
        let mut m = manifest();
        m.version = 9;
        assert!(Manifest::parse(m.to_json().as_bytes()).is_err());
        assert!(Manifest::parse(b"{").unwrap_err().to_string().starts_with("community.json: "));
    }
}
