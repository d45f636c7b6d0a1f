//! A run folder that is being filled.

use crate::EvacRunError;
use community_pack::evac_folder;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Holds what is not complete yet.
const PARTIAL: &str = ".partial";

/// Files are written in a folder inside the one wanted and moved up when all are complete; frames move at once. What was
/// written is taken away when the run does not get so far.
pub(crate) struct Folder {
    partial: PathBuf,
    out: PathBuf,
    made: bool,
    published: Mutex<Vec<PathBuf>>,
    complete: AtomicBool,
}

impl Folder {
    /// Refuses a folder that holds a run. Other files in it (a server's) stay.
    pub fn create(out: &Path) -> Result<Self, EvacRunError> {
        let io = |cause| EvacRunError::Io { path: out.to_owned(), cause };
        let taken = |name: &str| out.join(name).exists();
        if taken(&evac_folder::frame_name(0)) || taken(evac_folder::SUMMARY) {
            let text = "the folder already holds a run";
            return Err(io(std::io::Error::new(std::io::ErrorKind::AlreadyExists, text)));
        }
        let made = !out.exists();
        let partial = out.join(PARTIAL);
        if partial.exists() {
            fs::remove_dir_all(&partial).map_err(io)?;
        }
        fs::create_dir_all(&partial).map_err(io)?;
        let (published, complete) = (Mutex::default(), AtomicBool::new(false));
        Ok(Self { partial, out: out.to_owned(), made, published, complete })
    }

    /// Where a file lies while it is written.
    pub fn file(&self, name: &str) -> PathBuf {
        self.partial.join(name)
    }

    /// Writes a file that appears with the others.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), EvacRunError> {
        let path = self.file(name);
        fs::write(&path, bytes).map_err(|cause| EvacRunError::Io { path, cause })
    }

    /// Writes a file that appears now.
    pub fn publish(&self, name: &str, bytes: &[u8]) -> Result<(), EvacRunError> {
        self.write(name, bytes)?;
        self.rename(name)
    }

    fn rename(&self, name: &str) -> Result<(), EvacRunError> {
        let path = self.out.join(name);
        fs::rename(self.file(name), &path).map_err(|cause| EvacRunError::Io { path: path.clone(), cause })?;
        self.published.lock().unwrap_or_else(PoisonError::into_inner).push(path);
        Ok(())
    }

    /// All files appear, the summary last.
    pub fn complete(&self) -> Result<(), EvacRunError> {
        let io = |cause| EvacRunError::Io { path: self.partial.clone(), cause };
        let entries = fs::read_dir(&self.partial).map_err(io)?.collect::<Result<Vec<_>, _>>().map_err(io)?;
        let mut names: Vec<String> = entries.iter().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        names.sort_by_key(|name| name == evac_folder::SUMMARY);
        names.iter().try_for_each(|name| self.rename(name))?;
        fs::remove_dir(&self.partial).map_err(io)?;
        self.complete.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.complete.load(Ordering::Relaxed) {
            return;
        }
        // A folder without a summary still says by that that it is not complete.
        fs::remove_dir_all(&self.partial).unwrap_or_default();
        let published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        published.iter().for_each(|path| fs::remove_file(path).unwrap_or_default());
        if self.made {
            fs::remove_dir(&self.out).unwrap_or_default();
        }
    }
}
