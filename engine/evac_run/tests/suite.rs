//! Scenario files, run folders, and real buildings.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use community_pack::{Manifest, evac_folder, run_folder, write_entities};
use evac_run::{PlanSource, is_evacuation, read_plan, read_scenario, run_evacuation};
use geo_frame::{Crs, EnuFrame, Projector};
use proptest::prelude::*;
use sim_core::CancelToken;
use std::path::{Path, PathBuf};
use twin_model::{EvacScenario, EvacSummary, FloodAtDoors, GridSpec, OutdoorGround};

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
    let again =
        run_evacuation(&scenario, &source, None, &out, &CancelToken::new(), &mut |_| {}).unwrap_err().to_string();
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
    let error =
        run_evacuation(&scenario, &PlanSource::Ifc(ifc), None, &out, &cancel, &mut |_| {}).unwrap_err().to_string();
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

/// A pack of nothing but the plan of a corridor with an exit at each end and four rooms, at 114.53° east.
fn corridor_pack(dir: &Path) -> (PlanSource, EnuFrame) {
    let manifest = serde_json::json!({
        "format": "sandtable-pack", "version": 1,
        "community": {"id": "a", "name": "甲", "name_en": "A", "division": "420199001001"},
        "origin": {"lon_deg": 114.53, "lat_deg": 30.36, "height_m": 20.0},
        "crs": {"epsg": 4547, "wkt": "EPSG:4547"}, "vertical_datum": "1985国家高程基准",
        "bounds_enu": [[-600.0, -500.0, 0.0], [600.0, 500.0, 100.0]], "layers": [],
        "home": {"eye_enu": [0.0, -500.0, 400.0], "target_enu": [0.0, 0.0, 0.0]},
        "files": {"entities": "entities.fgb", "graph": "graph.json", "devices": "devices.csv", "bindings": "bindings.csv",
            "cameras": "cameras.csv", "device_types": "device_types.toml", "report": "report.json", "plans": "plans.json"},
        "provenance": [], "entities": 0
    });
    let manifest = Manifest::parse(manifest.to_string().as_bytes()).unwrap();
    let mut entities = Vec::new();
    write_entities(&[], &manifest.origin, &mut entities).unwrap();
    let plans = serde_json::json!({"buildings": [sim_evac::verification::corridor_plan()]});
    std::fs::create_dir_all(dir).unwrap();
    let put = |name: &str, bytes: &[u8]| std::fs::write(dir.join(name), bytes).unwrap();
    put("community.json", manifest.to_json().as_bytes());
    put("entities.fgb", &entities);
    put("device_types.toml", b"");
    put("bindings.csv", b"");
    put("plans.json", plans.to_string().as_bytes());
    (PlanSource::Pack(dir.to_owned()), manifest.origin.frame())
}

/// A flood run of 60 × 60 cells of 2 m: water that is 0.25 m deep and runs at 5.5 m/s after 30 s west of the corridor, none elsewhere.
fn flood_run(dir: &Path, frame: EnuFrame) {
    let projector = Projector::new(Crs::from_epsg(4547).unwrap(), frame);
    let [x, y, _] = projector.crs_from_enu([1.0, 1.0, 0.0]).unwrap();
    let (nx, ny) = (60_u32, 60_u32);
    let grid = GridSpec { epsg: 4547, x0: x - 60.0, y0: y - 60.0, dx_m: 2.0, nx, ny };
    std::fs::create_dir_all(dir).unwrap();
    let put = |name: &str, bytes: &[u8]| std::fs::write(dir.join(name), bytes).unwrap();
    put(run_folder::GRID, serde_json::to_string(&grid).unwrap().as_bytes());
    put(run_folder::BED, &run_folder::encode_bed(nx, ny, &vec![19.85; 3600]));
    let west = |value: f32| -> Vec<f32> { (0..3600).map(|k| if k % 60 < 30 { value } else { 0.0 }).collect() };
    for (k, t_s) in [0.0, 30.0, 60.0].into_iter().enumerate() {
        let (depth, speed) = if k == 0 { (0.0, 0.0) } else { (0.25, 5.5) };
        put(&run_folder::frame_name(k as u32), &run_folder::encode_depth(nx, ny, t_s, &west(depth)));
        let velocity = run_folder::encode_velocity(nx, ny, t_s, &west(0.0), &west(speed));
        put(&run_folder::velocity_name(k as u32), &velocity);
    }
}

const DRILL: &str = r#"
kind = "evacuation"
name = "drill"
duration_s = 120
seed = 3
[people]
slow_share = 0.0
pre_movement_s = { kind = "constant", value = 40 }
spaces = [{ space = "R1", count = 10 }, { space = "R2", count = 10 }, { space = "R3", count = 10 }, { space = "R4", count = 10 }]
"#;

#[test]
fn water_at_an_exit_closes_it_and_people_leave_by_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let (source, frame) = corridor_pack(&dir.path().join("pack"));
    let flood = dir.path().join("flood");
    flood_run(&flood, frame);
    let scenario = read_scenario(DRILL, Path::new("drill.toml")).unwrap();
    let run = |scenario: &EvacScenario, flood: Option<&Path>, out: &str| {
        let out = dir.path().join(out);
        run_evacuation(scenario, &source, flood, &out, &CancelToken::new(), &mut |_| {})
    };
    let through = |s: &EvacSummary, exit: &str| s.exits.iter().find(|e| e.exit == exit).map_or(0, |e| e.people);
    let dry = run(&scenario, None, "dry").unwrap();
    assert!(through(&dry, "west") > 0 && through(&dry, "east") > 0, "{:?}", dry.exits);
    let wet = run(&scenario, Some(&flood), "wet").unwrap();
    assert_eq!((through(&wet, "west"), through(&wet, "east")), (0, 40), "{:?}", wet.warnings);
    assert!(wet.balance.closes() && wet.balance.left == 40, "{:?}", wet.balance);
    // 0.25 m at 5.5 m/s is 1.375 m²/s at 30 s; nobody stands from 1.2 m²/s on, which both growing evenly reach at 28.03 s.
    let closed = |s: &EvacScenario| {
        s.interventions.iter().map(|i| (format!("{i:?}"), i.at_s())).find(|i| i.0.contains("west")).map(|i| i.1)
    };
    assert_eq!(closed(&wet.scenario), Some(29.0), "{:?}", wet.scenario.interventions);
    assert!(wet.warnings.iter().any(|w| w.starts_with("west: nobody can stand")), "{:?}", wet.warnings);
    let inside: Vec<_> = wet.scenario.water.iter().filter(|w| w.space == "1F/corridor").collect();
    assert!(inside.iter().any(|w| (w.depth_m - 0.10).abs() < 0.01), "0.15 m of step: {inside:?}");
    // Twenty seconds into the flood.
    let later = FloodAtDoors { run: flood.display().to_string(), from_s: 20.0 };
    let later = run(&EvacScenario { flood: Some(later), ..scenario.clone() }, None, "later").unwrap();
    assert_eq!(closed(&later.scenario), Some(9.0), "{:?}", later.scenario.interventions);
    // Outside too: the tiles in the west are told, and everybody comes to safety in the east.
    let street = EvacScenario { outdoor: Some(Default::default()), ..scenario.clone() };
    let out = run(&street, Some(&flood), "street").unwrap();
    assert_eq!((through(&out, "west"), out.outdoor.as_ref().unwrap().safe), (0, 40), "{:?}", out.outdoor);
    let text = std::fs::read_to_string(dir.path().join("street").join(evac_folder::OUTDOOR)).unwrap();
    let ground: OutdoorGround = serde_json::from_str(&text).unwrap();
    let told = |w: &&twin_model::WaterOnTile| {
        w.at_s == 30.0 && (w.depth_m - 0.25).abs() < 0.01 && (w.speed_mps - 5.5).abs() < 0.05
    };
    let wet: Vec<_> = ground.water.iter().filter(told).collect();
    let west = |tile: u32| ground.tiles[tile as usize].outline.iter().any(|p| p[0] < 1.0);
    assert!(!wet.is_empty() && wet.iter().all(|w| west(w.tile)), "{:?}", ground.water);
    let none = run(&scenario, Some(dir.path()), "none").unwrap_err().to_string();
    assert!(none.starts_with("flood ") && none.contains("grid.json") && !none.contains('\n'), "{none}");
}

#[test]
fn the_report_tells_of_several_fires() {
    let dir = tempfile::tempdir().unwrap();
    let (source, _) = corridor_pack(&dir.path().join("pack"));
    let fires = "[[fires]]\nprobability = 3\n[fires.source]\nspace = \"R1\"\n[[fires]]\nprobability = 1\n[fires.source]\nspace = \"R4\"\n";
    let text = DRILL.replace("seed = 3", "seed = 3\nmembers = 4").replace("duration_s = 120", "duration_s = 10");
    let scenario = read_scenario(&format!("{text}{fires}"), Path::new("fires.toml")).unwrap();
    let out = dir.path().join("run");
    run_evacuation(&scenario, &source, None, &out, &CancelToken::new(), &mut |_| {}).unwrap();
    let report = std::fs::read_to_string(out.join("report.md")).unwrap();
    assert!(report.contains("2 fires that may be the true one"), "{report}");
    assert!(
        report.contains("| R1 |") && report.contains("| 75 % |") && report.contains("has the fire in R1"),
        "{report}"
    );
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
