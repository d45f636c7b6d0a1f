//! Who publishes when.

use crate::devices::SimDevice;
use crate::noise::unit;
use crate::signals::World;
use serde_json::{Map, Value, json};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Most messages per second over all devices.
pub const MAX_MESSAGES_PER_S: f64 = 300.0;
/// Seconds between messages of the gauges that drive forecasts.
const GAUGE_S: f64 = 2.0;
/// Seconds between messages of everything else: the pack's interval over 30, within these bounds.
const OTHERS_S: (f64, f64) = (10.0, 60.0);

/// A message to publish.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Milliseconds of real time since the start.
    pub at_ms: u64,
    /// Position of the device.
    pub device: usize,
    /// Topic.
    pub topic: String,
    /// Payload without its time stamp.
    body: Value,
}

impl Message {
    /// The payload with a time stamp, ms since 1970; a payload that is a bare number has room for none.
    #[must_use]
    pub fn payload(&self, ts_ms: i64) -> String {
        let mut body = self.body.clone();
        if let Some(map) = body.as_object_mut() {
            map.insert("ts".to_owned(), json!(ts_ms));
        }
        body.to_string()
    }
}

/// All messages in order of time; never ends unless there are no devices.
#[derive(Debug, Clone)]
pub struct Schedule {
    world: World,
    devices: Vec<SimDevice>,
    intervals_ms: Vec<u64>,
    sent: Vec<u64>,
    due: BinaryHeap<Reverse<(u64, usize)>>,
    speed: f64,
    boot: u64,
}

impl Schedule {
    /// `speed` is simulated seconds per real second; `boot` tells devices of this start from those of an earlier one.
    #[must_use]
    pub fn new(world: World, devices: Vec<SimDevice>, speed: f64, boot: u64) -> Self {
        let wanted: Vec<f64> = devices.iter().map(interval_s).collect();
        let rate: f64 = wanted.iter().map(|s| 1.0 / s).sum();
        let stretch = (rate / (MAX_MESSAGES_PER_S * 0.9)).max(1.0);
        let intervals_ms: Vec<u64> = wanted.iter().map(|s| (s * stretch * 1000.0) as u64).collect();
        let first = |(i, d): (usize, &SimDevice)| {
            let interval = intervals_ms.get(i).copied().unwrap_or(1000);
            Reverse(((unit(d.key ^ 0xf00d) * interval as f64) as u64, i))
        };
        let due = devices.iter().enumerate().map(first).collect();
        let sent = vec![0; devices.len()];
        Self { world, devices, intervals_ms, sent, due, speed, boot }
    }

    /// The devices.
    #[must_use]
    pub fn devices(&self) -> &[SimDevice] {
        &self.devices
    }
}

impl Iterator for Schedule {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        loop {
            let Reverse((at_ms, i)) = self.due.pop()?;
            let device = self.devices.get(i)?;
            let t_s = at_ms as f64 / 1000.0 * self.speed;
            if !self.world.is_alive(device, t_s) {
                continue; // and it is never due again
            }
            let interval = self.intervals_ms.get(i).copied().unwrap_or(1000).max(1);
            self.due.push(Reverse((at_ms + interval, i)));
            let count = self.sent.get_mut(i)?;
            *count += 1;
            let body = body(&self.world, device, t_s, self.boot, *count);
            return Some(Message { at_ms, device: i, topic: device.topic.clone(), body });
        }
    }
}

fn interval_s(device: &SimDevice) -> f64 {
    match device.class.as_str() {
        "river_level" | "rain_gauge" => GAUGE_S,
        _ => (device.expected_interval_s / 30.0).clamp(OTHERS_S.0, OTHERS_S.1),
    }
}

/// The payload in the form that the bindings ask for.
fn body(world: &World, device: &SimDevice, t_s: f64, boot: u64, seq: u64) -> Value {
    let mut root = Map::new();
    for series in &device.series {
        let value = json!(world.value(device, series, t_s));
        if series.payload_path.is_empty() {
            return value;
        }
        put(&mut root, &series.payload_path, value);
    }
    root.insert("boot".to_owned(), json!(boot));
    root.insert("seq".to_owned(), json!(seq));
    Value::Object(root)
}

/// Sets a value at a dotted path, making objects on the way.
fn put(root: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            root.insert(path.to_owned(), value);
        }
        Some((head, rest)) => {
            let inner = root.entry(head).or_insert_with(|| json!({}));
            if let Some(inner) = inner.as_object_mut() {
                put(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devices::{BoundSeries, ranked};
    use crate::noise::key_of;
    use std::collections::BTreeMap;
    use sync_core::Payload;
    use twin_model::EntityId;

    fn device(class: &str, number: u64, properties: &[(&str, f64, f64, bool)]) -> SimDevice {
        let topic = format!("cim/v1/1/g/{class}/{number}/up/telemetry");
        let series = properties.iter().map(|(key, least, greatest, is_state)| BoundSeries {
            property: (*key).to_owned(),
            payload_path: format!("m.{key}"),
            range: (*least, *greatest),
            is_state: *is_state,
        });
        SimDevice {
            key: key_of(&topic),
            topic,
            class: class.to_owned(),
            entity: EntityId(0),
            series: series.collect(),
            expected_interval_s: 300.0,
            rank: 0,
        }
    }

    fn community(count: u64) -> Vec<SimDevice> {
        let mut devices = vec![
            device("river_level", 0, &[("water_level_m", -5.0, 60.0, false)]),
            device("rain_gauge", 0, &[("rain_mmph", 0.0, 400.0, false), ("rain_mm_total", 0.0, 2000.0, false)]),
        ];
        devices.extend(
            (0..count).map(|i| {
                device("smoke", i, &[("smoke_alarm", 0.0, 1.0, true), ("temperature_c", -40.0, 1200.0, false)])
            }),
        );
        ranked(devices)
    }

    #[test]
    fn the_same_seed_gives_the_same_messages() {
        let run = || Schedule::new(World::default(), community(50), 10.0, 1).take(2000).collect::<Vec<_>>();
        assert_eq!(run(), run());
        let times: Vec<u64> = run().iter().map(|m| m.at_ms).collect();
        assert!(times.windows(2).all(|w| w[0] <= w[1]));
    }

    #[test]
    fn payloads_decode_and_tell_the_story() {
        let schedule = Schedule::new(World::default(), community(50), 20.0, 3);
        let (mut most_river, mut most_rain, mut burning) = (0.0_f64, 0.0_f64, 0);
        let mut last: BTreeMap<String, u64> = BTreeMap::new();
        for message in schedule.take_while(|m| m.at_ms < 200_000) {
            let payload = Payload::decode(message.payload(1_800_000_000_000).as_bytes()).unwrap();
            assert!(payload.ts.is_some() && payload.boot == 3);
            let before = last.insert(message.topic.clone(), payload.seq.unwrap());
            assert_eq!(payload.seq.unwrap(), before.unwrap_or(0) + 1);
            if let Ok(level) = payload.reading("m.water_level_m") {
                most_river = most_river.max(level.value);
            }
            if let Ok(rain) = payload.reading("m.rain_mmph") {
                most_rain = most_rain.max(rain.value);
            }
            burning += usize::from(payload.reading("m.smoke_alarm").is_ok_and(|r| r.value == 1.0));
        }
        assert!((20.3..20.7).contains(&most_river), "{most_river}");
        assert!((40.0..55.0).contains(&most_rain), "{most_rain}");
        assert!(burning > 0);
    }

    #[test]
    fn many_devices_share_the_permitted_rate_and_some_die() {
        let schedule = Schedule::new(World::default(), community(20_000), 20.0, 1);
        let mut per_second: BTreeMap<u64, usize> = BTreeMap::new();
        for message in schedule.take_while(|m| m.at_ms < 60_000) {
            *per_second.entry(message.at_ms / 1000).or_default() += 1;
        }
        let total: usize = per_second.values().sum();
        assert!(total as f64 / 60.0 <= MAX_MESSAGES_PER_S, "{total}");
        let world = World::default();
        let dead = community(1000).iter().filter(|d| !world.is_alive(d, 4000.0)).count();
        assert!((10..80).contains(&dead), "{dead}");
    }

    #[test]
    fn values_stay_in_range_for_every_known_and_unknown_key() {
        let world = World::default();
        let keys = ["water_level_m", "ponding_depth_m", "battery_pct", "door_open", "lift_floor", "pm25_ugpm3", "x_y"];
        for key in keys {
            let d = device("pump_station", 1, &[(key, 0.0, 3.0, false)]);
            for t in 0..500 {
                let value = world.value(&d, &d.series[0], f64::from(t) * 60.0);
                assert!((0.0..=3.0).contains(&value), "{key} {value}");
            }
        }
    }

    #[test]
    fn bare_numbers_are_sent_bare() {
        let mut d = device("meter", 1, &[("power_kw", 0.0, 10.0, false)]);
        d.series[0].payload_path = String::new();
        let message = Schedule::new(World::default(), vec![d], 1.0, 1).next().unwrap();
        assert!(message.payload(5).parse::<f64>().is_ok());
    }
}
