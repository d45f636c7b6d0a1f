//! What smoke, gas, heat and water do to people.
//!
//! Powers and exponentials come from `libm`: the same bits on every machine.

use sim_core::Air;

/// How smoke slows people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmokeLaw {
    /// Frantzich and Nilsson (Lund 2003): factor max(0.1, 1 − 0.0807 K).
    #[default]
    Lund,
    /// Fridolf et al.: min(w0, max(0.2, w0 − 0.34 (3 − V))) m/s with visibility V = 2/K m.
    Fridolf,
    /// Smoke does not slow.
    Off,
}

/// Speed in smoke, m/s, of a person who walks `free_mps` in clear air; `extinction_per_m` >= 0.
#[must_use]
#[inline(always)]
pub fn speed_in_smoke_mps(law: SmokeLaw, free_mps: f32, extinction_per_m: f32) -> f32 {
    if extinction_per_m <= 0.0 {
        return free_mps;
    }
    match law {
        SmokeLaw::Off => free_mps,
        SmokeLaw::Lund => free_mps * (1.0 - 0.0807 * extinction_per_m).max(0.1),
        SmokeLaw::Fridolf => {
            let sight_m = 2.0 / extinction_per_m;
            (free_mps - 0.34 * (3.0 - sight_m)).max(0.2).min(free_mps)
        }
    }
}

/// Visibility of reflecting signs, m: 3/K (Jin 1978).
#[must_use]
pub fn visibility_m(extinction_per_m: f32) -> f32 {
    if extinction_per_m > 0.0 { 3.0 / extinction_per_m } else { f32::INFINITY }
}

/// Dose of asphyxiant gases per minute after Purser (SFPE Handbook), as FDS takes it: CO 2.764e-5 ppm^1.036, HCN
/// (e^(ppm/43) − 1)/220, both times the breathing factor e^(0.1903 CO2 + 2.0004)/7.1, plus lack of oxygen
/// 1/e^(8.13 − 0.54 (20.9 − O2)) below 20 %. Breathing is faster from 0.1 % of CO2.
#[must_use]
pub fn purser_per_min(air: &Air) -> f64 {
    let co = 2.764e-5 * libm::pow(f64::from(air.co_ppm.max(0.0)), 1.036);
    let hcn = (libm::exp(f64::from(air.hcn_ppm.clamp(0.0, 2000.0)) / 43.0) - 1.0) / 220.0;
    let co2 = f64::from(air.co2_percent.clamp(0.0, 100.0));
    let breathing = if co2 > 0.1 { libm::exp(0.1903 * co2 + 2.0004) / 7.1 } else { 1.0 };
    let o2 = f64::from(air.o2_percent.clamp(0.0, 100.0));
    let lack = if o2 < 20.0 { 1.0 / libm::exp(8.13 - 0.54 * (20.9 - o2)) } else { 0.0 };
    (co + hcn) * breathing + lack
}

/// Dose of asphyxiant gases per minute after ISO 13571: CO/35000 + HCN^2.36/1.2e6, concentrations times e^(CO2/5) from
/// 2 % of CO2.
#[must_use]
pub fn iso_13571_per_min(air: &Air) -> f64 {
    let co2 = f64::from(air.co2_percent.clamp(0.0, 100.0));
    let breathing = if co2 > 2.0 { libm::exp(co2 / 5.0) } else { 1.0 };
    let co = f64::from(air.co_ppm.max(0.0)) * breathing / 35_000.0;
    co + libm::pow(f64::from(air.hcn_ppm.max(0.0)) * breathing, 2.36) / 1.2e6
}

/// Dose of heat per minute on clothed people after ISO 13571: T^3.61/4.1e8 (convection, counted from 37 °C) and
/// q^1.9/4.2 (radiation, from 2.5 kW/m²).
#[must_use]
pub fn heat_per_min(air: &Air) -> f64 {
    convective_per_min(air, true) + radiant_per_min(air)
}

/// The convective part; unclothed T^3.4/5e7.
#[must_use]
pub fn convective_per_min(air: &Air, clothed: bool) -> f64 {
    let t = f64::from(air.temperature_c);
    if t <= 37.0 {
        0.0
    } else if clothed {
        libm::pow(t, 3.61) / 4.1e8
    } else {
        libm::pow(t, 3.4) / 5e7
    }
}

/// The radiant part.
#[must_use]
pub fn radiant_per_min(air: &Air) -> f64 {
    let q = f64::from(air.radiant_kwm2);
    if q < 2.5 { 0.0 } else { libm::pow(q, 1.9) / 4.2 }
}

/// Water on a floor.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct FloodOnFloor {
    /// Depth, m, >= 0.
    pub depth_m: f32,
    /// Speed of the water, m/s, >= 0.
    pub speed_mps: f32,
}

/// Nobody walks in deeper water, m. With the two below after Cox, Shand and Blacka (2010), the review for Australian
/// Rainfall and Runoff, and Jonkman and Penning-Rowsell (2008); from memory.
pub const FLOOD_STOP_DEPTH_M: f32 = 0.7;
/// Nobody walks where depth times speed is above this, m²/s: adults lose their stand.
pub const FLOOD_STOP_M2PS: f32 = 1.2;
/// Routes avoid floors where depth times speed is above this, m²/s: the limit of low hazard for adults.
pub const FLOOD_AVOID_M2PS: f32 = 0.6;
/// Routes avoid deeper water, m: the limit for children.
pub const FLOOD_AVOID_DEPTH_M: f32 = 0.5;
/// Water slows from this depth on, m.
const FLOOD_SLOW_FROM_M: f32 = 0.1;

impl FloodOnFloor {
    /// Factor on the walking speed: 1 to 0.1 m, falling linearly to 0.3 at 0.7 m (about half at the knee, after Ishigaki
    /// et al. 2009, from memory), 0 beyond the limits of standing.
    #[must_use]
    pub fn speed_factor(self) -> f32 {
        if self.depth_m > FLOOD_STOP_DEPTH_M || self.depth_m * self.speed_mps > FLOOD_STOP_M2PS {
            return 0.0;
        }
        let deep = (self.depth_m - FLOOD_SLOW_FROM_M).max(0.0) / (FLOOD_STOP_DEPTH_M - FLOOD_SLOW_FROM_M);
        1.0 - 0.7 * deep
    }

    /// Whether routes avoid it.
    #[must_use]
    pub fn avoided(self) -> bool {
        self.depth_m > FLOOD_AVOID_DEPTH_M || self.depth_m * self.speed_mps > FLOOD_AVOID_M2PS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn water_slows_then_stops() {
        let f = |depth_m, speed_mps| FloodOnFloor { depth_m, speed_mps }.speed_factor();
        assert_eq!(f(0.05, 2.0), 1.0);
        assert!(f(0.4, 0.0) < 0.7 && f(0.4, 0.0) > 0.5);
        assert_eq!(f(0.71, 0.0), 0.0);
        assert_eq!(f(0.5, 2.5), 0.0);
        assert!(FloodOnFloor { depth_m: 0.55, speed_mps: 0.0 }.avoided());
    }

    #[test]
    fn clean_air_has_no_dose() {
        assert_eq!(purser_per_min(&Air::CLEAN) + iso_13571_per_min(&Air::CLEAN) + heat_per_min(&Air::CLEAN), 0.0);
    }
}
