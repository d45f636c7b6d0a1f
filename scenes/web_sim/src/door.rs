//! [`Session`] for JavaScript.

use crate::{PackParts, Session};
use sim_flood::FloodMode;
use wasm_bindgen::prelude::*;

/// A run in a worker; see [`Session`]. Errors are thrown as `Error` with one clear line.
#[wasm_bindgen]
pub struct FloodSession(Session);

fn thrown(error: impl std::fmt::Display) -> JsError {
    JsError::new(&error.to_string())
}

#[wasm_bindgen]
impl FloodSession {
    /// Prepares a run. `scenario` and `live` are JSON texts (`live` may be empty), the others files of a pack (`device_types`
    /// and `landcover` may be empty); `preview` chooses the fast solver that is not certified.
    #[wasm_bindgen(constructor)]
    pub fn new(
        manifest: &[u8],
        entities: &[u8],
        device_types: &[u8],
        terrain: &[u8],
        landcover: &[u8],
        scenario: &str,
        live: &str,
        preview: bool,
    ) -> Result<FloodSession, JsError> {
        let parts = PackParts { manifest, entities, device_types, terrain, landcover };
        let mode = if preview { FloodMode::Preview } else { FloodMode::Full };
        Session::new(parts, scenario, live, mode).map(Self).map_err(thrown)
    }

    /// `twin_model::GridSpec` as JSON.
    pub fn grid(&self) -> Result<String, JsError> {
        serde_json::to_string(self.0.grid()).map_err(thrown)
    }

    /// `bed.q`.
    pub fn bed(&self) -> Vec<u8> {
        self.0.bed()
    }

    /// Takes up to `steps` steps; true when the next frame is reached.
    pub fn advance(&mut self, steps: u32) -> Result<bool, JsError> {
        self.0.advance(u64::from(steps)).map_err(thrown)
    }

    /// Whether every frame is reached.
    pub fn done(&self) -> bool {
        self.0.is_done()
    }

    /// Simulated seconds.
    pub fn seconds(&self) -> f64 {
        self.0.t_s()
    }

    /// `frame_….q` of the depth now.
    pub fn frame(&self) -> Vec<u8> {
        self.0.frame()
    }

    /// `max_depth.q` so far.
    pub fn max_depth(&self) -> Vec<u8> {
        self.0.max_depth()
    }

    /// Builds interventions (JSON array) from now on.
    pub fn build(&mut self, interventions: &str) -> Result<(), JsError> {
        self.0.build(interventions).map_err(thrown)
    }

    /// Forcing of another scenario (JSON) from now on.
    pub fn force(&mut self, scenario: &str) -> Result<(), JsError> {
        self.0.force(scenario).map_err(thrown)
    }

    /// `Progress` as JSON.
    pub fn progress(&self) -> Result<String, JsError> {
        serde_json::to_string(&self.0.progress()).map_err(thrown)
    }
}
