//! What is kept beside the cases so that questions need not read them all: the queue, near reports, other systems'
//! numbers, and the evaluation figures.

use super::figures::Figures;
use super::queue::CaseQueue;
use super::similar::SimilarIndex;
use crate::fnv1a_64;
use std::collections::BTreeMap;
use twin_model::{Case, CaseAction, CaseId, CaseSource, TimeMs};

/// Indexes and counts over the cases of one log.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CaseBook {
    /// Open cases in order.
    pub queue: CaseQueue,
    /// Held cases by class, place and time.
    pub similar: SimilarIndex,
    /// Evaluation counts of all cases that ever were.
    pub figures: Figures,
    sources: BTreeMap<u64, CaseId>,
}

fn source_key(source: &CaseSource) -> u64 {
    fnv1a_64(format!("{}\u{1f}{}", source.system, source.id).as_bytes())
}

impl CaseBook {
    /// A new case came in.
    pub(crate) fn created(&mut self, case: &Case) {
        self.hold(case);
        self.figures.reported(case);
    }

    /// A held case moved.
    pub(crate) fn moved(&mut self, before: &Case, after: &Case, action: CaseAction, at: TimeMs) {
        self.queue.put(after);
        self.figures.moved(before, after, action, at);
    }

    /// A case is held (again) without anything having happened to it.
    pub(crate) fn hold(&mut self, case: &Case) {
        self.queue.put(case);
        self.similar.put(case);
        if let Some(source) = &case.source {
            self.sources.insert(source_key(source), case.id);
        }
    }

    /// An ended case is no longer shared with viewers.
    pub(crate) fn forget(&mut self, case: &Case) {
        self.similar.remove(case);
    }

    /// An ended case is in the archive and no longer in memory.
    pub(crate) fn archived(&mut self, case: &Case) {
        if let Some(source) = &case.source {
            self.sources.remove(&source_key(source));
        }
    }

    /// The case in memory that another system knows by this number. The caller compares: it is found by a hash.
    #[must_use]
    pub fn by_source(&self, source: &CaseSource) -> Option<CaseId> {
        self.sources.get(&source_key(source)).copied()
    }
}
