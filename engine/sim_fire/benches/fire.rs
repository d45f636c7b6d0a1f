//! Speed of the kernel: a step of buildings of three sizes, and of an ensemble block.

mod building;

use criterion::{Criterion, criterion_group, criterion_main};
use sim_core::Kernel;
use sim_fire::{FireForcing, FireKernel, FireParams};

/// Steps after two simulated minutes, when smoke is on its way.
fn steps<const L: usize>(c: &mut Criterion, name: &str, size: (u32, u32, u32)) {
    let network = building::block(size.0, size.1, size.2).expect("a good building");
    let members = building::members(&network, L as u32);
    let kernel = FireKernel::<L>::new(network, members, Vec::new()).expect("good members");
    let (params, forcing) = (FireParams::default(), FireForcing::default());
    let mut state = kernel.initial_state();
    for _ in 0..240 {
        kernel.step(&params, &forcing, &mut state);
    }
    c.bench_function(name, |b| b.iter(|| kernel.step(&params, &forcing, &mut state)));
}

fn all(c: &mut Criterion) {
    steps::<1>(c, "half a second of 200 spaces", (10, 3, 5));
    steps::<1>(c, "half a second of 1000 spaces", (10, 14, 6));
    steps::<8>(c, "half a second of 200 spaces, 8 members", (10, 3, 5));
}

criterion_group!(benches, all);
criterion_main!(benches);
