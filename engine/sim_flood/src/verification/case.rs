//! What a case hands to tables and pages.

use crate::{FloodError, FloodParams, FloodRunOf, Ledger, Real, TimeStepping};
use sim_core::{CancelToken, Checksum, VerificationRow};

/// One case in one precision: what it measured and what a page shows of it.
#[derive(Debug, Clone, Default)]
pub struct VerificationCase {
    /// Name, stable; ends in " f64" in double precision.
    pub name: String,
    /// Measures against their bounds.
    pub rows: Vec<VerificationRow>,
    /// Stricter values aimed at but not reached: (index of the row, value).
    pub goals: Vec<(usize, f64)>,
    /// Computed and exact curves.
    pub figures: Vec<Figure>,
    /// Digest of the state of every run of the case, in order.
    pub checksum: u64,
    /// Greatest relative volume error of its runs; see [`Ledger::relative_error`].
    pub mass_error: f64,
    /// Cells computed, summed over all steps.
    pub cell_steps: u64,
    /// How its runs go through time.
    pub time_stepping: TimeStepping,
}

/// Curves over one pair of axes.
#[derive(Debug, Clone, Default)]
pub struct Figure {
    /// Heading.
    pub title: String,
    /// Quantity and unit along x.
    pub x_label: String,
    /// Quantity and unit along y.
    pub y_label: String,
    /// Both axes are logarithmic.
    pub logarithmic: bool,
    /// Curves, drawn in this order.
    pub curves: Vec<Curve>,
}

/// How a curve is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CurveKind {
    /// The ground.
    Bed,
    /// What is right: a line.
    Exact,
    /// What the kernel gave: dots.
    Computed,
    /// Dots joined by a line.
    Series,
    /// A thin line for the eye, such as a slope.
    Guide,
}

/// One curve.
#[derive(Debug, Clone)]
pub struct Curve {
    /// Name in the legend.
    pub label: String,
    /// How it is drawn.
    pub kind: CurveKind,
    /// (x, y).
    pub points: Vec<[f64; 2]>,
}

impl Figure {
    /// An empty figure with linear axes.
    pub(super) fn new(title: &str, x_label: &str, y_label: &str) -> Self {
        let [title, x_label, y_label] = [title, x_label, y_label].map(str::to_owned);
        Self { title, x_label, y_label, ..Self::default() }
    }

    /// Adds a curve.
    pub(super) fn with(
        mut self,
        kind: CurveKind,
        label: &str,
        points: impl IntoIterator<Item = impl Into<[f64; 2]>>,
    ) -> Self {
        let points = points.into_iter().map(Into::into).collect();
        self.curves.push(Curve { label: label.to_owned(), kind, points });
        self
    }

    /// Error against cell size with a line of slope `order` through the finest point.
    pub(super) fn orders(title: &str, error_label: &str, errors: &[(f64, f64)], order: f64) -> Self {
        let mut figure =
            Self::new(title, "cell size, m", error_label).with(CurveKind::Series, "sim_flood", errors.iter().copied());
        if let (Some(coarse), Some(fine)) = (errors.first(), errors.last()) {
            let at = |dx: f64| [dx, fine.1 * (dx / fine.0).powf(order)];
            figure = figure.with(CurveKind::Guide, &format!("slope {order}"), [at(coarse.0), at(fine.0)]);
        }
        figure.logarithmic = true;
        figure
    }
}

impl VerificationCase {
    pub(super) fn new<R: Real>(name: &str) -> Self {
        let name = if R::NAME == "f32" { name.to_owned() } else { format!("{name} {}", R::NAME) };
        Self { name, ..Self::default() }
    }

    /// A case that could not run: one failing row with the reason as its source.
    #[must_use]
    pub fn refused(name: &str, why: &FloodError) -> Self {
        let mut case = Self::new::<f32>(name);
        case.at_most("runs to its end", f64::NAN, 0.0, &why.to_string());
        case
    }

    /// Parameters of its runs, where it asks for nothing else.
    pub(super) fn params(&self) -> FloodParams {
        FloodParams { time_stepping: self.time_stepping, ..FloodParams::default() }
    }

    /// A row that passes when `value <= bound`.
    pub(super) fn at_most(&mut self, measure: &str, value: f64, bound: f64, source: &str) {
        self.rows.push(VerificationRow::at_most(&self.name, measure, value, bound, source));
    }

    /// A row that passes when `value >= bound`.
    pub(super) fn at_least(&mut self, measure: &str, value: f64, bound: f64, source: &str) {
        self.rows.push(VerificationRow::at_least(&self.name, measure, value, bound, source));
    }

    /// Rows made elsewhere, under the name of the case.
    pub(super) fn take(&mut self, rows: impl IntoIterator<Item = VerificationRow>) {
        let name = self.name.clone();
        self.rows.extend(rows.into_iter().map(|row| VerificationRow { case: name.clone(), ..row }));
    }

    /// Notes that the last row aims at a stricter value than its bound.
    pub(super) fn aims_at(&mut self, goal: f64) {
        if let Some(last) = self.rows.len().checked_sub(1) {
            self.goals.push((last, goal));
        }
    }

    /// [`FloodRunOf::advance_to`] with its work counted.
    pub(super) fn advance<R: Real>(&mut self, run: &mut FloodRunOf<R>, t_s: f64) -> Result<(), FloodError> {
        let stats = run.advance_to(t_s, &CancelToken::new())?;
        self.cell_steps += stats.cell_steps;
        Ok(())
    }

    /// Notes state and water account at the end of a run.
    pub(super) fn close<R: Real>(&mut self, run: &FloodRunOf<R>) -> Ledger {
        let ledger = run.ledger();
        self.note(run.checksum());
        self.mass_error = self.mass_error.max(ledger.relative_error());
        ledger
    }

    /// Adds a digest to that of the case.
    pub(super) fn note(&mut self, checksum: u64) {
        let mut both = Checksum::new();
        both.add_u64(self.checksum);
        both.add_u64(checksum);
        self.checksum = both.finish();
    }

    /// Whether every row holds.
    #[must_use]
    pub fn pass(&self) -> bool {
        self.rows.iter().all(|row| row.pass)
    }
}
