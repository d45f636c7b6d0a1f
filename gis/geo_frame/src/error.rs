use thiserror::Error;

/// Why a coordinate reference system or a coordinate was refused.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The EPSG code is not in the register that is compiled in.
    #[error("EPSG:{code} is not a coordinate reference system known here")]
    UnknownEpsg {
        /// The code as given.
        code: u32,
    },
    /// The text is none of the accepted spellings of a coordinate reference system.
    #[error("'{text}' is not a coordinate reference system: {reason}")]
    BadCrs {
        /// The text as given.
        text: String,
        /// What is wrong and what is accepted.
        reason: String,
    },
    /// A coordinate is NaN or infinite.
    #[error("coordinate ({x}, {y}, {z}) in {crs} is not finite")]
    NotFinite {
        /// First coordinate.
        x: f64,
        /// Second coordinate.
        y: f64,
        /// Third coordinate.
        z: f64,
        /// Name of the system.
        crs: String,
    },
    /// A coordinate lies outside the system's domain.
    #[error("coordinate ({x}, {y}) is outside the domain of {crs}: {reason}")]
    OutsideDomain {
        /// First coordinate.
        x: f64,
        /// Second coordinate.
        y: f64,
        /// Name of the system.
        crs: String,
        /// What the projection said.
        reason: String,
    },
    /// The easting carries a zone prefix and the system does not, or the other way round, or another zone's.
    #[error("easting {easting} does not fit {crs}: {reason}")]
    ZonePrefixMismatch {
        /// The easting in metres.
        easting: f64,
        /// Name of the system.
        crs: String,
        /// What was expected and found.
        reason: String,
    },
}
