//! Full property sets of BIM elements, fetched when one is selected.

use bevy::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;
use twin_bevy::{Community, Fetches, Notices, Now, Selection, Ticket, TwinSystems};
use twin_model::{AttrValue, EntityId};

type Sets = Vec<(String, Vec<(String, String)>)>;

/// Property sets that have arrived.
#[derive(Resource, Default)]
pub struct PropertySets {
    files: BTreeMap<String, BTreeMap<u32, Sets>>,
    by_entity: BTreeMap<EntityId, String>,
    fetching: Option<(String, Ticket)>,
}

/// Files kept; each holds a storey or a chunk.
const FILES: usize = 32;

impl PropertySets {
    /// Sets of an entity: name, rows; empty before they have arrived.
    #[must_use]
    pub fn of(&self, id: EntityId) -> Sets {
        let file = self.by_entity.get(&id).and_then(|path| self.files.get(path));
        file.and_then(|f| f.get(&id.0)).cloned().unwrap_or_default()
    }
}

fn parse(bytes: &[u8]) -> Result<BTreeMap<u32, Sets>, String> {
    let all: BTreeMap<String, BTreeMap<String, Value>> = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
    let rows = |set: &Value| match set {
        Value::Object(rows) => rows.iter().map(|(k, v)| (k.clone(), word(v))).collect(),
        other => vec![(String::new(), word(other))],
    };
    Ok(all
        .into_iter()
        .filter_map(|(id, sets)| {
            Some((id.parse().ok()?, sets.iter().map(|(name, set)| (name.clone(), rows(set))).collect()))
        })
        .collect())
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(b) => if *b { "是" } else { "否" }.to_owned(),
        Value::Null => "—".to_owned(),
        other => other.to_string(),
    }
}

fn fetch(
    mut sets: ResMut<PropertySets>,
    mut fetches: ResMut<Fetches>,
    mut notices: ResMut<Notices>,
    selection: Res<Selection>,
    community: Res<Community>,
    now: Res<Now>,
) {
    if let Some((path, ticket)) = sets.fetching.take() {
        match fetches.take(ticket) {
            None => {
                sets.fetching = Some((path, ticket));
                return;
            }
            Some(Ok(bytes)) => {
                let parsed = parse(&bytes).unwrap_or_else(|e| {
                    notices.push(format!("{path}: {e}"), true, now.viewer);
                    BTreeMap::new()
                });
                if sets.files.len() >= FILES {
                    sets.files.pop_first();
                }
                sets.files.insert(path, parsed);
            }
            Some(Err(error)) => {
                notices.push(error, true, now.viewer);
                sets.files.insert(path, BTreeMap::new());
            }
        }
    }
    let Some(id) = selection.0 else { return };
    let Some(AttrValue::Text(path)) = community.0.get(id).and_then(|e| e.attributes.get("psets")) else { return };
    if !sets.by_entity.contains_key(&id) {
        sets.by_entity.insert(id, path.clone());
    }
    if !sets.files.contains_key(path) {
        sets.fetching = Some((path.clone(), fetches.fetch(path)));
    }
}

pub(crate) fn register(app: &mut App) {
    app.init_resource::<PropertySets>()
        .add_systems(Update, fetch.in_set(TwinSystems::Publish).run_if(resource_exists::<Community>));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_read_by_entity() {
        let sets =
            parse(r#"{"12":{"Pset_WallCommon":{"IsExternal":true,"FireRating":"1h"}},"x":{}}"#.as_bytes()).unwrap();
        assert_eq!(sets.len(), 1);
        assert_eq!(sets[&12][0].0, "Pset_WallCommon");
        assert!(sets[&12][0].1.contains(&("IsExternal".to_owned(), "是".to_owned())));
        assert!(parse(b"[1]").is_err());
    }
}
