//! Figures for the README: `cargo test --release -p sync_server -- --ignored --nocapture measure`.

use crate::device::{Device, Load};
use crate::fixture::{Fixture, now};
use crate::pack::topic;
use std::time::{Duration, Instant};
use twin_model::EntityId;

#[test]
#[ignore = "a measurement, not a test"]
fn measure_ingest_and_latency() {
    let fixture = Fixture::start();
    let mut load = Load::new(fixture.mqtt, 0, 16, 2000);
    let started = Instant::now();
    load.run_while(|_| started.elapsed() < Duration::from_secs(10));
    load.settle();
    let rate = load.acked.len() as f64 / started.elapsed().as_secs_f64();
    let (p50, p99) = fixture.server().commit_quantiles_ms();
    println!("{rate:.0} messages/s acknowledged, window 2000; commit p50 ≤ {p50:?} ms, p99 ≤ {p99:?} ms");

    let fixture = Fixture::start();
    let mut viewer = fixture.viewer();
    viewer.catches_up(&fixture);
    let (mut device, _) = Device::connect(fixture.mqtt, "d").unwrap();
    let mut waits = Vec::new();
    for i in 0..200 {
        let sent = Instant::now();
        let payload = format!(r#"{{"ts":{},"m":{{"level_m":{i}}}}}"#, now().0);
        device.publish(&topic(1), payload.as_bytes()).unwrap();
        while !viewer.live.of_entity(EntityId(1)).any(|e| e.value == f64::from(i)) {
            viewer.poll();
            std::thread::sleep(Duration::from_micros(200));
        }
        waits.push(sent.elapsed().as_secs_f64() * 1000.0);
        std::thread::sleep(Duration::from_millis(17));
    }
    waits.sort_by(f64::total_cmp);
    println!("publish → viewer: p50 {:.1} ms, p99 {:.1} ms (200 messages, 50 ms frames)", waits[100], waits[197]);
}
