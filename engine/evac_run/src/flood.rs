//! Water of a flood run at a building's exits (洪水围困): the run folder of a flood read at the ground outside every door.
//!
//! An exit before which an adult cannot stand counts as closed from then on.

use crate::{EvacRunError, PlanSource};
use community_pack::{Pack, run_folder};
use geo_frame::{Crs, EnuFrame, Projector};
use sim_crowd::hazard::{FLOOD_STOP_DEPTH_M, FLOOD_STOP_M2PS};
use sim_evac::{DoorWater, USUAL_STEP_M, WaterReading, water_on_floors};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use twin_model::{
    BuildingPlan, EvacIntervention, EvacScenario, FloodAtDoors, GridSpec, OutdoorGround, PlanOpening, WaterOnTile,
    ring_contains, ring_middle,
};

/// Looked at before a door, m from its wall: the nearest cell that is open ground counts (our choice).
const BEFORE_DOOR_M: [f64; 4] = [1.0, 2.0, 4.0, 6.0];
/// Floors this much below or above the ground before the door are taken for a misfit of terrain and plan, m.
const LIKELY_STEP_M: [f64; 2] = [-0.5, 1.5];
/// Ground this much above the floor is the building in the terrain, m.
const BUILT_OVER_M: f64 = 1.5;

/// Water before this does not matter any more, s.
const LONG_AGO_S: f64 = -86_000.0;

/// What a flood does to a building.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FloodAtBuilding {
    /// Water before each exit, on the evacuation's clock.
    pub doors: Vec<DoorWater>,
    /// Exits that cannot be left by any more, and from when on, s.
    pub closed: Vec<(String, f64)>,
    /// What to doubt, one line each.
    pub doubts: Vec<String>,
}

/// A flood run folder with its pack's frame.
struct Flood {
    dir: PathBuf,
    grid: GridSpec,
    bed: run_folder::Frame,
    projector: Projector,
}

/// An exit and the cell of the ground before it.
struct Exit {
    name: String,
    cell: usize,
    step_m: f64,
}

/// The scenario with the water of its flood on its floors, and exits before which nobody can stand closed.
///
/// # Errors
/// [`EvacRunError`] for a folder that holds no flood, or a plan without a place on the earth.
pub(crate) fn flooded(
    plan: &BuildingPlan,
    scenario: EvacScenario,
    link: &FloodAtDoors,
    dir: &Path,
    source: &PlanSource,
) -> Result<(EvacScenario, Vec<String>), EvacRunError> {
    let PlanSource::Pack(pack) = source else {
        return Err(wrong(dir, "the plan has no place on the earth: a flood needs a pack"));
    };
    let frame = Pack::open(pack)?.manifest.origin.frame();
    let found = water_at_exits(plan, &frame, dir, link.from_s, scenario.duration_s)?;
    let wet = water_on_floors(plan, &scenario, &found.doors)?;
    let mut scenario = scenario;
    scenario.water.extend(wet.entries);
    let mut doubts = found.doubts;
    doubts.extend(wet.doubts);
    for (door, at_s) in found.closed {
        doubts.push(format!("{door}: nobody can stand in the water outside from {at_s:.0} s on: closed"));
        scenario.interventions.push(EvacIntervention::BlockDoor { door, at_s });
    }
    Ok((scenario, doubts))
}

/// Water before the exits of a plan in ENU metres of `frame`, from a flood run folder (finished or not), for `duration_s` from the
/// flood's second `from_s` on. Exits of one name count as one, the deepest.
///
/// # Errors
/// [`EvacRunError::Flood`] for a folder that holds no flood, [`EvacRunError::Pack`] for a broken file.
pub fn water_at_exits(
    plan: &BuildingPlan,
    frame: &EnuFrame,
    dir: &Path,
    from_s: f64,
    duration_s: f64,
) -> Result<FloodAtBuilding, EvacRunError> {
    let flood = Flood::open(dir, frame)?;
    let mut out = FloodAtBuilding::default();
    let mut exits = Vec::new();
    for o in plan.openings.iter().filter(|o| o.is_exit()) {
        match flood.exit(plan, o, &mut out.doubts)? {
            Some(exit) => exits.push(exit),
            None => out.doubts.push(format!("{}: no ground of the flood before it: taken as dry", o.name)),
        }
    }
    let mut readings: BTreeMap<&str, Vec<WaterReading>> = BTreeMap::new();
    let mut frames = 0;
    while let Some(water) = flood.frame(frames)? {
        frames += 1;
        let t_s = water.t_s - from_s;
        if t_s > duration_s {
            break;
        }
        if t_s < LONG_AGO_S {
            continue;
        }
        let mut worst: BTreeMap<&str, WaterReading> = BTreeMap::new();
        for e in &exits {
            let r = WaterReading { t_s, depth_m: water.depth(e.cell), speed_mps: water.speed(e.cell) };
            let old = worst.entry(&e.name).or_insert(r);
            if r.depth_m > old.depth_m {
                *old = r;
            }
        }
        worst.into_iter().for_each(|(name, r)| readings.entry(name).or_default().push(r));
    }
    if frames == 0 {
        return Err(wrong(dir, "it holds no frame"));
    }
    for (name, readings) in readings {
        if readings.last().is_some_and(|r| r.t_s < 0.0) {
            out.doubts.push(format!("{name}: the flood ends before the evacuation begins: its last water is kept"));
        }
        out.closed.extend(closed_from(&readings).map(|at_s| (name.to_owned(), at_s.max(0.0))));
        let step = exits.iter().filter(|e| e.name == name).map(|e| e.step_m).fold(f64::INFINITY, f64::min);
        out.doors.push(DoorWater { door: name.to_owned(), step_m: step, readings });
    }
    Ok(out)
}

/// First time at which nobody stands in the water, straight between readings within a second; the reading before 0 that holds at 0
/// counts.
fn closed_from(readings: &[WaterReading]) -> Option<f64> {
    let stops =
        |depth: f64, speed: f64| depth > f64::from(FLOOD_STOP_DEPTH_M) || depth * speed > f64::from(FLOOD_STOP_M2PS);
    for (k, b) in readings.iter().enumerate() {
        let held = readings.get(k + 1).is_none_or(|next| next.t_s >= 0.0);
        if !stops(b.depth_m, b.speed_mps) || !held {
            continue;
        }
        let Some(a) = k.checked_sub(1).map(|k| readings[k]).filter(|_| b.t_s > 0.0) else { return Some(b.t_s) };
        let mut t_s = a.t_s.max(0.0);
        while t_s < b.t_s {
            let x = (t_s - a.t_s) / (b.t_s - a.t_s);
            if stops(a.depth_m + x * (b.depth_m - a.depth_m), a.speed_mps + x * (b.speed_mps - a.speed_mps)) {
                return Some(t_s);
            }
            t_s += 1.0;
        }
        return Some(b.t_s);
    }
    None
}

/// Depth and speed of a flood at a time.
struct Water {
    t_s: f64,
    depth_m: Vec<f32>,
    velocity: Option<run_folder::VelocityFrame>,
}

impl Water {
    fn depth(&self, cell: usize) -> f64 {
        self.depth_m.get(cell).map_or(0.0, |d| f64::from(*d).clamp(0.0, 100.0))
    }

    fn speed(&self, cell: usize) -> f64 {
        let Some(v) = &self.velocity else { return 0.0 };
        let of = |plane: &[f32]| plane.get(cell).map_or(0.0, |v| f64::from(*v));
        let [east, north] = [of(&v.east_mps), of(&v.north_mps)];
        (east * east + north * north).sqrt().min(50.0)
    }
}

impl Flood {
    fn open(dir: &Path, frame: &EnuFrame) -> Result<Self, EvacRunError> {
        let file = dir.join(run_folder::GRID);
        let text = std::fs::read(&file).map_err(|e| wrong(dir, &format!("it has no {}: {e}", run_folder::GRID)))?;
        let grid: GridSpec = serde_json::from_slice(&text).map_err(|e| wrong(&file, &e.to_string()))?;
        let crs = Crs::from_user(&format!("EPSG:{}", grid.epsg)).map_err(|e| wrong(&file, &e.to_string()))?;
        let bed = read(dir, run_folder::BED)?.ok_or_else(|| wrong(dir, "it has no bed.q"))?;
        let bed = run_folder::decode(&bed)?;
        let positive = grid.dx_m.is_finite() && grid.dx_m > 0.0;
        if !positive || (bed.nx, bed.ny) != (grid.nx, grid.ny) {
            return Err(wrong(&file, "must be the grid of bed.q with cells larger than 0 m"));
        }
        Ok(Self { dir: dir.to_owned(), grid, bed, projector: Projector::new(crs, *frame) })
    }

    fn frame(&self, k: u32) -> Result<Option<Water>, EvacRunError> {
        let Some(bytes) = read(&self.dir, &run_folder::frame_name(k))? else { return Ok(None) };
        let depth = run_folder::decode(&bytes)?;
        let velocity = read(&self.dir, &run_folder::velocity_name(k))?;
        let velocity = velocity.map(|bytes| run_folder::decode_velocity(&bytes)).transpose()?;
        if (depth.nx, depth.ny) != (self.grid.nx, self.grid.ny) {
            return Err(wrong(&self.dir, &format!("{} is not of the grid", run_folder::frame_name(k))));
        }
        Ok(Some(Water { t_s: depth.t_s, depth_m: depth.values_m, velocity }))
    }

    /// The cell of a point in the plan, and the point's height in the grid's vertical datum.
    fn cell(&self, at: [f64; 2], z: f64) -> Result<Option<(usize, f64)>, EvacRunError> {
        let place = self.projector.crs_from_enu([at[0], at[1], z]).map_err(|e| wrong(&self.dir, &e.to_string()))?;
        let g = &self.grid;
        let [i, j] = [(place[0] - g.x0) / g.dx_m, (place[1] - g.y0) / g.dx_m].map(f64::floor);
        let inside = i >= 0.0 && j >= 0.0 && i < f64::from(g.nx) && j < f64::from(g.ny);
        Ok(inside.then(|| (j as usize * g.nx as usize + i as usize, place[2])))
    }

    /// The nearest open ground before an exit.
    fn exit(
        &self,
        plan: &BuildingPlan,
        o: &PlanOpening,
        doubts: &mut Vec<String>,
    ) -> Result<Option<Exit>, EvacRunError> {
        let Some(inside) = o.sides.iter().flatten().next() else { return Ok(None) };
        let space = &plan.spaces[inside.index()];
        let middle = [0, 1].map(|k| 0.5 * (o.ends[0][k] + o.ends[1][k]));
        let Some(out) = outwards(space, o, middle) else { return Ok(None) };
        for far in BEFORE_DOOR_M {
            let at = [middle[0] + far * out[0], middle[1] + far * out[1]];
            let Some((cell, floor_m)) = self.cell(at, space.floor_m)? else { continue };
            let ground_m = f64::from(self.bed.values_m[cell]);
            if !ground_m.is_finite() || ground_m > floor_m + BUILT_OVER_M {
                continue;
            }
            let mut step_m = floor_m - ground_m;
            if !(LIKELY_STEP_M[0]..=LIKELY_STEP_M[1]).contains(&step_m) {
                doubts.push(format!(
                    "{}: its floor lies {step_m:.1} m above the flood's ground before it: {USUAL_STEP_M} m taken",
                    o.name
                ));
                step_m = USUAL_STEP_M;
            }
            return Ok(Some(Exit { name: o.name.clone(), cell, step_m }));
        }
        Ok(None)
    }
}

/// Water of a flood run on the tiles of the ground, told when it changes by 5 cm or 0.1 m/s: that which a quarter of a tile exceeds
/// (our choice: a puddle closes no street, a street half under water is one).
///
/// # Errors
/// As [`water_at_exits`].
pub(crate) fn flooded_ground(
    ground: &mut OutdoorGround,
    link: &FloodAtDoors,
    dir: &Path,
    source: &PlanSource,
    duration_s: f64,
) -> Result<(), EvacRunError> {
    let PlanSource::Pack(pack) = source else { return Ok(()) };
    let flood = Flood::open(dir, &Pack::open(pack)?.manifest.origin.frame())?;
    let mut cells = Vec::with_capacity(ground.tiles.len());
    for k in 0..ground.tiles.len() {
        cells.push(flood.cells_of(ground, k)?);
    }
    let mut told = vec![[0.0_f64; 2]; cells.len()];
    let mut frame = 0;
    while let Some(water) = flood.frame(frame)? {
        frame += 1;
        let t_s = water.t_s - link.from_s;
        if t_s > duration_s {
            break;
        }
        for (k, list) in cells.iter().enumerate().filter(|(_, list)| !list.is_empty()) {
            let quarter = |of: &dyn Fn(usize) -> f64| {
                let mut values: Vec<f64> = list.iter().map(|c| of(*c)).collect();
                values.sort_by(f64::total_cmp);
                values[values.len() * 3 / 4]
            };
            let now = [quarter(&|c| water.depth(c)), quarter(&|c| water.speed(c))];
            let dried = now[0] == 0.0 && told[k][0] > 0.0;
            if dried || (now[0] - told[k][0]).abs() >= 0.05 || (now[1] - told[k][1]).abs() >= 0.1 {
                told[k] = now;
                let (tile, at_s) = (k as u32, t_s.max(0.0));
                ground.water.push(WaterOnTile { tile, at_s, depth_m: now[0], speed_mps: now[1] });
            }
        }
    }
    Ok(())
}

impl Flood {
    /// Cells of the grid under a tile's open ground, looked at every 2 m.
    fn cells_of(&self, ground: &OutdoorGround, tile: usize) -> Result<Vec<usize>, EvacRunError> {
        let t = &ground.tiles[tile];
        let low = [0, 1].map(|k| ground.origin[k] + f64::from(t.square[k]) * ground.tile_m);
        let n = (ground.tile_m / 2.0).ceil() as u32;
        let mut found = Vec::new();
        for (i, j) in (0..n).flat_map(|j| (0..n).map(move |i| (i, j))) {
            let p = [low[0] + 2.0 * f64::from(i) + 1.0, low[1] + 2.0 * f64::from(j) + 1.0];
            if ring_contains(&t.outline, p) && !t.holes.iter().any(|h| ring_contains(h, p)) {
                found.extend(self.cell(p, t.floor_m)?.map(|c| c.0));
            }
        }
        Ok(found)
    }
}

/// Unit vector out of the space through an opening, square to it: the side on which the space does not lie.
fn outwards(space: &twin_model::PlanSpace, o: &PlanOpening, middle: [f64; 2]) -> Option<[f64; 2]> {
    let along = [0, 1].map(|k| o.ends[1][k] - o.ends[0][k]);
    let length = (along[0] * along[0] + along[1] * along[1]).sqrt();
    if !(length.is_finite() && length > 0.0) {
        return None;
    }
    let normal = [along[1] / length, -along[0] / length];
    let near = |side: f64| [middle[0] + 0.4 * side * normal[0], middle[1] + 0.4 * side * normal[1]];
    let side = match [1.0, -1.0].map(|s| ring_contains(&space.outline, near(s))) {
        [true, false] => -1.0,
        [false, true] => 1.0,
        _ => {
            // A wall thicker than that, or a corner: away from the middle of the outline.
            let centre = ring_middle(&space.outline);
            let away = (middle[0] - centre[0]) * normal[0] + (middle[1] - centre[1]) * normal[1];
            if away < 0.0 { -1.0 } else { 1.0 }
        }
    };
    Some(normal.map(|v| side * v))
}

fn read(dir: &Path, name: &str) -> Result<Option<Vec<u8>>, EvacRunError> {
    let path = dir.join(name);
    match std::fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(EvacRunError::Io { path, cause }),
    }
}

fn wrong(at: &Path, message: &str) -> EvacRunError {
    EvacRunError::Flood { at: at.to_owned(), message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(t_s: f64, depth_m: f64, speed_mps: f64) -> WaterReading {
        WaterReading { t_s, depth_m, speed_mps }
    }

    #[test]
    fn an_exit_closes_when_nobody_can_stand() {
        assert_eq!(closed_from(&[at(0.0, 0.0, 0.0), at(100.0, 0.6, 1.0)]), None);
        // 0.7 m of 1.39 m in 100 s: after 50.4 s.
        assert_eq!(closed_from(&[at(0.0, 0.0, 0.0), at(100.0, 1.39, 0.0)]), Some(51.0));
        assert_eq!(closed_from(&[at(-20.0, 0.9, 0.0)]), Some(-20.0));
        // Deep once, but gone before second 0.
        assert_eq!(closed_from(&[at(-90.0, 2.0, 0.0), at(-60.0, 0.1, 0.0), at(60.0, 0.2, 0.0)]), None);
        // Shallow and fast.
        assert_eq!(closed_from(&[at(0.0, 0.4, 3.1)]), Some(0.0));
    }
}
