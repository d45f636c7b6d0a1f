//! What can go wrong before or during a coupled run.

use sim_core::SnapshotError;
use sim_crowd::CrowdError;
use sim_fire::FireError;
use thiserror::Error;
use twin_model::ScenarioError;

/// A refused input or a stopped run. Each reads as one clear line.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum EvacError {
    /// A scenario value outside its range, or a name that the plan does not have.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// A building plan that forbids a run: its first error.
    #[error("building plan: {0}")]
    Plan(String),
    /// The crowd refused its input.
    #[error(transparent)]
    Crowd(#[from] CrowdError),
    /// The smoke network refused its input or stopped.
    #[error(transparent)]
    Fire(#[from] FireError),
    /// A snapshot that is damaged or belongs to another run.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The caller cancelled; the state is valid at the time reached.
    #[error("cancelled at t = {t_s:.3} s")]
    Cancelled {
        /// Simulated time reached, s.
        t_s: f64,
    },
    /// The alarms given to the inference are none, or not in order.
    #[error("alarms: {0}")]
    Alarms(String),
    /// Counts of people that cannot be, or of places that are not there.
    #[error("counts: {0}")]
    Counts(String),
    /// Levels of water outside doors that cannot be.
    #[error("water: {0}")]
    Water(String),
}
