//! The import as a whole.

use crate::bim::Bim;
use crate::bim_place::Placement;
use crate::buildings::{self, Block};
use crate::entities::Entities;
use crate::error::{ImportError, Result};
use crate::ground::Ground;
use crate::log::{FileLog, Log};
use crate::oblique::Oblique;
use crate::output::Output;
use crate::place::Place;
use crate::progress::Progress;
use crate::project::{Layer as ProjectLayer, LayerType, Project, VectorKind};
use crate::raster::{Ortho, filled, read_dem, write_cog};
use crate::tiles::{Box3, Node, write};
use crate::vector::{self, Features};
use crate::{cityjson, landcover, live, networks, spine, terrain};
use community_pack::{
    BuildingGraph, FORMAT, Layer, Manifest, PackFiles, Plans, Report, Terrain, TerrainRef, VERSION, write_entities,
};
use ifc_import::{ImportOptions, import_ifc};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use twin_model::{
    AttrValue, BuildingPlan, CameraPose, Community, CommunityModel, EntityId, EntityKind, LayerId, LayerKind,
};

/// The pack's file of building plans.
const PLANS: &str = "plans.json";

/// What an import made.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportReport {
    /// `report.json` of the pack.
    pub report: Report,
    /// Entities by kind.
    pub entities: BTreeMap<&'static str, u64>,
    /// Tiles with content by layer.
    pub tiles: BTreeMap<String, u64>,
    /// Bytes of all deliveries.
    pub bytes_read: u64,
}

impl std::fmt::Display for ImportReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let total = |key: &str| self.report.totals.get(key).copied().unwrap_or(0);
        let rows: u64 = self.entities.values().sum();
        let tiles: u64 = self.tiles.values().sum();
        let mb = self.bytes_read as f64 / 1e6;
        write!(f, "{} layers of deliveries ({mb:.1} MB), {rows} entities, {tiles} tiles", self.report.files.len())?;
        write!(f, ", {} objects skipped, {} approximated (report.json)", total("skipped"), total("approximated"))?;
        match (total("plans.buildings"), total("plans.defects")) {
            (0, 0) => Ok(()),
            (plans, defects) => write!(f, ", {plans} building plans with {defects} defects (plans.json)"),
        }
    }
}

/// Imports the deliveries of a project file into a pack folder.
///
/// The pack is written to `<out>.partial` and moved to `out` at the end; a pack that is there already is replaced. An
/// oblique mesh that an interrupted import has finished from the same files is taken over.
///
/// # Errors
/// A project file or delivery that cannot be used, naming file and key; [`ImportError::Cancelled`].
pub fn import(project: &Path, out: &Path, progress: &mut dyn Progress) -> Result<ImportReport> {
    // GDAL's messages come back as errors; it need not print them too.
    gdal::config::set_error_handler(|_, _, _| {});
    let project = Project::read(project)?;
    let place = Place::new(&project)?;
    let output = Output::begin(out)?;
    let mut run = Run {
        dir: output.dir.clone(),
        project: &project,
        place: &place,
        log: Log::default(),
        entities: Entities::default(),
        layers: Vec::new(),
        bounds: Box3::default(),
        tiles: BTreeMap::new(),
        plans: Plans::default(),
    };
    let report = run.all(&output, progress)?;
    output.commit()?;
    Ok(report)
}

struct Run<'a> {
    dir: PathBuf,
    project: &'a Project,
    place: &'a Place,
    log: Log,
    entities: Entities,
    layers: Vec<Layer>,
    bounds: Box3,
    tiles: BTreeMap<String, u64>,
    plans: Plans,
}

/// Elevation of the pack.
struct Dem {
    terrain: Terrain,
    solid: Terrain,
}

/// A vector layer of the project that has been read.
struct Read {
    kind: VectorKind,
    features: Features,
    log: FileLog,
}

impl Run<'_> {
    fn all(&mut self, output: &Output, progress: &mut dyn Progress) -> Result<ImportReport> {
        progress.stage("elevation", 1);
        let dem = self.dem()?;
        let place = self.place;
        let ground = Ground { place, solid: dem.as_ref().map(|d| &d.solid) };
        progress.tick();
        self.stop_if(progress)?;
        let mut vectors = self.vectors(progress)?;
        let community = spine::roots(&mut self.entities, &self.project.community);
        self.add_vectors(&mut vectors, &[VectorKind::Grid, VectorKind::Estate], &ground, community);
        let blocks = self.buildings(&ground, community, progress)?;
        self.addresses(&blocks)?;
        self.terrain_layer(dem.as_ref(), progress)?;
        // A building with a BIM model is drawn by it.
        let models = self.of_type(LayerType::Ifc);
        let drawn_by_bim = |b: &Block| models.iter().any(|(_, l)| l.building.as_deref() == Some(b.key.as_str()));
        let plain: Vec<Block> = blocks.iter().filter(|b| !drawn_by_bim(b)).cloned().collect();
        if !plain.is_empty() {
            let layer = self.begin_layer("buildings", "建筑体块", "Buildings", LayerKind::Buildings);
            let node =
                buildings::build(&self.dir.join("buildings"), place, &plain, &mut self.entities, layer, progress)?;
            self.end_layer(&node);
        }
        let mut graphs = self.bims(&blocks, community, progress)?;
        use VectorKind::{Component, Drain, Embankment, Gate, Green, Manhole, Poi, Road, Tree, Water};
        let rest = [Road, Gate, Green, Water, Embankment, Manhole, Drain, Component, Poi, Tree];
        self.add_vectors(&mut vectors, &rest, &ground, community);
        progress.stage("devices and cameras", 1);
        live::import(self.project, &self.dir, &mut self.entities, &ground, community, &mut self.log)?;
        progress.tick();
        self.obliques(output, progress)?;
        let terrain = self.rasters(dem.as_ref(), &mut vectors)?;
        vectors.into_iter().for_each(|v| self.log.close(v.log));
        graphs.extend(networks::address_buildings(&self.entities, &graphs));
        self.write_tables(graphs, terrain, progress)
    }

    fn stop_if(&self, progress: &dyn Progress) -> Result<()> {
        if progress.is_cancelled() { Err(ImportError::Cancelled) } else { Ok(()) }
    }

    fn of_type(&self, kind: LayerType) -> Vec<(usize, ProjectLayer)> {
        self.project.layers.iter().enumerate().filter(|(_, l)| l.kind == kind).map(|(i, l)| (i, l.clone())).collect()
    }

    /// The path of a layer and its report entry.
    fn open(&mut self, order: usize, layer: &ProjectLayer) -> Result<(PathBuf, FileLog)> {
        let path = self.project.resolve(&layer.path)?;
        if !path.exists() {
            return Err(ImportError::delivery(&path, "there is no such file or folder"));
        }
        let mut shown = layer.path.clone();
        if let Some(name) = &layer.layer {
            shown = format!("{shown}#{name}");
        }
        let log = self.log.file(order, &shown, layer.kind.word(), &path)?;
        Ok((path, log))
    }

    fn single(&self, kind: LayerType) -> Result<Option<(usize, ProjectLayer)>> {
        let mut all = self.of_type(kind);
        if all.len() > 1 {
            return Err(self.project.bad(format!(
                "{} layers of kind {:?}: only one is supported",
                all.len(),
                kind.word()
            )));
        }
        Ok(all.pop())
    }

    fn dem(&mut self) -> Result<Option<Dem>> {
        let Some((order, layer)) = self.single(LayerType::Dem)? else { return Ok(None) };
        let (path, mut log) = self.open(order, &layer)?;
        let terrain = read_dem(&path, layer.crs.as_deref(), self.place, &mut log)?;
        self.log.close(log);
        let solid = filled(&terrain);
        Ok(Some(Dem { terrain, solid }))
    }

    fn vectors(&mut self, progress: &mut dyn Progress) -> Result<Vec<Read>> {
        let layers = self.of_type(LayerType::Vector);
        progress.stage("vector layers", layers.len() as u64);
        let mut read = Vec::new();
        for (order, layer) in layers {
            self.stop_if(progress)?;
            let (path, mut log) = self.open(order, &layer)?;
            let features = vector::read(&path, layer.layer.as_deref(), layer.crs.as_deref(), self.place, &mut log)?;
            if let Some(kind) = layer.features {
                read.push(Read { kind, features, log });
            }
            progress.tick();
        }
        for (order, layer) in self.of_type(LayerType::Osm) {
            self.osm_vectors(order, &layer, &mut read)?;
        }
        Ok(read)
    }

    /// Roads, water, greens, trees and points of interest of an OSM file (its buildings are read apart).
    fn osm_vectors(&mut self, order: usize, layer: &ProjectLayer, read: &mut Vec<Read>) -> Result<()> {
        let any =
            |keys: &'static [&'static str]| move |f: &vector::Feature| keys.iter().any(|k| !f.text(&[k]).is_empty());
        let is = |key: &'static str, words: &'static [&'static str]| {
            move |f: &vector::Feature| words.contains(&f.text(&[key]).as_str())
        };
        type Pick = Box<dyn Fn(&vector::Feature) -> bool>;
        let picks: [(&str, VectorKind, &[&str], Pick); 5] = [
            ("lines", VectorKind::Road, &["highway"], Box::new(any(&["highway"]))),
            ("multipolygons", VectorKind::Water, &["natural"], Box::new(is("natural", &["water"]))),
            (
                "multipolygons",
                VectorKind::Green,
                &["leisure", "landuse"],
                Box::new(move |f: &vector::Feature| {
                    is("leisure", &["park", "garden", "pitch", "playground"])(f)
                        || is("landuse", &["grass", "forest", "meadow"])(f)
                }),
            ),
            (
                "points",
                VectorKind::Poi,
                &["amenity", "shop", "office", "tourism"],
                Box::new(any(&["amenity", "shop", "office", "tourism"])),
            ),
            ("points", VectorKind::Tree, &["species"], Box::new(is("natural", &["tree"]))),
        ];
        for (name, kind, class, pick) in picks {
            let part = ProjectLayer { layer: Some(name.to_owned()), ..layer.clone() };
            let (path, mut log) = self.open(order, &part)?;
            let mut features = vector::read(&path, Some(name), layer.crs.as_deref(), self.place, &mut log)?;
            buildings::unpack_tags(&mut features);
            features.list.retain(|f| pick(f));
            for f in &mut features.list {
                let word = f.text(class);
                f.fields.insert("class".into(), AttrValue::Text(word));
            }
            log.entry.read = features.list.len() as u64;
            read.push(Read { kind, features, log });
        }
        Ok(())
    }

    fn add_vectors(&mut self, vectors: &mut [Read], kinds: &[VectorKind], ground: &Ground<'_>, community: EntityId) {
        for kind in kinds {
            for v in vectors.iter_mut().filter(|v| v.kind == *kind) {
                spine::add_features(&mut self.entities, *kind, &v.features, ground, community, &mut v.log);
            }
        }
    }

    fn buildings(
        &mut self,
        ground: &Ground<'_>,
        community: EntityId,
        progress: &mut dyn Progress,
    ) -> Result<Vec<Block>> {
        let mut blocks = Vec::new();
        for (order, layer) in self.of_type(LayerType::Buildings) {
            self.stop_if(progress)?;
            let (path, mut log) = self.open(order, &layer)?;
            let features = vector::read(&path, layer.layer.as_deref(), layer.crs.as_deref(), self.place, &mut log)?;
            blocks.extend(buildings::add(&mut self.entities, &layer, &features, ground, community, &mut log));
            self.log.close(log);
        }
        for (order, layer) in self.of_type(LayerType::Osm) {
            let part = ProjectLayer { layer: Some("buildings".to_owned()), ..layer.clone() };
            let (path, mut log) = self.open(order, &part)?;
            let mut features = vector::read(&path, Some("multipolygons"), layer.crs.as_deref(), self.place, &mut log)?;
            features.list.retain(|f| !f.text(&["building"]).is_empty());
            buildings::unpack_tags(&mut features);
            log.entry.read = features.list.len() as u64;
            blocks.extend(buildings::add(&mut self.entities, &layer, &features, ground, community, &mut log));
            self.log.close(log);
        }
        for (order, layer) in self.of_type(LayerType::Cityjson) {
            let (path, mut log) = self.open(order, &layer)?;
            blocks.extend(cityjson::add(&mut self.entities, &path, &layer, self.place, community, &mut log)?);
            self.log.close(log);
        }
        Ok(blocks)
    }

    fn addresses(&mut self, blocks: &[Block]) -> Result<()> {
        for (order, layer) in self.of_type(LayerType::Addresses) {
            let (path, mut log) = self.open(order, &layer)?;
            spine::add_addresses(&mut self.entities, &path, blocks, &mut log)?;
            self.log.close(log);
        }
        Ok(())
    }

    fn begin_layer(&mut self, id: &str, name: &str, name_en: &str, kind: LayerKind) -> LayerId {
        let layer = LayerId(u16::try_from(self.layers.len()).unwrap_or(u16::MAX));
        self.layers.push(Layer {
            id: id.replace('/', "_"),
            name: name.to_owned(),
            name_en: name_en.to_owned(),
            kind,
            tileset: format!("{id}/tileset.json"),
        });
        layer
    }

    fn end_layer(&mut self, node: &Node) {
        self.note_layer(node.bounds, node.contents);
    }

    fn note_layer(&mut self, bounds: Box3, contents: u64) {
        self.bounds.join(&bounds);
        if let Some(layer) = self.layers.last() {
            self.tiles.insert(layer.id.clone(), contents);
        }
    }

    fn terrain_layer(&mut self, dem: Option<&Dem>, progress: &mut dyn Progress) -> Result<()> {
        let ortho = match self.single(LayerType::Ortho)? {
            Some((order, layer)) => {
                let (path, mut log) = self.open(order, &layer)?;
                let ortho = Ortho::open(&path, layer.crs.as_deref(), self.place, &mut log)?;
                self.log.close(log);
                Some(ortho)
            }
            None => None,
        };
        let Some(dem) = dem else {
            if ortho.is_some() {
                self.log.warn("an orthophoto without an elevation layer is not shown");
            }
            return Ok(());
        };
        self.begin_layer("terrain", "地形影像", "Terrain", LayerKind::Terrain);
        let node =
            terrain::build(&self.dir.join("terrain"), self.place, &dem.terrain, &dem.solid, ortho.as_ref(), progress)?;
        self.end_layer(&node);
        Ok(())
    }

    fn bims(
        &mut self,
        blocks: &[Block],
        community: EntityId,
        progress: &mut dyn Progress,
    ) -> Result<Vec<BuildingGraph>> {
        let layers = self.of_type(LayerType::Ifc);
        progress.stage("BIM", layers.len() as u64);
        let mut graphs = Vec::new();
        for (order, layer) in layers {
            self.stop_if(progress)?;
            let (path, mut log) = self.open(order, &layer)?;
            let bytes = std::fs::read(&path).map_err(ImportError::io(&path))?;
            let model = import_ifc(&bytes, &ImportOptions::default()).map_err(|e| ImportError::delivery(&path, e))?;
            let named = layer.building.as_deref().and_then(|b| self.entities.by_key(EntityKind::Building, b));
            if let (Some(b), None) = (&layer.building, named) {
                log.approximate(b, "no building has this id: one is made from the model");
            }
            let footprint = named.and_then(|id| blocks.iter().find(|b| b.entity == id)).map(|b| b.axis().0);
            let placement = Placement::decide(&path, &layer, &model, self.place, footprint, &mut log)?;
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let id = format!("bim/{}", self.unique(&stem));
            let name = layer.name.clone().unwrap_or_else(|| stem.clone().into_owned());
            let layer_id = self.begin_layer(&id, &name, &stem, LayerKind::Bim);
            let building = named.unwrap_or_else(|| self.building_of(&model, &placement, layer_id, community));
            let bim = Bim::add(&model, &placement, building, layer_id, &mut self.entities, &mut log);
            bim.write_properties(&self.dir, &mut self.entities)?;
            let node = bim.build(&self.dir.join(&id), self.place)?;
            graphs.push(bim.graph(&self.entities));
            match bim.plans() {
                Ok((plans, defects)) => {
                    // A model without rooms has defects to tell, but nothing to walk through.
                    self.plans.buildings.extend(plans.into_iter().filter(|p| !p.spaces.is_empty()));
                    self.plans.defects.extend(defects);
                }
                Err(e) => log.approximate("plan", format!("none made: {e}")),
            }
            self.end_layer(&node);
            self.log.close(log);
            progress.tick();
        }
        Ok(graphs)
    }

    /// A short key for a layer, `[a-z0-9_-]`, not used before.
    fn unique(&self, stem: &str) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c.to_ascii_lowercase() } else { '_' };
        let base: String = stem.chars().map(plain).collect();
        let taken = |name: &str| self.layers.iter().any(|l| l.tileset == format!("bim/{name}/tileset.json"));
        let mut name = base.clone();
        let mut n = 2;
        while taken(&name) {
            name = format!("{base}_{n}");
            n += 1;
        }
        name
    }

    /// A building entity for a model of a building that no footprint layer has.
    fn building_of(
        &mut self,
        model: &ifc_import::IfcModel,
        placement: &Placement,
        layer: LayerId,
        community: EntityId,
    ) -> EntityId {
        let node = model.spatial.iter().find(|n| n.kind == ifc_import::SpatialKind::Building);
        let (name, key) = node.map_or(("BIM", "BIM"), |n| (n.name.as_str(), n.global_id.as_str()));
        let mut e = Entities::blank(EntityKind::Building, if name.is_empty() { key } else { name }, key);
        e.parent = Some(community);
        e.source.layer = layer;
        let mut b = Box3::default();
        if let Some([lo, hi]) = model.bounds() {
            for corner in 0..8 {
                b.add(placement.enu(std::array::from_fn(|i| if corner >> i & 1 == 0 { lo[i] } else { hi[i] })));
            }
            let c = b.centre();
            e.p_enu = [c[0], c[1], b.max[2]];
            e.base_z_m = b.min[2];
            e.height_m = b.size()[2];
            let ring = vec![[b.min[0], b.min[1]], [b.max[0], b.min[1]], [b.max[0], b.max[1]], [b.min[0], b.max[1]]];
            e.footprint = Some(twin_model::Polygon(vec![ring]));
        }
        e.attributes.insert("GlobalId".into(), AttrValue::Text(key.to_owned()));
        self.entities.add(e)
    }

    fn obliques(&mut self, output: &Output, progress: &mut dyn Progress) -> Result<()> {
        for (k, (order, layer)) in self.of_type(LayerType::Oblique).into_iter().enumerate() {
            self.stop_if(progress)?;
            let (path, mut log) = self.open(order, &layer)?;
            let id = if k == 0 { "mesh".to_owned() } else { format!("mesh_{}", k + 1) };
            let name = layer.name.clone().unwrap_or_else(|| "倾斜摄影".to_owned());
            self.begin_layer(&id, &name, "Oblique mesh", LayerKind::Mesh);
            let o = &self.place.origin;
            let key = format!(
                "{} {:?} {:?} {} {} {}",
                log.entry.sha256, layer.crs, layer.at, o.lon_deg, o.lat_deg, o.height_m
            );
            if let Some(kept) = output.finished(&id, &key) {
                self.note_layer(Box3 { min: kept.bounds[0], max: kept.bounds[1] }, kept.contents);
                self.log.reuse(log, kept.report);
                continue;
            }
            let dir = output.fresh(&id)?;
            let node = Oblique::open(&path, &layer, self.place)?.build(&dir, self.place, &mut log, progress)?;
            output.finish(&id, &key, &node, &log.entry)?;
            self.end_layer(&node);
            self.log.close(log);
        }
        Ok(())
    }

    fn rasters(&mut self, dem: Option<&Dem>, vectors: &mut Vec<Read>) -> Result<Option<TerrainRef>> {
        let Some(dem) = dem else { return Ok(None) };
        let options = ["PREDICTOR=FLOATING_POINT", "OVERVIEW_RESAMPLING=AVERAGE"];
        write_cog(&self.dir.join("terrain.tif"), &dem.terrain, &dem.terrain.bed_m, Some(f64::NAN), &options)?;
        let (covers, rest): (Vec<Read>, Vec<Read>) = vectors.drain(..).partition(|v| v.kind == VectorKind::Landcover);
        *vectors = rest;
        let mut terrain = TerrainRef {
            path: "terrain.tif".into(),
            epsg: dem.terrain.epsg,
            manning: BTreeMap::new(),
            landcover: None,
        };
        if !covers.is_empty() {
            let mut layers: Vec<(Features, FileLog)> = covers.into_iter().map(|v| (v.features, v.log)).collect();
            terrain.manning = landcover::write(&self.dir.join("landcover.tif"), &dem.terrain, &mut layers, self.place)?;
            terrain.landcover = Some("landcover.tif".into());
            layers.into_iter().for_each(|(_, log)| self.log.close(log));
        }
        Ok(Some(terrain))
    }

    fn write_tables(
        &mut self,
        graphs: Vec<BuildingGraph>,
        terrain: Option<TerrainRef>,
        progress: &mut dyn Progress,
    ) -> Result<ImportReport> {
        progress.stage("tables", 1);
        let mut files = PackFiles::default();
        let c = &self.project.community;
        let community = Community {
            id: c.id.clone(),
            name: c.name.clone(),
            name_en: c.name_en.clone(),
            division: c.division.clone(),
        };
        let graph = networks::graph(&self.entities, graphs);
        write(&self.dir.join(&files.graph), graph.to_json().as_bytes())?;
        self.write_plans(&mut files)?;
        let mut fgb = Vec::new();
        write_entities(&self.entities.rows, &self.place.origin, &mut fgb)?;
        write(&self.dir.join(&files.entities), &fgb)?;
        // The table must be one that every reader accepts.
        CommunityModel::new(community.clone(), self.entities.rows.clone()).map_err(community_pack::PackError::from)?;
        let entities = self.entities.counts();
        for (kind, count) in &entities {
            self.log.report.totals.insert(format!("entities.{kind}"), *count);
        }
        for (layer, count) in &self.tiles {
            self.log.report.totals.insert(format!("tiles.{layer}"), *count);
        }
        self.log.sort();
        write(&self.dir.join(&files.report), self.log.report.to_json().as_bytes())?;
        if self.bounds.is_empty() {
            self.entities.rows.iter().for_each(|e| self.bounds.add(e.p_enu));
        }
        if self.bounds.is_empty() {
            self.bounds.add([0.0; 3]);
        }
        let b = &self.bounds;
        let manifest = Manifest {
            format: FORMAT.into(),
            version: VERSION,
            community,
            origin: self.place.origin,
            crs: self.place.crs.clone(),
            vertical_datum: c.vertical_datum.clone(),
            bounds_enu: [b.min.map(crate::entities::round), b.max.map(crate::entities::round)],
            layers: self.layers.clone(),
            terrain,
            home: self.home(),
            files,
            provenance: self.log.provenance(),
            entities: self.entities.rows.len(),
        };
        Manifest::parse(manifest.to_json().as_bytes())?;
        write(&self.dir.join("community.json"), manifest.to_json().as_bytes())?;
        progress.tick();
        let bytes_read = manifest.provenance.iter().map(|p| p.bytes).sum();
        Ok(ImportReport { report: self.log.report.clone(), entities, tiles: self.tiles.clone(), bytes_read })
    }

    /// Writes the building plans, when there are any, and counts them.
    fn write_plans(&mut self, files: &mut PackFiles) -> Result<()> {
        let plans = std::mem::take(&mut self.plans);
        if plans == Plans::default() {
            return Ok(());
        }
        write(&self.dir.join(PLANS), plans.to_json().as_bytes())?;
        files.plans = Some(PLANS.into());
        let sum = |count: fn(&BuildingPlan) -> usize| plans.buildings.iter().map(count).sum::<usize>();
        for (key, count) in [
            ("plans.buildings", plans.buildings.len()),
            ("plans.spaces", sum(|p| p.spaces.len())),
            ("plans.openings", sum(|p| p.openings.len())),
            ("plans.exits", sum(|p| p.openings.iter().filter(|o| o.is_exit()).count())),
            ("plans.stairs", sum(|p| p.stairs.len())),
            ("plans.lifts", sum(|p| p.lifts.len())),
            ("plans.defects", plans.defects.len()),
        ] {
            self.log.report.totals.insert(key.into(), count as u64);
        }
        Ok(())
    }

    /// What the project file says, else the whole community from the south-east at about 45°.
    fn home(&self) -> CameraPose {
        if let Some(v) = &self.project.community.home_view {
            return CameraPose { eye_enu: v.eye_enu, target_enu: v.target_enu };
        }
        // Buildings say more about where people are than the edge of the terrain.
        let mut area = Box3::default();
        self.entities.of_kind(EntityKind::Building).for_each(|e| area.add(e.p_enu));
        if area.is_empty() || area.size()[0].max(area.size()[1]) < 20.0 {
            area = self.bounds;
        }
        let [cx, cy, _] = area.centre();
        let size = area.size();
        // Half the diagonal at a 45° field of view, with a little air around it.
        let distance = (size[0].hypot(size[1]) / 2.0).max(30.0) / 0.414 * 0.85;
        let z = area.min[2].max(self.bounds.min[2]);
        let eye = [cx + 0.38 * distance, cy - 0.6 * distance, z + 0.7 * distance];
        CameraPose { eye_enu: eye.map(f64::round), target_enu: [cx.round(), cy.round(), z.round()] }
    }
}
