//! OGC API - Features as a client sees it, and the small pack that the gateways' tests share.

use crate::device::Device;
use crate::fixture::{Fixture, now};
use crate::pack::{entity, write_files};
use geo_frame::{EnuFrame, Geodetic};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use twin_model::{AttrValue, Entity, EntityId, EntityKind, Polygon};

pub const SMOKE: u32 = 3;
pub const CARE: u32 = 4;
pub const METER: u32 = 5;
pub const RIVER: u32 = 6;
const TREES: u32 = 250;

const TYPES: &str = r#"
[property.button]
name = "呼叫"
unit = "1"
min = 0
max = 1
[property.smoke]
name = "烟感"
unit = "1"
min = 0
max = 1
[property.water_level_m]
name = "水位"
unit = "m"
min = -100.0
max = 100.0
[property.water_m3]
name = "用水"
unit = "m3"
min = 0
max = 1e9
[class.smoke]
name = "烟感探测器"
properties = ["smoke"]
expected_interval_s = 60.0
[[class.smoke.alarms]]
property = "smoke"
when = "at_least"
limit = 1.0
hysteresis = 0.5
severity = "critical"
text = "烟雾报警 <A&B>"
[class.care_button]
personal = true
name = "紧急呼叫"
properties = ["button"]
expected_interval_s = 60.0
[[class.care_button.alarms]]
property = "button"
when = "at_least"
limit = 1.0
severity = "critical"
text = "紧急呼叫"
[class.water_meter]
name = "水表"
properties = ["water_m3"]
expected_interval_s = 60.0
[class.river_level]
name = "水位计"
properties = ["water_level_m"]
expected_interval_s = 60.0
"#;

pub fn topic(device: u32) -> String {
    format!("probe/{device}")
}

pub fn frame() -> EnuFrame {
    EnuFrame::new(Geodetic::new(120.7, 31.3, 0.0))
}

fn square(x: f64, y: f64, side: f64) -> Option<Polygon> {
    Some(Polygon(vec![vec![[x, y], [x, y + side], [x + side, y + side], [x + side, y]]]))
}

fn entities() -> Vec<Entity> {
    let mut list = vec![entity(0, EntityKind::Grid, "第一网格".into(), "")];
    list[0].footprint = square(-1000.0, -1000.0, 2000.0);
    let mut building = entity(1, EntityKind::Building, "1号楼".into(), "住宅");
    building.footprint = square(0.0, 0.0, 20.0);
    building.attributes.insert("kind".into(), AttrValue::Text("板楼".into()));
    building.attributes.insert("联系电话".into(), AttrValue::Text("13800000000".into()));
    let mut household = entity(2, EntityKind::Household, "101室".into(), "");
    household.parent = Some(EntityId(1));
    household.attributes.insert("storey".into(), AttrValue::Number(1.0));
    household.attributes.insert("people".into(), AttrValue::Text("张三".into()));
    list.extend([building, household]);
    for (id, class) in [(SMOKE, "smoke"), (CARE, "care_button"), (METER, "water_meter")] {
        let mut device = entity(id, EntityKind::Device, format!("101室{class}"), class);
        device.parent = Some(EntityId(2));
        list.push(device);
    }
    let mut river = entity(RIVER, EntityKind::Device, "水位计".into(), "river_level");
    river.p_enu = [400.0, -300.0, 2.0];
    let mut road = entity(7, EntityKind::Road, "斜路".into(), "");
    road.line = vec![[0.0, 100.0], [300.0, 400.0]];
    list.extend([river, road]);
    for i in 0..TREES {
        let mut tree = entity(8 + i, EntityKind::Tree, format!("树{i}"), if i % 5 == 0 { "垂柳" } else { "香樟" });
        tree.p_enu = [f64::from(i), -500.0, 0.0];
        list.push(tree);
    }
    list
}

fn write(dir: &Path) {
    let mut bindings =
        "topic,entity_id,property,unit,payload_path,expected_interval_s,range_min,range_max\n".to_owned();
    for (id, key, unit) in
        [(SMOKE, "smoke", "1"), (CARE, "button", "1"), (METER, "water_m3", "m3"), (RIVER, "water_level_m", "m")]
    {
        bindings.push_str(&format!("{},{id},{key},{unit},v,60,,\n", topic(id)));
    }
    write_files(dir, &entities(), TYPES, &bindings);
}

pub fn start() -> Fixture {
    Fixture::start_with(write)
}

/// Publishes a value as measured `age_s` ago; it is on disk when this returns.
pub fn report(fixture: &Fixture, device: u32, value: f64, age_s: i64) {
    let (mut connection, code) = Device::connect(fixture.mqtt, "probe").unwrap();
    assert_eq!(code, 0);
    let payload = json!({ "ts": now().0 - age_s * 1000, "v": value }).to_string();
    connection.publish(&topic(device), payload.as_bytes()).unwrap();
}

/// Status, media type and text.
pub fn fetch(fixture: &Fixture, path: &str) -> (u16, String, String) {
    let answer = ehttp::fetch_blocking(&ehttp::Request::get(format!("http://{}{path}", fixture.http))).unwrap();
    let kind = answer.headers.get("content-type").unwrap_or("").to_owned();
    (answer.status, kind, String::from_utf8(answer.bytes).unwrap())
}

/// The line of a refusal.
pub fn refusal(fixture: &Fixture, path: &str, status: u16) -> String {
    let (got, kind, text) = fetch(fixture, path);
    assert_eq!((got, kind.as_str()), (status, "application/json"), "{path}: {text}");
    serde_json::from_str::<Value>(&text).unwrap()["error"].as_str().unwrap().to_owned()
}

fn link<'a>(page: &'a Value, rel: &str) -> Option<&'a str> {
    page["links"].as_array().unwrap().iter().find(|l| l["rel"] == rel)?["href"].as_str()
}

fn ids(page: &Value) -> Vec<u64> {
    page["features"].as_array().unwrap().iter().map(|f| f["id"].as_u64().unwrap()).collect()
}

#[test]
fn a_client_finds_its_way_from_the_landing_page_to_an_item() {
    let fixture = start();
    report(&fixture, RIVER, 3.25, 10);
    let strip = |href: &str| href.strip_prefix(&format!("http://{}", fixture.http)).unwrap().to_owned();
    let landing = fixture.get("/ogc");
    assert_eq!(fixture.get("/ogc/"), landing);
    let conformance = fixture.get(&strip(link(&landing, "conformance").unwrap()));
    assert!(conformance["conformsTo"].as_array().unwrap().iter().any(|c| c.as_str().unwrap().ends_with("/conf/core")));
    assert!(fixture.get(&strip(link(&landing, "service-desc").unwrap()))["paths"]["/ogc"].is_object());
    let collections = fixture.get(&strip(link(&landing, "data").unwrap()));
    let names: Vec<&str> =
        collections["collections"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap()).collect();
    assert_eq!(names, ["grids", "buildings", "households", "roads", "trees", "devices", "alarms", "cases"]);
    let devices = fixture.get("/ogc/collections/devices");
    let bbox = devices["extent"]["spatial"]["bbox"][0].as_array().unwrap();
    let corner = frame().geodetic_from_enu([400.0, -300.0, 2.0]);
    assert!((bbox[2].as_f64().unwrap() - corner.lon_deg).abs() < 1e-9, "{bbox:?}");
    let page = fixture.get(&strip(link(&devices, "items").unwrap()));
    assert_eq!((page["numberMatched"].as_u64(), page["numberReturned"].as_u64()), (Some(3), Some(3)));
    let (status, kind, text) = fetch(&fixture, &format!("/ogc/collections/devices/items/{RIVER}"));
    assert_eq!((status, kind.as_str()), (200, "application/geo+json"));
    let item: Value = serde_json::from_str(&text).unwrap();
    let place = &item["geometry"]["coordinates"];
    assert!((place[0].as_f64().unwrap() - corner.lon_deg).abs() < 1e-9);
    assert!((place[1].as_f64().unwrap() - corner.lat_deg).abs() < 1e-9);
    let values = &item["properties"];
    assert_eq!((values["water_level_m"].as_f64(), values["water_level_m_quality"].as_u64()), (Some(3.25), Some(0)));
    assert!(values["water_level_m_at"].as_str().unwrap().ends_with('Z') && values["class"] == "river_level");
    assert_eq!(strip(link(&item, "self").unwrap()), format!("/ogc/collections/devices/items/{RIVER}"));
}

#[test]
fn what_is_personal_stays_inside() {
    let fixture = start();
    for device in [SMOKE, CARE, METER] {
        report(&fixture, device, 1.0, 0);
    }
    assert_eq!(fixture.get("/api/alarms")["alarms"].as_array().unwrap().len(), 2);
    let devices = fixture.get("/ogc/collections/devices/items");
    assert_eq!(ids(&devices), [u64::from(SMOKE), u64::from(METER), u64::from(RIVER)]);
    assert_eq!(devices["features"][0]["properties"]["smoke"], 1.0);
    assert!(devices["features"][1]["properties"].get("water_m3").is_none());
    refusal(&fixture, &format!("/ogc/collections/devices/items/{CARE}"), 404);
    let alarms = fixture.get("/ogc/collections/alarms/items");
    assert_eq!(
        (alarms["numberMatched"].as_u64(), &alarms["features"][0]["properties"]["entity"]),
        (Some(1), &json!(SMOKE))
    );
    let household = fixture.get("/ogc/collections/households/items");
    assert!(!household.to_string().contains("张三") && household["features"][0]["properties"]["storey"] == 1.0);
    let building = fixture.get("/ogc/collections/buildings/items");
    let properties = &building["features"][0]["properties"];
    assert!(!building.to_string().contains("13800000000"));
    assert_eq!((properties["kind"].as_str(), properties["attr_kind"].as_str()), (Some("building"), Some("板楼")));
    let ring = building["features"][0]["geometry"]["coordinates"][0].as_array().unwrap();
    assert_eq!((ring.len(), &ring[0]), (5, &ring[4]));
    let new = json!({ "class": "环卫", "title": "垃圾", "description": "李四 13900000000", "entity": 1 });
    assert_eq!(fixture.post("/api/cases", &new).0, 201);
    let cases = fixture.get("/ogc/collections/cases/items?stage=reported");
    assert_eq!((cases["numberMatched"].as_u64(), cases.to_string().contains("李四")), (Some(1), false));
}

#[test]
fn pages_follow_each_other_and_hold_everything_once() {
    let fixture = start();
    let mut path = "/ogc/collections/trees/items?limit=60".to_owned();
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let page = fixture.get(&path);
        assert_eq!(page["numberMatched"].as_u64(), Some(u64::from(TREES)));
        seen.extend(ids(&page));
        pages += 1;
        let Some(next) = link(&page, "next") else { break };
        path = next.strip_prefix(&format!("http://{}", fixture.http)).unwrap().to_owned();
    }
    assert_eq!((pages, seen.len(), seen.iter().collect::<BTreeSet<_>>().len()), (5, 250, 250));
    // The export of the whole kind, and a limit beyond any.
    for all in ["1000000", "99999999"] {
        assert_eq!(ids(&fixture.get(&format!("/ogc/collections/trees/items?limit={all}"))), seen);
    }
    let willows = fixture.get("/ogc/collections/trees/items?class=%E5%9E%82%E6%9F%B3&limit=7");
    assert_eq!((willows["numberMatched"].as_u64(), ids(&willows).len()), (Some(50), 7));
    assert!(link(&willows, "next").unwrap().contains("class=%E5%9E%82%E6%9F%B3"));
    assert_eq!(ids(&fixture.get("/ogc/collections/trees/items?code=c9")), [9]);
    assert_eq!(ids(&fixture.get("/ogc/collections/trees/items?offset=249")), [257]);
    assert_eq!(ids(&fixture.get("/ogc/collections/trees/items?offset=250")), [0; 0]);
}

#[test]
fn boxes_and_times_choose() {
    let fixture = start();
    let bbox = |x0: f64, y0: f64, x1: f64, y1: f64| {
        let (a, b) = (frame().geodetic_from_enu([x0, y0, 0.0]), frame().geodetic_from_enu([x1, y1, 0.0]));
        format!("bbox={},{},{},{}", a.lon_deg, a.lat_deg, b.lon_deg, b.lat_deg)
    };
    let count = |what: &str, query: &str| {
        fixture.get(&format!("/ogc/collections/{what}/items?{query}"))["numberMatched"].as_u64().unwrap()
    };
    assert_eq!(count("trees", &bbox(9.5, -510.0, 19.5, -490.0)), 10);
    assert_eq!(count("buildings", &bbox(5.0, 5.0, 6.0, 6.0)), 1);
    // The box of the slanted road is met, the road is not.
    assert_eq!(count("roads", &bbox(200.0, 110.0, 290.0, 200.0)), 0);
    assert_eq!(count("roads", &bbox(100.0, 190.0, 110.0, 220.0)), 1);
    report(&fixture, SMOKE, 1.0, 3600);
    report(&fixture, SMOKE, 0.0, 1800);
    let alarm = &fixture.get("/api/alarms")["alarms"][0]["id"];
    let (status, _) = fixture.post(&format!("/api/alarms/{alarm}/ack"), &json!({}));
    let time = |ago_s: i64| {
        let text = now().plus_secs(-(ago_s as f64)).datetime_china().replace(' ', "T");
        format!("{text}%2B08:00")
    };
    assert_eq!((status, count("alarms", "severity=critical&state=normal")), (200, 1));
    assert_eq!(count("alarms", &format!("datetime={}/..", time(5400))), 1);
    assert_eq!(count("alarms", &format!("datetime={}", time(3000))), 1);
    assert_eq!(count("alarms", &format!("datetime=../{}", time(5400))), 0);
    assert_eq!(count("devices", "datetime=2020-01-01T00:00:00Z"), 3);
}

#[test]
fn what_is_asked_wrongly_is_said_in_one_line() {
    let fixture = start();
    let items = |query: &str| format!("/ogc/collections/trees/items?{query}");
    for (query, words) in [
        ("limit=0", "limit = \"0\": must be a whole number 1..1000000"),
        ("limit=many", "limit = \"many\""),
        ("offset=-1", "offset = \"-1\""),
        ("bbox=1,2,3", "bbox = \"1,2,3\": must be west,south,east,north"),
        ("datetime=yesterday", "datetime = \"yesterday\": must be a time"),
        ("colour=red", "parameter \"colour\" = \"red\": known here: f, bbox"),
        ("f=html", "f = \"html\": must be json"),
    ] {
        let line = refusal(&fixture, &items(query), 400);
        assert!(line.contains(words) && !line.contains('\n'), "{query}: {line}");
    }
    assert!(refusal(&fixture, "/ogc/castles/1/2", 404).contains("/ogc"));
    assert!(refusal(&fixture, "/ogc/collections/castles", 404).contains("castles"));
    assert!(refusal(&fixture, "/ogc/collections/castles/items", 404).contains("castles"));
    assert!(refusal(&fixture, "/ogc/collections/trees/items/oak", 404).contains("oak"));
    // A tree is no road.
    refusal(&fixture, "/ogc/collections/roads/items/9", 404);
}
