//! Set-ups of the GPU tests, smaller than those of `sim_flood::verification` where a software adapter would take long.

use sim_core::{CancelToken, CounterRng};
use sim_flood::gpu::{AdapterChoice, GpuFlood};
use sim_flood::{
    Barrier, FloodError, FloodParams, FloodRun, Forcing, Grid, Initial, PointInflow, RainSeries, StageBoundary,
    Structures, Terrain, barrier_along,
};

/// Inputs of a run.
#[derive(Clone)]
pub struct Case {
    pub terrain: Terrain,
    pub structures: Structures,
    pub forcing: Forcing,
    pub params: FloodParams,
    pub initial: Initial,
}

impl Case {
    fn still(terrain: Terrain, initial: Initial) -> Self {
        Self {
            terrain,
            structures: Structures::default(),
            forcing: Forcing::default(),
            params: FloodParams::default(),
            initial,
        }
    }
}

/// The same run on both back ends.
pub struct Pair {
    pub cpu: FloodRun,
    pub gpu: GpuFlood,
}

impl Pair {
    pub fn new(case: &Case) -> Result<Self, FloodError> {
        let Case { terrain, structures, forcing, params, initial } = case;
        let choice = AdapterChoice::Fastest;
        let gpu = GpuFlood::new(terrain, structures.clone(), forcing.clone(), *params, initial, &choice)?;
        let cpu = FloodRun::new(terrain.clone(), structures.clone(), forcing.clone(), *params, initial.clone())?;
        Ok(Self { cpu, gpu })
    }

    /// Advances both; returns the RMSE of depth between them, metres.
    pub fn advance(&mut self, t_s: f64) -> f64 {
        let never = CancelToken::new();
        let cpu = self.cpu.advance_to(t_s, &never).expect("the CPU runs");
        let gpu = self.gpu.advance_to(t_s, &never).expect("the GPU runs");
        assert_eq!(self.gpu.t_s(), t_s);
        println!("  to {t_s} s: {} steps on the CPU, {} on {}", cpu.steps, gpu.steps, self.gpu.adapter_name());
        self.rmse()
    }

    /// Replaces the structures of both.
    pub fn set_structures(&mut self, structures: &Structures) {
        self.gpu.set_structures(structures.clone()).expect("the GPU takes them");
        self.cpu.set_structures(structures.clone()).expect("the CPU takes them");
    }

    /// RMSE of depth, metres.
    pub fn rmse(&self) -> f64 {
        rmse(&self.gpu.depth_m().expect("the GPU answers"), &self.cpu.depth_m())
    }
}

pub fn rmse(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let sum: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    (sum / a.len() as f64).sqrt()
}

pub fn rel_l1(got: &[f32], exact: &[f64]) -> f64 {
    let diff: f64 = got.iter().zip(exact).map(|(a, b)| (f64::from(*a) - b).abs()).sum();
    diff / exact.iter().map(|b| b.abs()).sum::<f64>()
}

/// A bumpy, partly dry lake.
pub fn lake(datum_m: f64) -> Case {
    let grid = Grid { nx: 100, ny: 70, dx_m: 2.0 };
    let mut rng = CounterRng::new(11, 1);
    let mut terrain = Terrain::from_fn(grid, 0.03, |x, y| datum_m + 1.2 * (0.055 * x).sin() * (0.035 * y).cos());
    terrain.bed_m.iter_mut().for_each(|z| *z += rng.range_f64(0.0, 0.3));
    let initial = Initial::level(&terrain, datum_m + 1.0);
    Case::still(terrain, initial)
}

/// A dam break 10 m to `right_m` over 1 km, five rows.
pub fn channel(right_m: f64) -> Case {
    let grid = Grid { nx: 1000, ny: 5, dx_m: 1.0 };
    let terrain = Terrain::from_fn(grid, 0.0, |_, _| 0.0);
    let depth_m = (0..grid.cell_count()).map(|c| if c % 1000 < 500 { 10.0 } else { right_m }).collect();
    let mut case = Case::still(terrain, Initial { depth_m, ..Initial::default() });
    case.forcing.open_edges = true;
    case.params = FloodParams { dry_depth_m: 1e-6, wet_depth_m: 1e-3, ..case.params };
    case
}

/// Stoker 1957, "Water waves", 10.8: depth at x metres from the dam after t seconds, 10 m to 1 m.
pub fn stoker_depth(x: f64, t: f64) -> f64 {
    let (g, hl, hr) = (FloodParams::default().gravity_mps2, 10.0_f64, 1.0_f64);
    let u_fan = |h: f64| 2.0 * ((g * hl).sqrt() - (g * h).sqrt());
    let u_shock = |h: f64| (h - hr) * (0.5 * g * (1.0 / h + 1.0 / hr)).sqrt();
    let (mut low, mut high) = (hr, hl);
    for _ in 0..100 {
        let mid = 0.5 * (low + high);
        if u_shock(mid) < u_fan(mid) { low = mid } else { high = mid }
    }
    let (cl, u2, s) = ((g * hl).sqrt(), u_fan(low), x / t);
    match s {
        s if s < -cl => hl,
        s if s < u2 - (g * low).sqrt() => (2.0 * cl - s).powi(2) / (9.0 * g),
        s if s < low * u2 / (low - hr) => low,
        _ => hr,
    }
}

/// Ritter 1892: depth at x metres from the dam after t seconds, 10 m over dry ground.
pub fn ritter_depth(x: f64, t: f64) -> f64 {
    let g = FloodParams::default().gravity_mps2;
    let (c, s) = ((g * 10.0).sqrt(), x / t);
    match s {
        s if s < -c => 10.0,
        s if s < 2.0 * c => (2.0 * c - s).powi(2) / (9.0 * g),
        _ => 0.0,
    }
}

const BOWL_G: f64 = 9.81;

/// Period of [`bowl`], seconds.
pub fn bowl_period() -> f64 {
    std::f64::consts::TAU / (8.0 * BOWL_G * 0.1).sqrt()
}

/// Thacker 1981: radially symmetric oscillation in a paraboloid, n x n cells over 4 m, a = 1 m, h0 = 0.1 m, r0 = 0.8 m.
pub fn bowl(n: usize) -> Case {
    let grid = Grid { nx: n, ny: n, dx_m: 4.0 / n as f64 };
    let r2 = |x: f64, y: f64| (x - 2.0).powi(2) + (y - 2.0).powi(2);
    let bed = move |x: f64, y: f64| 0.1 * (r2(x, y) - 1.0);
    let terrain = Terrain::from_fn(grid, 0.0, bed);
    let a = (1.0 - 0.8_f64.powi(4)) / (1.0 + 0.8_f64.powi(4));
    let d = 1.0 - a;
    let depth = |c: u32| {
        let [x, y] = grid.centre_m(c);
        let level = 0.1 * ((1.0 - a * a).sqrt() / d - 1.0 - r2(x, y) * ((1.0 - a * a) / (d * d) - 1.0));
        (level - bed(x, y)).max(0.0)
    };
    let depth_m = (0..grid.cell_count() as u32).map(depth).collect();
    let mut case = Case::still(terrain, Initial { depth_m, ..Initial::default() });
    case.params = FloodParams { gravity_mps2: BOWL_G, dry_depth_m: 1e-5, wet_depth_m: 1e-3, ..FloodParams::default() };
    case
}

/// MacDonald et al. 1997 with rain (Delestre et al. 2013): steady subcritical flow over a bed made to fit a depth; it
/// starts from the exact profile.
pub fn macdonald() -> Case {
    let (g, q0, rain, n): (f64, f64, f64, f64) = (9.81, 1.0, 0.001, 0.033);
    let h = |x: f64| (4.0 / g).cbrt() * (1.0 + 0.5 * (-16.0 * (x / 1000.0 - 0.5).powi(2)).exp());
    let slope = |x: f64| {
        let (q, d, dh) = (q0 + rain * x, h(x), (h(x + 1e-3) - h(x - 1e-3)) / 2e-3);
        (q * q / (g * d.powi(3)) - 1.0) * dh - 2.0 * q * rain / (g * d * d) - n * n * q * q / d.powf(10.0 / 3.0)
    };
    // Bed from the outlet upstream, Simpson's rule on half-metre pieces.
    let mut table = vec![0.0_f64];
    for k in 0..2000 {
        let x = 1000.0 - f64::from(k) * 0.5;
        let piece = (slope(x) + 4.0 * slope(x - 0.25) + slope(x - 0.5)) * 0.5 / 6.0;
        table.push(table[table.len() - 1] - piece);
    }
    let bed = |x: f64| {
        let s = ((1000.0 - x) / 0.5).clamp(0.0, 1999.0);
        let k = s as usize;
        table[k] + (table[k + 1] - table[k]) * (s - k as f64)
    };
    let grid = Grid { nx: 200, ny: 5, dx_m: 5.0 };
    let terrain = Terrain::from_fn(grid, n, |x, _| bed(x));
    let depth_m: Vec<f64> = (0..1000).map(|c| h(grid.centre_m(c)[0])).collect();
    let velocity_x_mps = depth_m.iter().map(|h| q0 / h).collect();
    let column = |i: u32| (0..5).map(|j| j * 200 + i).collect::<Vec<u32>>();
    let level = bed(997.5) + h(997.5);
    let forcing = Forcing {
        inflows: vec![PointInflow { cells: column(0), series: vec![(0.0, 25.0 * q0)], ..PointInflow::default() }],
        stages: vec![StageBoundary { cells: column(199), series: vec![(0.0, level)] }],
        rain: vec![RainSeries { series: vec![(0.0, rain * 3.6e6)], cells: None }],
        open_edges: true,
        ..Forcing::default()
    };
    Case {
        terrain,
        structures: vec![barrier_along(&grid, &[[0.0, 0.0], [0.0, 25.0]], 8000.0)].into(),
        forcing,
        params: FloodParams { gravity_mps2: g, ..FloodParams::default() },
        initial: Initial { depth_m, velocity_x_mps, ..Initial::default() },
    }
}

/// A basin that fills behind a diagonal wall.
pub fn basin() -> Case {
    let grid = Grid { nx: 100, ny: 40, dx_m: 1.0 };
    let terrain = Terrain::from_fn(grid, 0.03, |x, _| if x > 60.0 { -1.0 } else { 0.0 });
    let wall = barrier_along(&grid, &[[30.0, 0.0], [52.0, 40.0]], 1.5);
    let initial = Initial::pool(&terrain, std::slice::from_ref(&wall), &[0], 1.2);
    let mut case = Case::still(terrain, initial);
    let series = vec![(0.0, 5.0), (200.0, 5.0), (201.0, 0.0)];
    case.forcing.inflows = vec![PointInflow { cells: vec![0, 1, 100], series, ..PointInflow::default() }];
    case.structures = vec![wall].into();
    case
}

/// A dam break runs into a closed row of buildings.
pub fn street() -> Case {
    let grid = Grid { nx: 120, ny: 40, dx_m: 1.0 };
    let mut terrain = Terrain::from_fn(grid, 0.02, |_, _| 0.0);
    let depth_m = (0..grid.cell_count()).map(|k| if k % 120 < 40 { 4.0 } else { 0.0 }).collect();
    for k in 0..grid.cell_count() {
        terrain.blocked[k] = (80..84).contains(&(k % 120));
    }
    Case::still(terrain, Initial { depth_m, ..Initial::default() })
}

const TOWN: Grid = Grid { nx: 100, ny: 70, dx_m: 2.0 };

/// A rough, hilly town with buildings and a river along its south edge.
pub fn town(rng: &mut CounterRng) -> Case {
    let mut terrain = Terrain::from_fn(TOWN, 0.03, |x, y| 50.0 + 0.02 * y + 0.8 * (0.11 * x).sin() * (0.07 * y).cos());
    for k in 0..TOWN.cell_count() {
        let (i, j) = (k % TOWN.nx, k / TOWN.nx);
        terrain.bed_m[k] = if j < 4 { 48.0 } else { terrain.bed_m[k] + rng.range_f64(0.0, 0.4) };
        terrain.manning[k] = rng.range_f64(0.0, 0.1);
        terrain.blocked[k] = j > 8 && (i / 6) % 3 == 1 && (j / 5) % 2 == 1;
    }
    let initial = Initial::pool(&terrain, &[], &[0], 50.0);
    let mut case = Case::still(terrain, initial);
    case.forcing = random_forcing(rng);
    case
}

/// Rain, part of it over half of the town, river levels, a spring or an abstraction.
pub fn random_forcing(rng: &mut CounterRng) -> Forcing {
    let mut rate = || rng.range_f64(0.0, 200.0);
    let rain = RainSeries { series: vec![(0.0, rate()), (40.0, rate()), (70.0, rate())], cells: None };
    let shower = RainSeries { series: vec![(15.0, rate())], cells: Some((0..3500).collect()) };
    let mut level = || rng.range_f64(48.5, 51.0);
    let stage =
        StageBoundary { cells: (0..100).collect(), series: vec![(0.0, level()), (60.0, level()), (120.0, level())] };
    let series = vec![(0.0, rng.range_f64(-1.0, 3.0))];
    let spring = PointInflow { cells: vec![3002], series, ..PointInflow::default() };
    Forcing {
        rain: vec![rain, shower],
        stages: vec![stage],
        inflows: vec![spring],
        open_edges: true,
        ..Forcing::default()
    }
}

/// A gate across the town.
pub fn random_gate(rng: &mut CounterRng) -> Barrier {
    let y = rng.range_f64(20.0, 120.0);
    let ends = [[0.0, y], [200.0, y + rng.range_f64(-20.0, 20.0)]];
    barrier_along(&TOWN, &ends, rng.range_f64(49.0, 54.0))
}

/// A stream that enters at the west edge with momentum and leaves over open edges.
pub fn stream() -> Case {
    let grid = Grid { nx: 90, ny: 50, dx_m: 2.0 };
    let terrain = Terrain::from_fn(grid, 0.04, |x, y| 5.0 - 0.02 * x + 0.05 * (y - 50.0).abs());
    let mut case = Case::still(terrain, Initial::dry());
    let cells = (22..28).map(|j| j * 90).collect();
    let series = vec![(0.0, 0.0), (60.0, 6.0), (150.0, 2.0)];
    case.forcing.inflows = vec![PointInflow { cells, series, direction: [1.0, 0.2] }];
    case.forcing.open_edges = true;
    case
}

/// Rain of a day into a still pond on closed ground.
pub fn pond() -> Case {
    let grid = Grid { nx: 20, ny: 15, dx_m: 100.0 };
    let terrain = Terrain::from_fn(grid, 0.03, |x, y| 100.0 + 2.5e-7 * ((x - 1000.0).powi(2) + (y - 750.0).powi(2)));
    let mut case = Case::still(terrain, Initial { depth_m: vec![0.5; 300], ..Initial::default() });
    case.forcing.rain = vec![RainSeries { series: vec![(0.0, 2.0), (43_200.0, 5.0)], cells: None }];
    case.params.max_dt_s = 60.0;
    case
}

/// Environment Agency benchmark test 4 (SC120002): a point source floods a flat plain.
pub fn plain() -> Case {
    let grid = Grid { nx: 200, ny: 400, dx_m: 5.0 };
    let cells = (198..202).map(|j| j * 200).collect();
    let series = vec![(0.0, 0.0), (300.0, 0.0), (3600.0, 20.0), (14_400.0, 20.0), (18_000.0, 0.0)];
    let mut case = Case::still(Terrain::from_fn(grid, 0.05, |_, _| 0.0), Initial::dry());
    case.forcing.inflows = vec![PointInflow { cells, series, direction: [1.0, 0.0] }];
    case
}

/// RMSE over the values that are finite in both; they must be finite in the same places but for one in a hundred.
pub fn rmse_where_finite(a: &[f32], b: &[f32]) -> f64 {
    let both: Vec<(f32, f32)> = a.iter().copied().zip(b.iter().copied()).collect();
    let differ = both.iter().filter(|(a, b)| a.is_finite() != b.is_finite()).count();
    assert!(100 * differ <= both.len(), "{differ}");
    let (a, b): (Vec<f32>, Vec<f32>) = both.into_iter().filter(|(a, b)| a.is_finite() && b.is_finite()).unzip();
    rmse(&a, &b)
}

/// Columns of water on random steep ground.
pub fn rubble(seed: u64) -> Case {
    let mut rng = CounterRng::new(seed, 2);
    let grid = Grid { nx: 70, ny: 40, dx_m: rng.range_f64(0.5, 5.0) };
    let (steep, n) = (rng.range_f64(0.1, 5.0), rng.range_f64(0.0, 0.05));
    let mut terrain = Terrain::from_fn(grid, n, |_, _| 0.0);
    let mut initial = Initial { depth_m: vec![0.0; grid.cell_count()], ..Initial::default() };
    for k in 0..grid.cell_count() {
        terrain.bed_m[k] = rng.range_f64(0.0, steep);
        if rng.next_f64() < 0.2 {
            initial.depth_m[k] = rng.range_f64(0.0, 4.0);
        }
    }
    Case::still(terrain, initial)
}
