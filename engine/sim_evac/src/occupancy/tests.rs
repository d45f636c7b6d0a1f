//! Occupancy on the corridor with four rooms and on the block.

use super::*;
use crate::verification::{corridor_plan, corridor_scenario};
use crate::verification_live::{block_plan, block_scenario};

fn count(scope: CountScope, count: f64, sd: f64) -> CountObservation {
    CountObservation { scope, count, sd, age_s: 0.0 }
}

fn door(name: &str, into: Option<&str>, net: f64) -> CountObservation {
    let scope = CountScope::Door { door: name.into(), into: into.map(str::to_owned), since_s: 4.0 * 3600.0 };
    count(scope, net, 0.0)
}

fn at_ten(draws: u32) -> OccupancyOptions {
    OccupancyOptions::at(10.0, DayKind::Work, draws, 11)
}

fn corridor(counts: &[CountObservation]) -> Occupancy {
    occupancy(&corridor_plan(), &corridor_scenario(60.0, false), counts, &at_ten(2000)).unwrap()
}

#[test]
fn same_seed_same_people() {
    let counts = [count(CountScope::Building, 33.0, 2.0)];
    assert_eq!(corridor(&counts), corridor(&counts));
    let mut other = at_ten(2000);
    other.seed = 12;
    let plan = corridor_plan();
    assert_ne!(occupancy(&plan, &corridor_scenario(60.0, false), &counts, &other).unwrap(), corridor(&counts));
}

#[test]
fn exact_counts_are_met() {
    let counts = [count(CountScope::Building, 33.0, 0.0), count(CountScope::Space("R2".into()), 4.0, 0.0)];
    let o = corridor(&counts);
    assert!(o.draws.iter().all(|d| d.iter().sum::<u32>() == 33 && d[2] == 4));
    assert_eq!(o.doubts, Vec::<String>::new());
    let e = o.estimate(&corridor_plan());
    assert_eq!((e.building.p05, e.building.p95, e.spaces[2].mean), (33, 33, 4.0));
    // The three other rooms are alike.
    for k in [1, 3, 4] {
        assert!((e.spaces[k].mean - 29.0 / 3.0).abs() < 0.5, "{:?}", e.spaces[k]);
    }
    assert_eq!(o.middle().iter().sum::<u32>(), 33);
}

#[test]
fn contradicting_counters_give_a_doubt_and_a_compromise() {
    let rooms = |n: f64| (1..=4).map(move |k| count(CountScope::Space(format!("R{k}")), n, 0.0));
    let mut counts: Vec<CountObservation> = rooms(10.0).collect();
    counts.push(count(CountScope::Space("corridor".into()), 0.0, 0.0));
    counts.push(count(CountScope::Building, 60.0, 0.0));
    let o = corridor(&counts);
    assert_eq!(o.doubts.len(), 1, "{:?}", o.doubts);
    assert!(o.doubts[0].starts_with("corridor: counted 60, but what lies in it"), "{}", o.doubts[0]);
    let mean = o.estimate(&corridor_plan()).building.mean;
    assert!((40.0..=60.0).contains(&mean), "{mean}");
    let twice = [count(CountScope::Building, 30.0, 1.0), count(CountScope::Building, 50.0, 4.0)];
    let o = corridor(&twice);
    assert!(o.doubts[0].contains("counted as 30 and as 50"), "{:?}", o.doubts);
    let mean = o.estimate(&corridor_plan()).building.mean;
    assert!((29.0..34.0).contains(&mean), "the more certain has the weight: {mean}");
}

#[test]
fn impossible_counts_never_panic() {
    let counts = [
        count(CountScope::Building, 0.0, 0.0),
        count(CountScope::Space("R1".into()), 500.0, 0.0),
        count(CountScope::Space("R1".into()), 0.0, 0.0),
        door("west", None, -900.0),
        door("east", None, -1.0),
    ];
    let o = corridor(&counts);
    assert!(o.draws.len() == 2000 && !o.doubts.is_empty());
}

#[test]
fn doors_count_what_is_behind_them() {
    // Four hours ago, at six, about 10 % were there (4 of 40, ±); 30 came in by one exit and 2 left by the other.
    let o = corridor(&[door("west", None, 30.0), door("east", None, -2.0)]);
    assert_eq!(o.doubts, Vec::<String>::new());
    let e = o.estimate(&corridor_plan());
    assert!((e.building.mean - 32.0).abs() < 1.5, "{:?}", e.building);
    assert!(e.building.p95 - e.building.p05 < 16, "{:?}", e.building);
    // One exit without a counter: nothing is known.
    let o = corridor(&[door("west", None, 30.0)]);
    assert!(o.doubts[0].contains("east, which nobody counts"), "{:?}", o.doubts);
    // A room behind its only door.
    let o = corridor(&[door("D3", Some("R3"), 17.0)]);
    let e = o.estimate(&corridor_plan());
    assert!((e.spaces[3].mean - 18.0).abs() < 1.5, "{:?} {:?}", e.spaces[3], o.doubts);
}

#[test]
fn old_readings_are_less_certain() {
    let spread = |age_s: f64| {
        let c = CountObservation { scope: CountScope::Building, count: 33.0, sd: 0.0, age_s };
        let b = corridor(&[c]).estimate(&corridor_plan()).building;
        b.p95 - b.p05
    };
    assert_eq!(spread(0.0), 0);
    assert!(spread(300.0) >= 4 && spread(1800.0) > spread(300.0));
}

#[test]
fn storeys_and_building_fit_together() {
    let mut counts: Vec<CountObservation> =
        (1..=10).map(|k| count(CountScope::Storey(format!("{k}F")), 20.0 + f64::from(k), 2.0)).collect();
    counts.push(count(CountScope::Building, 250.0, 0.0));
    let plan = block_plan(10);
    let o = occupancy(&plan, &block_scenario(60.0), &counts, &at_ten(200)).unwrap();
    assert!(o.draws.iter().all(|d| d.iter().sum::<u32>() == 250));
    let e = o.estimate(&plan);
    for (k, s) in e.storeys.iter().enumerate() {
        // 255 in sum against 250: each gives half a person.
        assert!((s.mean - (20.5 + k as f64)).abs() < 0.6, "{s:?}");
    }
    assert_eq!(o.doubts, Vec::<String>::new());
}

#[test]
fn nights_are_emptier_and_bad_input_is_one_line() {
    let mean = |hour: f64| {
        let o = OccupancyOptions { hour, ..at_ten(500) };
        occupancy(&corridor_plan(), &corridor_scenario(60.0, false), &[], &o)
            .unwrap()
            .estimate(&corridor_plan())
            .building
            .mean
    };
    assert!(mean(3.0) < 2.0 && mean(10.0) > 30.0, "{} {}", mean(3.0), mean(10.0));
    let said = |c: CountObservation| {
        occupancy(&corridor_plan(), &corridor_scenario(60.0, false), &[c], &at_ten(1)).unwrap_err().to_string()
    };
    assert_eq!(said(count(CountScope::Building, -1.0, 0.0)), "counts: counts[0].count = -1; allowed: 0..1000000");
    assert_eq!(
        said(count(CountScope::Storey("9F".into()), 1.0, 0.0)),
        "counts: counts[0].scope.storey = \"9F\"; allowed: one of 1F"
    );
    assert!(said(count(CountScope::Space("R9".into()), 1.0, 0.0)).contains("counts[0].scope = \"R9\""));
    assert!(said(door("D3", None, 1.0)).contains("into is missing"));
}

#[test]
fn any_counts_give_people_and_never_panic() {
    let plan = block_plan(2);
    let mut rng = CounterRng::new(5, 5);
    for case in 0..60 {
        let mut counts = Vec::new();
        for _ in 0..rng.below(8) {
            let scope = match rng.below(4) {
                0 => CountScope::Building,
                1 => CountScope::Storey(format!("{}F", 1 + rng.below(2))),
                2 => CountScope::Space(format!("{}F/R{}", 1 + rng.below(2), rng.below(17))),
                _ => CountScope::Door {
                    door: ["west exit", "east exit"][rng.below(2) as usize].into(),
                    into: None,
                    since_s: [3600.0, 7200.0][rng.below(2) as usize],
                },
            };
            let count = if matches!(scope, CountScope::Door { .. }) {
                rng.range_f64(-300.0, 300.0)
            } else {
                rng.range_f64(0.0, 300.0)
            };
            let sd = [0.0, 1.0, 30.0][rng.below(3) as usize];
            counts.push(CountObservation { scope, count, sd, age_s: rng.range_f64(0.0, 4000.0) });
        }
        let options = OccupancyOptions { hour: rng.range_f64(0.0, 24.0), draws: 5, ..at_ten(5) };
        let o = occupancy(&plan, &block_scenario(60.0), &counts, &options).unwrap();
        assert_eq!(o.draws.len(), 5, "case {case}: {counts:?}");
        assert!(o.draws.iter().all(|d| d.iter().sum::<u32>() < 5000), "case {case}: {counts:?}");
    }
}
