//! What grants are judged against: of every entity its place in the jurisdiction, kind and class.

use crate::grant::{Grant, Jurisdiction};
use crate::personal::is_personal;
use crate::scope::Bits;
use crate::{Action, Field};
use twin_model::{CommunityModel, Entity, EntityId, EntityKind, PropertyTable};

struct Row {
    kind: EntityKind,
    class: u32,
    /// Index into `codes`.
    code: u32,
    personal: bool,
}

/// The community as grants see it. Built once for a pack.
pub struct Territory {
    rows: Vec<Row>,
    classes: Vec<String>,
    codes: Vec<String>,
    division: String,
    /// Entities of the address spine that have a code, with all below them, for [`Jurisdiction::Below`].
    model_spine: Vec<(String, EntityId)>,
    parents: Vec<Option<EntityId>>,
}

/// A code that is a place in the jurisdiction: digits of an administrative entity.
fn administrative_code(e: &Entity) -> Option<&str> {
    let counts = e.kind <= EntityKind::Grid && !e.code.is_empty() && e.code.bytes().all(|b| b.is_ascii_digit());
    counts.then_some(e.code.as_str())
}

fn index_of(list: &mut Vec<String>, known: &mut std::collections::BTreeMap<String, u32>, word: &str) -> u32 {
    if let Some(index) = known.get(word) {
        return *index;
    }
    let index = u32::try_from(list.len()).unwrap_or(u32::MAX);
    list.push(word.to_owned());
    known.insert(word.to_owned(), index);
    index
}

impl Territory {
    /// Of each entity the code of the nearest grid, community, street or district that it lies in; that of the
    /// community when there is none.
    #[must_use]
    pub fn new(model: &CommunityModel, properties: &PropertyTable) -> Self {
        let division = model.community.division.clone();
        let (mut classes, mut codes) = (Vec::new(), Vec::new());
        let (mut known_classes, mut known_codes) = Default::default();
        let rows = model.entities().iter().map(|e| {
            let around = std::iter::once(e).chain(model.ancestors(e.id)).find_map(administrative_code);
            Row {
                kind: e.kind,
                class: index_of(&mut classes, &mut known_classes, &e.class),
                code: index_of(&mut codes, &mut known_codes, around.unwrap_or(&division)),
                personal: is_personal(properties, e),
            }
        });
        let rows: Vec<Row> = rows.collect();
        let named = model.entities().iter().filter(|e| e.kind.is_spine() && !e.code.is_empty());
        let model_spine = named.map(|e| (e.code.clone(), e.id)).collect();
        let parents = model.entities().iter().map(|e| e.parent).collect();
        Self { rows, classes, codes, division, model_spine, parents }
    }

    /// Number of entities.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True when there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// True when the jurisdiction takes in the whole community, what lies in no grid too.
    #[must_use]
    pub fn is_whole(&self, jurisdiction: &Jurisdiction) -> bool {
        match jurisdiction {
            Jurisdiction::Everywhere => true,
            Jurisdiction::Prefix(prefix) => {
                self.division.starts_with(prefix) && self.codes.iter().all(|c| c.starts_with(prefix))
            }
            Jurisdiction::Below(_) => false,
        }
    }

    /// The entities of a grant: those in its jurisdiction and its class mask that its role may see. Cameras only for
    /// roles that may, things of a person only with [`Field::Personal`].
    pub(crate) fn bits(&self, grant: &Grant) -> Bits {
        let mut bits = Bits::new(self.rows.len());
        let actions = grant.role.actions();
        if !actions.contains(Action::See) {
            return bits;
        }
        let admitted: Vec<Vec<bool>> = EntityKind::ALL
            .iter()
            .map(|kind| self.classes.iter().map(|class| grant.classes.admits(*kind, class)).collect())
            .collect();
        let within = self.within(&grant.jurisdiction);
        let (cameras, personal) = (actions.contains(Action::SeeCamera), grant.fields.contains(Field::Personal));
        for (index, row) in self.rows.iter().enumerate() {
            let seen = within.contains(index)
                && admitted[row.kind as usize][row.class as usize]
                && (cameras || row.kind != EntityKind::Camera)
                && (personal || !row.personal);
            if seen {
                bits.set(index);
            }
        }
        bits
    }

    /// The entities in a jurisdiction, of whatever class.
    pub(crate) fn within(&self, jurisdiction: &Jurisdiction) -> Bits {
        let mut bits = Bits::new(self.rows.len());
        match jurisdiction {
            Jurisdiction::Everywhere => (0..self.rows.len()).for_each(|i| bits.set(i)),
            Jurisdiction::Prefix(prefix) => {
                let fits: Vec<bool> = self.codes.iter().map(|c| c.starts_with(prefix)).collect();
                let rows = self.rows.iter().enumerate().filter(|(_, row)| fits[row.code as usize]);
                rows.for_each(|(i, _)| bits.set(i));
            }
            Jurisdiction::Below(code) => self.mark_below(code, &mut bits),
        }
        bits
    }

    fn mark_below(&self, code: &str, bits: &mut Bits) {
        let tops: Vec<EntityId> = self.model_spine.iter().filter(|(c, _)| c == code).map(|(_, id)| *id).collect();
        for start in 0..self.rows.len() {
            let start = EntityId(u32::try_from(start).unwrap_or(u32::MAX));
            let up = std::iter::successors(Some(start), |id| self.parents.get(id.0 as usize).copied().flatten());
            // Deeper is a cycle, which a model does not have.
            if up.take(66).any(|id| tops.contains(&id)) {
                bits.set(start.0 as usize);
            }
        }
    }
}
