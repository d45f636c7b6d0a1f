//! A device over a plain socket: MQTT 3.1.1 by hand, so that the test knows exactly what was acknowledged.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// One connection.
pub struct Device {
    stream: TcpStream,
    input: Vec<u8>,
}

fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    let mut left = body.len();
    loop {
        let more = left >= 128;
        out.push((left % 128) as u8 | if more { 0x80 } else { 0 });
        left /= 128;
        if !more {
            break;
        }
    }
    out.extend_from_slice(body);
    out
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u16).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

pub fn publish_packet(topic: &str, payload: &[u8], packet_id: Option<u16>, repeat: bool) -> Vec<u8> {
    let mut body = Vec::with_capacity(topic.len() + payload.len() + 8);
    text(&mut body, topic);
    if let Some(id) = packet_id {
        body.extend_from_slice(&id.to_be_bytes());
    }
    body.extend_from_slice(payload);
    let flags = if packet_id.is_some() { 0x02 } else { 0 } | if repeat { 0x08 } else { 0 };
    framed(0x30 | flags, &body)
}

impl Device {
    /// Connects; the CONNACK return code comes back.
    pub fn connect(addr: SocketAddr, client: &str) -> std::io::Result<(Self, u8)> {
        Self::connect_raw(addr, client.as_bytes(), None)
    }

    /// With any bytes as client id, and user name and password.
    pub fn connect_raw(
        addr: SocketAddr,
        client: &[u8],
        credentials: Option<(&str, &str)>,
    ) -> std::io::Result<(Self, u8)> {
        let mut stream = TcpStream::connect_timeout(&addr, Duration::from_secs(5))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let mut body = Vec::new();
        text(&mut body, "MQTT");
        let flags = if credentials.is_some() { 0xc2 } else { 0x02 };
        body.extend_from_slice(&[4, flags, 0, 60]);
        body.extend_from_slice(&(client.len() as u16).to_be_bytes());
        body.extend_from_slice(client);
        if let Some((user, password)) = credentials {
            text(&mut body, user);
            text(&mut body, password);
        }
        stream.write_all(&framed(0x10, &body))?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer)?;
        Ok((Self { stream, input: Vec::new() }, answer[3]))
    }

    pub fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Publishes with QoS 1 and waits for the PUBACK.
    pub fn publish(&mut self, topic: &str, payload: &[u8]) -> std::io::Result<()> {
        self.send(&publish_packet(topic, payload, Some(1), false))?;
        loop {
            if self.acks(true)?.contains(&1) {
                return Ok(());
            }
        }
    }

    /// PUBACKs that have arrived; with `wait` at least one.
    pub fn acks(&mut self, wait: bool) -> std::io::Result<Vec<u16>> {
        let mut chunk = [0; 8192];
        self.stream.set_nonblocking(!wait)?;
        let read = self.stream.read(&mut chunk);
        self.stream.set_nonblocking(false)?;
        match read {
            Ok(0) => return Err(ErrorKind::ConnectionReset.into()),
            Ok(n) => self.input.extend_from_slice(&chunk[..n]),
            Err(e) if e.kind() == ErrorKind::WouldBlock && !wait => {}
            Err(e) => return Err(e),
        }
        let whole = self.input.len() / 4 * 4;
        let taken: Vec<u8> = self.input.drain(..whole).collect();
        let acks = taken.chunks_exact(4).filter(|c| c[0] == 0x40);
        Ok(acks.map(|c| u16::from_be_bytes([c[2], c[3]])).collect())
    }
}

/// A message by (device, number).
pub type Key = (u32, u64);

/// Publishes numbered messages at a steady rate, reconnecting and resending what was not acknowledged.
pub struct Load {
    pub addr: SocketAddr,
    /// Messages per second; 0 for as fast as the window allows.
    pub rate: u64,
    pub devices: u32,
    pub window: usize,
    pub next: BTreeMap<u32, u64>,
    open: BTreeMap<u16, Key>,
    pub acked: Vec<Key>,
    pub reconnects: usize,
    device: Option<Device>,
    packet_id: u16,
    turn: u64,
    /// Device time of message 0, ms.
    since: i64,
}

impl Load {
    pub fn new(addr: SocketAddr, rate: u64, devices: u32, window: usize) -> Self {
        Self {
            addr,
            rate,
            devices,
            window,
            next: BTreeMap::new(),
            open: BTreeMap::new(),
            acked: Vec::new(),
            reconnects: 0,
            device: None,
            packet_id: 0,
            turn: 0,
            since: super::fixture::now().0,
        }
    }

    fn payload(&self, (device, number): Key) -> Vec<u8> {
        let ts = self.since + number as i64;
        format!(r#"{{"ts":{ts},"boot":{device},"seq":{number},"m":{{"level_m":{number}}}}}"#).into_bytes()
    }

    fn packet(&self, id: u16, key: Key, repeat: bool) -> Vec<u8> {
        publish_packet(&super::pack::topic(key.0), &self.payload(key), Some(id), repeat)
    }

    fn connect(&mut self) -> std::io::Result<()> {
        let (mut device, code) = Device::connect(self.addr, "load")?;
        if code != 0 {
            return Err(ErrorKind::ConnectionRefused.into());
        }
        // What was in flight is sent again, first, under the same packet ids.
        let again: Vec<u8> = self.open.iter().flat_map(|(id, key)| self.packet(*id, *key, true)).collect();
        device.send(&again)?;
        self.device = Some(device);
        self.reconnects += 1;
        Ok(())
    }

    fn fresh(&mut self) -> Vec<u8> {
        let device = 1 + (self.turn % u64::from(self.devices)) as u32;
        self.turn += 1;
        let number = self.next.entry(device).or_insert(0);
        *number += 1;
        let key = (device, *number);
        loop {
            self.packet_id = self.packet_id.wrapping_add(1).max(1);
            if !self.open.contains_key(&self.packet_id) {
                break;
            }
        }
        self.open.insert(self.packet_id, key);
        self.packet(self.packet_id, key, false)
    }

    fn work(&mut self, mut budget: u64, wait: bool) -> std::io::Result<()> {
        if self.device.is_none() {
            self.connect()?;
        }
        let mut out = Vec::new();
        while budget > 0 && self.open.len() < self.window {
            out.extend(self.fresh());
            budget -= 1;
        }
        let device = self.device.as_mut().ok_or(ErrorKind::NotConnected)?;
        device.send(&out)?;
        let acks = device.acks(wait && !self.open.is_empty())?;
        for id in acks {
            if let Some(key) = self.open.remove(&id) {
                self.acked.push(key);
            }
        }
        Ok(())
    }

    /// Publishes until `go_on` says no.
    pub fn run_while(&mut self, mut go_on: impl FnMut(&Self) -> bool) {
        let (mut started, mut sent) = (Instant::now(), 0);
        while go_on(self) {
            let due = match self.rate {
                0 => self.window as u64,
                rate => (started.elapsed().as_micros() as u64 * rate / 1_000_000).saturating_sub(sent).min(500),
            };
            sent += due;
            if self.work(due, self.rate == 0).is_err() {
                self.device = None;
                std::thread::sleep(Duration::from_millis(10));
                (started, sent) = (Instant::now(), 0);
            } else if self.rate > 0 {
                std::thread::sleep(Duration::from_micros(300));
            }
        }
    }

    /// Publishes nothing new and waits until everything is acknowledged.
    pub fn settle(&mut self) {
        for _ in 0..10_000 {
            if self.open.is_empty() {
                return;
            }
            if self.work(0, false).is_err() {
                self.device = None;
            }
            std::thread::sleep(Duration::from_millis(3));
        }
        panic!("{} messages were never acknowledged", self.open.len());
    }
}
