//! The people of one member through the queue network: 2,000 people, 10 storeys, 600 s, in clean air.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use sim_crowd::{
    CrowdForcing, CrowdParams, CrowdRun, CrowdWorld, Demand, DestinationClass, LayerKind, MesoWalk, QueueLaw, Spread,
};
use sim_evac::scenes::block_plan;
use twin_model::SpaceUse;

fn crowd() -> CrowdRun {
    let plan = block_plan();
    let world = CrowdWorld::from_plan(&plan, &[]).expect("a world");
    let classes = vec![DestinationClass::default()];
    let mut run = CrowdRun::new(world, classes, CrowdParams::default(), CrowdForcing::default()).expect("a run");
    let offices: Vec<_> = (0..run.world().layers().len() as u32)
        .map(sim_crowd::LayerId)
        .filter(|l| match run.world().layers()[l.index()].kind {
            LayerKind::Floor(Some(s)) => plan.spaces[s.index()].use_ == SpaceUse::Office,
            _ => false,
        })
        .collect();
    let each = 2000 / offices.len();
    for (k, layer) in offices.iter().enumerate() {
        let count = each + usize::from(k < 2000 - each * offices.len());
        let pre_movement_s = Spread::LogNormal { median: 60.0, sigma: 0.6, high: 600.0 };
        run.place(&Demand { pre_movement_s, ..Demand::adults(*layer, count, k as u64) }).expect("room for all");
    }
    run
}

fn bench(c: &mut Criterion) {
    let run = crowd();
    c.bench_function("network_member_2000_people_600_s", |b| {
        b.iter_batched(
            || run.clone(),
            |mut run| {
                let mut walk = MesoWalk::new(&mut run, QueueLaw::Files);
                walk.advance(&mut run, 600.0);
                run.balance()
            },
            BatchSize::LargeInput,
        );
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
