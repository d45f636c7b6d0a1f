//! Runs that a viewer starts on a server: from the gauges' past, with members, continued, edited while they go on.

use sandtable_tests::{Server, demo};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use twin_model::{EntityKind, RunSummary};

pub(crate) fn call(server: &Server, path: &str, body: Option<&[u8]>) -> (u16, Vec<u8>) {
    let url = format!("{}{path}", server.url);
    let request = match body {
        Some(body) => ehttp::Request::post(url, body.to_vec()),
        None => ehttp::Request::get(url),
    };
    let answer = ehttp::fetch_blocking(&request).unwrap();
    (answer.status, answer.bytes)
}

pub(crate) fn post(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    let (status, bytes) = call(server, path, Some(body.to_string().as_bytes()));
    (status, serde_json::from_slice(&bytes).unwrap())
}

/// Starts a run and waits for its end.
fn computed(server: &Server, scenario: &Value) -> (u64, RunSummary) {
    let (status, run) = post(server, "/api/runs", scenario);
    assert_eq!(status, 201, "{run}");
    let id = run["id"].as_u64().unwrap();
    for _ in 0..1200 {
        let run: Value = serde_json::from_slice(&call(server, &format!("/api/runs/{id}"), None).1).unwrap();
        match run["status"].as_str() {
            Some("done") => {
                let summary = call(server, &format!("/runs/{id}/run.json"), None).1;
                return (id, serde_json::from_slice(&summary).unwrap());
            }
            Some("failed" | "cancelled") => panic!("run {id}: {run}"),
            _ => std::thread::sleep(Duration::from_millis(100)),
        }
    }
    panic!("run {id} does not end");
}

pub(crate) fn served() -> (tempfile::TempDir, Server) {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&demo().join("pack"), &dir.path().join("data"));
    (dir, server)
}

#[test]
fn a_viewer_starts_in_the_past_with_members_and_goes_on_from_there() {
    let (_dir, server) = served();
    let pack = community_pack::Pack::open(&demo().join("pack")).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    for gauge in pack.model.of_kind(EntityKind::Device).filter(|d| d.class == "rain_gauge") {
        let Some(binding) = pack.bindings.iter().find(|b| b.entity == gauge.id) else { continue };
        for (before_s, rate) in [(600, 30.0), (300, 90.0)] {
            let payload = json!({ "ts": now - before_s * 1000, "m": { "rain_mmph": rate } });
            server.publish(&binding.topic, &payload.to_string());
        }
    }
    let scenario = json!({ "name": "回算", "base": { "hindcast": { "before_s": 600 } }, "duration_s": 300.0,
        "frame_interval_s": 300.0, "cell_m": 8.0, "members": 2, "sewers": "none",
        "forcing": { "rain": { "source": "none" }, "river": { "source": "none" } } });
    let (id, past) = computed(&server, &scenario);
    assert_eq!((past.impact.hindcast_s, past.impact.ensemble.as_ref().unwrap().members), (600.0, 2));
    let area_m2 = f64::from(past.grid.nx) * f64::from(past.grid.ny) * past.grid.dx_m.powi(2);
    // Five minutes of 30 mm/h and five of 90 mm/h, but for the seconds between the first message and the start of the run.
    let depth_mm = past.rain_m3 / area_m2 * 1e3;
    assert!((8.0..10.01).contains(&depth_mm), "{depth_mm} mm");

    let mut on = json!({ "name": "接续", "base": { "run": { "run": id, "at_s": 900 } }, "duration_s": 60.0,
        "frame_interval_s": 60.0, "cell_m": 8.0, "sewers": "none",
        "forcing": { "rain": { "source": "none" }, "river": { "source": "none" } } });
    let (_, more) = computed(&server, &on);
    // The account goes on with the state: nothing fell since, and what is gone went out.
    assert_eq!((more.volume_start_m3, more.rain_m3), (past.volume_start_m3, past.rain_m3));
    let gone_m3 = more.outflow_m3 - past.outflow_m3;
    assert!(gone_m3 >= 0.0 && (past.volume_end_m3 - more.volume_end_m3 - gone_m3).abs() < 1e-3, "{gone_m3} m3");
    assert_eq!(more.started_from.0, past.started_from.0 + 900_000);

    on["base"]["run"]["at_s"] = json!(300);
    let (status, refusal) = post(&server, "/api/runs", &on);
    let line = format!("base.run.at_s = 300 s: run {id} can be continued from its end, 900 s");
    assert_eq!((status, refusal["error"].as_str()), (422, Some(line.as_str())));
    on["base"]["run"]["run"] = json!(77);
    assert_eq!(post(&server, "/api/runs", &on).1["error"], "base: there is no run 77");
}

/// Bytes of a body changed here and there by a fixed sequence.
fn mutated(body: &[u8], round: u64) -> Vec<u8> {
    let mut x = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x
    };
    let mut bytes = body.to_vec();
    for _ in 0..=next() % 4 {
        let at = (next() % bytes.len() as u64) as usize;
        match next() % 4 {
            0 => bytes[at] = next() as u8,
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, b"-0e9[]{}\",."[(next() % 11) as usize]),
            _ => bytes.truncate(at.max(1)),
        }
    }
    bytes
}

#[test]
fn whatever_is_sent_as_an_edit_the_run_ends_with_all_its_water() {
    let (_dir, server) = served();
    let scenario = json!({ "name": "乱改", "base": "none", "duration_s": 1200.0, "frame_interval_s": 10.0, "cell_m": 8.0,
        "forcing": { "rain": { "source": "constant", "rain_mmph": 120.0 }, "river": { "source": "none" } } });
    let (status, run) = post(&server, "/api/runs", &scenario);
    assert_eq!(status, 201, "{run}");
    let id = run["id"].as_u64().unwrap();
    let sound = json!({ "interventions": [
        { "kind": "barrier", "line_enu": [[-40.0, 10.0], [60.0, 30.0]], "height_m": 1.5 },
        { "kind": "ground", "area_enu": [[0.0, 0.0], [40.0, 0.0], [40.0, 40.0], [0.0, 40.0]], "raise_m": 0.4 },
        { "kind": "pump", "from_enu": [10.0, 10.0], "capacity_m3ps": 0.2,
          "start_depth_m": 0.1, "stop_depth_m": 0.02 },
    ] })
    .to_string();
    let (mut taken, mut refused, mut late) = (0, 0, 0);
    for round in 0..300 {
        let body = if round % 25 == 3 { sound.clone().into_bytes() } else { mutated(sound.as_bytes(), round) };
        let (status, answer) = call(&server, &format!("/api/runs/{id}/edits"), Some(&body));
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        match status {
            200 => taken += 1,
            400 | 422 => {
                refused += 1;
                let line = answer["error"].as_str().unwrap();
                assert!(!line.is_empty() && !line.contains('\n') && !line.contains("panicked"), "{line}");
            }
            409 => late += 1,
            _ => panic!("{status}: {answer} to {}", String::from_utf8_lossy(&body)),
        }
    }
    assert!(taken > 0 && refused > 100, "{taken} edits taken, {refused} refused, {late} after the end");
    for _ in 0..1200 {
        let run: Value = serde_json::from_slice(&call(&server, &format!("/api/runs/{id}"), None).1).unwrap();
        match run["status"].as_str() {
            Some("done") => break,
            Some("queued" | "running") => std::thread::sleep(Duration::from_millis(100)),
            _ => panic!("{run}"),
        }
    }
    let summary: RunSummary = serde_json::from_slice(&call(&server, &format!("/runs/{id}/run.json"), None).1).unwrap();
    assert!(summary.mass_error.abs() < 1e-6, "mass error {} of what came in", summary.mass_error);
    let built: usize = summary.scenario.edits.iter().map(|e| e.interventions.len()).sum();
    assert!(built >= taken, "{built} works in {taken} edits");
    println!("{taken} edits taken, {refused} refused, {late} after the end; mass error {:.1e}", summary.mass_error);
}
