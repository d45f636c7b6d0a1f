//! Cell-steps per second of the preview: `cargo run --release -p sim_flood --example preview_speed -- [cells per side] [seconds]`.

use std::time::Instant;

use sim_core::CancelToken;
use sim_flood::preview::PreviewRun;
use sim_flood::{FloodParams, Forcing, Grid, Initial, Terrain};

fn main() -> Result<(), sim_flood::FloodError> {
    let mut args = std::env::args().skip(1).filter_map(|a| a.parse::<f64>().ok());
    let (n, until_s) = (args.next().unwrap_or(512.0) as usize, args.next().unwrap_or(60.0));
    let threads = args.next().unwrap_or(1.0) as usize;
    let grid = Grid { nx: n, ny: n, dx_m: 2.0 };
    let terrain = Terrain::from_fn(grid, 0.03, |_, _| 0.0);
    let depth_m =
        (0..grid.cell_count() as u32).map(|c| if grid.centre_m(c)[0] < n as f64 { 2.0 } else { 0.5 }).collect();
    let initial = Initial { depth_m, ..Initial::default() };
    let params = FloodParams { threads, ..FloodParams::default() };
    let mut run = PreviewRun::new(terrain, vec![], Forcing::default(), params, initial)?;
    let start = Instant::now();
    let stats = run.advance_to(until_s, &CancelToken::new())?;
    let wall_s = start.elapsed().as_secs_f64();
    println!(
        "{} steps of {n} x {n} cells in {wall_s:.2} s: {:.0} M cell-steps/s",
        stats.steps,
        stats.cell_steps as f64 / wall_s * 1e-6
    );
    Ok(())
}
