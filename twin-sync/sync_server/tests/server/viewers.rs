//! Viewers: resume, restart, slow ones, foreign pages.

use crate::device::Device;
use crate::fixture::{Fixture, Viewer, now, wait_until};
use crate::pack::{GATEWAY, GATEWAY_SERIES, topic};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

fn handshake(fixture: &Fixture, origin: Option<&str>) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(fixture.http).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let origin = origin.map_or(String::new(), |o| format!("Origin: {o}\r\n"));
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{origin}\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        fixture.http
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    (stream, String::from_utf8(answer).unwrap())
}

/// A viewer that says hello and then does not read.
fn sleeper(fixture: &Fixture) -> TcpStream {
    let (mut stream, answer) = handshake(fixture, None);
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    let hello = br#"{"op":"hello"}"#;
    // A masked text frame; the mask is zero.
    let mut frame = vec![0x81, 0x80 | hello.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(hello);
    stream.write_all(&frame).unwrap();
    stream
}

#[test]
fn a_viewer_resumes_exactly_where_it_stood() {
    let mut fixture = Fixture::start();
    let (mut device, _) = Device::connect(fixture.mqtt, "d").unwrap();
    let publish = |device: &mut Device, i: u32| {
        let payload = format!(r#"{{"m":{{"level_m":{i},"smoke":{}}}}}"#, u32::from(i.is_multiple_of(5)));
        device.publish(&topic(1 + i % 16), payload.as_bytes()).unwrap();
    };
    (0..40).for_each(|i| publish(&mut device, i));
    let mut viewer = fixture.viewer();
    viewer.catches_up(&fixture);
    assert_eq!(viewer.resumed, [false]);
    assert!(viewer.live.open_alarms().count() > 0);
    let (live, token) = viewer.leave();
    (40..90).for_each(|i| publish(&mut device, i));
    let mut viewer = Viewer::back(&fixture, live, token);
    viewer.catches_up(&fixture);
    assert_eq!(viewer.resumed, [true]);

    // The server restarts on the same data: the link comes back by itself and goes on.
    drop(device);
    fixture.restart();
    let (mut device, _) = Device::connect(fixture.mqtt, "d").unwrap();
    (90..120).for_each(|i| publish(&mut device, i));
    viewer.catches_up(&fixture);
    assert_eq!(viewer.resumed, [true, true]);

    // Other data: a token of another epoch is worth nothing.
    let (live, mut token) = viewer.leave();
    token.epoch = "other".into();
    let mut viewer = Viewer::back(&fixture, live, token);
    wait_until("welcome", || {
        viewer.poll();
        !viewer.resumed.is_empty()
    });
    viewer.catches_up(&fixture);
    assert_eq!(viewer.resumed, [false]);
}

#[test]
fn a_viewer_that_does_not_read_holds_nobody_up() {
    let fixture = Fixture::start();
    let sleepers: Vec<TcpStream> = (0..3).map(|_| sleeper(&fixture)).collect();
    wait_until("sleepers are in", || fixture.metric("viewers") == 3);
    let mut viewer = fixture.viewer();
    viewer.catches_up(&fixture);
    let (mut gateway, _) = Device::connect(fixture.mqtt, "gw").unwrap();
    // About 100 kB per frame, until the sleepers' socket buffers are full several times over.
    for round in 0..60 {
        let values: Vec<String> = (0..GATEWAY_SERIES).map(|i| format!("\"x{i}\":{}.125", i + round)).collect();
        let payload = format!(r#"{{"ts":{},"m":{{{}}}}}"#, now().0, values.join(","));
        gateway.publish(GATEWAY, payload.as_bytes()).unwrap();
        let wanted = fixture.server().seq();
        viewer.until("the wakeful viewer keeps up", |live| live.seq() >= wanted);
    }
    viewer.catches_up(&fixture);
    assert_eq!(fixture.metric("viewers"), 4);

    // One wakes up: it reads what was in the pipe, then one frame that catches up.
    let mut late = sleepers.into_iter().next().unwrap();
    let (mut bytes, mut chunk) = (0, vec![0; 1 << 20]);
    wait_until("the sleeper catches up by one frame of its own", || {
        late.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        bytes += late.read(&mut chunk).unwrap_or(0);
        fixture.metric("resyncs_total") > 0
    });
    assert!(bytes > 0);
}

#[test]
fn foreign_pages_and_chatter_are_refused() {
    let fixture = Fixture::start();
    let (_, answer) = handshake(&fixture, Some("https://evil.example"));
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    let (_, answer) = handshake(&fixture, Some("http://localhost:3000"));
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    let (mut stream, _) = handshake(&fixture, None);
    stream.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']).unwrap();
    let mut said = Vec::new();
    drop(stream.read_to_end(&mut said));
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains(r#"{"op":"error","error":"the first message must be"#), "{said}");
}
