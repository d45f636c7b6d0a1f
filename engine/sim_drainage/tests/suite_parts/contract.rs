//! The promises of `sim_core`.

use sim_core::Snapshot;
use sim_core::conformance::{self, Setup};
use sim_drainage::{
    Conduit, DrainageForcing, DrainageKernel, DrainageParams, DrainageRun, DrainageState, Inflow, LinkKind, NetworkBuilder,
    Node, Opening, OpeningLaw, OutfallStage, Shape,
};

fn setup() -> Setup<DrainageKernel> {
    let mut b = NetworkBuilder::new();
    let a = b.node("A", Node::manhole(10.0, 2.0)).unwrap();
    let c = b.node("B", Node::manhole(9.6, 2.0)).unwrap();
    let o = b.node("O", Node::outfall(9.0, OutfallStage::Free)).unwrap();
    for (name, from, to, end) in [("P1", a, c, 0.0), ("P2", c, o, 0.1), ("P3", a, c, 0.5)] {
        let pipe = Conduit::new(Shape::Circular { diameter_m: 0.5 }, 60.0, 0.013);
        b.link(name, from, to, LinkKind::Conduit(Conduit { offset_m: [0.0, end], ..pipe })).unwrap();
    }
    let opening = Opening { node: c, ground_m: 11.6, law: OpeningLaw::round_manhole(0.7), relaxation: 0.8 };
    let forcing = DrainageForcing {
        inflows: vec![Inflow::constant(a, 0.9)],
        openings: vec![opening],
        ..DrainageForcing::default()
    };
    let kernel = DrainageKernel::new(b.build().unwrap());
    let params = DrainageParams::default();
    let state = kernel.initial_state(&params, &forcing).unwrap();
    Setup { kernel, params, forcing, state }
}

#[test]
fn the_kernel_keeps_the_contract() {
    conformance::repeatable(setup, 200).unwrap();
    conformance::restore_continues(setup, 100, 100).unwrap();
    let mut s = setup();
    s.run(50);
    conformance::damage_is_refused::<DrainageState>(&s.state.save(), 64).unwrap();
}

#[test]
fn a_state_of_another_network_is_refused() {
    let saved = setup().state.save();
    let mut b = NetworkBuilder::new();
    b.node("A", Node::manhole(10.0, 2.0)).unwrap();
    let mut run = DrainageRun::new(b.build().unwrap(), DrainageForcing::default(), DrainageParams::default()).unwrap();
    assert!(run.restore(&saved).unwrap_err().to_string().contains("another network"));
}

#[test]
fn a_cancelled_run_stays_good() {
    let s = setup();
    let network = s.kernel.network().clone();
    let mut run = DrainageRun::new(network, s.forcing, s.params).unwrap();
    let token = sim_core::CancelToken::new();
    run.advance_to(100.0, &token).unwrap();
    token.cancel();
    assert!(run.advance_to(200.0, &token).unwrap_err().to_string().contains("cancelled at t = 100"));
    run.advance_to(200.0, &sim_core::CancelToken::new()).unwrap();
    assert!(run.ledger().relative_error() < 1e-12);
    assert!(run.advance_to(f64::NAN, &token).is_err());
}
