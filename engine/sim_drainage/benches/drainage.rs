//! Link-steps per second of two networks: a grid of streets with loops, and a long tree.
//!
//! `throughput` counts every link once per step: elements per second are link-steps per second.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sim_core::Kernel;
use sim_drainage::{
    Conduit, DrainageForcing, DrainageKernel, DrainageParams, DrainageState, Inflow, LinkKind, Network, NetworkBuilder,
    Node, NodeId, OutfallStage, Shape,
};

const STEPS: u64 = 20;

fn pipe(diameter_m: f64) -> LinkKind {
    LinkKind::Conduit(Conduit::new(Shape::Circular { diameter_m }, 40.0, 0.013))
}

/// n x n manholes, pipes along both axes, all falling to one corner.
fn streets(n: u32) -> Network {
    let mut b = NetworkBuilder::new();
    for k in 0..n * n {
        let (i, j) = (k % n, k / n);
        b.node(&format!("M{k}"), Node::manhole(20.0 + 0.08 * f64::from(i + j), 3.0)).expect("valid node");
    }
    for k in 0..n * n {
        if k % n > 0 {
            b.link(&format!("X{k}"), NodeId(k), NodeId(k - 1), pipe(0.8)).expect("valid link");
        }
        if k >= n {
            b.link(&format!("Y{k}"), NodeId(k), NodeId(k - n), pipe(0.8)).expect("valid link");
        }
    }
    let out = b.node("O", Node::outfall(19.8, OutfallStage::Free)).expect("valid node");
    b.link("PO", NodeId(0), out, pipe(1.5)).expect("valid link");
    b.build().expect("valid network")
}

/// A tree in which every manhole drains to the one of half its number.
fn tree(n: u32) -> Network {
    let mut b = NetworkBuilder::new();
    let depth = |k: u32| f64::from(32 - (k + 1).leading_zeros());
    for k in 0..n {
        b.node(&format!("M{k}"), Node::manhole(10.0 + 0.2 * depth(k), 3.0)).expect("valid node");
    }
    for k in 1..n {
        b.link(&format!("L{k}"), NodeId(k), NodeId((k - 1) / 2), pipe(0.6)).expect("valid link");
    }
    let out = b.node("O", Node::outfall(9.8, OutfallStage::Free)).expect("valid node");
    b.link("PO", NodeId(0), out, pipe(1.8)).expect("valid link");
    b.build().expect("valid network")
}

struct Case {
    kernel: DrainageKernel,
    forcing: DrainageForcing,
    params: DrainageParams,
    state: DrainageState,
}

fn case(network: Network) -> Case {
    let inflows = (0..network.nodes().len() as u32 - 1).map(|k| Inflow::constant(NodeId(k), 0.004)).collect();
    let forcing = DrainageForcing { inflows, ..DrainageForcing::default() };
    let kernel = DrainageKernel::new(network);
    let params = DrainageParams::default();
    let mut state = kernel.initial_state(&params, &forcing).expect("valid forcing");
    for _ in 0..100 {
        kernel.step(&params, &forcing, &mut state);
    }
    Case { kernel, forcing, params, state }
}

fn bench(c: &mut Criterion) {
    for (name, network) in [("streets_20x20", streets(20)), ("streets_50x50", streets(50)), ("tree_1000", tree(1000))] {
        let links = network.links().len() as u64;
        let Case { kernel, forcing, params, state } = case(network);
        let mut group = c.benchmark_group("drainage");
        group.throughput(Throughput::Elements(links * STEPS)).sample_size(10);
        group.bench_function(name, |b| {
            b.iter_batched(
                || state.clone(),
                |mut s| {
                    for _ in 0..STEPS {
                        kernel.step(&params, &forcing, &mut s);
                    }
                    s
                },
                BatchSize::LargeInput,
            );
        });
        group.finish();
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
