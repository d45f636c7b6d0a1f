//! Verification cases: exact answers, correlations, experiments and invariants with stated tolerances.
//!
//! [`all`] returns one [`VerificationRow`] per measure; the crate's tests call the same functions. [`steckler`] needs
//! measured data that are not part of the program.

mod balance;
mod exact;
mod rooms;
mod species;
mod steckler;

pub use balance::{door_jet_fire, ensemble_agrees, random_networks, snapshot_continues, still_building};
pub use exact::{
    equilibrium, leakage, sealed_room, slab_vents, sprinkler, stack_effect, steady_flow_through_rooms, ventilated_box,
    ventilation_stages, wind_through_rooms,
};
pub use rooms::{ceiling_jet_detector, corridor_arrival, door_flow, filling, hot_layer, mccaffrey_plume};
pub use sim_core::VerificationRow;
pub use species::{mass_in_rooms, methane_flame, tenability, trace_between_rooms, yields};
pub use steckler::{Layers, StecklerTest, steckler};

use crate::{
    Detector, Fire, FireError, FireParams, FireRun, HeatCurve, Member, Network, NetworkBuilder, Side, SpaceId,
};
use sim_core::CancelToken;

/// A set of verification rows by name.
pub type Case = (&'static str, fn() -> Result<Vec<VerificationRow>, FireError>);

/// Every case, in the order of [`all`].
pub const CASES: &[Case] = &[
    ("equilibrium", equilibrium),
    ("sealed-room", sealed_room),
    ("mass-in-rooms", mass_in_rooms),
    ("methane-flame", methane_flame),
    ("yields", yields),
    ("trace-between-rooms", trace_between_rooms),
    ("tenability", tenability),
    ("ventilated-box", ventilated_box),
    ("steady-flow-through-rooms", steady_flow_through_rooms),
    ("ventilation-stages", ventilation_stages),
    ("slab-vents", slab_vents),
    ("leakage", leakage),
    ("wind-through-rooms", wind_through_rooms),
    ("stack-effect", stack_effect),
    ("door-flow", door_flow),
    ("sprinkler", sprinkler),
    ("ceiling-jet-detector", ceiling_jet_detector),
    ("mccaffrey-plume", mccaffrey_plume),
    ("filling", filling),
    ("hot-layer", hot_layer),
    ("corridor-arrival", corridor_arrival),
    ("still-building", still_building),
    ("door-jet-fire", door_jet_fire),
    ("random-networks", random_networks),
    ("snapshot-continues", snapshot_continues),
    ("ensemble-agrees", ensemble_agrees),
];

/// Runs every case. A case that cannot run at all gives one failing row with the reason as its source.
#[must_use]
pub fn all() -> Vec<VerificationRow> {
    let refused = |name: &str, why: &FireError| VerificationRow::at_most(name, "runs", f64::NAN, 0.0, &why.to_string());
    let rows = |(name, case): &Case| case().unwrap_or_else(|e| vec![refused(name, &e)]);
    CASES.iter().flat_map(rows).collect()
}

/// The tolerance asked of exact answers.
const EXACT: f64 = 0.02;

/// |value / exact - 1| against [`EXACT`].
fn relative(case: &str, measure: &str, value: f64, exact: f64, source: &str) -> VerificationRow {
    let measure = format!("{measure}: relative error");
    VerificationRow::at_most(case, &measure, (value / exact - 1.0).abs(), EXACT, source)
}

fn run(network: Network, fires: Vec<Fire>) -> Result<FireRun, FireError> {
    run_with(network, fires, Vec::new(), FireParams::default())
}

fn run_with(
    network: Network,
    fires: Vec<Fire>,
    detectors: Vec<Detector>,
    params: FireParams,
) -> Result<FireRun, FireError> {
    FireRun::new(network, vec![Member { fires, openings: Vec::new() }], detectors, params)
}

fn advance(run: &mut FireRun, t_s: f64) -> Result<(), FireError> {
    run.advance_to(t_s, &CancelToken::new())
}

/// A methane fire on the floor by table (s, kW), without radiation losses unless a share is given.
fn methane(space: SpaceId, table: &[(f64, f64)], radiative_share: f64) -> Fire {
    let mut fire = Fire::new("fire", space, HeatCurve::Table(table.to_vec()));
    fire.fuel.radiative_share = radiative_share;
    fire
}

/// Row of how well mass and energy close.
fn closes(case: &str, run: &FireRun) -> Result<[VerificationRow; 2], FireError> {
    let c = run.closure(0)?;
    Ok([
        VerificationRow::at_most(case, "mass and species unaccounted for", c.mass, 1e-11, "own account"),
        VerificationRow::at_most(case, "energy unaccounted for", c.energy, 1e-9, "own account"),
    ])
}

/// Both ends of a vent between two spaces.
fn between(a: SpaceId, b: SpaceId) -> (Side, Side) {
    (Side::Space(a), Side::Space(b))
}

fn outdoors(a: SpaceId) -> (Side, Side) {
    (Side::Space(a), Side::Outside)
}

/// A builder in air of 20 °C.
fn builder() -> NetworkBuilder {
    NetworkBuilder::new(crate::Ambient::default())
}
