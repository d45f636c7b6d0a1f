//! Runs a flood scenario to the end.

use crate::domain::{Domain, build_domain};
use crate::live::{LiveInput, mean};
use crate::outcome::affected;
use crate::output::RunFolder;
use crate::{KERNEL, LiveSnapshot, RunError};
use community_pack::{Pack, run_folder};
use sim_core::CancelToken;
use sim_flood::{FloodParams, FloodRun, Forcing, Initial, RainSeries, StageBoundary};
use std::path::Path;
use twin_model::{RainForcing, RunSummary, Scenario, ScenarioBase, StageForcing, TimeMs};

/// A frame that has just appeared in the run folder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameWritten {
    /// Its number, from 0.
    pub frame: u32,
    /// Its simulated second.
    pub t_s: f64,
    /// Simulated seconds of the whole run.
    pub duration_s: f64,
}

/// Computes a scenario on a pack and writes the run folder `out`.
///
/// `on_frame` is called after each stored frame. Cancelling leaves the frames so far and no `run.json`.
///
/// # Errors
/// [`RunError`] as one clear line; nothing is written when the input is refused.
pub fn run_flood(
    scenario: &Scenario,
    pack_dir: &Path,
    live: Option<&LiveSnapshot>,
    out: &Path,
    cancel: &CancelToken,
    on_frame: &mut dyn FnMut(FrameWritten),
) -> Result<RunSummary, RunError> {
    scenario.validate()?;
    let pack = Pack::open(pack_dir)?;
    if pack.manifest.terrain.is_none() {
        return Err(RunError::NoTerrain { community: pack.manifest.community.id.clone() });
    }
    let (terrain, landcover) = (pack.terrain()?, pack.landcover()?);
    let domain = build_domain(&pack, &terrain, landcover.as_ref(), scenario)?;
    let (forcing, live_inputs) = forcing(scenario, &pack, live, &domain)?;
    let initial = initial(&domain, &forcing);
    let mut run =
        FloodRun::new(domain.terrain.clone(), domain.barriers.clone(), forcing, FloodParams::default(), initial)?;

    let folder = RunFolder::create(out)?;
    let (nx, ny) = (domain.spec.nx, domain.spec.ny);
    folder.write(run_folder::GRID, &to_json(&domain.spec, out)?)?;
    let bed: Vec<f32> = domain.terrain.bed_m.iter().map(|z| *z as f32).collect();
    folder.write(run_folder::BED, &run_folder::encode_bed(nx, ny, &bed))?;

    let mut frame_times_s = Vec::new();
    let frames = (scenario.duration_s / scenario.frame_interval_s).ceil() as u32;
    for frame in 0..=frames {
        let t_s = (f64::from(frame) * scenario.frame_interval_s).min(scenario.duration_s);
        run.advance_to(t_s, cancel)?;
        folder.write(&run_folder::frame_name(frame), &run_folder::encode_depth(nx, ny, t_s, &run.depth_m()))?;
        frame_times_s.push(t_s);
        on_frame(FrameWritten { frame, t_s, duration_s: scenario.duration_s });
    }
    let started_from = live.map_or(TimeMs(0), |l| l.now);
    let summary = summarise(scenario, &pack, &domain, &run, started_from, live_inputs, frame_times_s)?;
    write_results(&folder, &pack, &domain, &run, &summary, out)?;
    Ok(summary)
}

fn to_json<T: serde::Serialize>(value: &T, out: &Path) -> Result<Vec<u8>, RunError> {
    serde_json::to_vec_pretty(value).map_err(|e| RunError::Io { path: out.to_owned(), source: e.into() })
}

type Inputs = Vec<(String, f64, String, TimeMs)>;

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

fn summarise(
    scenario: &Scenario,
    pack: &Pack,
    domain: &Domain,
    run: &FloodRun,
    started_from: TimeMs,
    live_inputs: Inputs,
    frame_times_s: Vec<f64>,
) -> Result<RunSummary, RunError> {
    let ledger = run.ledger();
    let mut is_water = vec![false; domain.terrain.bed_m.len()];
    let standing = domain.ponds.iter().map(|(cell, _)| cell);
    domain.river.iter().chain(standing).for_each(|&c| is_water[c as usize] = true);
    let deepest = run.max_depth_m();
    let land = || deepest.iter().zip(&is_water).filter(|(_, water)| !**water).map(|(h, _)| f64::from(*h));
    let flooded_cells = land().filter(|h| *h > crate::outcome::AFFECTED_DEPTH_M).count();
    Ok(RunSummary {
        scenario: scenario.clone(),
        started_from,
        live_inputs,
        grid: domain.spec.clone(),
        frame_times_s,
        steps: run.tick(),
        volume_start_m3: ledger.initial_m3,
        volume_end_m3: ledger.current_m3,
        rain_m3: ledger.rain_in_m3,
        inflow_m3: ledger.total_in_m3() - ledger.rain_in_m3,
        outflow_m3: ledger.total_out_m3(),
        mass_error: ledger.relative_error(),
        flooded_area_m2: flooded_cells as f64 * domain.terrain.grid.cell_area_m2(),
        max_depth_m: land().fold(0.0, f64::max),
        checksum: format!("{:016x}", run.checksum()),
        kernel: KERNEL.to_owned(),
        affected: affected(&pack.model, domain, &deepest, &run.first_wet_s())?,
    })
}

fn write_results(
    folder: &RunFolder,
    pack: &Pack,
    domain: &Domain,
    run: &FloodRun,
    summary: &RunSummary,
    out: &Path,
) -> Result<(), RunError> {
    let max = run.max_depth_m();
    folder.write(run_folder::MAX_DEPTH, &run_folder::encode_depth(domain.spec.nx, domain.spec.ny, 0.0, &max))?;
    folder.write_geotiff(run_folder::MAX_DEPTH_TIF, &domain.spec, &max)?;
    folder.write_outcomes(&pack.model, &summary.affected)?;
    folder.write(run_folder::RUN, &to_json(summary, out)?)
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
