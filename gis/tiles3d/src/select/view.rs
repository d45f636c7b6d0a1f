//! A camera, as far as selection needs it.

use glam::{DVec3, DVec4};

use super::tree::Obb;

/// A camera in the community's frame.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// Eye, metres.
    pub position_enu: DVec3,
    /// Direction of sight, unit length.
    pub direction_enu: DVec3,
    /// Planes of the frustum: unit normal pointing inside, and offset; `n · p + w >= 0` inside. Empty sees everything.
    pub planes: Vec<DVec4>,
    /// Full vertical angle of view, radians, between 0 and pi.
    pub fovy_rad: f64,
    /// Height of the viewport, pixels.
    pub viewport_h_px: f64,
}

impl View {
    /// A perspective camera. `up` must not be parallel to `direction`; `aspect` is width over height; the frustum has
    /// four sides and a near plane through the eye, and no far end.
    #[must_use]
    pub fn perspective(
        position_enu: DVec3,
        direction: DVec3,
        up: DVec3,
        fovy_rad: f64,
        aspect: f64,
        viewport_h_px: f64,
    ) -> Self {
        let forward = direction.normalize_or(DVec3::Y);
        let right = forward.cross(up).normalize_or(forward.any_orthonormal_vector());
        let up = right.cross(forward);
        let half_y = (fovy_rad / 2.0).tan();
        let half_x = half_y * aspect;
        let normals =
            [forward * half_x - right, forward * half_x + right, forward * half_y - up, forward * half_y + up, forward];
        let plane = |n: DVec3| {
            let n = n.normalize();
            n.extend(-n.dot(position_enu))
        };
        Self {
            position_enu,
            direction_enu: forward,
            planes: normals.into_iter().map(plane).collect(),
            fovy_rad,
            viewport_h_px,
        }
    }

    /// Whether some of a box may be inside the frustum.
    #[must_use]
    pub fn sees(&self, volume: &Obb) -> bool {
        self.planes.iter().all(|plane| {
            let n = plane.truncate();
            let reach: f64 = volume.half_axes.iter().map(|axis| n.dot(*axis).abs()).sum();
            n.dot(volume.center) + plane.w >= -reach
        })
    }

    /// Screen-space error in pixels of a geometric error at a distance, both in metres:
    /// `error · viewport height / (distance · 2 · tan(fovy / 2))` (3D Tiles specification, "Geometric error").
    /// Infinite inside the volume.
    #[must_use]
    pub fn screen_space_error(&self, geometric_error: f64, distance: f64) -> f64 {
        if geometric_error <= 0.0 {
            return 0.0;
        }
        geometric_error * self.viewport_h_px / (distance * 2.0 * (self.fovy_rad / 2.0).tan())
    }
}
