//! Why a file did not come.

use crate::credentials::AccessRefused;

/// A failed fetch. Each text names what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// There is no such file.
    #[error("{0}: not found")]
    NotFound(String),
    /// The server has accounts and did not let this viewer.
    #[error("{url}: {refused}")]
    Access {
        /// What was asked for.
        url: String,
        /// Not known, or not permitted.
        refused: AccessRefused,
    },
    /// The server answered with an error.
    #[error("{url}: HTTP {status}: {text}")]
    Status {
        /// What was asked for.
        url: String,
        /// HTTP status.
        status: u16,
        /// First line of the answer.
        text: String,
    },
    /// No answer.
    #[error("{url}: {reason}")]
    Network {
        /// What was asked for.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The file could not be read.
    #[error("{path}: {reason}")]
    Io {
        /// File.
        path: String,
        /// What happened.
        reason: String,
    },
    /// The path leaves the pack or cannot be asked for from this source.
    #[error("{0:?} is not a path inside the pack")]
    BadPath(String),
    /// Too many fetches are waiting.
    #[error("{0}: {1} fetches are waiting already")]
    Busy(String, usize),
}
