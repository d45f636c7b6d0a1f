//! Files of a run folder.

use crate::RunError;
use crate::geotiff;
use community_pack::run_folder;
use std::fs;
use std::path::{Path, PathBuf};
use twin_model::GridSpec;

/// Which files a run writes beside the frames, the greatest depth and the summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exports {
    /// `outcomes.csv` and `roads.csv`.
    pub csv: bool,
    /// `outcomes.parquet`.
    pub parquet: bool,
    /// GeoTIFFs of depth × speed, hazard class, first wetting and speed.
    pub geotiff: bool,
    /// `depth_00000.tif` …: the depth of every frame as GeoTIFF.
    pub frame_geotiffs: bool,
    /// `frames.nc`: depth and velocity of every frame.
    pub netcdf: bool,
    /// Velocity frames for viewers.
    pub velocity: bool,
    /// `state.bin` of the end.
    pub state: bool,
    /// A state at every frame.
    pub frame_states: bool,
}

impl Default for Exports {
    fn default() -> Self {
        let off = Self::none();
        Self { csv: true, geotiff: true, state: true, ..off }
    }
}

impl Exports {
    /// Nothing beside frames, greatest depth and summary.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            csv: false,
            parquet: false,
            geotiff: false,
            frame_geotiffs: false,
            netcdf: false,
            velocity: false,
            state: false,
            frame_states: false,
        }
    }

    /// Everything but a state at every frame.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            csv: true,
            parquet: true,
            geotiff: true,
            frame_geotiffs: true,
            netcdf: true,
            velocity: true,
            state: true,
            frame_states: false,
        }
    }
}

/// Writes into a run folder; a file appears under its name only when it is complete.
pub struct RunFolder {
    dir: PathBuf,
}

impl RunFolder {
    /// Creates the folder; it must not hold another run.
    pub fn create(dir: &Path) -> Result<Self, RunError> {
        let io = |source| RunError::Io { path: dir.to_owned(), source };
        fs::create_dir_all(dir).map_err(io)?;
        if dir.join(run_folder::GRID).exists() {
            return Err(io(std::io::Error::new(std::io::ErrorKind::AlreadyExists, "the folder already holds a run")));
        }
        Ok(Self { dir: dir.to_owned() })
    }

    /// Path of a file.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Path of a file while it is being written.
    pub fn partial(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.partial"))
    }

    /// Writes a file whole: to a temporary name first, then renamed.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), RunError> {
        let (path, partial) = (self.path(name), self.partial(name));
        let io = |source| RunError::Io { path: path.clone(), source };
        fs::write(&partial, bytes).map_err(io)?;
        fs::rename(&partial, &path).map_err(io)
    }

    /// Writes values as JSON for people to read.
    pub fn write_json<T: serde::Serialize>(&self, name: &str, value: &T) -> Result<(), RunError> {
        let json = serde_json::to_vec_pretty(value);
        let json = json.map_err(|e| RunError::Io { path: self.path(name), source: e.into() })?;
        self.write(name, &json)
    }

    /// Writes values as a Float32 GeoTIFF, south row first; values that are not finite and blocked cells have none.
    pub fn write_geotiff(&self, name: &str, spec: &GridSpec, values: &[f32], blocked: &[bool]) -> Result<(), RunError> {
        let clean = |(v, blocked): (&f32, &bool)| if *blocked || !v.is_finite() { geotiff::NO_DATA } else { *v };
        let values: Vec<f32> = values.iter().zip(blocked).map(clean).collect();
        let tiff = |source| RunError::Tiff { path: self.path(name), source };
        self.write(name, &geotiff::encode_f32(spec, &values).map_err(tiff)?)
    }

    /// Writes classes as a UInt8 GeoTIFF, south row first; 0 = none.
    pub fn write_classes(&self, name: &str, spec: &GridSpec, classes: &[u8]) -> Result<(), RunError> {
        let tiff = |source| RunError::Tiff { path: self.path(name), source };
        self.write(name, &geotiff::encode_u8(spec, classes).map_err(tiff)?)
    }

    /// Takes away a file that was not completed.
    pub fn abandon(&self, name: &str) {
        // When it cannot be removed, its name still says that it is not complete.
        fs::remove_file(self.partial(name)).unwrap_or_default();
    }
}
