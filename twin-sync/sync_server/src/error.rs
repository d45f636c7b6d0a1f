//! Why the server did not start or stopped.

use std::net::SocketAddr;
use std::path::PathBuf;

/// A server that cannot serve. Each text is one line naming the file or address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The pack is not readable.
    #[error("pack {dir}: {source}")]
    Pack {
        /// Folder.
        dir: PathBuf,
        /// What is wrong with it.
        source: community_pack::PackError,
    },
    /// A rule of the pack cannot run.
    #[error("pack {dir}: {error}")]
    Rules {
        /// Folder.
        dir: PathBuf,
        /// Rule, field or column, and reason.
        error: sync_core::RuleError,
    },
    /// The address can be reached by other machines.
    #[error(
        "{what} address {addr} can be reached from other machines and there are no accounts yet: \
         use a loopback address, or --allow-remote on a network you trust"
    )]
    NotLoopback {
        /// HTTP or MQTT.
        what: &'static str,
        /// The address.
        addr: SocketAddr,
    },
    /// The port is taken or not permitted.
    #[error("{what} address {addr}: {source}")]
    Listen {
        /// HTTP or MQTT.
        what: &'static str,
        /// The address.
        addr: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another server uses the data folder.
    #[error("data folder {0} is in use by another server")]
    Locked(PathBuf),
    /// The data folder cannot be used.
    #[error("{path}: {source}")]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The database cannot be used.
    #[error("{path}: {reason}")]
    Store {
        /// Database file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The log could not be written while serving; what was not written was not acknowledged.
    #[error("the log could not be written: {0}")]
    FailStop(String),
}
