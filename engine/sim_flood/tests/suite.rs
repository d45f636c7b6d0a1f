//! Every verification case of the crate, as tests.

#[path = "suite_parts/shared.rs"]
mod shared;

use sim_flood::verification::{CASES, VerificationCase};

/// Rows that do not hold, with what is wrong. One that begins to hold must leave this list.
const KNOWN_FAILURES: &[(&str, &str, &str)] = &[];

fn known(case: &VerificationCase, measure: &str) -> bool {
    let name = case.name.trim_end_matches(" f64");
    KNOWN_FAILURES.iter().any(|(of, part, _)| *of == name && measure.contains(part))
}

fn check(case: &VerificationCase) {
    assert!(!case.rows.is_empty());
    for row in &case.rows {
        println!("{row}");
    }
    let wrong: String =
        case.rows.iter().filter(|r| !r.pass && !known(case, &r.measure)).map(|r| format!("\n{r}")).collect();
    assert!(wrong.is_empty(), "{wrong}");
    let holds = case.rows.iter().find(|r| r.pass && known(case, &r.measure));
    assert!(holds.is_none(), "no longer a known failure: {holds:?}");
    assert!(case.figures.iter().all(|f| f.curves.iter().all(|c| !c.points.is_empty())), "an empty curve");
}

fn run(name: &str, precision: &str) {
    let name = name.replace('_', "-");
    let case = CASES.iter().find(|c| c.name == name && c.precision == precision).expect("a case of that name");
    check(&case.run());
}

macro_rules! cases {
    ($($name:ident),* ; local $($local:ident),* ; local_double $($local_double:ident),* $(,)?) => {
        mod single { $(#[test] fn $name() { super::run(stringify!($name), "f32"); })* }
        mod double {
            $(#[test] fn $name() { super::run(stringify!($name), "f64"); })*
            $(#[test] fn $local_double() { super::run(stringify!($local_double), "f64"); })*
        }
        mod local { $(#[test] fn $local() { super::run(stringify!($local), "f32"); })* }

        #[test]
        fn the_list_is_complete() {
            let local = [$(stringify!($local)),*].len() + [$(stringify!($local_double)),*].len();
            assert_eq!(CASES.len(), 2 * [$(stringify!($name)),*].len() + local);
        }
    };
}

cases!(
    lake_at_rest,
    stoker_dam_break,
    ritter_dam_break,
    dressler_dam_break,
    step_dam_break,
    radial_dam_break,
    convergence,
    subcritical_bump,
    transcritical_bump,
    bump_with_jump,
    normal_flow,
    macdonald_long,
    macdonald_short,
    macdonald_rain,
    moving_storm,
    thacker_radial,
    thacker_planar,
    parabolic_canal,
    sampson_canal,
    carrier_greenspan_transient,
    carrier_greenspan_periodic,
    symmetry,
    mass_closure,
    day_of_weather,
    positivity,
    rain_on_roofs,
    barrier,
    buildings,
    weir_and_gate,
    culvert_pump_breach,
    outlets,
    infiltration,
    live_edits,
    ea1_like_pond,
    ea2_like_pits,
    ea3_like_obstruction,
    porous_dam_break,
    porous_lake_at_rest,
    porous_mass,
    threads_agree,
    snapshot_continues;
    local
    lake_at_rest_local,
    stoker_dam_break_local,
    ritter_dam_break_local,
    thacker_radial_local,
    thacker_planar_local,
    sampson_canal_local,
    macdonald_rain_local,
    moving_storm_local,
    buildings_local,
    weir_and_gate_local,
    culvert_pump_breach_local,
    outlets_local,
    infiltration_local,
    positivity_local,
    channel_beside_street_local,
    live_edits_local,
    threads_agree_local,
    snapshot_continues_local;
    local_double
    lake_at_rest_local,
    positivity_local
);
