//! S7 from outside: two grid chiefs over every route that can be read; nothing of the other's grid appears anywhere, and
//! what is hidden answers as what does not exist.

use crate::access_town::{A, B, Half, Raw, THINGS, Town, photo};
use crate::fixture::wait_until;
use serde_json::{Value, json};

/// Words and numbers of a half in a text: names, codes, topics, and entity ids that stand alone.
pub fn leaks(text: &str, half: Half) -> Vec<String> {
    let mut found: Vec<String> = [half.mark, &format!("{}-", half.letter), &format!("/{}/", half.letter)]
        .into_iter()
        .filter(|word| text.contains(*word))
        .map(str::to_owned)
        .collect();
    let numbers = text.split(|c: char| !c.is_ascii_digit() && c != '.');
    let own = half.first..half.first + THINGS;
    found.extend(numbers.filter(|n| n.parse::<u32>().is_ok_and(|n| own.contains(&n))).map(str::to_owned));
    found
}

/// Every address that can be read and needs no number: from the document, with the options that widen answers.
fn addresses(town: &Town, token: &str) -> Vec<String> {
    let document = town.get(token, "/openapi.json").json();
    let paths = document["paths"].as_object().unwrap();
    let plain = paths.iter().filter(|(p, ops)| ops.get("get").is_some() && !p.contains('{') && *p != "/ws");
    let mut all: Vec<String> = plain.map(|(p, _)| p.clone()).filter(|p| p != "/api/search").collect();
    assert!(all.len() >= 20, "{all:?}");
    for collection in [
        "communities",
        "grids",
        "estates",
        "buildings",
        "households",
        "devices",
        "cameras",
        "trees",
        "landcover",
        "alarms",
        "cases",
    ] {
        all.push(format!("/ogc/collections/{collection}"));
        all.push(format!("/ogc/collections/{collection}/items?limit=10000"));
    }
    for set in ["Things", "Locations", "Datastreams", "Sensors", "ObservedProperties", "FeaturesOfInterest"] {
        all.push(format!("/sta/v1.1/{set}?$count=true"));
    }
    for expanded in [
        "Things?$expand=Datastreams,Locations",
        "Datastreams?$expand=Thing,Sensor,ObservedProperty,Observations",
        "Sensors?$expand=Datastreams",
        "ObservedProperties?$expand=Datastreams",
    ] {
        all.push(format!("/sta/v1.1/{expanded}"));
    }
    for query in [
        "entities?limit=5000",
        "entities?limit=5000&kind=device",
        "entities?kind=camera",
        "entities?q=烟感",
        "entities?parent=0",
        "search?q=烟感&limit=200",
        "search?q=网格",
        "search?q=楼",
        "state?property=smoke",
        "alarms?open=true",
        "cases?open=true",
        "cases/queue?order=age&limit=1",
        "cases/queue?within=0",
        "cases/figures?by=grid",
        "cases/figures?by=class",
        "cases/figures?by=department",
        "cases/export.csv?open=true",
    ] {
        all.push(format!("/api/{query}"));
    }
    for file in [
        "community.json",
        "bindings.csv",
        "devices.csv",
        "cameras.csv",
        "device_types.toml",
        "graph.json",
        "report.json",
        "stranger.txt",
        "properties/4003.json",
        "properties/5003.json",
        "entities.fgb",
    ] {
        all.push(format!("/pack/{file}"));
    }
    for what in ["services", "requests", "discovery"] {
        all.extend(["json", "xml"].map(|format| format!("/open311/v2/{what}.{format}")));
    }
    all.extend(["/runs/1/run.json", "/runs/1/live.json", "/runs/1/scenario.toml"].map(str::to_owned));
    all
}

/// SHA-256 of the photograph of a half's case; of nothing for anybody else.
fn photo_of(half: Half) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(photo(half)).iter().map(|b| format!("{b:02x}")).collect()
}

/// Addresses of one thing, by its number and by its words.
fn about(half: Half, (case, alarm, stream): (u64, u64, u64)) -> Vec<String> {
    let (station, grid) = (half.station(), half.grid());
    vec![
        format!("/api/entities/{station}"),
        format!("/api/entities/{grid}"),
        format!("/api/entities?parent={grid}"),
        format!("/api/state?entity={station}"),
        format!("/api/history/{station}/level_m"),
        format!("/api/history/{station}/smoke"),
        format!("/api/cases/{case}"),
        format!("/api/cases/{case}/proposals"),
        format!("/api/cases/{case}/similar"),
        format!("/api/cases/{case}/photos/{}", photo_of(half)),
        format!("/api/cases/queue?within={grid}"),
        format!("/api/cases/figures?by=grid&within={grid}"),
        format!("/open311/v2/requests/{case}.json"),
        format!("/open311/v2/requests/{case}.xml"),
        format!("/open311/v2/requests.json?service_request_id={case}"),
        format!("/open311/v2/tokens/{case}.json"),
        format!("/api/search?q={}烟感", half.mark),
        format!("/ogc/collections/devices/items/{station}"),
        format!("/ogc/collections/devices/items?code={}-4", half.letter),
        format!("/ogc/collections/devices/items?parent={}", half.household()),
        format!("/ogc/collections/cases/items/{case}"),
        format!("/ogc/collections/cases/items?grid={grid}"),
        format!("/ogc/collections/alarms/items/{alarm}"),
        format!("/ogc/collections/alarms/items?entity={station}"),
        format!("/cap/alerts/{alarm}"),
        format!("/sta/v1.1/Things({station})"),
        format!("/sta/v1.1/Things({station})/Datastreams"),
        format!("/sta/v1.1/Locations({station})"),
        format!("/sta/v1.1/Datastreams({stream})"),
        format!("/sta/v1.1/Datastreams({stream})/Observations"),
        format!("/sta/v1.1/FeaturesOfInterest({station})"),
    ]
}

/// The same addresses with numbers and words that nobody has.
fn about_nothing() -> Vec<String> {
    let nowhere = Half { mark: "丙", letter: "qc", first: 60_001, ..A };
    about(nowhere, (777, 888, 60_005 << 16))
}

fn without_echo(raw: &Raw, address: &str) -> (u16, String) {
    // What was asked for is repeated in one-line errors and in links.
    // Numbers of the XML declaration are no echo.
    let mut text = raw.text.split_once("?>").map_or(raw.text.as_str(), |(_, xml)| xml).to_owned();
    // The ending of Open311's addresses is no part of what was asked for.
    let address = address.replace(".json", "/").replace(".xml", "/");
    for part in
        address.split(['/', '?', '=', '(', ')', '&']).filter(|p| p.chars().any(|c| c.is_ascii_digit()) || !p.is_ascii())
    {
        text = text.replace(part, "…");
    }
    let mut value: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
    if let Some(object) = value.as_object_mut() {
        for volatile in ["timeStamp", "now", "seq", "links"] {
            object.remove(volatile);
        }
    }
    (raw.status, value.to_string())
}

#[test]
fn two_chiefs_see_nothing_of_each_other() {
    let town = Town::start();
    let (case_a, case_b) = town.liven();
    let duty = town.log_in("duty");
    let alarms = town.get(&duty, "/api/alarms").json();
    let alarm_of = |half: Half| {
        let mut all = alarms["alarms"].as_array().unwrap().iter();
        all.find(|a| a["entity"] == half.station()).unwrap()["id"].as_u64().unwrap()
    };
    let stream_of = |half: Half| {
        let streams = town.get(&duty, &format!("/sta/v1.1/Things({})/Datastreams", half.station())).json();
        streams["value"][0]["@iot.id"].as_u64().unwrap()
    };
    let (of_a, of_b) = ((case_a, alarm_of(A), stream_of(A)), (case_b, alarm_of(B), stream_of(B)));
    assert_eq!(alarms["alarms"].as_array().unwrap().len(), 4);
    let mut read = 0;
    for (login, own, other) in [("chief-a", (A, of_a), (B, of_b)), ("chief-b", (B, of_b), (A, of_a))] {
        let token = town.log_in(login);
        let mut seen_own = 0;
        for address in addresses(&town, &token) {
            let raw = town.get(&token, &address);
            let allowed = [200, 403, 404, 400, 501];
            assert!(allowed.contains(&raw.status), "{login} {address}: {} {}", raw.status, raw.text);
            let found = leaks(&raw.text, other.0);
            assert!(found.is_empty(), "{login} {address} shows {found:?}: {}", raw.text);
            seen_own += usize::from(!leaks(&raw.text, own.0).is_empty());
            read += 1;
        }
        assert!(seen_own > 20, "{login} sees too little of their own: {seen_own}");
        let of_own = about(own.0, own.1);
        for (address, nothing) in about(other.0, other.1).into_iter().zip(about_nothing()) {
            let (hidden, absent) = (town.get(&token, &address), town.get(&token, &nothing));
            assert_eq!(without_echo(&hidden, &address), without_echo(&absent, &nothing), "{login} {address}");
            read += 1;
        }
        for address in of_own {
            let raw = town.get(&token, &address);
            assert_eq!(raw.status, 200, "{login} {address}: {}", raw.text);
        }
    }
    println!("{read} answers read");
}

#[test]
fn counts_are_those_of_the_own_grid() {
    let town = Town::start();
    town.liven();
    let (chief, worker, viewer, duty) =
        (town.log_in("chief-a"), town.log_in("worker-a"), town.log_in("viewer"), town.log_in("duty"));
    let community = town.get(&chief, "/api/community").json();
    assert_eq!(
        community["counts"],
        json!({ "grid": 1, "estate": 1, "building": 1, "household": 1, "device": 2, "camera": 1, "tree": 1 })
    );
    assert_eq!(community["manifest"]["entities"], 8);
    // The smoke detector alone has series that are not a person's: level is watched by no rule, care and meter are masked.
    assert_eq!((community["open_alarms"].as_u64(), community["open_cases"].as_u64()), (Some(1), Some(1)));
    assert_eq!(town.get(&chief, "/api/entities?limit=1").json()["total"], 8);
    assert_eq!(town.get(&chief, "/api/cameras").json()["cameras"].as_array().unwrap().len(), 1);
    assert_eq!(town.get(&worker, "/api/cameras").status, 403);
    assert_eq!(town.get(&worker, &format!("/api/entities/{}", A.camera())).status, 404, "no cameras for workers");
    for (token, path) in
        [(&chief, "/api/dead_letters"), (&chief, "/metrics"), (&viewer, "/api/dead_letters"), (&viewer, "/api/runs")]
    {
        assert_eq!(town.get(token, path).status, 403, "{path}");
    }
    assert_eq!(town.get(&chief, "/api/runs").json(), json!({ "runs": [] }), "a flood is about the whole community");
    assert_eq!(town.get(&duty, "/api/runs").json()["runs"].as_array().unwrap().len(), 1);
    assert_eq!(town.get(&duty, "/api/dead_letters").json()["total"], 1);
    // The entity table has empty rows where nothing is, and ends with what is there.
    let table = town.get(&chief, "/pack/entities.fgb");
    assert!(table.status == 200 && table.text.contains("甲烟感") && !table.text.contains("某"));
}

#[test]
fn what_is_personal_is_masked_until_it_is_granted() {
    let town = Town::start();
    let (case, _) = town.liven();
    let (chief, viewer, duty) = (town.log_in("chief-a"), town.log_in("viewer"), town.log_in("duty"));
    let household = format!("/api/entities/{}", A.household());
    let shown = town.get(&chief, &household).json();
    assert_eq!(shown["entity"]["attributes"], json!({ "storey": 3.0 }));
    let all = town.get(&duty, &household).json();
    assert_eq!(
        (all["entity"]["attributes"]["户主"].as_str(), &all["entity"]["attributes"]["need_assistance"]),
        (Some("甲某"), &json!(true))
    );
    for (path, of_chief, of_duty) in [
        (format!("/api/entities/{}", A.care()), 404, 200),
        (format!("/ogc/collections/devices/items/{}", A.care()), 404, 404),
        (format!("/api/entities/{}", A.meter()), 200, 200),
    ] {
        assert_eq!((town.get(&chief, &path).status, town.get(&duty, &path).status), (of_chief, of_duty), "{path}");
    }
    let points = |token: &str| {
        let path = format!("/api/history/{}/level_m", A.meter());
        town.get(token, &path).json()["points"].as_array().unwrap().len()
    };
    assert_eq!((points(&chief), points(&duty)), (0, 1), "the meter tells when somebody is at home");
    // Free text in which people are named: for who works on cases.
    let path = format!("/api/cases/{case}");
    assert_eq!(town.get(&chief, &path).json()["description"], "甲某报");
    assert_eq!(town.get(&viewer, &path).json()["description"], "");
    // Granted, it is there within a second; masked again when the grant goes.
    let personal =
        crate::access_town::all_fields(crate::access_town::grant(access::Role::GridChief, "420199001001001"));
    let plain = crate::access_town::grant(access::Role::GridChief, "420199001001001");
    town.admin().change("chief-a", &sync_server::AccountChange::Grants(vec![personal])).unwrap();
    wait_until("granted", || town.get(&chief, &household).text.contains("甲某"));
    town.admin().change("chief-a", &sync_server::AccountChange::Grants(vec![plain])).unwrap();
    wait_until("masked again", || !town.get(&chief, &household).text.contains("甲某"));
}

#[test]
fn who_does_what_goes_into_the_log_and_rights_decide() {
    let town = Town::start();
    let (case_a, case_b) = town.liven();
    let (chief, worker, viewer, duty) =
        (town.log_in("chief-a"), town.log_in("worker-a"), town.log_in("viewer"), town.log_in("duty"));
    let more = json!({ "class": "设施", "title": "又一处", "p_enu": [40.0, 50.0, 0.0] });
    let case_c = town.post(&chief, "/api/cases", &more).json()["id"].as_u64().unwrap();
    let alarms = town.get(&duty, "/api/alarms").json();
    let mut list = alarms["alarms"].as_array().unwrap().iter();
    let of_b = list.find(|a| a["entity"] == B.station()).unwrap()["id"].as_u64().unwrap();
    let of_a = town.get(&chief, "/api/alarms").json()["alarms"][0]["id"].as_u64().unwrap();
    let ack = |token: &str, id: u64| town.post(token, &format!("/api/alarms/{id}/ack"), &json!({}));
    let (hidden, absent) = (ack(&chief, of_b), ack(&chief, 999));
    assert_eq!((hidden.status, absent.status), (404, 404));
    assert_eq!(hidden.text.replace(&of_b.to_string(), "999"), absent.text);
    assert_eq!((ack(&viewer, of_a).status, ack(&worker, of_a).status), (403, 200));
    let step = |token: &str, case: u64, action: &str| {
        town.post(token, &format!("/api/cases/{case}/move"), &json!({ "action": action })).status
    };
    assert_eq!((step(&worker, case_b, "advance"), step(&chief, case_b, "start")), (404, 404));
    assert_eq!((step(&worker, case_a, "register"), step(&viewer, case_a, "register")), (403, 403));
    assert_eq!((step(&worker, case_a, "advance"), step(&chief, case_a, "advance")), (403, 200), "registered");
    let dispatch = json!({ "action": { "dispatch": { "department": 1 } } });
    let dispatched = |token: &str| town.post(token, &format!("/api/cases/{case_a}/move"), &dispatch).status;
    assert_eq!((dispatched(&worker), dispatched(&chief)), (403, 200));
    let ask = json!({ "action": { "request_extension": { "work_min": 60 } } });
    assert_eq!(town.post(&worker, &format!("/api/cases/{case_a}/move"), &ask).status, 200);
    assert_eq!((step(&worker, case_a, "grant_extension"), step(&chief, case_a, "grant_extension")), (403, 200));
    assert_eq!((step(&worker, case_a, "suspend"), step(&worker, case_a, "start")), (403, 200));
    let allowed = |token: &str| town.get(token, &format!("/api/cases/{case_a}")).json()["allowed"].clone();
    assert_eq!(allowed(&worker), json!(["advance", "return", "feedback", "request_extension"]), "what is theirs to do");
    assert_eq!(
        (step(&worker, case_a, "feedback"), step(&worker, case_a, "advance")),
        (200, 403),
        "not their own judge"
    );
    assert_eq!((step(&worker, case_a, "cancel"), step(&chief, case_a, "close")), (403, 200));
    let merge = |of: u64| {
        let action = json!({ "action": { "mark_duplicate": { "of": of } } });
        town.post(&chief, &format!("/api/cases/{case_c}/move"), &action)
    };
    let (hidden, absent) = (merge(case_b), merge(999));
    assert_eq!((hidden.status, hidden.text.replace(&format!("of = {case_b}"), "of = 999")), (422, absent.text));
    let report = |token: &str, more: Value| {
        let mut body = json!({ "class": "设施", "title": "井盖" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        town.post(token, "/api/cases", &body)
    };
    let (hidden, absent) =
        (report(&worker, json!({ "entity": B.station() })), report(&worker, json!({ "entity": 60_000 })));
    assert_eq!((hidden.status, hidden.text.replace(&B.station().to_string(), "60000")), (absent.status, absent.text));
    let bad = |entity: u32| report(&worker, json!({ "entity": entity, "title": "" }));
    assert_eq!(bad(B.station()), bad(60_000), "in the same order, too");
    assert_eq!(report(&worker, json!({ "p_enu": [150.0, 50.0, 0.0] })).status, 403);
    assert_eq!(report(&worker, json!({ "p_enu": [50.0, 50.0, 0.0] })).status, 201);
    assert_eq!(report(&viewer, json!({ "p_enu": [50.0, 50.0, 0.0] })).status, 403);
    let run = json!({ "name": "x", "duration_s": 60.0, "frame_interval_s": 30.0, "cell_m": 2.0, "interventions": [] });
    assert_eq!(town.post(&chief, "/api/runs", &run).status, 403);
    let records: Vec<(String, Option<u64>)> = log_events(&town);
    let by = |kind: &str| records.iter().filter(|(k, _)| k == kind).map(|(_, by)| *by).collect::<Vec<_>>();
    // Accounts in the order in which they were made: duty 1, chief-a 2, chief-b 3, worker-a 4.
    assert_eq!(by("alarm_ack"), [Some(4)]);
    let chief_and_worker = [2, 2, 4, 2, 4, 4, 2].map(Some);
    assert_eq!(by("case_moved"), chief_and_worker);
    assert_eq!(by("case_created"), [Some(1), Some(1), Some(2), Some(4)]);
    assert_eq!(by("run_created"), [Some(1)]);
}

/// Kind and account of the events of the log, read from the database itself.
pub fn log_events(town: &Town) -> Vec<(String, Option<u64>)> {
    let folder = std::fs::read_dir(town.fixture.data()).unwrap().map(|e| e.unwrap().path().join("twin.db"));
    let path = folder.into_iter().find(|p| p.is_file()).unwrap();
    let db = rusqlite::Connection::open(path).unwrap();
    let mut select = db.prepare("SELECT kind, blob FROM log WHERE kind <> 'observations' ORDER BY seq").unwrap();
    let rows = select.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, Vec<u8>>(1)?))).unwrap();
    rows.map(|row| {
        let (kind, blob) = row.unwrap();
        let event: Value = serde_json::from_slice(&blob[2..]).unwrap();
        // A report is the first event of its case.
        let by = match kind.as_str() {
            "case_created" => &event["case"]["events"][0]["by"],
            "command_issued" => &event["command"]["by"],
            _ => &event["by"],
        };
        (kind, by.as_u64())
    })
    .collect()
}

#[test]
fn counts_of_cases_are_those_of_the_own_grid() {
    let town = Town::start();
    let (case_a, case_b) = town.liven();
    let (chief, duty, viewer) = (town.log_in("chief-a"), town.log_in("duty"), town.log_in("viewer"));
    for (token, open, reported) in [(&chief, 1, 1), (&duty, 2, 2)] {
        let list = town.get(token, "/api/cases").json();
        assert_eq!((list["open"].as_u64(), list["cases"].as_array().unwrap().len() as u64), (Some(open), open));
        let queue = town.get(token, "/api/cases/queue?order=age&limit=1").json();
        assert_eq!((queue["open"].as_u64(), queue["next"].is_null()), (Some(open), open == 1), "{queue}");
        let figures = town.get(token, "/api/cases/figures").json();
        assert_eq!(figures["rows"][0]["counts"]["reported"].as_u64(), Some(reported));
        assert_eq!(town.get(token, "/api/cases/export.csv").text.lines().count() as u64, open + 1);
        let requests = town.get(token, "/open311/v2/requests.json").json();
        assert_eq!(requests.as_array().unwrap().len() as u64, open);
    }
    // The load of a department elsewhere is not told.
    for (case, token) in [(case_a, &chief), (case_b, &duty)] {
        let at = format!("/api/cases/{case}/move");
        assert_eq!(town.post(token, &at, &json!({ "action": "register" })).status, 200);
        let dispatch = json!({ "action": { "dispatch": { "department": 3 } } });
        assert_eq!(town.post(token, &at, &dispatch).status, 200);
    }
    let third = json!({ "class": "e201", "title": "路面", "p_enu": [50.0, 50.0, 0.0] });
    let id = town.post(&chief, "/api/cases", &third).json()["id"].as_u64().unwrap();
    let loads = |token: &str| -> Vec<u64> {
        let told = town.get(token, &format!("/api/cases/{id}/proposals")).json();
        let reasons =
            told["proposals"].as_array().unwrap().iter().flat_map(|p| p["reasons"].as_array().unwrap().clone());
        reasons.filter(|r| r["why"] == "load").map(|r| r["open"].as_u64().unwrap()).collect()
    };
    let (of_chief, of_duty) = (loads(&chief), loads(&duty));
    assert!(!of_duty.is_empty() && of_chief.iter().sum::<u64>() <= 1 && of_duty.iter().sum::<u64>() <= 2);
    // People are on photographs: who does not see notes sees none.
    let photo = format!("/api/cases/{case_a}/photos/{}", photo_of(A));
    assert_eq!((town.get(&chief, &photo).status, town.get(&viewer, &photo).status), (200, 404));
    assert!(town.get(&viewer, &format!("/api/cases/{case_a}")).json().get("photos").is_none());
    assert_eq!(town.get(&viewer, &format!("/api/cases/{case_a}/proposals")).status, 403);
    let import = json!({ "cases": [] });
    assert_eq!(town.post(&chief, "/api/cases/import", &import).status, 403, "other systems' cases lie anywhere");
    assert_eq!(town.post(&duty, "/api/cases/import", &import).status, 400);
}

#[test]
fn open311_takes_reports_of_tokens_alone() {
    let town = Town::start();
    let token = town.admin().create_token("worker-a", "form of the district", 1).unwrap().to_text();
    wait_until("token is taken up", || town.get(&token, "/api/me").status == 200);
    let session = town.log_in("worker-a");
    let form = |entity: u32| format!("service_code=e201&address_id={entity}&description=x");
    let send = |form: String, headers: &[(&str, &str)], query: &str| {
        let url = format!("http://{}/open311/v2/requests.json{query}", town.fixture.http);
        let mut request = ehttp::Request::post(url, form.into_bytes());
        request.headers = ehttp::Headers::new(&[("Content-Type", "application/x-www-form-urlencoded")]);
        for (name, value) in headers {
            request = request.with_header(*name, *value);
        }
        let answer = ehttp::fetch_blocking(&request).unwrap();
        (answer.status, answer.text().unwrap().to_owned())
    };
    let own = form(A.station());
    let (bearer, person) = (format!("Bearer {token}"), format!("Bearer {session}"));
    assert_eq!(send(own.clone(), &[], "").0, 401);
    assert_eq!(send(own.clone(), &[("Authorization", &person)], "").0, 403, "a person's session");
    assert_eq!(send(own.clone(), &[("Cookie", &format!("sandtable_session={session}"))], "").0, 403);
    assert_eq!(send(format!("{own}&api_key={session}"), &[], "").0, 401);
    assert_eq!(send(own.clone(), &[], &format!("?api_key={token}")).0, 401, "never from an address");
    assert_eq!(send(own.clone(), &[("Authorization", &bearer)], "").0, 200);
    let (status, made) = send(format!("{own}&api_key={token}"), &[], "");
    assert_eq!(status, 200, "{made}");
    let with_key = |entity: u32| send(format!("{}&api_key={token}", form(entity)), &[], "");
    let (hidden, absent) = (with_key(B.station()), with_key(60_000));
    assert_eq!((hidden.0, hidden.1.replace(&B.station().to_string(), "60000")), (absent.0, absent.1));
    let created = log_events(&town).into_iter().filter(|(kind, _)| kind == "case_created");
    assert_eq!(created.map(|(_, by)| by).collect::<Vec<_>>(), [Some(4), Some(4)]);
}
