use proj4rs::Proj;

use crate::{EnuFrame, FrameError, Geodetic, LonLat, china, ecef_from_geodetic, geodetic_from_ecef, zone};

/// A coordinate reference system. Coordinates are always x = east or longitude, y = north or latitude, z = height.
#[derive(Debug, Clone)]
pub struct Crs {
    name: String,
    epsg: Option<u32>,
    vertical_epsg: Option<u32>,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    /// Longitude and latitude in degrees on WGS 84 or CGCS2000.
    Geographic,
    /// Earth-centred metres.
    Geocentric,
    /// A local tangent plane.
    Local(Box<EnuFrame>),
    /// Longitude and latitude in degrees, shifted as internet maps do.
    Shifted(Shift),
    /// Anything a proj string describes.
    Proj(Box<Projected>),
}

#[derive(Debug, Clone, Copy)]
enum Shift {
    Gcj02,
    Bd09,
}

#[derive(Debug, Clone)]
struct Projected {
    proj: Proj,
    geographic: Proj,
    /// False easting in metres when a Gauss–Krüger zone prefix could be mistaken.
    prefix_checked_easting_m: Option<f64>,
    /// Central meridian in degrees of a transverse Mercator projection, beyond whose neighbourhood it folds over.
    central_meridian_deg: Option<f64>,
}

/// Widest longitude difference that a transverse Mercator projection is used for here.
const MAX_FROM_MERIDIAN_DEG: f64 = 30.0;

const GEOGRAPHIC: &str = "+proj=longlat +datum=WGS84 +no_defs";

impl Crs {
    /// The system of an EPSG code.
    ///
    /// 4326, 4490, 4979, 4480 (geographic) and 4978, 4479 (earth-centred) are built in, all others come from the
    /// compiled-in register as proj strings.
    ///
    /// # Errors
    /// [`FrameError::UnknownEpsg`] for a code outside the register, [`FrameError::BadCrs`] for one whose projection
    /// is not supported.
    pub fn from_epsg(code: u32) -> Result<Self, FrameError> {
        let kind = match code {
            4326 | 4490 | 4979 | 4480 => Kind::Geographic,
            4978 | 4479 => Kind::Geocentric,
            _ => {
                let definition = u16::try_from(code).ok().and_then(crs_definitions::from_code);
                let definition = definition.ok_or(FrameError::UnknownEpsg { code })?;
                kind_from_proj(definition.proj4)?
            }
        };
        Ok(Self { name: format!("EPSG:{code}"), epsg: Some(code), vertical_epsg: None, kind })
    }

    /// The system of a proj string such as
    /// `+proj=tmerc +lat_0=0 +lon_0=114.3 +k=1 +x_0=500000 +y_0=0 +ellps=GRS80 +units=m`.
    ///
    /// `+axis=neu` is dropped, because coordinates are always east first here; other axis orders are refused.
    ///
    /// # Errors
    /// [`FrameError::BadCrs`] naming the string.
    pub fn from_proj(text: &str) -> Result<Self, FrameError> {
        Ok(Self { name: text.trim().to_owned(), epsg: None, vertical_epsg: None, kind: kind_from_proj(text)? })
    }

    /// A local tangent plane at `origin`: coordinates are metres east, north, up.
    pub fn from_enu(frame: EnuFrame) -> Self {
        let o = frame.origin;
        let name = format!("ENU:{},{},{}", o.lat_deg, o.lon_deg, o.height_m);
        Self { name, epsg: None, vertical_epsg: None, kind: Kind::Local(Box::new(frame)) }
    }

    /// The system of a text as it occurs in deliveries: `EPSG:4547`, `EPSG:4547+5773` (the vertical code is kept, see
    /// [`Self::vertical_epsg`]), `ENU:lat,lon` or `ENU:lat,lon,height`, `GCJ-02`, `BD-09`, `WGS84`, `CGCS2000`, or a
    /// proj string.
    ///
    /// # Errors
    /// [`FrameError::BadCrs`] or [`FrameError::UnknownEpsg`]. `LOCAL` and WKT are refused with a hint.
    pub fn from_user(text: &str) -> Result<Self, FrameError> {
        let trimmed = text.trim();
        let upper = trimmed.to_ascii_uppercase();
        if let Some(rest) = upper.strip_prefix("EPSG:") {
            return from_epsg_text(trimmed, rest);
        }
        if let Some(rest) = upper.strip_prefix("ENU:") {
            return from_enu_text(trimmed, rest);
        }
        match upper.replace(['-', '_', ' '], "").as_str() {
            "GCJ02" => return Ok(shifted("GCJ-02", Shift::Gcj02)),
            "BD09" | "BD09LL" => return Ok(shifted("BD-09", Shift::Bd09)),
            "WGS84" | "CRS84" | "OGC:CRS84" => return Self::from_epsg(4326),
            "CGCS2000" => return Self::from_epsg(4490),
            _ => {}
        }
        if trimmed.contains("+proj=") {
            return Self::from_proj(trimmed);
        }
        Err(bad(trimmed, accepted_spellings(&upper)))
    }

    /// The EPSG code, when the system was made from one. The horizontal one of a compound.
    pub const fn epsg(&self) -> Option<u32> {
        self.epsg
    }

    /// The vertical EPSG code of a compound such as `EPSG:4547+5773`. It is remembered, heights are not changed.
    pub const fn vertical_epsg(&self) -> Option<u32> {
        self.vertical_epsg
    }

    /// The text that messages use for this system.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether x and y are longitude and latitude in degrees.
    pub fn is_geographic(&self) -> bool {
        match &self.kind {
            Kind::Geographic | Kind::Shifted(_) => true,
            Kind::Geocentric | Kind::Local(_) => false,
            Kind::Proj(p) => p.proj.is_latlong(),
        }
    }

    /// Position of a coordinate of this system. The height is z unchanged, except for earth-centred and ENU systems.
    ///
    /// # Errors
    /// Not finite, outside the projection's domain, or an easting with the wrong zone prefix.
    pub fn to_geodetic(&self, xyz: [f64; 3]) -> Result<Geodetic, FrameError> {
        let [x, y, z] = xyz;
        self.check_finite(xyz)?;
        match &self.kind {
            Kind::Geographic => self.check_lon_lat(x, y).map(|()| Geodetic::new(x, y, z)),
            Kind::Geocentric => Ok(geodetic_from_ecef(xyz)),
            Kind::Local(frame) => Ok(frame.geodetic_from_enu(xyz)),
            Kind::Shifted(shift) => {
                self.check_lon_lat(x, y)?;
                let p = LonLat::new(x, y);
                let p = match shift {
                    Shift::Gcj02 => china::wgs84_from_gcj02(p),
                    Shift::Bd09 => china::wgs84_from_bd09(p),
                };
                Ok(p.with_height(z))
            }
            Kind::Proj(p) => {
                if let Some(false_easting_m) = p.prefix_checked_easting_m {
                    zone::check(x, false_easting_m, &self.name)?;
                }
                let start = if p.proj.is_latlong() { (x.to_radians(), y.to_radians(), 0.0) } else { (x, y, 0.0) };
                let (lon, lat) = self.transform(&p.proj, &p.geographic, start, [x, y])?;
                Ok(Geodetic::new(lon.to_degrees(), lat.to_degrees(), z))
            }
        }
    }

    /// Coordinate in this system of a position.
    ///
    /// # Errors
    /// Not finite or outside the projection's domain.
    pub fn from_geodetic(&self, position: Geodetic) -> Result<[f64; 3], FrameError> {
        let Geodetic { lon_deg, lat_deg, height_m } = position;
        self.check_finite([lon_deg, lat_deg, height_m])?;
        self.check_lon_lat(lon_deg, lat_deg)?;
        match &self.kind {
            Kind::Geographic => Ok([lon_deg, lat_deg, height_m]),
            Kind::Geocentric => Ok(ecef_from_geodetic(position).to_array()),
            Kind::Local(frame) => Ok(frame.enu_from_geodetic(position).to_array()),
            Kind::Shifted(shift) => {
                let p = match shift {
                    Shift::Gcj02 => china::gcj02_from_wgs84(position.lon_lat()),
                    Shift::Bd09 => china::bd09_from_wgs84(position.lon_lat()),
                };
                Ok([p.lon_deg, p.lat_deg, height_m])
            }
            Kind::Proj(p) => {
                if let Some(meridian_deg) = p.central_meridian_deg {
                    self.check_meridian(lon_deg, lat_deg, meridian_deg)?;
                }
                let start = (lon_deg.to_radians(), lat_deg.to_radians(), 0.0);
                let (x, y) = self.transform(&p.geographic, &p.proj, start, [lon_deg, lat_deg])?;
                if p.proj.is_latlong() {
                    return Ok([x.to_degrees(), y.to_degrees(), height_m]);
                }
                Ok([x, y, height_m])
            }
        }
    }

    fn transform(
        &self,
        from: &Proj,
        to: &Proj,
        start: (f64, f64, f64),
        shown: [f64; 2],
    ) -> Result<(f64, f64), FrameError> {
        let outside =
            |reason: String| FrameError::OutsideDomain { x: shown[0], y: shown[1], crs: self.name.clone(), reason };
        let mut point = start;
        proj4rs::transform::transform(from, to, &mut point).map_err(|e| outside(e.to_string()))?;
        if point.0.is_finite() && point.1.is_finite() {
            Ok((point.0, point.1))
        } else {
            Err(outside("the projection has no finite result".to_owned()))
        }
    }

    fn check_finite(&self, [x, y, z]: [f64; 3]) -> Result<(), FrameError> {
        if x.is_finite() && y.is_finite() && z.is_finite() {
            return Ok(());
        }
        Err(FrameError::NotFinite { x, y, z, crs: self.name.clone() })
    }

    /// A transverse Mercator projection is kept to the part of its domain where PROJ vouches for it.
    fn check_meridian(&self, lon_deg: f64, lat_deg: f64, meridian_deg: f64) -> Result<(), FrameError> {
        let away_deg = (lon_deg - meridian_deg + 180.0).rem_euclid(360.0) - 180.0;
        if away_deg.abs() <= MAX_FROM_MERIDIAN_DEG {
            return Ok(());
        }
        let reason = format!("more than {MAX_FROM_MERIDIAN_DEG}° from the central meridian {meridian_deg}°");
        Err(FrameError::OutsideDomain { x: lon_deg, y: lat_deg, crs: self.name.clone(), reason })
    }

    fn check_lon_lat(&self, lon_deg: f64, lat_deg: f64) -> Result<(), FrameError> {
        if lat_deg.abs() <= 90.0 && lon_deg.abs() <= 360.0 {
            return Ok(());
        }
        Err(FrameError::OutsideDomain {
            x: lon_deg,
            y: lat_deg,
            crs: self.name.clone(),
            reason: "longitude must be within ±360° and latitude within ±90°".to_owned(),
        })
    }
}

fn shifted(name: &str, shift: Shift) -> Crs {
    Crs { name: name.to_owned(), epsg: None, vertical_epsg: None, kind: Kind::Shifted(shift) }
}

fn bad(text: &str, reason: impl Into<String>) -> FrameError {
    FrameError::BadCrs { text: text.to_owned(), reason: reason.into() }
}

fn accepted_spellings(upper: &str) -> String {
    let accepted = "accepted are EPSG:n, EPSG:n+m, ENU:lat,lon, GCJ-02, BD-09 or a proj string with +proj=";
    if upper.starts_with("LOCAL") {
        return format!("a local frame without an origin cannot be placed; give ENU:lat,lon instead; {accepted}");
    }
    if ["PROJCS[", "GEOGCS[", "PROJCRS[", "GEOGCRS[", "COMPD_CS["].iter().any(|p| upper.starts_with(p)) {
        return format!("WKT is not read here; give its EPSG code; {accepted}");
    }
    accepted.to_owned()
}

fn from_epsg_text(text: &str, codes: &str) -> Result<Crs, FrameError> {
    let mut parts = codes.split('+').map(str::trim);
    let code = |s: Option<&str>| {
        let s = s.unwrap_or_default();
        s.parse::<u32>().map_err(|e| bad(text, format!("'{s}' is not an EPSG code ({e})")))
    };
    let mut crs = Crs::from_epsg(code(parts.next())?)?;
    if let Some(vertical) = parts.next() {
        crs.vertical_epsg = Some(code(Some(vertical))?);
        crs.name = text.to_owned();
    }
    if parts.next().is_some() {
        return Err(bad(text, "at most one horizontal and one vertical code"));
    }
    Ok(crs)
}

fn from_enu_text(text: &str, numbers: &str) -> Result<Crs, FrameError> {
    let values: Result<Vec<f64>, _> = numbers.split(',').map(|s| s.trim().parse::<f64>()).collect();
    let values = values.map_err(|e| bad(text, format!("ENU wants lat,lon or lat,lon,height in numbers ({e})")))?;
    let (lat_deg, lon_deg, height_m) = match *values.as_slice() {
        [lat, lon] => (lat, lon, 0.0),
        [lat, lon, h] => (lat, lon, h),
        _ => return Err(bad(text, "ENU wants lat,lon or lat,lon,height")),
    };
    if !(lat_deg.abs() <= 90.0 && lon_deg.abs() <= 180.0 && height_m.is_finite()) {
        return Err(bad(text, format!("latitude {lat_deg} must be within ±90°, longitude {lon_deg} within ±180°")));
    }
    let mut crs = Crs::from_enu(EnuFrame::new(Geodetic::new(lon_deg, lat_deg, height_m)));
    crs.name = text.to_owned();
    Ok(crs)
}

fn kind_from_proj(text: &str) -> Result<Kind, FrameError> {
    let mut kept = Vec::new();
    for word in text.split_whitespace() {
        match word.strip_prefix("+axis=") {
            None => kept.push(word),
            Some("enu" | "neu") => {}
            Some(axis) => {
                return Err(bad(text, format!("axis order '{axis}' is not supported, only enu and neu")));
            }
        }
    }
    let definition = kept.join(" ");
    if definition.is_empty() {
        return Err(bad(text, "there is no projection for it"));
    }
    if definition.contains("+proj=geocent") {
        return Ok(Kind::Geocentric);
    }
    let proj = Proj::from_proj_string(&definition).map_err(|e| bad(text, e.to_string()))?;
    let geographic = Proj::from_proj_string(GEOGRAPHIC).map_err(|e| bad(text, e.to_string()))?;
    let is_any = |names: &[&str]| names.contains(&proj.projname());
    let prefix_checked_easting_m = is_any(&["tmerc", "etmerc"]).then(|| proj.false_easting());
    let central_meridian_deg = is_any(&["tmerc", "etmerc", "utm"]).then(|| proj.longitude_of_origin().to_degrees());
    Ok(Kind::Proj(Box::new(Projected { proj, geographic, prefix_checked_easting_m, central_meridian_deg })))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_point() {
        // computed with PROJ
        let crs = Crs::from_epsg(4547).unwrap();
        let g = crs.to_geodetic([550_901.323, 3_360_977.338, 12.5]).unwrap();
        assert!((g.lon_deg - 114.529_508_304_979).abs() < 1e-10, "{g:?}");
        assert!((g.lat_deg - 30.367_550_668_357).abs() < 1e-10, "{g:?}");
        assert_eq!(g.height_m, 12.5);
    }

    #[test]
    fn with_and_without_prefix_agree() {
        let (plain, prefixed) = (Crs::from_epsg(4547).unwrap(), Crs::from_epsg(4526).unwrap());
        let a = plain.to_geodetic([550_901.323, 3_360_977.338, 0.0]).unwrap();
        let b = prefixed.to_geodetic([38_550_901.323, 3_360_977.338, 0.0]).unwrap();
        assert!((a.lon_deg - b.lon_deg).abs() < 1e-12 && (a.lat_deg - b.lat_deg).abs() < 1e-12);
    }

    #[test]
    fn wrong_prefix_is_an_error_that_names_value_and_system() {
        let e = Crs::from_epsg(4547).unwrap().to_geodetic([38_550_901.0, 3_360_977.0, 0.0]).unwrap_err();
        assert!(matches!(e, FrameError::ZonePrefixMismatch { .. }));
        let s = e.to_string();
        assert!(s.contains("38550901") && s.contains("EPSG:4547") && s.contains("38"), "{s}");
        assert!(Crs::from_epsg(4526).unwrap().to_geodetic([550_901.0, 3_360_977.0, 0.0]).is_err());
        assert!(Crs::from_epsg(4526).unwrap().to_geodetic([39_550_901.0, 3_360_977.0, 0.0]).is_err());
    }

    #[test]
    fn every_gauss_krueger_code_has_its_meridian() {
        for code in 4491..=4554u32 {
            let crs = Crs::from_epsg(code).unwrap();
            // EPSG register: 6° with prefix, 6° CM, 3° with prefix, 3° CM
            let (meridian, prefix) = match code {
                4491..=4501 => (75 + 6 * (code - 4491), Some(13 + code - 4491)),
                4502..=4512 => (75 + 6 * (code - 4502), None),
                4513..=4533 => (75 + 3 * (code - 4513), Some(25 + code - 4513)),
                _ => (75 + 3 * (code - 4534), None),
            };
            let x = f64::from(prefix.unwrap_or(0)) * 1e6 + 500_000.0;
            let g = crs.to_geodetic([x, 3_380_000.0, 0.0]).unwrap();
            assert!((g.lon_deg - f64::from(meridian)).abs() < 1e-9, "EPSG:{code}: {g:?}");
            assert!(!crs.is_geographic());
        }
    }

    #[test]
    fn user_spellings() {
        let compound = Crs::from_user(" epsg:4547+5773 ").unwrap();
        assert_eq!((compound.epsg(), compound.vertical_epsg()), (Some(4547), Some(5773)));
        let local = Crs::from_user("ENU:30.5,114.3").unwrap();
        let g = local.to_geodetic([0.0, 0.0, 5.0]).unwrap();
        assert!(
            (g.lat_deg - 30.5).abs() < 1e-12 && (g.lon_deg - 114.3).abs() < 1e-12 && (g.height_m - 5.0).abs() < 1e-6
        );
        assert!(Crs::from_user("GCJ-02").unwrap().is_geographic());
        let custom =
            Crs::from_user("+proj=tmerc +lat_0=0 +lon_0=114.3 +k=1 +x_0=50000 +y_0=-3000000 +ellps=GRS80 +units=m");
        let g = custom.unwrap().to_geodetic([50_000.0, 380_000.0, 1.0]).unwrap();
        assert!((g.lon_deg - 114.3).abs() < 1e-9);
    }

    #[test]
    fn bad_spellings_are_refused_with_the_text() {
        for text in [
            "",
            "EPSG:",
            "EPSG:x",
            "EPSG:99999999",
            "EPSG:1",
            "ENU:1",
            "ENU:91,0",
            "ENU:a,b",
            "LOCAL",
            "PROJCS[\"x\"]",
            "+proj=nonsense",
            "EPSG:4547+5773+1",
            "+proj=tmerc +axis=wsu",
            "4547",
        ] {
            let e = Crs::from_user(text).expect_err(text).to_string();
            assert!(!e.is_empty());
        }
    }

    #[test]
    fn not_finite_and_out_of_range_are_errors() {
        for code in [4326, 4547, 3857, 32650, 4978] {
            assert!(Crs::from_epsg(code).unwrap().to_geodetic([f64::NAN, 0.0, 0.0]).is_err());
        }
        assert!(Crs::from_epsg(4326).unwrap().to_geodetic([114.0, 91.0, 0.0]).is_err());
    }

    #[test]
    fn far_from_the_meridian_is_an_error() {
        for (code, inside) in [(4547u32, 114.0), (32650, 117.0), (4526, 114.0)] {
            let crs = Crs::from_epsg(code).unwrap();
            assert!(crs.from_geodetic(Geodetic::new(inside, 30.0, 0.0)).is_ok(), "EPSG:{code}");
            for far in [inside - 31.0, inside + 31.0, inside - 180.0] {
                assert!(crs.from_geodetic(Geodetic::new(far, 30.0, 0.0)).is_err(), "EPSG:{code} at {far}");
            }
        }
    }

    #[test]
    fn earth_centred() {
        let crs = Crs::from_epsg(4979).unwrap();
        let ecef = Crs::from_epsg(4978).unwrap();
        let p = ecef.from_geodetic(crs.to_geodetic([114.3, 30.5, 20.0]).unwrap()).unwrap();
        let g = ecef.to_geodetic(p).unwrap();
        assert!((g.lon_deg - 114.3).abs() < 1e-12 && (g.height_m - 20.0).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn gauss_krueger_round_trip(code in 4534u32..=4554, dlon in -1.6..1.6f64, lat in 3.0..54.0f64, h in -200.0..9000.0f64) {
            let crs = Crs::from_epsg(code).unwrap();
            let g = Geodetic::new(f64::from(75 + 3 * (code - 4534)) + dlon, lat, h);
            let xyz = crs.from_geodetic(g).unwrap();
            let back = crs.to_geodetic(xyz).unwrap();
            prop_assert!((g.lon_deg - back.lon_deg).abs() < 1e-11 && (g.lat_deg - back.lat_deg).abs() < 1e-11);
            prop_assert_eq!(back.height_m, h);
        }

        #[test]
        fn any_text_is_an_answer_not_a_panic(text in ".{0,60}", tail in "(EPSG:|ENU:|\\+proj=tmerc )?[-+=a-z0-9_., ]{0,60}") {
            for t in [text, tail] {
                if let Ok(crs) = Crs::from_user(&t) {
                    let _unused = crs.to_geodetic([500_000.0, 3e6, 0.0]).is_ok();
                }
            }
        }
    }
}
