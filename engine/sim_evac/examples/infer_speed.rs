//! How long an inference takes: `infer_speed [storeys]` on a block with 20 spaces a storey, two alarms on its middle storey.

use sim_core::CancelToken;
use sim_evac::verification_live::{STOREY_SPACES, block_plan, block_scenario};
use sim_evac::{EvacError, EvacModel, InferOptions, SeenSignal};
use std::time::Instant;
use twin_model::{SignalKind, SpaceIndex};

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
    let started = Instant::now();
    let table = model.alarm_table(&InferOptions::at(0.0), &cancel)?;
    println!("whole building: {:.2} s, {} fires", started.elapsed().as_secs_f64(), table.fires());
    Ok(())
}
