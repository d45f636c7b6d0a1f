//! Which topic tells about which property of which entity.

use std::collections::BTreeMap;
use twin_model::{ClassTraits, EntityId, PropertyId, PropertyTraits};

/// One row of the binding table (`bindings.csv` of a pack).
#[derive(Debug, Clone, PartialEq)]
pub struct BindingRow {
    /// Exact MQTT topic.
    pub topic: String,
    /// Observed entity.
    pub entity: EntityId,
    /// Observed property.
    pub property: PropertyId,
    /// Dotted path of the value in the payload; empty for the payload itself.
    pub payload_path: String,
    /// Expected time between samples, seconds.
    pub expected_interval_s: f64,
    /// Physically possible values, in the property's unit: (least, greatest).
    pub range: (f64, f64),
}

/// What one topic feeds.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Observed entity.
    pub entity: EntityId,
    /// Observed property.
    pub property: PropertyId,
    /// Dotted path of the value in the payload.
    pub payload_path: String,
    /// Physically possible values: (least, greatest).
    pub range: (f64, f64),
}

/// The binding table, indexed by topic and by series.
#[derive(Debug, Clone, Default)]
pub struct BindingIndex {
    topics: BTreeMap<String, Vec<Target>>,
    intervals: BTreeMap<(EntityId, PropertyId), f64>,
    traits: BTreeMap<PropertyId, PropertyTraits>,
    /// Seconds after which values of an entity are stale, where its class says so.
    stale_after_s: BTreeMap<EntityId, f64>,
}

impl BindingIndex {
    /// Indexes rows; several rows may share a topic. A row that repeats an earlier (topic, entity, property) replaces it.
    #[must_use]
    pub fn new(rows: impl IntoIterator<Item = BindingRow>) -> Self {
        let mut index = Self::default();
        for row in rows {
            index.intervals.insert((row.entity, row.property), row.expected_interval_s);
            let targets = index.topics.entry(row.topic).or_default();
            targets.retain(|t| (t.entity, t.property) != (row.entity, row.property));
            let BindingRow { entity, property, payload_path, range, .. } = row;
            targets.push(Target { entity, property, payload_path, range });
        }
        index
    }

    /// Adds what the device types say beyond ranges and intervals.
    #[must_use]
    pub fn with_traits(
        mut self,
        of_property: impl Fn(PropertyId) -> PropertyTraits,
        of_entity: impl Fn(EntityId) -> ClassTraits,
    ) -> Self {
        for (entity, property) in self.intervals.keys() {
            let traits = of_property(*property);
            if traits != PropertyTraits::default() {
                self.traits.insert(*property, traits);
            }
            if let Some(seconds) = of_entity(*entity).stale_after_s {
                self.stale_after_s.insert(*entity, seconds);
            }
        }
        self
    }

    /// Traits of a property.
    #[must_use]
    pub fn traits(&self, property: PropertyId) -> PropertyTraits {
        self.traits.get(&property).copied().unwrap_or_default()
    }

    /// The interval that staleness goes by, seconds: a third of the class's `stale_after_s`, or the expected interval.
    #[must_use]
    pub fn stale_interval_s(&self, entity: EntityId, property: PropertyId) -> Option<f64> {
        let own = self.stale_after_s.get(&entity).map(|s| s / crate::stale::STALE_AFTER_INTERVALS);
        own.or_else(|| self.expected_interval_s(entity, property))
    }

    /// What a topic feeds; empty when it is not bound.
    #[must_use]
    pub fn targets(&self, topic: &str) -> &[Target] {
        self.topics.get(topic).map_or(&[], Vec::as_slice)
    }

    /// Expected time between samples of a series, seconds; `None` when nothing feeds it.
    #[must_use]
    pub fn expected_interval_s(&self, entity: EntityId, property: PropertyId) -> Option<f64> {
        self.intervals.get(&(entity, property)).copied()
    }

    /// Number of bound topics.
    #[must_use]
    pub fn topic_count(&self) -> usize {
        self.topics.len()
    }

    /// Number of fed series.
    #[must_use]
    pub fn series_count(&self) -> usize {
        self.intervals.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_topic_can_feed_several_series() {
        let row = |topic: &str, property: u16, path: &str| BindingRow {
            topic: topic.into(),
            entity: EntityId(1),
            property: PropertyId(property),
            payload_path: path.into(),
            expected_interval_s: 60.0,
            range: (0.0, 1.0),
        };
        let index = BindingIndex::new([row("a", 0, "m.x"), row("a", 1, "m.y"), row("b", 0, "v"), row("a", 0, "m.z")]);
        assert_eq!((index.topic_count(), index.series_count()), (2, 2));
        let paths: Vec<_> = index.targets("a").iter().map(|t| t.payload_path.as_str()).collect();
        assert_eq!(paths, ["m.y", "m.z"]);
        assert!(index.targets("a/b").is_empty());
        assert_eq!(index.expected_interval_s(EntityId(1), PropertyId(1)), Some(60.0));
        assert_eq!(index.expected_interval_s(EntityId(2), PropertyId(1)), None);
    }
}
