//! Reports that may tell of the same matter (疑似重复): same class, near in place and time. A suggestion; people decide.

use std::collections::BTreeSet;
use twin_model::{Case, CaseId};

/// How far apart two reports of one matter may lie, metres (notes of the trade: 50 m).
pub const SIMILAR_WITHIN_M: f64 = 50.0;
/// How far apart in time, ms (24 h).
pub const SIMILAR_WITHIN_MS: i64 = 24 * 3_600_000;

/// A report that may tell of the same matter.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Similar {
    /// Which.
    pub case: CaseId,
    /// How far away, metres, on the plan.
    pub distance_m: f64,
    /// How much earlier (negative) or later it was reported, seconds.
    pub seconds: f64,
}

type Key = (u64, i32, i32, i64, u64);

/// Reports by class, place and time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SimilarIndex {
    keys: BTreeSet<Key>,
}

/// A square as wide as the distance: the neighbours of a square hold all that is near enough.
fn square(x: f64) -> i32 {
    (x / SIMILAR_WITHIN_M).floor() as i32
}

fn key(case: &Case) -> Option<Key> {
    if case.placed == twin_model::Placement::Unlocated {
        return None;
    }
    let class = crate::fnv1a_64(format!("{}/{}", case.code_system, case.class).as_bytes());
    Some((class, square(case.p_enu[0]), square(case.p_enu[1]), case.reported_at().0, case.id.0))
}

impl SimilarIndex {
    /// Remembers a case. Class, place and time of the report never change.
    pub fn put(&mut self, case: &Case) {
        self.keys.extend(key(case));
    }

    /// Forgets a case.
    pub fn remove(&mut self, case: &Case) {
        if let Some(key) = key(case) {
            self.keys.remove(&key);
        }
    }

    /// Cases of the same class within 50 m and 24 h, both included; the nearest first, at most `most`. `held` gives a
    /// case by id.
    #[must_use]
    pub fn of<'a>(&self, case: &Case, held: impl Fn(CaseId) -> Option<&'a Case>, most: usize) -> Vec<Similar> {
        let Some((class, x, y, at, _)) = key(case) else { return vec![] };
        let mut found = Vec::new();
        for dx in -1..=1 {
            for dy in -1..=1 {
                let (x, y) = (x.saturating_add(dx), y.saturating_add(dy));
                let from = (class, x, y, at.saturating_sub(SIMILAR_WITHIN_MS), 0);
                let to = (class, x, y, at.saturating_add(SIMILAR_WITHIN_MS), u64::MAX);
                for (.., other_at, id) in self.keys.range(from..=to) {
                    let Some(other) = held(CaseId(*id)).filter(|o| o.id != case.id) else { continue };
                    let same = other.class == case.class && other.code_system == case.code_system;
                    let [dx, dy] = [other.p_enu[0] - case.p_enu[0], other.p_enu[1] - case.p_enu[1]];
                    let distance_m = (dx * dx + dy * dy).sqrt();
                    if same && distance_m <= SIMILAR_WITHIN_M {
                        let seconds = (other_at - at) as f64 / 1000.0;
                        found.push(Similar { case: other.id, distance_m, seconds });
                    }
                }
            }
        }
        found.sort_by(|a, b| a.distance_m.total_cmp(&b.distance_m).then(a.case.cmp(&b.case)));
        found.truncate(most);
        found
    }
}
