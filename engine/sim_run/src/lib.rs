//! Turns a scenario, a community pack and the live state into a run folder (演算): the flood domain is built from the
//! pack's terrain, buildings and water, forced by the gauges' values of the moment or of the past, and computed by
//! `sim_flood`.
//!
//! The folder is readable while the run goes on: `grid.json` and `bed.q` come first, then one depth frame after the
//! other, at the end rasters, tables and, last of all, `run.json`. In the browser (wasm32) there are no files:
//! [`start_flood`] and what it needs.

#[cfg(not(target_arch = "wasm32"))]
mod alarms;
mod built;
#[cfg(not(target_arch = "wasm32"))]
mod correct;
mod domain;
#[cfg(not(target_arch = "wasm32"))]
mod ensemble;
mod error;
#[cfg(not(target_arch = "wasm32"))]
mod flood;
mod forcing;
#[cfg(not(target_arch = "wasm32"))]
mod geotiff;
#[cfg(not(target_arch = "wasm32"))]
pub mod hazard;
mod history;
mod live;
#[cfg(not(target_arch = "wasm32"))]
mod netcdf;
#[cfg(not(target_arch = "wasm32"))]
mod observers;
#[cfg(not(target_arch = "wasm32"))]
mod outcome;
#[cfg(not(target_arch = "wasm32"))]
mod output;
#[cfg(not(target_arch = "wasm32"))]
pub mod preflight;
#[cfg(not(target_arch = "wasm32"))]
mod results;
#[cfg(not(target_arch = "wasm32"))]
mod roads;
mod sewers;
#[cfg(not(target_arch = "wasm32"))]
mod sites;
mod start;
#[cfg(not(target_arch = "wasm32"))]
mod state_file;
#[cfg(not(target_arch = "wasm32"))]
mod table;
#[cfg(not(target_arch = "wasm32"))]
mod tracks;
#[cfg(not(target_arch = "wasm32"))]
mod water;
#[cfg(not(target_arch = "wasm32"))]
mod works;

pub use built::Built;
#[cfg(not(target_arch = "wasm32"))]
pub use correct::{RAIN_FACTOR, STAGE_OFFSET_M};
pub use domain::{Domain, build_domain};
#[cfg(not(target_arch = "wasm32"))]
pub use ensemble::{Draw, PROBABILITY_DEPTHS_M};
pub use error::RunError;
#[cfg(not(target_arch = "wasm32"))]
pub use flood::{FrameWritten, RunEvent, RunRequest, check_flood, run_flood};
pub use forcing::{Adjust, ForcingPlan, Inputs, RainPart, StagePart};
pub use history::{GaugeHistory, GaugeSeries, read_history};
pub use live::{LiveInput, LiveSnapshot};
#[cfg(not(target_arch = "wasm32"))]
pub use outcome::{AFFECTED_DEPTH_M, BuildingOutcome, CellResults, Outcome, hazard_at, outcomes, totals};
#[cfg(not(target_arch = "wasm32"))]
pub use output::Exports;
#[cfg(not(target_arch = "wasm32"))]
pub use roads::{Cut, RoadSegment, RoadWatch, segments};
pub use sewers::{Sewers, sewers};
#[cfg(not(target_arch = "wasm32"))]
pub use sites::{BuildingSite, PEOPLE_ATTRIBUTES, Site, sites};
pub use start::{SAMPLE_S, Started, frame_times_s, sample_times_s, start_flood};
#[cfg(not(target_arch = "wasm32"))]
pub use state_file::SavedState;
#[cfg(not(target_arch = "wasm32"))]
pub use tracks::{ABOVE_M, FILM_M, Tracks};

/// Name and version of the kernel as written into results.
pub const KERNEL: &str = concat!("sim_flood ", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use twin_model::{Community, CommunityModel, Entity, EntityId, EntityKind, FeatureRef};

    /// An entity without place or attributes.
    pub(crate) fn entity(id: u32, kind: EntityKind, name: &str) -> Entity {
        Entity {
            id: EntityId(id),
            kind,
            parent: None,
            name: name.into(),
            code: String::new(),
            class: String::new(),
            p_enu: [0.0; 3],
            height_m: 0.0,
            base_z_m: 0.0,
            footprint: None,
            line: vec![],
            camera: None,
            attributes: BTreeMap::new(),
            source: FeatureRef::default(),
        }
    }

    pub(crate) fn model(entities: Vec<Entity>) -> CommunityModel {
        CommunityModel::new(Community::default(), entities).unwrap()
    }
}
