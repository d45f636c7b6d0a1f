//! Where people walk: layers (层) joined by portals (门洞).
//!
//! A layer is one flat walkable polygon with its own frame: a room, a corridor, a stair flight, a landing, an outdoor area.
//! People in one layer never see those of another, except through the portals between them. A portal carries people from
//! one side to the other by a rigid move that takes the thickness of the wall, or the corner of a stair, away.

use crate::field::{Field, JAMB_M};
use crate::math::{Segment, V2, cross, distance_to, dot, length, sub};
use twin_model::SpaceIndex;

/// Position of a layer in [`CrowdWorld`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct LayerId(pub u32);

/// Position of a portal in [`CrowdWorld`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct PortalId(pub u32);

impl LayerId {
    /// As an index.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl PortalId {
    /// As an index.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// "None" in columns of indices.
pub(crate) const NONE: u32 = u32::MAX;

/// What a layer is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LayerKind {
    /// A room, corridor or landing of a plan.
    Floor(Option<SpaceIndex>),
    /// A stair flight or ramp; the frame's x runs up along the slope.
    Flight(Slope),
    /// A landing between two flights.
    Landing,
    /// Streets, squares, gardens.
    Outdoor,
}

/// How a slope slows people: factors on the speed measured along the slope.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slope {
    /// Upwards, above 0 to 1.5.
    pub up: f32,
    /// Downwards, above 0 to 1.5.
    pub down: f32,
}

/// From a layer's own coordinates to the plan: x, y, z.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Frame {
    pub origin_m: [f64; 3],
    /// Plan movement per metre of layer x.
    pub along: [f64; 3],
    /// Plan movement per metre of layer y.
    pub across: [f64; 2],
}

impl Frame {
    pub(crate) fn flat(origin_m: [f64; 3]) -> Self {
        Self { origin_m, along: [1.0, 0.0, 0.0], across: [0.0, 1.0] }
    }

    pub(crate) fn to_plan(self, p: V2) -> [f64; 3] {
        let [x, y] = p.map(f64::from);
        [
            self.origin_m[0] + x * self.along[0] + y * self.across[0],
            self.origin_m[1] + x * self.along[1] + y * self.across[1],
            self.origin_m[2] + x * self.along[2],
        ]
    }

    /// Inverse in plan; the frame's axes are orthogonal there.
    pub(crate) fn local(self, p: [f64; 2]) -> V2 {
        let d = [p[0] - self.origin_m[0], p[1] - self.origin_m[1]];
        let run2 = self.along[0] * self.along[0] + self.along[1] * self.along[1];
        let x = (d[0] * self.along[0] + d[1] * self.along[1]) / run2;
        let y = d[0] * self.across[0] + d[1] * self.across[1];
        [x as f32, y as f32]
    }
}

/// Lists per square cell of a layer.
#[derive(Debug, Clone, Default)]
pub(crate) struct CellLists {
    origin: V2,
    inv_cell: f32,
    nx: usize,
    ny: usize,
    first: Vec<u32>,
    items: Vec<u32>,
}

impl CellLists {
    /// Lists the items whose distance from a cell may be below `within_m`; `distance(item, centre)` in metres.
    pub(crate) fn new(
        lo: V2,
        hi: V2,
        cell_m: f32,
        items: usize,
        within_m: f32,
        distance: impl Fn(usize, V2) -> f32,
        bounds: impl Fn(usize) -> [V2; 2],
    ) -> Self {
        let count = |k: usize| (((hi[k] - lo[k]) / cell_m) as usize + 1).max(1);
        let (nx, ny) = (count(0), count(1));
        let mut lists = vec![Vec::new(); nx * ny];
        let reach = within_m + cell_m * 0.7072;
        for item in 0..items {
            let [a, b] = bounds(item);
            let range = |k: usize, n: usize| {
                let from = ((a[k].min(b[k]) - reach - lo[k]) / cell_m).max(0.0) as usize;
                let to = ((a[k].max(b[k]) + reach - lo[k]) / cell_m).max(0.0) as usize;
                from.min(n - 1)..=to.min(n - 1)
            };
            for j in range(1, ny) {
                for i in range(0, nx) {
                    let centre = [lo[0] + (i as f32 + 0.5) * cell_m, lo[1] + (j as f32 + 0.5) * cell_m];
                    if distance(item, centre) <= reach {
                        lists[j * nx + i].push(item as u32);
                    }
                }
            }
        }
        let mut out = Self { origin: lo, inv_cell: 1.0 / cell_m, nx, ny, first: vec![0], items: Vec::new() };
        for l in lists {
            out.items.extend(l);
            out.first.push(out.items.len() as u32);
        }
        out
    }

    #[inline(always)]
    pub(crate) fn cell(&self, p: V2) -> usize {
        let at = |axis: usize| ((p[axis] - self.origin[axis]) * self.inv_cell).max(0.0) as usize;
        at(1).min(self.ny - 1) * self.nx + at(0).min(self.nx - 1)
    }

    #[inline(always)]
    pub(crate) fn list(&self, cell: usize) -> &[u32] {
        &self.items[self.first[cell] as usize..self.first[cell + 1] as usize]
    }

    pub(crate) fn at(&self, p: V2) -> &[u32] {
        self.list(self.cell(p))
    }
}

/// What is near a point of a layer.
#[derive(Clone, Copy)]
pub(crate) struct Near<'a> {
    /// By position in `walls`.
    pub walls: &'a [u32],
    /// By position in `ways`.
    pub ways: &'a [u32],
}

/// How near a wall must be to be looked at, m.
pub(crate) const WALL_SIGHT_M: f32 = 0.6;

/// One walkable polygon.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Name for messages.
    pub name: String,
    /// What it is.
    pub kind: LayerKind,
    pub(crate) frame: Frame,
    pub(crate) rings: Vec<Vec<V2>>,
    pub(crate) lo: V2,
    pub(crate) hi: V2,
    pub(crate) walls: Vec<[V2; 2]>,
    /// `walls` for measuring.
    pub(crate) segments: Vec<Segment>,
    pub(crate) wall_lists: CellLists,
    /// Directed crossings that start here: portal · 2 + side.
    pub(crate) ways: Vec<u32>,
    /// One gate per way.
    pub(crate) gates: Vec<Gate>,
    /// One field per way.
    pub(crate) fields: Vec<Field>,
    /// Ways (by position in `ways`) near a point.
    pub(crate) way_lists: CellLists,
    pub(crate) area_m2: f32,
    /// Column and row of its square, for a tile of open ground.
    pub(crate) square: Option<[u32; 2]>,
}

impl Layer {
    /// Walkable area, m².
    #[must_use]
    pub fn area_m2(&self) -> f64 {
        f64::from(self.area_m2)
    }

    /// Plan coordinates (x, y, z) of a point of the layer, m.
    #[must_use]
    pub fn to_plan(&self, p: [f32; 2]) -> [f64; 3] {
        self.frame.to_plan(p)
    }

    /// Whether a point of the layer lies on its floor (even-odd rule).
    #[must_use]
    pub fn contains(&self, p: [f32; 2]) -> bool {
        let mut odd = false;
        for ring in &self.rings {
            for (i, a) in ring.iter().enumerate() {
                let b = ring[(i + 1) % ring.len()];
                if (a[1] > p[1]) != (b[1] > p[1]) && p[0] < a[0] + (p[1] - a[1]) / (b[1] - a[1]) * (b[0] - a[0]) {
                    odd = !odd;
                }
            }
        }
        odd
    }

    /// Distance to the nearest wall, m, when it is below 0.6 m.
    #[must_use]
    pub fn wall_distance_m(&self, p: [f32; 2]) -> Option<f32> {
        let walls = self.wall_lists.at(p).iter().map(|w| self.walls[*w as usize]);
        walls.map(|[a, b]| distance_to(a, b, p)).filter(|d| *d < WALL_SIGHT_M).reduce(f32::min)
    }

    /// Walls and ways near a point.
    #[inline(always)]
    pub(crate) fn near(&self, p: V2) -> Near<'_> {
        let (cell, walls) = (self.wall_lists.cell(p), &self.wall_lists);
        Near { walls: walls.list(cell), ways: self.way_lists.list(cell) }
    }

    /// Position of a way in this layer's lists.
    pub(crate) fn way_index(&self, way: u32) -> Option<usize> {
        self.ways.iter().position(|w| *w == way)
    }

    /// Speed factor of a person who moves along `heading`.
    #[inline(always)]
    pub(crate) fn slope_factor(&self, heading: V2) -> f32 {
        match self.kind {
            LayerKind::Flight(s) => {
                if heading[0] >= 0.0 {
                    s.up
                } else {
                    s.down
                }
            }
            _ => 1.0,
        }
    }
}

/// One side of a portal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Side {
    /// The layer, or [`NONE`]: the open air beyond the model.
    pub layer: u32,
    pub a: V2,
    pub b: V2,
    /// Unit vector out of the layer.
    pub out: V2,
}

impl Side {
    pub(crate) fn middle(&self) -> V2 {
        [(self.a[0] + self.b[0]) * 0.5, (self.a[1] + self.b[1]) * 0.5]
    }
}

/// One side of a portal, ready to be measured from by the people of its layer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gate {
    pub line: Segment,
    /// The part of the line that people aim at: clear of both jambs.
    aim: Segment,
    /// Unit vector out of the layer.
    pub out: V2,
    /// An assembly point: nobody's wall.
    pub disc: bool,
}

impl Gate {
    pub(crate) fn new(side: &Side, disc: bool) -> Self {
        let along = sub(side.b, side.a);
        let width = length(along);
        let k = if width > 0.0 { (JAMB_M / width).min(0.5) } else { 0.5 };
        let (a, b) = (
            [side.a[0] + along[0] * k, side.a[1] + along[1] * k],
            [side.b[0] - along[0] * k, side.b[1] - along[1] * k],
        );
        Self { line: Segment::new(side.a, side.b), aim: Segment::new(a, b), out: side.out, disc }
    }

    /// Where a person at `p` heads to pass.
    #[inline(always)]
    pub(crate) fn aim(&self, p: V2) -> V2 {
        self.aim.nearest(p)
    }
}

/// A way between two layers, or out of the model.
#[derive(Debug, Clone)]
pub struct Portal {
    /// Name for messages.
    pub name: String,
    /// Clear width, m.
    pub width_m: f32,
    /// Most people per second through it, if limited: a turnstile, a revolving door.
    pub flow_cap_ps: Option<f32>,
    /// Radius of an assembly point, m; people within it have arrived.
    pub(crate) capture_m: Option<f32>,
    pub(crate) sides: [Side; 2],
    /// Rotation (cosine, sine) from side 0 to side 1.
    pub(crate) turn: V2,
    /// The opening of the plan it came from.
    pub opening: Option<twin_model::OpeningIndex>,
    /// The stair of the plan it belongs to.
    pub stair: Option<twin_model::StairIndex>,
    /// The lift and the stop behind it.
    pub(crate) lift: Option<(u32, u32)>,
    /// The area of safety of the open ground that it stands for.
    pub assembly: Option<u32>,
}

impl Portal {
    /// Layers on both sides; `None` is outside the model.
    #[must_use]
    pub fn layers(&self) -> [Option<LayerId>; 2] {
        [0, 1].map(|k| (self.sides[k].layer != NONE).then_some(LayerId(self.sides[k].layer)))
    }

    /// Whether it leads out of the model.
    #[must_use]
    pub fn is_exit(&self) -> bool {
        self.sides[1].layer == NONE && self.lift.is_none()
    }

    /// A point near side `from`, seen from the other side.
    #[inline(always)]
    pub(crate) fn carry(&self, from: usize, p: V2) -> V2 {
        let d = self.rotate(from, sub(p, self.sides[from].middle()));
        let m = self.sides[1 - from].middle();
        [m[0] + d[0], m[1] + d[1]]
    }

    /// A direction on side `from`, seen from the other side.
    #[inline(always)]
    pub(crate) fn rotate(&self, from: usize, d: V2) -> V2 {
        let (c, s) = (self.turn[0], if from == 0 { self.turn[1] } else { -self.turn[1] });
        [d[0] * c - d[1] * s, d[0] * s + d[1] * c]
    }

    /// Whether the step `p`–`q` on side `side` leaves through the portal.
    #[inline(always)]
    pub(crate) fn is_left_by(&self, side: usize, p: V2, q: V2) -> bool {
        let s = &self.sides[side];
        if let Some(r) = self.capture_m {
            return side == 0 && length(sub(q, s.a)) <= r;
        }
        let beyond = dot(sub(q, s.a), s.out);
        let along = sub(s.b, s.a);
        let t = dot(sub(q, s.a), along);
        beyond > 0.0 && dot(sub(p, s.a), s.out) <= 0.0 && t >= 0.0 && t <= dot(along, along)
    }
}

/// All layers and portals of a run; fixed while it runs.
#[derive(Debug, Clone)]
pub struct CrowdWorld {
    pub(crate) layers: Vec<Layer>,
    pub(crate) portals: Vec<Portal>,
    pub(crate) lifts: Vec<crate::lift::Lift>,
    /// Walking distance between ways of one layer: for way w, (next way, m) of all ways that start where w ends.
    pub(crate) links: Vec<Vec<(u32, f32)>>,
}

impl CrowdWorld {
    /// The layers.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The portals.
    #[must_use]
    pub fn portals(&self) -> &[Portal] {
        &self.portals
    }

    /// The layer of that name.
    #[must_use]
    pub fn layer_named(&self, name: &str) -> Option<LayerId> {
        self.layers.iter().position(|l| l.name == name).map(|k| LayerId(k as u32))
    }

    /// The portal of that name.
    #[must_use]
    pub fn portal_named(&self, name: &str) -> Option<PortalId> {
        self.portals.iter().position(|p| p.name == name).map(|k| PortalId(k as u32))
    }

    /// Portals that lead out of the model, assembly points among them.
    pub fn exits(&self) -> impl Iterator<Item = PortalId> + '_ {
        self.portals.iter().enumerate().filter(|(_, p)| p.is_exit()).map(|(k, _)| PortalId(k as u32))
    }

    /// The layer made from a space of the plan.
    #[must_use]
    pub fn layer_of_space(&self, space: SpaceIndex) -> Option<LayerId> {
        let found = self.layers.iter().position(|l| l.kind == LayerKind::Floor(Some(space)));
        found.map(|k| LayerId(k as u32))
    }

    #[inline(always)]
    pub(crate) fn side(&self, way: u32) -> &Side {
        &self.portals[(way >> 1) as usize].sides[(way & 1) as usize]
    }

    /// The layer that a way leads to, or [`NONE`].
    #[inline(always)]
    pub(crate) fn beyond(&self, way: u32) -> u32 {
        self.portals[(way >> 1) as usize].sides[1 - (way & 1) as usize].layer
    }

    /// Walking distance from a point of a layer to one of its ways, m; infinite when there is none.
    pub(crate) fn distance_m(&self, layer: usize, index: usize, p: V2) -> f32 {
        let l = &self.layers[layer];
        l.fields[index].distance_m(&l.gates[index], p)
    }
}

/// Whether two people see each other through the opening `a`–`b`.
#[inline(always)]
pub(crate) fn seen_through(side: &Side, p: V2, q: V2) -> bool {
    let ab = sub(side.b, side.a);
    let (c, d) = (cross(ab, sub(p, side.a)), cross(ab, sub(q, side.a)));
    let pq = sub(q, p);
    let (e, f) = (cross(pq, sub(side.a, p)), cross(pq, sub(side.b, p)));
    c * d <= 0.0 && e * f <= 0.0
}
