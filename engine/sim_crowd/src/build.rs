//! Making a world from polygons and doors.

use crate::CrowdError;
use crate::field::{Field, Raster};
use crate::ground::{self, GroundGrid};
use crate::lift::{Lift, LiftSpec};
use crate::math::{Segment, V2, cross, distance_to, dot, length, nearest_on, sub, unit};
use crate::world::{CellLists, CrowdWorld, Frame, Gate, Layer, LayerId, LayerKind, NONE, Portal, PortalId, Side};
use twin_model::{OpeningIndex, StairIndex, ring_area2};

/// How far a door may lie from the outline of its room, m (half a thick wall).
const SNAP_M: f32 = 0.6;
/// Largest extent of one layer, m: `f32` keeps half a millimetre there.
const MOST_M: f64 = 5_000.0;
/// Narrowest portal that anybody passes, m.
pub(crate) const LEAST_WIDTH_M: f64 = 0.3;

/// A floor to be walked on.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerSpec {
    /// Name for messages.
    pub name: String,
    /// Outer ring in plan, m, at least 3 corners, not closed by a repeated corner.
    pub outline: Vec<[f64; 2]>,
    /// Columns, buildings, shafts.
    pub holes: Vec<Vec<[f64; 2]>>,
    /// Level of the floor, m.
    pub floor_m: f64,
    /// What it is.
    pub kind: LayerKind,
}

impl LayerSpec {
    /// A room with an outline at level 0.
    #[must_use]
    pub fn floor(name: impl Into<String>, outline: &[[f64; 2]]) -> Self {
        let (name, outline) = (name.into(), outline.to_vec());
        Self { name, outline, holes: Vec::new(), floor_m: 0.0, kind: LayerKind::Floor(None) }
    }

    /// A rectangular room from its least and greatest corner.
    #[must_use]
    pub fn rectangle(name: impl Into<String>, lo: [f64; 2], hi: [f64; 2]) -> Self {
        Self::floor(name, &[lo, [hi[0], lo[1]], hi, [lo[0], hi[1]]])
    }
}

/// One side of a door: the layer and the ends of the clear opening in the layer's plan coordinates.
pub type DoorSide = (LayerId, [[f64; 2]; 2]);

/// Collects layers and portals; [`WorldBuilder::build`] checks them and computes the walking distances.
#[derive(Debug, Clone, Default)]
pub struct WorldBuilder {
    layers: Vec<Layer>,
    portals: Vec<Portal>,
    lifts: Vec<Lift>,
    origin_m: [f64; 2],
    /// Open ground in tiles, if there is any.
    pub(crate) ground: Option<GroundGrid>,
}

fn wrong(what: &'static str, name: &str, why: impl Into<String>) -> CrowdError {
    CrowdError::Geometry { what, name: name.into(), why: why.into() }
}

impl WorldBuilder {
    /// An empty world whose coordinates count from `origin_m` of the plan.
    #[must_use]
    pub fn new(origin_m: [f64; 2]) -> Self {
        Self { origin_m, ..Self::default() }
    }

    /// Adds a floor.
    ///
    /// # Errors
    /// [`CrowdError::Geometry`] for a ring with fewer than 3 corners, without area, not finite, or larger than 5 km.
    pub fn layer(&mut self, spec: &LayerSpec) -> Result<LayerId, CrowdError> {
        let frame = Frame::flat([self.origin_m[0], self.origin_m[1], spec.floor_m]);
        let mut rings = Vec::new();
        for ring in std::iter::once(&spec.outline).chain(&spec.holes) {
            let fault = if ring.len() < 3 {
                Some("a ring has fewer than 3 corners")
            } else if !ring.iter().flatten().all(|v| v.is_finite()) {
                Some("a corner is not a number")
            } else if ring.iter().any(|p| (0..2).any(|k| (p[k] - self.origin_m[k]).abs() > MOST_M)) {
                Some("a corner lies more than 5 km from the origin")
            } else if ring_area2(ring).abs() < 0.02 {
                Some("a ring has no area")
            } else {
                None
            };
            if let Some(why) = fault {
                return Err(wrong("layer", &spec.name, why));
            }
            rings.push(ring.iter().map(|p| frame.local(*p)).collect::<Vec<_>>());
        }
        let holes: f64 = spec.holes.iter().map(|h| ring_area2(h).abs()).sum();
        let area = 0.5 * (ring_area2(&spec.outline).abs() - holes);
        if area <= 0.0 {
            return Err(wrong("layer", &spec.name, "the holes are as large as the outline"));
        }
        Ok(self.push_layer(spec.name.clone(), spec.kind, frame, rings, area as f32))
    }

    pub(crate) fn push_layer(
        &mut self,
        name: String,
        kind: LayerKind,
        frame: Frame,
        rings: Vec<Vec<V2>>,
        area_m2: f32,
    ) -> LayerId {
        let corners = || rings.iter().flatten();
        let pick = |k: usize, f: fn(f32, f32) -> f32, start: f32| corners().map(|p| p[k]).fold(start, f);
        let lo = [0, 1].map(|k| pick(k, f32::min, f32::INFINITY));
        let hi = [0, 1].map(|k| pick(k, f32::max, f32::NEG_INFINITY));
        let walls = rings.iter().flat_map(|r| (0..r.len()).map(|i| [r[i], r[(i + 1) % r.len()]])).collect();
        let layer = Layer {
            name,
            kind,
            frame,
            rings,
            lo,
            hi,
            walls,
            segments: Vec::new(),
            wall_lists: CellLists::default(),
            ways: Vec::new(),
            gates: Vec::new(),
            fields: Vec::new(),
            way_lists: CellLists::default(),
            area_m2,
            square: None,
        };
        self.layers.push(layer);
        LayerId(self.layers.len() as u32 - 1)
    }

    pub(crate) fn layer_mut(&mut self, id: LayerId) -> &mut Layer {
        &mut self.layers[id.index()]
    }

    pub(crate) fn layer_ref(&self, id: LayerId) -> &Layer {
        &self.layers[id.index()]
    }

    pub(crate) fn layer_count(&self) -> u32 {
        self.layers.len() as u32
    }

    /// A point of the plan in layer coordinates.
    pub(crate) fn local_of(&self, p: [f64; 2]) -> V2 {
        Frame::flat([self.origin_m[0], self.origin_m[1], 0.0]).local(p)
    }

    pub(crate) fn portal_ref(&self, id: PortalId) -> &Portal {
        &self.portals[id.index()]
    }

    pub(crate) fn portal_mut(&mut self, id: PortalId) -> &mut Portal {
        &mut self.portals[id.index()]
    }

    /// Adds a door between two layers, or an exit when there is no second side.
    ///
    /// # Errors
    /// [`CrowdError::Geometry`] when a layer does not exist, the width is below 0.3 m, or an end is not near the
    /// outline of its layer.
    pub fn door(&mut self, name: &str, from: DoorSide, to: Option<DoorSide>) -> Result<PortalId, CrowdError> {
        let width = |e: &[[f64; 2]; 2]| ((e[1][0] - e[0][0]).powi(2) + (e[1][1] - e[0][1]).powi(2)).sqrt();
        for (layer, ends) in std::iter::once(&from).chain(&to) {
            if layer.index() >= self.layers.len() {
                return Err(wrong("portal", name, format!("layer {} does not exist", layer.0)));
            }
            if !(ends.iter().flatten().all(|v| v.is_finite()) && width(ends) >= LEAST_WIDTH_M - 1e-6) {
                return Err(wrong("portal", name, format!("width {:.2} m; allowed: 0.3 m or more", width(ends))));
            }
        }
        let first = self.cut_side(name, &from)?;
        let second = match &to {
            Some(side) => self.cut_side(name, side)?,
            None => Side { layer: NONE, out: [-first.out[0], -first.out[1]], ..first },
        };
        Ok(self.join(name, width(&from.1) as f32, [first, second]))
    }

    /// Joins two sides that are already cut into the walls.
    pub(crate) fn join(&mut self, name: &str, width_m: f32, sides: [Side; 2]) -> PortalId {
        self.add(self.joined(name, width_m, sides))
    }

    pub(crate) fn add(&mut self, portal: Portal) -> PortalId {
        self.portals.push(portal);
        PortalId(self.portals.len() as u32 - 1)
    }

    /// A portal of two sides.
    pub(crate) fn joined(&self, name: &str, width_m: f32, sides: [Side; 2]) -> Portal {
        let (u, v) = (sides[0].out, [-sides[1].out[0], -sides[1].out[1]]);
        Portal {
            name: name.into(),
            width_m,
            flow_cap_ps: None,
            capture_m: None,
            sides,
            turn: unit([dot(u, v), cross(u, v)]),
            opening: None,
            stair: None,
            lift: None,
            assembly: None,
        }
    }

    /// An assembly point (集合点): people within `radius_m` of `centre` have arrived.
    ///
    /// # Errors
    /// [`CrowdError::Geometry`] when it is not on the layer's floor or the radius is not 0.3 to 100 m.
    pub fn assembly_point(
        &mut self,
        name: &str,
        layer: LayerId,
        centre: [f64; 2],
        radius_m: f64,
    ) -> Result<PortalId, CrowdError> {
        let Some(l) = self.layers.get(layer.index()) else {
            return Err(wrong("assembly point", name, format!("layer {} does not exist", layer.0)));
        };
        let c = l.frame.local(centre);
        if !(0.3..=100.0).contains(&radius_m) {
            return Err(wrong("assembly point", name, format!("radius {radius_m} m; allowed: 0.3 to 100 m")));
        }
        if !l.contains(c) {
            return Err(wrong("assembly point", name, format!("is not on the floor of {}", l.name)));
        }
        let side = Side { layer: layer.0, a: c, b: c, out: [0.0, 0.0] };
        let id = self.join(name, 2.0 * radius_m as f32, [side, Side { layer: NONE, ..side }]);
        self.portals[id.index()].capture_m = Some(radius_m as f32);
        Ok(id)
    }

    /// Limits a portal to `persons_per_s`.
    ///
    /// # Errors
    /// [`CrowdError::Param`] outside 0.01 to 100.
    pub fn limit_flow(&mut self, portal: PortalId, persons_per_s: f64) -> Result<(), CrowdError> {
        sim_core::check_range("flow_cap", persons_per_s, "1/s", 0.01, 100.0)?;
        if let Some(p) = self.portals.get_mut(portal.index()) {
            p.flow_cap_ps = Some(persons_per_s as f32);
        }
        Ok(())
    }

    pub(crate) fn tag(&mut self, portal: PortalId, opening: Option<OpeningIndex>, stair: Option<StairIndex>) {
        let p = &mut self.portals[portal.index()];
        (p.opening, p.stair) = (opening, stair);
    }

    /// Adds a lift whose doors are cut into the given lobbies.
    ///
    /// # Errors
    /// [`CrowdError`] as for [`WorldBuilder::door`], or a capacity, speed or time outside its range.
    pub fn lift(&mut self, spec: &LiftSpec) -> Result<(), CrowdError> {
        spec.validate()?;
        let mut stops = Vec::new();
        for (k, stop) in spec.stops.iter().enumerate() {
            let name = format!("{} stop {k}", spec.name);
            let id = self.door(&name, *stop, None)?;
            self.portals[id.index()].lift = Some((self.lifts.len() as u32, k as u32));
            stops.push((id, self.layers[stop.0.index()].frame.origin_m[2]));
        }
        self.lifts.push(Lift::new(spec, stops));
        Ok(())
    }

    /// Cuts a gap into the wall nearest to a door; the interior is then to the inside of `out`.
    pub(crate) fn cut_side(&mut self, name: &str, side: &DoorSide) -> Result<Side, CrowdError> {
        let layer = &mut self.layers[side.0.index()];
        let ends = side.1.map(|p| layer.frame.local(p));
        let mid = [(ends[0][0] + ends[1][0]) * 0.5, (ends[0][1] + ends[1][1]) * 0.5];
        let along = unit(sub(ends[1], ends[0]));
        // The nearest wall that runs with the door, long enough for its middle.
        let score = |w: &[V2; 2]| {
            let skew = cross(unit(sub(w[1], w[0])), along).abs();
            distance_to(w[0], w[1], mid) + skew
        };
        let best = (0..layer.walls.len()).min_by(|a, b| score(&layer.walls[*a]).total_cmp(&score(&layer.walls[*b])));
        let Some(k) = best.filter(|k| distance_to(layer.walls[*k][0], layer.walls[*k][1], mid) <= SNAP_M) else {
            return Err(wrong("portal", name, format!("is not on a wall of {} (within {SNAP_M} m)", layer.name)));
        };
        let [p, q] = layer.walls[k];
        let (mut a, mut b) = (nearest_on(p, q, ends[0]), nearest_on(p, q, ends[1]));
        if dot(sub(b, a), sub(q, p)) < 0.0 {
            (a, b) = (b, a);
        }
        if f64::from(length(sub(b, a))) < LEAST_WIDTH_M - 1e-3 {
            return Err(wrong("portal", name, format!("has less than 0.3 m of the wall of {}", layer.name)));
        }
        let d = unit(sub(q, p));
        let right = [d[1], -d[0]];
        let middle = [(a[0] + b[0]) * 0.5, (a[1] + b[1]) * 0.5];
        let inside = layer.contains([middle[0] - right[0] * 0.02, middle[1] - right[1] * 0.02]);
        let out = if inside { right } else { [-right[0], -right[1]] };
        layer.walls[k] = [p, a];
        layer.walls.push([b, q]);
        layer.walls.retain(|w| length(sub(w[1], w[0])) > 1e-4);
        Ok(Side { layer: side.0.0, a, b, out })
    }

    /// Checks the whole and computes the walking distances.
    ///
    /// # Errors
    /// [`CrowdError::Geometry`] for a world without a layer.
    pub fn build(mut self) -> Result<CrowdWorld, CrowdError> {
        if self.layers.is_empty() {
            return Err(wrong("world", "-", "has no layer"));
        }
        for (k, p) in self.portals.iter().enumerate() {
            for (s, side) in p.sides.iter().enumerate() {
                if side.layer != NONE {
                    self.layers[side.layer as usize].ways.push((2 * k + s) as u32);
                }
            }
        }
        let portals = &self.portals;
        each(&mut self.layers, |layer| finish(layer, portals));
        if let Some(grid) = &self.ground {
            ground::fields(&mut self.layers, portals, grid);
        }
        let mut world = CrowdWorld { layers: self.layers, portals: self.portals, lifts: self.lifts, links: Vec::new() };
        world.links = (0..2 * world.portals.len() as u32).map(|w| links_after(&world, w)).collect();
        Ok(world)
    }
}

#[cfg(feature = "parallel")]
fn each(layers: &mut [Layer], work: impl Fn(&mut Layer) + Send + Sync) {
    use rayon::prelude::*;
    layers.par_iter_mut().for_each(work);
}

#[cfg(not(feature = "parallel"))]
fn each(layers: &mut [Layer], work: impl Fn(&mut Layer)) {
    layers.iter_mut().for_each(work);
}

/// How near a portal must be to look through it, m: the largest reach.
pub(crate) const PORTAL_SIGHT_M: f32 = 2.5;

fn finish(layer: &mut Layer, portals: &[Portal]) {
    let walls = layer.walls.clone();
    let (lo, hi) = (layer.lo, layer.hi);
    let cell_m = 1.0_f32.max(((hi[0] - lo[0]) * (hi[1] - lo[1]) / 1e6).sqrt());
    layer.wall_lists = CellLists::new(
        lo,
        hi,
        cell_m,
        walls.len(),
        crate::world::WALL_SIGHT_M,
        |w, p| distance_to(walls[w][0], walls[w][1], p),
        |w| walls[w],
    );
    let sides: Vec<Side> = layer.ways.iter().map(|w| portals[(*w >> 1) as usize].sides[(*w & 1) as usize]).collect();
    layer.segments = walls.iter().map(|[a, b]| Segment::new(*a, *b)).collect();
    let capture = |k: usize| portals[(layer.ways[k] >> 1) as usize].capture_m.unwrap_or(0.0);
    let widest = (0..sides.len()).map(capture).fold(0.0, f32::max);
    layer.way_lists = CellLists::new(
        lo,
        hi,
        cell_m,
        sides.len(),
        PORTAL_SIGHT_M + widest,
        |k, p| distance_to(sides[k].a, sides[k].b, p),
        |k| [sides[k].a, sides[k].b],
    );
    let disc = |k: usize| portals[(layer.ways[k] >> 1) as usize].capture_m.is_some();
    layer.gates = sides.iter().enumerate().map(|(k, s)| Gate::new(s, disc(k))).collect();
    if layer.square.is_some() {
        // Fields of open ground run on from tile to tile: they are made for all tiles together.
        return;
    }
    if is_convex(layer) {
        layer.fields = sides.iter().map(|_| Field::Straight).collect();
    } else {
        let raster =
            Raster::new(lo, hi, |p| layer.contains(p).then(|| layer.wall_distance_m(p).unwrap_or(f32::INFINITY)));
        let fields: Vec<_> = layer.gates.iter().map(|g| raster.field(g)).collect();
        // What no way leads to, such as the pocket beside a flight, holds nobody.
        layer.area_m2 *= raster.part_reached(&fields);
        layer.fields = fields.into_iter().map(|f| Field::Cells(Box::new(f))).collect();
    }
}

/// Whether everybody in the layer sees all of it: one convex ring and no wall inside.
fn is_convex(layer: &Layer) -> bool {
    let [ring] = layer.rings.as_slice() else { return false };
    let n = ring.len();
    let turn = |i: usize| cross(sub(ring[(i + 1) % n], ring[i]), sub(ring[(i + 2) % n], ring[(i + 1) % n]));
    let same = (0..n).all(|i| turn(i) >= -1e-4) || (0..n).all(|i| turn(i) <= 1e-4);
    let on_ring = |p: V2| (0..n).any(|i| distance_to(ring[i], ring[(i + 1) % n], p) < 0.02);
    same && layer.walls.iter().all(|w| on_ring([(w[0][0] + w[1][0]) * 0.5, (w[0][1] + w[1][1]) * 0.5]))
}

/// Distances from where a way arrives to every way onward.
fn links_after(world: &CrowdWorld, way: u32) -> Vec<(u32, f32)> {
    let layer = world.beyond(way);
    if layer == NONE {
        return Vec::new();
    }
    let portal = &world.portals[(way >> 1) as usize];
    let from = &portal.sides[1 - (way & 1) as usize];
    let start = ground::arrival(world, way).unwrap_or(crate::math::add_scaled(from.middle(), from.out, -0.1));
    let back = way ^ 1;
    let ways = &world.layers[layer as usize].ways;
    (0..ways.len())
        .filter(|k| ways[*k] != back)
        .map(|k| (ways[k], world.distance_m(layer as usize, k, start)))
        .filter(|(_, d)| d.is_finite())
        .collect()
}
