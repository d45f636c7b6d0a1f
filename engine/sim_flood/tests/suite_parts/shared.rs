//! Published cases whose data are not part of the repository; skipped where the data are missing.

#[path = "../../../../tools/sandtable/src/verify/data.rs"]
mod data;

use sim_flood::TimeStepping;
use sim_flood::verification::{ea_test_4, merewether};
use std::path::PathBuf;

fn folder() -> PathBuf {
    std::env::var_os("SANDTABLE_SHARED")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"))
}

fn ea_test_4_with(time_stepping: TimeStepping) {
    match data::ea_test_4_series(&folder()).expect("readable") {
        Some(series) => super::check(&ea_test_4(&series, time_stepping).expect("runs")),
        None => println!("skipped: EA test 4 is not here (set SANDTABLE_SHARED)"),
    }
}

#[test]
fn ea_test_4_agrees_with_dg2() {
    ea_test_4_with(TimeStepping::Global);
}

#[test]
fn ea_test_4_with_local_steps_agrees_with_dg2() {
    ea_test_4_with(TimeStepping::LOCAL);
}

#[test]
fn merewether_agrees_with_surveyed_levels() {
    match data::merewether_files(&folder()).expect("readable") {
        Some(files) => super::check(&merewether(&files).expect("runs")),
        None => println!("skipped: Merewether is not here (set SANDTABLE_SHARED)"),
    }
}
