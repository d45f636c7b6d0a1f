//! The MQTT listener: ingest only. A message is acknowledged when it is on disk, never before.

use crate::access::{Admission, DeviceGate};
use crate::alarms::{Downlink, Outgoing};
use crate::mqtt_packet::{Answer, Goodbye, Packet, RECEIVE_MAX, Will, Wire};
use crate::twin::{Twin, now, stopped};
use crate::writer::{Job, Message};
use bytes::{Bytes, BytesMut};
use rmqtt_codec::error::DecodeError;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};

const MAX_CLIENTS: usize = 10_000;
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Used when a client asks for no keep-alive: a vanished peer must not hold a connection for ever.
const LONGEST_SILENCE: Duration = Duration::from_secs(24 * 3600);
/// Answers gathered before they are written.
const WRITE_CHUNK: usize = 16 * 1024;

/// Connections by client id, so that a second one with the same id ends the first.
#[derive(Default)]
struct Sessions {
    open: Mutex<BTreeMap<String, (u64, Arc<Notify>)>>,
    count: AtomicU64,
}

impl Sessions {
    fn enter(&self, client: &str) -> (u64, Arc<Notify>) {
        let (number, end) = (self.count.fetch_add(1, Ordering::Relaxed), Arc::new(Notify::new()));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, older)) = open.insert(client.to_owned(), (number, end.clone())) {
            older.notify_one();
        }
        (number, end)
    }

    fn leave(&self, client: &str, number: u64) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.get(client).is_some_and(|(n, _)| *n == number) {
            open.remove(client);
        }
    }
}

/// Accepts devices until the server stops.
pub(crate) async fn listen(twin: Arc<Twin>, listener: TcpListener) {
    let (sessions, places) = (Arc::new(Sessions::default()), Arc::new(Semaphore::new(MAX_CLIENTS)));
    let mut stopping = twin.stopping.subscribe();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(&mut stopping) => return,
        };
        let (stream, peer) = match accepted {
            Ok(pair) => pair,
            Err(error) => {
                // Out of file handles, most likely: wait for some to be given back.
                tracing::warn!(%error, "MQTT accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            twin.metrics.refused_clients.add(1);
            continue;
        };
        let (twin, sessions) = (twin.clone(), sessions.clone());
        tokio::spawn(async move {
            let guard = twin.metrics.mqtt_clients.enter();
            if let Err(end) = serve_client(&twin, &sessions, stream, peer).await {
                tracing::debug!(%peer, end, "MQTT client");
            }
            drop((guard, place));
        });
    }
}

async fn serve_client(
    twin: &Arc<Twin>,
    sessions: &Sessions,
    stream: TcpStream,
    peer: SocketAddr,
) -> Result<(), &'static str> {
    stream.set_nodelay(true).map_err(|_gone| "gone")?;
    let (mut read, write) = stream.into_split();
    let (mut wire, mut buffer) = (Wire::new(), BytesMut::with_capacity(4096));
    let first = tokio::time::timeout(CONNECT_WITHIN, next_packet(&mut read, &mut wire, &mut buffer)).await;
    let connect = match first {
        Ok(Ok(Some(packet))) => packet,
        Ok(Ok(None)) => return Ok(()),
        Ok(Err(_)) | Err(_) => {
            twin.metrics.refused_clients.add(1);
            return Err("no valid CONNECT");
        }
    };
    let Packet::Connect { client_id, keep_alive_s, will, user, password } = connect else {
        twin.metrics.refused_clients.add(1);
        return Err("the first packet is not CONNECT");
    };
    let mut out = Outbox { wire: wire.for_writing(), write, buffer: BytesMut::new() };
    let (client, assigned) = match name_client(&client_id, sessions) {
        Some(named) => named,
        None => {
            twin.metrics.refused_clients.add(1);
            out.send(Answer::BadClientId).await?;
            return Err("client id refused");
        }
    };
    let gate = DeviceGate::new(twin.access.clone(), peer.ip().to_string());
    let Some(admission) = gate.admit(&client_id, user.as_deref(), password.as_deref()) else {
        twin.metrics.refused_clients.add(1);
        out.send(Answer::BadCredentials).await?;
        return Err("credentials refused");
    };
    if twin.failure().is_some() {
        out.send(Answer::Unavailable).await?;
        return Err("not accepting");
    }
    out.send(Answer::Accept { assigned }).await?;
    let (answers, queue) = mpsc::channel(usize::from(RECEIVE_MAX));
    let (number, end) = sessions.enter(&client);
    let writer = tokio::spawn(write_answers(out, queue));
    let mut session = Session {
        twin: twin.clone(),
        client: client.as_str().into(),
        silence: silence(keep_alive_s),
        answers,
        held: BTreeSet::new(),
        gate,
        admission,
        goes_on_refused: wire.can_refuse_publish(),
        commands: Downlink::channel(),
    };
    let finish = session.run(read, wire, buffer, &end).await;
    sessions.leave(&client, number);
    if let (Finish::Abrupt | Finish::DisconnectWithWill, Some(Will { topic, payload })) = (&finish, will)
        && session.gate.may_publish(&session.admission, &topic)
    {
        session.submit(topic, payload, false, None).await?;
    }
    drop(session);
    // The writer ends by itself once what was received is on disk and answered.
    writer.await.map_err(|_panicked| "writer task")
}

fn silence(keep_alive_s: u16) -> Duration {
    match keep_alive_s {
        0 => LONGEST_SILENCE,
        s => Duration::from_millis(u64::from(s) * 1500),
    }
}

/// The id to use, and whether it was made up here; `None` when the client's own is not `[A-Za-z0-9_-]{1,64}`.
fn name_client(asked: &str, sessions: &Sessions) -> Option<(String, Option<String>)> {
    if asked.is_empty() {
        let made = format!("anon-{}", sessions.count.fetch_add(1, Ordering::Relaxed));
        return Some((made.clone(), Some(made)));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (asked.len() <= 64 && asked.chars().all(plain)).then(|| (asked.to_owned(), None))
}

async fn next_packet(
    read: &mut OwnedReadHalf,
    wire: &mut Wire,
    buffer: &mut BytesMut,
) -> Result<Option<Packet>, DecodeError> {
    loop {
        if let Some(packet) = wire.decode(buffer)? {
            return Ok(Some(packet));
        }
        // An I/O error is the end of the stream.
        if read.read_buf(buffer).await.unwrap_or(0) == 0 {
            return Ok(None);
        }
    }
}

enum Finish {
    Disconnect,
    DisconnectWithWill,
    Abrupt,
}

/// An answer in its place in the order of arrival.
enum Pending {
    Now(Answer),
    /// When the message is on disk.
    Stored(oneshot::Receiver<()>, Answer),
}

struct Session {
    twin: Arc<Twin>,
    client: Arc<str>,
    silence: Duration,
    answers: mpsc::Sender<Pending>,
    /// QoS 2 messages stored but not yet released by the client.
    held: BTreeSet<NonZeroU16>,
    gate: DeviceGate,
    admission: Admission,
    /// A message that is not permitted can be refused by itself (MQTT 5).
    goes_on_refused: bool,
    /// Commands to the devices of this connection.
    commands: (mpsc::Sender<Outgoing>, mpsc::Receiver<Outgoing>),
}

impl Session {
    async fn run(&mut self, mut read: OwnedReadHalf, mut wire: Wire, mut buffer: BytesMut, end: &Notify) -> Finish {
        let mut stopping = self.twin.stopping.subscribe();
        loop {
            let heard = tokio::select! {
                heard = tokio::time::timeout(self.silence, next_packet(&mut read, &mut wire, &mut buffer)) => heard,
                Some((topic, payload)) = self.commands.1.recv() => {
                    if self.answer(Answer::Deliver { topic, payload }).await.is_err() {
                        return Finish::Abrupt;
                    }
                    continue;
                }
                () = end.notified() => return self.goodbye(Goodbye::TakenOver).await,
                () = stopped(&mut stopping) => return self.goodbye(Goodbye::ShuttingDown).await,
            };
            let packet = match heard {
                Ok(Ok(Some(packet))) => packet,
                Ok(Ok(None)) => return Finish::Abrupt,
                Ok(Err(DecodeError::MaxSizeExceeded { size, .. })) => {
                    self.twin.metrics.oversized.add(1);
                    tracing::warn!(client = %self.client, size, "MQTT packet over the limit: connection ended");
                    return self.goodbye(Goodbye::TooLarge).await;
                }
                Ok(Err(_)) => return self.malformed().await,
                Err(_elapsed) => return self.goodbye(Goodbye::KeepAlive).await,
            };
            match self.take(packet).await {
                Ok(None) => {}
                Ok(Some(finish)) => return finish,
                Err(_closed) => return Finish::Abrupt,
            }
        }
    }

    async fn take(&mut self, packet: Packet) -> Result<Option<Finish>, &'static str> {
        match packet {
            Packet::Publish { topic, payload, retained, packet_id, exactly_once } => {
                self.twin.metrics.received.add(1);
                if !self.gate.may_publish(&self.admission, &topic) {
                    self.twin.metrics.refused_publishes.add(1);
                    return self.refuse(packet_id, exactly_once).await;
                }
                match packet_id {
                    None => self.submit(topic, payload, retained, None).await?,
                    Some(id) if !exactly_once => {
                        self.submit(topic, payload, retained, Some(Answer::PublishAck(id))).await?;
                    }
                    Some(id) if self.held.insert(id) => {
                        self.submit(topic, payload, retained, Some(Answer::PublishReceived(id))).await?;
                    }
                    // Sent again before it was released: it is stored already.
                    Some(id) => self.answer(Answer::PublishReceived(id)).await?,
                }
            }
            Packet::Release(id) => {
                self.held.remove(&id);
                self.answer(Answer::PublishComplete(id)).await?;
            }
            Packet::Subscribe { packet_id, filters } => {
                // Nobody but the device itself is told what it is to do.
                let may = |f: &String| self.gate.may_listen(&self.admission, f) && self.twin.downlink.allows(f);
                let granted: Vec<bool> = filters.iter().map(may).collect();
                let own = filters.into_iter().zip(&granted).filter(|(_, granted)| **granted);
                own.for_each(|(topic, _)| self.twin.downlink.listen(topic, self.commands.0.clone()));
                self.answer(Answer::Subscribed { packet_id, granted }).await?;
            }
            Packet::Unsubscribe { packet_id, filters } => {
                self.answer(Answer::Unsubscribed { packet_id, filters }).await?;
            }
            Packet::Ping => self.answer(Answer::Pong).await?,
            Packet::Disconnect { with_will: false } => return Ok(Some(Finish::Disconnect)),
            Packet::Disconnect { with_will: true } => return Ok(Some(Finish::DisconnectWithWill)),
            Packet::Connect { .. } | Packet::Unexpected => return Ok(Some(self.malformed().await)),
        }
        Ok(None)
    }

    /// Hands a message to the writer; waits when the queue is full, which holds the device back.
    async fn submit(
        &self,
        topic: String,
        payload: Bytes,
        retained: bool,
        answer: Option<Answer>,
    ) -> Result<(), &'static str> {
        if self.twin.downlink.is_ack(&topic) {
            // Nothing comes of it before it is on disk; without an answer the device sends it again.
            return match (Downlink::acknowledged(&self.twin, &topic, &payload).await, answer) {
                (true, Some(answer)) => self.answer(answer).await,
                (true, None) => Ok(()),
                (false, _) => Err("not accepting"),
            };
        }
        let size = u32::try_from(payload.len().max(64)).unwrap_or(u32::MAX);
        let permit = self.twin.queue_bytes.clone().acquire_many_owned(size).await.map_err(|_closed| "closed")?;
        let (ack, pending) = match answer {
            None => (None, None),
            Some(answer) => {
                let (done, stored) = oneshot::channel();
                (Some(done), Some(Pending::Stored(stored, answer)))
            }
        };
        // Its place in the order of answers comes first: with a full window the device must wait, not the queue.
        if let Some(pending) = pending {
            self.answers.send(pending).await.map_err(|_closed| "gone")?;
        }
        let (client, received_at) = (self.client.clone(), now());
        let message = Message { client, topic, payload, received_at, retained, ack, permit };
        self.twin.jobs.send(Job::Message(message)).await.map_err(|_closed| "not accepting")
    }

    async fn answer(&self, answer: Answer) -> Result<(), &'static str> {
        self.answers.send(Pending::Now(answer)).await.map_err(|_closed| "gone")
    }

    /// A message to a topic that is not the device's: refused by itself where the version can say so, else the
    /// connection ends (3.1.1 §3.3.5: acknowledge it falsely, or close).
    async fn refuse(&self, packet_id: Option<NonZeroU16>, exactly_once: bool) -> Result<Option<Finish>, &'static str> {
        match packet_id.filter(|_| self.goes_on_refused) {
            Some(packet_id) => self.answer(Answer::PublishRefused { packet_id, exactly_once }).await.map(|()| None),
            None => Ok(Some(self.goodbye(Goodbye::NotAuthorized).await)),
        }
    }

    async fn malformed(&self) -> Finish {
        self.twin.metrics.protocol_errors.add(1);
        self.goodbye(Goodbye::Malformed).await
    }

    async fn goodbye(&self, why: Goodbye) -> Finish {
        // A client that is gone already needs no reason.
        self.answer(Answer::Goodbye(why)).await.unwrap_or_default();
        Finish::Abrupt
    }
}

/// The writing half of a connection.
struct Outbox {
    wire: Wire,
    write: OwnedWriteHalf,
    buffer: BytesMut,
}

impl Outbox {
    async fn send(&mut self, answer: Answer) -> Result<(), &'static str> {
        self.push(answer)?;
        self.flush().await
    }

    fn push(&mut self, answer: Answer) -> Result<(), &'static str> {
        self.wire.encode(answer, &mut self.buffer).map_err(|_unencodable| "answer too large")
    }

    async fn flush(&mut self) -> Result<(), &'static str> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let written = self.write.write_all(&self.buffer).await;
        self.buffer.clear();
        written.map_err(|_gone| "gone")
    }
}

/// Writes answers in order of arrival, gathering those that are ready. Ends without a word when a message was not
/// stored: the device keeps it and sends it again.
async fn write_answers(mut out: Outbox, mut queue: mpsc::Receiver<Pending>) {
    loop {
        let pending = match queue.try_recv() {
            Ok(pending) => pending,
            Err(_empty) => {
                if out.flush().await.is_err() {
                    return;
                }
                match queue.recv().await {
                    Some(pending) => pending,
                    None => return,
                }
            }
        };
        let answer = match pending {
            Pending::Now(answer) => answer,
            Pending::Stored(mut stored, answer) => {
                if stored.try_recv().is_err() && (out.flush().await.is_err() || stored.await.is_err()) {
                    return;
                }
                answer
            }
        };
        let full = out.push(answer).is_err() || out.buffer.len() > WRITE_CHUNK;
        if full && out.flush().await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_ids_are_plain_or_made_up() {
        let sessions = Sessions::default();
        assert_eq!(name_client("dev_1-A", &sessions), Some(("dev_1-A".into(), None)));
        let long = "x".repeat(65);
        for bad in ["a+b", "a/b", "#", "a b", "设备", "a\0", "$SYS", long.as_str()] {
            assert_eq!(name_client(bad, &sessions), None, "{bad}");
        }
        let (name, told) = name_client("", &sessions).unwrap();
        assert_eq!(told, Some(name));
    }

    #[test]
    fn the_younger_connection_of_an_id_stays() {
        let sessions = Sessions::default();
        let (first, _) = sessions.enter("d");
        let (second, _) = sessions.enter("d");
        sessions.leave("d", first);
        assert!(sessions.open.lock().unwrap().contains_key("d"));
        sessions.leave("d", second);
        assert!(sessions.open.lock().unwrap().is_empty());
    }
}
