use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why an import stopped. Bad single objects never stop one; they are lines of the report.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The project file says something impossible.
    #[error("{}: {reason}", path.display())]
    Project {
        /// Project file.
        path: PathBuf,
        /// What is wrong, with key, value and what is allowed.
        reason: String,
    },
    /// A delivery cannot be used.
    #[error("{}: {reason}", path.display())]
    Delivery {
        /// The delivered file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A delivery does not say in which coordinate system it is.
    #[error("{}: no coordinate reference system{hint}: set crs = \"EPSG:...\" in this [[layer]] of the project file", path.display())]
    NoCrs {
        /// The delivered file.
        path: PathBuf,
        /// Where it would have been, e.g. " (no .prj beside it)".
        hint: &'static str,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A part of the pack could not be made.
    #[error("pack: {0}")]
    Pack(#[from] community_pack::PackError),
    /// A frame could not be set up.
    #[error("{what}: {source}")]
    Frame {
        /// What was to be placed.
        what: String,
        /// Why not.
        source: geo_frame::FrameError,
    },
    /// The output folder is in use.
    #[error("{}: exists and is not a community pack: choose another --out", .0.display())]
    Occupied(PathBuf),
    /// The user stopped it; nothing is left at the output path.
    #[error("cancelled")]
    Cancelled,
}

impl ImportError {
    pub(crate) fn delivery(path: &Path, reason: impl ToString) -> Self {
        Self::Delivery { path: path.to_owned(), reason: reason.to_string() }
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

pub(crate) type Result<T> = std::result::Result<T, ImportError>;
