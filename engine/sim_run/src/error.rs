//! What can go wrong between a scenario and its result.

use std::path::PathBuf;

/// A run that cannot be done. Each reads as one clear line.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A scenario value outside its range.
    #[error(transparent)]
    Scenario(#[from] twin_model::ScenarioError),
    /// The scenario file is not valid TOML of a scenario.
    #[error("{}: {message}", file.display())]
    ScenarioFile {
        /// The file.
        file: PathBuf,
        /// What the parser said, on one line.
        message: String,
    },
    /// The pack cannot be read.
    #[error(transparent)]
    Pack(#[from] community_pack::PackError),
    /// Coordinates cannot be transformed.
    #[error(transparent)]
    Frame(#[from] geo_frame::FrameError),
    /// The kernel refused its input or stopped.
    #[error(transparent)]
    Flood(#[from] sim_flood::FloodError),
    /// The pack has no terrain to compute on.
    #[error("the pack {community:?} has no terrain: import a DEM to run floods")]
    NoTerrain {
        /// Community id.
        community: String,
    },
    /// The grid would be too large or empty.
    #[error("cell_m = {cell_m} gives {nx} x {ny} cells: choose a cell size that gives 1..{max} cells")]
    GridSize {
        /// Requested cell size, m.
        cell_m: f64,
        /// Cells west to east.
        nx: usize,
        /// Cells south to north.
        ny: usize,
        /// Greatest number of cells.
        max: usize,
    },
    /// The scenario starts from live values, but none is fresh.
    #[error("no fresh {what}: {found}; state a constant in the scenario, or wait for the gauge")]
    NoFreshGauge {
        /// What was looked for.
        what: &'static str,
        /// What there is instead.
        found: String,
    },
    /// The live state file is malformed.
    #[error("{}: {message}", file.display())]
    LiveFile {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The folder cannot be written.
    #[error("{}: {source}", path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// A result raster cannot be encoded.
    #[error("{}: {source}", path.display())]
    Tiff {
        /// File.
        path: PathBuf,
        /// Cause.
        source: tiff::TiffError,
    },
    /// A NetCDF file cannot be written.
    #[error("{}: {message}", path.display())]
    NetCdf {
        /// File.
        path: PathBuf,
        /// What the library said.
        message: String,
    },
    /// A Parquet file cannot be encoded.
    #[error("{}: {source}", path.display())]
    Parquet {
        /// File.
        path: PathBuf,
        /// Cause.
        source: parquet::errors::ParquetError,
    },
    /// The saved state to continue from is damaged or belongs to another run.
    #[error("{}: {message}", file.display())]
    State {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The scenario continues a run, but no state was given.
    #[error("the scenario continues run {run} at {at_s} s: give its state.bin (--from-state)")]
    NoState {
        /// The run to continue.
        run: twin_model::RunId,
        /// Its second.
        at_s: u32,
    },
    /// An option outside its range.
    #[error("{name} = {value}: must be {allowed}")]
    Option {
        /// The option.
        name: &'static str,
        /// Its value as text.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// An intervention that has no place on the grid.
    #[error("{what} ({east_m}, {north_m} m east and north of the origin)")]
    Place {
        /// What and why.
        what: String,
        /// Metres east.
        east_m: f64,
        /// Metres north.
        north_m: f64,
    },
    /// A correction was asked for, but nothing can be corrected.
    #[error("nothing to correct by observations: {0}")]
    NothingToCorrect(String),
}
