//! Bad deliveries and options give one clear line and exit code 1; nothing is half-written.

use sandtable_tests::{demo, sandtable, simulate_args};
use std::fs;
use std::path::Path;

/// A project of one layer, in a folder with a copy of the named files.
fn project(dir: &Path, layer: &str, files: &[(&str, &[u8])]) -> String {
    for (name, bytes) in files {
        fs::write(dir.join(name), bytes).unwrap();
    }
    let text = format!(
        "[community]\nid = \"x\"\nname = \"测试\"\nname_en = \"Test\"\ndistrict = \"甲区\"\nstreet = \"乙街道\"\n\
         division = \"420199001001\"\ncrs = \"EPSG:4547\"\nvertical_datum = \"1985\"\norigin = [535000.0, 3380000.0, 20.0]\n\n\
         [[layer]]\n{layer}\n"
    );
    let file = dir.join("project.toml");
    fs::write(&file, text).unwrap();
    file.to_string_lossy().into_owned()
}

/// Imports and expects a refusal whose one line contains every word.
fn refused(dir: &Path, project: &str, words: &[&str]) {
    let out = dir.join("pack");
    let output = sandtable(&["import", project, "--out", &out.to_string_lossy()]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    let line = error.lines().last().unwrap_or_default();
    assert!(line.starts_with("sandtable: "), "{error}");
    assert!(!error.contains("panicked"), "{error}");
    for word in words {
        assert!(line.contains(word), "expected {word:?} in {line:?}");
    }
    assert!(!out.exists(), "a refused import left {}", out.display());
}

#[test]
fn a_truncated_ifc_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let ifc = fs::read(demo().join("deliveries/bim/tower_01.ifc")).unwrap();
    let project = project(dir.path(), "kind = \"ifc\"\npath = \"half.ifc\"", &[("half.ifc", &ifc[..ifc.len() / 2])]);
    refused(dir.path(), &project, &["half.ifc"]);
}

#[test]
fn a_shapefile_without_prj_is_named_with_the_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let from = demo().join("deliveries/vector");
    let part = |ext: &str| fs::read(from.join(format!("buildings.{ext}"))).unwrap();
    let (shp, shx, dbf) = (part("shp"), part("shx"), part("dbf"));
    let files: [(&str, &[u8]); 3] = [("b.shp", &shp), ("b.shx", &shx), ("b.dbf", &dbf)];
    let project = project(
        dir.path(),
        "kind = \"buildings\"\npath = \"b.shp\"\n[layer.fields]\nid = \"BLDG_ID\"\nheight = \"HEIGHT\"",
        &files,
    );
    refused(dir.path(), &project, &["b.shp", "crs"]);
}

#[test]
fn a_dem_without_crs_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let asc = b"ncols 3\nnrows 3\nxllcorner 535000\nyllcorner 3380000\ncellsize 1\n1 2 3\n4 5 6\n7 8 9\n";
    let project = project(dir.path(), "kind = \"dem\"\npath = \"d.asc\"", &[("d.asc", asc)]);
    refused(dir.path(), &project, &["d.asc", "crs"]);
}

#[test]
fn missing_files_and_bad_toml_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let missing = project(dir.path(), "kind = \"dem\"\npath = \"nowhere.tif\"", &[]);
    refused(dir.path(), &missing, &["nowhere.tif"]);
    let broken = dir.path().join("broken.toml");
    fs::write(&broken, "[community\nid = 3").unwrap();
    refused(dir.path(), &broken.to_string_lossy(), &["broken.toml"]);
    let unknown = project(dir.path(), "kind = \"hologram\"\npath = \"x\"", &[]);
    refused(dir.path(), &unknown, &["hologram"]);
}

#[test]
fn scenarios_out_of_range_name_value_and_range() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("s.toml");
    fs::write(&file, "name = \"x\"\nduration_s = -5.0\nframe_interval_s = 1.0\ncell_m = 2.0\n").unwrap();
    let output = sandtable(&simulate_args(&file, &dir.path().join("run")));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(error.trim(), "sandtable: scenario \"x\": duration_s = -5 s: must be 1..604800 s");
}

#[test]
fn wrong_usage_exits_with_2() {
    assert_eq!(sandtable(&["import"]).status.code(), Some(2));
    assert_eq!(sandtable(&["frobnicate"]).status.code(), Some(2));
    let output = sandtable(&["info", "/nonexistent/pack"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nonexistent/pack"));
}
