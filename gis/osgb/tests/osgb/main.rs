//! Against genuine tiles, OpenSceneGraph's own converter, and damaged input.

#![expect(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod common;
mod damage;
mod genuine;
mod layouts;
mod writing;
