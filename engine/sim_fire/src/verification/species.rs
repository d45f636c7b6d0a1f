//! Masses of combustion products and traces, against CFAST's verification suite (NIST, public domain).

use super::{EXACT, VerificationRow, advance, between, builder, closes, methane, relative, run, run_with};
use crate::{
    Fire, FireError, FireParams, FireRun, Fuel, HeatCurve, Lining, Side, Space, SpaceId, Species, Vent, VentKind,
};

/// Mass of a species in some spaces.
fn mass(run: &FireRun, spaces: &[SpaceId], species: Species) -> Result<f64, FireError> {
    let mut sum = 0.0;
    for s in spaces {
        let v = run.view(0, *s)?;
        sum += v.upper_species_kg[species as usize] + v.lower_species_kg[species as usize];
    }
    Ok(sum)
}

/// 1 kW for five minutes with ramps of 30 s: 330 kJ.
const RAMP: [(f64, f64); 4] = [(0.0, 0.0), (30.0, 1.0), (330.0, 1.0), (360.0, 0.0)];

/// species_mass_1 to _4: 330 kJ of methane in one room, two by a door, two by a slab, four opened one after the other.
pub fn mass_in_rooms() -> Result<Vec<VerificationRow>, FireError> {
    let name = "mass-in-rooms";
    let source = "CFAST species_mass_1..4: 0.0066 kg of CH4 give 0.01811 kg CO2 and 0.01482 kg H2O";
    let (co2, water) = (0.018_106_6, 0.014_823_7);
    let mut rows = Vec::new();
    for what in ["one room", "two by a door", "two by a slab"] {
        let mut b = builder();
        let list = match what {
            "one room" => vec![b.space("1", Space::new(15.0, 6.0, 0.0))?],
            "two by a door" => {
                let r = vec![b.space("1", Space::new(10.0, 8.0, 0.0))?, b.space("2", Space::new(15.0, 8.0, 0.0))?];
                let (from, to) = between(r[0], r[1]);
                b.vent("door", Vent::wall(from, to, 1.0, 0.0, 6.0))?;
                r
            }
            _ => {
                let r = vec![b.space("1", Space::new(45.0, 4.0, 0.0))?, b.space("2", Space::new(45.0, 2.0, 4.0))?];
                let (from, to) = between(r[0], r[1]);
                b.vent("hole", Vent::slab(from, to, 4.0, 4.0))?;
                r
            }
        };
        let outer = builder_start(&list, &b);
        let mut run = run(b.build()?, vec![Fire { area_m2: 0.07069, ..methane(list[0], &RAMP, 0.35) }])?;
        advance(&mut run, 2000.0)?;
        let got = mass(&run, &list, Species::CarbonDioxide)? - outer;
        rows.push(relative(name, &format!("{what}: CO2"), got, co2, source));
        rows.push(relative(name, &format!("{what}: H2O"), mass(&run, &list, Species::Water)?, water, source));
        rows.extend(closes(name, &run)?);
    }
    rows.extend(four_rooms(co2, water, source)?);
    Ok(rows)
}

/// Carbon dioxide of clean air in spaces of the builder, kg.
fn builder_start(list: &[SpaceId], b: &crate::NetworkBuilder) -> f64 {
    let network = b.clone().build();
    let y = crate::Ambient::default().mass_fractions()[Species::CarbonDioxide as usize];
    let density = 101_325.0 / (crate::R_AIR * 293.15);
    let volume: f64 =
        network.iter().flat_map(|n| list.iter().map(|s| &n.spaces()[s.at()])).map(|s| s.area_m2 * s.height_m).sum();
    y * density * volume
}

fn four_rooms(co2: f64, water: f64, source: &str) -> Result<Vec<VerificationRow>, FireError> {
    let name = "mass-in-rooms";
    let mut b = builder();
    let room = |floor| Space::new(16.0, 4.0, floor).mixed();
    let r = [b.space("1", room(0.0))?, b.space("2", room(0.0))?, b.space("3", room(4.0))?, b.space("4", room(4.0))?];
    let opens = |t: f64| [(t, 0.0), (t + 1.0, 1.0)];
    let (from, to) = between(r[0], r[1]);
    b.vent("1-2", Vent::wall(from, to, 4.0, 0.0, 4.0).opening(&opens(1000.0)))?;
    let (from, to) = between(r[1], r[2]);
    b.vent("2-3", Vent::slab(from, to, 16.0, 4.0).opening(&opens(2500.0)))?;
    let (from, to) = between(r[2], r[3]);
    b.vent("3-4", Vent::wall(from, to, 4.0, 4.0, 8.0).opening(&opens(5000.0)))?;
    b.vent("roof", Vent::slab(Side::Space(r[3]), Side::Outside, 16.0, 8.0).opening(&opens(7500.0)))?;
    let mut run = run(b.build()?, vec![Fire { area_m2: 0.07069, ..methane(r[0], &RAMP, 0.0) }])?;
    let mut rows = Vec::new();
    let density = 101_325.0 / (crate::R_AIR * 293.15);
    let clean = crate::Ambient::default().mass_fractions()[Species::CarbonDioxide as usize] * density * 64.0;
    advance(&mut run, 400.0)?;
    // 330 kJ and their fuel in 64 m³: 2.075 kPa and 5.94 K in CFAST's sheet.
    rows.push(relative(name, "four rooms: pressure before opening", run.view(0, r[0])?.gauge_pa, 2074.97, source));
    // The most that each room ever holds, in kg of CO2 made and H2O: CFAST's own measure of this case.
    let mut most = [[0.0_f64; 2]; 4];
    for (t, rooms) in [(990.0, 1), (2490.0, 2), (4990.0, 3), (7490.0, 4)] {
        advance(&mut run, t)?;
        let got = mass(&run, &r[..rooms], Species::CarbonDioxide)? - clean * rooms as f64;
        rows.push(relative(name, &format!("four rooms: CO2 in all {rooms} open"), got, co2, source));
        let got = mass(&run, &r[..rooms], Species::Water)?;
        rows.push(relative(name, &format!("four rooms: H2O in all {rooms} open"), got, water, source));
        for (k, room) in r.iter().enumerate() {
            let made = mass(&run, &[*room], Species::CarbonDioxide)? - clean;
            most[k] = [most[k][0].max(made), most[k][1].max(mass(&run, &[*room], Species::Water)?)];
        }
    }
    for (k, held) in most.into_iter().enumerate() {
        let part = 1.0 / (k + 1) as f64;
        let sheet = "CFAST species_mass_4_theoretical.csv, greatest mass per compartment";
        for (what, got, whole) in [("CO2", held[0], co2), ("H2O", held[1], water)] {
            rows.push(relative(name, &format!("four rooms: most {what} in room {}", k + 1), got, whole * part, sheet));
        }
    }
    rows.extend(closes(name, &run)?);
    // Equal shares per room: warm gas below cool gas turns over until both are equally warm, and carries its species with it.
    let shares = r.map(|s| mass(&run, &[s], Species::Water));
    let least = shares.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().fold(f64::INFINITY, f64::min);
    let measure = "four rooms: least share of a room over an equal share";
    rows.push(VerificationRow::at_least(name, measure, least / (water / 4.0), 1.0 - EXACT, source));
    Ok(rows)
}

/// methane_flame_simple: 5 kW for 100 s with ramps of a second.
pub fn methane_flame() -> Result<Vec<VerificationRow>, FireError> {
    let name = "methane-flame";
    let source = "CFAST methane_flame_simple: 0.01 kg of CH4";
    let mut b = builder();
    let room = b.space("room", Space::new(25.0, 5.0, 0.0).mixed())?;
    let fire = Fire { area_m2: 0.09, ..methane(room, &[(0.0, 0.0), (1.0, 5.0), (100.0, 5.0), (101.0, 0.0)], 0.35) };
    let mut run = run(b.build()?, vec![fire])?;
    let l = |run: &FireRun, s: Species| run.ledger(0).map(|l| l.of(s).made.abs());
    advance(&mut run, 200.0)?;
    let mut rows = vec![
        relative(name, "O2 used", l(&run, Species::Oxygen)?, 0.039_895, source),
        relative(name, "CO2 made", l(&run, Species::CarbonDioxide)?, 0.027_434, source),
        relative(name, "H2O made", l(&run, Species::Water)?, 0.022_461, source),
        relative(name, "H2O in the room", mass(&run, &[room], Species::Water)?, 0.022_461, source),
    ];
    rows.extend(closes(name, &run)?);
    Ok(rows)
}

/// species_test: C12H9O3N2Cl with yields of soot, CO and HCN; 0.05 kg burnt.
pub fn yields() -> Result<Vec<VerificationRow>, FireError> {
    let name = "yields";
    let source = "CFAST species_test_calculated.csv";
    let mut b = builder();
    let room = b.space("room", Space::new(25.0, 5.0, 0.0).mixed())?;
    let table = [(0.0, 5.0), (99.999, 5.0), (100.001, 0.0), (200.0, 0.0)];
    let fuel = Fuel {
        atoms: [12.0, 9.0, 3.0, 2.0, 1.0],
        heat_kjpkg: 10_000.0,
        co_yield: 0.063,
        soot_yield: 0.186,
        hcn_yield: 0.05,
        ..Fuel::METHANE
    };
    let fire = Fire { fuel, area_m2: 0.09, ..Fire::new("fire", room, HeatCurve::Table(table.to_vec())) };
    let mut run = run(b.build()?, vec![fire])?;
    advance(&mut run, 200.0)?;
    let expect = [
        (Species::Oxygen, 0.045_289_5),
        (Species::CarbonDioxide, 0.056_673),
        (Species::CarbonMonoxide, 0.003_15),
        (Species::Water, 0.012_781),
        (Species::HydrogenChloride, 0.006_887_7),
        (Species::HydrogenCyanide, 0.0025),
        (Species::Soot, 0.0093),
    ];
    let mut rows = Vec::new();
    for (species, kg) in expect {
        let made = run.ledger(0)?.of(species).made.abs();
        rows.push(relative(name, &format!("{species:?}"), made, kg, source));
    }
    rows.extend(closes(name, &run)?);
    Ok(rows)
}

/// Trace_Species_1 to _3: 1e-5 kg of trace; two fans between two rooms share it; filters take it.
pub fn trace_between_rooms() -> Result<Vec<VerificationRow>, FireError> {
    let name = "trace-between-rooms";
    let source = "CFAST trace_calculated.csv: 1e-5 kg; half in each room; none behind filters";
    let fuel = Fuel { trace_yield: 0.001, ..Fuel::METHANE };
    let table = vec![(0.0, 0.0), (1.0, 5.0), (100.0, 5.0), (101.0, 0.0)];
    let mut rows = Vec::new();
    for (what, filter) in [("open", 0.0), ("filtered", 1.0)] {
        let mut b = builder();
        let r =
            [b.space("1", Space::new(100.0, 2.0, 0.0).mixed())?, b.space("2", Space::new(100.0, 2.0, 0.0).mixed())?];
        for (k, (from, to)) in [between(r[0], r[1]), between(r[1], r[0])].into_iter().enumerate() {
            let mut fan = Vent::fan(from, to, 0.01, 1.0).opening(&[(100.0, 0.0), (101.0, 1.0)]);
            if let VentKind::Fan { filter: f, .. } = &mut fan.kind {
                *f = filter;
            }
            b.vent(&format!("fan {k}"), fan)?;
        }
        let fire = Fire { fuel, area_m2: 0.09, ..Fire::new("fire", r[0], HeatCurve::Table(table.clone())) };
        let mut run = run_with(b.build()?, vec![fire], Vec::new(), FireParams { dt_s: 1.0, ..FireParams::default() })?;
        advance(&mut run, 101.0)?;
        let first = mass(&run, &r[..1], Species::Trace)?;
        rows.push(relative(name, &format!("{what}: given off"), first, 1e-5, source));
        advance(&mut run, 80_000.0)?;
        for (k, s) in r.into_iter().enumerate() {
            let kg = mass(&run, &[s], Species::Trace)?;
            let measure = format!("{what}: in room {}", k + 1);
            rows.push(if filter > 0.0 {
                // One pass of 0.01 m³/s through 200 m³ for 79 900 s leaves e^-4 of it.
                let left = if k == 0 { 1e-5 * (-0.01_f64 * 79_899.5 / 200.0).exp() } else { 0.0 };
                VerificationRow::at_most(
                    name,
                    &format!("{measure}: error, kg"),
                    (kg - left).abs(),
                    EXACT * 1e-5,
                    source,
                )
            } else {
                relative(name, &measure, kg, 5e-6, source)
            });
        }
        rows.extend(closes(name, &run)?);
    }
    Ok(rows)
}

/// gas_tenability and heat_tenability: what the air of a space hands to dose formulas (ISO 13571).
pub fn tenability() -> Result<Vec<VerificationRow>, FireError> {
    let name = "tenability";
    let mut rows = Vec::new();
    let mut b = builder();
    let steel = Lining::named("steel", 0.0015)?;
    let room = b.space("room", Space::new(25.0, 5.0, 0.0).mixed().lined(&steel))?;
    let fuel = Fuel { soot_yield: 0.0, co_yield: 0.1, ..Fuel::METHANE };
    let table = vec![(0.0, 0.0), (1.0, 10.0), (100.0, 10.0), (101.0, 0.0)];
    let fire = Fire { fuel, area_m2: 0.36, ..Fire::new("fire", room, HeatCurve::Table(table)) };
    let mut run = run(b.build()?, vec![fire])?;
    advance(&mut run, 500.0)?;
    let air = run.air(0, room, 1.7)?;
    // 0.002 kg of CO in the gas of the room: ppm by volume with the molar mass of air for the whole.
    let v = run.view(0, room)?;
    let ppm = 1e6 * (0.002 / 0.028_010) / ((v.upper_kg + v.lower_kg) / crate::M_AIR);
    rows.push(relative(name, "CO by volume, ppm", f64::from(air.co_ppm), ppm, "0.02 kg of fuel with a yield of 0.1"));
    let mut b = crate::NetworkBuilder::new(crate::Ambient::default());
    let room = b.space("hot", Space { temperature_c: Some(100.0), ..Space::new(25.0, 5.0, 0.0).mixed() })?;
    let mut hot = super::run(b.build()?, Vec::new())?;
    advance(&mut hot, 60.0)?;
    let air = hot.air(0, room, 1.7)?;
    // Clothed people, convection: T^3.61/4.1e8 per minute (ISO 13571): CFAST's sheet has 6.746e-4 per second step at 100 °C.
    let dose = libm::pow(f64::from(air.temperature_c), 3.61) / 4.1e8 / 60.0;
    let sheet = "CFAST tenability.csv: Heat_FED 6.746e-4 per second";
    rows.push(relative(name, "heat dose per second at 100 °C", dose, 6.746_29e-4, sheet));
    Ok(rows)
}
