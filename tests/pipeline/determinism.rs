//! Same seed, same bytes: deliveries, pack and run.

use sandtable_tests::{demo, sandtable_ok, tree_hashes};
use std::path::Path;

fn differences(a: &Path, b: &Path) -> Vec<String> {
    let (a, b) = (tree_hashes(a), tree_hashes(b));
    assert!(a.len() > 5, "only {} files", a.len());
    let only_in = |x: &[(String, String)], y: &[(String, String)]| {
        x.iter().filter(|e| !y.contains(e)).map(|e| e.0.clone()).collect::<Vec<_>>()
    };
    let mut names = only_in(&a, &b);
    names.extend(only_in(&b, &a));
    names.sort();
    names.dedup();
    names
}

const SCENARIO: &str = r#"
name = "determinism"
base = "none"
duration_s = 120.0
frame_interval_s = 60.0
cell_m = 4.0
[forcing.rain]
source = "constant"
rain_mmph = 60.0
[forcing.river]
source = "constant"
level_m = 22.6
"#;

#[test]
fn same_seed_gives_the_same_deliveries_pack_and_run() {
    let again = tempfile::tempdir().unwrap();
    let path = |name: &str| again.path().join(name).to_string_lossy().into_owned();
    sandtable_ok(&["generate", "--seed", "1", "--out", &path("deliveries")]);
    assert_eq!(differences(&demo().join("deliveries"), Path::new(&path("deliveries"))), Vec::<String>::new());

    sandtable_ok(&["import", &path("deliveries/project.toml"), "--out", &path("pack")]);
    assert_eq!(differences(&demo().join("pack"), Path::new(&path("pack"))), Vec::<String>::new());

    std::fs::write(path("s.toml"), SCENARIO).unwrap();
    for (pack, run) in [(demo().join("pack"), path("run1")), (path("pack").into(), path("run2"))] {
        sandtable_ok(&["simulate", &path("s.toml"), "--pack", &pack.to_string_lossy(), "--out", &run]);
    }
    assert_eq!(differences(Path::new(&path("run1")), Path::new(&path("run2"))), Vec::<String>::new());
}

#[test]
fn another_seed_gives_another_community() {
    let other = tempfile::tempdir().unwrap();
    let dir = other.path().join("deliveries");
    sandtable_ok(&["generate", "--seed", "2", "--out", &dir.to_string_lossy()]);
    let changed = differences(&demo().join("deliveries"), &dir);
    assert!(changed.iter().any(|f| f.ends_with("buildings.shp")), "{changed:?}");
}
