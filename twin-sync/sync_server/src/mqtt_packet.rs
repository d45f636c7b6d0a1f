//! The packets an ingest-only listener needs, for MQTT 3.1.1 and 5 alike. The wire format itself is `rmqtt-codec`'s.

use bytes::{Bytes, BytesMut};
use rmqtt_codec::error::{DecodeError, EncodeError};
use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::v5::PublishProperties;
use rmqtt_codec::version::{ProtocolVersion, VersionCodec};
use rmqtt_codec::{MqttCodec, MqttPacket, v3, v5};
use std::num::NonZeroU16;
use tokio_util::codec::{Decoder, Encoder};

/// Payload limit plus room for a topic and properties, bytes.
pub(crate) const MAX_PACKET: u32 = 256 * 1024 + 8 * 1024;
/// QoS 1 messages a client may have in flight: the rate is at most this over the commit time, so it must be large.
pub(crate) const RECEIVE_MAX: u16 = 4096;

/// A message to publish when its client vanishes.
#[derive(Debug, Clone)]
pub(crate) struct Will {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
}

/// What a client sent.
#[derive(Debug)]
pub(crate) enum Packet {
    Connect {
        client_id: String,
        keep_alive_s: u16,
        will: Option<Will>,
        user: Option<String>,
        password: Option<Bytes>,
    },
    Publish {
        topic: String,
        payload: Bytes,
        retained: bool,
        packet_id: Option<NonZeroU16>,
        exactly_once: bool,
    },
    Release(NonZeroU16),
    Subscribe {
        packet_id: NonZeroU16,
        filters: Vec<String>,
    },
    Unsubscribe {
        packet_id: NonZeroU16,
        filters: usize,
    },
    Ping,
    /// True when the will is to be published all the same (5 only).
    Disconnect {
        with_will: bool,
    },
    /// Nothing a client may send to a listener without subscriptions.
    Unexpected,
}

/// What is sent back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Accepted; a client that came without an id is told the one it got.
    Accept {
        assigned: Option<String>,
    },
    BadClientId,
    BadCredentials,
    Unavailable,
    PublishAck(NonZeroU16),
    /// Not permitted on this topic (5 only: 3.1.1 can only end the connection).
    PublishRefused {
        packet_id: NonZeroU16,
        exactly_once: bool,
    },
    PublishReceived(NonZeroU16),
    PublishComplete(NonZeroU16),
    /// For each filter whether it was granted, at QoS 0.
    Subscribed {
        packet_id: NonZeroU16,
        granted: Vec<bool>,
    },
    /// A message for the device, at QoS 0.
    Deliver {
        topic: String,
        payload: Bytes,
    },
    Unsubscribed {
        packet_id: NonZeroU16,
        filters: usize,
    },
    Pong,
    Goodbye(Goodbye),
}

/// Why the server ends a connection; only 5 has a packet for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goodbye {
    TooLarge,
    Malformed,
    TakenOver,
    ShuttingDown,
    KeepAlive,
    NotAuthorized,
}

/// Codec of one connection; finds the version by itself.
pub(crate) struct Wire(MqttCodec);

impl Wire {
    pub(crate) fn new() -> Self {
        Self(MqttCodec::Version(VersionCodec))
    }

    /// Takes one packet from the front of `buffer`; `None` when it is not complete.
    pub(crate) fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Packet>, DecodeError> {
        loop {
            let Some((packet, _)) = self.0.decode(buffer)? else { return Ok(None) };
            match packet {
                MqttPacket::Version(ProtocolVersion::MQTT3) => self.0 = MqttCodec::V3(v3::Codec::new(MAX_PACKET)),
                MqttPacket::Version(ProtocolVersion::MQTT5) => self.0 = MqttCodec::V5(v5::Codec::new(MAX_PACKET, 0)),
                MqttPacket::V3(packet) => return Ok(Some(from_v3(packet))),
                MqttPacket::V5(packet) => return Ok(Some(from_v5(packet))),
            }
        }
    }

    /// True for a version that can refuse one message and go on.
    pub(crate) fn can_refuse_publish(&self) -> bool {
        matches!(self.0, MqttCodec::V5(_))
    }

    /// Appends an answer; what the version has no packet for is left out.
    pub(crate) fn encode(&mut self, answer: Answer, out: &mut BytesMut) -> Result<(), EncodeError> {
        let packet = match &self.0 {
            MqttCodec::V3(_) => to_v3(answer).map(MqttPacket::V3),
            MqttCodec::V5(_) => Some(MqttPacket::V5(to_v5(answer))),
            MqttCodec::Version(_) => None,
        };
        packet.map_or(Ok(()), |packet| self.0.encode(packet, out))
    }

    /// A second codec of the same version, for the task that writes.
    pub(crate) fn for_writing(&self) -> Self {
        Self(match &self.0 {
            MqttCodec::V3(_) => MqttCodec::V3(v3::Codec::new(MAX_PACKET)),
            MqttCodec::V5(_) => MqttCodec::V5(v5::Codec::new(MAX_PACKET, 0)),
            MqttCodec::Version(_) => MqttCodec::Version(VersionCodec),
        })
    }
}

fn from_v3(packet: v3::Packet) -> Packet {
    match packet {
        v3::Packet::Connect(c) => Packet::Connect {
            client_id: c.client_id.to_string(),
            keep_alive_s: c.keep_alive,
            user: c.username.map(|u| u.to_string()),
            password: c.password,
            will: c.last_will.map(|w| Will { topic: w.topic.to_string(), payload: w.message }),
        },
        v3::Packet::Publish(p) => Packet::Publish {
            topic: p.topic.to_string(),
            payload: p.payload,
            retained: p.retain,
            packet_id: p.packet_id,
            exactly_once: p.qos == QoS::ExactlyOnce,
        },
        v3::Packet::PublishRelease { packet_id } => Packet::Release(packet_id),
        v3::Packet::Subscribe { packet_id, topic_filters } => {
            let filters = topic_filters.iter().map(|(filter, _)| filter.to_string()).collect();
            Packet::Subscribe { packet_id, filters }
        }
        v3::Packet::Unsubscribe { packet_id, topic_filters } => {
            Packet::Unsubscribe { packet_id, filters: topic_filters.len() }
        }
        v3::Packet::PingRequest => Packet::Ping,
        v3::Packet::Disconnect => Packet::Disconnect { with_will: false },
        _ => Packet::Unexpected,
    }
}

fn from_v5(packet: v5::Packet) -> Packet {
    match packet {
        v5::Packet::Connect(c) => Packet::Connect {
            client_id: c.client_id.to_string(),
            keep_alive_s: c.keep_alive,
            user: c.username.map(|u| u.to_string()),
            password: c.password,
            will: c.last_will.map(|w| Will { topic: w.topic.to_string(), payload: w.message }),
        },
        // Topic aliases were not offered in CONNACK.
        v5::Packet::Publish(p) if p.properties.as_ref().is_some_and(|p| p.topic_alias.is_some()) => Packet::Unexpected,
        v5::Packet::Publish(p) => Packet::Publish {
            topic: p.topic.to_string(),
            payload: p.payload,
            retained: p.retain,
            packet_id: p.packet_id,
            exactly_once: p.qos == QoS::ExactlyOnce,
        },
        v5::Packet::PublishRelease(ack) => Packet::Release(ack.packet_id),
        v5::Packet::Subscribe(s) => {
            let filters = s.topic_filters.iter().map(|(filter, _)| filter.to_string()).collect();
            Packet::Subscribe { packet_id: s.packet_id, filters }
        }
        v5::Packet::Unsubscribe(u) => Packet::Unsubscribe { packet_id: u.packet_id, filters: u.topic_filters.len() },
        v5::Packet::PingRequest => Packet::Ping,
        v5::Packet::Disconnect(d) => {
            Packet::Disconnect { with_will: d.reason_code == v5::DisconnectReasonCode::DisconnectWithWillMessage }
        }
        _ => Packet::Unexpected,
    }
}

fn to_v3(answer: Answer) -> Option<v3::Packet> {
    let connack = |return_code| v3::Packet::ConnectAck(v3::ConnectAck { return_code, session_present: false });
    Some(match answer {
        Answer::Accept { .. } => connack(v3::ConnectAckReason::ConnectionAccepted),
        Answer::BadClientId => connack(v3::ConnectAckReason::IdentifierRejected),
        Answer::BadCredentials => connack(v3::ConnectAckReason::BadUserNameOrPassword),
        Answer::Unavailable => connack(v3::ConnectAckReason::ServiceUnavailable),
        Answer::PublishRefused { .. } => return None,
        Answer::PublishAck(packet_id) => v3::Packet::PublishAck { packet_id },
        Answer::PublishReceived(packet_id) => v3::Packet::PublishReceived { packet_id },
        Answer::PublishComplete(packet_id) => v3::Packet::PublishComplete { packet_id },
        Answer::Subscribed { packet_id, granted } => {
            let code = |granted: bool| match granted {
                true => v3::SubscribeReturnCode::Success(QoS::AtMostOnce),
                false => v3::SubscribeReturnCode::Failure,
            };
            v3::Packet::SubscribeAck { packet_id, status: granted.into_iter().map(code).collect() }
        }
        Answer::Deliver { topic, payload } => v3::Packet::Publish(Box::new(publish(topic, payload, None))),
        Answer::Unsubscribed { packet_id, .. } => v3::Packet::UnsubscribeAck { packet_id },
        Answer::Pong => v3::Packet::PingResponse,
        Answer::Goodbye(_) => return None,
    })
}

fn to_v5(answer: Answer) -> v5::Packet {
    match answer {
        Answer::Accept { assigned } => v5_connack(v5::ConnectAckReason::Success, assigned),
        Answer::BadClientId => v5_connack(v5::ConnectAckReason::ClientIdentifierNotValid, None),
        Answer::BadCredentials => v5_connack(v5::ConnectAckReason::BadUserNameOrPassword, None),
        Answer::Unavailable => v5_connack(v5::ConnectAckReason::ServerUnavailable, None),
        Answer::PublishRefused { packet_id, exactly_once: false } => v5::Packet::PublishAck(v5::PublishAck {
            reason_code: v5::PublishAckReason::NotAuthorized,
            ..v5_ack(packet_id)
        }),
        Answer::PublishRefused { packet_id, exactly_once: true } => v5::Packet::PublishReceived(v5::PublishAck {
            reason_code: v5::PublishAckReason::NotAuthorized,
            ..v5_ack(packet_id)
        }),
        Answer::PublishAck(packet_id) => v5::Packet::PublishAck(v5_ack(packet_id)),
        Answer::PublishReceived(packet_id) => v5::Packet::PublishReceived(v5_ack(packet_id)),
        Answer::PublishComplete(packet_id) => v5::Packet::PublishComplete(v5::PublishAck2 {
            packet_id,
            reason_code: v5::PublishAck2Reason::Success,
            properties: vec![],
            reason_string: None,
        }),
        Answer::Subscribed { packet_id, granted } => {
            let refused = granted.iter().any(|g| !g);
            let code = |granted: bool| match granted {
                true => v5::SubscribeAckReason::GrantedQos0,
                false => v5::SubscribeAckReason::NotAuthorized,
            };
            let hint = "devices subscribe to their own down/cmd; follow live state on /ws";
            v5::Packet::SubscribeAck(v5::SubscribeAck {
                packet_id,
                properties: vec![],
                reason_string: refused.then(|| hint.into()),
                status: granted.into_iter().map(code).collect(),
            })
        }
        Answer::Deliver { topic, payload } => {
            let properties = Some(PublishProperties::default());
            v5::Packet::Publish(Box::new(publish(topic, payload, properties)))
        }
        Answer::Unsubscribed { packet_id, filters } => v5::Packet::UnsubscribeAck(v5::UnsubscribeAck {
            packet_id,
            properties: vec![],
            reason_string: None,
            status: vec![v5::UnsubscribeAckReason::NoSubscriptionExisted; filters],
        }),
        Answer::Pong => v5::Packet::PingResponse,
        Answer::Goodbye(why) => v5::Packet::Disconnect(v5::Disconnect {
            reason_code: goodbye_code(why),
            session_expiry_interval_secs: None,
            server_reference: None,
            reason_string: None,
            user_properties: vec![],
        }),
    }
}

fn publish(topic: String, payload: Bytes, properties: Option<PublishProperties>) -> Publish {
    let (dup, retain, qos, packet_id) = (false, false, QoS::AtMostOnce, None);
    Publish { dup, retain, qos, topic: topic.into(), packet_id, payload, properties }
}

fn goodbye_code(why: Goodbye) -> v5::DisconnectReasonCode {
    match why {
        Goodbye::TooLarge => v5::DisconnectReasonCode::PacketTooLarge,
        Goodbye::Malformed => v5::DisconnectReasonCode::MalformedPacket,
        Goodbye::TakenOver => v5::DisconnectReasonCode::SessionTakenOver,
        Goodbye::ShuttingDown => v5::DisconnectReasonCode::ServerShuttingDown,
        Goodbye::KeepAlive => v5::DisconnectReasonCode::KeepAliveTimeout,
        Goodbye::NotAuthorized => v5::DisconnectReasonCode::NotAuthorized,
    }
}

fn v5_ack(packet_id: NonZeroU16) -> v5::PublishAck {
    v5::PublishAck { packet_id, reason_code: v5::PublishAckReason::Success, properties: vec![], reason_string: None }
}

fn v5_connack(reason_code: v5::ConnectAckReason, assigned: Option<String>) -> v5::Packet {
    v5::Packet::ConnectAck(Box::new(v5::ConnectAck {
        reason_code,
        receive_max: NonZeroU16::new(RECEIVE_MAX).unwrap_or(NonZeroU16::MAX),
        max_packet_size: Some(MAX_PACKET),
        assigned_client_id: assigned.map(Into::into),
        retain_available: true,
        wildcard_subscription_available: false,
        subscription_identifiers_available: false,
        shared_subscription_available: false,
        ..v5::ConnectAck::default()
    }))
}
