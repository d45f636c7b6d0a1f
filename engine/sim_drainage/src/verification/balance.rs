//! Balance of water, rest, flap gates, repetition.

use super::advance;
use crate::{
    Conduit, Curve, DrainageError, DrainageForcing, DrainageParams, DrainageRun, Inflow, LinkKind, Network,
    NetworkBuilder, Node, NodeId, NodeKind, Opening, OpeningLaw, Orifice, OrificeOpening, OutfallStage, Pump, PumpCurve,
    Series, Shape, StorageArea, Surface, Weir, WeirForm,
};
use sim_core::{CounterRng, VerificationRow};

fn shape(rng: &mut CounterRng) -> Shape {
    let h = rng.range_f64(0.3, 1.5);
    match rng.below(5) {
        0 => Shape::RectClosed { height_m: h, width_m: rng.range_f64(0.3, 2.0) },
        1 => Shape::Egg { height_m: h },
        2 => Shape::Trapezoidal { height_m: h, bottom_m: rng.range_f64(0.0, 1.0), side_slopes: [1.0, 1.5] },
        _ => Shape::Circular { diameter_m: h },
    }
}

fn curve(points: &[(f64, f64)]) -> Result<Curve, DrainageError> {
    Curve::new(points.to_vec()).map_err(|why| crate::error::bad("curve", "random", "points", why, "increasing"))
}

fn random_node(rng: &mut CounterRng, invert_m: f64) -> Result<Node, DrainageError> {
    let kind = match rng.below(6) {
        0 => NodeKind::Storage(StorageArea::Curve(curve(&[(0.0, rng.range_f64(0.0, 20.0)), (2.0, 40.0)])?)),
        1 => NodeKind::Junction { area_m2: 1.0, surcharge_m: 5.0, ponded_area_m2: 0.0 },
        2 => NodeKind::Junction { area_m2: 1.0, surcharge_m: 0.0, ponded_area_m2: rng.range_f64(20.0, 500.0) },
        _ => NodeKind::Junction { area_m2: rng.range_f64(0.5, 3.0), surcharge_m: 0.0, ponded_area_m2: 0.0 },
    };
    Ok(Node { invert_m, max_depth_m: rng.range_f64(2.5, 4.0), initial_depth_m: rng.range_f64(0.0, 1.0), kind })
}

fn random_link(rng: &mut CounterRng) -> Result<LinkKind, DrainageError> {
    let opening = OrificeOpening::Circular { diameter_m: rng.range_f64(0.1, 0.6) };
    Ok(match rng.below(8) {
        0 => LinkKind::Orifice(Orifice {
            bottom: rng.below(2) == 0,
            opening,
            coefficient: 0.65,
            offset_m: rng.range_f64(0.0, 0.5),
            flap_gate: rng.below(2) == 0,
        }),
        1 => LinkKind::Weir(Weir {
            form: WeirForm::Transverse,
            height_m: 1.0,
            length_m: rng.range_f64(0.5, 3.0),
            crest_m: rng.range_f64(0.2, 1.5),
            coefficient: 1.84,
            contractions: 2.0,
            flap_gate: false,
            can_surcharge: rng.below(2) == 0,
        }),
        2 => LinkKind::Pump(Pump {
            curve: PumpCurve::Depth(curve(&[(0.0, 0.0), (1.0, rng.range_f64(0.0, 0.5))])?),
            on: true,
            start_depth_m: 0.6,
            stop_depth_m: 0.2,
        }),
        3 => LinkKind::Pump(Pump {
            curve: PumpCurve::DepthSteps(curve(&[(0.5, 0.05), (1.0, rng.range_f64(0.1, 0.6))])?),
            on: false,
            start_depth_m: 0.8,
            stop_depth_m: 0.1,
        }),
        _ => {
            let high = rng.below(3) == 0;
            let offset_m = if high { [rng.range_f64(0.0, 0.5), rng.range_f64(0.0, 1.0)] } else { [0.0; 2] };
            let flap_gate = rng.below(5) == 0;
            let losses = [0.2, 0.4, 0.0];
            let pipe = Conduit::new(shape(rng), rng.range_f64(5.0, 300.0), rng.range_f64(0.01, 0.03));
            LinkKind::Conduit(Conduit { offset_m, flap_gate, losses, ..pipe })
        }
    })
}

/// A random network with every kind of node and link, slopes of both signs, loops, tides, openings to a surface.
fn random_network(seed: u64) -> Result<(Network, DrainageForcing, CounterRng), DrainageError> {
    let mut rng = CounterRng::new(seed, 77);
    let mut b = NetworkBuilder::new();
    let n = 4 + rng.below(12) as u32;
    for k in 0..n {
        let invert = 10.0 - 0.1 * f64::from(k) + rng.range_f64(-0.6, 0.6);
        b.node(&format!("N{k}"), random_node(&mut rng, invert)?)?;
    }
    for k in 1..n {
        let from = rng.below(u64::from(k)) as u32;
        b.link(&format!("L{k}"), NodeId(from), NodeId(k), random_link(&mut rng)?)?;
    }
    for k in 0..n / 3 {
        let (x, y) = (rng.below(u64::from(n)) as u32, rng.below(u64::from(n)) as u32);
        if x != y {
            b.link(&format!("X{k}"), NodeId(x), NodeId(y), random_link(&mut rng)?)?;
        }
    }
    let tide = OutfallStage::Tide(curve(&[(0.0, 9.0), (0.2, 11.5), (0.5, 8.0), (1.0, 10.5)])?);
    for (k, stage) in [OutfallStage::Free, OutfallStage::Normal, tide].into_iter().enumerate() {
        let kind = NodeKind::Outfall { stage, flap_gate: rng.below(2) == 0 };
        let node = Node { invert_m: rng.range_f64(7.0, 8.5), max_depth_m: 0.0, initial_depth_m: 0.0, kind };
        let out = b.node(&format!("O{k}"), node)?;
        let pipe = Conduit::new(shape(&mut rng), rng.range_f64(10.0, 100.0), 0.013);
        b.link(&format!("P{k}"), NodeId(rng.below(u64::from(n)) as u32), out, LinkKind::Conduit(pipe))?;
    }
    let network = b.build()?;
    let mut inflows = Vec::new();
    for k in 0..n {
        let base_m3ps = rng.range_f64(-0.05, 0.3);
        let series = Series::constant(rng.range_f64(0.0, 0.2));
        inflows.push(Inflow { node: NodeId(k), base_m3ps, hourly: vec![], series: Some(series) });
    }
    let openings = (0..n)
        .filter(|k| k % 4 == 1)
        .map(|k| Opening {
            node: NodeId(k),
            ground_m: network.nodes()[k as usize].invert_m + network.nodes()[k as usize].max_depth_m,
            law: OpeningLaw::round_manhole(0.7),
            relaxation: 0.8,
        })
        .collect();
    Ok((network, DrainageForcing { inflows, openings, ..DrainageForcing::default() }, rng))
}

/// Forty random networks for an hour: what comes in and what goes out explains what is there, in the network and in every
/// node, and no depth is below zero.
///
/// # Errors
/// [`DrainageError`] when a run stops.
pub fn random_networks() -> Result<Vec<VerificationRow>, DrainageError> {
    let (mut error, mut node_error, mut lowest, mut residue, mut unsettled, mut steps) = (0.0_f64, 0.0_f64, 0.0_f64, 0.0_f64, 0, 0);
    for seed in 0..40 {
        let (network, forcing, mut rng) = random_network(seed)?;
        let openings = forcing.openings.clone();
        let mut run = DrainageRun::new(network, forcing, DrainageParams::default())?;
        for k in 1..=12 {
            for (j, o) in openings.iter().enumerate() {
                let level_m = o.ground_m + rng.range_f64(-0.5, 0.5).max(0.0);
                run.set_surface(j, Surface { level_m, available_m3: rng.range_f64(0.0, 20.0) });
            }
            advance(&mut run, 300.0 * f64::from(k))?;
        }
        let l = run.ledger();
        error = error.max(l.relative_error());
        residue = residue.max(l.residue_m3 / l.total_in_m3());
        for k in 0..run.network().nodes().len() as u32 {
            node_error = node_error.max(run.node_ledger(NodeId(k)).error_m3().abs() / l.total_in_m3());
            lowest = lowest.min(run.depth_m(NodeId(k)));
        }
        unsettled += run.state().unsettled_steps();
        steps += run.state().tick();
    }
    let source = "conservation of volume";
    let share = unsettled as f64 / steps as f64;
    Ok(vec![
        VerificationRow::at_most("random-networks", "worst volume error / inflow, 40 networks", error, 1e-9, source),
        VerificationRow::at_most("random-networks", "worst node error / inflow of the network", node_error, 1e-9, source),
        VerificationRow::at_most("random-networks", "residue / inflow", residue, 1e-9, source),
        VerificationRow::at_least("random-networks", "lowest depth, m", lowest, 0.0, source),
        VerificationRow::at_most("random-networks", "share of steps whose heads did not settle", share, 0.02, source),
    ])
}

/// Still water at one level over uneven bottoms, pipes partly full, full and dry: nothing moves.
///
/// # Errors
/// [`DrainageError`] when the run stops.
pub fn water_at_rest() -> Result<Vec<VerificationRow>, DrainageError> {
    let mut b = NetworkBuilder::new();
    let level = 11.0_f64;
    for (k, invert) in [9.0, 10.2, 9.5, 10.8, 8.7, 11.3].into_iter().enumerate() {
        let node = Node { initial_depth_m: (level - invert).max(0.0), ..Node::manhole(invert, 4.0) };
        b.node(&format!("N{k}"), node)?;
    }
    let out = b.node("O", Node::outfall(9.2, OutfallStage::Level(Series::constant(level))))?;
    let pairs = [(0, 1), (1, 2), (2, 3), (2, 4), (4, 0), (3, 5)];
    for (k, (x, y)) in pairs.into_iter().enumerate() {
        let shape = if k % 2 == 0 { Shape::Circular { diameter_m: 0.8 } } else { Shape::Egg { height_m: 0.9 } };
        let offset_m = if k == 3 { [0.4, 0.6] } else { [0.0; 2] };
        let pipe = Conduit { offset_m, ..Conduit::new(shape, 80.0, 0.013) };
        b.link(&format!("P{k}"), NodeId(x), NodeId(y), LinkKind::Conduit(pipe))?;
    }
    let pipe = Conduit::new(Shape::Circular { diameter_m: 1.0 }, 60.0, 0.013);
    b.link("PO", NodeId(4), out, LinkKind::Conduit(pipe))?;
    let mut run = DrainageRun::new(b.build()?, DrainageForcing::default(), DrainageParams::default())?;
    advance(&mut run, 3600.0)?;
    let fastest = run.state().flow_m3ps().iter().fold(0.0_f64, |m, q| m.max(q.abs()));
    Ok(vec![VerificationRow::at_most("water-at-rest", "greatest flow after 1 h, m3/s", fastest, 1e-9, "definition of rest")])
}

/// A tide above an empty pipe: an open outfall lets it in up to its level, a flap gate keeps it out.
///
/// # Errors
/// [`DrainageError`] when the run stops.
pub fn flap_gates() -> Result<Vec<VerificationRow>, DrainageError> {
    let behind = |flap_gate: bool| -> Result<(f64, f64), DrainageError> {
        let mut b = NetworkBuilder::new();
        let m = b.node("M", Node::manhole(1.0, 4.0))?;
        let kind = NodeKind::Outfall { stage: OutfallStage::Level(Series::constant(2.5)), flap_gate };
        let out = b.node("O", Node { invert_m: 0.8, max_depth_m: 0.0, initial_depth_m: 0.0, kind })?;
        let pipe = Conduit::new(Shape::Circular { diameter_m: 0.6 }, 50.0, 0.013);
        b.link("P", m, out, LinkKind::Conduit(pipe))?;
        let mut run = DrainageRun::new(b.build()?, DrainageForcing::default(), DrainageParams::default())?;
        advance(&mut run, 3600.0)?;
        Ok((run.state().head_m()[0], run.ledger().outfall_in_m3))
    };
    let (open, shut) = (behind(false)?, behind(true)?);
    let source = "definition of a flap gate";
    Ok(vec![
        VerificationRow::at_most("flap-gates", "level behind an open outfall off by, m", (open.0 - 2.5).abs(), 1e-3, source),
        VerificationRow::at_most("flap-gates", "water let in by a flap gate, m3", shut.1, 0.0, source),
        VerificationRow::at_most("flap-gates", "depth behind a flap gate, m", shut.0 - 1.0, 0.0, source),
    ])
}

/// A run saved in the middle and restored ends with the same bits.
///
/// # Errors
/// [`DrainageError`] when a run stops.
pub fn snapshot_continues() -> Result<Vec<VerificationRow>, DrainageError> {
    let mut differing = 0_u32;
    for seed in 0..5 {
        let (network, forcing, _) = random_network(seed)?;
        let mut straight = DrainageRun::new(network, forcing, DrainageParams::default())?;
        let mut resumed = straight.clone();
        advance(&mut straight, 600.0)?;
        resumed.restore(&straight.save())?;
        advance(&mut straight, 1200.0)?;
        advance(&mut resumed, 1200.0)?;
        differing += u32::from(straight.save() != resumed.save());
    }
    let measure = "runs that part after restoring, of 5";
    Ok(vec![VerificationRow::at_most("snapshot-continues", measure, f64::from(differing), 0.0, "contract of sim_core")])
}
