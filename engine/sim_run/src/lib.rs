//! Turns a scenario, a community pack and the live state into a run folder (演算): the flood domain is built from the
//! pack's terrain, buildings and water, forced by the gauges' values of the moment or of the past, and computed by
//! `sim_flood`.
//!
//! The folder is readable while the run goes on: `grid.json` and `bed.q` come first, then one depth frame after the
//! other, at the end rasters, tables and, last of all, `run.json`.

mod alarms;
mod built;
mod correct;
mod domain;
mod ensemble;
mod error;
mod flood;
mod forcing;
mod geotiff;
pub mod hazard;
mod history;
mod live;
mod netcdf;
mod observers;
mod outcome;
mod output;
pub mod preflight;
mod results;
mod roads;
mod sites;
mod state_file;
mod table;
mod tracks;
mod works;

pub use built::Built;
pub use correct::{RAIN_FACTOR, STAGE_OFFSET_M};
pub use domain::{Domain, build_domain};
pub use ensemble::{Draw, PROBABILITY_DEPTHS_M};
pub use error::RunError;
pub use flood::{FrameWritten, MAX_MEMBERS, RunEvent, RunRequest, check_flood, run_flood};
pub use forcing::{Adjust, ForcingPlan, RainPart, StagePart};
pub use history::{GaugeHistory, GaugeSeries, read_history};
pub use live::{LiveInput, LiveSnapshot};
pub use outcome::{AFFECTED_DEPTH_M, BuildingOutcome, CellResults, Outcome, hazard_at, outcomes, totals};
pub use output::Exports;
pub use roads::{Cut, RoadSegment, RoadWatch, segments};
pub use sites::{BuildingSite, PEOPLE_ATTRIBUTES, Site, sites};
pub use state_file::SavedState;
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
