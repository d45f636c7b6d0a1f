use crate::PackError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `report.json`: what an import read, left out and approximated.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Report {
    /// One entry per delivered file, in the order of the project file.
    pub files: Vec<FileReport>,
    /// What concerns no single file.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Counts: entities by kind, tiles by layer, objects read, skipped, approximated.
    #[serde(default)]
    pub totals: BTreeMap<String, u64>,
}

/// What happened to one delivered file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FileReport {
    /// Path as the project file names it.
    pub path: String,
    /// SHA-256 of its bytes (of all bytes in path order for a folder), lower-case hex.
    pub sha256: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Kind of the layer.
    pub kind: String,
    /// Objects read.
    pub read: u64,
    /// Objects left out.
    #[serde(default)]
    pub skipped: Vec<ReportItem>,
    /// Objects taken over with a change.
    #[serde(default)]
    pub approximated: Vec<ReportItem>,
}

/// One object that was left out or changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReportItem {
    /// Its id in the delivery (GlobalId, BLDG_ID, line number …).
    pub id: String,
    /// Why, in one line.
    pub reason: String,
}

impl Report {
    /// Reads `report.json`.
    ///
    /// # Errors
    /// Not the JSON of a report.
    pub fn parse(json: &[u8]) -> Result<Self, PackError> {
        serde_json::from_slice(json).map_err(|e| PackError::format("report.json", e))
    }

    /// The report as JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}
