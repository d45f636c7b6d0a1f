//! Alarm rules of device classes, and one step of the alarm state machine (ISA-18.2, see `twin_model::AlarmState`).

use std::collections::BTreeMap;
use twin_model::{
    Alarm, AlarmRule, AlarmState, CommunityModel, EntityId, Observation, PropertyId, PropertyTable, Quality,
};

/// Which rules watch which series: the class of an entity gives its rules.
#[derive(Debug, Clone, Default)]
pub struct RuleBook {
    classes: Vec<BTreeMap<PropertyId, Vec<(u16, AlarmRule)>>>,
    class_of: BTreeMap<EntityId, usize>,
}

impl RuleBook {
    /// Collects the rules of every entity whose `class` is a device class.
    #[must_use]
    pub fn new(model: &CommunityModel, table: &PropertyTable) -> Self {
        Self::from_classes(model.entities().iter().map(|e| (e.id, e.class.as_str())), table)
    }

    /// The same from (entity, class key) pairs.
    #[must_use]
    pub fn from_classes<'a>(entities: impl IntoIterator<Item = (EntityId, &'a str)>, table: &PropertyTable) -> Self {
        let mut book = Self::default();
        let mut position = BTreeMap::new();
        for (key, class) in table.classes.iter().filter(|(_, c)| !c.alarms.is_empty()) {
            let mut rules: BTreeMap<PropertyId, Vec<(u16, AlarmRule)>> = BTreeMap::new();
            for (i, rule) in class.alarms.iter().enumerate() {
                let (Some(property), Ok(i)) = (table.id(&rule.property), u16::try_from(i)) else { continue };
                rules.entry(property).or_default().push((i, rule.clone()));
            }
            position.insert(key.as_str(), book.classes.len());
            book.classes.push(rules);
        }
        let watched = entities.into_iter().filter_map(|(id, class)| Some((id, *position.get(class)?)));
        book.class_of = watched.collect();
        book
    }

    /// The rules of one series, with their index in the class.
    #[must_use]
    pub fn rules(&self, entity: EntityId, property: PropertyId) -> &[(u16, AlarmRule)] {
        let class = self.class_of.get(&entity).and_then(|i| self.classes.get(*i));
        class.and_then(|rules| rules.get(&property)).map_or(&[], Vec::as_slice)
    }
}

/// True when a sample may raise or clear alarms: physically possible, and measured.
pub(crate) fn may_alarm(sample: &Observation) -> bool {
    sample.quality.0 & (Quality::BAD_RANGE.0 | Quality::SIMULATED.0) == 0
}

/// The open alarm after a newer sample; `None` when nothing changes.
pub(crate) fn step(alarm: &Alarm, rule: &AlarmRule, sample: &Observation) -> Option<Alarm> {
    let active = matches!(alarm.state, AlarmState::Unacknowledged | AlarmState::Acknowledged);
    let mut next = alarm.clone();
    if active && rule.is_cleared(sample.value) {
        next.state = alarm.state.returned();
    } else if alarm.state == AlarmState::ReturnedUnacknowledged && rule.is_met(sample.value) {
        next.state = alarm.state.raised_again();
        next.count = alarm.count.saturating_add(1);
        next.value = sample.value;
    }
    (next.state != alarm.state).then(|| {
        next.changed_at = sample.observed_at;
        next
    })
}
