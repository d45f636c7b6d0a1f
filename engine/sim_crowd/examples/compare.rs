//! Our side of `tools/compare/crowd`: the same corridor and bottleneck, one thread, CPU seconds of the steps alone.
//!
//! `compare corridor RHO…`, `compare bottleneck WIDTH…`, `compare speed AGENTS RHO`, `compare network`, `compare
//! square`; `--jupedsim` takes JuPedSim's
//! parameters (radius 0.2 m, time gap 1 s, no anticipation), else our calibrated set.

use sim_core::Air;
use sim_crowd::verification::{Manners, block, jupedsim_like, neck_flow, open_corridor_timed};
use sim_crowd::{
    CrowdEdit, CrowdError, CrowdForcing, CrowdRun, CrowdWorld, Demand, DestinationClass, LayerId, LayerSpec,
    MesoPerson, Spread, WorldBuilder,
};

/// CPU seconds of this thread so far.
#[cfg(unix)]
fn cpu_s() -> f64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}

/// Where threads have no clock of their own: seconds by the wall clock.
#[cfg(not(unix))]
fn cpu_s() -> f64 {
    use std::{sync::LazyLock, time::Instant};
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_secs_f64()
}

fn corridor(rho: f64, m: &Manners) -> Result<(String, f64, f64), CrowdError> {
    let (r, cpu) = open_corridor_timed(rho, m, cpu_s)?;
    let text = format!("corridor rho {rho}: measured rho {:.3} v {:.3} m/s", r.density_pm2, r.speed_mps);
    Ok((text, r.agent_steps as f64, cpu))
}

fn speed(agents: usize, rho: f64, m: &Manners) -> Result<(String, f64, f64), CrowdError> {
    // Rooms of 50 x 50 m with columns in rows of ten, joined by wide doors: walls, doors, routes to the outer exits.
    let per_room = rho * 2500.0;
    let rooms = ((agents as f64 / per_room).round() as usize).max(1);
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let mut layers = Vec::new();
    for k in 0..rooms {
        let x = 50.2 * (k % 10) as f64;
        let y = 50.2 * (k / 10) as f64;
        let mut spec = LayerSpec::rectangle(format!("room {k}"), [x, y], [x + 50.0, y + 50.0]);
        for c in 0..4 {
            let (cx, cy) = (x + 15.0 + 20.0 * (c % 2) as f64, y + 15.0 + 20.0 * (c / 2) as f64);
            spec.holes.push(vec![[cx, cy], [cx + 1.0, cy], [cx + 1.0, cy + 1.0], [cx, cy + 1.0]]);
        }
        layers.push(w.layer(&spec)?);
        if k % 10 > 0 {
            let ends = [[x - 0.1, y + 20.0], [x - 0.1, y + 28.0]];
            w.door(&format!("door {k}"), (layers[k - 1], ends), Some((layers[k], ends)))?;
        }
        for (name, e) in
            [("south", [[x + 20.0, y], [x + 24.0, y]]), ("north", [[x + 30.0, y + 50.0], [x + 34.0, y + 50.0]])]
        {
            w.door(&format!("{name} {k}"), (layers[k], e), None)?;
        }
    }
    let mut run = CrowdRun::new(w.build()?, vec![DestinationClass::default()], m.params, CrowdForcing::default())?;
    for (k, layer) in layers.iter().enumerate() {
        let count = agents / rooms;
        let (radius_m, gap_s, speed_mps) = (m.radius_m, m.gap_s, Spread::WEIDMANN_MPS);
        run.place(&Demand { radius_m, gap_s, speed_mps, ..Demand::adults(*layer, count, k as u64) })?;
    }
    // Thin smoke everywhere: slower steps, doses for all.
    for layer in &layers {
        let air = Air { extinction_per_m: 0.2, co_ppm: 100.0, ..Air::CLEAN };
        run.apply(&CrowdEdit::SetAir { layer: *layer, air })?;
    }
    for _ in 0..20 {
        run.step();
    }
    let (mut cpu, mut steps, wall) = (0.0, 0.0, std::time::Instant::now());
    for _ in 0..100 {
        steps += run.balance().inside as f64;
        let t = cpu_s();
        run.step();
        cpu += cpu_s() - t;
    }
    let wall_s = wall.elapsed().as_secs_f64();
    let real = 100.0 * f64::from(m.params.dt_s) / wall_s;
    Ok((format!("{agents} agents in {rooms} rooms, rho {rho}: {real:.2} x real time (wall {wall_s:.2} s)"), steps, cpu))
}

/// A square of 300 x 300 m with 36 kiosks and four streets out of it.
fn square(agents: usize, m: &Manners) -> Result<(), CrowdError> {
    let t = cpu_s();
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let mut spec = LayerSpec::rectangle("square", [0.0, 0.0], [300.0, 300.0]);
    for k in 0..36 {
        let (x, y) = (25.0 + 50.0 * f64::from(k % 6), 25.0 + 50.0 * f64::from(k / 6));
        spec.holes.push(vec![[x - 4.0, y - 4.0], [x + 4.0, y - 4.0], [x + 4.0, y + 4.0], [x - 4.0, y + 4.0]]);
    }
    let layer = w.layer(&spec)?;
    for (name, ends) in [
        ("south", [[140.0, 0.0], [160.0, 0.0]]),
        ("north", [[140.0, 300.0], [160.0, 300.0]]),
        ("west", [[0.0, 140.0], [0.0, 160.0]]),
        ("east", [[300.0, 140.0], [300.0, 160.0]]),
    ] {
        w.door(name, (layer, ends), None)?;
    }
    let mut run = CrowdRun::new(w.build()?, vec![DestinationClass::default()], m.params, CrowdForcing::default())?;
    let built_s = cpu_s() - t;
    run.place(&Demand::adults(layer, agents, 1))?;
    let (mut worst_s, mut steps) = (0.0_f64, 0.0);
    let (cpu, wall) = (cpu_s(), std::time::Instant::now());
    while run.balance().inside > 0 && run.t_s() < 600.0 {
        steps += run.balance().inside as f64;
        let t = cpu_s();
        run.step();
        worst_s = worst_s.max(cpu_s() - t);
    }
    let (cpu, wall_s) = (cpu_s() - cpu, wall.elapsed().as_secs_f64());
    println!(
        "sim_crowd square: built in {built_s:.2} CPU s; {agents} people, {} left after {:.0} s; {:.2e} agent-steps per CPU s, worst step {:.1} CPU ms, {:.1} x real time",
        run.balance().inside,
        run.t_s(),
        steps / cpu,
        worst_s * 1e3,
        run.t_s() / wall_s
    );
    Ok(())
}

/// Ten storeys, 2000 people in 40 rooms of 32 m²: RSET by the queue network.
fn network(m: &Manners) -> Result<(), CrowdError> {
    let world = CrowdWorld::from_plan(&block(10), &[])?;
    let run = CrowdRun::new(world, vec![DestinationClass::default()], m.params, CrowdForcing::default())?;
    let rooms = run.world().layers().iter().enumerate().filter(|(_, l)| l.name.contains("room"));
    let people: Vec<MesoPerson> = rooms
        .flat_map(|(k, _)| (0..50).map(move |p| (k, p)))
        .map(|(k, p)| MesoPerson {
            layer: LayerId(k as u32),
            class: 0,
            free_mps: 1.0 + 0.01 * f64::from(p),
            start_s: 2.0 * f64::from(p),
            under_way: None,
        })
        .collect();
    let net = run.network();
    let t = cpu_s();
    let runs = 20;
    let mut rset = None;
    for _ in 0..runs {
        rset = net.run(&people, 1e5)?.rset_s();
    }
    let ms = (cpu_s() - t) / f64::from(runs) * 1e3;
    println!("sim_crowd network: {} people, ten storeys, RSET {rset:?} s in {ms:.2} CPU ms", people.len());
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let m = if args.iter().any(|a| a == "--jupedsim") { jupedsim_like() } else { Manners::default() };
    // The people of the bottleneck experiments were young.
    let young = Manners { speed_mps: Spread::YOUNG_MPS, ..m };
    let numbers: Vec<f64> = args.iter().filter_map(|a| a.parse().ok()).collect();
    let threads = args.iter().find_map(|a| a.strip_prefix("--threads=")).map_or(Ok(1), str::parse)?;
    let work = || -> Result<(), CrowdError> {
        match args.first().map(String::as_str) {
            Some("speed") => {
                let (text, steps, cpu) = speed(numbers[0] as usize, numbers[1], &m)?;
                println!(
                    "sim_crowd {text}: {steps} agent-steps in {cpu:.3} CPU s of one thread = {:.3e} per CPU s",
                    steps / cpu
                );
            }
            Some("network") => network(&m)?,
            Some("square") => square(numbers.first().map_or(20_000, |n| *n as usize), &m)?,
            Some("bottleneck") => {
                for b in &numbers {
                    let t = cpu_s();
                    let seeds = 20;
                    let mut flow = 0.0;
                    let (mut low, mut high, mut clogs) = (f64::INFINITY, 0.0_f64, 0);
                    for seed in 0..seeds {
                        let r = neck_flow(*b, 150, &young, seed)?;
                        clogs += u32::from(r.clogged);
                        flow += r.flow_ps / f64::from(seeds as u32);
                        (low, high) = (low.min(r.flow_ps), high.max(r.flow_ps));
                    }
                    let cpu = (cpu_s() - t) / f64::from(seeds as u32);
                    println!(
                        "sim_crowd bottleneck {b} m: J {flow:.2}/s ({low:.2} to {high:.2}, {seeds} seeds), {clogs} clogs, {cpu:.3} CPU s a run"
                    );
                }
            }
            _ => {
                for rho in &numbers {
                    let runs = (0..3).map(|_| corridor(*rho, &m)).collect::<Result<Vec<_>, _>>()?;
                    if let Some((text, steps, cpu)) = runs.into_iter().min_by(|a, b| a.2.total_cmp(&b.2)) {
                        println!(
                            "sim_crowd {text}: {steps} agent-steps in {cpu:.5} CPU s = {:.3e} per CPU s",
                            steps / cpu
                        );
                    }
                }
            }
        }
        Ok(())
    };
    #[cfg(feature = "parallel")]
    rayon::ThreadPoolBuilder::new().num_threads(threads).build()?.install(work)?;
    #[cfg(not(feature = "parallel"))]
    work()?;
    Ok(())
}
