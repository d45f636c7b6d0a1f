//! Floods computed by the page itself: `static/local_runs.js` keeps a worker a run, this is the Rust end of it.

use std::cell::RefCell;
use std::collections::VecDeque;
use twin_bevy::{LocalEngine, LocalEvent, LocalRequest};
use twin_model::RunId;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = sandtableRuns, js_name = start)]
    fn start(run: f64, scenario: &str, live: &str, preview: bool);
    #[wasm_bindgen(js_namespace = sandtableRuns, js_name = edit)]
    fn edit(run: f64, interventions: &str);
    #[wasm_bindgen(js_namespace = sandtableRuns, js_name = cancel)]
    fn cancel(run: f64);
}

thread_local! {
    static EVENTS: RefCell<VecDeque<(RunId, LocalEvent)>> = const { RefCell::new(VecDeque::new()) };
}

/// What a worker said: `kind` is `ready` (text: grid as JSON, bytes: bed.q), `frame`, `done` (bytes), `refused` or `failed`
/// (text: one line).
#[wasm_bindgen]
pub fn sandtable_run_event(run: f64, kind: &str, text: &str, bytes: Vec<u8>) {
    let event = match kind {
        "ready" => match serde_json::from_str(text) {
            Ok(grid) => LocalEvent::Ready(grid, bytes),
            Err(error) => LocalEvent::Failed(error.to_string()),
        },
        "frame" => LocalEvent::Frame(bytes),
        "done" => LocalEvent::Done(bytes),
        "refused" => LocalEvent::Refused(text.to_owned()),
        _ => LocalEvent::Failed(text.to_owned()),
    };
    EVENTS.with_borrow_mut(|events| events.push_back((RunId(run as u64), event)));
}

/// The page's workers.
pub(crate) struct WorkerEngine;

impl LocalEngine for WorkerEngine {
    fn send(&mut self, request: LocalRequest) {
        match request {
            LocalRequest::Start { run, scenario, live_json, preview } => match serde_json::to_string(&scenario) {
                Ok(scenario) => start(run.0 as f64, &scenario, &live_json, preview),
                Err(error) => sandtable_run_event(run.0 as f64, "failed", &error.to_string(), Vec::new()),
            },
            LocalRequest::Edit { run, interventions } => match serde_json::to_string(&interventions) {
                Ok(interventions) => edit(run.0 as f64, &interventions),
                Err(error) => sandtable_run_event(run.0 as f64, "refused", &error.to_string(), Vec::new()),
            },
            LocalRequest::Cancel { run } => cancel(run.0 as f64),
        }
    }

    fn poll(&mut self) -> Vec<(RunId, LocalEvent)> {
        EVENTS.with_borrow_mut(|events| events.drain(..).collect())
    }
}
