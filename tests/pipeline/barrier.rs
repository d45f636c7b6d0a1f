//! A barrier placed in a scenario changes the greatest depth behind it.

use sandtable_tests::{demo, sandtable, sandtable_ok};
use std::fs;
use twin_model::RunSummary;

/// Runs a scenario and returns its summary.
fn run(dir: &std::path::Path, name: &str, scenario: &str) -> RunSummary {
    let file = dir.join(format!("{name}.toml"));
    fs::write(&file, scenario).unwrap();
    let (out, pack) = (dir.join(name), demo().join("pack"));
    let text = sandtable_ok(&[
        "simulate",
        &file.to_string_lossy(),
        "--pack",
        &pack.to_string_lossy(),
        "--out",
        &out.to_string_lossy(),
        "--json",
    ]);
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
level_m = 21.3
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

    // A wall around the whole river on the land side: one barrier along each water polygon's outline.
    let pack = community_pack::Pack::open(&demo().join("pack")).unwrap();
    let water = pack.model.of_kind(twin_model::EntityKind::Water).find_map(|e| e.footprint.clone()).unwrap();
    let ring = &water.0[0];
    let line: Vec<String> = ring.iter().chain(ring.first()).map(|p| format!("[{}, {}]", p[0], p[1])).collect();
    let barrier = format!("[[interventions]]\nkind = \"barrier\"\nheight_m = 12.0\nline_enu = [{}]\n", line.join(", "));
    let walled = run(dir.path(), "walled", &scenario(&barrier));
    assert!(walled.mass_error.abs() < 1e-6, "mass error {}", walled.mass_error);
    assert!(
        walled.flooded_area_m2 < 0.05 * open.flooded_area_m2,
        "behind the barrier {} m2 are wet, without it {} m2",
        walled.flooded_area_m2,
        open.flooded_area_m2
    );
}

#[test]
fn a_live_scenario_without_live_state_is_refused_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("live.toml");
    fs::write(&file, "name = \"live\"\nduration_s = 60.0\nframe_interval_s = 30.0\ncell_m = 8.0\n").unwrap();
    let (out, pack) = (dir.path().join("run"), demo().join("pack"));
    let output = sandtable(&[
        "simulate",
        &file.to_string_lossy(),
        "--pack",
        &pack.to_string_lossy(),
        "--out",
        &out.to_string_lossy(),
    ]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.contains("no fresh rain gauge"), "{error}");
    assert!(!out.exists(), "nothing may be written for a refused run");
}
