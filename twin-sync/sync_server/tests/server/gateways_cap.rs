//! The CAP 1.2 feed: order and values of every element, as measured, as closed, as predicted.

use crate::fixture::{Fixture, now, wait_until};
use crate::gateways::{CARE, RIVER, SMOKE, fetch, frame, refusal, report, start};
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::json;
use twin_model::TimeMs;

/// Elements of a CAP 1.2 alert in the order of its schema, with how often they must occur at least.
const ALERT: [(&str, bool); 14] = [
    ("identifier", true),
    ("sender", true),
    ("sent", true),
    ("status", true),
    ("msgType", true),
    ("source", false),
    ("scope", true),
    ("restriction", false),
    ("addresses", false),
    ("code", false),
    ("note", false),
    ("references", false),
    ("incidents", false),
    ("info", false),
];
const INFO: [(&str, bool); 21] = [
    ("language", false),
    ("category", true),
    ("event", true),
    ("responseType", false),
    ("urgency", true),
    ("severity", true),
    ("certainty", true),
    ("audience", false),
    ("eventCode", false),
    ("effective", false),
    ("onset", false),
    ("expires", false),
    ("senderName", false),
    ("headline", false),
    ("description", false),
    ("instruction", false),
    ("web", false),
    ("contact", false),
    ("parameter", false),
    ("resource", false),
    ("area", false),
];
const AREA: [(&str, bool); 6] = [
    ("areaDesc", true),
    ("polygon", false),
    ("circle", false),
    ("geocode", false),
    ("altitude", false),
    ("ceiling", false),
];

/// An element with its text and what stands in it.
#[derive(Debug, Default, Clone)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    inner: Vec<Element>,
}

impl Element {
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.inner.iter().filter(move |e| e.name == name)
    }

    fn child(&self, name: &str) -> &Element {
        self.inner.iter().find(|e| e.name == name).unwrap_or_else(|| panic!("no {name} in {}", self.name))
    }

    fn word(&self, name: &str) -> &str {
        &self.child(name).text
    }

    fn attribute(&self, name: &str) -> &str {
        &self.attributes.iter().find(|(key, _)| key == name).unwrap().1
    }

    /// The elements stand in this order, and what must be there is.
    fn follows(&self, order: &[(&str, bool)]) {
        let place = |e: &Element| order.iter().position(|(name, _)| *name == e.name);
        let places: Vec<usize> =
            self.inner.iter().map(|e| place(e).unwrap_or_else(|| panic!("{} in {}", e.name, self.name))).collect();
        assert!(places.is_sorted(), "order in {}: {places:?}", self.name);
        for (name, _) in order.iter().filter(|(_, needed)| *needed) {
            self.child(name);
        }
    }
}

fn parse(text: &str) -> Element {
    let mut reader = Reader::from_str(text);
    let mut open = vec![Element::default()];
    let start = |e: &quick_xml::events::BytesStart<'_>| Element {
        name: String::from_utf8(e.name().as_ref().to_vec()).unwrap(),
        attributes: e
            .attributes()
            .map(|a| a.unwrap())
            .map(|a| (String::from_utf8(a.key.as_ref().to_vec()).unwrap(), a.unescape_value().unwrap().into_owned()))
            .collect(),
        ..Element::default()
    };
    loop {
        match reader.read_event().unwrap() {
            Event::Start(e) => open.push(start(&e)),
            Event::Empty(e) => open.last_mut().unwrap().inner.push(start(&e)),
            Event::Text(t) => open.last_mut().unwrap().text.push_str(&t.decode().unwrap()),
            Event::GeneralRef(r) => {
                let name = r.decode().unwrap();
                let text = quick_xml::escape::resolve_predefined_entity(&name).unwrap();
                open.last_mut().unwrap().text.push_str(text);
            }
            Event::End(_) => {
                let done = open.pop().unwrap();
                open.last_mut().unwrap().inner.push(done);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    open.pop().unwrap().inner.pop().unwrap()
}

/// `2026-11-20T16:00:00+08:00`: the only form that CAP allows.
fn check_time(text: &str) {
    let form: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(form, "0000-00-00T00:00:00+00:00", "{text}");
}

/// Reads an alert and checks what the standard asks of every one.
fn alert(fixture: &Fixture, key: &str) -> Element {
    let (status, kind, text) = fetch(fixture, &format!("/cap/alerts/{key}"));
    assert_eq!((status, kind.as_str()), (200, "application/cap+xml"), "{text}");
    let alert = parse(&text);
    assert_eq!((alert.name.as_str(), alert.attribute("xmlns")), ("alert", "urn:oasis:names:tc:emergency:cap:1.2"));
    alert.follows(&ALERT);
    for name in ["identifier", "sender"] {
        assert!(!alert.word(name).contains([' ', ',', '<', '&']), "{}", alert.word(name));
    }
    check_time(alert.word("sent"));
    let info = alert.child("info");
    info.follows(&INFO);
    info.all("onset").chain(info.all("expires")).chain(info.all("effective")).for_each(|e| check_time(&e.text));
    let among = |name: &str, words: &[&str]| assert!(words.contains(&info.word(name)), "{name} {}", info.word(name));
    among("urgency", &["Immediate", "Expected", "Future", "Past", "Unknown"]);
    among("severity", &["Extreme", "Severe", "Moderate", "Minor", "Unknown"]);
    among("certainty", &["Observed", "Likely", "Possible", "Unlikely", "Unknown"]);
    let area = info.child("area");
    area.follows(&AREA);
    for polygon in area.all("polygon") {
        let points: Vec<&str> = polygon.text.split(' ').collect();
        assert!(points.len() >= 4 && points.first() == points.last(), "{}", polygon.text);
    }
    alert
}

fn entries(fixture: &Fixture) -> Vec<Element> {
    let (status, kind, text) = fetch(fixture, "/cap");
    assert_eq!((status, kind.as_str()), (200, "application/atom+xml"));
    let feed = parse(&text);
    assert_eq!(feed.attribute("xmlns"), "http://www.w3.org/2005/Atom");
    for name in ["id", "title", "updated", "author"] {
        feed.child(name);
    }
    feed.all("entry").cloned().collect()
}

#[test]
fn a_fire_alarm_is_an_alert_then_an_update_then_cancelled() {
    let fixture = start();
    assert!(entries(&fixture).is_empty());
    report(&fixture, SMOKE, 1.0, 60);
    report(&fixture, CARE, 1.0, 60);
    let listed = entries(&fixture);
    assert_eq!(listed.len(), 1, "a call for care is personal");
    let href = listed[0].child("link").attribute("href");
    let key = href.rsplit('/').next().unwrap().to_owned();
    assert_eq!(listed[0].child("link").attribute("type"), "application/cap+xml");
    let first = alert(&fixture, &key);
    assert_eq!((first.word("status"), first.word("msgType"), first.all("references").count()), ("Test", "Alert", 0));
    let info = first.child("info");
    assert_eq!((info.word("language"), info.word("category"), info.word("event")), ("zh-CN", "Fire", "烟雾报警 <A&B>"));
    let degrees = (info.word("urgency"), info.word("severity"), info.word("certainty"));
    assert_eq!(degrees, ("Immediate", "Extreme", "Observed"));
    let area = info.child("area");
    assert!(area.word("areaDesc").contains("1号楼 101室"));
    // The building's outline, latitude first.
    let corner = frame().geodetic_from_enu([20.0, 20.0, 0.0]);
    let points: Vec<Vec<f64>> =
        area.word("polygon").split(' ').map(|p| p.split(',').map(|n| n.parse().unwrap()).collect()).collect();
    let near = |p: &Vec<f64>| (p[0] - corner.lat_deg).abs() < 1e-8 && (p[1] - corner.lon_deg).abs() < 1e-8;
    assert!(points.iter().any(near), "{points:?}");

    report(&fixture, SMOKE, 0.0, 0);
    let second = alert(&fixture, &key);
    assert_eq!((second.word("msgType"), second.child("info").word("urgency")), ("Update", "Past"));
    let follows = format!("{},{},{}", first.word("sender"), first.word("identifier"), first.word("sent"));
    assert_eq!(second.word("references"), follows);
    assert_ne!(second.word("identifier"), first.word("identifier"));
    assert_eq!(fixture.post(&format!("/api/alarms/{key}/ack"), &json!({})).0, 200);
    assert!(entries(&fixture).is_empty());
    assert_eq!(alert(&fixture, &key).word("msgType"), "Cancel");
    assert!(refusal(&fixture, "/cap/alerts/none", 404).contains("none"));
    assert!(refusal(&fixture, "/cap?since=1", 400).contains("since"));
}

/// Puts the summary of a finished run where the server keeps it.
fn finish_run(fixture: &Fixture, started_from: TimeMs, corrected: bool) {
    let scenario = json!({ "name": "暴雨", "duration_s": 7200.0, "frame_interval_s": 600.0, "cell_m": 5.0 });
    let (status, run) = fixture.post("/api/runs", &scenario);
    assert!(status < 300, "{run}");
    let id = run["id"].as_u64().unwrap();
    wait_until("run done", || fixture.get(&format!("/api/runs/{id}"))["status"] == "done");
    let predicted = |first_s: f64| {
        json!({ "entity": RIVER, "rule": 0, "property": "water_level_m", "severity": "major", "text": "超警戒水位",
            "limit": 4.0, "first_s": first_s, "value": 4.5, "quality": 64 })
    };
    let correction = json!({ "rain_factor": 1.1, "stage_offset_m": 0.0, "rmse_before_m": 0.2, "rmse_after_m": 0.1,
        "gauges": 2, "samples": 9, "runs": 3 });
    let summary = json!({
        "scenario": scenario, "started_from": started_from, "live_inputs": [],
        "grid": { "epsg": 4549, "x0": 0.0, "y0": 0.0, "dx_m": 5.0, "nx": 2, "ny": 2 },
        "frame_times_s": [0.0], "steps": 1, "volume_start_m3": 0.0, "volume_end_m3": 0.0, "rain_m3": 0.0,
        "inflow_m3": 0.0, "outflow_m3": 0.0, "mass_error": 0.0, "flooded_area_m2": 0.0, "max_depth_m": 0.0,
        "checksum": "", "kernel": "test", "affected": [],
        "impact": { "predicted_alarms": [predicted(600.0), predicted(5400.0)],
            "correction": corrected.then_some(correction) },
    });
    let data = std::fs::read_dir(fixture.dir.path().join("data")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(data.join(format!("runs/{id}/run.json")), summary.to_string()).unwrap();
}

#[test]
fn what_a_forecast_predicts_is_marked_as_simulated() {
    let fixture = start();
    finish_run(&fixture, now(), false);
    let listed = entries(&fixture);
    assert_eq!(listed.len(), 2);
    for (i, urgency) in [(0, "Expected"), (1, "Future")] {
        let alert = alert(&fixture, &format!("run-1-{i}"));
        let info = alert.child("info");
        assert!(alert.word("note").starts_with("模拟") && info.word("headline").starts_with("【模拟】"));
        let degrees = (info.word("urgency"), info.word("severity"), info.word("certainty"), info.word("category"));
        assert_eq!(degrees, (urgency, "Severe", "Possible", "Met"));
        // A gauge has no outline: its place.
        let place = frame().geodetic_from_enu([400.0, -300.0, 2.0]);
        let circle = info.child("area").word("circle");
        let lat: f64 = circle.split(',').next().unwrap().parse().unwrap();
        assert!((lat - place.lat_deg).abs() < 1e-8 && circle.ends_with(" 0"), "{circle}");
    }
    // The newest run counts: one that agrees with the gauges is likely, one whose time has passed says nothing.
    finish_run(&fixture, now(), true);
    assert_eq!(alert(&fixture, "run-2-0").child("info").word("certainty"), "Likely");
    assert_eq!(entries(&fixture).len(), 2);
    finish_run(&fixture, now().plus_secs(-86_400.0), true);
    assert!(entries(&fixture).is_empty());
}
