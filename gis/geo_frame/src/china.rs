//! The shifted coordinates of Chinese internet maps: GCJ-02 (most map services) and BD-09 (Baidu).
//!
//! Neither is a survey system. Convert on import, keep a note with the layer, and never present shifted data as
//! surveyed. The formulas are the publicly known approximation of the undocumented shift (±0.5 m against the real
//! services); the inverses here iterate the forward formula, so a round trip closes to well under a millimetre.

use std::f64::consts::PI;

use crate::LonLat;

/// Semi-major axis of the Krasovsky 1940 ellipsoid used by the shift, metres.
const A: f64 = 6_378_245.0;
/// First eccentricity squared of that ellipsoid.
const EE: f64 = 0.006_693_421_622_965_943;
/// Baidu's angular constant.
const BD_PI: f64 = PI * 3000.0 / 180.0;
/// 1e-10 degrees are 0.01 mm.
const TOLERANCE_DEG: f64 = 1e-11;
const MAX_STEPS: usize = 50;

/// Whether the shift applies: the rectangle that the map services use around China.
pub fn in_shift_area(p: LonLat) -> bool {
    (72.004..=137.8347).contains(&p.lon_deg) && (0.8293..=55.8271).contains(&p.lat_deg)
}

/// GCJ-02 of a WGS 84 (or CGCS2000) position; positions outside [`in_shift_area`] are unchanged.
pub fn gcj02_from_wgs84(p: LonLat) -> LonLat {
    if !in_shift_area(p) {
        return p;
    }
    let (dlon, dlat) = shift_deg(p);
    LonLat::new(p.lon_deg + dlon, p.lat_deg + dlat)
}

/// WGS 84 (or CGCS2000) of a GCJ-02 position.
pub fn wgs84_from_gcj02(p: LonLat) -> LonLat {
    if !in_shift_area(p) {
        return p;
    }
    invert(p, gcj02_from_wgs84)
}

/// BD-09 of a GCJ-02 position.
pub fn bd09_from_gcj02(p: LonLat) -> LonLat {
    let (x, y) = (p.lon_deg, p.lat_deg);
    let r = x.hypot(y) + 0.00002 * (y * BD_PI).sin();
    let theta = y.atan2(x) + 0.000003 * (x * BD_PI).cos();
    LonLat::new(r * theta.cos() + 0.0065, r * theta.sin() + 0.006)
}

/// GCJ-02 of a BD-09 position.
pub fn gcj02_from_bd09(p: LonLat) -> LonLat {
    invert(p, bd09_from_gcj02)
}

/// BD-09 of a WGS 84 position.
pub fn bd09_from_wgs84(p: LonLat) -> LonLat {
    bd09_from_gcj02(gcj02_from_wgs84(p))
}

/// WGS 84 of a BD-09 position.
pub fn wgs84_from_bd09(p: LonLat) -> LonLat {
    wgs84_from_gcj02(gcj02_from_bd09(p))
}

/// Fixed-point inverse of a map that differs from the identity by a small, smooth shift.
fn invert(target: LonLat, forward: impl Fn(LonLat) -> LonLat) -> LonLat {
    let mut guess = target;
    for _ in 0..MAX_STEPS {
        let f = forward(guess);
        let (dx, dy) = (target.lon_deg - f.lon_deg, target.lat_deg - f.lat_deg);
        guess = LonLat::new(guess.lon_deg + dx, guess.lat_deg + dy);
        if dx.abs() < TOLERANCE_DEG && dy.abs() < TOLERANCE_DEG {
            break;
        }
    }
    guess
}

/// The shift in degrees (longitude, latitude).
fn shift_deg(p: LonLat) -> (f64, f64) {
    let (x, y) = (p.lon_deg - 105.0, p.lat_deg - 35.0);
    let waves = |v: f64, periods: [(f64, f64); 2]| {
        periods.iter().map(|(amplitude, factor)| amplitude * (v * factor * PI).sin()).sum::<f64>() * 2.0 / 3.0
    };
    let common = waves(x, [(20.0, 6.0), (20.0, 2.0)]);
    let root = x.abs().sqrt();
    let lat_m = -100.0
        + 2.0 * x
        + 3.0 * y
        + 0.2 * y * y
        + 0.1 * x * y
        + 0.2 * root
        + common
        + waves(y, [(20.0, 1.0), (40.0, 1.0 / 3.0)])
        + waves(y, [(160.0, 1.0 / 12.0), (320.0, 1.0 / 30.0)]);
    let lon_m = 300.0
        + x
        + 2.0 * y
        + 0.1 * x * x
        + 0.1 * x * y
        + 0.1 * root
        + common
        + waves(x, [(20.0, 1.0), (40.0, 1.0 / 3.0)])
        + waves(x, [(150.0, 1.0 / 12.0), (300.0, 1.0 / 30.0)]);
    let (sin_lat, cos_lat) = p.lat_deg.to_radians().sin_cos();
    let magic = 1.0 - EE * sin_lat * sin_lat;
    let meridian_radius = A * (1.0 - EE) / (magic * magic.sqrt());
    let parallel_radius = A / magic.sqrt() * cos_lat;
    ((lon_m / parallel_radius).to_degrees(), (lat_m / meridian_radius).to_degrees())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::EnuFrame;

    fn distance_m(a: LonLat, b: LonLat) -> f64 {
        EnuFrame::new(a.with_height(0.0)).enu_from_geodetic(b.with_height(0.0)).length()
    }

    #[test]
    fn size_of_the_shift_in_four_cities() {
        // measured independently for these city centres: 556, 482, 606, 360 m
        for (lon, lat, want) in
            [(116.397, 39.909, 556.0), (121.474, 31.23, 482.0), (114.06, 22.543, 606.0), (104.066, 30.573, 360.0)]
        {
            let p = LonLat::new(lon, lat);
            let d = distance_m(p, gcj02_from_wgs84(p));
            assert!((d - want).abs() < 25.0, "{lon},{lat}: {d} m, not {want}");
        }
    }

    #[test]
    fn outside_china_nothing_moves() {
        let p = LonLat::new(2.35, 48.85);
        assert_eq!(gcj02_from_wgs84(p), p);
        assert_eq!(wgs84_from_gcj02(p), p);
    }

    proptest! {
        #[test]
        fn gcj_round_trip_below_1_mm(lon in 73.0..135.0f64, lat in 3.0..54.0f64) {
            let p = LonLat::new(lon, lat);
            prop_assert!(distance_m(p, wgs84_from_gcj02(gcj02_from_wgs84(p))) < 1e-3);
            prop_assert!(distance_m(p, gcj02_from_wgs84(wgs84_from_gcj02(p))) < 1e-3);
        }

        #[test]
        fn bd_round_trip_below_1_mm(lon in 73.0..135.0f64, lat in 3.0..54.0f64) {
            let p = LonLat::new(lon, lat);
            prop_assert!(distance_m(p, gcj02_from_bd09(bd09_from_gcj02(p))) < 1e-3);
            prop_assert!(distance_m(p, wgs84_from_bd09(bd09_from_wgs84(p))) < 1e-3);
        }
    }
}
