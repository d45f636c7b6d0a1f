//! Scenario files, run folders, and real buildings.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use community_pack::evac_folder;
use evac_run::{PlanSource, is_evacuation, read_plan, read_scenario, run_evacuation};
use proptest::prelude::*;
use sim_core::CancelToken;
use std::path::{Path, PathBuf};

fn shared(file: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SANDTABLE_SHARED")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    Some(root.join(file)).filter(|p| p.is_file())
}

const DUPLEX: &str = r#"
kind = "evacuation"
name = "duplex"
duration_s = 120
seed = 3
[people]
occupancy = 1.0
slow_share = 0.0
density_ppm2 = { unknown = 0.05, dwelling = 0.05, service = 0.0 }
pre_movement_s = { kind = "uniform", low = 0, high = 10 }
"#;

#[test]
fn the_duplex_is_evacuated_from_its_ifc() {
    let Some(ifc) = shared("data/ifc/duplex.ifc") else {
        println!("skipped: duplex.ifc is not here (set SANDTABLE_SHARED)");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let source = PlanSource::Ifc(ifc);
    let scenario = read_scenario(DUPLEX, Path::new("duplex.toml")).unwrap();
    let mut last = 0.0;
    let mut frames = 0;
    let summary = run_evacuation(&scenario, &source, None, &out, &CancelToken::new(), &mut |p| {
        assert!(p.t_s >= last);
        (last, frames) = (p.t_s, frames + 1);
    })
    .unwrap();
    assert!(summary.balance.closes() && summary.balance.entered > 5, "{:?}", summary.balance);
    assert_eq!(summary.balance.left, summary.balance.entered, "everybody gets down both stairs and out");
    assert_eq!((frames, last), (121, 120.0));
    for file in ["evacuation.json", "report.md", "spaces.csv", "agents.csv", "trajectories.sqlite"] {
        assert!(out.join(file).metadata().unwrap().len() > 0, "{file}");
    }
    let text = std::fs::read_to_string(out.join("evacuation.json")).unwrap();
    let read: twin_model::EvacSummary = serde_json::from_str(&text).unwrap();
    assert_eq!(read.balance, summary.balance);
    let agents = std::fs::read_to_string(out.join("agents.csv")).unwrap();
    assert_eq!(agents.lines().count() as u64, summary.balance.entered + 1);
    let db = rusqlite::Connection::open(out.join("trajectories.sqlite")).unwrap();
    let rows: i64 = db.query_row("SELECT count(*) FROM trajectory_data", [], |r| r.get(0)).unwrap();
    assert!(rows > 0);
    let again = run_evacuation(&scenario, &source, None, &out, &CancelToken::new(), &mut |_| {}).unwrap_err().to_string();
    assert!(again.ends_with("the folder already holds a run"), "{again}");
    let frame = |k: u32| evac_folder::decode(&std::fs::read(out.join(evac_folder::frame_name(k))).unwrap()).unwrap();
    let (first, last) = (frame(0), frame(scenario.duration_s as u32));
    assert_eq!((first.people.len() as u64, first.left), (summary.balance.entered, 0));
    let all = last.people.len() as u64 + u64::from(last.left);
    assert_eq!(
        (all, u64::from(last.left), last.t_s),
        (summary.balance.entered, summary.balance.left, scenario.duration_s)
    );
    assert!(
        last.spaces.iter().all(|s| s.smoke_edge_m.is_none() && s.visibility_m.is_infinite()),
        "a drill has no smoke"
    );
    assert!(!out.join(".partial").exists());
    let living = summary.spaces.iter().max_by_key(|s| s.people).unwrap().space.clone();
    let burning =
        read_scenario(&format!("{DUPLEX}[fire]\nspace = {living:?}\ngrowth = \"fast\"\n"), Path::new("fire.toml"));
    let smoky = dir.path().join("smoky");
    run_evacuation(&burning.unwrap(), &source, None, &smoky, &CancelToken::new(), &mut |_| {}).unwrap();
    let end = evac_folder::decode(&std::fs::read(smoky.join(evac_folder::frame_name(120))).unwrap()).unwrap();
    let least = end.spaces.iter().map(|s| s.visibility_m).fold(f64::INFINITY, f64::min);
    assert!(least < 10.0 && end.spaces.iter().any(|s| s.smoke_edge_m.is_some_and(|m| m < 2.0)), "{least}");
}

#[test]
fn a_cancelled_run_leaves_nothing() {
    let Some(ifc) = shared("data/ifc/duplex.ifc") else {
        println!("skipped: duplex.ifc is not here (set SANDTABLE_SHARED)");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let scenario = read_scenario(DUPLEX, Path::new("duplex.toml")).unwrap();
    let cancel = CancelToken::after(5);
    let out = dir.path().join("run");
    let error = run_evacuation(&scenario, &PlanSource::Ifc(ifc), None, &out, &cancel, &mut |_| {}).unwrap_err().to_string();
    assert!(error.starts_with("cancelled at t = 5"), "{error}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn scenario_files_say_what_is_wrong_on_one_line() {
    let said = |text: &str| read_scenario(text, Path::new("evac.toml")).unwrap_err().to_string();
    let head = "kind = \"evacuation\"\nname = \"a\"\nduration_s = 60\n";
    let fuel = said(&format!("{head}[fire]\nspace = \"101\"\nfuel = \"plutonium\"\n"));
    assert!(fuel.starts_with("evac.toml: line ") && fuel.contains("plutonium") && fuel.contains("wood"), "{fuel}");
    let growth = said(&format!("{head}[fire]\nspace = \"101\"\ngrowth = {{ alpha_kwps2 = -1 }}\n"));
    assert_eq!(growth, "scenario \"a\": fire.growth.alpha_kwps2 = -1 kW/s2: must be 0.0001..10 kW/s2");
    let unknown = said(&format!("{head}peeple = 3\n"));
    assert!(unknown.starts_with("evac.toml: line 4: unknown field `peeple`"), "{unknown}");
    for text in [fuel, unknown] {
        assert!(!text.contains('\n'), "{text}");
    }
    let none = read_plan(&PlanSource::Ifc("no.ifc".into()), None).unwrap_err().to_string();
    assert!(none.starts_with("no.ifc: ") && !none.contains('\n'), "{none}");
    assert!(is_evacuation(head) && !is_evacuation("name = \"flood\"") && !is_evacuation("= ="));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// A whole scenario with a piece cut out, doubled or replaced: read or refused on one line, never a panic.
    #[test]
    fn hostile_scenarios_never_panic(at in 0_usize..700, cut in 0_usize..40, junk in "[ -~\n]{0,12}") {
        let text = format!("{DUPLEX}\n[fire]\nspace = \"A101\"\ngrowth = {{ table = [[0, 0], [60, 500]] }}\npeak_kw = 800\n\
            [[interventions]]\naction = \"fan\"\nspace = \"A101\"\nflow_m3ps = 2\nat_s = 30\n[detection]\ndetectors = \"everywhere\"\n");
        let at = at.min(text.len());
        let end = (at + cut).min(text.len());
        if text.is_char_boundary(at) && text.is_char_boundary(end) {
            let hostile = format!("{}{junk}{}", &text[..at], &text[end..]);
            if let Err(e) = read_scenario(&hostile, Path::new("h.toml")) {
                prop_assert!(!e.to_string().contains('\n'));
            }
        }
    }

    /// Any number in any field.
    #[test]
    fn any_number_is_read_or_refused(value in any::<f64>(), field in 0_usize..6) {
        let fields = ["duration_s", "frame_interval_s", "people.slow_share", "doors.leak_share", "weather.inside_c", "detection.delay_s"];
        let text = format!("kind = \"evacuation\"\nname = \"n\"\n{} = {value:?}\n{}", fields[field], if field == 0 { "" } else { "duration_s = 60\n" });
        if let Ok(s) = read_scenario(&text, Path::new("n.toml")) {
            prop_assert!(s.validate().is_ok());
        }
    }
}
