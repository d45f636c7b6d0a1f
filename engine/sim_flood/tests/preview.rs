//! Every verification case of the preview, as tests.

use sim_flood::preview::verification::{self, CASES};

fn check(rows: Result<Vec<verification::VerificationRow>, sim_flood::FloodError>) {
    let rows = rows.expect("the case runs");
    assert!(!rows.is_empty());
    rows.iter().for_each(|r| println!("{r}"));
    let failed: String = rows.iter().filter(|r| !r.pass).map(|r| format!("\n{r}")).collect();
    assert!(failed.is_empty(), "{failed}");
}

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        $(#[test] fn $name() { check(verification::$name()); })*

        #[test]
        fn the_list_is_complete() {
            assert_eq!(CASES.len(), [$(stringify!($name)),*].len());
        }
    };
}

cases!(
    lake_at_rest,
    normal_flow,
    wetting_front,
    symmetry,
    mass_closure,
    rain_on_roofs,
    threads_agree,
    snapshot_continues,
);
