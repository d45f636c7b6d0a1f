//! Cell-steps of a dam break over N x N cells, all wet, Manning 0.03, on a GPU: `gpu_speed [STEPS [N]] [NAME]`. NAME
//! picks the adapter by a part of its name. A software adapter (lavapipe) shows that it works, not how fast a GPU is.

use sim_core::CancelToken;
use sim_flood::gpu::{AdapterChoice, GpuFlood};
use sim_flood::{FloodError, FloodParams, Forcing, Grid, Initial, Terrain};

/// Bytes that must cross the memory bus per cell-step: the state in and out (16 + 16), the ground (8), and a quarter of
/// the state and three extremes read (16 + 12). Halos and reads that caches serve come on top.
const LEAST_BYTES: f64 = 16.0 + 16.0 + 8.0 + 0.25 * (16.0 + 12.0);

fn main() -> Result<(), FloodError> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut numbers = args.iter().filter_map(|a| a.parse::<u32>().ok());
    let (steps, n) = (numbers.next().unwrap_or(1000), numbers.next().unwrap_or(2048));
    let name = args.iter().find(|a| a.parse::<u32>().is_err());
    let adapter = name.map_or(AdapterChoice::Fastest, |name| AdapterChoice::Named(name.clone()));
    let grid = Grid { nx: n as usize, ny: n as usize, dx_m: 1.0 };
    let terrain = Terrain::from_fn(grid, 0.03, |_, _| 0.0);
    let half = 0.5 * f64::from(n);
    let depth = |c: u32| if grid.centre_m(c)[0] < half { 2.0 } else { 0.5 };
    let initial = Initial { depth_m: (0..n * n).map(depth).collect(), ..Initial::default() };
    let mut run = GpuFlood::new(&terrain, vec![], Forcing::default(), FloodParams::default(), &initial, &adapter)?;
    let never = CancelToken::new();
    // The first steps compile, allocate and tell the length of a step.
    let first = run.advance_to(0.5, &never)?;
    let until = run.t_s() + f64::from(steps) * first.max_dt_s;
    let started = std::time::Instant::now();
    let stats = run.advance_to(until, &never)?;
    let s = started.elapsed().as_secs_f64();
    let rate = stats.cell_steps as f64 / s;
    println!("{}: {n} x {n} cells, {} steps in {s:.3} s", run.adapter_name(), stats.steps);
    println!("{:.1} M cell-steps/s, {:.2} us per step", rate / 1e6, 1e6 * s / stats.steps as f64);
    println!("{LEAST_BYTES} bytes per cell-step at least: {:.1} GB/s", rate * LEAST_BYTES / 1e9);
    let ledger = run.ledger()?;
    println!("volume error {:.1e} of the volume", ledger.relative_error());
    Ok(())
}
