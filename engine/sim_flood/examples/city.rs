//! A river rises over its banks into a town: 1200 x 1000 cells of 2 m, 600 s. `city [rain] [local]`: with 60 mm/h
//! everywhere, with local time steps.
//! Run it under `time` for the figures of the README.

use sim_core::CancelToken;
use sim_flood::{
    FloodError, FloodMode, FloodParams, Forcing, Grid, Initial, RainSeries, StageBoundary, Structures, Terrain,
    TimeStepping,
};

const GRID: Grid = Grid { nx: 1200, ny: 1000, dx_m: 2.0 };

/// Distance from the middle of the river, metres.
fn from_river(x: f64, y: f64) -> f64 {
    (y - 600.0 - 160.0 * (x / 400.0).sin()).abs()
}

fn town() -> Terrain {
    let mut terrain = Terrain::from_fn(GRID, 0.035, |x, y| {
        let d = from_river(x, y);
        if d < 20.0 { 6.0 } else { 10.0 + 0.003 * d + 0.2 * (0.02 * x).sin() * (0.03 * y).cos() }
    });
    for cell in 0..GRID.cell_count() {
        let [x, y] = GRID.centre_m(cell as u32);
        terrain.blocked[cell] = from_river(x, y) > 40.0 && x % 60.0 < 25.0 && y % 40.0 < 16.0;
    }
    terrain
}

fn main() -> Result<(), FloodError> {
    let terrain = town();
    let in_river = |c: &u32| {
        let [x, y] = GRID.centre_m(*c);
        from_river(x, y) < 20.0
    };
    let river: Vec<u32> = (0..GRID.cell_count() as u32).filter(in_river).collect();
    let initial = Initial::pool(&terrain, &[], &river, 9.5);
    let asked = |what: &str| std::env::args().any(|a| a == what);
    let rain = RainSeries { series: vec![(0.0, 60.0)], cells: None };
    let forcing = Forcing {
        stages: vec![StageBoundary { cells: river, series: vec![(0.0, 9.5), (300.0, 12.0)] }],
        rain: if asked("rain") { vec![rain] } else { vec![] },
        open_edges: true,
        ..Forcing::default()
    };
    let time_stepping = if asked("local") { TimeStepping::LOCAL } else { TimeStepping::Global };
    let params = FloodParams { time_stepping, ..FloodParams::default() };
    let mut run = FloodMode::Full.start(terrain, Structures::default(), forcing, params, initial)?;
    for minute in 1..=10 {
        let stats = run.advance_to(60.0 * f64::from(minute), &CancelToken::new())?;
        println!("{stats:?}");
    }
    println!("{:?}", run.ledger());
    Ok(())
}
