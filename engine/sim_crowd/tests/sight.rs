//! Who sees whom inside one layer.

use sim_crowd::{CrowdError, CrowdForcing, CrowdParams, CrowdRun, DestinationClass, LayerSpec, Person, WorldBuilder};

/// When a person has walked along a wall 4 cm thick, with or without somebody who waits behind it.
fn time_along_a_thin_wall(somebody_waits: bool) -> Result<Option<f64>, CrowdError> {
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let mut spec = LayerSpec::rectangle("hall", [0.0, 0.0], [20.0, 6.0]);
    spec.holes.push(vec![[5.0, 2.98], [15.0, 2.98], [15.0, 3.02], [5.0, 3.02]]);
    let hall = w.layer(&spec)?;
    w.door("end", (hall, [[20.0, 0.0], [20.0, 6.0]]), None)?;
    let classes = vec![DestinationClass::default()];
    let mut run = CrowdRun::new(w.build()?, classes, CrowdParams::default(), CrowdForcing::default())?;
    let walker = run.enter(&Person::new(hall, [1.0, 2.75], 1.3))?;
    if somebody_waits {
        run.enter(&Person { start_s: 1e4, ..Person::new(hall, [10.0, 3.25], 1.3) })?;
    }
    while run.t_s() < 60.0 && run.departures().is_empty() {
        run.step();
    }
    Ok(run.departures().iter().find(|d| d.id == walker).map(|d| d.t_s))
}

#[test]
fn nobody_notices_people_behind_a_thin_wall() {
    let alone = time_along_a_thin_wall(false).expect("a hall");
    assert!(alone.is_some());
    assert_eq!(alone, time_along_a_thin_wall(true).expect("a hall"));
}
