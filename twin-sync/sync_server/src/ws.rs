//! Viewers: one frame per change for all who keep up, built once; their own for those who do not.

use crate::access::{Caller, delta_for, is_unrestricted, note_reads, snapshot_for};
use crate::twin::{Twin, now, stopped};
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use sync_core::{ClientMessage, Delta, PROTOCOL, ResumeToken, ServerMessage};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use twin_model::Seq;

/// Least time between frames of one viewer: 20 per second.
const FRAME_EVERY: Duration = Duration::from_millis(50);
/// A frame goes out at least this often, so that viewers know that the connection lives.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Shared frames kept for viewers that are a little behind.
const FRAMES: usize = 16;
const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// A viewer that does not take a frame within this time is let go; it resumes when it comes back.
const SEND_WITHIN: Duration = Duration::from_secs(60);
/// Viewers have nothing long to say.
const MAX_INCOMING: usize = 16 * 1024;

/// A delta as text, for everyone who stands between `from` and `seq`.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    from: Seq,
    seq: Seq,
    text: Utf8Bytes,
    /// What it was made of, on a server with accounts, and the texts of those who see a part of it.
    parts: Option<Arc<Parts>>,
}

/// A delta, and what it comes to for each kind of scope: made once for all viewers with the same rights.
#[derive(Debug)]
struct Parts {
    delta: Delta,
    texts: Mutex<BTreeMap<u64, Option<Utf8Bytes>>>,
}

impl Frame {
    /// The text for a caller; `None` when it cannot be told.
    fn text_for(&self, twin: &Twin, caller: &Caller) -> Option<Utf8Bytes> {
        match (&self.parts, caller) {
            (_, caller) if is_unrestricted(caller) => Some(self.text.clone()),
            (Some(parts), Caller::Known(visit)) => {
                let fingerprint = visit.session.scope.fingerprint();
                let mut texts = parts.texts.lock().unwrap_or_else(PoisonError::into_inner);
                let make = || text_of(&delta_for(caller, &twin.places, &parts.delta).into_message(now()));
                texts.entry(fingerprint).or_insert_with(make).clone()
            }
            _ => None,
        }
    }
}

/// Sends frames to all viewers.
pub(crate) type Frames = broadcast::Sender<Frame>;

pub(crate) fn frames() -> Frames {
    broadcast::Sender::new(FRAMES)
}

/// Builds shared frames as the state changes, until the server stops.
pub(crate) async fn broadcast_frames(twin: Arc<Twin>, frames: Frames) {
    let (mut changed, mut stopping) = (twin.seq.subscribe(), twin.stopping.subscribe());
    let mut sent = *changed.borrow_and_update();
    let mut next = Instant::now();
    loop {
        tokio::select! {
            _changed = changed.changed() => {}
            () = sleep_until(next + HEARTBEAT) => {}
            () = stopped(&mut stopping) => return,
        }
        sleep_until(next).await;
        next = Instant::now() + FRAME_EVERY;
        let seq = *changed.borrow_and_update();
        if frames.receiver_count() == 0 {
            sent = seq;
            continue;
        }
        if let Some(frame) = frame_since(&twin, sent) {
            sent = frame.seq;
            // Without receivers nobody misses it.
            drop(frames.send(frame));
        }
    }
}

fn frame_since(twin: &Twin, from: Seq) -> Option<Frame> {
    let delta: Delta = twin.read().live().delta_since(from)?;
    let seq = delta.seq;
    let parts = || Parts { delta: delta.clone(), texts: Mutex::default() };
    let parts = twin.access.as_ref().map(|_| Arc::new(parts()));
    let text = text_of(&delta.into_message(now()))?;
    Some(Frame { from, seq, text, parts })
}

fn text_of(message: &ServerMessage) -> Option<Utf8Bytes> {
    match serde_json::to_string(message) {
        Ok(text) => Some(text.into()),
        Err(error) => {
            tracing::error!(%error, "viewer message");
            None
        }
    }
}

/// `GET /ws`.
pub(crate) async fn upgrade(
    State((twin, frames)): State<(Arc<Twin>, Frames)>,
    caller: Caller,
    upgrade: WebSocketUpgrade,
) -> Response {
    let upgrade = upgrade.protocols([PROTOCOL]).max_message_size(MAX_INCOMING).max_frame_size(MAX_INCOMING);
    upgrade.on_upgrade(move |socket| async move {
        let guard = twin.metrics.viewers.enter();
        let viewer = Viewer { twin: &twin, socket, sent: Seq(0), caller };
        if let Err(end) = viewer.run(&frames).await {
            tracing::debug!(end, "viewer");
        }
        drop(guard);
    })
}

/// Rights are looked at again so often, for those that end by themselves.
const RENEW_EVERY: Duration = Duration::from_millis(500);

/// Returns when something of accounts changed; never on a server without accounts.
async fn changed(rights: &mut Option<watch::Receiver<u64>>) {
    let told = match rights {
        Some(rights) => rights.changed().await.is_ok(),
        None => false,
    };
    if !told {
        // Without accounts, or when the server is ending, which is noticed elsewhere.
        std::future::pending().await
    }
}

struct Viewer<'a> {
    twin: &'a Twin,
    socket: WebSocket,
    sent: Seq,
    caller: Caller,
}

impl Viewer<'_> {
    async fn run(mut self, frames: &Frames) -> Result<(), &'static str> {
        let Ok(resume) = timeout(HELLO_WITHIN, self.hello()).await.map_err(|_elapsed| "no hello")? else {
            let error = "the first message must be {\"op\":\"hello\",\"resume\":…}".to_owned();
            return self.send(text_of(&ServerMessage::Error { error })).await;
        };
        // Listening starts before the state is read, so that nothing falls in between.
        let mut shared = frames.subscribe();
        let mut rights = self.twin.access.as_ref().map(|a| a.generation.subscribe());
        let mut look = tokio::time::interval(RENEW_EVERY);
        self.greet(resume).await?;
        let mut stopping = self.twin.stopping.subscribe();
        loop {
            tokio::select! {
                () = changed(&mut rights) => self.renew().await?,
                _tick = look.tick(), if rights.is_some() => self.renew().await?,
                frame = shared.recv() => match frame {
                    Ok(frame) => self.forward(frame).await?,
                    Err(RecvError::Lagged(_)) => self.catch_up().await?,
                    Err(RecvError::Closed) => return Ok(()),
                },
                incoming = self.socket.recv() => match incoming {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
                    Some(Ok(_)) => {}
                },
                () = stopped(&mut stopping) => return Ok(()),
            }
        }
    }

    async fn hello(&mut self) -> Result<Option<ResumeToken>, ()> {
        loop {
            return match self.socket.recv().await {
                Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                    Ok(ClientMessage::Hello { resume }) => Ok(resume),
                    Err(_unreadable) => Err(()),
                },
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                _ => Err(()),
            };
        }
    }

    /// Welcome, then what the viewer lacks: a delta when it can go on from its token, otherwise everything.
    async fn greet(&mut self, resume: Option<ResumeToken>) -> Result<(), &'static str> {
        let (welcome, state) = {
            let engine = self.twin.read();
            let live = engine.live();
            let epoch = self.epoch();
            let token = resume.filter(|token| token.epoch == epoch);
            let delta = token.and_then(|token| live.delta_since(token.seq));
            let delta = delta.map(|delta| delta_for(&self.caller, &self.twin.places, &delta));
            let welcome = ServerMessage::Welcome {
                epoch,
                seq: live.seq(),
                properties: self.twin.pack.properties.clone(),
                now: now(),
                resumed: delta.is_some(),
            };
            self.sent = live.seq();
            let everything = || snapshot_for(&self.caller, &self.twin.places, live);
            (welcome, delta.map_or_else(everything, |delta| delta.into_message(now())))
        };
        self.note_reads().await?;
        self.send(text_of(&welcome)).await?;
        self.send(text_of(&state)).await
    }

    /// What a resume token is bound to: the log, and on a server with accounts what the viewer may see of it. A token
    /// from before rights changed is worth nothing.
    fn epoch(&self) -> String {
        match &self.caller {
            Caller::Known(visit) => format!("{}.{:016x}", self.twin.epoch, visit.session.scope.fingerprint()),
            _ => self.twin.epoch.clone(),
        }
    }

    /// Looks whether the session is still there and reaches as far; a viewer whose rights changed is told to begin anew:
    /// a welcome that is not a resumption, and a snapshot that replaces all it holds.
    async fn renew(&mut self) -> Result<(), &'static str> {
        let Caller::Known(visit) = &self.caller else { return Ok(()) };
        let Some(session) = visit.renewed() else {
            let error = "the session has ended: log in again".to_owned();
            self.send(text_of(&ServerMessage::Error { error })).await?;
            return Err("session ended");
        };
        if session.scope.fingerprint() == visit.session.scope.fingerprint() {
            return Ok(());
        }
        self.caller = visit.with(session);
        self.greet(None).await
    }

    /// Personal data and cameras on their way to a viewer are written down when the view opens.
    async fn note_reads(&mut self) -> Result<(), &'static str> {
        self.caller.reads_everything();
        match &self.caller {
            Caller::Known(visit) if !note_reads(visit, "GET /ws").await => Err("no audit trail"),
            _ => Ok(()),
        }
    }

    async fn forward(&mut self, frame: Frame) -> Result<(), &'static str> {
        if frame.seq < self.sent || (frame.seq == self.sent && frame.from < frame.seq) {
            return Ok(());
        }
        if frame.from > self.sent {
            return self.catch_up().await;
        }
        self.sent = frame.seq;
        let text = frame.text_for(self.twin, &self.caller);
        self.send(text).await
    }

    async fn catch_up(&mut self) -> Result<(), &'static str> {
        self.twin.metrics.resyncs.add(1);
        if let Some(frame) = frame_since(self.twin, self.sent) {
            self.sent = frame.seq;
            let text = frame.text_for(self.twin, &self.caller);
            return self.send(text).await;
        }
        let snapshot = snapshot_for(&self.caller, &self.twin.places, self.twin.read().live());
        if let ServerMessage::Snapshot { seq, .. } = &snapshot {
            self.sent = *seq;
        }
        self.send(text_of(&snapshot)).await
    }

    async fn send(&mut self, text: Option<Utf8Bytes>) -> Result<(), &'static str> {
        let text = text.ok_or("unsendable message")?;
        self.twin.metrics.frames.add(1);
        match timeout(SEND_WITHIN, self.socket.send(Message::Text(text))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_gone)) => Err("gone"),
            Err(_elapsed) => Err("too slow"),
        }
    }
}
