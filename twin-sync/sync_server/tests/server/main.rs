//! The server from outside: real sockets, real clients, a real process that is killed.

mod device;
mod fixture;
mod ingest;
mod kill;
mod measure;
mod pack;
mod people;
mod viewers;
