//! Exchange against its formulas.

use super::advance;
use crate::{Coupling, CoupledRun, SurfaceOpening, SurfaceOutfall, UrbanError, UrbanModel};
use sim_core::VerificationRow;
use sim_drainage::{
    Conduit, DrainageForcing, DrainageParams, Inflow, LinkKind, NetworkBuilder, Node, NodeKind, OpeningLaw, OutfallStage,
    Shape, StorageArea,
};
use sim_flood::{FloodParams, Forcing, Grid, Initial, StageBoundary, Terrain};

/// A small flat court at 10 m with its water held at a level by every cell but the middle one being a boundary.
fn court(depth_m: f64) -> (Terrain, Forcing, Initial, u32) {
    let grid = Grid { nx: 9, ny: 9, dx_m: 2.0 };
    let terrain = Terrain::from_fn(grid, 0.03, |_, _| 10.0);
    let centre = grid.cell(4, 4).unwrap_or_default();
    let cells = (0..grid.cell_count() as u32).filter(|c| *c != centre).collect();
    let stages = vec![StageBoundary { cells, series: vec![(0.0, 10.0 + depth_m)] }];
    let initial = Initial::level(&terrain, 10.0 + depth_m);
    (terrain, Forcing { stages, ..Forcing::default() }, initial, centre)
}

/// A node under the court with one opening, filled to `head_m` (a tank so large that its level hardly moves).
fn over_tank(depth_m: f64, head_m: f64, law: OpeningLaw) -> Result<CoupledRun, UrbanError> {
    let (terrain, surface_forcing, initial, cell) = court(depth_m);
    let mut b = NetworkBuilder::new();
    let area = StorageArea::Functional { constant_m2: 1e6, coefficient: 0.0, exponent: 0.0 };
    let kind = NodeKind::Storage(area);
    let tank = b.node("T", Node { invert_m: 2.0, max_depth_m: 30.0, initial_depth_m: head_m - 2.0, kind })?;
    CoupledRun::new(UrbanModel {
        terrain,
        structures: sim_flood::Structures::default(),
        surface_forcing,
        surface_params: FloodParams::default(),
        initial,
        network: b.build()?,
        sewer_forcing: DrainageForcing::default(),
        sewer_params: DrainageParams::default(),
        coupling: Coupling {
            openings: vec![SurfaceOpening { node: tank, cell, law }],
            exchange_s: 0.1,
            relaxation: 1.0,
            ..Coupling::default()
        },
    })
}

/// Flow of a manhole and a grate in each regime against the published formula, with the depth the cell then has.
///
/// # Errors
/// [`UrbanError`] when a run stops.
pub fn exchange_laws() -> Result<Vec<VerificationRow>, UrbanError> {
    let g = DrainageParams::default().gravity_mps2;
    let d = 0.7_f64;
    let (a, p) = (0.25 * std::f64::consts::PI * d * d, std::f64::consts::PI * d);
    let root = (2.0 * g).sqrt();
    let manhole = OpeningLaw::round_manhole(d);
    let grate = OpeningLaw::Grate { area_m2: 0.12, perimeter_m: 1.6, clogging: 0.5 };
    let rubinato = "Rubinato et al. 2017, J. Hydrol. 552";
    let hec22 = "HEC-22 3rd ed., eq. 4-26, 4-27";
    type Formula<'a> = &'a dyn Fn(f64, f64) -> f64;
    // (case, depth on the surface, head of the node, law, flow over (depth, head), source)
    let cases: [(&str, f64, f64, OpeningLaw, Formula, &str); 6] = [
        ("free weir", 0.05, 8.0, manhole, &|h, _| -2.0 / 3.0 * 0.54 * p * root * h * h.sqrt(), rubinato),
        ("submerged weir", 0.1, 10.05, manhole, &|h, e| -0.056 * p * h * root * (10.0 + h - e).sqrt(), rubinato),
        ("submerged orifice", 0.5, 10.2, manhole, &|h, e| -0.167 * a * root * (10.0 + h - e).sqrt(), rubinato),
        ("surcharge", 0.1, 10.6, manhole, &|h, e| 0.167 * a * root * (e - 10.0 - h).sqrt(), rubinato),
        ("grate as weir", 0.05, 8.0, grate, &|h, _| -1.66 * 0.5 * 1.6 * h * h.sqrt(), hec22),
        ("grate as orifice", 0.6, 8.0, grate, &|h, _| -0.67 * 0.5 * 0.12 * root * h.sqrt(), hec22),
    ];
    let mut rows = Vec::new();
    for (name, depth, head, law, formula, source) in cases {
        let mut run = over_tank(depth, head, law)?;
        advance(&mut run, 60.0)?;
        let cell = run.coupling().openings[0].cell;
        // The flow of an interval follows from the depth before its posting.
        let posted = run.opening_flow_m3ps()[0] * 0.1 / run.surface().grid().cell_area_m2();
        let h = run.surface().depth_at_m(cell) - posted;
        let q = formula(h, run.sewer().state().head_m()[0]);
        let off = (run.opening_flow_m3ps()[0] / q - 1.0).abs();
        rows.push(VerificationRow::at_most("exchange-laws", &format!("|flow / formula - 1|, {name}"), off, 1e-3, source));
    }
    Ok(rows)
}

/// A sewer discharges into a river cell: below the river's level the pipe fills to it; what the sewer lets out is what the
/// river gets.
///
/// # Errors
/// [`UrbanError`] when the run stops.
pub fn river_outfall() -> Result<Vec<VerificationRow>, UrbanError> {
    let grid = Grid { nx: 60, ny: 9, dx_m: 2.0 };
    let terrain = Terrain::from_fn(grid, 0.03, |_, _| 5.0);
    let initial = Initial::level(&terrain, 6.5);
    let cell = grid.cell(30, 4).unwrap_or_default();
    let mut b = NetworkBuilder::new();
    let m = b.node("M", Node::manhole(5.4, 4.0))?;
    let out = b.node("O", Node::outfall(5.2, OutfallStage::Free))?;
    let pipe = Conduit::new(Shape::Circular { diameter_m: 0.8 }, 40.0, 0.013);
    b.link("P", m, out, LinkKind::Conduit(pipe))?;
    let mut run = CoupledRun::new(UrbanModel {
        terrain,
        structures: sim_flood::Structures::default(),
        surface_forcing: Forcing::default(),
        surface_params: FloodParams::default(),
        initial,
        network: b.build()?,
        sewer_forcing: DrainageForcing { inflows: vec![Inflow::constant(m, 0.1)], ..DrainageForcing::default() },
        sewer_params: DrainageParams::default(),
        coupling: Coupling { outfalls: vec![SurfaceOutfall { node: out, cell }], ..Coupling::default() },
    })?;
    advance(&mut run, 600.0)?;
    let level = run.sewer().state().head_m()[m.at()];
    let l = run.ledger();
    // 60 m3 came in; what is not in the sewer raised the river.
    let river = l.surface.current_m3 - l.surface.initial_m3;
    let sewer = l.sewer.current_m3 - l.sewer.initial_m3;
    let rise = river / (60.0 * 9.0 * 4.0);
    let source = "conservation of volume, still water";
    let row = VerificationRow::at_most;
    Ok(vec![
        row("river-outfall", "|river + sewer - 60| / 60", ((river + sewer) / 60.0 - 1.0).abs(), 1e-6, source),
        row("river-outfall", "manhole above the river by, m", (level - 6.5 - rise).abs(), 0.02, source),
        row("river-outfall", "pending, m3", l.pending_m3.abs(), 1e-3, source),
    ])
}
