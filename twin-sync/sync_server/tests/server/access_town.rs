//! A small town with accounts: two grids with the same things in each, and people who may see one, the other, or all.

use crate::device::Device;
use crate::fixture::{Fixture, Viewer};
use crate::pack::{TYPES, entity, write_files};
use access::{Field, FieldMask, Grant, Role};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use sync_client::{Credentials, LiveLink};
use sync_core::LiveState;
use sync_server::{AccessAdmin, NewAccount};
use twin_model::{AttrValue, CameraView, Entity, EntityId, EntityKind, Polygon};

pub const DIVISION: &str = "420199001001";
pub const PASSWORD: &str = "a password of enough length";

/// The numbers of one grid's things lie far from others', so that one that leaks is recognised.
#[derive(Debug, Clone, Copy)]
pub struct Half {
    /// The word that all its names begin with.
    pub mark: &'static str,
    /// The letter of its codes and topics.
    pub letter: &'static str,
    pub first: u32,
    pub west: f64,
}

pub const A: Half = Half { mark: "甲", letter: "qa", first: 4001, west: 0.0 };
pub const B: Half = Half { mark: "乙", letter: "qb", first: 5001, west: 100.0 };
/// Things of each half: grid, estate, building, household, smoke, care button, meter, camera, tree.
pub const THINGS: u32 = 9;

impl Half {
    pub fn grid(self) -> u32 {
        self.first
    }
    pub fn household(self) -> u32 {
        self.first + 3
    }
    pub fn station(self) -> u32 {
        self.first + 4
    }
    pub fn care(self) -> u32 {
        self.first + 5
    }
    pub fn meter(self) -> u32 {
        self.first + 6
    }
    pub fn camera(self) -> u32 {
        self.first + 7
    }
    pub fn topic(self, what: &str) -> String {
        format!("cim/{}/{what}/up", self.letter)
    }

    fn entities(self) -> Vec<Entity> {
        let kinds = [
            (EntityKind::Grid, "网格", "", 0),
            (EntityKind::Estate, "苑", "", self.first),
            (EntityKind::Building, "楼", "residential", self.first + 1),
            (EntityKind::Household, "户", "", self.first + 2),
            (EntityKind::Device, "烟感", "station", self.first + 3),
            (EntityKind::Device, "呼叫", "care_button", self.first + 3),
            (EntityKind::Device, "电表", "meter", self.first + 3),
            (EntityKind::Camera, "门口", "camera", self.first + 2),
            (EntityKind::Tree, "树", "", self.first),
        ];
        let mut all = Vec::new();
        for (i, (kind, word, class, parent)) in (0..).zip(kinds) {
            let mut e = entity(self.first + i, kind, format!("{}{word}", self.mark), class);
            e.parent = Some(EntityId(parent));
            e.code = format!("{}-{i}", self.letter);
            e.p_enu = [self.west + 10.0 + f64::from(i), 20.0, 1.0];
            all.push(e);
        }
        all[0].code = format!("{DIVISION}{:03}", if self.letter == "qa" { 1 } else { 2 });
        let (w, e) = (self.west, self.west + 100.0);
        all[0].footprint = Some(Polygon(vec![vec![[w, 0.0], [e, 0.0], [e, 100.0], [w, 100.0]]]));
        let text = |t: String| AttrValue::Text(t);
        all[3].attributes.insert("户主".into(), text(format!("{}某", self.mark)));
        all[3].attributes.insert("need_assistance".into(), AttrValue::Bool(true));
        all[3].attributes.insert("storey".into(), AttrValue::Number(3.0));
        all[2].attributes.insert("psets".into(), text(format!("properties/{}.json", self.first + 2)));
        all[7].camera = Some(CameraView { heading_deg: 10.0, pitch_deg: -5.0, hfov_deg: 70.0, range_m: 45.0 });
        all
    }
}

const MORE_TYPES: &str = r#"
[property.pressed]
name = "呼叫"
unit = "1"
min = 0
max = 1
[class.care_button]
name = "呼叫按钮"
personal = true
properties = ["pressed"]
expected_interval_s = 60.0
[[class.care_button.alarms]]
property = "pressed"
when = "at_least"
limit = 1.0
hysteresis = 0.0
severity = "critical"
text = "紧急呼叫"
"#;

/// Writes the pack: a community, trees of nobody in between, and the two halves.
pub fn write(dir: &Path) {
    let mut entities = vec![entity(0, EntityKind::Community, "测试社区".into(), "")];
    entities[0].code = DIVISION.to_owned();
    let filler = |id| entity(id, EntityKind::Landcover, "草地".into(), "");
    entities.extend((1..A.first).map(filler));
    entities.extend(A.entities());
    entities.extend((A.first + THINGS..B.first).map(filler));
    entities.extend(B.entities());
    let mut bindings =
        "topic,entity_id,property,unit,payload_path,expected_interval_s,range_min,range_max\n".to_owned();
    let mut devices = "device_code,entity_id,class,name,on_entity\n".to_owned();
    for half in [A, B] {
        let (station, care, meter) = (half.station(), half.care(), half.meter());
        writeln!(bindings, "{},{station},level_m,m,m.level_m,60,-100,1e9", half.topic("station")).unwrap();
        writeln!(bindings, "{},{station},smoke,1,m.smoke,60,0,1", half.topic("station")).unwrap();
        writeln!(bindings, "{},{care},pressed,1,m.pressed,60,0,1", half.topic("care")).unwrap();
        writeln!(bindings, "{},{meter},level_m,m,m.level_m,60,-100,1e9", half.topic("meter")).unwrap();
        writeln!(bindings, "{},{},online,1,,60,0,1", half.topic("camera"), half.camera()).unwrap();
        writeln!(devices, "{}-4,{station},station,{}烟感,{}", half.letter, half.mark, half.household()).unwrap();
    }
    write_files(dir, &entities, &format!("{TYPES}{MORE_TYPES}"), &bindings);
    std::fs::create_dir_all(dir.join("properties")).unwrap();
    let sets = |h: Half| json!({ (h.first + 2).to_string(): { "Pset": { "Name": format!("{}楼", h.mark) } } });
    for half in [A, B] {
        std::fs::write(dir.join(format!("properties/{}.json", half.first + 2)), sets(half).to_string()).unwrap();
    }
    std::fs::write(dir.join("devices.csv"), devices).unwrap();
    std::fs::write(dir.join("cameras.csv"), format!("code,entity_id,name,heading_deg,pitch_deg,hfov_deg,range_m,status\nqa-7,{},甲门口,10,0,70,45,online\nqb-7,{},乙门口,10,0,70,45,online\n", A.camera(), B.camera())).unwrap();
    std::fs::write(dir.join("graph.json"), "{}").unwrap();
    std::fs::write(dir.join("report.json"), r#"{"skipped":["乙楼"]}"#).unwrap();
    std::fs::write(dir.join("stranger.txt"), "乙").unwrap();
    let path = dir.join("community.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut manifest: Value = serde_json::from_str(&text).unwrap();
    manifest["community"]["division"] = json!(DIVISION);
    std::fs::write(path, manifest.to_string()).unwrap();
}

/// A photograph of a half's case: known as a PNG by its beginning.
pub fn photo(half: Half) -> Vec<u8> {
    [&[0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a], half.mark.as_bytes()].concat()
}

pub fn grant(role: Role, jurisdiction: &str) -> Grant {
    Grant::new(role, jurisdiction.parse().unwrap())
}

pub fn all_fields(grant: Grant) -> Grant {
    Grant { fields: FieldMask::of(Field::ALL), ..grant }
}

/// The people of the town.
pub fn people(data: &Path) {
    let mut admin = AccessAdmin::open(data).unwrap();
    let first = format!("{DIVISION}001");
    let second = format!("{DIVISION}002");
    for (login, grants) in [
        ("duty", vec![all_fields(grant(Role::DutyOfficer, "*"))]),
        ("chief-a", vec![grant(Role::GridChief, &first)]),
        ("chief-b", vec![grant(Role::GridChief, &second)]),
        ("worker-a", vec![grant(Role::GridWorker, &first)]),
        ("viewer", vec![grant(Role::Viewer, DIVISION)]),
        ("system", vec![grant(Role::SystemAdministrator, "*")]),
        ("security", vec![grant(Role::SecurityAdministrator, "*")]),
        ("audit", vec![grant(Role::AuditAdministrator, "*")]),
    ] {
        let (login, display_name) = (login.to_owned(), format!("{login} 同志"));
        admin.add(&NewAccount { login, display_name, password: PASSWORD.into(), grants }).unwrap();
    }
}

pub struct Town {
    pub fixture: Fixture,
}

/// An answer as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Raw {
    pub status: u16,
    pub text: String,
}

impl Raw {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }
}

/// Sends a request with these headers.
pub fn send(
    http: SocketAddr,
    method: &str,
    path: &str,
    body: Option<&Value>,
    headers: &[(&str, &str)],
) -> ehttp::Response {
    let url = format!("http://{http}{path}");
    let bytes = body.map(Value::to_string).unwrap_or_default().into_bytes();
    let mut request = match method {
        "POST" => ehttp::Request::post(url, bytes),
        "DELETE" => ehttp::Request::delete(&url),
        "HEAD" => ehttp::Request::head(url),
        _ => ehttp::Request::get(url),
    };
    for (name, value) in headers {
        request = request.with_header(name, value);
    }
    ehttp::fetch_blocking(&request).unwrap()
}

impl Town {
    pub fn start() -> Self {
        Self { fixture: Fixture::start_prepared(write, people) }
    }

    pub fn admin(&self) -> AccessAdmin {
        AccessAdmin::open(&self.fixture.data()).unwrap()
    }

    /// A token by logging in.
    pub fn log_in(&self, login: &str) -> String {
        let form = json!({ "login": login, "password": PASSWORD, "bearer": true });
        let answer = send(self.fixture.http, "POST", "/api/login", Some(&form), &[]);
        assert_eq!(answer.status, 200, "{:?}", answer.text());
        serde_json::from_slice::<Value>(&answer.bytes).unwrap()["token"].as_str().unwrap().to_owned()
    }

    pub fn call(&self, token: &str, method: &str, path: &str, body: Option<&Value>) -> Raw {
        let bearer = format!("Bearer {token}");
        let answer = send(self.fixture.http, method, path, body, &[("Authorization", &bearer)]);
        Raw { status: answer.status, text: String::from_utf8_lossy(&answer.bytes).into_owned() }
    }

    pub fn get(&self, token: &str, path: &str) -> Raw {
        self.call(token, "GET", path, None)
    }

    pub fn post(&self, token: &str, path: &str, body: &Value) -> Raw {
        self.call(token, "POST", path, Some(body))
    }

    pub fn viewer(&self, token: &str) -> Viewer {
        let link = LiveLink::connect(&self.fixture.http.to_string()).with_credentials(Credentials::token(token));
        Viewer { link, live: LiveState::default(), resumed: vec![] }
    }

    /// Values, alarms, cases, a run and a dead letter, alike in both halves. The numbers of the cases: A's, B's.
    pub fn liven(&self) -> (u64, u64) {
        let (mut device, _) = Device::connect(self.fixture.mqtt, "d").unwrap();
        for half in [A, B] {
            for (what, payload) in [
                ("station", r#"{"m":{"level_m":2.5,"smoke":1}}"#),
                ("care", r#"{"m":{"pressed":1}}"#),
                ("meter", r#"{"m":{"level_m":7.25}}"#),
                ("camera", "1"),
            ] {
                device.publish(&half.topic(what), payload.as_bytes()).unwrap();
            }
        }
        device.publish(&format!("{}/nothing", B.topic("x")), b"1").unwrap();
        let duty = self.log_in("duty");
        let report = |half: Half| {
            let title = format!("{}处积水", half.mark);
            let body = json!({ "class": "防洪防涝", "title": title, "description": format!("{}某报", half.mark), "entity": half.station() });
            let made = self.post(&duty, "/api/cases", &body);
            assert_eq!(made.status, 201, "{}", made.text);
            made.json()["id"].as_u64().unwrap()
        };
        let cases = (report(A), report(B));
        for (half, case) in [(A, cases.0), (B, cases.1)] {
            let bearer = format!("Bearer {duty}");
            let url = format!("http://{}/api/cases/{case}/photos", self.fixture.http);
            let request = ehttp::Request::post(url, photo(half)).with_header("Authorization", bearer);
            assert_eq!(ehttp::fetch_blocking(&request).unwrap().status, 201);
        }
        let run = json!({ "name": "乙洪水", "duration_s": 60.0, "frame_interval_s": 30.0, "cell_m": 2.0, "interventions": [] });
        assert_eq!(self.post(&duty, "/api/runs", &run).status, 201);
        cases
    }
}
