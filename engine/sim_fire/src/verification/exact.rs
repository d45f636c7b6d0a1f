//! Cases with exact answers. Set-ups and values are those of CFAST's verification suite (NIST, public domain) where it has one.

use super::{EXACT, VerificationRow, advance, between, builder, closes, methane, outdoors, relative, run, run_with};
use crate::{
    Ambient, CP, Detector, DetectorKind, FireError, FireForcing, FireParams, GAMMA, GRAVITY, Lining, NetworkBuilder,
    R_AIR, Side, Space, Vent, VentKind, ZERO_C, damping_s,
};

/// Air density at 20 °C and 101 325 Pa, kg/m³.
fn rho0() -> f64 {
    101_325.0 / (R_AIR * 293.15)
}

/// basic_tempequilib, …_window, …_window_elevation: 125 m³ at 20 °C in air of 25 °C, gypsum ceiling and walls.
pub fn equilibrium() -> Result<Vec<VerificationRow>, FireError> {
    let name = "equilibrium";
    let source = "CFAST basic_tempequilib(_window(_elevation)): P = P0 T/T0 or 0";
    let mut rows = Vec::new();
    for (what, window) in
        [("sealed", None), ("window 2 m high", Some((1.5, 2.0))), ("window 1 m high", Some((2.0, 1.0)))]
    {
        let mut b = NetworkBuilder::new(Ambient { temperature_c: 25.0, ..Ambient::default() });
        let gypsum = Lining::named("gypsum", 0.016)?;
        let mut space = Space { temperature_c: Some(20.0), ..Space::new(25.0, 5.0, 0.0) };
        (space.ceiling, space.walls) = (Some(gypsum.clone()), Some(gypsum));
        let room = b.space("room", space)?;
        if let Some((bottom, height)) = window {
            let (from, to) = outdoors(room);
            b.vent("window", Vent::wall(from, to, 1.0, bottom, bottom + height))?;
        }
        let mut run = run_with(b.build()?, Vec::new(), Vec::new(), FireParams { dt_s: 2.0, ..FireParams::default() })?;
        advance(&mut run, 18_000.0)?;
        let v = run.view(0, room)?;
        let worst = (v.upper_c - 25.0).abs().max((v.lower_c - 25.0).abs());
        rows.push(VerificationRow::at_most(name, &format!("{what}: temperature error, K"), worst, 0.1, source));
        if window.is_none() {
            rows.push(relative(name, &format!("{what}: pressure"), v.gauge_pa, 1728.21, source));
        } else {
            rows.push(VerificationRow::at_most(name, &format!("{what}: pressure, Pa"), v.gauge_pa.abs(), 0.1, source));
        }
        rows.extend(closes(name, &run)?);
    }
    Ok(rows)
}

/// sealed_test and sealed_test_2_layers: 100 kW in 125 m³ without losses for 900 s (no oxygen limit in the answer).
pub fn sealed_room() -> Result<Vec<VerificationRow>, FireError> {
    let name = "sealed-room";
    let source = "CFAST sealed_test: dP/dt = (γ-1)(Q + m cp Tf)/V, T = PV/(R(m0 + m t))";
    let mut rows = Vec::new();
    for (what, space) in [("one layer", Space::new(25.0, 5.0, 0.0).mixed()), ("two layers", Space::new(25.0, 5.0, 0.0))]
    {
        let mut b = builder();
        let room = b.space("room", space)?;
        let mut fire = methane(room, &[(0.0, 100.0), (1800.0, 100.0)], 0.35);
        fire.lower_oxygen = 0.0;
        let mut run = run(b.build()?, vec![fire])?;
        for t in [120.0, 900.0_f64] {
            advance(&mut run, t)?;
            let v = run.view(0, room)?;
            let fuel = 100.0 / 50_000.0;
            let rate = (GAMMA - 1.0) * (100e3 + fuel * CP * 293.15) / 125.0;
            let pressure = 101_325.0 + rate * t;
            let mean = pressure * 125.0 / (R_AIR * (125.0 * rho0() + fuel * t));
            let mass = v.upper_kg + v.lower_kg;
            let got = (101_325.0 + v.gauge_pa) * 125.0 / (R_AIR * mass);
            rows.push(relative(name, &format!("{what}: pressure rise at {t:.0} s"), v.gauge_pa, rate * t, source));
            rows.push(relative(name, &format!("{what}: mean temperature at {t:.0} s"), got, mean, source));
        }
        rows.extend(closes(name, &run)?);
    }
    Ok(rows)
}

/// ventilation_1: 0.01 m³/s blown into a box with a hole of 1 cm².
pub fn ventilated_box() -> Result<Vec<VerificationRow>, FireError> {
    let name = "ventilated-box";
    let mut b = builder();
    let room = b.space("box", Space::new(25.0, 3.0, 0.0))?;
    let (from, to) = outdoors(room);
    b.vent("hole", Vent::wall(from, to, 0.01, 1.495, 1.505))?;
    let mut fan = Vent::fan(Side::Outside, Side::Space(room), 0.01, 1.5);
    if let VentKind::Fan { cutoff_start_pa, cutoff_end_pa, .. } = &mut fan.kind {
        (*cutoff_start_pa, *cutoff_end_pa) = (1e6, 1.1e6);
    }
    b.vent("fan", fan)?;
    let mut run = run_with(b.build()?, Vec::new(), Vec::new(), FireParams { dt_s: 5.0, ..FireParams::default() })?;
    advance(&mut run, 108_000.0)?;
    // Steady: what comes in as ambient air leaves at the density of the box, which is at 20 °C again.
    let flow = rho0() * 0.01;
    let mut p: f64 = 10_000.0;
    for _ in 0..100 {
        p = (flow / (0.7 * 1e-4)).powi(2) / (2.0 * rho0() * (1.0 + p / 101_325.0));
    }
    let v = run.view(0, room)?;
    let rows = [
        relative(name, "pressure", v.gauge_pa, p, "CFAST ventilation_1: Δp = (m/CA)²/2ρ with the density inside"),
        relative(name, "pressure against CFAST's value", v.gauge_pa, 11_022.0, "CFAST ventilation_1.csv"),
    ];
    Ok(rows.into_iter().chain(closes(name, &run)?).collect())
}

/// ventilation_2: 1 m³/s blown in and sucked out through four rooms in a row, two of them above the others.
pub fn steady_flow_through_rooms() -> Result<Vec<VerificationRow>, FireError> {
    let name = "steady-flow-through-rooms";
    let source = "CFAST ventilation_2: the same flow everywhere, 20 °C; Δp = (m/CA)²/2ρ";
    let mut b = builder();
    let room = |floor| Space::new(16.0, 4.0, floor).mixed();
    let r = [b.space("1", room(0.0))?, b.space("2", room(0.0))?, b.space("3", room(4.0))?, b.space("4", room(4.0))?];
    let (from, to) = between(r[0], r[1]);
    let first = b.vent("1-2", Vent::wall(from, to, 1.0, 1.5, 2.5))?;
    let (from, to) = between(r[1], r[2]);
    let second = b.vent("2-3", Vent::slab(from, to, 1.0, 4.0))?;
    let (from, to) = between(r[2], r[3]);
    let third = b.vent("3-4", Vent::wall(from, to, 1.0, 5.5, 6.5))?;
    b.vent("in", Vent::fan(Side::Outside, Side::Space(r[0]), 1.0, 2.0))?;
    b.vent("out", Vent::fan(Side::Space(r[3]), Side::Outside, 1.0, 6.0))?;
    let mut run = run(b.build()?, Vec::new())?;
    advance(&mut run, 3000.0)?;
    let mut rows = Vec::new();
    for (k, vent) in [first, second, third].into_iter().enumerate() {
        let [there, back] = run.vent_kgps(0, vent)?;
        rows.push(relative(name, &format!("flow through vent {}", k + 1), there - back, rho0(), source));
    }
    let step = (rho0() / 0.7_f64).powi(2) / (2.0 * rho0());
    let drop = run.view(0, r[0])?.gauge_pa - run.view(0, r[1])?.gauge_pa;
    rows.push(relative(name, "fall of pressure across the first", drop, step, source));
    let warm = r.iter().map(|s| run.view(0, *s).map(|v| (v.upper_c - 20.0).abs()));
    let worst = warm.collect::<Result<Vec<_>, _>>()?.into_iter().fold(0.0, f64::max);
    rows.push(VerificationRow::at_most(name, "temperature error, K", worst, 0.1, source));
    rows.extend(closes(name, &run)?);
    Ok(rows)
}

/// ventilation_3: a room is pumped up for 15 s, then opened step by step to three more and at last to the air outside.
pub fn ventilation_stages() -> Result<Vec<VerificationRow>, FireError> {
    let name = "ventilation-stages";
    let source = "CFAST ventilation_3: dP/dt = γ P0 q/V while pumped; equal shares of energy as rooms join";
    let mut b = NetworkBuilder::new(Ambient { pressure_pa: 101_300.0, ..Ambient::default() });
    let room = |floor| Space::new(16.0, 4.0, floor).mixed();
    let r = [b.space("1", room(0.0))?, b.space("2", room(0.0))?, b.space("3", room(4.0))?, b.space("4", room(4.0))?];
    let (from, to) = between(r[0], r[1]);
    b.vent("1-2", Vent::wall(from, to, 1.0, 0.0, 2.0).opening(&[(200.0, 0.0), (201.0, 1.0)]))?;
    let (from, to) = between(r[1], r[2]);
    b.vent("2-3", Vent::slab(from, to, 3.0, 4.0).opening(&[(500.0, 0.0), (501.0, 1.0)]))?;
    let (from, to) = between(r[2], r[3]);
    b.vent("3-4", Vent::wall(from, to, 1.0, 4.0, 7.0).opening(&[(700.0, 0.0), (701.0, 1.0)]))?;
    b.vent("roof", Vent::slab(Side::Space(r[3]), Side::Outside, 4.0, 8.0).opening(&[(1000.0, 0.0), (1001.0, 1.0)]))?;
    let mut fan = Vent::fan(Side::Outside, Side::Space(r[0]), 1.0, 2.0).opening(&[(15.0, 1.0), (16.0, 0.0)]);
    if let VentKind::Fan { cutoff_start_pa, cutoff_end_pa, .. } = &mut fan.kind {
        (*cutoff_start_pa, *cutoff_end_pa) = (1e6, 1.1e6);
    }
    b.vent("fan", fan)?;
    let mut run = run(b.build()?, Vec::new())?;
    // 15.5 m³ of outer air in 64 m³: ΔP = γ P0 15.5/64; T = (P V)/(R m).
    let rise = GAMMA * 101_300.0 * 15.5 / 64.0;
    let hot = 293.15 * (101_300.0 + rise) / 101_300.0 / (1.0 + 15.5 / 64.0) - ZERO_C;
    let mut rows = Vec::new();
    advance(&mut run, 190.0)?;
    let v = run.view(0, r[0])?;
    rows.push(relative(name, "pressure when pumped", v.gauge_pa, rise, source));
    rows.push(relative(name, "temperature when pumped, °C", v.upper_c, hot, source));
    for (t, rooms) in [(490.0, 2.0), (690.0, 3.0), (990.0, 4.0)] {
        advance(&mut run, t)?;
        rows.push(relative(
            name,
            &format!("pressure over {rooms} rooms"),
            run.view(0, r[0])?.gauge_pa,
            rise / rooms,
            source,
        ));
    }
    advance(&mut run, 1500.0)?;
    let last = run.view(0, r[0])?.gauge_pa.abs();
    rows.push(VerificationRow::at_most(name, "pressure with the roof open, Pa", last, 1.0, source));
    rows.extend(closes(name, &run)?);
    Ok(rows)
}

/// VVent_Tests: 0.1 m³/s through three rooms one above the other, up, down and both.
pub fn slab_vents() -> Result<Vec<VerificationRow>, FireError> {
    let name = "slab-vents";
    let source = "CFAST VVent_Tests: flow in = flow out = 0.1195 kg/s at each vent (ρ q)";
    let mut rows = Vec::new();
    for (what, into, top, bottom) in [("up", 0, true, false), ("down", 2, false, true), ("both", 1, true, true)] {
        let mut b = builder();
        let mut r = Vec::new();
        for k in 0..3 {
            r.push(b.space(&format!("room {k}"), Space::new(25.0, 5.0, 5.0 * f64::from(k)))?);
        }
        let mut vents = Vec::new();
        for k in 0..2 {
            let (from, to) = between(r[k], r[k + 1]);
            vents.push(b.vent(&format!("slab {k}"), Vent::slab(from, to, 0.25, 5.0 * (k + 1) as f64))?);
        }
        let roof = Vent::slab(Side::Space(r[2]), Side::Outside, 0.25, 15.0);
        let ground = Vent::slab(Side::Outside, Side::Space(r[0]), 0.25, 0.0);
        let roof = if top { Some(b.vent("roof", roof)?) } else { None };
        let ground = if bottom { Some(b.vent("ground", ground)?) } else { None };
        b.vent("fan", Vent::fan(Side::Outside, Side::Space(r[into]), 0.1, 5.0 * into as f64 + 2.5))?;
        let mut run = run(b.build()?, Vec::new())?;
        advance(&mut run, 300.0)?;
        let mut out = 0.0;
        for vent in roof.into_iter().chain(ground) {
            let [up, down] = run.vent_kgps(0, vent)?;
            out += (up - down).abs();
        }
        rows.push(relative(name, &format!("{what}: leaves"), out, 0.1 * rho0(), source));
        if what != "both" {
            for vent in vents {
                let [up, down] = run.vent_kgps(0, vent)?;
                rows.push(relative(name, &format!("{what}: between rooms"), (up - down).abs(), 0.1 * rho0(), source));
            }
        }
        rows.extend(closes(name, &run)?);
    }
    Ok(rows)
}

/// Leakage_1 and _2: 0.01 m³/s into a cube of 1 m³ with leaks of 1 % of its walls, of its floor.
pub fn leakage() -> Result<Vec<VerificationRow>, FireError> {
    let name = "leakage";
    let source = "CFAST Leakage_1, _2: Δp = (q/CA)² ρ/2; 1.22 Pa through the floor";
    let mut rows = Vec::new();
    for (what, area) in [("walls", 0.04), ("floor", 0.01)] {
        let mut b = builder();
        let room = b.space("cube", Space::new(1.0, 1.0, 0.0).mixed())?;
        let leak = if what == "walls" {
            b.leak("leak", room, area)?
        } else {
            b.vent("leak", Vent::slab(Side::Outside, Side::Space(room), area, 0.0))?
        };
        b.vent("fan", Vent::fan(Side::Outside, Side::Space(room), 0.01, 0.5).opening(&[(0.0, 0.0), (1.0, 1.0)]))?;
        let mut run = run(b.build()?, Vec::new())?;
        advance(&mut run, 890.0)?;
        let [there, back] = run.vent_kgps(0, leak)?;
        let exact = (0.01 / (0.7 * area)).powi(2) * rho0() / 2.0;
        rows.push(relative(name, &format!("{what}: pressure"), run.view(0, room)?.gauge_pa, exact, source));
        rows.push(relative(name, &format!("{what}: flow"), (there - back).abs(), 0.01 * rho0(), source));
    }
    Ok(rows)
}

/// Wind on one side of two rooms in a row with unlike openings.
pub fn wind_through_rooms() -> Result<Vec<VerificationRow>, FireError> {
    let name = "wind-through-rooms";
    let source = "orifices in a row: q = C √(2 Δp/ρ) / √(Σ 1/A²)";
    let mut b = builder();
    let r = [b.space("windward", Space::new(20.0, 3.0, 0.0))?, b.space("lee", Space::new(20.0, 3.0, 0.0))?];
    let areas = [1.2, 0.5, 0.8];
    let side = |k: usize| Side::Space(r[k]);
    let mut front = Vent::wall(Side::Outside, side(0), areas[0], 1.0, 2.0);
    front.wind_cp = 0.7;
    let mut back = Vent::wall(side(1), Side::Outside, areas[2], 1.0, 2.0);
    back.wind_cp = -0.3;
    let vent = b.vent("front", front)?;
    b.vent("middle", Vent::wall(side(0), side(1), areas[1], 1.0, 2.0))?;
    b.vent("back", back)?;
    let mut run = run(b.build()?, Vec::new())?;
    run.set_forcing(FireForcing::wind(8.0))?;
    advance(&mut run, 120.0)?;
    let row: f64 = areas.iter().map(|a| 1.0 / (a * a)).sum();
    let exact = 0.7 * (2.0 * 0.6 * 64.0 * rho0() / row).sqrt();
    let [there, out] = run.vent_kgps(0, vent)?;
    Ok(vec![relative(name, "mass flow", there - out, exact, source)])
}

/// A shaft at 40 °C with small equal openings at foot and head, 30 m apart.
pub fn stack_effect() -> Result<Vec<VerificationRow>, FireError> {
    let name = "stack-effect";
    let source = "ΔP(z) = (ρ0 - ρs) g (z - zn); without heat the volumes in and out agree (after FDS stack_effect)";
    let mut b = builder();
    let mut r = Vec::new();
    // Walls that hold the temperature: thin steel with air of 40 °C behind would cool; a warm start and a short run do.
    for k in 0..10 {
        let shaft = Space { temperature_c: Some(40.0), ..Space::new(10.0, 3.0, 3.0 * f64::from(k)).mixed() };
        r.push(b.space(&format!("storey {k}"), shaft)?);
    }
    for k in 0..9 {
        let (from, to) = between(r[k], r[k + 1]);
        b.vent(&format!("well {k}"), Vent::slab(from, to, 10.0, 3.0 * (k + 1) as f64))?;
    }
    let (from, to) = outdoors(r[0]);
    let foot = b.vent("foot", Vent::wall(from, to, 0.02, 0.0, 0.1))?;
    let (from, to) = outdoors(r[9]);
    let head = b.vent("head", Vent::wall(from, to, 0.02, 29.9, 30.0))?;
    let mut run = run(b.build()?, Vec::new())?;
    advance(&mut run, 60.0)?;
    let [out_low, in_low] = run.vent_kgps(0, foot)?;
    let [out_high, in_high] = run.vent_kgps(0, head)?;
    let density = |t: f64| 101_325.0 / (R_AIR * t);
    let (cold, hot) = (density(293.15), density(313.15));
    // The neutral plane shares the drive so that the volumes agree: p1/ρ0 = p2/ρs over equal openings.
    let drive = (cold - hot) * GRAVITY * 29.9;
    let foot_pa = drive * cold / (cold + hot);
    let exact = 0.7 * 0.002 * (2.0 * cold * foot_pa).sqrt();
    let differ = (in_low / cold - out_high / hot).abs() / (in_low / cold);
    let gauge = -run.view(0, r[0])?.gauge_pa;
    Ok(vec![
        relative(name, "pressure at the foot", gauge, foot_pa + (cold - hot) * GRAVITY * 0.05, source),
        relative(name, "mass flow in at the foot", in_low - out_low, exact, source),
        VerificationRow::at_most(name, "volume in against out, relative", differ + in_high + out_low, EXACT, source),
    ])
}

/// sprinkler_1: 10 kW in 64 m³; link temperature by its own equation from the jet our run gives, damping after it opens.
pub fn sprinkler() -> Result<Vec<VerificationRow>, FireError> {
    let name = "sprinkler";
    let source = "CFAST sprinkler_1: RTI equation; Madrzykowski & Vettori 1992: e^(-(t-ta)/τ), τ = 3 w^-1.8";
    let mut b = builder();
    let room = b.space("room", Space::new(16.0, 4.0, 0.0))?;
    let fire = crate::Fire { area_m2: 0.09, ..methane(room, &[(0.0, 10.0), (5000.0, 10.0)], 0.5) };
    let kind = DetectorKind::Sprinkler { set_c: 40.0, rti: 100.0, spray_mps: 7e-5 };
    let head = Detector { name: "sprinkler".into(), space: room, kind, distance_m: 0.0 };
    let mut run = run_with(b.build()?, vec![fire], vec![head], FireParams::default())?;
    let mut alarm = None;
    let mut t = 0.0;
    while alarm.is_none() && t < 3000.0 {
        t += 0.5;
        advance(&mut run, t)?;
        alarm = run.alarms_s(0)?[0];
    }
    let alarm = alarm.unwrap_or(f64::NAN);
    advance(&mut run, alarm + 200.0)?;
    let tau = damping_s(7e-5);
    let heat = run.heat_kw(0)?[0];
    Ok(vec![
        VerificationRow::at_most(name, "opens at, s", alarm, 1500.0, source),
        relative(name, "heat release 200 s later", heat, 10.0 * (-200.25_f64 / tau).exp(), source),
    ])
}
