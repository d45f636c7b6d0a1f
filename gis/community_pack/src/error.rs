use thiserror::Error;
use twin_model::{ModelError, PropertyTableError};

/// Why a part of a pack was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PackError {
    /// The bytes are not what the file should hold.
    #[error("{file}: {reason}")]
    Format {
        /// File, relative to the pack.
        file: String,
        /// What is wrong, in one line.
        reason: String,
    },
    /// A value outside its range.
    #[error("{file}: {id}: {value}: must be {allowed}")]
    Value {
        /// File, relative to the pack.
        file: String,
        /// Row, key or field that holds the value.
        id: String,
        /// The value as text.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// The file could not be read or written.
    #[error("{file}: {source}")]
    Io {
        /// File.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The entity table contradicts itself.
    #[error("entities.fgb: {0}")]
    Model(#[from] ModelError),
    /// The device types contradict themselves.
    #[error("device_types.toml: {0}")]
    Properties(#[from] PropertyTableError),
}

impl PackError {
    pub(crate) fn format(file: &str, reason: impl ToString) -> Self {
        Self::Format { file: file.to_owned(), reason: reason.to_string() }
    }

    pub(crate) fn value(file: &str, id: impl ToString, value: impl ToString, allowed: &str) -> Self {
        Self::Value { file: file.to_owned(), id: id.to_string(), value: value.to_string(), allowed: allowed.to_owned() }
    }
}

/// A row that was left out, because the rest is still of use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackWarning {
    /// File, relative to the pack.
    pub file: String,
    /// Line in the file, from 1 (the header is line 1).
    pub line: u64,
    /// What is wrong.
    pub reason: String,
}

impl std::fmt::Display for PackWarning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.reason)
    }
}
