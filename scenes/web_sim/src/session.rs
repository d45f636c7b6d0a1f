//! A run that is computed a few steps at a time.

use community_pack::{
    Manifest, Pack, PackBytes, PackError, RasterU8, Terrain, read_raster_u8, read_terrain, run_folder,
};
use serde::{Deserialize, Serialize};
use sim_core::CancelToken;
use sim_flood::{FloodError, FloodMode, Ledger};
use sim_run::{LiveSnapshot, RunError, Started, frame_times_s, sample_times_s, start_flood};
use std::collections::VecDeque;
use twin_model::{GridSpec, Intervention, Scenario, ScenarioEdit};

/// Why a session cannot start or go on. Each reads as one clear line.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// A file of the pack cannot be read.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// The run cannot be prepared or changed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The kernel stopped.
    #[error(transparent)]
    Flood(#[from] FloodError),
    /// A document is not what it should be.
    #[error("{what}: {message}")]
    Json {
        /// Which document.
        what: &'static str,
        /// What the parser said.
        message: String,
    },
}

/// Files of a pack that a flood needs, as bytes.
#[derive(Debug, Clone, Copy)]
pub struct PackParts<'a> {
    /// `community.json`.
    pub manifest: &'a [u8],
    /// The entity table.
    pub entities: &'a [u8],
    /// Properties and device classes; may be empty.
    pub device_types: &'a [u8],
    /// The elevation raster.
    pub terrain: &'a [u8],
    /// The land cover raster; empty when there is none.
    pub landcover: &'a [u8],
}

/// How far a session is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Simulated seconds.
    pub t_s: f64,
    /// Simulated seconds of the whole run.
    pub duration_s: f64,
    /// Steps taken.
    pub steps: u64,
    /// Frames reached.
    pub frames: usize,
    /// "full", or "preview": not certified.
    pub mode: FloodMode,
    /// Digest of the state, 16 hexadecimal digits.
    pub checksum: String,
    /// The water account.
    pub ledger: Ledger,
}

/// A scenario on a pack, computed a few steps at a time.
pub struct Session {
    pack: Pack,
    live: Option<LiveSnapshot>,
    scenario: Scenario,
    started: Started,
    times_s: Vec<f64>,
    /// Times at which the run is looked at on its way to the next frame, as on the command line.
    looks_s: VecDeque<f64>,
    planned: VecDeque<ScenarioEdit>,
    frames: usize,
}

fn json<T: serde::de::DeserializeOwned>(what: &'static str, text: &str) -> Result<T, SessionError> {
    serde_json::from_str(text).map_err(|e| SessionError::Json { what, message: e.to_string() })
}

impl Session {
    /// Prepares a scenario (JSON) on a pack; `live_json` is what the server writes as `LIVE.json`, empty without live state.
    ///
    /// # Errors
    /// [`SessionError`] naming the document or file and what is wrong with it.
    pub fn new(
        parts: PackParts<'_>,
        scenario_json: &str,
        live_json: &str,
        mode: FloodMode,
    ) -> Result<Self, SessionError> {
        let scenario: Scenario = json("scenario", scenario_json)?;
        let live = if live_json.is_empty() { None } else { Some(json("live state", live_json)?) };
        let bytes = PackBytes { entities: parts.entities, device_types: parts.device_types, bindings: &[] };
        let pack = Pack::assemble(Manifest::parse(parts.manifest)?, bytes)?;
        let terrain: Terrain = read_terrain(parts.terrain)?;
        let landcover: Option<RasterU8> =
            if parts.landcover.is_empty() { None } else { Some(read_raster_u8(parts.landcover)?) };
        let started = start_flood(&scenario, &pack, &terrain, landcover.as_ref(), live.as_ref(), mode)?;
        let times_s = frame_times_s(scenario.frame_interval_s, scenario.total_s());
        let looks_s = times_s.first().copied().into_iter().collect();
        let planned = scenario.edits.clone().into();
        Ok(Self { pack, live, scenario, started, times_s, looks_s, planned, frames: 0 })
    }

    /// The raster.
    #[must_use]
    pub const fn grid(&self) -> &GridSpec {
        &self.started.domain.spec
    }

    /// The ground as `bed.q` of a run folder.
    #[must_use]
    pub fn bed(&self) -> Vec<u8> {
        let bed: Vec<f32> = self.started.domain.terrain.bed_m.iter().map(|z| *z as f32).collect();
        run_folder::encode_bed(self.grid().nx, self.grid().ny, &bed)
    }

    /// Takes up to `steps` steps towards the next frame. True when it is reached: the state is that frame.
    ///
    /// # Errors
    /// [`SessionError::Flood`] when the kernel stops.
    pub fn advance(&mut self, steps: u64) -> Result<bool, SessionError> {
        let mut left = steps;
        while let Some(&t_s) = self.looks_s.front() {
            // Stopped between two steps, a run goes on as if nothing had been: the slices change no bit.
            let before = self.started.model.tick();
            match self.started.model.advance_to(t_s, &CancelToken::after(left)) {
                Ok(_) => drop(self.looks_s.pop_front()),
                Err(FloodError::Cancelled { .. }) => return Ok(false),
                Err(e) => return Err(e.into()),
            }
            left = left.saturating_sub(self.started.model.tick() - before);
        }
        if self.is_done() {
            return Ok(false);
        }
        let reached_s = self.times_s[self.frames];
        self.frames += 1;
        if let Some(&next_s) = self.times_s.get(self.frames) {
            self.looks_s = sample_times_s(reached_s, next_s).into();
            while let Some(edit) = self.planned.pop_front_if(|e| e.at_s <= reached_s) {
                self.started.build(&edit.interventions)?;
            }
        }
        Ok(true)
    }

    /// Whether every frame is reached.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.frames == self.times_s.len()
    }

    /// The depth now, as a frame of a run folder.
    #[must_use]
    pub fn frame(&self) -> Vec<u8> {
        let model = &self.started.model;
        run_folder::encode_depth(self.grid().nx, self.grid().ny, model.t_s(), &model.depth_m())
    }

    /// The greatest depth so far, as `max_depth.q` of a run folder.
    #[must_use]
    pub fn max_depth(&self) -> Vec<u8> {
        run_folder::encode_depth(self.grid().nx, self.grid().ny, 0.0, &self.started.model.max_depth_m())
    }

    /// Builds `interventions_json` (a JSON array) from now on. Moves no water but that under a new building.
    ///
    /// # Errors
    /// [`SessionError`]; the run goes on as before.
    pub fn build(&mut self, interventions_json: &str) -> Result<(), SessionError> {
        let interventions: Vec<Intervention> = json("interventions", interventions_json)?;
        let edit = ScenarioEdit { at_s: self.t_s(), interventions };
        let checked = Scenario { edits: vec![edit.clone()], ..self.scenario.clone() };
        checked.validate().map_err(RunError::from)?;
        Ok(self.started.build(&edit.interventions)?)
    }

    /// From now on the forcing of `scenario_json`; a series in it counts from the start of the run. Moves no water; the raster,
    /// duration and frames stay.
    ///
    /// # Errors
    /// [`SessionError`]; the run goes on as before.
    pub fn force(&mut self, scenario_json: &str) -> Result<(), SessionError> {
        let scenario: Scenario = json("scenario", scenario_json)?;
        self.started.force(&scenario, &self.pack, self.live.as_ref())?;
        self.scenario.forcing = scenario.forcing;
        Ok(())
    }

    /// How far it is. Sums all cells: meant for frames, not for every slice.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let model = &self.started.model;
        Progress {
            t_s: model.t_s(),
            duration_s: self.scenario.total_s(),
            steps: model.tick(),
            frames: self.frames,
            mode: model.mode(),
            checksum: format!("{:016x}", model.checksum()),
            ledger: model.ledger(),
        }
    }

    /// Simulated seconds.
    #[must_use]
    pub fn t_s(&self) -> f64 {
        self.started.model.t_s()
    }
}
