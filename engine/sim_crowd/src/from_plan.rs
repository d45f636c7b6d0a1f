//! From a building plan and outdoor areas to a world.

use crate::CrowdError;
use crate::build::{LEAST_WIDTH_M, LayerSpec, WorldBuilder};
use crate::lift::LiftSpec;
use crate::math::{V2, dot, length, sub, unit};
use crate::stairs::{Grade, slope_of};
use crate::world::{CrowdWorld, Frame, LayerId, LayerKind, PortalId, Side};
use twin_model::{
    BuildingPlan, DefectLevel, OpeningIndex, OpeningKind, OutdoorGround, PlanFlight, PlanOpening, PlanStair, SpaceUse,
    StairIndex,
};

/// An outdoor place: a street, a square, a garden.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OutdoorArea {
    /// Name for messages.
    pub name: String,
    /// Outer ring, plan coordinates, m.
    pub outline: Vec<[f64; 2]>,
    /// Footprints of buildings, ponds.
    pub holes: Vec<Vec<[f64; 2]>>,
    /// Level, m.
    pub floor_m: f64,
    /// Assembly points (集合点): name, centre, radius in m.
    pub assembly_points: Vec<(String, [f64; 2], f64)>,
    /// Ways out of the model on the outline: name and ends.
    pub exits: Vec<(String, [[f64; 2]; 2])>,
}

/// How far an exit of a building may lie from the edge of an outdoor area, m.
const OUTDOOR_SNAP_M: f64 = 0.6;

impl CrowdWorld {
    /// The world of a building and what lies around it. Exits lead to the outdoor area they touch, else out of the model.
    ///
    /// # Errors
    /// [`CrowdError::Plan`] with the plan's first error; [`CrowdError::Geometry`] naming the element that cannot be walked.
    pub fn from_plan(plan: &BuildingPlan, outdoors: &[OutdoorArea]) -> Result<Self, CrowdError> {
        if let Some(d) = plan.check().into_iter().find(|d| d.level == DefectLevel::Error) {
            return Err(CrowdError::Plan(d.to_string()));
        }
        Self::made(plan, outdoors, None)
    }

    /// The world of a building and the open ground round it, in tiles. Layers and portals of the building have the same numbers as
    /// in [`CrowdWorld::from_plan`] without outdoor areas; those of the ground follow. Exits that the ground does not name still lead
    /// out of the model.
    ///
    /// # Errors
    /// As [`CrowdWorld::from_plan`], and [`CrowdError::Geometry`] for a ground that cannot be.
    pub fn from_plan_on(plan: &BuildingPlan, ground: &OutdoorGround) -> Result<Self, CrowdError> {
        if let Some(d) = plan.check().into_iter().find(|d| d.level == DefectLevel::Error) {
            return Err(CrowdError::Plan(d.to_string()));
        }
        Self::made(plan, &[], Some(ground))
    }

    fn made(plan: &BuildingPlan, outdoors: &[OutdoorArea], ground: Option<&OutdoorGround>) -> Result<Self, CrowdError> {
        let Some(first) = plan.spaces.first() else {
            return Err(CrowdError::Plan("has no space".into()));
        };
        let builder = WorldBuilder::new(first.outline[0]);
        let mut maker = Maker { plan, builder, spaces: Vec::new(), areas: Vec::new(), exits: Vec::new() };
        maker.floors(outdoors)?;
        for (k, o) in plan.openings.iter().enumerate() {
            if o.walkable() && o.clear_width_m >= LEAST_WIDTH_M && !leads_onto_flight(plan, o) {
                maker.opening(OpeningIndex(k as u32), o)?;
            }
        }
        for (k, s) in plan.stairs.iter().enumerate() {
            maker.stair(StairIndex(k as u32), s)?;
        }
        for l in &plan.lifts {
            let stops = l.stops.iter().map(|s| maker.lift_door(*s, l.door_width_m)).collect::<Result<_, _>>()?;
            maker.builder.lift(&LiftSpec::of(&l.name, l.capacity, l.speed_mps, stops))?;
        }
        if let Some(ground) = ground {
            maker.onto_ground(ground)?;
        }
        maker.builder.build()
    }
}

/// How far from a doorless opening a flight may begin behind it, m.
const FLIGHT_BEHIND_M: f64 = 0.35;

/// Whether a doorless opening is where a flight begins or ends: whoever passes it is on the stair, which joins the floor
/// itself. Both at one line would leave nobody room to stand between them.
fn leads_onto_flight(plan: &BuildingPlan, o: &PlanOpening) -> bool {
    let end = |f: &PlanFlight, at: [f64; 3]| {
        let line = [o.ends[1][0] - o.ends[0][0], o.ends[1][1] - o.ends[0][1]];
        let run = [f.head[0] - f.foot[0], f.head[1] - f.foot[1]];
        let across = (line[0] * run[0] + line[1] * run[1]).abs() <= 0.3 * line[0].hypot(line[1]) * f.run_m();
        across && ring_distance(&o.ends, [at[0], at[1]]) <= FLIGHT_BEHIND_M
    };
    o.kind == OpeningKind::Opening
        && plan.stairs.iter().any(|s| {
            let foot = s.flights.first().is_some_and(|f| end(f, f.foot));
            let head = s.flights.last().is_some_and(|f| end(f, f.head));
            (foot && o.sides.contains(&Some(s.lower))) || (head && o.sides.contains(&Some(s.upper)))
        })
}

struct Maker<'a> {
    plan: &'a BuildingPlan,
    builder: WorldBuilder,
    spaces: Vec<Option<LayerId>>,
    areas: Vec<(LayerId, Vec<Vec<[f64; 2]>>)>,
    /// Openings that lead out of the model.
    exits: Vec<(OpeningIndex, PortalId)>,
}

fn wrong(what: &'static str, name: &str, why: &str) -> CrowdError {
    CrowdError::Geometry { what, name: name.into(), why: why.into() }
}

impl Maker<'_> {
    fn floors(&mut self, outdoors: &[OutdoorArea]) -> Result<(), CrowdError> {
        for (k, s) in self.plan.spaces.iter().enumerate() {
            let layer = (s.use_ != SpaceUse::Shaft).then(|| {
                let kind = LayerKind::Floor(Some(twin_model::SpaceIndex(k as u32)));
                let (name, outline, holes) = (s.name.clone(), s.outline.clone(), s.holes.clone());
                self.builder.layer(&LayerSpec { name, outline, holes, floor_m: s.floor_m, kind })
            });
            self.spaces.push(layer.transpose()?);
        }
        for o in outdoors {
            let (name, outline, holes) = (o.name.clone(), o.outline.clone(), o.holes.clone());
            let spec = LayerSpec { name, outline, holes, floor_m: o.floor_m, kind: LayerKind::Outdoor };
            let layer = self.builder.layer(&spec)?;
            for (name, centre, radius_m) in &o.assembly_points {
                self.builder.assembly_point(name, layer, *centre, *radius_m)?;
            }
            for (name, ends) in &o.exits {
                self.builder.door(name, (layer, *ends), None)?;
            }
            self.areas.push((layer, std::iter::once(&o.outline).chain(&o.holes).cloned().collect()));
        }
        Ok(())
    }

    fn space(&self, space: twin_model::SpaceIndex) -> Option<LayerId> {
        self.spaces.get(space.index()).copied().flatten()
    }

    fn opening(&mut self, index: OpeningIndex, o: &PlanOpening) -> Result<(), CrowdError> {
        let ends = clear_ends(o);
        let middle = [(ends[0][0] + ends[1][0]) * 0.5, (ends[0][1] + ends[1][1]) * 0.5];
        let [a, b] = o.sides.map(|s| s.and_then(|s| self.space(s)));
        // A door into a shaft, or with one room on both sides, leads nowhere.
        if (a.is_none() && b.is_none()) || a == b || o.sides.iter().flatten().any(|s| self.space(*s).is_none()) {
            return Ok(());
        }
        let (inside, other) = match (a, b) {
            (Some(a), b) => (a, b),
            (None, Some(b)) => (b, None),
            (None, None) => return Ok(()),
        };
        let outdoor = || {
            let near = |rings: &Vec<Vec<[f64; 2]>>| rings.iter().any(|r| ring_distance(r, middle) <= OUTDOOR_SNAP_M);
            self.areas.iter().find(|(_, rings)| near(rings)).map(|(l, _)| *l)
        };
        let other = other.or_else(outdoor);
        let id = self.builder.door(&o.name, (inside, ends), other.map(|l| (l, ends)))?;
        self.builder.tag(id, Some(index), None);
        if other.is_none() {
            self.exits.push((index, id));
        }
        Ok(())
    }

    /// Lays the ground round the building and lets the exits lead onto it.
    fn onto_ground(&mut self, ground: &OutdoorGround) -> Result<(), CrowdError> {
        let tiles = self.builder.ground(ground)?;
        for exit in &ground.exits {
            let portal = self.exits.iter().find(|e| e.0 == exit.opening).map(|e| e.1);
            let tile = exit.tile.and_then(|t| tiles.get(t as usize)).copied();
            if let (Some(portal), Some(tile)) = (portal, tile)
                && !self.builder.lead_onto(portal, tile)
            {
                let name = &self.plan.openings[exit.opening.index()].name;
                return Err(wrong("exit", name, "the ground has no edge along the door"));
            }
        }
        Ok(())
    }

    fn stair(&mut self, index: StairIndex, stair: &PlanStair) -> Result<(), CrowdError> {
        let (Some(lower), Some(upper)) = (self.space(stair.lower), self.space(stair.upper)) else {
            return Err(wrong("stair", &stair.name, "ends in a shaft where nobody walks"));
        };
        let mut below: Option<Side> = None;
        let last = stair.flights.len() - 1;
        for (k, f) in stair.flights.iter().enumerate() {
            if f.width_m < LEAST_WIDTH_M {
                return Err(wrong("stair", &stair.name, "a flight is narrower than 0.3 m"));
            }
            let [foot, head] = self.flight(&format!("{} flight {}", stair.name, k + 1), f);
            let from = match below {
                Some(side) => side,
                None => self.onto_floor(lower, f, false),
            };
            let id =
                self.builder.join(&format!("{} foot of flight {}", stair.name, k + 1), f.width_m as f32, [from, foot]);
            self.builder.tag(id, None, Some(index));
            if k == last {
                let to = self.onto_floor(upper, f, true);
                let id = self.builder.join(&format!("{} head", stair.name), f.width_m as f32, [head, to]);
                self.builder.tag(id, None, Some(index));
            } else {
                below = Some(self.landing(stair, index, k, head)?);
            }
        }
        Ok(())
    }

    /// The layer of one flight, and its lower and upper side.
    fn flight(&mut self, name: &str, f: &PlanFlight) -> [Side; 2] {
        let (length_m, half) = (f.length_m(), 0.5 * f.width_m);
        let along = [0, 1, 2].map(|k| (f.head[k] - f.foot[k]) / length_m);
        let run = f.run_m();
        let across = [-(f.head[1] - f.foot[1]) / run, (f.head[0] - f.foot[0]) / run];
        let frame = Frame { origin_m: f.foot, along, across };
        let (l, h) = (length_m as f32, half as f32);
        let grade = Grade { riser_m: f.riser_m, tread_m: f.tread_m, rise_m: (f.head[2] - f.foot[2]).abs(), run_m: run };
        let ring = vec![[0.0, -h], [l, -h], [l, h], [0.0, h]];
        let kind = LayerKind::Flight(slope_of(&grade));
        let id = self.builder.push_layer(name.into(), kind, frame, vec![ring], l * 2.0 * h);
        self.builder.layer_mut(id).walls = vec![[[0.0, -h], [l, -h]], [[0.0, h], [l, h]]];
        [
            Side { layer: id.0, a: [0.0, -h], b: [0.0, h], out: [-1.0, 0.0] },
            Side { layer: id.0, a: [l, -h], b: [l, h], out: [1.0, 0.0] },
        ]
    }

    /// The side of a stair end on a floor: an opening in a wall, or the open end of the flight's own walls on the floor.
    fn onto_floor(&mut self, floor: LayerId, f: &PlanFlight, at_head: bool) -> Side {
        let layer = self.builder.layer_mut(floor);
        let (foot, head) = (layer.frame.local([f.foot[0], f.foot[1]]), layer.frame.local([f.head[0], f.head[1]]));
        let (at, far) = if at_head { (head, foot) } else { (foot, head) };
        let out = unit(sub(far, at));
        // A flight may begin a little off the floor it leads to: its edge is moved onto the floor, or nobody could arrive.
        let off = |d: f32| [at[0] - out[0] * d, at[1] - out[1] * d];
        let gap = (0..=40).map(|k| 0.01 * k as f32).find(|d| layer.contains(off(*d)) && layer.contains(off(d + 0.05)));
        let at = off(gap.unwrap_or(0.0));
        let half = 0.5 * f.width_m as f32;
        let wide = [-out[1] * half, out[0] * half];
        let (a, b) = ([at[0] - wide[0], at[1] - wide[1]], [at[0] + wide[0], at[1] + wide[1]]);
        let run = length(sub(far, at));
        let beyond = |d: f32| [at[0] + out[0] * d, at[1] + out[1] * d];
        let side = Side { layer: floor.0, a, b, out };
        if layer.contains(beyond(0.15)) && layer.contains(beyond(-0.15)) {
            // The flight stands in the room: its strings are walls, as far as the room goes.
            let deep = (1..=20)
                .map(|k| run * k as f32 / 20.0)
                .take_while(|d| layer.contains(beyond(*d)))
                .last()
                .unwrap_or(run);
            let end = |p: V2| [p[0] + out[0] * deep, p[1] + out[1] * deep];
            layer.walls.extend([[a, end(a)], [b, end(b)], [end(a), end(b)]]);
            // What the flight covers is no floor: nobody is placed there.
            layer.rings.push(vec![a, b, end(b), end(a)]);
            layer.area_m2 = (layer.area_m2 - 2.0 * half * deep).max(0.1);
        } else {
            open_wall(layer, &side);
        }
        side
    }

    /// The landing after flight `k`; returns its side towards the next flight.
    fn landing(&mut self, stair: &PlanStair, index: StairIndex, k: usize, head: Side) -> Result<Side, CrowdError> {
        let (f, g) = (&stair.flights[k], &stair.flights[k + 1]);
        let edge = |flight: &PlanFlight, at: [f64; 3]| {
            let run = flight.run_m();
            let d = [(flight.head[0] - flight.foot[0]) / run, (flight.head[1] - flight.foot[1]) / run];
            let half = 0.5 * flight.width_m;
            (d, [[at[0] + d[1] * half, at[1] - d[0] * half], [at[0] - d[1] * half, at[1] + d[0] * half]])
        };
        let ((d, up), (e, on)) = (edge(f, f.head), edge(g, g.foot));
        let gap = [g.foot[0] - f.head[0], g.foot[1] - f.head[1]];
        let mut corners: Vec<[f64; 2]> = up.iter().chain(&on).copied().collect();
        if gap[0] * d[0] + gap[1] * d[1] < 0.3 {
            corners.extend(up.map(|p| [p[0] + d[0] * f.width_m, p[1] + d[1] * f.width_m]));
            corners.extend(on.map(|p| [p[0] - e[0] * g.width_m, p[1] - e[1] * g.width_m]));
        }
        let name = format!("{} landing {}", stair.name, k + 1);
        let outline = convex_hull(corners);
        let spec =
            LayerSpec { name: name.clone(), outline, holes: vec![], floor_m: f.head[2], kind: LayerKind::Landing };
        let id = self.builder.layer(&spec)?;
        let layer = self.builder.layer_mut(id);
        let side = |ends: [[f64; 2]; 2], out: [f64; 2]| {
            let [a, b] = ends.map(|p| layer.frame.local(p));
            Side { layer: id.0, a, b, out: out.map(|v| v as f32) }
        };
        let (from, to) = (side(up, [-d[0], -d[1]]), side(on, e));
        let layer = self.builder.layer_mut(id);
        open_wall(layer, &from);
        open_wall(layer, &to);
        let portal = self.builder.join(&format!("{name} foot"), f.width_m as f32, [head, from]);
        self.builder.tag(portal, None, Some(index));
        Ok(to)
    }

    /// A place for a lift door: the middle of the longest wall of the lobby.
    fn lift_door(&self, space: twin_model::SpaceIndex, width_m: f64) -> Result<(LayerId, [[f64; 2]; 2]), CrowdError> {
        let Some(id) = self.space(space) else {
            return Err(wrong("lift", &self.plan.spaces[space.index()].name, "stops in a shaft where nobody waits"));
        };
        let layer = self.builder.layer_ref(id);
        let size = |w: &[V2; 2]| length(sub(w[1], w[0]));
        let Some(w) = layer.walls.iter().max_by(|a, b| size(a).total_cmp(&size(b))) else {
            return Err(wrong("lift", &layer.name, "the lobby has no wall for a door"));
        };
        let (d, mid) = (unit(sub(w[1], w[0])), [(w[0][0] + w[1][0]) * 0.5, (w[0][1] + w[1][1]) * 0.5]);
        let half = (0.5 * width_m as f32).min(0.5 * size(w));
        let end = |s: f32| {
            let p = layer.frame.to_plan([mid[0] + d[0] * half * s, mid[1] + d[1] * half * s]);
            [p[0], p[1]]
        };
        Ok((id, [end(-1.0), end(1.0)]))
    }
}

/// Takes out what stands in an opening: walls that run along it are cut, whatever crosses it is left.
fn open_wall(layer: &mut crate::world::Layer, side: &Side) {
    let along = unit(sub(side.b, side.a));
    let width = length(sub(side.b, side.a));
    let mut kept = Vec::new();
    for w in std::mem::take(&mut layer.walls) {
        let d = unit(sub(w[1], w[0]));
        let off = |p: V2| dot(sub(p, side.a), side.out).abs();
        if dot(d, along).abs() < 0.95 || off(w[0]).min(off(w[1])) > 0.4 {
            kept.push(w);
            continue;
        }
        let at = |p: V2| dot(sub(p, side.a), along);
        let (mut p, mut q) = (w[0], w[1]);
        if at(p) > at(q) {
            (p, q) = (q, p);
        }
        if at(q) <= 0.0 || at(p) >= width {
            kept.push(w);
            continue;
        }
        if at(p) < -1e-3 {
            kept.push([p, side.a]);
        }
        if at(q) > width + 1e-3 {
            kept.push([side.b, q]);
        }
    }
    layer.walls = kept;
}

/// The opening narrowed to its clear width, about its middle.
fn clear_ends(o: &PlanOpening) -> [[f64; 2]; 2] {
    let [a, b] = o.ends;
    let (mid, d) = ([(a[0] + b[0]) * 0.5, (a[1] + b[1]) * 0.5], [b[0] - a[0], b[1] - a[1]]);
    let size = (d[0] * d[0] + d[1] * d[1]).sqrt();
    let half = 0.5 * o.clear_width_m / size.max(1e-9);
    [[mid[0] - d[0] * half, mid[1] - d[1] * half], [mid[0] + d[0] * half, mid[1] + d[1] * half]]
}

fn ring_distance(ring: &[[f64; 2]], p: [f64; 2]) -> f64 {
    let shifted = |q: [f64; 2]| [(q[0] - p[0]) as f32, (q[1] - p[1]) as f32];
    let edges = (0..ring.len()).map(|i| (shifted(ring[i]), shifted(ring[(i + 1) % ring.len()])));
    edges.map(|(a, b)| f64::from(crate::math::distance_to(a, b, [0.0, 0.0]))).fold(f64::INFINITY, f64::min)
}

/// Andrew's monotone chain, anticlockwise.
fn convex_hull(mut points: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    points.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    let turn = |a: [f64; 2], b: [f64; 2], c: [f64; 2]| (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
    let half = |points: &mut dyn Iterator<Item = [f64; 2]>| {
        let mut chain: Vec<[f64; 2]> = Vec::new();
        for p in points {
            while chain.len() >= 2 && turn(chain[chain.len() - 2], chain[chain.len() - 1], p) <= 1e-9 {
                chain.pop();
            }
            chain.push(p);
        }
        chain.pop();
        chain
    };
    let mut hull = half(&mut points.iter().copied());
    hull.extend(half(&mut points.iter().rev().copied()));
    hull
}
