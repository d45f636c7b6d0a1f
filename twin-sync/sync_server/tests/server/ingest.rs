//! Devices: both protocol versions, poison, client ids, subscriptions.

use crate::device::{Device, publish_packet};
use crate::fixture::{Fixture, now, wait_until};
use crate::pack::{GATEWAY, topic};
use rumqttc::v5;
use rumqttc::{AsyncClient, Event, Incoming, MqttOptions, QoS};
use std::process::Command;
use twin_model::{EntityId, PropertyId};

fn level_property(fixture: &Fixture) -> PropertyId {
    let table: twin_model::PropertyTable = serde_json::from_value(fixture.get("/api/properties")).unwrap();
    table.id("level_m").unwrap()
}

#[test]
fn mosquitto_clients_change_state_and_viewers() {
    if Command::new("mosquitto_pub").arg("--help").output().is_err() {
        println!("skipped: mosquitto_pub is not installed");
        return;
    }
    let fixture = Fixture::start();
    let (mut viewer, property) = (fixture.viewer(), level_property(&fixture));
    viewer.catches_up(&fixture);
    for (version, value) in [("311", 4.5), ("5", 6.25)] {
        let payload = format!(r#"{{"ts":{},"m":{{"level_m":{value}}}}}"#, now().0);
        let port = fixture.mqtt.port().to_string();
        let publish = Command::new("mosquitto_pub")
            .args(["-V", version, "-h", "127.0.0.1", "-p", &port, "-q", "1", "-t", &topic(3), "-m", &payload])
            .output()
            .unwrap();
        assert!(publish.status.success(), "{}", String::from_utf8_lossy(&publish.stderr));
        // mosquitto_pub ends after the PUBACK, so the value is on disk and applied.
        assert_eq!(fixture.level(3), Some(value));
        viewer.until("value in the viewer", |l| {
            l.latest(EntityId(3), property).is_some_and(|entry| entry.value == value)
        });
        viewer.catches_up(&fixture);
    }
}

#[test]
fn rumqttc_v311_and_v5_change_state_and_viewers() {
    let fixture = Fixture::start();
    let (mut viewer, property) = (fixture.viewer(), level_property(&fixture));
    fixture.runtime.block_on(async {
        let options = MqttOptions::new("rumqttc-4", "127.0.0.1", fixture.mqtt.port());
        let (client, mut events) = AsyncClient::new(options, 10);
        client.publish(topic(1), QoS::AtLeastOnce, false, "{\"m\":{\"level_m\":1.5}}").await.unwrap();
        while !matches!(events.poll().await.unwrap(), Event::Incoming(Incoming::PubAck(_))) {}
        client.publish(topic(4), QoS::ExactlyOnce, false, "{\"m\":{\"level_m\":4.5}}").await.unwrap();
        while !matches!(events.poll().await.unwrap(), Event::Incoming(Incoming::PubComp(_))) {}
    });
    fixture.runtime.block_on(async {
        let options = v5::MqttOptions::new("rumqttc-5", "127.0.0.1", fixture.mqtt.port());
        let (client, mut events) = v5::AsyncClient::new(options, 10);
        let qos = v5::mqttbytes::QoS::AtLeastOnce;
        client.publish(topic(2), qos, true, "{\"m\":{\"level_m\":2.5}}").await.unwrap();
        while !matches!(events.poll().await.unwrap(), v5::Event::Incoming(v5::Incoming::PubAck(_))) {}
    });
    assert_eq!((fixture.level(1), fixture.level(2), fixture.level(4)), (Some(1.5), Some(2.5), Some(4.5)));
    viewer.until("three values", |l| [1, 2, 4].iter().all(|e| l.latest(EntityId(*e), property).is_some()));
    viewer.catches_up(&fixture);
}

#[test]
fn poison_is_counted_and_hurts_nobody() {
    let fixture = Fixture::start();
    let (mut good, code) = Device::connect(fixture.mqtt, "good").unwrap();
    assert_eq!(code, 0);
    good.publish(&topic(1), b"{\"m\":{\"level_m\":1}}").unwrap();

    // 10 MiB: the connection ends without an acknowledgement.
    let (mut fat, _) = Device::connect(fixture.mqtt, "fat").unwrap();
    let huge = publish_packet(&topic(1), &vec![b'7'; 10 << 20], Some(1), false);
    let ended = fat.send(&huge).is_err() || !fat.acks(true).is_ok_and(|acks| acks.contains(&1));
    assert!(ended);
    wait_until("oversized packet counted", || fixture.metric("oversized_total") == 1);

    // The rest is acknowledged and kept as dead letters, or the device would send it for ever.
    let deep = format!("{}1{}", "{\"m\":".repeat(5000), "}".repeat(5000));
    let limit = vec![b' '; 256 * 1024 + 1];
    let poison: Vec<(String, &[u8])> = vec![
        (topic(1), b"\xff\xfe garbage"),
        (topic(1), deep.as_bytes()),
        (topic(1), b"NaN"),
        (topic(1), b"{\"m\":{\"level_m\":NaN}}"),
        (topic(1), b"{\"m\":{\"level_m\":1e308}}"),
        (topic(1), b"{\"m\":{\"level_m\":\"12\"}}"),
        (topic(1), b""),
        (topic(1), &limit),
        ("no/such/topic".to_owned(), b"1"),
    ];
    for (topic, payload) in &poison {
        good.publish(topic, payload).unwrap();
    }
    assert_eq!(fixture.metric("dead_letters_total"), poison.len() as u64);
    let letters = fixture.get("/api/dead_letters?limit=100");
    let letters = letters["dead_letters"].as_array().unwrap();
    assert_eq!(letters.len(), poison.len());
    assert!(letters[0]["reason"].as_str().unwrap().contains("no binding for topic \"no/such/topic\""));
    assert!(letters.iter().all(|l| l["client"] == "good"));

    good.publish(&topic(1), b"{\"m\":{\"level_m\":2}}").unwrap();
    assert_eq!(fixture.level(1), Some(2.0));
    assert_eq!(fixture.get("/health")["status"], "green");
}

#[test]
fn malformed_connections_end_alone() {
    let fixture = Fixture::start();
    for bytes in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x10\xff\xff\xff\xff\xff", b"\x10\x0c\0\x04MQTX\x04\x02\0\x3c\0\0", b"\0"]
    {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(fixture.mqtt).unwrap();
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        // Nothing, or a refusal; then the end.
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        assert!(answer.len() <= 4);
    }
    let (mut device, _) = Device::connect(fixture.mqtt, "d").unwrap();
    device.send(b"\xf0\x00").unwrap();
    assert!(device.acks(true).is_err());
    wait_until("error counted", || fixture.metric("protocol_errors_total") == 1);
    let (mut device, _) = Device::connect(fixture.mqtt, "d").unwrap();
    device.publish(&topic(1), b"{\"m\":{\"level_m\":3}}").unwrap();
    assert_eq!(fixture.level(1), Some(3.0));
}

#[test]
fn client_ids_and_subscriptions_are_checked() {
    let fixture = Fixture::start();
    for bad in ["a+b", "a/b", "#", "$SYS", "a b"] {
        let (_, code) = Device::connect(fixture.mqtt, bad).unwrap();
        assert_eq!(code, 2, "{bad}: identifier rejected");
    }
    assert_eq!(Device::connect(fixture.mqtt, "").unwrap().1, 0);
    fixture.runtime.block_on(async {
        let options = MqttOptions::new("listener", "127.0.0.1", fixture.mqtt.port());
        let (client, mut events) = AsyncClient::new(options, 10);
        client.subscribe("#", QoS::AtLeastOnce).await.unwrap();
        loop {
            if let Event::Incoming(Incoming::SubAck(ack)) = events.poll().await.unwrap() {
                assert_eq!(ack.return_codes, [rumqttc::SubscribeReasonCode::Failure]);
                return;
            }
        }
    });
    // A second connection of the same id takes the place of the first.
    let (mut first, _) = Device::connect(fixture.mqtt, "same").unwrap();
    let (mut second, _) = Device::connect(fixture.mqtt, "same").unwrap();
    assert!(first.acks(true).is_err());
    second.publish(&topic(1), b"{\"m\":{\"level_m\":1}}").unwrap();
}

#[test]
fn repeats_are_acknowledged_but_stored_once() {
    let mut fixture = Fixture::start();
    let payload = format!(r#"{{"ts":{},"boot":1,"seq":9,"m":{{"level_m":5}}}}"#, now().0);
    for round in 0..3 {
        let (mut device, _) = Device::connect(fixture.mqtt, "d").unwrap();
        for _ in 0..5 {
            device.publish(&topic(1), payload.as_bytes()).unwrap();
        }
        if round == 1 {
            drop(device);
            fixture.restart();
        }
    }
    let history = fixture.get("/api/history/1/level_m");
    assert_eq!(history["points"].as_array().unwrap().len(), 1);
    let many: Vec<String> = (0..crate::pack::GATEWAY_SERIES).map(|i| format!("\"x{i}\":{i}")).collect();
    let (mut device, _) = Device::connect(fixture.mqtt, "gw").unwrap();
    device.publish(GATEWAY, format!("{{\"m\":{{{}}}}}", many.join(",")).as_bytes()).unwrap();
    assert_eq!(fixture.metric("samples_total"), u64::from(crate::pack::GATEWAY_SERIES));
}

#[test]
fn simulated_devices_fill_every_series() {
    let fixture = Fixture::start();
    let options = device_sim::SimOptions::new(fixture.mqtt, fixture.dir.path().join("pack"));
    let devices = fixture.runtime.spawn(device_sim::run(options));
    let series = fixture.get("/api/community")["series"].as_u64().unwrap();
    wait_until("every series has a value", || fixture.metric("series") == series);
    devices.abort();
    assert_eq!(fixture.metric("dead_letters_total"), 0);
    let text = sync_server::live_json(&fixture.dir.path().join("data")).unwrap();
    let live: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(live["state"].as_array().unwrap().len() as u64, series);
    let error = sync_server::live_json(&fixture.dir.path().join("pack")).unwrap_err().to_string();
    assert!(error.contains("no server has written here"), "{error}");
}

#[test]
fn when_the_log_cannot_be_written_nothing_is_acknowledged() {
    let fixture = Fixture::start();
    let (mut device, _) = Device::connect(fixture.mqtt, "d").unwrap();
    device.publish(&topic(1), b"{\"m\":{\"level_m\":1}}").unwrap();
    let data = std::fs::read_dir(fixture.dir.path().join("data")).unwrap().next().unwrap().unwrap();
    let db = rusqlite::Connection::open(data.path().join("twin.db")).unwrap();
    db.execute_batch("DROP TABLE history").unwrap();
    assert!(device.publish(&topic(1), b"{\"m\":{\"level_m\":2}}").is_err(), "no acknowledgement");
    let (status, health) = crate::fixture::call(fixture.http, "GET", "/health", None);
    assert_eq!((status, health["status"].as_str()), (503, Some("red")));
    assert!(health["reason"].as_str().unwrap().contains("history"));
    let (_, code) = Device::connect(fixture.mqtt, "d").unwrap();
    assert_eq!(code, 3, "server unavailable");
    assert_eq!(fixture.level(1), Some(1.0), "what is known stays readable, what was not stored is not shown");
    let new = serde_json::json!({ "class": "环卫", "title": "x", "entity": 1 });
    assert_eq!(fixture.post("/api/cases", &new).0, 503);
}
