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
    /// The tables of the grid cases cannot be used.
    #[error("{path}: {source}")]
    CaseTables {
        /// Folder.
        path: PathBuf,
        /// What is wrong with them.
        source: Box<sync_core::cases::TablesError>,
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
        "{what} address {addr} can be reached from other machines and there are no {missing} in {data_dir}: \
         use a loopback address, or first {remedy}"
    )]
    NotLoopback {
        /// HTTP or MQTT.
        what: &'static str,
        /// The address.
        addr: SocketAddr,
        /// What there has to be first.
        missing: &'static str,
        /// The data folder.
        data_dir: PathBuf,
        /// How it is made.
        remedy: String,
    },
    /// The address can be reached by other machines, and that was not asked for.
    #[error("{what} address {addr} can be reached from other machines: say --allow-remote if that is meant")]
    NotAllowed {
        /// HTTP or MQTT.
        what: &'static str,
        /// The address.
        addr: SocketAddr,
    },
    /// Accounts or their trace cannot be used.
    #[error(transparent)]
    Access(#[from] crate::access::AccessError),
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
