//! The entity table while it grows.

use community_pack::NO_LAYER;
use std::collections::BTreeMap;
use twin_model::{AttrValue, Entity, EntityId, EntityKind, FeatureRef, LayerId, Polygon};

/// Rows and the keys that deliveries use for them.
#[derive(Debug, Default)]
pub(crate) struct Entities {
    pub rows: Vec<Entity>,
    by_key: BTreeMap<(EntityKind, String), EntityId>,
    by_code: BTreeMap<String, EntityId>,
}

impl Entities {
    /// A row with nothing but kind, name and key; fill the rest before [`Self::add`].
    pub fn blank(kind: EntityKind, name: impl Into<String>, key: impl Into<String>) -> Entity {
        Entity {
            id: EntityId(0),
            kind,
            parent: None,
            name: name.into(),
            code: String::new(),
            class: String::new(),
            p_enu: [0.0; 3],
            height_m: 0.0,
            base_z_m: 0.0,
            footprint: None,
            line: Vec::new(),
            camera: None,
            attributes: BTreeMap::new(),
            source: FeatureRef { layer: NO_LAYER, key: key.into() },
        }
    }

    /// Adds a row; its id is its position. The first row of a key and of a code is the one that is found later.
    pub fn add(&mut self, mut entity: Entity) -> EntityId {
        let id = EntityId(u32::try_from(self.rows.len()).unwrap_or(u32::MAX));
        entity.id = id;
        tidy(&mut entity);
        if !entity.source.key.is_empty() {
            self.by_key.entry((entity.kind, entity.source.key.clone())).or_insert(id);
        }
        if !entity.code.is_empty() {
            self.by_code.entry(entity.code.clone()).or_insert(id);
        }
        self.rows.push(entity);
        id
    }

    pub fn by_key(&self, kind: EntityKind, key: &str) -> Option<EntityId> {
        self.by_key.get(&(kind, key.to_owned())).copied()
    }

    pub fn by_code(&self, code: &str) -> Option<EntityId> {
        self.by_code.get(code).copied()
    }

    pub fn get(&self, id: EntityId) -> Option<&Entity> {
        self.rows.get(id.0 as usize)
    }

    pub fn get_mut(&mut self, id: EntityId) -> Option<&mut Entity> {
        self.rows.get_mut(id.0 as usize)
    }

    pub fn of_kind(&self, kind: EntityKind) -> impl Iterator<Item = &Entity> {
        self.rows.iter().filter(move |e| e.kind == kind)
    }

    /// The first entity of a kind whose outline holds the point.
    pub fn containing(&self, kind: EntityKind, p: [f64; 2]) -> Option<EntityId> {
        self.of_kind(kind).find(|e| e.footprint.as_ref().is_some_and(|f| f.contains(p))).map(|e| e.id)
    }

    /// The entity of a kind with this name.
    pub fn named(&self, kind: EntityKind, name: &str) -> Option<EntityId> {
        self.of_kind(kind).find(|e| e.name == name).map(|e| e.id)
    }

    pub fn set_layer(&mut self, id: EntityId, layer: LayerId) {
        if let Some(row) = self.get_mut(id) {
            row.source.layer = layer;
        }
    }

    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for row in &self.rows {
            *counts.entry(row.kind.tag()).or_insert(0) += 1;
        }
        counts
    }
}

/// Tenths of a millimetre are enough, keep the table small and make equal places equal. Zero never has a sign.
pub(crate) fn round(v: f64) -> f64 {
    (v * 10_000.0).round() / 10_000.0 + 0.0
}

fn tidy(e: &mut Entity) {
    e.p_enu = e.p_enu.map(round);
    e.height_m = round(e.height_m);
    e.base_z_m = round(e.base_z_m);
    e.line.iter_mut().for_each(|p| *p = p.map(round));
    if let Some(Polygon(rings)) = &mut e.footprint {
        rings.iter_mut().flatten().for_each(|p| *p = p.map(round));
    }
    e.attributes.retain(|_, v| match v {
        AttrValue::Number(n) => n.is_finite(),
        AttrValue::Text(t) => !t.is_empty(),
        AttrValue::Bool(_) => true,
    });
}
