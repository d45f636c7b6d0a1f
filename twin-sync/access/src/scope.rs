//! What one session may see and do, compiled from its grants: a decision is a look into bitmaps.

use crate::grant::{Field, Grant};
use crate::role::{Action, ActionSet};
use crate::territory::Territory;
use twin_model::{EntityId, TimeMs};

/// A bit for each entity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    pub(crate) fn new(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(64)] }
    }
    pub(crate) fn set(&mut self, index: usize) {
        if let Some(word) = self.words.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
    }
    pub(crate) fn contains(&self, index: usize) -> bool {
        self.words.get(index / 64).is_some_and(|word| word & (1 << (index % 64)) != 0)
    }
    fn unite(&mut self, other: &Bits) {
        for (word, more) in self.words.iter_mut().zip(&other.words) {
            *word |= more;
        }
    }
    fn count(&self) -> usize {
        self.words.iter().map(|w| w.count_ones() as usize).sum()
    }
}

/// One valid grant over the entities that it reaches.
#[derive(Debug, Clone)]
struct Part {
    actions: ActionSet,
    fields: crate::FieldMask,
    whole: bool,
    seen: Bits,
    within: Bits,
}

/// What a session may see and do. Cheap to ask, compiled anew when grants change or their time comes or goes.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    parts: Vec<Part>,
    seen: Bits,
    whole: bool,
    changes_at: Option<TimeMs>,
    fingerprint: u64,
}

impl Scope {
    /// Compiles the grants that are valid at `at`.
    #[must_use]
    pub fn compile(grants: &[Grant], territory: &Territory, at: TimeMs) -> Self {
        let mut seen = Bits::new(territory.len());
        let valid = grants.iter().filter(|g| g.is_valid_at(at));
        let parts: Vec<Part> = valid
            .map(|grant| {
                let (own, within) = (territory.bits(grant), territory.within(&grant.jurisdiction));
                seen.unite(&own);
                let whole = territory.is_whole(&grant.jurisdiction);
                Part { actions: grant.role.actions(), fields: grant.fields, whole, seen: own, within }
            })
            .collect();
        let edges = grants.iter().flat_map(|g| [g.from, g.to]).flatten();
        let changes_at = edges.filter(|edge| *edge > at).min();
        let whole = seen.count() == territory.len() && parts.iter().any(|p| p.whole);
        let fingerprint = fingerprint(&parts);
        Self { parts, seen, whole, changes_at, fingerprint }
    }

    /// True when the entity is there for this session. One that is not must answer exactly as one that does not exist.
    #[must_use]
    pub fn sees(&self, entity: EntityId) -> bool {
        self.seen.contains(entity.0 as usize)
    }

    /// True when the action is permitted on the entity.
    #[must_use]
    pub fn may(&self, action: Action, entity: EntityId) -> bool {
        self.parts.iter().any(|p| p.actions.contains(action) && p.seen.contains(entity.0 as usize))
    }

    /// True when a masked field of the entity is shown.
    #[must_use]
    pub fn shows(&self, field: Field, entity: EntityId) -> bool {
        self.parts.iter().any(|p| p.fields.contains(field) && p.seen.contains(entity.0 as usize))
    }

    /// True when the action is permitted in a place that only a grid (or another entity around it) names, whatever the
    /// class mask: for a case that is about no thing.
    #[must_use]
    pub fn may_at(&self, action: Action, around: Option<EntityId>) -> bool {
        self.parts.iter().any(|p| p.actions.contains(action) && p.covers(around))
    }

    /// As [`Scope::may_at`], for a masked field.
    #[must_use]
    pub fn shows_at(&self, field: Field, around: Option<EntityId>) -> bool {
        self.parts.iter().any(|p| p.fields.contains(field) && p.covers(around))
    }

    /// True when the action is permitted in the whole community.
    #[must_use]
    pub fn may_everywhere(&self, action: Action) -> bool {
        self.may_at(action, None)
    }

    /// True when the action is permitted somewhere.
    #[must_use]
    pub fn may_somewhere(&self, action: Action) -> bool {
        self.actions().contains(action)
    }

    /// True when a masked field is shown somewhere.
    #[must_use]
    pub fn shows_somewhere(&self, field: Field) -> bool {
        self.parts.iter().any(|p| p.fields.contains(field))
    }

    /// Everything that is permitted somewhere.
    #[must_use]
    pub fn actions(&self) -> ActionSet {
        self.parts.iter().fold(ActionSet::default(), |set, p| set.union(p.actions))
    }

    /// True when every entity is seen.
    #[must_use]
    pub fn sees_everything(&self) -> bool {
        self.whole
    }

    /// How many entities are seen.
    #[must_use]
    pub fn seen_count(&self) -> usize {
        self.seen.count()
    }

    /// When a grant begins or ends next: compile anew then.
    #[must_use]
    pub fn changes_at(&self) -> Option<TimeMs> {
        self.changes_at
    }

    /// Equal for scopes with the same effect, different (but for one chance in 2⁶⁴) for others: what was sent under one
    /// may be continued under the other.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }
}

impl Part {
    /// `None` is the whole community.
    fn covers(&self, around: Option<EntityId>) -> bool {
        match around {
            Some(entity) => self.within.contains(entity.0 as usize),
            None => self.whole,
        }
    }
}

fn fingerprint(parts: &[Part]) -> u64 {
    let mut hash = blake3::Hasher::new_derive_key("sandtable scope v1");
    for part in parts {
        hash.update(&part.actions.bits().to_le_bytes());
        hash.update(&[part.fields.bits(), u8::from(part.whole)]);
        for word in part.seen.words.iter().chain(&part.within.words) {
            hash.update(&word.to_le_bytes());
        }
    }
    let bytes = hash.finalize();
    u64::from_le_bytes(std::array::from_fn(|i| bytes.as_bytes()[i]))
}
