use thiserror::Error;

/// Why an IFC file was refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IfcError {
    /// The first bytes are not those of a STEP physical file.
    #[error("not an IFC file: must begin with \"ISO-10303-21;\"{hint}")]
    NotIfc {
        /// What it looks like instead; may be empty.
        hint: &'static str,
    },
    /// The end of the file is missing.
    #[error("cut short at byte {bytes}: no \"END-ISO-10303-21;\" after the last record {last_record}")]
    CutShort {
        /// Length of the file.
        bytes: usize,
        /// The last complete record's number, e.g. "#123", or "(none)".
        last_record: String,
    },
    /// There is nothing to import.
    #[error("holds no records in its DATA section")]
    Empty,
    /// The length unit cannot be used.
    #[error("length unit in record #{record}: its factor to metres must be finite and > 0")]
    LengthUnit {
        /// The `IfcSIUnit` or `IfcConversionBasedUnit`.
        record: u32,
    },
    /// The kernel gave up on the whole file.
    #[error("the geometry kernel failed: {0}")]
    Kernel(String),
}
