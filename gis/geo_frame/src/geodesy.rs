use glam::DVec3;

/// Semi-major axis of WGS 84, GRS 80 and CGCS2000, metres.
pub const WGS84_A_M: f64 = 6_378_137.0;
/// Flattening of WGS 84. CGCS2000's (1/298.257222101) moves a pole by 0.1 mm and is not told apart.
pub const WGS84_F: f64 = 1.0 / 298.257_223_563;

/// First eccentricity squared of WGS 84.
pub(crate) const E2: f64 = WGS84_F * (2.0 - WGS84_F);

/// A horizontal position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LonLat {
    /// Longitude, degrees, east positive, −180…180.
    pub lon_deg: f64,
    /// Latitude, degrees, north positive, −90…90.
    pub lat_deg: f64,
}

impl LonLat {
    /// A position from longitude and latitude in degrees.
    pub const fn new(lon_deg: f64, lat_deg: f64) -> Self {
        Self { lon_deg, lat_deg }
    }

    /// The same position with a height in metres.
    pub const fn with_height(self, height_m: f64) -> Geodetic {
        Geodetic { lon_deg: self.lon_deg, lat_deg: self.lat_deg, height_m }
    }
}

/// A position with a height. The height is whatever the delivery's vertical datum is; see the crate page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Geodetic {
    /// Longitude, degrees, east positive, −180…180.
    pub lon_deg: f64,
    /// Latitude, degrees, north positive, −90…90.
    pub lat_deg: f64,
    /// Height, metres.
    pub height_m: f64,
}

impl Geodetic {
    /// A position from longitude and latitude in degrees and height in metres.
    pub const fn new(lon_deg: f64, lat_deg: f64, height_m: f64) -> Self {
        Self { lon_deg, lat_deg, height_m }
    }

    /// The horizontal part.
    pub const fn lon_lat(self) -> LonLat {
        LonLat { lon_deg: self.lon_deg, lat_deg: self.lat_deg }
    }
}

/// Earth-centred, earth-fixed coordinates (metres) of a geodetic position on WGS 84 (EPSG:4978; EPSG:4479 alike).
pub fn ecef_from_geodetic(position: Geodetic) -> DVec3 {
    let (sin_lat, cos_lat) = position.lat_deg.to_radians().sin_cos();
    let (sin_lon, cos_lon) = position.lon_deg.to_radians().sin_cos();
    let n = prime_vertical_radius_m(sin_lat);
    DVec3::new(
        (n + position.height_m) * cos_lat * cos_lon,
        (n + position.height_m) * cos_lat * sin_lon,
        (n * (1.0 - E2) + position.height_m) * sin_lat,
    )
}

/// Geodetic position of earth-centred, earth-fixed coordinates in metres.
///
/// Bowring's start (Survey Review 23, 1976) followed by fixed-point steps on his parametric latitude; at heights from
/// −10 km to 10 000 km the result reproduces the input to better than 1 µm. The centre of the earth gives the pole.
pub fn geodetic_from_ecef(ecef: impl Into<DVec3>) -> Geodetic {
    let p_ecef: DVec3 = ecef.into();
    let p = p_ecef.x.hypot(p_ecef.y);
    let b = WGS84_A_M * (1.0 - WGS84_F);
    let ep2 = E2 / (1.0 - E2);
    let mut beta = (p_ecef.z * WGS84_A_M).atan2(p * b);
    let mut lat = 0.0;
    for _ in 0..6 {
        let (sin_b, cos_b) = beta.sin_cos();
        lat = (p_ecef.z + ep2 * b * sin_b.powi(3)).atan2(p - E2 * WGS84_A_M * cos_b.powi(3));
        let next = ((1.0 - WGS84_F) * lat.sin()).atan2(lat.cos());
        let done = (next - beta).abs() < 1e-16;
        beta = next;
        if done {
            break;
        }
    }
    let (sin_lat, cos_lat) = lat.sin_cos();
    let n = prime_vertical_radius_m(sin_lat);
    // stable at every latitude: the projection of the position on the normal
    let height_m = p * cos_lat + p_ecef.z * sin_lat - WGS84_A_M * WGS84_A_M / n;
    Geodetic { lon_deg: p_ecef.y.atan2(p_ecef.x).to_degrees(), lat_deg: lat.to_degrees(), height_m }
}

fn prime_vertical_radius_m(sin_lat: f64) -> f64 {
    WGS84_A_M / (1.0 - E2 * sin_lat * sin_lat).sqrt()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equator_and_pole() {
        let e = ecef_from_geodetic(Geodetic::new(0.0, 0.0, 0.0));
        assert!((e - DVec3::new(WGS84_A_M, 0.0, 0.0)).length() < 1e-9);
        // EPSG Guidance Note 7-2: b = 6356752.314 m
        let n = ecef_from_geodetic(Geodetic::new(0.0, 90.0, 0.0));
        assert!((n.z - 6_356_752.314_245).abs() < 1e-5);
    }

    #[test]
    fn epsg_guidance_note_example() {
        // IOGP Guidance Note 7-2, geographic/geocentric conversion (EPSG 9602): 53°48'33.820"N, 2°07'46.380"E, h 73.0
        let e = ecef_from_geodetic(Geodetic::new(
            2.0 + 7.0 / 60.0 + 46.380 / 3600.0,
            53.0 + 48.0 / 60.0 + 33.820 / 3600.0,
            73.0,
        ));
        assert!((e - DVec3::new(3_771_793.968, 140_253.342, 5_124_304.349)).length() < 2e-3, "{e}");
    }

    #[test]
    fn centre_of_the_earth_is_finite() {
        let g = geodetic_from_ecef(DVec3::ZERO);
        assert!(g.lon_deg.is_finite() && g.lat_deg.is_finite() && g.height_m.is_finite());
    }

    proptest! {
        #[test]
        fn ecef_round_trip(lon in -180.0..180.0f64, lat in -90.0..90.0f64, h in -10_000.0..1e7f64) {
            let p = ecef_from_geodetic(Geodetic::new(lon, lat, h));
            let back = ecef_from_geodetic(geodetic_from_ecef(p));
            prop_assert!((p - back).length() < 1e-6, "{p} {back}");
        }
    }
}
