//! What drives a run from outside: rain, imposed levels, discharges, open edges.

use serde::{Deserialize, Serialize};
use sim_core::ParamError;

use crate::soil::Soil;
use crate::{FloodError, Grid};

/// Rain over all or some cells.
///
/// The rate is piecewise **constant**: each value holds from its time until the next (the last one for ever), and
/// nothing falls before the first. Several series over one cell add up.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RainSeries {
    /// (time s, rate mm/h).
    pub series: Vec<(f64, f64)>,
    /// Cells it falls on; `None` for all. See [`thiessen_cells`] for a few gauges.
    pub cells: Option<Vec<u32>>,
}

/// Cells whose water level is imposed (a river, the sea). Piecewise linear in time, constant before and after.
///
/// A level below the ground empties the cell. What this adds or takes is booked in the ledger.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StageBoundary {
    /// Cells with the imposed level.
    pub cells: Vec<u32>,
    /// (time s, level m above the datum of the terrain).
    pub series: Vec<(f64, f64)>,
}

/// A discharge into (positive) or out of (negative) cells, shared equally. Piecewise linear in time, constant before
/// and after. An abstraction takes no more than the water there.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PointInflow {
    /// Cells that share the discharge.
    pub cells: Vec<u32>,
    /// (time s, discharge m3/s in all).
    pub series: Vec<(f64, f64)>,
    /// Where the water flows when it comes in (east, north; any length), as from a stream that enters at the edge: each
    /// cell gets its share over its own width, at most at the critical velocity. (0, 0): it wells up without momentum,
    /// as from a spring or a manhole.
    pub direction: [f64; 2],
}

/// Where the rain on a roof goes (雨落管).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Downspout {
    /// Blocked cells of the roof.
    pub roof: Vec<u32>,
    /// Open cell their rain goes to.
    pub to: u32,
}

/// Everything that drives a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Forcing {
    /// Rain series.
    pub rain: Vec<RainSeries>,
    /// Imposed levels. A cell named by two boundaries follows the later one.
    pub stages: Vec<StageBoundary>,
    /// Discharges.
    pub inflows: Vec<PointInflow>,
    /// Where roofs drain to; a roof without one drains to the nearest open cells.
    pub downspouts: Vec<Downspout>,
    /// What the ground takes in.
    pub soil: Soil,
    /// `true`: water leaves freely over the edges of the raster (zero gradient) and none enters; `false`: walls.
    pub open_edges: bool,
}

impl Forcing {
    /// Checks series and cells against a grid.
    ///
    /// # Errors
    /// [`FloodError`] naming the series and what is wrong with it.
    pub fn validate(&self, grid: &Grid) -> Result<(), FloodError> {
        if self.rain.len() > 64 {
            return Err(ParamError::new("rain series", self.rain.len(), "-", "0 to 64").into());
        }
        for (k, r) in self.rain.iter().enumerate() {
            check_series(&format!("rain[{k}]"), &r.series, "mm/h", 0.0, 5000.0)?;
            check_cell_list(&format!("rain[{k}].cells"), r.cells.as_deref().unwrap_or(&[]), grid)?;
        }
        for (k, s) in self.stages.iter().enumerate() {
            check_series(&format!("stages[{k}]"), &s.series, "m", -12_000.0, 9_000.0)?;
            check_cell_list(&format!("stages[{k}].cells"), &s.cells, grid)?;
        }
        for (k, q) in self.inflows.iter().enumerate() {
            check_series(&format!("inflows[{k}]"), &q.series, "m3/s", -1e6, 1e6)?;
            for part in q.direction {
                sim_core::check_range(&format!("inflows[{k}].direction"), part, "-", -1e6, 1e6)?;
            }
            check_cell_list(&format!("inflows[{k}].cells"), &q.cells, grid)?;
        }
        for (k, d) in self.downspouts.iter().enumerate() {
            check_cell_list(&format!("downspouts[{k}].roof"), &d.roof, grid)?;
            check_cell_list(&format!("downspouts[{k}].to"), &[d.to], grid)?;
        }
        self.soil.validate(grid)
    }
}

pub(crate) fn check_series(
    name: &str,
    series: &[(f64, f64)],
    unit: &'static str,
    low: f64,
    high: f64,
) -> Result<(), FloodError> {
    let bad = |why: String| FloodError::Series { name: name.to_owned(), why };
    if series.is_empty() {
        return Err(bad("needs at least one (time, value) point".into()));
    }
    let mut last = f64::NEG_INFINITY;
    for &(t, v) in series {
        if !t.is_finite() || t <= last {
            return Err(bad(format!("time {t} s must be finite and after {last} s")));
        }
        if !(v >= low && v <= high) {
            return Err(bad(format!("value {v} {unit} at {t} s; allowed: {low} to {high}")));
        }
        last = t;
    }
    Ok(())
}

pub(crate) fn check_cell_list(name: &str, cells: &[u32], grid: &Grid) -> Result<(), FloodError> {
    match cells.iter().find(|c| **c as usize >= grid.cell_count()) {
        Some(c) => Err(ParamError::new(name, c, "cell", format!("0 to {}", grid.cell_count() - 1)).into()),
        None => Ok(()),
    }
}

/// Piecewise linear value, constant outside. An empty series gives 0.
pub(crate) fn linear_at(series: &[(f64, f64)], t_s: f64) -> f64 {
    let after = series.partition_point(|p| p.0 <= t_s);
    match (after.checked_sub(1).and_then(|k| series.get(k)), series.get(after)) {
        (Some(a), Some(b)) => a.1 + (b.1 - a.1) * ((t_s - a.0) / (b.0 - a.0)),
        (Some(p), None) | (None, Some(p)) => p.1,
        (None, None) => 0.0,
    }
}

/// Integral of the piecewise linear value over `[t0, t1]`, by the trapezoidal rule on its own corners (exact).
pub(crate) fn linear_integral(series: &[(f64, f64)], t0_s: f64, t1_s: f64) -> f64 {
    let mut sum = 0.0;
    let (mut t, mut v) = (t0_s, linear_at(series, t0_s));
    let first = series.partition_point(|p| p.0 <= t0_s);
    for &(tp, vp) in series.get(first..).unwrap_or(&[]) {
        if tp >= t1_s {
            break;
        }
        sum += 0.5 * (v + vp) * (tp - t);
        (t, v) = (tp, vp);
    }
    sum + 0.5 * (v + linear_at(series, t1_s)) * (t1_s - t)
}

/// Integral of the piecewise constant value over `[t0, t1]` (exact).
pub(crate) fn step_integral(series: &[(f64, f64)], t0_s: f64, t1_s: f64) -> f64 {
    let mut sum = 0.0;
    for (k, &(t, v)) in series.iter().enumerate() {
        let until = series.get(k + 1).map_or(t1_s, |n| n.0);
        let overlap = until.min(t1_s) - t.max(t0_s);
        if overlap > 0.0 {
            sum += v * overlap;
        }
    }
    sum
}

/// Splits a grid among gauges by nearest distance (Thiessen 1911): one cell list per gauge, ready for
/// [`RainSeries::cells`]. `gauges_m` are raster-frame positions in metres; equal distances go to the first gauge.
#[must_use]
pub fn thiessen_cells(grid: &Grid, gauges_m: &[[f64; 2]]) -> Vec<Vec<u32>> {
    let mut lists = vec![Vec::new(); gauges_m.len()];
    for cell in 0..grid.cell_count() as u32 {
        let c = grid.centre_m(cell);
        let mut best: Option<(f64, usize)> = None;
        for (k, g) in gauges_m.iter().enumerate() {
            let d = (c[0] - g[0]).powi(2) + (c[1] - g[1]).powi(2);
            if best.is_none_or(|(b, _)| d < b) {
                best = Some((d, k));
            }
        }
        if let Some((_, k)) = best {
            lists[k].push(cell);
        }
    }
    lists
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_values_and_integrals() {
        let s = [(0.0, 0.0), (10.0, 10.0), (20.0, 0.0)];
        assert_eq!(linear_at(&s, 5.0), 5.0);
        assert_eq!(linear_at(&s, -5.0), 0.0);
        assert_eq!(linear_at(&s, 25.0), 0.0);
        assert!((linear_integral(&s, 0.0, 20.0) - 100.0).abs() < 1e-12);
        assert!((linear_integral(&s, 5.0, 15.0) - 75.0).abs() < 1e-12);
        assert!((linear_integral(&s, 11.0, 12.0) - 8.5).abs() < 1e-12);
        let r = [(10.0, 6.0), (20.0, 0.0)];
        assert!((step_integral(&r, 0.0, 15.0) - 30.0).abs() < 1e-12);
        assert!((step_integral(&r, 0.0, 99.0) - 60.0).abs() < 1e-12);
        assert_eq!(step_integral(&r, 30.0, 40.0), 0.0);
    }

    #[test]
    fn bad_series_are_refused() {
        let grid = Grid { nx: 3, ny: 3, dx_m: 1.0 };
        let with = |series| Forcing { rain: vec![RainSeries { series, cells: None }], ..Forcing::default() };
        assert!(with(vec![]).validate(&grid).is_err());
        assert!(with(vec![(1.0, 2.0), (1.0, 3.0)]).validate(&grid).is_err());
        assert!(with(vec![(0.0, f64::NAN)]).validate(&grid).is_err());
        assert!(with(vec![(0.0, -1.0)]).validate(&grid).is_err());
        with(vec![(0.0, 10.0)]).validate(&grid).unwrap();
        let far = StageBoundary { cells: vec![9], series: vec![(0.0, 1.0)] };
        assert!(Forcing { stages: vec![far], ..Forcing::default() }.validate(&grid).is_err());
    }

    #[test]
    fn thiessen_covers_every_cell_once() {
        let grid = Grid { nx: 10, ny: 4, dx_m: 2.0 };
        let lists = thiessen_cells(&grid, &[[0.0, 0.0], [20.0, 8.0], [20.0, 0.0]]);
        assert_eq!(lists.iter().map(Vec::len).sum::<usize>(), 40);
        assert!(lists[0].contains(&0) && lists[1].contains(&39) && lists[2].contains(&9));
    }
}
