//! From deliveries to results through the programs that users run.

mod barrier;
mod determinism;
mod malformed;
mod peers;
mod real;
