//! Every verification case of the crate, as tests.

#[path = "suite_parts/shared.rs"]
mod shared;

use sim_flood::verification::{self, VerificationRow};

fn check(rows: Result<Vec<VerificationRow>, sim_flood::FloodError>) {
    let rows = rows.expect("the case runs");
    assert!(!rows.is_empty());
    for r in &rows {
        println!("{r}");
    }
    assert!(
        rows.iter().all(|r| r.pass),
        "{}",
        rows.iter().filter(|r| !r.pass).map(|r| format!("\n{r}")).collect::<String>()
    );
}

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        mod single { $(#[test] fn $name() { super::check(sim_flood::verification::$name::<f32>()); })* }
        mod double { $(#[test] fn $name() { super::check(sim_flood::verification::$name::<f64>()); })* }

        #[test]
        fn the_list_is_complete() {
            assert_eq!(verification::CASES.len(), 2 * [$(stringify!($name)),*].len());
        }
    };
}

cases!(
    lake_at_rest,
    stoker,
    ritter,
    convergence,
    thacker_radial,
    thacker_planar,
    subcritical_bump,
    normal_flow,
    macdonald_rain,
    symmetry,
    mass_closure,
    positivity,
    rain_on_roofs,
    barrier_until_overtopped,
    buildings_hold,
    weir_and_gate,
    culvert_pump_breach,
    outlets,
    infiltration,
    live_edits,
    threads_agree,
    snapshot_continues,
);
