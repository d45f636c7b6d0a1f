//! Smoke outside on the wind (室外烟羽): a coarse steady estimate for warning areas, no more.
//!
//! Gaussian plume over open ground with Briggs' dispersion for urban terrain and his rise of hot plumes, reflected at the ground.
//! It knows no buildings, no change of the wind and no calm: good to a factor of two to three in flat country, worse in a street.

use crate::FireError;
use crate::detect::EXTINCTION_M2PKG;
use crate::gas::{CP, GRAVITY};
use serde::{Deserialize, Serialize};
use sim_core::check_range;

/// Stability of the air by Pasquill's classes (大气稳定度), pairs that share Briggs' urban curves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stability {
    /// A and B: strong sun, light wind.
    Unstable,
    /// C: some sun.
    Slight,
    /// D: cloud or wind.
    #[default]
    Neutral,
    /// E and F: clear night.
    Stable,
}

/// What feeds the plume.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OutdoorPlume {
    /// Speed of the wind at 10 m, m/s, 0.5 to 40.
    pub wind_mps: f64,
    /// Direction the wind blows towards, radians anticlockwise from east.
    pub towards_rad: f64,
    /// Stability.
    pub stability: Stability,
    /// Position of the source, ENU, m.
    pub source: [f64; 2],
    /// Height at which smoke leaves the building above the ground, m, 0 to 1000.
    pub release_m: f64,
    /// Convective heat that leaves with it, kW, 0 to 1 000 000.
    pub heat_kw: f64,
    /// Soot that leaves with it, kg/s, 0 to 1000.
    pub soot_kgps: f64,
}

impl OutdoorPlume {
    /// Checks the fields.
    ///
    /// # Errors
    /// [`FireError::Param`] naming the field.
    pub fn check(&self) -> Result<(), FireError> {
        check_range("wind_mps", self.wind_mps, "m/s", 0.5, 40.0)?;
        check_range("towards_rad", self.towards_rad, "rad", -100.0, 100.0)?;
        check_range("source x", self.source[0], "m", -1e7, 1e7)?;
        check_range("source y", self.source[1], "m", -1e7, 1e7)?;
        check_range("release_m", self.release_m, "m", 0.0, 1000.0)?;
        check_range("heat_kw", self.heat_kw, "kW", 0.0, 1e6)?;
        check_range("soot_kgps", self.soot_kgps, "kg/s", 0.0, 1000.0)?;
        Ok(())
    }

    /// Buoyancy flux F = g Q / (π cp ρ T), m⁴/s³ (Briggs 1969), in air of 293 K and 1.2 kg/m³.
    fn buoyancy(&self) -> f64 {
        GRAVITY * self.heat_kw * 1e3 / (std::f64::consts::PI * CP * 1.2 * 293.0)
    }

    /// Height of the axis above the ground at a distance down the wind, m: the release and Briggs' rise
    /// 1.6 F^(1/3) x^(2/3) / u, up to 49 F^(5/8) (below 55 m⁴/s³) or 119 F^(2/5) m from the source.
    #[must_use]
    pub fn axis_m(&self, x_m: f64) -> f64 {
        let f = self.buoyancy();
        let far = if f < 55.0 { 49.0 * libm::pow(f, 0.625) } else { 119.0 * libm::pow(f, 0.4) };
        let x = x_m.max(0.0).min(far);
        self.release_m + 1.6 * libm::cbrt(f) * libm::pow(x, 2.0 / 3.0) / self.wind_mps
    }

    /// Standard deviations across and upward at a distance, m: Briggs' urban curves (1973; Hanna, Briggs & Hosker 1982, table
    /// 4.5).
    #[must_use]
    pub fn spread_m(&self, x_m: f64) -> [f64; 2] {
        let x = x_m.max(1.0);
        let wide = 1.0 / (1.0 + 0.0004 * x).sqrt();
        match self.stability {
            Stability::Unstable => [0.32 * x * wide, 0.24 * x * (1.0 + 0.001 * x).sqrt()],
            Stability::Slight => [0.22 * x * wide, 0.20 * x],
            Stability::Neutral => [0.16 * x * wide, 0.14 * x / (1.0 + 0.0003 * x).sqrt()],
            Stability::Stable => [0.11 * x * wide, 0.08 * x / (1.0 + 0.0015 * x).sqrt()],
        }
    }

    /// Light extinction at a point, 1/m: position ENU m, height above the ground m. 0 up the wind of the source.
    #[must_use]
    pub fn extinction_per_m(&self, p: [f64; 2], height_m: f64) -> f64 {
        let (dx, dy) = (p[0] - self.source[0], p[1] - self.source[1]);
        let (east, north) = (libm::cos(self.towards_rad), libm::sin(self.towards_rad));
        let (along, across) = (dx * east + dy * north, dy * east - dx * north);
        if along <= 0.0 {
            return 0.0;
        }
        let [sy, sz] = self.spread_m(along);
        let axis = self.axis_m(along);
        let bell = |d: f64, s: f64| libm::exp(-0.5 * (d / s) * (d / s));
        let upward = bell(height_m - axis, sz) + bell(height_m + axis, sz);
        let soot = self.soot_kgps * bell(across, sy) * upward / (2.0 * std::f64::consts::PI * self.wind_mps * sy * sz);
        EXTINCTION_M2PKG * soot
    }

    /// Outline of the area where extinction at 1.6 m exceeds a bound: (distance down the wind, half width), m, every `step_m` up to
    /// `reach_m` (at most 10 000 points).
    #[must_use]
    pub fn warning_area(&self, extinction_per_m: f64, step_m: f64, reach_m: f64) -> Vec<(f64, f64)> {
        let count = (reach_m / step_m.max(0.1)).clamp(0.0, 10_000.0) as u32;
        let (east, north) = (libm::cos(self.towards_rad), libm::sin(self.towards_rad));
        let mut out = Vec::new();
        for k in 1..=count {
            let x = f64::from(k) * step_m.max(0.1);
            let middle = self.extinction_per_m([self.source[0] + x * east, self.source[1] + x * north], 1.6);
            if middle > extinction_per_m {
                // The bell across falls to the bound at σ √(2 ln ratio).
                let half = self.spread_m(x)[0] * (2.0 * libm::log(middle / extinction_per_m)).sqrt();
                out.push((x, half));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plume() -> OutdoorPlume {
        OutdoorPlume {
            wind_mps: 4.0,
            towards_rad: 0.3,
            stability: Stability::Neutral,
            source: [10.0, -20.0],
            release_m: 12.0,
            heat_kw: 500.0,
            soot_kgps: 0.02,
        }
    }

    /// Integral of concentration × wind over a plane across the wind is the source.
    #[test]
    fn smoke_is_conserved_down_the_wind() {
        let p = plume();
        for x in [50.0, 400.0, 1500.0] {
            let [sy, sz] = p.spread_m(x);
            let (mut sum, cells) = (0.0, 300);
            let top = p.axis_m(x) + 6.0 * sz;
            for i in 0..cells {
                for j in 0..cells {
                    let across = sy * 12.0 * ((f64::from(i) + 0.5) / f64::from(cells) - 0.5);
                    let z = top * (f64::from(j) + 0.5) / f64::from(cells);
                    let (e, n) = (libm::cos(0.3), libm::sin(0.3));
                    let at = [10.0 + x * e - across * n, -20.0 + x * n + across * e];
                    sum += p.extinction_per_m(at, z) * (sy * 12.0 / f64::from(cells)) * (top / f64::from(cells));
                }
            }
            let soot = sum * 4.0 / EXTINCTION_M2PKG;
            assert!((soot / 0.02 - 1.0).abs() < 0.01, "{x} {soot}");
        }
    }

    #[test]
    fn numbers_by_hand() {
        let p = plume();
        // F = 9.80665 * 5e5 / (π * 1004.7 * 1.2 * 293) = 4.4186; rise at 100 m: 1.6 * 1.6409 * 21.544 / 4 = 14.14.
        assert!((p.axis_m(100.0) - 12.0 - 14.14).abs() < 0.05, "{}", p.axis_m(100.0));
        // D at 1000 m: 160/√1.4 = 135.2; 140/√1.3 = 122.8.
        let [sy, sz] = p.spread_m(1000.0);
        assert!((sy - 135.2).abs() < 0.1 && (sz - 122.8).abs() < 0.1, "{sy} {sz}");
        assert_eq!(p.extinction_per_m([-100.0, -20.0], 1.6), 0.0);
    }

    #[test]
    fn the_warning_area_is_where_the_bound_is() {
        let p = plume();
        let area = p.warning_area(0.005, 20.0, 3000.0);
        assert!(area.len() > 5, "{area:?}");
        let (x, half) = area[area.len() / 2];
        let (e, n) = (libm::cos(0.3), libm::sin(0.3));
        let edge = [10.0 + x * e - half * n, -20.0 + x * n + half * e];
        assert!((p.extinction_per_m(edge, 1.6) / 0.005 - 1.0).abs() < 1e-9);
        assert!(OutdoorPlume { wind_mps: 0.0, ..p }.check().is_err());
    }
}
