//! Runs a flood scenario to the end.

use crate::domain::Domain;
use crate::outcome::affected;
use crate::output::RunFolder;
use crate::start::{Inputs, Started, frame_times_s, start_flood};
use crate::{KERNEL, LiveSnapshot, RunError};
use community_pack::{Pack, run_folder};
use sim_core::CancelToken;
use sim_flood::{FloodMode, FloodModel};
use std::path::Path;
use twin_model::{RunSummary, Scenario, TimeMs};

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
    let Started { domain, mut model, live_inputs } =
        start_flood(scenario, &pack, &terrain, landcover.as_ref(), live, FloodMode::Full)?;
    let run = model.as_mut();

    let folder = RunFolder::create(out)?;
    let (nx, ny) = (domain.spec.nx, domain.spec.ny);
    folder.write(run_folder::GRID, &to_json(&domain.spec, out)?)?;
    let bed: Vec<f32> = domain.terrain.bed_m.iter().map(|z| *z as f32).collect();
    folder.write(run_folder::BED, &run_folder::encode_bed(nx, ny, &bed))?;

    let frame_times_s = frame_times_s(scenario);
    for (frame, &t_s) in (0..).zip(&frame_times_s) {
        run.advance_to(t_s, cancel)?;
        folder.write(&run_folder::frame_name(frame), &run_folder::encode_depth(nx, ny, t_s, &run.depth_m()))?;
        on_frame(FrameWritten { frame, t_s, duration_s: scenario.duration_s });
    }
    let started_from = live.map_or(TimeMs(0), |l| l.now);
    let summary = summarise(scenario, &pack, &domain, run, started_from, live_inputs, frame_times_s)?;
    write_results(&folder, &pack, &domain, run, &summary, out)?;
    Ok(summary)
}

fn to_json<T: serde::Serialize>(value: &T, out: &Path) -> Result<Vec<u8>, RunError> {
    serde_json::to_vec_pretty(value).map_err(|e| RunError::Io { path: out.to_owned(), source: e.into() })
}

fn summarise(
    scenario: &Scenario,
    pack: &Pack,
    domain: &Domain,
    run: &dyn FloodModel,
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
    run: &dyn FloodModel,
    summary: &RunSummary,
    out: &Path,
) -> Result<(), RunError> {
    let max = run.max_depth_m();
    folder.write(run_folder::MAX_DEPTH, &run_folder::encode_depth(domain.spec.nx, domain.spec.ny, 0.0, &max))?;
    folder.write_geotiff(run_folder::MAX_DEPTH_TIF, &domain.spec, &max)?;
    folder.write_outcomes(&pack.model, &summary.affected)?;
    folder.write(run_folder::RUN, &to_json(summary, out)?)
}
