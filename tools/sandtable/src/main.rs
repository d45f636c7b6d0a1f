//! The command line and server.
fn main() {}
