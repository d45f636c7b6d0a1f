//! Publishing.

use crate::devices::devices_of;
use crate::schedule::Schedule;
use crate::signals::World;
use crate::weather::{SimScenario, Weather};
use community_pack::{Pack, PackError};
use rumqttc::{AsyncClient, EventLoop, MqttOptions, QoS};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, sleep, sleep_until};

/// Largest packet, bytes: what the listener takes.
const MAX_PACKET: usize = 256 * 1024;

/// What to simulate and where to send it.
#[derive(Debug, Clone)]
pub struct SimOptions {
    /// MQTT listener or broker.
    pub mqtt_addr: SocketAddr,
    /// Pack whose bindings say what devices there are.
    pub pack_dir: PathBuf,
    /// Which devices misbehave, and all noise.
    pub seed: u64,
    /// Simulated seconds per real second, in (0, 10000].
    pub speed: f64,
    /// What happens.
    pub scenario: SimScenario,
}

impl SimOptions {
    /// A storm at twenty times real time: the river is up after two minutes.
    #[must_use]
    pub fn new(mqtt_addr: SocketAddr, pack_dir: PathBuf) -> Self {
        Self { mqtt_addr, pack_dir, seed: 1, speed: 20.0, scenario: SimScenario::Storm }
    }
}

/// Why there are no devices.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimError {
    /// The pack is not readable.
    #[error("pack {dir}: {source}")]
    Pack {
        /// Folder.
        dir: PathBuf,
        /// What is wrong with it.
        source: PackError,
    },
    /// Nothing is bound.
    #[error("pack {0}: bindings.csv binds no topic, so there is nothing to simulate")]
    NoDevices(PathBuf),
    /// A number outside its range.
    #[error("speed = {0}: must be in (0, 10000] simulated seconds per second")]
    Speed(f64),
}

/// Publishes for as long as the future is polled.
///
/// # Errors
/// [`SimError`] before the first message; a broker that goes away is waited for.
pub async fn run(options: SimOptions) -> Result<(), SimError> {
    run_until(options, std::future::pending()).await
}

/// Publishes until `stop` completes.
///
/// # Errors
/// As [`run`].
pub async fn run_until(options: SimOptions, stop: impl Future<Output = ()>) -> Result<(), SimError> {
    if !(options.speed > 0.0 && options.speed <= 10_000.0) {
        return Err(SimError::Speed(options.speed));
    }
    let pack =
        Pack::open(&options.pack_dir).map_err(|source| SimError::Pack { dir: options.pack_dir.clone(), source })?;
    let devices = devices_of(&pack, options.seed);
    if devices.is_empty() {
        return Err(SimError::NoDevices(options.pack_dir));
    }
    let world = World { weather: Weather { scenario: options.scenario, ..Weather::default() } };
    // Seconds of the start: later starts count their messages anew, and must not look like repeats.
    let boot = now_ms().unsigned_abs() / 1000;
    let schedule = Schedule::new(world, devices, options.speed, boot);
    tracing::info!(devices = schedule.devices().len(), mqtt = %options.mqtt_addr, speed = options.speed, "simulated devices");
    let mut settings =
        MqttOptions::new(format!("device-sim-{boot}"), options.mqtt_addr.ip().to_string(), options.mqtt_addr.port());
    settings.set_keep_alive(Duration::from_secs(30));
    settings.set_inflight(1000);
    // The client's own default of 10 KiB is less than one message of a large gateway.
    settings.set_max_packet_size(MAX_PACKET, MAX_PACKET);
    let (client, events) = AsyncClient::new(settings, 1000);
    tokio::select! {
        () = publish(client, schedule) => {}
        () = keep_connected(events) => {}
        () = stop => {}
    }
    Ok(())
}

async fn publish(client: AsyncClient, schedule: Schedule) {
    let start = Instant::now();
    for message in schedule {
        sleep_until(start + Duration::from_millis(message.at_ms)).await;
        let payload = message.payload(now_ms());
        if client.publish(message.topic, QoS::AtLeastOnce, false, payload).await.is_err() {
            return;
        }
    }
}

async fn keep_connected(mut events: EventLoop) {
    let mut lost = false;
    loop {
        match events.poll().await {
            Ok(_) => lost = false,
            Err(error) => {
                if !lost {
                    tracing::warn!(%error, "simulated devices: connection");
                }
                lost = true;
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
