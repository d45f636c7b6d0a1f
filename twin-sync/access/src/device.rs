//! Who a device is at the MQTT listener, and the topics it may publish to: literal ones, never made from what a client
//! says of itself.

use crate::secret::{Secret, SecretHash};

/// A device's credentials (设备身份).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceIdentity {
    /// Its id: client id and user name at once, `[A-Za-z0-9_-]{1,64}`.
    pub id: String,
    /// Hash of its secret.
    pub secret: SecretHash,
    /// The topics it may publish to, each literal, sorted.
    pub topics: Vec<String>,
    /// False when it was shut.
    pub enabled: bool,
}

/// What is wrong with a device's identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// Id.
    #[error("device id {0:?}: must be 1..64 of A-Z a-z 0-9 _ -")]
    Id(String),
    /// Topic.
    #[error("topic {0:?}: must be 1..512 bytes, literal (no + # $ or control characters)")]
    Topic(String),
}

/// Checks a device id: `[A-Za-z0-9_-]{1,64}`.
///
/// # Errors
/// [`DeviceError::Id`].
pub fn check_device_id(id: &str) -> Result<(), DeviceError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    let fits = (1..=64).contains(&id.len()) && id.bytes().all(plain);
    if fits { Ok(()) } else { Err(DeviceError::Id(id.chars().take(80).collect())) }
}

/// Checks a topic that is granted.
///
/// # Errors
/// [`DeviceError::Topic`].
pub fn check_topic(topic: &str) -> Result<(), DeviceError> {
    let fits = (1..=512).contains(&topic.len()) && !topic.chars().any(|c| c.is_control() || "+#$".contains(c));
    if fits { Ok(()) } else { Err(DeviceError::Topic(topic.chars().take(80).collect())) }
}

impl DeviceIdentity {
    /// True for the right secret of an enabled device. `password` is whatever the client sent.
    #[must_use]
    pub fn admits(&self, password: &[u8]) -> bool {
        let secret = std::str::from_utf8(password).ok().and_then(Secret::parse);
        self.enabled && secret.is_some_and(|s| self.secret.is_of(&s))
    }

    /// True when the device may publish to the topic: one that it was granted, or the acknowledgement of its commands.
    #[must_use]
    pub fn may_publish(&self, topic: &str) -> bool {
        let own_ack = || topic.strip_suffix("/up/cmd_ack").is_some_and(|prefix| self.is_at(prefix));
        self.topics.binary_search_by(|t| t.as_str().cmp(topic)).is_ok() || own_ack()
    }

    /// True for the topic on which the device's own commands are published, `P/down/cmd`.
    #[must_use]
    pub fn may_listen(&self, topic: &str) -> bool {
        topic.strip_suffix("/down/cmd").is_some_and(|prefix| self.is_at(prefix))
    }

    /// True when it publishes to `P/up/…`.
    fn is_at(&self, prefix: &str) -> bool {
        let up = |t: &String| t.strip_prefix(prefix).is_some_and(|rest| rest.starts_with("/up/"));
        self.topics.iter().any(up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SecretKind;

    #[test]
    fn ids_and_topics_are_literal() {
        assert!(check_device_id("gw-01_A").is_ok());
        for bad in ["", "a+b", "a/b", "#", "$SYS", "a\0", "设备", &"x".repeat(65)] {
            assert!(check_device_id(bad).is_err(), "{bad:?}");
        }
        assert!(check_topic("cim/v1/1/g/smoke/d1/up/telemetry").is_ok());
        for bad in ["", "a/+", "#", "$SYS/x", "a\nb", &"x".repeat(513)] {
            assert!(check_topic(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_device_is_let_in_by_its_own_secret_to_its_own_topics() {
        let secret = Secret::new(SecretKind::Device, [3; 32]);
        let topics = vec!["a/1".to_owned(), "a/2".to_owned()];
        let mut device = DeviceIdentity { id: "d".into(), secret: secret.hash(), topics, enabled: true };
        assert!(device.admits(secret.to_text().as_bytes()));
        assert!(!device.admits(b"") && !device.admits(&[0xff, 0xfe]));
        assert!(!device.admits(Secret::new(SecretKind::Token, [3; 32]).to_text().as_bytes()));
        assert!(device.may_publish("a/2") && !device.may_publish("a/22") && !device.may_publish("a/"));
        device.topics = vec!["a/b/up/telemetry".to_owned()];
        assert!(device.may_listen("a/b/down/cmd") && device.may_publish("a/b/up/cmd_ack"));
        for other in ["a/down/cmd", "a/bb/down/cmd", "a/b/up/down/cmd", "a/b/down/cmd/x", "#", "/down/cmd"] {
            assert!(!device.may_listen(other), "{other}");
        }
        assert!(!device.may_publish("a/c/up/cmd_ack"));
        device.enabled = false;
        assert!(!device.admits(secret.to_text().as_bytes()));
    }
}
