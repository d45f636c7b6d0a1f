//! Unsteady flow against closed formulas.

use super::{Line, advance};
use crate::{
    Conduit, DrainageError, DrainageForcing, DrainageParams, DrainageRun, Inflow, LinkKind, NetworkBuilder, Node, NodeId,
    NodeKind, Orifice, OrificeOpening, OutfallStage, Series, Shape, StorageArea,
};
use sim_core::VerificationRow;

fn tank(invert_m: f64, area_m2: f64, depth_m: f64) -> Node {
    let area = StorageArea::Functional { constant_m2: area_m2, coefficient: 0.0, exponent: 0.0 };
    Node { invert_m, max_depth_m: 50.0, initial_depth_m: depth_m, kind: NodeKind::Storage(area) }
}

/// Two tanks joined by a full pipe: the water swings with T = 2 pi sqrt(L As / (2 g Ap)) (mass oscillation, Jaeger 1977).
///
/// # Errors
/// [`DrainageError`] when the run stops.
pub fn surge_between_tanks() -> Result<Vec<VerificationRow>, DrainageError> {
    let (area, length, d) = (10.0, 200.0, 1.0_f64);
    let mut b = NetworkBuilder::new();
    let (left, right) = (b.node("A", tank(0.0, area, 10.5))?, b.node("B", tank(0.0, area, 9.5))?);
    let pipe = Conduit::new(Shape::Circular { diameter_m: d }, length, 1e-4);
    b.link("P", left, right, LinkKind::Conduit(pipe))?;
    let params = DrainageParams { max_dt_s: 0.2, min_dt_s: 0.01, theta: 0.5, slot_celerity_mps: 1000.0, ..DrainageParams::default() };
    let mut run = DrainageRun::new(b.build()?, DrainageForcing::default(), params)?;
    let pipe_area = 0.25 * std::f64::consts::PI * d * d;
    let period = 2.0 * std::f64::consts::PI * (length * area / (2.0 * params.gravity_mps2 * pipe_area)).sqrt();
    let (mut crossings, mut last, mut t, mut highest) = (Vec::new(), 1.0, 0.0_f64, 0.0_f64);
    while crossings.len() < 9 && t < 10.0 * period {
        t += 0.2;
        advance(&mut run, t)?;
        let swing = run.depth_m(left) - run.depth_m(right);
        if swing * last < 0.0 {
            crossings.push(t - 0.2 * swing / (swing - last));
            highest = 0.0;
        }
        highest = highest.max(swing.abs());
        last = swing;
    }
    let measured = crossings.last().zip(crossings.first()).map_or(f64::NAN, |(b, a)| (b - a) / 4.0);
    let source = "mass oscillation, Jaeger 1977";
    advance(&mut run, t + 0.5 * period)?;
    Ok(vec![
        VerificationRow::at_most("surge-between-tanks", "|period / formula - 1|", (measured / period - 1.0).abs(), 2e-3, source),
        VerificationRow::at_most("surge-between-tanks", "volume error / volume", run.ledger().relative_error(), 1e-9, source),
    ])
}

/// A tank fed at a varying rate: its water is the integral of the inflow, its depth that over the area.
///
/// # Errors
/// [`DrainageError`] when the run stops.
pub fn filling_tank() -> Result<Vec<VerificationRow>, DrainageError> {
    let mut b = NetworkBuilder::new();
    let t = b.node("T", tank(3.0, 25.0, 0.0))?;
    let points = vec![(0.0, 0.0), (100.0, 0.5), (250.0, 0.1), (400.0, 0.3)];
    let series = Series::new(points, false).map_err(|why| crate::error::bad("series", "T", "points", why, "increasing"))?;
    let inflows = vec![Inflow::series(t, series)];
    let forcing = DrainageForcing { inflows, ..DrainageForcing::default() };
    let mut run = DrainageRun::new(b.build()?, forcing, DrainageParams { max_dt_s: 7.0, ..DrainageParams::default() })?;
    advance(&mut run, 500.0)?;
    let volume = 25.0 + 45.0 + 30.0;
    // The solver gives every node 1e-3 m2 more than asked for.
    let off = (run.depth_m(t) * 25.001 / volume - 1.0).abs();
    Ok(vec![
        VerificationRow::at_most("filling-tank", "|depth / (volume / area) - 1|", off, 1e-9, "integral of the inflow"),
        VerificationRow::at_most("filling-tank", "volume error / inflow", run.ledger().relative_error(), 1e-12, "ledger"),
    ])
}

/// A tank empties through a hole in its floor: t = 2 As (sqrt h1 - sqrt h2) / (C a sqrt 2g) (Torricelli).
///
/// # Errors
/// [`DrainageError`] when the run stops.
pub fn draining_tank() -> Result<Vec<VerificationRow>, DrainageError> {
    let mut b = NetworkBuilder::new();
    let (area, h1, h2) = (20.0, 4.0_f64, 1.0_f64);
    let t = b.node("T", tank(5.0, area, h1))?;
    let out = b.node("O", Node::outfall(0.0, OutfallStage::Free))?;
    let opening = OrificeOpening::Circular { diameter_m: 0.2 };
    let hole = Orifice { bottom: true, opening, coefficient: 0.6, offset_m: 0.0, flap_gate: false };
    b.link("H", t, out, LinkKind::Orifice(hole))?;
    let params = DrainageParams { max_dt_s: 1.0, ..DrainageParams::default() };
    let mut run = DrainageRun::new(b.build()?, DrainageForcing::default(), params)?;
    let a = 0.25 * std::f64::consts::PI * 0.04;
    let time = 2.0 * (area + 1e-3) * (h1.sqrt() - h2.sqrt()) / (0.6 * a * (2.0 * params.gravity_mps2).sqrt());
    advance(&mut run, time)?;
    let off = (run.depth_m(t) / h2 - 1.0).abs();
    advance(&mut run, 20.0 * time)?;
    Ok(vec![
        VerificationRow::at_most("draining-tank", "|depth / formula - 1| at 1 of 4 m", off, 2e-3, "Torricelli"),
        VerificationRow::at_most("draining-tank", "depth left at the end, m", run.depth_m(t), 1e-3, "Torricelli"),
        VerificationRow::at_most("draining-tank", "volume error / volume", run.ledger().relative_error(), 1e-9, "ledger"),
    ])
}

/// A flood wave through a long pipe with steps of a quarter and of four times the Courant step: the scheme stays stable and
/// the peak hardly moves.
///
/// # Errors
/// [`DrainageError`] when the run stops.
pub fn courant() -> Result<Vec<VerificationRow>, DrainageError> {
    let line = Line {
        shape: Shape::Circular { diameter_m: 1.2 },
        reaches: 40,
        length_m: 50.0,
        slope: 0.0015,
        manning: 0.013,
        stage: OutfallStage::Free,
    };
    let peak = |courant: f64| -> Result<(f64, f64, u64), DrainageError> {
        let params = DrainageParams { courant, max_dt_s: 300.0, min_dt_s: 1e-3, ..DrainageParams::default() };
        let mut run = line.run(0.2, params)?;
        advance(&mut run, 3600.0)?;
        let points = vec![(3600.0, 0.2), (4200.0, 1.2), (5400.0, 0.2)];
        let wave = Series::new(points, true).map_err(|why| crate::error::bad("series", "N0", "points", why, "increasing"))?;
        run.set_inflows(vec![Inflow::series(NodeId(0), wave)])?;
        let (mut top, mut when) = (0.0_f64, 0.0);
        let from = run.state().tick();
        for k in 0..240 {
            advance(&mut run, 3600.0 + 20.0 * f64::from(k))?;
            let q = run.state().flow_m3ps()[39];
            if q > top {
                (top, when) = (q, f64::from(k) * 20.0);
            }
        }
        Ok((top, when, run.state().tick() - from))
    };
    let (fine, coarse) = (peak(0.25)?, peak(4.0)?);
    let source = "stability of the semi-implicit scheme";
    Ok(vec![
        VerificationRow::at_most("courant", "|peak at Courant 4 / at 0.25 - 1|", (coarse.0 / fine.0 - 1.0).abs(), 0.02, source),
        VerificationRow::at_most("courant", "shift of the peak, s", (coarse.1 - fine.1).abs(), 60.0, source),
        VerificationRow::at_least("courant", "steps at 0.25 / steps at 4", fine.2 as f64 / coarse.2 as f64, 2.0, source),
    ])
}
