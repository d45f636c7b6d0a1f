//! Smoke, gas and heat against closed forms.

use super::case::VerificationCase;
use super::scenes::{open_run, watch};
use crate::hazard::{convective_per_min, iso_13571_per_min, radiant_per_min};
use crate::{
    CrowdEdit, CrowdError, CrowdForcing, CrowdParams, CrowdRun, DestinationClass, LayerSpec, Person, SmokeLaw,
    WorldBuilder,
};
use sim_core::{Air, CancelToken};

fn clean() -> Air {
    Air { co2_percent: 0.0, ..Air::CLEAN }
}

/// Time of one person through 100 m of smoke.
fn smoky_corridor(k: f32, law: SmokeLaw) -> Result<f64, CrowdError> {
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let room = w.layer(&LayerSpec::rectangle("corridor", [0.0, 0.0], [101.0, 2.0]))?;
    w.door("end", (room, [[101.0, 0.0], [101.0, 2.0]]), None)?;
    let params = CrowdParams { smoke_law: law, ..CrowdParams::default() };
    let mut run = CrowdRun::new(w.build()?, vec![DestinationClass::default()], params, CrowdForcing::default())?;
    run.apply(&CrowdEdit::SetAir { layer: room, air: Air { extinction_per_m: k, ..clean() } })?;
    run.enter(&Person::new(room, [1.0, 1.0], 1.25))?;
    run.advance_to(2000.0, &CancelToken::new())?;
    Ok(run.departures().first().map_or(f64::NAN, |d| d.t_s))
}

pub(super) fn table_21(case: &mut VerificationCase) -> Result<(), CrowdError> {
    for k in [0.5_f64, 1.0, 3.0, 7.5, 10.0] {
        let exact = 100.0 / (1.25 * (1.0 - 0.0807 * k).max(0.1));
        let t = smoky_corridor(k as f32, SmokeLaw::Lund)?;
        case.at_most(
            &format!("Lund, K {k}: |t - {exact:.1} s|/t"),
            (t / exact - 1.0).abs(),
            0.01,
            "ISO 20414 table 21 (through pyFDS-Evac)",
        );
        let speed = (1.25 - 0.34 * (3.0 - 2.0 / k)).clamp(0.2, 1.25);
        let t = smoky_corridor(k as f32, SmokeLaw::Fridolf)?;
        case.at_most(
            &format!("Fridolf, K {k}: |t - {:.1} s|/t", 100.0 / speed),
            (t * speed / 100.0 - 1.0).abs(),
            0.01,
            "Fridolf et al.",
        );
    }
    Ok(())
}

/// Time at which a still person in a room of that air can no longer walk, from the simulation.
fn stops_after(air: Air, iso_13571: bool) -> Result<f64, CrowdError> {
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let room = w.layer(&LayerSpec::rectangle("room", [0.0, 0.0], [10.0, 10.0]))?;
    w.door("exit", (room, [[10.0, 4.5], [10.0, 5.5]]), None)?;
    let params = CrowdParams { iso_13571, ..CrowdParams::default() };
    let mut run = CrowdRun::new(w.build()?, vec![DestinationClass::default()], params, CrowdForcing::default())?;
    run.apply(&CrowdEdit::SetAir { layer: room, air })?;
    run.enter(&Person { start_s: 1e5, ..Person::new(room, [5.0, 5.0], 1.0) })?;
    watch(&mut run, 8000.0, |_| {});
    Ok(if run.balance().stopped == 1 { run.t_s() } else { f64::NAN })
}

pub(super) fn table_22(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let co = Air { co_ppm: 1000.0, ..clean() };
    let all = Air { co2_percent: 5.0, o2_percent: 12.0, ..co };
    let cases = [
        ("CO 1000 ppm", co, 1693.0),
        ("CO 1000 ppm, CO2 5 %", Air { co2_percent: 5.0, ..co }, 628.0),
        ("O2 12 %", Air { o2_percent: 12.0, ..clean() }, 1666.0),
        ("all three", all, 456.0),
    ];
    for (name, air, exact) in cases {
        let t = stops_after(air, false)?;
        case.at_most(
            &format!("{name}: |t - {exact} s|"),
            (t - exact).abs(),
            1.0,
            "ISO 20414 table 22, Purser's form (through pyFDS-Evac)",
        );
    }
    let hcn = Air { hcn_ppm: 100.0, co_ppm: 1000.0, co2_percent: 5.0, ..clean() };
    let exact = 60.0 / (1000.0 * 1_f64.exp() / 35_000.0 + (100.0 * 1_f64.exp()).powf(2.36) / 1.2e6);
    let t = stops_after(hcn, true)?;
    case.at_most(&format!("ISO 13571: |t - {exact:.1} s|"), (t - exact).abs(), 1.0, "ISO 13571 by hand");
    case.at_most(
        "ISO 13571 rate, relative error",
        (iso_13571_per_min(&hcn) * exact / 60.0 - 1.0).abs(),
        1e-6,
        "ISO 13571 by hand",
    );
    for (t_c, clothed, minutes) in [(80.0, true, 55.3), (80.0, false, 16.9), (120.0, true, 12.8), (120.0, false, 4.3)] {
        let air = Air { temperature_c: t_c, ..clean() };
        let off = (1.0 / convective_per_min(&air, clothed) / minutes - 1.0).abs();
        case.at_most(&format!("heat {t_c} °C, clothed {clothed}: |t - {minutes} min|/t"), off, 0.02, "ISO 13571");
    }
    let radiant = radiant_per_min(&Air { radiant_kwm2: 10.0, ..clean() });
    case.at_most("10 kW/m2, relative error", (radiant / (10_f64.powf(1.9) / 4.2) - 1.0).abs(), 1e-9, "ISO 13571");
    case.at_most(
        "2.4 kW/m2, dose",
        radiant_per_min(&Air { radiant_kwm2: 2.4, ..clean() }),
        0.0,
        "ISO 13571: none below 2.5",
    );
    Ok(())
}

pub(super) fn stopped_people(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let mut w = WorldBuilder::new([0.0, 0.0]);
    let room = w.layer(&LayerSpec::rectangle("room", [0.0, 0.0], [10.0, 4.0]))?;
    w.door("exit", (room, [[10.0, 1.0], [10.0, 3.0]]), None)?;
    let mut run = open_run(w, 1)?;
    run.enter(&Person { start_s: 600.0, ..Person::new(room, [8.0, 2.0], 1.0) })?;
    run.apply(&CrowdEdit::SetAir { layer: room, air: Air { co_ppm: 50_000.0, ..clean() } })?;
    watch(&mut run, 120.0, |_| {});
    case.at_least("stopped by gas", run.balance().stopped as f64, 1.0, "dose above 1");
    run.apply(&CrowdEdit::SetAir { layer: room, air: clean() })?;
    run.enter(&Person::new(room, [1.0, 2.0], 1.2))?;
    let mut nearest = f64::INFINITY;
    let before = run.t_s();
    watch(&mut run, before + 60.0, |r| {
        if r.motions().count() == 2 {
            nearest = nearest.min(super::scenes::least_distance(r));
        }
    });
    case.at_least("least distance of who walks past, m", nearest, 0.28, "an obstacle as wide as a body");
    case.at_least("who walks past leaves", run.balance().left as f64, 1.0, "TN 1822 2.6, extended");
    case.close(&run);
    Ok(())
}
