//! Published benchmarks whose data are not part of the repository: the caller reads the files.

use super::case::{CurveKind, Figure, VerificationCase};
use crate::{FloodError, FloodRun, FloodRunOf, Forcing, Grid, Initial, PointInflow, Real, Terrain, TimeStepping};

/// Rows of numbers separated by commas; other lines are left out.
pub(super) fn table(text: &str) -> Vec<Vec<f64>> {
    text.lines().filter_map(|l| l.split(',').map(|c| c.trim().parse().ok()).collect()).collect()
}

pub(super) fn refuse(what: &str, why: String) -> FloodError {
    FloodError::Series { name: what.to_owned(), why }
}

/// Environment Agency benchmark test 4 (SC120002): a point source floods a flat plain; compared with the published
/// second-order DG2 series on the same 5 m grid (Shaw et al. 2021, Zenodo 10.5281/zenodo.4066824), given as lines of
/// time and six depths.
///
/// # Errors
/// [`FloodError`] when the series has no rows of seven numbers or the run stops.
pub fn ea_test_4(dg2_series_csv: &str, time_stepping: TimeStepping) -> Result<VerificationCase, FloodError> {
    let local = time_stepping != TimeStepping::Global;
    let name = if local { "ea-test-4-local" } else { "ea-test-4" };
    let mut case = VerificationCase { time_stepping, ..VerificationCase::new::<f32>(name) };
    let reference: Vec<Vec<f64>> = table(dg2_series_csv).into_iter().filter(|r| r.len() >= 7).collect();
    if reference.len() < 10 {
        return Err(refuse("EA test 4 series", format!("{} rows of 7 numbers; needs 10 or more", reference.len())));
    }
    let grid = Grid { nx: 200, ny: 400, dx_m: 5.0 };
    let cells = (198..202).map(|j| (j * grid.nx) as u32).collect();
    let series = vec![(0.0, 0.0), (300.0, 0.0), (3600.0, 20.0), (14_400.0, 20.0), (18_000.0, 0.0)];
    let forcing = Forcing { inflows: vec![PointInflow { cells, series, direction: [1.0, 0.0] }], ..Forcing::default() };
    let terrain = Terrain::from_fn(grid, 0.05, |_, _| 0.0);
    let mut run = FloodRun::new(terrain, vec![], forcing, case.params(), Initial::dry())?;
    let points = [[50.0, 1000.0], [100.0, 1000.0], [200.0, 1000.0], [300.0, 1000.0], [400.0, 1000.0], [300.0, 1300.0]];
    let cells = points.map(|p| grid.cell_at(p).unwrap_or(0));
    let mut depths = vec![Vec::new(); points.len()];
    for row in &reference {
        case.advance(&mut run, row[0])?;
        depths.iter_mut().zip(cells).for_each(|(d, cell)| d.push(run.depth_at_m(cell)));
    }
    let source = "SC120002 test 4; DG2 on 5 m, Shaw et al. 2021, Geosci. Model Dev. 14";
    let hour = |row: &[f64]| row[0] / 3600.0;
    let mut figure = Figure::new("EA test 4: depth at points 1, 3 and 6", "time, h", "depth, m");
    for (k, computed) in depths.iter().enumerate() {
        let sum: f64 = computed.iter().zip(&reference).map(|(h, r)| (h - r[k + 1]).powi(2)).sum();
        let rmse = (sum / reference.len() as f64).sqrt();
        case.at_most(&format!("point {}: RMSE of depth against DG2, m", k + 1), rmse, 0.002, source);
        if [0, 2, 5].contains(&k) {
            figure = figure
                .with(CurveKind::Exact, &format!("DG2, point {}", k + 1), reference.iter().map(|r| [hour(r), r[k + 1]]))
                .with(
                    CurveKind::Computed,
                    &format!("sim_flood, point {}", k + 1),
                    reference.iter().zip(computed).map(|(r, h)| [hour(r), *h]),
                );
        }
    }
    case.figures.push(figure);
    closes(&mut case, &run);
    Ok(case)
}

pub(super) fn closes<R: Real>(case: &mut VerificationCase, run: &FloodRunOf<R>) {
    let error = case.close(run).relative_error();
    case.at_most("volume error / inflow", error, 1e-6, "conservation of volume");
}
