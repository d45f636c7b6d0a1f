//! Correction of measured forcing by gauges inside the domain (实况订正).
//!
//! Water is never moved to meet a gauge: what is corrected is what comes in. Two numbers, a multiplier on the gauges' rain
//! and an offset of the gauges' river level, are chosen so that short runs over the hindcast come nearest to the depths and
//! levels measured inside the domain (least squares). The search is Gauss and Newton's with Levenberg's damping (Levenberg
//! 1944, Marquardt 1963), derivatives by difference quotients, within bounds. Outliers, as of a gauge in a thin fast film,
//! count less (Huber's weights, 1964). Every cubic metre stays in the account.

use crate::alarms::{Measure, measure};
use crate::domain::{Domain, build_domain};
use crate::flood::{Prepared, RunEvent, new_run, still_water};
use crate::forcing::{Adjust, ForcingPlan};
use crate::history::GaugeSeries;
use crate::sites::nearest_open;
use crate::{RunError, ensemble};
use sim_core::CancelToken;
use sim_flood::Initial;
use std::collections::BTreeSet;
use twin_model::{EntityKind, ForcingCorrection, Scenario, TimeMs};

/// Bounds of the rain multiplier.
pub const RAIN_FACTOR: [f64; 2] = [0.25, 4.0];
/// Bounds of the river level offset, m.
pub const STAGE_OFFSET_M: [f64; 2] = [-1.0, 1.0];

/// Difference quotients: 10 % of rain, 5 cm of level. Small steps would measure rounding and wetting, not the slope.
const PROBE: [f64; 2] = [0.1, 0.05];
/// Longest step of one round, and where the search ends: in ln(rain factor) and metres.
const LONGEST: f64 = 0.7;
const FINE: f64 = 0.004;
const ROUNDS: usize = 8;
/// Difference quotients become finer to this share before the search gives up.
const LEAST_PROBING: f64 = 0.08;
/// Grids beyond this many cells are searched at twice the cell size.
const FINE_CELLS: usize = 60_000;

/// A gauge inside the domain and what it measured.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gauge {
    pub cell: u32,
    pub measure: Measure,
    /// (second from the start of the run, m).
    pub points: Vec<(f64, f64)>,
}

/// The search: forcing on a grid, and what was measured.
pub(crate) struct Problem<'a> {
    pub domain: &'a Domain,
    pub plan: &'a ForcingPlan,
    pub start: Option<Initial>,
    pub gauges: Vec<Gauge>,
}

/// What a correction means for the forcing.
pub(crate) fn adjust(correction: &ForcingCorrection) -> Adjust {
    Adjust { measured_rain: correction.rain_factor, measured_stage_m: correction.stage_offset_m, ..Adjust::default() }
}

/// Finds the correction for a run that begins in the past.
pub(crate) fn correct(
    prepared: &Prepared<'_>,
    cancel: &CancelToken,
    on_event: &mut dyn FnMut(RunEvent),
) -> Result<ForcingCorrection, RunError> {
    let nothing = |why: &str| Err(RunError::NothingToCorrect(why.to_owned()));
    if prepared.plan.hindcast_s <= 0.0 {
        return nothing("the scenario does not begin in the past (base = hindcast)");
    }
    if prepared.plan.measured() == (false, false) {
        return nothing("no measured rain and no measured river level drives the run");
    }
    let coarse = coarse_domain(prepared)?;
    let domain = coarse.as_ref().unwrap_or(&prepared.domain);
    // A saved state belongs to its own grid, so a coarse search starts from still water.
    let start = if coarse.is_none() { ensemble::start_of_members(prepared)? } else { None };
    let gauges = gauges(prepared, domain)?;
    if gauges.is_empty() {
        return nothing("no gauge of depth or level on land has history in the hindcast");
    }
    let problem = Problem { domain, plan: &prepared.plan, start, gauges };
    let mut done = 0;
    problem.search(cancel, &mut || {
        done += 1;
        on_event(RunEvent::CorrectionRun { done });
    })
}

fn coarse_domain(prepared: &Prepared<'_>) -> Result<Option<Domain>, RunError> {
    let scenario = prepared.request.scenario;
    if prepared.domain.terrain.grid.cell_count() <= FINE_CELLS || scenario.cell_m > 25.0 {
        return Ok(None);
    }
    let coarse = Scenario { cell_m: scenario.cell_m * 2.0, ..scenario.clone() };
    let (terrain, landcover) = (prepared.pack.terrain()?, prepared.pack.landcover()?);
    build_domain(&prepared.pack, &terrain, landcover.as_ref(), &coarse).map(Some)
}

/// Gauges of depth and level outside the river, whose level is imposed.
fn gauges(prepared: &Prepared<'_>, domain: &Domain) -> Result<Vec<Gauge>, RunError> {
    let Some(live) = prepared.request.live else { return Ok(vec![]) };
    let (model, table) = (&prepared.pack.model, &prepared.pack.properties);
    let (from, to): (TimeMs, TimeMs) = (live.now.plus_secs(-prepared.plan.hindcast_s), live.now);
    let river: BTreeSet<u32> = domain.river.iter().copied().collect();
    let properties: BTreeSet<&str> = live.history.iter().map(|h| h.property.as_str()).collect();
    let mut found = Vec::new();
    for property in properties {
        let series: Vec<GaugeSeries> = live.gauge_series(model, table, "", property, from, to);
        for gauge in series {
            let device = model.get(gauge.entity).filter(|e| e.kind == EntityKind::Device);
            let Some(measure) = device.and_then(|d| measure(&d.class, property)) else { continue };
            let cell = nearest_open(domain, gauge.p_enu)?.filter(|c| !river.contains(c));
            found.extend(cell.map(|cell| Gauge { cell, measure, points: gauge.points }));
        }
    }
    Ok(found)
}

/// Position of the search: ln(rain factor), level offset.
type Point = [f64; 2];

impl Problem<'_> {
    /// Searches; `on_run` is called after each short run.
    pub(crate) fn search(&self, cancel: &CancelToken, on_run: &mut dyn FnMut()) -> Result<ForcingCorrection, RunError> {
        let (rain, stage) = self.plan.measured();
        let free: Vec<usize> = [(0, rain), (1, stage)].into_iter().filter(|f| f.1).map(|f| f.0).collect();
        let mut runs = 0;
        let mut misfit = |at: &Point| -> Result<Vec<f64>, RunError> {
            let residuals = self.residuals(at, cancel)?;
            runs += 1;
            on_run();
            Ok(residuals)
        };
        let mut at: Point = [0.0, 0.0];
        let mut residuals = misfit(&at)?;
        let before = rmse(&residuals);
        let (mut damping, mut probing) = (1e-3, 1.0);
        for _ in 0..ROUNDS {
            let mut slopes = Vec::with_capacity(free.len());
            for &k in &free {
                let mut probe = at;
                // Inwards at an upper bound.
                let step = probing * if at[k] + PROBE[k] > bounds(k)[1] { -PROBE[k] } else { PROBE[k] };
                probe[k] += step;
                let there = misfit(&probe)?;
                slopes.push(there.iter().zip(&residuals).map(|(a, b)| (a - b) / step).collect::<Vec<f64>>());
            }
            let weights = weights(&residuals);
            let step = |damping: f64| solve(&residuals, &slopes, &weights, damping);
            let better = |found: &[f64]| squares(found, &weights) < squares(&residuals, &weights);
            let step_found = descend(&at, &free, &mut damping, &step, &better, &mut misfit)?;
            let Some((next, found)) = step_found else {
                // The slope was taken over too long a way, across a bank or a kerb.
                (damping, probing) = (1e-3, probing * 0.3);
                if probing < LEAST_PROBING {
                    break;
                }
                continue;
            };
            let moved = free.iter().map(|&k| (next[k] - at[k]).abs()).fold(0.0, f64::max);
            (at, residuals) = (next, found);
            if moved < FINE {
                break;
            }
        }
        let after = rmse(&residuals);
        let samples = residuals.len() as u32;
        Ok(ForcingCorrection {
            rain_factor: libm::exp(at[0]),
            stage_offset_m: at[1],
            rmse_before_m: before,
            rmse_after_m: after,
            gauges: self.gauges.len() as u32,
            samples,
            runs,
        })
    }

    /// Computed minus measured at every gauge and time, m.
    fn residuals(&self, at: &Point, cancel: &CancelToken) -> Result<Vec<f64>, RunError> {
        let adjust = Adjust { measured_rain: libm::exp(at[0]), measured_stage_m: at[1], ..Adjust::default() };
        let forcing = self.plan.on(self.domain, 0.0, &adjust)?;
        let initial = self.start.clone().unwrap_or_else(|| still_water(self.domain, &forcing));
        let mut run = new_run(self.domain, forcing, initial, 0.0)?;
        let mut times: Vec<f64> = self.gauges.iter().flat_map(|g| g.points.iter().map(|p| p.0)).collect();
        times.sort_by(f64::total_cmp);
        times.dedup();
        let mut residuals = Vec::new();
        for t_s in times {
            run.advance_to(t_s, cancel)?;
            for gauge in &self.gauges {
                let measured = gauge.points.iter().find(|p| p.0.total_cmp(&t_s).is_eq());
                let Some((_, measured)) = measured else { continue };
                let depth = run.depth_at_m(gauge.cell);
                let computed = match gauge.measure {
                    Measure::Depth => depth,
                    Measure::Level => self.domain.terrain.bed_m[gauge.cell as usize] + depth,
                };
                residuals.push(computed - measured);
            }
        }
        Ok(residuals)
    }
}

const fn bounds(k: usize) -> [f64; 2] {
    // ln 0.25 and ln 4.
    if k == 0 { [-1.386_294_361_119_890_6, 1.386_294_361_119_890_6] } else { STAGE_OFFSET_M }
}

fn rmse(residuals: &[f64]) -> f64 {
    (residuals.iter().map(|r| r * r).sum::<f64>() / residuals.len().max(1) as f64).sqrt()
}

/// Differences below this are within the accuracy of a gauge, m.
const GAUGE_ERROR_M: f64 = 0.005;

/// Huber's weights: 1 up to 1.345 standard deviations (estimated by the median absolute value, divided by 0.6745), falling
/// with the distance beyond. Huber, "Robust estimation of a location parameter" (1964); 1.345: 95 % efficiency.
fn weights(residuals: &[f64]) -> Vec<f64> {
    let mut sizes: Vec<f64> = residuals.iter().map(|r| r.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let median = sizes.get(sizes.len() / 2).copied().unwrap_or(0.0);
    let limit = 1.345 * (median / 0.6745).max(GAUGE_ERROR_M);
    residuals.iter().map(|r| if r.abs() > limit { limit / r.abs() } else { 1.0 }).collect()
}

fn squares(residuals: &[f64], weights: &[f64]) -> f64 {
    residuals.iter().zip(weights).map(|(r, w)| w * r * r).sum()
}

/// One damped step that lowers the misfit; `None` when none does.
fn descend(
    at: &Point,
    free: &[usize],
    damping: &mut f64,
    step: &dyn Fn(f64) -> Vec<f64>,
    better: &dyn Fn(&[f64]) -> bool,
    misfit: &mut dyn FnMut(&Point) -> Result<Vec<f64>, RunError>,
) -> Result<Option<(Point, Vec<f64>)>, RunError> {
    for _ in 0..4 {
        let mut next = *at;
        for (&k, step) in free.iter().zip(step(*damping)) {
            next[k] = (at[k] + step.clamp(-LONGEST, LONGEST)).clamp(bounds(k)[0], bounds(k)[1]);
        }
        if free.iter().all(|&k| (next[k] - at[k]).abs() < 1e-6) {
            return Ok(None);
        }
        let found = misfit(&next)?;
        if better(&found) {
            *damping = (*damping * 0.1).max(1e-6);
            return Ok(Some((next, found)));
        }
        *damping *= 20.0;
    }
    Ok(None)
}

/// Step of Levenberg and Marquardt for one or two unknowns; an unknown that nothing depends on does not move.
fn solve(residuals: &[f64], slopes: &[Vec<f64>], weights: &[f64], damping: f64) -> Vec<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).zip(weights).map(|((x, y), w)| w * x * y).sum::<f64>();
    let along = |k: usize| dot(&slopes[k], residuals);
    let raised = |k: usize| dot(&slopes[k], &slopes[k]) * (1.0 + damping) + 1e-12;
    match slopes.len() {
        1 => vec![-along(0) / raised(0)],
        2 => {
            let (a, b, c) = (raised(0), dot(&slopes[0], &slopes[1]), raised(1));
            let determinant = a * c - b * b;
            let (p, q) = (along(0), along(1));
            vec![-(c * p - b * q) / determinant, -(a * q - b * p) / determinant]
        }
        _ => vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::tests::domain_of;
    use crate::forcing::{RainPart, StagePart};

    /// A bowl with a river along its south edge.
    fn bowl() -> Domain {
        let mut domain = domain_of(24, 24, 5.0, |x, y| {
            let bank = if (20.0..30.0).contains(&y) { 0.6 } else { 0.0 };
            0.0004 * ((x - 60.0).powi(2) + (y - 70.0).powi(2)) + bank - if y < 15.0 { 3.0 } else { 0.0 }
        });
        domain.river = (0..3 * 24).collect();
        domain
    }

    fn plan(river: bool) -> ForcingPlan {
        let rain = RainPart { measured: vec![(0.0, 60.0), (900.0, 25.0)], ..RainPart::default() };
        // Rain alone fills the bowl for fifteen minutes, then the river comes over its bank.
        let measured = vec![(0.0, 0.5), (900.0, 0.7), (1200.0, 2.1), (1800.0, 2.3)];
        let stage = river.then(|| StagePart { measured, given: vec![] });
        ForcingPlan { rain: vec![rain], stage, hindcast_s: 1800.0, inputs: vec![] }
    }

    /// Gauges that have measured a run whose true forcing is `truth`.
    fn measured(domain: &Domain, plan: &ForcingPlan, truth: &Point) -> Vec<Gauge> {
        let times: Vec<f64> = (1..=6).map(|k| 300.0 * f64::from(k)).collect();
        let zero = |cell, measure| Gauge { cell, measure, points: times.iter().map(|t| (*t, 0.0)).collect() };
        let cells = [(14 * 24 + 12, Measure::Depth), (11 * 24 + 9, Measure::Level), (7 * 24 + 12, Measure::Depth)];
        let mut gauges: Vec<Gauge> = cells.into_iter().map(|(c, m)| zero(c, m)).collect();
        let problem = Problem { domain, plan, start: None, gauges: gauges.clone() };
        let values = problem.residuals(truth, &CancelToken::new()).unwrap();
        for (k, value) in values.into_iter().enumerate() {
            gauges[k % 3].points[k / 3].1 = value;
        }
        gauges
    }

    #[test]
    fn twin_experiment_the_true_rain_multiplier_is_found() {
        let (domain, plan) = (bowl(), plan(false));
        let gauges = measured(&domain, &plan, &[1.4_f64.ln(), 0.0]);
        let problem = Problem { domain: &domain, plan: &plan, start: None, gauges };
        let found = problem.search(&CancelToken::new(), &mut || ()).unwrap();
        assert!((found.rain_factor / 1.4 - 1.0).abs() < 0.05, "{found:?}");
        assert_eq!(found.stage_offset_m, 0.0);
        assert!(found.rmse_after_m < 0.5 * found.rmse_before_m && found.runs < 25, "{found:?}");
    }

    #[test]
    fn twin_experiment_rain_and_river_are_told_apart() {
        let (domain, plan) = (bowl(), plan(true));
        let gauges = measured(&domain, &plan, &[0.75_f64.ln(), 0.12]);
        let problem = Problem { domain: &domain, plan: &plan, start: None, gauges };
        let found = problem.search(&CancelToken::new(), &mut || ()).unwrap();
        assert!((found.rain_factor / 0.75 - 1.0).abs() < 0.05, "{found:?}");
        assert!((found.stage_offset_m - 0.12).abs() < 0.02, "{found:?}");
    }

    #[test]
    fn gauges_that_agree_change_nothing_and_wild_ones_stop_at_the_bounds() {
        let (domain, plan) = (bowl(), plan(false));
        let gauges = measured(&domain, &plan, &[0.0, 0.0]);
        let mut problem = Problem { domain: &domain, plan: &plan, start: None, gauges };
        let found = problem.search(&CancelToken::new(), &mut || ()).unwrap();
        assert!((found.rain_factor - 1.0).abs() < 1e-9 && found.rmse_after_m < 1e-9, "{found:?}");
        problem.gauges.iter_mut().flat_map(|g| &mut g.points).for_each(|p| p.1 += 50.0);
        let found = problem.search(&CancelToken::new(), &mut || ()).unwrap();
        assert!(found.rain_factor <= RAIN_FACTOR[1] + 1e-9, "{found:?}");
    }
}
