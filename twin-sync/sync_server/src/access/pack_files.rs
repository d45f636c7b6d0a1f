//! Pack and run files for callers who do not see everything. Tables are cut down to what is there for them; the base
//! map (terrain, blocks of buildings, mesh) is for whoever may look at the community at all; the inside of a building
//! for those who see something of it; a file that nothing is known of only for those who see everything.

use super::caller::Caller;
use super::filter::is_unrestricted;
use crate::twin::Twin;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use community_pack::{Graph, Pack, Plans, write_entities};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use twin_model::{CommunityModel, Entity, EntityId, EntityKind, FeatureRef, LayerKind, RunId};

/// Entity tables kept ready, one for each kind of scope.
const TABLES: usize = 16;
/// Files of a run that hold more than the run is about.
const RUN_INPUTS: [&str; 3] = ["live.json", "state.bin", "flood.json"];

/// What the files of the server are judged by.
pub(crate) struct ScopedFiles {
    twin: Arc<Twin>,
    tables: Mutex<BTreeMap<u64, Bytes>>,
}

impl ScopedFiles {
    pub(crate) fn new(twin: Arc<Twin>) -> Arc<Self> {
        Arc::new(Self { twin, tables: Mutex::default() })
    }
}

/// What becomes of a file.
enum Fate {
    /// As it is on disk.
    Whole,
    /// There is no such file.
    Missing,
    /// This instead.
    Instead(&'static str, Bytes),
}

/// Stands before the file services.
pub(crate) async fn scoped_files(
    State(files): State<Arc<ScopedFiles>>,
    caller: Caller,
    request: Request,
    next: Next,
) -> Response {
    if matches!(caller, Caller::Open) {
        return next.run(request).await;
    }
    let path = request.uri().path().to_owned();
    let judged = tokio::task::spawn_blocking(move || files.judge(&caller, &path)).await;
    match judged {
        Ok(Fate::Whole) => next.run(request).await,
        Ok(Fate::Instead(kind, bytes)) => ([(header::CONTENT_TYPE, kind)], bytes).into_response(),
        Ok(Fate::Missing) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            tracing::error!(%error, "scoped file");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The path as the file service will read it: percent signs decoded once; `None` for one that is not plain.
fn plain_path(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        let digit = |b: Option<u8>| char::from(b?).to_digit(16);
        bytes.push(match byte {
            b'%' => u8::try_from(digit(rest.next())? << 4 | digit(rest.next())?).ok()?,
            other => other,
        });
    }
    let text = String::from_utf8(bytes).ok()?;
    let parts = text.strip_prefix('/')?.split('/');
    let plain = parts.clone().all(|p| !p.is_empty() && p != "." && p != "..") && !text.contains(['\\', '\0', ':']);
    plain.then_some(text)
}

fn json(text: String) -> Fate {
    Fate::Instead("application/json", text.into())
}

impl ScopedFiles {
    fn judge(&self, caller: &Caller, path: &str) -> Fate {
        let Some(path) = plain_path(path) else { return Fate::Missing };
        if let Some(name) = path.strip_prefix("/pack/") {
            return self.pack_file(caller, name);
        }
        path.strip_prefix("/runs/").map_or(Fate::Missing, |rest| self.run_file(caller, rest))
    }

    fn run_file(&self, caller: &Caller, rest: &str) -> Fate {
        let Some((id, name)) = rest.split_once('/') else { return Fate::Missing };
        let Ok(id) = id.parse().map(RunId) else { return Fate::Missing };
        let run = self.twin.read().live().run(id).cloned();
        let seen = run.is_some_and(|r| caller.sees_run(&self.twin.places, &r));
        let whole = is_unrestricted(caller);
        if seen && (whole || !RUN_INPUTS.contains(&name)) { Fate::Whole } else { Fate::Missing }
    }

    fn pack_file(&self, caller: &Caller, name: &str) -> Fate {
        let pack = &self.twin.pack;
        let files = &pack.manifest.files;
        if [&files.entities, &files.bindings, &files.cameras].into_iter().any(|table| table == name) {
            caller.reads_everything();
        }
        if is_unrestricted(caller) || name == files.device_types {
            return Fate::Whole;
        }
        let everything = caller.sees_everything();
        if name == files.entities {
            return self.entity_table(caller);
        }
        if name == files.bindings || name == files.devices || name == files.cameras {
            return self.table(caller, name);
        }
        if name.starts_with("properties/") {
            return self.property_sets(caller, name);
        }
        if everything {
            return Fate::Whole;
        }
        if name == "community.json" {
            return self.manifest(caller);
        }
        if name == files.graph {
            return self.graph(caller);
        }
        if files.plans.as_deref() == Some(name) {
            return self.plans(caller);
        }
        if is_base_map(pack, name) || sees_inside(pack, caller, name) { Fate::Whole } else { Fate::Missing }
    }

    fn manifest(&self, caller: &Caller) -> Fate {
        let mut manifest = self.twin.pack.manifest.clone();
        manifest.entities = self.rows(caller).len();
        // Names of delivered files tell of buildings and systems.
        manifest.provenance.clear();
        json(manifest.to_json())
    }

    /// The table with empty rows in the place of what is not there for the caller: numbers are positions. It ends with
    /// the last row that is there.
    fn rows(&self, caller: &Caller) -> Vec<Entity> {
        let entities = self.twin.pack.model.entities();
        let end = entities.iter().rposition(|e| caller.sees(e.id)).map_or(0, |last| last + 1);
        let shown = entities.iter().take(end);
        shown.map(|e| if caller.sees(e.id) { caller.entity(e).into_owned() } else { empty_row(e.id) }).collect()
    }

    fn entity_table(&self, caller: &Caller) -> Fate {
        let Caller::Known(visit) = caller else { return Fate::Missing };
        let fingerprint = visit.session.scope.fingerprint();
        let tables = || self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let held = tables().get(&fingerprint).cloned();
        let table = held.or_else(|| {
            let mut bytes = Vec::new();
            if let Err(error) = write_entities(&self.rows(caller), &self.twin.pack.manifest.origin, &mut bytes) {
                tracing::error!(%error, "scoped entity table");
                return None;
            }
            let bytes = Bytes::from(bytes);
            let mut tables = tables();
            if tables.len() >= TABLES {
                tables.clear();
            }
            tables.insert(fingerprint, bytes.clone());
            Some(bytes)
        });
        table.map_or(Fate::Missing, |bytes| Fate::Instead("application/octet-stream", bytes))
    }

    /// A table by its column `entity_id`; with a column `property` by series.
    fn table(&self, caller: &Caller, name: &str) -> Fate {
        let Ok(bytes) = self.twin.pack.read(name) else { return Fate::Missing };
        match cut_table(&bytes, |entity, property| match property.map(|key| self.twin.pack.properties.id(key)) {
            None => caller.sees(entity),
            Some(id) => id.is_some_and(|p| caller.sees_series(entity, p)),
        }) {
            Ok(text) => Fate::Instead("text/csv", text.into()),
            Err(error) => {
                tracing::error!(%error, name, "scoped table");
                Fate::Missing
            }
        }
    }

    /// One object of property sets by entity.
    fn property_sets(&self, caller: &Caller, name: &str) -> Fate {
        let read = self.twin.pack.read(name).ok();
        let sets: Option<serde_json::Map<_, _>> = read.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let Some(mut sets) = sets else { return Fate::Missing };
        sets.retain(|key, _| key.parse().is_ok_and(|id| caller.sees(EntityId(id))));
        if sets.is_empty() { Fate::Missing } else { json(serde_json::Value::Object(sets).to_string()) }
    }

    fn graph(&self, caller: &Caller) -> Fate {
        let Ok(mut graph) = self.twin.pack.graph() else { return Fate::Missing };
        cut_graph(&mut graph, |e| caller.sees(e));
        json(graph.to_json())
    }

    fn plans(&self, caller: &Caller) -> Fate {
        let Ok(mut plans) = self.twin.pack.plans() else { return Fate::Missing };
        plans.buildings.retain(|p| p.building.is_some_and(|b| caller.sees(b)));
        // They do not say of which building they are.
        plans.defects.clear();
        json(Plans::to_json(&plans))
    }
}

fn cut_graph(graph: &mut Graph, sees: impl Fn(EntityId) -> bool) {
    graph.drainage.nodes.retain(|n| sees(n.entity));
    graph.drainage.links.retain(|l| sees(l.entity));
    for link in &mut graph.drainage.links {
        link.from = link.from.filter(|n| sees(*n));
        link.to = link.to.filter(|n| sees(*n));
    }
    graph.buildings.retain(|b| sees(b.building));
    graph.roads.links.retain(|l| sees(l.entity));
}

fn cut_table(bytes: &[u8], keep: impl Fn(EntityId, Option<&str>) -> bool) -> Result<Vec<u8>, csv::Error> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let headers = reader.headers()?.clone();
    let column = |name: &str| headers.iter().position(|h| h == name);
    let (entity, property, on) = (column("entity_id"), column("property"), column("on_entity"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&headers)?;
    for row in reader.records() {
        // A row that does not read is one that the server left out as well.
        let Ok(row) = row else { continue };
        let id = entity.and_then(|i| row.get(i)?.parse().ok()).map(EntityId);
        if !id.is_some_and(|id| keep(id, property.and_then(|i| row.get(i)))) {
            continue;
        }
        let hidden = |i: usize, text: &str| Some(i) == on && text.parse().is_ok_and(|id| !keep(EntityId(id), None));
        let cells = row.iter().enumerate().map(|(i, text)| if hidden(i, text) { "" } else { text });
        writer.write_record(cells)?;
    }
    writer.into_inner().map_err(|e| e.into_error().into())
}

/// A row that says nothing.
fn empty_row(id: EntityId) -> Entity {
    Entity {
        id,
        kind: EntityKind::Landcover,
        parent: None,
        name: String::new(),
        code: String::new(),
        class: String::new(),
        p_enu: [0.0; 3],
        height_m: 0.0,
        base_z_m: 0.0,
        footprint: None,
        line: vec![],
        camera: None,
        attributes: Default::default(),
        source: FeatureRef::default(),
    }
}

/// The folder of a layer.
fn folder(tileset: &str) -> &str {
    tileset.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn in_folder(name: &str, folder: &str) -> bool {
    !folder.is_empty() && name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

fn is_base_map(pack: &Pack, name: &str) -> bool {
    let terrain = pack.manifest.terrain.as_ref();
    let raster = terrain.is_some_and(|t| t.path == name || t.landcover.as_deref() == Some(name));
    let layers = pack.manifest.layers.iter();
    let tiles = layers.filter(|l| matches!(l.kind, LayerKind::Terrain | LayerKind::Buildings | LayerKind::Mesh));
    raster || tiles.into_iter().any(|l| in_folder(name, folder(&l.tileset)))
}

/// True for a file of a building model of which something is there for the caller.
fn sees_inside(pack: &Pack, caller: &Caller, name: &str) -> bool {
    let layers = pack.manifest.layers.iter().enumerate();
    let of = layers.filter(|(_, l)| l.kind == LayerKind::Bim && in_folder(name, folder(&l.tileset)));
    let seen = |layer: usize, model: &CommunityModel| {
        model.entities().iter().any(|e| usize::from(e.source.layer.0) == layer && caller.sees(e.id))
    };
    of.into_iter().any(|(index, _)| seen(index, &pack.model))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_once_and_plain() {
        assert_eq!(plain_path("/pack/bim/3%E5%8F%B7/a.glb").as_deref(), Some("/pack/bim/3号/a.glb"));
        for bad in
            ["/pack/%2e%2e/x", "/pack/a//b", "/pack/./x", "/pack/a%00", "/pack/%", "/pack/%zz", "/pack/a\\b", "x"]
        {
            assert_eq!(plain_path(bad), None, "{bad}");
        }
        assert_eq!(plain_path("/pack/a%252e").as_deref(), Some("/pack/a%2e"));
    }

    #[test]
    fn tables_lose_the_rows_of_others() {
        let csv = "device_code,entity_id,name,on_entity\nA,1,\"x, y\",7\nB,2,z,1\nC,nine,z,\n";
        let cut = cut_table(csv.as_bytes(), |e, _| e == EntityId(1)).unwrap();
        assert_eq!(String::from_utf8(cut).unwrap(), "device_code,entity_id,name,on_entity\nA,1,\"x, y\",\n");
        let csv = "topic,entity_id,property\na,1,smoke\nb,1,meter\n";
        let cut = cut_table(csv.as_bytes(), |_, p| p == Some("smoke")).unwrap();
        assert_eq!(String::from_utf8(cut).unwrap(), "topic,entity_id,property\na,1,smoke\n");
    }
}
