//! The live connection.

use crate::credentials::{AccessRefused, Credentials};
use crate::url::ws_url;
use ewebsock::{WsEvent, WsMessage, WsSender};
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use sync_core::{ClientMessage, PROTOCOL, ResumeToken, ServerMessage};
use twin_model::{PropertyTable, Seq, TimeMs};

/// Messages held between polls. Natively a full queue holds the socket back and the server coalesces; a browser cannot
/// be held back, so there a full queue closes the connection and the link resumes.
const QUEUE: usize = 256;
/// Messages handed out by one poll.
const PER_POLL: usize = 64;
const FIRST_BACKOFF_MS: i64 = 500;
const MAX_BACKOFF_MS: i64 = 15_000;
/// The server speaks at least every 10 s; silence this long means that the connection is dead.
const SILENCE_MS: i64 = 45_000;

/// What happened on the link.
#[derive(Debug, Clone, PartialEq)]
pub enum LinkEvent {
    /// The socket is open; `Welcome` follows.
    Connected,
    /// The server knows us. When `resumed` is false a `Snapshot` follows and replaces everything.
    Welcome {
        /// True when the state held goes on with the next delta.
        resumed: bool,
        /// What property ids mean.
        properties: Box<PropertyTable>,
        /// Server time, for ages on a machine whose clock is wrong.
        server_now: TimeMs,
    },
    /// Everything: apply with [`sync_core::LiveState::apply_message`].
    Snapshot(Box<ServerMessage>),
    /// A change: apply with [`sync_core::LiveState::apply_message`]; when that fails call [`LiveLink::resync`].
    Delta(Box<ServerMessage>),
    /// The connection ended; the link tries again by itself.
    Lost(String),
}

enum Socket {
    Closed { retry_at: TimeMs },
    Open { sender: WsSender, events: Receiver<WsEvent>, heard_at: TimeMs },
}

/// Follows the live state of one server and reconnects with backoff, resuming where it stood. Poll it once per frame.
/// In a browser it belongs to the main thread (a socket there is not `Send`): keep it as a non-send resource.
pub struct LiveLink {
    url: String,
    socket: Socket,
    token: Option<ResumeToken>,
    welcomed: bool,
    backoff_ms: i64,
    credentials: Credentials,
    refused: Option<AccessRefused>,
}

impl std::fmt::Debug for LiveLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveLink").field("url", &self.url).field("token", &self.token).finish_non_exhaustive()
    }
}

impl LiveLink {
    /// A link to a server (`http://host:port`, or the `ws://` address itself). It connects at the first poll.
    #[must_use]
    pub fn connect(url: &str) -> Self {
        let socket = Socket::Closed { retry_at: TimeMs(i64::MIN) };
        let (credentials, backoff_ms) = (Credentials::from_env(), FIRST_BACKOFF_MS);
        Self { url: ws_url(url), socket, token: None, welcomed: false, backoff_ms, credentials, refused: None }
    }

    /// A link that goes on from where an earlier one stood (its [`LiveLink::token`]); the state held then must be kept.
    #[must_use]
    pub fn resume(url: &str, token: ResumeToken) -> Self {
        Self { token: Some(token), ..Self::connect(url) }
    }

    /// The same with these credentials instead of those of the environment ([`Credentials::from_env`]). In a browser
    /// the cookie goes along by itself.
    #[must_use]
    pub fn with_credentials(self, credentials: Credentials) -> Self {
        Self { credentials, ..self }
    }

    /// Why the server does not let this viewer in, when that is why the link was lost. A browser does not say.
    #[must_use]
    pub fn refused(&self) -> Option<AccessRefused> {
        self.refused
    }

    /// The WebSocket address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// True while a welcomed connection is open.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.welcomed && matches!(self.socket, Socket::Open { .. })
    }

    /// Where it stands.
    #[must_use]
    pub fn token(&self) -> Option<&ResumeToken> {
        self.token.as_ref()
    }

    /// Forgets where it stands and reconnects at the next poll; a snapshot follows.
    pub fn resync(&mut self) {
        self.token = None;
        self.welcomed = false;
        self.socket = Socket::Closed { retry_at: TimeMs(i64::MIN) };
    }

    /// What happened since the last poll; (re)connects when due. `now` is local time and only paces retries.
    #[must_use]
    pub fn poll(&mut self, now: TimeMs) -> Vec<LinkEvent> {
        let mut out = Vec::new();
        if let Socket::Closed { retry_at } = self.socket {
            if now < retry_at {
                return out;
            }
            if let Err(reason) = self.open(now) {
                self.lose(reason, now, &mut out);
                return out;
            }
        }
        for _ in 0..PER_POLL {
            let next = match &self.socket {
                Socket::Open { events, .. } => events.try_recv(),
                Socket::Closed { .. } => return out,
            };
            match next {
                Ok(event) => self.take(event, now, &mut out),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => self.lose("connection ended".to_owned(), now, &mut out),
            }
        }
        if matches!(self.socket, Socket::Open { heard_at, .. } if now.0.saturating_sub(heard_at.0) > SILENCE_MS) {
            self.lose(format!("nothing heard for {} s", SILENCE_MS / 1000), now, &mut out);
        }
        out
    }

    fn open(&mut self, now: TimeMs) -> Result<(), String> {
        let (queue, events) = sync_channel(QUEUE);
        let mut options = ewebsock::Options { subprotocols: vec![PROTOCOL.to_owned()], ..Default::default() };
        options.additional_headers.extend(self.credentials.bearer().map(|b| ("Authorization".to_owned(), b)));
        let sender = ewebsock::ws_connect(self.url.clone(), options, Box::new(move |event| forward(&queue, event)))?;
        self.welcomed = false;
        self.socket = Socket::Open { sender, events, heard_at: now };
        Ok(())
    }

    fn lose(&mut self, reason: String, now: TimeMs, out: &mut Vec<LinkEvent>) {
        self.socket = Socket::Closed { retry_at: TimeMs(now.0.saturating_add(self.backoff_ms)) };
        self.backoff_ms = (self.backoff_ms * 2).min(MAX_BACKOFF_MS);
        self.welcomed = false;
        self.refused = AccessRefused::of_handshake(&reason);
        out.push(LinkEvent::Lost(reason));
    }

    fn take(&mut self, event: WsEvent, now: TimeMs, out: &mut Vec<LinkEvent>) {
        let Socket::Open { sender, heard_at, .. } = &mut self.socket else { return };
        *heard_at = now;
        match event {
            WsEvent::Opened => {
                let hello = ClientMessage::Hello { resume: self.token.clone() };
                match serde_json::to_string(&hello) {
                    Ok(text) => sender.send(WsMessage::Text(text)),
                    Err(e) => return self.lose(e.to_string(), now, out),
                }
                out.push(LinkEvent::Connected);
            }
            WsEvent::Message(WsMessage::Text(text)) => match serde_json::from_str(&text) {
                Ok(message) => self.receive(message, now, out),
                Err(e) => {
                    self.token = None;
                    self.lose(format!("unreadable message: {e}"), now, out);
                }
            },
            WsEvent::Message(_) => {}
            WsEvent::Error(reason) => self.lose(reason, now, out),
            WsEvent::Closed => self.lose("closed by the server".to_owned(), now, out),
        }
    }

    fn receive(&mut self, message: ServerMessage, now: TimeMs, out: &mut Vec<LinkEvent>) {
        match message {
            ServerMessage::Welcome { epoch, properties, now: server_now, resumed, .. } => {
                self.backoff_ms = FIRST_BACKOFF_MS;
                self.refused = None;
                self.welcomed = true;
                let held = self.token.take().filter(|t| resumed && t.epoch == epoch).map(|t| t.seq);
                self.token = Some(ResumeToken { epoch, seq: held.unwrap_or(Seq(0)) });
                out.push(LinkEvent::Welcome { resumed, properties: Box::new(properties), server_now });
            }
            ServerMessage::Snapshot { seq, .. } => {
                self.advance(seq);
                out.push(LinkEvent::Snapshot(Box::new(message)));
            }
            ServerMessage::Delta { seq, .. } => {
                self.advance(seq);
                out.push(LinkEvent::Delta(Box::new(message)));
            }
            ServerMessage::Error { error } => {
                self.token = None;
                self.lose(error, now, out);
            }
        }
    }

    fn advance(&mut self, seq: Seq) {
        if let Some(token) = &mut self.token {
            token.seq = token.seq.max(seq);
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn forward(queue: &SyncSender<WsEvent>, event: WsEvent) -> ControlFlow<()> {
    match queue.send(event) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_closed) => ControlFlow::Break(()),
    }
}

#[cfg(target_arch = "wasm32")]
fn forward(queue: &SyncSender<WsEvent>, event: WsEvent) -> ControlFlow<()> {
    match queue.try_send(event) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_full_or_closed) => ControlFlow::Break(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_server_is_retried_with_growing_pauses() {
        let mut link = LiveLink::connect("127.0.0.1:9");
        assert_eq!(link.url(), "ws://127.0.0.1:9/ws");
        let (mut now, mut losses) = (0, Vec::new());
        for _ in 0..4000 {
            if link.poll(TimeMs(now)).iter().any(|e| matches!(e, LinkEvent::Lost(_))) {
                losses.push(now);
                if losses.len() == 4 {
                    break;
                }
                now += 100;
            } else if matches!(link.socket, Socket::Closed { .. }) {
                now += 100; // virtual time: only waiting for a retry moves it
            } else {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        }
        let pauses: Vec<i64> = losses.windows(2).map(|w| w[1] - w[0]).collect();
        assert_eq!(pauses, [500, 1000, 2000]);
        assert!(!link.is_live() && link.token().is_none());
    }
}
