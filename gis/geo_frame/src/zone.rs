use crate::FrameError;

/// What an easting says about a Gauss–Krüger zone prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZonePrefixReport {
    /// The zone number in front of the easting, when there is one (eastings above 1 000 000 m).
    pub prefix: Option<u32>,
    /// Central meridian if the prefix is a 3° zone (number × 3), degrees. 3° zones over China are 25…45.
    pub central_meridian_3deg: Option<u32>,
    /// Central meridian if the prefix is a 6° zone (number × 6 − 3), degrees. 6° zones over China are 13…23.
    pub central_meridian_6deg: Option<u32>,
}

/// Looks at an easting (metres) and reports the zone prefix it carries, if any.
///
/// An easting inside a zone is 500 000 m ± at most 350 km, so anything above 1 000 000 m carries a prefix. The numbers
/// of 3° zones (25…45) and 6° zones (13…23) over China do not overlap, so at most one meridian is given.
pub fn detect_zone_prefix(easting_m: f64) -> ZonePrefixReport {
    let none = ZonePrefixReport { prefix: None, central_meridian_3deg: None, central_meridian_6deg: None };
    if !(1e6..1e9).contains(&easting_m) {
        return none;
    }
    let prefix = (easting_m / 1e6).floor() as u32;
    ZonePrefixReport {
        prefix: Some(prefix),
        central_meridian_3deg: (25..=45).contains(&prefix).then_some(prefix * 3),
        central_meridian_6deg: (13..=23).contains(&prefix).then(|| prefix * 6 - 3),
    }
}

/// Refuses an easting whose prefix contradicts the false easting of the system.
pub(crate) fn check(easting_m: f64, false_easting_m: f64, crs: &str) -> Result<(), FrameError> {
    let found = detect_zone_prefix(easting_m).prefix;
    let wanted = detect_zone_prefix(false_easting_m).prefix;
    if found == wanted {
        return Ok(());
    }
    let say = |p: Option<u32>| p.map_or_else(|| "no zone prefix".to_owned(), |p| format!("zone prefix {p}"));
    Err(FrameError::ZonePrefixMismatch {
        easting: easting_m,
        crs: crs.to_owned(),
        reason: format!("the value has {}, the system wants {}", say(found), say(wanted)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes() {
        assert_eq!(detect_zone_prefix(550_901.0).prefix, None);
        let r = detect_zone_prefix(38_550_901.0);
        assert_eq!((r.prefix, r.central_meridian_3deg, r.central_meridian_6deg), (Some(38), Some(114), None));
        let r = detect_zone_prefix(20_550_901.0);
        assert_eq!((r.prefix, r.central_meridian_3deg, r.central_meridian_6deg), (Some(20), None, Some(117)));
        assert_eq!(detect_zone_prefix(f64::NAN).prefix, None);
        assert_eq!(detect_zone_prefix(f64::INFINITY).prefix, None);
    }
}
