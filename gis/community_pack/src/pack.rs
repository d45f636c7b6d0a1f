use crate::{Binding, Manifest, PackError, PackWarning, parse_bindings, parse_device_types, read_entities};
use twin_model::{CommunityModel, PropertyTable};

/// A pack's tables, ready to use. Terrain, graph and tiles are read apart.
#[derive(Debug, Clone)]
pub struct Pack {
    /// `community.json`.
    pub manifest: Manifest,
    /// The entities on the address spine.
    pub model: CommunityModel,
    /// Properties and device classes.
    pub properties: PropertyTable,
    /// Topic bindings.
    pub bindings: Vec<Binding>,
    /// Binding rows that were left out.
    pub warnings: Vec<PackWarning>,
    #[cfg(not(target_arch = "wasm32"))]
    dir: Option<std::path::PathBuf>,
}

/// The bytes that a [`Pack`] is made of, however they were fetched.
#[derive(Debug, Clone, Copy)]
pub struct PackBytes<'a> {
    /// The file that [`crate::PackFiles::entities`] names.
    pub entities: &'a [u8],
    /// The file that [`crate::PackFiles::device_types`] names; may be empty.
    pub device_types: &'a [u8],
    /// The file that [`crate::PackFiles::bindings`] names; may be empty.
    pub bindings: &'a [u8],
}

impl Pack {
    /// Puts a pack together from its files.
    ///
    /// # Errors
    /// The first file that cannot be read; bad rows of the binding table only become [`Pack::warnings`].
    pub fn assemble(manifest: Manifest, bytes: PackBytes<'_>) -> Result<Self, PackError> {
        let entities = read_entities(bytes.entities)?;
        if entities.len() != manifest.entities {
            let allowed = format!("{} as community.json says", manifest.entities);
            return Err(PackError::value(&manifest.files.entities, "rows", entities.len(), &allowed));
        }
        let model = CommunityModel::new(manifest.community.clone(), entities)?;
        let types =
            std::str::from_utf8(bytes.device_types).map_err(|e| PackError::format(&manifest.files.device_types, e))?;
        let properties = parse_device_types(types)?;
        let (bindings, warnings) = parse_bindings(bytes.bindings, &properties, &model);
        Ok(Self {
            manifest,
            model,
            properties,
            bindings,
            warnings,
            #[cfg(not(target_arch = "wasm32"))]
            dir: None,
        })
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Pack {
    /// Opens a pack folder.
    ///
    /// # Errors
    /// A file that is missing or cannot be read.
    pub fn open(dir: &std::path::Path) -> Result<Self, PackError> {
        let read = |name: &str| read_file(dir, name);
        let manifest = Manifest::parse(&read("community.json")?)?;
        let files = manifest.files.clone();
        let (entities, device_types, bindings) =
            (read(&files.entities)?, read(&files.device_types)?, read(&files.bindings)?);
        let bytes = PackBytes { entities: &entities, device_types: &device_types, bindings: &bindings };
        let mut pack = Self::assemble(manifest, bytes)?;
        pack.dir = Some(dir.to_owned());
        Ok(pack)
    }

    /// The folder that the pack was opened from.
    #[must_use]
    pub fn dir(&self) -> Option<&std::path::Path> {
        self.dir.as_deref()
    }

    /// A file of the pack.
    ///
    /// # Errors
    /// The pack was not opened from a folder, or the file cannot be read.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, PackError> {
        let dir =
            self.dir.as_deref().ok_or_else(|| PackError::format(name, "the pack was not opened from a folder"))?;
        read_file(dir, name)
    }

    /// The alarm rules beside the thresholds of the device classes; none in a pack without `rules.toml`.
    ///
    /// # Errors
    /// The file is there but cannot be read.
    pub fn rules(&self) -> Result<twin_model::RuleSet, PackError> {
        if !self.dir.as_deref().is_some_and(|dir| dir.join(crate::RULES_FILE).is_file()) {
            return Ok(twin_model::RuleSet::default());
        }
        let bytes = self.read(crate::RULES_FILE)?;
        let text = std::str::from_utf8(&bytes).map_err(|e| PackError::format(crate::RULES_FILE, e))?;
        crate::parse_rules(text)
    }

    /// The elevation raster.
    ///
    /// # Errors
    /// The pack has none, or it cannot be read.
    pub fn terrain(&self) -> Result<crate::Terrain, PackError> {
        let terrain = self.manifest.terrain.as_ref();
        let path = &terrain.ok_or_else(|| PackError::format("community.json", "the pack has no terrain"))?.path;
        crate::read_terrain(&self.read(path)?)
    }

    /// The land cover raster, when there is one.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn landcover(&self) -> Result<Option<crate::RasterU8>, PackError> {
        let path = self.manifest.terrain.as_ref().and_then(|t| t.landcover.as_ref());
        path.map(|p| crate::read_raster_u8(&self.read(p)?)).transpose()
    }

    /// The networks and building graph.
    ///
    /// # Errors
    /// The file is missing or cannot be read.
    pub fn graph(&self) -> Result<crate::Graph, PackError> {
        crate::Graph::parse(&self.read(&self.manifest.files.graph)?)
    }

    /// The building plans; none in a pack that names no file for them.
    ///
    /// # Errors
    /// The file that the manifest names is missing or cannot be read.
    pub fn plans(&self) -> Result<crate::Plans, PackError> {
        let Some(path) = &self.manifest.files.plans else { return Ok(crate::Plans::default()) };
        crate::Plans::parse(&self.read(path)?)
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn read_file(dir: &std::path::Path, name: &str) -> Result<Vec<u8>, PackError> {
    let path = dir.join(name);
    std::fs::read(&path).map_err(|source| PackError::Io { file: path.display().to_string(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::tests::manifest;
    use crate::write_entities;

    #[test]
    fn a_folder_opens() {
        let dir = tempfile::tempdir().unwrap();
        let m = manifest();
        let put = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).unwrap();
        let mut fgb = Vec::new();
        write_entities(&[], &m.origin, &mut fgb).unwrap();
        put("community.json", m.to_json().as_bytes());
        put("entities.fgb", &fgb);
        put("device_types.toml", b"");
        let error = Pack::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("bindings.csv"), "{error}");
        put("bindings.csv", b"");
        let pack = Pack::open(dir.path()).unwrap();
        assert_eq!(pack.model.entities().len(), 0);
        assert_eq!(pack.plans().unwrap(), crate::Plans::default());
        let mut planned = m.clone();
        planned.files.plans = Some("plans.json".into());
        put("community.json", planned.to_json().as_bytes());
        let error = Pack::open(dir.path()).unwrap().plans().unwrap_err().to_string();
        assert!(error.contains("plans.json"), "{error}");
        put("plans.json", b"{\"buildings\":[]}");
        assert_eq!(Pack::open(dir.path()).unwrap().plans().unwrap(), crate::Plans::default());
        assert!(pack.terrain().unwrap_err().to_string().contains("no terrain"));
        let mut wrong = m.clone();
        wrong.entities = 3;
        put("community.json", wrong.to_json().as_bytes());
        assert!(Pack::open(dir.path()).unwrap_err().to_string().contains("must be 3"));
    }
}
