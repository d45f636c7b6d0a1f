//! A run at its beginning, from a pack's decoded parts: no file is touched, so that it serves the command line and the
//! browser alike.

use crate::domain::{Domain, build_domain};
use crate::live::{LiveInput, mean};
use crate::{LiveSnapshot, RunError};
use community_pack::{Pack, RasterU8, Terrain};
use sim_flood::{FloodMode, FloodModel, FloodParams, Forcing, Initial, RainSeries, StageBoundary};
use twin_model::{RainForcing, Scenario, ScenarioBase, StageForcing, TimeMs};

/// A run at simulated second 0 and what it was made from.
pub struct Started {
    /// The raster and what stands on it.
    pub domain: Domain,
    /// The run.
    pub model: Box<dyn FloodModel>,
    /// Live values that went into it.
    pub live_inputs: Inputs,
}

/// Prepares a scenario on a pack.
///
/// # Errors
/// [`RunError`] as one clear line.
pub fn start_flood(
    scenario: &Scenario,
    pack: &Pack,
    terrain: &Terrain,
    landcover: Option<&RasterU8>,
    live: Option<&LiveSnapshot>,
    mode: FloodMode,
) -> Result<Started, RunError> {
    scenario.validate()?;
    let domain = build_domain(pack, terrain, landcover, scenario)?;
    let (forcing, live_inputs) = forcing(scenario, pack, live, &domain)?;
    let initial = initial(&domain, &forcing);
    let (terrain, barriers) = (domain.terrain.clone(), domain.barriers.clone());
    let model = mode.start(terrain, barriers, forcing, FloodParams::default(), initial)?;
    Ok(Started { domain, model, live_inputs })
}

impl Started {
    /// Replaces barriers and forcing from now on by those of `scenario`; its other fields are not looked at. Moves no water.
    ///
    /// # Errors
    /// [`RunError`] as one clear line; the run goes on as before.
    pub fn edit(&mut self, scenario: &Scenario, pack: &Pack, live: Option<&LiveSnapshot>) -> Result<(), RunError> {
        scenario.validate()?;
        let barriers = self.domain.place(&scenario.interventions)?;
        let (forcing, live_inputs) = forcing(scenario, pack, live, &self.domain)?;
        self.model.set_forcing(forcing)?;
        self.model.set_barriers(&barriers)?;
        (self.domain.barriers, self.live_inputs) = (barriers, live_inputs);
        Ok(())
    }
}

/// Simulated seconds of the frames of a run. The result of a run depends on them: at each a step ends.
#[must_use]
pub fn frame_times_s(scenario: &Scenario) -> Vec<f64> {
    let frames = (scenario.duration_s / scenario.frame_interval_s).ceil() as u32;
    (0..=frames).map(|k| (f64::from(k) * scenario.frame_interval_s).min(scenario.duration_s)).collect()
}

/// Live values that went into a run: gauge, value, unit, when measured.
pub type Inputs = Vec<(String, f64, String, TimeMs)>;

/// Forcing of the kernel, and the live values that went into it.
fn forcing(
    scenario: &Scenario,
    pack: &Pack,
    live: Option<&LiveSnapshot>,
    domain: &Domain,
) -> Result<(Forcing, Inputs), RunError> {
    let mut used = Vec::new();
    let mut gauges = |class, property, what| -> Result<Vec<LiveInput>, RunError> {
        let none = || RunError::NoFreshGauge { what, found: "the run was started without live state".into() };
        let live = live.filter(|_| scenario.base == ScenarioBase::Live).ok_or_else(none)?;
        let inputs = live.fresh_gauges(&pack.model, &pack.properties, class, property, what)?;
        used.extend(inputs.iter().map(|i| (i.name.clone(), i.value, i.unit.clone(), i.observed_at)));
        Ok(inputs)
    };
    let rain = match &scenario.forcing.rain {
        RainForcing::None => vec![],
        RainForcing::Constant { rain_mmph } => uniform_rain(vec![(0.0, *rain_mmph)]),
        RainForcing::Series { points } => uniform_rain(points.clone()),
        RainForcing::Design(storm) => uniform_rain(storm.hyetograph()),
        RainForcing::Live { factor } => {
            rain_by_gauge(&gauges("rain_gauge", "rain_mmph", "rain gauge")?, *factor, domain)?
        }
    };
    let stage = match &scenario.forcing.river {
        StageForcing::None => None,
        StageForcing::Constant { level_m } => Some(vec![(0.0, *level_m)]),
        StageForcing::Series { points } => Some(points.clone()),
        StageForcing::Live { rise_mph } => {
            let level_m = mean(&gauges("river_level", "water_level_m", "river level gauge")?);
            let end_m = level_m + rise_mph * scenario.duration_s / 3600.0;
            Some(vec![(0.0, level_m), (scenario.duration_s, end_m)])
        }
    };
    let stages = stage.map(|series| StageBoundary { cells: domain.river.clone(), series });
    let stages = stages.into_iter().filter(|s| !s.cells.is_empty()).collect();
    Ok((Forcing { rain, stages, inflows: vec![], open_edges: true }, used))
}

fn uniform_rain(series: Vec<(f64, f64)>) -> Vec<RainSeries> {
    vec![RainSeries { series, cells: None }]
}

/// Each gauge's rain over the cells nearest to it (Thiessen polygons, 泰森多边形).
fn rain_by_gauge(gauges: &[LiveInput], factor: f64, domain: &Domain) -> Result<Vec<RainSeries>, RunError> {
    let places = gauges.iter().map(|g| domain.raster_from_enu(g.p_enu)).collect::<Result<Vec<_>, _>>()?;
    let cells = sim_flood::thiessen_cells(&domain.terrain.grid, &places);
    let of_gauge = |(gauge, cells): (&LiveInput, Vec<u32>)| RainSeries {
        series: vec![(0.0, gauge.value.max(0.0) * factor)],
        cells: Some(cells),
    };
    Ok(gauges.iter().zip(cells).map(of_gauge).collect())
}

/// The river stands at its first stage and ponds at theirs; everything else is dry.
fn initial(domain: &Domain, forcing: &Forcing) -> Initial {
    let mut depth_m = vec![0.0; domain.terrain.bed_m.len()];
    for &(cell, level_m) in &domain.ponds {
        depth_m[cell as usize] = (level_m - domain.terrain.bed_m[cell as usize]).max(0.0);
    }
    for stage in &forcing.stages {
        let level = stage.series.first().map_or(f64::NEG_INFINITY, |p| p.1);
        for &cell in &stage.cells {
            depth_m[cell as usize] = (level - domain.terrain.bed_m[cell as usize]).max(0.0);
        }
    }
    Initial { depth_m, ..Initial::dry() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo_frame::{Crs, EnuFrame, Geodetic, Projector};
    use sim_flood::{Grid, Terrain};
    use twin_model::GridSpec;

    /// 20 x 4 cells of 10 m around the origin of the frame.
    fn domain() -> Domain {
        let crs = Crs::from_epsg(4547).unwrap();
        let projector = Projector::new(crs, EnuFrame::new(Geodetic::new(114.3, 30.5, 0.0)));
        let corner = projector.crs_from_enu([-100.0, -20.0, 0.0]).unwrap();
        let grid = Grid { nx: 20, ny: 4, dx_m: 10.0 };
        let spec = GridSpec { epsg: 4547, x0: corner[0], y0: corner[1], dx_m: 10.0, nx: 20, ny: 4 };
        let terrain = Terrain::from_fn(grid, 0.03, |_, _| 0.0);
        Domain { spec, terrain, river: vec![], ponds: vec![], barriers: vec![], projector }
    }

    fn gauge(east_m: f64, value: f64) -> LiveInput {
        let (name, unit) = (String::new(), "mm/h".to_owned());
        LiveInput { name, p_enu: [east_m, 0.0, 0.0], value, unit, observed_at: TimeMs(0) }
    }

    #[test]
    fn each_gauge_rains_on_the_cells_nearest_to_it() {
        let rain = rain_by_gauge(&[gauge(-90.0, 30.0), gauge(10.0, -1.0), gauge(90.0, 12.0)], 1.5, &domain()).unwrap();
        let rates: Vec<f64> = rain.iter().map(|r| r.series[0].1).collect();
        assert_eq!(rates, [45.0, 0.0, 18.0]);
        let cells = |k: usize| rain[k].cells.clone().unwrap();
        // Bisectors at 40 m west and 50 m east of the middle.
        assert_eq!((cells(0).len(), cells(1).len(), cells(2).len()), (6 * 4, 9 * 4, 5 * 4));
        assert!(cells(0).contains(&0) && cells(2).contains(&79));
    }
}
