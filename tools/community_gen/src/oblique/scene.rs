//! What the camera of the flight saw.

use crate::geom::{Pt, bounds, centroid, contains};
use crate::paint::Canvas;
use crate::plan::{AreaKind, CommunityPlan};
use crate::terrain::{RIVER_LEVEL_M, bank_at};

/// The plan with its ortho image and water surfaces.
pub struct Scene<'a> {
    /// The plan.
    pub plan: &'a CommunityPlan,
    /// The ortho image.
    pub picture: &'a Canvas,
    ponds: Vec<(&'a [Pt], Pt, Pt, f64)>,
}

impl<'a> Scene<'a> {
    /// Looks up the ponds.
    pub fn new(plan: &'a CommunityPlan, picture: &'a Canvas) -> Self {
        let ponds = plan.areas.iter().filter(|a| a.kind == AreaKind::Pond);
        let ponds = ponds.map(|a| {
            let (low, high) = bounds(&a.ring);
            (a.ring.as_slice(), low, high, plan.ground(centroid(&a.ring)) + 1.1)
        });
        Self { plan, picture, ponds: ponds.collect() }
    }

    /// Height of what is seen from above without buildings and trees: ground or water.
    pub fn surface(&self, p: Pt) -> f64 {
        let z = self.plan.ground(p);
        if p[1] < bank_at(p[0]) + 3.0 {
            return z.max(RIVER_LEVEL_M);
        }
        for (ring, low, high, level) in &self.ponds {
            let near = p[0] > low[0] && p[0] < high[0] && p[1] > low[1] && p[1] < high[1];
            if near && contains(ring, p) {
                return z.max(*level);
            }
        }
        z
    }
}
