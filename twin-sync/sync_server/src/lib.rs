//! The server of one community (社区实时服务): an MQTT listener that acknowledges only what is on disk, the durable log
//! in SQLite, REST, the viewer WebSocket, pack and run files, and simulation runs as child processes.
//!
//! One writer thread owns the log: it takes messages and commands from a bounded queue, commits them in groups, applies
//! them to the shared state and only then acknowledges. Everything else reads.

mod access;
mod alarms;
mod cases;
mod error;
mod forecast;
mod gateways;
mod http;
mod metrics;
mod mqtt;
mod mqtt_packet;
mod openapi;
mod options;
mod pages;
mod rest;
mod run_inputs;
mod runs;
mod server;
mod store;
mod twin;
mod writer;
mod ws;

pub use crate::access::{AccessAdmin, AccessError, AccountChange, NewAccount, NewDevice};
pub use error::ServeError;
pub use options::{AlertStatus, DEFAULT_HTTP, DEFAULT_MQTT, ServeOptions};
pub use server::{ServerHandle, serve};
pub use store::live_json;
