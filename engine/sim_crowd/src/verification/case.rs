//! A case and what it measured.

use crate::{CrowdError, CrowdRun};
use sim_core::{Checksum, VerificationRow};

/// Fills a case.
type Work = fn(&mut VerificationCase) -> Result<(), CrowdError>;

/// A case.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Stable name, lower case with dashes.
    pub name: &'static str,
    /// What is computed and what it is compared with.
    pub about: &'static str,
    work: Work,
}

/// What a case measured.
#[derive(Debug, Clone, Default)]
pub struct VerificationCase {
    /// Name of the case.
    pub name: String,
    /// Measures against their bounds.
    pub rows: Vec<VerificationRow>,
    /// Digest of the state of every run of the case, in order.
    pub checksum: u64,
}

impl Case {
    pub(super) const fn new(name: &'static str, about: &'static str, work: Work) -> Self {
        Self { name, about, work }
    }

    /// Runs the case. One that stops gives a failing row with the reason as its source.
    #[must_use]
    pub fn run(&self) -> VerificationCase {
        VerificationCase::of(self.name, self.work)
    }
}

impl VerificationCase {
    /// Fills a case of that name.
    pub(super) fn of(name: &str, work: impl FnOnce(&mut Self) -> Result<(), CrowdError>) -> Self {
        let mut case = Self { name: name.to_owned(), ..Self::default() };
        if let Err(why) = work(&mut case) {
            case.at_most("runs to its end", f64::NAN, 0.0, &why.to_string());
        }
        case
    }

    /// A row that passes when `value <= bound`.
    pub(super) fn at_most(&mut self, measure: &str, value: f64, bound: f64, source: &str) {
        self.rows.push(VerificationRow::at_most(&self.name, measure, value, bound, source));
    }

    /// A row that passes when `value >= bound`.
    pub(super) fn at_least(&mut self, measure: &str, value: f64, bound: f64, source: &str) {
        self.rows.push(VerificationRow::at_least(&self.name, measure, value, bound, source));
    }

    /// Adds the state of a run to the digest, and a row when people are missing.
    pub(super) fn close(&mut self, run: &CrowdRun) {
        let mut both = Checksum::new();
        both.add_u64(self.checksum);
        both.add_u64(run.checksum());
        self.checksum = both.finish();
        if !run.balance().closes() {
            self.at_most("people lost", 1.0, 0.0, "balance");
        }
    }

    /// Whether every row holds.
    #[must_use]
    pub fn pass(&self) -> bool {
        self.rows.iter().all(|row| row.pass)
    }
}
