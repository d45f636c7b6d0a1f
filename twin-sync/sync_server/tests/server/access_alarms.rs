//! Alarms, incidents and commands of two grids: each chief their own, everybody what their role may, in their name.

use crate::access_scope::{leaks, log_events};
use crate::access_town::{self, A, B, Half, Town};
use crate::fixture::{Fixture, wait_until};
use serde_json::{Value, json};
use std::path::Path;

const RULES: &str = r#"
[rule.smoke_one]
text = "烟雾一"
severity = "major"
group = "smoke"
subject = { class = "station" }
when.threshold = { property = "smoke", when = "at_least", limit = 1.0, hysteresis = 0.0 }
[rule.smoke_two]
text = "烟雾二"
severity = "major"
group = "smoke"
subject = { class = "station" }
when.threshold = { property = "smoke", when = "at_least", limit = 1.0, hysteresis = 0.0 }
[grouping]
window_s = 60.0
building = 2
grid = 20
community = 80
"#;

/// The town with rules that make an incident of each half, and stations that take commands.
fn write(dir: &Path) {
    access_town::write(dir);
    let path = dir.join("device_types.toml");
    let types = std::fs::read_to_string(&path).unwrap();
    let plain = "expected_interval_s = 60.0\n[[class.station.alarms]]";
    assert!(types.contains(plain));
    let commanded = "expected_interval_s = 60.0\ncommanded = true\n[[class.station.alarms]]";
    std::fs::write(path, types.replacen(plain, commanded, 1)).unwrap();
    std::fs::write(dir.join("rules.toml"), RULES).unwrap();
}

struct Scene {
    town: Town,
    duty: String,
}

/// An alarm and the number of a command of each half.
type Own = (u64, u64);

impl Scene {
    fn start() -> Self {
        let town = Town { fixture: Fixture::start_prepared(write, access_town::people) };
        town.liven();
        let duty = town.log_in("duty");
        let scene = Self { town, duty };
        let open = || scene.list("/api/incidents", "incidents").len();
        wait_until("an incident of each half", || open() == 2);
        scene
    }

    fn list(&self, path: &str, key: &str) -> Vec<Value> {
        self.town.get(&self.duty, path).json()[key].as_array().unwrap().clone()
    }

    fn own(&self, half: Half) -> Own {
        let order = json!({ "device": half.station(), "name": "close_gate", "expires_s": 600, "two_person": true });
        let command = self.town.post(&self.duty, "/api/commands", &order);
        assert_eq!(command.status, 200, "{}", command.text);
        let alarms = self.list("/api/alarms?open=true", "alarms");
        let of_half = |a: &&Value| a["entity"] == half.station() && a["text"] == "烟雾报警";
        let alarm = alarms.iter().find(of_half).unwrap()["id"].as_u64().unwrap();
        (alarm, command.json()["id"].as_u64().unwrap())
    }

    fn incident(&self, half: Half) -> u64 {
        let all = self.list("/api/incidents", "incidents");
        let inside = half.first..half.first + access_town::THINGS;
        let own = all.iter().find(|i| inside.contains(&u32::try_from(i["place"].as_u64().unwrap()).unwrap()));
        own.unwrap()["id"].as_u64().unwrap()
    }
}

#[test]
fn alarms_incidents_and_commands_stay_in_their_grid() {
    let scene = Scene::start();
    let town = &scene.town;
    let (of_a, of_b) = (scene.own(A), scene.own(B));
    for (half, (alarm, _)) in [(A, of_a), (B, of_b)] {
        let taken = json!({ "take_out_of_service": { "reason": format!("{}检修", half.mark) } });
        let second = scene.list("/api/alarms?open=true", "alarms");
        let second = second.iter().find(|a| a["entity"] == half.station() && a["id"] != alarm).unwrap();
        let path = format!("/api/alarms/{}/operate", second["id"]);
        assert_eq!(town.post(&scene.duty, &path, &taken).status, 200);
    }
    let incidents = (scene.incident(A), scene.incident(B));
    for (login, own, other, incident, hidden_incident) in
        [("chief-a", A, B, incidents.0, incidents.1), ("chief-b", B, A, incidents.1, incidents.0)]
    {
        let token = town.log_in(login);
        for (path, key, count) in [
            ("/api/incidents", "incidents", 1),
            ("/api/incidents?open=true", "incidents", 1),
            ("/api/commands", "commands", 1),
            ("/api/alarms", "alarms", 3),
            ("/api/alarms/out_of_service", "out_of_service", 1),
        ] {
            let answer = town.get(&token, path);
            let found = leaks(&answer.text, other);
            assert!(found.is_empty(), "{login} {path} shows {found:?}: {}", answer.text);
            assert!(!leaks(&answer.text, own).is_empty(), "{login} {path}: {}", answer.text);
            assert_eq!(answer.json()[key].as_array().unwrap().len(), count, "{login} {path}: {}", answer.text);
        }
        let figures = town.get(&token, "/api/alarms/figures");
        assert!(leaks(&figures.text, other).is_empty(), "{}", figures.text);
        assert_eq!(figures.json()["figures"]["announced"], 3, "{}", figures.text);
        let one = town.get(&token, &format!("/api/incidents/{incident}"));
        assert_eq!((one.status, one.json()["alarms"].as_array().unwrap().len()), (200, 2), "{}", one.text);
        let hidden = town.get(&token, &format!("/api/incidents/{hidden_incident}"));
        let absent = town.get(&token, "/api/incidents/999");
        assert_eq!((hidden.status, hidden.text.replace(&hidden_incident.to_string(), "999")), (404, absent.text));
        assert_eq!(town.get(&token, "/api/rules").status, 403, "rules name things anywhere");
        let viewer_of = &mut town.viewer(&token);
        viewer_of.until("viewer catches up", |live| live.seq() == town.fixture.server().seq());
        assert_eq!(viewer_of.live.incidents().map(|i| i.id.0).collect::<Vec<_>>(), [incident], "{login}");
        assert_eq!(Some(viewer_of.live.hash()), town.fixture.server().state_hash_seen_by(login), "{login}");
    }
    assert_eq!(town.get(&scene.duty, "/api/alarms/figures").json()["figures"]["announced"], 8, "with calls for care");
    assert_eq!(town.get(&scene.duty, "/api/rules").status, 200);
}

#[test]
fn roles_decide_what_is_done_with_alarms_and_devices() {
    let scene = Scene::start();
    let town = &scene.town;
    let ((alarm_a, command_a), (alarm_b, command_b)) = (scene.own(A), scene.own(B));
    let (chief, worker) = (town.log_in("chief-a"), town.log_in("worker-a"));
    let post = |token: &str, path: String, body: Value| town.post(token, &path, &body);
    let shelve = || json!({ "minutes": 10, "reason": "试验" });
    let shelved = |token: &str, alarm: u64| post(token, format!("/api/alarms/{alarm}/shelve"), shelve()).status;
    assert_eq!((shelved(&worker, alarm_a), shelved(&chief, alarm_a)), (403, 403));
    let operated = |token: &str, alarm: u64, what: Value| post(token, format!("/api/alarms/{alarm}/operate"), what);
    let (hidden, absent) =
        (operated(&worker, alarm_b, json!("acknowledge")), operated(&worker, 999, json!("acknowledge")));
    assert_eq!((hidden.status, hidden.text.replace(&alarm_b.to_string(), "999")), (404, absent.text));
    assert_eq!(operated(&worker, alarm_a, json!({ "take_out_of_service": { "reason": "x" } })).status, 403);
    assert_eq!(operated(&worker, alarm_a, json!("acknowledge")).status, 200);
    assert_eq!(shelved(&scene.duty, alarm_a), 200);
    let order = |device: u32| json!({ "device": device, "name": "open_gate", "expires_s": 60 });
    let issue = |token: &str, device: u32| post(token, "/api/commands".into(), order(device));
    assert_eq!((issue(&worker, A.station()).status, issue(&chief, A.station()).status), (403, 403));
    let confirm = |token: &str, id: u64| post(token, format!("/api/commands/{id}/confirm"), json!({}));
    assert_eq!((confirm(&chief, command_a).status, confirm(&chief, command_b).status), (403, 403));
    let same = confirm(&scene.duty, command_a);
    assert!(same.status == 409 && same.text.contains("second person"), "{}", same.text);
    let of_b = post(&chief, "/api/rules/smoke_one/return_to_service".into(), json!({ "entity": B.station() }));
    assert_eq!(of_b.status, 403, "not theirs to do anywhere");
    let by = |kind: &str| -> Vec<Option<u64>> {
        log_events(town).into_iter().filter(|(k, _)| k == kind).map(|(_, by)| by).collect()
    };
    // Accounts in the order in which they were made: duty 1, chief-a 2, chief-b 3, worker-a 4.
    assert_eq!(by("alarm_operated"), [Some(4), Some(1)]);
    assert_eq!(by("command_issued"), [Some(1), Some(1)]);
}
