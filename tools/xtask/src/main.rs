//! Repository checks and the web build.
fn main() {}
