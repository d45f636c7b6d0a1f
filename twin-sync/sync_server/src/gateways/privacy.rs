//! What is personal and therefore never leaves through a gateway, whoever asks: standards' clients keep what they read.
//! Which things are personal is `access`'s to say.

use super::Gateway;
use twin_model::{Alarm, Entity, EntityId, EntityKind, PropertyId};

/// True when an attribute of this kind of entity may be shown.
pub(super) fn shows_attribute(kind: EntityKind, key: &str) -> bool {
    ::access::attribute_field(kind, key).is_none()
}

impl Gateway {
    /// True when the entity is shown to the caller.
    pub(super) fn shows_entity(&self, entity: &Entity) -> bool {
        !::access::is_personal(&self.twin.pack.properties, entity) && self.caller.sees(entity.id)
    }

    /// True when values of the series may be shown to the caller.
    pub(super) fn shows_series(&self, entity: EntityId, property: PropertyId) -> bool {
        let pack = &self.twin.pack;
        self.caller.sees(entity) && ::access::shows_series(&pack.model, &pack.properties, entity, property)
    }

    /// True when an alarm may be shown to the caller.
    pub(super) fn shows_alarm(&self, alarm: &Alarm) -> bool {
        self.twin.pack.model.get(alarm.entity).is_some_and(|e| self.shows_entity(e))
    }
}
