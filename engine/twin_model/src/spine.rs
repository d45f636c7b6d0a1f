//! The community model: entities on the address spine, with search.

use crate::{Entity, EntityId, EntityKind};
use serde::{Deserialize, Serialize};

/// Name and jurisdiction of a community.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Community {
    /// Short key, `[a-z0-9_-]+`.
    pub id: String,
    /// Chinese name.
    pub name: String,
    /// English name.
    #[serde(default)]
    pub name_en: String,
    /// Twelve-digit division code (GB/T 2260 + street + community).
    #[serde(default)]
    pub division: String,
}

/// A table that contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// `id` must equal the position in the table.
    #[error("entity at row {row} has id {id}: ids must count up from 0")]
    IdOrder {
        /// Row.
        row: usize,
        /// Its id.
        id: EntityId,
    },
    /// The parent is not in the table.
    #[error("entity {id} ({name}) has parent {parent}, which is not in the table of {len} rows")]
    UnknownParent {
        /// The entity.
        id: EntityId,
        /// Its name.
        name: String,
        /// The missing parent.
        parent: EntityId,
        /// Table length.
        len: usize,
    },
    /// Following parents never ends.
    #[error("entity {0} is its own ancestor")]
    Cycle(EntityId),
}

/// A search result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchHit {
    /// What was found.
    pub id: EntityId,
    /// Address from the estate (or grid) down: "柳岸花园 3号楼 2单元 5层 502室".
    pub address: String,
    /// Higher is better.
    pub score: i32,
}

/// All entities of one community. Changes only by loading another pack (edits come with the scenario editor).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CommunityModel {
    /// Name and jurisdiction.
    pub community: Community,
    entities: Vec<Entity>,
    children: Vec<Vec<EntityId>>,
}

impl CommunityModel {
    /// Checks ids and parents and indexes children.
    ///
    /// # Errors
    /// [`ModelError`] naming the first bad row.
    pub fn new(community: Community, entities: Vec<Entity>) -> Result<Self, ModelError> {
        let mut children = vec![Vec::new(); entities.len()];
        for (row, entity) in entities.iter().enumerate() {
            if entity.id.0 as usize != row {
                return Err(ModelError::IdOrder { row, id: entity.id });
            }
            if let Some(parent) = entity.parent {
                let slot = children.get_mut(parent.0 as usize).ok_or_else(|| ModelError::UnknownParent {
                    id: entity.id,
                    name: entity.name.clone(),
                    parent,
                    len: entities.len(),
                })?;
                slot.push(entity.id);
            }
        }
        let model = Self { community, entities, children };
        match model.entities.iter().find(|e| model.ancestors(e.id).nth(64).is_some()) {
            Some(e) => Err(ModelError::Cycle(e.id)),
            None => Ok(model),
        }
    }

    /// Every entity, by id.
    #[must_use]
    pub fn entities(&self) -> &[Entity] {
        &self.entities
    }

    /// One entity.
    #[must_use]
    pub fn get(&self, id: EntityId) -> Option<&Entity> {
        self.entities.get(id.0 as usize)
    }

    /// Entities whose parent is `id`, in table order.
    #[must_use]
    pub fn children(&self, id: EntityId) -> &[EntityId] {
        self.children.get(id.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// Entities of one kind, in table order.
    pub fn of_kind(&self, kind: EntityKind) -> impl Iterator<Item = &Entity> {
        self.entities.iter().filter(move |e| e.kind == kind)
    }

    /// Parent, grandparent … of an entity; at most 65 (deeper is a cycle).
    pub fn ancestors(&self, id: EntityId) -> impl Iterator<Item = &Entity> {
        std::iter::successors(self.get(id), |e| e.parent.and_then(|p| self.get(p))).skip(1).take(65)
    }

    /// The nearest ancestor-or-self of a kind.
    #[must_use]
    pub fn nearest(&self, id: EntityId, kind: EntityKind) -> Option<&Entity> {
        self.get(id).filter(|e| e.kind == kind).or_else(|| self.ancestors(id).find(|e| e.kind == kind))
    }

    /// Every entity below `id`, depth first.
    #[must_use]
    pub fn descendants(&self, id: EntityId) -> Vec<EntityId> {
        let mut found = Vec::new();
        let mut stack: Vec<EntityId> = self.children(id).iter().rev().copied().collect();
        while let Some(next) = stack.pop() {
            found.push(next);
            stack.extend(self.children(next).iter().rev());
        }
        found
    }

    /// Address words from the estate down (from the top when it lies in no estate).
    #[must_use]
    pub fn address(&self, id: EntityId) -> String {
        let Some(entity) = self.get(id) else { return String::new() };
        let mut words = vec![entity.name.as_str()];
        for ancestor in self.ancestors(id) {
            if matches!(ancestor.kind, EntityKind::District | EntityKind::Street | EntityKind::Community) {
                break;
            }
            if ancestor.kind == EntityKind::Grid && words.len() > 1 {
                break;
            }
            words.push(ancestor.name.as_str());
        }
        words.reverse();
        words.join(" ")
    }

    /// The grid whose polygon contains the point.
    #[must_use]
    pub fn grid_at(&self, p_enu: [f64; 2]) -> Option<EntityId> {
        self.of_kind(EntityKind::Grid).find(|g| g.footprint.as_ref().is_some_and(|f| f.contains(p_enu))).map(|g| g.id)
    }

    /// Finds entities whose address or code contains every word of `query` (words are split at spaces; a run of
    /// digits and a run of letters or Chinese are separate words, so that "3号楼502" finds "3号楼 2单元 502室").
    #[must_use]
    pub fn search(&self, query: &str, limit: usize) -> Vec<SearchHit> {
        let words = split_words(query);
        if words.is_empty() {
            return Vec::new();
        }
        let mut hits: Vec<SearchHit> = self.entities.iter().filter_map(|e| self.score(e, &words)).collect();
        hits.sort_by(|a, b| b.score.cmp(&a.score).then(a.id.cmp(&b.id)));
        hits.truncate(limit);
        hits
    }

    fn score(&self, entity: &Entity, words: &[String]) -> Option<SearchHit> {
        let address = self.address(entity.id);
        let (haystack, code) = (address.to_lowercase(), entity.code.to_lowercase());
        let name = entity.name.to_lowercase();
        let mut score = if entity.kind.is_spine() { 20 } else { 0 };
        for word in words {
            if name == *word {
                score += 60;
            } else if name.starts_with(word.as_str()) {
                score += 30;
            } else if name.contains(word.as_str()) {
                score += 20;
            } else if haystack.contains(word.as_str()) {
                score += 8;
            } else if code == *word || (word.len() >= 4 && code.contains(word.as_str())) {
                score += 25;
            } else {
                return None;
            }
        }
        // Of equally good names the shorter (higher) address comes first: the building before its rooms.
        score -= address.split(' ').count() as i32 * 2;
        Some(SearchHit { id: entity.id, address, score })
    }
}

/// Splits a query into words of one character class.
fn split_words(query: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for part in query.to_lowercase().split_whitespace() {
        let mut word = String::new();
        let mut was_digit = false;
        for c in part.chars() {
            let digit = c.is_ascii_digit();
            // "3号楼": digits bind to what follows; a digit after non-digits starts a new word.
            if digit && !was_digit && !word.is_empty() && !word.is_ascii() {
                words.push(std::mem::take(&mut word));
            }
            word.push(c);
            was_digit = digit;
        }
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FeatureRef, Polygon};

    fn entity(id: u32, kind: EntityKind, parent: Option<u32>, name: &str) -> Entity {
        Entity {
            id: EntityId(id),
            kind,
            parent: parent.map(EntityId),
            name: name.into(),
            code: format!("code-{id}"),
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

    fn model() -> CommunityModel {
        let mut rows = vec![
            entity(0, EntityKind::Community, None, "柳湾社区"),
            entity(1, EntityKind::Grid, Some(0), "第一网格"),
            entity(2, EntityKind::Estate, Some(1), "柳岸花园"),
            entity(3, EntityKind::Building, Some(2), "3号楼"),
            entity(4, EntityKind::Unit, Some(3), "2单元"),
            entity(5, EntityKind::Storey, Some(4), "5层"),
            entity(6, EntityKind::Household, Some(5), "502室"),
            entity(7, EntityKind::Building, Some(2), "13号楼"),
        ];
        rows[1].footprint = Some(Polygon(vec![vec![[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]]]));
        CommunityModel::new(Community::default(), rows).unwrap()
    }

    #[test]
    fn addresses_start_at_the_estate() {
        assert_eq!(model().address(EntityId(6)), "柳岸花园 3号楼 2单元 5层 502室");
        assert_eq!(model().nearest(EntityId(6), EntityKind::Building).map(|b| b.id), Some(EntityId(3)));
        assert_eq!(model().descendants(EntityId(3)), [EntityId(4), EntityId(5), EntityId(6)]);
    }

    #[test]
    fn search_needs_every_word_and_ranks_exact_names() {
        let m = model();
        assert_eq!(m.search("3号楼502", 5)[0].id, EntityId(6));
        assert_eq!(m.search("柳岸 3号楼", 5)[0].id, EntityId(3));
        assert_eq!(m.search("code-7", 5)[0].id, EntityId(7));
        assert!(m.search("柳岸 9号楼", 5).is_empty() && m.search("  ", 5).is_empty());
    }

    #[test]
    fn points_fall_into_grids() {
        assert_eq!(model().grid_at([5.0, 5.0]), Some(EntityId(1)));
        assert_eq!(model().grid_at([50.0, 5.0]), None);
    }

    #[test]
    fn bad_tables_are_named() {
        let rows = vec![entity(0, EntityKind::Building, Some(9), "甲")];
        let error = CommunityModel::new(Community::default(), rows).unwrap_err();
        assert!(error.to_string().contains("parent 9"));
        let rows = vec![entity(0, EntityKind::Building, Some(1), "甲"), entity(1, EntityKind::Unit, Some(0), "乙")];
        assert!(matches!(CommunityModel::new(Community::default(), rows), Err(ModelError::Cycle(_))));
    }
}
