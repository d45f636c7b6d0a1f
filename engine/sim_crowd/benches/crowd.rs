//! Agent-steps per second in a closed corridor 20 m wide, by density, number of people and threads.
//!
//! Elements per second are agent-steps per second.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sim_crowd::{CrowdForcing, CrowdParams, CrowdRun, Demand, DestinationClass, LayerSpec, WorldBuilder};

const STEPS: u64 = 20;

fn corridor(people: usize, density_pm2: f64) -> CrowdRun {
    let (width, mut w) = (20.0, WorldBuilder::new([0.0, 0.0]));
    let length = (people as f64 / density_pm2 / width).min(4900.0);
    let width = people as f64 / density_pm2 / length;
    let layer = w.layer(&LayerSpec::rectangle("circuit", [0.0, 0.0], [length, width])).expect("a floor");
    let ends = |x: f64| (layer, [[x, 0.0], [x, width]]);
    let seam = w.door("seam", ends(length), Some(ends(0.0))).expect("a seam");
    let class = DestinationClass { circuit: Some(seam), ..DestinationClass::default() };
    let world = w.build().expect("a world");
    let mut run = CrowdRun::new(world, vec![class], CrowdParams::default(), CrowdForcing::default()).expect("a run");
    run.place(&Demand::adults(layer, people, 1)).expect("room for all");
    for _ in 0..40 {
        run.step();
    }
    run
}

fn bench(c: &mut Criterion) {
    for (people, density) in [(10_000, 0.5), (10_000, 1.5), (10_000, 3.0), (100_000, 1.5), (1_000_000, 1.5)] {
        let run = corridor(people, density);
        let mut group = c.benchmark_group(format!("{people}_people_rho_{density}"));
        group.throughput(Throughput::Elements(people as u64 * STEPS)).sample_size(10);
        for threads in [1, 2] {
            let step = |mut r: CrowdRun| {
                for _ in 0..STEPS {
                    r.step();
                }
                r
            };
            #[cfg(feature = "parallel")]
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            group.bench_function(format!("{threads}_threads"), |b| {
                b.iter_batched(
                    || run.clone(),
                    |r| {
                        #[cfg(feature = "parallel")]
                        return pool.install(|| step(r));
                        #[cfg(not(feature = "parallel"))]
                        step(r)
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
