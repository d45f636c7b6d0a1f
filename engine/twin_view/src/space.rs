//! Frames: ENU (f64, z up) and scene (f32, y up), and the plane of rasters.

use bevy::math::{DVec2, DVec3, Vec3};
use geo_frame::{Crs, EnuFrame, FrameError, Projector};

/// ENU metres to scene metres: x east, y up, z = −north.
#[must_use]
pub fn scene_from_enu(p_enu: [f64; 3]) -> Vec3 {
    Vec3::new(p_enu[0] as f32, p_enu[2] as f32, -p_enu[1] as f32)
}

/// Scene metres to ENU metres.
#[must_use]
pub fn enu_from_scene(p_scene: Vec3) -> [f64; 3] {
    [f64::from(p_scene.x), -f64::from(p_scene.z), f64::from(p_scene.y)]
}

/// [`scene_from_enu`] for directions and points in `DVec3`.
#[must_use]
pub fn scene_from_enu_vec(p_enu: DVec3) -> Vec3 {
    scene_from_enu(p_enu.to_array())
}

/// Mean radius of curvature used for the drop of the ellipsoid below the tangent plane, m (IUGG mean radius).
const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// The plane of a raster against the ENU frame, linearised at the origin.
///
/// Over a community (≤ 5 km) the projection differs from this plane map by less than 5 cm horizontally at 2 km; exact
/// per-vertex projection is done at import, this is for rasters that come at run time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlaneMap {
    /// Plane coordinates (easting, northing, m) of the ENU origin.
    origin_plane: DVec2,
    /// Columns: plane metres per ENU metre east and north.
    east: DVec2,
    north: DVec2,
    /// Height of the ENU origin in the raster's vertical datum, m.
    height_m: f64,
}

impl PlaneMap {
    /// For a raster in the plane CRS `epsg` and a frame.
    ///
    /// # Errors
    /// The CRS is not known, or does not reach the origin.
    pub fn new(epsg: u32, frame: &EnuFrame) -> Result<Self, FrameError> {
        const STEP_M: f64 = 500.0;
        let projector = Projector::new(Crs::from_user(&format!("EPSG:{epsg}"))?, *frame);
        let at = |x: f64, y: f64| projector.crs_from_enu([x, y, 0.0]).map(|p| DVec2::new(p[0], p[1]));
        let east = (at(STEP_M, 0.0)? - at(-STEP_M, 0.0)?) / (2.0 * STEP_M);
        let north = (at(0.0, STEP_M)? - at(0.0, -STEP_M)?) / (2.0 * STEP_M);
        Ok(Self { origin_plane: at(0.0, 0.0)?, east, north, height_m: frame.origin.height_m })
    }

    /// Plane coordinates of an ENU point.
    #[must_use]
    pub fn plane_from_enu(&self, x: f64, y: f64) -> DVec2 {
        self.origin_plane + self.east * x + self.north * y
    }

    /// ENU east and north of plane coordinates.
    #[must_use]
    pub fn enu_from_plane(&self, plane: DVec2) -> DVec2 {
        let d = plane - self.origin_plane;
        let det = self.east.x * self.north.y - self.north.x * self.east.y;
        DVec2::new(d.x * self.north.y - d.y * self.north.x, d.y * self.east.x - d.x * self.east.y) / det
    }

    /// ENU z of a height in the raster's vertical datum at an ENU point: the datum surface drops below the plane.
    #[must_use]
    pub fn z_from_height(&self, x: f64, y: f64, height_m: f64) -> f64 {
        height_m - self.height_m - (x * x + y * y) / (2.0 * EARTH_RADIUS_M)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scene_axes() {
        assert_eq!(scene_from_enu([1.0, 2.0, 3.0]), Vec3::new(1.0, 3.0, -2.0));
        assert_eq!(enu_from_scene(scene_from_enu([1.0, 2.0, 3.0])), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn the_plane_map_agrees_with_the_projection() {
        let crs = Crs::from_epsg(4547).unwrap();
        let frame = EnuFrame::new(crs.to_geodetic([520_000.0, 3_360_000.0, 20.0]).unwrap());
        let map = PlaneMap::new(4547, &frame).unwrap();
        let projector = Projector::new(crs, frame);
        for (x, y) in [(0.0, 0.0), (600.0, -500.0), (-1000.0, 900.0)] {
            let exact = projector.crs_from_enu([x, y, map.z_from_height(x, y, 20.0)]).unwrap();
            let near = map.plane_from_enu(x, y);
            assert!((near - DVec2::new(exact[0], exact[1])).length() < 0.05, "{near} {exact:?}");
            assert!((exact[2] - 20.0).abs() < 0.002, "{exact:?}");
            assert!((map.enu_from_plane(near) - DVec2::new(x, y)).length() < 1e-6);
        }
    }
}
