//! The contract of `sim_core`, hostile input and clear errors.

use proptest::prelude::*;
use sim_core::{CancelToken, Kernel, conformance};
use sim_fire::{
    Ambient, Fire, FireEnsemble, FireForcing, FireKernel, FireParams, FireRun, Fuel, Growth, HeatCurve, Lining,
    Material, Member, Network, NetworkBuilder, Placement, PlumeModel, Side, Space, SpaceId, Vent, VentId, Zones,
};

fn flat() -> Network {
    let mut b = NetworkBuilder::new(Ambient { temperature_c: 8.0, ..Ambient::default() });
    let gypsum = Lining::named("gypsum", 0.016).unwrap();
    let inside = |s: Space| Space { temperature_c: Some(21.0), ..s.lined(&gypsum) };
    let room = b.space("room", inside(Space::new(16.0, 2.6, 3.0))).unwrap();
    let hall = b.space("hall", inside(Space::new(20.0, 2.6, 3.0))).unwrap();
    let stair = b.space("stair", inside(Space::new(12.0, 3.0, 3.0)).mixed()).unwrap();
    let up = b.space("stair up", inside(Space::new(12.0, 3.0, 6.0)).mixed()).unwrap();
    let s = Side::Space;
    b.vent("room door", Vent::wall(s(room), s(hall), 0.9, 3.0, 5.0)).unwrap();
    b.vent("flat door", Vent::wall(s(hall), s(stair), 0.9, 3.0, 5.0).opening(&[(30.0, 0.02), (40.0, 1.0)])).unwrap();
    b.vent("well", Vent::slab(s(stair), s(up), 5.0, 6.0)).unwrap();
    b.vent("window", Vent::wall(s(room), Side::Outside, 1.0, 3.9, 5.0).opening(&[(0.0, 0.1)])).unwrap();
    b.vent("roof", Vent::slab(s(up), Side::Outside, 0.4, 9.0)).unwrap();
    b.vent("fan", Vent::fan(Side::Outside, s(hall), 0.05, 4.0)).unwrap();
    b.build().unwrap()
}

fn sofa(k: u32) -> Member {
    let growth = [Growth::Medium, Growth::Fast, Growth::Ultrafast][(k % 3) as usize];
    let fire = Fire::growing("sofa", SpaceId(k % 2), growth, 800.0, Fuel::POLYURETHANE);
    Member { fires: vec![fire], openings: vec![(VentId(0), vec![(f64::from(k), 1.0), (60.0, 0.3)])] }
}

fn setup<const L: usize>() -> conformance::Setup<FireKernel<L>> {
    let kernel = FireKernel::<L>::new(flat(), (0..L as u32).map(sofa).collect(), Vec::new()).unwrap();
    let state = kernel.initial_state();
    conformance::Setup { kernel, params: FireParams::default(), forcing: FireForcing::wind(4.0), state }
}

#[test]
fn the_kernel_keeps_its_contract() {
    conformance::repeatable(setup::<1>, 120).unwrap();
    conformance::repeatable(setup::<8>, 120).unwrap();
    conformance::restore_continues(setup::<1>, 60, 60).unwrap();
    conformance::restore_continues(setup::<8>, 60, 60).unwrap();
    let mut s = setup::<8>();
    s.run(10);
    let saved = sim_core::Snapshot::save(&s.state);
    conformance::damage_is_refused::<<FireKernel<8> as Kernel>::State>(&saved, 64).unwrap();
}

/// A second fire of another fuel that never burns makes the run keep every species by itself: the same numbers.
#[test]
fn products_in_their_proportions_give_every_species() {
    let run = |fires: Vec<Fire>| {
        let member = Member { fires, openings: vec![(VentId(0), vec![(10.0, 1.0), (60.0, 0.3)])] };
        let mut run = FireRun::new(flat(), vec![member], Vec::new(), FireParams::default()).unwrap();
        run.advance_to(240.0, &CancelToken::new()).unwrap();
        run
    };
    let fuel = Fuel { co_yield: 0.04, trace_yield: 0.01, ..Fuel::POLYURETHANE };
    let sofa = Fire::growing("sofa", SpaceId(0), Growth::Ultrafast, 5000.0, fuel);
    let never = Fire::new("never", SpaceId(1), HeatCurve::Table(Vec::new()));
    let (lean, full) = (run(vec![sofa.clone()]), run(vec![sofa, never]));
    for k in 0..4 {
        let (a, b) = (lean.view(0, SpaceId(k)).unwrap(), full.view(0, SpaceId(k)).unwrap());
        assert!((a.upper_c - b.upper_c).abs() < 1e-6 * b.upper_c, "{} {}", a.upper_c, b.upper_c);
        for (x, y) in a.upper_species_kg.iter().zip(b.upper_species_kg) {
            assert!((x - y).abs() < 1e-8 * (y.abs() + 1e-3), "{:?} {:?}", a.upper_species_kg, b.upper_species_kg);
        }
    }
    let fuel = sim_fire::Species::Fuel as usize;
    assert!(lean.view(0, SpaceId(0)).unwrap().upper_species_kg[fuel] > 0.01, "some fuel must be left over");
    assert!(lean.clone().load(&full.save()).is_err(), "another meaning of the same numbers is refused");
}

/// Digest of a fixed run; the same on every machine, for powers and roots are libm's or our own.
#[test]
fn the_digest_is_known() {
    let mut s = setup::<8>();
    s.run(200);
    let mut one = setup::<1>();
    one.run(200);
    let sums = [sim_core::Snapshot::checksum(&s.state), sim_core::Snapshot::checksum(&one.state)];
    assert_eq!(sums.map(|x| format!("{x:016x}")), DIGESTS, "the numbers have changed; say so in the change log");
}

const DIGESTS: [&str; 2] = ["bbe6321b961d612b", "9f9927b83824dc59"];

#[cfg(feature = "parallel")]
#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let members = (0..29).map(sofa).collect();
            let mut run = FireEnsemble::new(flat(), members, Vec::new(), FireParams::default()).unwrap();
            run.advance_to(60.0, &CancelToken::new()).unwrap();
            run.checksum()
        })
    };
    conformance::threads_agree(run, &[1, 2, 4]).unwrap();
}

#[test]
fn a_snapshot_of_another_network_is_refused() {
    let mut b = NetworkBuilder::new(Ambient::default());
    b.space("room", Space::new(16.0, 2.6, 0.0)).unwrap();
    let other = FireRun::new(b.build().unwrap(), vec![sofa(0)], Vec::new(), FireParams::default());
    assert!(other.is_err(), "the sofa's door is not there");
    let mut run = FireRun::new(flat(), vec![sofa(0)], Vec::new(), FireParams::default()).unwrap();
    let two = FireRun::new(flat(), vec![sofa(0), sofa(1)], Vec::new(), FireParams::default()).unwrap();
    assert!(run.load(&two.save()).is_err());
    assert!(run.load(&run.save()[..40]).is_err());
    let saved = run.save();
    run.load(&saved).unwrap();
}

#[test]
fn a_cancel_is_heard() {
    let mut run = FireRun::new(flat(), vec![sofa(0)], Vec::new(), FireParams::default()).unwrap();
    let cancel = CancelToken::new();
    cancel.cancel();
    assert_eq!(run.advance_to(10.0, &cancel).unwrap_err().to_string(), "cancelled at t = 0.000 s");
}

#[test]
fn errors_name_the_element_the_value_and_the_range() {
    let refuse = |fire: Fire| {
        let made = FireRun::new(flat(), vec![Member::with_fire(fire)], Vec::new(), FireParams::default());
        made.unwrap_err().to_string()
    };
    let base = || Fire::growing("sofa", SpaceId(0), Growth::Fast, 500.0, Fuel::WOOD);
    let curve = HeatCurve::Squared { alpha_kwps2: -0.01, peak_kw: 1.0, start_s: 0.0 };
    assert_eq!(refuse(Fire { curve, ..base() }), "fire `sofa`: alpha_kwps2 = -0.01; allowed: 0 to 10");
    assert_eq!(refuse(Fire { space: SpaceId(9), ..base() }), "fire `sofa`: space = 9; allowed: below 4");
    let fuel = Fuel { soot_yield: 0.79, ..Fuel::WOOD };
    assert!(refuse(Fire { fuel, ..base() }).starts_with("fire `sofa`: fuel (yields beyond its carbon or hydrogen)"));
    let unknown = Material::named("cheese").unwrap_err().to_string();
    assert!(unknown.starts_with("material `cheese`: name = cheese; allowed: concrete, brick"), "{unknown}");
    let mut b = NetworkBuilder::new(Ambient::default());
    let flat_room = b.space("attic", Space::new(12.0, 0.0, 0.0)).unwrap_err().to_string();
    assert_eq!(flat_room, "space `attic`: height_m = 0; allowed: 0.2 to 200");
    let room = b.space("room", Space::new(12.0, 2.5, 0.0)).unwrap();
    let door = Vent::wall(Side::Space(room), Side::Space(SpaceId(7)), 0.9, 0.0, 2.0);
    assert_eq!(b.vent("door", door).unwrap_err().to_string(), "vent `door`: space = 7; allowed: 0 to 0");
    let odd = FireParams { dt_s: 60.0, ..FireParams::default() };
    let long = FireRun::new(b.build().unwrap(), vec![Member::default()], Vec::new(), odd).unwrap_err();
    assert_eq!(long.to_string(), "dt_s = 60 s; allowed: 0.01 to 5");
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => 0.0_f64..4.0,
        2 => -1.0_f64..300.0,
        1 => prop_oneof![Just(0.0), Just(f64::NAN), Just(f64::INFINITY), Just(-1e300), Just(1e-300), Just(5e3)],
    ]
}

fn space() -> impl Strategy<Value = Space> {
    (number(), number(), number(), any::<bool>(), 0_usize..5, 0.0_f64..0.5, number()).prop_map(
        |(area, height, floor, mixed, lining, thickness, temperature)| {
            let mut s = Space::new(area * 8.0, height, floor);
            if let Some(l) =
                ["gypsum", "steel", "glass", "brick"].get(lining).and_then(|m| Lining::named(m, thickness).ok())
            {
                s = s.lined(&l);
            }
            s.temperature_c = Some(temperature.abs().min(250.0));
            Space { zones: if mixed { Zones::One } else { Zones::Two }, ..s }
        },
    )
}

fn vent() -> impl Strategy<Value = Vent> {
    let side = || prop_oneof![(0_u32..5).prop_map(|k| Side::Space(SpaceId(k))), Just(Side::Outside)];
    (side(), side(), 0_u8..3, number(), number(), number(), -1.0_f64..1.0, any::<bool>()).prop_map(
        |(from, to, kind, a, b, c, wind_cp, seamless)| {
            let v = match kind {
                0 => Vent::wall(from, to, a, b, b + c),
                1 => Vent::slab(from, to, a * 4.0, b),
                _ => Vent::fan(from, to, a, b),
            };
            Vent { wind_cp, seamless, ..v }.opening(&[(0.0, 1.0), (c.abs().min(1e3), 0.5)])
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever is put in: an error or a run that stays finite and keeps its accounts.
    #[test]
    fn any_network_runs_or_is_refused(
        spaces in proptest::collection::vec(space(), 1..5),
        vents in proptest::collection::vec(vent(), 0..9),
        fire in (0_u32..5, number(), number(), number(), 0_u8..4),
        wind in 0.0_f64..30.0,
        dt_s in 0.05_f64..4.0,
    ) {
        let mut b = NetworkBuilder::new(Ambient { humidity: 0.01, ..Ambient::default() });
        let made = spaces.into_iter().filter_map(|s| b.space("s", s).ok()).count();
        let kept = vents.into_iter().filter_map(|v| b.vent("v", v).ok()).count();
        let Ok(network) = b.build() else {
            prop_assert_eq!(made, 0);
            return Ok(());
        };
        let curve = HeatCurve::Table(vec![(0.0, fire.1 * 500.0), (20.0, fire.2 * 900.0)]);
        let placement = [Placement::Open, Placement::Wall, Placement::Corner, Placement::Walls(0.1, 0.3)][fire.4 as usize];
        let plume = if fire.4 % 2 == 0 { PlumeModel::Heskestad } else { PlumeModel::Mccaffrey };
        let f = Fire { placement, plume, height_m: fire.3, fuel: Fuel::POLYURETHANE, ..Fire::new("f", SpaceId(fire.0), curve) };
        let Ok(mut run) = FireRun::new(network, vec![Member::with_fire(f)], Vec::new(), FireParams { dt_s, ..FireParams::default() })
        else { return Ok(()) };
        run.set_forcing(FireForcing::wind(wind)).unwrap();
        run.advance_to(40.0, &CancelToken::new()).unwrap();
        for k in 0..made as u32 {
            let v = run.view(0, SpaceId(k)).unwrap();
            for x in [v.upper_c, v.lower_c, v.interface_m, v.gauge_pa, v.upper_kg, v.lower_kg] {
                prop_assert!(x.is_finite(), "{v:?}");
            }
            prop_assert!(v.upper_kg > 0.0 && v.lower_kg > 0.0, "{v:?}");
            prop_assert!(v.upper_c > -273.15 && v.lower_c > -273.15, "{v:?}");
            let air = run.air(0, SpaceId(k), 1.6).unwrap();
            prop_assert!(air.extinction_per_m >= -1e-6 && air.o2_percent > -1e-6, "{air:?}");
        }
        let c = run.closure(0).unwrap();
        prop_assert!(c.mass < 1e-10 && c.energy < 1e-8, "{c:?} after {kept} vents");
    }
}
