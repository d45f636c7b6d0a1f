use crate::kernel::RawGeoreference;

/// Where a georeference comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GeoSource {
    /// `IfcMapConversion` with `IfcProjectedCRS`.
    MapConversion,
    /// The `ePSet_MapConversion` substitute of IFC 2x3.
    PropertySet,
    /// Latitude, longitude and elevation of `IfcSite`: metres to hundreds of metres off in practice.
    Site,
    /// The caller.
    Manual,
}

impl GeoSource {
    /// Stable word for reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            GeoSource::MapConversion => "mapConversion",
            GeoSource::PropertySet => "ePSetMapConversion",
            GeoSource::Site => "site",
            GeoSource::Manual => "manual",
        }
    }
}

/// How the project's world frame lies on the map.
#[derive(Debug, Clone, PartialEq)]
pub struct Georeference {
    /// Where it comes from.
    pub source: GeoSource,
    /// The map's CRS as text ("EPSG:4547"); `None` when the file names none.
    pub crs: Option<String>,
    /// Easting of the local zero, metres; longitude in degrees for [`GeoSource::Site`].
    pub easting_m: f64,
    /// Northing of the local zero, metres; latitude in degrees for [`GeoSource::Site`].
    pub northing_m: f64,
    /// Height of the local zero, metres.
    pub height_m: f64,
    /// Unit vector of the local x axis in the map (east, north).
    pub x_axis: [f64; 2],
    /// Map metres per local metre, 1 but for projections with a scale factor.
    pub scale: f64,
    /// What had to be assumed, for the report.
    pub assumption: Option<String>,
}

impl Georeference {
    /// Map coordinates (easting, northing, height; metres) of a local point (metres). For [`GeoSource::Site`] use
    /// [`Self::enu_from_local`] instead.
    #[must_use]
    pub fn map_from_local(&self, p: [f64; 3]) -> [f64; 3] {
        let [e, n, u] = self.enu_from_local(p);
        [self.easting_m + e, self.northing_m + n, self.height_m + u]
    }

    /// Offset from the local zero along the map's axes, metres.
    #[must_use]
    pub fn enu_from_local(&self, p: [f64; 3]) -> [f64; 3] {
        let [c, s] = self.x_axis;
        [self.scale * (c * p[0] - s * p[1]), self.scale * (s * p[0] + c * p[1]), p[2]]
    }

    /// Resolves units: the file's numbers are in the map unit or, when it names none, in the project's length unit.
    pub(crate) fn from_raw(raw: &RawGeoreference, length_unit_m: f64) -> Self {
        if raw.from_site {
            return Self {
                source: GeoSource::Site,
                crs: Some("EPSG:4326".into()),
                easting_m: raw.eastings,
                northing_m: raw.northings,
                height_m: raw.height * length_unit_m,
                x_axis: [1.0, 0.0],
                scale: 1.0,
                assumption: Some("only IfcSite latitude and longitude: position may be far off".into()),
            };
        }
        let stated = raw.map_unit_m.unwrap_or(length_unit_m);
        // Scale takes project units to map units, so this is 1 when all is consistent.
        let scale_with = |map_unit_m: f64| raw.scale * map_unit_m / length_unit_m;
        let near_one = |scale: f64| (scale - 1.0).abs() < 0.02;
        let (map_unit_m, scale, assumption) = if near_one(scale_with(stated)) {
            (stated, scale_with(stated), None)
        } else if near_one(scale_with(1.0)) {
            (1.0, scale_with(1.0), Some(format!("map unit taken as metre: Scale {} fits only that", raw.scale)))
        } else {
            let text = format!("Scale {} fits neither the map unit nor the metre: taken as 1", raw.scale);
            (stated, 1.0, Some(text))
        };
        Self {
            source: if raw.from_property_set { GeoSource::PropertySet } else { GeoSource::MapConversion },
            crs: raw.crs_name.clone().filter(|n| !n.trim().is_empty()),
            easting_m: raw.eastings * map_unit_m,
            northing_m: raw.northings * map_unit_m,
            height_m: raw.height * map_unit_m,
            x_axis: raw.x_axis,
            scale,
            assumption,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(scale: f64, map_unit_m: Option<f64>, eastings: f64) -> RawGeoreference {
        RawGeoreference { scale, map_unit_m, eastings, x_axis: [0.0, 1.0], ..Default::default() }
    }

    #[test]
    fn units_are_resolved() {
        // millimetre project, no map unit: eastings are millimetres too
        let g = Georeference::from_raw(&raw(1.0, None, 729_013_348.8), 0.001);
        assert!((g.easting_m - 729_013.348_8).abs() < 1e-6 && (g.scale - 1.0).abs() < 1e-12 && g.assumption.is_none());
        // millimetre project, metre map, Scale as the standard wants it
        let g = Georeference::from_raw(&raw(0.001, Some(1.0), 729_013.0), 0.001);
        assert!((g.easting_m - 729_013.0).abs() < 1e-9 && (g.scale - 1.0).abs() < 1e-12 && g.assumption.is_none());
        // the same without the map unit
        let g = Georeference::from_raw(&raw(0.001, None, 729_013.0), 0.001);
        assert!((g.easting_m - 729_013.0).abs() < 1e-9 && g.assumption.is_some());
        // metre map, but Scale left at 1
        let g = Georeference::from_raw(&raw(1.0, Some(1.0), 729_013.0), 0.001);
        assert!((g.scale - 1.0).abs() < 1e-12 && (g.easting_m - 729_013.0).abs() < 1e-9 && g.assumption.is_some());
    }

    #[test]
    fn the_x_axis_turns_the_model() {
        let g = Georeference::from_raw(&raw(1.0, Some(1.0), 1000.0), 1.0);
        let p = g.map_from_local([10.0, 0.0, 3.0]);
        assert_eq!(p, [1000.0, 10.0, 3.0]);
    }
}
