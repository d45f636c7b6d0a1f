//! The server from outside: real sockets, real clients, a real process that is killed.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may panic; helpers outside test functions do so too")]

mod access_alarms;
mod access_audit;
mod access_devices;
mod access_login;
mod access_scope;
mod access_town;
mod access_viewers;
mod alarms;
mod cases;
mod device;
mod fixture;
mod gateways;
mod gateways_cap;
mod gateways_sta;
mod ingest;
mod kill;
mod measure;
mod open311;
mod pack;
mod people;
mod viewers;
