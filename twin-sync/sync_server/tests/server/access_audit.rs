//! S12: what was done is on the trace, and damage to it is found and named.

use crate::access_town::{A, PASSWORD, Town, send};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::path::Path;
use sync_server::AccessAdmin;

/// The events of a trace as text, each with its number.
fn told(admin: &AccessAdmin) -> Vec<(u64, String)> {
    admin.audit(0, 100_000).unwrap().into_iter().map(|r| (r.number, r.body)).collect()
}

/// What `audit verify` says of a copy of the folder after `damage`.
fn after(town: &Town, damage: impl Fn(&Connection)) -> String {
    let copy = tempfile::tempdir().unwrap();
    for name in ["access.db", "access.db-wal", "audit.key"] {
        let from = town.fixture.data().join(name);
        if from.is_file() {
            std::fs::copy(from, copy.path().join(name)).unwrap();
        }
    }
    let db = Connection::open(copy.path().join("access.db")).unwrap();
    // Whoever can write the file can also remove what forbids it.
    let guarded = db.execute("UPDATE audit SET body = '' WHERE number = 1", []).unwrap_err().to_string();
    assert!(guarded.contains("never changed"), "{guarded}");
    db.execute_batch("DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_deleted;").unwrap();
    damage(&db);
    drop(db);
    verify(copy.path())
}

fn verify(dir: &Path) -> String {
    match AccessAdmin::open(dir).unwrap().verify_audit(None) {
        Ok(summary) => format!("sound: {}", summary.records),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_trace_tells_what_was_done_and_damage_is_named() {
    let mut town = Town::start();
    let (case, _) = town.liven();
    let (chief, duty) = (town.log_in("chief-a"), town.log_in("duty"));
    let wrong = json!({ "login": "chief-b", "password": "not the right one" });
    assert_eq!(send(town.fixture.http, "POST", "/api/login", Some(&wrong), &[]).status, 401);
    assert_eq!(town.get(&chief, "/api/cameras").status, 200);
    assert_eq!(town.get(&duty, &format!("/api/entities/{}", A.household())).status, 200);
    assert_eq!(town.get(&chief, &format!("/api/entities/{}", A.household())).status, 200);
    let mut viewer = town.viewer(&duty);
    viewer.until("live view", |live| !live.is_empty());
    drop(viewer);
    let body = json!({ "action": "advance", "note": "到场" });
    assert_eq!(town.post(&chief, &format!("/api/cases/{case}/move"), &body).status, 200);
    assert_eq!(town.post(&chief, "/api/cases/999/move", &body).status, 404);
    assert_eq!(town.post(&chief, "/api/logout", &Value::Null).status, 200);
    town.fixture.stop();

    let admin = town.admin();
    let told = told(&admin);
    let number_of = |words: &[&str]| {
        let found = told.iter().find(|(_, t)| words.iter().all(|w| t.contains(w)));
        found.unwrap_or_else(|| panic!("no record with {words:?}: {told:#?}")).0
    };
    let moved = number_of(&["chief-a", &format!("POST /api/cases/{case}/move"), "\"write\"", "allowed", "127.0.0.1"]);
    number_of(&["chief-a", "POST /api/cases/999/move", "refused", "404"]);
    number_of(&["chief-b", "\"login\"", "refused"]);
    number_of(&["chief-a", "\"login\"", "allowed"]);
    number_of(&["chief-a", "\"logout\""]);
    number_of(&["chief-a", "read_camera", "GET /api/cameras"]);
    number_of(&["duty", "read_personal", "/api/entities/"]);
    number_of(&["duty", "read_personal", "GET /ws"]);
    number_of(&["console", "add account duty", "\"account\""]);
    number_of(&["server", "\"stop\""]);
    let personal_of_chief = told.iter().any(|(_, t)| t.contains("chief-a") && t.contains("read_personal"));
    assert!(!personal_of_chief, "what was masked was not read");
    assert!(!told.iter().any(|(_, t)| t.contains(PASSWORD) || t.contains("sts_")));

    let last = told.last().unwrap().0;
    assert_eq!(verify(&town.fixture.data()), format!("sound: {last}"));
    assert_eq!(after(&town, |_| {}), format!("sound: {last}"));
    let says = |damage: &str, expected: &str| {
        let said = after(&town, |db| db.execute_batch(damage).unwrap());
        assert!(said.contains(expected), "{damage}: {said}");
    };
    says(
        &format!("UPDATE audit SET body = replace(body, 'chief-a', 'chief-b') WHERE number = {moved}"),
        &format!("record {moved} was changed"),
    );
    says(&format!("UPDATE audit SET at = at + 1 WHERE number = {moved}"), &format!("record {moved} was changed"));
    says(&format!("DELETE FROM audit WHERE number = {moved}"), &format!("record {moved} is missing"));
    says(&format!("DELETE FROM audit WHERE number >= {moved}"), &format!("record {moved} is missing"));
    says("DELETE FROM audit", "record 1 is missing");
    // Two change places.
    says(
        &format!(
            "UPDATE audit SET number = -1 WHERE number = {moved}; UPDATE audit SET number = {moved} WHERE number = {next}; UPDATE audit SET number = {next} WHERE number = -1",
            next = moved + 1
        ),
        &format!("record {moved} was changed or moved"),
    );
    // One taken out and the rest numbered anew.
    says(
        &format!(
            "DELETE FROM audit WHERE number = {moved}; UPDATE audit SET number = -number WHERE number > {moved}; UPDATE audit SET number = -number - 1 WHERE number < 0"
        ),
        &format!("record {moved} was changed or moved"),
    );
    says(
        "UPDATE checkpoints SET signature = zeroblob(64) WHERE rowid = 1",
        "the signature is not of this server's key",
    );
    says("UPDATE checkpoints SET hash = zeroblob(32) WHERE rowid = 2", "the signature is not of this server's key");
    // The key of another server does not do.
    let stranger = access::AuditKey::new([1; 32]).public();
    assert!(admin.verify_audit(Some(stranger)).unwrap_err().to_string().contains("signature"));
    assert!(admin.verify_audit(Some(admin.public_key())).is_ok());
}

#[test]
fn without_a_trace_nothing_is_done() {
    let town = Town::start();
    let (case, _) = town.liven();
    let (chief, duty) = (town.log_in("chief-a"), town.log_in("duty"));
    let db = Connection::open(town.fixture.data().join("access.db")).unwrap();
    db.execute_batch("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'disk full'); END;")
        .unwrap();
    let moved = town.post(&chief, &format!("/api/cases/{case}/move"), &json!({ "action": "advance" }));
    assert_eq!(moved.status, 503, "{}", moved.text);
    let personal = town.get(&duty, &format!("/api/entities/{}", A.household()));
    assert!(personal.status == 503 && !personal.text.contains("甲某"), "{}", personal.text);
    assert_eq!(town.get(&chief, "/api/cases").json()["cases"][0]["stage"], "reported");
    let form = json!({ "login": "chief-b", "password": PASSWORD });
    assert_eq!(send(town.fixture.http, "POST", "/api/login", Some(&form), &[]).status, 503);
    db.execute_batch("DROP TRIGGER full").unwrap();
    assert_eq!(town.post(&chief, &format!("/api/cases/{case}/move"), &json!({ "action": "advance" })).status, 200);
}
