//! Alarms at the edges: REST, linked actions, commands to devices, time.

mod actions;
mod backtest;
mod downlink;
mod rest;

pub(crate) use actions::{Forecasting, act};
pub(crate) use downlink::{Downlink, Outgoing};
pub(crate) use rest::routes;

use crate::twin::{Twin, stopped};
use crate::writer::Job;
use std::sync::Arc;
use std::time::Duration;

/// How often it is looked whether something is due by itself.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Wakes the writer when a delay, a silence, a shelving or an escalation may have come to its end.
pub(crate) async fn pass_time(twin: Arc<Twin>) {
    let mut stopping = twin.stopping.subscribe();
    loop {
        tokio::select! {
            () = stopped(&mut stopping) => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let waits = twin.read().due_in_ms().is_some();
        if waits && twin.jobs.send(Job::PassTime).await.is_err() {
            return;
        }
    }
}
