//! From deliveries to results through the programs that users run.

mod determinism;
mod floods;
mod malformed;
mod peers;
mod real;
