//! The GPU back end against exact solutions and against the CPU, on whatever adapter there is. Without one every test
//! prints "skipped: no GPU adapter" and passes.

#[path = "gpu_parts/cases.rs"]
mod cases;
#[path = "gpu_parts/works.rs"]
mod works;

use cases::{Case, Pair, rel_l1, stoker_depth};
use sim_core::{CancelToken, CounterRng, Snapshot};
use sim_flood::gpu::wgpu::{self, Limits};
use sim_flood::gpu::{AdapterChoice, GpuFlood};
use sim_flood::{FloodError, FloodState, Forcing, Initial};

/// RMSE of depth between the back ends, metres.
const AGREE_M: f64 = 1e-3;
/// Volume error relative to what entered.
const CLOSE: f64 = 1e-6;

/// Opens both back ends; `None`, with a message, where there is no adapter.
fn open(case: &Case) -> Option<Pair> {
    match Pair::new(case) {
        Ok(pair) => Some(pair),
        Err(FloodError::NoAdapter { .. }) => {
            println!("skipped: no GPU adapter");
            None
        }
        Err(e) => panic!("{e}"),
    }
}

/// Runs a case on both and compares depths, extremes and accounts.
fn agree(name: &str, case: &Case, t_s: f64) -> Option<Pair> {
    let mut pair = open(case)?;
    let rmse = pair.advance(t_s);
    compare(name, &pair, rmse);
    Some(pair)
}

/// Compares depths, extremes and accounts of both, `rmse` that of the depths.
fn compare(name: &str, pair: &Pair, rmse: f64) {
    let extremes = cases::rmse(&pair.gpu.max_depth_m().expect("the GPU answers"), &pair.cpu.max_depth_m());
    let ledger = pair.gpu.ledger().expect("the GPU answers");
    println!("{name}: RMSE {rmse:.1e} m, of greatest depths {extremes:.1e} m, volume {:.1e}", ledger.relative_error());
    assert!(rmse <= AGREE_M && extremes <= AGREE_M, "{name}");
    assert!(ledger.relative_error() <= CLOSE, "{name}: {ledger:?}");
    let cpu = pair.cpu.ledger();
    for (a, b) in [
        (ledger.rain_in_m3, cpu.rain_in_m3),
        (ledger.stage_in_m3, cpu.stage_in_m3),
        (ledger.stage_out_m3, cpu.stage_out_m3),
        (ledger.edge_out_m3, cpu.edge_out_m3),
        (ledger.point_in_m3, cpu.point_in_m3),
        (ledger.point_out_m3, cpu.point_out_m3),
        (ledger.infiltrated_m3, cpu.infiltrated_m3),
    ] {
        assert!((a - b).abs() <= 1e-4 * (1.0 + b.abs()), "{name}: {ledger:?} instead of {cpu:?}");
    }
}

#[test]
fn a_lake_stays_at_rest_at_any_datum() {
    for datum_m in [0.0, 30.0, 1000.0] {
        let case = cases::lake(datum_m);
        let Some(mut pair) = open(&case) else { return };
        while pair.gpu.tick() < 500 {
            pair.gpu.advance_to(pair.gpu.t_s() + 20.0, &CancelToken::new()).unwrap();
        }
        let speed = pair.gpu.velocity_x_mps().unwrap().into_iter().chain(pair.gpu.velocity_y_mps().unwrap());
        let fastest = speed.fold(0.0_f32, |m, u| m.max(u.abs()));
        let depth = pair.gpu.depth_m().unwrap();
        let off = |(a, b): (&f32, &f64)| (f64::from(*a) - b).abs();
        let moved = depth.iter().zip(&case.initial.depth_m).map(off).fold(0.0, f64::max);
        println!("lake, datum {datum_m} m: {fastest:.1e} m/s, {moved:.1e} m after {} steps", pair.gpu.tick());
        assert!(fastest <= 2e-5 && moved <= 2e-5);
    }
}

#[test]
fn stoker() {
    let Some(pair) = agree("stoker", &cases::channel(1.0), 5.0) else { return };
    let row = &pair.gpu.depth_m().unwrap()[2000..3000];
    let exact: Vec<f64> = (0..1000).map(|i| stoker_depth(f64::from(i) - 499.5, 5.0)).collect();
    let error = rel_l1(row, &exact);
    println!("  relL1(h) {error:.2e}");
    assert!(error <= 7e-4 && row.iter().all(|h| *h <= 10.0 + 1e-5));
}

#[test]
fn ritter() {
    let Some(pair) = agree("ritter", &cases::channel(0.0), 20.0) else { return };
    let row = &pair.gpu.depth_m().unwrap()[2000..3000];
    let exact: Vec<f64> = (0..1000).map(|i| cases::ritter_depth(f64::from(i) - 499.5, 20.0)).collect();
    let error = rel_l1(row, &exact);
    println!("  relL1(h) {error:.2e}");
    assert!(error <= 1e-3);
}

#[test]
fn thacker_radial() {
    let (case, period) = (cases::bowl(100), cases::bowl_period());
    let Some(pair) = agree("thacker", &case, period) else { return };
    let error = rel_l1(&pair.gpu.depth_m().unwrap(), &case.initial.depth_m);
    println!("  relL1(h) after one period {error:.2e}");
    assert!(error <= 0.05);
}

#[test]
fn macdonald_with_rain() {
    let case = cases::macdonald();
    let Some(pair) = agree("macdonald", &case, 800.0) else { return };
    let depth = pair.gpu.depth_m().unwrap();
    let exact = &case.initial.depth_m;
    let error = (402..598).map(|k| (f64::from(depth[k]) - exact[k]).powi(2)).sum::<f64>() / 196.0;
    println!("  RMSE(h) to the exact profile {:.2e} m", error.sqrt());
    assert!(error.sqrt() <= 5e-4);
}

#[test]
fn nothing_passes_a_barrier_before_it_is_overtopped() {
    let case = cases::basin();
    let wet: Vec<bool> = case.initial.depth_m.iter().map(|h| *h > 0.0).collect();
    let Some(mut pair) = open(&case) else { return };
    let mut held = false;
    for k in 1..=6 {
        let rmse = pair.advance(40.0 * f64::from(k));
        assert!(rmse <= AGREE_M, "{rmse}");
        let behind = |f: Vec<f32>| f.iter().zip(&wet).filter(|w| !w.1).map(|w| f64::from(*w.0)).sum::<f64>();
        let (gpu, cpu) = (behind(pair.gpu.depth_m().unwrap()), behind(pair.cpu.depth_m()));
        println!("barrier: behind {gpu:.3} m3, on the CPU {cpu:.3}; RMSE {rmse:.1e} m");
        assert_eq!(gpu == 0.0, cpu == 0.0);
        held |= cpu == 0.0;
    }
    assert!(held && pair.gpu.ledger().unwrap().relative_error() <= CLOSE);
}

#[test]
fn buildings_hold() {
    let case = cases::street();
    let Some(pair) = agree("buildings", &case, 30.0) else { return };
    let depth = pair.gpu.depth_m().unwrap();
    assert!(depth.iter().enumerate().all(|(k, h)| k % 120 < 80 || *h == 0.0));
    let first = cases::rmse_where_finite(&pair.gpu.first_wet_s().unwrap(), &pair.cpu.first_wet_s());
    let hazard = cases::rmse(&pair.gpu.max_hazard_m2ps().unwrap(), &pair.cpu.max_hazard_m2ps());
    println!("  first wetting {first:.1e} s, hazard {hazard:.1e} m2/s");
    assert!(first <= 0.05 && hazard <= 0.01);
}

#[test]
fn gates_rain_levels_and_springs_close_the_account() {
    let mut rng = CounterRng::new(5, 1);
    let case = cases::town(&mut rng);
    let Some(mut pair) = open(&case) else { return };
    for k in 1..=8 {
        let rmse = pair.advance(10.0 * f64::from(k));
        let gate = cases::random_gate(&mut rng);
        let forcing = cases::random_forcing(&mut rng);
        let before = pair.gpu.ledger().unwrap();
        pair.gpu.set_barriers(std::slice::from_ref(&gate)).unwrap();
        pair.gpu.set_forcing(forcing.clone()).unwrap();
        assert_eq!(pair.gpu.ledger().unwrap(), before, "moving a gate moves no water");
        pair.cpu.set_barriers(&[gate]).unwrap();
        pair.cpu.set_forcing(forcing).unwrap();
        println!("town: RMSE {rmse:.1e} m");
        assert!(rmse <= AGREE_M);
    }
    let l = pair.gpu.ledger().unwrap();
    println!("town: volume {:.1e}, residue {:.1e} of the inflow", l.relative_error(), l.residue_m3 / l.total_in_m3());
    assert!(l.relative_error() <= CLOSE && l.residue_m3 / l.total_in_m3() <= CLOSE, "{l:?}");
}

#[test]
fn a_stream_enters_and_leaves() {
    let Some(pair) = agree("stream", &cases::stream(), 200.0) else { return };
    let l = pair.gpu.ledger().unwrap();
    assert!(l.point_in_m3 > 100.0 && l.edge_out_m3 > 10.0, "{l:?}");
}

#[test]
fn a_day_of_rain_keeps_time_and_water() {
    let case = cases::pond();
    let Some(mut pair) = open(&case) else { return };
    let day = 86_400.0;
    let stats = pair.gpu.advance_to(day, &CancelToken::new()).unwrap();
    let l = pair.gpu.ledger().unwrap();
    let area = case.terrain.grid.cell_area_m2() * case.terrain.grid.cell_count() as f64;
    // 2 mm/h in the first half of the day, 5 mm/h from then on.
    let exact = 0.084 * area;
    let off = l.rain_in_m3 / exact - 1.0;
    println!("day: {} steps, rain off by {off:.1e}, volume {:.1e}", stats.steps, l.relative_error());
    assert!(pair.gpu.t_s() == day && stats.steps > 1000);
    assert!(off.abs() <= CLOSE && l.relative_error() <= CLOSE, "{l:?}");
}

#[test]
fn a_saved_state_continues_on_either_back_end() {
    let mut rng = CounterRng::new(7, 1);
    let case = cases::town(&mut rng);
    let Some(mut pair) = open(&case) else { return };
    pair.advance(20.0);
    let saved = pair.gpu.save().unwrap();
    let state = FloodState::restore(&saved).unwrap();
    assert_eq!((state.t_s(), state.tick()), (20.0, pair.gpu.tick()));
    pair.cpu.restore(&saved).unwrap();
    assert_eq!(pair.rmse(), 0.0);
    assert!((pair.cpu.ledger().error_m3() - pair.gpu.ledger().unwrap().error_m3()).abs() < 1e-6);
    let on_both = pair.advance(40.0);
    let depth = pair.gpu.depth_m().unwrap();
    pair.gpu.restore(&saved).unwrap();
    let back = pair.advance(40.0);
    println!("restore: {on_both:.1e} m, again {back:.1e} m");
    assert!(on_both <= AGREE_M && pair.gpu.ledger().unwrap().relative_error() <= CLOSE);
    assert_eq!(pair.gpu.depth_m().unwrap(), depth, "a restored run gives the same bits");
    let mut other = Pair::new(&cases::lake(0.0)).unwrap();
    assert!(matches!(other.gpu.restore(&saved), Err(FloodError::Snapshot(_))));
    assert!(other.gpu.restore(&saved[..100]).is_err());
}

#[test]
fn cancel_and_blow_up_are_errors() {
    let Some(mut pair) = open(&cases::channel(1.0)) else { return };
    let token = CancelToken::new();
    token.cancel();
    assert_eq!(pair.gpu.advance_to(1.0, &token), Err(FloodError::Cancelled { t_s: 0.0 }));
    assert!(pair.gpu.advance_to(f64::NAN, &CancelToken::new()).is_err());
    assert!(pair.advance(1.0) <= AGREE_M);
    assert_eq!(pair.gpu.advance_to(1.0, &CancelToken::new()).unwrap().steps, 0);

    let mut wild = cases::channel(1.0);
    wild.initial.velocity_x_mps = vec![900.0; wild.initial.depth_m.len()];
    wild.params.min_dt_s = 0.01;
    let Some(mut pair) = open(&wild) else { return };
    assert!(matches!(pair.gpu.advance_to(1.0, &CancelToken::new()), Err(FloodError::StepTooSmall { .. })));
}

#[test]
fn a_lost_device_is_an_error() {
    let Some(mut pair) = open(&cases::lake(0.0)) else { return };
    pair.gpu.device().0.destroy();
    let e = pair.gpu.advance_to(1.0, &CancelToken::new()).unwrap_err();
    println!("{e}");
    assert!(matches!(e, FloodError::Gpu { .. }));
    assert!(matches!(pair.gpu.depth_m(), Err(FloodError::Gpu { .. })));
}

#[test]
fn bad_inputs_are_named_and_so_is_a_missing_adapter() {
    let case = cases::lake(0.0);
    let new = |initial: &Initial, choice: &AdapterChoice| {
        GpuFlood::new(&case.terrain, vec![], Forcing::default(), case.params, initial, choice).map(|_| ())
    };
    let short = Initial { depth_m: vec![1.0; 8], ..Initial::default() };
    assert!(matches!(new(&short, &AdapterChoice::Fastest), Err(FloodError::Length { .. })));
    let nobody = AdapterChoice::Named("no such adapter".to_owned());
    let e = new(&case.initial, &nobody).unwrap_err().to_string();
    assert!(e.starts_with("no GPU adapter: wanted a name with 'no such adapter'; found: "), "{e}");
}

#[test]
fn what_is_exchanged_is_booked() {
    let Some(mut pair) = open(&cases::street()) else { return };
    pair.advance(5.0);
    let roof = 81;
    let flows = [(20, -5.0), (119, 2.0), (20, 1.5), (roof, 1.0), (9999, 1.0), (21, f64::NAN)];
    let got = pair.gpu.exchange(&flows).unwrap();
    let wanted: Vec<f64> = flows.iter().map(|(c, v)| pair.cpu.exchange(*c, *v)).collect();
    assert!(got.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-5), "{got:?} instead of {wanted:?}");
    let depth = pair.gpu.depth_at_m(&[119, 9999]).unwrap();
    assert!((depth[0] - 2.0).abs() < 1e-6 && depth[1] == 0.0);
    let rmse = pair.advance(15.0);
    let l = pair.gpu.ledger().unwrap();
    let error = l.error_m3().abs() / l.initial_m3;
    println!("exchange: RMSE {rmse:.1e} m, volume {error:.1e}");
    assert!(rmse <= AGREE_M && error <= CLOSE);
    assert!((l.point_in_m3 - pair.cpu.ledger().point_in_m3).abs() < 1e-4, "{l:?}");
}

#[test]
fn columns_collapse_on_steep_ground_without_loss() {
    for seed in 0..4 {
        let case = cases::rubble(seed);
        let Some(mut pair) = open(&case) else { return };
        let rmse = pair.advance(4.0 * case.terrain.grid.dx_m);
        let lowest = pair.gpu.depth_m().unwrap().into_iter().fold(f32::INFINITY, f32::min);
        let l = pair.gpu.ledger().unwrap();
        let residue = l.residue_m3 / l.initial_m3;
        println!("rubble {seed}: RMSE {rmse:.1e} m, volume {:.1e}, residue {residue:.1e}", l.relative_error());
        assert!(rmse <= AGREE_M && lowest >= 0.0 && l.relative_error() <= CLOSE && residue <= CLOSE);
    }
}

/// A device as a renderer would open it.
fn other_device(limits: &Limits) -> Option<(wgpu::Device, wgpu::Queue)> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapter = pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions::default())).ok()?;
    let descriptor = wgpu::DeviceDescriptor { required_limits: limits.clone(), ..Default::default() };
    Some(pollster::block_on(adapter.request_device(&descriptor)).expect("every device has these limits"))
}

/// The limits every device offers leave room for the smaller workgroup only.
#[test]
fn a_renderer_can_share_its_device() {
    let mut case = cases::town(&mut CounterRng::new(9, 1));
    case.structures = vec![cases::random_gate(&mut CounterRng::new(9, 2))].into();
    let Some((device, queue)) = other_device(&Limits::default()) else {
        println!("skipped: no GPU adapter");
        return;
    };
    let Case { terrain, structures, forcing, params, initial } = case.clone();
    let gpu = GpuFlood::from_device(device, queue, &terrain, structures, forcing, params, &initial).unwrap();
    assert!(gpu.state_buffers().contains(gpu.depth_buffer()));
    assert_eq!(gpu.depth_buffer().size(), 16 * 7000);
    let mut pair = Pair { gpu, ..open(&case).unwrap() };
    let rmse = pair.advance(30.0);
    println!("shared device, small workgroups: RMSE {rmse:.1e} m");
    assert!(rmse <= AGREE_M && pair.gpu.ledger().unwrap().relative_error() <= CLOSE);
}

#[test]
fn a_raster_too_large_for_the_device_is_refused() {
    let small = Limits { max_storage_buffer_binding_size: 1 << 16, ..Limits::default() };
    let Some((device, queue)) = other_device(&small) else { return println!("skipped: no GPU adapter") };
    let Case { terrain, forcing, params, initial, .. } = cases::town(&mut CounterRng::new(9, 1));
    let e = GpuFlood::from_device(device, queue, &terrain, vec![], forcing, params, &initial).unwrap_err().to_string();
    assert!(e.contains("the state needs a buffer of"), "{e}");
}

/// Environment Agency benchmark test 4, 5 m, as in the suite of the CPU: minutes on a software adapter.
#[test]
fn ea_test_4_agrees_with_dg2() {
    if std::env::var_os("SANDTABLE_GPU_EA4").is_none() {
        return println!("skipped: takes minutes on a software adapter; set SANDTABLE_GPU_EA4 to run it");
    }
    let root = std::env::var_os("SANDTABLE_SHARED").map(std::path::PathBuf::from).unwrap_or_default();
    let path = root.join("data/flood/ea_test4/dg2_5m_reference.csv");
    let Ok(text) = std::fs::read_to_string(path) else { return println!("skipped: set SANDTABLE_SHARED") };
    let reference: Vec<Vec<f64>> =
        text.lines().filter_map(|l| l.split(',').map(|c| c.trim().parse().ok()).collect()).collect();
    assert!(reference.len() > 10);
    let case = cases::plain();
    let Some(mut pair) = open(&case) else { return };
    let points = [[50.0, 1000.0], [100.0, 1000.0], [200.0, 1000.0], [300.0, 1000.0], [400.0, 1000.0], [300.0, 1300.0]];
    let cells = points.map(|p| case.terrain.grid.cell_at(p).unwrap());
    let (mut sums, mut work) = ([0.0; 6], 0);
    for row in &reference {
        work += pair.gpu.advance_to(row[0], &CancelToken::new()).unwrap().cell_steps;
        for (k, h) in pair.gpu.depth_at_m(&cells).unwrap().into_iter().enumerate() {
            sums[k] += (h - row[k + 1]).powi(2);
        }
    }
    let rmse = sums.map(|s| (s / reference.len() as f64).sqrt());
    let l = pair.gpu.ledger().unwrap();
    println!("EA test 4: {work} cell-steps, RMSE of depth {rmse:.4?} m, volume {:.1e}", l.relative_error());
    for row in &reference {
        pair.cpu.advance_to(row[0], &CancelToken::new()).unwrap();
    }
    println!("EA test 4: RMSE to the CPU {:.1e} m", pair.rmse());
    assert!(rmse.iter().all(|e| *e <= 0.002) && pair.rmse() <= AGREE_M && l.relative_error() <= CLOSE);
}
