//! Ensembles (集合预报): the same run with perturbed rain, river level and roughness, for a band of uncertainty.
//!
//! Members differ from the run itself by three independent draws, each a standard normal deviate cut at ±2.5:
//!
//! | what | how | standard deviation | why |
//! |---|---|---|---|
//! | rain | factor exp(σ z), log-normal | σ = 0.25 | a gauge's rain stands for streets up to a kilometre away: 20 to 30 % in convective storms |
//! | river level | offset σ z | σ = 0.15 m | gauge zero, slope of the reach, and forecast of a rise |
//! | roughness | factor exp(σ z), log-normal | σ = 0.2 | the spread within one surface class of Chow (1959), table 5-6 |
//!
//! These are assumptions, stated in the results by their draws. Deviates come from the counter-based generator under the
//! scenario's seed, so that member k is the same in every ensemble.

use crate::flood::{Prepared, RunEvent, new_run};
use crate::forcing::Adjust;
use crate::outcome::{AFFECTED_DEPTH_M, CellResults, Outcome};
use crate::results::flooded_area_m2;
use crate::sites::Site;
use crate::start::still_water;
use crate::water::Water;
use crate::{RunError, outcome};
use sim_core::{CancelToken, CounterRng};
use sim_flood::Initial;
use std::collections::BTreeMap;
use twin_model::{EnsembleSummary, EntityId};

/// Depths whose probability is mapped, m.
pub const PROBABILITY_DEPTHS_M: [f64; 3] = [0.05, 0.3, 0.5];

const RAIN_SIGMA: f64 = 0.25;
const STAGE_SIGMA_M: f64 = 0.15;
const ROUGHNESS_SIGMA: f64 = 0.2;
const CUT_AT: f64 = 2.5;

/// What distinguishes a member from the run itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw {
    /// Multiplier on all rain.
    pub rain_factor: f64,
    /// Added to every river level, m.
    pub stage_offset_m: f64,
    /// Multiplier on Manning's n.
    pub roughness_factor: f64,
}

impl Draw {
    /// The draw of member `member` (from 0) under a seed.
    #[must_use]
    pub fn of(seed: u64, member: u32) -> Self {
        let mut rng = CounterRng::new(seed, u64::from(member));
        let mut deviate = || normal(&mut rng).clamp(-CUT_AT, CUT_AT);
        Self {
            rain_factor: libm::exp(RAIN_SIGMA * deviate()),
            stage_offset_m: STAGE_SIGMA_M * deviate(),
            roughness_factor: libm::exp(ROUGHNESS_SIGMA * deviate()),
        }
    }
}

/// The sum of twelve uniform numbers less six: normal to within 1 % inside ±2.5 (Irwin 1927, Hall 1927), and the same bits
/// on every machine.
fn normal(rng: &mut CounterRng) -> f64 {
    (0..12).map(|_| rng.next_f64()).sum::<f64>() - 6.0
}

/// What the members of an ensemble found.
#[derive(Debug, Clone, PartialEq)]
pub struct Members {
    draws: Vec<Draw>,
    /// For each of [`PROBABILITY_DEPTHS_M`]: members deeper than it, per cell.
    deeper: [Vec<u16>; 3],
    /// The cells that any site uses, ascending.
    used: Vec<u32>,
    /// Greatest depth at each of them, member by member, m.
    used_depths_m: Vec<Vec<f32>>,
    areas_m2: Vec<f64>,
}

/// Computes the members one after the other, each with the kernel's threads; `None` when none are asked for.
pub(crate) fn members(
    prepared: &Prepared<'_>,
    adjust: &Adjust,
    cancel: &CancelToken,
    on_event: &mut dyn FnMut(RunEvent),
) -> Result<Option<Members>, RunError> {
    let count = prepared.request.scenario.members;
    if count == 0 {
        return Ok(None);
    }
    let cells = prepared.domain.terrain.grid.cell_count();
    let used: Vec<u32> = {
        let sites = crate::sites::sites(&prepared.pack.model, &prepared.domain)?;
        let mut used: Vec<u32> = sites.iter().flat_map(site_cells).collect();
        used.sort_unstable();
        used.dedup();
        used
    };
    let start = start_of_members(prepared)?;
    let mut found = Members {
        draws: Vec::new(),
        deeper: [vec![0; cells], vec![0; cells], vec![0; cells]],
        used,
        used_depths_m: Vec::new(),
        areas_m2: Vec::new(),
    };
    for member in 0..count {
        let draw = Draw::of(prepared.request.scenario.seed, member);
        let max_depth_m = greatest_depths(prepared, adjust, &draw, start.as_ref(), cancel)?;
        found.take(prepared, draw, &max_depth_m);
        on_event(RunEvent::Member { done: member + 1, members: count });
    }
    Ok(Some(found))
}

/// Water and its motion in the state that the run continues; `None` when it continues none.
pub(crate) fn start_of_members(prepared: &Prepared<'_>) -> Result<Option<Initial>, RunError> {
    let Some(state) = &prepared.state else { return Ok(None) };
    let forcing = prepared.plan.on(&prepared.domain, 0.0, &Adjust::default())?;
    let mut run = new_run(&prepared.domain, forcing, Initial::dry(), 0.0)?;
    run.restore(&state.kernel)?;
    let wide = |values: Vec<f32>| values.into_iter().map(f64::from).collect();
    Ok(Some(Initial {
        depth_m: wide(run.surface().depth_m()),
        velocity_x_mps: wide(run.surface().velocity_x_mps()),
        velocity_y_mps: wide(run.surface().velocity_y_mps()),
    }))
}

fn greatest_depths(
    prepared: &Prepared<'_>,
    adjust: &Adjust,
    draw: &Draw,
    start: Option<&Initial>,
    cancel: &CancelToken,
) -> Result<Vec<f32>, RunError> {
    let adjust = Adjust { all_rain: draw.rain_factor, all_stage_m: draw.stage_offset_m, ..*adjust };
    let forcing = prepared.plan.on(&prepared.domain, 0.0, &adjust)?;
    let initial = start.cloned().unwrap_or_else(|| still_water(&prepared.domain, &forcing));
    let mut terrain = prepared.domain.terrain.clone();
    terrain.manning.iter_mut().for_each(|n| *n *= draw.roughness_factor);
    let structures = prepared.domain.structures.clone();
    let (params, sewers) = (prepared.domain.surface_params, prepared.domain.sewers.as_ref());
    let mut run = Water::new(terrain, structures, forcing, initial, params, sewers)?;
    run.advance_to(prepared.total_s, cancel)?;
    Ok(run.surface().max_depth_m())
}

fn site_cells(site: &Site) -> impl Iterator<Item = u32> {
    let doors = site.building.iter().flat_map(|b| b.entrances.iter().map(|e| e.2));
    site.cells.iter().copied().chain(doors)
}

impl Members {
    fn take(&mut self, prepared: &Prepared<'_>, draw: Draw, max_depth_m: &[f32]) {
        for (deeper, limit_m) in self.deeper.iter_mut().zip(PROBABILITY_DEPTHS_M) {
            for (count, depth) in deeper.iter_mut().zip(max_depth_m) {
                *count += u16::from(f64::from(*depth) > limit_m);
            }
        }
        self.draws.push(draw);
        self.used_depths_m.push(self.used.iter().map(|&c| max_depth_m[c as usize]).collect());
        self.areas_m2.push(flooded_area_m2(&prepared.domain, max_depth_m));
    }

    /// Each depth with the share of members deeper than it, per cell.
    pub(crate) fn probabilities(&self) -> impl Iterator<Item = (f64, Vec<f32>)> + '_ {
        let n = self.draws.len().max(1) as f32;
        let share = move |deeper: &Vec<u16>| deeper.iter().map(|k| f32::from(*k) / n).collect();
        PROBABILITY_DEPTHS_M.into_iter().zip(&self.deeper).map(move |(depth, deeper)| (depth, share(deeper)))
    }

    pub(crate) fn summary(&self) -> EnsembleSummary {
        EnsembleSummary {
            members: self.draws.len() as u32,
            draws: self.draws.iter().map(|d| [d.rain_factor, d.stage_offset_m, d.roughness_factor]).collect(),
            flooded_area_m2: percentiles(self.areas_m2.clone()),
        }
    }

    /// Adds percentiles of the greatest depth to the outcomes, and outcomes for things that only members reach.
    pub(crate) fn add_percentiles(&self, sites: &[Site], results: &CellResults, outcomes: &mut Vec<Outcome>) {
        let mut of_entity: BTreeMap<EntityId, [f64; 3]> = BTreeMap::new();
        let mut spread = |entity: EntityId, cells: &[u32]| {
            let places: Vec<usize> = cells.iter().filter_map(|c| self.used.binary_search(c).ok()).collect();
            let greatest = |depths: &Vec<f32>| f64::from(places.iter().map(|&k| depths[k]).fold(0.0, f32::max));
            of_entity.insert(entity, percentiles(self.used_depths_m.iter().map(greatest).collect()));
        };
        for site in sites {
            spread(site.entity, &site.cells);
            site.building.iter().flat_map(|b| &b.entrances).for_each(|(id, _, cell)| spread(*id, &[*cell]));
        }
        let reached: Vec<EntityId> = outcomes.iter().map(|o| o.entity).collect();
        let only_members = |entity: &EntityId| {
            reached.binary_search(entity).is_err() && of_entity.get(entity).is_some_and(|p| p[2] >= AFFECTED_DEPTH_M)
        };
        for site in sites.iter().filter(|s| only_members(&s.entity)) {
            outcomes.push(outcome::at_cells(site.entity, site.kind, &site.cells, results));
        }
        outcomes.sort_by_key(|o| o.entity);
        outcomes.iter_mut().for_each(|o| o.percentiles_m = of_entity.get(&o.entity).copied());
    }
}

/// Tenth, fiftieth and ninetieth percentile, linear between order statistics (type 7 of Hyndman and Fan 1996); zeros for
/// no values.
fn percentiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [0.1, 0.5, 0.9].map(|p| {
        let at = p * values.len().saturating_sub(1) as f64;
        let below = values.get(at.floor() as usize).copied().unwrap_or(0.0);
        let above = values.get(at.ceil() as usize).copied().unwrap_or(below);
        below + (above - below) * (at - at.floor())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_those_of_their_seed_and_have_the_stated_spread() {
        assert_eq!(Draw::of(7, 3), Draw::of(7, 3));
        assert_ne!(Draw::of(7, 3), Draw::of(8, 3));
        let n = 4000;
        let draws: Vec<Draw> = (0..n).map(|k| Draw::of(1, k)).collect();
        let spread = |f: &dyn Fn(&Draw) -> f64| {
            let mean = draws.iter().map(f).sum::<f64>() / f64::from(n);
            let variance = draws.iter().map(|d| (f(d) - mean).powi(2)).sum::<f64>() / f64::from(n);
            (mean, variance.sqrt())
        };
        for (f, sigma) in [
            (&(|d: &Draw| d.rain_factor.ln()) as &dyn Fn(&Draw) -> f64, RAIN_SIGMA),
            (&|d: &Draw| d.stage_offset_m, STAGE_SIGMA_M),
            (&|d: &Draw| d.roughness_factor.ln(), ROUGHNESS_SIGMA),
        ] {
            let (mean, deviation) = spread(f);
            // Five standard errors; the cut takes 2 % of the deviation.
            assert!(mean.abs() < 5.0 * sigma / f64::from(n).sqrt(), "{mean}");
            assert!((deviation / sigma - 0.98).abs() < 0.05, "{deviation} {sigma}");
        }
        let greatest = draws.iter().map(|d| d.rain_factor).fold(0.0, f64::max);
        assert!(greatest <= libm::exp(RAIN_SIGMA * CUT_AT));
    }

    #[test]
    fn percentiles_lie_between_order_statistics() {
        assert_eq!(percentiles((0..=10).rev().map(f64::from).collect()), [1.0, 5.0, 9.0]);
        assert_eq!(percentiles(vec![2.0]), [2.0; 3]);
        assert_eq!(percentiles(vec![]), [0.0; 3]);
        let [low, middle, high] = percentiles(vec![0.0, 1.0]);
        assert!((low - 0.1).abs() < 1e-12 && (middle - 0.5).abs() < 1e-12 && (high - 0.9).abs() < 1e-12);
    }
}
