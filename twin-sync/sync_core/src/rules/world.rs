//! What rules need to know of the community: classes, kinds, parents, areas.

use crate::live::fnv1a_64;
use std::collections::BTreeMap;
use twin_model::{CommunityModel, EntityId, EntityKind, Polygon, PropertyId, PropertyTable};

const NO_CLASS: u16 = u16::MAX;
const NO_PARENT: u32 = u32::MAX;
/// Deeper than this is a cycle.
const DEEPEST: usize = 65;

/// A device class as rules see it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ClassFacts {
    pub(crate) key: String,
    pub(crate) interval_ms: i64,
    pub(crate) first_property: Option<PropertyId>,
}

/// Facts about every entity, by id. About 30 bytes each.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub(crate) classes: Vec<ClassFacts>,
    pub(crate) table: PropertyTable,
    class_of: Vec<u16>,
    kind_of: Vec<Option<EntityKind>>,
    parent_of: Vec<u32>,
    /// Hash of the code, sorted.
    codes: Vec<(u64, EntityId)>,
    /// Entities of each class.
    members: Vec<Vec<EntityId>>,
    areas: BTreeMap<EntityId, Polygon>,
}

impl World {
    pub(crate) fn of_model(model: &CommunityModel, table: &PropertyTable) -> Self {
        let mut world = Self::with_classes(table);
        let index: BTreeMap<&str, u16> = table.classes.keys().map(String::as_str).zip(0..).collect();
        for e in model.entities() {
            world.class_of.push(index.get(e.class.as_str()).copied().unwrap_or(NO_CLASS));
            world.kind_of.push(Some(e.kind));
            world.parent_of.push(e.parent.map_or(NO_PARENT, |p| p.0));
            world.codes.push((fnv1a_64(e.code.as_bytes()), e.id));
            if let Some(area) = e.footprint.as_ref().filter(|_| e.kind < EntityKind::Unit || e.kind > EntityKind::Gate)
            {
                world.areas.insert(e.id, area.clone());
            }
        }
        world.codes.sort_unstable();
        world.list_members();
        world
    }

    fn list_members(&mut self) {
        self.members = vec![Vec::new(); self.classes.len()];
        for (row, class) in self.class_of.iter().enumerate() {
            if let (Some(list), Ok(id)) = (self.members.get_mut(usize::from(*class)), u32::try_from(row)) {
                list.push(EntityId(id));
            }
        }
    }

    /// The entities of a class, by id.
    pub(crate) fn members(&self, class: u16) -> &[EntityId] {
        self.members.get(usize::from(class)).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn of_pairs<'a>(pairs: impl IntoIterator<Item = (EntityId, &'a str)>, table: &PropertyTable) -> Self {
        let mut world = Self::with_classes(table);
        let index: BTreeMap<&str, u16> = table.classes.keys().map(String::as_str).zip(0..).collect();
        for (id, class) in pairs {
            let row = id.0 as usize;
            if world.class_of.len() <= row {
                world.class_of.resize(row + 1, NO_CLASS);
                world.kind_of.resize(row + 1, None);
                world.parent_of.resize(row + 1, NO_PARENT);
            }
            if let (Some(slot), Some(kind)) = (world.class_of.get_mut(row), world.kind_of.get_mut(row)) {
                *slot = index.get(class).copied().unwrap_or(NO_CLASS);
                *kind = Some(EntityKind::Device);
            }
        }
        world.list_members();
        world
    }

    fn with_classes(table: &PropertyTable) -> Self {
        let facts = |(key, class): (&String, &twin_model::DeviceClass)| ClassFacts {
            key: key.clone(),
            interval_ms: (class.expected_interval_s * 1000.0) as i64,
            first_property: class.properties.first().and_then(|p| table.id(p)),
        };
        Self { classes: table.classes.iter().map(facts).collect(), table: table.clone(), ..Self::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.class_of.len()
    }

    pub(crate) fn class_number(&self, key: &str) -> Option<u16> {
        self.classes.binary_search_by(|c| c.key.as_str().cmp(key)).ok().and_then(|i| u16::try_from(i).ok())
    }

    pub(crate) fn class(&self, id: EntityId) -> Option<u16> {
        self.class_of.get(id.0 as usize).copied().filter(|c| *c != NO_CLASS)
    }

    pub(crate) fn facts(&self, id: EntityId) -> Option<&ClassFacts> {
        self.classes.get(usize::from(self.class(id)?))
    }

    pub(crate) fn kind(&self, id: EntityId) -> Option<EntityKind> {
        self.kind_of.get(id.0 as usize).copied().flatten()
    }

    pub(crate) fn area(&self, id: EntityId) -> Option<&Polygon> {
        self.areas.get(&id)
    }

    pub(crate) fn by_code(&self, code: &str) -> Option<EntityId> {
        let hash = fnv1a_64(code.as_bytes());
        let at = self.codes.partition_point(|(h, _)| *h < hash);
        self.codes.get(at).filter(|(h, _)| *h == hash).map(|(_, id)| *id)
    }

    /// The entity, its parent, grandparent …
    pub(crate) fn lineage(&self, id: EntityId) -> impl Iterator<Item = EntityId> {
        let parent = |e: &EntityId| {
            let p = self.parent_of.get(e.0 as usize).copied().filter(|p| *p != NO_PARENT);
            p.map(EntityId)
        };
        std::iter::successors(Some(id), parent).take(DEEPEST)
    }

    pub(crate) fn nearest(&self, id: EntityId, kind: EntityKind) -> Option<EntityId> {
        self.lineage(id).find(|e| self.kind(*e) == Some(kind))
    }

    pub(crate) fn is_within(&self, id: EntityId, place: EntityId) -> bool {
        self.lineage(id).any(|e| e == place)
    }

    pub(crate) fn entities(&self) -> impl Iterator<Item = EntityId> + use<> {
        (0..u32::try_from(self.len()).unwrap_or(u32::MAX)).map(EntityId)
    }
}
