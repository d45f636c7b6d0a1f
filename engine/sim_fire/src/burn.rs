//! A fire in its space: air it draws, oxygen it finds, heat it gives (one member at a time; fires are few).

use crate::gas::{CP, M_AIR, SPECIES, Species};
use crate::plume::{alpert, heskestad_kgps, mccaffrey_kgps};
use crate::{Fire, PlumeModel};

/// Temperature at which fuel gas enters, K. Its sensible heat beyond this is part of the heat of combustion.
pub(crate) const FUEL_K: f64 = 293.15;

/// The space a fire stands in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around {
    pub height_m: f64,
    pub area_m2: f64,
    /// Interface above the floor, m.
    pub interface_m: f64,
    /// Temperatures of lower and upper layer, K.
    pub temperature_k: [f64; 2],
    /// Mass of the lower layer, kg.
    pub lower_kg: f64,
    pub upper_kg: f64,
    /// Mass fraction of oxygen by layer.
    pub oxygen: [f64; 2],
    /// Density of the lower layer, kg/m³.
    pub density: f64,
    /// Speed of the air across the fire, m/s.
    pub draught_mps: f64,
}

/// Share of a cross wind's speed at which a bent plume draws it in (Hoult, Fay & Forney, JAPCA 19, 1969).
const CROSS: f64 = 0.6;
/// Growth of a plume's radius with height, 6/5 of 0.125 (Morton, Taylor & Turner 1956).
const SPREAD: f64 = 0.15;

/// What a draught adds to the air a plume draws over `z`, kg/s: ρ β U times the face of the plume's cone.
fn blown_in(fire: &Fire, around: &Around, z: f64) -> f64 {
    let n = fire.images();
    let radius = 0.5 * fire.diameter_m() * n.sqrt();
    let face = 2.0 * std::f64::consts::PI * (radius * z + 0.5 * SPREAD * z * z) / n;
    around.density * CROSS * around.draught_mps * face
}

/// What a fire does in a sub-step; rates per second.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Effect {
    /// Heat released and its radiated part, W.
    pub heat_w: f64,
    pub radiated_w: f64,
    /// Heat not released for want of oxygen, W.
    pub starved_w: f64,
    /// Air lifted from lower to upper layer, kg/s.
    pub lifted_kgps: f64,
    /// Fuel gas given off, kg/s.
    pub fuel_kgps: f64,
    /// Fuel that burns, kg/s.
    pub burnt_kgps: f64,
    /// Made of each species in the upper layer, kg/s (unburnt fuel included).
    pub made_kgps: [f64; SPECIES],
    /// Speed under the ceiling, m/s.
    pub jet_mps: f64,
}

/// Share of burning that oxygen allows: 1 above the limit, 0 below it, a straight ramp of 1 % by volume between.
fn allowed(oxygen: f64, limit_by_volume: f64) -> f64 {
    let by_volume = oxygen * M_AIR / Species::Oxygen.molar_mass();
    ((by_volume - limit_by_volume) / 0.01).clamp(0.0, 1.0)
}

/// Mass flow of the whole plume at `z` above the base, images shared.
fn plume(fire: &Fire, heat_kw: f64, convective_kw: f64, z: f64) -> f64 {
    let n = fire.images();
    let flow = match fire.plume {
        PlumeModel::Heskestad => heskestad_kgps(n * heat_kw, n * convective_kw, fire.diameter_m() * n.sqrt(), z),
        PlumeModel::Mccaffrey => mccaffrey_kgps(n * heat_kw, z),
    };
    flow / n
}

pub(crate) fn burn(fire: &Fire, wanted_kw: f64, around: &Around, dt: f64) -> Effect {
    if wanted_kw <= 0.0 {
        return Effect::default();
    }
    let fuel = &fire.fuel;
    let share = 1.0 - fuel.radiative_share;
    let fuel_kgps = wanted_kw / fuel.heat_kjpkg;
    let made = fuel.made();
    let need = -made[Species::Oxygen as usize];
    let base = fire.height_m.min(around.height_m - 0.05);
    let below = (around.interface_m - base).max(0.0);
    let above = (around.height_m - base).max(0.05);
    let drawn = plume(fire, wanted_kw, wanted_kw * share, below);
    let whole = plume(fire, wanted_kw, wanted_kw * share, above).max(drawn);
    let supply = drawn * around.oxygen[0] * allowed(around.oxygen[0], fire.lower_oxygen)
        + (whole - drawn) * around.oxygen[1] * allowed(around.oxygen[1], fire.lower_oxygen);
    let mut burnt = fuel_kgps.min(supply / need);
    let mut lifted = 0.0;
    // What burns sets what the plume lifts, and the oxygen lifted or already in the upper layer limits what burns.
    for _ in 0..3 {
        let heat_kw = burnt * fuel.heat_kjpkg;
        let convective_kw = heat_kw * share;
        lifted = plume(fire, heat_kw, convective_kw, below) + blown_in(fire, around, below);
        // A plume does not cool below the layer it enters: it stops rising there.
        let excess = around.temperature_k[1] - around.temperature_k[0];
        if excess > 1.0 {
            lifted = lifted.min(convective_kw * 1e3 / (CP * excess));
        }
        lifted = lifted.min(0.3 * around.lower_kg / dt);
        let there = 0.2 * around.oxygen[1].max(0.0) * around.upper_kg / dt + lifted * around.oxygen[0].max(0.0);
        burnt = burnt.min(there / need);
    }
    let heat_kw = burnt * fuel.heat_kjpkg;
    let convective_kw = heat_kw * share;
    let mut made_kgps = made.map(|m| m * burnt);
    made_kgps[Species::Fuel as usize] += fuel_kgps - burnt;
    let reach = 0.3 * around.area_m2.sqrt();
    let jet_mps = if convective_kw > 1.0 { alpert(heat_kw, above, reach).1 } else { 0.0 };
    Effect {
        heat_w: heat_kw * 1e3,
        radiated_w: heat_kw * 1e3 * fuel.radiative_share,
        starved_w: (wanted_kw - heat_kw) * 1e3,
        lifted_kgps: lifted,
        fuel_kgps: fuel_kgps + made_kgps[Species::Trace as usize],
        burnt_kgps: burnt,
        made_kgps,
        jet_mps,
    }
}
