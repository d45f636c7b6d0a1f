//! Rules and alarms: conditions, states, floods, actions; and that a replay decides as the first run did.

#![expect(clippy::unwrap_used, reason = "a test may panic; helpers outside test functions do so too")]

mod actions;
mod conditions;
mod fixture;
mod floods;
mod races;
mod states;
