//! The adapter between the model and Bevy (适配层): one way in, one way out.
//!
//! ```text
//! server / pack ──► Ingest ──► Apply ──► Simulate ──► Publish ──► Project ──► twin_view, twin_ui
//!                      ▲                                                          │
//!                      └────────────── CommandIssued (typed, logged) ◄────────────┘
//! ```
//!
//! Resources are split by writer: only the systems of this crate change them, everybody else reads, and asks for changes
//! by [`CommandIssued`]. No rendering, no windows, no panels: the same adapter runs in tests and on a server.

mod commands;
mod devices;
mod evac;
mod fetch;
mod link;
mod local;
mod pack;
mod resources;
mod runs;

pub use commands::{CommandIssued, FlyRequest};
pub use devices::{DeviceCondition, Devices};
pub use evac::{BuildingPlans, EvacComparison, ShownEvac};
pub use fetch::{Fetches, Source, Ticket};
pub use link::LinkStatus;
pub use local::{LocalEngine, LocalEvent, LocalRequest, LocalRunner, LocalRuns};
pub use pack::{LoadProgress, PackInfo};
pub use resources::{
    CasePoint, Community, Comparison, Intervals, LayerVisibility, Live, LiveStamp, Notice, Notices, Now, Properties,
    Selection, Server, ShownStorey, Tool, ViewClock, WallClock, Works,
};
pub use runs::{CompareResult, RunData, Runs, ShownRun};

use bevy::app::{App, Plugin, Update};
use bevy::ecs::schedule::{IntoScheduleConfigs, SystemSet};

/// The steps of one update, in order.
#[derive(SystemSet, Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TwinSystems {
    /// Bytes come in: clock, files, live messages.
    Ingest,
    /// Messages and commands change the state.
    Apply,
    /// Time of a run advances.
    Simulate,
    /// Derived tables are brought up to date: device conditions, shown frames.
    Publish,
    /// Views take what they show. The only set that other crates add to.
    Project,
}

/// Registers the resources, messages and systems of the adapter.
#[derive(Debug, Clone)]
pub struct TwinPlugin {
    /// Where the pack comes from, and the server if there is one.
    pub source: Source,
    /// Where "now" comes from.
    pub clock: WallClock,
}

impl Plugin for TwinPlugin {
    fn build(&self, app: &mut App) {
        use TwinSystems::{Apply, Ingest, Project, Publish, Simulate};
        app.configure_sets(Update, (Ingest, Apply, Simulate, Publish, Project).chain());
        resources::register(app, self.clock);
        fetch::register(app, &self.source);
        pack::register(app);
        link::register(app, &self.source);
        commands::register(app);
        runs::register(app);
        evac::register(app);
        local::register(app);
        devices::register(app);
    }
}
