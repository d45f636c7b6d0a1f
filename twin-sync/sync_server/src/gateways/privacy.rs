//! What is personal and therefore never leaves through a gateway: they have no accounts, and the twin counts people
//! without telling who or how they live.

use twin_model::{Alarm, Entity, EntityId, EntityKind, PropertyId};

use super::Gateway;

/// What is told of a household (户): where it is in its building.
const HOUSEHOLD_ATTRIBUTES: [&str; 2] = ["storey", "unit"];
/// Attributes whose name contains one of these are left out of every kind.
const PERSONAL_WORDS: [&str; 15] = [
    "phone",
    "mobile",
    "person",
    "resident",
    "contact",
    "id_card",
    "email",
    "birth",
    "姓名",
    "电话",
    "手机",
    "身份证",
    "联系",
    "户主",
    "业主",
];

/// True when an attribute of this kind of entity may be shown.
pub(super) fn shows_attribute(kind: EntityKind, key: &str) -> bool {
    if kind == EntityKind::Household {
        return HOUSEHOLD_ATTRIBUTES.contains(&key);
    }
    let key = key.to_lowercase();
    !PERSONAL_WORDS.iter().any(|word| key.contains(word))
}

impl Gateway {
    /// True when the entity is not shown at all: its device class is marked `personal` in the pack's device types
    /// (紧急呼叫: it tells where somebody lives who needs help).
    pub(super) fn is_personal(&self, entity: &Entity) -> bool {
        self.twin.pack.properties.class_traits_of(&entity.class).personal
    }

    /// True when values of the series may be shown. Inside a household only what an alarm rule of the device's class
    /// watches and nothing marked `personal`: a smoke detector's smoke, not the meter that tells when somebody is at home.
    pub(super) fn shows_series(&self, entity: EntityId, property: PropertyId) -> bool {
        let pack = &self.twin.pack;
        let Some(found) = pack.model.get(entity).filter(|e| !self.is_personal(e)) else { return false };
        if pack.model.nearest(entity, EntityKind::Household).is_none() {
            return true;
        }
        if pack.properties.traits_of(property).personal {
            return false;
        }
        let (class, def) = (pack.properties.classes.get(&found.class), pack.properties.def(property));
        class.zip(def).is_some_and(|(class, def)| class.alarms.iter().any(|rule| rule.property == def.key))
    }

    /// True when an alarm may be shown.
    pub(super) fn shows_alarm(&self, alarm: &Alarm) -> bool {
        self.twin.pack.model.get(alarm.entity).is_some_and(|e| !self.is_personal(e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_of_people_are_left_out() {
        assert!(shows_attribute(EntityKind::Household, "storey") && !shows_attribute(EntityKind::Household, "people"));
        assert!(shows_attribute(EntityKind::Building, "year") && !shows_attribute(EntityKind::Estate, "联系电话"));
        assert!(!shows_attribute(EntityKind::Poi, "Contact_Phone"));
    }
}
