//! Every verification case of the crate, the kernel's contract, and hostile input, as tests.

#[path = "suite_parts/contract.rs"]
mod contract;
#[path = "suite_parts/inp.rs"]
mod inp;

use sim_drainage::verification::{self, VerificationRow};

fn check(rows: Result<Vec<VerificationRow>, sim_drainage::DrainageError>) {
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
        $(#[test] fn $name() { check(verification::$name()); })*

        #[test]
        fn the_list_is_complete() {
            assert_eq!(verification::CASES.len(), [$(stringify!($name)),*].len());
        }
    };
}

cases!(
    uniform_flow,
    pressure_loss,
    backwater,
    structures,
    surge_between_tanks,
    filling_tank,
    draining_tank,
    courant,
    water_at_rest,
    flap_gates,
    random_networks,
    snapshot_continues,
);
