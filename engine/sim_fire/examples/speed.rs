//! Simulated seconds per second of one processor: `speed [threads]`.

#[path = "../benches/building.rs"]
mod building;

use sim_core::CancelToken;
use sim_fire::{FireEnsemble, FireError, FireParams, FireRun};
use std::time::Instant;

fn main() -> Result<(), FireError> {
    let cancel = CancelToken::new();
    for (storeys, pieces, rooms) in [(2, 4, 4), (10, 3, 5), (10, 14, 6)] {
        let network = building::block(storeys, pieces, rooms)?;
        let (spaces, vents) = (network.spaces().len(), network.vents().len());
        let members = building::members(&network, 1);
        let mut run = FireRun::new(network, members, Vec::new(), FireParams::default())?;
        let start = Instant::now();
        run.advance_to(300.0, &cancel)?;
        let took = start.elapsed().as_secs_f64();
        let unsettled = run.unsettled_steps();
        println!("{spaces} spaces, {vents} vents: 300 s in {took:.2} s, {:.0} x real time, {unsettled} unsettled", 300.0 / took);
    }
    for dt_s in [0.5, 1.0] {
        let network = building::block(10, 3, 5)?;
        let spaces = network.spaces().len();
        let members = building::members(&network, 64);
        let mut run = FireEnsemble::new(network, members, Vec::new(), FireParams { dt_s, ..FireParams::default() })?;
        let start = Instant::now();
        run.advance_to(600.0, &cancel)?;
        let took = start.elapsed().as_secs_f64();
        let rate = 64.0 * 600.0 / dt_s * spaces as f64 / took;
        let unsettled = run.unsettled_steps();
        println!("64 members x 600 s x {spaces} spaces, step {dt_s} s: {took:.2} s wall, {rate:.2e} space-steps/s, {unsettled} unsettled");
    }
    Ok(())
}
