//! Real deliveries, when this machine has them: the project files of `scenes/data/real`.

use sandtable_tests::{root, sandtable_ok, shared};
use std::fs;

#[test]
fn real_deliveries_import_into_packs_that_open() {
    let Some(shared) = shared() else {
        println!("skipped: no folder of real sample data ($SANDTABLE_SHARED or ../shared)");
        return;
    };
    let mut projects: Vec<_> = fs::read_dir(root().join("scenes/data/real"))
        .unwrap()
        .filter_map(Result::ok)
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|e| e == "toml"))
        .collect();
    projects.sort();
    assert!(projects.len() >= 4, "{projects:?}");
    // Read by the child process: project files refer to the data through this variable.
    let shared = fs::canonicalize(shared).unwrap();
    for project in projects {
        let out = tempfile::tempdir().unwrap();
        let pack = out.path().join("pack");
        let status = std::process::Command::new(sandtable_tests::program("sandtable"))
            .env("SANDTABLE_SHARED", &shared)
            .args(["import", &project.to_string_lossy(), "--out", &pack.to_string_lossy()])
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&status.stderr).into_owned();
        assert!(status.status.success(), "{}: {error}", project.display());
        let info = sandtable_ok(&["info", &pack.to_string_lossy(), "--json"]);
        let info: serde_json::Value = serde_json::from_str(&info).unwrap();
        let report: serde_json::Value = serde_json::from_slice(&fs::read(pack.join("report.json")).unwrap()).unwrap();
        println!("{}: {} {}", project.display(), info["entities"], report["totals"]);
        if project.file_name().is_some_and(|n| n.to_string_lossy().contains("duplex")) {
            let elements = report["files"]
                .as_array()
                .unwrap()
                .iter()
                .find(|f| f["path"].as_str().is_some_and(|p| p.ends_with(".ifc")))
                .and_then(|f| f["read"].as_u64());
            assert_eq!(elements, Some(286), "IfcOpenShell 0.9 finds 286 elements with geometry in the Duplex model");
        }
    }
}
