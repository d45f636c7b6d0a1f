//! Flood runs of `sandtable simulate`: a barrier, a design storm, refused scenarios.

use sandtable_tests::{demo, sandtable, sandtable_ok, simulate_args};
use std::fs;
use twin_model::{DesignStorm, EntityKind, RunSummary};

/// Runs a scenario and returns its summary.
fn run(dir: &std::path::Path, name: &str, scenario: &str) -> RunSummary {
    run_with(dir, name, scenario, &[])
}

/// Runs a scenario with more options and returns its summary.
pub fn run_with(dir: &std::path::Path, name: &str, scenario: &str, options: &[&str]) -> RunSummary {
    let file = dir.join(format!("{name}.toml"));
    fs::write(&file, scenario).unwrap();
    let options: Vec<std::ffi::OsString> = options.iter().map(Into::into).collect();
    let args = [&simulate_args(&file, &dir.join(name))[..], &["--json".into()], &options].concat();
    let text = sandtable_ok(&args);
    let last = text.lines().last().unwrap();
    serde_json::from_value(serde_json::from_str::<serde_json::Value>(last).unwrap()["summary"].clone()).unwrap()
}

fn scenario(interventions: &str) -> String {
    format!(
        r#"
name = "barrier"
base = "none"
duration_s = 600.0
frame_interval_s = 300.0
cell_m = 4.0
[forcing.rain]
source = "none"
[forcing.river]
source = "constant"
level_m = 20.2
{interventions}
"#
    )
}

#[test]
fn a_barrier_across_the_low_gap_keeps_the_land_behind_it_dry() {
    let dir = tempfile::tempdir().unwrap();
    let open = run(dir.path(), "open", &scenario(""));
    assert!(open.mass_error.abs() < 1e-6, "mass error {}", open.mass_error);
    assert!(open.flooded_area_m2 > 1000.0, "the river does not leave its bed: {} m2", open.flooded_area_m2);

    // Sandbags across the gap that the embankment has for its flood gate, a little into the dyke on both sides.
    let pack = community_pack::Pack::open(&demo().join("pack")).unwrap();
    let gap = pack.model.of_kind(EntityKind::Embankment).find(|e| e.name.contains("闸口")).unwrap();
    let (first, last) = (gap.line.first().unwrap(), gap.line.last().unwrap());
    let length = (last[0] - first[0]).hypot(last[1] - first[1]);
    let beyond = |p: &[f64; 2], away: f64| {
        [p[0] + (last[0] - first[0]) / length * away, p[1] + (last[1] - first[1]) / length * away]
    };
    let line = [beyond(first, -25.0), beyond(last, 25.0)];
    let barrier = format!("[[interventions]]\nkind = \"barrier\"\nheight_m = 4.0\nline_enu = {line:?}\n");
    let walled = run(dir.path(), "walled", &scenario(&barrier));
    assert!(walled.mass_error.abs() < 1e-6, "mass error {}", walled.mass_error);
    // The foreland between river and dyke is wet either way.
    assert!(
        walled.flooded_area_m2 < 0.6 * open.flooded_area_m2,
        "behind the barrier {} m2 are wet, without it {} m2",
        walled.flooded_area_m2,
        open.flooded_area_m2
    );
    let depth = |run: &RunSummary, id| run.affected.iter().find(|a| a.0 == id).map_or(0.0, |a| a.1);
    let spared = open.affected.iter().filter(|a| a.1 > 0.3 && depth(&walled, a.0) < 0.5 * a.1).count();
    assert!(spared > 10, "only {spared} things behind the barrier are at less than half the depth");
}

/// All of a design storm reaches the ground: depth of the intensity formula times the area of the raster.
#[test]
fn a_design_storm_rains_what_its_formula_says() {
    let dir = tempfile::tempdir().unwrap();
    let storm = DesignStorm { duration_min: 6.0, ..DesignStorm::default() };
    let scenario = format!(
        "name = \"storm\"\nbase = \"none\"\nduration_s = 420.0\nframe_interval_s = 210.0\ncell_m = 8.0\n[forcing]\n\
         river = {{ source = \"none\" }}\n[forcing.rain]\nsource = \"design\"\n{}",
        storm.ranges().map(|(name, value, ..)| format!("{name} = {value:?}")).join("\n")
    );
    let run = run(dir.path(), "storm", &scenario);
    let area_m2 = f64::from(run.grid.nx) * f64::from(run.grid.ny) * run.grid.dx_m.powi(2);
    let depth_mm = run.rain_m3 / area_m2 * 1e3;
    assert!((depth_mm / storm.total_mm() - 1.0).abs() < 1e-6, "{depth_mm} mm, wanted {} mm", storm.total_mm());
    assert!(run.mass_error.abs() < 1e-6 && run.volume_end_m3 > 0.5 * run.rain_m3, "{} m3", run.volume_end_m3);
}

#[test]
fn a_live_scenario_without_live_state_is_refused_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("live.toml");
    fs::write(&file, "name = \"live\"\nduration_s = 60.0\nframe_interval_s = 30.0\ncell_m = 8.0\n").unwrap();
    let out = dir.path().join("run");
    let output = sandtable(&simulate_args(&file, &out));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.contains("no fresh rain gauge"), "{error}");
    assert!(!out.exists(), "nothing may be written for a refused run");
}
