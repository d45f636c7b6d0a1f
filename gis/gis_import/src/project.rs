//! The project file: which deliveries make up a community.

use crate::error::{ImportError, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// `project.toml`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Project {
    pub community: Community,
    #[serde(default, rename = "layer")]
    pub layers: Vec<Layer>,
    #[serde(default)]
    pub live: Live,
    #[serde(skip)]
    pub path: PathBuf,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Community {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub name_en: String,
    #[serde(default)]
    pub city: String,
    #[serde(default)]
    pub district: String,
    #[serde(default)]
    pub street: String,
    #[serde(default)]
    pub division: String,
    pub crs: String,
    #[serde(default)]
    pub vertical_datum: String,
    pub origin: [f64; 3],
    #[serde(default)]
    pub home_view: Option<HomeView>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HomeView {
    pub eye_enu: [f64; 3],
    pub target_enu: [f64; 3],
}

/// What a `[[layer]]` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LayerType {
    Dem,
    Ortho,
    Buildings,
    Vector,
    Addresses,
    Ifc,
    Oblique,
    Cityjson,
    Osm,
}

impl LayerType {
    pub fn word(self) -> &'static str {
        match self {
            Self::Dem => "dem",
            Self::Ortho => "ortho",
            Self::Buildings => "buildings",
            Self::Vector => "vector",
            Self::Addresses => "addresses",
            Self::Ifc => "ifc",
            Self::Oblique => "oblique",
            Self::Cityjson => "cityjson",
            Self::Osm => "osm",
        }
    }
}

/// What the features of a vector layer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum VectorKind {
    Estate,
    Grid,
    Road,
    Green,
    Water,
    Embankment,
    Drain,
    Manhole,
    Component,
    Gate,
    Landcover,
    Poi,
    Tree,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Layer {
    pub kind: LayerType,
    pub path: String,
    /// Layer name inside the file.
    pub layer: Option<String>,
    #[serde(rename = "as")]
    pub features: Option<VectorKind>,
    /// Overrides what the file says.
    pub crs: Option<String>,
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// Building that an IFC model is of.
    pub building: Option<String>,
    /// Name of the layer for people.
    pub name: Option<String>,
    /// Where the local zero lies, in the community's CRS (IFC and oblique deliveries without georeference).
    pub at: Option<[f64; 3]>,
    /// Clockwise turn of the local y axis from grid north, degrees (IFC with `at`).
    pub heading_deg: Option<f64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Live {
    pub devices: Option<String>,
    pub bindings: Option<String>,
    pub cameras: Option<String>,
    pub types: Option<String>,
    /// Alarm rules.
    pub rules: Option<String>,
}

impl Project {
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(ImportError::io(path))?;
        let mut project: Self = toml::from_str(&text).map_err(|e| {
            let line = e.span().map_or(0, |s| text.bytes().take(s.start).filter(|b| *b == b'\n').count() + 1);
            Self::error(path, format!("line {line}: {}", e.message()))
        })?;
        path.clone_into(&mut project.path);
        project.check()?;
        Ok(project)
    }

    fn error(path: &Path, reason: String) -> ImportError {
        ImportError::Project { path: path.to_owned(), reason }
    }

    /// An error about a key of the project file.
    pub fn bad(&self, reason: impl ToString) -> ImportError {
        Self::error(&self.path, reason.to_string())
    }

    fn check(&self) -> Result<()> {
        let id = &self.community.id;
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
        if id.is_empty() || !id.chars().all(allowed) {
            return Err(self.bad(format!("community.id = {id:?}: must be letters a-z, digits, - and _")));
        }
        if self.community.origin.iter().any(|v| !v.is_finite()) {
            return Err(self.bad(format!("community.origin = {:?}: must be finite", self.community.origin)));
        }
        for (i, layer) in self.layers.iter().enumerate() {
            let here = format!("layer {} ({} {:?})", i + 1, layer.kind.word(), layer.path);
            if layer.kind == LayerType::Vector && layer.features.is_none() {
                return Err(self.bad(format!("{here}: key \"as\" is missing: what are its features?")));
            }
            for key in layer.fields.keys() {
                if !FIELDS.contains(&key.as_str()) {
                    return Err(self.bad(format!("{here}: fields.{key}: must be one of {}", FIELDS.join(", "))));
                }
            }
        }
        Ok(())
    }

    /// A path of the project file: `${NAME}` is taken from the environment (`${NAME:-else}` when it is not set),
    /// relative paths start at the project file.
    pub fn resolve(&self, path: &str) -> Result<PathBuf> {
        let mut text = String::new();
        let mut rest = path;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, tail) =
                after.split_once('}').ok_or_else(|| self.bad(format!("path {path:?}: \"${{\" without \"}}\"")))?;
            let (name, otherwise) = name.split_once(":-").map_or((name, None), |(n, d)| (n, Some(d.to_owned())));
            let value = std::env::var(name)
                .or_else(|e| otherwise.ok_or(e))
                .map_err(|e| self.bad(format!("path {path:?}: environment variable {name}: {e}")))?;
            text.push_str(before);
            text.push_str(&value);
            rest = tail;
        }
        text.push_str(rest);
        let folder = self.path.parent().unwrap_or_else(|| Path::new("."));
        Ok(folder.join(text))
    }
}

/// Names that `[layer.fields]` may map.
const FIELDS: [&str; 10] = ["id", "name", "floors", "height", "base_z", "use", "estate", "address", "units", "year"];

#[cfg(test)]
mod tests {
    use super::*;

    fn project(text: &str) -> Result<Project> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("project.toml");
        std::fs::write(&path, text).unwrap();
        Project::read(&path)
    }

    const HEAD: &str = "[community]\nid = \"a\"\nname = \"甲\"\ncrs = \"EPSG:4547\"\norigin = [1, 2, 3]\n";

    #[test]
    fn mistakes_are_named_with_their_line() {
        assert!(project(HEAD).is_ok());
        let error = project(&HEAD.replace("\"a\"", "\"A b\"")).unwrap_err().to_string();
        assert!(error.contains("community.id = \"A b\""), "{error}");
        let error = project(&format!("{HEAD}[[layer]]\nkind = \"dam\"\npath = \"x\"\n")).unwrap_err().to_string();
        assert!(error.contains("line 7") && error.contains("dam"), "{error}");
        let error = project(&format!("{HEAD}[[layer]]\nkind = \"vector\"\npath = \"x\"\n")).unwrap_err().to_string();
        assert!(error.contains("\"as\" is missing"), "{error}");
    }

    #[test]
    fn paths_expand_the_environment() {
        let p = project(HEAD).unwrap();
        let error = p.resolve("${NO_SUCH_VARIABLE_HERE}/x").unwrap_err().to_string();
        assert!(error.contains("NO_SUCH_VARIABLE_HERE"), "{error}");
        assert!(p.resolve("${NO_SUCH_VARIABLE_HERE:-../a}/x").unwrap().ends_with("../a/x"));
        let home = std::env::var("PATH").unwrap();
        assert!(p.resolve("${PATH}").unwrap().ends_with(home));
    }
}
