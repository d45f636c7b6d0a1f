//! Grid cases: calendar, tables, clock, queue, near reports, proposals, figures, and what stays in memory.

#![expect(clippy::unwrap_used, reason = "a test may panic; helpers outside test functions do so too")]

#[path = "cases_parts/calendar.rs"]
mod calendar;
#[path = "cases_parts/figures.rs"]
mod figures;
#[path = "cases_parts/life.rs"]
mod life;
#[path = "cases_parts/queue.rs"]
mod queue;
#[path = "cases_parts/rules.rs"]
mod rules;
#[path = "cases_parts/world.rs"]
mod world;
