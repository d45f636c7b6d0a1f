//! What a finished run leaves behind: summary, tables and rasters.

use crate::domain::Domain;
use crate::ensemble::Members;
use crate::flood::Prepared;
use crate::hazard::Traveller;
use crate::observers::Observers;
use crate::outcome::{AFFECTED_DEPTH_M, CellResults, Outcome, hazard_at, outcomes, totals};
use crate::output::RunFolder;
use crate::preflight::{Report, Severity};
use crate::roads::RoadWatch;
use crate::sites::{Site, sites};
use crate::table::{Table, Values};
use crate::{KERNEL, RunError};
use community_pack::run_folder;
use sim_flood::FloodRun;
use twin_model::{CommunityModel, EntityKind, FloodImpact, ForcingCorrection, RunSummary, Scenario, ScenarioEdit};

/// A run that has reached its end.
pub(crate) struct Finished<'a> {
    /// What was built while the run went on.
    pub edits: Vec<ScenarioEdit>,
    pub run: &'a FloodRun,
    pub observers: &'a Observers,
    pub members: Option<Members>,
    pub correction: Option<ForcingCorrection>,
    pub report: &'a Report,
}

/// Writes the results and, last of all, the summary.
pub(crate) fn write(
    prepared: &Prepared<'_>,
    finished: &Finished<'_>,
    folder: &RunFolder,
) -> Result<RunSummary, RunError> {
    let results = cell_results(prepared, finished);
    let sites = sites(&prepared.pack.model, &prepared.domain)?;
    let mut outcomes = outcomes(&sites, &finished.observers.roads, &results);
    let summary = summarise(prepared, finished, &sites, &outcomes, &results);
    if let Some(members) = &finished.members {
        members.add_percentiles(&sites, &results, &mut outcomes);
    }
    write_rasters(prepared, finished, &results, folder)?;
    write_tables(prepared, finished, &outcomes, folder)?;
    folder.write_json(run_folder::RUN, &summary)?;
    Ok(summary)
}

fn cell_results(prepared: &Prepared<'_>, finished: &Finished<'_>) -> CellResults {
    let offset_s = prepared.offset_s() as f32;
    let first_wet_s = finished.run.first_wet_s().into_iter().map(|t| t - offset_s).collect();
    CellResults {
        max_depth_m: finished.run.max_depth_m(),
        max_product_m2ps: finished.run.max_hazard_m2ps(),
        first_wet_s,
        tracks: finished.observers.tracks.clone(),
    }
}

/// Kinds that the summary lists as affected; the tables list entrances too.
const LISTED: &[EntityKind] = &[
    EntityKind::Building,
    EntityKind::Gate,
    EntityKind::Green,
    EntityKind::Poi,
    EntityKind::Component,
    EntityKind::Manhole,
    EntityKind::Road,
    EntityKind::Device,
];

fn summarise(
    prepared: &Prepared<'_>,
    finished: &Finished<'_>,
    sites: &[Site],
    outcomes: &[Outcome],
    results: &CellResults,
) -> RunSummary {
    let (domain, ledger) = (&prepared.domain, finished.run.ledger());
    let listed = outcomes.iter().filter(|o| LISTED.contains(&o.kind));
    let impact = FloodImpact {
        totals: totals(&prepared.pack.model, domain, sites, outcomes, results),
        predicted_alarms: finished.observers.alarms.alarms(),
        correction: finished.correction.clone(),
        ensemble: finished.members.as_ref().map(Members::summary),
        hindcast_s: prepared.plan.hindcast_s,
        preflight_warnings: finished.report.findings.iter().filter(|f| f.severity > Severity::Note).count() as u32,
    };
    RunSummary {
        scenario: Scenario { edits: finished.edits.clone(), ..prepared.request.scenario.clone() },
        started_from: prepared.started_from,
        live_inputs: prepared.plan.inputs.clone(),
        grid: domain.spec.clone(),
        frame_times_s: prepared.frame_times_s(),
        steps: finished.run.tick(),
        volume_start_m3: ledger.initial_m3,
        volume_end_m3: ledger.current_m3,
        rain_m3: ledger.rain_in_m3,
        inflow_m3: ledger.total_in_m3() - ledger.rain_in_m3,
        outflow_m3: ledger.total_out_m3(),
        mass_error: ledger.relative_error(),
        flooded_area_m2: flooded_area_m2(domain, &results.max_depth_m),
        max_depth_m: greatest_on_land(domain, &results.max_depth_m),
        checksum: format!("{:016x}", finished.run.checksum()),
        kernel: KERNEL.to_owned(),
        affected: listed.map(|o| (o.entity, o.max_depth_m, o.first_wet_s)).collect(),
        impact,
    }
}

/// Area outside rivers and ponds that was deeper than 5 cm, m².
pub(crate) fn flooded_area_m2(domain: &Domain, max_depth_m: &[f32]) -> f64 {
    let water = domain.water_cells();
    let wet = max_depth_m.iter().zip(&water).filter(|(h, water)| !**water && f64::from(**h) > AFFECTED_DEPTH_M);
    wet.count() as f64 * domain.terrain.grid.cell_area_m2()
}

fn greatest_on_land(domain: &Domain, max_depth_m: &[f32]) -> f64 {
    let water = domain.water_cells();
    max_depth_m.iter().zip(&water).filter(|(_, water)| !**water).map(|(h, _)| f64::from(*h)).fold(0.0, f64::max)
}

fn write_rasters(
    prepared: &Prepared<'_>,
    finished: &Finished<'_>,
    results: &CellResults,
    folder: &RunFolder,
) -> Result<(), RunError> {
    let (spec, blocked) = (&prepared.domain.spec, &prepared.domain.terrain.blocked);
    let max = &results.max_depth_m;
    folder.write(run_folder::MAX_DEPTH, &run_folder::encode_depth(spec.nx, spec.ny, 0.0, max))?;
    folder.write_geotiff(run_folder::MAX_DEPTH_TIF, spec, max, blocked)?;
    if prepared.request.exports.geotiff {
        folder.write_geotiff(run_folder::MAX_HAZARD_TIF, spec, &results.max_product_m2ps, blocked)?;
        folder.write_geotiff(run_folder::FIRST_WET_TIF, spec, &results.first_wet_s, blocked)?;
        folder.write_geotiff(run_folder::MAX_SPEED_TIF, spec, &results.tracks.max_speed_mps, blocked)?;
        folder.write_classes(run_folder::HAZARD_CLASS_TIF, spec, &hazard_classes(results))?;
    }
    for (depth_m, probability) in finished.members.iter().flat_map(Members::probabilities) {
        folder.write_geotiff(&run_folder::probability_name(depth_m), spec, &probability, blocked)?;
    }
    Ok(())
}

/// 1 to 6 from 5 cm of water, else 0.
fn hazard_classes(results: &CellResults) -> Vec<u8> {
    let wet = |(cell, depth): (usize, &f32)| {
        if f64::from(*depth) >= AFFECTED_DEPTH_M { hazard_at(results, cell as u32) as u8 } else { 0 }
    };
    results.max_depth_m.iter().enumerate().map(wet).collect()
}

fn write_tables(
    prepared: &Prepared<'_>,
    finished: &Finished<'_>,
    outcomes: &[Outcome],
    folder: &RunFolder,
) -> Result<(), RunError> {
    let exports = prepared.request.exports;
    let table = outcome_table(&prepared.pack.model, outcomes);
    if exports.csv {
        folder.write(run_folder::OUTCOMES, &table.to_csv(&folder.path(run_folder::OUTCOMES))?)?;
        let roads = road_table(&prepared.pack.model, &finished.observers.roads);
        folder.write(run_folder::ROADS, &roads.to_csv(&folder.path(run_folder::ROADS))?)?;
    }
    if exports.parquet {
        let bytes = table.to_parquet(&folder.path(run_folder::OUTCOMES_PARQUET))?;
        folder.write(run_folder::OUTCOMES_PARQUET, &bytes)?;
    }
    Ok(())
}

/// One row per thing with at least 5 cm of water at it.
fn outcome_table(model: &CommunityModel, outcomes: &[Outcome]) -> Table {
    let text = |f: &dyn Fn(&Outcome) -> Option<String>| Values::texts(outcomes.iter().map(f));
    let number = |decimals, f: &dyn Fn(&Outcome) -> Option<f64>| Values::numbers(decimals, outcomes.iter().map(f));
    let int = |f: &dyn Fn(&Outcome) -> Option<i64>| Values::ints(outcomes.iter().map(f));
    Table::default()
        .with("entity", int(&|o| Some(i64::from(o.entity.0))))
        .with("kind", text(&|o| Some(o.kind.tag().to_owned())))
        .with("name", text(&|o| model.get(o.entity).map(|e| e.name.clone())))
        .with("address", text(&|o| Some(model.address(o.entity))))
        .with("max_depth_m", number(3, &|o| Some(o.max_depth_m)))
        .with("first_wet_s", number(0, &|o| Some(o.first_wet_s)))
        .with("above_015m_s", number(0, &|o| Some(o.above_s[0])))
        .with("above_030m_s", number(0, &|o| Some(o.above_s[1])))
        .with("above_050m_s", number(0, &|o| Some(o.above_s[2])))
        .with("max_speed_mps", number(2, &|o| Some(o.max_speed_mps)))
        .with("max_depth_speed_m2ps", number(3, &|o| Some(o.max_product_m2ps)))
        .with("hazard_class", text(&|o| Some(o.hazard.name().to_owned())))
        .with("hazard_rating", number(2, &|o| Some(o.rating)))
        .with("danger_to_people", text(&|o| Some(o.danger.tag().to_owned())))
        .with("entrances", int(&|o| o.building.map(|b| i64::from(b.entrances))))
        .with("entrances_wet", int(&|o| o.building.map(|b| i64::from(b.entrances_wet))))
        .with("ground_households", int(&|o| o.building.map(|b| i64::from(b.households))))
        .with("people", int(&|o| o.building.and_then(|b| b.people).map(i64::from)))
        .with("basement", int(&|o| o.building.map(|b| i64::from(b.basement))))
        .with("cut_pedestrian_m", number(0, &|o| o.road_cut_m.map(|c| c[0])))
        .with("cut_car_m", number(0, &|o| o.road_cut_m.map(|c| c[1])))
        .with("cut_fire_engine_m", number(0, &|o| o.road_cut_m.map(|c| c[2])))
        .with("depth_p10_m", number(3, &|o| o.percentiles_m.map(|p| p[0])))
        .with("depth_p50_m", number(3, &|o| o.percentiles_m.map(|p| p[1])))
        .with("depth_p90_m", number(3, &|o| o.percentiles_m.map(|p| p[2])))
}

/// One row per road segment that somebody cannot pass at some time.
fn road_table(model: &CommunityModel, roads: &RoadWatch) -> Table {
    let rows: Vec<usize> =
        (0..roads.segments.len()).filter(|k| roads.cuts[*k].iter().any(|c| c.from_s.is_some())).collect();
    let segment = |k: &usize| &roads.segments[*k];
    let point = |p: [f64; 2]| format!("{:.2} {:.2}", p[0], p[1]);
    let wkt = |k: &usize| format!("LINESTRING ({}, {})", point(segment(k).from_enu), point(segment(k).to_enu));
    let mut table = Table::default()
        .with("entity", Values::ints(rows.iter().map(|k| Some(i64::from(segment(k).road.0)))))
        .with("name", Values::texts(rows.iter().map(|k| model.get(segment(k).road).map(|e| e.name.clone()))))
        .with("segment", Values::ints(rows.iter().map(|k| Some(i64::from(segment(k).index)))))
        .with("length_m", Values::numbers(1, rows.iter().map(|k| Some(segment(k).length_m))))
        .with("line_enu", Values::texts(rows.iter().map(|k| Some(wkt(k)))));
    const COLUMNS: [[&str; 4]; 3] = [
        ["cut_pedestrian_m", "pedestrian_from_s", "pedestrian_open_again_s", "pedestrian_cut_s"],
        ["cut_car_m", "car_from_s", "car_open_again_s", "car_cut_s"],
        ["cut_fire_engine_m", "fire_engine_from_s", "fire_engine_open_again_s", "fire_engine_cut_s"],
    ];
    for (who, [length, from, again, time]) in (0..Traveller::ALL.len()).zip(COLUMNS) {
        let cut = |k: &usize| &roads.cuts[*k][who];
        table = table
            .with(length, Values::numbers(1, rows.iter().map(|k| Some(roads.cut_length_m(*k)[who]))))
            .with(from, Values::numbers(0, rows.iter().map(|k| cut(k).from_s)))
            .with(again, Values::numbers(0, rows.iter().map(|k| cut(k).open_again_s)))
            .with(time, Values::numbers(0, rows.iter().map(|k| Some(cut(k).cut_s))));
    }
    table
}
