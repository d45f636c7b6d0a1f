//! The native viewer: one-map, wall and editor.
fn main() {}
