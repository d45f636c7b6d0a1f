//! From deliveries to results through the programs that users run.

mod determinism;
mod evacuations;
mod flood_results;
mod floods;
mod malformed;
mod peers;
mod plans;
mod real;
mod served;
