//! Viewers of a server with accounts: each gets their own part, resumes exactly, and is told when rights change (V6).

use crate::access_town::{A, B, Town, grant};
use crate::device::Device;
use crate::fixture::{Viewer, wait_until};
use access::Role;
use serde_json::json;
use sync_client::{AccessRefused, Credentials, LiveLink};
use sync_core::LiveState;
use sync_server::AccountChange;
use twin_model::EntityId;

fn catches_up(town: &Town, viewer: &mut Viewer, login: &str) {
    viewer.until("viewer catches up", |live| live.seq() == town.fixture.server().seq());
    assert_eq!(Some(viewer.live.hash()), town.fixture.server().state_hash_seen_by(login), "{login}");
}

fn entities(live: &LiveState) -> Vec<u32> {
    let mut all: Vec<u32> = live.iter().map(|e| e.entity.0).collect();
    all.dedup();
    all
}

#[test]
fn each_viewer_gets_their_part_and_resumes_it() {
    let town = Town::start();
    let (case_a, case_b) = town.liven();
    let tokens = ["chief-a", "chief-b", "viewer", "duty"].map(|login| (login, town.log_in(login)));
    let mut viewers: Vec<(&str, Viewer)> = tokens.iter().map(|(login, t)| (*login, town.viewer(t))).collect();
    for (login, viewer) in &mut viewers {
        catches_up(&town, viewer, login);
    }
    let seen: Vec<Vec<u32>> = viewers.iter().map(|(_, v)| entities(&v.live)).collect();
    assert_eq!(seen[0], [A.station(), A.camera()]);
    assert_eq!(seen[1], [B.station(), B.camera()]);
    assert_eq!(seen[2], [A.station(), B.station()], "whole community, but neither cameras nor what is personal");
    assert_eq!(seen[3].len(), 8);
    let cases = |live: &LiveState| live.cases().map(|c| c.id.0).collect::<Vec<_>>();
    assert_eq!((cases(&viewers[0].1.live), cases(&viewers[1].1.live)), (vec![case_a], vec![case_b]));
    assert_eq!(viewers[0].1.live.alarms().map(|a| a.entity.0).collect::<Vec<_>>(), [A.station()]);
    assert_eq!((viewers[0].1.live.runs().count(), viewers[3].1.live.runs().count()), (0, 1));

    // Deltas: everybody at the same sequence, each with their own state.
    let (mut device, _) = Device::connect(town.fixture.mqtt, "d").unwrap();
    for i in 0..30 {
        let half = if i % 3 == 0 { A } else { B };
        let payload = format!(r#"{{"m":{{"level_m":{i},"smoke":{}}}}}"#, i % 2);
        device.publish(&half.topic("station"), payload.as_bytes()).unwrap();
        if i % 10 == 0 {
            viewers.iter_mut().for_each(|(_, v)| v.poll());
        }
    }
    for (login, viewer) in &mut viewers {
        catches_up(&town, viewer, login);
        assert_eq!(viewer.resumed, [false], "{login}");
    }
    assert_eq!(entities(&viewers[0].1.live), [A.station(), A.camera()]);

    // Away and back: from where it stood, with the same rights only.
    let (_, viewer) = viewers.remove(0);
    let (live, token) = viewer.leave();
    device.publish(&A.topic("station"), br#"{"m":{"level_m":99}}"#).unwrap();
    device.publish(&B.topic("station"), br#"{"m":{"level_m":98}}"#).unwrap();
    let back = |bearer: &str, live: LiveState| {
        let link = LiveLink::resume(&town.fixture.http.to_string(), token.clone());
        Viewer { link: link.with_credentials(Credentials::token(bearer)), live, resumed: vec![] }
    };
    let mut own = back(&tokens[0].1, live.clone());
    catches_up(&town, &mut own, "chief-a");
    assert_eq!(own.resumed, [true]);
    let mut other = back(&tokens[1].1, live);
    catches_up(&town, &mut other, "chief-b");
    assert_eq!(other.resumed, [false], "the token of somebody with other rights is worth nothing");
    assert_eq!(entities(&other.live), [B.station(), B.camera()]);
}

#[test]
fn rights_that_change_reach_an_open_viewer() {
    let town = Town::start();
    town.liven();
    let token = town.log_in("chief-a");
    let mut viewer = town.viewer(&token);
    catches_up(&town, &mut viewer, "chief-a");
    let mut admin = town.admin();
    // Moved to the other grid: told to begin anew.
    let started = std::time::Instant::now();
    let other = grant(Role::GridChief, "420199001001002");
    admin.change("chief-a", &AccountChange::Grants(vec![other])).unwrap();
    viewer.until("begins anew", |live| live.of_entity(EntityId(A.station())).next().is_none() && !live.is_empty());
    println!("rights reached the viewer after {:?}", started.elapsed());
    assert_eq!(viewer.resumed, [false, false]);
    catches_up(&town, &mut viewer, "chief-a");
    assert_eq!(entities(&viewer.live), [B.station(), B.camera()]);
    let (mut device, _) = Device::connect(town.fixture.mqtt, "d").unwrap();
    for half in [A, B] {
        device.publish(&half.topic("station"), br#"{"m":{"level_m":55}}"#).unwrap();
    }
    catches_up(&town, &mut viewer, "chief-a");
    assert_eq!(entities(&viewer.live), [B.station(), B.camera()]);
    // Logged out: the connection ends, and the next is refused.
    assert_eq!(town.post(&token, "/api/logout", &json!({})).status, 200);
    wait_until("refused", || {
        viewer.poll();
        viewer.link.refused() == Some(AccessRefused::LoginNeeded)
    });
    assert!(!viewer.link.is_live());
}

#[test]
fn a_viewer_without_rights_is_not_let_in() {
    let town = Town::start();
    for (token, refused) in
        [(String::new(), AccessRefused::LoginNeeded), (town.log_in("audit"), AccessRefused::NotPermitted)]
    {
        let mut viewer = town.viewer(&token);
        wait_until("refused", || {
            viewer.poll();
            viewer.link.refused() == Some(refused)
        });
        assert!(viewer.live.is_empty() && viewer.resumed.is_empty());
    }
}
