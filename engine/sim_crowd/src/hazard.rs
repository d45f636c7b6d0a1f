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
/// Depth of still water that halves the walking speed, m: fitted to Li et al. (2026), see [`FloodOnFloor::speed_factor`].
pub const FLOOD_HALVES_SPEED_M: f32 = 0.49;
/// Twice the inverse of gravity, s²/m.
const TWO_PER_GRAVITY: f32 = 2.0 / 9.81;

impl FloodOnFloor {
    /// Factor on the walking speed (涉水步行速度), 1 in the dry, falling all the way: h / (h + d) with h = 0.49 m; 0 beyond the
    /// limits of standing. d is the depth of still water of the same specific force per unit width M = D v²/g + D²/2, that is
    /// d = √(D² + 2 D v²/g): M is the measure that row 4 and Bernardini et al. judge water by.
    ///
    /// | depth, m | measured | this |
    /// |---|---|---|
    /// | 0.35, still | 0.614 men, 0.552 women (mean 0.583) | 0.583 |
    /// | 0.35 to 0.60 to 0.90, still | "progressively smaller changes" | 0.583, 0.450, 0.353 |
    /// | 0.43 and 0.90, still | "about 50 %" | 0.533, 0.353 |
    /// | M = 0.100 m² | safe evacuation difficult for aged men | 0.523 |
    ///
    /// Rows 1 and 2: Li, Song, Zhang, Bode, "Impacts of water depth on pedestrian speed, gait, and stability", Acta Polytechnica
    /// CTU Proc. 57, 226 (2026), 188 persons. Row 3: Ghozali, thesis, Universiti Sains Malaysia (2018), 8 persons, one number
    /// for both depths. Row 4: Kansai University on aged persons in underground floods, Water Sci. Technol. 62, 1807 (2010),
    /// doi:10.2166/wst.2010.455. Moving water by M: Bernardini, Quagliarini, D'Orazio,
    /// Brocchini, Safety Science 123, 104563 (2020), over 200 persons in 0.2 to 0.7 m. All as their abstracts tell; the
    /// numbers of the full texts could not be read, so that only row 1 was fitted. "Evacuation under flooded conditions" (Qatar
    /// University, 2021, hdl 10576/54575) finds the fall monotone over 0.08, 0.43 and 0.90 m.
    #[must_use]
    pub fn speed_factor(self) -> f32 {
        if self.depth_m > FLOOD_STOP_DEPTH_M || self.depth_m * self.speed_mps > FLOOD_STOP_M2PS {
            return 0.0;
        }
        let still_m =
            (self.depth_m * (self.depth_m + TWO_PER_GRAVITY * self.speed_mps * self.speed_mps)).max(0.0).sqrt();
        FLOOD_HALVES_SPEED_M / (FLOOD_HALVES_SPEED_M + still_m)
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

    fn in_water(depth_m: f32, speed_mps: f32) -> f32 {
        FloodOnFloor { depth_m, speed_mps }.speed_factor()
    }

    #[test]
    fn water_slows_then_stops() {
        assert_eq!(in_water(0.0, 0.0), 1.0);
        assert_eq!(in_water(0.71, 0.0), 0.0);
        assert_eq!(in_water(0.5, 2.5), 0.0);
        assert!(FloodOnFloor { depth_m: 0.55, speed_mps: 0.0 }.avoided());
    }

    #[test]
    fn water_slows_as_measured() {
        // Li et al. 2026: 38.6 % (men) and 44.8 % (women) slower at 0.35 m.
        let (men, women) = (1.0 - 0.386, 1.0 - 0.448);
        assert!((in_water(0.35, 0.0) - 0.5 * (men + women)).abs() < 0.005);
        // And "progressively smaller changes" beyond, per metre and in all; 0.7 m stands for 0.9 m, where we let nobody walk.
        let [a, b, c, d] = [0.0, 0.35, 0.6, 0.7].map(|depth| in_water(depth, 0.0));
        assert!((a - b) / 0.35 > (b - c) / 0.25 && (b - c) / 0.25 > (c - d) / 0.1 && a - b > b - c && b - c > c - d);
        // Ghozali 2018: about half at the knee.
        assert!((in_water(0.43, 0.0) - 0.5).abs() < 0.05);
        // Equal specific force, equal speed: M = 0.1 m² still and at 1 m/s (the limit for aged men).
        let depth = |v: f32| -v * v / 9.81 + (v.powi(4) / (9.81 * 9.81) + 0.2).sqrt();
        assert!((in_water(depth(0.0), 0.0) - in_water(depth(1.0), 1.0)).abs() < 1e-3);
    }

    #[test]
    fn more_water_never_quickens() {
        for v in [0.0, 0.5, 1.0, 2.0, 3.0] {
            let falls = (1..100).all(|k| in_water(0.01 * k as f32, v) <= in_water(0.01 * (k - 1) as f32, v));
            let by_speed = (1..100).all(|k| in_water(0.4, 0.05 * k as f32) <= in_water(0.4, 0.05 * (k - 1) as f32));
            assert!(falls && by_speed);
        }
    }

    #[test]
    fn clean_air_has_no_dose() {
        assert_eq!(purser_per_min(&Air::CLEAN) + iso_13571_per_min(&Air::CLEAN) + heat_per_min(&Air::CLEAN), 0.0);
    }
}
