//! Devices as the bindings describe them.

use crate::noise::key_of;
use community_pack::Pack;
use std::collections::BTreeMap;
use twin_model::EntityId;

/// One property that a device reports.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundSeries {
    /// Property key.
    pub property: String,
    /// Where the value goes in the payload.
    pub payload_path: String,
    /// Possible values, in the property's unit: (least, greatest).
    pub range: (f64, f64),
    /// True for states (0, 1 …) rather than measured quantities.
    pub is_state: bool,
}

/// Everything that publishes on one topic.
#[derive(Debug, Clone, PartialEq)]
pub struct SimDevice {
    /// Its topic.
    pub topic: String,
    /// Device class key; empty when the entity has none.
    pub class: String,
    /// The entity observed first.
    pub entity: EntityId,
    /// What it reports.
    pub series: Vec<BoundSeries>,
    /// Expected time between messages, seconds.
    pub expected_interval_s: f64,
    /// Randomness of its own.
    pub(crate) key: u64,
    /// Position among the devices of its class: events choose by it.
    pub(crate) rank: usize,
}

/// The devices of a pack: bindings grouped by topic, in topic order.
#[must_use]
pub fn devices_of(pack: &Pack, seed: u64) -> Vec<SimDevice> {
    let mut by_topic: BTreeMap<&str, SimDevice> = BTreeMap::new();
    for binding in &pack.bindings {
        let Some(def) = pack.properties.def(binding.property) else { continue };
        let device = by_topic.entry(&binding.topic).or_insert_with(|| SimDevice {
            topic: binding.topic.clone(),
            class: pack.model.get(binding.entity).map_or_else(String::new, |e| e.class.clone()),
            entity: binding.entity,
            series: Vec::new(),
            expected_interval_s: binding.expected_interval_s,
            key: key_of(&binding.topic) ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            rank: 0,
        });
        device.series.push(BoundSeries {
            property: def.key.clone(),
            payload_path: binding.payload_path.clone(),
            range: binding.range,
            is_state: !def.states.is_empty(),
        });
    }
    ranked(by_topic.into_values().collect())
}

/// Numbers the devices of each class in the order of their own randomness.
pub(crate) fn ranked(mut devices: Vec<SimDevice>) -> Vec<SimDevice> {
    let mut keys: Vec<(String, u64, usize)> =
        devices.iter().enumerate().map(|(i, d)| (d.class.clone(), d.key, i)).collect();
    keys.sort();
    let mut previous: Option<String> = None;
    let mut rank = 0;
    for (class, _, i) in keys {
        rank = if previous.as_deref() == Some(class.as_str()) { rank + 1 } else { 0 };
        previous = Some(class);
        if let Some(device) = devices.get_mut(i) {
            device.rank = rank;
        }
    }
    devices
}
