//! Every verification case of the crate, and refused input, as tests.

use sim_urban::verification::{self, VerificationRow};
use sim_urban::UrbanError;

fn check(rows: Result<Vec<VerificationRow>, UrbanError>) {
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

cases!(exchange_laws, river_outfall, random_day, snapshot_continues, ea_8b_lite);
