//! What people do: cases, alarms, runs, files.

use crate::device::Device;
use crate::fixture::{Fixture, call, wait_until};
use crate::pack::topic;
use serde_json::json;
use twin_model::{AlarmState, CaseId, CaseStage, RunId, RunStatus};

#[test]
fn a_case_is_created_moved_and_closed() {
    let mut fixture = Fixture::start();
    let mut viewer = fixture.viewer();
    viewer.catches_up(&fixture);
    let new = json!({ "class": "防洪防涝", "title": "路面积水", "entity": 3 });
    let (status, case) = fixture.post("/api/cases", &new);
    assert_eq!((status, case["stage"].as_str(), case["grid"].as_u64()), (201, Some("reported"), Some(0)));
    let id = case["id"].as_u64().unwrap();
    viewer.until("case in the viewer", |l| l.case(CaseId(id)).is_some());
    for (action, stage) in [("advance", "registered"), ("advance", "dispatched"), ("close", "closed")] {
        let (status, case) = fixture.post(&format!("/api/cases/{id}/move"), &json!({ "action": action, "note": "n" }));
        assert_eq!((status, case["stage"].as_str()), (200, Some(stage)));
    }
    viewer.until("case closed in the viewer", |l| l.case(CaseId(id)).is_some_and(|c| c.stage == CaseStage::Closed));
    viewer.catches_up(&fixture);

    let (status, refusal) = fixture.post(&format!("/api/cases/{id}/move"), &json!({ "action": "close" }));
    assert_eq!(status, 409);
    assert_eq!(
        refusal["error"],
        format!("case {id} is at stage 结案: close is not possible there; allowed: advance, send_back, evaluate, rate")
    );
    for (path, body, status, word) in [
        ("/api/cases/999/move".to_owned(), json!({ "action": "close" }), 404, "no case 999"),
        (format!("/api/cases/{id}/move"), json!({ "action": "fly" }), 400, "fly"),
        ("/api/cases".to_owned(), json!({ "class": "环卫", "title": "" , "entity": 1 }), 422, "title"),
        ("/api/cases".to_owned(), json!({ "class": "环卫", "title": "x" }), 422, "p_enu"),
        ("/api/cases".to_owned(), json!({ "class": "环卫", "title": "x", "entity": 99_999 }), 422, "99999"),
        ("/api/cases".to_owned(), json!([1]), 400, "request body"),
    ] {
        let (got, answer) = fixture.post(&path, &body);
        assert_eq!(got, status, "{path} {body}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains(word), "{answer}");
    }
    assert_eq!(fixture.get("/api/cases?open=true")["cases"], json!([]));
    fixture.restart();
    assert_eq!(fixture.get(&format!("/api/cases/{id}"))["events"].as_array().unwrap().len(), 4);
    viewer.catches_up(&fixture);
}

#[test]
fn an_alarm_is_raised_acknowledged_and_closed() {
    let fixture = Fixture::start();
    let mut viewer = fixture.viewer();
    let (mut device, _) = Device::connect(fixture.mqtt, "d").unwrap();
    for smoke in [1, 0, 1, 0, 1] {
        device.publish(&topic(5), format!("{{\"m\":{{\"smoke\":{smoke}}}}}").as_bytes()).unwrap();
    }
    let alarms = fixture.get("/api/alarms?open=true");
    let alarms = alarms["alarms"].as_array().unwrap();
    assert_eq!(alarms.len(), 1, "one alarm, however often it flaps");
    assert_eq!((alarms[0]["count"].as_u64(), alarms[0]["text"].as_str()), (Some(3), Some("烟雾报警")));
    let id = alarms[0]["id"].as_u64().unwrap();
    assert_eq!(fixture.get("/api/entities/5")["alarms"][0]["id"], id);
    let (status, alarm) = fixture.post(&format!("/api/alarms/{id}/ack"), &json!({}));
    assert_eq!((status, alarm["state"].as_str()), (200, Some("acknowledged")));
    assert_eq!(fixture.post(&format!("/api/alarms/{id}/ack"), &json!({})).0, 409);
    assert_eq!(fixture.post("/api/alarms/77/ack", &json!({})).0, 404);
    viewer.until("acknowledged", |l| l.alarms().any(|a| a.state == AlarmState::Acknowledged));
    device.publish(&topic(5), b"{\"m\":{\"smoke\":0}}").unwrap();
    assert_eq!(fixture.get("/api/alarms?open=true")["alarms"], json!([]));
    viewer.catches_up(&fixture);
}

fn scenario(name: &str) -> serde_json::Value {
    json!({ "name": name, "duration_s": 60.0, "frame_interval_s": 30.0, "cell_m": 2.0, "interventions": [
        { "kind": "barrier", "line_enu": [[0.0, 0.0], [9.0, 0.0]], "height_m": 1.0 } ] })
}

#[test]
fn runs_are_child_processes() {
    let mut fixture = Fixture::start();
    let mut viewer = fixture.viewer();
    let (mut device, _) = Device::connect(fixture.mqtt, "d").unwrap();
    device.publish(&topic(5), b"{\"m\":{\"level_m\":5}}").unwrap();
    let (status, run) = fixture.post("/api/runs", &scenario("quick"));
    assert_eq!((status, run["status"].as_str()), (201, Some("queued")));
    let id = run["id"].as_u64().unwrap();
    viewer.until("run done", |l| l.run(RunId(id)).is_some_and(|r| r.status == RunStatus::Done { frames: 3 }));
    let frame = ehttp::Request::get(format!("http://{}/runs/{id}/frame_00002.q", fixture.http));
    assert_eq!(ehttp::fetch_blocking(&frame).unwrap().bytes, b"2");
    let live = fixture.get(&format!("/runs/{id}/live.json"));
    assert_eq!(live["state"][0][2], 5.0);

    let (_, broken) = fixture.post("/api/runs", &scenario("broken"));
    let broken = RunId(broken["id"].as_u64().unwrap());
    let failed = RunStatus::Failed { error: "no terrain in this pack".into() };
    viewer.until("run failed", |l| l.run(broken).is_some_and(|r| r.status == failed));

    // Two at once, the third waits; cancelling works for both kinds.
    let slow: Vec<u64> =
        (0..3).map(|_| fixture.post("/api/runs", &scenario("slow")).1["id"].as_u64().unwrap()).collect();
    let running = |l: &sync_core::LiveState| {
        l.runs().filter(|r| matches!(r.status, RunStatus::Running { frames: 1, .. })).count()
    };
    viewer.until("two run", |l| running(l) == 2);
    assert!(viewer.live.runs().filter(|r| r.status == RunStatus::Queued).count() == 1);
    for id in &slow[1..] {
        let (status, run) = call(fixture.http, "DELETE", &format!("/api/runs/{id}"), None);
        assert_eq!((status, run["status"].as_str()), (200, Some("cancelled")));
        assert_eq!(call(fixture.http, "DELETE", &format!("/api/runs/{id}"), None).0, 409);
    }
    let mut bad = scenario("x");
    bad["cell_m"] = json!(0.0);
    let (status, refusal) = fixture.post("/api/runs", &bad);
    assert_eq!((status, refusal["error"].as_str()), (422, Some("scenario \"x\": cell_m = 0 m: must be 0.5..50 m")));

    // What was computed when the server stopped has failed, visibly.
    fixture.restart();
    let interrupted = fixture.get(&format!("/api/runs/{}", slow[0]));
    assert_eq!(interrupted["status"], "failed");
    assert!(interrupted["error"].as_str().unwrap().contains("server stopped"));
    viewer.catches_up(&fixture);
}

#[test]
fn files_have_ranges_and_tags_and_stay_inside() {
    let fixture = Fixture::start();
    let get = |path: &str, header: (&str, &str)| {
        let request = ehttp::Request::get(format!("http://{}{path}", fixture.http)).with_header(header.0, header.1);
        ehttp::fetch_blocking(&request).unwrap()
    };
    let whole = get("/pack/community.json", ("Accept", "*/*"));
    assert_eq!(whole.status, 200);
    let tag = whole.headers.get("etag").unwrap().to_owned();
    assert_eq!(get("/pack/community.json", ("If-None-Match", &tag)).status, 304);
    let part = get("/pack/entities.fgb", ("Range", "bytes=0-2"));
    assert_eq!((part.status, part.bytes.as_slice()), (206, &b"fgb"[..]));
    for outside in ["/pack/../data/x", "/pack/%2e%2e/data", "/runs/..%2f..%2ftwin.db", "/pack/"] {
        assert_eq!(get(outside, ("Accept", "*/*")).status, 404, "{outside}");
    }
    assert_eq!(get("/", ("Accept", "*/*")).status, 200);
    assert_eq!(get("/api/nothing", ("Accept", "*/*")).status, 404);
    assert_eq!(get("/health", ("Host", "evil.example")).status, 403);
    let spec = fixture.get("/openapi.json");
    assert!(spec["paths"]["/api/cases/{id}/move"]["post"].is_object());
    assert_eq!(fixture.get("/api/entities?kind=device&limit=3&offset=2")["entities"][0]["id"], 3);
    assert_eq!(fixture.get("/api/search?q=3号测站")["hits"][0]["id"], 3);
    assert_eq!(fixture.get("/api/cameras")["cameras"].as_array().unwrap().len(), 1);
    wait_until("nothing waits", || fixture.get("/health")["queue"] == 0);
}
