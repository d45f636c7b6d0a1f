use std::path::PathBuf;

use thiserror::Error;

/// Why a delivery could not be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GenError {
    /// A file or folder could not be written.
    #[error("cannot write {path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// GDAL refused a raster or vector delivery.
    #[error("GDAL cannot write {path}: {source}")]
    Gdal {
        /// The file.
        path: PathBuf,
        /// What GDAL said.
        source: gdal::errors::GdalError,
    },
    /// A coordinate could not be transformed.
    #[error("cannot place {what}: {source}")]
    Frame {
        /// Which delivery.
        what: &'static str,
        /// What the frame said.
        source: geo_frame::FrameError,
    },
    /// A delivery could not be encoded.
    #[error("cannot encode {path}: {reason}")]
    Encode {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The plan of this seed breaks one of its own rules.
    #[error("seed {seed} gives no usable plan: {reason}")]
    Plan {
        /// The seed.
        seed: u64,
        /// Which rule.
        reason: String,
    },
}
