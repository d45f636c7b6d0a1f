//! Correlations of plumes, ceiling jets and filling rooms, each with its source. Heat in kW, lengths in m, temperatures in K.

use crate::Lining;
use crate::gas::GRAVITY;
use crate::lane::cbrt;
use serde::{Deserialize, Serialize};

/// Formula of the mass flow of a plume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlumeModel {
    /// Heskestad (SFPE Handbook, "Fire plumes, flame height, and air entrainment").
    #[default]
    Heskestad,
    /// McCaffrey (NBSIR 79-1910, 1979; mass flow after Combustion and Flame 52, 1983).
    Mccaffrey,
}

/// Mean flame height, m: L = 0.235 Q^(2/5) - 1.02 D (Heskestad 1983; Q in kW), at least 0.
#[must_use]
pub fn flame_height_m(heat_kw: f64, diameter_m: f64) -> f64 {
    (0.235 * libm::pow(heat_kw.max(0.0), 0.4) - 1.02 * diameter_m).max(0.0)
}

/// Virtual origin above the base, m: z0 = 0.083 Q^(2/5) - 1.02 D (Heskestad 1983).
#[must_use]
pub fn virtual_origin_m(heat_kw: f64, diameter_m: f64) -> f64 {
    0.083 * libm::pow(heat_kw.max(0.0), 0.4) - 1.02 * diameter_m
}

/// x^(5/3) of a value >= 0.
fn five_thirds(x: f64) -> f64 {
    let x = x.max(0.0);
    let c = cbrt(x);
    x * c * c
}

/// Mass flow of Heskestad's plume at height `z_m` above the base, kg/s: above the flame 0.071 Qc^(1/3) (z - z0)^(5/3) +
/// 0.00192 Qc, inside it 0.0056 Qc z/L (SFPE Handbook; NFPA 92 uses the same with z0 = 0).
#[must_use]
pub fn heskestad_kgps(heat_kw: f64, convective_kw: f64, diameter_m: f64, z_m: f64) -> f64 {
    let (flame, origin) = (flame_height_m(heat_kw, diameter_m), virtual_origin_m(heat_kw, diameter_m));
    let above = |z: f64| 0.071 * cbrt(convective_kw.max(0.0)) * five_thirds(z - origin) + 0.001_92 * convective_kw;
    if z_m <= 0.0 || convective_kw <= 0.0 {
        0.0
    } else if z_m >= flame {
        above(z_m)
    } else {
        // The two laws meet at the flame tip up to a few per cent; scaled so that they meet exactly.
        above(flame) * z_m / flame
    }
}

/// Mass flow of McCaffrey's plume, kg/s: Q × 0.011 ζ^0.566, 0.026 ζ^0.909, 0.124 ζ^1.895 with ζ = z/Q^(2/5), limits 0.08, 0.2.
#[must_use]
pub fn mccaffrey_kgps(heat_kw: f64, z_m: f64) -> f64 {
    if heat_kw <= 0.0 || z_m <= 0.0 {
        return 0.0;
    }
    let zeta = z_m / libm::pow(heat_kw, 0.4);
    let per_heat = if zeta < 0.08 {
        0.011 * libm::pow(zeta, 0.566)
    } else if zeta < 0.2 {
        0.026 * libm::pow(zeta, 0.909)
    } else {
        0.124 * libm::pow(zeta, 1.895)
    };
    heat_kw * per_heat
}

/// Rise of temperature and speed on the axis of McCaffrey's plume, K and m/s (NBSIR 79-1910): ΔT = (κ/(0.9 √(2g)))² ζ^(2η-1) T0,
/// u = κ ζ^η Q^(1/5), (κ, η) = (6.8, 1/2), (1.9, 0), (1.1, -1/3).
#[must_use]
pub fn mccaffrey_axis(heat_kw: f64, z_m: f64, ambient_k: f64) -> (f64, f64) {
    let zeta = z_m.max(1e-9) / libm::pow(heat_kw.max(1e-9), 0.4);
    let (kappa, eta) = if zeta < 0.08 {
        (6.8, 0.5)
    } else if zeta < 0.2 {
        (1.9, 0.0)
    } else {
        (1.1, -1.0 / 3.0)
    };
    let c = kappa / (0.9 * (2.0 * GRAVITY).sqrt());
    let rise = c * c * libm::pow(zeta, 2.0 * eta - 1.0) * ambient_k;
    (rise, kappa * libm::pow(zeta, eta) * libm::pow(heat_kw.max(0.0), 0.2))
}

/// Rise of temperature (K) and speed (m/s) of the ceiling jet (顶棚射流) at distance `r_m` from the axis under a ceiling `h_m` above
/// the fire: Alpert (Fire Technology 8, 1972): ΔT = 16.9 Q^(2/3)/H^(5/3) and u = 0.96 (Q/H)^(1/3) near the axis, else
/// 5.38 (Q/r)^(2/3)/H and 0.195 Q^(1/3) H^(1/2)/r^(5/6).
#[must_use]
pub fn alpert(heat_kw: f64, h_m: f64, r_m: f64) -> (f64, f64) {
    let (q, h) = (heat_kw.max(0.0), h_m.max(0.1));
    let third = cbrt(q);
    let rise = if r_m <= 0.18 * h {
        16.9 * third * third / five_thirds(h)
    } else {
        let c = cbrt(q / r_m);
        5.38 * c * c / h
    };
    let speed = if r_m <= 0.15 * h { 0.96 * cbrt(q / h) } else { 0.195 * third * h.sqrt() / libm::pow(r_m, 5.0 / 6.0) };
    (rise, speed)
}

/// Rise of the hot layer, K, by McCaffrey, Quintiere & Harkleroad (Fire Technology 17, 1981): 6.85 (Q²/(A0 √H0 hk AT))^(1/3); valid
/// below 600 K. `hk` in kW/(m² K).
#[must_use]
pub fn mqh_rise_k(heat_kw: f64, opening_m2: f64, opening_height_m: f64, hk_kwpm2k: f64, area_m2: f64) -> f64 {
    6.85 * cbrt(heat_kw * heat_kw / (opening_m2 * opening_height_m.sqrt() * hk_kwpm2k * area_m2))
}

/// Time in which heat passes through a lining, s: (ρ c / k) (δ/2)² (SFPE Handbook, "Estimating temperatures in compartment fires").
#[must_use]
pub fn penetration_s(lining: &Lining) -> f64 {
    let m = &lining.material;
    let half = 0.5 * lining.thickness_m;
    m.density_kgpm3 * m.specific_heat_jpkgk / m.conductivity_wpmk * half * half
}

/// Conductance of walls in [`mqh_rise_k`], kW/(m² K): √(k ρ c / t) up to the penetration time, k/δ after it (the same chapter).
#[must_use]
pub fn mqh_conductance_kwpm2k(lining: &Lining, t_s: f64) -> f64 {
    let m = &lining.material;
    if t_s <= penetration_s(lining) {
        1e-3 * (m.conductivity_wpmk * m.density_kgpm3 * m.specific_heat_jpkgk / t_s).sqrt()
    } else {
        1e-3 * m.conductivity_wpmk / lining.thickness_m
    }
}

/// Height of smoke over the fire by NFPA 92 for a steady fire, m: z/H = 1.11 - 0.28 ln(t Q^(1/3) H^(-4/3) / (A/H²)).
#[must_use]
pub fn nfpa92_steady_m(t_s: f64, heat_kw: f64, height_m: f64, area_m2: f64) -> f64 {
    let h43 = height_m * cbrt(height_m);
    let x = t_s * cbrt(heat_kw) / h43 / (area_m2 / (height_m * height_m));
    height_m * (1.11 - 0.28 * libm::log(x))
}

/// The same for a t² fire that takes `growth_s` to 1055 kW: z/H = 0.91 [t tg^(-2/5) H^(-4/5) (A/H²)^(-3/5)]^(-1.45).
#[must_use]
pub fn nfpa92_growing_m(t_s: f64, growth_s: f64, height_m: f64, area_m2: f64) -> f64 {
    let x =
        t_s * libm::pow(growth_s, -0.4) * libm::pow(height_m, -0.8) * libm::pow(area_m2 / (height_m * height_m), -0.6);
    height_m * 0.91 * libm::pow(x, -1.45)
}

/// Mass flow of a free line plume per width after Poreh, Morgan, Marshall & Harrison (Fire Safety Journal 30, 1998), kg/(s m):
/// C Q'^(1/3) x in its far field, C = 0.16 with Q' in kW/m and the rise `x_m` from the virtual origin.
#[must_use]
pub fn spill_line_kgpsm(heat_kwpm: f64, x_m: f64) -> f64 {
    0.16 * cbrt(heat_kwpm.max(0.0)) * x_m.max(0.0)
}

/// Exchange flow through a hole between a heavy gas above and a light one below without difference of pressure, m³/s: Cooper
/// (NISTIR 89-4052; Fire Safety Journal 28, 1997): 0.1 (2 g Δρ A^(5/2) / (ρ1 + ρ2))^(1/2).
#[must_use]
pub fn cooper_exchange_m3ps(density_above: f64, density_below: f64, area_m2: f64) -> f64 {
    let excess = (density_above - density_below).max(0.0);
    0.1 * (2.0 * GRAVITY * excess * area_m2 * area_m2 * area_m2.sqrt() / (density_above + density_below)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn llnl_lining() -> Lining {
        let mut lining = Lining::named("concrete", 0.1).expect("known");
        let m = &mut lining.material;
        (m.conductivity_wpmk, m.density_kgpm3, m.specific_heat_jpkgk) = (0.463, 1607.0, 1000.0);
        lining
    }

    fn near(a: f64, b: f64) {
        assert!((a / b - 1.0).abs() < 0.01, "{a} {b}");
    }

    #[test]
    fn heskestad_by_hand() {
        // Q = 1000 kW, D = 1 m: Q^0.4 = 15.849; L = 2.7045; z0 = 0.29546.
        near(flame_height_m(1000.0, 1.0), 2.7045);
        near(virtual_origin_m(1000.0, 1.0), 0.29546);
        // At z = 5: 0.071 * 700^(1/3) * 4.70454^(5/3) + 0.00192 * 700 = 0.071 * 8.8790 * 13.2094 + 1.344 = 9.671.
        near(heskestad_kgps(1000.0, 700.0, 1.0, 5.0), 9.671);
        assert_eq!(heskestad_kgps(1000.0, 700.0, 1.0, 0.0), 0.0);
    }

    #[test]
    fn mccaffrey_by_hand() {
        // 57 kW: Q^0.4 = 5.0389; flame at z = 0.2 (ζ = 0.0397): (6.8/(0.9*4.4287))² * 293 = 2.9106 * 293 = 852.8 K, constant in the flame.
        near(mccaffrey_axis(57.0, 0.2, 293.0).0, 852.8);
        near(mccaffrey_axis(57.0, 0.2, 293.0).1, 6.8 * 0.039_691_f64.sqrt() * 2.244_76);
        // Plume at z = 2 (ζ = 0.39691): (1.1/3.9858)² * 0.39691^(-5/3) * 293 = 0.076165 * 4.6651 * 293 = 104.1 K.
        near(mccaffrey_axis(57.0, 2.0, 293.0).0, 104.1);
        // Mass flow at z = 2: 57 * 0.124 * 0.39691^1.895 = 57 * 0.124 * 0.17359 = 1.2269.
        near(mccaffrey_kgps(57.0, 2.0), 1.2269);
    }

    #[test]
    fn alpert_by_hand() {
        // 1000 kW, 3 m: axis 16.9 * 100 / 6.2403 = 270.8 K, 0.96 * 6.9336 = 6.656 m/s.
        near(alpert(1000.0, 3.0, 0.0).0, 270.8);
        near(alpert(1000.0, 3.0, 0.0).1, 6.656);
        // r = 3: 5.38 * (333.33)^(2/3) / 3 = 5.38 * 48.075 / 3 = 86.21 K; 0.195 * 10 * 1.73205 / 2.4980 = 1.3521 m/s.
        near(alpert(1000.0, 3.0, 3.0).0, 86.21);
        near(alpert(1000.0, 3.0, 3.0).1, 1.3521);
    }

    #[test]
    fn room_formulas_by_hand() {
        // 500 kW, door 1 x 2 m, hk = 0.03, AT = 60: 2.5e5/(2*1.41421*0.03*60) = 49105 -> cbrt 36.62 -> 250.9 K.
        near(mqh_rise_k(500.0, 2.0, 2.0, 0.03, 60.0), 250.9);
        // NIST's Correlation Guide (firemodels/cor), verification of MQH: LLNL test 51, 111.45 °C after 60 s, 183.57 °C after 3000 s.
        for (t, rise) in [(60.0, 78.45), (600.0, 115.14), (3000.0, 150.57)] {
            let hk = mqh_conductance_kwpm2k(&llnl_lining(), t);
            near(mqh_rise_k(200.0, 0.76 * 2.06, 2.06, hk, 108.0 - 0.76 * 2.06), rise);
        }
        // 1000 kW, H = 10, A = 200, t = 60: x = 60*10/21.544/2 = 13.925; ln = 2.6337; 1.11-0.7374 = 0.3726 -> 3.726 m.
        near(nfpa92_steady_m(60.0, 1000.0, 10.0, 200.0), 3.726);
        // fast (150 s), t = 60: 60 * 0.13476 * 0.158489 * 0.659754 = 0.84549 -> ^-1.45 = 1.2756 -> 11.61 m.
        near(nfpa92_growing_m(60.0, 150.0, 10.0, 200.0), 11.61);
        // Cooper: ρ 1.2 over 0.6, 1 m²: 0.1 * sqrt(2*9.80665*0.6/1.8) = 0.25569.
        near(cooper_exchange_m3ps(1.2, 0.6, 1.0), 0.255_69);
        near(spill_line_kgpsm(125.0, 2.0), 1.6);
    }
}
