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
    // 127 K against 151 K. The correlation has no radiation of the faces and lets the walls take 1.3 times the heat released.
    ("hot-layer", "NIST's example (LLNL test 51), 200 kW, 3000 s"),
    // 200 K against 279 K; outside the correlation's range: the board is neither thick nor steady.
    ("hot-layer", "gypsum, 300 kW, 600 s"),
    // 287 K against 232 K. The correlation has no film before the concrete, which would take 1.6 times the heat released.
    ("hot-layer", "concrete, 600 kW, 600 s"),
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
    door_jet_fire,
    random_networks,
    snapshot_continues,
    ensemble_agrees,
);
