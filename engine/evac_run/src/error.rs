//! What can go wrong between a scenario file and its run folder.

use std::path::PathBuf;
use thiserror::Error;

/// A run that cannot be done. Each reads as one clear line.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EvacRunError {
    /// The scenario file is not the TOML of an evacuation.
    #[error("{}: {message}", file.display())]
    ScenarioFile {
        /// The file.
        file: PathBuf,
        /// What the parser said, on one line.
        message: String,
    },
    /// The scenario, the plan or a kernel refused.
    #[error(transparent)]
    Evac(#[from] sim_evac::EvacError),
    /// The pack cannot be read.
    #[error(transparent)]
    Pack(#[from] community_pack::PackError),
    /// The IFC file cannot be read.
    #[error("{}: {message}", file.display())]
    Ifc {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A flood run folder that cannot be used.
    #[error("flood {}: {message}", at.display())]
    Flood {
        /// The folder or a file of it.
        at: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// No plan of that name, or none at all.
    #[error("building = {wanted}: must be {allowed}")]
    Building {
        /// What the scenario says.
        wanted: String,
        /// What there is.
        allowed: String,
    },
    /// A file or folder cannot be read or written.
    #[error("{}: {cause}", path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// Cause.
        cause: std::io::Error,
    },
    /// The trajectories cannot be written.
    #[error("{}: {cause}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Cause.
        cause: rusqlite::Error,
    },
    /// A table cannot be written.
    #[error("{}: {cause}", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// Cause.
        cause: csv::Error,
    },
}
