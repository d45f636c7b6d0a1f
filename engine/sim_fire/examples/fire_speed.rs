//! Simulated seconds per second of one processor: `speed`, threads by RAYON_NUM_THREADS.

#[path = "../benches/building.rs"]
mod building;

use sim_core::CancelToken;
use sim_fire::{FireEnsemble, FireError, FireParams, FireRun};

/// Processor time of the process, s (Linux: fields 14 and 15 of its `stat`, hundredths).
fn cpu_s() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = text.rsplit(')').next().unwrap_or("");
    after.split_whitespace().skip(11).take(2).filter_map(|x| x.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn main() -> Result<(), FireError> {
    let cancel = CancelToken::new();
    for (storeys, pieces, rooms) in [(2, 4, 4), (10, 3, 5), (10, 14, 6)] {
        let network = building::block(storeys, pieces, rooms)?;
        let (spaces, vents) = (network.spaces().len(), network.vents().len());
        let members = building::members(&network, 1);
        let mut run = FireRun::new(network, members, Vec::new(), FireParams::default())?;
        let start = cpu_s();
        run.advance_to(300.0, &cancel)?;
        let took = (cpu_s() - start).max(0.01);
        let unsettled = run.unsettled_steps();
        println!(
            "{spaces} spaces, {vents} vents: 300 s in {took:.2} s of processor, {:.0} x real time, {unsettled} unsettled",
            300.0 / took
        );
    }
    for dt_s in [0.5, 1.0] {
        let network = building::block(10, 3, 5)?;
        let spaces = network.spaces().len();
        let members = building::members(&network, 64);
        let mut run = FireEnsemble::new(network, members, Vec::new(), FireParams { dt_s, ..FireParams::default() })?;
        let start = cpu_s();
        run.advance_to(600.0, &cancel)?;
        let took = (cpu_s() - start).max(0.01);
        let rate = 64.0 * 600.0 / dt_s * spaces as f64 / took;
        let unsettled = run.unsettled_steps();
        println!(
            "64 members x 600 s x {spaces} spaces, step {dt_s} s: {took:.2} s of processor, {rate:.2e} space-steps/s, {unsettled} unsettled"
        );
    }
    Ok(())
}
