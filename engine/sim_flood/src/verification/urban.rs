//! Structures, outlets and ground that takes in water: discharge laws, volumes, live edits.

use super::bound;
use super::case::VerificationCase;
use crate::{
    Barrel, Barrier, Culvert, Downspout, FaceAxis, FaceId, FloodError, FloodRunOf, Forcing, Gate, Grid, GroundEdit,
    Infiltration, Initial, Outlet, OutletLaw, PointInflow, Pump, RainSeries, Real, Soil, StageBoundary, Structures,
    Terrain,
};
use sim_core::{CounterRng, VerificationRow};

const G: f64 = 9.806_65;

/// A channel 4 cells wide and 100 m long with a line of faces across its middle.
const CHANNEL: Grid = Grid { nx: 100, ny: 4, dx_m: 1.0 };

fn across(i: u32) -> Vec<FaceId> {
    (0..CHANNEL.ny as u32).map(|j| FaceId { axis: FaceAxis::X, i, j }).collect()
}

fn column(grid: &Grid, i: usize) -> Vec<u32> {
    (0..grid.ny).map(|j| (j * grid.nx + i) as u32).collect()
}

/// Steady flow of `q` m2/s down the channel over or under `structures`, with the last column held at `tail_m`: depth upstream and
/// downstream of the middle.
fn steady_in_channel<R: Real>(
    case: &mut VerificationCase,
    q: f64,
    tail_m: f64,
    structures: Structures,
) -> Result<[f64; 2], FloodError> {
    let terrain = Terrain::from_fn(CHANNEL, 0.01, |_, _| 0.0);
    let width = CHANNEL.ny as f64 * CHANNEL.dx_m;
    let forcing = Forcing {
        inflows: vec![PointInflow {
            cells: column(&CHANNEL, 0),
            series: vec![(0.0, q * width)],
            direction: [1.0, 0.0],
        }],
        stages: vec![StageBoundary { cells: column(&CHANNEL, 99), series: vec![(0.0, tail_m)] }],
        ..Forcing::default()
    };
    let initial = Initial { depth_m: vec![tail_m; CHANNEL.cell_count()], ..Initial::default() };
    let mut run = FloodRunOf::<R>::new(terrain, structures, forcing, case.params(), initial)?;
    case.advance(&mut run, 1500.0)?;
    case.close(&run);
    let mean = |i: u32| (0..4).map(|j| run.depth_at_m(j * 100 + i)).sum::<f64>() / 4.0;
    Ok([mean(47), mean(50)])
}

/// Flow over a wall and under a gate in a channel: the head that a steady discharge needs, free and drowned.
pub(super) fn weir_and_gate<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let (q, crest) = (0.2, 1.0);
    let wall = Barrier { faces: across(50), crest_m: crest, ..Barrier::default() };
    let [up, _] = steady_in_channel::<R>(case, q, 0.3, vec![wall.clone()].into())?;
    // Q = Cd 2/3 sqrt(2 g) H^(3/2) with Cd = 1/sqrt(3).
    let head = (q / ((2.0_f64 / 3.0).powf(1.5) * G.sqrt())).powf(2.0 / 3.0);
    let free = ((up - crest) / head - 1.0).abs();

    let tail = crest + 0.6 * head;
    let [up, down] = steady_in_channel::<R>(case, q, tail, vec![wall].into())?;
    let ratio = (down - crest) / (up - crest);
    let villemonte = (1.0 - ratio.powf(1.5)).powf(0.385);
    let drowned_q = (2.0_f64 / 3.0).powf(1.5) * G.sqrt() * (up - crest).powf(1.5) * villemonte;

    let opening = 0.25;
    let gate = Gate { faces: across(50), opening_m: vec![(0.0, opening)], ..Gate::default() };
    let structures = Structures { gates: vec![gate], ..Structures::default() };
    let [up, _] = steady_in_channel::<R>(case, 0.6, 0.1, structures.clone())?;
    // Henderson 1966, 6.6: q = Cd a sqrt(2 g y1), Cd = Cc / sqrt(1 + Cc a / y1).
    let jet = 0.61 * opening;
    let under = jet / (1.0 + jet / up).sqrt() * (2.0 * G * up).sqrt();
    let [up, down] = steady_in_channel::<R>(case, 0.3, 1.2, structures)?;
    let submerged = jet * (2.0 * G * (up - down) / (1.0 - (jet / up).powi(2))).sqrt();

    let (weir, gate) = ("Villemonte 1947", "Henderson 1966, Open channel flow, 6.6");
    case.take([
        VerificationRow::at_most("weir-and-gate", "head on a free weir off by, relative", free, 0.02, weir),
        VerificationRow::at_most(
            "weir-and-gate",
            "drowned weir discharge off by, relative",
            (drowned_q / q - 1.0).abs(),
            0.03,
            weir,
        ),
        VerificationRow::at_most(
            "weir-and-gate",
            "free gate discharge off by, relative",
            (under / 0.6 - 1.0).abs(),
            0.03,
            gate,
        ),
        VerificationRow::at_most(
            "weir-and-gate",
            "drowned gate discharge off by, relative",
            (submerged / 0.3 - 1.0).abs(),
            0.03,
            gate,
        ),
    ]);
    Ok(())
}

/// Two ponds of different level, joined by a culvert: they end level and nothing is lost; a pump then lifts water back until it
/// stops; a breach lets the higher pond out.
pub(super) fn culvert_pump_breach<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let grid = Grid { nx: 40, ny: 20, dx_m: 1.0 };
    let terrain = Terrain::from_fn(grid, 0.02, |_, _| 0.0);
    let faces = |from: u32, to: u32| (from..to).map(|j| FaceId { axis: FaceAxis::X, i: 20, j }).collect::<Vec<_>>();
    let wall = Barrier { faces: faces(0, 20), crest_m: 5.0, ..Barrier::default() };
    let depth_m = (0..grid.cell_count()).map(|k| if k % 40 < 20 { 2.0 } else { 0.5 }).collect();
    let initial = Initial { depth_m, ..Initial::default() };
    let culvert = Culvert {
        ends: [10 * 40 + 10, 10 * 40 + 30],
        invert_m: [0.0, 0.0],
        barrel: Barrel::Box { width_m: 1.0, height_m: 0.8 },
        barrels: 1,
        length_m: 20.0,
        manning: 0.013,
        losses: 1.5,
        open_share: 1.0,
    };
    let with_culvert = Structures { barriers: vec![wall.clone()], culverts: vec![culvert], ..Structures::default() };
    let mut run = FloodRunOf::<R>::new(terrain, with_culvert, Forcing::default(), case.params(), initial)?;
    case.advance(&mut run, 3000.0)?;
    let level = |run: &FloodRunOf<R>, i: u32| run.depth_at_m(5 * 40 + i);
    let unequal = (level(&run, 5) - level(&run, 35)).abs();
    let kept = case.close(&run).relative_error();

    let pump = Pump { from: 10 * 40 + 30, to: Some(10 * 40 + 5), capacity_m3ps: 0.3, start_m: 1.2, stop_m: 0.9 };
    run.set_structures(Structures { barriers: vec![wall], pumps: vec![pump], ..Structures::default() })?;
    case.advance(&mut run, 4500.0)?;
    let pumped_to = level(&run, 35);

    let breach = Barrier {
        faces: faces(8, 12),
        crest_series: vec![(0.0, 5.0), (4600.0, 5.0), (4660.0, 0.0)],
        ..Barrier::default()
    };
    let rest = Barrier { faces: [faces(0, 8), faces(12, 20)].concat(), crest_m: 5.0, ..Barrier::default() };
    run.set_structures(vec![breach, rest].into())?;
    case.advance(&mut run, 4600.0)?;
    let held = (level(&run, 35) - pumped_to).abs();
    case.advance(&mut run, 4690.0)?;
    let running = level(&run, 35) - pumped_to;
    let row = |what, value, bar, source| VerificationRow::at_most("culvert-pump-breach", what, value, bar, source);
    case.take([
        row("levels of joined ponds differ by, m", unequal, 2e-3, "communicating vessels"),
        row("volume error / volume", kept, bound::<R>(1e-6, 1e-12), "conservation of volume"),
        row("level at which the pump stops off by, m", (pumped_to - 0.9).abs(), 5e-3, "definition of the pump"),
        row("level moved before the breach, m", held, 5e-3, "definition of a wall"),
        VerificationRow::at_least(
            "culvert-pump-breach",
            "rise within 90 s of the breach, m",
            running,
            0.05,
            "definition of a breach",
        ),
    ]);
    Ok(())
}

/// Uniform flow that leaves at normal depth, and a pond that drains by a rating curve.
pub(super) fn outlets<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let (slope, n, normal) = (0.002_f64, 0.03, 0.5_f64);
    let q = normal.powf(5.0 / 3.0) * slope.sqrt() / n;
    let terrain = Terrain::from_fn(CHANNEL, n, |x, _| 1.0 - slope * x);
    let last = Outlet { cells: column(&CHANNEL, 99), law: OutletLaw::NormalDepth { slope } };
    let forcing = Forcing {
        inflows: vec![PointInflow { cells: column(&CHANNEL, 0), series: vec![(0.0, 4.0 * q)], direction: [1.0, 0.0] }],
        ..Forcing::default()
    };
    let last = Structures { outlets: vec![last], ..Structures::default() };
    let initial = Initial { depth_m: vec![normal; CHANNEL.cell_count()], ..Initial::default() };
    let mut run = FloodRunOf::<R>::new(terrain, last, forcing, case.params(), initial)?;
    case.advance(&mut run, 3000.0)?;
    let middle = (run.depth_at_m(250) / normal - 1.0).abs();
    let before = run.ledger();
    case.advance(&mut run, 3100.0)?;
    let leaving = (run.ledger().edge_out_m3 - before.edge_out_m3) / 100.0;
    let closed = case.close(&run).relative_error();

    let terrain = Terrain::from_fn(CHANNEL, 0.02, |_, _| 0.0);
    let curve = vec![(1.0, 0.0), (2.0, 0.1)];
    let weir = Outlet { cells: column(&CHANNEL, 99), law: OutletLaw::Rating { points: curve } };
    let forcing = Forcing {
        inflows: vec![PointInflow { cells: column(&CHANNEL, 0), series: vec![(0.0, 0.06)], ..PointInflow::default() }],
        ..Forcing::default()
    };
    let weir = Structures { outlets: vec![weir], ..Structures::default() };
    let initial = Initial { depth_m: vec![1.5; CHANNEL.cell_count()], ..Initial::default() };
    let mut run = FloodRunOf::<R>::new(terrain, weir, forcing, case.params(), initial)?;
    case.advance(&mut run, 20_000.0)?;
    let row = |what, value, bar, source| VerificationRow::at_most("outlets", what, value, bar, source);
    case.take([
        row("depth in mid channel / normal depth - 1", middle, 0.01, "Manning"),
        row("discharge leaving / entering - 1", (leaving / (4.0 * q) - 1.0).abs(), 1e-3, "steady state"),
        row("level behind a rating curve off by, m", (run.depth_at_m(50) - 1.6).abs(), 5e-3, "the curve"),
        row("volume error / inflow", closed, bound::<R>(1e-6, 1e-12), "conservation of volume"),
    ]);
    Ok(())
}

/// Ground under a pond and under rain takes in what its law says, and the ledger has it.
pub(super) fn infiltration<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    let grid = Grid { nx: 70, ny: 66, dx_m: 2.0 };
    let (k_mmph, psi, deficit) = (10.0, 0.11, 0.3);
    let green_ampt = Infiltration::GreenAmpt { conductivity_mmph: k_mmph, suction_m: psi, deficit };
    let horton = Infiltration::Horton { initial_mmph: 76.0, end_mmph: 6.0, decay_ph: 4.0 };
    let loss = Infiltration::InitialContinuing { initial_mm: 12.0, continuing_mmph: 2.0 };
    let params = case.params();
    let mut hour = |law: Infiltration, depth: f64, rain_mmph: f64| -> Result<[f64; 2], FloodError> {
        let terrain = Terrain::from_fn(grid, 0.03, |_, _| 3.0);
        let rain = RainSeries { series: vec![(0.0, rain_mmph)], cells: None };
        let soil = Soil { kinds: vec![law], kind: vec![] };
        let forcing = Forcing { rain: vec![rain], soil, ..Forcing::default() };
        let initial = Initial { depth_m: vec![depth; grid.cell_count()], ..Initial::default() };
        let mut run = FloodRunOf::<R>::new(terrain, vec![], forcing, params, initial)?;
        case.advance(&mut run, 3600.0)?;
        let l = case.close(&run);
        let area = grid.cell_area_m2() * grid.cell_count() as f64;
        Ok([l.infiltrated_m3 / area, l.error_m3().abs() / (l.initial_m3 + l.rain_in_m3)])
    };
    let [taken, error] = hour(green_ampt, 0.5, 0.0)?;
    let s = psi * deficit;
    let implied_h = (taken - s * (1.0 + taken / s).ln()) / (k_mmph * 1e-3);
    let [by_horton, _] = hour(horton, 0.5, 0.0)?;
    let exact = 6e-3 + 70e-3 / 4.0 * (1.0 - (-4.0_f64).exp());
    let [by_loss, _] = hour(loss, 0.0, 30.0)?;
    let [light, dry_error] = hour(green_ampt, 0.0, 8.0)?;
    let row = |what, value, bar, source| VerificationRow::at_most("infiltration", what, value, bar, source);
    case.take([
        row(
            "ponded Green-Ampt: hours implied by the depth taken in, off by",
            (implied_h - 1.0).abs(),
            1e-3,
            "Green and Ampt 1911",
        ),
        row("ponded Horton: depth taken in off by, relative", (by_horton / exact - 1.0).abs(), 1e-3, "Horton 1940"),
        row(
            "initial and continuing loss off by, relative",
            (by_loss / (12e-3 + 2e-3 * 0.6) - 1.0).abs(),
            0.01,
            "definition",
        ),
        row("rain lighter than the ground takes, left over, relative", (light / 8e-3 - 1.0).abs(), 2e-3, "definition"),
        row("volume error / volume", error.max(dry_error), bound::<R>(1e-6, 1e-12), "conservation of volume"),
    ]);
    Ok(())
}

/// Random edits of everything, all day: walls, gates, culverts, pumps, ground, buildings, rain, levels, soils, exchanges.
pub(super) fn live_edits<R: Real>(case: &mut VerificationCase) -> Result<(), FloodError> {
    edits_of_a_day::<R>(case, Grid { nx: 60, ny: 30, dx_m: 20.0 }, 0.0)
}

/// The same on any raster of 1200 x 600 m, with a channel `dug_m` deep in its first four rows.
pub(super) fn edits_of_a_day<R: Real>(case: &mut VerificationCase, grid: Grid, dug_m: f64) -> Result<(), FloodError> {
    let mut rng = CounterRng::new(11, 3);
    let nx = grid.nx;
    let mut terrain = Terrain::from_fn(grid, 0.04, |x, y| {
        let dug = if y < 4.0 * grid.dx_m { dug_m } else { 0.0 };
        20.0 + 0.002 * y + 0.8 * (0.012 * x).sin() * (0.02 * y).cos() - dug
    });
    terrain
        .blocked
        .iter_mut()
        .enumerate()
        .for_each(|(k, b)| *b = k / nx > 5 && (k % nx / 4) % 3 == 1 && (k / nx / 3) % 2 == 1);
    let depth_m = (0..grid.cell_count()).map(|k| if k < 4 * nx { 1.0 + dug_m } else { 0.0 }).collect();
    let initial = Initial { depth_m, ..Initial::default() };
    let mut run = FloodRunOf::<R>::new(terrain, vec![], random_forcing(&grid, &mut rng), case.params(), initial)?;
    let (mut jump, mut booked) = (0.0_f64, 0.0);
    for k in 1..=96 {
        case.advance(&mut run, 900.0 * f64::from(k))?;
        let before = run.state().volume_m3();
        run.set_structures(random_structures(&grid, &mut rng))?;
        let edits = [(); 12].map(|()| random_edit(&grid, &mut rng));
        run.edit_ground(&edits)?;
        run.set_forcing(random_forcing(&grid, &mut rng))?;
        jump = jump.max((run.state().volume_m3() - before).abs() / before.max(1.0));
        booked += run.exchange(rng.range_f64(0.0, 1800.0) as u32, rng.range_f64(-50.0, 50.0)).abs();
    }
    let l = case.close(&run);
    let source = "conservation of volume";
    let row = |what, value, bar| VerificationRow::at_most("live-edits", what, value, bar, source);
    case.take([
        row("volume error / inflow, 24 h, 96 random edits", l.relative_error(), bound::<R>(1e-6, 1e-11)),
        row("volume moved by an edit / volume", jump, bound::<R>(1e-7, 1e-13)),
        row("residue / inflow", l.residue_m3 / l.total_in_m3(), bound::<R>(1e-6, 1e-12)),
        VerificationRow::at_least("live-edits", "water exchanged with another model, m3", booked, 1.0, source),
    ]);
    Ok(())
}

fn random_edit(grid: &Grid, rng: &mut CounterRng) -> GroundEdit {
    let cell = rng.range_f64(0.0, grid.cell_count() as f64) as u32;
    let on = |rng: &mut CounterRng| rng.next_f64() < 0.4;
    GroundEdit {
        cell,
        bed_m: on(rng).then(|| rng.range_f64(18.5, 22.0)),
        manning: on(rng).then(|| rng.range_f64(0.0, 0.1)),
        blocked: on(rng).then(|| rng.next_f64() < 0.5),
    }
}

fn random_structures(grid: &Grid, rng: &mut CounterRng) -> Structures {
    let line = |rng: &mut CounterRng| {
        let mut p = || [rng.range_f64(0.0, 1200.0), rng.range_f64(0.0, 600.0)];
        [p(), p()]
    };
    let wall = |rng: &mut CounterRng| {
        let line = line(rng);
        Barrier {
            crest_series: if rng.next_f64() < 0.5 { vec![(0.0, 22.0), (80_000.0, 19.5)] } else { vec![] },
            ..crate::barrier_along(grid, &line, rng.range_f64(19.5, 22.0))
        }
    };
    let cell = |rng: &mut CounterRng| rng.range_f64(0.0, grid.cell_count() as f64) as u32;
    let faces = crate::barrier_along(grid, &line(rng), 0.0).faces;
    let gate =
        Gate { faces, sill_m: 19.8, opening_m: vec![(0.0, 0.0), (86_400.0, 1.0)], top_m: 21.5, ..Gate::default() };
    let from = cell(rng);
    let culvert = Culvert {
        ends: [from, (from + 700) % grid.cell_count() as u32],
        invert_m: [19.5, 19.4],
        barrel: Barrel::Pipe { diameter_m: rng.range_f64(0.3, 2.0) },
        barrels: 2,
        length_m: 60.0,
        manning: 0.013,
        losses: 1.5,
        open_share: 1.0,
    };
    let to = (rng.next_f64() < 0.7).then(|| (from + 333) % grid.cell_count() as u32);
    let pump = Pump { from, to, capacity_m3ps: rng.range_f64(0.0, 3.0), start_m: 20.3, stop_m: 20.0 };
    let gates = if gate.faces.is_empty() { vec![] } else { vec![gate] };
    let last = grid.cell_count() as u32 - 1;
    let cells = vec![last, last - 1, last - 2, last - 70];
    let outlets = vec![Outlet { cells, law: OutletLaw::NormalDepth { slope: 0.01 } }];
    Structures { barriers: vec![wall(rng), wall(rng)], gates, culverts: vec![culvert], pumps: vec![pump], outlets }
}

fn random_forcing(grid: &Grid, rng: &mut CounterRng) -> Forcing {
    let mut rate = || rng.range_f64(0.0, 60.0);
    let rain = RainSeries { series: vec![(0.0, rate()), (30_000.0, rate()), (60_000.0, rate())], cells: None };
    let river = StageBoundary {
        cells: (0..grid.nx as u32).collect(),
        series: vec![(0.0, rng.range_f64(19.5, 21.5)), (86_400.0, rng.range_f64(19.5, 21.5))],
    };
    let kinds = vec![
        Infiltration::None,
        Infiltration::GreenAmpt { conductivity_mmph: rng.range_f64(0.0, 30.0), suction_m: 0.1, deficit: 0.3 },
        Infiltration::Horton { initial_mmph: 60.0, end_mmph: rng.range_f64(0.0, 10.0), decay_ph: 2.0 },
    ];
    let kind = (0..grid.cell_count()).map(|k| (k % 3) as u8).collect();
    Forcing {
        rain: vec![rain],
        stages: vec![river],
        downspouts: vec![Downspout { roof: (0..400).collect(), to: 900 }],
        soil: Soil { kinds, kind },
        open_edges: true,
        ..Forcing::default()
    }
}
