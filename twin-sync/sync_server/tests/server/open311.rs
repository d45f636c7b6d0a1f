//! Open311 GeoReport v2, both formats.

use crate::cases::fixture;
use crate::fixture::{Fixture, call};
use serde_json::{Value, json};

fn text(f: &Fixture, path: &str) -> (u16, String, String) {
    let answer = ehttp::fetch_blocking(&ehttp::Request::get(format!("http://{}{path}", f.http))).unwrap();
    let kind = answer.headers.get("content-type").unwrap_or("").to_owned();
    (answer.status, kind, answer.text().unwrap_or("").to_owned())
}

fn send(f: &Fixture, format: &str, form: &str) -> (u16, String) {
    let url = format!("http://{}/open311/v2/requests.{format}", f.http);
    let mut request = ehttp::Request::post(url, form.as_bytes().to_vec());
    request.headers = ehttp::Headers::new(&[("Content-Type", "application/x-www-form-urlencoded")]);
    let answer = ehttp::fetch_blocking(&request).unwrap();
    (answer.status, answer.text().unwrap_or("").to_owned())
}

#[test]
fn services_and_their_definitions() {
    let f = fixture();
    let list = f.get("/open311/v2/services.json");
    let one = list.as_array().unwrap().iter().find(|s| s["service_code"] == "e101").unwrap();
    assert_eq!((one["service_name"].as_str(), one["type"].as_str()), (Some("暴露垃圾"), Some("realtime")));
    let (status, kind, xml) = text(&f, "/open311/v2/services.xml?jurisdiction_id=probe");
    assert_eq!((status, kind.as_str()), (200, "text/xml; charset=utf-8"));
    assert!(xml.contains("<services><service><service_code>c101</service_code><service_name>井盖破损</service_name>"));
    let definition = f.get("/open311/v2/services/e101.json");
    assert_eq!(definition["attributes"][0]["code"], "component");
    assert!(text(&f, "/open311/v2/services/e101.xml").2.contains("<attributes><attribute><variable>true</variable>"));
    assert!(text(&f, "/open311/v2/discovery.xml").2.contains("<endpoints><endpoint><specification>"));
    for (path, status) in [
        ("services/zzz.json", 404),
        ("services.json?jurisdiction_id=elsewhere", 404),
        ("services", 404),
        ("planets.json", 404),
    ] {
        let (got, answer) = call(f.http, "GET", &format!("/open311/v2/{path}"), None);
        assert_eq!((got, answer[0]["code"].as_u64()), (status, Some(u64::from(status))), "{path}: {answer}");
    }
}

#[test]
fn a_report_comes_in_and_goes_out() {
    let f = fixture();
    let (status, answer) = send(
        &f,
        "json",
        "service_code=e201&lat=31.3009&long=120.701&description=%3Cb%3E%E7%A7%AF%E6%B0%B4\
        &email=a%40b.c&first_name=X&api_key=k&media_url=http%3A%2F%2F169.254.169.254%2F",
    );
    assert_eq!(status, 200, "{answer}");
    let id = serde_json::from_str::<Value>(&answer).unwrap()[0]["service_request_id"].as_str().unwrap().to_owned();
    let case = f.get(&format!("/api/cases/{id}"));
    assert_eq!((case["class"].as_str(), case["grid"].as_u64()), (Some("e201"), Some(1)));
    let p = &case["p_enu"];
    // A hundredth of a degree of longitude there is 952 m; 0.0009 degrees of latitude are 99.8 m.
    assert!((p[0].as_f64().unwrap() - 95.2).abs() < 0.2 && (p[1].as_f64().unwrap() - 99.8).abs() < 0.2, "{p}");
    assert!(!case.to_string().contains("a@b.c") && !case.to_string().contains("169.254"), "the reporter is not kept");
    f.post(&format!("/api/cases/{id}/move"), &json!({ "action": "register" }));
    f.post(&format!("/api/cases/{id}/move"), &json!({ "action": { "dispatch": { "department": 2 } } }));
    let shown = f.get(&format!("/open311/v2/requests/{id}.json"))[0].clone();
    assert_eq!((shown["status"].as_str(), shown["status_notes"].as_str()), (Some("open"), Some("派遣")));
    assert_eq!(
        (shown["service_name"].as_str(), shown["agency_responsible"].as_str()),
        (Some("路面积水"), Some("市政养护队"))
    );
    assert_eq!(shown["description"], "路面积水: <b>积水", "the beginning, as text");
    assert!(
        (shown["lat"].as_f64().unwrap() - 31.3009).abs() < 1e-8
            && (shown["long"].as_f64().unwrap() - 120.701).abs() < 1e-8
    );
    assert!(shown["expected_datetime"].as_str().unwrap().ends_with("+08:00"), "{shown}");
    let (_, _, xml) = text(&f, &format!("/open311/v2/requests/{id}.xml"));
    assert!(xml.contains("<description>路面积水: &lt;b&gt;积水</description>"), "{xml}");
    assert_eq!(f.get(&format!("/open311/v2/tokens/{id}.json"))[0]["service_request_id"], id.as_str());

    let (status, xml) = send(&f, "xml", "service_code=c101&attribute%5Bcomponent%5D=W-17&description=x");
    assert!(
        status == 200 && xml.contains("<service_requests><request><service_request_id>2</service_request_id>"),
        "{xml}"
    );
    assert_eq!(f.get("/api/cases/2")["entity"], 3);

    let count = |query: &str| f.get(&format!("/open311/v2/requests.json?{query}")).as_array().unwrap().len();
    assert_eq!((count(""), count("service_code=e201"), count("service_code=e201,c101")), (2, 1, 2));
    assert_eq!((count("status=closed"), count("status=open")), (0, 2));
    f.post("/api/cases/2/move", &json!({ "action": "reject" }));
    assert_eq!((count("status=closed"), count("status=open,closed")), (1, 2));
    assert_eq!(f.get("/open311/v2/requests/2.json")[0]["status_notes"], "不立案 no further action");
    assert_eq!((count("bbox=120.7009,31.30085,120.7011,31.301"), count("bbox=0,0,1,1")), (1, 0));
    assert_eq!((count("page_size=1"), count("page_size=1&page=2"), count("page_size=1&page=3")), (1, 1, 0));
    assert_eq!((count("service_request_id=1,99,2"), count("end_date=2020-01-01T00:00:00Z")), (2, 0));
    for (form, status, word) in [
        ("service_code=nope&lat=31.3&long=120.7", 404, "see services"),
        ("lat=31.3&long=120.7", 400, "service_code is missing"),
        ("service_code=e101", 400, "must be given"),
        ("service_code=e101&lat=31.3", 400, "must be given together"),
        ("service_code=e101&lat=95&long=120.7", 400, "lat = \"95\": must be degrees -90..90"),
        ("service_code=e101&lat=40.7&long=-74", 400, "p_enu"),
        ("service_code=e101&address_id=99", 400, "not in the community"),
    ] {
        let (got, answer) = send(&f, "json", form);
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(got == status && answer[0]["description"].as_str().unwrap().contains(word), "{form}: {got} {answer}");
    }
    for (query, word) in [
        ("status=lost", "must be open, closed"),
        ("start_date=yesterday", "must be a W3C date"),
        ("start_date=2026-01-01T00:00:00Z&end_date=2026-12-01T00:00:00Z", "at most 90 days apart"),
        ("page_size=1001", "must be 1..1000"),
        ("bbox=1,2,3", "west,south,east,north"),
    ] {
        let (status, answer) = call(f.http, "GET", &format!("/open311/v2/requests.json?{query}"), None);
        assert!(status == 400 && answer[0]["description"].as_str().unwrap().contains(word), "{query}: {answer}");
    }
}
