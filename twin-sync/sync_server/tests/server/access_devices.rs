//! S1 and S2: who a device is, and what it may publish to.

use crate::access_town::{A, B, Town};
use crate::device::Device;
use crate::fixture::wait_until;
use sync_server::NewDevice;

fn level(town: &Town, token: &str, device: u32) -> Option<f64> {
    town.get(token, &format!("/api/state?entity={device}&property=level_m")).json()["state"][0]["value"].as_f64()
}

const PAYLOAD: &[u8] = br#"{"m":{"level_m":3}}"#;

#[test]
fn ids_that_are_not_plain_are_refused_at_connect() {
    let town = Town::start();
    let long = vec![b'x'; 65_535];
    let overlong = [b'a', 0xc0, 0xaf];
    for bad in [&b"a+b"[..], b"a/b", b"#", b"$SYS", b"a\0b", b"a b", "设备".as_bytes(), &overlong, &long, &[b'x'; 65]]
    {
        match Device::connect_raw(town.fixture.mqtt, bad, None) {
            Ok((_, code)) => assert_eq!(code, 2, "{bad:?}: identifier rejected"),
            // Not even UTF-8 of MQTT: the connection ends.
            Err(_) => assert!(std::str::from_utf8(bad).is_err() || bad.contains(&0), "{bad:?}"),
        }
    }
    // User names are compared, never made into topics.
    let mut admin = town.admin();
    let secret = admin.put_device(NewDevice { id: "d1".into(), topics: vec![A.topic("station")] }).unwrap().to_text();
    let code = |client: &str, user: &str, password: &str| {
        Device::connect_raw(town.fixture.mqtt, client.as_bytes(), Some((user, password))).map_or(255, |(_, code)| code)
    };
    wait_until("credentials are asked for", || code("d1", "d1", "wrong") == 4);
    for user in ["d1/#", "+", "#", "$share/g/d1", "D1", "", "d2", "d1 "] {
        assert_eq!(code("d1", user, &secret), 4, "{user:?}");
    }
    for (client, user, password) in
        [("d2", "d1", secret.as_str()), ("d1", "d1", ""), ("d1", "d1", "std_00"), ("d2", "d2", &secret)]
    {
        assert_eq!(code(client, user, password), 4, "{client} {user}");
    }
    assert_eq!(Device::connect(town.fixture.mqtt, "d1").unwrap().1, 4, "without credentials");
    assert_eq!(code("d1", "d1", &secret), 0);
    for bad in ["", "a/b", "a#", "$x", &"x".repeat(65)] {
        assert!(admin.put_device(NewDevice { id: bad.into(), topics: vec!["a".into()] }).is_err(), "{bad}");
    }
    for bad in ["", "a/#", "+/b", "$SYS/x"] {
        assert!(admin.put_device(NewDevice { id: "d3".into(), topics: vec![bad.into()] }).is_err(), "{bad}");
    }
}

#[test]
fn a_device_publishes_to_its_own_topics_alone() {
    let town = Town::start();
    let duty = town.log_in("duty");
    // A device that came before there were credentials has to show some as soon as there are.
    let (mut early, code) = Device::connect(town.fixture.mqtt, "early").unwrap();
    assert_eq!(code, 0);
    early.publish(&A.topic("station"), br#"{"m":{"level_m":1}}"#).unwrap();
    let mut admin = town.admin();
    let put = |admin: &mut sync_server::AccessAdmin, id: &str, topic: String| {
        admin.put_device(NewDevice { id: id.into(), topics: vec![topic] }).unwrap().to_text()
    };
    let (a, b) = (put(&mut admin, "dev-a", A.topic("station")), put(&mut admin, "dev-b", B.topic("station")));
    let connect =
        |id: &str, secret: &str| Device::connect_raw(town.fixture.mqtt, id.as_bytes(), Some((id, secret))).unwrap();
    // Both are known once nobody else is let in and the second is.
    wait_until("credentials are known", || {
        Device::connect(town.fixture.mqtt, "x").unwrap().1 == 4 && connect("dev-b", &b).1 == 0
    });
    assert!(early.publish(&A.topic("station"), br#"{"m":{"level_m":2}}"#).is_err());
    let (mut device_a, code) = connect("dev-a", &a);
    assert_eq!(code, 0);
    device_a.publish(&A.topic("station"), PAYLOAD).unwrap();
    assert_eq!(level(&town, &duty, A.station()), Some(3.0));
    assert!(device_a.publish(&B.topic("station"), PAYLOAD).is_err(), "3.1.1: the connection ends");
    assert_eq!(level(&town, &duty, B.station()), None);
    let (mut device_b, code) = connect("dev-b", &b);
    assert_eq!(code, 0);
    device_b.publish(&B.topic("station"), PAYLOAD).unwrap();
    assert_eq!(level(&town, &duty, B.station()), Some(3.0));
    // Shut out while connected: the next message is refused.
    admin.shut_device("dev-b").unwrap();
    wait_until("shut out", || device_b.publish(&B.topic("station"), PAYLOAD).is_err());
    assert_eq!(connect("dev-b", &b).1, 4);
    let audit = town.log_in("audit");
    let told = town.get(&audit, "/api/audit?limit=1000").text;
    for words in ["MQTT publish", "MQTT connect", "dev-a", "shut device dev-b"] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

/// MQTT 5 through a library: a foreign topic is refused with 0x87 and the connection goes on; nobody may listen.
#[test]
fn a_foreign_topic_is_refused_and_listening_too() {
    use rumqttc::v5::mqttbytes::QoS;
    use rumqttc::v5::mqttbytes::v5::{Packet, PubAckReason, SubscribeReasonCode};
    use rumqttc::v5::{Client, Event, MqttOptions};
    let town = Town::start();
    let mut admin = town.admin();
    let secret =
        admin.put_device(NewDevice { id: "dev-a".into(), topics: vec![A.topic("station")] }).unwrap().to_text();
    wait_until("credentials are known", || Device::connect(town.fixture.mqtt, "x").unwrap().1 == 4);
    let mut options = MqttOptions::new("dev-a", "127.0.0.1", town.fixture.mqtt.port());
    options.set_credentials("dev-a", secret);
    let (client, mut events) = Client::new(options, 10);
    client.publish(B.topic("station"), QoS::AtLeastOnce, false, PAYLOAD).unwrap();
    client.subscribe("#", QoS::AtLeastOnce).unwrap();
    client.subscribe("$SYS/#", QoS::AtLeastOnce).unwrap();
    client.subscribe("$share/g/cim/#", QoS::AtLeastOnce).unwrap();
    client.publish(A.topic("station"), QoS::AtLeastOnce, false, PAYLOAD).unwrap();
    let (mut acks, mut refused) = (Vec::new(), 0);
    for event in events.iter().take(200) {
        match event.unwrap() {
            Event::Incoming(Packet::PubAck(ack)) => acks.push(ack.reason),
            Event::Incoming(Packet::SubAck(ack)) => {
                assert_eq!(ack.return_codes, [SubscribeReasonCode::NotAuthorized]);
                refused += 1;
            }
            _ => {}
        }
        if acks.len() == 2 && refused == 3 {
            break;
        }
    }
    assert_eq!((acks, refused), (vec![PubAckReason::NotAuthorized, PubAckReason::Success], 3));
    let duty = town.log_in("duty");
    assert_eq!((level(&town, &duty, A.station()), level(&town, &duty, B.station())), (Some(3.0), None));
    let told = town.get(&town.log_in("audit"), "/api/audit?limit=1000").text;
    assert!(told.contains("MQTT subscribe") && told.contains("MQTT publish"), "{told}");
}
