//! Round trips, public samples, damaged input and the promises of tile selection.

#![expect(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod glb;
mod samples;
mod select;
