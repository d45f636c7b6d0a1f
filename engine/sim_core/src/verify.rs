//! One line of a verification table.

/// A verification case: what was measured, how good it must be, and against what.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct VerificationRow {
    /// Case name, stable, lower case with dashes.
    pub case: String,
    /// What `value` is, with its unit.
    pub measure: String,
    /// Measured value.
    pub value: f64,
    /// Bound for `value`; see `at_least`.
    pub tolerance: f64,
    /// `true` when `value` must be at least `tolerance`, `false` when at most.
    pub at_least: bool,
    /// Whether the bound holds (a NaN never passes).
    pub pass: bool,
    /// Analytic solution or publication compared with.
    pub source: String,
}

impl VerificationRow {
    /// A row that passes when `value <= tolerance`.
    #[must_use]
    pub fn at_most(case: &str, measure: &str, value: f64, tolerance: f64, source: &str) -> Self {
        Self {
            case: case.into(),
            measure: measure.into(),
            value,
            tolerance,
            at_least: false,
            pass: value <= tolerance,
            source: source.into(),
        }
    }

    /// A row that passes when `value >= tolerance`.
    #[must_use]
    pub fn at_least(case: &str, measure: &str, value: f64, tolerance: f64, source: &str) -> Self {
        Self { at_least: true, pass: value >= tolerance, ..Self::at_most(case, measure, value, tolerance, source) }
    }
}

impl std::fmt::Display for VerificationRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verdict = if self.pass { "pass" } else { "FAIL" };
        let sign = if self.at_least { ">=" } else { "<=" };
        write!(
            f,
            "{verdict}  {:<28} {:<44} {:>12.4e} {sign} {:.1e}  [{}]",
            self.case, self.measure, self.value, self.tolerance, self.source
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_fails_both_ways() {
        assert!(!VerificationRow::at_most("a", "b", f64::NAN, 1.0, "c").pass);
        assert!(!VerificationRow::at_least("a", "b", f64::NAN, 1.0, "c").pass);
        assert!(VerificationRow::at_least("a", "b", 2.0, 1.0, "c").pass);
        assert!(!VerificationRow::at_most("a", "b", 2.0, 1.0, "c").pass);
    }
}
