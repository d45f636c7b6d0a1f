//! Cell-steps of a dam break over N x N cells, all wet, Manning 0.03: `speed [f64] [STEPS [N]]`. One thread, set-up
//! outside; run it under `time` or `perf stat` where other programs disturb clocks on the wall.

use sim_core::Kernel;
use sim_flood::{FloodForcing, FloodKernelOf, FloodParams, Forcing, Grid, Initial, Real, Terrain};

fn run<R: Real>(steps: u32, n: usize) -> Result<(), Box<dyn std::error::Error>> {
    let grid = Grid { nx: n, ny: n, dx_m: 1.0 };
    let terrain = Terrain::from_fn(grid, 0.03, |_, _| 0.0);
    let depth_m =
        (0..grid.cell_count() as u32).map(|c| if grid.centre_m(c)[0] < 0.5 * n as f64 { 2.0 } else { 0.5 }).collect();
    let kernel = FloodKernelOf::<R>::new(&terrain, vec![], false)?;
    let forcing = FloodForcing::new(&kernel, Forcing::default())?;
    let params = FloodParams::default();
    let initial = Initial { depth_m, ..Initial::default() };
    let mut state = kernel.initial_state(&params, &forcing, &initial)?;
    let started = std::time::Instant::now();
    for _ in 0..steps {
        kernel.step(&params, &forcing, &mut state);
    }
    let s = started.elapsed().as_secs_f64();
    let work = grid.cell_count() as f64 * f64::from(steps);
    println!("{}: {:.1} M cell-steps/s of wall time ({s:.2} s)", R::NAME, work / s / 1e6);
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let mut numbers = args.iter().filter_map(|a| a.parse().ok());
    let (steps, n) = (numbers.next().unwrap_or(200), numbers.next().unwrap_or(1024) as usize);
    if args.iter().any(|a| a == "f64") { run::<f64>(steps, n) } else { run::<f32>(steps, n) }
}
