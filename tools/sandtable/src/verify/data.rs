//! Reads the published data that are not part of the repository. Also part of `sim_flood`'s tests.

use sim_flood::verification::MerewetherFiles;
use std::io::{Error, ErrorKind, Read, Result};
use std::path::{Path, PathBuf};

/// `relative` below the folder or its `data`, if it is there.
fn find(root: &Path, relative: &str) -> Option<PathBuf> {
    [root.join("data").join(relative), root.join(relative)].into_iter().find(|p| p.exists())
}

/// Names the file in an error of reading it.
fn named(path: &Path) -> impl FnOnce(Error) -> Error + '_ {
    move |e| Error::new(e.kind(), format!("{}: {e}", path.display()))
}

fn text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(named(path))
}

/// The DG2 series of EA test 4; `None` where it is not.
///
/// # Errors
/// When the file is there but cannot be read.
pub fn ea_test_4_series(root: &Path) -> Result<Option<String>> {
    find(root, "flood/ea_test4/dg2_5m_reference.csv").map(|path| text(&path)).transpose()
}

/// The files of the Merewether case; `None` where they are not.
///
/// # Errors
/// When the folder is there but a file of it is missing or cannot be read.
pub fn merewether_files(root: &Path) -> Result<Option<MerewetherFiles>> {
    let Some(folder) = find(root, "flood/merewether") else { return Ok(None) };
    let houses = folder.join("houses");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&houses)
        .and_then(|entries| entries.map(|e| e.map(|e| e.path())).collect())
        .map_err(named(&houses))?;
    paths.sort();
    let archive = folder.join("topography1.zip");
    let bytes = std::fs::read(&archive).map_err(named(&archive))?;
    Ok(Some(MerewetherFiles {
        topography_asc: unzip_first(&bytes).map_err(named(&archive))?,
        road_csv: text(&folder.join("Road/RoadPolygon.csv"))?,
        houses_csv: paths.iter().map(|p| text(p)).collect::<Result<_>>()?,
        observations_csv: text(&folder.join("Observations/ObservationPoints.csv"))?,
    }))
}

/// The first file of a zip archive stored with deflate (APPNOTE.TXT 4.3.7: local file header).
fn unzip_first(bytes: &[u8]) -> Result<String> {
    let bad = || Error::new(ErrorKind::InvalidData, "no zip archive with a deflated file first");
    let u16_at = |k: usize| bytes.get(k..k + 2).map(|b| usize::from(u16::from_le_bytes([b[0], b[1]]))).ok_or_else(bad);
    if bytes.get(..4) != Some(b"PK\x03\x04") || u16_at(8)? != 8 {
        return Err(bad());
    }
    let start = 30 + u16_at(26)? + u16_at(28)?;
    let mut text = String::new();
    flate2::read::DeflateDecoder::new(bytes.get(start..).ok_or_else(bad)?).read_to_string(&mut text)?;
    Ok(text)
}
