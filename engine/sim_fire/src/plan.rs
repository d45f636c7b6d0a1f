//! A building plan made into a network: spaces to zones, openings to vents, stairs and lifts to shafts (建筑通行图到区域网络).

use crate::error::{bad, check};
use crate::strip::Strips;
use crate::{
    Ambient, Detector, DetectorKind, FireError, Lining, Network, NetworkBuilder, Side, Space, SpaceId, Vent, VentId,
};
use twin_model::{
    BuildingPlan, OpeningKind, PlanOpening, PlanSpace, PlanStair, SpaceIndex, SpaceUse, ring_length_m, ring_middle,
};

/// What a plan does not say.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanOptions {
    /// Air outside.
    pub ambient: Ambient,
    /// Temperature inside at the start, °C, -60 to 60.
    pub indoor_c: f64,
    /// Longest piece of a corridor, m, 2 to 50; 7 by default.
    pub piece_m: f64,
    /// Share of doors that stands open, 0 to 1; 0 leaves the gaps around the leaf.
    pub doors_open: f64,
    /// Share of windows that stands open, 0 to 1.
    pub windows_open: f64,
    /// Walls; `None` passes no heat.
    pub walls: Option<Lining>,
    /// Floors and ceilings.
    pub slabs: Option<Lining>,
    /// Detectors and sprinklers under the ceiling of every zone but shafts; see [`BuildingNetwork::heads`].
    pub heads: Vec<DetectorKind>,
    /// Direction the wind blows in, in the axes of the plan (any length but 0); gives doors and windows outside their pressure
    /// coefficients, see [`facade_cp`]. `None`: calm. Its strength is [`crate::FireForcing`].
    pub wind_towards: Option<[f64; 2]>,
}

impl Default for PlanOptions {
    fn default() -> Self {
        Self {
            ambient: Ambient::default(),
            indoor_c: 20.0,
            piece_m: 7.0,
            doors_open: 0.0,
            windows_open: 0.0,
            walls: Lining::named("gypsum", 0.016).ok(),
            slabs: Lining::named("concrete", 0.15).ok(),
            heads: Vec::new(),
            wind_towards: None,
        }
    }
}

/// Gap around a shut door, m² (Klote & Milke, Principles of Smoke Management, 2002: 0.02 single leaf; ASHRAE gives 0.01 to 0.03).
pub const DOOR_GAP_M2: f64 = 0.02;
/// Gap around a shut lift door, m² (Klote & Milke 2002: 0.05 to 0.07).
pub const LIFT_GAP_M2: f64 = 0.06;
/// Gap of a shut window over its area; of the order of an average façade below.
const WINDOW_GAP: f64 = 0.001;

/// Leakage area over wall area by use: walls to the open air of average tightness 0.17e-3, loose 0.35e-3, very loose 1.2e-3,
/// stair walls 0.11e-3, lift shafts 0.84e-3 (Klote & Milke 2002, table of typical leakage areas; NFPA 92 annex).
#[must_use]
pub const fn leakage_ratio(use_: SpaceUse) -> f64 {
    match use_ {
        SpaceUse::Stair => 0.11e-3,
        SpaceUse::Shaft => 0.84e-3,
        SpaceUse::Parking => 1.2e-3,
        SpaceUse::Service | SpaceUse::Shop => 0.35e-3,
        _ => 0.17e-3,
    }
}

/// Greatest distance of a fire from the nearest of heads 4.6 m apart, m (NFPA 13, light hazard: 21 m² a head, square spacing).
const HEAD_REACH_M: f64 = 3.25;

/// Wind pressure coefficient (风压系数) of the wall of a low square building whose outward normal makes an angle with the direction the
/// wind comes from, radians: 0.6 ln(1.248 - 0.703 sin(a/2) - 1.175 sin² a + 0.769 cos(a/2) + 0.717 cos²(a/2)) (Swami & Chandra,
/// ASHRAE Transactions 94, 1988, sides of equal length; 0.6 is their coefficient of the windward face).
#[must_use]
pub fn facade_cp(angle: f64) -> f64 {
    let (half, full) = (libm::sin(0.5 * angle.abs()), libm::sin(angle));
    let cos = libm::cos(0.5 * angle);
    0.6 * libm::log(1.248 - 0.703 * half - 1.175 * full * full + 0.769 * cos + 0.717 * cos * cos)
}

/// A network and where the elements of its plan went.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildingNetwork {
    /// The network.
    pub network: Network,
    /// Per space of the plan: its zones, along its length.
    pub zones: Vec<Vec<SpaceId>>,
    /// Per opening of the plan: its vent.
    pub openings: Vec<VentId>,
    /// Per stair of the plan: the vent through the slab.
    pub stairs: Vec<VentId>,
    /// Per lift of the plan: the shaft at each stop.
    pub shafts: Vec<Vec<SpaceId>>,
    /// Detectors and sprinklers asked for, zone after zone of the plan's spaces, for [`crate::FireRunOf::new`].
    pub heads: Vec<Detector>,
    strips: Vec<Strips>,
}

impl BuildingNetwork {
    /// Makes the network of a plan.
    ///
    /// # Errors
    /// [`FireError::Item`] naming the space, opening, stair or lift and its field.
    pub fn new(plan: &BuildingPlan, options: &PlanOptions) -> Result<Self, FireError> {
        check("plan", &plan.name, "indoor_c", options.indoor_c, -60.0, 60.0)?;
        check("plan", &plan.name, "piece_m", options.piece_m, 2.0, 50.0)?;
        check("plan", &plan.name, "doors_open", options.doors_open, 0.0, 1.0)?;
        check("plan", &plan.name, "windows_open", options.windows_open, 0.0, 1.0)?;
        if let Some(w) = options.wind_towards {
            let length = w[0].hypot(w[1]);
            check("plan", &plan.name, "wind_towards (its length)", length, 1e-6, 1e6)?;
        }
        let mut maker = Maker {
            plan,
            options,
            builder: NetworkBuilder::new(options.ambient),
            zones: Vec::new(),
            strips: Vec::new(),
        };
        plan.spaces.iter().try_for_each(|s| maker.space(s))?;
        let openings = plan.openings.iter().map(|o| maker.opening(o)).collect::<Result<_, _>>()?;
        let stairs = plan.stairs.iter().map(|s| maker.stair(s)).collect::<Result<_, _>>()?;
        maker.stack_shafts()?;
        let shafts = (0..plan.lifts.len()).map(|k| maker.lift(k)).collect::<Result<_, _>>()?;
        maker.leaks()?;
        let heads = maker.heads();
        let Maker { builder, zones, strips, .. } = maker;
        Ok(Self { network: builder.build()?, zones, openings, stairs, shafts, heads, strips })
    }

    /// The zone of a space of the plan at a point of it; `None` for a space that does not exist.
    #[must_use]
    pub fn zone_at(&self, space: SpaceIndex, p: [f64; 2]) -> Option<SpaceId> {
        self.zones.get(space.index())?.get(self.strips[space.index()].piece(p)).copied()
    }
}

struct Maker<'a> {
    plan: &'a BuildingPlan,
    options: &'a PlanOptions,
    builder: NetworkBuilder,
    zones: Vec<Vec<SpaceId>>,
    strips: Vec<Strips>,
}

impl Maker<'_> {
    fn space(&mut self, s: &PlanSpace) -> Result<(), FireError> {
        let name = label(&s.name, "space", self.zones.len());
        if s.outline.len() < 3 {
            return Err(bad("space", &name, "outline", format!("{} corners", s.outline.len()), "at least 3 corners"));
        }
        for p in s.outline.iter().chain(s.holes.iter().flatten()) {
            check("space", &name, "corner x", p[0], -1e7, 1e7)?;
            check("space", &name, "corner y", p[1], -1e7, 1e7)?;
        }
        check("space", &name, "floor_m", s.floor_m, -1000.0, 9000.0)?;
        check("space", &name, "height_m (a space needs a volume)", s.height_m, 0.2, 200.0)?;
        check("space", &name, "area_m2 (a space needs a volume)", s.area_m2(), 0.05, 1e5)?;
        let long = if s.use_ == SpaceUse::Circulation { self.options.piece_m } else { 1e9 };
        let strips = Strips::new(s, long);
        let whole: f64 = ring_length_m(&s.outline) + s.holes.iter().map(|h| ring_length_m(h)).sum::<f64>();
        let area = s.area_m2();
        let pieces = strips.areas_m2.len();
        let mut list = Vec::with_capacity(pieces);
        for (k, piece) in strips.areas_m2.iter().enumerate() {
            let mut zone = Space::new(*piece, s.height_m, s.floor_m);
            zone.wall_length_m = whole * piece / area;
            zone.temperature_c = Some(self.options.indoor_c);
            zone.walls = self.options.walls.clone();
            zone.ceiling = self.options.slabs.clone();
            zone.floor = self.options.slabs.clone();
            if matches!(s.use_, SpaceUse::Stair | SpaceUse::Shaft) {
                zone = zone.mixed();
            }
            let title = if pieces == 1 { name.clone() } else { format!("{name} [{}/{pieces}]", k + 1) };
            let id = self.builder.space(&title, zone)?;
            if let (Some(last), Some(width)) = (list.last(), k.checked_sub(1).map(|j| strips.widths_m[j])) {
                let seam = Vent::wall(Side::Space(*last), Side::Space(id), width, s.floor_m, s.floor_m + s.height_m);
                self.builder.vent(&format!("{title} seam"), Vent { seamless: true, ..seam })?;
            }
            list.push(id);
        }
        self.zones.push(list);
        self.strips.push(strips);
        Ok(())
    }

    /// The zone at a point, or the open air.
    fn side(&self, what: &'static str, name: &str, side: Option<SpaceIndex>, p: [f64; 2]) -> Result<Side, FireError> {
        let Some(space) = side else { return Ok(Side::Outside) };
        let list = self.zones.get(space.index());
        let zone = list.and_then(|l| l.get(self.strips[space.index()].piece(p)));
        zone.map(|z| Side::Space(*z)).ok_or_else(|| {
            bad(what, name, "space", space.0, format!("a space of the plan, below {}", self.zones.len()))
        })
    }

    fn opening(&mut self, o: &PlanOpening) -> Result<VentId, FireError> {
        let what = if o.kind == OpeningKind::Window { "window" } else { "door" };
        let name = label(&o.name, what, 0);
        for p in o.ends.iter().flatten() {
            check(what, &name, "ends", *p, -1e7, 1e7)?;
        }
        check(what, &name, "clear_width_m", o.clear_width_m, 0.01, 1000.0)?;
        check(what, &name, "sill_m", o.sill_m, -10.0, 200.0)?;
        check(what, &name, "head_m", o.head_m, o.sill_m + 0.01, 200.0)?;
        if o.sides[0] == o.sides[1] {
            return Err(bad(what, &name, "sides", format!("{:?} twice", o.sides[0]), "two different sides"));
        }
        let middle = [0, 1].map(|k| 0.5 * (o.ends[0][k] + o.ends[1][k]));
        let sides = [self.side(what, &name, o.sides[0], middle)?, self.side(what, &name, o.sides[1], middle)?];
        let floors = o.sides.iter().flatten().map(|s| self.plan.spaces[s.index()].floor_m);
        let floor = floors.fold(f64::INFINITY, f64::min);
        let d = [0, 1].map(|k| o.ends[1][k] - o.ends[0][k]);
        let drawn = (d[0] * d[0] + d[1] * d[1]).sqrt();
        // Gas uses the whole opening, people what leaf and frame leave of it.
        let width = if drawn > o.clear_width_m && drawn < 3.0 * o.clear_width_m { drawn } else { o.clear_width_m };
        let area = width * (o.head_m - o.sill_m);
        let share = match o.kind {
            OpeningKind::Opening => 1.0,
            OpeningKind::Door => self.options.doors_open.max((DOOR_GAP_M2 / area).min(1.0)),
            OpeningKind::Window => self.options.windows_open.max(WINDOW_GAP),
        };
        let mut vent = Vent::wall(sides[0], sides[1], width, floor + o.sill_m, floor + o.head_m);
        vent.wind_cp = self.wind_cp(o);
        self.builder.vent(&name, vent.opening(&[(0.0, share)]))
    }

    /// Pressure coefficient of an opening to the open air; 0 inside and in calm air.
    fn wind_cp(&self, o: &PlanOpening) -> f64 {
        let Some(wind) = self.options.wind_towards else { return 0.0 };
        let ([Some(inside), None] | [None, Some(inside)]) = o.sides else { return 0.0 };
        let along = [0, 1].map(|k| o.ends[1][k] - o.ends[0][k]);
        let centre = ring_middle(&self.plan.spaces[inside.index()].outline);
        let away = [0, 1].map(|k| 0.5 * (o.ends[0][k] + o.ends[1][k]) - centre[k]);
        let normal = [along[1], -along[0]];
        let side = if normal[0] * away[0] + normal[1] * away[1] < 0.0 { -1.0 } else { 1.0 };
        // Against the wind the face is the windward one.
        let dot = -side * (normal[0] * wind[0] + normal[1] * wind[1]);
        let cross = side * (normal[0] * wind[1] - normal[1] * wind[0]);
        facade_cp(libm::atan2(cross, dot))
    }

    /// One of each kind per zone, as far from a fire as heads may lie.
    fn heads(&self) -> Vec<Detector> {
        let open = |k: &usize| !matches!(self.plan.spaces[*k].use_, SpaceUse::Shaft);
        let zones = (0..self.zones.len()).filter(open).flat_map(|k| self.zones[k].iter().map(move |z| (k, *z)));
        let of = |(k, space): (usize, SpaceId)| {
            let name = label(&self.plan.spaces[k].name, "space", k);
            let head = move |kind: &DetectorKind| Detector {
                name: format!("{name} head"),
                space,
                kind: *kind,
                distance_m: HEAD_REACH_M,
            };
            self.options.heads.iter().map(head)
        };
        zones.flat_map(of).collect()
    }

    fn stair(&mut self, s: &PlanStair) -> Result<VentId, FireError> {
        let name = label(&s.name, "stair", 0);
        let first = s.flights.first().map_or([0.0; 3], |f| f.foot);
        let last = s.flights.last().map_or([0.0; 3], |f| f.head);
        let lower = self.side("stair", &name, Some(s.lower), [first[0], first[1]])?;
        let upper = self.side("stair", &name, Some(s.upper), [last[0], last[1]])?;
        let (a, b) = (&self.plan.spaces[s.lower.index()], &self.plan.spaces[s.upper.index()]);
        let (below, above, higher) = if a.floor_m <= b.floor_m { (lower, upper, b) } else { (upper, lower, a) };
        // The hole over the flights, not more than half of either floor where the stair is a shaft of its own.
        let over: f64 = s.flights.iter().map(|f| f.width_m * f.run_m()).sum();
        let most = 0.5 * a.area_m2().min(b.area_m2());
        let area = if over.is_finite() {
            over.max(0.5).min(most)
        } else {
            return Err(bad("stair", &name, "flights", over, "finite"));
        };
        self.builder.vent(&name, Vent::slab(below, above, area, higher.floor_m))
    }

    /// Joins shafts that stand on each other.
    fn stack_shafts(&mut self) -> Result<(), FireError> {
        let shafts: Vec<usize> =
            (0..self.plan.spaces.len()).filter(|k| self.plan.spaces[*k].use_ == SpaceUse::Shaft).collect();
        for &low in &shafts {
            let a = &self.plan.spaces[low];
            let middle = ring_middle(&a.outline);
            let above = shafts.iter().copied().filter(|k| {
                let b = &self.plan.spaces[*k];
                let gap = b.floor_m - (a.floor_m + a.height_m);
                *k != low && gap.abs() < 1.0 && b.floor_m > a.floor_m && b.contains(middle)
            });
            if let Some(high) =
                above.min_by(|x, y| self.plan.spaces[*x].floor_m.total_cmp(&self.plan.spaces[*y].floor_m))
            {
                let b = &self.plan.spaces[high];
                let area = a.area_m2().min(b.area_m2());
                let ends = [low, high].map(|k| Side::Space(self.zones[k][0]));
                let name = format!("{} up to {}", a.name, b.name);
                self.builder.vent(&name, Vent::slab(ends[0], ends[1], area, b.floor_m))?;
            }
        }
        Ok(())
    }

    fn lift(&mut self, k: usize) -> Result<Vec<SpaceId>, FireError> {
        let lift = &self.plan.lifts[k];
        let name = label(&lift.name, "lift", k);
        // Car area by persons after GB/T 7588.1 (EN 81-20), about 0.2 m² each and 0.4, with room around it.
        let area = 1.4 * (0.2 * f64::from(lift.capacity.clamp(1, 100)) + 0.4);
        let mut shaft: Vec<SpaceId> = Vec::new();
        for (n, stop) in lift.stops.iter().enumerate() {
            let Some(lobby) = self.plan.spaces.get(stop.index()) else {
                return Err(bad("lift", &name, "stops", stop.0, format!("below {}", self.plan.spaces.len())));
            };
            let z = lobby.floor_m;
            let next = lift.stops.get(n + 1).and_then(|s| self.plan.spaces.get(s.index())).map(|s| s.floor_m);
            let height = next.map_or(lobby.height_m, |up| up - z);
            check("lift", &name, "stops (floors must rise)", height, 0.2, 200.0)?;
            let mut zone = Space::new(area, height, z).mixed();
            zone.temperature_c = Some(self.options.indoor_c);
            zone.walls = self.options.slabs.clone();
            let id = self.builder.space(&format!("{name} shaft {n}"), zone)?;
            let lobby_zone = self.side("lift", &name, Some(*stop), ring_middle(&lobby.outline))?;
            let door = LIFT_GAP_M2 / 2.1;
            self.builder
                .vent(&format!("{name} door {n}"), Vent::wall(Side::Space(id), lobby_zone, door, z, z + 2.1))?;
            if let Some(below) = shaft.last() {
                let hole = Vent::slab(Side::Space(*below), Side::Space(id), area, z);
                self.builder.vent(&format!("{name} shaft {n} from below"), hole)?;
            }
            shaft.push(id);
        }
        Ok(shaft)
    }

    /// Leaks to the open air of spaces that touch it: those with a window or a door outside. A quarter of their walls is taken
    /// for façade, for the plan does not say how much is.
    fn leaks(&mut self) -> Result<(), FireError> {
        let mut outer = vec![false; self.plan.spaces.len()];
        for o in self.plan.openings.iter().filter(|o| o.sides.contains(&None)) {
            o.sides.iter().flatten().for_each(|s| outer[s.index()] = true);
        }
        for (k, s) in self.plan.spaces.iter().enumerate().filter(|(k, _)| outer[*k]) {
            let wall = 0.25 * ring_length_m(&s.outline) * s.height_m;
            let area = (leakage_ratio(s.use_) * wall).max(1e-6);
            let zone = self.zones[k][0];
            self.builder.leak(&format!("{} façade", s.name), zone, area)?;
        }
        Ok(())
    }
}

/// Name for messages: the element's own, or its number.
fn label(name: &str, what: &str, k: usize) -> String {
    if name.is_empty() { format!("{what} {k}") } else { name.to_owned() }
}
