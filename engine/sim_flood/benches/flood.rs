//! Cell-steps per second of two 512 x 512 set-ups.
//!
//! `throughput` counts the cells of the raster once per step: elements per second are cell-steps per second.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sim_core::Kernel;
use sim_flood::{FloodForcing, FloodKernel, FloodParams, FloodState, Forcing, Grid, Initial, RainSeries, Terrain};

const N: usize = 512;
const STEPS: u64 = 10;

struct Case {
    kernel: FloodKernel,
    forcing: FloodForcing,
    params: FloodParams,
    state: FloodState,
}

fn case(terrain: &Terrain, forcing: Forcing, initial: &Initial, warm_up: u64) -> Case {
    let params = FloodParams::default();
    let kernel = FloodKernel::new(terrain, vec![], false).expect("valid terrain");
    let forcing = FloodForcing::new(&kernel, forcing).expect("valid forcing");
    let mut state = kernel.initial_state(&params, &forcing, initial).expect("valid start");
    for _ in 0..warm_up {
        kernel.step(&params, &forcing, &mut state);
    }
    Case { kernel, forcing, params, state }
}

fn dam_break() -> Case {
    let grid = Grid { nx: N, ny: N, dx_m: 1000.0 / N as f64 };
    let terrain = Terrain::from_fn(grid, 0.03, |_, _| 0.0);
    let depth_m = (0..grid.cell_count() as u32).map(|c| if grid.centre_m(c)[0] < 500.0 { 2.0 } else { 0.5 }).collect();
    case(&terrain, Forcing::default(), &Initial { depth_m, ..Initial::default() }, 20)
}

fn rain_on_grid() -> Case {
    let grid = Grid { nx: N, ny: N, dx_m: 2.0 };
    let terrain = Terrain::from_fn(grid, 0.03, |x, y| 10.0 - 0.01 * x + 0.3 * (0.05 * x).sin() * (0.04 * y).cos());
    let rain = RainSeries { series: vec![(0.0, 100.0)], cells: None };
    case(&terrain, Forcing { rain: vec![rain], ..Forcing::default() }, &Initial::dry(), 60)
}

fn bench(c: &mut Criterion) {
    for (name, make) in [("dam_break_512", dam_break as fn() -> Case), ("rain_on_grid_512", rain_on_grid)] {
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Elements(N as u64 * N as u64 * STEPS)).sample_size(10);
        for threads in [1, 2] {
            let Case { kernel, forcing, params, state } = make();
            let step = move |mut s: FloodState| {
                for _ in 0..STEPS {
                    kernel.step(&params, &forcing, &mut s);
                }
                s
            };
            #[cfg(feature = "parallel")]
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            group.bench_function(format!("{threads}_threads"), |b| {
                b.iter_batched(
                    || state.clone(),
                    |s| {
                        #[cfg(feature = "parallel")]
                        return pool.install(|| step(s));
                        #[cfg(not(feature = "parallel"))]
                        step(s)
                    },
                    BatchSize::LargeInput,
                );
            });
        }
        group.finish();
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
