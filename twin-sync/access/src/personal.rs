//! What is personal (个人信息): the twin counts people without telling who they are or how they live, except to those
//! who were granted to know.

use crate::grant::Field;
use twin_model::{CommunityModel, Entity, EntityId, EntityKind, PropertyId, PropertyTable};

/// What is told of a household (户) to everybody: where it is in its building.
const HOUSEHOLD_ATTRIBUTES: [&str; 2] = ["storey", "unit"];
/// Attributes whose name contains one of these are personal in every kind.
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
/// Attributes of the evacuation-assistance list (疏散协助名单).
const EVACUATION_WORDS: [&str; 7] = ["assist", "evacuation", "wheelchair", "disab", "协助", "行动不便", "残疾"];

/// True when the whole entity is personal: its device class is marked `personal` in the pack's device types (紧急呼叫: it
/// tells where somebody lives who needs help).
#[must_use]
pub fn is_personal(properties: &PropertyTable, entity: &Entity) -> bool {
    properties.class_traits_of(&entity.class).personal
}

/// The field that an attribute of this kind of entity belongs to; `None` when everybody who sees the entity may see it.
#[must_use]
pub fn attribute_field(kind: EntityKind, key: &str) -> Option<Field> {
    let lower = key.to_lowercase();
    if EVACUATION_WORDS.iter().any(|word| lower.contains(word)) {
        return Some(Field::Evacuation);
    }
    let personal = match kind {
        EntityKind::Household => !HOUSEHOLD_ATTRIBUTES.contains(&key),
        _ => PERSONAL_WORDS.iter().any(|word| lower.contains(word)),
    };
    personal.then_some(Field::Personal)
}

/// True when values of the series may be shown to those without [`Field::Personal`]. Inside a household only what an
/// alarm rule of the device's class watches and nothing marked `personal`: a smoke detector's smoke, not the meter that tells
/// when somebody is at home.
#[must_use]
pub fn shows_series(
    model: &CommunityModel,
    properties: &PropertyTable,
    entity: EntityId,
    property: PropertyId,
) -> bool {
    let Some(found) = model.get(entity).filter(|e| !is_personal(properties, e)) else { return false };
    if model.nearest(entity, EntityKind::Household).is_none() {
        return true;
    }
    if properties.traits_of(property).personal {
        return false;
    }
    let (class, def) = (properties.classes.get(&found.class), properties.def(property));
    class.zip(def).is_some_and(|(class, def)| class.alarms.iter().any(|rule| rule.property == def.key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_numbers_and_needs_of_people_are_masked() {
        use EntityKind::{Building, Estate, Household, Poi};
        assert_eq!(attribute_field(Household, "storey"), None);
        assert_eq!(attribute_field(Household, "people"), Some(Field::Personal));
        assert_eq!(attribute_field(Household, "need_assistance"), Some(Field::Evacuation));
        assert_eq!(attribute_field(Building, "year"), None);
        assert_eq!(attribute_field(Estate, "联系电话"), Some(Field::Personal));
        assert_eq!(attribute_field(Poi, "Contact_Phone"), Some(Field::Personal));
        assert_eq!(attribute_field(Building, "疏散协助"), Some(Field::Evacuation));
    }
}
