//! Changes of cases on the writer's thread: checked, worked out, made into records.

use crate::store::Store;
use crate::twin::{Twin, now};
use crate::writer::{Change, Refusal};
use serde::Serialize;
use std::collections::BTreeSet;
use sync_core::cases::{ImportedCase, check_import, check_update};
use sync_core::{LogRecord, check_new_case};
use twin_model::{AccountId, Case, CaseAction, CaseId, CaseMove, CasePhoto, NewCase};

/// What became of one imported case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ImportOutcome {
    /// It is this case now.
    Created(CaseId),
    /// It was imported before, is this case, and nothing happened since.
    Known(CaseId),
    /// It was imported before, is this case, and moved on.
    Updated(CaseId),
    /// It was not taken, and why.
    Refused(String),
}

/// Reads what changes are worked out from.
pub(crate) struct CaseDesk<'a> {
    pub(crate) twin: &'a Twin,
    pub(crate) store: &'a Store,
    /// Who asked.
    pub(crate) by: Option<AccountId>,
}

impl CaseDesk<'_> {
    /// The records of a change of cases, and the outcomes of an import; `None` when it is no change of cases.
    pub(crate) fn records(&self, change: &Change) -> Option<Result<(Vec<LogRecord>, Vec<ImportOutcome>), Refusal>> {
        let only = |records| (records, vec![]);
        Some(match change {
            Change::CreateCase(new) => self.create(new.clone()).map(|case| only(vec![LogRecord::CaseCreated { case }])),
            Change::MoveCase { case, action, note } => self.make_move(*case, *action, note).map(only),
            Change::AddPhoto { case, photo } => self.photo(*case, photo.clone()).map(only),
            Change::ImportCases(items) => self.import(items),
            _ => return None,
        })
    }

    /// A report as a case, with its class from the tables.
    pub(crate) fn create(&self, new: NewCase) -> Result<Case, Refusal> {
        let id = self.twin.read().next_case_id();
        let mut case =
            check_new_case(&self.twin.pack.model, new, id, now()).map_err(|e| Refusal::Invalid(e.to_string()))?;
        self.twin.case_rules.classify(&mut case);
        if let Some(report) = case.events.first_mut() {
            report.by = self.by;
        }
        Ok(case)
    }

    /// A case, and the record that brings it back when it is only in the archive.
    fn held(&self, id: CaseId) -> Result<(Case, Vec<LogRecord>), Refusal> {
        if let Some(case) = self.twin.read().case(id) {
            return Ok((case.clone(), vec![]));
        }
        let archived = self.store.archived_case(id).map_err(Refusal::Stopped)?;
        let case = archived.ok_or_else(|| Refusal::NotFound(format!("no case {id}")))?;
        Ok((case.clone(), vec![LogRecord::CaseRecalled { case: Box::new(case) }]))
    }

    fn make_move(&self, id: CaseId, action: CaseAction, note: &str) -> Result<Vec<LogRecord>, Refusal> {
        let (case, mut records) = self.held(id)?;
        if note.chars().count() > 2000 {
            return Err(Refusal::Invalid("note: must be at most 2000 characters".to_owned()));
        }
        let possible = case.target(action).is_some();
        let known = |of| self.held(of).is_ok();
        let made = self.twin.case_rules.decide(&case, action, now(), note.to_owned(), self.by, known);
        let refused = |line| if possible { Refusal::Invalid(line) } else { Refusal::Conflict(line) };
        let CaseMove { action, at, note, by, clock } = made.map_err(refused)?;
        records.push(LogRecord::CaseMoved { case: id, action, note, at, by, clock });
        Ok(records)
    }

    fn photo(&self, id: CaseId, photo: CasePhoto) -> Result<Vec<LogRecord>, Refusal> {
        let (case, mut records) = self.held(id)?;
        if case.photos.len() >= super::MAX_PHOTOS {
            return Err(Refusal::Conflict(format!(
                "case {id} has {} photos: that is all it can have",
                case.photos.len()
            )));
        }
        if case.photos.iter().any(|p| p.sha256 == photo.sha256) {
            return Err(Refusal::Conflict(format!("case {id} has this photo already")));
        }
        records.push(LogRecord::CasePhotoAdded { case: id, photo, by: self.by });
        Ok(records)
    }

    fn import(&self, items: &[ImportedCase]) -> Result<(Vec<LogRecord>, Vec<ImportOutcome>), Refusal> {
        let engine = self.twin.read();
        let (mut records, mut outcomes) = (Vec::new(), Vec::with_capacity(items.len()));
        let mut fresh: BTreeSet<(&str, &str)> = BTreeSet::new();
        let mut next = engine.next_case_id();
        for item in items {
            let held = engine.book().by_source(&item.source);
            let same = |id: &CaseId| engine.case(*id).is_some_and(|c| c.source.as_ref() == Some(&item.source));
            let known = match held.filter(same) {
                Some(id) => Some(id),
                None => self.store.archived_source(&item.source).map_err(Refusal::Stopped)?,
            };
            let fresh = fresh.insert((&item.source.system, &item.source.id));
            outcomes.push(match known {
                _ if !fresh => ImportOutcome::Refused(format!("source.id {:?} occurs twice", item.source.id)),
                Some(id) => self.update(id, item, &mut records),
                None => {
                    let known = |of| engine.case(of).is_some();
                    match check_import(&self.twin.pack.model, &self.twin.case_rules, item, next, known) {
                        Ok(made) => {
                            records.extend(made);
                            let id = next;
                            next = CaseId(id.0 + 1);
                            ImportOutcome::Created(id)
                        }
                        Err(line) => ImportOutcome::Refused(line),
                    }
                }
            });
        }
        Ok((records, outcomes))
    }

    /// A case that is known may have moved on where it came from.
    fn update(&self, id: CaseId, item: &ImportedCase, records: &mut Vec<LogRecord>) -> ImportOutcome {
        let made = self.held(id).map_err(|_gone| format!("no case {id}")).and_then(|(case, recalled)| {
            let moved = check_update(&self.twin.case_rules, &case, item, |of| self.held(of).is_ok())?;
            Ok((recalled, moved))
        });
        match made {
            Ok((_, moved)) if moved.is_empty() => ImportOutcome::Known(id),
            Ok((recalled, moved)) => {
                records.extend(recalled.into_iter().chain(moved));
                ImportOutcome::Updated(id)
            }
            Err(line) => ImportOutcome::Refused(line),
        }
    }
}
