//! The output folder: written beside its place and moved there at the end.

use crate::error::{ImportError, Result};
use crate::tiles::Node;
use crate::tiles::write;
use std::path::{Path, PathBuf};
use tiles3d::Tileset;

/// Version of what layer builders write; a change invalidates kept layers.
const BUILD: u32 = 1;

/// A pack that is being written.
pub(crate) struct Output {
    target: PathBuf,
    pub dir: PathBuf,
}

impl Output {
    /// Prepares `<out>.partial`. Layers that an interrupted import finished are kept, all else in it is removed.
    pub fn begin(target: &Path) -> Result<Self> {
        let is_pack = target.join("community.json").is_file();
        let is_empty = target.read_dir().map_or(true, |mut d| d.next().is_none());
        if target.exists() && !is_pack && !is_empty {
            return Err(ImportError::Occupied(target.to_owned()));
        }
        let mut name = target.file_name().unwrap_or_default().to_os_string();
        name.push(".partial");
        let dir = target.with_file_name(name);
        std::fs::create_dir_all(&dir).map_err(ImportError::io(&dir))?;
        let this = Self { target: target.to_owned(), dir };
        this.keep_finished_layers()?;
        Ok(this)
    }

    fn mark(&self, layer: &str) -> PathBuf {
        self.dir.join(format!("{}.finished", layer.replace('/', "~")))
    }

    fn keep_finished_layers(&self) -> Result<()> {
        for entry in std::fs::read_dir(&self.dir).map_err(ImportError::io(&self.dir))? {
            let path = entry.map_err(ImportError::io(&self.dir))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let keep = name.ends_with(".finished") || (path.is_dir() && self.mark(&name).is_file());
            if !keep {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// The tiles of a layer that an interrupted import finished from the same inputs.
    pub fn finished(&self, layer: &str, key: &str) -> Option<Kept> {
        let text = std::fs::read_to_string(self.mark(layer)).ok()?;
        let kept: Kept = serde_json::from_str(&text).ok()?;
        let tileset = std::fs::read(self.dir.join(layer).join("tileset.json")).ok()?;
        (kept.key == format!("{BUILD}:{key}") && Tileset::parse(&tileset).is_ok()).then_some(kept)
    }

    /// Notes that a layer is complete.
    pub fn finish(&self, layer: &str, key: &str, node: &Node, report: &community_pack::FileReport) -> Result<()> {
        let kept = Kept {
            key: format!("{BUILD}:{key}"),
            bounds: [node.bounds.min, node.bounds.max],
            contents: node.contents,
            report: report.clone(),
        };
        let text = serde_json::to_string(&kept).unwrap_or_default();
        write(&self.mark(layer), text.as_bytes())
    }

    /// An empty folder for a layer.
    pub fn fresh(&self, layer: &str) -> Result<PathBuf> {
        let dir = self.dir.join(layer);
        if dir.exists() {
            remove(&dir)?;
        }
        std::fs::create_dir_all(&dir).map_err(ImportError::io(&dir))?;
        Ok(dir)
    }

    /// Moves the pack to its place; an older pack there is replaced.
    pub fn commit(self) -> Result<()> {
        for entry in std::fs::read_dir(&self.dir).map_err(ImportError::io(&self.dir))? {
            let path = entry.map_err(ImportError::io(&self.dir))?.path();
            if path.extension().is_some_and(|e| e == "finished") {
                remove(&path)?;
            }
        }
        if self.target.exists() {
            let mut name = self.target.file_name().unwrap_or_default().to_os_string();
            name.push(".old");
            let old = self.target.with_file_name(name);
            if old.exists() {
                remove(&old)?;
            }
            std::fs::rename(&self.target, &old).map_err(ImportError::io(&self.target))?;
            std::fs::rename(&self.dir, &self.target).map_err(ImportError::io(&self.target))?;
            return remove(&old);
        }
        std::fs::rename(&self.dir, &self.target).map_err(ImportError::io(&self.target))
    }
}

/// What is remembered of a finished layer.
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Kept {
    key: String,
    pub bounds: [[f64; 3]; 2],
    pub contents: u64,
    pub report: community_pack::FileReport,
}

fn remove(path: &Path) -> Result<()> {
    let done = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    done.map_err(ImportError::io(path))
}
