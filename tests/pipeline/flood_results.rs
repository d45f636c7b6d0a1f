//! What flood runs leave behind: exports that other programs open, states to continue, hindcasts, ensembles, the check.

use crate::floods::run_with;
use sandtable_tests::{demo, installed, sandtable, sandtable_ok, simulate_args};
use std::fs;
use std::path::Path;
use std::process::Command;
use twin_model::EntityKind;

/// A short flood of the demo community: the river stands over its bank while it rains.
fn scenario(base: &str, duration_s: f64) -> String {
    format!(
        "name = \"试算\"\nbase = {base}\nduration_s = {duration_s:?}\nframe_interval_s = 150.0\ncell_m = 8.0\n[forcing]\n\
         rain = {{ source = \"constant\", rain_mmph = 80.0 }}\nriver = {{ source = \"constant\", level_m = 20.2 }}\n"
    )
}

fn rows(path: &Path) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let header = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows = reader.records().map(|r| r.unwrap().iter().map(str::to_owned).collect());
    std::iter::once(header).chain(rows).collect()
}

fn column<'a>(rows: &'a [Vec<String>], name: &str) -> impl Iterator<Item = &'a str> {
    let at = rows[0].iter().position(|c| c == name).unwrap();
    rows[1..].iter().map(move |r| r[at].as_str())
}

fn gdal(program: &str, args: &[&str]) -> serde_json::Value {
    let output = Command::new(program).args(args).output().unwrap();
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && error.is_empty(), "{program} {args:?}: {error}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn every_export_opens_elsewhere_and_says_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let summary = run_with(dir.path(), "all", &scenario("\"none\"", 300.0), &["--export", "all"]);
    let path = |name: &str| dir.path().join("all").join(name);

    let outcomes = rows(&path("outcomes.csv"));
    let with_entrances = column(&outcomes, "kind").filter(|k| !matches!(*k, "door" | "unit")).count();
    assert_eq!(with_entrances, summary.affected.len());
    assert!(column(&outcomes, "hazard_class").all(|h| ["H1", "H2", "H3", "H4", "H5", "H6"].contains(&h)));
    assert!(column(&outcomes, "kind").any(|k| k == "unit"), "no entrance is reached");
    let households: u32 = column(&outcomes, "ground_households").filter_map(|h| h.parse::<u32>().ok()).sum();
    assert_eq!(households, summary.impact.totals.households);
    let parquet = fs::read(path("outcomes.parquet")).unwrap();
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    let cut: f64 = column(&rows(&path("roads.csv")), "cut_car_m").map(|m| m.parse::<f64>().unwrap()).sum();
    assert!((cut - summary.impact.totals.road_cut_car_m).abs() < 0.02 * cut + 1.0, "{cut} {:?}", summary.impact.totals);
    assert!(path("preflight.json").is_file() && path("velocity_00002.q").is_file());
    let velocity = community_pack::run_folder::decode_velocity(&fs::read(path("velocity_00002.q")).unwrap()).unwrap();
    assert!(velocity.east_mps.iter().any(|v| v.abs() > 0.05));
    let partial: Vec<_> =
        fs::read_dir(dir.path().join("all")).unwrap().filter_map(Result::ok).map(|e| e.path()).collect();
    assert!(!partial.iter().any(|p| p.extension().is_some_and(|e| e == "partial")), "{partial:?}");

    // Gauges of the river stand above their alarm levels from the start.
    let alarms = &summary.impact.predicted_alarms;
    assert!(alarms.iter().any(|a| a.property == "water_level_m" && a.first_s == 0.0), "{alarms:?}");
    assert!(alarms.iter().all(|a| a.value >= a.limit && a.quality == twin_model::Quality::SIMULATED));

    if !installed("gdalinfo") {
        println!("skipped: GDAL's programs are not installed");
        return;
    }
    for name in
        ["max_depth.tif", "max_hazard.tif", "hazard_class.tif", "first_wet.tif", "max_speed.tif", "depth_00002.tif"]
    {
        let info = gdal("gdalinfo", &["-json", "-stats", &path(name).to_string_lossy()]);
        assert_eq!(info["size"], serde_json::json!([summary.grid.nx, summary.grid.ny]), "{name}");
        assert_eq!(info["bands"][0]["block"], serde_json::json!([256, 256]), "{name}");
        assert_eq!(info["metadata"]["IMAGE_STRUCTURE"]["COMPRESSION"], "DEFLATE", "{name}");
        assert!(info["coordinateSystem"]["wkt"].as_str().unwrap().contains("4547"), "{name}");
        assert_eq!(info["geoTransform"][0].as_f64().unwrap(), summary.grid.x0, "{name}");
    }
    let info = gdal("gdalinfo", &["-json", "-stats", &path("hazard_class.tif").to_string_lossy()]);
    assert!((1.0..=6.0).contains(&info["bands"][0]["maximum"].as_f64().unwrap()));
    let formats = Command::new("gdalinfo").arg("--formats").output().unwrap();
    if String::from_utf8_lossy(&formats.stdout).contains("netCDF") {
        let info = gdal("gdalinfo", &["-json", &format!("NETCDF:{}:depth", path("frames.nc").display())]);
        assert_eq!(info["bands"].as_array().unwrap().len(), summary.frame_times_s.len());
        assert!(
            info["coordinateSystem"]["wkt"].as_str().unwrap().contains("Transverse"),
            "{}",
            info["coordinateSystem"]
        );
        assert_eq!(info["bands"][0]["unit"], "m");
        let transform = info["geoTransform"].as_array().unwrap();
        let north = summary.grid.y0 + f64::from(summary.grid.ny) * summary.grid.dx_m;
        assert!((transform[3].as_f64().unwrap() - north).abs() < 1e-6, "{transform:?}");
    }
}

#[test]
fn two_halves_are_one_whole() {
    let dir = tempfile::tempdir().unwrap();
    let whole = run_with(dir.path(), "whole", &scenario("\"none\"", 600.0), &[]);
    run_with(dir.path(), "first", &scenario("\"none\"", 300.0), &[]);
    let state = dir.path().join("first/state.bin");
    let continued = scenario("{ run = { run = 1, at_s = 300 } }", 300.0);
    let second = run_with(dir.path(), "second", &continued, &["--from-state", &state.to_string_lossy()]);
    assert_eq!(whole.checksum, second.checksum);
    assert_eq!(whole.volume_end_m3, second.volume_end_m3);
    let bytes = |run: &str, name: &str| fs::read(dir.path().join(run).join(name)).unwrap();
    for name in ["max_depth.q", "max_depth.tif", "max_speed.tif", "max_hazard.tif", "hazard_class.tif"] {
        assert!(bytes("whole", name) == bytes("second", name), "{name} differs");
    }
    let above = |run: &str| {
        let rows = rows(&dir.path().join(run).join("outcomes.csv"));
        column(&rows, "above_030m_s").map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(above("whole"), above("second"));

    // Another grid, another second, no state: one clear line each.
    let refused = |name: &str, text: &str, args: &[&str]| {
        let file = dir.path().join(format!("{name}.toml"));
        fs::write(&file, text).unwrap();
        let mut all = simulate_args(&file, &dir.path().join(name)).to_vec();
        all.extend(args.iter().map(Into::into));
        let output = sandtable(&all);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), error.lines().count()), (Some(1), 1), "{error}");
        assert!(!dir.path().join(name).exists(), "{name}: nothing may be written");
        error
    };
    assert!(refused("none", &continued, &[]).contains("state.bin"));
    let state = ["--from-state", &*state.to_string_lossy()];
    assert!(refused("late", &continued.replace("300 }", "150 }"), &state).contains("is the state at 300 s"));
    assert!(
        refused("coarse", &continued.replace("cell_m = 8.0", "cell_m = 10.0"), &state).contains("not a snapshot of")
    );
}

#[test]
fn a_hindcast_rains_what_the_gauges_measured_and_then_what_the_scenario_says() {
    let dir = tempfile::tempdir().unwrap();
    let pack = community_pack::Pack::open(&demo().join("pack")).unwrap();
    let now = 1_790_000_000_000_i64;
    let mut table = String::from("entity,property,observed_at,value\n");
    for gauge in pack.model.of_kind(EntityKind::Device).filter(|d| d.class == "rain_gauge") {
        // 30 mm/h for five minutes, 90 mm/h for the next five, until the present.
        for (before_s, rate) in [(600, 30.0), (300, 90.0)] {
            table += &format!("{},rain_mmph,{},{rate}\n", gauge.id, now - before_s * 1000);
        }
        table += &format!("{},rain_mmph,{now},0.0\n", gauge.id);
    }
    let history = dir.path().join("history.csv");
    fs::write(&history, table).unwrap();
    let text = "name = \"回算\"\nbase = { hindcast = { before_s = 600 } }\nduration_s = 300.0\nframe_interval_s = 300.0\n\
                cell_m = 8.0\n[forcing]\nrain = { source = \"constant\", rain_mmph = 60.0 }\nriver = { source = \"none\" }\n";
    let summary = run_with(dir.path(), "past", text, &["--history", &history.to_string_lossy()]);
    assert_eq!(summary.frame_times_s, [0.0, 300.0, 600.0, 900.0]);
    assert_eq!((summary.impact.hindcast_s, summary.started_from.0), (600.0, now - 600_000));
    let area_m2 = f64::from(summary.grid.nx) * f64::from(summary.grid.ny) * summary.grid.dx_m.powi(2);
    let depth_mm = summary.rain_m3 / area_m2 * 1e3;
    assert!((depth_mm - (30.0 + 90.0 + 60.0) / 12.0).abs() < 1e-5, "{depth_mm} mm");
    assert!(summary.mass_error < 1e-6, "{}", summary.mass_error);
}

#[test]
fn an_ensemble_gives_probabilities_and_percentiles() {
    let dir = tempfile::tempdir().unwrap();
    let summary = run_with(dir.path(), "band", &scenario("\"none\"", 300.0), &["--ensemble", "4"]);
    let again = run_with(dir.path(), "again", &scenario("\"none\"", 300.0), &["--ensemble", "4"]);
    assert_eq!(summary, again);
    let ensemble = summary.impact.ensemble.unwrap();
    assert_eq!((ensemble.members, ensemble.draws.len()), (4, 4));
    let [low, middle, high] = ensemble.flooded_area_m2;
    assert!(0.0 < low && low < middle && middle < high, "{:?}", ensemble.flooded_area_m2);
    let tif = fs::read(dir.path().join("band/probability_030cm.tif")).unwrap();
    let shares = community_pack::read_terrain(&tif).unwrap().bed_m;
    let known: Vec<f32> = shares.into_iter().filter(|p| !p.is_nan()).collect();
    assert!(known.iter().all(|p| [0.0, 0.25, 0.5, 0.75, 1.0].contains(p)));
    assert!(known.contains(&1.0) && known.iter().any(|p| (0.2..0.8).contains(p)), "no band of uncertainty");
    let rows = rows(&dir.path().join("band/outcomes.csv"));
    let number = |name| column(&rows, name).map(|v| v.parse::<f64>().unwrap()).collect::<Vec<_>>();
    let (p10, p50, p90) = (number("depth_p10_m"), number("depth_p50_m"), number("depth_p90_m"));
    assert!(
        p10.iter().zip(&p50).zip(&p90).all(|((a, b), c)| a <= b && b <= c) && p10.iter().zip(&p90).any(|(a, c)| a < c)
    );
}

#[test]
fn the_check_reports_and_computes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("s.toml");
    fs::write(&file, scenario("\"none\"", 300.0).replace("20.2", "60.0")).unwrap();
    let pack = demo().join("pack");
    let (file, pack) = (file.to_string_lossy(), pack.to_string_lossy());
    let text = sandtable_ok(&["simulate", &*file, "--pack", &*pack, "--check", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let findings = report["preflight"]["findings"].as_array().unwrap();
    // The worst comes first: a river level in no datum that the terrain could have.
    assert_eq!((&findings[0]["kind"], &findings[0]["severity"]), (&"river_level".into(), &"serious".into()), "{text}");
    assert!(findings.iter().all(|f| f["advice"].as_str().is_some_and(|a| !a.is_empty())));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "only the scenario itself");
    let missing = sandtable(&["simulate", &*file, "--pack", &*pack]);
    assert_eq!(missing.status.code(), Some(2), "without --check, --out is needed");
}

/// The truth is a hindcast with 1.4 times the measured rain; what its ponding gauges see pulls the measured rain up to it.
#[test]
fn ponding_gauges_pull_the_measured_rain_to_the_truth() {
    let dir = tempfile::tempdir().unwrap();
    let pack = community_pack::Pack::open(&demo().join("pack")).unwrap();
    let now = 1_790_000_000_000_i64;
    let of_class = |class: &'static str| pack.model.of_kind(EntityKind::Device).filter(move |d| d.class == class);
    let rain = |factor: f64| {
        let mut table = String::from("entity,property,observed_at,value\n");
        for gauge in of_class("rain_gauge") {
            for (before_s, rate) in [(900, 70.0), (450, 30.0), (0, 30.0)] {
                table += &format!("{},rain_mmph,{},{}\n", gauge.id, now - before_s * 1000, rate * factor);
            }
        }
        table
    };
    let text = "name = \"订正\"\nbase = { hindcast = { before_s = 900 } }\nduration_s = 150.0\nframe_interval_s = 150.0\n\
                cell_m = 8.0\n[forcing]\nrain = { source = \"live\" }\nriver = { source = \"none\" }\n";
    let put = |name: &str, table: &str| {
        let path = dir.path().join(name);
        fs::write(&path, table).unwrap();
        path.to_string_lossy().into_owned()
    };
    let truth = run_with(dir.path(), "truth", text, &["--history", &put("truth.csv", &rain(1.4))]);

    // What the ponding gauges would have measured at the frames until the present.
    let crs = geo_frame::Crs::from_epsg(truth.grid.epsg).unwrap();
    let projector = geo_frame::Projector::new(crs, pack.manifest.origin.frame());
    let mut table = rain(1.0);
    for (number, t_s) in truth.frame_times_s.iter().enumerate().filter(|(_, t)| **t <= 900.0) {
        let file = dir.path().join("truth").join(community_pack::run_folder::frame_name(number as u32));
        let frame = community_pack::run_folder::decode(&fs::read(file).unwrap()).unwrap();
        for gauge in of_class("road_ponding") {
            let p = projector.crs_from_enu(gauge.p_enu).unwrap();
            let at = |k: usize, from: f64| ((p[k] - from) / truth.grid.dx_m) as usize;
            let cell = at(1, truth.grid.y0) * truth.grid.nx as usize + at(0, truth.grid.x0);
            let time = now - 900_000 + (*t_s * 1000.0) as i64;
            table += &format!("{},ponding_depth_m,{time},{}\n", gauge.id, frame.values_m[cell]);
        }
    }
    let history = put("measured.csv", &table);
    let plain = run_with(dir.path(), "plain", text, &["--history", &history]);
    let pulled = run_with(dir.path(), "pulled", text, &["--history", &history, "--correct"]);
    let correction = pulled.impact.correction.unwrap();
    assert!((correction.rain_factor / 1.4 - 1.0).abs() < 0.05, "{correction:?}");
    assert!(correction.gauges >= 5 && correction.rmse_after_m < 0.3 * correction.rmse_before_m, "{correction:?}");
    // The account stays closed, and the water is what the corrected rain brought.
    assert!(pulled.mass_error < 1e-6 && (pulled.rain_m3 / plain.rain_m3 / correction.rain_factor - 1.0).abs() < 1e-6);
    assert!((pulled.flooded_area_m2 / truth.flooded_area_m2 - 1.0).abs() < 0.05);
}

#[cfg(unix)]
#[test]
fn a_cancelled_run_leaves_its_frames_and_no_half_written_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("s.toml");
    fs::write(&file, scenario("\"none\"", 36_000.0).replace("8.0", "4.0")).unwrap();
    let out = dir.path().join("run");
    let mut args = simulate_args(&file, &out).to_vec();
    args.extend(["--export".into(), "all".into()]);
    let program = sandtable_tests::program("sandtable");
    let child = Command::new(program).args(args).stderr(std::process::Stdio::piped()).spawn().unwrap();
    while !out.join("frame_00001.q").exists() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && error.contains("cancelled"), "{error}");
    let names: Vec<String> =
        fs::read_dir(&out).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    assert!(names.iter().any(|n| n == "frame_00001.q") && !names.iter().any(|n| n == "run.json"), "{names:?}");
    assert!(!names.iter().any(|n| n.ends_with(".partial") || n == "frames.nc" || n == "state.bin"), "{names:?}");
}
