//! Against genuine tiles, OpenSceneGraph's own converter, and damaged input.

#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod common;
mod damage;
mod genuine;
mod layouts;
mod writing;
