//! Geometries that several cases share.

use crate::{
    CrowdError, CrowdForcing, CrowdParams, CrowdRun, Demand, DestinationClass, LayerId, LayerSpec, Person, PortalId,
    Spread, WorldBuilder,
};
use sim_core::CancelToken;

/// A room 8 m wide, a neck of width `b_m` and 2 m length, a strip behind it.
pub(super) struct Bottleneck {
    pub run: CrowdRun,
    pub entry: PortalId,
}

/// Bodies and manners of the people of a scene.
#[derive(Debug, Clone, Copy)]
pub struct Manners {
    /// Parameters of the run.
    pub params: CrowdParams,
    /// Radius, m.
    pub radius_m: f32,
    /// Time gap, s.
    pub gap_s: f32,
    /// Free speed.
    pub speed_mps: Spread,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            params: CrowdParams::default(),
            radius_m: Person::RADIUS_M,
            gap_s: Person::GAP_S,
            speed_mps: Spread::WEIDMANN_MPS,
        }
    }
}

pub(super) fn bottleneck(b_m: f64, people: usize, m: &Manners, seed: u64) -> Result<Bottleneck, CrowdError> {
    let half = 0.5 * b_m;
    let deep = (people as f64 / 150.0).max(1.0).sqrt() * 8.0;
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let room = w.layer(&LayerSpec::rectangle("room", [-deep, -0.5 * deep], [0.0, 0.5 * deep]))?;
    let neck = w.layer(&LayerSpec::rectangle("neck", [0.0, -half], [2.0, half]))?;
    let behind = w.layer(&LayerSpec::rectangle("behind", [2.0, -4.0], [8.0, 4.0]))?;
    let (a, b) = ([[0.0, -half], [0.0, half]], [[2.0, -half], [2.0, half]]);
    let entry = w.door("entry", (room, a), Some((neck, a)))?;
    w.door("end", (neck, b), Some((behind, b)))?;
    w.door("away", (behind, [[8.0, -4.0], [8.0, 4.0]]), None)?;
    let params = CrowdParams { seed, ..m.params };
    let mut run = CrowdRun::new(w.build()?, vec![DestinationClass::default()], params, CrowdForcing::default())?;
    let (radius_m, gap_s, speed_mps) = (m.radius_m, m.gap_s, m.speed_mps);
    run.place(&Demand { radius_m, gap_s, speed_mps, ..Demand::adults(room, people, seed) })?;
    Ok(Bottleneck { run, entry })
}

/// What came of a bottleneck.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NeckFlow {
    /// Flow between the 20th and the 80th percentile of people, 1/s.
    pub flow_ps: f64,
    /// Whether nobody passed for 10 s while people waited.
    pub clogged: bool,
    /// Nearest that two centres came, m.
    pub nearest_m: f64,
    /// Time until all were through, s.
    pub t_s: f64,
}

/// Flow of `people` through a bottleneck of width `b_m`.
///
/// # Errors
/// [`CrowdError`] when the scene cannot be made.
pub fn neck_flow(b_m: f64, people: usize, m: &Manners, seed: u64) -> Result<NeckFlow, CrowdError> {
    let Bottleneck { mut run, entry } = bottleneck(b_m, people, m, seed)?;
    let (mut times, mut nearest, mut still_s, mut clogged) = (Vec::new(), f64::INFINITY, 0.0, false);
    while times.len() < people && !clogged && run.t_s() < 900.0 {
        let dt = run.step().dt_s;
        let through = run.crossed(entry)[0] as usize;
        still_s = if through > times.len() { 0.0 } else { still_s + dt };
        clogged = still_s > 10.0;
        times.resize(through.max(times.len()), run.t_s());
        if run.state().tick.is_multiple_of(20) {
            nearest = nearest.min(least_distance(&run));
        }
    }
    let (a, b) = (people / 5, people * 4 / 5);
    let flow_ps = if times.len() > b { (b - a) as f64 / (times[b] - times[a]) } else { f64::NAN };
    Ok(NeckFlow { flow_ps, clogged, nearest_m: nearest, t_s: run.t_s() })
}

/// Least distance of two people of one layer, m.
pub(super) fn least_distance(run: &CrowdRun) -> f64 {
    let all: Vec<_> = run.motions().collect();
    let mut least = f64::INFINITY;
    for (i, a) in all.iter().enumerate() {
        for b in &all[i + 1..] {
            if a.1 == b.1 {
                let (dx, dy) = (f64::from(a.2 - b.2), f64::from(a.3 - b.3));
                least = least.min((dx * dx + dy * dy).sqrt());
            }
        }
    }
    least
}

/// Mean speed at a density in a corridor that closes on itself, `length_m` × `width_m`.
///
/// # Errors
/// [`CrowdError`] when the scene cannot be made.
pub fn circuit_speed(
    density_pm2: f64,
    size_m: [f64; 2],
    m: &Manners,
    seed: u64,
    settle_s: f64,
    measure_s: f64,
) -> Result<f64, CrowdError> {
    let (mut run, _) = circuit(size_m, m, seed)?;
    let layer = LayerId(0);
    let people = (density_pm2 * size_m[0] * size_m[1]).round() as usize;
    lattice(&mut run, layer, size_m, people, m, seed)?;
    run.advance_to(settle_s, &CancelToken::new())?;
    let (mut sum, mut n) = (0.0, 0.0);
    while run.t_s() < settle_s + measure_s {
        run.step();
        for (_, _, _, _, v) in run.motions() {
            sum += f64::from(v);
            n += 1.0;
        }
    }
    Ok(sum / n)
}

/// An empty corridor along x whose end leads to its beginning.
pub(super) fn circuit(size_m: [f64; 2], m: &Manners, seed: u64) -> Result<(CrowdRun, PortalId), CrowdError> {
    let [length, width] = size_m;
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let layer = w.layer(&LayerSpec::rectangle("circuit", [0.0, 0.0], [length, width]))?;
    let ends = |x: f64| (layer, [[x, 0.0], [x, width]]);
    let seam = w.door("seam", ends(length), Some(ends(0.0)))?;
    let class = DestinationClass { circuit: Some(seam), ..DestinationClass::default() };
    let params = CrowdParams { seed, ..m.params };
    let run = CrowdRun::new(w.build()?, vec![class], params, CrowdForcing::default())?;
    Ok((run, seam))
}

/// People on a shaken lattice: any density up to the closest packing.
pub(super) fn lattice(
    run: &mut CrowdRun,
    layer: LayerId,
    size_m: [f64; 2],
    people: usize,
    m: &Manners,
    seed: u64,
) -> Result<(), CrowdError> {
    let keep = f64::from(m.params.clearance_m) + 0.01;
    let (l, w) = (size_m[0], size_m[1] - 2.0 * keep);
    let step = (l * w / people.max(1) as f64).sqrt();
    let rows = ((w / step).round() as usize).max(1);
    let columns = people.div_ceil(rows);
    for k in 0..people {
        let mut rng = sim_core::CounterRng::new(seed, k as u64 + 1_000_000);
        let (i, j) = (k / rows, k % rows);
        let (dx, dy) = (l / columns as f64, w / rows as f64);
        let shake = |rng: &mut sim_core::CounterRng, room: f64| rng.range_f64(-0.5, 0.5) * (room - 0.3).max(0.0) * 0.5;
        let x = (i as f64 + 0.5 + 0.25 * (j % 2) as f64) * dx + shake(&mut rng, dx);
        let y = keep + (j as f64 + 0.5) * dy + shake(&mut rng, dy);
        let free_mps = m.speed_mps.draw(&mut rng) as f32;
        let at = [x.min(l - 0.02) as f32, y as f32];
        let person = Person { radius_m: m.radius_m, gap_s: m.gap_s, ..Person::new(layer, at, free_mps) };
        run.enter(&person)?;
    }
    Ok(())
}

/// A run in a world with one class that takes any exit, default parameters.
pub(super) fn open_run(world: WorldBuilder, seed: u64) -> Result<CrowdRun, CrowdError> {
    run_with(world, vec![DestinationClass::default()], seed)
}

/// A run with given classes.
pub(super) fn run_with(
    world: WorldBuilder,
    classes: Vec<DestinationClass>,
    seed: u64,
) -> Result<CrowdRun, CrowdError> {
    let params = CrowdParams { seed, ..CrowdParams::default() };
    CrowdRun::new(world.build()?, classes, params, CrowdForcing::default())
}

/// A class that knows one exit only.
pub(super) fn bound_for(exit: PortalId) -> DestinationClass {
    DestinationClass { exits: vec![exit], ..DestinationClass::default() }
}

/// Time of the last departure after at most `limit_s`, NaN when somebody is still inside.
pub(super) fn clear(run: &mut CrowdRun, limit_s: f64) -> Result<f64, CrowdError> {
    run.advance_to(limit_s, &CancelToken::new())?;
    Ok(if run.balance().inside == 0 { run.departures().last().map_or(f64::NAN, |d| d.t_s) } else { f64::NAN })
}

/// Steps until `t_s`, calling `look` after each step.
pub(super) fn watch(run: &mut CrowdRun, t_s: f64, mut look: impl FnMut(&CrowdRun)) {
    while run.t_s() < t_s - 1e-9 && run.balance().inside > 0 {
        run.step();
        look(run);
    }
}

/// Greatest difference between a sample and a distribution function (Kolmogorov–Smirnov), times the root of the number:
/// below 1.358 with probability 0.95.
pub(super) fn kolmogorov(mut sample: Vec<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
    sample.sort_by(f64::total_cmp);
    let n = sample.len() as f64;
    let gap = |(k, x): (usize, &f64)| (cdf(*x) - k as f64 / n).abs().max((cdf(*x) - (k + 1) as f64 / n).abs());
    sample.iter().enumerate().map(gap).fold(0.0, f64::max) * n.sqrt()
}

/// Standard normal distribution function.
pub(super) fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z / std::f64::consts::SQRT_2)
}
