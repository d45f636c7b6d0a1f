//! Cell-steps per second of the preview beside those of the full kernel, on the same set-ups and one thread.
//!
//! `throughput` counts the cells of the raster once per step: elements per second are cell-steps per second.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sim_core::Kernel;
use sim_flood::preview::{PreviewForcing, PreviewKernel};
use sim_flood::{FloodForcing, FloodKernel, FloodParams, Forcing, Grid, Initial, RainSeries, Terrain};

const STEPS: u64 = 10;

/// What both kernels start from.
struct Case {
    name: String,
    terrain: Terrain,
    forcing: Forcing,
    initial: Initial,
    warm_up: u64,
}

/// Every cell wet: a low dam breaks.
fn dam_break(n: usize) -> Case {
    let grid = Grid { nx: n, ny: n, dx_m: 2.0 };
    let terrain = Terrain::from_fn(grid, 0.03, |_, _| 0.0);
    let middle = n as f64;
    let depth_m = (0..grid.cell_count() as u32).map(|c| if grid.centre_m(c)[0] < middle { 2.0 } else { 0.5 }).collect();
    let initial = Initial { depth_m, ..Initial::default() };
    Case { name: format!("dam_break_{n}"), terrain, forcing: Forcing::default(), initial, warm_up: 20 }
}

fn rain_on_grid(n: usize) -> Case {
    let grid = Grid { nx: n, ny: n, dx_m: 2.0 };
    let terrain = Terrain::from_fn(grid, 0.03, |x, y| 10.0 - 0.01 * x + 0.3 * (0.05 * x).sin() * (0.04 * y).cos());
    let rain = RainSeries { series: vec![(0.0, 100.0)], cells: None };
    let forcing = Forcing { rain: vec![rain], ..Forcing::default() };
    Case { name: format!("rain_on_grid_{n}"), terrain, forcing, initial: Initial::dry(), warm_up: 60 }
}

fn steps<K: Kernel>(kernel: &K, params: &K::Params, forcing: &K::Forcing, state: &mut K::State, n: u64) {
    for _ in 0..n {
        kernel.step(params, forcing, state);
    }
}

fn measure<K: Kernel>(
    c: &mut Criterion,
    name: &str,
    cells: u64,
    kernel: &K,
    forcing: &K::Forcing,
    params: &K::Params,
    state: &K::State,
) where
    K::State: Clone,
{
    let mut group = c.benchmark_group(name.to_owned());
    group.throughput(Throughput::Elements(cells * STEPS)).sample_size(10);
    group.bench_function("1_thread", |b| {
        b.iter_batched_ref(|| state.clone(), |s| steps(kernel, params, forcing, s, STEPS), BatchSize::LargeInput);
    });
    group.finish();
}

fn bench(c: &mut Criterion) {
    #[cfg(feature = "parallel")]
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().expect("one thread");
    let params = FloodParams::default();
    for case in [dam_break(512), rain_on_grid(512), dam_break(1024)] {
        let cells = case.terrain.grid.cell_count() as u64;
        let kernel = PreviewKernel::new(&case.terrain, &[], false).expect("valid terrain");
        let forcing = PreviewForcing::new(&kernel, case.forcing.clone()).expect("valid forcing");
        let mut state = kernel.initial_state(&params, &forcing, &case.initial).expect("valid start");
        steps(&kernel, &params, &forcing, &mut state, case.warm_up);
        measure(c, &format!("preview/{}", case.name), cells, &kernel, &forcing, &params, &state);
        let kernel = FloodKernel::new(&case.terrain, vec![], false).expect("valid terrain");
        let forcing = FloodForcing::new(&kernel, case.forcing).expect("valid forcing");
        let mut state = kernel.initial_state(&params, &forcing, &case.initial).expect("valid start");
        steps(&kernel, &params, &forcing, &mut state, case.warm_up);
        measure(c, &format!("full/{}", case.name), cells, &kernel, &forcing, &params, &state);
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
