//! Geometries that several cases share.

use crate::{
    CrowdError, CrowdForcing, CrowdParams, CrowdRun, Demand, DestinationClass, LayerId, LayerSpec, Person, PortalId,
    Spread, WorldBuilder,
};
use sim_core::CancelToken;
use std::collections::BTreeMap;

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
    let (radius_m, gap_s, speed_mps) = (m.radius_m, m.gap_s, m.speed_mps);
    run.place(&Demand { radius_m, gap_s, speed_mps, ..Demand::adults(layer, people, seed) })?;
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

/// What was measured in an open corridor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CorridorFlow {
    /// Mean density in the window, 1/m².
    pub density_pm2: f64,
    /// Mean speed in the window, m/s.
    pub speed_mps: f64,
    /// Steps taken, times the people inside at each.
    pub agent_steps: u64,
}

/// A corridor of 4 m filled with a lattice of people over 60 m who walk out over its end at 70 m; measured between 27 m and
/// 33 m from 8 s to 20 s, over half seconds. `tools/compare/crowd` does the same with JuPedSim.
///
/// # Errors
/// [`CrowdError`] when the scene cannot be made.
pub fn open_corridor(density_pm2: f64, m: &Manners) -> Result<CorridorFlow, CrowdError> {
    open_corridor_timed(density_pm2, m, || 0.0).map(|(flow, _)| flow)
}

/// [`open_corridor`], and what went by of `clock_s` during the steps alone: without building, placing and measuring.
///
/// # Errors
/// As [`open_corridor`].
pub fn open_corridor_timed(
    density_pm2: f64,
    m: &Manners,
    clock_s: impl Fn() -> f64,
) -> Result<(CorridorFlow, f64), CrowdError> {
    let (length, width) = (60.0, 4.0);
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let layer = w.layer(&LayerSpec::rectangle("corridor", [0.0, 0.0], [70.0, width]))?;
    w.door("end", (layer, [[70.0, 0.0], [70.0, width]]), None)?;
    let mut run = CrowdRun::new(w.build()?, vec![DestinationClass::default()], m.params, CrowdForcing::default())?;
    let rows = (((width - 0.4) * density_pm2.sqrt()) as usize + 1).max(1);
    let gap = (width - 0.4) / rows as f64;
    let columns = (density_pm2 * length * width / rows as f64) as usize;
    for k in 0..rows * columns {
        let (i, j) = (k / rows, k % rows);
        let at = [(i as f64 + 0.5) * length / columns as f64, 0.2 + (j as f64 + 0.5) * gap].map(|v| v as f32);
        run.enter(&Person { radius_m: m.radius_m, gap_s: m.gap_s, ..Person::new(layer, at, 1.34) })?;
    }
    let (mut agent_steps, mut before) = (0, BTreeMap::new());
    let (mut seen, mut frames, mut speed) = (0.0, 0.0, 0.0);
    let mut steps_s = 0.0;
    while run.t_s() < 20.0 - 1e-9 {
        let t = clock_s();
        for _ in 0..10 {
            agent_steps += run.balance().inside;
            run.step();
        }
        steps_s += clock_s() - t;
        let now: BTreeMap<u32, [f32; 2]> = run.motions().map(|m| (m.0, [m.2, m.3])).collect();
        if run.t_s() > 8.0 {
            frames += 1.0;
            for (id, p) in now.iter().filter(|(_, p)| (27.0..=33.0).contains(&p[0])) {
                if let Some(q) = before.get(id) {
                    seen += 1.0;
                    speed += f64::from(crate::math::length(crate::math::sub(*p, *q))) / 0.5;
                }
            }
        }
        before = now;
    }
    let (density_pm2, speed_mps) = (seen / frames / (6.0 * width), speed / seen);
    Ok((CorridorFlow { density_pm2, speed_mps, agent_steps }, steps_s))
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

/// A run in a world with one class that takes any exit, default parameters.
pub(super) fn open_run(world: WorldBuilder, seed: u64) -> Result<CrowdRun, CrowdError> {
    run_with(world, vec![DestinationClass::default()], seed)
}

/// A run with given classes.
pub(super) fn run_with(world: WorldBuilder, classes: Vec<DestinationClass>, seed: u64) -> Result<CrowdRun, CrowdError> {
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
