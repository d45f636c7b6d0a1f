//! Figures for the README: `SANDTABLE_MEASURE=1 cargo test --release -p sync_server -- --nocapture measure`.

use crate::device::{Device, Load};
use crate::fixture::{Fixture, now};
use crate::pack::topic;
use std::time::{Duration, Instant};
use twin_model::EntityId;

/// Measurements take a quiet machine and half a minute: only when asked for.
fn asked_for() -> bool {
    let asked = std::env::var_os("SANDTABLE_MEASURE").is_some();
    if !asked {
        println!("skipped: set SANDTABLE_MEASURE=1 to measure");
    }
    asked
}

#[test]
fn measure_ingest_and_latency() {
    if !asked_for() {
        return;
    }
    let fixture = Fixture::start();
    let mut load = Load::new(fixture.mqtt, 0, 16, 2000);
    let started = Instant::now();
    load.run_while(|_| started.elapsed() < Duration::from_secs(10));
    load.settle();
    let rate = load.acked.len() as f64 / started.elapsed().as_secs_f64();
    let (p50, p99) = fixture.server().commit_quantiles_ms();
    println!("{rate:.0} messages/s acknowledged, window 2000; commit p50 ≤ {p50:?} ms, p99 ≤ {p99:?} ms");
    let (stored, repeats) = (fixture.metric("committed_total"), fixture.metric("repeats_total"));
    let commits = fixture.metric("commits_total");
    println!("{} acknowledged, {stored} committed in {commits} commits, {repeats} repeats", load.acked.len());
    assert_eq!((load.acked.len() as u64, repeats), (stored, 0));
}

/// Times from just before the publish to the value in the viewer's state, ms, sorted.
fn waits(fixture: &Fixture, count: u32, pause: Duration) -> Vec<f64> {
    let mut viewer = fixture.viewer();
    viewer.catches_up(fixture);
    let (mut device, _) = Device::connect(fixture.mqtt, "probe").unwrap();
    let mut waits = Vec::new();
    for i in 0..count {
        std::thread::sleep(pause);
        let sent = Instant::now();
        let payload = format!(r#"{{"ts":{},"m":{{"level_m":{i}.5}}}}"#, now().0);
        device.publish(&topic(16), payload.as_bytes()).unwrap();
        while !viewer.live.of_entity(EntityId(16)).any(|e| e.value == f64::from(i) + 0.5) {
            viewer.poll();
            std::thread::sleep(Duration::from_micros(200));
        }
        waits.push(sent.elapsed().as_secs_f64() * 1000.0);
    }
    waits.sort_by(f64::total_cmp);
    waits
}

#[test]
fn measure_publish_to_viewer() {
    if !asked_for() {
        return;
    }
    let fixture = Fixture::start();
    let at = |waits: &[f64], share: f64| waits[(waits.len() as f64 * share) as usize];
    let idle = waits(&fixture, 200, Duration::from_millis(83));
    println!("publish → viewer, else idle: p50 {:.1} ms, p99 {:.1} ms", at(&idle, 0.5), at(&idle, 0.99));
    let mut load = Load::new(fixture.mqtt, 2000, 15, 2000);
    let stop = std::sync::atomic::AtomicBool::new(false);
    let busy = std::thread::scope(|scope| {
        scope.spawn(|| load.run_while(|_| !stop.load(std::sync::atomic::Ordering::Relaxed)));
        let busy = waits(&fixture, 200, Duration::from_millis(37));
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        busy
    });
    println!("publish → viewer at 2,000 messages/s: p50 {:.1} ms, p99 {:.1} ms", at(&busy, 0.5), at(&busy, 0.99));
}
