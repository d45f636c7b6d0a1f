//! How long an inference takes: `infer_speed [storeys] [all]` on a block with 20 spaces a storey, two alarms on its
//! middle storey; `all` makes the table of the whole building too.

use sim_core::CancelToken;
use sim_evac::verification_live::{STOREY_SPACES, block_plan, block_scenario};
use sim_evac::{EvacError, EvacModel, InferOptions, LiveOptions, SeenSignal};
use std::time::Instant;
use twin_model::{CountObservation, CountScope, DetectorSignal, SignalKind, SpaceIndex, SpaceUse, TimeMs};

fn main() -> Result<(), EvacError> {
    let storeys = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(10);
    let model = EvacModel::new(&block_plan(storeys), &block_scenario(600.0), &[])?;
    let base = STOREY_SPACES * (storeys / 2);
    let at = |k: u32, at_s: f64| SeenSignal { space: SpaceIndex(base + k), kind: SignalKind::Smoke, at_s };
    let (one, two) = (vec![at(7, 100.0)], vec![at(7, 100.0), at(0, 150.0)]);
    let cancel = CancelToken::new();
    let mut table = None;
    for (what, signals, now) in [("first alarm", &one, 110.0), ("second alarm", &two, 160.0), ("later", &two, 180.0)] {
        let started = Instant::now();
        let belief = model.believe(signals, &InferOptions::at(now), &mut table, &cancel)?;
        let took = started.elapsed().as_secs_f64();
        let fires = table.as_ref().map_or(0, |t| t.fires());
        let (room, p) = belief.rooms()[0];
        println!(
            "{what}: {took:.3} s, {fires} fires; {} {p:.3}; false alarm {:.2e}; door open {:.3}",
            model.space_name(room),
            belief.false_alarm,
            belief.door_open()
        );
    }
    let now = TimeMs(1_795_140_000_000);
    let signals: Vec<DetectorSignal> = two
        .iter()
        .map(|s| DetectorSignal { space: model.space_name(s.space), kind: s.kind, at: now.plus_secs(s.at_s - 160.0) })
        .collect();
    let count = |space| CountObservation { scope: CountScope::Space(space), count: 6.0, sd: 2.0, age_s: 60.0 };
    let spaces = (0..model.plan().spaces.len() as u32).map(SpaceIndex);
    let rooms = spaces.filter(|s| model.plan().spaces[s.index()].use_ == SpaceUse::Office);
    let counts: Vec<CountObservation> = rooms.map(|s| count(model.space_name(s))).collect();
    for (what, counts) in [("hours alone", &[][..]), ("a counter in every room", &counts[..])] {
        let started = Instant::now();
        let forecast = model.live_forecast(&signals, counts, now, &LiveOptions::default(), &mut table, &cancel)?;
        let (took, people) = (started.elapsed().as_secs_f64(), &forecast.people.building);
        println!("input of a forecast, {what}: {took:.3} s; {:.0} people, {}..{}", people.mean, people.p05, people.p95);
    }
    if std::env::args().nth(2).is_none() {
        return Ok(());
    }
    let started = Instant::now();
    let table = model.alarm_table(&InferOptions::at(0.0), &cancel)?;
    println!("whole building: {:.2} s, {} fires", started.elapsed().as_secs_f64(), table.fires());
    Ok(())
}
