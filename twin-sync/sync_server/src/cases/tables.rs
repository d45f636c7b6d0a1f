//! Where the tables come from: the folder that was named, the pack's own, or the ones that show how it works.

use crate::error::ServeError;
use community_pack::Pack;
use std::path::{Path, PathBuf};
use sync_core::cases::{CaseRules, TablesError, TablesSpec};

const FILE: &str = "tables.toml";
const DEMO: [(&str, &str); 3] = [
    (FILE, include_str!("../../data/cases/tables.toml")),
    ("departments.csv", include_str!("../../data/cases/departments.csv")),
    ("classes.csv", include_str!("../../data/cases/classes.csv")),
];

/// Reads the tables of `named`, else of the pack's folder `cases`, else the built-in ones.
///
/// # Errors
/// [`ServeError::CaseTables`] naming the folder, and every bad line of its files.
pub(crate) fn load_rules(named: Option<&Path>, pack_dir: &Path, pack: &Pack) -> Result<CaseRules, ServeError> {
    let own = pack_dir.join("cases");
    let folder = named.map(Path::to_owned).or_else(|| own.join(FILE).is_file().then_some(own));
    let rules = match &folder {
        Some(folder) => read(|file| {
            let inside = Path::new(file).file_name().is_some_and(|name| name == file);
            if !inside {
                return Err("must be a file of the same folder".to_owned());
            }
            std::fs::read_to_string(folder.join(file)).map_err(|e| e.to_string())
        }),
        None => read(|file| {
            let found = DEMO.iter().find(|(name, _)| *name == file);
            found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| "is not there".to_owned())
        }),
    };
    let path = folder.unwrap_or_else(|| PathBuf::from("built-in case tables"));
    let rules = rules.map_err(|source| ServeError::CaseTables { path: path.clone(), source: Box::new(source) })?;
    let classes: usize = rules.tables.iter().map(|t| t.classes.len()).sum();
    let community = &pack.manifest.community.id;
    tracing::info!(%community, path = %path.display(), classes, demo = rules.demo, "case tables");
    Ok(rules)
}

fn read(text: impl Fn(&str) -> Result<String, String>) -> Result<CaseRules, TablesError> {
    let fail = |reason: String| TablesError::File { file: FILE.to_owned(), reason };
    let spec: TablesSpec = toml::from_str(&text(FILE).map_err(fail)?).map_err(|e| fail(e.to_string()))?;
    CaseRules::load(&spec, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_tables_are_sound_and_say_that_they_are_a_demo() {
        let rules = read(|file| Ok(DEMO.iter().find(|(name, _)| *name == file).unwrap().1.to_owned())).unwrap();
        assert!(rules.demo && rules.class("e101").is_some() && rules.departments.len() == 5);
    }
}
