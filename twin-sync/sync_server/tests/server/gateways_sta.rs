//! SensorThings reading.

use crate::fixture::{Fixture, now};
use crate::gateways::{CARE, METER, RIVER, SMOKE, refusal, report, start};
use serde_json::Value;
use twin_model::TimeMs;

fn get(fixture: &Fixture, path: &str) -> Value {
    fixture.get(&format!("/sta/v1.1{path}"))
}

fn ids(page: &Value) -> Vec<u64> {
    page["value"].as_array().unwrap().iter().map(|v| v["@iot.id"].as_u64().unwrap()).collect()
}

fn results(page: &Value) -> Vec<f64> {
    page["value"].as_array().unwrap().iter().map(|v| v["result"].as_f64().unwrap()).collect()
}

/// Address within the service of an absolute link.
fn within<'a>(fixture: &Fixture, link: &'a Value) -> &'a str {
    link.as_str().unwrap().strip_prefix(&format!("http://{}/sta/v1.1", fixture.http)).unwrap()
}

#[test]
fn things_lead_to_what_they_measure() {
    let fixture = start();
    let root = get(&fixture, "");
    let sets: Vec<&str> = root["value"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert!(sets.contains(&"Things") && sets.contains(&"Observations") && sets.len() == 7);
    // The call for care is personal, and so is what a household's meter says.
    let things = get(&fixture, "/Things?$count=true");
    assert_eq!((ids(&things), things["@iot.count"].as_u64()), (vec![u64::from(SMOKE), u64::from(RIVER)], Some(2)));
    for hidden in [CARE, METER] {
        refusal(&fixture, &format!("/sta/v1.1/Things({hidden})"), 404);
        refusal(&fixture, &format!("/sta/v1.1/Datastreams({})", u64::from(hidden) << 16), 404);
    }
    let thing = get(&fixture, &format!("/Things({RIVER})?$expand=Datastreams,Locations"));
    assert_eq!(thing["Locations"][0]["location"]["type"], "Point");
    let stream = &thing["Datastreams"][0];
    assert_eq!(stream["unitOfMeasurement"]["symbol"], "m");
    // Every link of every entity leads somewhere.
    for (link, key) in
        [("Thing", "@iot.id"), ("Sensor", "@iot.id"), ("ObservedProperty", "@iot.id"), ("Observations", "value")]
    {
        let answer = get(&fixture, within(&fixture, &stream[format!("{link}@iot.navigationLink")]));
        assert!(!answer[key].is_null(), "{link}: {answer}");
    }
    let sensor = get(&fixture, within(&fixture, &stream["Sensor@iot.navigationLink"]));
    assert_eq!((sensor["name"].as_str(), sensor["description"].as_str()), (Some("river_level"), Some("水位计")));
    let back = get(&fixture, within(&fixture, &sensor["Datastreams@iot.navigationLink"]));
    assert_eq!(ids(&back), [stream["@iot.id"].as_u64().unwrap()]);
    for set in ["Locations", "Datastreams", "FeaturesOfInterest", "Sensors", "ObservedProperties"] {
        let first = get(&fixture, &format!("/{set}?$top=1&$skip=1"));
        let link = within(&fixture, &first["value"][0]["@iot.selfLink"]).to_owned();
        assert_eq!(get(&fixture, &link)["@iot.selfLink"], first["value"][0]["@iot.selfLink"]);
    }
}

#[test]
fn observations_are_ordered_chosen_and_paged() {
    let fixture = start();
    // Out of order: what counts is when it was measured.
    for (value, age_s) in [(3.0, 300), (1.0, 500), (2.0, 400), (4.0, 200), (5.0, 100)] {
        report(&fixture, RIVER, value, age_s);
    }
    let streams = get(&fixture, &format!("/Things({RIVER})/Datastreams"));
    let here = format!("/Datastreams({})/Observations", ids(&streams)[0]);
    let ask = |query: &str| get(&fixture, &format!("{here}?{query}"));
    assert_eq!(results(&ask("$orderby=phenomenonTime")), [1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(results(&ask("$orderby=phenomenonTime%20desc&$top=2")), [5.0, 4.0]);
    let page = ask("$top=2&$skip=1&$count=true");
    assert_eq!((results(&page), page["@iot.count"].as_u64()), (vec![2.0, 3.0], Some(5)));
    let next = get(&fixture, within(&fixture, &page["@iot.nextLink"]));
    assert_eq!((results(&next), next["@iot.nextLink"].is_null()), (vec![4.0, 5.0], true));
    let time = |ago_s: f64| {
        let TimeMs(ms) = now().plus_secs(-ago_s);
        format!("{}%2B08:00", TimeMs(ms).datetime_china().replace(' ', "T"))
    };
    let span = format!("$filter=phenomenonTime%20ge%20{}%20and%20phenomenonTime%20le%20{}", time(450.0), time(250.0));
    assert_eq!(results(&ask(&span)), [2.0, 3.0]);
    assert_eq!(ask(&format!("{span}&$count=true&$top=0"))["@iot.count"], 2);
    // One observation by its own link, and the way back.
    let one = &ask("$top=1")["value"][0];
    let again = get(&fixture, within(&fixture, &one["@iot.selfLink"]));
    assert_eq!((&again["result"], &again["phenomenonTime"]), (&one["result"], &one["phenomenonTime"]));
    let stream = get(&fixture, within(&fixture, &one["Datastream@iot.navigationLink"]));
    assert_eq!(stream["@iot.id"], ids(&streams)[0]);
    let feature = get(&fixture, within(&fixture, &one["FeatureOfInterest@iot.navigationLink"]));
    assert_eq!(feature["feature"]["type"], "Point");
    let expanded = get(&fixture, &format!("/Datastreams({})?$expand=Observations,Thing", ids(&streams)[0]));
    assert_eq!(
        (expanded["Observations"][0]["result"].as_f64(), expanded["Thing"]["@iot.id"].as_u64()),
        (Some(5.0), Some(u64::from(RIVER)))
    );
}

#[test]
fn what_is_not_possible_is_said_in_one_line() {
    let fixture = start();
    for (path, status, words) in [
        ("/Observations", 501, "Datastreams(ID)/Observations"),
        ("/Castles", 404, "Castles"),
        ("/Things(999999)", 404, "Things(999999)"),
        ("/Things(x)", 404, "Things(x)"),
        ("/Things(6)/Sensor", 404, "Things(6)/Sensor"),
        ("/Things(6)/Datastreams(1)/Thing", 404, "Set(id)/Name"),
        ("/Things?$select=name", 400, "$select"),
        ("/Things?$top=-1", 400, "$top = \"-1\": must be a whole number 0..1000"),
        ("/Things?$expand=Sensor", 400, "must be of [Datastreams, Locations]"),
        ("/Things?$filter=name%20eq%20'x'", 400, "only observations"),
        ("/Datastreams(393218)/Observations?$filter=result%20ge%203", 400, "phenomenonTime ge TIME"),
        ("/Datastreams(393218)/Observations?$orderby=result", 400, "must be phenomenonTime"),
        ("/Things?$count=yes", 400, "must be true or false"),
    ] {
        let line = refusal(&fixture, &format!("/sta/v1.1{path}"), status);
        assert!(line.contains(words), "{path}: {line}");
    }
}
