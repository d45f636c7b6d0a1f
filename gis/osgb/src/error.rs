//! The one error type of this crate: what was expected, what was found, and at which byte.

use std::fmt;

/// Why a file could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset}{}: {kind}", place(*decompressed))]
pub struct OsgbError {
    /// Byte offset at which reading stopped.
    pub offset: usize,
    /// True when `offset` counts in the decompressed payload instead of the file.
    pub decompressed: bool,
    /// What went wrong.
    pub kind: OsgbErrorKind,
}

fn place(decompressed: bool) -> &'static str {
    if decompressed { " of the decompressed data" } else { "" }
}

/// The kinds of reading errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OsgbErrorKind {
    /// The first eight bytes are not the OSGB magic number in either byte order.
    NotOsgb,
    /// The data ends before the expected item does.
    Truncated {
        /// The item being read.
        expected: &'static str,
        /// Bytes the item needs.
        needed: u64,
        /// Bytes that are left.
        available: u64,
    },
    /// A value is outside what the format allows.
    Invalid {
        /// The item being read.
        what: &'static str,
        /// The value found.
        found: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// An object class this reader does not know, in a file without brackets, so that it cannot be skipped.
    UnsupportedClass(String),
    /// The compressor name in the header is not known.
    UnsupportedCompressor(String),
    /// Decompression failed.
    Decompress(String),
    /// Objects are nested deeper than [`crate::MAX_DEPTH`].
    TooDeep,
    /// Shared objects or compressed data would expand beyond the limit given.
    TooLarge {
        /// What grows.
        what: &'static str,
        /// The limit in bytes.
        limit: u64,
    },
}

impl fmt::Display for OsgbErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOsgb => {
                write!(f, "not an OSGB file (expected the bytes a1 0e 91 6c 45 45 fb 1a, or each half reversed)")
            }
            Self::Truncated { expected, needed, available } => {
                write!(f, "expected {expected} ({needed} bytes), but only {available} bytes are left")
            }
            Self::Invalid { what, found, allowed } => write!(f, "{what} is {found}, allowed: {allowed}"),
            Self::UnsupportedClass(class) => {
                write!(f, "object class {class:?} is not supported and a file without brackets cannot skip it")
            }
            Self::UnsupportedCompressor(name) => {
                write!(f, "compressor {name:?} is not supported (known: \"0\", \"zlib\")")
            }
            Self::Decompress(message) => write!(f, "cannot decompress: {message}"),
            Self::TooDeep => write!(f, "objects are nested deeper than {} levels", crate::MAX_DEPTH),
            Self::TooLarge { what, limit } => write!(f, "{what} would grow beyond {limit} bytes"),
        }
    }
}

/// Result of reading.
pub(crate) type Result<T> = std::result::Result<T, OsgbError>;
