//! Heights of the ground and the way of a point into the frame.

use crate::place::Place;
use community_pack::Terrain;
use geo_frame::{FrameError, Projector};

/// The ground of the community: its terrain without holes, or a plane at the origin's height.
pub(crate) struct Ground<'a> {
    pub place: &'a Place,
    pub solid: Option<&'a Terrain>,
}

impl Ground<'_> {
    /// Elevation (m in the vertical datum) at a point of some system.
    pub fn elevation(&self, projector: &Projector, p: [f64; 2]) -> Result<f64, FrameError> {
        let Some(t) = self.solid else { return Ok(self.place.origin.height_m) };
        let at = projector.crs.to_geodetic([p[0], p[1], 0.0])?;
        let q = self.place.projector.crs.from_geodetic(at)?;
        let (x1, y1) = (t.x0 + f64::from(t.nx) * t.dx_m, t.y0 + f64::from(t.ny) * t.dx_m);
        let z = t.sample(q[0].clamp(t.x0, x1), q[1].clamp(t.y0, y1));
        Ok(z.unwrap_or(self.place.origin.height_m))
    }

    /// The point on the ground, ENU metres.
    pub fn point(&self, projector: &Projector, p: [f64; 2]) -> Result<[f64; 3], FrameError> {
        let z = self.elevation(projector, p)?;
        projector.enu_from_crs([p[0], p[1], z])
    }

    /// Points on the ground, ENU plane.
    pub fn line(&self, projector: &Projector, line: &[[f64; 2]]) -> Result<Vec<[f64; 2]>, FrameError> {
        line.iter().map(|p| self.point(projector, *p).map(|q| [q[0], q[1]])).collect()
    }

    /// ENU z of the ground below a point of the frame.
    pub fn z_at(&self, p_enu: [f64; 2]) -> f64 {
        let Ok(q) = self.place.projector.crs_from_enu([p_enu[0], p_enu[1], 0.0]) else { return 0.0 };
        self.point(&self.place.projector, [q[0], q[1]]).map_or(0.0, |p| p[2])
    }
}
