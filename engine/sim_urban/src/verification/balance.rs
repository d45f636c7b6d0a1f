//! Balance of both models over a day of chance, and repetition.

use super::advance;
use crate::{Coupling, CoupledRun, SurfaceOpening, SurfaceOutfall, UrbanError, UrbanModel};
use sim_core::{CounterRng, VerificationRow};
use sim_drainage::{
    Conduit, DrainageForcing, DrainageParams, Inflow, LinkKind, NetworkBuilder, Node, NodeId, OpeningLaw, OutfallStage, Shape,
};
use sim_flood::{FloodParams, Forcing, Grid, Initial, RainSeries, StageBoundary, Terrain, barrier_along};

/// A town of 30 x 20 cells of 10 m over a small looped sewer, with a river along the southern edge.
fn town(rng: &mut CounterRng) -> Result<UrbanModel, UrbanError> {
    let grid = Grid { nx: 30, ny: 20, dx_m: 10.0 };
    let mut terrain =
        Terrain::from_fn(grid, 0.03, |x, y| if y < 20.0 { 6.0 } else { 8.0 + 0.004 * y + 0.3 * (0.05 * x).sin() });
    for k in 0..grid.cell_count() {
        let (i, j) = (k % grid.nx, k / grid.nx);
        terrain.blocked[k] = j > 5 && i % 6 == 2 && j % 5 == 3;
    }
    let mut b = NetworkBuilder::new();
    let mut openings = Vec::new();
    for k in 0..12_usize {
        let (i, j) = (4 + 6 * (k % 4), 6 + 5 * (k / 4));
        let cell = grid.cell(i, j).unwrap_or_default();
        let ground = terrain.bed_m[cell as usize];
        let node = b.node(&format!("M{k}"), Node::manhole(ground - 2.2 - 0.05 * (k % 4) as f64, 2.2))?;
        let law = if k % 3 == 0 {
            OpeningLaw::Grate { area_m2: 0.5, perimeter_m: 3.0, clogging: 0.3 }
        } else {
            OpeningLaw::round_manhole(0.7)
        };
        openings.push(SurfaceOpening { node, cell, law });
    }
    let pipe = |d: f64| LinkKind::Conduit(Conduit::new(Shape::Circular { diameter_m: d }, 55.0, 0.013));
    for k in 0..12_u32 {
        if k % 4 != 3 {
            b.link(&format!("E{k}"), NodeId(k), NodeId(k + 1), pipe(0.5))?;
        }
        if k >= 4 {
            b.link(&format!("S{k}"), NodeId(k), NodeId(k - 4), pipe(0.6))?;
        }
    }
    let mut outfalls = Vec::new();
    for (k, from) in [0_u32, 3].into_iter().enumerate() {
        let out = b.node(&format!("O{k}"), Node::outfall(5.4, OutfallStage::Free))?;
        b.link(&format!("R{k}"), NodeId(from), out, pipe(0.8))?;
        outfalls.push(SurfaceOutfall { node: out, cell: grid.cell(5 + 18 * k, 1).unwrap_or_default() });
    }
    let inflows = (0..12).map(|k| Inflow::constant(NodeId(k), rng.range_f64(0.0, 0.05))).collect();
    Ok(UrbanModel {
        initial: Initial::level(&terrain, 6.8),
        terrain,
        structures: sim_flood::Structures::default(),
        surface_forcing: weather(&grid, rng),
        surface_params: FloodParams::default(),
        network: b.build()?,
        sewer_forcing: DrainageForcing { inflows, ..DrainageForcing::default() },
        sewer_params: DrainageParams { max_dt_s: 10.0, min_dt_s: 1.0, ..DrainageParams::default() },
        coupling: Coupling { openings, outfalls, exchange_s: 10.0, ..Coupling::default() },
    })
}

/// Rain and a river level for an hour, by chance.
fn weather(grid: &Grid, rng: &mut CounterRng) -> Forcing {
    let rate = if rng.below(3) == 0 { rng.range_f64(20.0, 120.0) } else { 0.0 };
    let river = (0..grid.nx as u32).collect();
    let series = vec![(0.0, rng.range_f64(6.2, 8.6))];
    Forcing {
        rain: vec![RainSeries { series: vec![(0.0, rate)], cells: None }],
        stages: vec![StageBoundary { cells: river, series }],
        ..Forcing::default()
    }
}

/// A day in which rain, river and sewer inflows change by chance every hour and a gate opens and closes: the water of both
/// models closes.
///
/// # Errors
/// [`UrbanError`] when the run stops.
pub fn random_day() -> Result<Vec<VerificationRow>, UrbanError> {
    let mut rng = CounterRng::new(11, 3);
    let mut run = CoupledRun::new(town(&mut rng)?)?;
    let grid = run.surface().grid();
    for hour in 1..=24 {
        advance(&mut run, 3600.0 * f64::from(hour))?;
        run.surface_mut().set_forcing(weather(&grid, &mut rng))?;
        let crest = rng.range_f64(7.0, 10.0);
        run.surface_mut().set_barriers(&[barrier_along(&grid, &[[0.0, 30.0], [300.0, 35.0]], crest)])?;
        let flow = |k| Inflow::constant(NodeId(k), rng.at(u64::from(k)) as f64 / u64::MAX as f64 * 0.3 - 0.05);
        let inflows = (0..12).map(flow).collect();
        run.sewer_mut().set_inflows(inflows)?;
        rng.next_u64();
    }
    let l = run.ledger();
    let source = "two-entry posting of the exchange";
    let per_in = |v: f64| v / l.total_in_m3();
    let row = VerificationRow::at_most;
    Ok(vec![
        row("random-day", "volume error / inflow, 24 h", l.relative_error(), 1e-6, source),
        row("random-day", "pending / inflow", per_in(l.pending_m3.abs()), 1e-3, source),
        row("random-day", "sewer's own error / inflow", l.sewer.relative_error(), 1e-9, source),
        VerificationRow::at_least("random-day", "given to the surface / inflow", per_in(l.up_m3), 0.01, source),
        VerificationRow::at_least("random-day", "taken from the surface / inflow", per_in(l.down_m3), 0.01, source),
    ])
}

/// A run saved in the middle and restored ends with the same bytes.
///
/// # Errors
/// [`UrbanError`] when a run stops.
pub fn snapshot_continues() -> Result<Vec<VerificationRow>, UrbanError> {
    let build = || CoupledRun::new(town(&mut CounterRng::new(4, 3))?);
    let (mut straight, mut resumed) = (build()?, build()?);
    advance(&mut straight, 1800.0)?;
    resumed.restore(&straight.save())?;
    advance(&mut straight, 3600.0)?;
    advance(&mut resumed, 3600.0)?;
    let differing = u32::from(straight.save() != resumed.save()) + u32::from(straight.checksum() != resumed.checksum());
    let idle = f64::from(u32::from(straight.ledger().up_m3 + straight.ledger().down_m3 == 0.0));
    let source = "contract of sim_core";
    Ok(vec![
        VerificationRow::at_most("snapshot-continues", "restored run differs (bytes, checksum)", f64::from(differing), 0.0, source),
        VerificationRow::at_most("snapshot-continues", "nothing was exchanged", idle, 0.0, source),
    ])
}
