//! Rules, shelving, incidents, linked actions and commands through the server's doors.

use crate::device::Device;
use crate::fixture::{Fixture, now, wait_until};
use crate::pack::{self, topic};
use rumqttc::{Event, Incoming, MqttOptions, QoS};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

const RULES: &str = r#"
[rule.flood]
text = "水位过高"
severity = "major"
subject = { class = "station" }
actions = [
  { do = "open_case", class = "防洪防涝", title = "{place} {text}" },
  { do = "command", name = "close_gate", value = 1.0, expires_s = 60 },
]
[rule.flood.when.expression]
cel = "level > 10.0"
inputs.level = { property = "level_m" }

[rule.offline]
text = "设备离线"
severity = "minor"
subject = { class = "station" }
when.no_data = { intervals = 1.0, grace_s = 0.5 }

[grouping]
window_s = 30.0
building = 3
grid = 3
community = 3
"#;

/// The small pack with rules, stations that take commands, and an interval of one second.
fn write(dir: &Path) {
    pack::write(dir);
    let types = std::fs::read_to_string(dir.join("device_types.toml")).unwrap();
    let quick = "expected_interval_s = 1.0\ncommanded = true\n[[class.station.alarms]]";
    let types = types.replacen("expected_interval_s = 60.0\n[[class.station.alarms]]", quick, 1);
    assert!(types.contains("commanded"));
    std::fs::write(dir.join("device_types.toml"), types).unwrap();
    std::fs::write(dir.join("rules.toml"), RULES).unwrap();
}

fn open_of(fixture: &Fixture, entity: u32, text: &str) -> Option<Value> {
    let alarms = fixture.get("/api/alarms?open=true");
    let list = alarms["alarms"].as_array().unwrap();
    list.iter().find(|a| a["entity"] == entity && a["text"] == text).cloned()
}

#[test]
fn an_alarm_opens_its_case_and_gives_its_command_once() {
    let mut fixture = Fixture::start_with(write);
    let (mut device, _) = Device::connect(fixture.mqtt, "d").unwrap();
    device.publish(&topic(5), b"{\"m\":{\"level_m\":12}}").unwrap();
    let outcome = |fixture: &Fixture| {
        let cases = fixture.get("/api/cases")["cases"].as_array().unwrap().clone();
        let commands = fixture.get("/api/commands")["commands"].as_array().unwrap().clone();
        (cases, commands)
    };
    wait_until("case and command", || outcome(&fixture).0.len() == 1 && outcome(&fixture).1.len() == 1);
    let (cases, commands) = outcome(&fixture);
    assert_eq!(
        (cases[0]["title"].as_str(), cases[0]["class"].as_str()),
        (Some("第一网格 5号测站 水位过高"), Some("防洪防涝"))
    );
    assert_eq!(
        (commands[0]["state"].as_str(), commands[0]["order"]["name"].as_str()),
        (Some("issued"), Some("close_gate"))
    );
    fixture.restart();
    // Long enough for the actions to be looked at again.
    std::thread::sleep(Duration::from_millis(2500));
    let (cases, commands) = outcome(&fixture);
    assert_eq!((cases.len(), commands.len()), (1, 1), "nothing is done twice");
}

#[test]
fn a_device_gets_its_command_and_acknowledges_it() {
    let fixture = Fixture::start_with(write);
    let prefix = topic(7).strip_suffix("/up/telemetry").unwrap().to_owned();
    let order = json!({ "device": 7, "name": "close_gate", "expires_s": 60, "two_person": true });
    let (status, command) = fixture.post("/api/commands", &order);
    assert_eq!((status, command["state"].as_str()), (200, Some("waits_for_second")));
    let id = command["id"].as_u64().unwrap();
    let mut options = MqttOptions::new("gate7", fixture.mqtt.ip().to_string(), fixture.mqtt.port());
    options.set_keep_alive(Duration::from_secs(30));
    let (client, mut connection) = rumqttc::Client::new(options, 16);
    client.subscribe(format!("{prefix}/down/cmd"), QoS::AtLeastOnce).unwrap();
    let (mut granted, mut received) = (false, None);
    for event in connection.iter() {
        match event.unwrap() {
            Event::Incoming(Incoming::SubAck(ack)) => {
                granted = matches!(ack.return_codes[..], [rumqttc::SubscribeReasonCode::Success(_)]);
                assert_eq!(fixture.post(&format!("/api/commands/{id}/confirm"), &json!({})).0, 200);
            }
            Event::Incoming(Incoming::Publish(publish)) => {
                received = Some((publish.topic.clone(), serde_json::from_slice::<Value>(&publish.payload).unwrap()));
                let answer = json!({ "id": id, "ok": true, "note": "关好了" }).to_string();
                client.publish(format!("{prefix}/up/cmd_ack"), QoS::AtLeastOnce, false, answer).unwrap();
            }
            Event::Incoming(Incoming::PubAck(_)) => break,
            _ => {}
        }
    }
    let (topic, message) = received.unwrap();
    assert!(granted && topic == format!("{prefix}/down/cmd"));
    assert_eq!(
        (message["id"].as_u64(), message["device"].as_str(), message["name"].as_str()),
        (Some(id), Some("c7"), Some("close_gate"))
    );
    let held = fixture.get("/api/commands")["commands"][0].clone();
    assert_eq!((held["state"].as_str(), held["note"].as_str()), (Some("done"), Some("关好了")));
    assert_eq!(fixture.post(&format!("/api/commands/{id}/withdraw"), &json!({})).0, 409);
    // Another device's acknowledgement of the same id is not one.
    let (status, second) = fixture.post("/api/commands", &json!({ "device": 7, "name": "open_gate", "expires_s": 60 }));
    assert_eq!(status, 200);
    let (mut other, _) = Device::connect(fixture.mqtt, "other").unwrap();
    let forged = json!({ "id": second["id"], "ok": true }).to_string();
    let foreign = crate::pack::topic(8).replace("/up/telemetry", "/up/cmd_ack");
    other.publish(&foreign, forged.as_bytes()).unwrap();
    assert_eq!(fixture.get("/api/commands")["commands"][0]["state"], "issued");
    for (order, status, word) in [
        (json!({ "device": 99_999, "name": "x", "expires_s": 5 }), 404, "no entity"),
        (json!({ "device": 30, "name": "x", "expires_s": 5 }), 422, "takes no commands"),
        (json!({ "device": 7, "name": "X!", "expires_s": 5 }), 422, "name"),
        (json!({ "device": 7, "name": "x", "expires_s": 0 }), 422, "expires_s"),
    ] {
        let (got, answer) = fixture.post("/api/commands", &order);
        assert_eq!(got, status, "{order}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains(word), "{answer}");
    }
}

#[test]
fn silence_becomes_alarms_and_one_incident_by_itself() {
    let fixture = Fixture::start_with(write);
    let mut viewer = fixture.viewer();
    let (mut device, _) = Device::connect(fixture.mqtt, "d").unwrap();
    for station in 1..=6 {
        device.publish(&topic(station), b"{\"m\":{\"level_m\":1}}").unwrap();
    }
    wait_until("six devices offline", || (1..=6).all(|s| open_of(&fixture, s, "设备离线").is_some()));
    let incidents = fixture.get("/api/incidents?open=true");
    assert_eq!(incidents["incidents"].as_array().unwrap().len(), 1, "{incidents}");
    assert_eq!(incidents["incidents"][0]["members"], 6);
    let id = incidents["incidents"][0]["id"].as_u64().unwrap();
    assert_eq!(fixture.get(&format!("/api/incidents/{id}"))["alarms"].as_array().unwrap().len(), 6);
    viewer.until("the incident in the viewer", |l| l.incidents().any(|i| i.active == 6));
    let figures = fixture.get("/api/alarms/figures");
    assert_eq!(
        (figures["figures"]["announced"].as_u64(), figures["top"][0]["rule"].as_str()),
        (Some(6), Some("offline"))
    );
    assert_eq!(crate::fixture::call(fixture.http, "GET", "/api/incidents?open=maybe", None).0, 400);
}

#[test]
fn shelving_service_and_their_refusals() {
    let mut fixture = Fixture::start_with(write);
    let (mut device, _) = Device::connect(fixture.mqtt, "d").unwrap();
    device.publish(&topic(5), b"{\"m\":{\"smoke\":1}}").unwrap();
    let id = open_of(&fixture, 5, "烟雾报警").unwrap()["id"].as_u64().unwrap();
    let shelve = |fixture: &Fixture, body: Value| fixture.post(&format!("/api/alarms/{id}/shelve"), &body);
    assert_eq!(shelve(&fixture, json!({ "minutes": 0, "reason": "x" })).1["error"], "minutes = 0: must be 1..10080");
    assert_eq!(shelve(&fixture, json!({ "minutes": 5, "reason": "" })).0, 422);
    let (status, alarm) = shelve(&fixture, json!({ "minutes": 5, "reason": "检修" }));
    assert_eq!(
        (status, alarm["state"].as_str(), alarm["shelving"]["reason"].as_str()),
        (200, Some("shelved"), Some("检修"))
    );
    fixture.restart();
    assert_eq!(open_of(&fixture, 5, "烟雾报警").unwrap()["state"], "shelved");
    let operate = |fixture: &Fixture, body: Value| fixture.post(&format!("/api/alarms/{id}/operate"), &body);
    assert_eq!(fixture.post(&format!("/api/alarms/{id}/unshelve"), &json!({})).1["state"], "unacknowledged");
    assert_eq!(fixture.post(&format!("/api/alarms/{id}/unshelve"), &json!({})).0, 409);
    assert_eq!(operate(&fixture, json!("reset")).0, 409);
    let (status, alarm) = operate(&fixture, json!({ "take_out_of_service": { "reason": "更换" } }));
    assert_eq!((status, alarm["state"].as_str()), (200, Some("out_of_service")));
    let out = fixture.get("/api/alarms/out_of_service")["out_of_service"].clone();
    assert_eq!((out[0]["rule"].as_str(), out[0]["entity"].as_u64()), (Some("class.station.00"), Some(5)));
    let back = "/api/rules/class.station.00/return_to_service";
    assert_eq!(fixture.post(back, &json!({ "entity": 6 })).0, 404);
    assert_eq!(fixture.post(back, &json!({ "entity": 5 })).0, 200);
    assert_eq!(open_of(&fixture, 5, "烟雾报警").unwrap()["state"], "unacknowledged");
    assert_eq!(fixture.post("/api/alarms/999/operate", &json!("acknowledge")).0, 404);
}

#[test]
fn a_rule_is_tried_on_what_was_measured() {
    let fixture = Fixture::start_with(write);
    let (mut device, _) = Device::connect(fixture.mqtt, "d").unwrap();
    let begin = now().0 - 600_000;
    for (i, level) in [1.0, 3.0, 3.2, 1.0, 3.1, 1.0].into_iter().enumerate() {
        let payload = format!(r#"{{"ts":{},"m":{{"level_m":{level}}}}}"#, begin + i as i64 * 60_000);
        device.publish(&topic(9), payload.as_bytes()).unwrap();
    }
    let test = |on_delay_s: f64, cel: &str| {
        let rule = json!({
            "text": "试", "severity": "minor", "subject": { "codes": ["c9"] }, "on_delay_s": on_delay_s,
            "when": { "expression": { "cel": cel, "inputs": { "level": { "property": "level_m" } } } },
        });
        fixture.post("/api/rules/test", &json!({ "rule": rule, "from": begin, "to": begin + 900_000 }))
    };
    let (status, told) = test(0.0, "level > 2.0");
    assert_eq!(status, 200, "{told}");
    assert_eq!((told["points"].as_u64(), told["alarms"][0]["count"].as_u64()), (Some(6), Some(2)));
    // Only the first spell lasts for more than a minute.
    assert_eq!(test(61.0, "level > 2.0").1["alarms"][0]["count"], 1);
    let (status, told) = test(0.0, "level > 2.0 && wind > 1.0");
    assert_eq!(status, 422);
    assert_eq!(told["error"], "rule test: cel, column 16: \"wind\" is not an input of the rule (inputs: level)");
    let rules = fixture.get("/api/rules");
    let keys: Vec<&str> = rules["rules"].as_array().unwrap().iter().filter_map(|r| r["key"].as_str()).collect();
    assert_eq!(keys, ["class.station.00", "flood", "offline"]);
}

#[test]
fn a_bad_rule_file_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("pack"));
    let start = |rules: String| {
        std::fs::write(dir.path().join("pack/rules.toml"), rules).unwrap();
        let options = sync_server::ServeOptions::new(dir.path().join("pack"), dir.path().join("data"));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(sync_server::ServerHandle::start(options)).err().unwrap().to_string()
    };
    let error = start(RULES.replace("level > 10.0", "level > 10.0 and"));
    assert!(error.contains("rule flood: cel, column "), "{error}");
    let error = start(RULES.replace("severity = \"major\"", "severity = \"urgent\""));
    assert!(error.contains("rules.toml: line 4"), "{error}");
}

/// A building with one room, a smoke detector and a gauge in it; the gauge's alarm asks for a forecast.
fn write_building(dir: &Path) {
    use twin_model::{EntityId, EntityKind};
    let mut rows: Vec<twin_model::Entity> = [
        (EntityKind::Grid, ""),
        (EntityKind::Building, ""),
        (EntityKind::Device, "smoke"),
        (EntityKind::Device, "gauge"),
    ]
    .into_iter()
    .zip(0u32..)
    .map(|((kind, class), id)| pack::entity(id, kind, format!("e{id}"), class))
    .collect();
    for device in &mut rows[2..] {
        device.parent = Some(EntityId(1));
        device.p_enu = [2.0, 2.0, 1.0];
    }
    let property = |key: &str| format!("[property.{key}]\nname = \"{key}\"\nunit = \"1\"\nmin = 0\nmax = 9\n");
    let class = |key: &str, property: &str| {
        format!(
            "[class.{key}]\nname = \"{key}\"\nproperties = [\"{property}\"]\nexpected_interval_s = 60\n\
             [[class.{key}.alarms]]\nproperty = \"{property}\"\nwhen = \"at_least\"\nlimit = 1\n\
             severity = \"critical\"\ntext = \"{key}\"\n"
        )
    };
    let types = [property("smoke"), property("level"), class("smoke", "smoke"), class("gauge", "level")].concat();
    let header = "topic,entity_id,property,unit,payload_path,expected_interval_s,range_min,range_max\n";
    pack::write_files(dir, &rows, &types, &format!("{header}a,2,smoke,1,,60,0,9\nb,3,level,1,,60,0,9\n"));
    let mut manifest: Value = serde_json::from_slice(&std::fs::read(dir.join("community.json")).unwrap()).unwrap();
    manifest["files"]["plans"] = json!("plans.json");
    std::fs::write(dir.join("community.json"), manifest.to_string()).unwrap();
    let room = json!({ "name": "101", "storey": 0, "outline": [[0.0, 0.0], [5.0, 0.0], [5.0, 5.0], [0.0, 5.0]],
        "floor_m": 0.0, "height_m": 3.0 });
    let plan = json!({ "building": 1, "name": "一号楼", "spaces": [room],
        "storeys": [{ "name": "1F", "elevation_m": 0.0, "height_m": 3.0 }] });
    std::fs::write(dir.join("plans.json"), json!({ "buildings": [plan] }).to_string()).unwrap();
    let rule = r#"
[rule.ask]
text = "请求推演"
severity = "major"
subject = { class = "gauge" }
when.threshold = { property = "level", when = "at_least", limit = 2.0 }
actions = [{ do = "simulate", forecast = "evacuation" }]
"#;
    std::fs::write(dir.join("rules.toml"), rule).unwrap();
}

#[test]
fn an_alarm_starts_the_forecast_of_its_building_once() {
    let mut fixture = Fixture::start_with(write_building);
    let runs = |fixture: &Fixture| fixture.get("/api/runs")["runs"].as_array().unwrap().len();
    let (mut device, _) = Device::connect(fixture.mqtt, "d").unwrap();
    device.publish("a", b"1").unwrap();
    wait_until("the smoke's own forecast", || runs(&fixture) == 1);
    fixture.restart();
    let (mut device, _) = Device::connect(fixture.mqtt, "d").unwrap();
    device.publish("b", b"3").unwrap();
    // The old smoke alarm has had its forecast; this one is asked for by the gauge's rule, from the smoke that stands.
    wait_until("the forecast that the rule asks for", || runs(&fixture) == 2);
    fixture.restart();
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(runs(&fixture), 2, "nothing is started twice");
}
