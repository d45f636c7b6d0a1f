//! Devices at the MQTT listener: who may come in, and what they may publish to. Without credentials of any device in
//! the folder every device may, as on a server without accounts.

use super::sessions::Access;
use crate::twin::now;
use access::{AuditEvent, AuditKind, Outcome, check_device_id};
use std::sync::Arc;

/// Decides about one connection.
pub(crate) struct DeviceGate {
    access: Option<Arc<Access>>,
    from: String,
}

/// What a connection was admitted as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Devices have no credentials here.
    Anyone,
    /// This device.
    Device(String),
}

impl DeviceGate {
    pub(crate) fn new(access: Option<Arc<Access>>, from: String) -> Self {
        Self { access, from }
    }

    /// The client id must be the device's, and the user name too; neither tells which of the three was wrong.
    pub(crate) fn admit(&self, client: &str, user: Option<&str>, password: Option<&[u8]>) -> Option<Admission> {
        let Some(access) = self.access.as_ref().filter(|a| a.devices_are_known()) else {
            return Some(Admission::Anyone);
        };
        let named = check_device_id(client).is_ok() && user == Some(client);
        let device = named.then(|| access.device(client)).flatten();
        if device.is_some_and(|d| d.admits(password.unwrap_or_default())) {
            return Some(Admission::Device(client.to_owned()));
        }
        self.refuse(client, "connect", "credentials are not right");
        None
    }

    /// Judged anew for each message: a device that was shut, or lost a topic, is refused at once.
    pub(crate) fn may_publish(&self, admission: &Admission, topic: &str) -> bool {
        let Some(access) = &self.access else { return true };
        let may = match admission {
            // Credentials that came since have to be shown.
            Admission::Anyone => !access.devices_are_known(),
            Admission::Device(id) => access.device(id).is_some_and(|d| d.enabled && d.may_publish(topic)),
        };
        if !may {
            self.refuse(name_of(admission), "publish", topic);
        }
        may
    }

    /// A device may listen to its own commands and to nothing else.
    pub(crate) fn may_listen(&self, admission: &Admission, topic: &str) -> bool {
        let may = match (&self.access, admission) {
            (None, _) => true,
            (Some(access), Admission::Anyone) => !access.devices_are_known(),
            (Some(access), Admission::Device(id)) => {
                access.device(id).is_some_and(|d| d.enabled && d.may_listen(topic))
            }
        };
        if !may {
            self.refuse(name_of(admission), "subscribe", topic);
        }
        may
    }

    fn refuse(&self, client: &str, what: &str, note: &str) {
        let Some(access) = &self.access else { return };
        // One device gone mad must not fill the trace.
        if !access.throttles().device_refusals.take(&self.from, now()) {
            return;
        }
        let clip = |text: &str| text.chars().filter(|c| !c.is_control()).take(128).collect::<String>();
        access.auditor.note(AuditEvent {
            kind: AuditKind::Device,
            outcome: Outcome::Refused,
            account: None,
            who: clip(client),
            from: self.from.clone(),
            subject: format!("MQTT {what}"),
            note: clip(note),
        });
    }
}

fn name_of(admission: &Admission) -> &str {
    if let Admission::Device(id) = admission { id } else { "" }
}
