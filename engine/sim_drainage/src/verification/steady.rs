//! Steady flow against closed formulas.

use super::{Line, advance, root};
use crate::{
    Conduit, DrainageError, DrainageForcing, DrainageParams, DrainageRun, Inflow, LinkKind, NetworkBuilder, Node, NodeId,
    NodeKind, Orifice, OrificeOpening, OutfallStage, Series, Shape, StorageArea, Weir, WeirForm,
};
use sim_core::VerificationRow;

/// Uniform flow in a circular pipe: the depth in the middle is the normal depth of Manning's formula, computed here from the
/// geometry of the circle itself.
///
/// # Errors
/// [`DrainageError`] when the run stops.
pub fn uniform_flow() -> Result<Vec<VerificationRow>, DrainageError> {
    let (d, slope, n, q) = (1.0_f64, 0.002_f64, 0.013, 0.6);
    let line = Line {
        shape: Shape::Circular { diameter_m: d },
        reaches: 20,
        length_m: 40.0,
        slope,
        manning: n,
        stage: OutfallStage::Normal,
    };
    let mut run = line.run(q, DrainageParams::default())?;
    advance(&mut run, 7200.0)?;
    let manning = |y: f64| {
        let theta = 2.0 * libm::acos(1.0 - 2.0 * y / d);
        let (a, p) = (0.125 * d * d * (theta - libm::sin(theta)), 0.5 * d * theta);
        a * libm::pow(a / p, 2.0 / 3.0) * slope.sqrt() / n
    };
    let exact = root(1e-3, 0.9 * d, |y| manning(y) - q);
    let off = (run.depth_m(NodeId(10)) / exact - 1.0).abs();
    let flow = (run.state().flow_m3ps()[10] / q - 1.0).abs();
    let source = "Manning's formula for a circle (any hydraulics book)";
    Ok(vec![
        VerificationRow::at_most("uniform-flow", "|depth / normal depth - 1|", off, 1e-3, source),
        VerificationRow::at_most("uniform-flow", "|flow / inflow - 1|", flow, 1e-6, source),
    ])
}

/// Full pipes under pressure: the head falls by n^2 Q^2 L / (A^2 R^(4/3)) and the local losses by K v^2 / 2g.
///
/// # Errors
/// [`DrainageError`] when the run stops.
pub fn pressure_loss() -> Result<Vec<VerificationRow>, DrainageError> {
    let (q, n, length, losses) = (0.5_f64, 0.013_f64, 120.0, [0.5, 1.0, 0.2]);
    let mut b = NetworkBuilder::new();
    let node = |invert: f64| {
        let kind = NodeKind::Junction { area_m2: 1.0, surcharge_m: 20.0, ponded_area_m2: 0.0 };
        Node { invert_m: invert, max_depth_m: 3.0, initial_depth_m: 0.0, kind }
    };
    let (top, mid) = (b.node("A", node(2.0))?, b.node("B", node(1.5))?);
    let out = b.node("O", Node::outfall(1.0, OutfallStage::Level(Series::constant(4.0))))?;
    let shape = Shape::Circular { diameter_m: 0.6 };
    for (name, from, to) in [("P1", top, mid), ("P2", mid, out)] {
        let pipe = Conduit { losses, ..Conduit::new(shape.clone(), length, n) };
        b.link(name, from, to, LinkKind::Conduit(pipe))?;
    }
    let forcing = DrainageForcing { inflows: vec![Inflow::constant(top, q)], ..DrainageForcing::default() };
    let params = DrainageParams::default();
    let mut run = DrainageRun::new(b.build()?, forcing, params)?;
    advance(&mut run, 3600.0)?;
    let (a, r) = (0.25 * std::f64::consts::PI * 0.36, 0.15_f64);
    let v = q / a;
    let k: f64 = losses.iter().sum();
    let each = n * n * v * v * length / libm::pow(r, 4.0 / 3.0) + k * v * v / (2.0 * params.gravity_mps2);
    let off = |node: NodeId, pipes: f64| (run.state().head_m()[node.at()] - 4.0) / (pipes * each) - 1.0;
    let worst = off(top, 2.0).abs().max(off(mid, 1.0).abs());
    let row = "|head loss / formula - 1|, two pipes with local losses";
    Ok(vec![VerificationRow::at_most("pressure-loss", row, worst, 1e-5, "Manning and K v^2/2g in a full pipe")])
}

/// Backwater behind a free outfall of a rectangular channel: depths against the gradually varied flow equation, integrated
/// here from the critical depth upstream with steps of 0.1 m.
///
/// # Errors
/// [`DrainageError`] when the run stops.
pub fn backwater() -> Result<Vec<VerificationRow>, DrainageError> {
    let (width, slope, n, q, dx) = (2.0_f64, 0.0005_f64, 0.015_f64, 2.0_f64, 5.0_f64);
    let line = Line {
        shape: Shape::RectOpen { height_m: 3.0, width_m: width },
        reaches: 100,
        length_m: dx,
        slope,
        manning: n,
        stage: OutfallStage::Free,
    };
    let params = DrainageParams { damping: crate::Damping::None, ..DrainageParams::default() };
    let mut run = line.run(q, params)?;
    advance(&mut run, 7200.0)?;
    let g = params.gravity_mps2;
    let unit = q / width;
    let mut y = libm::cbrt(unit * unit / g) * 1.000_001;
    let rate = |y: f64| {
        let (a, p) = (width * y, width + 2.0 * y);
        let v = q / a;
        let friction = n * n * v * v / libm::pow(a / p, 4.0 / 3.0);
        (slope - friction) / (1.0 - v * v / (g * y))
    };
    // From the outfall upstream, midpoint rule; near the critical depth in finer steps.
    let mut worst = 0.0_f64;
    for k in 1..=99_u32 {
        let pieces = if k == 1 { 500_000 } else { 500 };
        let h = dx / f64::from(pieces);
        for _ in 0..pieces {
            let half = y - 0.5 * h * rate(y);
            y -= h * rate(half);
        }
        if k >= 4 {
            worst = worst.max((run.depth_m(NodeId(100 - k)) / y - 1.0).abs());
        }
    }
    let source = "gradually varied flow, dy/dx = (S0 - Sf)/(1 - Fr^2)";
    Ok(vec![VerificationRow::at_most("backwater", "worst |depth / profile - 1|, 4th reach on", worst, 0.01, source)])
}

/// Steady flow over and through structures between a chamber and a low outfall: heads from the formulas.
///
/// # Errors
/// [`DrainageError`] when the run stops.
pub fn structures() -> Result<Vec<VerificationRow>, DrainageError> {
    let q = 0.2_f64;
    let g = DrainageParams::default().gravity_mps2;
    let weir = |form, length_m, coefficient, contractions| {
        LinkKind::Weir(Weir {
            form,
            height_m: 3.0,
            length_m,
            crest_m: 1.0,
            coefficient,
            contractions,
            flap_gate: false,
            can_surcharge: false,
        })
    };
    let orifice = |bottom, opening| LinkKind::Orifice(Orifice { bottom, opening, coefficient: 0.65, offset_m: 0.0, flap_gate: false });
    let hole = OrificeOpening::Circular { diameter_m: 0.25 };
    let area = 0.25 * std::f64::consts::PI * 0.0625;
    let jet = (q / (0.65 * area)) * (q / (0.65 * area)) / (2.0 * g);
    let contracted = root(0.0, 2.0, |h| 1.84 * (1.5 - 0.2 * h) * h * h.sqrt() - q);
    let cases = [
        ("transverse weir", weir(WeirForm::Transverse, 1.5, 1.84, 0.0), 1.0 + libm::pow(q / (1.84 * 1.5), 2.0 / 3.0)),
        ("weir with end contractions", weir(WeirForm::Transverse, 1.5, 1.84, 2.0), 1.0 + contracted),
        ("V-notch", weir(WeirForm::VNotch { side_slope: 1.0 }, 0.0, 1.38, 0.0), 1.0 + libm::pow(q / 1.38, 0.4)),
        ("side orifice", orifice(false, hole), 0.125 + jet),
        ("bottom orifice", orifice(true, hole), jet),
    ];
    let mut rows = Vec::new();
    for (name, kind, depth) in cases {
        let mut b = NetworkBuilder::new();
        let area = StorageArea::Functional { constant_m2: 5.0, coefficient: 0.0, exponent: 0.0 };
        let tank = Node { invert_m: 10.0, max_depth_m: 8.0, initial_depth_m: 0.0, kind: NodeKind::Storage(area) };
        let tank = b.node("T", tank)?;
        let out = b.node("O", Node::outfall(0.0, OutfallStage::Free))?;
        b.link("X", tank, out, kind)?;
        let forcing = DrainageForcing { inflows: vec![Inflow::constant(tank, q)], ..DrainageForcing::default() };
        let mut run = DrainageRun::new(b.build()?, forcing, DrainageParams::default())?;
        advance(&mut run, 7200.0)?;
        let off = (run.depth_m(tank) / depth - 1.0).abs();
        let measure = format!("|depth / formula - 1|, {name}");
        rows.push(VerificationRow::at_most("structures", &measure, off, 1e-5, "EPA SWMM manual vol. II, chapter 6"));
    }
    Ok(rows)
}
