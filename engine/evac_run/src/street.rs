//! The ground outside (室外场地) of a building of a pack, or of one by itself.

use crate::{EvacRunError, PlanSource};
use community_pack::{Pack, Terrain};
use geo_frame::{Crs, Projector};
use sim_crowd::FrameRow;
use sim_evac::{EvacModel, Surroundings, ground_around};
use twin_model::{BuildingPlan, Entity, EntityKind, EvacScenario, OutdoorGround};

/// Things farther from the building than the radius and this do not matter, m: half of what a building of the community spans.
const BEYOND_M: f64 = 100.0;

/// The ground that a scenario with `outdoor` asks for: other buildings, waters, roads and levels from the pack; a plan from an IFC file
/// stands alone on level ground. `None` for a scenario without it.
///
/// # Errors
/// [`EvacRunError`] for a pack that cannot be read, and for what [`ground_around`] refuses.
pub fn ground_of(
    plan: &BuildingPlan,
    scenario: &EvacScenario,
    source: &PlanSource,
) -> Result<Option<OutdoorGround>, EvacRunError> {
    let Some(outdoor) = &scenario.outdoor else { return Ok(None) };
    let PlanSource::Pack(dir) = source else {
        return Ok(Some(ground_around(plan, scenario, &Surroundings::nothing())?));
    };
    let pack = Pack::open(dir)?;
    let reach = reach_of(plan, outdoor.radius_m + BEYOND_M);
    let near = |ring: &[[f64; 2]]| {
        let span = |k: usize| {
            let values = || ring.iter().map(|p| p[k]);
            (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max))
        };
        (0..2).all(|k| span(k).0 <= reach[1][k] && span(k).1 >= reach[0][k])
    };
    let (mut own, mut obstacles, mut roads) = (Vec::new(), Vec::new(), Vec::new());
    for e in pack.model.entities() {
        let rings = || e.footprint.as_ref().map(|p| p.0.clone()).filter(|r| r.first().is_some_and(|r| near(r)));
        match e.kind {
            EntityKind::Building if Some(e.id) == plan.building => own.extend(rings()),
            EntityKind::Building | EntityKind::Water => obstacles.extend(rings()),
            EntityKind::Road if near(&e.line) => roads.extend(axis(e)),
            _ => {}
        }
    }
    let level = Level::of(&pack);
    let level_m = |p: [f64; 2]| level.as_ref().and_then(|l| l.at(p));
    Ok(Some(ground_around(plan, scenario, &Surroundings { own, obstacles, roads, level_m: &level_m })?))
}

fn axis(road: &Entity) -> Option<Vec<[f64; 2]>> {
    (road.line.len() >= 2).then(|| road.line.clone())
}

/// The plan's rectangle, wider by `by_m`.
fn reach_of(plan: &BuildingPlan, by_m: f64) -> [[f64; 2]; 2] {
    let mut reach = [[f64::INFINITY; 2], [f64::NEG_INFINITY; 2]];
    for p in plan.spaces.iter().flat_map(|s| &s.outline) {
        for k in 0..2 {
            reach[0][k] = reach[0][k].min(p[k] - by_m);
            reach[1][k] = reach[1][k].max(p[k] + by_m);
        }
    }
    reach
}

/// The pack's terrain in the plan's coordinates.
struct Level {
    terrain: Terrain,
    projector: Projector,
    height_m: f64,
}

impl Level {
    /// `None` for a pack without a terrain that can be placed: the ground is level then.
    fn of(pack: &Pack) -> Option<Self> {
        let terrain = pack.terrain().ok()?;
        let crs = Crs::from_user(&format!("EPSG:{}", terrain.epsg)).ok()?;
        let height_m = pack.manifest.origin.height_m;
        Some(Self { terrain, projector: Projector::new(crs, pack.manifest.origin.frame()), height_m })
    }

    fn at(&self, p: [f64; 2]) -> Option<f64> {
        let place = self.projector.crs_from_enu([p[0], p[1], 0.0]).ok()?;
        let height_m = self.terrain.sample(place[0], place[1])?;
        let enu = self.projector.enu_from_crs([place[0], place[1], height_m]).ok()?;
        let z = enu[2];
        (z.is_finite() && (z + self.height_m).abs() < 1e5).then_some(z)
    }
}

/// Level of somebody's feet, m: that of the ground outside, else of the floor.
pub(crate) fn level_m(model: &EvacModel, row: &FrameRow) -> f64 {
    let outside = model.tile_of(row.layer).zip(model.ground());
    outside.map_or(row.z_m, |(tile, ground)| ground.level_m(tile, [row.x_m, row.y_m]))
}
