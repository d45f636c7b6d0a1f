//! Evacuations on a server: fire alarms over MQTT start forecasts, a what-if is compared with one, bad scenarios are refused.

use crate::served::{call, post, served};
use sandtable_tests::{Server, demo};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use twin_model::{EntityKind, EvacSummary, Run, RunStatus};

/// Publishes a smoke alarm of a flat's detector in the tower.
fn alarm(server: &Server, code: &str) {
    let pack = community_pack::Pack::open(&demo().join("pack")).unwrap();
    let device = pack.model.of_kind(EntityKind::Device).find(|d| d.code == code).unwrap();
    let binding = pack.bindings.iter().find(|b| b.entity == device.id).unwrap();
    let ts = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    server.publish(&binding.topic, &json!({ "ts": ts, "m": { "smoke_alarm": 1, "smoke_dbpm": 2.5 } }).to_string());
}

fn runs(server: &Server) -> Vec<Run> {
    let list: Value = serde_json::from_slice(&call(server, "/api/runs", None).1).unwrap();
    serde_json::from_value(list["runs"].clone()).unwrap()
}

/// Waits until a run fits.
fn wait(server: &Server, what: &str, fits: impl Fn(&Run) -> bool) -> Run {
    for _ in 0..1200 {
        if let Some(run) = runs(server).into_iter().find(&fits) {
            return run;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{what}: {:?}", runs(server).iter().map(|r| (r.id, &r.status)).collect::<Vec<_>>());
}

fn signals(run: &Run) -> usize {
    run.scenario.evacuation().and_then(|s| s.live.as_ref()).map_or(0, |l| l.signals.len())
}

fn summary(server: &Server, run: &Run) -> EvacSummary {
    let (status, bytes) = call(server, &format!("/runs/{}/evacuation.json", run.id), None);
    assert_eq!(status, 200);
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn smoke_alarms_start_forecasts_and_a_blocked_stair_is_compared() {
    let (_dir, server) = served();
    alarm(&server, "YG00010");
    wait(&server, "a forecast begins", |r| signals(r) == 1);
    alarm(&server, "YG00011");
    let run = wait(&server, "two alarms make a better one", |r| signals(r) == 2);
    let done = |id| move |r: &Run| r.id == id && !matches!(r.status, RunStatus::Queued | RunStatus::Running { .. });
    let run = wait(&server, "it ends", done(run.id));
    let RunStatus::Done { frames } = run.status else { panic!("{:?}", run.status) };
    let forecast = summary(&server, &run);
    let live = forecast.live.as_ref().unwrap();
    assert!(live.rooms[0].space.contains("U1") && live.rooms[0].probability > 0.05, "{:?}", live.rooms[0]);
    assert!(forecast.balance.closes() && forecast.members > 1, "{:?}", forecast.balance);
    assert!(forecast.left_s.p50.is_some_and(|t| t > live.now_s), "people leave after the alarm");
    let last =
        call(&server, &format!("/runs/{}/{}", run.id, community_pack::evac_folder::frame_name(frames - 1)), None);
    let last = community_pack::evac_folder::decode(&last.1).unwrap();
    assert_eq!(u64::from(last.left) + last.people.len() as u64, forecast.balance.entered);

    detail_near_the_fire_is_enough(&server, &run, &forecast);

    // The same alarms, people and draws with the stair of the other unit shut.
    let mut blocked = serde_json::to_value(&run.scenario).unwrap();
    blocked["name"] = json!("封堵 2 单元楼梯");
    blocked["interventions"] = json!([{ "action": "block_stair", "stair": "2单元楼梯", "at_s": live.now_s }]);
    let (status, started) = post(&server, "/api/runs", &blocked);
    assert_eq!(status, 201, "{started}");
    let id = twin_model::RunId(started["id"].as_u64().unwrap());
    let shut = wait(&server, "the what-if ends", done(id));
    let shut = summary(&server, &shut);
    assert_eq!(shut.balance.entered, forecast.balance.entered);
    let inside = |s: &EvacSummary| s.balance.inside + s.balance.awaiting;
    assert!(inside(&shut) > inside(&forecast) + 20, "{:?} {:?}", shut.balance, forecast.balance);
}

/// The same run with a zone for every room of the tower says the same: flats away from the fire may share one.
fn detail_near_the_fire_is_enough(server: &Server, run: &Run, forecast: &EvacSummary) {
    let mut whole = serde_json::to_value(&run.scenario).unwrap();
    assert_eq!(whole["smoke_detail"], "near_fire", "somebody waits for a forecast");
    whole["smoke_detail"] = json!("full");
    let (status, started) = post(server, "/api/runs", &whole);
    assert_eq!(status, 201, "{started}");
    let ended = |r: &Run| Some(r.id.0) == started["id"].as_u64() && matches!(r.status, RunStatus::Done { .. });
    let whole = summary(server, &wait(server, "the same in full ends", ended));
    let lost = |s: &EvacSummary| s.spaces.iter().filter(|s| s.aset_s.is_some()).count();
    println!("{} and {} spaces lost; RSET {:?} and {:?}", lost(forecast), lost(&whole), forecast.rset_s, whole.rset_s);
    assert!(lost(&whole) > 0);
    for a in &whole.spaces {
        let b = forecast.spaces.iter().find(|b| b.space == a.space);
        let (full, near) = (a.aset_s, b.and_then(|b| b.aset_s));
        let same = full.zip(near).map_or(full == near, |(x, y)| (x - y).abs() <= 5.0);
        assert!(same, "{}: ASET {full:?} in full, {near:?} near the fire", a.space);
    }
    let apart = |x: Option<f64>, y: Option<f64>| x.zip(y).map_or(x != y, |(x, y)| (x - y).abs() > 5.0);
    assert!(!apart(whole.left_s.p50, forecast.left_s.p50), "{:?} {:?}", whole.left_s, forecast.left_s);
}

#[test]
fn bad_evacuations_are_refused_in_one_line() {
    let (_dir, server) = served();
    let said = |body: &Value| {
        let (status, answer) = post(&server, "/api/runs", body);
        (status, answer["error"].as_str().unwrap_or_default().to_owned())
    };
    let drill = json!({ "kind": "evacuation", "name": "x", "duration_s": 60.0 });
    let with = |key: &str, value: Value| {
        let mut body = drill.clone();
        body[key] = value;
        said(&body)
    };
    let growth = with("fire", json!({ "space": "a", "growth": { "alpha_kwps2": -1 } }));
    assert_eq!(
        growth,
        (422, r#"scenario "x": fire.growth.alpha_kwps2 = -1 kW/s2: must be 0.0001..10 kW/s2"#.to_owned())
    );
    assert!(with("kind", json!("storm")).1.contains("must be \"evacuation\""));
    assert!(with("peeple", json!(1)).1.contains("peeple"));
    let material = with("fire", json!({ "space": "a", "fuel": "plutonium" }));
    assert!(material.0 >= 400 && material.1.contains("plutonium"), "{material:?}");
    for run in ["/etc", "7", "../runs/1", ""] {
        let (status, line) = with("flood", json!({ "run": run }));
        assert!(status == 422 && line.contains("must be the number of a finished flood"), "{status} {line}");
    }
    assert!(runs(&server).is_empty(), "nothing was begun");

    // What only the plan can tell ends the run with one line.
    let (status, run) = post(
        &server,
        "/api/runs",
        &json!({ "kind": "evacuation", "name": "x", "duration_s": 60.0,
        "fire": { "space": "月球" } }),
    );
    assert_eq!(status, 201);
    let id = run["id"].as_u64().unwrap();
    let run = wait(&server, "it fails", |r| r.id.0 == id && matches!(r.status, RunStatus::Failed { .. }));
    let RunStatus::Failed { error } = run.status else { unreachable!() };
    assert!(error.contains("fire.space") && error.contains("月球") && !error.contains('\n'), "{error}");
    let (status, answer) = post(&server, &format!("/api/runs/{id}/edits"), &json!({ "interventions": [] }));
    assert!(status == 409 && answer["error"].as_str().unwrap().contains("takes no edits"), "{answer}");
}
