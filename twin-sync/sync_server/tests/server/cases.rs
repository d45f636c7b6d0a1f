//! Grid cases from outside: queue, proposals, deadlines, duplicates, photographs, export, figures, archive.

use crate::fixture::{Fixture, call};
use crate::pack;
use serde_json::{Value, json};
use twin_model::EntityKind;

/// A community with two grids side by side and a device in each.
fn two_grids(dir: &std::path::Path) {
    use twin_model::{EntityId, Polygon};
    let mut entities = vec![
        pack::entity(0, EntityKind::Community, "测试社区".into(), ""),
        pack::entity(1, EntityKind::Grid, "第一网格".into(), ""),
        pack::entity(2, EntityKind::Grid, "第二网格".into(), ""),
        pack::entity(3, EntityKind::Device, "表".into(), "station"),
    ];
    let square = |x: f64| Some(Polygon(vec![vec![[x, 0.0], [x + 500.0, 0.0], [x + 500.0, 500.0], [x, 500.0]]]));
    (entities[1].footprint, entities[2].footprint) = (square(0.0), square(500.0));
    entities[3].parent = Some(EntityId(2));
    entities[3].code = "W-17".into();
    let bindings = "topic,entity_id,property,unit,payload_path,expected_interval_s,range_min,range_max\n";
    pack::write_files(dir, &entities, pack::TYPES, bindings);
}

pub fn fixture() -> Fixture {
    Fixture::start_with(two_grids)
}

fn report(f: &Fixture, class: &str, x: f64) -> u64 {
    let (status, case) = f.post("/api/cases", &json!({ "class": class, "title": "t", "p_enu": [x, 10.0, 0.0] }));
    assert_eq!(status, 201, "{case}");
    case["id"].as_u64().unwrap()
}

fn make(f: &Fixture, id: u64, action: Value) -> (u16, Value) {
    f.post(&format!("/api/cases/{id}/move"), &json!({ "action": action }))
}

fn moved(f: &Fixture, id: u64, action: Value) -> Value {
    let (status, case) = make(f, id, action.clone());
    assert_eq!(status, 200, "{action}: {case}");
    case
}

fn ids(answer: &Value) -> Vec<u64> {
    answer["cases"].as_array().unwrap().iter().map(|c| c["id"].as_u64().unwrap()).collect()
}

#[test]
fn a_case_goes_through_its_life() {
    let mut f = fixture();
    let id = report(&f, "e101", 10.0);
    let case = f.get(&format!("/api/cases/{id}"));
    assert_eq!((case["code_system"].as_str(), case["severity"].as_str()), (Some("demo:2026"), Some("minor")));
    assert_eq!((case["class_name"].as_str(), case["grid"].as_u64()), (Some("暴露垃圾"), Some(1)));
    assert_eq!(case["allowed"], json!(["advance", "register", "reject", "close", "mark_duplicate", "cancel"]));
    moved(&f, id, json!("register"));
    let proposals = f.get(&format!("/api/cases/{id}/proposals"));
    let first = &proposals["proposals"][0];
    assert_eq!((first["department"].as_u64(), first["name"].as_str()), (Some(1), Some("环卫服务站")));
    assert_eq!(first["reasons"][0]["why"], "responsible_for_class");
    let (status, refused) = make(&f, id, json!({ "dispatch": { "department": 99 } }));
    assert_eq!(
        (status, refused["error"].as_str()),
        (422, Some("case 1: department = 99: must be one of 1, 2, 3, 4, 5"))
    );
    moved(&f, id, json!({ "dispatch": { "department": 1 } }));
    let case = f.get(&format!("/api/cases/{id}"));
    let left = case["left_work_min"].as_i64().unwrap();
    assert!(case["due_at"].is_i64() && (239..=240).contains(&left), "{case}");
    moved(&f, id, json!("suspend"));
    let (status, refused) = make(&f, id, json!("feedback"));
    let line =
        "case 1 is at stage 派遣 (挂账): feedback is not possible there; allowed: resume, mark_duplicate, cancel";
    assert_eq!((status, refused["error"].as_str()), (409, Some(line)));
    moved(&f, id, json!("resume"));
    moved(&f, id, json!("start"));
    moved(&f, id, json!({ "request_extension": { "work_min": 60 } }));
    let granted = moved(&f, id, json!("grant_extension"));
    assert_eq!(granted["clock"]["limit_ms"], 5 * 3_600_000);
    for action in ["feedback", "send_back", "feedback", "close"] {
        moved(&f, id, json!(action));
    }
    let rated = moved(&f, id, json!({ "rate": { "satisfaction": 5 } }));
    assert_eq!((rated["satisfaction"].as_u64(), rated["end"].as_str()), (Some(5), Some("closed")));
    let figures = f.get("/api/cases/figures?by=department");
    let rows = figures["rows"].as_array().unwrap();
    let one = rows.iter().find(|r| r["key"] == "1").unwrap();
    assert_eq!((one["name"].as_str(), one["rates"]["on_time"].as_f64()), (Some("环卫服务站"), Some(1.0)));
    assert_eq!((one["rates"]["rework"].as_f64(), one["rates"]["closing"].as_f64()), (Some(0.5), Some(1.0)));
    let before = f.get("/api/cases/figures?by=grid")["rows"].clone();
    f.restart();
    assert_eq!(f.get("/api/cases/figures?by=grid")["rows"], before, "figures survive a restart");
}

#[test]
fn the_queue_is_the_jurisdictions_own() {
    let f = fixture();
    let slow = report(&f, "c201", 10.0);
    let quick = report(&f, "e201", 20.0);
    let other = report(&f, "e101", 510.0);
    let nowhere = report(&f, "e101", 5000.0);
    for id in [slow, quick, other] {
        moved(&f, id, json!("register"));
        moved(&f, id, json!({ "dispatch": { "department": 4 } }));
    }
    assert_eq!(ids(&f.get("/api/cases/queue?within=1")), [quick, slow], "the nearer deadline first");
    assert_eq!(ids(&f.get("/api/cases/queue?within=1&order=age")), [slow, quick]);
    assert_eq!(ids(&f.get("/api/cases/queue?within=2")), [other]);
    assert_eq!(ids(&f.get("/api/cases/queue?within=0")).len(), 3, "what lies in no grid is nobody's grid's");
    assert_eq!(ids(&f.get("/api/cases/queue?order=age")), [slow, quick, other, nowhere]);
    assert_eq!(ids(&f.get("/api/cases/queue?order=severity"))[0], quick);
    let page = f.get("/api/cases/queue?order=age&limit=3");
    let next = page["next"].as_str().unwrap();
    assert_eq!(ids(&f.get(&format!("/api/cases/queue?order=age&limit=3&after={next}"))), [nowhere]);
    assert_eq!(ids(&f.get("/api/cases/queue?class=e101&stage=reported")), [nowhere]);
    assert_eq!(ids(&f.get("/api/cases/queue?department=4&overdue=true")), [0u64; 0]);
    for (path, word) in [
        ("within=3", "must be a grid or above"),
        ("order=size", "must be due, severity or age"),
        ("after=x", "must be the `next` of an earlier page"),
        ("limit=0", "must be 1..1000"),
        ("stage=flying", "must be a stage"),
    ] {
        let (status, answer) = call(f.http, "GET", &format!("/api/cases/queue?{path}"), None);
        assert!(status == 400 && answer["error"].as_str().unwrap().contains(word), "{path}: {answer}");
    }
}

#[test]
fn likely_duplicates_are_told_and_only_people_merge() {
    let f = fixture();
    let first = report(&f, "e201", 100.0);
    let (_, second) = f.post("/api/cases", &json!({ "class": "e201", "title": "又积水", "p_enu": [130.0, 50.0, 0.0] }));
    assert_eq!(second["similar"][0]["case"], first);
    assert_eq!(second["similar"][0]["distance_m"], 50.0);
    let id = second["id"].as_u64().unwrap();
    assert_eq!(f.get(&format!("/api/cases/{first}/similar"))["similar"][0]["case"], id);
    let merged = moved(&f, id, json!({ "mark_duplicate": { "of": first } }));
    assert_eq!((merged["duplicate_of"].as_u64(), merged["end"].as_str()), (Some(first), Some("duplicate")));
    let (status, refused) = make(&f, first, json!({ "mark_duplicate": { "of": 77 } }));
    assert_eq!((status, refused["error"].as_str()), (422, Some("case 1: of = 77: there is no such case")));
}

fn send_photo(f: &Fixture, path: &str, bytes: Vec<u8>) -> (u16, Value) {
    let mut request = ehttp::Request::post(format!("http://{}{path}", f.http), bytes);
    request.headers = ehttp::Headers::new(&[("Content-Type", "image/png; name=../../evil.html")]);
    let answer = ehttp::fetch_blocking(&request).unwrap();
    (answer.status, serde_json::from_slice(&answer.bytes).unwrap_or(Value::Null))
}

#[test]
fn photographs_are_pictures_and_nothing_else() {
    let f = fixture();
    let id = report(&f, "e101", 10.0);
    let path = format!("/api/cases/{id}/photos");
    let mut png = vec![0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a];
    png.extend(b"<script>alert(1)</script>");
    let (status, case) = send_photo(&f, &path, png.clone());
    assert_eq!(status, 201, "{case}");
    let sha = case["photos"][0]["sha256"].as_str().unwrap().to_owned();
    assert_eq!((case["photos"][0]["kind"].as_str(), sha.len()), (Some("png"), 64));
    let shown =
        ehttp::fetch_blocking(&ehttp::Request::get(format!("http://{}/api/cases/{id}/photos/{sha}", f.http))).unwrap();
    assert_eq!((shown.status, shown.bytes), (200, png.clone()));
    for (name, value) in [
        ("content-type", "image/png"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("content-disposition", &format!("inline; filename=\"{}.png\"", &sha[..12])),
    ] {
        assert_eq!(shown.headers.get(name), Some(value));
    }
    assert_eq!(send_photo(&f, &path, png.clone()).0, 409, "the same again");
    let (status, refused) = send_photo(&f, &path, b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec());
    assert_eq!((status, refused["error"].as_str()), (415, Some("photo: must be JPEG, PNG or WebP")));
    assert_eq!(send_photo(&f, "/api/cases/99/photos", png.clone()).0, 404);
    let mut long = png;
    long.resize((8 << 20) + 1, 0);
    let (status, refused) = send_photo(&f, &path, long);
    assert_eq!((status, refused["error"].as_str()), (413, Some("photo: must be at most 8 MiB")));
    for bad in ["..%2F..%2Ftwin.db", "../twin.db", &sha.to_uppercase(), &format!("{sha}.png"), &"0".repeat(64)] {
        let url = format!("http://{}/api/cases/{id}/photos/{bad}", f.http);
        assert_eq!(ehttp::fetch_blocking(&ehttp::Request::get(url)).unwrap().status, 404, "{bad}");
    }
}

#[test]
fn text_is_data_in_every_answer() {
    let f = fixture();
    let hostile = "<img src=x onerror=alert(1)>";
    let new =
        json!({ "class": "e101", "title": "=HYPERLINK(\"http://x\")", "description": hostile, "p_enu": [1, 1, 0] });
    let (_, case) = f.post("/api/cases", &new);
    assert_eq!(case["description"], hostile, "kept as it is, as data");
    let text = ehttp::fetch_blocking(&ehttp::Request::get(format!("http://{}/api/cases/export.csv", f.http))).unwrap();
    assert_eq!(text.headers.get("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(text.headers.get("x-content-type-options"), Some("nosniff"));
    let text = text.text().unwrap().to_owned();
    assert!(text.contains("\"'=HYPERLINK(\"\"http://x\"\")\"") && text.contains(hostile), "{text}");
}

#[test]
fn imported_cases_are_taken_once_and_leave_memory() {
    let mut f = fixture();
    let at = 1_651_363_200_000_i64;
    let item = |i: i64| {
        json!({ "class": "e401", "title": "noise", "p_enu": [10.0 + i as f64, 10.0, 0.0], "placed": "mapped",
            "source": { "system": "nyc311", "id": i.to_string() }, "reported_at": at + i * 1000,
            "moves": [{ "action": "register", "at": at + i * 1000 }, { "action": "close", "at": at + i * 1000 + 500 }] })
    };
    let mut outcomes = vec![];
    for from in [0, 600] {
        let cases: Vec<Value> = (from..from + 600).map(item).collect();
        let (status, answer) = f.post("/api/cases/import", &json!({ "cases": cases }));
        assert_eq!(status, 200, "{answer}");
        outcomes.extend(answer["outcomes"].as_array().unwrap().clone());
    }
    assert!(outcomes.iter().all(|o| o["created"].is_u64()), "{outcomes:?}");
    let (_, bad) = f.post(
        "/api/cases/import",
        &json!({ "cases": [item(3), { "class": "e401", "title": "x",
        "source": { "system": "nyc311", "id": "n" }, "reported_at": at }, item(5000), item(5000)] }),
    );
    let outcomes = &bad["outcomes"];
    assert_eq!(outcomes[0]["known"], 4);
    assert_eq!(outcomes[1]["refused"], "case: p_enu is needed when no entity is given");
    assert!(outcomes[2]["created"] == 1201 && outcomes[3]["refused"].as_str().unwrap().contains("occurs twice"));
    let listed = f.get("/api/cases?limit=5000");
    assert_eq!((listed["cases"].as_array().unwrap().len(), listed["open"].as_u64()), (1000, Some(0)));
    let rows = f.get("/api/cases/figures?from=2022-05-01&to=2022-05-01")["rows"].clone();
    assert_eq!((rows[0]["counts"]["reported"].as_u64(), rows[0]["rates"]["closing"].as_f64()), (Some(1201), Some(1.0)));
    // In the archive after the snapshot of the stop; still found, still known, still movable.
    f.restart();
    let case = f.get("/api/cases/1");
    assert_eq!((case["stage"].as_str(), case["placed"].as_str()), (Some("closed"), Some("mapped")));
    let (_, again) = f.post("/api/cases/import", &json!({ "cases": [item(0)] }));
    assert_eq!(again["outcomes"][0]["known"], 1);
    let mut viewer = f.viewer();
    viewer.catches_up(&f);
    assert_eq!(viewer.live.cases().count(), 1000);
    let back = moved(&f, 1, json!("send_back"));
    assert_eq!((back["stage"].as_str(), back["events"].as_array().unwrap().len()), (Some("in_progress"), 4));
    viewer.until("recalled case in the viewer", |l| l.case(twin_model::CaseId(1)).is_some());
    viewer.catches_up(&f);
    let text = ehttp::fetch_blocking(&ehttp::Request::get(format!("http://{}/api/cases/export.csv", f.http))).unwrap();
    assert_eq!(text.text().unwrap().lines().count(), 1202, "held and archived, each once");
    f.restart();
    assert_eq!(f.get("/api/cases/1")["stage"], "in_progress");
}

#[test]
fn own_tables_come_from_the_pack_and_bad_ones_stop_the_start() {
    let write = |dir: &std::path::Path| {
        two_grids(dir);
        let own = dir.join("cases");
        std::fs::create_dir_all(&own).unwrap();
        let toml = "departments = \"d.csv\"\n[[class_table]]\ncode_system = \"city:320508:1\"\nfile = \"c.csv\"\n\
            [calendar]\nname = \"c\"\nutc_offset_min = 480\nhours = [[\"00:00\", \"24:00\"]]\nweek = [1,2,3,4,5,6,7]\n";
        std::fs::write(own.join("tables.toml"), toml).unwrap();
        std::fs::write(own.join("d.csv"), "id,name,grids,classes,capacity\n7,队,*,,5\n").unwrap();
        let classes = "code,name,kind,limit,unit,department,severity\n0102,暴露垃圾,事件,1,工作时,7,1\n";
        std::fs::write(own.join("c.csv"), classes).unwrap();
    };
    let f = Fixture::start_with(write);
    let id = report(&f, "0102", 10.0);
    moved(&f, id, json!("register"));
    let case = moved(&f, id, json!({ "dispatch": { "department": 7 } }));
    assert_eq!(case["code_system"], "city:320508:1");
    let clock = &case["clock"];
    assert_eq!(clock["due_at"].as_i64().unwrap() - clock["since"].as_i64().unwrap(), 3_600_000, "round the clock");
    assert_eq!(f.get("/api/cases/tables")["demo"], false);

    let tables = f.dir.path().join("pack/cases");
    std::fs::write(tables.join("c.csv"), "code,name,kind,limit,unit,department,severity\nx,y,z,,,,\n").unwrap();
    let options = sync_server::ServeOptions {
        http_addr: std::net::SocketAddr::from(([127, 0, 0, 1], 0)),
        mqtt_addr: std::net::SocketAddr::from(([127, 0, 0, 1], 0)),
        ..sync_server::ServeOptions::new(f.dir.path().join("pack"), f.dir.path().join("other"))
    };
    let error = f.runtime.block_on(sync_server::ServerHandle::start(options)).err().unwrap().to_string();
    assert!(error.contains("c.csv line 2: kind = \"z\": must be component"), "{error}");
}

#[test]
fn an_imported_case_moves_on_with_its_source() {
    let f = fixture();
    let at = 1_651_363_200_000_i64;
    let item = |moves: Value| {
        json!({ "cases": [{ "class": "e401", "title": "noise", "placed": "unlocated", "reported_at": at,
            "source": { "system": "s", "id": "1" }, "moves": moves }] })
    };
    let begin = json!({ "action": "register", "at": at });
    let send = |moves: Value| f.post("/api/cases/import", &item(moves)).1["outcomes"][0].clone();
    assert_eq!(send(json!([begin])), json!({ "created": 1 }));
    assert_eq!(send(json!([begin])), json!({ "known": 1 }));
    assert_eq!(send(json!([begin, { "action": "close", "at": at + 60_000 }])), json!({ "updated": 1 }));
    let case = f.get("/api/cases/1");
    assert_eq!((case["stage"].as_str(), case["placed"].as_str()), (Some("closed"), Some("unlocated")));
    assert_eq!((case["grid"].clone(), case["events"].as_array().unwrap().len()), (Value::Null, 3));
    assert_eq!(send(json!([]))["refused"], "case 1 has moved otherwise here since it was imported");
}
