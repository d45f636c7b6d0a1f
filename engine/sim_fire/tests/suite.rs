//! Every verification case of the crate, the kernel's contract, hostile input, and published measurements, as tests.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[path = "suite_parts/contract.rs"]
mod contract;
#[path = "suite_parts/plan.rs"]
mod plan;
#[path = "suite_parts/shared.rs"]
mod shared;

use sim_fire::verification::{self, VerificationRow};

/// Bars that are missed, by case and beginning of the measure. A row here must fail: one that begins to hold is to be taken off.
const KNOWN_FAILURES: &[(&str, &str)] = &[
    // 0.93 of an equal share: rooms that have come to rest do not mix through their openings.
    ("mass-in-rooms", "four rooms: least share of a room"),
    // 200 K and 287 K against 251 K and 232 K. The correlation knows neither the film on concrete nor the radiation of the face.
    ("hot-layer", "300 kW, gypsum"),
    ("hot-layer", "600 kW, concrete"),
];

fn check(rows: Result<Vec<VerificationRow>, sim_fire::FireError>) {
    let rows = rows.expect("the case runs");
    assert!(!rows.is_empty());
    for r in &rows {
        println!("{r}");
    }
    let known = |r: &&VerificationRow| KNOWN_FAILURES.iter().any(|k| k.0 == r.case && r.measure.starts_with(k.1));
    let wrong = rows.iter().filter(|r| r.pass == known(r));
    let list: String = wrong.map(|r| format!("\n{r}")).collect();
    assert!(list.is_empty(), "failing, or known to fail and now holding:{list}");
}

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        $(#[test] fn $name() { check(verification::$name()); })*

        #[test]
        fn the_list_is_complete() {
            assert_eq!(verification::CASES.len(), [$(stringify!($name)),*].len());
        }
    };
}

cases!(
    equilibrium,
    sealed_room,
    mass_in_rooms,
    methane_flame,
    yields,
    trace_between_rooms,
    tenability,
    ventilated_box,
    steady_flow_through_rooms,
    ventilation_stages,
    slab_vents,
    leakage,
    wind_through_rooms,
    stack_effect,
    door_flow,
    sprinkler,
    ceiling_jet_detector,
    mccaffrey_plume,
    filling,
    hot_layer,
    corridor_arrival,
    still_building,
    random_networks,
    snapshot_continues,
    ensemble_agrees,
);
