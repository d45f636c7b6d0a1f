//! Invariants: rest stays rest, accounts close, snapshots continue, members do not see each other.

use super::{VerificationRow, advance, between, builder, outdoors, run};
use crate::{
    Detector, DetectorKind, Fire, FireEnsemble, FireError, FireForcing, FireParams, FireRun, Fuel, Growth, Lining,
    Member, Network, Side, Space, SpaceId, Vent, VentId,
};
use sim_core::CounterRng;

/// A network with every kind of vent, drawn by chance.
pub(crate) fn random_network(seed: u64) -> Result<Network, FireError> {
    let mut rng = CounterRng::new(seed, 11);
    let mut x = |low: f64, high: f64| low + (high - low) * rng.next_f64();
    let mut b = builder();
    let n = x(2.0, 14.0) as u32;
    let linings = ["gypsum", "concrete", "steel", "glass fibre insulation"];
    for k in 0..n {
        let floor = 3.0 * f64::from(k / 4);
        let mut space = Space::new(x(4.0, 80.0), x(2.2, 2.9), floor);
        if x(0.0, 1.0) < 0.7 {
            space = space.lined(&Lining::named(linings[x(0.0, 3.999) as usize], x(0.002, 0.3))?);
        }
        if x(0.0, 1.0) < 0.2 {
            space = space.mixed();
        }
        b.space(&format!("s{k}"), space)?;
    }
    for k in 0..n {
        let (from, to) = between(SpaceId(k), SpaceId((k + 1) % n));
        let floor = 3.0 * f64::from(k / 4);
        if n > 2 || k == 0 {
            if (k + 1) / 4 != k / 4 && k + 1 < n {
                b.vent(&format!("slab {k}"), Vent::slab(from, to, x(0.1, 4.0), floor + 3.0))?;
            } else if k + 1 < n || n <= 4 {
                let top = x(0.3, 2.2);
                b.vent(&format!("door {k}"), Vent::wall(from, to, x(0.02, 2.0), floor, floor + top))?;
            }
        }
        let (from, to) = outdoors(SpaceId(k));
        if x(0.0, 1.0) < 0.5 {
            let mut window = Vent::wall(from, to, x(0.01, 1.5), floor + 0.9, floor + x(1.0, 2.1));
            window.wind_cp = x(-0.5, 0.8);
            b.vent(&format!("window {k}"), window)?;
        } else {
            b.leak(&format!("leak {k}"), SpaceId(k), x(0.0005, 0.05))?;
        }
        if x(0.0, 1.0) < 0.15 {
            b.vent(&format!("fan {k}"), Vent::fan(Side::Outside, Side::Space(SpaceId(k)), x(0.01, 1.0), floor + 1.0))?;
        }
    }
    b.build()
}

pub(crate) fn random_fire(seed: u64, spaces: u32) -> Fire {
    let mut rng = CounterRng::new(seed, 12);
    let growth = [Growth::Medium, Growth::Fast, Growth::Ultrafast][(rng.next_f64() * 2.999) as usize];
    let fuel = [Fuel::METHANE, Fuel::WOOD, Fuel::POLYURETHANE][(rng.next_f64() * 2.999) as usize];
    let space = SpaceId((rng.next_f64() * f64::from(spaces) * 0.999) as u32);
    Fire::growing("fire", space, growth, 200.0 + 3000.0 * rng.next_f64(), fuel)
}

/// A ten-storey shaft with rooms, everything at the temperature outside: nothing may move.
pub fn still_building() -> Result<Vec<VerificationRow>, FireError> {
    let name = "still-building";
    let mut b = builder();
    let mut last: Option<SpaceId> = None;
    let mut all = Vec::new();
    for k in 0..10 {
        let floor = 3.0 * f64::from(k);
        let well = b.space(&format!("stair {k}"), Space::new(12.0, 3.0, floor).mixed())?;
        let room = b.space(&format!("room {k}"), Space::new(30.0, 2.8, floor))?;
        let (from, to) = between(well, room);
        b.vent(&format!("door {k}"), Vent::wall(from, to, 0.9, floor, floor + 2.0))?;
        let (from, to) = outdoors(room);
        b.vent(&format!("window {k}"), Vent::wall(from, to, 1.0, floor + 0.9, floor + 2.0))?;
        if let Some(below) = last {
            let (from, to) = between(below, well);
            b.vent(&format!("well {k}"), Vent::slab(from, to, 8.0, floor))?;
        }
        last = Some(well);
        all.extend([well, room]);
    }
    let network = b.build()?;
    let vents = network.vents().len() as u32;
    let mut run = run(network, Vec::new())?;
    advance(&mut run, 600.0)?;
    let mut flow: f64 = 0.0;
    for v in 0..vents {
        let [a, b] = run.vent_kgps(0, VentId(v))?;
        flow = flow.max(a).max(b);
    }
    let mut gauge: f64 = 0.0;
    for s in all {
        gauge = gauge.max(run.view(0, s)?.gauge_pa.abs());
    }
    Ok(vec![
        VerificationRow::at_most(
            name,
            "greatest flow after 600 s, kg/s",
            flow,
            1e-4,
            "no drive, no flow: the iteration's own tolerance",
        ),
        VerificationRow::at_most(
            name,
            "greatest pressure, Pa",
            gauge,
            1e-3,
            "no drive, no pressure: the iteration's own tolerance",
        ),
    ])
}

/// Thirty random networks with random fires and wind for five minutes.
pub fn random_networks() -> Result<Vec<VerificationRow>, FireError> {
    let name = "random-networks";
    let (mut mass, mut energy, mut unsettled, mut steps): (f64, f64, f64, f64) = (0.0, 0.0, 0.0, 0.0);
    let mut hottest: f64 = 0.0;
    let mut coldest = f64::INFINITY;
    for seed in 0..30 {
        let network = random_network(seed)?;
        let spaces = network.spaces().len() as u32;
        let mut run = run(network, vec![random_fire(seed, spaces)])?;
        run.set_forcing(FireForcing::wind((seed % 10) as f64))?;
        advance(&mut run, 300.0)?;
        let c = run.closure(0)?;
        (mass, energy) = (mass.max(c.mass), energy.max(c.energy));
        unsettled += run.unsettled_steps() as f64;
        steps += 600.0;
        for s in 0..spaces {
            let v = run.view(0, SpaceId(s))?;
            hottest = hottest.max(v.upper_c).max(v.lower_c);
            coldest = coldest.min(v.upper_c).min(v.lower_c);
        }
    }
    let own = "own account";
    Ok(vec![
        VerificationRow::at_most(name, "mass and species unaccounted for", mass, 1e-11, own),
        VerificationRow::at_most(name, "energy unaccounted for", energy, 1e-9, own),
        VerificationRow::at_most(name, "share of steps whose pressures did not settle", unsettled / steps, 0.02, own),
        VerificationRow::at_most(
            name,
            "greatest temperature, °C",
            hottest,
            2750.0,
            "below the adiabatic flame of constant cp",
        ),
        VerificationRow::at_least(name, "least temperature, °C", coldest, 10.0, "nothing cools far below 20 °C"),
    ])
}

fn lively(members: usize) -> Result<(Network, Vec<Member>, Vec<Detector>), FireError> {
    let network = random_network(5)?;
    let spaces = network.spaces().len() as u32;
    let list = (0..members as u64)
        .map(|k| Member {
            fires: vec![random_fire(k + 20, spaces)],
            openings: vec![(VentId(0), vec![(0.0, 1.0), (30.0 + k as f64, 0.0)])],
        })
        .collect();
    let kind = DetectorKind::Sprinkler { set_c: 68.0, rti: 50.0, spray_mps: 1e-4 };
    let detectors =
        (0..spaces).map(|k| Detector { name: format!("head {k}"), space: SpaceId(k), kind, distance_m: 2.0 }).collect();
    Ok((network, list, detectors))
}

/// A fire that starves in a small room beside a hall: what its unburnt fuel gives in the jet under the lintel.
pub fn door_jet_fire() -> Result<Vec<VerificationRow>, FireError> {
    let name = "door-jet-fire";
    let mut b = builder();
    let room = b.space("room", Space::new(12.0, 2.4, 0.0))?;
    let hall = b.space("hall", Space::new(100.0, 5.0, 0.0))?;
    let (from, to) = between(room, hall);
    b.vent("door", Vent::wall(from, to, 0.6, 0.0, 1.4))?;
    b.leak("leak", hall, 0.05)?;
    let (wanted_kw, end_s) = (2000.0, 300.0);
    let fire = super::methane(room, &[(0.0, 0.0), (30.0, wanted_kw)], 0.3);
    let fuel = fire.fuel;
    let mut run = run(b.build()?, vec![fire])?;
    advance(&mut run, end_s)?;
    let l = run.ledger(0)?;
    let left = l.of(crate::Species::Fuel).made * fuel.heat_kjpkg * 1e3;
    let released = l.energy.made - l.mass.made * crate::CP * 293.15;
    let given = wanted_kw * 1e3 * (end_s - 15.0);
    let jet = l.starved_j - left;
    let own = "heat released and heat of the fuel left over make the heat of the fuel given off";
    let air = "oxygen used by what was burnt, in the fire and in the jet: 2 O2 per CH4";
    let used = -l.of(crate::Species::Oxygen).made / (released / (fuel.heat_kjpkg * 1e3));
    let closure = run.closure(0)?;
    Ok(vec![
        super::relative(name, "heat of all fuel", released + left, given, own),
        super::relative(name, "oxygen per fuel burnt, kg/kg", used, 3.9892, air),
        VerificationRow::at_least(name, "share of the starved heat that the jet gives", jet / l.starved_j, 0.02, own),
        VerificationRow::at_most(name, "energy unaccounted for", closure.energy, 1e-9, "own account"),
        VerificationRow::at_most(name, "mass and species unaccounted for", closure.mass, 1e-11, "own account"),
    ])
}

/// save, load, continue against continuing.
pub fn snapshot_continues() -> Result<Vec<VerificationRow>, FireError> {
    let name = "snapshot-continues";
    let (network, members, detectors) = lively(11)?;
    let mut straight = FireEnsemble::new(network, members, detectors, FireParams::default())?;
    straight.set_opening(3, VentId(1), Some(0.2))?;
    let mut resumed = straight.clone();
    straight.advance_to(60.0, &sim_core::CancelToken::new())?;
    resumed.load(&straight.save())?;
    straight.advance_to(120.0, &sim_core::CancelToken::new())?;
    resumed.advance_to(120.0, &sim_core::CancelToken::new())?;
    let same = straight.save() == resumed.save() && straight.checksum() == resumed.checksum();
    Ok(vec![VerificationRow::at_least(name, "bytes agree after a restore", f64::from(u8::from(same)), 1.0, "sim_core")])
}

/// Members of an ensemble against runs of their own. Sub-steps are shared in a block, so pressures may differ a little.
pub fn ensemble_agrees() -> Result<Vec<VerificationRow>, FireError> {
    let name = "ensemble-agrees";
    let (network, members, detectors) = lively(9)?;
    let mut all = FireEnsemble::new(network.clone(), members.clone(), detectors.clone(), FireParams::default())?;
    all.advance_to(120.0, &sim_core::CancelToken::new())?;
    let mut worst: f64 = 0.0;
    for (k, member) in members.into_iter().enumerate() {
        let mut one = FireRun::new(network.clone(), vec![member], detectors.clone(), FireParams::default())?;
        advance(&mut one, 120.0)?;
        for s in 0..network.spaces().len() as u32 {
            let (a, b) = (all.view(k, SpaceId(s))?, one.view(0, SpaceId(s))?);
            worst = worst.max((a.upper_c - b.upper_c).abs() / (b.upper_c + 100.0));
        }
    }
    let measure = "upper temperatures of members against single runs, relative";
    Ok(vec![VerificationRow::at_most(name, measure, worst, 0.05, "same equations, sub-steps of the block")])
}
