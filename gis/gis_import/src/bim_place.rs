//! Where an IFC model lies in the frame, and how we know.

use crate::error::{ImportError, Result};
use crate::log::FileLog;
use crate::mesh::sub;
use crate::place::Place;
use crate::project::Layer;
use geo_frame::{Crs, EnuFrame, Geodetic, Projector};
use ifc_import::{GeoSource, Georeference, IfcModel};
use std::path::Path;

/// A model farther away than this is not of this community, m.
const FAR_M: f64 = 20_000.0;

/// From the model's world frame to the community's.
pub(crate) struct Placement {
    kind: Kind,
    /// Columns: where the local axes point in the frame.
    axes: [[f64; 3]; 3],
    zero: [f64; 3],
}

enum Kind {
    /// Every vertex by the exact projection.
    Map { projector: Projector, geo: Georeference },
    /// On the tangent plane at a position.
    Site { frame: EnuFrame, to: EnuFrame },
    /// Moved as it is: added to every point, ENU metres.
    Shift([f64; 3]),
}

impl Placement {
    /// Decides: `at` of the project file, map conversion, footprint of the building, site position, origin.
    pub fn decide(
        path: &Path,
        layer: &Layer,
        model: &IfcModel,
        place: &Place,
        footprint: Option<[f64; 3]>,
        log: &mut FileLog,
    ) -> Result<Self> {
        let kind = Self::kind(path, layer, model, place, footprint, log)?;
        let mut placed = Self { kind, axes: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], zero: [0.0; 3] };
        placed.zero = placed.enu([0.0; 3]);
        let axis = |d: [f64; 3]| sub(placed.enu(d), placed.zero);
        placed.axes = [axis([1.0, 0.0, 0.0]), axis([0.0, 1.0, 0.0]), axis([0.0, 0.0, 1.0])];
        Ok(placed)
    }

    fn kind(
        path: &Path,
        layer: &Layer,
        model: &IfcModel,
        place: &Place,
        footprint: Option<[f64; 3]>,
        log: &mut FileLog,
    ) -> Result<Kind> {
        if let Some([x, y, z]) = layer.at {
            let heading = layer.heading_deg.unwrap_or(0.0).to_radians();
            let geo = Georeference {
                source: GeoSource::Manual,
                crs: None,
                easting_m: x,
                northing_m: y,
                height_m: z,
                x_axis: [heading.cos(), -heading.sin()],
                scale: 1.0,
                assumption: None,
            };
            return Self::map(path, place.projector.clone(), geo, model);
        }
        match &model.georeference {
            Some(geo) if geo.source != GeoSource::Site => {
                if let Some(text) = &geo.assumption {
                    log.approximate("georeference", text);
                }
                let projector = match geo.crs.as_deref().map(Crs::from_user) {
                    Some(Ok(crs)) => Projector::new(crs, place.enu()),
                    Some(Err(e)) => {
                        log.approximate("georeference", format!("{e}: taken in {}", place.projector.crs.name()));
                        place.projector.clone()
                    }
                    None => {
                        log.approximate(
                            "georeference",
                            format!("names no CRS: taken in {}", place.projector.crs.name()),
                        );
                        place.projector.clone()
                    }
                };
                let kind = Self::map(path, projector, geo.clone(), model)?;
                let placed = Self { kind, axes: [[0.0; 3]; 3], zero: [0.0; 3] };
                let away = placed.enu(model.bounds().map_or([0.0; 3], |b| b[0]));
                if away[0].hypot(away[1]) < FAR_M {
                    return Ok(placed.kind);
                }
                let km = away[0].hypot(away[1]) / 1000.0;
                log.approximate("georeference", format!("{} puts it {km:.0} km away: not used", geo.source.word()));
            }
            Some(geo) if footprint.is_none() => {
                let at = Geodetic::new(geo.easting_m, geo.northing_m, geo.height_m);
                let frame = EnuFrame::new(at);
                let away = place.enu().enu_from_geodetic(at);
                if away.x.hypot(away.y) < FAR_M {
                    log.approximate("georeference", "site latitude and longitude only");
                    return Ok(Kind::Site { frame, to: place.enu() });
                }
                log.approximate(
                    "georeference",
                    format!("the site lies {:.0} km away: not used", away.x.hypot(away.y) / 1000.0),
                );
            }
            _ => {}
        }
        let Some([lo, hi]) = model.bounds() else { return Ok(Kind::Shift([0.0; 3])) };
        let (to, how) = match footprint {
            Some(p) => (p, "centre of the building's footprint"),
            None => ([0.0; 3], "origin of the community"),
        };
        log.approximate("georeference", format!("none that can be used: placed at the {how}, not turned"));
        // Local zero height on the ground; basements stay below.
        Ok(Kind::Shift([to[0] - f64::midpoint(lo[0], hi[0]), to[1] - f64::midpoint(lo[1], hi[1]), to[2]]))
    }

    /// Checks that the projection takes the whole model.
    fn map(path: &Path, projector: Projector, geo: Georeference, model: &IfcModel) -> Result<Kind> {
        let [lo, hi] = model.bounds().unwrap_or_default();
        for corner in [lo, hi, [lo[0], hi[1], lo[2]], [hi[0], lo[1], lo[2]], [0.0; 3]] {
            let map = geo.map_from_local(corner);
            projector.enu_from_crs(map).map_err(|e| ImportError::delivery(path, format!("georeference: {e}")))?;
        }
        Ok(Kind::Map { projector, geo })
    }

    /// A point of the model in the frame, metres.
    pub fn enu(&self, p: [f64; 3]) -> [f64; 3] {
        match &self.kind {
            // The corners were checked; between them the projection has no holes.
            Kind::Map { projector, geo } => projector.enu_from_crs(geo.map_from_local(p)).unwrap_or(self.zero),
            Kind::Site { frame, to } => to.enu_from_ecef(frame.ecef_from_enu(p)).to_array(),
            Kind::Shift(d) => [p[0] + d[0], p[1] + d[1], p[2] + d[2]],
        }
    }

    /// A direction of the model in the frame; not unit length.
    pub fn turn(&self, d: [f64; 3]) -> [f64; 3] {
        let [x, y, z] = self.axes;
        std::array::from_fn(|i| d[0] * x[i] + d[1] * y[i] + d[2] * z[i])
    }

    /// ENU z of a level of the model.
    pub fn height_of(&self, local_z: f64) -> f64 {
        self.enu([0.0, 0.0, local_z])[2]
    }
}
