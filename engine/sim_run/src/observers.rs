//! Everything that looks at the water while a run goes on.

use crate::RunError;
use crate::alarms::AlarmWatch;
use crate::flood::Prepared;
use crate::roads::{RoadWatch, segments};
use crate::tracks::{Tracks, speeds};
use sim_flood::FloodRun;

/// Fields of one moment.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Depth, m.
    pub depth_m: Vec<f32>,
    /// Velocity towards grid east, m/s.
    pub u_mps: Vec<f32>,
    /// Velocity towards grid north, m/s.
    pub v_mps: Vec<f32>,
}

/// The watchers of a run.
pub struct Observers {
    /// Per cell.
    pub tracks: Tracks,
    /// Per road segment.
    pub roads: RoadWatch,
    /// Per alarm rule on water.
    pub alarms: AlarmWatch,
    seen: Seen,
    sampled_s: Option<f64>,
}

impl Observers {
    /// Watchers that have seen nothing, or what the continued run's had seen of the cells.
    pub(crate) fn new(prepared: &Prepared<'_>) -> Result<Self, RunError> {
        let (model, domain) = (&prepared.pack.model, &prepared.domain);
        let cells = domain.terrain.grid.cell_count();
        let tracks = prepared.state.as_ref().map(|s| s.tracks.clone()).filter(|t| t.max_rating.len() == cells);
        Ok(Self {
            tracks: tracks.unwrap_or_else(|| Tracks::new(cells)),
            roads: RoadWatch::new(segments(model, domain)?, prepared.request.limits),
            alarms: AlarmWatch::new(model, &prepared.pack.properties, domain)?,
            seen: Seen::default(),
            sampled_s: None,
        })
    }

    /// Looks at the run at its second `t_s`; a second look at the same time does nothing.
    pub fn sample(&mut self, t_s: f64, run: &FloodRun) {
        if self.sampled_s == Some(t_s) {
            return;
        }
        self.seen = Seen { depth_m: run.depth_m(), u_mps: run.velocity_x_mps(), v_mps: run.velocity_y_mps() };
        let speed_mps = speeds(&self.seen.u_mps, &self.seen.v_mps);
        // Cells are remembered on the kernel's clock, which goes on over continued runs.
        self.tracks.sample(run.t_s(), &self.seen.depth_m, &speed_mps);
        self.roads.sample(t_s, &self.seen.depth_m, &speed_mps);
        self.alarms.sample(t_s, &self.seen.depth_m);
        self.sampled_s = Some(t_s);
    }

    /// What was seen last.
    #[must_use]
    pub const fn last(&self) -> &Seen {
        &self.seen
    }
}
