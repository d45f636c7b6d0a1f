//! The report while it is being written, and hashes of the deliveries.

use crate::error::{ImportError, Result};
use community_pack::{FileReport, Provenance, Report, ReportItem};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Most report lines of one sort about one file; beyond it they are counted.
const MAX_ITEMS: usize = 2000;

#[derive(Debug, Default)]
pub(crate) struct Log {
    pub report: Report,
    /// Position of each file in the project.
    orders: Vec<usize>,
    seen: BTreeSet<String>,
    hashes: BTreeMap<PathBuf, (String, u64)>,
}

impl Log {
    /// Begins the entry of a delivered file (or folder). `shown` is the path as the project file names it, `order` its
    /// position there.
    pub fn file(&mut self, order: usize, shown: &str, kind: &str, path: &Path) -> Result<FileLog> {
        let (sha256, bytes) = match self.hashes.get(path) {
            Some(known) => known.clone(),
            None => {
                let fresh = hash(path)?;
                self.hashes.insert(path.to_owned(), fresh.clone());
                fresh
            }
        };
        let entry = FileReport { path: shown.to_owned(), sha256, bytes, kind: kind.to_owned(), ..Default::default() };
        Ok(FileLog { entry, order, skipped: 0, approximated: 0 })
    }

    /// Takes over the entry of a layer that an earlier run finished.
    pub fn reuse(&mut self, file: FileLog, report: FileReport) {
        self.close(FileLog {
            skipped: report.skipped.len(),
            approximated: report.approximated.len(),
            entry: report,
            ..file
        });
    }

    /// Puts the entries in the order of the project file.
    pub fn sort(&mut self) {
        let files = std::mem::take(&mut self.report.files);
        let mut numbered: Vec<(usize, FileReport)> = self.orders.drain(..).zip(files).collect();
        numbered.sort_by_key(|(order, _)| *order);
        self.report.files = numbered.into_iter().map(|(_, f)| f).collect();
    }

    /// Ends the entry.
    pub fn close(&mut self, mut file: FileLog) {
        let more = |list: &mut Vec<ReportItem>, count: usize| {
            if count > list.len() {
                let id = format!("({} more)", count - list.len());
                list.push(ReportItem { id, reason: "not listed one by one".into() });
            }
        };
        more(&mut file.entry.skipped, file.skipped);
        more(&mut file.entry.approximated, file.approximated);
        for (key, count) in [
            ("objects_read", file.entry.read),
            ("skipped", file.skipped as u64),
            ("approximated", file.approximated as u64),
        ] {
            *self.report.totals.entry(key.into()).or_insert(0) += count;
        }
        self.orders.push(file.order);
        self.report.files.push(file.entry);
    }

    pub fn warn(&mut self, text: impl Into<String>) {
        let text = text.into();
        if self.seen.insert(text.clone()) {
            self.report.warnings.push(text);
        }
    }

    /// Every file once, with its hash.
    pub fn provenance(&self) -> Vec<Provenance> {
        let mut seen = BTreeSet::new();
        // "file#layer": several layers of one file are one delivery.
        let file = |f: &FileReport| f.path.rsplit_once('#').map_or(f.path.as_str(), |(file, _)| file).to_owned();
        let entries = self.report.files.iter().filter(|f| seen.insert(file(f)));
        entries.map(|f| Provenance { path: file(f), sha256: f.sha256.clone(), bytes: f.bytes }).collect()
    }
}

/// The report entry of one file.
#[derive(Debug)]
pub(crate) struct FileLog {
    pub entry: FileReport,
    order: usize,
    skipped: usize,
    approximated: usize,
}

impl FileLog {
    pub fn skip(&mut self, id: impl ToString, reason: impl ToString) {
        self.skipped += 1;
        push(&mut self.entry.skipped, id, reason);
    }

    pub fn approximate(&mut self, id: impl ToString, reason: impl ToString) {
        self.approximated += 1;
        push(&mut self.entry.approximated, id, reason);
    }

    pub fn read(&mut self) {
        self.entry.read += 1;
    }
}

fn push(list: &mut Vec<ReportItem>, id: impl ToString, reason: impl ToString) {
    if list.len() < MAX_ITEMS {
        list.push(ReportItem { id: id.to_string(), reason: reason.to_string() });
    }
}

/// SHA-256 and size of a file; of a folder, over names and bytes of all files below in name order. A Shapefile counts
/// with the files beside it.
pub(crate) fn hash(path: &Path) -> Result<(String, u64)> {
    let mut files = if path.is_dir() { files_below(path)? } else { with_siblings(path) };
    files.sort();
    let single = files.len() == 1 && !path.is_dir();
    let mut hasher = Sha256::new();
    let mut size = 0;
    for file in &files {
        let bytes = std::fs::read(file).map_err(ImportError::io(file))?;
        if !single {
            let name = file.strip_prefix(path.parent().unwrap_or(path)).unwrap_or(file);
            hasher.update(name.to_string_lossy().replace('\\', "/").as_bytes());
            hasher.update((bytes.len() as u64).to_le_bytes());
        }
        hasher.update(&bytes);
        size += bytes.len() as u64;
    }
    Ok((hex(&hasher.finalize()), size))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn with_siblings(path: &Path) -> Vec<PathBuf> {
    let is_shape = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("shp"));
    let mut files = vec![path.to_owned()];
    if is_shape {
        let parts = ["dbf", "shx", "prj", "cpg"].iter().map(|e| path.with_extension(e));
        files.extend(parts.filter(|p| p.is_file()));
    }
    files
}

/// Every file below a folder, in name order.
pub(crate) fn files_below(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut stack = vec![dir.to_owned()];
    while let Some(folder) = stack.pop() {
        for entry in std::fs::read_dir(&folder).map_err(ImportError::io(&folder))? {
            let path = entry.map_err(ImportError::io(&folder))?.path();
            if path.is_dir() { stack.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}
