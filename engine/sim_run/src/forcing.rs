//! From a scenario, gauges and their history to what drives the kernel.

use crate::domain::Domain;
use crate::history::{GaugeSeries, linear, mean_series};
use crate::live::{LiveInput, mean};
use crate::{LiveSnapshot, RunError};
use community_pack::Pack;
use sim_flood::{Forcing, RainSeries, StageBoundary};
use twin_model::{RainForcing, Scenario, ScenarioBase, StageForcing, TimeMs};

/// Values taken from gauges: (what, value, unit, observed at).
pub type Inputs = Vec<(String, f64, String, TimeMs)>;

/// Forcing of a run before it is laid on a grid; seconds from the start of the run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ForcingPlan {
    /// Rain, part by part.
    pub rain: Vec<RainPart>,
    /// River level; `None` when the river is left out.
    pub stage: Option<StagePart>,
    /// The gauges' values that went in.
    pub inputs: Inputs,
    /// Seconds of the run before the present.
    pub hindcast_s: f64,
}

/// Rain of one gauge, or of the whole community.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RainPart {
    /// Where the gauge stands; `None`: it rains everywhere alike.
    pub p_enu: Option<[f64; 3]>,
    /// (second, mm/h) as measured; each rate holds until the next.
    pub measured: Vec<(f64, f64)>,
    /// (second, mm/h) as the scenario gives it; replaces what was measured from its first second on.
    pub given: Vec<(f64, f64)>,
}

/// The river's level.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StagePart {
    /// (second, m) as measured, linear between.
    pub measured: Vec<(f64, f64)>,
    /// (second, m) as the scenario gives it; replaces what was measured from its first second on.
    pub given: Vec<(f64, f64)>,
}

/// Changes to a plan: corrections of what was measured, and perturbations of everything.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adjust {
    /// Multiplier on measured rain.
    pub measured_rain: f64,
    /// Added to the measured level, m.
    pub measured_stage_m: f64,
    /// Multiplier on all rain.
    pub all_rain: f64,
    /// Added to every level, m.
    pub all_stage_m: f64,
}

impl Default for Adjust {
    fn default() -> Self {
        Self { measured_rain: 1.0, measured_stage_m: 0.0, all_rain: 1.0, all_stage_m: 0.0 }
    }
}

/// Greatest rain rate that a perturbation may reach, mm/h (the kernel's own bound).
const MAX_RAIN_MMPH: f64 = 5000.0;

impl ForcingPlan {
    /// Works out what drives a scenario.
    ///
    /// # Errors
    /// [`RunError::NoFreshGauge`] when the scenario asks for gauges that are not there.
    pub fn new(scenario: &Scenario, pack: &Pack, live: Option<&LiveSnapshot>) -> Result<Self, RunError> {
        let gauges = Gauges { pack, live, scenario };
        match scenario.base {
            ScenarioBase::Hindcast { before_s } => gauges.hindcast(f64::from(before_s)),
            _ => gauges.from_now(),
        }
    }

    /// Whether anything measured is in it, which a correction could change: (rain, river).
    #[must_use]
    pub fn measured(&self) -> (bool, bool) {
        let rain = self.rain.iter().any(|r| r.measured.iter().any(|p| p.1 > 0.0));
        (rain, self.stage.as_ref().is_some_and(|s| !s.measured.is_empty()))
    }

    /// Lays it on a grid; `offset_s` is the kernel's time at the start of the run.
    ///
    /// # Errors
    /// [`RunError::Frame`] when a gauge cannot be projected.
    pub fn on(&self, domain: &Domain, offset_s: f64, adjust: &Adjust) -> Result<Forcing, RunError> {
        let gauged: Vec<&RainPart> = self.rain.iter().filter(|r| r.p_enu.is_some()).collect();
        let places = gauged.iter().filter_map(|r| r.p_enu).map(|p| domain.raster_from_enu(p));
        let places = places.collect::<Result<Vec<_>, _>>()?;
        let cells = sim_flood::thiessen_cells(&domain.terrain.grid, &places);
        let factor = adjust.measured_rain * adjust.all_rain;
        let series = |part: &RainPart| {
            let bound = |mmph: f64| mmph.clamp(0.0, MAX_RAIN_MMPH);
            let measured = part.measured.iter().map(|p| (p.0, bound(p.1 * factor)));
            let given = part.given.iter().map(|p| (p.0, bound(p.1 * adjust.all_rain)));
            joined(measured.collect(), given.collect(), offset_s)
        };
        let everywhere = self.rain.iter().filter(|r| r.p_enu.is_none());
        let mut rain: Vec<RainSeries> = everywhere.map(|r| RainSeries { series: series(r), cells: None }).collect();
        rain.extend(gauged.iter().zip(cells).map(|(r, cells)| RainSeries { series: series(r), cells: Some(cells) }));
        rain.retain(|r| !r.series.is_empty());
        let raised = |points: &[(f64, f64)], by: f64| points.iter().map(|p| (p.0, p.1 + by)).collect();
        let stage = self.stage.as_ref().map(|s| {
            let measured = raised(&s.measured, adjust.measured_stage_m + adjust.all_stage_m);
            joined(measured, raised(&s.given, adjust.all_stage_m), offset_s)
        });
        let stages = stage.filter(|s| !s.is_empty() && !domain.river.is_empty());
        let stages = stages.map(|series| StageBoundary { cells: domain.river.clone(), series }).into_iter().collect();
        let (soil, open_edges) = (domain.soil.clone(), domain.open_edges);
        Ok(Forcing { rain, stages, soil, open_edges, ..Forcing::default() })
    }
}

/// Measured points up to the first given one, then the given ones; moved by `offset_s`.
fn joined(measured: Vec<(f64, f64)>, given: Vec<(f64, f64)>, offset_s: f64) -> Vec<(f64, f64)> {
    let from_s = given.first().map_or(f64::INFINITY, |p| p.0);
    let measured = measured.into_iter().filter(|p| p.0 < from_s);
    measured.chain(given).map(|p| (p.0 + offset_s, p.1)).collect()
}

const RAIN: (&str, &str, &str) = ("rain_gauge", "rain_mmph", "rain gauge");
const RIVER: (&str, &str, &str) = ("river_level", "water_level_m", "river level gauge");

struct Gauges<'a> {
    pack: &'a Pack,
    live: Option<&'a LiveSnapshot>,
    scenario: &'a Scenario,
}

impl Gauges<'_> {
    fn live(&self, what: &'static str) -> Result<&LiveSnapshot, RunError> {
        let none = || RunError::NoFreshGauge { what, found: "the run was started without live state".into() };
        self.live.filter(|_| self.scenario.base != ScenarioBase::None).ok_or_else(none)
    }

    fn fresh(&self, (class, property, what): (&str, &str, &'static str)) -> Result<Vec<LiveInput>, RunError> {
        self.live(what)?.fresh_gauges(&self.pack.model, &self.pack.properties, class, property, what)
    }

    fn from_now(&self) -> Result<ForcingPlan, RunError> {
        let mut plan = ForcingPlan::default();
        let used = |i: &LiveInput| (i.name.clone(), i.value, i.unit.clone(), i.observed_at);
        if let RainForcing::Live { factor } = self.scenario.forcing.rain {
            let gauges = self.fresh(RAIN)?;
            plan.inputs.extend(gauges.iter().map(used));
            plan.rain = gauges.iter().map(|g| steady_rain(g, factor)).collect();
        } else if let Some(given) = self.given_rain(0.0).filter(|_| self.scenario.forcing.rain != RainForcing::None) {
            plan.rain.push(RainPart { given, ..RainPart::default() });
        }
        plan.stage = match &self.scenario.forcing.river {
            StageForcing::Live { rise_mph } => {
                let gauges = self.fresh(RIVER)?;
                plan.inputs.extend(gauges.iter().map(used));
                let (level_m, end_s) = (mean(&gauges), self.scenario.duration_s);
                let measured = vec![(0.0, level_m), (end_s, level_m + rise_mph * end_s / 3600.0)];
                Some(StagePart { measured, given: vec![] })
            }
            _ => self.given_stage(0.0).map(|given| StagePart { measured: vec![], given }),
        };
        Ok(plan)
    }

    /// What was measured until the present, then what the scenario says from the present on.
    fn hindcast(&self, before_s: f64) -> Result<ForcingPlan, RunError> {
        let live = self.live("gauge history")?;
        let (from, to) = (live.now.plus_secs(-before_s), live.now);
        let mut plan = ForcingPlan { hindcast_s: before_s, ..ForcingPlan::default() };
        let series = |(class, property, what): (&str, &str, &'static str), needed: bool| {
            let found = live.gauge_series(&self.pack.model, &self.pack.properties, class, property, from, to);
            let none = || RunError::NoFreshGauge { what, found: format!("no history in the last {before_s:.0} s") };
            if found.is_empty() && needed { Err(none()) } else { Ok(found) }
        };
        let used =
            |g: &GaugeSeries| (g.name.clone(), g.points.last().map_or(f64::NAN, |p| p.1), g.unit.clone(), g.last_at);
        let factor = if let RainForcing::Live { factor } = self.scenario.forcing.rain { Some(factor) } else { None };
        let rain = series(RAIN, factor.is_some())?;
        plan.inputs.extend(rain.iter().map(used));
        let given = if factor.is_some() { None } else { self.given_rain(before_s) };
        plan.rain = rain.iter().map(|g| past_rain(g, factor, given.as_deref(), before_s)).collect();
        if let Some(given) = given.filter(|_| rain.is_empty()) {
            plan.rain.push(RainPart { given, ..RainPart::default() });
        }
        let rise =
            if let StageForcing::Live { rise_mph } = self.scenario.forcing.river { Some(rise_mph) } else { None };
        if self.scenario.forcing.river != StageForcing::None {
            let gauges = series(RIVER, rise.is_some())?;
            plan.inputs.extend(gauges.iter().map(used));
            let mut measured = mean_series(&gauges);
            if let Some(rise_mph) = rise {
                let (now_m, more_s) = (linear(&measured, before_s), self.scenario.duration_s);
                measured.retain(|p| p.0 < before_s);
                measured.extend([(before_s, now_m), (before_s + more_s, now_m + rise_mph * more_s / 3600.0)]);
            }
            plan.stage = Some(StagePart { measured, given: self.given_stage(before_s).unwrap_or_default() });
        }
        Ok(plan)
    }

    /// The scenario's own rain from second `from_s` of the run on; `None` when it is that of the gauges.
    fn given_rain(&self, from_s: f64) -> Option<Vec<(f64, f64)>> {
        let points = match &self.scenario.forcing.rain {
            RainForcing::Live { .. } => return None,
            RainForcing::None => vec![(0.0, 0.0)],
            RainForcing::Constant { rain_mmph } => vec![(0.0, *rain_mmph)],
            RainForcing::Series { points } => points.clone(),
            RainForcing::Design(storm) => storm.hyetograph(),
        };
        // Before the first point of a series it does not rain, whatever was measured.
        let starts_late = points.first().is_none_or(|p| p.0 > 0.0);
        let dry = starts_late.then_some((from_s, 0.0));
        Some(dry.into_iter().chain(points.into_iter().map(|p| (p.0 + from_s, p.1))).collect())
    }

    /// The scenario's own level from second `from_s` of the run on; `None` when it is that of the gauges or left out.
    fn given_stage(&self, from_s: f64) -> Option<Vec<(f64, f64)>> {
        let points = match &self.scenario.forcing.river {
            StageForcing::Live { .. } | StageForcing::None => return None,
            StageForcing::Constant { level_m } => vec![(0.0, *level_m)],
            StageForcing::Series { points } => points.clone(),
        };
        Some(points.into_iter().map(|p| (p.0 + from_s, p.1)).collect())
    }
}

/// A gauge's rate of the moment, held.
fn steady_rain(gauge: &LiveInput, factor: f64) -> RainPart {
    let measured = vec![(0.0, gauge.value.max(0.0) * factor)];
    RainPart { p_enu: Some(gauge.p_enu), measured, given: vec![] }
}

/// A gauge's rates until the present; from then on the scenario's own, or the last rate held times the factor.
fn past_rain(gauge: &GaugeSeries, factor: Option<f64>, given: Option<&[(f64, f64)]>, now_s: f64) -> RainPart {
    let mut measured: Vec<(f64, f64)> = gauge.points.iter().map(|p| (p.0, p.1.max(0.0))).collect();
    if let (Some(factor), Some(last)) = (factor, measured.last().copied()) {
        measured.retain(|p| p.0 < now_s);
        measured.push((now_s, last.1 * factor));
    }
    RainPart { p_enu: Some(gauge.p_enu), measured, given: given.map(<[_]>::to_vec).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::tests::flat_domain;

    fn gauge(east_m: f64, value: f64) -> LiveInput {
        let (name, unit) = (String::new(), "mm/h".to_owned());
        LiveInput { name, p_enu: [east_m, 0.0, 0.0], value, unit, observed_at: TimeMs(0) }
    }

    #[test]
    fn each_gauge_rains_on_the_cells_nearest_to_it() {
        let rain = [gauge(-90.0, 30.0), gauge(10.0, -1.0), gauge(90.0, 12.0)].map(|g| steady_rain(&g, 1.5)).to_vec();
        let plan = ForcingPlan { rain, ..ForcingPlan::default() };
        let rain = plan.on(&flat_domain(), 0.0, &Adjust::default()).unwrap().rain;
        let rates: Vec<f64> = rain.iter().map(|r| r.series[0].1).collect();
        assert_eq!(rates, [45.0, 0.0, 18.0]);
        let cells = |k: usize| rain[k].cells.clone().unwrap();
        // Bisectors at 40 m west and 50 m east of the middle.
        assert_eq!((cells(0).len(), cells(1).len(), cells(2).len()), (6 * 4, 9 * 4, 5 * 4));
        assert!(cells(0).contains(&0) && cells(2).contains(&79));
    }

    #[test]
    fn what_was_measured_ends_where_the_scenario_begins_and_only_it_is_corrected() {
        let part = RainPart {
            p_enu: None,
            measured: vec![(0.0, 10.0), (60.0, 20.0), (120.0, 30.0)],
            given: vec![(90.0, 50.0), (150.0, 0.0)],
        };
        let stage = StagePart { measured: vec![(0.0, 18.0), (100.0, 19.0)], given: vec![(90.0, 18.5)] };
        let plan = ForcingPlan { rain: vec![part], stage: Some(stage), ..ForcingPlan::default() };
        let adjust = Adjust { measured_rain: 1.5, measured_stage_m: 0.2, all_rain: 2.0, all_stage_m: 0.1 };
        let mut domain = flat_domain();
        domain.river = vec![3];
        let forcing = plan.on(&domain, 1000.0, &adjust).unwrap();
        assert_eq!(forcing.rain[0].series, [(1000.0, 30.0), (1060.0, 60.0), (1090.0, 100.0), (1150.0, 0.0)]);
        let levels: Vec<(f64, f64)> = forcing.stages[0].series.clone();
        assert_eq!(levels.iter().map(|p| p.0).collect::<Vec<_>>(), [1000.0, 1090.0]);
        assert!((levels[0].1 - 18.3).abs() < 1e-9 && (levels[1].1 - 18.6).abs() < 1e-9);
    }

    #[test]
    fn the_last_measured_rate_is_held_from_the_present_on() {
        let series = GaugeSeries {
            entity: twin_model::EntityId(0),
            name: String::new(),
            p_enu: [0.0; 3],
            unit: String::new(),
            points: vec![(0.0, 4.0), (300.0, 8.0)],
            last_at: TimeMs(0),
        };
        let part = past_rain(&series, Some(0.5), None, 600.0);
        assert_eq!(part.measured, [(0.0, 4.0), (300.0, 8.0), (600.0, 4.0)]);
        let part = past_rain(&series, None, Some(&[(600.0, 50.0)]), 600.0);
        assert_eq!((part.measured.len(), part.given.len()), (2, 1));
    }
}
