//! Buildings whose people walk out to the street, and scenarios of it that cannot be.

use community_pack::evac_folder;
use evac_run::{PlanSource, ground_of, read_plan, read_scenario, run_evacuation};
use proptest::prelude::*;
use sim_core::CancelToken;
use std::path::{Path, PathBuf};
use twin_model::{AssemblySource, OutdoorGround};

fn duplex() -> Option<PathBuf> {
    let root = std::env::var_os("SANDTABLE_SHARED")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    Some(root.join("data/ifc/duplex.ifc")).filter(|p| p.is_file())
}

const DUPLEX: &str = r#"
kind = "evacuation"
name = "duplex"
duration_s = 150
frame_interval_s = 5
seed = 3
[people]
slow_share = 0.0
density_ppm2 = { unknown = 0.05, dwelling = 0.05, service = 0.0 }
pre_movement_s = { kind = "uniform", low = 0, high = 10 }
[outdoor]
radius_m = 40
"#;

#[test]
fn the_duplex_runs_out_to_the_street() {
    let Some(ifc) = duplex() else {
        println!("skipped: duplex.ifc is not here (set SANDTABLE_SHARED)");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let source = PlanSource::Ifc(ifc);
    let scenario = read_scenario(DUPLEX, Path::new("duplex.toml")).unwrap();
    let mut most = (0, 0);
    let summary = run_evacuation(&scenario, &source, None, &out, &CancelToken::new(), &mut |p| {
        let safe = p.safe.unwrap();
        assert!(safe <= p.left);
        most = (most.0.max(p.left), most.1.max(p.left - safe));
    })
    .unwrap();
    let o = summary.outdoor.as_ref().unwrap();
    println!("RSET {:?}, safe {:?}, {:?}, {:?}", summary.rset_s.p50, o.safe_s.p50, o.exits, summary.warnings);
    assert!(summary.balance.closes() && summary.balance.left > 5, "{:?}", summary.balance);
    assert_eq!((o.safe, o.on_the_way), (summary.balance.left, 0), "everybody comes to a place of safety");
    assert!(most.1 > 0 && o.safe_s.p50.unwrap() > summary.rset_s.p50.unwrap() + 8.0, "15 m and more to walk");
    assert!(o.assembly.iter().all(|a| a.source == AssemblySource::OpenGround && a.from_building_m > 15.0));
    let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    let ground: OutdoorGround = serde_json::from_str(&read(evac_folder::OUTDOOR)).unwrap();
    assert_eq!(ground.assembly.len(), o.assembly.len());
    assert!(read("report.md").contains("## Outside") && read("report.md").contains("never to be compared"));
    let agents = read("agents.csv");
    assert!(
        agents.starts_with("person,start_space,set_off_s,fate,left_s,exit,fed_gas,fed_heat,safe_s,assembly\n"),
        "{agents}"
    );
    for row in agents.lines().skip(1).map(|l| l.split(',').collect::<Vec<_>>()).filter(|r| r[3] == "left") {
        let (left, safe): (f64, f64) = (row[4].parse().unwrap(), row[8].parse().unwrap());
        assert!(safe > left && row[9].starts_with("空地"), "{row:?}");
    }
    // People outside are in the frames, at the level of the ground, and on tiles in the trajectories.
    let frame = |k: u32| evac_folder::decode(&std::fs::read(out.join(evac_folder::frame_name(k))).unwrap()).unwrap();
    let inside = |k: u32| frame(k).spaces.iter().map(|s| u64::from(s.people)).sum::<u64>();
    let seen = (0..=30).any(|k| frame(k).people.len() as u64 > inside(k) + 1);
    assert!(seen, "nobody was seen outside");
    for k in 0..=30 {
        assert_eq!(frame(k).people.len() as u64 + u64::from(frame(k).left), summary.balance.entered);
    }
    let db = rusqlite::Connection::open(out.join("trajectories.sqlite")).unwrap();
    let tiles = "SELECT count(*) FROM trajectory_data t JOIN layers l ON t.layer = l.layer WHERE l.name LIKE '室外%'";
    assert!(db.query_row(tiles, [], |r| r.get::<_, i64>(0)).unwrap() > 5);
}

#[test]
fn areas_that_cannot_be_are_one_line() {
    let Some(ifc) = duplex() else {
        println!("skipped: duplex.ifc is not here (set SANDTABLE_SHARED)");
        return;
    };
    let source = PlanSource::Ifc(ifc);
    let (plan, _) = read_plan(&source, None).unwrap();
    let [x, y] = plan.spaces[0]
        .outline
        .iter()
        .fold([0.0; 2], |s, p| [s[0] + p[0], s[1] + p[1]])
        .map(|v| v / plan.spaces[0].outline.len() as f64);
    let said = |more: &str| {
        let text = format!("{DUPLEX}{more}");
        match read_scenario(&text, Path::new("d.toml")) {
            Err(e) => e.to_string(),
            Ok(s) => ground_of(&plan, &s, &source).unwrap_err().to_string(),
        }
    };
    let inside = said(&format!("assembly = [{{ name = \"a\", at = [{x:.2}, {y:.2}] }}]\n"));
    assert!(inside.contains("outdoor.assembly[0].at") && inside.contains("it lies in the building"), "{inside}");
    assert!(said("assembly = [{ name = \"a\", at = [900, 900] }]\n").ends_with("must be within 40 m of the building"));
    let wide = read_scenario(&DUPLEX.replace("radius_m = 40", "radius_m = 4000"), Path::new("d.toml")).unwrap_err();
    assert_eq!(wide.to_string(), "scenario \"duplex\": outdoor.radius_m = 4000 m: must be 20..200 m");
    assert!(said("assembly = [{ nam = \"a\" }]\n").contains("unknown field `nam`"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Any numbers and any damage in the block: read or refused on one line, never a panic.
    #[test]
    fn hostile_ground_never_panics(
        v in proptest::collection::vec(prop_oneof![any::<f64>(), -60.0..60.0_f64], 8),
        at in 0_usize..400, cut in 0_usize..30, junk in "[ -~\n]{0,10}", damage in any::<bool>(),
    ) {
        let text = format!("kind = \"evacuation\"\nname = \"n\"\nduration_s = 60\n[outdoor]\nradius_m = {:?}\ndistance_m = {:?}\n\
            assembly = [{{ name = \"a\", at = [{:?}, {:?}], radius_m = 3 }}]\nbarriers = [{{ line = [[{:?}, {:?}], [{:?}, {:?}]] }}]\n",
            v[0].abs(), v[1].abs(), v[2], v[3], v[4], v[5], v[6], v[7]);
        let (at, end) = (at.min(text.len()), (at + cut).min(text.len()));
        let hostile = if damage { format!("{}{junk}{}", &text[..at], &text[end..]) } else { text };
        match read_scenario(&hostile, Path::new("h.toml")) {
            Err(e) => prop_assert!(!e.to_string().contains('\n')),
            Ok(s) => {
                let plan = sim_evac::verification::corridor_plan();
                match sim_evac::ground_around(&plan, &s, &sim_evac::Surroundings::nothing()) {
                    Err(e) => prop_assert!(!e.to_string().contains('\n')),
                    Ok(g) => prop_assert!(!g.assembly.is_empty() && g.exits.iter().any(|e| e.safe)),
                }
            }
        }
    }
}

/// The demo community's pack as `tests/demo_pack` makes it: `$SANDTABLE_E2E/pack`, else `e2e/pack` in the target folder.
fn demo_pack() -> Option<PathBuf> {
    let beside = || Some(std::env::current_exe().ok()?.ancestors().nth(3)?.join("e2e"));
    let dir = std::env::var_os("SANDTABLE_E2E").map(PathBuf::from).or_else(beside)?.join("pack");
    Some(dir).filter(|d| d.join("plans.json").is_file())
}

#[test]
fn the_tower_runs_out_to_the_street() {
    let Some(pack) = demo_pack() else {
        println!("skipped: no demo pack (make one with tests/demo_pack and set SANDTABLE_E2E)");
        return;
    };
    let text = "kind = \"evacuation\"\nname = \"tower\"\nduration_s = 900\nframe_interval_s = 10\nseed = 1\n\
        [people]\npre_movement_s = { kind = \"log_normal\", median = 60, sigma = 0.5, high = 240 }\n[outdoor]\n";
    let scenario = read_scenario(text, Path::new("tower.toml")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let source = PlanSource::Pack(pack);
    let s = run_evacuation(&scenario, &source, None, &out, &CancelToken::new(), &mut |_| {}).unwrap();
    let o = s.outdoor.unwrap();
    println!("RSET {:?}, safe {:?}, {:?}, {:?}", s.rset_s.p50, o.safe_s.p50, o.assembly, o.exits);
    assert!(s.balance.closes() && s.balance.left > 300 && s.balance.inside == 0, "{:?}", s.balance);
    assert_eq!((o.safe, o.on_the_way, o.stopped), (s.balance.left, 0, 0));
    assert!(o.exits.iter().all(|e| e.walk_m.is_some_and(|m| m > 10.0 && m < 150.0)), "{:?}", o.exits);
    let gap = o.safe_s.p50.unwrap() - s.rset_s.p50.unwrap();
    assert!(gap > 5.0 && gap < 200.0, "{gap}");
    assert!(o.assembly.iter().all(|a| a.from_building_m >= scenario.outdoor.as_ref().unwrap().distance_m));
}
