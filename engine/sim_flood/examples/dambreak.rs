//! A dam break 2 m to 0.5 m in a closed basin of 1000 x 1000 m: `dambreak f32|f64 N SECONDS` prints steps and gravity, then x
//! and depth of the middle row. For `tools/compare/flood/speed.py`.

use sim_core::CancelToken;
use sim_flood::{FloodParams, FloodRunOf, Forcing, Grid, Initial, Real, Terrain};

fn run<R: Real>(n: usize, t_s: f64) -> Result<(), Box<dyn std::error::Error>> {
    let grid = Grid { nx: n, ny: n, dx_m: 1000.0 / n as f64 };
    let terrain = Terrain::from_fn(grid, 0.0, |_, _| 0.0);
    let depth_m = (0..grid.cell_count() as u32).map(|c| if grid.centre_m(c)[0] < 500.0 { 2.0 } else { 0.5 }).collect();
    let initial = Initial { depth_m, ..Initial::default() };
    let params = FloodParams::default();
    let mut run = FloodRunOf::<R>::new(terrain, vec![], Forcing::default(), params, initial)?;
    let stats = run.advance_to(t_s, &CancelToken::new())?;
    println!("{} {}", stats.steps, params.gravity_mps2);
    let (row, depth) = (n / 2 * n, run.depth_m());
    for (i, h) in depth.iter().skip(row).take(n).enumerate() {
        println!("{} {}", (i as f64 + 0.5) * grid.dx_m, h.to_f64());
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let mut numbers = args.iter().filter_map(|a| a.parse::<f64>().ok());
    let (n, t_s) = (numbers.next().unwrap_or(512.0) as usize, numbers.next().unwrap_or(20.0));
    if args.iter().any(|a| a == "f64") { run::<f64>(n, t_s) } else { run::<f32>(n, t_s) }
}
