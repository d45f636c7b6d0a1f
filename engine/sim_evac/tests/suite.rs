//! The coupling's cases, threads, and bad input, as tests.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use sim_core::CancelToken;
use sim_evac::verification::{CASES, corridor_plan, corridor_scenario, rows};
use sim_evac::{EvacEnsemble, EvacError, EvacModel, InferOptions, SeenAlarm};
use std::sync::Arc;
use twin_model::{Detection, DetectorPlaces, DoorState, EvacIntervention, EvacScenario, SpaceIndex, Sprinklers};

/// Rows that miss their bound, as the README says; one that no longer does must leave the list.
///
/// The network does not see those who still wait: in the micro crowd people go round them in small rooms (27 % against 15 %).
/// In thick smoke one person more or fewer of 32 gets out; the row passed with the fires and the crowd before.
const MISSED: &[(&str, &str)] =
    &[("network-corridor", "half out, off by, share"), ("network-smoke", "people out, off by")];

macro_rules! cases {
    ($($test:ident = $name:literal),* $(,)?) => {
        $(#[test] fn $test() {
            let case = CASES.iter().find(|c| c.0 == $name).unwrap();
            let rows = rows(case);
            rows.iter().for_each(|r| println!("{r}"));
            let missed = |r: &sim_core::VerificationRow| MISSED.contains(&($name, r.measure.as_str()));
            let failing: String = rows.iter().filter(|r| r.pass == missed(r)).map(|r| format!("\n{r}")).collect();
            assert!(failing.is_empty() && !rows.is_empty(), "not as listed:{failing}");
        })*

        #[test]
        fn the_list_is_complete() {
            assert_eq!(CASES.len(), [$($name),*].len());
        }
    };
}

cases!(
    accounts_close = "accounts-close",
    blocked_exit = "blocked-exit",
    doors_and_smoke = "doors-and-smoke",
    smoke_slows = "smoke-slows",
    voice_message = "voice-message",
    snapshot_continues = "snapshot-continues",
    members_agree = "members-agree",
    fire_inferred = "fire-inferred",
    network_corridor = "network-corridor",
    network_stairs = "network-stairs",
    network_smoke = "network-smoke",
    network_doses = "network-doses",
    network_changes = "network-changes",
    network_snapshot = "network-snapshot",
    branches = "branches",
    live = "live",
    people_unknown = "people-unknown",
    people_and_doors_of_members = "people-and-doors-of-members",
);

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            // Three blocks, of which the last two do not wait for the looks at the first.
            let scenario = EvacScenario { members: 20, ..corridor_scenario(60.0, true) };
            let model = Arc::new(EvacModel::new(&corridor_plan(), &scenario, &[]).unwrap());
            let members = model.members().unwrap();
            let mut run = EvacEnsemble::new(model, &members).unwrap();
            let mut seen = Vec::new();
            let look = |v: &sim_evac::EvacView<'_, 8>| {
                seen.push(v.t_s());
                Ok::<(), EvacError>(())
            };
            run.advance_seen(45.0, 20.0, &CancelToken::new(), look).unwrap();
            assert_eq!((seen, run.t_s()), (vec![20.0, 40.0, 45.0], 45.0));
            run.advance_to(60.0, &CancelToken::new()).unwrap();
            run.checksum()
        })
    };
    let one = run(1);
    assert_eq!([run(2), run(3)], [one, one]);
}

fn said(change: impl FnOnce(&mut EvacScenario)) -> String {
    let mut scenario = corridor_scenario(60.0, true);
    change(&mut scenario);
    let model = EvacModel::new(&corridor_plan(), &scenario, &[]);
    model
        .and_then(|m| {
            let members = m.members()?;
            EvacEnsemble::new(Arc::new(m), &members).map(|_| ())
        })
        .unwrap_err()
        .to_string()
}

#[test]
fn bad_input_is_one_clear_line() {
    let fire = |s: &mut EvacScenario| s.fire.as_mut().map(|f| f.space = "R9".into()).unwrap();
    assert_eq!(
        said(fire),
        "scenario \"corridor\": fire.space = \"R9\": must be a space of the plan: 1F/R1, 1F/R2, 1F/R3, 1F/R4, 1F/corridor"
    );
    let locked = |s: &mut EvacScenario| {
        s.doors.named.insert("D2".into(), DoorState::Locked);
    };
    assert_eq!(
        said(locked),
        "scenario \"corridor\": people.spaces[1].space = \"R2\": must be a space with a way out of the building"
    );
    let crowded = said(|s| s.people.spaces[0].count = 5000);
    assert!(crowded.contains("people.spaces[0].count = 5000: must be at most") && !crowded.contains('\n'), "{crowded}");
    let door = said(|s| s.interventions.push(EvacIntervention::OpenDoor { door: "D7".into(), at_s: 1.0 }));
    assert_eq!(
        door,
        "scenario \"corridor\": interventions[0].door = \"D7\": must be a door of the plan: D1, D2, D3, D4, east, west"
    );
    let stair = said(|s| s.interventions.push(EvacIntervention::BlockStair { stair: "S".into(), at_s: 1.0 }));
    assert_eq!(
        stair,
        "scenario \"corridor\": interventions[0].stair = \"S\": must be a stair of the plan: it has none"
    );
    let mut plan = corridor_plan();
    plan.openings[2].clear_width_m = 0.0;
    let refused = EvacModel::new(&plan, &corridor_scenario(60.0, true), &[]).unwrap_err();
    assert_eq!(refused.to_string(), "building plan: opening D1: clear width 0 m; allowed: > 0");
}

#[test]
fn alarms_are_checked() {
    let model = EvacModel::new(&corridor_plan(), &corridor_scenario(60.0, true), &[]).unwrap();
    let infer =
        |alarms: &[SeenAlarm]| model.infer_fire(alarms, &InferOptions::at(10.0), &CancelToken::new()).unwrap_err();
    assert_eq!(infer(&[]).to_string(), "alarms: none; allowed: at least 1");
    let late = infer(&[SeenAlarm { space: SpaceIndex(0), at_s: 11.0 }]).to_string();
    assert_eq!(late, "alarms: time 11 s; allowed: times that do not fall, up to now (10 s)");
    let foreign = infer(&[SeenAlarm { space: SpaceIndex(99), at_s: 1.0 }]).to_string();
    assert_eq!(foreign, "alarms: space number 99 has no detector in the scenario");
}

#[test]
fn a_cancelled_run_says_so() {
    let scenario = corridor_scenario(60.0, false);
    let model = Arc::new(EvacModel::new(&corridor_plan(), &scenario, &[]).unwrap());
    let members = model.members().unwrap();
    let mut run = EvacEnsemble::new(model, &members).unwrap();
    let cancel = CancelToken::after(5);
    assert!(matches!(run.advance_to(60.0, &cancel), Err(EvacError::Cancelled { t_s }) if t_s == 5.0));
}

#[test]
fn a_run_stopped_on_its_way_goes_on_to_the_same_bits() {
    let scenario = EvacScenario { members: 20, ..corridor_scenario(60.0, true) };
    let model = Arc::new(EvacModel::new(&corridor_plan(), &scenario, &[]).unwrap());
    let members = model.members().unwrap();
    let made = || EvacEnsemble::new(Arc::clone(&model), &members).unwrap();
    let mut whole = made();
    whole.advance_to(60.0, &CancelToken::new()).unwrap();
    let mut stopped = made();
    assert!(stopped.advance_to(60.0, &CancelToken::after(40)).is_err());
    // Its blocks stand at different seconds.
    let mut restored = made();
    restored.restore(&stopped.save()).unwrap();
    for run in [&mut stopped, &mut restored] {
        run.advance_to(60.0, &CancelToken::new()).unwrap();
        assert_eq!(run.checksum(), whole.checksum());
    }
    // A look that fails stops the run, too.
    let failed = made().advance_seen(60.0, 10.0, &CancelToken::new(), |v| Err(EvacError::Plan(v.t_s().to_string())));
    assert_eq!(failed.unwrap_err(), EvacError::Plan("10".into()));
}

/// Temperature of the smoke layer of a space after a time, °C, and extinction under its ceiling, 1/m.
fn smoke_in(space: usize, after_s: f64, scenario: &EvacScenario) -> [f64; 2] {
    let model = Arc::new(EvacModel::new(&corridor_plan(), scenario, &[]).unwrap());
    let members = model.members().unwrap();
    let mut run = sim_evac::EvacRun::new(model, &members).unwrap();
    run.advance_to(after_s, &CancelToken::new()).unwrap();
    assert!(run.members()[0].balance().closes());
    let view = run.view(0).unwrap();
    [view.layers().unwrap().unwrap()[space][1], view.ceiling_smoke().unwrap().unwrap()[space]]
}

/// A fire that gets air, so that nothing but what is tested damps or drives it.
fn airy(duration_s: f64) -> EvacScenario {
    let mut scenario = corridor_scenario(duration_s, true);
    for door in ["west", "east", "D1", "D4"] {
        scenario.doors.named.insert(door.into(), DoorState::Open);
    }
    scenario
}

#[test]
fn sprinklers_cool_the_burning_room_and_raise_the_alarm() {
    let dry = airy(240.0);
    let wet = EvacScenario { sprinklers: Some(Sprinklers::default()), ..dry.clone() };
    let [hot, cooled] = [&dry, &wet].map(|s| smoke_in(1, 240.0, s)[0]);
    assert!(cooled < hot - 50.0, "{hot} °C without, {cooled} °C with sprinklers");
    // Without smoke detectors the flow switch is what tells.
    let deaf =
        EvacScenario { detection: Detection { detectors: DetectorPlaces::Nowhere, ..dry.detection.clone() }, ..wet };
    let model = Arc::new(EvacModel::new(&corridor_plan(), &deaf, &[]).unwrap());
    let members = model.members().unwrap();
    let mut run = sim_evac::EvacRun::new(model, &members).unwrap();
    run.advance_to(150.0, &CancelToken::new()).unwrap();
    let alarm_s = run.members()[0].alarm_s().unwrap();
    assert!((20.0..150.0).contains(&alarm_s), "{alarm_s}");
    let cold = EvacScenario { sprinklers: Some(Sprinklers { set_c: 10.0, ..Sprinklers::default() }), ..dry };
    let said = EvacModel::new(&corridor_plan(), &cold, &[]).unwrap_err().to_string();
    assert_eq!(said, "scenario \"corridor\": sprinklers.set_c = 10 °C: must be 25..400 °C");
}

#[test]
fn wind_drives_the_smoke_along_the_corridor() {
    let scenario = airy(180.0);
    let far_room = |wind_mps, wind_from_deg| {
        let mut s = scenario.clone();
        (s.weather.wind_mps, s.weather.wind_from_deg) = (wind_mps, wind_from_deg);
        smoke_in(4, 180.0, &s)[1]
    };
    // The fire is in the room at the west end; R4 lies at the east end.
    let [from_west, from_east] = [far_room(5.0, 270.0), far_room(5.0, 90.0)];
    assert!(from_west > 2.0 * from_east, "{from_west} and {from_east} 1/m");
}

#[test]
fn people_who_cannot_use_stairs_still_leave_on_the_level() {
    let mut scenario = corridor_scenario(150.0, false);
    (scenario.people.slow_share, scenario.people.assisted_share) = (0.0, 1.0);
    let model = Arc::new(EvacModel::new(&corridor_plan(), &scenario, &[]).unwrap());
    let members = model.members().unwrap();
    let mut run = EvacEnsemble::new(model, &members).unwrap();
    run.advance_to(150.0, &CancelToken::new()).unwrap();
    let balance = run.members()[0].balance();
    assert_eq!((balance.entered, balance.left, balance.awaiting), (40, 40, 0));
}
